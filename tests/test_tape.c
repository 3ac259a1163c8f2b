/* The tape: marks, equal nodes, broadcasting, simplifications, the errors of shapes. */
#include "autograd/ad.h"

#include <stdlib.h>

#include "autograd/plan.h"
#include "autograd/tape.h"
#include "tests/aborts.h"
#include "tests/test.h"

static real DATA[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static ad_var leaf(ad_tape *t, size_t rows, size_t cols) { return ad_leaf(t, rows, cols, DATA, "data"); }
static bool same(ad_var a, ad_var b) { return a.id == b.id; }

/* ---- life ---- */

TEST(tape_describes_its_nodes) {
    ad_tape *t = ad_tape_new();
    ad_var a = leaf(t, 2, 3), b = ad_matmul_t(a, false, a, true);
    EXPECT_EQ(ad_rows(a), 2);
    EXPECT_EQ(ad_cols(a), 3);
    EXPECT_EQ(ad_rows(b), 2);
    EXPECT_EQ(ad_cols(b), 2);
    EXPECT_EQ(ad_count(t), 2);
    EXPECT_TEXT(ad_op_name(a), "leaf");
    EXPECT_TEXT(ad_op_name(b), "matmul");
    EXPECT(ad_value(a) == DATA);
    EXPECT_NEAR(ad_value(b)[1], 32, 0);
    EXPECT_NEAR(ad_scalar(ad_sum(a)), 21, 0);
    EXPECT(ad_is_none(AD_NONE) && !ad_is_none(a));
    ad_tape_free(t);
    ad_tape_free(NULL);
}

TEST(tape_equal_nodes_are_one) {
    ad_tape *t = ad_tape_new();
    ad_var a = leaf(t, 2, 3), again = leaf(t, 2, 3), b = ad_exp(a);
    EXPECT(!same(a, again)); /* leaves are what the caller says, also over the same memory */
    EXPECT(same(b, ad_exp(a)));
    EXPECT(!same(b, ad_exp(again)));
    EXPECT(same(ad_fill(t, 2, 2, 3), ad_fill(t, 2, 2, 3)));
    EXPECT(!same(ad_fill(t, 2, 2, 3), ad_fill(t, 2, 2, 4)));
    EXPECT(!same(ad_fill(t, 2, 2, 3), ad_fill(t, 4, 1, 3)));
    EXPECT(!same(ad_scale(a, 2), ad_scale(a, 3)));
    EXPECT(!same(ad_clip(a, 2, 3), ad_clip(a, 2, 4)));
    EXPECT(!same(ad_slice_cols(a, 0, 1), ad_slice_cols(a, 1, 1)));
    EXPECT(!same(ad_sub(a, again), ad_sub(again, a)));
    ad_var s = leaf(t, 3, 3);
    EXPECT(!same(ad_matmul_t(s, true, s, false), ad_matmul_t(s, false, s, true)));
    EXPECT(!same(ad_matmul_t(s, true, s, false), ad_matmul_t(s, false, s, false)));
    EXPECT(!same(ad_matmul_t(s, true, s, true), ad_matmul_t(s, false, s, true)));
    ad_var bias = leaf(t, 1, 3);
    EXPECT(!same(ad_affine(s, s, bias, AD_TANH), ad_affine(s, s, bias, AD_RELU)));
    ad_tape_free(t);
}

/* What was forgotten is computed anew, with the numbers of now; what was kept is still found. */
TEST(tape_reset_forgets_later_nodes) {
    real x = 2;
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 1, 1, &x, "x"), kept = ad_square(a);
    ad_mark mark = ad_mark_now(t);
    size_t used = t->arena.used;
    for (int round = 0; round < 100; round++) {
        x = (real)(3 + round);
        ad_var late = round % 4 < 2 ? ad_exp(kept) : ad_leaf(t, 1, 1, &x, "x again");
        ad_var shifted = ad_shift(late, round);
        EXPECT(same(kept, ad_square(a)));
        EXPECT_EQ(late.id, 2);
        EXPECT_NEAR(ad_scalar(shifted), round + (round % 4 < 2 ? exp(4.0) : 3 + round), 1e-4);
        EXPECT_EQ(ad_count(t), 4);
        ad_reset(t, mark);
        EXPECT_EQ(ad_count(t), 2);
        EXPECT_EQ(t->arena.used, used);
    }
    ad_tape_free(t);
}

