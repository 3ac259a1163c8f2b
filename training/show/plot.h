/* plot.h: figures as three files: NAME.csv with the numbers, NAME.gp that draws them, and NAME.svg when
 * gnuplot is there to be called.
 *
 *     static const char *const NAMES[] = {"step", "leader", "follower"};
 *     static const plot_series CURVES[] = {{"leader", 1}, {"follower", 2}};
 *     plot_panel panel = {.title = "Returns", .x_label = "step", .series = CURVES, .n = 2};
 *     plot_data data = {.names = NAMES, .width = 3, .rows = rows, .numbers = numbers};
 *     if (plot_write("runs/mine", "returns", &data, &panel, 1, &err) != FM_OK) ...
 *     if (plot_draw("runs/mine", "returns")) puts("runs/mine/returns.svg"); */
#ifndef TRAINING_PLOT_H
#define TRAINING_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Columns of a table; the first one is every curve's x. NAN is an empty field, and a gap in the curve. */
typedef struct plot_data {
    const char *const *names; /* [width], without commas and quotes */
    size_t width, rows;
    const double *numbers;    /* [rows][width] */
} plot_data;

typedef struct plot_series { const char *title; size_t column; } plot_series;

typedef struct plot_panel {
    const char *title, *x_label, *y_label; /* NULL: none */
    bool stacked;                          /* areas that stand on each other, from 0 up */
    double low, high;                      /* of the y axis; equal: as the numbers are */
    const plot_series *series;
    size_t n;
} plot_panel;

/* Writes NAME.csv and NAME.gp into the folder; several panels stand beside each other. Errors: what the
 * system says. */
fm_status plot_write(const char *folder, const char *name, const plot_data *data, const plot_panel *panels,
                     size_t n, fm_error *err);

/* Lets gnuplot draw NAME.svg. False when it is not installed or did not succeed. */
bool plot_draw(const char *folder, const char *name);

#endif
