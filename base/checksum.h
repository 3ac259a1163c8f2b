/* checksum.h: 64-bit FNV-1a [Fowler, Noll and Vo 1991], against damage that still parses. Every change of a
 * single byte changes it; other damage escapes once in 2^64. It is no protection against one who means it.
 *
 * Example (compiled by the tests):
 *
 *     #include <string.h>
 *     char text[FM_CHECKSUM_TEXT];
 *     uint64_t sum = fm_checksum(FM_CHECKSUM_START, "foo", 3);
 *     sum = fm_checksum(sum, "bar", 3);                       // as if it had been one piece
 *     if (strcmp(fm_checksum_text(sum, text), "85944171f73967e8") != 0) return 1;
 */
#ifndef FM_CHECKSUM_H
#define FM_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define FM_CHECKSUM_START UINT64_C(0xcbf29ce484222325)
#define FM_CHECKSUM_TEXT 17 /* 16 hexadecimal digits and the end */

/* The sum of what came before and n more bytes. */
uint64_t fm_checksum(uint64_t sum, const void *data, size_t n);

/* In text[FM_CHECKSUM_TEXT]. Returns text. */
char *fm_checksum_text(uint64_t sum, char *text);

#endif