/* A training step records, resets and records again: soon nothing more is taken from the system. */
TEST(tape_recording_again_takes_no_new_memory) {
    ad_tape *t = ad_tape_new();
    ad_var a = leaf(t, 8, 8);
    ad_mark mark = ad_mark_now(t);
    size_t calls = 0, slots = 0;
    for (int round = 0; round < 50; round++) {
        if (round == 2) {
            calls = fm_arena_system_calls();
            slots = t->seen_size;
        }
        ad_var b = a;
        for (int i = 0; i < 300; i++) b = ad_shift(b, i + round);
        ad_reset(t, mark);
    }
    EXPECT_EQ(fm_arena_system_calls(), calls);
    EXPECT_EQ(t->seen_size, slots);
    ad_tape_free(t);
}

/* Every size that the look-up table can be asked to have, with most of its slots in use. */
TEST(tape_finds_equal_nodes_among_many) {
    ad_tape *t = ad_tape_new();
    enum { MANY = 20000 };
    ad_var *nodes = malloc(MANY * sizeof *nodes), x = leaf(t, 1, 1);
    for (int i = 0; i < MANY; i++) nodes[i] = ad_shift(x, i + 1);
    EXPECT_EQ(ad_count(t), MANY + 1);
    for (int i = 0; i < MANY; i++) EXPECT(same(nodes[i], ad_shift(x, i + 1)));
    EXPECT_EQ(ad_count(t), MANY + 1);
    EXPECT_EQ(t->seen_size & (t->seen_size - 1), 0);
    free(nodes);
    ad_tape_free(t);
    for (int before = 0; before < 1500; before += 50) { /* tables that are made anew while a prefix is kept */
        t = ad_tape_new();
        x = leaf(t, 1, 1);
        for (int i = 0; i < before; i++) leaf(t, 1, 1);
        for (int i = 0; i < 2500; i++) x = ad_shift(x, i + 1);
        EXPECT_EQ(ad_count(t), (uint32_t)before + 2501);
        ad_tape_free(t);
    }
}

/* ---- broadcasting ---- */

TEST(tape_binary_builders_broadcast_the_second) {
    ad_tape *t = ad_tape_new();
    ad_var a = leaf(t, 3, 2), row = leaf(t, 1, 2), column = leaf(t, 3, 1), scalar = leaf(t, 1, 1);
    ad_var seconds[3] = {row, column, scalar};
    for (int k = 0; k < 3; k++) {
        const ad_var y[7] = {ad_add(a, seconds[k]), ad_sub(a, seconds[k]), ad_mul(a, seconds[k]),
                             ad_div(a, seconds[k]), ad_min(a, seconds[k]), ad_max(a, seconds[k]),
                             ad_greater(a, seconds[k])};
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 2; c++) {
                double x = (double)DATA[2 * r + c], b = (double)DATA[k == 0 ? c : k == 1 ? r : 0];
                const double wanted[7] = {x + b, x - b, x * b, x / b, fmin(x, b), fmax(x, b), x > b};
                for (int i = 0; i < 7; i++) EXPECT_NEAR(ad_value(y[i])[2 * r + c], wanted[i], 1e-6);
            }
    }
    ad_tape_free(t);
}

/* n parts of different sizes, in order, and the gradient that each gets back. */
static void check_concat(size_t n, bool rows) {
    ad_tape *t = ad_tape_new();
    ad_var part[7], g[7];
    size_t size = 0;
    for (size_t k = 0; k < n; size += ++k)
        part[k] = ad_leaf(t, rows ? k + 1 : 1, rows ? 1 : k + 1, DATA + size, "part");
    ad_var all = rows ? ad_concat_rows_n(part, n) : ad_concat_cols_n(part, n);
    EXPECT_EQ(ad_rows(all), rows ? size : 1);
    EXPECT_EQ(ad_cols(all), rows ? 1 : size);
    EXPECT(memcmp(ad_value(all), DATA, size * sizeof(real)) == 0);
    ad_grad(ad_sum(ad_square(all)), part, n, g);
    for (size_t k = 0, at = 0; k < n; at += ++k)
        for (size_t i = 0; i <= k; i++) EXPECT(ad_value(g[k])[i] == 2 * DATA[at + i]);
    ad_tape_free(t);
}

