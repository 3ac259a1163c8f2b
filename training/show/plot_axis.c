/* plot_axis.c: see plot_axis.h. */
#include "training/show/plot_axis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "training/show/plot_text.h"

#define LARGEST 1e300 /* differences of such numbers are finite */
#define PLAIN_MOST 1e8
#define PLAIN_LEAST 1e-3

void plot_span_add(plot_span *span, double value, bool log) {
    if (!(fabs(value) <= LARGEST) || (log && value < 1 / LARGEST)) return;
    span->low = fmin(span->low, value);
    span->high = fmax(span->high, value);
}

static bool is_point(double low, double high) {
    return high - low <= 1e-12 * fmax(fabs(low), fabs(high));
}

/* Lengths along a logarithmic axis are those of logarithms. */
plot_axis plot_axis_of(plot_span seen, plot_span bands, bool log, double padding) {
    if (seen.low > seen.high) seen = bands;
    if (seen.low > seen.high) seen = log ? (plot_span){1, 10} : (plot_span){0, 1};
    if (bands.low > bands.high) bands = seen;
    double low = log ? log10(seen.low) : seen.low, high = log ? log10(seen.high) : seen.high;
    double least = log ? log10(bands.low) : bands.low, most = log ? log10(bands.high) : bands.high;
    double room = is_point(low, high) ? INFINITY : (high - low) / 2;
    least = fmin(low, fmax(least, low - room));
    most = fmax(high, fmin(most, high + room));
    double more = (most - least) * padding;
    if (is_point(least, most)) more = log ? 0.5 : most == 0 ? 1 : fabs(most) / 10;
    least -= more;
    most += more;
    return (plot_axis){.low = log ? pow(10, least) : least, .high = log ? pow(10, most) : most, .log = log};
}

/* ---- numbers ---- */

/* factor * 10^power, exact where a double can be. */
static double decimal(double factor, int power) {
    return power < 0 ? factor / pow(10, -power) : factor * pow(10, power);
}

/* Appends "10" and the exponent raised. */
static void append_power(char *label, int power) {
    static const char *const RAISED[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char digits[16];
    snprintf(digits, sizeof digits, "%d", abs(power));
    strcat(label, power < 0 ? "10⁻" : "10");
    for (const char *c = digits; *c; c++) strcat(label, RAISED[*c - '0']);
}

/* Appends a number of that many decimals, with a separator before every third digit. */
static void append_plain(char *label, double value, int decimals) {
    char text[24];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    size_t whole = strcspn(text, "."), at = strlen(label);
    for (size_t i = 0; text[i]; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0) label[at++] = ',';
        label[at++] = text[i];
    }
    label[at] = '\0';
}

/* A number whose last digit counts 10^last. `plain`: without a power of ten. */
static void write_label(char *label, double value, int last, bool plain) {
    strcpy(label, value < 0 ? "−" : "");
    value = fabs(value);
    if (plain || value == 0) {
        append_plain(label, value, last < 0 && value > 0 ? -last : 0);
        return;
    }
    int power = (int)floor(log10(value) + 1e-12);
    double mantissa = value / pow(10, power);
    if (fabs(mantissa - 1) > 1e-12) {
        append_plain(label, mantissa, power > last ? power - last : 0);
        strcat(label, "×");
    }
    append_power(label, power);
}

static bool is_plain(const plot_axis *axis, int last) {
    double most = fmax(fabs(axis->low), fabs(axis->high));
    if (most >= PLAIN_MOST || last < -7) return false;
    return (axis->log ? axis->low : most) >= PLAIN_LEAST * 0.99;
}

/* ---- ticks ---- */

static void add_tick(plot_axis *axis, double at, bool labelled, int last, bool plain) {
    double slack = 1e-9 * (axis->log ? at : axis->high - axis->low);
    if (axis->n == PLOT_TICKS_MAX || at < axis->low - slack || at > axis->high + slack) return;
    plot_tick *tick = &axis->tick[axis->n++];
    tick->at = at + 0.0; /* no -0 */
    tick->label[0] = '\0';
    if (labelled) write_label(tick->label, at, last, plain);
}

double plot_axis_label_width(const plot_axis *axis) {
    double widest = 0;
    for (size_t i = 0; i < axis->n; i++)
        widest = fmax(widest, plot_text_width(axis->tick[i].label, PLOT_FONT));
    return widest;
}

