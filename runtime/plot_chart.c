/* plot_chart.c: charts of lines, dots and bars between two axes, and confusion matrices. */
#include "runtime/plot.h"

#include <math.h>
#include <string.h>

enum { INK = 0x222222, FAINT = 0x6b6b6b, GRID = 0xe3e3e3, FRAME = 0x9a9a9a };

static const Font title_font = {.size = 15, .align = ALIGN_LEFT, .bold = true};
static const Font note_font = {.size = 12, .align = ALIGN_LEFT};
static const Font label_font = {.size = 13, .align = ALIGN_MIDDLE};
static const Font upward_font = {.size = 13, .align = ALIGN_MIDDLE, .upward = true};
static const Font x_tick_font = {.size = 12, .align = ALIGN_MIDDLE};
static const Font y_tick_font = {.size = 12, .align = ALIGN_RIGHT};

/* The rectangle between the axes. */
typedef struct {
    double left, top, width, height;
} Frame;

static double heading(Canvas *canvas, const char *title, const char *note) {
    char room[200];
    double y = 14;
    double width = canvas_width(canvas) - 28;
    if (title) {
        y += 12;
        canvas_color(canvas, INK, 1);
        canvas_text(canvas, 14, y,
                    canvas_text_fit(canvas, title, width, title_font, room, sizeof room),
                    title_font);
    }
    if (note) {
        y += title ? 18 : 8;
        canvas_color(canvas, FAINT, 1);
        canvas_text(canvas, 14, y,
                    canvas_text_fit(canvas, note, width, note_font, room, sizeof room), note_font);
    }
    return title || note ? y + 10 : y;
}

/* ---- ranges ---- */

typedef struct {
    double low, high;
} Range;

static Range range_of(const Chart *chart, bool of_y, bool positive) {
    Range range = {INFINITY, -INFINITY};
    for (size_t s = 0; s < chart->series_count; s++) {
        const Series *series = &chart->series[s];
        double half = !of_y && series->mark == MARK_BARS ? series->bar / 2 : 0;
        for (size_t i = 0; i < series->count; i++) {
            double value = of_y ? series->y[i] : series->x[i];
            if (isfinite(series->x[i]) && isfinite(series->y[i]) && (!positive || value > 0)) {
                range.low = fmin(range.low, value - half);
                range.high = fmax(range.high, value + half);
            }
        }
        if (of_y && series->mark == MARK_BARS) {
            range.low = fmin(range.low, 0);
        }
    }
    if (of_y && chart->zero_line) {
        range.low = fmin(range.low, 0);
        range.high = fmax(range.high, 0);
    }
    return range;
}

static bool has_bars(const Chart *chart) {
    for (size_t s = 0; s < chart->series_count; s++) {
        if (chart->series[s].mark == MARK_BARS) {
            return true;
        }
    }
    return false;
}

static void make_axes(const Chart *chart, const Frame *frame, Axis *x, Axis *y) {
    Range xs = range_of(chart, false, false);
    Range ys = range_of(chart, true, false);
    if (chart->diagonal) {
        xs.low = ys.low = fmin(xs.low, ys.low);
        xs.high = ys.high = fmax(xs.high, ys.high);
    }
    axis_make(x, xs.low, xs.high, chart->x_scale, (int)(frame->width / 80), chart->x_whole);
    axis_make(y, ys.low, ys.high, chart->y_scale, (int)(frame->height / 45), chart->y_whole);
    if (has_bars(chart) && !y->log && ys.low == 0) {
        y->low = 0; /* bars stand on the axis */
    }
}

/* ---- the frame ---- */

static double widest_label(Canvas *canvas, const Axis *axis) {
    double width = 0;
    for (size_t i = 0; i < axis->count; i++) {
        width = fmax(width, canvas_text_width(canvas, axis->labels[i], y_tick_font));
    }
    return width;
}

/* On whole pixels lines are sharp. */
static double sharp(double at) {
    return floor(at) + 0.5;
}

