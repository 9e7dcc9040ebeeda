/* plot_cairo.c: cairo, loaded by name. Its functions are declared here as its ABI has them since
 * version 1.16, so that neither gradc nor a trainer needs its headers. */
#include "runtime/plot.h"
#include "runtime/library.h"
#include "runtime/markup.h"

#include <math.h>
#include <string.h>

typedef struct CairoSurface CairoSurface;
typedef struct CairoContext CairoContext;
typedef struct {
    double x_bearing, y_bearing, width, height, x_advance, y_advance;
} CairoExtents;
typedef int CairoWrite(void *closure, const unsigned char *data, unsigned length);

enum { FORMAT_ARGB32 = 0, UNIT_PX = 3, CAP_BUTT = 0, CAP_ROUND = 1, JOIN_ROUND = 1 };
enum { WRITE_FAILED = 11, DOT_LAYERS = 8, PIXELS = 2 /* of PNG, for one of ours */ };

/* CALL(result, name, arguments) */
#define CAIRO_FUNCTIONS(CALL)                                                                      \
    CALL(CairoSurface *, svg_surface_create_for_stream, (CairoWrite *, void *, double, double))    \
    CALL(void, svg_surface_set_document_unit, (CairoSurface *, int))                               \
    CALL(CairoSurface *, pdf_surface_create_for_stream, (CairoWrite *, void *, double, double))    \
    CALL(CairoSurface *, image_surface_create, (int, int, int))                                    \
    CALL(int, surface_write_to_png_stream, (CairoSurface *, CairoWrite *, void *))                 \
    CALL(void, surface_finish, (CairoSurface *))                                                   \
    CALL(void, surface_destroy, (CairoSurface *))                                                  \
    CALL(int, surface_status, (CairoSurface *))                                                    \
    CALL(CairoContext *, create, (CairoSurface *))                                                 \
    CALL(void, destroy, (CairoContext *))                                                          \
    CALL(int, status, (CairoContext *))                                                            \
    CALL(const char *, status_to_string, (int))                                                    \
    CALL(void, scale, (CairoContext *, double, double))                                            \
    CALL(void, save, (CairoContext *))                                                             \
    CALL(void, restore, (CairoContext *))                                                          \
    CALL(void, translate, (CairoContext *, double, double))                                        \
    CALL(void, rotate, (CairoContext *, double))                                                   \
    CALL(void, set_source_rgba, (CairoContext *, double, double, double, double))                  \
    CALL(void, set_line_width, (CairoContext *, double))                                           \
    CALL(void, set_line_cap, (CairoContext *, int))                                                \
    CALL(void, set_line_join, (CairoContext *, int))                                               \
    CALL(void, set_dash, (CairoContext *, const double *, int, double))                            \
    CALL(void, new_path, (CairoContext *))                                                         \
    CALL(void, move_to, (CairoContext *, double, double))                                          \
    CALL(void, line_to, (CairoContext *, double, double))                                          \
    CALL(void, rectangle, (CairoContext *, double, double, double, double))                        \
    CALL(void, stroke, (CairoContext *))                                                           \
    CALL(void, fill, (CairoContext *))                                                             \
    CALL(void, paint, (CairoContext *))                                                            \
    CALL(void, clip, (CairoContext *))                                                             \
    CALL(void, select_font_face, (CairoContext *, const char *, int, int))                         \
    CALL(void, set_font_size, (CairoContext *, double))                                            \
    CALL(void, text_extents, (CairoContext *, const char *, CairoExtents *))                       \
    CALL(void, show_text, (CairoContext *, const char *))

struct Plotter {
    Context *context;
#define CALL(result, name, arguments) result(*name) arguments;
    CAIRO_FUNCTIONS(CALL)
#undef CALL
};

struct Canvas {
    const Plotter *plotter;
    CairoContext *cairo;
    double width, height;
    double *dots; /* x, y of those that are not drawn yet */
    size_t dot_count, dot_capacity;
    bool failed;
};

/* ---- the library ---- */

Plotter *plotter_open(Context *context) {
    static const LibrarySymbol symbols[] = {
#define CALL(result, name, arguments) {"cairo_" #name, offsetof(Plotter, name)},
        CAIRO_FUNCTIONS(CALL)
#undef CALL
    };
    Plotter *plotter = NEW(context, Plotter, 1);
    if (!plotter || !library_open(context, LIBRARY_CAIRO, "draw pictures", symbols,
                                  sizeof symbols / sizeof *symbols, plotter)) {
        return NULL;
    }
    plotter->context = context;
    return plotter;
}

