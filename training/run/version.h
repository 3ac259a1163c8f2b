/* version.h: what built this program, for `--version`, config.ini and the metadata of checkpoints. */
#ifndef TRAINING_VERSION_H
#define TRAINING_VERSION_H

/* "firstmover 0.1.0 (commit 1a2b3c4)", or "firstmover 0.1.0" when it was built outside a checkout. Static. */
const char *run_version(void);

/* "1a2b3c4", or "unknown". Static. */
const char *run_commit(void);

/* "gcc 12.2.0", and " double" behind it when `real` is double. Static. */
const char *run_compiler(void);

#endif
