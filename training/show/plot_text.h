/* plot_text.h: what a figure must know of a text before anybody draws it: how wide it will be and where it
 * wraps; and how gnuplot's language spells it.
 *
 * Example (compiled by the tests):
 *     char text[PLOT_TEXT_MAX];
 *     if (plot_text_wrap("two words", 12, 60, text) != 2) return 1;
 *     if (strcmp(text, "two\nwords") != 0 || plot_text_width(text, 12) > 60) return 2;
 *     #include <string.h>
 */
#ifndef TRAINING_PLOT_TEXT_H
#define TRAINING_PLOT_TEXT_H

#include <stddef.h>
#include <stdio.h>

#define PLOT_TEXT_MAX 480

/* Pixels of the widest line of an UTF-8 text in a sans-serif font of that size; of the fonts in use, the
 * widest (DejaVu Sans) decides. */
double plot_text_width(const char *text, double size);

/* Breaks a text into lines of at most `width` pixels: between words, or within one that is wider. Controls
 * become spaces and bytes that are no UTF-8 become '?', so that the result can stand in a drawing; what does
 * not fit into `wrapped` is cut off behind "...". Returns the number of lines: 0 for NULL or "". */
size_t plot_text_wrap(const char *text, double size, double width, char wrapped[PLOT_TEXT_MAX]);

/* Writes a text, line breaks included, as an expression of gnuplot in which no character is special. */
void plot_text_put(FILE *out, const char *text);

#endif
