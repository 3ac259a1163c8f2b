/* columns.h: the columns of a progress row. They are stated here and nowhere else; whoever needs one asks for
 * it.
 *
 *   step, episodes
 *   return_0, ..., length, outcome_NAME, ...
 *       means over the last `window` episodes of training, exploration included
 *   eval_return_0, ...
 *       mean returns of the last evaluation, in a run that has evaluations during training
 *   the algorithm's metrics: NAME, or NAME_0, ... when there is one for each agent
 *   seconds, seconds_env, seconds_act, seconds_update
 *       since the trial began, and how those outside evaluations divide (sampled)
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     env world;
 *     if (env_open("merge", &arena, &world, NULL) != FM_OK ||
 *         env_create(&world, &arena, NULL) != FM_OK)
 *         return 1;
 *     progress_columns of = columns_of(&world.facts, algo_find("idqn"), false);
 *     if (columns_find(&of, "return_1") != of.at[COLUMN_RETURN] + 1) return 1;
 *     fm_arena_free(&arena);
 *
 * A number that is not known yet is FM_ABSENT. */
#ifndef TRAINING_COLUMNS_H
#define TRAINING_COLUMNS_H

#include "algos/algo.h"

/* In the order of a row. */
typedef enum column_group {
    COLUMN_STEP,
    COLUMN_EPISODES,
    COLUMN_RETURN,
    COLUMN_LENGTH,
    COLUMN_OUTCOME,
    COLUMN_EVAL_RETURN,
    COLUMN_METRIC,
    COLUMN_SECONDS,
    COLUMN_SECONDS_ENV,
    COLUMN_SECONDS_ACT,
    COLUMN_SECONDS_UPDATE,
    COLUMN_END
} column_group;

#define COLUMN_TIMES (COLUMN_END - COLUMN_SECONDS) /* the last columns of every row */

typedef struct progress_columns {
    const env_facts *facts; /* borrowed, as is the algorithm */
    const algo_type *algo;
    int at[COLUMN_END + 1]; /* the first column of a group; at[COLUMN_END]: how many a row has */
} progress_columns;

/* `evaluates`: whether there are evaluations during training. */
progress_columns columns_of(const env_facts *facts, const algo_type *algo, bool evaluates);

/* The name of a column, written to `text` (and cut to fit). Returns text. */
char *columns_name(const progress_columns *of, int column, char *text, size_t size);

/* The column of that name, or -1. */
int columns_find(const progress_columns *of, const char *name);

#endif
