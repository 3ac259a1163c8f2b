/* test_table.c: tables for a person, and the line that says how far a run is. */
#include "tests/test.h"

#include <stdlib.h>

#include "base/real.h"
#include "training/show/live.h"
#include "training/show/table.h"

static const table_column COLUMNS[] = {
    {"agent", true, 0}, {"return", false, 0}, {"gap", false, 1}, {"", true, 0}};

/* The cells as a table of at most `width` columns. */
static const char *shown(const table_column *columns, size_t n, const char *const *cells, size_t count,
                         size_t width) {
    static char text[1024];
    FILE *file = tmpfile();
    table t;
    table_begin(&t, columns, n);
    for (size_t i = 0; i < count; i++) table_add(&t, cells[i]);
    table_end(&t, file, width);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

TEST(table_is_as_narrow_as_its_cells) {
    static const char *const CELLS[] = {"leader", "18", "0.25", "<- ahead", "w\u00f6lf", "9", "", ""};
    EXPECT_TEXT(shown(COLUMNS, 4, CELLS, 8, 80), "agent   return   gap\n"
                                                 "leader      18  0.25  <- ahead\n"
                                                 "w\u00f6lf         9\n");
}

TEST(table_leaves_out_what_has_no_room) {
    static const char *const CELLS[] = {"leader", "18", "0.25", "<- ahead"};
    EXPECT_TEXT(shown(COLUMNS, 4, CELLS, 4, 29), "agent   return\nleader      18  <- ahead\n");
    static const char *const LONG[] = {"a name that is long", "18", "0.25", ""};
    EXPECT_TEXT(shown(COLUMNS, 4, LONG, 4, 20),
                "agent         return\na name that is long\n                  18\n");
}

TEST(table_leaves_out_empty_columns_and_cuts_titles) {
    static const table_column LONG[] = {{"x", true, 0}, {"a title of many words", false, 0}};
    static const char *const CELLS[] = {"a", "1"}, *const EMPTY[] = {"a", "", "b", ""};
    EXPECT_TEXT(shown(LONG, 2, CELLS, 2, 80), "x  a title of man\na               1\n");
    EXPECT_TEXT(shown(LONG, 2, EMPTY, 4, 80), "x\na\nb\n");
}

static const live_numbers ONE = {.trials = 1, .at = 60000, .steps = 100000, .done_now = 20000,
                                 .value = {12.5, 7.25, FM_ABSENT, FM_ABSENT}};

TEST(live_line_of_one_trial) {
    char text[LIVE_TEXT_MAX];
    EXPECT_TEXT(live_text(&ONE, 2, 200, text),
                "step 60,000 of 100,000 (60 %), 0:04 left, returns 12.5 7.25, 10,000 steps/s");
    live_numbers alone = ONE;
    alone.value[1] = FM_ABSENT;
    EXPECT_TEXT(live_text(&alone, 0, 200, text), "step 60,000 of 100,000 (60 %), return 12.5, 0 steps/s");
    alone.at = 100002; /* the last decisions of all copies */
    EXPECT_TEXT(live_text(&alone, 2, 30, text), "step 100,002 of 100,000 (100 %)");
}

TEST(live_line_of_several_trials_fits) {
    char text[LIVE_TEXT_MAX];
    live_numbers many = ONE;
    many.trials = 10;
    many.trials_done = 3;
    EXPECT_TEXT(live_text(&many, 2, 79, text),
                "3 of 10 trials, 60 %, 0:04 left, returns 12.5 7.25, 10,000 steps/s");
    EXPECT_TEXT(live_text(&many, 2, 60, text), "3 of 10 trials, 60 %, 0:04 left, returns 12.5 7.25");
    EXPECT_TEXT(live_text(&many, 2, 40, text), "3 of 10 trials, 60 %, 0:04 left");
}

TEST_MAIN(CASE(table_is_as_narrow_as_its_cells), CASE(table_leaves_out_what_has_no_room),
          CASE(table_leaves_out_empty_columns_and_cuts_titles), CASE(live_line_of_one_trial),
          CASE(live_line_of_several_trials_fits))
