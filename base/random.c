/* random.c: xoshiro256++ [Blackman 2021], seeded by splitmix64 [Steele 2014]. */
#include "base/random.h"

#include <math.h>

#include "base/error.h"

static uint64_t splitmix(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Each word enters a state that the words before it have already scrambled: with the others fixed the map is
 * one to one in every word, and neighbouring seeds, environments or agents share nothing. */
fm_rng fm_rng_split(uint64_t seed, fm_rng_purpose purpose, uint64_t env, uint64_t agent) {
    const uint64_t words[3] = {(uint64_t)purpose, env, agent};
    uint64_t state = seed;
    for (int i = 0; i < 3; i++) state = splitmix(&state) ^ words[i];
    state = splitmix(&state);
    fm_rng rng;
    for (int i = 0; i < 4; i++) rng.s[i] = splitmix(&state);
    return rng;
}

static uint64_t rotate(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

uint64_t fm_rng_bits(fm_rng *rng) {
    uint64_t *s = rng->s;
    const uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double fm_rng_uniform(fm_rng *rng) { return (double)(fm_rng_bits(rng) >> 11) * 0x1p-53; }

#define TWO_PI 6.283185307179586476925

/* [Box 1958]. 1 - u lies in (0, 1], so the logarithm is finite. */
static double normal_radius(fm_rng *rng) { return sqrt(-2.0 * log(1.0 - fm_rng_uniform(rng))); }

double fm_rng_normal(fm_rng *rng) {
    double radius = normal_radius(rng);
    return radius * cos(TWO_PI * fm_rng_uniform(rng));
}

/* With 52 bits and a half, u stays strictly between 0 and 1 and is exact. */
double fm_rng_gumbel(fm_rng *rng) {
    double u = ((double)(fm_rng_bits(rng) >> 12) + 0.5) * 0x1p-52;
    return -log(-log(u));
}

/* Multiply and reject [Lemire 2019]: the division is reached with probability n / 2^32 only. */
static uint64_t below_32(fm_rng *rng, uint32_t n) {
    uint64_t product = (fm_rng_bits(rng) >> 32) * n;
    if ((uint32_t)product < n) {
        uint32_t unfair = (0u - n) % n;
        while ((uint32_t)product < unfair) product = (fm_rng_bits(rng) >> 32) * n;
    }
    return product >> 32;
}

uint64_t fm_rng_below(fm_rng *rng, uint64_t n) {
    FM_CHECK(n > 0, "random: a whole number below 0");
    if (n <= UINT32_MAX) return below_32(rng, (uint32_t)n);
    uint64_t unfair = (0 - n) % n, bits;
    do bits = fm_rng_bits(rng);
    while (bits < unfair);
    return bits % n;
}

#ifdef FM_DOUBLE
#define next_real nextafter
#else
#define next_real nextafterf
#endif

void fm_rng_fill_uniform(fm_rng *rng, real *x, size_t n, double low, double high) {
    FM_CHECK(low <= high, "random: uniforms from %g to %g", low, high);
    for (size_t i = 0; i < n; i++) {
        x[i] = (real)(low + (high - low) * fm_rng_uniform(rng));
        /* Rounding can reach the open end. */
        if ((double)x[i] >= high && low < high) x[i] = next_real((real)high, (real)low);
    }
}

void fm_rng_fill_normal(fm_rng *rng, real *x, size_t n) {
    for (size_t i = 0; i < n; i += 2) {
        double radius = normal_radius(rng), angle = TWO_PI * fm_rng_uniform(rng);
        x[i] = (real)(radius * cos(angle));
        if (i + 1 < n) x[i + 1] = (real)(radius * sin(angle));
    }
}
