/* The network that learners share: its quadratic form, and a change of the units that it is taught in. */
#include <math.h>

#include "algos/parts/net.h"
#include "tests/test.h"

enum { IN = 3, OUT = 2, ROWS = 5 };

typedef struct bench {
    fm_arena arena;
    fm_keep_list keep;
    algo_setup setup;
    ad_tape *t;
    algo_net net;
} bench;

static void bench_begin(bench *b) {
    static const fm_ints hidden = {2, {8, 4}};
    *b = (bench){.t = ad_tape_new()};
    b->setup = (algo_setup){.num_envs = 1, .steps = 1, .tape = b->t, .arena = &b->arena, .keep = &b->keep};
    fm_rng rng = fm_rng_split(3, FM_RNG_INIT, 0, 0);
    algo_net_shape shape = {.name = "net", .in = IN, .out = OUT, .hidden = &hidden, .activation = AD_TANH,
                            .lr = 0.01, .target = true, .quadratic = 2};
    algo_net_make(&b->net, &b->setup, &shape, &rng);
}

static void bench_end(bench *b) {
    algo_net_free(&b->net);
    ad_tape_free(b->t);
    fm_keep_free(&b->keep);
    fm_arena_free(&b->arena);
}

/* To what the layers say, the form of the last two columns adds w_0 x_1^2 + w_1 x_1 x_2 + w_2 x_2^2. */
TEST(a_quadratic_form_of_the_last_columns_is_added) {
    bench b;
    bench_begin(&b);
    real *form = b.net.params.theta + b.net.params.entries[b.net.form].at;
    algo_forward f = algo_forward_make(&b.net, &b.setup, b.net.params.theta, ROWS);
    double plain[ROWS * OUT];
    EXPECT_EQ(b.net.params.entries[b.net.form].rows, 3);
    for (size_t j = 0; j < ROWS * IN; j++) f.x[j] = (real)sin((double)j);
    algo_forward_run(&f);
    for (size_t j = 0; j < ROWS * OUT; j++) plain[j] = (double)f.y[j];
    for (size_t j = 0; j < 3 * OUT; j++) form[j] = (real)(j + 1);
    algo_forward_run(&f);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < OUT; o++) {
            double x = (double)f.x[r * IN + 1], y = (double)f.x[r * IN + 2];
            double xx = (double)form[o], xy = (double)form[OUT + o], yy = (double)form[2 * OUT + o];
            double want = xx * x * x + xy * x * y + yy * y * y;
            EXPECT_NEAR((double)f.y[r * OUT + o], plain[r * OUT + o] + want, 1e-5);
        }
    bench_end(&b);
}

/* Online and target outputs, which differ here, become factor y + offset. */
TEST(outputs_are_rescaled_and_those_of_the_target_too) {
    bench b;
    bench_begin(&b);
    algo_net *net = &b.net;
    size_t bias = net->params.entries[net->mlp.bias[2]].at, form = net->params.entries[net->form].at;
    net->params.theta[bias] = (real)0.25;
    net->target[bias] = (real)0.75;
    net->params.theta[form] = 2;
    net->target[form + 1] = 3;
    algo_forward both[2];
    double before[2][ROWS * OUT];
    for (int k = 0; k < 2; k++) {
        both[k] = algo_forward_make(net, &b.setup, k == 1 ? net->target : net->params.theta, ROWS);
        for (size_t j = 0; j < ROWS * IN; j++) both[k].x[j] = (real)sin((double)j);
        algo_forward_run(&both[k]);
        for (size_t j = 0; j < ROWS * OUT; j++) before[k][j] = (double)both[k].y[j];
    }
    EXPECT(before[0][0] != before[1][0]);
    algo_net_rescale(net, 3, -0.5);
    for (int k = 0; k < 2; k++) {
        algo_forward_run(&both[k]);
        for (size_t j = 0; j < ROWS * OUT; j++)
            EXPECT_NEAR((double)both[k].y[j], 3 * before[k][j] - 0.5, 1e-5);
    }
    bench_end(&b);
}

/* Huber's loss and the square: value, slope and curvature on both sides of the edges, on them, and at 0. */
TEST(penalties_have_the_derivatives_of_their_formulas) {
    static real e[9] = {0, 0.5, -0.5, 1, -1, 1.5, -1.5, 1024, -0.0f};
    for (int loss = ALGO_MSE; loss <= ALGO_HUBER; loss++) {
        ad_tape *t = ad_tape_new();
        ad_var x = ad_leaf(t, 9, 1, e, "error"), y = algo_penalty(x, (algo_loss)loss);
        ad_var one = ad_fill(t, 9, 1, 1), slope, curve;
        ad_grad(ad_sum(y), &x, 1, &slope);
        ad_jvp(&slope, 1, &x, &one, 1, &curve);
        for (size_t i = 0; i < 9; i++) {
            double v = (double)e[i], size = fabs(v), near = fmin(size, 1);
            bool square = loss == ALGO_MSE;
            EXPECT_NEAR(ad_value(y)[i], square ? v * v : size <= 1 ? v * v / 2 : size - 0.5, 0);
            EXPECT_NEAR(ad_value(slope)[i], square ? 2 * v : copysign(near, v), 0);
            EXPECT_NEAR(ad_value(curve)[i], square ? 2 : size <= 1, 0);
        }
        ad_tape_free(t);
    }
}

TEST_MAIN(CASE(a_quadratic_form_of_the_last_columns_is_added),
          CASE(outputs_are_rescaled_and_those_of_the_target_too),
          CASE(penalties_have_the_derivatives_of_their_formulas))
