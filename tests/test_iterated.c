/* The iterated games: their exact values against the published tables and an enumeration of the test's own,
 * and the environment's rules. */
#include <time.h>

#include "envs/games/iterated.h"
#include "envs/vector.h"
#include "tests/test.h"

/* The payoffs once more, by (leader's action, follower's action). */
static const struct {
    const char *name;
    int payoff[2][2][2];
} GAMES[] = {
    {"prisoners_dilemma", {{{3, 3}, {1, 4}}, {{4, 1}, {2, 2}}}},
    {"stag_hunt", {{{4, 4}, {1, 3}}, {{3, 1}, {2, 2}}}},
    {"assurance", {{{4, 4}, {1, 2}}, {{2, 1}, {3, 3}}}},
    {"coordination", {{{4, 4}, {2, 1}}, {{1, 2}, {3, 3}}}},
    {"mixedharmony", {{{4, 4}, {3, 1}}, {{1, 3}, {2, 2}}}},
    {"harmony", {{{4, 4}, {3, 2}}, {{2, 3}, {1, 1}}}},
    {"noconflict", {{{4, 4}, {2, 3}}, {{3, 2}, {1, 1}}}},
    {"deadlock", {{{2, 2}, {1, 4}}, {{4, 1}, {3, 3}}}},
    {"prisoners_delight", {{{1, 1}, {2, 4}}, {{4, 2}, {3, 3}}}},
    {"hero", {{{1, 1}, {3, 4}}, {{4, 3}, {2, 2}}}},
    {"battle", {{{2, 2}, {3, 4}}, {{4, 3}, {1, 1}}}},
    {"chicken", {{{3, 3}, {2, 4}}, {{4, 2}, {1, 1}}}},
    {"modified_prisoners_dilemma", {{{4, 3}, {2, 4}}, {{3, 1}, {1, 2}}}},
};
enum { GAME_COUNT = sizeof GAMES / sizeof *GAMES };

static iterated_game make(const char *name, const char *memory, int horizon) {
    iterated_config config;
    fm_error err = {""};
    char settings[128];
    fm_options_reset(ITERATED_OPTIONS, &config);
    snprintf(settings, sizeof settings, "game=%s memory=%s horizon=%d", name, memory, horizon);
    EXPECT_MSG(fm_options_apply(ITERATED_OPTIONS, &config, settings, &err) == FM_OK, "%s", err.text);
    return iterated_make(&config);
}

/* ---- exact values ---- */

/* The published lists [Gerstgrasser & Parkes 2023, as enumerated from their program's games], joint memory:
 * sums of leader and follower for the leader's tables 0..31, tables that attain the best, tables on which
 * ties matter. */
