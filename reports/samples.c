/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/hist.h"
#include "reports/results.h"

#define SECOND_PS UINT64_C(1000000000000)
#define MS_PS UINT64_C(1000000000)

struct sample_file {
    struct results *results;
    int64_t campaign;
    int64_t run;
    uint32_t next_expectation;
    const char *file;
    bool real; /* A world in real time gives no token. */
};

/* A small fixed generator (Steele and others, splitmix64): samples must be
 * the same on every machine. */
static uint64_t
noise(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t
noise_below(uint64_t *state, uint64_t limit)
{
    return noise(state) % limit;
}

static void
file_begin_in(struct sample_file *f, const char *path, const char *world,
              const char *scenario, const char *about, uint32_t seeds)
{
    char error[RESULTS_ERROR_BYTES] = "";
    struct results_campaign campaign = {
        .scenario = scenario,
        .scenario_file = "scenarios/failover/sample.yaml",
        .about = about,
        .world = world,
        .preset = "ddc-large: 48 NCP, 13 NCF, 2 NCC, 2 NCM",
        .build = "0.1.0 (466d05b, release, gcc 12.2.0)",
        .calibration = "frozen-2026-01",
        .fault_model = "the faults of this timeline",
        .fault_rates = "as scheduled, not field rates",
        .command = "sixnines run scenarios/failover/sample.yaml",
        .begun = "2026-03-01T12:30:05Z",
        .seeds_planned = seeds,
    };

    memset(f, 0, sizeof(*f));
    f->real = strcmp(world, "netns") == 0;
    f->file = "scenarios/failover/sample.yaml";
    CHECK(results_open(path, &f->results, error, sizeof(error)) == 0);
    CHECK(results_campaign_begin(f->results, &campaign, &f->campaign) == 0);
}

static void
file_begin(struct sample_file *f, const char *path, const char *scenario,
           const char *about, uint32_t seeds)
{
    file_begin_in(f, path, "des", scenario, about, seeds);
}

static void
file_end(struct sample_file *f, enum verdict verdict, int exit_code)
{
    char error[RESULTS_ERROR_BYTES] = "";
    struct results_campaign_end end = {RESULTS_COMPLETE, verdict, exit_code};

    CHECK(results_campaign_end(f->results, f->campaign, &end) == 0);
    CHECK(results_finish(f->results, RESULTS_COMPLETE, error, sizeof(error)) ==
          0);
}

static void
run_begin(struct sample_file *f, uint64_t seed, uint32_t boxes, uint32_t ports)
{
    struct results_run run = {.seed = seed,
                              .begun = "2026-03-01T12:30:05Z",
                              .boxes = boxes,
                              .ports = ports,
                              .dual_homed_ports = ports / 2};

    f->next_expectation = 0;
    CHECK(results_run_begin(f->results, f->campaign, &run, &f->run) == 0);
}

static void
run_end(struct sample_file *f, enum verdict verdict, int exit_code,
        uint64_t duration_ps, uint64_t seed)
{
    char digest[40];
    char token[80];
    struct results_run_end end = {
        .state = RESULTS_COMPLETE,
        .verdict = verdict,
        .exit_code = exit_code,
        .duration_ps = duration_ps,
        .boot_ps = 92 * SECOND_PS + 417 * MS_PS,
        .events = 1842377 + seed * 13,
        .wall_ns = UINT64_C(2317000000),
        .digest = digest,
        .replay_token = f->real ? "" : token,
    };

    snprintf(digest, sizeof(digest), "%016llx%016llx",
             (unsigned long long)noise(&(uint64_t){seed}),
             (unsigned long long)noise(&(uint64_t){seed + 77}));
    snprintf(token, sizeof(token), "s9:1:controller-loss:%llu:%.12s",
             (unsigned long long)seed, digest);
    CHECK(results_run_end(f->results, f->run, &end) == 0);
}

static void
expect(struct sample_file *f, enum verdict verdict, const char *text,
       const char *measured, const char *evidence)
{
    struct results_expectation row = {.index = f->next_expectation,
                                      .line = 20 + f->next_expectation,
                                      .file = f->file,
                                      .text = text,
                                      .verdict = verdict,
                                      .measured = measured,
                                      .evidence = evidence};

    f->next_expectation++;
    CHECK(results_add_expectation(f->results, f->run, &row) == 0);
}

static void
event(struct sample_file *f, uint64_t ms, const char *kind, const char *name,
      const char *target, const char *text)
{
    struct results_event row = {ms * MS_PS, kind, name, target, text};

    CHECK(results_add_event(f->results, f->run, &row) == 0);
}

static void
outage(struct sample_file *f, const char *box, int port, uint64_t from_ms,
       uint64_t to_ms, bool planned, bool degraded, const char *cause)
{
    char name[24];
    struct results_outage row = {.port = name,
                                 .box = box,
                                 .from_ps = from_ms * MS_PS,
                                 .to_ps = to_ms * MS_PS,
                                 .planned = planned,
                                 .degraded_only = degraded,
                                 .cause = cause};

    snprintf(name, sizeof(name), "eth-0/0/%d", port);
    CHECK(results_add_outage(f->results, f->run, &row) == 0);
}

static void
metric(struct sample_file *f, const char *name, const char *args, double value,
       const char *unit)
{
    struct results_metric row = {
        .name = name, .args = args, .value = value, .unit = unit};

    CHECK(results_add_metric(f->results, f->run, &row) == 0);
}

static void
oracle(struct sample_file *f, const char *id, const char *title,
       uint64_t exercised, uint64_t violations, const char *first)
{
    struct results_oracle row = {id, title, exercised, violations, first};

    CHECK(results_add_oracle(f->results, f->run, &row) == 0);
}

static void
alarm_row(struct sample_file *f, const char *box, const char *name,
          const char *severity, const char *text, uint64_t raised_ms,
          uint64_t cleared_ms)
{
    struct results_alarm row = {.box = box,
                                .name = name,
                                .severity = severity,
                                .text = text,
                                .raised_ps = raised_ms * MS_PS,
                                .cleared_ps = cleared_ms * MS_PS,
                                .cleared = cleared_ms > 0};

    CHECK(results_add_alarm(f->results, f->run, &row) == 0);
}

static void
load_row(struct sample_file *f, const char *box, const char *role, bool lane,
         const char *name, uint64_t messages)
{
    struct results_load row = {.box = box,
                               .role = role,
                               .kind = lane ? RESULTS_LOAD_LANE
                                            : RESULTS_LOAD_SERVICE,
                               .name = name,
                               .messages = messages,
                               .bytes = messages * 96,
                               .cpu_ns = lane ? 0 : messages * 3100};

    CHECK(results_add_load(f->results, f->run, &row) == 0);
}

static void
box_load(struct sample_file *f, const char *role, int number, uint64_t weight,
         uint64_t *state)
{
    static const char *const lanes[] = {"liveness", "control", "bulk",
                                        "telemetry"};
    static const uint64_t lane_weights[] = {600, 140, 60, 320};
    static const char *const services[] = {
        "cluster", "store",     "raft", "hardware",
        "fabric",  "telemetry", "bus",  "supervisor"};
    char box[16];
    size_t i;

    snprintf(box, sizeof(box), "%s-%d", role, number);
    for (i = 0; i < 4; i++)
        load_row(f, box, role, true, lanes[i],
                 weight * lane_weights[i] + noise_below(state, 900));
    for (i = 0; i < 8; i++)
        load_row(f, box, role, false, services[i],
                 weight * (700 - 80 * i) + noise_below(state, 700));
}

static void
cluster_load(struct sample_file *f)
{
    uint64_t state = 7;
    int i;

    for (i = 0; i < 2; i++)
        box_load(f, "ncc", i, i == 0 ? 3 : 17, &state);
    for (i = 0; i < 48; i++)
        box_load(f, "ncp", i, 2, &state);
    for (i = 0; i < 13; i++)
        box_load(f, "ncf", i, 1, &state);
    for (i = 0; i < 2; i++)
        box_load(f, "ncm", i, 4, &state);
}

static void
oracles_calm(struct sample_file *f, bool idle)
{
    oracle(f, "O2",
           "Acknowledged means it survives any crash within the "
           "budget",
           214, 0, "");
    oracle(f, "O3", "In one term only one controller's writes are accepted",
           48211, 0, "");
    oracle(f, "O8", "Module numbers are unique, stable, never reused early",
           1842, 0, "");
    oracle(f, "O11", "Pools, sessions and files are back to baseline", 65, 0,
           "");
    oracle(f, "O12", "Queues, memory and step cost stay in their bounds",
           1842377, 0, "");
    oracle(f, "O13", "The cluster converges after healing", idle ? 0 : 1, 0,
           "");
    oracle(f, "O14", "Active and standby digests are equal at equal index",
           9120, 0, "");
}

void
samples_quiet(const char *path)
{
    struct sample_file f;

    file_begin(&f, path, "controller-loss",
               "Pull the active controller; forwarding must not notice.", 1);
    run_begin(&f, 1, 65, 1920);
    event(&f, 0, "phase", "converged", "", "the cluster is up");
    event(&f, 10000, "fault", "box.power-loss", "ncc-0",
          "pull: the active controller loses power");
    event(&f, 10243, "state", "raft.leader", "ncc-1", "elected in term 4");
    event(&f, 10251, "state", "role.active", "ncc-1", "lease granted, term 4");
    event(&f, 40000, "action", "box.power-on", "ncc-0", "power restored");
    event(&f, 58210, "state", "member.joined", "ncc-0",
          "joined as standby, number kept");
    event(&f, 60000, "phase", "end", "", "the scenario ends");
    expect(&f, VERDICT_PASS, "ports.outage(unplanned) == 0s", "0 s",
           "1,920 ports watched for 60 s, no interval in the ledger");
    expect(&f, VERDICT_PASS, "switchover.write-outage(pull) < 2s", "251 ms",
           "last write accepted at 9.998 s, next at 10.249 s");
    expect(&f, VERDICT_PASS, "modules.renumbered == 0", "0", "");
    expect(&f, VERDICT_PASS, "cluster.controllers.active == 1", "1",
           "true from 10.251 s, asked within 5 s of 'pull'");
    expect(&f, VERDICT_NOT_APPLICABLE,
           "p99(switchover.write-outage(pull)) < 1s", "",
           "over seeds; this is a single run");
    metric(&f, "ports.outage", "unplanned", 0, "s");
    metric(&f, "switchover.write-outage", "pull", 0.251, "s");
    metric(&f, "modules.renumbered", "", 0, "count");
    alarm_row(&f, "ncc-1", "controller.redundancy-lost", "major",
              "no standby controller", 10251, 58210);
    oracles_calm(&f, false);
    cluster_load(&f);
    run_end(&f, VERDICT_PASS, 0, 60 * SECOND_PS, 1);
    file_end(&f, VERDICT_PASS, 0);
}

static void
failing_outages(struct sample_file *f)
{
    int i;

    for (i = 0; i < 12; i++)
        outage(f, "ncp-7", i, 12000, 27340, false, false,
               "box.power-loss 'pull' of ncp-7");
    for (i = 0; i < 4; i++)
        outage(f, "ncp-12", i, 30000, 36000, true, false,
               "drain ordered by an operator");
    outage(f, "ncp-3", 8, 20110, 20180, false, false,
           "fabric unreachable: ncf-2 lost while ncf-3 was drained");
    outage(f, "ncp-3", 9, 20110, 20180, false, false,
           "fabric unreachable: ncf-2 lost while ncf-3 was drained");
    outage(f, "ncp-20", 1, 20000, 52000, false, true,
           "fabric capacity below nominal: ncf-2 lost");
}

void
samples_failing(const char *path)
{
    struct results_not_applicable row = {"fault box.bmc-hang on ncm-1",
                                         "this world models no BMC"};
    struct sample_file f;

    file_begin(&f, path, "card-and-fabric-loss",
               "Lose a line card and a fabric box together.", 1);
    run_begin(&f, 42, 65, 1920);
    event(&f, 0, "phase", "converged", "", "the cluster is up");
    event(&f, 12000, "fault", "box.power-loss", "ncp-7", "pull");
    event(&f, 20000, "fault", "box.power-loss", "ncf-2", "fabric");
    event(&f, 20050, "fault", "link.flap", "ncp-3:fab-4", "20 per second");
    event(&f, 20180, "state", "fabric.rerouted", "ncp-3", "");
    event(&f, 27000, "action", "box.power-on", "ncp-7", "");
    event(&f, 30000, "action", "drain", "ncp-12", "");
    event(&f, 36000, "action", "undrain", "ncp-12", "");
    event(&f, 52000, "action", "box.power-on", "ncf-2", "");
    event(&f, 60000, "phase", "end", "", "");
    expect(&f, VERDICT_FAIL, "ports.outage(unplanned) == 0s", "184.2 s",
           "14 ports: ncp-7 eth-0/0/0..11 from 12 s for 15.34 s\n"
           "ncp-3 eth-0/0/8, eth-0/0/9 from 20.11 s for 70 ms");
    expect(&f, VERDICT_PASS, "modules.renumbered == 0", "0", "");
    expect(&f, VERDICT_INCONCLUSIVE, "cluster.converged within 5s", "",
           "the run ended 3 s after the last fault healed");
    expect(&f, VERDICT_NOT_APPLICABLE, "bmc.reachable(ncm-1)", "",
           "this world models no BMC");
    failing_outages(&f);
    CHECK(results_add_not_applicable(f.results, f.run, &row) == 0);
    oracles_calm(&f, true);
    oracle(&f, "O5", "No black hole longer than the stated time", 381, 2,
           "ncp-3 eth-0/0/8 at 20.111 s: no fabric path to ncp-19");
    alarm_row(&f, "ncp-7", "box.lost", "critical", "no heartbeat on A and B",
              12310, 27340);
    alarm_row(&f, "ncf-2", "box.lost", "critical", "no heartbeat", 20310, 0);
    metric(&f, "ports.outage", "unplanned", 184.22, "s");
    cluster_load(&f);
    run_end(&f, VERDICT_FAIL, 1, 60 * SECOND_PS, 42);
    file_end(&f, VERDICT_FAIL, 1);
}

static void
seed_run(struct sample_file *f, uint64_t seed, uint64_t *state)
{
    /* A sum of draws leans to the middle, with a tail. */
    uint64_t ms = 150 + noise_below(state, 90) + noise_below(state, 90) +
                  noise_below(state, 40) * noise_below(state, 10);
    bool bad = seed == 117;
    char measured[32];

    run_begin(f, seed, 65, 1920);
    event(f, 0, "phase", "converged", "", "");
    event(f, 10000, "fault", "box.power-loss", "ncc-0", "pull");
    event(f, 10000 + ms, "state", "role.active", "ncc-1", "");
    event(f, 60000, "phase", "end", "", "");
    if (bad)
        outage(f, "ncp-31", 4, 10020, 10190, false, false,
               "card waited for a leader before it rerouted");
    expect(f, bad ? VERDICT_FAIL : VERDICT_PASS,
           "ports.outage(unplanned) == 0s", bad ? "170 ms" : "0 s",
           bad ? "ncp-31 eth-0/0/4 from 10.02 s" : "");
    snprintf(measured, sizeof(measured), "%llu ms", (unsigned long long)ms);
    expect(f, VERDICT_PASS, "switchover.write-outage(pull) < 2s", measured,
           "");
    metric(f, "switchover.write-outage", "pull", (double)ms / 1e3, "s");
    metric(f, "boot.duration", "", 90 + (double)noise_below(state, 5000) / 1e3,
           "s");
    metric(f, "modules.renumbered", "", 0, "count");
    oracles_calm(f, false);
    if (bad || seed == 1)
        cluster_load(f);
    run_end(f, bad ? VERDICT_FAIL : VERDICT_PASS, bad, 60 * SECOND_PS, seed);
}

void
samples_seeds(const char *path)
{
    struct results_expectation over = {
        .index = 2,
        .line = 24,
        .file = "scenarios/failover/sample.yaml",
        .text = "p99(switchover.write-outage(pull)) < 1s",
        .verdict = VERDICT_INCONCLUSIVE,
        .measured = "at least 556 ms",
        .evidence = "200 seeds; p99 at 95 % needs 299",
        .metric = "switchover.write-outage",
        .metric_args = "pull",
        .has_limit = true,
        .limit = 1.0,
    };
    struct sample_file f;
    uint64_t state = 1;
    uint64_t seed;

    file_begin(&f, path, "controller-loss",
               "Pull the active controller; forwarding must not notice.", 200);
    for (seed = 1; seed <= 200; seed++)
        seed_run(&f, seed, &state);
    CHECK(results_add_seeds_expectation(f.results, f.campaign, &over) == 0);
    file_end(&f, VERDICT_FAIL, 1);
}

/* Latencies from 'base_ps' on that fall off by 'keep' (of 1,000) a step; the
 * last packet alone. */
static struct hist *
tail(uint64_t base_ps, uint64_t step_ps, uint64_t keep, uint64_t packets)
{
    struct hist *hist = hist_init(calloc(1, hist_size_bytes(7)), 7);
    uint64_t rest = packets;

    for (uint64_t i = 0; rest > 0; i++) {
        uint64_t beyond = rest * keep / 1000;

        hist_add(hist, base_ps + i * step_ps, rest - beyond);
        rest = beyond;
    }
    return hist;
}

static void
latency_row(struct sample_file *f, const char *flow, const char *stage,
            uint64_t base_ps, uint64_t step_ps, uint64_t packets)
{
    struct hist *hist = tail(base_ps, step_ps, 950, packets);

    CHECK(results_add_latency(f->results, f->run, flow, stage, hist) == 0);
    free(hist);
}

static void
flow_latency(struct sample_file *f, const char *flow, uint64_t weight,
             uint64_t packets)
{
    static const struct {
        const char *stage;
        uint64_t base_ps;
        uint64_t step_ps;
    } stages[] = {{"ingress queue", 60000, 14000},
                  {"credit wait", 700000, 9000},
                  {"fabric", 1100000, 6000},
                  {"reassembly", 120000, 5000},
                  {"egress", 280000, 16000}};

    latency_row(f, flow, RESULTS_STAGE_TOTAL, 2260000, 50000 * weight,
                packets);
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        latency_row(f, flow, stages[i].stage, stages[i].base_ps,
                    stages[i].step_ps * weight, packets);
}

static void
flow_rows(struct sample_file *f, const char *flow, uint64_t delivered,
          uint64_t lost)
{
    const struct results_throughput row = {
        .flow = flow,
        .offered_packets = delivered + lost + 40,
        .offered_bytes = (delivered + lost + 40) * 362,
        .delivered_packets = delivered,
        .delivered_bytes = delivered * 362,
        .queued_packets = 40,
        .queued_bytes = 40 * 362,
        .duration_ps = 2 * MS_PS};
    const struct results_loss losses[] = {
        {flow, "fabric link dead", lost - lost / 4, (lost - lost / 4) * 362},
        {flow, "reassembly timeout", lost / 4, lost / 4 * 362}};

    CHECK(results_add_throughput(f->results, f->run, &row) == 0);
    for (size_t i = 0; i < 2; i++)
        CHECK(results_add_loss(f->results, f->run, &losses[i]) == 0);
}

static void
search_rows(struct sample_file *f, uint64_t seed)
{
    static const uint32_t sizes[] = {64, 128, 256, 512, 1024, 1280, 1518};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct results_search_load loads[] = {
            {0, 1, 4200000 + i * 9000, 4200000 + i * 9000, 4200000 + i * 9000},
            {500000, 9000, 4250000, 5100000, 6900000},
            {900000, 16000, 4300000, 6200000 + seed, 11900000}};
        const struct results_search rate = {
            .frame_bytes = sizes[i],
            .level = i == 2 ? 871000 + (uint32_t)seed * 1000 : 1000000,
            .resolution_ppm = 1000,
            .trials = i == 2 ? 11 : 1,
            .trial_ps = MS_PS,
            .port_bps = UINT64_C(100000000000),
            .loads = loads,
            .load_count = 3};
        const struct results_search burst = {.frame_bytes = sizes[i],
                                             .is_burst = true,
                                             .level = 52001 - (uint32_t)i,
                                             .trials = 7,
                                             .port_bps =
                                                 UINT64_C(100000000000)};

        CHECK(results_add_search(f->results, f->run, &rate) == 0);
        if (i == 0)
            CHECK(results_add_search(f->results, f->run, &burst) == 0);
    }
}

