/* The vectoriser, on a counting environment whose every number can be foretold, and on the corridor. */
#include <stdlib.h>

#include "envs/vector.h"
#include "tests/aborts.h"
#include "tests/test.h"
#include "tests/toy_env.h"

/* What the counting environment does that it must not. */
enum { HONEST, BORN_DONE, NOBODY_LEFT, PAUSE };
static struct { int fault; bool raw; } counter_is;

/* Two agents. Agent 0 has 4 actions, 3 of which ends the episode by rule; agent 1 steers a box of two
 * numbers, of which a second one above 2.8 cuts the episode off. The state counts decisions and holds a
 * number drawn at reset. Observations: count and count + 0.5, then the draw. Agent 0's action 2 is illegal at
 * odd counts; agent 1 dies at count 2, and is said to at that step only; what agent 0 does at odd counts
 * teaches nothing. */
typedef struct counter {
    int64_t count, ended;
    double draw;
    char pad[40];
} counter;

static void look(const counter *s, env_io *io) {
    io->obs[0] = (real)s->count;
    io->obs[1] = (real)s->count + (real)0.5;
    io->obs[2] = (real)s->draw;
    io->central[0] = (real)(10 * s->count);
    io->mask[2] = s->count % 2 == 0;
    io->learns[0] = s->count % 2 == 0;
    io->done[1] = s->count == 2;
    if (counter_is.fault == BORN_DONE) io->done[0] = 1;
    if (counter_is.fault == NOBODY_LEFT && s->count == 2) io->done[0] = 1;
    if (counter_is.fault == PAUSE) io->active[0] = 0;
}

static void expect_ones(const counter *s, const env_io *io) {
    for (int i = 0; i < 4; i++) EXPECT(io->mask[i] == 1);
    EXPECT(io->learns[0] == 1 && io->learns[1] == 1 && io->active[0] == 1);
    EXPECT(io->active[1] == (s->count < 2) && io->done[1] == (s->count >= 2) && io->done[0] == 0);
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    counter *s = state;
    const unsigned char *bytes = state;
    (void)game;
    for (size_t i = 0; i < sizeof *s; i++) EXPECT(bytes[i] == 0);
    expect_ones(s, io);
    s->draw = fm_rng_uniform(rng);
    look(s, io);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    counter *s = state;
    (void)game, (void)rng;
    if (counter_is.fault == HONEST) expect_ones(s, io);
    EXPECT(io->rewards[0] == 0 && io->rewards[1] == 0 && !io->terminated && !io->truncated);
    s->count++;
    s->ended = io->actions[0] == 3;
    io->rewards[0] = (double)s->count;
    io->rewards[1] = (double)(io->actions[1] + 10 * io->actions[2]);
    io->terminated = s->ended;
    io->truncated = (double)io->actions[2] > 2.8;
    memset(s->pad, 7, sizeof s->pad);
    look(s, io);
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game, (void)state, (void)actions;
    fputs("\n", out);
}

static void read_count(const void *game, const void *state, double *readings) {
    (void)game;
    readings[0] = (double)((const counter *)state)->count;
}

static int outcome(const void *game, const void *state) {
    (void)game;
    return (int)((const counter *)state)->ended;
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    static const double low[] = {-0.1, 0}, high[] = {0.1, 3};
    static const char *const readings[] = {"count"}, *const outcomes[] = {"horizon", "ended"};
    (void)config, (void)err;
    *game = NULL;
    facts->title = "Counter", facts->source = "test";
    env_facts_agents(facts, 2, arena);
    facts->agent[0] =
        (env_agent){.name = "picker", .obs_length = 2, .action = env_discrete(4, NULL), .reward_high = 5};
    facts->agent[1] = (env_agent){.name = "steerer", .obs_length = 1, .action = env_box(2, low, high),
                                  .reward_low = -1, .reward_high = 31};
    facts->central_length = 1;
    facts->horizon = 5;
    facts->rewards = ENV_GENERAL_SUM;
    facts->masks = true;
    facts->raw_actions = counter_is.raw;
    facts->state_size = sizeof(counter);
    facts->readings = 1, facts->reading_name = readings;
    facts->outcomes = 2, facts->outcome_name = outcomes;
    return FM_OK;
}

