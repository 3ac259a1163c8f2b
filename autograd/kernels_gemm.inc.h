/* kernels_gemm.inc.h: matrix products, over the primitives of a variant. benchmarks/kernels.md explains
 * the choices.
 *
 * The work horse is a tile: `mr` rows of C by `nv` vectors of its columns, held in registers while k runs.
 * A is read one entry at a time, by rows (distance between rows lda) or by columns (A stored transposed);
 * B a row of vectors at a time, in place or from a packed panel. Tiles of every height exist, so m is
 * divided evenly and has no slow edge; the last vector of a row is masked. Products with few columns or
 * rows whose vectors would be mostly empty are computed as dot products along k instead. */
#include <stdalign.h>
#include <string.h>

enum {
    DEPTH = 256,      /* k of one panel: so many rows of 2 vectors are 32 KB, of a first-level cache of 48 */
    BLOCK_ROWS = 504, /* rows of A per pass over B: they stay in the second level */
    MAX_VECTORS = 4,
    PANEL = DEPTH * MAX_VECTORS * W
};

static _Thread_local alignas(64) real packed[PANEL];

static const real zeros[MAX_VECTORS * W];

typedef struct operand {
    const real *at;
    size_t ld;
    bool transposed; /* A: stored by columns [k, m]; B: stored by columns [n, k] */
} operand;

typedef struct output {
    size_t m, n;
    real *at;
    size_t ld;
} output;

/* ---- what happens to entries that are complete ---- */

AD_INLINE vec slope_of(ad_act act, vec y) {
    if (act == AD_RELU) return vselect(vgt(y, vzero()), vset(1), vzero());
    return vfnma(y, y, vset(1));
}

/* Applies activation and mask to columns j.. j + n, rows i.. i + m of the result, which start at c. */
AD_INLINE void finish_rows(const ad_act act, const ad_act mask_of, const ad_epilogue *e, size_t i, size_t j,
                           output c) {
    for (size_t r = 0; r < c.m; r++) {
        real *py = c.at + r * c.ld;
        const real *pm = mask_of == AD_IDENTITY ? NULL : e->y + (i + r) * e->ldy + j;
#define BODY(load, store)                                                                                    \
    {                                                                                                        \
        vec x = load(py);                                                                                    \
        if (act == AD_RELU) x = vmax(vzero(), x);                                                            \
        if (act == AD_TANH) x = vtanh(x);                                                                    \
        if (mask_of == AD_RELU) x = vselect(vgt(load(pm), vzero()), x, vzero());                             \
        if (mask_of == AD_TANH) x = vmul(x, slope_of(AD_TANH, load(pm)));                                    \
        store(py, x);                                                                                        \
    }
        FOR_EACH_VECTOR(c.n, BODY);
#undef BODY
    }
}

static void finish(const ad_epilogue *e, size_t i, size_t j, output c) {
    if (e->act == AD_RELU) finish_rows(AD_RELU, AD_IDENTITY, e, i, j, c);
    if (e->act == AD_TANH) finish_rows(AD_TANH, AD_IDENTITY, e, i, j, c);
    if (e->mask == AD_RELU) finish_rows(AD_IDENTITY, AD_RELU, e, i, j, c);
    if (e->mask == AD_TANH) finish_rows(AD_IDENTITY, AD_TANH, e, i, j, c);
}

static bool has_finish(const ad_epilogue *e) {
    return e != NULL && (e->act != AD_IDENTITY || e->mask != AD_IDENTITY);
}

/* ---- tiles ---- */

/* C starts from `start`, whose rows lie `start_ld` apart: C itself to accumulate, or one row for all
 * (bias, zeros) with start_ld 0. B has whole vectors to read. */
typedef struct tile_args {
    size_t k;
    const real *a;
    size_t lda;
    const real *b;
    size_t ldb;
    mask last; /* of the columns of C */
    const real *start;
    size_t start_ld;
    real *c;
    size_t ldc;
} tile_args;

#define LAST(j, m, p) ((j) == nv - 1 ? vload_m(m, p) : vload(p))

/* One k: a row of B times one entry of each row of A. By rows, `at` points to every third row of A, so
 * that all are reached with few address registers; by columns, at[0] points to the column. Arithmetic on
 * addresses is scarce: it takes the ports of the multiply-adds. */
