/* step.c: Stackelberg decision-making by N-level policies: agents choose one after the other, each knowing
 * what its superiors have chosen, by policies that one conditional hypernetwork writes.
 *
 * Paper: Zhang et al., "Inducing Stackelberg equilibrium through spatio-temporal sequential decision-making
 * in multi-agent reinforcement learning" (STEP), IJCAI 2023.
 *
 * Implemented, for agents 1..n in the order of priority, whose sub-game state is (s, a^1..a^(i-1)):
 *   Eq. 8     z = E(s, a^1..a^(i-1)), an mlp; superiors' actions as columns (algos/parts/joint.h), those of
 *             the nearest first, zeros in the places of the others
 *   Eq. 9     theta^i = H(e^i), a hypernetwork of the learned embedding e^i of priority i (nn/hypernetwork.h)
 *   Eq. 10    a^i ~ pi(. | z; theta^i); E, H and the embeddings are the same for all
 *   Eq. 11    PPO's loss (families/ppo.h) for each agent in turn, top priority first, plus
 *             beta / (i - 1) sum_(j < i) || H(e^j) - H_old(e^j) ||^2,   H_old from before agent i's epochs
 *   Eq. 12    a critic V^i(s, a^1..a^(i-1)) for each agent, by PPO's clipped loss
 * In training superiors' sampled actions are what inferiors see. Greedy play is a chain of best actions that
 * every agent can compute by itself from s, so that nobody need tell anybody anything.
 *
 * s is the centralised state, or where there is none all observations; E sees before it the agent's own
 * observation, where all observe alike. With sees_state=false E and V^i see that alone in the place of s, for
 * games in which it shows what matters of s to the agent: on the on-ramp the vehicles around it, which is the
 * paper's state there [A.2]. H, E but for its places for actions, and the target policy do not grow with n;
 * the places, the table of e^i and the critics do: the metrics count them apart. In `chain` with 2, 8 and 64
 * agents H has 4,802 numbers, E 384, 768 and 4,352, the table 16, 64 and 512, the critics 8,962, 38,920 and
 * 540,736.
 *
 * The paper does not say, and we chose: sizes of the networks (those of the first author's later program),
 * advantages per agent, beta = 1, and
 *
 * - The own observation. s is the same for all, so E, which is the same for all too, could not know whose
 *   turn it is, and would have to prepare for every agent what only the last layer, H(e^i), picks from.
 * - Policies start near uniform, as those of PPO do, and H learns at the rate of the network that it writes
 *   (nn/hypernetwork.h). Without these three, policies on the on-ramp with density 2 were certain too soon:
 *   entropies of 0.9 to 1.0 nats after 400,000 decisions, where returns stood at -4 and -1 (seeds 1000 and
 *   1001); with them 1.45 and 1.42 after 250,000, and 27 and 27. The own observation alone made it 7 and 12,
 *   the other two without it -4 and 2 (batch_size=0 sees_state=true).
 * - On the on-ramp no state but the own observation. What all others see, agent by agent, makes the critics'
 *   task harder and adds little: with minibatches, after 250,000 decisions of density 2 (seed 1000), returns
 *   in training are 25 by the state, 34 where the critics, 43 where critics and policies see the own
 *   observation and superiors' actions. MAPPO, whose critic sees the state, has 30, IPPO 47. What IPPO has
 *   ahead is one critic for all agents instead of one each [Eq. 12]: after 400,000 decisions of density 1
 *   (seeds 1000 and 1001) it has 74 and 73 with one, 62 and 60 with share_policy=false, STEP 65 and 64.
 * - A box's actions have deviation exp(-1) of half the box at first, about that of the first author's later
 *   program: the noise of all agents is in what each of them is paid.
 * - normalize_obs, because of a trap that the constant observation of a matrix game sets. Where it is 0, the
 *   leader's policy depends only on the biases that H writes, and hardly moves at first, while the follower,
 *   who sees a one-hot of the leader's action, learns its answer: two time scales, which is what a leader
 *   needs. Where it is 1 both learn through all weights, and the leader of Penalty flees the penalties before
 *   the follower avoids them. Measured in Penalty, k = -100, of 60 trials with seeds from 1000 on, with the
 *   preset but for what is named:
 *     observation 0: over the first 4 updates the leader moves 0.0013 nats, the follower 0.041      60 there
 *     observation 1: the same, as a running mean takes the constant away whatever it is              60
 *     observation 1, normalize_obs=false: 0.035 and 0.096                                            4
 *         45 when the leader has only 1 epoch, 60 when the follower has 30
 *   A state that varies is no such constant, and leaders of richer games learn as fast as their followers.
 * - The nearest superior first. E is the same for all, so what it learns of a place should serve all: the
 *   first place is that of the agent just above, whoever sees it. By number, each of n - 1 neighbours has to
 *   be found by itself. In `chain` with 32 agents, after the preset's 200,000 decisions of seed 1000, greedy
 *   play is worth -0.0042, with places by number -0.094 (the best is 0, the best that do not see each other
 *   have -0.16): what the first agent sees is then lost within four links.
 *
 * With many agents, each is moved by the updates of all others between a rollout and its own epochs, and the
 * deviation of the actions, which all share, falls until those moves are larger than it. So the preset has an
 * entropy bonus (without: -0.0078, with 32 agents as above) and a beta of 100 (with 1: -0.012); its critics
 * learn fast, as what they are to tell shrinks by orders of magnitude (with 0.0005: -0.0071), and one epoch
 * is enough (4: -0.0027, in twice the time). As the paper says, beta matters there with many agents only: for
 * 0, 1, 100 and 1000, greedy play is worth -0.0040, -0.0040, -0.0037 and -0.0030 with 2 agents, and -0.0004,
 * -0.0004, -0.0004 and -0.0003 with 8. With 64 agents, in 70 seconds of one core, it is worth -0.012, -0.017
 * and -0.009 (seeds 1000 to 1002; with a beta of 1 -0.017 by seed 1000), where random play has -43. In
 * Penalty, k = -100, it matters with two: for 0, 0.01, 0.1, 0.3 and 1 the optimum is reached in 188, 189,
 * 191, 194 and 198 of 200 trials (from seed 1000 on).
 *
 * Status: verified: forward pass and regulariser against sums of their own (tests/test_step.c), learning in
 * tests/learn/test_learn_step.c. */
