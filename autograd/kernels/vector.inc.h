/* vector.inc.h: vector functions, sums, softmax, Adam, over the primitives of a variant. */

/* Runs BODY at 0, W, 2W, ... with LOAD and STORE of W entries, then once more for the tail, through a
 * mask: the same arithmetic for every entry. */
#define LOAD(p) vload((p) + at_)
#define STORE(p, v) vstore((p) + at_, v)
#define LOAD_TAIL(p) vload_m(tail_, (p) + at_)
#define STORE_TAIL(p, v) vstore_m(tail_, (p) + at_, v)
#define FOR_EACH_VECTOR(n, BODY)                                                                             \
    do {                                                                                                     \
        size_t at_ = 0;                                                                                      \
        for (; at_ + W <= (n); at_ += W) BODY(LOAD, STORE);                                                  \
        if (at_ < (n)) {                                                                                     \
            const mask tail_ = vtail((n) - at_);                                                             \
            BODY(LOAD_TAIL, STORE_TAIL);                                                                     \
        }                                                                                                    \
    } while (0)

#define UNARY(name, expression)                                                                              \
    static void ad_k_##name(size_t n, const real *px, real *py) {                                            \
        const vec zero = vzero(), one = vset(1);                                                             \
        (void)zero, (void)one;                                                                               \
        FOR_EACH_VECTOR(n, expression);                                                                      \
    }
#define Y(load, store, value) { vec x = load(px); store(py, value); }

#define BODY_TANH(load, store) Y(load, store, vtanh(x))
#define BODY_EXP(load, store) Y(load, store, vexp(x))
#define BODY_LOG(load, store) Y(load, store, vlog(x))
#define BODY_SIGMOID(load, store) Y(load, store, vsigmoid(x))
#define BODY_SOFTPLUS(load, store) Y(load, store, vsoftplus(x))
#define BODY_SIN(load, store) Y(load, store, vsin(x))
#define BODY_COS(load, store) Y(load, store, vcos(x))
#define BODY_SQRT(load, store) Y(load, store, vsqrt(x))
#define BODY_NEG(load, store) Y(load, store, vneg(x))
#define BODY_SQUARE(load, store) Y(load, store, vmul(x, x))
#define BODY_ABS(load, store) Y(load, store, vabs(x))
#define BODY_RELU(load, store) Y(load, store, vmax(zero, x))
#define BODY_SIGN(load, store)                                                                               \
    Y(load, store, vsub(vselect(vgt(x, zero), one, zero), vselect(vgt(zero, x), one, zero)))

UNARY(tanh, BODY_TANH)
UNARY(exp, BODY_EXP)
UNARY(log, BODY_LOG)
UNARY(sigmoid, BODY_SIGMOID)
UNARY(softplus, BODY_SOFTPLUS)
UNARY(sin, BODY_SIN)
UNARY(cos, BODY_COS)
UNARY(sqrt, BODY_SQRT)
UNARY(neg, BODY_NEG)
UNARY(square, BODY_SQUARE)
UNARY(abs, BODY_ABS)
UNARY(relu, BODY_RELU)
UNARY(sign, BODY_SIGN)
#undef Y

#define BINARY(name, expression)                                                                             \
    static void ad_k_##name(size_t n, const real *pa, const real *pb, real *py) {                            \
        const vec zero = vzero(), one = vset(1);                                                             \
        (void)zero, (void)one;                                                                               \
        FOR_EACH_VECTOR(n, expression);                                                                      \
    }
#define Y(load, store, value) { vec a = load(pa), b = load(pb); store(py, value); }

#define BODY_ADD(load, store) Y(load, store, vadd(a, b))
#define BODY_SUB(load, store) Y(load, store, vsub(a, b))
#define BODY_MUL(load, store) Y(load, store, vmul(a, b))
#define BODY_DIV(load, store) Y(load, store, vdiv(a, b))
#define BODY_MIN(load, store) Y(load, store, vselect(visnan(a), a, vmin(a, b)))
#define BODY_MAX(load, store) Y(load, store, vselect(visnan(a), a, vmax(a, b)))
#define BODY_GREATER(load, store) Y(load, store, vselect(vgt(a, b), one, zero))
#define BODY_MUL_DTANH(load, store) Y(load, store, vmul(a, vfnma(b, b, one)))
#define BODY_MUL_DRELU(load, store) Y(load, store, vselect(vgt(b, zero), a, zero))

