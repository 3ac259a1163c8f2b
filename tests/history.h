/* history.h: a random history of copies with agents that pause, die and are cut off, as algo_step shows it,
 * with every number stored for the tests' own arithmetic. Three agents: two alike with four actions and
 * masks, one with a box of two numbers. Slot t B + b is copy b at step t.
 *
 *     history h;
 *     history_make(&h, steps, copies, seed);
 *     algo_rollout r = algo_rollout_make(&h.setup, &shape);
 *     for (int t = 0; t < steps; t++) history_add(&h, &r, t);
 *     history_free(&h);
 *
 * Numbers tell where they are from: observation k of agent i in slot s is 100 s + 10 i + k. */
#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include <string.h>

#include "algos/parts/rollout.h"
#include "base/random.h"

enum { HISTORY_AGENTS = 3, HISTORY_OBS = 7, HISTORY_ACTIONS = 4, HISTORY_MASK = 8, HISTORY_SLOTS = 4096 };

typedef struct history {
    env_facts facts;
    algo_setup setup;
    fm_arena arena;
    fm_keep_list keep;
    size_t steps, copies;
    /* [slots + copies][...]: the last `copies` rows are what follows the last step. */
    real obs[HISTORY_SLOTS][HISTORY_OBS], central[HISTORY_SLOTS][1], actions[HISTORY_SLOTS][HISTORY_ACTIONS];
    uint8_t mask[HISTORY_SLOTS][HISTORY_MASK];
    uint8_t active[HISTORY_SLOTS][HISTORY_AGENTS], learns[HISTORY_SLOTS][HISTORY_AGENTS];
    uint8_t first[HISTORY_SLOTS];
    double rewards[HISTORY_SLOTS][HISTORY_AGENTS];
    real log_prob[HISTORY_SLOTS][HISTORY_AGENTS], value[HISTORY_SLOTS][HISTORY_AGENTS];
    /* After the step, before the restart. */
    uint8_t done[HISTORY_SLOTS][HISTORY_AGENTS], terminated[HISTORY_SLOTS], truncated[HISTORY_SLOTS];
    uint8_t after_active[HISTORY_SLOTS][HISTORY_AGENTS];
    real after[HISTORY_SLOTS][HISTORY_AGENTS];
} history;

static inline void history_facts(history *h) {
    static const double LOW[] = {-1, 0}, HIGH[] = {1, 10};
    static const char *const READINGS[] = {"step"};
    h->facts = (env_facts){.name = "history",
                           .title = "History",
                           .source = "the tests",
                           .central_length = 1,
                           .horizon = 100,
                           .rewards = ENV_GENERAL_SUM,
                           .masks = true,
                           .pauses = true,
                           .readings = 1,
                           .reading_name = READINGS};
    env_facts_agents(&h->facts, HISTORY_AGENTS, &h->arena);
    h->facts.agent[0] = (env_agent){.name = "a", .obs_length = 2, .action = env_discrete(4, NULL)};
    h->facts.agent[1] = (env_agent){.name = "b", .obs_length = 2, .action = env_discrete(4, NULL)};
    h->facts.agent[2] = (env_agent){.name = "c", .obs_length = 3, .action = env_box(2, LOW, HIGH)};
    env_facts_finish(&h->facts);
}

static inline bool history_chance(fm_rng *rng, double p) { return fm_rng_uniform(rng) < p; }

