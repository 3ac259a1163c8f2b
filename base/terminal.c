/* terminal.c: see terminal.h. */
#include "base/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

#define USUAL 80
#define MOST 1000000
#define READING 100

size_t fm_terminal_columns(FILE *stream) {
    const char *said = getenv("COLUMNS");
    int64_t columns = 0;
    if (!said || !fm_text_to_int(said, &columns) || columns < 1) columns = 0;
#ifdef TIOCGWINSZ
    struct winsize size = {0};
    int fd = fileno(stream);
    if (columns == 0 && fd >= 0 && isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
#endif
    if (columns == 0) return USUAL;
    if (columns > MOST) columns = MOST;
    return columns < FM_TERMINAL_LEAST ? FM_TERMINAL_LEAST : (size_t)columns;
}

size_t fm_terminal_reading(FILE *stream) {
    size_t columns = fm_terminal_columns(stream);
    return columns < READING ? columns : READING;
}
