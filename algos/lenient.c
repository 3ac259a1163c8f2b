/* lenient.c: lenient deep Q-learning: bad news about an action is forgiven while the action is new.
 *
 * Paper: Palmer, Tuyls, Bloembergen, Savani, "Lenient multi-agent deep reinforcement learning", AAMAS 2018.
 * Baseline in: Zhang et al., AAAI 2020, Tables 2-3.
 *
 * Implemented, for each agent i (algos/families/independent_q.h has the target), with a temperature T(o, a)
 * for every observation and action, which starts at its ceiling nu:
 *     leniency  l(o, a) = 1 - exp(-K T(o, a)), stored beside the transition
 *     update    by delta_i where delta_i >= 0 or x > l, x uniform on [0, 1); else none
 *     decay     at the end of an episode, for its steps from the last (n = 0) to the first:
 *                   T <- min(nu, beta_n ((1 - upsilon) T + upsilon Tbar(o'))),    beta_n = exp(rho d^n)
 *               with Tbar the mean over the next observation's actions, and upsilon 0 for a terminal step;
 *               then nu <- mu nu
 *     keys      observations with the same signs of k random projections share temperatures (SimHash)
 *
 * Deviations: the projections are of the observation itself, not of an autoencoder's code, since the
 * observations here are short; signs are hashed into `buckets` rows, so that strangers may rarely share one;
 * `forgive=weight` weighs a negative error by 1 - l, its expectation, instead of drawing; exploration is the
 * schedule of the other independent learners, so that the three differ in the weighting alone; and those of
 * idqn.
 *
 * Preset "published": the reference experiments of [Zhang 2020]. There temperatures start to fall only after
 * 200,000 stored transitions, of which the buffer holds 10,000: they never do, and leniency stays at
 * 1 - exp(-1). Negative errors themselves are multiplied by 1 - l; the rest is as in the preset of
 * hysteretic, whose card says why C-Z comes up where Table 2 has none.
 *
 * Status: verified (tests/learn/test_learn_lenient.c). */
#include <math.h>
#include <string.h>

#include "algos/families/independent_q.h"

typedef enum lenient_forgive { LENIENT_DRAW, LENIENT_WEIGHT, LENIENT_WEIGHT_ERROR } lenient_forgive;

typedef struct lenient_config {
    independent_q_config q;
    double K, temperature, rho, d, mu, upsilon;
    int64_t forgive, decay_after, bits, buckets;
} lenient_config;

static const fm_option OPTIONS[] = {
    INDEPENDENT_Q_OPTIONS(lenient_config),
    FM_OPT_REAL(lenient_config, K, "2", 0, 1e3, "", "how much leniency a temperature brings", "K"),
    FM_OPT_REAL(lenient_config, temperature, "1", 0, 1e3, "", "temperature at the start", "nu"),
    FM_OPT_REAL(lenient_config, rho, "-0.01", -1, 0, "", "logarithm of the decay of an episode's last step",
                "rho"),
    FM_OPT_REAL(lenient_config, d, "0.95", 0, 1, "", "how fast the decay weakens towards the first step",
                "d"),
    FM_OPT_REAL(lenient_config, mu, "0.999", 0, 1, "", "decay of the largest temperature per episode", "mu"),
    FM_OPT_REAL(lenient_config, upsilon, "0.1", 0, 1, "", "share of the next observation's mean temperature",
                "upsilon"),
    FM_OPT_CHOICE(lenient_config, forgive, "draw", "draw|weight|weight-error",
                  "negative errors are dropped by chance, weighted in the gradient, or themselves weighted",
                  ""),
    FM_OPT_INT(lenient_config, decay_after, "0", 0, 1e15, "transitions",
               "stored transitions before temperatures begin to fall", ""),
    FM_OPT_INT(lenient_config, bits, "64", 1, 64, "bits", "signs of random projections in a key", "k"),
    FM_OPT_INT(lenient_config, buckets, "4096", 1, 1e7, "rows", "rows of the temperature table", ""),
    FM_OPT_END,
};

#define PUBLISHED                                                                                            \
    "K=1 temperature=1 d=0.9 mu=0.9998 forgive=weight-error decay_after=200000 hidden=20,20 lr=0.0001 "      \
    "lr_final=1 loss=huber gamma=0 batch_size=512 buffer_size=10000 learning_starts=500 tau=1 "              \
    "target_update_interval=5000 epsilon=0.1 epsilon_decay=0.999999 epsilon_every=1 epsilon_least=0 "        \
    "scale_rewards=none clamp_targets=true blind=true draw=own"

static const algo_preset PRESETS[] = {
    {"", "escape", 12000, ""},
    {"", "maintain", 12000, ""},
    {"published", "escape", 30000, PUBLISHED},
    {"published", "maintain", 30000, PUBLISHED},
    {NULL, NULL, 0, NULL},
};

/* ---- state; a key is a row of the table of one agent ---- */

#define TRACE_MAX 256 /* steps of an episode whose temperatures fall; before them beta_n is nearly 1 */

