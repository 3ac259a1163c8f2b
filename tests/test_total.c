/* The total derivative: closed forms [Zheng 2022, Eq. 11-16, App. A], the actor-critic surrogates, whose
 * answer is a multiple of the policy gradient, DDPG's with either leader, differences, damping and controls. */
#include "nn/total.h"

#include "tests/test.h"
#include "tests/total_groups.h"

static void make_net(group *g, ad_tape *t, size_t in, size_t out, ad_act act, ad_act out_act, uint64_t seed) {
    fm_ints hidden = {2, {12, 8}};
    *g = (group){0};
    g->mlp = nn_mlp_declare(
        &g->params, "net",
        &(nn_mlp_shape){
            .in = in, .hidden = &hidden, .out = out, .act = act, .out_act = out_act, .init = NN_INIT_FAN_IN});
    make_group(g, t, seed);
}

static ad_var apply(const group *g, ad_var x) { return nn_mlp_apply(&g->mlp, &g->leaves, x); }

static double inner(const real *a, const real *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* |a - b| <= tolerance |b| */
static void expect_vector(const real *a, const real *b, size_t n, double tolerance) {
    double error = 0;
    for (size_t i = 0; i < n; i++) error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    EXPECT_MSG(sqrt(error) <= tolerance * nn_norm(b, n), "relative error %g (tolerance %g)",
               sqrt(error) / nn_norm(b, n), tolerance);
}

/* A scalar's gradient [params.n] by the leaves of a group. */
static const real *gradient_of(ad_var loss, const group *g) {
    real *to = fm_arena_array(&arena, real, g->params.n);
    ad_output *out = fm_arena_array(&arena, ad_output, g->leaves.count);
    nn_gradient_outputs(&g->params, &g->leaves, loss, to, out);
    ad_replay(ad_plan_make(NULL, 0, out, g->leaves.count));
    return to;
}

/* ---- the scalar game ---- */

/* J = w theta (ascended), L = (w theta + theta^2 / 5)^2 [Zheng 2022, App. A]; the actor theta leads. Along
 * trajectories from the published start, with every damping. */
TEST(the_toy_game_has_its_closed_form) {
    static const double DAMPINGS[] = {0, 0.04, 3};
    ad_tape *t = ad_tape_new();
    group actor, critic;
    make_vector(&actor, t, 1);
    make_vector(&critic, t, 1);
    ad_var th = actor.leaves.leaf[0], w = critic.leaves.leaf[0], q = ad_mul(w, th);
    ad_var f1 = ad_neg(q), f2 = ad_square(ad_add(q, ad_scale(ad_square(th), 0.2)));
    nn_total_shape shape = {.leader = name("actor", &actor),
                            .follower = name("critic", &critic),
                            .leader_loss = f1,
                            .follower_loss = f2,
                            .coupling = AD_NONE};
    nn_total total = nn_total_make(&shape, &arena);
    shape.curvature = NN_GAUSS_NEWTON; /* Q is linear in w: the same */
    shape.outputs = &q;
    shape.n_outputs = 1;
    nn_total gauss = nn_total_make(&shape, &arena);
    for (int k = 0; k < 3; k++) {
        double theta = -1, v = 1, lambda = DAMPINGS[k];
        for (int step = 0; step < 400; step++) {
            nn_total_options options = {.damping = lambda, .iterations = 5, .tolerance = 1e-6, WHOLE};
            double to_actor =
                v - theta * (4 * theta * v + 1.2 * theta * theta) / (2 * theta * theta + lambda);
            double to_critic = 2 * theta * (theta * v + theta * theta / 5);
            actor.params.theta[0] = (real)theta;
            critic.params.theta[0] = (real)v;
            nn_total_report report = nn_total_run(&total, &options);
            EXPECT_EQ(report.stop, AD_CG_CONVERGED);
            EXPECT_EQ(report.iterations, 1);
            EXPECT(report.residual < 1e-6 && !report.guarded);
            EXPECT_NEAR(report.curvature, 2 * theta * theta + lambda, 1e-5);
            EXPECT_NEAR(report.norm_ratio, fabs(to_actor / v), 1e-4 * (1 + fabs(to_actor / v)));
            EXPECT_NEAR(total.direction[0], -to_actor, 2e-6);
            EXPECT_NEAR(total.leader_gradient[0], -v, 1e-6);
            EXPECT_NEAR(total.follower_gradient[0], to_critic, 2e-6);
            EXPECT_NEAR(*total.leader_loss, -v * theta, 1e-6);
            nn_total_run(&gauss, &options);
            EXPECT_NEAR(gauss.direction[0], -to_actor, 2e-6);
            theta += 0.01 * to_actor;
            v -= 0.01 * to_critic;
        }
    }
    close_all(t, (group *[]){&actor, &critic}, 2);
}

/* ---- actor and critic of a batch [Zheng 2022, Prop. 1; stac.py] ---- */

enum { B = 64, OBS = 3, ACTIONS = 2 };

typedef struct batch {
    real obs[B * OBS], next[B * OBS], action[B * ACTIONS], choice[B], advantage[B], returns[B], not_done[B];
} batch;

static void draw_batch(batch *b, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 5, 0);
    fm_rng_fill_normal(&rng, b->obs, B * OBS);
    fm_rng_fill_normal(&rng, b->next, B * OBS);
    fm_rng_fill_uniform(&rng, b->action, B * ACTIONS, -1, 1);
    fm_rng_fill_normal(&rng, b->advantage, B);
    fm_rng_fill_normal(&rng, b->returns, B);
    for (int i = 0; i < B; i++) b->choice[i] = (real)fm_rng_below(&rng, 3), b->not_done[i] = i % 7 != 0;
}

