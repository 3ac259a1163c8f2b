/* simplex.c: the two-phase primal simplex method on a dense tableau. */
#include "envs/games/simplex.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* Below this, an entry of the scaled tableau counts as zero. */
#define TOLERANCE 1e-11

/* Rows 0..m-1 are the constraints, row m the objective: gain per unit of each column, and minus the value at
 * the right-hand side, which is the last column. Columns are the variables, then one slack per inequality. An
 * artificial variable needs no column, because one that has left the basis never comes back: it is a basis
 * entry >= n. */
typedef struct tableau {
    size_t m, n, width;
    double *t;      /* [m + 1][width] */
    size_t *basis;  /* [m] */
    size_t still;   /* pivots since the value last moved */
    size_t pivots;
} tableau;

static double *row_of(const tableau *s, size_t i) { return s->t + i * s->width; }

/* The power of two that brings the largest of |x| into [0.5, 1): scaling by it loses nothing. 1 for all
 * zeros. */
static double scale_of(const double *x, size_t n) {
    double largest = 0;
    for (size_t j = 0; j < n; j++) largest = fmax(largest, fabs(x[j]));
    int exponent = 0;
    if (largest > 0) frexp(largest, &exponent);
    return ldexp(1.0, exponent < -1000 ? 1000 : -exponent);
}

static void pivot(tableau *s, size_t at, size_t q) {
    double *p = row_of(s, at);
    const double inverse = 1 / p[q];
    for (size_t j = 0; j < s->width; j++) p[j] *= inverse;
    p[q] = 1;
    for (size_t i = 0; i <= s->m; i++) {
        double *r = row_of(s, i);
        const double f = r[q];
        if (i == at || f == 0) continue;
        for (size_t j = 0; j < s->width; j++) r[j] -= f * p[j];
        r[q] = 0;
        /* A tie in the ratio test, decided by rounding, may leave a basic variable a hair below zero. */
        if (i < s->m && r[s->width - 1] < 0) r[s->width - 1] = 0;
    }
    s->basis[at] = q;
    s->pivots++;
}

/* The column that enters, or SIZE_MAX at an optimum. */
static size_t entering(const tableau *s, bool bland) {
    const double *gain = row_of(s, s->m);
    size_t best = SIZE_MAX;
    for (size_t j = 0; j < s->n; j++) {
        if (gain[j] <= TOLERANCE) continue;
        if (bland) return j;
        if (best == SIZE_MAX || gain[j] > gain[best]) best = j;
    }
    return best;
}

/* Whether row i is the better one to leave, among rows of equal ratio in column q: the largest pivot, which
 * keeps the rounding small, or the smallest index, which cannot cycle. */
static bool leaves_before(const tableau *s, size_t i, size_t other, size_t q, bool bland) {
    return bland ? s->basis[i] < s->basis[other] : row_of(s, i)[q] > row_of(s, other)[q];
}

/* The row that leaves when column q grows, or SIZE_MAX when nothing bounds it. */
static size_t leaving(const tableau *s, size_t q, bool bland) {
    double least = INFINITY;
    for (size_t i = 0; i < s->m; i++) {
        const double *r = row_of(s, i);
        if (r[q] > TOLERANCE) least = fmin(least, r[s->width - 1] / r[q]);
    }
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->m; i++) {
        const double *r = row_of(s, i);
        if (r[q] <= TOLERANCE || r[s->width - 1] / r[q] > least + 1e-13 * (1 + least)) continue;
        if (best == SIZE_MAX || leaves_before(s, i, best, q, bland)) best = i;
    }
    return best;
}

static simplex_result climb(tableau *s) {
    const size_t patience = s->m + s->n, limit = s->pivots + 200 * (s->m + s->n) + 1000;
    s->still = 0;
    while (s->pivots < limit) {
        const bool bland = s->still > patience;
        const size_t q = entering(s, bland);
        if (q == SIZE_MAX) return SIMPLEX_OPTIMAL;
        const size_t at = leaving(s, q, bland);
        if (at == SIZE_MAX) return SIMPLEX_UNBOUNDED;
        const double *r = row_of(s, at);
        s->still = r[s->width - 1] / r[q] > TOLERANCE ? 0 : s->still + 1;
        pivot(s, at, q);
    }
    return SIMPLEX_STALLED;
}

