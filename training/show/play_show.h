/* play_show.h: how ./play puts what happens on the terminal, or into a table. The caller checks the stream.
 */
#ifndef TRAINING_PLAY_SHOW_H
#define TRAINING_PLAY_SHOW_H

#include "training/show/play_stage.h"

/* The table's header:
 *   episode,step,action_0,...,reward_0,...,terminated,truncated, and the names of the environment's readings.
 */
void play_show_header(const env_facts *facts, FILE *out);

/* One row. The start of an episode is its step 0, with empty actions and rewards of 0. Discrete actions are
 * labels, or indices where there are none; the numbers of a box are separated by ':'. */
void play_show_row(const play_stage *stage, FILE *out);

/* For a person: the start; or the last decision with what it brought; and, when the episode ended, how. */
void play_show_picture(const play_stage *stage, FILE *out);

/* Writes an agent's action as text, as in the table: text[PLAY_ACTION_MAX]. Returns text. */
#define PLAY_ACTION_MAX 512
char *play_show_action(const env_facts *facts, int agent, const real *actions, char *text);

#endif
