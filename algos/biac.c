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
 *     early critic; without it many seeds end with a follower that never changes its mind (ent_coef = 0 is
 *     the paper's).
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
 *   - In one-shot games of two discrete agents the defaults follow the number of cells (fit, below): until
 *     every cell has been tried some times the critics guess, and a leader that guesses low never looks
 *     again. And a follower gives its leader's reward a weight of 0.001 (tie_break), so that a tie of its
 *     own ends at the strong Stackelberg point. An answer that is worse for it by less than a thousandth of
 *     the leader's gain, both in halves of their range of payoffs, counts as one; tie_break = 0 is the
 *     paper's.
 *   - Target actions are those of the target networks, leader and follower alike.
 *
 * Options for comparison: loss = huber, leader = actor (a policy-gradient leader, as the reference highway
 * experiment had), gumbel (soft Gumbel-Softmax samples in the actor's loss), logit_l2, coin = own,
 * sample_follower. `approximators` adds actors pi_i(o_i) that imitate the joint action from own observations,
 * for play in which an agent does not see what the others see; all play but exploration is then theirs.
 *
 * Legend: N agents, B rows of a minibatch, D_i observation, A_i columns of agent i's action, K leader's
 * actions. Status: verified on matrix games (exact equilibria), grid, merge, oligopolies. */
#include "algos/families/biac.h"

#include <string.h>

#include "base/text.h"

#define REAL_(field, value, low, high, doc, symbol)                                                          \
    FM_OPT_REAL(biac_config, field, value, low, high, "", doc, symbol)

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(biac_config, order, "",
                "who leads: levels separated by commas, agents of one by +; empty: the game's"),
    ALGO_HIDDEN_OPTION(biac_config, hidden, "32,32"),
    ALGO_ACTIVATION_OPTION(biac_config, activation, "relu"),
    ALGO_REPLAY_OPTIONS(biac_config, replay, "128", "10000", "1000"),
    ALGO_LR_OPTION(biac_config, leader_critic_lr, "leader_critic_lr", "0.01",
                   "learning rate of the critics of the first level", "alpha_1"),
    ALGO_LR_OPTION(biac_config, critic_lr, "critic_lr", "0.01", "learning rate of the other critics",
                   "alpha_2"),
    ALGO_LR_OPTION(biac_config, actor_lr, "actor_lr", "0.01", "learning rate of the actors", "beta"),
    ALGO_DESCENT_OPTIONS(biac_config, descent, "0.01", "10"),
    ALGO_GAMMA_OPTION(biac_config, gamma, "0.99"),
    ALGO_TARGET_OPTIONS(biac_config, target, "0.01"),
    FM_OPT_BOOL(biac_config, quadratic, "no", "critics add a quadratic form of the joint action", ""),
    ALGO_LOSS_OPTION(biac_config, loss),
    REAL_(ent_coef, "0.2", 0, 100, "entropy bonus of discrete actors", ""),
    REAL_(logit_l2, "0", 0, 100, "weight of the squared logits in the loss of discrete actors", ""),
    FM_OPT_BOOL(biac_config, gumbel, "no", "discrete actors learn through Gumbel-Softmax samples", ""),
    REAL_(temperature, "1", 0.01, 100, "of the Gumbel-Softmax", ""),
    FM_OPT_CHOICE(biac_config, leader, "auto", "auto|argmax|actor",
                  "how a sole leader acts; auto: argmax when discrete, an actor in a box", ""),
    FM_OPT_INT(biac_config, candidates, "64", 2, 65536, "actions",
               "actions that an argmax leader tries in a box", "K"),
    REAL_(soft, "0", 0, 1000, "temperature of a leader that draws by its values, unless play is greedy",
          "alpha"),
    FM_OPT_CHOICE(biac_config, reaction, "total", "total|partial",
                  "whether box actors count with the answers of the levels below", ""),
    ALGO_EPSILON_OPTIONS(biac_config, epsilon, "0.1", "1", "1", "0", "a random action of discrete agents"),
    ALGO_COIN_OPTION(biac_config, coin, "joint"),
    REAL_(action_noise, "0.3", 0, 10, "standard deviation of box exploration, in half-widths of the box", ""),
    REAL_(action_noise_final, "0.05", 0, 10, "action_noise falls linearly to this", ""),
    REAL_(tie_break, "0", 0, 1,
          "share of the superiors' reward that counts as an agent's own: its ties help them", "kappa"),
    FM_OPT_BOOL(biac_config, sample_follower, "no", "actors draw their answers, unless play is greedy", ""),
    FM_OPT_BOOL(biac_config, approximators, "no", "learn and play actors of own observations alone", ""),
    FM_OPT_CHOICE(biac_config, scale_rewards, "bounds", "none|bounds|replay",
                  "rewards are brought to about one by the game's bounds, or by those in the replay", ""),
    FM_OPT_RENAMED("act", "activation"),
    FM_OPT_RENAMED("batch", "batch_size"),
    FM_OPT_RENAMED("buffer", "buffer_size"),
    FM_OPT_RENAMED("warmup", "learning_starts"),
    FM_OPT_RENAMED("every", "train_freq"),
    FM_OPT_RENAMED("target_period", "target_update_interval"),
    FM_OPT_RENAMED("clip", "max_grad_norm"),
    FM_OPT_RENAMED("entropy", "ent_coef"),
    FM_OPT_RENAMED("noise", "action_noise"),
    FM_OPT_RENAMED("noise_final", "action_noise_final"),
    FM_OPT_RENAMED("joint_coin", "coin"),
    FM_OPT_END,
};

/* A box needs smooth critics, whose gradients the actors climb, and more steps than a table of payoffs.
 * Slopes need a cloud of actions that is not too narrow, and minibatches of little noise. */
#define BOX                                                                                                  \
    "activation=tanh batch_size=256 critic_lr=0.005 leader_critic_lr=0.005 actor_lr=0.003 action_noise=0.3 " \
    "action_noise_final=0.15 scale_rewards=replay quadratic=yes"

static const algo_preset PRESETS[] = {
    {"", "merge", 24000,
     "gamma=1 batch_size=64 buffer_size=20000 learning_starts=500 critic_lr=0.001 leader_critic_lr=0.001 "
     "actor_lr=0.001 epsilon=0.3 epsilon_decay=0.9 epsilon_every=500"},
    {"", "grid", 12000, ""},
    {"", "duopoly", 20000, BOX},
    {"", "triopoly", 100000, BOX},
    {"", "oligopoly", 100000, BOX},
    {"published", "", 10000,
     "hidden=20,20 batch_size=512 learning_starts=500 leader_critic_lr=0.1 critic_lr=0.001 actor_lr=0.001 "
     "lr_final=1 loss=huber target_update_interval=10 ent_coef=0 sample_follower=yes scale_rewards=none"},
    {"published", "merge", 24000,
     "hidden=30,30 batch_size=64 buffer_size=500 leader=actor leader_critic_lr=0.01 critic_lr=0.01 "
     "actor_lr=0.001 gamma=1 gumbel=yes target_update_interval=10 epsilon=0.3 epsilon_decay=0.9 "
     "epsilon_every=500"},
    {NULL, NULL, 0, NULL},
};

/* Updates between two looks at the spread of rewards in the replay. */
#define RESCALE_EVERY 100

/* ---- what it can play ---- */

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    if (facts->agents < 2)
        return fm_fail(err, "biac needs a leader and a follower; '%s' has one agent", facts->name);
    if (facts->masks) return fm_fail(err, "biac does not know illegal actions, which '%s' has", facts->name);
    if (facts->pauses)
        return fm_fail(err,
                       "biac needs every agent to act at every decision; in '%s' agents wait for each other",
                       facts->name);
    for (int i = 0; i < facts->agents; i++)
        if (facts->agent[i].action.kind == ENV_MULTI_DISCRETE)
            return fm_fail(err, "biac needs one discrete action or a box; '%s' of '%s' has several heads",
                           facts->agent[i].name, facts->name);
    return biac_accepts_order(facts, config, err);
}