BINARY(add, BODY_ADD)
BINARY(sub, BODY_SUB)
BINARY(mul, BODY_MUL)
BINARY(div, BODY_DIV)
BINARY(min, BODY_MIN)
BINARY(max, BODY_MAX)
BINARY(greater, BODY_GREATER)
BINARY(mul_dtanh, BODY_MUL_DTANH)
BINARY(mul_drelu, BODY_MUL_DRELU)
#undef Y

static void ad_k_mul_add(size_t n, const real *pa, const real *pb, const real *pc, real *py) {
#define BODY(load, store) store(py, vfma(load(pa), load(pb), load(pc)))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_where(size_t n, const real *pm, const real *pa, const real *pb, real *py) {
    const vec zero = vzero();
#define BODY(load, store)                                                                                    \
    {                                                                                                        \
        vec m = load(pm), a = load(pa), b = load(pb);                                                        \
        store(py, vselect(vgt(vabs(m), zero), a, vselect(visnan(m), a, b)));                                 \
    }
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_mul_add_mul(size_t n, const real *pa, const real *pb, const real *pc, const real *pd,
                          real *py) {
#define BODY(load, store) store(py, vfma(load(pa), load(pb), vmul(load(pc), load(pd))))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_mul_dtanh_dot(size_t n, const real *pa, const real *pb, const real *pc, const real *pd,
                            real *py) {
    const vec one = vset(1), two = vset(2);
#define BODY(load, store)                                                                                    \
    {                                                                                                        \
        vec b = load(pb), slope = vmul(vmul(two, b), vmul(load(pc), load(pd)));                              \
        store(py, vsub(vmul(load(pa), vfnma(b, b, one)), slope));                                            \
    }
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_scale(size_t n, real s, const real *px, real *py) {
    const vec factor = vset(s);
#define BODY(load, store) store(py, vmul(factor, load(px)))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_shift(size_t n, real s, const real *px, real *py) {
    const vec offset = vset(s);
#define BODY(load, store) store(py, vadd(offset, load(px)))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_axpy(size_t n, real s, const real *px, real *py) {
    const vec factor = vset(s);
#define BODY(load, store) store(py, vfma(factor, load(px), load(py)))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_axpby(size_t n, real s, const real *px, real t, real *py) {
    const vec factor = vset(s), other = vset(t);
#define BODY(load, store) store(py, vfma(factor, load(px), vmul(other, load(py))))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_clip(size_t n, real low, real high, const real *px, real *py) {
    const vec bottom = vset(low), top = vset(high);
#define BODY(load, store) store(py, vmin(top, vmax(bottom, load(px))))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_fill(size_t n, real s, real *py) {
    const vec value = vset(s);
#define BODY(load, store) store(py, value)
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

#define BROADCAST(name, op)                                                                                  \
    static void ad_k_##name##_row(size_t m, size_t n, const real *x, const real *v, real *y) {               \
        for (size_t row = 0; row < m; row++) ad_k_##name(n, x + row * n, v, y + row * n);                    \
    }                                                                                                        \
    static void ad_k_##name##_col(size_t m, size_t n, const real *x, const real *v, real *y) {               \
        if (n == 1) {                                                                                        \
            ad_k_##name(m, x, v, y);                                                                         \
            return;                                                                                          \
        }                                                                                                    \
        for (size_t row = 0; row < m; row++) {                                                               \
            const real *px = x + row * n;                                                                    \
            real *py = y + row * n;                                                                          \
            const vec value = vset(v[row]);                                                                  \
            FOR_EACH_VECTOR(n, op);                                                                          \
        }                                                                                                    \
    }
#define BODY_ADD_COL(load, store) store(py, vadd(load(px), value))
#define BODY_SUB_COL(load, store) store(py, vsub(load(px), value))
#define BODY_MUL_COL(load, store) store(py, vmul(load(px), value))
#define BODY_DIV_COL(load, store) store(py, vdiv(load(px), value))
BROADCAST(add, BODY_ADD_COL)
BROADCAST(sub, BODY_SUB_COL)
BROADCAST(mul, BODY_MUL_COL)
BROADCAST(div, BODY_DIV_COL)

/* Sums: vector i goes to partial sum i mod 4; then the four, then the entries. STEP adds one vector to a
 * partial sum. */
#define SUM_OF(STEP)                                                                                         \
    vec part[4] = {vzero(), vzero(), vzero(), vzero()};                                                      \
    size_t at_ = 0;                                                                                          \
    for (; at_ + 4 * W <= n; at_ += W)                                                                       \
        AD_UNROLL for (int j = 0; j < 4; j++, at_ += j < 4 ? W : 0) STEP(part[j], LOAD);                     \
    for (; at_ < n; at_ += W) {                                                                              \
        const mask tail_ = vtail(n - at_);                                                                   \
        STEP(part[0], LOAD_TAIL);                                                                            \
    }                                                                                                        \
    return vsum(vadd(vadd(part[0], part[1]), vadd(part[2], part[3])))

static real ad_k_sum(size_t n, const real *px) {
#define STEP(s, load) s = vadd(s, load(px))
    SUM_OF(STEP);
#undef STEP
}

static real ad_k_dot(size_t n, const real *px, const real *py) {
#define STEP(s, load) s = vfma(load(px), load(py), s)
    SUM_OF(STEP);
#undef STEP
}

static real ad_k_sum_squares(size_t n, const real *px) {
    return ad_k_dot(n, px, px);
}

/* Columns j..j + nv W: row i goes to partial sum i mod `ways`. */
AD_INLINE void col_sums_block(const int nv, const size_t ways, size_t m, mask last, const real *x, size_t ldx,
                              bool accumulate, real *y) {
    vec part[4][4];
    for (size_t r = 0; r < ways; r++)
        AD_UNROLL for (int j = 0; j < nv; j++) part[r][j] = vzero();
    size_t i = 0;
    for (; i + ways <= m; i += ways, x += ways * ldx)
        AD_UNROLL for (size_t r = 0; r < ways; r++)
            AD_UNROLL for (int j = 0; j < nv; j++) {
                const real *p = x + r * ldx + j * W;
                part[r][j] = vadd(part[r][j], j == nv - 1 ? vload_m(last, p) : vload(p));
            }
    for (; i < m; i++, x += ldx)
        AD_UNROLL for (int j = 0; j < nv; j++)
            part[0][j] = vadd(part[0][j], j == nv - 1 ? vload_m(last, x + j * W) : vload(x + j * W));
    AD_UNROLL for (int j = 0; j < nv; j++) {
        vec s = part[0][j];
        AD_UNROLL for (size_t r = 1; r < ways; r++) s = vadd(s, part[r][j]);
        const mask all = j == nv - 1 ? last : vtail(W);
        if (accumulate) s = vadd(s, vload_m(all, y + j * W));
        vstore_m(all, y + j * W, s);
    }
}

static void ad_k_col_sums(size_t m, size_t n, const real *x, size_t ldx, bool accumulate, real *y) {
    for (size_t j = 0; j < n; j += 4 * W) {
        size_t left = n - j, nv = left >= 4 * W ? 4 : (left + W - 1) / W;
        mask last = vtail(left - (nv - 1) * W);
        switch (nv) {
        case 1: col_sums_block(1, 4, m, last, x + j, ldx, accumulate, y + j); break;
        case 2: col_sums_block(2, 4, m, last, x + j, ldx, accumulate, y + j); break;
        case 3: col_sums_block(3, 2, m, last, x + j, ldx, accumulate, y + j); break;
        default: col_sums_block(4, 2, m, last, x + j, ldx, accumulate, y + j); break;
        }
    }
}

/* W rows at a time: one vector of partial sums per row, then all W are summed across at once. Rows that
 * are not there repeat the last one. */
#define ROW(r) (x + ((r) < rows ? (r) : rows - 1) * ldx)

AD_INLINE vec sum_of_rows(size_t rows, size_t n, const real *x, size_t ldx) {
    vec part[W];
    AD_UNROLL for (size_t r = 0; r < W; r++) {
        const real *row = ROW(r);
        size_t j = 0;
        part[r] = vzero();
        for (; j + W <= n; j += W) part[r] = vadd(part[r], vload(row + j));
        if (j < n) part[r] = vadd(part[r], vload_m(vtail(n - j), row + j));
    }
    return vsum_all(part);
}

AD_INLINE vec max_of_rows(size_t rows, size_t n, const real *x, size_t ldx) {
    vec part[W];
    AD_UNROLL for (size_t r = 0; r < W; r++) {
        const real *row = ROW(r);
        const vec first = vset(row[0]);
        size_t j = 0;
        part[r] = first;
        for (; j + W <= n; j += W) part[r] = vmax(part[r], vload(row + j));
        if (j < n) {
            mask tail = vtail(n - j);
            part[r] = vmax(part[r], vselect(tail, vload_m(tail, row + j), first));
        }
    }
    return vmax_all(part);
}
#undef ROW

static void ad_k_row_sums(size_t m, size_t n, const real *x, size_t ldx, bool accumulate, real *y) {
    for (size_t i = 0; i < m; i += W) {
        const size_t rows = m - i < W ? m - i : W;
        const mask inside = vtail(rows);
        vec sums = sum_of_rows(rows, n, x + i * ldx, ldx);
        if (accumulate) sums = vadd(sums, vload_m(inside, y + i));
        vstore_m(inside, y + i, sums);
    }
}

/* W rows by 4 columns at a time. */
static void ad_k_transpose(size_t m, size_t n, const real *x, real *y) {
    for (size_t i = 0; i < m; i += W) {
        const size_t rows = m - i < W ? m - i : W;
        const mask inside = vtail(rows);
        for (size_t j = 0; j < n; j += 4) {
            const size_t columns = n - j < 4 ? n - j : 4;
            const real *from = x + i * n + j;
            real *to = y + j * m + i;
            vec v[4];
            if (columns == 4 && rows == W) {
                vload_columns(from, n, W, true, 4, v);
                AD_UNROLL for (size_t l = 0; l < 4; l++) vstore(to + l * m, v[l]);
                continue;
            }
            if (columns == 4) vload_columns(from, n, rows, true, 4, v);
            else vload_columns(from, n, rows, false, columns, v);
            for (size_t l = 0; l < columns; l++) vstore_m(inside, to + l * m, v[l]);
        }
    }
}

/* y = exp(x - max) over W rows or fewer; leaves the maxima of the rows in `top`. */
AD_INLINE void exp_of_rows(size_t rows, size_t n, const real *x, real *top, real *y) {
    vstore(top, max_of_rows(rows, n, x, n));
    for (size_t r = 0; r < rows; r++) {
        const real *px = x + r * n;
        real *py = y + r * n;
        const vec largest = vset(top[r]);
#define BODY(load, store) store(py, vexp(vsub(load(px), largest)))
        FOR_EACH_VECTOR(n, BODY);
#undef BODY
    }
}

/* The largest entry, to be subtracted before exp; an infinite one is left for exp and log to carry through,
 * where infinity - infinity would not be a number. */
AD_INLINE vec finite_top(vec top) { return vselect(vgt(vset((real)INFINITY), vabs(top)), top, vzero()); }

typedef enum soft { SOFTMAX, LOG_SOFTMAX, LOG_SUM } soft;

enum { NARROW = 8 };

/* Few columns (the actions of a small game): vectors run down the rows, W at a time. */
AD_INLINE void narrow_softmax(const soft kind, size_t m, size_t n, const real *x, real *y) {
    if (n == 0) return; /* never so, but compilers cannot know that v[0] is set */
    for (size_t i = 0; i < m; i += W) {
        const size_t rows = m - i < W ? m - i : W;
        vec v[NARROW], p[NARROW];
        real spread[NARROW][W];
        for (size_t j = 0; j < n; j += 4)
            if (n - j >= 4) vload_columns(x + i * n + j, n, rows, true, 4, v + j);
            else vload_columns(x + i * n + j, n, rows, false, n - j, v + j);
        vec top = v[0], sum = vzero();
        for (size_t j = 1; j < n; j++) top = vmax(top, v[j]);
        if (kind == LOG_SUM) top = finite_top(top);
        for (size_t j = 0; j < n; j++) {
            v[j] = vsub(v[j], top);
            p[j] = vexp(v[j]);
            sum = vadd(sum, p[j]);
        }
        if (kind == LOG_SUM) {
            vstore_m(vtail(rows), y + i, vadd(top, vlog(sum)));
            continue;
        }
        const vec last = kind == LOG_SOFTMAX ? vlog(sum) : vdiv(vset(1), sum);
        for (size_t j = 0; j < n; j++)
            vstore(spread[j], kind == LOG_SOFTMAX ? vsub(v[j], last) : vmul(p[j], last));
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++) y[(i + r) * n + j] = spread[j][r];
    }
}

