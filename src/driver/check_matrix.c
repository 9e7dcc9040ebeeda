/* check_matrix.c: --check of derivatives of more than one direction or value: forward mode of every
 * output against a complex step (or central differences); the Hessian times a vector against the
 * same of the gradient; the Hessian against that product, and its symmetry; the Jacobian times a
 * vector against forward mode. All run in the interpreter, as diff/ made them. */
#include "driver/check.h"

#include <math.h>

/* ---- blocks of matrices --------------------------------------------------------------------- */

/* Entries of the axes first … end-1 of an output. */
static size_t axes_entries(const Ir *ir, const EvalInput *input, const Output *output,
                           unsigned first, unsigned end) {
    size_t count = 1;
    for (unsigned a = first; a < end; a++) {
        count *= (size_t)dim_evaluate(ir, ir_index_dim(ir, output->axes[a]), input->dims);
    }
    return count;
}

typedef struct {
    double *entries; /* row-major */
    size_t rows, columns;
} Dense;

/* The matrix that the blocks of `ir` make up; no entries if it is too large, or there is none. */
static Dense dense(const Check *check, const Ir *ir, const EvalInput *input) {
    Dense m = {0};
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        if (output->role == OUT_MATRIX) {
            size_t rows = axes_entries(ir, input, output, 0, output->row_axes);
            m.columns = (size_t)dim_evaluate(ir, output->stride, input->dims);
            size_t at = (size_t)dim_evaluate(ir, output->offset, input->dims);
            size_t end = m.columns > 0 ? at / m.columns + rows : 0;
            m.rows = end > m.rows ? end : m.rows;
        }
    }
    if (m.rows * m.columns == 0 || m.rows * m.columns > MATRIX_LIMIT) {
        return (Dense){0};
    }
    m.entries = arena_array(check->arena, double, m.rows *m.columns);
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        if (output->role != OUT_MATRIX) {
            continue;
        }
        size_t count;
        const double *block = ir_eval_output(ir, input, k, &count);
        size_t width = axes_entries(ir, input, output, output->row_axes, output->rank);
        size_t at = (size_t)dim_evaluate(ir, output->offset, input->dims);
        for (size_t i = 0; i < count; i++) {
            m.entries[at + i / width * m.columns + i % width] = block[i];
        }
    }
    return m;
}

/* All entries of the outputs of one role, one after the other. */
static double *flat_outputs(const Check *check, const Ir *ir, const EvalInput *input,
                            OutputRole role, size_t *total) {
    double *flat = NULL;
    size_t capacity = 0;
    *total = 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        if (ir->outputs[k].role != role) {
            continue;
        }
        size_t count;
        const double *values = ir_eval_output(ir, input, k, &count);
        for (size_t i = 0; i < count; i++) {
            flat = arena_grow(check->arena, flat, *total, &capacity, sizeof *flat);
            flat[(*total)++] = values[i];
        }
    }
    return flat;
}

/* The directions of all variables, flat. */
static double *flat_direction(const Check *check, const Point *point, size_t *total) {
    const Subject *subject = check->subject;
    *total = 0;
    for (size_t k = 0; k < subject->wrt_count; k++) {
        *total += point->counts[subject->wrt[k]];
    }
    double *flat = arena_array(check->arena, double, *total + 1);
    size_t at = 0;
    for (size_t k = 0; k < subject->wrt_count; k++) {
        uint32_t leaf = subject->wrt[k];
        for (size_t i = 0; i < point->counts[leaf]; i++) {
            flat[at++] = point->directions[leaf][i];
        }
    }
    return flat;
}

/* ---- comparisons ---------------------------------------------------------------------------- */

typedef struct {
    Score jvp_step, jvp_difference, hvp_step, hvp_difference, hessian, symmetry, jacobian;
} MatrixScores;

static double largest(const double *values, size_t count) {
    double scale = 0;
    for (size_t i = 0; i < count; i++) {
        scale = isfinite(values[i]) ? fmax(scale, fabs(values[i])) : scale;
    }
    return scale;
}

/* The derivatives of an output along the directions of a point, by steps. */
typedef struct {
    const Ir *plain;
    const Point *point;
    size_t output, count;
} StepOf;

static double *again_step(const Check *check, const void *of, uint64_t noise) {
    const StepOf *s = of;
    double *result = arena_array(check->arena, double, s->count + 1);
    bool exact;
    return check_directional(s->plain, s->point, s->point->directions, s->output, noise, result,
                             &exact)
               ? result
               : NULL;
}

/* `found`, the output `of`, are the derivatives of output `k` of `plain` along the directions of
 * the point. */
