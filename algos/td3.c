/* td3.c: twin delayed deep deterministic policy gradient, for one agent or several: DDPG with three cures for
 * values that are overestimated. Several agents have critics that see everything, as in maddpg.
 *
 * Papers: Fujimoto, van Hoof, Meger, "Addressing function approximation error in actor-critic methods", ICML
 *         2018; with centralised critics as in Lowe et al., NeurIPS 2017.
 * Baseline in: Zhang et al., AAAI 2020, Tables 2-4.
 *
 * Implemented (algos/families/centralised.h), for each agent i:
 *     two critics, y_i = r_i + gamma min_k Q'_ik(x', a')                            [Fujimoto 2018, Eq. 10]
 *     a'_j = clip(mu'_j(o'_j) + clip(noise, -c, c), -1, 1), noise normal            [Algorithm 1]
 *     actors and targets move once every `policy_delay` steps of the critics, along Q_i1   [Algorithm 1]
 * Actions are those of [-1, 1]; a box is scaled to it, so that all noise is in half ranges of the box.
 *
 * Deviations: discrete actions by Gumbel-Softmax as in maddpg, where the noise of the draw takes the place of
 * the smoothing; rewards are scaled by the bounds in the facts, and learning rates and noise fall linearly
 * (options).
 *
 * Preset "published": the settings of the reference experiments of [Zhang 2020], which lack the three cures:
 * the first critic alone in the target, no smoothing, no delay; and the smaller of the two critics for the
 * actor. Matrix games otherwise as in maddpg's preset, with the shipped critic's rate. In merge the shipped
 * TD3 is never trained, because a flag is never set; the preset keeps the networks as they start.
 *
 * Status: verified: the Cournot-Nash point of the duopoly, Nash cells; minimum, smoothing and delay each by
 * itself (tests/learn/test_learn_td3.c). */
#include "algos/families/centralised.h"
#include "algos/families/published.h"

typedef struct td3_config {
    centralised_config c;
    double target_policy_noise, target_noise_clip;
    int64_t policy_delay;
    published_td3_faults faults;
} td3_config;

static const fm_option OPTIONS[] = {
    CENTRALISED_OPTIONS(td3_config),
    FM_OPT_REAL(td3_config, target_policy_noise, "0.2", 0, 10, "half ranges",
                "standard deviation of the noise on a box's target actions", "sigma~"),
    FM_OPT_REAL(td3_config, target_noise_clip, "0.5", 0, 10, "half ranges", "its largest size", "c"),
    FM_OPT_INT(td3_config, policy_delay, "2", 1, 1e6, "updates",
               "updates of the critics per update of actors and target networks", "d"),
    PUBLISHED_TD3_OPTIONS(td3_config, faults),
    FM_OPT_RENAMED("smoothing", "target_policy_noise"),
    FM_OPT_RENAMED("smoothing_clip", "target_noise_clip"),
    FM_OPT_RENAMED("delay", "policy_delay"),
    FM_OPT_END,
};

#define PUBLISHED_MATRIX                                                                                     \
    "swap_critics=true target_policy_noise=0 policy_delay=1 hidden=20,20 actor_hidden=20,20 "                \
    "critic_lr=0.001 actor_lr=0.001 lr_final=1 loss=huber gamma=0 batch_size=512 buffer_size=10000 "         \
    "learning_starts=500 target_update_interval=10 relaxation=expectation logit_l2=0 epsilon=0 "             \
    "epsilon_least=0 scale_rewards=none"
#define PUBLISHED_MERGE                                                                                      \
    "train_freq=1e9 hidden=30,30 actor_hidden=30,30 learning_starts=500 sample_actions=false epsilon=0.3 "   \
    "epsilon_decay=0.9 epsilon_every=500 epsilon_least=0 coin=joint"

static const algo_preset PRESETS[] = {
    {"", "escape", 12000, ""},
    {"", "maintain", 12000, ""},
    {"published", "escape", 8000, PUBLISHED_MATRIX},
    {"published", "maintain", 8000, PUBLISHED_MATRIX},
    {"published", "merge", 23000, PUBLISHED_MERGE},
    {NULL, NULL, 0, NULL},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    return centralised_accepts("td3", facts, &((const td3_config *)config)->c, err);
}

static void *create(const algo_setup *setup) {
    const td3_config *config = setup->config;
    centralised_rule rule = {.critics = 2,
                             .target_critics = 2,
                             .actor_critics = 1,
                             .target_policy_noise = config->target_policy_noise,
                             .target_noise_clip = config->target_noise_clip,
                             .policy_delay = config->policy_delay};
    published_td3(&config->faults, &rule.target_critics, &rule.actor_critics);
    return centralised_make(setup, &config->c, &rule);
}

const algo_type algo_td3 = {
    .name = "td3",
    .doc = "TD3 for one agent or several: two critics, smoothed targets, delayed actors",
    .paper = "Fujimoto et al., ICML 2018; Lowe et al., NeurIPS 2017",
    .options = OPTIONS,
    .config_size = sizeof(td3_config),
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
