/* solve.c: the program `solve`, which prints the exact solutions of a two-player game, in normal form or
 * iterated. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "envs/games/bimatrix.h"
#include "training/run/flags.h"
#include "training/run/program.h"
#include "training/run/version.h"
#include "training/show/solve_iterated.h"

#define ITERATED "iterated" /* the word for all iterated games */
#define TABLE_LINES_MAX 60 /* a table that takes more is left out */
#define CELL_LEAST 7       /* columns of a cell, gap included */
#define NASH_SHOWN_MAX 20   /* equilibria listed for people; --csv lists all */

typedef struct solve_config {
    bool csv, tables, list, help, version;
} solve_config;

static const fm_option OPTIONS[] = {
    FM_OPT_BOOL(solve_config, csv, "false", "a table for programs", ""),
    FM_OPT_BOOL(solve_config, tables, "false", "of an iterated game: the answer to every table of the leader",
                ""),
    FM_OPT_BOOL(solve_config, list, "false", "the named games and their options", ""),
    FM_OPT_BOOL(solve_config, help, "false", "this text", ""),
    FM_OPT_BOOL(solve_config, version, "false", "the version", ""),
    FM_OPT_END,
};

static const flag_text TEXTS[] = {
    {"set", "key=value", "an option of a named game, such as penalty --set k=-50; may be repeated",
     true},
    {NULL, NULL, NULL, false},
};

static const char USAGE[] =
    "usage: ./solve GAME [--csv] [--set key=value ...]\n"
    "       ./solve iterated [--tables] [--csv] [--set game=hero --set memory=joint ...]\n"
    "\n"
    "Prints the exact solutions of a two-player game in normal form. GAME is a Gambit .nfg file or the name "
    "of a game (see --list). The leader chooses the row, the follower the column.\n"
    "\n"
    "  nash                     every Nash equilibrium in pure strategies\n"
    "  stackelberg-pure-strong  the leader commits to one row; a follower that is indifferent helps it\n"
    "  stackelberg-pure-weak    the same, but a follower that is indifferent hurts it\n"
    "  stackelberg-mixed        the leader commits to a mixture; a follower that is indifferent helps it\n"
    "\n"
    "With --csv the columns are concept,return_0,return_1,strategy_0,strategy_1. A strategy is a list of "
    "label:probability, separated by spaces, of the actions with a probability above zero. In a label, "
    "spaces, control characters, ':' and '%' are written as in a URL (a space is %20).\n"
    "\n"
    "Of an iterated game the commitments are tables, an action for everything that the leader may remember, "
    "and the sums are of payoffs, without the reward's offset. The concepts are stackelberg-strong, "
    "stackelberg-weak, and stackelberg-by-round for a follower that may also count the rounds. --tables has "
    "one row for each of the leader's tables, by its index, the sum of action_s 2^s over the states s: "
    "table,leader,follower,leader_weak, the sums at the follower's best answers.\n"
    "\n"
    "flags (--flag VALUE or --flag=VALUE), with their defaults:\n";

/* ---- output for programs ---- */

/* Appends to a field that will stand between quotes if need be, so every quote is doubled. */
static void put_csv_char(char c, FILE *out) {
    if (c == '"') fputc('"', out);
    fputc(c, out);
}

static bool needs_escape(char c) {
    const unsigned char u = (unsigned char)c;
    return u <= ' ' || u == 127 || c == ':' || c == '%';
}

static void put_csv_strategy(const char *const *labels, const double *x, size_t n, FILE *out) {
    bool quoted = false, first = true;
    for (size_t i = 0; i < n; i++)
        if (x[i] > 0 && strpbrk(labels[i], ",\"")) quoted = true;
    if (quoted) fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        char number[64];
        if (!(x[i] > 0)) continue;
        if (!first) fputc(' ', out);
        first = false;
        for (const char *c = labels[i]; *c != '\0'; c++) {
            if (needs_escape(*c)) fprintf(out, "%%%02X", (unsigned)(unsigned char)*c);
            else put_csv_char(*c, out);
        }
        fprintf(out, ":%s", fm_text_from_real(x[i], number, sizeof number));
    }
    if (quoted) fputc('"', out);
}

