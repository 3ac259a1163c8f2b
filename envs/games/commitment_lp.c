/* commitment_lp.c: a dual simplex method that keeps the rows in play and the columns that bind, no more. */
#include "envs/games/commitment_lp.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* A dictionary is computed anew after so many steps plus a quarter of its size, so that rounding does not
 * add up, and the time for it stays below that of the steps. */
#define FRESH_EVERY 64

/* An exchange divides by a coefficient, which must stand out of the rounding by so much more than zero. */
#define PIVOT_MARGIN 1000

static const twofold ONE = {1, 0};

static size_t sum_label(const commitment_lp *lp) { return lp->game->rows + lp->game->cols; }
static size_t sum_at(const commitment_lp *lp) { return lp->place[sum_label(lp)]; }
static bool is_weight(const commitment_lp *lp, size_t label) { return label < lp->game->rows; }
static size_t label_of_col(const commitment_lp *lp, size_t col) { return lp->game->rows + col; }
static size_t col_of(const commitment_lp *lp, size_t label) { return label - lp->game->rows; }

static numbers row_of(const commitment_lp *lp, size_t i) {
    return numbers_from(lp->entry, i * (lp->capacity + 1));
}

/* The follower's payoffs of a column, one per row. */
static const double *payoffs_of(const commitment_lp *lp, size_t col) {
    return lp->game->by_col + col * lp->game->rows;
}

/* What a unit of weight on row r adds to a variable that is not a weight. */
static twofold coefficient(const commitment_lp *lp, size_t label, size_t r) {
    if (label == sum_label(lp)) return ONE;
    return twofold_of_sum(payoffs_of(lp, lp->target)[r], -payoffs_of(lp, col_of(lp, label))[r]);
}

/* ---- the dictionary ---- */

static void label_row(commitment_lp *lp, size_t i, size_t label) {
    lp->basic[i] = label;
    lp->place[label] = i;
}

static void label_column(commitment_lp *lp, size_t l, size_t label) {
    lp->nonbasic[l] = label;
    lp->place[label] = l;
}

/* Puts the solved row for the variable of column l into another row. */
static void substitute(numbers row, size_t l, numbers solved, size_t width) {
    const twofold factor = numbers_get(row, l);
    if (factor.hi == 0) return;
    numbers_set(row, l, (twofold){0, 0});
    numbers_add_multiple_or_cancel(row, factor, solved, width);
}

/* Solves row i for the variable of column l and puts that into the other rows. */
static void exchange(commitment_lp *lp, size_t i, size_t l, size_t height, size_t width) {
    const numbers row = row_of(lp, i);
    const twofold inverse = twofold_divide(ONE, numbers_get(row, l));
    numbers_scale(row, twofold_negate(inverse), width);
    numbers_set(row, l, inverse);
    for (size_t k = 0; k < height; k++)
        if (k != i) substitute(row_of(lp, k), l, row, width);
    const size_t in = lp->nonbasic[l], out = lp->basic[i];
    label_row(lp, i, in);
    label_column(lp, l, out);
}

/* Drops row i, whose place the last one takes. */
static void drop_row(commitment_lp *lp, size_t i, size_t height, size_t width) {
    const size_t last = height - 1;
    lp->place[lp->basic[i]] = SIZE_MAX;
    if (i == last) return;
    for (size_t l = 0; l < width; l++) numbers_set(row_of(lp, i), l, numbers_get(row_of(lp, last), l));
    label_row(lp, i, lp->basic[last]);
}

/* Drops column l, whose place the last one takes, also in the objective. */
static void drop_column(commitment_lp *lp, size_t l, size_t height, size_t width) {
    const size_t last = width - 1;
    lp->place[lp->nonbasic[l]] = SIZE_MAX;
    if (l == last) return;
    for (size_t i = 0; i < height; i++) numbers_set(row_of(lp, i), l, numbers_get(row_of(lp, i), last));
    numbers_set(lp->value, l, numbers_get(lp->value, last));
    label_column(lp, l, lp->nonbasic[last]);
}

/* Takes from out[rows] what the columns, so weighted, contribute per unit of a weight: when a row of the
 * dictionary is a variable in terms of the columns, this makes it one in terms of all that is zero. */
