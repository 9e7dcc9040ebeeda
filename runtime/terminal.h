/* terminal.h: one line of a terminal that is drawn again and again, on any terminal: it never is
 * longer than the window, and what a smaller window has wrapped is cleared. */
#ifndef GRADC_TERMINAL_H
#define GRADC_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct {
    FILE *stream;
    bool live;    /* a terminal that can redraw: no pipe, not TERM=dumb */
    bool color;   /* labels are faint; not with NO_COLOR */
    size_t drawn; /* columns of what stands there now */
} Terminal;

enum { PART_SIZE = 48 };

/* `label value`, ASCII. Where the window is too narrow, parts of higher rank are left out. */
typedef struct {
    const char *label; /* or NULL */
    int rank;
    char value[PART_SIZE]; /* "": the part is left out */
} LinePart;

/* `off`: nothing will be drawn. */
void terminal_start(Terminal *terminal, FILE *stream, bool off);
void terminal_draw(Terminal *terminal, const LinePart *parts, size_t count);
/* Before other text. */
void terminal_clear(Terminal *terminal);

#endif
