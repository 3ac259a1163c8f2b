/* plot.c: see plot.h. The script spells out the places that plot_layout.h finds. */
#include "training/show/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "training/run/results.h"
#include "training/show/plot_layout.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Neighbours differ in lightness. */
static const char *const COLOUR[] = {"#0072b2", "#e69f00", "#009e73", "#6611cc", "#56b4e9",
                                     "#d55e00", "#a8d070", "#663311", "#cc79a7", "#000000"};
/* The numbers of colours, dashes and marks have no divisor in common: combinations come back late. */
static const char *const DASHES[] = {"solid",  "(9,3)",         "(3,2)", "(9,3,2,3)",
                                     "(16,4)", "(9,3,2,3,2,3)", "(5,5)"};
static const int MARK[] = {7, 5, 9, 13, 11, 15, 6, 4, 8, 12, 10, 14, 2};

#define ARROW_LOOK "head filled size screen %.5f,18 linecolor rgb '#888888' linewidth 1"
#define ARROW_HEAD 5.0 /* pixels */
#define AREA_LOOK "fillstyle solid 0.85 noborder"
#define BAND_LOOK "fillstyle transparent solid 0.2 noborder"

/* ---- the numbers ---- */

static fm_status begin(fm_writer *writer, const char *folder, const char *name, const char *ending,
                       fm_error *err) {
    char path[1024];
    int n = snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    if (n < 0 || (size_t)n >= sizeof path) return fm_fail(err, "'%.60s...': the path is too long", folder);
    return fm_writer_begin(writer, path, err);
}

static fm_status write_data(const char *folder, const char *name, const plot_data *data, fm_error *err) {
    fm_writer writer;
    if (begin(&writer, folder, name, ".csv", err) != FM_OK) return FM_BAD;
    for (size_t c = 0; c < data->width; c++) {
        if (c) fputc(',', writer.file);
        csv_write_text(writer.file, data->names[c]);
    }
    fputc('\n', writer.file);
    for (size_t r = 0; r < data->rows; r++) {
        for (size_t c = 0; c < data->width; c++) {
            if (c) fputc(',', writer.file);
            csv_write_number(writer.file, data->numbers[r * data->width + c]);
        }
        fputc('\n', writer.file);
    }
    return fm_writer_commit(&writer, err);
}

/* ---- the script ---- */

/* A page at work. */
typedef struct figure {
    FILE *out;
    const char *csv;
    const plot_data *data;
    const plot_page *page;
    plot_layout at;
    bool begun; /* the plot command of this panel */
} figure;

static void put_number(FILE *out, double value) {
    char text[40];
    fputs(fm_text_from_real(value, text, sizeof text), out);
}

/* A text at a place on the page: its middle, or the middle of its left side. `words`: "center", "rotate
 * center", ...; gnuplot counts from the middle of the first line. */
static void put_label(const figure *f, const char *text, double size, double width, double x, double y,
                      const char *words) {
    char wrapped[PLOT_TEXT_MAX];
    size_t lines = plot_text_wrap(text, size, width, wrapped);
    if (lines == 0) return;
    double shift = PLOT_LINE_HEIGHT * (double)(lines - 1) / 2;
    if (strstr(words, "rotate")) x -= shift;
    else y -= shift;
    fputs("set label ", f->out);
    plot_text_put(f->out, wrapped);
    fprintf(f->out, " at screen %.5f,%.5f %s\n", x / f->at.width, 1 - y / f->at.height, words);
}

static void put_axis(FILE *out, char letter, const plot_axis *axis) {
    if (axis->log) fprintf(out, "set logscale %c\n", letter);
    fprintf(out, "set %crange [", letter);
    put_number(out, axis->low);
    fputc(':', out);
    put_number(out, axis->high);
    fprintf(out, "]\nset %ctics (", letter);
    for (size_t i = 0; i < axis->n; i++) {
        fputs(i ? ", " : "", out);
        plot_text_put(out, axis->tick[i].label);
        fputc(' ', out);
        put_number(out, axis->tick[i].at);
        if (!axis->tick[i].label[0]) fputs(" 1", out); /* a small one */
    }
    fputs(")\n", out);
}