static const env_type COUNTER = {
    .name = "counter",
    .doc = "counts",
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_count,
    .outcome = outcome,
};

static fm_arena arena;

static env make(void) {
    env e = {.type = &COUNTER};
    EXPECT_EQ(env_create(&e, &arena, NULL), FM_OK);
    return e;
}

static env make_toy(const char *settings) {
    env e = {.type = &TOY_ENV, .config = fm_arena_alloc(&arena, 1, sizeof(toy_env_config))};
    fm_error err = {""};
    fm_options_reset(TOY_ENV_OPTIONS, e.config);
    EXPECT_MSG(fm_options_apply(TOY_ENV_OPTIONS, e.config, settings, &err) == FM_OK, "%s", err.text);
    EXPECT_EQ(env_create(&e, &arena, &err), FM_OK);
    return e;
}

static void begin(env_vec *v, const env *e, int copies) {
    env_vec_init(v, e, copies, 4, FM_RNG_ENV, &arena, NULL);
    EXPECT_EQ(env_vec_reset(v, NULL), FM_OK);
}

static void act(env_vec *v, int copy, double pick, double x, double y) {
    real *a = v->actions + copy * 3;
    a[0] = (real)pick, a[1] = (real)x, a[2] = (real)y;
}

static void take(env_vec *v) {
    fm_error err = {""};
    fm_status status = env_vec_step(v, &err);
    EXPECT_MSG(status == FM_OK, "%s", err.text);
}

static void restart(env_vec *v) { EXPECT_EQ(env_vec_restart(v, NULL), FM_OK); }

/* ---- the two halves ---- */

/* Copy 0 runs to its horizon, copy 1 ends by its rules at its second decision. */
static void expect_step(const env_vec *v, int t, double draw) {
    env_view before = env_vec_before(v), now = env_vec_now(v);
    EXPECT_EQ(now.copies, 2);
    EXPECT_NEAR(v->rewards[0], t, 0);
    EXPECT_EQ(v->terminated[0], 0);
    EXPECT_EQ(v->truncated[0], t == 5);
    EXPECT_NEAR(before.obs[0], t - 1, 0);
    EXPECT_NEAR(now.obs[0], t, 0);
    EXPECT_NEAR(now.obs[2], draw, 0);
    EXPECT_NEAR(before.central[0], 10 * (t - 1), 0);
    EXPECT_NEAR(now.central[0], 10 * t, 0);
    EXPECT_EQ(before.mask[2], t % 2 == 1);
    EXPECT_EQ(now.mask[2], t % 2 == 0);
    EXPECT_EQ(before.first[0], t == 1);
    EXPECT_EQ(now.first[0], 0);
    EXPECT_EQ(v->length[0], t);
    EXPECT_NEAR(v->sum[0], t * (t + 1) / 2, 0);
    EXPECT_EQ(v->outcome[0], t == 5 ? 0 : -1);
    EXPECT_EQ(v->terminated[1], t == 2);
    EXPECT_EQ(v->truncated[1], 0);
    EXPECT_EQ(env_vec_ended(v, 1), t == 2);
    EXPECT_EQ(v->outcome[1], t == 2 ? 1 : -1);
    EXPECT_EQ(v->length[1], t <= 2 ? t : t - 2);
    EXPECT_NEAR(v->sum[2], t <= 2 ? t * (t + 1) / 2 : (t - 2) * (t - 1) / 2, 0);
    EXPECT_NEAR(before.obs[3], t <= 2 ? t - 1 : t - 3, 0);
    EXPECT_NEAR(now.obs[3], t <= 2 ? t : t - 2, 0);
}

