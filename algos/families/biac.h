/* biac.h: the inside of Bi-AC. Five files share it:
 *
 *     algos/biac.c        the paper: card, options, critics, creation, act, observe, update
 *     biac_play.c         who answers whom (Eq. 12): the joint action of the networks, and its value
 *     biac_discrete.c     the actor of a discrete agent (Eq. 16)
 *     biac_box.c          the actor of an agent with a box (Eq. 22), its exploration, candidates
 *     biac_approximator.c actors of own observations that imitate the joint action
 *
 * N agents; A_i columns of agent i's action, A their sum; D_i its observation; R rows of a play, B of a
 * minibatch. */
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
    double action_noise, action_noise_final;
    bool quadratic, gumbel, sample_follower, approximators;
    algo_replay_options replay;
    algo_descent_options descent;
    algo_target_options target;
    algo_epsilon_schedule epsilon;
} biac_config;

/* The networks at play on R rows: write obs and present, call biac_play_joint, read joint. */
typedef struct biac_play {
    size_t rows;           /* in use now */
    size_t share;          /* rows that draw from one random stream */
    bool target;           /* by the target networks */
    real *obs;             /* [R, sum of D_i] */
    real *present;         /* [R, N] 1 where the agent acts; the columns of one that does not are zeros */
    real *joint;           /* [R, A] */
    algo_forward *actor;   /* [N] [R, D_i + A of the levels above] -> [R, A_i]; agents with an actor */
    algo_forward *critic;  /* [N] [R, D_i + A] -> [R, 1]; those that were added */
    struct biac_play *tries; /* [R K] rows: the K actions of a maximising leader with what they bring about */
} biac_play;

/* What an agent learns with; the matrices are leaves of the tape, their numbers the minibatch's. */
typedef struct biac_agent {
    algo_net critic;       /* Q_i(o_i, a_1..a_N) */
    algo_net actor;        /* pi_i(o_i, a of the levels above); not of a maximising leader */
    algo_net approximator; /* pi_i(o_i): the joint action without seeing the others; an option */
    real *replayed;        /* [B, D_i + A]: its observation and the joint action */
    real *td_target;       /* [B, 1]: what Q_i is drawn to */
    ad_var critic_input, obs; /* replayed as a leaf; [B, D_i] of it */
    ad_var *columns;       /* [N] [B, A_k] of it */
    ad_var active, weight; /* [B, 1] whether it acted, and what the row counts; AD_NONE in one-shot games */
    /* Discrete actors. */
    real *values;          /* [B, A_i]: Q_i of each own action */
    real *gumbel;          /* [B, A_i] noise, NULL unless the loss has it */
    biac_play *deviations; /* [A_i B] rows: each own action in place of the replayed one */
    /* Approximators. */
    real *example;         /* [B, A_i]: the Stackelberg action */
    algo_forward apart;    /* the approximator on rows of copies */
} biac_agent;

typedef struct biac {
    const biac_config *config;
    const env_facts *facts;
    algo_joint joint;
    algo_order order;
    biac_agent *agent; /* [N] */
    int leader;        /* the agent that maximises over its actions (Eq. 12); -1: every agent has an actor */
    size_t candidates; /* K: its actions, or points of its box */
    real *candidate;   /* [K, A_leader] */
    bool one_shot;     /* no future: nothing is bootstrapped, nobody dies */
    int64_t total_steps;
    algo_scale *scale; /* [N] of each agent's rewards; kept */
    algo_cadence cadence;
    algo_replay replay;
    algo_batch batch;
    fm_rng sample, noise;                /* of minibatches; inside an update */
    biac_play *acting, *target, *online; /* on rows of copies; B, next situations; B (approximators) */
} biac;

/* Whether agent i acts by an actor of its own; whether it does so by one of n actions. */
static inline bool biac_has_actor(const biac *b, int agent) { return agent != b->leader; }
static inline bool biac_is_discrete(const biac *b, int agent) {
    return b->facts->agent[agent].action.kind == ENV_DISCRETE;
}

/* ---- biac_play.c ---- */

