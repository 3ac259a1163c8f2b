/* Vector kernels of every instruction set that this machine has, against plain loops in double and libm. */
#include "autograd/kernels/kernels.h"

#include "tests/kernel_matrix.h"

typedef double (*exact)(double);
typedef void (*unary)(size_t, const real *, real *);

static double exact_sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double exact_softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double exact_neg(double x) { return -x; }
static double exact_square(double x) { return x * x; }
static double exact_relu(double x) { return isnan(x) || x > 0 ? x : 0; }
static double exact_sign(double x) { return (x > 0) - (x < 0); }

/* Distance between what came out and the exact value in units of the last place of the type at that value. */
static double ulps(double expected, real got) {
    const double largest = sizeof(real) == 4 ? FLT_MAX : DBL_MAX,
                 smallest = sizeof(real) == 4 ? 0x1p-149 : 0x1p-1074;
    if (isnan(expected)) return isnan(got) ? 0 : INFINITY;
    if (isnan(got)) return INFINITY;
    if (fabs(expected) > largest || isinf(got)) {
        if ((double)got == expected) return 0;
        double edge = copysign(largest, expected);
        return fabs(expected) >= largest * (1 - 4 * EPSILON) &&
                       (isinf(got) ? copysign(1, got) == copysign(1, edge) : 0)
                   ? 0
                   : (isinf(got)                                     ? INFINITY
                      : fabs(expected) > largest * (1 + 4 * EPSILON) ? INFINITY
                                                                     : 1);
    }
    int power;
    frexp(expected, &power);
    double unit = expected == 0 ? smallest : fmax(smallest, ldexp(EPSILON, power - 1));
    return fabs(expected - (double)got) / unit;
}

static double worst_over_range(unary f, exact g, double *where) {
    enum { N = 4099 };
    static const double QUARTER_TURN = 1.57079632679489662;
    static real x[N], y[N];
    double worst = 0;
    const double specials[] = {0.0,       -0.0,       INFINITY, -INFINITY, NAN, 0x1p-126, -0x1p-126, 0x1p-149,
                               -0x1p-149, 0x1.8p-140, FLT_MAX,  -FLT_MAX,  1,   -1,       88.722839, 88.72284,
                               -87.3,     -103.2,     -103.97,  -104,      20,  0.625};
    for (int round = 0; round < 64; round++) {
        for (size_t i = 0; i < N; i++) {
            double power = -130 + 258 * (double)((size_t)round * N + i) / (64.0 * N), v = exp2(power);
            if (round % 2) v = 110 * fabs((double)uniform());
            if (round % 8 == 7) v = (double)((size_t)round * N + i) * QUARTER_TURN; /* zeros of sin, cos */
            x[i] = (real)(uniform() < 0 ? -v : v);
        }
        for (size_t i = 0; i < COUNT(specials); i++) x[(size_t)round * 61 + i * 3] = (real)specials[i];
        f(N, x, y);
        for (size_t i = 0; i < N; i++) {
            double d = ulps(g((double)x[i]), y[i]);
            if (!(d <= worst)) worst = d, *where = (double)x[i];
        }
    }
    return worst;
}

TEST(unary_functions_over_their_range) {
    FOR_EACH_ISA(isa) {
        const ad_kernel_table *t = ad_kernels();
        const struct { const char *name; unary f; exact g; double limit; } rows[] = {
            {"tanh", t->tanh, tanh, 2.5},       {"exp", t->exp, exp, 1},
            {"log", t->log, log, 1},          {"sigmoid", t->sigmoid, exact_sigmoid, 2.5},
            {"softplus", t->softplus, exact_softplus, 3},
            {"sin", t->sin, sin, 2},          {"cos", t->cos, cos, 2},
            {"sqrt", t->sqrt, sqrt, 0.51},
            {"neg", t->neg, exact_neg, 0},    {"square", t->square, exact_square, 0.51},
            {"abs", t->abs, fabs, 0},         {"relu", t->relu, exact_relu, 0},
            {"sign", t->sign, exact_sign, 0},
        };
        for (size_t i = 0; i < COUNT(rows); i++) {
            double where = 0, worst = worst_over_range(rows[i].f, rows[i].g, &where);
            if (getenv("VERBOSE")) printf("%s %s %.3f ulp at %g\n", t->name, rows[i].name, worst, where);
            if (strcmp(rows[i].name, "sign") == 0 && isnan(where)) worst = 0;
            EXPECT_MSG(worst <= rows[i].limit, "%s %s: %g ulp at %.9g (limit %g)", t->name, rows[i].name,
                       worst, where, rows[i].limit);
        }
    }
}

