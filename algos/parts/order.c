#include "algos/parts/order.h"

#include <string.h>

#include "base/keep.h"
#include "base/text.h"

static const char *nearest_agent(const env_facts *facts, const char *word) {
    fm_arena scratch = {0};
    const char **names = fm_arena_array(&scratch, const char *, (size_t)facts->agents);
    for (int i = 0; i < facts->agents; i++) names[i] = facts->agent[i].name;
    const char *nearest = fm_text_nearest(word, names, (size_t)facts->agents);
    fm_arena_free(&scratch);
    return nearest;
}

/* The agent of that name or index. */
static fm_status find_agent(const env_facts *facts, const char *word, int *agent, fm_error *err) {
    int64_t index;
    for (int i = 0; i < facts->agents; i++) {
        if (strcmp(facts->agent[i].name, word) != 0) continue;
        *agent = i;
        return FM_OK;
    }
    if (fm_text_to_int(word, &index)) {
        if (index < 0 || index >= facts->agents)
            return fm_fail(err, "order: there is no agent %s; '%s' has agents 0 to %d", word, facts->name,
                           facts->agents - 1);
        *agent = (int)index;
        return FM_OK;
    }
    const char *nearest = nearest_agent(facts, word);
    return fm_fail(err, "order: there is no agent '%s' in '%s'%s%s%s", word, facts->name,
                   nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* Levels may have gaps in an environment's facts; here they count 0, 1, 2, ... */
static void list_turns(algo_order *order) {
    int seen = 0, levels = 0;
    for (int level = 0; seen < order->agents; level++) {
        int before = seen;
        for (int i = 0; i < order->agents; i++)
            if (order->level[i] == level) order->turn[seen++] = i;
        for (int k = before; k < seen; k++) order->level[order->turn[k]] = levels;
        levels += seen > before;
    }
    order->levels = levels;
}

/* The levels that a text states; `placed` [agents] is all false before. */
static fm_status read_levels(const env_facts *facts, const char *text, algo_order *order, bool *placed,
                             fm_error *err) {
    for (int level = 0; *text != '\0';) {
        char word[FM_NAME_MAX];
        size_t length = strcspn(text, ",+");
        if (length >= sizeof word) return fm_fail(err, "order: '%.40s...' is no agent", text);
        memcpy(word, text, length);
        word[length] = '\0';
        int agent = 0;
        if (find_agent(facts, word, &agent, err) != FM_OK) return FM_BAD;
        if (placed[agent]) return fm_fail(err, "order: agent '%s' is there twice", word);
        placed[agent] = true;
        order->level[agent] = level;
        text += length;
        if (*text == ',') level++;
        if (*text != '\0') text++;
    }
    for (int i = 0; i < facts->agents; i++)
        if (!placed[i]) return fm_fail(err, "order: agent '%s' (%d) is missing", facts->agent[i].name, i);
    return FM_OK;
}

fm_status algo_order_parse(const env_facts *facts, const char *text, fm_arena *arena, algo_order *order,
                           fm_error *err) {
    size_t agents = (size_t)facts->agents;
    *order = (algo_order){.agents = facts->agents};
    order->level = fm_arena_array(arena, int, agents);
    order->turn = fm_arena_array(arena, int, agents);
    for (size_t i = 0; i < agents; i++) order->level[i] = facts->agent[i].level;
    if (text[0] != '\0' && read_levels(facts, text, order, fm_arena_array(arena, bool, agents), err) != FM_OK)
        return FM_BAD;
    list_turns(order);
    return FM_OK;
}
