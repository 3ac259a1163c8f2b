/* biac.c: Bi-level Actor-Critic [Zhang 2020, "Bi-level Actor-Critic for Multi-agent Coordination"].
 *
 * The leader has a critic and no actor: it takes the action whose value is best once the follower has
 * answered (Eq. 12). The follower has a critic and an actor that sees the leader's action.
 *
 *   a_1 = argmax_x Q_1(s, x, pi_2(s, x)),  a_2 = pi_2(s, a_1)                          Eq. (12)
 *   delta_i = r_i + gamma Q_i(s', a_1', a_2') - Q_i(s, a_1, a_2)                       Eq. (13), (14)
 *   theta_i += alpha_i delta_i grad Q_i(s, a_1, a_2)                                   Eq. (15)
 *   phi_2 ascends E over pi_2 of Q_2(s, a_1, .)                                        Eq. (16)
 *
 * With N levels every agent below the first has an actor over its observation and the actions of the levels
 * above (Eq. 17-22); agents of one level act at once. Box actions have deterministic actors, trained through
 * the critic.
 *
 * Deviations from the paper, and why
 *   - Eq. (16) is written as a score-function gradient; here the expectation over the follower's actions is
 *     exact (all of them are evaluated), as in the reference experiments: the same gradient without its
 *     variance.
 *   - A small entropy bonus keeps the follower's softmax from saturating on an answer that was best for an
 *     early critic; without it many seeds end with a follower that never changes its mind (entropy = 0 is the
 *     paper's).
 *   - Eq. (22) moves an actor along the partial derivative of its critic, as though the levels below stood
 *     still. A leader should count with their answer: `reaction = total` differentiates through their actors,
 *     `partial` is the paper's.
 *   - Exploring in a box, an agent answers what those above did, their noise included. The noisy joint
 *     actions then lie around the answers to every action above, where the actors climb the critics.
 *   - In a box the critics add a quadratic form of the joint action (quadratic), as NAF has it [Gu 2016] and
 *     as the reference experiments showed products of actions to critics of continuous games. A leader
 *     depends on the slopes of the answers below, which are second derivatives of critics: small networks
 *     alone have them wrong by a per cent, and the leader is then off by ten times that.
 *   - Rewards are scaled to about one by the bounds that the environment states (scale_rewards), or, in a
 *     box, by their spread in the replay: near the end it is a small part of the bounds, and all that
 *     matters. When that unit changes, the critics' last layers change with it: nothing is forgotten [van
 *     Hasselt 2016, "Learning values across many orders of magnitude"].
 *   - Learning rates fall linearly, so that the last answers are not the noise of the last minibatches.
 *   - Target actions are those of the target networks, leader and follower alike.
 *
 * Options for comparison: loss = huber, leader = actor (a policy-gradient leader, as the reference highway
 * experiment had), gumbel (soft Gumbel-Softmax samples in the actor's loss), logit_l2, joint_coin,
 * sample_follower. `approximators` adds actors pi_i(o_i) that imitate the joint action from own observations,
 * for play in which an agent does not see what the others see; greedy play is then theirs.
 *
 * Legend: N agents, B rows of a minibatch, D_i observation, A_i columns of agent i's action, K leader's
 * actions. Status: verified on matrix games (exact equilibria), grid, merge, oligopolies. */
#include "algos/families/biac.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "nn/distributions.h"

#define REAL_(field, value, low, high, doc, symbol)                                                          \
    FM_OPT_REAL(biac_config, field, value, low, high, "", doc, symbol)