static void ad_k_softmax(size_t m, size_t n, const real *x, real *y) {
    if (n <= NARROW) {
        narrow_softmax(SOFTMAX, m, n, x, y);
        return;
    }
    real top[W], total[W];
    for (size_t i = 0; i < m; i += W) {
        size_t rows = m - i < W ? m - i : W;
        exp_of_rows(rows, n, x + i * n, top, y + i * n);
        vstore(total, vdiv(vset(1), sum_of_rows(rows, n, y + i * n, n)));
        ad_k_mul_col(rows, n, y + i * n, total, y + i * n);
    }
}

/* log of the sum over exp(x - top), of W rows or fewer. */
AD_INLINE vec log_sums(size_t rows, size_t n, const real *x, const real *top) {
    real sum[W] = {0};
    for (size_t r = 0; r < rows; r++) {
        const real *px = x + r * n;
        const vec largest = vset(top[r]);
        vec part = vzero();
        size_t j = 0;
        for (; j + W <= n; j += W) part = vadd(part, vexp(vsub(vload(px + j), largest)));
        if (j < n) {
            mask tail = vtail(n - j);
            part = vadd(part, vselect(tail, vexp(vsub(vload_m(tail, px + j), largest)), vzero()));
        }
        sum[r] = vsum(part);
    }
    return vlog(vload(sum));
}

