/* nfg.c: reading and writing Gambit's strategic-form files. */
#include "envs/games/nfg.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* A ratio of longer numbers than this, in digits, is computed from both divided by a power of ten. */
#define RATIO_DIGITS 300

typedef enum token_kind { END, TEXT, WORD, NUMBER, OPEN, CLOSE, COMMA, UNFINISHED } token_kind;

/* `at` is the first byte after the current token; the token's bytes are start .. start + size - 1 (for a TEXT
 * those between the quotes, escapes and all). */
typedef struct reader {
    const char *at, *end;
    const char *start;
    size_t size;
    token_kind kind;
    size_t line, next_line; /* of the current token's first byte, and of `at` */
    fm_arena *arena;
    fm_error *err;
} reader;

/* ---- tokens ---- */

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_word(char c) {
    return !is_space(c) && c != '{' && c != '}' && c != ',' && c != '"' && c != '\0';
}

static token_kind read_text(reader *r) {
    r->start = ++r->at;
    while (r->at < r->end && *r->at != '"' && *r->at != '\0') {
        if (*r->at == '\\' && r->end - r->at > 1 && (r->at[1] == '"' || r->at[1] == '\\')) r->at++;
        if (*r->at == '\n') r->next_line++;
        r->at++;
    }
    r->size = (size_t)(r->at - r->start);
    if (r->at == r->end || *r->at == '\0') return UNFINISHED;
    r->at++;
    return TEXT;
}

static bool is_one_of(char c, const char *choice) { return c != '\0' && strchr(choice, c); }

/* Goes on behind the current byte if that is one of `choice`. */
static bool skip_one_of(reader *r, const char *choice) {
    if (r->at == r->end || !is_one_of(*r->at, choice)) return false;
    r->at++;
    return true;
}

static void skip_digits(reader *r) {
    while (r->at < r->end && is_digit(*r->at)) r->at++;
}

/* [+-] digits, then / digits or [. digits] [e [+-] digits]; whatever cannot go on so begins the next token,
 * as Gambit reads it: "20-40" are two numbers. Missing digits are found when the value is wanted. */
static token_kind read_number(reader *r) {
    skip_one_of(r, "+-");
    skip_digits(r);
    if (skip_one_of(r, "/")) {
        skip_digits(r);
    } else {
        if (skip_one_of(r, ".")) skip_digits(r);
        if (skip_one_of(r, "eE")) {
            skip_one_of(r, "+-");
            skip_digits(r);
        }
    }
    return NUMBER;
}

/* A zero byte is a word of its own, which nothing expects. */
static token_kind read_word(reader *r) {
    r->at++;
    while (r->at < r->end && is_word(*r->at)) r->at++;
    return WORD;
}

static void next(reader *r) {
    while (r->at < r->end && is_space(*r->at)) r->next_line += *r->at++ == '\n';
    r->line = r->next_line;
    r->start = r->at;
    r->size = 0;
    if (r->at == r->end) { r->kind = END; return; }
    switch (*r->at) {
    case '{': r->kind = OPEN; break;
    case '}': r->kind = CLOSE; break;
    case ',': r->kind = COMMA; break;
    case '"': r->kind = read_text(r); return;
    default:
        r->kind = is_digit(*r->at) || is_one_of(*r->at, "+-.") ? read_number(r) : read_word(r);
        r->size = (size_t)(r->at - r->start);
        return;
    }
    r->at++;
    r->size = 1;
}

/* "line 3: expected ..., found ...". The excerpt is short and printable. */
static fm_status expected(const reader *r, const char *what) {
    char excerpt[44];
    size_t n = 0;
    for (; n < r->size && n < 40; n++) {
        const unsigned char c = (unsigned char)r->start[n];
        excerpt[n] = c < 32 || c == 127 ? '?' : (char)c;
    }
    excerpt[n] = '\0';
    const char *more = r->size > n ? "..." : "";
    switch (r->kind) {
    case END: return fm_fail(r->err, "line %zu: expected %s, found the end of the file", r->line, what);
    case UNFINISHED:
        return fm_fail(r->err, "line %zu: the text that starts here has no closing quote", r->line);
    case TEXT: return fm_fail(r->err, "line %zu: expected %s, found \"%s%s\"", r->line, what, excerpt, more);
    default: return fm_fail(r->err, "line %zu: expected %s, found '%s%s'", r->line, what, excerpt, more);
    }
}

