/* kernel_matrix.h: matrices in guarded memory, and a walk through the instruction sets, for the tests of the
 * kernels. */
#ifndef TESTS_KERNEL_MATRIX_H
#define TESTS_KERNEL_MATRIX_H

#include <float.h>
#include <stdint.h>
#include <stdlib.h>

#include "autograd/kernels/kernels.h"
#include "base/error.h"
#include "tests/test.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define FOR_EACH_ISA(isa)                                                                                    \
    for (ad_isa isa = AD_ISA_PORTABLE; isa <= AD_ISA_AVX512; isa++)                                          \
        if (ad_kernels_of(isa) != NULL && (ad_kernels_use(isa), true))

static uint64_t seed = 1;

static inline real uniform(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (real)((double)(seed >> 40) / (double)(1 << 24) * 2 - 1);
}

/* A matrix inside poisoned memory: NaN before, after and between the rows. */
typedef struct matrix {
    size_t rows, cols, ld;
    real *memory, *at;
} matrix;

enum { MARGIN = 37 };

static inline matrix matrix_new(size_t rows, size_t cols, size_t ld) {
    matrix a = {rows, cols, ld, NULL, NULL};
    size_t total = rows * ld + 2 * MARGIN;
    a.memory = malloc(total * sizeof(real));
    FM_CHECK(a.memory != NULL, "out of memory");
    for (size_t i = 0; i < total; i++) a.memory[i] = (real)NAN;
    a.at = a.memory + MARGIN;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) a.at[i * ld + j] = uniform();
    return a;
}

/* One that is only read: its memory ends with its last entry, so that the address sanitizer sees a read
 * beyond it. */
static inline matrix matrix_input(size_t rows, size_t cols, size_t ld) {
    matrix a = {rows, cols, ld, NULL, NULL};
    const size_t total = rows == 0 ? 0 : (rows - 1) * ld + cols;
    a.memory = a.at = malloc((total + (total == 0)) * sizeof(real));
    FM_CHECK(a.memory != NULL, "out of memory");
    for (size_t i = 0; i < total; i++) a.at[i] = i % ld < cols ? uniform() : (real)NAN;
    return a;
}

static inline matrix matrix_copy(matrix a) {
    matrix b = matrix_new(a.rows, a.cols, a.ld);
    memcpy(b.memory, a.memory, (a.rows * a.ld + 2 * MARGIN) * sizeof(real));
    return b;
}

/* True when everything but the entries is still poison. */
static inline bool margins_whole(matrix a) {
    for (size_t i = 0; i < a.rows * a.ld + 2 * MARGIN; i++) {
        size_t p = i - MARGIN;
        bool inside = i >= MARGIN && p < a.rows * a.ld && p % a.ld < a.cols;
        if (!inside && !isnan(a.memory[i])) return false;
    }
    return true;
}

static const double EPSILON = sizeof(real) == 4 ? FLT_EPSILON : DBL_EPSILON;

#endif
