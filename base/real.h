/* real.h: the number type of tensors, chosen when the library is built.
 *
 * `make` gives float; `make REAL=double` builds the same source in double, which is what the property tests
 * want: a wrong derivative and a rounding error are then ten orders of magnitude apart. */
#ifndef FM_REAL_H
#define FM_REAL_H

#include <float.h>

/* A number that is not there: a metric not known yet, a reading without meaning now. Written as an empty
 * cell, and told apart from NaN, which is always a fault. */
#define FM_ABSENT (-DBL_MAX)

#ifdef FM_DOUBLE
typedef double real;
#define REAL_NAME "double"
#define REAL_MAX_EXACT_INT 9007199254740992.0
#define REAL_EPSILON DBL_EPSILON
#else
typedef float real;
#define REAL_NAME "float"
#define REAL_MAX_EXACT_INT 16777216.0
#define REAL_EPSILON FLT_EPSILON
#endif

#endif
