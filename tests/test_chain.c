/* The chain: its closed forms against numerical optimisation that knows only the reward. */
#include <stdlib.h>

#include "envs/env.h"
#include "envs/vector.h"
#include "tests/test.h"

#define AGENTS_MAX 64

typedef struct rope {
    fm_arena arena;
    env env;
    env_vec vec;
    int n;
} rope;

static void rope_open(rope *r, int agents, uint64_t seed) {
    fm_error err = {""};
    char settings[32];
    memset(r, 0, sizeof *r);
    snprintf(settings, sizeof settings, "agents=%d", agents);
    bool ok = env_open("chain", &r->arena, &r->env, &err) == FM_OK &&
              fm_options_apply(r->env.type->options, r->env.config, settings, &err) == FM_OK &&
              env_create(&r->env, &r->arena, &err) == FM_OK;
    EXPECT_MSG(ok, "%s", err.text);
    if (!ok) exit(1);
    r->n = agents;
    env_vec_init(&r->vec, &r->env, 1, seed, FM_RNG_ENV, &r->arena, NULL);
    EXPECT_EQ(env_vec_reset(&r->vec, NULL), FM_OK);
}

/* The posts of the present episode, as the centralised state has them. */
static double left_of(const rope *r) { return (double)env_vec_now(&r->vec).central[0]; }
static double right_of(const rope *r) { return (double)env_vec_now(&r->vec).central[1]; }

/* The reward of a joint action in the present episode, which stays as it is. */
static double reward_of(rope *r, const double *height) {
    unsigned char state[1024];
    real obs[2 * AGENTS_MAX], central[2], actions[AGENTS_MAX];
    double rewards[AGENTS_MAX];
    env_io io = {.obs = obs, .central = central, .actions = actions, .rewards = rewards};
    EXPECT(r->env.facts.state_size <= sizeof state);
    memcpy(state, env_vec_state(&r->vec, 0), r->env.facts.state_size);
    for (int i = 0; i < r->n; i++) actions[i] = (real)height[i];
    r->env.type->step(r->env.game, state, NULL, &io);
    EXPECT(io.terminated);
    for (int i = 1; i < r->n; i++) EXPECT(rewards[i] == rewards[0]);
    return rewards[0];
}

/* The best height of agent i, the others fixed: the top of the parabola through three points. */
static double best_height(rope *r, double *height, int i) {
    double held = height[i], y[3];
    for (int k = 0; k < 3; k++) {
        height[i] = k - 1.0;
        y[k] = reward_of(r, height);
    }
    height[i] = held;
    return 0.5 * (y[0] - y[2]) / (y[0] - 2 * y[1] + y[2]);
}

/* Agents from..N-1 in turns, until nobody moves. */
static void settle(rope *r, double *height, int from, int turns) {
    for (int turn = 0; turn < turns; turn++)
        for (int i = from; i < r->n; i++) height[i] = best_height(r, height, i);
}

TEST(the_optimum_is_even) {
    rope r;
    rope_open(&r, 5, 3);
    for (int episode = 0; episode < 5; episode++) {
        double height[5] = {0}, l = left_of(&r), g = right_of(&r);
        settle(&r, height, 0, 60);
        for (int i = 0; i < 5; i++) EXPECT_NEAR(height[i], l + (i + 1) * (g - l) / 6, 1e-5);
        EXPECT_NEAR(reward_of(&r, height), 0, 1e-9);
        EXPECT_EQ(env_vec_reset(&r.vec, NULL), FM_OK);
    }
    const env_solution *best = env_facts_solution(&r.env.facts, "stackelberg");
    EXPECT(best != NULL && best->value[4] == 0);
    fm_arena_free(&r.arena);
}

/* No joint action of any length of chain gets more than 0, and the bounds hold. */
TEST(nothing_is_better_than_even) {
    static const int LENGTHS[] = {2, 3, 8, 64};
    for (size_t k = 0; k < sizeof LENGTHS / sizeof *LENGTHS; k++) {
        rope r;
        rope_open(&r, LENGTHS[k], k);
        fm_rng rng = fm_rng_split(k, FM_RNG_TEST, 0, 0);
        double height[AGENTS_MAX], low = 0;
        for (int trial = 0; trial < 300; trial++) {
            double l = left_of(&r), d = (right_of(&r) - l) / (r.n + 1);
            for (int i = 0; i < r.n; i++) height[i] = l + (i + 1) * d;
            EXPECT_NEAR(reward_of(&r, height), 0, 1e-10);
            for (int i = 0; i < r.n; i++)
                height[i] = trial % 2 ? 2 * fm_rng_uniform(&rng) - 1 : i % 2 * 2 - 1;
            double reward = reward_of(&r, height);
            low = fmin(low, reward);
            EXPECT(reward < 0 && reward >= r.env.facts.agent[0].reward_low);
            EXPECT_EQ(env_vec_reset(&r.vec, NULL), FM_OK);
        }
        EXPECT(low < 0.5 * r.env.facts.agent[0].reward_low || r.n < 8);
        fm_arena_free(&r.arena);
    }
}

