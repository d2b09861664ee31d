/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows: all parts run up to the same time, then what they sent each other
 * changes hands.
 */
#include "models/engine/engine_priv.h"
#include "reference-nos/base/check.h"

/* The last instant of the window that begins with the first event pending;
 * what is sent across parts within it arrives later. */
static uint64_t
window_end(const struct engine *engine, uint64_t first_ps, uint64_t until_ps)
{
    uint64_t window_ps = engine->options.window_ps;

    return until_ps - first_ps < window_ps ? until_ps
                                           : first_ps + window_ps - 1;
}

static void
windows_run(struct engine *engine, uint64_t until_ps)
{
    unsigned side = 0;
    uint64_t first_ps;

    while (engine_next(engine, &first_ps) && first_ps <= until_ps) {
        uint64_t end_ps = window_end(engine, first_ps, until_ps);

        engine->running = true;
        for (unsigned i = 0; i < engine->options.parts; i++) {
            engine->parts[i]->side = side;
            engine_part_run(engine->parts[i], end_ps);
        }
        for (unsigned i = 0; i < engine->options.parts; i++)
            engine_part_collect(engine->parts[i], side);
        engine->running = false;
    }
}

int
engine_run_until(struct engine *engine, uint64_t until_ps)
{
    CHECK(!engine->running);
    if (until_ps < engine->now_ps)
        return ERR_PAST;
    if (engine->options.parts == 1)
        engine_part_run(engine->parts[0], until_ps);
    else
        windows_run(engine, until_ps);
    engine->now_ps = until_ps;
    for (unsigned i = 0; i < engine->options.parts; i++) {
        engine->parts[i]->now_ps = until_ps;
        wheel_catch_up(&engine->parts[i]->wheel, until_ps);
    }
    return 0;
}