typedef struct policy_game {
    batch now;
    ad_tape *t;
    group policy, value;
    ad_var gain, values; /* mean log pi A; V */
    nn_total_shape shape;
} policy_game;

static void open_policy_game(policy_game *g) {
    draw_batch(&g->now, 1);
    ad_tape *t = g->t = ad_tape_new();
    make_net(&g->policy, t, OBS, 3, AD_TANH, AD_IDENTITY, 1);
    make_net(&g->value, t, OBS, 1, AD_TANH, AD_IDENTITY, 2);
    ad_var obs = ad_leaf(t, B, OBS, g->now.obs, "obs");
    ad_var log_pi =
        ad_gather(ad_log_softmax(apply(&g->policy, obs)), ad_leaf(t, B, 1, g->now.choice, "choice"));
    g->gain = ad_mean(ad_mul(log_pi, ad_leaf(t, B, 1, g->now.advantage, "A")));
    g->values = apply(&g->value, obs);
    ad_var start = ad_slice_rows(g->values, 0, 1);
    ad_var error = ad_sub(g->values, ad_leaf(t, B, 1, g->now.returns, "return"));
    g->shape = (nn_total_shape){.leader = name("policy", &g->policy),
                                .follower = name("value", &g->value),
                                .leader_loss = ad_neg(ad_add(g->gain, ad_mean(g->values))),
                                .follower_loss = ad_mean(ad_square(error)),
                                .coupling = ad_scale(ad_mul(g->gain, ad_neg(start)), 2)};
}

/* With the surrogate of one start state D = c d f1 / dp1, c = 1 + 2 kappa, kappa = <dV(s0), -x>; with the
 * whole Gauss-Newton matrix c = 2, because V has an output bias. Its Gram matrix gives the same x. */