static void subtract_columns(const commitment_lp *lp, numbers weighted, numbers out) {
    const size_t rows = lp->game->rows;
    for (size_t l = 0; l < lp->n; l++) {
        const twofold weight = twofold_negate(numbers_get(weighted, l));
        if (weight.hi == 0) continue;
        if (l == sum_at(lp)) {
            for (size_t r = 0; r < rows; r++) numbers_set(out, r, twofold_add(numbers_get(out, r), weight));
        } else {
            const double *other = payoffs_of(lp, col_of(lp, lp->nonbasic[l]));
            numbers_add_differences(out, weight, payoffs_of(lp, lp->target), other, rows);
        }
    }
}

/* terms[l] = sum_i |coefficient| |weight|, the size of what adds up to the variable of column l. */
static void compute_terms(const commitment_lp *lp) {
    const double *weights = lp->entry.hi + sum_at(lp);
    for (size_t l = 0; l < lp->n; l++) {
        lp->terms[l] = 0;
        for (size_t i = 0; i < lp->n; i++)
            lp->terms[l] += fabs(coefficient(lp, lp->nonbasic[l], lp->basic[i]).hi *
                                 weights[i * (lp->capacity + 1)]);
    }
}

static void compute_objective(commitment_lp *lp) {
    numbers_clear(lp->value, lp->n);
    for (size_t i = 0; i < lp->n; i++)
        numbers_add_multiple(lp->value, numbers_get(lp->gain, lp->basic[i]), row_of(lp, i), lp->n);
    for (size_t r = 0; r < lp->game->rows; r++) numbers_set(lp->reduced, r, numbers_get(lp->gain, r));
    subtract_columns(lp, lp->value, lp->reduced);
}

static void compute_losses(commitment_lp *lp) {
    const follower *game = lp->game;
    numbers_clear(lp->loss, game->cols);
    for (size_t i = 0; i < lp->n; i++) {
        const double *payoff = game->by_row + lp->basic[i] * game->cols;
        const twofold weight = numbers_get(row_of(lp, i), sum_at(lp));
        numbers_add_differences_from(lp->loss, weight, payoff[lp->target], payoff, game->cols);
    }
}

/* How far the losses that are zero by the dictionary are from that by the payoffs, and the sum of the weights
 * from one, as the largest share of the terms added up. */
static double inaccuracy(const commitment_lp *lp) {
    twofold sum = {-1, 0};
    for (size_t i = 0; i < lp->n; i++) sum = twofold_add(sum, numbers_get(row_of(lp, i), sum_at(lp)));
    compute_terms(lp);
    double worst = 0;
    for (size_t l = 0; l < lp->n; l++) {
        const double off = l == sum_at(lp) ? sum.hi : lp->loss.hi[col_of(lp, lp->nonbasic[l])];
        if (off != 0 && !(fabs(off) <= worst * lp->terms[l])) worst = fabs(off) / lp->terms[l];
    }
    return worst;
}

/* Writes the constraints in terms of the weights in play, and for each weight the scale that makes its
 * largest coefficient one, where every constraint has already been made so. */
static void write_constraints(commitment_lp *lp, double *scale) {
    const size_t n = lp->n;
    memset(scale, 0, n * sizeof *scale);
    for (size_t i = 0; i < n; i++) {
        const size_t variable = lp->nonbasic[i];
        double largest = 0;
        for (size_t l = 0; l < n; l++) {
            const twofold entry = coefficient(lp, variable, lp->basic[l]);
            numbers_set(row_of(lp, i), l, entry);
            largest = fmax(largest, fabs(entry.hi));
        }
        for (size_t l = 0; l < n && largest > 0; l++)
            scale[l] = fmax(scale[l], fabs(row_of(lp, i).hi[l]) / largest);
    }
    for (size_t l = 0; l < n; l++) scale[l] = 1 / scale[l];
    for (size_t i = 0; i < n; i++) {
        const size_t weight = lp->basic[i], variable = lp->nonbasic[i];
        label_row(lp, i, variable);
        label_column(lp, i, weight);
    }
}

/* The largest scaled entry of row i among the weights that are still columns; SIZE_MAX if all are zero. */
static size_t find_pivot(const commitment_lp *lp, size_t i, const double *scale) {
    const double *row = row_of(lp, i).hi;
    size_t best = SIZE_MAX;
    double largest = 0;
    for (size_t l = 0; l < lp->n; l++) {
        if (!is_weight(lp, lp->nonbasic[l]) || !(fabs(row[l]) * scale[l] > largest)) continue;
        best = l;
        largest = fabs(row[l]) * scale[l];
    }
    return best;
}

