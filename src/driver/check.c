/* check.c: --check: every value and every derivative against independent ones. The interpreter runs
 * what was lowered, before any rewrite; the gradient is compared with forward mode and with a
 * complex step (or, where a function has no complex extension, with central differences) along
 * random directions; the compiled code is run at the same points. On the edge (zeros, ties) only
 * the two modes are compared, which must keep the same convention. */
#include "driver/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- comparing ------------------------------------------------------------------------------ */

/* Both not numbers, equal, or close by `scale`. Updates the score. */
bool check_agree(double a, double b, double scale, double tolerance, Score *score) {
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

_Noreturn void check_mismatch(const Check *check, const char *what, const char *of, double a,
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

void check_row(Check *check, const char *by, const char *method, const Score *score) {
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
bool check_point(const Check *check, uint64_t *next, Point *point) {
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

/* The point moved by `step` along directions of some leaves. */
static Point moved(const Point *point, double *const *directions, double step) {
    Point other = *point;
    other.reals = arena_array(point->arena, double *, point->leaf_count + 1);
    memcpy(other.reals, point->reals, point->leaf_count * sizeof *other.reals);
    for (size_t k = 0; k < point->leaf_count; k++) {
        if (directions[k] == NULL) {
            continue;
        }
        other.reals[k] = arena_array(point->arena, double, point->counts[k] + 1);
        for (size_t i = 0; i < point->counts[k]; i++) {
            other.reals[k][i] = point->reals[k][i] + step * directions[k][i];
        }
    }
    return other;
}

/* Differences of all entries of output `k`. */
static void central(const Ir *ir, const Point *point, double *const *directions, size_t k,
                    uint64_t noise, double step, double *result) {
    Point up = moved(point, directions, step);
    Point down = moved(point, directions, -step);
    EvalInput high = point_input(&up, ir, NULL);
    EvalInput low = point_input(&down, ir, NULL);
    high.noise = noise;
    low.noise = noise != 0 ? ~noise : 0;
    size_t count;
    const double *above = ir_eval_output(ir, &high, k, &count);
    const double *below = ir_eval_output(ir, &low, k, &count);
    for (size_t i = 0; i < count; i++) {
        result[i] = (above[i] - below[i]) / (2 * step);
    }
}

/* Central differences, extrapolated; false where they do not settle (a kink is near). */
static bool differences(const Ir *ir, const Point *point, double *const *directions, size_t k,
                        uint64_t noise, double *result, size_t count) {
    double *wide = arena_array(point->arena, double, count + 1);
    central(ir, point, directions, k, noise, 2e-4, wide);
    central(ir, point, directions, k, noise, 1e-4, result);
    for (size_t i = 0; i < count; i++) {
        double narrow = result[i];
        result[i] = narrow + (narrow - wide[i]) / 3;
        if (!(fabs(narrow - wide[i]) <= 1e-5 * (1 + fabs(narrow)))) {
            return false;
        }
    }
    return true;
}

/* Does an output see what no derivative does? Differences would see it too. */
static bool stops_gradients(const Ir *ir) {
    const bool *reached = ir_reach_outputs(ir);
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        if (reached[v] && node->op == OP_CALL && node->as.builtin == BI_stop_gradient) {
            return true;
        }
    }
    return false;
}

static bool complex_step(const Ir *ir, const Point *point, double *const *directions, size_t k,
                         uint64_t noise, double *result) {
    static const double step = 1e-60;
    const double **all = arena_array(point->arena, const double *, ir->leaf_count + 1);
    double *real;
    double *imag;
    size_t count;
    for (size_t leaf = 0; leaf < point->leaf_count; leaf++) {
        if (directions[leaf] != NULL) {
            double *imaginary = arena_array(point->arena, double, point->counts[leaf] + 1);
            for (size_t i = 0; i < point->counts[leaf]; i++) {
                imaginary[i] = step * directions[leaf][i];
            }
            all[leaf] = imaginary;
        }
    }
    EvalInput input = point_input(point, ir, NULL);
    input.noise = noise;
    if (!ir_eval_output_complex(ir, &input, all, k, &count, &real, &imag) || count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        result[i] = imag[i] / step;
        if (!isfinite(result[i])) {
            return false;
        }
    }
    return true;
}

bool check_directional(const Ir *ir, const Point *point, double *const *directions, size_t k,
                       uint64_t noise, double *result, bool *exact) {
    EvalInput input = point_input(point, ir, NULL);
    size_t count;
    ir_eval_output(ir, &input, k, &count);
    *exact = complex_step(ir, point, directions, k, noise, result);
    return *exact ||
           (!stops_gradients(ir) && differences(ir, point, directions, k, noise, result, count));
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

static double forward_mode(const Check *check, const Point *point, size_t k, double *direction,
                           uint64_t noise) {
    const Ir *ir = check->subject->forward[k];
    double **directions = arena_array(check->arena, double *, point->leaf_count + 1);
    directions[check->subject->wrt[k]] = direction;
    EvalInput input = point_input(point, ir, directions);
    input.noise = noise;
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

/* The derivative by a leaf along a direction, as each mode gives it. */
typedef struct {
    const Point *point;
    double *direction;
    size_t k; /* the leaf is wrt[k] */
} Along;

static double *again_reverse(const Check *check, const void *of, uint64_t noise) {
    const Along *a = of;
    const Ir *reverse = check->subject->made[DERIVATIVE_grad].derived;
    EvalInput input = point_input(a->point, reverse, NULL);
    size_t count;
    double magnitude;
    input.noise = noise;
    const double *gradient =
        ir_eval_output(reverse, &input, gradient_output(reverse, a->k), &count);
    double *result = arena_new(check->arena, double);
    *result = along(gradient, a->direction, count, &magnitude);
    return result;
}

static double *again_forward(const Check *check, const void *of, uint64_t noise) {
    const Along *a = of;
    double *result = arena_new(check->arena, double);
    *result = forward_mode(check, a->point, a->k, a->direction, noise);
    return result;
}

static double *again_step(const Check *check, const void *of, uint64_t noise) {
    const Along *a = of;
    const Ir *plain = check->subject->value.lowered;
    double **directions = arena_array(check->arena, double *, a->point->leaf_count + 1);
    double *result = arena_new(check->arena, double);
    bool exact;
    directions[check->subject->wrt[a->k]] = a->direction;
    return check_directional(plain, a->point, directions, 0, noise, result, &exact) ? result : NULL;
}

/* One leaf at one point, along one direction. */
static void compare_direction(Check *check, Point *point, size_t k, PointKind kind,
                              Scores *scores) {
    const Subject *subject = check->subject;
    const Ir *plain = subject->value.lowered;
    const Ir *reverse = subject->made[DERIVATIVE_grad].derived;
    uint32_t leaf = subject->wrt[k];
    const char *name = plain->leaves[leaf].name;
    double *direction = point_direction(point, leaf);
    EvalInput input = point_input(point, reverse, NULL);
    size_t count;
    const double *gradient = ir_eval_output(reverse, &input, gradient_output(reverse, k), &count);
    bool edge = kind == POINT_ZERO || kind == POINT_TIE || kind == POINT_LARGE;
    double magnitude;
    double derivative = along(gradient, direction, count, &magnitude);
    double scale = magnitude + 1e-6 * fabs(evaluate(reverse, &input, 0, 0)) +
                   (edge ? 1e-8 : 1e-12); /* rounding of what cancels at an edge */
    const Along moves = {.point = point, .direction = direction, .k = k};
    Ways modes = {.again = {again_reverse, again_forward}, .of = {&moves, &moves}, .count = 1};
    double other = forward_mode(check, point, k, direction, 0);
    bool both_wild = edge && !isfinite(derivative) && !isfinite(other); /* ∞ − ∞ either way */
    if (!both_wild && !check_agree_ways(check, &modes, 0, derivative, other, scale, EXACT_TOLERANCE,
                                        &scores->forward)) {
        check_mismatch(check, edge ? "at an edge, the derivative" : "the derivative", name,
                       derivative, "forward mode", other);
    }
    if (edge) {
        return;
    }
    double **directions = arena_array(check->arena, double *, point->leaf_count + 1);
    directions[leaf] = direction;
    bool exact;
    if (!check_directional(plain, point, directions, 0, 0, &other, &exact)) {
        return;
    }
    if (!exact) {
        scale += 1e-4 * (1 + fabs(derivative));
    }
    Ways steps = {.again = {again_reverse, again_step}, .of = {&moves, &moves}, .count = 1};
    if (!check_agree_ways(check, &steps, 0, derivative, other, scale,
                          exact ? EXACT_TOLERANCE : DIFFERENCE_TOLERANCE,
                          exact ? &scores->step : &scores->difference)) {
        check_mismatch(check, "the derivative", name, derivative,
                       exact ? "a complex step" : "a central difference", other);
    }
}

static void compare_leaf(Check *check, size_t k) {
    static const PointKind edges[EDGE_POINTS] = {POINT_ZERO, POINT_TIE, POINT_TIE, POINT_LARGE};
    const Ir *plain = check->subject->value.lowered;
    uint64_t next = 0;
    Point point;
    Scores scores = {0};
    for (int i = 0; i < POINTS && check_point(check, &next, &point); i++) {
        for (int d = 0; d < DIRECTIONS; d++) {
            compare_direction(check, &point, k, POINT_RANDOM, &scores);
        }
    }
    for (uint64_t i = 0; i < EDGE_POINTS; i++) {
        point = point_make(check->arena, plain, edges[i], i + 1);
        EvalInput input = point_input(&point, plain, NULL);
        if (isfinite(evaluate(plain, &input, 0, 0))) {
            compare_direction(check, &point, k, edges[i], &scores);
        }
    }
    const char *name = plain->leaves[check->subject->wrt[k]].name;
    check_row(check, name, "forward mode", &scores.forward);
    check_row(check, name, "complex step", &scores.step);
    check_row(check, name, "central differences", &scores.difference);
}

/* ---- compiled code -------------------------------------------------------------------------- */

/* The entries of the matrix that the blocks of `ir` make up. */
static size_t matrix_entries(const Ir *ir, const EvalInput *input) {
    size_t end = 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        if (output->role == OUT_MATRIX) {
            int64_t rows = 1;
            for (unsigned a = 0; a < output->row_axes; a++) {
                rows *= dim_evaluate(ir, ir_index_dim(ir, output->axes[a]), input->dims);
            }
            size_t last = (size_t)(dim_evaluate(ir, output->offset, input->dims) +
                                   rows * dim_evaluate(ir, output->stride, input->dims));
            end = last > end ? last : end;
        }
    }
    return end;
}

/* What a program gave: all outputs, the flat gradient, and the value. Outputs that are blocks of
 * the matrix are all of the matrix. */
typedef struct {
    double **outputs;
    double *gradient;
    double result;
    size_t *counts; /* by output; 0 for gradients */
    size_t gradient_count, matrix_count;
} Made;

static Made make_room(const Check *check, const Ir *ir, const EvalInput *input) {
    Made made = {.matrix_count = matrix_entries(ir, input)};
    double *matrix = arena_array(check->arena, double, made.matrix_count + 1);
    made.outputs = arena_array(check->arena, double *, ir->output_count + 1);
    made.counts = arena_array(check->arena, size_t, ir->output_count + 1);
    for (size_t k = 0; k < ir->output_count; k++) {
        size_t count;
        if (ir->outputs[k].role == OUT_MATRIX) {
            made.outputs[k] = matrix;
            continue;
        }
        ir_eval_output(ir, input, k, &count);
        made.outputs[k] = arena_array(check->arena, double, count + 1);
        if (ir->outputs[k].role == OUT_GRADIENT) {
            made.gradient_count += count;
        } else {
            made.counts[k] = count;
        }
    }
    made.gradient = arena_array(check->arena, double, made.gradient_count + 1);
    return made;
}

/* Compiled code has left reals there: they become doubles. */
static void widen(const LoopProgram *program, double *values, size_t count) {
    if (program->precision == PRECISION_F64) {
        return;
    }
    for (size_t k = count; k-- > 0;) { /* from the end: they need more room */
        float single;
        memcpy(&single, (const char *)values + k * sizeof single, sizeof single);
        values[k] = (double)single;
    }
}

static void widen_all(const LoopProgram *program, const Ir *ir, Made *made) {
    bool matrix = false;
    for (size_t k = 0; k < ir->output_count; k++) {
        widen(program, made->outputs[k], made->counts[k]);
        if (ir->outputs[k].role == OUT_MATRIX && !matrix) {
            widen(program, made->outputs[k], made->matrix_count);
            matrix = true;
        }
    }
    widen(program, made->gradient, made->gradient_count);
}

static double scale_of(const double *values, size_t count) {
    double scale = 1e-3;
    for (size_t i = 0; i < count; i++) {
        scale = isfinite(values[i]) ? fmax(scale, fabs(values[i])) : scale;
    }
    return scale;
}

/* Runs with random rounding, which tell what rounding may do; none where reals are doubles: there
 * the tolerance is wide enough. */
enum { ROUNDED_RUNS = 4 };

/* How far apart the runs are in an entry, of which `values` are arrays; NaN if one is not finite.
 */
static double rounding(const double *const *values, size_t entry) {
    double low = values[0][entry];
    double high = low;
    for (int run = 0; run < ROUNDED_RUNS; run++) {
        double value = values[run][entry];
        low = value < low || isnan(value) ? value : low;
        high = value > high || isnan(value) ? value : high;
    }
    return high - low;
}

/* `rounded`: the same of runs with random rounding, or NULL. */
static void compare_entries(Check *check, const char *method, const char *what, Ways ways,
                            const double *expected, const double *found,
                            const double *const *rounded, Score *score) {
    const size_t count = ways.count;
    double scale = scale_of(expected, count);
    double tolerance = rounded != NULL ? SINGLE_TOLERANCE : VALUE_TOLERANCE;
    for (size_t i = 0; i < count; i++) {
        double spread = rounded != NULL ? rounding(rounded, i) : 0;
        if (isnan(spread)) {
            continue; /* something on the way has no place among floats */
        }
        double allowed = scale + 16 * spread / tolerance;
        if (rounded != NULL ? !check_agree(found[i], expected[i], allowed, tolerance, score)
                            : !check_agree_ways(check, &ways, i, found[i], expected[i], scale,
                                                tolerance, score)) {
            check_mismatch(
                check, arena_format(check->arena, "entry %zu of the %s", i, what), NULL, found[i],
                arena_format(check->arena, "the interpreter (against %s)", method), expected[i]);
        }
    }
}

/* One block of a matrix, whose columns may be fewer than those of the matrix. */
static double *block_entries(const Check *check, const Ir *ir, const EvalInput *input, size_t k,
                             const double *matrix, size_t count) {
    const Output *output = &ir->outputs[k];
    size_t columns = 1;
    for (unsigned a = output->row_axes; a < output->rank; a++) {
        columns *= (size_t)dim_evaluate(ir, ir_index_dim(ir, output->axes[a]), input->dims);
    }
    size_t offset = (size_t)dim_evaluate(ir, output->offset, input->dims);
    size_t stride = (size_t)dim_evaluate(ir, output->stride, input->dims);
    double *found = arena_array(check->arena, double, count + 1);
    for (size_t i = 0; i < count; i++) {
        found[i] = matrix[offset + i / columns * stride + i % columns];
    }
    return found;
}

/* Output `k` of what was made; `at` is where it begins if it is a gradient. */
static const double *made_values(const Check *check, const Ir *ir, const EvalInput *input, size_t k,
                                 const Made *made, size_t at, size_t count) {
    switch (ir->outputs[k].role) {
    case OUT_VALUE:
        return &made->result;
    case OUT_GRADIENT:
        return made->gradient + at;
    case OUT_MATRIX:
        return block_entries(check, ir, input, k, made->outputs[k], count);
    case OUT_ARRAY:
    case OUT_DERIVATIVE:
        break;
    }
    return made->outputs[k];
}

/* All that a program gave, against the interpreter. */
static void compare_outputs(Check *check, const char *method, const Ir *ir, const EvalInput *input,
                            const Made *made, const Made *rounded, Score *score) {
    size_t at = 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        const double *others[ROUNDED_RUNS];
        size_t count;
        const double *expected = ir_eval_output(ir, input, k, &count);
        const double *found = made_values(check, ir, input, k, made, at, count);
        for (int run = 0; rounded != NULL && run < ROUNDED_RUNS; run++) {
            others[run] = made_values(check, ir, input, k, &rounded[run], at, count);
        }
        const OutputOf of = {ir, *input, k};
        const Ways ways = {.again = {check_again_output}, .of = {&of}, .count = count};
        compare_entries(check, method, output->name, ways, expected, found,
                        rounded != NULL ? others : NULL, score);
        at += output->role == OUT_GRADIENT ? count : 0;
    }
}

typedef struct {
    const char *method;
    void *code; /* NULL: the loop program is interpreted */
} Backend;

/* False: the calling convention is not known. */
static bool run_program(const Check *check, const Backend *backend, const Stages *stages,
                        const Point *point, uint64_t seed, Made *made) {
    const LoopProgram *program = stages->program;
    const Ir *ir = stages->derived;
    EvalInput input = point_input(point, ir, point->directions);
    *made = make_room(check, ir, &input);
    LoopArgValue *args = point_args(point, program, made->outputs, made->gradient);
    if (backend->code == NULL) {
        made->result = loop_run(program, check->arena, args, seed);
    } else if (!call_native(backend->code, program, args, &made->result)) {
        return false;
    }
    widen_all(program, ir, made);
    return true;
}

/* Runs one program at one point and compares all that it gives. */
static void compare_program(Check *check, const Backend *backend, const Stages *stages,
                            const Point *point, Score *score) {
    static const Backend interpreted = {0};
    const bool single = stages->program->precision == PRECISION_F32;
    EvalInput input = point_input(point, stages->derived, point->directions);
    Made made;
    Made rounded[ROUNDED_RUNS];
    if (!run_program(check, backend, stages, point, 0, &made)) {
        return;
    }
    for (int run = 0; single && run < ROUNDED_RUNS; run++) {
        run_program(check, &interpreted, stages, point, (uint64_t)run, &rounded[run]);
    }
    compare_outputs(check, backend->method, stages->derived, &input, &made, single ? rounded : NULL,
                    score);
}

static void *find_code(const Check *check, const char *name) {
    void *code = jit_lookup(check->jit, name);
    if (code == NULL) {
        ice("check", "the compiled code has no `%s`", name);
    }
    return code;
}

/* Would the matrix take too long to interpret at this point? */
static bool too_large(const Stages *stages, const Point *point) {
    EvalInput input = point_input(point, stages->derived, point->directions);
    return matrix_entries(stages->derived, &input) > MATRIX_LIMIT;
}

/* The value as written, with the derivatives in it by reverse mode, and as it is compiled. */
static void compare_value(Check *check) {
    const Ir *plain = check->subject->value.lowered;
    const Ir *compiled = check->subject->value.derived;
    Score score = {0};
    uint64_t next = 0;
    Point point;
    for (int i = 0; i < POINTS && check_point(check, &next, &point); i++) {
        EvalInput input = point_input(&point, plain, NULL);
        EvalInput other = point_input(&point, compiled, NULL);
        for (size_t k = 0; k < plain->output_count; k++) {
            size_t count;
            size_t same;
            const double *expected = ir_eval_output(plain, &input, k, &count);
            const double *found = ir_eval_output(compiled, &other, k, &same);
            const OutputOf written = {plain, input, k};
            const OutputOf made = {compiled, other, k};
            const Ways ways = {.again = {check_again_output, check_again_output},
                               .of = {&written, &made},
                               .count = count};
            compare_entries(check, "reverse mode in its parts", "value", ways, expected, found,
                            NULL, &score);
        }
    }
    check_row(check, "", "as written", &score);
}

static void compare_backend(Check *check, const char *method, bool native) {
    const Subject *subject = check->subject;
    Backend backend = {.method = method};
    Score score = {0};
    uint64_t next = 0;
    Point point;
    for (int i = 0; i < POINTS && check_point(check, &next, &point); i++) {
        for (size_t k = 0; k < subject->wrt_count; k++) {
            uint32_t leaf = subject->wrt[k];
            point.directions[leaf] = point_direction(&point, leaf);
        }
        point_round(&point, check->compiler->options->precision);
        backend.code = native ? find_code(check, subject->value_name) : NULL;
        compare_program(check, &backend, &subject->value, &point, &score);
        for (int d = 0; d < DERIVATIVE_COUNT; d++) {
            const Stages *made = &subject->made[d];
            bool enough = d != DERIVATIVE_grad && i >= MATRIX_POINTS;
            if (made->program == NULL || enough || too_large(made, &point)) {
                continue;
            }
            backend.code = native ? find_code(check, subject->names[d]) : NULL;
            compare_program(check, &backend, made, &point, &score);
        }
    }
    check_row(check, "", method, &score);
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

/* Does the gradient call an extern function whose derivatives are not given? Then there are no
 * second ones. */
static bool ends_at_first(const Subject *subject) {
    const Ir *ir = subject->made[DERIVATIVE_grad].derived;
    const bool *reached = ir != NULL ? ir_reach_outputs(ir) : NULL;
    for (Ref v = 1; ir != NULL && v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        if (reached[v] && node->op == OP_EXTERN &&
            ir->externals[node->as.external].derivatives[0] == EXTERN_NONE) {
            return true;
        }
    }
    return false;
}

/* All derivatives that the function has. */
static bool prepare_derivatives(Compiler *compiler, Subject *subject, Request request) {
    for (int d = 0; d < DERIVATIVE_COUNT; d++) {
        const DerivativeEntry *entry = &derivative_entries[d];
        bool second = d == DERIVATIVE_hvp || d == DERIVATIVE_hessian;
        bool missing = second && ends_at_first(subject);
        if (!entries_has_derivative(subject->value.ir, entry) || missing) {
            continue;
        }
        request.name = arena_format(compiler->arena, "%s_%s", subject->value_name, entry->suffix);
        request.derive = entry->derive;
        subject->names[d] = request.name;
        if (!compile_entry(compiler, &request, &subject->made[d])) {
            return false;
        }
    }
    return true;
}

static bool prepare(Compiler *compiler, Subject *subject, Request request) {
    subject->value_name = request.name;
    if (!compile_entry(compiler, &request, &subject->value)) {
        return false;
    }
    const Ir *ir = subject->value.ir;
    subject->differentiated = request.entry != ENTRY_METRIC && request.entry != ENTRY_CONSTRAIN &&
                              entries_has_wrt(compiler, ir);
    subject->number = entries_is_scalar(ir);
    if (!subject->differentiated) {
        return true;
    }
    return compile_wrt(compiler, ir, request.all_params, &subject->wrt, &subject->wrt_count) &&
           prepare_derivatives(compiler, subject, request) &&
           (!subject->number || forward_by_each(compiler, subject));
}

/* What makes the params of free numbers, and the way back. */
static bool prepare_params(Compiler *compiler, Subject *subject) {
    const char *prefix = compiler->model->c_prefix;
    Request request = {.entry = ENTRY_CONSTRAIN,
                       .name = arena_format(compiler->arena, "%s_constrain", prefix)};
    subject->name = "constrained params";
    if (!prepare(compiler, subject, request)) {
        return false;
    }
    request.entry = ENTRY_UNCONSTRAIN;
    request.name = arena_format(compiler->arena, "%s_unconstrain", prefix);
    return compile_entry(compiler, &request, &subject->back);
}

/* With --batch, the last subject over samples too, where it has such a function. */
static bool prepare_batch(Compiler *compiler, Subject *subjects, size_t *count,
                          const ModelFunction *function) {
    const Subject *one = &subjects[*count - 1];
    if (!compiler->options->batch || !entries_has_batch(function) ||
        one->value.ir->output_count > 1 || function == compiler->model->loss) {
        return true;
    }
    Subject *subject = &subjects[(*count)++];
    subject->name = arena_format(compiler->arena, "%s, batch", function->name);
    return prepare(
        compiler, subject,
        (Request){.entry = entries_is_scalar(one->value.ir) ? ENTRY_BATCH_MEAN : ENTRY_FORWARD,
                  .function = function,
                  .all_params = true,
                  .name = entries_name(compiler, function->name, "batch")});
}

/* All functions that the options ask for: by default all but metrics, and the batch; and the
 * params. */
static bool prepare_all(Compiler *compiler, Subject **subjects, size_t *count) {
    const Model *model = compiler->model;
    const bool only = compiler->options->functions.count > 0;
    const ModelFunction **asked;
    size_t asked_count = 0;
    if (only && !entries_functions(compiler, &asked, &asked_count)) {
        return false;
    }
    *subjects = arena_array(compiler->arena, Subject, 2 * model->function_count + 2);
    *count = 0;
    for (size_t k = 0; k < model->function_count; k++) {
        const ModelFunction *function = &model->functions[k];
        bool wanted = !only && function->role != FUNCTION_METRIC &&
                      function->role != FUNCTION_OWN_PRIOR && !model_takes_functions(function) &&
                      !model_imported(model, function);
        for (size_t i = 0; i < asked_count; i++) {
            wanted |= function == asked[i];
        }
        Subject *subject = &(*subjects)[*count];
        subject->name = function->name;
        if (wanted && !prepare(compiler, subject,
                               (Request){.entry = ENTRY_FUNCTION,
                                         .function = function,
                                         .name = entries_name(compiler, function->name, "")})) {
            return false;
        }
        *count += wanted;
        if (wanted && !prepare_batch(compiler, *subjects, count, function)) {
            return false;
        }
    }
    if (!only && lower_has_constraints(model) &&
        !prepare_params(compiler, &(*subjects)[(*count)++])) {
        return false;
    }
    if (!only && model->loss != NULL && model->param_count > 0) {
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
    LoopProgram **programs =
        arena_array(compiler->arena, LoopProgram *, (DERIVATIVE_COUNT + 1) * count + 1);
    size_t made = 0;
    for (size_t k = 0; k < count; k++) {
        programs[made++] = subjects[k].value.program;
        for (int d = 0; d < DERIVATIVE_COUNT; d++) {
            if (subjects[k].made[d].program != NULL) {
                programs[made++] = subjects[k].made[d].program;
            }
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

/* The trainer's kernels, planned as it calls them; those that write params have tests of their own.
 */
static bool check_kernels(Check *check) {
    Compiler *compiler = check->compiler;
    const Model *model = compiler->model;
    Kernel *kernels;
    size_t count;
    if (compiler->options->functions.count > 0 || model->loss == NULL || model->param_count == 0) {
        return true;
    }
    if (!entries_kernels(compiler, &kernels, &count)) {
        return false;
    }
    for (size_t k = 0; k < count; k++) {
        const Ir *ir = kernels[k].stages.derived;
        bool plain = !ir->per_sample && ir->flat_out == NULL &&
                     strcmp(kernels[k].role, "init") != 0 && strcmp(kernels[k].role, "step") != 0;
        const char *name = kernels[k].metric != NULL ? kernels[k].metric->name : kernels[k].role;
        Subject subject = {.name = arena_format(check->arena, "trainer: %s", name),
                           .value = kernels[k].stages};
        check->subject = &subject;
        if (plain) {
            compare_backend(check, "loop program", false);
        }
    }
    return true;
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
        uint64_t next = 0;
        Point point;
        check.subject = &subjects[k];
        if (!check_point(&check, &next, &point)) {
            cell(&check.table, subjects[k].name, 24);
            text_format(&check.table, "not compared: at none of %d points is it finite\n", TRIES);
            continue;
        }
        for (size_t leaf = 0; subjects[k].number && leaf < subjects[k].wrt_count; leaf++) {
            compare_leaf(&check, leaf);
        }
        compare_value(&check);
        if (subjects[k].back.lowered != NULL) {
            check_way_back(&check, &subjects[k].back);
        }
        if (subjects[k].differentiated) {
            check_matrices(&check);
        }
        compare_backend(&check, "loop program", false);
        compare_backend(&check, "machine code", true);
    }
    jit_destroy(check.jit);
    if (!check_kernels(&check)) {
        return STATUS_ERROR;
    }
    const char *error =
        file_write(compiler->arena, "-", check.table.data, check.table.length, false);
    if (error != NULL) {
        fatal("%s", error);
    }
    return STATUS_OK;
}
