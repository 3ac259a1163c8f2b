/* Every op of the table (tests/op_examples.h): its values, its derivatives of first and second order, and
 * fused ops against composites.
 *
 * Four kinds of derivative test, because each misses what another sees: the adjoint identity compares the
 * two modes and does not see a fact that is wrong in both; differences see that, at their own accuracy;
 * the symmetry of the Hessian and the differences of gradients see facts that are right in value and wrong
 * as functions. */
#include "autograd/tape.h"

#include "base/random.h"
#include "tests/op_examples.h"
#include "tests/test.h"

static const bool DOUBLE = sizeof(real) == 8;

/* Steps and tolerances, relative to the size of the numbers compared. */
static double step(void) { return DOUBLE ? 1e-5 : 1e-2; }
static double loose(void) { return DOUBLE ? 1e-7 : 3e-2; }
static double tight(void) { return DOUBLE ? 1e-11 : 2e-4; }

/* ---- an example at work ---- */

typedef struct bench {
    example e;
    int arity;
    const char *name;
    int shape;
    ad_op op;
    real data[AD_MAX_IN][MATRIX_MAX];
    ad_tape *t;
    ad_var in[AD_MAX_IN], y;
    fm_rng rng;
} bench;

static double draw(fm_rng *rng, double low, double high) { return low + (high - low) * fm_rng_uniform(rng); }

static double draw_entry(bench *b, int i, size_t at_entry) {
    example *e = &b->e;
    if (e->index_count > 0 && i == e->index_at) return (double)fm_rng_below(&b->rng, e->index_count);
    bool output = e->output_at > 0 && i == e->output_at;
    if (output && e->act == AD_TANH) return draw(&b->rng, -0.9, 0.9);
    for (;;) {
        double x = draw(&b->rng, e->low[i], e->high[i]);
        if (output && fabs(x) < 0.1) continue;
        if (e->kinked && fabs(fabs(x) - e->kink) < 0.1) continue;
        if (e->apart && i == 1 && fabs(x - (double)b->data[0][at_entry]) < 0.1) continue;
        return x;
    }
}

static size_t in_size(const bench *b, int i) { return b->e.rows[i] * b->e.cols[i]; }

/* The op on leaves; the numbers are copied, so that a test may move them. */
static void rebuild(bench *b) {
    ad_tape_free(b->t);
    b->t = ad_tape_new();
    for (int i = 0; i < b->arity; i++) b->in[i] = ad_leaf(b->t, b->e.rows[i], b->e.cols[i], b->data[i], "x");
    b->y = b->e.build(b->t, b->in, &b->e);
}

static bench bench_new(int op, int shape) {
    bench b = {.e = EXAMPLES[op].make(shape), .name = EXAMPLES[op].name, .shape = shape, .op = (ad_op)op};
    b.arity = b.op == AD_OP_leaf ? 1 : AD_TABLE[b.op].arity;
    b.rng = fm_rng_split(17, FM_RNG_TEST, (uint64_t)op, (uint64_t)shape);
    for (int i = 0; i < b.arity; i++) {
        FM_CHECK(in_size(&b, i) <= MATRIX_MAX, "%s: an argument of %zu numbers", b.name, in_size(&b, i));
        for (size_t k = 0; k < in_size(&b, i); k++) b.data[i][k] = (real)draw_entry(&b, i, k);
    }
    return b;
}

/* bench_new, on its tape. (A tape reads the numbers where they stand, so the bench must not move
 * afterwards.) */
#define WITH_BENCH(b, op, shape)                                                                             \
    bench b = bench_new(op, shape);                                                                          \
    rebuild(&b)

#define FOR_EACH_EXAMPLE(op, shape)                                                                          \
    for (int op = 0; op < AD_OP_COUNT; op++)                                                                 \
        for (int shape = 0; shape < SHAPES; shape++)

static bool differentiable(const bench *b, int i) {
    return b->op == AD_OP_leaf || AD_TABLE[b->op].rows[i] != 'i';
}

