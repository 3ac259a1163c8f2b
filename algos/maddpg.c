/* maddpg.c: multi-agent deep deterministic policy gradient: decentralised actors, centralised critics. With
 * one agent it is DDPG [Lillicrap et al., ICLR 2016].
 *
 * Paper: Lowe, Wu, Tamar, Harb, Abbeel, Mordatch, "Multi-agent actor-critic for mixed cooperative-competitive
 *        environments", NeurIPS 2017.
 * Baseline in: Zhang et al., AAAI 2020, Tables 2-4.
 *
 * Implemented (algos/families/centralised.h):
 *     critic  descends mean (y_i - Q_i(x, a_1, ..., a_N))^2,  y_i = r_i + gamma Q'_i(x', a'),
 *             a'_j = mu'_j(o'_j) for every j                                                       [Eq. 6]
 *     actor   climbs along  grad mu_i(o_i) grad_{a_i} Q_i(x, a)  at a_i = mu_i(o_i), the other actions as
 *             the replay has them                                                                  [Eq. 5]
 * Discrete actions by Gumbel-Softmax; squared logits are penalised by 0.001, as in the authors' own program,
 * so that no policy saturates before the critics are right.
 *
 * Deviations: the environment is given one-hot actions, drawn from the policy, and so is the replay; rewards
 * are scaled by the bounds in the facts, and learning rates and noise fall linearly (options). A relaxed draw
 * asks the critic about mixtures that no transition has shown it; on Maintain that can leave the follower at
 * an action that is no reply, often so with straight-through draws, and never seen with the exact expectation
 * (option relaxation). Left out: inferring the others' policies, and ensembles of policies.
 *
 * Preset "published": the settings of the reference experiments of [Zhang 2020]. Matrix games: expectation
 * over a softmax actor instead of Gumbel-Softmax, gamma 0, no exploration beyond the policy's own chance
 * after 500 random steps, raw rewards, Huber's loss. The shipped critic's rate of 0.001 gives no C-Z on
 * Escape where the table has 56 %, and 0.03 gives about that, so the preset takes 0.03. Merge: as shipped.
 *
 * Status: verified: the Cournot-Nash point of the duopoly, Nash cells (tests/learn/test_learn_maddpg.c). */
#include "algos/families/centralised.h"

typedef struct maddpg_config {
    centralised_config c;
} maddpg_config;

static const fm_option OPTIONS[] = {
    CENTRALISED_OPTIONS(maddpg_config),
    FM_OPT_END,
};

#define PUBLISHED_MATRIX                                                                                     \
    "hidden=20,20 actor_hidden=20,20 critic_lr=0.03 actor_lr=0.001 lr_final=1 loss=huber gamma=0 "           \
    "batch_size=512 buffer_size=10000 learning_starts=500 target_update_interval=10 relaxation=expectation " \
    "logit_l2=0 epsilon=0 epsilon_least=0 scale_rewards=none"
#define PUBLISHED_MERGE                                                                                      \
    "hidden=30,30 actor_hidden=30,30 critic_lr=0.01 actor_lr=0.001 lr_final=1 loss=huber gamma=1 "           \
    "batch_size=64 buffer_size=500 learning_starts=500 target_update_interval=10 relaxation=soft "           \
    "logit_l2=0 epsilon=0.3 epsilon_decay=0.9 epsilon_every=500 epsilon_least=0 coin=joint "                 \
    "scale_rewards=none"

static const algo_preset PRESETS[] = {
    {"", "escape", 12000, ""},
    {"", "maintain", 12000, ""},
    {"published", "escape", 8000, PUBLISHED_MATRIX},
    {"published", "maintain", 8000, PUBLISHED_MATRIX},
    {"published", "merge", 23000, PUBLISHED_MERGE},
    {NULL, NULL, 0, NULL},
};

static const centralised_rule RULE = {
    .critics = 1, .target_critics = 1, .actor_critics = 1, .policy_delay = 1};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    return centralised_accepts("maddpg", facts, &((const maddpg_config *)config)->c, err);
}

static void *create(const algo_setup *setup) {
    return centralised_make(setup, &((const maddpg_config *)setup->config)->c, &RULE);
}

const algo_type algo_maddpg = {
    .name = "maddpg",
    .doc = "multi-agent DDPG: actors on their own observations, critics that see everything",
    .paper = "Lowe et al., NeurIPS 2017",
    .options = OPTIONS,
    .config_size = sizeof(maddpg_config),
    .presets = PRESETS,
    .steps = 30000,
    .accepts = accepts,
    .create = create,
    .act = centralised_act,
    .observe = centralised_observe,
    .update = centralised_update,
    .metrics = CENTRALISED_METRICS,
    .measure = centralised_measure,
    .values = centralised_values,
    .probabilities = centralised_probabilities,
    .destroy = centralised_destroy,
};
