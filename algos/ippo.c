/* ippo.c: independent PPO: every agent learns by PPO from what it sees itself.
 *
 * Paper: de Witt et al., "Is independent learning all you need in the StarCraft multi-agent challenge?",
 * arXiv:2011.09533; settings are those of MAPPO's program [Yu 2022], of which it is one case.
 *
 * Against ppo.c: a policy and a critic for each agent, or with share_policy one for all, which then see whose
 * turn it is; each network's gradient is clipped by itself; values in units of their deviation, Huber's loss.
 *
 * Deviations: those of ppo.c; the statistics of values take in a rollout once, not with each minibatch.
 *
 * Status: verified: as ppo.c. */
#include "algos/families/ppo.h"

typedef struct ippo_config {
    ppo_options ppo;
    double actor_lr, critic_lr;
    bool share_policy;
} ippo_config;

static const fm_option OPTIONS[] = {
    ALGO_LR_OPTION(ippo_config, actor_lr, "actor_lr", "0.0005", "learning rate of the actors", "alpha"),
    ALGO_LR_OPTION(ippo_config, critic_lr, "critic_lr", "0.0005", "learning rate of the critics", "beta"),
    ALGO_BOOL(ippo_config, share_policy, "share_policy", "false", "one policy for all agents"),
    ALGO_ROLLOUT_OPTIONS(ippo_config, ppo.rollout, "3200", "0.99", "0.95", "false", "false"),
    ALGO_EPOCH_OPTIONS(ippo_config, ppo.epoch, "10", "0"),
    ALGO_COEFFICIENT_OPTIONS(ippo_config, ppo.coefficient, "0.01", "1"),
    PPO_OPTIONS(ippo_config, ppo, "relu", "0.2", "1", "10", "10", "true", "true"),
    FM_OPT_END,
};

static const algo_preset PRESETS[] = {
    PPO_MATRIX_PRESETS,
    {"", "onramp", 2000000, PPO_ONRAMP " share_policy=true"},
    {0},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    return actor_critic_accepts("ippo with share_policy", facts, ((const ippo_config *)config)->share_policy,
                                err);
}

static void *create(const algo_setup *setup) {
    const ippo_config *c = setup->config;
    int sees = ACTOR_CRITIC_OWN | (c->share_policy ? ACTOR_CRITIC_ID : 0);
    return ppo_create(setup, &(ppo_shape){.options = &c->ppo,
                                          .actor_lr = c->actor_lr,
                                          .critic_lr = c->critic_lr,
                                          .shared = c->share_policy,
                                          .clips_apart = true,
                                          .actor_sees = sees,
                                          .critic_sees = sees});
}

static const algo_metric METRICS[] = {PPO_METRICS, {0}};
static void measure(const void *self, double *values) { ppo_measure(self, values); }

const algo_type algo_ippo = {
    .name = "ippo",
    .doc = "independent PPO: every agent learns from what it sees itself",
    .paper = "de Witt et al. 2020",
    .options = OPTIONS,
    .config_size = sizeof(ippo_config),
    .presets = PRESETS,
    .steps = 1000000,
    .accepts = accepts,
    .create = create,
    .act = actor_critic_act,
    .observe = actor_critic_observe,
    .update = ppo_update,
    .metrics = METRICS,
    .measure = measure,
    .probabilities = actor_critic_probabilities,
    .destroy = actor_critic_destroy,
};