/* Whatever came before, the best answer repairs it evenly. */
TEST(the_best_answer_depends_on_the_one_before) {
    rope r;
    rope_open(&r, 6, 9);
    fm_rng rng = fm_rng_split(9, FM_RNG_TEST, 0, 0);
    for (int from = 1; from < 6; from++) {
        double height[6] = {0}, g = right_of(&r);
        for (int i = 0; i < from; i++) height[i] = 2 * fm_rng_uniform(&rng) - 1;
        settle(&r, height, from, 60);
        EXPECT_NEAR(height[from], height[from - 1] + (g - height[from - 1]) / (7 - from), 1e-5);
        EXPECT_EQ(env_vec_reset(&r.vec, NULL), FM_OK);
    }
    fm_arena_free(&r.arena);
}

/* The blind team's best mean return, by descent in one coefficient after the other: its best policies are
 * linear, because for given posts the conditions of a least sum of squares are linear equations; and means
 * over the posts are those of independent numbers of variance 1/3. */
static double blind_value(int n) {
    double on_right[AGENTS_MAX] = {0}; /* a_0 = on_left l + on_right[0] g, a_i = on_right[i] g */
    const double on_left = 0.5;        /* links 0 and 1: (1 - w)^2 + w^2 is least */
    for (int turn = 0; turn < 20000; turn++)
        for (int i = 0; i < n; i++) {
            double before = i ? on_right[i - 1] : 0, after = i + 1 < n ? on_right[i + 1] : 1;
            on_right[i] = (before + after) / 2;
        }
    double squares = ((1 - on_left) * (1 - on_left) + on_left * on_left) / 3;
    for (int i = 0; i <= n; i++) {
        double rise = (i < n ? on_right[i] : 1) - (i ? on_right[i - 1] : 0);
        squares += rise * rise / 3;
    }
    return 2.0 / 3 / (n + 1) - squares;
}

TEST(the_blind_value_is_that_of_the_best_blind_team) {
    static const int LENGTHS[] = {2, 3, 8, 64};
    for (size_t k = 0; k < sizeof LENGTHS / sizeof *LENGTHS; k++) {
        rope r;
        rope_open(&r, LENGTHS[k], 0);
        const env_solution *blind = env_facts_solution(&r.env.facts, "blind");
        EXPECT(blind != NULL);
        EXPECT_NEAR(blind->value[0], blind_value(r.n), 1e-9);
        fm_arena_free(&r.arena);
    }
    /* And that team plays to it. */
    rope r;
    rope_open(&r, 8, 1);
    double sum = 0, squares = 0, height[8];
    int episodes = 4000;
    for (int e = 0; e < episodes; e++) {
        const real *obs = env_vec_now(&r.vec).obs;
        double g = (double)obs[1];
        for (int i = 0; i < 8; i++) height[i] = (i + 1) * g / 9;
        height[0] += (double)obs[0] / 2;
        double reward = reward_of(&r, height);
        sum += reward, squares += reward * reward;
        EXPECT_EQ(env_vec_reset(&r.vec, NULL), FM_OK);
    }
    double mean = sum / episodes, error = sqrt((squares / episodes - mean * mean) / episodes);
    EXPECT_NEAR(mean, -7.0 / 54, 3 * error);
    EXPECT(error < 0.003);
    fm_arena_free(&r.arena);
}

TEST(agents_see_what_the_card_says) {
    rope r;
    rope_open(&r, 3, 4);
    double low = 1, high = -1, product = 0;
    for (int e = 0; e < 3000; e++) {
        env_view now = env_vec_now(&r.vec);
        double l = left_of(&r), g = right_of(&r);
        for (int i = 0; i < 3; i++) {
            EXPECT_NEAR(now.obs[2 * i], i == 0 ? l : 0, 0);
            EXPECT_NEAR(now.obs[2 * i + 1], g, 0);
        }
        low = fmin(low, fmin(l, g)), high = fmax(high, fmax(l, g)), product += l * g / 3000;
        EXPECT_EQ(env_vec_reset(&r.vec, NULL), FM_OK);
    }
    EXPECT(low >= -1 && low < -0.99 && high <= 1 && high > 0.99);
    EXPECT_NEAR(product, 0, 4 / 3.0 / sqrt(3000));
    EXPECT_EQ(r.env.facts.agent[2].level, 2);
    EXPECT_EQ(r.env.facts.rewards, ENV_COMMON);
    fm_arena_free(&r.arena);
    env e;
    fm_error err = {""};
    EXPECT_EQ(env_open("chain", &r.arena, &e, &err), FM_OK);
    EXPECT_EQ(fm_options_apply(e.type->options, e.config, "agents=65", &err), FM_BAD);
    EXPECT_HAS(err.text, "agents");
    fm_arena_free(&r.arena);
}

TEST_MAIN(CASE(the_optimum_is_even), CASE(nothing_is_better_than_even),
          CASE(the_best_answer_depends_on_the_one_before),
          CASE(the_blind_value_is_that_of_the_best_blind_team),
          CASE(agents_see_what_the_card_says))
