/* products.c: first and second derivatives of a squared error: groups grad, hvp, cg10, and the numbers by
 * which other programs are checked to compute the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/cg.h"
#include "autograd/plan.h"
#include "benchmarks/bench.h"
#include "nn/layers.h"

#define STEPS 10
#define DAMPING 0.1
#define ENTRIES_SHOWN 64

/* Critics (Q) and a state value (V) of the published experiments: inputs, hidden widths, output, batch. */
const bench_net BENCH_NET[BENCH_NETS] = {
    {"Q23-256-256-1 relu B100", 23, {2, {256, 256}}, AD_RELU, 100},
    {"Q23-256-256-1 relu B256", 23, {2, {256, 256}}, AD_RELU, 256},
    {"V17-64-32-1 tanh B4000", 17, {2, {64, 32}}, AD_TANH, 4000},
    {"V4-64-32-1 tanh B4000", 4, {2, {64, 32}}, AD_TANH, 4000},
    {"Q7-64-64-1 relu B64", 7, {2, {64, 64}}, AD_RELU, 64},
    {"Q7-20-20-1 relu B512", 7, {2, {20, 20}}, AD_RELU, 512},
};

typedef struct problem {
    fm_arena arena;
    nn_params params;
    nn_mlp mlp;
    ad_tape *tape;
    real *x, *y;         /* [rows, in], [rows, 1] */
    real *gradient;      /* [n] written by `learn` */
    real *loss;          /* [1] too */
    ad_plan *learn;
    ad_product *hessian; /* of the first n reals of `work` to the second n */
    real *work;          /* [AD_CG_WORK(n)] */
    real *b, *solution;  /* [n] */
} problem;

/* ---- the numbers ---- */

double bench_hashed(uint32_t index, bench_stream stream) {
    uint32_t h = index + (uint32_t)stream * 0x9E3779B9u;
    h = (h ^ (h >> 16)) * 0x7FEB352Du;
    h = (h ^ (h >> 15)) * 0x846CA68Bu;
    h ^= h >> 16;
    return (double)(h >> 8) * 0x1p-23 - 1;
}

void bench_fill(const nn_params *p, real *vector, bench_stream stream, bool plain) {
    uint32_t k = 0;
    memset(vector, 0, p->n * sizeof *vector);
    for (size_t e = 0; e < 2 * NN_LAYERS_MAX && k < nn_params_count(p); e++) {
        const nn_entry *entry = &p->entries[e];
        double scale = entry->rows == 1 && e % 2 == 1 ? 0.1 : sqrt(6.0 / (double)(entry->rows + entry->cols));
        for (size_t i = 0; i < entry->rows * entry->cols; i++)
            vector[entry->at + i] = (real)((plain ? 1 : scale) * bench_hashed(k++, stream));
    }
}

static void problem_make(problem *p, const bench_net *net) {
    *p = (problem){.tape = ad_tape_new()};
    p->mlp = nn_mlp_declare(&p->params, "net",
                            &(nn_mlp_shape){.in = net->in, .hidden = &net->hidden, .out = 1,
                                            .act = (ad_act)net->act, .init = NN_INIT_ZERO});
    nn_params_make(&p->params, &p->arena, NULL, "bench");
    size_t n = p->params.n;
    bench_fill(&p->params, p->params.theta, BENCH_STREAM_WEIGHT, false);
    p->x = fm_arena_array(&p->arena, real, net->rows * net->in);
    p->y = fm_arena_array(&p->arena, real, net->rows);
    for (size_t i = 0; i < net->rows * net->in; i++) 
        p->x[i] = (real)bench_hashed((uint32_t)i, BENCH_STREAM_X);
    p->gradient = fm_arena_array(&p->arena, real, n);
    p->loss = fm_arena_array(&p->arena, real, 1);
    p->work = fm_arena_array(&p->arena, real, AD_CG_WORK(n));
    p->b = fm_arena_array(&p->arena, real, n);
    p->solution = fm_arena_array(&p->arena, real, n);

    ad_tape *t = p->tape;
    nn_leaves w = nn_params_leaves(t, &p->params, p->params.theta, &p->arena);
    ad_var x = ad_leaf(t, net->rows, net->in, p->x, "x"), q = nn_mlp_apply(&p->mlp, &w, x);
    /* Targets near the output: far from a fit the Hessian is indefinite, and conjugate gradient would
     * stop. */
    for (size_t i = 0; i < net->rows; i++)
        p->y[i] = ad_value(q)[i] + (real)(0.1 * bench_hashed((uint32_t)i, BENCH_STREAM_Y));
    ad_var y = ad_leaf(t, net->rows, 1, p->y, "y");
    ad_var loss = ad_mean(ad_square(ad_sub(q, y)));
    ad_output out[2 * NN_LAYERS_MAX + 1];
    nn_gradient_outputs(&p->params, &w, loss, p->gradient, out);
    out[w.count] = (ad_output){loss, p->loss};
    p->learn = ad_plan_make(NULL, 0, out, w.count + 1);
    p->hessian = ad_hessian(loss, w.leaf, w.count, p->work, p->work + n);
    ad_replay(p->learn);
    bench_fill(&p->params, p->b, BENCH_STREAM_V, true);
    ad_linearise(p->hessian);
}

