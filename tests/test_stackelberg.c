/* STDDPG and STSAC: the total derivative of linear networks against dense matrices made of second differences
 * of the double losses; of deep ones the implicit term against differences, and the Gauss-Newton answer
 * against conjugate gradient; steps, damping, guard, refusals. */
#include "algos/families/stackelberg.h"
#include "autograd/kernels/kernels.h"
#include "tests/off_policy_sums.h"

extern const algo_type algo_stddpg, algo_stsac;

static double loss_at(const off_policy *c, numbers *n, int which) {
    double value[3];
    losses(c, n, &value[0], &value[1], &value[2]);
    return value[which];
}

/* d2 loss / dx dy by central differences. */
static double second(const off_policy *c, numbers *n, int which, double *x, double *y) {
    const double h = 1e-3, keep_x = *x, keep_y = *y;
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        int sx = k & 1 ? 1 : -1, sy = k & 2 ? 1 : -1;
        *x = keep_x + sx * h; /* x may be y */
        *y += sy * h;
        sum += sx * sy * loss_at(c, n, which);
        *y = keep_y;
        *x = keep_x;
    }
    return sum / (4 * h * h);
}

/* A x = b by elimination with pivots; A and b are changed. */
static void solve(double a[MOST][MOST], double *b, double *x, size_t n) {
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t i = k; i < n; i++)
            if (fabs(a[i][k]) > fabs(a[best][k])) best = i;
        for (size_t j = 0; j < n; j++) {
            double swap = a[k][j];
            a[k][j] = a[best][j], a[best][j] = swap;
        }
        double swap = b[k];
        b[k] = b[best], b[best] = swap;
        for (size_t i = k + 1; i < n; i++) {
            double factor = a[i][k] / a[k][k];
            for (size_t j = k; j < n; j++) a[i][j] -= factor * a[k][j];
            b[i] -= factor * b[k];
        }
    }
    for (size_t k = n; k-- > 0;) {
        x[k] = b[k];
        for (size_t j = k + 1; j < n; j++) x[k] -= a[k][j] * x[j];
        x[k] /= a[k][k];
    }
}

/* D [MOST] of the present minibatch, and whether it differs from the individual gradient. */
static void dense_direction(const off_policy *c, numbers *n, bool actor_leads, double damping, double *d) {
    static double hessian[MOST][MOST];
    double b[MOST], x[MOST], *leader = actor_leads ? n->actor : n->critic;
    double *follower = actor_leads ? n->critic : n->actor;
    size_t n1 = actor_leads ? c->actor.params.n : c->critic.params.n;
    size_t n2 = actor_leads ? c->critic.params.n : c->actor.params.n;
    int f1 = actor_leads ? 1 : 0, f2 = 1 - f1;
    for (size_t i = 0; i < n2; i++) {
        b[i] = slope(c, n, &follower[i], f1);
        for (size_t j = 0; j < n2; j++)
            hessian[i][j] = second(c, n, f2, &follower[i], &follower[j]) + (i == j ? damping : 0);
    }
    solve(hessian, b, x, n2);
    for (size_t i = 0; i < n1; i++) {
        d[i] = slope(c, n, &leader[i], f1);
        for (size_t j = 0; j < n2; j++) d[i] -= x[j] * second(c, n, f2, &leader[i], &follower[j]);
    }
}

#define SOLVED "cg_iters=200 cg_tolerance=0.0000001 damping=3 guard=0 "

