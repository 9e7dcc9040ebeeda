/* errors.c: the covariance of what was learned, at the optimum.
 *
 * Where m·J is a negative log-likelihood (with a prior: a log posterior), the covariance is the
 * inverse of its Hessian. Where all losses are c r², it is s² (JᵀJ)⁻¹ with s² = Σ r² / (n − p),
 * from R of J's QR, without JᵀJ; a penalty or a prior counts as residuals that were known before.
 * Both are made with columns of length 1, so that scales of params do not matter, and taken apart
 * into directions: those that the data say nothing of are named, and left out. */
#include "runtime/errors.h"

#include "runtime/curvature.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { NAMES_SHOWN = 6, NUMBERS_MOST = 1 << 25 };

static const double kink = 1e-3; /* differences that agree no better have no limit */
static const double kink_single = 0.1;
static const double unseen = 1e-8;        /* eigenvalues below, of a Hessian whose diagonal is 1 */
static const double unseen_single = 1e-4; /* the same with floats */
static const double unseen_root = 1e-10;  /* singular values below, of columns of length 1 */
static const double touched = 1e-4;       /* the share of a direction that makes an entry unknown */
static const double far_away = 0.05;      /* standard errors from the optimum that are told */

bool errors_kind(Context *context, const char *text, ErrorsKind *kind) {
    static const char *const names[] = {[ERRORS_AUTO] = "auto",
                                        [ERRORS_NO] = "no",
                                        [ERRORS_SQUARES] = "squares",
                                        [ERRORS_LIKELIHOOD] = "likelihood"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *kind = (ErrorsKind)i;
            return true;
        }
    }
    return report_error(context, "--errors: expected auto, squares, likelihood or no, found `%s`",
                        text);
}

bool confidence_read(Context *context, const Model *model, const Options *options, OptionId id,
                     double *value) {
    if (!option_real(context, model, options, id, 0, value)) {
        return false;
    }
    if (!(*value > 0 && *value < 1)) {
        return report_error(context,
                            "--%s: expected a number between 0 and 1, such as 0.95, found "
                            "`%s`",
                            option_name(id), option_text(model, options, id));
    }
    return true;
}

/* An entry of the flat vector: `w[2]`, `sigma`, or of a param that is made of other numbers its
 * name alone. */
static void flat_name(Text *text, const Model *model, size_t at) {
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        if (at < param->offset || at >= param->offset + param->count) {
            continue;
        }
        if (param->count == (size_t)param->shape.count) {
            entry_name(text, param->name, &param->shape, (int64_t)(at - param->offset));
        } else {
            text_string(text, param->name);
        }
    }
}

/* ---- functions to differentiate ---- */

typedef struct {
    Context *context;
    Evaluator *evaluator;
    Training training; /* for compiled second derivatives */
    Residuals residuals;
    double *params;
    size_t n;
    double *scales;   /* of entries of the gradient, to compare them */
    double samples;   /* m, or Σ w */
    double weighting; /* of the evaluator's sums, see there; 1 without weights */
    int64_t zeros;    /* samples that do not count */
    double multiple;  /* c */
    bool compiled;    /* squares: the model has a kernel for J */
    double squares;   /* Σ of what is squared */
    double *noticed;  /* by entry: 1 where the objective has a kink */
} Work;

static bool gradient_at(void *self, double *point, double *values) {
    Work *work = self;
    evaluate(work->evaluator, point, values);
    for (size_t i = 0; i < work->n; i++) {
        values[i] *= work->samples;
    }
    return true;
}

static bool regular_at(void *self, double *point, double *values) {
    Work *work = self;
    evaluate_regular(work->evaluator, point, values);
    for (size_t i = 0; i < work->n; i++) {
        values[i] *= work->samples;
    }
    return true;
}

static bool forward_at(void *self, double *point, double *values) {
    Residuals *residuals = self;
    residuals_forward(residuals, point);
    for (int64_t i = 0; i < residuals->count; i++) {
        values[i] = residuals_weight(residuals, i) > 0 ? residuals->found[i] : 0;
    }
    return true;
}

