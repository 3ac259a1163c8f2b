/* env.c: finding, opening and checking environments; the names of their actions. */
#include "envs/env.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

#define CANDIDATES_MAX 256

/* The row that opens files, and its option that takes the path. */
static const char FILE_ROW[] = "nfg", FILE_OPTION[] = "path", FILE_SUFFIX[] = ".nfg";

const env_type *env_find(const char *name) {
    for (size_t i = 0; ENV_TABLE[i]; i++)
        if (fm_text_same_name(ENV_TABLE[i]->name, name)) return ENV_TABLE[i];
    return NULL;
}

bool env_is_path(const char *name) {
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
    bool path = env_is_path(name_or_path);
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
    FM_CHECK((e->type->start != NULL) == (facts.starts > 0), "%s: starts without a function, or the reverse",
             facts.name);
    e->game = game;
    e->facts = facts;
    return FM_OK;
}

/* ---- action spaces ---- */

env_space env_discrete(int n, const char *const *labels) {
    return (env_space){.kind = ENV_DISCRETE, .size = 1, .n = n, .labels = labels};
}

env_space env_multi_discrete(int heads, const int *actions, const char *const *labels) {
    return (env_space){.kind = ENV_MULTI_DISCRETE, .size = heads, .heads = actions, .labels = labels};
}

env_space env_box(int size, const double *low, const double *high) {
    return (env_space){.kind = ENV_BOX, .size = size, .low = low, .high = high};
}

int env_space_actions(const env_space *space, int head) {
    FM_CHECK(head >= 0 && head < space->size, "head %d of an action space of %d", head, space->size);
    return space->kind == ENV_MULTI_DISCRETE ? space->heads[head] : space->n;
}

/* Choices of the heads before `head`: where its mask and its labels start. */
static int choices_before(const env_space *space, int head) {
    int choices = 0;
    for (int k = 0; k < head; k++) choices += env_space_actions(space, k);
    return choices;
}

int env_space_choices(const env_space *space) {
    return space->kind == ENV_BOX ? 0 : choices_before(space, space->size);
}

/* ---- facts ---- */

void env_facts_agents(env_facts *facts, int agents, fm_arena *arena) {
    FM_CHECK(agents >= 1, "%d agents", agents);
    facts->agents = agents;
    facts->agent = fm_arena_array(arena, env_agent, (size_t)agents);
}

static void check_box(const env_facts *facts, const env_agent *agent) {
    const env_space *space = &agent->action;
    FM_CHECK(space->low && space->high, "%s: '%s': a box without bounds", facts->name, agent->name);
    FM_CHECK(space->n == 0 && !space->heads && !space->labels, "%s: '%s': actions or labels in a box",
             facts->name, agent->name);
    for (int i = 0; i < space->size; i++)
        FM_CHECK(isfinite(space->low[i]) && isfinite(space->high[i]) && space->low[i] < space->high[i],
                 "%s: '%s': bounds %g..%g of number %d", facts->name, agent->name, space->low[i],
                 space->high[i], i);
}

static void check_space(const env_facts *facts, const env_agent *agent) {
    const env_space *space = &agent->action;
    FM_CHECK(space->size >= 1, "%s: '%s': actions of %d numbers", facts->name, agent->name, space->size);
    if (space->kind == ENV_BOX) {
        check_box(facts, agent);
        return;
    }
    bool multi = space->kind == ENV_MULTI_DISCRETE;
    FM_CHECK(multi ? space->heads && space->n == 0 : !space->heads && space->size == 1,
             "%s: '%s': %d actions in %d heads of a space of kind %d", facts->name, agent->name, space->n,
             space->size, (int)space->kind);
    FM_CHECK(!space->low && !space->high, "%s: '%s': bounds on discrete actions", facts->name, agent->name);
    for (int k = 0; k < space->size; k++)
        FM_CHECK(env_space_actions(space, k) >= 1, "%s: '%s': %d actions of head %d", facts->name,
                 agent->name, env_space_actions(space, k), k);
    for (int i = 0; space->labels && i < env_space_choices(space); i++)
        FM_CHECK(space->labels[i] && space->labels[i][0], "%s: '%s': action %d has no label", facts->name,
                 agent->name, i);
}

