/* solve_iterated.h: the exact solutions of an iterated game, for `./solve iterated`. */
#ifndef TRAINING_SOLVE_ITERATED_H
#define TRAINING_SOLVE_ITERATED_H

#include <stdio.h>

#include "envs/games/iterated.h"

/* The columns of both tables for programs, as the help text of ./solve describes them. */
#define SOLVE_ITERATED_COLUMNS "concept,return_0,return_1,strategy_0,strategy_1"
#define SOLVE_ITERATED_TABLE_COLUMNS "table,leader,follower,leader_weak"

/* Prints, in sums of payoffs, the leader's best commitment against the three kinds of followers
 * (iterated.h), or with `tables` the answers to every table of the leader, in the order of their index; for
 * people or, with `csv`, for programs. The caller checks the stream. */
void solve_iterated_print(const iterated_game *game, bool tables, bool csv, FILE *out);

#endif
