/* commitment.c: the best mixed commitment, one linear programme per follower action that is not ruled out. */
#include "envs/games/commitment.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "envs/games/bimatrix.h"
#include "envs/games/commitment_lp.h"

/* Gain, as a share of a small difference of the leader's payoffs, that is not worth a mixture. */
#define GAIN_THAT_COUNTS 1e-12

/* Gap, as a share of the value, that is none. */
#define GAP_THAT_COUNTS 1e-9

/* The dual solution of the last improvement often rules out other targets too: prices of all columns, the
 * target's aside. */
typedef struct proof {
    bool exists;
    size_t target;
    numbers price;    /* [cols] */
    double total;     /* the sum of the prices */
    double *adds;     /* [rows] what they add to the gain of each row when the target is this one */
} proof;

/* Payoffs are scaled by powers of two to at most 1, so that nothing overflows. */
typedef struct search {
    const bimatrix *game;
    follower follower;
    int exponent[2];
    twofold best;    /* the leader's value so far */
    twofold highest; /* no commitment is better than this, as far as the targets are done */
    double small;    /* a small difference of the leader's payoffs */
    double cut;
    commitment_lp quick, exact; /* in doubles and in pairs */
    proof proof;
    numbers bound;         /* [rows] temporary */
    double *level, *slope; /* [rows] temporary */
    double *x;             /* [rows] */
} search;

static double leader_payoff(const search *s, size_t row, size_t col) {
    return ldexp(s->game->payoff[0][row * s->game->cols + col], -s->exponent[0]);
}

/* The power of two that is above the largest magnitude. */
static int exponent_of(const double *x, size_t n) {
    double largest = 0;
    int exponent = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i]));
    frexp(largest, &exponent);
    return exponent;
}

/* A power of two that only a 64th part of the leader's payoffs, and at least none, is as near to the best
 * value without being equal to it: what the payoffs that matter differ by, when others are huge. */
static double small_difference(const search *s) {
    enum { LOWEST = -1100, COUNTS = 1110 };
    size_t count[COUNTS] = {0}, total = 0, nearer = 0;
    for (size_t r = 0; r < s->game->rows; r++)
        for (size_t c = 0; c < s->game->cols; c++) {
            const double difference = fabs(leader_payoff(s, r, c) - s->best.hi);
            int exponent;
            if (difference == 0) continue;
            frexp(difference, &exponent);
            count[exponent - LOWEST]++;
            total++;
        }
    for (int e = 0; e < COUNTS; e++) {
        nearer += count[e];
        if (nearer > total / 64) return ldexp(0.5, e + LOWEST);
    }
    return 0;
}

static void fill_gain(const search *s, size_t target, numbers gain) {
    const twofold minus_best = twofold_negate(s->best);
    for (size_t r = 0; r < s->game->rows; r++)
        numbers_set(gain, r, twofold_add((twofold){leader_payoff(s, r, target), 0}, minus_best));
}

/* An upper bound of what any mixture to which the target is a best response gains over the best value: the
 * dual objective at these prices, which need be no more than not negative, and its own rounding. */
static double bound_of(search *s, size_t target, numbers price) {
    const follower *f = &s->follower;
    double total = 0, highest = -INFINITY;
    fill_gain(s, target, s->bound);
    for (size_t c = 0; c < f->cols; c++) {
        if (!(price.hi[c] > 0) || c == target) continue;
        total += price.hi[c];
        numbers_add_differences(s->bound, numbers_get(price, c), f->by_col + target * f->rows,
                                f->by_col + c * f->rows, f->rows);
    }
    for (size_t r = 0; r < f->rows; r++) {
        const double gain = fabs(leader_payoff(s, r, target)) + fabs(s->best.hi);
        const double most = s->bound.hi[r] + 0x1p-96 * (gain + 2 * total);
        if (!(most <= highest)) highest = most;
    }
    return highest;
}

/* ---- one proof for many targets ---- */

