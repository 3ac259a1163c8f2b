/* Conjugate gradient: against elimination, and every way to stop. */
#include "autograd/cg.h"

#include <stdlib.h>

#include "autograd/plan.h"
#include "base/random.h"
#include "tests/aborts.h"
#include "tests/test.h"

static const bool DOUBLE = sizeof(real) == 8;

enum { MAX = 40 };
typedef struct matrix {
    size_t n;
    int products, bad_at;         /* the product with this number has a NaN in it (0: none) */
    const real *v, *out;          /* arrays of the last product */
    double a[MAX][MAX];
} matrix;

static void apply(void *context, size_t n, const real *v, real *out) {
    matrix *m = context;
    m->products++;
    m->v = v;
    m->out = out;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) sum += m->a[i][j] * (double)v[j];
        out[i] = m->products == m->bad_at && i == 1 ? (real)NAN : (real)sum;
    }
}

/* B B^T / n + I: positive definite, well conditioned. */
static matrix spd_new(size_t n) {
    matrix m = {.n = n};
    fm_rng rng = fm_rng_split(n, FM_RNG_TEST, 0, 0);
    double b[MAX][MAX];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) b[i][j] = fm_rng_normal(&rng);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            m.a[i][j] = i == j;
            for (size_t k = 0; k < n; k++) m.a[i][j] += b[i][k] * b[j][k] / (double)n;
        }
    return m;
}

static matrix diagonal_new(size_t n, const double *d) {
    matrix m = {.n = n};
    for (size_t i = 0; i < n; i++) m.a[i][i] = d[i];
    return m;
}

/* (A + damping I) x = b by elimination with pivots. */
static void eliminate(const matrix *m, double damping, const real *b, double *x) {
    size_t n = m->n;
    double a[MAX][MAX + 1];
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) a[i][j] = m->a[i][j] + (i == j ? damping : 0);
        a[i][n] = (double)b[i];
    }
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k; i < n; i++)
            if (fabs(a[i][k]) > fabs(a[pivot][k])) pivot = i;
        for (size_t j = 0; j <= n; j++) {
            double swap = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = swap;
        }
        for (size_t i = 0; i < n; i++) {
            double factor = i == k ? 0 : a[i][k] / a[k][k];
            for (size_t j = k; j <= n; j++) a[i][j] -= factor * a[k][j];
        }
    }
    for (size_t i = 0; i < n; i++) x[i] = a[i][n] / a[i][i];
}

static void random_vector(real *b, size_t n, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 1, 0);
    fm_rng_fill_normal(&rng, b, n);
}

static double residual_of(const matrix *m, double damping, const real *b, const real *x) {
    double sum = 0;
    for (size_t i = 0; i < m->n; i++) {
        double r = (double)b[i] - damping * (double)x[i];
        for (size_t j = 0; j < m->n; j++) r -= m->a[i][j] * (double)x[j];
        sum += r * r;
    }
    return sqrt(sum);
}

TEST(cg_solves_in_n_steps) {
    static const size_t sizes[] = {1, 2, 3, 10, 40};
    for (size_t s = 0; s < 5; s++)
        for (double damping = 0; damping < 2; damping += 0.7) {
            matrix m = spd_new(sizes[s]);
            real b[MAX], x[MAX], work[AD_CG_WORK(MAX)];
            double wanted[MAX];
            random_vector(b, m.n, s);
            eliminate(&m, damping, b, wanted);
            ad_cg_options options = {.iterations = (int)m.n + 2, .damping = damping};
            options.tolerance = DOUBLE ? 1e-12 : 1e-6;
            ad_cg_result r = ad_cg(apply, &m, m.n, b, x, work, &options);
            EXPECT_EQ(r.stop, AD_CG_CONVERGED);
            EXPECT(r.iterations <= (int)m.n + 2);
            EXPECT_EQ(r.iterations, m.products);
            EXPECT(r.curvature > 0);
            for (size_t i = 0; i < m.n; i++) EXPECT_NEAR(x[i], wanted[i], DOUBLE ? 1e-10 : 1e-4);
            EXPECT_NEAR(r.residual, residual_of(&m, damping, b, x), DOUBLE ? 1e-10 : 1e-4);
        }
}

