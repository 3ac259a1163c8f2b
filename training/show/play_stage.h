/* play_stage.h: one copy of an environment, played so that the end of an episode can be looked at: the
 * vectoriser is already in the next episode by then. */
#ifndef TRAINING_PLAY_STAGE_H
#define TRAINING_PLAY_STAGE_H

#include "envs/vector.h"

/* Play through vec: see envs/vector.h. */
typedef struct play_stage {
    env_vec vec;
    int64_t episode;   /* of the situation shown, from 0 */
    int64_t decision;  /* made in it so far */
    bool ended;        /* it is over; vec is at the start of the next one */
    const void *state; /* the situation shown */
    double *returns;   /* [agents] of the episode shown, so far */
    int outcome;       /* of an episode that ended, else -1 */
    double *readings;  /* [readings] room for those who look */
    /* The rest is the stage's own. */
    void *before;
    env_io last;
} play_stage;

/* At the start of the first episode. `seed` is the one of an evaluation: see loop_evaluate. */
void play_stage_init(play_stage *stage, const env *env, uint64_t seed, fm_arena *arena);

/* Shows the start of the next episode, after one that ended. */
void play_stage_next(play_stage *stage);

/* Takes the joint action in vec.actions. */
void play_stage_step(play_stage *stage);

#endif
