/* build.h: the inside of a plan, for plan.c, which runs it, and for build.c, fuse.c and slots.c, which make
 * it; and how a product is made of one. */
#ifndef AD_PLAN_BUILD_H
#define AD_PLAN_BUILD_H

#include "autograd/plan.h"
#include "autograd/tape.h"

#define AD_NO_NODE UINT32_MAX

/* One evaluation of a replay, with the addresses of the first block and of thread 0. In a segment of several
 * blocks, `advance` is the distance in reals between the rows of each array that goes row for row (0 for
 * arrays that are whole, or that each block uses anew). */
typedef struct ad_step {
    ad_kernel *kernel;
    ad_call call;
    size_t advance_y, advance_x[AD_CALL_IN];
    bool rows_y, rows_x[AD_CALL_IN]; /* the number of rows is the block's */
    bool slot_y, slot_x[AD_CALL_IN]; /* in the memory of a block, of which every thread has its own */
    bool sums;                      /* a sum over rows: adds to y from the second block on */
    size_t partial;                 /* sums: where in the memory of a lane's partial sums */
    size_t pieces;                  /* a large product: column ranges that threads may compute apart */
} ad_step;

/* Steps that go together through the blocks of `rows` rows. The blocks are dealt to `lanes`, whose number
 * depends on the shapes alone; lanes may run at once, and their sums are added in order. */
typedef struct ad_segment {
    size_t first, count; /* steps */
    size_t rows, block;  /* block = rows: all at once */
    size_t lanes;
    size_t slot_stride; /* reals of block memory per thread */
    real *partial;      /* [lanes - 1, partial_stride] sums of the lanes but the first */
    size_t partial_stride;
} ad_segment;

struct ad_plan {
    ad_step *steps;
    size_t node_count; /* steps that evaluate a node: all but those that turn a matrix */
    ad_segment *segments;
    size_t segment_count;
    bool backwards; /* the order of the lanes changes each time: the last one's are in the cache */
    ad_var *reads; /* recorded values, other than leaves, that the steps use but do not compute */
    size_t read_count;
};

/* What the builder knows of a node of the tape. */
typedef struct ad_part {
    bool live;      /* computed by this plan */
    bool output;    /* must stand in its own memory after a replay, */
    real *to;       /* or in this memory of the caller; of what is no output: a room */
    bool far;       /* read from another segment, or whole: has no place in the memory of a block */
    uint32_t uses;  /* live nodes that read it, and outputs */
    char flow;      /* last letter: 'r' row for row, '+' sum over rows, 'w' neither */
    size_t rows;    /* of the batch it walks through (r and +), else 0 */
    uint32_t level; /* segments run by level */
    uint32_t home;  /* the node whose memory holds the value: itself, or the one it was fused into */
    uint32_t first_writer, last_writer; /* nodes that write that memory */
    bool elided;                        /* no step: its value is written by the steps of its arguments */
    bool accumulates;                   /* adds to what first_writer left */
    bool joined;                        /* a product that is computed with another one, `other` */
    uint32_t other;
    uint32_t mask_y;                    /* a folded act_grad's layer output, or AD_NO_NODE */
    uint8_t mask;                       /* its activation */
    size_t position;                    /* of its step */
    size_t last_use;                    /* position of the last step that needs this home */
    size_t slot;                        /* memory within a block, or SIZE_MAX: its own memory */
    size_t turned;                      /* memory within a block of its copy by columns, or SIZE_MAX */
    size_t turned_use;                  /* position of the last step of a segment that needs that copy */
    size_t partial;                     /* sums of several blocks: place in a lane's partial sums */
} ad_part;

typedef struct ad_build {
    ad_tape *tape;
    ad_plan *plan;
    ad_part *part;   /* [count] */
    uint32_t count;  /* nodes of the tape that are looked at */
    /* stb_ds arrays: */
    uint32_t *order;   /* live, not elided nodes in the order of their steps */
    uint32_t *lodgers; /* homes that have a room now */
    ad_step *steps;
} ad_build;

/* Memory for a value within a block. */
typedef struct ad_slot {
    size_t cols;
    bool taken;
} ad_slot;

/* A step that copies a value from its own memory, by rows, to the block's, by columns, before the step at
 * `position`; or back, after it. */
typedef struct ad_turning {
    size_t position;
    uint32_t id;
    bool back;
} ad_turning;

/* Nodes order[first..end) on their way to a segment. */
typedef struct ad_draft {
    ad_build *b;
    size_t first, end;
    bool by_columns;
    ad_slot *slots; /* stb_ds arrays */
    ad_turning *turns;
    real **memory; /* of the slots */
} ad_draft;

/* The node in whose memory a value stands. */
uint32_t ad_build_home(const ad_build *b, uint32_t id);

/* The arguments of the step of a node, AD_NO_NODE where there is none, how it reads each, and their
 * number. */
int ad_build_arguments(const ad_build *b, uint32_t id, uint32_t *in, char *letters);

/* A room: memory [n] until it is given back; then a later value may have it, of this plan or of another one
 * of the tape, as replays do not overlap. So what replays write and read again stays in the cache. */
real *ad_room_take(ad_tape *t, size_t n);
void ad_room_give(ad_tape *t, const real *memory);

/* Chooses the layout of the values that live within a block of a segment, and gives them their slots. */
void ad_build_slots(ad_draft *d);

/* Gives node `id` its level and flow; where two products are added, or an activation's derivative multiplies
 * one, lets the products write the result directly. Nodes come in the order of the tape, uses already
 * counted. */
void ad_build_place(ad_build *b, uint32_t id);

static inline bool ad_same_segment(const ad_part *a, const ad_part *b) {
    return a->level == b->level && a->rows == b->rows;
}

/* ---- products, for gram.c too ---- */

/* Length of the vector that the leaves x lie over, x[0] first. */
size_t ad_layout_length(const ad_var *x, size_t n);

/* Directions laid over v as the leaves x[n] are over their vector; an stb_ds array. */
ad_var *ad_directions(const ad_var *x, size_t n, const real *v);

/* The product whose result, laid out as the leaves z, are these nodes [nz] made of the directions. */
ad_product *ad_product_make(const ad_var *result, const ad_var *z, size_t nz, const ad_var *direction,
                            size_t n, real *out);

#endif
