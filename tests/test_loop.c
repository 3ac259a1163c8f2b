/* test_loop.c: one trial: what it measures, that pieces and interruptions change nothing, and its guards. */
#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "envs/games/bimatrix.h"
#include "stb_ds.h"
#include "tests/toy_algo.h"
#include "training/run/checkpoint.h"

/* An environment, a learner's config and the settings of a loop; the loop borrows them. */
typedef struct bench {
    fm_arena arena;
    env world;
    toy_config config;
    loop_setup setup;
} bench;

static void bench_make(bench *b, const char *name, const char *settings) {
    fm_error err;
    memset(b, 0, sizeof *b);
    bool ready = env_open(name, &b->arena, &b->world, &err) == FM_OK &&
                 env_create(&b->world, &b->arena, &err) == FM_OK;
    fm_options_reset(TOY_OPTIONS, &b->config);
    ready = ready && fm_options_apply(TOY_OPTIONS, &b->config, settings, &err) == FM_OK;
    EXPECT_MSG(ready, "%s", err.text);
    b->setup = (loop_setup){.env = &b->world,
                            .algo = &TOY_ALGO,
                            .algo_config = &b->config,
                            .copies = 1,
                            .steps = 1000,
                            .seed = 7,
                            .window = 50,
                            .rows = 10};
}

static bool is_time(const fm_kept *item) { return strstr(item->name, "seconds") != NULL; }

static size_t bytes_of(const fm_kept *item) {
    return item->rows * (item->cols ? item->cols : 1) * fm_dtype_size(item->dtype);
}

/* Everything but the clock is the same, to the last bit. */
static void expect_same(const loop *a, const loop *b) {
    EXPECT_EQ(arrlenu(a->keep.items), arrlenu(b->keep.items));
    for (size_t i = 0; i < arrlenu(a->keep.items) && i < arrlenu(b->keep.items); i++) {
        const fm_kept *x = &a->keep.items[i], *y = &b->keep.items[i];
        EXPECT_TEXT(x->name, y->name);
        EXPECT_EQ(bytes_of(x), bytes_of(y));
        if (!is_time(x)) EXPECT_MSG(memcmp(x->data, y->data, bytes_of(x)) == 0, "%s differs", x->name);
    }
}