/* Levels are 0..L-1 without a gap. */
static void check_levels(const env_facts *facts) {
    for (int i = 0; i < facts->agents; i++) {
        int level = facts->agent[i].level;
        FM_CHECK(level >= 0 && level < facts->agents, "%s: agent %d has level %d", facts->name, i, level);
        bool above = level == 0;
        for (int j = 0; j < facts->agents; j++) above |= facts->agent[j].level == level - 1;
        FM_CHECK(above, "%s: agent %d has level %d but no agent has level %d", facts->name, i, level,
                 level - 1);
    }
}

static void check_agents(const env_facts *facts) {
    for (int i = 0; i < facts->agents; i++) {
        const env_agent *agent = &facts->agent[i];
        FM_CHECK(agent->name, "%s: agent %d has no name", facts->name, i);
        FM_CHECK(agent->obs_length >= 1, "%s: '%s' observes %d numbers", facts->name, agent->name,
                 agent->obs_length);
        FM_CHECK(isfinite(agent->reward_low) && isfinite(agent->reward_high) &&
                     agent->reward_low <= agent->reward_high,
                 "%s: '%s': rewards within %g..%g", facts->name, agent->name, agent->reward_low,
                 agent->reward_high);
        FM_CHECK(facts->rewards != ENV_COMMON || (agent->reward_low == facts->agent[0].reward_low &&
                                                  agent->reward_high == facts->agent[0].reward_high),
                 "%s: a common reward with other bounds for '%s'", facts->name, agent->name);
        check_space(facts, agent);
    }
    check_levels(facts);
}

static void check_solutions(const env_facts *facts) {
    FM_CHECK(facts->solutions == 0 || facts->solution, "%s: no solutions where %d are stated", facts->name,
             facts->solutions);
    for (int s = 0; s < facts->solutions; s++) {
        const env_solution *solution = &facts->solution[s];
        FM_CHECK(solution->concept && solution->label && solution->source && solution->value,
                 "%s: solution %d is not described", facts->name, s);
        for (int i = 0; i < facts->agents; i++)
            FM_CHECK(isfinite(solution->value[i]), "%s: solution %d", facts->name, s);
        for (int k = 0; solution->action && k < facts->action_total; k++)
            FM_CHECK(isfinite(solution->action[k]), "%s: solution %d", facts->name, s);
    }
}

static void place_slices(env_facts *facts) {
    int64_t obs = 0, actions = 0, masks = 0;
    for (int i = 0; i < facts->agents; i++) {
        env_agent *agent = &facts->agent[i];
        agent->obs_at = (int)obs;
        agent->action_at = (int)actions;
        agent->mask_at = (int)masks;
        obs += agent->obs_length;
        actions += agent->action.size;
        masks += env_space_choices(&agent->action);
        FM_CHECK(obs <= INT_MAX && actions <= INT_MAX && masks <= INT_MAX,
                 "%s: more numbers than an int counts", facts->name);
    }
    facts->obs_total = (int)obs;
    facts->action_total = (int)actions;
    facts->mask_total = (int)masks;
}

void env_facts_finish(env_facts *facts) {
    FM_CHECK(facts->name && facts->title && facts->source, "an environment without name, title or source");
    FM_CHECK(facts->agents >= 1 && facts->agent, "%s: %d agents", facts->name, facts->agents);
    FM_CHECK(facts->central_length >= 0, "%s: a centralised state of %d numbers", facts->name,
             facts->central_length);
    FM_CHECK(facts->horizon >= 1, "%s: horizon %lld", facts->name, (long long)facts->horizon);
    FM_CHECK(facts->readings >= 1 && facts->reading_name, "%s: an environment without readings", facts->name);
    for (int i = 0; i < facts->readings; i++)
        FM_CHECK(facts->reading_name[i], "%s: reading %d has no name", facts->name, i);
    FM_CHECK(facts->carried <= facts->state_size, "%s: %zu bytes carried of %zu", facts->name, facts->carried,
             facts->state_size);
    FM_CHECK(facts->outcomes >= 0 && (facts->outcomes == 0 || facts->outcome_name), "%s: outcomes",
             facts->name);
    for (int i = 0; i < facts->outcomes; i++)
        FM_CHECK(facts->outcome_name[i], "%s: outcome %d has no name", facts->name, i);
    FM_CHECK(facts->starts >= 0 && (facts->starts == 0 || facts->start_chance), "%s: starts", facts->name);
    facts->fixed_length |= facts->horizon == 1;
    check_agents(facts);
    place_slices(facts);
    FM_CHECK(!facts->masks || facts->mask_total > 0, "%s: masks where no action is discrete", facts->name);
    check_solutions(facts);
}

