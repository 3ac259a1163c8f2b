/* toy_env.h: a corridor whose values are known: `length` steps, each of which pays every agent 1, whatever it
 * does. Then the episode terminates; or, with cut=true, it is truncated. The agents see the step as a
 * one-hot, or, with seen=false, the constant 1.
 *
 *     terminated, discount g:  V(step) = (1 - g^(length - step)) / (1 - g)
 *     truncated, seen=false:   V = 1 / (1 - g)
 *
 * Actions: three, of which the last is illegal after the first step when masks=true; or, with box=true, a
 * number from -2 to 4; or, with heads=K, one action of each of K heads, which have 3, 2, 3, 2, ... actions,
 * the last of each masked in the same way.
 *
 * What else a learner must bear, each off by default:
 *     pauses   agent i acts at the steps t with t + i even and waits at the others; it is paid at all of them
 *     death    after that many steps the last agent is done, and is paid no more; the others go on
 *     hidden   the first `hidden` decisions of an episode teach nothing (learns = 0); they are paid
 *     central  a centralised state: the step, and the number of agents that are not done
 *     absent   a second reading, "even": the step when that is even, else absent
 *     fault    at step `fault_at` (0: the reset) this is nan: reward, observation, central (state), reading;
 *              or, with mask, the last agent has no legal action (of its last head) */
#ifndef TESTS_TOY_ENV_H
#define TESTS_TOY_ENV_H

#include <math.h>

#include "base/text.h"
#include "envs/env.h"

enum { TOY_SOUND_ENV, TOY_NAN_REWARD, TOY_NAN_OBSERVATION, TOY_NAN_CENTRAL, TOY_NAN_READING, TOY_NO_ACTION };

typedef struct toy_env_config {
    int64_t length, agents, heads, death, hidden, fault, fault_at;
    bool cut, seen, masks, box, pauses, central, absent;
} toy_env_config;
typedef struct toy_env_state {
    int64_t step;
} toy_env_state;

static const fm_option TOY_ENV_OPTIONS[] = {
    FM_OPT_INT(toy_env_config, length, "4", 1, 100, "steps", "length of an episode", ""),
    FM_OPT_INT(toy_env_config, agents, "2", 1, 1000, "", "agents", ""),
    FM_OPT_BOOL(toy_env_config, cut, "false", "truncated instead of terminated", ""),
    FM_OPT_BOOL(toy_env_config, seen, "true", "whether the agents see the step", ""),
    FM_OPT_BOOL(toy_env_config, masks, "false", "whether the last action becomes illegal", ""),
    FM_OPT_BOOL(toy_env_config, box, "false", "continuous actions", ""),
    FM_OPT_INT(toy_env_config, heads, "0", 0, 8, "", "heads of a multi-discrete action; 0: one action", ""),
    FM_OPT_BOOL(toy_env_config, pauses, "false", "whether an agent waits at every second step", ""),
    FM_OPT_INT(toy_env_config, death, "0", 0, 100, "steps", "when the last agent dies; 0: never", ""),
    FM_OPT_INT(toy_env_config, hidden, "0", 0, 100, "steps", "decisions that teach nothing", ""),
    FM_OPT_BOOL(toy_env_config, central, "false", "whether there is a centralised state", ""),
    FM_OPT_BOOL(toy_env_config, absent, "false", "whether a reading is absent at times", ""),
    FM_OPT_CHOICE(toy_env_config, fault, "none", "none|reward|observation|central|reading|mask",
                  "what goes wrong", ""),
    FM_OPT_INT(toy_env_config, fault_at, "1", 0, 100, "steps", "when it goes wrong", ""),
    FM_OPT_END,
};

static const int TOY_ENV_HEADS[] = {3, 2, 3, 2, 3, 2, 3, 2};

static env_space toy_env_space(const toy_env_config *config) {
    static const double LOW[] = {-2}, HIGH[] = {4};
    if (config->box) return env_box(1, LOW, HIGH);
    if (config->heads > 0) return env_multi_discrete((int)config->heads, TOY_ENV_HEADS, NULL);
    return env_discrete(3, NULL);
}

