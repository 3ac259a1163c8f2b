/* bench.h: what the groups of the benchmark share: the clock, the limits of the machine, and the rows of
 * the table.
 *
 * A group is a function that offers its cases one after the other:
 *
 *     static void run(bench *b) {
 *         if (!bench_wants(b, "sort 1000")) return;
 *         double seconds = bench_time(b, sort_repeatedly, &array);
 *         bench_row(b, "sort 1000", 1 / seconds, "sorts/s", 0);
 *     }
 *
 * Limits come from rates that are measured in the same run: of multiply-adds in turns with the samples of
 * each case, of memory once, at first use. */
#ifndef BENCHMARKS_BENCH_H
#define BENCHMARKS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "nn/params.h"

/* Where an array lies while it is used: what fits the first cache, the second, and what fits none. */
typedef enum bench_level { BENCH_L1, BENCH_L2, BENCH_MEMORY, BENCH_LEVELS } bench_level;

/* The flags of the command line. */
typedef struct bench_options {
    double seconds;            /* of measurement per case */
    int64_t threads, isa;
    char only[FM_TEXT_MAX];    /* cases whose name contains this, or =NAME; empty: all */
    bool csv, list, check, help, version;
} bench_options;

typedef enum bench_mode { BENCH_TABLE, BENCH_CSV, BENCH_LIST, BENCH_COUNT } bench_mode;

typedef struct bench {
    bench_options options;
    bench_mode mode;
    const char *group;  /* the group that runs */
    int64_t cases;      /* offered and wanted so far */
    double (*clock)(void); /* what the time of a case is taken from: loop_clock, but for group products */
    double fma;         /* in turns with the last case; operations per second and thread */
    double read[BENCH_LEVELS], copy[BENCH_LEVELS]; /* 0: not yet measured; bytes per second and thread */
} bench;

/* Whether the command line names this case; whether it shall be measured now. */
bool bench_named(const bench *b, const char *name);
bool bench_wants(bench *b, const char *name);

/* Seconds that one repetition takes: the median over several samples, within the time of a case (at least one
 * sample). `work` repeats n times. Leaves the rate of multiply-adds between the samples for bench_fma. */
double bench_time(bench *b, void (*work)(void *context, size_t n), void *context);

/* Prints a row. A limit of 0 means that there is none. */
void bench_row(const bench *b, const char *name, double value, const char *unit, double limit);

/* Floating-point operations per second of fused multiply-adds in registers, on one thread, with the
 * instruction set in use: the median of those between the samples of the last bench_time. */
static inline double bench_fma(const bench *b) { return b->fma; }

/* Bytes per second that one thread reads, or copies (read and written ones both count). */
double bench_read(bench *b, bench_level level);
double bench_copy(bench *b, bench_level level);

/* The level that holds so many bytes. */
bench_level bench_level_of(double bytes);

/* The groups. */
void bench_group_peak(bench *b);
void bench_group_gemm(bench *b);
void bench_group_grad(bench *b);
void bench_group_hvp(bench *b);
void bench_group_cg10(bench *b);
void bench_group_update(bench *b);
void bench_group_products(bench *b);
void bench_group_adam(bench *b);
void bench_group_replay(bench *b);
void bench_group_env(bench *b);
void bench_group_train(bench *b);

/* The cases of group update that have an actor and critics: learners from a replay, and from a rollout. */
void bench_actors(bench *b);
void bench_proximal(bench *b);

/* Prints numbers of the cases of grad, hvp, cg10 and update (group,case,entry,value), for a comparison with
 * other programs: see benchmarks/peers/common.py. */
void bench_check(bench *b);
void bench_check_actors(bench *b);
void bench_check_proximal(bench *b);
void bench_print(const char *group, const char *name, const char *entry, double value);
void bench_print_vector(const char *group, const char *name, const nn_params *p, const real *vector);

/* Every number is a function of its place, so that other programs have the same ones without a file: a
 * hash of 32 bits of (index, stream), of which the upper 24 make a multiple of 2^-23 in [-1, 1). */
typedef enum bench_stream {
    BENCH_STREAM_X = 1,
    BENCH_STREAM_Y,
    BENCH_STREAM_V,
    BENCH_STREAM_WEIGHT,
    BENCH_STREAM_TARGET,
    BENCH_STREAM_NOISE
} bench_stream;
double bench_hashed(uint32_t index, bench_stream stream);

/* Writes one number per parameter into a vector of the layout: the k-th parameter, gaps not counted, gets
 * the k-th. Weights are scaled as by Glorot, biases by a tenth; `plain`: nothing is. */
void bench_fill(const nn_params *p, real *vector, bench_stream stream, bool plain);

/* A network of the cases in grad, hvp and cg10: squared error over `rows` rows. */
typedef struct bench_net {
    const char *name;
    size_t in;
    fm_ints hidden;
    int act; /* ad_act */
    size_t rows;
} bench_net;

#define BENCH_NETS 6
extern const bench_net BENCH_NET[BENCH_NETS];

/* Operations of a matrix kind that one gradient, product or linearisation needs, for M weights of which M1
 * stand in the first layer and M2 in the second, and B rows: 6BM - 2BM1; 12BM - 8BM1; 4BM - 2BM1 (as a
 * gradient, without the weights' own), and 2BM2 less with relu, whose slope does not change: then the
 * gradient at the first layer has no part in a product. */
typedef struct bench_work { double gradient, product, linearise; } bench_work;
bench_work bench_work_of(size_t in, const fm_ints *hidden, size_t out, bool relu, size_t rows);

#endif
