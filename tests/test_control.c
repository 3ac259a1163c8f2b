/* The control environments: Gymnasium's own trajectories, ends and cut-offs, starts, costs, pictures. */
#include <stdlib.h>

#include "envs/vector.h"
#include "tests/control_golden.h"
#include "tests/test.h"

#define PI 3.14159265358979323846

static const char *const NAMES[] = {"cartpole", "pendulum", "mountaincar-continuous", "acrobot"};
enum { CONTROLS = sizeof NAMES / sizeof *NAMES };

/* One copy of an environment, reset. */
typedef struct copy {
    fm_arena arena;
    env env;
    env_vec vec;
    double readings[4];
} copy;

static fm_status open_control(copy *c, const char *name, const char *settings, fm_error *err) {
    memset(c, 0, sizeof *c);
    fm_status status = env_open(name, &c->arena, &c->env, err);
    if (status == FM_OK) status = fm_options_apply(c->env.type->options, c->env.config, settings, err);
    return status == FM_OK ? env_create(&c->env, &c->arena, err) : status;
}

static const double *look(copy *c) {
    c->env.type->read(c->env.game, env_vec_state(&c->vec, 0), c->readings);
    return c->readings;
}

static void begin(copy *c, const char *name, const char *settings) {
    fm_error err = {""};
    EXPECT_MSG(open_control(c, name, settings, &err) == FM_OK, "%s %s: %s", name, settings, err.text);
    env_vec_init(&c->vec, &c->env, 1, 7, FM_RNG_ENV, &c->arena, NULL);
    EXPECT_MSG(env_vec_reset(&c->vec, &err) == FM_OK, "%s", err.text);
    look(c);
}

static void begin_at(copy *c, const char *name, const char *start) {
    char settings[160];
    snprintf(settings, sizeof settings, "start=%s", start);
    begin(c, name, settings);
}

/* Plays one action, and returns its reward. */
static double play(copy *c, double action) {
    fm_error err = {""};
    c->vec.actions[0] = (real)action;
    EXPECT_MSG(env_vec_step(&c->vec, &err) == FM_OK, "%s", err.text);
    look(c);
    return c->vec.rewards[0];
}

/* ---- trajectories ---- */

/* The last digit of sin and cos may differ from one C library to the next. (Gymnasium's pendulum also rounds
 * what it makes of the torque to single, which the quarters of these scripts do not show.) */
#define TOLERANCE 1e-9

/* The action of that step, counted from 0. */
static double action_at(const control_run *run, const env_facts *f, int t) {
    size_t last = strlen(run->script) - 1;
    char c = run->script[(size_t)t < last ? (size_t)t : last];
    return f->agent[0].action.kind == ENV_DISCRETE ? c - '0' : (c - 'm') / 4.0;
}

static void check_run(const control_run *run) {
    copy c;
    begin_at(&c, run->env, run->start);
    int variables = c.env.facts.readings;
    size_t row = 0;
    double worst = 0;
    for (int t = 1; t <= run->steps; t++) {
        EXPECT_MSG(!env_vec_ended(&c.vec, 0), "%s ends before step %d", run->env, t);
        if (env_vec_ended(&c.vec, 0)) break;
        play(&c, action_at(run, &c.env.facts, t - 1));
        if (run->row[row].step != t) continue;
        const control_row *golden = &run->row[row++];
        for (int i = 0; i < variables; i++) worst = fmax(worst, fabs(c.readings[i] - golden->state[i]));
        worst = fmax(worst, fabs(c.vec.sum[0] - golden->total) / fmax(1, fabs(golden->total)));
    }
    EXPECT_EQ(row, run->rows);
    EXPECT_EQ(c.vec.terminated[0], run->terminated);
    EXPECT_EQ(c.vec.truncated[0], !run->terminated);
    EXPECT_MSG(worst <= TOLERANCE, "%s from %s: off by %g", run->env, run->start, worst);
    fm_arena_free(&c.arena);
}

