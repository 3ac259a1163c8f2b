/* test_loop.c: one trial: what it measures, that pieces and interruptions change nothing, and its guards. */
#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "envs/games/bimatrix.h"
#include "tests/toy_loop.h"
#include "training/run/checkpoint.h"

/* With a uniform partner the best answer is the action with the best mean reward: known from the table. */
TEST(loop_learns_what_the_rewards_teach) {
    bench b;
    loop l;
    fm_error err;
    bench_make(&b, "maintain", "epsilon=1 rate=0.01");
    loop_evaluation evaluation = loop_evaluation_make(&b.world.facts, &b.arena);
    b.setup.steps = 20000;
    loop_init(&l, &b.setup);
    EXPECT_EQ(loop_advance(&l, 1 << 20), LOOP_DONE);
    bench_must(loop_evaluate(&l, LOOP_AT_THE_END, &evaluation, &err), &err);
    EXPECT_EQ(evaluation.episodes, 1);
    EXPECT_EQ(evaluation.length, 1);
    const bimatrix *game = b.world.facts.bimatrix;
    size_t best[2] = {0, 0};
    double most[2] = {-1e9, -1e9};
    for (size_t i = 0; i < game->rows; i++) {
        double row = 0, col = 0;
        for (size_t j = 0; j < game->cols; j++) row += game->payoff[0][i * game->cols + j];
        for (size_t j = 0; j < game->rows; j++) col += game->payoff[1][j * game->cols + i];
        if (row > most[0]) most[0] = row, best[0] = i;
        if (col > most[1]) most[1] = col, best[1] = i;
    }
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(evaluation.action[i], best[i]);
        EXPECT_EQ(evaluation.value[i], game->payoff[i][best[0] * game->cols + best[1]]);
    }
    loop_free(&l);
    fm_arena_free(&b.arena);
}

TEST(loop_result_does_not_depend_on_the_pieces) {
    bench b;
    loop whole, pieces;
    bench_make(&b, "merge", "");
    loop_init(&whole, &b.setup);
    loop_init(&pieces, &b.setup);
    EXPECT_EQ(loop_advance(&whole, 1000000), LOOP_DONE);
    for (int i = 0; i < 142; i++) EXPECT_EQ(loop_advance(&pieces, 7), LOOP_RUNNING);
    EXPECT_EQ(pieces.counters.step, 994);
    EXPECT_EQ(loop_advance(&pieces, 7), LOOP_DONE);
    EXPECT_EQ(pieces.counters.step, 1000);
    expect_same(&whole, &pieces, NULL);
    loop_free(&whole);
    loop_free(&pieces);
    fm_arena_free(&b.arena);
}

TEST(loop_seeds_give_different_trials) {
    bench b;
    loop first, second;
    bench_make(&b, "merge", "");
    loop_init(&first, &b.setup);
    b.setup.seed = 8;
    loop_init(&second, &b.setup);
    loop_advance(&first, 1000);
    loop_advance(&second, 1000);
    size_t values = (size_t)first.columns.at[COLUMN_SECONDS];
    EXPECT(memcmp(first.row_values, second.row_values, values * sizeof(double)) != 0);
    loop_free(&first);
    loop_free(&second);
    fm_arena_free(&b.arena);
}

TEST(loop_rows_divide_the_trial_evenly) {
    static const int64_t STEPS[] = {1, 9, 10, 11, 997}, COPIES[] = {1, 3};
    for (size_t s = 0; s < 5; s++)
        for (size_t c = 0; c < 2; c++) {
            bench b;
            loop l;
            bench_make(&b, "maintain", "");
            b.setup.steps = STEPS[s];
            b.setup.num_envs = (int)COPIES[c];
            loop_init(&l, &b.setup);
            EXPECT_EQ(loop_advance(&l, 1000), LOOP_DONE);
            EXPECT_EQ(l.iterations, (STEPS[s] + COPIES[c] - 1) / COPIES[c]);
            EXPECT_EQ(l.row_count, l.iterations < 10 ? l.iterations : 10);
            EXPECT_EQ(l.counters.rows, l.row_count);
            double row[64], before = 0;
            loop_row(&l, l.row_count - 1, row);
            EXPECT_EQ(row[l.columns.at[COLUMN_STEP]], l.iterations * COPIES[c]);
            for (int64_t r = 0; r < l.row_count; r++) {
                loop_row(&l, r, row);
                double step = row[l.columns.at[COLUMN_STEP]];
                EXPECT(step > before &&
                       step - before <= (double)(l.iterations / l.row_count + 1) * (double)COPIES[c]);
                before = step;
            }
            loop_free(&l);
            fm_arena_free(&b.arena);
        }
}

