/* reinforce.c: the policy gradient with a learned baseline, for every agent by itself.
 *
 * Paper: Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement
 * learning", Machine Learning 8, 1992; advantages as in Schulman et al., ICLR 2016.
 *
 * Implemented, for each agent: after every n_steps decisions one step of Adam along the gradient of
 *
 *     mean_t [ log pi(a_t | o_t) (R_t - b(o_t)) ]     [Williams 1992, Sec. 4 to 6], with b as it was then
 *     + ent_coef mean_t [ H(pi(. | o_t)) ] - vf_coef mean_t [ (R_t - b(o_t))^2 ]
 *
 * with R_t the discounted return, or for gae_lambda < 1 the lambda-return. Discrete actions, several heads
 * and boxes (algos/parts/head.h); the gradient counts the steps at which the agent acted and that earn
 * credit, and an episode that is cut off goes on with the baseline's value (algos/parts/rollout.h).
 *
 * Deviations: returns are discounted but the steps are not, as everywhere today; Adam, entropy and clipping
 * are later additions; rewards are divided by the deviation of the return (normalize_reward), and the
 * learning rate falls to a tenth (lr_final).
 *
 * Status: verified: gradients against their closed form (tests/test_actor_critic.c); learns the values of
 * corridors, the optimal push of a linear pendulum, an equilibrium of a matrix game
 * (tests/learn/test_learn_reinforce.c). */
#include <string.h>

#include "algos/families/actor_critic.h"

typedef struct reinforce_config {
    fm_ints hidden;
    int64_t activation;
    double lr;
    algo_rollout_options rollout;
    algo_coefficient_options coefficient;
    algo_descent_options descent;
    bool bias, baseline;
} reinforce_config;

static const fm_option OPTIONS[] = {
    ALGO_HIDDEN_OPTION(reinforce_config, hidden, "64,64"),
    ALGO_ACTIVATION_OPTION(reinforce_config, activation, "tanh"),
    ALGO_LR_OPTION(reinforce_config, lr, "lr", "0.003", "learning rate of Adam", "alpha"),
    ALGO_ROLLOUT_OPTIONS(reinforce_config, rollout, "256", "0.99", "1", "false", "true"),
    ALGO_COEFFICIENT_OPTIONS(reinforce_config, coefficient, "0.01", "0.5"),
    ALGO_DESCENT_OPTIONS(reinforce_config, descent, "0.1", "0.5"),
    FM_OPT_BOOL(reinforce_config, bias, "true", "the networks' layers have a bias", ""),
    FM_OPT_BOOL(reinforce_config, baseline, "true", "a learned baseline; else the returns as they are", "b"),
    FM_OPT_END,
};

/* The games of [Gerstgrasser & Parkes, ICML 2023]: policies that are tables, of the observations' one-hots.
 * Followers are trained until they are exact; "published" are the settings of the paper's program, seven
 * episodes of ten rounds to a step, which almost never get there. */
#define TABLE "hidden=none gamma=1 ent_coef=0 normalize_reward=false "
#define PUBLISHED TABLE "lr_final=1 max_grad_norm=0 bias=false baseline=false "
static const algo_preset PRESETS[] = {
    {"", "follower-pomdp", 1000000, TABLE "n_steps=640 lr=0.05 lr_final=1"},
    {"published", "follower-pomdp", 35000, PUBLISHED "n_steps=70 lr=0.02"},
    {"", "leader-pomdp", 10000, TABLE "n_steps=75 lr=0.1 lr_final=1 ent_coef=1"},
    {"published", "leader-pomdp", 210000, PUBLISHED "n_steps=104 lr=0.008"},
    {NULL, NULL, 0, NULL},
};

static ad_var loss(const reinforce_config *c, const actor_critic_terms *x, ad_var entropy) {
    ad_var policy = nn_weighted_mean(ad_mul(x->log_prob, x->advantage), x->weight);
    ad_var baseline = nn_weighted_mean(ad_square(ad_sub(x->returns, x->value)), x->weight);
    ad_var gain = ad_add(policy, ad_scale(entropy, c->coefficient.ent_coef));
    return ad_sub(ad_scale(baseline, c->coefficient.vf_coef), gain);
}

/* A baseline that is zero and stays so. */
static void drop_baseline(actor_critic_policy *p) {
    memset(p->critic.params.theta, 0, p->critic.params.n * sizeof(real));
}

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    return actor_critic_accepts("reinforce", facts, false, err);
}

static void *create(const algo_setup *setup) {
    const reinforce_config *c = setup->config;
    actor_critic *ac = fm_arena_array(setup->arena, actor_critic, 1);
    actor_critic_make(ac, setup,
                      &(actor_critic_shape){.rollout = &c->rollout,
                                            .descent = &c->descent,
                                            .hidden = &c->hidden,
                                            .activation = (ad_act)c->activation,
                                            .actor_lr = c->lr,
                                            .critic_lr = c->baseline ? c->lr : 0,
                                            .clips_apart = !c->baseline,
                                            .linear = !c->bias});
    for (size_t i = 0; i < ac->policies; i++) {
        actor_critic_policy *p = &ac->policy[i];
        ad_var entropy = nn_weighted_mean(p->terms.entropy, p->terms.weight);
        if (!c->baseline) drop_baseline(p);
        actor_critic_learn(p, setup, loss(c, &p->terms, entropy), &entropy, 1);
    }
    return ac;
}

static void update(void *self) {
    actor_critic *ac = self;
    if (!actor_critic_ready(ac)) return;
    for (size_t i = 0; i < ac->policies; i++) {
        actor_critic_policy *p = &ac->policy[i];
        algo_minibatches_start(&p->minibatches, &ac->shuffle);
        while (algo_minibatches_next(&p->minibatches)) actor_critic_step(p);
    }
    actor_critic_clear(ac);
}

static const algo_metric METRICS[] = {
    ACTOR_CRITIC_METRICS,
    {"entropy", "nats", "mean entropy of the policy", true},
    {0},
};

static void measure(const void *self, double *values) {
    const actor_critic *ac = self;
    values = actor_critic_measure(ac, values);
    for (size_t i = 0; i < ac->policies; i++) *values++ = actor_critic_shown(&ac->policy[i], 0);
}

const algo_type algo_reinforce = {
    .name = "reinforce",
    .doc = "the policy gradient with a learned baseline, for every agent by itself",
    .paper = "Williams, Machine Learning 1992",
    .options = OPTIONS,
    .config_size = sizeof(reinforce_config),
    .presets = PRESETS,
    .steps = 100000,
    .accepts = accepts,
    .create = create,
    .act = actor_critic_act,
    .observe = actor_critic_observe,
    .update = update,
    .metrics = METRICS,
    .measure = measure,
    .probabilities = actor_critic_probabilities,
    .destroy = actor_critic_destroy,
};
