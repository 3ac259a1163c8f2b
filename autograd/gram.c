/* gram.c: the per-row gradients of a batch as factors, and Woodbury's formula made of them. */
#include "autograd/gram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "autograd/plan/build.h"
#include "base/memory.h"
#include "stb_ds.h"

/* ---- whether rows stay apart ---- */

typedef enum variation { CONSTANT, BY_ROWS, WHOLE, MIXED } variation;

/* Whether each row of y depends on x, and that only row for row: on the same row of an x that varies BY_ROWS,
 * on all of one that varies as a WHOLE. */
static bool goes_by_rows(ad_var y, const ad_var *x, size_t n, variation of_x) {
    const ad_tape *t = y.tape;
    unsigned char *varies = fm_new(ad_count(t), 1);
    for (size_t i = 0; i < n; i++) varies[x[i].id] = (unsigned char)of_x;
    for (uint32_t id = 0; id <= y.id; id++) {
        const ad_node *node = &t->nodes[id];
        const char *letters = ad_row_letters(node);
        int arity = AD_TABLE[node->op].arity;
        if (varies[id] != CONSTANT || AD_TABLE[node->op].kind == AD_FLAT) continue;
        for (int i = 0; i < arity; i++) {
            unsigned char in = varies[node->in[i]];
            if (letters[i] == 'i' || in == CONSTANT) continue;
            bool fits = letters[arity + 1] == 'r' && in == (letters[i] == 'r' ? BY_ROWS : WHOLE);
            varies[id] = fits && varies[id] != MIXED ? BY_ROWS : MIXED;
        }
    }
    bool result = varies[y.id] == BY_ROWS;
    free(varies);
    return result;
}

/* ---- recording ---- */

/* Gradients of the rows by one leaf: that of row i is left_i^T right_i, or right_i where left is AD_NONE. */
typedef struct factors {
    ad_var left, right;
} factors;

/* Read off the gradient of the sum over the rows, which is left^T right, or the sum of the rows of right. */
static factors factors_of(ad_var gradient, size_t rows, ad_var leaf) {
    const ad_node *g = ad_node_of(gradient);
    factors f = {AD_NONE, gradient}; /* a sum over one row is that row */
    if (g->op == AD_OP_sum_rows) f.right = ad_in(gradient, 0);
    if (g->op == AD_OP_matmul && g->attr.trans_a && !g->attr.trans_b)
        f = (factors){ad_in(gradient, 0), ad_in(gradient, 1)};
    FM_CHECK(ad_rows(f.right) == rows && (!ad_is_none(f.left) || g->rows == 1),
             "a Gram matrix: the gradient of a row by '%s' is no outer product (%s)", ad_node_of(leaf)->name,
             ad_op_name(gradient));
    return f;
}

static ad_var plus(ad_var sum, ad_var term) { return ad_is_none(sum) ? term : ad_add(sum, term); }

/* The gradients of the rows by one leaf, against each other. */
static ad_var kernel_of(factors f) {
    ad_var of_right = ad_matmul_t(f.right, false, f.right, true);
    return ad_is_none(f.left) ? of_right : ad_mul(ad_matmul_t(f.left, false, f.left, true), of_right);
}

static ad_var along_of(factors f, ad_var direction) {
    if (ad_is_none(f.left)) return ad_matmul_t(f.right, false, direction, true);
    return ad_sum_cols(ad_mul(ad_matmul(f.left, direction), f.right));
}

static ad_var back_of(factors f, ad_var seed) {
    ad_var weighted = ad_mul(f.right, seed);
    return ad_is_none(f.left) ? ad_sum_rows(weighted) : ad_matmul_t(f.left, true, weighted, false);
}

/* C^1/2 of output k, [rows, 1]. */
static ad_var root_of_curvature(ad_var loss, const ad_var *outputs, size_t n_outputs, size_t k) {
    ad_var y = outputs[k], slope, curvature, ones = ad_fill(y.tape, ad_rows(y), 1, 1);
    ad_grad(loss, &y, 1, &slope);
    FM_CHECK(goes_by_rows(slope, &y, 1, BY_ROWS),
             "a Gram matrix: the loss is not curved in output %zu row by row", k);
    for (size_t i = 0; i < n_outputs; i++)
        FM_CHECK(i == k || !ad_depends(slope, &outputs[i], 1),
                 "a Gram matrix: the loss mixes outputs %zu and %zu", k, i);
    ad_jvp(&slope, 1, &y, &ones, 1, &curvature);
    return ad_sqrt(curvature);
}

