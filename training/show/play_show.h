/* play_show.h: how ./play puts what happens on the terminal, or into a table. The caller checks the stream.
 * */
#ifndef TRAINING_PLAY_SHOW_H
#define TRAINING_PLAY_SHOW_H

#include "training/stage.h"

/* The first copy of a stage, at the start of an episode or between the halves of a step. */
typedef struct play_show {
    const struct stage *stage;
    int64_t episode;  /* that is played, from 0 */
    double *readings; /* [readings] room */
    uint8_t *gone;    /* [agents] room: whose episode was over before the last decision */
    FILE *out;
} play_show;

/* The table's header:
 *   episode,step,action_0,...,reward_0,...,terminated,truncated, and the names of the environment's readings.
 */
void play_show_header(const env_facts *facts, FILE *out);

/* One row. The start of an episode is its step 0, with empty actions and rewards of 0. Actions are written
 * as in training/actions.h; that of an agent that was not active is empty, and so is an absent reading. */
void play_show_row(play_show *show);

/* For a person: the start; or the last decision with what it brought; and, when the episode ended, how. */
void play_show_picture(play_show *show);

/* "leader 50, follower 10"; of a single agent the value alone. */
void play_show_values(const env_facts *facts, const double *values, FILE *out);

#endif
