/* exact.h: exact Stackelberg play of small multi-stage games by backward induction.
 *
 * The games are deterministic and short, and a state is plain bytes, so the tree is walked by copying states.
 * At every state the stage game of continuation values is solved in pure commitments: followers best-respond
 * to the leader, level by level, ties in favour of the leader and then of the lowest index [Zhang 2020, Eq.
 * 5, 7]. States met again (same bytes, same number of decisions left) are looked up, which makes grids
 * cheap. */
#ifndef ENV_EXACT_H
#define ENV_EXACT_H

#include "envs/env.h"

/* A solved game: opaque; owns its memory. */
typedef struct exact_play exact_play;

/* Solves from `state` (facts.state_size bytes) on with `decisions_left` decisions. Needs discrete actions, a
 * deterministic env and at most `node_limit` visited states; otherwise an error that names the reason. */
fm_status exact_play_solve(const env *env, const void *state, int64_t decisions_left, int64_t node_limit,
                           exact_play **play, fm_error *err);

/* Values [agents] and the joint action [agents] at a solved state, false when the state was not reached. */
bool exact_play_at(const exact_play *play, const void *state, int64_t decisions_left, double *value,
                   int *action);

/* Value to each agent of playing `action` [agents] now and exactly from then on. False as above. */
bool exact_play_value(const exact_play *play, const void *state, int64_t decisions_left, const int *action,
                      double *value);

int64_t exact_play_states(const exact_play *play);

void exact_play_free(exact_play *play);

#endif
