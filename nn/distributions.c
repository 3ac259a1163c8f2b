/* distributions.c: densities on the tape, draws beside it. */
#include "nn/distributions.h"

#include <float.h>
#include <math.h>

/* ---- Categorical ---- */

/* What an illegal logit is replaced by: finite, so that also a row of nothing else has numbers. */
#define LOWEST (sizeof(real) == sizeof(double) ? -DBL_MAX : -(double)FLT_MAX)

static ad_var constant(ad_var like, double value) { return ad_fill(like.tape, 1, 1, value); }

static ad_var legal_logits(ad_var logits, ad_var mask) {
    return ad_is_none(mask) ? logits : ad_where(mask, logits, constant(logits, LOWEST));
}

/* x of the legal actions, 0 of the others. */
static ad_var of_legal(ad_var x, ad_var mask) {
    return ad_is_none(mask) ? x : ad_where(mask, x, constant(x, 0));
}

ad_var nn_categorical_probs(ad_var logits, ad_var mask) {
    return of_legal(ad_softmax(legal_logits(logits, mask)), mask);
}

ad_var nn_categorical_log_prob(ad_var logits, ad_var mask, ad_var action) {
    ad_var log_prob = ad_gather(ad_log_softmax(legal_logits(logits, mask)), action);
    if (ad_is_none(mask)) return log_prob;
    return ad_where(ad_gather(mask, action), log_prob, constant(logits, NN_LOG_NEVER));
}

/* A logarithm that stands behind the factor p: 0 where p is 0. */
static ad_var log_beside(ad_var p, ad_var log_x) {
    return ad_where(ad_greater(p, constant(p, 0)), log_x, constant(p, 0));
}

ad_var nn_categorical_entropy(ad_var logits, ad_var mask) {
    ad_var log_p = ad_log_softmax(legal_logits(logits, mask)), p = of_legal(ad_exp(log_p), mask);
    return ad_neg(ad_sum_cols(ad_mul(p, log_beside(p, log_p))));
}

