/* start.h: the option `start` of the control environments: the situation in which every episode begins, as
 * its state variables joined by ':'. Empty: the environment draws one.
 *
 * Example (compiled by the tests):
 *
 *     static const char *const NAMES[] = {"position", "velocity"};
 *     static const double LOW[] = {-1.2, -0.07}, HIGH[] = {0.6, 0.07};
 *     const control_variables variables = {2, NAMES, LOW, HIGH};
 *     control_start start;
 *     fm_error err;
 *     if (control_start_read("-0.5:0.01", &variables, &start, &err) != FM_OK) return 1;
 *     if (!start.given || start.value[1] != 0.01) return 1;
 *     if (control_start_read("-0.5", &variables, &start, &err) == FM_OK) return 1;
 */
#ifndef ENV_CONTROL_START_H
#define ENV_CONTROL_START_H

#include <stdbool.h>

#include "base/error.h"

#define CONTROL_VARIABLES_MAX 4

/* The state variables of an environment, in the order of its text. */
typedef struct control_variables {
    int n;
    const char *const *name;  /* [n] */
    const double *low, *high; /* [n] where a start may lie, bounds included; infinite for no bound */
} control_variables;

typedef struct control_start {
    bool given; /* else the rest means nothing */
    double value[CONTROL_VARIABLES_MAX];
} control_start;

/* Reads the value of the option. Errors, which name the option and the numbers expected: another count of
 * numbers, text that is no number, a number outside its bounds, or too large for a real. */
fm_status control_start_read(const char *text, const control_variables *variables, control_start *start,
                             fm_error *err);

#endif
