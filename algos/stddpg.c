/* stddpg.c: DDPG in which the actor or the critic leads, along the total derivative of its loss.
 *
 * Paper: Zheng et al., "Stackelberg Actor-Critic: Game-Theoretic Reinforcement Learning Algorithms", AAAI
 *        2022 (STDDPG-AL: leader=actor, STDDPG-CL: leader=critic), and its program (stddpg.py).
 *
 * Implemented (algos/families/stackelberg.h): Algorithm 2 for the deterministic actor of ddpg, with the
 * actor's own action in y instead of a target copy's: without it the actor is not in the critic's loss. A
 * relu critic has no second derivative in the action almost everywhere, so for leader=critic all curvature
 * of the follower is that of the actor's network, indefinite, and it is lambda that makes the system
 * solvable.
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

typedef struct stddpg_config {
    off_policy_config base;
    stackelberg_config lead;
    double action_noise;
} stddpg_config;

static const fm_option OPTIONS[] = {
    OFF_POLICY_OPTIONS(stddpg_config),
    OFF_POLICY_NOISE_OPTION(stddpg_config, action_noise),
    STACKELBERG_OPTIONS(stddpg_config),
    FM_OPT_END,
};

static const algo_preset PRESETS[] = {
    {"", "pendulum", 0, OFF_POLICY_PENDULUM},
    {"", "mountaincar-continuous", 50000, OFF_POLICY_MOUNTAINCAR " action_noise=0.5"},
    {NULL, NULL, 0, NULL},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    const stddpg_config *c = config;
    if (stackelberg_accepts("stddpg", &c->base, &c->lead, err) != FM_OK) return FM_BAD;
    return off_policy_accepts("stddpg", facts, &c->base, err);
}

static void *create(const algo_setup *setup) {
    const stddpg_config *config = setup->config;
    off_policy_rule rule = {.action_noise = config->action_noise};
    return stackelberg_make(setup, &config->base, &config->lead, &rule);
}

/* ORDER: METRICS. */
static void measure(const void *self, double *values) {
    const stackelberg *s = self;
    algo_total_measure(&s->log, off_policy_measure(&s->base, values));
}

static const algo_metric METRICS[] = {
    OFF_POLICY_METRICS,
    ALGO_TOTAL_METRICS,
    {NULL, NULL, NULL, false},
};

const algo_type algo_stddpg = {
    .name = "stddpg",
    .doc = "DDPG whose actor or critic leads along a total derivative",
    .paper = "Zheng et al., AAAI 2022",
    .options = OPTIONS,
    .config_size = sizeof(stddpg_config),
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
