/* env.c: finding, opening and checking environments; the names of their actions. */
#include "envs/env.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define CANDIDATES_MAX 256

/* The row that opens files, and its option that takes the path. */
static const char FILE_ROW[] = "nfg", FILE_OPTION[] = "path", FILE_SUFFIX[] = ".nfg";

const env_type *env_find(const char *name) {
    for (size_t i = 0; ENV_TABLE[i]; i++)
        if (strcmp(ENV_TABLE[i]->name, name) == 0) return ENV_TABLE[i];
    return NULL;
}

static bool is_path(const char *name) {
    size_t length = strlen(name), suffix = sizeof FILE_SUFFIX - 1;
    if (strchr(name, '/')) return true;
    return length >= suffix && strcmp(name + length - suffix, FILE_SUFFIX) == 0;
}

static fm_status fail_unknown(const char *name, fm_error *err) {
    const char *names[CANDIDATES_MAX];
    char list[512] = "";
    size_t n = 0, used = 0;
    for (; ENV_TABLE[n] && n < CANDIDATES_MAX; n++) {
        names[n] = ENV_TABLE[n]->name;
        int wrote = snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", names[n]);
        if (wrote > 0 && (size_t)wrote < sizeof list - used) used += (size_t)wrote;
    }
    const char *nearest = fm_text_nearest(name, names, n);
    if (nearest) return fm_fail(err, "unknown environment '%s': did you mean '%s'?", name, nearest);
    return fm_fail(err, "unknown environment '%s': expected one of %s, or a path to a .nfg file", name, list);
}

fm_status env_open(const char *name_or_path, fm_arena *arena, env *e, fm_error *err) {
    bool path = is_path(name_or_path);
    const env_type *type = env_find(path ? FILE_ROW : name_or_path);
    if (!type) return fail_unknown(name_or_path, err);
    memset(e, 0, sizeof *e);
    e->type = type;
    e->config = fm_arena_alloc(arena, 1, type->config_size);
    if (type->options) fm_options_reset(type->options, e->config);
    if (path && fm_options_set(type->options, e->config, FILE_OPTION, name_or_path, err) != FM_OK)
        return FM_BAD;
    return FM_OK;
}

fm_status env_create(env *e, fm_arena *arena, fm_error *err) {
    env_facts facts = {.name = e->type->name};
    void *game = NULL;
    if (e->type->create(e->config, arena, &game, &facts, err) != FM_OK) return FM_BAD;
    env_facts_finish(&facts);
    FM_CHECK((e->type->outcome != NULL) == (facts.outcomes > 0),
             "%s: outcomes without a function, or the reverse", facts.name);
    e->game = game;
    e->facts = facts;
    return FM_OK;
}

static void check_space(const env_facts *facts, int agent) {
    const env_space *space = &facts->action[agent];
    FM_CHECK(space->n >= 0 && space->size >= 1, "%s: agent %d: an action space of n = %d, size = %d",
             facts->name, agent, space->n, space->size);
    if (space->n > 0) {
        FM_CHECK(space->size == 1, "%s: agent %d: a discrete action is one number, not %d", facts->name,
                 agent, space->size);
        FM_CHECK(!space->low && !space->high, "%s: agent %d: bounds on discrete actions", facts->name, agent);
        for (int i = 0; space->labels && i < space->n; i++)
            FM_CHECK(space->labels[i] && space->labels[i][0], "%s: agent %d: action %d has no label",
                     facts->name, agent, i);
        return;
    }
    FM_CHECK(space->low && space->high, "%s: agent %d: a box without bounds", facts->name, agent);
    FM_CHECK(!space->labels, "%s: agent %d: labels on a box", facts->name, agent);
    for (int i = 0; i < space->size; i++)
        FM_CHECK(isfinite(space->low[i]) && isfinite(space->high[i]) && space->low[i] < space->high[i],
                 "%s: agent %d: bounds %g..%g of number %d", facts->name, agent, space->low[i],
                 space->high[i], i);
}

/* Levels are 0..L-1 without a gap. */
static void check_levels(const env_facts *facts) {
    for (int i = 0; i < facts->agents; i++) {
        int level = facts->level[i];
        FM_CHECK(level >= 0 && level < facts->agents, "%s: agent %d has level %d", facts->name, i, level);
        bool above = level == 0;
        for (int j = 0; j < facts->agents; j++) above |= facts->level[j] == level - 1;
        FM_CHECK(above, "%s: agent %d has level %d but no agent has level %d", facts->name, i, level,
                 level - 1);
    }
}

static void check_agents(const env_facts *facts) {
    for (int i = 0; i < facts->agents; i++) {
        FM_CHECK(facts->agent_name[i], "%s: agent %d has no name", facts->name, i);
        FM_CHECK(facts->obs_length[i] >= 1, "%s: agent %d observes %d numbers", facts->name, i,
                 facts->obs_length[i]);
        FM_CHECK(isfinite(facts->reward_low[i]) && isfinite(facts->reward_high[i]) &&
                     facts->reward_low[i] <= facts->reward_high[i],
                 "%s: agent %d: rewards within %g..%g", facts->name, i, facts->reward_low[i],
                 facts->reward_high[i]);
        FM_CHECK(facts->rewards != ENV_COMMON || (facts->reward_low[i] == facts->reward_low[0] &&
                                                  facts->reward_high[i] == facts->reward_high[0]),
                 "%s: a common reward with other bounds for agent %d", facts->name, i);
        check_space(facts, i);
    }
    check_levels(facts);
}

