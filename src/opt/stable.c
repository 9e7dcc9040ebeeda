/* stable.c: expressions that lose digits, overflow or have no derivative as they are written, in
 * the form that keeps all of them. It must run before differentiation: the derivative of the
 * unstable form is ∞/∞ or 0/0 and can no longer be recognised. Every rewrite is an identity of real
 * numbers on the domain of what was written; none reassociates sums or products of the user. Reads
 * any Ir; returns one with the same outputs. */
#include "opt/rewrite.h"

#include <math.h>

/* ---- the record
 * ------------------------------------------------------------------------------------ */

typedef struct {
    Arena *arena;
    Rewrite *list;
    size_t count, capacity;
} Record;

typedef struct {
    Record *record; /* NULL: not kept */
    const OptOptions *options;
    Ir *ir;
    Span span;
    const Rewriter *rewriter;
} Stable;

static Ref made(const Stable *s, const char *from, const char *to, Ref result) {
    if (s->record) {
        Record *r = s->record;
        for (size_t k = 0; k < r->count; k++) {
            const Span at = r->list[k].span;
            if (at.file == s->span.file && at.start == s->span.start && at.end == s->span.end &&
                r->list[k].from == from) {
                return result;
            }
        }
        r->list = arena_grow(r->arena, r->list, r->count, &r->capacity, sizeof *r->list);
        r->list[r->count++] = (Rewrite){s->span, from, to};
        if (s->options->diags) {
            diag_warning(s->options->diags, WARN_rewrite, s->span, "`%s` is computed as `%s`", from,
                         to);
        }
    }
    return result;
}

const Rewrite *opt_rewrites(const Ir *ir, size_t *count) {
    const Record *record = ir->rewrites;
    *count = record ? record->count : 0;
    return record ? record->list : NULL;
}

/* ---- small forms
 * --------------------------------------------------------------------------------------- */

/* v = 1 + x or x + 1. */
static bool is_one_plus(const Ir *ir, Ref v, Ref *x) {
    if (!opt_is_call(ir, v, BI_add)) {
        return false;
    }
    const Ref a = opt_arg(ir, v, 0), b = opt_arg(ir, v, 1);
    *x = opt_is_value(ir, a, 1) ? b : a;
    return opt_is_value(ir, a, 1) || opt_is_value(ir, b, 1);
}

static bool is_one_minus(const Ir *ir, Ref v, Ref *x) {
    if (!opt_is_call(ir, v, BI_sub) || !opt_is_value(ir, opt_arg(ir, v, 0), 1)) {
        return false;
    }
    *x = opt_arg(ir, v, 1);
    return true;
}

static bool is_exp(const Ir *ir, Ref v, Ref *x) {
    if (!opt_is_call(ir, v, BI_exp)) {
        return false;
    }
    *x = opt_arg(ir, v, 0);
    return true;
}

/* a and b are x and -x, whichever way. */
static bool are_opposite(Ir *ir, Ref a, Ref b) {
    return ir_neg(ir, a) == b || a == ir_neg(ir, b);
}

static bool is_positive_number(const Ir *ir, Ref v) {
    double value;
    if (opt_is_number(ir, v, &value)) {
        return value > 0 && value < INFINITY;
    }
    return opt_is_op(ir, v, OP_CONVERT) && opt_is_op(ir, opt_arg(ir, v, 0), OP_SIZE);
}

/* ---- logarithms of what is made of exponentials
 * ---------------------------------------------------- */

enum { LOG_DEPTH = 12 };

static Ref log_of(Stable *s, Ref u, int depth);

static Ref log_of_sum_of_two(Stable *s, Ref a, Ref b, int depth) {
    Ir *ir = s->ir;
    if (opt_is_value(ir, a, 1) || opt_is_value(ir, b, 1)) {
        const Ref x = log_of(s, opt_is_value(ir, a, 1) ? b : a, depth);
        return x == REF_NONE ? REF_NONE : ir_call1(ir, BI_log1pexp, x);
    }
    const Ref x = log_of(s, a, depth);
    const Ref y = x == REF_NONE ? REF_NONE : log_of(s, b, depth);
    if (y == REF_NONE) {
        return REF_NONE;
    }
    /* where exp(y) is 0, x - y would be ∞ */
    const Ref none = ir_compare(ir, BI_eq, y, ir_real(ir, -INFINITY));
    const Ref excess = ir_call1(ir, BI_log1pexp, ir_sub(ir, x, y));
    return ir_select(ir, none, x, ir_add(ir, y, excess));
}

static const double root_of_two = 1.4142135623730951;

/* log erfc x, which is 0 beyond 27 as written: log(2 Φ(-√2 x)), or near 0, where that cancels, and
 * below it log(1 - erf x). */
static Ref log_of_erfc(Stable *s, Ref x) {
    Ir *ir = s->ir;
    const Ref other = ir_mul(ir, ir_real(ir, -root_of_two), x);
    const Ref far = ir_add(ir, ir_real(ir, log(2)), ir_call1(ir, BI_log_Phi, other));
    const Ref near = ir_call1(ir, BI_log1p, ir_neg(ir, ir_call1(ir, BI_erf, x)));
    return ir_select(ir, ir_compare(ir, BI_lt, x, ir_real(ir, 0.5)), near, far);
}

