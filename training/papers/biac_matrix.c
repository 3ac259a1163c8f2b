/* biac_matrix.c: the tables of the two matrix games: which joint action six algorithms converge to
 * [Zhang 2020, Tables 2 and 3]. */
#include <math.h>
#include <stdlib.h>

#include "training/papers/item.h"

/* A published row: mean payoffs of the converged joint action over 100 runs, and how many of them (in per
 * cent) are the Stackelberg point. */
typedef struct published { const char *row, *algo; double leader, follower, share; } published;

#define ROWS 6

typedef struct matrix_table { const char *env, *cell, *action[2]; published row[ROWS]; } matrix_table;

/* [Zhang 2020, Table 2] */
static const matrix_table ESCAPE = {
    "escape", "C-Z", {"C", "Z"},
    {{"Bi-AC", "biac", 28.5, 28.5, 90},
     {"I-DQN", "idqn", 20.55, 20.55, 37},
     {"MADDPG", "maddpg", 23.4, 23.4, 56},
     {"TD3", "td3", 15.3, 15.3, 2},
     {"Hysteretic-DQN", "hysteretic", 13.25, 13.25, 0},
     {"Lenient-DQN", "lenient", 13.4, 13.4, 0}},
};

/* [Zhang 2020, Table 3] */
static const matrix_table MAINTAIN = {
    "maintain", "A-X", {"A", "X"},
    {{"Bi-AC", "biac", 20, 15, 100},
     {"I-DQN", "idqn", 9.5, 5.5, 0},
     {"MADDPG", "maddpg", 12, 4.5, 0},
     {"TD3", "td3", 11.5, 5, 0},
     {"Hysteretic-DQN", "hysteretic", 9.1, 5.9, 0},
     {"Lenient-DQN", "lenient", 8.8, 6.2, 0}},
};

/* Trials whose greedy joint action is the cell. */
static fm_status count_cell(const reproduce_trained *done, const matrix_table *table, size_t *count,
                            fm_error *err) {
    int wanted[2];
    for (int i = 0; i < 2; i++)
        if (env_action_parse(&done->run.env.facts, i, 0, table->action[i], &wanted[i], err) != FM_OK)
            return FM_BAD;
    *count = 0;
    for (int64_t k = 0; k < done->all.n; k++) {
        const trial_result *result = &done->all.results[k];
        bool hit =
            (int)result->evaluation.action[0] == wanted[0] && (int)result->evaluation.action[1] == wanted[1];
        *count += result->status == TRIAL_OK && hit;
    }
    return FM_OK;
}

typedef struct place { const matrix_table *table; const published *paper; } place;

static fm_status put_rows(reproduce *r, const char *row, const reproduce_trained *done, const void *context,
                          fm_error *err) {
    const matrix_table *table = ((const place *)context)->table;
    const published *paper = ((const place *)context)->paper;
    size_t count;
    char metric[32];
    if (count_cell(done, table, &count, err) != FM_OK) return FM_BAD;
    reproduce_put(r, row, "leader return", paper->leader, reproduce_mean(done, reproduce_return, 0),
                  done->ok);
    reproduce_put(r, row, "follower return", paper->follower, reproduce_mean(done, reproduce_return, 1),
                  done->ok);
    snprintf(metric, sizeof metric, "%s %%", table->cell);
    reproduce_put(r, row, metric, paper->share, reproduce_percent(stats_share(count, (size_t)done->ok)),
                  done->ok);
    return FM_OK;
}

static fm_status run_table(reproduce *r, const matrix_table *table, fm_error *err) {
    fm_status status = FM_OK;
    for (int k = 0; k < ROWS && status == FM_OK && !r->interrupted; k++) {
        const place at = {table, &table->row[k]};
        reproduce_training what = {.row = at.paper->row, .algo = at.paper->algo, .env = table->env};
        status = reproduce_twice(r, &what, put_rows, &at, err);
    }
    return status;
}

fm_status reproduce_escape(reproduce *r, fm_error *err) { return run_table(r, &ESCAPE, err); }

fm_status reproduce_maintain(reproduce *r, fm_error *err) { return run_table(r, &MAINTAIN, err); }
