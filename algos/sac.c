/* sac.c: soft actor-critic: the actor maximises value and entropy together.
 *
 * Papers: Haarnoja, Zhou, Abbeel, Levine, "Soft actor-critic", ICML 2018; Haarnoja et al., "Soft actor-critic
 *         algorithms and applications", arXiv 1812.05905 (two critics, the temperature that adapts).
 * Baseline in: Zheng et al., "Stackelberg actor-critic", AAAI 2022, with ent_coef=0.2.
 *
 * Implemented (algos/families/off_policy.h, stochastic): a squashed Gaussian whose deviation depends on the
 * state, two critics, the smaller of their target copies in y and of themselves for the actor; critics first,
 * then the actor, then log alpha along mean log pi + target entropy.
 *
 * Deviations: the temperature is learned in log alpha, as all programs have it; densities are of actions in
 * [-1, 1], so that target_entropy means the same in every box; no reward is scaled.
 *
 * Presets apply by themselves: for mountaincar-continuous the noise of exploration is held, so that the car
 * swings before it has ever been paid.
 *
 * Status: verified: losses, targets, both gradients and the temperature's step against their formulas
 * (tests/test_off_policy.c), pendulum (tests/learn/test_learn_off_policy.c). */
#include "algos/families/off_policy.h"

typedef struct sac_config {
    off_policy_config base;
    off_policy_entropy_options entropy;
} sac_config;

static const fm_option OPTIONS[] = {
    OFF_POLICY_OPTIONS(sac_config),
    OFF_POLICY_ENTROPY_OPTIONS(sac_config, entropy),
    FM_OPT_END,
};

static const algo_preset PRESETS[] = {
    {"", "pendulum", 0, OFF_POLICY_PENDULUM},
    {"", "mountaincar-continuous", 50000, OFF_POLICY_MOUNTAINCAR},
    {NULL, NULL, 0, NULL},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    const sac_config *c = config;
    off_policy_rule rule;
    if (off_policy_accepts("sac", facts, &c->base, err) != FM_OK) return FM_BAD;
    return off_policy_entropy("sac", facts, &c->entropy, &rule, err);
}

static void *create(const algo_setup *setup) {
    const sac_config *config = setup->config;
    off_policy *c = fm_arena_array(setup->arena, off_policy, 1);
    off_policy_rule rule = {.stochastic = true};
    off_policy_entropy("sac", setup->facts, &config->entropy, &rule, NULL);
    off_policy_make(c, setup, &config->base, &rule);
    off_policy_learn_in_turn(c, setup);
    return c;
}

/* ORDER: METRICS. */
static void measure(const void *self, double *values) {
    off_policy_measure_entropy(self, off_policy_measure(self, values));
}

static const algo_metric METRICS[] = {
    OFF_POLICY_METRICS,
    OFF_POLICY_ENTROPY_METRICS,
    {NULL, NULL, NULL, false},
};

const algo_type algo_sac = {
    .name = "sac",
    .doc = "soft actor-critic for one agent with a box",
    .paper = "Haarnoja et al., ICML 2018",
    .options = OPTIONS,
    .config_size = sizeof(sac_config),
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
