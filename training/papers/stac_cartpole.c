/* stac_cartpole.c: AC and STAC on CartPole [Zheng 2022, Fig. 3], with the controls that the paper lacks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stb_ds.h"
#include "training/papers/item.h"

#define EPOCH 4000 /* decisions; an update after each */

/* CartPole-v0, whose limit the program takes for an end like any other. */
#define WORLD "limit=200 timeout_terminal=true "

typedef struct variant {
    const char *row, *algo, *settings;
} variant;

enum {
    AC,
    STAC,
    TWICE,
    LENGTH,
    DROPPED,
    PROPOSITION,
    RAW,
    AC_80,
    STAC_80,
    TWICE_80,
    GUARDED_80,
    VARIANT_COUNT
};

/* All with the preset "published". */
static const variant VARIANTS[VARIANT_COUNT] = {
    [AC] = {"AC m=1", "ac", WORLD},
    [STAC] = {"STAC m=1", "stac", WORLD},
    [TWICE] = {"AC m=1, 2 x actor_lr", "ac", WORLD "actor_lr=0.2"},
    [LENGTH] = {"STAC m=1, length only", "stac", WORLD "implicit=length"},
    [DROPPED] = {"STAC m=1, Mx = 0", "stac", WORLD "implicit=none"},
    [PROPOSITION] = {"STAC m=1, Prop. 1", "stac", WORLD "form=trajectory indefinite=no guard=4"},
    [RAW] = {"STAC m=1, Prop. 1 raw", "stac", WORLD "form=raw indefinite=no"},
    [AC_80] = {"AC m=80", "ac", WORLD "vf_iters=80"},
    [STAC_80] = {"STAC m=80", "stac", WORLD "vf_iters=80"},
    [TWICE_80] = {"AC m=80, 2 x actor_lr", "ac", WORLD "vf_iters=80 actor_lr=0.2"},
    [GUARDED_80] = {"STAC m=80, guarded", "stac", WORLD "vf_iters=80 indefinite=no guard=4"},
};

/* ---- what is watched: the mean return of the episodes that ended in each epoch ---- */

enum { STEP, RETURN, WATCHED };

/* `user` holds the number of episodes until the last look. */
static void look(void *user, const loop *l, double *numbers) {
    int64_t *before = user, now = l->counters.episodes;
    if (l->counters.step == 0) *before = 0;
    double sum = 0;
    FM_CHECK(now - *before <= l->setup.window, "an epoch of more episodes than the window holds");
    for (int64_t k = *before; k < now; k++) sum += l->ring_return[k % l->setup.window];
    numbers[STEP] = (double)l->counters.step;
    numbers[RETURN] = now > *before ? sum / (double)(now - *before) : (double)NAN;
    *before = now;
}

/* Epochs that every trial has; row 0 is that before the first. */
static size_t epochs_of(const reproduce_trained *done) {
    size_t least = SIZE_MAX;
    for (int64_t k = 0; k < done->all.n; k++) {
        size_t rows = arrlenu(done->all.watched[k].numbers) / WATCHED;
        if (done->all.results[k].status == TRIAL_OK && rows > 0 && rows - 1 < least) least = rows - 1;
    }
    return least == SIZE_MAX ? 0 : least;
}

static double return_of(const reproduce_trained *done, int64_t trial, size_t epoch) {
    return done->all.watched[trial].numbers[(epoch + 1) * WATCHED + RETURN];
}

/* ---- rows ---- */

/* Of each trial: the mean over the epochs, the last one, and the first epoch with 195 or more. */
typedef struct summary {
    double area, last, reached;
} summary;

static summary summary_of(const reproduce_trained *done, int64_t trial, size_t epochs) {
    summary s = {.reached = (double)NAN};
    size_t counted = 0;
    for (size_t e = 0; e < epochs; e++) {
        double value = return_of(done, trial, e);
        if (isnan(value)) continue;
        s.area += value, counted++;
        s.last = value;
        if (value >= 195 && isnan(s.reached)) s.reached = (double)(e + 1);
    }
    s.area /= (double)counted;
    return s;
}

