-- SPDX-License-Identifier: Apache-2.0
--
-- results.db, version 3 (PRAGMA user_version; PRAGMA application_id is
-- 0x53397273).  Times are simulated picoseconds from t = 0 of the scenario.
-- Verdicts are PASS, FAIL, INCONCLUSIVE, NOT-APPLICABLE, or NONE while open.
-- States are running (also what a killed program leaves), complete,
-- interrupted.  A missing text is the empty string, never NULL.
-- Indexes on 'run' are added when a campaign ends.
-- A reader accepts files of its own version and older ones.  Version 1 ended
-- before table comparison, version 2 before table latency: what is new stands
-- last.

-- One call of the program: one seed or many over one scenario.
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY,
    scenario TEXT NOT NULL,       -- name of the scenario
    scenario_file TEXT NOT NULL,  -- path as the user gave it
    about TEXT NOT NULL,          -- one line from the scenario
    world TEXT NOT NULL,          -- des, ns3, netns, mininet, hardware
    preset TEXT NOT NULL,         -- size of the cluster
    build TEXT NOT NULL,          -- version and commit of the program
    calibration TEXT NOT NULL,    -- CPU cost file used
    fault_model TEXT NOT NULL,    -- what may break
    fault_rates TEXT NOT NULL,    -- how often
    command TEXT NOT NULL,        -- command line
    begun TEXT NOT NULL,          -- wall time as given by the caller
    seeds_planned INTEGER NOT NULL,
    state TEXT NOT NULL,
    verdict TEXT NOT NULL,        -- over all runs and seed expectations
    exit_code INTEGER             -- NULL while running
);

-- One seed.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL REFERENCES campaign(id),
    seed TEXT NOT NULL,           -- unsigned 64 bits, decimal
    begun TEXT NOT NULL,
    boxes INTEGER NOT NULL,
    ports INTEGER NOT NULL,       -- ports the outage ledger judges
    dual_homed_ports INTEGER NOT NULL,
    state TEXT NOT NULL,
    verdict TEXT NOT NULL,
    exit_code INTEGER,
    duration_ps INTEGER NOT NULL DEFAULT 0, -- simulated, from t = 0
    boot_ps INTEGER NOT NULL DEFAULT 0,     -- simulated, before t = 0
    events INTEGER NOT NULL DEFAULT 0,      -- events fired
    wall_ns INTEGER NOT NULL DEFAULT 0,     -- 0: not measured
    digest TEXT NOT NULL DEFAULT '',        -- 32 hex digits
    replay_token TEXT NOT NULL DEFAULT '',  -- for `sixnines replay`
    note TEXT NOT NULL DEFAULT ''           -- why it ended early
);

-- One expectation of the scenario, judged in a run or over all seeds.
CREATE TABLE expectation (
    campaign INTEGER NOT NULL REFERENCES campaign(id),
    run INTEGER REFERENCES run(id),  -- NULL: over the seeds
    number INTEGER NOT NULL,         -- from 0, order in the scenario
    file TEXT NOT NULL,
    line INTEGER NOT NULL,           -- 0: unknown
    text TEXT NOT NULL,              -- as written in the scenario
    verdict TEXT NOT NULL,
    measured TEXT NOT NULL,          -- value with unit
    evidence TEXT NOT NULL,          -- what led to the verdict
    metric TEXT NOT NULL,            -- metric compared, or empty
    metric_args TEXT NOT NULL,
    limit_value REAL                 -- NULL: no number to draw
);

-- What happened when: faults, actions, phases, changes of state.
CREATE TABLE event (
    run INTEGER NOT NULL REFERENCES run(id),
    time_ps INTEGER NOT NULL,
    kind TEXT NOT NULL,    -- fault, action, note, phase, state
    name TEXT NOT NULL,    -- box.power-loss
    target TEXT NOT NULL,  -- ncc-0
    text TEXT NOT NULL
);

-- The ledger: every port, every interval out of service, its cause.
CREATE TABLE outage (
    run INTEGER NOT NULL REFERENCES run(id),
    port TEXT NOT NULL,
    box TEXT NOT NULL,
    from_ps INTEGER NOT NULL,
    to_ps INTEGER NOT NULL,    -- end of the run when ongoing
    ongoing INTEGER NOT NULL,  -- 1: not back when the run ended
    planned INTEGER NOT NULL,  -- 1: inside a window an operator asked for
    degraded INTEGER NOT NULL, -- 1: less capacity only, not an outage
    cause TEXT NOT NULL
);

CREATE TABLE metric (
    run INTEGER NOT NULL REFERENCES run(id),
    name TEXT NOT NULL,
    args TEXT NOT NULL,
    value REAL NOT NULL,
    unit TEXT NOT NULL,
    bound INTEGER NOT NULL,   -- 0 exact, 1 from above, -1 from below
    samples INTEGER NOT NULL  -- 0: exact, not an estimate
);