#define INT_(field, value, low, high, unit, doc)                                                             \
    FM_OPT_INT(biac_config, field, value, low, high, unit, doc, "")

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(biac_config, order, "",
                "who leads: levels separated by commas, agents of one by +; empty: the game's"),
    FM_OPT_INTS(biac_config, hidden, "32,32", 1, 4096, "units", "widths of the hidden layers of all networks",
                ""),
    FM_OPT_CHOICE(biac_config, act, "relu", "identity|relu|tanh", "activation of the hidden layers", ""),
    FM_OPT_INT(biac_config, batch, "128", 1, 65536, "transitions", "minibatch", "B"),
    INT_(buffer, "10000", 1, 1e8, "transitions", "capacity of the replay"),
    INT_(warmup, "1000", 0, 1e9, "steps", "uniformly random steps at the start"),
    INT_(every, "1", 1, 1e6, "steps", "steps between two updates"),
    REAL_(leader_critic_lr, "0.01", 0, 10, "learning rate of the critics of the first level", "alpha_1"),
    REAL_(critic_lr, "0.01", 0, 10, "learning rate of the other critics", "alpha_2"),
    REAL_(actor_lr, "0.01", 0, 10, "learning rate of the actors", "beta"),
    REAL_(lr_final, "0.01", 0, 1, "learning rates fall linearly to this share", ""),
    REAL_(gamma, "0.99", 0, 1, "discount", "gamma"),
    REAL_(tau, "0.01", 0, 1, "step of the target networks", "tau"),
    INT_(target_period, "1", 1, 1e6, "updates", "updates between two steps of the target networks"),
    FM_OPT_BOOL(biac_config, quadratic, "no", "critics add a quadratic form of the joint action", ""),
    FM_OPT_CHOICE(biac_config, loss, "mse", "mse|huber", "loss of the critics", ""),
    REAL_(clip, "10", 0, 1e9, "gradient norm per tensor, 0: not clipped", ""),
    REAL_(entropy, "0.2", 0, 100, "entropy bonus of discrete actors", ""),
    REAL_(logit_l2, "0", 0, 100, "weight of the squared logits in the loss of discrete actors", ""),
    FM_OPT_BOOL(biac_config, gumbel, "no", "discrete actors learn through Gumbel-Softmax samples", ""),
    REAL_(temperature, "1", 0.01, 100, "of the Gumbel-Softmax", ""),
    FM_OPT_CHOICE(biac_config, leader, "auto", "auto|argmax|actor",
                  "how a sole leader acts; auto: argmax when discrete, an actor in a box", ""),
    INT_(candidates, "64", 2, 65536, "actions", "actions that an argmax leader tries in a box"),
    REAL_(soft, "0", 0, 1000, "temperature of a maximising leader that draws by soft Q-values in training",
          "alpha"),
    FM_OPT_CHOICE(biac_config, reaction, "total", "total|partial",
                  "whether box actors count with the answers of the levels below", ""),
    ALGO_EPSILON_OPTIONS(biac_config, epsilon, "0.1", "1", "1", "0", "a random action of discrete agents"),
    FM_OPT_BOOL(biac_config, joint_coin, "yes", "all agents explore at once, or each by its own coin", ""),
    REAL_(noise, "0.3", 0, 10, "standard deviation of box exploration, in half-widths of the box", ""),
    REAL_(noise_final, "0.05", 0, 10, "noise falls linearly to this", ""),
    FM_OPT_BOOL(biac_config, sample_follower, "no", "while training, answers are drawn from the actors", ""),
    FM_OPT_BOOL(biac_config, approximators, "no", "learn and play actors of own observations alone", ""),
    FM_OPT_CHOICE(biac_config, scale_rewards, "bounds", "none|bounds|replay",
                  "rewards are scaled to about one by the game's bounds, or by those in the replay", ""),
    FM_OPT_END,
};

/* A box needs smooth critics, whose gradients the actors climb, and more steps than a table of payoffs.
 * Slopes need a cloud of actions that is not too narrow, and minibatches of little noise. */
#define BOX                                                                                                  \
    "act=tanh batch=256 critic_lr=0.005 leader_critic_lr=0.005 actor_lr=0.003 noise=0.3 noise_final=0.15 "   \
    "scale_rewards=replay quadratic=yes"

static const algo_preset PRESETS[] = {
    {"", "merge", 24000,
     "gamma=1 batch=64 buffer=20000 warmup=500 critic_lr=0.001 leader_critic_lr=0.001 actor_lr=0.001 "
     "epsilon=0.3 epsilon_decay=0.9 epsilon_every=500"},
    {"", "grid", 12000, ""},
    {"", "duopoly", 20000, BOX},
    {"", "triopoly", 100000, BOX},
    {"", "oligopoly", 100000, BOX},
    {"published", "", 10000,
     "hidden=20,20 batch=512 warmup=500 leader_critic_lr=0.1 critic_lr=0.001 actor_lr=0.001 lr_final=1 "
     "loss=huber target_period=10 entropy=0 sample_follower=yes scale_rewards=none"},
    {"published", "merge", 24000,
     "hidden=30,30 batch=64 buffer=500 leader=actor leader_critic_lr=0.01 critic_lr=0.01 actor_lr=0.001 "
     "gamma=1 gumbel=yes target_period=10 epsilon=0.3 epsilon_decay=0.9 epsilon_every=500"},
    {NULL, NULL, 0, NULL},
};

