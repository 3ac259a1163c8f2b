/* watch.c: the matrix products within whole updates: group products.
 *
 * The cases are those of group update, and so are their limits; but only the time within products counts.
 * So the share of update says how near a whole update comes to its arithmetic, and that of products how near
 * its products do, without the rest (Adam, the minibatch, noise, vectors of conjugate gradient). */
#include "autograd/kernels/kernels.h"
#include "benchmarks/bench.h"
#include "training/loop.h"

static const ad_kernel_table *own;
static _Thread_local double spent;

static void watched(bool trans_a, bool trans_b, size_t m, size_t n, size_t terms, const ad_term *term,
                    bool accumulate, real *c, size_t ldc, ad_bias bias, ad_finish finish) {
    double start = loop_clock();
    own->gemm_sum(trans_a, trans_b, m, n, terms, term, accumulate, c, ldc, bias, finish);
    spent += loop_clock() - start;
}

static double spent_in_products(void) { return spent; }

void bench_group_products(bench *b) {
    own = ad_kernels();
    ad_kernel_table table = *own;
    table.gemm_sum = watched;
    ad_kernels_replace(&table);
    b->clock = spent_in_products;
    bench_group_update(b);
    b->clock = loop_clock;
    ad_kernels_replace(own);
}
