/* Rooms: memory that values of plans have in turn. */
#include <math.h>

#include "autograd/plan/build.h"
#include "base/random.h"
#include "tests/test.h"

enum { ROWS = 100, COLS = 64, DEPTH = 6 };

TEST(room_given_back_is_taken_again) {
    ad_tape *t = ad_tape_new();
    real *small = ad_room_take(t, 10), *large = ad_room_take(t, 1000), *other = ad_room_take(t, 1000);
    EXPECT(small != large && large != other);
    ad_room_give(t, small);
    ad_room_give(t, other);
    ad_room_give(t, large);
    EXPECT(ad_room_take(t, 900) == large); /* the last one given back */
    EXPECT(ad_room_take(t, 600) == other);
    EXPECT(ad_room_take(t, 100) != small); /* too small */
    ad_room_give(t, large);
    EXPECT(ad_room_take(t, 400) != large); /* too large */
    EXPECT(ad_room_take(t, 10) == small);
    ad_tape_free(t);
}

/* d/dw of sum((..((x w)^2 w)^2 ..)^2 scale): every product is needed again by the gradient. */
static ad_var slope(ad_tape *t, const real *x, const real *w, double scale) {
    ad_var weight = ad_leaf(t, COLS, COLS, w, "w"), y = ad_leaf(t, ROWS, COLS, x, "x"), g;
    for (int i = 0; i < DEPTH; i++) y = ad_square(ad_matmul(y, weight));
    ad_grad(ad_sum(ad_scale(y, scale)), &weight, 1, &g);
    return g;
}

static void draw(real *x, real *w, uint64_t round) {
    fm_rng rng = fm_rng_split(round, FM_RNG_TEST, 0, 0);
    for (size_t i = 0; i < ROWS * COLS; i++) x[i] = (real)fm_rng_uniform(&rng);
    for (size_t i = 0; i < COLS * COLS; i++) w[i] = (real)(0.03 * fm_rng_uniform(&rng));
}

/* The largest difference, as a share of the largest number. */
static double distance(const real *a, const real *b) {
    double largest = 0, difference = 0;
    for (size_t i = 0; i < COLS * COLS; i++) {
        largest = fmax(largest, fabs((double)b[i]));
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
    }
    return difference / largest;
}

/* What one plan leaves in a room does not matter to another, nor to itself. */
TEST(room_second_plan_needs_no_more) {
    static real x[ROWS * COLS], w[COLS * COLS], out[2][COLS * COLS];
    ad_plan *plan[2];
    size_t growth[2];
    draw(x, w, 1);
    ad_tape *t = ad_tape_new();
    for (int k = 0; k < 2; k++) {
        ad_output wanted = {slope(t, x, w, 1 + k), out[k]};
        size_t used = t->arena.used;
        plan[k] = ad_plan_make(NULL, 0, &wanted, 1);
        growth[k] = t->arena.used - used;
    }
    EXPECT_MSG(growth[0] > DEPTH * ROWS * COLS * sizeof(real), "%zu", growth[0]);
    EXPECT_MSG(growth[1] < ROWS * COLS * sizeof(real), "%zu", growth[1]);
    for (uint64_t round = 2; round < 5; round++) {
        draw(x, w, round);
        ad_replay(plan[round % 2]);
        ad_replay(plan[1 - round % 2]);
        for (int k = 0; k < 2; k++) {
            ad_tape *fresh = ad_tape_new();
            EXPECT(distance(out[k], ad_value(slope(fresh, x, w, 1 + k))) < 1e-4);
            ad_tape_free(fresh);
        }
    }
    ad_tape_free(t);
}

TEST_MAIN(CASE(room_given_back_is_taken_again), CASE(room_second_plan_needs_no_more))
