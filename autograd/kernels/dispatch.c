/* dispatch.c: which variant of the kernels runs. */
#include "autograd/kernels/kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/isa.h"
#include "base/error.h"

static _Atomic(const ad_kernel_table *) table_in_use;

const ad_kernel_table *ad_kernels_of(ad_isa isa) {
    switch (isa) {
    case AD_ISA_PORTABLE: return &ad_kernels_portable;
#if AD_KERNELS_X86
    case AD_ISA_AVX2:
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &ad_kernels_avx2;
        break;
    case AD_ISA_AVX512:
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
            ad_kernels_of(AD_ISA_AVX2))
            return &ad_kernels_avx512;
        break;
#endif
    default: break;
    }
    return NULL;
}

static const ad_kernel_table *choose(void) {
    const char *wish = getenv("FIRSTMOVER_ISA");
    if (wish == NULL || *wish == '\0') {
        ad_isa best = ad_kernels_of(AD_ISA_AVX512) ? AD_ISA_AVX512 : AD_ISA_AVX2;
        return ad_kernels_of(best) ? ad_kernels_of(best) : &ad_kernels_portable;
    }
    const ad_kernel_table *found = NULL;
    for (ad_isa isa = AD_ISA_PORTABLE; isa <= AD_ISA_AVX512; isa++) {
        const ad_kernel_table *table = ad_kernels_of(isa);
        if (table != NULL && strcmp(table->name, wish) == 0) found = table;
    }
    FM_CHECK(found != NULL, "FIRSTMOVER_ISA=%s: this machine and build have: portable%s%s", wish,
             ad_kernels_of(AD_ISA_AVX2) ? ", avx2" : "", ad_kernels_of(AD_ISA_AVX512) ? ", avx512" : "");
    return found;
}

const ad_kernel_table *ad_kernels(void) {
    const ad_kernel_table *table = atomic_load_explicit(&table_in_use, memory_order_acquire);
    if (table != NULL) return table;
    table = choose();
    atomic_store_explicit(&table_in_use, table, memory_order_release);
    return table;
}

ad_isa ad_kernels_isa(void) {
    return ad_kernels()->isa;
}

void ad_kernels_use(ad_isa isa) {
    const ad_kernel_table *table = ad_kernels_of(isa);
    FM_CHECK(table != NULL, "kernels: no variant %d on this machine", (int)isa);
    atomic_store_explicit(&table_in_use, table, memory_order_release);
}
