/* SPDX-License-Identifier: Apache-2.0
 *
 * A hostile peer on the management network of four real daemons, while an
 * operator writes.  Neither may a daemon fall, nor writes stall, nor memory
 * grow, nor a stranger come in unseen.
 *
 * usage: hostile_peer REFNOSD [SEED]
 * exit:  0 passed, 1 failed, 64 usage, 77 this machine cannot
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "reference-nos/linux/ports/ports.h"
#include "reference-nos/linux/secure/secure.h"
#include "tests/hostile/attacks.h"
#include "tests/hostile/news.h"
#include "tests/hostile/pen.h"

#define EXIT_INCONCLUSIVE 77
#define BOOT_LIMIT_MS 20000u
#define RETURN_LIMIT_MS 30000u

struct stage {
    const char *name;
    bool (*run)(struct attacker *attacker);
};

struct run {
    struct lab lab;
    struct pen pen;
    struct attacker attacker;
    uint64_t memory_kib[LAB_BOXES];
    uint64_t incarnations[LAB_BOXES];
    bool good;
};

/* Says what is wrong, once per thing. */
static void PRINTF_LIKE(3, 4)
    expect(struct run *run, bool good, const char *format, ...)
{
    va_list args;

    if (good)
        return;
    run->good = false;
    (void)fputs("WRONG: ", stdout);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}

static bool
card_is_in(void *arg)
{
    const struct run *run = arg;

    return lab_ask(&run->lab, LAB_CARD, "peers", "plane_a") == LAB_BOXES - 1;
}

static bool
boot(struct run *run)
{
    return pen_start(&run->pen, &run->lab) &&
           pen_await(&run->pen, 10, BOOT_LIMIT_MS) &&
           news_await(run->lab.news, card_is_in, run, BOOT_LIMIT_MS);
}

static void
look_before(struct run *run)
{
    for (unsigned i = 0; i < LAB_BOXES; i++) {
        run->memory_kib[i] = lab_memory_kib(&run->lab, i);
        run->incarnations[i] = lab_ask(&run->lab, i, "box", "incarnation");
    }
}

static void
one_stage(struct run *run, const struct stage *stage)
{
    uint64_t before = pen_count(&run->pen);
    uint64_t from_ns = lab_now_ns(), took_ms, longest_ms, writes;

    (void)pen_longest_ns(&run->pen);
    run->attacker.tap.sent = 0;
    expect(run, stage->run(&run->attacker), "%s: could not be done",
           stage->name);
    took_ms = (lab_now_ns() - from_ns) / 1000000;
    longest_ms = pen_longest_ns(&run->pen) / 1000000;
    writes = pen_count(&run->pen) - before;
    printf("%-28s %5" PRIu64 " ms  %7" PRIu64 " datagrams  %5" PRIu64
           " writes  longest stall %4" PRIu64 " ms\n",
           stage->name, took_ms, run->attacker.tap.sent, writes, longest_ms);
    (void)fflush(stdout);
    expect(run, longest_ms <= HOSTILE_STALL_MAX_MS, "%s: writes stalled",
           stage->name);
    expect(run, writes > 0, "%s: nothing was written", stage->name);
    for (unsigned i = 0; i < LAB_BOXES; i++)
        expect(run, lab_lives(&run->lab, i), "%s: %s is dead", stage->name,
               run->lab.boxes[i].name);
}

static bool
calm(struct attacker *attacker)
{
    return pen_await(attacker->pen, pen_count(attacker->pen) + ATTACK_WRITES,
                     BOOT_LIMIT_MS);
}

/* A box must come in while half-open handshakes stand in the door. */
static bool
half_open_and_return(struct attacker *attacker)
{
    struct run *run = CONTAINER_OF(attacker, struct run, attacker);
    bool good = attack_half_open_begin(attacker);
    uint64_t from_ns, took_ms = 0;
    bool in = false;

    lab_kill(&run->lab, LAB_CARD);
    from_ns = lab_now_ns();
    good = lab_start(&run->lab, LAB_CARD) && good;
    run->incarnations[LAB_CARD]++;
    while (!in && took_ms < RETURN_LIMIT_MS) {
        good = attack_half_open_again(attacker) && good;
        in = card_is_in(run);
        took_ms = (lab_now_ns() - from_ns) / 1000000;
    }
    printf("ncp-0 came back in the midst of it: %s after %" PRIu64 " ms\n",
           in ? "in" : "not", took_ms);
    attack_half_open_end(attacker);
    return good && in && attacker_hears_card_move(attacker);
}

