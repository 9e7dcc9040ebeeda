/* report_html.c: the page of --report: one file that needs nothing else, no script, no network. It
 * is valid as XML, too, and the same bytes for the same run: no date, no durations. */
#include "runtime/markup.h"
#include "runtime/seeing.h"

#include <math.h>
#include <string.h>

enum { VALUES_SHOWN = 64, COLUMNS_SHOWN = 60, CLASSES_SHOWN = 30, BINS = 24 };

static const char style[] =
    ":root{color-scheme:light dark;--ink:#222;--faint:#666;--line:#ddd;--box:#f6f6f4;--back:#fff;"
    "--mark:#0072b2;--adjoint:#a02020}"
    "@media(prefers-color-scheme:dark){:root{--ink:#ddd;--faint:#999;--line:#3a3a3a;--box:#262626;"
    "--back:#1c1c1c;--mark:#56b4e9;--adjoint:#f09090}img.plot{filter:invert(.89) "
    "hue-rotate(180deg)}"
    "}"
    "body{max-width:56rem;margin:2rem auto;padding:0 1rem;line-height:1.5;color:var(--ink);"
    "background:var(--back);font-family:system-ui,-apple-system,'Segoe UI',sans-serif}"
    "h1,h2,h3{font-weight:600;line-height:1.2}h1{margin-bottom:.2rem}"
    "h2{margin-top:2.6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}"
    "p.lead,figcaption,.faint{color:var(--faint)}figure{margin:1rem 0}"
    "figcaption{font-size:.9rem}img.plot{max-width:100%;height:auto}"
    "dl.facts{display:flex;flex-wrap:wrap;gap:.6rem 2.2rem;margin:1.2rem 0}"
    "dl.facts dt{color:var(--faint);font-size:.85rem}"
    "dl.facts dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}"
    "pre,code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.88em}"
    "pre{background:var(--box);padding:.8rem 1rem;overflow-x:auto;border-radius:4px}"
    "pre span{color:var(--faint);user-select:none}code{overflow-wrap:anywhere}"
    "div.wide{overflow-x:auto}table{border-collapse:collapse}"
    "td,th{padding:.3rem .7rem .3rem 0;text-align:left;vertical-align:middle;"
    "border-top:1px solid var(--line)}th{font-weight:600;color:var(--faint);font-size:.9rem}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td.k{white-space:nowrap}td.n+td,th.n+th{padding-left:.8rem}svg.bars{color:var(--mark);display:"
    "block}"
    "details.derivation>summary{cursor:pointer;padding:.4rem 0}details h2{font-size:1.15rem}"
    "td.rule{color:var(--faint);font-size:.9em}td.adjoint{color:var(--adjoint)}"
    "div.formulas{overflow-x:auto;padding:.2rem 0}math{font-size:1.05em}";

/* What all parts of the page are made from. */
typedef struct {
    const Seeing *seeing;
    const Ending *ending;
    const Fitted *fitted;
    const Session *session;
    const Model *model;
    Text *out;
} Page;

static void add_number(Text *out, double value, int digits) {
    char text[TICK_SIZE];
    number_text(text, value, digits);
    text_string(out, text);
}

static void number_cell(Text *out, double value, int digits) {
    text_string(out, "<td class=\"n\">");
    add_number(out, value, digits);
    text_string(out, "</td>");
}

static void add_grouped(Text *out, int64_t value) {
    char text[TICK_SIZE];
    number_grouped(text, value);
    text_string(out, text);
}

/* ---- the head ---- */

static void begin_fact(Text *out, const char *name) {
    text_string(out, "<div><dt>");
    markup_text(out, name);
    text_string(out, "</dt><dd>");
}

static void end_fact(Text *out) {
    text_string(out, "</dd></div>\n");
}

/* Metrics are of the data of the training. */
static bool add_metrics(const Page *page) {
    const Model *model = page->model;
    double *values = NEW(page->out->context, double, model->metric_count + 1);
    if (!values) {
        return false;
    }
    bool done =
        metrics_evaluate(page->out->context, page->ending->evaluator, page->ending->params, values);
    for (size_t i = 0; done && i < model->metric_count; i++) {
        begin_fact(page->out, model->metrics[i].name);
        add_number(page->out, values[i], 5);
        end_fact(page->out);
    }
    memory_free(page->out->context, values);
    return done;
}