TEST(tape_concatenates_any_number) {
    for (size_t n = 1; n <= 7; n++) {
        check_concat(n, false);
        check_concat(n, true);
    }
    ad_tape *t = ad_tape_new();
    ad_var a = leaf(t, 2, 3), b = leaf(t, 2, 1), c = leaf(t, 2, 2), all = ad_concat_cols(a, b, c);
    const real wanted[12] = {1, 2, 3, 1, 1, 2, 4, 5, 6, 2, 3, 4};
    EXPECT(memcmp(ad_value(all), wanted, sizeof wanted) == 0);
    EXPECT(same(ad_concat_cols(a), a) && same(ad_concat_rows(a), a));
    EXPECT_EQ(ad_rows(ad_concat_rows(a, a, a)), 6);
    ad_tape_free(t);
}

TEST(tape_means) {
    ad_tape *t = ad_tape_new();
    ad_var a = leaf(t, 3, 2);
    EXPECT_NEAR(ad_scalar(ad_mean(a)), 3.5, 1e-6);
    EXPECT_NEAR(ad_value(ad_mean_rows(a))[1], 4, 1e-6);
    EXPECT_NEAR(ad_value(ad_mean_cols(a))[2], 5.5, 1e-6);
    ad_tape_free(t);
}

/* ---- simplifications ---- */

static bool is_fill(ad_var v, double wanted) {
    double value;
    return ad_is_fill(v, &value) && value == wanted;
}

TEST(tape_zeros_and_ones_vanish) {
    ad_tape *t = ad_tape_new();
    ad_var a = leaf(t, 3, 3), zero = ad_zeros(t, 3, 3), one = ad_fill(t, 3, 3, 1), two = ad_fill(t, 3, 3, 2);
    EXPECT(same(ad_add(a, zero), a));
    EXPECT(same(ad_add(zero, a), a));
    EXPECT(same(ad_sub(a, zero), a));
    EXPECT(same(ad_sub(zero, a), ad_neg(a)));
    EXPECT(same(ad_mul(a, one), a));
    EXPECT(same(ad_mul(one, a), a));
    EXPECT(same(ad_mul(a, two), ad_scale(a, 2)));
    EXPECT(ad_is_zero(ad_mul(a, zero)));
    EXPECT(ad_is_zero(ad_mul(zero, a)));
    EXPECT(ad_is_zero(ad_scale(a, 0)));
    EXPECT(same(ad_scale(a, 1), a));
    EXPECT(same(ad_div(a, one), a));
    EXPECT(same(ad_div(a, two), ad_scale(a, 0.5)));
    EXPECT(ad_is_zero(ad_div(zero, a)));
    EXPECT(same(ad_mul_add(a, one, a, zero), a));
    EXPECT(same(ad_mul_add(a, a, zero, a), ad_mul(a, a)));
    EXPECT(ad_is_zero(ad_matmul(a, zero)));
    EXPECT(ad_is_zero(ad_matmul(zero, a)));
    EXPECT(is_fill(ad_mul(two, two), 4));
    EXPECT(ad_is_zero(ad_act_grad(zero, a, AD_TANH)));
    EXPECT(same(ad_act_grad(a, two, AD_IDENTITY), a));
    ad_tape_free(t);
}

TEST(tape_linear_ops_of_zeros_are_zeros) {
    ad_tape *t = ad_tape_new();
    ad_var zero = ad_zeros(t, 3, 2), column = ad_zeros(t, 3, 1), index = ad_leaf(t, 3, 1, DATA + 63, "index");
    const ad_var y[] = {ad_neg(zero), ad_sum(zero), ad_sum_rows(zero), ad_sum_cols(zero),
                        ad_broadcast(column, 3, 4), ad_transpose(zero), ad_reshape(zero, 2, 3),
                        ad_slice_cols(zero, 1, 1), ad_slice_rows(zero, 1, 1), ad_concat_cols(zero, zero),
                        ad_concat_rows(zero, zero), ad_stop_gradient(zero), ad_scale(zero, 3),
                        ad_scatter(column, index, 4)};
    for (size_t i = 0; i < sizeof y / sizeof *y; i++) EXPECT_MSG(ad_is_zero(y[i]), "case %zu", i);
    ad_tape_free(t);
}