static void ad_k_log_softmax(size_t m, size_t n, const real *x, real *y) {
    if (n <= NARROW) {
        narrow_softmax(LOG_SOFTMAX, m, n, x, y);
        return;
    }
    real top[W], total[W];
    for (size_t i = 0; i < m; i += W) {
        size_t rows = m - i < W ? m - i : W;
        const real *block = x + i * n;
        vstore(top, max_of_rows(rows, n, block, n));
        vstore(total, log_sums(rows, n, block, top));
        for (size_t r = 0; r < rows; r++) {
            const real *px = block + r * n;
            real *py = y + (i + r) * n;
            const vec largest = vset(top[r]), log_sum = vset(total[r]);
#define BODY(load, store) store(py, vsub(vsub(load(px), largest), log_sum))
            FOR_EACH_VECTOR(n, BODY);
#undef BODY
        }
    }
}

static void ad_k_logsumexp(size_t m, size_t n, const real *x, real *y) {
    if (n <= NARROW) {
        narrow_softmax(LOG_SUM, m, n, x, y);
        return;
    }
    real top[W];
    for (size_t i = 0; i < m; i += W) {
        const size_t rows = m - i < W ? m - i : W;
        const vec most = finite_top(max_of_rows(rows, n, x + i * n, n));
        vstore(top, most);
        vstore_m(vtail(rows), y + i, vadd(most, log_sums(rows, n, x + i * n, top)));
    }
}

