/* Matrix products of every instruction set that this machine has, against plain loops in double. */
#include "autograd/kernels/kernels.h"

#include "tests/kernel_matrix.h"

typedef struct product {
    bool ta, tb, accumulate;
    size_t terms, more, m, n, k, gap;
    ad_bias bias;
    bool relu, masked;
} product;

enum { TERMS_MAX = 6 };

/* The largest error in units of the rounding of its own sum. */
static double gemm_error(product p, const matrix *a, const matrix *b, matrix before, matrix mask, matrix c) {
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
            if (p.relu) sum = fmax(0, sum);
            if (p.masked && !(mask.at[i * c.ld + j] > 0)) sum = 0;
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
    matrix mask = matrix_new(p.m, p.n, p.n + p.gap);
    const ad_finish finish = {p.relu, p.masked ? mask.at : NULL};
    if (!p.accumulate)
        for (size_t i = 0; i < p.m; i++)
            for (size_t j = 0; j < p.n; j++) c.at[i * c.ld + j] = again.at[i * c.ld + j] = (real)NAN;
    ad_gemm_sum(p.ta, p.tb, p.m, p.n, p.terms, term, p.accumulate, c.at, c.ld, p.bias, finish);
    if (p.terms == 1 && !p.bias.by_rows && !p.relu && !p.masked)
        ad_gemm(p.ta, p.tb, p.m, p.n, p.k, a[0].at, a[0].ld, b[0].at, b[0].ld, p.accumulate, again.at, c.ld,
                p.bias.b);
    else
        ad_gemm_sum(p.ta, p.tb, p.m, p.n, p.terms, term, p.accumulate, again.at, c.ld, p.bias, finish);
    double error = gemm_error(p, a, b, before, mask, c);
    EXPECT_MSG(
        error < 1,
        "%s %c%c %zu x %zu x %zu, %zu terms, gap %zu, accumulate %d, bias by rows %d, relu %d, masked %d: "
        "error %g",
        ad_kernels()->name, p.ta ? 't' : 'n', p.tb ? 't' : 'n', p.m, p.n, p.k, p.terms, p.gap, p.accumulate,
        p.bias.by_rows, p.relu, p.masked, error);
    EXPECT_MSG(margins_whole(c), "%s %c%c %zu x %zu x %zu gap %zu: wrote outside", ad_kernels()->name,
               p.ta ? 't' : 'n', p.tb ? 't' : 'n', p.m, p.n, p.k, p.gap);
    EXPECT(memcmp(c.memory, again.memory, (c.rows * c.ld + 2 * MARGIN) * sizeof(real)) == 0);
    for (size_t t = 0; t < p.terms; t++) free(a[t].memory), free(b[t].memory);
    free(c.memory), free(before.memory), free(again.memory), free(mask.memory);
}

/* Every transposition, accumulated or not, gaps between the rows or not. Of several terms, each has `more`
 * summands than the one before. */
static void check_sum(size_t terms, size_t more, size_t m, size_t n, size_t k, ad_bias bias) {
    for (int kind = 0; kind < 16; kind++) {
        if (bias.b != NULL && (kind & 8)) continue;
        check_gemm((product){.ta = kind & 1,
                             .tb = kind & 2,
                             .accumulate = kind & 4,
                             .terms = terms,
                             .more = more,
                             .m = m,
                             .n = n,
                             .k = k,
                             .gap = kind & 8 ? 5 : 0,
                             .bias = bias});
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
                                       {1009, 23, 16}, {28, 80, 256}, {19, 21, 700},
                                       {310, 70, 65}};
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
                                       {33, 64, 128}, {9, 70, 100}, {30, 5, 256}, {3, 40, 300}, {48, 3, 0},
                                       {40, 150, 90}, {12, 70, 530}};
    FOR_EACH_ISA(isa) {
        for (size_t i = 0; i < COUNT(shapes); i++)
            for (size_t terms = 0; terms <= TERMS_MAX; terms += terms < 3 ? 1 : 3)
                check_sum(terms, terms == 6 ? 0 : 7, shapes[i][0], shapes[i][1], shapes[i][2],
                          (ad_bias){0});
    }
}

/* Finished once, when all terms and all of k are in: by tiles, by dot products, in several panels. */
TEST(gemm_finishes) {
    static const size_t shapes[][3] = {{1, 1, 1},    {50, 1, 64},  {1, 64, 64},  {7, 20, 20}, {33, 17, 5},
                                       {3, 70, 300}, {600, 8, 20}, {15, 7, 256}, {29, 40, 0}, {29, 33, 270}};
    FOR_EACH_ISA(isa) {
        for (size_t i = 0; i < COUNT(shapes); i++)
            for (int kind = 0; kind < 16; kind++) {
                matrix b = matrix_new(1, shapes[i][1], shapes[i][1]);
                check_gemm((product){.ta = kind & 1,
                                     .tb = kind & 2,
                                     .accumulate = i % 2,
                                     .terms = i % 2 ? TERMS_MAX : 2,
                                     .m = shapes[i][0],
                                     .n = shapes[i][1],
                                     .k = shapes[i][2],
                                     .gap = kind & 1 ? 5 : 0,
                                     .bias = {kind & 2 ? b.at : NULL, false},
                                     .relu = kind & 4,
                                     .masked = kind & 8});
                free(b.memory);
            }
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

TEST_MAIN(CASE(gemm_small_shapes), CASE(gemm_edges_of_tiles), CASE(gemm_thin_and_long), CASE(gemm_bias),
          CASE(gemm_sums_of_terms), CASE(gemm_finishes), CASE(gemm_does_not_depend_on_alignment))
