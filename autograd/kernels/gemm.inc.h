/* gemm.inc.h: matrix products, over the primitives of a variant. benchmarks/kernels.md explains
 * the choices.
 *
 * The work horse is a tile: `mr` rows of C by `nv` vectors of its columns, held in registers while k runs
 * through all terms. A is read one entry at a time, by rows (distance between rows lda) or by columns (A
 * stored transposed); B a row of vectors at a time, in place or from a packed panel. Tiles of every height
 * exist, so m is divided evenly and has no slow edge; the last vector of a row is masked. Products with few
 * columns or rows whose vectors would be mostly empty are computed as dot products along k instead. */
#include <stdalign.h>
#include <string.h>

enum {
    DEPTH = 256,      /* k of a panel 2 vectors wide: 32 KB, of a first-level cache of 48 */
    FAR_DEPTH = 512,  /* k where B is read in place, from the second level */
    REUSED = 18,      /* tiles that read a block of B before packing it is worth while, */
    REUSED_MOST = 50, /* and where they fetch the next block meanwhile */
    FETCHED = 64,     /* k from which on they do */
    BLOCK_ROWS = 504, /* rows of A per pass over B: they stay in the second level */
    MAX_VECTORS = 4,
    MAX_TERMS = 4, /* summed in one pass over C */
    PANEL = FAR_DEPTH * MAX_VECTORS * W,
    DOTS = PANEL / 2 /* reals of B that are worth turning for dot products */
};

static _Thread_local alignas(64) real packed[PANEL];

static const real zeros[MAX_VECTORS * W];

/* C [m, n] = or += the sum of the terms, each stored as the flags say, + bias, finished. */
typedef struct product {
    bool a_by_columns; /* A stored [k, m] */
    bool b_by_columns; /* B stored [n, k] */
    bool accumulate;
    size_t m, n, terms;
    const ad_term *term;
    ad_bias bias;
    ad_finish finish;
    real *c;
    size_t ldc;
} product;

/* ---- tiles ---- */

/* A stretch of k, of one term. B has whole vectors to read. */
typedef struct piece {
    size_t k;
    const real *a;
    size_t lda;
    const real *b;
    size_t ldb;
} piece;

/* C starts from `start`, whose rows lie `start_ld` apart: C itself to accumulate, or one row for all
 * (bias, zeros) with start_ld 0, or one number for each row (a bias of rows) with start_ld PER_ROW. */
#define PER_ROW ((size_t)-1)

/* For every four k's a line is fetched into the second cache: that at `next`, and others at every `step`. */
typedef struct tile_args {
    const piece *pieces;
    size_t count;
    const real *next;
    size_t step;
    size_t row; /* of A, from that of the pieces on */
    mask last;  /* of the columns of C */
    const real *start;
    size_t start_ld;
    ad_finish finish;
    real *c;
    size_t ldc;
} tile_args;

/* Whether tiles of a kind fetch: narrow ones have no time for it, those of A by columns gain nothing, and
 * tiles of 2 vectors with AVX2 lose more by two address registers. */
#define FETCHES(nv, a_by_columns) (AD_WIDE == 4 && (nv) > 2 && !(a_by_columns))

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

/* Adds one piece to the sums. Small tiles sum k modulo 2 or 4 apart (`ways`), to have enough independent
 * sums in flight. */
