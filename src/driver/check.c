/* check.c: --check: every value and every derivative against independent ones. The interpreter runs
 * what was lowered, before any rewrite; the gradient is compared with forward mode and with a
 * complex step (or, where a function has no complex extension, with central differences) along
 * random directions; the compiled code is run at the same points. On the edge (zeros, ties) only
 * the two modes are compared, which must keep the same convention. */
#include "driver/driver.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POINTS = 6, TRIES = 60, DIRECTIONS = 3, EDGE_POINTS = 4 };

/* Allowed differences, relative to the sum of the magnitudes of what is added up. */
static const double value_tolerance = 1e-9;
static const double exact_tolerance = 1e-7;
static const double difference_tolerance = 1e-4;

/* One function, or the batch of the loss. */
typedef struct {
    const char *name; /* as the user knows it */
    const char *value_name, *grad_name;
    Stages value, grad;
    const Ir **forward; /* by each leaf of wrt alone */
    bool differentiated;
    uint32_t *wrt;
    size_t wrt_count;
} Subject;

/* The worst relative difference of one comparison, and how often it was made. */
typedef struct {
    double worst;
    size_t points;
} Score;

typedef struct {
    Compiler *compiler;
    Arena *arena;
    Jit *jit;
    const Subject *subject;
    Text table;
} Check;

/* ---- comparing ------------------------------------------------------------------------------ */

/* Both not numbers, equal, or close by `scale`. Updates the score. */
static bool agree(double a, double b, double scale, double tolerance, Score *score) {
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    if (isinf(a) || isinf(b)) {
        return isinf(a) && isinf(b) && (a > 0) == (b > 0);
    }
    double difference = fabs(a - b) / (scale + DBL_MIN);
    if (a == b) {
        difference = 0;
    }
    score->points++;
    score->worst = fmax(score->worst, difference);
    return difference <= tolerance;
}

static _Noreturn void mismatch(const Check *check, const char *what, const char *of, double a,
                               const char *other, double b) {
    ice("check", "%s of `%s`%s%s%s is %.17g, but %s gives %.17g", what, check->subject->name,
        of != NULL ? " by `" : "", of != NULL ? of : "", of != NULL ? "`" : "", a, other, b);
}

/* A cell of the table: names are UTF-8, so printf's widths would count bytes. */
static void cell(Text *text, const char *name, size_t width) {
    text_add(text, name);
    for (size_t k = display_width(name, strlen(name)); k < width; k++) {
        text_add(text, " ");
    }
    text_add(text, " ");
}

static void row(Check *check, const char *by, const char *method, const Score *score) {
    if (score->points > 0) {
        cell(&check->table, check->subject->name, 24);
        cell(&check->table, by, 16);
        cell(&check->table, method, 20);
        text_format(&check->table, "%6zu   %.1e\n", score->points, score->worst);
    }
}

static double evaluate(const Ir *ir, const EvalInput *input, size_t output, size_t entry) {
    size_t count;
    const double *values = ir_eval_output(ir, input, output, &count);
    return entry < count ? values[entry] : 0;
}

/* ---- points --------------------------------------------------------------------------------- */

/* The next point where the function is finite; false when `*next` has come to the end. */
static bool finite_point(const Check *check, uint64_t *next, Point *point) {
    static const PointKind kinds[] = {POINT_RANDOM, POINT_POSITIVE, POINT_UNIT};
    const Ir *ir = check->subject->value.lowered;
    while (*next < TRIES) {
        uint64_t k = (*next)++;
        *point = point_make(check->arena, ir, kinds[k % 3], k + 1);
        EvalInput input = point_input(point, ir, NULL);
        size_t count;
        const double *values = ir_eval_output(ir, &input, 0, &count);
        bool finite = true;
        for (size_t i = 0; i < count; i++) {
            finite &= isfinite(values[i]) != 0;
        }
        if (finite) {
            return true;
        }
    }
    return false;
}

/* ---- derivatives ---------------------------------------------------------------------------- */