/* ---- defaults by the size of a game ---- */

/* Of a one-shot game of two discrete agents; 0 of all others. */
static int64_t cells_of(const env_facts *facts) {
    int64_t cells = facts->agents == 2 && facts->horizon == 1;
    for (int i = 0; i < facts->agents && cells > 0; i++) cells *= facts->agent[i].action.n;
    return cells;
}

/* Eight random tries of each cell, of which the replay forgets none below a million; then learning, whose
 * length is bounded, since an update costs more in a large game: time grows no faster than the cells. */
static void fit(const env_facts *facts, void *config, int64_t *steps) {
    biac_config *c = config;
    int64_t cells = cells_of(facts), tries = 8 * cells, learning = tries > 8000 ? 8000 : tries;
    if (cells == 0) return;
    c->tie_break = 0.001;
    if (tries > c->replay.learning_starts) c->replay.learning_starts = tries;
    *steps = c->replay.learning_starts + (learning < 4000 ? 4000 : learning);
    if (*steps > c->replay.buffer_size) c->replay.buffer_size = *steps < 1000000 ? *steps : 1000000;
    if (cells <= 100) return;
    c->hidden = (fm_ints){.n = 2, .v = {64, 64}};
    c->replay.batch_size = 32;
}

/* ---- critics ---- */

