/* results.h: the two tables of a run, progress.csv and result.csv: their columns, writing and reading.
 *
 * progress.csv, `rows` rows per trial:
 *   trial, step, episodes, seconds, return_0..., length, outcome_NAME..., the algorithm's metrics,
 *   seconds_env, seconds_act, seconds_update
 *   Rates are means over the last `window` episodes of training, exploration included.
 * result.csv, one row per trial:
 *   trial, seed, status (ok, nan, crashed, interrupted), steps, seconds
 *   return_0..., action_0..., length, outcome_NAME...
 *       of greedy play at the end: mean undiscounted returns, the joint action of the first decision (label,
 *       index, or the numbers of a box), mean length, shares of the outcomes
 *   episodes, train_return_0..., train_length, train_outcome_NAME...
 *       of training, exploration included: means over the last `window` episodes
 *   note
 *       what went wrong, else empty
 *
 * What is not known is empty. Columns whose name begins with `seconds` are the only ones that differ when
 * a run is repeated. Numbers are the shortest decimals that read back to the same bits. */
#ifndef TRAINING_RESULTS_H
#define TRAINING_RESULTS_H

#include "training/loop.h"

typedef enum trial_status { TRIAL_OPEN, TRIAL_OK, TRIAL_NAN, TRIAL_CRASHED, TRIAL_INTERRUPTED } trial_status;

/* "open", "ok", "nan", "crashed", "interrupted". */
const char *trial_status_name(trial_status status);

/* One row of result.csv. Plain data. */
typedef struct trial_result {
    int64_t trial, seed, steps, episodes;
    trial_status status;
    double seconds;
    loop_evaluation evaluation; /* of trials that are ok; else without meaning */
    double train_return[ENV_AGENTS_MAX], train_length, train_outcome[LOOP_OUTCOMES_MAX]; /* NAN: not known */
    char note[256];
} trial_result;

/* Rows of progress: [n][width] numbers, a row being `values` of the loop followed by its LOOP_TIMES times. */
typedef struct progress_rows { double *numbers; size_t width; } progress_rows; /* numbers: stb_ds array */

/* The number of columns that a row of these has: what a loop would have. */
size_t progress_width(const env_facts *facts, const algo_type *algo);

/* An empty result, all numbers unknown. */
void result_clear(trial_result *result, int64_t trial, int64_t seed);

/* Fills the training part from a progress row. */
void result_from_row(trial_result *result, const env_facts *facts, const double *row);

/* Header and rows. The caller checks the stream. */
void progress_write_header(FILE *out, const env_facts *facts, const algo_type *algo);
void progress_write(FILE *out, const env_facts *facts, const algo_type *algo, int64_t trial,
                    const double *row);
void result_write_header(FILE *out, const env_facts *facts);
void result_write(FILE *out, const env_facts *facts, const trial_result *result);

/* Reads tables that an earlier run wrote: results[trial] for the trials 0..trials-1 that have a row, and
 * the progress of each. Rows of further trials are an error, and so are other columns or values that are
 * not of their column; a last line without its end (the machine stopped) is passed over. A file that is
 * not there has no rows. */
fm_status results_read(const char *path, const env_facts *facts, int64_t trials, trial_result *results,
                       fm_error *err);
fm_status progress_read(const char *path, const env_facts *facts, const algo_type *algo, int64_t trials,
                        progress_rows *rows, fm_error *err);

/* Writes a text as one CSV field, in quotes where it needs them. */
void csv_write_text(FILE *out, const char *text);

/* Writes a number; nothing when it is NAN. */
void csv_write_number(FILE *out, double value);

#endif