static void remember_proof(search *s, size_t target, numbers price) {
    const follower *f = &s->follower;
    proof *p = &s->proof;
    memset(p->adds, 0, f->rows * sizeof *p->adds);
    p->exists = true;
    p->target = target;
    p->total = 0;
    for (size_t c = 0; c < f->cols; c++) {
        numbers_set(p->price, c, numbers_get(price, c));
        if (!(price.hi[c] > 0)) continue;
        p->total += price.hi[c];
        numbers_add_differences((numbers){p->adds, NULL}, (twofold){price.hi[c], 0},
                                f->by_col + target * f->rows, f->by_col + c * f->rows, f->rows);
    }
}

/* The row r for which level[r] + at slope[r] is largest. */
static size_t highest_line(const search *s, double at) {
    size_t best = 0;
    for (size_t r = 1; r < s->follower.rows; r++)
        if (s->level[r] + at * s->slope[r] > s->level[best] + at * s->slope[best]) best = r;
    return best;
}

/* Where, from `start` on, the highest of the lines is lowest: between one that falls and one that rises. */
static double lowest_point(const search *s, double start) {
    size_t falling = highest_line(s, start), rising = 0;
    double at = start;
    for (size_t r = 1; r < s->follower.rows; r++)
        if (s->slope[r] > s->slope[rising]) rising = r;
    if (s->slope[falling] >= 0 || s->slope[rising] <= 0) return start;
    for (size_t i = 0; i < s->follower.rows; i++) {
        at = (s->level[falling] - s->level[rising]) / (s->slope[rising] - s->slope[falling]);
        const size_t r = highest_line(s, at);
        if (!(s->level[r] + at * s->slope[r] > s->level[rising] + at * s->slope[rising])) break;
        if (s->slope[r] < 0) falling = r;
        else rising = r;
    }
    return fmax(at, start);
}

/* Tries the prices of the proof for another target. What they sum up to may be raised by a price for the
 * proof's own target; where interests are opposed, one such sum proves all targets at once, because the
 * prices are then the follower's minimax strategy. Rounding decides nothing here: bound_of has the last
 * word. */
static bool proof_rules_out(search *s, size_t target) {
    proof *p = &s->proof;
    if (!p->exists || p->target == target) return false;
    const follower *f = &s->follower;
    const double *own = f->by_col + target * f->rows, *other = f->by_col + p->target * f->rows;
    for (size_t r = 0; r < f->rows; r++) {
        s->level[r] = s->quick.gain.hi[r] + p->adds[r];
        s->slope[r] = own[r] - other[r];
    }
    const double total = lowest_point(s, p->total);
    const size_t r = highest_line(s, total);
    if (s->level[r] + total * s->slope[r] > 100 * s->cut) return false;
    numbers_set(p->price, p->target, (twofold){total - p->total, 0});
    const bool ruled_out = bound_of(s, target, p->price) <= s->cut;
    numbers_set(p->price, p->target, (twofold){0, 0});
    return ruled_out;
}

/* ---- the search ---- */

/* The mixture at the end of the exact programme becomes the best. */
static void improve(search *s, commitment *found) {
    const commitment_lp *lp = &s->exact;
    const follower *f = &s->follower;
    twofold response = {0, 0};
    double sum = 0, size[2] = {0, 0};
    s->best = twofold_add(s->best, commitment_lp_value(lp));
    for (size_t r = 0; r < f->rows; r++) {
        const twofold weight = commitment_lp_weight(lp, r);
        const twofold payoff = {f->by_row[r * f->cols + lp->target], 0};
        response = twofold_add(response, twofold_multiply(weight, payoff));
        s->x[r] = fmax(0, weight.hi);
        sum += s->x[r];
        size[0] += fabs(s->x[r] * leader_payoff(s, r, lp->target));
        size[1] += fabs(s->x[r] * payoff.hi);
    }
    for (size_t r = 0; r < f->rows; r++) s->x[r] /= sum;
    const double value[2] = {s->best.hi, response.hi};
    for (int i = 0; i < 2; i++) /* a sum of zero has been rounded to about this */
        found->value[i] = fabs(value[i]) < 0x1p-90 * size[i] ? 0 : ldexp(value[i], s->exponent[i]);
    found->mixes = true;
    found->col = lp->target;
}

