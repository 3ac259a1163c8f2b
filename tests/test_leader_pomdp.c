/* The POMDPs of leaders and followers: what an episode consists of, who acts and learns when, the oracles,
 * and each condition of the reduction broken on purpose. */
#include "envs/commitment/oracle.h"
#include "tests/pomdp_bench.h"

static bool learns(const bench *b, int agent) { return env_vec_now(&b->vec).learns[agent]; }

/* An episode of a leader whose table is over what it observes; its return. */
static double play_table(bench *b, int table) {
    while (!env_vec_ended(&b->vec, 0)) {
        b->vec.actions[0] = (real)(table >> seen(b, 0) & 1);
        take(b);
    }
    double sum = b->vec.sum[0];
    restart(b);
    return sum;
}

static iterated_game game_of(const char *settings) {
    iterated_config config;
    fm_error err = {""};
    fm_options_reset(ITERATED_OPTIONS, &config);
    EXPECT_MSG(fm_options_apply(ITERATED_OPTIONS, &config, settings, &err) == FM_OK, "%s", err.text);
    return iterated_make(&config);
}

static const char *const RULES[] = {
    "game=prisoners_dilemma",
    "game=stag_hunt horizon=7",
    "game=hero memory=small horizon=5",
    "game=modified_prisoners_dilemma memory=small horizon=5",
    "game=chicken offset=0",
    "game=deadlock",
    "game=battle_of_the_sexes memory=none horizon=1 offset=0",
};
enum { RULES_COUNT = sizeof RULES / sizeof *RULES };

/* ---- the exact oracle ---- */

/* Every table earns what its best answer leaves it, cached or not. */
TEST(tables_earn_their_exact_value) {
    for (int k = 0; k < RULES_COUNT; k++)
        for (int independent = 0; independent < 2; independent++) {
            char settings[256];
            bench b;
            iterated_game g = game_of(RULES[k]);
            snprintf(settings, sizeof settings, "%s commitment=%s", RULES[k],
                     independent ? "independent" : "cached");
            bench_open(&b, "leader-pomdp", settings, 3);
            EXPECT_EQ(b.env.facts.horizon, g.states + g.horizon);
            for (int table = 0; table < g.tables; table++) {
                double want = iterated_answer(&g, table).strong.sum[0] - (double)g.horizon * g.offset;
                EXPECT_NEAR(play_table(&b, table), want, 1e-9);
            }
            const env_solution *s = env_facts_solution(&b.env.facts, "stackelberg");
            EXPECT(s != NULL);
            if (s)
                EXPECT_NEAR(s->value[0], iterated_solve(&g).strong.sum[0] - (double)g.horizon * g.offset,
                            1e-9);
            fm_arena_free(&b.arena);
        }
}

/* Questions in order, each once, without reward; then the game. The cached leader waits in it, the other one
 * acts; and both learn from their questions. */
TEST(an_episode_asks_then_plays) {
    for (int independent = 0; independent < 2; independent++) {
        bench b;
        bench_open(&b, "leader-pomdp", independent ? "commitment=independent" : "", 0);
        EXPECT_EQ(b.env.facts.agents, 1);
        EXPECT_EQ(b.env.facts.agent[0].obs_length, 5);
        static const int TIT_FOR_TAT[] = {0, 0, 0, 1, 1};
        for (int t = 0; t < 15; t++) {
            EXPECT(learns(&b, 0) == acts(&b, 0));
            EXPECT_EQ(acts(&b, 0), t < 5 || independent);
            if (t < 5) EXPECT_EQ(seen(&b, 0), t);
            if (t == 5) EXPECT_EQ(seen(&b, 0), 0);
            if (t > 5) EXPECT_EQ(seen(&b, 0), 1);
            b.vec.actions[0] = (real)TIT_FOR_TAT[seen(&b, 0)];
            take(&b);
            EXPECT(b.vec.rewards[0] == (t < 5 ? 0 : 0.5));
            EXPECT_EQ(env_vec_ended(&b.vec, 0), t == 14);
        }
        EXPECT(b.vec.terminated[0] && !b.vec.truncated[0]);
        fm_arena_free(&b.arena);
    }
}

