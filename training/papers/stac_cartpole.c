/* stac_cartpole.c: AC and STAC on CartPole [Zheng 2022, Fig. 3], with the controls that the paper lacks. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "stb_ds.h"
#include "training/papers/curves.h"

#define EPOCH 4000 /* decisions; an update after each */
#define STEPS (200 * EPOCH)
#define SHORTEST 8 /* decisions of an episode: from no start does the pole fall faster */

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

/* ---- returns ---- */

/* Mean return of the episodes that ended in an epoch, NAN for none: from the means over all episodes until
 * its end and until its beginning, since progress has a row for every epoch, and a window of all. */
static double return_of(const reproduce_trained *done, int64_t trial, size_t epoch) {
    const int *at = done->columns.at;
    double total = 0, episodes = 0;
    for (size_t back = 0; back < 2 && back <= epoch; back++) {
        const double *row = done->all.rows[trial].numbers + (epoch - back) * (size_t)at[COLUMN_END];
        double n = row[at[COLUMN_EPISODES]], sign = back == 0 ? 1 : -1;
        FM_CHECK(n <= (double)done->run.config.window, "more episodes than the window holds: %g", n);
        if (n == 0) continue;
        episodes += sign * n;
        total += sign * n * row[at[COLUMN_RETURN]];
    }
    return episodes > 0 ? total / episodes : (double)NAN;
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

static stats_interval return_at(const reproduce_trained *done, size_t epoch) {
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    size_t n = 0;
    for (int64_t k = 0; k < done->all.n; k++)
        if (done->all.results[k].status == TRIAL_OK && !isnan(return_of(done, k, epoch)))
            x[n++] = return_of(done, k, epoch);
    stats_interval mean = stats_mean(x, n);
    free(x);
    return mean;
}

static reproduce_curve put_variant(reproduce *r, const char *row, const reproduce_trained *done) {
    const size_t n = (size_t)done->all.n, epochs = reproduce_progress_rows(done);
    size_t ok = 0, reached = 0;
    double *area = fm_new(3 * n, sizeof *area), *last = area + n, *first = last + n;
    reproduce_curve curve = reproduce_curve_new(row, epochs);
    for (int64_t k = 0; k < done->all.n; k++) {
        if (done->all.results[k].status != TRIAL_OK) continue;
        summary s = summary_of(done, k, epochs);
        area[ok] = s.area, last[ok++] = s.last;
        if (!isnan(s.reached)) first[reached++] = s.reached;
    }
    for (size_t e = 0; e < epochs; e++) {
        curve.x[e] = reproduce_progress(done, e, done->columns.at[COLUMN_STEP]).mean;
        curve.y[e] = return_at(done, e);
    }
    curve.area = stats_mean(area, ok);
    reproduce_put(r, row, "area", (double)NAN, curve.area, done->ok);
    reproduce_put(r, row, "area, deviation over seeds", (double)NAN,
                  reproduce_number(stats_deviation(area, ok)), done->ok);
    reproduce_put(r, row, "last epoch", (double)NAN, stats_mean(last, ok), done->ok);
    reproduce_put(r, row, "seeds that reach 195 (%)", (double)NAN,
                  reproduce_percent(stats_share(reached, ok)), done->ok);
    reproduce_put(r, row, "first epoch with 195, of those", (double)NAN, stats_mean(first, reached),
                  (int64_t)reached);
    free(area);
    return curve;
}

/* ---- what they show ---- */

static const int PAPERS[] = {AC, STAC, AC_80, STAC_80},
                 ONE[] = {AC, STAC, TWICE, LENGTH, DROPPED, PROPOSITION, RAW},
                 EIGHTY[] = {AC_80, STAC_80, TWICE_80, GUARDED_80};

#define PANEL(words, variants)                                                                               \
    { words, variants, sizeof(variants) / sizeof *(variants) }
static const reproduce_panel PANELS[] = {PANEL("the paper's", PAPERS), PANEL("m = 1 and its controls", ONE),
                                         PANEL("m = 80 and its controls", EIGHTY)};

static const reproduce_pair PAIRS[] = {{STAC, AC},          {STAC, TWICE},         {STAC, LENGTH},
                                       {STAC, DROPPED},     {DROPPED, AC},         {PROPOSITION, TWICE},
                                       {STAC, AC_80},       {STAC_80, AC_80},      {TWICE_80, AC_80},
                                       {STAC_80, TWICE_80}, {GUARDED_80, TWICE_80}};

static bool above(const reproduce_curve *curves, int one, int other) {
    return reproduce_clearly_more(&curves[one], &curves[other]);
}

static fm_status show(const reproduce *r, const reproduce_curve *curves, fm_error *err) {
    fm_status status = reproduce_curve_page(r, "cartpole", "step", "return of the epoch", curves,
                                            VARIANT_COUNT, PANELS, sizeof PANELS / sizeof *PANELS, err);
    if (status != FM_OK || r->config->csv) return status;
    reproduce_compare(r, "Areas", curves, PAIRS, sizeof PAIRS / sizeof *PAIRS);
    if (!above(curves, STAC, AC) || above(curves, STAC, TWICE)) {
        reproduce_words(r, "These trials are too few or too short to show what the controls show in the full "
                           "item.\n");
        return FM_OK;
    }
    reproduce_words(
        r,
        "The published implicit term is the policy gradient times a number, mostly about 1, because the "
        "critic can answer by its output bias alone. So STAC is AC with steps about twice as long: it "
        "gains on AC, and AC with twice its learning rate gains as much. What is gained is a learning rate; "
        "nothing here is due to the direction of the total derivative. Without the implicit term STAC is "
        "AC.%s%s\n",
        above(curves, TWICE_80, AC_80) && !above(curves, GUARDED_80, TWICE_80)
            ? " With 80 steps of the critic it is the same: twice the learning rate gains, and a STAC whose "
              "steps are guarded gains no more."
            : "",
        above(curves, AC, RAW)
            ? " The raw form of Proposition 1 makes steps of returns' size, at which the policy collapses."
            : "");
    return FM_OK;
}

fm_status reproduce_stac_cartpole(reproduce *r, fm_error *err) {
    reproduce_curve curves[VARIANT_COUNT] = {{0}};
    fm_status status = FM_OK;
    const int64_t steps = r->steps > 0 && r->steps < STEPS ? r->steps : STEPS;
    for (size_t v = 0; v < VARIANT_COUNT && status == FM_OK && !r->interrupted; v++) {
        reproduce_training what = {.row = VARIANTS[v].row,
                                   .algo = VARIANTS[v].algo,
                                   .env = "cartpole",
                                   .preset = "published",
                                   .settings = VARIANTS[v].settings,
                                   .steps = steps,
                                   .window = steps / SHORTEST + 1,
                                   .rows = steps < EPOCH ? 1 : steps / EPOCH};
        reproduce_trained done;
        status = reproduce_train(r, &what, &done, err);
        if (status == FM_OK && !r->interrupted) curves[v] = put_variant(r, what.row, &done);
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted) status = show(r, curves, err);
    reproduce_curves_free(curves, VARIANT_COUNT);
    return status;
}
