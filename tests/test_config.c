/* test_config.c: the command line, files and presets, and in which order they win. The table of algorithms
 * is this test's own. */
#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/toy_algo.h"
#include "training/run/config.h"

static const algo_preset NO_PRESETS[] = {{NULL, NULL, 0, NULL}};
static algo_type other, fitted;
const algo_type *const ALGO_TABLE[] = {&TOY_ALGO, &other, &fitted, NULL};

static void fit(const env_facts *facts, void *config, int64_t *steps) {
    *steps = 10 * facts->agent[0].action.n * facts->agent[1].action.n;
    ((toy_config *)config)->epsilon = 1.0 / facts->agent[0].action.n;
}

const algo_type *algo_find(const char *name) {
    other = TOY_ALGO;
    other.name = "other_one";
    other.presets = NO_PRESETS;
    fitted = TOY_ALGO;
    fitted.name = "fitted";
    fitted.fit = fit;
    for (size_t i = 0; ALGO_TABLE[i]; i++)
        if (fm_text_same_name(ALGO_TABLE[i]->name, name)) return ALGO_TABLE[i];
    return NULL;
}

#define WORDS_MAX 32

/* Parses a line of words separated by single blanks. */
static fm_status parse(run_plan *run, const char *line, fm_error *err) {
    static char text[2048];
    char *argv[WORDS_MAX];
    int argc = 0;
    err->text[0] = '\0';
    algo_find("");
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
        argv[argc++] = word;
    return run_parse(run, argc, argv, err);
}

static void expect_bad(const char *line, const char *part) {
    run_plan run;
    fm_error err;
    EXPECT_EQ(parse(&run, line, &err), FM_BAD);
    EXPECT_HAS(err.text, part);
    EXPECT_MSG(strchr(err.text, '\n') == NULL, "more than one line: %s", err.text);
}

static void good(run_plan *run, const char *line) {
    fm_error err;
    EXPECT_MSG(parse(run, line, &err) == FM_OK, "%s: %s", line, err.text);
}

static const toy_config *toy_of(const run_plan *run) { return run->algo_config; }

/* A file of this process, gone when the test ends. */
static char *temporary(const char *content) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/fm_test_config_XXXXXX");
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    EXPECT(file != NULL && fputs(content, file) >= 0 && fclose(file) == 0);
    return path;
}

TEST(config_defaults_come_from_the_algorithm) {
    run_plan run;
    good(&run, "--algo other_one --env maintain");
    EXPECT_EQ(run.config.steps, 1000);
    EXPECT_NEAR(toy_of(&run)->rate, 0.05, 0);
    EXPECT(run.config.jobs >= 1 && run.config.trials == 1 && run.config.seed == 0);
    run_free(&run);
}

TEST(config_presets_apply_in_order) {
    run_plan run;
    good(&run, "--algo toy --env maintain");
    EXPECT_EQ(run.config.steps, 3000);
    EXPECT_NEAR(toy_of(&run)->rate, 0.1, 0);
    run_free(&run);
    good(&run, "--algo toy --env maintain --set preset=published");
    EXPECT_EQ(run.config.steps, 2000);
    EXPECT_NEAR(toy_of(&run)->rate, 0.2, 0);
    run_free(&run);
    good(&run, "--preset published --algo toy --env maintain --set epsilon=0.9 --steps 5");
    EXPECT_EQ(run.config.steps, 5);
    EXPECT_NEAR(toy_of(&run)->epsilon, 0.9, 0);
    EXPECT_NEAR(toy_of(&run)->rate, 0.2, 0);
    run_free(&run);
    good(&run, "--algo toy --env escape");
    EXPECT_EQ(run.config.steps, 1000);
    run_free(&run);
    expect_bad("--algo toy --env escape --preset published", "is not for the environment 'escape'");
    expect_bad("--algo toy --env maintain --preset publihsed", "did you mean 'published'");
}

/* By the game as its settings make it; presets and settings win, and a preset asked for is as it was
 * published. */
TEST(config_defaults_fit_the_game) {
    run_plan run;
    good(&run, "--algo fitted --env random-matrix --set rows=4 --set cols=3");
    EXPECT_EQ(run.config.steps, 120);
    EXPECT_NEAR(toy_of(&run)->epsilon, 0.25, 0);
    run_free(&run);
    good(&run, "--algo fitted --env random-matrix --set rows=4 --set cols=3 --set epsilon=0.5 --steps 7");
    EXPECT_EQ(run.config.steps, 7);
    EXPECT_NEAR(toy_of(&run)->epsilon, 0.5, 0);
    run_free(&run);
    good(&run, "--algo fitted --env maintain");
    EXPECT_EQ(run.config.steps, 3000);
    EXPECT_NEAR(toy_of(&run)->rate, 0.1, 0);
    EXPECT_NEAR(toy_of(&run)->epsilon, 1.0 / 3, 1e-12);
    run_free(&run);
    double usual;
    good(&run, "--algo toy --env maintain --preset published");
    usual = toy_of(&run)->epsilon;
    run_free(&run);
    good(&run, "--algo fitted --env maintain --preset published");
    EXPECT_EQ(run.config.steps, 2000);
    EXPECT_NEAR(toy_of(&run)->epsilon, usual, 0);
    run_free(&run);
}

