/* plan.c: replay, and the linearised products made of two plans. */
#include "autograd/plan.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "autograd/ops_kernels.h"
#include "autograd/plan/build.h"
#include "autograd/plan/pool.h"
#include "stb_ds.h"

size_t ad_plan_count(const ad_plan *plan) { return plan->node_count; }

typedef struct pieces {
    const ad_call *call;
    size_t count;
} pieces;

static void run_piece(void *context, size_t part, int thread) {
    const pieces *p = context;
    (void)thread;
    size_t cols = p->call->cols / p->count;
    ad_product_columns(p->call, part * cols, (part + 1) * cols);
}

/* All rows at once: large products may be shared out, by columns. */
static void run_once(const ad_step *step, size_t count) {
    bool shared = ad_threads() > 1;
    for (size_t i = 0; i < count; i++, step++) {
        if (!shared || step->pieces == 1) {
            step->kernel(&step->call);
            continue;
        }
        pieces p = {&step->call, step->pieces};
        ad_pool_run(run_piece, &p, p.count);
        ad_product_finish(&step->call);
    }
}

/* The blocks of one lane, with one thread's memory. */
typedef struct lane {
    const ad_segment *segment;
    size_t index, start, row, rows;
    int thread;
} lane;

static void run_step(const ad_step *step, const lane *l) {
    size_t own = (size_t)l->thread * l->segment->slot_stride;
    ad_call c = step->call;
    c.y += l->row * step->advance_y + (step->slot_y ? own : 0);
    if (step->rows_y) c.rows = (uint32_t)l->rows;
    for (int k = 0; k < AD_CALL_IN; k++) {
        if (!step->rows_x[k]) continue;
        c.x[k] += l->row * step->advance_x[k] + (step->slot_x[k] ? own : 0);
        c.x_rows[k] = (uint32_t)l->rows;
    }
    if (step->sums && l->index > 0)
        c.y = l->segment->partial + (l->index - 1) * l->segment->partial_stride + step->partial;
    if (step->sums && l->row > l->start) c.accumulate = true;
    step->kernel(&c);
}

typedef struct lanes {
    const ad_segment *segment;
    const ad_step *step;
    bool backwards;
} lanes;

static void run_lane(void *context, size_t turn, int thread) {
    const lanes *all = context;
    const ad_segment *s = all->segment;
    size_t index = all->backwards ? s->lanes - 1 - turn : turn;
    size_t blocks = (s->rows + s->block - 1) / s->block;
    size_t end = (index + 1) * blocks / s->lanes * s->block;
    lane l = {.segment = s, .index = index, .thread = thread, .start = index * blocks / s->lanes * s->block};
    for (l.row = l.start; l.row < end && l.row < s->rows; l.row += s->block) {
        l.rows = s->rows - l.row < s->block ? s->rows - l.row : s->block;
        for (size_t i = 0; i < s->count; i++) run_step(&all->step[i], &l);
    }
}

/* Adds the lanes' sums to the first lane's, in order. */
static void gather_sums(const ad_segment *s, const ad_step *step) {
    for (size_t i = 0; i < s->count; i++, step++) {
        if (!step->sums || step->call.accumulate) continue;
        size_t n = (size_t)step->call.rows * step->call.cols;
        for (size_t k = 0; k + 1 < s->lanes; k++)
            ad_v_add(n, step->call.y, s->partial + k * s->partial_stride + step->partial, step->call.y);
    }
}

void ad_replay(ad_plan *plan) {
    plan->backwards = !plan->backwards;
    for (size_t s = 0; s < plan->segment_count; s++) {
        const ad_segment *segment = &plan->segments[s];
        lanes all = {segment, plan->steps + segment->first, plan->backwards};
        if (segment->lanes == 1) {
            run_once(all.step, segment->count);
            continue;
        }
        ad_pool_run(run_lane, &all, segment->lanes);
        gather_sums(segment, all.step);
    }
}

/* ---- linearised products ---- */

struct ad_product {
    ad_plan *linearise, *apply;
    const real *v;
    real *out;
    size_t n, n_out; /* lengths of the two layouts, without what a caller's vector may have behind them */
};

/* Distance of leaf x[i] from x[0]: the place of its part in every vector of that layout. */
static size_t offset_of(const ad_var *x, size_t i) {
    const ad_node *n = ad_node_of(x[i]), *first = ad_node_of(x[0]);
    FM_CHECK(n->op == AD_OP_leaf && n->value >= first->value,
             "a product over %s %zu: not leaves over one vector", AD_TABLE[n->op].name, i);
    return (size_t)(n->value - first->value);
}

size_t ad_layout_length(const ad_var *x, size_t n) {
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        size_t end = offset_of(x, i) + ad_size(ad_node_of(x[i]));
        if (end > length) length = end;
    }
    return length;
}