ad_var nn_categorical_kl(ad_var logits_p, ad_var logits_q, ad_var mask) {
    ad_var log_p = ad_log_softmax(legal_logits(logits_p, mask)), p = of_legal(ad_exp(log_p), mask);
    ad_var log_q = ad_log_softmax(legal_logits(logits_q, mask));
    return ad_sum_cols(ad_mul(p, ad_sub(log_beside(p, log_p), log_beside(p, log_q))));
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

static double total_weight(const real *logits, const uint8_t *mask, int n, real largest) {
    double total = 0;
    for (int i = 0; i < n; i++)
        if (is_legal(mask, i)) total += weight(logits[i], largest);
    return total;
}

/* The inverse of the cumulated weights. Entries of weight zero are never drawn: neither by a uniform of zero,
 * nor at the end, where rounding might leave the sum short of the draw. */
int nn_categorical_sample(const real *logits, const uint8_t *mask, int n, fm_rng *rng) {
    const real largest = logits[nn_argmax(logits, mask, n)];
    const double at = fm_rng_uniform(rng) * total_weight(logits, mask, n, largest);
    double sum = 0;
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

double nn_categorical_log_prob_of(const real *logits, const uint8_t *mask, int n, int action) {
    FM_CHECK(action >= 0 && action < n, "categorical: action %d of %d", action, n);
    if (!is_legal(mask, action)) return NN_LOG_NEVER;
    const real largest = logits[nn_argmax(logits, mask, n)], own = logits[action];
    double above = (double)own - (double)largest;
    if (own == largest || isnan(largest)) above = 0;
    else if (isnan(own)) above = -INFINITY;
    return above - log(total_weight(logits, mask, n, largest));
}

/* ---- Heads ---- */

/* The columns of one head, also of no mask. */
static ad_var columns(ad_var x, int from, int n) {
    return ad_is_none(x) ? x : ad_slice_cols(x, (size_t)from, (size_t)n);
}

/* The sum over the heads: of log-probabilities when there are actions, of divergences when there is a q, else
 * of entropies. */
static ad_var over_heads(ad_var p, ad_var q, ad_var mask, ad_var action, const int *heads, int n) {
    ad_var sum = AD_NONE;
    int at = 0;
    for (int i = 0; i < n; at += heads[i++]) {
        ad_var own = columns(p, at, heads[i]), other = columns(q, at, heads[i]);
        ad_var legal = columns(mask, at, heads[i]);
        ad_var part = !ad_is_none(action) ? nn_categorical_log_prob(own, legal, columns(action, i, 1))
                      : !ad_is_none(q)    ? nn_categorical_kl(own, other, legal)
                                          : nn_categorical_entropy(own, legal);
        sum = i == 0 ? part : ad_add(sum, part);
    }
    FM_CHECK((size_t)at == ad_cols(p), "multi-categorical: %zu logits for %d heads of %d actions together",
             ad_cols(p), n, at);
    return sum;
}

ad_var nn_multi_categorical_log_prob(ad_var logits, ad_var mask, const int *heads, int n, ad_var action) {
    FM_CHECK(ad_cols(action) == (size_t)n, "multi-categorical: %zu actions of %d heads", ad_cols(action), n);
    return over_heads(logits, AD_NONE, mask, action, heads, n);
}

ad_var nn_multi_categorical_entropy(ad_var logits, ad_var mask, const int *heads, int n) {
    return over_heads(logits, AD_NONE, mask, AD_NONE, heads, n);
}

ad_var nn_multi_categorical_kl(ad_var logits_p, ad_var logits_q, ad_var mask, const int *heads, int n) {
    return over_heads(logits_p, logits_q, mask, AD_NONE, heads, n);
}

static const uint8_t *mask_at(const uint8_t *mask, int at) { return mask ? mask + at : NULL; }

void nn_multi_categorical_sample(const real *logits, const uint8_t *mask, const int *heads, int n,
                                 fm_rng *rng, real *action) {
    for (int i = 0, at = 0; i < n; at += heads[i++])
        action[i] = (real)nn_categorical_sample(logits + at, mask_at(mask, at), heads[i], rng);
}

double nn_multi_categorical_log_prob_of(const real *logits, const uint8_t *mask, const int *heads, int n,
                                        const real *action) {
    double sum = 0;
    for (int i = 0, at = 0; i < n; at += heads[i++])
        sum += nn_categorical_log_prob_of(logits + at, mask_at(mask, at), heads[i], (int)action[i]);
    return sum;
}

void nn_multi_argmax(const real *x, const uint8_t *mask, const int *heads, int n, real *action) {
    for (int i = 0, at = 0; i < n; at += heads[i++])
        action[i] = (real)nn_argmax(x + at, mask_at(mask, at), heads[i]);
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

/* log(1 - tanh^2 u) / 2 */
static ad_var half_log_slope(ad_var u) {
    return ad_sub(ad_shift(ad_neg(u), LOG_2), ad_softplus(ad_scale(u, -2)));
}

ad_var nn_squashed_log_prob(ad_var mean, ad_var log_std, ad_var u) {
    return ad_sub(nn_gaussian_log_prob(mean, log_std, u), ad_sum_cols(ad_scale(half_log_slope(u), 2)));
}

ad_var nn_squashed_log_prob_drawn(ad_var log_std, ad_var noise, ad_var u) {
    ad_var gaussian = ad_shift(ad_add(ad_scale(ad_square(noise), 0.5), log_std), LOG_SQRT_2PI);
    return ad_neg(ad_sum_cols(ad_add(gaussian, ad_scale(half_log_slope(u), 2))));
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

/* one_hot + (soft - stop(soft)): the bracket is exactly zero, its derivative that of the soft sample. */
ad_var nn_gumbel_straight_through(ad_var logits, ad_var noise, double temperature) {
    ad_var perturbed = ad_add(logits, noise);
    ad_var soft = soften(perturbed, temperature), ones = ad_fill(logits.tape, ad_rows(logits), 1, 1);
    ad_var one_hot = ad_scatter(ones, ad_row_argmax(perturbed), ad_cols(logits));
    return ad_add(one_hot, ad_sub(soft, ad_stop_gradient(soft)));
}

void nn_gumbel_fill(real *noise, size_t n, fm_rng *rng) {
    for (size_t i = 0; i < n; i++) noise[i] = (real)fm_rng_gumbel(rng);
}