/* Three different eigenvalues take three steps, whatever n is. */
TEST(cg_takes_a_step_per_eigenvalue) {
    double d[30];
    real b[30], x[30], work[AD_CG_WORK(30)];
    for (int i = 0; i < 30; i++) d[i] = 1 + i % 3;
    matrix m = diagonal_new(30, d);
    random_vector(b, 30, 1);
    ad_cg_result r = ad_cg(apply, &m, 30, b, x, work,
                           &(ad_cg_options){.iterations = 30, .tolerance = DOUBLE ? 1e-9 : 1e-5});
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    EXPECT_EQ(r.iterations, 3);
}

TEST(cg_stops_at_the_limit_and_at_the_tolerance) {
    matrix m = spd_new(40);
    real b[MAX], x[MAX], work[AD_CG_WORK(MAX)];
    random_vector(b, 40, 2);
    double before = INFINITY, size = residual_of(&m, 0, b, memset(x, 0, sizeof x));
    for (int limit = 1; limit <= 6; limit++) {
        m.products = 0;
        ad_cg_result r = ad_cg(apply, &m, 40, b, x, work, &(ad_cg_options){.iterations = limit});
        EXPECT_EQ(r.stop, AD_CG_ITERATIONS);
        EXPECT_EQ(r.iterations, limit);
        EXPECT_EQ(m.products, limit);
        EXPECT_NEAR(r.residual, residual_of(&m, 0, b, x), 1e-4);
        EXPECT(r.residual < before);
        before = r.residual;
    }
    ad_cg_result r = ad_cg(apply, &m, 40, b, x, work, &(ad_cg_options){.iterations = 40, .tolerance = 0.1});
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    EXPECT(r.iterations > 1 && r.iterations < 40);
    EXPECT(residual_of(&m, 0, b, x) <= 0.1001 * size);
    /* one step fewer does not do; that many do, although they are also the limit */
    int needed = r.iterations;
    r = ad_cg(apply, &m, 40, b, x, work, &(ad_cg_options){.iterations = needed - 1, .tolerance = 0.1});
    EXPECT_EQ(r.stop, AD_CG_ITERATIONS);
    r = ad_cg(apply, &m, 40, b, x, work, &(ad_cg_options){.iterations = needed, .tolerance = 0.1});
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
}

/* b = (1, 1, 1/2): the first direction has curvature > 0, the second not. */
TEST(cg_stops_at_negative_curvature_with_the_best_point) {
    const double d[3] = {4, 2, -1};
    matrix m = diagonal_new(3, d);
    real b[3] = {1, 1, (real)0.5}, x[3], one[3], work[AD_CG_WORK(3)];
    ad_cg_result first = ad_cg(apply, &m, 3, b, one, work, &(ad_cg_options){.iterations = 1});
    EXPECT_EQ(first.stop, AD_CG_ITERATIONS);
    EXPECT_NEAR(first.curvature, (4 + 2 - 0.25) / 2.25, 1e-5);
    ad_cg_result r = ad_cg(apply, &m, 3, b, x, work, &(ad_cg_options){.iterations = 10});
    EXPECT_EQ(r.stop, AD_CG_CURVATURE);
    EXPECT(r.iterations > 1 && r.iterations <= 3);
    EXPECT(r.curvature <= 0);
    for (int i = 0; i < 3; i++) EXPECT(isfinite((double)x[i]));
    if (r.iterations == 2)
        for (int i = 0; i < 3; i++) EXPECT_NEAR(x[i], one[i], 0);
    EXPECT_NEAR(r.residual, residual_of(&m, 0, b, x), 1e-5);
    ad_cg_options damped = {.iterations = 10, .tolerance = 1e-5, .damping = 1.5};
    r = ad_cg(apply, &m, 3, b, x, work, &damped); /* positive definite now */
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    for (int i = 0; i < 3; i++) EXPECT_NEAR(x[i], (double)b[i] / (d[i] + 1.5), 1e-4);
}

