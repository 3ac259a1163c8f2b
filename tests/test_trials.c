/* test_trials.c: many trials as processes: jobs, crashes, interruptions, files. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/toy_loop.h"
#include "training/run/checkpoint.h"
#include "training/run/folder.h"
#include "training/show/summary.h"

/* A run of the toy learner in a folder of its own below `base`, which goes at the end. */
typedef struct scene {
    char base[64], folder[100];
    run_plan plan;
    toy_config config;
} scene;

static void scene_make(scene *s, const char *world, const char *settings, const char *trials_text,
                       const char *jobs) {
    fm_error err;
    memset(s, 0, sizeof *s);
    snprintf(s->base, sizeof s->base, "/tmp/fm_test_trials_XXXXXX");
    EXPECT(mkdtemp(s->base) != NULL);
    snprintf(s->folder, sizeof s->folder, "%s/run", s->base);
    fm_options_reset(RUN_OPTIONS, &s->plan.config);
    fm_options_reset(TOY_OPTIONS, &s->config);
    run_config *config = &s->plan.config;
    bool ok = env_open(world, &s->plan.arena, &s->plan.env, &err) == FM_OK &&
              env_create(&s->plan.env, &s->plan.arena, &err) == FM_OK &&
              fm_options_apply(TOY_OPTIONS, &s->config, settings, &err) == FM_OK &&
              fm_options_set(RUN_OPTIONS, config, "env", world, &err) == FM_OK &&
              fm_options_set(RUN_OPTIONS, config, "algo", "toy", &err) == FM_OK &&
              fm_options_set(RUN_OPTIONS, config, "trials", trials_text, &err) == FM_OK &&
              fm_options_set(RUN_OPTIONS, config, "jobs", jobs, &err) == FM_OK &&
              fm_options_set(RUN_OPTIONS, config, "out", s->folder, &err) == FM_OK;
    EXPECT_MSG(ok, "%s", err.text);
    config->steps = 2000;
    config->quiet = true;
    s->plan.algo = s->plan.learner = &TOY_ALGO;
    s->plan.algo_config = &s->config;
    s->plan.learner_config = &s->config;
}

static void scene_free(scene *s) {
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", s->base);
    EXPECT(system(command) == 0);
    run_free(&s->plan);
}

/* Runs with stderr silent: what is said there is not the matter here. */
static fm_status scene_run(scene *s, bool resume, trials *all, fm_error *err) {
    char folder[FOLDER_PATH_MAX];
    fm_lock lock;
    err->text[0] = '\0';
    if ((resume ? folder_lock(s->folder, &lock, err) : folder_make(&s->plan, folder, &lock, err)) != FM_OK)
        return FM_BAD;
    trials_setup setup = {.program = "test", .folder = s->folder, .resume = resume};
    int before = dup(STDERR_FILENO), silent = open("/dev/null", O_WRONLY);
    fflush(stderr);
    dup2(silent, STDERR_FILENO);
    fm_status status = trials_run(&s->plan, &setup, all, err);
    fm_lock_release(&lock);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    close(silent);
    return status;
}

static char *scene_file(const scene *s, const char *name) {
    char path[256], *text = NULL;
    size_t length;
    fm_error err;
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    EXPECT_MSG(fm_file_read(path, &text, &length, &err) == FM_OK, "%s", err.text);
    return text ? text : calloc(1, 1);
}

/* Whether column `index` of the header is one of the clock. */
static bool is_time(const char *header, int index) {
    for (; index > 0; index--) header = strchr(header, ',') + 1;
    return strncmp(header, "seconds", 7) == 0;
}

/* Cuts the columns of the clock out of a table, in place. */
static char *without_times(char *text) {
    size_t n = strcspn(text, "\n");
    char *header = malloc(n + 1), *out = text;
    memcpy(header, text, n);
    header[n] = '\0';
    int column = 0;
    for (const char *in = text; *in; in++) {
        if (*in == '\n') column = 0;
        else if (*in == ',') column++;
        if (*in == '\n' || *in == ',' || !is_time(header, column)) *out++ = *in;
    }
    *out = '\0';
    free(header);
    return text;
}

