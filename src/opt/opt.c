/* opt.c: the order of the passes; the table is pass.def. */
#include "opt/rewrite.h"

typedef struct {
    const char *name;
    int level;
    bool reassociates;
    Ir *(*run)(const OptOptions *options, const Ir *ir);
} Pass;

static const Pass passes[] = {
#define PASS(name, level, reassociates, help) {#name, level, reassociates, opt_##name},
#include "opt/pass.def"
#undef PASS
};
enum { PASSES = sizeof passes / sizeof *passes };

static void verify(const OptOptions *options, const char *pass, const Ir *ir) {
    if (options->verify) {
        const char *message = ir_verify(ir);
        if (message) {
            ice(pass, "%s", message);
        }
    }
}

Ir *opt_dead(const OptOptions *options, const Ir *ir) {
    (void)options;
    return opt_copy(ir);
}

Ir *opt_before_diff(const OptOptions *options, const Ir *ir) {
    Ir *result = opt_assigned(options, ir);
    verify(options, "assigned", result);
    result = opt_inplace(options, result);
    verify(options, "inplace", result);
    result = opt_stable_recorded(options, result);
    verify(options, "stable", result);
    return result;
}

Ir *opt_after_diff(const OptOptions *options, const Ir *ir) {
    Arena *scratch = arena_create();
    Ir *result = opt_copy_in(scratch, ir);
    for (size_t k = 0; k < PASSES; k++) {
        const Pass *pass = &passes[k];
        if (pass->level <= options->level && !(pass->reassociates && options->strict)) {
            result = pass->run(options, result);
            verify(options, pass->name, result);
        }
    }
    result = opt_copy_in(ir->arena, result);
    arena_destroy(scratch);
    return result;
}

Ir *opt_for_display(const OptOptions *options, const Ir *ir) {
    Ir *result = opt_delta(options, ir);
    verify(options, "delta", result);
    result = opt_collect(options, result);
    verify(options, "collect", result);
    result = opt_choice(options, result);
    verify(options, "choice", result);
    return result;
}
