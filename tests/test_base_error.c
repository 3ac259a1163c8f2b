/* The three kinds of error: messages as values, and aborts that name what is broken. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/keep.h"
#include "base/option.h"
#include "base/random.h"
#include "base/text.h"
#include "tests/aborts.h"
#include "tests/test.h"

TEST(fail_writes_the_message) {
    fm_error err;
    EXPECT_EQ(fm_fail(&err, "line %d: %s", 3, "no payoff"), FM_BAD);
    EXPECT_TEXT(err.text, "line 3: no payoff");
    EXPECT_EQ(fm_fail_in(&err, "%s: ", "game.nfg"), FM_BAD);
    EXPECT_TEXT(err.text, "game.nfg: line 3: no payoff");
}

TEST(fail_may_use_its_own_text) {
    fm_error err;
    fm_fail(&err, "inner");
    fm_fail(&err, "outer(%s)", err.text);
    EXPECT_TEXT(err.text, "outer(inner)");
}

TEST(fail_without_a_receiver) {
    EXPECT_EQ(fm_fail(NULL, "nobody listens"), FM_BAD);
    EXPECT_EQ(fm_fail_in(NULL, "nobody listens"), FM_BAD);
}

TEST(fail_cuts_to_fit) {
    static char text[5000];
    memset(text, 'a', sizeof text - 1);
    fm_error err;
    fm_fail(&err, "%s", text);
    EXPECT_EQ(strlen(err.text), sizeof err.text - 1);
    fm_fail(&err, "tail");
    fm_fail_in(&err, "%s", text);
    EXPECT_EQ(strlen(err.text), sizeof err.text - 1);
    fm_fail(&err, "%.*s", 1000, text);
    fm_fail_in(&err, "%.*s", 1000, text);
    EXPECT_EQ(strlen(err.text), sizeof err.text - 1);
}

static void broken_check(void) {
    int index = 7;
    FM_CHECK(index < 5, "replay: index %d of %d", index, 5);
}

static void broken_equality(void) {
    size_t rows = 3, n = 4;
    FM_CHECK_EQ(rows, n);
}

static void sound_checks(void) {
    FM_CHECK(1 + 1 == 2, "arithmetic");
    FM_CHECK_EQ(2, 1 + 1);
    exit(3);
}

TEST(check_aborts_with_everything) {
    EXPECT_ABORTS(broken_check, "test_base_error.c:");
    EXPECT_ABORTS(broken_check, "index < 5");
    EXPECT_ABORTS(broken_check, "replay: index 7 of 5");
    EXPECT_ABORTS(broken_equality, "rows == n: 3 != 4");
}

TEST(check_passes) {
    char words[256];
    int status = run_apart(sound_checks, words, sizeof words);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    EXPECT_TEXT(words, "");
}

static void huge_array(void) {
    fm_arena arena = {0};
    fm_arena_alloc(&arena, SIZE_MAX / 4, 8);
}

static void wrong_mark(void) {
    fm_arena arena = {0};
    fm_arena_alloc(&arena, 100, 1);
    fm_mark inner = fm_arena_mark(&arena);
    fm_arena_reset(&arena, (fm_mark){0});
    fm_arena_reset(&arena, inner);
}

static void same_name_twice(void) {
    static int64_t steps;
    fm_keep_list list = {0};
    fm_keep(&list, FM_I64, &steps, 1, "steps");
    fm_keep(&list, FM_I64, &steps, 1, "steps");
}

static void long_name(void) {
    static int64_t steps;
    fm_keep_list list = {0};
    fm_keep(&list, FM_I64, &steps, 1, "steps.%0100d", 1);
}

static void bad_default(void) {
    typedef struct config { int64_t batch; } config;
    static const fm_option TABLE[] = {FM_OPT_INT(config, batch, "0", 1, 9, "", "size", ""), FM_OPT_END};
    config c;
    fm_options_reset(TABLE, &c);
}

static void below_nothing(void) {
    fm_rng rng = fm_rng_split(0, FM_RNG_TEST, 0, 0);
    fm_rng_below(&rng, 0);
}

static void cut_text(void) {
    char text[8];
    fm_text_format(text, sizeof text, "%s", "critic.0/theta");
}

TEST(contracts_of_the_room) {
    EXPECT_ABORTS(huge_array, "items of 8 bytes overflow");
    EXPECT_ABORTS(wrong_mark, "marks nest");
    EXPECT_ABORTS(same_name_twice, "'steps' is there already");
    EXPECT_ABORTS(long_name, "at most 95 fit");
    EXPECT_ABORTS(bad_default, "batch: 0 is out of range; expected from 1 to 9");
    EXPECT_ABORTS(below_nothing, "n > 0");
    EXPECT_ABORTS(cut_text, "\"critic....\" needs 15 bytes, there are 8");
}

TEST_MAIN(CASE(fail_writes_the_message), CASE(fail_may_use_its_own_text), CASE(fail_without_a_receiver),
          CASE(fail_cuts_to_fit), CASE(check_aborts_with_everything), CASE(check_passes),
          CASE(contracts_of_the_room))
