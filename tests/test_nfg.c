/* test_nfg.c: game files as Gambit and OpenSpiel write them, broken ones, and round trips. */
#include "envs/games/nfg.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

static fm_status parse(const char *text, fm_arena *arena, bimatrix *game, fm_error *err) {
    return nfg_parse(text, strlen(text), arena, game, err);
}

/* Every way of writing one 3 by 2 game. */
TEST(nfg_reads_both_forms) {
    static const char *const forms[] = {
        "NFG 1 R \"t\" { \"Row\" \"Col\" } { 3 2 } 1 -1 2 -2 3 -3 4 -4 5 -5 6 -6",
        "\xEF\xBB\xBFNFG 1 D \"t\"\r\n{\"Row\"\"Col\"}{{\"1\" \"2\"\t\"3\"}\r\n{\"1\" \"2\"}}\r\n\"a "
        "\\\"comment\\\"\"\r\n"
        "1.0 -1e0 20e-1 -2. 6/2 -9/3 +4 -.4e1 5 -5 60/10 -6\r\n",
        "NFG 1 R \"t\" { \"Row\" \"Col\" }\n\n{ { \"\" \"\" \"\" }\n{ \"1\" \"\" }\n}\n\"\"\n\n{\n{ \"a\" 1, "
        "-1 }\n"
        "{ \"\" 2 -2 }\n{ \"c\" 3 , -3, }\n{\"\"4,-4}{ \"\" 5, -5 }\n{ \"f\" 12/2, -6 }\n}\n1 2 3 4 5 6\n",
    };
    fm_arena arena = {0};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        bimatrix g;
        fm_error err = {""};
        EXPECT_MSG(parse(forms[f], &arena, &g, &err) == FM_OK, "form %zu: %s", f, err.text);
        if (err.text[0] != '\0') continue;
        EXPECT(g.rows == 3 && g.cols == 2);
        EXPECT_TEXT(g.title, "t");
        EXPECT_TEXT(g.player[0], "Row");
        EXPECT_TEXT(g.player[1], "Col");
        EXPECT_TEXT(g.label[0][2], "3");
        EXPECT_TEXT(g.label[1][1], "2");
        for (size_t k = 0; k < 6; k++) {
            const size_t at = k % 3 * 2 + k / 3;
            EXPECT(g.payoff[0][at] == (double)(k + 1) && g.payoff[1][at] == -(double)(k + 1));
        }
    }
    fm_arena_free(&arena);
}

TEST(nfg_outcome_zero_is_zero_for_both) {
    fm_arena arena = {0};
    bimatrix g;
    EXPECT_EQ(parse("NFG 1 R \"\" { \"\" \"\" } { 2 2 } { { \"x\" 1/3, -2/7 } } 0 1 1 0", &arena, &g, NULL),
              FM_OK);
    EXPECT(g.payoff[0][0] == 0 && g.payoff[1][3] == 0);
    EXPECT(g.payoff[0][2] == 1.0 / 3 && g.payoff[1][2] == -2.0 / 7);
    EXPECT(g.payoff[0][1] == 1.0 / 3 && g.payoff[1][1] == -2.0 / 7);
    EXPECT_EQ(parse("NFG 1 R \"\" { \"\" \"\" } { 1 1 } -0 -0/5", &arena, &g, NULL), FM_OK);
    EXPECT(!signbit(g.payoff[0][0]) && !signbit(g.payoff[1][0]));
    EXPECT_EQ(parse("NFG 1 R \"\" { \"\" \"\" } { 1 2 } { } 0 0", &arena, &g, NULL), FM_OK);
    EXPECT(g.payoff[0][1] == 0);
    fm_arena_free(&arena);
}

/* As OpenSpiel's exporter writes them: no comment, one line per column action. */
TEST(nfg_reads_what_openspiel_writes) {
    fm_arena arena = {0};
    bimatrix g;
    EXPECT_EQ(
        parse("NFG 1 R \"OpenSpiel export of x()\"\n{ \"Player 0\" \"Player 1\" } { 2 2 }\n\n1 0.1\n3 5\n2 "
              "0.333333333333333\n4 6\n\n",
              &arena, &g, NULL),
        FM_OK);
    EXPECT(g.payoff[0][1] == 2 && g.payoff[1][1] == 0.333333333333333);
    EXPECT(g.payoff[0][2] == 3 && g.payoff[1][2] == 5);
    fm_arena_free(&arena);
}

#define HEAD "NFG 1 R \"t\" { \"a\" \"b\" }\n"

