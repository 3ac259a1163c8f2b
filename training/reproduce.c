/* reproduce.c: the program `./reproduce`: tables and figures of papers, theirs and ours side by side. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "base/file.h"
#include "base/terminal.h"
#include "base/text.h"
#include "training/run/flags.h"
#include "training/run/program.h"
#include "training/papers/item.h"
#include "training/run/version.h"

enum { EXIT_DONE = 0, EXIT_TRIAL = 1, EXIT_INTERRUPTED = 130 };

#define OUT "runs/reproduce"
#define ITEMS_MAX 256

static const fm_option OPTIONS[] = {
    FM_OPT_INT(reproduce_config, trials, "0", 0, 1000000, "", "of each row; 0: the item's own number", ""),
    FM_OPT_INT(reproduce_config, steps, "0", 0, 9.2e18, "decisions", "of a trial at most; 0: the item's own",
               ""),
    FM_OPT_INT(reproduce_config, jobs, "0", 0, 1024, "processes",
               "trials at the same time; 0: one per processor", ""),
    FM_OPT_CHOICE(reproduce_config, isa, "auto", "auto|" AD_ISA_NAMES,
                  "instruction set, on which results depend; auto: this machine's widest", ""),
    FM_OPT_INT(reproduce_config, seed, "0", 0, 9.2e18, "", "of trial 0; trial k has the seed (seed + k)", ""),
    FM_OPT_BOOL(reproduce_config, quick, "false", "a version of minutes: fewer trials of fewer decisions",
                ""),
    FM_OPT_BOOL(reproduce_config, csv, "false", "prints the rows as a table for programs", ""),
    FM_OPT_TEXT(reproduce_config, out, "", "folder of the results; empty: the next free " OUT),
    FM_OPT_BOOL(reproduce_config, resume, "false", "goes on with what an interrupted call left in the folder",
                ""),
    FM_OPT_BOOL(reproduce_config, quiet, "false", "shows no progress", ""),
    FM_OPT_BOOL(reproduce_config, list, "false", "names every table and figure that there is", ""),
    FM_OPT_BOOL(reproduce_config, help, "false", "this text", ""),
    FM_OPT_BOOL(reproduce_config, version, "false", "the version", ""),
    FM_OPT_END,
};

static const char USAGE[] =
    "usage: ./reproduce ITEM... [flags]  such as biac/table2; biac: all of that paper; all: every one\n"
    "       ./reproduce --list\n"
    "\n"
    "Measures what a table or figure of a paper shows and prints the paper's numbers beside ours, with 95 % "
    "intervals (shares of trials: Wilson's; means: Student's t). With --csv the rows are\n"
    "\n"
    "  " REPRODUCE_HEADER "\n"
    "\n"
    "An empty `paper` says that the paper gives no such number. The folder of an item, OUT/ITEM, holds the "
    "same rows in rows.csv, a folder of ./train per training (./play shows its policies), and of a figure "
    "the numbers (.csv), the gnuplot script (.gp), and the drawing (.svg) when gnuplot is installed.\n"
    "\n"
    "flags (--flag VALUE or --flag=VALUE), with their defaults:\n";

/* ---- which items ---- */

/* "biac" from "biac/table2", in text[64]. */
static const char *paper_of(const reproduce_item *item, char *text) {
    snprintf(text, 64, "%.*s", (int)strcspn(item->name, "/"), item->name);
    return text;
}

static bool is_meant(const reproduce_item *item, const char *word) {
    char paper[64];
    return strcmp(word, item->name) == 0 || strcmp(word, "all") == 0 ||
           strcmp(word, paper_of(item, paper)) == 0;
}

static fm_status unknown_item(const char *word, fm_error *err) {
    const char *names[ITEMS_MAX];
    size_t n = 0;
    for (const reproduce_item *item = REPRODUCE_ITEMS; item->name && n < ITEMS_MAX; item++)
        names[n++] = item->name;
    const char *nearest = fm_text_nearest(word, names, n);
    for (size_t i = 0; i < n && !nearest; i++)
        if (strcmp(strchr(names[i], '/') + 1, word) == 0) nearest = names[i];
    if (nearest) return fm_fail(err, "unknown item '%s'; did you mean '%s'?", word, nearest);
    return fm_fail(err, "unknown item '%s'; --list names them", word);
}