typedef struct {
    Context *context;
    const Model *model;
    size_t count;
} Viewing;

static bool view_at(void *self, double *point, double *values) {
    Viewing *viewing = self;
    View view;
    if (!view_make(viewing->context, viewing->model, point, &view)) {
        return false;
    }
    memcpy(values, view.numbers, viewing->count * sizeof *values);
    view_free(viewing->context, &view);
    return true;
}

/* n×n derivatives of a gradient; entries with a kink are noted. */
static bool hessian(Work *work, VectorFunction *gradient, double *h) {
    size_t n = work->n;
    Slope slope;
    double *column = NEW(work->context, double, n);
    bool done =
        column && slope_start(work->context, work->evaluator->model, gradient, work, n, &slope);
    for (size_t j = 0; done && j < n; j++) {
        double off;
        slope.weights = work->scales;
        done = slope_at(&slope, work->params, j, column, &off);
        if (!(off <= (work->evaluator->model->single ? kink_single : kink))) {
            work->noticed[j] = 1;
        }
        for (size_t i = 0; i < n; i++) {
            h[i * n + j] = column[i];
        }
    }
    if (!done) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            h[i * n + j] = h[j * n + i] = (h[i * n + j] + h[j * n + i]) / 2;
        }
    }
    slope_end(&slope);
    memory_free(work->context, column);
    return true;
}

static bool has_regular(const Model *model) {
    return model->kernels[ROLE_REGULAR].function || model->kernels[ROLE_PRIOR].function;
}

/* The Hessian of m·J; exact where the model has a kernel for it. Only differences see the kinks of
 * a penalty. */
static bool whole_hessian(Work *work, double *h) {
    const Model *model = work->evaluator->model;
    if (!model->kernels[ROLE_HVP].function) {
        return hessian(work, gradient_at, h);
    }
    bool done = (!has_regular(model) || hessian(work, regular_at, h)) &&
                curvature_hessian(&work->training, h);
    for (size_t i = 0; i < work->n * work->n; i++) {
        h[i] /= work->weighting;
    }
    return done;
}

/* ---- from a matrix to directions ---- */

/* Directions whose value is at most `limit` are lost; the others are the factor, each over the
 * root of its value. `roots`: the values are roots already. */
static bool keep_directions(Context *context, Errors *errors, const double *values,
                            const double *vectors, double limit, bool roots) {
    size_t n = errors->count;
    size_t lost = 0;
    while (lost < n && values[lost] <= limit) {
        lost++;
    }
    errors->rank = n - lost;
    errors->factor = NEW(context, double, n * errors->rank + 1);
    errors->lost = NEW(context, double, n *lost + 1);
    if (!errors->factor || !errors->lost) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            double entry = vectors[i * n + k];
            if (k < lost) {
                errors->lost[i * lost + k] = entry;
            } else {
                double root = roots ? values[k] : sqrt(values[k]);
                errors->factor[i * errors->rank + k - lost] = entry * errors->scale[i] / root;
            }
        }
    }
    return true;
}

/* The Hessian h (destroyed), scaled to a diagonal of 1. */
static bool take_hessian(Work *work, Errors *errors, double *h) {
    Context *context = work->context;
    const Model *model = work->evaluator->model;
    size_t n = errors->count;
    double *values = NEW(context, double, n);
    double *vectors = NEW(context, double, n *n);
    if (!values || !vectors) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        double d = h[i * n + i];
        errors->scale[i] = work->noticed[i] != 0 ? 0 : d != 0 ? 1 / sqrt(fabs(d)) : 1;
    }
    for (size_t i = 0; i < n * n; i++) {
        h[i] *= errors->scale[i / n] * errors->scale[i % n];
    }
    for (size_t i = 0; i < n; i++) { /* held fixed: alone, and known */
        h[i * n + i] = errors->scale[i] == 0 ? 1 : h[i * n + i];
    }
    dense_eigen(h, n, values, vectors);
    double limit = (model->single ? unseen_single : unseen) * fmax(1, values[n - 1]);
    bool done = keep_directions(context, errors, values, vectors, limit, false);
    if (done && values[0] < -limit) {
        report_warning(context, "this is no minimum: the objective falls in both ways along a "
                                "direction; standard errors are those of the other directions");
    }
    memory_free(context, values);
    memory_free(context, vectors);
    return done;
}

