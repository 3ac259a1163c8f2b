/* test_plot.c: the files of a figure, its styles and legend, and what cannot be drawn; see also
 * test_plot_axis.c and test_plot_drawing.c. */
#include "tests/aborts.h"
#include "tests/figure.h"
#include "tests/test.h"

static const plot_series RIGHT[] = {{.title = "third", .x = 5, .column = 6},
                                    {.title = "second", .kind = PLOT_POINTS, .column = 4},
                                    {.title = "first", .column = 1}};

TEST(plot_table_holds_the_numbers) {
    plot_panel panel = {.series = LEFT, .n = 2};
    written w = write_figure(&DATA, &(plot_page){.panels = &panel, .n = 1});
    EXPECT_TEXT(w.csv, "step,a,a lo,a hi,b,\"x, \"\"of\"\" c\",c\n"
                       "0,1,0.5,1.5,4,0.25,7\n1000,2,1.5,2.5,,0.5,8\n2000,,,,2,0.75,9\n3000,3,2,4,1,1,8\n");
    forget(&w);
}

/* The line style that each element of a title has; 0: they differ, or there is none. */
static int style_of(const char *gp, const char *title) {
    char end[80];
    int style = 0;
    snprintf(end, sizeof end, " title '%s'", title);
    for (const char *at = strstr(gp, end); at; at = strstr(at + 1, end)) {
        const char *word = at;
        while (word > gp && strncmp(word, "linestyle ", 10) != 0) word--;
        int found = atoi(word + 10);
        if (style != 0 && found != style) return 0;
        style = found;
    }
    return style;
}

TEST(plot_styles_belong_to_titles_and_the_legend_names_each_once) {
    plot_panel panels[] = {{.title = "left", .series = LEFT, .n = 2},
                           {.title = "right", .series = RIGHT, .n = 3}};
    written w = write_figure(&DATA, &(plot_page){.note = "a note", .panels = panels, .n = 2});
    EXPECT_EQ(style_of(w.gp, "first"), 1);
    EXPECT_EQ(style_of(w.gp, "second"), 2);
    EXPECT_EQ(style_of(w.gp, "third"), 3);
    EXPECT_EQ(count(w.gp, "title 'first'"), 3); /* a band and two lines */
    EXPECT_EQ(count(w.gp, "title 'second'"), 2);
    EXPECT_EQ(count(w.gp, "set style line"), 3);
    EXPECT_EQ(count(w.gp, "set label 'first'"), 1);
    EXPECT_EQ(count(w.gp, "set label 'second'"), 1);
    EXPECT_EQ(count(w.gp, "set label 'third'"), 1);
    EXPECT_EQ(count(w.gp, "nohead linestyle 1\n"), 1);
    EXPECT_EQ(count(w.gp, "nohead linestyle 2\n"), 1);
    EXPECT_EQ(count(w.gp, "nohead linestyle 3\n"), 1);
    EXPECT_HAS(w.gp, "using (v(1)):(above(v(3))):(v(4)) with filledcurves linestyle 1");
    EXPECT_EQ(count(w.gp, "filledcurves"), 1); /* one band, where it was asked for */
    EXPECT_EQ(count(w.gp, "set object rectangle"), 1);
    EXPECT_HAS(w.gp, "using (v(6)):(v(7)) with linespoints linestyle 3");
    EXPECT_HAS(w.gp, "using (v(1)):(v(5)) with points linestyle 2");
    EXPECT_EQ(count(w.gp, "set label 'a note'"), 1);
    if (w.drawn) EXPECT_EQ(count(w.svg, "<text>first</text>"), 1);
    forget(&w);
}

/* Series of n titles, all of them column 1. */
static void many_series(plot_series *series, char (*titles)[32], size_t n) {
    for (size_t k = 0; k < n; k++) {
        snprintf(titles[k], sizeof titles[k], "series %zu", k);
        series[k] = (plot_series){.title = titles[k], .column = 1};
    }
}

