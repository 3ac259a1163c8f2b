/* rational.h: the best mixed commitment in exact arithmetic, for the tests: whole numbers of many digits, and
 * the value of every vertex by Cramer's rule. No rounding, no tolerance, and nothing shared with what is
 * tested. */
#ifndef RATIONAL_H
#define RATIONAL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "envs/games/bimatrix.h"

#define BIG_LIMBS 40

/* sign * sum_i limb[i] 2^(32 i); n limbs, the last of which is not zero; zero has none. */
typedef struct big {
    int sign;
    size_t n;
    uint32_t limb[BIG_LIMBS];
} big;

static inline void big_trim(big *a) {
    while (a->n > 0 && a->limb[a->n - 1] == 0) a->n--;
    if (a->n == 0) a->sign = 0;
}

static inline int big_compare_size(const big *a, const big *b) {
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    for (size_t i = a->n; i-- > 0;)
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* |a| + |b|, or |a| - |b| where that is not negative; the sign is a's. */
static inline big big_combine(const big *a, const big *b, bool subtract) {
    big out = {.sign = a->sign, .n = (a->n > b->n ? a->n : b->n) + 1};
    FM_CHECK(out.n <= BIG_LIMBS, "rational: %zu limbs", out.n);
    int64_t carry = 0;
    for (size_t i = 0; i < out.n; i++) {
        const int64_t other = i < b->n ? b->limb[i] : 0;
        carry += (i < a->n ? a->limb[i] : 0) + (subtract ? -other : other);
        out.limb[i] = (uint32_t)(carry & UINT32_MAX);
        carry >>= 32;
    }
    big_trim(&out);
    return out;
}

static inline big big_add(const big *a, const big *b) {
    if (a->sign == 0) return *b;
    if (b->sign == 0) return *a;
    if (a->sign == b->sign) return big_combine(a, b, false);
    return big_compare_size(a, b) >= 0 ? big_combine(a, b, true) : big_combine(b, a, true);
}

static inline big big_multiply(const big *a, const big *b) {
    big out = {.sign = a->sign * b->sign, .n = a->n + b->n};
    if (out.sign == 0) return (big){0};
    FM_CHECK(out.n <= BIG_LIMBS, "rational: %zu limbs", out.n);
    for (size_t i = 0; i < a->n; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < b->n; j++) {
            carry += (uint64_t)a->limb[i] * b->limb[j] + out.limb[i + j];
            out.limb[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        out.limb[i + b->n] = (uint32_t)carry;
    }
    big_trim(&out);
    return out;
}

static inline big big_negate(big a) {
    a.sign = -a.sign;
    return a;
}

static inline big big_subtract(const big *a, const big *b) {
    const big minus = big_negate(*b);
    return big_add(a, &minus);
}

/* value 2^shift, which must be whole. */
static inline big big_from(double value, int shift) {
    big out = {.sign = value > 0 ? 1 : value < 0 ? -1 : 0};
    if (value == 0) return out;
    int exponent;
    uint64_t digits = (uint64_t)ldexp(frexp(fabs(value), &exponent), 53);
    int up = exponent - 53 + shift;
    for (; up < 0; up++) {
        FM_CHECK(digits % 2 == 0, "rational: %g 2^%d is not whole", value, shift);
        digits /= 2;
    }
    out.n = (size_t)up / 32 + 3;
    FM_CHECK(out.n <= BIG_LIMBS, "rational: %zu limbs", out.n);
    for (int bit = 0; bit < 53; bit++)
        if (digits >> bit & 1) out.limb[(bit + up) / 32] |= 1u << (bit + up) % 32;
    big_trim(&out);
    return out;
}

/* The leading digits, about 2^exponent times what is returned. */
static inline double big_leading(const big *a, int *exponent) {
    double x = 0;
    *exponent = a->n > 3 ? 32 * (int)(a->n - 3) : 0;
    for (size_t i = a->n; i-- > (a->n > 3 ? a->n - 3 : 0);) x = x * 4294967296.0 + a->limb[i];
    return a->sign * x;
}

/* ---- the game in whole numbers ---- */

#define EXACT_ACTIONS 5

/* A game whose payoffs are whole multiples of 2^-shift. */
typedef struct exact_game {
    size_t rows, cols;
    int shift;
    big payoff[2][EXACT_ACTIONS][EXACT_ACTIONS];
} exact_game;

static inline exact_game exact_from(const bimatrix *g) {
    exact_game out = {.rows = g->rows, .cols = g->cols};
    FM_CHECK(g->rows <= EXACT_ACTIONS && g->cols <= EXACT_ACTIONS, "rational: too many actions");
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < g->rows * g->cols; k++) {
            int exponent = 0;
            if (g->payoff[i][k] != 0) frexp(g->payoff[i][k], &exponent);
            if (53 - exponent > out.shift) out.shift = 53 - exponent;
        }
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < g->rows * g->cols; k++)
            out.payoff[i][k / g->cols][k % g->cols] = big_from(g->payoff[i][k], out.shift);
    return out;
}