static void expect_payoffs(const char *numbers, double leader, double follower) {
    fm_arena arena = {0};
    fm_error err = {""};
    bimatrix g;
    char text[8000];
    snprintf(text, sizeof text, HEAD "{ 1 1 }\n%s", numbers);
    EXPECT_MSG(parse(text, &arena, &g, &err) == FM_OK, "'%s': %s", numbers, err.text);
    if (err.text[0] == '\0')
        EXPECT_MSG(g.payoff[0][0] == leader && g.payoff[1][0] == follower, "'%s' is %.17g %.17g", numbers,
                   g.payoff[0][0], g.payoff[1][0]);
    fm_arena_free(&arena);
}

/* Numbers end where they cannot go on, as in Gambit. */
TEST(nfg_payoffs_may_run_together) {
    expect_payoffs("20-40", 20, -40);
    expect_payoffs("-1/2-3", -0.5, -3);
    expect_payoffs("1/4.5", 0.25, 0.5);
    expect_payoffs("1e2+3", 100, 3);
    expect_payoffs("2e-1-2e+1", 0.2, -20);
    expect_payoffs("1.5.25", 1.5, 0.25);
    expect_payoffs("3.-.5", 3, -0.5);
}

TEST(nfg_reads_long_numbers) {
    char digits[NFG_NUMBER_MAX + 1], text[3 * NFG_NUMBER_MAX];
    memset(digits, '3', sizeof digits);
    snprintf(text, sizeof text, "0.%.520s 1", digits);
    expect_payoffs(text, 1.0 / 3, 1);
    snprintf(text, sizeof text, "-%.200s.%.320s 1", digits, digits);
    expect_payoffs(text, -1e200 / 3, 1);
    /* Ratios of numbers that are not finite themselves. */
    snprintf(text, sizeof text, "%.500s/%.501s -%.*s/%.*s", digits, digits, NFG_NUMBER_MAX - 1, digits,
             NFG_NUMBER_MAX, digits);
    expect_payoffs(text, 0.1, -0.1);
    snprintf(text, sizeof text, "1/%.*s 0", NFG_NUMBER_MAX, digits);
    expect_payoffs(text, 0, 0);
}

/* A text, the line that its error names, and a part of the error. */
static const struct { const char *text, *line, *part; } WRONG[] = {
    {"", "line 1:", "NFG"},
    {"EFG 2 R \"t\"", "line 1:", "found 'EFG'"},
    {"NFG 2 R \"t\"", "line 1:", "version 1"},
    {"NFG 1 Q \"t\"", "line 1:", "found 'Q'"},
    {"NFG 1 R t", "line 1:", "title"},
    {"NFG 1 R \"two\nlines\" 3", "line 2:", "names of two players"},
    {"NFG 1 R \"t", "line 1:", "no closing quote"},
    {"NFG 1 R \"t\\\"\n", "line 1:", "no closing quote"},
    {"NFG 1 R \"t\"\n{ \"a\" \"b\" \"c\" } { 2 2 2 }", "line 2:", "2 players, found 3"},
    {"NFG 1 R \"t\"\n\n{ }", "line 3:", "2 players, found 0"},
    {"NFG 1 R \"t\" {\n\"a\" b", "line 2:", "name of a player"},
    {HEAD "{ 0 2 } 1", "line 2:", "player 1 has no actions"},
    {HEAD "{ { \"x\" }\n{ } } 1", "line 3:", "player 2 has no actions"},
    {HEAD "{ { \"x\" } }", "line 2:", "action labels"},
    {HEAD "{ { \"x\" } { \"y\" } { \"z\" } }", "line 2:", "2 players"},
    {HEAD "{ { \"x\" 3 } { \"y\" } }", "line 2:", "found '3'"},
    {HEAD "{ { 3 } { \"y\" } }", "line 2:", "found '3'"},
    {HEAD "{ 1 }", "line 2:", "number of actions"},
    {HEAD "{ 1 1 1 }", "line 2:", "2 players"},
    {HEAD "{ -1 1 }", "line 2:", "found '-1'"},
    {HEAD "{ 1.5 1 }", "line 2:", "found '1.5'"},
    {HEAD "{ 5000 1 }", "line 2:", "more than 4096"},
    {HEAD "{ 4000 4000 }", "line 2:", "at most 1048576"},
    {HEAD "{ 99999999999999999999999 1 }", "line 2:", "number of actions"},
    {HEAD "{ 1 1 }\n\nnan 1", "line 4:", "found 'nan'"},
    {HEAD "{ 1 1 }\n1 inf", "line 3:", "found 'inf'"},
    {HEAD "{ 1 1 }\n1 -Infinity", "line 3:", "finite"},
    {HEAD "{ 1 1 }\n1e400 1", "line 3:", "finite"},
    {HEAD "{ 1 1 }\n1e300/2 1", "line 3:", "found '/2'"},
    {HEAD "{ 1 1 }\n1/2.5 1", "line 3:", "found '1'"},
    {HEAD "{ 1 1 }\n1/0 1", "line 3:", "denominator other than zero"},
    {HEAD "{ 1 1 }\n1/-2 1", "line 3:", "found '1/'"},
    {HEAD "{ 1 1 }\n1/2/3 1", "line 3:", "found '/3'"},
    {HEAD "{ 1 1 }\n/2 1", "line 3:", "found '/2'"},
    {HEAD "{ 1 1 }\n1/ 1", "line 3:", "found '1/'"},
    {HEAD "{ 1 1 }\n0x10 1", "line 3:", "found 'x10'"},
    {HEAD "{ 1 1 }\n1.2.3 1", "line 3:", "found '1'"},
    {HEAD "{ 1 1 }\n1e 1", "line 3:", "found '1e'"},
    {HEAD "{ 1 1 }\n- 1", "line 3:", "found '-'"},
    {HEAD "{ 1 1 }\n. 1", "line 3:", "found '.'"},
    {HEAD "{ 2 2 }\n1 2 3\n4 5 6 7\n", "line 5:", "cell 4 of 4, found the end of the file"},
    {HEAD "{ 2 2 }\n1 2 3\n4 5 6 7 8 9", "line 4:", "found '9'"},
    {HEAD "{ 1 1 } \"c\" \"d\" 1 2", "line 2:", "found \"d\""},
    {HEAD "{ 1 1 } 1, 2", "line 2:", "found ','"},
    {HEAD "{ 1 1 } 1 2 }", "line 2:", "found '}'"},
    {HEAD "{ 1 1 } { { \"o\" 1 } } 1", "line 2:", "payoff"},
    {HEAD "{ 1 1 } { { \"o\" 1 2 3 } } 1", "line 2:", "found '3'"},
    {HEAD "{ 1 1 } { { 1 2 } } 1", "line 2:", "name of an outcome"},
    {HEAD "{ 1 1 } { { \"o\" 1 2 } }\n2", "line 3:", "0 to 1"},
    {HEAD "{ 1 1 } { { \"o\" 1 2 } }\n-1", "line 3:", "0 to 1"},
    {HEAD "{ 2 1 } { { \"o\" 1 2 } }\n1\n", "line 4:", "cell 2 of 2"},
    {HEAD "{ 1 1 } { { \"o\" 1 2 }\n1", "line 3:", "found '1'"},
};