TEST(tape_chains_collapse) {
    ad_tape *t = ad_tape_new();
    ad_var wide = leaf(t, 2, 6), tall = leaf(t, 6, 2);
    EXPECT(same(ad_slice_cols(ad_slice_cols(wide, 1, 4), 2, 2), ad_slice_cols(wide, 3, 2)));
    EXPECT(same(ad_slice_rows(ad_slice_rows(tall, 1, 4), 2, 2), ad_slice_rows(tall, 3, 2)));
    EXPECT(same(ad_where(ad_fill(t, 2, 6, 2), wide, ad_zeros(t, 2, 6)), wide));
    EXPECT(ad_is_zero(ad_where(ad_zeros(t, 2, 6), wide, ad_zeros(t, 2, 6))));
    ad_var a = leaf(t, 2, 3), row = leaf(t, 1, 3), column = leaf(t, 3, 1), scalar = leaf(t, 1, 1);
    EXPECT(same(ad_neg(ad_neg(a)), a));
    EXPECT(same(ad_scale(ad_scale(a, 2), 0.5), a));
    EXPECT(same(ad_scale(ad_scale(a, 2), 3), ad_scale(a, 6)));
    EXPECT(same(ad_neg(ad_scale(a, 2)), ad_scale(a, -2)));
    EXPECT(same(ad_scale(ad_neg(a), 2), ad_scale(a, -2)));
    EXPECT(same(ad_sum_rows(row), row));
    EXPECT(same(ad_sum_cols(column), column));
    EXPECT(same(ad_sum(scalar), scalar));
    EXPECT(!same(ad_sum_rows(column), column));
    EXPECT(same(ad_broadcast(a, 2, 3), a));
    EXPECT(same(ad_slice_cols(a, 0, 3), a));
    EXPECT(same(ad_reshape(a, 2, 3), a));
    EXPECT(is_fill(ad_broadcast(ad_fill(t, 1, 1, 2), 4, 4), 2));
    EXPECT(is_fill(ad_broadcast(ad_fill(t, 1, 3, 2), 4, 3), 2));
    EXPECT(!same(ad_copy(a), a)); /* a copy is asked for where the numbers are wanted twice */
    ad_tape_free(t);
}

/* ---- errors ---- */

#define ABORT_CASE(name, expression)                                                                         \
    static void abort_##name(void) {                                                                         \
        ad_tape *t = ad_tape_new();                                                                          \
        ad_var a = leaf(t, 2, 3), b = leaf(t, 4, 5);                                                         \
        (void)a, (void)b;                                                                                    \
        (void)(expression);                                                                                  \
    }