/* In the order of the table, each once. */
static fm_status find_items(const flags *given, bool *chosen, fm_error *err) {
    if (given->words_count == 0)
        return fm_fail(err, "which item? --list names them, and --help says the rest");
    for (size_t w = 0; w < given->words_count; w++) {
        bool found = false;
        for (size_t i = 0; REPRODUCE_ITEMS[i].name; i++) {
            if (!is_meant(&REPRODUCE_ITEMS[i], given->words[w])) continue;
            FM_CHECK(i < ITEMS_MAX, "reproduce: more than %d items", ITEMS_MAX);
            chosen[i] = found = true;
        }
        if (!found) return unknown_item(given->words[w], err);
    }
    return FM_OK;
}

/* ---- where ---- */

static bool path_of(const char *root, const reproduce_item *item, const char *file, char *path) {
    int n = snprintf(path, REPRODUCE_PATH_MAX, "%s/%s%s", root, item->name, file);
    return n >= 0 && n < REPRODUCE_PATH_MAX - 100; /* what comes below needs room */
}

/* The first chosen item that already has a folder there, or NULL. */
static const reproduce_item *first_taken(const char *root, const bool *chosen) {
    char path[REPRODUCE_PATH_MAX];
    for (size_t i = 0; REPRODUCE_ITEMS[i].name; i++)
        if (chosen[i] && path_of(root, &REPRODUCE_ITEMS[i], "", path) && fm_file_exists(path))
            return &REPRODUCE_ITEMS[i];
    return NULL;
}

/* What was measured once is not written over: the folder must be free of the chosen items, unless it is gone
 * on with. */
static fm_status choose_root(const reproduce_config *config, const bool *chosen, char *root, fm_error *err) {
    snprintf(root, FM_TEXT_MAX, "%s", config->out[0] ? config->out : OUT);
    if (config->resume) return FM_OK;
    const reproduce_item *taken = first_taken(root, chosen);
    if (config->out[0] && taken)
        return fm_fail(err, "'%s/%s' is there already; give another --out, or go on with it by --resume",
                       root, taken->name);
    for (int k = 2; taken && k < 100000; k++) {
        snprintf(root, FM_TEXT_MAX, "%s-%d", OUT, k);
        taken = first_taken(root, chosen);
    }
    return FM_OK;
}

/* ---- running ---- */

static void put_head(const reproduce *r) {
    const reproduce_item *item = r->item;
    char steps[40], words[2048];
    fm_text_format(words, sizeof words, "%s: %s [%s]\n%s", item->name, item->title, item->source, item->note);
    program_print(stdout, words);
    fm_text_format(words, sizeof words,
                   "At most %s decisions a trial, so the numbers say little about the paper's.\n",
                   fm_text_grouped(r->steps, steps, sizeof steps));
    if (r->steps > 0) program_print(stdout, words);
    printf("\n");
    fflush(stdout);
}

/* The rows are written beside rows.csv, which keeps those of an earlier call until there are new ones. */
static fm_status open_table(reproduce *r, char *path, char *temporary, fm_error *err) {
    if (fm_folder_make(r->folder, err) != FM_OK) return FM_BAD;
    fm_text_format(path, REPRODUCE_PATH_MAX, "%s/rows.csv", r->folder);
    fm_text_format(temporary, REPRODUCE_PATH_MAX, "%s/rows.csv.tmp", r->folder);
    r->table = fopen(temporary, "w");
    if (!r->table) return fm_fail(err, "cannot write '%s': %s", path, strerror(errno));
    fprintf(r->table, REPRODUCE_HEADER "\n");
    return FM_OK;
}

static fm_status close_table(const reproduce *r, const char *path, const char *temporary, fm_error *err) {
    bool wrong = fflush(r->table) != 0 || ferror(r->table);
    int reason = errno;
    if (fclose(r->table) != 0 && !wrong) wrong = true, reason = errno;
    if (r->rows == 0) remove(temporary);
    else if (rename(temporary, path) != 0 && !wrong) wrong = true, reason = errno;
    return wrong ? fm_fail(err, "cannot write '%s': %s", path, strerror(reason)) : FM_OK;
}