TEST(the_surrogates_total_derivative_is_a_multiple_of_the_policy_gradient) {
    static policy_game g;
    open_policy_game(&g);
    size_t n1 = g.policy.params.n, n2 = g.value.params.n;
    nn_total total = nn_total_make(&g.shape, &arena);
    const real *start = gradient_of(ad_sum(ad_slice_rows(g.values, 0, 1)), &g.value);
    for (double damping = 0.1; damping < 50; damping *= 5) {
        nn_total_options options = {.damping = damping, .iterations = 10, .tolerance = 1e-5, WHOLE};
        nn_total_report report = nn_total_run(&total, &options);
        double c = 1 - 2 * inner(start, total.x, n2);
        for (size_t i = 0; i < n1; i++)
            EXPECT_NEAR(total.direction[i], c * (double)total.leader_gradient[i], DOUBLE ? 1e-10 : 2e-6);
        EXPECT_NEAR(report.norm_ratio, fabs(c), 1e-5);
        EXPECT_NEAR(report.cosine, c > 0 ? 1 : -1, 1e-5);
        EXPECT(fabs(c - 1) > 1e-3);
    }
    g.shape.curvature = NN_GAUSS_NEWTON;
    g.shape.outputs = &g.values;
    g.shape.n_outputs = 1;
    nn_total gauss = nn_total_make(&g.shape, &arena);
    g.shape.gram = true;
    nn_total gram = nn_total_make(&g.shape, &arena);
    for (uint64_t seed = 1; seed < 6; seed++) {
        draw_batch(&g.now, seed);
        nn_total_options options = {.iterations = 100, .tolerance = 1e-6, WHOLE};
        nn_total_report report = nn_total_run(&gauss, &options);
        EXPECT_NEAR(report.norm_ratio, 2, 0.003);
        EXPECT_NEAR(report.cosine, 1, 1e-5);
        EXPECT(report.curvature > 0 && !report.guarded && nn_norm(gauss.leader_gradient, n1) > 0.01);
        options.damping = 0.02;
        nn_total_run(&gauss, &options);
        options.iterations = 3;
        report = nn_total_run(&gram, &options);
        EXPECT(report.stop == AD_CG_CONVERGED && report.curvature > 0.0199 && !report.guarded);
        expect_vector(gram.x, gauss.x, n2, 1e-3);
        expect_vector(gram.direction, gauss.direction, n1, 1e-5);
        expect_vector(gram.follower_gradient, gauss.follower_gradient, n2, 1e-6);
    }
    close_all(g.t, (group *[]){&g.policy, &g.value}, 2);
}

/* ---- DDPG [Zheng 2022, Sec. 4.2] ---- */

typedef struct ddpg {
    batch now;
    ad_tape *t;
    group actor, critic, target;
    ad_var q, y_next, now_q, pi, loss, actor_loss; /* y_next: Q_target(s', pi(s')) */
} ddpg;

#define DISCOUNT 0.9

static void open_ddpg(ddpg *g, ad_act act) {
    draw_batch(&g->now, 3);
    ad_tape *t = g->t = ad_tape_new();
    make_net(&g->actor, t, OBS, ACTIONS, act, AD_TANH, 4);
    make_net(&g->critic, t, OBS + ACTIONS, 1, act, AD_IDENTITY, 5);
    make_net(&g->target, t, OBS + ACTIONS, 1, act, AD_IDENTITY, 6);
    ad_var obs = ad_leaf(t, B, OBS, g->now.obs, "obs"), next = ad_leaf(t, B, OBS, g->now.next, "next");
    ad_var goes_on = ad_leaf(t, B, 1, g->now.not_done, "not done");
    g->q = apply(&g->critic, ad_concat_cols(obs, ad_leaf(t, B, ACTIONS, g->now.action, "action")));
    g->y_next = apply(&g->target, ad_concat_cols(next, apply(&g->actor, next)));
    ad_var y =
        ad_add(ad_leaf(t, B, 1, g->now.returns, "reward"), ad_scale(ad_mul(goes_on, g->y_next), DISCOUNT));
    g->loss = ad_mean(ad_square(ad_sub(g->q, y)));
    g->pi = apply(&g->actor, obs);
    g->now_q = apply(&g->critic, ad_concat_cols(obs, g->pi));
    g->actor_loss = ad_neg(ad_mean(g->now_q));
}