TEST(nfg_errors_name_the_line_and_what_was_expected) {
    fm_arena arena = {0};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        fm_error err = {""};
        bimatrix g;
        EXPECT_MSG(parse(WRONG[i].text, &arena, &g, &err) == FM_BAD, "accepted: %s", WRONG[i].text);
        EXPECT_HAS(err.text, WRONG[i].line);
        EXPECT_HAS(err.text, WRONG[i].part);
        EXPECT_EQ(arena.used, 0);
    }
    bimatrix g;
    fm_error err;
    char text[2 * NFG_NUMBER_MAX];
    snprintf(text, sizeof text, HEAD "{ 1 1 } 0.%0*d 1", NFG_NUMBER_MAX - 1, 1);
    EXPECT_EQ(parse(text, &arena, &g, &err), FM_BAD);
    EXPECT_HAS(err.text, "not so long");
    snprintf(text, sizeof text, HEAD "{ 1 1 } 1%0*d/3 1", NFG_NUMBER_MAX - 1, 0);
    EXPECT_EQ(parse(text, &arena, &g, &err), FM_BAD);
    EXPECT_HAS(err.text, "finite");
    EXPECT_EQ(nfg_parse("NFG 1 R \"\0\"", 11, &arena, &g, &err), FM_BAD);
    EXPECT_EQ(nfg_parse(HEAD "{ 1 1 } 1 2 \0", sizeof HEAD + 12, &arena, &g, &err), FM_BAD);
    fm_arena_free(&arena);
}

static void expect_same(const bimatrix *a, const bimatrix *b) {
    EXPECT(a->rows == b->rows && a->cols == b->cols);
    EXPECT_TEXT(a->title, b->title);
    const size_t n[2] = {a->rows, a->cols};
    for (int i = 0; i < 2; i++) {
        EXPECT_TEXT(a->player[i], b->player[i]);
        for (size_t k = 0; k < n[i]; k++) EXPECT_TEXT(a->label[i][k], b->label[i][k]);
        EXPECT(memcmp(a->payoff[i], b->payoff[i], a->rows * a->cols * sizeof(double)) == 0);
    }
}