static void compare_step(Check *check, const Ir *plain, const Point *point, size_t k,
                         const double *found, const OutputOf *of, const char *what, Score *step,
                         Score *difference) {
    EvalInput input = point_input(point, plain, NULL);
    size_t count;
    const double *value = ir_eval_output(plain, &input, k, &count);
    double *expected = arena_array(check->arena, double, count + 1);
    bool exact;
    if (!check_directional(plain, point, point->directions, k, 0, expected, &exact)) {
        return;
    }
    const StepOf steps = {plain, point, k, count};
    Ways ways = {.again = {check_again_output, again_step}, .of = {of, &steps}, .count = count};
    double scale = largest(expected, count) + 1e-3 * largest(value, count) + 1e-6;
    scale += exact ? 0 : 1;
    for (size_t i = 0; i < count; i++) {
        if (!check_agree_ways(check, &ways, i, found[i], expected[i], scale,
                              exact ? EXACT_TOLERANCE : DIFFERENCE_TOLERANCE,
                              exact ? step : difference)) {
            check_mismatch(check, what, NULL, found[i],
                           exact ? "a complex step" : "a central difference", expected[i]);
        }
    }
}

static void compare_jvp(Check *check, const Point *point, MatrixScores *scores) {
    const Ir *plain = check->subject->value.lowered;
    const Ir *jvp = check->subject->made[DERIVATIVE_jvp].derived;
    EvalInput input = point_input(point, jvp, point->directions);
    for (size_t k = 0; k < plain->output_count; k++) {
        size_t count;
        const double *found = ir_eval_output(jvp, &input, plain->output_count + k, &count);
        const OutputOf of = {jvp, input, plain->output_count + k};
        compare_step(check, plain, point, k, found, &of, "the directional derivative",
                     &scores->jvp_step, &scores->jvp_difference);
    }
}

static void compare_hvp(Check *check, const Point *point, MatrixScores *scores) {
    const Ir *gradient = check->subject->made[DERIVATIVE_grad].derived;
    const Ir *hvp = check->subject->made[DERIVATIVE_hvp].derived;
    EvalInput input = point_input(point, hvp, point->directions);
    for (size_t k = 0; k < gradient->output_count; k++) {
        if (gradient->outputs[k].role == OUT_GRADIENT) {
            size_t count;
            const double *found = ir_eval_output(hvp, &input, k, &count);
            const OutputOf of = {hvp, input, k};
            compare_step(check, gradient, point, k, found, &of, "the Hessian times a vector",
                         &scores->hvp_step, &scores->hvp_difference);
        }
    }
}

/* What cancels in a derivative may be as large as the function: a millionth of its values, of which
 * the tolerance is a small part again. */
static double rounding_scale(const Check *check, const Point *point) {
    const Ir *plain = check->subject->value.lowered;
    EvalInput input = point_input(point, plain, NULL);
    double scale = 1e-9;
    for (size_t k = 0; k < plain->output_count; k++) {
        size_t count;
        const double *values = ir_eval_output(plain, &input, k, &count);
        scale = fmax(scale, 1e-6 * largest(values, count));
    }
    return scale;
}

/* A matrix that `ir` makes at a point, and its product with the point's direction, which are the
 * outputs of a role of `other`. */
typedef struct {
    const Ir *ir, *other;
    const Point *point;
    OutputRole role;
} MatrixOf;

static Dense matrix_of(const Check *check, const MatrixOf *of, uint64_t noise) {
    EvalInput input = point_input(of->point, of->ir, NULL);
    input.noise = noise;
    return dense(check, of->ir, &input);
}

/* The matrix times the direction. */
static double *times_direction(const Check *check, const Dense *matrix, const double *direction,
                               double *magnitudes) {
    double *product = arena_array(check->arena, double, matrix->rows + 1);
    for (size_t r = 0; r < matrix->rows; r++) {
        for (size_t c = 0; c < matrix->columns; c++) {
            double term = matrix->entries[r * matrix->columns + c] * direction[c];
            product[r] += term;
            magnitudes[r] += fabs(term);
        }
    }
    return product;
}

static double *again_rows(const Check *check, const void *of, uint64_t noise) {
    const MatrixOf *m = of;
    const Dense matrix = matrix_of(check, m, noise);
    size_t columns;
    const double *direction = flat_direction(check, m->point, &columns);
    double *magnitudes = arena_array(check->arena, double, matrix.rows + 1);
    return times_direction(check, &matrix, direction, magnitudes);
}

static double *again_entries(const Check *check, const void *of, uint64_t noise) {
    return matrix_of(check, of, noise).entries;
}