TEST(trajectories_are_those_of_gymnasium) {
    for (size_t i = 0; i < sizeof CONTROL_RUNS / sizeof *CONTROL_RUNS; i++) check_run(&CONTROL_RUNS[i]);
}

TEST(observations_are_those_of_gymnasium) {
    const struct { const char *env, *start; int n; double obs[6]; } CASES[] = {
        {"cartpole", "0.1:-0.2:0.03:0.4", 4, {0.1, -0.2, 0.03, 0.4}},
        {"pendulum", "7:-3", 3, {cos(7), sin(7), -3}},
        {"mountaincar-continuous", "-0.75:0.0625", 2, {-0.75, 0.0625}},
        {"acrobot", "0.5:-1:2:-3", 6, {cos(0.5), sin(0.5), cos(-1), sin(-1), 2, -3}},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        copy c;
        begin_at(&c, CASES[k].env, CASES[k].start);
        EXPECT_EQ(c.env.facts.obs_total, CASES[k].n);
        for (int i = 0; i < CASES[k].n; i++) EXPECT_NEAR(env_vec_now(&c.vec).obs[i], CASES[k].obs[i], 1e-7);
        fm_arena_free(&c.arena);
    }
}

/* ---- ends, cut-offs and costs ---- */

/* Plays the script that keeps the pole up, until the episode ends; returns the decisions. */
static int balance(copy *c, const char *settings) {
    const control_run *run = &CONTROL_RUNS[2];
    char all[160];
    snprintf(all, sizeof all, "start=%s %s", run->start, settings);
    begin(c, run->env, all);
    int t = 0;
    for (; t < run->steps && !env_vec_ended(&c->vec, 0); t++)
        EXPECT(play(c, action_at(run, &c->env.facts, t)) == 1.0);
    return t;
}

TEST(cartpole_is_cut_off_at_its_limit) {
    copy c;
    EXPECT_EQ(balance(&c, ""), 500);
    EXPECT(c.vec.truncated[0] && !c.vec.terminated[0] && !c.vec.done[0]);
    fm_arena_free(&c.arena);
    EXPECT_EQ(balance(&c, "limit=200"), 200);
    EXPECT(c.vec.truncated[0] && !c.vec.terminated[0] && !c.vec.done[0]);
    EXPECT_EQ(c.env.facts.horizon, 200);
    fm_arena_free(&c.arena);
}

TEST(a_terminal_timeout_ends_by_the_rules_in_every_episode) {
    copy c;
    fm_error err;
    EXPECT_EQ(balance(&c, "limit=200 timeout_terminal=true"), 200);
    EXPECT(c.vec.terminated[0] && !c.vec.truncated[0] && c.vec.done[0]);
    EXPECT(env_vec_restart(&c.vec, &err) == FM_OK);
    for (int t = 0; t < 200; t++) {
        EXPECT(!env_vec_ended(&c.vec, 0));
        play(&c, action_at(&CONTROL_RUNS[2], &c.env.facts, t));
    }
    EXPECT(c.vec.terminated[0] && !c.vec.truncated[0]);
    fm_arena_free(&c.arena);
}

/* A fall ends an episode in either case, the last decision is paid, and one at the limit is a fall. */
TEST(a_fall_is_an_end) {
    static const char *const SETTINGS[] = {"", "timeout_terminal=true", "limit=10",
                                           "limit=10 timeout_terminal=true"};
    for (int k = 0; k < 4; k++) {
        copy c;
        char all[160];
        snprintf(all, sizeof all, "start=%s %s", CONTROL_RUNS[0].start, SETTINGS[k]);
        begin(&c, "cartpole", all);
        for (int t = 0; t < 10; t++) EXPECT(play(&c, 1) == 1.0 && c.vec.terminated[0] == (t == 9));
        EXPECT(!c.vec.truncated[0]);
        EXPECT_NEAR(c.vec.sum[0], 10, 0);
        fm_arena_free(&c.arena);
    }
}

