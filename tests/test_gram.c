/* Gram matrices: solutions against elimination of the matrix made of gradients row by row, and against
 * conjugate gradient on the same matrix; small dampings; what has no such matrix. */
#include "autograd/gram.h"

#include "nn/layers.h"
#include "nn/objective.h"
#include "tests/aborts.h"
#include "tests/test.h"

static const bool DOUBLE = sizeof(real) == 8;

enum { MOST_ROWS = 24, IN = 3, MOST = 256 };

/* One or two networks over one vector, taught targets with weights, some of them zero. */
typedef struct game {
    fm_arena arena;
    nn_params params;
    nn_leaves leaves;
    ad_tape *t;
    size_t rows, outputs, n;
    real x[MOST_ROWS * IN], target[MOST_ROWS], weight[MOST_ROWS];
    ad_var y[2], loss;
    real b[MOST], found[MOST];
    double wanted[MOST], matrix[MOST][MOST + 1];
} game;

static void draw(game *g, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 7, 0);
    nn_params_init(&g->params, &rng);
    fm_rng_fill_normal(&rng, g->x, g->rows * IN);
    fm_rng_fill_normal(&rng, g->target, g->rows);
    for (size_t i = 0; i < g->rows; i++) g->weight[i] = i % 5 == 3 ? 0 : (real)(1 + i % 3);
}

static game *open_game(ad_act act, size_t rows, size_t outputs) {
    static game games[1];
    game *g = games;
    nn_mlp mlp[2];
    *g = (game){.rows = rows, .outputs = outputs, .t = ad_tape_new()};
    nn_mlp_shape shape = {
        .in = IN, .hidden = &(fm_ints){2, {5, 4}}, .out = 1, .act = act, .init = NN_INIT_FAN_IN, .gain = 2};
    for (size_t k = 0; k < outputs; k++) mlp[k] = nn_mlp_declare(&g->params, k ? "b" : "a", &shape);
    nn_params_make(&g->params, &g->arena, NULL, NULL);
    g->n = g->params.n;
    FM_CHECK(g->n <= MOST, "%zu parameters", g->n);
    g->leaves = nn_params_leaves(g->t, &g->params, g->params.theta, &g->arena);
    draw(g, 1);
    ad_var x = ad_leaf(g->t, rows, IN, g->x, "x"), target = ad_leaf(g->t, rows, 1, g->target, "target");
    ad_var weight = ad_leaf(g->t, rows, 1, g->weight, "weight");
    g->loss = ad_zeros(g->t, 1, 1);
    for (size_t k = 0; k < outputs; k++) {
        g->y[k] = nn_mlp_apply(&mlp[k], &g->leaves, x);
        ad_var error = ad_scale(ad_sub(g->y[k], target), 1 + (double)k); /* a scale of its own */
        g->loss = ad_add(g->loss, nn_weighted_mean(ad_square(error), weight));
    }
    return g;
}

static void close_game(game *g) {
    ad_tape_free(g->t);
    nn_params_free(&g->params);
    fm_arena_free(&g->arena);
}

/* A random right-hand side has parts that no row has; else it is a sum of the rows' gradients. */
static void draw_side(game *g, bool of_rows, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 8, 0);
    ad_output *out = fm_arena_array(&g->arena, ad_output, g->leaves.count);
    ad_var sum = ad_sum(ad_add(g->y[0], g->y[g->outputs - 1]));
    nn_gradient_outputs(&g->params, &g->leaves, sum, g->b, out);
    ad_replay(ad_plan_make(NULL, 0, out, g->leaves.count));
    if (of_rows) return;
    for (size_t i = 0; i < g->n; i++) g->b[i] = g->b[i] == 0 ? 0 : (real)fm_rng_normal(&rng);
}

/* matrix = sum over outputs and rows of c_i dy_i^T dy_i, from the gradient of each row. */
static void fill_matrix(game *g) {
    double total = 0;
    real *row = fm_arena_array(&g->arena, real, g->n);
    ad_output *out = fm_arena_array(&g->arena, ad_output, g->leaves.count);
    memset(g->matrix, 0, sizeof g->matrix);
    for (size_t i = 0; i < g->rows; i++) total += (double)g->weight[i];
    for (size_t k = 0; k < g->outputs; k++)
        for (size_t i = 0; i < g->rows; i++) {
            double c = 2 * (1 + (double)k) * (1 + (double)k) * (double)g->weight[i] / fmax(total, 1);
            ad_mark mark = ad_mark_now(g->t);
            ad_var one = ad_sum(ad_slice_rows(g->y[k], i, 1));
            nn_gradient_outputs(&g->params, &g->leaves, one, row, out);
            ad_replay(ad_plan_make(NULL, 0, out, g->leaves.count));
            ad_reset(g->t, mark);
            for (size_t p = 0; p < g->n; p++)
                for (size_t q = 0; q < g->n; q++) g->matrix[p][q] += c * (double)row[p] * (double)row[q];
        }
}