static void print_csv(const bimatrix *game, const bimatrix_solution *solution, FILE *out) {
    char number[64];
    fputs("concept,return_0,return_1,strategy_0,strategy_1\n", out);
    for (size_t i = 0; i < solution->n; i++) {
        const bimatrix_outcome *o = &solution->outcomes[i];
        fputs(bimatrix_concept_name(o->concept), out);
        for (int p = 0; p < 2; p++)
            fprintf(out, ",%s", fm_text_from_real(o->value[p], number, sizeof number));
        fputc(',', out);
        put_csv_strategy(game->label[0], o->strategy[0], game->rows, out);
        fputc(',', out);
        put_csv_strategy(game->label[1], o->strategy[1], game->cols, out);
        fputc('\n', out);
    }
}

/* ---- output for people ---- */

/* Control characters of a file must not reach a terminal. */
static void put_plain(const char *text, FILE *out) {
    for (; *text != '\0'; text++) fputc((unsigned char)*text < ' ' || *text == 127 ? ' ' : *text, out);
}

static void put_padded(const char *text, size_t width, FILE *out) {
    put_plain(text, out);
    for (size_t n = fm_text_columns(text); n < width; n++) fputc(' ', out);
}

/* A table of payoffs with `digits` digits each; the columns of text that labels and cells take. */
typedef struct table {
    const bimatrix *game;
    size_t strong[2], weak[2];
    int digits;
    size_t side, cell;
} table;

/* "20, 15 NSW": payoffs, and marks for the pure solutions that the cell is. */
static void cell_text(const table *t, size_t row, size_t col, char *text, size_t size) {
    const size_t at = row * t->game->cols + col;
    const bool is_strong = row == t->strong[0] && col == t->strong[1];
    const bool is_weak = row == t->weak[0] && col == t->weak[1];
    const bool is_nash = bimatrix_is_nash(t->game, row, col);
    fm_text_format(text, size, "%.*g, %.*g%s%s%s%s", t->digits, t->game->payoff[0][at], t->digits,
                   t->game->payoff[1][at], is_nash || is_strong || is_weak ? " " : "", is_nash ? "N" : "",
                   is_strong ? "S" : "", is_weak ? "W" : "");
}

static size_t widest(const char *const *labels, size_t n) {
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t width = fm_text_columns(labels[i]);
        if (width > most) most = width;
    }
    return most;
}

/* How wide the cells are when their numbers have so many digits; returns how many fit beside each other. */
static size_t lay_out(table *t, int digits, size_t width) {
    const bimatrix *game = t->game;
    t->digits = digits;
    t->side = widest(game->label[0], game->rows);
    t->cell = widest(game->label[1], game->cols);
    for (size_t at = 0; at < game->rows * game->cols; at++) {
        char text[64];
        cell_text(t, at / game->cols, at % game->cols, text, sizeof text);
        if (strlen(text) > t->cell) t->cell = strlen(text);
    }
    size_t room = width > 2 + t->side ? (width - 2 - t->side) / (t->cell + 3) : 0;
    return room < game->cols ? room : game->cols;
}

/* The columns from `first` up to `end`. */
static void print_block(const table *t, size_t first, size_t end, FILE *out) {
    const bimatrix *game = t->game;
    for (size_t line = 0; line <= game->rows; line++) {
        fputs("  ", out);
        put_padded(line == 0 ? "" : game->label[0][line - 1], t->side, out);
        for (size_t c = first; c < end; c++) {
            char text[64];
            if (line > 0) cell_text(t, line - 1, c, text, sizeof text);
            fputs("   ", out);
            put_padded(line == 0 ? game->label[1][c] : text, c + 1 < end ? t->cell : 0, out);
        }
        fputc('\n', out);
    }
    fputc('\n', out);
}

/* A table that is wider than the terminal continues below. */
static void print_table(const bimatrix *game, FILE *out) {
    table t = {.game = game};
    size_t width = fm_terminal_columns(out), room = 0;
    bool hopeless = game->cols * CELL_LEAST / width * (game->rows + 2) > TABLE_LINES_MAX;
    bimatrix_stackelberg_pure(game, true, t.strong);
    bimatrix_stackelberg_pure(game, false, t.weak);
    for (int digits = 6; room < game->cols && digits >= 2 && !hopeless; digits -= 2)
        room = lay_out(&t, digits, width);
    if (room == 0 || (game->cols + room - 1) / room * (game->rows + 2) > TABLE_LINES_MAX) {
        fputs("(the table is too large to print)\n\n", out);
        return;
    }
    for (size_t first = 0; first < game->cols; first += room)
        print_block(&t, first, first + room < game->cols ? first + room : game->cols, out);
    program_print(out, "  N pure Nash equilibrium, S pure Stackelberg point (strong), W the same (weak)\n\n");
}

