/* terminal.h: how wide a text for a person may be.
 *
 * Example (compiled by the tests):
 *
 *     #include "base/text.h"
 *     fm_text_wrap(stdout, "words of any length", 0, 0, fm_terminal_reading(stdout));
 */
#ifndef FM_TERMINAL_H
#define FM_TERMINAL_H

#include <stddef.h>
#include <stdio.h>

#define FM_TERMINAL_LEAST 40 /* narrower ones are taken to be this wide */

/* Columns of what the stream leads to: the number in COLUMNS when the environment has one, else those of the
 * terminal, else (a file, a pipe) 80. */
size_t fm_terminal_columns(FILE *stream);

/* The same, but no more than a person likes to read prose in. */
size_t fm_terminal_reading(FILE *stream);

#endif
