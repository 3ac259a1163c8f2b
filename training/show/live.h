/* live.h: what a person sees while trials run: on a terminal one line that is written anew, otherwise a
 * line every ten seconds; always on stderr, so that stdout holds nothing but results.
 *
 *     step 24,000 of 60,000 (40 %), 0:03 left, returns 12.1 7.9, 11,206 steps/s
 *     3 of 10 trials, 35 %, 0:27 left, returns 12.1 7.9, 22,348 steps/s */
#ifndef TRAINING_LIVE_H
#define TRAINING_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

#define LIVE_VALUES 4 /* agents whose returns fit into a line */

typedef struct live_numbers {
    int64_t trials_done, trials;
    int64_t at, steps;         /* decisions of all trials: done (in earlier sessions too), and due */
    int64_t done_now;          /* since the run was started or resumed */
    double value[LIVE_VALUES]; /* current returns; FM_ABSENT: not known, or no such agent */
} live_numbers;

/* All zeros but for `program`, the name before the lines, is a silent one until live_begin. */
typedef struct live { const char *program; bool on, terminal, shown; double start, last; } live;

void live_begin(live *live, const char *program, bool quiet);

/* Whether it is time for live_show: not more often than a person can read. */
bool live_due(const live *live);
void live_show(live *live, const live_numbers *numbers);

/* What the line says after so many seconds, in at most `columns` columns: what does not fit is left out, the
 * speed first, and then the returns. Returns `text`, which has room for LIVE_TEXT_MAX bytes. */
#define LIVE_TEXT_MAX 256
char *live_text(const live_numbers *numbers, double seconds, size_t columns, char *text);

/* Takes the line off the terminal, before something else is printed. */
void live_clear(live *live);

/* "1:23:45", "2:03", "0:07". Returns text. */
char *live_duration(double seconds, char *text, size_t size);

#endif
