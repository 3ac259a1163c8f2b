/* certificate.h: how far trained followers are from the best answer to each leader.
 *
 * A follower that knows the leader's table (envs/commitment/follower_pomdp.c) is exact when its greedy policy
 * loses nothing against any table. Its regret against one is the return of the best answer less its own. */
#ifndef TRAINING_CERTIFICATE_H
#define TRAINING_CERTIFICATE_H

#include "training/run/trials.h"

#define CERTIFICATE_FILE "regret.csv"

/* The number of tables; 0 when there is nothing to certify: another environment, or no known best answers. */
int64_t certificate_tables(const run_plan *run);

/* The regrets [tables] of a trial's policy in the run's folder. Errors: those of policy_open. */
fm_status certificate_measure(const run_plan *run, const char *folder, int64_t trial, double *regret,
                              fm_error *err);

/* Regrets smaller than this are rounding. */
#define CERTIFICATE_EXACT 1e-6

/* Prints for the trials that are ok against how many tables they are exact, and the mean regret against each
 * table; all regrets are written to FOLDER/regret.csv (trial,table,regret). Nothing when there is nothing to
 * certify. The caller checks the stream. */
fm_status certificate_write(const run_plan *run, const char *folder, const trials *all, FILE *out,
                            fm_error *err);

#endif
