/* curves.c */
#include "training/papers/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "training/show/table.h"

reproduce_curve reproduce_curve_new(const char *title, size_t points) {
    reproduce_curve c = {.title = title, .points = points};
    c.x = fm_new(points + 1, sizeof *c.x);
    c.y = fm_new(points + 1, sizeof *c.y);
    return c;
}

void reproduce_curves_free(reproduce_curve *curves, size_t n) {
    for (size_t v = 0; v < n; v++) {
        free(curves[v].x);
        free(curves[v].y);
        curves[v] = (reproduce_curve){0};
    }
}

/* ---- the figure ---- */

/* A curve's place in the table: its x, which curves one after the other may share, and three columns. */
typedef struct place {
    size_t x, y;
    bool own; /* the x stands before the y */
} place;

static bool same_x(const reproduce_curve *a, const reproduce_curve *b) {
    return a->points == b->points && memcmp(a->x, b->x, a->points * sizeof *a->x) == 0;
}

/* Returns the width of the table. */
static size_t lay_out(const reproduce_curve *curves, size_t n, place *places) {
    size_t width = 0;
    for (size_t v = 0; v < n; v++) {
        places[v].own = v == 0 || !same_x(&curves[v - 1], &curves[v]);
        places[v].x = places[v].own ? width++ : places[v - 1].x;
        places[v].y = width;
        width += 3;
    }
    return width;
}

static const char *name_of(const reproduce_curve *curve, const char *part, fm_arena *arena) {
    char text[96];
    snprintf(text, sizeof text, "%s%s", curve->name ? curve->name : curve->title, part);
    return fm_arena_text(arena, text);
}

static plot_data table_of(const char *x_label, const reproduce_curve *curves, size_t n, const place *places,
                          size_t width, fm_arena *arena) {
    static const char *const PART[] = {"", " lo", " hi"};
    const char **names = fm_arena_array(arena, const char *, width);
    size_t rows = 0;
    for (size_t v = 0; v < n; v++)
        if (curves[v].points > rows) rows = curves[v].points;
    double *numbers = fm_arena_array(arena, double, rows *width + 1);
    for (size_t k = 0; k < rows * width; k++) numbers[k] = (double)NAN;
    for (size_t v = 0; v < n; v++) {
        const reproduce_curve *curve = &curves[v];
        const char *label = v == 0 ? x_label : name_of(curve, " x", arena);
        if (places[v].own) names[places[v].x] = label;
        for (size_t part = 0; part < 3; part++) names[places[v].y + part] = name_of(curve, PART[part], arena);
        for (size_t p = 0; p < curve->points; p++) {
            double *at = numbers + p * width;
            at[places[v].x] = curve->x[p];
            at[places[v].y] = curve->y[p].mean;
            at[places[v].y + 1] = curve->y[p].low;
            at[places[v].y + 2] = curve->y[p].high;
        }
    }
    return (plot_data){.names = names, .width = width, .rows = rows, .numbers = numbers};
}

static plot_series *series_of(const reproduce_panel *panel, const reproduce_curve *curves,
                              const place *places, fm_arena *arena) {
    plot_series *series = fm_arena_array(arena, plot_series, panel->n);
    for (size_t k = 0; k < panel->n; k++) {
        size_t v = (size_t)panel->variants[k], y = places[v].y;
        series[k] = (plot_series){.title = curves[v].title,
                                  .kind = curves[v].kind,
                                  .x = places[v].x,
                                  .column = y,
                                  .low = y + 1,
                                  .high = y + 2};
    }
    return series;
}

fm_status reproduce_curve_page(const reproduce *r, const char *name, const char *x_label, const char *y_label,
                               const reproduce_curve *curves, size_t n, const reproduce_panel *panels,
                               size_t panel_count, fm_error *err) {
    fm_arena arena = {0};
    char note[REPRODUCE_NOTE_MAX];
    plot_panel *drawn = fm_arena_array(&arena, plot_panel, panel_count);
    place *places = fm_arena_array(&arena, place, n);
    const size_t width = lay_out(curves, n, places);
    for (size_t p = 0; p < panel_count; p++)
        drawn[p] = (plot_panel){.title = panels[p].title,
                                .x_label = x_label,
                                .y_label = y_label,
                                .series = series_of(&panels[p], curves, places, &arena),
                                .n = panels[p].n};
    reproduce_note(r, curves[0].kind == PLOT_POINTS ? "bars" : "bands", note);
    plot_data data = table_of(x_label, curves, n, places, width, &arena);
    plot_page page = {.note = note, .panels = drawn, .n = panel_count};
    fm_status status = reproduce_figure(r, name, &data, &page, err);
    fm_arena_free(&arena);
    return status;
}

/* ---- in words ---- */

bool reproduce_clearly_more(const reproduce_curve *a, const reproduce_curve *b) {
    return a->area.low > b->area.high;
}

size_t reproduce_compare(const reproduce *r, const char *what, const reproduce_curve *curves,
                         const reproduce_pair *pairs, size_t n) {
    static const table_column COLUMNS[] = {
        {"one", true, 0}, {"mean", false, 0}, {"another", true, 0}, {"mean", false, 0}, {"", true, 0}};
    size_t apart = 0;
    table t;
    if (r->config->csv) return 0;
    reproduce_words(r, "%s of one against another:\n", what);
    table_begin(&t, COLUMNS, sizeof COLUMNS / sizeof *COLUMNS);
    for (size_t k = 0; k < n; k++) {
        const reproduce_curve *one = &curves[pairs[k].one], *other = &curves[pairs[k].other];
        bool more = reproduce_clearly_more(one, other), less = reproduce_clearly_more(other, one);
        bool known = !isnan(one->area.low) && !isnan(other->area.low);
        const reproduce_curve *sides[] = {one, other};
        for (int side = 0; side < 2; side++) {
            char mean[64];
            snprintf(mean, sizeof mean, "%.1f", sides[side]->area.mean);
            table_add(&t, sides[side]->title);
            table_add(&t, mean);
        }
        table_add(&t, !known ? "too few seeds"
                      : more ? "clearly more"
                      : less ? "clearly less"
                             : "intervals overlap");
        apart += more || less;
    }
    table_end(&t, stdout, fm_terminal_columns(stdout));
    return apart;
}
