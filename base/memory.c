/* memory.c: see memory.h. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"

void fm_out_of_memory(size_t bytes) {
    char text[FM_BYTES_TEXT];
    fprintf(stderr, "firstmover: out of memory: %s more were asked for\n", fm_bytes_text(bytes, text));
    exit(FM_EXIT_MEMORY);
}

void *fm_new(size_t count, size_t size) {
    FM_CHECK(size == 0 || count <= SIZE_MAX / size, "%zu items of %zu bytes overflow", count, size);
    void *now = calloc(count ? count : 1, size ? size : 1);
    if (!now) fm_out_of_memory(count * size);
    return now;
}

FILE *fm_memory_open(char **text, size_t *size) {
    FILE *memory = open_memstream(text, size);
    if (!memory) fm_out_of_memory(BUFSIZ);
    return memory;
}

/* Nothing but memory can fail in such a stream. */
void fm_memory_close(FILE *memory) {
    long written = ftell(memory);
    if (ferror(memory) || fclose(memory) != 0) fm_out_of_memory(written > 0 ? (size_t)written : BUFSIZ);
}

/* ---- limits ---- */

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The number that a file holds; FM_MEMORY_ANY when there is none: "max", or no such file. */
static uint64_t number_in(const char *path) {
    char *text;
    size_t length;
    if (fm_file_read(path, &text, &length, NULL) != FM_OK) return FM_MEMORY_ANY;
    uint64_t n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : FM_MEMORY_ANY;
    free(text);
    return n;
}

/* A group is bound by those that it is in, up to the root. Cuts `group`. */
static uint64_t limit_of(const char *root, const char *controller, char *group, const char *file) {
    uint64_t limit = FM_MEMORY_ANY;
    for (;;) {
        char path[1024];
        int n = snprintf(path, sizeof path, "%s%s%s/%s", root, controller, group, file);
        if (n > 0 && (size_t)n < sizeof path) limit = smaller(limit, number_in(path));
        char *slash = strrchr(group, '/');
        if (!slash) return limit;
        *slash = '\0';
    }
}

/* Lines "ID:CONTROLLERS:/GROUP"; version 2 names no controller. */
uint64_t fm_memory_of_groups(const char *groups, const char *root) {
    char *text;
    size_t length;
    uint64_t limit = FM_MEMORY_ANY;
    if (fm_file_read(groups, &text, &length, NULL) != FM_OK) return limit;
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end) *end++ = '\0';
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = '\0';
        if (controllers[1] == '\0') limit = smaller(limit, limit_of(root, "", group, "memory.max"));
        else if (strcmp(controllers + 1, "memory") == 0)
            limit = smaller(limit, limit_of(root, "/memory", group, "memory.limit_in_bytes"));
    }
    free(text);
    return limit;
}

uint64_t fm_memory_of_process(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return FM_MEMORY_ANY;
    return (uint64_t)limit.rlim_cur;
}

uint64_t fm_memory_of_machine(void) {
    uint64_t physical = FM_MEMORY_ANY;
#ifdef _SC_PHYS_PAGES
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) physical = (uint64_t)pages * (uint64_t)page;
#endif
    return smaller(physical, fm_memory_of_groups("/proc/self/cgroup", "/sys/fs/cgroup"));
}

/* In whole numbers, so that no locale has a say. */
char *fm_bytes_text(uint64_t bytes, char text[FM_BYTES_TEXT]) {
    static const char *const UNITS[] = {"bytes", "KB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t unit = 1;
    int k = 0;
    for (; bytes / unit >= 1000 && k < 6; k++) unit *= 1000;
    unsigned long long whole = bytes / unit, tenth = bytes % unit / (unit >= 10 ? unit / 10 : 1);
    if (k < 2 || whole >= 100) snprintf(text, FM_BYTES_TEXT, "%llu %s", whole, UNITS[k]);
    else snprintf(text, FM_BYTES_TEXT, "%llu.%llu %s", whole, tenth, UNITS[k]);
    return text;
}