ABORT_CASE(add, ad_add(a, b))
ABORT_CASE(mul_add, ad_mul_add(a, a, a, b))
ABORT_CASE(matmul, ad_matmul(a, b))
ABORT_CASE(matmul_t, ad_matmul_t(a, true, b, true))
ABORT_CASE(affine, ad_affine(a, ad_transpose(a), b, AD_TANH))
ABORT_CASE(broadcast, ad_broadcast(a, 4, 3))
ABORT_CASE(slice_cols, ad_slice_cols(a, 2, 2))
ABORT_CASE(slice_rows, ad_slice_rows(a, 0, 0))
ABORT_CASE(slice_wraps, ad_slice_rows(a, 1, SIZE_MAX))
ABORT_CASE(concat_cols, ad_concat_cols(a, b))
ABORT_CASE(concat_rows, ad_concat_rows(a, b))
ABORT_CASE(concat_nothing, ad_concat_cols_n(NULL, 0))
ABORT_CASE(concat_third, ad_concat_rows(a, a, b))
ABORT_CASE(where, ad_where(a, a, b))
ABORT_CASE(blocks, ad_matmul_blocks(a, b, 3, false))
ABORT_CASE(blocks_inner, ad_matmul_blocks(a, b, 2, true))
ABORT_CASE(take_rows, ad_take_rows(a, b))
ABORT_CASE(take_outside, ad_take_rows(a, leaf(t, 3, 1)))
ABORT_CASE(put_rows, ad_put_rows(b, leaf(t, 3, 1), 9))
ABORT_CASE(put_outside, ad_put_rows(a, leaf(t, 2, 1), 2))
ABORT_CASE(reshape, ad_reshape(a, 2, 2))
ABORT_CASE(gather, ad_gather(a, b))
ABORT_CASE(gather_outside, ad_gather(ad_slice_cols(a, 0, 2), leaf(t, 2, 1)))
ABORT_CASE(scatter, ad_scatter(a, leaf(t, 2, 1), 4))
ABORT_CASE(clip, ad_clip(a, 1, -1))
ABORT_CASE(empty_leaf, ad_leaf(t, 0, 3, DATA, "nothing"))
ABORT_CASE(empty_fill, ad_fill(t, 2, 0, 1))
ABORT_CASE(scalar, ad_scalar(a))
ABORT_CASE(no_node, ad_exp((ad_var){t, 99}))
ABORT_CASE(no_tape, ad_exp(AD_NONE))
ABORT_CASE(grad, (ad_grad(a, &a, 1, &b), 0))
ABORT_CASE(jvp, (ad_jvp(&a, 1, &a, &b, 1, &b), 0))
ABORT_CASE(vjp, (ad_vjp(&a, &b, 1, &a, 1, &b), 0))
ABORT_CASE(reset, (ad_reset(t, (ad_mark){.nodes = 9}), 0))

TEST(tape_shape_mistakes_name_the_op_and_the_shapes) {
    EXPECT_ABORTS(abort_add, "add: [2, 3] with [4, 5]");
    EXPECT_ABORTS(abort_mul_add, "mul_add: [2, 3] with [4, 5]");
    EXPECT_ABORTS(abort_matmul, "matmul: [2, 3] with [4, 5]: inner sizes 3 and 4");
    EXPECT_ABORTS(abort_matmul_t, "matmul: [2, 3]^T with [4, 5]^T: inner sizes 2 and 5");
    EXPECT_ABORTS(abort_affine, "affine: x [2, 3], w [3, 2], b [4, 5]");
    EXPECT_ABORTS(abort_broadcast, "broadcast: [2, 3] to [4, 3]");
    EXPECT_ABORTS(abort_slice_cols, "slice_cols: 2 from 2 of 3");
    EXPECT_ABORTS(abort_slice_rows, "slice_rows: 0 from 0 of 2");
    EXPECT_ABORTS(abort_slice_wraps, "slice_rows: ");
    EXPECT_ABORTS(abort_concat_cols, "concat_cols: [2, 3] with [4, 5]");
    EXPECT_ABORTS(abort_concat_rows, "concat_rows: [2, 3] with [4, 5]");
    EXPECT_ABORTS(abort_concat_nothing, "concat_cols: of nothing");
    EXPECT_ABORTS(abort_concat_third, "concat_rows: [2, 3] with [4, 5]");
    EXPECT_ABORTS(abort_where, "where: mask [2, 3], a [2, 3], b [4, 5]");
    EXPECT_ABORTS(abort_blocks, "matmul_blocks: [2, 3] with [4, 5] in 3 blocks");
    EXPECT_ABORTS(abort_blocks_inner, "matmul_blocks: [2, 3] with [4, 5]^T in 2 blocks: inner sizes 3 and 5");
    EXPECT_ABORTS(abort_take_rows, "take_rows: [2, 3] with an index [4, 5]");
    EXPECT_ABORTS(abort_take_outside, "take_rows: index 2 in row 1, of 2");
    EXPECT_ABORTS(abort_put_rows, "put_rows: [4, 5] with an index [3, 1]");
    EXPECT_ABORTS(abort_put_outside, "put_rows: index 2 in row 1, of 2");
    EXPECT_ABORTS(abort_reshape, "reshape: [2, 3] to [2, 2]");
    EXPECT_ABORTS(abort_gather, "gather: [2, 3] with an index [4, 5]");
    EXPECT_ABORTS(abort_gather_outside, "gather: index 2 in row 1, of 2");
    EXPECT_ABORTS(abort_scatter, "scatter: of [2, 3]");
    EXPECT_ABORTS(abort_grad, "gradient of leaf [2, 3], not a scalar");
    EXPECT_ABORTS(abort_jvp, "jvp: a direction: [4, 5] for [2, 3]");
    EXPECT_ABORTS(abort_vjp, "vjp: a seed: [4, 5] for [2, 3]");
}

