/* live.h: what a person sees while trials run: on a terminal one line that is written anew, otherwise a
 * line every ten seconds; always on stderr, so that stdout holds nothing but results. */
#ifndef TRAINING_LIVE_H
#define TRAINING_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

#define LIVE_VALUES 4 /* agents whose returns fit into a line */

typedef struct live_numbers {
    int64_t trials_done, trials;
    int64_t steps_done, steps; /* since the run was started or resumed */
    double value[LIVE_VALUES]; /* current returns; FM_ABSENT: not known, or no such agent */
} live_numbers;

/* All zeros but for `program`, the name before the lines, is a silent one until live_begin. */
typedef struct live { const char *program; bool on, terminal, shown; double start, last; } live;

void live_begin(live *live, const char *program, bool quiet);

/* Whether it is time for live_show: not more often than a person can read. */
bool live_due(const live *live);
void live_show(live *live, const live_numbers *numbers);

/* Takes the line off the terminal, before something else is printed. */
void live_clear(live *live);

/* "1:23:45", "2:03", "0:07". Returns text. */
char *live_duration(double seconds, char *text, size_t size);

#endif