/* Answers like tit-for-tat, then defects: the follower cooperates. A cached leader cannot. */
static double lie(bench *b, int questions) {
    for (int t = 0; !env_vec_ended(&b->vec, 0); t++) {
        int situation = seen(b, 0);
        b->vec.actions[0] = (real)(t < questions ? situation >= 2 : 1);
        take(b);
    }
    double sum = b->vec.sum[0];
    restart(b);
    return sum;
}

TEST(only_an_independent_leader_can_lie) {
    bench b;
    bench_open(&b, "leader-pomdp", "memory=small horizon=5 commitment=independent offset=0", 0);
    EXPECT_NEAR(lie(&b, 3), 20, 1e-9);
    fm_arena_free(&b.arena);
    bench_open(&b, "leader-pomdp", "memory=small horizon=5 commitment=cached offset=0", 0);
    EXPECT_NEAR(lie(&b, 3), 15, 1e-9);
    fm_arena_free(&b.arena);
}

/* ---- conditions broken on purpose ---- */

TEST(the_phase_flag_tells_questions_from_play) {
    for (int cached = 0; cached < 2; cached++) {
        bench b;
        bench_open(&b, "leader-pomdp",
                   cached ? "memory=small horizon=5 phase_flag=true offset=0"
                          : "memory=small horizon=5 phase_flag=true commitment=independent offset=0",
                   0);
        EXPECT_EQ(b.env.facts.agent[0].obs_length, 6);
        for (int t = 0; t < 8; t++) {
            EXPECT(t < 3 ? seen(&b, 0) == 3 + t : seen(&b, 0) < 3);
            /* Cached: first visits of the start and of "the other cooperated" are decisions of their own. */
            EXPECT_EQ(acts(&b, 0), !cached || t < 5);
            b.vec.actions[0] = (real)(t < 3 ? t == 2 : 1);
            take(&b);
        }
        EXPECT(b.vec.sum[0] == 20);
        fm_arena_free(&b.arena);
    }
}

TEST(hidden_queries_do_not_teach) {
    bench b;
    bench_open(&b, "leader-pomdp", "hidden_queries=true commitment=independent", 0);
    for (int t = 0; t < 15; t++) {
        EXPECT(acts(&b, 0));
        EXPECT_EQ(learns(&b, 0), t >= 5);
        b.vec.actions[0] = 1;
        take(&b);
    }
    fm_arena_free(&b.arena);
}

/* The test's own Q-learner, that never explores: plays `games` games of H rounds against a leader with a
 * table, small memory, and leaves its values in q[3][2]; returns the leader's payoffs of these games. */
static double learn_q(const iterated_game *g, int table, int games, double q[3][2]) {
    double paid = 0;
    for (int game = 0; game < games; game++) {
        int joint = -1, situation = 0;
        for (int t = 0; t < g->horizon; t++) {
            int row = table >> iterated_state(g, 0, joint) & 1, col = q[situation][1] > q[situation][0];
            joint = row + 2 * col;
            paid += g->payoff[0][joint] - g->offset;
            int next = iterated_state(g, 1, joint);
            double target = g->payoff[1][joint] - g->offset;
            if (t + 1 < g->horizon) target += 0.9 * fmax(q[next][0], q[next][1]);
            q[situation][col] += 0.1 * (target - q[situation][col]);
            situation = next;
        }
    }
    return paid;
}

static double play_greedy(const iterated_game *g, int table, double q[3][2]) {
    int joint = -1;
    double paid = 0;
    for (int t = 0; t < g->horizon; t++) {
        int s0 = iterated_state(g, 0, joint), s1 = iterated_state(g, 1, joint);
        joint = (table >> s0 & 1) + 2 * (q[s1][1] > q[s1][0]);
        paid += g->payoff[0][joint] - g->offset;
    }
    return paid;
}

