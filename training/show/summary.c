/* summary.c: see summary.h. */
#include "training/show/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "envs/games/bimatrix.h"
#include "training/run/learners.h"
#include "training/show/live.h"
#include "training/show/stats.h"
#include "training/show/table.h"

#define CELLS_SHOWN 12 /* a game of at most so many joint actions is shown whole */
#define NUMBER 40
#define RANGE 96

/* A number for people: six digits, or those before the point and more where payoffs lie far from zero; and no
 * minus before a zero. */
static char *number(double value, char *text) {
    if (isnan(value) || value == FM_ABSENT) snprintf(text, NUMBER, "-");
    else snprintf(text, NUMBER, "%.*g", fabs(value) < 1e6 ? 6 : 12, fabs(value) < 1e-12 ? 0.0 : value);
    return text;
}

/* Several trials whose numbers were all equal say nothing about the spread. */
static char *interval(stats_interval x, char *text) {
    char low[NUMBER], high[NUMBER];
    if (isnan(x.low)) snprintf(text, RANGE, x.n > 1 ? "all equal" : "");
    else snprintf(text, RANGE, "%s to %s", number(x.low, low), number(x.high, high));
    return text;
}

/* "61 to 100 %" */
static char *percents(stats_interval share, char *text) {
    if (isnan(share.low)) text[0] = '\0';
    else snprintf(text, RANGE, "%.3g to %.3g %%", 100 * share.low, 100 * share.high);
    return text;
}

static char *duration(double seconds, char *text) {
    if (seconds < 100) snprintf(text, NUMBER, "%.1f s", seconds);
    else live_duration(seconds, text, NUMBER);
    return text;
}

/* What this call did; a run that went on says where it began. */
static void write_work(const run_plan *run, const trials *all, FILE *out) {
    char from[NUMBER], to[NUMBER], rate[NUMBER], time[NUMBER];
    int64_t last = all->results[0].steps;
    if (all->steps == 0) {
        if (run->resume) fprintf(out, "; nothing was left to do");
        return;
    }
    if (run->resume && all->n == 1)
        fprintf(out, ", from %s to %s", fm_text_grouped(last - all->steps, from, sizeof from),
                fm_text_grouped(last, to, sizeof to));
    else if (run->resume) fprintf(out, ", %s of them now", fm_text_grouped(all->steps, to, sizeof to));
    if (all->seconds > 0)
        fprintf(out, ", %s (%s steps/s)", duration(all->seconds, time),
                fm_text_grouped((int64_t)((double)all->steps / all->seconds), rate, sizeof rate));
}

static void write_statuses(const trials *all, FILE *out) {
    size_t ok = trials_count(all, TRIAL_OK), open = trials_count(all, TRIAL_OPEN);
    if (ok == (size_t)all->n) return;
    fprintf(out, "of these %zu ok", ok);
    for (trial_status s = TRIAL_NAN; s <= TRIAL_DAMAGED; s++)
        if (trials_count(all, s) > 0) fprintf(out, ", %zu %s", trials_count(all, s), trial_status_name(s));
    if (open > 0) fprintf(out, ", %zu not begun", open);
    fprintf(out, "\n");
}

