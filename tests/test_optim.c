/* test_optim.c: optimisers against the published formulas in double, norms, clipping. */
#include "nn/optim.h"

#include "tests/test.h"

#define DOUBLE (sizeof(real) == 8)
#define N 37 /* not a multiple of any vector length */

static fm_arena arena;

/* Numbers worked out by hand: gradients 1, -2, 0.5 from theta = 1 with alpha 0.1. The first step of Adam is
 * alpha whatever the gradient; m = 0.1, -0.11, -0.049 and v = 0.001, 0.004999, 0.005244001. */
TEST(optim_adam_by_hand) {
    nn_optimizer opt = nn_optimizer_make(NN_ADAM, 0.1, 1, &arena, NULL, "opt");
    const double gradients[3] = {1, -2, 0.5};
    const double theta_after[3] = {0.9, 0.9 + 0.1 * (0.11 / 0.19) / sqrt(0.004999 / 0.001999), 0};
    const double m_after[3] = {0.1, -0.11, -0.049}, v_after[3] = {0.001, 0.004999, 0.005244001};
    real theta = 1;
    for (int i = 0; i < 3; i++) {
        real g = (real)gradients[i];
        nn_optimizer_step(&opt, &theta, &g);
        double wanted = theta_after[i];
        if (i == 2) wanted = theta_after[1] + 0.1 * (0.049 / 0.271) / sqrt(0.005244001 / 0.002997001);
        EXPECT_NEAR(theta, wanted, DOUBLE ? 1e-8 : 1e-6);
        EXPECT_NEAR(opt.m[0], m_after[i], 1e-7);
        EXPECT_NEAR(opt.v[0], v_after[i], 1e-8);
        EXPECT_EQ(*opt.steps, i + 1);
    }
}

/* The published order of operations, one entry at a time. */
static void reference(nn_optimizer_kind kind, int t, double *theta, double *m, double *v, double g, double lr,
                      double eps) {
    switch (kind) {
    case NN_SGD: *theta -= lr * g; break;
    case NN_ADAM:
        *m = 0.9 * *m + 0.1 * g;
        *v = 0.999 * *v + 0.001 * g * g;
        *theta -= lr * (*m / (1 - pow(0.9, t))) / (sqrt(*v / (1 - pow(0.999, t))) + eps);
        break;
    case NN_RMSPROP:
        *v = 0.99 * *v + 0.01 * g * g;
        *theta -= lr * g / (sqrt(*v) + eps);
        break;
    }
}

TEST(optim_steps_equal_the_formulas) {
    const double rates[] = {1e-2, 1e-3}, eps[] = {1e-8, 0.3};
    for (int kind = NN_SGD; kind <= NN_RMSPROP; kind++)
        for (int c = 0; c < 2; c++) {
            nn_optimizer opt = nn_optimizer_make((nn_optimizer_kind)kind, rates[c], N, &arena, NULL, "opt");
            EXPECT_NEAR(opt.eps, 1e-8, 0);
            opt.eps = eps[c];
            real theta[N] = {0}, g[N];
            double wanted[N] = {0}, m[N] = {0}, v[N] = {0};
            fm_rng rng = fm_rng_split(3, FM_RNG_TEST, (uint64_t)kind, 0);
            for (int t = 1; t <= 60; t++) {
                fm_rng_fill_normal(&rng, g, N);
                g[5] = 0; /* a gap: no gradient ever */
                g[6] = (real)1e-12;
                nn_optimizer_step(&opt, theta, g);
                for (int i = 0; i < N; i++)
                    reference((nn_optimizer_kind)kind, t, &wanted[i], &m[i], &v[i], (double)g[i], rates[c],
                              eps[c]);
            }
            for (int i = 0; i < N; i++) EXPECT_NEAR(theta[i], wanted[i], DOUBLE ? 1e-12 : 4e-6);
            EXPECT(theta[5] == 0);
            EXPECT_EQ(*opt.steps, 60);
        }
}

TEST(optim_keeps_its_state) {
    fm_keep_list keep = {0};
    nn_optimizer opt = nn_optimizer_make(NN_ADAM, 1e-3, N, &arena, &keep, "critic.adam");
    EXPECT(fm_keep_find(&keep, "critic.adam.m") && fm_keep_find(&keep, "critic.adam.m")->data == opt.m);
    EXPECT(fm_keep_find(&keep, "critic.adam.v") && fm_keep_find(&keep, "critic.adam.v")->rows == N);
    EXPECT(fm_keep_find(&keep, "critic.adam.steps") && !fm_keep_find(&keep, "critic.adam.steps")->parameter);
    nn_optimizer_make(NN_SGD, 1e-3, N, &arena, &keep, "sgd");
    EXPECT(!fm_keep_find(&keep, "sgd.m") && !fm_keep_find(&keep, "sgd.v"));
    fm_keep_free(&keep);
}

