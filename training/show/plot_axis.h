/* plot_axis.h: an axis of a figure: what it shows, where its ticks stand and what they say.
 *
 * Example (compiled by the tests):
 *     plot_span numbers = PLOT_NOTHING;
 *     plot_span_add(&numbers, 1000, false);
 *     plot_span_add(&numbers, 20000, false);
 *     plot_axis x = plot_axis_of(numbers, PLOT_NOTHING, false, 0);
 *     plot_axis_set_ticks(&x, 300, false);
 *     if (x.n < 2 || strcmp(x.tick[0].label, "5,000") != 0) return 1;
 *     #include <string.h>
 */
#ifndef TRAINING_PLOT_AXIS_H
#define TRAINING_PLOT_AXIS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define PLOT_TICKS_MAX 96
#define PLOT_FONT 12 /* size of all text but notes, in pixels */

/* From the least to the most of some numbers. */
typedef struct plot_span { double low, high; } plot_span;

#define PLOT_NOTHING ((plot_span){INFINITY, -INFINITY})

/* Takes a number in, unless no axis of that kind can show it. */
void plot_span_add(plot_span *span, double value, bool log);

typedef struct plot_tick {
    double at;
    char label[40]; /* "": a small tick between labelled ones */
} plot_tick;

typedef struct plot_axis {
    double low, high; /* low < high; of a logarithmic axis, both above 0 */
    bool log;
    size_t n;
    plot_tick tick[PLOT_TICKS_MAX];
} plot_axis;

/* An axis, without ticks, for what is to be seen and for bands around it, which widen it by at most half on
 * either side: an interval of two trials is not to press the curves flat. `padding` is left free at both
 * ends, as a share of the whole. */
plot_axis plot_axis_of(plot_span seen, plot_span bands, bool log, double padding);

/* Sets ticks at 1, 2 or 5 times a power of ten, as many as fit without crowding into a length in pixels.
 * `upright`: labels stand above each other, as on a y axis. Labels have separators ("20,000") or, where
 * numbers are very large or small, powers of ten ("2×10⁻⁴"). */
void plot_axis_set_ticks(plot_axis *axis, double pixels, bool upright);

/* Pixels of the widest label. */
double plot_axis_label_width(const plot_axis *axis);

#endif