/* What is recorded of all outputs. */
typedef struct recording {
    ad_var loss;
    const ad_var *outputs, *w;
    size_t n;
    ad_var *direction, *back;        /* [n] along w; S^T z */
    ad_var *seed, *along, *gradient; /* [outputs] z; S v; [n] of the output at hand */
} recording;

static void record_output(ad_gram *gram, recording *r, size_t k) {
    ad_var kernel = AD_NONE, along = AD_NONE, y = r->outputs[k];
    real *matrix = gram->matrix + k * gram->rows * gram->rows;
    FM_CHECK(ad_rows(y) == gram->rows && ad_cols(y) == 1 && goes_by_rows(y, r->w, r->n, WHOLE),
             "a Gram matrix: output %zu [%zu, %zu] is not [%zu, 1], made of the leaves row by row", k,
             ad_rows(y), ad_cols(y), gram->rows);
    ad_var root = root_of_curvature(r->loss, r->outputs, gram->outputs, k);
    ad_vjp(&y, &root, 1, r->w, r->n, r->gradient);
    for (size_t i = 0; i < r->n; i++) {
        if (ad_is_zero(r->gradient[i])) continue;
        factors f = factors_of(r->gradient[i], gram->rows, r->w[i]);
        FM_CHECK(ad_is_none(r->back[i]), "a Gram matrix: two outputs share '%s'", ad_node_of(r->w[i])->name);
        kernel = plus(kernel, kernel_of(f));
        along = plus(along, along_of(f, r->direction[i]));
        r->back[i] = back_of(f, r->seed[k]);
    }
    r->along[k] = along;
    gram->kernel[k] = (ad_output){kernel, matrix};
    memcpy(matrix, ad_value(kernel), gram->rows * gram->rows * sizeof *matrix);
}

ad_gram *ad_gram_make(ad_var loss, const ad_var *outputs, size_t n_outputs, const ad_var *w, size_t n) {
    FM_CHECK(n > 0 && n_outputs > 0, "a Gram matrix of %zu outputs over %zu leaves", n_outputs, n);
    fm_arena *arena = &loss.tape->arena;
    ad_gram *gram = fm_arena_array(arena, ad_gram, 1);
    size_t rows = ad_rows(outputs[0]), size = ad_layout_length(w, n);
    *gram = (ad_gram){.outputs = n_outputs, .rows = rows, .unknowns = size};
    gram->kernel = fm_arena_array(arena, ad_output, n_outputs);
    gram->matrix = fm_arena_array(arena, real, n_outputs * rows * rows);
    gram->factor = fm_arena_array(arena, real, n_outputs * rows * rows);
    gram->p = fm_arena_array(arena, real, size);
    gram->q = fm_arena_array(arena, real, size);
    gram->left = fm_arena_array(arena, real, size);
    gram->along = fm_arena_array(arena, real, n_outputs * rows);
    gram->seed = fm_arena_array(arena, real, n_outputs * rows);

    recording r = {.loss = loss, .outputs = outputs, .w = w, .n = n};
    r.direction = ad_directions(w, n, gram->p);
    arrsetlen(r.gradient, n);
    arrsetlen(r.along, n_outputs);
    for (size_t i = 0; i < n; i++) arrput(r.back, AD_NONE);
    for (size_t k = 0; k < n_outputs; k++) {
        arrput(r.seed, ad_leaf(loss.tape, rows, 1, gram->seed + k * rows, "seed"));
        record_output(gram, &r, k);
    }
    for (size_t i = 0; i < n; i++)
        if (ad_is_none(r.back[i])) r.back[i] = ad_zeros(loss.tape, ad_rows(w[i]), ad_cols(w[i]));
    gram->product[0] = ad_product_make(r.along, r.seed, n_outputs, r.direction, n, gram->along);
    gram->product[1] = ad_product_make(r.back, w, n, r.seed, n_outputs, gram->q);
    arrfree(r.direction);
    arrfree(r.gradient);
    arrfree(r.along);
    arrfree(r.back);
    arrfree(r.seed);
    return gram;
}

/* ---- solving ---- */

/* L L^T = A + damping I [n, n], row by row. What is not a positive definite matrix gives NaN. */
static void factorise(size_t n, double damping, const real *a, real *l) {
    for (size_t i = 0; i < n; i++) {
        real *row = l + i * n;
        for (size_t j = 0; j < i; j++) row[j] = (a[i * n + j] - ad_v_dot(j, row, l + j * n)) / l[j * n + j];
        row[i] = (real)sqrt((double)a[i * n + i] + damping - (double)ad_v_sum_squares(i, row));
    }
}

