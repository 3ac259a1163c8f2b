/* transform.c: reverse and forward mode, once for all ops. Nothing here knows an op by name. */
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"

#include "base/memory.h"

/* Which nodes depend on x through a derivative. What lies behind an x does not matter: x is where variation
 * starts. */
static unsigned char *dependence(const char *what, const ad_tape *t, const ad_var *x, size_t nx,
                                 uint32_t count) {
    unsigned char *depends = fm_new(count, 1);
    for (size_t i = 0; i < nx; i++) {
        ad_check_tape(what, t, x[i]);
        depends[x[i].id] = 2;
    }
    for (uint32_t id = 0; id < count; id++) {
        const ad_node *n = &t->nodes[id];
        const ad_op_row *row = &AD_TABLE[n->op];
        if (depends[id] || row->kind == AD_FLAT) continue;
        for (int i = 0; i < row->arity; i++)
            if (row->rows[i] != 'i' && depends[n->in[i]]) depends[id] = 1;
    }
    return depends;
}

bool ad_depends(ad_var y, const ad_var *x, size_t n) {
    unsigned char *depends = dependence("depends", y.tape, x, n, ad_count(y.tape));
    bool found = depends[y.id] != 0;
    free(depends);
    return found;
}

static ad_var *no_vars(uint32_t count) {
    ad_var *v = fm_new(count, sizeof *v);
    for (uint32_t id = 0; id < count; id++) v[id] = AD_NONE;
    return v;
}

static void add_to(ad_var *sum, ad_var term) {
    if (ad_is_zero(term)) return;
    *sum = ad_is_none(*sum) ? term : ad_add(*sum, term);
}

static ad_var or_zeros(ad_var v, ad_var like) {
    return ad_is_none(v) ? ad_zeros(like.tape, ad_rows(like), ad_cols(like)) : v;
}

static void check_same_shape(const char *what, ad_var a, ad_var b) {
    ad_check_tape(what, a.tape, b);
    FM_CHECK(ad_rows(a) == ad_rows(b) && ad_cols(a) == ad_cols(b), "%s: [%zu, %zu] for [%zu, %zu]", what,
             ad_rows(b), ad_cols(b), ad_rows(a), ad_cols(a));
}

/* ---- what was not chosen ----
 *
 * An op with an index or a mask leaves zeros in the adjoint of what it did not choose. What is computed there
 * may be anything, an infinite derivative too, and 0 times that is NaN. So behind such an op the sweep
 * carries the support of each adjoint: a matrix that is positive where the adjoint may differ from zero, and
 * AD_NONE where it may everywhere. Products with a derivative are then taken there only. (The adjoint's own
 * zeros cannot serve: those of a loss at its minimum still have second derivatives.) Entries mix in products
 * of matrices and in fused rows; there it ends. */

static bool carries_support(const ad_op_row *row) { return row->kind == AD_ELEM || row->kind == AD_LINEAR; }

/* The support of what `node` passes to its argument i. */
static ad_var support_behind(ad_var node, int i, ad_var support) {
    const ad_op_row *row = &AD_TABLE[ad_node_of(node)->op];
    if (!carries_support(&AD_TABLE[ad_node_of(ad_in(node, i))->op])) return AD_NONE;
    if (row->kind == AD_ELEM) return support;
    if (row->kind != AD_LINEAR) return AD_NONE;
    if (ad_is_none(support)) {
        if (strchr(row->rows, 'i') == NULL) return AD_NONE;
        support = ad_fill(node.tape, ad_rows(node), ad_cols(node), 1);
    }
    return ad_abs(row->rule(node, i, support));
}

static ad_var chain(ad_var adjoint, ad_var slope, ad_var support) {
    double number;
    ad_var term = ad_mul(adjoint, slope);
    if (ad_is_none(support) || ad_is_fill(slope, &number)) return term;
    return ad_where(support, term, or_zeros(AD_NONE, term));
}

/* The adjoints of the nodes, from the outputs down. */
typedef struct sweep {
    ad_var *adjoint, *support;
} sweep;

static void send(sweep *s, uint32_t to, ad_var term, ad_var support) {
    if (ad_is_zero(term)) return;
    bool first = ad_is_none(s->adjoint[to]);
    add_to(&s->adjoint[to], term);
    if (first) s->support[to] = support;
    else if (ad_is_none(support)) s->support[to] = AD_NONE;
    else if (!ad_is_none(s->support[to])) s->support[to] = ad_add(s->support[to], support);
}

/* ---- reverse ---- */

void ad_vjp(const ad_var *y, const ad_var *seed, size_t ny, const ad_var *x, size_t nx, ad_var *g) {
    if (nx == 0) return;
    ad_tape *t = x[0].tape;
    uint32_t count = ad_count(t);
    unsigned char *depends = dependence("gradient", t, x, nx, count);
    sweep s = {no_vars(count), no_vars(count)};
    for (size_t k = 0; k < ny; k++) {
        ad_check_tape("gradient", t, y[k]);
        check_same_shape("vjp: a seed", y[k], seed[k]);
        send(&s, y[k].id, seed[k], AD_NONE);
    }
    for (uint32_t id = count; id-- > 0;) {
        if (ad_is_none(s.adjoint[id]) || depends[id] != 1) continue;
        const ad_op_row *row = &AD_TABLE[t->nodes[id].op];
        for (int i = 0; i < row->arity; i++) {
            ad_var node = {t, id}, in = ad_in(node, i);
            if (row->rows[i] == 'i' || !depends[in.id]) continue;
            ad_var term = row->rule(node, i, s.adjoint[id]);
            if (row->kind == AD_ELEM) term = chain(s.adjoint[id], term, s.support[id]);
            send(&s, in.id, term, support_behind(node, i, s.support[id]));
        }
    }
    for (size_t i = 0; i < nx; i++) g[i] = or_zeros(s.adjoint[x[i].id], x[i]);
    free(s.support);
    free(s.adjoint);
    free(depends);
}

