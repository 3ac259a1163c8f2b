/* trials.h: all trials of a run, as child processes over a number of jobs.
 *
 * Trial k has the seed (seed + k) and depends on nothing else, so results do not depend on the number of
 * jobs, nor on which other trials ran. A child that crashes loses its own trial only. The tables of the
 * folder grow in the order of the trials.
 *
 * SIGINT, SIGTERM and SIGHUP (unless they were ignored) let every trial finish its step and save; one that
 * has not begun to save after 1.5 seconds is ended, and can go on from what it saved last. A second signal
 * ends everything at once with status 130. The handlers are installed for the duration of trials_run.
 *
 * Example (compiled by the tests):
 *
 *     run_plan run;
 *     trials all;
 *     fm_error err;
 *     char *words[] = {"--algo=bilevel-q", "--env=maintain", "--steps=500", "--trials=3", "--quiet"};
 *     if (run_parse(&run, 5, words, &err) != FM_OK) return 1;
 *     if (trials_run(&run, &(trials_setup){.program = "mine"}, &all, &err) != FM_OK) return 1;
 *     if (!all.interrupted && all.finished != 3) return 1;
 *     trials_free(&all);
 *     run_free(&run);
 */
#ifndef TRAINING_TRIALS_H
#define TRAINING_TRIALS_H

#include "training/run/trial.h"

typedef struct trials_setup {
    const char *program;      /* before messages on stderr */
    const char *folder;       /* of the run, made; NULL: nothing is written */
    bool resume;              /* go on with what the folder holds */
    bool shut;                /* the folder cannot be written: an error unless all its trials are done */
    const trial_watch *watch; /* or NULL */
} trials_setup;

typedef struct trials {
    int64_t n;
    trial_result *results;   /* [n]; status open: never begun */
    fm_arena arena;          /* where their numbers lie */
    progress_rows *rows;     /* [n] progress of each trial */
    progress_rows *watched;  /* [n] what the watch saw; width as given by it */
    int64_t finished;        /* ok or nan */
    bool interrupted;        /* a signal came */
    int64_t steps;           /* decisions since it was started or resumed */
    double seconds;          /* likewise */
} trials;

/* Runs the trials that are not done yet. One whose files in the folder are damaged or do not fit together is
 * left alone: its status says so, and a message names the file and the remedy. FM_BAD: a file could not be
 * read or written; what was finished before is in the tables and in `all`, which the caller frees in every
 * case. */
fm_status trials_run(const run_plan *run, const trials_setup *setup, trials *all, fm_error *err);

/* How many trials have this status. */
size_t trials_count(const trials *all, trial_status status);

void trials_free(trials *all);

#endif
