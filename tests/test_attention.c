/* test_attention.c: attention against plain loops in double, sets in another order, items that are not there,
 * derivatives against differences. */
#include "nn/attention.h"

#include "tests/test.h"
#include "tests/derivatives.h"

#define DOUBLE (sizeof(real) == 8)
static const double EPS = DOUBLE ? 1e-12 : 3e-6;

enum { B = 3, Q = 2, S = 4, QUERY = 5, ITEM = 3, HEADS = 2, WIDTH = 3, OUT = 4 };

/* Nothing is there in the second sample. */
static const real THERE[B * S] = {1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1};

typedef struct net {
    fm_arena arena;
    nn_params p;
    nn_attention attention;
    ad_tape *t;
    nn_leaves leaves;
    real queries[B * Q * QUERY], items[B * S * ITEM], there[B * S];
    ad_var query_leaf, item_leaf, mask;
} net;

static void net_make(net *n, uint64_t seed) {
    *n = (net){.t = ad_tape_new()};
    const nn_attention_shape shape = {QUERY, ITEM, HEADS, WIDTH, OUT};
    n->attention = nn_attention_declare(&n->p, "set", &shape);
    nn_params_make(&n->p, &n->arena, NULL, NULL);
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    nn_params_init(&n->p, &rng);
    fm_rng_fill_normal(&rng, n->queries, B * Q * QUERY);
    fm_rng_fill_normal(&rng, n->items, B * S * ITEM);
    memcpy(n->there, THERE, sizeof THERE);
    n->leaves = nn_params_leaves(n->t, &n->p, n->p.theta, &n->arena);
    n->query_leaf = ad_leaf(n->t, B * Q, QUERY, n->queries, "queries");
    n->item_leaf = ad_leaf(n->t, B * S, ITEM, n->items, "items");
    n->mask = ad_leaf(n->t, B, S, n->there, "there");
}

static void net_free(net *n) {
    ad_tape_free(n->t);
    nn_params_free(&n->p);
    fm_arena_free(&n->arena);
}

/* y [to] = x times an entry [from, to], only its columns from..from+count. */
static void times(const net *n, size_t entry, const double *x, size_t from, size_t count, double *y) {
    const nn_entry *e = &n->p.entries[entry];
    for (size_t j = 0; j < count; j++) {
        y[j] = 0;
        for (size_t i = 0; i < e->rows; i++)
            y[j] += x[i] * (double)n->p.theta[e->at + i * e->cols + from + j];
    }
}

/* One query of one sample, from the paper. */
static void naive(const net *n, const real *query, const real *items, const real *there, double *y) {
    double row[8], q[WIDTH], k[WIDTH], all[HEADS * WIDTH] = {0};
    for (size_t h = 0; h < HEADS; h++) {
        double weight[S], total = 0;
        for (size_t i = 0; i < QUERY; i++) row[i] = (double)query[i];
        times(n, n->attention.query, row, h * WIDTH, WIDTH, q);
        for (size_t s = 0; s < S; s++) {
            double score = 0;
            for (size_t i = 0; i < ITEM; i++) row[i] = (double)items[s * ITEM + i];
            times(n, n->attention.key, row, h * WIDTH, WIDTH, k);
            for (size_t i = 0; i < WIDTH; i++) score += q[i] * k[i] / sqrt(WIDTH);
            total += weight[s] = there && there[s] == 0 ? 0 : exp(score);
        }
        for (size_t s = 0; s < S && total > 0; s++) {
            for (size_t i = 0; i < ITEM; i++) row[i] = (double)items[s * ITEM + i];
            times(n, n->attention.value, row, h * WIDTH, WIDTH, k);
            for (size_t i = 0; i < WIDTH; i++) all[h * WIDTH + i] += weight[s] / total * k[i];
        }
    }
    times(n, n->attention.out, all, 0, OUT, y);
}

TEST(attention_equals_plain_loops) {
    for (int masked = 0; masked < 2; masked++) {
        net n;
        net_make(&n, 1);
        ad_var mask = masked ? n.mask : AD_NONE;
        ad_var y = nn_attention_apply(&n.attention, &n.leaves, B, n.query_leaf, n.item_leaf, mask);
        EXPECT(ad_rows(y) == B * Q && ad_cols(y) == OUT);
        for (size_t r = 0; r < B * Q; r++) {
            double wanted[OUT];
            const real *there = masked ? n.there + r / Q * S : NULL;
            naive(&n, n.queries + r * QUERY, n.items + r / Q * S * ITEM, there, wanted);
            for (size_t j = 0; j < OUT; j++) {
                EXPECT_NEAR(ad_value(y)[r * OUT + j], wanted[j], EPS);
                if (masked && r / Q == 1) EXPECT(ad_value(y)[r * OUT + j] == 0);
            }
        }
        net_free(&n);
    }
}

