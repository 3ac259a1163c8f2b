/* start.c: see start.h. */
#include "envs/control/start.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/option.h"
#include "base/real.h"
#include "base/text.h"

/* "x:x_dot:theta:theta_dot" */
static const char *form(const control_variables *variables, char *text, size_t size) {
    size_t used = 0;
    for (int i = 0; i < variables->n; i++) {
        fm_text_format(text + used, size - used, "%s%s", i ? ":" : "", variables->name[i]);
        used += strlen(text + used);
    }
    return text;
}

static fm_status read_number(const char *text, const control_variables *variables, int i, double *value,
                             fm_error *err) {
    char whole[128];
    if (!fm_text_to_real(text, value) || !isfinite((real)*value)) /* observed as a real */
        return fm_fail(err, "start: '%s', for %s, is not a number; expected %d numbers, %s", text,
                       variables->name[i], variables->n, form(variables, whole, sizeof whole));
    if (*value < variables->low[i] || *value > variables->high[i])
        return fm_fail(err, "start: %s is %s, but lies within %.6g..%.6g; expected %d numbers, %s",
                       variables->name[i], text, variables->low[i], variables->high[i], variables->n,
                       form(variables, whole, sizeof whole));
    return FM_OK;
}

fm_status control_start_read(const char *text, const control_variables *variables, control_start *start,
                             fm_error *err) {
    char copy[FM_TEXT_MAX], whole[128];
    FM_CHECK(variables->n >= 1 && variables->n <= CONTROL_VARIABLES_MAX, "%d state variables", variables->n);
    memset(start, 0, sizeof *start);
    if (!*text) return FM_OK;
    int n = 1;
    for (const char *at = text; *at; at++) n += *at == ':';
    if (n != variables->n)
        return fm_fail(err, "start: '%s' has %d number%s; expected %d, %s", text, n, n == 1 ? "" : "s",
                       variables->n, form(variables, whole, sizeof whole));
    fm_text_format(copy, sizeof copy, "%s", text);
    char *at = copy;
    for (int i = 0; i < n; i++) {
        char *next = at + strcspn(at, ":");
        bool last = *next == '\0';
        *next = '\0';
        if (read_number(at, variables, i, &start->value[i], err) != FM_OK) return FM_BAD;
        if (!last) at = next + 1;
    }
    start->given = true;
    return FM_OK;
}
