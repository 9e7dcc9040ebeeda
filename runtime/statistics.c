/* statistics.c: sufficient statistics of losses that are a polynomial of degree 2 in the params.
 *
 * The Hessian H of such a sum of losses is the same everywhere, so that from the sum l and its
 * gradient g at one point, the origin, both follow at a distance of d from there:
 *
 *     l + g·d + d·Hd / 2        g + Hd
 *
 * H takes one pass over the data; every evaluation after that takes time that does not depend on
 * the number of rows. It is not the textbook's XᵀX and Xᵀy: d is a difference of params, so what
 * cancels is small near the origin. Where rounding could matter all the same (the terms are much
 * larger than their sum), the data are asked again, and the point becomes the origin: then no digit
 * is lost that a sum over the rows keeps. Where that happens too often, it is given up. */
#include "runtime/ranks.h"

#include <math.h>
#include <string.h>

struct Statistics {
    double *curvature; /* H, once it is made */
    double *origin, *slope;
    double value;         /* at the origin */
    double *step, *sizes; /* d; Σ |terms| of each entry of the gradient */
    bool known;           /* there is an origin */
    bool off;
    bool answered;
    int64_t passes, saved;
};

enum {
    PARAMETERS_MOST = 1024,
    ROWS_EACH = 4,     /* at least, for a parameter */
    EPOCHS_LEAST = 4,  /* H costs as much as some epochs: these, */
    EPOCHS_SHARE = 16, /* and one for so many parameters */
    TRIAL = 16         /* evaluations after which it is looked whether they were saved */
};

static const double worth = 4e6;        /* products of an epoch, times epochs: a few milliseconds */
static const double digits_lost = 1e-3; /* a sum below this share of its terms is made anew */

static bool pays(const Evaluator *evaluator, int64_t epochs) {
    double n = (double)evaluator->parameters;
    double rows = (double)evaluator->samples;
    double count = (double)epochs;
    return rows >= ROWS_EACH * n && count >= EPOCHS_LEAST + n / EPOCHS_SHARE &&
           rows * n * count >= worth;
}

bool statistics_start(Context *context, Evaluator *evaluator, StatisticsUse use, int64_t epochs) {
    size_t n = evaluator->parameters;
    if (use == STATISTICS_NO || evaluator->model->single ||
        !evaluator->model->kernels[ROLE_CURVATURE].function || n > PARAMETERS_MOST ||
        (use == STATISTICS_AUTO && !pays(evaluator, epochs))) {
        return true;
    }
    Statistics *statistics = NEW(context, Statistics, 1);
    if (!statistics) {
        return false;
    }
    statistics->origin = NEW(context, double, n);
    statistics->slope = NEW(context, double, n);
    statistics->step = NEW(context, double, n);
    statistics->sizes = NEW(context, double, n);
    evaluator->statistics = statistics;
    return statistics->origin && statistics->slope && statistics->step && statistics->sizes;
}

void statistics_renew(Evaluator *evaluator) {
    if (evaluator->statistics) {
        evaluator->statistics->known = false;
    }
}

bool statistics_answered(const Evaluator *evaluator) {
    return evaluator->statistics && evaluator->statistics->answered;
}

void statistics_count(const Evaluator *evaluator, int64_t *passes, int64_t *saved) {
    const Statistics *statistics = evaluator->statistics;
    *passes = statistics && statistics->curvature ? statistics->passes : 0;
    *saved = statistics && statistics->curvature ? statistics->saved : 0;
}

double *statistics_own_curvature(Evaluator *evaluator) {
    Context *context = evaluator->context;
    const Model *model = evaluator->model;
    size_t entries = evaluator->parameters * evaluator->parameters;
    int64_t chunks = chunk_count(evaluator, entries);
    int64_t chunk = (evaluator->block + chunks - 1) / chunks;
    size_t room = model_work(context, model, &model->kernels[ROLE_CURVATURE], chunk);
    double *partials = NEW(context, double, ((size_t)chunks + 1) * entries);
    double **work = NEW(context, double *, evaluator->threads);
    bool ready = partials && work && room != SIZE_MAX;
    for (size_t i = 0; ready && i < evaluator->threads; i++) {
        work[i] = NEW(context, double, room + 1);
        ready = work[i] != NULL;
    }
    size_t workers = evaluator->threads;
    double *curvature = NULL;
    if (ready) {
        evaluate_curvature(evaluator, partials, chunks, work);
        curvature = NEW(context, double, entries);
    }
    if (curvature) {
        memcpy(curvature, partials, entries * sizeof *curvature);
    }
    for (size_t i = 0; work && i < workers; i++) {
        memory_free(context, work[i]);
    }
    memory_free(context, work);
    memory_free(context, partials);
    return curvature;
}