static void expect_direction(const algo_type *algo, const char *settings, bool actor_leads) {
    drive d;
    double wanted[MOST], apart = 0;
    stackelberg *s = (stackelberg *)before_an_update(&d, algo, settings);
    off_policy *c = &s->base;
    numbers before = numbers_of(c);
    drive_run(&d, 1);
    dense_direction(c, &before, actor_leads, 3, wanted);
    EXPECT_NEAR(*c->critic.loss, loss_at(c, &before, 0), 1e-4 * (1 + *c->critic.loss));
    EXPECT_NEAR(*c->actor.loss, loss_at(c, &before, 1), 1e-4 * (1 + fabs(*c->actor.loss)));
    if (c->rule.stochastic) EXPECT_NEAR(*c->entropy, -loss_at(c, &before, 2), 1e-4);
    for (size_t i = 0; i < s->leader->params.n; i++) {
        EXPECT_NEAR(s->total.direction[i], wanted[i], 2e-3 * (1 + fabs(wanted[i])));
        apart = fmax(apart, fabs((double)s->total.direction[i] - (double)s->total.leader_gradient[i]));
        /* Adam has seen D. */
        EXPECT_NEAR(s->leader->adam.m[i], 0.1 * wanted[i], 2e-4 * (1 + fabs(wanted[i])));
    }
    for (size_t i = 0; i < s->follower->params.n; i++) {
        double *entry = actor_leads ? &before.critic[i] : &before.actor[i];
        double g = slope(c, &before, entry, actor_leads ? 0 : 1);
        EXPECT_NEAR(s->total.follower_gradient[i], g, 1e-3 * (1 + fabs(g)));
    }
    for (size_t i = 0; i < c->critic.params.n; i++)
        EXPECT_NEAR(c->critic.target[i],
                    0.75 * before.critic_target[i] + 0.25 * (double)c->critic.params.theta[i], 1e-6);
    EXPECT_MSG(apart > 0.02, "%s %s: the implicit term is at most %g", algo->name, settings, apart);
    EXPECT_EQ(*s->leader->adam.steps, 1);
    EXPECT_EQ(*s->follower->adam.steps, 1);
    drive_end(&d);
}

TEST(stddpg_steps_along_the_total_derivative) {
    expect_direction(&algo_stddpg, LINEAR SOLVED "leader=actor", true);
    expect_direction(&algo_stddpg, LINEAR SOLVED "leader=critic", false);
}

TEST(stsac_steps_along_the_total_derivative) {
    expect_direction(&algo_stsac, LINEAR SOLVED "leader=actor ent_coef=0.4", true);
    expect_direction(&algo_stsac, LINEAR SOLVED "leader=critic ent_coef=0.4", false);
    expect_direction(&algo_stsac, LINEAR SOLVED "leader=actor ent_coef=auto", true);
}

/* Of a linear critic the Gauss-Newton matrix is the Hessian, and one solution is enough. */
TEST(gauss_newton_steps_along_the_total_derivative) {
    expect_direction(&algo_stddpg, LINEAR SOLVED "cg_iters=1 curvature=gauss_newton", true);
    expect_direction(&algo_stsac, LINEAR SOLVED "cg_iters=1 curvature=gauss_newton ent_coef=0.4", true);
}

/* ---- deep networks ---- */

