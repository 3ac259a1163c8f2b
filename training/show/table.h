/* table.h: a table for a person, no wider than the terminal.
 *
 * Example (compiled by the tests):
 *
 *     static const table_column COLUMNS[] = {{"agent", true, 0}, {"return", false, 0}, {"gap", false, 1}};
 *     table t;
 *     table_begin(&t, COLUMNS, 3);
 *     table_add(&t, "leader"), table_add(&t, "18"), table_add(&t, "0.5");
 *     table_add(&t, "follower"), table_add(&t, "9"), table_add(&t, "");
 *     table_end(&t, stdout, 80);
 */
#ifndef TRAINING_TABLE_H
#define TRAINING_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

/* `title` is cut to TABLE_TITLE columns unless `left`, which is how the cells are set. `rank` 0 is always
 * shown; where there is no room the columns of the highest rank are left out first. */
typedef struct table_column { const char *title; bool left; int rank; } table_column;

#define TABLE_TITLE 14

typedef struct table {
    const table_column *columns; /* borrowed, titles included */
    size_t n;
    const char **cells; /* row by row; in the arena, as are the texts */
    size_t count, room;
    fm_arena arena;
} table;

void table_begin(table *t, const table_column *columns, size_t n);

/* The next cell, row by row. Copies the text. */
void table_add(table *t, const char *cell);

/* Prints the table in at most `width` columns and frees it. A column whose cells are all empty is left out. A
 * cell of the first column that is still too wide stands on a line of its own. */
void table_end(table *t, FILE *out, size_t width);

#endif