/* Updates between two looks at the spread of rewards in the replay. */
#define RESCALE_EVERY 100

/* ---- what it can play ---- */

static int sole_leader(const algo_order *order) {
    return order->agents == 1 || order->level[order->turn[1]] > 0 ? order->turn[0] : -1;
}

/* The agent that maximises over its actions, or -1. */
static int argmax_leader(const env_facts *facts, const biac_config *config, const algo_order *order) {
    int leader = sole_leader(order);
    if (leader < 0 || config->leader == BIAC_LEADER_ACTOR) return -1;
    if (config->leader == BIAC_LEADER_AUTO && facts->action[leader].n == 0) return -1;
    return leader;
}

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    const biac_config *c = config;
    algo_order order;
    if (algo_order_parse(facts, c->order, &order, err) != FM_OK) return fm_fail_in(err, "biac: ");
    if (facts->agents < 2)
        return fm_fail(err, "biac needs a leader and a follower; '%s' has one agent", facts->name);
    if (facts->masks) return fm_fail(err, "biac does not know illegal actions, which '%s' has", facts->name);
    if (c->leader == BIAC_LEADER_ARGMAX && sole_leader(&order) < 0)
        return fm_fail(
            err, "biac: leader = argmax needs one agent on the first level; the order of '%s' has several",
            facts->name);
    return FM_OK;
}

/* ---- losses, recorded once ---- */

/* (Q_i(o_i, a) - y_i)^2, y_i from outside: its gradient is the step of Eq. (15). */
static void record_critic(biac *b, const algo_setup *setup, int i) {
    size_t width = b->critic[i].mlp.in;
    ad_var x, y;
    b->joint_obs[i] = algo_leaf(setup, b->tape, b->batch, width, "critic input", &x);
    b->wanted[i] = algo_leaf(setup, b->tape, b->batch, 1, "critic target", &y);
    ad_var q = algo_net_apply(&b->critic[i], &b->critic[i].leaves, x);
    algo_net_learn(&b->critic[i], setup, algo_regression(q, y, (algo_loss)b->config->loss));
}

/* - E over pi_i of Q_i (Eq. 16), minus the entropy bonus, plus the penalty on logits. */
static void record_discrete_actor(biac *b, const algo_setup *setup, int i) {
    const biac_config *c = b->config;
    ad_tape *t = b->tape;
    size_t width = (size_t)b->joint.width[i];
    ad_var x, q, noise, weights;
    b->actor_obs[i] = algo_leaf(setup, t, b->batch, b->actor[i].mlp.in, "actor input", &x);
    b->alternatives[i] = algo_leaf(setup, t, b->batch, width, "values of own actions", &q);
    ad_var logits = nn_mlp_apply(&b->actor[i].mlp, &b->actor[i].leaves, x);
    if (c->gumbel) {
        b->gumbel[i] = algo_leaf(setup, t, b->batch, width, "gumbel noise", &noise);
        weights = nn_gumbel_softmax(logits, noise, c->temperature);
    } else {
        weights = ad_softmax(logits);
    }
    ad_var loss = ad_neg(ad_mean(ad_sum_cols(ad_mul(weights, q))));
    if (c->entropy > 0)
        loss = ad_sub(loss, ad_scale(ad_mean(nn_categorical_entropy(logits, AD_NONE)), c->entropy));
    if (c->logit_l2 > 0) loss = ad_add(loss, ad_scale(ad_mean(ad_sum_cols(ad_square(logits))), c->logit_l2));
    algo_net_learn(&b->actor[i], setup, loss);
}