static void write_head(const run_plan *run, const trials *all, FILE *out) {
    char *words = NULL, steps[NUMBER];
    size_t size;
    FILE *memory = fm_memory_open(&words, &size);
    fprintf(memory, "%s", run->algo->name);
    for (int k = 0; k < run->learners; k++) {
        const run_learner *beside = &run->beside[k];
        fprintf(memory, ", %s for %s%s", beside->from, run->env.facts.agent[beside->agent].name,
                beside->policy ? " as it is" : "");
    }
    fprintf(memory, " on %s: %lld trial%s of %s decisions", run->config.env, (long long)all->n,
            all->n == 1 ? "" : "s", fm_text_grouped(run->config.steps, steps, sizeof steps));
    write_work(run, all, memory);
    fputc('\n', memory);
    write_statuses(all, memory);
    fm_memory_close(memory);
    fm_text_lines(out, words, fm_terminal_columns(out));
    free(words);
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
    cell *cells = fm_new(n, sizeof *cells);
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

static void add_cell(table *t, const bimatrix *game, const cell *c, size_t trials_ok) {
    char label[200], text[RANGE];
    size_t at = c->row * game->cols + c->col;
    snprintf(label, sizeof label, "%s-%s", game->label[0][c->row], game->label[1][c->col]);
    table_add(t, label);
    for (int p = 0; p < 2; p++) table_add(t, number(game->payoff[p][at], text));
    snprintf(text, sizeof text, "%zu of %zu", c->count, trials_ok);
    table_add(t, text);
    table_add(t, trials_ok > 1 && c->count > 0 ? percents(stats_share(c->count, trials_ok), text) : "");
    table_add(t, c->stackelberg && c->nash ? "<- Stackelberg, Nash"
                 : c->stackelberg          ? "<- Stackelberg point"
                 : c->nash                 ? "<- Nash equilibrium"
                                           : "");
}

static void write_cells(const bimatrix *game, const trials *all, FILE *out) {
    const table_column columns[] = {{"actions", true, 0},          {game->player[0], false, 1},
                                    {game->player[1], false, 1},   {"trials", false, 0},
                                    {"95 % interval", false, 2},   {"", true, 0}};
    size_t n = game->rows * game->cols, ok = trials_count(all, TRIAL_OK), left_out = 0;
    cell *cells = count_cells(game, all);
    table t;
    table_begin(&t, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        const cell *c = &cells[i];
        bool whole = n <= CELLS_SHOWN,
             worth = c->stackelberg || (i < CELLS_SHOWN && (c->count > 0 || c->nash));
        if (whole || worth) add_cell(&t, game, c, ok);
        else left_out += c->count > 0;
    }
    fputc('\n', out);
    table_end(&t, out, fm_terminal_columns(out));
    if (left_out > 0) fprintf(out, "and %zu rarer joint actions\n", left_out);
    free(cells);
}

/* ---- outcomes and returns ---- */

/* A number of each trial that is ok: `get` with index i. */
typedef double (*getter)(const trial_result *result, int i);

static double get_return(const trial_result *r, int i) { return r->evaluation.value[i]; }
static double get_action(const trial_result *r, int i) { return (double)r->evaluation.action[i]; }
static double get_outcome(const trial_result *r, int i) { return r->evaluation.outcome[i]; }
static double get_train_outcome(const trial_result *r, int i) { return r->train_outcome[i]; }

/* How the evaluation played. */
static const char *mode_of(const run_plan *run) {
    return run->config.eval_mode == RUN_EVAL_SAMPLE ? "sampled" : "greedy";
}

static stats_interval over_trials(const trials *all, getter get, int i) {
    double *x = fm_new((size_t)all->n, sizeof *x);
    size_t n = 0;
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
    char title[NUMBER], text[RANGE];
    const table_column columns[] = {
        {"outcome", true, 0}, {title, false, 0}, {"95 % interval", false, 2}, {"in training", false, 1}};
    table t;
    if (facts->outcomes == 0) return;
    snprintf(title, sizeof title, "%s play", mode_of(run));
    table_begin(&t, columns, sizeof columns / sizeof *columns);
    for (int o = 0; o < facts->outcomes; o++) {
        stats_interval share = stats_of_shares(over_trials(all, get_outcome, o)),
                       training = over_trials(all, get_train_outcome, o);
        table_add(&t, facts->outcome_name[o]);
        snprintf(text, sizeof text, "%.1f %%", 100 * share.mean);
        table_add(&t, text);
        table_add(&t, percents(share, text));
        snprintf(text, sizeof text, "%.1f %%", 100 * training.mean);
        table_add(&t, isnan(training.mean) ? "" : text);
    }
    fputc('\n', out);
    table_end(&t, out, fm_terminal_columns(out));
}

/* In a one-shot game of boxes: what is chosen first, within the bounds, beside the closed form. */
static void write_actions(const run_plan *run, const trials *all, FILE *out) {
    const env_facts *facts = &run->env.facts;
    const env_solution *known = env_facts_solution(facts, "stackelberg");
    char title[NUMBER], text[RANGE];
    const table_column columns[] = {
        {title, true, 0}, {"mean", false, 0}, {"95 % interval", false, 2}, {"Stackelberg", false, 0}};
    table t;
    if (facts->horizon != 1 || !known || !known->action || facts->agent[0].action.kind != ENV_BOX) return;
    snprintf(title, sizeof title, "%s action", mode_of(run));
    table_begin(&t, columns, sizeof columns / sizeof *columns);
    for (int i = 0; i < facts->agents; i++) {
        const env_agent *agent = &facts->agent[i];
        for (int k = 0; agent->action.kind == ENV_BOX && k < agent->action.size; k++) {
            stats_interval x = over_trials(all, get_action, agent->action_at + k);
            snprintf(text, sizeof text, agent->action.size > 1 ? "%s, number %d" : "%s", agent->name, k);
            table_add(&t, text);
            table_add(&t, number(x.mean, text));
            table_add(&t, interval(x, text));
            table_add(&t, number(known->action[agent->action_at + k], text));
        }
    }
    fputc('\n', out);
    table_end(&t, out, fm_terminal_columns(out));
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
    char title[NUMBER], text[RANGE];
    const table_column columns[] = {{title, true, 0},
                                    {"mean", false, 0},
                                    {"95 % interval", false, 2},
                                    {answers ? "best response" : "Stackelberg", false, 1},
                                    {"gap", false, 3}};
    table t;
    snprintf(title, sizeof title, "%s return", mode_of(run));
    table_begin(&t, columns, sizeof columns / sizeof *columns);
    for (int i = 0; i < facts->agents; i++) {
        stats_interval x = over_trials(all, get_return, i);
        double value = exact_value(facts, i);
        table_add(&t, facts->agent[i].name);
        table_add(&t, number(x.mean, text));
        table_add(&t, interval(x, text));
        table_add(&t, known ? number(value, text) : "");
        table_add(&t, known ? number(value - x.mean, text) : "");
    }
    fputc('\n', out);
    table_end(&t, out, fm_terminal_columns(out));
}

void summary_write(const run_plan *run, const trials *all, FILE *out) {
    const env_facts *facts = &run->env.facts;
    write_head(run, all, out);
    if (trials_count(all, TRIAL_OK) == 0) return;
    if (facts->bimatrix && facts->horizon == 1) write_cells(facts->bimatrix, all, out);
    else write_outcomes(run, all, out);
    write_actions(run, all, out);
    write_returns(run, all, out);
}
