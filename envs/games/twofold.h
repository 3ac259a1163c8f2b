/* twofold.h: numbers of twice a double's digits, as the unevaluated sum of two doubles, and vectors that hold
 * either one double per number or two.
 *
 * A sum or product of two doubles equals its rounded value plus an error that is itself a double [Dekker
 * 1971]; carrying it along gives about 31 digits [Hida, Li & Bailey 2001]. One algorithm written for
 * `numbers` runs fast on doubles, and again, where doubles do not suffice, on pairs. */
#ifndef TWOFOLD_H
#define TWOFOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* hi + lo, where hi is the sum rounded to a double: comparisons may look at hi alone. */
typedef struct twofold { double hi, lo; } twofold;

/* ---- single numbers ---- */

/* a + b without error. */
static inline twofold twofold_of_sum(double a, double b) {
    const double sum = a + b, from_b = sum - a;
    return (twofold){sum, (a - (sum - from_b)) + (b - from_b)};
}

/* The same, where |a| >= |b|. */
static inline twofold twofold_of_ordered_sum(double a, double b) {
    const double sum = a + b;
    return (twofold){sum, b - (sum - a)};
}

/* The upper half of a double's digits; the lower half is what remains. */
static inline double twofold_upper_half(double a) {
    const double shifted = 134217729 * a; /* 2^27 + 1 */
    return shifted - (shifted - a);
}

/* a b without error, as long as nothing overflows or falls below 1e-290. */
static inline twofold twofold_of_product(double a, double b) {
    const double product = a * b, a_up = twofold_upper_half(a), b_up = twofold_upper_half(b);
    const double a_low = a - a_up, b_low = b - b_up;
    return (twofold){product, ((a_up * b_up - product) + a_up * b_low + a_low * b_up) + a_low * b_low};
}

/* Errors are below 2^-100 of |a| + |b|, |a b| and |a / b|. */
static inline twofold twofold_add(twofold a, twofold b) {
    const twofold sum = twofold_of_sum(a.hi, b.hi);
    return twofold_of_ordered_sum(sum.hi, sum.lo + (a.lo + b.lo));
}

static inline twofold twofold_multiply(twofold a, twofold b) {
    const twofold product = twofold_of_product(a.hi, b.hi);
    return twofold_of_ordered_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

static inline twofold twofold_negate(twofold a) { return (twofold){-a.hi, -a.lo}; }

static inline twofold twofold_divide(twofold a, twofold b) {
    const double first = a.hi / b.hi;
    const twofold rest = twofold_add(a, twofold_negate(twofold_multiply(b, (twofold){first, 0})));
    return twofold_of_ordered_sum(first, rest.hi / b.hi);
}

/* Below, at or above zero, as a is less than, equal to or more than b. */
static inline int twofold_compare(twofold a, twofold b) {
    if (a.hi != b.hi) return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

/* ---- vectors ---- */

/* A vector of numbers hi[i] + lo[i]; lo is NULL where one double each is enough. Borrows its arrays. */
typedef struct numbers { double *hi, *lo; } numbers;

static inline twofold numbers_get(numbers x, size_t i) {
    return (twofold){x.hi[i], x.lo ? x.lo[i] : 0};
}

static inline void numbers_set(numbers x, size_t i, twofold a) {
    x.hi[i] = a.hi;
    if (x.lo) x.lo[i] = a.lo;
}

static inline numbers numbers_from(numbers x, size_t i) {
    return (numbers){x.hi + i, x.lo ? x.lo + i : NULL};
}

/* n numbers in the arena, not initialised, of one double or of two. */
numbers numbers_make(size_t n, bool twice, fm_arena *arena);

/* x becomes zero. */
void numbers_clear(numbers x, size_t n);

/* x *= a. */
void numbers_scale(numbers x, twofold a, size_t n);

/* y += a x. In pairs the second one makes a number zero of which at most 1e-28 remains: that is rounding. */
void numbers_add_multiple(numbers y, twofold a, numbers x, size_t n);
void numbers_add_multiple_or_cancel(numbers y, twofold a, numbers x, size_t n);

/* y += a (p - q), the difference of two doubles taken without error where y holds pairs; the second one
 * subtracts every q[i] from the same p. */
void numbers_add_differences(numbers y, twofold a, const double *p, const double *q, size_t n);
void numbers_add_differences_from(numbers y, twofold a, double p, const double *q, size_t n);

/* The sum of x[i] y[i]. */
twofold numbers_dot(numbers x, numbers y, size_t n);

#endif