-- Messages and CPU of a box, by lane or by service.
CREATE TABLE load (
    run INTEGER NOT NULL REFERENCES run(id),
    box TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,         -- lane, service
    name TEXT NOT NULL,
    messages INTEGER NOT NULL,  -- lane: sent; service: handled
    bytes INTEGER NOT NULL,
    cpu_ns INTEGER NOT NULL     -- charged by the CPU model
);

CREATE TABLE alarm (
    run INTEGER NOT NULL REFERENCES run(id),
    box TEXT NOT NULL,
    name TEXT NOT NULL,
    severity TEXT NOT NULL,
    text TEXT NOT NULL,
    raised_ps INTEGER NOT NULL,
    cleared_ps INTEGER          -- NULL: still raised
);

CREATE TABLE oracle (
    run INTEGER NOT NULL REFERENCES run(id),
    oracle TEXT NOT NULL,         -- O3
    title TEXT NOT NULL,
    exercised INTEGER NOT NULL,   -- times it really judged something
    violations INTEGER NOT NULL,
    first TEXT NOT NULL           -- first violation, or empty
);

-- What the world could not do, and why.
CREATE TABLE not_applicable (
    run INTEGER NOT NULL REFERENCES run(id),
    text TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- A metric of a scenario that ran in two worlds.
CREATE TABLE comparison (
    first INTEGER NOT NULL REFERENCES campaign(id),   -- simulated, mostly
    second INTEGER NOT NULL REFERENCES campaign(id),  -- real, mostly
    metric TEXT NOT NULL,
    args TEXT NOT NULL,
    unit TEXT NOT NULL,
    first_runs INTEGER NOT NULL,      -- with a value; 0: the rest says nothing
    first_median REAL NOT NULL,
    first_low REAL NOT NULL,
    first_high REAL NOT NULL,
    first_quantiles INTEGER NOT NULL, -- 1: low and high are p5 and p95
    second_runs INTEGER NOT NULL,
    second_median REAL NOT NULL,
    second_low REAL NOT NULL,
    second_high REAL NOT NULL,
    second_quantiles INTEGER NOT NULL,
    difference REAL,                  -- share of the first; NULL: none
    bound REAL NOT NULL,              -- share; 0: none
    stated INTEGER NOT NULL,          -- 1: by the scenario
    state TEXT NOT NULL,              -- inside, outside, no value, stage
    stage TEXT NOT NULL               -- where the worlds part
);

-- Latency of packets that arrived, from the time they were meant to be sent:
-- a histogram for each flow and stage.
CREATE TABLE latency (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(id),
    flow TEXT NOT NULL,        -- what the scenario calls this traffic
    stage TEXT NOT NULL,       -- total; else the part of it that this is
    packets INTEGER NOT NULL,
    sum_ps REAL NOT NULL       -- over the packets, for the mean
);

-- Its parts that hold something; the first begins at the smallest value, the
-- last ends at the largest.
CREATE TABLE latency_part (
    latency INTEGER NOT NULL REFERENCES latency(id),
    low_ps INTEGER NOT NULL,
    high_ps INTEGER NOT NULL,  -- included
    packets INTEGER NOT NULL
);

CREATE TABLE loss (
    run INTEGER NOT NULL REFERENCES run(id),
    flow TEXT NOT NULL,
    cause TEXT NOT NULL,       -- tail-drop, reassembly-timeout
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL     -- of frames, FCS included
);

-- Offered = delivered + lost + still queued when the measurement ended.
CREATE TABLE throughput (
    run INTEGER NOT NULL REFERENCES run(id),
    flow TEXT NOT NULL,
    offered_packets INTEGER NOT NULL,
    offered_bytes INTEGER NOT NULL,   -- of frames, FCS included
    delivered_packets INTEGER NOT NULL,
    delivered_bytes INTEGER NOT NULL,
    queued_packets INTEGER NOT NULL,
    queued_bytes INTEGER NOT NULL,
    duration_ps INTEGER NOT NULL      -- of the measurement
);

-- What a search by frame size found (RFC 2544): the highest rate, or the
-- longest burst, without loss.
CREATE TABLE search (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(id),
    frame_bytes INTEGER NOT NULL,    -- FCS included
    burst INTEGER NOT NULL,          -- 1: level counts frames
    level INTEGER NOT NULL,          -- else it is ppm of the port's rate
    resolution_ppm INTEGER NOT NULL, -- how near the search went
    trials INTEGER NOT NULL,
    trial_ps INTEGER NOT NULL,       -- how long each sent
    port_bps INTEGER NOT NULL
);

-- Latency at shares of the rate found.
CREATE TABLE search_load (
    search INTEGER NOT NULL REFERENCES search(id),
    share_ppm INTEGER NOT NULL,      -- 0: single frames
    packets INTEGER NOT NULL,
    min_ps INTEGER NOT NULL,
    mean_ps INTEGER NOT NULL,
    max_ps INTEGER NOT NULL
);