/* In pixels from the left and upper edge of the page. */
static void put_margins(const figure *f, double left, double right, double top, double bottom) {
    double width = f->at.width, height = f->at.height;
    const char letter[] = {'l', 'r', 't', 'b'};
    const double place[] = {left / width, right / width, 1 - top / height, 1 - bottom / height};
    for (size_t i = 0; i < 4; i++) fprintf(f->out, "set %cmargin at screen %.5f\n", letter[i], place[i]);
}

/* Begins another element of the panel's plot command. */
static void begin_element(figure *f) {
    fputs(f->begun ? ", \\\n     " : "plot ", f->out);
    plot_text_put(f->out, f->csv);
    fputs(" skip 1 using ", f->out);
    f->begun = true;
}

/* Ends it with the style of its title; the title itself is there for who reads the script. */
static void put_style(const figure *f, const plot_series *s, const char *how, const char *more) {
    char title[PLOT_TEXT_MAX];
    plot_text_wrap(s->title, PLOT_FONT, INFINITY, title);
    fprintf(f->out, " with %s linestyle %zu %s title ", how, plot_layout_entry(&f->at, s->title) + 1, more);
    plot_text_put(f->out, title);
}

/* The sum of the areas among the first k series. */
static void put_sum(FILE *out, const plot_panel *panel, size_t k) {
    fputs(":(0", out);
    for (size_t i = 0; i < k; i++)
        if (panel->series[i].kind == PLOT_AREA) fprintf(out, "+v(%zu)", panel->series[i].column + 1);
    fputc(')', out);
}

/* What arrows are multiplied by: the longest becomes as long as they are apart, were they spread evenly over
 * the rectangle, or along the line, where they stand. */
static double arrow_scale(const figure *f, size_t p, const plot_series *s) {
    double x_unit = f->at.plot_width / (f->at.x[p].high - f->at.x[p].low);
    double y_unit = f->at.plot_height / (f->at.y[p].high - f->at.y[p].low);
    plot_span x = PLOT_NOTHING, y = PLOT_NOTHING;
    double longest = 0, count = 0;
    for (size_t r = 0; r < f->data->rows; r++) {
        double dx = plot_number(f->data, r, s->dx), dy = plot_number(f->data, r, s->dy);
        double length = hypot(dx * x_unit, dy * y_unit);
        if (!isfinite(length)) continue;
        plot_span_add(&x, plot_number(f->data, r, s->x), false);
        plot_span_add(&y, plot_number(f->data, r, s->column), false);
        longest = fmax(longest, length);
        count++;
    }
    if (!(longest > 0)) return 0;
    double width = (x.high - x.low) * x_unit, height = (y.high - y.low) * y_unit;
    double apart = sqrt(fmax(width, height / count) * fmax(height, width / count) / count);
    return (apart > 0 ? apart : PLOT_SAMPLE) / longest;
}

static void put_arrows(figure *f, size_t p, const plot_series *s) {
    double scale = arrow_scale(f, p, s);
    begin_element(f);
    fprintf(f->out, "(v(%zu)-%.6g*v(%zu)):", s->x + 1, scale / 2, s->dx + 1);
    fprintf(f->out, "(v(%zu)-%.6g*v(%zu))", s->column + 1, scale / 2, s->dy + 1);
    fprintf(f->out, ":(%.6g*v(%zu)):(%.6g*v(%zu)) with vectors ", scale, s->dx + 1, scale, s->dy + 1);
    fprintf(f->out, ARROW_LOOK " notitle", ARROW_HEAD / f->at.width);
}