static inline void history_numbers(history *h, size_t s, fm_rng *rng) {
    static const int AGENT_OF_OBS[HISTORY_OBS] = {0, 0, 1, 1, 2, 2, 2}, FIRST_OBS[] = {0, 2, 4};
    for (int k = 0; k < HISTORY_OBS; k++) {
        int i = AGENT_OF_OBS[k];
        h->obs[s][k] = (real)(100 * (int)s + 10 * i + k - FIRST_OBS[i]);
    }
    h->central[s][0] = (real)s;
    for (int i = 0; i < 2; i++) {
        int chosen = (int)fm_rng_below(rng, 4);
        h->actions[s][i] = (real)chosen;
        for (int a = 0; a < 4; a++) h->mask[s][4 * i + a] = a == chosen || history_chance(rng, 0.5);
    }
    for (int k = 2; k < HISTORY_ACTIONS; k++) h->actions[s][k] = (real)fm_rng_normal(rng);
    for (int i = 0; i < HISTORY_AGENTS; i++) {
        h->rewards[s][i] = fm_rng_normal(rng);
        h->log_prob[s][i] = (real)-fm_rng_uniform(rng);
        h->value[s][i] = (real)fm_rng_normal(rng);
        h->after[s][i] = (real)fm_rng_normal(rng);
        h->learns[s][i] = history_chance(rng, 0.8);
    }
}

/* Flags after the step of slot s, and those before the step of slot s + copies. */
static inline void history_flags(history *h, size_t s, fm_rng *rng) {
    size_t next = s + h->copies;
    h->terminated[s] = history_chance(rng, 0.08);
    h->truncated[s] = !h->terminated[s] && history_chance(rng, 0.08);
    bool ended = h->terminated[s] || h->truncated[s];
    for (int i = 0; i < HISTORY_AGENTS; i++) {
        bool dead = s >= h->copies && !h->first[s] && h->done[s - h->copies][i];
        h->done[s][i] = dead || h->terminated[s] || history_chance(rng, 0.05);
        h->after_active[s][i] = !h->done[s][i] && history_chance(rng, 0.6);
        h->active[next][i] = ended ? history_chance(rng, 0.6) : h->after_active[s][i];
    }
    h->first[next] = ended;
}

static inline void history_make(history *h, size_t steps, size_t copies, uint64_t seed) {
    memset(h, 0, sizeof *h);
    FM_CHECK((steps + 1) * copies <= HISTORY_SLOTS, "a history too long");
    history_facts(h);
    h->steps = steps;
    h->copies = copies;
    h->setup = (algo_setup){.facts = &h->facts,
                            .num_envs = (int)copies,
                            .steps = (int64_t)(steps * copies),
                            .seed = seed,
                            .tape = ad_tape_new(),
                            .arena = &h->arena,
                            .keep = &h->keep};
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    for (size_t s = 0; s < copies; s++) {
        h->first[s] = history_chance(&rng, 0.5); /* a rollout may begin in the middle of an episode */
        for (int i = 0; i < HISTORY_AGENTS; i++) h->active[s][i] = history_chance(&rng, 0.6);
    }
    for (size_t s = 0; s < steps * copies; s++) {
        history_numbers(h, s, &rng);
        history_flags(h, s, &rng);
    }
}

static inline env_view history_view(const history *h, size_t s) {
    return (env_view){(int)h->copies, h->obs[s],    h->central[s], h->mask[s],
                      h->active[s],   h->learns[s], &h->first[s]};
}

/* As a learner would: notes, values after where they are wanted, the step. */
static inline void history_add(const history *h, algo_rollout *r, size_t t) {
    size_t s = t * h->copies, numbers = h->copies * HISTORY_AGENTS;
    algo_notes notes = algo_rollout_notes(r);
    memcpy(notes.log_prob, h->log_prob[s], numbers * sizeof(real));
    memcpy(notes.value, h->value[s], numbers * sizeof(real));
    for (size_t k = 0; notes.memory && k < numbers * r->memory_length; k++)
        notes.memory[k] = (real)(1000 * t + k);
    algo_step step = {.before = history_view(h, s),
                      .actions = h->actions[s],
                      .rewards = h->rewards[s],
                      .after = history_view(h, s + h->copies),
                      .done = h->done[s],
                      .terminated = &h->terminated[s],
                      .truncated = &h->truncated[s]};
    step.after.active = h->after_active[s];
    algo_rollout_add(r, &step, algo_rollout_wants_after(r, &step) ? h->after[s] : NULL);
}

static inline void history_free(history *h) {
    ad_tape_free(h->setup.tape);
    fm_keep_free(&h->keep);
    fm_arena_free(&h->arena);
}

#endif
