/* columns.c: see columns.h. */
#include "training/columns.h"

#include <string.h>

#define NAME 256

/* ORDER column_group */
static const char *const GROUPS[] = {
    "step", "episodes", "return", "length", "outcome", "eval_return",
    "", /* a metric has a name of its own */
    "seconds", "seconds_env", "seconds_act", "seconds_update",
};
_Static_assert(sizeof GROUPS / sizeof *GROUPS == COLUMN_END, "one name per column_group");

static int width_of(const progress_columns *of, column_group group, bool evaluates) {
    switch (group) {
    case COLUMN_RETURN: return of->facts->agents;
    case COLUMN_OUTCOME: return of->facts->outcomes;
    case COLUMN_EVAL_RETURN: return evaluates ? of->facts->agents : 0;
    case COLUMN_METRIC: return algo_metric_count(of->algo, of->facts);
    default: return 1;
    }
}

progress_columns columns_of(const env_facts *facts, const algo_type *algo, bool evaluates) {
    progress_columns of = {.facts = facts, .algo = algo};
    for (int g = 0; g < COLUMN_END; g++)
        of.at[g + 1] = of.at[g] + width_of(&of, (column_group)g, evaluates);
    return of;
}

char *columns_name(const progress_columns *of, int column, char *text, size_t size) {
    int group = COLUMN_END - 1;
    FM_CHECK(column >= 0 && column < of->at[COLUMN_END], "column %d of %d", column, of->at[COLUMN_END]);
    while (of->at[group] > column) group--;
    int k = column - of->at[group];
    switch ((column_group)group) {
    case COLUMN_RETURN:
    case COLUMN_EVAL_RETURN: snprintf(text, size, "%s_%d", GROUPS[group], k); break;
    case COLUMN_OUTCOME: snprintf(text, size, "%s_%s", GROUPS[group], of->facts->outcome_name[k]); break;
    case COLUMN_METRIC: algo_metric_at(of->algo, of->facts, k, text, size); break;
    default: snprintf(text, size, "%s", GROUPS[group]);
    }
    return text;
}

int columns_find(const progress_columns *of, const char *name) {
    char text[NAME];
    for (int c = 0; c < of->at[COLUMN_END]; c++)
        if (strcmp(columns_name(of, c, text, sizeof text), name) == 0) return c;
    return -1;
}
