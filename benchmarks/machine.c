/* machine.c: what the machine can do, and the kernels that are measured against it one by one: groups
 * peak, gemm, adam. */
#include <stdio.h>

#include "autograd/kernels/kernels.h"
#include "base/arena.h"
#include "base/text.h"
#include "benchmarks/bench.h"

/* Sizes that lie well within the first and the second cache of today's processors, and beyond the third of
 * most. */
static const size_t LEVEL_BYTES[BENCH_LEVELS] = {(size_t)16 << 10, (size_t)512 << 10, (size_t)256 << 20};
static const char *const LEVEL_NAME[BENCH_LEVELS] = {"L1", "L2", "memory"};

#define FMA_PIECE 10000          /* iterations of one call */
#define PIECE ((size_t)64 << 10) /* reals of a large array that one repetition uses */

bench_level bench_level_of(double bytes) {
    if (bytes <= 2.0 * (double)LEVEL_BYTES[BENCH_L1]) return BENCH_L1;
    return bytes <= 4.0 * (double)LEVEL_BYTES[BENCH_L2] ? BENCH_L2 : BENCH_MEMORY;
}

/* ---- rates ---- */

static void many_fma(void *context, size_t n) {
    double *operations = context;
    for (size_t i = 0; i < n; i++) *operations = ad_peak_fma(FMA_PIECE);
}

/* Arrays are walked through piece by piece, a piece per repetition, so that a sample is short however
 * large they are. */
typedef struct memory_work { size_t n, piece, at; real *from, *to; volatile real seen; } memory_work;

static size_t next_piece(memory_work *w) {
    size_t at = w->at;
    w->at = at + 2 * w->piece <= w->n ? at + w->piece : 0;
    return at;
}

static void many_reads(void *context, size_t n) {
    memory_work *w = context;
    for (size_t i = 0; i < n; i++) w->seen = ad_memory_read(w->piece, w->from + next_piece(w));
}

static void many_double_reads(void *context, size_t n) {
    memory_work *w = context;
    for (size_t i = 0; i < n; i++) {
        size_t at = next_piece(w);
        w->seen = ad_v_dot(w->piece, w->from + at, w->to + at);
    }
}

static void many_copies(void *context, size_t n) {
    memory_work *w = context;
    for (size_t i = 0; i < n; i++) {
        size_t at = next_piece(w);
        ad_memory_copy(w->piece, w->from + at, w->to + at);
    }
}

static void memory_make(memory_work *w, fm_arena *arena, bench_level level) {
    *w = (memory_work){.n = LEVEL_BYTES[level] / sizeof(real) / 2};
    w->from = fm_arena_array(arena, real, 2 * w->n);
    w->to = w->from + w->n;
    ad_v_fill(2 * w->n, 1, w->from);
    w->piece = w->n < PIECE ? w->n : PIECE;
}

/* One array after the other, or two at once: memory is often faster with two. */
double bench_read(bench *b, bench_level level) {
    if (b->read[level] > 0) return b->read[level];
    fm_arena arena = {0};
    memory_work w;
    memory_make(&w, &arena, level);
    double two = bench_time(b, many_double_reads, &w) / (double)(2 * w.piece * sizeof(real));
    w.n *= 2;
    double one = bench_time(b, many_reads, &w) / (double)(w.piece * sizeof(real));
    fm_arena_free(&arena);
    return b->read[level] = 1 / (one < two ? one : two);
}

double bench_copy(bench *b, bench_level level) {
    if (b->copy[level] > 0) return b->copy[level];
    fm_arena arena = {0};
    memory_work w;
    memory_make(&w, &arena, level);
    double seconds = bench_time(b, many_copies, &w);
    fm_arena_free(&arena);
    return b->copy[level] = (double)(2 * w.piece * sizeof(real)) / seconds;
}

void bench_group_peak(bench *b) {
    if (bench_wants(b, "fma")) {
        double operations = 0, seconds = bench_time(b, many_fma, &operations);
        bench_row(b, "fma", operations / seconds / 1e9, "GFLOP/s", 0);
    }
    for (int copy = 0; copy < 2; copy++) {
        for (bench_level level = 0; level < BENCH_LEVELS; level++) {
            char name[32];
            fm_text_format(name, sizeof name, "%s %s", copy ? "copy" : "read", LEVEL_NAME[level]);
            if (!bench_wants(b, name)) continue;
            bench_row(b, name, (copy ? bench_copy(b, level) : bench_read(b, level)) / 1e9, "GB/s", 0);
        }
    }
}

/* ---- gemm ---- */

typedef struct gemm_work { bool trans_a, trans_b; size_t m, n, k; const real *a, *b; real *c; } gemm_work;

static void many_gemms(void *context, size_t n) {
    const gemm_work *w = context;
    for (size_t i = 0; i < n; i++)
        ad_gemm(w->trans_a, w->trans_b, w->m, w->n, w->k, w->a, w->trans_a ? w->m : w->k, w->b,
                w->trans_b ? w->k : w->n, false, w->c, w->n, NULL);
}