static bool add_head(const Page *page) {
    Text *out = page->out;
    const Training *training = page->ending->training;
    text_string(out, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                     "<head>\n<meta charset=\"utf-8\" />\n<meta name=\"viewport\" "
                     "content=\"width=device-width, initial-scale=1\" />\n<title>");
    markup_text(out, page->model->name);
    text_format(out, ": a run</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
    markup_text(out, page->model->name);
    text_string(out, "</h1>\n<p class=\"lead\">Trained on <code>");
    markup_text(out, page->session->data.path ? page->session->data.path : "no data");
    text_string(out, "</code> by ");
    markup_text(out, training->optimizer->name);
    text_string(out, ": ");
    markup_text(out, page->ending->how);
    text_string(out, ".</p>\n<dl class=\"facts\">\n");
    begin_fact(out, "objective");
    add_number(out, training->objective, 6);
    end_fact(out);
    if (training->validation) {
        begin_fact(out, "validation");
        add_number(out, training->validation_value, 6);
        end_fact(out);
    }
    bool done = add_metrics(page);
    begin_fact(out, "epochs");
    add_grouped(out, training->epoch);
    end_fact(out);
    begin_fact(out, page->session->data.starts ? "samples" : "rows");
    add_grouped(out, page->session->data.samples);
    end_fact(out);
    if (training->data->samples != page->session->data.samples) {
        begin_fact(out, "trained on");
        add_grouped(out, training->data->samples);
        end_fact(out);
    }
    begin_fact(out, "parameters");
    add_grouped(out, (int64_t)page->model->parameter_count);
    end_fact(out);
    text_string(out, "</dl>\n");
    return done;
}

/* ---- pictures ---- */

static void add_base64(Text *out, const char *bytes, size_t length) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        unsigned word = 0;
        size_t left = length - i < 3 ? length - i : 3;
        for (size_t k = 0; k < 3; k++) {
            word = word << 8 | (k < left ? (unsigned char)bytes[i + k] : 0);
        }
        char four[4];
        for (size_t k = 0; k < 4; k++) {
            four[k] = k <= left ? digits[word >> (18 - 6 * k) & 63] : '=';
        }
        text_bytes(out, four, 4);
    }
}

/* Nothing where there is nothing to see. */
static bool add_picture(const Page *page, PlotKind kind, const char *heading) {
    Text *out = page->out;
    const Look look = {page->seeing, page->ending, page->fitted, PICTURE_SVG, false};
    Text bytes, alt;
    if (!page->seeing->plotter || look_none(&look, kind)) {
        return true;
    }
    text_start(&bytes, out->context);
    text_start(&alt, out->context);
    bool done = look_make(&look, kind, &bytes, &alt);
    if (done) {
        text_string(out, heading);
        text_string(out, "<figure><img class=\"plot\" alt=\"");
        markup_text(out, alt.data ? alt.data : "");
        text_string(out, "\" src=\"data:image/svg+xml;base64,");
        add_base64(out, bytes.data, bytes.length);
        text_string(out, "\" />\n<figcaption>");
        markup_text(out, alt.data ? alt.data : "");
        text_string(out, ".</figcaption></figure>\n");
    }
    text_free(&bytes);
    text_free(&alt);
    return done;
}

/* ---- parameters ---- */

static void add_index(Text *out, const Shape *shape, int64_t k) {
    int64_t block = shape->count;
    for (size_t axis = 0; axis < shape->rank; axis++) {
        block /= shape->shape[axis];
        text_format(out, "%s%lld", axis ? ", " : "[", (long long)(k / block));
        k %= block;
    }
    text_string(out, shape->rank ? "]" : "");
}

static void add_shape(Text *out, const Shape *shape) {
    for (size_t axis = 0; axis < shape->rank; axis++) {
        text_format(out, "%s%lld", axis ? " × " : "", (long long)shape->shape[axis]);
    }
}

typedef struct {
    int64_t count, missing;
    double least, mean, largest, deviation;
    int64_t bins[BINS];
} Summary;

/* Entry i of something. */
typedef double Entry(const void *of, int64_t i);

