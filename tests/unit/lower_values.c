/* lower_values.c: models are lowered and evaluated by the interpreter; the values are NumPy's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lower/lower.h"

typedef enum {
    RUN_FUNCTION,
    RUN_BATCH_MEAN,
    RUN_SUM,
    RUN_SAMPLE,
    RUN_REGULAR,
    RUN_FORWARD,
    RUN_METRIC,
    RUN_INIT,
    RUN_DERIVED,
} Run;

static const EntryKind entries[] = {
    [RUN_FUNCTION] = ENTRY_FUNCTION, [RUN_BATCH_MEAN] = ENTRY_BATCH_MEAN,
    [RUN_SUM] = ENTRY_SUM,           [RUN_SAMPLE] = ENTRY_SAMPLE,
    [RUN_REGULAR] = ENTRY_REGULAR,   [RUN_FORWARD] = ENTRY_FORWARD,
    [RUN_METRIC] = ENTRY_METRIC,     [RUN_INIT] = ENTRY_INIT,
    [RUN_DERIVED] = ENTRY_FUNCTION,
};

static const struct Case {
    const char *model, *function;
    Run run;
    const char *inputs, *values;
} cases[] = {
#include "lower_values.h"
};

enum { LIMIT = 256 };

/* The numbers of `NAME=1,2,3` in the inputs; how many. */
static size_t find_input(const char *inputs, const char *name, double *numbers) {
    size_t length = strlen(name), count = 0;

    for (const char *at = inputs; *at; at++) {
        bool begins = at == inputs || at[-1] == ' ';
        if (begins && strncmp(at, name, length) == 0 && at[length] == '=') {
            const char *end = at + length;
            do {
                numbers[count++] = number_read(end + 1, &end);
            } while (*end == ',' && count < LIMIT);
            return count;
        }
    }
    return 0;
}

static bool set_inputs(Arena *arena, const Ir *ir, const struct Case *c, EvalInput *input) {
    int64_t *dims = arena_array(arena, int64_t, dim_symbol_count(ir) + 1);
    const double **reals = arena_array(arena, const double *, ir->leaf_count + 1);
    const int64_t **ints = arena_array(arena, const int64_t *, ir->leaf_count + 1);
    double numbers[LIMIT];
    Name name;

    for (size_t k = 0; k < dim_symbol_count(ir); k++) {
        (void)dim_is_symbol(ir, dim_symbol_at(ir, k), &name);
        if (find_input(c->inputs, name, numbers) != 1) {
            printf("no value for the dim %s\n", name);
            return false;
        }
        dims[k] = (int64_t)numbers[0];
    }
    for (size_t k = 0; k < ir->leaf_count; k++) {
        size_t count = find_input(c->inputs, ir->leaves[k].name, numbers);
        double *real = arena_array(arena, double, count + 1);
        int64_t *whole = arena_array(arena, int64_t, count + 1);
        if (count == 0) {
            printf("no value for the leaf %s\n", ir->leaves[k].name);
            return false;
        }
        for (size_t j = 0; j < count; j++) {
            real[j] = numbers[j];
            whole[j] = (int64_t)numbers[j];
        }
        reals[k] = ir->leaves[k].kind == KIND_REAL ? real : NULL;
        ints[k] = ir->leaves[k].kind == KIND_REAL ? NULL : whole;
    }
    *input = (EvalInput){dims, reals, ints, 0};
    return true;
}

static bool compare(Arena *arena, const Ir *ir, const struct Case *c) {
    EvalInput input;
    const char *at = c->values;
    bool same = true;

    if (!set_inputs(arena, ir, c, &input)) {
        return false;
    }
    for (size_t k = 0; k < ir->output_count; k++) {
        size_t count;
        double *found = ir_eval_output(ir, &input, k, &count);
        for (size_t j = 0; j < count; j++) {
            double expected = number_read(at, &at);
            at += *at == ' ';
            if (!(fabs(found[j] - expected) <= 1e-13 * fmax(1, fabs(expected)))) {
                printf("entry %zu of output %zu is %.17g, expected %.17g\n", j, k, found[j],
                       expected);
                same = false;
            }
        }
    }
    if (*at) {
        printf("values are missing: %s\n", at);
    }
    return same && !*at;
}

static bool run_case(const struct Case *c) {
    Arena *arena = arena_create();
    Front front = {
        .arena = arena, .names = interner_create(arena), .sources = sources_create(arena)};
    front.diags = diags_create(arena, front.sources);
    uint32_t file = sources_add(front.sources, "case.model", c->model, strlen(c->model), false);
    const Imported imported = sema_import(&front, front_parse(&front, file));
    const Model *model = sema_check(&front, &imported, NULL, 0);
    const ModelFunction *f = model_function(model, intern_text(front.names, c->function));
    Ir *ir = NULL;
    bool good = false;

    if (diags_errors(front.diags) == 0) {
        ir = c->run == RUN_DERIVED ? lower_derived_metric(&front, model, f, "f")
                                   : lower_entry(&front, model, entries[c->run],
                                                 c->run == RUN_REGULAR ? NULL : f, "f");
    }
    diags_print(front.diags, COLOR_NEVER);
    if (ir) {
        const char *wrong = ir_verify(ir);
        if (wrong) {
            printf("verify: %s\n", wrong);
        }
        good = !wrong && compare(arena, ir, c);
    }
    if (!good) {
        printf("failed, `%s` of:\n%s\n\n", c->function, c->model);
    }
    arena_destroy(arena);
    return good;
}

int main(void) {
    int status = 0;

    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        if (!run_case(&cases[k])) {
            status = 1;
        }
    }
    return status;
}