TEST(cartpole_ends_beyond_either_side) {
    static const struct { const char *start; int action; bool ends; } CASES[] = {
        {"2.39:0.4:0:0", 1, false},  {"2.39:0.6:0:0", 1, true},    {"-2.39:-0.4:0:0", 0, false},
        {"-2.39:-0.6:0:0", 0, true}, {"0:0:0.2:0.4", 1, false},    {"0:0:0.2:0.5", 1, true},
        {"0:0:-0.2:-0.4", 0, false}, {"0:0:-0.2:-0.5", 0, true},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        copy c;
        begin_at(&c, "cartpole", CASES[i].start);
        play(&c, CASES[i].action);
        EXPECT_MSG(c.vec.terminated[0] == CASES[i].ends, "from %s", CASES[i].start);
        fm_arena_free(&c.arena);
    }
}

/* The cost is of the action as chosen, the push of what the engine can: beyond the box all move alike. */
TEST(mountaincar_charges_what_was_chosen) {
    copy full, beyond;
    begin_at(&full, "mountaincar-continuous", "-0.5:0");
    begin_at(&beyond, "mountaincar-continuous", "-0.5:0");
    EXPECT(full.env.facts.raw_actions);
    EXPECT_NEAR(play(&full, 1), -0.1, 1e-15);
    EXPECT_NEAR(play(&beyond, 3), -0.9, 1e-15);
    EXPECT(full.readings[0] == beyond.readings[0] && full.readings[1] == beyond.readings[1]);
    EXPECT_NEAR(play(&full, -1), -0.1, 1e-15);
    EXPECT_NEAR(play(&beyond, -2.5), -0.625, 1e-15);
    EXPECT(full.readings[0] == beyond.readings[0] && full.readings[1] == beyond.readings[1]);
    fm_arena_free(&full.arena);
    fm_arena_free(&beyond.arena);
    begin_at(&full, "mountaincar-continuous", "0.44:0.06");
    EXPECT_NEAR(play(&full, 2), 99.6, 1e-12);
    EXPECT(full.vec.terminated[0]);
    fm_arena_free(&full.arena);
}

/* A pendulum's torque is clipped, cost and all; the cost is that of the situation before the step. */
TEST(pendulum_costs_as_stated) {
    copy full, beyond;
    begin_at(&full, "pendulum", "1:-2");
    begin_at(&beyond, "pendulum", "1:-2");
    double cost = 1 + 0.1 * 4 + 0.001 * 4;
    EXPECT_NEAR(play(&full, 2), -cost, 1e-15);
    EXPECT_NEAR(play(&beyond, 50), -cost, 1e-15);
    EXPECT(full.readings[0] == beyond.readings[0] && full.readings[1] == beyond.readings[1]);
    EXPECT_NEAR(full.readings[1], -2 + (15 * sin(1) + 3 * 2) * 0.05, 1e-15);
    fm_arena_free(&full.arena);
    fm_arena_free(&beyond.arena);
    static const struct { const char *start; double angle; } TURNS[] = {
        {"6:0", 6 - 2 * PI}, {"-4:0", 2 * PI - 4}, {"3:0", 3}, {"-20:0", 6 * PI - 20}, {"20:0", 20 - 6 * PI},
    };
    for (size_t i = 0; i < sizeof TURNS / sizeof *TURNS; i++) {
        begin_at(&full, "pendulum", TURNS[i].start);
        EXPECT_NEAR(play(&full, 0), -TURNS[i].angle * TURNS[i].angle, 1e-12);
        fm_arena_free(&full.arena);
    }
}

/* ---- starts ---- */

static const char *const STARTS[CONTROLS][2] = {
    {"0.01:-0.5:0.02:3e-3", "x,x_dot,theta,theta_dot"},
    {"-31.5:-8", "theta,theta_dot"},
    {"-1.2:0.07", "position,velocity"},
    {"0.1:-2.5:12:-28", "theta1,theta2,theta1_dot,theta2_dot"},
};