/* Returns the area, and fills a curve of means and intervals [epochs][3]. */
static stats_interval put_variant(reproduce *r, const char *row, const reproduce_trained *done,
                                  size_t epochs) {
    size_t n = (size_t)done->all.n, ok = 0, reached = 0;
    double *area = calloc(3 * n, sizeof *area), *last = area + n, *first = last + n;
    FM_CHECK(area != NULL, "out of memory");
    for (int64_t k = 0; k < done->all.n; k++) {
        if (done->all.results[k].status != TRIAL_OK) continue;
        summary s = summary_of(done, k, epochs);
        area[ok] = s.area, last[ok++] = s.last;
        if (!isnan(s.reached)) first[reached++] = s.reached;
    }
    stats_interval mean = stats_mean(area, ok);
    reproduce_put(r, row, "area", (double)NAN, mean, done->ok);
    reproduce_put(r, row, "area, deviation over seeds", (double)NAN,
                  reproduce_number(stats_deviation(area, ok)), done->ok);
    reproduce_put(r, row, "last epoch", (double)NAN, stats_mean(last, ok), done->ok);
    reproduce_put(r, row, "seeds that reach 195 %", (double)NAN, reproduce_percent(stats_share(reached, ok)),
                  done->ok);
    reproduce_put(r, row, "first epoch with 195, of those", (double)NAN, stats_mean(first, reached),
                  (int64_t)reached);
    free(area);
    return mean;
}

/* ---- the figure ---- */

#define WIDTH (1 + 3 * VARIANT_COUNT)

static void fill_curve(const reproduce_trained *done, size_t v, size_t epochs, double *numbers) {
    double *x = calloc((size_t)done->all.n, sizeof *x);
    FM_CHECK(x != NULL, "out of memory");
    for (size_t e = 0; e < epochs; e++) {
        double *at = numbers + e * WIDTH + 1 + 3 * v;
        size_t n = 0;
        for (int64_t k = 0; k < done->all.n; k++)
            if (done->all.results[k].status == TRIAL_OK && !isnan(return_of(done, k, e)))
                x[n++] = return_of(done, k, e);
        stats_interval mean = stats_mean(x, n);
        numbers[e * WIDTH] = (double)((e + 1) * EPOCH);
        at[0] = mean.mean, at[1] = mean.low, at[2] = mean.high;
    }
    free(x);
}

static fm_status draw(const reproduce *r, const double *numbers, size_t epochs, fm_error *err) {
    static const struct {
        const char *title;
        size_t from, to;
    } PANELS[] = {{"the paper's", 0, 0},
                  {"m = 1 and its controls", AC, AC_80},
                  {"m = 80 and its controls", AC_80, VARIANT_COUNT}};
    static const size_t PAPERS[] = {AC, STAC, AC_80, STAC_80};
    char names[WIDTH][48] = {"step"}, note[REPRODUCE_NOTE_MAX];
    const char *name[WIDTH];
    plot_series curves[VARIANT_COUNT], four[4];
    plot_panel panels[3];
    for (size_t v = 0; v < VARIANT_COUNT; v++) {
        size_t c = 1 + 3 * v;
        snprintf(names[c], sizeof *names, "%s", VARIANTS[v].row);
        snprintf(names[c + 1], sizeof *names, "%s lo", VARIANTS[v].row);
        snprintf(names[c + 2], sizeof *names, "%s hi", VARIANTS[v].row);
        curves[v] = (plot_series){.title = VARIANTS[v].row, .column = c, .low = c + 1, .high = c + 2};
    }
    for (size_t v = 0; v < 4; v++) four[v] = curves[PAPERS[v]];
    for (size_t p = 0; p < 3; p++)
        panels[p] = (plot_panel){.title = PANELS[p].title,
                                 .x_label = "step",
                                 .y_label = "return of the epoch",
                                 .series = p == 0 ? four : &curves[PANELS[p].from],
                                 .n = p == 0 ? 4 : PANELS[p].to - PANELS[p].from};
    for (size_t c = 0; c < WIDTH; c++) name[c] = names[c];
    reproduce_note(r, "bands", note);
    plot_page page = {.note = note, .panels = panels, .n = 3};
    plot_data data = {.names = name, .width = WIDTH, .rows = epochs, .numbers = numbers};
    return reproduce_figure(r, "cartpole", &data, &page, err);
}

