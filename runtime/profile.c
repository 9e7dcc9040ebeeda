/* profile.c: `profile`: the objective over one param, all others at their best there. Where it is
 * no parabola, the interval that it gives is better than that of the standard error.
 *
 * F = m·J over its unit is a negative log-likelihood; the signed root is ±√(2 (F − F̂)), a straight
 * line where F is a parabola. The ends of the interval are where it is ± the quantile. */
#include "runtime/errors.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MOST = 40, ITERATIONS_MOST = 500, HALVINGS_MOST = 50, ROOT_STEPS = 60 };

static const double enough = 1e-14; /* of what a step could lower F by */
static const double stride = 0.25;  /* of the quantile: the step of the curve, by standard error */
static const double beyond = 1.3;   /* quantiles: where the curve ends */
static const double root_close = 1e-9; /* of the quantile */

typedef struct {
    double *point; /* the flat vector */
    double at;     /* entry `fixed` of it */
    double f, root;
} Place;

typedef struct {
    Session *session;
    Evaluator evaluator;
    Errors errors;
    size_t n, fixed; /* the entry of the flat vector; n: none */
    size_t number;   /* the param in the user's terms */
    double *metric;  /* of the others: an inverse Hessian of F, that is learned */
    double *gradient, *direction, *trial, *slope, *product;
    double best; /* F̂ */
    double samples;
    Place places[2 * STEPS_MOST + 1];
    size_t count;
} Profile;

static double evaluate_f(Profile *p, double *point, double *gradient) {
    double scale = p->samples / p->errors.unit;
    double f = evaluate(&p->evaluator, point, gradient) * scale;
    for (size_t i = 0; i < p->n; i++) {
        gradient[i] = i == p->fixed ? 0 : gradient[i] * scale;
    }
    return f;
}

/* The covariance, given the fixed entry; of all where there is none. */
static void reset_metric(Profile *p) {
    const double *c = p->errors.covariance;
    size_t n = p->n;
    size_t j = p->fixed;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            double known = j < n ? c[i * n + j] * c[k * n + j] / c[j * n + j] : 0;
            p->metric[i * n + k] = i == j || k == j ? 0 : c[i * n + k] - known;
        }
    }
}

static double dot_of(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static void multiply(const double *a, const double *x, size_t n, double *to) {
    for (size_t i = 0; i < n; i++) {
        to[i] = dot_of(a + i * n, x, n);
    }
}

/* Broyden, Fletcher, Goldfarb and Shanno's; s in direction, y in slope. */
static void learn(Profile *p) {
    size_t n = p->n;
    const double *s = p->direction;
    const double *y = p->slope;
    double sy = dot_of(s, y, n);
    if (!(sy > 0)) {
        return;
    }
    multiply(p->metric, y, n, p->product);
    double factor = (1 + dot_of(y, p->product, n) / sy) / sy;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            p->metric[i * n + k] +=
                factor * s[i] * s[k] - (p->product[i] * s[k] + s[i] * p->product[k]) / sy;
        }
    }
}

/* A step along direction that lowers F; point, *f and gradient go there. False: there is none. */
static bool step(Profile *p, double *point, double *f, double slope) {
    double length = 1;
    for (int k = 0; k < HALVINGS_MOST; k++, length /= 2) {
        for (size_t i = 0; i < p->n; i++) {
            p->trial[i] = point[i] + length * p->direction[i];
        }
        double value = evaluate_f(p, p->trial, p->slope);
        if (!(value <= *f + 1e-4 * length * slope)) {
            continue;
        }
        for (size_t i = 0; i < p->n; i++) {
            double here = p->slope[i];
            p->slope[i] = here - p->gradient[i];
            p->gradient[i] = here;
            p->direction[i] = p->trial[i] - point[i];
        }
        memcpy(point, p->trial, p->n * sizeof *point);
        *f = value;
        return true;
    }
    return false;
}