PictureKind picture_kind(const char *path) {
    static const char *const suffixes[PICTURE_COUNT] = {".svg", ".png", ".pdf"};
    size_t length = strlen(path);
    for (int i = 0; i < PICTURE_COUNT; i++) {
        if (length > 4 && strcmp(path + length - 4, suffixes[i]) == 0) {
            return (PictureKind)i;
        }
    }
    return PICTURE_COUNT;
}

/* ---- a picture ---- */

static int write_text(void *closure, const unsigned char *data, unsigned length) {
    Text *text = closure;
    text_bytes(text, (const char *)data, length);
    return text->failed ? WRITE_FAILED : 0;
}

/* What cairo wrote, with a title after the first tag. */
static void add_svg(Text *out, const Text *svg, const char *title) {
    const char *start = svg->data ? strstr(svg->data, "<svg") : NULL;
    const char *end = start ? strchr(start, '>') : NULL;
    size_t head = end ? (size_t)(end + 1 - svg->data) : 0;
    if (!end || !title) {
        text_bytes(out, svg->data, svg->length);
        return;
    }
    text_bytes(out, svg->data, head - 1);
    text_string(out, " role=\"img\">\n");
    text_string(out, "<title>");
    markup_text(out, title);
    text_string(out, "</title>\n");
    text_bytes(out, svg->data + head, svg->length - head);
}

static CairoSurface *new_surface(Plotter *plotter, PictureKind kind, const Picture *picture,
                                 Text *out) {
    if (kind == PICTURE_PNG) {
        return plotter->image_surface_create(FORMAT_ARGB32, (int)ceil(picture->width * PIXELS),
                                             (int)ceil(picture->height * PIXELS));
    }
    if (kind == PICTURE_PDF) { /* its unit is 1/72 inch */
        return plotter->pdf_surface_create_for_stream(write_text, out, picture->width * 0.75,
                                                      picture->height * 0.75);
    }
    CairoSurface *surface =
        plotter->svg_surface_create_for_stream(write_text, out, picture->width, picture->height);
    plotter->svg_surface_set_document_unit(surface, UNIT_PX);
    return surface;
}

static int draw(Plotter *plotter, PictureKind kind, const Picture *picture, CairoSurface *surface) {
    Canvas canvas = {.plotter = plotter,
                     .cairo = plotter->create(surface),
                     .width = picture->width,
                     .height = picture->height};
    double scale = kind == PICTURE_PNG ? PIXELS : kind == PICTURE_PDF ? 0.75 : 1;
    plotter->scale(canvas.cairo, scale, scale);
    plotter->set_line_join(canvas.cairo, JOIN_ROUND);
    if (!picture->bare) {
        plotter->set_source_rgba(canvas.cairo, 1, 1, 1, 1);
        plotter->paint(canvas.cairo);
    }
    picture->draw(&canvas, picture->what);
    int status = plotter->status(canvas.cairo);
    plotter->destroy(canvas.cairo);
    memory_free(plotter->context, canvas.dots);
    return canvas.failed ? WRITE_FAILED : status;
}

bool picture_make(Plotter *plotter, PictureKind kind, const Picture *picture, Text *out) {
    Text bytes;
    text_start(&bytes, plotter->context);
    CairoSurface *surface = new_surface(plotter, kind, picture, &bytes);
    int status = plotter->surface_status(surface);
    status = status ? status : draw(plotter, kind, picture, surface);
    if (kind == PICTURE_PNG && !status) {
        status = plotter->surface_write_to_png_stream(surface, write_text, &bytes);
    }
    plotter->surface_finish(surface);
    status = status ? status : plotter->surface_status(surface);
    plotter->surface_destroy(surface);
    if (kind == PICTURE_SVG) {
        add_svg(out, &bytes, picture->title);
    } else {
        text_bytes(out, bytes.data, bytes.length);
    }
    bool failed = bytes.failed || out->failed;
    text_free(&bytes);
    return !failed && (!status || report_error(plotter->context, "cannot draw a picture: %s",
                                               plotter->status_to_string(status)));
}

/* ---- drawing ---- */

double canvas_width(const Canvas *canvas) {
    return canvas->width;
}

double canvas_height(const Canvas *canvas) {
    return canvas->height;
}

