/* The guard: which node it names, and that it leaves everything as it was. */
#include "autograd/ad.h"

#include "autograd/plan.h"
#include "tests/test.h"

/* What the guard says of the tape, "" when all is well. */
static const char *words(const ad_tape *t) {
    static char text[200];
    text[0] = '\0';
    EXPECT_EQ(ad_find_nonfinite(t, text, sizeof text), text[0] != '\0');
    return text;
}

TEST(guard_names_op_row_value_and_leaf) {
    real x[6] = {1, 1, 1, 1, 1, 1};
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 3, 2, x, "batch.obs"), b = ad_exp(ad_log(a));
    EXPECT_TEXT(words(t), "");
    x[4] = -1; /* the log of row 2 */
    EXPECT_TEXT(words(t), "log [3, 2], first at row 2 (nan), from leaf 'batch.obs'");
    x[4] = 0; /* exp(-infinity) is a number again */
    EXPECT_TEXT(words(t), "");
    ad_neg(ad_log(a));
    EXPECT_TEXT(words(t), "log [3, 2], first at row 2 (-inf), from leaf 'batch.obs'");
    ad_exp(a);
    x[4] = 1000;
    EXPECT_TEXT(words(t), "exp [3, 2], first at row 2 (inf), from leaf 'batch.obs'");
    x[4] = (real)INFINITY;
    EXPECT_TEXT(words(t), "leaf 'batch.obs' [3, 2], first at row 2 (inf)");
    x[4] = 1;
    EXPECT_TEXT(words(t), "");
    EXPECT_NEAR(ad_value(b)[4], 1, 1e-6);
    char few[12];
    x[0] = (real)NAN;
    EXPECT(ad_find_nonfinite(t, few, sizeof few));
    EXPECT_TEXT(few, "leaf 'batch");
    ad_tape_free(t);
}

TEST(guard_knows_leaves_without_a_name) {
    real x = -1;
    ad_tape *t = ad_tape_new();
    ad_sqrt(ad_leaf(t, 1, 1, &x, NULL));
    EXPECT_TEXT(words(t), "sqrt [1, 1], first at row 0 (nan)");
    x = (real)NAN;
    EXPECT_TEXT(words(t), "leaf '' [1, 1], first at row 0 (nan)");
    ad_tape_free(t);
}

/* The nearest first, whatever lies between; each name once; three at most. */
TEST(guard_names_leaves_at_any_depth) {
    real x[5] = {0, 1, 1, 1, 1};
    ad_tape *t = ad_tape_new();
    ad_var far = ad_leaf(t, 1, 1, x, "far"), nameless = ad_leaf(t, 1, 1, x + 1, "");
    ad_var deep = ad_tanh(ad_square(ad_mul(ad_exp(far), nameless)));
    ad_var near = ad_leaf(t, 1, 1, x + 2, "near"), twin = ad_leaf(t, 1, 1, x + 3, "near");
    ad_var y = ad_log(ad_sub(ad_mul(deep, near), ad_shift(twin, 5)));
    EXPECT(!ad_is_none(y));
    EXPECT_TEXT(words(t), "log [1, 1], first at row 0 (nan), from leaf 'near', leaf 'far'");
    ad_tape_free(t);
    t = ad_tape_new();
    static const char *const names[5] = {"a", "b", "c", "d", "e"};
    ad_var sum = ad_zeros(t, 1, 1);
    for (int i = 0; i < 5; i++) sum = ad_sub(sum, ad_leaf(t, 1, 1, x + 4, names[i]));
    ad_log(sum);
    EXPECT_TEXT(words(t), "log [1, 1], first at row 0 (nan), from leaf 'e', leaf 'd', leaf 'c'");
    ad_tape_free(t);
}

/* The first of several; what a NaN makes of others is not the cause. */
TEST(guard_names_the_cause) {
    real x[2] = {-1, 2};
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 2, 1, x, "a"), root = ad_sqrt(a);
    ad_var later = ad_log(ad_sub(a, ad_square(root)));
    ad_div(later, root);
    EXPECT_TEXT(words(t), "sqrt [2, 1], first at row 0 (nan), from leaf 'a'");
    ad_tape_free(t);
}

