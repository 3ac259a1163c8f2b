/* picture.h: a small drawing in text, for the pictures of the control environments.
 *
 * Points are in units of the world, y upwards; what lies outside the picture is left out. A character is
 * taken to be twice as high as it is wide. */
#ifndef ENV_CONTROL_PICTURE_H
#define ENV_CONTROL_PICTURE_H

#include <stdio.h>

#define CONTROL_PICTURE_ROWS 24
#define CONTROL_PICTURE_COLUMNS 78

typedef struct control_picture {
    double left, top, scale; /* the upper left character's middle; rows per unit */
    int rows, columns;
    char cell[CONTROL_PICTURE_ROWS][CONTROL_PICTURE_COLUMNS];
} control_picture;

/* Rows per unit: `most`, or as many as leave room for `width` units where `out` leads to. */
double control_picture_scale(FILE *out, double width, double most);

/* An empty picture of left..right times bottom..top. Aborts when it would be larger than the bounds above. */
void control_picture_clear(control_picture *p, double left, double right, double bottom, double top,
                           double rows_per_unit);

void control_picture_put(control_picture *p, double x, double y, char c);

/* A straight line of | / - \, both ends included. */
void control_picture_line(control_picture *p, double x0, double y0, double x1, double y1);

/* Prints the rows, each after two spaces. */
void control_picture_print(const control_picture *p, FILE *out);

#endif
