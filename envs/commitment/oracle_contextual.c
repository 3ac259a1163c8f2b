/* oracle_contextual.c: followers that were trained beforehand against random leaders, and are told this
 * leader's answers [Gerstgrasser & Parkes 2023, Section 4]. They are agents of the environment: what plays
 * them is the business of the run (./train --learner follower=FOLDER). */
#include "envs/commitment/oracle.h"

static fm_status create(const oracle_setup *setup, void **self, size_t *memory_size, fm_error *err) {
    const inner_game *g = setup->game;
    *self = NULL;
    *memory_size = 0;
    for (int i = 1; i < g->facts->agents; i++)
        if (inner_contexts(g, i) == 0)
            return fm_fail(err,
                           "oracle 'contextual' needs a leader with discrete actions and at most %d "
                           "contexts; '%s' has others",
                           INNER_CONTEXTS_MAX, g->facts->name);
    return FM_OK;
}

const oracle_type oracle_contextual = {
    .name = "contextual",
    .doc = "followers as agents that observe the leader's answers: --learner follower=FOLDER",
    .asks = true,
    .agents = true,
    .create = create,
};
