/* params.c: the layout of the flat vector, initialisers, target copies. */
#include "nn/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "base/memory.h"
#include "base/text.h"
#include "stb_ds.h"

#define ENTRY_ALIGNMENT 16 /* reals: 64 bytes of float */

static size_t entry_size(const nn_entry *e) { return e->rows * e->cols; }

size_t nn_params_declare(nn_params *p, const char *name, size_t rows, size_t cols, nn_init init, double gain,
                         size_t fan_in) {
    FM_CHECK(!p->theta, "params: '%s' is declared after nn_params_make", name);
    FM_CHECK(rows > 0 && cols > 0, "params: '%s' is [%zu, %zu]", name, rows, cols);
    FM_CHECK(rows <= (SIZE_MAX / sizeof(real) - p->n - ENTRY_ALIGNMENT) / cols, "params: '%s' is [%zu, %zu]",
             name, rows, cols);
    FM_CHECK(fan_in > 0 || (init != NN_INIT_HE && init != NN_INIT_FAN_IN), "params: '%s' has fan_in 0", name);
    FM_CHECK(arrlenu(p->entries) < NN_ENTRIES_MAX, "params: '%s' is one more than %d entries", name,
             NN_ENTRIES_MAX);
    for (size_t i = 0; i < arrlenu(p->entries); i++)
        FM_CHECK(strcmp(p->entries[i].name, name) != 0, "params: '%s' is there already", name);
    nn_entry e = {.rows = rows, .cols = cols, .at = p->n, .init = init, .gain = gain, .fan_in = fan_in};
    fm_text_format(e.name, sizeof e.name, "%s", name);
    arrput(p->entries, e);
    p->n += (entry_size(&e) + ENTRY_ALIGNMENT - 1) / ENTRY_ALIGNMENT * ENTRY_ALIGNMENT;
    return arrlenu(p->entries) - 1;
}

static void keep_entries(const nn_params *p, real *vector, fm_keep_list *keep, const char *prefix,
                         int parameter) {
    for (size_t i = 0; keep && i < arrlenu(p->entries); i++) {
        const nn_entry *e = &p->entries[i];
        char name[FM_NAME_MAX];
        bool bare = prefix == NULL || *prefix == '\0';
        fm_text_format(name, sizeof name, "%s%s%s", bare ? "" : prefix, bare ? "" : ".", e->name);
        fm_keep_parameter(keep, vector + e->at, e->rows, e->cols, name);
        fm_keep_find(keep, name)->parameter = parameter;
    }
}

void nn_params_make(nn_params *p, fm_arena *arena, fm_keep_list *keep, const char *prefix) {
    FM_CHECK(!p->theta, "params: made twice");
    p->theta = fm_arena_array(arena, real, p->n);
    keep_entries(p, p->theta, keep, prefix, 1);
}

/* ---- initialisers ---- */

static double dot(const double *a, const double *b, size_t n) {
    double part[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++) part[j] += a[i + j] * b[i + j];
    for (; i < n; i++) part[0] += a[i] * b[i];
    return (part[0] + part[1]) + (part[2] + part[3]);
}

/* Takes from q[k] its parts along q[0..k-1] and gives it length 1. A second pass removes what rounding left
 * of the first [Giraud 2005]. Returns false when hardly anything remains. */
static bool orthonormalise(double *q, size_t k, size_t n) {
    double *x = q + k * n;
    for (int pass = 0; pass < 2; pass++) {
        double before = sqrt(dot(x, x, n));
        for (size_t j = 0; j < k; j++) {
            const double *y = q + j * n;
            double along = dot(x, y, n);
            for (size_t i = 0; i < n; i++) x[i] -= along * y[i];
        }
        double length = sqrt(dot(x, x, n));
        if (length <= 1e-6 * before || length == 0) return false;
        for (size_t i = 0; i < n; i++) x[i] /= length;
    }
    return true;
}

/* Gram-Schmidt on normal vectors is the QR decomposition whose R has a positive diagonal; with that sign
 * its Q is uniform over the orthonormal frames [Mezzadri 2007]. */
