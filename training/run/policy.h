/* policy.h: a trained policy, out of the folder of its run: what ./play shows, and what plays in another run.
 *
 * The folder must hold what was written there: config.ini and the trial's parameters have checksums and must
 * belong together. */
#ifndef TRAINING_POLICY_H
#define TRAINING_POLICY_H

#include "base/checksum.h"
#include "training/loop.h"
#include "training/run/config.h"

#define POLICY_PATH_MAX 1024

typedef struct policy_source {
    const char *folder;
    int64_t trial;
    int num_envs;    /* copies of an environment that it will play in */
    bool own_isa;    /* this process computes by its run's instruction set from now on */
    int words_count; /* flags that stand beside its own settings: other settings of the environment */
    char *const *words;
} policy_source;

/* `run` is its own plan, `loop` a trial of it that stands still: setup.algo and learner play. */
typedef struct policy {
    run_plan run;
    loop loop;
    int64_t trial;
    char folder[POLICY_PATH_MAX];
} policy;

/* Errors: no such folder, a folder without a run, a trial that is not there or not trained, files that are
 * damaged. After an error nothing need be closed. */
fm_status policy_open(policy *p, const policy_source *source, fm_error *err);
void policy_close(policy *p);

/* The checksum of the files behind it, in text[FM_CHECKSUM_TEXT]. */
fm_status policy_checksum(const policy *p, char *text, fm_error *err);

/* Copies the files behind it, and behind the policies that play in it, into a new folder, from which it can
 * be opened as from the first. After an error nothing of it is left. */
fm_status policy_copy(const policy *p, const char *folder, fm_error *err);

/* Removes such a copy. */
void policy_remove(const policy *p, const char *folder);

#endif
