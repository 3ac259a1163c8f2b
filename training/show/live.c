/* live.c: see live.h. */
#include "training/show/live.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"
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

/* "step 24,000 of 60,000 (40 %)" or "3 of 10 trials, 35 %" */
static void put_place(const live_numbers *now, char *text) {
    char at[40], steps[40];
    int64_t whole = now->steps > 0 ? now->steps : 1, done = now->at < whole ? now->at : whole;
    int percent = (int)(100.0 * (double)done / (double)whole);
    if (now->trials == 1)
        snprintf(text, LIVE_TEXT_MAX, "step %s of %s (%d %%)", fm_text_grouped(now->at, at, sizeof at),
                 fm_text_grouped(now->steps, steps, sizeof steps), percent);
    else
        snprintf(text, LIVE_TEXT_MAX, "%lld of %lld trials, %d %%", (long long)now->trials_done,
                 (long long)now->trials, percent);
}

/* Appends what fits whole. */
static void add(char *text, size_t columns, const char *what) {
    size_t length = strlen(text);
    if (length + strlen(what) <= columns && length + strlen(what) < LIVE_TEXT_MAX) strcat(text, what);
}

char *live_text(const live_numbers *now, double seconds, size_t columns, char *text) {
    char part[LIVE_TEXT_MAX], number[40];
    double speed = seconds > 0 ? (double)now->done_now / seconds : 0;
    int n = 0;
    put_place(now, text);
    if (speed > 0) {
        double left = now->at < now->steps ? (double)(now->steps - now->at) / speed : 0;
        snprintf(part, sizeof part, ", %s left", live_duration(left, number, sizeof number));
        add(text, columns, part);
    }
    bool alone = now->value[1] == FM_ABSENT;
    for (int i = 0; i < LIVE_VALUES && now->value[i] != FM_ABSENT; i++)
        n += snprintf(part + n, sizeof part - (size_t)n, "%s%.4g",
                      i > 0 ? " " : alone ? ", return " : ", returns ", now->value[i]);
    if (n > 0) add(text, columns, part);
    snprintf(part, sizeof part, ", %s steps/s", fm_text_grouped((int64_t)speed, number, sizeof number));
    add(text, columns, part);
    return text;
}

/* On a terminal the last column stays free: a full line would push the next one down. */
void live_show(live *l, const live_numbers *numbers) {
    char line[LIVE_TEXT_MAX];
    double now = loop_clock();
    size_t columns = l->terminal ? fm_terminal_columns(stderr) - 1 : LIVE_TEXT_MAX;
    live_text(numbers, now - l->start, columns, line);
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
