/* joint.h: joint actions as network inputs. Each agent's action takes `width` columns: the one-hot of a
 * discrete action (one after another for several heads), or a box action scaled to [-1, 1] by its bounds. */
#ifndef ALGO_JOINT_H
#define ALGO_JOINT_H

#include "envs/env.h"

typedef struct algo_joint {
    const env_facts *facts; /* borrowed */
    int agents;
    int *width; /* [agents] */
    int *at;    /* [agents] first column of each agent */
    int total;  /* columns of the joint action */
} algo_joint;

/* Arrays in the arena. */
algo_joint algo_joint_of(const env_facts *facts, fm_arena *arena);

/* One agent's action -> its columns [width], and back (the largest column of a one-hot, first on ties; box
 * columns are clipped to their bounds). */
void algo_encode_agent(const env_space *space, const real *action, real *columns);
void algo_decode_agent(const env_space *space, const real *columns, real *action);

/* One row of all agents: columns [total] -> environment's actions [action_total]. */
void algo_decode(const algo_joint *joint, const real *columns, real *actions);

/* Writes the one-hot of `action` into n columns. */
void algo_one_hot(real *columns, int n, int action);

/* A uniform random action of one agent (a legal one where masks are), written in the environment's form. */
void algo_random_action(const env_facts *facts, int agent, const uint8_t *mask, fm_rng *rng, real *action);

/* Payoffs differ by orders of magnitude between games, and what tells them apart may be small beside what
 * they have in common: learners make reals of scaled = (reward - shift) * scale, computed in double. */
typedef struct algo_scale {
    double shift, scale;
} algo_scale;

/* What may be taken off every reward: the middle of an agent's bounds where all episodes are equally long, so
 * that no policy gains by it; 0 elsewhere, since it would reward longer episodes. */
double algo_reward_shift(const env_facts *facts, int agent);

/* By the bounds in the facts: to [-1, 1] where a shift may be; elsewhere divided by the largest. `raw`: left
 * in the game's unit, and shifted only from so far that a real would lose thousandths of the range. */
algo_scale algo_reward_scale(const env_facts *facts, int agent, bool raw);

/* What a reward of 1 at every decision is worth where all H of an episode look alike, so that each is the
 * last one with a chance of 1 / H: w = 1 + gamma (1 - 1 / H) w. */
double algo_worth_of_one(const env_facts *facts, double gamma);

/* The value, in the game's unit, of what was learned from scaled rewards. */
double algo_value_in_unit(const env_facts *facts, algo_scale scale, double gamma, double value);

#endif
