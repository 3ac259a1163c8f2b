/* hysteretic.c: hysteretic deep Q-learning: bad news counts less, for it may be the others' exploration.
 *
 * Papers: Matignon, Laurent, Le Fort-Piat, "Hysteretic Q-learning", IROS 2007; Omidshafiei et al., "Deep
 *         decentralized multi-task multi-agent RL under partial observability", ICML 2017 (deep networks).
 * Baseline in: Zhang et al., AAAI 2020, Tables 2-3.
 *
 * Implemented, for each agent i (algos/families/independent_q.h has the target):
 *     Q_i += alpha delta_i  where delta_i >= 0,    Q_i += beta alpha delta_i  where delta_i < 0
 * as the gradient of mean w delta_i^2 with w = beta where delta_i < 0, else 1. What the paper calls alpha and
 * beta are lr and beta lr here: beta is the ratio.
 *
 * Deviations: single observations instead of histories (no recurrent network: the environments here are
 * observed fully); Adam instead of plain gradient steps; those of idqn.
 *
 * Preset "published": the reference experiments of [Zhang 2020]. There the negative error itself is
 * multiplied by beta, so that a squared penalty counts beta^2; the penalty is Huber's; each agent draws its
 * own minibatches; targets above 1 are cut to 1, so that every positive payoff of the matrix games looks like
 * 1; and the networks see a zero, which leaves the biases of the last layer to learn. On Escape A-X, A-Y, B-X
 * and B-Y then are equally good. Table 2 has a mean of 13.25 and C-Z in 0 %, for which A-X would have to come
 * up in 65 of 100 runs; 10 of C-Z, 25 of A-X and 65 of the three others have the same mean, and that is about
 * what these settings give: simulated by itself, what the three biases of each agent do ends with C-Z in 15
 * and A-X in 22 of 100 (of 2,000). With joint draws (draw=joint) the agents' estimates rise and fall together,
 * and C-Z comes up in a quarter of the runs.
 *
 * Status: verified (tests/learn/test_learn_hysteretic.c). */
#include "algos/families/independent_q.h"

typedef struct hysteretic_config {
    independent_q_config q;
    double beta;
    int64_t weigh; /* independent_q_weigh */
} hysteretic_config;

static const fm_option OPTIONS[] = {
    INDEPENDENT_Q_OPTIONS(hysteretic_config),
    FM_OPT_REAL(hysteretic_config, beta, "0.5", 0, 1, "", "weight of negative errors", "beta"),
    FM_OPT_CHOICE(hysteretic_config, weigh, "gradient", "gradient|error", "what beta multiplies", ""),
    FM_OPT_END,
};

#define PUBLISHED                                                                                            \
    "beta=0.5 weigh=error hidden=20,20 lr=0.0001 lr_final=1 loss=huber gamma=0 batch_size=512 "              \
    "buffer_size=10000 learning_starts=500 tau=1 target_update_interval=5000 epsilon=0.1 "                   \
    "epsilon_decay=0.999999 epsilon_every=1 epsilon_least=0 scale_rewards=none clamp_targets=true "          \
    "blind=true draw=own"

static const algo_preset PRESETS[] = {
    {"", "escape", 12000, ""},
    {"", "maintain", 12000, ""},
    {"published", "escape", 30000, PUBLISHED},
    {"published", "maintain", 30000, PUBLISHED},
    {NULL, NULL, 0, NULL},
};

/* ---- state ---- */

typedef struct hysteretic {
    independent_q q; /* first: the core is given this struct */
    const hysteretic_config *config;
} hysteretic;

/* ---- loss ---- */

static ad_var loss(independent_q *q, int agent, ad_var delta, ad_var weight) {
    (void)agent;
    const hysteretic_config *config = ((hysteretic *)q)->config;
    ad_var forgive = ad_fill(delta.tape, 1, 1, 1 - config->beta);
    return independent_q_forgiving_loss(delta, weight, forgive, (independent_q_weigh)config->weigh,
                                        (algo_loss)config->q.loss);
}

static const independent_q_rule RULE = {.loss = loss};

/* ---- registration ---- */

static const algo_metric METRICS[] = {INDEPENDENT_Q_METRICS, {NULL, NULL, NULL, false}};

static void measure(const void *self, double *values) { independent_q_measure(self, values); }

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    return independent_q_accepts("hysteretic", facts, &((const hysteretic_config *)config)->q, err);
}

static void *create(const algo_setup *setup) {
    hysteretic *h = fm_arena_array(setup->arena, hysteretic, 1);
    h->config = setup->config;
    independent_q_make(&h->q, setup, &h->config->q, &RULE);
    return h;
}

const algo_type algo_hysteretic = {
    .name = "hysteretic",
    .doc = "hysteretic deep Q-learning: independent learners to whom bad news counts less",
    .paper = "Matignon et al., IROS 2007; Omidshafiei et al., ICML 2017",
    .options = OPTIONS,
    .config_size = sizeof(hysteretic_config),
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