static void summarise(Summary *summary, Entry *entry, const void *of, int64_t count) {
    double square = 0;
    int64_t seen = 0;
    *summary = (Summary){.count = count, .least = INFINITY, .largest = -INFINITY};
    for (int64_t i = 0; i < count; i++) {
        double value = entry(of, i);
        if (!isfinite(value)) {
            summary->missing++;
            continue;
        }
        double step = value - summary->mean;
        summary->mean += step / (double)++seen;
        square += step * (value - summary->mean);
        summary->least = fmin(summary->least, value);
        summary->largest = fmax(summary->largest, value);
    }
    summary->deviation = seen > 1 ? sqrt(square / (double)(seen - 1)) : (double)NAN;
    double half = summary->largest / 2 - summary->least / 2;
    for (int64_t i = 0; i < count; i++) {
        double value = entry(of, i);
        if (isfinite(value)) {
            double share = half > 0 ? (value / 2 - summary->least / 2) / half : 0.5;
            summary->bins[share >= 1 ? BINS - 1 : (size_t)(share * BINS)]++;
        }
    }
}

static double plain_entry(const void *of, int64_t i) {
    return ((const double *)of)[i];
}

/* Least, mean, standard deviation, largest, and a small histogram. */
static void add_summary(Text *out, const Summary *summary) {
    int64_t most = 1;
    if (summary->missing == summary->count) {
        text_string(out, "<td class=\"n\">–</td><td class=\"n\">–</td><td class=\"n\">–</td>"
                         "<td class=\"n\">–</td><td></td>");
        return;
    }
    /* a mean that is nothing beside the deviation is rounding */
    double least_mean = isfinite(summary->deviation) ? 1e-5 * summary->deviation : 0;
    number_cell(out, summary->least, 5);
    number_cell(out, fabs(summary->mean) < least_mean ? 0 : summary->mean, 5);
    if (isfinite(summary->deviation)) {
        number_cell(out, summary->deviation, 4);
    } else {
        text_string(out, "<td class=\"n\">–</td>");
    }
    number_cell(out, summary->largest, 5);
    for (size_t i = 0; i < BINS; i++) {
        most = summary->bins[i] > most ? summary->bins[i] : most;
    }
    text_string(out, "<td><svg class=\"bars\" role=\"img\" width=\"96\" height=\"24\" "
                     "viewBox=\"0 0 96 24\" xmlns=\"http://www.w3.org/2000/svg\">"
                     "<title>histogram from ");
    add_number(out, summary->least, 4);
    text_string(out, " to ");
    add_number(out, summary->largest, 4);
    text_string(out, "</title><path fill=\"currentColor\" d=\"");
    for (size_t i = 0; i < BINS; i++) {
        double height = 23 * (double)summary->bins[i] / (double)most;
        if (summary->bins[i]) {
            height = height < 1 ? 1 : height;
            text_format(out, "M%zu 24v-%.1fh3v%.1fz", 4 * i, height, height);
        }
    }
    text_string(out, "\" /></svg></td>");
}

static void plus_minus(Text *out, double value) {
    if (isfinite(value)) {
        number_cell(out, value, 4);
    } else {
        text_string(out, "<td class=\"n\">–</td>");
    }
}

/* `first`: the number of the item's first value among those of the view. */
static void add_values(const Page *page, const Item *item, size_t first) {
    Text *out = page->out;
    const Errors *errors = page->ending->errors;
    for (int64_t k = 0; k < item->shape->count; k++) {
        char exact[NUMBER_SIZE];
        real_write(page->model, exact, item->values[k]);
        text_string(out, "<tr><td><code>");
        markup_text(out, item->name);
        add_index(out, item->shape, k);
        text_format(out, "</code></td><td class=\"n\" title=\"%s\">", exact);
        add_number(out, item->values[k], 8);
        text_string(out, "</td>");
        if (errors) {
            size_t number = first + (size_t)k;
            plus_minus(out, errors->error[number]);
            plus_minus(out, errors->low[number]);
            plus_minus(out, errors->high[number]);
        }
        text_string(out, "</tr>\n");
    }
}

static void add_large(Text *out, const Item *item) {
    Summary summary;
    summarise(&summary, plain_entry, item->values, item->shape->count);
    text_string(out, "<tr><td><code>");
    markup_text(out, item->name);
    text_string(out, "</code> <span class=\"faint\">");
    add_shape(out, item->shape);
    text_string(out, "</span></td>");
    add_summary(out, &summary);
    text_string(out, "</tr>\n");
}

static void values_head(const Page *page) {
    const Errors *errors = page->ending->errors;
    text_string(page->out, "<table>\n<tr><th>name</th><th class=\"n\">value</th>");
    if (errors) {
        text_format(page->out,
                    "<th class=\"n\">standard error</th><th class=\"n\" colspan=\"2\">"
                    "%g %% interval</th>",
                    100 * errors->confidence);
    }
    text_string(page->out, "</tr>\n");
}

