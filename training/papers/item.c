/* item.c: the rows of ./reproduce, and the training behind them; see training/papers/item.h. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "stb_ds.h"
#include "training/run/folder.h"
#include "training/run/need.h"
#include "training/run/program.h"
#include "training/papers/item.h"

#define NUMBER 40
#define WATCHED_PARTS 1000

/* ---- rows ---- */

stats_interval reproduce_number(double value) {
    return (stats_interval){.mean = value, .low = (double)NAN, .high = (double)NAN};
}

stats_interval reproduce_percent(stats_interval share) {
    share = stats_of_shares(share);
    return (stats_interval){100 * share.mean, 100 * share.low, 100 * share.high, share.n};
}

static void put_csv(FILE *out, const reproduce *r, const char *row, const char *metric, const double *numbers,
                    int64_t n) {
    csv_write_text(out, r->item->name);
    fputc(',', out);
    csv_write_text(out, row);
    fputc(',', out);
    csv_write_text(out, metric);
    for (int i = 0; i < 4; i++) {
        fputc(',', out);
        csv_write_number(out, numbers[i]);
    }
    fprintf(out, ",%lld\n", (long long)n);
    fflush(out); /* what is finished stays, whatever happens to the rest */
}

/* Five digits, and no minus before a zero. */
static const char *shown(double value, char *text) {
    if (isnan(value)) return "-";
    snprintf(text, NUMBER, "%.5g", fabs(value) < 1e-12 ? 0.0 : value);
    return text;
}

#define NUMBERS 45 /* columns that the numbers of a row take */
#define METRIC_LEAST 20
#define METRIC_MOST 48

/* A row's name has a line of its own, with its metrics beneath; what is too long for its column, too. */
static void put_person(reproduce *r, const char *row, const char *metric, double paper, stats_interval ours,
                       int64_t n) {
    char text[4][NUMBER], range[2 * NUMBER + 8] = "";
    size_t columns = fm_terminal_columns(stdout);
    int width = columns < NUMBERS + METRIC_LEAST ? METRIC_LEAST : (int)columns - NUMBERS;
    if (width > METRIC_MOST) width = METRIC_MOST;
    if (!r->last_row[0])
        printf("%-*s %9s %9s  %-16s %6.6s\n", width, "", "paper", "ours", "95 % interval", r->item->unit);
    if (strcmp(row, r->last_row) != 0) printf("%s\n", row);
    if (!isnan(ours.low))
        snprintf(range, sizeof range, "%s to %s", shown(ours.low, text[2]), shown(ours.high, text[3]));
    else if (ours.n > 1) snprintf(range, sizeof range, "all equal");
    printf("  %-*s", width - 2, metric);
    if (fm_text_columns(metric) + 2 > (size_t)width) printf("\n%*s", width, "");
    printf(" %9s %9s  %-16s %6lld\n", shown(paper, text[0]), shown(ours.mean, text[1]), range, (long long)n);
    snprintf(r->last_row, sizeof r->last_row, "%s", row);
    fflush(stdout);
}

static void put(reproduce *r, bool for_person, const char *row, const char *metric, double paper,
                stats_interval ours, int64_t n) {
    double numbers[4] = {paper, ours.mean, ours.low, ours.high};
    r->rows++;
    put_csv(r->table, r, row, metric, numbers, n);
    if (r->config->csv) put_csv(stdout, r, row, metric, numbers, n);
    else if (for_person) put_person(r, row, metric, paper, ours, n);
}

void reproduce_put(reproduce *r, const char *row, const char *metric, double paper, stats_interval ours,
                   int64_t n) {
    put(r, true, row, metric, paper, ours, n);
}

void reproduce_put_detail(reproduce *r, const char *row, const char *metric, double paper,
                          stats_interval ours, int64_t n) {
    put(r, false, row, metric, paper, ours, n);
}