/* ---- in words ---- */

static const char *compared(stats_interval a, stats_interval b) {
    if (isnan(a.low) || isnan(b.low)) return "too few seeds to tell";
    return a.low > b.high ? "clearly more" : a.high < b.low ? "clearly less" : "the intervals overlap";
}

static void explain(const reproduce *r, const stats_interval *area) {
    static const int PAIRS[][2] = {{STAC, AC},       {STAC, TWICE},       {STAC, LENGTH},
                                   {STAC, DROPPED},  {DROPPED, AC},       {PROPOSITION, TWICE},
                                   {STAC_80, AC_80}, {STAC_80, TWICE_80}, {GUARDED_80, TWICE_80}};
    if (r->config->csv) return;
    reproduce_words(r, "Areas of one against another:\n");
    for (size_t k = 0; k < sizeof PAIRS / sizeof *PAIRS; k++) {
        int one = PAIRS[k][0], other = PAIRS[k][1];
        printf("  %-20s %6.1f   %-22s %6.1f   %s\n", VARIANTS[one].row, area[one].mean, VARIANTS[other].row,
               area[other].mean, compared(area[one], area[other]));
    }
    bool gains = area[STAC].low > area[AC].high, alike = area[STAC].low <= area[TWICE].high;
    if (!gains || !alike) {
        printf("These trials are too few or too short to show what the controls show in the full item.\n");
        return;
    }
    printf("The published implicit term is the policy gradient times a number, mostly about 1, because\n"
           "the critic can answer by its output bias alone. So STAC is AC with steps about twice as\n"
           "long: it gains on AC, and AC with twice its learning rate gains as much. What is gained is a\n"
           "learning rate; nothing here is due to the direction of the total derivative. Without the\n"
           "implicit term STAC is AC, and the raw form of Proposition 1 makes steps of returns' size, at\n"
           "which the policy collapses.\n");
}

fm_status reproduce_stac_cartpole(reproduce *r, fm_error *err) {
    stats_interval area[VARIANT_COUNT];
    double *numbers = NULL;
    size_t epochs = 0;
    fm_status status = FM_OK;
    int64_t episodes;
    trial_watch watch = {.look = look, .user = &episodes, .width = WATCHED, .every = EPOCH};
    for (size_t v = 0; v < VARIANT_COUNT && status == FM_OK && !r->interrupted; v++) {
        reproduce_training what = {.row = VARIANTS[v].row,
                                   .algo = VARIANTS[v].algo,
                                   .env = "cartpole",
                                   .preset = "published",
                                   .settings = VARIANTS[v].settings,
                                   .watch = &watch};
        reproduce_trained done;
        status = reproduce_train(r, &what, &done, err);
        if (status == FM_OK && !r->interrupted) {
            if (v == 0) epochs = epochs_of(&done);
            if (v == 0) numbers = calloc(epochs * WIDTH + 1, sizeof *numbers);
            FM_CHECK(numbers != NULL, "out of memory");
            area[v] = put_variant(r, what.row, &done, epochs);
            fill_curve(&done, v, epochs, numbers);
        }
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted) status = draw(r, numbers, epochs, err);
    if (status == FM_OK && !r->interrupted) explain(r, area);
    free(numbers);
    return status;
}