/* Improves on the best commitment by mixtures to which the target is a best response, if possible. Returns
 * whether it was. */
static bool try_target(search *s, size_t target, commitment *found) {
    commitment_lp *quick = &s->quick, *exact = &s->exact;
    fill_gain(s, target, quick->gain);
    commitment_lp_start(quick, target);
    if (commitment_lp_value(quick).hi <= s->cut || proof_rules_out(s, target)) return false;
    commitment_result result = commitment_lp_solve(quick, s->cut);
    if ((result == COMMITMENT_CUT || result == COMMITMENT_INFEASIBLE) &&
        bound_of(s, target, quick->price) <= s->cut)
        return false;

    fill_gain(s, target, exact->gain);
    if (result == COMMITMENT_STALLED || !commitment_lp_start_from(exact, quick))
        commitment_lp_start(exact, target);
    result = commitment_lp_solve(exact, s->cut);
    const twofold bound = twofold_add(s->best, (twofold){bound_of(s, target, exact->price), 0});
    if (!(twofold_compare(bound, s->highest) <= 0)) s->highest = bound;
    if (result != COMMITMENT_OPTIMAL) return false;
    improve(s, found);
    remember_proof(s, target, exact->price);
    return true;
}

/* The column that binds most at an improvement is worth trying next: where interests are opposed it is in
 * the support of the follower's minimax strategy, and as a target gives the value of the game. */
static size_t dearest_column(const search *s) {
    size_t best = 0;
    for (size_t c = 1; c < s->follower.cols; c++)
        if (s->proof.price.hi[c] > s->proof.price.hi[best]) best = c;
    return best;
}

static void try_all(search *s, fm_arena *scratch, commitment *found) {
    const size_t cols = s->follower.cols;
    bool *done = fm_arena_array(scratch, bool, cols);
    for (size_t c = 0; c < cols; c++)
        for (size_t target = c; !done[target]; target = dearest_column(s)) {
            done[target] = true;
            if (!try_target(s, target, found)) break;
        }
}

static void prepare(search *s, const size_t pure[2], fm_arena *scratch) {
    const bimatrix *game = s->game;
    const size_t rows = game->rows, cols = game->cols;
    double *by_row = fm_arena_array(scratch, double, rows * cols);
    double *by_col = fm_arena_array(scratch, double, rows * cols);
    for (int i = 0; i < 2; i++) s->exponent[i] = exponent_of(game->payoff[i], rows * cols);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            by_row[r * cols + c] = by_col[c * rows + r] =
                ldexp(game->payoff[1][r * cols + c], -s->exponent[1]);
    s->follower = (follower){rows, cols, by_row, by_col};
    s->best = s->highest = (twofold){leader_payoff(s, pure[0], pure[1]), 0};
    s->small = small_difference(s);
    if (s->best.hi != 0) s->small = fmin(s->small, fabs(s->best.hi));
    s->cut = GAIN_THAT_COUNTS * s->small;
    commitment_lp_make(&s->quick, &s->follower, false, scratch);
    commitment_lp_make(&s->exact, &s->follower, true, scratch);
    s->proof.price = numbers_make(cols, true, scratch);
    s->proof.adds = fm_arena_array(scratch, double, rows);
    s->bound = numbers_make(rows, true, scratch);
    s->level = fm_arena_array(scratch, double, rows);
    s->slope = fm_arena_array(scratch, double, rows);
}

commitment commitment_best(const bimatrix *game, const size_t pure[2], fm_arena *arena) {
    commitment found = {0};
    if (game->rows == 1) return found; /* nothing to mix */
    fm_arena scratch = {0};
    search s = {.game = game, .x = fm_arena_array(arena, double, game->rows)};
    prepare(&s, pure, &scratch);
    try_all(&s, &scratch, &found);
    found.x = s.x;
    const double gap = twofold_add(s.highest, twofold_negate(s.best)).hi;
    if (!(gap <= GAP_THAT_COUNTS * fmax(fabs(s.best.hi), s.small))) found.gap = ldexp(gap, s.exponent[0]);
    fm_arena_free(&scratch);
    return found;
}
