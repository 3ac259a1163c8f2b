/* picture.c: see picture.h. */
#include "envs/control/picture.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/terminal.h"

#define MARGIN 2

static double column_of(const control_picture *p, double x) { return rint((x - p->left) * 2.0 * p->scale); }

static double row_of(const control_picture *p, double y) { return rint((p->top - y) * p->scale); }

double control_picture_scale(FILE *out, double width, double most) {
    double room = (double)fm_terminal_columns(out) - MARGIN - 1;
    return fmin(most, floor(room / 2.0) / width);
}

void control_picture_clear(control_picture *p, double left, double right, double bottom, double top,
                           double rows_per_unit) {
    *p = (control_picture){.left = left, .top = top, .scale = rows_per_unit};
    p->rows = (int)row_of(p, bottom) + 1;
    p->columns = (int)column_of(p, right) + 1;
    FM_CHECK(p->rows >= 1 && p->rows <= CONTROL_PICTURE_ROWS && p->columns >= 1 &&
                 p->columns <= CONTROL_PICTURE_COLUMNS,
             "a picture of %d rows and %d columns", p->rows, p->columns);
    memset(p->cell, ' ', sizeof p->cell);
}

static void put_cell(control_picture *p, double row, double column, char c) {
    if (row >= 0 && row < p->rows && column >= 0 && column < p->columns) p->cell[(int)row][(int)column] = c;
}

void control_picture_put(control_picture *p, double x, double y, char c) {
    put_cell(p, row_of(p, y), column_of(p, x), c);
}

/* From cell to cell; a step has the character of its direction, and the first cell that of the second. */
void control_picture_line(control_picture *p, double x0, double y0, double x1, double y1) {
    double row0 = row_of(p, y0), column0 = column_of(p, x0);
    double rows = row_of(p, y1) - row0, columns = column_of(p, x1) - column0;
    double steps = fmax(fabs(rows), fabs(columns)), row = row0, column = column0;
    for (double k = 1; k <= steps; k++) {
        double next_row = rint(row0 + rows * k / steps), next_column = rint(column0 + columns * k / steps);
        double down = next_row - row, right = next_column - column;
        char c = down == 0 ? '-' : right == 0 ? '|' : down * right > 0 ? '\\' : '/';
        if (k == 1) put_cell(p, row, column, c);
        put_cell(p, next_row, next_column, c);
        row = next_row, column = next_column;
    }
}

void control_picture_print(const control_picture *p, FILE *out) {
    for (int row = 0; row < p->rows; row++) {
        int length = p->columns;
        while (length > 0 && p->cell[row][length - 1] == ' ') length--;
        fprintf(out, "%*s%.*s\n", length ? MARGIN : 0, "", length, p->cell[row]);
    }
}
