/* expand.c: what the printers cannot print is written out: built-ins that have a formula, and
 * powers with a small whole exponent. Returns an Ir whose calls are all of libm or of the printers.
 */
#include "opt/rewrite.h"

#include <math.h>

enum { POWER_LIMIT = 8 };

static Ref power(Ir *ir, Ref x, int n) {
    Ref result = REF_NONE;
    for (Ref square = x; n > 0; n /= 2) {
        if (n % 2 == 1) {
            result = result == REF_NONE ? square : ir_mul(ir, result, square);
        }
        square = n > 1 ? ir_square(ir, square) : square;
    }
    return result;
}

static Ref expand_power(Rewriter *w, Ref v) {
    Ir *ir = w->ir;
    const Ref x = opt_arg(ir, v, 0);
    double exponent;
    if (!opt_is_number(ir, opt_arg(ir, v, 1), &exponent)) {
        return v;
    }
    const double size = fabs(exponent);
    const int limit = w->options->strict ? 2 : POWER_LIMIT;
    if (size == floor(size) && size >= 1 && size <= limit) {
        const Ref r = power(ir, x, (int)size);
        const Ref one = ir_real(ir, 1);
        return exponent > 0 ? r : ir_div(ir, one, r);
    }
    return v;
}

/* logistic(a) beside log1pexp(±a), which needs exp(-|a|) anyway: (1 or that) / (1 + that). */
static Ref expand_logistic(Ir *ir, Ref a) {
    const Ref e = ir_call1(ir, BI_exp, ir_neg(ir, ir_call1(ir, BI_abs, a)));
    const Ref one = ir_real(ir, 1);
    const Ref zero = ir_real(ir, 0);
    const Ref top = ir_select(ir, ir_compare(ir, BI_lt, a, zero), e, one);
    return ir_div(ir, top, ir_add(ir, one, e));
}

/* Whether old value v is the argument, or the negative of one, of a log1pexp. */
static bool beside_softplus(const Rewriter *w, Ref v) {
    const bool *softplus = w->context;
    if (!softplus) {
        return false;
    }
    const Node *node = ir_node(w->ir, v);
    const bool negative = node->op == OP_CALL && node->as.builtin == BI_neg;
    return softplus[v] || (negative && softplus[node->args[0]]);
}

static Ref expand_rule(Rewriter *w, Ref v) {
    Ir *ir = w->ir;
    const Ref r = opt_rebuild(w, v);
    const Node *node = ir_node(ir, r);
    if (node->op != OP_CALL || node->kind != KIND_REAL) {
        return r;
    }
    if (opt_is_call(ir, v, BI_logistic) && beside_softplus(w, opt_arg(ir, v, 0))) {
        return expand_logistic(ir, opt_arg(ir, r, 0));
    }
    if (node->as.builtin == BI_pow) {
        return expand_power(w, r);
    }
    const Rules *rules = w->options->rules;
    const Ir *formula = rules ? rules->formula[node->as.builtin] : NULL;
    if (!formula) {
        return r;
    }
    Ref leaves[BUILTIN_ARITY + 1] = {REF_NONE};
    for (uint32_t k = 0; k < node->arg_count; k++) {
        leaves[k] = node->args[k];
    }
    leaves[BUILTIN_ARITY] = r;
    return ir_import(ir, formula, formula->outputs[0].value, leaves);
}

static bool has_formulas(const OptOptions *options, const Ir *ir) {
    const Ref top = ir_count(ir);
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        if (options->rules && node->op == OP_CALL && node->kind == KIND_REAL &&
            options->rules->formula[node->as.builtin]) {
            return true;
        }
    }
    return false;
}

/* Formulas call rows that have formulas themselves. */
enum { FORMULA_DEPTH = 8 };

/* The first round: marks x and -x for each log1pexp(x). */
static Ir *expand_once(const OptOptions *options, const Ir *ir) {
    Rewriter w = opt_rewriter(options, ir, NULL);
    bool *softplus = arena_array(w.ir->arena, bool, w.top);
    for (Ref v = 1; v < w.top; v++) {
        if (opt_is_call(w.ir, v, BI_log1pexp)) {
            const Ref x = opt_arg(w.ir, v, 0);
            softplus[x] = true;
            if (opt_is_call(w.ir, x, BI_neg)) {
                softplus[opt_arg(w.ir, x, 0)] = true;
            }
        }
    }
    w.context = softplus;
    const Span at = w.ir->at;
    for (Ref v = 1; v < w.top; v++) {
        w.ir->at = ir_node(w.ir, v)->span;
        w.map[v] = expand_rule(&w, v);
    }
    w.ir->at = at;
    return opt_finish(&w);
}

Ir *opt_expand(const OptOptions *options, const Ir *ir) {
    Ir *result = expand_once(options, ir);
    for (int depth = 0; depth < FORMULA_DEPTH && has_formulas(options, result); depth++) {
        result = opt_rewrite(options, result, expand_rule, NULL);
    }
    return result;
}
