/* stsac.c: SAC in which the actor or the critics lead, along the total derivative of their loss.
 *
 * Paper: Zheng et al., "Stackelberg Actor-Critic: Game-Theoretic Reinforcement Learning Algorithms", AAAI
 * 2022 (STSAC-AL: leader=actor, STSAC-CL: leader=critic; with ent_coef=0.2), and its program (stsac.py).
 *
 * Implemented (algos/families/stackelberg.h): Algorithm 2 for the stochastic actor of sac. The actor is in
 * the critics' loss by the next actions and by their entropy; both critics follow, or lead, as one player.
 * The temperature adapts as in sac, and no derivative goes through it.
 *
 * Deviations from the paper and its program: the follower's Hessian is that of the loss it minimises, damped,
 * for both leaders (the paper's Algorithm 2 has the other sign for leader=critic; its Eq. 16 and program do
 * not). Conjugate gradient stops at non-positive curvature and at a relative residual, and the step is
 * bounded by `guard`. lambda is constant as in the paper; the program lets it fall (damping_decay=1e5), which
 * the paper does not say. Steps of the follower after the first (unroll) see the leader's new parameters, as
 * in the program; the paper's Algorithm 2 has the old ones. curvature=gauss_newton, which neither has, is
 * solved without conjugate gradient. By default updates follow every decision after 1,000 random ones, where
 * the program makes 50 at a time (train_freq, gradient_steps) and begins after 1,000 of 10,000 random ones.
 *
 * Status: verified: whole updates against the double sums of linear networks, and the mixed derivatives of
 * deep ones against differences, Gauss-Newton against conjugate gradient (tests/test_stackelberg.c), the
 * pendulum (tests/learn/test_learn_off_policy.c). */
#include "algos/families/stackelberg.h"

typedef struct stsac_config {
    off_policy_config base;
    stackelberg_config lead;
    off_policy_entropy_options entropy;
} stsac_config;

static const fm_option OPTIONS[] = {
    OFF_POLICY_OPTIONS(stsac_config),
    OFF_POLICY_ENTROPY_OPTIONS(stsac_config, entropy),
    STACKELBERG_OPTIONS(stsac_config),
    FM_OPT_END,
};

static const algo_preset PRESETS[] = {
    {"", "pendulum", 0, OFF_POLICY_PENDULUM},
    {"", "mountaincar-continuous", 50000, OFF_POLICY_MOUNTAINCAR},
    {NULL, NULL, 0, NULL},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    const stsac_config *c = config;
    off_policy_rule rule;
    if (stackelberg_accepts("stsac", &c->base, &c->lead, err) != FM_OK) return FM_BAD;
    if (off_policy_accepts("stsac", facts, &c->base, err) != FM_OK) return FM_BAD;
    return off_policy_entropy("stsac", facts, &c->entropy, &rule, err);
}

static void *create(const algo_setup *setup) {
    const stsac_config *config = setup->config;
    off_policy_rule rule = {.stochastic = true};
    off_policy_entropy("stsac", setup->facts, &config->entropy, &rule, NULL);
    return stackelberg_make(setup, &config->base, &config->lead, &rule);
}

/* ORDER: METRICS. */
static void measure(const void *self, double *values) {
    const stackelberg *s = self;
    algo_total_measure(&s->log, off_policy_measure_entropy(&s->base, off_policy_measure(&s->base, values)));
}

static const algo_metric METRICS[] = {
    OFF_POLICY_METRICS,
    OFF_POLICY_ENTROPY_METRICS,
    ALGO_TOTAL_METRICS,
    {NULL, NULL, NULL, false},
};

const algo_type algo_stsac = {
    .name = "stsac",
    .doc = "soft actor-critic whose actor or critics lead along a total derivative",
    .paper = "Zheng et al., AAAI 2022",
    .options = OPTIONS,
    .config_size = sizeof(stsac_config),
    .presets = PRESETS,
    .steps = 30000,
    .accepts = accepts,
    .create = create,
    .memory_length = off_policy_memory_length,
    .act = off_policy_act,
    .observe = off_policy_observe,
    .update = off_policy_update,
    .metrics = METRICS,
    .measure = measure,
    .values = off_policy_values,
    .destroy = off_policy_destroy,
};