/* J, count×n, from forward; columns have length 1 with errors->scale. */
static bool jacobian(Work *work, Errors *errors, double *j) {
    Residuals *residuals = &work->residuals;
    size_t n = work->n;
    size_t m = (size_t)residuals->count;
    Slope slope;
    double *column = NEW(work->context, double, m + 1);
    bool done =
        column && slope_start(work->context, residuals->model, forward_at, residuals, m, &slope);
    for (size_t k = 0; done && k < n; k++) {
        double off;
        double square = 0;
        done = slope_at(&slope, work->params, k, column, &off);
        for (size_t i = 0; i < m; i++) {
            column[i] *= sqrt(residuals_weight(residuals, (int64_t)i));
            square += column[i] * column[i];
        }
        work->noticed[k] = !(off <= (residuals->model->single ? kink_single : kink));
        errors->scale[k] = work->noticed[k] != 0 ? 0 : square > 0 ? 1 / sqrt(square) : 1;
        for (size_t i = 0; i < m; i++) {
            j[i * n + k] = column[i] * errors->scale[k];
        }
    }
    if (done) {
        slope_end(&slope);
    }
    memory_free(work->context, column);
    return done;
}

/* What is known of the params without the data, as the matrix of squares: H / 2c. */
static bool add_regular(Work *work, Errors *errors, const double *r, double *h) {
    size_t n = work->n;
    if (!hessian(work, regular_at, h)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        errors->scale[i] = work->noticed[i] != 0 ? 0 : errors->scale[i];
    }
    for (size_t i = 0; i < n * n; i++) { /* J had columns of length 1: their lengths come back */
        h[i] /= 2 * work->multiple;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            double sum = 0;
            double sizes = errors->scale[i] * errors->scale[k];
            for (size_t l = 0; l < n; l++) {
                sum += r[l * n + i] * r[l * n + k];
            }
            h[i * n + k] += sizes > 0 ? sum / sizes : 0;
        }
    }
    return take_hessian(work, errors, h);
}

/* R of J with columns of length 1, from differences of forward. */
static bool triangle_of_forward(Work *work, Errors *errors, double *r) {
    size_t m = (size_t)work->residuals.count;
    double *j = NEW(work->context, double, (m + 1) * work->n);
    bool done = j && jacobian(work, errors, j);
    if (done) {
        dense_triangle(j, m, work->n, r);
    }
    memory_free(work->context, j);
    return done;
}

/* The same from the compiled derivatives of what is squared. */
static bool triangle_of_squares(Work *work, Errors *errors, double *r) {
    size_t n = work->n;
    double *whole = NEW(work->context, double, (n + 1) * (n + 1));
    bool done = whole && curvature_factor(&work->training, whole, NULL);
    for (size_t i = 0; done && i < (n + 1) * (n + 1); i++) {
        whole[i] /= sqrt(work->weighting);
    }
    for (size_t k = 0; done && k < n; k++) {
        double square = 0;
        for (size_t i = 0; i <= k; i++) {
            square += whole[i * (n + 1) + k] * whole[i * (n + 1) + k];
        }
        errors->scale[k] = square > 0 ? 1 / sqrt(square) : 1;
        for (size_t i = 0; i <= k; i++) {
            r[i * n + k] = whole[i * (n + 1) + k] * errors->scale[k];
        }
    }
    memory_free(work->context, whole);
    return done;
}

