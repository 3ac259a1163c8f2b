/* bench.c: the program `bench`: how fast the parts are, and how fast this machine would allow them to be. */
#include "benchmarks/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "autograd/plan.h"
#include "base/terminal.h"
#include "base/text.h"
#include "training/loop.h"
#include "training/run/flags.h"
#include "training/run/program.h"
#include "training/run/version.h"

/* A sample lasts half a millisecond, or one repetition when that takes longer: short enough that other
 * programs on the same processor interrupt few of them, which the median does not see. */
#define SAMPLES_MAX 4096
#define SAMPLE_SECONDS 0.0005
#define COUNT_MAX ((size_t)1 << 40)
#define BURST 2000    /* iterations of multiply-adds before a sample: some ten microseconds, */
#define BURST_SHARE 8 /* or this part of a sample's time: what else uses the core then slows both alike */

static const fm_option OPTIONS[] = {
    FM_OPT_REAL(bench_options, seconds, "0.5", 0.001, 3600, "s", "of measurement per case", ""),
    FM_OPT_INT(bench_options, threads, "1", 1, 64, "", "threads that large products may use", ""),
    FM_OPT_CHOICE(bench_options, isa, "auto", "auto|" AD_ISA_NAMES,
                  "instruction set; auto: this machine's widest", ""),
    {"case", FM_TEXT, offsetof(bench_options, only), "", 0, 0, NULL, "",
     "only the cases whose name contains this text, or =NAME", ""},
    FM_OPT_BOOL(
        bench_options, csv, "false",
        "a table for programs: group,case,value,unit,limit,share (share = value / limit; both are empty "
        "where there is no limit)",
        ""),
    FM_OPT_BOOL(bench_options, list, "false", "the cases, without measuring them", ""),
    FM_OPT_BOOL(bench_options, check, "false",
                "numbers that grad, hvp, cg10 and update compute, to compare with other programs", ""),
    FM_OPT_BOOL(bench_options, help, "false", "this text", ""),
    FM_OPT_BOOL(bench_options, version, "false", "the version", ""),
    FM_OPT_END,
};

static const struct {
    const char *name, *doc;
    void (*run)(bench *b);
} GROUPS[] = {
    {"peak", "the machine: fused multiply-adds, reading and copying memory", bench_group_peak},
    {"gemm", "matrix products, op MxNxK: M by N results, sums of K; n plain, t transposed", bench_group_gemm},
    {"grad", "gradients of a squared error", bench_group_grad},
    {"hvp", "Hessian-vector products, linearised before", bench_group_hvp},
    {"cg10", "linearisation and 10 steps of conjugate gradient, damping 0.1", bench_group_cg10},
    {"update", "whole updates: Bi-AC; STAC; actors and critics of Hopper's sizes, or led ones",
     bench_group_update},
    {"products", "the same updates, of which only the time within matrix products counts",
     bench_group_products},
    {"adam", "parameters that Adam moves", bench_group_adam},
    {"replay", "transitions drawn from a replay and laid out for an update", bench_group_replay},
    {"env", "decisions of 64 copies under random actions", bench_group_env},
    {"train", "decisions of whole trials, creation included", bench_group_train},
};
#define GROUP_COUNT (sizeof GROUPS / sizeof *GROUPS)

/* ---- for the groups ---- */

bool bench_named(const bench *b, const char *name) {
    const char *only = b->options.only;
    return only[0] == '=' ? strcmp(name, only + 1) == 0 : strstr(name, only) != NULL;
}

