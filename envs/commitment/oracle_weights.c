/* oracle_weights.c: followers that learn by multiplicative weights [Arora 2012; Brero 2022].
 *
 * A follower has a weight for each action in each situation (its type), 1 at first. An update takes a start
 * of the game, in which every follower draws an action by its weights; then each follower tries each of its
 * actions, one game for each, while the others keep theirs:
 *
 *     w(s, a) *= (1 + rate)^u,   u the reward of that game, by the largest reward of this follower
 *
 * and in the games that count each plays its heaviest action, the first of equally heavy ones. Weights are
 * kept as logarithms. A follower decides once in a game. */
#include <math.h>

#include "envs/commitment/oracle.h"

typedef struct learner {
    const inner_game *game;
    double step;   /* log(1 + rate) */
    double *scale; /* [followers] 1 / largest reward */
    size_t *at;    /* [followers + 1] where a follower's weights start */
} learner;

/* Where an update is: whose turn it is to try which action; `started` tells the first game from the others.
 * Behind it: [followers] what each has drawn, -1 not yet; then the logarithms of all weights. */
typedef struct memory {
    int64_t started, follower, action;
    double numbers[];
} memory;

static double *weights_of(const learner *l, memory *m, int follower, int situation) {
    const env_agent *agent = &l->game->facts->agent[1 + follower];
    return m->numbers + l->game->followers + l->at[follower] + situation * agent->action.n;
}

/* Whether some follower decides more than once in a game, seen from one that is played with first actions. */
static bool decides_often(const oracle_setup *setup) {
    const inner_game *g = setup->game;
    void *play = fm_arena_alloc(setup->arena, 1, g->size);
    fm_rng rng = fm_rng_split(0, FM_RNG_ENV, 0, 0);
    bool often = false;
    for (int i = 1; i < g->facts->agents; i++) {
        int decisions = 0;
        for (inner_start(g, play, &rng); !inner_over(g, play); inner_step(g, play, &rng))
            decisions += inner_active(g, play, i);
        often = often || decisions > 1;
    }
    return often;
}

static fm_status create(const oracle_setup *setup, void **self, size_t *memory_size, fm_error *err) {
    const inner_game *g = setup->game;
    const size_t followers = (size_t)g->followers;
    learner *l = fm_arena_array(setup->arena, learner, 1);
    *l = (learner){.game = g, .step = log1p(setup->config->rate)};
    l->scale = fm_arena_array(setup->arena, double, followers);
    l->at = fm_arena_array(setup->arena, size_t, followers + 1);
    for (size_t i = 0; i < followers; i++) {
        const env_agent *agent = &g->facts->agent[1 + i];
        double largest = fmax(fabs(agent->reward_low), fabs(agent->reward_high));
        l->scale[i] = largest > 0 ? 1 / largest : 1;
        l->at[i + 1] = l->at[i] + (size_t)(agent->obs_length * agent->action.n);
    }
    if (decides_often(setup))
        return fm_fail(err, "oracle 'weights': a follower of '%s' decides more than once in a game",
                       g->facts->name);
    *self = l;
    *memory_size = sizeof(memory) + (followers + l->at[followers]) * sizeof(double);
    return FM_OK;
}

/* On to the next action to try; after the last one a new update begins. */
static bool begin(const void *self, void *memory_, fm_rng *rng) {
    (void)rng;
    const learner *l = self;
    memory *m = memory_;
    bool again = m->started != 0;
    if (again && ++m->action == l->game->facts->agent[1 + m->follower].action.n) {
        m->action = 0;
        again = ++m->follower < l->game->followers;
    }
    if (!again) {
        m->started = 1;
        m->follower = m->action = 0;
        for (int i = 0; i < l->game->followers; i++) m->numbers[i] = -1;
    }
    return again;
}

static int heaviest(const double *weights, int n) {
    int best = 0;
    for (int a = 1; a < n; a++)
        if (weights[a] > weights[best]) best = a;
    return best;
}

static int draw(const double *weights, int n, fm_rng *rng) {
    const double top = weights[heaviest(weights, n)];
    double sum = 0, at = fm_rng_uniform(rng);
    for (int a = 0; a < n; a++) sum += exp(weights[a] - top);
    at *= sum;
    for (int a = 0; a + 1 < n; a++)
        if ((at -= exp(weights[a] - top)) < 0) return a;
    return n - 1;
}

static int act(const void *self, void *memory_, int follower, int situation, bool learning, fm_rng *rng) {
    const learner *l = self;
    memory *m = memory_;
    const int n = l->game->facts->agent[1 + follower].action.n;
    const double *weights = weights_of(l, m, follower, situation);
    if (!learning) return heaviest(weights, n);
    if (m->numbers[follower] < 0) m->numbers[follower] = draw(weights, n, rng);
    return follower == m->follower ? (int)m->action : (int)m->numbers[follower];
}

static void learn(const void *self, void *memory_, const oracle_move *move) {
    const learner *l = self;
    memory *m = memory_;
    if (move->follower != m->follower) return;
    weights_of(l, m, move->follower, move->situation)[move->action] +=
        l->step * l->scale[move->follower] * move->reward;
}

const oracle_type oracle_weights = {
    .name = "weights",
    .doc = "followers that learn by multiplicative weights, trying every action against the leader",
    .create = create,
    .begin = begin,
    .act = act,
    .learn = learn,
};