/* What agent k would answer on the tape, given the columns of the levels above. */
static ad_var answer(const biac *b, int k, ad_var obs, const ad_var *columns) {
    ad_var x = obs;
    for (int j = 0; j < b->joint.agents; j++)
        if (b->order.level[j] < b->order.level[k]) x = ad_concat_cols(x, columns[j]);
    ad_var out = nn_mlp_apply(&b->actor[k].mlp, &b->actor[k].leaves, x);
    return b->facts->action[k].n > 0 ? ad_softmax(out) : ad_tanh(out);
}

/* - Q_i(o_i, a) with mu_i in slot i (Eq. 22). For the total derivative the levels below answer, and agents of
 * the same level play what they would now, without the noise of the replay: an answer to noise has another
 * slope. */
static void record_box_actor(biac *b, const algo_setup *setup, int i) {
    ad_tape *t = b->tape;
    ad_var obs[ENV_AGENTS_MAX], columns[ENV_AGENTS_MAX];
    ad_var row = ad_leaf(t, b->batch, b->critic[i].mlp.in, b->joint_obs[i], "critic input");
    size_t length = (size_t)b->facts->obs_length[i];
    for (int j = 0; j < b->joint.agents; j++)
        columns[j] = ad_slice_cols(row, length + (size_t)b->joint.at[j], (size_t)b->joint.width[j]);
    for (int k = 0; k < b->joint.agents; k++) {
        ad_var rows_k = ad_leaf(t, b->batch, b->critic[k].mlp.in, b->joint_obs[k], "critic input");
        obs[k] = ad_slice_cols(rows_k, 0, (size_t)b->facts->obs_length[k]);
    }
    for (int k = 0; k < b->joint.agents && b->config->reaction == BIAC_REACTION_TOTAL; k++)
        if (k != i && b->order.level[k] == b->order.level[i] && biac_has_actor(b, k))
            columns[k] = ad_stop_gradient(answer(b, k, obs[k], columns));
    columns[i] = answer(b, i, obs[i], columns);
    for (int turn = 0; turn < b->order.agents && b->config->reaction == BIAC_REACTION_TOTAL; turn++) {
        int k = b->order.turn[turn];
        if (b->order.level[k] > b->order.level[i]) columns[k] = answer(b, k, obs[k], columns);
    }
    ad_var x = obs[i];
    for (int j = 0; j < b->joint.agents; j++) x = ad_concat_cols(x, columns[j]);
    ad_var q = algo_net_apply(&b->critic[i], &b->critic[i].leaves, x);
    algo_net_learn(&b->actor[i], setup, ad_neg(ad_mean(q)));
}

/* The joint action from own observations: cross-entropy with the Stackelberg action, or squared error. */
static void record_approximator(biac *b, const algo_setup *setup, int i) {
    ad_tape *t = b->tape;
    ad_var x, wanted, loss;
    b->approximator_obs[i] =
        algo_leaf(setup, t, b->batch, (size_t)b->facts->obs_length[i], "own observation", &x);
    b->imitated[i] = algo_leaf(setup, t, b->batch, (size_t)b->joint.width[i], "Stackelberg action", &wanted);
    ad_var out = nn_mlp_apply(&b->approximator[i].mlp, &b->approximator[i].leaves, x);
    if (b->facts->action[i].n > 0)
        loss = ad_neg(ad_mean(ad_sum_cols(ad_mul(ad_log_softmax(out), wanted))));
    else
        loss = ad_mean(ad_square(ad_sub(ad_tanh(out), wanted)));
    algo_net_learn(&b->approximator[i], setup, loss);
}

/* ---- creation ---- */

static void make_net(biac *b, const algo_setup *setup, algo_net *net, const char *kind, int i, size_t in,
                     size_t out, double lr, bool target, size_t quadratic) {
    char name[FM_NAME_MAX];
    fm_text_format(name, sizeof name, "%s.%d", kind, i);
    fm_rng rng = fm_rng_split(setup->seed, FM_RNG_INIT, (uint64_t)kind[0], (uint64_t)i);
    algo_net_shape shape = {.name = name,
                            .in = in,
                            .out = out,
                            .hidden = &b->config->hidden,
                            .act = (ad_act)b->config->act,
                            .lr = lr,
                            .target = target,
                            .quadratic = quadratic};
    algo_net_make(net, setup, b->tape, &shape, &rng);
}

