/* distributions.h: actions drawn from network outputs. Rows are a batch, A the number of actions. What a loss
 * needs is on the tape, and differentiable to any order; what acting needs is beside it, for one row.
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

/* ---- Categorical over logits [B, A] ----
 *
 * mask [B, A] has ones for legal actions and zeros for illegal ones, or is AD_NONE: all are legal. An illegal
 * action has probability 0 exactly, and its logit, which may be anything, contributes nothing to a value or a
 * derivative. A row without a legal action (of an agent that is not active) has entropy and divergence 0. A
 * legal logit of -infinity is a probability of 0 too; 0 log 0 is 0. */

ad_var nn_categorical_probs(ad_var logits, ad_var mask); /* [B, A]; zeros where nothing is legal */
/* action [B, 1], whole numbers -> [B, 1]. Of an illegal action it is NN_LOG_NEVER, without derivative. */
ad_var nn_categorical_log_prob(ad_var logits, ad_var mask, ad_var action);
ad_var nn_categorical_entropy(ad_var logits, ad_var mask); /* [B, 1], nats */
/* KL(p || q), [B, 1]; infinite where q excludes what p does not. */
ad_var nn_categorical_kl(ad_var logits_p, ad_var logits_q, ad_var mask);

/* In place of log 0 for illegal actions: exp of it is 0, and times a row's weight of 0 it is no NaN. */
#define NN_LOG_NEVER (-1e9)

/* An index drawn from softmax(logits[0..n-1]) among the legal ones (mask NULL: all; at least one). One
 * uniform draw. Safe for any numbers: a NaN is never drawn beside numbers, infinite logits share evenly. */
int nn_categorical_sample(const real *logits, const uint8_t *mask, int n, fm_rng *rng);
/* The logarithm of the probability with which nn_categorical_sample draws it, or NN_LOG_NEVER. */
double nn_categorical_log_prob_of(const real *logits, const uint8_t *mask, int n, int action);
/* The first index of the largest legal number; of NaN only when there is nothing else. */
int nn_argmax(const real *x, const uint8_t *mask, int n);

/* ---- One action of each of n independent heads: a multi-discrete space ----
 *
 * A row of logits, and of the mask, holds the heads side by side, heads[i] actions each. Actions are [B, n],
 * results [B, 1], sums over the heads. */

ad_var nn_multi_categorical_log_prob(ad_var logits, ad_var mask, const int *heads, int n, ad_var action);
ad_var nn_multi_categorical_entropy(ad_var logits, ad_var mask, const int *heads, int n);
ad_var nn_multi_categorical_kl(ad_var logits_p, ad_var logits_q, ad_var mask, const int *heads, int n);

/* Of one row: draws, logarithms and best entries of each head by itself; n actions, as whole numbers. */
void nn_multi_categorical_sample(const real *logits, const uint8_t *mask, const int *heads, int n,
                                 fm_rng *rng, real *action);
double nn_multi_categorical_log_prob_of(const real *logits, const uint8_t *mask, const int *heads, int n,
                                        const real *action);
void nn_multi_argmax(const real *x, const uint8_t *mask, const int *heads, int n, real *action);

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
/* The same of u = nn_gaussian_rsample(mean, log_std, noise), from the noise: exact also for deviations that
 * vanish beside the mean. */
ad_var nn_squashed_log_prob_drawn(ad_var log_std, ad_var noise, ad_var u);
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
