/* ddpg.c: deep deterministic policy gradient.
 *
 * Paper: Lillicrap et al., "Continuous control with deep reinforcement learning", ICLR 2016.
 * Baseline in: Zheng et al., "Stackelberg actor-critic", AAAI 2022, with target_actor=false.
 *
 * Implemented (algos/families/off_policy.h, deterministic): one critic, y with a target copy of the critic
 * and of the actor; critic first, then the actor along dQ/da [Lillicrap 2016, Eq. 6].
 *
 * Deviations: Gaussian noise on the actions in place of the Ornstein-Uhlenbeck process, as most programs
 * have it; hold_noise correlates it in time where that is needed. No batch normalisation, no weight decay.
 *
 * Presets as in sac; on the mountain car the noise is also larger.
 *
 * Status: verified: losses, target and both gradients against their formulas (tests/test_off_policy.c),
 * pendulum (tests/learn/test_learn_off_policy.c). */
#include "algos/families/off_policy.h"

typedef struct ddpg_config {
    off_policy_config base;
    double action_noise;
    bool target_actor;
} ddpg_config;

static const fm_option OPTIONS[] = {
    OFF_POLICY_OPTIONS(ddpg_config),
    OFF_POLICY_NOISE_OPTION(ddpg_config, action_noise),
    FM_OPT_BOOL(ddpg_config, target_actor, "true",
                "whether actions in the TD target are a target copy's, not the actor's own", "mu'"),
    FM_OPT_END,
};

static const algo_preset PRESETS[] = {
    {"", "pendulum", 0, OFF_POLICY_PENDULUM},
    {"", "mountaincar-continuous", 50000, OFF_POLICY_MOUNTAINCAR " action_noise=0.5"},
    {NULL, NULL, 0, NULL},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    return off_policy_accepts("ddpg", facts, &((const ddpg_config *)config)->base, err);
}

static void *create(const algo_setup *setup) {
    const ddpg_config *config = setup->config;
    off_policy *c = fm_arena_array(setup->arena, off_policy, 1);
    off_policy_rule rule = {.action_noise = config->action_noise, .target_actor = config->target_actor};
    off_policy_make(c, setup, &config->base, &rule);
    off_policy_learn_in_turn(c, setup);
    return c;
}

static void measure(const void *self, double *values) { off_policy_measure(self, values); }

static const algo_metric METRICS[] = {OFF_POLICY_METRICS, {NULL, NULL, NULL, false}};

const algo_type algo_ddpg = {
    .name = "ddpg",
    .doc = "deep deterministic policy gradient for one agent with a box",
    .paper = "Lillicrap et al., ICLR 2016",
    .options = OPTIONS,
    .config_size = sizeof(ddpg_config),
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
