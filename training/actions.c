/* actions.c: see actions.h. */
#include "training/actions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

char *action_text(const env_facts *facts, int agent, const real *joint, int digits) {
    const env_space *space = &facts->agent[agent].action;
    const real *action = joint + facts->agent[agent].action_at;
    char *text = NULL, number[40];
    size_t size;
    FILE *memory = fm_memory_open(&text, &size);
    for (int k = 0; k < space->size; k++) {
        if (k > 0) fputc(':', memory);
        if (space->kind == ENV_BOX && digits > 0) fprintf(memory, "%.*g", digits, (double)action[k]);
        else if (space->kind == ENV_BOX)
            fputs(fm_text_from_real((double)action[k], number, sizeof number), memory);
        else fputs(env_action_label(facts, agent, k, (int)action[k], number, sizeof number), memory);
    }
    fm_memory_close(memory);
    return text;
}

static fm_status parse_part(const env_facts *facts, int agent, int k, const char *text, real *action,
                            fm_error *err) {
    char who[200];
    double value;
    int index;
    if (facts->agent[agent].action.kind != ENV_BOX) {
        if (env_action_parse(facts, agent, k, text, &index, err) != FM_OK) return FM_BAD;
        *action = (real)index;
        return FM_OK;
    }
    if (!fm_text_to_real(text, &value) || !isfinite((real)value))
        return fm_fail(err, "%s: '%s' is not a number, as %s expects", facts->name, text,
                       env_agent_text(facts, agent, who, sizeof who));
    *action = (real)value;
    return FM_OK;
}

static int count_parts(const char *text) {
    int n = 1;
    for (const char *c = text; *c; c++) n += *c == ':';
    return n;
}

fm_status action_parse(const env_facts *facts, int agent, const char *text, real *joint, fm_error *err) {
    const env_space *space = &facts->agent[agent].action;
    real *action = joint + facts->agent[agent].action_at;
    /* The label of a discrete action may hold a ':' itself. */
    int parts = space->kind == ENV_DISCRETE ? 1 : count_parts(text);
    char who[200];
    if (parts != space->size)
        return fm_fail(err, "%s: '%s' holds %d %s; an action of %s has %d, separated by ':'", facts->name,
                       text, parts, space->kind == ENV_BOX ? "numbers" : "actions",
                       env_agent_text(facts, agent, who, sizeof who), space->size);
    char *copy = fm_new(strlen(text) + 1, 1), *at = copy;
    strcpy(copy, text);
    fm_status status = FM_OK;
    for (int k = 0; k < space->size && status == FM_OK; k++) {
        char *end = k + 1 < space->size ? strchr(at, ':') : NULL;
        if (end) *end = '\0';
        status = parse_part(facts, agent, k, at, action + k, err);
        if (end) at = end + 1;
    }
    free(copy);
    return status;
}