static ad_var random_like(bench *b, ad_var like, real *memory) {
    size_t rows = ad_rows(like), cols = ad_cols(like);
    for (size_t i = 0; i < rows * cols; i++) memory[i] = (real)draw(&b->rng, -1, 1);
    return ad_leaf(b->t, rows, cols, memory, "random");
}

static double dot(ad_var x, ad_var y) {
    double sum = 0;
    for (size_t i = 0; i < ad_rows(x) * ad_cols(x); i++)
        sum += (double)ad_value(x)[i] * (double)ad_value(y)[i];
    return sum;
}

static size_t list_inputs(const bench *b, ad_var *x, int *which) {
    size_t n = 0;
    for (int i = 0; i < b->arity; i++) {
        if (!differentiable(b, i)) continue;
        which[n] = i;
        x[n++] = b->in[i];
    }
    return n;
}

static void move(bench *b, const int *which, size_t n, real directions[][MATRIX_MAX], double by) {
    for (size_t k = 0; k < n; k++)
        for (size_t j = 0; j < in_size(b, which[k]); j++)
            b->data[which[k]][j] = (real)((double)b->data[which[k]][j] + by * (double)directions[k][j]);
}

#define EXPECT_CLOSE(b, what, x, y, tolerance)                                                               \
    do {                                                                                                     \
        double close_x_ = (double)(x), close_y_ = (double)(y);                                               \
        EXPECT_MSG(fabs(close_x_ - close_y_) <= (tolerance) * (1 + fabs(close_x_) + fabs(close_y_)),         \
                   "%s, shape %d, %s: %.12g and %.12g", (b).name, (b).shape, what, close_x_, close_y_);      \
    } while (0)

static void expect_same(const bench *b, const char *what, ad_var x, ad_var y) {
    EXPECT_EQ(ad_rows(x), ad_rows(y));
    EXPECT_EQ(ad_cols(x), ad_cols(y));
    for (size_t i = 0; i < ad_rows(x) * ad_cols(x); i++)
        EXPECT_CLOSE(*b, what, ad_value(x)[i], ad_value(y)[i], tight() * 10);
}

/* ---- values ---- */

TEST(ops_values_equal_plain_loops) {
    FOR_EACH_EXAMPLE(op, shape) {
        WITH_BENCH(b, op, shape);
        const real *x[AD_MAX_IN];
        for (int i = 0; i < AD_MAX_IN; i++) x[i] = b.data[i];
        size_t cols = ad_cols(b.y);
        for (size_t r = 0; r < ad_rows(b.y); r++)
            for (size_t c = 0; c < cols; c++)
                EXPECT_CLOSE(b, "value", ad_value(b.y)[r * cols + c], b.e.value(x, &b.e, r, c), tight());
        ad_tape_free(b.t);
    }
}

static void turn(size_t rows, size_t cols, const real *x, real *y) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) y[c * rows + r] = x[r * cols + c];
}

/* A step whose matrices stand by columns computes the same; `again`: it adds it once more. */
static void check_by_columns(const bench *b, const ad_node *n, bool again) {
    const char *letters = ad_row_letters(n), flow = letters[b->arity + 1];
    real x[AD_MAX_IN][MATRIX_MAX], y[RESULT_MAX], want[RESULT_MAX];
    ad_call call;
    ad_call_of(b->t, n, &call);
    call.by_columns = true;
    call.y = y;
    for (int i = 0; i < b->arity; i++) {
        if (letters[i] == 'w') continue;
        turn(call.x_rows[i], call.x_cols[i], call.x[i], x[i]);
        call.x[i] = x[i];
    }
    for (size_t k = 0; k < ad_size(n); k++) want[k] = (real)(again ? 2 : 1) * n->value[k];
    if (flow == 'r') turn(n->rows, n->cols, n->value, want);
    AD_TABLE[n->op].kernel(&call);
    call.accumulate = again;
    if (again) AD_TABLE[n->op].kernel(&call);
    for (size_t k = 0; k < ad_size(n); k++) EXPECT_CLOSE(*b, "by columns", y[k], want[k], tight() * 10);
}