/* Params or definitions, those with few values in full. */
static void add_items(const Page *page, size_t first, size_t end) {
    const View *view = page->ending->view;
    for (int large = 0; large < 2; large++) {
        bool any = false;
        size_t number = 0;
        for (size_t i = 0; i < end; i++) {
            const Item *item = &view->items[i];
            size_t at = number;
            number += (size_t)item->shape->count;
            if (i < first || (item->shape->count > VALUES_SHOWN) != large) {
                continue;
            }
            text_string(page->out, any ? "" : "<div class=\"wide\">");
            if (!any && large) {
                text_string(page->out, "<table>\n<tr><th>name</th><th class=\"n\">least</th>"
                                       "<th class=\"n\">mean</th><th class=\"n\">deviation</th>"
                                       "<th class=\"n\">largest</th><th></th></tr>\n");
            } else if (!any) {
                values_head(page);
            }
            any = true;
            if (large) {
                add_large(page->out, item);
            } else {
                add_values(page, item, at);
            }
        }
        text_string(page->out, any ? "</table></div>\n" : "");
    }
}

static void add_parameters(const Page *page) {
    const View *view = page->ending->view;
    text_string(page->out, "<h2>Parameters</h2>\n");
    add_items(page, 0, view->params);
    if (view->count > view->params) {
        text_string(page->out, "<h3>Computed from them</h3>\n");
        add_items(page, view->params, view->count);
    }
}

/* ---- classes ---- */

static void add_share(Text *out, int64_t part, int64_t whole) {
    text_string(out, "<td class=\"n\">");
    if (whole) {
        text_format(out, "%.1f %%", 100 * (double)part / (double)whole);
    } else {
        text_string(out, "–");
    }
    text_string(out, "</td>");
}

static void add_classes(const Page *page) {
    const Fitted *fitted = page->fitted;
    Text *out = page->out;
    size_t n = fitted->class_count;
    text_string(out, "<div class=\"wide\"><table>\n<tr><th>class</th><th class=\"n\">rows</th>"
                     "<th class=\"n\">found (recall)</th><th class=\"n\">right where said "
                     "(precision)</th></tr>\n");
    for (size_t i = 0; i < n && i < CLASSES_SHOWN; i++) {
        int64_t actual = 0;
        int64_t said = 0;
        for (size_t j = 0; j < n; j++) {
            actual += fitted->counts[i * n + j];
            said += fitted->counts[j * n + i];
        }
        text_string(out, "<tr><td>");
        markup_text(out, fitted->names[i]);
        text_string(out, "</td><td class=\"n\">");
        add_grouped(out, actual);
        text_string(out, "</td>");
        add_share(out, fitted->counts[i * n + i], actual);
        add_share(out, fitted->counts[i * n + i], said);
        text_string(out, "</tr>\n");
    }
    text_string(out, "</table></div>\n");
    if (n > CLASSES_SHOWN) {
        text_format(out, "<p class=\"faint\">… and %zu more classes.</p>\n", n - CLASSES_SHOWN);
    }
}

static bool add_fit(const Page *page) {
    const Fitted *fitted = page->fitted;
    if (!fitted->none && fitted->classes) {
        text_string(page->out, "<h2>What is taken for what</h2>\n");
        bool done = add_picture(page, PLOT_CONFUSION, "");
        add_classes(page);
        return done;
    }
    return add_picture(page, PLOT_FIT, "<h2>The model beside the data</h2>\n") &&
           add_picture(page, PLOT_RESIDUALS, "<h3>Residuals</h3>\n") &&
           add_picture(page, PLOT_SPREAD, "");
}

/* ---- data ---- */

typedef struct {
    const Model *model;
    const Data *data;
    size_t column;
    int64_t entry;
} Values;

static double column_entry(const void *of, int64_t i) {
    const Values *values = of;
    double value = column_value(values->model, values->data, values->column, i, values->entry);
    return column_unscaled(values->model, values->column, values->entry, value);
}

static void add_column(const Page *page, size_t index, int64_t entry) {
    Text *out = page->out;
    const Column *column = &page->model->columns[index];
    const Data *data = &page->session->data;
    const Values values = {page->model, data, index, entry};
    Summary summary;
    summarise(&summary, column_entry, &values, column->by_row ? data->rows : data->samples);
    text_string(out, "<tr><td><code>");
    markup_text(out, column->name);
    add_index(out, &column->shape, entry);
    text_string(out, "</code></td><td>");
    if ((size_t)entry < column->field_count && strcmp(column->fields[entry], column->name) != 0) {
        markup_text(out, column->fields[entry]);
    }
    text_format(out, "</td><td class=\"k\">%s%s</td><td class=\"n\">",
                column->limit    ? "class"
                : column->is_int ? "whole number"
                                 : "number",
                column->target ? ", target" : "");
    add_grouped(out, summary.missing);
    text_string(out, "</td>");
    add_summary(out, &summary);
    text_string(out, "</tr>\n");
}