/* Columns of an actor's input, and one row of it: own observation, then the actions of the levels above in the
 * order of the agents. */
size_t biac_actor_width(const biac *b, int agent);
void biac_actor_input(const biac *b, int agent, const real *obs, const real *joint, real *input);

/* An actor's outputs become the columns of its action: the largest logit, or one drawn by the softmax when there
 * is a stream; tanh of each number of a box. */
void biac_choose(const biac *b, int agent, const real *out, fm_rng *rng, real *columns);

/* Everyone's actors on `rows` rows, all of whose agents are present; the critic of an agent; what a maximising
 * leader needs for its tries. */
biac_play *biac_play_make(const biac *b, const algo_setup *setup, size_t rows, bool target);
void biac_play_add_critic(const biac *b, const algo_setup *setup, biac_play *play, int agent);
void biac_play_add_tries(const biac *b, const algo_setup *setup, biac_play *play);

/* The candidates of a maximising leader: all actions of a discrete space, points that fill a box. */
void biac_list_candidates(biac *b, fm_arena *arena);

/* The Stackelberg joint action of every row of play->obs by the networks (Eq. 12): the leader tries each
 * action, the levels below answer, the best for the leader stands. rng NULL: greedy; else a soft leader draws,
 * and with sample_follower the answers are drawn too, row r from rng[r / share]. */
void biac_play_joint(const biac *b, biac_play *play, fm_rng *rng);

/* Lets the levels from `level` down answer what stands in the columns of those above. */
void biac_play_respond(const biac *b, biac_play *play, int level, fm_rng *rng);

/* Q_i of every row of play, for the joint actions that stand there; borrowed [R]. */
const real *biac_play_value(const biac *b, biac_play *play, int agent);

/* The leader's soft value alpha log mean_k exp(Q_1 / alpha) of one row, over what biac_play_joint has just
 * tried. */
double biac_soft_value(const biac *b, const biac_play *play, size_t row);

/* Copies what the agents see, and who acts, into the play, which then has the view's rows. */
void biac_show(const biac *b, biac_play *play, const env_view *view);

/* The entries `values` and `probabilities` of the contract (algos/algo.h). */
void biac_values(void *self, const env_view *view, const real *actions, double *values);
void biac_probabilities(void *self, const env_view *view, const real *actions, double *probabilities);

/* On the tape, for losses, of the minibatch's observations: the outputs of an actor, given the columns [N] of the
 * levels above; Q_i of a joint action [B, A]. */
ad_var biac_actor_on_tape(const biac *b, int agent, const ad_var *columns);
ad_var biac_critic_on_tape(const biac *b, int agent, ad_var joint);

/* ---- biac_discrete.c ---- */

/* Declares the actor's batch and loss (Eq. 16); fills what the loss needs beyond the minibatch. */
void biac_discrete_learn(biac *b, const algo_setup *setup, int agent);
void biac_discrete_prepare(biac *b, int agent);

/* ---- biac_box.c ---- */

/* Declares the actor's loss (Eq. 22). */
void biac_box_learn(biac *b, const algo_setup *setup, int agent);

/* Adds noise of deviation sigma to the box actions that stand in play->joint, from the top down: the levels
 * below answer what was done, not what was meant. */
void biac_box_wander(const biac *b, biac_play *play, double sigma, fm_rng *rng);

/* Point k = 0, 1, ... of Halton's sequence in [-1, 1]^width, which fills the box evenly at any number. */
void biac_box_point(size_t k, size_t width, real *point);

/* ---- biac_approximator.c ---- */

/* Makes the agent's approximator with its loss; one step of all of them towards the joint action of the replayed
 * situations; and their joint action, written to acting->joint. */
void biac_approximator_learn(biac *b, const algo_setup *setup, int agent);
void biac_approximators_step(biac *b, double rate);
void biac_approximators_act(biac *b, const env_view *view);

/* ---- biac.c ---- */

/* A network of agent i, named KIND.i. */
void biac_make_net(const biac *b, const algo_setup *setup, algo_net *net, const char *kind, int agent,
                   algo_net_shape shape);

#endif