/* What lies behind the lines of a panel. */
static void put_ground(figure *f, size_t p, size_t k) {
    const plot_panel *panel = &f->page->panels[p];
    const plot_series *s = &panel->series[k];
    if (s->kind == PLOT_ARROWS) put_arrows(f, p, s);
    if (s->kind == PLOT_LINE && s->low) {
        begin_element(f);
        fprintf(f->out, "(v(%zu)):(above(v(%zu))):(v(%zu))", s->x + 1, s->low + 1, s->high + 1);
        put_style(f, s, "filledcurves", BAND_LOOK);
    }
    if (s->kind == PLOT_AREA) {
        begin_element(f);
        fprintf(f->out, "(v(%zu))", s->x + 1);
        put_sum(f->out, panel, k);
        put_sum(f->out, panel, k + 1);
        put_style(f, s, "filledcurves", AREA_LOOK);
    }
}

static void put_front(figure *f, size_t p, size_t k) {
    const plot_series *s = &f->page->panels[p].series[k];
    if (s->kind == PLOT_LINE) {
        begin_element(f);
        fprintf(f->out, "(v(%zu)):(v(%zu))", s->x + 1, s->column + 1);
        put_style(f, s, plot_layout_has_marks(f->data, s) ? "linespoints" : "lines", "");
    }
    if (s->kind == PLOT_POINTS) {
        begin_element(f);
        fprintf(f->out, "(v(%zu)):(v(%zu))", s->x + 1, s->column + 1);
        if (s->low) fprintf(f->out, ":(above(v(%zu))):(v(%zu))", s->low + 1, s->high + 1);
        put_style(f, s, s->low ? "yerrorbars" : "points", "dashtype solid");
    }
}

/* The texts around the axes of a panel whose upper left corner is at (x, y). */
static void put_texts(const figure *f, size_t p, double x, double y) {
    const plot_panel *panel = &f->page->panels[p];
    const plot_layout *at = &f->at;
    double width = plot_layout_panel_text(at), height = at->plot_height;
    double above = plot_layout_height(panel->title, PLOT_FONT, width);
    double below = plot_layout_height(panel->x_label, PLOT_FONT, width);
    double beside = plot_layout_height(panel->y_label, PLOT_FONT, height);
    double title_y = y - PLOT_MARGIN - above / 2;
    double x_label_y = y + height + PLOT_TICK + PLOT_LINE_HEIGHT + below / 2;
    double y_label_x = x - PLOT_TICK - plot_axis_label_width(&at->y[p]) - PLOT_MARGIN - beside / 2;
    put_label(f, panel->title, PLOT_FONT, width, x + at->plot_width / 2, title_y, "center");
    put_label(f, panel->x_label, PLOT_FONT, width, x + at->plot_width / 2, x_label_y, "center");
    put_label(f, panel->y_label, PLOT_FONT, height, y_label_x, y + height / 2, "rotate center");
}

/* On a logarithmic axis a band whose lower end is not above 0 reaches down to the edge. */
static void put_above(FILE *out, const plot_axis *y) {
    fputs("above(y) = ", out);
    if (y->log) {
        fputs("y < ", out);
        put_number(out, y->low);
        fputs(" ? ", out);
        put_number(out, y->low);
        fputs(" : ", out);
    }
    fputs("y\n", out);
}

static void put_panel(figure *f, size_t p) {
    const plot_layout *at = &f->at;
    double x = (double)(p % at->columns) * at->width / (double)at->columns + at->left;
    double y = (double)(p / at->columns) * at->panels_height / (double)at->lines + at->top;
    fprintf(f->out, "\n# panel %zu\nunset label; unset logscale\n", p + 1);
    put_margins(f, x, x + at->plot_width, y, y + at->plot_height);
    put_texts(f, p, x, y);
    put_axis(f->out, 'x', &at->x[p]);
    put_axis(f->out, 'y', &at->y[p]);
    put_above(f->out, &at->y[p]);
    f->begun = false;
    for (size_t k = 0; k < f->page->panels[p].n; k++) put_ground(f, p, k);
    for (size_t k = 0; k < f->page->panels[p].n; k++) put_front(f, p, k);
    fputc('\n', f->out);
}