#define Q_SETTINGS "memory=small horizon=5 oracle=q games=20 q_epsilon=0 q_init=0 "

/* Against two leaders in turn; carried, the values of the first are there when the second comes. */
TEST(tabular_q_learns_as_by_hand) {
    for (int variant = 0; variant < 3; variant++) {
        static const char *const SETTINGS[] = {Q_SETTINGS, Q_SETTINGS "reset_follower=false",
                                               Q_SETTINGS "reward_in_queries=true commitment=independent"};
        static const int TABLES[] = {7, 4, 0, 7, 5};
        bench b;
        double q[3][2] = {{0}};
        iterated_game g = game_of("memory=small horizon=5");
        bench_open(&b, "leader-pomdp", SETTINGS[variant], 0);
        EXPECT_EQ(b.env.facts.horizon, 21 * 5);
        for (int k = 0; k < 5; k++) {
            if (variant != 1) memset(q, 0, sizeof q);
            double paid = learn_q(&g, TABLES[k], 20, q);
            double want = play_greedy(&g, TABLES[k], q) + (variant == 2 ? paid : 0);
            EXPECT_NEAR(play_table(&b, TABLES[k]), want, 1e-9);
        }
        fm_arena_free(&b.arena);
    }
}

/* A carried follower is gone after a reset of everything. */
TEST(a_reset_forgets_the_carried_follower) {
    bench b;
    fm_error err = {""};
    bench_open(&b, "leader-pomdp", Q_SETTINGS "reset_follower=false", 0);
    double first = play_table(&b, 4), second = play_table(&b, 7), third = play_table(&b, 4);
    EXPECT(env_vec_reset(&b.vec, &err) == FM_OK);
    EXPECT(play_table(&b, 4) == first && play_table(&b, 7) == second && play_table(&b, 4) == third);
    EXPECT(b.env.facts.carried > 0 && b.env.facts.carried < b.env.facts.state_size);
    fm_arena_free(&b.arena);
}

/* The published returns of constantly playing a row, response games and final one, when they pay too:
 * parameter noise 0.1, alpha 0.2, ten games. Means over episodes, within four standard errors. */
TEST(rewards_in_queries_are_those_published) {
    static const struct {
        double x, c, row[2][2];
    } CASES[] = {{2, 0, {{10, 2}, {9, 1}}}, {2, -5, {{-15, 2}, {4, 1}}}, {1.5, 0, {{7.5, 1.5}, {9, 1}}}};
    enum { EPISODES = 1500 };
    for (int k = 0; k < 3; k++)
        for (int row = 0; row < 2; row++) {
            char settings[256];
            bench b;
            double sum = 0, squares = 0, want = CASES[k].row[row][0] + CASES[k].row[row][1];
            snprintf(
                settings, sizeof settings,
                "game=reward_timing memory=none horizon=1 offset=0 x=%g c=%g oracle=q games=10 q_alpha=0.2 "
                "q_epsilon=0 q_noise=0.1 q_init=0 reward_in_queries=true",
                CASES[k].x, CASES[k].c);
            bench_open(&b, "leader-pomdp", settings, 5);
            EXPECT(env_facts_solution(&b.env.facts, "stackelberg") == NULL);
            for (int e = 0; e < EPISODES; e++) {
                double value = play_table(&b, row);
                sum += value / EPISODES;
                squares += value * value / EPISODES;
            }
            EXPECT_NEAR(sum, want, 4 * sqrt((squares - sum * sum) / EPISODES) + 0.02);
            fm_arena_free(&b.arena);
        }
}

/* ---- followers as agents ---- */

/* The follower observes situation, then w_0, w_1, ..., as digits; played by its best table it leaves the
 * leader the exact value. */
