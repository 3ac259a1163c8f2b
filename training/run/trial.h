/* trial.h: one trial as a process of its own, and what it tells its parent.
 *
 * The child writes messages into a pipe: a header, then `size` bytes. Both ends are the same program, so
 * structs travel as they are. When the parent is gone the next message raises SIGPIPE, and the child ends
 * with it. */
#ifndef TRAINING_TRIAL_H
#define TRAINING_TRIAL_H

#include <signal.h>

#include "training/run/config.h"
#include "training/run/results.h"
#include "training/show/live.h"

/* Watches the learner while it learns (see loop_setup.watch): `look` fills `width` numbers, which reach
 * the parent in order. Rows from before an interruption are not sent again when the trial goes on. */
typedef struct trial_watch {
    void (*look)(void *user, const loop *loop, double *values);
    void *user;
    size_t width;
    int64_t every; /* iterations */
} trial_watch;

typedef enum trial_message_kind {
    TRIAL_MESSAGE_ROW,    /* numbers: a progress row; after a resume all rows, from the first */
    TRIAL_MESSAGE_WATCH,  /* numbers: what `look` filled */
    TRIAL_MESSAGE_LIVE,   /* trial_live */
    TRIAL_MESSAGE_SAVING, /* nothing: it begins to save, until the next message */
    TRIAL_MESSAGE_RESULT, /* trial_result, and then its numbers */
    TRIAL_MESSAGE_DAMAGE, /* text, with its zero byte: the state cannot be gone on from */
    TRIAL_MESSAGE_ERROR   /* text, with its zero byte: a file failed; the run should stop */
} trial_message_kind;

typedef struct trial_message { uint32_t kind, size; } trial_message;

/* Where a trial stands, and the returns of the first few agents; FM_ABSENT: not known yet. */
typedef struct trial_live { int64_t step; double value[LIVE_VALUES]; } trial_live;

typedef struct trial_job {
    const run_plan *run;
    const char *folder;       /* of the run; NULL: nothing is saved */
    const trial_watch *watch; /* or NULL */
    int64_t trial;
    bool resume;              /* go on from a saved state when there is one */
    int fd;                   /* the pipe's end for writing */
    const volatile sig_atomic_t *stop; /* turns true when the trial shall save and end */
} trial_job;

/* Runs the trial to its end, to the stop, or to a number that went wrong. Returns the exit status of the
 * process. */
int trial_run(const trial_job *job);

/* The settings of trial k's loop. */
loop_setup trial_setup(const run_plan *run, int64_t trial);

#endif
