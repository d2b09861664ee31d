/* SPDX-License-Identifier: Apache-2.0
 *
 * What the hostile peer does; false: it could not be done, or it succeeded.
 * An attack is a number of attempts, not a span: it ends when they are made
 * and the writer has been served ATTACK_WRITES times in their midst.
 */
#ifndef TESTS_HOSTILE_ATTACKS_H
#define TESTS_HOSTILE_ATTACKS_H

#include "tests/hostile/lab.h"
#include "tests/hostile/pen.h"
#include "tests/hostile/shake.h"
#include "tests/hostile/tap.h"

#define ATTACK_HALF_OPEN 400u
#define ATTACK_WRITES 200u

struct attacker {
    struct lab *lab;
    const struct pen *pen;
    struct tap tap;
    struct shake *half_open[ATTACK_HALF_OPEN];
};

/* Listens until it knows every box of the cluster. */
bool attacker_open(struct attacker *attacker, struct lab *lab,
                   const struct pen *pen, uint64_t seed);
/* Until the line card's beacon comes from elsewhere than before. */
bool attacker_hears_card_move(struct attacker *attacker);
void attacker_close(struct attacker *attacker);

bool attack_random(struct attacker *attacker);
/* What was heard: as it was, changed, cut, from other addresses. */
bool attack_captured(struct attacker *attacker);
bool attack_beacons(struct attacker *attacker);
bool attack_flood(struct attacker *attacker);
/* Hellos without cookies from hundreds of addresses, then ATTACK_HALF_OPEN
 * handshakes that stop after the cookie, which many get. */
bool attack_half_open_begin(struct attacker *attacker);
bool attack_half_open_again(struct attacker *attacker);
void attack_half_open_end(struct attacker *attacker);
/* Of another authority, expired, revoked, none: none may be taken in. */
bool attack_certificates(struct attacker *attacker);
/* Second boxes with the identities of a voter and of a line card. */
bool attack_stolen(struct attacker *attacker);
bool attack_fabric(struct attacker *attacker);
bool attack_socket(struct attacker *attacker);

#endif