TEST(a_step_and_its_restart) {
    env e = make();
    env_vec v;
    begin(&v, &e, 2);
    double draw = (double)env_vec_now(&v).obs[2], other = (double)env_vec_now(&v).obs[5];
    EXPECT(draw != other);
    EXPECT_EQ(env_vec_now(&v).first[0], 1);
    for (int t = 1; t <= 5; t++) {
        act(&v, 0, 0, 0, 1);
        act(&v, 1, t == 2 ? 3 : 1, 0, 0);
        env_view chosen_on = env_vec_now(&v);
        take(&v);
        EXPECT(chosen_on.obs == env_vec_before(&v).obs);
        expect_step(&v, t, draw);
        restart(&v);
        EXPECT_NEAR(env_vec_before(&v).obs[0], t - 1, 0); /* as it was */
        EXPECT_EQ(env_vec_now(&v).first[1], t == 2);
        EXPECT_NEAR(env_vec_now(&v).obs[3], t < 2 ? t : t - 2, 0);
    }
    EXPECT_NEAR(v.rewards[1], 0, 0); /* agent 1 died: nothing that it chose was played */
    EXPECT_EQ(v.truncated[0], 0);
    EXPECT_EQ(v.length[0], 0);
    EXPECT_NEAR(v.sum[0], 0, 0);
    EXPECT_EQ(v.outcome[0], -1);
    EXPECT_NEAR(env_vec_now(&v).obs[0], 0, 0);
    EXPECT((double)env_vec_now(&v).obs[2] != draw);
    EXPECT_EQ(env_vec_now(&v).mask[2], 1);
    act(&v, 0, 0, 0, 0);
    act(&v, 1, 0, 0, 0);
    take(&v);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    EXPECT_EQ(v.length[0], 0);
    EXPECT_NEAR(v.rewards[0], 0, 0);
    EXPECT_EQ(env_vec_now(&v).first[1], 1);
}

/* An episode that its rules end with its last decision is not truncated. */
TEST(terminated_wins_at_the_horizon) {
    env e = make();
    env_vec v;
    begin(&v, &e, 1);
    for (int t = 1; t <= 5; t++) {
        act(&v, 0, t == 5 ? 3 : 0, 0, 0);
        take(&v);
    }
    EXPECT_EQ(v.terminated[0], 1);
    EXPECT_EQ(v.truncated[0], 0);
    EXPECT_EQ(v.length[0], 5);
    restart(&v);
    act(&v, 0, 3, 0, 2.9);
    take(&v);
    EXPECT_EQ(v.terminated[0], 1);
    EXPECT_EQ(v.truncated[0], 0);
}

TEST(the_environment_may_truncate) {
    env e = make();
    env_vec v;
    begin(&v, &e, 1);
    act(&v, 0, 0, 0, 2.9);
    take(&v);
    EXPECT_EQ(v.truncated[0], 1);
    EXPECT_EQ(v.terminated[0], 0);
    EXPECT_EQ(v.outcome[0], 0);
    EXPECT(v.done[0] == 0 && v.done[1] == 0); /* they have a future: it was cut off */
    EXPECT(env_vec_now(&v).active[0] == 1 && env_vec_now(&v).active[1] == 1);
    restart(&v);
    EXPECT_EQ(v.truncated[0], 0);
    EXPECT_EQ(env_vec_now(&v).first[0], 1);
}

/* ---- flags ---- */

/* Agent 1 dies at count 2 and is shown dead at every later step, the last one included, until the restart. */
TEST(the_dead_stay_dead_until_the_restart) {
    env e = make();
    env_vec v;
    begin(&v, &e, 1);
    for (int t = 1; t <= 5; t++) {
        act(&v, 0, 0, 0, t > 2 ? NAN : 0); /* nobody looks at what the dead choose */
        take(&v);
        EXPECT_EQ(v.done[1], t >= 2);
        EXPECT_EQ(env_vec_before(&v).active[1], t <= 2);
        EXPECT_EQ(env_vec_now(&v).active[1], t < 2);
        EXPECT_EQ(env_vec_now(&v).learns[1], t < 2);
        EXPECT_EQ(v.done[0], 0);
        EXPECT_EQ(env_vec_now(&v).active[0], 1);
        EXPECT_EQ(env_vec_now(&v).learns[0], t % 2 == 0);
    }
    EXPECT_EQ(v.truncated[0], 1);
    restart(&v);
    EXPECT_EQ(v.done[1], 0);
    EXPECT_EQ(env_vec_now(&v).active[1], 1);
    EXPECT_EQ(env_vec_now(&v).learns[1], 1);
    act(&v, 0, 3, 0, 0);
    take(&v);
    EXPECT(v.done[0] == 1 && v.done[1] == 1); /* terminated: all are */
    EXPECT(env_vec_now(&v).active[0] == 0 && env_vec_now(&v).active[1] == 0);
    EXPECT(env_vec_now(&v).learns[0] == 0 && env_vec_now(&v).learns[1] == 0);
}