TEST(config_flags_win_over_files) {
    run_plan run;
    char line[256];
    char *path =
        temporary("# a comment\r\n[run]\nalgo = toy\nenv=maintain\n trials = 3\nseed = 5\r\n\n[algo]\n"
                  "rate = 0.4\nepsilon = 0.5\n; another\n");
    snprintf(line, sizeof line, "--seed=6 --set rate=0.6 --config %s", path);
    good(&run, line);
    EXPECT_EQ(run.config.trials, 3);
    EXPECT_EQ(run.config.seed, 6);
    EXPECT_NEAR(toy_of(&run)->rate, 0.6, 0);
    EXPECT_NEAR(toy_of(&run)->epsilon, 0.5, 0);
    run_free(&run);
    unlink(path);
}

static char *ini_of(const run_plan *run) {
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    run_write_ini(run, memory);
    fclose(memory);
    return text;
}

TEST(config_written_and_read_back_is_the_same) {
    run_plan run, again;
    char line[256];
    good(
        &run,
        "--algo toy --env penalty --set k=-33.3 --set rate=0.123456789012345 --trials 9 --seed 12 --preset=");
    char *first = ini_of(&run), *path = temporary(first);
    snprintf(line, sizeof line, "--config %s", path);
    good(&again, line);
    char *second = ini_of(&again);
    EXPECT_TEXT(second, first);
    EXPECT_HAS(first, "steps = 1000");
    EXPECT_HAS(first, "k = -33.3");
    EXPECT(strstr(first, "jobs") == NULL);
    free(first);
    free(second);
    run_free(&run);
    run_free(&again);
    unlink(path);
}

TEST(config_files_that_are_wrong) {
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"[run]\nalgo = toy\nenv = maintain\ntrails = 3\n",
         ": line 4: unknown option 'trails'; did you mean 'trials'"},
        {"[run]\nalgo = toy\nenv = maintain\n[algo]\nrat = 3\n",
         ": line 5: unknown option 'rat' of toy; did you"},
        {"[run]\nalgo = toy\nenv = maintain\n[env]\nrate = 3\n",
         ": line 5: unknown option 'rate' of maintain"},
        {"[run]\nalgo = toy\nenv = maintain\n[algo]\nrate = 3\n", ": line 5: rate: 3 is out of range"},
        {"[run]\nalgo = toy\nenv = maintain\n[algo]\nrate\n", ": line 5: expected [section] or key = value"},
        {"algo = toy\n", ": line 1: 'algo = toy' stands before the first section"},
        {"[rum]\n", ": line 1: unknown section [rum]; did you mean [run]"},
        {"[run\n", ": line 1: '[run' has no closing ]"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char line[256], *path = temporary(CASES[i].text);
        snprintf(line, sizeof line, "--config %s", path);
        expect_bad(line, CASES[i].part);
        unlink(path);
    }
    expect_bad("--config /nowhere/x.ini", "/nowhere/x.ini");
}

TEST(config_words_that_are_wrong) {
    expect_bad("", "expected --algo NAME --env NAME");
    expect_bad("--algo toy", "--env is missing");
    expect_bad("--env maintain", "--algo is missing");
    expect_bad("--algo tyo --env maintain", "did you mean 'toy'");
    expect_bad("--algo toy --env maintian", "did you mean 'maintain'");
    expect_bad("--algo toy --env maintain --trails 3", "unknown flag '--trails'; did you mean '--trials'");
    expect_bad("--algo toy --env maintain --rate 3", "--set rate=");
    expect_bad("--algo toy --env maintain --zzz 3", "--help");
    expect_bad("--algo toy --env maintain extra", "unexpected 'extra'");
    expect_bad("--algo toy --env maintain --trials", "--trials: its value is missing");
    expect_bad("--algo toy --env maintain --trials --quiet", "--trials: its value is missing");
    expect_bad("--algo toy --env maintain --trials 0", "--trials: 0 is out of range");
    expect_bad("--algo toy --env maintain --seed -1", "--seed: -1 is out of range");
    expect_bad("--algo toy --env maintain --steps many", "--steps: 'many' is not a whole number");
    expect_bad("--algo toy --env maintain --set", "--set: its value is missing");
    expect_bad("--algo toy --env maintain --set rate", "expected key=value");
    expect_bad("--algo toy --env maintain --set rate=", "its value is missing");
    expect_bad("--algo toy --env maintain --set rate=nan", "--set rate: 'nan' is not a number");
    expect_bad("--algo toy --env maintain --set rate=1e400", "--set rate: '1e400' is not a number");
    expect_bad("--algo toy --env maintain --set epsilno=1", "did you mean 'epsilon'");
    expect_bad("--algo toy --env maintain --set wyndow=1", "did you mean --window");
    expect_bad("--algo toy --env maintain --set limit=1", "'limit'; the options"); /* not --list */
    expect_bad("--algo toy --env penalty --set env.rate=1", "unknown option 'rate' of penalty");
    expect_bad("--algo toy --env maintain --set trials=3", "write --trials VALUE");
    expect_bad("--algo toy --env duopoly", "toy needs discrete actions; 'duopoly' has others");
    expect_bad("--algo toy --env maintain --quiet=perhaps", "--quiet: 'perhaps'");
    expect_bad("--resume /nowhere", "/nowhere/config.ini");
    expect_bad("--resume /nowhere --seed 3", "only --jobs, --threads, --checkpoint_every and --quiet");
}