static bool take_squares(Work *work, Errors *errors) {
    Context *context = work->context;
    size_t n = work->n;
    double *r = NEW(context, double, n *n);
    double *vectors = NEW(context, double, n *n);
    double *values = NEW(context, double, n);
    if (!r || !vectors || !values ||
        !(work->compiled ? triangle_of_squares : triangle_of_forward)(work, errors, r)) {
        return false;
    }
    bool done;
    if (has_regular(work->evaluator->model)) {
        done = add_regular(work, errors, r, vectors);
    } else {
        for (size_t i = 0; i < n; i++) {
            r[i * n + i] = errors->scale[i] == 0 ? 1 : r[i * n + i];
        }
        dense_singular(r, n, values, vectors);
        double least = work->evaluator->model->single ? sqrt(unseen_single) : unseen_root;
        done = keep_directions(context, errors, values, vectors, least * values[n - 1], true);
    }
    memory_free(context, r);
    memory_free(context, vectors);
    memory_free(context, values);
    return done;
}

/* ---- what is told ---- */

/* Names of the entries of the flat vector for which `is` says so. */
static void warn_entries(Work *work, const bool *is, const char *before, const char *after) {
    Text text;
    size_t count = 0;
    text_start(&text, work->context);
    for (size_t i = 0; i < work->n; i++) {
        if (is[i] && count++ < NAMES_SHOWN) {
            text_string(&text, count > 1 ? ", `" : "`");
            flat_name(&text, work->evaluator->model, i);
            text_string(&text, "`");
        }
    }
    if (count > NAMES_SHOWN) {
        text_format(&text, " and %zu more", count - NAMES_SHOWN);
    }
    if (count > 0 && !text.failed) {
        report_warning(work->context, "%s %s%s", before, text.data, after);
    }
    text_free(&text);
}

static bool warn_unknown(Work *work, const Errors *errors) {
    size_t n = work->n;
    size_t lost = n - errors->rank;
    bool *unknown = NEW(work->context, bool, n);
    bool *held = NEW(work->context, bool, n);
    if (!unknown || !held) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t k = 0; k < lost; k++) {
            square += errors->lost[i * lost + k] * errors->lost[i * lost + k];
        }
        unknown[i] = sqrt(square) > touched;
        held[i] = work->noticed[i] != 0;
    }
    char after[160];
    snprintf(after, sizeof after,
             ": %zu direction%s in which the objective is flat; they have no standard errors", lost,
             lost == 1 ? "" : "s");
    warn_entries(work, unknown, "the data do not identify", after);
    warn_entries(work, held, "the objective has a kink at",
                 ", held fixed; other standard errors are given that");
    memory_free(work->context, unknown);
    memory_free(work->context, held);
    return true;
}

/* How far from the optimum the params are, by a Newton step in standard errors. */
static bool measure_distance(Work *work, Errors *errors) {
    size_t n = work->n;
    double *gradient = NEW(work->context, double, n);
    if (!gradient) {
        return false;
    }
    gradient_at(work, work->params, gradient);
    double square = 0;
    for (size_t k = 0; k < errors->rank; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += errors->factor[i * errors->rank + k] * gradient[i];
        }
        square += sum * sum;
    }
    /* the factor has the unit in it: F Fᵀ = unit · H⁻¹ */
    errors->distance = errors->unit > 0 ? sqrt(square) / errors->unit : 0;
    memory_free(work->context, gradient);
    if (errors->distance > far_away) {
        report_warning(work->context,
                       "training ended about %.2g standard errors from the optimum: standard "
                       "errors are of this point; more --epochs, or another --method, go on",
                       errors->distance);
    }
    return true;
}

/* ---- the user's terms ---- */

double errors_variance(const Errors *errors, const double *row) {
    size_t n = errors->count;
    size_t lost = n - errors->rank;
    double size = 0;
    for (size_t i = 0; i < n; i++) {
        double scaled = row[i] * errors->scale[i];
        size += scaled * scaled;
    }
    for (size_t k = 0; k < lost; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += row[i] * errors->scale[i] * errors->lost[i * lost + k];
        }
        if (fabs(sum) > touched * sqrt(size)) {
            return (double)NAN;
        }
    }
    double variance = 0;
    for (size_t k = 0; k < errors->rank; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += row[i] * errors->factor[i * errors->rank + k];
        }
        variance += sum * sum;
    }
    return variance;
}

