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

/* ---- a value beside its derivative ------------------------------------------------------------
 * The adjoint needs the derivatives of sigmoid and tanh where the values are kept. They are cheap
 * functions of these, but near 1 all digits would be lost: so what is kept is the smaller of the
 * value and what it lacks to 1; value and derivative are both exact from it. */

/* q = logistic(-|a|): logistic(a) is q or 1 - q, its derivative q (1 - q). */
static Ref logistic_rest(Ir *ir, Ref a) {
    const Ref e = ir_call1(ir, BI_exp, ir_neg(ir, ir_call1(ir, BI_abs, a)));
    return ir_div(ir, e, ir_add(ir, ir_real(ir, 1), e));
}

static Ref logistic_by_rest(Ir *ir, Ref a) {
    const Ref q = logistic_rest(ir, a);
    const Ref above = ir_compare(ir, BI_le, ir_real(ir, 0), a);
    return ir_select(ir, above, ir_sub(ir, ir_real(ir, 1), q), q);
}

static Ref slope_by_rest(Ir *ir, Ref a) {
    const Ref q = logistic_rest(ir, a);
    return ir_mul(ir, q, ir_sub(ir, ir_real(ir, 1), q));
}

/* |a| >= 0.5625, where the rest is what |tanh(a)| lacks to 1; below, it is tanh(a). NaN is below.
 */
static Ref tanh_is_large(Ir *ir, Ref a) {
    return ir_compare(ir, BI_le, ir_real(ir, 0.5625), ir_call1(ir, BI_abs, a));
}

static Ref tanh_by_rest(Ir *ir, Ref a) {
    const Ref q = ir_call1(ir, BI_tanh_rest, a);
    const Ref one = ir_real(ir, 1);
    const Ref negative = ir_compare(ir, BI_lt, a, ir_real(ir, 0));
    const Ref large = ir_select(ir, negative, ir_sub(ir, q, one), ir_sub(ir, one, q));
    return ir_select(ir, tanh_is_large(ir, a), large, q);
}

static Ref sech_square_by_rest(Ir *ir, Ref a) {
    const Ref q = ir_call1(ir, BI_tanh_rest, a);
    const Ref one = ir_real(ir, 1);
    const Ref large = ir_mul(ir, q, ir_sub(ir, ir_real(ir, 2), q));
    const Ref small = ir_mul(ir, ir_sub(ir, one, q), ir_add(ir, one, q));
    return ir_select(ir, tanh_is_large(ir, a), large, small);
}

/* The a of sech(a)², or REF_NONE. */
static Ref sech_square_of(const Ir *ir, Ref v) {
    Ref x;
    return opt_is_square(ir, v, &x) && opt_is_call(ir, x, BI_sech) ? opt_arg(ir, x, 0) : REF_NONE;
}

typedef struct {
    BuiltinId value, slope; /* slope squared, where it is sech */
    Ref (*make_value)(Ir *ir, Ref a);
    Ref (*make_slope)(Ir *ir, Ref a);
} Sloped;

static const Sloped sloped[] = {
    {BI_logistic, BI_logistic_slope, logistic_by_rest, slope_by_rest},
    {BI_tanh, BI_sech, tanh_by_rest, sech_square_by_rest},
};
enum { SLOPED = sizeof sloped / sizeof *sloped };

/* What the first round knows of arguments, by old value. */
typedef struct {
    bool *softplus;       /* x or -x stands in a log1pexp */
    bool *values[SLOPED]; /* the function stands there, */
    bool *slopes[SLOPED]; /* and its derivative */
} Arguments;

/* The argument if old value v is the derivative k, or REF_NONE. */
static Ref slope_of(const Ir *ir, Ref v, unsigned k) {
    return sloped[k].slope == BI_sech            ? sech_square_of(ir, v)
           : opt_is_call(ir, v, sloped[k].slope) ? opt_arg(ir, v, 0)
                                                 : REF_NONE;
}

/* A value or a derivative, where there are both; else REF_NONE. */
static Ref expand_sloped(Rewriter *w, Ref v) {
    const Arguments *known = w->context;
    for (unsigned k = 0; known && k < SLOPED; k++) {
        const bool value = opt_is_call(w->ir, v, sloped[k].value);
        const Ref a = value ? opt_arg(w->ir, v, 0) : slope_of(w->ir, v, k);
        if (a != REF_NONE && known->values[k][a] && known->slopes[k][a]) {
            return value ? sloped[k].make_value(w->ir, w->map[a])
                         : sloped[k].make_slope(w->ir, w->map[a]);
        }
    }
    return REF_NONE;
}

/* Whether old value v is the argument, or the negative of one, of a log1pexp. */
static bool beside_softplus(const Rewriter *w, Ref v) {
    const Arguments *known = w->context;
    if (!known) {
        return false;
    }
    const bool *softplus = known->softplus;
    const Node *node = ir_node(w->ir, v);
    const bool negative = node->op == OP_CALL && node->as.builtin == BI_neg;
    return softplus[v] || (negative && softplus[node->args[0]]);
}

static Ref expand_rule(Rewriter *w, Ref v) {
    Ir *ir = w->ir;
    const Ref both = expand_sloped(w, v);
    if (both != REF_NONE) {
        return both;
    }
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

static void note_arguments(const Ir *ir, Ref v, Arguments *known) {
    if (opt_is_call(ir, v, BI_log1pexp)) {
        const Ref x = opt_arg(ir, v, 0);
        known->softplus[x] = true;
        if (opt_is_call(ir, x, BI_neg)) {
            known->softplus[opt_arg(ir, x, 0)] = true;
        }
    }
    for (unsigned k = 0; k < SLOPED; k++) {
        const Ref slope = slope_of(ir, v, k);
        if (opt_is_call(ir, v, sloped[k].value)) {
            known->values[k][opt_arg(ir, v, 0)] = true;
        } else if (slope != REF_NONE) {
            known->slopes[k][slope] = true;
        }
    }
}

static Ir *expand_once(const OptOptions *options, const Ir *ir) {
    Rewriter w = opt_rewriter(options, ir, NULL);
    Arguments known = {.softplus = arena_array(w.ir->arena, bool, w.top)};
    for (unsigned k = 0; k < SLOPED; k++) {
        known.values[k] = arena_array(w.ir->arena, bool, w.top);
        known.slopes[k] = arena_array(w.ir->arena, bool, w.top);
    }
    for (Ref v = 1; v < w.top; v++) {
        note_arguments(w.ir, v, &known);
    }
    w.context = &known;
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
