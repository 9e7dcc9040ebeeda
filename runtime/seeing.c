/* seeing.c: from a run to its pictures: --plot, --plot-fit, --plot-residuals, --plot-confusion, and
 * those of the page. */
#include "runtime/seeing.h"
#include "runtime/library.h"

#include <math.h>
#include <string.h>

enum { DOTS = 2000, GRID_POINTS = 300, BINS_MOST = 40, TITLE_SIZE = 200 };
enum { SPREAD_LEAST = 20 };
enum { WIDTH = 640, HEIGHT = 400 };

static const struct {
    OptionId option;
    const char *shows; /* what a message calls it */
} plots[PLOT_COUNT] = {
    [PLOT_CURVE] = {OPT_plot, "learning curve"},
    [PLOT_FIT] = {OPT_plot_fit, "fit"},
    [PLOT_RESIDUALS] = {OPT_plot_residuals, "residuals"},
    [PLOT_CONFUSION] = {OPT_plot_confusion, "confusion matrix"},
};

/* ---- before the run ---- */

bool seeing_start(Session *session, Seeing *seeing) {
    Context *context = session->context;
    const Options *options = session->options;
    bool any = false;
    *seeing = (Seeing){.session = session, .page = options->values[OPT_page]};
    for (int k = 0; k < PLOT_COUNT; k++) {
        const char *path = seeing->paths[k] = options->values[plots[k].option];
        if (path && picture_kind(path) == PICTURE_COUNT) {
            session->usage = true;
            return report_error(context,
                                "--%s: expected a name that ends in .svg, .png or .pdf, "
                                "found `%s`",
                                option_name(plots[k].option), path);
        }
        any |= path != NULL;
    }
    if (seeing->page && !any && !library_there(LIBRARY_CAIRO)) {
        report_warning(context, "the page will be without pictures: the library cairo "
                                "(libcairo.so.2, Debian's libcairo2) cannot be loaded");
        return true;
    }
    if (any || seeing->page) {
        seeing->plotter = plotter_open(context);
        return seeing->plotter != NULL;
    }
    return true;
}

/* ---- words ---- */

/* An expression's value for people, in texts that are built at once. */
typedef struct {
    char text[TICK_SIZE];
} Words;

static Words words(double value) {
    Words result;
    number_text(result.text, value, 4);
    return result;
}

static Words grouped(int64_t value) {
    Words result;
    number_grouped(result.text, value);
    return result;
}

/* ---- the learning curve ---- */

typedef struct {
    Chart chart;
    char title[TITLE_SIZE], note[TITLE_SIZE], x_label[TITLE_SIZE], y_label[TITLE_SIZE];
} Sheet;

static bool add_series(Context *context, Chart *chart, Mark mark, unsigned color, size_t count) {
    Series *series = &chart->series[chart->series_count++];
    *series = (Series){.mark = mark,
                       .color = color,
                       .x = NEW(context, double, count + 1),
                       .y = NEW(context, double, count + 1),
                       .count = count};
    return series->x && series->y;
}

static bool make_curve(const Look *look, Sheet *sheet, Text *alt) {
    const Curve *curve = look->seeing->curve;
    const Training *training = look->ending->training;
    Chart *chart = &sheet->chart;
    bool validated = false;
    if (!add_series(alt->context, chart, MARK_LINE, BLUE, curve->count) ||
        !add_series(alt->context, chart, MARK_LINE, RED, curve->count)) {
        return false;
    }
    for (size_t i = 0; i < curve->count; i++) {
        const CurvePoint *point = &curve->points[i];
        chart->series[0].x[i] = chart->series[1].x[i] = (double)point->epoch;
        chart->series[0].y[i] = point->objective;
        chart->series[1].y[i] = point->validation;
        validated |= isfinite(point->validation);
    }
    chart->series_count = validated ? 2 : 1;
    chart->series[0].name = "training";
    chart->series[1].name = "validation";
    chart->x_label = "epoch";
    chart->y_label = "objective J";
    chart->y_scale = SCALE_AUTO;
    chart->x_whole = true;
    snprintf(sheet->title, TITLE_SIZE, "Learning curve of %s", training->model->name);
    snprintf(sheet->note, TITLE_SIZE, "%s, %s epochs, objective %s", training->optimizer->name,
             grouped(training->epoch).text, words(training->objective).text);
    if (curve->count) {
        const CurvePoint *first = &curve->points[0];
        const CurvePoint *last = &curve->points[curve->count - 1];
        text_format(alt, "The objective by epoch: from %s at epoch %s to %s at epoch %s",
                    words(first->objective).text, grouped(first->epoch).text,
                    words(last->objective).text, grouped(last->epoch).text);
    } else {
        text_string(alt, "The objective by epoch: there is no point");
    }
    return true;
}

