/* test_plot_axis.c: what a figure knows of texts and axes before it is drawn. */
#include "tests/test.h"

#include <stdlib.h>

#include "base/random.h"
#include "training/show/plot_axis.h"
#include "training/show/plot_text.h"

/* ---- texts ---- */

TEST(plot_text_wraps_between_words) {
    char text[PLOT_TEXT_MAX];
    EXPECT_EQ(plot_text_wrap(NULL, 12, 100, text), 0);
    EXPECT_EQ(plot_text_wrap("", 12, 100, text), 0);
    EXPECT_EQ(plot_text_wrap("one line", 12, 100, text), 1);
    EXPECT_TEXT(text, "one line");
    EXPECT_EQ(plot_text_wrap("a title of seven words in four lines", 12, 70, text), 4);
    EXPECT_TEXT(text, "a title of\nseven\nwords in\nfour lines");
    EXPECT_EQ(plot_text_wrap("WWWWWWWWWW", 12, 50, text), 3); /* a W is almost as wide as high */
    EXPECT_TEXT(text, "WWWW\nWWWW\nWW");
    EXPECT(plot_text_width(text, 12) <= 50);
}

TEST(plot_text_can_stand_in_a_drawing) {
    char text[PLOT_TEXT_MAX], longest[2000];
    plot_text_wrap("a\tb\nc\x01 \x7f", 12, INFINITY, text);
    EXPECT_TEXT(text, "a b c   ");
    plot_text_wrap("\xcf\x80\xe2\x82\x82 \xf0\x9d\x9c\x83", 12, INFINITY, text);
    EXPECT_TEXT(text, "\xcf\x80\xe2\x82\x82 \xf0\x9d\x9c\x83"); /* pi, a small 2, a mathematical theta */
    /* Bytes out of order, cut off, longer than needed, a surrogate, beyond the last character, U+FFFF. */
    plot_text_wrap("\x80 \xe2\x82 \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xef\xbf\xbf", 12, INFINITY, text);
    EXPECT_TEXT(text, "? ?? ?? ??? ???? ???");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    plot_text_wrap(longest, 12, 100, text);
    EXPECT(strlen(text) < PLOT_TEXT_MAX && strlen(text) > PLOT_TEXT_MAX - 16);
    EXPECT_TEXT(text + strlen(text) - 3, "...");
}

/* ---- axes ---- */