static void put_swatch(const figure *f, size_t k, double x, double y, double width, const char *look) {
    fprintf(f->out, "set object rectangle from %.1f,%.1f to %.1f,%.1f fillcolor rgb '%s' %s\n", x, y - 5,
            x + width, y + 5, COLOUR[k % COUNT(COLOUR)], look);
}

/* A sample of an entry, from (x, y) to the right. */
static void put_sample(const figure *f, size_t k, double x, double y) {
    const plot_entry *e = &f->at.entry[k];
    double right = x + PLOT_SAMPLE, width = e->line ? PLOT_SAMPLE / 3 : PLOT_SAMPLE;
    if (e->area) {
        put_swatch(f, k, x, y, width, AREA_LOOK);
        x += width + 3;
    }
    if (e->band) put_swatch(f, k, x, y, right - x, BAND_LOOK);
    if (e->line || e->arrows) fprintf(f->out, "set arrow from %.1f,%.1f to %.1f,%.1f ", x, y, right, y);
    if (e->line) fprintf(f->out, "nohead linestyle %zu\n", k + 1);
    else if (e->arrows) fprintf(f->out, ARROW_LOOK "\n", ARROW_HEAD / f->at.width);
    if (e->marks)
        fprintf(f->out, "set label '' at %.1f,%.1f point linestyle %zu\n", (x + right) / 2, y, k + 1);
}

/* The legend and the note: on axes whose unit is a pixel of the page. */
static void put_legend(const figure *f) {
    const plot_layout *at = &f->at;
    double left = (at->width - at->legend_width * (double)at->legend_columns + 2 * PLOT_MARGIN) / 2;
    double top = at->panels_height + PLOT_MARGIN, title = plot_layout_legend_text(at);
    double width = plot_layout_note_text(at), note = plot_layout_height(f->page->note, PLOT_NOTE_FONT, width);
    char words[64];
    fputs("\n# legend\nunset label; unset logscale; unset border; unset tics; unset grid\n", f->out);
    put_margins(f, 0, at->width, 0, at->height);
    fprintf(f->out, "set xrange [0:%.1f]; set yrange [%.1f:0]\n", at->width, at->height);
    for (size_t k = 0; k < at->entries; k++) {
        double x = left + at->legend_width * (double)(k % at->legend_columns);
        double y = top + at->legend_height * ((double)(k / at->legend_columns) + 0.5);
        put_sample(f, k, x, y);
        put_label(f, at->entry[k].title, PLOT_FONT, title, x + PLOT_SAMPLE + PLOT_MARGIN, y, "left");
    }
    snprintf(words, sizeof words, "center font ',%d' textcolor rgb '#555555'", PLOT_NOTE_FONT);
    put_label(f, f->page->note, PLOT_NOTE_FONT, width, at->width / 2, at->height - PLOT_MARGIN - note / 2,
              words);
    fputs("plot NaN notitle\n", f->out);
}

static void put_head(const figure *f, const char *name) {
    FILE *out = f->out;
    fprintf(out, "# gnuplot %s.gp draws %s.svg from %s.csv\n", name, name, name);
    fputs("set encoding utf8\nset terminal svg noenhanced background 'white' ", out);
    fprintf(out, "size %.0f,%.0f font 'sans-serif,%d'\nset output ", f->at.width, f->at.height, PLOT_FONT);
    char svg[PLOT_TEXT_MAX];
    fm_text_format(svg, sizeof svg, "%s.svg", name);
    plot_text_put(out, svg);
    fputs("\nset datafile separator ','\n"
          "v(c) = valid(c) ? column(c) : NaN # an empty field is a gap\n"
          "unset key\n"
          "set border 3 linecolor rgb '#444444'\n"
          "set grid linetype 1 linewidth 1 linecolor rgb '#e4e4e4'\n"
          "set tics out nomirror scale 0.6,0.3\n"
          "set xtics offset 0,0.4 textcolor rgb 'black'\n"
          "set ytics offset 0.6,0 textcolor rgb 'black'\n",
          out);
    for (size_t k = 0; k < f->at.entries; k++) {
        fprintf(out, "set style line %zu linecolor rgb '%s' linewidth 2 ", k + 1, COLOUR[k % COUNT(COLOUR)]);
        fprintf(out, "dashtype %s pointtype %d pointsize 0.6\n", DASHES[k % COUNT(DASHES)],
                MARK[k % COUNT(MARK)]);
    }
    fputs("set multiplot\n", out);
}

