/* simplex.h: small dense linear programmes, solved by the two-phase primal simplex method [Dantzig 1963].
 *
 * For problems of up to some hundred rows and columns. Rows, objective and right-hand side are scaled to
 * order one first, by powers of two, so that the tolerance (1e-11) is relative to the numbers given and not
 * to their unit. */
#ifndef SIMPLEX_H
#define SIMPLEX_H

#include <stddef.h>

#include "base/arena.h"

/* Maximise c.x subject to A x = b in the first `equalities` rows, A x <= b in the others, and x >= 0. The
 * arrays are borrowed, all finite, and of magnitude below 1e300. */
typedef struct simplex_problem {
    size_t rows, cols; /* constraints and variables; cols > 0 */
    size_t equalities; /* at most rows */
    const double *c;   /* [cols] */
    const double *a;   /* [rows][cols] */
    const double *b;   /* [rows] */
} simplex_problem;

typedef enum simplex_result {
    SIMPLEX_OPTIMAL,
    SIMPLEX_INFEASIBLE,
    SIMPLEX_UNBOUNDED,
    SIMPLEX_STALLED /* the limit on pivots was reached: rounding defeated the rule against cycling */
} simplex_result;

/* Writes an optimal vertex to x[cols]; x is left alone unless the result is SIMPLEX_OPTIMAL. The entering
 * variable is the one of largest gain; after a long run of pivots without progress the smallest index enters
 * and leaves, which cannot cycle [Bland 1977]. Temporaries live in `scratch`, which is as before on
 * return. */
simplex_result simplex_solve(const simplex_problem *problem, double *x, fm_arena *scratch);

#endif