AD_INLINE void tile_step(const int mr, const int nv, const bool a_by_columns, const real *const at[5],
                         size_t lda, const real *b, vec c[14][MAX_VECTORS]) {
    vec row[MAX_VECTORS];
    AD_UNROLL for (int j = 0; j < nv; j++) row[j] = vload(b + j * W);
    AD_UNROLL for (int i = 0; i < mr; i++) {
        const vec entry = vset(a_by_columns ? at[0][i] : at[i / 3][(size_t)(i % 3) * lda]);
        AD_UNROLL for (int j = 0; j < nv; j++) c[i][j] = vfma(entry, row[j], c[i][j]);
    }
}

/* Small tiles sum k modulo 2 or 4 apart (`ways`), to have enough independent sums in flight. */
AD_INLINE void tile(const int mr, const int nv, const bool a_by_columns, const tile_args *t) {
    const int ways = mr * nv >= 8 ? 1 : mr * nv >= 4 ? 2 : 4, groups = a_by_columns ? 1 : (mr + 2) / 3;
    const size_t lda = t->lda, ldb = t->ldb, ldc = t->ldc, start_ld = t->start_ld;
    const size_t a_step = a_by_columns ? lda : 1;
    const mask last = t->last;
    const real *a[5], *b = t->b, *start = t->start;
    AD_UNROLL for (int g = 0; g < groups; g++) a[g] = t->a + (size_t)(3 * g) * lda;
    vec c[4][14][MAX_VECTORS];
    if (start_ld == 0) {
        AD_UNROLL for (int j = 0; j < nv; j++) {
            c[0][0][j] = LAST(j, last, start + j * W);
            AD_UNROLL for (int i = 1; i < mr; i++) c[0][i][j] = c[0][0][j];
        }
    } else {
        AD_UNROLL for (int i = 0; i < mr; i++, start += start_ld)
            AD_UNROLL for (int j = 0; j < nv; j++) c[0][i][j] = LAST(j, last, start + j * W);
    }
    AD_UNROLL for (int w = 1; w < ways; w++)
        AD_UNROLL for (int i = 0; i < mr; i++)
            AD_UNROLL for (int j = 0; j < nv; j++) c[w][i][j] = vzero();
    size_t k = t->k;
    for (; k >= 4; k -= 4) {
        AD_UNROLL for (int w = 0; w < 4; w++) {
            tile_step(mr, nv, a_by_columns, a, lda, b, c[w % ways]);
            AD_UNROLL for (int g = 0; g < groups; g++) a[g] += a_step;
            b += ldb;
        }
        AD_UNROLL for (int g = 0; g < groups; g++) AD_OPAQUE(a[g]);
    }
    for (; k > 0; k--, b += ldb) {
        tile_step(mr, nv, a_by_columns, a, lda, b, c[0]);
        AD_UNROLL for (int g = 0; g < groups; g++) a[g] += a_step;
    }
    real *to = t->c;
    AD_UNROLL for (int i = 0; i < mr; i++, to += ldc)
        AD_UNROLL for (int j = 0; j < nv; j++) {
            vec sum = c[0][i][j];
            AD_UNROLL for (int w = 1; w < ways; w++) sum = vadd(sum, c[w][i][j]);
            if (j == nv - 1) vstore_m(last, to + j * W, sum);
            else vstore(to + j * W, sum);
        }
}
#undef LAST

#define TILE_ROWS_3(X, nv) X(1, nv) X(2, nv) X(3, nv)
#define TILE_ROWS_4(X, nv) TILE_ROWS_3(X, nv) X(4, nv)
#define TILE_ROWS_6(X, nv) TILE_ROWS_4(X, nv) X(5, nv) X(6, nv)
#define TILE_ROWS_8(X, nv) TILE_ROWS_6(X, nv) X(7, nv) X(8, nv)
#define TILE_ROWS_12(X, nv) TILE_ROWS_8(X, nv) X(9, nv) X(10, nv) X(11, nv) X(12, nv)
#define TILE_ROWS_14(X, nv) TILE_ROWS_12(X, nv) X(13, nv) X(14, nv)

#define TILE(mr, nv)                                                                                         \
    static void tile_rows_##mr##_##nv(const tile_args *t) { tile(mr, nv, false, t); }                        \
    static void tile_cols_##mr##_##nv(const tile_args *t) { tile(mr, nv, true, t); }
AD_TILES(TILE)

