/* tape.h: the inside of a tape, for the files of this room only. */
#ifndef AD_TAPE_H
#define AD_TAPE_H

#include "autograd/ad.h"
#include "autograd/ops.h"

#define AD_MAX_IN 4  /* arguments of a node */
#define AD_CALL_IN 6 /* of a step of a plan: when it computes two products, x[4] and x[5] are the other's */

typedef enum ad_kind { AD_ELEM, AD_LINEAR, AD_BILINEAR, AD_GENERAL, AD_FLAT } ad_kind;

/* What an op knows besides its arguments. Unused fields are zero, so that equal nodes have equal bytes. */
typedef struct ad_attr {
    double low, high;      /* fill, scale, shift: low is the number; clip, inside: both bounds */
    uint32_t from;         /* slice, pad: first column or row; matmul_blocks: number of blocks */
    bool trans_a, trans_b; /* matmul, matmul_blocks */
    uint8_t act;           /* affine, act_grad, act_curve: ad_act */
    uint8_t mask; /* set by plans: a product whose result is multiplied by mask'(x[3]) as it is written */
} ad_attr;

typedef struct ad_node {
    ad_op op;
    uint32_t rows, cols;
    uint32_t in[AD_MAX_IN]; /* ids of the arguments; unused: UINT32_MAX */
    ad_attr attr;
    real *value;      /* [rows, cols]; a leaf's belongs to the caller */
    const char *name; /* leaves */
} ad_node;

/* One evaluation: addresses and sizes of the result and of the arguments (`rows` of those that go row for row
 * are those of the block). `accumulate`: add to y; only sums over rows and matmul are asked to. `by_columns`:
 * all that goes row for row, a sum's argument included, is stored column after column. */
typedef struct ad_call {
    real *y;
    const real *x[AD_CALL_IN];
    uint32_t rows, cols;
    uint32_t x_rows[AD_CALL_IN], x_cols[AD_CALL_IN];
    bool accumulate, by_columns;
    ad_attr attr;
} ad_call;

typedef void ad_kernel(const ad_call *c);
typedef ad_var ad_rule(ad_var y, int i, ad_var g);
typedef ad_var ad_tangent_rule(ad_var y, const ad_var *dx); /* dx[i] AD_NONE: zero */

/* A row of the op table. */
typedef struct ad_op_row {
    const char *name;
    int arity;
    ad_kind kind;
    const char *rows, *formula;
    ad_kernel *kernel;
    ad_rule *rule;
    ad_tangent_rule *jvp;
} ad_op_row;

extern const ad_op_row AD_TABLE[AD_OP_COUNT];

/* Memory that the plans of a tape use in turn (plan/room.c). */
typedef struct ad_room {
    real *memory;
    size_t size; /* reals */
    bool taken;
} ad_room;

struct ad_tape {
    ad_node *nodes; /* stb_ds array */
    fm_arena arena;
    ad_room *rooms; /* stb_ds array; in the arena */
    uint32_t *seen; /* open addressing over node ids, for common subexpressions; size is a power of two */
    size_t seen_size, seen_used;
};

static inline ad_node *ad_node_of(ad_var v) { return &v.tape->nodes[v.id]; }
static inline size_t ad_size(const ad_node *n) { return (size_t)n->rows * n->cols; }

/* Records op(in...) with its value, or finds the node that is already there. Shapes are the builder's
 * business. */
ad_var ad_emit(ad_tape *t, ad_op op, size_t rows, size_t cols, const ad_var *in, ad_attr attr);

/* An equal, simpler node (x + 0, x * 1, a product with zeros, ...), or AD_NONE. Called by ad_emit for every
 * op. */
ad_var ad_simplify(ad_tape *t, ad_op op, size_t rows, size_t cols, const ad_var *in, ad_attr attr);

/* Argument i of node v. */
static inline ad_var ad_in(ad_var v, int i) { return (ad_var){v.tape, ad_node_of(v)->in[i]}; }

/* Stops the program when v is not of tape t, naming what was asked for. */
void ad_check_tape(const char *what, const ad_tape *t, ad_var v);

/* Fills the call that evaluates a node whole. */
void ad_call_of(const ad_tape *t, const ad_node *n, ad_call *c);

/* The number of a fill node: true and *value when v is one. */
bool ad_is_fill(ad_var v, double *value);
bool ad_is_zero(ad_var v);

/* The rows letters of a node: of its op, or, for matmul, as its flags say. */
const char *ad_row_letters(const ad_node *n);

/* ---- builders that only rules use ---- */
ad_var ad_copy(ad_var a);
ad_var ad_pad_cols(ad_var a, size_t from, size_t cols);
ad_var ad_pad_rows(ad_var a, size_t from, size_t rows);
ad_var ad_inside(ad_var a, double low, double high);
/* op(a_i) op(b_i) of the blocks of rows, one under the other. */
ad_var ad_matmul_blocks_t(ad_var a, bool trans_a, ad_var b, bool trans_b, size_t blocks);
ad_var ad_act_grad(ad_var g, ad_var y, ad_act act);
ad_var ad_act_curve(ad_var dg, ad_var g, ad_var y, ad_var dy, ad_act act);

#endif