/* With a uniform partner the best answer is the action with the best mean reward: known from the table. */
TEST(loop_learns_what_the_rewards_teach) {
    bench b;
    loop l;
    loop_evaluation evaluation;
    bench_make(&b, "maintain", "epsilon=1 rate=0.01");
    b.setup.steps = 20000;
    loop_init(&l, &b.setup);
    EXPECT_EQ(loop_advance(&l, 1 << 20), LOOP_DONE);
    loop_evaluate(&l, 100, &evaluation);
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
    expect_same(&whole, &pieces);
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
    EXPECT(memcmp(first.row_values, second.row_values, (size_t)first.values * sizeof(double)) != 0);
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
            b.setup.copies = (int)COPIES[c];
            loop_init(&l, &b.setup);
            EXPECT_EQ(loop_advance(&l, 1000), LOOP_DONE);
            EXPECT_EQ(l.iterations, (STEPS[s] + COPIES[c] - 1) / COPIES[c]);
            EXPECT_EQ(l.row_count, l.iterations < 10 ? l.iterations : 10);
            EXPECT_EQ(l.counters.rows, l.row_count);
            double last = l.row_values[(l.row_count - 1) * l.values + LOOP_STEP], before = 0;
            EXPECT_EQ(last, l.iterations * COPIES[c]);
            for (int64_t r = 0; r < l.row_count; r++) {
                double step = l.row_values[r * l.values + LOOP_STEP];
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
    loop_measure(&l, values);
    EXPECT(isnan(values[LOOP_RETURN]));
    for (int i = 0; i < 60; i++) {
        loop_advance(&l, 1);
        seen[i] = l.vec.rewards[0];
        int n = i + 1 < 8 ? i + 1 : 8;
        sum = 0;
        for (int k = i + 1 - n; k <= i; k++) sum += seen[k];
        loop_measure(&l, values);
        EXPECT_NEAR(values[LOOP_RETURN], sum / n, 1e-12);
        EXPECT_EQ(values[LOOP_EPISODES], i + 1);
        EXPECT_EQ(values[LOOP_RETURN + 2], 1);
    }
    double shares = 0;
    for (int o = 0; o < l.outcomes; o++) shares += values[LOOP_RETURN + 3 + o];
    if (l.outcomes > 0) EXPECT_NEAR(shares, 1, 1e-12);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

TEST(loop_evaluation_disturbs_nothing) {
    bench b;
    loop judged, left;
    loop_evaluation first, second;
    bench_make(&b, "merge", "");
    loop_init(&judged, &b.setup);
    loop_init(&left, &b.setup);
    loop_advance(&judged, 500);
    loop_advance(&left, 500);
    loop_evaluate(&judged, 20, &first);
    loop_evaluate(&judged, 20, &second);
    EXPECT_EQ(first.episodes, 20);
    EXPECT(memcmp(&first, &second, sizeof first) == 0);
    expect_same(&judged, &left);
    double shares = 0;
    for (int o = 0; o < judged.outcomes; o++) shares += first.outcome[o];
    EXPECT_NEAR(shares, 1, 1e-12);
    loop_free(&judged);
    loop_free(&left);
    fm_arena_free(&b.arena);
}

TEST(loop_stops_at_a_metric_that_is_no_number) {
    bench b;
    loop l;
    bench_make(&b, "maintain", "fail=metric fail_at=300 fail_seed=7");
    loop_init(&l, &b.setup);
    EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
    EXPECT_HAS(l.problem, "metric surprise is nan");
    EXPECT_HAS(l.problem, "update 300"); /* a progress row is due there */
    EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
    EXPECT_EQ(l.counters.step, 300);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

TEST(loop_stops_at_a_parameter_that_is_no_number) {
    bench b;
    loop l;
    bench_make(&b, "maintain", "fail=parameter fail_at=310 fail_seed=7");
    loop_init(&l, &b.setup);
    EXPECT_EQ(loop_advance(&l, 1000), LOOP_NAN);
    EXPECT_HAS(l.problem, "parameter toy.value is");
    EXPECT_EQ(l.counters.step, 400);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

TEST(loop_takes_no_memory_after_it_is_built) {
    bench b;
    loop l;
    bench_make(&b, "merge", "");
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

static void spy_act(void *self, const algo_view *view, bool greedy, real *actions) {
    const env_facts *facts = ((const toy *)self)->facts;
    size_t width = (size_t)facts->obs_total, n = (size_t)view->copies;
    for (size_t c = 0; c < n; c++)
        if (spy.goes_on[c])
            EXPECT(memcmp(spy.next + c * width, view->obs + c * width, width * sizeof(real)) == 0);
    memcpy(spy.obs, view->obs, n * width * sizeof(real));
    memcpy(spy.mask, view->mask, n * (size_t)facts->mask_total);
    toy_act(self, view, greedy, actions);
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
        b.setup.copies = 2;
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
    bench_make(&s->b, world, "");
    fm_options_reset(RUN_OPTIONS, &s->plan.config);
    s->plan.algo = &TOY_ALGO;
    s->plan.algo_config = &s->b.config;
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

TEST(checkpoint_resumes_bit_for_bit) {
    static const char *const WORLDS[] = {"maintain", "merge", "grid"};
    static const int64_t STOPS[] = {1, 99, 500, 999};
    for (size_t w = 0; w < 3; w++)
        for (size_t k = 0; k < 4; k++) {
            saved s = {0};
            loop through, stopped, resumed;
            fm_error err;
            saved_make(&s, WORLDS[w]);
            s.b.setup.copies = k == 2 ? 2 : 1;
            s.b.setup.steps = 1000 * s.b.setup.copies;
            loop_init(&through, &s.b.setup);
            loop_init(&stopped, &s.b.setup);
            loop_init(&resumed, &s.b.setup);
            loop_advance(&through, 1000);
            loop_advance(&stopped, STOPS[k]);
            EXPECT(!checkpoint_exists(s.folder));
            bool ok = checkpoint_save(&stopped, &s.plan, s.folder, false, &err) == FM_OK;
            EXPECT(checkpoint_exists(s.folder));
            ok = ok && checkpoint_resume(&resumed, &s.plan, s.folder, &err) == FM_OK;
            EXPECT_MSG(ok, "%s", err.text);
            EXPECT_EQ(loop_advance(&resumed, 1000), LOOP_DONE);
            expect_same(&through, &resumed);
            EXPECT_EQ(checkpoint_save(&resumed, &s.plan, s.folder, true, &err), FM_OK);
            EXPECT(!checkpoint_exists(s.folder));
            loop_free(&through);
            loop_free(&stopped);
            loop_free(&resumed);
            saved_free(&s);
        }
}

TEST(checkpoint_parameters_are_enough_to_play) {
    saved s = {0};
    loop learned, player;
    loop_evaluation expected, played;
    fm_error err;
    saved_make(&s, "merge");
    loop_init(&learned, &s.b.setup);
    loop_init(&player, &s.b.setup);
    loop_advance(&learned, 1000);
    EXPECT_EQ(checkpoint_save(&learned, &s.plan, s.folder, true, &err), FM_OK);
    EXPECT_EQ(checkpoint_load(&player, s.folder, &err), FM_OK);
    loop_evaluate(&learned, 10, &expected);
    loop_evaluate(&player, 10, &played);
    EXPECT(memcmp(&expected, &played, sizeof played) == 0);
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
    expect_same(&l, &untouched);
    loop_free(&l);
    loop_free(&untouched);
    saved_free(&s);
}

TEST_MAIN(CASE(loop_learns_what_the_rewards_teach), CASE(loop_result_does_not_depend_on_the_pieces),
          CASE(loop_seeds_give_different_trials), CASE(loop_rows_divide_the_trial_evenly),
          CASE(loop_rates_are_means_of_the_window), CASE(loop_evaluation_disturbs_nothing),
          CASE(loop_stops_at_a_metric_that_is_no_number), CASE(loop_stops_at_a_parameter_that_is_no_number),
          CASE(loop_takes_no_memory_after_it_is_built), CASE(loop_lets_a_watcher_look_at_regular_iterations),
          CASE(loop_shows_the_learner_what_happened), CASE(checkpoint_resumes_bit_for_bit),
          CASE(checkpoint_parameters_are_enough_to_play), CASE(checkpoint_of_other_settings_is_refused),
          CASE(checkpoint_of_another_shape_names_the_tensor), CASE(checkpoint_that_was_cut_changes_nothing))