#include "algos/families/ppo.h"

#include <math.h>
#include <string.h>

#include "algos/parts/net.h"
#include "algos/parts/order.h"
#include "nn/hypernetwork.h"
#include "stb_ds.h"

typedef struct step_config {
    ppo_options ppo;
    double actor_lr, critic_lr, beta;
    fm_ints embedding, generator, target;
    int64_t id_length;
    bool sees_state;
    char order[FM_TEXT_MAX];
} step_config;

/* Parameters of the actor by what they are for. */
typedef struct step_counts {
    double embedding, ids, generator, critics;
} step_counts;

typedef struct step {
    ppo ppo;
    const step_config *config;
    actor_critic_model model;
    size_t agents; /* n */
    nn_mlp E;
    nn_hypernetwork H;
    size_t ids; /* entry [n, id_length] */
    /* [n, H.numbers] H(e^j): written by `generate`; held ready to act by, kept; from before agent i's epochs.
     * The last two are leaves. */
    real *written, *ready, *old;
    ad_var ready_leaf;
    ad_plan *generate;
    const algo_setup *setup; /* while it is made */
    step_counts count;
} step;

static const fm_option OPTIONS[] = {
    ALGO_LR_OPTION(step_config, actor_lr, "actor_lr", "0.0005", "learning rate of the policies", "alpha"),
    ALGO_LR_OPTION(step_config, critic_lr, "critic_lr", "0.0005", "learning rate of the critics", ""),
    ALGO_REAL(step_config, beta, "beta", "1", 0, 1e9, "",
              "how much the policies that an agent's superiors are given are kept while it learns", "beta"),
    ALGO_INTS(step_config, embedding, "embedding", "64", 1, 4096, "units",
              "widths of the layers of the state embedding"),
    ALGO_INTS(step_config, generator, "generator", "64", 1, 4096, "units",
              "widths of the hidden layers of the hypernetwork"),
    ALGO_INTS(step_config, target, "target", "none", 1, 4096, "units",
              "widths of the hidden layers of the policies that it writes"),
    ALGO_INT(step_config, id_length, "id_length", "8", 1, 4096, "", "numbers of a priority's embedding", "E"),
    ALGO_BOOL(step_config, sees_state, "sees_state", "true",
              "policies and critics see the state; false: the agent's own observation alone"),
    FM_OPT_TEXT(step_config, order, "",
                "agents from the top priority down, \"1,0\"; empty: as the game has it"),
    ALGO_ROLLOUT_OPTIONS(step_config, ppo.rollout, "3200", "0.99", "0.95", "true", "false"),
    ALGO_EPOCH_OPTIONS(step_config, ppo.epoch, "10", "0"),
    ALGO_COEFFICIENT_OPTIONS(step_config, ppo.coefficient, "0.01", "1"),
    PPO_OPTIONS(step_config, ppo, "relu", "0.2", "1", "10", "10", "true", "false"),
    FM_OPT_END,
};