static void close_ddpg(ddpg *g) { close_all(g->t, (group *[]){&g->actor, &g->critic, &g->target}, 3); }

static nn_total_shape shape_of(const ddpg *g, bool actor_leads) {
    nn_group actor = name("actor", &g->actor), critic = name("critic", &g->critic);
    return (nn_total_shape){.leader = actor_leads ? actor : critic,
                            .follower = actor_leads ? critic : actor,
                            .leader_loss = actor_leads ? g->actor_loss : g->loss,
                            .follower_loss = actor_leads ? g->loss : g->actor_loss,
                            .coupling = AD_NONE};
}

/* out = d of a vector that a run writes along `direction` of `moved`, by central differences. */
static void differentiate(nn_total *total, const real *vector, size_t n, real *moved, const real *direction,
                          size_t n_moved, double step, double *out) {
    static real kept[4096];
    nn_total_options options = {.iterations = 1, .implicit = NN_IMPLICIT_NONE};
    memset(out, 0, n * sizeof *out);
    memcpy(kept, moved, n_moved * sizeof *moved);
    for (int side = -1; side <= 1; side += 2) {
        for (size_t i = 0; i < n_moved; i++)
            moved[i] = (real)((double)kept[i] + side * step * (double)direction[i]);
        nn_total_run(total, &options);
        for (size_t i = 0; i < n; i++) out[i] += side * (double)vector[i] / (2 * step);
        memcpy(moved, kept, n_moved * sizeof *moved);
    }
}

/* H x + damping x = b - r and M x, both by differences of first derivatives alone. */
static void expect_differences(const ddpg *g, bool actor_leads, double damping) {
    nn_total_shape shape = shape_of(g, actor_leads);
    const nn_params *p1 = shape.leader.params, *p2 = shape.follower.params;
    static double hx[4096];
    static real found[4096], left[4096], kept_x[4096], kept_b[4096];
    nn_total total = nn_total_make(&shape, &arena);
    nn_total_options options = {.damping = damping, .iterations = 60, .tolerance = 1e-5, WHOLE};
    nn_total_report report = nn_total_run(&total, &options);
    EXPECT_EQ(report.stop, AD_CG_CONVERGED);
    memcpy(kept_x, total.x, p2->n * sizeof(real));
    memcpy(kept_b, total.b, p2->n * sizeof(real));
    memcpy(found, total.implicit, p1->n * sizeof(real));
    double step = (DOUBLE ? 1e-5 : 2e-3) / nn_norm(kept_x, p2->n);
    differentiate(&total, total.follower_gradient, p2->n, p2->theta, kept_x, p2->n, step, hx);
    for (size_t i = 0; i < p2->n; i++) left[i] = (real)(hx[i] + damping * (double)kept_x[i]);
    expect_vector(left, kept_b, p2->n, 0.01);
    for (size_t j = 0; j < p1->n; j++) { /* d <d f2 / dp2, x> / d p1[j]: one entry each */
        real unit[4096] = {0};
        static double change[4096];
        unit[j] = 1;
        differentiate(&total, total.follower_gradient, p2->n, p1->theta, unit, p1->n, DOUBLE ? 1e-5 : 4e-3,
                      change);
        double sum = 0;
        for (size_t i = 0; i < p2->n; i++) sum += change[i] * (double)kept_x[i];
        left[j] = (real)sum;
    }
    expect_vector(found, left, p1->n, 0.01);
    nn_total_run(&total, &options);
    for (size_t i = 0; i < p1->n; i++)
        EXPECT_NEAR(total.direction[i], (double)total.leader_gradient[i] - (double)found[i], 1e-6);
}

TEST(products_equal_differences_with_either_leader) {
    static ddpg g;
    for (int actor_leads = 0; actor_leads < 2; actor_leads++) {
        open_ddpg(&g, AD_TANH);
        expect_differences(&g, actor_leads == 1, 2);
        close_ddpg(&g);
    }
}