/* wanted = (matrix + damping I)^-1 b by elimination; positive definite, so without pivots. */
static void eliminate(game *g, double damping) {
    static double a[MOST][MOST + 1];
    size_t n = g->n;
    memcpy(a, g->matrix, sizeof a);
    for (size_t i = 0; i < n; i++) {
        a[i][i] += damping;
        a[i][n] = (double)g->b[i];
    }
    for (size_t k = 0; k < n; k++)
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = n + 1; j-- > k;) a[i][j] -= a[k][j] * (a[i][k] / a[k][k]);
    for (size_t k = n; k-- > 0;) {
        g->wanted[k] = a[k][n];
        for (size_t j = k + 1; j < n; j++) g->wanted[k] -= a[k][j] * g->wanted[j];
        g->wanted[k] /= a[k][k];
    }
}

/* |b - (matrix + damping I) found| */
static double residual_of(const game *g, double damping) {
    double squares = 0;
    for (size_t i = 0; i < g->n; i++) {
        double left = (double)g->b[i] - damping * (double)g->found[i];
        for (size_t j = 0; j < g->n; j++) left -= g->matrix[i][j] * (double)g->found[j];
        squares += left * left;
    }
    return sqrt(squares);
}

static double size_of_matrix(const game *g) {
    double squares = 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t j = 0; j < g->n; j++) squares += g->matrix[i][j] * g->matrix[i][j];
    return sqrt(squares);
}

static double length(size_t n, const real *v) { return sqrt(ad_dot(n, v, v)); }

static void expect_solution(const game *g, double tolerance, const char *what, double damping) {
    double error = 0, size = 0;
    for (size_t i = 0; i < g->n; i++) {
        error += ((double)g->found[i] - g->wanted[i]) * ((double)g->found[i] - g->wanted[i]);
        size += g->wanted[i] * g->wanted[i];
    }
    EXPECT_MSG(sqrt(error) <= tolerance * sqrt(size), "%s, damping %g: relative error %g of %g", what,
               damping, sqrt(error / size), sqrt(size));
}

static ad_gram *gram_of(const game *g) {
    return ad_gram_make(g->loss, g->y, g->outputs, g->leaves.leaf, g->leaves.count);
}

static ad_plan *plan_of(ad_gram *gram) {
    return ad_plan_linearise(gram->kernel, gram->outputs, gram->product, 2);
}

/* At points that it was not recorded at. */
static void expect_exact(ad_act act, size_t rows, size_t outputs, const char *what) {
    static const double DAMPINGS[] = {0.003, 1, 500};
    static real work[AD_CG_WORK(MOST)];
    game *g = open_game(act, rows, outputs);
    ad_gram *gram = gram_of(g);
    ad_plan *at = plan_of(gram);
    const nn_leaves *w = &g->leaves;
    ad_product *product = ad_gauss_newton(g->loss, g->y, outputs, w->leaf, w->count, work, work + g->n);
    for (int k = 0; k < 6; k++) {
        const double damping = DAMPINGS[k % 3];
        ad_cg_options options = {.iterations = 5, .tolerance = DOUBLE ? 1e-12 : 2e-6, .damping = damping};
        draw(g, 2 + (uint64_t)k);
        draw_side(g, k >= 3, 1);
        fill_matrix(g);
        eliminate(g, damping);
        ad_replay(at);
        ad_cg_result r = ad_gram_solve(gram, g->b, g->found, &options);
        double size = length(g->n, g->b), left = residual_of(g, damping);
        EXPECT_MSG(r.stop == AD_CG_CONVERGED && r.iterations <= 3, "%s, damping %g: %s after %d", what,
                   damping, ad_cg_stop_name(r.stop), r.iterations);
        /* The rounding of the solution itself, too, shows in what it leaves. */
        double rounding = REAL_EPSILON * (size_of_matrix(g) + damping) * length(g->n, g->found);
        EXPECT_MSG(left <= (DOUBLE ? 1e-12 : 4e-6) * size + rounding &&
                       r.residual <= options.tolerance * size,
                   "%s, damping %g: left %g, said to be %g, of %g", what, damping, left, r.residual, size);
        EXPECT(r.curvature >= damping * (1 - 1e-5));
        expect_solution(g, DOUBLE ? 1e-9 : 1e-3, what, damping);

        options = (ad_cg_options){.iterations = 1000, .tolerance = DOUBLE ? 1e-11 : 1e-6, .damping = damping};
        ad_linearise(product);
        r = ad_cg(ad_apply_matvec, product, g->n, g->b, g->found, work, &options);
        expect_solution(g, DOUBLE ? 1e-8 : 3e-3, "by conjugate gradient", damping);
    }
    close_game(g);
}

