/* Kernels of every instruction set that this machine has, against plain loops in double and against libm. */
#include "autograd/kernels/kernels.h"

#include <float.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "tests/test.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define FOR_EACH_ISA(isa)                                                                                    \
    for (ad_isa isa = AD_ISA_PORTABLE; isa <= AD_ISA_AVX512; isa++)                                          \
        if (ad_kernels_of(isa) != NULL && (ad_kernels_use(isa), true))

static uint64_t seed = 1;

static real uniform(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (real)((double)(seed >> 40) / (double)(1 << 24) * 2 - 1);
}

/* A matrix inside poisoned memory: NaN before, after and between the rows. */
typedef struct matrix {
    size_t rows, cols, ld;
    real *memory, *at;
} matrix;

enum { MARGIN = 37 };

static matrix matrix_new(size_t rows, size_t cols, size_t ld) {
    matrix a = {rows, cols, ld, NULL, NULL};
    size_t total = rows * ld + 2 * MARGIN;
    a.memory = malloc(total * sizeof(real));
    FM_CHECK(a.memory != NULL, "out of memory");
    for (size_t i = 0; i < total; i++) a.memory[i] = (real)NAN;
    a.at = a.memory + MARGIN;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) a.at[i * ld + j] = uniform();
    return a;
}

/* One that is only read: its memory ends with its last entry, so that the address sanitizer sees a read
 * beyond it. */
static matrix matrix_input(size_t rows, size_t cols, size_t ld) {
    matrix a = {rows, cols, ld, NULL, NULL};
    const size_t total = rows == 0 ? 0 : (rows - 1) * ld + cols;
    a.memory = a.at = malloc((total + (total == 0)) * sizeof(real));
    FM_CHECK(a.memory != NULL, "out of memory");
    for (size_t i = 0; i < total; i++) a.at[i] = i % ld < cols ? uniform() : (real)NAN;
    return a;
}

static matrix matrix_copy(matrix a) {
    matrix b = matrix_new(a.rows, a.cols, a.ld);
    memcpy(b.memory, a.memory, (a.rows * a.ld + 2 * MARGIN) * sizeof(real));
    return b;
}

/* True when everything but the entries is still poison. */
static bool margins_whole(matrix a) {
    for (size_t i = 0; i < a.rows * a.ld + 2 * MARGIN; i++) {
        size_t p = i - MARGIN;
        bool inside = i >= MARGIN && p < a.rows * a.ld && p % a.ld < a.cols;
        if (!inside && !isnan(a.memory[i])) return false;
    }
    return true;
}

static const double EPSILON = sizeof(real) == 4 ? FLT_EPSILON : DBL_EPSILON;

typedef struct product {
    bool ta, tb, accumulate;
    size_t terms, more, m, n, k, gap;
    ad_bias bias;
} product;

enum { TERMS_MAX = 6 };

/* The largest error in units of the rounding of its own sum. */
static double gemm_error(product p, const matrix *a, const matrix *b, matrix before, matrix c) {
    double worst = 0;
    for (size_t i = 0; i < p.m; i++)
        for (size_t j = 0; j < p.n; j++) {
            double sum = p.accumulate ? before.at[i * c.ld + j] : 0, size = fabs(sum);
            for (size_t t = 0; t < p.terms; t++)
                for (size_t q = 0; q < p.k + t * p.more; q++) {
                    double x = p.ta ? a[t].at[q * a[t].ld + i] : a[t].at[i * a[t].ld + q];
                    double y = p.tb ? b[t].at[j * b[t].ld + q] : b[t].at[q * b[t].ld + j];
                    sum += x * y;
                    size += fabs(x * y);
                }
            double bias = p.bias.b != NULL ? (double)p.bias.b[p.bias.by_rows ? i : j] : 0;
            sum += bias, size += fabs(bias);
            double total = (double)(p.k * p.terms + p.more * p.terms * p.terms);
            double unit = (size + 1) * EPSILON * (4 + sqrt(total));
            double error = fabs(sum - (double)c.at[i * c.ld + j]) / unit;
            if (!(error <= worst)) worst = isnan(error) ? INFINITY : error;
        }
    return worst;
}