/* A masked logit is -infinity by intention; what is computed where a mask does not choose it harms nobody. */
TEST(guard_lets_masks_be) {
    real x[2] = {0, 2}, legal[2] = {0, 1};
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 1, 2, x, "logits"), mask = ad_leaf(t, 1, 2, legal, "mask"), g;
    ad_var y = ad_where(mask, ad_log(a), ad_zeros(t, 1, 2));
    ad_var z = ad_logsumexp(ad_where(mask, a, ad_fill(t, 1, 2, -INFINITY))), loss = ad_add(ad_sum(y), z);
    ad_grad(loss, &a, 1, &g);
    EXPECT_TEXT(words(t), "");
    legal[0] = 1;
    EXPECT_TEXT(words(t), "log [1, 2], first at row 0 (-inf), from leaf 'logits'");
    x[0] = 1;
    legal[0] = legal[1] = 0; /* nothing else is wrong, and it reaches the loss */
    EXPECT_TEXT(words(t), "where [1, 2], first at row 0 (-inf), from leaf 'mask', leaf 'logits'");
    ad_tape_free(t);
}

/* An index that is no number is named; it does not stop the program as it would in a replay. */
TEST(guard_survives_a_broken_index) {
    real x[2] = {1, 2}, i = 1;
    ad_tape *t = ad_tape_new();
    ad_gather(ad_leaf(t, 1, 2, x, "q"), ad_leaf(t, 1, 1, &i, "action"));
    i = (real)NAN;
    EXPECT_TEXT(words(t), "leaf 'action' [1, 1], first at row 0 (nan)");
    ad_tape_free(t);
}

/* After replays the tape's memory holds what plans left there, some of it of other nodes, much of it old. The
 * guard sees the leaves alone; and what it computes stays its own: a product linearised elsewhere goes on. */
TEST(guard_after_replays) {
    enum { ROWS = 700, COLS = 20 };
    static real x[ROWS * COLS], w[COLS * COLS], v[COLS * COLS], hv[2][COLS * COLS], out[1];
    for (size_t i = 0; i < ROWS * COLS; i++) x[i] = (real)(i % 17) / 17;
    for (size_t i = 0; i < COLS * COLS; i++) w[i] = (real)(i % 11) / 50, v[i] = (real)(i % 7) / 7;
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, ROWS, COLS, x, "batch.obs"), m = ad_leaf(t, COLS, COLS, w, "weight");
    ad_var h = ad_tanh(ad_matmul(ad_tanh(ad_matmul(a, m)), m));
    ad_var loss = ad_mean(ad_log(ad_shift(ad_add(ad_matmul(h, m), ad_matmul(a, m)), 1)));
    ad_output wanted = {loss, out};
    ad_plan *plan = ad_plan_make(NULL, 0, &wanted, 1);
    ad_product *product = ad_hessian(loss, &m, 1, v, hv[0]);
    ad_apply(product);
    memcpy(hv[1], hv[0], sizeof hv[0]);
    EXPECT_TEXT(words(t), "");
    x[333 * COLS] = -1000;
    ad_replay(plan);
    EXPECT(isnan(out[0]));
    EXPECT_TEXT(words(t), "log [700, 20], first at row 333 (nan), from leaf 'weight', leaf 'batch.obs'");
    x[333 * COLS] = (real)(333 * COLS % 17) / 17;
    EXPECT_TEXT(words(t), "");
    ad_linearise(product);
    x[0] = 5;
    EXPECT_TEXT(words(t), "");
    x[0] = 0;
    ad_apply(product);
    EXPECT(memcmp(hv[0], hv[1], sizeof hv[0]) == 0);
    ad_tape_free(t);
}

TEST_MAIN(CASE(guard_names_op_row_value_and_leaf), CASE(guard_knows_leaves_without_a_name),
          CASE(guard_names_leaves_at_any_depth), CASE(guard_names_the_cause), CASE(guard_lets_masks_be),
          CASE(guard_survives_a_broken_index), CASE(guard_after_replays))