/* ---- fit, residuals ---- */

/* The rows that are drawn: all, or evenly spaced ones. */
typedef struct {
    int64_t entries, stride;
    size_t count;
} Sample;

static Sample take_sample(const Fitted *fitted) {
    Sample sample = {.entries = fitted->rows * fitted->width, .stride = 1};
    if (sample.entries > DOTS) {
        sample.stride = (sample.entries + DOTS - 1) / DOTS;
    }
    sample.count = (size_t)((sample.entries + sample.stride - 1) / sample.stride);
    return sample;
}

static double target_value(const Look *look, int64_t entry) {
    const Session *session = look->seeing->session;
    const Fitted *fitted = look->fitted;
    return column_value(session->model, &session->data, fitted->target, entry / fitted->width,
                        entry % fitted->width);
}

/* Where an axis is a name of the data, it is as the data call it. */
static const char *target_label(const Look *look) {
    return column_label(&look->seeing->session->model->columns[look->fitted->target]);
}

static void note_sample(const Look *look, const Sample *sample, Sheet *sheet) {
    if (sample->stride > 1) {
        snprintf(sheet->note, TITLE_SIZE, "%s of %s %s", grouped((int64_t)sample->count).text,
                 grouped(sample->entries).text, look->fitted->width > 1 ? "values" : "rows");
    } else {
        snprintf(sheet->note, TITLE_SIZE, "%s rows", grouped(look->fitted->rows).text);
    }
}

/* Root mean square of the residuals, and their mean. */
static double spread_of(const Look *look, double *mean) {
    int64_t entries = look->fitted->rows * look->fitted->width;
    double sum = 0;
    double square = 0;
    for (int64_t i = 0; i < entries; i++) {
        double residual = target_value(look, i) - look->fitted->predicted[i];
        sum += residual;
        square += residual * residual;
    }
    *mean = entries ? sum / (double)entries : 0;
    return entries ? sqrt(square / (double)entries) : 0;
}

static bool make_fit_line(const Look *look, Sheet *sheet, Text *alt) {
    Session *session = look->seeing->session;
    const Fitted *fitted = look->fitted;
    Chart *chart = &sheet->chart;
    size_t input = (size_t)fitted->input;
    const Column *column = &session->model->columns[input];
    Sample sample = take_sample(fitted);
    if (!add_series(alt->context, chart, MARK_DOTS, BLUE, sample.count) ||
        !add_series(alt->context, chart, MARK_LINE, RED, GRID_POINTS)) {
        return false;
    }
    Series *dots = &chart->series[0];
    Series *line = &chart->series[1];
    double low = INFINITY;
    double high = -INFINITY;
    for (int64_t i = 0; i < fitted->rows; i++) {
        double x = column_value(session->model, &session->data, input, i, 0);
        low = isfinite(x) ? fmin(low, x) : low;
        high = isfinite(x) ? fmax(high, x) : high;
    }
    for (size_t i = 0; i < sample.count; i++) {
        int64_t row = (int64_t)i * sample.stride;
        dots->x[i] = column_unscaled(session->model, input, 0,
                                     column_value(session->model, &session->data, input, row, 0));
        dots->y[i] = target_value(look, row);
    }
    for (size_t i = 0; i < GRID_POINTS; i++) {
        double share = (double)i / (GRID_POINTS - 1);
        line->x[i] = low * (1 - share) + high * share;
    }
    dots->name = "data";
    line->name = "model";
    chart->x_label = column_label(column);
    chart->y_label = target_label(look);
    snprintf(sheet->title, TITLE_SIZE, "Fit of %s", session->model->name);
    note_sample(look, &sample, sheet);
    text_format(alt, "%s by %s: the data of %s rows as dots, what the model says as a line",
                chart->y_label, chart->x_label, grouped(fitted->rows).text);
    if (low <= high &&
        !fitted_curve(session, look->ending->params, fitted, line->x, line->y, GRID_POINTS)) {
        return false;
    }
    for (size_t i = 0; i < GRID_POINTS; i++) {
        line->x[i] = column_unscaled(session->model, input, 0, line->x[i]);
    }
    return true;
}