static void add_class_names(const Page *page, const Column *column) {
    Text *out = page->out;
    text_string(out, "<p>Classes of <code>");
    markup_text(out, column->name);
    text_string(out, "</code>: ");
    for (size_t i = 0; i < column->class_count && i < CLASSES_SHOWN; i++) {
        text_format(out, "%s%zu = ", i ? ", " : "", i);
        markup_text(out, column->classes[i]);
    }
    if (column->class_count > CLASSES_SHOWN) {
        text_format(out, ", … (%zu)", column->class_count);
    }
    text_string(out, ".</p>\n");
}

static void add_columns(const Page *page) {
    Text *out = page->out;
    const Data *data = &page->session->data;
    int64_t left_out = 0;
    int64_t shown = 0;
    text_string(out, "<div class=\"wide\"><table>\n<tr><th>argument</th><th>column</th>"
                     "<th>kind</th><th class=\"n\">missing</th><th class=\"n\">least</th>"
                     "<th class=\"n\">mean</th><th class=\"n\">deviation</th>"
                     "<th class=\"n\">largest</th><th></th></tr>\n");
    for (size_t i = 0; i < page->model->column_count; i++) {
        for (int64_t k = 0; data->columns[i] && k < page->model->columns[i].shape.count; k++) {
            if (shown < COLUMNS_SHOWN) {
                add_column(page, i, k);
                shown++;
            } else {
                left_out++;
            }
        }
    }
    text_string(out, "</table></div>\n");
    if (left_out) {
        text_format(out, "<p class=\"faint\">… and %lld more columns.</p>\n", (long long)left_out);
    }
}

static void add_data(const Page *page) {
    Text *out = page->out;
    const Model *model = page->model;
    const Data *data = &page->session->data;
    if (!model->column_count || !data->columns) {
        return;
    }
    text_string(out, "<h2>Data</h2>\n<p><code>");
    markup_text(out, data->path ? data->path : "");
    text_string(out, "</code>: ");
    add_grouped(out, data->rows);
    text_string(out, " rows");
    if (data->starts) {
        text_string(out, ", ");
        add_grouped(out, data->samples);
        text_string(out, " samples");
    }
    text_string(out, ".</p>\n");
    add_columns(page);
    for (size_t i = 0; i < model->column_count; i++) {
        if (model->columns[i].class_count) {
            add_class_names(page, &model->columns[i]);
        }
    }
}

/* ---- the model ---- */

static void add_model(const Page *page) {
    Text *out = page->out;
    const char *line = page->model->text;
    text_string(out, "<h2>Model</h2>\n");
    if (*line) {
        text_string(out, "<pre>");
        for (unsigned number = 1; *line; number++) {
            size_t length = strcspn(line, "\n");
            text_format(out, "<span>%3u  </span>", number);
            markup_bytes(out, line, length);
            text_string(out, "\n");
            line += length + (line[length] != '\0');
        }
        text_string(out, "</pre>\n");
    }
    if (*page->model->derivation) {
        text_string(out, "<details class=\"derivation\"><summary>How its loss is differentiated: "
                         "each step of the reverse sweep, and the gradient</summary>\n");
        text_string(out, page->model->derivation);
        text_string(out, "</details>\n");
    }
}

/* ---- how to do it again ---- */

static bool is_plain_word(const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./,:@%";
    return *word && strspn(word, plain) == strlen(word);
}

/* As a shell reads it. */
static void add_word(Text *out, const char *word) {
    if (is_plain_word(word)) {
        markup_text(out, word);
        return;
    }
    text_string(out, "'");
    for (; *word; word++) {
        if (*word == '\'') {
            text_string(out, "'\\''");
        } else {
            size_t length = 1;
            while (word[length] && word[length] != '\'') {
                length++;
            }
            markup_bytes(out, word, length);
            word += length - 1;
        }
    }
    text_string(out, "'");
}

static void begin_row(Text *out, const char *name) {
    text_string(out, "<tr><th>");
    markup_text(out, name);
    text_string(out, "</th><td>");
}