typedef struct square { big entry[EXACT_ACTIONS][EXACT_ACTIONS]; } square;

/* Of the first n rows and of the columns in `columns`, by Laplace's expansion along the last of these
 * rows. */
static inline big determinant(const square *m, size_t n, unsigned columns) {
    if (n == 0) return big_from(1, 0);
    big sum = {0};
    bool negative = n % 2 == 0; /* the sign of the row's first column */
    for (size_t c = 0; c < EXACT_ACTIONS; c++) {
        if (!(columns >> c & 1)) continue;
        if (m->entry[n - 1][c].sign != 0) {
            const big minor = determinant(m, n - 1, columns & ~(1u << c));
            big term = big_multiply(&m->entry[n - 1][c], &minor);
            if (negative) term = big_negate(term);
            sum = big_add(&sum, &term);
        }
        negative = !negative;
    }
    return sum;
}

/* Row `which` of the inequalities w.x >= 0 of the region where column c is a best response. */
static inline big exact_inequality(const exact_game *g, size_t c, size_t which, size_t r) {
    if (which < g->rows) return big_from(r == which, 0);
    return big_subtract(&g->payoff[1][r][c], &g->payoff[1][r][which - g->rows]);
}

typedef struct fraction { big above, below; } fraction; /* below > 0; 0 / 0 for none */

/* The leader's value where these inequalities of column c are tight, if that is one point of its region. */
static inline fraction exact_value_at(const exact_game *g, size_t c, unsigned tight) {
    const size_t n = g->rows;
    const fraction none = {{0}, {0}};
    square m = {{{{0}}}};
    size_t used = 1;
    for (size_t r = 0; r < n; r++) m.entry[0][r] = big_from(1, 0);
    for (size_t k = 0; k < n + g->cols; k++) {
        if (!(tight >> k & 1)) continue;
        for (size_t r = 0; r < n; r++) m.entry[used][r] = exact_inequality(g, c, k, r);
        used++;
    }
    fraction value = {{0}, determinant(&m, n, (1u << n) - 1)};
    if (value.below.sign == 0) return none;
    big x[EXACT_ACTIONS]; /* times the determinant: cofactors of the first row */
    for (size_t r = 0; r < n; r++) {
        square replaced = m;
        for (size_t k = 0; k < n; k++) replaced.entry[k][r] = big_from(k == 0, 0);
        x[r] = determinant(&replaced, n, (1u << n) - 1);
        if (value.below.sign < 0) x[r] = big_negate(x[r]);
    }
    if (value.below.sign < 0) value.below = big_negate(value.below);
    for (size_t k = 0; k < n + g->cols; k++) {
        big slack = {0};
        for (size_t r = 0; r < n; r++) {
            const big w = exact_inequality(g, c, k, r), term = big_multiply(&w, &x[r]);
            slack = big_add(&slack, &term);
        }
        if (slack.sign < 0) return none;
    }
    for (size_t r = 0; r < n; r++) {
        const big term = big_multiply(&g->payoff[0][r][c], &x[r]);
        value.above = big_add(&value.above, &term);
    }
    return value;
}

/* The leader's best mixed commitment, rounded to a double at the very end. */
static inline double exact_commitment(const bimatrix *game) {
    const exact_game g = exact_from(game);
    fraction best = {{0}, {0}};
    for (size_t c = 0; c < g.cols; c++)
        for (unsigned tight = 0; tight < 1u << (g.rows + g.cols); tight++) {
            size_t count = 0;
            for (size_t k = 0; k < g.rows + g.cols; k++) count += tight >> k & 1;
            if (count != g.rows - 1 || tight >> (g.rows + c) & 1) continue;
            const fraction value = exact_value_at(&g, c, tight);
            if (value.below.sign == 0) continue;
            const big mine = big_multiply(&value.above, &best.below);
            const big known = big_multiply(&best.above, &value.below);
            const big gain = big_subtract(&mine, &known);
            if (best.below.sign == 0 || gain.sign > 0) best = value;
        }
    int above, below;
    const double a = big_leading(&best.above, &above), b = big_leading(&best.below, &below);
    return ldexp(a / b, above - below - g.shift);
}

#endif
