/* inverse.c: a / b where 1 / b is computed besides is a product with that: a division takes as long
 * as a dozen multiplications. Not under --strict: the result is rounded twice. */
#include "opt/rewrite.h"

static bool is_inverse(const Ir *ir, Ref v) {
    return opt_is_call(ir, v, BI_div) && opt_is_value(ir, opt_arg(ir, v, 0), 1) &&
           !opt_is_op(ir, opt_arg(ir, v, 1), OP_CONST);
}

static Ref rule(Rewriter *w, Ref v) {
    const bool *inverted = w->context; /* by old value: 1 / it is computed */
    if (opt_is_call(w->ir, v, BI_div) && inverted[opt_arg(w->ir, v, 1)] && !is_inverse(w->ir, v)) {
        const Ref one = ir_real(w->ir, 1);
        const Ref inverse = ir_div(w->ir, one, w->map[opt_arg(w->ir, v, 1)]);
        return ir_mul(w->ir, w->map[opt_arg(w->ir, v, 0)], inverse);
    }
    return opt_rebuild(w, v);
}

Ir *opt_inverse(const OptOptions *options, const Ir *ir) {
    Rewriter w = opt_rewriter(options, ir, NULL);
    bool *inverted = arena_array(w.ir->arena, bool, w.top);
    for (Ref v = 1; v < w.top; v++) {
        if (is_inverse(w.ir, v)) {
            inverted[opt_arg(w.ir, v, 1)] = true;
        }
    }
    w.context = inverted;
    for (Ref v = 1; v < w.top; v++) {
        w.map[v] = rule(&w, v);
    }
    return opt_finish(&w);
}
