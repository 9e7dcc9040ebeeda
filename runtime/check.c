/* check.c: `check`: the compiled gradient against central differences of the compiled objective, on
 * the user's data, at the start and at random points near it. */
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

enum { POINTS = 3, COMPONENTS_MAX = 64 };

static const double limit = 1e-5; /* beyond what differences of doubles can be off */
static const double single_limit = 1e-3;

typedef struct {
    Session *session;
    Evaluator *evaluator;
    double *params, *gradient;
    Random random;
    double worst, worst_here; /* of all points, of this one */
    char *worst_name;
    int64_t compared;
} Check;

typedef struct {
    double slope;
    double blur; /* what rounding, and kinks between the two sides (relu, abs), may account for */
} Slope;

static Slope measure(Check *check, size_t at, double value, double h) {
    double x = check->params[at];
    const Model *model = check->session->model;
    volatile double above = real_rounded(model, x + h);
    volatile double below = real_rounded(model, x - h);
    check->params[at] = above;
    double high = evaluate(check->evaluator, check->params, NULL);
    check->params[at] = below;
    double low = evaluate(check->evaluator, check->params, NULL);
    check->params[at] = x;
    double kink = fabs((high - value) / (above - x) - (value - low) / (x - below));
    const double steps_of_rounding = model->single ? 64 : 8; /* doubles sum up what floats lose */
    double rounding = steps_of_rounding * real_epsilon(model) * fmax(fabs(high), fabs(low)) / h;
    return (Slope){(high - low) / (above - below), kink + rounding};
}

/* The relative difference by the step that tells most. What the next best step says otherwise is
 * held for it: slopes that do not agree with each other are no judges. */
static double compare(Check *check, size_t at, double value) {
    static const double doubles[] = {6e-6, 3e-5, 4e-4};
    static const double singles[] = {4e-3, 2e-2, 6e-2};
    const double *steps = check->session->model->single ? singles : doubles;
    double x = fabs(check->params[at]);
    double g = check->gradient[at];
    Slope best = {0, INFINITY};
    Slope second = {0, INFINITY};
    for (int k = 0; k < 6; k++) {
        Slope slope =
            measure(check, at, value, steps[k % 3] * (k < 3 ? fmax(1, x) : fmax(1e-3, x)));
        if (slope.blur < best.blur) {
            second = best;
            best = slope;
        } else if (slope.blur < second.blur) {
            second = slope;
        }
    }
    if (!isfinite(value) || !isfinite(g) || !isfinite(best.blur)) {
        return INFINITY;
    }
    double allowed = best.blur + (isfinite(second.blur) ? fabs(best.slope - second.slope) : 0);
    double off = fmax(0, fabs(best.slope - g) - allowed);
    return off == 0 ? 0 : off / fmax(fabs(g), fabs(best.slope));
}

static char *component_name(Check *check, const Param *param, int64_t k) {
    if (param->size) {
        return memory_format(check->session->context, "%s, entry %lld without its constraint",
                             param->name, (long long)k);
    }
    if (param->shape.rank == 0) {
        return memory_format(check->session->context, "%s", param->name);
    }
    Text text;
    text_start(&text, check->session->context);
    text_format(&text, "%s[", param->name);
    int64_t block = param->shape.count;
    for (size_t axis = 0; axis < param->shape.rank; axis++) {
        block /= param->shape.shape[axis];
        text_format(&text, "%s%lld", axis ? ", " : "", (long long)(k / block));
        k %= block;
    }
    text_string(&text, "]");
    return text.failed ? NULL : text.data;
}

static bool check_param(Check *check, const Param *param, double value) {
    int64_t count = (int64_t)param->count;
    bool all = count <= COMPONENTS_MAX;
    for (int64_t i = 0; i < (all ? count : COMPONENTS_MAX); i++) {
        int64_t k = all ? i : random_below(&check->random, count);
        double off = compare(check, param->offset + (size_t)k, value);
        check->compared++;
        check->worst_here = off > check->worst_here ? off : check->worst_here;
        if (off > check->worst || !check->worst_name) {
            char *name = component_name(check, param, k);
            if (!name) {
                return false;
            }
            memory_free(check->session->context, check->worst_name);
            check->worst = off;
            check->worst_name = name;
        }
    }
    return true;
}

static bool check_point(Check *check, int point) {
    const Model *model = check->session->model;
    for (size_t i = 0; i < model->parameter_count; i++) {
        double start = check->session->params[i];
        double move = point ? 0.2 * (random_unit(&check->random) - 0.5) * (1 + fabs(start)) : 0;
        check->params[i] = real_rounded(model, start + move);
    }
    double value = evaluate(check->evaluator, check->params, check->gradient);
    char number[NUMBER_SIZE];
    number_write(number, value, true);
    check->worst_here = 0;
    for (size_t i = 0; i < model->param_count; i++) {
        if (!check_param(check, &model->params[i], value)) {
            return false;
        }
    }
    printf("point %d (%s): objective = %s, beyond the error of differences: %.2g\n", point,
           point ? "random" : "start", number, check->worst_here);
    return true;
}

int command_check(Session *session) {
    Evaluator evaluator;
    Model *model = session->model;
    Check check = {.session = session, .evaluator = &evaluator};
    if (!model->kernels[ROLE_OBJECTIVE].function || !model->kernels[ROLE_GRADIENT].function ||
        model->parameter_count == 0) {
        report_error(session->context, "model `%s` has nothing to check: no loss or no params",
                     model->name);
        return STATUS_FAILED;
    }
    check.params = NEW(session->context, double, model->parameter_count);
    check.gradient = NEW(session->context, double, model->parameter_count);
    random_start(&check.random, session->seed);
    if (!check.params || !check.gradient ||
        !evaluator_start(session->context, &evaluator, model, &session->data,
                         (size_t)session->threads, 1, SLOPES_OF_ALL)) {
        return STATUS_FAILED;
    }
    bool done = true;
    for (int point = 0; point < POINTS && done; point++) {
        done = check_point(&check, point);
    }
    evaluator_end(&evaluator);
    if (!done) {
        return STATUS_FAILED;
    }
    if (!(check.worst <= (model->single ? single_limit : limit))) {
        report_error(session->context,
                     "the gradient and central differences disagree by %.2g in `%s`", check.worst,
                     check.worst_name);
        return STATUS_FAILED;
    }
    printf("%lld derivatives agree with central differences, within the error of these%s",
           (long long)check.compared, check.worst > 0 ? "" : "\n");
    if (check.worst > 0) {
        printf(" and %.2g\n", check.worst);
    }
    return STATUS_OK;
}
