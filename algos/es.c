/* es.c: evolution strategies: a policy is changed at random, and whole episodes say which change was good.
 *
 * Paper: Salimans et al., "Evolution strategies as a scalable alternative to reinforcement learning",
 * arXiv:1703.03864, 2017; its settings as in Gerstgrasser & Parkes, ICML 2023.
 *
 * Implemented, for one agent with a deterministic policy (the best action; of a box the mean): pair k draws
 * e_k ~ N(0, I) and plays an episode with theta + sigma e_k, then one with theta - sigma e_k (mirrored
 * sampling, [Salimans 2017, Sec. 2]). After every n pairs, F+_k and F-_k being the ranks of their returns
 * among all 2 n, scaled to -1/2..1/2 (fitness shaping, ibid.), one step of Adam along
 *
 *     g = 1 / (2 n) sum_k (F+_k - F-_k) e_k - weight_decay theta     [Salimans 2017, Alg. 1]
 *
 * A return is the plain sum of an episode's rewards: nothing is discounted, and which decisions earned it, or
 * earn credit at all (env.h: `learns`), makes no difference. Each copy of the environment plays a pair to its
 * end, around the theta with which the pair began; an update takes the first n that have ended.
 *
 * Deviations: g is without the factor 1 / sigma, as in the authors' program, where the weight decay has its
 * place; equal returns share their ranks, so that nothing is learned where nothing differs; discrete actions
 * are the best ones, not drawn; observations are not normalised.
 *
 * Status: verified: updates against an independent computation; learns a good push, a turn that is shown, a
 * leader's table by hidden questions (tests/learn/test_learn_es.c); 500 on cartpole in 10 of 10 seeds. */
#include <string.h>

#include "algos/parts/cadence.h"
#include "algos/parts/head.h"
#include "algos/parts/net.h"
#include "algos/parts/options.h"

typedef struct es_config {
    fm_ints hidden;
    int64_t activation, pairs;
    double lr, sigma, weight_decay;
} es_config;

static const fm_option OPTIONS[] = {
    ALGO_HIDDEN_OPTION(es_config, hidden, "64,64"),
    ALGO_ACTIVATION_OPTION(es_config, activation, "tanh"),
    ALGO_LR_OPTION(es_config, lr, "lr", "0.01", "learning rate of Adam", "alpha"),
    FM_OPT_INT(es_config, pairs, "16", 1, 10000, "pairs", "mirrored pairs of episodes to an update", "n"),
    FM_OPT_REAL(es_config, sigma, "0.02", 1e-6, 10, "", "deviation of the noise in the parameters", "sigma"),
    FM_OPT_REAL(es_config, weight_decay, "0.005", 0, 10, "", "pull of the parameters towards 0", ""),
    FM_OPT_END,
};

/* A leader that commits to a table. */
static const algo_preset PRESETS[] = {
    {"", "leader-pomdp", 50000, "hidden=none sigma=0.1"},
    {NULL, NULL, 0, NULL},
};

typedef struct es_pair {
    int64_t number, ended; /* says its noise; of its two episodes */
    double returns[2];
} es_pair;

typedef struct es {
    const es_config *config;
    const env_facts *facts;
    uint64_t seed;
    size_t copies;
    algo_head head;
    algo_net net;
    real *member;          /* [copies][params.n] who plays in each copy, kept */
    real *gradient;        /* [params.n] scratch */
    algo_forward *forward; /* [copies + 1] a row each: the members; theta */
    algo_cadence cadence;  /* counts pairs, and its credit those that have ended and wait for an update */
    es_pair *playing;      /* [copies], kept, */
    es_pair *waiting;      /* and, behind them, [pairs + copies] */
} es;

/* to += factor e, e the noise of the pair: entry by entry, as the gaps between them stay zero. */
static void add_noise(const es *x, const es_pair *pair, double factor, real *to) {
    fm_rng rng = fm_rng_split(x->seed, FM_RNG_UPDATE, 1, (uint64_t)pair->number);
    for (size_t k = 0; k < x->net.leaves.count; k++) {
        const nn_entry *entry = &x->net.params.entries[k];
        for (size_t j = entry->at; j < entry->at + entry->rows * entry->cols; j++)
            to[j] += (real)(factor * fm_rng_normal(&rng));
    }
}

static void begin_pair(const es *x, size_t copy, int64_t number) {
    real *member = x->member + copy * x->net.params.n;
    x->playing[copy] = (es_pair){.number = number};
    nn_copy(member, x->net.params.theta, x->net.params.n);
    add_noise(x, &x->playing[copy], x->config->sigma, member);
}

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    if (facts->agents == 1) return FM_OK;
    return fm_fail(err, "es is for one agent; '%s' has %d", facts->name, facts->agents);
}

/* The outputs start at a hundredth of Glorot's: no action is much better than another. */
static void make_net(es *x, const algo_setup *setup) {
    const env_agent *agent = &setup->facts->agent[0];
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, 0);
    x->head = algo_head_make(&agent->action, setup->arena);
    algo_net_shape shape = {.name = "actor",
                            .in = (size_t)agent->obs_length,
                            .out = x->head.outputs,
                            .hidden = &x->config->hidden,
                            .activation = (ad_act)x->config->activation,
                            .lr = x->config->lr};
    algo_net_make(&x->net, setup, &shape, &init);
    algo_net_rescale(&x->net, 0.01, 0);
}