#define TILE_BY_ROWS(mr, nv) [nv][mr] = tile_rows_##mr##_##nv,
#define TILE_BY_COLUMNS(mr, nv) [nv][mr] = tile_cols_##mr##_##nv,
static void (*const tiles[2][MAX_VECTORS + 1][15])(const tile_args *) = {{AD_TILES(TILE_BY_ROWS)},
                                                                         {AD_TILES(TILE_BY_COLUMNS)}};
static const size_t tile_rows[MAX_VECTORS + 1] = AD_TILE_ROWS;

/* ---- packing B: rows of `nv` vectors without gaps, zero beyond the last column ---- */

static void pack_rows(size_t k, size_t n, size_t nv, const real *b, size_t ldb, real *to) {
    const mask last = vtail(n - (nv - 1) * W);
    for (size_t p = 0; p < k; p++, b += ldb, to += nv * W) {
        for (size_t j = 0; j + 1 < nv; j++) vstore(to + j * W, vload(b + j * W));
        vstore(to + (nv - 1) * W, vload_m(last, b + (nv - 1) * W));
    }
}

/* The same from B stored by columns. Columns that are not there repeat the last one: nothing reads them. */
static void pack_columns(size_t k, size_t n, size_t nv, const real *b, size_t ldb, real *to) {
    for (size_t j = 0; j < nv; j++, to += W, b += W * ldb) {
        const size_t columns = n - j * W < W ? n - j * W : W;
        size_t p = 0;
        for (; p + 4 <= k; p += 4) {
            vec v[4];
            if (columns == W) vload_columns(b + p, ldb, W, true, 4, v);
            else vload_columns(b + p, ldb, columns, true, 4, v);
            AD_UNROLL for (size_t l = 0; l < 4; l++) vstore(to + (p + l) * nv * W, v[l]);
        }
        if (p == k) continue;
        vec v[4];
        vload_columns(b + p, ldb, columns, false, k - p, v);
        AD_UNROLL for (size_t l = 0; l < 3; l++)
            if (p + l < k) vstore(to + (p + l) * nv * W, v[l]);
    }
}

/* ---- side tiles: few columns beyond a whole vector ---- */

enum { SIDE_MAX = W / 2 };

/* How many rows of a block of n columns go to side tiles: all but the last few, when the shape suits. */
static size_t side_count(size_t m, size_t n) {
    const bool suits = AD_SIDE_TILES && (n <= SIDE_MAX || (n > W && n <= W + SIDE_MAX));
    return suits ? m / W * W : 0;
}

/* With n = 20 the second vector of a row of C would be three quarters empty. Here the first 16 columns of
 * 16 rows are summed by rows, as in a tile, but the r <= 8 columns beyond them by columns: vectors along
 * m. A is read by columns (so a copy is transposed if it is stored by rows), and no entry of any register
 * is empty. `head` is 0 when there are only the r columns. */
#if AD_SIDE_TILES

static _Thread_local alignas(64) real packed_rows[DEPTH * W];

/* Adds to W rows of C, from column `at` on, the sums side[t] of columns t < r. */
AD_INLINE void put_side(const int r, vec side[SIDE_MAX], const real *start, size_t start_ld, real *c,
                        size_t ldc) {
    AD_UNROLL for (int g = 0; g < r; g += 4) {
        real spread[4 * W];
        vtranspose_quarters(side + g);
        AD_UNROLL for (int j = 0; j < 4; j++) vstore(spread + j * W, side[g + j]);
        AD_UNROLL for (int i = 0; i < W; i++) {
            const real *from = spread + (i % 4) * W + i / 4 * 4;
            const int count = r - g < 4 ? r - g : 4;
            real sum[4];
            const real *old = start + (size_t)i * start_ld + g;
            AD_UNROLL for (int j = 0; j < count; j++) sum[j] = old[j] + from[j];
            memcpy(c + (size_t)i * ldc + g, sum, (size_t)count * sizeof(real));
        }
    }
}