/* M x = -(2 gamma / B) sum (1 - d) qdot dQ_target(s', pi(s')) / dtheta, qdot = <dQ / dw, x>: one sum with
 * plain weights. */
TEST(ddpg_led_by_the_actor_has_its_formula) {
    static ddpg g;
    static real weight[B], x[4096];
    open_ddpg(&g, AD_RELU);
    nn_total_shape shape = shape_of(&g, true);
    nn_total total = nn_total_make(&shape, &arena);
    nn_total_report report =
        nn_total_run(&total, &(nn_total_options){.damping = 0.5, .iterations = 10, .tolerance = 1e-5, WHOLE});
    memcpy(x, total.x, g.critic.params.n * sizeof *x);
    EXPECT(report.iterations > 2 && report.cosine < 0.9999);
    expect_vector(total.leader_gradient, gradient_of(g.actor_loss, &g.actor), g.actor.params.n, 1e-5);
    expect_vector(total.b, gradient_of(g.actor_loss, &g.critic), g.critic.params.n, 1e-5);
    expect_vector(total.follower_gradient, gradient_of(g.loss, &g.critic), g.critic.params.n, 1e-5);

    for (int i = 0; i < B; i++) {
        const real *dq = gradient_of(ad_sum(ad_slice_rows(g.q, (size_t)i, 1)), &g.critic);
        double q_dot = inner(dq, x, g.critic.params.n);
        weight[i] = (real)(-2 * DISCOUNT / B * (double)g.now.not_done[i] * q_dot);
    }
    ad_var sum = ad_sum(ad_mul(g.y_next, ad_leaf(g.t, B, 1, weight, "weight")));
    expect_vector(total.implicit, gradient_of(sum, &g.actor), g.actor.params.n, 2e-5);
    close_ddpg(&g);
}

/* With a ReLU critic, which is piecewise linear in the action: the actor's curvature does not see it, and M x
 * has nothing for biases, which move no slope. */
TEST(ddpg_led_by_a_relu_critic) {
    static ddpg g;
    static real v[4096], whole[4096], alone[4096];
    open_ddpg(&g, AD_RELU);
    size_t n = g.actor.params.n;
    nn_total_shape shape = shape_of(&g, false);
    nn_total total = nn_total_make(&shape, &arena);
    nn_total_run(&total, &(nn_total_options){.damping = 1, .iterations = 10, .tolerance = 1e-5, WHOLE});
    EXPECT(nn_norm(total.implicit, g.critic.params.n) > 1e-4);
    for (size_t l = 0; l < g.critic.mlp.layers; l++) {
        const nn_entry *bias = &g.critic.params.entries[g.critic.mlp.bias[l]];
        for (size_t i = 0; i < bias->cols; i++) EXPECT(total.implicit[bias->at + i] == 0);
    }
    ad_var slope;
    ad_grad(g.actor_loss, &g.pi, 1, &slope);
    ad_var same = ad_sum(ad_mul(ad_stop_gradient(slope), g.pi));
    fm_rng rng = fm_rng_split(9, FM_RNG_TEST, 6, 0);
    fm_rng_fill_normal(&rng, v, n);
    const nn_leaves *w = &g.actor.leaves;
    ad_apply(ad_hessian(g.actor_loss, w->leaf, w->count, v, whole));
    ad_apply(ad_hessian(same, w->leaf, w->count, v, alone));
    expect_vector(whole, alone, n, 1e-5);
    close_ddpg(&g);
}

/* Two critics in one follower: their blocks of H do not mix, so where the leader's loss sees one critic only,
 * the other's part of x is zero. */
