/* stac.c: Stackelberg actor-critic: the policy leads, and steps along the total derivative of its loss
 * through the answer of its baseline.
 *
 * Paper: Zheng et al., "Stackelberg Actor-Critic: Game-Theoretic Reinforcement Learning Algorithms", AAAI
 * 2022, and its program (stac.py).
 *
 * Implemented, for each agent, after every n_steps decisions [Eq. 15, Prop. 1], with mean over the steps t of
 * the rollout, normalised advantages A and their targets R (algos/ac.c), and s0(t) the first situation of the
 * trajectory of t:
 *
 *     L(w)    = mean_t [ (V_w(o_t) - R_t)^2 ]
 *     x       = (d2 L / dw2 + lambda I)^-1 mean_t [ dV_w(o_t) / dw ]           by conjugate gradient
 *     kappa_t = <dV_w(s0(t)) / dw, x>
 *     theta  <- theta + alpha_theta mean_t [ (1 + 2 kappa_t) A_t dlog pi(a_t | o_t) / dtheta ]
 *
 * and then m steps of the baseline, as in ac.c. So the implicit term is 2 mean_t [ kappa_t A_t dlog pi /
 * dtheta ], `form=trajectory`. The others:
 *
 *     raw        2 (1/n) sum over n trajectories j of kappa_j sum_t gamma^t R_t dlog pi / dtheta: Proposition
 *                1 as it stands, with R for Q^pi. It is as long as returns are, not as normalised advantages:
 *                at the published rates the policy collapses
 *     released   kappa of one s0 for all t, that of the first episode that begins in the rollout, as the
 *                program has it. Then the step is the policy gradient times c = 1 + 2 kappa; and because V
 *                has an output bias, which can answer alone, c = 2 exactly for the Gauss-Newton matrix and
 *                lambda = 0
 *
 * Controls: implicit=none (AC, everything else equal), implicit=length (the policy gradient, as long as the
 * total derivative is), and ac itself with twice its learning rate.
 *
 * Deviations: those of ac.c, of which this matters most: a trajectory begins where the rollout sees it first.
 * The right-hand side of x is the gradient of V's mean over all situations, as in the program; the paper's J
 * is the reward and V of the second situation of each trajectory. Conjugate gradient stops at non-positive
 * curvature and the step is bounded by `guard`; the program does neither, and takes a step of thousands of
 * policy gradients now and then.
 *
 * Status: verified: whole updates in every form (tests/test_actor_first.c), CartPole
 * (tests/learn/test_learn_stac.c, ./reproduce stac/cartpole). */
#include <math.h>

#include "algos/families/actor_first.h"
#include "algos/parts/net.h"
#include "algos/parts/total.h"

typedef enum stac_form { TRAJECTORY, RAW, RELEASED } stac_form;

typedef struct stac_config {
    actor_first_options learner;
    algo_total_options total;
    int64_t form, curvature; /* ORDER stac_form, nn_curvature */
} stac_config;

static const fm_option OPTIONS[] = {
    ACTOR_FIRST_OPTIONS(stac_config, learner),
    ALGO_TOTAL_OPTIONS(stac_config, total, "0", "4"),
    ALGO_CHOICE(stac_config, form, "form", "trajectory", "trajectory|raw|released",
                "of the implicit term: Proposition 1 for steps, as it stands, or the published program's"),
    ALGO_CHOICE(stac_config, curvature, "curvature", "hessian", "hessian|gauss_newton",
                "of the baseline's loss, in the linear system"),
    FM_OPT_END,
};

typedef struct stac_policy {
    nn_total total;
    real *credit, *start; /* [rows] leaves: weight of log pi in the implicit term; row of s0 */
} stac_policy;

typedef struct stac {
    actor_first base;
    const stac_config *config;
    stac_policy *policy;     /* [policies] */
    nn_total_report *report; /* [policies] */
    algo_total_log log;
    uint32_t *row_of; /* [slots + 1][agents] the row of the present batch, NO_ROW */
} stac;

#define NO_ROW UINT32_MAX

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    const stac_config *c = config;
    if (algo_total_accepts("stac", &c->total, err) != FM_OK) return FM_BAD;
    return actor_critic_accepts("stac", facts, false, err);
}

/* ---- building ---- */

static void record_total(stac *x, const algo_setup *setup, size_t i) {
    const actor_critic_policy *p = &x->base.base.policy[i];
    stac_policy *own = &x->policy[i];
    const actor_critic_terms *terms = &p->terms;
    size_t rows = p->minibatches.batch.rows;
    ad_var credit, start, loss = actor_first_loss(&x->base, i);
    own->credit = algo_leaf(setup, rows, 1, "credit", &credit);
    own->start = algo_leaf(setup, rows, 1, "start", &start);
    /* 2 sum_t c_t log pi_t (R - V)(s0(t)) [Prop. 1]: of R nothing is left in the mixed derivative. */
    ad_var of_start = ad_take_rows(terms->value, start);
    ad_var coupling = ad_scale(ad_sum(ad_mul(ad_mul(credit, terms->log_prob), of_start)), -2);
    nn_total_shape shape = {.leader = {"actor", &p->actor.params, &p->actor.leaves},
                            .follower = {"critic", &p->critic.params, &p->critic.leaves},
                            .leader_loss = ad_sub(loss, nn_weighted_mean(terms->value, terms->weight)),
                            .follower_loss = x->base.policy[i].critic_loss,
                            .curvature = (nn_curvature)x->config->curvature,
                            .outputs = &terms->value,
                            .n_outputs = x->config->curvature == NN_GAUSS_NEWTON,
                            .coupling = coupling,
                            .also = (ad_var[]){loss, x->base.policy[i].entropy},
                            .n_also = 2};
    own->total = nn_total_make(&shape, setup->arena);
}