static void make_nets(biac *b, const algo_setup *setup) {
    const biac_config *c = b->config;
    for (int i = 0; i < b->joint.agents; i++) {
        size_t obs = (size_t)b->facts->obs_length[i], out = (size_t)b->joint.width[i];
        double critic_lr = b->order.level[i] == 0 ? c->leader_critic_lr : c->critic_lr;
        make_net(b, setup, &b->critic[i], "critic", i, obs + (size_t)b->joint.total, 1, critic_lr,
                 !b->one_shot, c->quadratic ? (size_t)b->joint.total : 0);
        if (biac_has_actor(b, i))
            make_net(b, setup, &b->actor[i], "actor", i, biac_actor_width(b, i), out, c->actor_lr,
                     !b->one_shot, 0);
        if (c->approximators) {
            make_net(b, setup, &b->approximator[i], "own", i, obs, out, c->actor_lr, false, 0);
            b->approximate[i] =
                algo_forward_make(&b->approximator[i], setup, b->tape, false, (size_t)setup->copies);
        }
    }
}

/* The actions that the leader tries: all of a discrete space; in a box, the points of Halton's sequence,
 * which fill it evenly at any number. */
static void list_candidates(biac *b, const algo_setup *setup) {
    static const int PRIMES[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53};
    const env_space *space = &b->facts->action[b->leader];
    size_t width = (size_t)b->joint.width[b->leader];
    b->tries = space->n > 0 ? (size_t)space->n : (size_t)b->config->candidates;
    b->candidates = fm_arena_array(setup->arena, real, b->tries * width);
    for (size_t k = 0; k < b->tries; k++) {
        real *row = b->candidates + k * width;
        if (space->n > 0) {
            algo_one_hot(row, space->n, (int)k);
            continue;
        }
        for (size_t d = 0; d < width; d++) {
            double x = 0, f = 1;
            for (size_t n = k + 1, p = (size_t)PRIMES[d % 16]; n > 0; n /= p)
                x += (f /= (double)p) * (double)(n % p);
            row[d] = (real)(2 * x - 1);
        }
    }
}

static void make_losses(biac *b, const algo_setup *setup) {
    for (int i = 0; i < b->joint.agents; i++) record_critic(b, setup, i);
    for (int i = 0; i < b->joint.agents; i++) {
        if (biac_has_actor(b, i) && b->facts->action[i].n > 0) {
            record_discrete_actor(b, setup, i);
            size_t rows = b->batch * (size_t)b->joint.width[i];
            b->deviations[i] = biac_play_make(b, setup, rows, false, false);
            b->deviations[i]->critic[i] = algo_forward_make(&b->critic[i], setup, b->tape, false, rows);
        } else if (biac_has_actor(b, i)) {
            record_box_actor(b, setup, i);
        }
        if (b->config->approximators) record_approximator(b, setup, i);
    }
}

static void make_plays(biac *b, const algo_setup *setup) {
    b->acting = biac_play_make(b, setup, (size_t)setup->copies, false, true);
    for (int i = 0; i < b->joint.agents; i++)
        b->acting->critic[i] = algo_forward_make(&b->critic[i], setup, b->tape, false, (size_t)setup->copies);
    if (b->config->approximators) b->online = biac_play_make(b, setup, b->batch, false, true);
    if (b->one_shot) return;
    b->target = biac_play_make(b, setup, b->batch, true, true);
    for (int i = 0; i < b->joint.agents; i++)
        b->target->critic[i] = algo_forward_make(&b->critic[i], setup, b->tape, true, b->batch);
}

static fm_rng *keep_stream(const algo_setup *setup, fm_rng *rng, fm_rng_purpose purpose, const char *name) {
    *rng = fm_rng_split(setup->seed, purpose, 0, 0);
    fm_keep_bytes(setup->keep, rng, sizeof *rng, "rng.%s", name);
    return rng;
}