AD_INLINE void tile_piece(const int mr, const int nv, const bool a_by_columns, const int ways, const piece *p,
                          const tile_args *t, const real **next, vec c[4][14][MAX_VECTORS]) {
    const bool fetches = FETCHES(nv, a_by_columns);
    const int groups = a_by_columns ? 1 : (mr + 2) / 3;
    const size_t lda = p->lda, ldb = p->ldb, a_step = a_by_columns ? lda : 1, row = t->row, step = t->step;
    const real *a[5], *b = p->b;
    a[0] = p->a + row * (a_by_columns ? 1 : lda);
    AD_UNROLL for (int g = 1; g < groups; g++) {
        AD_OPAQUE(a[g - 1]);
        a[g] = a[g - 1] + 3 * lda;
    }
    size_t k = p->k;
    for (; k >= 4; k -= 4) {
        if (fetches) {
            AD_PREFETCH(*next);
            *next += step;
        }
        AD_UNROLL for (int w = 0; w < 4; w++) {
            tile_step(mr, nv, a_by_columns, a, lda, b, c[w % ways]);
            AD_UNROLL for (int g = 0; g < groups; g++) a[g] += a_step;
            b += ldb;
        }
        AD_UNROLL for (int g = 0; g < groups; g++) AD_OPAQUE(a[g]);
    }
    AD_ROLLED for (; k > 0; k--, b += ldb) {
        tile_step(mr, nv, a_by_columns, a, lda, b, c[0]);
        AD_UNROLL for (int g = 0; g < groups; g++) a[g] += a_step;
    }
}

