/* Objectives: one loss for several groups, losses that cannot train, weighted means, Huber's loss. */
#include "nn/layers.h"
#include "nn/objective.h"
#include "tests/aborts.h"
#include "tests/test.h"

static fm_arena arena;

/* f = (a b)^2 with a and b in two groups: gradients 2 a b^2 and 2 a^2 b, and a b shown. */
TEST(one_loss_gives_gradients_for_two_groups) {
    nn_params p[2] = {{0}, {0}};
    ad_tape *t = ad_tape_new();
    nn_leaves leaves[2];
    for (int k = 0; k < 2; k++) {
        nn_params_declare(&p[k], "x", 1, 1, NN_INIT_CONSTANT, 2 + k, 1);
        nn_params_make(&p[k], &arena, NULL, NULL);
        fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
        nn_params_init(&p[k], &rng);
        leaves[k] = nn_params_leaves(t, &p[k], p[k].theta, &arena);
    }
    ad_var product = ad_mul(leaves[0].leaf[0], leaves[1].leaf[0]);
    nn_group group[2] = {{"a", &p[0], &leaves[0]}, {"b", &p[1], &leaves[1]}};
    nn_objective o = nn_objective_make(ad_square(product), group, 2, &product, 1, &arena);
    EXPECT_NEAR(nn_objective_run(&o), 36, 1e-6);
    EXPECT_NEAR(o.gradient[0][0], 2 * 2 * 9, 1e-5);
    EXPECT_NEAR(o.gradient[1][0], 2 * 4 * 3, 1e-5);
    EXPECT_NEAR(o.shown[0], 6, 1e-6);
    p[0].theta[0] = -1;
    EXPECT_NEAR(nn_objective_run(&o), 9, 1e-6);
    EXPECT_NEAR(o.gradient[1][0], 2 * 1 * 3, 1e-5);
    ad_tape_free(t);
    for (int k = 0; k < 2; k++) nn_params_free(&p[k]);
    fm_arena_free(&arena);
}

/* A second set of leaves of the same parameters: the loss is of those, the group asks for the first. */
static void train_other_leaves(void) {
    nn_params p = {0};
    ad_tape *t = ad_tape_new();
    nn_params_declare(&p, "x", 1, 2, NN_INIT_CONSTANT, 1, 1);
    nn_params_make(&p, &arena, NULL, NULL);
    nn_leaves asked = nn_params_leaves(t, &p, p.theta, &arena),
              used = nn_params_leaves(t, &p, p.theta, &arena);
    nn_group group = {"the policy", &p, &asked};
    nn_objective_make(ad_sum(ad_square(used.leaf[0])), &group, 1, NULL, 0, &arena);
}

static void train_behind_a_stop(void) {
    nn_params p = {0};
    ad_tape *t = ad_tape_new();
    nn_params_declare(&p, "x", 1, 2, NN_INIT_CONSTANT, 1, 1);
    nn_params_make(&p, &arena, NULL, NULL);
    nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
    nn_group group = {"the critic", &p, &leaves};
    nn_objective_make(ad_sum(ad_stop_gradient(leaves.leaf[0])), &group, 1, NULL, 0, &arena);
}

TEST(a_loss_that_cannot_train_is_refused) {
    EXPECT_ABORTS(train_other_leaves, "'the policy'");
    EXPECT_ABORTS(train_behind_a_stop, "'the critic'");
}

TEST(rows_of_weight_zero_are_no_part_of_a_mean) {
    real x_data[4] = {1, 2, 3, 1000}, w_data[4] = {1, 1, 0, 0}, g_data[4];
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 4, 1, x_data, "x"), w = ad_leaf(t, 4, 1, w_data, "w"), g;
    ad_var mean = nn_weighted_mean(x, w);
    ad_grad(mean, &x, 1, &g);
    EXPECT_NEAR(ad_scalar(mean), 1.5, 1e-6);
    EXPECT(ad_value(g)[0] == (real)0.5 && ad_value(g)[2] == 0 && ad_value(g)[3] == 0);
    ad_output out[2] = {{mean, NULL}, {g, g_data}};
    ad_plan *plan = ad_plan_make(NULL, 0, out, 2);
    memset(w_data, 0, sizeof w_data);
    ad_replay(plan);
    EXPECT(ad_scalar(mean) == 0);
    for (int k = 0; k < 4; k++) EXPECT(g_data[k] == 0);
    EXPECT_NEAR(ad_scalar(nn_weighted_mean(x, AD_NONE)), 1006 / 4.0, 1e-4);
    ad_tape_free(t);
}

/* Value, first and second derivative, at 0 and at the edges too: the curvature at an error of exactly 0 is 1.
 * */
TEST(hubers_loss_at_its_special_points) {
    static const double AT[][4] = {{0, 0, 0, 1},        {0.5, 0.125, 0.5, 1}, {-0.5, 0.125, -0.5, 1},
                                   {3, 2.5, 1, 0},      {-3, 2.5, -1, 0},     {0.999, 0.4990005, 0.999, 1},
                                   {1.001, 0.501, 1, 0}};
    for (size_t k = 0; k < sizeof AT / sizeof *AT; k++) {
        real e_data[1] = {(real)AT[k][0]};
        ad_tape *t = ad_tape_new();
        ad_var e = ad_leaf(t, 1, 1, e_data, "e"), loss = nn_huber(e, 1), g, h, one = ad_fill(t, 1, 1, 1);
        ad_grad(loss, &e, 1, &g);
        ad_jvp(&g, 1, &e, &one, 1, &h);
        EXPECT_NEAR(ad_scalar(loss), AT[k][1], 1e-6);
        EXPECT_NEAR(ad_scalar(g), AT[k][2], 1e-6);
        EXPECT_NEAR(ad_scalar(h), AT[k][3], 1e-6);
        ad_tape_free(t);
    }
}

TEST_MAIN(CASE(one_loss_gives_gradients_for_two_groups), CASE(a_loss_that_cannot_train_is_refused),
          CASE(rows_of_weight_zero_are_no_part_of_a_mean), CASE(hubers_loss_at_its_special_points))
