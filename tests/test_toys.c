/* The toy environments of the tests have the values that their headers state. */
#include "envs/vector.h"
#include "tests/test.h"
#include "tests/toy_recall.h"
#include "tests/toy_swing.h"

static fm_arena arena;

static env make(const env_type *type, const char *settings) {
    env e = {.type = type, .config = fm_arena_alloc(&arena, 1, type->config_size)};
    fm_error err = {""};
    fm_options_reset(type->options, e.config);
    EXPECT_MSG(fm_options_apply(type->options, e.config, settings, &err) == FM_OK, "%s", err.text);
    EXPECT_EQ(env_create(&e, &arena, &err), FM_OK);
    return e;
}

/* Mean return of one agent over whole episodes; the policy sees the first observation and the present one. */
typedef double policy(const real *first, const real *now, int64_t decision);

static double play(const env *e, policy *choose, int episodes) {
    env_vec v;
    real first[3];
    size_t obs = (size_t)e->facts.obs_total * sizeof *first;
    double total = 0;
    env_vec_init(&v, e, 1, 7, FM_RNG_EVAL, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    for (int episode = 0; episode < episodes; episode++) {
        memcpy(first, env_vec_now(&v).obs, obs);
        do {
            v.actions[0] = (real)choose(first, env_vec_now(&v).obs, v.length[0]);
            EXPECT_EQ(env_vec_step(&v, NULL), FM_OK);
        } while (!env_vec_ended(&v, 0));
        total += v.sum[0];
        EXPECT_EQ(env_vec_restart(&v, NULL), FM_OK);
    }
    return total / episodes;
}

static double remember(const real *first, const real *now, int64_t decision) {
    (void)now, (void)decision;
    return (double)first[1];
}

static double forget(const real *first, const real *now, int64_t decision) {
    (void)first, (void)decision;
    return (double)now[1];
}

TEST(recall_needs_memory) {
    for (int length = 1; length <= 6; length += 5) {
        env e = make(&TOY_RECALL, length == 1 ? "length=1" : "length=6");
        EXPECT_NEAR(play(&e, remember, 400), 1, 0);
        EXPECT_NEAR(play(&e, forget, 4000), length == 1 ? 1 : 0, length == 1 ? 0 : 0.05);
    }
    /* What is seen later does not tell the sides apart. */
    env e = make(&TOY_RECALL, "");
    env_vec v;
    env_vec_init(&v, &e, 8, 7, FM_RNG_EVAL, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    int right = 0;
    for (int c = 0; c < 8; c++) right += env_vec_now(&v).obs[3 * c + 1] == 1;
    EXPECT(right > 0 && right < 8);
    for (int t = 1; t <= 5; t++) {
        EXPECT_EQ(env_vec_step(&v, NULL), FM_OK);
        for (int c = 0; c < 8; c++) {
            const real *obs = env_vec_now(&v).obs + 3 * c;
            EXPECT(obs[0] == 0 && obs[1] == 0 && obs[2] == 1);
            EXPECT_EQ(v.terminated[c], t == 5);
        }
    }
}

/* The Riccati recursion of toy_swing.h: gain[k] and value[k] = (P11, P12, P22) with k decisions left. */
#define DECISIONS 50
static double gain[DECISIONS + 1][2], value[DECISIONS + 1][3];

static void solve_swing(void) {
    double h = TOY_SWING_STEP;
    const double A[2][2] = {{1 - h * h, h}, {-h, 1}}, B[2] = {h * h, h};
    for (int k = 1; k <= DECISIONS; k++) {
        const double *p = value[k - 1];
        const double P[2][2] = {{p[0], p[1]}, {p[1], p[2]}};
        double PA[2][2], PB[2], BPB = TOY_SWING_EFFORT;
        for (int i = 0; i < 2; i++) {
            PB[i] = P[i][0] * B[0] + P[i][1] * B[1];
            for (int j = 0; j < 2; j++) PA[i][j] = P[i][0] * A[0][j] + P[i][1] * A[1][j];
        }
        BPB += B[0] * PB[0] + B[1] * PB[1];
        for (int j = 0; j < 2; j++) gain[k][j] = (PB[0] * A[0][j] + PB[1] * A[1][j]) / BPB;
        double next[2][2];
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++)
                next[i][j] = (i == j) + A[0][i] * PA[0][j] + A[1][i] * PA[1][j] -
                             BPB * gain[k][i] * gain[k][j];
        value[k][0] = next[0][0], value[k][1] = next[0][1], value[k][2] = next[1][1];
    }
}

static double push(const real *first, const real *now, int64_t decision) {
    (void)first;
    const double *K = gain[DECISIONS - decision];
    double u = -(K[0] * (double)now[0] + K[1] * (double)now[1]);
    EXPECT(fabs(u) <= 2.52);
    return u;
}

static double stay(const real *first, const real *now, int64_t decision) {
    (void)first, (void)now, (void)decision;
    return 0;
}

TEST(swing_has_the_stated_optimum) {
    solve_swing();
    EXPECT_NEAR(gain[DECISIONS][0], 0.64614, 5e-6);
    EXPECT_NEAR(gain[DECISIONS][1], 1.87332, 5e-6);
    EXPECT_NEAR(value[DECISIONS][0], 7.39702, 5e-6);
    EXPECT_NEAR(value[DECISIONS][1], 0.96922, 5e-6);
    EXPECT_NEAR(value[DECISIONS][2], 3.80998, 5e-6);
    EXPECT_NEAR(-(value[DECISIONS][0] + value[DECISIONS][2]) / 3, TOY_SWING_OPTIMUM, 5e-5);

    /* From a single start, the best pushes earn exactly what the quadratic form says, and others less. */
    env e = make(&TOY_SWING, "");
    env_vec v;
    env_vec_init(&v, &e, 1, 7, FM_RNG_EVAL, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    double x = (double)env_vec_now(&v).obs[0], speed = (double)env_vec_now(&v).obs[1];
    const double *P = value[DECISIONS];
    double best = -(P[0] * x * x + 2 * P[1] * x * speed + P[2] * speed * speed);
    EXPECT_NEAR(play(&e, push, 1), best, 1e-5 * fabs(best));
    for (int k = 1; k <= DECISIONS; k++) gain[k][1] *= 1.05;
    EXPECT(play(&e, push, 1) < best - 1e-4);
    for (int k = 1; k <= DECISIONS; k++) gain[k][1] /= 1.05;

    EXPECT_NEAR(play(&e, push, 4000), TOY_SWING_OPTIMUM, 0.15); /* some three standard errors */
    EXPECT_NEAR(play(&e, stay, 4000), -33.65, 1.2);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(recall_needs_memory), CASE(swing_has_the_stated_optimum))