static void draw_x_axis(Canvas *canvas, const Frame *frame, const Axis *axis) {
    double after = -1e9; /* where the last label ends */
    for (size_t i = 0; i < axis->count; i++) {
        double x = sharp(frame->left + axis_place(axis, axis->ticks[i]) * frame->width);
        double half = canvas_text_width(canvas, axis->labels[i], x_tick_font) / 2;
        canvas_color(canvas, GRID, 1);
        canvas_move(canvas, x, frame->top);
        canvas_to(canvas, x, frame->top + frame->height);
        canvas_stroke(canvas, 1);
        if (x - half < after + 8) {
            continue;
        }
        canvas_color(canvas, INK, 1);
        canvas_text(canvas, x, frame->top + frame->height + 18, axis->labels[i], x_tick_font);
        after = x + half;
    }
}

static void draw_y_axis(Canvas *canvas, const Frame *frame, const Axis *axis) {
    for (size_t i = 0; i < axis->count; i++) {
        double y = sharp(frame->top + (1 - axis_place(axis, axis->ticks[i])) * frame->height);
        canvas_color(canvas, GRID, 1);
        canvas_move(canvas, frame->left, y);
        canvas_to(canvas, frame->left + frame->width, y);
        canvas_stroke(canvas, 1);
        canvas_color(canvas, INK, 1);
        canvas_text(canvas, frame->left - 7, y + 4, axis->labels[i], y_tick_font);
    }
}

static void draw_labels(Canvas *canvas, const Frame *frame, const Chart *chart) {
    char room[160];
    canvas_color(canvas, INK, 1);
    canvas_text(
        canvas, frame->left + frame->width / 2, canvas_height(canvas) - 12,
        canvas_text_fit(canvas, chart->x_label, frame->width, label_font, room, sizeof room),
        label_font);
    canvas_text(
        canvas, 20, frame->top + frame->height / 2,
        canvas_text_fit(canvas, chart->y_label, frame->height, label_font, room, sizeof room),
        upward_font);
}

/* ---- marks ---- */

typedef struct {
    Canvas *canvas;
    const Frame *frame;
    const Axis *x, *y;
} Plane;

/* False: it is not in the picture. */
static bool place(const Plane *plane, double x, double y, double *to_x, double *to_y) {
    double share_x = axis_place(plane->x, x);
    double share_y = axis_place(plane->y, y);
    if (!isfinite(share_x) || !isfinite(share_y)) {
        return false;
    }
    *to_x = plane->frame->left + share_x * plane->frame->width;
    *to_y = plane->frame->top + (1 - share_y) * plane->frame->height;
    return true;
}

static void draw_line(const Plane *plane, const Series *series) {
    double x, y;
    bool pen = false;
    size_t shown = 0;
    for (size_t i = 0; i < series->count; i++) {
        if (!place(plane, series->x[i], series->y[i], &x, &y)) {
            pen = false; /* a gap */
            continue;
        }
        (pen ? canvas_to : canvas_move)(plane->canvas, x, y);
        pen = true;
        shown++;
    }
    canvas_stroke(plane->canvas, 2);
    if (shown == 1) { /* a line of one point is none */
        for (size_t i = 0; i < series->count; i++) {
            if (place(plane, series->x[i], series->y[i], &x, &y)) {
                canvas_dot(plane->canvas, x, y);
            }
        }
        canvas_dots(plane->canvas, 7);
    }
}

static void draw_dots(const Plane *plane, const Series *series) {
    double x, y;
    for (size_t i = 0; i < series->count; i++) {
        if (place(plane, series->x[i], series->y[i], &x, &y)) {
            canvas_dot(plane->canvas, x, y);
        }
    }
    canvas_color(plane->canvas, series->color, series->count <= 60 ? 0.85 : 0.55);
    canvas_dots(plane->canvas, series->count <= 60 ? 7 : series->count <= 400 ? 5.5 : 4);
}

static void draw_bars(const Plane *plane, const Series *series) {
    double left, right, top, bottom;
    canvas_color(plane->canvas, series->color, 0.75);
    for (size_t i = 0; i < series->count; i++) {
        double half = series->bar / 2;
        if (place(plane, series->x[i] - half, series->y[i], &left, &top) &&
            place(plane, series->x[i] + half, 0, &right, &bottom) && bottom > top) {
            canvas_box(plane->canvas, left + 0.5, top, fmax(right - left - 1, 0.5), bottom - top);
        }
    }
}

