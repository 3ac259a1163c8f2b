/* folder.h: the folder that a run leaves: config.ini, progress.csv, result.csv, trials/NNN/. */
#ifndef TRAINING_FOLDER_H
#define TRAINING_FOLDER_H

#include "training/run/config.h"
#include "training/run/results.h"

#define FOLDER_PATH_MAX 900 /* leaves room for the names inside */

/* Chooses the folder, makes it and writes config.ini. With --out it is that folder, and one that holds a
 * run is an error; without, the first free of runs/ALGO-ENV-sSEED, ...-2, ...-3. path[FOLDER_PATH_MAX].
 * After an error there is no folder that was not there before. */
fm_status folder_make(const run_plan *run, char *path, fm_error *err);

/* The two tables of a folder, open for appending. */
typedef struct folder_tables {
    const run_plan *run;
    struct folder_table { FILE *file; char path[FOLDER_PATH_MAX + 40]; int64_t good; } progress, result;
} folder_tables;

/* Writes both tables anew with the finished trials (any status but open) of results[trials] and their
 * rows, and leaves them open. Each table replaces its former self only when it is complete. */
fm_status folder_tables_open(folder_tables *tables, const run_plan *run, const char *folder,
                             const trial_result *results, const progress_rows *rows, fm_error *err);

/* Appends one trial. After an error the tables end with the last trial that is there whole. */
fm_status folder_tables_add(folder_tables *tables, const trial_result *result, const progress_rows *rows,
                            fm_error *err);

fm_status folder_tables_close(folder_tables *tables, fm_error *err);

#endif