TEST(contextual_followers_observe_the_answers) {
    for (int k = 0; k < RULES_COUNT; k++) {
        char settings[256];
        bench b;
        iterated_game g = game_of(RULES[k]);
        snprintf(settings, sizeof settings, "%s oracle=contextual", RULES[k]);
        bench_open(&b, "leader-pomdp", settings, 0);
        EXPECT_EQ(b.env.facts.agents, 2);
        EXPECT_EQ(b.env.facts.agent[1].obs_length, g.states * g.tables);
        for (int table = 0; table < g.tables; table++) {
            iterated_outcome answer = iterated_answer(&g, table).strong;
            int reversed = 0;
            for (int s = 0; s < g.states; s++) reversed = 2 * reversed + (table >> s & 1);
            for (int t = 0; !env_vec_ended(&b.vec, 0); t++) {
                EXPECT_EQ(acts(&b, 0), t < g.states);
                EXPECT_EQ(acts(&b, 1), t >= g.states);
                int context = seen(&b, 1);
                EXPECT(t < g.states ? context == -1 : context % g.tables == reversed);
                b.vec.actions[0] = (real)(table >> seen(&b, 0) & 1);
                b.vec.actions[1] = (real)(t < g.states ? 0 : answer.follower >> context / g.tables & 1);
                take(&b);
            }
            for (int i = 0; i < 2; i++)
                EXPECT_NEAR(b.vec.sum[i], answer.sum[i] - (double)g.horizon * g.offset, 1e-9);
            restart(&b);
        }
        fm_arena_free(&b.arena);
    }
}

/* Plays an episode of the follower against whatever leader there is; returns the leader's table. */
static int answer_once(bench *b, const iterated_game *g) {
    double reading[2];
    b->env.type->read(b->env.game, env_vec_state(&b->vec, 0), reading);
    int table = (int)reading[0];
    iterated_outcome answer = iterated_answer(g, table).strong;
    for (int joint = -1; !env_vec_ended(&b->vec, 0);) {
        int situation = seen(b, 0) / g->tables, digits = seen(b, 0) % g->tables;
        EXPECT_EQ(situation, iterated_state(g, 1, joint));
        for (int s = 0; s < g->states; s++) EXPECT_EQ(digits >> (g->states - 1 - s) & 1, table >> s & 1);
        int row = table >> iterated_state(g, 0, joint) & 1, col = answer.follower >> situation & 1;
        b->vec.actions[0] = (real)col;
        take(b);
        joint = row + 2 * col;
        EXPECT_NEAR(b->vec.rewards[0], g->payoff[1][joint] - g->offset, 1e-12);
    }
    EXPECT_NEAR(b->vec.sum[0], answer.sum[1] - (double)g->horizon * g->offset, 1e-9);
    restart(b);
    return table;
}

TEST(followers_train_against_every_table) {
    bench b, leader;
    iterated_game g = game_of("game=chicken");
    bench_open(&b, "follower-pomdp", "game=chicken tables=each", 0);
    for (int k = 0; k < 40; k++) EXPECT_EQ(answer_once(&b, &g), k % 32);
    bench_open(&leader, "leader-pomdp", "game=chicken oracle=contextual", 0);
    EXPECT_TEXT(b.env.facts.game, leader.env.facts.game);
    EXPECT_TEXT(b.env.facts.agent[0].name, leader.env.facts.agent[1].name);
    EXPECT_EQ(b.env.facts.agent[0].obs_length, leader.env.facts.agent[1].obs_length);
    fm_arena_free(&b.arena);
    fm_arena_free(&leader.arena);
    bench_open(&leader, "leader-pomdp", "game=chicken horizon=9 oracle=contextual", 0);
    EXPECT(leader.env.facts.game && !strstr(leader.env.facts.game, "horizon=10"));
    fm_arena_free(&leader.arena);
    bench_open(&b, "follower-pomdp", "game=chicken table=21", 0);
    EXPECT_EQ(answer_once(&b, &g), 21);
    EXPECT_NEAR(env_facts_solution(&b.env.facts, "best-response")->value[0],
                iterated_answer(&g, 21).strong.sum[1] - 25, 1e-9);
    fm_arena_free(&b.arena);
}