static void add_file_row(Text *out, const char *name, const char *path) {
    char hash[SHA256_TEXT];
    int64_t bytes;
    begin_row(out, name);
    text_string(out, "<code>");
    markup_text(out, path);
    text_string(out, "</code>");
    if (sha256_file(path, hash, &bytes)) {
        text_string(out, ", ");
        add_grouped(out, bytes);
        text_format(out, " bytes, SHA-256 <code>%s</code>", hash);
    }
    text_string(out, "</td></tr>\n");
}

static void add_settings(const Page *page) {
    Text *out = page->out;
    const Model *model = page->model;
    const Training *training = page->ending->training;
    char number[NUMBER_SIZE];
    begin_row(out, "settings");
    number_write(number, training->rate, false);
    text_format(out, "method %s, rate %s, %lld epochs at most", training->optimizer->name, number,
                (long long)training->epochs);
    if (training->optimizer->batched) {
        text_format(out, ", batches of %lld", (long long)training->batch);
    }
    if (!training->optimizer->full_batch) {
        text_format(out, ", samples in %s order", training->shuffle ? "a new" : "the file's");
    }
    text_format(out, ", seed %llu", (unsigned long long)page->session->seed);
    text_string(out, model->single ? ", single precision</td></tr>\n" : "</td></tr>\n");
    if (model->dim_count) {
        begin_row(out, "dims");
        for (size_t i = 0; i < model->dim_count; i++) {
            text_string(out, i ? ", " : "");
            markup_text(out, model->dims[i].name);
            text_format(out, " = %lld", (long long)model->dims[i].value);
        }
        text_string(out, "</td></tr>\n");
    }
    if (model->const_count) {
        begin_row(out, "consts");
        for (size_t i = 0; i < model->const_count; i++) {
            text_string(out, i ? ", " : "");
            markup_text(out, model->consts[i].name);
            number_write(number, model->consts[i].value, false);
            text_format(out, " = %s", number);
        }
        text_string(out, "</td></tr>\n");
    }
}

static void add_reproduction(const Page *page) {
    Text *out = page->out;
    const Options *options = page->session->options;
    char objective[NUMBER_SIZE];
    text_string(out, "<h2>How to do it again</h2>\n<pre>gradc ");
    add_word(out, page->model->source);
    text_string(out, " -o ");
    add_word(out, page->out->context->program);
    text_string(out, "\n");
    for (int i = 0; i < options->argc; i++) {
        text_string(out, i ? " " : "");
        add_word(out, options->argv[i]);
    }
    text_string(out, "</pre>\n<p>The same data, seed and options give the same bits on the same "
                     "machine, whatever the number of threads.</p>\n"
                     "<div class=\"wide\"><table>\n");
    begin_row(out, "model");
    markup_text(out, page->model->name);
    text_format(out, ", hash <code>%s</code>, gradc runtime 1</td></tr>\n", page->model->hash);
    if (page->session->data.path) {
        add_file_row(out, "data", page->session->data.path);
    }
    for (size_t i = 0; i < options->array_count; i++) {
        const char *path = strchr(options->arrays[i], '=');
        add_file_row(out, "array", path ? path + 1 : options->arrays[i]);
    }
    if (options->values[OPT_model]) {
        add_file_row(out, "start", options->values[OPT_model]);
    }
    add_settings(page);
    number_write(objective, page->ending->training->objective, true);
    begin_row(out, "objective");
    text_format(out, "<code>%s</code></td></tr>\n</table></div>\n", objective);
}

/* ---- the whole ---- */

bool page_write(const Seeing *seeing, const Ending *ending, const Fitted *fitted) {
    Context *context = seeing->session->context;
    Text out;
    const Page page = {.seeing = seeing,
                       .ending = ending,
                       .fitted = fitted,
                       .session = seeing->session,
                       .model = seeing->session->model,
                       .out = &out};
    text_start(&out, context);
    bool done = add_head(&page);
    if (!seeing->plotter) {
        text_string(&out, "<p class=\"faint\">There are no pictures: the library cairo was not "
                          "there.</p>\n");
    }
    done = done && add_picture(&page, PLOT_CURVE, "<h2>Learning curve</h2>\n");
    add_parameters(&page);
    done = done && add_fit(&page);
    add_data(&page);
    add_model(&page);
    add_reproduction(&page);
    text_string(&out, "</body>\n</html>\n");
    done = done && !out.failed && file_write(context, seeing->page, out.data, out.length);
    text_free(&out);
    return done;
}