AD_INLINE void tile(const int mr, const int nv, const bool a_by_columns, const tile_args *t) {
    const int ways = mr * nv >= 8 ? 1 : mr * nv >= 4 ? 2 : 4;
    const size_t ldc = t->ldc, start_ld = t->start_ld;
    const mask last = t->last;
    const real *start = t->start;
    vec c[4][14][MAX_VECTORS];
    if (start_ld == 0) {
        AD_UNROLL for (int j = 0; j < nv; j++) {
            c[0][0][j] = LAST(j, last, start + j * W);
            AD_UNROLL for (int i = 1; i < mr; i++) c[0][i][j] = c[0][0][j];
        }
    } else if (start_ld == PER_ROW) {
        AD_UNROLL for (int i = 0; i < mr; i++)
            AD_UNROLL for (int j = 0; j < nv; j++) c[0][i][j] = vset(start[i]);
    } else {
        AD_UNROLL for (int i = 0; i < mr; i++, start += start_ld)
            AD_UNROLL for (int j = 0; j < nv; j++) c[0][i][j] = LAST(j, last, start + j * W);
    }
    AD_UNROLL for (int w = 1; w < ways; w++)
        AD_UNROLL for (int i = 0; i < mr; i++)
            AD_UNROLL for (int j = 0; j < nv; j++) c[w][i][j] = vzero();
    const real *next = t->next;
    for (const piece *p = t->pieces, *end = p + t->count; p < end; p++)
        tile_piece(mr, nv, a_by_columns, ways, p, t, &next, c);
    const real *over = t->finish.mask;
    const vec zero = vzero(), least = t->finish.relu ? zero : vset(-INFINITY);
    real *to = t->c;
    AD_UNROLL for (int i = 0; i < mr; i++, to += ldc)
        AD_UNROLL for (int j = 0; j < nv; j++) {
            vec sum = c[0][i][j];
            AD_UNROLL for (int w = 1; w < ways; w++) sum = vadd(sum, c[w][i][j]);
            sum = vmax(least, sum);
            if (over != NULL) {
                sum = vselect(vgt(LAST(j, last, over + j * W), zero), sum, zero);
                if (j == nv - 1) over += ldc;
            }
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

/* ---- the product by tiles ---- */

/* Vectors of columns that tiles take while there are many rows: AD_WIDE, but 2 where A is read by columns. */
static size_t usual_vectors(const product *p) { return p->a_by_columns ? 2 : AD_WIDE; }

/* How many the next tiles take, of those left. Few rows want wide tiles. */
static size_t next_vectors(const product *p, size_t left, size_t rows) {
    const size_t most = rows <= tile_rows[4] ? 4 : usual_vectors(p);
    if (most == 4 && left != 5) return left < 4 ? left : 4;
    return left == 1 || left == 3 ? left : left == 5 ? 3 : 2;
}

/* Rows dealt to tiles of nv vectors as evenly as can be: the last `higher` have one more. */
typedef struct heights { size_t nv, count, rows, higher; } heights;

static heights heights_of(size_t m, size_t nv) {
    const size_t count = (m + tile_rows[nv] - 1) / tile_rows[nv], rows = m / count;
    return (heights){nv, count, rows, m - rows * count};
}

/* ---- fetching what the next block of columns reads ---- */

#define LINE (64 / sizeof(real))

/* A part of B: of every row from `at` on as many cache lines. A tile takes one of these lines of each row
 * that is `step` behind the one before; `rows` of those between are still to be begun. */
typedef struct stretch {
    const real *at;
    size_t ld, rows, lines, step;
} stretch;

/* What the tiles of a block have to fetch, and the line that the next one takes. */
typedef struct fetch {
    stretch list[MAX_TERMS], *now, *end;
    size_t line;
} fetch;

/* `rows` of `reals` numbers, for tiles of so many k's. */
static void fetch_later(fetch *f, const real *at, size_t ld, size_t rows, size_t reals, size_t k) {
    const size_t apart = (4 * rows + k - 1) / k;
    *f->end++ = (stretch){at, ld, apart, (reals + LINE - 1) / LINE, apart * ld};
}

/* What the next tile fetches; when all is done, the same line again and again. */
static void fetch_next(fetch *f, tile_args *t) {
    stretch *s = f->now;
    t->step = 0;
    if (s == f->end) return;
    t->next = s->at + f->line * LINE;
    t->step = s->step;
    if (++f->line < s->lines) return;
    f->line = 0;
    s->at += s->ld;
    if (--s->rows == 0) f->now++;
}

/* ---- a block of columns ---- */

/* One block of columns, `t` prepared for the first tile. `t` is changed in place: a copy would wait until all
 * its parts are in the cache. */
static void tile_column(const heights *h, bool a_by_columns, fetch *f, tile_args *t) {
    for (size_t left = h->count; left > 0; left--) {
        const size_t rows = h->rows + (left <= h->higher);
        if (f != NULL) fetch_next(f, t);
        tiles[a_by_columns][h->nv][rows](t);
        t->row += rows;
        t->start += rows * (t->start_ld == PER_ROW ? 1 : t->start_ld);
        if (t->finish.mask != NULL) t->finish.mask += rows * t->ldc;
        t->c += rows * t->ldc;
    }
}

/* Rows row.. + m of C, and `depth` of all k's, counted through the terms, from `from` on. */
typedef struct slice {
    size_t row, m, from, depth;
    bool first, last;
} slice;

typedef struct columns { size_t j, n, nv; } columns;

/* How many rows of B, from the first, have whole vectors to read: those beyond end in the rows after. */
static size_t readable(const product *p, const ad_term *t, columns at) {
    if (at.n == at.nv * W) return t->k;
    const size_t total = t->k * t->ldb, ends = at.j + at.nv * W;
    return t->ldb == p->n && total >= ends ? (total - ends) / t->ldb + 1 : 0;
}

/* The pieces of a slice for some columns: B in place where it can be read so, else packed. */
static size_t place(const product *p, const slice *s, columns at, bool pack, piece pieces[2 * MAX_TERMS],
                    fetch *f) {
    size_t count = 0, skip = s->from, left = s->depth;
    real *to = packed;
    for (const ad_term *t = p->term; left > 0; t++) {
        if (skip >= t->k) {
            skip -= t->k;
            continue;
        }
        const size_t k = t->k - skip < left ? t->k - skip : left, safe = pack ? 0 : readable(p, t, at);
        const size_t whole = safe <= skip ? 0 : safe - skip < k ? safe - skip : k;
        const real *a = t->a + (p->a_by_columns ? skip * t->lda + s->row : s->row * t->lda + skip);
        const real *b = t->b + (p->b_by_columns ? at.j * t->ldb + skip : skip * t->ldb + at.j);
        if (f != NULL) {
            const size_t beyond = at.j + at.nv * W, n = p->n - beyond < at.nv * W ? p->n - beyond : at.nv * W;
            if (p->b_by_columns) fetch_later(f, b + at.nv * W * t->ldb, t->ldb, n, k, s->depth);
            else fetch_later(f, b + at.nv * W, t->ldb, k, n, s->depth);
        }
        if (whole > 0) pieces[count++] = (piece){whole, a, t->lda, b, t->ldb};
        if (whole < k) {
            if (p->b_by_columns) pack_columns(k, at.n, at.nv, b, t->ldb, to);
            else pack_rows(k - whole, at.n, at.nv, b + whole * t->ldb, t->ldb, to);
            a += whole * (p->a_by_columns ? t->lda : 1);
            pieces[count++] = (piece){k - whole, a, t->lda, to, at.nv * W};
            to += (k - whole) * at.nv * W;
        }
        left -= k;
        skip = 0;
    }
    return count;
}

/* Where the tiles of a slice start; a bias that C has to be added to is added to C first. */
static void start_from(const product *p, const slice *s, size_t j, size_t n, tile_args *t) {
    const bool fresh = s->first && !p->accumulate;
    const real *bias = s->first ? p->bias.b : NULL;
    if (fresh) {
        t->start = bias == NULL ? zeros : bias + (p->bias.by_rows ? s->row : j);
        t->start_ld = bias != NULL && p->bias.by_rows ? PER_ROW : 0;
        return;
    }
    t->start = t->c;
    t->start_ld = p->ldc;
    for (size_t i = 0; bias != NULL && i < s->m; i++) {
        real *row = t->c + i * p->ldc;
        if (p->bias.by_rows) ad_k_shift(n, bias[s->row + i], row, row);
        else ad_k_add(n, row, bias + j, row);
    }
}

/* Whether blocks of B nv vectors wide are packed, for so many rows of A. */
static bool packs(const product *p, size_t rows, size_t nv) {
    const size_t most = FETCHES(nv, p->a_by_columns) ? REUSED_MOST : REUSED;
    return p->b_by_columns || rows > most * tile_rows[nv];
}

static void tile_slice(const product *p, const slice *s) {
    heights h = {0};
    for (size_t j = 0, nv; j < p->n; j += nv * W) {
        nv = next_vectors(p, (p->n - j + W - 1) / W, s->m);
        if (nv != h.nv) h = heights_of(s->m, nv);
        const size_t n = p->n - j < nv * W ? p->n - j : nv * W;
        const bool pack = packs(p, s->m, nv);
        piece pieces[2 * MAX_TERMS];
        fetch f;
        f.now = f.end = f.list;
        f.line = 0;
        tile_args t = {.pieces = pieces, .next = zeros, .last = vtail(n - (nv - 1) * W), .ldc = p->ldc};
        const bool fetches = FETCHES(nv, p->a_by_columns) && j + n < p->n && s->depth >= FETCHED;
        t.count = place(p, s, (columns){j, n, nv}, pack, pieces, fetches ? &f : NULL);
        const size_t at = s->row * p->ldc + j;
        t.c = p->c + at;
        if (s->last) t.finish = (ad_finish){p->finish.relu, p->finish.mask ? p->finish.mask + at : NULL};
        start_from(p, s, j, n, &t);
        tile_column(&h, p->a_by_columns, fetches ? &f : NULL, &t);
    }
}

/* Where part i of n begins. */
static size_t cut(size_t n, size_t i, size_t parts) {
    return parts == 1 ? n * i : n * i / parts;
}

static void by_tiles(const product *p, size_t k) {
    const size_t usual = usual_vectors(p), depth = packs(p, p->m, usual) ? 2 * DEPTH / usual : FAR_DEPTH;
    const size_t parts = k > depth ? (k + depth - 1) / depth : 1;
    const size_t blocks = (p->m + BLOCK_ROWS - 1) / BLOCK_ROWS;
    for (size_t r = 0; r < blocks; r++) {
        const size_t row = cut(p->m, r, blocks), m = cut(p->m, r + 1, blocks) - row;
        for (size_t i = 0; i < parts; i++) {
            const size_t from = cut(k, i, parts), end = cut(k, i + 1, parts);
            const slice s = {row, m, from, end - from, i == 0, i + 1 == parts};
            tile_slice(p, &s);
        }
    }
}

/* ---- the product by dot products: A by rows, B by columns ---- */

/* R rows by S columns, R S = W: as many sums as a vector has entries, so they are added across all at
 * once. Rows from m and columns from n on repeat the last one. */
AD_INLINE vec dots(const size_t R, const size_t S, size_t m, size_t n, const product *p, size_t i, size_t j) {
    vec c[W];
    AD_UNROLL for (size_t l = 0; l < W; l++) c[l] = vzero();
    for (const ad_term *t = p->term, *end = t + p->terms; t < end; t++) {
        const real *pa[W], *pb[W];
        pa[0] = t->a + i * t->lda;
        pb[0] = t->b + j * t->ldb;
        AD_UNROLL for (size_t r = 1; r < R; r++) pa[r] = pa[r - 1] + (r < m ? t->lda : 0);
        AD_UNROLL for (size_t s = 1; s < S; s++) pb[s] = pb[s - 1] + (s < n ? t->ldb : 0);
#define STEP(load, store)                                                                                    \
    {                                                                                                        \
        vec y[W];                                                                                            \
        AD_UNROLL for (size_t s = 0; s < S; s++) y[s] = load(pb[s]);                                         \
        AD_UNROLL for (size_t r = 0; r < R; r++) {                                                           \
            const vec x = load(pa[r]);                                                                       \
            AD_UNROLL for (size_t s = 0; s < S; s++) c[r * S + s] = vfma(x, y[s], c[r * S + s]);             \
        }                                                                                                    \
    }
        FOR_EACH_VECTOR(t->k, STEP);
#undef STEP
    }
    return vsum_all(c);
}

/* Writes `count` sums to a row of C, columns from j on. */
AD_INLINE void put_row(vec sums, size_t count, bool accumulate, const real *bias, real *c) {
    const mask inside = vtail(count);
    if (bias != NULL) sums = vadd(sums, vload_m(inside, bias));
    if (accumulate) sums = vadd(sums, vload_m(inside, c));
    vstore_m(inside, c, sums);
}

AD_INLINE void dot_blocks(const size_t R, const size_t S, const product *p) {
    for (size_t i = 0; i < p->m; i += R)
        for (size_t j = 0; j < p->n; j += S) {
            const size_t m = p->m - i < R ? p->m - i : R, n = p->n - j < S ? p->n - j : S;
            const vec sums = m == R && n == S ? dots(R, S, R, S, p, i, j) : dots(R, S, m, n, p, i, j);
            const real *bias = p->bias.b != NULL ? p->bias.b + j : NULL;
            real *at = p->c + i * p->ldc + j, spread[2 * W] = {0};
            if (S == 1 && p->ldc == 1) {
                for (size_t l = 0; bias != NULL && l < W; l++) spread[l] = bias[0];
                put_row(sums, m, p->accumulate, bias != NULL ? spread : NULL, at);
                continue;
            }
            vstore(spread, sums);
            for (size_t r = 0; r < m; r++)
                put_row(vload(spread + r * S), n, p->accumulate, bias, at + r * p->ldc);
        }
}

static void by_dots(const product *p) {
    product q = *p;
    ad_term by_columns[MAX_TERMS];
    if (!p->b_by_columns) {
        real *to = packed;
        for (size_t t = 0; t < p->terms; t++) {
            const ad_term *from = &p->term[t];
            by_columns[t] = (ad_term){from->a, from->lda, to, from->k, from->k};
            for (size_t j = 0; j < p->n; j++)
                for (size_t i = 0; i < from->k; i++) *to++ = from->b[i * from->ldb + j];
        }
        q.term = by_columns;
        q.b_by_columns = true;
    }
    if (q.n == 1) dot_blocks(W, 1, &q);
    else if (q.m == 1) dot_blocks(1, W, &q);
    else if (W >= 16 && q.n >= 4) dot_blocks(W >= 4 ? W / 4 : 1, W >= 4 ? 4 : W, &q);
    else dot_blocks(W >= 2 ? W / 2 : 1, W >= 2 ? 2 : 1, &q);
    for (size_t i = 0; (q.finish.relu || q.finish.mask) && i < q.m; i++) {
        real *row = q.c + i * q.ldc;
        if (q.finish.relu) ad_k_relu(q.n, row, row);
        if (q.finish.mask) ad_k_mul_drelu(q.n, row, q.finish.mask + i * q.ldc, row);
    }
}

/* Cost of the two ways, in vector operations. An entry by dot product costs its k / W multiply-adds and
 * about 6 for the sum across; packing by columns costs n k / 4. */
static bool dots_are_cheaper(const product *p, size_t k) {
    if (p->a_by_columns || k == 0 || p->bias.by_rows || (!p->b_by_columns && p->n * k > DOTS)) return false;
    const size_t m = p->m, n = p->n, dot_cost = m * n * (k / W + 6) + (p->b_by_columns ? 0 : 2 * n * k);
    const size_t tile_cost = m * k * ((n + W - 1) / W) + (p->b_by_columns ? n * k / 2 : 0);
    return dot_cost < tile_cost;
}

/* A row or a column may be stored either way; this is the way that its reader wants. */
static void flip_thin(product *p, ad_term *term) {
    bool b_columns = !p->b_by_columns && p->n == 1, b_rows = p->b_by_columns;
    for (size_t t = 0; t < p->terms; t++) {
        b_columns = b_columns && term[t].ldb == 1;
        b_rows = b_rows && term[t].ldb == 1 && term[t].k == 1;
    }
    if (!b_columns && !b_rows) return;
    for (size_t t = 0; t < p->terms; t++) term[t].ldb = b_columns ? term[t].k : p->n;
    p->b_by_columns = b_columns;
}

static void few_terms(product *p, size_t terms, const ad_term *from) {
    ad_term term[MAX_TERMS];
    size_t k = 0;
    const bool swap = p->a_by_columns && p->n == 1 && p->ldc == 1 && p->bias.b == NULL;
    for (size_t t = 0; t < terms; t++, from++) {
        term[t] = swap ? (ad_term){from->b, from->ldb, from->a, from->lda, from->k} : *from;
        k += from->k;
    }
    p->terms = terms;
    p->term = term;
    if (swap) { /* a column of C is a row of its transpose */
        p->a_by_columns = !p->b_by_columns;
        p->b_by_columns = false;
        p->ldc = p->n = p->m;
        p->m = 1;
    }
    flip_thin(p, term);
    if (dots_are_cheaper(p, k)) by_dots(p);
    else by_tiles(p, k);
}

static void ad_k_gemm_sum(bool trans_a, bool trans_b, size_t m, size_t n, size_t terms, const ad_term *term,
                          bool accumulate, real *c, size_t ldc, ad_bias bias, ad_finish finish) {
    if (m == 0 || n == 0) return;
    for (size_t t = 0; t == 0 || t < terms; t += MAX_TERMS) {
        product p = {.a_by_columns = trans_a, .b_by_columns = trans_b, .m = m, .n = n, .c = c, .ldc = ldc};
        p.accumulate = accumulate || t > 0;
        if (t == 0 && bias.b != NULL) p.bias = bias;
        if (t + MAX_TERMS >= terms) p.finish = finish;
        few_terms(&p, terms - t < MAX_TERMS ? terms - t : MAX_TERMS, term + t);
    }
}