/* Of a decision; key NOBODY where the agent was not active. */
#define NOBODY (-1)
typedef struct visit {
    int32_t key, action, next_key;
    int32_t terminal;
} visit;

typedef struct agent_state {
    real *temperature; /* [buckets][A] */
    real *leniency;    /* [replay capacity] of the stored transitions */
    real *forgive;     /* [B, 1] leaf: what a negative error of this row is forgiven */
    real *projection;  /* [bits][obs] */
    visit *trace;      /* [copies][trace] the running episodes, a ring each */
} agent_state;

typedef struct lenient {
    independent_q q; /* first: the core is given this struct */
    const lenient_config *config;
    const algo_setup *setup; /* only within create */
    agent_state *agent; /* [agents] */
    int64_t trace;   /* length of a ring */
    int64_t *length; /* [copies] decisions of the running episode */
    double ceiling;  /* nu */
    double shown;    /* mean leniency of the last minibatch */
    fm_rng forgive;
} lenient;

/* ---- loss ---- */

static ad_var loss(independent_q *q, int agent, ad_var delta, ad_var weight) {
    lenient *l = (lenient *)q;
    ad_var forgive;
    l->agent[agent].forgive =
        algo_leaf(l->setup, (size_t)q->config->replay.batch_size, 1, "forgiven", &forgive);
    bool itself = l->config->forgive == LENIENT_WEIGHT_ERROR;
    return independent_q_forgiving_loss(delta, weight, forgive,
                                        itself ? INDEPENDENT_Q_WEIGH_ERROR : INDEPENDENT_Q_WEIGH_GRADIENT,
                                        (algo_loss)q->config->loss);
}

static void sampled(independent_q *q, int i) {
    lenient *l = (lenient *)q;
    agent_state *agent = &l->agent[i];
    size_t rows = q->agent[i].batch.rows;
    double sum = 0;
    for (size_t b = 0; b < rows; b++) {
        double leniency = (double)agent->leniency[q->agent[i].batch.drawn[b]];
        sum += leniency;
        if (l->config->forgive != LENIENT_DRAW) agent->forgive[b] = (real)leniency;
        else agent->forgive[b] = (real)(fm_rng_uniform(&l->forgive) <= leniency);
    }
    l->shown = (i == 0 ? 0 : l->shown) + sum / (double)(rows * (size_t)q->agents);
}

/* ---- temperatures ---- */

/* The table row of an agent's observation. */
static int32_t key_of(const lenient *l, int i, const real *obs) {
    size_t n = (size_t)l->q.facts->agent[i].obs_length;
    uint64_t signs = 0;
    for (int64_t k = 0; k < l->config->bits; k++) {
        const real *projection = l->agent[i].projection + (size_t)k * n;
        double sum = 0;
        for (size_t d = 0; d < n; d++) sum += (double)projection[d] * (double)obs[d];
        signs = signs << 1 | (sum > 0);
    }
    signs = (signs ^ (signs >> 31)) * UINT64_C(0x9e3779b97f4a7c15); /* any mixing does: neighbours apart */
    return (int32_t)((signs >> 20) % (uint64_t)l->config->buckets);
}

static double mean_temperature(const lenient *l, int i, int32_t key) {
    size_t actions = (size_t)l->q.facts->agent[i].action.n;
    const real *row = l->agent[i].temperature + (size_t)key * actions;
    double sum = 0;
    for (size_t a = 0; a < actions; a++) sum += (double)row[a];
    return sum / (double)actions;
}

/* The episode of a copy has ended: its temperatures fall, the last step's first. */
static void cool(lenient *l, size_t copy) {
    int64_t last = l->length[copy] - 1, n = l->length[copy] < l->trace ? l->length[copy] : l->trace;
    for (int i = 0; i < l->q.agents; i++) {
        size_t actions = (size_t)l->q.facts->agent[i].action.n;
        for (int64_t k = 0; k < n; k++) {
            const visit *at = &l->agent[i].trace[copy * (size_t)l->trace + (size_t)((last - k) % l->trace)];
            if (at->key == NOBODY) continue;
            real *temperature = &l->agent[i].temperature[(size_t)at->key * actions + (size_t)at->action];
            double upsilon = at->terminal ? 0 : l->config->upsilon;
            double folded =
                (1 - upsilon) * (double)*temperature + upsilon * mean_temperature(l, i, at->next_key);
            double beta = exp(l->config->rho * pow(l->config->d, (double)k));
            *temperature = (real)fmin(l->ceiling, beta * folded);
        }
    }
    l->ceiling *= l->config->mu;
}

/* Agent i's decision in a copy: its leniency stands beside the transition, its visit in the trace. */
static void visited(lenient *l, const algo_step *step, size_t copy, int i, size_t slot, visit *trace) {
    const env_facts *facts = l->q.facts;
    const env_agent *agent = &facts->agent[i];
    size_t from = copy * (size_t)facts->obs_total + (size_t)agent->obs_at;
    size_t own = copy * (size_t)facts->agents + (size_t)i;
    *trace = (visit){NOBODY, 0, 0, 0};
    l->agent[i].leniency[slot] = 0;
    if (!step->before.active[own]) return;
    int32_t key = key_of(l, i, step->before.obs + from);
    int32_t action =
        (int32_t)step->actions[copy * (size_t)facts->action_total + (size_t)agent->action_at];
    size_t entry = (size_t)key * (size_t)agent->action.n + (size_t)action;
    double temperature = (double)l->agent[i].temperature[entry];
    l->agent[i].leniency[slot] = (real)(1 - exp(-l->config->K * temperature));
    *trace = (visit){key, action, key_of(l, i, step->after.obs + from), step->done[own]};
}

