/* oracle_q.c: followers that learn by tabular Q-learning in games against the leader [Brero 2022;
 * Gerstgrasser & Parkes 2023, Section 5].
 *
 *     Q(s, a) += alpha (r + gamma max_b Q(s', b) - Q(s, a)),   nothing follows the end of a game
 *
 * While it learns, a follower explores by a random action with probability epsilon, or by noise that is added
 * to its values and drawn anew for every game, or both; it then plays its best action, the first of equally
 * good ones. */
#include "envs/commitment/oracle.h"

typedef struct learner {
    const inner_game *game;
    const oracle_config *config;
    size_t *at; /* [followers + 1] where a follower's values start */
} learner;

/* The memory: all values, then what noise adds to them. */
static double *values_of(const learner *l, void *memory, int follower, int situation) {
    const env_agent *agent = &l->game->facts->agent[1 + follower];
    return (double *)memory + l->at[follower] + situation * agent->action.n;
}

static fm_status create(const oracle_setup *setup, void **self, size_t *memory_size, fm_error *err) {
    (void)err;
    const inner_game *g = setup->game;
    learner *l = fm_arena_array(setup->arena, learner, 1);
    *l = (learner){.game = g, .config = setup->config};
    l->at = fm_arena_array(setup->arena, size_t, (size_t)g->followers + 1);
    for (int i = 0; i < g->followers; i++) {
        const env_agent *agent = &g->facts->agent[1 + i];
        l->at[i + 1] = l->at[i] + (size_t)(agent->obs_length * agent->action.n);
    }
    *self = l;
    *memory_size = 2 * l->at[g->followers] * sizeof(double);
    return FM_OK;
}

static void reset(const void *self, void *memory, fm_rng *rng) {
    const learner *l = self;
    double *values = memory;
    for (size_t k = 0; l->config->init > 0 && k < l->at[l->game->followers]; k++)
        values[k] = l->config->init * fm_rng_normal(rng);
}

static bool begin(const void *self, void *memory, fm_rng *rng) {
    const learner *l = self;
    double *noise = (double *)memory + l->at[l->game->followers];
    for (size_t k = 0; l->config->noise > 0 && k < l->at[l->game->followers]; k++)
        noise[k] = l->config->noise * fm_rng_normal(rng);
    return false;
}

static double best_of(const double *values, int n) {
    double best = values[0];
    for (int a = 1; a < n; a++)
        if (values[a] > best) best = values[a];
    return best;
}

static int act(const void *self, void *memory, int follower, int situation, bool learning, fm_rng *rng) {
    const learner *l = self;
    const int n = l->game->facts->agent[1 + follower].action.n;
    const double *values = values_of(l, memory, follower, situation);
    const double *noise = values + l->at[l->game->followers];
    int best = 0;
    if (learning && l->config->epsilon > 0 && fm_rng_uniform(rng) < l->config->epsilon)
        return (int)fm_rng_below(rng, (uint64_t)n);
    for (int a = 1; a < n; a++)
        if (values[a] + (learning ? noise[a] : 0) > values[best] + (learning ? noise[best] : 0)) best = a;
    return best;
}

static void learn(const void *self, void *memory, const oracle_move *move) {
    const learner *l = self;
    const int n = l->game->facts->agent[1 + move->follower].action.n;
    double *value = values_of(l, memory, move->follower, move->situation) + move->action;
    double target = move->reward;
    if (move->next >= 0)
        target += l->config->discount * best_of(values_of(l, memory, move->follower, move->next), n);
    *value += l->config->alpha * (target - *value);
}

const oracle_type oracle_q = {
    .name = "q",
    .doc = "followers that learn by tabular Q-learning in games against the leader",
    .create = create,
    .reset = reset,
    .begin = begin,
    .act = act,
    .learn = learn,
};