static void put_strategy(const char *const *labels, const double *x, size_t n, FILE *out) {
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] > 0)) continue;
        if (!first) fputc(' ', out);
        first = false;
        put_plain(labels[i], out);
        if (x[i] < 1) fprintf(out, ":%.4g", x[i]);
    }
}

#define STRATEGIES 48 /* the column at which they begin, */
#define NARROW 70     /* unless the terminal has fewer than these: then on a line of their own */

static void print_outcome(const bimatrix *game, const bimatrix_outcome *o, FILE *out) {
    char *words = NULL;
    size_t size, width = fm_terminal_columns(out), at = width < NARROW ? 4 : STRATEGIES;
    FILE *memory = fm_memory_open(&words, &size);
    put_strategy(game->label[0], o->strategy[0], game->rows, memory);
    fputs(" | ", memory);
    put_strategy(game->label[1], o->strategy[1], game->cols, memory);
    fm_memory_close(memory);
    int used =
        fprintf(out, "%-23s %10.6g %10.6g", bimatrix_concept_name(o->concept), o->value[0], o->value[1]);
    if (width < NARROW) used = fputc('\n', out) == EOF;
    fm_text_wrap(out, words, (size_t)used, at, width);
    free(words);
}

static void print_outcomes(const bimatrix *game, const bimatrix_solution *solution, FILE *out) {
    size_t equilibria = 0;
    if (solution->outcomes[0].concept != BIMATRIX_NASH) fputs("There is no pure Nash equilibrium.\n", out);
    fprintf(out, "%-23s %10s %10s   %s\n", "concept", "return 0", "return 1", "strategies");
    for (size_t i = 0; i < solution->n; i++) {
        const bimatrix_outcome *o = &solution->outcomes[i];
        if (o->concept == BIMATRIX_NASH && ++equilibria > NASH_SHOWN_MAX) continue;
        print_outcome(game, o, out);
    }
    if (equilibria > NASH_SHOWN_MAX)
        fprintf(out, "The first %d of %zu pure Nash equilibria are shown; --csv lists all.\n", NASH_SHOWN_MAX,
                equilibria);
    if (isnan(solution->cooperation))
        program_print(out,
                      "cooperation level: undefined, because a player's payoff is the same everywhere\n");
    else fprintf(out, "cooperation level: %.4f (1 common interest, -1 zero sum)\n", solution->cooperation);
}

static void print_for_people(const bimatrix *game, const bimatrix_solution *solution, FILE *out) {
    put_plain(game->title[0] != '\0' ? game->title : "(no title)", out);
    fprintf(out, ": %zu x %zu\nrows: ", game->rows, game->cols);
    put_plain(game->player[0][0] != '\0' ? game->player[0] : "player 1", out);
    fputs(" (leads, return 0)\ncolumns: ", out);
    put_plain(game->player[1][0] != '\0' ? game->player[1] : "player 2", out);
    fputs(" (follows, return 1)\n\n", out);
    print_table(game, out);
    print_outcomes(game, solution, out);
}

#define LIST_DOC 15 /* the column at which what a game is begins */

static void print_list(FILE *out) {
    for (size_t i = 0; i < BIMATRIX_GAMES_COUNT; i++) {
        const bimatrix_named *named = &BIMATRIX_GAMES[i];
        char words[512];
        snprintf(words, sizeof words, "%s %s", named->summary, named->source);
        fm_text_wrap(out, words, (size_t)fprintf(out, "%s", named->name), LIST_DOC, fm_terminal_reading(out));
        if (named->options[0].name) fm_options_help(named->options, NULL, FM_HELP_SETTINGS, out);
    }
    fm_text_wrap(out, "a symmetric 2 by 2 game in rounds, with memory [Gerstgrasser & Parkes 2023]",
                 (size_t)fprintf(out, "%s", ITERATED), LIST_DOC, fm_terminal_reading(out));
    fm_options_help(ITERATED_OPTIONS, NULL, FM_HELP_SETTINGS, out);
}