ad_var *ad_directions(const ad_var *x, size_t n, const real *v) {
    ad_var *direction = NULL;
    for (size_t i = 0; i < n; i++)
        arrput(direction, ad_leaf(x[0].tape, ad_rows(x[i]), ad_cols(x[i]), v + offset_of(x, i), "direction"));
    return direction;
}

ad_plan *ad_plan_linearise(const ad_output *out, size_t n_out, ad_product *const *product,
                           size_t n_products) {
    ad_output *wanted = NULL;
    for (size_t k = 0; k < n_out; k++) arrput(wanted, out[k]);
    for (size_t k = 0; k < n_products; k++)
        for (size_t i = 0; i < product[k]->apply->read_count; i++)
            arrput(wanted, ((ad_output){product[k]->apply->reads[i], NULL}));
    ad_plan *plan = ad_plan_make(NULL, 0, wanted, arrlenu(wanted));
    arrfree(wanted);
    return plan;
}

ad_product *ad_product_make(const ad_var *result, const ad_var *z, size_t nz, const ad_var *direction,
                            size_t n, real *out) {
    ad_product *p = fm_arena_array(&z[0].tape->arena, ad_product, 1);
    *p = (ad_product){.v = ad_node_of(direction[0])->value, .out = out};
    p->n = ad_layout_length(direction, n);
    p->n_out = ad_layout_length(z, nz);
    memset(out, 0, p->n_out * sizeof *out);
    ad_output *wanted = NULL;
    for (size_t i = 0; i < nz; i++) arrput(wanted, ((ad_output){result[i], out + offset_of(z, i)}));
    p->apply = ad_plan_make(direction, n, wanted, nz);
    arrfree(wanted);
    if (p->apply->read_count > 0) p->linearise = ad_plan_linearise(NULL, 0, &p, 1);
    return p;
}

ad_product *ad_mixed(ad_var loss, const ad_var *x, size_t nx, const ad_var *z, size_t nz, const real *v,
                     real *out) {
    FM_CHECK(nx > 0 && nz > 0, "a product over %zu and %zu leaves", nx, nz);
    ad_var *direction = ad_directions(x, nx, v), *gradient = NULL, *tangent = NULL;
    arrsetlen(gradient, nz);
    arrsetlen(tangent, nz);
    ad_grad(loss, z, nz, gradient);
    ad_jvp(gradient, nz, x, direction, nx, tangent);
    ad_product *p = ad_product_make(tangent, z, nz, direction, nx, out);
    arrfree(direction);
    arrfree(gradient);
    arrfree(tangent);
    return p;
}

ad_product *ad_hessian(ad_var loss, const ad_var *x, size_t n, const real *v, real *hv) {
    return ad_mixed(loss, x, n, x, n, v, hv);
}

ad_product *ad_gauss_newton(ad_var loss, const ad_var *outputs, size_t n_outputs, const ad_var *x, size_t n,
                            const real *v, real *gv) {
    FM_CHECK(n > 0 && n_outputs > 0, "a product of %zu outputs over %zu leaves", n_outputs, n);
    ad_var *direction = ad_directions(x, n, v), *result = NULL, *tangent = NULL, *slope = NULL, *bent = NULL;
    arrsetlen(result, n);
    arrsetlen(tangent, n_outputs);
    arrsetlen(slope, n_outputs);
    arrsetlen(bent, n_outputs);
    ad_jvp(outputs, n_outputs, x, direction, n, tangent); /* J v */
    ad_grad(loss, outputs, n_outputs, slope);
    ad_jvp(slope, n_outputs, outputs, tangent, n_outputs, bent); /* C J v */
    ad_vjp(outputs, bent, n_outputs, x, n, result);
    ad_product *p = ad_product_make(result, x, n, direction, n, gv);
    arrfree(direction);
    arrfree(result);
    arrfree(tangent);
    arrfree(slope);
    arrfree(bent);
    return p;
}

void ad_linearise(ad_product *p) {
    if (p->linearise != NULL) ad_replay(p->linearise);
}
void ad_apply(ad_product *p) { ad_replay(p->apply); }

void ad_apply_matvec(void *context, size_t n, const real *v, real *out) {
    ad_product *p = context;
    FM_CHECK(p->n == p->n_out && n >= p->n, "a product of %zu by %zu as a matrix of %zu", p->n_out, p->n, n);
    if (v != p->v) memcpy((real *)(uintptr_t)p->v, v, p->n * sizeof *v);
    ad_apply(p);
    if (out != p->out) memcpy(out, p->out, p->n * sizeof *out);
    memset(out + p->n, 0, (n - p->n) * sizeof *out);
}

size_t ad_product_count(const ad_product *p, size_t *linearise) {
    if (linearise != NULL) *linearise = p->linearise != NULL ? ad_plan_count(p->linearise) : 0;
    return ad_plan_count(p->apply);
}
