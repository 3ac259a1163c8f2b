/* ini.h: configuration files.
 *
 *     # a comment fills its line; ; begins one too
 *     [run]
 *     algo = biac
 *
 *     [algo]
 *     epsilon = 0.1
 *
 * The sections are [run], [algo], [env], and [learner.AGENT] of any agent. What stands behind = is the value
 * up to the end of the line, without the blanks around it. */
#ifndef TRAINING_INI_H
#define TRAINING_INI_H

#include "base/arena.h"
#include "base/error.h"

/* How a comment begins that holds the checksum (base/checksum.h) of all lines below its own. */
#define INI_CHECKSUM "# checksum "

/* How the name of the section of an agent's learner begins. */
#define INI_LEARNER "learner."

/* One setting. `where` says where it came from, for messages: "run.ini: line 3". Texts live in an arena. */
typedef struct setting { const char *section, *key, *value, *where; } setting;

/* Appends the settings of a file to *settings, an stb_ds array of the caller. Errors: a file that cannot
 * be read, a line that is neither a section, a setting nor a comment, a setting before the first section,
 * an unknown section, lines that are not what their checksum says. */
fm_status ini_read(const char *path, fm_arena *arena, setting **settings, fm_error *err);

#endif
