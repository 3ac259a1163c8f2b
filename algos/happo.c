/* happo.c: heterogeneous-agent PPO: the agents' policies change one after the other, each knowing how the
 * earlier ones have changed.
 *
 * Paper: Kuba et al., "Trust region policy optimisation in multi-agent reinforcement learning", ICLR 2022.
 *
 * Against mappo.c: policies are never shared; at every update the agents come in a fresh random order, and
 * agent i_m maximises [Kuba 2022, Eq. 11 and Algorithm 4]
 *
 *     mean[ min(r M A, clip(r) M A) ],   M = product over i_1..i_(m-1) of pi_new(a | o) / pi_old(a | o)
 *
 * so M makes another advantage, and the loss is PPO's. That is sound where all earn the same, which it asks.
 *
 * Deviations: those of mappo.c. Each agent judges the common advantage by a critic of its own, as the
 * published program does. A step at which an agent was not active, or that earns it no credit, leaves M as it
 * is.
 *
 * Status: verified: as ppo.c, M against policies before and after. */
#include "algos/families/ppo.h"

#include <math.h>

typedef struct happo_config {
    ppo_options ppo;
    double actor_lr, critic_lr;
} happo_config;

typedef struct happo {
    ppo ppo;
    int *turn;         /* [agents] */
    double *M;         /* [slots + 1] */
    ad_plan **present; /* [agents] log-probabilities of a minibatch by the present policy ... */
    real *log_prob;    /* [rows of a minibatch] ... go here */
} happo;

static const fm_option OPTIONS[] = {
    ALGO_LR_OPTION(happo_config, actor_lr, "actor_lr", "0.0005", "learning rate of the actors", "alpha"),
    ALGO_LR_OPTION(happo_config, critic_lr, "critic_lr", "0.0005", "learning rate of the critics", "beta"),
    ALGO_ROLLOUT_OPTIONS(happo_config, ppo.rollout, "3200", "0.99", "0.95", "false", "false"),
    ALGO_EPOCH_OPTIONS(happo_config, ppo.epoch, "10", "0"),
    ALGO_COEFFICIENT_OPTIONS(happo_config, ppo.coefficient, "0.01", "1"),
    PPO_OPTIONS(happo_config, ppo, "relu", "0.2", "1", "10", "10", "true", "true"),
    FM_OPT_END,
};

static const algo_preset PRESETS[] = {PPO_MATRIX_PRESETS, {0}};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    if (facts->rewards == ENV_COMMON) return FM_OK;
    return fm_fail(err, "happo needs agents that earn the same; in '%s' they do not: mappo or ippo do",
                   facts->name);
}

static void *create(const algo_setup *setup) {
    const happo_config *c = setup->config;
    size_t agents = (size_t)setup->facts->agents;
    happo *h = fm_arena_array(setup->arena, happo, 1);
    actor_critic *ac = &h->ppo.base;
    ppo_make(&h->ppo, setup,
             &(ppo_shape){.options = &c->ppo,
                          .actor_lr = c->actor_lr,
                          .critic_lr = c->critic_lr,
                          .clips_apart = true,
                          .critic_sees = ACTOR_CRITIC_STATE});
    h->turn = fm_arena_array(setup->arena, int, agents);
    h->M = fm_arena_array(setup->arena, double, ac->rollout.slots + 1);
    h->present = fm_arena_array(setup->arena, ad_plan *, agents);
    h->log_prob = fm_arena_array(setup->arena, real, ac->policy[0].minibatches.batch.rows);
    for (size_t i = 0; i < agents; i++) {
        ppo_learn(&h->ppo, setup, &ac->policy[i], AD_NONE);
        h->present[i] = ad_plan_make(NULL, 0, &(ad_output){ac->policy[i].terms.log_prob, h->log_prob}, 1);
    }
    return h;
}

/* A *= M for agent i. */
static void weigh(happo *h, size_t i) {
    algo_rollout *r = &h->ppo.base.rollout;
    size_t agents = (size_t)r->facts->agents;
    for (size_t s = 0; s < r->slots; s++)
        r->advantage[s * agents + i] = (real)((double)r->advantage[s * agents + i] * h->M[s]);
}

/* M *= pi_new / pi_old of agent i. */
static void take_in(happo *h, size_t i) {
    const algo_rollout *r = &h->ppo.base.rollout;
    algo_minibatches *walk = &h->ppo.base.policy[i].minibatches;
    size_t agents = (size_t)r->facts->agents;
    algo_minibatches_start(walk, &h->ppo.base.shuffle);
    while (algo_minibatches_next(walk)) {
        ad_replay(h->present[i]);
        for (size_t row = 0; row < walk->batch.rows; row++) {
            size_t slot = walk->batch.drawn[row];
            h->M[slot] *= exp((double)h->log_prob[row] - (double)r->log_prob[slot * agents + i]);
        }
    }
}

static void update(void *self) {
    happo *h = self;
    actor_critic *ac = &h->ppo.base;
    if (!ppo_ready(&h->ppo)) return;
    for (size_t s = 0; s <= ac->rollout.slots; s++) h->M[s] = 1;
    for (int i = 0; i < ac->facts->agents; i++) h->turn[i] = i;
    for (size_t m = 0, left = ac->policies; m < ac->policies; m++, left--) {
        size_t pick = m + (size_t)fm_rng_below(&ac->shuffle, left);
        size_t i = (size_t)h->turn[pick];
        h->turn[pick] = h->turn[m];
        h->turn[m] = (int)i;
        weigh(h, i);
        ppo_improve(&h->ppo, &ac->policy[i]);
        take_in(h, i);
    }
    actor_critic_clear(ac);
}

static const algo_metric METRICS[] = {PPO_METRICS, {0}};
static void measure(const void *self, double *values) { ppo_measure(self, values); }

const algo_type algo_happo = {
    .name = "happo",
    .doc = "heterogeneous-agent PPO: policies change in turn, knowing how the others have",
    .paper = "Kuba et al., ICLR 2022",
    .options = OPTIONS,
    .config_size = sizeof(happo_config),
    .presets = PRESETS,
    .steps = 1000000,
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
