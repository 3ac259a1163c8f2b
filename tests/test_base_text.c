/* Numbers and names: strict reading, exact round trips, likely slips. */
#include <float.h>
#include <locale.h>

#include "base/random.h"
#include "base/text.h"
#include "tests/test.h"

TEST(to_real_reads) {
    static const struct { const char *text; double value; } GOOD[] = {
        {"0", 0}, {"-0", -0.0}, {"1.5", 1.5}, {"+3", 3}, {".5", 0.5}, {"5.", 5}, {"1e-3", 1e-3}, {"1E+3",
                                                                                                  1000},
        {"0.1", 0.1}, {"1.7976931348623157e308", DBL_MAX}, {"5e-324", 5e-324}, {"1e-999", 0}, {"007", 7},
        {"9007199254740993", 9007199254740992.0}, {"1e0000000000000000000002", 100}};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        double value = -1;
        EXPECT_MSG(fm_text_to_real(GOOD[i].text, &value), "'%s' is not read", GOOD[i].text);
        EXPECT_MSG(value == GOOD[i].value, "'%s' is read as %.17g", GOOD[i].text, value);
    }
}

static const char *const NO_NUMBERS[] = {"", " 1", "1 ", "1x", "nan", "inf", "-inf", "infinity", "0x10", "1e",
                                         "1e+",
                                         "e5", ".", "-", "+-1", "--1", "1,5", "1.2.3", "1e5.0", "1_000",
                                             "1d5", "\t1"};

TEST(to_real_refuses) {
    double value = 42;
    for (size_t i = 0; i < sizeof NO_NUMBERS / sizeof *NO_NUMBERS; i++)
        EXPECT_MSG(!fm_text_to_real(NO_NUMBERS[i], &value), "'%s' is read", NO_NUMBERS[i]);
    EXPECT(!fm_text_to_real("1e400", &value));
    EXPECT(!fm_text_to_real("-1e400", &value));
    EXPECT(!fm_text_to_real("20k", &value));
    EXPECT_EQ(value, 42);
}

TEST(to_int_reads) {
    static const struct { const char *text; int64_t value; } GOOD[] = {
        {"0", 0}, {"-7", -7}, {"+7", 7}, {"1e5", 100000}, {"20k", 20000}, {"3M", 3000000}, {"1.5k", 1500},
        {"0.5e1", 5}, {"120e-1", 12}, {"1.000", 1}, {"9007199254740993", 9007199254740993},
        {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}, {"0e99999", 0}, {"2.5e3k",
                                                                                                  2500000},
        {"0.000001M", 1}, {"-1e3", -1000}};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        int64_t value = -1;
        EXPECT_MSG(fm_text_to_int(GOOD[i].text, &value), "'%s' is not read", GOOD[i].text);
        EXPECT_MSG(value == GOOD[i].value, "'%s' is read as %lld", GOOD[i].text, (long long)value);
    }
}

TEST(to_int_refuses) {
    static const char *const BAD[] = {"9223372036854775808", "-9223372036854775809", "1e19", "1e99999999",
                                      "1.50",
                                      "1e-1", "0.0001k", "k", "5kk", "5 k", "1e5x", "18446744073709551616",
                                          "1e30M", "123e-99999999"};
    int64_t value = 42;
    for (size_t i = 0; i < sizeof NO_NUMBERS / sizeof *NO_NUMBERS; i++)
        EXPECT_MSG(!fm_text_to_int(NO_NUMBERS[i], &value), "'%s' is read", NO_NUMBERS[i]);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        EXPECT_MSG(!fm_text_to_int(BAD[i], &value), "'%s' is read", BAD[i]);
    EXPECT_EQ(value, 42);
}

