/* toy_env.h: a corridor whose values are known: `length` steps, each of which pays every agent 1, whatever it
 * does. Then the episode terminates; or, with cut=true, it is truncated. The agents see the step as a
 * one-hot, or, with seen=false, the constant 1. Actions: three, of which the last is illegal after the first
 * step when masks=true; or, with box=true, a number from -2 to 4.
 *
 *     terminated, discount g:  V(step) = (1 - g^(length - step)) / (1 - g)
 *     truncated, seen=false:   V = 1 / (1 - g) */
#ifndef TESTS_TOY_ENV_H
#define TESTS_TOY_ENV_H

#include "envs/env.h"

typedef struct toy_env_config {
    int64_t length, agents;
    bool cut, seen, masks, box;
} toy_env_config;
typedef struct toy_env_state {
    int64_t step;
} toy_env_state;

static const fm_option TOY_ENV_OPTIONS[] = {
    FM_OPT_INT(toy_env_config, length, "4", 1, 100, "steps", "length of an episode", ""),
    FM_OPT_INT(toy_env_config, agents, "2", 1, ENV_AGENTS_MAX, "", "agents", ""),
    FM_OPT_BOOL(toy_env_config, cut, "false", "truncated instead of terminated", ""),
    FM_OPT_BOOL(toy_env_config, seen, "true", "whether the agents see the step", ""),
    FM_OPT_BOOL(toy_env_config, masks, "false", "whether the last action becomes illegal", ""),
    FM_OPT_BOOL(toy_env_config, box, "false", "continuous actions", ""),
    FM_OPT_END,
};

static fm_status toy_env_create(const void *config_, fm_arena *arena, void **game, env_facts *facts,
                                fm_error *err) {
    (void)err;
    static const double LOW[] = {-2}, HIGH[] = {4};
    static const char *const READINGS[] = {"step"};
    static const char *const NAMES[ENV_AGENTS_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                                      "i", "j", "k", "l", "m", "n", "o", "p"};
    const toy_env_config *config = config_;
    toy_env_config *copy = fm_arena_array(arena, toy_env_config, 1);
    *game = copy;
    *copy = *config;
    *facts = (env_facts){.name = "corridor",
                         .title = "Corridor",
                         .source = "the tests",
                         .agents = (int)config->agents,
                         .horizon = config->cut ? config->length : 1000,
                         .masks = config->masks && !config->box,
                         .deterministic = true,
                         .state_size = sizeof(toy_env_state),
                         .readings = 1,
                         .reading_name = READINGS};
    for (int i = 0; i < facts->agents; i++) {
        facts->agent_name[i] = NAMES[i];
        facts->level[i] = i;
        facts->obs_length[i] = config->seen ? (int)config->length + 1 : 1;
        facts->action[i] =
            config->box ? (env_space){.size = 1, .low = LOW, .high = HIGH} : (env_space){.n = 3, .size = 1};
        facts->reward_low[i] = 0;
        facts->reward_high[i] = 1;
    }
    return FM_OK;
}

static void toy_env_show(const toy_env_config *config, const toy_env_state *state, env_io *io) {
    int width = config->seen ? (int)config->length + 1 : 1;
    for (int i = 0; i < (int)config->agents; i++) {
        for (int k = 0; k < width; k++) io->obs[i * width + k] = !config->seen || k == state->step;
        if (config->masks && !config->box) io->mask[3 * i + 2] = state->step == 0;
    }
}

static void toy_env_reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    ((toy_env_state *)state)->step = 0;
    toy_env_show(game, state, io);
}

static void toy_env_step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const toy_env_config *config = game;
    toy_env_state *now = state;
    now->step++;
    for (int i = 0; i < (int)config->agents; i++) io->rewards[i] = 1;
    io->terminated = !config->cut && now->step >= config->length;
    toy_env_show(config, now, io);
}

static void toy_env_render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game, (void)actions;
    fprintf(out, "step %d\n", (int)((const toy_env_state *)state)->step);
}

static void toy_env_read(const void *game, const void *state, double *readings) {
    (void)game;
    readings[0] = (double)((const toy_env_state *)state)->step;
}

static const env_type TOY_ENV = {
    .name = "corridor",
    .doc = "an environment for tests",
    .options = TOY_ENV_OPTIONS,
    .config_size = sizeof(toy_env_config),
    .create = toy_env_create,
    .reset = toy_env_reset,
    .step = toy_env_step,
    .render = toy_env_render,
    .read = toy_env_read,
};

#endif
