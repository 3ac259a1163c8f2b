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

/* ---- Gaussian ---- */

#define LOG_SQRT_2PI 0.91893853320467274178
#define LOG_2 0.69314718055994530942

ad_var nn_gaussian_log_prob(ad_var mean, ad_var log_std, ad_var action) {
    ad_var z = ad_mul(ad_sub(action, mean), ad_exp(ad_neg(log_std)));
    ad_var terms = ad_shift(ad_add(ad_scale(ad_square(z), 0.5), log_std), LOG_SQRT_2PI);
    return ad_neg(ad_sum_cols(terms));
}

/* log_std of every row, also where all rows share it. */
static ad_var spread(ad_var log_std, ad_var mean) {
    return ad_broadcast(log_std, ad_rows(mean), ad_cols(mean));
}

ad_var nn_gaussian_entropy(ad_var mean, ad_var log_std) {
    return ad_sum_cols(ad_shift(spread(log_std, mean), LOG_SQRT_2PI + 0.5));
}

ad_var nn_gaussian_kl(ad_var mean_p, ad_var log_std_p, ad_var mean_q, ad_var log_std_q) {
    ad_var wider = ad_sub(spread(log_std_p, mean_p), log_std_q);
    ad_var apart = ad_mul(ad_sub(mean_p, mean_q), ad_exp(ad_neg(log_std_q)));
    ad_var squares = ad_add(ad_exp(ad_scale(wider, 2)), ad_square(apart));
    return ad_sum_cols(ad_sub(ad_scale(ad_shift(squares, -1), 0.5), wider));
}

ad_var nn_gaussian_rsample(ad_var mean, ad_var log_std, ad_var noise) {
    return ad_add(mean, ad_mul(noise, ad_exp(log_std)));
}

ad_var nn_squashed_log_prob(ad_var mean, ad_var log_std, ad_var u) {
    ad_var half_log_slope = ad_sub(ad_shift(ad_neg(u), LOG_2), ad_softplus(ad_scale(u, -2)));
    return ad_sub(nn_gaussian_log_prob(mean, log_std, u), ad_sum_cols(ad_scale(half_log_slope, 2)));
}

ad_var nn_unsquash(ad_var action) {
    ad_var a = ad_clip(action, -(1 - 1e-6), 1 - 1e-6);
    return ad_scale(ad_sub(ad_log(ad_shift(a, 1)), ad_log(ad_shift(ad_neg(a), 1))), 0.5);
}

void nn_gaussian_sample(const real *mean, const real *log_std, int n, fm_rng *rng, real *action) {
    for (int i = 0; i < n; i++)
        action[i] = (real)((double)mean[i] + exp((double)log_std[i]) * fm_rng_normal(rng));
}

double nn_gaussian_log_prob_of(const real *mean, const real *log_std, int n, const real *action) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double z = ((double)action[i] - (double)mean[i]) * exp(-(double)log_std[i]);
        sum -= 0.5 * z * z + (double)log_std[i] + LOG_SQRT_2PI;
    }
    return sum;
}

double nn_squashed_log_prob_of(const real *mean, const real *log_std, int n, const real *u) {
    double sum = nn_gaussian_log_prob_of(mean, log_std, n, u);
    for (int i = 0; i < n; i++) {
        double x = -2 * (double)u[i];
        sum -= 2 * (LOG_2 + 0.5 * x - (x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))));
    }
    return sum;
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
