/* ad.h: tensors, a tape, and three transforms.
 *
 * A tensor is a row-major matrix of `real`, [rows, cols] = [batch, features]; a scalar is [1, 1]. Every call
 * below computes its value at once and records itself as a node of the tape. The nodes' derivatives are
 * stated once, in the op table (autograd/ops.h), in this same language; so what `ad_grad` and `ad_jvp`
 * append are ordinary nodes, and any order of derivative works.
 *
 *   grad    reverse: the gradient of a scalar
 *   jvp     forward: the tangent of some nodes along a direction (a Jacobian-vector product); of a gradient,
 *           it is a Hessian-vector product
 *   replay  computes a slice of the tape again after its leaves changed (autograd/plan.h)
 *
 * A tape owns its arena. Nodes and values live until ad_reset to an earlier mark, or ad_tape_free.
 *
 * Example (compiled by the tests):
 *
 *     real w_data[2] = {1, 2};
 *     ad_tape *t = ad_tape_new();
 *     ad_var w = ad_leaf(t, 1, 2, w_data, "w");
 *     ad_var loss = ad_sum(ad_mul(ad_square(w), w));      // sum of w^3
 *     ad_var g, direction = ad_fill(t, 1, 2, 1), hv;
 *     ad_grad(loss, &w, 1, &g);                                 // 3 w^2
 *     ad_jvp(&g, 1, &w, &direction, 1, &hv);                   // 6 w * direction
 *     FM_CHECK(ad_value(g)[1] == 12 && ad_value(hv)[1] == 12, "grad and jvp");
 *     ad_tape_free(t);
 *
 * Equal calls return the earlier node, with the value it has; so record first, and let a plan
 * (autograd/plan.h) follow leaves that change.
 *
 * Shapes that do not fit are a programmer's error: the program stops, naming the op and the shapes. */
#ifndef AD_AD_H
#define AD_AD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/real.h"

typedef struct ad_tape ad_tape;

/* A node of a tape, passed by value. It knows its tape, so that formulas read as in a paper; an op whose
 * arguments are of two tapes stops the program. AD_NONE is no node. */
typedef struct ad_var {
    ad_tape *tape;
    uint32_t id;
} ad_var;
#define AD_NONE ((ad_var){NULL, UINT32_MAX})
static inline bool ad_is_none(ad_var v) { return v.id == UINT32_MAX; }

/* Activations of fused layers. Their derivative is a function of their output. */
typedef enum ad_act { AD_IDENTITY, AD_RELU, AD_TANH } ad_act;

/* ---- the tape ---- */

ad_tape *ad_tape_new(void);
void ad_tape_free(ad_tape *t); /* NULL is fine */

/* A place to come back to: ad_reset forgets every later node and gives its memory to the next ones. */
typedef struct ad_mark {
    uint32_t nodes;
    fm_mark arena;
} ad_mark;
ad_mark ad_mark_now(const ad_tape *t);
void ad_reset(ad_tape *t, ad_mark mark);

size_t ad_rows(ad_var v);
size_t ad_cols(ad_var v);
uint32_t ad_count(const ad_tape *t);                /* nodes on the tape */
const char *ad_op_name(ad_var v);                   /* "matmul" */

/* The node's numbers [rows, cols]. Borrowed from the tape (a leaf: from its owner). After a replay, only
 * leaves and those outputs of that plan that have no memory of their own are up to date. */
const real *ad_value(ad_var v);

/* The first number of a scalar. */
real ad_scalar(ad_var v);

/* Evaluates the tape anew, node by node, and describes the first one with a NaN or an infinity in words ("log
 * [64, 1], first at row 3, from leaf 'batch.obs'"): for the guard that reports a broken run. False when all
 * is finite. */
bool ad_find_nonfinite(ad_tape *t, char *text, size_t size);

/* ---- leaves ---- */

/* A leaf over the caller's memory [rows, cols]: borrowed, read now and at every replay. `name` is borrowed
 * too. */
ad_var ad_leaf(ad_tape *t, size_t rows, size_t cols, const real *data, const char *name);
/* A matrix of one value; zeros and ones vanish from products and sums. */
ad_var ad_fill(ad_tape *t, size_t rows, size_t cols, double value);
static inline ad_var ad_zeros(ad_tape *t, size_t rows, size_t cols) { return ad_fill(t, rows, cols, 0); }

