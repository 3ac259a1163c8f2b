/* Option tables: every type, every message, and values that survive a config file. */
#include <stdlib.h>

#include "base/option.h"
#include "base/random.h"
#include "tests/test.h"

typedef struct config {
    int64_t batch, loss;
    double epsilon;
    char name[FM_TEXT_MAX];
    bool prioritized;
    fm_ints hidden;
    int64_t after;
} config;

enum { LOSS_MSE, LOSS_HUBER, LOSS_QUANTILE };

static const fm_option TABLE[] = {
    FM_OPT_INT(config, batch, "512", 1, 65536, "transitions", "minibatch size", "B"),
    FM_OPT_CHOICE(config, loss, "mse", "mse|huber|quantile", "loss of the critics", ""),
    FM_OPT_REAL(config, epsilon, "0.1", 0, 1, "", "chance of a random joint action", "eps"),
    FM_OPT_TEXT(config, name, "", "name of the run"),
    FM_OPT_BOOL(config, prioritized, "off", "whether the replay has priorities", ""),
    FM_OPT_INTS(config, hidden, "64,64", 1, 4096, "units", "hidden layers", ""),
    FM_OPT_END,
};

/* The field `after` shows writes beyond the ones that were asked for. */
static config fresh(void) {
    config c;
    memset(&c, 0x5a, sizeof c);
    c.after = 77;
    fm_options_reset(TABLE, &c);
    return c;
}

static bool accepts(config *c, const char *key, const char *value) {
    fm_error err;
    bool good = fm_options_set(TABLE, c, key, value, &err) == FM_OK;
    if (!good) printf("    %s\n", err.text);
    return good && c->after == 77;
}

/* The message; fails when the value is accepted or the config changed. */
static const char *refusal(const char *key, const char *value) {
    static fm_error err;
    config c = fresh(), before = c;
    EXPECT_MSG(fm_options_set(TABLE, &c, key, value, &err) == FM_BAD, "%s = %s is accepted", key, value);
    EXPECT_MSG(memcmp(&c, &before, sizeof c) == 0, "%s = %s changes the config", key, value);
    return err.text;
}

TEST(defaults) {
    config c = fresh();
    EXPECT_EQ(c.batch, 512);
    EXPECT_EQ(c.loss, LOSS_MSE);
    EXPECT_NEAR(c.epsilon, 0.1, 0);
    EXPECT_TEXT(c.name, "");
    EXPECT(!c.prioritized);
    EXPECT(c.hidden.n == 2 && c.hidden.v[0] == 64 && c.hidden.v[1] == 64 && c.hidden.v[2] == 0);
    EXPECT_EQ(c.after, 77);
}