TEST(an_episode_begins_at_its_start) {
    for (int k = 0; k < CONTROLS; k++) {
        copy c;
        fm_error err;
        begin_at(&c, NAMES[k], STARTS[k][0]);
        char names[64] = "", *at = NULL;
        const char *text = STARTS[k][0];
        for (int episode = 0; episode < 2; episode++, text = STARTS[k][0]) {
            for (int i = 0; i < c.env.facts.readings; i++, text = at + 1) {
                double wanted = strtod(text, &at);
                EXPECT_NEAR(look(&c)[i], wanted, k == 2 ? 5e-8 : 0);
                if (episode == 0) strcat(strcat(names, i ? "," : ""), c.env.facts.reading_name[i]);
            }
            play(&c, 0);
            EXPECT(env_vec_reset(&c.vec, &err) == FM_OK);
        }
        EXPECT_TEXT(names, STARTS[k][1]);
        fm_arena_free(&c.arena);
    }
}

TEST(a_bad_start_is_explained) {
    static const struct { const char *env, *start, *wrong; } CASES[] = {
        {"cartpole", "0:0:0", "'0:0:0' has 3 numbers; expected 4, x:x_dot:theta:theta_dot"},
        {"cartpole", "0:0:0:0:0", "has 5 numbers; expected 4"},
        {"cartpole", "0", "has 1 number; expected 4"},
        {"cartpole", "0:abc:0:0",
         "'abc', for x_dot, is not a number; expected 4 numbers, x:x_dot:theta:theta_dot"},
        {"cartpole", "0:0:0:", "'', for theta_dot, is not a number"},
        {"cartpole", ":0:0:0", "'', for x, is not a number"},
        {"cartpole", "0:0:0:1x", "'1x', for theta_dot"},
        {"cartpole", "0:nan:0:0", "'nan', for x_dot"},
        {"cartpole", "0:1e999:0:0", "'1e999', for x_dot"},
        {"cartpole", sizeof(real) == sizeof(float) ? "0:1e39:0:0" : "0:1e309:0:0", "', for x_dot, is not"},
        {"cartpole", "5:0:0:0", "x is 5, but lies within -4.8..4.8"},
        {"cartpole", "0:0:-0.5:0", "theta is -0.5, but lies within -0.418879..0.418879"},
        {"pendulum", "0:8.1", "theta_dot is 8.1, but lies within -8..8; expected 2 numbers, theta:theta_dot"},
        {"pendulum", "0,1", "has 1 number; expected 2, theta:theta_dot"},
        {"mountaincar-continuous", "-1.3:0", "position is -1.3, but lies within -1.2..0.6"},
        {"mountaincar-continuous", "-1.2:-0.08", "velocity is -0.08, but lies within -0.07..0.07"},
        {"acrobot", "0:3.2:0:0", "theta2 is 3.2, but lies within -3.14159..3.14159"},
        {"acrobot", "0:0", "has 2 numbers; expected 4, theta1:theta2:theta1_dot:theta2_dot"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        copy c;
        char settings[160];
        fm_error err = {""};
        snprintf(settings, sizeof settings, "start=%s", CASES[i].start);
        EXPECT_MSG(open_control(&c, CASES[i].env, settings, &err) == FM_BAD, "%s is taken", CASES[i].start);
        EXPECT_MSG(strncmp(err.text, "start: ", 7) == 0, "%s", err.text);
        EXPECT_HAS(err.text, CASES[i].wrong);
        fm_arena_free(&c.arena);
    }
}

/* Uniform within the stated intervals: mean, variance, and the ends come near. */
TEST(starts_are_drawn_uniformly) {
    static const double LOW[CONTROLS][4] = {
        {-0.05, -0.05, -0.05, -0.05}, {-PI, -1}, {-0.6, 0}, {-0.1, -0.1, -0.1, -0.1}};
    static const double HIGH[CONTROLS][4] = {
        {0.05, 0.05, 0.05, 0.05}, {PI, 1}, {-0.4, 0}, {0.1, 0.1, 0.1, 0.1}};
    enum { EPISODES = 20000 };
    for (int k = 0; k < CONTROLS; k++) {
        copy c;
        fm_error err;
        begin(&c, NAMES[k], "");
        double sum[4] = {0}, square[4] = {0}, low[4], high[4];
        for (int i = 0; i < 4; i++) low[i] = INFINITY, high[i] = -INFINITY;
        for (int e = 0; e < EPISODES; e++) {
            EXPECT(env_vec_reset(&c.vec, &err) == FM_OK);
            look(&c);
            for (int i = 0; i < c.env.facts.readings; i++) {
                double x = c.readings[i];
                sum[i] += x, square[i] += x * x;
                low[i] = fmin(low[i], x), high[i] = fmax(high[i], x);
            }
        }
        for (int i = 0; i < c.env.facts.readings; i++) {
            double width = HIGH[k][i] - LOW[k][i], mean = sum[i] / EPISODES;
            EXPECT_NEAR(mean, (LOW[k][i] + HIGH[k][i]) / 2, 0.01 * width);
            EXPECT_NEAR(square[i] / EPISODES - mean * mean, width * width / 12, 0.01 * width * width);
            EXPECT(low[i] >= LOW[k][i] - 1e-7 && low[i] <= LOW[k][i] + 1e-3 * width);
            EXPECT(high[i] <= HIGH[k][i] + 1e-7 && high[i] >= HIGH[k][i] - 1e-3 * width);
        }
        fm_arena_free(&c.arena);
    }
}

/* ---- facts and pictures ---- */

static char *picture(copy *c, const real *actions) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    c->env.type->render(c->env.game, env_vec_state(&c->vec, 0), actions, out);
    fclose(out);
    return text;
}

