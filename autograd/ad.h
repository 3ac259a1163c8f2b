/* ad.h: tensors, a tape, and three transforms.
 *
 * A tensor is a row-major matrix of `real`, [rows, cols] = [batch, features]; a scalar is [1, 1]. A variable
 * is a node of a tape. Every call below computes its value at once and records itself as a node; formulas
 * read as in a paper.
 *
 *   grad    reverse: the gradient of a scalar
 *   jvp     forward: the tangent of some nodes along a direction (a Jacobian-vector product); of a gradient,
 *           it is a Hessian-vector product
 *   replay  computes a slice of the tape again after its leaves changed (autograd/plan.h)
 *
 * The nodes' derivatives are stated once, in the op table (autograd/ops.h), in this same language; so what
 * `ad_grad` and `ad_jvp` append are ordinary nodes, and any order of derivative works.
 *
 * A tape owns its arena. Nodes and values live until ad_reset to an earlier mark, or ad_tape_free. Equal
 * calls return the earlier node, with the value it has; so record first, and let a plan (autograd/plan.h)
 * follow leaves that change.
 *
 * Example (compiled by the tests):
 *
 *     #include <math.h>
 *     real obs_data[4] = {1, 0, 0, 1}, action_data[2] = {0, 1}, return_data[2] = {1, 3};
 *     real w_data[4] = {0, 0, 0, 0}, b_data[2] = {0, 0}, u_data[2] = {0, 0};
 *     ad_tape *t = ad_tape_new();
 *     ad_var obs = ad_leaf(t, 2, 2, obs_data, "obs"), action = ad_leaf(t, 2, 1, action_data, "action");
 *     ad_var returns = ad_leaf(t, 2, 1, return_data, "returns");
 *     ad_var w = ad_leaf(t, 2, 2, w_data, "actor.weight"), b = ad_leaf(t, 1, 2, b_data, "actor.bias");
 *     ad_var u = ad_leaf(t, 2, 1, u_data, "critic.weight");
 *
 *     // Actor and critic: -mean(log pi(a | o) A) with A = R - V(o), and mean(A^2)
 *     ad_var log_pi = ad_gather(ad_log_softmax(ad_affine(obs, w, b, AD_IDENTITY)), action);
 *     ad_var advantage = ad_sub(returns, ad_matmul(obs, u));
 *     ad_var actor_loss = ad_neg(ad_mean(ad_mul(log_pi, ad_stop_gradient(advantage))));
 *     ad_var critic_loss = ad_mean(ad_square(advantage));
 *     FM_CHECK(ad_depends(actor_loss, AD_VARS(w, b)) && !ad_depends(actor_loss, &u, 1), "who learns");
 *
 *     ad_var g[2], g_critic, direction = ad_leaf(t, 1, 2, (real[2]){1, -1}, "direction"), hv;
 *     ad_grad(actor_loss, AD_VARS(w, b), g);
 *     ad_grad(critic_loss, AD_VARS(u), &g_critic);
 *     ad_jvp(&g[1], 1, &b, &direction, 1, &hv);                // H direction, H = d2 actor_loss / db2
 *     FM_CHECK(fabs((double)ad_value(g[1])[0] - 0.5) < 1e-6, "mean of A (pi - one-hot)");
 *     FM_CHECK(fabs((double)ad_value(g_critic)[1] + 3) < 1e-6, "mean of -2 A o");
 *     FM_CHECK(fabs((double)ad_value(hv)[0] - 1) < 1e-6, "mean of A (diag pi - pi pi^T) direction");
 *     ad_tape_free(t);
 *
 * Shapes that do not fit, and arguments of two tapes, are a programmer's error: the program stops, naming the
 * op and the shapes.
 *
 * Where a function has a kink or an infinite slope, a derivative is still defined, and so is its second one:
 *
 *   relu, abs, sign     at 0: slope 0
 *   clip                at both bounds: slope 1, as inside; so what starts at a bound can leave it
 *   min, max            of equals: slope 1 to the first argument, 0 to the second
 *   row_max             of equals: slope 1 to the first of them
 *   sqrt                at 0: infinite; where a norm may be 0, add a small number before the root
 *   log, div            as the numbers say: log 0 is -infinity, with infinite slope
 *   masks and indices   (greater, sign, row_argmax, the mask of where): 0 everywhere
 *   softplus, sigmoid, tanh, softmax, logsumexp: without overflow for numbers of any size */
#ifndef AD_AD_H
#define AD_AD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/real.h"

typedef struct ad_tape ad_tape;

/* A node of a tape, passed by value. AD_NONE is no node. */
typedef struct ad_var {
    ad_tape *tape;
    uint32_t id;
} ad_var;
#define AD_NONE ((ad_var){NULL, UINT32_MAX})
static inline bool ad_is_none(ad_var v) { return v.id == UINT32_MAX; }

/* A list of variables and its length, as two arguments: ad_grad(loss, AD_VARS(w, b), g). */
#define AD_VARS(...) (const ad_var[]){__VA_ARGS__}, sizeof((const ad_var[]){__VA_ARGS__}) / sizeof(ad_var)

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
uint32_t ad_count(const ad_tape *t); /* nodes on the tape */
const char *ad_op_name(ad_var v);    /* "matmul" */

/* The node's numbers [rows, cols]. Borrowed from the tape (a leaf: from its owner). After a replay, only
 * leaves and those outputs of that plan that have no memory of their own are up to date. */
const real *ad_value(ad_var v);

/* The first number of a scalar. */
real ad_scalar(ad_var v);

