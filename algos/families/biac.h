/* biac.h: the inside of Bi-AC: its state, and the Stackelberg play of its networks. For biac.c and
 * biac_play.c. */
#ifndef ALGO_BIAC_H
#define ALGO_BIAC_H

#include "algos/parts/net.h"
#include "algos/parts/order.h"
#include "algos/parts/replay.h"
#include "algos/parts/schedule.h"

enum { BIAC_LEADER_AUTO, BIAC_LEADER_ARGMAX, BIAC_LEADER_ACTOR };
enum { BIAC_REACTION_TOTAL, BIAC_REACTION_PARTIAL };
enum { BIAC_SCALE_NONE, BIAC_SCALE_BOUNDS, BIAC_SCALE_REPLAY };

typedef struct biac_config {
    char order[FM_TEXT_MAX];
    fm_ints hidden;
    int64_t act, batch, buffer, warmup, every, target_period, loss, leader, candidates, reaction,
        scale_rewards;
    double soft, leader_critic_lr, critic_lr, actor_lr, lr_final, gamma, tau, clip, entropy, logit_l2,
        temperature, noise;
    double noise_final;
    bool quadratic, joint_coin, gumbel, sample_follower, approximators;
    algo_epsilon_schedule epsilon;
} biac_config;

/* N agents, A_i columns of agent i's action, A their sum, D_i its observation, R rows. */

/* The networks at play on R rows: write obs, call biac_play_joint, read joint. */
typedef struct biac_play {
    size_t rows;
    real *obs;                           /* [R, obs_total] */
    real *joint;                         /* [R, A] */
    algo_forward actor[ENV_AGENTS_MAX];  /* [R, D_i + superiors] -> [R, A_i]; agents with an actor */
    algo_forward critic[ENV_AGENTS_MAX]; /* [R, D_i + A] -> [R, 1]; those that were asked for */
    struct biac_play *tried;             /* [R K] rows: the leader's K actions with what they bring about */
} biac_play;

typedef struct biac {
    const biac_config *config;
    const env_facts *facts;
    algo_joint joint;
    algo_order order;
    algo_scale *scale;           /* [N] of each agent's rewards; kept */
    int leader;       /* the agent that maximises over its actions (Eq. 12), -1: every agent has an actor */
    size_t tries;     /* K: its actions, or candidates in its box */
    real *candidates; /* [K, A_leader] */
    bool one_shot;    /* no future: nothing is bootstrapped */
    int64_t *steps, *updates; /* counters, kept; decisions seen and minibatches learnt */
    int64_t total_steps;
    ad_tape *tape;
    algo_net critic[ENV_AGENTS_MAX];       /* Q_i(o_i, a_1..a_N) */
    algo_net actor[ENV_AGENTS_MAX];        /* pi_i(o_i, a of the levels above) */
    algo_net approximator[ENV_AGENTS_MAX]; /* pi_i(o_i): the joint action without seeing the others */
    algo_replay replay;
    fm_rng explore, sample, update;
    biac_play *acting, *target, *online; /* on rows of copies, batch, batch (approximators) */
    algo_forward approximate[ENV_AGENTS_MAX];

    /* the minibatch, B rows; every matrix is a leaf of the tape */
    size_t batch;
    real *joint_obs[ENV_AGENTS_MAX];        /* [B, D_i + A]: input of critic i */
    real *wanted[ENV_AGENTS_MAX];           /* [B, 1]: what Q_i is drawn to */
    real *actor_obs[ENV_AGENTS_MAX];        /* [B, D_i + superiors] */
    real *alternatives[ENV_AGENTS_MAX];     /* [B, A_i]: Q_i of each own action, discrete agents */
    real *gumbel[ENV_AGENTS_MAX];           /* [B, A_i] noise */
    real *imitated[ENV_AGENTS_MAX];         /* [B, A_i]: the approximator's example */
    real *approximator_obs[ENV_AGENTS_MAX]; /* [B, D_i] */
    biac_play *deviations[ENV_AGENTS_MAX];  /* [B A_i] rows: own actions tried in the replayed joint action */
    real *continues;                        /* [B] */
    real *joint_actions;                    /* [B, A] of the replay */
} biac;

/* Whether agent i acts by an actor of its own, and the columns of its input. */
static inline bool biac_has_actor(const biac *b, int agent) { return agent != b->leader; }
size_t biac_actor_width(const biac *b, int agent);

/* Copies an actor's input row: own observation, then the actions of the levels above in the order of the
 * agents. */
void biac_actor_input(const biac *b, int agent, const real *obs, const real *joint, real *input);

biac_play *biac_play_make(const biac *b, const algo_setup *setup, size_t rows, bool target, bool with_leader);

/* The Stackelberg joint action of every row of play->obs by the networks (Eq. 12): the leader tries each
 * action, the levels below answer, the best for the leader stands. rng NULL: greedy;
 * else a soft leader and, with sample_follower, the answers are drawn. */
void biac_play_joint(const biac *b, biac_play *play, fm_rng *rng);

/* The leader's soft value alpha log mean_k exp(Q_1 / alpha) of one row, over what biac_play_joint has just
 * tried. */
double biac_soft_value(const biac *b, const biac_play *play, size_t row);

/* Lets the levels from `level` down answer what stands in the columns of those above. */
void biac_play_respond(const biac *b, biac_play *play, int level, fm_rng *rng);

/* Adds noise of deviation sigma to the box actions that stand in play->joint, from the top down: the levels
 * below answer what was done, not what was meant. */
void biac_play_wander(const biac *b, biac_play *play, double sigma, fm_rng *rng);

/* Q_i of every row of play, for the joint actions that stand there; borrowed [R]. */
const real *biac_play_value(const biac *b, biac_play *play, int agent);

/* Copies what the agents see into play->obs. */
void biac_show(const biac *b, biac_play *play, const algo_view *view);

/* The entries `values` and `probabilities` of the contract (algos/algo.h). */
void biac_values(void *self, const algo_view *view, const real *actions, double *out);
void biac_probabilities(void *self, const algo_view *view, const real *actions, double *out);

#endif
