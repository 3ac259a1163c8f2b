/* commitment_lp.h: the linear programme of one follower action, the target: the mixture of rows that is best
 * for the leader among those to which the target is a best response [Conitzer & Sandholm 2006].
 *
 *     maximise  sum_r x_r gain_r   where   x >= 0,  sum_r x_r = 1,  and for every column c
 *     s_c = sum_r x_r (B[r][target] - B[r][c]) >= 0,   what the follower loses by playing c.
 *
 * Solved by the dual simplex method [Lemke 1954] with steepest-edge pricing [Forrest & Goldfarb 1992]. It
 * starts at the row of largest gain and makes columns bind that the follower would prefer there, so that the
 * value falls until there are none; most targets are given up early, when it has fallen to the value of a
 * known commitment. Only the rows in play and the columns that bind, of which there are as many, are kept as
 * a dictionary [Chvatal 1983]; everything else is computed from the payoffs when it is needed. A step costs
 * some (rows + cols) times the number of rows in play.
 *
 * A number counts as zero when it is small beside the terms that were added up for it, 1e-11 of them in
 * doubles and 1e-25 in pairs of doubles; never because it is small. */
#ifndef COMMITMENT_LP_H
#define COMMITMENT_LP_H

#include "envs/games/twofold.h"

/* The follower's payoffs, of magnitude at most 1, as [rows][cols] and as [cols][rows]. Borrowed. */
typedef struct follower {
    size_t rows, cols;
    const double *by_row, *by_col;
} follower;

typedef enum commitment_result {
    COMMITMENT_OPTIMAL,
    COMMITMENT_CUT,        /* the value is at most the cut */
    COMMITMENT_INFEASIBLE, /* the target is a best response to no mixture */
    COMMITMENT_STALLED     /* rounding defeated the method */
} commitment_result;

/* A programme at work. Variables have labels: the weight x_r has r, the loss s_c has rows + c, and the sum of
 * all weights, which is and stays 1, has rows + cols. The dictionary writes each weight in play in terms of
 * the losses that are zero and of the sum:
 *     variable basic[i] = sum_l entry[i][l] * variable nonbasic[l],  0 <= i, l < n. */
typedef struct commitment_lp {
    const follower *game;
    size_t target;
    double is_zero;           /* the share of its terms below which a number is zero */
    numbers gain;             /* [rows] filled by the caller before a start */
    size_t n, capacity;       /* capacity is the smaller of rows and cols; "room" is one more */
    size_t *basic, *nonbasic; /* [room] */
    size_t *place;            /* [rows + cols + 1] where a label stands in either of these, or SIZE_MAX */
    numbers entry;            /* [room][room] */
    numbers spare;            /* [room][room] temporary, rarely touched */
    numbers value;            /* [room] the objective in terms of the dictionary's columns */
    numbers reduced;          /* [rows] the objective per weight that is not in play; <= 0 */
    numbers loss;             /* [cols] s */
    double *edge;             /* [rows + cols] squared length of a basic variable's row of the inverse */
    numbers leaving;          /* [rows] the leaving variable per weight that is not in play */
    numbers along;            /* [cols] change of each loss per unit of the entering variable */
    numbers column;           /* [room] temporary */
    double *terms;            /* [room] temporary */
    double *turn;             /* [room + cols] products of the leaving row with those of other variables */
    numbers price;            /* [cols] at an end: a dual solution, >= 0, 0 for the target */
    size_t since_fresh;       /* steps since the dictionary was computed from its labels */
} commitment_lp;

/* Takes room from the arena for numbers of one double, or of two if `twice`. Of the dictionary, capacity
 * squared, only the part in use is ever touched. */
void commitment_lp_make(commitment_lp *lp, const follower *game, bool twice, fm_arena *arena);

/* Begins at the row of largest gain. */
void commitment_lp_start(commitment_lp *lp, size_t target);

/* Begins with the target and at the point of another programme. False when rounding allows no start there;
 * then only the other start is possible. */
bool commitment_lp_start_from(commitment_lp *lp, const commitment_lp *other);

/* Goes on to an end. `price` then proves it: no mixture of the region has a value above
 *     max_r gain_r + sum_c price_c (B[r][target] - B[r][c]),
 * which is the value for COMMITMENT_OPTIMAL, and at most max(cut, 0) for CUT and INFEASIBLE, both up to
 * rounding. */
commitment_result commitment_lp_solve(commitment_lp *lp, double cut);

/* The value at this point: that of the programme at the end of COMMITMENT_OPTIMAL. */
twofold commitment_lp_value(const commitment_lp *lp);

/* The weight of row r. */
twofold commitment_lp_weight(const commitment_lp *lp, size_t r);

#endif