TEST(gram_solutions_are_exact) {
    expect_exact(AD_RELU, 12, 1, "relu");
    expect_exact(AD_TANH, 12, 1, "tanh");
    expect_exact(AD_TANH, MOST_ROWS, 1, "more rows");
    expect_exact(AD_RELU, 12, 2, "two outputs");
    expect_exact(AD_TANH, 1, 1, "one row");
}

/* y = a w over a = (1, 2), loss = sum of y^2: the matrix is 2 (1 + 4). */
TEST(gram_of_one_number) {
    real a_data[2] = {1, 2}, w_data[1] = {3}, b[1] = {22}, x[1];
    ad_tape *t = ad_tape_new();
    ad_var w = ad_leaf(t, 1, 1, w_data, "w"), y = ad_matmul(ad_leaf(t, 2, 1, a_data, "a"), w);
    ad_gram *gram = ad_gram_make(ad_sum(ad_square(y)), &y, 1, &w, 1);
    ad_cg_options options = {.iterations = 9, .tolerance = 1e-6, .damping = 1};
    ad_cg_result r = ad_gram_solve(gram, b, x, &options);
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    EXPECT_EQ(r.iterations, 1);
    EXPECT_NEAR(x[0], 2, 1e-5);
    EXPECT_NEAR(r.curvature, 11, 1e-5);
    b[0] = 0;
    r = ad_gram_solve(gram, b, x, &options);
    EXPECT(r.stop == AD_CG_CONVERGED && r.iterations == 0 && r.residual == 0 && x[0] == 0);
    b[0] = (real)NAN;
    EXPECT_EQ(ad_gram_solve(gram, b, x, &options).stop, AD_CG_NONFINITE);
    EXPECT(x[0] == 0);
    bool is_double = sizeof(real) == 8; /* x would be 1e350, or 1e40 */
    real small = (real)(is_double ? 1e-100 : 1e-6);
    a_data[0] = 0, a_data[1] = small;
    b[0] = (real)(is_double ? 4e150 : 4e28);
    options.damping = 2 * (double)small * (double)small;
    ad_replay(ad_plan_linearise(gram->kernel, gram->outputs, gram->product, 2));
    r = ad_gram_solve(gram, b, x, &options);
    EXPECT(r.stop == AD_CG_NONFINITE && x[0] == 0);
    EXPECT_NEAR(r.residual / (double)b[0], 1, 1e-5);
    ad_tape_free(t);
}

/* A right-hand side of any scale; a damping that rounding loses, of which the residual tells. */
TEST(gram_of_extreme_numbers) {
    static real plain[MOST];
    game *g = open_game(AD_TANH, 12, 1);
    ad_gram *gram = gram_of(g);
    ad_cg_options options = {.iterations = 4, .tolerance = 1e-6, .damping = 0.1};
    draw_side(g, false, 1);
    ad_gram_solve(gram, g->b, plain, &options);
    for (size_t i = 0; i < g->n; i++) g->b[i] *= (real)1e-30;
    ad_cg_result r = ad_gram_solve(gram, g->b, g->found, &options);
    EXPECT_EQ(r.stop, AD_CG_CONVERGED);
    for (size_t i = 0; i < g->n; i++) g->wanted[i] = 1e-30 * (double)plain[i];
    expect_solution(g, 1e-5, "small", 0.1);

    fill_matrix(g);
    for (int k = 0; k < 2; k++) {
        options = (ad_cg_options){.iterations = 1, .tolerance = 1e-6, .damping = k ? 1e-30 : 0};
        draw_side(g, true, 1);
        r = ad_gram_solve(gram, g->b, g->found, &options);
        double size = length(g->n, g->b);
        EXPECT(isfinite(length(g->n, g->found)) && length(g->n, g->found) > 0);
        EXPECT_NEAR(r.residual / size, residual_of(g, options.damping) / size, 1e-3);
        EXPECT_MSG(r.residual < 0.1 * size, "%g of %g are left", r.residual, size);
    }
    close_game(g);
}