/* The least F with the fixed entry as it is in point. */
static double settle(Profile *p, double *point) {
    double f = evaluate_f(p, point, p->gradient);
    bool fresh = false;
    for (int k = 0; k < ITERATIONS_MOST && isfinite(f); k++) {
        multiply(p->metric, p->gradient, p->n, p->direction);
        for (size_t i = 0; i < p->n; i++) {
            p->direction[i] = -p->direction[i];
        }
        double slope = dot_of(p->direction, p->gradient, p->n);
        if (-slope <= enough * fmax(1, fabs(f) * DBL_EPSILON / enough)) {
            break;
        }
        if (slope < 0 && step(p, point, &f, slope)) {
            learn(p);
            fresh = false;
        } else if (fresh) {
            break; /* what is left is rounding */
        } else {
            reset_metric(p);
            fresh = true;
        }
    }
    return f;
}

/* A place at entry `at`, the others at their best, from another place. */
static bool go(Profile *p, const Place *from, double at, Place *to) {
    const double *c = p->errors.covariance;
    size_t n = p->n;
    size_t j = p->fixed;
    double *point = NEW(p->session->context, double, n);
    if (!point) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        point[i] = from->point[i] + c[i * n + j] / c[j * n + j] * (at - from->at);
    }
    point[j] = at;
    *to = (Place){point, at, settle(p, point), 0};
    double above = 2 * (to->f - p->best);
    to->root = isfinite(above) ? sqrt(fmax(above, 0)) : INFINITY;
    return true;
}

/* The entry between two places where the root is the quantile (Illinois). */
static bool find_end(Profile *p, const Place *inside, const Place *outside, Place *end) {
    double quantile = p->errors.quantile;
    double a = inside->at, b = outside->at;
    double low = inside->root - quantile;
    double high = fmin(outside->root, 1e3 * quantile) - quantile;
    const Place *from = inside;
    *end = *outside;
    for (int k = 0; k < ROOT_STEPS && fabs(b - a) > DBL_EPSILON * fabs(a + b); k++) {
        double at = isfinite(outside->f) ? a + (b - a) * low / (low - high) : (a + b) / 2;
        if (!go(p, from, at, end)) {
            return false;
        }
        double here = fmin(end->root, 1e3 * quantile) - quantile;
        if (fabs(here) <= root_close * quantile) {
            break;
        }
        if (here < 0) {
            a = at;
            low = here;
            high /= 2;
        } else {
            b = at;
            high = here;
            low /= 2;
        }
    }
    return true;
}

/* One side of the curve, and its end of the interval: infinite where the curve does not rise so
 * far. */
static bool one_side(Profile *p, const Place *middle, double sign, Place *end, bool *open) {
    double error = sqrt(p->errors.covariance[p->fixed * p->n + p->fixed]);
    double length = stride * p->errors.quantile * error;
    Place last = *middle;
    *open = true;
    reset_metric(p);
    for (int k = 0; k < STEPS_MOST; k++) {
        Place next;
        if (!go(p, &last, last.at + sign * length, &next)) {
            return false;
        }
        if (*open && next.root >= p->errors.quantile) {
            *open = false;
            if (!find_end(p, &last, &next, end)) {
                return false;
            }
        }
        if (!isfinite(next.root)) {
            break;
        }
        double rise = next.root - last.root;
        length *= rise < stride / 4 * p->errors.quantile ? 2 : 1;
        p->places[p->count++] = last = next;
        if (next.root >= beyond * p->errors.quantile) {
            break;
        }
    }
    return true;
}

/* ---- the param ---- */

static bool unknown_param(const Session *session, const char *name) {
    const Model *model = session->model;
    const char **names = NEW(session->context, const char *, model->param_count + 1);
    for (size_t i = 0; names && i < model->param_count; i++) {
        names[i] = model->params[i].name;
    }
    const char *guess = names ? closest_name(name, names, model->param_count) : NULL;
    return report_error(session->context, "--param: the model has no param `%s`%s%s%s", name,
                        guess ? "; did you mean `" : "", guess ? guess : "", guess ? "`?" : "");
}

