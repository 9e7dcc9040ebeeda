/* loop_build.h: plans an IR, runs the loop program and compares every output with the
 * interpreter's. */
#ifndef GRADC_TESTS_LOOP_BUILD_H
#define GRADC_TESTS_LOOP_BUILD_H

#include "diff_build.h"

#include "loop/loop.h"

static int64_t size_value(const LoopProgram *program, const LoopExpr *x, const LoopArgValue *args) {
    (void)program;
    int64_t a = x->count > 0 ? size_value(program, x->args[0], args) : 0;
    int64_t b = x->count > 1 ? size_value(program, x->args[1], args) : 0;
    if (x->kind == LX_INT) {
        return x->as.integer;
    }
    if (x->kind == LX_ARG) {
        return args[x->as.arg].integer;
    }
    switch ((int)x->as.builtin) {
    case BI_add:
        return a + b;
    case BI_sub:
        return a - b;
    case BI_mul:
        return a * b;
    case BI_floordiv:
        return a / b;
    case BI_mod:
        return a % b;
    default:
        abort();
    }
}

/* Memory of its own for each array, so that a sanitizer sees what is read outside. */
static double *room(double **all, size_t *used, size_t count) {
    double *made = malloc((count ? count : 1) * sizeof(double));
    for (size_t k = 0; k < count; k++) {
        made[k] = NAN;
    }
    all[(*used)++] = made;
    return made;
}

typedef struct {
    double *memory[64];
    size_t used;
    LoopArgValue args[64];
    double *params, *gradient;
    double *outputs[64];
    double value;
} Ran;

static double *flat(T *t, Ran *ran, const Ir *ir, LeafRole role, double *const *direction) {
    size_t total = 0;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        total += ir->leaves[k].role == role ? leaf_entries(t, &ir->leaves[k]) : 0;
    }
    double *made = room(ran->memory, &ran->used, total);
    size_t at_entry = 0;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        if (ir->leaves[k].role == role) {
            size_t n = leaf_entries(t, &ir->leaves[k]);
            const double *from = direction ? direction[ir->leaves[k].of] : t->reals[k];
            memcpy(made + at_entry, from, n * sizeof(double));
            at_entry += n;
        }
    }
    return made;
}

static size_t output_entries(T *t, const Ir *ir, const Output *output) {
    size_t n = 1;
    for (unsigned k = 0; k < output->rank; k++) {
        n *= (size_t)extent(t, ir_index_dim(ir, output->axes[k]));
    }
    return n;
}

static double *column_copy(T *t, Ran *ran, const Ir *ir, uint32_t leaf) {
    size_t n = leaf_entries(t, &ir->leaves[leaf]);
    double *made = room(ran->memory, &ran->used, n);
    const void *from = ir->leaves[leaf].kind == KIND_INT ? (const void *)t->ints[leaf]
                                                         : (const void *)t->reals[leaf];
    memcpy(made, from, n * sizeof(double));
    return made;
}

static void run_program(T *t, const LoopProgram *program, Ran *ran, double *const *direction,
                        const int64_t *order, double rate) {
    const Ir *ir = program->ir;
    memset(ran, 0, sizeof *ran);
    for (size_t k = 0; k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        LoopArgValue *value = &ran->args[k];
        switch (arg->role) {
        case ARG_DIM:
            value->integer = t->extents[arg->which];
            break;
        case ARG_PARAMS:
            value->pointer = ran->params = flat(t, ran, ir, LEAF_PARAM, NULL);
            break;
        case ARG_CONSTS:
            value->pointer = flat(t, ran, ir, LEAF_CONST, NULL);
            break;
        case ARG_DATA:
        case ARG_COLUMN:
        case ARG_ARRAY:
            value->pointer = column_copy(t, ran, ir, arg->which);
            break;
        case ARG_ROWS:
        case ARG_TOTAL:
            value->integer = extent(t, ir->sample_dim);
            break;
        case ARG_STARTS:
        case ARG_LENGTHS:
            value->pointer = NULL;
            break;
        case ARG_ORDER:
            value->pointer = (void *)(uintptr_t)order;
            break;
        case ARG_SCALAR:
            if (arg->type == C_REAL) {
                value->real = t->reals[arg->which][0];
            } else {
                value->integer = t->ints[arg->which][0];
            }
            break;
        case ARG_TANGENT:
            value->pointer = flat(t, ran, ir, LEAF_TANGENT, direction);
            break;
        case ARG_SEED:
            value->integer = 7;
            break;
        case ARG_RATE:
            value->real = rate;
            break;
        case ARG_GRADIENT: {
            size_t total = 0;
            for (size_t o = 0; o < ir->output_count; o++) {
                bool ours = ir->outputs[o].role == OUT_GRADIENT;
                total += ours ? output_entries(t, ir, &ir->outputs[o]) : 0;
            }
            value->pointer = ran->gradient = room(ran->memory, &ran->used, total);
            break;
        }
        case ARG_MATRIX: /* no program of these tests has one */
            break;
        case ARG_OUTPUT:
            ran->outputs[arg->which] =
                room(ran->memory, &ran->used, output_entries(t, ir, &ir->outputs[arg->which]));
            value->pointer = ran->outputs[arg->which];
            break;
        case ARG_WORK:
            value->pointer = room(ran->memory, &ran->used,
                                  (size_t)size_value(program, program->work_size, ran->args));
            break;
        }
    }
    ran->value = loop_run(program, t->arena, ran->args, 0);
}