/* z = (L L^T)^-1 z */
static void substitute(size_t n, const real *l, real *z) {
    for (size_t i = 0; i < n; i++) z[i] = (z[i] - ad_v_dot(i, l + i * n, z)) / l[i * n + i];
    for (size_t i = n; i-- > 0;) {
        z[i] /= l[i * n + i];
        ad_v_axpy(i, -z[i], l + i * n, z);
    }
}

/* q = S^T S p, or `inverse`: S^T (S S^T + damping I)^-1 S p. */
static void forth_and_back(ad_gram *g, bool inverse) {
    ad_apply(g->product[0]);
    memcpy(g->seed, g->along, g->outputs * g->rows * sizeof *g->seed);
    for (size_t k = 0; inverse && k < g->outputs; k++)
        substitute(g->rows, g->factor + k * g->rows * g->rows, g->seed + k * g->rows);
    ad_apply(g->product[1]);
}

/* p = (J^T C J + damping I)^-1 left by Woodbury's formula. */
static void propose(ad_gram *g, double damping) {
    memcpy(g->p, g->left, g->unknowns * sizeof *g->p);
    forth_and_back(g, true);
    ad_v_axpby(g->unknowns, (real)(-1 / damping), g->q, (real)(1 / damping), g->p);
}

/* left -= (J^T C J + damping I) p; then |left|, and the curvature along p. */
static double advance(ad_gram *g, double damping, double *curvature) {
    double pp;
    forth_and_back(g, false);
    *curvature = ad_cg_curve(g->unknowns, damping, g->p, g->q, &pp) / pp;
    return sqrt(ad_cg_shorten(g->unknowns, 1, g->q, g->left));
}

/* The smallest damping that rounding does not lose beside the trace of S S^T, times 16. */
static double least_damping(const ad_gram *g) {
    double largest = 0;
    for (size_t k = 0; k < g->outputs; k++) {
        double trace = 0;
        for (size_t i = 0; i < g->rows; i++) trace += (double)g->matrix[(k * g->rows + i) * g->rows + i];
        largest = fmax(largest, trace);
    }
    return 16 * REAL_EPSILON * largest;
}

/* For what is left of a right-hand side of length 1, with x = 0. */
static ad_cg_result refine(ad_gram *g, double raised, real *x, const ad_cg_options *options) {
    ad_cg_result result = {.stop = AD_CG_ITERATIONS, .residual = 1};
    while (result.stop == AD_CG_ITERATIONS && result.iterations < options->iterations) {
        double curvature, residual;
        propose(g, raised);
        residual = advance(g, options->damping, &curvature);
        if (result.iterations == 0 || curvature < result.curvature) result.curvature = curvature;
        result.iterations++;
        if (!isfinite(residual)) result.stop = AD_CG_NONFINITE;
        if (!(residual < result.residual)) break;
        ad_v_add(g->unknowns, x, g->p, x);
        result.residual = residual;
        if (residual <= options->tolerance) result.stop = AD_CG_CONVERGED;
    }
    return result;
}

ad_cg_result ad_gram_solve(ad_gram *g, const real *b, real *x, const ad_cg_options *options) {
    FM_CHECK(options->iterations > 0 && options->damping >= 0 && options->tolerance >= 0,
             "gram: %d iterations, damping %g, tolerance %g", options->iterations, options->damping,
             options->tolerance);
    size_t n = g->unknowns, block = g->rows * g->rows;
    double size = sqrt(ad_dot(n, b, b)), raised = fmax(options->damping, least_damping(g));
    memset(x, 0, n * sizeof *x);
    if (size == 0) return (ad_cg_result){.stop = AD_CG_CONVERGED};
    if (!isfinite((real)size) || !isfinite((real)(1 / size)))
        return (ad_cg_result){.stop = AD_CG_NONFINITE, .residual = size};
    for (size_t k = 0; k < g->outputs; k++)
        factorise(g->rows, raised, g->matrix + k * block, g->factor + k * block);
    ad_v_scale(n, (real)(1 / size), b, g->left);
    ad_cg_result result = refine(g, raised, x, options);
    ad_v_scale(n, (real)size, x, x);
    result.residual *= size;
    ad_cg_check(n, b, x, &result);
    return result;
}