TEST(pauses_hidden_queries_and_death_of_the_corridor) {
    env e = make_toy("agents=3 length=6 pauses=true hidden=2 death=4 central=true absent=true");
    env_vec v;
    begin(&v, &e, 1);
    for (int t = 0; t <= 6; t++) {
        env_view now = env_vec_now(&v);
        for (int i = 0; i < 3; i++) {
            bool dead = i == 2 && t >= 4, active = t < 6 && !dead && (t + i) % 2 == 0;
            EXPECT_EQ(now.active[i], active);
            EXPECT_EQ(now.learns[i], active && t >= 2);
            EXPECT_EQ(v.done[i], dead || t == 6);
            EXPECT_NEAR(v.sum[i], i == 2 && t > 4 ? 4 : t, 0);
        }
        EXPECT_NEAR(now.central[0], t, 0);
        EXPECT_NEAR(now.central[1], t >= 4 ? 2 : 3, 0);
        for (int i = 0; i < 3; i++) v.actions[i] = now.active[i] ? (real)1 : (real)-7;
        if (t < 6) take(&v);
    }
    EXPECT_EQ(v.terminated[0], 1);
}

TEST(forty_agents) {
    env e = make_toy("agents=40 heads=3 masks=true");
    env_vec v;
    begin(&v, &e, 2);
    EXPECT_EQ(e.facts.action_total, 120);
    EXPECT_EQ(e.facts.mask_total, 320);
    EXPECT_EQ(e.facts.agent[39].mask_at, 312);
    EXPECT_TEXT(e.facts.agent[39].name, "a39");
    for (int k = 0; k < 240; k++) v.actions[k] = (real)1 - (k % 3 == 1); /* heads of 3, 2, 3 actions */
    take(&v);
    for (int k = 0; k < 80; k++) EXPECT_NEAR(v.sum[k], 1, 0);
    EXPECT_EQ(env_vec_now(&v).mask[319], 0);
    EXPECT_EQ(env_vec_now(&v).mask[316], 0); /* heads start at 312, 315 and 317 */
    EXPECT_EQ(env_vec_now(&v).mask[315], 1);
}

/* ---- actions ---- */

TEST(boxes_are_clipped_in_a_copy) {
    env e = make();
    env_vec v;
    begin(&v, &e, 1);
    act(&v, 0, 0, -4, 77);
    take(&v);
    EXPECT_NEAR(v.rewards[1], 29.9, 1e-6);
    EXPECT((double)v.actions[1] == -4 && (double)v.actions[2] == 77); /* as they were chosen */
    restart(&v); /* 3 is above 2.8 */
    act(&v, 0, 0, 0.5, -1);
    take(&v);
    EXPECT_NEAR(v.rewards[1], 0.1, 1e-7);
    EXPECT(v.rewards[1] <= 0.1); /* 0.1 rounds up as a float */
    EXPECT((double)v.actions[1] == 0.5 && (double)v.actions[2] == -1);
}

TEST(raw_actions_arrive_as_chosen) {
    counter_is.raw = true;
    env e = make();
    counter_is.raw = false;
    env_vec v;
    begin(&v, &e, 1);
    act(&v, 0, 0, -4, 2);
    take(&v);
    EXPECT_NEAR(v.rewards[1], 16, 0);
}

static struct { const char *toy; double pick, x; bool odd; } attempt;

