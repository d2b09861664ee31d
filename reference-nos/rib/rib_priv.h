/* SPDX-License-Identifier: Apache-2.0
 *
 * The rib service as one object: CONF comes in (rib.c), streams go out
 * (cards.c).
 */
#ifndef NOS_RIB_RIB_PRIV_H
#define NOS_RIB_RIB_PRIV_H

#include "reference-nos/rib/rib.h"
#include "reference-nos/rib/routes.h"
#include "reference-nos/schema/store_msg.h"
#include "reference-nos/store/stream.h"

#define RIB_CHUNK_BYTES 8192u

enum rib_timer {
    TIMER_LEAVE,  /* withdrawals are due */
    TIMER_STREAM, /* a card has been silent for long */
    TIMER_WATCH,  /* the store was down */
    TIMER_AUDIT   /* some card does not answer */
};

/* A card that is to have the table. */
struct card {
    uint64_t box; /* 0: no card */
    uint32_t generation;
    bool offering;    /* waits for what it says to the offer */
    bool offer_due;   /* the offer is still to be sent */
    bool lost;        /* its session went down, or it was silent too long */
    uint64_t sent_ns; /* the latest offer */
    struct stream_out out;
};

/* Modules, and this box itself when it stands alone. */
#define CARD_SELF FWD_MODULES_MAX
#define CARDS_MAX (FWD_MODULES_MAX + 1)

/* An operator's question to a card. */
#define QUESTIONS_MAX 16u
struct question {
    uint64_t id; /* 0: free */
    uint64_t token;
};

/* What a card said when all were asked. */
struct audited {
    bool asked, heard;
    struct fib_tell said;
};

struct rib_service {
    struct actor *self;
    struct rib *rib;
    bool synced;         /* a snapshot of CONF was told whole */
    bool ready;          /* and all that follows from it was worked out */
    uint64_t term;       /* that this box leads; 0: none */
    uint64_t index;      /* CONF is as of it */
    uint64_t runs;       /* of streams, last given */
    uint32_t generation; /* of the snapshot of modules */
    uint64_t leave_ns;   /* TIMER_LEAVE is set to it */
    uint64_t stream_ns;  /* TIMER_STREAM is set to it */
    bool cards_dirty;    /* some card may have something to be sent */
    uint64_t cards_rows; /* stamp up to which all were served */
    unsigned turn;       /* the card to be served first */
    struct card cards[CARDS_MAX];
    uint8_t chunk[RIB_CHUNK_BYTES];

    /* show.c */
    uint64_t asked; /* id of the latest question */
    unsigned question_turn;
    struct question questions[QUESTIONS_MAX];
    uint64_t audit_id; /* 0: none runs */
    uint64_t audit_token;
    unsigned audit_left;
    struct audited audited[CARDS_MAX];
};

/* cards.c */
void cards_set(struct rib_service *service, unsigned place, uint64_t box);
/* After a snapshot of modules: those not shown are gone. */
void cards_sweep(struct rib_service *service);
/* This controller leads in a new term, or no longer (service->term). */
void cards_role(struct rib_service *service);
void cards_session(struct rib_service *service, uint64_t box, bool up);
void cards_message(struct rib_service *service,
                   const struct actor_message *message);
/* Sends what there is to send; false when the quantum ended before. */
bool cards_pump(struct rib_service *service);
void cards_timer(struct rib_service *service);

/* show.c */
void show_request(struct rib_service *service,
                  const struct actor_message *message);
/* The card at 'place' answers. */
void show_told(struct rib_service *service, unsigned place,
               const struct actor_message *message);
void show_timer(struct rib_service *service);

#endif