static void check_gemm(product p) {
    matrix a[TERMS_MAX], b[TERMS_MAX];
    ad_term term[TERMS_MAX] = {{0}};
    for (size_t t = 0; t < p.terms; t++) {
        const size_t k = p.k + t * p.more, gap = p.gap + (t % 2) * p.more;
        a[t] = matrix_input(p.ta ? k : p.m, p.ta ? p.m : k, (p.ta ? p.m : k) + gap);
        b[t] = matrix_input(p.tb ? p.n : k, p.tb ? k : p.n, (p.tb ? k : p.n) + gap);
        term[t] = (ad_term){a[t].at, a[t].ld, b[t].at, b[t].ld, k};
    }
    matrix c = matrix_new(p.m, p.n, p.n + p.gap), before = matrix_copy(c), again = matrix_copy(c);
    if (!p.accumulate)
        for (size_t i = 0; i < p.m; i++)
            for (size_t j = 0; j < p.n; j++) c.at[i * c.ld + j] = again.at[i * c.ld + j] = (real)NAN;
    ad_gemm_sum(p.ta, p.tb, p.m, p.n, p.terms, term, p.accumulate, c.at, c.ld, p.bias);
    if (p.terms == 1 && !p.bias.by_rows)
        ad_gemm(p.ta, p.tb, p.m, p.n, p.k, a[0].at, a[0].ld, b[0].at, b[0].ld, p.accumulate, again.at, c.ld,
                p.bias.b);
    else ad_gemm_sum(p.ta, p.tb, p.m, p.n, p.terms, term, p.accumulate, again.at, c.ld, p.bias);
    double error = gemm_error(p, a, b, before, c);
    EXPECT_MSG(error < 1,
               "%s %c%c %zu x %zu x %zu, %zu terms, gap %zu, accumulate %d, bias by rows %d: error %g",
               ad_kernels()->name, p.ta ? 't' : 'n', p.tb ? 't' : 'n', p.m, p.n, p.k, p.terms, p.gap,
               p.accumulate, p.bias.by_rows, error);
    EXPECT_MSG(margins_whole(c), "%s %c%c %zu x %zu x %zu gap %zu: wrote outside", ad_kernels()->name,
               p.ta ? 't' : 'n', p.tb ? 't' : 'n', p.m, p.n, p.k, p.gap);
    EXPECT(memcmp(c.memory, again.memory, (c.rows * c.ld + 2 * MARGIN) * sizeof(real)) == 0);
    for (size_t t = 0; t < p.terms; t++) free(a[t].memory), free(b[t].memory);
    free(c.memory), free(before.memory), free(again.memory);
}

/* Every transposition, accumulated or not, gaps between the rows or not. Of several terms, each has `more`
 * summands than the one before. */
static void check_sum(size_t terms, size_t more, size_t m, size_t n, size_t k, ad_bias bias) {
    for (int kind = 0; kind < 16; kind++) {
        if (bias.b != NULL && (kind & 8)) continue;
        check_gemm((product){kind & 1, kind & 2, kind & 4, terms, more, m, n, k, kind & 8 ? 5 : 0, bias});
    }
}

static void check_shape(size_t m, size_t n, size_t k) { check_sum(1, 0, m, n, k, (ad_bias){0}); }

TEST(gemm_small_shapes) {
    FOR_EACH_ISA(isa) {
        for (size_t m = 1; m <= 9; m++)
            for (size_t n = 1; n <= 9; n++)
                for (size_t k = 0; k <= 9; k += 1 + (m + n) % 3) check_shape(m, n, k);
    }
}

TEST(gemm_edges_of_tiles) {
    static const size_t sizes[] = {1,  3,  4,  5,  7,  8,  12, 13, 15, 16, 17, 20,
                                   23, 24, 31, 32, 33, 47, 48, 49, 64, 65, 81};
    FOR_EACH_ISA(isa) {
        for (size_t i = 0; i < COUNT(sizes); i++)
            for (size_t j = 0; j < COUNT(sizes); j++)
                check_shape(sizes[i], sizes[j], sizes[(5 * i + 3 * j) % COUNT(sizes)]);
    }
}