static void step_once(void) {
    env e = attempt.toy ? make_toy(attempt.toy) : make();
    env_vec v;
    begin(&v, &e, 1);
    act(&v, 0, 0, 0, 0);
    if (attempt.odd) take(&v);
    act(&v, 0, attempt.pick, attempt.x, 0);
    (void)env_vec_step(&v, NULL);
}

/* Runs it in a process of its own; returns whether it aborted, with what it said in `words`. */
static bool step_aborts(double pick, double x, bool odd, const char *toy, char *words, size_t size) {
    attempt.pick = pick, attempt.x = x, attempt.odd = odd, attempt.toy = toy;
    int status = run_apart(step_once, words, size);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(indices_are_checked) {
    char words[2048];
    EXPECT(!step_aborts(2, 0, false, NULL, words, sizeof words));
    EXPECT(!step_aborts(-0.0, 0, true, NULL, words, sizeof words));
    const double bad[] = {-1, 4, 1.5, 1e9};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_MSG(step_aborts(bad[i], 0, false, NULL, words, sizeof words), "action %g was taken", bad[i]);
        EXPECT_HAS(words, "picker");
        EXPECT_HAS(words, "0..3");
    }
    EXPECT(step_aborts(1.5, 0, false, NULL, words, sizeof words));
    EXPECT_HAS(words, "action 1.5");
    EXPECT(step_aborts(2, 0, true, NULL, words, sizeof words));
    EXPECT_HAS(words, "not legal");
    /* The second of three heads has two actions, of which one is legal after the first step. */
    const char *toy = "agents=1 heads=3 masks=true";
    EXPECT(!step_aborts(1, 0, true, toy, words, sizeof words));
    EXPECT(step_aborts(0, 2, false, toy, words, sizeof words));
    EXPECT_HAS(words, "action 2 of head 1 is not an index 0..1");
    EXPECT(step_aborts(1, 1, true, toy, words, sizeof words));
    EXPECT_HAS(words, "action 1 of head 1 is not legal now");
    EXPECT(step_aborts(2, 0, true, toy, words, sizeof words));
    EXPECT_HAS(words, "action 2 of head 0 is not legal now");
}

/* ---- faults ---- */

/* Plays the corridor until something is wrong; returns the step at which it was, or -1. */
static int64_t play_until_bad(const char *settings, fm_error *err) {
    env e = make_toy(settings);
    env_vec v;
    env_vec_init(&v, &e, 2, 4, FM_RNG_ENV, &arena, NULL);
    if (env_vec_reset(&v, err) != FM_OK) return 0;
    for (int64_t t = 1; t <= 20; t++) {
        if (env_vec_step(&v, err) != FM_OK) return t;
        if (env_vec_restart(&v, err) != FM_OK) return t;
    }
    return -1;
}

