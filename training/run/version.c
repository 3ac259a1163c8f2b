/* version.c: the only file that is compiled anew when the version or the commit changes. */
#include "training/run/version.h"

#ifndef FM_VERSION
#define FM_VERSION "0.1.0"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "an unknown compiler"
#endif

#ifdef FM_DOUBLE
#define REAL_SUFFIX " double"
#else
#define REAL_SUFFIX ""
#endif

#ifdef FM_COMMIT
const char *run_version(void) { return "firstmover " FM_VERSION " (commit " FM_COMMIT ")"; }
const char *run_commit(void) { return FM_COMMIT; }
#else
const char *run_version(void) { return "firstmover " FM_VERSION; }
const char *run_commit(void) { return "unknown"; }
#endif

const char *run_compiler(void) { return COMPILER REAL_SUFFIX; }
