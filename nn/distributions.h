/* distributions.h: actions drawn from network outputs. Rows are a batch, A the number of actions.
 *
 * Example (compiled by the tests):
 *
 *     real logits[3] = {0, 1, 2};
 *     uint8_t legal[3] = {1, 1, 0};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_EXPLORE, 0, 0);
 *     FM_CHECK(nn_categorical_sample(logits, legal, 3, &rng) != 2, "never an illegal action");
 *     FM_CHECK(nn_argmax(logits, legal, 3) == 1, "the best legal one");
 */
#ifndef NN_DISTRIBUTIONS_H
#define NN_DISTRIBUTIONS_H

#include "autograd/ad.h"
#include "base/random.h"

/* ---- Categorical over logits [B, A] ---- */

ad_var nn_categorical_log_prob(ad_var logits, ad_var action); /* action [B, 1] indices -> [B, 1] */
ad_var nn_categorical_entropy(ad_var logits);                 /* [B, 1], nats */
ad_var nn_categorical_kl(ad_var logits_p, ad_var logits_q);   /* KL(p || q), [B, 1] */

/* An index drawn from softmax(logits[0..n-1]) among the legal ones (mask NULL: all; at least one). One
 * uniform draw. Safe for any numbers: a NaN is never drawn beside numbers, infinite logits share evenly. */
int nn_categorical_sample(const real *logits, const uint8_t *mask, int n, fm_rng *rng);
/* The first index of the largest legal number; of NaN only when there is nothing else. */
int nn_argmax(const real *x, const uint8_t *mask, int n);

/* ---- Gaussian, independent in each of A numbers: mean [B, A]; log_std [B, A], or one row [1, A] ---- */

ad_var nn_gaussian_log_prob(ad_var mean, ad_var log_std, ad_var action); /* action [B, A] -> [B, 1] */
ad_var nn_gaussian_entropy(ad_var mean, ad_var log_std);                 /* [B, 1], nats */
/* KL(p || q), [B, 1]; also that of the two squashed, which a bijection leaves as it is. */
ad_var nn_gaussian_kl(ad_var mean_p, ad_var log_std_p, ad_var mean_q, ad_var log_std_q);
/* mean + std noise, [B, A]: a draw that mean and log_std have derivatives in; noise [B, A] are standard
 * normals, a leaf [Kingma & Welling 2014]. */
ad_var nn_gaussian_rsample(ad_var mean, ad_var log_std, ad_var noise);

/* The log-density of the action tanh(u) in (-1, 1)^A, u of that Gaussian: log N(u) - sum log(1 - tanh^2 u),
 * the latter as 2 (log 2 - u - softplus(-2 u)), exact also where tanh u rounds to 1 [Haarnoja 2018, Eq. 21;
 * Spinning Up]. u [B, A] -> [B, 1]. */
ad_var nn_squashed_log_prob(ad_var mean, ad_var log_std, ad_var u);
/* atanh: the u of an action whose u was not kept. Beyond +-(1 - 1e-6) the action is taken as that,
 * u = +-7.25, and has no derivative. */
ad_var nn_unsquash(ad_var action);

/* For acting, of one row: n numbers each of mean and log_std. */
void nn_gaussian_sample(const real *mean, const real *log_std, int n, fm_rng *rng, real *action);
double nn_gaussian_log_prob_of(const real *mean, const real *log_std, int n, const real *action);
double nn_squashed_log_prob_of(const real *mean, const real *log_std, int n, const real *u);

/* ---- Gumbel-Softmax [Jang 2017, Maddison 2017] ---- */

/* softmax((logits + noise) / temperature) -> [B, A]; noise [B, A] are Gumbel draws, a leaf. */
ad_var nn_gumbel_softmax(ad_var logits, ad_var noise, double temperature);
/* Straight-through: exactly the one-hot of the largest entry (the first of equals) as value, the soft
 * sample's derivative, of any order. */
ad_var nn_gumbel_straight_through(ad_var logits, ad_var noise, double temperature);
/* Fills noise[0..n-1] with Gumbel draws. */
void nn_gumbel_fill(real *noise, size_t n, fm_rng *rng);

#endif
