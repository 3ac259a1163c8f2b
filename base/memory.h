/* memory.h: memory that is there or ends the program, and how much of it there is.
 *
 * Where memory is exhausted no caller could go on: fm_out_of_memory says so on stderr, with what was asked
 * for, and ends the program with FM_EXIT_MEMORY. Every allocation of the library ends in it.
 *
 * Example (compiled by the tests):
 *
 *     #include <stdlib.h>
 *     #include <string.h>
 *     char *text, number[FM_BYTES_TEXT];
 *     size_t size;
 *     double *x = fm_new(100, sizeof *x);              // zeroed; free(x)
 *     FILE *memory = fm_memory_open(&text, &size);
 *     fprintf(memory, "%s", fm_bytes_text(1536000000, number));
 *     fm_memory_close(memory);
 *     if (strcmp(text, "1.5 GB") != 0 || x[99] != 0) return 1;
 *     free(text);
 *     free(x);
 */
#ifndef FM_MEMORY_H
#define FM_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define FM_EXIT_MEMORY 1

void fm_out_of_memory(size_t bytes) FM_NORETURN;

/* count * size bytes, zeroed, as calloc; of the system's, which does not touch large ones before they are
 * used. Aborts when the product overflows. */
void *fm_new(size_t count, size_t size);

/* A stream into *text, which is malloc'ed, as open_memstream; both stand when it is closed. */
FILE *fm_memory_open(char **text, size_t *size);
void fm_memory_close(FILE *memory);

/* The most that one process may take by the limit of its address space (ulimit -v), and that all processes
 * together may by the machine's memory and the control groups that this one is in; FM_MEMORY_ANY: not
 * known. */
#define FM_MEMORY_ANY UINT64_MAX
uint64_t fm_memory_of_process(void);
uint64_t fm_memory_of_machine(void);

/* The part of the control groups, version 1 or 2: `groups` is /proc/self/cgroup, `root` /sys/fs/cgroup. */
uint64_t fm_memory_of_groups(const char *groups, const char *root);

/* "640 KB", "15.6 GB" (powers of 1000). Returns text. */
#define FM_BYTES_TEXT 32
char *fm_bytes_text(uint64_t bytes, char text[FM_BYTES_TEXT]);

#endif