/* ---- elementwise; the second argument of a binary op may also be a row [1, c], a column [r, 1] or a scalar
 * ---- */

ad_var ad_add(ad_var a, ad_var b);
ad_var ad_sub(ad_var a, ad_var b);
ad_var ad_mul(ad_var a, ad_var b);
ad_var ad_div(ad_var a, ad_var b);
ad_var ad_min(ad_var a, ad_var b); /* derivative to the smaller; to `a` when equal */
ad_var ad_max(ad_var a, ad_var b);
ad_var ad_mul_add(ad_var a, ad_var b, ad_var c, ad_var d); /* a b + c d, of a's shape */
ad_var ad_neg(ad_var a);
ad_var ad_scale(ad_var a, double factor);
ad_var ad_shift(ad_var a, double offset); /* a + offset */
ad_var ad_exp(ad_var a);
ad_var ad_log(ad_var a);
ad_var ad_sqrt(ad_var a);
ad_var ad_square(ad_var a);
ad_var ad_tanh(ad_var a);
ad_var ad_sigmoid(ad_var a);
ad_var ad_relu(ad_var a);
ad_var ad_softplus(ad_var a);
ad_var ad_abs(ad_var a);
ad_var ad_clip(ad_var a, double low, double high);

/* Masks and constants: their derivative is zero by definition. */
ad_var ad_stop_gradient(ad_var a);     /* the same numbers, no derivative */
ad_var ad_greater(ad_var a, ad_var b); /* 1 where a > b, else 0 */
ad_var ad_sign(ad_var a);              /* -1, 0, 1 */

/* ---- linear algebra ---- */

ad_var ad_matmul(ad_var a, ad_var b);                               /* a b */
ad_var ad_matmul_t(ad_var a, bool trans_a, ad_var b, bool trans_b); /* op(a) op(b) */

/* One fused layer: act(x w + b); x [B, in], w [in, out], b [1, out]. */
ad_var ad_affine(ad_var x, ad_var w, ad_var b, ad_act act);

/* ---- sums, means, broadcasts ---- */

ad_var ad_sum(ad_var a);      /* [1, 1] */
ad_var ad_sum_rows(ad_var a); /* over the rows: [1, cols] */
ad_var ad_sum_cols(ad_var a); /* over the columns: [rows, 1] */
ad_var ad_mean(ad_var a);
ad_var ad_mean_rows(ad_var a);
ad_var ad_mean_cols(ad_var a);
ad_var ad_broadcast(ad_var a, size_t rows, size_t cols); /* of a scalar, a row or a column */

/* ---- pieces ---- */

ad_var ad_slice_cols(ad_var a, size_t from, size_t count);
ad_var ad_slice_rows(ad_var a, size_t from, size_t count);
ad_var ad_concat_cols(ad_var a, ad_var b); /* [a | b] */
ad_var ad_concat_rows(ad_var a, ad_var b); /* a above b */
ad_var ad_reshape(ad_var a, size_t rows, size_t cols);
ad_var ad_transpose(ad_var a);

/* y[r] = a[r, index[r]]; index [rows, 1] holds whole numbers 0..cols-1 and has no derivative. */
ad_var ad_gather(ad_var a, ad_var index);
/* The transpose of gather: zeros but for y[r, index[r]] = a[r]; a [rows, 1]. */
ad_var ad_scatter(ad_var a, ad_var index, size_t cols);

/* ---- over the columns of each row ---- */

ad_var ad_log_softmax(ad_var a);
ad_var ad_softmax(ad_var a);

/* ---- transforms ---- */

/* g[i] = d loss / d x[i], of x[i]'s shape; loss is a scalar. Zeros where loss does not depend on x[i]. */
void ad_grad(ad_var loss, const ad_var *x, size_t n, ad_var *g);

/* g[i] = sum_k <seed[k], d y[k] / d x[i]>: the same for several outputs of any shape. */
void ad_vjp(const ad_var *y, const ad_var *seed, size_t ny, const ad_var *x, size_t nx, ad_var *g);

/* dy[k] = the tangent of y[k] when every x[i] moves along dx[i] (x[i]'s shape). Any nodes may serve as x:
 * what lies behind them does not matter. Nodes are appended only where a tangent is non-zero and some y[k]
 * needs it. */
void ad_jvp(const ad_var *y, size_t ny, const ad_var *x, const ad_var *dx, size_t nx, ad_var *dy);

#endif