static void expect_same_file(const scene *a, const scene *b, const char *name, bool table) {
    char *x = scene_file(a, name), *y = scene_file(b, name);
    if (table) without_times(x), without_times(y);
    EXPECT_MSG(strlen(x) > 0 && strcmp(x, y) == 0, "%s differs", name);
    free(x);
    free(y);
}

static void expect_same_bytes(const scene *a, const scene *b, int64_t trial) {
    char path[2][CHECKPOINT_PATH_MAX + 40], folder[CHECKPOINT_PATH_MAX], *text[2] = {NULL, NULL};
    const scene *both[2] = {a, b};
    size_t length[2] = {0, 1};
    fm_error err;
    for (int i = 0; i < 2; i++) {
        checkpoint_folder(both[i]->folder, trial, folder);
        snprintf(path[i], sizeof path[i], "%s/%s", folder, CHECKPOINT_PARAMETERS);
        EXPECT_MSG(fm_file_read(path[i], &text[i], &length[i], &err) == FM_OK, "%s", err.text);
    }
    EXPECT(length[0] == length[1] && memcmp(text[0], text[1], length[0]) == 0);
    free(text[0]);
    free(text[1]);
}

static void expect_same_run(const scene *a, const scene *b) {
    expect_same_file(a, b, "config.ini", false);
    expect_same_file(a, b, "progress.csv", true);
    expect_same_file(a, b, "result.csv", true);
    for (int64_t k = 0; k < a->plan.config.trials; k++) expect_same_bytes(a, b, k);
}

static bool is_there(const scene *s, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    return fm_file_exists(path);
}

TEST(trials_do_not_depend_on_jobs) {
    scene one, three;
    trials all;
    fm_error err;
    scene_make(&one, "merge", "", "7", "1");
    scene_make(&three, "merge", "", "7", "3");
    EXPECT_EQ(scene_run(&one, false, &all, &err), FM_OK);
    EXPECT_EQ(all.finished, 7);
    EXPECT_EQ(all.steps, 14000);
    trials_free(&all);
    EXPECT_EQ(scene_run(&three, false, &all, &err), FM_OK);
    trials_free(&all);
    expect_same_run(&one, &three);
    char *result = scene_file(&one, "result.csv");
    EXPECT(strncmp(result, "trial,seed,status,steps,seconds,return_0,return_1,action_0,action_1,", 68) == 0);
    free(result);
    scene_free(&one);
    scene_free(&three);
}

TEST(trials_repeat_and_depend_on_the_seed) {
    scene s, later;
    trials a, b;
    fm_error err;
    scene_make(&s, "merge", "", "3", "2");
    scene_make(&later, "merge", "", "2", "2");
    later.plan.config.seed = 1;
    EXPECT_EQ(scene_run(&s, false, &a, &err), FM_OK);
    EXPECT_EQ(scene_run(&later, false, &b, &err), FM_OK);
    for (int k = 0; k < 2; k++) {
        EXPECT_EQ(b.results[k].seed, k + 1);
        expect_same_evaluation(&s.plan.env.facts, &a.results[k + 1].evaluation, &b.results[k].evaluation);
    }
    EXPECT(a.results[0].train_return[0] != a.results[1].train_return[0]);
    trials_free(&a);
    trials_free(&b);
    scene_free(&s);
    scene_free(&later);
}

TEST(trials_crash_alone) {
    scene s;
    trials all;
    fm_error err;
    scene_make(&s, "maintain", "fail=crash fail_seed=2", "5", "2");
    EXPECT_EQ(scene_run(&s, false, &all, &err), FM_OK);
    EXPECT_EQ(trials_count(&all, TRIAL_OK), 4);
    EXPECT_EQ(all.results[2].status, TRIAL_CRASHED);
    EXPECT_HAS(all.results[2].note, "signal 9");
    char *result = scene_file(&s, "result.csv");
    EXPECT_HAS(result, "\n2,2,crashed,");
    EXPECT_HAS(result, "\n3,3,ok,");
    free(result);
    trials_free(&all);
    scene_free(&s);
}

