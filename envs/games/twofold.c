/* twofold.c: vectors of numbers of one double or two. */
#include "envs/games/twofold.h"

#include <math.h>
#include <string.h>

numbers numbers_make(size_t n, bool twice, fm_arena *arena) {
    double *hi = fm_arena_alloc_raw(arena, n, sizeof *hi);
    return (numbers){hi, twice ? fm_arena_alloc_raw(arena, n, sizeof *hi) : NULL};
}

void numbers_clear(numbers x, size_t n) {
    memset(x.hi, 0, n * sizeof *x.hi);
    if (x.lo) memset(x.lo, 0, n * sizeof *x.lo);
}

void numbers_scale(numbers x, twofold a, size_t n) {
    if (x.lo) {
        for (size_t i = 0; i < n; i++) numbers_set(x, i, twofold_multiply(a, numbers_get(x, i)));
    } else {
        for (size_t i = 0; i < n; i++) x.hi[i] *= a.hi;
    }
}

/* y += a x, where what is at most `residue` times what it was before becomes zero. */
static inline void add_multiple(numbers y, twofold a, numbers x, size_t n, double residue) {
    double *restrict hi = y.hi, *restrict lo = y.lo;
    const double *x_hi = x.hi, *x_lo = x.lo;
    if (!lo) {
        for (size_t i = 0; i < n; i++) {
            const double sum = hi[i] + a.hi * x_hi[i];
            hi[i] = fabs(sum) <= residue * fabs(hi[i]) ? 0 : sum;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const twofold sum =
            twofold_add((twofold){hi[i], lo[i]}, twofold_multiply(a, (twofold){x_hi[i], x_lo[i]}));
        const bool cancels = fabs(sum.hi) <= residue * fabs(hi[i]);
        hi[i] = cancels ? 0 : sum.hi;
        lo[i] = cancels ? 0 : sum.lo;
    }
}

void numbers_add_multiple(numbers y, twofold a, numbers x, size_t n) { add_multiple(y, a, x, n, 0); }

void numbers_add_multiple_or_cancel(numbers y, twofold a, numbers x, size_t n) {
    add_multiple(y, a, x, n, y.lo ? 1e-28 : 0);
}

/* y += a (p - q), where p advances by `stride`, which is 0 or 1 and known where this is used. */
static inline void add_differences(numbers y, twofold a, const double *p, size_t stride, const double *q,
                                   size_t n) {
    double *restrict hi = y.hi, *restrict lo = y.lo;
    if (!lo) {
        for (size_t i = 0; i < n; i++) hi[i] += a.hi * (p[i * stride] - q[i]);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const twofold difference = twofold_of_sum(p[i * stride], -q[i]);
        const twofold sum = twofold_add((twofold){hi[i], lo[i]}, twofold_multiply(a, difference));
        hi[i] = sum.hi;
        lo[i] = sum.lo;
    }
}

void numbers_add_differences(numbers y, twofold a, const double *p, const double *q, size_t n) {
    add_differences(y, a, p, 1, q, n);
}

void numbers_add_differences_from(numbers y, twofold a, double p, const double *q, size_t n) {
    add_differences(y, a, &p, 0, q, n);
}

twofold numbers_dot(numbers x, numbers y, size_t n) {
    twofold sum = {0, 0};
    if (x.lo) {
        for (size_t i = 0; i < n; i++)
            sum = twofold_add(sum, twofold_multiply(numbers_get(x, i), numbers_get(y, i)));
    } else {
        for (size_t i = 0; i < n; i++) sum.hi += x.hi[i] * y.hi[i];
    }
    return sum;
}
