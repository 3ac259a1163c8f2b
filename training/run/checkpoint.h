/* checkpoint.h: saving a trial, and going on with it.
 *
 * A trial's folder holds two files:
 *   checkpoint.safetensors  the parameters, readable by every public loader; its metadata carry a checksum,
 *                           version, commit, seed, step and the whole configuration
 *   state.safetensors       everything, parameters included, so that one complete file is enough to go on
 *                           with; only while the trial is unfinished
 * A trial that was interrupted and goes on equals one that was not, bit for bit. */
#ifndef TRAINING_CHECKPOINT_H
#define TRAINING_CHECKPOINT_H

#include "training/run/config.h"
#include "training/loop.h"

#define CHECKPOINT_PARAMETERS "checkpoint.safetensors"
#define CHECKPOINT_STATE "state.safetensors"
#define CHECKPOINT_PATH_MAX 1024

/* "FOLDER/trials/007", in text[CHECKPOINT_PATH_MAX]. Returns text. */
char *checkpoint_folder(const char *folder, int64_t trial, char *text);

/* Saves into the trial's folder, which must be there. `finished`: parameters only, and the state goes.
 * Each file is complete or as it was before. Errors: whatever the system says, with the path. */
fm_status checkpoint_save(const loop *loop, const run_plan *run, const char *trial_folder, bool finished,
                          fm_error *err);

/* Whether the trial's folder has a file of that name, CHECKPOINT_PARAMETERS or CHECKPOINT_STATE. */
bool checkpoint_exists(const char *trial_folder, const char *name);

/* Reads the state into a loop that was built from the same run. Errors: a file that is damaged, was
 * written under other settings (the first different line is shown) or does not fit (tensor, expected and
 * found are named). */
fm_status checkpoint_resume(loop *loop, const run_plan *run, const char *trial_folder, fm_error *err);

/* Whether the parameters are whole and those of this trial: saved under the settings of `config`, the text
 * of a config.ini, with that seed. Errors: they are not; the file and the first difference are named. */
fm_status checkpoint_check(const char *trial_folder, const char *config, int64_t seed, fm_error *err);

/* Reads only the parameters, for playing. Errors as those of checkpoint_resume. */
fm_status checkpoint_load(loop *loop, const char *trial_folder, fm_error *err);

#endif