void reproduce_say(const reproduce *r, const char *format, ...) {
    va_list arguments;
    if (r->config->quiet) return;
    fprintf(stderr, "%s: %s: ", program_name(), r->item->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void reproduce_words(const reproduce *r, const char *format, ...) {
    va_list arguments;
    char *words = NULL;
    size_t size;
    if (r->config->csv) return;
    FILE *memory = fm_memory_open(&words, &size);
    va_start(arguments, format);
    vfprintf(memory, format, arguments);
    va_end(arguments);
    fm_memory_close(memory);
    putchar('\n');
    program_print(stdout, words);
    free(words);
}

fm_status reproduce_figure(const reproduce *r, const char *name, const plot_data *data,
                           const plot_page *page, fm_error *err) {
    if (plot_write(r->folder, name, data, page, err) != FM_OK) return FM_BAD;
    bool drawn = plot_draw(r->folder, name);
    reproduce_say(r,
                  drawn ? "figure: %s/%s.svg"
                        : "figure: %s/%s.gp (gnuplot, which draws it, was not found or failed)",
                  r->folder, name);
    return FM_OK;
}

void reproduce_note(const reproduce *r, const char *bands, char text[REPRODUCE_NOTE_MAX]) {
    char count[40], intervals[80] = "";
    if (r->trials > 1) snprintf(intervals, sizeof intervals, "; %s: their 95 %% intervals", bands);
    fm_text_grouped(r->trials, count, sizeof count);
    fm_text_format(text, REPRODUCE_NOTE_MAX, "Means over %s %s%s", count, r->item->unit, intervals);
}

/* ---- training ---- */

/* "Bi-AC published" -> "bi-ac-published" */
static void folder_name(const char *row, char *name, size_t size) {
    size_t n = 0;
    for (const char *c = row; *c && n + 1 < size; c++) {
        if (*c >= 'A' && *c <= 'Z') name[n++] = (char)(*c - 'A' + 'a');
        else name[n++] = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ? *c : '-';
    }
    name[n] = '\0';
}

/* Writes a word of the command line; words are at most as long as a path. */
typedef struct command { char text[48][REPRODUCE_PATH_MAX]; char *words[48]; int n; } command;

static void add(command *c, const char *flag, const char *value) {
    const char *both[2] = {flag, value};
    for (int i = 0; i < 2; i++) {
        FM_CHECK(c->n < (int)(sizeof c->words / sizeof *c->words), "reproduce: too many words");
        c->words[c->n] = c->text[c->n];
        fm_text_format(c->text[c->n++], sizeof c->text[0], "%s", both[i]);
    }
}

static void add_number(command *c, const char *flag, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (value > 0) add(c, flag, text);
}

/* "key=value key=value" */
static void add_settings(command *c, const char *settings) {
    for (const char *at = settings; at && *at;) {
        char word[REPRODUCE_PATH_MAX];
        size_t n = strcspn(at, " ");
        fm_text_format(word, sizeof word, "%.*s", (int)n, at);
        add(c, "--set", word);
        at += n + strspn(at + n, " ");
    }
}

static fm_status plan(const reproduce *r, const reproduce_training *what, const char *folder, run_plan *run,
                      fm_error *err) {
    command c = {.n = 0};
    add(&c, "--algo", what->algo);
    add(&c, "--env", what->env);
    add(&c, "--out", folder);
    if (what->preset) add(&c, "--preset", what->preset);
    if (what->learner) add(&c, "--learner", what->learner);
    add_settings(&c, what->settings);
    add_number(&c, "--trials", r->trials);
    add_number(&c, "--jobs", r->config->jobs);
    add_number(&c, "--seed", r->config->seed);
    add_number(&c, "--steps", what->steps);
    add_number(&c, "--num-envs", what->num_envs);
    add_number(&c, "--window", what->window);
    add_number(&c, "--rows", what->rows);
    add_number(&c, "--eval-episodes", what->eval_episodes);
    if (run_parse(run, c.n, c.words, err) != FM_OK)
        return fm_fail_in(err, "%s: %s: ", r->item->name, what->row);
    run->config.quiet = r->config->quiet;
    if (r->steps > 0 && run->config.steps > r->steps) run->config.steps = r->steps;
    if (what->evaluations > 0) run->config.eval_every = run->config.steps / what->evaluations;
    return FM_OK;
}

/* The configuration as text; malloc'ed. */
static char *config_text(const run_plan *run) {
    char *text = NULL;
    size_t size;
    FILE *memory = fm_memory_open(&text, &size);
    run_write_ini(run, memory);
    fm_memory_close(memory);
    return text;
}

/* A folder of an earlier call may be gone on with when it holds this very run. */
static fm_status check_resumable(const run_plan *run, const char *folder, fm_error *err) {
    char word[REPRODUCE_PATH_MAX + 40];
    char *words[] = {word};
    run_plan old;
    snprintf(word, sizeof word, "--config=%s/config.ini", folder);
    if (run_parse(&old, 1, words, err) != FM_OK) return FM_BAD;
    char *before = config_text(&old), *now = config_text(run);
    bool same = strcmp(before, now) == 0;
    free(before);
    free(now);
    run_free(&old);
    if (same) return FM_OK;
    return fm_fail(err, "'%s' holds another run (other trials, seed, or settings); give another --out",
                   folder);
}

/* The item's folder is ROOT/PAPER/ITEM. */
static fm_status folder_of(const reproduce *r, const reproduce_training *what, char *folder, fm_error *err) {
    const char *shared = what->shared ? what->shared : "", *slash = what->shared ? "/" : "";
    size_t above = what->shared ? (size_t)(strrchr(r->folder, '/') - r->folder) : strlen(r->folder);
    char name[64];
    folder_name(what->row, name, sizeof name);
    if (snprintf(folder, REPRODUCE_PATH_MAX, "%.*s%s%s/%s", (int)above, r->folder, slash, shared, name) >=
        REPRODUCE_PATH_MAX)
        return fm_fail(err, "'%.60s...': the path is too long", r->folder);
    return FM_OK;
}

static fm_status begin_folder(const run_plan *run, const char *folder, bool *resume, fm_lock *lock,
                              fm_error *err) {
    char path[FOLDER_PATH_MAX];
    char config[REPRODUCE_PATH_MAX + 40];
    snprintf(config, sizeof config, "%s/config.ini", folder);
    *resume = *resume && fm_file_exists(config);
    if (!*resume) return folder_make(run, path, lock, err);
    return check_resumable(run, folder, err) == FM_OK ? folder_lock(folder, lock, err) : FM_BAD;
}

fm_status reproduce_train(reproduce *r, const reproduce_training *what, reproduce_trained *done,
                          fm_error *err) {
    char steps[40];
    trial_watch watch;
    trials_setup setup = {.program = program_name(), .resume = r->config->resume || what->shared};
    fm_lock lock = {.fd = -1};
    memset(done, 0, sizeof *done);
    if (folder_of(r, what, done->folder, err) != FM_OK) return FM_BAD;
    if (plan(r, what, done->folder, &done->run, err) != FM_OK) return FM_BAD;
    fm_status status = run_fit(&done->run, program_name(), &r->interrupted, err);
    if (status != FM_OK || r->interrupted) return status;
    done->columns = run_columns(&done->run);
    reproduce_say(r, "%s: %lld trials of %s decisions", what->row, (long long)r->trials,
                  fm_text_grouped(done->run.config.steps, steps, sizeof steps));
    if (what->watch) {
        watch = *what->watch;
        if (watch.every == 0) watch.every = done->run.config.steps / WATCHED_PARTS;
        if (watch.every == 0) watch.every = 1;
        setup.watch = &watch;
        setup.resume = false;
    } else {
        if (begin_folder(&done->run, done->folder, &setup.resume, &lock, err) != FM_OK) return FM_BAD;
        setup.folder = done->folder;
    }
    status = trials_run(&done->run, &setup, &done->all, err);
    fm_lock_release(&lock);
    done->ok = (int64_t)trials_count(&done->all, TRIAL_OK);
    r->failed += trials_count(&done->all, TRIAL_NAN) + trials_count(&done->all, TRIAL_CRASHED) +
                 trials_count(&done->all, TRIAL_DAMAGED);
    r->interrupted |= done->all.interrupted;
    return status;
}

fm_status reproduce_twice(reproduce *r, const reproduce_training *what, reproduce_rows *rows,
                          const void *context, fm_error *err) {
    fm_status status = FM_OK;
    for (int p = 0; p < 2 && status == FM_OK && !r->interrupted; p++) {
        char row[64];
        snprintf(row, sizeof row, "%s%s", what->row, p == 0 ? "" : " published");
        reproduce_training this = *what;
        this.row = row;
        this.preset = p == 0 ? NULL : "published";
        reproduce_trained done;
        status = reproduce_train(r, &this, &done, err);
        if (status == FM_OK && !r->interrupted) status = rows(r, row, &done, context, err);
        reproduce_trained_free(&done);
    }
    return status;
}

void reproduce_trained_free(reproduce_trained *done) {
    if (done->all.results) trials_free(&done->all);
    run_free(&done->run);
}

/* ---- numbers of trials ---- */

double reproduce_return(const trial_result *result, int i) { return result->evaluation.value[i]; }
double reproduce_outcome(const trial_result *result, int i) { return result->evaluation.outcome[i]; }
double reproduce_train_outcome(const trial_result *result, int i) { return result->train_outcome[i]; }
double reproduce_action(const trial_result *result, int i) { return (double)result->evaluation.action[i]; }

stats_interval reproduce_mean_of(const reproduce_trained *done, const double *values) {
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    size_t n = 0;
    for (int64_t k = 0; k < done->all.n; k++)
        if (done->all.results[k].status == TRIAL_OK) x[n++] = values[k];
    stats_interval mean = stats_mean(x, n);
    free(x);
    return mean;
}

stats_interval reproduce_mean(const reproduce_trained *done, reproduce_getter get, int i) {
    double *values = fm_new((size_t)done->all.n, sizeof *values);
    for (int64_t k = 0; k < done->all.n; k++) values[k] = get(&done->all.results[k], i);
    stats_interval mean = reproduce_mean_of(done, values);
    free(values);
    return mean;
}

size_t reproduce_progress_rows(const reproduce_trained *done) {
    size_t width = (size_t)done->columns.at[COLUMN_END], least = SIZE_MAX;
    for (int64_t k = 0; k < done->all.n; k++) {
        size_t rows = arrlenu(done->all.rows[k].numbers) / width;
        if (done->all.results[k].status == TRIAL_OK && rows < least) least = rows;
    }
    return least == SIZE_MAX ? 0 : least;
}

stats_interval reproduce_progress(const reproduce_trained *done, size_t k, int column) {
    size_t at = k * (size_t)done->columns.at[COLUMN_END] + (size_t)column;
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    for (int64_t trial = 0; trial < done->all.n; trial++) {
        if (done->all.results[trial].status != TRIAL_OK) continue;
        double value = done->all.rows[trial].numbers[at];
        x[trial] = value == FM_ABSENT ? (double)NAN : value;
    }
    stats_interval mean = reproduce_mean_of(done, x);
    free(x);
    return mean;
}
