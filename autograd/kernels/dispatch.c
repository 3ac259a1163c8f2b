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

/* "portable, avx2": those that this machine and build have, in text[64]. */
static const char *list_of_all(char *text) {
    *text = '\0';
    for (ad_isa isa = AD_ISA_PORTABLE; isa <= AD_ISA_AVX512; isa++) {
        const ad_kernel_table *table = ad_kernels_of(isa);
        if (table == NULL) continue;
        if (*text) strcat(text, ", ");
        strcat(text, table->name);
    }
    return text;
}

fm_status ad_kernels_find(const char *name, ad_isa *isa, fm_error *err) {
    const ad_kernel_table *in_use = atomic_load_explicit(&table_in_use, memory_order_acquire);
    const char *of = "", *wish = getenv("FIRSTMOVER_ISA");
    char all[64];
    if (strcmp(name, "auto") == 0 && in_use != NULL) name = in_use->name;
    else if (strcmp(name, "auto") == 0 && wish != NULL && *wish) name = wish, of = "FIRSTMOVER_ISA: ";
    for (ad_isa i = AD_ISA_AVX512 + 1; i-- > AD_ISA_PORTABLE;) {
        const ad_kernel_table *table = ad_kernels_of(i);
        if (table == NULL || (strcmp(name, "auto") != 0 && strcmp(name, table->name) != 0)) continue;
        *isa = i;
        return FM_OK;
    }
    return fm_fail(err, "%sthere is no instruction set '%s' here; this machine and build have: %s", of, name,
                   list_of_all(all));
}

const ad_kernel_table *ad_kernels(void) {
    const ad_kernel_table *table = atomic_load_explicit(&table_in_use, memory_order_acquire);
    if (table != NULL) return table;
    ad_isa isa = AD_ISA_PORTABLE;
    fm_error err;
    FM_CHECK(ad_kernels_find("auto", &isa, &err) == FM_OK, "%s", err.text);
    table = ad_kernels_of(isa);
    atomic_store_explicit(&table_in_use, table, memory_order_release);
    return table;
}

ad_isa ad_kernels_isa(void) {
    return ad_kernels()->isa;
}

void ad_kernels_use(ad_isa isa) {
    const ad_kernel_table *table = ad_kernels_of(isa);
    FM_CHECK(table != NULL, "kernels: no variant %d on this machine", (int)isa);
    ad_kernels_replace(table);
}

void ad_kernels_replace(const ad_kernel_table *table) {
    atomic_store_explicit(&table_in_use, table, memory_order_release);
}
