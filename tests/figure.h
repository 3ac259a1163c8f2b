/* figure.h: writes a figure into a folder of its own and reads back what is there then.
 *
 *     written w = write_figure(&data, &page);
 *     EXPECT_HAS(w.gp, "set logscale");
 *     if (w.drawn) EXPECT_HAS(w.svg, "<text>");
 *     forget(&w);
 */
#ifndef TESTS_FIGURE_H
#define TESTS_FIGURE_H

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"
#include "training/show/plot.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The three files, "" where there was none. */
typedef struct written { char folder[64]; char *csv, *gp, *svg; bool drawn; } written;

static char *read_and_remove(const char *folder, const char *ending) {
    char path[128], *text = NULL;
    size_t length;
    fm_error err;
    snprintf(path, sizeof path, "%s/it%s", folder, ending);
    if (fm_file_read(path, &text, &length, &err) != FM_OK) text = calloc(1, 1);
    remove(path);
    return text;
}

static inline bool gnuplot_is_there(void) {
    static int known = -1;
    if (known < 0) known = system("gnuplot --version >/dev/null 2>&1") == 0;
    return known;
}

static written make_folder(void) {
    written w = {.folder = "/tmp/fm_test_plot_XXXXXX"};
    EXPECT(mkdtemp(w.folder) != NULL);
    return w;
}

/* What was written there as "it". */
static void read_back(written *w) {
    w->csv = read_and_remove(w->folder, ".csv");
    w->gp = read_and_remove(w->folder, ".gp");
    w->svg = read_and_remove(w->folder, ".svg");
    EXPECT_EQ(rmdir(w->folder), 0); /* nothing else is left there */
}

static inline written write_figure(const plot_data *data, const plot_page *page) {
    written w = make_folder();
    fm_error err;
    EXPECT_EQ(plot_write(w.folder, "it", data, page, &err), FM_OK);
    w.drawn = plot_draw(w.folder, "it");
    EXPECT_EQ(w.drawn, gnuplot_is_there());
    read_back(&w);
    return w;
}

static void forget(written *w) {
    free(w->csv);
    free(w->gp);
    free(w->svg);
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) n++;
    return n;
}

/* A table with gaps, and two of its curves. */
static const char *const NAMES[] = {"step", "a", "a lo", "a hi", "b", "x, \"of\" c", "c"};
static const double NUMBERS[] = {
    0,    1,   0.5, 1.5, 4,   0.25, 7, //
    1000, 2,   1.5, 2.5, NAN, 0.5,  8, //
    2000, NAN, NAN, NAN, 2,   0.75, 9, //
    3000, 3,   2,   4,   1,   1,    8,
};
static const plot_data DATA = {.names = NAMES, .width = 7, .rows = 4, .numbers = NUMBERS};
static const plot_series LEFT[] = {{.title = "first", .column = 1, .low = 2, .high = 3},
                                   {.title = "second", .column = 4}};

#endif