#define MATRIX "n_steps=100 n_epochs=10 actor_lr=0.002"
#define CHAIN                                                                                                \
    "n_steps=512 n_epochs=1 batch_size=64 actor_lr=0.0002 critic_lr=0.002 ent_coef=0.02 beta=100 lr_final=0"

static const algo_preset PRESETS[] = {
    {"", "penalty", 10000, MATRIX},
    {"", "mixing", 10000, MATRIX},
    {"", "onramp", 2000000, PPO_ONRAMP " layer_norm=true embedding=64,64 sees_state=false"},
    {"", "chain", 200000, CHAIN},
    {0},
};

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    const step_config *c = config;
    fm_arena scratch = {0};
    algo_order order;
    fm_status status = algo_order_parse(facts, c->order, &scratch, &order, err);
    fm_arena_free(&scratch);
    if (status != FM_OK) return status;
    if (c->embedding.n == 0 || c->generator.n == 0)
        return fm_fail(err, "step: '%s' is none; it needs at least one layer",
                       c->embedding.n == 0 ? "embedding" : "generator");
    for (int i = 1; i < facts->agents; i++)
        if (!algo_actions_alike(&facts->agent[0], &facts->agent[i]))
            return fm_fail(
                err, "step has one policy for all agents; in '%s' '%s' and '%s' do not have the same actions",
                facts->name, facts->agent[0].name, facts->agent[i].name);
    return actor_critic_accepts("step with sees_state=false", facts, !c->sees_state, err);
}

/* ---- the actor: Eq. 8 to 10 ---- */

static void declare_actor(void *self, nn_params *params, size_t in, size_t out) {
    step *x = self;
    const step_config *c = x->config;
    fm_ints inner = c->embedding;
    size_t z = (size_t)inner.v[--inner.n];
    ad_act act = (ad_act)c->ppo.activation;
    x->E = nn_mlp_declare(params, "embedding",
                          &(nn_mlp_shape){.in = in,
                                          .hidden = &inner,
                                          .out = z,
                                          .act = act,
                                          .out_act = act,
                                          .init = NN_INIT_ORTHOGONAL,
                                          .gain = sqrt(2.0),
                                          .out_gain = sqrt(2.0),
                                          .layer_norm = c->ppo.layer_norm});
    /* normal with deviation 1 */
    x->ids = nn_params_declare(params, "ids", x->agents, (size_t)c->id_length, NN_INIT_HE, 1, 2);
    x->H = nn_hypernetwork_declare(
        params, "generator",
        &(nn_hypernetwork_shape){.condition = (size_t)c->id_length,
                                 .hidden = &c->generator,
                                 .act = act,
                                 .target = {.in = z,
                                            .hidden = &c->target,
                                            .out = out,
                                            .out_gain = 0.01,
                                            .act = act}});
    x->ready = algo_leaf(x->setup, x->agents, x->H.numbers, "generated", &x->ready_leaf);
    fm_keep_for_play(x->setup->keep, FM_DTYPE_REAL, x->ready, x->agents * x->H.numbers, "step.ready");
}

/* H(e^j) for `count` priorities from `from` on, counted from 0. */
static ad_var generate(const step *x, const nn_leaves *leaves, size_t from, size_t count) {
    return nn_hypernetwork_generate(&x->H, leaves, ad_slice_rows(leaves->leaf[x->ids], from, count));
}

static ad_var apply_actor(void *self, const nn_leaves *leaves, size_t priority, ad_var seen) {
    const step *x = self;
    ad_var z = nn_mlp_apply(&x->E, leaves, seen);
    return nn_hypernetwork_apply(&x->H, generate(x, leaves, priority, 1), z);
}

static ad_var act_by_ready(void *self, const nn_leaves *leaves, size_t priority, ad_var seen) {
    const step *x = self;
    ad_var z = nn_mlp_apply(&x->E, leaves, seen);
    return nn_hypernetwork_apply(&x->H, ad_slice_rows(x->ready_leaf, priority, 1), z);
}

