/* terminal.c: a line that redraws. The width is asked for each time, so that it follows the window;
 * COLUMNS can only make it smaller. One column stays free: some terminals wrap in the last one. */
#include "runtime/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MOST = 400, LINE_PARTS = 16 };

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

void terminal_start(Terminal *terminal, FILE *stream, bool off) {
    const char *kind = getenv("TERM");
    *terminal = (Terminal){.stream = stream};
    terminal->live =
        !off && isatty(fileno(stream)) == 1 && is_set("TERM") && strcmp(kind, "dumb") != 0;
    terminal->color = terminal->live && !is_set("NO_COLOR");
}

static size_t width_of(const Terminal *terminal) {
    struct winsize window;
    size_t width = WIDTH_DEFAULT;
    if (ioctl(fileno(terminal->stream), TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
        width = window.ws_col;
    }
    const char *columns = getenv("COLUMNS");
    char *end = NULL;
    unsigned long asked = columns && *columns ? strtoul(columns, &end, 10) : 0;
    if (end && *end == '\0' && asked > 0 && asked < width) {
        width = asked;
    }
    return width > WIDTH_MOST ? WIDTH_MOST : width;
}

static size_t part_width(const LinePart *part) {
    return part->value[0] ? (part->label ? strlen(part->label) + 1 : 0) + strlen(part->value) : 0;
}

/* The columns of all parts up to that rank, with two blanks between them. */
static size_t line_width(const LinePart *parts, size_t count, int rank) {
    size_t width = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more = parts[i].rank <= rank ? part_width(&parts[i]) : 0;
        width += more ? more + (width ? 2 : 0) : 0;
    }
    return width;
}

/* Goes to the start of what was drawn, which a window that became narrower has wrapped. */
static void go_back(const Terminal *terminal, size_t width) {
    size_t rows = terminal->drawn ? (terminal->drawn - 1) / width : 0;
    fputc('\r', terminal->stream);
    for (; rows > 0; rows--) {
        fputs("\033[A", terminal->stream);
    }
    fputs("\033[J", terminal->stream);
}

void terminal_draw(Terminal *terminal, const LinePart *parts, size_t count) {
    size_t width = width_of(terminal);
    size_t room = width > 1 ? width - 1 : 1;
    int rank = LINE_PARTS;
    size_t used = 0;
    if (!terminal->live) {
        return;
    }
    while (rank > 0 && line_width(parts, count, rank) > room) {
        rank--;
    }
    go_back(terminal, width);
    for (size_t i = 0; i < count; i++) {
        const LinePart *part = &parts[i];
        char text[2 * PART_SIZE];
        if (part->rank > rank || !part->value[0]) {
            continue;
        }
        /* a number is cut last of all */
        bool labelled = part->label && used + part_width(part) <= room;
        size_t label = labelled ? strlen(part->label) + 1 : 0;
        snprintf(text, sizeof text, "%s%s%s%s", used ? "  " : "", labelled ? part->label : "",
                 labelled ? " " : "", part->value);
        size_t lead = used ? label + 2 : label;
        size_t length = strlen(text) < room - used ? strlen(text) : room - used;
        lead = lead < length ? lead : length;
        const char *faint = terminal->color && label ? "\033[2m" : "";
        fprintf(terminal->stream, "%s%.*s%s%.*s", faint, (int)lead, text, *faint ? "\033[22m" : "",
                (int)(length - lead), text + lead);
        used += length;
    }
    fflush(terminal->stream);
    terminal->drawn = used;
}

void terminal_clear(Terminal *terminal) {
    if (terminal->drawn) {
        go_back(terminal, width_of(terminal));
        fflush(terminal->stream);
        terminal->drawn = 0;
    }
}
