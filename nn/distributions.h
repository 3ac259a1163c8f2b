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

/* ---- Gumbel-Softmax [Jang 2017, Maddison 2017] ---- */

/* softmax((logits + noise) / temperature) -> [B, A]; noise [B, A] are Gumbel draws, a leaf. */
ad_var nn_gumbel_softmax(ad_var logits, ad_var noise, double temperature);
/* Straight-through: exactly the one-hot of the largest entry (the first of equals) as value, the soft
 * sample's derivative, of any order. */
ad_var nn_gumbel_straight_through(ad_var logits, ad_var noise, double temperature);
/* Fills noise[0..n-1] with Gumbel draws. */
void nn_gumbel_fill(real *noise, size_t n, fm_rng *rng);

#endif
