/* metric.c: the columns of an algorithm's metrics. */
#include <stdio.h>

#include "algos/algo.h"

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
    FM_CHECK(column >= 0 && column < algo_metric_count(algo, facts), "%s: metric %d of %d", algo->name,
             column, algo_metric_count(algo, facts));
    for (; k >= columns_of(row, facts); row++) k -= columns_of(row, facts);
    if (row->per_agent) snprintf(text, size, "%s_%d", row->name, k);
    else snprintf(text, size, "%s", row->name);
    return row;
}