static void end_run(Ran *ran) {
    for (size_t k = 0; k < ran->used; k++) {
        free(ran->memory[k]);
    }
}

static void compare_list(const char *name, const char *what, const double *found,
                         const double *expected, size_t count) {
    const double scale = largest(expected, count);
    for (size_t k = 0; k < count; k++) {
        if (!near(found[k], expected[k], scale, 1e-12)) {
            fail(name, what, found[k], expected[k]);
            return;
        }
    }
}

static int64_t checkpoint; /* of the plans to come */

/* Plans and runs `ir`; true if all outputs are those of the interpreter. */
static inline bool check_loops(T *t, const char *name, const Ir *ir, double *const *direction,
                               bool trainer) {
    const int before = failures;
    const LoopOptions options = {
        .strict = false, .checkpoint = checkpoint, .trainer = trainer, .diags = t->diags};
    const LoopProgram *program = loop_plan(&options, t->arena, ir);
    if (!program) {
        failures++;
        printf("%s: no plan\n", name);
        return false;
    }
    Ran ran;
    run_program(t, program, &ran, direction, NULL, 0);
    size_t offset = 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        size_t count;
        const double *expected = evaluate(t, ir, k, direction, &count);
        if (output->role == OUT_VALUE) {
            compare_list(name, "value", &ran.value, expected, 1);
        } else if (output->role == OUT_GRADIENT) {
            compare_list(name, output->name, ran.gradient + offset, expected, count);
            offset += count;
        } else {
            compare_list(name, output->name, ran.outputs[k], expected, count);
        }
    }
    end_run(&ran);
    if (failures > before && failures < 10) {
        printf("%s\n%s\n", ir_text(ir), loop_text(program, t->arena));
    }
    return failures == before;
}

/* Stochastic gradient descent by the loop program against the same by the interpreter. `update` has
 * the sample index free in all outputs, and SINK_UPDATE ones. */
static inline void check_updates(T *t, const char *name, const Ir *update) {
    const int before = failures;
    const LoopOptions options = {.strict = false, .trainer = true, .diags = t->diags};
    const LoopProgram *program = loop_plan(&options, t->arena, update);
    if (!program) {
        failures++;
        printf("%s: no plan\n", name);
        return;
    }
    const double rate = 0.01;
    const int64_t rows = extent(t, update->sample_dim);
    int64_t *order = arena_array(t->arena, int64_t, rows + 1);
    for (int64_t k = 0; k < rows; k++) {
        order[k] = pick(t, (int)rows);
    }
    for (int shuffled = 0; shuffled < 2; shuffled++) {
        Ran ran;
        run_program(t, program, &ran, NULL, shuffled ? order : NULL, rate);
        double *kept[MAX_LEAVES] = {NULL};
        double total = 0;
        for (size_t k = 0; k < update->leaf_count; k++) {
            if (t->reals[k]) {
                kept[k] = arena_array(t->arena, double, t->counts[k] + 1);
                memcpy(kept[k], t->reals[k], t->counts[k] * sizeof(double));
            }
        }
        for (int64_t i = 0; i < rows; i++) {
            const int64_t row = shuffled ? order[i] : i;
            double *steps[MAX_LEAVES] = {NULL};
            for (size_t k = 0; k < update->output_count; k++) {
                const Output *output = &update->outputs[k];
                size_t count;
                const double *all = evaluate(t, update, k, NULL, &count);
                const size_t each = count / (size_t)rows;
                if (output->role == OUT_VALUE) {
                    total += all[row];
                } else {
                    steps[output->leaf] = arena_array(t->arena, double, each + 1);
                    memcpy(steps[output->leaf], all + (size_t)row * each, each * sizeof(double));
                }
            }
            for (size_t k = 0; k < update->leaf_count; k++) {
                for (size_t e = 0; steps[k] && e < t->counts[k]; e++) {
                    t->reals[k][e] -= rate * steps[k][e];
                }
            }
        }
        compare_list(name, "sum of values", &ran.value, &total, 1);
        size_t offset = 0;
        for (size_t k = 0; k < update->leaf_count; k++) {
            if (update->leaves[k].role == LEAF_PARAM) {
                compare_list(name, update->leaves[k].name, ran.params + offset, t->reals[k],
                             t->counts[k]);
                offset += t->counts[k];
            }
            if (kept[k]) {
                memcpy(t->reals[k], kept[k], t->counts[k] * sizeof(double));
            }
        }
        end_run(&ran);
    }
    if (failures > before && failures < 10) {
        printf("%s\n%s\n", ir_text(update), loop_text(program, t->arena));
    }
}

#endif