/* (Q_i(o_i, a) - y_i)^2, y_i from outside: its gradient is the step of Eq. (15). */
static void critic_learn(biac *b, const algo_setup *setup, int i) {
    biac_agent *a = &b->agent[i];
    ad_var y, q = algo_net_apply(&a->critic, &a->critic.leaves, a->critic_input);
    a->td_target = algo_batch_leaf(&b->batch, ALGO_REWARD, i, &y);
    ad_var penalty = algo_penalty(ad_sub(q, y), (algo_loss)b->config->loss);
    algo_net_learn(&a->critic, setup, nn_weighted_mean(penalty, a->weight));
}

/* The reward of whoever is below others has a share of the mean of theirs; they come later here, so that
 * theirs is still their own. */
static void share_rewards(biac *b) {
    for (int k = b->order.agents - 1; k > 0; k--) {
        const biac_agent *a = &b->agent[b->order.turn[k]];
        int above = biac_superiors(b, b->order.turn[k]);
        for (int j = 0; j < above; j++) {
            const real *theirs = b->agent[b->order.turn[j]].td_target, share = (real)b->config->tie_break;
            for (size_t r = 0; r < b->batch.rows; r++) a->td_target[r] += share / (real)above * theirs[r];
        }
    }
}

/* y_i = r_i + gamma Q_i(s', a') with the Stackelberg joint action a' of the next state (Eq. 12-14). The
 * rewards stand in td_target already. */
static void add_future(biac *b) {
    const biac_config *c = b->config;
    size_t agents = (size_t)b->joint.agents;
    biac_play_joint(b, b->target, &b->noise);
    for (size_t i = 0; i < agents; i++) {
        const real *next = biac_play_value(b, b->target, (int)i), *not_done = b->target->present + i;
        bool soft = (int)i == b->leader && c->soft > 0;
        for (size_t r = 0; r < b->batch.rows; r++) {
            real value = soft ? (real)biac_soft_value(b, b->target, r) : next[r];
            b->agent[i].td_target[r] += (real)c->gamma * not_done[r * agents] * value;
        }
    }
}

/* ---- creation ---- */

void biac_make_net(const biac *b, const algo_setup *setup, algo_net *net, const char *kind, int i,
                   algo_net_shape shape) {
    char name[FM_NAME_MAX];
    fm_text_format(name, sizeof name, "%s.%d", kind, i);
    fm_rng rng = fm_rng_split(setup->seed, FM_RNG_INIT, (uint64_t)kind[0], (uint64_t)i);
    shape.name = name;
    shape.hidden = &b->config->hidden;
    shape.activation = (ad_act)b->config->activation;
    shape.max_grad_norm = b->config->descent.max_grad_norm;
    algo_net_make(net, setup, &shape, &rng);
}