/* `w[3]`, `W[0,2]` after the name: the number of the entry, or -1. */
static int64_t read_entry(const Shape *shape, const char *text) {
    int64_t entry = 0;
    for (size_t axis = 0; axis < shape->rank; axis++) {
        char *end;
        if (*text != (axis ? ',' : '[')) {
            return -1;
        }
        long long index = strtoll(text + 1, &end, 10);
        if (end == text + 1 || index < 0 || index >= shape->shape[axis]) {
            return -1;
        }
        entry = entry * shape->shape[axis] + index;
        text = end;
    }
    return strcmp(text, shape->rank ? "]" : "") == 0 ? entry : -1;
}

static bool find_param(Profile *p, const char *text) {
    const Model *model = p->session->model;
    size_t length = strcspn(text, "[");
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        if (strlen(param->name) != length || strncmp(param->name, text, length) != 0) {
            continue;
        }
        int64_t entry = read_entry(&param->shape, text + length);
        p->number = param->shown + (size_t)entry;
        return entry >= 0 ||
               report_error(p->session->context,
                            param->shape.rank ? "--param: `%s` is no entry of `%s`; one is `%s[%s]`"
                                              : "--param: `%s` is no entry: `%s` is a number",
                            text, param->name, param->name, param->shape.rank > 1 ? "0,0" : "0");
    }
    return unknown_param(p->session, text);
}

/* The one entry of the flat vector that the param is made of. */
static bool find_entry(Profile *p, const char *text) {
    Context *context = p->session->context;
    const Model *model = p->session->model;
    size_t numbers = model->shown_count + model->definition_total;
    double *rows = NEW(context, double, numbers * p->n + 1);
    size_t found = p->n;
    size_t count = 0;
    if (!rows || !errors_view_slopes(context, model, p->session->params, rows)) {
        return false;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (rows[p->number * p->n + i] != 0) {
            found = i;
            count++;
        }
    }
    memory_free(context, rows);
    if (count != 1) {
        return report_error(context,
                            "--param: `%s` depends on the other entries of its param, by its "
                            "constraint; a profile of such a number is not supported yet",
                            text);
    }
    p->fixed = found;
    return p->errors.error[p->number] > 0 ||
           report_error(context, "--param: the data do not identify `%s`: it has no profile", text);
}

/* ---- what is told ---- */

static int by_entry(const void *a, const void *b) {
    double x = ((const Place *)a)->at;
    double y = ((const Place *)b)->at;
    return (x > y) - (x < y);
}

static bool shown_value(const Profile *p, const Place *place, double *value) {
    View view;
    if (!view_make(p->session->context, p->session->model, place->point, &view)) {
        return false;
    }
    *value = view.numbers[p->number];
    view_free(p->session->context, &view);
    return true;
}

static bool curve_text(Profile *p, const Place *middle, const char *name, Text *text) {
    double first, last, center;
    qsort(p->places, p->count, sizeof *p->places, by_entry);
    if (!shown_value(p, &p->places[0], &first) ||
        !shown_value(p, &p->places[p->count - 1], &last) || !shown_value(p, middle, &center)) {
        return false;
    }
    const char *quote = strchr(name, ',') ? "\"" : "";
    text_format(text, "%s%s%s,objective,root\n", quote, name, quote);
    for (size_t k = 0; k < p->count; k++) {
        const Place *place = &p->places[first <= last ? k : p->count - 1 - k];
        double value;
        if (!shown_value(p, place, &value)) {
            return false;
        }
        const double cells[] = {value, place->f * p->errors.unit / p->samples,
                                value < center ? -place->root : place->root};
        for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
            text_string(text, c ? "," : "");
            text_number(text, cells[c], true);
        }
        text_string(text, "\n");
    }
    return !text->failed;
}

static bool interval_text(Profile *p, const Place ends[2], const bool open[2], const char *name,
                          FILE *stream) {
    double values[2] = {-INFINITY, INFINITY};
    for (int side = 0; side < 2; side++) {
        if (!open[side] && !shown_value(p, &ends[side], &values[side])) {
            return false;
        }
    }
    if (values[0] > values[1]) {
        double kept = values[0];
        values[0] = values[1];
        values[1] = kept;
    }
    fprintf(stream, "%s: %.6g%% interval %.10g to %.10g (by the standard error %.10g to %.10g)\n",
            name, 100 * p->errors.confidence, values[0], values[1], p->errors.low[p->number],
            p->errors.high[p->number]);
    return true;
}