static void draw_guides(const Plane *plane, const Chart *chart) {
    double x0, y0, x1, y1;
    canvas_color(plane->canvas, FAINT, 1);
    canvas_dash(plane->canvas, true);
    if (chart->zero_line && place(plane, plane->x->low, 0, &x0, &y0) &&
        place(plane, plane->x->high, 0, &x1, &y1)) {
        canvas_move(plane->canvas, x0, sharp(y0));
        canvas_to(plane->canvas, x1, sharp(y1));
        canvas_stroke(plane->canvas, 1.2);
    }
    if (chart->diagonal && place(plane, plane->x->low, plane->x->low, &x0, &y0) &&
        place(plane, plane->x->high, plane->x->high, &x1, &y1)) {
        canvas_move(plane->canvas, x0, y0);
        canvas_to(plane->canvas, x1, y1);
        canvas_stroke(plane->canvas, 1.2);
    }
    canvas_dash(plane->canvas, false);
}

static void draw_series(const Plane *plane, const Chart *chart) {
    const Frame *frame = plane->frame;
    canvas_clip(plane->canvas, frame->left - 4, frame->top - 4, frame->width + 8,
                frame->height + 8);
    draw_guides(plane, chart);
    for (size_t s = 0; s < chart->series_count; s++) {
        const Series *series = &chart->series[s];
        canvas_color(plane->canvas, series->color, 1);
        if (series->mark == MARK_LINE) {
            draw_line(plane, series);
        } else if (series->mark == MARK_DOTS) {
            draw_dots(plane, series);
        } else {
            draw_bars(plane, series);
        }
    }
    canvas_unclip(plane->canvas);
}

/* ---- the legend ---- */

static size_t named(const Chart *chart) {
    size_t count = 0;
    for (size_t s = 0; s < chart->series_count; s++) {
        count += chart->series[s].name != NULL;
    }
    return count;
}

static void draw_sample(Canvas *canvas, const Series *series, double x, double y) {
    canvas_color(canvas, series->color, 1);
    if (series->mark == MARK_BARS) {
        canvas_box(canvas, x + 4, y - 5, 14, 10);
        return;
    }
    if (series->mark == MARK_DOTS) {
        canvas_dot(canvas, x + 11, y);
        canvas_dots(canvas, 7);
        return;
    }
    canvas_move(canvas, x, y);
    canvas_to(canvas, x + 22, y);
    canvas_stroke(canvas, 2);
}

/* In a row above the frame, from the right. */
static void draw_legend(Canvas *canvas, const Frame *frame, const Chart *chart) {
    double x = frame->left;
    char room[80];
    for (size_t s = 0; s < chart->series_count; s++) {
        const Series *series = &chart->series[s];
        if (!series->name) {
            continue;
        }
        const char *name =
            canvas_text_fit(canvas, series->name, frame->width / 3, note_font, room, sizeof room);
        draw_sample(canvas, series, x, frame->top - 12);
        canvas_color(canvas, INK, 1);
        canvas_text(canvas, x + 28, frame->top - 8, name, note_font);
        x += 28 + canvas_text_width(canvas, name, note_font) + 22;
    }
}

void chart_draw(Canvas *canvas, const void *what) {
    const Chart *chart = what;
    Axis x, y;
    double top = heading(canvas, chart->title, chart->note);
    top += named(chart) > 1 ? 22 : 0;
    Frame frame = {.left = 70, .top = top, .height = canvas_height(canvas) - top - 58};
    frame.width = canvas_width(canvas) - frame.left - 22;
    make_axes(chart, &frame, &x, &y);
    frame.left = 38 + fmin(widest_label(canvas, &y), canvas_width(canvas) / 3);
    frame.width = canvas_width(canvas) - frame.left - 22;
    make_axes(chart, &frame, &x, &y);
    draw_x_axis(canvas, &frame, &x);
    draw_y_axis(canvas, &frame, &y);
    canvas_color(canvas, FRAME, 1);
    canvas_move(canvas, sharp(frame.left), frame.top);
    canvas_to(canvas, sharp(frame.left), sharp(frame.top + frame.height));
    canvas_to(canvas, frame.left + frame.width, sharp(frame.top + frame.height));
    canvas_stroke(canvas, 1);
    const Plane plane = {canvas, &frame, &x, &y};
    draw_series(&plane, chart);
    if (named(chart) > 1) {
        draw_legend(canvas, &frame, chart);
    }
    draw_labels(canvas, &frame, chart);
}