/* The point moved by `step` along a direction of leaf `leaf`. */
static Point moved(const Point *point, uint32_t leaf, const double *direction, double step) {
    Point other = *point;
    other.reals = arena_array(point->arena, double *, point->leaf_count + 1);
    memcpy(other.reals, point->reals, point->leaf_count * sizeof *other.reals);
    other.reals[leaf] = arena_array(point->arena, double, point->counts[leaf] + 1);
    for (size_t i = 0; i < point->counts[leaf]; i++) {
        other.reals[leaf][i] = point->reals[leaf][i] + step * direction[i];
    }
    return other;
}

static double central(const Ir *ir, const Point *point, uint32_t leaf, const double *direction,
                      double step) {
    Point up = moved(point, leaf, direction, step);
    Point down = moved(point, leaf, direction, -step);
    EvalInput high = point_input(&up, ir, NULL);
    EvalInput low = point_input(&down, ir, NULL);
    return (evaluate(ir, &high, 0, 0) - evaluate(ir, &low, 0, 0)) / (2 * step);
}

/* Central differences, extrapolated; false where they do not settle (a kink is near). */
static bool differences(const Ir *ir, const Point *point, uint32_t leaf, const double *direction,
                        double *result) {
    double wide = central(ir, point, leaf, direction, 2e-4);
    double narrow = central(ir, point, leaf, direction, 1e-4);
    *result = narrow + (narrow - wide) / 3;
    return fabs(narrow - wide) <= 1e-5 * (1 + fabs(narrow));
}

static bool complex_step(const Ir *ir, const Point *point, uint32_t leaf, const double *direction,
                         double *result) {
    static const double step = 1e-60;
    double *imaginary = arena_array(point->arena, double, point->counts[leaf] + 1);
    const double **all = arena_array(point->arena, const double *, ir->leaf_count + 1);
    double *real;
    double *imag;
    size_t count;
    for (size_t i = 0; i < point->counts[leaf]; i++) {
        imaginary[i] = step * direction[i];
    }
    all[leaf] = imaginary;
    EvalInput input = point_input(point, ir, NULL);
    if (!ir_eval_output_complex(ir, &input, all, 0, &count, &real, &imag) || count == 0) {
        return false;
    }
    *result = imag[0] / step;
    return isfinite(*result) != 0;
}

static double along(const double *gradient, const double *direction, size_t count,
                    double *magnitude) {
    double sum = 0;
    *magnitude = 0;
    for (size_t i = 0; i < count; i++) {
        sum += gradient[i] * direction[i];
        *magnitude += fabs(gradient[i] * direction[i]);
    }
    return sum;
}

/* The output of `ir` that is the gradient of the k-th wrt leaf. */
static size_t gradient_output(const Ir *ir, size_t k) {
    for (size_t i = 0; i < ir->output_count; i++) {
        if (ir->outputs[i].role == OUT_GRADIENT && k-- == 0) {
            return i;
        }
    }
    ice("check", "%s has not as many gradients as leaves", ir->name);
}

static double forward_mode(const Check *check, Point *point, size_t k, double *direction) {
    const Ir *ir = check->subject->forward[k];
    double **directions = arena_array(check->arena, double *, point->leaf_count + 1);
    directions[check->subject->wrt[k]] = direction;
    EvalInput input = point_input(point, ir, directions);
    for (size_t i = 0; i < ir->output_count; i++) {
        if (ir->outputs[i].role == OUT_DERIVATIVE) {
            return evaluate(ir, &input, i, 0);
        }
    }
    ice("check", "%s has no derivative", ir->name);
}

typedef struct {
    Score forward, step, difference;
} Scores;