static const struct {
    const char *name;
    int horizon, best, ties;
    int leader[32], follower[32];
} LISTS[] = {
    {"prisoners_dilemma",
     10,
     1,
     3,
     {10, 11, 10, 11, 10, 11, 10, 11, 19, 15, 15, 15, 19, 15, 15, 15,
      10, 13, 10, 13, 10, 20, 10, 20, 30, 31, 25, 25, 30, 20, 19, 20},
     {40, 38, 40, 38, 40, 38, 40, 38, 31, 30, 30, 30, 31, 30, 30, 30,
      40, 37, 40, 37, 40, 20, 40, 20, 30, 28, 25, 25, 30, 20, 22, 20}},
    {"stag_hunt",
     10,
     8,
     3,
     {40, 38, 29, 30, 40, 38, 29, 30, 40, 38, 30, 30, 40, 38, 30, 30,
      40, 39, 10, 12, 40, 20, 10, 20, 40, 39, 35, 35, 40, 20, 22, 20},
     {40, 38, 31, 30, 40, 38, 31, 30, 40, 38, 30, 30, 40, 38, 30, 30,
      40, 37, 30, 28, 40, 20, 30, 20, 40, 37, 25, 25, 40, 20, 22, 20}},
    {"coordination",
     10,
     8,
     4,
     {40, 39, 35, 35, 40, 39, 35, 35, 40, 39, 35, 35, 40, 39, 35, 35,
      40, 37, 31, 30, 40, 30, 31, 30, 40, 37, 31, 30, 40, 30, 31, 30},
     {40, 39, 35, 35, 40, 39, 35, 35, 40, 39, 35, 35, 40, 39, 35, 35,
      40, 38, 31, 30, 40, 30, 31, 30, 40, 38, 31, 30, 40, 30, 31, 30}},
    {"harmony",
     10,
     8,
     0,
     {40, 38, 30, 30, 40, 37, 22, 20, 40, 38, 30, 30, 40, 37, 22, 20,
      40, 38, 30, 30, 40, 20, 22, 20, 40, 38, 30, 30, 40, 20, 22, 20},
     {40, 39, 35, 35, 40, 37, 31, 30, 40, 39, 35, 35, 40, 37, 31, 30,
      40, 39, 35, 35, 40, 30, 31, 30, 40, 39, 35, 35, 40, 30, 31, 30}},
    {"prisoners_delight",
     10,
     6,
     0,
     {20, 21, 20, 21, 20, 21, 20, 21, 25, 25, 25, 25, 25, 25, 25, 25,
      20, 22, 20, 22, 20, 30, 20, 30, 29, 30, 29, 30, 29, 30, 29, 30},
     {40, 39, 40, 39, 40, 39, 40, 39, 35, 35, 35, 35, 35, 35, 35, 35,
      40, 38, 40, 38, 40, 30, 40, 30, 31, 30, 31, 30, 31, 30, 31, 30}},
    {"battle",
     10,
     6,
     0,
     {30, 31, 30, 31, 30, 28, 30, 28, 35, 35, 35, 35, 39, 40, 39, 40,
      30, 31, 30, 31, 30, 40, 30, 40, 35, 35, 35, 35, 39, 40, 39, 40},
     {40, 39, 40, 39, 40, 37, 40, 37, 35, 35, 35, 35, 31, 30, 31, 30,
      40, 39, 40, 39, 40, 30, 40, 30, 35, 35, 35, 35, 31, 30, 31, 30}},
    {"modified_prisoners_dilemma",
     5,
     2,
     5,
     {10, 9,  10, 9,  10, 9, 10, 9, 13, 17, 8,  7,  13, 17, 8, 7,
      10, 11, 10, 11, 10, 5, 10, 5, 20, 19, 12, 11, 20, 5,  6, 5},
     {20, 18, 20, 18, 20, 18, 20, 18, 16, 14, 16, 14, 16, 14, 16, 14,
      20, 17, 20, 17, 20, 10, 20, 10, 15, 13, 14, 12, 15, 10, 12, 10}},
};

TEST(published_lists_are_met) {
    for (size_t k = 0; k < sizeof LISTS / sizeof *LISTS; k++) {
        iterated_game g = make(LISTS[k].name, "joint", LISTS[k].horizon);
        iterated_solution s = iterated_solve(&g);
        int best = 0, ties = 0;
        EXPECT_EQ(g.tables, 32);
        for (int leader = 0; leader < 32; leader++) {
            iterated_answers a = iterated_answer(&g, leader);
            EXPECT_MSG(a.strong.sum[0] == LISTS[k].leader[leader], "%s, table %d: leader %g", g.name, leader,
                       a.strong.sum[0]);
            EXPECT_MSG(a.strong.sum[1] == LISTS[k].follower[leader], "%s, table %d: follower %g", g.name,
                       leader, a.strong.sum[1]);
            best += a.strong.sum[0] == s.strong.sum[0];
            ties += a.strong.sum[0] != a.weak.sum[0];
        }
        EXPECT_EQ(best, LISTS[k].best);
        EXPECT_EQ(ties, LISTS[k].ties);
    }
}

/* The published values: of the pairs that are given, strong, weak, against a follower that counts rounds. */
static const struct {
    const char *name, *memory;
    int horizon, sum, follower, weak, by_round;
    const char *table; /* one that attains it */
} VALUES[] = {
    {"prisoners_dilemma", "joint", 10, 31, 28, 31, 29, "10011"},
    {"stag_hunt", "joint", 10, 40, 40, 40, 40, "00000"},
    {"coordination", "joint", 10, 40, 40, 40, 40, "00111"},
    {"harmony", "joint", 10, 40, 40, 40, 40, "00010"},
    {"prisoners_delight", "joint", 10, 30, 30, 30, 30, "10011"},
    {"battle", "joint", 10, 40, 30, 40, 40, "10101"},
    {"prisoners_dilemma", "joint", 5, 16, -1, -1, -1, "10011"},
    {"prisoners_dilemma", "small", 5, 16, -1, -1, -1, "101"},
    {"modified_prisoners_dilemma", "joint", 5, 20, -1, -1, 18, "00011"},
    {"modified_prisoners_dilemma", "small", 5, 20, -1, -1, 18, "001"},
    {"modified_prisoners_dilemma", "joint", 10, 40, -1, -1, 38, "00111"},
};

