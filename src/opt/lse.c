/* lse.c: log-sum-exp written out: m = max a, e = exp(a - m), s = Σ e, v = m + log s; and every
 * exp(a - v) becomes e * (1/s), so that one exponential an element is computed, not two; x - v
 * becomes (x - m) - log s, which keeps the digits that m + log s has no room for. Where m is not
 * finite it is replaced by 0, which makes the value -∞ or ∞ instead of NaN. Returns an Ir without
 * LSE. */
#include "opt/rewrite.h"

#include <math.h>

typedef struct {
    Ref exponential; /* e */
    Ref inverse;     /* 1/s */
    Ref shift, log;  /* m and log s */
} Expansion;

static Ref expand_lse(Rewriter *w, Ref v) {
    Ir *ir = w->ir;
    Expansion *expansions = w->context;
    const Node *node = ir_node(ir, v);
    const Ref a = w->map[node->args[0]];
    const Index i = node->as.index;
    if ((ir_free(ir, a) & INDEX_BIT(i)) == 0) {
        return ir_lse(ir, i, a);
    }
    const Ref max = ir_max(ir, i, a);
    const Ref size = ir_call1(ir, BI_abs, max);
    const Ref infinity = ir_real(ir, INFINITY);
    const Ref finite = ir_compare(ir, BI_lt, size, infinity);
    const Ref zero = ir_real(ir, 0);
    const Ref shift = ir_select(ir, finite, max, zero);
    const Ref e = ir_call1(ir, BI_exp, ir_sub(ir, a, shift));
    const Ref sum = ir_sum(ir, i, e);
    const Ref one = ir_real(ir, 1);
    const Ref inverse = ir_div(ir, one, sum);
    const Ref log = ir_call1(ir, BI_log, sum);
    expansions[v] = (Expansion){e, inverse, shift, log};
    return ir_add(ir, shift, log);
}

/* The expansion of v, if v is a log-sum-exp that was expanded. */
static const Expansion *expansion_of(const Rewriter *w, Ref v) {
    const Expansion *expansions = w->context;
    return opt_is_op(w->ir, v, OP_LSE) && expansions[v].exponential != REF_NONE ? &expansions[v]
                                                                                : NULL;
}

static Ref lse_rule(Rewriter *w, Ref v) {
    Ir *ir = w->ir;
    if (opt_is_op(ir, v, OP_LSE)) {
        return expand_lse(w, v);
    }
    if (opt_is_call(ir, v, BI_exp) && opt_is_call(ir, opt_arg(ir, v, 0), BI_sub)) {
        const Ref difference = opt_arg(ir, v, 0);
        const Expansion *x = expansion_of(w, opt_arg(ir, difference, 1));
        if (x && opt_arg(ir, opt_arg(ir, difference, 1), 0) == opt_arg(ir, difference, 0)) {
            return ir_mul(ir, x->exponential, x->inverse);
        }
    }
    if (opt_is_call(ir, v, BI_sub)) {
        const Expansion *x = expansion_of(w, opt_arg(ir, v, 1));
        if (x) {
            const Ref shifted = ir_sub(ir, w->map[opt_arg(ir, v, 0)], x->shift);
            return ir_sub(ir, shifted, x->log);
        }
    }
    return opt_rebuild(w, v);
}

Ir *opt_lse(const OptOptions *options, const Ir *ir) {
    Rewriter w = opt_rewriter(options, ir, NULL);
    w.context = arena_array(w.ir->arena, Expansion, w.top);
    const Span at = w.ir->at;
    for (Ref v = 1; v < w.top; v++) {
        w.ir->at = ir_node(w.ir, v)->span;
        w.map[v] = lse_rule(&w, v);
        ir_keep_name(w.ir, v, w.map[v]);
    }
    w.ir->at = at;
    return opt_finish(&w);
}