/* An entry's result is the same alone, in the middle and in the tail, and in place. */
TEST(unary_functions_do_not_depend_on_the_place) {
    enum { N = 67 };
    FOR_EACH_ISA(isa) {
        const ad_kernel_table *t = ad_kernels();
        const unary functions[] = {t->tanh, t->exp, t->log, t->sigmoid, t->softplus, t->sqrt, t->sin, t->cos};
        for (size_t f = 0; f < COUNT(functions); f++) {
            real x[N], y[N], z[N];
            for (size_t i = 0; i < N; i++) x[i] = (real)5 * (uniform() + (f == 2 || f == 5 ? (real)1.1 : 0));
            functions[f](N, x, y);
            for (size_t n = 1; n < N; n++) {
                memcpy(z, x, sizeof z);
                functions[f](n, z + N - n, z + N - n);
                EXPECT(memcmp(z + N - n, y + N - n, n * sizeof(real)) == 0);
                EXPECT(memcmp(z, x, (N - n) * sizeof(real)) == 0);
            }
        }
    }
}

/* Each vector function on lengths around the vectors, in guarded memory. `want` is the value of entry i. */
#define CHECK_VECTOR(call, want)                                                                             \
    FOR_EACH_ISA(isa) {                                                                                      \
        for (size_t n = 0; n < 70; n += n < 36 ? 1 : 11) {                                                   \
            matrix ma = matrix_new(1, n, n), mb = matrix_new(1, n, n), mc = matrix_new(1, n, n);             \
            matrix md = matrix_new(1, n, n), my = matrix_new(1, n, n), mo = matrix_copy(my);                 \
            const real *a = ma.at, *b = mb.at, *c = mc.at, *d = md.at, *o = mo.at;                           \
            real *y = my.at;                                                                                 \
            call;                                                                                            \
            for (size_t i = 0; i < n; i++) EXPECT_NEAR(y[i], want, 8 * EPSILON * (1 + fabs((double)y[i])));  \
            EXPECT_MSG(margins_whole(my), "%s: wrote outside, n = %zu", #call, n);                           \
            (void)a, (void)b, (void)c, (void)d, (void)o;                                                     \
            free(ma.memory), free(mb.memory), free(mc.memory);                                               \
            free(md.memory), free(my.memory), free(mo.memory);                                               \
        }                                                                                                    \
    }
#define D(v) ((double)(v)[i])

TEST(elementwise_functions) {
    CHECK_VECTOR(ad_v_add(n, a, b, y), D(a) + D(b));
    CHECK_VECTOR(ad_v_sub(n, a, b, y), D(a) - D(b));
    CHECK_VECTOR(ad_v_mul(n, a, b, y), D(a) * D(b));
    CHECK_VECTOR(ad_v_div(n, a, b, y), D(a) / D(b));
    CHECK_VECTOR(ad_v_min(n, a, b, y), fmin(D(a), D(b)));
    CHECK_VECTOR(ad_v_max(n, a, b, y), fmax(D(a), D(b)));
    CHECK_VECTOR(ad_v_greater(n, a, b, y), (double)(D(a) > D(b)));
    CHECK_VECTOR(ad_v_mul_dtanh(n, a, b, y), D(a) * (1 - D(b) * D(b)));
    CHECK_VECTOR(ad_v_mul_drelu(n, a, b, y), D(b) > 0 ? D(a) : 0);
    CHECK_VECTOR(ad_v_mul_add(n, a, b, c, y), D(a) * D(b) + D(c));
    CHECK_VECTOR(ad_v_mul_add_mul(n, a, b, c, d, y), D(a) * D(b) + D(c) * D(d));
    CHECK_VECTOR(ad_v_where(n, a, b, c, y), D(a) != 0 ? D(b) : D(c));
    CHECK_VECTOR(ad_v_mul_dtanh_dot(n, a, b, c, d, y), D(a) * (1 - D(b) * D(b)) - 2 * D(b) * D(c) * D(d));
    CHECK_VECTOR(ad_v_scale(n, (real)0.3, a, y), (double)(real)0.3 * D(a));
    CHECK_VECTOR(ad_v_shift(n, (real)0.3, a, y), (double)(real)0.3 + D(a));
    CHECK_VECTOR(ad_v_axpy(n, (real)0.3, a, y), D(o) + (double)(real)0.3 * D(a));
    CHECK_VECTOR(ad_v_axpby(n, (real)0.3, a, (real)0.7, y),
                 (double)(real)0.7 * D(o) + (double)(real)0.3 * D(a));
    CHECK_VECTOR(ad_v_polyak(n, 0.25, a, y), 0.75 * D(o) + 0.25 * D(a));
    CHECK_VECTOR(ad_v_clip(n, (real)-0.25, (real)0.5, a, y), fmin(0.5, fmax(-0.25, D(a))));
    CHECK_VECTOR(ad_v_fill(n, (real)2.5, y), 2.5);
    CHECK_VECTOR(ad_memory_copy(n, a, y), D(a));
}

TEST(minimum_maximum_clip_relu_keep_nan) {
    FOR_EACH_ISA(isa) {
        real x[2] = {(real)NAN, 1}, z[2] = {1, (real)NAN}, y[2];
        ad_v_min(2, x, z, y);
        EXPECT(isnan(y[0]) && isnan(y[1]));
        ad_v_max(2, x, z, y);
        EXPECT(isnan(y[0]) && isnan(y[1]));
        ad_v_clip(2, 0, 2, x, y);
        EXPECT(isnan(y[0]) && y[1] == 1);
        ad_v_relu(2, x, y);
        EXPECT(isnan(y[0]) && y[1] == 1);
    }
}

TEST(broadcasts) {
    FOR_EACH_ISA(isa) {
        for (size_t m = 1; m < 6; m++)
            for (size_t n = 1; n < 40; n += 3) {
                matrix x = matrix_new(m, n, n), y = matrix_new(m, n, n), row = matrix_new(1, n, n),
                       col = matrix_new(1, m, m);
#define CHECK_BROADCAST(call, v, index, op)                                                                  \
    call(m, n, x.at, v.at, y.at);                                                                            \
    for (size_t i = 0; i < m; i++)                                                                           \
        for (size_t j = 0; j < n; j++) {                                                                     \
            double want = (double)x.at[i * n + j] op (double)v.at[index];                                    \
            EXPECT_NEAR(y.at[i * n + j], want, 2 * EPSILON * (1 + fabs(want)));                              \
        }                                                                                                    \
    EXPECT(margins_whole(y));
                CHECK_BROADCAST(ad_v_add_row, row, j, +)
                CHECK_BROADCAST(ad_v_sub_row, row, j, -)
                CHECK_BROADCAST(ad_v_mul_row, row, j, *)
                CHECK_BROADCAST(ad_v_div_row, row, j, /)
                CHECK_BROADCAST(ad_v_add_col, col, i, +)
                CHECK_BROADCAST(ad_v_sub_col, col, i, -)
                CHECK_BROADCAST(ad_v_mul_col, col, i, *)
                CHECK_BROADCAST(ad_v_div_col, col, i, /)
                free(x.memory), free(y.memory), free(row.memory), free(col.memory);
            }
    }
}

TEST(sums) {
    FOR_EACH_ISA(isa) {
        for (size_t n = 0; n < 600; n += n < 70 ? 1 : 53) {
            matrix x = matrix_new(1, n, n), y = matrix_new(1, n, n);
            long double sum = 0, dot = 0, squares = 0;
            double size = 1, largest = 0;
            for (size_t i = 0; i < n; i++) {
                sum += x.at[i];
                dot += (long double)x.at[i] * y.at[i];
                squares += (long double)x.at[i] * x.at[i];
                size += fabs((double)x.at[i]);
                largest = fmax(largest, (double)x.at[i]);
            }
            EXPECT_NEAR(ad_v_sum(n, x.at), sum, 10 * EPSILON * size);
            EXPECT_NEAR(ad_v_dot(n, x.at, y.at), dot, 10 * EPSILON * size);
            EXPECT_NEAR(ad_v_sum_squares(n, x.at), squares, 10 * EPSILON * size);
            EXPECT((double)ad_memory_read(n, x.at) >= largest);
            free(x.memory), free(y.memory);
        }
    }
}

TEST(sums_of_rows_and_columns) {
    FOR_EACH_ISA(isa) {
        for (size_t m = 0; m < 40; m += m < 5 ? 1 : 6)
            for (size_t n = 1; n < 150; n += n < 20 ? 1 : 13) {
                matrix x = matrix_new(m, n, n + 2), cols = matrix_new(1, n, n), rows = matrix_new(1, m, m);
                for (int accumulate = 0; accumulate < 2; accumulate++) {
                    matrix before = matrix_copy(cols);
                    ad_col_sums(m, n, x.at, x.ld, accumulate, cols.at);
                    for (size_t j = 0; j < n; j++) {
                        double sum = accumulate ? (double)before.at[j] : 0;
                        for (size_t i = 0; i < m; i++) sum += (double)x.at[i * x.ld + j];
                        EXPECT_NEAR(cols.at[j], sum, 40 * EPSILON);
                    }
                    free(before.memory);
                    before = matrix_copy(rows);
                    ad_row_sums(m, n, x.at, x.ld, accumulate, rows.at);
                    for (size_t i = 0; i < m; i++) {
                        double sum = accumulate ? (double)before.at[i] : 0;
                        for (size_t j = 0; j < n; j++) sum += (double)x.at[i * x.ld + j];
                        EXPECT_NEAR(rows.at[i], sum, 100 * EPSILON);
                    }
                    free(before.memory);
                }
                EXPECT(margins_whole(cols) && margins_whole(rows));
                free(x.memory), free(cols.memory), free(rows.memory);
            }
    }
}

TEST(transposition) {
    FOR_EACH_ISA(isa) {
        for (size_t m = 1; m < 60; m += m < 20 ? 1 : 7)
            for (size_t n = 1; n < 40; n += n < 20 ? 1 : 7) {
                matrix x = matrix_new(m, n, n), y = matrix_new(n, m, m);
                ad_transpose_to(m, n, x.at, y.at);
                for (size_t i = 0; i < m; i++)
                    for (size_t j = 0; j < n; j++) EXPECT(y.at[j * m + i] == x.at[i * n + j]);
                EXPECT(margins_whole(y));
                free(x.memory), free(y.memory);
            }
    }
}

/* Chosen bit for bit, by what is not 0. */
TEST(where_takes_what_the_mask_says) {
    FOR_EACH_ISA(isa) {
        const real m[6] = {1, 0, -0.0f, -2, (real)NAN, (real)1e-40}, a[6] = {1, (real)NAN, 3, 4, 5, 6};
        const real b[6] = {(real)NAN, 20, (real)INFINITY, 40, 50, 60};
        real y[6];
        ad_v_where(6, m, a, b, y);
        EXPECT(y[0] == 1 && y[1] == 20 && isinf(y[2]) && y[3] == 4 && y[4] == 5 && y[5] == 6);
    }
}

/* Down the columns of the transpose as along the rows. */
static void check_columns(void (*columns)(size_t, size_t, const real *, real *), matrix x, matrix want) {
    size_t m = x.rows, n = x.cols;
    matrix turned = matrix_new(n, m, m), y = matrix_new(n, m, m);
    ad_transpose_to(m, n, x.at, turned.at);
    columns(n, m, turned.at, y.at);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double found = (double)y.at[j * m + i], expected = (double)want.at[i * n + j];
            if (isinf(expected)) EXPECT(found == expected);
            else EXPECT_NEAR(found, expected, 20 * EPSILON * (1 + fabs(expected)));
        }
    EXPECT(margins_whole(y));
    columns(n, m, turned.at, turned.at);
    EXPECT(memcmp(turned.at, y.at, m * n * sizeof(real)) == 0);
    free(turned.memory), free(y.memory);
}