/* Down the columns, a vector of them at a time; y may be x. */
AD_INLINE void softmax_of_columns(const bool logarithm, size_t m, size_t n, const real *x, real *y) {
#define BODY(load, store)                                                                                    \
    {                                                                                                        \
        const real *px = x;                                                                                  \
        vec top = load(px), sum = vzero();                                                                   \
        for (size_t i = 1; i < m; i++) {                                                                     \
            px += n;                                                                                         \
            top = vmax(top, load(px));                                                                       \
        }                                                                                                    \
        px = x;                                                                                              \
        real *py = y;                                                                                        \
        for (size_t i = 0; i < m; i++, px += n, py += n) {                                                   \
            const vec below = vsub(load(px), top), power = vexp(below);                                      \
            sum = vadd(sum, power);                                                                          \
            store(py, logarithm ? below : power);                                                            \
        }                                                                                                    \
        const vec last = logarithm ? vlog(sum) : vdiv(vset(1), sum);                                         \
        py = y;                                                                                              \
        for (size_t i = 0; i < m; i++, py += n)                                                              \
            store(py, logarithm ? vsub(load(py), last) : vmul(load(py), last));                              \
    }
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

static void ad_k_softmax_columns(size_t m, size_t n, const real *x, real *y) {
    softmax_of_columns(false, m, n, x, y);
}

static void ad_k_log_softmax_columns(size_t m, size_t n, const real *x, real *y) {
    softmax_of_columns(true, m, n, x, y);
}

static void ad_k_logsumexp_columns(size_t m, size_t n, const real *x, real *py) {
#define BODY(load, store)                                                                                    \
    {                                                                                                        \
        const real *px = x;                                                                                  \
        vec top = load(px), sum = vzero();                                                                   \
        for (size_t i = 1; i < m; i++) top = vmax(top, load(px + i * n));                                    \
        top = finite_top(top);                                                                               \
        for (size_t i = 0; i < m; i++) sum = vadd(sum, vexp(vsub(load(px + i * n), top)));                   \
        store(py, vadd(top, vlog(sum)));                                                                     \
    }
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}

/* Moments of parameters without a gradient end at zero: as denormal numbers they would stay for good, and
 * each costs the processor a hundred cycles. */
static real ad_k_adam(size_t n, real *theta, real *first, real *second, const real *g, const ad_adam *step,
                      real *target) {
    const vec b1 = vset((real)step->beta1), c1 = vset((real)(1 - step->beta1)), rate = vset((real)step->rate);
    const vec b2 = vset((real)step->beta2), c2 = vset((real)(1 - step->beta2));
    const vec small = vset((real)step->epsilon), zero = vzero(), least = vset((real)1e-36);
    const vec tau = vset((real)step->tau), rest = vset((real)(1 - step->tau));
    vec squares = zero;
#define BODY(load, store)                                                                                    \
    {                                                                                                        \
        vec slope = load(g), u = vfma(b1, load(first), vmul(c1, slope));                                     \
        vec v = vfma(vmul(c2, slope), slope, vmul(b2, load(second)));                                        \
        const mask none = vgt(least, v);                                                                     \
        u = vselect(vgt(least, vabs(u)), zero, u);                                                           \
        v = vselect(none, zero, v);                                                                          \
        squares = vfma(slope, slope, squares);                                                               \
        store(first, u);                                                                                     \
        store(second, v);                                                                                    \
        const vec x = vfnma(rate, vover_root(u, v, none, small), load(theta));                               \
        store(theta, x);                                                                                     \
        if (target != NULL) store(target, vfma(tau, x, vmul(rest, load(target))));                           \
    }
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
    return vsum(squares);
}

/* Enough independent chains to hide the latency; the result is kept where the compiler cannot drop it. */
static double ad_k_peak_fma(size_t iterations) {
    static volatile real sink;
    const vec factor = vset((real)0.999), term = vset((real)0.001);
    vec chain[AD_PEAK_CHAINS];
    AD_UNROLL for (int j = 0; j < AD_PEAK_CHAINS; j++) chain[j] = vset((real)j);
    for (size_t i = 0; i < iterations; i++)
        AD_UNROLL for (int j = 0; j < AD_PEAK_CHAINS; j++) chain[j] = vfma(chain[j], factor, term);
    AD_UNROLL for (int j = 1; j < AD_PEAK_CHAINS; j++) chain[0] = vadd(chain[0], chain[j]);
    sink = vsum(chain[0]);
    (void)sink;
    return (double)iterations * AD_PEAK_CHAINS * W * AD_FLOPS_PER_FMA;
}

/* The largest: one operation per vector, eight chains, so that loading is the limit. */
static real ad_k_memory_read(size_t n, const real *x) {
    vec part[8];
    AD_UNROLL for (int j = 0; j < 8; j++) part[j] = vzero();
    size_t i = 0;
    for (; i + 8 * W <= n; i += 8 * W)
        AD_UNROLL for (size_t j = 0; j < 8; j++) part[j] = vmax(part[j], vload(x + i + j * W));
    for (; i < n; i += W) part[0] = vmax(part[0], vload_m(vtail(n - i), x + i));
    AD_UNROLL for (int j = 1; j < 8; j++) part[0] = vadd(part[0], part[j]);
    return vsum(part[0]);
}

static void ad_k_memory_copy(size_t n, const real *px, real *py) {
#define BODY(load, store) store(py, load(px))
    FOR_EACH_VECTOR(n, BODY);
#undef BODY
}
