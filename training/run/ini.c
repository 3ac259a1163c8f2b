/* ini.c: see ini.h. */
#include "training/run/ini.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/file.h"
#include "base/text.h"
#include "stb_ds.h"

#define BLANKS " \t\r"

static const char *const SECTIONS[] = {"run", "algo", "env"};
#define SECTIONS_COUNT (sizeof SECTIONS / sizeof *SECTIONS)

/* Cuts the blanks off both ends, in place. */
static char *trim(char *text) {
    text += strspn(text, BLANKS);
    size_t n = strlen(text);
    while (n > 0 && strchr(BLANKS, text[n - 1])) text[--n] = '\0';
    return text;
}

static fm_status read_section(char *line, fm_arena *arena, const char **section, fm_error *err) {
    size_t n = strlen(line);
    if (line[n - 1] != ']') return fm_fail(err, "'%.60s' has no closing ]", line);
    line[n - 1] = '\0';
    char *name = trim(line + 1);
    for (size_t i = 0; i < SECTIONS_COUNT; i++) {
        if (strcmp(name, SECTIONS[i]) != 0) continue;
        *section = SECTIONS[i];
        return FM_OK;
    }
    if (strncmp(name, INI_LEARNER, strlen(INI_LEARNER)) == 0 && name[strlen(INI_LEARNER)]) {
        *section = fm_arena_text(arena, name);
        return FM_OK;
    }
    const char *nearest = fm_text_nearest(name, SECTIONS, SECTIONS_COUNT);
    if (nearest) return fm_fail(err, "unknown section [%.60s]; did you mean [%s]?", name, nearest);
    return fm_fail(err, "unknown section [%.60s]; expected [run], [algo], [env] or [learner.AGENT]", name);
}

static fm_status read_line(char *line, fm_arena *arena, const char **section, setting *now, fm_error *err) {
    now->key = NULL;
    line = trim(line);
    if (*line == '\0' || *line == '#' || *line == ';') return FM_OK;
    if (*line == '[') return read_section(line, arena, section, err);
    char *equals = strchr(line, '=');
    if (!equals || equals == line)
        return fm_fail(err, "expected [section] or key = value, found '%.60s'", line);
    if (!*section)
        return fm_fail(err, "'%.60s' stands before the first section; expected [run], [algo] or [env]", line);
    *equals = '\0';
    now->section = *section;
    now->key = trim(line);
    now->value = trim(equals + 1);
    return FM_OK;
}

static fm_status read_lines(char *text, const char *path, fm_arena *arena, setting **settings,
                            fm_error *err) {
    const char *section = NULL;
    int number = 0;
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        setting now;
        number++;
        if (read_line(line, arena, &section, &now, err) != FM_OK)
            return fm_fail_in(err, "%s: line %d: ", path, number);
        if (now.key) {
            char where[1200];
            snprintf(where, sizeof where, "%s: line %d", path, number);
            now.key = fm_arena_text(arena, now.key);
            now.value = fm_arena_text(arena, now.value);
            now.where = fm_arena_text(arena, where);
            arrput(*settings, now);
        }
        line = end ? end + 1 : NULL;
    }
    return FM_OK;
}

/* Whatever stands below the line that bears the checksum must have it. */
static fm_status check_sum(const char *text, const char *path, fm_error *err) {
    char sum[FM_CHECKSUM_TEXT];
    const char *line = strstr(text, INI_CHECKSUM), *end = line ? strchr(line, '\n') : NULL;
    if (!line || (line != text && line[-1] != '\n')) return FM_OK;
    const char *below = end ? end + 1 : line + strlen(line);
    fm_checksum_text(fm_checksum(FM_CHECKSUM_START, below, strlen(below)), sum);
    if (strncmp(line + strlen(INI_CHECKSUM), sum, strlen(sum)) == 0) return FM_OK;
    return fm_fail(err,
                   "%s: the file is damaged or was changed: its checksum is not the one it should have; to "
                   "use it as it is now, delete the line that begins with '%s'",
                   path, INI_CHECKSUM);
}

fm_status ini_read(const char *path, fm_arena *arena, setting **settings, fm_error *err) {
    char *text;
    size_t length;
    if (fm_file_read(path, &text, &length, err) != FM_OK) return FM_BAD;
    static const char MARK[] = "\xEF\xBB\xBF"; /* some editors begin a UTF-8 file with it */
    fm_status status;
    if (strlen(text) != length) status = fm_fail(err, "%s: not a text file", path);
    else status = check_sum(text, path, err);
    if (status == FM_OK)
        status = read_lines(text + (strncmp(text, MARK, 3) == 0 ? 3 : 0), path, arena, settings, err);
    free(text);
    return status;
}