TEST(ops_by_columns_equal_those_by_rows) {
    FOR_EACH_EXAMPLE(op, shape) {
        WITH_BENCH(b, op, shape);
        const ad_node *n = ad_node_of(b.y);
        const char *letters = ad_row_letters(n);
        char flow = n->op == b.op && AD_TABLE[n->op].arity > 0 ? letters[b.arity + 1] : 'w';
        if (flow != 'w') check_by_columns(&b, n, false);
        if (flow == '+') check_by_columns(&b, n, true);
        ad_tape_free(b.t);
    }
}

/* The builders may reduce an example to something simpler, but not for every shape. */
TEST(ops_examples_record_their_op) {
    for (int op = 0; op < AD_OP_COUNT; op++) {
        bool recorded = false;
        for (int shape = 0; shape < SHAPES; shape++) {
            WITH_BENCH(b, op, shape);
            recorded = recorded || strcmp(ad_op_name(b.y), EXAMPLES[op].name) == 0;
            ad_tape_free(b.t);
        }
        EXPECT_MSG(recorded, "no example records %s", EXAMPLES[op].name);
    }
}

/* ---- first order ---- */

/* <g, J v> = <J^T g, v>; what is FLAT has neither. */
TEST(ops_forward_and_reverse_are_adjoint) {
    FOR_EACH_EXAMPLE(op, shape) {
        WITH_BENCH(b, op, shape);
        ad_var x[AD_MAX_IN], v[AD_MAX_IN], back[AD_MAX_IN], jv;
        int which[AD_MAX_IN];
        real memory[AD_MAX_IN + 1][RESULT_MAX];
        size_t n = list_inputs(&b, x, which);
        for (size_t k = 0; k < n; k++) v[k] = random_like(&b, x[k], memory[k]);
        ad_var g = random_like(&b, b.y, memory[AD_MAX_IN]);
        ad_jvp(&b.y, 1, x, v, n, &jv);
        ad_vjp(&b.y, &g, 1, x, n, back);
        double right = 0;
        for (size_t k = 0; k < n; k++) right += dot(back[k], v[k]);
        EXPECT_CLOSE(b, "<g, Jv> = <J'g, v>", dot(g, jv), right, tight());
        if (b.op != AD_OP_leaf && AD_TABLE[b.op].kind == AD_FLAT) {
            EXPECT_MSG(ad_is_zero(jv), "%s has a tangent", b.name);
            for (size_t k = 0; k < n; k++) EXPECT_MSG(ad_is_zero(back[k]), "%s has a gradient", b.name);
        }
        ad_tape_free(b.t);
    }
}

/* Each argument alone, so that a wrong one is not hidden by the others. */
TEST(ops_tangents_equal_differences) {
    FOR_EACH_EXAMPLE(op, shape) {
        for (int i = 0; i < AD_TABLE[op].arity; i++) {
            WITH_BENCH(b, op, shape);
            if (!differentiable(&b, i) || AD_TABLE[b.op].kind == AD_FLAT) {
                test_now.assertions++;
                ad_tape_free(b.t);
                continue;
            }
            real v[1][MATRIX_MAX], up[RESULT_MAX], jv[RESULT_MAX];
            ad_var dx = random_like(&b, b.in[i], v[0]), dy;
            ad_jvp(&b.y, 1, &b.in[i], &dx, 1, &dy);
            size_t size = ad_rows(b.y) * ad_cols(b.y);
            memcpy(jv, ad_value(dy), size * sizeof(real));
            move(&b, &i, 1, v, step());
            rebuild(&b);
            memcpy(up, ad_value(b.y), size * sizeof(real));
            move(&b, &i, 1, v, -2 * step());
            rebuild(&b);
            for (size_t k = 0; k < size; k++)
                EXPECT_CLOSE(b, "tangent", jv[k], ((double)up[k] - (double)ad_value(b.y)[k]) / (2 * step()),
                             loose());
            ad_tape_free(b.t);
        }
    }
}

/* A scalar of the op with a Hessian that is not trivial even for linear ops: the sum over the result of
 * weight * tanh(y / 2 + 0.3) + y^2 / 4. */
