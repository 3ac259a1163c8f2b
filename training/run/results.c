/* results.c: see results.h. */
#include "training/run/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "stb_ds.h"
#include "training/actions.h"

#define NAME 256
#define SUMS_HEADER "trial,result,progress\n"

/* ORDER trial_status */
static const char *const STATUS_NAMES[] = {"open", "ok", "nan", "crashed", "interrupted", "damaged"};
#define STATUS_COUNT (sizeof STATUS_NAMES / sizeof *STATUS_NAMES)
_Static_assert(STATUS_COUNT == TRIAL_DAMAGED + 1, "one name per trial_status");

const char *trial_status_name(trial_status status) { return STATUS_NAMES[status]; }

/* ---- results in memory ---- */

static size_t doubles_of(const env_facts *facts) { return 2 * (size_t)(facts->agents + facts->outcomes); }

size_t result_bytes(const env_facts *facts) {
    return doubles_of(facts) * sizeof(double) + (size_t)facts->action_total * sizeof(real);
}

static void point(trial_result *r, const env_facts *facts, void *numbers) {
    double *at = r->numbers = numbers;
    r->evaluation.value = at;
    r->evaluation.outcome = at + facts->agents;
    r->train_return = r->evaluation.outcome + facts->outcomes;
    r->train_outcome = r->train_return + facts->agents;
    r->evaluation.action = (real *)(at + doubles_of(facts));
}

void result_clear(trial_result *r, const env_facts *facts, int64_t trial, int64_t seed) {
    void *numbers = r->numbers;
    memset(r, 0, sizeof *r);
    memset(numbers, 0, result_bytes(facts));
    point(r, facts, numbers);
    r->trial = trial;
    r->seed = seed;
    r->train_length = FM_ABSENT;
    for (int i = 0; i < facts->agents; i++) r->train_return[i] = FM_ABSENT;
    for (int o = 0; o < facts->outcomes; o++) r->train_outcome[o] = FM_ABSENT;
}

void result_make(trial_result *r, const env_facts *facts, int64_t trial, int64_t seed, fm_arena *arena) {
    r->numbers = fm_arena_alloc(arena, 1, result_bytes(facts));
    result_clear(r, facts, trial, seed);
}

void result_copy(trial_result *to, const trial_result *from, const env_facts *facts) {
    void *numbers = to->numbers;
    memcpy(numbers, from->numbers, result_bytes(facts));
    *to = *from;
    point(to, facts, numbers);
}

void result_from_row(trial_result *r, const progress_columns *of, const double *row) {
    size_t agents = (size_t)of->facts->agents, outcomes = (size_t)of->facts->outcomes;
    memcpy(r->train_return, row + of->at[COLUMN_RETURN], agents * sizeof *row);
    memcpy(r->train_outcome, row + of->at[COLUMN_OUTCOME], outcomes * sizeof *row);
    r->train_length = row[of->at[COLUMN_LENGTH]];
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
    if (isnan(value) || value == FM_ABSENT) return;
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
    for (int o = 0; o < facts->outcomes; o++) {
        char text[NAME];
        snprintf(text, sizeof text, "%s_%s", name, facts->outcome_name[o]);
        fputc(',', out);
        csv_write_text(out, text);
    }
}

void progress_write_header(FILE *out, const progress_columns *of) {
    char text[NAME];
    fputs("trial", out);
    for (int c = 0; c < of->at[COLUMN_END]; c++) {
        fputc(',', out);
        csv_write_text(out, columns_name(of, c, text, sizeof text));
    }
    fputc('\n', out);
}

