/* curvature.c: second derivatives of the objective (curvature.h). Sums of squares are factored
 * chunk by chunk: the rows of a chunk are rotated into its triangle, and the triangles into one, in
 * the order of the chunks. So a digit is lost where J has lost it, not where JᵀJ has. */
#include "runtime/curvature.h"
#include "runtime/ranks.h"

#include <math.h>
#include <string.h>

enum {
    ROOM = 1 << 17, /* reals of a block of residuals, as far as samples can be cut */
    BLOCK = 512,    /* samples of one, at most */
    TRIANGLES = 64, /* chunks, at most */
};

struct Curvature {
    double **work;    /* of kernel hvp, by worker */
    void *direction;  /* as kernels take it */
    double *shift[2]; /* where a model has no such kernel: params beside, and the gradient there */
    /* of kernel gauss */
    int64_t block, chunks;
    double **blocks, **gauss_work; /* by worker */
    double *triangles;             /* by chunk */
    double *unit, *product;
};

static struct Curvature *find(Training *training) {
    if (!training->curvature) {
        size_t n = training->parameters;
        Context *context = training->context;
        struct Curvature *c = NEW(context, struct Curvature, 1);
        if (!c) {
            return NULL;
        }
        c->direction = NEW(context, double, n + 1);
        c->unit = NEW(context, double, n + 1);
        c->product = NEW(context, double, n + 1);
        if (!c->direction || !c->unit || !c->product) {
            return NULL;
        }
        training->curvature = c;
    }
    return training->curvature;
}

/* Scratch for a kernel over so many samples, by worker; NULL: reported. */
static double **make_work(const Training *training, const Kernel *kernel, int64_t samples) {
    const Evaluator *evaluator = training->evaluator;
    size_t size = model_work(training->context, training->model, kernel, samples);
    double **work = NEW(training->context, double *, evaluator->threads);
    bool ok = work && size != SIZE_MAX;
    for (size_t i = 0; ok && i < evaluator->threads; i++) {
        work[i] = NEW(training->context, double, size + 1);
        ok = work[i] != NULL;
    }
    return ok ? work : NULL;
}

/* ---- Hessians
 * ---------------------------------------------------------------------------------------- */

/* m·J's gradient at params + step · v, to shift[1]. */
static void slope_at(Training *training, const double *v, double step) {
    struct Curvature *c = training->curvature;
    for (size_t i = 0; i < training->parameters; i++) {
        c->shift[0][i] = training->params[i] + step * v[i];
    }
    evaluate(training->evaluator, c->shift[0], c->shift[1]);
}

/* Central differences, without the h² of their error: (8 (g(h) − g(−h)) − g(2h) + g(−2h)) / 12h. */
static bool by_differences(Training *training, const double *v, double *hv) {
    static const double weights[4][2] = {{1, 8}, {-1, -8}, {2, -1}, {-2, 1}};
    struct Curvature *c = training->curvature;
    size_t n = training->parameters;
    double length = 0; /* of v, where each param is its own unit */
    double step = training->model->single ? 2e-2 : 1e-3;
    for (size_t i = 0; i < n; i++) {
        double size = fabs(training->params[i]);
        length = fmax(length, fabs(v[i]) / (size > 0 ? size : 1));
    }
    for (int k = 0; k < 2 && !c->shift[k]; k++) {
        c->shift[k] = NEW(training->context, double, n + 1);
    }
    if (!c->shift[0] || !c->shift[1]) {
        return false;
    }
    memset(hv, 0, n * sizeof *hv);
    for (size_t k = 0; length > 0 && k < 4; k++) {
        double h = step / length;
        slope_at(training, v, weights[k][0] * h);
        for (size_t i = 0; i < n; i++) {
            hv[i] +=
                weights[k][1] * c->shift[1][i] / (12 * h) * (double)training->evaluator->samples;
        }
    }
    return true;
}

/* Are there kernels for all that has second derivatives? */
static bool has_regular(const Model *model) {
    const Kernel *kernels = model->kernels;
    return (!kernels[ROLE_REGULAR].function || kernels[ROLE_REGULAR_HVP].function) &&
           (!kernels[ROLE_PRIOR].function || kernels[ROLE_PRIOR_HVP].function);
}

static bool product_work(Training *training) {
    struct Curvature *c = training->curvature;
    if (!c->work) {
        c->work =
            make_work(training, &training->model->kernels[ROLE_HVP], training->evaluator->chunk);
    }
    return c->work != NULL;
}

bool curvature_own_product(Training *training, const void *direction) {
    bool ready = find(training) && product_work(training);
    if (ready) {
        evaluate_own_product(training->evaluator, training->params, direction,
                             training->curvature->work);
    }
    return ready;
}