TEST(set_every_type) {
    config c = fresh();
    EXPECT(accepts(&c, "batch", "20k") && c.batch == 20000);
    EXPECT(accepts(&c, "batch", "1e3") && c.batch == 1000);
    EXPECT(accepts(&c, "batch", "65536") && c.batch == 65536);
    EXPECT(accepts(&c, "loss", "quantile") && c.loss == LOSS_QUANTILE);
    EXPECT(accepts(&c, "epsilon", "1") && c.epsilon == 1);
    EXPECT(accepts(&c, "name", "a = b # c") && strcmp(c.name, "a = b # c") == 0);
    EXPECT(accepts(&c, "prioritized", "Yes") && c.prioritized);
    EXPECT(accepts(&c, "prioritized", "0") && !c.prioritized);
    EXPECT(accepts(&c, "prioritized", "on") && c.prioritized);
    EXPECT(accepts(&c, "hidden", "8, 16 ,32") && c.hidden.n == 3 && c.hidden.v[2] == 32);
    EXPECT(accepts(&c, "hidden", "none") && c.hidden.n == 0 && c.hidden.v[0] == 0);
    EXPECT(accepts(&c, "hidden", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16") && c.hidden.v[15] == 16);
}

TEST(unknown_keys_name_the_nearest) {
    EXPECT_TEXT(refusal("bacth", "1"), "unknown option 'bacth'; did you mean 'batch'?");
    EXPECT_TEXT(refusal("Epsilon", "1"), "unknown option 'Epsilon'; did you mean 'epsilon'?");
    EXPECT_TEXT(refusal("temperature", "1"),
                "unknown option 'temperature'; known are: batch, loss, epsilon, name, prioritized, hidden");
}

TEST(values_are_checked) {
    EXPECT_TEXT(refusal("batch", "0"), "batch: 0 is out of range; expected from 1 to 65536 transitions");
    EXPECT_HAS(refusal("batch", "65537"), "out of range");
    EXPECT_TEXT(refusal("batch", "1.5"),
                "batch: '1.5' is not a whole number; expected from 1 to 65536 transitions");
    EXPECT_HAS(refusal("batch", ""), "'' is not a whole number");
    EXPECT_TEXT(refusal("epsilon", "1.01"), "epsilon: 1.01 is out of range; expected from 0 to 1");
    EXPECT_HAS(refusal("epsilon", "nan"), "'nan' is not a number");
    EXPECT_HAS(refusal("epsilon", "0,1"), "'0,1' is not a number");
    EXPECT_TEXT(refusal("loss", "hubr"),
                "loss: 'hubr' is not one of mse|huber|quantile; did you mean 'huber'?");
    EXPECT_TEXT(refusal("loss", "cosine"), "loss: 'cosine' is not one of mse|huber|quantile");
    EXPECT_HAS(refusal("loss", "mse|huber"), "is not one of");
    EXPECT_HAS(refusal("prioritized", "maybe"), "'maybe' is neither true nor false");
    EXPECT_HAS(refusal("prioritized", ""), "neither");
    EXPECT_HAS(refusal("hidden", "64,,64"), "'' is not a whole number");
    EXPECT_HAS(refusal("hidden", ""), "'' is not a whole number");
    EXPECT_HAS(refusal("hidden", "64,0"), "0 is out of range");
    EXPECT_HAS(refusal("hidden", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"), "more than 16 numbers");
    EXPECT_HAS(refusal("name", "a\nb"), "more than one line");
    static char longest[FM_TEXT_MAX + 1];
    memset(longest, 'a', FM_TEXT_MAX);
    EXPECT_HAS(refusal("name", longest), "512 characters; at most 511");
}

TEST(open_ranges) {
    typedef struct open_config { int64_t steps; double low, any; } open_config;
    static const fm_option OPEN[] = {
        FM_OPT_INT(open_config, steps, "5", 0, 9.3e18, "steps", "", ""),
        FM_OPT_REAL(open_config, low, "0", -INFINITY, 1, "", "", ""),
        FM_OPT_REAL(open_config, any, "0", -INFINITY, INFINITY, "", "", ""), FM_OPT_END};
    open_config c;
    fm_error err;
    fm_options_reset(OPEN, &c);
    EXPECT_EQ(fm_options_set(OPEN, &c, "steps", "-1", &err), FM_BAD);
    EXPECT_TEXT(err.text, "steps: -1 is out of range; expected at least 0 steps");
    EXPECT_EQ(fm_options_set(OPEN, &c, "low", "2", &err), FM_BAD);
    EXPECT_TEXT(err.text, "low: 2 is out of range; expected at most 1");
    EXPECT_EQ(fm_options_set(OPEN, &c, "any", "-1e300", &err), FM_OK);
}

TEST(apply_many) {
    config c = fresh();
    fm_error err;
    EXPECT_EQ(fm_options_apply(TABLE, &c, "  batch=64 epsilon=0.5\tname=a=b  hidden=8,8 ", &err), FM_OK);
    EXPECT(c.batch == 64 && c.epsilon == 0.5 && c.hidden.n == 2 && c.hidden.v[1] == 8);
    EXPECT_TEXT(c.name, "a=b");
    EXPECT_EQ(fm_options_apply(TABLE, &c, NULL, &err), FM_OK);
    EXPECT_EQ(fm_options_apply(TABLE, &c, "", &err), FM_OK);
}

TEST(apply_all_or_nothing) {
    config c = fresh(), before = c;
    fm_error err;
    EXPECT_EQ(fm_options_apply(TABLE, &c, "batch=64 epsilon=7", &err), FM_BAD);
    EXPECT_HAS(err.text, "epsilon: 7 is out of range");
    EXPECT_EQ(fm_options_apply(TABLE, &c, "batch=64 epsilon", &err), FM_BAD);
    EXPECT_HAS(err.text, "'epsilon' is not a setting; expected key=value");
    EXPECT_EQ(fm_options_apply(TABLE, &c, "=5", &err), FM_BAD);
    EXPECT(memcmp(&c, &before, sizeof c) == 0);
}

/* What is written is read back to the same bits. */
TEST(format_reads_back) {
    fm_rng rng = fm_rng_split(5, FM_RNG_TEST, 0, 0);
    config c = fresh(), d = fresh();
    char text[FM_TEXT_MAX];
    fm_error err;
    for (int i = 0; i < 500; i++) {
        c.batch = 1 + (int64_t)fm_rng_below(&rng, 65536);
        c.loss = (int64_t)fm_rng_below(&rng, 3);
        c.epsilon = fm_rng_uniform(&rng);
        c.prioritized = fm_rng_below(&rng, 2) == 1;
        c.hidden = (fm_ints){.n = (int64_t)fm_rng_below(&rng, FM_INTS_MAX + 1)};
        for (int64_t j = 0; j < c.hidden.n; j++) c.hidden.v[j] = 1 + (int64_t)fm_rng_below(&rng, 4096);
        for (const fm_option *row = TABLE; row->name; row++) {
            fm_option_format(row, &c, text, sizeof text);
            EXPECT_EQ(fm_options_set(TABLE, &d, row->name, text, &err), FM_OK);
        }
        EXPECT(c.batch == d.batch && c.loss == d.loss && c.prioritized == d.prioritized);
        EXPECT(memcmp(&c.epsilon, &d.epsilon, sizeof c.epsilon) == 0);
        EXPECT(memcmp(&c.hidden, &d.hidden, sizeof c.hidden) == 0);
    }
}

static const char *printed(void (*print)(const fm_option *, const void *, FILE *), const config *c) {
    static char text[4096];
    FILE *out = tmpfile();
    if (!out) return "(no temporary file)";
    print(TABLE, c, out);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    return text;
}

TEST(write_is_a_config_file) {
    config c = fresh();
    EXPECT_TEXT(printed(fm_options_write, &c),
                "batch = 512\nloss = mse\nepsilon = 0.1\nname = \nprioritized = false\n"
                                               "hidden = 64,64\n");
}

static void help_of_flags(const fm_option *table, const void *c, FILE *out) {
    fm_options_help(table, c, FM_HELP_FLAGS, out);
}

static void help_of_settings(const fm_option *table, const void *c, FILE *out) {
    fm_options_help(table, c, FM_HELP_SETTINGS, out);
}

TEST(help_tells_all) {
    config c = fresh();
    c.batch = 64;
    EXPECT_HAS(printed(help_of_flags, &c), "  --batch 64 ");
    EXPECT_HAS(printed(help_of_flags, NULL), "  --batch 512 ");
    EXPECT_HAS(printed(help_of_flags, NULL), "minibatch size, B (from 1 to 65536 transitions)\n");
    EXPECT_HAS(printed(help_of_flags, NULL), "(mse|huber|quantile)\n");
    EXPECT_HAS(printed(help_of_flags, NULL), "random joint action, eps (from 0 to 1)\n");
}

/* As it is typed: a switch without its value, a text that is empty as dots. */
TEST(help_is_what_one_types) {
    config c = fresh();
    EXPECT_HAS(printed(help_of_flags, NULL), "  --prioritized   ");
    EXPECT_HAS(printed(help_of_flags, NULL), "  --name ...   ");
    EXPECT(strstr(printed(help_of_flags, NULL), "true|false") == NULL);
    EXPECT_HAS(printed(help_of_settings, &c), "  prioritized=false   ");
    EXPECT_HAS(printed(help_of_settings, &c), "(true|false)\n");
    EXPECT_HAS(printed(help_of_settings, &c), "  hidden=64,64   ");
    c.prioritized = true;
    EXPECT_HAS(printed(help_of_flags, &c), "  --prioritized true   ");
}

/* The same words, in as many columns as there are. */
TEST(help_fits_the_terminal) {
    for (int width = 60; width <= 100; width += 20) {
        char columns[16];
        snprintf(columns, sizeof columns, "%d", width);
        setenv("COLUMNS", columns, 1);
        const char *text = printed(help_of_flags, NULL);
        for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
            EXPECT_MSG(strcspn(line, "\n") <= (size_t)width, "%d columns: %.120s", width, line);
    }
    unsetenv("COLUMNS");
}

TEST(find) {
    EXPECT(fm_options_find(TABLE, "loss") == &TABLE[1]);
    EXPECT(fm_options_find(TABLE, "los") == NULL);
}

TEST(names_have_one_spelling) {
    typedef struct two { int64_t batch_size, rate; } two;
    static const fm_option SPELT[] = {
        FM_OPT_INT(two, batch_size, "1", 0, 9, "", "", ""),
        FM_OPT_RENAMED("mini_batch", "batch_size"),
        FM_OPT_INT(two, rate, "2", 0, 9, "", "", ""),
        FM_OPT_END,
    };
    two c = {7, 7};
    fm_error err;
    char *text = NULL;
    size_t size;
    fm_options_reset(SPELT, &c);
    EXPECT(c.batch_size == 1 && c.rate == 2);
    EXPECT(fm_options_set(SPELT, &c, "batch-size", "4", &err) == FM_OK && c.batch_size == 4);
    EXPECT_EQ(fm_options_set(SPELT, &c, "mini-batch", "5", &err), FM_BAD);
    EXPECT_TEXT(err.text, "'mini-batch' is now 'batch_size'");
    EXPECT_EQ(fm_options_set(SPELT, &c, "mini_batc", "5", &err), FM_BAD);
    EXPECT(strstr(err.text, "mini_batch") == NULL);
    EXPECT(fm_options_find(SPELT, "mini_batch") == NULL);
    EXPECT_TEXT(fm_options_renamed(SPELT, "mini_batch"), "batch_size");
    EXPECT(fm_options_renamed(SPELT, "batch_size") == NULL);
    FILE *memory = open_memstream(&text, &size);
    fm_options_write(SPELT, &c, memory);
    fm_options_help(SPELT, &c, FM_HELP_FLAGS, memory);
    fclose(memory);
    EXPECT_HAS(text, "batch_size = 4\nrate = 2\n");
    EXPECT(strstr(text, "mini") == NULL);
    free(text);
}

TEST_MAIN(CASE(defaults), CASE(set_every_type), CASE(unknown_keys_name_the_nearest), CASE(values_are_checked),
          CASE(open_ranges), CASE(apply_many), CASE(apply_all_or_nothing), CASE(format_reads_back),
          CASE(write_is_a_config_file), CASE(help_tells_all), CASE(help_is_what_one_types),
          CASE(help_fits_the_terminal), CASE(find),
          CASE(names_have_one_spelling))