TEST(published_values_are_met) {
    for (size_t k = 0; k < sizeof VALUES / sizeof *VALUES; k++) {
        iterated_game g = make(VALUES[k].name, VALUES[k].memory, VALUES[k].horizon);
        iterated_solution s = iterated_solve(&g);
        int table = 0;
        for (int bit = 0; VALUES[k].table[bit]; bit++) table |= (VALUES[k].table[bit] - '0') << bit;
        EXPECT_MSG(s.strong.sum[0] == VALUES[k].sum, "%s: %g", g.name, s.strong.sum[0]);
        EXPECT_EQ(iterated_answer(&g, table).strong.sum[0], VALUES[k].sum);
        if (VALUES[k].follower >= 0) EXPECT_EQ(s.strong.sum[1], VALUES[k].follower);
        if (VALUES[k].weak >= 0) EXPECT_EQ(s.weak.sum[0], VALUES[k].weak);
        if (VALUES[k].by_round >= 0) EXPECT_EQ(s.by_round.sum[0], VALUES[k].by_round);
    }
}

/* Every other game keeps its value per round at H = 5, with both memories: that of committing to one action,
 * but in the prisoner's dilemma, where memory is worth something. */
TEST(values_per_round_do_not_depend_on_memory) {
    static const int PER_ROUND[] = {-1, 4, 4, 4, 4, 4, 4, 3, 3, 4, 4, 4};
    for (int k = 1; k < 12; k++) {
        for (int small = 0; small < 2; small++) {
            iterated_game g = make(GAMES[k].name, small ? "small" : "joint", 5);
            EXPECT_MSG(iterated_solve(&g).strong.sum[0] == 5 * PER_ROUND[k], "%s", g.name);
        }
        iterated_game ten = make(GAMES[k].name, "joint", 10);
        EXPECT_MSG(iterated_solve(&ten).strong.sum[0] == 10 * PER_ROUND[k], "%s", ten.name);
        iterated_game once = make(GAMES[k].name, "none", 1);
        EXPECT_MSG(iterated_solve(&once).strong.sum[0] == PER_ROUND[k], "%s", once.name);
    }
    iterated_game pd = make("prisoners_dilemma", "none", 10);
    iterated_game modified = make("modified_prisoners_dilemma", "none", 1);
    EXPECT_EQ(iterated_solve(&pd).strong.sum[0], 20);
    EXPECT_EQ(iterated_solve(&modified).strong.sum[0], 2);
    iterated_game sexes = make("battle_of_the_sexes", "none", 1), timing = make("reward_timing", "none", 1);
    EXPECT_EQ(iterated_solve(&sexes).strong.sum[0], 2);
    EXPECT_EQ(iterated_solve(&timing).strong.sum[0], 2);
}

/* ---- an enumeration of the test's own ---- */

static int see(const char *memory, int player, int a0, int a1) {
    if (a0 < 0) return 0;
    if (strcmp(memory, "small") == 0) return 1 + (player == 0 ? a1 : a0);
    return a0 == 0 && a1 == 0 ? 1 : a0 == 1 && a1 == 0 ? 2 : a0 == 0 && a1 == 1 ? 3 : 4;
}

static void simulate(int game, const char *memory, int horizon, int leader, int follower, int sum[2]) {
    int a0 = -1, a1 = -1;
    sum[0] = sum[1] = 0;
    for (int t = 0; t < horizon; t++) {
        int s0 = see(memory, 0, a0, a1), s1 = see(memory, 1, a0, a1);
        a0 = (leader & (1 << s0)) != 0;
        a1 = (follower & (1 << s1)) != 0;
        for (int i = 0; i < 2; i++) sum[i] += GAMES[game].payoff[a0][a1][i];
    }
}

