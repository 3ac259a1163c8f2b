/* cadence.h: how many updates are due. It counts decisions, not calls: one step of sixteen copies of an
 * environment is sixteen decisions and makes as many updates due as sixteen steps of one copy.
 *
 * Example (compiled by the tests):
 *
 *     algo_cadence cadence = {0};
 *     int64_t updates = 0;
 *     for (int step = 0; step < 10; step++) {
 *         algo_cadence_count(&cadence, 16, 40);                   // 16 copies, learning starts after 40
 *         while (algo_cadence_due(&cadence, 4, 2)) updates++;     // two for every 4 decisions
 *     }
 *     FM_CHECK(updates == (160 - 40) / 4 * 2, "%lld updates", (long long)updates);
 */
#ifndef ALGO_CADENCE_H
#define ALGO_CADENCE_H

#include "algos/algo.h"

/* Whole numbers that count; kept as a whole. */
typedef struct algo_cadence {
    int64_t decisions; /* of all copies together */
    int64_t credit;    /* of them not yet paid for a round of updates */
    int64_t left;      /* updates of the present round */
    int64_t updates;
} algo_cadence;

/* Adds the counters to the setup's keep list. */
void algo_cadence_keep(algo_cadence *cadence, const algo_setup *setup);

/* So many decisions were taken; those before `learning_starts` earn no update. */
void algo_cadence_count(algo_cadence *cadence, int64_t decisions, int64_t learning_starts);

/* Whether an update is due; if so, it is counted. A round of `gradient_steps` updates is paid for with
 * `train_freq` decisions. */
bool algo_cadence_due(algo_cadence *cadence, int64_t train_freq, int64_t gradient_steps);

#endif
