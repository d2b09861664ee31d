/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of a recording: 8 bytes of magic, u32 format, then steps:
 * u32 size, that many bytes of a tape, u32 checksum32 of them; in network
 * byte order.
 */
#ifndef NOS_LINUX_RECORD_RECORD_PRIV_H
#define NOS_LINUX_RECORD_RECORD_PRIV_H

#define RECORD_MAGIC "S9RECORD"
#define RECORD_MAGIC_BYTES 8u
#define RECORD_HEAD_BYTES 12u
#define RECORD_CHECK_SEED 0x7265636fu
/* A step larger than this is damage. */
#define RECORD_STEP_MAX (64u * 1024u * 1024u)

#endif
