/* text.h: reading numbers strictly, and finding the name that a person probably meant.
 *
 * Example (compiled by the tests):
 *
 *     const char *const names[] = {"batch", "epsilon"};
 *     int64_t steps = 0;
 *     if (!fm_text_to_int("20k", &steps) || steps != 20000) return 1;
 *     if (fm_text_nearest("bacth", names, 2) != names[0]) return 1;
 */
#ifndef FM_TEXT_H
#define FM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* The candidate nearest to `name` by edit distance (case ignored), or NULL when none is near enough to be a
 * likely slip. `candidates` has n entries; NULL entries are passed over. The result is borrowed from the
 * array. */
const char *fm_text_nearest(const char *name, const char *const *candidates, size_t n);

/* Whether two names are the same, - and _ being one letter: "bilevel-q" is "bilevel_q". */
bool fm_text_same_name(const char *a, const char *b);

/* The longest number that is read, in characters; the longest exact decimal of a double has 1077. */
#define FM_TEXT_NUMBER_MAX 1100

/* Reads the whole text as a finite number; no trailing characters, no nan, no inf, no overflow (1e400 is an
 * error). On error returns false and leaves *value alone. Locale-independent. */
bool fm_text_to_real(const char *text, double *value);

/* Reads a whole number; 1e5, 20k, 3M count when they are whole. */
bool fm_text_to_int(const char *text, int64_t *value);

/* The shortest decimal that reads back to the same double ("0.1", "1e-07", "20"). Returns `text`. */
char *fm_text_from_real(double value, char *text, size_t size);

/* "1,234,567". Returns `text`. */
char *fm_text_grouped(int64_t value, char *text, size_t size);

/* Columns that a text takes: one for each character of UTF-8. */
size_t fm_text_columns(const char *text);

/* Prints words that follow a margin of `at` columns, which the caller has printed up to `used`, and go on in
 * lines of at most `width` columns beneath each other; a longer word is broken behind a '|', or has a line of
 * its own. Ends the line. */
void fm_text_wrap(FILE *out, const char *words, size_t used, size_t at, size_t width);

/* Prints a text of lines, each wrapped beneath its own beginning: behind its indentation or, where two or
 * more blanks stand inside it, behind the first of those, as in a table of names and what they mean. */
void fm_text_lines(FILE *out, const char *text, size_t width);

/* A word as a shell reads it back: between quotes where it has characters that mean something there. Cut to
 * fit. Returns `text`. */
char *fm_text_quoted(const char *word, char *text, size_t size);

/* snprintf that aborts, naming the text, instead of cutting it: for names whose size the caller has
 * ensured. */
void fm_text_format(char *text, size_t size, const char *format, ...) FM_PRINTF(3, 4);

/* A copy whose control characters but newlines and tabs, C1 in UTF-8 included, are written as \x1b, cut to
 * fit. Returns `to`. */
char *fm_text_visible(const char *from, char *to, size_t size);

#endif