/* a b = erfc(x) / 2 = Φ(-√2 x), whichever way: its logarithm; else REF_NONE. */
static Ref log_of_half_erfc(Stable *s, Ref a, Ref b) {
    Ir *ir = s->ir;
    const Ref f = opt_is_value(ir, a, 0.5) ? b : opt_is_value(ir, b, 0.5) ? a : REF_NONE;
    if (f == REF_NONE || !opt_is_call(ir, f, BI_erfc)) {
        return REF_NONE;
    }
    const Ref scaled = ir_mul(ir, ir_real(ir, -root_of_two), opt_arg(ir, f, 0));
    return ir_call1(ir, BI_log_Phi, scaled);
}

static Ref log_of_call(Stable *s, Ref u, int depth) {
    Ir *ir = s->ir;
    const Node *node = ir_node(ir, u);
    const Ref a = node->args[0];
    const Ref b = node->arg_count > 1 ? node->args[1] : REF_NONE;
    switch ((int)node->as.builtin) {
    case BI_exp:
        return a;
    case BI_erfc:
        return log_of_erfc(s, a);
    case BI_Phi:
        return ir_call1(ir, BI_log_Phi, a);
    case BI_logistic:
        return ir_neg(ir, ir_call1(ir, BI_log1pexp, ir_neg(ir, a)));
    case BI_add:
        return log_of_sum_of_two(s, a, b, depth);
    case BI_mul: {
        const Ref half = log_of_half_erfc(s, a, b);
        if (half != REF_NONE) {
            return half;
        }
        const Ref x = log_of(s, a, depth);
        const Ref y = x == REF_NONE ? REF_NONE : log_of(s, b, depth);
        return y == REF_NONE ? REF_NONE : ir_add(ir, x, y);
    }
    case BI_div: {
        const Ref half =
            opt_is_value(ir, b, 2) ? log_of_half_erfc(s, ir_real(ir, 0.5), a) : REF_NONE;
        if (half != REF_NONE) {
            return half;
        }
        const Ref x = log_of(s, a, depth);
        const Ref y = x == REF_NONE ? REF_NONE : log_of(s, b, depth);
        return y == REF_NONE ? REF_NONE : ir_sub(ir, x, y);
    }
    case BI_neg: /* -(exp(x) - 1) */
        return opt_is_call(ir, a, BI_expm1) ? ir_call1(ir, BI_log1mexp, opt_arg(ir, a, 0))
                                            : REF_NONE;
    default:
        return REF_NONE;
    }
}

/* log u, if u is made of exponentials and positive numbers, so that its logarithm never needs u;
 * else REF_NONE. A number alone is not worth it: the caller asks for it only beside something. */