static bool is(const reader *r, const char *word) {
    return (r->kind == WORD || r->kind == NUMBER) && r->size == strlen(word) &&
           memcmp(r->start, word, r->size) == 0;
}

static fm_status take(reader *r, token_kind kind, const char *what) {
    if (r->kind != kind) return expected(r, what);
    next(r);
    return FM_OK;
}

/* The current TEXT without its escapes, owned by the arena. Control characters become visible, so that a file
 * cannot give orders to the terminal that shows its names. */
static const char *text_of(const reader *r) {
    char *plain = fm_arena_array(r->arena, char, r->size + 1), *to = plain;
    for (size_t i = 0; i < r->size; i++) {
        if (r->start[i] == '\\' && i + 1 < r->size && (r->start[i + 1] == '"' || r->start[i + 1] == '\\'))
            i++;
        *to++ = r->start[i];
    }
    *to = '\0';
    size_t size = 4 * r->size + 1;
    return fm_text_visible(plain, fm_arena_array(r->arena, char, size), size);
}

/* ---- numbers ---- */

/* The number that `size` characters write, times 10^-shift. */
static bool to_real(const char *text, size_t size, size_t shift, double *value) {
    char copy[FM_TEXT_NUMBER_MAX + 1];
    if (shift > 0) fm_text_format(copy, sizeof copy, "%.*se-%zu", (int)size, text, shift);
    else fm_text_format(copy, sizeof copy, "%.*s", (int)size, text);
    return fm_text_to_real(copy, value);
}

/* A decimal or a ratio of two whole numbers, then on to the next token. Minus zero becomes zero, so that it
 * prints as people expect. */
static fm_status take_number(reader *r, double *value, const char *what) {
    if (r->kind != NUMBER) return expected(r, what);
    const char *slash = memchr(r->start, '/', r->size);
    const size_t above = slash ? (size_t)(slash - r->start) : r->size;
    const size_t below = slash ? r->size - above - 1 : 0;
    const size_t longer = above > below ? above : below;
    const size_t shift = slash && longer > RATIO_DIGITS ? longer : 0;
    double numerator = 0, denominator = 1;
    if (longer > NFG_NUMBER_MAX) return expected(r, "a number that is not so long");
    if (!to_real(r->start, above, shift, &numerator)) return expected(r, what);
    if (slash && !to_real(slash + 1, below, shift, &denominator)) return expected(r, what);
    if (denominator == 0 && shift == 0) return expected(r, "a ratio with a denominator other than zero");
    const double ratio = numerator / denominator;
    if (!isfinite(ratio)) return expected(r, what);
    *value = ratio + 0.0;
    next(r);
    return FM_OK;
}

/* A whole number 0 .. most, as size_t. */
static fm_status take_count(reader *r, size_t most, size_t *count, const char *what) {
    if (r->kind != NUMBER || r->size > 18) return expected(r, what);
    size_t n = 0;
    for (size_t i = 0; i < r->size; i++) {
        if (!is_digit(r->start[i])) return expected(r, what);
        n = n * 10 + (size_t)(r->start[i] - '0');
        if (n > most) return expected(r, what);
    }
    *count = n;
    next(r);
    return FM_OK;
}

/* ---- the parts of a file ---- */

static fm_status read_header(reader *r, const char **title) {
    next(r);
    if (!is(r, "NFG")) return expected(r, "a strategic-form game, which starts with NFG 1 R");
    next(r);
    if (!is(r, "1")) return expected(r, "format version 1");
    next(r);
    if (!is(r, "R") && !is(r, "D")) return expected(r, "the number type R or D");
    next(r);
    if (r->kind != TEXT) return expected(r, "the title in quotes");
    *title = text_of(r);
    next(r);
    return FM_OK;
}

static fm_status read_players(reader *r, const char *player[2]) {
    const size_t line = r->line;
    if (take(r, OPEN, "{ and the names of two players in quotes") != FM_OK) return FM_BAD;
    size_t n = 0;
    for (; r->kind == TEXT; n++) {
        if (n < 2) player[n] = text_of(r);
        next(r);
    }
    if (take(r, CLOSE, "the name of a player in quotes, or }") != FM_OK) return FM_BAD;
    if (n != 2) return fm_fail(r->err, "line %zu: expected a game of 2 players, found %zu", line, n);
    return FM_OK;
}