/* One leaf at one point, along one direction. */
static void compare_direction(Check *check, Point *point, size_t k, bool edge, Scores *scores) {
    const Subject *subject = check->subject;
    const Ir *plain = subject->value.lowered;
    const Ir *reverse = subject->grad.derived;
    uint32_t leaf = subject->wrt[k];
    const char *name = plain->leaves[leaf].name;
    double *direction = point_direction(point, leaf);
    EvalInput input = point_input(point, reverse, NULL);
    size_t count;
    const double *gradient = ir_eval_output(reverse, &input, gradient_output(reverse, k), &count);
    double magnitude;
    double derivative = along(gradient, direction, count, &magnitude);
    double scale = magnitude + 1e-6 * fabs(evaluate(reverse, &input, 0, 0)) + 1e-12;
    double other = forward_mode(check, point, k, direction);
    bool both_wild = edge && !isfinite(derivative) && !isfinite(other); /* ∞ − ∞ either way */
    if (!both_wild && !agree(derivative, other, scale, exact_tolerance, &scores->forward)) {
        mismatch(check, edge ? "at an edge, the derivative" : "the derivative", name, derivative,
                 "forward mode", other);
    }
    if (edge) {
        return;
    }
    if (complex_step(plain, point, leaf, direction, &other)) {
        if (!agree(derivative, other, scale, exact_tolerance, &scores->step)) {
            mismatch(check, "the derivative", name, derivative, "a complex step", other);
        }
    } else if (differences(plain, point, leaf, direction, &other) &&
               !agree(derivative, other, scale + 1e-4 * (1 + fabs(derivative)),
                      difference_tolerance, &scores->difference)) {
        mismatch(check, "the derivative", name, derivative, "a central difference", other);
    }
}

static void compare_leaf(Check *check, size_t k) {
    static const PointKind edges[EDGE_POINTS] = {POINT_ZERO, POINT_TIE, POINT_TIE, POINT_LARGE};
    const Ir *plain = check->subject->value.lowered;
    uint64_t next = 0;
    Point point;
    Scores scores = {0};
    for (int i = 0; i < POINTS && finite_point(check, &next, &point); i++) {
        for (int d = 0; d < DIRECTIONS; d++) {
            compare_direction(check, &point, k, false, &scores);
        }
    }
    for (uint64_t i = 0; i < EDGE_POINTS; i++) {
        point = point_make(check->arena, plain, edges[i], i + 1);
        EvalInput input = point_input(&point, plain, NULL);
        if (isfinite(evaluate(plain, &input, 0, 0))) {
            compare_direction(check, &point, k, true, &scores);
        }
    }
    const char *name = plain->leaves[check->subject->wrt[k]].name;
    row(check, name, "forward mode", &scores.forward);
    row(check, name, "complex step", &scores.step);
    row(check, name, "central differences", &scores.difference);
}

/* ---- compiled code -------------------------------------------------------------------------- */

/* Room for all outputs of a program, and the flat gradient; the last gets as many doubles. */
static double **make_outputs(const Check *check, const Ir *ir, const EvalInput *input,
                             double **gradient, double **expected, size_t *gradient_count) {
    double **outputs = arena_array(check->arena, double *, ir->output_count + 1);
    size_t total = 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        size_t count;
        ir_eval_output(ir, input, k, &count);
        outputs[k] = arena_array(check->arena, double, count + 1);
        total += ir->outputs[k].role == OUT_GRADIENT ? count : 0;
    }
    *gradient = arena_array(check->arena, double, total + 1);
    *expected = arena_array(check->arena, double, total + 1);
    *gradient_count = total;
    size_t at = 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        if (ir->outputs[k].role == OUT_GRADIENT) {
            size_t count;
            const double *values = ir_eval_output(ir, input, k, &count);
            memcpy(*expected + at, values, count * sizeof *values);
            at += count;
        }
    }
    return outputs;
}

static double scale_of(const double *values, size_t count) {
    double scale = 1e-3;
    for (size_t i = 0; i < count; i++) {
        scale = isfinite(values[i]) ? fmax(scale, fabs(values[i])) : scale;
    }
    return scale;
}

static void compare_entries(Check *check, const char *method, const char *what,
                            const double *expected, const double *found, size_t count,
                            Score *score) {
    double scale = scale_of(expected, count);
    for (size_t i = 0; i < count; i++) {
        if (!agree(found[i], expected[i], scale, value_tolerance, score)) {
            mismatch(check, arena_format(check->arena, "entry %zu of the %s", i, what), NULL,
                     found[i], arena_format(check->arena, "the interpreter (against %s)", method),
                     expected[i]);
        }
    }
}