static void make_nets(biac *b, const algo_setup *setup, int i) {
    const biac_config *c = b->config;
    size_t obs = (size_t)b->facts->agent[i].obs_length, total = (size_t)b->joint.total;
    biac_make_net(b, setup, &b->agent[i].critic, "critic", i,
                  (algo_net_shape){.in = obs + total,
                                   .out = 1,
                                   .lr = b->order.level[i] == 0 ? c->leader_critic_lr : c->critic_lr,
                                   .target = !b->one_shot,
                                   .quadratic = c->quadratic ? total : 0});
    if (biac_has_actor(b, i))
        biac_make_net(b, setup, &b->agent[i].actor, "actor", i,
                      (algo_net_shape){.in = biac_actor_width(b, i),
                                       .out = (size_t)b->joint.width[i],
                                       .lr = c->actor_lr,
                                       .target = !b->one_shot});
}

/* An agent's part of the minibatch. In a one-shot game nobody dies: every row counts one. */
static void declare_columns(biac *b, const algo_setup *setup, int i) {
    biac_agent *a = &b->agent[i];
    size_t agents = (size_t)b->joint.agents, in = a->critic.mlp.in;
    size_t length = (size_t)b->facts->agent[i].obs_length;
    a->replayed = algo_leaf(setup, b->batch.rows, in, "critic input", &a->critic_input);
    algo_batch_into(&b->batch, ALGO_OBS, i, a->replayed, in);
    algo_batch_into(&b->batch, ALGO_COLUMNS, ALGO_ALL, a->replayed + length, in);
    a->obs = ad_slice_cols(a->critic_input, 0, length);
    a->columns = fm_arena_array(setup->arena, ad_var, agents);
    for (size_t k = 0; k < agents; k++)
        a->columns[k] =
            ad_slice_cols(a->critic_input, length + (size_t)b->joint.at[k], (size_t)b->joint.width[k]);
    a->active = a->weight = AD_NONE;
    if (b->one_shot) return;
    algo_batch_leaf(&b->batch, ALGO_ACTIVE, i, &a->active);
    algo_batch_leaf(&b->batch, ALGO_WEIGHT, i, &a->weight);
}

/* Losses are recorded once; an actor's needs everyone's columns and networks. */
static void make_losses(biac *b, const algo_setup *setup) {
    for (int i = 0; i < b->joint.agents; i++) declare_columns(b, setup, i);
    for (int i = 0; i < b->joint.agents; i++) critic_learn(b, setup, i);
    for (int i = 0; i < b->joint.agents; i++) {
        if (biac_has_actor(b, i) && biac_is_discrete(b, i)) biac_discrete_learn(b, setup, i);
        if (biac_has_actor(b, i) && !biac_is_discrete(b, i)) biac_box_learn(b, setup, i);
        if (b->config->approximators) biac_approximator_learn(b, setup, i);
    }
}

/* A play of the minibatch's situations; or of those after it, by the target networks. */
static biac_play *play_batch(biac *b, const algo_setup *setup, bool next) {
    size_t agents = (size_t)b->joint.agents;
    biac_play *play = biac_play_make(b, setup, b->batch.rows, next);
    biac_play_add_tries(b, setup, play);
    algo_batch_into(&b->batch, next ? ALGO_NEXT_OBS : ALGO_OBS, ALGO_ALL, play->obs,
                    (size_t)b->facts->obs_total);
    for (int i = 0; i < b->joint.agents && !b->one_shot; i++)
        algo_batch_into(&b->batch, next ? ALGO_NOT_DONE : ALGO_ACTIVE, i, play->present + i, agents);
    return play;
}

static void make_plays(biac *b, const algo_setup *setup) {
    b->acting = biac_play_make(b, setup, (size_t)setup->num_envs, false);
    b->acting->share = 1;
    biac_play_add_tries(b, setup, b->acting);
    if (b->config->approximators) b->online = play_batch(b, setup, false);
    if (!b->one_shot) b->target = play_batch(b, setup, true);
    for (int i = 0; i < b->joint.agents; i++) {
        biac_play_add_critic(b, setup, b->acting, i);
        if (b->target) biac_play_add_critic(b, setup, b->target, i);
    }
}