/* cov(d·θ, e·θ) */
static double covariance_of(const Errors *errors, const double *d, const double *e) {
    double sum = 0;
    for (size_t k = 0; k < errors->rank; k++) {
        double a = 0, b = 0;
        for (size_t i = 0; i < errors->count; i++) {
            a += d[i] * errors->factor[i * errors->rank + k];
            b += e[i] * errors->factor[i * errors->rank + k];
        }
        sum += a * b;
    }
    return sum;
}

/* The ends of number k's interval: of all points whose distance is the quantile, those that the
 * number changes most towards. So what a constraint makes of them keeps it, and for a number of
 * one entry these are the ends of that entry's interval. */
static bool find_interval(Viewing *viewing, const double *params, const double *row, size_t k,
                          double *values, Errors *errors) {
    size_t n = errors->count;
    double *point = NEW(viewing->context, double, n);
    bool done = point != NULL;
    double ends[2] = {0, 0};
    for (int side = 0; done && side < 2; side++) {
        double far = (side ? 1 : -1) * errors->quantile / errors->error[k];
        memcpy(point, params, n * sizeof *point);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t l = 0; l < n; l++) {
                sum += errors->covariance[i * n + l] * row[l];
            }
            point[i] += far * sum;
        }
        done = view_at(viewing, point, values);
        ends[side] = values[k];
    }
    errors->low[k] = fmin(ends[0], ends[1]);
    errors->high[k] = fmax(ends[0], ends[1]);
    memory_free(viewing->context, point);
    return done;
}

static bool correlate(Context *context, const Model *model, const double *rows, Errors *errors) {
    size_t n = errors->count;
    size_t shown = model->shown_count;
    errors->correlation = NEW(context, double, shown *shown + 1);
    for (size_t i = 0; errors->correlation && i < shown * shown; i++) {
        size_t a = i / shown;
        size_t b = i % shown;
        errors->correlation[i] = a == b ? errors->error[a] * 0 + 1
                                        : covariance_of(errors, rows + a * n, rows + b * n) /
                                              (errors->error[a] * errors->error[b]);
    }
    return errors->correlation != NULL;
}

/* numbers×n derivatives of what the user sees. */
static bool view_slopes(Viewing *viewing, double *params, size_t n, double *rows) {
    Context *context = viewing->context;
    Slope slope;
    size_t count = viewing->count;
    double *column = NEW(context, double, count + 1);
    double *weights = NEW(context, double, count + 1);
    bool done = column && weights && view_at(viewing, params, weights) &&
                slope_start(context, viewing->model, view_at, viewing, count, &slope);
    for (size_t k = 0; done && k < count; k++) {
        weights[k] = weights[k] != 0 ? 1 / fabs(weights[k]) : 1;
    }
    for (size_t i = 0; done && i < n; i++) {
        double off;
        slope.weights = weights;
        done = slope_at(&slope, params, i, column, &off);
        for (size_t k = 0; k < count; k++) {
            rows[k * n + i] = column[k];
        }
    }
    if (done) {
        slope_end(&slope);
    }
    memory_free(context, column);
    memory_free(context, weights);
    return done;
}

/* Does the number depend on entries that are held fixed, and on no others? */
static bool is_held(const Errors *errors, const double *row) {
    bool held = false;
    bool free = false;
    for (size_t i = 0; i < errors->count; i++) {
        held |= row[i] != 0 && errors->scale[i] == 0;
        free |= row[i] != 0 && errors->scale[i] != 0;
    }
    return held && !free;
}

static bool user_terms(Work *work, Errors *errors, bool correlations) {
    Context *context = work->context;
    const Model *model = work->evaluator->model;
    size_t n = work->n;
    size_t count = errors->numbers;
    Viewing viewing = {context, model, count};
    double *rows = NEW(context, double, count *n + 1);
    double *values = NEW(context, double, count + 1);
    errors->error = NEW(context, double, count + 1);
    errors->low = NEW(context, double, count + 1);
    errors->high = NEW(context, double, count + 1);
    if (!rows || !values || !errors->error || !errors->low || !errors->high ||
        !view_slopes(&viewing, work->params, n, rows)) {
        return false;
    }
    bool done = true;
    for (size_t k = 0; done && k < count; k++) {
        errors->error[k] = is_held(errors, rows + k * n)
                               ? (double)NAN
                               : sqrt(errors_variance(errors, rows + k * n));
        errors->low[k] = errors->high[k] = (double)NAN;
        if (errors->error[k] > 0) {
            done = find_interval(&viewing, work->params, rows + k * n, k, values, errors);
        } else if (errors->error[k] == 0 && view_at(&viewing, work->params, values)) {
            errors->low[k] = errors->high[k] = values[k];
        }
    }
    done = done && (!correlations || correlate(context, model, rows, errors));
    memory_free(context, rows);
    memory_free(context, values);
    return done;
}

