/* results.c: see results.h. */
#include "training/run/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "stb_ds.h"

/* ORDER trial_status */
static const char *const STATUS_NAMES[] = {"open", "ok", "nan", "crashed", "interrupted"};
#define STATUS_COUNT (sizeof STATUS_NAMES / sizeof *STATUS_NAMES)
_Static_assert(STATUS_COUNT == TRIAL_INTERRUPTED + 1, "one name per trial_status");

const char *trial_status_name(trial_status status) { return STATUS_NAMES[status]; }

static int outcomes_of(const env_facts *facts) {
    return facts->outcomes <= LOOP_OUTCOMES_MAX ? facts->outcomes : 0;
}

static int metrics_of(const algo_type *algo) {
    int n = 0;
    while (algo->metric_names && algo->metric_names[n]) n++;
    return n;
}

static size_t values_of(const env_facts *facts, const algo_type *algo) {
    return (size_t)(LOOP_RETURN + facts->agents + 1 + outcomes_of(facts) + metrics_of(algo));
}

size_t progress_width(const env_facts *facts, const algo_type *algo) {
    return values_of(facts, algo) + LOOP_TIMES;
}

void result_clear(trial_result *result, int64_t trial, int64_t seed) {
    memset(result, 0, sizeof *result);
    result->trial = trial;
    result->seed = seed;
    result->train_length = NAN;
    for (int i = 0; i < ENV_AGENTS_MAX; i++) result->train_return[i] = NAN;
    for (int o = 0; o < LOOP_OUTCOMES_MAX; o++) result->train_outcome[o] = NAN;
}

void result_from_row(trial_result *result, const env_facts *facts, const double *row) {
    const double *at = row + LOOP_RETURN;
    for (int i = 0; i < facts->agents; i++) result->train_return[i] = *at++;
    result->train_length = *at++;
    for (int o = 0; o < outcomes_of(facts); o++) result->train_outcome[o] = *at++;
}

/* ---- writing ---- */

