/* biac_random.c: random games, the Stackelberg point against the mean pure Nash equilibrium [Zhang 2020,
 * Fig. 2].
 *
 * Each cell's payoffs are bivariate normal, mean 0, variance 1, covariance c. Stackelberg is pure commitment.
 * The paper leaves open which equilibria count and what is done with games that have none: here pure ones,
 * each game's mean, and the mean of those over the games that have one. */
#include <math.h>
#include <string.h>

#include "envs/games/bimatrix.h"
#include "training/show/plot.h"
#include "training/papers/item.h"

static const size_t SIZES[] = {5, 10, 20, 50, 100};
static const double COVARIANCES[] = {-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 0.9, 1};
#define SIZES_COUNT (sizeof SIZES / sizeof *SIZES)
#define POINTS (sizeof COVARIANCES / sizeof *COVARIANCES)

enum { SE_LEADER, SE_FOLLOWER, NE_LEADER, NE_FOLLOWER, EQUILIBRIA, WITH_ONE, METRICS };
static const char *const METRIC[] = {"SE leader",        "SE follower", "mean NE leader",
                                     "mean NE follower", "equilibria",  "games with an equilibrium %"};

/* An independent measurement at 10 by 10, 20,000 games a point; NAN where equilibria are too rare. */
static const struct { double covariance, value[EQUILIBRIA + 1]; } REFERENCE[] = {
    {-1.0, {-0.707, 0.707, NAN, NAN, 0.000}}, {0.0, {1.544, 1.544, 1.538, 1.545, 1.009}},
    {0.5, {2.185, 1.852, 1.753, 1.752, 2.582}}, {0.9, {2.471, 2.304, 1.845, 1.846, 4.580}},
    {1.0, {2.506, 2.506, 1.861, 1.861, 5.265}},
};
#define REFERENCE_SIZE 10

/* Room for a number of each game, by metric; n of them are there. */
typedef struct sample { double *x[METRICS]; size_t n[METRICS]; } sample;

static void add(sample *s, int metric, double value) { s->x[metric][s->n[metric]++] = value; }

/* Only a follower's best answer can be an equilibrium, so few cells need the whole test. */
static size_t sum_equilibria(const bimatrix *game, double sum[2]) {
    const double *follower = game->payoff[1];
    size_t count = 0;
    sum[0] = sum[1] = 0;
    for (size_t row = 0; row < game->rows; row++) {
        double most = follower[row * game->cols];
        for (size_t col = 1; col < game->cols; col++) most = fmax(most, follower[row * game->cols + col]);
        for (size_t col = 0; col < game->cols; col++) {
            size_t at = row * game->cols + col;
            if (follower[at] < most || !bimatrix_is_nash(game, row, col)) continue;
            for (int i = 0; i < 2; i++) sum[i] += game->payoff[i][at];
            count++;
        }
    }
    return count;
}

static void measure_game(const bimatrix *game, sample *s) {
    size_t point[2];
    double sum[2];
    bimatrix_stackelberg_pure(game, true, point);
    size_t at = point[0] * game->cols + point[1], count = sum_equilibria(game, sum);
    add(s, SE_LEADER, game->payoff[0][at]);
    add(s, SE_FOLLOWER, game->payoff[1][at]);
    if (count > 0) add(s, NE_LEADER, sum[0] / (double)count);
    if (count > 0) add(s, NE_FOLLOWER, sum[1] / (double)count);
    add(s, EQUILIBRIA, (double)count);
    if (count > 0) s->n[WITH_ONE]++;
}

static void measure_point(const reproduce *r, size_t size, size_t point, fm_arena *arena, sample *s) {
    fm_rng rng = fm_rng_split((uint64_t)r->config->seed, FM_RNG_TEST, size, point);
    memset(s->n, 0, sizeof s->n);
    for (int64_t k = 0; k < r->trials; k++) {
        fm_mark mark = fm_arena_mark(arena);
        bimatrix game;
        bimatrix_random(size, size, COVARIANCES[point], &rng, arena, &game);
        measure_game(&game, s);
        fm_arena_reset(arena, mark);
    }
}

static const double *reference_at(size_t size, double covariance) {
    for (size_t i = 0; size == REFERENCE_SIZE && i < sizeof REFERENCE / sizeof *REFERENCE; i++)
        if (REFERENCE[i].covariance == covariance) return REFERENCE[i].value;
    return NULL;
}

static stats_interval interval_of(const sample *s, int metric, int64_t games) {
    if (metric == WITH_ONE) return reproduce_percent(stats_share(s->n[WITH_ONE], (size_t)games));
    return stats_mean(s->x[metric], s->n[metric]);
}

/* A person is shown the points for which there is a reference; all are in the table. Returns whether the
 * Stackelberg point is better for both agents, by more than the intervals leave open. */
