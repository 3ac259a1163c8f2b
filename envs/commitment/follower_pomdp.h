/* follower_pomdp.h: the leaders that followers are trained against, one by one. */
#ifndef ENV_FOLLOWER_POMDP_H
#define ENV_FOLLOWER_POMDP_H

#include "envs/env.h"

/* The number of the leader's tables when `env` is a follower-pomdp of all of them, else 0. */
int64_t follower_pomdp_tables(const env *env);

/* The same against the leader with this table alone, in the arena. Its known solution "best-response", where
 * there is one, is the best answer to it. */
void follower_pomdp_against(const env *all, int64_t table, fm_arena *arena, env *one);

#endif