TEST(optim_norm) {
    enum { MANY = 100001 };
    real *x = fm_arena_array(&arena, real, MANY);
    fm_rng rng = fm_rng_split(0, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, x, MANY);
    double sum = 0;
    for (int i = 0; i < MANY; i++) sum += (double)x[i] * (double)x[i];
    EXPECT_NEAR(nn_norm(x, MANY) / sqrt(sum), 1, DOUBLE ? 1e-13 : 1e-6);
    EXPECT(nn_norm(x, 0) == 0);
    double before = nn_norm(x, MANY);
    ad_set_threads(3);
    EXPECT(nn_norm(x, MANY) == before);
    ad_set_threads(1);
    const real large = DOUBLE ? (real)3e200 : (real)3e30, small = DOUBLE ? (real)3e-200 : (real)3e-30;
    real wide[4] = {large, 0, 0, large / 3 * 4}, tiny[4] = {0, small, small / 3 * 4, 0};
    EXPECT_NEAR(nn_norm(wide, 4) / (double)large, 5.0 / 3, 1e-6);
    EXPECT_NEAR(nn_norm(tiny, 4) / (double)small, 5.0 / 3, 1e-6);
    wide[1] = (real)INFINITY;
    EXPECT(isinf(nn_norm(wide, 4)));
    wide[2] = (real)NAN;
    EXPECT(isnan(nn_norm(wide, 4)));
}

TEST(optim_clip_global) {
    real g[N];
    for (int i = 0; i < N; i++) g[i] = (real)(i % 2 ? 2 : -2);
    const double norm = 2 * sqrt(N);
    EXPECT_NEAR(nn_clip_global(g, N, 0), norm, 1e-5);
    EXPECT_NEAR(nn_clip_global(g, N, 13), norm, 1e-5);
    EXPECT(g[0] == -2);
    EXPECT_NEAR(nn_clip_global(g, N, 3), norm, 1e-5);
    EXPECT_NEAR(nn_norm(g, N), 3, 1e-5);
    EXPECT_NEAR(g[1], 3 / sqrt(N), 1e-6);
    g[7] = (real)INFINITY;
    EXPECT(isinf(nn_clip_global(g, N, 1)));
    EXPECT_NEAR(g[1], 3 / sqrt(N), 1e-6);
    EXPECT(isinf((double)g[7]));
}

TEST(optim_clips_before_a_step) {
    real theta[2] = {0, 0}, g[2] = {30, 40};
    nn_optimizer opt = nn_optimizer_make(NN_SGD, 1, 2, &arena, NULL, NULL);
    EXPECT_NEAR(nn_optimizer_step(&opt, theta, g), 50, 1e-5);
    EXPECT(theta[0] == -30 && theta[1] == -40);
    opt.max_grad_norm = 5;
    EXPECT_NEAR(nn_optimizer_step(&opt, theta, g), 50, 1e-5);
    EXPECT_NEAR(theta[0], -33, 1e-5);
    EXPECT_NEAR(theta[1], -44, 1e-5);
    fm_arena_free(&arena);
}

/* One pass over memory or two: the same numbers, whatever is clipped. */
TEST(optim_tracked_equals_a_step_and_a_polyak_step) {
    for (int kind = NN_SGD; kind <= NN_RMSPROP; kind++)
        for (int clips = 0; clips < 2; clips++) {
            nn_optimizer one = nn_optimizer_make((nn_optimizer_kind)kind, 0.1, N, &arena, NULL, "one");
            nn_optimizer two = nn_optimizer_make((nn_optimizer_kind)kind, 0.1, N, &arena, NULL, "two");
            real theta[2][N] = {{0}}, target[2][N], g[2][N];
            fm_rng rng = fm_rng_split(4, FM_RNG_TEST, (uint64_t)kind, 0);
            fm_rng_fill_normal(&rng, target[0], N);
            memcpy(target[1], target[0], sizeof target[0]);
            one.max_grad_norm = two.max_grad_norm = clips;
            for (int t = 0; t < 5; t++) {
                fm_rng_fill_normal(&rng, g[0], N);
                memcpy(g[1], g[0], sizeof g[0]);
                double wanted = nn_norm(g[0], N);
                double norm = nn_optimizer_step_tracked(&one, theta[0], g[0], target[0], 0.25);
                EXPECT_NEAR(norm, wanted, 1e-5 * wanted);
                EXPECT_NEAR(nn_optimizer_step(&two, theta[1], g[1]), wanted, 1e-5 * wanted);
                nn_polyak(target[1], theta[1], N, 0.25);
            }
            EXPECT(memcmp(theta[0], theta[1], sizeof theta[0]) == 0);
            EXPECT(memcmp(target[0], target[1], sizeof target[0]) == 0);
            fm_arena_free(&arena);
        }
}

/* The squares that Adam sums on its way may overflow, or vanish. */
TEST(optim_adam_tells_every_norm) {
    real theta[2] = {0}, tiny[2] = {(real)3e-25, (real)4e-25}, wide[2] = {(real)3e19, (real)4e19};
    nn_optimizer opt = nn_optimizer_make(NN_ADAM, 0.1, 2, &arena, NULL, NULL);
    EXPECT_NEAR(nn_optimizer_step(&opt, theta, tiny), 5e-25, 1e-30);
    EXPECT_NEAR(nn_optimizer_step(&opt, theta, wide) / 5e19, 1, 1e-6);
    wide[1] = (real)NAN;
    EXPECT(isnan(nn_optimizer_step(&opt, theta, wide)));
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(optim_tracked_equals_a_step_and_a_polyak_step), CASE(optim_adam_tells_every_norm),
          CASE(optim_adam_by_hand), CASE(optim_steps_equal_the_formulas), CASE(optim_keeps_its_state),
          CASE(optim_norm), CASE(optim_clip_global), CASE(optim_clips_before_a_step))