typedef struct {
    const char *method;
    void *code; /* NULL: the loop program is interpreted */
} Backend;

/* Runs one program at one point and compares all that it gives. */
static void compare_program(Check *check, const Backend *backend, const Stages *stages,
                            const Point *point, Score *score) {
    const LoopProgram *program = stages->program;
    const Ir *ir = stages->derived;
    double *gradient;
    double *expected;
    size_t gradient_count;
    EvalInput input = point_input(point, ir, NULL);
    double **outputs = make_outputs(check, ir, &input, &gradient, &expected, &gradient_count);
    LoopArgValue *args = point_args(point, program, outputs, gradient);
    double result = 0;
    if (backend->code == NULL) {
        result = loop_run(program, check->arena, args);
    } else if (!call_native(backend->code, program, args, &result)) {
        return;
    }
    compare_entries(check, backend->method, "gradient", expected, gradient, gradient_count, score);
    for (size_t k = 0; k < ir->output_count; k++) {
        size_t count;
        const double *values = ir_eval_output(ir, &input, k, &count);
        if (ir->outputs[k].role == OUT_VALUE) {
            compare_entries(check, backend->method, "value", values, &result, 1, score);
        } else if (ir->outputs[k].role == OUT_ARRAY) {
            compare_entries(check, backend->method, "value", values, outputs[k], count, score);
        }
    }
}

/* The value as written, with the derivatives in it by reverse mode, and as it is compiled. */
static void compare_value(Check *check) {
    const Ir *plain = check->subject->value.lowered;
    const Ir *compiled = check->subject->value.derived;
    Score score = {0};
    uint64_t next = 0;
    Point point;
    for (int i = 0; i < POINTS && finite_point(check, &next, &point); i++) {
        EvalInput input = point_input(&point, plain, NULL);
        EvalInput other = point_input(&point, compiled, NULL);
        for (size_t k = 0; k < plain->output_count; k++) {
            size_t count;
            size_t same;
            const double *expected = ir_eval_output(plain, &input, k, &count);
            const double *found = ir_eval_output(compiled, &other, k, &same);
            compare_entries(check, "reverse mode in its parts", "value", expected, found, count,
                            &score);
        }
    }
    row(check, "", "as written", &score);
}