bool bench_wants(bench *b, const char *name) {
    if (!bench_named(b, name)) return false;
    b->cases++;
    if (b->mode == BENCH_LIST) printf("%-7s %s\n", b->group, name);
    return b->mode == BENCH_TABLE || b->mode == BENCH_CSV;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double counted(const bench *b, void (*work)(void *, size_t), void *context, size_t n) {
    double start = b->clock();
    work(context, n);
    return b->clock() - start;
}

/* Operations per second, now: a clock that changes within a run changes this and the next sample alike. */
static double burst(size_t iterations, double *seconds) {
    double start = loop_clock(), operations = ad_peak_fma(iterations);
    *seconds = loop_clock() - start;
    return operations / *seconds;
}

static double median(double *x, size_t n) {
    qsort(x, n, sizeof *x, ascending);
    return n % 2 == 1 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

double bench_time(bench *b, void (*work)(void *context, size_t n), void *context) {
    static double sample[SAMPLES_MAX], rate[SAMPLES_MAX];
    double aim = fmin(SAMPLE_SECONDS, b->options.seconds / 16), end = loop_clock() + b->options.seconds;
    double first, took, now, lasted;
    size_t n = 1, samples = 0;
    for (;;) {
        double start = loop_clock();
        first = counted(b, work, context, n) / (double)n;
        now = loop_clock();
        took = now - start;
        if (took >= aim * 0.75 || now >= end || n >= COUNT_MAX) break;
        double factor = took > 0 ? aim / took : 100;
        n = (size_t)ceil((double)n * fmin(fmax(factor, 2), 100));
    }
    b->fma = burst(BURST, &lasted);
    if (end - now < took) return first;
    const size_t iterations = (size_t)(BURST * fmax(1, took / BURST_SHARE / lasted));
    while (samples < SAMPLES_MAX && loop_clock() < end) {
        rate[samples] = burst(iterations, &lasted);
        sample[samples++] = counted(b, work, context, n) / (double)n;
    }
    b->fma = median(rate, samples);
    return median(sample, samples);
}

/* 1234567 and 0.4321: all digits of what is large, four of what is small. */
static void put_number(char *text, size_t size, double value) {
    fm_text_format(text, size, fabs(value) >= 1000 ? "%.0f" : "%.4g", value);
}

static void put_grouped(char *text, size_t size, double value) {
    if (fabs(value) < 1000) put_number(text, size, value);
    else fm_text_grouped((int64_t)llround(value), text, size);
}

void bench_row(const bench *b, const char *name, double value, const char *unit, double limit) {
    char number[64], most[64] = "", share[16] = "";
    if (b->mode == BENCH_CSV) {
        put_number(number, sizeof number, value);
        if (limit > 0) {
            put_number(most, sizeof most, limit);
            fm_text_format(share, sizeof share, "%.4f", value / limit);
        }
        printf("%s,%s,%s,%s,%s,%s\n", b->group, name, number, unit, most, share);
    } else {
        put_grouped(number, sizeof number, value);
        if (limit > 0) {
            put_grouped(most, sizeof most, limit);
            fm_text_format(share, sizeof share, "%.1f %%", 100 * value / limit);
        }
        printf("%-6s %-25s %12s %-13s %12s %7s\n", b->group, name, number, unit, most, share);
    }
    fflush(stdout);
}

bench_work bench_work_of(size_t in, const fm_ints *hidden, size_t out, bool relu, size_t rows) {
    double weights = 0, first = 0, second = 0, width = (double)in;
    for (int64_t l = 0; l <= hidden->n; l++) {
        double next = l < hidden->n ? (double)hidden->v[l] : (double)out;
        weights += width * next;
        if (l == 0) first = weights;
        if (l == 1) second = width * next;
        width = next;
    }
    double r = (double)rows;
    return (bench_work){6 * r * weights - 2 * r * first, 12 * r * weights - 8 * r * first,
                        4 * r * weights - 2 * r * first - (relu ? 2 * r * second : 0)};
}

/* ---- the command line ---- */

static const char USAGE[] =
    "usage: ./bench [GROUP...] [flags]\n"
    "\n"
    "Measures the groups (all of them when none is named) and prints, for each case, the median and what the "
    "machine would allow: the rate of fused multiply-adds (in turns with the case, since clocks change) or "
    "of memory, over the arithmetic or the bytes that the case needs at least.\n"
    "\n"
    "groups\n";

static void print_help(const flags *given) {
    program_print(stdout, USAGE);
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        int used = printf("  %s", GROUPS[g].name);
        fm_text_wrap(stdout, GROUPS[g].doc, (size_t)used, 13, fm_terminal_reading(stdout));
    }
    printf("\nflags (--flag VALUE or --flag=VALUE), with their defaults:\n");
    flags_help(given, stdout);
    program_print(stdout, "\nThe exit status is 0, or 2 when something was wrong.\n");
}

static fm_status take_group(bool *wanted, const char *word, fm_error *err) {
    const char *names[GROUP_COUNT];
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        names[g] = GROUPS[g].name;
        if (strcmp(word, names[g]) == 0) return wanted[g] = true, FM_OK;
    }
    const char *nearest = fm_text_nearest(word, names, GROUP_COUNT);
    return nearest ? fm_fail(err, "unknown group '%s'; did you mean '%s'?", word, nearest)
                   : fm_fail(err, "unknown group '%s'; --help lists the groups", word);
}

