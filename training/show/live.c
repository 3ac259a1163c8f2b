/* live.c: see live.h. */
#include "training/show/live.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "training/loop.h"

#define TERMINAL_SECONDS 0.2
#define PLAIN_SECONDS 10.0

void live_begin(live *l, const char *program, bool quiet) {
    *l = (live){.program = program, .on = !quiet, .terminal = isatty(STDERR_FILENO), .start = loop_clock()};
    l->last = l->start;
}

bool live_due(const live *l) {
    return l->on && loop_clock() - l->last >= (l->terminal ? TERMINAL_SECONDS : PLAIN_SECONDS);
}

char *live_duration(double seconds, char *text, size_t size) {
    if (!(seconds < 3.6e8)) seconds = 3.6e8;
    long long s = (long long)(seconds + 0.5);
    if (s >= 3600) snprintf(text, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(text, size, "%lld:%02lld", s / 60, s % 60);
    return text;
}

void live_show(live *l, const live_numbers *numbers) {
    char line[256], rate[40], left[40];
    double now = loop_clock(), elapsed = now - l->start;
    double speed = elapsed > 0 ? (double)numbers->steps_done / elapsed : 0;
    int n = snprintf(line, sizeof line, "%lld of %lld trials, %s steps/s", (long long)numbers->trials_done,
                     (long long)numbers->trials, fm_text_grouped((int64_t)speed, rate, sizeof rate));
    if (speed > 0)
        n += snprintf(
            line + n, sizeof line - (size_t)n, ", %s left",
            live_duration((double)(numbers->steps - numbers->steps_done) / speed, left, sizeof left));
    bool alone = numbers->value[1] == FM_ABSENT;
    for (int i = 0; i < LIVE_VALUES && numbers->value[i] != FM_ABSENT; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, "%s%.4g",
                      i > 0 ? " " : alone ? ", return " : ", returns ", numbers->value[i]);
    if (l->terminal) fprintf(stderr, "\r%s\033[K", line);
    else fprintf(stderr, "%s: %s\n", l->program, line);
    fflush(stderr);
    l->shown = true;
    l->last = now;
}

void live_clear(live *l) {
    if (l->terminal && l->shown) fprintf(stderr, "\r\033[K");
    l->shown = false;
}