static void *create(const algo_setup *setup) {
    es *x = fm_arena_array(setup->arena, es, 1);
    *x = (es){.config = setup->config, .facts = setup->facts, .seed = setup->seed};
    x->copies = (size_t)setup->num_envs;
    make_net(x, setup);
    /* Fewer than a whole update wait before a step, which may end a pair in every copy. */
    const size_t n = x->net.params.n, pairs = 2 * x->copies + (size_t)x->config->pairs;
    x->member = fm_arena_array(setup->arena, real, x->copies * n);
    x->gradient = fm_arena_array(setup->arena, real, n);
    x->playing = fm_arena_array(setup->arena, es_pair, pairs);
    x->waiting = x->playing + x->copies;
    x->forward = fm_arena_array(setup->arena, algo_forward, x->copies + 1);
    for (size_t c = 0; c < x->copies; c++) {
        x->forward[c] = algo_forward_make(&x->net, setup, x->member + c * n, 1);
        begin_pair(x, c, (int64_t)c);
    }
    x->forward[x->copies] = algo_forward_make(&x->net, setup, x->net.params.theta, 1);
    fm_keep(setup->keep, FM_DTYPE_REAL, x->member, x->copies * n, "es.members");
    fm_keep_bytes(setup->keep, x->playing, pairs * sizeof *x->playing, "es.pairs");
    algo_cadence_keep(&x->cadence, setup);
    return x;
}

static void act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory, real *actions) {
    const es *x = self;
    (void)memory;
    for (size_t c = 0; c < (size_t)view->copies; c++) {
        algo_forward *f = &x->forward[mode == ALGO_TRAIN ? c : x->copies];
        const uint8_t *mask = view->mask + c * (size_t)x->facts->mask_total;
        if (!view->active[c]) continue;
        memcpy(f->x, view->obs + c * f->in, f->in * sizeof(real));
        algo_forward_run(f);
        algo_head_act(&x->head, f->y, NULL, mask, ALGO_GREEDY, &rng[c],
                      actions + c * (size_t)x->facts->action_total);
    }
}

static void observe(void *self, const algo_step *step) {
    es *x = self;
    for (size_t c = 0; c < x->copies; c++) {
        es_pair *pair = &x->playing[c];
        pair->returns[pair->ended] += step->rewards[c];
        if (!step->terminated[c] && !step->truncated[c]) continue;
        if (++pair->ended == 1) {
            add_noise(x, pair, -2 * x->config->sigma, x->member + c * x->net.params.n);
        } else {
            x->waiting[x->cadence.credit] = *pair;
            algo_cadence_count(&x->cadence, 1, 0);
        }
    }
}

/* Of a return among those of n pairs, from -1/2 to 1/2; equal ones share the mean of their ranks. */
static double rank_of(const es *x, double value) {
    double below = 0, equal = 0, n = (double)x->config->pairs;
    for (int64_t k = 0; k < 2 * x->config->pairs; k++) {
        double other = x->waiting[k / 2].returns[k % 2];
        below += other < value;
        equal += other == value;
    }
    return (below + (equal - 1) / 2) / (2 * n - 1) - 0.5;
}

/* What Adam descends is -g. */
static void learn(es *x) {
    const double members = 2 * (double)x->config->pairs;
    double mean = 0;
    for (size_t j = 0; j < x->net.params.n; j++)
        x->gradient[j] = (real)(x->config->weight_decay * (double)x->net.params.theta[j]);
    for (const es_pair *pair = x->waiting; pair < x->waiting + x->config->pairs; pair++) {
        double gain = rank_of(x, pair->returns[0]) - rank_of(x, pair->returns[1]);
        mean += (pair->returns[0] + pair->returns[1]) / members;
        if (gain != 0) add_noise(x, pair, -gain / members, x->gradient);
    }
    algo_net_descend(&x->net, -mean, x->gradient, 1);
}

static void update(void *self) {
    es *x = self;
    while (algo_cadence_due(&x->cadence, x->config->pairs, 1)) {
        learn(x);
        memmove(x->waiting, x->waiting + x->config->pairs, (size_t)x->cadence.credit * sizeof *x->waiting);
    }
    for (size_t c = 0; c < x->copies; c++)
        if (x->playing[c].ended == 2) begin_pair(x, c, x->playing[c].number + (int64_t)x->copies);
}

static const algo_metric METRICS[] = {
    {"member_return", "", "mean return of the episodes behind the last update", false},
    {"gradient_norm", "", "norm of its gradient", false},
    {0},
};

static void measure(const void *self, double *values) {
    const es *x = self;
    values[0] = x->cadence.updates > 0 ? -*x->net.loss : FM_ABSENT;
    values[1] = *x->net.gradient_norm;
}

static void destroy(void *self) { algo_net_free(&((es *)self)->net); }

const algo_type algo_es = {
    .name = "es",
    .doc = "evolution strategies: changes of the policy are judged by whole episodes; one agent",
    .paper = "Salimans et al., 2017",
    .options = OPTIONS,
    .config_size = sizeof(es_config),
    .presets = PRESETS,
    .steps = 200000,
    .accepts = accepts,
    .create = create,
    .act = act,
    .observe = observe,
    .update = update,
    .metrics = METRICS,
    .measure = measure,
    .destroy = destroy,
};
