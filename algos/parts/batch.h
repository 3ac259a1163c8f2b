/* batch.h: a minibatch as a list of columns, declared once and filled in one call from a replay or a rollout.
 *
 * Example (compiled by the tests, given const algo_setup *setup, int i, fm_rng rng):
 *
 *     #include "algos/parts/net.h"
 *     #include "algos/parts/replay.h"
 *     algo_replay replay = algo_replay_make(setup, 10000);
 *     algo_batch batch = algo_batch_make(setup, 128);
 *     ad_var obs, action, target;
 *     algo_batch_leaf(&batch, ALGO_OBS, i, &obs);              // each is a leaf of the learner's tape
 *     algo_batch_leaf(&batch, ALGO_ACTION, i, &action);
 *     real *td_target = algo_batch_leaf(&batch, ALGO_REWARD, i, &target);
 *     algo_batch_into(&batch, ALGO_NEXT_OBS, i, td_target, 1);            // or a part of the caller's matrix
 *     algo_replay_draw(&replay, &batch, &rng);
 *     algo_replay_fill(&replay, &batch);                       // all columns have their numbers
 *
 * Rows are those of the batch; an agent's own columns mean nothing in rows whose ALGO_WEIGHT is zero. */
#ifndef ALGO_BATCH_H
#define ALGO_BATCH_H

#include "algos/algo.h"
#include "algos/parts/joint.h"

/* What a column holds, for one agent or (observations, actions) for all of them, one after another. */
typedef enum algo_field {
    ALGO_OBS,
    ALGO_NEXT_OBS, /* at the agent's next decision, or at the end */
    ALGO_CENTRAL,  /* the centralised state; the agent does not matter */
    ALGO_NEXT_CENTRAL,
    ALGO_ACTION,    /* as it was chosen: an index, indices, or numbers */
    ALGO_COLUMNS,   /* as a network's input (algos/parts/joint.h): one-hots, boxes scaled to [-1, 1]; zeros
                     * of an agent whose action did not count */
    ALGO_MASK,      /* ones for legal actions, zeros for others */
    ALGO_NEXT_MASK,
    ALGO_REWARD,    /* scaled by batch.scale */
    ALGO_NOT_DONE,  /* 0 where the agent has no future, else 1 */
    ALGO_WEIGHT,    /* 1 where the agent acted and the step earns credit, else 0 */
    /* Of a rollout only (algos/parts/rollout.h). */
    ALGO_LOG_PROB,  /* of the action when it was chosen */
    ALGO_VALUE,     /* estimated then */
    ALGO_ADVANTAGE,
    ALGO_RETURN,    /* the value's target: advantage + value */
    ALGO_ACTIVE,    /* 1 where the agent's action counted, also where it earns no credit */
    ALGO_FIRST,     /* 1 at the first decision of an episode; the agent does not matter */
    ALGO_ID,        /* the one-hot of which agent it is; of any source */
    ALGO_FIELDS
} algo_field;

#define ALGO_ALL (-1) /* every agent */
#define ALGO_OWN (-2) /* the agent whose sample the row is (algos/parts/minibatch.h) */

/* A list in the arena. */
typedef struct algo_column {
    algo_field field;
    int agent;
    real *to;             /* first row; `stride` reals from row to row */
    size_t width, stride;
    const struct algo_column *twin; /* has the same numbers and is filled earlier: they are copied; or NULL */
    struct algo_column *next;
} algo_column;

typedef struct algo_batch {
    const env_facts *facts;
    const algo_setup *setup; /* only while columns are declared */
    algo_joint joint;
    size_t rows;
    uint32_t *drawn;         /* [rows] where they come from: slots of the replay or the rollout */
    int *own;                /* [rows] whose sample each is, NULL: nobody's */
    int alike;               /* an agent that those are like: columns of ALGO_OWN have its widths */
    const algo_scale *scale; /* [agents] of rewards, NULL: as they are; read at every fill */
    algo_column *columns;
} algo_batch;

/* Everything in the setup's arena, which outlives it. */
algo_batch algo_batch_make(const algo_setup *setup, size_t rows);

/* Adds a column of its own [rows, width]; `leaf` (unless NULL) becomes a leaf of the setup's tape over it. */
real *algo_batch_leaf(algo_batch *batch, algo_field field, int agent, ad_var *leaf);

/* Adds a column that stands in the caller's matrix, from `to` with `stride` reals from row to row. */
void algo_batch_into(algo_batch *batch, algo_field field, int agent, real *to, size_t stride);

/* The arrays of a replay or a rollout, by field: [slots][numbers of all agents], NULL: it has no such field,
 * or of a mask, everything is legal. Rewards are double; masks, ALGO_NOT_DONE, ALGO_WEIGHT, ALGO_ACTIVE and
 * ALGO_FIRST uint8_t; all others real. ALGO_COLUMNS are made of ALGO_ACTION and, unless it is NULL,
 * ALGO_ACTIVE. */
typedef struct algo_source {
    const void *of[ALGO_FIELDS];
} algo_source;

/* Fills every column from the slots drawn. */
void algo_batch_fill(const algo_batch *batch, const algo_source *source);

#endif