static void
stages_run(struct run *run)
{
    static const struct stage stages[] = {
        {"calm", calm},
        {"random bytes", attack_random},
        {"captured, changed, spoofed", attack_captured},
        {"forged beacons", attack_beacons},
        {"flood", attack_flood},
        {"half-open handshakes", half_open_and_return},
        {"wrong certificates", attack_certificates},
        {"stolen identities", attack_stolen},
        {"fabric port", attack_fabric},
        {"operators' socket", attack_socket},
        {"calm again", calm},
    };

    for (size_t i = 0; i < ARRAY_COUNT(stages) && run->good; i++)
        one_stage(run, &stages[i]);
}

static uint64_t
total(const struct run *run, const char *field)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < LAB_BOXES; i++)
        value += lab_ask(&run->lab, i, "peers", field);
    return value;
}

static void
look_at_log(struct run *run, const char *text)
{
    unsigned count = 0;

    for (unsigned i = 0; i < LAB_BOXES; i++)
        count += lab_log_count(&run->lab, i, text);
    printf("log: \"%s\" %u times\n", text, count);
    expect(run, count > 0, "no log says \"%s\"", text);
}

static void
look_at_box(struct run *run, unsigned place)
{
    const char *name = run->lab.boxes[place].name;
    uint64_t kib = lab_memory_kib(&run->lab, place);
    uint64_t incarnation = lab_ask(&run->lab, place, "box", "incarnation");

    printf("%s: %" PRIu64 " KiB before, %" PRIu64 " KiB after\n", name,
           run->memory_kib[place], kib);
    expect(run, kib <= run->memory_kib[place] + HOSTILE_MEMORY_GROWTH_MAX_KIB,
           "%s grew", name);
    expect(run, incarnation == run->incarnations[place],
           "%s restarted: incarnation %" PRIu64 ", expected %" PRIu64, name,
           incarnation, run->incarnations[place]);
    expect(run, lab_ask(&run->lab, place, "peers", "plane_a") == LAB_BOXES - 1,
           "%s does not have its %u peers", name, LAB_BOXES - 1);
}

static void
look_after(struct run *run)
{
    uint64_t written, read;

    for (unsigned i = 0; i < LAB_BOXES; i++)
        look_at_box(run, i);
    look_at_log(run, "another cluster");
    look_at_log(run, "unable to get local issuer certificate");
    look_at_log(run, "certificate has expired");
    look_at_log(run, "certificate revoked");
    look_at_log(run, "which is refused"); /* the second box with a key */
    printf("refused: %" PRIu64 " certificates, %" PRIu64
           " for want of room; %" PRIu64 " malformed\n",
           total(run, "refused_certificate"), total(run, "refused_bound"),
           total(run, "malformed"));
    expect(run, total(run, "refused_bound") > 0, "no bound was met");
    pen_stop(&run->pen);
    written = pen_count(&run->pen);
    read = pen_read_back(&run->lab);
    printf("writes: %" PRIu64 " acknowledged, %" PRIu64 " read back\n",
           written, read);
    expect(run, read != UINT64_MAX && read >= written,
           "an acknowledged write is lost");
}

static void
attack(struct run *run, uint64_t seed)
{
    if (!boot(run)) {
        expect(run, false, "the cluster did not come up");
        return;
    }
    if (!attacker_open(&run->attacker, &run->lab, &run->pen, seed)) {
        expect(run, false, "the attacker does not hear the cluster");
        return;
    }
    look_before(run);
    stages_run(run);
    if (run->good)
        look_after(run);
    attacker_close(&run->attacker);
}

int
main(int argc, char **argv)
{
    static struct run run = {.good = true};
    struct rlimit files = {4096, 4096};
    char message[256] = "";
    int code;

    if (argc < 2 || argc > 3) {
        (void)fputs("usage: hostile_peer REFNOSD [SEED]\n", stderr);
        return 64;
    }
    (void)setrlimit(RLIMIT_NOFILE, &files);
    code = lab_open(&run.lab, argv[1], message, sizeof(message));
    if (code == 0) {
        attack(&run, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        code = run.good ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    pen_stop(&run.pen);
    if (getenv("HOSTILE_KEEP") == NULL)
        lab_close(&run.lab);
    if (code == EXIT_INCONCLUSIVE)
        printf("INCONCLUSIVE: %s\n", message);
    else
        printf("%s%s%s\n", code == 0 ? "PASS" : "FAIL",
               message[0] == '\0' ? "" : ": ", message);
    return code;
}