TEST(blocks_of_two_followers_do_not_mix) {
    static batch now;
    draw_batch(&now, 8);
    ad_tape *t = ad_tape_new();
    group pair = {0}, scale;
    nn_mlp_shape one = {
        .in = OBS, .hidden = &(fm_ints){1, {6}}, .out = 1, .act = AD_TANH, .init = NN_INIT_FAN_IN};
    nn_mlp first = nn_mlp_declare(&pair.params, "first", &one),
           second = nn_mlp_declare(&pair.params, "second", &one);
    make_group(&pair, t, 3);
    make_vector(&scale, t, 1);
    ad_var obs = ad_leaf(t, B, OBS, now.obs, "obs");
    ad_var y = ad_mul(ad_leaf(t, B, 1, now.returns, "y"), scale.leaves.leaf[0]);
    ad_var q = nn_mlp_apply(&first, &pair.leaves, obs), r = nn_mlp_apply(&second, &pair.leaves, obs);
    ad_var loss = ad_add(ad_mean(ad_square(ad_sub(q, y))), ad_mean(ad_square(ad_sub(r, y))));
    nn_total_shape shape = {.leader = name("scale", &scale),
                            .follower = name("pair", &pair),
                            .leader_loss = ad_mean(q),
                            .follower_loss = loss,
                            .coupling = AD_NONE};
    nn_total total = nn_total_make(&shape, &arena);
    nn_total_run(&total, &(nn_total_options){.damping = 0.5, .iterations = 20, .tolerance = 1e-5, WHOLE});
    size_t border = pair.params.entries[second.weight[0]].at;
    EXPECT(nn_norm(total.x, border) > 0.01);
    for (size_t i = border; i < pair.params.n; i++) EXPECT(total.x[i] == 0);
    close_all(t, (group *[]){&pair, &scale}, 2);
}

/* ---- damping and controls ---- */

TEST(large_damping_and_no_implicit_term_give_the_individual_gradient) {
    static ddpg g;
    open_ddpg(&g, AD_TANH);
    nn_total_shape shape = shape_of(&g, true);
    nn_total total = nn_total_make(&shape, &arena);
    size_t n = g.actor.params.n;
    nn_total_options options = {.damping = 1e12, .iterations = 10, .tolerance = 1e-5, WHOLE};
    nn_total_report report = nn_total_run(&total, &options);
    expect_vector(total.direction, total.leader_gradient, n, 1e-9);
    EXPECT_NEAR(report.norm_ratio, 1, 1e-6);

    options.damping = 0.5;
    report = nn_total_run(&total, &options);
    double ratio = report.norm_ratio, cosine = report.cosine;
    EXPECT(fabs(ratio - 1) > 1e-3 && cosine < 0.999);
    EXPECT_NEAR(ratio, nn_norm(total.direction, n) / nn_norm(total.leader_gradient, n), 1e-5);
    EXPECT_NEAR(cosine,
                inner(total.direction, total.leader_gradient, n) /
                    (nn_norm(total.direction, n) * nn_norm(total.leader_gradient, n)),
                1e-5);

    options.implicit = NN_IMPLICIT_LENGTH; /* the report stays that of the total derivative */
    report = nn_total_run(&total, &options);
    EXPECT(report.norm_ratio == ratio && report.cosine == cosine);
    for (size_t i = 0; i < n; i++)
        EXPECT_NEAR(total.direction[i], ratio * (double)total.leader_gradient[i], 1e-7);

    options.implicit = NN_IMPLICIT_NONE;
    report = nn_total_run(&total, &options);
    EXPECT(memcmp(total.direction, total.leader_gradient, n * sizeof(real)) == 0 && report.iterations == 0);
    EXPECT(nn_norm(total.x, g.critic.params.n) == 0 && nn_norm(total.implicit, n) == 0 && !report.guarded);
    EXPECT_NEAR(report.norm_ratio, 1, 1e-6);
    close_ddpg(&g);
}

TEST_MAIN(CASE(the_toy_game_has_its_closed_form),
          CASE(the_surrogates_total_derivative_is_a_multiple_of_the_policy_gradient),
          CASE(products_equal_differences_with_either_leader), CASE(ddpg_led_by_the_actor_has_its_formula),
          CASE(ddpg_led_by_a_relu_critic), CASE(blocks_of_two_followers_do_not_mix),
          CASE(large_damping_and_no_implicit_term_give_the_individual_gradient))