static bool make_fit_pairs(const Look *look, Sheet *sheet, Text *alt) {
    Chart *chart = &sheet->chart;
    Sample sample = take_sample(look->fitted);
    if (!add_series(alt->context, chart, MARK_DOTS, BLUE, sample.count)) {
        return false;
    }
    for (size_t i = 0; i < sample.count; i++) {
        int64_t entry = (int64_t)i * sample.stride;
        chart->series[0].x[i] = look->fitted->predicted[entry];
        chart->series[0].y[i] = target_value(look, entry);
    }
    chart->diagonal = true;
    snprintf(sheet->x_label, TITLE_SIZE, "%s, as the model says", target_label(look));
    snprintf(sheet->y_label, TITLE_SIZE, "%s, in the data", target_label(look));
    snprintf(sheet->title, TITLE_SIZE, "Fit of %s", look->seeing->session->model->name);
    note_sample(look, &sample, sheet);
    text_format(alt,
                "%s in the data by what the model says, a dot for each of %s rows; on the dashed "
                "line both are equal",
                target_label(look), grouped(look->fitted->rows).text);
    return true;
}

static bool make_fit(const Look *look, Sheet *sheet, Text *alt) {
    return (look->fitted->input >= 0 ? make_fit_line : make_fit_pairs)(look, sheet, alt);
}

static bool make_residuals(const Look *look, Sheet *sheet, Text *alt) {
    Chart *chart = &sheet->chart;
    Sample sample = take_sample(look->fitted);
    double mean;
    double spread = spread_of(look, &mean);
    if (!add_series(alt->context, chart, MARK_DOTS, BLUE, sample.count)) {
        return false;
    }
    for (size_t i = 0; i < sample.count; i++) {
        int64_t entry = (int64_t)i * sample.stride;
        chart->series[0].x[i] = look->fitted->predicted[entry];
        chart->series[0].y[i] = target_value(look, entry) - look->fitted->predicted[entry];
    }
    chart->zero_line = true;
    snprintf(sheet->x_label, TITLE_SIZE, "%s, as the model says", target_label(look));
    snprintf(sheet->y_label, TITLE_SIZE, "residual: data less model");
    snprintf(sheet->title, TITLE_SIZE, "Residuals of %s", look->seeing->session->model->name);
    note_sample(look, &sample, sheet);
    size_t used = strlen(sheet->note);
    snprintf(sheet->note + used, TITLE_SIZE - used, ", root mean square %s", words(spread).text);
    text_format(alt,
                "Residuals, data less model, by what the model says; their mean is %s, their root "
                "mean square %s",
                words(mean).text, words(spread).text);
    return true;
}