TEST(one_agent_without_a_leader) {
    static const char *const LABELS[CONTROLS][3] = {
        {"left", "right"}, {NULL}, {NULL}, {"minus", "none", "plus"}};
    static const double BOX[] = {0, 2, 1, 0}, REWARD_LOW[] = {1, -(PI * PI + 6.4 + 0.004), -0.1, -1};
    static const double REWARD_HIGH[] = {1, 0, 100, 0};
    static const int HORIZON[] = {500, 200, 999, 500};
    for (int k = 0; k < CONTROLS; k++) {
        copy c;
        begin(&c, NAMES[k], "");
        const env_facts *f = &c.env.facts;
        const env_agent *agent = &f->agent[0];
        EXPECT_TEXT(f->name, NAMES[k]);
        EXPECT(f->agents == 1 && f->rewards == ENV_COMMON && f->solutions == 0 && f->deterministic);
        EXPECT_TEXT(agent->name, "agent");
        EXPECT_EQ(agent->level, 0);
        EXPECT_EQ(f->horizon, HORIZON[k]);
        EXPECT_NEAR(agent->reward_low, REWARD_LOW[k], 1e-12);
        EXPECT_NEAR(agent->reward_high, REWARD_HIGH[k], 0);
        for (int a = 0; a < 3 && LABELS[k][a]; a++) EXPECT_TEXT(agent->action.labels[a], LABELS[k][a]);
        if (BOX[k] > 0) EXPECT(agent->action.high[0] == BOX[k] && agent->action.low[0] == -BOX[k]);
        char *text = picture(&c, NULL);
        EXPECT(!strstr(text, "leader") && !strstr(f->title, "leader") && !strstr(c.env.type->doc, "leader"));
        free(text);
        fm_arena_free(&c.arena);
    }
}