static fm_status check_actions(const reader *r, size_t line, int player, size_t n) {
    if (n == 0)
        return fm_fail(r->err, "line %zu: player %d has no actions; expected at least one", line, player + 1);
    if (n > BIMATRIX_MAX_ACTIONS)
        return fm_fail(r->err, "line %zu: player %d has more than %d actions, the most that can be read",
                       line, player + 1, BIMATRIX_MAX_ACTIONS);
    return FM_OK;
}

/* One list of labels; *labels grows in the arena by doubling. */
static fm_status read_labels(reader *r, int player, const char ***labels, size_t *count) {
    const size_t line = r->line;
    size_t n = 0, room = 16;
    const char **list = fm_arena_array(r->arena, const char *, room);
    if (take(r, OPEN, "{ and the action labels of a player") != FM_OK) return FM_BAD;
    for (; r->kind == TEXT && n <= BIMATRIX_MAX_ACTIONS; next(r)) {
        if (n == room) {
            const char **larger = fm_arena_array(r->arena, const char *, 2 * room);
            memcpy(larger, list, n * sizeof *list);
            list = larger;
            room *= 2;
        }
        list[n++] = text_of(r);
    }
    *labels = list;
    *count = n;
    if (n == 0 && r->kind != CLOSE) return expected(r, "an action label in quotes");
    if (check_actions(r, line, player, n) != FM_OK) return FM_BAD;
    return take(r, CLOSE, "an action label in quotes, or }");
}

/* Both players' actions, as counts (labels stay NULL) or as lists of labels. */
static fm_status read_actions(reader *r, const char **labels[2], size_t n[2]) {
    if (take(r, OPEN, "{ and the actions of both players") != FM_OK) return FM_BAD;
    const bool labelled = r->kind == OPEN;
    for (int i = 0; i < 2; i++) {
        const size_t line = r->line;
        if (labelled) {
            if (read_labels(r, i, &labels[i], &n[i]) != FM_OK) return FM_BAD;
        } else {
            if (take_count(r, SIZE_MAX / 16, &n[i], "the number of actions of a player") != FM_OK)
                return FM_BAD;
            if (check_actions(r, line, i, n[i]) != FM_OK) return FM_BAD;
        }
    }
    if (r->kind != CLOSE) return expected(r, "} after the actions of 2 players");
    if (n[0] * n[1] > BIMATRIX_MAX_CELLS)
        return fm_fail(r->err, "line %zu: the game has %zu x %zu cells; expected at most %zu", r->line, n[0],
                       n[1], BIMATRIX_MAX_CELLS);
    next(r);
    return FM_OK;
}

static const char PAYOFF[] = "a payoff (a finite number such as 2, -1.5, 1e3 or 1/3)";

/* "cell 4 of 9" tells more than the line when all payoffs stand on one. */
static fm_status at_cell(const reader *r, size_t cell, size_t cells, const char *what) {
    char text[160];
    fm_text_format(text, sizeof text, "%s for cell %zu of %zu", what, cell + 1, cells);
    return expected(r, text);
}

static fm_status read_payoffs(reader *r, bimatrix *game) {
    const size_t cells = game->rows * game->cols;
    for (size_t k = 0; k < cells; k++) {
        const size_t at = k % game->rows * game->cols + k / game->rows;
        for (int i = 0; i < 2; i++) {
            if (r->kind != NUMBER) return at_cell(r, k, cells, PAYOFF);
            if (take_number(r, &game->payoff[i][at], PAYOFF) != FM_OK) return FM_BAD;
        }
    }
    return FM_OK;
}

typedef struct outcome { double payoff[2]; } outcome;

/* { "name" 1, 2 } ..., numbered from 1; number 0 is zero for both. */
static fm_status read_outcomes(reader *r, outcome **outcomes, size_t *count) {
    size_t n = 1, room = 64;
    outcome *list = fm_arena_array(r->arena, outcome, room);
    if (take(r, OPEN, "{ and the outcomes") != FM_OK) return FM_BAD;
    while (r->kind == OPEN) {
        if (n == room) {
            outcome *larger = fm_arena_array(r->arena, outcome, 2 * room);
            memcpy(larger, list, n * sizeof *list);
            list = larger;
            room *= 2;
        }
        next(r);
        if (take(r, TEXT, "the name of an outcome in quotes") != FM_OK) return FM_BAD;
        for (int i = 0; i < 2; i++) {
            if (take_number(r, &list[n].payoff[i], PAYOFF) != FM_OK) return FM_BAD;
            if (r->kind == COMMA) next(r);
        }
        if (take(r, CLOSE, "} after the two payoffs of an outcome") != FM_OK) return FM_BAD;
        n++;
    }
    if (take(r, CLOSE, "{ and the next outcome, or }") != FM_OK) return FM_BAD;
    *outcomes = list;
    *count = n;
    return FM_OK;
}

