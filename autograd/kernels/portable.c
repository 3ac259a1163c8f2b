/* portable.c: the vector primitives in plain C, for any machine and for double. They are described
 * here:
 *
 *   vec          W reals; mask: W truth values
 *   vtail(n)     the first n entries (all when n >= W); vload_m reads only those, the others are 0;
 *                vstore_m writes only those
 *   vfma         a b + c; vfnma: c - a b; rounded once where the machine does that
 *   vmax, vmin   a > b ? a : b, a < b ? a : b: b when one is NaN
 *   vselect      m ? a : b
 *   vover_root   a / (sqrt(v) + offset): allowed to be 3 ulp off, for moderate numbers; v is 0 where `none`
 *                says so
 *   vsum_all     W vectors to the vector of their sums; vmax_all of their maxima
 *   vload_columns   v[l] = entry l, l < 4, of each of W rows, which lie ld apart; rows from `rows` on
 *                repeat the last one; unless `whole`, only entries l < depth < 4 are read
 *
 * Compilers with GNU vector extensions get 16 bytes (SSE2, NEON, ...), others one number at a time. */
#include <math.h>

#include "autograd/kernels/isa.h"

#if defined(__GNUC__)

#define W ((int)(16 / sizeof(real)))
typedef real vec __attribute__((vector_size(16)));
#ifdef FM_DOUBLE
typedef long long mask __attribute__((vector_size(16)));
#else
typedef int mask __attribute__((vector_size(16)));
#endif
#define ENTRY(v, i) ((v)[i])
AD_INLINE vec vselect(mask m, vec a, vec b) { return (vec)(((mask)a & m) | ((mask)b & ~m)); }

#else

#define W 1
typedef real vec;
typedef int mask;
#define ENTRY(v, i) (*((void)(i), &(v)))
AD_INLINE vec vselect(mask m, vec a, vec b) { return m ? a : b; }

#endif

#include <string.h>

AD_INLINE vec vset(real x) {
    vec v;
    AD_UNROLL for (int i = 0; i < W; i++) ENTRY(v, i) = x;
    return v;
}
AD_INLINE vec vzero(void) { return vset(0); }
AD_INLINE vec vload(const real *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}
AD_INLINE void vstore(real *p, vec v) { memcpy(p, &v, sizeof v); }
AD_INLINE mask vtail(size_t n) {
    mask m;
    AD_UNROLL for (int i = 0; i < W; i++) ENTRY(m, i) = (size_t)i < n ? -1 : 0;
    return m;
}
AD_INLINE vec vload_m(mask m, const real *p) {
    vec v;
    AD_UNROLL for (int i = 0; i < W; i++) ENTRY(v, i) = ENTRY(m, i) ? p[i] : 0;
    return v;
}
AD_INLINE void vstore_m(mask m, real *p, vec v) {
    AD_UNROLL for (int i = 0; i < W; i++)
        if (ENTRY(m, i)) p[i] = ENTRY(v, i);
}
AD_INLINE vec vadd(vec a, vec b) { return a + b; }
AD_INLINE vec vsub(vec a, vec b) { return a - b; }
AD_INLINE vec vmul(vec a, vec b) { return a * b; }
AD_INLINE vec vdiv(vec a, vec b) { return a / b; }
AD_INLINE vec vfma(vec a, vec b, vec c) { return a * b + c; }
AD_INLINE vec vfnma(vec a, vec b, vec c) { return c - a * b; }
AD_INLINE vec vneg(vec a) { return -a; }
AD_INLINE mask vgt(vec a, vec b) { return (mask)(a > b); }
AD_INLINE mask visnan(vec a) { return (mask)(a != a); }
AD_INLINE vec vmax(vec a, vec b) { return vselect(vgt(a, b), a, b); }
AD_INLINE vec vmin(vec a, vec b) { return vselect(vgt(b, a), a, b); }

#define EACH(name, expression)                                                                               \
    AD_INLINE vec name(vec a) {                                                                              \
        vec y;                                                                                               \
        AD_UNROLL for (int i = 0; i < W; i++) {                                                              \
            double x = (double)ENTRY(a, i);                                                                  \
            ENTRY(y, i) = (real)(expression);                                                                \
        }                                                                                                    \
        return y;                                                                                            \
    }

/* In double and rounded once: for float that is the exactly rounded result but for rare ties. */
EACH(vsqrt, sqrt(x))
AD_INLINE vec vover_root(vec a, vec v, mask none, vec offset) {
    (void)none;
    return vdiv(a, vadd(vsqrt(v), offset));
}
EACH(vabs, fabs(x))
EACH(vexp, exp(x))
EACH(vlog, log(x))
EACH(vtanh, tanh(x))
EACH(vsin, sin(x))
EACH(vcos, cos(x))
EACH(vsigmoid, x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)))
EACH(vsoftplus, x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)))

AD_INLINE real vsum(vec v) {
    real s = ENTRY(v, 0);
    AD_UNROLL for (int i = 1; i < W; i++) s += ENTRY(v, i);
    return s;
}
AD_INLINE vec vsum_all(vec v[W]) {
    vec y;
    AD_UNROLL for (int i = 0; i < W; i++) ENTRY(y, i) = vsum(v[i]);
    return y;
}
AD_INLINE vec vmax_all(vec v[W]) {
    vec y;
    AD_UNROLL for (int i = 0; i < W; i++) {
        ENTRY(y, i) = ENTRY(v[i], 0);
        AD_UNROLL for (int j = 1; j < W; j++)
            if (!(ENTRY(y, i) > ENTRY(v[i], j))) ENTRY(y, i) = ENTRY(v[i], j);
    }
    return y;
}
AD_INLINE void vload_columns(const real *p, size_t ld, size_t rows, const bool whole, size_t depth,
                             vec v[4]) {
    AD_UNROLL for (size_t l = 0; l < 4; l++) {
        vec x = vzero();
        AD_UNROLL for (size_t i = 0; i < W; i++)
            if (whole || l < depth) ENTRY(x, i) = p[(i < rows ? i : rows - 1) * ld + l];
        v[l] = x;
    }
}

#define AD_ISA AD_ISA_PORTABLE
#define AD_ISA_NAME "portable"
#define AD_TABLE ad_kernels_portable
#define AD_PEAK_CHAINS 12
#define AD_FLOPS_PER_FMA 2
#define AD_TILES(X) TILE_ROWS_8(X, 1) TILE_ROWS_6(X, 2) TILE_ROWS_4(X, 3) TILE_ROWS_3(X, 4)
#define AD_TILE_ROWS {0, 8, 6, 4, 3}
#define AD_WIDE 2

#include "autograd/kernels/vector.inc.h"
#include "autograd/kernels/gemm.inc.h"
#include "autograd/kernels/table.inc.h"