/* ---- confusion matrices ---- */

enum { CELLS_LEFT = 130, CELLS_REST = 20 };

static double cell_size(size_t classes) {
    return classes <= 4 ? 92 : classes <= 10 ? 50 : classes <= 16 ? 34 : 24;
}

double confusion_width(size_t classes) {
    return CELLS_LEFT + CELLS_REST + cell_size(classes) * (double)classes;
}

double confusion_height(size_t classes, bool titled) {
    return (titled ? 96 : 56) + CELLS_REST + cell_size(classes) * (double)classes;
}

/* From white to the blue of the palette by the share of its row. */
static unsigned shade(double share) {
    unsigned color = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double to = (double)(0x00528a >> shift & 255);
        color |= (unsigned)(255 + (to - 255) * sqrt(share) + 0.5) << shift;
    }
    return color;
}

static void draw_cells(Canvas *canvas, const Confusion *confusion, double top) {
    size_t k = confusion->classes;
    double size = cell_size(k);
    Font font = {.size = size > 80 ? 18 : size > 40 ? 13 : 9, .align = ALIGN_MIDDLE};
    for (size_t i = 0; i < k; i++) {
        int64_t sum = 0;
        for (size_t j = 0; j < k; j++) {
            sum += confusion->counts[i * k + j];
        }
        for (size_t j = 0; j < k; j++) {
            int64_t count = confusion->counts[i * k + j];
            double share = sum ? (double)count / (double)sum : 0;
            double x = CELLS_LEFT + size * (double)j;
            double y = top + size * (double)i;
            char text[32];
            canvas_color(canvas, count ? shade(share) : 0xf2f4f6, 1);
            canvas_box(canvas, x + 1, y + 1, size - 2, size - 2);
            canvas_color(canvas, share > 0.3 ? 0xffffff : INK, count ? 1 : 0.35);
            snprintf(text, sizeof text, "%lld", (long long)count);
            bool with_share = size > 80 && sum > 0;
            canvas_text(canvas, x + size / 2,
                        y + size / 2 + font.size * 0.35 - (with_share ? 7 : 0), text, font);
            if (with_share) {
                snprintf(text, sizeof text, "%.1f %%", 100 * share);
                canvas_text(canvas, x + size / 2, y + size / 2 + 20, text, x_tick_font);
            }
        }
    }
}

void confusion_draw(Canvas *canvas, const void *what) {
    const Confusion *confusion = what;
    double size = cell_size(confusion->classes);
    double top = heading(canvas, confusion->title, confusion->note) + 42;
    double half = size * (double)confusion->classes / 2;
    Font names = {.size = size > 30 ? 12 : 10, .align = ALIGN_MIDDLE};
    Font left = names;
    Font heads = label_font;
    char room[80];
    left.align = ALIGN_RIGHT;
    canvas_color(canvas, INK, 1);
    for (size_t i = 0; i < confusion->classes; i++) {
        double middle = size * ((double)i + 0.5);
        canvas_text(
            canvas, CELLS_LEFT + middle, top - 7,
            canvas_text_fit(canvas, confusion->names[i], size - 4, names, room, sizeof room),
            names);
        canvas_text(
            canvas, CELLS_LEFT - 8, top + middle + 4,
            canvas_text_fit(canvas, confusion->names[i], CELLS_LEFT - 44, left, room, sizeof room),
            left);
    }
    canvas_text(canvas, CELLS_LEFT + half, top - 28,
                canvas_text_fit(canvas, confusion->predicted, 2 * half, heads, room, sizeof room),
                heads);
    canvas_text(
        canvas, 22, top + half,
        canvas_text_fit(canvas, confusion->actual, 2 * half, upward_font, room, sizeof room),
        upward_font);
    draw_cells(canvas, confusion, top);
}
