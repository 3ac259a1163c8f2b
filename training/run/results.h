/* results.h: the tables of a run, progress.csv, result.csv and sums.csv: their columns, writing and reading.
 *
 * progress.csv, `rows` rows per trial:
 *   trial, and then the columns of training/columns.h
 * sums.csv, one row per trial that is done (ok or nan), written after its rows are on the disk:
 *   trial, and the checksums (base/checksum.h) of its row in result.csv and of its rows in progress.csv, each
 *   combined with that of the run's settings
 * result.csv, one row per trial:
 *   trial, seed, status (ok, nan, crashed, interrupted), steps, seconds
 *   return_0..., action_0..., length, outcome_NAME...
 *       of the evaluation at the end: mean undiscounted returns, the joint action of the first decision
 *       (training/actions.h), mean length, shares of the outcomes
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

typedef enum trial_status {
    TRIAL_OPEN,
    TRIAL_OK,
    TRIAL_NAN,
    TRIAL_CRASHED,
    TRIAL_INTERRUPTED,
    TRIAL_DAMAGED /* its files of an earlier session are not what was written; never in a table */
} trial_status;

/* "open", "ok", "nan", "crashed", "interrupted", "damaged". */
const char *trial_status_name(trial_status status);

/* One row of result.csv. */
typedef struct trial_result {
    int64_t trial, seed, steps, episodes;
    trial_status status;
    double seconds;
    loop_evaluation evaluation; /* of trials that are ok; else without meaning */
    double *train_return, train_length, *train_outcome; /* [agents], [outcomes]; FM_ABSENT: not known */
    char note[512];
    uint64_t sum;  /* of its row as it was read; 0: there was none */
    void *numbers; /* [result_bytes(facts)] where the arrays lie */
} trial_result;

/* Rows of progress: [n][width] numbers. */
typedef struct progress_rows {
    double *numbers; /* stb_ds array */
    size_t width;
    uint64_t sum; /* of the rows as they were read; 0: there were none */
} progress_rows;

/* What a trial's rows in the other tables must have; zeros: it is not done. */
typedef struct trial_sums { uint64_t result, progress; } trial_sums;

/* Bytes of a result's arrays. */
size_t result_bytes(const env_facts *facts);

/* An empty result, all numbers unknown, with room in the arena. */
void result_make(trial_result *result, const env_facts *facts, int64_t trial, int64_t seed, fm_arena *arena);

/* Empties a result that has its room. */
void result_clear(trial_result *result, const env_facts *facts, int64_t trial, int64_t seed);

/* Copies a result; both have their room. */
void result_copy(trial_result *to, const trial_result *from, const env_facts *facts);

/* Fills the training part from a progress row. */
void result_from_row(trial_result *result, const progress_columns *of, const double *row);

/* Header and rows. The caller checks the stream. */
void progress_write_header(FILE *out, const progress_columns *of);
void progress_write(FILE *out, const progress_columns *of, int64_t trial, const double *row);
void result_write_header(FILE *out, const env_facts *facts);
void result_write(FILE *out, const env_facts *facts, const trial_result *result);

/* Reads tables that an earlier run wrote: results[trial] for the trials 0..trials-1 that have a row, the
 * progress and the sums of each. Other columns than expected are an error; a missing first line is none. A
 * line that is no row of these trials, or has no end (the machine stopped), is passed over: sums say of which
 * trial something is missing. A file that is not there has no rows. */
fm_status results_read(const char *path, const env_facts *facts, int64_t trials, trial_result *results,
                       fm_error *err);
fm_status progress_read(const char *path, const progress_columns *of, int64_t trials, progress_rows *rows,
                        fm_error *err);

void sums_write_header(FILE *out);
/* `run` is run_checksum (training/run/config.h). */
void sums_write(FILE *out, int64_t trial, const trial_sums *sums, uint64_t run);
fm_status sums_read(const char *path, int64_t trials, uint64_t run, trial_sums *sums, fm_error *err);

/* Writes a text as one CSV field, in quotes where it needs them. */
void csv_write_text(FILE *out, const char *text);

/* Writes a number; nothing when it is FM_ABSENT or NAN. */
void csv_write_number(FILE *out, double value);

#endif