/* Best over all plans of the rounds: by trying all 2^H sequences of a follower that counts. */
static void best_sequence(int game, const char *memory, int horizon, int leader, int best[2]) {
    best[0] = best[1] = -1;
    for (int plan = 0; plan < 1 << horizon; plan++) {
        int a0 = -1, a1 = -1, sum[2] = {0};
        for (int t = 0; t < horizon; t++) {
            a0 = (leader & (1 << see(memory, 0, a0, a1))) != 0;
            a1 = plan >> t & 1;
            for (int i = 0; i < 2; i++) sum[i] += GAMES[game].payoff[a0][a1][i];
        }
        if (sum[1] > best[1] || (sum[1] == best[1] && sum[0] > best[0])) best[0] = sum[0], best[1] = sum[1];
    }
}

static void check_table(int game, const char *memory, int horizon, int leader) {
    iterated_game g = make(GAMES[game].name, memory, horizon);
    iterated_answers a = iterated_answer(&g, leader);
    int best = -1, strong = -1, weak = -1, sum[2];
    for (int follower = 0; follower < g.tables; follower++) {
        simulate(game, memory, horizon, leader, follower, sum);
        if (sum[1] > best) best = sum[1], strong = weak = sum[0];
        if (sum[1] == best && sum[0] > strong) strong = sum[0];
        if (sum[1] == best && sum[0] < weak) weak = sum[0];
    }
    EXPECT_EQ(a.strong.sum[0], strong);
    EXPECT_EQ(a.weak.sum[0], weak);
    EXPECT_EQ(a.strong.sum[1], best);
    EXPECT_EQ(a.weak.sum[1], best);
    simulate(game, memory, horizon, leader, a.strong.follower, sum);
    EXPECT(sum[0] == strong && sum[1] == best);
    simulate(game, memory, horizon, leader, a.weak.follower, sum);
    EXPECT(sum[0] == weak && sum[1] == best);
    if (horizon > 8) return;
    int timed[2];
    double by_round[2];
    best_sequence(game, memory, horizon, leader, timed);
    iterated_answer_by_round(&g, leader, by_round);
    EXPECT(by_round[0] == timed[0] && by_round[1] == timed[1]);
}

TEST(every_table_of_every_game_is_right) {
    static const char *const MEMORY[] = {"joint", "small"};
    static const int HORIZON[] = {1, 5, 10};
    for (int game = 0; game < GAME_COUNT; game++)
        for (int m = 0; m < 2; m++)
            for (int h = 0; h < 3; h++)
                for (int leader = 0; leader < (m == 0 ? 32 : 8); leader++)
                    check_table(game, MEMORY[m], HORIZON[h], leader);
}

TEST(twelve_games_take_less_than_a_second) {
    clock_t start = clock();
    double total = 0;
    for (int game = 0; game < 12; game++) {
        iterated_game g = make(GAMES[game].name, "joint", 10);
        total += iterated_solve(&g).strong.sum[0];
    }
    EXPECT_EQ(total, 31 + 9 * 40 + 2 * 30);
    EXPECT((double)(clock() - start) / CLOCKS_PER_SEC < 1);
}

/* ---- the environment ---- */

typedef struct bench {
    fm_arena arena;
    env env;
    env_vec vec;
} bench;

static void bench_open(bench *b, const char *settings) {
    fm_error err = {""};
    memset(b, 0, sizeof *b);
    EXPECT(env_open("iterated", &b->arena, &b->env, &err) == FM_OK);
    fm_status status = fm_options_apply(b->env.type->options, b->env.config, settings, &err);
    EXPECT_MSG(status == FM_OK, "%s", err.text);
    EXPECT(env_create(&b->env, &b->arena, &err) == FM_OK);
    env_vec_init(&b->vec, &b->env, 1, 0, FM_RNG_ENV, &b->arena, NULL);
    EXPECT(env_vec_reset(&b->vec, &err) == FM_OK);
}

static void bench_step(bench *b, int leader, int follower) {
    fm_error err = {""};
    b->vec.actions[0] = (real)leader;
    b->vec.actions[1] = (real)follower;
    EXPECT_MSG(env_vec_step(&b->vec, &err) == FM_OK, "%s", err.text);
}

/* The state that an agent sees, or -1. */
static int seen(const bench *b, int agent) {
    const env_agent *a = &b->env.facts.agent[agent];
    const real *obs = env_vec_now(&b->vec).obs + a->obs_at;
    int state = -1;
    for (int s = 0; s < a->obs_length; s++) {
        EXPECT(obs[s] == 0 || obs[s] == 1);
        if (obs[s] == 1) state = state < 0 ? s : -1;
    }
    return state;
}