static ad_var scalar_of(bench *b, const real *weights) {
    ad_tape *t = b->t;
    ad_var w = ad_leaf(t, ad_rows(b->y), ad_cols(b->y), weights, "weights");
    ad_var bent = ad_mul(w, ad_tanh(ad_shift(ad_scale(b->y, 0.5), 0.3)));
    return ad_sum(ad_add(bent, ad_scale(ad_square(b->y), 0.25)));
}

static void draw_weights(bench *b, real *weights) {
    for (size_t i = 0; i < RESULT_MAX; i++) weights[i] = (real)draw(&b->rng, 0.5, 1.5);
}

/* Coordinate by coordinate: the reverse mode. */
TEST(ops_gradients_equal_differences) {
    FOR_EACH_EXAMPLE(op, shape) {
        WITH_BENCH(b, op, shape);
        ad_var x[AD_MAX_IN], g[AD_MAX_IN];
        int which[AD_MAX_IN];
        real weights[RESULT_MAX], kept[AD_MAX_IN][MATRIX_MAX];
        draw_weights(&b, weights);
        size_t n = list_inputs(&b, x, which);
        ad_grad(scalar_of(&b, weights), x, n, g);
        for (size_t k = 0; k < n; k++) memcpy(kept[k], ad_value(g[k]), in_size(&b, which[k]) * sizeof(real));
        for (size_t k = 0; k < n && AD_TABLE[b.op].kind != AD_FLAT; k++) {
            for (size_t j = 0; j < in_size(&b, which[k]); j++) {
                real *entry = &b.data[which[k]][j], was = *entry;
                double f[2];
                for (int side = 0; side < 2; side++) {
                    *entry = (real)((double)was + (side ? step() : -step()));
                    rebuild(&b);
                    f[side] = (double)ad_scalar(scalar_of(&b, weights));
                }
                *entry = was;
                EXPECT_CLOSE(b, "gradient", kept[k][j], (f[1] - f[0]) / (2 * step()), loose());
            }
        }
        ad_tape_free(b.t);
    }
}

/* ---- second order ---- */

/* hv[k] = the Hessian product of scalar_of along v, for all arguments at once. */
static void hessian_product(bench *b, const real *weights, const ad_var *x, const ad_var *v, size_t n,
                            ad_var *hv) {
    ad_var g[AD_MAX_IN];
    ad_grad(scalar_of(b, weights), x, n, g);
    ad_jvp(g, n, x, v, n, hv);
}

TEST(ops_hessians_are_symmetric) {
    FOR_EACH_EXAMPLE(op, shape) {
        WITH_BENCH(b, op, shape);
        ad_var x[AD_MAX_IN], u[AD_MAX_IN], v[AD_MAX_IN], hu[AD_MAX_IN], hv[AD_MAX_IN];
        int which[AD_MAX_IN];
        real weights[RESULT_MAX], memory[2 * AD_MAX_IN][MATRIX_MAX];
        draw_weights(&b, weights);
        size_t n = list_inputs(&b, x, which);
        for (size_t k = 0; k < n; k++) {
            u[k] = random_like(&b, x[k], memory[2 * k]);
            v[k] = random_like(&b, x[k], memory[2 * k + 1]);
        }
        hessian_product(&b, weights, x, u, n, hu);
        hessian_product(&b, weights, x, v, n, hv);
        double left = 0, right = 0;
        for (size_t k = 0; k < n; k++) {
            left += dot(v[k], hu[k]);
            right += dot(u[k], hv[k]);
        }
        EXPECT_CLOSE(b, "<v, Hu> = <u, Hv>", left, right, tight() * 10);
        ad_tape_free(b.t);
    }
}