TEST(config_names_have_one_spelling) {
    run_plan first, second;
    good(&first, "--algo other_one --env random_matrix --num_envs 3 --eval_every 5 --set algo.fail_at=4");
    good(&second, "--algo other-one --env random-matrix --num-envs=3 --eval-every 5 --set algo.fail-at=4");
    char *a = ini_of(&first), *b = ini_of(&second);
    EXPECT_TEXT(a, b);
    EXPECT_HAS(a, "algo = other_one\nenv = random-matrix\n");
    EXPECT_HAS(a, "num_envs = 3\neval_every = 5\neval_episodes = 10\neval_mode = greedy\n");
    EXPECT(first.config.num_envs == 3 && toy_of(&second)->fail_at == 4);
    free(a);
    free(b);
    run_free(&first);
    run_free(&second);
}

TEST(config_old_names_say_the_new_one) {
    char line[256], *path = temporary("[run]\nalgo = toy\nenv = maintain\ncopies = 3\n");
    snprintf(line, sizeof line, "--config %s", path);
    expect_bad(line, ": line 4: 'copies' is now 'num_envs'");
    unlink(path);
    path = temporary("[run]\nalgo = toy\nenv = maintain\n[algo]\nspeed = 3\n");
    snprintf(line, sizeof line, "--config %s", path);
    expect_bad(line, ": line 5: 'speed' is now 'rate'");
    unlink(path);
    expect_bad("--algo toy --env maintain --copies 3", "'--copies' is now '--num_envs'");
    expect_bad("--algo toy --env maintain --set speed=3", "--set: 'speed' is now 'rate'");
    expect_bad("--algo toy --env maintain --set copies=3", "'copies' is now --num_envs");
}

TEST(config_one_set_takes_several_settings) {
    run_plan run;
    good(&run, "--set rate=0.5 epsilon=0.25 --algo toy --env maintain");
    EXPECT(toy_of(&run)->rate == 0.5 && toy_of(&run)->epsilon == 0.25);
    run_free(&run);
    expect_bad("--algo toy --env maintain rate=0.5", "unexpected 'rate=0.5'");
}

TEST(config_help_shows_what_is_named) {
    run_plan run;
    char *text = NULL;
    size_t size;
    good(&run, "--help --algo toy --env penalty");
    EXPECT_EQ(run.command, RUN_HELP);
    FILE *memory = open_memstream(&text, &size);
    run_write_help(&run, memory);
    run_write_list(memory);
    fclose(memory);
    for (const fm_option *row = RUN_OPTIONS; row->name; row++)
        if (row->type != FM_RENAMED) EXPECT_HAS(text, row->name);
    EXPECT(strstr(text, "\n  copies") == NULL && strstr(text, "\n  speed ") == NULL);
    EXPECT_HAS(text, "weight of the newest reward");
    EXPECT_HAS(text, "miscoordinate");
    EXPECT_HAS(text, "preset published for maintain");
    free(text);
    run_free(&run);
}

TEST_MAIN(CASE(config_defaults_come_from_the_algorithm), CASE(config_presets_apply_in_order),
          CASE(config_defaults_fit_the_game),
          CASE(config_flags_win_over_files), CASE(config_written_and_read_back_is_the_same),
          CASE(config_files_that_are_wrong), CASE(config_words_that_are_wrong),
          CASE(config_names_have_one_spelling), CASE(config_old_names_say_the_new_one),
          CASE(config_one_set_takes_several_settings), CASE(config_help_shows_what_is_named))
