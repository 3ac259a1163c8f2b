/* biac.h: the inside of Bi-AC. Its files:
 *
 *     algos/biac.c         the paper: card, options, critics, creation, act, observe, update
 *     biac_play.c          the networks at play: how the levels below answer, what a joint action is worth
 *     biac_leader.c        the leader that maximises over its candidates (Eq. 12)
 *     biac_discrete.c      the actor of a discrete agent (Eq. 16)
 *     biac_box.c           the actor of an agent with a box (Eq. 22), its noise
 *     biac_approximator.c  actors of own observations that imitate the joint action
 *     biac_report.c        values and probabilities for whoever looks
 *
 * N agents; A_i columns of agent i's action, A their sum; D_i its observation, D their sum; K candidates of a
 * maximising leader; R rows of a play, B of a minibatch. */
#ifndef ALGO_BIAC_H
#define ALGO_BIAC_H

#include "algos/parts/cadence.h"
#include "algos/parts/net.h"
#include "algos/parts/options.h"
#include "algos/parts/order.h"
#include "algos/parts/replay.h"
#include "algos/parts/schedule.h"

/* ORDER of the words in the options. */
enum { BIAC_LEADER_AUTO, BIAC_LEADER_ARGMAX, BIAC_LEADER_ACTOR };
enum { BIAC_REACTION_TOTAL, BIAC_REACTION_PARTIAL };

typedef struct biac_config {
    char order[FM_TEXT_MAX];
    fm_ints hidden;
    int64_t activation, loss, leader, candidates, reaction, coin, scale_rewards;
    double leader_critic_lr, critic_lr, actor_lr, gamma, ent_coef, logit_l2, temperature, soft;
    double action_noise, action_noise_final, tie_break;
    bool quadratic, gumbel, sample_follower, approximators;
    algo_replay_options replay;
    algo_descent_options descent;
    algo_target_options target;
    algo_epsilon_schedule epsilon;
} biac_config;

/* The networks at play on R rows: what is seen, who acts, and the joint action. */
typedef struct biac_play {
    size_t rows;             /* in use now */
    size_t first;            /* of a piece of more rows: the number of its first one among them */
    size_t share;            /* rows that draw from one random stream */
    bool target;             /* by the target networks */
    real *obs;               /* [R, D] */
    real *present;           /* [R, N] 1 where the agent acts; the columns of one that does not are zeros */
    real *joint;             /* [R, A] */
    algo_forward *actor;     /* [N] [R, D_i + A of the levels above] -> [R, A_i]; of those with an actor */
    algo_forward *critic;    /* [N] [R, D_i + A] -> [R, 1]; those that were added */
    struct biac_play *tries; /* of R K rows a piece: the leader's candidates and the answers to them */
    real *tried;             /* [R, K] what each is worth to the leader */
    double *most;            /* [R] the best so far */
} biac_play;

/* One agent. Matrices of B rows are the minibatch's. */
typedef struct biac_agent {
    algo_net critic;       /* Q_i(o_i, a_1..a_N) */
    algo_net actor;        /* pi_i(o_i, a of the levels above); not of a maximising leader */
    algo_net approximator; /* pi_i(o_i); an option */
    real *replayed;        /* [B, D_i + A] its observation and the joint action */
    real *td_target;       /* [B, 1] what Q_i is drawn to */
    real *values;          /* [B, A_i] Q_i of each own action; discrete actors */
    real *gumbel;          /* [B, A_i] noise; option gumbel */
    real *example;         /* [B, A_i] the Stackelberg action; approximators */
    /* Leaves of the tape, and parts of them. */
    ad_var critic_input;   /* `replayed` */
    ad_var obs, *columns;  /* of it: [B, D_i]; [N] [B, A_k] */
    ad_var active, weight; /* [B, 1] whether it acted, how much the row counts; AD_NONE in one-shot games */
    biac_play *deviations; /* [piece B] rows: own actions in place of the replayed one; discrete actors */
    size_t piece;          /* how many of the A_i it holds at a time */
    algo_forward apart;    /* the approximator on rows of copies */
} biac_agent;

typedef struct biac {
    const biac_config *config;
    const env_facts *facts;
    algo_joint joint;
    algo_order order;
    biac_agent *agent; /* [N] */
    int leader;        /* the agent that maximises over its candidates; -1: every agent has an actor */
    size_t candidates; /* K */
    real *candidate;   /* [K, A_leader] */
    bool one_shot;     /* no future: nothing is bootstrapped, nobody dies */
    int64_t total_steps;
    algo_scale *scale; /* [N] of each agent's rewards; kept */
    algo_cadence cadence;
    algo_replay replay;
    algo_batch batch;
    fm_rng sample, noise; /* of minibatches; inside an update */
    biac_play *acting;    /* rows of copies */
    biac_play *target;    /* B rows: the situations after the minibatch's; NULL in one-shot games */
    biac_play *online;    /* B rows: the minibatch's situations; with approximators */
} biac;

/* Whether agent i acts by an actor; whether its action is one of n. */
static inline bool biac_has_actor(const biac *b, int agent) { return agent != b->leader; }
static inline bool biac_is_discrete(const biac *b, int agent) {
    return b->facts->agent[agent].action.kind == ENV_DISCRETE;
}