static Ref log_of(Stable *s, Ref u, int depth) {
    Ir *ir = s->ir;
    const Node *node = ir_node(ir, u);
    if (depth == 0 || node->kind != KIND_REAL || node->rank > 0) {
        return REF_NONE;
    }
    if (is_positive_number(ir, u)) {
        double value;
        return opt_is_number(ir, u, &value) ? ir_real(ir, log(value)) : ir_call1(ir, BI_log, u);
    }
    switch (node->op) {
    case OP_CALL:
        return log_of_call(s, u, depth - 1);
    case OP_SUM: {
        const Index i = node->as.index;
        const Ref body = node->args[0];
        if (opt_is_op(ir, body, OP_GUARD)) {
            const Ref x = log_of(s, opt_arg(ir, body, 1), depth - 1);
            const Ref lowest = ir_real(ir, -INFINITY);
            return x == REF_NONE ? REF_NONE
                                 : ir_lse(ir, i, ir_select(ir, opt_arg(ir, body, 0), x, lowest));
        }
        const Ref x = log_of(s, body, depth - 1);
        return x == REF_NONE ? REF_NONE : ir_lse(ir, i, x);
    }
    case OP_READ: {
        const Ref array = node->args[0];
        if (!opt_is_op(ir, array, OP_ARRAY)) {
            return REF_NONE;
        }
        const Ref x = log_of(s, opt_arg(ir, array, 0), depth - 1);
        if (x == REF_NONE) {
            return REF_NONE;
        }
        const Node *closed = ir_node(ir, array);
        const Ref logs = ir_array(ir, closed->as.indices.list, closed->as.indices.count, x);
        return ir_read(ir, logs, node->args + 1, node->arg_count - 1);
    }
    case OP_SELECT: {
        const Ref x = log_of(s, node->args[1], depth - 1);
        const Ref y = x == REF_NONE ? REF_NONE : log_of(s, node->args[2], depth - 1);
        return y == REF_NONE ? REF_NONE : ir_select(ir, node->args[0], x, y);
    }
    case OP_VAR:
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_CONVERT:
    case OP_GUARD:
    case OP_ARRAY:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return REF_NONE;
}

/* prod(e): a recurrence of one state that begins as 1 and is multiplied by e ≥ 0, read at its end.
 * Its logarithm is the sum of theirs. */
static Ref log_of_product(Stable *s, Ref u) {
    Ir *ir = s->ir;
    const Node *read = ir_node(ir, u);
    if (read->op != OP_READ || read->arg_count != 2 || !opt_is_op(ir, read->args[0], OP_PICK)) {
        return REF_NONE;
    }
    const Node *scan = ir_node(ir, opt_arg(ir, read->args[0], 0));
    const Dim extent = ir_index_dim(ir, scan->as.scan.t);
    if (scan->as.scan.count != 1 || scan->as.scan.direction < 0 ||
        ir_value_dim(ir, read->args[1]) != extent || !opt_is_value(ir, scan->args[0], 1) ||
        !opt_is_call(ir, scan->args[1], BI_mul)) {
        return REF_NONE;
    }
    for (unsigned k = 0; k < 2; k++) {
        const Node *state = ir_node(ir, opt_arg(ir, scan->args[1], k));
        const Ref factor = opt_arg(ir, scan->args[1], 1 - k);
        if (state->op == OP_STATE && state->as.state.tag == scan->as.scan.tag &&
            opt_nonnegative(ir, factor)) {
            Ref x = log_of(s, factor, LOG_DEPTH);
            x = x == REF_NONE ? ir_call1(ir, BI_log, factor) : x;
            return ir_sum(ir, scan->as.scan.t, x);
        }
    }
    return REF_NONE;
}

/* log cosh x, which overflows at 710 as written and loses all digits near 0. */
static Ref log_of_cosh(Stable *s, Ref x) {
    Ir *ir = s->ir;
    const Ref size = ir_call1(ir, BI_abs, x);
    const Ref half = ir_mul(ir, ir_real(ir, 0.5), x);
    const Ref square = ir_square(ir, ir_call1(ir, BI_sinh, half));
    const Ref near = ir_call1(ir, BI_log1p, ir_mul(ir, ir_real(ir, 2), square));
    const Ref rest = ir_call1(ir, BI_log1pexp, ir_mul(ir, ir_real(ir, -2), size));
    const Ref far = ir_sub(ir, ir_add(ir, size, rest), ir_real(ir, log(2)));
    return ir_select(ir, ir_compare(ir, BI_lt, size, ir_real(ir, 1)), near, far);
}

/* u = ±x^n, n > 1: a product of squares and powers of one base; *n is what has been found of it so
 * far. `odd`: u has the sign of x. */
static bool is_power(const Ir *ir, Ref u, Ref *x, double *n, bool *odd, int depth) {
    double exponent;
    Ref y;
    if (depth > 0 && opt_is_call(ir, u, BI_mul) && !opt_is_square(ir, u, &y)) {
        return is_power(ir, opt_arg(ir, u, 0), x, n, odd, depth - 1) &&
               is_power(ir, opt_arg(ir, u, 1), x, n, odd, depth - 1);
    }
    if (opt_is_square(ir, u, &y)) {
        double half = 0;
        bool sign = false;
        Ref base = *n > 0 ? *x : REF_NONE;
        if (depth == 0 || !is_power(ir, y, &base, &half, &sign, depth - 1) ||
            (*n > 0 && base != *x)) {
            return false;
        }
        *x = base;
        *n += 2 * half;
        *odd = *odd || (sign && half != floor(half));
        return true;
    }
    const bool power = opt_is_call(ir, u, BI_pow) &&
                       opt_is_number(ir, opt_arg(ir, u, 1), &exponent) && exponent > 0;
    const bool size = opt_is_call(ir, u, BI_abs);
    const Ref base = power || size ? opt_arg(ir, u, 0) : u;
    if (*n > 0 && base != *x) {
        return false;
    }
    *x = base;
    *n += power ? exponent : 1;
    *odd = *odd || !size;
    return true;
}

/* Logarithms of powers, products and hyperbolic functions. */
static Ref stable_log_more(Stable *s, Ref v, Ref u) {
    Ir *ir = s->ir;
    Ref x;
    double n = 0;
    bool odd = false;
    if (is_power(ir, u, &x, &n, &odd, LOG_DEPTH) && n > 1 && (!odd || opt_nonnegative(ir, x))) {
        const Ref base = odd ? x : ir_call1(ir, BI_abs, x);
        return made(s, n == 2 ? "log(x^2)" : "log(x^n)", n == 2 ? "2 * log(abs(x))" : "n * log(x)",
                    ir_mul(ir, ir_real(ir, n), ir_call1(ir, BI_log, base)));
    }
    if (opt_is_call(ir, u, BI_cosh)) {
        return made(s, "log(cosh(x))", "abs(x) + softplus(-2 * abs(x)) - log(2)",
                    log_of_cosh(s, opt_arg(ir, u, 0)));
    }
    const Ref product = log_of_product(s, u);
    return product != REF_NONE ? made(s, "log(prod(x))", "sum(log(x))", product) : v;
}

/* The name of what log_of recognised in u. */
static Ref made_log(const Stable *s, Ref u, Ref result) {
    const Ir *ir = s->ir;
    Ref x;
    if (opt_is_call(ir, u, BI_exp)) {
        return made(s, "log(exp(x))", "x", result);
    }
    if (opt_is_call(ir, u, BI_logistic)) {
        return made(s, "log(1 / (1 + exp(-x)))", "-softplus(-x)", result);
    }
    if (opt_is_call(ir, u, BI_Phi)) {
        return made(s, "log(Phi(x))", "log_Phi(x)", result);
    }
    if (opt_is_call(ir, u, BI_erfc)) {
        return made(s, "log(erfc(x))", "log(2) + log_Phi(-sqrt(2) * x)", result);
    }
    if (opt_is_call(ir, result, BI_log_Phi)) {
        return made(s, "log(erfc(x) / 2)", "log_Phi(-sqrt(2) * x)", result);
    }
    if (is_one_plus(ir, u, &x)) {
        return made(s, "log(1 + exp(x))", "softplus(x)", result);
    }
    if (opt_is_op(ir, u, OP_SUM)) {
        return made(s, "log(sum(exp(x)))", "logsumexp(x)", result);
    }
    if (opt_is_call(ir, u, BI_neg)) {
        return made(s, "log(1 - exp(x))", "log1mexp(x)", result);
    }
    if (opt_is_op(ir, u, OP_READ)) {
        return made(s, "log(softmax(x)[k])", "log_softmax(x)[k]", result);
    }
    return made(s, "log(f)", "sums of the logarithms of its factors", result);
}

/* Of forms in x^2: x^2 loses digits of 1 - x^2 near 1 only, (1 - x) (1 + x) in its derivative near
 * 0 only. */
static Ref near_zero(Ir *ir, Ref square, Ref near, Ref far) {
    return ir_select(ir, ir_compare(ir, BI_lt, square, ir_real(ir, 0.5)), near, far);
}

static Ref stable_log(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref u = opt_arg(ir, v, 0);
    Ref x;
    const Ref direct = is_positive_number(ir, u) ? REF_NONE : log_of(s, u, LOG_DEPTH);
    if (direct != REF_NONE) {
        return made_log(s, u, direct);
    }
    if (is_one_plus(ir, u, &x)) {
        return made(s, "log(1 + x)", "log1p(x)", ir_call1(ir, BI_log1p, x));
    }
    Ref y;
    if (is_one_minus(ir, u, &x) && opt_is_square(ir, x, &y)) {
        const Ref above = ir_call1(ir, BI_log1p, y);
        const Ref below = ir_call1(ir, BI_log1p, ir_neg(ir, y));
        const Ref near = ir_call1(ir, BI_log1p, ir_neg(ir, x));
        return made(s, "log(1 - x^2)", "log1p(x) + log1p(-x)",
                    near_zero(ir, x, near, ir_add(ir, above, below)));
    }
    if (is_one_minus(ir, u, &x)) {
        return made(s, "log(1 - x)", "log1p(-x)", ir_call1(ir, BI_log1p, ir_neg(ir, x)));
    }
    if (opt_is_call(ir, u, BI_expm1)) { /* log(exp(x) - 1) = x + log(1 - exp(-x)) */
        x = opt_arg(ir, u, 0);
        const Ref rest = ir_call1(ir, BI_log1mexp, ir_neg(ir, x));
        return made(s, "log(exp(x) - 1)", "x + log1mexp(-x)", ir_add(ir, x, rest));
    }
    return stable_log_more(s, v, u);
}

static Ref stable_log1p(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref u = opt_arg(ir, v, 0);
    Ref x;
    if (is_exp(ir, u, &x)) {
        return made(s, "log1p(exp(x))", "softplus(x)", ir_call1(ir, BI_log1pexp, x));
    }
    if (opt_is_call(ir, u, BI_neg)) {
        const Ref inner = opt_arg(ir, u, 0);
        if (is_exp(ir, inner, &x)) {
            return made(s, "log1p(-exp(x))", "log1mexp(x)", ir_call1(ir, BI_log1mexp, x));
        }
        if (opt_is_call(ir, inner, BI_logistic)) {
            x = opt_arg(ir, inner, 0);
            return made(s, "log1p(-sigmoid(x))", "-softplus(x)",
                        ir_neg(ir, ir_call1(ir, BI_log1pexp, x)));
        }
        if (opt_is_call(ir, inner, BI_Phi)) {
            x = ir_neg(ir, opt_arg(ir, inner, 0));
            return made(s, "log1p(-Phi(x))", "log_Phi(-x)", ir_call1(ir, BI_log_Phi, x));
        }
    }
    return v;
}

/* w log u, where the logarithm is known without u, as it is of constrained params: it is finite,
 * so w = 0 gives 0 as before. */
static Ref stable_xlogy(Stable *s, Ref v) {
    const Ref u = opt_arg(s->ir, v, 1);
    const Ref x = is_positive_number(s->ir, u) ? REF_NONE : log_of(s, u, LOG_DEPTH);
    return x == REF_NONE ? v : made_log(s, u, ir_mul(s->ir, opt_arg(s->ir, v, 0), x));
}

/* w log(1 + u), likewise. */
static Ref stable_xlog1py(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref w = opt_arg(ir, v, 0), u = opt_arg(ir, v, 1);
    Ref x;
    if (is_exp(ir, u, &x)) {
        return made(s, "log1p(exp(x))", "softplus(x)", ir_mul(ir, w, ir_call1(ir, BI_log1pexp, x)));
    }
    if (opt_is_call(ir, u, BI_neg) && opt_is_call(ir, opt_arg(ir, u, 0), BI_logistic)) {
        x = ir_call1(ir, BI_log1pexp, opt_arg(ir, opt_arg(ir, u, 0), 0));
        return made(s, "log1p(-sigmoid(x))", "-softplus(x)", ir_mul(ir, w, ir_neg(ir, x)));
    }
    return v;
}

/* ---- exponentials and quotients
 * ----------------------------------------------------------------------- */

static Ref stable_exp(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref u = opt_arg(ir, v, 0);
    if (opt_is_call(ir, u, BI_log) && opt_nonnegative(ir, opt_arg(ir, u, 0))) {
        return made(s, "exp(log(x))", "x", opt_arg(ir, u, 0));
    }
    return v;
}

/* v = exp(x) - exp(-x), or with +. */
static bool is_twice_hyperbolic(Ir *ir, Ref v, BuiltinId f, Ref *x) {
    Ref y;
    return opt_is_call(ir, v, f) && is_exp(ir, opt_arg(ir, v, 0), x) &&
           is_exp(ir, opt_arg(ir, v, 1), &y) && are_opposite(ir, *x, y);
}

static Ref stable_hyperbolic(Stable *s, Ref v, Ref a, Ref b) {
    Ir *ir = s->ir;
    Ref x, y;
    if (!is_twice_hyperbolic(ir, a, BI_sub, &x)) {
        return v;
    }
    if (opt_is_value(ir, b, 2)) {
        return made(s, "(exp(x) - exp(-x)) / 2", "sinh(x)", ir_call1(ir, BI_sinh, x));
    }
    if (is_twice_hyperbolic(ir, b, BI_add, &y) && (x == y || are_opposite(ir, x, y))) {
        return made(s, "(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)",
                    ir_call1(ir, BI_tanh, x));
    }
    return v;
}

static Ref stable_div(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref a = opt_arg(ir, v, 0), b = opt_arg(ir, v, 1);
    Ref x, y;
    if (is_one_plus(ir, b, &x) && is_exp(ir, x, &y)) {
        Ref z;
        if (is_exp(ir, a, &z) && z == y) {
            return made(s, "exp(x) / (1 + exp(x))", "sigmoid(x)", ir_call1(ir, BI_logistic, y));
        }
        const Ref share = ir_call1(ir, BI_logistic, ir_neg(ir, y));
        return made(s, "1 / (1 + exp(-x))", "sigmoid(x)", ir_mul(ir, a, share));
    }
    if (is_exp(ir, a, &x)) {
        const Ref total = opt_is_op(ir, b, OP_SUM) ? log_of(s, b, LOG_DEPTH) : REF_NONE;
        if (total != REF_NONE) {
            return made(s, "exp(x) / sum(exp(x))", "softmax(x)",
                        ir_call1(ir, BI_exp, ir_sub(ir, x, total)));
        }
        if (is_exp(ir, b, &y)) {
            return made(s, "exp(x) / exp(y)", "exp(x - y)", ir_call1(ir, BI_exp, ir_sub(ir, x, y)));
        }
    }
    return stable_hyperbolic(s, v, a, b);
}

/* ---- differences
 * --------------------------------------------------------------------------------------- */

/* log a - log b, which cancels where a is near b. */
static Ref difference_of_logs(Stable *s, Ref v, Ref a, Ref b) {
    Ir *ir = s->ir;
    double number;
    if (!opt_is_call(ir, a, BI_log) || !opt_is_call(ir, b, BI_log)) {
        return v;
    }
    const Ref x = opt_arg(ir, a, 0), y = opt_arg(ir, b, 0);
    if (opt_is_number(ir, x, &number) || opt_is_number(ir, y, &number)) {
        return v;
    }
    const Ref difference = ir_sub(ir, x, y);
    const Ref limit = ir_mul(ir, ir_real(ir, 0.5), y);
    const Ref near = ir_compare(ir, BI_lt, ir_call1(ir, BI_abs, difference), limit);
    const Ref ratio = ir_call1(ir, BI_log1p, ir_div(ir, difference, y));
    return made(s, "log(x) - log(y)", "log1p((x - y) / y) where x is near y",
                ir_select(ir, near, ratio, v));
}

/* exp x - exp y, which cancels where x is near y. */
static Ref difference_of_exps(Stable *s, Ref v, Ref a, Ref b) {
    Ir *ir = s->ir;
    Ref x, y;
    if (!is_exp(ir, a, &x) || !is_exp(ir, b, &y) || are_opposite(ir, x, y)) {
        return v;
    }
    const Ref difference = ir_sub(ir, x, y);
    const Ref size = ir_call1(ir, BI_abs, difference);
    const Ref near = ir_compare(ir, BI_lt, size, ir_real(ir, 0.5));
    const Ref product = ir_mul(ir, b, ir_call1(ir, BI_expm1, difference));
    return made(s, "exp(x) - exp(y)", "exp(y) * expm1(x - y) where x is near y",
                ir_select(ir, near, product, v));
}

/* 1 - f(x), of functions whose complement has a name. */
static Ref stable_complement(Stable *s, Ref v, Ref b) {
    Ir *ir = s->ir;
    Ref t;
    if (opt_is_call(ir, b, BI_Phi)) {
        const Ref other = ir_neg(ir, opt_arg(ir, b, 0));
        return made(s, "1 - Phi(x)", "Phi(-x)", ir_call1(ir, BI_Phi, other));
    }
    if (opt_is_call(ir, b, BI_mul) &&
        (opt_is_value(ir, opt_arg(ir, b, 0), 0.5) || opt_is_value(ir, opt_arg(ir, b, 1), 0.5))) {
        const Ref half = ir_real(ir, 0.5);
        const Ref f = opt_arg(ir, b, opt_is_value(ir, opt_arg(ir, b, 0), 0.5) ? 1 : 0);
        if (opt_is_call(ir, f, BI_erfc)) {
            const Ref other = ir_call1(ir, BI_erfc, ir_neg(ir, opt_arg(ir, f, 0)));
            return made(s, "1 - erfc(x) / 2", "erfc(-x) / 2", ir_mul(ir, half, other));
        }
    }
    if (opt_is_call(ir, b, BI_erf)) {
        return made(s, "1 - erf(x)", "erfc(x)", ir_call1(ir, BI_erfc, opt_arg(ir, b, 0)));
    }
    if (opt_is_call(ir, b, BI_erfc)) {
        return made(s, "1 - erfc(x)", "erf(x)", ir_call1(ir, BI_erf, opt_arg(ir, b, 0)));
    }
    if (opt_is_square(ir, b, &t) && opt_is_call(ir, t, BI_sin)) {
        const Ref cosine = ir_call1(ir, BI_cos, opt_arg(ir, t, 0));
        return made(s, "1 - sin(x)^2", "cos(x)^2", ir_square(ir, cosine));
    }
    if (opt_is_square(ir, b, &t) && opt_is_call(ir, t, BI_cos)) {
        const Ref sine = ir_call1(ir, BI_sin, opt_arg(ir, t, 0));
        return made(s, "1 - cos(x)^2", "sin(x)^2", ir_square(ir, sine));
    }
    return v;
}

/* log(1 + x) - log(1 - x) */
static Ref stable_log_odds(Stable *s, Ref v, Ref a, Ref b) {
    Ir *ir = s->ir;
    if (opt_is_call(ir, a, BI_log1p) && opt_is_call(ir, b, BI_log1p) &&
        are_opposite(ir, opt_arg(ir, a, 0), opt_arg(ir, b, 0))) {
        const Ref half = ir_call1(ir, BI_atanh, opt_arg(ir, a, 0));
        return made(s, "log(1 + x) - log(1 - x)", "2 * atanh(x)", ir_mul(ir, ir_real(ir, 2), half));
    }
    return v;
}

static Ref stable_sub(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref a = opt_arg(ir, v, 0), b = opt_arg(ir, v, 1);
    Ref x;
    if (opt_is_value(ir, b, 1) && opt_is_call(ir, a, BI_cosh)) {
        const Ref half = ir_mul(ir, ir_real(ir, 0.5), opt_arg(ir, a, 0));
        const Ref square = ir_square(ir, ir_call1(ir, BI_sinh, half));
        return made(s, "cosh(x) - 1", "2 * sinh(x / 2)^2", ir_mul(ir, ir_real(ir, 2), square));
    }
    if (is_exp(ir, a, &x) && opt_is_value(ir, b, 1)) {
        return made(s, "exp(x) - 1", "expm1(x)", ir_call1(ir, BI_expm1, x));
    }
    if (opt_is_value(ir, a, 1)) {
        if (is_exp(ir, b, &x)) {
            return made(s, "1 - exp(x)", "-expm1(x)", ir_neg(ir, ir_call1(ir, BI_expm1, x)));
        }
        if (opt_is_call(ir, b, BI_cos)) {
            const Ref half = ir_mul(ir, ir_real(ir, 0.5), opt_arg(ir, b, 0));
            const Ref square = ir_square(ir, ir_call1(ir, BI_sin, half));
            return made(s, "1 - cos(x)", "2 * sin(x / 2)^2", ir_mul(ir, ir_real(ir, 2), square));
        }
        if (opt_is_call(ir, b, BI_logistic)) {
            const Ref other = ir_neg(ir, opt_arg(ir, b, 0));
            return made(s, "1 - sigmoid(x)", "sigmoid(-x)", ir_call1(ir, BI_logistic, other));
        }
        Ref t;
        if (opt_is_square(ir, b, &t) && opt_is_call(ir, t, BI_tanh)) {
            const Ref inverse = ir_call1(ir, BI_sech, opt_arg(ir, t, 0));
            return made(s, "1 - tanh(x)^2", "sech(x)^2", ir_square(ir, inverse));
        }
        return stable_complement(s, v, b);
    }
    if (opt_is_call(ir, a, BI_log1pexp) && opt_is_call(ir, b, BI_log1pexp) &&
        are_opposite(ir, opt_arg(ir, a, 0), opt_arg(ir, b, 0))) {
        return made(s, "log(sigmoid(x)) - log(1 - sigmoid(x))", "x", opt_arg(ir, a, 0));
    }
    const Ref odds = stable_log_odds(s, v, a, b);
    if (odds != v) {
        return odds;
    }
    const Ref logs = difference_of_logs(s, v, a, b);
    return logs != v ? logs : difference_of_exps(s, v, a, b);
}

/* y * A + (1 - y) * B, where y is 0 or 1, A = ±log1pexp(-z) and B = ±log1pexp(z). */
static bool is_label(const Ir *ir, Ref y) {
    if (!opt_is_op(ir, y, OP_CONVERT)) {
        return false;
    }
    const Ref n = opt_arg(ir, y, 0);
    if (ir_kind(ir, n) == KIND_BOOL) {
        return true;
    }
    const Node *read = ir_node(ir, n);
    const Node *leaf = read->op == OP_READ ? ir_node(ir, read->args[0]) : read;
    int64_t classes;
    return leaf->op == OP_LEAF && leaf->kind == KIND_INT &&
           ir->leaves[leaf->as.leaf].class_dim != DIM_NONE &&
           dim_value(ir, ir->leaves[leaf->as.leaf].class_dim, &classes) && classes == 2;
}

/* w = 1 - label, of reals or of whole numbers. */
static bool is_complement(Ir *ir, Ref w, Ref label) {
    Ref x;
    if (is_one_minus(ir, w, &x)) {
        return x == label;
    }
    if (!opt_is_op(ir, w, OP_CONVERT) || !opt_is_op(ir, label, OP_CONVERT) ||
        ir_kind(ir, opt_arg(ir, w, 0)) != KIND_INT ||
        ir_kind(ir, opt_arg(ir, label, 0)) != KIND_INT) {
        return false;
    }
    const Ref sum = ir_add(ir, opt_arg(ir, w, 0), opt_arg(ir, label, 0));
    const Node *one = ir_node(ir, sum);
    return one->op == OP_CONST && one->kind == KIND_INT && one->as.integer == 1;
}

/* Factors y and log1pexp(z) of a product; *sign is flipped for each neg on the way. */
static bool is_weighted_softplus(const Ir *ir, Ref v, Ref *weight, Ref *z, int *sign) {
    if (opt_is_call(ir, v, BI_neg)) {
        *sign = -*sign;
        v = opt_arg(ir, v, 0);
    }
    if (!opt_is_call(ir, v, BI_mul)) {
        return false;
    }
    for (unsigned k = 0; k < 2; k++) {
        Ref f = opt_arg(ir, v, k);
        int flip = 1;
        if (opt_is_call(ir, f, BI_neg)) {
            flip = -1;
            f = opt_arg(ir, f, 0);
        }
        if (opt_is_call(ir, f, BI_log1pexp)) {
            *z = opt_arg(ir, f, 0);
            *weight = opt_arg(ir, v, 1 - k);
            *sign *= flip;
            return true;
        }
    }
    return false;
}

static Ref stable_log_loss(Stable *s, Ref v, Ref first, Ref second, int second_sign) {
    Ir *ir = s->ir;
    int sign[2] = {1, second_sign};
    Ref weight[2], z[2];
    if (!is_weighted_softplus(ir, first, &weight[0], &z[0], &sign[0]) ||
        !is_weighted_softplus(ir, second, &weight[1], &z[1], &sign[1]) || sign[0] != sign[1] ||
        !are_opposite(ir, z[0], z[1])) {
        return v;
    }
    for (unsigned k = 0; k < 2; k++) {
        const Ref label = weight[k];
        if (!is_label(ir, label) || !is_complement(ir, weight[1 - k], label)) {
            continue;
        }
        /* The label weighs log1pexp(z[k]): for 1 it is that, for 0 that of -z[k]. */
        const Ref twice = ir_mul(ir, ir_real(ir, 2), label);
        const Ref side = ir_sub(ir, twice, ir_real(ir, 1));
        const Ref value = ir_call1(ir, BI_log1pexp, ir_mul(ir, side, z[k]));
        return made(s, "y * log(sigmoid(x)) + (1 - y) * log(1 - sigmoid(x))",
                    "-softplus((1 - 2 * y) * x)", sign[0] > 0 ? value : ir_neg(ir, value));
    }
    return v;
}

/* ---- roots
 * --------------------------------------------------------------------------------------------- */

/* v is a sum of squares, by sum or +, with positive numbers as weights. */
static bool is_sum_of_squares(const Ir *ir, Ref v, int depth) {
    Ref x;
    if (opt_is_square(ir, v, &x)) {
        return true;
    }
    if (depth == 0) {
        return false;
    }
    if (opt_is_op(ir, v, OP_SUM)) {
        return is_sum_of_squares(ir, opt_arg(ir, v, 0), depth - 1);
    }
    if (opt_is_op(ir, v, OP_GUARD)) {
        return is_sum_of_squares(ir, opt_arg(ir, v, 1), depth - 1);
    }
    if (opt_is_call(ir, v, BI_add)) {
        return is_sum_of_squares(ir, opt_arg(ir, v, 0), depth - 1) &&
               is_sum_of_squares(ir, opt_arg(ir, v, 1), depth - 1);
    }
    if (opt_is_call(ir, v, BI_mul)) {
        const Ref a = opt_arg(ir, v, 0), b = opt_arg(ir, v, 1);
        return (is_positive_number(ir, a) && is_sum_of_squares(ir, b, depth - 1)) ||
               (is_positive_number(ir, b) && is_sum_of_squares(ir, a, depth - 1));
    }
    if (opt_is_call(ir, v, BI_div)) {
        return is_positive_number(ir, opt_arg(ir, v, 1)) &&
               is_sum_of_squares(ir, opt_arg(ir, v, 0), depth - 1);
    }
    return false;
}

static Ref stable_sqrt(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref u = opt_arg(ir, v, 0);
    Ref x, y;
    if (opt_is_square(ir, u, &x)) {
        return made(s, "sqrt(x^2)", "abs(x)", ir_call1(ir, BI_abs, x));
    }
    if (opt_is_call(ir, u, BI_add) && opt_is_square(ir, opt_arg(ir, u, 0), &x) &&
        opt_is_square(ir, opt_arg(ir, u, 1), &y)) {
        return made(s, "sqrt(x^2 + y^2)", "hypot(x, y)", ir_call2(ir, BI_hypot, x, y));
    }
    if (is_one_minus(ir, u, &x) && opt_is_square(ir, x, &y)) {
        const Ref one = ir_real(ir, 1);
        const Ref below = ir_sub(ir, one, y), above = ir_add(ir, one, y);
        return made(s, "sqrt(1 - x^2)", "sqrt((1 - x) * (1 + x))",
                    near_zero(ir, x, v, ir_call1(ir, BI_sqrt, ir_mul(ir, below, above))));
    }
    if (is_sum_of_squares(ir, u, LOG_DEPTH)) {
        return made(s, "sqrt(sum(x^2))", "norm(x)", ir_call1(ir, BI_norm_root, u));
    }
    return v;
}

/* ---- powers
 * --------------------------------------------------------------------------------------------- */

static Ref stable_pow(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref a = opt_arg(ir, v, 0), b = opt_arg(ir, v, 1);
    if (opt_is_value(ir, b, 1)) {
        return a;
    }
    if (opt_is_value(ir, b, 2)) {
        return ir_square(ir, a);
    }
    if (opt_is_value(ir, b, 0.5)) {
        return stable_sqrt(s, ir_call1(ir, BI_sqrt, a));
    }
    return v;
}

/* ---- the pass
 * --------------------------------------------------------------------------------------------- */

static Ref stable_add(Stable *s, Ref v) {
    Ir *ir = s->ir;
    const Ref a = opt_arg(ir, v, 0), b = opt_arg(ir, v, 1);
    Ref x;
    if ((opt_is_value(ir, a, -1) && is_exp(ir, b, &x)) ||
        (opt_is_value(ir, b, -1) && is_exp(ir, a, &x))) {
        return made(s, "exp(x) - 1", "expm1(x)", ir_call1(ir, BI_expm1, x));
    }
    if (is_one_plus(ir, v, &x) && opt_is_call(ir, x, BI_erf)) {
        const Ref other = ir_neg(ir, opt_arg(ir, x, 0));
        return made(s, "1 + erf(x)", "erfc(-x)", ir_call1(ir, BI_erfc, other));
    }
    return stable_log_loss(s, v, a, b, 1);
}

/* x * log(x) is 0 at 0. */
static Ref stable_mul(Stable *s, Ref v) {
    Ir *ir = s->ir;
    for (unsigned k = 0; k < 2; k++) {
        const Ref x = opt_arg(ir, v, k), y = opt_arg(ir, v, 1 - k);
        if (opt_is_call(ir, y, BI_log) && opt_arg(ir, y, 0) == x) {
            return made(s, "x * log(x)", "xlogy(x, x)", ir_call2(ir, BI_xlogy, x, x));
        }
    }
    return v;
}

static Ref stable_value(Stable *s, Ref v) {
    const Node *node = ir_node(s->ir, v);
    if (node->op != OP_CALL || node->kind != KIND_REAL) {
        return v;
    }
    switch ((int)node->as.builtin) {
    case BI_add:
        return stable_add(s, v);
    case BI_sub: {
        const Ref r = stable_sub(s, v);
        return r != v ? r : stable_log_loss(s, v, node->args[0], node->args[1], -1);
    }
    case BI_mul:
        return stable_mul(s, v);
    case BI_div:
        return stable_div(s, v);
    case BI_log:
        return stable_log(s, v);
    case BI_log1p:
        return stable_log1p(s, v);
    case BI_xlogy:
        return stable_xlogy(s, v);
    case BI_xlog1py:
        return stable_xlog1py(s, v);
    case BI_exp:
        return stable_exp(s, v);
    case BI_sqrt:
        return stable_sqrt(s, v);
    case BI_pow:
        return stable_pow(s, v);
    default:
        return v;
    }
}

static Ref stable_rule(Rewriter *w, Ref v) {
    Stable s = {w->context, w->options, w->ir, ir_node(w->ir, v)->span, w};
    Ref r = opt_sum_of_list(w->ir, opt_rebuild(w, v));
    for (int round = 0; round < 4; round++) {
        const Ref next = stable_value(&s, r);
        if (next == r) {
            break;
        }
        r = next;
    }
    return r;
}

Ir *opt_stable(const OptOptions *options, const Ir *ir) {
    return opt_rewrite(options, ir, stable_rule, NULL);
}

Ir *opt_stable_recorded(const OptOptions *options, const Ir *ir) {
    Record *record = arena_new(ir->arena, Record);
    record->arena = ir->arena;
    Ir *result = opt_rewrite(options, ir, stable_rule, record);
    result->rewrites = record;
    return result;
}