static void fill_orthogonal(const nn_entry *e, real *to, fm_rng *rng) {
    bool tall = e->rows >= e->cols;
    size_t n = tall ? e->rows : e->cols, count = tall ? e->cols : e->rows;
    double *q = fm_new(n * count, sizeof *q);
    for (size_t k = 0; k < count; k++) {
        do
            for (size_t i = 0; i < n; i++) q[k * n + i] = fm_rng_normal(rng);
        while (!orthonormalise(q, k, n));
    }
    for (size_t r = 0; r < e->rows; r++)
        for (size_t c = 0; c < e->cols; c++)
            to[r * e->cols + c] = (real)(e->gain * (tall ? q[c * n + r] : q[r * n + c]));
    free(q);
}

static void fill_entry(const nn_entry *e, real *to, fm_rng *rng) {
    size_t n = entry_size(e);
    double scale = e->gain;
    switch (e->init) {
    case NN_INIT_ZERO:
        memset(to, 0, n * sizeof *to);
        return;
    case NN_INIT_CONSTANT:
        for (size_t i = 0; i < n; i++) to[i] = (real)e->gain;
        return;
    case NN_INIT_HE:
        scale *= sqrt(2 / (double)e->fan_in);
        for (size_t i = 0; i < n; i++) to[i] = (real)(scale * fm_rng_normal(rng));
        return;
    case NN_INIT_ORTHOGONAL:
        fill_orthogonal(e, to, rng);
        return;
    case NN_INIT_GLOROT:
        scale *= sqrt(6 / (double)(e->rows + e->cols));
        break;
    case NN_INIT_FAN_IN:
        scale *= 1 / sqrt((double)e->fan_in);
        break;
    default:
        FM_CHECK(false, "params: '%s' has initialiser %d", e->name, (int)e->init);
    }
    fm_rng_fill_uniform(rng, to, n, -fabs(scale), fabs(scale));
}

void nn_params_init(nn_params *p, fm_rng *rng) {
    FM_CHECK(p->theta, "params: initialised before nn_params_make");
    for (size_t i = 0; i < arrlenu(p->entries); i++)
        fill_entry(&p->entries[i], p->theta + p->entries[i].at, rng);
}

/* ---- on a tape ---- */

nn_leaves nn_params_leaves(ad_tape *t, const nn_params *p, const real *vector, fm_arena *arena) {
    FM_CHECK(p->theta && vector, "params: leaves before nn_params_make, or over nothing");
    nn_leaves leaves = {.count = arrlenu(p->entries)};
    leaves.leaf = fm_arena_array(arena, ad_var, leaves.count);
    for (size_t i = 0; i < leaves.count; i++) {
        const nn_entry *e = &p->entries[i];
        leaves.leaf[i] = ad_leaf(t, e->rows, e->cols, vector + e->at, e->name);
    }
    return leaves;
}

void nn_gradient_outputs(const nn_params *p, const nn_leaves *leaves, ad_var loss, real *gradient,
                         ad_output *out) {
    ad_var g[NN_ENTRIES_MAX];
    FM_CHECK_EQ(leaves->count, arrlenu(p->entries));
    ad_grad(loss, leaves->leaf, leaves->count, g);
    for (size_t i = 0; i < leaves->count; i++) out[i] = (ad_output){g[i], gradient + p->entries[i].at};
}

size_t nn_params_count(const nn_params *p) {
    size_t count = 0;
    for (size_t i = 0; i < arrlenu(p->entries); i++) count += entry_size(&p->entries[i]);
    return count;
}

void nn_params_free(nn_params *p) {
    arrfree(p->entries);
    *p = (nn_params){0};
}

/* ---- target copies ---- */

real *nn_params_copy(const nn_params *p, fm_arena *arena, fm_keep_list *keep, const char *prefix) {
    FM_CHECK(p->theta, "params: copied before nn_params_make");
    real *copy = fm_arena_array(arena, real, p->n);
    nn_copy(copy, p->theta, p->n);
    keep_entries(p, copy, keep, prefix, 0);
    return copy;
}

void nn_copy(real *target, const real *theta, size_t n) {
    if (n > 0) memmove(target, theta, n * sizeof *target);
}

void nn_polyak(real *target, const real *theta, size_t n, double tau) {
    FM_CHECK(tau >= 0 && tau <= 1, "params: a Polyak step of %g", tau);
    ad_v_polyak(n, tau, theta, target);
}