static void *create(const algo_setup *setup) {
    biac *b = fm_arena_array(setup->arena, biac, 1);
    b->config = setup->config;
    b->facts = setup->facts;
    b->joint = algo_joint_of(setup->facts);
    FM_CHECK(algo_order_parse(setup->facts, b->config->order, &b->order, NULL) == FM_OK,
             "an order that was accepted");
    b->leader = argmax_leader(setup->facts, b->config, &b->order);
    b->one_shot = setup->facts->horizon == 1;
    b->total_steps = setup->steps;
    b->batch = (size_t)b->config->batch;
    b->tape = ad_tape_new();
    b->steps = fm_arena_array(setup->arena, int64_t, 1);
    b->updates = fm_arena_array(setup->arena, int64_t, 1);
    fm_keep(setup->keep, FM_I64, b->steps, 1, "biac.steps");
    fm_keep(setup->keep, FM_I64, b->updates, 1, "biac.updates");
    b->scale = fm_arena_array(setup->arena, algo_scale, (size_t)b->joint.agents);
    fm_keep_bytes(setup->keep, b->scale, (size_t)b->joint.agents * sizeof *b->scale, "biac.scale");
    for (int i = 0; i < b->joint.agents; i++) {
        bool raw = b->config->scale_rewards == BIAC_SCALE_NONE;
        b->scale[i] = raw ? (algo_scale){0, 1} : algo_reward_scale(setup->facts, i);
    }
    keep_stream(setup, &b->explore, FM_RNG_EXPLORE, "explore");
    keep_stream(setup, &b->sample, FM_RNG_SAMPLE, "sample");
    keep_stream(setup, &b->update, FM_RNG_UPDATE, "update");
    b->replay = algo_replay_make(setup, b->config->buffer, b->config->batch);
    b->continues = fm_arena_array(setup->arena, real, b->batch);
    b->joint_actions = fm_arena_array(setup->arena, real, b->batch * (size_t)b->joint.total);
    if (b->leader >= 0) list_candidates(b, setup);
    make_nets(b, setup);
    make_losses(b, setup);
    make_plays(b, setup);
    return b;
}

static void destroy(void *self) {
    biac *b = self;
    for (int i = 0; i < b->joint.agents; i++) {
        algo_net_free(&b->critic[i]);
        algo_net_free(&b->actor[i]);
        algo_net_free(&b->approximator[i]);
    }
    ad_tape_free(b->tape);
}

/* ---- acting ---- */

/* Each agent by what it sees alone. */
static void act_apart(biac *b, const algo_view *view) {
    for (int i = 0; i < b->joint.agents; i++) {
        algo_forward *f = &b->approximate[i];
        for (size_t r = 0; r < (size_t)view->copies; r++)
            memcpy(f->x + r * f->in, view->obs + r * (size_t)b->facts->obs_total + b->facts->obs_at[i],
                   f->in * sizeof(real));
        algo_forward_run(f);
        for (size_t r = 0; r < (size_t)view->copies; r++) {
            real *columns = b->acting->joint + r * (size_t)b->joint.total + b->joint.at[i];
            for (size_t k = 0; k < f->out; k++) columns[k] = (real)tanh((double)f->y[r * f->out + k]);
        }
    }
}

static double box_noise(const biac *b) {
    const biac_config *c = b->config;
    return c->noise_final + algo_linear_decay(*b->steps, b->total_steps) * (c->noise - c->noise_final);
}

/* Replaces one row's actions by random ones: all of them in the warm-up, then discrete ones now and then. */
static void explore(biac *b, real *actions) {
    const biac_config *c = b->config;
    bool warm = *b->steps >= c->warmup;
    double epsilon = warm ? algo_epsilon(&c->epsilon, *b->steps) : 1, coin = fm_rng_uniform(&b->explore);
    for (int i = 0; i < b->joint.agents; i++) {
        if (!c->joint_coin && i > 0) coin = fm_rng_uniform(&b->explore);
        if (coin < epsilon && (b->facts->action[i].n > 0 || !warm))
            algo_random_action(b->facts, i, NULL, &b->explore, actions + b->facts->action_at[i]);
    }
}

static void act(void *self, const algo_view *view, bool greedy, real *actions) {
    biac *b = self;
    size_t width = (size_t)b->facts->action_total;
    bool random = !greedy && *b->steps < b->config->warmup;
    if (greedy && b->config->approximators) {
        act_apart(b, view);
    } else if (!random) {
        biac_show(b, b->acting, view);
        biac_play_joint(b, b->acting, greedy ? NULL : &b->explore);
        if (!greedy) biac_play_wander(b, b->acting, box_noise(b), &b->explore);
    }
    for (size_t r = 0; r < (size_t)view->copies; r++) {
        if (!random)
            algo_decode(&b->joint, b->acting->joint + r * (size_t)b->joint.total, actions + r * width);
        if (!greedy) explore(b, actions + r * width);
    }
}

