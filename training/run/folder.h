/* folder.h: the folder that a run leaves: config.ini, progress.csv, result.csv, sums.csv,
 * trials/NNN/;
 * a copy of the game file, where one is played; and the file `lock` while a process works in it. */
#ifndef TRAINING_FOLDER_H
#define TRAINING_FOLDER_H

#include "base/file.h"
#include "training/run/config.h"
#include "training/run/results.h"

#define FOLDER_PATH_MAX 900 /* leaves room for the names inside */

/* Chooses the folder, makes it, locks it and writes config.ini. With --out it is that folder, and one that
 * holds a run is an error; without, the first free of runs/ALGO-ENV-sSEED, ...-2, ...-3.
 * path[FOLDER_PATH_MAX]. The caller releases the lock when the run has ended. After an error nothing is
 * locked, and there is no folder that was not there before. */
fm_status folder_make(const run_plan *run, char *path, fm_lock *lock, fm_error *err);

/* Locks a folder that holds a run, to go on with it: whoever reads or writes its files while a run may be
 * under way holds the lock. Errors: another process has it, which is named. */
fm_status folder_lock(const char *folder, fm_lock *lock, fm_error *err);

#define FOLDER_PROGRESS "progress.csv"
#define FOLDER_RESULT "result.csv"
#define FOLDER_SUMS "sums.csv"

/* The tables of a folder, open for appending: progress, result, sums. */
typedef struct folder_tables {
    const run_plan *run;
    struct folder_table { FILE *file; char path[FOLDER_PATH_MAX + 40]; int64_t good; } table[3];
} folder_tables;

/* Writes the tables anew with the finished trials (any status but open) of results[trials] and their rows,
 * and leaves them open. Damaged ones keep no row but their `recorded` sums. Each table replaces its former
 * self only when it is complete. */
fm_status folder_tables_open(folder_tables *tables, const run_plan *run, const char *folder,
                             const trial_result *results, const progress_rows *rows,
                             const trial_sums *recorded, fm_error *err);

/* Appends one trial, its sums last: a trial that has them was on the disk before. After an error the tables
 * end with the last trial that is there whole. */
fm_status folder_tables_add(folder_tables *tables, const trial_result *result, const progress_rows *rows,
                            fm_error *err);

fm_status folder_tables_close(folder_tables *tables, fm_error *err);

#endif