/* What a label says: a reader of its own for "−1,234.5", "2×10⁻⁴", "10³". */
static double read_label(const char *label) {
    static const char *const RAISED[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[64] = "";
    size_t n = 0;
    bool raised = false;
    for (const char *c = label; *c && n + 4 < sizeof plain;) {
        size_t before = n;
        if (strncmp(c, "−", 3) == 0) plain[n++] = '-', c += 3;
        else if (strncmp(c, "⁻", 3) == 0) plain[n++] = 'e', plain[n++] = '-', raised = true, c += 3;
        else if (strncmp(c, "×10", 4) == 0) c += 4;
        else if (strncmp(c, "10", 2) == 0 && (c[2] & 0x80)) plain[n++] = '1', c += 2;
        else if (*c == ',') c++, before = n + 1;
        else if (!(*c & 0x80)) plain[n++] = *c++;
        for (int digit = 0; digit < 10 && n == before; digit++) {
            if (strncmp(c, RAISED[digit], strlen(RAISED[digit])) != 0) continue;
            if (!raised) plain[n++] = 'e';
            plain[n++] = (char)('0' + digit);
            raised = true;
            c += strlen(RAISED[digit]);
        }
    }
    plain[n] = '\0';
    return strtod(plain, NULL);
}

static bool says(const plot_tick *tick) {
    return fabs(read_label(tick->label) - tick->at) <= 1e-12 * fabs(tick->at);
}

static void expect_labels(double low, double high, bool log, double pixels, const char *expected) {
    plot_axis axis = {.low = low, .high = high, .log = log};
    char labels[400] = "";
    plot_axis_set_ticks(&axis, pixels, false);
    for (size_t i = 0; i < axis.n; i++) {
        if (!axis.tick[i].label[0]) continue;
        strcat(labels, labels[0] ? " " : "");
        strcat(labels, axis.tick[i].label);
        EXPECT_MSG(says(&axis.tick[i]), "%s: %g", axis.tick[i].label, axis.tick[i].at);
    }
    EXPECT_TEXT(labels, expected);
}

TEST(plot_labels_are_those_of_people) {
    expect_labels(0, 20000, false, 300, "0 5,000 10,000 15,000 20,000");
    expect_labels(0, 20000, false, 150, "0 10,000 20,000");
    expect_labels(0, 1, false, 400, "0 0.2 0.4 0.6 0.8 1.0");
    expect_labels(-1, 1, false, 250, "−1.0 −0.5 0 0.5 1.0");
    expect_labels(-1234.5, -1233.5, false, 300, "−1,234.5 −1,234.0 −1,233.5");
    expect_labels(554220, 554526, false, 180, "554,300 554,500"); /* multiples of 200 would leave one */
    expect_labels(0, 1e7, false, 300, "0 5,000,000 10,000,000");
    expect_labels(0, 2e8, false, 300, "0 5×10⁷ 10⁸ 1.5×10⁸ 2.0×10⁸");
    expect_labels(0, 4e-6, false, 300, "0 10⁻⁶ 2×10⁻⁶ 3×10⁻⁶ 4×10⁻⁶");
    expect_labels(1e-12, 1, true, 300, "10⁻¹² 10⁻⁹ 10⁻⁶ 10⁻³ 10⁰");
    expect_labels(0.01, 1000, true, 400, "0.01 0.1 1 10 100 1,000");
    expect_labels(1, 50, true, 400, "1 2 5 10 20 50");
    expect_labels(10, 30, true, 400, "10 15 20 25 30");
}

/* Whether labels next to each other are apart, with a width for them that is not the module's. */
static bool is_airy(const plot_axis *axis, double pixels, bool upright) {
    double before = -INFINITY, half = 0;
    for (size_t i = 0; i < axis->n; i++) {
        size_t letters = 0;
        double share = axis->log ? log(axis->tick[i].at / axis->low) / log(axis->high / axis->low)
                                 : (axis->tick[i].at - axis->low) / (axis->high - axis->low);
        for (const char *c = axis->tick[i].label; *c; c++) letters += (*c & 0xc0) != 0x80;
        if (letters == 0) continue;
        double wide = upright ? 18 : 0.55 * PLOT_FONT * (double)letters + 4;
        if (share * pixels - wide / 2 < before + half) return false;
        before = share * pixels;
        half = wide / 2;
    }
    return true;
}

static int labelled(const plot_axis *axis) {
    int n = 0;
    for (size_t i = 0; i < axis->n; i++) n += axis->tick[i].label[0] != '\0';
    return n;
}

TEST(plot_ticks_of_any_axis_are_round_true_and_apart) {
    fm_rng rng = fm_rng_split(7, FM_RNG_TEST, 0, 0);
    for (int k = 0; k < 4000; k++) {
        double size = pow(10, 24 * fm_rng_uniform(&rng) - 12), part = pow(10, -5 * fm_rng_uniform(&rng));
        double low = size * (2 * fm_rng_uniform(&rng) - 1), pixels = 180 + 300 * fm_rng_uniform(&rng);
        bool upright = k % 2;
        plot_axis axis = {.low = low, .high = low + size * part};
        plot_axis_set_ticks(&axis, pixels, upright);
        EXPECT_MSG(labelled(&axis) >= 2, "%g to %g: %zu ticks", axis.low, axis.high, axis.n);
        EXPECT_MSG(is_airy(&axis, pixels, upright), "%g to %g: crowded", axis.low, axis.high);
        double step = axis.tick[1].at - axis.tick[0].at, digit = step / pow(10, floor(log10(step * 1.0001)));
        double off = fmin(fabs(digit - 1), fmin(fabs(digit - 2), fabs(digit - 5)));
        EXPECT_MSG(off < 1e-3, "a step of %g", step);
        for (size_t i = 0; i < axis.n; i++) {
            EXPECT_MSG(!axis.tick[i].label[0] || says(&axis.tick[i]), "%s: %.17g", axis.tick[i].label,
                       axis.tick[i].at);
            EXPECT(axis.tick[i].at >= axis.low - 1e-6 * step && axis.tick[i].at <= axis.high + 1e-6 * step);
        }
    }
}

TEST(plot_ticks_of_any_logarithmic_axis_are_true_and_apart) {
    fm_rng rng = fm_rng_split(8, FM_RNG_TEST, 0, 0);
    for (int k = 0; k < 4000; k++) {
        double low = pow(10, 200 * fm_rng_uniform(&rng) - 100), pixels = 180 + 300 * fm_rng_uniform(&rng);
        double decades = pow(10, 3 * fm_rng_uniform(&rng) - 1);
        plot_axis axis = {.low = low, .high = low * pow(10, decades), .log = true};
        plot_axis_set_ticks(&axis, pixels, k % 2);
        EXPECT_MSG(labelled(&axis) >= 2, "%g to %g: %d labels", axis.low, axis.high, labelled(&axis));
        EXPECT_MSG(is_airy(&axis, pixels, k % 2), "%g to %g: crowded", axis.low, axis.high);
        for (size_t i = 0; i < axis.n; i++)
            EXPECT_MSG(!axis.tick[i].label[0] || says(&axis.tick[i]), "%s: %g", axis.tick[i].label,
                       axis.tick[i].at);
    }
}

static plot_axis axis_of(double low, double high, double least, double most, bool log) {
    return plot_axis_of((plot_span){low, high}, (plot_span){least, most}, log, 0);
}

TEST(plot_axis_shows_curves_and_as_much_of_bands_as_leaves_them_room) {
    plot_axis axis = axis_of(2, 4, 1.5, 4.5, false);
    EXPECT(axis.low == 1.5 && axis.high == 4.5);
    axis = axis_of(2, 4, -100, 100, false);
    EXPECT(axis.low == 1 && axis.high == 5);
    axis = axis_of(0.01, 1, 1e-9, 1, true);
    EXPECT_NEAR(axis.low, 0.001, 1e-12);
    EXPECT_NEAR(axis.high, 1, 1e-12);
    axis = axis_of(3, 3, 2, 5, false); /* a flat curve: the band alone decides */
    EXPECT(axis.low == 2 && axis.high == 5);
    axis = axis_of(0, 0, 0, 0, false);
    EXPECT(axis.low == -1 && axis.high == 1);
    axis = plot_axis_of(PLOT_NOTHING, PLOT_NOTHING, false, 0.05);
    EXPECT(axis.low < axis.high);
    axis = plot_axis_of(PLOT_NOTHING, PLOT_NOTHING, true, 0.05);
    EXPECT(axis.low > 0 && axis.low < axis.high);
    axis = plot_axis_of((plot_span){0, 10}, PLOT_NOTHING, false, 0.1);
    EXPECT(axis.low == -1 && axis.high == 11);
}

TEST_MAIN(CASE(plot_text_wraps_between_words), CASE(plot_text_can_stand_in_a_drawing),
          CASE(plot_labels_are_those_of_people), CASE(plot_ticks_of_any_axis_are_round_true_and_apart),
          CASE(plot_ticks_of_any_logarithmic_axis_are_true_and_apart),
          CASE(plot_axis_shows_curves_and_as_much_of_bands_as_leaves_them_room))