void csv_write_text(FILE *out, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void csv_write_number(FILE *out, double value) {
    char text[40];
    if (isnan(value)) return;
    if (isinf(value)) fputs(value > 0 ? "inf" : "-inf", out);
    else fputs(fm_text_from_real(value, text, sizeof text), out);
}

static void field(FILE *out, double value) {
    fputc(',', out);
    csv_write_number(out, value);
}

static void agent_columns(FILE *out, const env_facts *facts, const char *name) {
    for (int i = 0; i < facts->agents; i++) fprintf(out, ",%s_%d", name, i);
}

static void outcome_columns(FILE *out, const env_facts *facts, const char *name) {
    for (int o = 0; o < outcomes_of(facts); o++) {
        char text[160];
        snprintf(text, sizeof text, "%s_%s", name, facts->outcome_name[o]);
        fputc(',', out);
        csv_write_text(out, text);
    }
}

void progress_write_header(FILE *out, const env_facts *facts, const algo_type *algo) {
    fputs("trial,step,episodes,seconds", out);
    agent_columns(out, facts, "return");
    fputs(",length", out);
    outcome_columns(out, facts, "outcome");
    for (int m = 0; m < metrics_of(algo); m++) {
        fputc(',', out);
        csv_write_text(out, algo->metric_names[m]);
    }
    fputs(",seconds_env,seconds_act,seconds_update\n", out);
}

void progress_write(FILE *out, const env_facts *facts, const algo_type *algo, int64_t trial,
                    const double *row) {
    size_t values = values_of(facts, algo);
    const double *times = row + values;
    fprintf(out, "%lld,%lld,%lld", (long long)trial, (long long)row[LOOP_STEP],
            (long long)row[LOOP_EPISODES]);
    field(out, times[LOOP_SECONDS]);
    for (size_t i = LOOP_RETURN; i < values; i++) field(out, row[i]);
    for (int i = LOOP_SECONDS_ENV; i < LOOP_TIMES; i++) field(out, times[i]);
    fputc('\n', out);
}

void result_write_header(FILE *out, const env_facts *facts) {
    fputs("trial,seed,status,steps,seconds", out);
    agent_columns(out, facts, "return");
    agent_columns(out, facts, "action");
    fputs(",length", out);
    outcome_columns(out, facts, "outcome");
    fputs(",episodes", out);
    agent_columns(out, facts, "train_return");
    fputs(",train_length", out);
    outcome_columns(out, facts, "train_outcome");
    fputs(",note\n", out);
}

static void write_action(FILE *out, const env_facts *facts, int agent, const loop_evaluation *evaluation) {
    char text[40];
    int at = facts->action_at[agent];
    const env_space *space = &facts->action[agent];
    fputc(',', out);
    if (at + space->size > LOOP_ACTIONS_MAX) return;
    if (space->n > 0)
        csv_write_text(out, env_action_label(facts, agent, (int)evaluation->action[at], text, sizeof text));
    for (int k = 0; space->n == 0 && k < space->size; k++) {
        if (k > 0) fputc(' ', out);
        csv_write_number(out, evaluation->action[at + k]);
    }
}

void result_write(FILE *out, const env_facts *facts, const trial_result *result) {
    const loop_evaluation *evaluation = &result->evaluation;
    bool ok = result->status == TRIAL_OK;
    fprintf(out, "%lld,%lld,%s,%lld", (long long)result->trial, (long long)result->seed,
            trial_status_name(result->status), (long long)result->steps);
    field(out, result->seconds);
    for (int i = 0; i < facts->agents; i++) field(out, ok ? evaluation->value[i] : (double)NAN);
    for (int i = 0; i < facts->agents; i++) {
        if (ok) write_action(out, facts, i, evaluation);
        else fputc(',', out);
    }
    field(out, ok ? evaluation->length : (double)NAN);
    for (int o = 0; o < outcomes_of(facts); o++) field(out, ok ? evaluation->outcome[o] : (double)NAN);
    fprintf(out, ",%lld", (long long)result->episodes);
    for (int i = 0; i < facts->agents; i++) field(out, result->train_return[i]);
    field(out, result->train_length);
    for (int o = 0; o < outcomes_of(facts); o++) field(out, result->train_outcome[o]);
    fputc(',', out);
    csv_write_text(out, result->note);
    fputc('\n', out);
}

/* ---- reading ---- */

/* A table in memory, walked row by row: `next` stands at the row to come. */
typedef struct table {
    char *text, *next;
    int line;
} table;

/* The header that a write function would produce must be the first line. malloc'ed text in t->text. */
static fm_status table_open(table *t, const char *path, const char *header, fm_error *err) {
    size_t length, n = strlen(header);
    *t = (table){0};
    if (!fm_file_exists(path)) return FM_OK;
    if (fm_file_read(path, &t->text, &length, err) != FM_OK) return FM_BAD;
    if (strncmp(t->text, header, n) == 0) {
        t->next = t->text + n;
        t->line = 1;
        return FM_OK;
    }
    free(t->text);
    return fm_fail(err, "%s: line 1: other columns than this run has; expected %.*s", path, (int)n - 1,
                   header);
}

/* Cuts the row's next field out in place; quotes are undone. *at is NULL after the last one. A row ends at
 * its newline, and a row without one is no row. */
static char *take_field(char **at) {
    char *in = *at, *start = *at, *out = *at;
    bool quoted = *in == '"';
    if (quoted) in++;
    for (; *in; in++) {
        if (quoted && *in == '"' && in[1] != '"') quoted = false;
        else if (!quoted && (*in == ',' || *in == '\n')) break;
        else {
            if (quoted && *in == '"') in++;
            *out++ = *in;
        }
    }
    *at = *in == ',' ? in + 1 : NULL;
    *out = '\0';
    return start;
}

/* The next complete row, or NULL. A newline in quotes belongs to a label. */
static char *table_row(table *t) {
    if (!t->next) return NULL;
    char *row = t->next, *end = row;
    for (bool quoted = false; *end && (quoted || *end != '\n'); end++) quoted ^= *end == '"';
    t->next = *end ? end + 1 : NULL;
    t->line++;
    return *end ? row : NULL;
}

static bool read_number(char **at, double *value) {
    if (!*at) return false;
    char *text = take_field(at);
    *value = NAN;
    if (*text == '\0') return true;
    if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0) {
        *value = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return fm_text_to_real(text, value);
}

static bool read_whole(char **at, int64_t *value) { return *at && fm_text_to_int(take_field(at), value); }

static bool read_action(char **at, const env_facts *facts, int agent, double *action) {
    const env_space *space = &facts->action[agent];
    int first = facts->action_at[agent], index;
    if (!*at) return false;
    char *text = take_field(at);
    if (*text == '\0' || first + space->size > LOOP_ACTIONS_MAX) return true;
    if (space->n > 0) {
        if (env_action_parse(facts, agent, text, &index, NULL) != FM_OK) return false;
        action[first] = index;
        return true;
    }
    for (int k = 0; k < space->size; k++) {
        char *blank = strchr(text, ' ');
        if (blank) *blank = '\0';
        if (!fm_text_to_real(text, &action[first + k])) return false;
        text = blank ? blank + 1 : text + strlen(text);
    }
    return true;
}

static bool read_status(char **at, trial_status *status) {
    if (!*at) return false;
    const char *text = take_field(at);
    for (size_t s = 0; s < STATUS_COUNT; s++) {
        if (strcmp(text, STATUS_NAMES[s]) != 0) continue;
        *status = (trial_status)s;
        return true;
    }
    return false;
}

static bool read_result(char *at, const env_facts *facts, trial_result *r) {
    int outcomes = outcomes_of(facts);
    bool ok = read_whole(&at, &r->trial) && read_whole(&at, &r->seed) && read_status(&at, &r->status) &&
              read_whole(&at, &r->steps) && read_number(&at, &r->seconds);
    for (int i = 0; ok && i < facts->agents; i++) ok = read_number(&at, &r->evaluation.value[i]);
    for (int i = 0; ok && i < facts->agents; i++) ok = read_action(&at, facts, i, r->evaluation.action);
    ok = ok && read_number(&at, &r->evaluation.length);
    for (int o = 0; ok && o < outcomes; o++) ok = read_number(&at, &r->evaluation.outcome[o]);
    ok = ok && read_whole(&at, &r->episodes);
    for (int i = 0; ok && i < facts->agents; i++) ok = read_number(&at, &r->train_return[i]);
    ok = ok && read_number(&at, &r->train_length);
    for (int o = 0; ok && o < outcomes; o++) ok = read_number(&at, &r->train_outcome[o]);
    if (!ok || !at) return false;
    snprintf(r->note, sizeof r->note, "%s", take_field(&at));
    return at == NULL;
}

/* The header as text, malloc'ed; aborts when memory is exhausted. */
static char *header_text(const env_facts *facts, const algo_type *algo) {
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    FM_CHECK(memory != NULL, "out of memory");
    if (algo) progress_write_header(memory, facts, algo);
    else result_write_header(memory, facts);
    FM_CHECK(fclose(memory) == 0, "out of memory");
    return text;
}

fm_status results_read(const char *path, const env_facts *facts, int64_t trials, trial_result *results,
                       fm_error *err) {
    table t;
    char *header = header_text(facts, NULL), *row;
    fm_status status = table_open(&t, path, header, err);
    free(header);
    if (status != FM_OK) return status;
    while (status == FM_OK && (row = table_row(&t)) != NULL) {
        trial_result now;
        result_clear(&now, 0, 0);
        if (!read_result(row, facts, &now)) status = fm_fail(err, "%s: line %d: not a result", path, t.line);
        else if (now.trial < 0 || now.trial >= trials)
            status = fm_fail(err, "%s: line %d: trial %lld of %lld", path, t.line, (long long)now.trial,
                             (long long)trials);
        else results[now.trial] = now;
    }
    free(t.text);
    return status;
}

static bool read_progress(char *at, size_t width, int64_t *trial, double *row) {
    size_t values = width - LOOP_TIMES;
    double *times = row + values;
    bool ok = read_whole(&at, trial) && read_number(&at, &row[LOOP_STEP]) &&
              read_number(&at, &row[LOOP_EPISODES]) && read_number(&at, &times[LOOP_SECONDS]);
    for (size_t i = LOOP_RETURN; ok && i < values; i++) ok = read_number(&at, &row[i]);
    for (size_t i = LOOP_SECONDS_ENV; ok && i < LOOP_TIMES; i++) ok = read_number(&at, &times[i]);
    return ok && at == NULL;
}

fm_status progress_read(const char *path, const env_facts *facts, const algo_type *algo, int64_t trials,
                        progress_rows *rows, fm_error *err) {
    table t;
    char *header = header_text(facts, algo), *row;
    size_t width = progress_width(facts, algo);
    fm_status status = table_open(&t, path, header, err);
    free(header);
    if (status != FM_OK) return status;
    double *numbers = calloc(width, sizeof *numbers);
    FM_CHECK(numbers != NULL, "out of memory");
    while (status == FM_OK && (row = table_row(&t)) != NULL) {
        int64_t trial;
        if (!read_progress(row, width, &trial, numbers) || trial < 0 || trial >= trials) {
            status = fm_fail(err, "%s: line %d: not a progress row", path, t.line);
            break;
        }
        rows[trial].width = width;
        for (size_t i = 0; i < width; i++) arrput(rows[trial].numbers, numbers[i]);
    }
    free(numbers);
    free(t.text);
    return status;
}
