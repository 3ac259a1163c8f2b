/* The same bits for any number of threads: of plans that walk in blocks, and of large products that are
 * shared out. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autograd/plan.h"
#include "base/random.h"
#include "tests/test.h"

#define WEIGHTS_MAX (64 * 256 + 256 * 256 + 1024)

typedef struct net {
    size_t in, width, rows;
    ad_act act;
} net;

/* Gradient and Hessian product of a two-layer net's squared error, into `out` [2 n]; returns n. */
static size_t second_order(const net *s, int threads, real *out) {
    size_t first = s->in * s->width, n = first + s->width * s->width;
    fm_rng rng = fm_rng_split(7, FM_RNG_TEST, s->rows, s->width);
    real *w = malloc(n * sizeof *w), *v = malloc(n * sizeof *v), *x = malloc(s->rows * s->in * sizeof *x);
    fm_rng_fill_uniform(&rng, w, n, -0.2, 0.2);
    fm_rng_fill_uniform(&rng, v, n, -1, 1);
    fm_rng_fill_uniform(&rng, x, s->rows * s->in, -1, 1);
    ad_tape *t = ad_tape_new();
    ad_var leaf[2] = {ad_leaf(t, s->in, s->width, w, "w0"), ad_leaf(t, s->width, s->width, w + first, "w1")},
           g[2];
    ad_var bias = ad_zeros(t, 1, s->width), input = ad_leaf(t, s->rows, s->in, x, "x");
    ad_var h = ad_affine(ad_affine(input, leaf[0], bias, s->act), leaf[1], bias, s->act);
    ad_var loss = ad_mean(ad_square(h));
    ad_grad(loss, leaf, 2, g);
    ad_output wanted[2] = {{g[0], out}, {g[1], out + first}};
    ad_plan *plan = ad_plan_make(NULL, 0, wanted, 2);
    ad_product *hessian = ad_hessian(loss, leaf, 2, v, out + n);
    memset(out, 0, 2 * n * sizeof *out);
    ad_set_threads(threads);
    ad_replay(plan);
    ad_linearise(hessian);
    ad_apply(hessian);
    ad_set_threads(1);
    ad_tape_free(t);
    free(w);
    free(v);
    free(x);
    return n;
}

static bool same_bits(const net *s, int threads) {
    real *one = malloc(2 * WEIGHTS_MAX * sizeof *one), *many = malloc(2 * WEIGHTS_MAX * sizeof *many);
    size_t n = second_order(s, 1, one);
    second_order(s, threads, many);
    bool same = memcmp(one, many, 2 * n * sizeof *one) == 0 && one[0] != 0 && one[2 * n - 1] != 0;
    free(one);
    free(many);
    return same;
}

TEST(threads_give_the_same_bits) {
    static const net NETS[] = {{17, 64, 4000, AD_TANH}, {7, 20, 1500, AD_RELU},  {23, 256, 100, AD_RELU},
                               {23, 256, 300, AD_TANH}, {64, 192, 700, AD_TANH}, {5, 3, 10, AD_TANH}};
    for (size_t k = 0; k < sizeof NETS / sizeof *NETS; k++)
        for (int threads = 2; threads <= 5; threads++)
            EXPECT_MSG(same_bits(&NETS[k], threads), "net %zu with %d threads", k, threads);
}

/* A child has none of its parent's threads and starts its own. */
TEST(threads_work_after_a_fork) {
    static const net NET = {17, 64, 2000, AD_TANH};
    EXPECT(same_bits(&NET, 2));
    pid_t child = fork();
    if (child == 0) _exit(same_bits(&NET, 2) ? 0 : 1);
    int status;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_MAIN(CASE(threads_give_the_same_bits), CASE(threads_work_after_a_fork))