void canvas_color(Canvas *canvas, unsigned rgb, double alpha) {
    canvas->plotter->set_source_rgba(canvas->cairo, (rgb >> 16 & 255) / 255.0,
                                     (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

void canvas_move(Canvas *canvas, double x, double y) {
    canvas->plotter->move_to(canvas->cairo, x, y);
}

void canvas_to(Canvas *canvas, double x, double y) {
    canvas->plotter->line_to(canvas->cairo, x, y);
}

void canvas_stroke(Canvas *canvas, double width) {
    canvas->plotter->set_line_width(canvas->cairo, width);
    canvas->plotter->stroke(canvas->cairo);
}

void canvas_dash(Canvas *canvas, bool on) {
    static const double dashes[] = {6, 4};
    canvas->plotter->set_dash(canvas->cairo, dashes, on ? 2 : 0, 0);
}

void canvas_dot(Canvas *canvas, double x, double y) {
    if (canvas->dot_count == canvas->dot_capacity) {
        size_t capacity = canvas->dot_capacity ? 2 * canvas->dot_capacity : 256;
        double *dots = memory_resize(canvas->plotter->context, canvas->dots,
                                     capacity * 2 * sizeof *canvas->dots);
        canvas->failed |= !dots;
        if (!dots) {
            return;
        }
        canvas->dots = dots;
        canvas->dot_capacity = capacity;
    }
    canvas->dots[2 * canvas->dot_count] = x;
    canvas->dots[2 * canvas->dot_count++ + 1] = y;
}

/* A path for each dot would make large files; in one path dots on top of each other do not add up.
 * So they go to a few layers in turn. */
void canvas_dots(Canvas *canvas, double size) {
    const Plotter *plotter = canvas->plotter;
    plotter->set_line_cap(canvas->cairo, CAP_ROUND);
    for (size_t layer = 0; layer < DOT_LAYERS; layer++) {
        for (size_t i = layer; i < canvas->dot_count; i += DOT_LAYERS) {
            plotter->move_to(canvas->cairo, canvas->dots[2 * i], canvas->dots[2 * i + 1]);
            plotter->line_to(canvas->cairo, canvas->dots[2 * i], canvas->dots[2 * i + 1]);
        }
        if (layer < canvas->dot_count) {
            canvas_stroke(canvas, size);
        }
    }
    canvas->dot_count = 0;
    plotter->set_line_cap(canvas->cairo, CAP_BUTT);
}

void canvas_box(Canvas *canvas, double x, double y, double width, double height) {
    canvas->plotter->rectangle(canvas->cairo, x, y, width, height);
    canvas->plotter->fill(canvas->cairo);
}

void canvas_clip(Canvas *canvas, double x, double y, double width, double height) {
    canvas->plotter->save(canvas->cairo);
    canvas->plotter->rectangle(canvas->cairo, x, y, width, height);
    canvas->plotter->clip(canvas->cairo);
}

void canvas_unclip(Canvas *canvas) {
    canvas->plotter->restore(canvas->cairo);
}

/* ---- text ---- */

static void choose_font(Canvas *canvas, Font font) {
    canvas->plotter->select_font_face(canvas->cairo, "sans-serif", 0, font.bold);
    canvas->plotter->set_font_size(canvas->cairo, font.size);
}

/* Cairo fails where it is given what is no UTF-8. */
static const char *valid(const char *text) {
    return utf8_valid(text, strlen(text)) ? text : "?";
}

double canvas_text_width(Canvas *canvas, const char *text, Font font) {
    CairoExtents extents = {0};
    choose_font(canvas, font);
    canvas->plotter->text_extents(canvas->cairo, valid(text), &extents);
    return extents.x_advance;
}

void canvas_text(Canvas *canvas, double x, double y, const char *text, Font font) {
    const Plotter *plotter = canvas->plotter;
    double width = canvas_text_width(canvas, text, font);
    double back = font.align == ALIGN_LEFT ? 0 : font.align == ALIGN_MIDDLE ? width / 2 : width;
    plotter->save(canvas->cairo);
    plotter->translate(canvas->cairo, x, y);
    if (font.upward) {
        plotter->rotate(canvas->cairo, -1.5707963267948966);
    }
    plotter->move_to(canvas->cairo, -back, 0);
    plotter->show_text(canvas->cairo, valid(text));
    plotter->new_path(canvas->cairo);
    plotter->restore(canvas->cairo);
}

const char *canvas_text_fit(Canvas *canvas, const char *text, double width, Font font, char *room,
                            size_t size) {
    if (strlen(text) < size && canvas_text_width(canvas, text, font) <= width) {
        return text;
    }
    size_t length = strlen(text) < size - 4 ? strlen(text) : size - 4;
    for (;; length--) {
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) {
            length--; /* not within a character */
        }
        snprintf(room, size, "%.*s…", (int)length, text);
        if (length == 0 || canvas_text_width(canvas, room, font) <= width) {
            return room;
        }
    }
}
