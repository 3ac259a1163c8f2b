/* table.c: one row per algorithm. */
#include "algos/algo.h"
#include "base/text.h"

extern const algo_type algo_biac, algo_bilevel_q, algo_idqn, algo_hysteretic, algo_lenient, algo_maddpg,
    algo_td3;

const algo_type *const ALGO_TABLE[] = {
    &algo_biac, &algo_bilevel_q, &algo_idqn, &algo_hysteretic, &algo_lenient, &algo_maddpg, &algo_td3, NULL,
};

const algo_type *algo_find(const char *name) {
    for (size_t i = 0; ALGO_TABLE[i] != NULL; i++)
        if (fm_text_same_name(ALGO_TABLE[i]->name, name)) return ALGO_TABLE[i];
    return NULL;
}

static int columns_of(const algo_metric *row, const env_facts *facts) {
    return row->per_agent ? facts->agents : 1;
}

int algo_metric_count(const algo_type *algo, const env_facts *facts) {
    int n = 0;
    for (const algo_metric *row = algo->metrics; row && row->name; row++) n += columns_of(row, facts);
    return n;
}

const algo_metric *algo_metric_at(const algo_type *algo, const env_facts *facts, int column, char *text,
                                  size_t size) {
    const algo_metric *row = algo->metrics;
    int k = column;
    FM_CHECK(column >= 0 && column < algo_metric_count(algo, facts), "%s: metric %d of %d", algo->name, column,
             algo_metric_count(algo, facts));
    for (; k >= columns_of(row, facts); row++) k -= columns_of(row, facts);
    if (row->per_agent) snprintf(text, size, "%s_%d", row->name, k);
    else snprintf(text, size, "%s", row->name);
    return row;
}
