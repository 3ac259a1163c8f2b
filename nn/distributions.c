/* distributions.c: densities on the tape, draws beside it. */
#include "nn/distributions.h"

#include <math.h>

/* ---- Categorical ---- */

ad_var nn_categorical_log_prob(ad_var logits, ad_var action) {
    return ad_gather(ad_log_softmax(logits), action);
}

ad_var nn_categorical_entropy(ad_var logits) {
    ad_var log_p = ad_log_softmax(logits);
    return ad_neg(ad_sum_cols(ad_mul(ad_exp(log_p), log_p)));
}

ad_var nn_categorical_kl(ad_var logits_p, ad_var logits_q) {
    ad_var log_p = ad_log_softmax(logits_p), log_q = ad_log_softmax(logits_q);
    return ad_sum_cols(ad_mul(ad_exp(log_p), ad_sub(log_p, log_q)));
}

static bool is_legal(const uint8_t *mask, int i) { return !mask || mask[i]; }

/* NaN loses against everything, so that one broken output cannot choose. */
int nn_argmax(const real *x, const uint8_t *mask, int n) {
    int best = -1;
    for (int i = 0; i < n; i++) {
        if (!is_legal(mask, i)) continue;
        if (best < 0 || x[i] > x[best] || (isnan(x[best]) && !isnan(x[i]))) best = i;
    }
    FM_CHECK(best >= 0, "argmax: none of %d entries is legal", n);
    return best;
}

/* exp(x - largest); entries equal to an infinite largest have weight 1, NaN has none. */
static double weight(real x, real largest) {
    if (isnan(x)) return isnan(largest) ? 1 : 0;
    return x == largest ? 1 : exp((double)x - (double)largest);
}

/* The inverse of the cumulated weights. Entries of weight zero are never drawn: neither by a uniform of zero,
 * nor at the end, where rounding might leave the sum short of the draw. */
int nn_categorical_sample(const real *logits, const uint8_t *mask, int n, fm_rng *rng) {
    const real largest = logits[nn_argmax(logits, mask, n)];
    double total = 0, sum = 0;
    for (int i = 0; i < n; i++)
        if (is_legal(mask, i)) total += weight(logits[i], largest);
    const double at = fm_rng_uniform(rng) * total;
    int last = -1;
    for (int i = 0; i < n; i++) {
        double w = is_legal(mask, i) ? weight(logits[i], largest) : 0;
        if (w <= 0) continue;
        last = i;
        sum += w;
        if (at < sum) break;
    }
    return last;
}

/* ---- Gumbel-Softmax ---- */

static ad_var soften(ad_var perturbed, double temperature) {
    FM_CHECK(temperature > 0, "gumbel-softmax: temperature %g", temperature);
    return ad_softmax(ad_scale(perturbed, 1 / temperature));
}

ad_var nn_gumbel_softmax(ad_var logits, ad_var noise, double temperature) {
    return soften(ad_add(logits, noise), temperature);
}

/* Largest entry of each row, [B, 1], in log2 A steps: the maximum of the two halves, which may overlap. */
static ad_var row_max(ad_var x) {
    for (size_t n = ad_cols(x); n > 1; n = ad_cols(x)) {
        size_t half = (n + 1) / 2;
        x = ad_max(ad_slice_cols(x, 0, half), ad_slice_cols(x, n - half, half));
    }
    return x;
}

/* Sums over columns 0..j, in log2 A steps [Hillis & Steele 1986]. */
static ad_var prefix_sums(ad_var x) {
    size_t rows = ad_rows(x), cols = ad_cols(x);
    for (size_t shift = 1; shift < cols; shift *= 2)
        x = ad_add(x, ad_concat_cols(ad_zeros(x.tape, rows, shift), ad_slice_cols(x, 0, cols - shift)));
    return x;
}

/* 1 at the first of each row's largest entries, 0 elsewhere; no derivative. */
static ad_var one_hot_max(ad_var x) {
    ad_var fixed = ad_stop_gradient(x);
    ad_var below = ad_greater(ad_neg(fixed), ad_neg(row_max(fixed)));
    ad_var largest = ad_shift(ad_neg(below), 1);
    ad_var count = prefix_sums(largest);
    ad_var first = ad_greater(ad_neg(count), ad_fill(x.tape, 1, 1, -1.5));
    return ad_stop_gradient(ad_mul(largest, first));
}

/* one_hot + (soft - stop(soft)): the bracket is exactly zero, its derivative that of the soft sample. */
ad_var nn_gumbel_straight_through(ad_var logits, ad_var noise, double temperature) {
    ad_var perturbed = ad_add(logits, noise);
    ad_var soft = soften(perturbed, temperature);
    return ad_add(one_hot_max(perturbed), ad_sub(soft, ad_stop_gradient(soft)));
}

void nn_gumbel_fill(real *noise, size_t n, fm_rng *rng) {
    for (size_t i = 0; i < n; i++) noise[i] = (real)fm_rng_gumbel(rng);
}