/* A played game, round by round: actions, what both see after it, rewards. */
TEST(a_trajectory_with_joint_memory) {
    static const struct {
        int a[2], state[2];
        double reward[2];
    } ROUNDS[] = {
        {{1, 0}, {2, 2}, {1.5, -1.5}},
        {{0, 0}, {1, 1}, {0.5, 0.5}},
        {{0, 1}, {3, 3}, {-1.5, 1.5}},
        {{1, 1}, {4, 4}, {-0.5, -0.5}},
    };
    bench b;
    bench_open(&b, "horizon=4");
    EXPECT(seen(&b, 0) == 0 && seen(&b, 1) == 0 && b.env.facts.horizon == 4);
    for (int t = 0; t < 4; t++) {
        bench_step(&b, ROUNDS[t].a[0], ROUNDS[t].a[1]);
        for (int i = 0; i < 2; i++) {
            EXPECT_EQ(seen(&b, i), ROUNDS[t].state[i]);
            EXPECT(b.vec.rewards[i] == ROUNDS[t].reward[i]);
        }
        EXPECT_EQ(b.vec.terminated[0], t == 3);
    }
    EXPECT(b.vec.sum[0] == 0 && b.vec.sum[1] == 0);
    fm_arena_free(&b.arena);
}

TEST(a_trajectory_with_small_memory) {
    static const struct {
        int a[2], state[2];
        double reward[2];
    } ROUNDS[] = {
        {{1, 0}, {1, 2}, {4, 3}},
        {{0, 1}, {2, 1}, {3, 4}},
        {{1, 1}, {2, 2}, {2, 2}},
        {{0, 0}, {1, 1}, {1, 1}},
    };
    bench b;
    bench_open(&b, "game=hero memory=small horizon=4 offset=0");
    for (int t = 0; t < 4; t++) {
        bench_step(&b, ROUNDS[t].a[0], ROUNDS[t].a[1]);
        for (int i = 0; i < 2; i++) {
            EXPECT_EQ(seen(&b, i), ROUNDS[t].state[i]);
            EXPECT(b.vec.rewards[i] == ROUNDS[t].reward[i]);
        }
    }
    EXPECT(b.vec.terminated[0]);
    fm_arena_free(&b.arena);
}

/* The pair of tables that solves the dilemma, played through the environment, earns its value less ten times
 * the offset; and so say the facts. */
TEST(the_solution_can_be_played) {
    bench b;
    bench_open(&b, "");
    iterated_config config;
    fm_options_reset(ITERATED_OPTIONS, &config);
    iterated_game g = iterated_make(&config);
    iterated_outcome best = iterated_solve(&g).strong;
    while (!env_vec_ended(&b.vec, 0))
        bench_step(&b, best.leader >> seen(&b, 0) & 1, best.follower >> seen(&b, 1) & 1);
    EXPECT(b.vec.sum[0] == 6 && b.vec.sum[1] == 3);
    const env_solution *s = env_facts_solution(&b.env.facts, "stackelberg");
    EXPECT(s && s->value[0] == 6 && s->value[1] == 3);
    EXPECT_HAS(s->label, "leader 1,0,0,1,1");
    fm_arena_free(&b.arena);
}

TEST(what_does_not_exist_is_named) {
    iterated_config config;
    fm_error err = {""};
    fm_options_reset(ITERATED_OPTIONS, &config);
    EXPECT(fm_options_set(ITERATED_OPTIONS, &config, "game", "prisoner_dilemma", &err) == FM_BAD);
    EXPECT_HAS(err.text, "did you mean 'prisoners_dilemma'?");
    EXPECT(fm_options_set(ITERATED_OPTIONS, &config, "memory", "long", &err) == FM_BAD);
    EXPECT_HAS(err.text, "joint|small|none");
    EXPECT(fm_options_set(ITERATED_OPTIONS, &config, "horizon", "0", &err) == FM_BAD);
}

TEST_MAIN(CASE(published_lists_are_met), CASE(published_values_are_met),
          CASE(values_per_round_do_not_depend_on_memory), CASE(every_table_of_every_game_is_right),
          CASE(twelve_games_take_less_than_a_second), CASE(a_trajectory_with_joint_memory),
          CASE(a_trajectory_with_small_memory), CASE(the_solution_can_be_played),
          CASE(what_does_not_exist_is_named))