/* The set in another order: the same answer to a query; of self-attention, the answers in that order. */
TEST(attention_knows_no_order) {
    const size_t order[S] = {2, 0, 3, 1};
    net n;
    net_make(&n, 2);
    real items[B * S * ITEM], there[B * S];
    for (size_t i = 0; i < B * S; i++) {
        size_t from = i / S * S + order[i % S];
        there[i] = n.there[from];
        memcpy(items + i * ITEM, n.items + from * ITEM, ITEM * sizeof(real));
    }
    ad_var other = ad_leaf(n.t, B * S, ITEM, items, "items"), mask = ad_leaf(n.t, B, S, there, "there");
    ad_var y = nn_attention_apply(&n.attention, &n.leaves, B, n.query_leaf, n.item_leaf, n.mask);
    ad_var z = nn_attention_apply(&n.attention, &n.leaves, B, n.query_leaf, other, mask);
    for (size_t i = 0; i < B * Q * OUT; i++) EXPECT_NEAR(ad_value(y)[i], ad_value(z)[i], EPS);

    nn_params p = {0};
    nn_attention_shape shape = {.query = ITEM, .item = ITEM, .heads = 3, .width = 2, .out = OUT};
    nn_attention self = nn_attention_declare(&p, "self", &shape);
    nn_params_make(&p, &n.arena, NULL, NULL);
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    nn_params_init(&p, &rng);
    nn_leaves leaves = nn_params_leaves(n.t, &p, p.theta, &n.arena);
    y = nn_attention_apply(&self, &leaves, B, n.item_leaf, n.item_leaf, n.mask);
    z = nn_attention_apply(&self, &leaves, B, other, other, mask);
    double moved = 0;
    for (size_t i = 0; i < B * S; i++)
        for (size_t j = 0; j < OUT; j++) {
            size_t from = i / S * S + order[i % S];
            EXPECT_NEAR(ad_value(z)[i * OUT + j], ad_value(y)[from * OUT + j], EPS);
            moved += fabs((double)ad_value(z)[i * OUT + j] - (double)ad_value(y)[i * OUT + j]);
        }
    EXPECT(moved > 0.1);
    nn_params_free(&p);
    net_free(&n);
}

/* Loss, gradients and Hessian-vector products by a replay, with `illegal` in the items that are not there. */
enum { LEAVES = 6, NUMBERS = 1 + 2 * 256 };
static void masked_numbers(real illegal, real *to) {
    net n;
    net_make(&n, 4);
    static real v[LEAVES][64];
    ad_var from[LEAVES] = {n.query_leaf, n.item_leaf}, d[LEAVES], g[LEAVES], hv[LEAVES];
    ad_output out[2 * LEAVES + 1];
    fm_rng rng = fm_rng_split(4, FM_RNG_TEST, 1, 0);
    memset(to, 0, NUMBERS * sizeof *to);
    for (size_t e = 0; e < 4; e++) from[2 + e] = n.leaves.leaf[e];
    for (size_t k = 0; k < LEAVES; k++) {
        fm_rng_fill_normal(&rng, v[k], 64);
        d[k] = ad_leaf(n.t, ad_rows(from[k]), ad_cols(from[k]), v[k], "direction");
    }
    for (size_t i = 0; i < B * S * ITEM; i++)
        if (n.there[i / ITEM] == 0) n.items[i] = v[1][i] = illegal;
    ad_var y = nn_attention_apply(&n.attention, &n.leaves, B, n.query_leaf, n.item_leaf, n.mask);
    ad_var loss = ad_sum(ad_square(y));
    ad_grad(loss, from, LEAVES, g);
    ad_jvp(g, LEAVES, from, d, LEAVES, hv);
    out[2 * LEAVES] = (ad_output){loss, to};
    size_t at = 1, items_at[2];
    for (size_t k = 0; k < 2 * LEAVES; k++) {
        ad_var node = k < LEAVES ? g[k] : hv[k - LEAVES];
        if (k % LEAVES == 1) items_at[k / LEAVES] = at;
        out[k] = (ad_output){node, to + at};
        at += ad_rows(node) * ad_cols(node);
    }
    ad_replay(ad_plan_make(NULL, 0, out, 2 * LEAVES + 1));
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < B * S * ITEM; i++)
            EXPECT((to[items_at[k] + i] == 0) == (n.there[i / ITEM] == 0));
    net_free(&n);
}

TEST(attention_absent_items_contribute_nothing) {
    static real zero[NUMBERS], other[NUMBERS];
    const double anything[] = {3, 1e30, INFINITY, -INFINITY, NAN};
    masked_numbers(0, zero);
    for (size_t i = 0; i < NUMBERS; i++) EXPECT(isfinite(zero[i]));
    for (size_t k = 0; k < sizeof anything / sizeof *anything; k++) {
        masked_numbers((real)anything[k], other);
        EXPECT_MSG(memcmp(zero, other, sizeof zero) == 0, "absent items of %g matter", anything[k]);
    }
}

TEST(attention_derivatives) {
    for (int masked = 0; masked < 2; masked++) {
        net n;
        net_make(&n, 5);
        ad_var mask = masked ? n.mask : AD_NONE, from[LEAVES] = {n.query_leaf, n.item_leaf};
        ad_var y = nn_attention_apply(&n.attention, &n.leaves, B, n.query_leaf, n.item_leaf, mask);
        real *data[LEAVES] = {n.queries, n.items};
        for (size_t e = 0; e < 4; e++) {
            from[2 + e] = n.leaves.leaf[e];
            data[2 + e] = n.p.theta + n.p.entries[e].at;
        }
        expect_derivatives(ad_sum(ad_mul(ad_square(y), ad_sum_cols(y))), from, data, LEAVES, 1);
        net_free(&n);
    }
}

TEST_MAIN(CASE(attention_equals_plain_loops), CASE(attention_knows_no_order),
          CASE(attention_absent_items_contribute_nothing), CASE(attention_derivatives))