TEST(ops_hessian_products_equal_differences_of_gradients) {
    FOR_EACH_EXAMPLE(op, shape) {
        if (AD_TABLE[op].kind == AD_FLAT) continue;
        WITH_BENCH(b, op, shape);
        ad_var x[AD_MAX_IN], v[AD_MAX_IN], hv[AD_MAX_IN], g[AD_MAX_IN];
        int which[AD_MAX_IN];
        real weights[RESULT_MAX], direction[AD_MAX_IN][MATRIX_MAX];
        real kept[AD_MAX_IN][MATRIX_MAX], up[AD_MAX_IN][MATRIX_MAX];
        draw_weights(&b, weights);
        size_t n = list_inputs(&b, x, which);
        for (size_t k = 0; k < n; k++) v[k] = random_like(&b, x[k], direction[k]);
        hessian_product(&b, weights, x, v, n, hv);
        for (size_t k = 0; k < n; k++) memcpy(kept[k], ad_value(hv[k]), in_size(&b, which[k]) * sizeof(real));
        for (int side = 0; side < 2; side++) {
            move(&b, which, n, direction, side == 0 ? step() : -2 * step());
            rebuild(&b);
            list_inputs(&b, x, which);
            ad_grad(scalar_of(&b, weights), x, n, g);
            for (size_t k = 0; k < n; k++)
                for (size_t j = 0; j < in_size(&b, which[k]); j++) {
                    if (side == 0) up[k][j] = ad_value(g[k])[j];
                    else
                        EXPECT_CLOSE(b, "Hv", kept[k][j],
                                     ((double)up[k][j] - (double)ad_value(g[k])[j]) / (2 * step()), loose());
                }
        }
        ad_tape_free(b.t);
    }
}

/* H v as the gradient of a tangent, and as the tangent of a gradient; also when only some arguments move. */
TEST(ops_transforms_commute) {
    FOR_EACH_EXAMPLE(op, shape) {
        for (unsigned moving = 1; moving < 1u << AD_TABLE[op].arity; moving++) {
            WITH_BENCH(b, op, shape);
            ad_var x[AD_MAX_IN], v[AD_MAX_IN], hv[2][AD_MAX_IN], slope;
            int which[AD_MAX_IN];
            real weights[RESULT_MAX], memory[AD_MAX_IN][MATRIX_MAX];
            draw_weights(&b, weights);
            size_t n = list_inputs(&b, x, which);
            for (size_t k = 0; k < n; k++) {
                v[k] = random_like(&b, x[k], memory[k]);
                if (!(moving >> k & 1)) v[k] = ad_zeros(b.t, ad_rows(x[k]), ad_cols(x[k]));
            }
            hessian_product(&b, weights, x, v, n, hv[0]);
            ad_var f = scalar_of(&b, weights);
            ad_jvp(&f, 1, x, v, n, &slope);
            ad_grad(slope, x, n, hv[1]);
            for (size_t k = 0; k < n; k++) expect_same(&b, "Hv both ways", hv[0][k], hv[1][k]);
            ad_tape_free(b.t);
        }
    }
}

/* ---- third order ---- */

enum { NET_IN = 3, NET_HIDDEN = 4, NET_ROWS = 5, NET_N = NET_IN * NET_HIDDEN + NET_HIDDEN + NET_HIDDEN + 1 };
typedef struct net { real theta[NET_N], x[NET_ROWS * NET_IN], u[NET_N], v[NET_N]; } net;
static const size_t NET_AT[5] = {0, NET_IN * NET_HIDDEN, NET_IN *NET_HIDDEN + NET_HIDDEN,
                                 NET_IN *NET_HIDDEN + 2 * NET_HIDDEN, NET_N};

static void net_leaves(ad_tape *t, const real *vector, ad_var *leaf) {
    leaf[0] = ad_leaf(t, NET_IN, NET_HIDDEN, vector + NET_AT[0], "w0");
    leaf[1] = ad_leaf(t, 1, NET_HIDDEN, vector + NET_AT[1], "b0");
    leaf[2] = ad_leaf(t, NET_HIDDEN, 1, vector + NET_AT[2], "w1");
    leaf[3] = ad_leaf(t, 1, 1, vector + NET_AT[3], "b1");
}