TEST(trials_stop_at_nan) {
    scene s;
    trials all;
    fm_error err;
    scene_make(&s, "maintain", "fail=metric fail_seed=1", "3", "1");
    EXPECT_EQ(scene_run(&s, false, &all, &err), FM_OK);
    EXPECT_EQ(all.results[1].status, TRIAL_NAN);
    EXPECT_HAS(all.results[1].note, "metric surprise_1 is nan");
    char *result = scene_file(&s, "result.csv");
    EXPECT_HAS(result, "\n1,1,nan,");
    free(result);
    EXPECT(is_there(&s, "trials/001/state.safetensors"));
    trials_free(&all);
    scene_free(&s);
}

static void on_term(int number) { (void)number; }

/* A child that waits until trials run, and then a moment, signals this process, and ends. */
static pid_t interrupt(const scene *s) {
    signal(SIGTERM, on_term); /* in case it comes early, before the handlers of the trials */
    pid_t pid = fork();
    if (pid != 0) return pid;
    struct timespec pause = {0, 250000000L};
    while (!is_there(s, "trials/000") && getppid() > 1) nanosleep(&pause, NULL);
    nanosleep(&pause, NULL);
    kill(getppid(), SIGTERM);
    _exit(0);
}

TEST(trials_interrupted_and_resumed_are_whole) {
    scene whole, parts;
    trials all;
    fm_error err;
    scene_make(&whole, "merge", "pause=300", "4", "2");
    scene_make(&parts, "merge", "pause=300", "4", "2");
    EXPECT_EQ(scene_run(&whole, false, &all, &err), FM_OK);
    trials_free(&all);
    int64_t steps = 0;
    for (int round = 0; round < 3; round++) {
        pid_t pid = round < 2 ? interrupt(&parts) : 0;
        EXPECT_MSG(scene_run(&parts, round > 0, &all, &err) == FM_OK, "%s", err.text);
        if (pid > 0) waitpid(pid, NULL, 0);
        EXPECT_EQ(all.interrupted, round < 2);
        steps += all.steps;
        if (round == 0) EXPECT(is_there(&parts, "trials/000/state.safetensors"));
        trials_free(&all);
    }
    signal(SIGTERM, SIG_DFL);
    EXPECT_EQ(steps, 4 * 2000); /* nothing was done twice */
    EXPECT(!is_there(&parts, "trials/000/state.safetensors"));
    expect_same_run(&whole, &parts);
    scene_free(&whole);
    scene_free(&parts);
}

TEST(trials_crashed_ones_run_again) {
    scene s, sound;
    trials all;
    fm_error err;
    scene_make(&s, "maintain", "fail=crash fail_seed=1", "3", "1");
    scene_make(&sound, "maintain", "", "3", "1");
    EXPECT_EQ(scene_run(&s, false, &all, &err), FM_OK);
    trials_free(&all);
    toy_mended = true; /* what made it crash is no setting of the run */
    EXPECT_EQ(scene_run(&s, true, &all, &err), FM_OK);
    EXPECT_EQ(trials_count(&all, TRIAL_OK), 3);
    EXPECT_EQ(all.steps, 2000);
    trials_free(&all);
    EXPECT_EQ(scene_run(&sound, false, &all, &err), FM_OK);
    trials_free(&all);
    toy_mended = false;
    expect_same_file(&s, &sound, "result.csv", true);
    expect_same_file(&s, &sound, "progress.csv", true);
    scene_free(&s);
    scene_free(&sound);
}

