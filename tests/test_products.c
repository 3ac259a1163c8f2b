/* Products of plans: Gauss-Newton against dense matrices; several products linearised together. */
#include "autograd/plan.h"

#include "base/random.h"
#include "tests/test.h"

static const bool DOUBLE = sizeof(real) == 8;

enum {
    ROWS = 150,
    IN = 3,
    HIDDEN = 5,
    OUT = 2,
    W0 = 0,
    B0 = IN * HIDDEN,
    W1 = B0 + HIDDEN + 1,
    B1 = W1 + HIDDEN * OUT,
    N = B1 + OUT
}; /* one gap, before W1 */

/* A tanh net, and the sum over rows of log-sum-exp(y) - y[0], which is convex in its outputs y. */
typedef struct net {
    real theta[N], x_data[ROWS * IN], v[N], product[N], mixed[IN];
    real shift[IN]; /* of the inputs: another group of leaves */
    ad_tape *t;
    ad_var w[4], s, y, loss;
} net;

static void draw(net *m, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 3, 0);
    fm_rng_fill_uniform(&rng, m->theta, N, -0.7, 0.7);
    fm_rng_fill_normal(&rng, m->x_data, ROWS * IN);
    fm_rng_fill_normal(&rng, m->shift, IN);
    fm_rng_fill_normal(&rng, m->v, N);
    m->theta[W1 - 1] = m->v[W1 - 1] = 0;
}

static void open_net(net *m, ad_act act) {
    draw(m, 1);
    m->t = ad_tape_new();
    m->w[0] = ad_leaf(m->t, IN, HIDDEN, m->theta + W0, "w0");
    m->w[1] = ad_leaf(m->t, 1, HIDDEN, m->theta + B0, "b0");
    m->w[2] = ad_leaf(m->t, HIDDEN, OUT, m->theta + W1, "w1");
    m->w[3] = ad_leaf(m->t, 1, OUT, m->theta + B1, "b1");
    m->s = ad_leaf(m->t, 1, IN, m->shift, "shift");
    ad_var x = ad_add(ad_leaf(m->t, ROWS, IN, m->x_data, "x"), m->s);
    m->y = ad_affine(ad_affine(x, m->w[0], m->w[1], act), m->w[2], m->w[3], AD_IDENTITY);
    m->loss = ad_sum(ad_sub(ad_logsumexp(m->y), ad_slice_cols(m->y, 0, 1)));
}

/* J^T C J v in double: J v by the chain rule, C = diag(p) - p p^T of each row. */
static void dense_product(const net *m, double *out) {
    memset(out, 0, N * sizeof *out);
    for (int r = 0; r < ROWS; r++) {
        double x[IN], h[HIDDEN], dh[HIDDEN], y[OUT] = {0}, dy[OUT], p[OUT], total = 0, mean = 0;
        for (int i = 0; i < IN; i++) x[i] = (double)m->x_data[r * IN + i] + (double)m->shift[i];
        for (int j = 0; j < HIDDEN; j++) {
            double z = (double)m->theta[B0 + j], dz = (double)m->v[B0 + j];
            for (int i = 0; i < IN; i++) {
                z += x[i] * (double)m->theta[W0 + i * HIDDEN + j];
                dz += x[i] * (double)m->v[W0 + i * HIDDEN + j];
            }
            h[j] = tanh(z);
            dh[j] = (1 - h[j] * h[j]) * dz;
        }
        for (int k = 0; k < OUT; k++) {
            y[k] = (double)m->theta[B1 + k];
            dy[k] = (double)m->v[B1 + k];
            for (int j = 0; j < HIDDEN; j++) {
                y[k] += h[j] * (double)m->theta[W1 + j * OUT + k];
                dy[k] += h[j] * (double)m->v[W1 + j * OUT + k] + dh[j] * (double)m->theta[W1 + j * OUT + k];
            }
            total += p[k] = exp(y[k]);
        }
        for (int k = 0; k < OUT; k++) mean += (p[k] /= total) * dy[k];
        for (int k = 0; k < OUT; k++) {
            double seed = p[k] * (dy[k] - mean);
            out[B1 + k] += seed;
            for (int j = 0; j < HIDDEN; j++) {
                double back = seed * (double)m->theta[W1 + j * OUT + k] * (1 - h[j] * h[j]);
                out[W1 + j * OUT + k] += seed * h[j];
                out[B0 + j] += back;
                for (int i = 0; i < IN; i++) out[W0 + i * HIDDEN + j] += back * x[i];
            }
        }
    }
}