bool curvature_product(Training *training, const double *v, double *hv) {
    struct Curvature *c = find(training);
    const Model *model = training->model;
    Evaluator *evaluator = training->evaluator;
    size_t n = training->parameters;
    if (!c) {
        return false;
    }
    if (!model->kernels[ROLE_HVP].function || !has_regular(model)) {
        return by_differences(training, v, hv);
    }
    if (!product_work(training)) {
        return false;
    }
    reals_narrow(model, c->direction, v, n);
    evaluate_regular_product(evaluator, training->params, c->direction, hv);
    evaluate_product(evaluator, training->params, c->direction, c->work);
    for (size_t i = 0; i < n; i++) {
        hv[i] += evaluator->partials[i];
    }
    return true;
}

typedef bool Product(Training *training, const double *v, double *hv);

/* The matrix of a symmetric product. */
static bool by_products(Training *training, Product *product, double *h) {
    struct Curvature *c = find(training);
    size_t n = training->parameters;
    for (size_t i = 0; c && i < n; i++) {
        memset(c->unit, 0, n * sizeof(double));
        c->unit[i] = 1;
        if (!product(training, c->unit, h + i * n)) {
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            h[i * n + j] = h[j * n + i] = (h[i * n + j] + h[j * n + i]) / 2;
        }
    }
    return c != NULL;
}

bool curvature_hessian(Training *training, double *h) {
    return by_products(training, curvature_product, h);
}

static bool regular_product(Training *training, const double *v, double *hv) {
    struct Curvature *c = training->curvature;
    reals_narrow(training->model, c->direction, v, training->parameters);
    evaluate_regular_product(training->evaluator, training->params, c->direction, hv);
    return true;
}

bool curvature_regular(Training *training, double *h) {
    const Kernel *kernels = training->model->kernels;
    size_t n = training->parameters;
    if (!kernels[ROLE_REGULAR].function && !kernels[ROLE_PRIOR].function) {
        memset(h, 0, n * n * sizeof *h);
        return true;
    }
    return by_products(training, regular_product, h);
}

/* ---- sums of squares
 * ---------------------------------------------------------------------------------------- */

/* Takes column k of the rows into the triangle's row k: a Householder reflection of both. */
static void reflect(double *top, double *rows, int64_t count, size_t k, size_t width,
                    double *sums) {
    double square = 0;
    for (int64_t i = 0; i < count; i++) {
        square += rows[(size_t)i * width + k] * rows[(size_t)i * width + k];
    }
    if (square == 0) {
        return;
    }
    double head = top[k];
    double length = copysign(sqrt(head * head + square), -head);
    double first = head - length; /* the reflection's vector: `first`, then the column */
    double factor = 1 / (length * first);
    for (size_t j = k + 1; j < width; j++) {
        sums[j] = first * top[j];
    }
    for (int64_t i = 0; i < count; i++) {
        const double *row = rows + (size_t)i * width;
        for (size_t j = k + 1; row[k] != 0 && j < width; j++) {
            sums[j] += row[k] * row[j];
        }
    }
    for (size_t j = k + 1; j < width; j++) {
        sums[j] *= factor;
        top[j] += first * sums[j];
    }
    for (int64_t i = 0; i < count; i++) {
        double *row = rows + (size_t)i * width;
        for (size_t j = k + 1; row[k] != 0 && j < width; j++) {
            row[j] += row[k] * sums[j];
        }
    }
    top[k] = length;
}

void curvature_add_rows(double *triangle, size_t height, double *rows, int64_t count, size_t width,
                        double *sums) {
    for (size_t k = 0; k < height; k++) {
        reflect(triangle + k * width, rows, count, k, width, sums);
    }
}

static int64_t residual_count(const Model *model, int64_t samples) {
    int64_t count = 0;
    const char *rpn = model->residuals;
    return rpn && model_size(model, rpn, samples, &count) ? count : 0;
}

bool curvature_has_gauss(const Model *model) {
    return model->kernels[ROLE_GAUSS].function && has_regular(model) &&
           model->parameter_count <= CURVATURE_GAUSS && residual_count(model, 1) > 0;
}

