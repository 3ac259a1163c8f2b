/* oracles.c: every oracle there is; to add one, write its file and name it here twice. */
#include "base/text.h"
#include "envs/commitment/oracle.h"

extern const oracle_type oracle_exact, oracle_contextual, oracle_q, oracle_weights;

const oracle_type *const ORACLE_TABLE[] = {&oracle_exact, &oracle_contextual, &oracle_q, &oracle_weights,
                                           NULL};

const oracle_type *oracle_find(const char *name, fm_error *err) {
    const char *names[sizeof ORACLE_TABLE / sizeof *ORACLE_TABLE];
    char list[256] = "";
    size_t n = 0, used = 0;
    for (; ORACLE_TABLE[n]; n++) {
        names[n] = ORACLE_TABLE[n]->name;
        if (fm_text_same_name(names[n], name)) return ORACLE_TABLE[n];
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", names[n]);
    }
    const char *nearest = fm_text_nearest(name, names, n);
    if (nearest)
        fm_fail(err, "oracle: unknown oracle '%s'; did you mean '%s'?", name, nearest);
    else
        fm_fail(err, "oracle: unknown oracle '%s'; expected one of %s", name, list);
    return NULL;
}
