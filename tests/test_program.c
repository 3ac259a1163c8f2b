/* test_program.c: what programs call themselves and each other. */
#include "tests/test.h"

#include <stdlib.h>

#include "training/run/program.h"

/* "./play X" as the program says it that was called so. */
static void expect_called(const char *called, const char *plain, const char *name, const char *other) {
    program_begin(called, plain);
    char *words = program_words("./play");
    EXPECT_TEXT(program_name(), name);
    EXPECT_TEXT(words, other);
    free(words);
}

TEST(program_calls_others_as_it_was_called) {
    expect_called("./train", "train", "train", "./play");
    expect_called("build/bin/train", "train", "train", "build/bin/play");
    expect_called("firstmover-train", "train", "firstmover-train", "firstmover-play");
    expect_called("/opt/bin/fm-solve", "solve", "fm-solve", "/opt/bin/fm-play");
    expect_called("my programs/it's a train", "train", "it's a train", "'my programs/it'\\''s a play'");
    expect_called("other", "train", "other", "play");
    expect_called(NULL, "train", "train", "play");
    expect_called("", "train", "train", "play");
}

TEST(program_names_are_put_in_where_they_are_meant) {
    program_begin("fm-train", "train");
    static const char *const CASES[][2] = {
        {"usage: ./train --list", "usage: fm-train --list"},
        {"(./train --list)", "(fm-train --list)"},
        {"./train, ./play; ./solve: ./bench.", "fm-train, fm-play; fm-solve: fm-bench."},
        {"there is no folder './train'", "there is no folder './train'"},
        {"./trained ./plays ../train x./train ./", "./trained ./plays ../train x./train ./"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *words = program_words(CASES[i][0]);
        EXPECT_TEXT(words, CASES[i][1]);
        free(words);
    }
}

TEST_MAIN(CASE(program_calls_others_as_it_was_called), CASE(program_names_are_put_in_where_they_are_meant))