/* Rates by hand, from the rewards that the environment gave in the last `window` one-step episodes. */
TEST(loop_rates_are_means_of_the_window) {
    bench b;
    loop l;
    double seen[60], values[64], sum = 0;
    bench_make(&b, "maintain", "epsilon=1");
    b.setup.window = 8;
    loop_init(&l, &b.setup);
    const int *at = l.columns.at;
    loop_measure(&l, values);
    EXPECT(values[at[COLUMN_RETURN]] == FM_ABSENT && values[at[COLUMN_OUTCOME]] == FM_ABSENT);
    for (int i = 0; i < 60; i++) {
        loop_advance(&l, 1);
        seen[i] = l.stage.vec.rewards[0];
        int n = i + 1 < 8 ? i + 1 : 8;
        sum = 0;
        for (int k = i + 1 - n; k <= i; k++) sum += seen[k];
        loop_measure(&l, values);
        EXPECT_NEAR(values[at[COLUMN_RETURN]], sum / n, 1e-12);
        EXPECT_EQ(values[at[COLUMN_EPISODES]], i + 1);
        EXPECT_EQ(values[at[COLUMN_LENGTH]], 1);
    }
    double shares = 0;
    for (int o = 0; o < b.world.facts.outcomes; o++) shares += values[at[COLUMN_OUTCOME] + o];
    EXPECT_EQ(b.world.facts.outcomes, 9);
    EXPECT_NEAR(shares, 1, 1e-12);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

TEST(loop_stops_at_a_metric_that_is_no_number) {
    bench b;
    loop l;
    bench_make(&b, "maintain", "fail=metric fail_at=333 fail_seed=7");
    loop_init(&l, &b.setup);
    EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
    EXPECT_HAS(l.problem.text, "metric surprise_1 is nan after update 333 (step 333)");
    EXPECT_HAS(l.problem.text, "the first wrong op is log [1, 1]");
    EXPECT_HAS(l.problem.text, "leaf 'toy.level'");
    EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
    EXPECT_EQ(l.counters.step, 333);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

TEST(loop_stops_at_a_parameter_that_is_no_number) {
    bench b;
    loop l;
    bench_make(&b, "maintain", "fail=parameter fail_at=310 fail_seed=7");
    loop_init(&l, &b.setup);
    EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
    EXPECT_HAS(l.problem.text, "parameter toy.value is");
    EXPECT(strstr(l.problem.text, "op") == NULL); /* all is well on the tape */
    EXPECT_EQ(l.counters.step, 400);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

/* The corridor's episodes have 4 steps, and its third one is wrong: in each case the trial ends there, and
 * is told so again. */
TEST(loop_stops_at_the_very_step_that_went_wrong) {
    static const struct { const char *world, *part; int64_t step; } CASES[] = {
        {"corridor fault=reward fault_at=3", "step 3: the reward of 'b' is nan", 2},
        {"corridor fault=observation fault_at=3", "step 3: number 4 of the observation of 'b' is nan", 2},
        {"corridor fault=reading fault_at=3", "step 3: the reading 'step' is nan", 2},
        {"corridor fault=mask fault_at=3", "step 3: 'b' has no legal action", 2},
        {"corridor fault=observation fault_at=0", "step 0: ", 0},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        bench b;
        loop l;
        bench_make(&b, CASES[k].world, "");
        loop_init(&l, &b.setup);
        EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
        EXPECT_HAS(l.problem.text, CASES[k].part);
        EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
        EXPECT_EQ(l.counters.step, CASES[k].step);
        loop_free(&l);
        fm_arena_free(&b.arena);
    }
}

TEST(loop_takes_no_memory_after_it_is_built) {
    bench b;
    loop l;
    bench_make(&b, "merge", "");
    b.setup.eval_every = 10;
    loop_init(&l, &b.setup);
    loop_advance(&l, 10);
    size_t calls = fm_arena_system_calls();
    loop_advance(&l, 1000);
    EXPECT_EQ(fm_arena_system_calls(), calls);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

typedef struct watcher {
    int64_t calls, last;
} watcher;

static void count_calls(void *user, loop *l) {
    watcher *w = user;
    EXPECT_EQ(l->counters.iteration, w->calls * 100);
    w->calls++;
    w->last = l->counters.iteration;
}

TEST(loop_lets_a_watcher_look_at_regular_iterations) {
    bench b;
    loop l;
    watcher w = {0};
    bench_make(&b, "maintain", "");
    b.setup.watch = count_calls;
    b.setup.watch_user = &w;
    b.setup.watch_every = 100;
    loop_init(&l, &b.setup);
    while (loop_advance(&l, 33) == LOOP_RUNNING) {
    }
    EXPECT_EQ(w.calls, 11);
    EXPECT_EQ(w.last, 1000);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

/* ---- what the learner is shown ---- */

/* What `act` saw and chose last, and what `observe` was told would be seen next. */
static struct {
    real obs[256], actions[16], next[256];
    uint8_t mask[256], goes_on[2];
    int64_t steps, ends;
} spy;

static void spy_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                    real *actions) {
    const env_facts *facts = ((const toy *)self)->facts;
    size_t width = (size_t)facts->obs_total, n = (size_t)view->copies;
    for (size_t c = 0; c < n; c++)
        if (spy.goes_on[c])
            EXPECT(memcmp(spy.next + c * width, view->obs + c * width, width * sizeof(real)) == 0);
    memcpy(spy.obs, view->obs, n * width * sizeof(real));
    memcpy(spy.mask, view->mask, n * (size_t)facts->mask_total);
    toy_act(self, view, mode, rng, memory, actions);
    memcpy(spy.actions, actions, n * (size_t)facts->action_total * sizeof(real));
}

static void spy_observe(void *self, const algo_step *step) {
    const env_facts *facts = ((const toy *)self)->facts;
    size_t width = (size_t)facts->obs_total, n = (size_t)step->before.copies;
    EXPECT(memcmp(spy.obs, step->before.obs, n * width * sizeof(real)) == 0);
    EXPECT(memcmp(spy.mask, step->before.mask, n * (size_t)facts->mask_total) == 0);
    EXPECT(memcmp(spy.actions, step->actions, n * (size_t)facts->action_total * sizeof(real)) == 0);
    memcpy(spy.next, step->after.obs, n * width * sizeof(real));
    for (size_t c = 0; c < n; c++) {
        spy.goes_on[c] = !step->terminated[c] && !step->truncated[c];
        for (size_t i = 0; i < (size_t)facts->agents; i++)
            EXPECT_EQ(step->done[c * (size_t)facts->agents + i], step->terminated[c]);
        spy.ends += !spy.goes_on[c];
        spy.steps++;
    }
    toy_observe(self, step);
}

TEST(loop_shows_the_learner_what_happened) {
    static const char *const WORLDS[] = {"merge", "grid", "maintain"};
    algo_type spying = TOY_ALGO;
    spying.act = spy_act;
    spying.observe = spy_observe;
    for (int w = 0; w < 3; w++) {
        bench b;
        loop l;
        bench_make(&b, WORLDS[w], "epsilon=1");
        b.setup.algo = &spying;
        b.setup.num_envs = 2;
        memset(&spy, 0, sizeof spy);
        loop_init(&l, &b.setup);
        loop_advance(&l, 300);
        EXPECT_EQ(spy.steps, 600);
        EXPECT_EQ(spy.ends, l.counters.episodes);
        EXPECT(spy.ends > 0);
        loop_free(&l);
        fm_arena_free(&b.arena);
    }
}

/* ---- checkpoints ---- */

typedef struct saved {
    bench b;
    run_plan plan;
    char folder[64];
} saved;

static void saved_make(saved *s, const char *world) {
    bench_make(&s->b, world, "stick=0.4");
    fm_options_reset(RUN_OPTIONS, &s->plan.config);
    s->plan.algo = s->plan.learner = &TOY_ALGO;
    s->plan.algo_config = &s->b.config;
    s->plan.learner_config = &s->b.config;
    s->plan.env = s->b.world;
    snprintf(s->folder, sizeof s->folder, "/tmp/fm_test_loop_XXXXXX");
    EXPECT(mkdtemp(s->folder) != NULL);
}

static void saved_free(saved *s) {
    static const char *const NAMES[] = {CHECKPOINT_PARAMETERS, CHECKPOINT_STATE};
    for (int i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", s->folder, NAMES[i]);
        remove(path);
    }
    EXPECT_MSG(rmdir(s->folder) == 0, "%s holds more than two files", s->folder);
    fm_arena_free(&s->b.arena);
}

/* From the stop on, the resumed loop makes the decisions of the one that went through, shows the same numbers
 * at every step, and writes the same rows. */
static void expect_same_rest(loop *through, loop *resumed) {
    size_t actions = (size_t)through->stage.vec.copies * (size_t)through->columns.facts->action_total;
    double now[2][64];
    loop_status status;
    EXPECT(through->columns.at[COLUMN_END] <= 64);
    do {
        status = loop_advance(through, 1);
        EXPECT_EQ(loop_advance(resumed, 1), status);
        EXPECT(memcmp(through->stage.vec.actions, resumed->stage.vec.actions, actions * sizeof(real)) == 0);
        loop_measure(through, now[0]);
        loop_measure(resumed, now[1]);
        EXPECT(memcmp(now[0], now[1], (size_t)through->columns.at[COLUMN_SECONDS] * sizeof(double)) == 0);
    } while (status == LOOP_RUNNING && test_now.failures == 0);
    expect_same(through, resumed, NULL);
}

static void resume_once(const char *world, int num_envs, int64_t stop) {
    saved s = {0};
    loop through, stopped, resumed;
    fm_error err;
    saved_make(&s, world);
    s.b.setup.num_envs = num_envs;
    s.b.setup.steps = 300 * num_envs;
    s.b.setup.eval_every = 70;
    s.b.setup.eval_mode = ALGO_SAMPLE;
    loop_init(&through, &s.b.setup);
    loop_init(&stopped, &s.b.setup);
    loop_init(&resumed, &s.b.setup);
    loop_advance(&through, stop);
    loop_advance(&stopped, stop);
    EXPECT(!checkpoint_exists(s.folder, CHECKPOINT_STATE));
    bench_must(checkpoint_save(&stopped, &s.plan, s.folder, false, &err), &err);
    EXPECT(checkpoint_exists(s.folder, CHECKPOINT_STATE));
    bench_must(checkpoint_resume(&resumed, &s.plan, s.folder, &err), &err);
    expect_same_rest(&through, &resumed);
    bench_must(checkpoint_save(&resumed, &s.plan, s.folder, true, &err), &err);
    EXPECT(!checkpoint_exists(s.folder, CHECKPOINT_STATE));
    loop_free(&through);
    loop_free(&stopped);
    loop_free(&resumed);
    saved_free(&s);
}

TEST(checkpoint_resumes_bit_for_bit) {
    static const char *const WORLDS[] = {"maintain", "merge", "grid",
                                         "corridor masks=true pauses=true death=2",
                                         "corridor cut=true hidden=2 agents=3"};
    static const int64_t STOPS[] = {1, 29, 150, 299};
    for (size_t w = 0; w < sizeof WORLDS / sizeof *WORLDS; w++)
        for (size_t k = 0; k < 4; k++)
            for (int num_envs = 1; num_envs <= 3; num_envs += 2) resume_once(WORLDS[w], num_envs, STOPS[k]);
}

TEST(checkpoint_parameters_are_enough_to_play) {
    saved s = {0};
    loop learned, player;
    fm_error err;
    saved_make(&s, "merge");
    loop_evaluation expected = loop_evaluation_make(&s.b.world.facts, &s.b.arena);
    loop_evaluation played = loop_evaluation_make(&s.b.world.facts, &s.b.arena);
    loop_init(&learned, &s.b.setup);
    loop_init(&player, &s.b.setup);
    loop_advance(&learned, 1000);
    EXPECT_EQ(checkpoint_save(&learned, &s.plan, s.folder, true, &err), FM_OK);
    EXPECT_EQ(checkpoint_load(&player, s.folder, &err), FM_OK);
    bench_must(loop_evaluate(&learned, LOOP_AT_THE_END, &expected, &err), &err);
    bench_must(loop_evaluate(&player, LOOP_AT_THE_END, &played, &err), &err);
    expect_same_evaluation(&s.b.world.facts, &expected, &played);
    loop_free(&learned);
    loop_free(&player);
    saved_free(&s);
}

TEST(checkpoint_of_other_settings_is_refused) {
    saved s = {0};
    loop l;
    fm_error err;
    saved_make(&s, "maintain");
    loop_init(&l, &s.b.setup);
    loop_advance(&l, 10);
    EXPECT_EQ(checkpoint_save(&l, &s.plan, s.folder, false, &err), FM_OK);
    s.b.config.rate = 0.5;
    EXPECT_EQ(checkpoint_resume(&l, &s.plan, s.folder, &err), FM_BAD);
    EXPECT_HAS(err.text, "rate = 0.05");
    EXPECT_HAS(err.text, "rate = 0.5'");
    loop_free(&l);
    saved_free(&s);
}

TEST(checkpoint_of_another_shape_names_the_tensor) {
    saved s = {0};
    loop small, large;
    bench other;
    fm_error err;
    saved_make(&s, "maintain");
    bench_make(&other, "merge", "");
    loop_init(&small, &s.b.setup);
    loop_init(&large, &other.setup);
    EXPECT_EQ(checkpoint_save(&small, &s.plan, s.folder, true, &err), FM_OK);
    EXPECT_EQ(checkpoint_load(&large, s.folder, &err), FM_BAD);
    EXPECT_HAS(err.text, "toy.value");
    loop_free(&small);
    loop_free(&large);
    saved_free(&s);
    fm_arena_free(&other.arena);
}

TEST(checkpoint_that_was_cut_changes_nothing) {
    saved s = {0};
    loop l, untouched;
    char path[128], *text;
    size_t length;
    fm_error err;
    saved_make(&s, "maintain");
    loop_init(&l, &s.b.setup);
    loop_init(&untouched, &s.b.setup);
    EXPECT_EQ(checkpoint_save(&l, &s.plan, s.folder, false, &err), FM_OK);
    snprintf(path, sizeof path, "%s/%s", s.folder, CHECKPOINT_STATE);
    EXPECT_EQ(fm_file_read(path, &text, &length, &err), FM_OK);
    free(text);
    EXPECT(truncate(path, (off_t)length - 1) == 0);
    loop_advance(&l, 5);
    loop_advance(&untouched, 5);
    EXPECT_EQ(checkpoint_resume(&l, &s.plan, s.folder, &err), FM_BAD);
    expect_same(&l, &untouched, NULL);
    loop_free(&l);
    loop_free(&untouched);
    saved_free(&s);
}

TEST_MAIN(CASE(loop_learns_what_the_rewards_teach), CASE(loop_result_does_not_depend_on_the_pieces),
          CASE(loop_seeds_give_different_trials), CASE(loop_rows_divide_the_trial_evenly),
          CASE(loop_rates_are_means_of_the_window), CASE(loop_stops_at_the_very_step_that_went_wrong),
          CASE(loop_stops_at_a_metric_that_is_no_number), CASE(loop_stops_at_a_parameter_that_is_no_number),
          CASE(loop_takes_no_memory_after_it_is_built), CASE(loop_lets_a_watcher_look_at_regular_iterations),
          CASE(loop_shows_the_learner_what_happened), CASE(checkpoint_resumes_bit_for_bit),
          CASE(checkpoint_parameters_are_enough_to_play), CASE(checkpoint_of_other_settings_is_refused),
          CASE(checkpoint_of_another_shape_names_the_tensor), CASE(checkpoint_that_was_cut_changes_nothing))