/* One step of Newton's method for an inverse [Schulz 1933]: adds M (I - K M) to the dictionary M, where K are
 * the constraints' coefficients. An exchange in an unlucky order can lose small ones beside large ones; the
 * residual still has them. */
static void polish(commitment_lp *lp) {
    const size_t n = lp->n;
    for (size_t i = 0; i < n; i++) {
        const numbers residual = numbers_from(lp->spare, i * n);
        numbers_clear(residual, n);
        numbers_set(residual, i, ONE);
        for (size_t k = 0; k < n; k++)
            numbers_add_multiple(residual, twofold_negate(coefficient(lp, lp->nonbasic[i], lp->basic[k])),
                                 row_of(lp, k), n);
    }
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < n; i++) numbers_set(lp->column, i, numbers_get(row_of(lp, k), i));
        for (size_t i = 0; i < n; i++)
            numbers_add_multiple(row_of(lp, k), numbers_get(lp->column, i), numbers_from(lp->spare, i * n),
                                 n);
    }
}

/* Computes the dictionary from its labels, exchanging all constraints for the weights in play, and what
 * depends on it. False when rounding makes that worthless. */
static bool refresh(commitment_lp *lp) {
    write_constraints(lp, lp->terms);
    for (size_t i = 0; i < lp->n; i++) {
        const size_t l = find_pivot(lp, i, lp->terms);
        if (l == SIZE_MAX) return false;
        exchange(lp, i, l, lp->n, lp->n);
    }
    lp->since_fresh = 0;
    compute_losses(lp);
    if (!(inaccuracy(lp) <= lp->is_zero / 16)) {
        polish(lp);
        compute_losses(lp);
    }
    compute_objective(lp);
    return inaccuracy(lp) <= pow(lp->is_zero, 0.8);
}

/* ---- zero or not ----
 *
 * Four questions, each settled for most by a bound: no difference of payoffs is larger than 2. `total` is
 * the sum of the weights' magnitudes, or of those of the leaving row's entries. */

/* Whether the weight of row i is below zero by more than rounding. */
static bool weight_is_negative(const commitment_lp *lp, size_t i, double total, bool *have_terms) {
    const double *row = row_of(lp, i).hi, value = row[sum_at(lp)];
    double sum = 0, size = 0;
    for (size_t l = 0; l < lp->n; l++) sum += fabs(row[l]);
    if (-value > lp->is_zero * 2 * total * sum) return true;
    if (!*have_terms) compute_terms(lp);
    *have_terms = true;
    for (size_t l = 0; l < lp->n; l++) size += fabs(row[l]) * lp->terms[l];
    return -value > lp->is_zero * size;
}

static bool loss_is_negative(const commitment_lp *lp, size_t col, double total) {
    const size_t label = label_of_col(lp, col);
    if (-lp->loss.hi[col] > lp->is_zero * 2 * total) return true;
    double size = 0;
    for (size_t i = 0; i < lp->n; i++)
        size += fabs(coefficient(lp, label, lp->basic[i]).hi * row_of(lp, i).hi[sum_at(lp)]);
    return -lp->loss.hi[col] > lp->is_zero * size;
}

/* Whether the leaving variable's coefficient of weight r can be divided by. */
static bool weight_can_enter(const commitment_lp *lp, size_t leaving, numbers row, size_t r, double total) {
    const double margin = PIVOT_MARGIN * lp->is_zero;
    if (lp->leaving.hi[r] > margin * 2 * (1 + total)) return true;
    double size = is_weight(lp, leaving) ? 0 : fabs(coefficient(lp, leaving, r).hi);
    for (size_t l = 0; l < lp->n; l++) size += fabs(row.hi[l] * coefficient(lp, lp->nonbasic[l], r).hi);
    return lp->leaving.hi[r] > margin * size;
}