static void observed(independent_q *q, const algo_step *step) {
    lenient *l = (lenient *)q;
    bool falling = *q->replay.written >= l->config->decay_after;
    for (size_t c = 0; c < (size_t)step->before.copies; c++) {
        size_t slot = (size_t)(*q->replay.written + (int64_t)c) % q->replay.capacity;
        size_t place = c * (size_t)l->trace + (size_t)(l->length[c] % l->trace);
        for (int i = 0; i < q->agents; i++) visited(l, step, c, i, slot, &l->agent[i].trace[place]);
        l->length[c]++;
        if (!step->terminated[c] && !step->truncated[c]) continue;
        if (falling) cool(l, c);
        l->length[c] = 0;
    }
}

static const independent_q_rule RULE = {.loss = loss, .sampled = sampled, .observed = observed};

/* ---- registration ---- */

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    return independent_q_accepts("lenient", facts, &((const lenient_config *)config)->q, err);
}

static void make_agent(lenient *l, int i, const algo_setup *setup) {
    const lenient_config *config = l->config;
    agent_state *agent = &l->agent[i];
    size_t entries = (size_t)config->buckets * (size_t)setup->facts->agent[i].action.n;
    size_t stored = l->q.replay.capacity, trace = (size_t)setup->num_envs * (size_t)l->trace;
    size_t obs = (size_t)config->bits * (size_t)setup->facts->agent[i].obs_length;
    agent->temperature = fm_arena_array(setup->arena, real, entries);
    for (size_t k = 0; k < entries; k++) agent->temperature[k] = (real)config->temperature;
    agent->leniency = fm_arena_array(setup->arena, real, stored);
    agent->trace = fm_arena_array(setup->arena, visit, trace);
    agent->projection = fm_arena_array(setup->arena, real, obs);
    fm_rng rng = fm_rng_split(setup->seed, FM_RNG_INIT, 1, (uint64_t)i);
    fm_rng_fill_normal(&rng, agent->projection, obs);
    fm_keep(setup->keep, FM_DTYPE_REAL, agent->temperature, entries, "temperature.%d", i);
    fm_keep(setup->keep, FM_DTYPE_REAL, agent->leniency, stored, "replay.leniency.%d", i);
    fm_keep_bytes(setup->keep, agent->trace, trace * sizeof(visit), "trace.%d", i);
}

static void *create(const algo_setup *setup) {
    lenient *l = fm_arena_array(setup->arena, lenient, 1);
    l->config = setup->config;
    l->setup = setup;
    l->trace = setup->facts->horizon < TRACE_MAX ? setup->facts->horizon : TRACE_MAX;
    l->ceiling = l->config->temperature;
    l->shown = FM_ABSENT;
    l->length = fm_arena_array(setup->arena, int64_t, (size_t)setup->num_envs);
    l->forgive = fm_rng_split(setup->seed, FM_RNG_UPDATE, 0, 0);
    l->agent = fm_arena_array(setup->arena, agent_state, (size_t)setup->facts->agents);
    independent_q_make(&l->q, setup, &l->config->q, &RULE);
    for (int i = 0; i < setup->facts->agents; i++) make_agent(l, i, setup);
    l->setup = NULL;
    fm_keep(setup->keep, FM_I64, l->length, (size_t)setup->num_envs, "trace.length");
    fm_keep(setup->keep, FM_F64, &l->ceiling, 1, "temperature.ceiling");
    fm_keep(setup->keep, FM_F64, &l->shown, 1, "leniency.mean");
    fm_keep_bytes(setup->keep, &l->forgive, sizeof l->forgive, "rng.forgive");
    return l;
}

/* ORDER: those of the core, then its own. */
static const algo_metric METRICS[] = {
    INDEPENDENT_Q_METRICS,
    {"leniency", "", "mean leniency of the last minibatch", false},
    {NULL, NULL, NULL, false},
};

static void measure(const void *self, double *values) {
    *independent_q_measure(self, values) = ((const lenient *)self)->shown;
}

const algo_type algo_lenient = {
    .name = "lenient",
    .doc = "lenient deep Q-learning: independent learners who forgive what is new to them",
    .paper = "Palmer et al., AAMAS 2018",
    .options = OPTIONS,
    .config_size = sizeof(lenient_config),
    .presets = PRESETS,
    .steps = 30000,
    .accepts = accepts,
    .create = create,
    .act = independent_q_act,
    .observe = independent_q_observe,
    .update = independent_q_update,
    .metrics = METRICS,
    .measure = measure,
    .values = independent_q_values,
    .destroy = independent_q_destroy,
};