void ad_grad(ad_var loss, const ad_var *x, size_t n, ad_var *g) {
    FM_CHECK(ad_rows(loss) == 1 && ad_cols(loss) == 1, "gradient of %s [%zu, %zu], not a scalar",
             ad_op_name(loss), ad_rows(loss), ad_cols(loss));
    ad_var one = ad_fill(loss.tape, 1, 1, 1);
    ad_vjp(&loss, &one, 1, x, n, g);
}

/* ---- forward ---- */

/* sum over i of dx_i dy/da_i, two products at a time. */
static ad_var jvp_elementwise(const ad_op_row *row, ad_var node, const ad_var *dx) {
    ad_var sum = AD_NONE, held_dx = AD_NONE, held_slope = AD_NONE;
    for (int i = 0; i < row->arity; i++) {
        if (ad_is_none(dx[i])) continue;
        ad_var slope = row->rule(node, i, AD_NONE);
        if (ad_is_zero(slope)) continue;
        if (ad_is_none(held_dx)) {
            held_dx = dx[i];
            held_slope = slope;
            continue;
        }
        add_to(&sum, ad_mul_add(held_dx, held_slope, dx[i], slope));
        held_dx = AD_NONE;
    }
    if (!ad_is_none(held_dx)) add_to(&sum, ad_mul(held_dx, held_slope));
    return sum;
}

/* The op again, on the tangents; an index argument stays what it is. */
static ad_var jvp_linear(const ad_op_row *row, ad_var node, const ad_var *dx) {
    ad_var in[AD_MAX_IN];
    for (int i = 0; i < row->arity; i++) {
        ad_var primal = ad_in(node, i);
        in[i] = row->rows[i] == 'i' ? primal : or_zeros(dx[i], primal);
    }
    ad_node n = *ad_node_of(node);
    return ad_emit(node.tape, n.op, n.rows, n.cols, in, n.attr);
}

static ad_var jvp_bilinear(ad_var node, const ad_var *dx) {
    ad_var sum = AD_NONE;
    ad_node n = *ad_node_of(node);
    for (int i = 0; i < 2; i++) {
        if (ad_is_none(dx[i])) continue;
        ad_var in[2] = {ad_in(node, 0), ad_in(node, 1)};
        in[i] = dx[i];
        add_to(&sum, ad_emit(node.tape, n.op, n.rows, n.cols, in, n.attr));
    }
    return sum;
}

static ad_var jvp_node(ad_var node, const ad_var *tangent) {
    const ad_op_row *row = &AD_TABLE[ad_node_of(node)->op];
    ad_var dx[AD_MAX_IN];
    bool any = false;
    for (int i = 0; i < row->arity; i++) {
        dx[i] = row->rows[i] == 'i' ? AD_NONE : tangent[ad_in(node, i).id];
        any = any || !ad_is_none(dx[i]);
    }
    if (!any) return AD_NONE;
    switch (row->kind) {
    case AD_ELEM: return jvp_elementwise(row, node, dx);
    case AD_LINEAR: return jvp_linear(row, node, dx);
    case AD_BILINEAR: return jvp_bilinear(node, dx);
    case AD_GENERAL: return row->jvp(node, dx);
    default: return AD_NONE;
    }
}

void ad_jvp(const ad_var *y, size_t ny, const ad_var *x, const ad_var *dx, size_t nx, ad_var *dy) {
    if (ny == 0) return;
    ad_tape *t = y[0].tape;
    uint32_t count = ad_count(t);
    unsigned char *depends = dependence("jvp", t, x, nx, count), *needed = fm_new(count, 1);
    for (size_t k = 0; k < ny; k++) {
        ad_check_tape("jvp", t, y[k]);
        needed[y[k].id] = 1;
    }
    for (uint32_t id = count; id-- > 0;) {
        if (!needed[id] || depends[id] != 1) continue;
        const ad_node *n = &t->nodes[id];
        for (int i = 0; i < AD_TABLE[n->op].arity; i++) needed[n->in[i]] = 1;
    }
    ad_var *tangent = no_vars(count);
    for (size_t i = 0; i < nx; i++) {
        check_same_shape("jvp: a direction", x[i], dx[i]);
        if (!ad_is_zero(dx[i])) tangent[x[i].id] = dx[i];
    }
    for (uint32_t id = 0; id < count; id++) {
        if (depends[id] != 1 || !needed[id]) continue;
        ad_var v = jvp_node((ad_var){t, id}, tangent);
        if (!ad_is_none(v) && !ad_is_zero(v)) tangent[id] = v;
    }
    for (size_t k = 0; k < ny; k++) dy[k] = or_zeros(tangent[y[k].id], y[k]);
    free(tangent);
    free(needed);
    free(depends);
}