/* The same for the loss of column l; its coefficient is a sum over the weights in play. */
static bool loss_can_enter(const commitment_lp *lp, numbers row, size_t l, double total, bool *have_terms) {
    const double margin = PIVOT_MARGIN * lp->is_zero;
    double sum = 0, size = 0;
    for (size_t i = 0; i < lp->n; i++) sum += fabs(row_of(lp, i).hi[l]);
    if (row.hi[l] > margin * 2 * total * sum) return true;
    for (size_t i = 0; i < lp->n && !*have_terms; i++) {
        lp->terms[i] = 0;
        for (size_t k = 0; k < lp->n; k++)
            lp->terms[i] += fabs(row.hi[k] * coefficient(lp, lp->nonbasic[k], lp->basic[i]).hi);
    }
    *have_terms = true;
    for (size_t i = 0; i < lp->n; i++) size += lp->terms[i] * fabs(row_of(lp, i).hi[l]);
    return row.hi[l] > margin * size;
}

/* ---- the two variables of a step ---- */

/* The variable below zero that is furthest so, measured along the edge on which it rises to zero; with
 * `first`, the one of smallest label. SIZE_MAX when there is none. */
static size_t leaving_variable(const commitment_lp *lp, bool first) {
    size_t best = SIZE_MAX;
    double furthest = 0, total = 0;
    bool have_terms = false;
    for (size_t i = 0; i < lp->n; i++) total += fabs(row_of(lp, i).hi[sum_at(lp)]);
    for (size_t i = 0; i < lp->n; i++) {
        const size_t label = lp->basic[i];
        const double value = row_of(lp, i).hi[sum_at(lp)], distance = value * value / lp->edge[label];
        if (!(value < 0) || (first ? label > best : distance <= furthest)) continue;
        if (!weight_is_negative(lp, i, total, &have_terms)) continue;
        best = label;
        furthest = distance;
    }
    for (size_t c = 0; c < lp->game->cols; c++) {
        const size_t label = label_of_col(lp, c);
        const double value = lp->loss.hi[c], distance = value * value / lp->edge[label];
        if (!(value < 0) || lp->place[label] != SIZE_MAX) continue;
        if (first ? label > best : distance <= furthest) continue;
        if (!loss_is_negative(lp, c, total)) continue;
        best = label;
        furthest = distance;
    }
    return best;
}

/* The leaving variable in terms of the columns, and in lp->leaving of the weights that are not in play. A
 * loss becomes a further row of the dictionary, whose number is returned. */
static size_t leaving_row(commitment_lp *lp, size_t leaving) {
    numbers_clear(lp->leaving, lp->game->rows);
    if (!is_weight(lp, leaving)) {
        const numbers row = row_of(lp, lp->n);
        numbers_clear(row, lp->n);
        for (size_t i = 0; i < lp->n; i++)
            numbers_add_multiple(row, coefficient(lp, leaving, lp->basic[i]), row_of(lp, i), lp->n);
        label_row(lp, lp->n, leaving);
        numbers_add_differences(lp->leaving, ONE, payoffs_of(lp, lp->target),
                                payoffs_of(lp, col_of(lp, leaving)), lp->game->rows);
    }
    subtract_columns(lp, row_of(lp, lp->place[leaving]), lp->leaving);
    return lp->place[leaving];
}

/* A variable that could enter: what it costs per unit of the leaving one, which its own unit raises by
 * `rate`. */
typedef struct candidate {
    size_t label;
    twofold cost, rate;
} candidate;

static candidate candidate_of(size_t label, twofold objective, twofold rate) {
    const twofold loss = objective.hi < 0 ? twofold_negate(objective) : (twofold){0, 0};
    return (candidate){label, twofold_divide(loss, rate), rate};
}

/* Whether a is to be preferred: it costs less, or else its rate is larger; with `first`, or else its label is
 * smaller, which together with the choice of the leaving variable cannot cycle [Bland 1977]. */
static bool is_better(const candidate *a, const candidate *b, bool first) {
    if (b->label == SIZE_MAX) return true;
    const int order = twofold_compare(a->cost, b->cost);
    if (order != 0) return order < 0;
    return first ? a->label < b->label : a->rate.hi > b->rate.hi;
}