/* A metric that is no number is the fault that the trial stopped at, not an unknown one. */
void progress_write(FILE *out, const progress_columns *of, int64_t trial, const double *row) {
    fprintf(out, "%lld", (long long)trial);
    for (int c = 0; c < of->at[COLUMN_END]; c++) {
        if (c < of->at[COLUMN_RETURN]) fprintf(out, ",%lld", (long long)row[c]);
        else if (isnan(row[c])) fputs(",nan", out);
        else field(out, row[c]);
    }
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

static void write_actions(FILE *out, const env_facts *facts, const trial_result *result) {
    for (int i = 0; i < facts->agents; i++) {
        fputc(',', out);
        if (result->status != TRIAL_OK) continue;
        char *text = action_text(facts, i, result->evaluation.action, 0);
        csv_write_text(out, text);
        free(text);
    }
}

void result_write(FILE *out, const env_facts *facts, const trial_result *result) {
    const loop_evaluation *evaluation = &result->evaluation;
    bool ok = result->status == TRIAL_OK;
    fprintf(out, "%lld,%lld,%s,%lld", (long long)result->trial, (long long)result->seed,
            trial_status_name(result->status), (long long)result->steps);
    field(out, result->seconds);
    for (int i = 0; i < facts->agents; i++) field(out, ok ? evaluation->value[i] : FM_ABSENT);
    write_actions(out, facts, result);
    field(out, ok ? evaluation->length : FM_ABSENT);
    for (int o = 0; o < facts->outcomes; o++) field(out, ok ? evaluation->outcome[o] : FM_ABSENT);
    fprintf(out, ",%lld", (long long)result->episodes);
    for (int i = 0; i < facts->agents; i++) field(out, result->train_return[i]);
    field(out, result->train_length);
    for (int o = 0; o < facts->outcomes; o++) field(out, result->train_outcome[o]);
    fputc(',', out);
    csv_write_text(out, result->note);
    fputc('\n', out);
}

void sums_write_header(FILE *out) { fputs(SUMS_HEADER, out); }

/* What is written also depends on the run, so that tables of another one do not fit. */
void sums_write(FILE *out, int64_t trial, const trial_sums *sums, uint64_t run) {
    char result[FM_CHECKSUM_TEXT], progress[FM_CHECKSUM_TEXT];
    fprintf(out, "%lld,%s,%s\n", (long long)trial, fm_checksum_text(sums->result ^ run, result),
            fm_checksum_text(sums->progress ^ run, progress));
}

/* ---- reading ---- */

/* A table in memory, walked row by row: `next` stands at the row to come. */
typedef struct table {
    char *text, *next;
    size_t length; /* of the row that was taken last, its end included */
} table;

/* The header that a write function would produce must be the first line; rows alone, which begin with a
 * digit, will do. malloc'ed text in t->text. */
static fm_status table_open(table *t, const char *path, const char *header, fm_error *err) {
    size_t length, n = strlen(header);
    *t = (table){0};
    if (!fm_file_exists(path)) return FM_OK;
    if (fm_file_read(path, &t->text, &length, err) != FM_OK) return FM_BAD;
    if (strncmp(t->text, header, n) == 0) {
        t->next = t->text + n;
        return FM_OK;
    }
    t->next = t->text;
    if (t->text[0] >= '0' && t->text[0] <= '9') return FM_OK;
    free(t->text);
    return fm_fail(err,
                   "%s: line 1 is damaged, or has other columns than this run; delete that line and resume "
                   "the run: the rows below are checked, and the line is written again; expected: %.*s",
                   path, (int)n - 1, header);
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
    t->length = (size_t)(end - row) + 1;
    return *end ? row : NULL;
}

/* Whose row it is, or -1. What is wrong in the rest of it is then his loss, and his sum's to tell. */
static int64_t trial_of(const char *row, int64_t trials) {
    long long trial;
    return sscanf(row, "%lld,", &trial) == 1 && trial >= 0 && trial < trials ? (int64_t)trial : -1;
}

static uint64_t add_row(uint64_t sum, const char *row, size_t length) {
    return fm_checksum(sum ? sum : FM_CHECKSUM_START, row, length);
}

static bool read_number(char **at, double *value) {
    if (!*at) return false;
    char *text = take_field(at);
    *value = strcmp(text, "nan") == 0 ? (double)NAN : FM_ABSENT;
    if (*text == '\0' || isnan(*value)) return true;
    if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0) {
        *value = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return fm_text_to_real(text, value);
}

static bool read_whole(char **at, int64_t *value) { return *at && fm_text_to_int(take_field(at), value); }

static bool read_action(char **at, const env_facts *facts, int agent, real *joint) {
    if (!*at) return false;
    char *text = take_field(at);
    return *text == '\0' || action_parse(facts, agent, text, joint, NULL) == FM_OK;
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
    bool ok = read_whole(&at, &r->trial) && read_whole(&at, &r->seed) && read_status(&at, &r->status) &&
              read_whole(&at, &r->steps) && read_number(&at, &r->seconds);
    for (int i = 0; ok && i < facts->agents; i++) ok = read_number(&at, &r->evaluation.value[i]);
    for (int i = 0; ok && i < facts->agents; i++) ok = read_action(&at, facts, i, r->evaluation.action);
    ok = ok && read_number(&at, &r->evaluation.length);
    for (int o = 0; ok && o < facts->outcomes; o++) ok = read_number(&at, &r->evaluation.outcome[o]);
    ok = ok && read_whole(&at, &r->episodes);
    for (int i = 0; ok && i < facts->agents; i++) ok = read_number(&at, &r->train_return[i]);
    ok = ok && read_number(&at, &r->train_length);
    for (int o = 0; ok && o < facts->outcomes; o++) ok = read_number(&at, &r->train_outcome[o]);
    if (!ok || !at) return false;
    snprintf(r->note, sizeof r->note, "%s", take_field(&at));
    return at == NULL;
}

/* What a function writes, as text; malloc'ed. */
typedef void header_writer(FILE *out, const void *of);
static void write_results(FILE *out, const void *of) { result_write_header(out, of); }
static void write_progress(FILE *out, const void *of) { progress_write_header(out, of); }

static char *header_text(header_writer *write, const void *of) {
    char *text = NULL;
    size_t size;
    FILE *memory = fm_memory_open(&text, &size);
    write(memory, of);
    fm_memory_close(memory);
    return text;
}

fm_status results_read(const char *path, const env_facts *facts, int64_t trials, trial_result *results,
                       fm_error *err) {
    table t;
    fm_arena arena = {0};
    trial_result now;
    char *header = header_text(write_results, facts), *row;
    fm_status status = table_open(&t, path, header, err);
    free(header);
    if (status != FM_OK) return status;
    result_make(&now, facts, 0, 0, &arena);
    while ((row = table_row(&t)) != NULL) {
        int64_t trial = trial_of(row, trials);
        if (trial < 0) continue;
        results[trial].sum = add_row(results[trial].sum, row, t.length);
        result_clear(&now, facts, 0, 0);
        now.sum = results[trial].sum;
        if (read_result(row, facts, &now)) result_copy(&results[trial], &now, facts);
    }
    fm_arena_free(&arena);
    free(t.text);
    return status;
}

fm_status sums_read(const char *path, int64_t trials, uint64_t run, trial_sums *sums, fm_error *err) {
    table t;
    char *row;
    if (table_open(&t, path, SUMS_HEADER, err) != FM_OK) return FM_BAD;
    while ((row = table_row(&t)) != NULL) {
        int64_t trial = trial_of(row, trials);
        unsigned long long result, progress;
        if (trial < 0 || sscanf(row, "%*d,%16llx,%16llx", &result, &progress) != 2) continue;
        sums[trial] = (trial_sums){result ^ run, progress ^ run};
    }
    free(t.text);
    return FM_OK;
}

static bool read_progress(char *at, size_t width, double *row) {
    int64_t trial;
    bool ok = read_whole(&at, &trial);
    for (size_t c = 0; ok && c < width; c++) ok = read_number(&at, &row[c]);
    return ok && at == NULL;
}

fm_status progress_read(const char *path, const progress_columns *of, int64_t trials, progress_rows *rows,
                        fm_error *err) {
    table t;
    char *header = header_text(write_progress, of), *row;
    size_t width = (size_t)of->at[COLUMN_END];
    fm_status status = table_open(&t, path, header, err);
    free(header);
    if (status != FM_OK) return status;
    double *numbers = fm_new(width, sizeof *numbers);
    while ((row = table_row(&t)) != NULL) {
        int64_t trial = trial_of(row, trials);
        if (trial < 0) continue;
        rows[trial].sum = add_row(rows[trial].sum, row, t.length);
        if (!read_progress(row, width, numbers)) continue;
        rows[trial].width = width;
        for (size_t i = 0; i < width; i++) arrput(rows[trial].numbers, numbers[i]);
    }
    free(numbers);
    free(t.text);
    return status;
}