static fm_status write_script(const char *folder, const char *name, figure *f, fm_error *err) {
    fm_writer writer;
    if (begin(&writer, folder, name, ".gp", err) != FM_OK) return FM_BAD;
    f->out = writer.file;
    put_head(f, name);
    for (size_t p = 0; p < f->page->n; p++) put_panel(f, p);
    put_legend(f);
    fputs("unset multiplot\n", f->out);
    return fm_writer_commit(&writer, err);
}

/* ---- the figure ---- */

static void check_series(const char *name, const plot_data *data, const plot_panel *panel,
                         const plot_series *s) {
    const size_t columns[] = {s->x, s->column, s->low, s->high, s->dx, s->dy};
    const char *title = s->title ? s->title : "arrows";
    for (size_t i = 0; i < COUNT(columns); i++)
        FM_CHECK(columns[i] < data->width, "plot %s: '%s': column %zu of %zu", name, title, columns[i],
                 data->width);
    FM_CHECK(s->title || s->kind == PLOT_ARROWS, "plot %s: a series without a title", name);
    FM_CHECK((s->low == 0) == (s->high == 0), "plot %s: '%s': half a band", name, title);
    FM_CHECK(!s->low || s->kind == PLOT_LINE || s->kind == PLOT_POINTS,
             "plot %s: '%s': a band around neither line nor points", name, title);
    FM_CHECK(s->kind != PLOT_ARROWS || !(panel->log_x || panel->log_y),
             "plot %s: '%s' on a logarithmic axis", name, title);
}

static void check_page(const char *name, const plot_data *data, const plot_page *page) {
    FM_CHECK(page->n >= 1 && data->width >= 2, "plot %s: %zu panels, %zu columns", name, page->n,
             data->width);
    for (size_t p = 0; p < page->n; p++) {
        const plot_panel *panel = &page->panels[p];
        FM_CHECK(panel->n >= 1, "plot %s: panel %zu has no series", name, p);
        FM_CHECK(!panel->log_y || panel->low == panel->high || panel->low > 0,
                 "plot %s: panel %zu: a logarithmic axis from %g", name, p, panel->low);
        for (size_t k = 0; k < panel->n; k++) check_series(name, data, panel, &panel->series[k]);
    }
}

fm_status plot_write(const char *folder, const char *name, const plot_data *data, const plot_page *page,
                     fm_error *err) {
    fm_arena arena = {0};
    char csv[PLOT_TEXT_MAX];
    check_page(name, data, page);
    fm_text_format(csv, sizeof csv, "%s.csv", name);
    figure f = {.csv = csv, .data = data, .page = page, .at = plot_layout_of(data, page, &arena)};
    fm_status status = write_data(folder, name, data, err);
    if (status == FM_OK) status = write_script(folder, name, &f, err);
    fm_arena_free(&arena);
    return status;
}

bool plot_draw(const char *folder, const char *name) {
    char script[PLOT_TEXT_MAX];
    int how;
    fm_text_format(script, sizeof script, "%s.gp", name);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return false;
    if (pid == 0) {
        int nowhere = open("/dev/null", O_RDWR);
        if (nowhere < 0 || chdir(folder) != 0) _exit(1);
        for (int fd = 0; fd <= 2; fd++)
            if (dup2(nowhere, fd) < 0) _exit(1);
        execlp("gnuplot", "gnuplot", script, (char *)NULL);
        _exit(1);
    }
    while (waitpid(pid, &how, 0) < 0)
        if (errno != EINTR) return false;
    return WIFEXITED(how) && WEXITSTATUS(how) == 0;
}