/* The variable that raises the leaving one to zero at the least cost. SIZE_MAX when none does. */
static size_t entering_variable(const commitment_lp *lp, size_t leaving, numbers row, bool first) {
    candidate best = {.label = SIZE_MAX};
    double total = 0;
    bool have_terms = false;
    for (size_t l = 0; l < lp->n; l++) total += fabs(row.hi[l]);
    for (size_t l = 0; l < lp->n; l++) {
        if (!(row.hi[l] > 0) || l == sum_at(lp)) continue;
        const candidate c = candidate_of(lp->nonbasic[l], numbers_get(lp->value, l), numbers_get(row, l));
        if (is_better(&c, &best, first) && loss_can_enter(lp, row, l, total, &have_terms)) best = c;
    }
    for (size_t r = 0; r < lp->game->rows; r++) {
        if (!(lp->leaving.hi[r] > 0) || lp->place[r] != SIZE_MAX) continue;
        const candidate c = candidate_of(r, numbers_get(lp->reduced, r), numbers_get(lp->leaving, r));
        if (is_better(&c, &best, first) && weight_can_enter(lp, leaving, row, r, total)) best = c;
    }
    return best.label;
}

/* ---- a step ---- */

/* Adds a column to the dictionary: a weight that is not in play yet. */
static void append_column(commitment_lp *lp, size_t entering, numbers row) {
    const size_t n = lp->n;
    for (size_t l = 0; l < n; l++) numbers_set(lp->column, l, coefficient(lp, lp->nonbasic[l], entering));
    for (size_t i = 0; i < n; i++)
        numbers_set(row_of(lp, i), n, twofold_negate(numbers_dot(row_of(lp, i), lp->column, n)));
    numbers_set(row, n, numbers_get(lp->leaving, entering));
    numbers_set(lp->value, n, numbers_get(lp->reduced, entering));
    label_column(lp, n, entering);
}

/* lp->along, the losses' change per unit of the entering variable, which is column l; and lp->turn, the
 * products of the leaving row with the rows of the inverse for each weight in play, and then each loss. */
static void compute_change(commitment_lp *lp, numbers row, size_t l, size_t entering) {
    const follower *game = lp->game;
    const numbers alone = {row.hi, NULL}, turn = {lp->turn + lp->capacity + 1, NULL};
    numbers_clear(lp->along, game->cols);
    numbers_clear(turn, game->cols);
    for (size_t i = 0; i < lp->n; i++) {
        const double *payoff = game->by_row + lp->basic[i] * game->cols;
        const twofold product = numbers_dot((numbers){row_of(lp, i).hi, NULL}, alone, lp->n);
        lp->turn[i] = product.hi;
        numbers_add_differences_from(lp->along, numbers_get(row_of(lp, i), l), payoff[lp->target], payoff,
                                     game->cols);
        numbers_add_differences_from(turn, product, payoff[lp->target], payoff, game->cols);
    }
    if (!is_weight(lp, entering)) return;
    const double *payoff = game->by_row + entering * game->cols;
    numbers_add_differences_from(lp->along, ONE, payoff[lp->target], payoff, game->cols);
}

/* The squared length of a row of the inverse, after `ratio` times the leaving row has been taken from it. No
 * rounding may make it vanish: a loss has an entry 1 of its own. */
static double next_edge(double edge, double ratio, double turn, double norm, double least) {
    return fmax(edge + ratio * (ratio * norm - 2 * turn), least);
}

/* The steepest-edge recurrence [Forrest & Goldfarb 1992, Eq. 8 of the dual algorithm]. */
static void update_edges(commitment_lp *lp, size_t leaving, size_t entering, numbers row, size_t l) {
    const double pivot = row.hi[l], *turn = lp->turn + lp->capacity + 1;
    double norm = is_weight(lp, leaving) ? 0 : 1;
    for (size_t k = 0; k < lp->n; k++) norm += row.hi[k] * row.hi[k];
    for (size_t i = 0; i < lp->n; i++) {
        const double ratio = row_of(lp, i).hi[l] / pivot;
        double *edge = &lp->edge[lp->basic[i]];
        *edge = next_edge(*edge, ratio, lp->turn[i], norm, 1e-12 * norm);
    }
    for (size_t c = 0; c < lp->game->cols; c++) {
        double *edge = &lp->edge[label_of_col(lp, c)];
        *edge = next_edge(*edge, lp->along.hi[c] / pivot, turn[c], norm, 1);
    }
    lp->edge[entering] = norm / (pivot * pivot);
}