/* Fills the constraint rows, scaled, every right-hand side >= 0, and a basis of slacks and artificials. */
static void set_up(tableau *s, const simplex_problem *problem, double b_scale) {
    for (size_t i = 0; i < s->m; i++) {
        const double *a = problem->a + i * problem->cols;
        double *r = row_of(s, i);
        const double scale = scale_of(a, problem->cols);
        /* Where all coefficients are zero the scale says nothing about b, and only its sign counts. */
        const double b = problem->b[i] * b_scale * scale;
        const double sign = b < 0 ? -1 : 1;
        for (size_t j = 0; j < problem->cols; j++) r[j] = sign * scale * a[j];
        r[s->width - 1] = sign * b;
        s->basis[i] = s->n + i;
        if (i < problem->equalities) continue;
        const size_t slack = problem->cols + i - problem->equalities;
        r[slack] = sign;
        if (sign > 0) s->basis[i] = slack;
    }
}

/* Phase 1: minimises the sum of the artificials, then drives out those that stay in the basis at zero. */
static simplex_result make_feasible(tableau *s) {
    double *gain = row_of(s, s->m);
    double worst = 0;
    for (size_t i = 0; i < s->m; i++) {
        if (s->basis[i] < s->n) continue;
        const double *r = row_of(s, i);
        for (size_t j = 0; j < s->width; j++) gain[j] += r[j];
        worst = fmax(worst, r[s->width - 1]);
    }
    const simplex_result result = climb(s);
    if (result == SIMPLEX_STALLED) return result;
    for (size_t i = 0; i < s->m; i++) {
        double *r = row_of(s, i);
        if (s->basis[i] < s->n) continue;
        if (r[s->width - 1] > 1e-9 * worst) return SIMPLEX_INFEASIBLE;
        r[s->width - 1] = 0;
        size_t q = 0;
        for (size_t j = 1; j < s->n; j++)
            if (fabs(r[j]) > fabs(r[q])) q = j;
        /* A row without an entry is a redundant equation: its artificial stays, at zero, and disturbs
         * nothing. */
        if (fabs(r[q]) > TOLERANCE) pivot(s, i, q);
        else memset(r, 0, s->width * sizeof *r);
    }
    return SIMPLEX_OPTIMAL;
}

/* Phase 2: expresses the objective in the basis found, and climbs. */
static simplex_result maximise(tableau *s, const simplex_problem *problem) {
    double *gain = row_of(s, s->m);
    const double scale = scale_of(problem->c, problem->cols);
    memset(gain, 0, s->width * sizeof *gain);
    for (size_t j = 0; j < problem->cols; j++) gain[j] = scale * problem->c[j];
    for (size_t i = 0; i < s->m; i++) {
        if (s->basis[i] >= s->n) continue;
        const double *r = row_of(s, i);
        const double f = gain[s->basis[i]];
        if (f == 0) continue;
        for (size_t j = 0; j < s->width; j++) gain[j] -= f * r[j];
        gain[s->basis[i]] = 0;
    }
    return climb(s);
}

simplex_result simplex_solve(const simplex_problem *problem, double *x, fm_arena *scratch) {
    FM_CHECK(problem->cols > 0, "simplex: a problem without variables");
    FM_CHECK(problem->equalities <= problem->rows, "simplex: %zu equalities in %zu rows", problem->equalities,
             problem->rows);
    const fm_mark mark = fm_arena_mark(scratch);
    tableau s = {.m = problem->rows, .n = problem->cols + problem->rows - problem->equalities};
    s.width = s.n + 1;
    FM_CHECK(s.width <= SIZE_MAX / (s.m + 1), "simplex: %zu by %zu is too large", s.m, s.n);
    s.t = fm_arena_array(scratch, double, (s.m + 1) * s.width);
    s.basis = fm_arena_array(scratch, size_t, s.m);

    const double b_scale = scale_of(problem->b, problem->rows);
    set_up(&s, problem, b_scale);
    simplex_result result = make_feasible(&s);
    if (result == SIMPLEX_OPTIMAL) result = maximise(&s, problem);
    if (result == SIMPLEX_OPTIMAL) {
        memset(x, 0, problem->cols * sizeof *x);
        for (size_t i = 0; i < s.m; i++)
            if (s.basis[i] < problem->cols) x[s.basis[i]] = row_of(&s, i)[s.width - 1] / b_scale;
    }
    fm_arena_reset(scratch, mark);
    return result;
}
