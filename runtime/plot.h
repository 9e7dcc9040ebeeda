/* plot.h: pictures. They are drawn with cairo, which is loaded when the first picture is asked for:
 * a trainer that draws none needs nothing but the C library. */
#ifndef GRADC_PLOT_H
#define GRADC_PLOT_H

#include "runtime/runtime.h"

/* ---- plot_cairo.c: the library, and what can be drawn with it ---- */

typedef struct Plotter Plotter;
typedef struct Canvas Canvas;

/* NULL: cairo cannot be loaded (reported). */
Plotter *plotter_open(Context *context);

typedef enum { PICTURE_SVG, PICTURE_PNG, PICTURE_PDF, PICTURE_COUNT } PictureKind;

/* By the end of its name; PICTURE_COUNT: none of these. */
PictureKind picture_kind(const char *path);

typedef void Draw(Canvas *canvas, const void *what);

typedef struct {
    double width, height; /* in pixels of 1/96 inch */
    const char *title;    /* for those who cannot see it; of SVG */
    bool bare;            /* no background: what is behind shows */
    Draw *draw;
    const void *what;
} Picture;

/* Adds the bytes of a file to `out`. False: reported. */
bool picture_make(Plotter *plotter, PictureKind kind, const Picture *picture, Text *out);

/* The canvas has its origin at the top left. Colours are 0xRRGGBB. */
double canvas_width(const Canvas *canvas);
double canvas_height(const Canvas *canvas);
void canvas_color(Canvas *canvas, unsigned rgb, double alpha);
void canvas_move(Canvas *canvas, double x, double y);
void canvas_to(Canvas *canvas, double x, double y);
void canvas_stroke(Canvas *canvas, double width); /* the line of move, to, to, … */
void canvas_dash(Canvas *canvas, bool on);
void canvas_dot(Canvas *canvas, double x, double y);
void canvas_dots(Canvas *canvas, double size); /* all dots since the last time */
void canvas_box(Canvas *canvas, double x, double y, double width, double height);
void canvas_clip(Canvas *canvas, double x, double y, double width, double height);
void canvas_unclip(Canvas *canvas);

typedef enum { ALIGN_LEFT, ALIGN_MIDDLE, ALIGN_RIGHT } Align;
typedef struct {
    double size;
    Align align;
    bool bold, upward; /* upward: it is read from below */
} Font;

/* `y`: the line that letters stand on. */
void canvas_text(Canvas *canvas, double x, double y, const char *text, Font font);
double canvas_text_width(Canvas *canvas, const char *text, Font font);
/* The text, shortened by … to the width; `room` holds it. */
const char *canvas_text_fit(Canvas *canvas, const char *text, double width, Font font, char *room,
                            size_t size);

/* ---- plot_axis.c: ranges, ticks and their labels ---- */

enum { TICKS_MAX = 24, TICK_SIZE = 40 };

typedef struct {
    double low, high; /* of what is drawn; low < high, both finite */
    bool log;
    size_t count;
    double ticks[TICKS_MAX];
    char labels[TICKS_MAX][TICK_SIZE]; /* "": a tick without one */
} Axis;

typedef enum { SCALE_LINEAR, SCALE_AUTO } Scale; /* AUTO: a log scale where the range asks for it */

/* For values from `low` to `high`; with low > high (there are none) from 0 to 1. `wanted`: about so
 * many ticks; `whole`: only whole numbers are ticks. */
void axis_make(Axis *axis, double low, double high, Scale scale, int wanted, bool whole);
/* Where a value is: 0 at the low end, 1 at the high one; NaN for what a log scale has not. */
double axis_place(const Axis *axis, double value);
/* A number for people: 4 digits or so, `1.5×10⁻⁷`. */
void number_text(char text[TICK_SIZE], double value, int digits);
/* A whole number for people: `12,345`. */
void number_grouped(char text[TICK_SIZE], int64_t value);

/* ---- plot_chart.c: charts ---- */

typedef enum { MARK_LINE, MARK_DOTS, MARK_BARS } Mark;

typedef struct {
    const char *name; /* in the legend, which is there for two or more names; NULL: not in it */
    Mark mark;
    unsigned color;
    double *x, *y; /* what is not finite is left out */
    size_t count;
    double bar; /* of MARK_BARS: the width, in units of x */
} Series;

enum { SERIES_MAX = 4 };

typedef struct {
    const char *title, *note; /* or NULL; the note stands below the title, smaller */
    const char *x_label, *y_label;
    Scale x_scale, y_scale;
    bool x_whole, y_whole;    /* ticks are whole numbers */
    bool zero_line, diagonal; /* y = 0, y = x: for the eye */
    Series series[SERIES_MAX];
    size_t series_count;
} Chart;

/* Colours that people with any kind of colour blindness tell apart (Okabe and Ito). */
enum { BLUE = 0x0072b2, RED = 0xd55e00, GREEN = 0x009e73, GREY = 0x6b6b6b };

Draw chart_draw; /* of a Chart */

typedef struct {
    const char *title, *note;
    const char *actual, *predicted; /* what the axes are called */
    size_t classes;
    const char *const *names;
    const int64_t *counts; /* row: what it is, column: what was predicted */
} Confusion;

enum { CONFUSION_MOST = 30 }; /* classes of which a picture is drawn */

Draw confusion_draw;
/* Of its picture. */
double confusion_width(size_t classes);
double confusion_height(size_t classes, bool titled);

#endif