static bool put_point(reproduce *r, size_t size, double covariance, const sample *s,
                      stats_interval all[METRICS]) {
    const double *reference = reference_at(size, covariance);
    char row[64];
    snprintf(row, sizeof row, "%zux%zu c=%g", size, size, covariance);
    for (int m = 0; m < METRICS; m++) {
        stats_interval ours = all[m] = interval_of(s, m, r->trials);
        int64_t n = m == WITH_ONE ? r->trials : (int64_t)s->n[m];
        (reference ? reproduce_put : reproduce_put_detail)(r, row, METRIC[m], (double)NAN, ours, n);
        if (!reference || m > EQUILIBRIA || isnan(reference[m]) || n == 0) continue;
        char metric[80];
        snprintf(metric, sizeof metric, "%s minus reference %.3f", METRIC[m], reference[m]);
        stats_interval gap = {ours.mean - reference[m], ours.low - reference[m], ours.high - reference[m],
                              ours.n};
        reproduce_put(r, row, metric, (double)NAN, gap, n);
    }
    return all[SE_LEADER].low > all[NE_LEADER].high && all[SE_FOLLOWER].low > all[NE_FOLLOWER].high;
}

/* The paper's finding, as a number: from which covariance on the Stackelberg point is better for both. */
static void put_finding(reproduce *r, size_t size, const bool *better) {
    double from = (double)NAN;
    char row[64];
    snprintf(row, sizeof row, "%zux%zu", size, size);
    for (size_t p = POINTS; p > 0 && better[p - 1]; p--) from = COVARIANCES[p - 1];
    reproduce_put(r, row, "SE clearly beats the mean NE from c =", (double)NAN, reproduce_number(from),
                  r->trials);
}

/* The table that is drawn has the covariance and then, by size and metric, the mean and its interval. */
enum { MEAN, LOW, HIGH, PARTS };
#define WIDTH (1 + SIZES_COUNT * METRICS * PARTS)

static size_t column(size_t size, size_t metric, size_t part) {
    return 1 + (size * METRICS + metric) * PARTS + part;
}

static plot_series curve(const char *title, size_t size, size_t metric) {
    return (plot_series){.title = title,
                         .column = column(size, metric, MEAN),
                         .low = column(size, metric, LOW),
                         .high = column(size, metric, HIGH)};
}

static fm_status draw(reproduce *r, const double *numbers, fm_error *err) {
    static const char *const PART[] = {"", " lo", " hi"};
    char names[WIDTH][48] = {"covariance"}, titles[SIZES_COUNT][32], note[REPRODUCE_NOTE_MAX];
    const char *name[WIDTH];
    plot_series curves[SIZES_COUNT][4], counts[SIZES_COUNT];
    plot_panel panels[SIZES_COUNT + 1];
    for (size_t k = 0; k < SIZES_COUNT; k++) {
        snprintf(titles[k], sizeof titles[k], "%zu x %zu", SIZES[k], SIZES[k]);
        for (size_t m = 0; m < METRICS; m++)
            for (size_t part = 0; part < PARTS; part++)
                snprintf(names[column(k, m, part)], sizeof names[0], "%s %zux%zu%s", METRIC[m], SIZES[k],
                         SIZES[k], PART[part]);
        for (size_t m = 0; m < 4; m++) curves[k][m] = curve(METRIC[m], k, m);
        counts[k] = curve(titles[k], k, EQUILIBRIA);
        panels[k] = (plot_panel){.title = titles[k], .x_label = "covariance", .y_label = "payoff",
                                 .series = curves[k], .n = 4};
    }
    panels[SIZES_COUNT] = (plot_panel){.title = "pure Nash equilibria", .x_label = "covariance",
                                       .y_label = "mean number", .series = counts, .n = SIZES_COUNT};
    for (size_t c = 0; c < WIDTH; c++) name[c] = names[c];
    reproduce_note(r, "bands", note);
    plot_page page = {.note = note, .panels = panels, .n = SIZES_COUNT + 1};
    plot_data data = {.names = name, .width = WIDTH, .rows = POINTS, .numbers = numbers};
    return reproduce_figure(r, "fig2", &data, &page, err);
}

fm_status reproduce_random_games(reproduce *r, fm_error *err) {
    fm_arena arena = {0};
    sample s;
    double *numbers = fm_arena_array(&arena, double, POINTS * WIDTH);
    for (int m = 0; m < METRICS; m++) s.x[m] = fm_arena_array(&arena, double, (size_t)r->trials);
    for (size_t k = 0; k < SIZES_COUNT; k++) {
        bool better[POINTS];
        reproduce_say(r, "%zux%zu: %lld games at each of %zu covariances", SIZES[k], SIZES[k],
                      (long long)r->trials, POINTS);
        for (size_t p = 0; p < POINTS; p++) {
            double *row = numbers + p * WIDTH;
            stats_interval all[METRICS];
            row[0] = COVARIANCES[p];
            measure_point(r, SIZES[k], p, &arena, &s);
            better[p] = put_point(r, SIZES[k], COVARIANCES[p], &s, all);
            for (size_t m = 0; m < METRICS; m++) {
                row[column(k, m, MEAN)] = all[m].mean;
                row[column(k, m, LOW)] = all[m].low;
                row[column(k, m, HIGH)] = all[m].high;
            }
        }
        put_finding(r, SIZES[k], better);
    }
    fm_status status = draw(r, numbers, err);
    fm_arena_free(&arena);
    return status;
}