static bool make_spread(const Look *look, Sheet *sheet, Text *alt) {
    Chart *chart = &sheet->chart;
    int64_t entries = look->fitted->rows * look->fitted->width;
    size_t bins = (size_t)fmin(BINS_MOST, fmax(5, ceil(2 * cbrt((double)entries))));
    double mean;
    double square = spread_of(look, &mean);
    double deviation = sqrt(fmax(square * square - mean * mean, 0));
    double low = INFINITY;
    double high = -INFINITY;
    if (!add_series(alt->context, chart, MARK_BARS, BLUE, bins) ||
        !add_series(alt->context, chart, MARK_LINE, RED, GRID_POINTS)) {
        return false;
    }
    for (int64_t i = 0; i < entries; i++) {
        double residual = target_value(look, i) - look->fitted->predicted[i];
        low = isfinite(residual) ? fmin(low, residual) : low;
        high = isfinite(residual) ? fmax(high, residual) : high;
    }
    Series *bars = &chart->series[0];
    Series *line = &chart->series[1];
    double width = high > low && isfinite(high - low) ? (high - low) / (double)bins : 1;
    for (size_t i = 0; i < bins; i++) {
        bars->x[i] = low + width * ((double)i + 0.5);
    }
    bars->bar = width;
    for (int64_t i = 0; i < entries; i++) {
        double at = floor((target_value(look, i) - look->fitted->predicted[i] - low) / width);
        if (at >= 0) {
            bars->y[at < (double)bins ? (size_t)at : bins - 1] += 1;
        }
    }
    for (size_t i = 0; i < GRID_POINTS; i++) {
        double x = low + width * (double)bins * (double)i / (GRID_POINTS - 1);
        double z = (x - mean) / deviation;
        line->x[i] = x;
        line->y[i] = deviation > 0
                         ? (double)entries * width * exp(-z * z / 2) / (deviation * 2.5066282746)
                         : NAN;
    }
    bars->name = "residuals";
    line->name = deviation > 0 ? "normal distribution" : NULL;
    chart->x_label = "residual: data less model";
    chart->y_label = "rows";
    chart->y_whole = true;
    text_format(alt,
                "How the residuals are distributed, beside a normal distribution of the same mean "
                "%s and standard deviation %s",
                words(mean).text, words(deviation).text);
    return true;
}

/* ---- the pictures ---- */

static bool draw_sheet(const Look *look, Sheet *sheet, const char *alt, Text *bytes) {
    Chart *chart = &sheet->chart;
    chart->title = look->titled && sheet->title[0] ? sheet->title : NULL;
    chart->note = look->titled && sheet->note[0] ? sheet->note : NULL;
    chart->x_label = sheet->x_label[0] ? sheet->x_label : chart->x_label;
    chart->y_label = sheet->y_label[0] ? sheet->y_label : chart->y_label;
    const Picture picture = {.width = WIDTH,
                             .height = look->titled ? HEIGHT : HEIGHT - 50,
                             .title = alt,
                             .bare = !look->titled,
                             .draw = chart_draw,
                             .what = chart};
    return picture_make(look->seeing->plotter, look->kind, &picture, bytes);
}

static bool draw_confusion(const Look *look, Text *bytes, Text *alt) {
    const Fitted *fitted = look->fitted;
    const Session *session = look->seeing->session;
    char title[TITLE_SIZE], note[TITLE_SIZE], actual[TITLE_SIZE], predicted[TITLE_SIZE];
    double share = fitted->rows ? 100 * (double)fitted->right / (double)fitted->rows : 0;
    snprintf(title, sizeof title, "Confusion matrix of %s", session->model->name);
    snprintf(note, sizeof note, "%s of %s rows right: %.1f %%", grouped(fitted->right).text,
             grouped(fitted->rows).text, share);
    snprintf(actual, sizeof actual, "%s, in the data", target_label(look));
    snprintf(predicted, sizeof predicted, "%s, as the model says", target_label(look));
    const Confusion confusion = {.title = look->titled ? title : NULL,
                                 .note = look->titled ? note : NULL,
                                 .actual = actual,
                                 .predicted = predicted,
                                 .classes = fitted->class_count,
                                 .names = fitted->names,
                                 .counts = fitted->counts};
    text_format(alt,
                "How often each class of %s was taken for which: %s of %s rows are right, %.1f %%",
                target_label(look), grouped(fitted->right).text, grouped(fitted->rows).text, share);
    double width = confusion_width(fitted->class_count);
    const Picture picture = {.width = width < 340 ? 340 : width,
                             .height = confusion_height(fitted->class_count, look->titled),
                             .title = alt->data,
                             .bare = !look->titled,
                             .draw = confusion_draw,
                             .what = &confusion};
    return !alt->failed && picture_make(look->seeing->plotter, look->kind, &picture, bytes);
}