/* Agents of the levels above agent i's; they come first in b->order.turn. */
static inline int biac_superiors(const biac *b, int agent) {
    int above = 0;
    for (int j = 0; j < b->joint.agents; j++) above += b->order.level[j] < b->order.level[agent];
    return above;
}

/* ---- biac.c ---- */

/* A network of agent i, named KIND.i; the shape says the rest. */
void biac_make_net(const biac *b, const algo_setup *setup, algo_net *net, const char *kind, int agent,
                   algo_net_shape shape);

/* ---- biac_play.c ---- */

/* How many of `count` blocks of rows a play may hold at once: plays of many actions are worked through in
 * pieces. At least one. */
size_t biac_play_piece(const biac *b, size_t rows, size_t count);

/* Everyone's actors on `rows` rows, all of whose agents are present; and the critic of an agent. */
biac_play *biac_play_make(const biac *b, const algo_setup *setup, size_t rows, bool target);
void biac_play_add_critic(const biac *b, const algo_setup *setup, biac_play *play, int agent);

/* Copies what the agents see, and who acts, into the play, which then has the view's rows. */
void biac_play_see(const biac *b, biac_play *play, const env_view *view);

/* Where the columns of an agent's action in a row stand; NULL, and zeros there, when it does not act. */
real *biac_place(const biac *b, biac_play *play, size_t row, int agent);

/* The stream that a row draws from; NULL without streams. */
fm_rng *biac_stream(const biac_play *play, fm_rng *rng, size_t row);

/* Columns of an actor's input: its observation, and the actions of the levels above. */
size_t biac_actor_width(const biac *b, int agent);

/* An actor's outputs become the columns of its action: the one-hot of the largest logit, or of one drawn by
 * the softmax when there is a stream; the tanh of each number of a box. */
void biac_choose(const biac *b, int agent, const real *out, fm_rng *rng, real *columns);

/* The outputs of an actor, given what stands in the columns of the levels above; borrowed [R, A_i]. The same
 * on the tape for the minibatch, given those columns [N]. */
const real *biac_play_actor(const biac *b, biac_play *play, int agent);
ad_var biac_actor_on_tape(const biac *b, int agent, const ad_var *columns);

/* Lets the levels from `level` down answer what stands in the columns of those above. With sample_follower
 * and a stream the answers are drawn, row r from biac_stream. */
void biac_play_respond(const biac *b, biac_play *play, int level, fm_rng *rng);

/* Q_i of every row, for the joint actions that stand there; borrowed [R]. */
const real *biac_play_value(const biac *b, biac_play *play, int agent);

/* ---- biac_leader.c ---- */

/* The agent that maximises over its candidates, or -1; FM_BAD when the order does not fit. */
int biac_maximising_leader(const env_facts *facts, const biac_config *config, const algo_order *order);
fm_status biac_accepts_order(const env_facts *facts, const biac_config *config, fm_error *err);

/* Its candidates: all actions of a discrete space, or points that fill a box; what a play needs to try
 * them. */
void biac_list_candidates(biac *b, fm_arena *arena);
void biac_play_add_tries(const biac *b, const algo_setup *setup, biac_play *play);

/* The Stackelberg joint action of every row (Eq. 12): the leader tries each candidate, the levels below
 * answer, the best for the leader stands. rng NULL: greedy; else a soft leader draws, as do answers. */
void biac_play_joint(const biac *b, biac_play *play, fm_rng *rng);

/* An agent's answer to the actions above it that stand in `actions`; the leader's is its own choice. */
void biac_answer(void *self, const env_view *view, int agent, algo_mode mode, fm_rng *rng, real *actions);

/* The leader's soft value alpha log mean_k exp(Q_1 / alpha) of one row, over what biac_play_joint has just
 * tried. */
double biac_soft_value(const biac *b, const biac_play *play, size_t row);

/* ---- biac_discrete.c ---- */

/* Declares the actor's loss; fills the values that it needs, before every step. */
void biac_discrete_learn(biac *b, const algo_setup *setup, int agent);
void biac_discrete_prepare(biac *b, int agent);

/* ---- biac_box.c ---- */

/* Declares the actor's loss. */
void biac_box_learn(biac *b, const algo_setup *setup, int agent);

/* Adds noise to the box actions that stand in the play, from the top down: the levels below answer what was
 * done, not what was meant. */
void biac_box_wander(const biac *b, biac_play *play, fm_rng *rng);

/* Point k = 0, 1, ... of Halton's sequence in [-1, 1]^width, which fills the box evenly at any number. */
void biac_box_point(size_t k, size_t width, real *point);

/* ---- biac_approximator.c ---- */

/* Makes an agent's approximator with its loss; one step of all of them; and their joint action, written to
 * b->acting, which has seen the view. */
void biac_approximator_learn(biac *b, const algo_setup *setup, int agent);
void biac_approximators_step(biac *b, double rate);
void biac_approximators_act(biac *b, const env_view *view);

/* ---- biac_report.c: the entries of the contract (algos/algo.h) ---- */

void biac_values(void *self, const env_view *view, const real *actions, double *values);
void biac_probabilities(void *self, const env_view *view, const real *actions, double *probabilities);

#endif