/* One item; *status grows worse when trials failed or a signal came. */
static fm_status run_item(const reproduce_config *config, const reproduce_item *item, const char *root,
                          int *status, fm_error *err) {
    char path[REPRODUCE_PATH_MAX], temporary[REPRODUCE_PATH_MAX];
    reproduce r = {.config = config, .item = item};
    r.trials = config->trials > 0 ? config->trials : config->quick ? item->quick_trials : item->trials;
    r.steps = config->steps > 0 ? config->steps : config->quick ? item->quick_steps : 0;
    if (!path_of(root, item, "", r.folder)) return fm_fail(err, "--out: the path is too long");
    if (open_table(&r, path, temporary, err) != FM_OK) return FM_BAD;
    if (!config->csv) put_head(&r);
    fm_status done = item->run(&r, err);
    fm_status closed = close_table(&r, path, temporary, done == FM_OK ? err : NULL);
    if (done != FM_OK || closed != FM_OK) return FM_BAD;
    if (!config->csv) printf("%srows: %s\n\n", r.rows > 0 ? "\n" : "", r.rows > 0 ? path : "none");
    if (r.failed > 0) *status = EXIT_TRIAL;
    if (r.interrupted) {
        char word[FM_TEXT_MAX + 40];
        fprintf(stderr, "%s: %s: interrupted; what is finished is in %s\n", program_name(), item->name,
                r.folder);
        fprintf(stderr, "%s: to go on: the same command with --resume --out %s\n", program_name(),
                fm_text_quoted(root, word, sizeof word));
        *status = EXIT_INTERRUPTED;
    }
    return FM_OK;
}

static int run_items(const reproduce_config *config, const flags *given) {
    bool chosen[ITEMS_MAX] = {false};
    char root[FM_TEXT_MAX];
    fm_error err;
    ad_isa isa;
    int status = EXIT_DONE;
    fm_option_format(fm_options_find(OPTIONS, "isa"), config, root, sizeof root);
    if (ad_kernels_find(root, &isa, &err) != FM_OK) return (int)program_fail(&err);
    ad_kernels_use(isa);
    if (find_items(given, chosen, &err) != FM_OK) return (int)program_fail(&err);
    if (choose_root(config, chosen, root, &err) != FM_OK) return (int)program_fail(&err);
    bool headed = !config->csv;
    for (size_t i = 0; REPRODUCE_ITEMS[i].name && status != EXIT_INTERRUPTED; i++) {
        if (!chosen[i]) continue;
        if (!headed) printf(REPRODUCE_HEADER "\n");
        headed = true;
        if (run_item(config, &REPRODUCE_ITEMS[i], root, &status, &err) != FM_OK)
            return (int)program_fail(&err);
    }
    return status;
}

#define LIST_DOC 20 /* the column at which what an item is begins */

static void list(void) {
    for (const reproduce_item *item = REPRODUCE_ITEMS; item->name; item++) {
        char words[512];
        snprintf(words, sizeof words, "%s [%s]", item->title, item->source);
        fm_text_wrap(stdout, words, (size_t)printf("%s", item->name), LIST_DOC, fm_terminal_reading(stdout));
    }
}

int main(int argc, char **argv) {
    reproduce_config config;
    fm_error err;
    flags given = {.options = OPTIONS, .config = &config, .word = "ITEM"};
    int status = EXIT_DONE;
    program_begin(argc > 0 ? argv[0] : NULL, "reproduce");
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* a file that grows beyond a limit is reported by its name */
#endif
    if (flags_parse(&given, argc - 1, argv + 1, &err) != FM_OK) {
        status = (int)program_fail(&err);
    } else if (config.help) {
        program_print(stdout, USAGE);
        flags_help(&given, stdout);
        program_print(stdout, "\nexit status: 0 done, 1 a trial failed, 2 wrong input or a file that cannot "
                              "be written, 130 interrupted\n");
    } else if (config.version) {
        printf("%s\n", run_version());
    } else if (config.list) {
        list();
    } else {
        status = run_items(&config, &given);
    }
    flags_free(&given);
    return program_end(status);
}