static fm_status toy_env_create(const void *config_, fm_arena *arena, void **game, env_facts *facts,
                                fm_error *err) {
    (void)err;
    static const char *const READINGS[] = {"step", "even"};
    const toy_env_config *config = config_;
    toy_env_config *copy = fm_arena_array(arena, toy_env_config, 1);
    *game = copy;
    *copy = *config;
    *facts = (env_facts){.name = "corridor",
                         .title = "Corridor",
                         .source = "the tests",
                         .central_length = config->central ? 2 : 0,
                         .horizon = config->cut ? config->length : 1000,
                         .rewards = config->death ? ENV_GENERAL_SUM : ENV_COMMON,
                         .masks = (config->masks || config->fault == TOY_NO_ACTION) && !config->box,
                         .pauses = config->pauses,
                         .deterministic = true,
                         .state_size = sizeof(toy_env_state),
                         .readings = config->absent ? 2 : 1,
                         .reading_name = READINGS};
    env_facts_agents(facts, (int)config->agents, arena);
    for (int i = 0; i < facts->agents; i++) {
        char name[16];
        if (i < 26) fm_text_format(name, sizeof name, "%c", 'a' + i);
        else fm_text_format(name, sizeof name, "a%d", i);
        facts->agent[i] = (env_agent){.name = fm_arena_text(arena, name),
                                      .level = i,
                                      .obs_length = config->seen ? (int)config->length + 1 : 1,
                                      .action = toy_env_space(config),
                                      .reward_high = 1};
    }
    return FM_OK;
}

static bool toy_env_dead(const toy_env_config *config, int64_t step, int agent) {
    return config->death && step >= config->death && agent == config->agents - 1;
}

static void toy_env_mask(const toy_env_config *config, int64_t step, int agent, env_io *io) {
    env_space space = toy_env_space(config);
    int choices = env_space_choices(&space);
    uint8_t *mask = io->mask + agent * choices;
    for (int k = 0; config->masks && !config->box && k < space.size; k++) {
        int n = env_space_actions(&space, k);
        mask[n - 1] = step == 0;
        mask += n;
    }
    int last = env_space_actions(&space, space.size - 1);
    if (config->fault == TOY_NO_ACTION && step == config->fault_at && agent == config->agents - 1)
        memset(io->mask + (agent + 1) * choices - last, 0, (size_t)last);
}

/* Of an agent that does not act the mask means nothing: all zeros, for those who look at it. */
static void toy_env_forbid(const toy_env_config *config, int agent, env_io *io) {
    env_space space = toy_env_space(config);
    int choices = env_space_choices(&space);
    memset(io->mask + agent * choices, 0, (size_t)choices);
}

static void toy_env_show(const toy_env_config *config, const toy_env_state *state, env_io *io) {
    int agents = (int)config->agents, width = config->seen ? (int)config->length + 1 : 1, living = 0;
    int64_t step = state->step;
    for (int i = 0; i < agents; i++) {
        for (int k = 0; k < width; k++) io->obs[i * width + k] = !config->seen || k == step;
        toy_env_mask(config, step, i, io);
        if (config->pauses) io->active[i] = (step + i) % 2 == 0;
        if (step < config->hidden) io->learns[i] = 0;
        if (toy_env_dead(config, step, i)) io->done[i] = 1, io->active[i] = 0;
        else living++;
        if (config->masks && (io->done[i] || !io->active[i])) toy_env_forbid(config, i, io);
    }
    if (config->central) io->central[0] = (real)step, io->central[1] = (real)living;
    if (step != config->fault_at) return;
    if (config->fault == TOY_NAN_OBSERVATION) io->obs[agents * width - 1] = (real)NAN;
    if (config->fault == TOY_NAN_CENTRAL && config->central) io->central[1] = (real)NAN;
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
    for (int i = 0; i < (int)config->agents; i++) io->rewards[i] = !toy_env_dead(config, now->step, i);
    now->step++;
    if (config->fault == TOY_NAN_REWARD && now->step == config->fault_at)
        io->rewards[config->agents - 1] = (double)NAN;
    io->terminated = !config->cut && now->step >= config->length;
    if (config->agents == 1 && toy_env_dead(config, now->step, 0)) io->terminated = true;
    toy_env_show(config, now, io);
}

static void toy_env_render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game, (void)actions;
    fprintf(out, "step %d\n", (int)((const toy_env_state *)state)->step);
}

static void toy_env_read(const void *game, const void *state, double *readings) {
    const toy_env_config *config = game;
    int64_t step = ((const toy_env_state *)state)->step;
    readings[0] = (double)step;
    if (config->absent) readings[1] = step % 2 == 0 ? (double)step : FM_ABSENT;
    if (config->fault == TOY_NAN_READING && step == config->fault_at) readings[0] = (double)NAN;
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