/* Told to go on, it solves an indefinite system too, and tells the smallest curvature of its directions. */
TEST(cg_goes_on_through_negative_curvature_when_told) {
    const double d[3] = {4, 2, -1};
    matrix m = diagonal_new(3, d);
    real b[3] = {1, 1, (real)0.5}, x[3], work[AD_CG_WORK(3)];
    ad_cg_options options = {.iterations = 10, .tolerance = 1e-5, .indefinite = true};
    ad_cg_result r = ad_cg(apply, &m, 3, b, x, work, &options);
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    EXPECT_EQ(r.iterations, 3);
    for (int i = 0; i < 3; i++) EXPECT_NEAR(x[i], (double)b[i] / d[i], 1e-4);
    EXPECT(r.curvature < 0 && r.curvature >= -1);
    const double positive[3] = {4, 2, 1};
    m = diagonal_new(3, positive);
    double smallest = INFINITY;
    for (int limit = 1; limit <= 3; limit++) {
        r = ad_cg(apply, &m, 3, b, x, work, &(ad_cg_options){.iterations = limit});
        EXPECT(r.curvature <= smallest);
        smallest = r.curvature;
    }
    EXPECT(smallest > 1 && smallest < (4 + 2 + 0.25) / 2.25 - 0.5);
}

TEST(cg_stops_at_once_when_the_matrix_is_negative_or_zero) {
    const double minus[2] = {-1, -2}, zero[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        matrix m = diagonal_new(2, k ? zero : minus);
        real b[2] = {1, 1}, x[2] = {9, 9}, work[AD_CG_WORK(2)];
        ad_cg_result r = ad_cg(apply, &m, 2, b, x, work, &(ad_cg_options){.iterations = 5});
        EXPECT_EQ(r.stop, AD_CG_CURVATURE);
        EXPECT_EQ(r.iterations, 1);
        EXPECT(x[0] == 0 && x[1] == 0);
        EXPECT_NEAR(r.residual, sqrt(2), 1e-6);
    }
}

TEST(cg_of_zero_is_zero) {
    matrix m = spd_new(3);
    real b[3] = {0}, x[3] = {9, 9, 9}, work[AD_CG_WORK(3)];
    ad_cg_result r = ad_cg(apply, &m, 3, b, x, work, &(ad_cg_options){.iterations = 5, .tolerance = 1e-5});
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    EXPECT_EQ(r.iterations, 0);
    EXPECT_EQ(m.products, 0);
    EXPECT(x[0] == 0 && x[1] == 0 && x[2] == 0);
    EXPECT(r.residual == 0);
}

TEST(cg_stops_before_a_product_that_is_not_finite) {
    matrix m = spd_new(5);
    real b[5], x[5], two[5], work[AD_CG_WORK(5)];
    random_vector(b, 5, 3);
    ad_cg(apply, &m, 5, b, two, work, &(ad_cg_options){.iterations = 2});
    m.products = 0;
    m.bad_at = 3;
    ad_cg_result r = ad_cg(apply, &m, 5, b, x, work, &(ad_cg_options){.iterations = 5});
    EXPECT_EQ(r.stop, AD_CG_NONFINITE);
    EXPECT_EQ(r.iterations, 3);
    for (int i = 0; i < 5; i++) EXPECT_NEAR(x[i], two[i], 0);
    b[2] = (real)NAN;
    r = ad_cg(apply, &m, 5, b, x, work, &(ad_cg_options){.iterations = 5, .tolerance = 1e-5});
    EXPECT_EQ(r.stop, AD_CG_NONFINITE);
    EXPECT(x[0] == 0 && x[2] == 0);
}

/* Directions and products stand where a Hessian product recorded over the workspace expects them. */
/* A right-hand side far from 1 gives the solution of one near 1, times the scale: also where its squares
 * vanish or overflow. */