AD_INLINE void side_tile(const int head, const int r, const tile_args *t) {
    const int ways = head || r >= 8 ? 1 : r >= 4 ? 2 : 4;
    vec body[W], side[4][SIDE_MAX];
    AD_UNROLL for (size_t i = 0; i < W; i++) body[i] = head ? vload(t->start + i * t->start_ld) : vzero();
    AD_UNROLL for (int w = 0; w < 4; w++)
        AD_UNROLL for (int j = 0; j < SIDE_MAX; j++) side[w][j] = vzero();
    const real *a = t->a, *b = t->b;
    size_t k = t->k;
    for (; k >= 4; k -= 4)
        AD_UNROLL for (int w = 0; w < 4; w++, a += t->lda, b += t->ldb) {
            const vec column = vload(a);
            if (head) {
                const vec row = vload(b);
                AD_UNROLL for (int i = 0; i < W; i++) body[i] = vfma(vset(a[i]), row, body[i]);
            }
            AD_UNROLL for (int j = 0; j < r; j++)
                side[w % ways][j] = vfma(vset(b[head * W + j]), column, side[w % ways][j]);
        }
    for (; k > 0; k--, a += t->lda, b += t->ldb) {
        const vec column = vload(a);
        if (head)
            AD_UNROLL for (int i = 0; i < W; i++) body[i] = vfma(vset(a[i]), vload(b), body[i]);
        AD_UNROLL for (int j = 0; j < r; j++) side[0][j] = vfma(vset(b[head * W + j]), column, side[0][j]);
    }
    AD_UNROLL for (int w = 1; w < ways; w++)
        AD_UNROLL for (int j = 0; j < r; j++) side[0][j] = vadd(side[0][j], side[w][j]);
    if (head)
        AD_UNROLL for (int i = 0; i < W; i++) vstore(t->c + (size_t)i * t->ldc, body[i]);
    put_side(r, side[0], t->start + head * W, t->start_ld, t->c + head * W, t->ldc);
}

#define SIDE_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define SIDE_TILE(r)                                                                                         \
    static void side_tile_0_##r(const tile_args *t) { side_tile(0, r, t); }                                  \
    static void side_tile_1_##r(const tile_args *t) { side_tile(1, r, t); }
SIDE_TILES(SIDE_TILE)

#define SIDE_TILE_0(r) [r] = side_tile_0_##r,
#define SIDE_TILE_1(r) [r] = side_tile_1_##r,
static void (*const side_tiles[2][SIDE_MAX + 1])(const tile_args *) = {{SIDE_TILES(SIDE_TILE_0)},
                                                                       {SIDE_TILES(SIDE_TILE_1)}};

/* Computes the first `count` rows of a block of n columns, W at a time. B need not be packed: no more than
 * n entries of a row are read. */
static void side_rows(size_t count, size_t n, operand a, tile_args t) {
    const size_t head = n > W, r = n - head * W;
    for (size_t i = 0; i < count; i += W) {
        tile_args one = t;
        one.start = t.start + i * t.start_ld;
        one.c = t.c + i * t.ldc;
        one.a = a.at + i;
        if (!a.transposed) {
            pack_columns(t.k, W, 1, a.at + i * a.ld, a.ld, packed_rows);
            one.a = packed_rows;
            one.lda = W;
        }
        side_tiles[head][r](&one);
    }
}

#else

static void side_rows(size_t count, size_t n, operand a, tile_args t) {
    (void)count, (void)n, (void)a, (void)t;
}

#endif

/* ---- the product by tiles ---- */

/* How many vectors of columns the next tiles take: few rows want wide tiles, many rows the square ones. */
static size_t next_vectors(size_t left, size_t rows) {
    if (rows <= tile_rows[4] && left != 5) return left < 4 ? left : 4;
    return left == 1 || left == 3 ? left : left == 5 ? 3 : 2;
}

/* One block of columns, `t` prepared but for a, c, start: all rows, in tiles of equal height within one
 * row. */
static void tile_column(size_t m, size_t nv, operand a, tile_args t, const ad_epilogue *e, size_t i0,
                        size_t j0, size_t n) {
    const size_t done = side_count(m, n), left = m - done, count = (left + tile_rows[nv] - 1) / tile_rows[nv];
    if (done > 0) side_rows(done, n, a, t);
    if (e != NULL && done > 0) finish(e, i0, j0, (output){done, n, t.c, t.ldc});
    for (size_t s = 0; s < count; s++) {
        const size_t from = done + left * s / count, rows = done + left * (s + 1) / count - from;
        tile_args one = t;
        one.a = a.at + (a.transposed ? from : from * a.ld);
        one.start = t.start + from * t.start_ld;
        one.c = t.c + from * t.ldc;
        tiles[a.transposed][nv][rows](&one);
        if (e != NULL) finish(e, i0 + from, j0, (output){rows, n, one.c, t.ldc});
    }
}