static void write_targets(step *x, real *to) {
    ad_replay(x->generate);
    memcpy(to, x->written, x->agents * x->H.numbers * sizeof *to);
}

/* beta / (i - 1) sum_(j < i) || H(e^j) - H_old(e^j) ||^2   [Eq. 11] */
static ad_var regulariser(const step *x, const actor_critic_policy *p, ad_var old) {
    if (p->index == 0 || x->config->beta == 0) return AD_NONE;
    ad_var moved = ad_sub(generate(x, &p->actor.leaves, 0, p->index), ad_slice_rows(old, 0, p->index));
    return ad_scale(ad_sum(ad_square(moved)), x->config->beta / (double)p->index);
}

/* ---- building ---- */

static double numbers_of(const nn_params *params, const char *prefix) {
    double sum = 0;
    for (size_t k = 0; k < arrlenu(params->entries); k++)
        if (strncmp(params->entries[k].name, prefix, strlen(prefix)) == 0)
            sum += (double)(params->entries[k].rows * params->entries[k].cols);
    return sum;
}

static void *create(const algo_setup *setup) {
    const step_config *c = setup->config;
    step *x = fm_arena_array(setup->arena, step, 1);
    actor_critic *ac = &x->ppo.base;
    int s = c->sees_state ? ACTOR_CRITIC_STATE : ACTOR_CRITIC_OWN;
    int own = actor_critic_unlike(setup->facts) ? 0 : ACTOR_CRITIC_OWN;
    algo_order order;
    fm_error err;
    FM_CHECK(algo_order_parse(setup->facts, c->order, setup->arena, &order, &err) == FM_OK, "%s", err.text);
    x->config = c;
    x->agents = (size_t)setup->facts->agents;
    x->setup = setup;
    x->model = (actor_critic_model){x, declare_actor, apply_actor, act_by_ready};
    ppo_make(&x->ppo, setup,
             &(ppo_shape){.options = &c->ppo,
                          .actor_lr = c->actor_lr,
                          .critic_lr = c->critic_lr,
                          .log_std = -1,
                          .clips_apart = true,
                          .actor_sees = own | s | ACTOR_CRITIC_SUPERIORS,
                          .critic_sees = s | ACTOR_CRITIC_SUPERIORS,
                          .turn = order.turn,
                          .model = &x->model});
    const actor_critic_net *actor = &ac->policy[0].actor;
    ad_var old;
    x->old = algo_leaf(setup, x->agents, x->H.numbers, "generated before", &old);
    x->written = fm_arena_array(setup->arena, real, x->agents * x->H.numbers);
    x->generate =
        ad_plan_make(NULL, 0, &(ad_output){generate(x, &actor->leaves, 0, x->agents), x->written}, 1);
    write_targets(x, x->ready);
    for (size_t i = 0; i < x->agents; i++) {
        ppo_learn(&x->ppo, setup, &ac->policy[i], regulariser(x, &ac->policy[i], old));
        x->count.critics += (double)nn_params_count(&ac->policy[i].critic.params);
    }
    x->count.embedding = numbers_of(&actor->params, "embedding.");
    x->count.ids = numbers_of(&actor->params, "ids");
    x->count.generator = numbers_of(&actor->params, "generator.") + numbers_of(&actor->params, "log_std");
    return x;
}

/* ---- Algorithm 1 ---- */

static void update(void *self) {
    step *x = self;
    if (!ppo_ready(&x->ppo)) return;
    for (size_t i = 0; i < x->agents; i++) {
        write_targets(x, x->old);
        ppo_improve(&x->ppo, &x->ppo.base.policy[i]);
    }
    write_targets(x, x->ready);
    actor_critic_clear(&x->ppo.base);
}

/* ORDER step_counts. */
static const algo_metric METRICS[] = {
    PPO_METRICS,
    {"embedding_parameters", "", "of the state embedding, its places for actions included", false},
    {"id_parameters", "", "of the table of priorities", false},
    {"generator_parameters", "", "of the hypernetwork (and the deviation of a box's actions)", false},
    {"critic_parameters", "", "of all critics", false},
    {0},
};

static void measure(const void *self, double *values) {
    const step *x = self;
    memcpy(ppo_measure(&x->ppo, values), &x->count, sizeof x->count);
}

const algo_type algo_n_level = {
    .name = "step",
    .doc = "agents choose in turn, knowing what their superiors chose, by policies that one network writes",
    .paper = "Zhang et al., IJCAI 2023",
    .options = OPTIONS,
    .config_size = sizeof(step_config),
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