void
samples_packets(const char *path)
{
    struct sample_file f;

    file_begin(&f, path, "one-terabit",
               "1 Tb/s through a small cluster while a fabric box dies.", 6);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run_begin(&f, seed, 10, 160);
        event(&f, 0, "phase", "converged", "", "");
        event(&f, 1, "fault", "box.power-loss", "ncf-1", "pull");
        expect(&f, VERDICT_PASS, "latency(p99.9999) < 20us", "16.2 us", "");
        flow_latency(&f, "before", 2 + seed % 2, 690000 + seed);
        flow_rows(&f, "before", 690000 + seed, 0);
        flow_latency(&f, "fabric box lost", 4, 690000);
        flow_rows(&f, "fabric box lost", 690000, 212);
        latency_row(&f, "background", RESULTS_STAGE_TOTAL, 3000000, 90000,
                    400);
        flow_rows(&f, "background", 400, 0);
        search_rows(&f, seed);
        latency_row(&f, "nobody", RESULTS_STAGE_TOTAL, 0, 0, 0);
        oracles_calm(&f, true);
        run_end(&f, VERDICT_PASS, 0, 2 * MS_PS, seed);
    }
    file_end(&f, VERDICT_PASS, 0);
}

void
samples_nothing(const char *path)
{
    struct sample_file f;

    file_begin(&f, path, "nothing", "", 1);
    run_begin(&f, 3, 9, 0);
    run_end(&f, VERDICT_INCONCLUSIVE, 2, 0, 3);
    file_end(&f, VERDICT_INCONCLUSIVE, 2);
}