/* ---- the command line ---- */

/* The settings as one text, in the arena. */
static fm_status join_settings(const flags *given, fm_arena *arena, const char **settings, fm_error *err) {
    size_t size = 1;
    for (size_t i = 0; i < given->given_count; i++) size += strlen(given->given[i].value) + 1;
    char *text = fm_arena_array(arena, char, size);
    for (size_t i = 0; i < given->given_count; i++) {
        const char *setting = given->given[i].value;
        if (given->given[i].option) continue;
        if (setting[0] == '=' || !strchr(setting, '='))
            return fm_fail(err, "--set expects key=value, not '%s'", setting);
        if (strpbrk(setting, " \t\n")) return fm_fail(err, "--set %s: a setting has no spaces", setting);
        strcat(strcat(text, setting), " ");
    }
    *settings = text;
    return FM_OK;
}

static void warn_of_gap(double gap) {
    char most[64] = "is not known", text[256];
    if (!isinf(gap)) fm_text_format(most, sizeof most, "is at most %.2g", gap);
    fm_text_format(text, sizeof text,
                   "%s: warning: the payoffs differ too much in size to prove the mixed commitment the best; "
                   "how much better another might be %s\n",
                   program_name(), most);
    fflush(stdout);
    fm_text_lines(stderr, text, fm_terminal_reading(stderr));
}

static fm_status solve_iterated(const solve_config *config, const char *settings, fm_error *err) {
    iterated_config rules;
    fm_options_reset(ITERATED_OPTIONS, &rules);
    if (fm_options_apply(ITERATED_OPTIONS, &rules, settings, err) != FM_OK)
        return fm_fail_in(err, "game '%s': ", ITERATED);
    const iterated_game game = iterated_make(&rules);
    solve_iterated_print(&game, config->tables, config->csv, stdout);
    return FM_OK;
}

static fm_status solve_matrix(const solve_config *config, const char *name, const char *settings,
                              fm_arena *arena, fm_error *err) {
    bimatrix game;
    bimatrix_solution solution;
    if (config->tables)
        return fm_fail(err, "--tables: '%s' has no tables of commitments; only '%s' has", name, ITERATED);
    if (bimatrix_load(name, settings, arena, &game, err) != FM_OK) return FM_BAD;
    bimatrix_solve(&game, arena, &solution);
    (config->csv ? print_csv : print_for_people)(&game, &solution, stdout);
    if (solution.gap > 0) warn_of_gap(solution.gap);
    return FM_OK;
}

static fm_status solve(const solve_config *config, const flags *given, fm_error *err) {
    if (given->words_count == 0)
        return fm_fail(err, "which game? Give a .nfg file or a name; --list shows the names");
    if (given->words_count > 1)
        return fm_fail(err, "one game at a time: '%s' stands behind '%s'", given->words[1], given->words[0]);
    fm_arena arena = {0};
    const char *settings = NULL, *name = given->words[0];
    fm_status status = join_settings(given, &arena, &settings, err);
    if (status == FM_OK)
        status = fm_text_same_name(name, ITERATED) ? solve_iterated(config, settings, err)
                                                   : solve_matrix(config, name, settings, &arena, err);
    fm_arena_free(&arena);
    return status;
}

static fm_status run(const solve_config *config, const flags *given, fm_error *err) {
    if (config->help) {
        program_print(stdout, USAGE);
        flags_help(given, stdout);
        program_print(stdout, "\nexit status: 0 done, 2 wrong input\n");
    } else if (config->version) {
        printf("%s\n", run_version());
    } else if (config->list) {
        print_list(stdout);
    } else {
        return solve(config, given, err);
    }
    return FM_OK;
}

int main(int argc, char **argv) {
    solve_config config;
    fm_error err;
    flags given = {.options = OPTIONS, .config = &config, .texts = TEXTS, .word = "GAME"};
    program_begin(argc > 0 ? argv[0] : NULL, "solve");
    fm_status status = flags_parse(&given, argc - 1, argv + 1, &err);
    if (status == FM_OK) status = run(&config, &given, &err);
    if (status != FM_OK) program_fail(&err);
    flags_free(&given);
    return program_end((int)status);
}