static void *create(const algo_setup *setup) {
    const stac_config *c = setup->config;
    stac *x = fm_arena_array(setup->arena, stac, 1);
    x->config = c;
    actor_first_make(&x->base, setup, &c->learner);
    size_t policies = x->base.base.policies;
    x->policy = fm_arena_array(setup->arena, stac_policy, policies);
    x->report = fm_arena_array(setup->arena, nn_total_report, policies);
    x->row_of = fm_arena_array(setup->arena, uint32_t,
                               (x->base.base.rollout.slots + 1) * (size_t)setup->facts->agents);
    x->log = algo_total_log_make(setup);
    for (size_t i = 0; i < policies; i++) record_total(x, setup, i);
    return x;
}

/* ---- the implicit term's leaves ---- */

/* Finds for each row the one where its trajectory begins, and in credit how many steps ago; returns the
 * number of trajectories. One is an agent's steps in one episode that the rollout holds and that count. */
static size_t find_starts(stac *x, size_t i) {
    const algo_rollout *r = &x->base.base.rollout;
    const actor_critic_policy *p = &x->base.base.policy[i];
    const algo_batch *batch = &p->minibatches.batch;
    size_t agents = (size_t)r->facts->agents, trajectories = 0;
    for (size_t k = 0; k < (r->slots + 1) * agents; k++) x->row_of[k] = NO_ROW;
    for (size_t row = 0; row < batch->rows; row++) {
        x->row_of[batch->drawn[row] * agents + (size_t)batch->own[row]] = (uint32_t)row;
        x->policy[i].start[row] = x->policy[i].credit[row] = 0;
    }
    for (size_t b = 0; b < r->copies; b++)
        for (size_t k = 0; k < p->agent_count; k++) {
            uint32_t start = NO_ROW, steps = 0;
            for (size_t t = 0; t < r->steps; t++) {
                size_t slot = t * r->copies + b;
                uint32_t row = x->row_of[slot * agents + (size_t)p->agents[k]];
                if (r->first[slot]) start = NO_ROW;
                if (row == NO_ROW) continue;
                if (start == NO_ROW) start = row, steps = 0, trajectories++;
                x->policy[i].start[row] = (real)start;
                x->policy[i].credit[row] = (real)steps++;
            }
        }
    return trajectories;
}

/* The row of the first situation of an episode, of the first that begins in the rollout; without any, of the
 * rollout. */
static uint32_t first_start(const stac *x) {
    const algo_rollout *r = &x->base.base.rollout;
    size_t agents = (size_t)r->facts->agents;
    uint32_t first = 0, start = NO_ROW;
    for (size_t at = r->slots * agents; at-- > 0;) {
        if (x->row_of[at] == NO_ROW) continue;
        first = x->row_of[at];
        if (r->first[at / agents]) start = first;
    }
    return start != NO_ROW ? start : first;
}

static void fill_leaves(stac *x, size_t i) {
    const algo_rollout *r = &x->base.base.rollout;
    const algo_batch *batch = &x->base.base.policy[i].minibatches.batch;
    size_t agents = (size_t)r->facts->agents, trajectories = find_starts(x, i);
    stac_policy *own = &x->policy[i];
    double count = 0, gamma = x->config->learner.rollout.gamma;
    uint32_t first = first_start(x);
    for (size_t row = 0; row < batch->rows; row++)
        count += r->weight[batch->drawn[row] * agents + (size_t)batch->own[row]];
    for (size_t row = 0; row < batch->rows; row++) {
        size_t at = batch->drawn[row] * agents + (size_t)batch->own[row];
        double steps = (double)own->credit[row], mean = (double)r->advantage[at] / count;
        if (x->config->form == RAW) mean = pow(gamma, steps) * (double)r->returns[at] / (double)trajectories;
        if (x->config->form == RELEASED) own->start[row] = (real)first;
        own->credit[row] = r->weight[at] ? (real)mean : 0;
    }
}

/* ---- an update ---- */

static void update(void *self) {
    stac *x = self;
    const nn_total_options options = algo_total_now(&x->config->total, x->config->total.damping);
    size_t reports = 0;
    if (!actor_first_ready(&x->base)) return;
    for (size_t i = 0; i < x->base.base.policies; i++) {
        nn_total *total = &x->policy[i].total;
        if (!actor_first_draw(&x->base, i)) continue;
        fill_leaves(x, i);
        x->report[reports++] = nn_total_run(total, &options);
        actor_first_step(&x->base, i,
                         &(actor_first_found){.direction = total->direction,
                                              .loss = total->shown[0],
                                              .entropy = total->shown[1],
                                              .critic_gradient = total->follower_gradient,
                                              .critic_loss = *total->follower_loss});
    }
    if (reports > 0) algo_total_note(&x->log, x->report, reports);
    actor_first_done(&x->base);
}

static const algo_metric METRICS[] = {
    ACTOR_FIRST_METRICS,
    ALGO_TOTAL_METRICS,
    {0},
};

static void measure(const void *self, double *values) {
    const stac *x = self;
    algo_total_measure(&x->log, actor_first_measure(&x->base, values));
}

static const algo_preset PRESETS[] = {
    {"published", "", 800000,
     "hidden=64,32 init=fan_in optimizer=sgd actor_lr=0.1 critic_lr=0.01 vf_iters=1 targets=monte_carlo "
     "n_steps=4000 lr_final=1 max_grad_norm=0 form=released indefinite=yes guard=0"},
    {0},
};

const algo_type algo_stac = {
    .name = "stac",
    .doc = "the actor leads: its step is the total derivative through the answer of its baseline",
    .paper = "Zheng et al., AAAI 2022",
    .options = OPTIONS,
    .config_size = sizeof(stac_config),
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
