/* plot.h: figures as three files: NAME.csv with the numbers, NAME.gp that draws them, and NAME.svg when
 * gnuplot is there to be called. `gnuplot NAME.gp`, in that folder, draws it again.
 *
 * A figure is a page of panels with one legend below them. Series of one title look the same on the whole
 * page. Styles differ by colour (ten that readers of any colour vision tell apart: those of [Okabe & Ito
 * 2008], yellow replaced by three), by dashes and by marks, so that lines can be told apart in grey too.
 *
 * Example (compiled by the tests):
 *     static const char *const names[] = {"step", "leader", "leader lo", "leader hi"};
 *     static const double numbers[] = {0, 1, 0, 2, 1000, 4, 3, 5, 2000, 5, 4.5, 5.5};
 *     static const plot_series curves[] = {{.title = "leader", .column = 1, .low = 2, .high = 3}};
 *     static const plot_panel panel = {.title = "Returns", .x_label = "step", .series = curves, .n = 1};
 *     plot_page page = {.note = "bands: 95 % intervals", .panels = &panel, .n = 1};
 *     plot_data data = {.names = names, .width = 4, .rows = 3, .numbers = numbers};
 *     fm_error err;
 *     if (plot_write("/tmp", "firstmover-plot", &data, &page, &err) != FM_OK) return err.text[0];
 *     if (plot_draw("/tmp", "firstmover-plot")) remove("/tmp/firstmover-plot.svg");
 *     remove("/tmp/firstmover-plot.csv");
 *     remove("/tmp/firstmover-plot.gp");
 *     #include <stdio.h>
 */
#ifndef TRAINING_PLOT_H
#define TRAINING_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Columns of a table. NAN is an empty field, and a gap in what is drawn. */
typedef struct plot_data {
    const char *const *names; /* [width], each of one line */
    size_t width, rows;
    const double *numbers;    /* [rows][width] */
} plot_data;

typedef enum plot_kind {
    PLOT_LINE,   /* with a mark at each point when there are few */
    PLOT_POINTS, /* marks only */
    PLOT_AREA,   /* stands on the areas before it in its panel, the first one on 0 */
    PLOT_ARROWS, /* a vector field in grey: arrows with their middles at (x, column) and the directions
                    (dx, dy), in the units of the axes; the longest one is as long as arrows are apart */
} plot_kind;

/* Columns by their number; 0, which is nobody's y, stands for none. */
typedef struct plot_series {
    const char *title; /* NULL: not in the legend (arrows only) */
    plot_kind kind;
    size_t x;          /* 0: the first column */
    size_t column;     /* y; of an area, its height */
    size_t low, high;  /* of a band around a line, of bars through points; 0: none */
    size_t dx, dy;     /* of arrows */
} plot_series;

typedef struct plot_panel {
    const char *title, *x_label, *y_label; /* NULL: none */
    bool log_x, log_y;  /* numbers that are not above 0 are gaps */
    double low, high;   /* of the y axis; equal: as the numbers are */
    const plot_series *series;
    size_t n;           /* at least 1 */
} plot_panel;

/* Texts are UTF-8, without any markup, and are wrapped where they are too long. */
typedef struct plot_page {
    const char *note;         /* below the legend, such as what bands are; NULL: none */
    const plot_panel *panels; /* beside each other, at most three in a line */
    size_t n;
} plot_page;

/* Writes NAME.csv and NAME.gp into the folder. Errors: what the system says. */
fm_status plot_write(const char *folder, const char *name, const plot_data *data, const plot_page *page,
                     fm_error *err);

/* Lets gnuplot draw NAME.svg. False when it is not installed or did not succeed. */
bool plot_draw(const char *folder, const char *name);

#endif
