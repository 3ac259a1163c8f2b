/* The total derivative where it is in danger: negative curvature, the guard, numbers out of range, and what a
 * programmer may get wrong. */
#include "nn/total.h"

#include "tests/aborts.h"
#include "tests/test.h"
#include "tests/total_groups.h"

/* f1 = <c, p1> + <b, p2>, f2 = 1/2 sum h p2^2 + k <p1, p2> of two numbers each: x = b / h, M x = k x. */
typedef struct quadratic {
    real h[2], b[2], c[2];
    ad_tape *t;
    group leader, follower;
    nn_total total;
} quadratic;

static void open_quadratic(quadratic *q, double k) {
    ad_tape *t = q->t = ad_tape_new();
    make_vector(&q->leader, t, 2);
    make_vector(&q->follower, t, 2);
    ad_var p1 = q->leader.leaves.leaf[0], p2 = q->follower.leaves.leaf[0];
    ad_var own = ad_sum(ad_mul(ad_leaf(t, 1, 2, q->h, "h"), ad_square(p2)));
    ad_var f1 = ad_add(ad_sum(ad_mul(ad_leaf(t, 1, 2, q->c, "c"), p1)),
                       ad_sum(ad_mul(ad_leaf(t, 1, 2, q->b, "b"), p2)));
    nn_total_shape shape = {.leader = name("leader", &q->leader),
                            .follower = name("follower", &q->follower),
                            .leader_loss = f1,
                            .coupling = AD_NONE,
                            .follower_loss = ad_add(ad_scale(own, 0.5), ad_scale(ad_sum(ad_mul(p1, p2)), k))};
    q->total = nn_total_make(&shape, &arena);
}

static void close_quadratic(quadratic *q) { close_all(q->t, (group *[]){&q->leader, &q->follower}, 2); }

static void set(quadratic *q, double h0, double h1, double b0, double b1, double c0, double c1) {
    double h[2] = {h0, h1}, b[2] = {b0, b1}, c[2] = {c0, c1};
    for (int i = 0; i < 2; i++) q->h[i] = (real)h[i], q->b[i] = (real)b[i], q->c[i] = (real)c[i];
}

/* h = (2, -1), b = (1, 1/2): the first direction has curvature 1.4, the second not a positive one. Then x is
 * that of one step, 1.25 / 1.75 b; where the first direction already bends the wrong way, x = 0. */
TEST(negative_curvature_stops_with_the_best_point) {
    quadratic q;
    open_quadratic(&q, 1);
    set(&q, 2, -1, 1, 0.5, 1, 1);
    nn_total_options options = {.iterations = 10, .tolerance = 1e-6, WHOLE};
    nn_total_report report = nn_total_run(&q.total, &options);
    double step = 1.25 / 1.75;
    EXPECT_EQ(report.stop, AD_CG_CURVATURE);
    EXPECT_EQ(report.iterations, 2);
    EXPECT(report.guarded && report.curvature < 0);
    EXPECT_NEAR(q.total.direction[0], 1 - step, 1e-5);
    EXPECT_NEAR(q.total.direction[1], 1 - step / 2, 1e-5);
    EXPECT_NEAR(report.residual, hypot(1 - 2 * step, 0.5 + step / 2) / hypot(1, 0.5), 1e-5);

    options.indefinite = true; /* a saddle's answer: x = (1/2, -1/2) */
    report = nn_total_run(&q.total, &options);
    EXPECT_EQ(report.stop, AD_CG_CONVERGED);
    EXPECT_NEAR(q.total.direction[0], 0.5, 1e-5);
    EXPECT_NEAR(q.total.direction[1], 1.5, 1e-5);
    EXPECT(!report.guarded && report.curvature < 0);

    options.indefinite = false;
    set(&q, -2, -1, 1, 0.5, 1, -1);
    report = nn_total_run(&q.total, &options);
    EXPECT_EQ(report.stop, AD_CG_CURVATURE);
    EXPECT_EQ(report.iterations, 1);
    EXPECT(report.guarded && q.total.direction[0] == 1 && q.total.direction[1] == -1);
    close_quadratic(&q);
}

