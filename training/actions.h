/* actions.h: an agent's action as text, the same in tables, pictures and scripts: a label, or an index where
 * there are no labels; those of several heads, or the numbers of a box, joined by ':'. */
#ifndef TRAINING_ACTIONS_H
#define TRAINING_ACTIONS_H

#include "envs/env.h"

/* The agent's part of the joint action, the numbers of a box with so many digits (0: all that they have).
 * malloc'ed; aborts when memory is exhausted. */
char *action_text(const env_facts *facts, int agent, const real *joint, int digits);

/* Reads it into the agent's part of the joint action; numbers of a box need only be finite. Errors: another
 * number of heads or numbers, an unknown label (with the nearest), no number. */
fm_status action_parse(const env_facts *facts, int agent, const char *text, real *joint, fm_error *err);

#endif
