/* toy_recall.h: a corridor whose first observation says where to turn at its end. The side is drawn at the
 * start; the agent sees it once, and then `length` - 1 times the same walls. Only the last action counts: it
 * pays 1 for the side that was shown, -1 for the other one; then the episode terminates.
 *
 *     a policy that remembers           return 1
 *     one that does not, length >= 2    return 0 on average, whatever it does: it acts on the same walls
 *
 * Observation, three numbers: one-hot of "left", "right", "walls". Actions: left, right. */
#ifndef TESTS_TOY_RECALL_H
#define TESTS_TOY_RECALL_H

#include "envs/env.h"

typedef struct toy_recall_config {
    int64_t length;
} toy_recall_config;
typedef struct toy_recall_state {
    int64_t step, side, reward;
} toy_recall_state;

static const fm_option TOY_RECALL_OPTIONS[] = {
    FM_OPT_INT(toy_recall_config, length, "5", 1, 1000, "decisions", "length of an episode", ""),
    FM_OPT_END,
};

static fm_status toy_recall_create(const void *config, fm_arena *arena, void **game, env_facts *facts,
                                   fm_error *err) {
    (void)err;
    static const char *const LABELS[] = {"left", "right"}, *const READINGS[] = {"step", "side"};
    static const char *const OUTCOMES[] = {"wrong turn", "right turn"};
    static const double ONE[] = {1};
    static const env_solution BEST = {"optimum", "remembers", ONE, NULL, "by design"};
    toy_recall_config *copy = fm_arena_array(arena, toy_recall_config, 1);
    *copy = *(const toy_recall_config *)config;
    *game = copy;
    *facts = (env_facts){.name = "recall",
                         .title = "Recall",
                         .source = "the tests",
                         .horizon = copy->length + 1,
                         .deterministic = true,
                         .state_size = sizeof(toy_recall_state),
                         .readings = 2,
                         .reading_name = READINGS,
                         .outcomes = 2,
                         .outcome_name = OUTCOMES,
                         .solutions = 1,
                         .solution = &BEST};
    env_facts_agents(facts, 1, arena);
    facts->agent[0] = (env_agent){.name = "walker",
                                  .obs_length = 3,
                                  .action = env_discrete(2, LABELS),
                                  .reward_low = -1,
                                  .reward_high = 1};
    return FM_OK;
}

static void toy_recall_show(const toy_recall_state *s, env_io *io) {
    for (int k = 0; k < 3; k++) io->obs[k] = k == (s->step == 0 ? (int)s->side : 2);
}

static void toy_recall_reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game;
    toy_recall_state *s = state;
    *s = (toy_recall_state){.side = (int64_t)fm_rng_below(rng, 2)};
    toy_recall_show(s, io);
}

static void toy_recall_step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    toy_recall_state *s = state;
    s->step++;
    io->terminated = s->step >= ((const toy_recall_config *)game)->length;
    if (io->terminated) s->reward = (int64_t)io->actions[0] == s->side ? 1 : -1;
    io->rewards[0] = (double)s->reward;
    toy_recall_show(s, io);
}

static void toy_recall_render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game, (void)actions;
    const toy_recall_state *s = state;
    fprintf(out, "step %d, the way out is %s\n", (int)s->step, s->side ? "right" : "left");
}

static void toy_recall_read(const void *game, const void *state, double *readings) {
    (void)game;
    readings[0] = (double)((const toy_recall_state *)state)->step;
    readings[1] = (double)((const toy_recall_state *)state)->side;
}

static int toy_recall_outcome(const void *game, const void *state) {
    (void)game;
    return ((const toy_recall_state *)state)->reward > 0;
}

static const env_type TOY_RECALL = {
    .name = "recall",
    .doc = "an environment for tests of memory",
    .options = TOY_RECALL_OPTIONS,
    .config_size = sizeof(toy_recall_config),
    .create = toy_recall_create,
    .reset = toy_recall_reset,
    .step = toy_recall_step,
    .render = toy_recall_render,
    .read = toy_recall_read,
    .outcome = toy_recall_outcome,
};

#endif
