/* mappo.c: multi-agent PPO: actors as in ippo.c, critics that see the state.
 *
 * Paper: Yu et al., "The surprising effectiveness of PPO in cooperative multi-agent games", NeurIPS 2022.
 *
 * Against ippo.c: the critic sees the centralised state, or where there is none the observations of all
 * agents; with actor_sees_state the actor does too, beside its own observation, which its rivals that assume
 * a common state (step.c) are measured against.
 *
 * Deviations: those of ippo.c. Rewards need not be common: each agent has its own advantage.
 *
 * Status: verified: as ppo.c. */
#include "algos/families/ppo.h"

typedef struct mappo_config {
    ppo_options ppo;
    double actor_lr, critic_lr;
    bool share_policy, actor_sees_state;
} mappo_config;

static const fm_option OPTIONS[] = {
    ALGO_LR_OPTION(mappo_config, actor_lr, "actor_lr", "0.0005", "learning rate of the actors", "alpha"),
    ALGO_LR_OPTION(mappo_config, critic_lr, "critic_lr", "0.0005", "learning rate of the critics", "beta"),
    ALGO_BOOL(mappo_config, share_policy, "share_policy", "false", "one policy for all agents"),
    ALGO_BOOL(mappo_config, actor_sees_state, "actor_sees_state", "false",
              "actors see the state beside their own observation"),
    ALGO_ROLLOUT_OPTIONS(mappo_config, ppo.rollout, "3200", "0.99", "0.95", "false", "false"),
    ALGO_EPOCH_OPTIONS(mappo_config, ppo.epoch, "10", "0"),
    ALGO_COEFFICIENT_OPTIONS(mappo_config, ppo.coefficient, "0.01", "1"),
    PPO_OPTIONS(mappo_config, ppo, "relu", "0.2", "1", "10", "10", "true", "true"),
    FM_OPT_END,
};

static const algo_preset PRESETS[] = {
    PPO_MATRIX_PRESETS,
    {"", "onramp", 2000000, PPO_ONRAMP " share_policy=true"},
    {0},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    return actor_critic_accepts("mappo with share_policy", facts,
                                ((const mappo_config *)config)->share_policy, err);
}

static void *create(const algo_setup *setup) {
    const mappo_config *c = setup->config;
    int id = c->share_policy ? ACTOR_CRITIC_ID : 0;
    return ppo_create(setup, &(ppo_shape){.options = &c->ppo,
                                          .actor_lr = c->actor_lr,
                                          .critic_lr = c->critic_lr,
                                          .shared = c->share_policy,
                                          .clips_apart = true,
                                          .actor_sees = ACTOR_CRITIC_OWN | id |
                                                        (c->actor_sees_state ? ACTOR_CRITIC_STATE : 0),
                                          .critic_sees = ACTOR_CRITIC_STATE | id});
}

static const algo_metric METRICS[] = {PPO_METRICS, {0}};
static void measure(const void *self, double *values) { ppo_measure(self, values); }

const algo_type algo_mappo = {
    .name = "mappo",
    .doc = "multi-agent PPO: critics see the state",
    .paper = "Yu et al., NeurIPS 2022",
    .options = OPTIONS,
    .config_size = sizeof(mappo_config),
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
