/* summary.c: see summary.h. */
#include "training/show/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "envs/games/bimatrix.h"
#include "training/run/learners.h"
#include "training/show/live.h"
#include "training/show/stats.h"

#define CELLS_SHOWN 12 /* a game of at most so many joint actions is shown whole */
#define NUMBER 40

/* A number for people: six digits, and no minus before a zero. */
static char *number(double value, char *text) {
    if (isnan(value) || value == FM_ABSENT) snprintf(text, NUMBER, "-");
    else snprintf(text, NUMBER, "%.6g", fabs(value) < 1e-12 ? 0.0 : value);
    return text;
}

static char *interval(stats_interval x, char *text, size_t size) {
    char low[NUMBER], high[NUMBER];
    if (isnan(x.low)) snprintf(text, size, "-");
    else snprintf(text, size, "%s to %s", number(x.low, low), number(x.high, high));
    return text;
}

static void write_head(const run_plan *run, const trials *all, FILE *out) {
    char steps[NUMBER], rate[NUMBER], time[NUMBER];
    fprintf(out, "%s", run->algo->name);
    for (int k = 0; k < run->learners; k++) {
        const run_learner *beside = &run->beside[k];
        fprintf(out, ", %s for %s%s", beside->from, run->env.facts.agent[beside->agent].name,
                beside->policy ? " as it is" : "");
    }
    fprintf(out, " on %s: %lld trial%s of %s decisions", run->config.env, (long long)all->n,
            all->n == 1 ? "" : "s",
            fm_text_grouped(run->config.steps, steps, sizeof steps));
    if (all->seconds < 100) snprintf(time, sizeof time, "%.1f s", all->seconds);
    else live_duration(all->seconds, time, sizeof time);
    if (all->steps > 0 && all->seconds > 0)
        fprintf(out, ", %s (%s steps/s)", time,
                fm_text_grouped((int64_t)((double)all->steps / all->seconds), rate, sizeof rate));
    fprintf(out, "\n");
    size_t ok = trials_count(all, TRIAL_OK), open = trials_count(all, TRIAL_OPEN);
    if (ok == (size_t)all->n) return;
    fprintf(out, "of these %zu ok", ok);
    for (trial_status s = TRIAL_NAN; s <= TRIAL_DAMAGED; s++)
        if (trials_count(all, s) > 0) fprintf(out, ", %zu %s", trials_count(all, s), trial_status_name(s));
    if (open > 0) fprintf(out, ", %zu not begun", open);
    fprintf(out, "\n");
}

/* ---- joint actions of a bimatrix game ---- */

typedef struct cell {
    size_t row, col, count;
    bool stackelberg, nash;
} cell;

/* Most frequent first; then the Stackelberg point, the equilibria, and the order of the table. */
static int compare_cells(const void *a, const void *b) {
    const cell *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    if (x->stackelberg != y->stackelberg) return x->stackelberg ? -1 : 1;
    if (x->nash != y->nash) return x->nash ? -1 : 1;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return x->col < y->col ? -1 : x->col > y->col;
}

static cell *count_cells(const bimatrix *game, const trials *all) {
    size_t n = game->rows * game->cols, point[2];
    cell *cells = calloc(n, sizeof *cells);
    FM_CHECK(cells != NULL, "out of memory");
    bimatrix_stackelberg_pure(game, true, point);
    for (size_t i = 0; i < n; i++) {
        cell *c = &cells[i];
        c->row = i / game->cols;
        c->col = i % game->cols;
        c->stackelberg = c->row == point[0] && c->col == point[1];
        c->nash = bimatrix_is_nash(game, c->row, c->col);
    }
    for (int64_t k = 0; k < all->n; k++) {
        const real *action = all->results[k].evaluation.action;
        if (all->results[k].status == TRIAL_OK)
            cells[(size_t)action[0] * game->cols + (size_t)action[1]].count++;
    }
    qsort(cells, n, sizeof *cells, compare_cells);
    return cells;
}

static void write_cell(const bimatrix *game, const cell *c, size_t trials_ok, int width, FILE *out) {
    char label[200], value[2][NUMBER], share[NUMBER], range[96] = "";
    size_t at = c->row * game->cols + c->col;
    stats_interval part = stats_share(c->count, trials_ok);
    snprintf(label, sizeof label, "%s-%s", game->label[0][c->row], game->label[1][c->col]);
    snprintf(share, sizeof share, "%zu of %zu", c->count, trials_ok);
    if (trials_ok > 1 && c->count > 0)
        snprintf(range, sizeof range, "%.1f to %.1f %%", 100 * part.low, 100 * part.high);
    const char *mark = c->stackelberg && c->nash ? "<- Stackelberg and Nash equilibrium"
                       : c->stackelberg          ? "<- Stackelberg equilibrium"
                       : c->nash                 ? "<- Nash equilibrium"
                                                 : "";
    fprintf(out, "%-*s  %10s  %10s  %14s", width, label, number(game->payoff[0][at], value[0]),
            number(game->payoff[1][at], value[1]), share);
    if (*range || *mark) fprintf(out, trials_ok > 1 ? "  %16s" : "%s", range);
    fprintf(out, "%s%s\n", *mark ? "  " : "", mark);
}

