/* The vectoriser, on a counting environment whose every number can be foretold. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "envs/vector.h"
#include "tests/test.h"

/* Two agents. Agent 0 has 4 actions, 3 of which ends the episode by rule; agent 1 steers a box of two
 * numbers. The state counts decisions and holds a number drawn at reset. Observations: count and count + 0.5,
 * then the draw. Agent 0's action 2 is illegal at odd counts; agent 1 dies at count 2. */
typedef struct counter {
    int64_t count, ended;
    double draw;
    char pad[40];
} counter;

static void look(const counter *s, env_io *io) {
    io->obs[0] = (real)s->count;
    io->obs[1] = (real)s->count + (real)0.5;
    io->obs[2] = (real)s->draw;
    io->mask[2] = s->count % 2 == 0;
    io->alive[1] = s->count < 2;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    counter *s = state;
    const unsigned char *bytes = state;
    (void)game;
    for (size_t i = 0; i < sizeof *s; i++) EXPECT(bytes[i] == 0);
    s->draw = fm_rng_uniform(rng);
    look(s, io);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    counter *s = state;
    (void)game, (void)rng;
    for (int i = 0; i < 4; i++) EXPECT(io->mask[i] == 1);
    EXPECT(io->alive[0] == 1 && io->alive[1] == 1 && io->rewards[0] == 0 && io->rewards[1] == 0);
    EXPECT(!io->terminated);
    s->count++;
    s->ended = io->actions[0] == 3;
    io->rewards[0] = (double)s->count;
    io->rewards[1] = (double)(io->actions[1] + 10 * io->actions[2]);
    io->terminated = s->ended;
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
    (void)config, (void)arena, (void)err;
    *game = NULL;
    facts->title = "Counter", facts->source = "test";
    facts->agents = 2;
    facts->agent_name[0] = "picker", facts->agent_name[1] = "steerer";
    facts->obs_length[0] = 2, facts->obs_length[1] = 1;
    facts->action[0] = (env_space){.n = 4, .size = 1};
    facts->action[1] = (env_space){.size = 2, .low = low, .high = high};
    facts->horizon = 5;
    facts->rewards = ENV_GENERAL_SUM;
    facts->reward_low[1] = -1;
    facts->reward_high[0] = 5, facts->reward_high[1] = 31;
    facts->masks = true;
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

static void act(env_vec *v, int copy, double pick, double x, double y) {
    real *a = v->actions + copy * 3;
    a[0] = (real)pick, a[1] = (real)x, a[2] = (real)y;
}

TEST(truncation_and_final_obs) {
    env e = make();
    env_vec v;
    env_vec_init(&v, &e, 2, 4, FM_RNG_ENV, &arena, NULL);
    env_vec_reset(&v);
    double draw = (double)v.obs[2], other = (double)v.obs[5];
    EXPECT(draw != other);
    for (int t = 1; t <= 5; t++) {
        act(&v, 0, 0, 0, 1);
        act(&v, 1, t == 2 ? 3 : 1, 0, 0);
        env_vec_step(&v);
        EXPECT_NEAR(v.rewards[0], t, 0);
        EXPECT_EQ(v.terminated[0], 0);
        EXPECT_EQ(v.truncated[0], t == 5);
        EXPECT_NEAR(v.final_obs[0], t, 0);
        EXPECT_NEAR(v.final_obs[2], draw, 0);
        EXPECT_NEAR(v.obs[0], t == 5 ? 0 : t, 0);
        EXPECT_EQ(v.length[0], t == 5 ? 0 : t);
        EXPECT_EQ(v.ended_length[0], t == 5 ? 5 : 0);
        EXPECT_NEAR(v.sum[0], t == 5 ? 0 : t * (t + 1) / 2, 0);
        EXPECT_EQ(v.mask[2], t == 5 || t % 2 == 0);
        EXPECT_EQ(v.final_mask[2], t % 2 == 0);
        EXPECT_EQ(v.alive[1], t == 5 || t < 2);
        EXPECT_EQ(v.terminated[1], t == 2);
        EXPECT_EQ(v.truncated[1], 0);
        EXPECT_EQ(v.ended_outcome[1], t == 2 ? 1 : -1);
        EXPECT_EQ(v.ended_length[1], t == 2 ? 2 : 0);
        EXPECT_NEAR(v.ended_return[2], t == 2 ? 3 : 0, 0);
        EXPECT_EQ(v.length[1], t < 2 ? 1 : t - 2);
    }
    EXPECT_NEAR(v.ended_return[0], 15, 0);
    EXPECT_NEAR(v.ended_return[1], 50, 0);
    EXPECT_EQ(v.ended_outcome[0], 0);
    EXPECT((double)v.obs[2] != draw);
    env_vec_reset(&v);
    EXPECT_EQ(v.truncated[0], 0);
    EXPECT_EQ(v.length[1], 0);
    EXPECT_EQ(v.ended_length[0], 0);
    EXPECT_NEAR(v.ended_return[0], 0, 0);
}

/* An episode that its rules end with its last decision is not truncated. */
TEST(terminated_wins_at_the_horizon) {
    env e = make();
    env_vec v;
    env_vec_init(&v, &e, 1, 4, FM_RNG_ENV, &arena, NULL);
    env_vec_reset(&v);
    for (int t = 1; t <= 5; t++) {
        act(&v, 0, t == 5 ? 3 : 0, 0, 0);
        env_vec_step(&v);
    }
    EXPECT_EQ(v.terminated[0], 1);
    EXPECT_EQ(v.truncated[0], 0);
    EXPECT_EQ(v.ended_length[0], 5);
}

TEST(boxes_are_clipped) {
    env e = make();
    env_vec v;
    env_vec_init(&v, &e, 1, 4, FM_RNG_ENV, &arena, NULL);
    env_vec_reset(&v);
    act(&v, 0, 0, -4, INFINITY);
    env_vec_step(&v);
    EXPECT_NEAR(v.rewards[1], 29.9, 1e-6);
    EXPECT((double)v.actions[1] >= -0.1);
    act(&v, 0, 0, 0.5, -1);
    env_vec_step(&v);
    EXPECT_NEAR(v.rewards[1], 0.1, 1e-7);
    EXPECT((double)v.actions[1] <= 0.1); /* 0.1 rounds up as a float */
    EXPECT((double)v.actions[2] == 0);
}

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

/* Everything that was kept, put into a fresh vectoriser, goes on bit for bit. */
TEST(kept_state_resumes) {
    env e = make();
    env_vec v, w;
    fm_keep_list kept = {0}, fresh = {0};
    env_vec_init(&v, &e, 3, 4, FM_RNG_ENV, &arena, &kept);
    env_vec_init(&w, &e, 3, 99, FM_RNG_ENV, &arena, &fresh);
    env_vec_reset(&v);
    for (int t = 0; t < 21; t++) {
        for (int c = 0; c < 3; c++) act(&v, c, t % 4 == c ? 3 : 1, 0.05, c);
        env_vec_step(&v);
    }
    static const char *const names[] = {"env/obs", "env/mask",  "env/alive", "env/length",
                                        "env/sum", "env/state", "env/rng"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fm_kept *from = fm_keep_find(&kept, names[i]), *to = fm_keep_find(&fresh, names[i]);
        EXPECT_MSG(from && to, "'%s' is not kept", names[i]);
        if (!from || !to) continue;
        EXPECT_EQ(from->rows, to->rows);
        size_t entries = from->rows * (from->cols ? from->cols : 1);
        memcpy(to->data, from->data, entries * fm_dtype_size(from->dtype));
    }
    EXPECT(memcmp(w.obs, v.obs, 9 * sizeof(real)) == 0);
    bool equal = true;
    for (int t = 0; t < 30; t++) {
        for (int c = 0; c < 3; c++) {
            act(&v, c, t % 5 == c ? 3 : 0, 0.05, t % 3);
            act(&w, c, t % 5 == c ? 3 : 0, 0.05, t % 3);
        }
        env_vec_step(&v);
        env_vec_step(&w);
        equal = equal && memcmp(v.obs, w.obs, 9 * sizeof(real)) == 0 &&
                memcmp(v.ended_return, w.ended_return, 6 * sizeof(double)) == 0 &&
                memcmp(v.state, w.state, 3 * v.state_stride) == 0 &&
                memcmp(v.sum, w.sum, 6 * sizeof(double)) == 0 && memcmp(v.truncated, w.truncated, 3) == 0;
    }
    EXPECT(equal);
    /* Both purposes fit into one list. */
    env_vec_init(&w, &e, 2, 4, FM_RNG_EVAL, &arena, &kept);
    EXPECT(fm_keep_find(&kept, "eval/rng") != NULL);
    fm_keep_free(&kept);
    fm_keep_free(&fresh);
}

/* Runs one step in a child; fills `words` with what it said on stderr, and returns whether it aborted. */
static bool step_aborts(double pick, double x, bool odd, char *words, size_t size) {
    int ends[2];
    words[0] = '\0';
    if (pipe(ends) != 0) return false;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        env e = make();
        env_vec v;
        env_vec_init(&v, &e, 1, 4, FM_RNG_ENV, &arena, NULL);
        env_vec_reset(&v);
        act(&v, 0, 0, 0, 0);
        if (odd) env_vec_step(&v);
        act(&v, 0, pick, x, 0);
        env_vec_step(&v);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; used + 1 < size && (n = read(ends[0], words + used, size - 1 - used)) > 0;)
        used += (size_t)n;
    words[used] = '\0';
    close(ends[0]);
    int status = 0;
    if (waitpid(child, &status, 0) != child) return false;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(actions_are_checked) {
    char words[2048];
    EXPECT(!step_aborts(2, 0, false, words, sizeof words));
    EXPECT(!step_aborts(-0.0, 0, true, words, sizeof words));
    const double bad[] = {-1, 4, 1.5, 1e9, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_MSG(step_aborts(bad[i], 0, false, words, sizeof words), "action %g was taken", bad[i]);
        EXPECT_HAS(words, "picker");
        EXPECT_HAS(words, "0..3");
    }
    EXPECT(step_aborts(1.5, 0, false, words, sizeof words));
    EXPECT_HAS(words, "action 1.5");
    EXPECT(step_aborts(2, 0, true, words, sizeof words));
    EXPECT_HAS(words, "not legal");
    EXPECT(step_aborts(0, NAN, false, words, sizeof words));
    EXPECT_HAS(words, "steerer");
    EXPECT_HAS(words, "nan");
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(truncation_and_final_obs), CASE(terminated_wins_at_the_horizon), CASE(boxes_are_clipped),
          CASE(buffers), CASE(kept_state_resumes), CASE(actions_are_checked))
