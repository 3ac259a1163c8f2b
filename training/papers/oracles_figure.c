/* oracles_figure.c: figures of oracles' items; see oracles.h. */
#include <stdio.h>

#include "base/memory.h"
#include "training/papers/oracles.h"

void oracles_panel(oracles_figure *f, const char *title) {
    FM_CHECK(f->panels < ORACLES_PANELS_MAX, "oracles: more than %d panels", ORACLES_PANELS_MAX);
    f->panel[f->panels++] = (reproduce_panel){.title = title, .variants = f->variant + f->curves};
}

reproduce_curve *oracles_add(oracles_figure *f, const char *title, size_t points) {
    char name[96];
    FM_CHECK(f->panels > 0 && f->curves < ORACLES_CURVES_MAX, "oracles: curve %zu", f->curves);
    reproduce_panel *panel = &f->panel[f->panels - 1];
    reproduce_curve *curve = &f->curve[f->curves];
    snprintf(name, sizeof name, "%s %s", panel->title, title);
    *curve = reproduce_curve_new(title, points);
    curve->name = fm_arena_text(&f->names, name);
    f->variant[f->curves] = (int)f->curves;
    f->curves++;
    panel->n++;
    return curve;
}

void oracles_curve(oracles_figure *f, const char *title, const reproduce_trained *done, int column,
                   double shift) {
    reproduce_curve *curve = oracles_add(f, title, reproduce_progress_rows(done));
    for (size_t k = 0; k < curve->points; k++) {
        stats_interval y = reproduce_progress(done, k, done->columns.at[column]);
        curve->x[k] = reproduce_progress(done, k, done->columns.at[COLUMN_STEP]).mean;
        curve->y[k] = (stats_interval){y.mean + shift, y.low + shift, y.high + shift, y.n};
    }
}

void oracles_level(oracles_figure *f, const char *title, stats_interval value) {
    FM_CHECK(f->curves > 0, "oracles: a level needs a curve before it");
    const reproduce_curve *like = &f->curve[f->curves - 1];
    reproduce_curve *level = oracles_add(f, title, like->points);
    for (size_t k = 0; k < like->points; k++) {
        level->x[k] = like->x[k];
        level->y[k] = value;
    }
}

fm_status oracles_draw(const reproduce *r, const oracles_figure *f, const char *name, const char *x_label,
                       const char *y_label, fm_error *err) {
    return reproduce_curve_page(r, name, x_label, y_label, f->curve, f->curves, f->panel, f->panels, err);
}

void oracles_figure_free(oracles_figure *f) {
    reproduce_curves_free(f->curve, f->curves);
    fm_arena_free(&f->names);
}