/* Per second, when the arithmetic runs at peak or every matrix is moved once, whichever takes longer. */
static double gemm_limit(bench *b, const gemm_work *w) {
    double m = (double)w->m, n = (double)w->n, k = (double)w->k;
    double bytes = (m * k + k * n + m * n) * sizeof(real);
    double arithmetic = 2 * m * n * k / bench_fma(b), moving = bytes / bench_read(b, bench_level_of(bytes));
    return 1 / (arithmetic > moving ? arithmetic : moving);
}

static void one_gemm(bench *b, const char *op, size_t m, size_t n, size_t k) {
    char name[64];
    gemm_work w = {.trans_a = op[0] == 't', .trans_b = op[1] == 't', .m = m, .n = n, .k = k};
    fm_text_format(name, sizeof name, "%s %zux%zux%zu", op, m, n, k);
    if (!bench_wants(b, name)) return;
    fm_arena arena = {0};
    real *x = fm_arena_array(&arena, real, m * k), *y = fm_arena_array(&arena, real, k * n);
    ad_v_fill(m * k, (real)0.5, x);
    ad_v_fill(k * n, (real)0.25, y);
    w.a = x;
    w.b = y;
    w.c = fm_arena_array(&arena, real, m * n);
    double per_second = 1 / bench_time(b, many_gemms, &w), flops = 2e-9 * (double)m * (double)n * (double)k;
    bench_row(b, name, per_second * flops, "GFLOP/s", gemm_limit(b, &w) * flops);
    fm_arena_free(&arena);
}

/* What a layer [in, out] needs: its output, its weights' gradient, and, behind the first layer, its
 * input's; or all transposed, as plans do it for narrow nets. */
static void layer_gemms(bench *b, size_t rows, size_t in, size_t out, bool first, bool narrow) {
    if (narrow) {
        one_gemm(b, "tn", out, rows, in);
        if (!first) one_gemm(b, "nn", in, rows, out);
        one_gemm(b, "nt", in, out, rows);
        return;
    }
    one_gemm(b, "nn", rows, out, in);
    if (!first) one_gemm(b, "nt", rows, in, out);
    one_gemm(b, "tn", in, out, rows);
}

/* Whether the layer behind the first is that of the net before: then its products were measured. */
static bool repeats(int net, int64_t layer) {
    const bench_net *a = &BENCH_NET[net], *before = a - 1;
    if (net == 0 || layer == 0 || a->rows != before->rows || a->hidden.n != before->hidden.n) return false;
    for (int64_t l = layer - 1; l <= layer && l < a->hidden.n; l++)
        if (a->hidden.v[l] != before->hidden.v[l]) return false;
    return true;
}

void bench_group_gemm(bench *b) {
    for (int i = 0; i < BENCH_NETS; i++) {
        const bench_net *net = &BENCH_NET[i];
        size_t in = net->in;
        for (int64_t l = 0; l <= net->hidden.n; l++) {
            size_t out = l < net->hidden.n ? (size_t)net->hidden.v[l] : 1;
            if (!repeats(i, l)) layer_gemms(b, net->rows, in, out, l == 0, net->hidden.v[0] < 32);
            in = out;
        }
    }
}

/* ---- adam ---- */

typedef struct adam_work { size_t n, piece, at; real *theta, *first, *second, *gradient; } adam_work;

static void many_adams(void *context, size_t n) {
    static const ad_adam step = {.rate = 1e-6, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    adam_work *w = context;
    for (size_t i = 0; i < n; i++) {
        size_t at = w->at;
        ad_v_adam(w->piece, w->theta + at, w->first + at, w->second + at, w->gradient + at, &step, NULL);
        w->at = at + 2 * w->piece <= w->n ? at + w->piece : 0;
    }
}

/* Four arrays are read and three of them written. Beyond the first cache only the reads count: what was
 * written goes back while the next pieces come. */
static void one_adam(bench *b, const char *name, size_t n) {
    if (!bench_wants(b, name)) return;
    fm_arena arena = {0};
    adam_work w = {.n = n, .piece = n <= 2 * PIECE ? n : PIECE};
    real **arrays[] = {&w.theta, &w.first, &w.second, &w.gradient};
    for (int i = 0; i < 4; i++) {
        *arrays[i] = fm_arena_array(&arena, real, n);
        ad_v_fill(n, (real)0.01, *arrays[i]);
    }
    double seconds = bench_time(b, many_adams, &w);
    fm_arena_free(&arena);
    bench_level level = bench_level_of(4.0 * (double)(n * sizeof(real)));
    double limit = level == BENCH_L1 ? bench_copy(b, level) / (7 * sizeof(real))
                                     : bench_read(b, level) / (4 * sizeof(real));
    bench_row(b, name, (double)w.piece / seconds, "parameters/s", limit);
}

void bench_group_adam(bench *b) {
    one_adam(b, "601 parameters", 601);
    one_adam(b, "72193 parameters", 72193);
    one_adam(b, "16777216 parameters", (size_t)1 << 24);
}
