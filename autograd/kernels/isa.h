/* isa.h: the variants that autograd/kernels/dispatch.c chooses from. Private to this folder.
 *
 * A variant is one source file: it defines the vector primitives listed in autograd/kernels/portable.c, then
 * includes the kernels (math.inc.h, vector.inc.h and gemm.inc.h of this folder), then fills its table. */
#ifndef AD_KERNELS_ISA_H
#define AD_KERNELS_ISA_H

#include "autograd/kernels/kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(FM_DOUBLE)
#define AD_KERNELS_X86 1
extern const ad_kernel_table ad_kernels_avx2;
extern const ad_kernel_table ad_kernels_avx512;
#else
#define AD_KERNELS_X86 0
#endif

extern const ad_kernel_table ad_kernels_portable;

#if defined(__GNUC__)
/* The compiler may not derive one address from another across this: it would keep a dozen of them in
 * registers. */
#define AD_OPAQUE(pointer) __asm__("" : "+r"(pointer))
/* Into the second cache; no fault, whatever the address. */
#define AD_PREFETCH(pointer) __builtin_prefetch(pointer, 0, 2)
#else
#define AD_OPAQUE(pointer) ((void)0)
#define AD_PREFETCH(pointer) ((void)0)
#endif

/* Loops over the registers of a tile must vanish: their counts are constants. The few k's beyond the last
 * four stay a loop: a hundred tiles with three copies of them would take the compiler half as long again. */
#if defined(__clang__)
#define AD_UNROLL _Pragma("clang loop unroll(full)")
#define AD_ROLLED _Pragma("clang loop unroll(disable)")
#define AD_INLINE static inline __attribute__((always_inline))
#elif defined(__GNUC__)
#define AD_UNROLL _Pragma("GCC unroll 16")
#define AD_ROLLED _Pragma("GCC unroll 1")
#define AD_INLINE static inline __attribute__((always_inline))
#else
#define AD_UNROLL
#define AD_ROLLED
#define AD_INLINE static inline
#endif

#endif
