/* avx2.c: the vector primitives in AVX2 with FMA (8 floats, 16 registers). */
#include "autograd/kernels/isa.h"

#if AD_KERNELS_X86

#include <immintrin.h>
#include <stdint.h>

#define W 8
typedef __m256 vec;
typedef __m256i mask;

AD_INLINE vec vzero(void) { return _mm256_setzero_ps(); }
AD_INLINE vec vset(real x) { return _mm256_set1_ps(x); }
AD_INLINE vec vload(const real *p) { return _mm256_loadu_ps(p); }
AD_INLINE void vstore(real *p, vec v) { _mm256_storeu_ps(p, v); }
AD_INLINE mask vtail(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < W ? (int)n : W),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
AD_INLINE vec vload_m(mask m, const real *p) { return _mm256_maskload_ps(p, m); }
AD_INLINE void vstore_m(mask m, real *p, vec v) { _mm256_maskstore_ps(p, m, v); }
AD_INLINE vec vadd(vec a, vec b) { return _mm256_add_ps(a, b); }
AD_INLINE vec vsub(vec a, vec b) { return _mm256_sub_ps(a, b); }
AD_INLINE vec vmul(vec a, vec b) { return _mm256_mul_ps(a, b); }
AD_INLINE vec vdiv(vec a, vec b) { return _mm256_div_ps(a, b); }
AD_INLINE vec vfma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
AD_INLINE vec vfnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
AD_INLINE vec vsqrt(vec a) { return _mm256_sqrt_ps(a); }
AD_INLINE vec vmax(vec a, vec b) { return _mm256_max_ps(a, b); }
AD_INLINE vec vmin(vec a, vec b) { return _mm256_min_ps(a, b); }
AD_INLINE vec vabs(vec a) { return _mm256_andnot_ps(vset(-0.0f), a); }
AD_INLINE vec vneg(vec a) { return _mm256_xor_ps(a, vset(-0.0f)); }
AD_INLINE vec vcopysign(vec a, vec sign) { return _mm256_or_ps(vabs(a), _mm256_and_ps(sign, vset(-0.0f))); }
AD_INLINE mask vgt(vec a, vec b) { return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GT_OQ)); }
AD_INLINE bool vany(mask m) { return _mm256_movemask_ps(_mm256_castsi256_ps(m)) != 0; }
AD_INLINE mask visnan(vec a) { return _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q)); }
AD_INLINE vec vselect(mask m, vec a, vec b) { return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(m)); }
AD_INLINE vec vquotient(vec a, vec b) { return _mm256_div_ps(a, b); }
AD_INLINE vec vover_root(vec a, vec v, mask none, vec offset) {
    (void)none;
    return vdiv(a, vadd(vsqrt(v), offset));
}

AD_INLINE vec power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/* x 2^n for whole |n| < 250. In two steps, because 2^n alone may overflow; a denormal result is rounded
 * once, since the first step is exact when x is near 1. */
AD_INLINE vec vscale_power(vec x, vec n) {
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    return vmul(vmul(x, power_of_two(half)), power_of_two(_mm256_sub_epi32(whole, half)));
}
AD_INLINE vec vround(vec x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/* x = f 2^n with f in [sqrt(1/2), sqrt(2)), for finite x > 0, denormals too */
AD_INLINE vec vsplit_power(vec x, vec *n) {
    const __m256i origin = _mm256_castps_si256(vset(0.707106781f));
    mask tiny = vgt(vset(1.17549435e-38f), x);
    x = vselect(tiny, vmul(x, vset(8388608.0f)), x);
    __m256i above = _mm256_sub_epi32(_mm256_castps_si256(x), origin), e = _mm256_srai_epi32(above, 23);
    *n = vadd(_mm256_cvtepi32_ps(e), vselect(tiny, vset(-23), vzero()));
    return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(e, 23)));
}

AD_INLINE real vsum(vec v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* r[l] = op over the entries of v[l]: each step halves the number of registers and of entries per sum. */
#define REDUCE_ALL(name, op)                                                                                 \
    AD_INLINE vec name(vec v[W]) {                                                                           \
        vec b[2];                                                                                            \
        AD_UNROLL for (int i = 0; i < 2; i++) {                                                              \
            const vec *x = v + 4 * i;                                                                        \
            vec p = op(_mm256_unpacklo_ps(x[0], x[1]), _mm256_unpackhi_ps(x[0], x[1]));                      \
            vec q = op(_mm256_unpacklo_ps(x[2], x[3]), _mm256_unpackhi_ps(x[2], x[3]));                      \
            b[i] = op(_mm256_shuffle_ps(p, q, 0x44), _mm256_shuffle_ps(p, q, 0xee));                         \
        }                                                                                                    \
        return op(_mm256_permute2f128_ps(b[0], b[1], 0x20), _mm256_permute2f128_ps(b[0], b[1], 0x31));       \
    }
REDUCE_ALL(vsum_all, vadd)
REDUCE_ALL(vmax_all, vmax)

/* v[l][i] = p[i ld + l] for l < 4: each half of a register takes 4 entries of one row, then 4 x 4 blocks
 * are transposed inside the halves. */
AD_INLINE void vload_columns(const real *p, size_t ld, size_t rows, const bool whole, size_t depth,
                             vec v[4]) {
    const __m128i inside = _mm_cmpgt_epi32(_mm_set1_epi32((int)depth), _mm_setr_epi32(0, 1, 2, 3));
#define ROW(i) (p + (rows == W || i < rows ? (size_t)(i) : rows - 1) * ld)
#define HALF(i) (whole ? _mm_loadu_ps(ROW(i)) : _mm_maskload_ps(ROW(i), inside))
    vec x[4];
    AD_UNROLL for (size_t i = 0; i < 4; i++)
        x[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(HALF(i)), HALF(i + 4), 1);
#undef ROW
#undef HALF
    vec a = _mm256_unpacklo_ps(x[0], x[1]), b = _mm256_unpackhi_ps(x[0], x[1]);
    vec c = _mm256_unpacklo_ps(x[2], x[3]), d = _mm256_unpackhi_ps(x[2], x[3]);
    v[0] = _mm256_shuffle_ps(a, c, 0x44);
    v[1] = _mm256_shuffle_ps(a, c, 0xee);
    v[2] = _mm256_shuffle_ps(b, d, 0x44);
    v[3] = _mm256_shuffle_ps(b, d, 0xee);
}

#define AD_ISA AD_ISA_AVX2
#define AD_ISA_NAME "avx2"
#define AD_TABLE ad_kernels_avx2
#define AD_PEAK_CHAINS 12
#define AD_FLOPS_PER_FMA 2
#define AD_TILES(X) TILE_ROWS_12(X, 1) TILE_ROWS_6(X, 2) TILE_ROWS_4(X, 3) TILE_ROWS_3(X, 4)
#define AD_TILE_ROWS {0, 12, 6, 4, 3}
#define AD_WIDE 2
#define AD_LOOKUP 0

#include "autograd/kernels/math.inc.h"
#include "autograd/kernels/vector.inc.h"
#include "autograd/kernels/gemm.inc.h"
#include "autograd/kernels/table.inc.h"

#else
typedef int ad_kernels_avx2_is_empty;
#endif
