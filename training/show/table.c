/* table.c: see table.h. */
#include "training/show/table.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define GAP 2        /* blanks between columns */
#define FIRST_LEAST 8 /* columns that the first one keeps */
#define COLUMNS_MAX 16

void table_begin(table *t, const table_column *columns, size_t n) {
    FM_CHECK(n >= 1 && n <= COLUMNS_MAX, "table: %zu columns", n);
    *t = (table){.columns = columns, .n = n};
}

void table_add(table *t, const char *cell) {
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        const char **cells = fm_arena_array(&t->arena, const char *, room);
        if (t->count > 0) memcpy(cells, t->cells, t->count * sizeof *cells);
        t->cells = cells;
        t->room = room;
    }
    t->cells[t->count++] = fm_arena_text(&t->arena, cell);
}

#define TITLE_BYTES (4 * TABLE_TITLE + 1)

/* The title as it is shown. */
static const char *title_of(const table_column *column, char *text) {
    size_t length = 0, columns = 0;
    if (column->left) return column->title;
    for (const char *c = column->title; *c && length + 1 < TITLE_BYTES; c++, length++) {
        columns += ((unsigned char)*c & 0xC0) != 0x80;
        if (columns > TABLE_TITLE) break;
        text[length] = *c;
    }
    text[length] = '\0';
    return text;
}

/* The columns that column c takes: 0 when its cells are all empty. */
static size_t width_of(const table *t, size_t c) {
    size_t most = 0;
    for (size_t at = c; at < t->count; at += t->n) {
        size_t width = fm_text_columns(t->cells[at]);
        if (width > most) most = width;
    }
    if (most == 0) return 0;
    char text[TITLE_BYTES];
    size_t title = fm_text_columns(title_of(&t->columns[c], text));
    return title > most ? title : most;
}

static size_t total(const table *t, const size_t *width) {
    size_t sum = 0;
    for (size_t c = 0; c < t->n; c++) sum += width[c] ? width[c] + (sum ? GAP : 0) : 0;
    return sum;
}

/* Leaves out what has no room, and then narrows the first column. */
static void fit(const table *t, size_t *width, size_t most) {
    int rank = 0;
    for (size_t c = 0; c < t->n; c++)
        if (t->columns[c].rank > rank) rank = t->columns[c].rank;
    for (; rank > 0 && total(t, width) > most; rank--)
        for (size_t c = t->n; c-- > 0 && total(t, width) > most;)
            if (t->columns[c].rank == rank) width[c] = 0;
    size_t needed = total(t, width), over = needed > most ? needed - most : 0;
    if (over > 0 && width[0] > FIRST_LEAST)
        width[0] = width[0] > over + FIRST_LEAST ? width[0] - over : FIRST_LEAST;
}

/* `line`: the cells of a row, or NULL for the titles. Blanks are put only before something. */
static void put_line(const table *t, const size_t *width, const char *const *line, FILE *out) {
    size_t blanks = 0;
    for (size_t c = 0; c < t->n; c++) {
        char title[TITLE_BYTES];
        bool left = t->columns[c].left;
        const char *text = line ? line[c] : title_of(&t->columns[c], title);
        size_t columns = fm_text_columns(text);
        if (width[c] == 0) continue;
        if (c == 0 && columns > width[c]) {
            fprintf(out, "%s\n", text);
            columns = 0;
        }
        size_t pad = width[c] > columns ? width[c] - columns : 0;
        if (columns > 0) fprintf(out, "%*s%s", (int)(blanks + (left ? 0 : pad)), "", text);
        blanks = columns == 0 ? blanks + width[c] : left ? pad : 0;
        blanks += GAP;
    }
    fputc('\n', out);
}

void table_end(table *t, FILE *out, size_t most) {
    size_t width[COLUMNS_MAX];
    FM_CHECK(t->count % t->n == 0, "table: %zu cells in rows of %zu", t->count, t->n);
    for (size_t c = 0; c < t->n; c++) width[c] = width_of(t, c);
    fit(t, width, most);
    put_line(t, width, NULL, out);
    for (size_t row = 0; row < t->count; row += t->n) put_line(t, width, t->cells + row, out);
    fm_arena_free(&t->arena);
}