/* ---- all of it ---- */

/* The factor and m·J in units of the noise: s² of squares. */
static bool take_unit(Work *work, Errors *errors, double squares) {
    errors->freedom = errors->residuals - (double)errors->rank;
    if (errors->freedom < 1) {
        return report_error(work->context,
                            "no standard errors: %.0f residuals do not tell how %zu params vary",
                            errors->residuals, errors->rank);
    }
    errors->deviation = sqrt(squares / errors->freedom);
    errors->unit = 2 * work->multiple * squares / errors->freedom;
    return true;
}

/* Σ w loss */
static double sum_of_losses(Work *work) {
    return evaluate_losses(work->evaluator, work->params, false) / work->weighting;
}

static double sum_of_squares(Work *work) {
    double squares = 0;
    residuals_forward(&work->residuals, work->params);
    for (int64_t i = 0; i < work->residuals.count; i++) {
        squares += residuals_square(&work->residuals, i);
    }
    return squares;
}

static bool make_squares(Work *work, Errors *errors) {
    if (!take_squares(work, errors) || !take_unit(work, errors, work->squares)) {
        return false;
    }
    for (size_t i = 0; i < errors->count * errors->rank; i++) {
        errors->factor[i] *= errors->deviation;
    }
    return true;
}

/* s of y − forward, where that is what is squared, up to a factor. */
static bool user_deviation(Work *work, Errors *errors) {
    double scale;
    if (!work->compiled || !residuals_known(work->evaluator->model, work->evaluator->data)) {
        return true;
    }
    if (!residuals_start(work->context, work->evaluator->model, work->evaluator->data, true,
                         &work->residuals)) {
        return false;
    }
    if (residuals_squared(work->context, work->evaluator, &work->residuals, work->params, &scale)) {
        errors->deviation = sqrt(sum_of_squares(work) / errors->freedom);
    }
    return true;
}

/* Does the compiler say that the losses are squares, with nothing left out? A log density with a
 * known variance has its constant besides. */
static bool squares_compiled(Work *work, Errors *errors) {
    int64_t count;
    Training *training = &work->training;
    if (errors->kind == ERRORS_LIKELIHOOD || !curvature_has_gauss(training->model) ||
        !curvature_gauss(training, NULL, &work->squares, &count)) {
        return false;
    }
    double losses = sum_of_losses(work);
    work->squares /= work->weighting;
    double allowed = work->evaluator->model->single ? 1e-3 : 1e-7;
    if (errors->kind == ERRORS_AUTO &&
        !(fabs(losses - work->squares) <= allowed * fabs(losses) + DBL_EPSILON)) {
        return false;
    }
    count -= work->zeros * (count / work->evaluator->samples);
    errors->residuals = (double)count;
    work->multiple = 1;
    return true;
}

/* From the Hessian; of squares whose residuals are not known, with Σ loss as c Σ r²: then c does
 * not matter. */
static bool make_hessian(Work *work, Errors *errors) {
    size_t n = errors->count;
    double *h = NEW(work->context, double, n *n);
    bool done = h && whole_hessian(work, h) && take_hessian(work, errors, h);
    memory_free(work->context, h);
    errors->freedom = INFINITY;
    errors->deviation = errors->unit = 1;
    if (!done || errors->kind != ERRORS_SQUARES) {
        return done;
    }
    errors->from_hessian = true;
    errors->residuals = (double)(work->evaluator->samples - work->zeros);
    work->multiple = 1;
    double squares = sum_of_losses(work);
    if (!take_unit(work, errors, squares)) {
        return false;
    }
    for (size_t i = 0; i < n * errors->rank; i++) {
        errors->factor[i] *= sqrt(errors->unit);
    }
    return true;
}

