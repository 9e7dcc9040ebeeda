/* The programs of the tests of diff, and random ones: loop programs of the function, its gradient
 * and its directional derivative against the interpreter. loop_programs -v prints the plans. */
#include "loop_build.h"

#define main diff_programs_main
#include "diff_programs.c"
#undef main
#define main diff_fuzz_main
#include "diff_fuzz.c"
#undef main

static void show(T *t, const Ir *ir) {
    const LoopOptions options = {.strict = false, .trainer = false, .diags = t->diags};
    printf("%s\n", loop_text(loop_plan(&options, t->arena, ir), t->arena));
}

static void check_all(T *t, const char *name, bool samples, bool verbose) {
    for (int solving = 1; solving >= 0; solving--) {
        ir_set_deposit_solving(t->ir, solving);
        Ir *ir = ir_compact(t->ir);
        const Dim rows = dim_symbol(ir, intern_text(t->names, "m"));
        if (samples && t->extents[dim_symbol_number(ir, rows)] > 0) {
            ir->sample_dim = rows;
        }
        const Ir *gradient = gradient_of(t, name, ir);
        if (!gradient) {
            return;
        }
        rules_prepare(t->rules, &t->front, gradient);
        const OptOptions levels[] = {options_of(t, 0, false), options_of(t, 2, false)};
        for (int level = 0; level < 2; level++) {
            const Ir *after = opt_after_diff(&levels[level], gradient);
            checkpoint = solving ? 0 : 2;
            check_loops(t, arena_format(t->arena, "%s, opt %d, solving %d", name, level, solving),
                        after, NULL, level == 1);
            if (verbose && level == 1 && solving) {
                printf("---- %s\n", name);
                show(t, after);
            }
        }
    }
}

int main(int argc, char **argv) {
    const bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    const int first = argc > 2 && !verbose ? atoi(argv[1]) : 0;
    const int last = argc > 2 && !verbose ? atoi(argv[2]) : verbose ? 0 : 400;
    for (size_t k = 0; k < sizeof programs / sizeof *programs && first == 0; k++) {
        T t = new_test(k + 1);
        programs[k].build(&t);
        check_all(&t, programs[k].name, false, verbose);
        check_all(&t, programs[k].name, true, verbose);
        end_test(&t);
    }
    static const int once_wrong[] = {972, 2559};
    const int more = first == 0 ? (int)(sizeof once_wrong / sizeof *once_wrong) : 0;
    for (int k = first; k < last + more; k++) {
        const int seed = k < last ? k : once_wrong[k - last];
        T t = new_test((uint64_t)seed);
        const bool ready = build(&t);
        if (ready) {
            check_all(&t, arena_format(t.arena, "seed %d", seed), false, false);
        }
        end_test(&t);
    }
    return failures != 0;
}
