/* checksum.c: see checksum.h. */
#include "base/checksum.h"

#define PRIME UINT64_C(0x100000001b3)

uint64_t fm_checksum(uint64_t sum, const void *data, size_t n) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++) sum = (sum ^ bytes[i]) * PRIME;
    return sum;
}

char *fm_checksum_text(uint64_t sum, char *text) {
    for (int i = 0; i < 16; i++) text[i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
    text[16] = '\0';
    return text;
}