/* What is drawn, at a situation and after one action; a line of it and its caption. */
TEST(pictures_show_the_situation) {
    static const struct { const char *env, *start; double action; const char *seen, *said; } CASES[] = {
        {"cartpole", "0:0:0.1:0", 1, " /\n", "pushed right"},
        {"cartpole", "0:0:-0.1:0", 0, " \\\n", "pushed left"},
        {"cartpole", "-2:0:0:0", 0, "\n  +---[=o=]---", "+0.00 degrees (drawn threefold), +16.8 degrees/s\n"},
        {"cartpole", "2:0:0.2:3", 0, "[=o=]---+\n", ": failed\n"},
        {"pendulum", "0:0", 0, "|\n", "+0.0 degrees from upright"},
        {"pendulum", "1.5708:0", 5, "\n  @-----------o           .\n", "(left), +1.05 rad/s; torque +2.000"},
        {"pendulum", "-1.5708:0", -1, "\n  .           o-----------@\n", "(right), -0.90 rad/s; torque -1"},
        {"mountaincar-continuous", "-1.2:0", 1, "\n  O", "velocity +0.00374; pushed +1.000"},
        {"mountaincar-continuous", "0.44:0.05", 3, "O", "pushed +1.000: at the goal"},
        {"acrobot", "0:0:0:0", 1, "\n                  O\n                  |\n", "the tip is at -2.000 m"},
        {"acrobot", "1.5708:0:0:0", 0, "O-------o-------@\n", "torque -1 N m"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        copy c;
        begin_at(&c, CASES[i].env, CASES[i].start);
        char *before = picture(&c, NULL);
        play(&c, CASES[i].action);
        char *after = picture(&c, c.vec.actions);
        EXPECT_HAS(before, CASES[i].seen);
        EXPECT_HAS(after, CASES[i].said);
        for (const char *line = after; *line; line += strcspn(line, "\n") + 1)
            EXPECT_MSG(strcspn(line, "\n") <= 80, "%zu columns: %.100s", strcspn(line, "\n"), line);
        free(before);
        free(after);
        fm_arena_free(&c.arena);
    }
}

/* At the right end of the picture as well; captions, which have digits, are prose. */
TEST(pictures_fit_the_terminal) {
    static const char *const PLACES[CONTROLS] = {"2.4:0:0:0", "-1.5708:0", "0.6:0", "1.5708:0:0:0"};
    static const int COLUMNS[] = {40, 57, 75, 200};
    for (size_t w = 0; w < sizeof COLUMNS / sizeof *COLUMNS; w++)
        for (int k = 0; k < CONTROLS; k++) {
            copy c;
            char columns[12];
            size_t widest = 0;
            snprintf(columns, sizeof columns, "%d", COLUMNS[w]);
            begin_at(&c, NAMES[k], PLACES[k]);
            setenv("COLUMNS", columns, 1);
            char *text = picture(&c, NULL);
            unsetenv("COLUMNS");
            for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
                if (strcspn(line, "0123456789\n") == strcspn(line, "\n"))
                    widest = strcspn(line, "\n") > widest ? strcspn(line, "\n") : widest;
            EXPECT_MSG(widest <= (size_t)COLUMNS[w], "%s: %zu of %d columns", NAMES[k], widest, COLUMNS[w]);
            bool wide = strcmp(NAMES[k], "cartpole") == 0 || strncmp(NAMES[k], "mountaincar", 11) == 0;
            if (wide) EXPECT_MSG(widest + 2 >= (size_t)fmin(COLUMNS[w], 75), "%s: %zu", NAMES[k], widest);
            free(text);
            fm_arena_free(&c.arena);
        }
}

TEST_MAIN(CASE(trajectories_are_those_of_gymnasium), CASE(observations_are_those_of_gymnasium),
          CASE(cartpole_is_cut_off_at_its_limit), CASE(a_terminal_timeout_ends_by_the_rules_in_every_episode),
          CASE(a_fall_is_an_end), CASE(cartpole_ends_beyond_either_side),
          CASE(mountaincar_charges_what_was_chosen), CASE(pendulum_costs_as_stated),
          CASE(an_episode_begins_at_its_start), CASE(a_bad_start_is_explained),
          CASE(starts_are_drawn_uniformly), CASE(one_agent_without_a_leader),
          CASE(pictures_show_the_situation), CASE(pictures_fit_the_terminal))
