/* test_curves.c: the table and the panels of learning curves: whose x stands where. */
#include "tests/figure.h"
#include "tests/test.h"
#include "training/papers/oracles.h"

static const reproduce_config QUIET = {.quiet = true};
static const reproduce_item ITEM = {.name = "paper/curves", .unit = "trials"};

/* An item of two trials. */
static reproduce item_in(const char *folder) {
    reproduce r = {.config = &QUIET, .item = &ITEM, .trials = 2};
    snprintf(r.folder, sizeof r.folder, "%s", folder);
    return r;
}

/* y = x + more, in an interval of 1 to each side. */
static void fill(reproduce_curve *curve, double step, double more) {
    for (size_t p = 0; p < curve->points; p++) {
        double x = step * (double)(p + 1), y = x + more;
        curve->x[p] = x;
        curve->y[p] = (stats_interval){y, y - 1, y + 1, 2};
    }
}

TEST(curves_have_an_x_of_their_own_where_it_is_another) {
    written w = make_folder();
    fm_error err;
    oracles_figure figure = {0};
    reproduce r = item_in(w.folder);
    oracles_panel(&figure, "short");
    fill(oracles_add(&figure, "leader", 2), 10, 1);
    oracles_level(&figure, "value", (stats_interval){.mean = 7, .low = NAN, .high = NAN});
    oracles_panel(&figure, "long");
    fill(oracles_add(&figure, "leader", 3), 20, 0);
    fill(oracles_add(&figure, "other", 3), 20, 5);
    EXPECT_EQ(oracles_draw(&r, &figure, "it", "step", "sum", &err), FM_OK);
    read_back(&w);
    EXPECT_TEXT(w.csv, "step,short leader,short leader lo,short leader hi,"
                       "short value,short value lo,short value hi,"
                       "long leader x,long leader,long leader lo,long leader hi,"
                       "long other,long other lo,long other hi\n"
                       "10,11,10,12,7,,,20,20,19,21,25,24,26\n"
                       "20,21,20,22,7,,,40,40,39,41,45,44,46\n"
                       ",,,,,,,60,60,59,61,65,64,66\n");
    EXPECT_EQ(count(w.gp, "# panel"), 2);
    EXPECT_HAS(w.gp, "using (v(1)):(v(2)) with");
    EXPECT_HAS(w.gp, "using (v(8)):(v(9)) with");
    EXPECT_HAS(w.gp, "using (v(8)):(v(12)) with");
    EXPECT_HAS(w.gp, "bands: their 95 % intervals");
    forget(&w);
    oracles_figure_free(&figure);
}

TEST(points_have_bars) {
    written w = make_folder();
    fm_error err;
    oracles_figure figure = {0};
    reproduce r = item_in(w.folder);
    oracles_panel(&figure, "all");
    reproduce_curve *curve = oracles_add(&figure, "reward", 2);
    curve->kind = PLOT_POINTS;
    fill(curve, 1, 0);
    EXPECT_EQ(oracles_draw(&r, &figure, "it", "x", "y", &err), FM_OK);
    read_back(&w);
    EXPECT_HAS(w.gp, "yerrorbars");
    EXPECT_HAS(w.gp, "bars: their 95 % intervals");
    forget(&w);
    oracles_figure_free(&figure);
}

TEST(areas_are_told_apart_by_their_intervals) {
    static const reproduce_pair PAIRS[] = {{0, 1}, {1, 0}, {0, 2}, {1, 2}, {0, 3}};
    reproduce_curve curves[] = {{.title = "low", .area = {1, 0, 2, 2}},
                                {.title = "high", .area = {4, 3, 5, 2}},
                                {.title = "wide", .area = {4, 1, 7, 2}},
                                {.title = "alone", .area = {9, (double)NAN, (double)NAN, 1}}};
    reproduce r = item_in("");
    EXPECT(reproduce_clearly_more(&curves[1], &curves[0]) && !reproduce_clearly_more(&curves[0], &curves[1]));
    EXPECT_EQ(reproduce_compare(&r, "Areas", curves, PAIRS, 5), 2);
}

TEST_MAIN(CASE(curves_have_an_x_of_their_own_where_it_is_another), CASE(points_have_bars),
          CASE(areas_are_told_apart_by_their_intervals))