TEST(gemm_thin_and_long) {
    static const size_t shapes[][3] = {{1, 1, 300},    {1, 300, 1},   {300, 1, 1},   {300, 1, 32},
                                       {1, 65, 257},   {2, 129, 64},  {64, 2, 257},  {256, 1, 256},
                                       {513, 20, 20},  {20, 20, 513}, {17, 64, 600}, {100, 33, 257},
                                       {5, 300, 40},   {521, 7, 17},  {64, 64, 255}, {3, 4, 1500},
                                       {1009, 23, 16}, {28, 80, 256}, {19, 21, 700}};
    FOR_EACH_ISA(isa) {
        for (size_t i = 0; i < COUNT(shapes); i++)
            check_shape(shapes[i][0], shapes[i][1], shapes[i][2]);
    }
}

TEST(gemm_bias) {
    static const size_t shapes[][3] = {{1, 1, 1},   {4, 1, 40},  {7, 20, 20},  {33, 17, 5},
                                       {1, 64, 64}, {50, 1, 64}, {3, 70, 90},  {30, 33, 300},
                                       {2, 3, 100}, {64, 20, 0}, {15, 7, 256}, {40, 23, 12},
                                       {20, 97, 7}, {3, 64, 20}, {600, 8, 20}};
    FOR_EACH_ISA(isa) {
        for (size_t i = 0; i < COUNT(shapes); i++)
            for (int by_rows = 0; by_rows < 2; by_rows++) {
                matrix b = matrix_new(1, shapes[i][!by_rows], shapes[i][!by_rows]);
                const ad_bias bias = {b.at, by_rows};
                check_sum(1, 0, shapes[i][0], shapes[i][1], shapes[i][2], bias);
                check_sum(2, 3, shapes[i][0], shapes[i][1], shapes[i][2], bias);
                free(b.memory);
            }
    }
}

/* More terms than one pass takes, none, empty ones, panels that end inside a term or between two. */
TEST(gemm_sums_of_terms) {
    static const size_t shapes[][3] = {{1, 1, 1},     {1, 33, 5},   {50, 1, 20},  {20, 1, 512}, {40, 20, 20},
                                       {20, 20, 40},  {7, 20, 60},  {64, 20, 1},  {17, 17, 17}, {64, 32, 64},
                                       {33, 64, 128}, {9, 70, 100}, {30, 5, 256}, {3, 40, 300}, {48, 3, 0}};
    FOR_EACH_ISA(isa) {
        for (size_t i = 0; i < COUNT(shapes); i++)
            for (size_t terms = 0; terms <= TERMS_MAX; terms += terms < 3 ? 1 : 3)
                check_sum(terms, terms == 6 ? 0 : 7, shapes[i][0], shapes[i][1], shapes[i][2],
                          (ad_bias){0});
    }
}

/* The same numbers at another address give the same bits. */
TEST(gemm_does_not_depend_on_alignment) {
    enum { M = 37, N = 23, K = 41 };
    static real a[M * K + 16], b[K * N + 16], c[2][M * N + 16];
    FOR_EACH_ISA(isa) {
        for (size_t shift = 0; shift < 2; shift++) {
            seed = 7;
            for (size_t i = 0; i < M * K; i++) a[i + 3 * shift] = uniform();
            for (size_t i = 0; i < K * N; i++) b[i + 5 * shift] = uniform();
            ad_gemm(false, false, M, N, K, a + 3 * shift, K, b + 5 * shift, N, false, c[shift] + 7 * shift, N,
                    NULL);
        }
        EXPECT(memcmp(c[0], c[1] + 7, M * N * sizeof(real)) == 0);
    }
}

