/* plot.c: see plot.h. */
#include "training/show/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "training/run/results.h"

#define PANEL_WIDTH 480
#define PANEL_HEIGHT 360

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
    for (size_t c = 0; c < data->width; c++) fprintf(writer.file, "%s%s", c ? "," : "", data->names[c]);
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

/* As a gnuplot string: in single quotes, where only the quote itself is special. */
static void put_text(FILE *out, const char *text) {
    fputc('\'', out);
    for (const char *c = text ? text : ""; *c; c++) fprintf(out, *c == '\'' ? "''" : "%c", *c);
    fputc('\'', out);
}

static void put_curve(FILE *out, const char *name, const plot_panel *panel, size_t k) {
    const plot_series *s = &panel->series[k];
    fprintf(out, "%s ", k ? ", \\\n   " : "plot");
    put_text(out, name);
    if (panel->stacked) {
        fprintf(out, " skip 1 using 1:(0");
        for (size_t i = 0; i < k; i++) fprintf(out, "+$%zu", panel->series[i].column + 1);
        fprintf(out, "):(0");
        for (size_t i = 0; i <= k; i++) fprintf(out, "+$%zu", panel->series[i].column + 1);
        fprintf(out, ") with filledcurves title ");
    } else {
        fprintf(out, " skip 1 using 1:%zu with lines linewidth 2 title ", s->column + 1);
    }
    put_text(out, s->title);
    fprintf(out, " noenhanced");
}

static void put_panel(FILE *out, const char *data_name, const plot_panel *panel) {
    fprintf(out, "set title ");
    put_text(out, panel->title);
    fprintf(out, " noenhanced\nset xlabel ");
    put_text(out, panel->x_label);
    fprintf(out, " noenhanced\nset ylabel ");
    put_text(out, panel->y_label);
    fprintf(out, " noenhanced\n");
    if (panel->high > panel->low) fprintf(out, "set yrange [%g:%g]\n", panel->low, panel->high);
    else fprintf(out, "set yrange [*:*]\n");
    for (size_t k = 0; k < panel->n; k++) put_curve(out, data_name, panel, k);
    fputc('\n', out);
}

static fm_status write_script(const char *folder, const char *name, const plot_panel *panels, size_t n,
                              fm_error *err) {
    fm_writer writer;
    char file[300];
    size_t columns = n < 3 ? n : 3, lines = (n + columns - 1) / columns;
    if (begin(&writer, folder, name, ".gp", err) != FM_OK) return FM_BAD;
    FILE *out = writer.file;
    fprintf(out, "# gnuplot %s.gp draws %s.svg from %s.csv\n", name, name, name);
    fprintf(out, "set terminal svg size %zu,%zu background 'white'\nset output ", columns * PANEL_WIDTH,
            lines * PANEL_HEIGHT);
    snprintf(file, sizeof file, "%s.svg", name);
    put_text(out, file);
    fprintf(out, "\nset datafile separator ','\nset style fill solid 0.6\nset key outside below\nset grid\n");
    fprintf(out, "set linetype 9 linecolor rgb '#8c564b'\nset linetype 10 linecolor rgb '#17becf'\n"
                 "set linetype cycle 10\n");
    fprintf(out, "set multiplot layout %zu,%zu\n", lines, columns);
    snprintf(file, sizeof file, "%s.csv", name);
    for (size_t k = 0; k < n; k++) put_panel(out, file, &panels[k]);
    fprintf(out, "unset multiplot\n");
    return fm_writer_commit(&writer, err);
}

fm_status plot_write(const char *folder, const char *name, const plot_data *data, const plot_panel *panels,
                     size_t n, fm_error *err) {
    FM_CHECK(n >= 1 && data->width >= 2, "plot %s: %zu panels, %zu columns", name, n, data->width);
    if (write_data(folder, name, data, err) != FM_OK) return FM_BAD;
    return write_script(folder, name, panels, n, err);
}

bool plot_draw(const char *folder, const char *name) {
    char script[300];
    int how;
    snprintf(script, sizeof script, "%s.gp", name);
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