static fm_status read_cells(reader *r, bimatrix *game) {
    outcome *outcomes;
    size_t count = 0, index = 0;
    char what[64];
    const size_t cells = game->rows * game->cols;
    if (read_outcomes(r, &outcomes, &count) != FM_OK) return FM_BAD;
    fm_text_format(what, sizeof what, "an outcome number from 0 to %zu", count - 1);
    for (size_t k = 0; k < cells; k++) {
        const size_t at = k % game->rows * game->cols + k / game->rows;
        if (r->kind != NUMBER) return at_cell(r, k, cells, what);
        if (take_count(r, count - 1, &index, what) != FM_OK) return FM_BAD;
        for (int i = 0; i < 2; i++) game->payoff[i][at] = outcomes[index].payoff[i];
    }
    return FM_OK;
}

static fm_status read_game(reader *r, bimatrix *game) {
    const char *title = NULL, *player[2] = {NULL, NULL}, **labels[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    if (read_header(r, &title) != FM_OK || read_players(r, player) != FM_OK) return FM_BAD;
    if (read_actions(r, labels, n) != FM_OK) return FM_BAD;
    if (r->kind == TEXT) next(r); /* the comment */
    bimatrix_make(game, n[0], n[1], title, r->arena);
    for (int i = 0; i < 2; i++) {
        game->player[i] = player[i];
        if (labels[i]) memcpy(game->label[i], labels[i], n[i] * sizeof *labels[i]);
    }
    bimatrix_make_labels_distinct(game, r->arena);
    const fm_status status = r->kind == OPEN ? read_cells(r, game) : read_payoffs(r, game);
    if (status != FM_OK) return status;
    return r->kind == END ? FM_OK : expected(r, "the end of the file after the last cell");
}

fm_status nfg_parse(const char *text, size_t length, fm_arena *arena, bimatrix *game, fm_error *err) {
    const fm_mark mark = fm_arena_mark(arena);
    reader r = {.at = text, .end = text + length, .next_line = 1, .arena = arena, .err = err};
    /* Some editors put a byte-order mark before the text. */
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) r.at += 3;
    const fm_status status = read_game(&r, game);
    if (status != FM_OK) fm_arena_reset(arena, mark);
    return status;
}

fm_status nfg_read(const char *path, fm_arena *arena, bimatrix *game, fm_error *err) {
    char *text;
    size_t length;
    if (fm_file_read(path, &text, &length, err) != FM_OK) return FM_BAD;
    fm_status status = nfg_parse(text, length, arena, game, err);
    if (status != FM_OK) status = fm_fail_in(err, "%s: ", path);
    free(text);
    return status;
}

/* ---- writing ---- */

static void write_text(const char *text, FILE *out) {
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void nfg_write(const bimatrix *game, FILE *out) {
    const size_t n[2] = {game->rows, game->cols};
    char number[64];
    fputs("NFG 1 R ", out);
    write_text(game->title, out);
    fputs(" { ", out);
    for (int i = 0; i < 2; i++) {
        write_text(game->player[i], out);
        fputc(' ', out);
    }
    fputs("}\n\n{", out);
    for (int i = 0; i < 2; i++) {
        fputs(i == 0 ? " {" : "\n  {", out);
        for (size_t a = 0; a < n[i]; a++) {
            fputc(' ', out);
            write_text(game->label[i][a], out);
        }
        fputs(" }", out);
    }
    fputs(" }\n\"\"\n\n", out);
    for (size_t c = 0; c < game->cols; c++)
        for (size_t r = 0; r < game->rows; r++)
            for (int i = 0; i < 2; i++) {
                fputs(fm_text_from_real(game->payoff[i][r * game->cols + c], number, sizeof number), out);
                fputs(i == 0 ? " " : r + 1 < game->rows ? "  " : "\n", out);
            }
}

fm_status nfg_save(const bimatrix *game, const char *path, fm_error *err) {
    fm_writer writer;
    if (fm_writer_begin(&writer, path, err) != FM_OK) return FM_BAD;
    nfg_write(game, writer.file);
    return fm_writer_commit(&writer, err);
}