/* <u, H v> of a small loss, and its gradient. */
static double net_third(const net *m, bool softmax, real *gradient) {
    ad_tape *t = ad_tape_new();
    ad_var w[4], u[4], v[4], g[4], hv[4], third[4];
    net_leaves(t, m->theta, w);
    net_leaves(t, m->u, u);
    net_leaves(t, m->v, v);
    ad_var h = ad_affine(ad_leaf(t, NET_ROWS, NET_IN, m->x, "x"), w[0], w[1], AD_TANH);
    if (softmax) h = ad_add(ad_softmax(h), ad_log_softmax(ad_square(h)));
    ad_var loss = ad_mean(ad_exp(ad_affine(h, w[2], w[3], AD_TANH)));
    ad_grad(loss, w, 4, g);
    ad_jvp(g, 4, w, v, 4, hv);
    ad_var inner = ad_zeros(t, 1, 1);
    for (int i = 0; i < 4; i++) inner = ad_add(inner, ad_sum(ad_mul(u[i], hv[i])));
    ad_grad(inner, w, 4, third);
    for (int i = 0; i < 4; i++)
        memcpy(gradient + NET_AT[i], ad_value(third[i]), (NET_AT[i + 1] - NET_AT[i]) * sizeof(real));
    double value = (double)ad_scalar(inner);
    ad_tape_free(t);
    return value;
}

TEST(ops_third_order_equals_differences) {
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    for (int softmax = 0; softmax < 2; softmax++) {
        net m;
        real gradient[NET_N], other[NET_N];
        fm_rng_fill_uniform(&rng, m.theta, NET_N, -0.8, 0.8);
        fm_rng_fill_uniform(&rng, m.u, NET_N, -1, 1);
        fm_rng_fill_uniform(&rng, m.v, NET_N, -1, 1);
        fm_rng_fill_normal(&rng, m.x, NET_ROWS * NET_IN);
        net_third(&m, softmax, gradient);
        for (size_t i = 0; i < NET_N; i++) {
            real was = m.theta[i];
            m.theta[i] = (real)((double)was + step());
            double up = net_third(&m, softmax, other);
            m.theta[i] = (real)((double)was - step());
            double down = net_third(&m, softmax, other);
            m.theta[i] = was;
            double wanted = (up - down) / (2 * step());
            EXPECT_NEAR(gradient[i], wanted, (DOUBLE ? 1e-7 : 3e-2) * (1 + fabs(wanted)));
        }
    }
}

/* ---- fused ops against composites ---- */

static ad_var composite_act(ad_var x, ad_act act) {
    return act == AD_TANH ? ad_tanh(x) : act == AD_RELU ? ad_relu(x) : x;
}

static ad_var composite_affine(const ad_var *in, const example *e) {
    ad_var product_node = ad_matmul(in[0], in[1]);
    return composite_act(ad_add(product_node, in[2]), e->act);
}

static ad_var composite_act_grad(const ad_var *in, const example *e) {
    if (e->act == AD_RELU)
        return ad_mul(in[0], ad_greater(in[1], ad_zeros(in[0].tape, e->rows[1], e->cols[1])));
    return ad_mul(in[0], ad_shift(ad_neg(ad_square(in[1])), 1));
}

static ad_var composite_act_curve(const ad_var *in, const example *e) {
    (void)e;
    ad_var first = ad_mul(in[0], ad_shift(ad_neg(ad_square(in[2])), 1));
    return ad_sub(first, ad_scale(ad_mul(ad_mul(in[1], in[2]), in[3]), 2));
}

static ad_var composite_log_softmax(const ad_var *in, const example *e) {
    (void)e;
    ad_var down = ad_sub(in[0], ad_stop_gradient(ad_row_max(in[0])));
    return ad_sub(down, ad_log(ad_sum_cols(ad_exp(down))));
}

static ad_var composite_logsumexp(const ad_var *in, const example *e) {
    (void)e;
    ad_var most = ad_stop_gradient(ad_row_max(in[0]));
    return ad_add(ad_log(ad_sum_cols(ad_exp(ad_sub(in[0], most)))), most);
}

static ad_var composite_softmax(const ad_var *in, const example *e) {
    (void)e;
    ad_var weight = ad_exp(ad_sub(in[0], ad_stop_gradient(ad_row_max(in[0]))));
    return ad_div(weight, ad_sum_cols(weight));
}