/* Random tables are uniform, and the mean of the best answers is the published one. */
TEST(random_leaders_are_fair_coins) {
    static const struct {
        const char *name;
        double per_step;
    } MEANS[] = {{"prisoners_dilemma", 3.2125}, {"stag_hunt", 3.2125},       {"noconflict", 3.2125},
                 {"chicken", 3.2125},           {"assurance", 3.54375},      {"harmony", 3.54375},
                 {"deadlock", 3.54375},         {"battle", 3.54375},         {"coordination", 3.55},
                 {"mixedharmony", 3.55},        {"prisoners_delight", 3.55}, {"hero", 3.55}};
    bench b;
    for (int k = 0; k < 12; k++) {
        char settings[64];
        snprintf(settings, sizeof settings, "game=%s", MEANS[k].name);
        bench_open(&b, "follower-pomdp", settings, 0);
        EXPECT_NEAR(env_facts_solution(&b.env.facts, "best-response")->value[0],
                    10 * (MEANS[k].per_step - 2.5), 1e-9);
        fm_arena_free(&b.arena);
    }
    iterated_game g = game_of("memory=small horizon=2");
    int count[8] = {0};
    bench_open(&b, "follower-pomdp", "memory=small horizon=2", 11);
    for (int k = 0; k < 4000; k++) count[answer_once(&b, &g)]++;
    double chi = 0;
    for (int k = 0; k < 8; k++) chi += (count[k] - 500.0) * (count[k] - 500.0) / 500;
    EXPECT(chi < 24.3); /* 0.1 % of the chi-square law with 7 degrees of freedom */
    fm_arena_free(&b.arena);
}

/* ---- bad input ---- */

static void refuse(const char *name, const char *settings, const char *words) {
    bench b;
    fm_error err = {""};
    EXPECT_MSG(bench_create(&b, name, settings, &err) == FM_BAD, "%s %s is taken", name, settings);
    EXPECT_HAS(err.text, words);
    fm_arena_free(&b.arena);
}

TEST(what_contradicts_is_refused) {
    refuse("leader-pomdp", "game=heros", "did you mean 'hero'?");
    refuse("leader-pomdp", "game=xyzzyxyzzy",
           "unknown game 'xyzzyxyzzy'; the iterated ones are prisoners_dilemma|");
    refuse("leader-pomdp", "memory=short", "memory: 'short' is not one of joint|small|none");
    refuse("leader-pomdp", "oracle=exakt", "oracle: unknown oracle 'exakt'; did you mean 'exact'?");
    refuse("leader-pomdp", "oracle=zzzzzzzz", "expected one of exact, contextual, q, weights");
    refuse("leader-pomdp", "hidden_queries=true", "set commitment=independent");
    refuse("leader-pomdp", "reward_in_queries=true", "oracle 'exact' asks without a game that could pay");
    refuse("leader-pomdp", "oracle=contextual reset_follower=false", "'contextual' knows nothing");
    refuse("leader-pomdp", "oracle=weights", "a follower of 'iterated' decides more than once");
    refuse("leader-pomdp", "game=hero game_settings=memory=small", "has options of its own here");
    refuse("leader-pomdp", "game=merge", "does not observe the one-hot of a situation");
    refuse("leader-pomdp", "game=cartpole", "nobody follows in 'cartpole'");
    refuse("leader-pomdp", "game=escape game_settings=rouns=3", "game_settings of 'escape'");
    refuse("follower-pomdp", "game=hero memory=small table=8", "has no table 8; the last one is 7");
    refuse("follower-pomdp", "table=3 tables=each", "set only one");
}

TEST_MAIN(CASE(tables_earn_their_exact_value), CASE(an_episode_asks_then_plays),
          CASE(only_an_independent_leader_can_lie), CASE(the_phase_flag_tells_questions_from_play),
          CASE(hidden_queries_do_not_teach), CASE(tabular_q_learns_as_by_hand),
          CASE(a_reset_forgets_the_carried_follower), CASE(rewards_in_queries_are_those_published),
          CASE(contextual_followers_observe_the_answers), CASE(followers_train_against_every_table),
          CASE(random_leaders_are_fair_coins), CASE(what_contradicts_is_refused))