TEST(faults_stop_at_the_very_step) {
    static const struct {
        const char *settings;
        int at;
        const char *words;
    } cases[] = {
        {"fault=reward fault_at=3", 3, "corridor, copy 0, step 3: the reward of 'b' is nan"},
        {"fault=reward fault_at=4", 4, "corridor, copy 0, step 4: the reward of 'b' is nan"},
        {"fault=observation fault_at=0", 0,
         "corridor, copy 0, step 0: number 4 of the observation of 'b' is nan"},
        {"fault=observation fault_at=2", 2,
         "corridor, copy 0, step 2: number 4 of the observation of 'b' is nan"},
        {"central=true fault=central fault_at=2", 2,
         "corridor, copy 0, step 2: number 1 of the centralised state is nan"},
        {"central=true fault=central fault_at=0", 0, "copy 0, step 0: number 1 of the centralised state"},
        {"fault=reading fault_at=1", 1, "corridor, copy 0, step 1: the reading 'step' is nan"},
        {"fault=reading fault_at=0", 0, "corridor, copy 0, step 0: the reading 'step' is nan"},
        {"fault=mask fault_at=2", 2, "corridor, copy 0, step 2: 'b' has no legal action"},
        {"fault=mask fault_at=0 agents=1", 0, "corridor, copy 0, step 0: 'a' has no legal action"},
        {"fault=mask fault_at=2 heads=3", 2, "corridor, copy 0, step 2: 'b' has no legal action of head 2"},
        {"cut=true fault=mask fault_at=4", 4, "corridor, copy 0, step 4: 'b' has no legal action"},
        {"fault=mask fault_at=4", -1, ""},                   /* nobody acts after the end */
        {"fault=mask fault_at=2 death=2", -1, ""},           /* nor does the dead one */
        {"fault=mask fault_at=2 pauses=true", -1, ""},       /* nor the one that waits */
        {"absent=true", -1, ""},
        {"", -1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fm_error err = {""};
        int64_t at = play_until_bad(cases[i].settings, &err);
        EXPECT_MSG(at == cases[i].at, "%s: stopped at %d", cases[i].settings, (int)at);
        EXPECT_HAS(err.text, cases[i].words);
    }
}

TEST(chosen_numbers_are_finite) {
    env e = make();
    env_vec v;
    fm_error err;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    static const char *const text[] = {"nan", "inf", "-inf"};
    for (int i = 0; i < 3; i++) {
        begin(&v, &e, 2);
        act(&v, 0, 0, 0, 0);
        act(&v, 1, 0, 0, 1);
        take(&v);
        act(&v, 1, 0, 0, bad[i]);
        EXPECT_EQ(env_vec_step(&v, &err), FM_BAD);
        EXPECT_HAS(err.text, "counter, copy 1, step 2: number 1 of the action of 'steerer' is ");
        EXPECT_TEXT(strrchr(err.text, ' ') + 1, text[i]);
        begin(&v, &e, 1);
        act(&v, 0, bad[i], 0, 0);
        EXPECT_EQ(env_vec_step(&v, &err), FM_BAD);
        EXPECT_HAS(err.text, "counter, copy 0, step 1: number 0 of the action of 'picker' is ");
    }
}

static void step_after_the_end(void) {
    env e = make();
    env_vec v;
    begin(&v, &e, 1);
    act(&v, 0, 3, 0, 0);
    take(&v);
    take(&v);
}

static void run_counter(void) {
    env e = make();
    env_vec v;
    begin(&v, &e, 1);
    for (int t = 0; t < 3; t++) take(&v);
}

TEST(broken_contracts_abort) {
    EXPECT_ABORTS(step_after_the_end, "copy 0 ended and was not restarted");
    counter_is.fault = BORN_DONE;
    EXPECT_ABORTS(run_counter, "'picker' is done after a reset");
    counter_is.fault = NOBODY_LEFT;
    EXPECT_ABORTS(run_counter, "all agents are done but the episode goes on");
    counter_is.fault = PAUSE;
    EXPECT_ABORTS(run_counter, "'picker' pauses although");
    counter_is.fault = HONEST;
}

/* ---- buffers ---- */

TEST(buffers) {
    env e = make();
    env_vec v;
    env_vec_init(&v, &e, 3, 4, FM_RNG_ENV, &arena, NULL);
    EXPECT(v.state_stride % 64 == 0 && v.state_stride >= sizeof(counter));
    EXPECT_EQ(v.state_stride, 64);
    EXPECT((unsigned char *)env_vec_state(&v, 2) == v.state + 2 * v.state_stride);
    fm_rng expected = fm_rng_split(4, FM_RNG_ENV, 2, 0);
    EXPECT(memcmp(&v.rng[2], &expected, sizeof expected) == 0);
    env_vec_init(&v, &e, 3, 4, FM_RNG_EVAL, &arena, NULL);
    EXPECT(memcmp(&v.rng[2], &expected, sizeof expected) != 0);
}

static void act_some(env_vec *v, int t) {
    for (int c = 0; c < v->copies; c++) act(v, c, t % 4 == c ? 3 : t % 2, 0.05, t % 7 == c ? 2.9 : c);
}

/* Whether two vectorisers show the same to everybody. */
static bool same(const env_vec *v, const env_vec *w) {
    env_view a = env_vec_now(v), b = env_vec_now(w), c = env_vec_before(v), d = env_vec_before(w);
    return memcmp(a.obs, b.obs, 9 * sizeof(real)) == 0 && memcmp(c.obs, d.obs, 9 * sizeof(real)) == 0 &&
           memcmp(a.central, b.central, 3 * sizeof(real)) == 0 && memcmp(a.mask, b.mask, 12) == 0 &&
           memcmp(a.active, b.active, 6) == 0 && memcmp(c.active, d.active, 6) == 0 &&
           memcmp(a.learns, b.learns, 6) == 0 && memcmp(a.first, b.first, 3) == 0 &&
           memcmp(c.first, d.first, 3) == 0 && memcmp(v->rewards, w->rewards, 6 * sizeof(double)) == 0 &&
           memcmp(v->done, w->done, 6) == 0 && memcmp(v->sum, w->sum, 6 * sizeof(double)) == 0 &&
           memcmp(v->length, w->length, 3 * sizeof(int64_t)) == 0 &&
           memcmp(v->outcome, w->outcome, 3 * sizeof(int)) == 0 &&
           memcmp(v->terminated, w->terminated, 3) == 0 && memcmp(v->truncated, w->truncated, 3) == 0 &&
           memcmp(v->state, w->state, 3 * v->state_stride) == 0;
}

static void copy_kept(const fm_keep_list *from, const fm_keep_list *to) {
    static const char *const names[] = {"env/obs", "env/central", "env/mask", "env/active", "env/learns",
                                        "env/first", "env/at", "env/done", "env/length", "env/sum",
                                        "env/state", "env/rng"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fm_kept *a = fm_keep_find(from, names[i]), *b = fm_keep_find(to, names[i]);
        EXPECT_MSG(a && b, "'%s' is not kept", names[i]);
        if (!a || !b) continue;
        EXPECT_EQ(a->rows, b->rows);
        memcpy(b->data, a->data, a->rows * (a->cols ? a->cols : 1) * fm_dtype_size(a->dtype));
    }
}

/* Everything that was kept, put into a vectoriser that has done something else for a while, goes on bit for
 * bit, whenever it is kept between a restart and the next step. */
TEST(kept_state_resumes) {
    env e = make();
    bool equal = true;
    for (int moment = 0; moment < 12; moment++) {
        env_vec v, w;
        fm_keep_list kept = {0}, other = {0};
        env_vec_init(&v, &e, 3, 4, FM_RNG_ENV, &arena, &kept);
        env_vec_init(&w, &e, 3, 99, FM_RNG_ENV, &arena, &other);
        EXPECT(env_vec_reset(&v, NULL) == FM_OK && env_vec_reset(&w, NULL) == FM_OK);
        for (int t = 0; t < moment; t++) {
            act_some(&v, t);
            take(&v);
            restart(&v);
        }
        for (int t = 0; t < 5 + moment % 3; t++) {
            act_some(&w, t + 1);
            take(&w);
            restart(&w);
        }
        copy_kept(&kept, &other);
        for (int t = moment; t < moment + 20; t++) {
            act_some(&v, t);
            act_some(&w, t);
            take(&v);
            take(&w);
            equal = equal && same(&v, &w);
            restart(&v);
            restart(&w);
            equal = equal && same(&v, &w);
        }
        /* Both purposes fit into one list. */
        env_vec_init(&w, &e, 2, 4, FM_RNG_EVAL, &arena, &kept);
        EXPECT(fm_keep_find(&kept, "eval/rng") != NULL);
        fm_keep_free(&kept);
        fm_keep_free(&other);
    }
    EXPECT(equal);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(a_step_and_its_restart), CASE(terminated_wins_at_the_horizon),
          CASE(the_environment_may_truncate), CASE(the_dead_stay_dead_until_the_restart),
          CASE(pauses_hidden_queries_and_death_of_the_corridor), CASE(forty_agents),
          CASE(boxes_are_clipped_in_a_copy), CASE(raw_actions_arrive_as_chosen), CASE(indices_are_checked),
          CASE(faults_stop_at_the_very_step), CASE(chosen_numbers_are_finite), CASE(broken_contracts_abort),
          CASE(buffers), CASE(kept_state_resumes))