static bool choose(Work *work, Errors *errors) {
    const Model *model = work->evaluator->model;
    bool squared = false;
    bool room = (double)work->evaluator->data->rows * (double)model->forward.count *
                    (double)(work->n + 10) <
                NUMBERS_MOST;
    work->compiled = squared = squares_compiled(work, errors);
    if (!squared && errors->kind != ERRORS_LIKELIHOOD &&
        residuals_known(model, work->evaluator->data) && room) {
        if (!residuals_start(work->context, model, work->evaluator->data, true, &work->residuals)) {
            return false;
        }
        squared = residuals_squared(work->context, work->evaluator, &work->residuals, work->params,
                                    &work->multiple);
        errors->residuals = (double)work->residuals.count;
        for (int64_t i = 0; i < work->residuals.count; i++) {
            errors->residuals -= residuals_weight(&work->residuals, i) == 0;
        }
        work->squares = sum_of_squares(work);
    }
    if (errors->kind == ERRORS_AUTO) {
        errors->kind = squared ? ERRORS_SQUARES : ERRORS_LIKELIHOOD;
    }
    bool done = squared ? make_squares(work, errors) && user_deviation(work, errors)
                        : make_hessian(work, errors);
    residuals_end(work->context, &work->residuals);
    return done;
}

static bool make_covariance(Context *context, Errors *errors) {
    size_t n = errors->count;
    size_t rank = errors->rank;
    errors->covariance = NEW(context, double, n *n + 1);
    for (size_t i = 0; errors->covariance && i < n * n; i++) {
        const double *a = errors->factor + i / n * rank;
        const double *b = errors->factor + i % n * rank;
        for (size_t k = 0; k < rank; k++) {
            errors->covariance[i] += a[k] * b[k];
        }
    }
    return errors->covariance != NULL;
}

bool errors_make(Context *context, Evaluator *evaluator, double *params, ErrorsKind kind,
                 double confidence, bool correlations, Errors *errors) {
    const Model *model = evaluator->model;
    size_t n = model->parameter_count;
    *errors = (Errors){.kind = kind,
                       .count = n,
                       .numbers = model->shown_count + model->definition_total,
                       .confidence = confidence};
    if (n > ERRORS_PARAMS_MOST) {
        return report_error(context, "no standard errors: %zu params are more than %d", n,
                            ERRORS_PARAMS_MOST);
    }
    Work work = {.context = context,
                 .evaluator = evaluator,
                 .params = params,
                 .n = n,
                 .samples = (double)evaluator->samples,
                 .weighting = 1,
                 .training = {.context = context,
                              .model = model,
                              .data = evaluator->data,
                              .evaluator = evaluator,
                              .params = params,
                              .parameters = n}};
    if (evaluator->weighting > 0) {
        work.weighting = evaluator->weighting;
        work.samples = weights_sum(model, evaluator->data, &work.zeros);
    }
    work.scales = NEW(context, double, n + 1);
    work.noticed = NEW(context, double, n + 1);
    errors->scale = NEW(context, double, n + 1);
    if (!work.scales || !work.noticed || !errors->scale) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        work.scales[i] = fabs(params[i]) >= 1e-8 ? fabs(params[i]) : 1;
    }
    bool done = choose(&work, errors) && warn_unknown(&work, errors) &&
                measure_distance(&work, errors) && make_covariance(context, errors);
    errors->quantile = student_quantile((1 + confidence) / 2, errors->freedom);
    done = done && user_terms(&work, errors, correlations);
    memory_free(context, work.scales);
    memory_free(context, work.noticed);
    return done;
}

bool errors_view_slopes(Context *context, const Model *model, double *params, double *rows) {
    Viewing viewing = {context, model, model->shown_count + model->definition_total};
    return view_slopes(&viewing, params, model->parameter_count, rows);
}