void
samples_hostile(const char *path)
{
    static const char bad[] = "<script>alert(1)</script>\"'&\x01\xff\xc0\xaf"
                              "`id`'; system('id') ]]> %s%n \\";
    struct results_not_applicable row = {bad, bad};
    struct sample_file f;
    int i;

    file_begin(&f, path, bad, bad, 1);
    f.file = bad;
    run_begin(&f, UINT64_MAX, 4, 8);
    for (i = 0; i < 6; i++)
        event(&f, (uint64_t)i * 1000, i % 2 == 0 ? bad : "fault", bad, bad,
              bad);
    expect(&f, VERDICT_FAIL, bad, bad, bad);
    expect(&f, VERDICT_PASS,
           "a.metric.whose.name.is.so.long.that.no.phone.could.ever.show.it."
           "on.one.line(and.its.argument.too) == 0",
           "0", "");
    outage(&f, bad, 1, 1000, 2000, false, false, bad);
    oracle(&f, bad, bad, 1, 1, bad);
    alarm_row(&f, bad, bad, bad, bad, 5, 0);
    metric(&f, bad, bad, 1, bad);
    load_row(&f, bad, bad, true, bad, 100);
    load_row(&f, bad, bad, false, bad, 100);
    latency_row(&f, bad, RESULTS_STAGE_TOTAL, 1, 1, 100);
    latency_row(&f, bad, bad, 0, 0, 100);
    flow_rows(&f, bad, 1, 100);
    CHECK(results_add_not_applicable(f.results, f.run, &row) == 0);
    run_end(&f, VERDICT_FAIL, 1, 6 * SECOND_PS, 9);
    file_end(&f, VERDICT_FAIL, 1);
}

