/* program.h: what a program calls itself and the others: whatever it was called itself.
 *
 * In the texts of programs "./train" stands for how train is called here: "firstmover-train" by who called
 * "firstmover-play", "build/bin/train" by who called "build/bin/play", "'my programs/train'" by who called
 * "my programs/play". The same holds for the others.
 *
 * Example (compiled by the tests):
 *
 *     #include <string.h>
 *     program_begin("/usr/local/bin/firstmover-play", "play");
 *     char *text = program_words("not there; ./train leaves such folders");
 *     if (strcmp(text, "not there; /usr/local/bin/firstmover-train leaves such folders") != 0) return 1;
 *     if (strcmp(program_name(), "firstmover-play") != 0) return 2;
 *     free(text);
 *     #include <stdlib.h>
 */
#ifndef TRAINING_PROGRAM_H
#define TRAINING_PROGRAM_H

#include <stdio.h>

#include "base/error.h"

/* At the beginning of `main`, with argv[0] (NULL: not known) and the program's plain name. Both live on. */
void program_begin(const char *called, const char *name);

/* What stands before its messages: how it was called, without folders. "firstmover" before program_begin. */
const char *program_name(void);

/* The text with the programs' names put in; malloc'ed. Aborts when memory is exhausted. A name counts when
 * neither letters nor quotes are next to it: '...' holds what a user wrote. */
char *program_words(const char *text);

/* Prints a text of lines as fm_text_lines does, as wide as a person can read, names put in. */
void program_print(FILE *out, const char *text);

/* Says what went wrong on stderr, after the program's name. Returns FM_BAD, the exit status that goes with
 * it. */
fm_status program_fail(const fm_error *err);

/* Ends a program: what could not be written to the standard output is an error like any other. Returns the
 * exit status: `status`, or FM_BAD. */
int program_end(int status);

#endif