static bool make_profile(Profile *p, const char *name) {
    Session *session = p->session;
    Context *context = session->context;
    const char *path = session->options->values[OPT_output];
    bool to_file = path && strcmp(path, "-") != 0;
    Place middle = {session->params, 0, 0, 0};
    Place ends[2];
    bool open[2];
    Text text;
    size_t fixed = p->fixed;
    p->fixed = p->n; /* first all of them: the optimum itself */
    reset_metric(p);
    middle.f = p->best = settle(p, session->params);
    p->fixed = fixed;
    middle.at = session->params[fixed];
    if (!one_side(p, &middle, -1, &ends[0], &open[0])) {
        return false;
    }
    p->places[p->count++] = middle;
    if (!one_side(p, &middle, 1, &ends[1], &open[1])) {
        return false;
    }
    for (size_t k = 0; k < p->count; k++) {
        if (p->places[k].f < p->best - 1e-4) {
            report_warning(context, "the objective is lower elsewhere on this profile: training "
                                    "had not ended at the least one");
            break;
        }
    }
    text_start(&text, context);
    bool done = curve_text(p, &middle, name, &text);
    if (done && to_file) {
        done = file_write(context, path, text.data, text.length);
    } else if (done) {
        fwrite(text.data, 1, text.length, stdout); /* checked at the end */
        fflush(stdout);
    }
    text_free(&text);
    return done && interval_text(p, ends, open, name, to_file ? stdout : stderr);
}

static bool make_vectors(Profile *p) {
    Context *context = p->session->context;
    p->samples /= p->evaluator.weighting > 0 ? p->evaluator.weighting : 1;
    double **vectors[] = {&p->gradient, &p->direction, &p->trial, &p->slope, &p->product};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        *vectors[i] = NEW(context, double, p->n + 1);
        if (!*vectors[i]) {
            return false;
        }
    }
    p->metric = NEW(context, double, p->n * p->n + 1);
    return p->metric != NULL;
}

/* False: reported, `usage` where it is the command line's. */
static bool run_profile(Profile *p, bool *usage) {
    Session *session = p->session;
    Context *context = session->context;
    const Model *model = session->model;
    const char *name = session->options->values[OPT_param];
    const char *kind_text = session->options->values[OPT_errors];
    ErrorsKind kind = ERRORS_AUTO;
    double confidence = 0.95;
    *usage = true;
    if (!name) {
        return report_error(context, "no param: give --param=NAME, or --param='NAME[0]'");
    }
    if ((kind_text && *kind_text && !errors_kind(context, kind_text, &kind)) ||
        !confidence_read(context, model, session->options, OPT_confidence, &confidence) ||
        !find_param(p, name)) {
        return false;
    }
    *usage = false;
    if (!model->kernels[ROLE_GRADIENT].function || !model->kernels[ROLE_OBJECTIVE].function) {
        return report_error(context, "model `%s` has no `loss` to profile", model->name);
    }
    kind = kind == ERRORS_NO ? ERRORS_AUTO : kind;
    p->samples = (double)session->data.samples;
    bool done = evaluator_start(context, &p->evaluator, model, &session->data,
                                (size_t)session->threads, 1, SLOPES_OF_ALL);
    done =
        done && make_vectors(p) &&
        errors_make(context, &p->evaluator, session->params, kind, confidence, false, &p->errors) &&
        find_entry(p, name) && make_profile(p, name);
    evaluator_end(&p->evaluator);
    return done;
}

int command_profile(Session *session) {
    bool usage = false;
    Profile *p = NEW(session->context, Profile, 1);
    if (!p) {
        return STATUS_FAILED;
    }
    p->session = session;
    p->n = p->fixed = session->model->parameter_count;
    return run_profile(p, &usage) ? STATUS_OK : usage ? STATUS_USAGE : STATUS_FAILED;
}
