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

/* Payoffs differ by orders of magnitude between games; the losses want them around one. One-shot games:
 * rewards to [-1, 1] by the bounds in the facts; longer ones are only divided by the largest, since a shift
 * would reward longer episodes. scaled = (reward - shift) * scale. */
typedef struct algo_scale {
    double shift, scale;
} algo_scale;
algo_scale algo_reward_scale(const env_facts *facts, int agent);

#endif