/* Rows keep what is not known apart from what is no number. */
TEST(progress_reads_what_was_written) {
    scene s;
    fm_error err;
    char path[128];
    scene_make(&s, "merge", "", "2", "1");
    progress_columns of = run_columns(&s.plan);
    size_t width = (size_t)of.at[COLUMN_END];
    double row[2][64];
    progress_rows in[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
    EXPECT(width <= 64);
    for (size_t c = 0; c < 2 * width; c++) row[c / width][c % width] = 1.0 / 3 + (double)c;
    for (int k = 0; k < 2; k++) row[k][of.at[COLUMN_STEP]] = row[k][of.at[COLUMN_EPISODES]] = 12345678 + k;
    row[0][columns_find(&of, "late")] = FM_ABSENT;
    row[1][columns_find(&of, "surprise_1")] = (double)NAN;
    row[1][columns_find(&of, "surprise_0")] = (double)-INFINITY;
    snprintf(path, sizeof path, "%s/progress.csv", s.base);
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL);
    progress_write_header(file, &of);
    for (int k = 0; k < 2; k++) progress_write(file, &of, k, row[k]);
    fclose(file);
    EXPECT_MSG(progress_read(path, &of, 2, in, &err) == FM_OK, "%s", err.text);
    for (int k = 0; k < 2; k++) {
        EXPECT_EQ(arrlenu(in[k].numbers), width);
        for (size_t c = 0; c < width; c++)
            EXPECT(in[k].numbers[c] == row[k][c] || (isnan(in[k].numbers[c]) && isnan(row[k][c])));
        arrfree(in[k].numbers);
    }
    s.plan.config.eval_every = 10;
    of = run_columns(&s.plan);
    EXPECT_EQ(progress_read(path, &of, 2, in, &err), FM_BAD);
    EXPECT_HAS(err.text, "expected: trial,step,episodes,return_0");
    scene_free(&s);
}

static void look(void *user, const loop *l, double *values) {
    (void)user;
    values[0] = (double)l->counters.step;
    values[1] = (double)((const toy *)l->learner)->value[0];
}

TEST(trials_watch_reaches_the_parent) {
    scene s;
    trials all;
    fm_error err;
    trial_watch watch = {.look = look, .width = 2, .every = 100};
    scene_make(&s, "maintain", "", "2", "2");
    trials_setup setup = {.program = "test", .watch = &watch};
    EXPECT_EQ(trials_run(&s.plan, &setup, &all, &err), FM_OK);
    for (int k = 0; k < 2; k++) {
        EXPECT_EQ(all.watched[k].width, 2);
        EXPECT_EQ(arrlenu(all.watched[k].numbers), 2 * 21);
        for (int r = 0; r < 21; r++) EXPECT_EQ(all.watched[k].numbers[2 * r], 100 * r);
        EXPECT(all.watched[k].numbers[1] == 0 && all.watched[k].numbers[41] != 0);
    }
    EXPECT(!fm_file_exists(s.folder));
    trials_free(&all);
    scene_free(&s);
}

/* A file size limit plays the full disk. The tables end with a whole line, and what was finished is in
 * them. */
TEST(trials_report_a_full_disk) {
    scene s;
    fm_error err;
    int results[2];
    scene_make(&s, "maintain", "", "200", "1");
    EXPECT(pipe(results) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {8192, 8192};
        trials all;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        int status = scene_run(&s, false, &all, &err) == FM_BAD && strstr(err.text, "progress.csv") &&
                     strstr(err.text, strerror(EFBIG));
        trials_free(&all);
        _exit(write(results[1], &status, sizeof status) == sizeof status ? 0 : 1);
    }
    int status = 0;
    EXPECT(read(results[0], &status, sizeof status) == sizeof status);
    EXPECT_MSG(status, "the error names progress.csv and the reason");
    waitpid(pid, NULL, 0);
    close(results[0]);
    close(results[1]);
    char *text = scene_file(&s, "progress.csv");
    size_t n = strlen(text);
    EXPECT(n > 1000 && n <= 8192 && text[n - 1] == '\n');
    trial_result read_back[200];
    for (int k = 0; k < 200; k++) result_make(&read_back[k], &s.plan.env.facts, k, k, &s.plan.arena);
    free(text);
    text = scene_file(&s, "result.csv");
    EXPECT_HAS(text, "\n0,0,ok,");
    free(text);
    char path[128];
    snprintf(path, sizeof path, "%s/result.csv", s.folder);
    EXPECT_MSG(results_read(path, &s.plan.env.facts, 200, read_back, &err) == FM_OK, "%s", err.text);
    EXPECT_EQ(read_back[0].status, TRIAL_OK);
    scene_free(&s);
}