TEST(cg_does_not_depend_on_the_scale_of_b) {
    static const double SCALES[] = {1e-38, 1e-30, 1e-25, 1e-20, 1e20, 1e25, 1e30, 1e37};
    for (size_t n = 1; n <= 8; n += 7)
        for (size_t k = 0; k < sizeof SCALES / sizeof *SCALES; k++) {
            matrix m = spd_new(n);
            real b[MAX], x[MAX], work[AD_CG_WORK(MAX)];
            double want[MAX], largest = 0;
            if (n == 1) m.a[0][0] = 2.1;
            for (size_t i = 0; i < n; i++) b[i] = (real)((1 + (double)i) * SCALES[k]);
            eliminate(&m, 0, b, want);
            ad_cg_options options = {.iterations = 50, .tolerance = 1e-5};
            ad_cg_result r = ad_cg(apply, &m, n, b, x, work, &options);
            EXPECT_EQ(r.stop, AD_CG_CONVERGED);
            EXPECT(r.iterations >= 1);
            for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(want[i]));
            for (size_t i = 0; i < n; i++) EXPECT_NEAR((double)x[i] / largest, want[i] / largest, 2e-5);
        }
}

/* The smallest entry but zeros that a product has seen. */
static double smallest_seen;
static void watch(void *context, size_t n, const real *v, real *out) {
    for (size_t i = 0; i < n; i++)
        if (v[i] != 0) smallest_seen = fmin(smallest_seen, fabs((double)v[i]));
    apply(context, n, v, out);
}

/* Damped by much, the residual falls by 1e6 in a step: the directions grow again before sums of their squares
 * leave the normal numbers, and the solution does not notice. */
TEST(cg_directions_stay_normal) {
    real b[4] = {1, 2, 3, 4}, x[4], work[AD_CG_WORK(4)];
    matrix m = diagonal_new(4, (double[]){0.0001, 0.0003, 0.0002, 0.0007});
    double wanted[MAX];
    ad_cg_options options = {.iterations = 20, .damping = 500, .indefinite = true};
    eliminate(&m, 500, b, wanted);
    smallest_seen = 1;
    ad_cg_result r = ad_cg(watch, &m, 4, b, x, work, &options);
    EXPECT_EQ(r.iterations, 20);
    EXPECT_MSG(r.residual < 1e-100 && smallest_seen > 1e-10, "residual %g, smallest %g", r.residual,
               smallest_seen);
    for (size_t i = 0; i < 4; i++) EXPECT_NEAR((double)x[i], wanted[i], DOUBLE ? 1e-15 : 1e-8);
}

TEST(cg_says_when_the_solution_has_no_number) {
    real b[2] = {1, (real)INFINITY}, x[2], work[AD_CG_WORK(2)];
    matrix m = diagonal_new(2, (double[]){1, 1});
    ad_cg_options options = {.iterations = 5, .tolerance = 1e-5};
    EXPECT_EQ(ad_cg(apply, &m, 2, b, x, work, &options).stop, AD_CG_NONFINITE);
    EXPECT(x[0] == 0 && x[1] == 0);
    if (DOUBLE) return;
    b[1] = (real)1e30;
    m = diagonal_new(2, (double[]){1e-20, 1e-20});
    ad_cg_result r = ad_cg(apply, &m, 2, b, x, work, &options);
    EXPECT_EQ(r.stop, AD_CG_NONFINITE);
    EXPECT(x[0] == 0 && x[1] == 0);
    EXPECT_NEAR(r.residual, 1e30, 1e23);
}

TEST(cg_vectors_stand_in_the_workspace) {
    matrix m = spd_new(4);
    real b[4], x[4], work[AD_CG_WORK(4)];
    random_vector(b, 4, 4);
    ad_cg(apply, &m, 4, b, x, work, &(ad_cg_options){.iterations = 2});
    EXPECT(m.v == work && m.out == work + 4);
}

