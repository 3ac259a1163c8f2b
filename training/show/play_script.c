/* play_script.c: see play_script.h. */
#include "training/show/play_script.h"

#include <string.h>

#include "training/actions.h"

static int64_t count_parts(const char *text, char separator) {
    int64_t n = 1;
    for (const char *c = text; *c; c++) n += *c == separator;
    return n;
}

/* Cuts the first part off *rest and returns it; *rest is NULL after the last one. */
static char *next_part(char **rest, char separator) {
    char *part = *rest, *end = strchr(part, separator);
    if (end) *end = '\0';
    *rest = end ? end + 1 : NULL;
    return part;
}

/* "leader/follower" */
static void name_agents(const env_facts *facts, char *text, size_t size) {
    size_t used = 0;
    for (int i = 0; i < facts->agents && used < size; i++) {
        int n = snprintf(text + used, size - used, "%s%s", i ? "/" : "", facts->agent[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static fm_status parse_decision(const env_facts *facts, char *text, real *actions, fm_error *err) {
    int64_t parts = count_parts(text, '/');
    char names[256];
    if (parts != facts->agents) {
        name_agents(facts, names, sizeof names);
        return fm_fail(err, "'%s' is for %lld agent%s; %s has %d: expected %s", text, (long long)parts,
                       parts == 1 ? "" : "s", facts->name, facts->agents, names);
    }
    for (int i = 0; i < facts->agents; i++)
        if (action_parse(facts, i, next_part(&text, '/'), actions, err) != FM_OK) return FM_BAD;
    return FM_OK;
}

fm_status play_script_parse(const env_facts *facts, const char *text, fm_arena *arena, play_script *script,
                            fm_error *err) {
    char *rest = fm_arena_text(arena, text);
    script->decisions = count_parts(text, ',');
    script->actions = fm_arena_array(arena, real, (size_t)script->decisions * (size_t)facts->action_total);
    if (script->decisions > facts->horizon)
        return fm_fail(err, "--actions: decision %lld is never played: an episode of %s has at most %lld",
                       (long long)facts->horizon + 1, facts->name, (long long)facts->horizon);
    for (int64_t d = 0; d < script->decisions; d++) {
        char *part = next_part(&rest, ',');
        if (!*part) return fm_fail(err, "--actions: decision %lld is empty", (long long)d + 1);
        if (parse_decision(facts, part, script->actions + d * facts->action_total, err) != FM_OK)
            return fm_fail_in(err, "--actions: decision %lld: ", (long long)d + 1);
    }
    return FM_OK;
}

const real *play_script_at(const play_script *script, const env_facts *facts, int64_t decision) {
    int64_t at = decision < script->decisions ? decision : script->decisions - 1;
    return script->actions + at * facts->action_total;
}