static void observe(void *self, const algo_step *step) {
    biac *b = self;
    algo_replay_add(&b->replay, step);
    *b->steps += step->before.copies;
}

/* ---- learning ---- */

/* y_i = r_i + gamma Q_i(s', a') with the Stackelberg joint action a' of the next state (Eq. 12-14). */
static void make_targets(biac *b) {
    if (!b->one_shot) {
        for (int i = 0; i < b->joint.agents; i++)
            algo_replay_next_obs(&b->replay, i, b->target->obs + b->facts->obs_at[i],
                                 (size_t)b->facts->obs_total);
        algo_replay_continues(&b->replay, b->continues);
        biac_play_joint(b, b->target, &b->update);
    }
    for (int i = 0; i < b->joint.agents; i++) {
        algo_replay_reward(&b->replay, i, b->scale[i], b->wanted[i]);
        if (b->one_shot) continue;
        const real *next = biac_play_value(b, b->target, i);
        bool soft = i == b->leader && b->config->soft > 0;
        for (size_t r = 0; r < b->batch; r++) {
            real value = soft ? (real)biac_soft_value(b, b->target, r) : next[r];
            b->wanted[i][r] += (real)b->config->gamma * b->continues[r] * value;
        }
    }
}

static void load_minibatch(biac *b) {
    algo_replay_sample(&b->replay, &b->sample);
    algo_replay_joint(&b->replay, &b->joint, b->joint_actions, (size_t)b->joint.total);
    for (int i = 0; i < b->joint.agents; i++) {
        size_t in = b->critic[i].mlp.in, obs = (size_t)b->facts->obs_length[i];
        algo_replay_obs(&b->replay, i, b->joint_obs[i], in);
        for (size_t r = 0; r < b->batch; r++)
            for (size_t c = 0; c < in - obs; c++)
                b->joint_obs[i][r * in + obs + c] = b->joint_actions[r * (in - obs) + c];
    }
}

/* Q_i of each own action of a discrete agent in the replayed situations, when no level below answers. */
static void value_own_actions(biac *b, int i) {
    algo_forward *critic = &b->deviations[i]->critic[i];
    size_t width = (size_t)b->joint.width[i], at = (size_t)(b->facts->obs_length[i] + b->joint.at[i]);
    real *x = critic->x;
    for (size_t row = 0; row < b->batch; row++) {
        const real *replayed = b->joint_obs[i] + row * critic->in;
        for (size_t k = 0; k < width; k++, x += critic->in) {
            for (size_t c = 0; c < critic->in; c++) x[c] = replayed[c];
            for (size_t c = 0; c < width; c++) x[at + c] = c == k;
        }
    }
    algo_forward_run(critic);
    memcpy(b->alternatives[i], critic->y, critic->rows * sizeof(real));
}

/* The same with the answers of the levels below. */
static void value_led_actions(biac *b, int i) {
    biac_play *play = b->deviations[i];
    size_t width = (size_t)b->joint.width[i], total = (size_t)b->joint.total;
    size_t obs_total = (size_t)b->facts->obs_total;
    for (size_t r = 0; r < play->rows; r++) {
        size_t row = r / width;
        for (int k = 0; k < b->joint.agents; k++)
            memcpy(play->obs + r * obs_total + b->facts->obs_at[k],
                   b->joint_obs[k] + row * b->critic[k].mlp.in,
                   (size_t)b->facts->obs_length[k] * sizeof(real));
        const real *replayed = b->joint_obs[i] + row * b->critic[i].mlp.in + b->facts->obs_length[i];
        memcpy(play->joint + r * total, replayed, total * sizeof(real));
        algo_one_hot(play->joint + r * total + b->joint.at[i], (int)width, (int)(r % width));
    }
    biac_play_respond(b, play, b->order.level[i] + 1, NULL);
    memcpy(b->alternatives[i], biac_play_value(b, play, i), play->rows * sizeof(real));
}