/* Where a value stands, in pixels. */
static double place(const plot_axis *axis, double value, double pixels) {
    if (axis->log) return pixels * log(value / axis->low) / log(axis->high / axis->low);
    return pixels * (value - axis->low) / (axis->high - axis->low);
}

/* Whether labelled ticks keep their distance. */
static bool is_airy(const plot_axis *axis, double pixels, bool upright) {
    double need = upright ? 2.5 * PLOT_FONT : fmax(plot_axis_label_width(axis) + 1.4 * PLOT_FONT, 45);
    double before = -INFINITY;
    for (size_t i = 0; i < axis->n; i++) {
        double here = place(axis, axis->tick[i].at, pixels);
        if (!axis->tick[i].label[0]) continue;
        if (here - before < need) return false;
        before = here;
    }
    return true;
}

static size_t labels(const plot_axis *axis) {
    size_t n = 0;
    for (size_t i = 0; i < axis->n; i++) n += axis->tick[i].label[0] != '\0';
    return n;
}

/* Takes the labels between the outermost two away. */
static void keep_outermost(plot_axis *axis) {
    for (size_t i = 0, seen = 0, n = labels(axis); i < axis->n; i++) {
        if (!axis->tick[i].label[0]) continue;
        if (seen > 0 && seen + 1 < n) axis->tick[i].label[0] = '\0';
        seen++;
    }
}

/* Ticks at multiples of the k-th of the steps 1, 2, 5, 10, ..., in units of 10^power. False: these would be
 * too many. */
static bool set_multiples(plot_axis *axis, int power, int k) {
    static const int FACTOR[] = {1, 2, 5};
    int last = power + k / 3, factor = FACTOR[k % 3];
    double step = decimal(factor, last);
    if ((axis->high - axis->low) / step > 20) return false;
    axis->n = 0;
    for (double i = ceil(axis->low / step - 1e-9); i <= axis->high / step + 1e-9; i++)
        add_tick(axis, decimal(i * factor, last), true, last, is_plain(axis, last));
    return true;
}

/* The smallest step that leaves room. Where two labels are all there is room for, they are not to be crowded
 * either: those of a smaller step lie further out. */
static void set_even_ticks(plot_axis *axis, double pixels, bool upright) {
    int power = (int)floor(log10(axis->high - axis->low)) - 2, k = 0; /* 100 steps and more: too many */
    while (!set_multiples(axis, power, k)) k++;
    while (labels(axis) >= 2 && !is_airy(axis, pixels, upright)) set_multiples(axis, power, ++k);
    while (labels(axis) < 2 || !is_airy(axis, pixels, upright)) {
        if (!set_multiples(axis, power, --k)) return;
        keep_outermost(axis);
    }
}

/* Labels every `stride`-th power of ten. Where these are neighbours, small ticks stand between them, or, when
 * `finer`, labels at 2 and 5 too. */
static void set_powers(plot_axis *axis, int stride, bool finer) {
    int first = (int)floor(log10(axis->low)), last = (int)ceil(log10(axis->high));
    int digits = stride == 1 && last - first <= 8 ? 9 : 1;
    axis->n = 0;
    for (int power = first; power <= last; power++) {
        bool plain = is_plain(axis, power) && axis->high < 1e6;
        for (int digit = 1; digit <= digits && power % stride == 0; digit++) {
            bool labelled = digit == 1 || (finer && (digit == 2 || digit == 5));
            add_tick(axis, decimal(digit, power), labelled, power, plain);
        }
    }
}

static void set_power_ticks(plot_axis *axis, double pixels, bool upright) {
    bool finer = axis->high / axis->low < 120;
    int stride = 0; /* the finer ones first, where there are few powers */
    set_powers(axis, 1, finer);
    while (labels(axis) >= 2 && !is_airy(axis, pixels, upright)) set_powers(axis, ++stride, false);
    if (labels(axis) >= 2) return;
    set_powers(axis, stride > 1 ? stride - 1 : 1, stride == 1);
    keep_outermost(axis);
}

void plot_axis_set_ticks(plot_axis *axis, double pixels, bool upright) {
    if (axis->log && axis->high / axis->low >= 10) set_power_ticks(axis, pixels, upright);
    else set_even_ticks(axis, pixels, upright);
}