/* What the script says of a style. */
static void read_style(const char *gp, int style, int rgb[3], char *dashes, int *mark) {
    char begin[40];
    snprintf(begin, sizeof begin, "set style line %d linecolor", style);
    const char *at = strstr(gp, begin);
    EXPECT(at && sscanf(at + strlen(begin), " rgb '#%2x%2x%2x' linewidth 2 dashtype %31s pointtype %d",
                        (unsigned *)&rgb[0], (unsigned *)&rgb[1], (unsigned *)&rgb[2], dashes, mark) == 5);
}

TEST(plot_styles_all_differ) {
    static char titles[40][32];
    plot_series series[40];
    many_series(series, titles, 40);
    plot_panel panel = {.series = series, .n = 40};
    written w = write_figure(&DATA, &(plot_page){.panels = &panel, .n = 1});
    for (int a = 1; a <= 40; a++) {
        for (int b = 1; b < a; b++) {
            int one[3] = {0}, other[3] = {0}, mark = 0, another = 0;
            char dashes[32] = "", others[32] = "";
            read_style(w.gp, a, one, dashes, &mark);
            read_style(w.gp, b, other, others, &another);
            bool colour = memcmp(one, other, sizeof one) != 0, dash = strcmp(dashes, others) != 0;
            EXPECT_MSG(colour || dash, "%d and %d look the same as lines", a, b);
            EXPECT_MSG(colour || mark != another, "%d and %d look the same as points", a, b);
            EXPECT_MSG(colour || a > 10, "%d and %d have one colour", a, b);
        }
    }
    forget(&w);
}

/* ---- colours ---- */

/* CIE L*a*b* of a linear colour [CIE 1976], white being that of sRGB. */
static void to_lab(const double rgb[3], double lab[3]) {
    static const double XYZ[3][3] = {{0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047},
                                     {0.2126729, 0.7151522, 0.0721750},
                                     {0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883}};
    double f[3];
    for (int i = 0; i < 3; i++) {
        double t = XYZ[i][0] * rgb[0] + XYZ[i][1] * rgb[1] + XYZ[i][2] * rgb[2];
        f[i] = t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
    }
    lab[0] = 116 * f[1] - 16;
    lab[1] = 500 * (f[0] - f[1]);
    lab[2] = 200 * (f[1] - f[2]);
}