static void compare_backend(Check *check, const char *method, bool native) {
    const Subject *subject = check->subject;
    Backend value = {.method = method};
    Backend grad = {.method = method};
    Score score = {0};
    if (native) {
        value.code = jit_lookup(check->jit, subject->value_name);
        grad.code = jit_lookup(check->jit, subject->grad_name);
        if (value.code == NULL || (subject->differentiated && grad.code == NULL)) {
            ice("check", "the compiled code has no `%s`", subject->value_name);
        }
    }
    uint64_t next = 0;
    Point point;
    for (int i = 0; i < POINTS && finite_point(check, &next, &point); i++) {
        compare_program(check, &value, &subject->value, &point, &score);
        if (subject->differentiated) {
            compare_program(check, &grad, &subject->grad, &point, &score);
        }
    }
    row(check, "", method, &score);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Forward mode by one leaf at a time: where another's direction is 0, its derivative may be ∞. */
static bool forward_by_each(Compiler *compiler, Subject *subject) {
    Diff diff = {.rules = &compiler->rules, .diags = compiler->front.diags};
    subject->forward = arena_array(compiler->arena, const Ir *, subject->wrt_count + 1);
    for (size_t k = 0; k < subject->wrt_count; k++) {
        subject->forward[k] = diff_forward(&diff, subject->value.ir, 0, &subject->wrt[k], 1);
        if (subject->forward[k] == NULL) {
            return false;
        }
    }
    return true;
}

static bool prepare(Compiler *compiler, Subject *subject, Request request) {
    subject->value_name = request.name;
    subject->grad_name = arena_format(compiler->arena, "%s_grad", request.name);
    if (!compile_entry(compiler, &request, &subject->value)) {
        return false;
    }
    const Ir *ir = subject->value.ir;
    subject->differentiated =
        request.entry != ENTRY_METRIC && entries_is_scalar(ir) && entries_has_wrt(compiler, ir);
    if (!subject->differentiated) {
        return true;
    }
    if (!compile_wrt(compiler, ir, request.all_params, &subject->wrt, &subject->wrt_count)) {
        return false;
    }
    request.name = subject->grad_name;
    request.derive = DERIVE_GRADIENT;
    if (!compile_entry(compiler, &request, &subject->grad)) {
        return false;
    }
    return forward_by_each(compiler, subject);
}

/* All functions that the options ask for: by default all but metrics, and the batch.
 */
static bool prepare_all(Compiler *compiler, Subject **subjects, size_t *count) {
    const Model *model = compiler->model;
    const char *only = compiler->options->function;
    const ModelFunction **asked;
    size_t asked_count;
    if (only != NULL && !entries_functions(compiler, &asked, &asked_count)) {
        return false;
    }
    *subjects = arena_array(compiler->arena, Subject, model->function_count + 1);
    *count = 0;
    for (size_t k = 0; k < model->function_count; k++) {
        const ModelFunction *function = &model->functions[k];
        bool wanted = only != NULL ? function == asked[0]
                                   : function->role != FUNCTION_METRIC &&
                                         function->role != FUNCTION_OWN_PRIOR;
        Subject *subject = &(*subjects)[*count];
        subject->name = function->name;
        if (wanted && !prepare(compiler, subject,
                               (Request){.entry = ENTRY_FUNCTION,
                                         .function = function,
                                         .name = entries_name(compiler, function->name, "")})) {
            return false;
        }
        *count += wanted;
    }
    if (only == NULL && model->loss != NULL && model->param_count > 0) {
        Subject *subject = &(*subjects)[(*count)++];
        subject->name = "loss, batch";
        return prepare(compiler, subject,
                       (Request){.entry = ENTRY_BATCH_MEAN,
                                 .all_params = true,
                                 .name = entries_name(compiler, "loss", "batch")});
    }
    return true;
}

static Jit *compile_subjects(Compiler *compiler, const Subject *subjects, size_t count) {
    LoopProgram **programs = arena_array(compiler->arena, LoopProgram *, 2 * count + 1);
    size_t made = 0;
    for (size_t k = 0; k < count; k++) {
        programs[made++] = subjects[k].value.program;
        if (subjects[k].differentiated) {
            programs[made++] = subjects[k].grad.program;
        }
    }
    Unit unit = {.model_name = compiler->model->name,
                 .prefix = compiler->model->c_prefix,
                 .source_path = compiler->options->input,
                 .sources = compiler->front.sources,
                 .functions = programs,
                 .function_count = made};
    LlvmOptions options = output_llvm_options(compiler);
    return jit_create(llvm_build(compiler->arena, &unit, &options));
}

Status check_model(Compiler *compiler) {
    Subject *subjects;
    size_t count;
    if (!prepare_all(compiler, &subjects, &count)) {
        return STATUS_ERROR;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    Check check = {.compiler = compiler, .arena = compiler->arena};
    text_init(&check.table, compiler->arena);
    text_format(&check.table, "%-24s %-16s %-20s %6s   %s\n", "function", "by", "compared with",
                "times", "worst");
    check.jit = compile_subjects(compiler, subjects, count);
    for (size_t k = 0; k < count; k++) {
        check.subject = &subjects[k];
        for (size_t leaf = 0; subjects[k].differentiated && leaf < subjects[k].wrt_count; leaf++) {
            compare_leaf(&check, leaf);
        }
        compare_value(&check);
        compare_backend(&check, "loop program", false);
        compare_backend(&check, "machine code", true);
    }
    jit_destroy(check.jit);
    const char *error =
        file_write(compiler->arena, "-", check.table.data, check.table.length, false);
    if (error != NULL) {
        fatal("%s", error);
    }
    return STATUS_OK;
}
