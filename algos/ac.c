/* ac.c: the actor-critic of batches: one step of the policy per rollout, then m steps of its baseline. The
 * baseline of algos/stac.c, and the same program but for the direction of the policy's step.
 *
 * Paper: Zheng et al., "Stackelberg Actor-Critic: Game-Theoretic Reinforcement Learning Algorithms", AAAI
 * 2022, whose AC it is; the form is that of Sutton et al., NeurIPS 1999, as Spinning Up's VPG has it.
 *
 * Implemented, for each agent: after every n_steps decisions, with advantages A of mean 0 and deviation 1
 * [Schulman 2016, Eq. 16], and R the returns that belong to them or, with targets=monte_carlo as in the
 * paper, discounted sums of rewards,
 *
 *     theta <- theta + alpha_theta d/dtheta mean_t [ A_t log pi_theta(a_t | o_t) ]
 *     w     <- w - alpha_w d/dw mean_t [ (V_w(o_t) - R_t)^2 ]          m times, R as it was
 *
 * as plain steps or Adam's.
 *
 * Deviations: an episode that is under way when a rollout ends goes on in the next one, where the published
 * program begins anew; its missing rest is the baseline's value in both. Advantages are divided by their
 * deviation + 1e-5. The defaults are for learning fast: Adam with a falling rate and clipped gradients,
 * orthogonal weights, rollouts of 1,000; preset=published has the paper's plain steps, networks and sizes
 * (its program also adds noise=0.05 on CartPole).
 *
 * Status: verified: CartPole (tests/learn/test_learn_stac.c), the gradients (tests/test_actor_first.c). */
#include "algos/families/actor_first.h"

typedef struct ac_config {
    actor_first_options learner;
} ac_config;

static const fm_option OPTIONS[] = {
    ACTOR_FIRST_OPTIONS(ac_config, learner),
    FM_OPT_END,
};

typedef struct ac {
    actor_first base;
    nn_objective *actor; /* [policies] */
} ac;

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    return actor_critic_accepts("ac", facts, false, err);
}

static void *create(const algo_setup *setup) {
    const ac_config *c = setup->config;
    ac *x = fm_arena_array(setup->arena, ac, 1);
    actor_first_make(&x->base, setup, &c->learner);
    x->actor = fm_arena_array(setup->arena, nn_objective, x->base.base.policies);
    for (size_t i = 0; i < x->base.base.policies; i++) {
        const actor_critic_net *net = &x->base.base.policy[i].actor;
        nn_group group = {"actor", &net->params, &net->leaves};
        x->actor[i] = nn_objective_make(actor_first_loss(&x->base, i), &group, 1, &x->base.policy[i].entropy,
                                        1, setup->arena);
    }
    return x;
}

static void update(void *self) {
    ac *x = self;
    if (!actor_first_ready(&x->base)) return;
    for (size_t i = 0; i < x->base.base.policies; i++) {
        nn_objective *actor = &x->actor[i];
        if (!actor_first_draw(&x->base, i)) continue;
        nn_objective_run(actor);
        actor_first_step(&x->base, i,
                         &(actor_first_found){.direction = actor->gradient[0],
                                              .loss = *actor->loss,
                                              .entropy = actor->shown[0]});
    }
    actor_first_done(&x->base);
}

static const algo_metric METRICS[] = {
    ACTOR_FIRST_METRICS,
    {0},
};

static void measure(const void *self, double *values) { actor_first_measure(self, values); }

static const algo_preset PRESETS[] = {
    {"published", "", 800000,
     "hidden=64,32 init=fan_in optimizer=sgd actor_lr=0.1 critic_lr=0.01 vf_iters=1 targets=monte_carlo "
     "n_steps=4000 lr_final=1 max_grad_norm=0"},
    {0},
};

const algo_type algo_ac = {
    .name = "ac",
    .doc = "the actor-critic of batches: a step of the policy, then several of its baseline",
    .paper = "Zheng et al., AAAI 2022; Sutton et al., NeurIPS 1999",
    .options = OPTIONS,
    .config_size = sizeof(ac_config),
    .presets = PRESETS,
    .steps = 300000,
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
