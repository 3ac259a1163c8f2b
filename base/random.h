/* random.h: explicit random streams.
 *
 * There is no global generator, no rand() and no time(). A stream is a struct of 32 bytes that its owner
 * keeps, and that a checkpoint saves. Streams for different uses are split from (seed, purpose, env, agent),
 * so that adding a draw in one place changes nothing elsewhere, and so that results do not depend on the
 * number of threads or jobs. The generator is xoshiro256++ [Blackman 2021], seeded by splitmix64.
 *
 * Example (compiled by the tests):
 *
 *     uint64_t seed = 0, actions = 4, action = 0;
 *     fm_rng rng = fm_rng_split(seed, FM_RNG_EXPLORE, 0, 1);
 *     if (fm_rng_uniform(&rng) < 0.1) action = fm_rng_below(&rng, actions);
 *     if (action >= actions) return 1;
 */
#ifndef FM_RANDOM_H
#define FM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

typedef struct fm_rng {
    uint64_t s[4];
} fm_rng;

/* What a stream is for. New purposes are appended, so that old runs stay reproducible. */
typedef enum fm_rng_purpose {
    FM_RNG_INIT,    /* initial parameters */
    FM_RNG_ENV,     /* an environment's own chance */
    FM_RNG_EXPLORE, /* the noise in the actions */
    FM_RNG_SAMPLE,  /* minibatches from the replay */
    FM_RNG_UPDATE,  /* noise inside an update (Gumbel, target smoothing) */
    FM_RNG_EVAL,    /* evaluation episodes */
    FM_RNG_TEST,    /* tests and generated games */
    FM_RNG_LEARNER  /* the seeds of learners beside the main one */
} fm_rng_purpose;

fm_rng fm_rng_split(uint64_t seed, fm_rng_purpose purpose, uint64_t env, uint64_t agent);

uint64_t fm_rng_bits(fm_rng *rng);  /* 64 uniform bits */
double fm_rng_uniform(fm_rng *rng); /* [0, 1), 53 bits */
double fm_rng_normal(fm_rng *rng);  /* mean 0, variance 1; draws two uniforms every time, keeps nothing */
double fm_rng_gumbel(fm_rng *rng);  /* standard Gumbel, -log(-log u), always finite */
uint64_t fm_rng_below(fm_rng *rng, uint64_t n); /* uniform on 0..n-1 without bias; n > 0 */

/* Fills x[0..n-1] with uniforms on [low, high). */
void fm_rng_fill_uniform(fm_rng *rng, real *x, size_t n, double low, double high);
/* Fills x[0..n-1] with independent standard normals. */
void fm_rng_fill_normal(fm_rng *rng, real *x, size_t n);

#endif
