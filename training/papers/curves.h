/* curves.h: learning curves of variants of a learner, each a mean over trials with its interval: how they are
 * drawn, and how one variant is held against another.
 *
 * Example (compiled by the tests, given reproduce *r, fm_error *err):
 *
 *     static const int BOTH[] = {0, 1};
 *     static const reproduce_pair PAIRS[] = {{0, 1}};
 *     static const reproduce_panel PANELS[] = {{"TD3 and DDPG", BOTH, 2}};
 *     reproduce_curve curves[2];
 *     for (int v = 0; v < 2; v++) {
 *         curves[v] = reproduce_curve_new(v == 0 ? "TD3" : "DDPG", 10);
 *         for (size_t p = 0; p < 10; p++) {
 *             curves[v].x[p] = 1000.0 * (double)p;
 *             curves[v].y[p] = curves[v].area = (stats_interval){-200, -210, -190, 5};
 *         }
 *     }
 *     fm_status status = reproduce_curve_page(r, "pendulum", "step", "return", curves, 2, PANELS, 1, err);
 *     reproduce_compare(r, "Areas", curves, PAIRS, 1);
 *     reproduce_curves_free(curves, 2);
 *     return status;
 */
#ifndef TRAINING_PAPERS_CURVES_H
#define TRAINING_PAPERS_CURVES_H

#include "training/papers/item.h"

typedef struct reproduce_curve {
    const char *title;
    const char *name; /* of its columns, where other curves have its title; NULL: the title */
    plot_kind kind;   /* PLOT_LINE or PLOT_POINTS */
    size_t points;
    double *x;           /* [points] */
    stats_interval *y;   /* [points] */
    stats_interval area; /* what variants are compared by: mostly the mean of the curve */
} reproduce_curve;

/* Zeroed. The title is the caller's. */
reproduce_curve reproduce_curve_new(const char *title, size_t points);
void reproduce_curves_free(reproduce_curve *curves, size_t n);

/* A panel shows some of the variants, by their numbers. */
typedef struct reproduce_panel {
    const char *title;
    const int *variants;
    size_t n;
} reproduce_panel;

/* Writes and draws the figure NAME: a page of panels, and a table with each variant's mean and interval
 * ("ROW", "ROW lo", "ROW hi"), before it its x ("ROW x") unless that is the x of the variant before it. */
fm_status reproduce_curve_page(const reproduce *r, const char *name, const char *x_label, const char *y_label,
                               const reproduce_curve *curves, size_t n, const reproduce_panel *panels,
                               size_t panel_count, fm_error *err);

typedef struct reproduce_pair {
    int one, other;
} reproduce_pair;

/* Whether a's area is clearly more: the interval of it lies above b's. */
bool reproduce_clearly_more(const reproduce_curve *a, const reproduce_curve *b);

/* Tells a person of each pair both areas, and whether one is clearly more. Returns in how many pairs one is;
 * with --csv it says nothing and returns 0. */
size_t reproduce_compare(const reproduce *r, const char *what, const reproduce_curve *curves,
                         const reproduce_pair *pairs, size_t n);

#endif
