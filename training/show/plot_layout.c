/* plot_layout.c: see plot_layout.h. */
#include "training/show/plot_layout.h"

#include <math.h>
#include <string.h>

#define FEW 30 /* points of a line up to which each one has a mark */

/* By the number of panels beside each other. */
static const double CELL_WIDTH[] = {540, 430, 350}, PLOT_HEIGHT[] = {300, 250, 210};

/* ---- what the numbers ask for ---- */

double plot_number(const plot_data *data, size_t row, size_t column) {
    return data->numbers[row * data->width + column];
}

/* y of series k: of an area, its upper edge. */
static double height_of(const plot_data *data, const plot_panel *panel, size_t k, size_t row) {
    double sum = plot_number(data, row, panel->series[k].column);
    for (size_t i = 0; i < k && panel->series[k].kind == PLOT_AREA; i++)
        if (panel->series[i].kind == PLOT_AREA) sum += plot_number(data, row, panel->series[i].column);
    return sum;
}

bool plot_layout_has_marks(const plot_data *data, const plot_series *series) {
    size_t n = 0;
    for (size_t r = 0; r < data->rows; r++)
        n += isfinite(plot_number(data, r, series->x)) && isfinite(plot_number(data, r, series->column));
    return series->kind == PLOT_POINTS || (series->kind == PLOT_LINE && n <= FEW);
}

/* How far arrows reach beyond the places of the outermost, as a share of what these span. */
static double half_an_arrow(const plot_data *data, const plot_series *series) {
    double n = 0;
    for (size_t r = 0; r < data->rows; r++) n += isfinite(plot_number(data, r, series->dx));
    return 0.6 / fmax(1, sqrt(n) - 1);
}

/* The axes of a panel, without ticks. */
static void find_axes(const plot_data *data, const plot_panel *panel, plot_axis *x, plot_axis *y) {
    plot_span along = PLOT_NOTHING, up = PLOT_NOTHING, bands = PLOT_NOTHING;
    double side = 0, above = 0.05; /* a line along the edge would be cut in half */
    for (size_t k = 0; k < panel->n; k++) {
        const plot_series *s = &panel->series[k];
        for (size_t r = 0; r < data->rows; r++) {
            double at = plot_number(data, r, s->x), value = height_of(data, panel, k, r);
            if (!isfinite(at) || !isfinite(value)) continue;
            plot_span_add(&along, at, panel->log_x);
            plot_span_add(&up, value, panel->log_y);
            if (!s->low) continue;
            plot_span_add(&bands, plot_number(data, r, s->low), panel->log_y);
            plot_span_add(&bands, plot_number(data, r, s->high), panel->log_y);
        }
        if (s->kind == PLOT_AREA) {
            plot_span_add(&up, 0, panel->log_y);
            above = 0;
        }
        if (plot_layout_has_marks(data, s)) side = fmax(side, 0.04);
        if (s->kind == PLOT_ARROWS) side = above = half_an_arrow(data, s);
    }
    *x = plot_axis_of(along, PLOT_NOTHING, panel->log_x, side);
    *y = plot_axis_of(up, bands, panel->log_y, above);
    if (panel->high > panel->low)
        *y = (plot_axis){.low = panel->low, .high = panel->high, .log = panel->log_y};
}

/* ---- the legend ---- */

size_t plot_layout_entry(const plot_layout *layout, const char *title) {
    size_t k = 0;
    while (k < layout->entries && strcmp(layout->entry[k].title, title) != 0) k++;
    return k;
}

static void collect_entries(plot_layout *layout, const plot_data *data, const plot_page *page,
                            fm_arena *arena) {
    size_t most = 0;
    for (size_t p = 0; p < page->n; p++) most += page->panels[p].n;
    layout->entry = fm_arena_array(arena, plot_entry, most);
    for (size_t p = 0; p < page->n; p++) {
        for (size_t i = 0; i < page->panels[p].n; i++) {
            const plot_series *s = &page->panels[p].series[i];
            if (!s->title) continue;
            plot_entry *entry = &layout->entry[plot_layout_entry(layout, s->title)];
            if (!entry->title) {
                entry->title = s->title;
                layout->entries++;
            }
            entry->line |= s->kind == PLOT_LINE;
            entry->band |= s->kind == PLOT_LINE && s->low;
            entry->marks |= plot_layout_has_marks(data, s);
            entry->area |= s->kind == PLOT_AREA;
            entry->arrows |= s->kind == PLOT_ARROWS;
        }
    }
}

/* ---- places ---- */

double plot_layout_height(const char *text, double size, double width) {
    char wrapped[PLOT_TEXT_MAX];
    return PLOT_LINE_HEIGHT * (double)plot_text_wrap(text, size, width, wrapped);
}