TEST(from_real_is_short) {
    static const struct { double value; const char *text; } WANT[] = {
        {0.1, "0.1"}, {20, "20"}, {1e-7, "1e-07"}, {0, "0"}, {-0.0, "-0"}, {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"}, {5e-324, "5e-324"}, {1e300, "1e+300"}, {-2.5, "-2.5"},
        {INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"}};
    char text[64];
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++)
        EXPECT_TEXT(fm_text_from_real(WANT[i].value, text, sizeof text), WANT[i].text);
}

TEST(from_real_reads_back) {
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    char text[64];
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = fm_rng_bits(&rng);
        double value, again = 0;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        bool read = fm_text_to_real(fm_text_from_real(value, text, sizeof text), &again);
        EXPECT_MSG(read && memcmp(&value, &again, sizeof value) == 0, "%s is not %.17g", text, value);
    }
}

/* Some system locale with a comma; where there is none the test still checks the plain one. */
TEST(numbers_ignore_the_locale) {
    static const char *const NAMES[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR", "nl_NL.UTF-8",
                                        "pl_PL.UTF-8"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (setlocale(LC_NUMERIC, NAMES[i])) break;
    double value = 0;
    char text[64];
    EXPECT(fm_text_to_real("1.25", &value));
    EXPECT_NEAR(value, 1.25, 0);
    EXPECT(!fm_text_to_real("1,25", &value));
    EXPECT_TEXT(fm_text_from_real(1.25, text, sizeof text), "1.25");
    setlocale(LC_NUMERIC, "C");
}

TEST(grouped) {
    char text[32];
    EXPECT_TEXT(fm_text_grouped(1234567, text, sizeof text), "1,234,567");
    EXPECT_TEXT(fm_text_grouped(999, text, sizeof text), "999");
    EXPECT_TEXT(fm_text_grouped(-1000, text, sizeof text), "-1,000");
    EXPECT_TEXT(fm_text_grouped(-100, text, sizeof text), "-100");
    EXPECT_TEXT(fm_text_grouped(0, text, sizeof text), "0");
    EXPECT_TEXT(fm_text_grouped(INT64_MIN, text, sizeof text), "-9,223,372,036,854,775,808");
}

static const char *nearest(const char *name) {
    static const char *const WORDS[] = {"batch", NULL, "epsilon", "learning_rate", "tau", "gamma", "lr"};
    const char *found = fm_text_nearest(name, WORDS, sizeof WORDS / sizeof *WORDS);
    return found ? found : "(none)";
}

TEST(nearest_finds_slips) {
    EXPECT_TEXT(nearest("bacth"), "batch");
    EXPECT_TEXT(nearest("Batch"), "batch");
    EXPECT_TEXT(nearest("batchs"), "batch");
    EXPECT_TEXT(nearest("learningrate"), "learning_rate");
    EXPECT_TEXT(nearest("learning-rate"), "learning_rate");
    EXPECT_TEXT(nearest("gama"), "gamma");
    EXPECT_TEXT(nearest("rl"), "lr");
    EXPECT_TEXT(nearest("tao"), "tau");
}

TEST(nearest_knows_when_it_is_lost) {
    static char huge[2000];
    memset(huge, 'b', sizeof huge - 1);
    EXPECT_TEXT(nearest("temperature"), "(none)");
    EXPECT_TEXT(nearest(""), "(none)");
    EXPECT_TEXT(nearest("x"), "(none)");
    EXPECT_TEXT(nearest(huge), "(none)");
    EXPECT(fm_text_nearest("batch", NULL, 0) == NULL);
}

TEST(same_names) {
    EXPECT(fm_text_same_name("bilevel-q", "bilevel_q") && fm_text_same_name("a_b-c", "a-b_c"));
    EXPECT(fm_text_same_name("", "") && !fm_text_same_name("", "-"));
    EXPECT(!fm_text_same_name("bilevel-q", "bilevel q") && !fm_text_same_name("bilevel_q", "bilevel_q2"));
    EXPECT(!fm_text_same_name("Merge", "merge"));
}

static void expect_wrapped(const char *words, size_t used, const char *want) {
    char text[256];
    FILE *file = tmpfile();
    fm_text_wrap(file, words, used, 4, 12);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    EXPECT_TEXT(text, want);
}

/* Columns 4 to 12; what stands before is filled up, or followed by a blank. */
TEST(text_wraps_beneath_its_margin) {
    expect_wrapped("one two three", 0, "    one two\n    three\n");
    expect_wrapped("one two", 2, "  one two\n");
    expect_wrapped("one two", 6, " one\n    two\n");
    expect_wrapped("eight888 is 12", 0, "    eight888\n    is 12\n");
    expect_wrapped("a a-word-that-is-too-long b", 0, "    a\n    a-word-that-is-too-long\n    b\n");
    expect_wrapped("a (one|two|three|four-is-long)", 0,
                   "    a (one|\n    two|\n    three|\n    four-is-long)\n");
    expect_wrapped("(a|b|c|d|e) f", 0, "    (a|b|c|\n    d|e) f\n");
    expect_wrapped("", 3, "\n");
}

/* A character of several bytes takes one column. */
TEST(text_columns_are_characters) {
    EXPECT_EQ(fm_text_columns("Q\u2082(C,Z)"), 7);
    expect_wrapped("\u00e4\u00f6\u00fc \u00e4\u00f6\u00fc x", 0, "    \u00e4\u00f6\u00fc \u00e4\u00f6\u00fc\n    x\n");
}

static void expect_lines(const char *lines, size_t width, const char *want) {
    char text[512];
    FILE *file = tmpfile();
    fm_text_lines(file, lines, width);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    EXPECT_TEXT(text, want);
}

TEST(text_lines_go_on_beneath_their_beginning) {
    expect_lines("one two three\n\nfour\n", 8, "one two\nthree\n\nfour\n");
    expect_lines("  one two three", 9, "  one two\n  three\n");
    expect_lines("  name    words that go on for more than a line\n", 36,
                 "  name    words that go on for more\n          than a line\n");
    /* No room behind the name: the words have lines of their own. */
    expect_lines("  long-name-of-it  words that go on\n", 28, "  long-name-of-it\n      words that go on\n");
    expect_lines("no end", 40, "no end\n");
}

TEST(text_quoted_is_read_back_by_a_shell) {
    char text[64];
    EXPECT_TEXT(fm_text_quoted("runs/biac-grid_s0", text, sizeof text), "runs/biac-grid_s0");
    EXPECT_TEXT(fm_text_quoted("my runs", text, sizeof text), "'my runs'");
    EXPECT_TEXT(fm_text_quoted("it's", text, sizeof text), "'it'\\''s'");
    EXPECT_TEXT(fm_text_quoted("", text, sizeof text), "''");
    EXPECT(strlen(fm_text_quoted("a b c d e f g h", text, 8)) < 8);
}

TEST_MAIN(CASE(text_wraps_beneath_its_margin), CASE(text_columns_are_characters),
          CASE(text_lines_go_on_beneath_their_beginning), CASE(text_quoted_is_read_back_by_a_shell),
          CASE(to_real_reads), CASE(to_real_refuses), CASE(to_int_reads), CASE(to_int_refuses),
          CASE(from_real_is_short), CASE(from_real_reads_back), CASE(numbers_ignore_the_locale),
              CASE(grouped), CASE(nearest_finds_slips), CASE(nearest_knows_when_it_is_lost),
          CASE(same_names))