/* A loss that bends downwards has no root of its curvature. */
TEST(gram_of_a_loss_that_is_not_convex) {
    game *g = open_game(AD_TANH, 12, 1);
    ad_gram *gram = ad_gram_make(ad_neg(g->loss), g->y, 1, g->leaves.leaf, g->leaves.count);
    ad_cg_options options = {.iterations = 4, .tolerance = 1e-6, .damping = 1};
    draw_side(g, false, 1);
    ad_cg_result r = ad_gram_solve(gram, g->b, g->found, &options);
    EXPECT_EQ(r.stop, AD_CG_NONFINITE);
    EXPECT(length(g->n, g->found) == 0);
    close_game(g);
}

/* ---- what has no such matrix ---- */

static void make(const game *g, ad_var loss, ad_var first, ad_var second) {
    const ad_var outputs[2] = {first, second};
    ad_gram_make(loss, outputs, ad_is_none(second) ? 1 : 2, g->leaves.leaf, g->leaves.count);
}

static void rows_that_mix(void) {
    game *g = open_game(AD_TANH, 12, 1);
    ad_var y = ad_sub(g->y[0], ad_mean(g->y[0]));
    make(g, ad_sum(ad_square(y)), y, AD_NONE);
}
static void leaves_that_mix(void) {
    game *g = open_game(AD_TANH, 12, 1);
    const ad_var *w = g->leaves.leaf;
    ad_var y = ad_matmul(ad_leaf(g->t, 12, IN, g->x, "x"), ad_matmul(w[0], w[2]));
    make(g, ad_sum(ad_square(y)), ad_sum_cols(y), AD_NONE);
}
static void a_leaf_in_two_places(void) {
    game *g = open_game(AD_TANH, 12, 1);
    ad_var bias = g->leaves.leaf[5], y = ad_add(ad_tanh(ad_add(g->y[0], bias)), bias);
    make(g, ad_sum(ad_square(y)), y, AD_NONE);
}
static void two_columns(void) {
    game *g = open_game(AD_TANH, 12, 1);
    ad_var y = ad_concat_cols(g->y[0], g->y[0]);
    make(g, ad_sum(ad_square(y)), y, AD_NONE);
}
static void a_loss_without_curvature(void) {
    game *g = open_game(AD_TANH, 12, 1);
    make(g, ad_sum(g->y[0]), g->y[0], AD_NONE);
}
static void a_loss_that_mixes_rows(void) {
    game *g = open_game(AD_TANH, 12, 1);
    make(g, ad_square(ad_mean(g->y[0])), g->y[0], AD_NONE);
}
static void a_loss_that_mixes_outputs(void) {
    game *g = open_game(AD_TANH, 12, 2);
    make(g, ad_sum(ad_square(ad_sub(g->y[0], g->y[1]))), g->y[0], g->y[1]);
}
static void outputs_that_share(void) {
    game *g = open_game(AD_TANH, 12, 1);
    ad_var other = ad_matmul(ad_leaf(g->t, 12, 4, g->x, "x"), g->leaves.leaf[4]);
    make(g, ad_add(ad_sum(ad_square(g->y[0])), ad_sum(ad_square(other))), g->y[0], other);
}

TEST(what_has_no_gram_matrix_is_refused) {
    EXPECT_ABORTS(rows_that_mix, "row by row");
    EXPECT_ABORTS(leaves_that_mix, "row by row");
    EXPECT_ABORTS(a_leaf_in_two_places, "'a.2.bias' is no outer product");
    EXPECT_ABORTS(two_columns, "is not [12, 1]");
    EXPECT_ABORTS(a_loss_without_curvature, "not curved in output 0");
    EXPECT_ABORTS(a_loss_that_mixes_rows, "not curved in output 0");
    EXPECT_ABORTS(a_loss_that_mixes_outputs, "mixes outputs 0 and 1");
    EXPECT_ABORTS(outputs_that_share, "two outputs share 'a.2.weight'");
}

TEST_MAIN(CASE(gram_solutions_are_exact), CASE(gram_of_one_number), CASE(gram_of_extreme_numbers),
          CASE(gram_of_a_loss_that_is_not_convex), CASE(what_has_no_gram_matrix_is_refused))