TEST(softmax_log_softmax_and_logsumexp) {
    FOR_EACH_ISA(isa) {
        for (size_t m = 1; m < 40; m += 7)
            for (size_t n = 1; n < 70; n += n < 20 ? 1 : 11) {
                matrix x = matrix_new(m, n, n), p = matrix_new(m, n, n), l = matrix_new(m, n, n);
                matrix s = matrix_new(1, m, m), turned = matrix_new(n, m, m), down = matrix_new(1, m, m);
                for (size_t i = 0; i < m * n; i++)
                    x.at[i] = x.at[i] * (real)(i % 3 ? 4 : 60) - (i / n % 2 ? 300 : 0);
                if (n > 1) x.at[1] = (real)-INFINITY;
                ad_v_softmax(m, n, x.at, p.at);
                ad_v_log_softmax(m, n, x.at, l.at);
                ad_v_logsumexp(m, n, x.at, s.at);
                ad_transpose_to(m, n, x.at, turned.at);
                ad_v_logsumexp_columns(n, m, turned.at, down.at);
                for (size_t i = 0; i < m; i++) {
                    double top = -INFINITY, sum = 0;
                    for (size_t j = 0; j < n; j++) top = fmax(top, (double)x.at[i * n + j]);
                    for (size_t j = 0; j < n; j++) sum += exp((double)x.at[i * n + j] - top);
                    EXPECT_NEAR(s.at[i], top + log(sum), 4 * EPSILON * (1 + fabs(top)));
                    EXPECT_NEAR(down.at[i], top + log(sum), 4 * EPSILON * (1 + fabs(top)));
                    for (size_t j = 0; j < n; j++) {
                        double want = (double)x.at[i * n + j] - top - log(sum);
                        EXPECT_NEAR(p.at[i * n + j], exp(want), 20 * EPSILON);
                        if (isinf(want)) EXPECT((double)l.at[i * n + j] == want);
                        else EXPECT_NEAR(l.at[i * n + j], want, 10 * EPSILON * (1 + fabs(want)));
                    }
                }
                EXPECT(margins_whole(p) && margins_whole(l) && margins_whole(s) && margins_whole(down));
                check_columns(ad_v_softmax_columns, x, p);
                check_columns(ad_v_log_softmax_columns, x, l);
                ad_v_softmax(m, n, x.at, x.at);
                EXPECT(memcmp(x.at, p.at, m * n * sizeof(real)) == 0);
                free(x.memory), free(p.memory), free(l.memory);
                free(s.memory), free(turned.memory), free(down.memory);
            }
    }
}