/* H, or NULL: there is no memory, which is no error here. */
static double *make_curvature(Evaluator *evaluator) {
    const size_t entries = evaluator->parameters * evaluator->parameters;
    bool shared = ranks_ask(evaluator, WORK_CURVATURE, NULL, NULL, 0);
    double *curvature = statistics_own_curvature(evaluator);
    if (shared && !curvature) { /* the others have made theirs: it is given up for good */
        curvature = NEW(evaluator->context, double, entries + 1);
        for (size_t i = 0; curvature && i < entries; i++) {
            curvature[i] = (double)NAN;
        }
    }
    if (shared && curvature) {
        ranks_sum(evaluator->context->ranks, 0, curvature, entries);
    }
    return curvature;
}

/* The gradient to `gradient`, Σ |terms| to sizes. */
static void add_products(const Statistics *s, double *gradient, size_t n) {
    memcpy(gradient, s->slope, n * sizeof *gradient);
    for (size_t i = 0; i < n; i++) {
        s->sizes[i] = fabs(s->slope[i]);
    }
    for (size_t j = 0; j < n; j++) {
        const double *row = s->curvature + j * n;
        for (size_t i = 0; s->step[j] != 0 && i < n; i++) {
            double term = row[i] * s->step[j];
            gradient[i] += term;
            s->sizes[i] += fabs(term);
        }
    }
}

/* The losses and (in partials) their gradient; false: digits could be lost. */
static bool estimate(Evaluator *evaluator, const double *params, double *value) {
    const Statistics *s = evaluator->statistics;
    size_t n = evaluator->parameters;
    double *gradient = evaluator->partials;
    double sum = s->value, terms = fabs(s->value), square = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        s->step[i] = params[i] - s->origin[i];
    }
    add_products(s, gradient, n);
    for (size_t i = 0; i < n; i++) { /* g·d + d·Hd / 2 = (g + (g + Hd))·d / 2 */
        sum += (s->slope[i] + gradient[i]) * s->step[i] / 2;
        terms += (fabs(s->slope[i]) + s->sizes[i]) * fabs(s->step[i]) / 2;
        square += gradient[i] * gradient[i];
        size += s->sizes[i] * s->sizes[i];
    }
    *value = sum;
    return isfinite(terms) && isfinite(size) && fabs(sum) >= digits_lost * terms &&
           square >= digits_lost * digits_lost * size;
}

/* From the data; the point is the new origin. */
static double go_through(Evaluator *evaluator, double *params) {
    Statistics *s = evaluator->statistics;
    size_t bytes = evaluator->parameters * sizeof *params;
    double value = evaluate_losses(evaluator, params, true);
    memcpy(s->origin, params, bytes);
    memcpy(s->slope, evaluator->partials, bytes);
    s->value = value;
    s->known = isfinite(value) && all_finite(s->slope, evaluator->parameters);
    s->answered = false;
    s->passes++;
    s->off = s->off || (s->passes + s->saved >= TRIAL && s->passes > s->saved);
    return value;
}

double statistics_losses(Evaluator *evaluator, double *params) {
    Statistics *s = evaluator->statistics;
    size_t n = evaluator->parameters;
    double value;
    if (s->known && !s->off && !s->curvature) {
        s->curvature = make_curvature(evaluator);
        s->off = !s->curvature || !all_finite(s->curvature, n * n);
    }
    if (!s->known || s->off || !estimate(evaluator, params, &value)) {
        return go_through(evaluator, params);
    }
    s->answered = true;
    s->saved++;
    return value;
}

/* ---- kept by checkpoints ---- */

void statistics_pack(const Evaluator *evaluator, Text *text) {
    const Statistics *s = evaluator->statistics;
    size_t bytes = evaluator->parameters * sizeof(double);
    pack_word(text,
              s ? 1 | s->known << 1 | s->off << 2 | s->answered << 3 | (s->curvature != NULL) << 4
                : 0);
    if (s) {
        pack_array(text, s->origin, bytes);
        pack_array(text, s->slope, bytes);
        pack_array(text, &s->value, sizeof s->value);
        pack_word(text, s->passes);
        pack_word(text, s->saved);
    }
}

bool statistics_unpack(Evaluator *evaluator, Unpacker *unpacker) {
    Statistics *s = evaluator->statistics;
    size_t bytes = evaluator->parameters * sizeof(double);
    int64_t flags = unpack_word(unpacker);
    if (!s || !(flags & 1)) {
        return !s && !(flags & 1);
    }
    s->known = flags & 2;
    s->off = flags & 4;
    s->answered = flags & 8;
    unpack_array(unpacker, s->origin, bytes);
    unpack_array(unpacker, s->slope, bytes);
    unpack_array(unpacker, &s->value, sizeof s->value);
    s->passes = unpack_word(unpacker);
    s->saved = unpack_word(unpacker);
    if (flags & 16) { /* made anew: it is large, and the same bits */
        s->curvature = make_curvature(evaluator);
    }
    return !(flags & 16) || s->curvature;
}
