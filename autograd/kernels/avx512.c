/* avx512.c: the vector primitives in AVX-512 (16 floats, 32 registers). */
#include "autograd/kernels/isa.h"

#if AD_KERNELS_X86

#include <immintrin.h>
#include <stdint.h>

#define W 16
typedef __m512 vec;
typedef __mmask16 mask;

AD_INLINE vec vzero(void) { return _mm512_setzero_ps(); }
AD_INLINE vec vset(real x) { return _mm512_set1_ps(x); }
AD_INLINE vec vload(const real *p) { return _mm512_loadu_ps(p); }
AD_INLINE void vstore(real *p, vec v) { _mm512_storeu_ps(p, v); }
AD_INLINE mask vtail(size_t n) { return (mask)(n >= W ? 0xffffu : (1u << n) - 1u); }
AD_INLINE vec vload_m(mask m, const real *p) { return _mm512_maskz_loadu_ps(m, p); }
AD_INLINE void vstore_m(mask m, real *p, vec v) { _mm512_mask_storeu_ps(p, m, v); }
AD_INLINE vec vadd(vec a, vec b) { return _mm512_add_ps(a, b); }
AD_INLINE vec vsub(vec a, vec b) { return _mm512_sub_ps(a, b); }
AD_INLINE vec vmul(vec a, vec b) { return _mm512_mul_ps(a, b); }
AD_INLINE vec vdiv(vec a, vec b) { return _mm512_div_ps(a, b); }
AD_INLINE vec vfma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
AD_INLINE vec vfms(vec a, vec b, vec c) { return _mm512_fmsub_ps(a, b, c); }
AD_INLINE vec vfnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
AD_INLINE vec vsqrt(vec a) { return _mm512_sqrt_ps(a); }
AD_INLINE vec vmax(vec a, vec b) { return _mm512_max_ps(a, b); }
AD_INLINE vec vmin(vec a, vec b) { return _mm512_min_ps(a, b); }
AD_INLINE vec vabs(vec a) { return _mm512_abs_ps(a); }
AD_INLINE vec vneg(vec a) { return _mm512_xor_ps(a, vset(-0.0f)); }
/* a >= 0 with the sign of another */
AD_INLINE vec vwith_sign(vec a, vec sign) { return _mm512_or_ps(a, _mm512_and_ps(sign, vset(-0.0f))); }
AD_INLINE mask vgt(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
AD_INLINE bool vany(mask m) { return m != 0; }
AD_INLINE mask visnan(vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
AD_INLINE vec vselect(mask m, vec a, vec b) { return _mm512_mask_blend_ps(m, b, a); }

/* A quotient within 1 ulp: the estimate of 1/b, one step of Newton, then the remainder put right. For
 * 2^-126 < b < 2^126 and |a| < 2^100; twice as fast as the division. */
AD_INLINE vec vquotient(vec a, vec b) {
    vec r = _mm512_rcp14_ps(b);
    r = vfma(vfnma(b, r, vset(1)), r, r);
    vec q = vmul(a, r);
    return vfma(vfnma(q, b, a), r, q);
}

/* a / (sqrt(v) + offset), both from estimates with a step of Newton: within 3 ulp for 2^-126 <= v < 2^126 and
 * for v = 0, which `none` says. */
AD_INLINE vec vover_root(vec a, vec v, mask none, vec offset) {
    const vec r = _mm512_maskz_rsqrt14_ps((mask)~none, v), s = vmul(v, r);
    const vec root = vfma(vmul(vset(0.5f), r), vfnma(s, s, v), vadd(s, offset));
    const vec p = _mm512_rcp14_ps(root), q = vmul(a, p);
    return vfma(q, vfnma(root, p, vset(1)), q);
}

/* x 2^n for whole n, rounded once */
AD_INLINE vec vscale_power(vec x, vec n) { return _mm512_scalef_ps(x, n); }
AD_INLINE vec vround(vec x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/* x = f 2^n with f in [sqrt(1/2), sqrt(2)), for finite x > 0, denormals too */
AD_INLINE vec vsplit_power(vec x, vec *n) {
    vec f = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero), e = _mm512_getexp_ps(x);
    mask high = vgt(f, vset(1.41421356f));
    *n = _mm512_mask_add_ps(e, high, e, vset(1));
    return _mm512_mask_mul_ps(f, high, f, vset(0.5f));
}

AD_INLINE real vsum(vec v) { return _mm512_reduce_add_ps(v); }

/* r[l] = op over the entries of v[l]: each step halves the number of registers and of entries per sum. */
#define REDUCE_ALL(name, op)                                                                                 \
    AD_INLINE vec name(vec v[W]) {                                                                           \
        vec a[8], b[4], c[2];                                                                                \
        AD_UNROLL for (int i = 0; i < 4; i++) {                                                              \
            AD_UNROLL for (int h = 0; h < 2; h++) {                                                          \
                vec x = v[4 * i + 2 * h], y = v[4 * i + 2 * h + 1];                                          \
                a[2 * i + h] = op(_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y));                       \
            }                                                                                                \
            vec x = a[2 * i], y = a[2 * i + 1];                                                              \
            b[i] = op(_mm512_shuffle_ps(x, y, 0x44), _mm512_shuffle_ps(x, y, 0xee));                         \
        }                                                                                                    \
        AD_UNROLL for (int i = 0; i < 2; i++) {                                                              \
            vec x = b[2 * i], y = b[2 * i + 1];                                                              \
            c[i] = op(_mm512_shuffle_f32x4(x, y, 0x88), _mm512_shuffle_f32x4(x, y, 0xdd));                   \
        }                                                                                                    \
        return op(_mm512_shuffle_f32x4(c[0], c[1], 0x88), _mm512_shuffle_f32x4(c[0], c[1], 0xdd));           \
    }
REDUCE_ALL(vsum_all, vadd)
REDUCE_ALL(vmax_all, vmax)

/* 4 x 4 blocks transposed inside the quarters of the registers: v[j] becomes entry j of each quarter of
 * v[0..3] */
AD_INLINE void vtranspose_quarters(vec v[4]) {
    vec a = _mm512_unpacklo_ps(v[0], v[1]), b = _mm512_unpackhi_ps(v[0], v[1]);
    vec c = _mm512_unpacklo_ps(v[2], v[3]), d = _mm512_unpackhi_ps(v[2], v[3]);
    v[0] = _mm512_shuffle_ps(a, c, 0x44);
    v[1] = _mm512_shuffle_ps(a, c, 0xee);
    v[2] = _mm512_shuffle_ps(b, d, 0x44);
    v[3] = _mm512_shuffle_ps(b, d, 0xee);
}

/* v[l][i] = p[i ld + l] for l < 4: each quarter of a register takes 4 entries of one row. Loading quarters
 * costs less of the one port that shuffles across quarters than transposing 16 x 16 would. */
AD_INLINE void vload_columns(const real *p, size_t ld, size_t rows, const bool whole, size_t depth,
                             vec v[4]) {
    const __mmask8 inside = (__mmask8)((1u << (depth & 3)) - 1u);
#define ROW(i) (p + (rows == W || i < rows ? (size_t)(i) : rows - 1) * ld)
#define QUARTER(i) (whole ? _mm_loadu_ps(ROW(i)) : _mm_maskz_loadu_ps(inside, ROW(i)))
    AD_UNROLL for (size_t i = 0; i < 4; i++) {
        vec q = _mm512_castps128_ps512(QUARTER(i));
        q = _mm512_insertf32x4(q, QUARTER(i + 4), 1);
        q = _mm512_insertf32x4(q, QUARTER(i + 8), 2);
        v[i] = _mm512_insertf32x4(q, QUARTER(i + 12), 3);
    }
#undef ROW
#undef QUARTER
    vtranspose_quarters(v);
}

/* table[n] for the whole number n < 32 that was added to 1.5 2^23 */
AD_INLINE vec vlookup(const real table[32], vec shifted) {
    const __m512i n = _mm512_castps_si512(shifted);
    return _mm512_permutex2var_ps(_mm512_load_ps(table), n, _mm512_load_ps(table + W));
}

#define AD_ISA AD_ISA_AVX512
#define AD_ISA_NAME "avx512"
#define AD_TABLE ad_kernels_avx512
#define AD_PEAK_CHAINS 16
#define AD_FLOPS_PER_FMA 2
/* Rows of a tile 1, 2, 3, 4 vectors wide, so that sums, a row of B and a number of A fill the 32
 * registers. */
#define AD_TILES(X) TILE_ROWS_14(X, 1) TILE_ROWS_14(X, 2) TILE_ROWS_8(X, 3) TILE_ROWS_6(X, 4)
#define AD_TILE_ROWS {0, 14, 14, 8, 6}
/* For each k, 6 x 4 vectors take 36 instructions for 24 sums, 14 x 2 take 49 for 28: faster where another
 * thread shares the core. */
#define AD_WIDE 4
#define AD_LOOKUP 1

#include "autograd/kernels/math.inc.h"
#include "autograd/kernels/vector.inc.h"
#include "autograd/kernels/gemm.inc.h"
#include "autograd/kernels/table.inc.h"

#else
typedef int ad_kernels_avx512_is_empty;
#endif