/* Exchanges the two variables; while that lasts, the dictionary may have one more row and column. */
static void step(commitment_lp *lp, size_t leaving, size_t entering, numbers row) {
    const bool in_is_weight = is_weight(lp, entering), out_is_weight = is_weight(lp, leaving);
    size_t height = lp->n + !out_is_weight, width = lp->n + in_is_weight;
    if (in_is_weight) append_column(lp, entering, row);
    const size_t i = lp->place[leaving], l = lp->place[entering];

    compute_change(lp, row, l, entering);
    update_edges(lp, leaving, entering, row, l);
    const twofold pivot = numbers_get(row, l);
    const twofold length = twofold_negate(twofold_divide(numbers_get(row, sum_at(lp)), pivot));
    numbers_add_multiple(lp->loss, length, lp->along, lp->game->cols);
    if (!in_is_weight) numbers_set(lp->loss, col_of(lp, entering), length);
    if (!out_is_weight) numbers_set(lp->loss, col_of(lp, leaving), (twofold){0, 0});

    const twofold share = twofold_divide(numbers_get(lp->value, l), pivot);
    numbers_add_multiple(lp->reduced, twofold_negate(share), lp->leaving, lp->game->rows);
    if (out_is_weight) numbers_set(lp->reduced, leaving, share);

    exchange(lp, i, l, height, width);
    substitute(lp->value, l, row_of(lp, i), width);
    if (!in_is_weight) drop_row(lp, i, height--, width);
    if (out_is_weight) drop_column(lp, l, height, width--);
    FM_CHECK(height == width, "commitment: a dictionary of %zu by %zu", height, width);
    lp->n = height;
    lp->since_fresh++;
}

/* ---- the whole ---- */

void commitment_lp_make(commitment_lp *lp, const follower *game, bool twice, fm_arena *arena) {
    const size_t capacity = game->rows < game->cols ? game->rows : game->cols, room = capacity + 1;
    *lp = (commitment_lp){.game = game, .is_zero = twice ? 1e-25 : 1e-11, .capacity = capacity};
    lp->gain = numbers_make(game->rows, twice, arena);
    lp->basic = fm_arena_array(arena, size_t, room);
    lp->nonbasic = fm_arena_array(arena, size_t, room);
    lp->place = fm_arena_array(arena, size_t, game->rows + game->cols + 1);
    lp->entry = numbers_make(room * room, twice, arena);
    lp->spare = numbers_make(room * room, twice, arena);
    lp->value = numbers_make(room, twice, arena);
    lp->reduced = numbers_make(game->rows, twice, arena);
    lp->loss = numbers_make(game->cols, twice, arena);
    lp->edge = fm_arena_array(arena, double, game->rows + game->cols);
    lp->leaving = numbers_make(game->rows, twice, arena);
    lp->along = numbers_make(game->cols, twice, arena);
    lp->column = numbers_make(room, twice, arena);
    lp->terms = fm_arena_array(arena, double, room);
    lp->turn = fm_arena_array(arena, double, room + game->cols);
    lp->price = numbers_make(game->cols, twice, arena);
}

static void begin(commitment_lp *lp, size_t target, size_t n) {
    lp->target = target;
    lp->n = n;
    for (size_t label = 0; label <= sum_label(lp); label++) lp->place[label] = SIZE_MAX;
}

void commitment_lp_start(commitment_lp *lp, size_t target) {
    const follower *game = lp->game;
    size_t best = 0;
    for (size_t r = 1; r < game->rows; r++)
        if (twofold_compare(numbers_get(lp->gain, r), numbers_get(lp->gain, best)) > 0) best = r;
    begin(lp, target, 1);
    label_row(lp, 0, best);
    label_column(lp, 0, sum_label(lp));
    numbers_set(lp->entry, 0, ONE);
    lp->since_fresh = 0;
    compute_objective(lp);
    compute_losses(lp);
    for (size_t r = 0; r < game->rows; r++) lp->edge[r] = 1;
    for (size_t c = 0; c < game->cols; c++) {
        const double loss = lp->loss.hi[c];
        lp->edge[label_of_col(lp, c)] = 1 + loss * loss;
    }
}