TEST(cg_names_of_stops) {
    EXPECT_TEXT(ad_cg_stop_name(AD_CG_CONVERGED), "converged");
    EXPECT_TEXT(ad_cg_stop_name(AD_CG_ITERATIONS), "iteration limit");
    EXPECT_TEXT(ad_cg_stop_name(AD_CG_CURVATURE), "non-positive curvature");
    EXPECT_TEXT(ad_cg_stop_name(AD_CG_NONFINITE), "non-finite number");
}

static void no_iterations(void) {
    real b[1] = {1}, x[1], work[3];
    matrix m = spd_new(1);
    ad_cg(apply, &m, 1, b, x, work, &(ad_cg_options){.tolerance = 1});
}

TEST(cg_without_iterations_aborts) { EXPECT_ABORTS(no_iterations, "cg: 0 iterations"); }

/* ---- on a Hessian ---- */

enum { IN = 3, HIDDEN = 4, ROWS = 20, N = IN * HIDDEN + HIDDEN + HIDDEN + 1 };

/* The damped Hessian of a net, column by column into m, and a solve by products without a copy. */
TEST(cg_on_the_hessian_of_a_net) {
    real theta[N], data[ROWS * IN], target[ROWS], b[N], x[N], work[AD_CG_WORK(N)];
    random_vector(theta, N, 5);
    random_vector(data, ROWS * IN, 6);
    random_vector(target, ROWS, 7);
    random_vector(b, N, 8);
    ad_tape *t = ad_tape_new();
    ad_var w[4] = {ad_leaf(t, IN, HIDDEN, theta, "w0"), ad_leaf(t, 1, HIDDEN, theta + IN * HIDDEN, "b0"),
                   ad_leaf(t, HIDDEN, 1, theta + IN * HIDDEN + HIDDEN, "w1"),
                   ad_leaf(t, 1, 1, theta + N - 1, "b1")};
    ad_var h = ad_affine(ad_leaf(t, ROWS, IN, data, "x"), w[0], w[1], AD_TANH);
    ad_var error = ad_sub(ad_affine(h, w[2], w[3], AD_IDENTITY), ad_leaf(t, ROWS, 1, target, "y"));
    ad_product *hessian = ad_hessian(ad_mean(ad_square(error)), w, 4, work, work + N);
    for (int point = 0; point < 2; point++) {
        matrix m = {.n = N};
        double wanted[N], damping = 5;
        for (int i = 0; i < N; i++) theta[i] *= (real)0.5;
        ad_linearise(hessian);
        for (size_t j = 0; j < N; j++) {
            real unit[N] = {0}, column[N];
            unit[j] = 1;
            ad_apply_matvec(hessian, N, unit, column);
            for (size_t i = 0; i < N; i++) m.a[i][j] = (double)column[i];
        }
        eliminate(&m, damping, b, wanted);
        ad_cg_options options = {.iterations = 2 * N, .tolerance = DOUBLE ? 1e-12 : 1e-6, .damping = damping};
        ad_cg_result r = ad_cg(ad_apply_matvec, hessian, N, b, x, work, &options);
        EXPECT_EQ(r.stop, AD_CG_CONVERGED);
        for (size_t i = 0; i < N; i++) EXPECT_NEAR(x[i], wanted[i], DOUBLE ? 1e-9 : 1e-3);
    }
    ad_tape_free(t);
}

TEST_MAIN(CASE(cg_solves_in_n_steps), CASE(cg_takes_a_step_per_eigenvalue),
          CASE(cg_stops_at_the_limit_and_at_the_tolerance),
          CASE(cg_stops_at_negative_curvature_with_the_best_point),
          CASE(cg_goes_on_through_negative_curvature_when_told),
          CASE(cg_stops_at_once_when_the_matrix_is_negative_or_zero), CASE(cg_of_zero_is_zero),
          CASE(cg_stops_before_a_product_that_is_not_finite), CASE(cg_does_not_depend_on_the_scale_of_b),
          CASE(cg_directions_stay_normal),
          CASE(cg_says_when_the_solution_has_no_number), CASE(cg_vectors_stand_in_the_workspace),
          CASE(cg_names_of_stops), CASE(cg_without_iterations_aborts), CASE(cg_on_the_hessian_of_a_net))
