/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs of the `sixnines` program, one function each.
 *
 * 'argv[0]' is the verb.  Data goes to stdout, progress and errors to stderr;
 * the result is the exit code of the program.
 */
#ifndef SIM_CLI_CMD_H
#define SIM_CLI_CMD_H

int cmd_bench(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_describe(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_validate(int argc, char **argv);

#endif