TEST(results_read_what_was_written) {
    scene s;
    fm_error err;
    char path[128];
    scene_make(&s, "merge", "", "3", "1");
    trial_result out[3], in[3];
    for (int k = 0; k < 3; k++) {
        result_make(&out[k], &s.plan.env.facts, k, k + 10, &s.plan.arena);
        result_make(&in[k], &s.plan.env.facts, 0, 0, &s.plan.arena);
        out[k].status = TRIAL_OK;
        out[k].seconds = 0.1 + k / 3.0;
        out[k].evaluation.value[0] = -1.0 / 3;
        out[k].evaluation.action[1] = (real)k;
        out[k].evaluation.outcome[2] = 0.25;
        out[k].train_return[1] = 1e-300;
        out[k].episodes = (int64_t)1 << 60;
        snprintf(out[k].note, sizeof out[k].note, "a \"note\", with commas");
    }
    out[1].status = TRIAL_CRASHED;
    snprintf(path, sizeof path, "%s/result.csv", s.base);
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL);
    result_write_header(file, &s.plan.env.facts);
    for (int k = 0; k < 3; k++) result_write(file, &s.plan.env.facts, &out[k]);
    fputs("2,12,ok,77", file); /* cut short: as if it was not there */
    fclose(file);
    EXPECT_MSG(results_read(path, &s.plan.env.facts, 3, in, &err) == FM_OK, "%s", err.text);
    EXPECT(in[0].seconds == out[0].seconds && in[0].evaluation.value[0] == out[0].evaluation.value[0]);
    EXPECT(in[2].evaluation.action[1] == 2 && in[2].evaluation.outcome[2] == 0.25);
    EXPECT(in[2].episodes == out[2].episodes && in[2].train_return[1] == 1e-300 &&
           in[2].train_return[0] == FM_ABSENT);
    EXPECT_EQ(in[1].status, TRIAL_CRASHED);
    EXPECT_TEXT(in[1].note, out[1].note);
    EXPECT(in[0].sum != 0 && in[0].sum != in[1].sum);
    uint64_t sum = in[0].sum;
    in[0].sum = 0;
    in[2].seconds = -1;
    EXPECT_EQ(results_read(path, &s.plan.env.facts, 2, in, &err), FM_OK);
    EXPECT(in[0].sum == sum && in[2].seconds == -1); /* trial 2 of 2 is passed over */
    scene_free(&s);
}

TEST(summary_names_the_points_of_the_game) {
    scene s;
    trials all;
    fm_error err;
    scene_make(&s, "maintain", "", "4", "2");
    EXPECT_EQ(scene_run(&s, false, &all, &err), FM_OK);
    for (int k = 0; k < 4; k++) {
        all.results[k].evaluation.value[0] = k < 3 ? 20 : 30;
        all.results[k].evaluation.value[1] = k < 3 ? 15 : 0;
        all.results[k].evaluation.action[0] = k < 3 ? 0 : 1;
        all.results[k].evaluation.action[1] = 0;
    }
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    summary_write(&s.plan, &all, memory);
    fclose(memory);
    EXPECT_HAS(text, "A-X          20        15  3 of 4  30.1 to 95.4 %  <- Stackelberg point\n");
    EXPECT_HAS(text, "B-X          30         0  1 of 4  4.56 to 69.9 %\n");
    EXPECT_HAS(text, "<- Nash equilibrium");
    EXPECT_HAS(text, "22.5"); /* the leader's mean */
    EXPECT_HAS(text, "-2.5"); /* and its gap */
    free(text);
    trials_free(&all);
    scene_free(&s);
}

TEST_MAIN(CASE(trials_do_not_depend_on_jobs), CASE(trials_repeat_and_depend_on_the_seed),
          CASE(trials_crash_alone), CASE(trials_stop_at_nan), CASE(trials_interrupted_and_resumed_are_whole),
          CASE(trials_crashed_ones_run_again), CASE(trials_watch_reaches_the_parent),
          CASE(trials_report_a_full_disk), CASE(results_read_what_was_written),
          CASE(progress_reads_what_was_written), CASE(summary_names_the_points_of_the_game))