static void *create(const algo_setup *setup) {
    biac *b = fm_arena_array(setup->arena, biac, 1);
    const biac_config *c = b->config = setup->config;
    const env_facts *facts = b->facts = setup->facts;
    size_t agents = (size_t)facts->agents;
    b->joint = algo_joint_of(facts, setup->arena);
    FM_CHECK(algo_order_parse(facts, c->order, setup->arena, &b->order, NULL) == FM_OK,
             "an order that was accepted");
    b->agent = fm_arena_array(setup->arena, biac_agent, agents);
    b->leader = biac_maximising_leader(facts, c, &b->order);
    if (b->leader >= 0) biac_list_candidates(b, setup->arena);
    b->one_shot = facts->horizon == 1;
    b->total_steps = setup->steps;
    b->scale = fm_arena_array(setup->arena, algo_scale, agents);
    fm_keep_bytes(setup->keep, b->scale, agents * sizeof *b->scale, "biac.scale");
    algo_cadence_keep(&b->cadence, setup);
    algo_stream(setup, &b->sample, FM_RNG_SAMPLE, 0);
    algo_stream(setup, &b->noise, FM_RNG_UPDATE, 0);
    b->replay = algo_replay_make(setup, c->replay.buffer_size);
    for (int i = 0; i < facts->agents; i++) {
        b->scale[i] = algo_reward_scale(facts, i, c->scale_rewards == ALGO_SCALE_NONE);
        make_nets(b, setup, i);
    }
    b->batch = algo_batch_make(setup, (size_t)c->replay.batch_size);
    b->batch.scale = b->scale;
    make_losses(b, setup);
    make_plays(b, setup);
    return b;
}

static void destroy(void *self) {
    biac *b = self;
    for (int i = 0; i < b->joint.agents; i++) {
        algo_net_free(&b->agent[i].critic);
        algo_net_free(&b->agent[i].actor);
        algo_net_free(&b->agent[i].approximator);
    }
}

/* ---- acting ---- */

static bool starting(const biac *b) { return b->cadence.decisions < b->config->replay.learning_starts; }

static double epsilon(const biac *b) {
    return starting(b) ? 1 : algo_epsilon(&b->config->epsilon, b->cadence.decisions);
}

/* Replaces one row's actions by random ones: all of them before learning starts, then discrete ones now and
 * then. */
static void explore(const biac *b, fm_rng *rng, real *actions) {
    double chance = epsilon(b), coin = fm_rng_uniform(rng);
    for (int i = 0; i < b->joint.agents; i++) {
        if (b->config->coin == ALGO_COIN_OWN && i > 0) coin = fm_rng_uniform(rng);
        if (coin < chance && (biac_is_discrete(b, i) || starting(b)))
            algo_random_action(b->facts, i, NULL, rng, actions + b->facts->agent[i].action_at);
    }
}

/* Zeros for those who do not act. */
static void rest(const biac *b, const uint8_t *active, real *actions) {
    for (int i = 0; i < b->joint.agents; i++) {
        const env_agent *agent = &b->facts->agent[i];
        if (!active[i]) memset(actions + agent->action_at, 0, (size_t)agent->action.size * sizeof *actions);
    }
}

static void act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory, real *actions) {
    biac *b = self;
    bool explores = mode == ALGO_TRAIN, random = explores && starting(b);
    (void)memory;
    biac_play_see(b, b->acting, view);
    if (!explores && b->config->approximators)
        biac_approximators_act(b, view);
    else if (!random)
        biac_play_joint(b, b->acting, mode == ALGO_GREEDY ? NULL : rng);
    if (explores && !random) biac_box_wander(b, b->acting, rng);
    for (size_t r = 0; r < b->acting->rows; r++) {
        real *row = actions + r * (size_t)b->facts->action_total;
        if (!random) algo_decode(&b->joint, b->acting->joint + r * (size_t)b->joint.total, row);
        if (explores) explore(b, &rng[r], row);
        rest(b, view->active + r * (size_t)b->joint.agents, row);
    }
}