TEST(adam_step) {
    FOR_EACH_ISA(isa) {
        for (size_t n = 0; n < 40; n++) {
            matrix theta = matrix_new(1, n, n), u = matrix_new(1, n, n), v = matrix_new(1, n, n),
                   g = matrix_new(1, n, n);
            /* Parameters that never had a gradient, small ones, large ones. */
            static const double size[] = {1, 0, 1e-12, 1e12, 1};
            for (size_t i = 0; i < n; i++) {
                g.at[i] *= (real)size[i % COUNT(size)];
                u.at[i] *= (real)size[i % COUNT(size)];
                v.at[i] = (real)(fabs((double)v.at[i]) * size[i % COUNT(size)] * size[i % COUNT(size)]);
            }
            matrix t0 = matrix_copy(theta), u0 = matrix_copy(u), v0 = matrix_copy(v), target = matrix_copy(g);
            const ad_adam step = {0.01, 0.9, 0.999, 1e-3, 0.25};
            double squares = 0;
            real sum = ad_v_adam(n, theta.at, u.at, v.at, g.at, &step, n % 2 ? target.at : NULL);
            for (size_t i = 0; i < n; i++) {
                double wu = 0.9 * (double)u0.at[i] + 0.1 * (double)g.at[i];
                double wv = 0.999 * (double)v0.at[i] + 0.001 * (double)g.at[i] * (double)g.at[i];
                EXPECT_NEAR(u.at[i], wu, 4 * EPSILON * (1 + fabs((double)u0.at[i]) + fabs((double)g.at[i])));
                EXPECT_NEAR(v.at[i], wv, 4 * EPSILON * (1 + wv));
                EXPECT_NEAR(theta.at[i], (double)t0.at[i] - 0.01 * wu / (sqrt(wv) + 1e-3), 8 * EPSILON);
                double tau = n % 2 ? 0.25 : 0;
                double wanted = (1 - tau) * (double)g.at[i] + tau * (double)theta.at[i];
                EXPECT_NEAR(target.at[i], wanted, 4 * EPSILON * (1 + fabs(wanted)));
                squares += (double)g.at[i] * (double)g.at[i];
            }
            EXPECT_NEAR(sum, squares, 8 * EPSILON * squares);
            EXPECT(margins_whole(theta) && margins_whole(u) && margins_whole(v) && margins_whole(target));
            free(theta.memory), free(u.memory), free(v.memory), free(g.memory);
            free(t0.memory), free(u0.memory), free(v0.memory), free(target.memory);
        }
    }
}