TEST(nfg_written_games_are_read_back_to_the_bit) {
    char folder[] = "/tmp/fm_test_nfg_XXXXXX", path[64];
    EXPECT(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/game.nfg", folder);
    fm_arena arena = {0};
    fm_rng rng = fm_rng_split(11, FM_RNG_TEST, 0, 0);
    for (int trial = 0; trial < 60; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        bimatrix g, h;
        fm_error err = {""};
        bimatrix_random(1 + fm_rng_below(&rng, 8), 1 + fm_rng_below(&rng, 8), 0.3, &rng, &arena, &g);
        for (size_t k = 0; k < g.rows * g.cols; k++)
            g.payoff[trial % 2][k] *= pow(10, 200 * fm_rng_uniform(&rng) - 100);
        g.title = "a \"quoted\" title, {braces}\nand \\ back\\\\slashes \\";
        g.player[1] = "";
        g.label[0][0] = "left, \"up\" \\";
        EXPECT_EQ(nfg_save(&g, path, &err), FM_OK);
        EXPECT_MSG(nfg_read(path, &arena, &h, &err) == FM_OK, "%s", err.text);
        if (err.text[0] == '\0') expect_same(&g, &h);
        fm_arena_reset(&arena, mark);
    }
    for (size_t i = 0; i < BIMATRIX_GAMES_COUNT; i++) {
        bimatrix g, h;
        EXPECT_EQ(bimatrix_load(BIMATRIX_GAMES[i].name, NULL, &arena, &g, NULL), FM_OK);
        EXPECT_EQ(nfg_save(&g, path, NULL), FM_OK);
        EXPECT_EQ(bimatrix_load(path, NULL, &arena, &h, NULL), FM_OK);
        expect_same(&g, &h);
    }
    remove(path);
    fm_error err = {""};
    bimatrix g;
    EXPECT_EQ(nfg_read(path, &arena, &g, &err), FM_BAD);
    EXPECT_HAS(err.text, path);
    EXPECT_EQ(nfg_read(folder, &arena, &g, &err), FM_BAD);
    rmdir(folder);
    fm_arena_free(&arena);
}

/* Damaged files: whatever happens, no crash, no leak, and either a whole game or a message with a line. */
TEST(nfg_survives_damaged_files) {
    static const char *const sources[] = {
        "NFG 1 R \"Maintain \\\"x\\\"\" { \"L\" \"F\" }\n{ { \"A\" \"B\" } { \"X\" \"Y\" } }\n\"c\"\n20 15 "
        "30 0 -1/3 0 1e1 5",
        "NFG 1 D \"\" { \"L\" \"F\" } { 2 2 } { { \"o\" 1, 2 } { \"\" .5 3/4 } } 1 0 2 1\n",
    };
    static const char soup[] = "{}\",\\/0123456789.-+eE \n\t\rNFGRD\xff\x01";
    fm_rng rng = fm_rng_split(12, FM_RNG_TEST, 0, 0);
    fm_arena arena = {0};
    int accepted = 0;
    for (int trial = 0; trial < 20000; trial++) {
        const char *source = sources[trial % 2];
        size_t length = strlen(source);
        /* A heap block of exactly that size lets the sanitizer see any read beyond it. */
        char *text = malloc(length);
        memcpy(text, source, length);
        for (uint64_t edits = 1 + fm_rng_below(&rng, 4); edits > 0; edits--) {
            const size_t at = fm_rng_below(&rng, length), kind = fm_rng_below(&rng, 4);
            if (kind == 0) length = at + 1;
            else if (kind == 1) text[at] = soup[fm_rng_below(&rng, sizeof soup)];
            else if (kind == 2) memmove(text + at, text + fm_rng_below(&rng, at + 1), length - at);
            else text[at] = (char)fm_rng_below(&rng, 256);
        }
        char *exact = malloc(length);
        memcpy(exact, text, length);
        bimatrix g;
        fm_error err = {""};
        if (nfg_parse(exact, length, &arena, &g, &err) == FM_OK) {
            accepted++;
            bimatrix_solution s;
            EXPECT(g.rows > 0 && g.cols > 0);
            for (size_t k = 0; k < g.rows * g.cols; k++)
                EXPECT(isfinite(g.payoff[0][k]) && isfinite(g.payoff[1][k]));
            bimatrix_solve(&g, &arena, &s);
        } else {
            EXPECT_HAS(err.text, "line ");
            EXPECT_EQ(arena.used, 0);
        }
        fm_arena_reset(&arena, (fm_mark){0});
        free(text);
        free(exact);
    }
    EXPECT(accepted > 100 && accepted < 19000);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(nfg_reads_both_forms), CASE(nfg_outcome_zero_is_zero_for_both),
          CASE(nfg_reads_what_openspiel_writes), CASE(nfg_payoffs_may_run_together),
          CASE(nfg_reads_long_numbers), CASE(nfg_errors_name_the_line_and_what_was_expected),
          CASE(nfg_written_games_are_read_back_to_the_bit), CASE(nfg_survives_damaged_files))