static double inner(const real *a, const real *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

#define DEEP                                                                                                 \
    "hidden=12,8 activation=tanh batch_size=32 buffer_size=64 learning_starts=40 actor_lr=0 critic_lr=0 "    \
    "damping=2 cg_iters=100 guard=0 "

/* x against conjugate gradient on products with the same matrix, of the networks as the last update left
 * them: learning rates are zero. */
static void expect_gauss_newton(const algo_type *algo, const char *settings, double damping) {
    drive d;
    stackelberg *s = (stackelberg *)before_an_update(&d, algo, settings);
    off_policy *c = &s->base;
    size_t n = s->follower->params.n;
    fm_arena arena = {0};
    real *x = fm_arena_array(&arena, real, n), *work = fm_arena_array(&arena, real, AD_CG_WORK(n));
    const ad_cg_options options = {.iterations = 500, .tolerance = 1e-6, .damping = damping};
    drive_run(&d, 1);
    const nn_leaves *w = &s->follower->leaves;
    ad_product *product = ad_gauss_newton(c->critic_loss, c->taught, c->critics, w->leaf, w->count,
                                          work, work + n);
    ad_linearise(product);
    ad_cg_result r = ad_cg(ad_apply_matvec, product, n, s->total.b, x, work, &options);
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    ad_v_axpy(n, -1, x, s->total.x);
    double error = nn_norm(s->total.x, n), size = nn_norm(x, n);
    EXPECT_MSG(error < 1e-4 * size && size > 0, "%s %s: %g of %g", algo->name, settings, error, size);
    EXPECT_EQ(drive_metric(&d, "cg_iterations"), 1);
    EXPECT(drive_metric(&d, "cg_residual") < 1e-5 && drive_metric(&d, "curvature") >= 0.999 * damping);
    EXPECT(drive_metric(&d, "guard") == 0 && drive_metric(&d, "norm_ratio") > 0);
    fm_arena_free(&arena);
    drive_end(&d);
}

TEST(gauss_newton_of_deep_networks_equals_conjugate_gradient) {
    expect_gauss_newton(&algo_stddpg, DEEP "curvature=gauss_newton", 2);
    expect_gauss_newton(&algo_stsac, DEEP "curvature=gauss_newton", 2);
    expect_gauss_newton(&algo_stddpg, DEEP "curvature=gauss_newton activation=relu damping=500", 500);
    expect_gauss_newton(&algo_stsac, DEEP "curvature=gauss_newton activation=relu damping=0.1", 0.1);
}

/* <M x, v> = d/dp1 <d f2 / dp2, x> along v [Zheng 2022, Eq. 15, 16], at the point of the last update. */
static void expect_implicit(const algo_type *algo, const char *settings) {
    const nn_total_options still = {.iterations = 1, .implicit = NN_IMPLICIT_NONE};
    const double h = sizeof(real) == 8 ? 1e-5 : 1e-2;
    drive d;
    fm_rng rng = fm_rng_split(8, FM_RNG_TEST, 0, 0);
    stackelberg *s = (stackelberg *)before_an_update(&d, algo, settings);
    drive_run(&d, 1);
    size_t n1 = s->leader->params.n, n2 = s->follower->params.n;
    fm_arena arena = {0};
    real *x = fm_arena_array(&arena, real, n2), *v = fm_arena_array(&arena, real, n1);
    real *theta = s->leader->params.theta;
    double along[2];
    fm_rng_fill_normal(&rng, v, n1);
    memcpy(x, s->total.x, n2 * sizeof *x);
    double found = inner(s->total.implicit, v, n1), size = nn_norm(s->total.implicit, n1) * nn_norm(v, n1);
    for (int side = 0; side < 2; side++) {
        double by = (side ? h : -h) / nn_norm(v, n1);
        for (size_t i = 0; i < n1; i++) theta[i] += (real)(by * (double)v[i]);
        nn_total_run(&s->total, &still);
        along[side] = inner(s->total.follower_gradient, x, n2);
        for (size_t i = 0; i < n1; i++) theta[i] -= (real)(by * (double)v[i]);
    }
    double wanted = (along[1] - along[0]) / (2 * h) * nn_norm(v, n1);
    EXPECT(size > 0);
    EXPECT_MSG(fabs(found - wanted) < 0.01 * size, "%s %s: %g, by differences %g (of %g)", algo->name,
               settings, found, wanted, size);
    fm_arena_free(&arena);
    drive_end(&d);
}

TEST(implicit_terms_of_deep_networks_equal_differences) {
    expect_implicit(&algo_stddpg, DEEP "leader=actor");
    expect_implicit(&algo_stddpg, DEEP "leader=critic");
    expect_implicit(&algo_stddpg, DEEP "curvature=gauss_newton");
    expect_implicit(&algo_stsac, DEEP "leader=actor");
    expect_implicit(&algo_stsac, DEEP "leader=critic");
}

/* With damping 1e12 the total derivative is the individual gradient; without the implicit term too. */
TEST(what_is_left_without_an_answer) {
    static const char *const SETTINGS[] = {LINEAR "damping=1e12", LINEAR "implicit=none damping=1"};
    for (int k = 0; k < 2; k++) {
        drive d;
        stackelberg *s = (stackelberg *)before_an_update(&d, &algo_stsac, SETTINGS[k]);
        drive_run(&d, 1);
        for (size_t i = 0; i < s->leader->params.n; i++)
            EXPECT_NEAR(s->total.direction[i], s->total.leader_gradient[i], 1e-6);
        EXPECT_EQ(drive_metric(&d, "cg_iterations") > 0, k == 0);
        drive_end(&d);
    }
}

/* ---- steps ---- */

/* In order: both sides' gradients are of the old point, or the follower's is of the leader's new one. */
static void expect_order(const char *settings, bool sequential, int64_t steps) {
    drive d;
    stackelberg *s = (stackelberg *)before_an_update(&d, &algo_stddpg, settings);
    off_policy *c = &s->base;
    numbers before = numbers_of(c), moved = before;
    drive_run(&d, 1);
    numbers after = numbers_of(c);
    memcpy(moved.actor, after.actor, sizeof moved.actor);
    EXPECT_EQ(*s->leader->adam.steps, 1);
    EXPECT_EQ(*s->follower->adam.steps, steps);
    if (sequential || steps > 1) EXPECT(s->follower->objective.plan != NULL);
    for (size_t i = 0; i < c->critic.params.n && steps == 1; i++) {
        double g =
            slope(c, sequential ? &moved : &before, sequential ? &moved.critic[i] : &before.critic[i], 0);
        const real *found = sequential ? c->critic.objective.gradient[0] : s->total.follower_gradient;
        EXPECT_NEAR(found[i], g, 2e-4 * (1 + fabs(g)));
        /* Adam's first step is the learning rate along the gradient's sign. */
        if (fabs(g) > 1e-3) EXPECT_NEAR(after.critic[i], before.critic[i] - 0.02 * (g > 0 ? 1 : -1), 1e-4);
    }
    drive_end(&d);
}

TEST(the_follower_steps_when_and_as_often_as_said) {
    expect_order(LINEAR "leader=actor actor_lr=0.3", false, 1);
    expect_order(LINEAR "leader=actor actor_lr=0.3 order=sequential", true, 1);
    expect_order(LINEAR "leader=actor unroll=4", false, 4);
    expect_order(LINEAR "leader=actor unroll=4 order=sequential", true, 4);
}

TEST(damping_falls_by_the_decisions) {
    drive d;
    stackelberg *s = (stackelberg *)before_an_update(&d, &algo_stddpg, LINEAR "damping=500 damping_decay=80");
    EXPECT_NEAR(stackelberg_damping(s), 500 * exp(-0.5), 1e-9);
    drive_end(&d);
    s = (stackelberg *)before_an_update(&d, &algo_stddpg, LINEAR "damping=500");
    EXPECT_NEAR(stackelberg_damping(s), 500, 0);
    drive_end(&d);
}

/* Damping that has fallen to nothing, and the guard. */
TEST(gauss_newton_goes_on_without_damping) {
    for (int k = 0; k < 2; k++) {
        drive d;
        drive_begin(&d, k ? &algo_stsac : &algo_stddpg, "pendulum", "",
                    "curvature=gauss_newton damping=1 damping_decay=0.1 guard=2 hidden=16,16 batch_size=32 "
                    "learning_starts=100",
                    1, 1000, 5);
        drive_run(&d, 100);
        for (int step = 0; step < 50; step++) {
            drive_run(&d, 1);
            EXPECT(drive_metric(&d, "norm_ratio") <= 2 + 1e-4 && isfinite(drive_metric(&d, "critic_loss")));
            EXPECT(drive_metric(&d, "curvature") >= -1e-5);
        }
        EXPECT(drive_metric(&d, "guard") > 0.05);
        drive_end(&d);
    }
}

/* Undamped, a policy that follows has an indefinite Hessian: conjugate gradient meets negative curvature, and
 * no direction is longer than the guard allows. */
TEST(undamped_steps_are_guarded) {
    static const char *const LEADERS[] = {"critic", "actor"};
    for (int k = 0; k < 4; k++) {
        char settings[256];
        drive d;
        double least = 0;
        snprintf(settings, sizeof settings,
                 "leader=%s damping=0 guard=2 hidden=16,16 batch_size=32 learning_starts=100",
                 LEADERS[k % 2]);
        drive_begin(&d, k < 2 ? &algo_stddpg : &algo_stsac, "pendulum", "", settings, 1, 1000, 5);
        drive_run(&d, 100);
        for (int step = 0; step < 200; step++) {
            drive_run(&d, 1);
            double ratio = drive_metric(&d, "norm_ratio");
            EXPECT_MSG(ratio <= 2 + 1e-4, "%s leads, step %d: %g", LEADERS[k % 2], step, ratio);
            least = fmin(least, drive_metric(&d, "curvature"));
        }
        double guard = drive_metric(&d, "guard");
        if (k % 2 == 0) EXPECT_MSG(least < 0, "least curvature %g", least);
        EXPECT_MSG(guard > 0.05 && guard <= 1, "%s leads: %g guarded", LEADERS[k % 2], guard);
        drive_end(&d);
    }
}

/* ---- refusals ---- */

TEST(bad_options_are_refused_by_name) {
    static const char *const BAD[][2] = {
        {"damping", "-1"}, {"unroll", "0"}, {"guard", "-2"}, {"leader", "both"}};
    char config[8192];
    fm_error err;
    FM_CHECK(sizeof config >= algo_stsac.config_size, "the config");
    fm_options_reset(algo_stsac.options, config);
    for (size_t k = 0; k < sizeof BAD / sizeof *BAD; k++) {
        EXPECT_EQ(fm_options_set(algo_stsac.options, config, BAD[k][0], BAD[k][1], &err), FM_BAD);
        EXPECT_MSG(strstr(err.text, BAD[k][0]), "%s", err.text);
    }
    static const char *const TOGETHER[][2] = {
        {"guard=0.5", "stddpg: guard"},
        {"curvature=gauss_newton leader=critic", "give leader = actor, or curvature"},
        {"curvature=gauss_newton damping=0", "stddpg: curvature = gauss_newton needs damping > 0"},
        {"curvature=gauss_newton batch_size=1025", "batch_size = 1025 rows; give at most 1024"}};
    for (size_t k = 0; k < sizeof TOGETHER / sizeof *TOGETHER; k++) {
        drive d;
        drive_open(&d, &algo_stddpg, &TOY_ENV, NULL, CORRIDOR, "");
        EXPECT_EQ(fm_options_apply(algo_stddpg.options, d.config, TOGETHER[k][0], &err), FM_OK);
        EXPECT_EQ(algo_stddpg.accepts(&d.game.facts, d.config, &err), FM_BAD);
        EXPECT_MSG(strstr(err.text, TOGETHER[k][1]), "%s", err.text);
        fm_arena_free(&d.arena);
    }
}

TEST_MAIN(CASE(stddpg_steps_along_the_total_derivative), CASE(stsac_steps_along_the_total_derivative),
          CASE(gauss_newton_steps_along_the_total_derivative),
          CASE(gauss_newton_of_deep_networks_equals_conjugate_gradient),
          CASE(implicit_terms_of_deep_networks_equal_differences), CASE(what_is_left_without_an_answer),
          CASE(the_follower_steps_when_and_as_often_as_said), CASE(damping_falls_by_the_decisions),
          CASE(gauss_newton_goes_on_without_damping),
          CASE(undamped_steps_are_guarded), CASE(bad_options_are_refused_by_name))