static void write_cells(const bimatrix *game, const trials *all, FILE *out) {
    size_t n = game->rows * game->cols, ok = trials_count(all, TRIAL_OK), left_out = 0;
    int width = 12;
    cell *cells = count_cells(game, all);
    for (size_t i = 0; i < n && i < CELLS_SHOWN; i++) {
        size_t length = strlen(game->label[0][cells[i].row]) + 1 + strlen(game->label[1][cells[i].col]);
        if ((int)length > width) width = (int)length;
    }
    fprintf(out, "\n%-*s  %10.10s  %10.10s  %14s%s\n", width, "joint action", game->player[0],
            game->player[1], "trials", ok > 1 ? "     95 % interval" : "");
    for (size_t i = 0; i < n; i++) {
        const cell *c = &cells[i];
        bool whole = n <= CELLS_SHOWN,
             worth = c->stackelberg || (i < CELLS_SHOWN && (c->count > 0 || c->nash));
        if (whole || worth) write_cell(game, c, ok, width, out);
        else left_out += c->count > 0;
    }
    if (left_out > 0) fprintf(out, "and %zu rarer joint actions\n", left_out);
    free(cells);
}

/* ---- outcomes and returns ---- */

/* A number of each trial that is ok: `get` with index i. */
typedef double (*getter)(const trial_result *result, int i);

static double get_return(const trial_result *r, int i) { return r->evaluation.value[i]; }
static double get_outcome(const trial_result *r, int i) { return r->evaluation.outcome[i]; }
static double get_train_outcome(const trial_result *r, int i) { return r->train_outcome[i]; }

/* How the evaluation played. */
static const char *mode_of(const run_plan *run) {
    return run->config.eval_mode == RUN_EVAL_SAMPLE ? "sampled" : "greedy";
}

static stats_interval over_trials(const trials *all, getter get, int i) {
    double *x = calloc((size_t)all->n, sizeof *x);
    size_t n = 0;
    FM_CHECK(x != NULL, "out of memory");
    for (int64_t k = 0; k < all->n; k++) {
        double value = get(&all->results[k], i);
        if (all->results[k].status == TRIAL_OK && value != FM_ABSENT) x[n++] = value;
    }
    stats_interval result = stats_mean(x, n);
    free(x);
    return result;
}

static void write_outcomes(const run_plan *run, const trials *all, FILE *out) {
    const env_facts *facts = &run->env.facts;
    char play[NUMBER];
    if (facts->outcomes == 0) return;
    snprintf(play, sizeof play, "%s play", mode_of(run));
    fprintf(out, "\n%-24s  %12s  %20s  %16s\n", "outcome", play, "95 % interval", "in training");
    for (int o = 0; o < facts->outcomes; o++) {
        char range[96] = "-";
        stats_interval share = over_trials(all, get_outcome, o),
                       training = over_trials(all, get_train_outcome, o);
        if (!isnan(share.low))
            snprintf(range, sizeof range, "%.1f to %.1f %%", 100 * fmax(share.low, 0),
                     100 * fmin(share.high, 1));
        fprintf(out, "%-24s  %10.1f %%  %20s  %14.1f %%\n", facts->outcome_name[o], 100 * share.mean, range,
                100 * training.mean);
    }
}

/* The solution that returns are held against: the Stackelberg point, or, where agents can only answer, the
 * best response. */
static const env_solution *solution_of(const env_facts *facts) {
    const env_solution *solution = env_facts_solution(facts, "stackelberg");
    return solution ? solution : env_facts_solution(facts, "best-response");
}

/* Its value: computed for payoff tables, else a fact of the environment if it is known; FM_ABSENT when it is
 * not. */
static double exact_value(const env_facts *facts, int agent) {
    const env_solution *solution = solution_of(facts);
    if (facts->bimatrix && facts->horizon == 1) {
        size_t point[2];
        bimatrix_stackelberg_pure(facts->bimatrix, true, point);
        return facts->bimatrix->payoff[agent][point[0] * facts->bimatrix->cols + point[1]];
    }
    return solution ? solution->value[agent] : FM_ABSENT;
}

static void write_returns(const run_plan *run, const trials *all, FILE *out) {
    const env_facts *facts = &run->env.facts;
    const env_solution *solution = solution_of(facts);
    bool known = exact_value(facts, 0) != FM_ABSENT;
    bool answers = solution && strcmp(solution->concept, "best-response") == 0;
    char title[NUMBER];
    snprintf(title, sizeof title, "%s return", mode_of(run));
    fprintf(out, "\n%-16s  %12s  %24s%s\n", title, "mean", "95 % interval",
            !known ? "" : answers ? " best response           gap" : "   Stackelberg           gap");
    for (int i = 0; i < facts->agents; i++) {
        char mean[NUMBER], range[96], best[NUMBER], gap[NUMBER];
        stats_interval x = over_trials(all, get_return, i);
        double value = exact_value(facts, i);
        fprintf(out, "%-16s  %12s  %24s", facts->agent[i].name, number(x.mean, mean),
                interval(x, range, sizeof range));
        if (known) fprintf(out, "  %12s  %12s", number(value, best), number(value - x.mean, gap));
        fprintf(out, "\n");
    }
}

void summary_write(const run_plan *run, const trials *all, FILE *out) {
    const env_facts *facts = &run->env.facts;
    write_head(run, all, out);
    if (trials_count(all, TRIAL_OK) == 0) return;
    if (facts->bimatrix && facts->horizon == 1) write_cells(facts->bimatrix, all, out);
    else write_outcomes(run, all, out);
    write_returns(run, all, out);
}