/* Whether nothing that is zero would raise the objective, but for rounding. */
static bool is_dual_feasible(const commitment_lp *lp) {
    for (size_t l = 0; l < lp->n; l++) {
        if (l == sum_at(lp) || lp->value.hi[l] <= 0) continue;
        double size = 0;
        for (size_t i = 0; i < lp->n; i++)
            size += fabs(lp->gain.hi[lp->basic[i]] * row_of(lp, i).hi[l]);
        if (lp->value.hi[l] > lp->is_zero * size) return false;
    }
    for (size_t r = 0; r < lp->game->rows; r++) {
        if (lp->place[r] != SIZE_MAX || lp->reduced.hi[r] <= 0) continue;
        double size = fabs(lp->gain.hi[r]);
        for (size_t l = 0; l < lp->n; l++)
            size += fabs(lp->value.hi[l] * coefficient(lp, lp->nonbasic[l], r).hi);
        if (lp->reduced.hi[r] > lp->is_zero * size) return false;
    }
    return true;
}

bool commitment_lp_start_from(commitment_lp *lp, const commitment_lp *other) {
    begin(lp, other->target, other->n);
    for (size_t i = 0; i < lp->n; i++) {
        label_row(lp, i, other->basic[i]);
        label_column(lp, i, other->nonbasic[i]);
    }
    memcpy(lp->edge, other->edge, sum_label(lp) * sizeof *lp->edge);
    return refresh(lp) && is_dual_feasible(lp);
}

/* The dual solution at the end. Where no variable can enter for that of row `stuck`, it is one far out on the
 * ray along which the bound falls for ever: so far that the bound is below zero. */
static void compute_prices(commitment_lp *lp, size_t stuck) {
    const double value = commitment_lp_value(lp).hi;
    twofold along = {0, 0};
    numbers_clear(lp->price, lp->game->cols);
    if (stuck != SIZE_MAX && value > 0) along.hi = -2 * value / row_of(lp, stuck).hi[sum_at(lp)];
    for (size_t l = 0; l < lp->n; l++) {
        if (l == sum_at(lp)) continue;
        twofold price = twofold_negate(numbers_get(lp->value, l));
        if (along.hi > 0) {
            const twofold ray = twofold_multiply(along, numbers_get(row_of(lp, stuck), l));
            price = twofold_add(price, twofold_negate(ray));
        }
        if (price.hi > 0) numbers_set(lp->price, col_of(lp, lp->nonbasic[l]), price);
    }
    if (along.hi > 0 && !is_weight(lp, lp->basic[stuck]))
        numbers_set(lp->price, col_of(lp, lp->basic[stuck]), along);
}

/* An end is believed only of a fresh dictionary. */
commitment_result commitment_lp_solve(commitment_lp *lp, double cut) {
    const size_t patience = lp->game->rows + lp->game->cols, limit = 20 * patience + 1000;
    double lowest = INFINITY;
    size_t still = 0, stuck = SIZE_MAX;
    commitment_result result = COMMITMENT_STALLED;
    for (size_t steps = 0; steps < limit; steps++) {
        const double value = commitment_lp_value(lp).hi;
        if (value <= cut) { result = COMMITMENT_CUT; break; }
        still = value < lowest ? 0 : still + 1;
        lowest = fmin(lowest, value);
        if (lp->since_fresh >= FRESH_EVERY + lp->n / 4 && !refresh(lp)) break;

        const bool first = still > patience;
        const size_t leaving = leaving_variable(lp, first);
        size_t entering = SIZE_MAX, i = SIZE_MAX;
        if (leaving != SIZE_MAX) {
            i = leaving_row(lp, leaving);
            entering = entering_variable(lp, leaving, row_of(lp, i), first);
        }
        if (entering != SIZE_MAX) {
            step(lp, leaving, entering, row_of(lp, i));
        } else if (lp->since_fresh == 0) {
            stuck = i;
            result = leaving == SIZE_MAX ? COMMITMENT_OPTIMAL : COMMITMENT_INFEASIBLE;
            break;
        } else {
            if (i == lp->n) drop_row(lp, i, lp->n + 1, lp->n);
            if (!refresh(lp)) break;
        }
    }
    if (result == COMMITMENT_STALLED) numbers_clear(lp->price, lp->game->cols);
    else compute_prices(lp, stuck);
    return result;
}

twofold commitment_lp_value(const commitment_lp *lp) { return numbers_get(lp->value, sum_at(lp)); }

twofold commitment_lp_weight(const commitment_lp *lp, size_t r) {
    return lp->place[r] == SIZE_MAX ? (twofold){0, 0} : numbers_get(row_of(lp, lp->place[r]), sum_at(lp));
}
