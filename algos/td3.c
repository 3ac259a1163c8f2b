/* td3.c: twin delayed deep deterministic policy gradient for several agents: MADDPG with the three cures of
 * TD3.
 *
 * Papers: Fujimoto, van Hoof, Meger, "Addressing function approximation error in actor-critic methods", ICML
 *         2018; with centralised critics as in Lowe et al., NeurIPS 2017.
 * Baseline in: Zhang et al., AAAI 2020, Tables 2-4.
 *
 * Implemented (algos/families/centralised.h), for each agent i:
 *     two critics, y_i = r_i + gamma min_k Q'_ik(x', a')                            [Fujimoto 2018, Eq. 10]
 *     a'_j = clip(mu'_j(o'_j) + clip(noise, -c, c), -1, 1), noise normal            [Algorithm 1]
 *     actors and targets move once every `delay` steps of the critics, along Q_i1   [Algorithm 1]
 *
 * Deviations: discrete actions by Gumbel-Softmax as in maddpg, where the noise of the draw takes the place of
 * the smoothing; those of maddpg.
 *
 * Preset "published": the settings of the reference experiments of [Zhang 2020], which lack the three cures:
 * the first critic alone in the target, no smoothing, no delay; and the smaller of the two critics for the
 * actor. Matrix games otherwise as in maddpg's preset, with the shipped critic's rate. In merge the shipped
 * TD3 is never trained, because a flag is never set; the preset keeps the networks as they start.
 *
 * Status: verified: the Cournot-Nash point of the duopoly, Nash cells; minimum, smoothing and delay each by
 * itself (tests/learn/test_learn_td3.c). */
#include "algos/families/centralised.h"

typedef struct td3_config {
    centralised_config c;
    double smoothing, smoothing_clip;
    int64_t delay, target_critics, actor_critics;
} td3_config;

enum { CRITICS_MIN, CRITICS_FIRST };

static const fm_option OPTIONS[] = {
    CENTRALISED_OPTIONS(td3_config),
    FM_OPT_REAL(td3_config, smoothing, "0.2", 0, 10, "half ranges", "noise on a box's target actions",
                "sigma~"),
    FM_OPT_REAL(td3_config, smoothing_clip, "0.5", 0, 10, "half ranges", "its largest size", "c"),
    FM_OPT_INT(td3_config, delay, "2", 1, 1e6, "critic steps", "critic steps per step of actors and targets",
               "d"),
    FM_OPT_CHOICE(td3_config, target_critics, "min", "min|first", "which critic the targets take", ""),
    FM_OPT_CHOICE(td3_config, actor_critics, "first", "min|first", "which critic the actors climb", ""),
    FM_OPT_END,
};

#define WITHOUT_CURES "smoothing=0 delay=1 target_critics=first actor_critics=min "
#define PUBLISHED_MATRIX                                                                                     \
    WITHOUT_CURES                                                                                            \
    "hidden=20,20 actor_hidden=20,20 critic_lr=0.001 actor_lr=0.001 lr_final=1 loss=huber gamma=0 "          \
    "batch=512 replay=10000 warmup=500 target_every=10 relaxation=expectation logit_l2=0 epsilon=0 "         \
    "epsilon_least=0 scale_rewards=false"
#define PUBLISHED_MERGE                                                                                      \
    WITHOUT_CURES                                                                                            \
    "hidden=30,30 actor_hidden=30,30 critic_lr=0 actor_lr=0 gamma=0.75 batch=64 replay=500 warmup=500 "      \
    "train_every=1e6 relaxation=expectation sample_actions=false epsilon=0.3 epsilon_decay=0.9 "             \
    "epsilon_every=500 epsilon_least=0 coin=joint scale_rewards=false"

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
                             .target_min = config->target_critics == CRITICS_MIN,
                             .actor_min = config->actor_critics == CRITICS_MIN,
                             .smoothing = config->smoothing,
                             .smoothing_clip = config->smoothing_clip,
                             .delay = config->delay};
    return centralised_make(setup, &config->c, &rule);
}

const algo_type algo_td3 = {
    .name = "td3",
    .doc = "multi-agent TD3: MADDPG with two critics, smoothed targets and delayed actors",
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
    .metric_names = CENTRALISED_METRICS,
    .metrics = centralised_metrics,
    .values = centralised_values,
    .probabilities = centralised_probabilities,
    .destroy = centralised_destroy,
};