static void observe(void *self, const algo_step *step) {
    biac *b = self;
    algo_replay_add(&b->replay, step);
    algo_cadence_count(&b->cadence, step->before.copies, b->config->replay.learning_starts);
}

/* ---- learning ---- */

/* The unit of each agent's rewards follows their spread in the replay; what its critic has learnt stays. */
static void rescale_rewards(biac *b, bool learnt) {
    for (int i = 0; i < b->joint.agents; i++) {
        algo_scale old = b->scale[i], now = algo_replay_scale(&b->replay, i);
        if (learnt)
            algo_net_rescale(&b->agent[i].critic, now.scale / old.scale, (old.shift - now.shift) * now.scale);
        b->scale[i] = now;
    }
}

static void track(biac *b) {
    for (int i = 0; i < b->joint.agents; i++) {
        algo_net_track(&b->agent[i].critic, b->config->target.tau);
        if (biac_has_actor(b, i)) algo_net_track(&b->agent[i].actor, b->config->target.tau);
    }
}

static void learn(biac *b) {
    const biac_config *c = b->config;
    int64_t before = b->cadence.updates - 1;
    double rate = algo_falling(c->descent.lr_final, b->cadence.decisions, b->total_steps);
    if (c->scale_rewards == ALGO_SCALE_REPLAY && before % RESCALE_EVERY == 0) rescale_rewards(b, before > 0);
    algo_replay_draw(&b->replay, &b->batch, &b->sample);
    algo_replay_fill(&b->replay, &b->batch);
    if (c->tie_break > 0) share_rewards(b);
    if (!b->one_shot) add_future(b);
    for (int k = 0; k < b->order.agents; k++) algo_net_step(&b->agent[b->order.turn[k]].critic, rate);
    for (int k = 0; k < b->order.agents; k++) {
        int i = b->order.turn[k];
        if (!biac_has_actor(b, i)) continue;
        if (biac_is_discrete(b, i)) biac_discrete_prepare(b, i);
        algo_net_step(&b->agent[i].actor, rate);
    }
    if (c->approximators) biac_approximators_step(b, rate);
    if (!b->one_shot && b->cadence.updates % c->target.target_update_interval == 0) track(b);
}

static void update(void *self) {
    biac *b = self;
    const algo_replay_options *o = &b->config->replay;
    while (algo_cadence_due(&b->cadence, o->train_freq, o->gradient_steps)) learn(b);
}

/* ---- what it shows ---- */

/* ORDER of measure. */
static const algo_metric METRICS[] = {
    {"critic_loss", "", "loss of the agent's critic at the last update", true},
    {"actor_loss", "", "loss of its actor; a maximising leader has none", true},
    {"epsilon", "", "chance of a random action", false},
    {NULL, NULL, NULL, false},
};

static void measure(const void *self, double *values) {
    const biac *b = self;
    for (int i = 0; i < b->joint.agents; i++) *values++ = *b->agent[i].critic.loss;
    for (int i = 0; i < b->joint.agents; i++)
        *values++ = biac_has_actor(b, i) ? *b->agent[i].actor.loss : FM_ABSENT;
    *values = epsilon(b);
}

const algo_type algo_biac = {
    .name = "biac",
    .doc = "bi-level actor-critic: the leader maximises over the follower's answers",
    .paper = "Zhang et al., AAAI 2020",
    .options = OPTIONS,
    .config_size = sizeof(biac_config),
    .presets = PRESETS,
    .steps = 5000,
    .fit = fit,
    .accepts = accepts,
    .create = create,
    .act = act,
    .observe = observe,
    .update = update,
    .metrics = METRICS,
    .measure = measure,
    .values = biac_values,
    .probabilities = biac_probabilities,
    .answer = biac_answer,
    .destroy = destroy,
};