static void check_solutions(const env_facts *facts) {
    FM_CHECK(facts->solutions == 0 || facts->solution, "%s: no solutions where %d are stated", facts->name,
             facts->solutions);
    for (int s = 0; s < facts->solutions; s++) {
        const env_solution *solution = &facts->solution[s];
        FM_CHECK(solution->concept && solution->label && solution->source, "%s: solution %d is not described",
                 facts->name, s);
        for (int i = 0; i < facts->agents; i++)
            FM_CHECK(isfinite(solution->value[i]), "%s: solution %d", facts->name, s);
    }
}

void env_facts_finish(env_facts *facts) {
    FM_CHECK(facts->name && facts->title && facts->source, "an environment without name, title or source");
    FM_CHECK(facts->agents >= 1 && facts->agents <= ENV_AGENTS_MAX, "%s: %d agents", facts->name,
             facts->agents);
    FM_CHECK(facts->horizon >= 1, "%s: horizon %lld", facts->name, (long long)facts->horizon);
    FM_CHECK(facts->readings >= 1 && facts->reading_name, "%s: an environment without readings", facts->name);
    for (int i = 0; i < facts->readings; i++)
        FM_CHECK(facts->reading_name[i], "%s: reading %d has no name", facts->name, i);
    FM_CHECK(facts->outcomes >= 0 && (facts->outcomes == 0 || facts->outcome_name), "%s: outcomes",
             facts->name);
    for (int i = 0; i < facts->outcomes; i++)
        FM_CHECK(facts->outcome_name[i], "%s: outcome %d has no name", facts->name, i);
    check_agents(facts);
    check_solutions(facts);

    facts->obs_at[0] = facts->action_at[0] = facts->mask_at[0] = 0;
    for (int i = 0; i < facts->agents; i++) {
        facts->obs_at[i + 1] = facts->obs_at[i] + facts->obs_length[i];
        facts->action_at[i + 1] = facts->action_at[i] + facts->action[i].size;
        facts->mask_at[i + 1] = facts->mask_at[i] + facts->action[i].n;
    }
    facts->obs_total = facts->obs_at[facts->agents];
    facts->action_total = facts->action_at[facts->agents];
    facts->mask_total = facts->mask_at[facts->agents];
}

const char *env_action_label(const env_facts *facts, int agent, int action, char *text, size_t size) {
    FM_CHECK(agent >= 0 && agent < facts->agents, "%s: agent %d of %d", facts->name, agent, facts->agents);
    const env_space *space = &facts->action[agent];
    FM_CHECK(action >= 0 && action < space->n, "%s: agent %d: action %d of %d", facts->name, agent, action,
             space->n);
    if (space->labels) return space->labels[action];
    fm_text_format(text, size, "%d", action);
    return text;
}

/* The only label equal to `text` in any case, or -1. */
static int find_in_any_case(const env_space *space, const char *text) {
    int found = -1;
    for (int i = 0; i < space->n; i++) {
        if (strcasecmp(space->labels[i], text) != 0) continue;
        if (found >= 0) return -1;
        found = i;
    }
    return found;
}

static fm_status fail_action(const env_facts *facts, int agent, const char *text, fm_error *err) {
    const env_space *space = &facts->action[agent];
    const char *who = facts->agent_name[agent];
    if (!space->labels)
        return fm_fail(err, "%s: '%s' is not an action of agent %d (%s): expected 0..%d", facts->name, text,
                       agent, who, space->n - 1);
    const char *nearest = fm_text_nearest(text, space->labels, (size_t)space->n);
    if (nearest)
        return fm_fail(err, "%s: '%s' is not an action of agent %d (%s): did you mean '%s'?", facts->name,
                       text, agent, who, nearest);
    char list[384] = "";
    size_t used = 0;
    for (int i = 0; i < space->n; i++) {
        int wrote = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", space->labels[i]);
        if (wrote < 0 || (size_t)wrote >= sizeof list - used - 5) {
            memcpy(list + used, ", ...", 6);
            break;
        }
        used += (size_t)wrote;
    }
    return fm_fail(err, "%s: '%s' is not an action of agent %d (%s): expected one of %s, or 0..%d",
                   facts->name, text, agent, who, list, space->n - 1);
}

fm_status env_action_parse(const env_facts *facts, int agent, const char *text, int *action, fm_error *err) {
    FM_CHECK(agent >= 0 && agent < facts->agents, "%s: agent %d of %d", facts->name, agent, facts->agents);
    const env_space *space = &facts->action[agent];
    if (space->n == 0)
        return fm_fail(err, "%s: agent %d (%s) has continuous actions, '%s' cannot name one", facts->name,
                       agent, facts->agent_name[agent], text);
    int found = -1;
    for (int i = 0; space->labels && found < 0 && i < space->n; i++)
        if (strcmp(space->labels[i], text) == 0) found = i;
    if (space->labels && found < 0) found = find_in_any_case(space, text);
    int64_t index;
    if (found < 0 && fm_text_to_int(text, &index) && index >= 0 && index < space->n) found = (int)index;
    if (found < 0) return fail_action(facts, agent, text, err);
    *action = found;
    return FM_OK;
}

const env_solution *env_facts_solution(const env_facts *facts, const char *concept) {
    for (int i = 0; i < facts->solutions; i++)
        if (strcmp(facts->solution[i].concept, concept) == 0) return &facts->solution[i];
    return NULL;
}