/* What has no gradient any more comes to rest, and not among the denormal numbers. */
TEST(adam_moments_end_at_zero) {
    FOR_EACH_ISA(isa) {
        const ad_adam adam = {.rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
        real theta[20], u[20], v[20], g[20] = {0};
        for (size_t i = 0; i < 20; i++) theta[i] = 1, u[i] = (real)1e-30, v[i] = (real)1.01e-36;
        for (int step = 0; step < 200; step++) ad_v_adam(20, theta, u, v, g, &adam, NULL);
        for (size_t i = 0; i < 20; i++) EXPECT(theta[i] == 1 && u[i] == 0 && v[i] == 0);
        g[3] = (real)NAN;
        ad_v_adam(20, theta, u, v, g, &adam, NULL);
        EXPECT(isnan(theta[3]) && theta[4] == 1);
    }
}

TEST(variants_are_named_and_measured) {
    FOR_EACH_ISA(isa) {
        EXPECT_EQ(ad_kernels_isa(), isa);
        EXPECT(strlen(ad_kernels()->name) > 0);
        EXPECT(ad_peak_fma(10) > 0);
    }
}

TEST_MAIN(CASE(unary_functions_over_their_range), CASE(unary_functions_do_not_depend_on_the_place),
          CASE(elementwise_functions), CASE(minimum_maximum_clip_relu_keep_nan), CASE(broadcasts), CASE(sums),
          CASE(sums_of_rows_and_columns), CASE(transposition), CASE(where_takes_what_the_mask_says),
          CASE(softmax_log_softmax_and_logsumexp), CASE(adam_step), CASE(adam_moments_end_at_zero),
          CASE(variants_are_named_and_measured))