/* ---- names of agents and actions ---- */

const char *env_agent_text(const env_facts *facts, int agent, char *text, size_t size) {
    if (facts->agents == 1) return "the agent";
    fm_text_format(text, size, "agent %d (%s)", agent, facts->agent[agent].name);
    return text;
}

/* Labels of one head, or NULL. */
static const char *const *head_labels(const env_space *space, int head) {
    return space->labels ? space->labels + choices_before(space, head) : NULL;
}

static const env_space *space_of(const env_facts *facts, int agent) {
    FM_CHECK(agent >= 0 && agent < facts->agents, "%s: agent %d of %d", facts->name, agent, facts->agents);
    return &facts->agent[agent].action;
}

const char *env_action_label(const env_facts *facts, int agent, int head, int action, char *text,
                             size_t size) {
    const env_space *space = space_of(facts, agent);
    int n = env_space_actions(space, head);
    FM_CHECK(action >= 0 && action < n, "%s: agent %d: action %d of %d", facts->name, agent, action, n);
    if (space->labels) return head_labels(space, head)[action];
    fm_text_format(text, size, "%d", action);
    return text;
}

/* In any case, - and _ being one letter. */
static bool same_label(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        int x = *a == '-' ? '_' : tolower((unsigned char)*a),
            y = *b == '-' ? '_' : tolower((unsigned char)*b);
        if (x != y) return false;
    }
    return *a == *b;
}

/* The only label that is the same as `text`, or -1. */
static int find_like(const char *const *labels, int n, const char *text) {
    int found = -1;
    for (int i = 0; i < n; i++) {
        if (!same_label(labels[i], text)) continue;
        if (found >= 0) return -1;
        found = i;
    }
    return found;
}

static fm_status fail_action(const env_facts *facts, int agent, int head, const char *text, fm_error *err) {
    const env_space *space = space_of(facts, agent);
    const char *const *labels = head_labels(space, head);
    int n = env_space_actions(space, head);
    char of[32] = "", name[200], who[256], list[384] = "";
    if (space->kind == ENV_MULTI_DISCRETE) snprintf(of, sizeof of, "head %d of ", head);
    snprintf(who, sizeof who, "%s%s", of, env_agent_text(facts, agent, name, sizeof name));
    if (!labels)
        return fm_fail(err, "%s: '%s' is not an action of %s: expected 0..%d", facts->name, text, who, n - 1);
    const char *nearest = fm_text_nearest(text, labels, (size_t)n);
    if (nearest)
        return fm_fail(err, "%s: '%s' is not an action of %s: did you mean '%s'?", facts->name, text, who,
                       nearest);
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        int wrote = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", labels[i]);
        if (wrote < 0 || (size_t)wrote >= sizeof list - used - 5) {
            memcpy(list + used, ", ...", 6);
            break;
        }
        used += (size_t)wrote;
    }
    return fm_fail(err, "%s: '%s' is not an action of %s: expected one of %s, or 0..%d", facts->name, text,
                   who, list, n - 1);
}

fm_status env_action_parse(const env_facts *facts, int agent, int head, const char *text, int *action,
                           fm_error *err) {
    const env_space *space = space_of(facts, agent);
    char who[200];
    if (space->kind == ENV_BOX)
        return fm_fail(err, "%s: %s has continuous actions, '%s' cannot name one", facts->name,
                       env_agent_text(facts, agent, who, sizeof who), text);
    const char *const *labels = head_labels(space, head);
    int n = env_space_actions(space, head), found = -1;
    for (int i = 0; labels && found < 0 && i < n; i++)
        if (strcmp(labels[i], text) == 0) found = i;
    if (labels && found < 0) found = find_like(labels, n, text);
    int64_t index;
    if (found < 0 && fm_text_to_int(text, &index) && index >= 0 && index < n) found = (int)index;
    if (found < 0) return fail_action(facts, agent, head, text, err);
    *action = found;
    return FM_OK;
}

const env_solution *env_facts_solution(const env_facts *facts, const char *concept) {
    for (int i = 0; i < facts->solutions; i++)
        if (strcmp(facts->solution[i].concept, concept) == 0) return &facts->solution[i];
    return NULL;
}