static double *again_product(const Check *check, const void *of, uint64_t noise) {
    const MatrixOf *m = of;
    EvalInput moving = point_input(m->point, m->other, m->point->directions);
    size_t count;
    moving.noise = noise;
    return flat_outputs(check, m->other, &moving, m->role, &count);
}

/* `matrix` times the direction of the point is its product by forward mode. */
static void compare_product(Check *check, const Dense *matrix, const MatrixOf *of, const char *what,
                            Score *score) {
    const Point *point = of->point;
    EvalInput moving = point_input(point, of->other, point->directions);
    size_t count;
    const double *product = flat_outputs(check, of->other, &moving, of->role, &count);
    size_t columns;
    const double *direction = flat_direction(check, point, &columns);
    if (columns != matrix->columns || count != matrix->rows) {
        ice("check", "%s of `%s` is %zu by %zu, not %zu by %zu", what, check->subject->name,
            matrix->rows, matrix->columns, count, columns);
    }
    double least = 1e-3 * largest(product, count) + rounding_scale(check, point);
    double *magnitudes = arena_array(check->arena, double, count + 1);
    const double *rows = times_direction(check, matrix, direction, magnitudes);
    Ways ways = {.again = {again_rows, again_product}, .of = {of, of}, .count = count};
    for (size_t r = 0; r < count; r++) {
        if (!check_agree_ways(check, &ways, r, rows[r], product[r], magnitudes[r] + least,
                              EXACT_TOLERANCE, score)) {
            check_mismatch(check,
                           arena_format(check->arena, "row %zu of %s, times a vector,", r, what),
                           NULL, rows[r], "forward mode", product[r]);
        }
    }
}

static void compare_hessian(Check *check, const Point *point, MatrixScores *scores) {
    const MatrixOf of = {.ir = check->subject->made[DERIVATIVE_hessian].derived,
                         .other = check->subject->made[DERIVATIVE_hvp].derived,
                         .point = point,
                         .role = OUT_GRADIENT};
    const Dense h = matrix_of(check, &of, 0);
    if (h.entries == NULL) {
        return;
    }
    compare_product(check, &h, &of, "the Hessian", &scores->hessian);
    const size_t count = h.rows * h.columns;
    double scale = largest(h.entries, count) + rounding_scale(check, point);
    Ways ways = {.again = {again_entries}, .of = {&of}, .count = count};
    for (size_t r = 0; r < h.rows; r++) {
        for (size_t c = 0; c < r; c++) {
            double a = h.entries[r * h.columns + c];
            double b = h.entries[c * h.columns + r];
            if (!check_agree_ways(check, &ways, r * h.columns + c, a, b, scale, EXACT_TOLERANCE,
                                  &scores->symmetry)) {
                check_mismatch(check, "an entry of the Hessian", NULL, a, "its mirror image", b);
            }
        }
    }
}

static void compare_jacobian(Check *check, const Point *point, MatrixScores *scores) {
    const MatrixOf of = {.ir = check->subject->made[DERIVATIVE_jacobian].derived,
                         .other = check->subject->made[DERIVATIVE_jvp].derived,
                         .point = point,
                         .role = OUT_DERIVATIVE};
    const Dense j = matrix_of(check, &of, 0);
    if (j.entries != NULL) {
        compare_product(check, &j, &of, "the Jacobian", &scores->jacobian);
    }
}

void check_matrices(Check *check) {
    const Subject *subject = check->subject;
    MatrixScores scores = {0};
    uint64_t next = 0;
    Point point;
    for (int i = 0; i < MATRIX_POINTS && check_point(check, &next, &point); i++) {
        for (size_t k = 0; k < subject->wrt_count; k++) {
            uint32_t leaf = subject->wrt[k];
            point.directions[leaf] = point_direction(&point, leaf);
        }
        compare_jvp(check, &point, &scores);
        if (subject->made[DERIVATIVE_jacobian].program != NULL) {
            compare_jacobian(check, &point, &scores);
        }
        if (subject->made[DERIVATIVE_hvp].program != NULL) {
            compare_hvp(check, &point, &scores);
            compare_hessian(check, &point, &scores);
        }
    }
    check_row(check, "jvp", "complex step", &scores.jvp_step);
    check_row(check, "jvp", "central differences", &scores.jvp_difference);
    check_row(check, "jacobian", "jvp", &scores.jacobian);
    check_row(check, "hvp", "complex step", &scores.hvp_step);
    check_row(check, "hvp", "central differences", &scores.hvp_difference);
    check_row(check, "hessian", "hvp", &scores.hessian);
    check_row(check, "hessian", "its transpose", &scores.symmetry);
}