typedef struct slice { size_t row, from, depth; bool first, last; } slice;

/* Adds to rows s.row.. of C (m of them) the part of the sum from s.from on. */
static void tile_slice(operand a, operand b, output c, size_t m, slice s, bool accumulate,
                       const ad_epilogue *e) {
    const bool fresh = s.first && !accumulate, bias = s.first && e != NULL && e->bias != NULL;
    for (size_t j = 0, nv; j < c.n; j += nv * W) {
        nv = next_vectors((c.n - j + W - 1) / W, m);
        const size_t n = c.n - j < nv * W ? c.n - j : nv * W;
        const size_t tiled = m - side_count(m, n);
        const bool pack = b.transposed || (n < nv * W && tiled > 0) || tiled > 3 * tile_rows[nv];
        tile_args t = {.k = s.depth, .lda = a.ld, .last = vtail(n - (nv - 1) * W), .ldc = c.ld};
        t.c = c.at + s.row * c.ld + j;
        if (pack) {
            if (b.transposed) pack_columns(s.depth, n, nv, b.at + j * b.ld + s.from, b.ld, packed);
            else pack_rows(s.depth, n, nv, b.at + s.from * b.ld + j, b.ld, packed);
            t.b = packed;
            t.ldb = nv * W;
        } else {
            t.b = b.at + s.from * b.ld + j;
            t.ldb = b.ld;
        }
        if (bias && !fresh)
            for (size_t i = 0; i < m; i++) k_add(n, t.c + i * c.ld, e->bias + j, t.c + i * c.ld);
        t.start = fresh ? (bias ? e->bias + j : zeros) : t.c;
        t.start_ld = fresh ? 0 : c.ld;
        operand rows = {a.at + (a.transposed ? s.from * a.ld + s.row : s.row * a.ld + s.from), a.ld,
                        a.transposed};
        tile_column(m, nv, rows, t, s.last && has_finish(e) ? e : NULL, s.row, j, n);
    }
}

static void by_tiles(operand a, operand b, output c, size_t k, bool accumulate, const ad_epilogue *e) {
    /* side tiles keep a panel of A beside that of B, so both are half as deep */
    const size_t depth_limit = side_count(c.m, c.n) > 0 ? DEPTH / 2 : DEPTH;
    const size_t parts = k > depth_limit ? (k + depth_limit - 1) / depth_limit : 1;
    const size_t blocks = (c.m + BLOCK_ROWS - 1) / BLOCK_ROWS;
    for (size_t r = 0; r < blocks; r++) {
        const size_t row = c.m * r / blocks, m = c.m * (r + 1) / blocks - row;
        for (size_t p = 0; p < parts; p++) {
            const size_t from = k * p / parts, depth = k * (p + 1) / parts - from;
            slice s = {row, from, depth, p == 0, p + 1 == parts};
            tile_slice(a, b, c, m, s, accumulate, e);
        }
    }
}

/* ---- the product by dot products: A by rows, B by columns ---- */

/* R rows by S columns, R S = W: as many sums as a vector has entries, so they are added across all at
 * once. Rows and columns that are not there repeat the last one. */
AD_INLINE vec dots(const size_t R, const size_t S, size_t m, size_t n, size_t k, operand a, operand b) {
    const real *pa[W], *pb[W];
    vec c[W];
    AD_UNROLL for (size_t r = 0; r < R; r++) pa[r] = a.at + (r < m ? r : m - 1) * a.ld;
    AD_UNROLL for (size_t s = 0; s < S; s++) pb[s] = b.at + (s < n ? s : n - 1) * b.ld;
    AD_UNROLL for (size_t l = 0; l < W; l++) c[l] = vzero();
#define STEP(load, store)                                                                                    \
    {                                                                                                        \
        vec y[W];                                                                                            \
        AD_UNROLL for (size_t s = 0; s < S; s++) y[s] = load(pb[s]);                                         \
        AD_UNROLL for (size_t r = 0; r < R; r++) {                                                           \
            const vec x = load(pa[r]);                                                                       \
            AD_UNROLL for (size_t s = 0; s < S; s++) c[r * S + s] = vfma(x, y[s], c[r * S + s]);             \
        }                                                                                                    \
    }
    FOR_EACH_VECTOR(k, STEP);
#undef STEP
    return vsum_all(c);
}