/* ---- vector functions ---- */

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
    static real x[N], y[N];
    double worst = 0;
    const double specials[] = {0.0,       -0.0,       INFINITY, -INFINITY, NAN, 0x1p-126, -0x1p-126, 0x1p-149,
                               -0x1p-149, 0x1.8p-140, FLT_MAX,  -FLT_MAX,  1,   -1,       88.722839, 88.72284,
                               -87.3,     -103.2,     -103.97,  -104,      20,  0.625};
    for (int round = 0; round < 64; round++) {
        for (size_t i = 0; i < N; i++) {
            double power = -130 + 258 * (double)((size_t)round * N + i) / (64.0 * N), v = exp2(power);
            if (round % 2) v = 110 * fabs((double)uniform());
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
            {"softplus", t->softplus, exact_softplus, 3}, {"sqrt", t->sqrt, sqrt, 0.51},
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
        const unary functions[] = {t->tanh, t->exp, t->log, t->sigmoid, t->softplus, t->sqrt};
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

TEST(elementwise_functions){
    CHECK_VECTOR(ad_v_add(n, a, b, y), D(a) + D(b)) CHECK_VECTOR(ad_v_sub(n, a, b, y), D(a) - D(b))
        CHECK_VECTOR(ad_v_mul(n, a, b, y), D(a) * D(b)) CHECK_VECTOR(ad_v_div(n, a, b, y), D(a) / D(b))
            CHECK_VECTOR(ad_v_min(n, a, b, y), fmin(D(a), D(b))) CHECK_VECTOR(ad_v_max(n, a, b, y),
                                                                              fmax(D(a), D(b)))
                CHECK_VECTOR(ad_v_greater(n, a, b, y), (double)(D(a) > D(b))) CHECK_VECTOR(
                    ad_v_mul_dtanh(n, a, b, y),
                    D(a) * (1 - D(b) * D(b))) CHECK_VECTOR(ad_v_mul_drelu(n, a, b, y), D(b) > 0 ? D(a) : 0)
                    CHECK_VECTOR(ad_v_mul_add(n, a, b, c, y), D(a) * D(b) + D(c))
                        CHECK_VECTOR(ad_v_mul_add_mul(n, a, b, c, d, y), D(a) * D(b) + D(c) * D(d))
                            CHECK_VECTOR(ad_v_mul_dtanh_dot(n, a, b, c, d, y),
                                         D(a) * (1 - D(b) * D(b)) - 2 * D(b) * D(c) * D(d))
                                CHECK_VECTOR(ad_v_scale(n, (real)0.3, a, y), (double)(real)0.3 * D(a))
                                    CHECK_VECTOR(ad_v_shift(n, (real)0.3, a, y), (double)(real)0.3 + D(a))
                                        CHECK_VECTOR(ad_v_axpy(n, (real)0.3, a, y),
                                                     D(o) + (double)(real)0.3 * D(a))
                                            CHECK_VECTOR(ad_v_axpby(n, (real)0.3, a, (real)0.7, y),
                                                         (double)(real)0.7 * D(o) + (double)(real)0.3 * D(a))
                                                CHECK_VECTOR(ad_v_polyak(n, 0.25, a, y),
                                                             0.75 * D(o) + 0.25 * D(a))
                                                    CHECK_VECTOR(ad_v_clip(n, (real)-0.25, (real)0.5, a, y),
                                                                 fmin(0.5, fmax(-0.25, D(a))))
                                                        CHECK_VECTOR(ad_v_fill(n, (real)2.5, y), 2.5)
                                                            CHECK_VECTOR(ad_memory_copy(n, a, y), D(a))}

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

TEST(softmax_and_log_softmax) {
    FOR_EACH_ISA(isa) {
        for (size_t m = 1; m < 40; m += 7)
            for (size_t n = 1; n < 70; n += n < 20 ? 1 : 11) {
                matrix x = matrix_new(m, n, n), p = matrix_new(m, n, n), l = matrix_new(m, n, n);
                for (size_t i = 0; i < m * n; i++)
                    x.at[i] = x.at[i] * (real)(i % 3 ? 4 : 60) - (i / n % 2 ? 300 : 0);
                if (n > 1) x.at[1] = (real)-INFINITY;
                ad_v_softmax(m, n, x.at, p.at);
                ad_v_log_softmax(m, n, x.at, l.at);
                for (size_t i = 0; i < m; i++) {
                    double top = -INFINITY, sum = 0;
                    for (size_t j = 0; j < n; j++) top = fmax(top, (double)x.at[i * n + j]);
                    for (size_t j = 0; j < n; j++) sum += exp((double)x.at[i * n + j] - top);
                    for (size_t j = 0; j < n; j++) {
                        double want = (double)x.at[i * n + j] - top - log(sum);
                        EXPECT_NEAR(p.at[i * n + j], exp(want), 20 * EPSILON);
                        if (isinf(want)) EXPECT((double)l.at[i * n + j] == want);
                        else EXPECT_NEAR(l.at[i * n + j], want, 10 * EPSILON * (1 + fabs(want)));
                    }
                }
                EXPECT(margins_whole(p) && margins_whole(l));
                check_columns(ad_v_softmax_columns, x, p);
                check_columns(ad_v_log_softmax_columns, x, l);
                ad_v_softmax(m, n, x.at, x.at);
                EXPECT(memcmp(x.at, p.at, m * n * sizeof(real)) == 0);
                free(x.memory), free(p.memory), free(l.memory);
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
            matrix t0 = matrix_copy(theta), u0 = matrix_copy(u), v0 = matrix_copy(v);
            ad_v_adam(n, theta.at, u.at, v.at, g.at, 0.01, 0.9, 0.999, 1e-3);
            for (size_t i = 0; i < n; i++) {
                double wu = 0.9 * (double)u0.at[i] + 0.1 * (double)g.at[i];
                double wv = 0.999 * (double)v0.at[i] + 0.001 * (double)g.at[i] * (double)g.at[i];
                EXPECT_NEAR(u.at[i], wu, 4 * EPSILON * (1 + fabs((double)u0.at[i]) + fabs((double)g.at[i])));
                EXPECT_NEAR(v.at[i], wv, 4 * EPSILON * (1 + wv));
                EXPECT_NEAR(theta.at[i], (double)t0.at[i] - 0.01 * wu / (sqrt(wv) + 1e-3), 8 * EPSILON);
            }
            EXPECT(margins_whole(theta) && margins_whole(u) && margins_whole(v));
            free(theta.memory), free(u.memory), free(v.memory), free(g.memory);
            free(t0.memory), free(u0.memory), free(v0.memory);
        }
    }
}

/* What has no gradient any more comes to rest, and not among the denormal numbers. */
TEST(adam_moments_end_at_zero) {
    FOR_EACH_ISA(isa) {
        real theta[20], u[20], v[20], g[20] = {0};
        for (size_t i = 0; i < 20; i++) theta[i] = 1, u[i] = (real)1e-30, v[i] = (real)1.01e-36;
        for (int step = 0; step < 200; step++) ad_v_adam(20, theta, u, v, g, 0.01, 0.9, 0.999, 1e-8);
        for (size_t i = 0; i < 20; i++) EXPECT(theta[i] == 1 && u[i] == 0 && v[i] == 0);
        g[3] = (real)NAN;
        ad_v_adam(20, theta, u, v, g, 0.01, 0.9, 0.999, 1e-8);
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

TEST_MAIN(CASE(gemm_small_shapes), CASE(gemm_edges_of_tiles), CASE(gemm_thin_and_long), CASE(gemm_bias),
          CASE(gemm_sums_of_terms), CASE(gemm_does_not_depend_on_alignment),
          CASE(unary_functions_over_their_range), CASE(unary_functions_do_not_depend_on_the_place),
          CASE(elementwise_functions), CASE(minimum_maximum_clip_relu_keep_nan), CASE(broadcasts), CASE(sums),
          CASE(sums_of_rows_and_columns), CASE(transposition), CASE(softmax_and_log_softmax), CASE(adam_step),
          CASE(adam_moments_end_at_zero), CASE(variants_are_named_and_measured))