static bool start_gauss(Training *training) {
    struct Curvature *c = find(training);
    const Evaluator *evaluator = training->evaluator;
    Context *context = training->context;
    if (!c || c->triangles) {
        return c != NULL;
    }
    size_t width = training->parameters + 1;
    int64_t each = residual_count(training->model, 1) * (int64_t)width;
    c->block = each < ROOM ? ROOM / each : 1;
    c->block = c->block > BLOCK ? BLOCK : c->block;
    c->block = c->block > evaluator->held ? evaluator->held : c->block;
    c->block = c->block < 1 ? 1 : c->block;
    c->chunks = (evaluator->held + c->block - 1) / c->block;
    c->chunks = c->chunks < 1 ? 1 : c->chunks;
    c->chunks = c->chunks > TRIANGLES ? TRIANGLES : c->chunks;
    int64_t room = (int64_t)(ROOM * 8 / (width * width));
    c->chunks = c->chunks > room ? room > 0 ? room : 1 : c->chunks;
    c->gauss_work = make_work(training, &training->model->kernels[ROLE_GAUSS], c->block);
    c->blocks = NEW(context, double *, evaluator->threads);
    bool ok = c->gauss_work && c->blocks;
    for (size_t i = 0; ok && i < evaluator->threads; i++) { /* the sums of add_rows follow it */
        c->blocks[i] = NEW(context, double, (size_t)(c->block * each) + width);
        ok = c->blocks[i] != NULL;
    }
    c->triangles = ok ? NEW(context, double, (size_t)c->chunks *width *width) : NULL;
    return c->triangles != NULL;
}

static void do_triangle(void *argument, size_t item, size_t worker) {
    Training *training = argument;
    const struct Curvature *c = training->curvature;
    Evaluator *evaluator = training->evaluator;
    size_t width = training->parameters + 1;
    size_t each = (size_t)residual_count(training->model, 1) * width;
    double *triangle = c->triangles + item * width * width;
    double *rows = c->blocks[worker];
    int64_t chunk = (evaluator->held + c->chunks - 1) / c->chunks;
    int64_t first = (int64_t)item * chunk;
    int64_t end = first + chunk < evaluator->held ? first + chunk : evaluator->held;
    double *params = evaluator->reals ? evaluator->reals : training->params;
    memset(triangle, 0, width * width * sizeof *triangle);
    for (; first < end; first += c->block) {
        int64_t count = end - first < c->block ? end - first : c->block;
        Part part = evaluate_move(evaluator, first, count, evaluator->moved[worker]);
        size_t size = evaluate_rows(evaluator, &training->model->kernels[ROLE_GAUSS], params, &part,
                                    each, rows, c->gauss_work[worker]);
        curvature_add_rows(triangle, width, rows, (int64_t)(size / width), width, rows + size);
    }
}

bool curvature_own_factor(Training *training, double *r) {
    if (!curvature_has_gauss(training->model) || !start_gauss(training)) {
        return false;
    }
    const struct Curvature *c = training->curvature;
    Evaluator *evaluator = training->evaluator;
    size_t width = training->parameters + 1;
    size_t size = width * width;
    if (evaluator->reals) {
        reals_narrow(training->model, evaluator->reals, training->params, training->parameters);
    }
    /* windows of data on disk are one thread's work */
    threads_run(evaluator->data->store ? NULL : evaluator->pool, do_triangle, training,
                (size_t)c->chunks);
    for (int64_t k = 1; k < c->chunks; k++) {
        curvature_add_rows(c->triangles, width, c->triangles + (size_t)k * size, (int64_t)width,
                           width, r);
    }
    memcpy(r, c->triangles, size * sizeof *r);
    return true;
}

void curvature_join(void *closure, double *mine, double *other, size_t count) {
    const Training *training = closure;
    size_t width = training->parameters + 1;
    const struct Curvature *c = training->curvature;
    (void)count;
    curvature_add_rows(mine, width, other, (int64_t)width, width, c->triangles);
}

bool curvature_factor(Training *training, double *r, int64_t *residuals) {
    if (!curvature_has_gauss(training->model) || !start_gauss(training)) {
        return false;
    }
    const Evaluator *evaluator = training->evaluator;
    size_t width = training->parameters + 1;
    bool shared = ranks_ask(evaluator, WORK_FACTOR, training->params, NULL, 0);
    bool done = curvature_own_factor(training, r);
    if (shared) {
        done = ranks_reduce(evaluator->context->ranks, r, width * width, curvature_join, training);
    }
    if (!done) {
        return false;
    }
    if (residuals) {
        *residuals = residual_count(training->model, evaluator->samples);
    }
    return true;
}

bool curvature_gauss(Training *training, double *jtj, double *rss, int64_t *residuals) {
    size_t n = training->parameters;
    size_t width = n + 1;
    double *r =
        curvature_has_gauss(training->model) ? NEW(training->context, double, width *width) : NULL;
    if (!r || !curvature_factor(training, r, residuals)) {
        return false;
    }
    for (size_t i = 0; jtj && i < n; i++) {
        for (size_t j = i; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k <= i; k++) {
                sum += r[k * width + i] * r[k * width + j];
            }
            jtj[i * n + j] = jtj[j * n + i] = sum;
        }
    }
    double sum = 0;
    for (size_t k = 0; k < width; k++) {
        sum += r[k * width + n] * r[k * width + n];
    }
    if (rss) {
        *rss = sum;
    }
    memory_free(training->context, r);
    return true;
}
