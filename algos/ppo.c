/* ppo.c: proximal policy optimisation, for one agent.
 *
 * Paper: Schulman, Wolski, Dhariwal, Radford, Klimov, "Proximal policy optimization algorithms",
 * arXiv:1707.06347; details as in Huang et al., "The 37 implementation details of proximal policy
 * optimization", ICLR Blog Track 2022.
 *
 * The loss and the update are families/ppo.h's. Actor and critic are two networks, trained by one loss whose
 * gradient is clipped as one.
 *
 * Deviations: advantages are normalised over the rollout instead of each minibatch; an action of a box is
 * drawn in units of half the box (algos/parts/head.h).
 *
 * Status: verified: the loss and its gradients against sums of their own (tests/test_ppo.c), learning in
 * tests/learn/test_learn_ppo.c. */
#include "algos/families/ppo.h"

typedef struct ppo_config {
    ppo_options ppo;
    double lr;
} ppo_config;

static const fm_option OPTIONS[] = {
    ALGO_LR_OPTION(ppo_config, lr, "lr", "0.001", "learning rate of Adam", "alpha"),
    ALGO_ROLLOUT_OPTIONS(ppo_config, ppo.rollout, "1024", "0.99", "0.95", "false", "false"),
    ALGO_EPOCH_OPTIONS(ppo_config, ppo.epoch, "10", "64"),
    ALGO_COEFFICIENT_OPTIONS(ppo_config, ppo.coefficient, "0.01", "0.5"),
    PPO_OPTIONS(ppo_config, ppo, "tanh", "0.2", "0", "0.5", "0", "false", "false"),
    FM_OPT_END,
};

/* leader-pomdp: a leader that commits to a table, of the one-hots of its situations; "published" are the
 * settings of the program of [Gerstgrasser & Parkes, ICML 2023], but for its KL penalty and the bias that our
 * tables have. */
#define TABLE "hidden=none gamma=1 gae_lambda=1 batch_size=0 lr_final=1 "
static const algo_preset PRESETS[] = {
    {"", "leader-pomdp", 10000, TABLE "n_steps=300 n_epochs=10 lr=0.02 ent_coef=0.1"},
    {"published", "leader-pomdp", 500000,
     TABLE "n_steps=1005 n_epochs=30 lr=0.008 ent_coef=0 clip_range=0.3 vf_coef=1 max_grad_norm=0"},
    {"", "pendulum", 300000,
     "gamma=0.95 ent_coef=0 batch_size=256 n_epochs=4 lr=0.002 normalize_reward=true"},
    {0},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    if (facts->agents == 1) return FM_OK;
    return fm_fail(err, "ppo is for one agent, '%s' has %d; ippo trains each by itself, mappo together",
                   facts->name, facts->agents);
}

static void *create(const algo_setup *setup) {
    const ppo_config *c = setup->config;
    return ppo_create(setup, &(ppo_shape){.options = &c->ppo, .actor_lr = c->lr, .critic_lr = c->lr});
}

static const algo_metric METRICS[] = {PPO_METRICS, {0}};
static void measure(const void *self, double *values) { ppo_measure(self, values); }

const algo_type algo_ppo = {
    .name = "ppo",
    .doc = "proximal policy optimisation, for one agent",
    .paper = "Schulman et al. 2017",
    .options = OPTIONS,
    .config_size = sizeof(ppo_config),
    .presets = PRESETS,
    .steps = 150000,
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