const char *look_none(const Look *look, PlotKind kind) {
    const Fitted *fitted = look->fitted;
    if (kind == PLOT_CURVE) {
        return look->seeing->curve && look->ending->training ? NULL : "nothing was trained";
    }
    if (fitted->none) {
        return fitted->none;
    }
    if (kind == PLOT_CONFUSION) {
        return !fitted->classes ? "the target is a number, not a class"
               : fitted->class_count > CONFUSION_MOST
                   ? "there are more classes than a picture can show (30)"
                   : NULL;
    }
    if (kind == PLOT_SPREAD && fitted->rows * fitted->width < SPREAD_LEAST) {
        return "there are too few rows";
    }
    return fitted->classes ? "the target is a class, not a number; --plot-confusion shows classes"
                           : NULL;
}

bool look_make(const Look *look, PlotKind kind, Text *bytes, Text *alt) {
    static bool (*const makers[])(const Look *, Sheet *, Text *) = {
        [PLOT_CURVE] = make_curve,
        [PLOT_FIT] = make_fit,
        [PLOT_RESIDUALS] = make_residuals,
        [PLOT_SPREAD] = make_spread,
    };
    if (kind == PLOT_CONFUSION) {
        return draw_confusion(look, bytes, alt);
    }
    Sheet *sheet = NEW(alt->context, Sheet, 1);
    bool done = sheet && makers[kind](look, sheet, alt) && !alt->failed &&
                draw_sheet(look, sheet, alt->data, bytes);
    for (size_t i = 0; sheet && i < sheet->chart.series_count; i++) {
        memory_free(alt->context, sheet->chart.series[i].x);
        memory_free(alt->context, sheet->chart.series[i].y);
    }
    memory_free(alt->context, sheet);
    return done;
}

/* ---- after the run ---- */

static bool write_plot(const Look *look, PlotKind kind, const char *path) {
    Context *context = look->seeing->session->context;
    const char *none = look_none(look, kind);
    Text bytes, alt;
    if (none) {
        return report_error(context, "--%s: there is no %s to draw: %s",
                            option_name(plots[kind].option), plots[kind].shows, none);
    }
    text_start(&bytes, context);
    text_start(&alt, context);
    bool done =
        look_make(look, kind, &bytes, &alt) && file_write(context, path, bytes.data, bytes.length);
    text_free(&bytes);
    text_free(&alt);
    return done;
}

bool seeing_end(Seeing *seeing, const Ending *ending) {
    Fitted fitted = {.none = "nobody asked", .input = -1};
    bool of_data = seeing->page != NULL;
    bool done = true;
    for (int k = PLOT_FIT; k < PLOT_COUNT; k++) {
        of_data |= seeing->paths[k] != NULL;
    }
    if (of_data && !fitted_make(seeing->session, ending->params, &fitted)) {
        return false;
    }
    for (int k = 0; k < PLOT_COUNT; k++) {
        const char *path = seeing->paths[k];
        if (path) {
            Look look = {seeing, ending, &fitted, picture_kind(path), true};
            done = write_plot(&look, (PlotKind)k, path) && done;
        }
    }
    if (seeing->page) {
        done = page_write(seeing, ending, &fitted) && done;
    }
    memory_free(seeing->session->context, fitted.predicted);
    return done;
}