static void run_groups(bench *b, const bool *wanted, bench_mode mode) {
    b->mode = mode;
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        if (!wanted[g]) continue;
        b->group = GROUPS[g].name;
        GROUPS[g].run(b);
    }
}

/* The groups that are named, or all; they must have a case that is asked for. */
static fm_status choose_groups(bench *b, const flags *given, bool *wanted, fm_error *err) {
    for (size_t i = 0; i < given->words_count; i++)
        if (take_group(wanted, given->words[i], err) != FM_OK) return FM_BAD;
    for (size_t g = 0; given->words_count == 0 && g < GROUP_COUNT; g++) wanted[g] = true;
    if (b->options.only[0] == '\0') return FM_OK;
    run_groups(b, wanted, BENCH_COUNT);
    if (b->cases > 0) return FM_OK;
    return fm_fail(err, "--case: no case of these groups contains '%s'; --list shows them", b->options.only);
}

static void measure(bench *b, const bool *wanted) {
    const bench_options *options = &b->options;
    ad_set_threads((int)options->threads);
    if (options->csv) {
        printf("group,case,value,unit,limit,share\n");
    } else {
        const char *isa = ad_kernels()->name;
        printf("%s, %s\n%s, %lld thread%s, %g s per case\n\n", run_version(), run_compiler(), isa,
               (long long)options->threads, options->threads == 1 ? "" : "s", options->seconds);
        printf("%-6s %-25s %12s %-13s %12s %7s\n", "group", "case", "value", "unit", "limit", "share");
    }
    run_groups(b, wanted, options->csv ? BENCH_CSV : BENCH_TABLE);
}

static fm_status choose_isa(const bench_options *options, fm_error *err) {
    char name[FM_TEXT_MAX];
    ad_isa isa;
    fm_option_format(fm_options_find(OPTIONS, "isa"), options, name, sizeof name);
    if (ad_kernels_find(name, &isa, err) != FM_OK) return FM_BAD;
    ad_kernels_use(isa);
    return FM_OK;
}

static fm_status run(bench *b, const flags *given, fm_error *err) {
    bool wanted[GROUP_COUNT] = {false};
    const bench_options *options = &b->options;
    if (choose_isa(options, err) != FM_OK) return FM_BAD;
    if (options->help) print_help(given);
    else if (options->version) printf("%s, built by %s\n", run_version(), run_compiler());
    else if (options->check) bench_check(b);
    else if (choose_groups(b, given, wanted, err) != FM_OK) return FM_BAD;
    else if (options->list) run_groups(b, wanted, BENCH_LIST);
    else measure(b, wanted);
    return FM_OK;
}

int main(int argc, char **argv) {
    bench b = {.mode = BENCH_TABLE, .clock = loop_clock};
    fm_error err;
    flags given = {.options = OPTIONS, .config = &b.options, .word = "GROUP"};
    program_begin(argc > 0 ? argv[0] : NULL, "bench");
    fm_status status = flags_parse(&given, argc - 1, argv + 1, &err);
    if (status == FM_OK) status = run(&b, &given, &err);
    if (status != FM_OK) program_fail(&err);
    flags_free(&given);
    return program_end((int)status);
}
