/* commitment.h: the mixture of rows that is best for the leader to commit to [von Stengel & Zamir 2010], when
 * the follower answers by a best response that helps the leader where it is indifferent.
 *
 * For each follower action a linear programme (commitment_lp.h) finds the best mixture to which that action
 * is a best response, and the best of them is taken [Conitzer & Sandholm 2006]. It is solved in doubles; what
 * they find is believed only with a proof in pairs of doubles, and where that fails, or a mixture is to be
 * reported, the programme is solved in pairs. So the result does not depend on how far payoffs that decide
 * nothing differ from those that matter. */
#ifndef COMMITMENT_H
#define COMMITMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

typedef struct bimatrix bimatrix;

typedef struct commitment {
    bool mixes;      /* whether a mixture is better than the pure commitment; if not, only `gap` is set */
    size_t col;      /* the follower's response */
    const double *x; /* [rows] the mixture, in the arena */
    double value[2]; /* of leader and follower, computed before x is rounded */
    double gap;      /* by how much the best commitment might be better than this; 0 for "proved not to be" */
} commitment;

/* `pure` is the row and column of the pure commitment (bimatrix_stackelberg_pure, the strong one). A gain
 * below 1e-12 of all but few differences of the leader's payoffs from the pure value counts as none, and a
 * gap below 1e-9 of the value as proved. */
commitment commitment_best(const bimatrix *game, const size_t pure[2], fm_arena *arena);

#endif