/* The other way to build a GENERAL op; NULL when nobody has written one. */
static ad_var (*composite_of(ad_op op))(const ad_var *in, const example *e) {
    switch (op) {
        case AD_OP_affine: return composite_affine;
        case AD_OP_act_grad: return composite_act_grad;
        case AD_OP_act_curve: return composite_act_curve;
        case AD_OP_log_softmax: return composite_log_softmax;
        case AD_OP_logsumexp: return composite_logsumexp;
        case AD_OP_softmax: return composite_softmax;
        default: return NULL;
    }
}

TEST(ops_fused_equal_their_composites_to_second_order) {
    FOR_EACH_EXAMPLE(op, shape) {
        if (AD_TABLE[op].kind != AD_GENERAL) continue;
        WITH_BENCH(b, op, shape);
        EXPECT_MSG(composite_of(b.op) != NULL, "%s has no composite", b.name);
        if (composite_of(b.op) == NULL) continue;
        ad_var x[AD_MAX_IN], v[AD_MAX_IN], g[2][AD_MAX_IN], hv[2][AD_MAX_IN], y[2], dy[2];
        int which[AD_MAX_IN];
        real weights[RESULT_MAX], memory[AD_MAX_IN][MATRIX_MAX];
        draw_weights(&b, weights);
        size_t n = list_inputs(&b, x, which);
        for (size_t k = 0; k < n; k++) v[k] = random_like(&b, x[k], memory[k]);
        y[0] = b.y;
        y[1] = composite_of(b.op)(b.in, &b.e);
        for (int way = 0; way < 2; way++) {
            b.y = y[way];
            ad_jvp(&b.y, 1, x, v, n, &dy[way]);
            ad_grad(scalar_of(&b, weights), x, n, g[way]);
            ad_jvp(g[way], n, x, v, n, hv[way]);
        }
        expect_same(&b, "value", y[0], y[1]);
        expect_same(&b, "tangent", dy[0], dy[1]);
        for (size_t k = 0; k < n; k++) {
            expect_same(&b, "gradient", g[0][k], g[1][k]);
            expect_same(&b, "Hessian product", hv[0][k], hv[1][k]);
        }
        ad_tape_free(b.t);
    }
}

/* Some directions zero: each tangent rule has a branch for what does not move. */
TEST(ops_fused_tangents_of_some_arguments) {
    FOR_EACH_EXAMPLE(op, shape) {
        if (AD_TABLE[op].kind != AD_GENERAL) continue;
        for (unsigned moving = 0; moving < 1u << AD_TABLE[op].arity; moving++) {
            WITH_BENCH(b, op, shape);
            ad_var v[AD_MAX_IN], dy[2], y[2] = {b.y, composite_of(b.op)(b.in, &b.e)};
            real memory[AD_MAX_IN][MATRIX_MAX];
            for (int i = 0; i < b.arity; i++) {
                v[i] = random_like(&b, b.in[i], memory[i]);
                if (!(moving >> i & 1)) v[i] = ad_zeros(b.t, b.e.rows[i], b.e.cols[i]);
            }
            ad_jvp(y, 2, b.in, v, (size_t)b.arity, dy);
            expect_same(&b, "tangent", dy[0], dy[1]);
            EXPECT(moving != 0 || ad_is_zero(dy[0]));
            ad_tape_free(b.t);
        }
    }
}

TEST_MAIN(CASE(ops_values_equal_plain_loops), CASE(ops_by_columns_equal_those_by_rows),
          CASE(ops_examples_record_their_op), CASE(ops_forward_and_reverse_are_adjoint),
          CASE(ops_tangents_equal_differences), CASE(ops_gradients_equal_differences),
          CASE(ops_hessians_are_symmetric), CASE(ops_hessian_products_equal_differences_of_gradients),
          CASE(ops_transforms_commute), CASE(ops_third_order_equals_differences),
          CASE(ops_fused_equal_their_composites_to_second_order), CASE(ops_fused_tangents_of_some_arguments))