TEST(tape_other_mistakes_abort) {
    EXPECT_ABORTS(abort_clip, "clip: from 1 to -1");
    EXPECT_ABORTS(abort_empty_leaf, "leaf 'nothing' [0, 3]");
    EXPECT_ABORTS(abort_empty_fill, "fill: a result of [2, 0]");
    EXPECT_ABORTS(abort_scalar, "leaf is [2, 3], not a scalar");
    EXPECT_ABORTS(abort_no_node, "node 99 of a tape with 2");
    EXPECT_ABORTS(abort_no_tape, "a node of no tape");
    EXPECT_ABORTS(abort_reset, "reset to a mark of 9 nodes");
}

/* Each writes a node of `other` where one of the same tape belongs. */
#define MIXED_CASE(name, expression)                                                                         \
    static void mixed_##name(void) {                                                                         \
        ad_tape *t = ad_tape_new(), *other = ad_tape_new();                                                  \
        ad_var a = leaf(t, 2, 3), b = leaf(other, 2, 3), y = ad_sum(a), z = ad_sum(b);                       \
        (void)y, (void)z;                                                                                    \
        (void)(expression);                                                                                  \
    }
MIXED_CASE(mul, ad_mul(a, b))
MIXED_CASE(broadcast, ad_add(a, z))
MIXED_CASE(simplified, ad_add(ad_zeros(t, 2, 3), b))
MIXED_CASE(matmul, ad_matmul_t(a, true, b, false))
MIXED_CASE(grad, (ad_grad(y, &b, 1, &a), 0))
MIXED_CASE(vjp, (ad_vjp((ad_var[]){y, z}, (ad_var[]){y, z}, 2, &a, 1, &a), 0))
MIXED_CASE(jvp, (ad_jvp((ad_var[]){y, z}, 2, &a, &a, 1, (ad_var[2]){y}), 0))
MIXED_CASE(direction, (ad_jvp(&y, 1, &a, &b, 1, &y), 0))
MIXED_CASE(plan, ad_plan_make(&a, 1, &(ad_output){z, NULL}, 1))
MIXED_CASE(outputs, ad_plan_make(NULL, 0, (ad_output[]){{y, NULL}, {z, NULL}}, 2))

TEST(tape_two_tapes_do_not_mix) {
    EXPECT_ABORTS(mixed_mul, "mul: variables of two tapes");
    EXPECT_ABORTS(mixed_broadcast, "add: variables of two tapes");
    EXPECT_ABORTS(mixed_simplified, "add: variables of two tapes");
    EXPECT_ABORTS(mixed_matmul, "matmul: variables of two tapes");
    EXPECT_ABORTS(mixed_grad, "gradient: variables of two tapes");
    EXPECT_ABORTS(mixed_vjp, "gradient: variables of two tapes");
    EXPECT_ABORTS(mixed_jvp, "jvp: variables of two tapes");
    EXPECT_ABORTS(mixed_direction, "jvp: a direction: variables of two tapes");
    EXPECT_ABORTS(mixed_plan, "plan: variables of two tapes");
    EXPECT_ABORTS(mixed_outputs, "plan: variables of two tapes");
}

TEST_MAIN(CASE(tape_describes_its_nodes), CASE(tape_equal_nodes_are_one),
          CASE(tape_reset_forgets_later_nodes), CASE(tape_recording_again_takes_no_new_memory),
          CASE(tape_finds_equal_nodes_among_many), CASE(tape_binary_builders_broadcast_the_second),
          CASE(tape_concatenates_any_number),
          CASE(tape_means), CASE(tape_zeros_and_ones_vanish), CASE(tape_linear_ops_of_zeros_are_zeros),
          CASE(tape_chains_collapse), CASE(tape_shape_mistakes_name_the_op_and_the_shapes),
          CASE(tape_other_mistakes_abort), CASE(tape_two_tapes_do_not_mix))