/* As normal eyes and those without one kind of cones see a colour [Machado 2009, severity 1]. */
static void seen(const int rgb[3], int eyes, double lab[3]) {
    static const double EYES[4][3][3] = {
        {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
        {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
        {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
        {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}};
    double linear[3], mixed[3];
    for (int i = 0; i < 3; i++) {
        double v = rgb[i] / 255.0;
        linear[i] = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
    }
    for (int i = 0; i < 3; i++) {
        const double *row = EYES[eyes][i];
        mixed[i] = fmin(1, fmax(0, row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]));
    }
    to_lab(mixed, lab);
}

/* A distance of 2.3 is just noticeable; two of matplotlib's default colours come as near as 4.6. Neighbours
 * in the order of the styles can be told apart in grey too. White is the page. */
TEST(plot_colours_can_be_told_apart_by_all_eyes) {
    static char titles[10][32];
    plot_series series[10];
    int rgb[11][3] = {{0}};
    many_series(series, titles, 10);
    plot_panel panel = {.series = series, .n = 10};
    written w = write_figure(&DATA, &(plot_page){.panels = &panel, .n = 1});
    for (int k = 0; k < 10; k++) {
        char dashes[32];
        int mark;
        read_style(w.gp, k + 1, rgb[k], dashes, &mark);
    }
    for (int i = 0; i < 3; i++) rgb[10][i] = 255;
    for (int eyes = 0; eyes < 4; eyes++) {
        for (int a = 0; a <= 10; a++) {
            for (int b = 0; b < a; b++) {
                double one[3], other[3];
                seen(rgb[a], eyes, one);
                seen(rgb[b], eyes, other);
                double far = hypot(hypot(one[0] - other[0], one[1] - other[1]), one[2] - other[2]);
                EXPECT_MSG(far > 16, "styles %d and %d, eyes %d: %.1f", b + 1, a + 1, eyes, far);
                if (eyes == 0 && (b == a - 1 || a == 10))
                    EXPECT_MSG(fabs(one[0] - other[0]) > (a == 10 ? 20 : 8), "styles %d and %d in grey",
                               b + 1, a + 1);
            }
        }
    }
    forget(&w);
}

/* ---- errors ---- */

TEST(plot_says_where_it_cannot_write) {
    plot_panel panel = {.series = LEFT, .n = 2};
    plot_page page = {.panels = &panel, .n = 1};
    char folder[2000];
    fm_error err;
    EXPECT_EQ(plot_write("/tmp/nowhere/at/all", "it", &DATA, &page, &err), FM_BAD);
    EXPECT_HAS(err.text, "/tmp/nowhere/at/all/it.csv");
    memset(folder, 'x', sizeof folder - 1);
    folder[sizeof folder - 1] = '\0';
    EXPECT_EQ(plot_write(folder, "it", &DATA, &page, &err), FM_BAD);
    EXPECT_HAS(err.text, "the path is too long");
    EXPECT(!plot_draw("/tmp/nowhere/at/all", "it"));
}

TEST(plot_without_gnuplot_is_not_drawn) {
    plot_panel panel = {.series = LEFT, .n = 2};
    char folder[] = "/tmp/fm_test_plot_XXXXXX", *path = getenv("PATH"), kept[4096];
    fm_error err;
    snprintf(kept, sizeof kept, "%s", path ? path : "");
    EXPECT(mkdtemp(folder) != NULL);
    EXPECT_EQ(plot_write(folder, "it", &DATA, &(plot_page){.panels = &panel, .n = 1}, &err), FM_OK);
    setenv("PATH", "/tmp/nowhere", 1);
    EXPECT(!plot_draw(folder, "it"));
    setenv("PATH", kept, 1);
    free(read_and_remove(folder, ".csv"));
    free(read_and_remove(folder, ".gp"));
    EXPECT_EQ(rmdir(folder), 0);
}

static void write_series(plot_series series, bool log_y) {
    plot_panel panel = {.series = &series, .n = 1, .log_y = log_y};
    fm_error err;
    plot_write("/tmp/nowhere", "it", &DATA, &(plot_page){.panels = &panel, .n = 1}, &err);
}

static void far_column(void) { write_series((plot_series){.title = "t", .column = 7}, false); }
static void no_title(void) { write_series((plot_series){.column = 1}, false); }
static void half_a_band(void) { write_series((plot_series){.title = "t", .column = 1, .low = 2}, false); }
static void area_with_band(void) {
    write_series((plot_series){.title = "t", .kind = PLOT_AREA, .column = 1, .low = 2, .high = 3}, false);
}
static void bent_arrows(void) {
    write_series((plot_series){.kind = PLOT_ARROWS, .column = 1, .dx = 2, .dy = 3}, true);
}
static void no_series(void) {
    plot_panel panel = {.title = "empty"};
    fm_error err;
    plot_write("/tmp/nowhere", "it", &DATA, &(plot_page){.panels = &panel, .n = 1}, &err);
}

TEST(plot_stops_at_a_slip) {
    EXPECT_ABORTS(far_column, "column 7 of 7");
    EXPECT_ABORTS(no_title, "without a title");
    EXPECT_ABORTS(half_a_band, "half a band");
    EXPECT_ABORTS(area_with_band, "neither line nor points");
    EXPECT_ABORTS(bent_arrows, "logarithmic");
    EXPECT_ABORTS(no_series, "has no series");
}

TEST_MAIN(CASE(plot_table_holds_the_numbers),
          CASE(plot_styles_belong_to_titles_and_the_legend_names_each_once), CASE(plot_styles_all_differ),
          CASE(plot_colours_can_be_told_apart_by_all_eyes), CASE(plot_says_where_it_cannot_write),
          CASE(plot_without_gnuplot_is_not_drawn), CASE(plot_stops_at_a_slip))