void
samples_interrupted(const char *path)
{
    char error[RESULTS_ERROR_BYTES] = "";
    struct sample_file f;
    uint64_t state = 1;

    file_begin(&f, path, "controller-loss", "Pull the active controller.", 3);
    seed_run(&f, 1, &state);
    run_begin(&f, 2, 65, 1920);
    event(&f, 10000, "fault", "box.power-loss", "ncc-0", "pull");
    CHECK(results_finish(f.results, RESULTS_INTERRUPTED, error,
                         sizeof(error)) == 0);
}

void
samples_soak(const char *path)
{
    struct sample_file f;
    uint64_t state = 99;
    uint64_t at = 0;
    char box[16];
    int i;

    file_begin(&f, path, "one-day",
               "Random faults at 1,000 times field rates for a day.", 1);
    run_begin(&f, 5, 65, 1920);
    for (i = 0; i < 5000; i++) {
        uint64_t length = 20 + noise_below(&state, 4000);

        at += 1 + noise_below(&state, 30000);
        snprintf(box, sizeof(box), "ncp-%d", (int)noise_below(&state, 48));
        event(&f, at, i % 3 == 0 ? "action" : "fault",
              i % 3 == 0 ? "box.power-on" : "box.restart", box, "");
        outage(&f, box, (int)noise_below(&state, 40), at, at + length,
               i % 10 == 0, false, "box.restart");
    }
    expect(&f, VERDICT_PASS, "cluster.converged", "true", "");
    oracles_calm(&f, false);
    cluster_load(&f);
    run_end(&f, VERDICT_PASS, 0, 86400 * SECOND_PS, 5);
    file_end(&f, VERDICT_PASS, 0);
}