static void problem_free(problem *p) {
    ad_tape_free(p->tape);
    nn_params_free(&p->params);
    fm_arena_free(&p->arena);
}

static ad_cg_result solve(problem *p) {
    ad_cg_options options = {.iterations = STEPS, .damping = DAMPING};
    ad_linearise(p->hessian);
    return ad_cg(ad_apply_matvec, p->hessian, p->params.n, p->b, p->solution, p->work, &options);
}

/* ---- timing ---- */

/* A parameter changes before every repetition, as it does in training. */
static void touch(problem *p, size_t i) { p->params.theta[0] += (real)(i % 2 == 0 ? 1e-6 : -1e-6); }

static void many_gradients(void *context, size_t n) {
    problem *p = context;
    for (size_t i = 0; i < n; i++) {
        touch(p, i);
        ad_replay(p->learn);
    }
}

static void many_products(void *context, size_t n) {
    problem *p = context;
    for (size_t i = 0; i < n; i++) {
        p->work[0] = (real)(i % 2 == 0 ? 1 : -1);
        ad_apply(p->hessian);
    }
}

static void many_solutions(void *context, size_t n) {
    problem *p = context;
    for (size_t i = 0; i < n; i++) {
        touch(p, i);
        ad_cg_result r = solve(p);
        FM_CHECK(r.iterations == STEPS, "cg10 made %d steps: %s", r.iterations, ad_cg_stop_name(r.stop));
    }
}

/* Cases of one group: `flops` of one repetition come from the work of the net. */
static void over_nets(bench *b, void (*work)(void *, size_t), double (*flops)(bench_work), const char *unit) {
    for (int i = 0; i < BENCH_NETS; i++) {
        const bench_net *net = &BENCH_NET[i];
        problem p;
        if (!bench_wants(b, net->name)) continue;
        problem_make(&p, net);
        bench_fill(&p.params, p.work, BENCH_STREAM_V, true);
        double seconds = bench_time(b, work, &p);
        problem_free(&p);
        double needed = flops(bench_work_of(net->in, &net->hidden, 1, net->act == AD_RELU, net->rows));
        bench_row(b, net->name, 1 / seconds, unit, bench_fma(b) * (double)b->options.threads / needed);
    }
}

static double gradient_flops(bench_work w) { return w.gradient; }
static double product_flops(bench_work w) { return w.product; }
static double solution_flops(bench_work w) { return w.linearise + STEPS * w.product; }

void bench_group_grad(bench *b) { over_nets(b, many_gradients, gradient_flops, "gradients/s"); }
void bench_group_hvp(bench *b) { over_nets(b, many_products, product_flops, "products/s"); }
void bench_group_cg10(bench *b) { over_nets(b, many_solutions, solution_flops, "solutions/s"); }

/* ---- checking ---- */

void bench_print(const char *group, const char *name, const char *entry, double value) {
    printf("%s,%s,%s,%.9g\n", group, name, entry, value);
}

/* The Euclidean norm, and numbers evenly spread over the parameters, by their index without gaps. */
void bench_print_vector(const char *group, const char *name, const nn_params *p, const real *vector) {
    size_t count = nn_params_count(p), k = 0, next = 0, shown = 0;
    double squares = 0;
    char index[32];
    for (size_t i = 0; i < p->n; i++) squares += (double)vector[i] * (double)vector[i];
    bench_print(group, name, "norm", sqrt(squares));
    for (size_t e = 0; k < count; e++) {
        const nn_entry *entry = &p->entries[e];
        for (size_t i = 0; i < entry->rows * entry->cols; i++, k++) {
            if (k != next) continue;
            snprintf(index, sizeof index, "%zu", k);
            bench_print(group, name, index, (double)vector[entry->at + i]);
            next = ++shown * count / ENTRIES_SHOWN;
        }
    }
}

void bench_check(bench *b) {
    b->mode = BENCH_CSV;
    printf("group,case,entry,value\n");
    for (int i = 0; i < BENCH_NETS; i++) {
        const bench_net *net = &BENCH_NET[i];
        problem p;
        if (!bench_wants(b, net->name)) continue;
        problem_make(&p, net);
        bench_print("grad", net->name, "loss", (double)*p.loss);
        bench_print_vector("grad", net->name, &p.params, p.gradient);
        bench_fill(&p.params, p.work, BENCH_STREAM_V, true);
        ad_apply(p.hessian);
        bench_print_vector("hvp", net->name, &p.params, p.work + p.params.n);
        ad_cg_result r = solve(&p);
        bench_print("cg10", net->name, "steps", r.iterations);
        bench_print_vector("cg10", net->name, &p.params, p.solution);
        problem_free(&p);
    }
    bench_check_actors(b);
    bench_check_proximal(b);
}