/* How wide the axes are depends on their labels, and which labels fit on how wide they are: y labels are
 * chosen first, for the height is given; then x labels for the width that leaves, and again once their own
 * overhang is known. */
static void place_axes(plot_layout *layout, const plot_data *data, const plot_page *page, fm_arena *arena) {
    double beside = 0, y_label = 0, x_label = 0, cell = CELL_WIDTH[layout->columns - 1];
    layout->x = fm_arena_array(arena, plot_axis, page->n);
    layout->y = fm_arena_array(arena, plot_axis, page->n);
    for (size_t k = 0; k < page->n; k++) {
        find_axes(data, &page->panels[k], &layout->x[k], &layout->y[k]);
        plot_axis_set_ticks(&layout->y[k], layout->plot_height, true);
        y_label = fmax(y_label, plot_axis_label_width(&layout->y[k]));
        beside = fmax(beside, plot_layout_height(page->panels[k].y_label, PLOT_FONT, layout->plot_height));
    }
    double left = PLOT_MARGIN + beside + PLOT_MARGIN + y_label + PLOT_TICK;
    for (int pass = 0; pass < 2; pass++) {
        layout->right = PLOT_MARGIN + x_label / 2;
        layout->left = fmax(left, layout->right);
        layout->plot_width = cell - layout->left - layout->right;
        for (size_t k = 0; k < page->n; k++) {
            plot_axis_set_ticks(&layout->x[k], layout->plot_width, false);
            x_label = fmax(x_label, plot_axis_label_width(&layout->x[k]));
        }
    }
}

static void place_panels(plot_layout *layout, const plot_page *page) {
    double above = 0, below = 0, text = plot_layout_panel_text(layout);
    for (size_t k = 0; k < page->n; k++) {
        above = fmax(above, plot_layout_height(page->panels[k].title, PLOT_FONT, text));
        below = fmax(below, plot_layout_height(page->panels[k].x_label, PLOT_FONT, text));
    }
    layout->top = 2 * PLOT_MARGIN + above;
    layout->bottom = PLOT_TICK + PLOT_LINE_HEIGHT + below + PLOT_MARGIN;
    layout->width = CELL_WIDTH[layout->columns - 1] * (double)layout->columns;
    layout->panels_height = (layout->top + layout->plot_height + layout->bottom) * (double)layout->lines;
}

static void place_legend(plot_layout *layout, const plot_page *page) {
    size_t n = layout->entries;
    double widest = 0, width = plot_layout_legend_text(layout);
    for (size_t k = 0; k < n; k++) {
        char text[PLOT_TEXT_MAX];
        size_t lines = plot_text_wrap(layout->entry[k].title, PLOT_FONT, width, text);
        layout->legend_height = fmax(layout->legend_height, PLOT_LINE_HEIGHT * (double)lines);
        widest = fmax(widest, plot_text_width(text, PLOT_FONT));
    }
    layout->legend_width = PLOT_SAMPLE + PLOT_MARGIN + widest + 2 * PLOT_MARGIN;
    layout->legend_columns = (size_t)(layout->width / layout->legend_width);
    layout->height = layout->panels_height + PLOT_MARGIN;
    if (n > 0) {
        size_t rows = (n + layout->legend_columns - 1) / layout->legend_columns;
        layout->legend_columns = (n + rows - 1) / rows; /* rows of about one length */
        layout->height += layout->legend_height * (double)rows + PLOT_MARGIN / 2;
    }
    double note = plot_layout_height(page->note, PLOT_NOTE_FONT, plot_layout_note_text(layout));
    layout->height += note + PLOT_MARGIN;
}

double plot_layout_panel_text(const plot_layout *layout) {
    return layout->plot_width + 2 * layout->right - PLOT_MARGIN;
}

double plot_layout_legend_text(const plot_layout *layout) {
    return layout->width - PLOT_SAMPLE - 3 * PLOT_MARGIN;
}

double plot_layout_note_text(const plot_layout *layout) { return layout->width - 2 * PLOT_MARGIN; }

plot_layout plot_layout_of(const plot_data *data, const plot_page *page, fm_arena *arena) {
    plot_layout layout = {.columns = page->n == 4 ? 2 : page->n < 3 ? page->n : 3};
    layout.lines = (page->n + layout.columns - 1) / layout.columns;
    layout.plot_height = PLOT_HEIGHT[layout.columns - 1];
    collect_entries(&layout, data, page, arena);
    place_axes(&layout, data, page, arena);
    place_panels(&layout, page);
    place_legend(&layout, page);
    return layout;
}