/* D = c - x: its norm is never beyond guard |c|, x is shortened no more than it must be, and not turned. */
TEST(the_guard_bounds_the_step) {
    static const double CASES[][6] = {{1e-3, 1e-3, 1, 1, 1, 0.2}, {1e-3, 2, -1, 1, 3, 0.2},
                                      {1e-2, 1e-4, 1, 0, 1, 0.2}, {1e-5, 1e-5, -1, -2, 1, 2},
                                      {1, 1, 0.5, 0.5, 1, 1},     {1e-4, 1, 1, 1, 0, 1},
                                      {1e-4, 1e-4, -1e4, 1, 1, 0}};
    quadratic q;
    open_quadratic(&q, 1);
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++)
        for (double guard = 1; guard < 20; guard *= 2) {
            const double *n = CASES[k];
            set(&q, n[0], n[1], n[2], n[3], n[4], n[5]);
            nn_total_options options = {.iterations = 10, .tolerance = 1e-6, WHOLE};
            nn_total_report report = nn_total_run(&q.total, &options);
            double free_ratio = report.norm_ratio, limit = guard * nn_norm(q.c, 2);
            EXPECT(!report.guarded);
            options.guard = guard;
            report = nn_total_run(&q.total, &options);
            double norm = nn_norm(q.total.direction, 2);
            EXPECT_MSG(norm <= limit * 1.00001, "case %zu, guard %g: %g > %g", k, guard, norm, limit);
            EXPECT_EQ(report.guarded, free_ratio > guard);
            if (!report.guarded) continue;
            EXPECT_NEAR(norm, limit, 1e-4 * limit);
            double step[2], share = 0, across;
            for (int i = 0; i < 2; i++) step[i] = (double)q.c[i] - (double)q.total.direction[i];
            across = step[0] * (double)q.total.implicit[1] - step[1] * (double)q.total.implicit[0];
            share = hypot(step[0], step[1]) / nn_norm(q.total.implicit, 2);
            EXPECT_NEAR(across / (nn_norm(q.total.implicit, 2) * limit), 0, 1e-5);
            EXPECT(share >= 0 && share < 1);
        }
    close_quadratic(&q);
}

/* An x that is no number, an M x that is none, a b that is none: the step is the individual gradient. */
TEST(what_leaves_the_range_of_numbers_is_left_out) {
    const double large = DOUBLE ? 1e150 : 1e25, small = DOUBLE ? 1e-160 : 1e-25;
    const struct { double h, b, k, residual; ad_cg_stop stop; } CASES[] = {
        {small, large, 1, 1, AD_CG_NONFINITE},
        {small, 1, large, 0, AD_CG_CONVERGED},
        {1, NAN, 1, NAN, AD_CG_NONFINITE},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        quadratic q;
        open_quadratic(&q, CASES[k].k);
        set(&q, CASES[k].h, 1, CASES[k].b, 0, 3, -4);
        for (double guard = 0; guard < 5; guard += 4) {
            nn_total_options options = {.iterations = 10, .tolerance = 1e-6, .guard = guard, WHOLE};
            nn_total_report report = nn_total_run(&q.total, &options);
            EXPECT_EQ(report.stop, CASES[k].stop);
            EXPECT(q.total.direction[0] == 3 && q.total.direction[1] == -4 && report.guarded);
            EXPECT_NEAR(report.norm_ratio, 1, 1e-6);
            EXPECT_NEAR(report.cosine, 1, 1e-6);
            if (isnan(CASES[k].residual)) EXPECT(isnan(report.residual));
            else EXPECT_NEAR(report.residual, CASES[k].residual, 1e-5);
        }
        close_quadratic(&q);
    }
}

/* ---- the programmer's errors ---- */

static ad_tape *wrong_tape;
static group wrong_leader, wrong_follower;

static nn_total_shape open_wrong(void) {
    wrong_tape = ad_tape_new();
    make_vector(&wrong_leader, wrong_tape, 2);
    make_vector(&wrong_follower, wrong_tape, 2);
    ad_var p1 = wrong_leader.leaves.leaf[0], p2 = wrong_follower.leaves.leaf[0];
    return (nn_total_shape){.leader = name("the leader", &wrong_leader),
                            .follower = name("the follower", &wrong_follower),
                            .leader_loss = ad_sum(ad_square(p2)),
                            .follower_loss = ad_sum(ad_square(ad_sub(p1, p2))),
                            .coupling = AD_NONE};
}

static void a_follower_without_a_loss(void) {
    nn_total_shape shape = open_wrong();
    shape.follower_loss = ad_sum(ad_square(wrong_leader.leaves.leaf[0]));
    nn_total_make(&shape, &arena);
}

static void a_leader_without_influence(void) {
    nn_total_shape shape = open_wrong();
    shape.follower_loss = ad_sum(ad_square(wrong_follower.leaves.leaf[0]));
    nn_total_make(&shape, &arena);
}

static void outputs_of_nothing(void) {
    nn_total_shape shape = open_wrong();
    shape.curvature = NN_GAUSS_NEWTON;
    nn_total_make(&shape, &arena);
}

static void a_guard_below_one(void) {
    nn_total_shape shape = open_wrong();
    nn_total total = nn_total_make(&shape, &arena);
    nn_total_run(&total, &(nn_total_options){.iterations = 1, .guard = 0.5});
}

static void a_gram_matrix_of_nothing(void) {
    nn_total_shape shape = open_wrong();
    shape.gram = true;
    nn_total_make(&shape, &arena);
}

TEST(what_cannot_be_is_refused) {
    EXPECT_ABORTS(a_follower_without_a_loss, "'the follower'");
    EXPECT_ABORTS(a_leader_without_influence, "'the leader'");
    EXPECT_ABORTS(outputs_of_nothing, "Gauss-Newton");
    EXPECT_ABORTS(a_gram_matrix_of_nothing, "Gauss-Newton");
    EXPECT_ABORTS(a_guard_below_one, "guard 0.5");
}

TEST_MAIN(CASE(negative_curvature_stops_with_the_best_point), CASE(the_guard_bounds_the_step),
          CASE(what_leaves_the_range_of_numbers_is_left_out), CASE(what_cannot_be_is_refused))