static void improve_actor(biac *b, int i, double rate) {
    if (b->facts->action[i].n > 0) {
        size_t in = b->actor[i].mlp.in;
        for (size_t r = 0; r < b->batch; r++) {
            const real *row = b->joint_obs[i] + r * b->critic[i].mlp.in;
            biac_actor_input(b, i, row, row + b->facts->obs_length[i], b->actor_obs[i] + r * in);
        }
        if (b->order.level[i] == b->order.levels - 1)
            value_own_actions(b, i);
        else
            value_led_actions(b, i);
        if (b->gumbel[i] != NULL)
            nn_gumbel_fill(b->gumbel[i], b->batch * (size_t)b->joint.width[i], &b->update);
    }
    algo_net_step(&b->actor[i], b->config->clip, rate);
}

static void improve_approximators(biac *b, double rate) {
    for (int i = 0; i < b->joint.agents; i++)
        algo_replay_obs(&b->replay, i, b->online->obs + b->facts->obs_at[i], (size_t)b->facts->obs_total);
    biac_play_joint(b, b->online, NULL);
    for (int i = 0; i < b->joint.agents; i++) {
        size_t width = (size_t)b->joint.width[i];
        algo_replay_obs(&b->replay, i, b->approximator_obs[i], (size_t)b->facts->obs_length[i]);
        for (size_t r = 0; r < b->batch; r++)
            memcpy(b->imitated[i] + r * width, b->online->joint + r * (size_t)b->joint.total + b->joint.at[i],
                   width * sizeof(real));
        algo_net_step(&b->approximator[i], b->config->clip, rate);
    }
}

/* The unit of each agent's rewards follows their spread in the replay; what its critic has learnt stays. */
static void rescale_rewards(biac *b) {
    for (int i = 0; i < b->joint.agents; i++) {
        algo_scale old = b->scale[i], now = algo_replay_scale(&b->replay, i);
        if (*b->updates > 0)
            algo_net_rescale(&b->critic[i], now.scale / old.scale, (old.shift - now.shift) * now.scale);
        b->scale[i] = now;
    }
}

static void update(void *self) {
    biac *b = self;
    const biac_config *c = b->config;
    if (*b->steps < c->warmup || *b->steps % c->every != 0) return;
    double rate = c->lr_final + (1 - c->lr_final) * algo_linear_decay(*b->steps, b->total_steps);
    if (c->scale_rewards == BIAC_SCALE_REPLAY && *b->updates % RESCALE_EVERY == 0) rescale_rewards(b);
    load_minibatch(b);
    make_targets(b);
    for (int k = 0; k < b->order.agents; k++) algo_net_step(&b->critic[b->order.turn[k]], c->clip, rate);
    for (int k = 0; k < b->order.agents; k++)
        if (biac_has_actor(b, b->order.turn[k])) improve_actor(b, b->order.turn[k], rate);
    if (c->approximators) improve_approximators(b, rate);
    (*b->updates)++;
    if (b->one_shot || *b->updates % c->target_period != 0) return;
    for (int i = 0; i < b->joint.agents; i++) {
        algo_net_track(&b->critic[i], c->tau);
        if (biac_has_actor(b, i)) algo_net_track(&b->actor[i], c->tau);
    }
}

/* ---- what it shows ---- */

static const char *const METRICS[] = {"loss_leader_critic", "loss_follower_critic", "loss_follower_actor",
                                      "epsilon", NULL};

static void metrics(const void *self, double *values) {
    const biac *b = self;
    int first = b->order.turn[0], last = b->order.turn[b->order.agents - 1];
    values[0] = (double)*b->critic[first].loss;
    values[1] = (double)*b->critic[last].loss;
    values[2] = (double)*b->actor[last].loss;
    values[3] = *b->steps < b->config->warmup ? 1 : algo_epsilon(&b->config->epsilon, *b->steps);
}

const algo_type algo_biac = {
    .name = "biac",
    .doc = "bi-level actor-critic: the leader maximises over the follower's answers",
    .paper = "Zhang et al., AAAI 2020",
    .options = OPTIONS,
    .config_size = sizeof(biac_config),
    .presets = PRESETS,
    .steps = 5000,
    .accepts = accepts,
    .create = create,
    .act = act,
    .observe = observe,
    .update = update,
    .metric_names = METRICS,
    .metrics = metrics,
    .values = biac_values,
    .probabilities = biac_probabilities,
    .destroy = destroy,
};