/* Writes `count` sums to a row of C, columns from j on. */
AD_INLINE void put_row(vec sums, size_t count, bool accumulate, const real *bias, real *c) {
    const mask inside = vtail(count);
    if (bias != NULL) sums = vadd(sums, vload_m(inside, bias));
    if (accumulate) sums = vadd(sums, vload_m(inside, c));
    vstore_m(inside, c, sums);
}

AD_INLINE void dot_blocks(const size_t R, const size_t S, operand a, operand b, output c, size_t k,
                          bool accumulate, const ad_epilogue *e) {
    const real *bias = e != NULL ? e->bias : NULL;
    const bool column = S == 1 && c.ld == 1 && (e == NULL || e->mask == AD_IDENTITY || e->ldy == 1);
    for (size_t i = 0; i < c.m; i += R)
        for (size_t j = 0; j < c.n; j += S) {
            const size_t m = c.m - i < R ? c.m - i : R, n = c.n - j < S ? c.n - j : S;
            operand rows = {a.at + i * a.ld, a.ld, false}, columns = {b.at + j * b.ld, b.ld, true};
            const vec sums = dots(R, S, m, n, k, rows, columns);
            real *at = c.at + i * c.ld + j;
            real spread[2 * W] = {0};
            if (column) {
                for (size_t l = 0; bias != NULL && l < W; l++) spread[l] = bias[0];
                put_row(sums, m, accumulate, bias != NULL ? spread : NULL, at);
                if (has_finish(e)) finish(e, i, j, (output){1, m, at, m});
                continue;
            }
            vstore(spread, sums);
            for (size_t r = 0; r < m; r++)
                put_row(vload(spread + r * S), n, accumulate, bias != NULL ? bias + j : NULL, at + r * c.ld);
            if (has_finish(e)) finish(e, i, j, (output){m, n, at, c.ld});
        }
}

static void by_dots(operand a, operand b, output c, size_t k, bool accumulate, const ad_epilogue *e) {
    if (!b.transposed) {
        for (size_t j = 0; j < c.n; j++)
            for (size_t p = 0; p < k; p++) packed[j * k + p] = b.at[p * b.ld + j];
        b = (operand){packed, k, true};
    }
    if (c.n == 1) dot_blocks(W, 1, a, b, c, k, accumulate, e);
    else if (c.m == 1) dot_blocks(1, W, a, b, c, k, accumulate, e);
    else if (W >= 16 && c.n >= 4) dot_blocks(W >= 4 ? W / 4 : 1, W >= 4 ? 4 : W, a, b, c, k, accumulate, e);
    else dot_blocks(W >= 2 ? W / 2 : 1, W >= 2 ? 2 : 1, a, b, c, k, accumulate, e);
}

/* Cost of the two ways, in vector operations. An entry by dot product costs its k / W multiply-adds and
 * about 6 for the sum across; packing by columns costs n k / 4; a side tile saves the empty part of the
 * last vector. */
static bool dots_are_cheaper(operand a, operand b, size_t m, size_t n, size_t k) {
    if (a.transposed || k == 0 || (!b.transposed && n * k > PANEL)) return false;
    const size_t dot_cost = m * n * (k / W + 6) + (b.transposed ? 0 : 2 * n * k);
    const size_t vectors_times_w = side_count(m, n) > 0 ? n + 5 : (n + W - 1) / W * W;
    const size_t tile_cost = m * k * vectors_times_w / W + (b.transposed ? n * k / 2 : 0);
    return dot_cost < tile_cost;
}

static void k_gemm(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, const real *a, size_t lda,
                   const real *b, size_t ldb, bool accumulate, real *c, size_t ldc, const ad_epilogue *e) {
    if (m == 0 || n == 0) return;
    operand left = {a, lda, trans_a}, right = {b, ldb, trans_b};
    output result = {m, n, c, ldc};
    if (trans_a && n == 1 && ldc == 1 && e == NULL) { /* a column of C is a row of its transpose */
        left = (operand){b, ldb, !trans_b};
        right = (operand){a, lda, false};
        result = (output){1, m, c, m};
    }
    if (dots_are_cheaper(left, right, result.m, result.n, k)) by_dots(left, right, result, k, accumulate, e);
    else by_tiles(left, right, result, k, accumulate, e);
}