TEST(gauss_newton_equals_the_dense_matrix) {
    static net m;
    double want[N];
    open_net(&m, AD_TANH);
    ad_product *g = ad_gauss_newton(m.loss, &m.y, 1, m.w, 4, m.v, m.product);
    for (uint64_t seed = 1; seed < 4; seed++) {
        draw(&m, seed);
        ad_linearise(g);
        ad_apply(g);
        dense_product(&m, want);
        for (int i = 0; i < N; i++)
            EXPECT_NEAR(m.product[i], want[i], (DOUBLE ? 1e-10 : 3e-5) * (1 + fabs(want[i])));
    }
    ad_tape_free(m.t);
}

/* With outputs that are linear in x it is the Hessian; around them, ways to the loss do not count. */
TEST(gauss_newton_of_linear_outputs_is_the_hessian) {
    static net m;
    real hv[N];
    open_net(&m, AD_IDENTITY);
    ad_product *g = ad_gauss_newton(m.loss, &m.y, 1, m.w + 2, 2, m.v + W1, m.product + W1);
    ad_product *h = ad_hessian(m.loss, m.w + 2, 2, m.v + W1, hv + W1);
    ad_apply(g);
    ad_apply(h);
    for (int i = W1; i < N; i++) EXPECT_NEAR(m.product[i], hv[i], 2e-4 * (1 + fabs((double)hv[i])));
    EXPECT(fabs((double)hv[B1]) > 1);
    ad_var around = ad_add(m.loss, ad_sum(ad_square(m.w[3])));
    real other[N];
    ad_product *same = ad_gauss_newton(around, &m.y, 1, m.w + 2, 2, m.v + W1, other + W1);
    ad_apply(same);
    for (int i = W1; i < N; i++) EXPECT_NEAR(m.product[i], other[i], 1e-5 * (1 + fabs((double)hv[i])));
    ad_tape_free(m.t);
}

/* A loss linear in the outputs bends nothing. */
TEST(gauss_newton_of_a_linear_loss_is_zero) {
    static net m;
    open_net(&m, AD_TANH);
    for (int i = 0; i < N; i++) m.product[i] = 9;
    ad_product *g = ad_gauss_newton(ad_mean(m.y), &m.y, 1, m.w, 4, m.v, m.product);
    ad_apply(g);
    for (int i = 0; i < N; i++) EXPECT(m.product[i] == 0);
    ad_tape_free(m.t);
}

/* One plan for losses, gradients and two products gives the bits of separate ones, from fewer evaluations. */
TEST(one_plan_linearises_several_products) {
    static net m;
    static real hv[N], alone[N + IN], gradient[N], wanted[N];
    open_net(&m, AD_TANH);
    ad_var g[4];
    ad_grad(m.loss, m.w, 4, g);
    ad_product *h = ad_hessian(m.loss, m.w, 4, m.v, hv);
    ad_product *mixed = ad_mixed(m.loss, m.w, 4, &m.s, 1, m.v, m.mixed);
    static const int at[4] = {W0, B0, W1, B1};
    ad_output out[5] = {{m.loss, NULL}}, same[5] = {{m.loss, NULL}};
    for (int k = 0; k < 4; k++) {
        out[1 + k] = (ad_output){g[k], gradient + at[k]};
        same[1 + k] = (ad_output){g[k], wanted + at[k]};
    }
    ad_plan *plan = ad_plan_linearise(out, 5, (ad_product *[]){h, mixed}, 2),
            *apart = ad_plan_make(NULL, 0, same, 5);
    size_t of_h;
    ad_product_count(h, &of_h);
    EXPECT(ad_plan_count(plan) < ad_plan_count(apart) + of_h); /* and mixed costs nothing more */
    for (uint64_t seed = 2; seed < 5; seed++) {
        draw(&m, seed);
        ad_linearise(h);
        ad_apply(h);
        ad_linearise(mixed);
        ad_apply(mixed);
        ad_replay(apart);
        memcpy(alone, hv, sizeof hv);
        memcpy(alone + N, m.mixed, sizeof m.mixed);
        draw(&m, seed + 10); /* other numbers everywhere */
        ad_replay(plan);
        draw(&m, seed);
        ad_replay(plan);
        ad_apply(h);
        ad_apply(mixed);
        EXPECT(memcmp(alone, hv, sizeof hv) == 0 && memcmp(alone + N, m.mixed, sizeof m.mixed) == 0);
        EXPECT(memcmp(gradient, wanted, sizeof wanted) == 0);
        EXPECT(hv[0] != 0 && m.mixed[0] != 0 && gradient[0] != 0);
    }
    ad_tape_free(m.t);
}

TEST_MAIN(CASE(gauss_newton_equals_the_dense_matrix), CASE(gauss_newton_of_linear_outputs_is_the_hessian),
          CASE(gauss_newton_of_a_linear_loss_is_zero), CASE(one_plan_linearises_several_products))
