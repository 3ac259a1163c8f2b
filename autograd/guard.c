/* guard.c: which node of a tape first made something that is no finite number. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "autograd/tape.h"

enum { NEAREST = 3 }; /* leaves that are named */

/* What the guard computes: a tape's values, in memory of its own, because a plan may count on those that are
 * there. */
typedef struct evaluation {
    const ad_tape *t;
    uint32_t count;
    fm_arena arena;
    const real **value;           /* of each node */
    bool *has_nan, *has_infinity; /* whether a NaN, an infinity is among them */
    bool *matters;                /* whether it is so up to a node that nobody reads: a loss, a gradient */
} evaluation;

/* An index that is no number would stop the program. */
static bool has_broken_index(const evaluation *e, const ad_node *n) {
    bool broken = false;
    for (int i = 0; i < AD_TABLE[n->op].arity; i++)
        if (AD_TABLE[n->op].rows[i] == 'i')
            broken = broken || e->has_nan[n->in[i]] || e->has_infinity[n->in[i]];
    return broken;
}

static void evaluate(evaluation *e, uint32_t id) {
    const ad_node *n = &e->t->nodes[id];
    if (n->op == AD_OP_leaf) {
        e->value[id] = n->value;
    } else {
        ad_call c;
        ad_call_of(e->t, n, &c);
        e->value[id] = c.y = fm_arena_alloc_raw(&e->arena, ad_size(n), sizeof(real));
        for (int i = 0; i < AD_TABLE[n->op].arity; i++) c.x[i] = e->value[n->in[i]];
        if (has_broken_index(e, n)) ad_v_fill(ad_size(n), (real)NAN, c.y);
        else AD_TABLE[n->op].kernel(&c);
    }
    for (size_t i = 0; i < ad_size(n); i++) {
        e->has_nan[id] = e->has_nan[id] || isnan(e->value[id][i]);
        e->has_infinity[id] = e->has_infinity[id] || isinf(e->value[id][i]);
    }
}

/* What is computed where a mask does not choose it may be anything: only what reaches an end matters. */
static void follow_to_ends(evaluation *e) {
    bool *read = fm_arena_array(&e->arena, bool, e->count);
    for (uint32_t id = e->count; id-- > 0;) {
        const ad_node *n = &e->t->nodes[id];
        e->matters[id] = (e->matters[id] || !read[id]) && (e->has_nan[id] || e->has_infinity[id]);
        for (int i = 0; i < AD_TABLE[n->op].arity; i++) {
            read[n->in[i]] = true;
            e->matters[n->in[i]] = e->matters[n->in[i]] || e->matters[id];
        }
    }
}

/* Whether the node makes a NaN without having one, or an infinity out of finite numbers. An infinite constant
 * is meant. */
static bool is_source(const evaluation *e, uint32_t id) {
    const ad_node *n = &e->t->nodes[id];
    bool nan_before = false, infinity_before = n->op == AD_OP_fill;
    for (int i = 0; i < AD_TABLE[n->op].arity; i++) {
        nan_before = nan_before || e->has_nan[n->in[i]];
        infinity_before = infinity_before || e->has_infinity[n->in[i]];
    }
    return !nan_before && (e->has_nan[id] || (e->has_infinity[id] && !infinity_before));
}

/* The names of the nearest leaves behind a node that have one, by breadth. */
static void name_leaves(evaluation *e, uint32_t id, char *text, size_t size) {
    uint32_t *queue = fm_arena_array(&e->arena, uint32_t, id + 1);
    bool *seen = fm_arena_array(&e->arena, bool, id + 1);
    const char *names[NEAREST];
    size_t found = 0, end = 0;
    queue[end++] = id;
    for (size_t at = 0; at < end && found < NEAREST; at++) {
        const ad_node *n = &e->t->nodes[queue[at]];
        bool known = n->name == NULL || *n->name == '\0';
        for (size_t k = 0; k < found; k++) known = known || strcmp(names[k], n->name) == 0;
        if (!known) {
            size_t used = strlen(text);
            snprintf(text + used, size - used, "%s leaf '%s'", found == 0 ? ", from" : ",", n->name);
            names[found++] = n->name;
        }
        for (int i = 0; i < AD_TABLE[n->op].arity; i++) {
            if (!seen[n->in[i]]) queue[end++] = n->in[i];
            seen[n->in[i]] = true;
        }
    }
}

static void describe(evaluation *e, uint32_t id, char *text, size_t size) {
    const ad_node *n = &e->t->nodes[id];
    size_t at = 0;
    while (e->has_nan[id] ? !isnan(e->value[id][at]) : !isinf(e->value[id][at])) at++;
    const char *what = e->has_nan[id] ? "nan" : e->value[id][at] > 0 ? "inf" : "-inf";
    bool leaf = n->op == AD_OP_leaf;
    snprintf(text, size, "%s%s%s%s [%u, %u], first at row %zu (%s)", AD_TABLE[n->op].name, leaf ? " '" : "",
             leaf && n->name != NULL ? n->name : "", leaf ? "'" : "", n->rows, n->cols, at / n->cols, what);
    if (!leaf) name_leaves(e, id, text, size);
}

/* The cause; where there is none, the first node that passes an infinite constant on to an end. */
static uint32_t find_cause(const evaluation *e) {
    for (uint32_t id = 0; id < e->count; id++)
        if (e->matters[id] && is_source(e, id)) return id;
    for (uint32_t id = 0; id < e->count; id++)
        if (e->matters[id] && e->t->nodes[id].op != AD_OP_fill) return id;
    return e->count;
}

bool ad_find_nonfinite(const ad_tape *t, char *text, size_t size) {
    evaluation e = {.t = t, .count = ad_count(t)};
    e.value = fm_arena_array(&e.arena, const real *, e.count);
    e.has_nan = fm_arena_array(&e.arena, bool, e.count);
    e.has_infinity = fm_arena_array(&e.arena, bool, e.count);
    e.matters = fm_arena_array(&e.arena, bool, e.count);
    for (uint32_t id = 0; id < e.count; id++) evaluate(&e, id);
    follow_to_ends(&e);
    uint32_t cause = find_cause(&e);
    if (cause < e.count) describe(&e, cause, text, size);
    fm_arena_free(&e.arena);
    return cause < e.count;
}