static int64_t
compared_campaign(const char *path, const char *world, unsigned runs,
                  enum verdict verdict)
{
    struct sample_file f;

    file_begin_in(&f, path, world, "compared", "Two worlds.", runs);
    for (unsigned i = 1; i <= runs; i++) {
        enum verdict now = i < runs ? VERDICT_PASS : verdict;
        bool good = now != VERDICT_FAIL;

        run_begin(&f, i, 10, 160);
        expect(&f, now, "writes.lost == 0", good ? "0" : "3",
               good ? "writes.lost == 0: measured 0"
                    : "writes.lost == 0: measured 3");
        metric(&f, "switchover.write-outage", "pull", 0.25 + 0.01 * (double)i,
               "s");
        run_end(&f, now, verdict_exit_code(now), 60 * SECOND_PS, i);
    }
    file_end(&f, verdict, verdict_exit_code(verdict));
    return f.campaign;
}

void
samples_compared_as(const char *path, enum verdict des, enum verdict netns,
                    bool inside)
{
    struct results_comparison rows[] = {
        {.metric = "switchover.write-outage",
         .args = "pull",
         .unit = "s",
         .sides = {{20, 0.25, 0.17, 0.29, true}, {2, 0.5, 0.4, 0.6, false}},
         .has_difference = true,
         .difference = 1,
         .bound = inside ? 1.5 : 0.5,
         .stated = true,
         .state = inside ? "inside" : "outside",
         .stage = "elect: 1ms, 250ms"},
        {.metric = "join.time",
         .unit = "s",
         .sides = {{20, 0.2, 0.1, 0.3, true}},
         .bound = 0.2,
         .state = "no value"},
        {.metric = "switchover.elect",
         .args = "pull",
         .unit = "s",
         .sides = {{20, 0.001, 0.001, 0.002, true},
                   {2, 0.25, 0.2, 0.3, false}},
         .has_difference = true,
         .difference = 249,
         .state = "stage"},
    };
    int64_t first = compared_campaign(path, "des", 20, des);
    int64_t second = compared_campaign(path, "netns", 2, netns);
    char error[RESULTS_ERROR_BYTES] = "";
    struct results *results;

    CHECK(results_open(path, &results, error, sizeof(error)) == 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK(results_add_comparison(results, first, second, &rows[i]) == 0);
    CHECK(results_finish(results, RESULTS_COMPLETE, error, sizeof(error)) ==
          0);
}

/* The first fails, what lies between them is as stated. */
void
samples_compared(const char *path)
{
    samples_compared_as(path, VERDICT_FAIL, VERDICT_PASS, true);
}