/* For the guard that reports a broken run: evaluates the whole tape at the present numbers of its leaves,
 * without changing it, and describes the first node that made a NaN or an infinity out of numbers, with the
 * nearest named leaves behind it: "log [64, 1], first at row 3 (-inf), from leaf 'batch.obs'". What a mask
 * does not choose, or what becomes finite again, does not count; an infinite constant (ad_fill: a masked
 * logit) only when nothing else does. False when all ends of the tape are finite. Call it while the leaves
 * hold what the broken replay saw: before the step that would spread a NaN to all parameters. */
bool ad_find_nonfinite(const ad_tape *t, char *text, size_t size);

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
ad_var ad_min(ad_var a, ad_var b);
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
ad_var ad_sin(ad_var a); /* of radians */
ad_var ad_cos(ad_var a);
ad_var ad_sigmoid(ad_var a);
ad_var ad_relu(ad_var a);
ad_var ad_softplus(ad_var a); /* log(1 + exp a) */
ad_var ad_abs(ad_var a);
ad_var ad_clip(ad_var a, double low, double high);

/* a where the mask is not 0, else b. The three are of one shape, or rows, columns or scalars beside it. A NaN
 * or an infinity in the one that is not taken, or on the elementwise way to it, reaches neither the value nor
 * a derivative of any order. (Through a product of matrices or a softmax before it, it would: they mix
 * entries. Choose their argument instead.) */
ad_var ad_where(ad_var mask, ad_var a, ad_var b);

/* Masks and constants: their derivative is zero by definition. */
ad_var ad_stop_gradient(ad_var a);     /* the same numbers, no derivative */
ad_var ad_greater(ad_var a, ad_var b); /* 1 where a > b, else 0 */
ad_var ad_sign(ad_var a);              /* -1, 0, 1 */

/* ---- linear algebra ---- */

ad_var ad_matmul(ad_var a, ad_var b);                               /* a b */
ad_var ad_matmul_t(ad_var a, bool trans_a, ad_var b, bool trans_b); /* op(a) op(b) */

/* One product for each of `blocks` blocks of rows, as attention has them: a [blocks m, k] and b [blocks k, n]
 * or, transposed, b [blocks n, k] -> [blocks m, n]; block i is a_i b_i or a_i b_i^T. */
ad_var ad_matmul_blocks(ad_var a, ad_var b, size_t blocks, bool trans_b);

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

/* [a | b | ...] and a above b above ..., of any number: ad_concat_cols(a, b, c), or of an array of n >= 1. */
#define ad_concat_cols(...) ad_concat_cols_n(AD_VARS(__VA_ARGS__))
#define ad_concat_rows(...) ad_concat_rows_n(AD_VARS(__VA_ARGS__))
ad_var ad_concat_cols_n(const ad_var *parts, size_t n);
ad_var ad_concat_rows_n(const ad_var *parts, size_t n);

ad_var ad_reshape(ad_var a, size_t rows, size_t cols);
ad_var ad_transpose(ad_var a);

/* An index is a column of whole numbers, 0 or more; it has no derivative. One that is too large stops the
 * program. */

/* y[r] = a[r, index[r]]; a [rows, cols], index [rows, 1] -> [rows, 1]. */
ad_var ad_gather(ad_var a, ad_var index);
/* The transpose of gather: zeros but for y[r, index[r]] = a[r]; a [rows, 1] -> [rows, cols]. */
ad_var ad_scatter(ad_var a, ad_var index, size_t cols);

/* Row r is row index[r] of a: embeddings, minibatches; a [rows, cols], index [n, 1] -> [n, cols]. */
ad_var ad_take_rows(ad_var a, ad_var index);
/* The transpose of that: zeros, with each row r of a added to row index[r]; a [n, cols] -> [rows, cols]. */
ad_var ad_put_rows(ad_var a, ad_var index, size_t rows);

/* ---- over the columns of each row ---- */

ad_var ad_log_softmax(ad_var a);
ad_var ad_softmax(ad_var a);

/* log sum exp of each row, [rows, 1]. An entry of -infinity counts for nothing; a row of nothing else gives
 * -infinity, and has no derivative (NaN). */
ad_var ad_logsumexp(ad_var a);

/* The largest of each row, and its column, the first of equals; [rows, 1]. NaN is larger than all numbers. */
ad_var ad_row_max(ad_var a);
ad_var ad_row_argmax(ad_var a); /* an index: no derivative */

/* ---- transforms ---- */

/* g[i] = d loss / d x[i], of x[i]'s shape; loss is a scalar. Zeros where loss does not depend on x[i]. */
void ad_grad(ad_var loss, const ad_var *x, size_t n, ad_var *g);

/* g[i] = sum_k <seed[k], d y[k] / d x[i]>: the same for several outputs of any shape. */
void ad_vjp(const ad_var *y, const ad_var *seed, size_t ny, const ad_var *x, size_t nx, ad_var *g);

/* dy[k] = the tangent of y[k] when every x[i] moves along dx[i] (x[i]'s shape). Any nodes may serve as x:
 * what lies behind them does not matter. Nodes are appended only where a tangent is non-zero and some y[k]
 * needs it. */
void ad_jvp(const ad_var *y, size_t ny, const ad_var *x, const ad_var *dx, size_t nx, ad_var *dy);

/* Whether y depends on any of the x through a derivative: not only through masks, indices and
 * ad_stop_gradient. Where it is false, a gradient of y in x is zero whatever the numbers are, and a loss y
 * would train nothing: leaves made anew over the same parameters are other leaves. Single entries may be zero
 * all the same. */
bool ad_depends(ad_var y, const ad_var *x, size_t n);

#endif
