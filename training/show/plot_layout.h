/* plot_layout.h: where everything on a page of panels stands, computed before anything is drawn: what
 * gnuplot would choose by itself puts keys over curves and labels over each other. Lengths are pixels. */
#ifndef TRAINING_PLOT_LAYOUT_H
#define TRAINING_PLOT_LAYOUT_H

#include "base/arena.h"
#include "training/show/plot.h"
#include "training/show/plot_axis.h"
#include "training/show/plot_text.h"

#define PLOT_LINE_HEIGHT 18.0 /* from one line of text to the next */
#define PLOT_MARGIN 8.0       /* free around panels and page */
#define PLOT_TICK 8.0         /* from an axis to the labels of its ticks */
#define PLOT_SAMPLE 34.0      /* of a sample in the legend */
#define PLOT_NOTE_FONT 11

/* A title in the legend, and what a sample of it shows. */
typedef struct plot_entry { const char *title; bool line, band, marks, area, arrows; } plot_entry;

typedef struct plot_layout {
    plot_entry *entry;                   /* [entries]; their order is that of the styles */
    size_t entries;
    plot_axis *x, *y;                    /* [panels] */
    size_t columns, lines;               /* of panels */
    double left, right, top, bottom;     /* around the axes, alike in all panels */
    double plot_width, plot_height;      /* between the axes */
    double panels_height, width, height; /* of all panels together; of the page */
    size_t legend_columns;
    double legend_width, legend_height; /* of a column, of a row */
} plot_layout;

/* The arena owns what the result points to, which borrows the titles. */
plot_layout plot_layout_of(const plot_data *data, const plot_page *page, fm_arena *arena);

/* Number of the entry with this title, which is there. */
size_t plot_layout_entry(const plot_layout *layout, const char *title);

/* Whether each point of a series has a mark. */
bool plot_layout_has_marks(const plot_data *data, const plot_series *series);

/* The height of a text, wrapped. */
double plot_layout_height(const char *text, double size, double width);

/* The width at which a text wraps: a panel's title and x label, a title in the legend, the note. */
double plot_layout_panel_text(const plot_layout *layout);
double plot_layout_legend_text(const plot_layout *layout);
double plot_layout_note_text(const plot_layout *layout);

/* data->numbers[row][column] */
double plot_number(const plot_data *data, size_t row, size_t column);

#endif
