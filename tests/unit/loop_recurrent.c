/* Recurrences as loop programs: the gradients of the programs of diff_recurrent.c, and their second
 * derivatives, against the interpreter. */
#define main diff_recurrent_main
#include "diff_recurrent.c"
#undef main

#include "loop_build.h"

static void check_plans(T *t, const char *name, const Ir *ir) {
    rules_prepare(t->rules, &t->front, ir);
    const OptOptions levels[] = {options_of(t, 0, false), options_of(t, 2, false)};
    for (int level = 0; level < 2; level++) {
        const Ir *after = opt_after_diff(&levels[level], ir);
        for (checkpoint = 0; checkpoint < 4; checkpoint++) {
            const char *title =
                arena_format(t->arena, "%s, opt %d, checkpoint %d", name, level, (int)checkpoint);
            check_loops(t, title, after, NULL, level == 1);
        }
    }
}

static void check_program(T *t, const char *name, bool samples) {
    for (int solving = 1; solving >= 0; solving--) {
        ir_set_deposit_solving(t->ir, solving);
        Ir *ir = ir_compact(t->ir);
        const Dim rows = dim_symbol(ir, intern_text(t->names, "m"));
        if (samples && t->extents[dim_symbol_number(ir, rows)] > 0) {
            ir->sample_dim = rows;
        }
        check_plans(t, name, ir);
        const Ir *gradient = gradient_of(t, name, ir);
        if (gradient) {
            check_plans(t, arena_format(t->arena, "gradient of %s", name), gradient);
        }
    }
}

int main(void) {
    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++) {
        T t = new_test(k + 100);
        programs[k].build(&t);
        check_program(&t, programs[k].name, false);
        check_program(&t, programs[k].name, true);
        end_test(&t);
    }
    return failures != 0;
}
