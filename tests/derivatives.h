/* derivatives.h: the derivatives of a recorded scalar against differences, to second order.
 *
 *     real x[3] = {1, 2, 3};
 *     ad_var leaf = ad_leaf(t, 1, 3, x, "x");
 *     expect_derivatives(loss, &leaf, (real *[]){x}, 1, seed);
 *
 * Three facts, at the present numbers of the leaves: every partial derivative is the difference of the loss,
 * H v is the difference of the gradients along v, and u' H v = v' H u. The value itself is for the caller to
 * test. Include after tests/test.h. */
#ifndef TESTS_DERIVATIVES_H
#define TESTS_DERIVATIVES_H

#include "autograd/plan.h"
#include "base/random.h"

enum { DERIVATIVES_LEAVES = 16, DERIVATIVES_MAX = 4096 };

typedef struct derivatives {
    size_t n, count, size[DERIVATIVES_LEAVES]; /* leaves; numbers of all; of each */
    real *data[DERIVATIVES_LEAVES];            /* borrowed: the leaves' own numbers */
    real x[DERIVATIVES_MAX], v[DERIVATIVES_MAX], g[DERIVATIVES_MAX], hv[DERIVATIVES_MAX], loss;
    ad_plan *plan;
} derivatives;

/* Puts the leaves at x + h d (d NULL: at x) and replays. */
static void derivatives_at(derivatives *s, double h, const real *d) {
    for (size_t k = 0, at = 0; k < s->n; at += s->size[k++])
        for (size_t i = 0; i < s->size[k]; i++)
            s->data[k][i] = d ? (real)((double)s->x[at + i] + h * (double)d[at + i]) : s->x[at + i];
    ad_replay(s->plan);
}

static void derivatives_make(derivatives *s, ad_var loss, const ad_var *x, real *const *data, size_t n) {
    ad_var g[DERIVATIVES_LEAVES], v[DERIVATIVES_LEAVES], hv[DERIVATIVES_LEAVES];
    ad_output out[2 * DERIVATIVES_LEAVES + 1];
    *s = (derivatives){.n = n};
    ad_grad(loss, x, n, g);
    for (size_t k = 0; k < n; k++) {
        s->data[k] = data[k];
        s->size[k] = ad_rows(x[k]) * ad_cols(x[k]);
        FM_CHECK(s->count + s->size[k] <= DERIVATIVES_MAX, "more than %d numbers", DERIVATIVES_MAX);
        memcpy(s->x + s->count, data[k], s->size[k] * sizeof(real));
        v[k] = ad_leaf(loss.tape, ad_rows(x[k]), ad_cols(x[k]), s->v + s->count, "v");
        s->count += s->size[k];
    }
    ad_jvp(g, n, x, v, n, hv);
    out[2 * n] = (ad_output){loss, &s->loss};
    for (size_t k = 0, at = 0; k < n; at += s->size[k++]) {
        out[k] = (ad_output){g[k], s->g + at};
        out[n + k] = (ad_output){hv[k], s->hv + at};
    }
    s->plan = ad_plan_make(NULL, 0, out, 2 * n + 1);
}

static double derivatives_dot(const real *a, const real *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* The larger one; a NaN stays, so that it fails. */
static double derivatives_worse(double a, double b) { return b > a || isnan(b) ? b : a; }

/* Relative to the largest number of its kind; in float, differences hold two digits. */
static void expect_derivatives(ad_var loss, const ad_var *x, real *const *data, size_t n, uint64_t seed) {
    static derivatives s;
    static real unit[DERIVATIVES_MAX], u[DERIVATIVES_MAX], g[DERIVATIVES_MAX], hv[DERIVATIVES_MAX],
        up[DERIVATIVES_MAX];
    const bool precise = sizeof(real) == 8;
    const double h = precise ? 1e-5 : 0x1p-6, tolerance = precise ? 1e-7 : 2e-2;
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 77, 0);
    derivatives_make(&s, loss, x, data, n);
    fm_rng_fill_normal(&rng, s.v, s.count);
    derivatives_at(&s, 0, NULL);
    memcpy(g, s.g, sizeof g);
    memcpy(hv, s.hv, sizeof hv);
    double g_size = 1e-3, hv_size = 1e-3, g_worst = 0, hv_worst = 0;
    for (size_t i = 0; i < s.count; i++) {
        unit[i] = 1;
        derivatives_at(&s, h, unit);
        double difference = (double)s.loss;
        derivatives_at(&s, -h, unit);
        difference = (difference - (double)s.loss) / (2 * h);
        unit[i] = 0;
        g_size = derivatives_worse(g_size, fabs(difference));
        g_worst = derivatives_worse(g_worst, fabs(difference - (double)g[i]));
    }
    derivatives_at(&s, h / 4, s.v);
    memcpy(up, s.g, sizeof up);
    derivatives_at(&s, -h / 4, s.v);
    for (size_t i = 0; i < s.count; i++) {
        double difference = ((double)up[i] - (double)s.g[i]) / (h / 2);
        hv_size = derivatives_worse(hv_size, fabs(difference));
        hv_worst = derivatives_worse(hv_worst, fabs(difference - (double)hv[i]));
    }
    EXPECT_NEAR(g_worst / g_size, 0, tolerance);
    EXPECT_NEAR(hv_worst / hv_size, 0, tolerance);
    fm_rng_fill_normal(&rng, u, s.count);
    double uhv = derivatives_dot(u, hv, s.count);
    real v[DERIVATIVES_MAX];
    memcpy(v, s.v, sizeof v);
    memcpy(s.v, u, sizeof s.v);
    derivatives_at(&s, 0, NULL);
    double vhu = derivatives_dot(v, s.hv, s.count), size = hv_size * sqrt((double)s.count);
    EXPECT_NEAR((uhv - vhu) / size, 0, precise ? 1e-11 : 1e-3);
}

#endif
