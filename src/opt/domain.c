/* domain.c: warns of functions whose argument may leave their domain. An interval for each value
 * says what it can be; a sweep downwards finds the values that no condition protects. Reads the
 * IR after the stable rewrites and before differentiation; changes nothing.
 *
 * What is surely outside is told always. What only may be is told where params move it: data and
 * arguments are what they are, and the trainer reports the row. Values of recurrences and library
 * operations are taken to be inside. */
#include "opt/rewrite.h"

#include <math.h>

/* low ≤ value ≤ high wherever it is not NaN; `zero`: it may be 0. */
typedef struct {
    double low, high;
    bool zero;
} Interval;

typedef struct {
    const Ir *ir;
    Diags *diags;
    Interval *of;
    bool *moved;  /* depends on a param */
    bool *opaque; /* depends on what no interval is known of */
    bool *bare;   /* reached without a condition */
} Domain;

/* ---- intervals of operators
 * ------------------------------------------------------------------------------ */

static Interval interval(double low, double high) {
    return (Interval){low, high, low <= 0 && high >= 0};
}

static Interval anything(void) {
    return interval(-INFINITY, INFINITY);
}

static Interval united(Interval a, Interval b) {
    return (Interval){fmin(a.low, b.low), fmax(a.high, b.high), a.zero || b.zero};
}

static Interval negative_of(Interval a) {
    return (Interval){-a.high, -a.low, a.zero};
}

static Interval sum_of(Interval a, Interval b) {
    Interval sum = interval(a.low + b.low, a.high + b.high);
    const bool one_side = (a.low >= 0 && b.low >= 0) || (a.high <= 0 && b.high <= 0);
    sum.zero = one_side ? a.zero && b.zero : sum.zero;
    return sum;
}

/* 0 · ∞ is 0 here: the bound of a product whose factor vanishes. */
static double times(double a, double b) {
    return a == 0 || b == 0 ? 0 : a * b;
}

static Interval product_of(Interval a, Interval b) {
    const double p = times(a.low, b.low), q = times(a.low, b.high);
    const double r = times(a.high, b.low), s = times(a.high, b.high);
    return (Interval){fmin(fmin(p, q), fmin(r, s)), fmax(fmax(p, q), fmax(r, s)), a.zero || b.zero};
}

static Interval quotient_of(Interval a, Interval b) {
    if (b.low < 0 && b.high > 0) {
        return (Interval){-INFINITY, INFINITY, a.zero};
    }
    const Interval inverse = b.low >= 0 ? interval(1 / b.high, b.low == 0 ? INFINITY : 1 / b.low)
                                        : interval(b.high == 0 ? -INFINITY : 1 / b.high, 1 / b.low);
    Interval quotient = product_of(a, inverse);
    quotient.zero = a.zero;
    return quotient;
}

static Interval square_of(Interval a) {
    const double low = a.low > 0 ? a.low : a.high < 0 ? -a.high : 0;
    const double high = fmax(fabs(a.low), fabs(a.high));
    return (Interval){low * low, high * high, a.zero};
}

static Interval power_of(Interval base, Interval exponent) {
    const double n = exponent.low;
    const bool constant = exponent.low == exponent.high;
    if (constant && n > 0 && n == floor(n) && fmod(n, 2) == 0) {
        return (Interval){base.low > 0 ? pow(base.low, n) : 0, INFINITY, base.zero};
    }
    if (base.low >= 0) {
        return (Interval){0, INFINITY, base.zero && exponent.high > 0};
    }
    return anything();
}

/* Of a function that grows. */
static Interval grown(Interval a, double (*f)(double), double least) {
    const double low = a.low > least ? f(a.low) : f(least);
    return interval(low, a.high > least ? f(a.high) : INFINITY);
}

/* Is it x[i] - max(x), or x[i] - logsumexp(x)? */
static bool at_most(const Domain *d, const Node *difference) {
    const Node *top = ir_node(d->ir, difference->args[1]);
    return (top->op == OP_MAX || top->op == OP_LSE) && top->args[0] == difference->args[0];
}

static Interval call_interval(const Domain *d, const Node *node) {
    const Builtin *row = &builtins[node->as.builtin];
    const Interval a = d->of[node->args[0]];
    const Interval b = node->arg_count > 1 ? d->of[node->args[1]] : a;
    switch ((int)node->as.builtin) {
    case BI_add:
        return sum_of(a, b);
    case BI_sub:
        if (node->args[0] == node->args[1]) {
            return interval(0, 0);
        }
        return at_most(d, node) ? interval(-INFINITY, 0) : sum_of(a, negative_of(b));
    case BI_mul:
        return node->args[0] == node->args[1] ? square_of(a) : product_of(a, b);
    case BI_div:
        return quotient_of(a, b);
    case BI_neg:
        return negative_of(a);
    case BI_square:
        return square_of(a);
    case BI_pow:
        return power_of(a, b);
    case BI_abs: {
        const double low = a.low > 0 ? a.low : a.high < 0 ? -a.high : 0;
        return (Interval){low, fmax(fabs(a.low), fabs(a.high)), a.zero};
    }
    case BI_maximum:
        return interval(fmax(a.low, b.low), fmax(a.high, b.high));
    case BI_minimum:
        return interval(fmin(a.low, b.low), fmin(a.high, b.high));
    case BI_clamp: {
        const Interval c = d->of[node->args[2]];
        return interval(fmin(b.low, c.low), c.high);
    }
    case BI_exp:
    case BI_exp2:
        return (Interval){exp(a.low), exp(a.high), false};
    case BI_expm1:
        return grown(a, expm1, -INFINITY);
    case BI_log:
    case BI_log2:
    case BI_log10:
        return grown(a, log, 0); /* the sign is all that counts for the other bases */
    case BI_log1p:
        return grown(a, log1p, -1);
    case BI_log1pexp:
        return (Interval){0, INFINITY, false};
    case BI_log1mexp:
        return (Interval){-INFINITY, 0, true};
    case BI_logistic:
        return (Interval){0, 1, false};
    case BI_cosh:
        return (Interval){1, INFINITY, false};
    case BI_sqrt:
    case BI_norm_root: {
        Interval root = grown(a, sqrt, 0);
        root.zero = a.zero || a.low < 0;
        return root;
    }
    case BI_floor:
    case BI_ceil:
    case BI_round:
    case BI_trunc:
        return interval(floor(a.low), ceil(a.high));
    default:
        break;
    }
    return row->range[0] != 0 || row->range[1] != 0 ? interval(row->range[0], row->range[1])
                                                    : anything();
}

/* ---- intervals of values
 * ----------------------------------------------------------------------------------- */

static Interval extent_of(const Ir *ir, Dim dim) {
    int64_t size;
    const bool known = dim_value(ir, dim, &size);
    return known ? interval((double)size, (double)size) : interval(1, INFINITY);
}

static Interval leaf_interval(const Ir *ir, const Leaf *leaf) {
    if (leaf->kind == KIND_INT && leaf->class_dim != DIM_NONE) {
        return interval(0, extent_of(ir, leaf->class_dim).high - 1);
    }
    return anything();
}

static Interval total_of(const Ir *ir, Interval a, Index i) {
    const double least = extent_of(ir, ir_index_dim(ir, i)).low;
    if (a.low >= 0) {
        return (Interval){a.low * least, a.high == 0 ? 0 : INFINITY, a.zero};
    }
    return a.high <= 0 ? (Interval){-INFINITY, a.high * least, a.zero} : anything();
}

static Interval node_interval(const Domain *d, const Node *node) {
    const Ir *ir = d->ir;
    switch (node->op) {
    case OP_CONST:
        return node->kind == KIND_REAL
                   ? interval(node->as.real, node->as.real)
                   : interval((double)node->as.integer, (double)node->as.integer);
    case OP_SIZE:
        return extent_of(ir, node->as.dim);
    case OP_INDEX:
        return interval(0, extent_of(ir, ir_index_dim(ir, node->as.index)).high - 1);
    case OP_LEAF:
        return leaf_interval(ir, &ir->leaves[node->as.leaf]);
    case OP_CALL:
        return node->kind == KIND_BOOL ? interval(0, 1) : call_interval(d, node);
    case OP_SELECT:
        return united(d->of[node->args[1]], d->of[node->args[2]]);
    case OP_GUARD:
        return united(d->of[node->args[1]], interval(0, 0));
    case OP_CONVERT:
    case OP_READ:
    case OP_ARRAY:
    case OP_MAX:
    case OP_VAR:
        return d->of[node->args[0]];
    case OP_SUM:
        return total_of(ir, d->of[node->args[0]], node->as.index);
    case OP_DEPOSIT:
        return d->of[node->args[0]].low >= 0 ? interval(0, INFINITY) : anything();
    case OP_LSE:
        return interval(d->of[node->args[0]].low, INFINITY);
    case OP_ARGMAX:
        return interval(0, INFINITY);
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return anything();
}

static void find_intervals(Domain *d) {
    const Ir *ir = d->ir;
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        d->of[v] = node_interval(d, node);
        if (isnan(d->of[v].low) || isnan(d->of[v].high)) {
            d->of[v] = anything();
        }
        d->moved[v] = node->op == OP_LEAF && ir->leaves[node->as.leaf].role == LEAF_PARAM;
        d->opaque[v] = node->op == OP_STATE || node->op == OP_PICK || node->op == OP_LIB ||
                       node->op == OP_DERIV || node->op == OP_EXTERN;
        for (uint32_t k = 0; k < node->arg_count && node->op != OP_STATE; k++) {
            d->moved[v] = d->moved[v] || d->moved[node->args[k]];
            d->opaque[v] = d->opaque[v] || d->opaque[node->args[k]];
        }
        const bool bounded = isfinite(d->of[v].low) || isfinite(d->of[v].high);
        d->opaque[v] = d->opaque[v] && !bounded;
    }
}

/* What stands in a branch of an `if` may rely on its condition. */
static void find_bare(Domain *d) {
    const Ir *ir = d->ir;
    for (size_t k = 0; k < ir->output_count; k++) {
        d->bare[ir->outputs[k].value] = true;
    }
    for (Ref v = ir_count(ir); v-- > 1;) {
        const Node *node = ir_node(ir, v);
        if (!d->bare[v]) {
            continue;
        }
        const bool choice = node->op == OP_SELECT || node->op == OP_GUARD;
        for (uint32_t k = 0; k < (choice ? 1 : node->arg_count); k++) {
            d->bare[node->args[k]] = true;
        }
        if (node->op == OP_STATE) {
            d->bare[ir_scan_of_tag(ir, node->as.state.tag)] = true;
        }
    }
}

/* ---- domains
 * -----------------------------------------------------------------------------------------------
 */

enum { NAME_LIMIT = 48 };

/* The domain of argument `arg` of a built-in: low … high. */
typedef struct {
    BuiltinId f;
    unsigned arg;
    double low, high;
    const char *what, *outside;
} Row;

static const Row rows[] = {
    {BI_log, 0, 0, INFINITY, "the logarithm", "negative"},
    {BI_log2, 0, 0, INFINITY, "the logarithm", "negative"},
    {BI_log10, 0, 0, INFINITY, "the logarithm", "negative"},
    {BI_log1p, 0, -1, INFINITY, "log1p", "below -1"},
    {BI_log1mexp, 0, -INFINITY, 0, "log(1 - exp)", "positive"},
    {BI_xlogy, 1, 0, INFINITY, "the logarithm", "negative"},
    {BI_sqrt, 0, 0, INFINITY, "the square root", "negative"},
    {BI_asin, 0, -1, 1, "asin", "outside [-1, 1]"},
    {BI_acos, 0, -1, 1, "acos", "outside [-1, 1]"},
    {BI_atanh, 0, -1, 1, "atanh", "outside [-1, 1]"},
    {BI_acosh, 0, 1, INFINITY, "acosh", "below 1"},
};

/* "`w`", or "its argument" where the formula is long. */
static const char *named(const Domain *d, Ref v) {
    const char *formula = ir_formula(d->ir, v);
    size_t length = 0;
    while (formula[length] != '\0' && formula[length] != '\n') {
        length++;
    }
    return length <= NAME_LIMIT && formula[length] == '\0'
               ? arena_format(d->ir->arena, "`%s`", formula)
               : "its argument";
}

/* One warning a place: the entries of a model hold the same expressions. */
static bool is_told(const Domain *d, Warning warning, const Node *node) {
    return diags_warned(d->diags, warning, node->span);
}

/* The param that v is, or an entry of which it is. */
static const Leaf *param_of(const Ir *ir, Ref v) {
    const Node *node = ir_node(ir, v);
    if (node->op == OP_READ) {
        node = ir_node(ir, node->args[0]);
    }
    return node->op == OP_LEAF && ir->leaves[node->as.leaf].role == LEAF_PARAM
               ? &ir->leaves[node->as.leaf]
               : NULL;
}

static void add_mend(const Domain *d, Diag *diag, Ref v, double low, double high) {
    const Leaf *param = param_of(d->ir, v);
    const char *name = param ? param->name : NULL;
    if (name && low == 0 && high == INFINITY) {
        diag_label(d->diags, diag, "declare `param %s > 0`: training then keeps it so", name);
    } else if (name && low == -1 && high == 1) {
        diag_label(d->diags, diag, "declare `param %s in (-1, 1)`: training then keeps it so",
                   name);
    } else if (name && high == INFINITY) {
        diag_label(d->diags, diag, "declare `param %s > %g`: training then keeps it so", name, low);
    } else {
        diag_label(d->diags, diag,
                   "a constraint on a param, as in `param s > 0`, or an `if` would keep it inside");
    }
}

static void check_row(const Domain *d, const Node *node, const Row *row) {
    if (is_told(d, WARN_domain, node)) {
        return;
    }
    const Ref v = node->args[row->arg];
    const Interval a = d->of[v];
    if (a.high < row->low || a.low > row->high) {
        Diag *diag = diag_warning(d->diags, WARN_domain, node->span, "%s of %s, which is always %s",
                                  row->what, named(d, v), row->outside);
        diag_label(d->diags, diag, "this is never a number");
        return;
    }
    if ((a.low < row->low || a.high > row->high) && d->moved[v] && !d->opaque[v]) {
        Diag *diag = diag_warning(d->diags, WARN_domain, node->span, "%s of %s, which may be %s",
                                  row->what, named(d, v), row->outside);
        add_mend(d, diag, v, row->low, row->high);
    }
}

static void check_power(const Domain *d, const Node *node) {
    const Ref base = node->args[0];
    const Interval a = d->of[base], n = d->of[node->args[1]];
    const bool whole = (n.low == n.high && n.low == floor(n.low)) ||
                       ir_node(d->ir, node->args[1])->op == OP_CONVERT;
    if (whole || a.low >= 0 || is_told(d, WARN_domain, node)) {
        return;
    }
    if (a.high < 0 || (d->moved[base] && !d->opaque[base])) {
        Diag *diag = diag_warning(d->diags, WARN_domain, node->span,
                                  "a power that is no whole number of %s, which %s negative",
                                  named(d, base), a.high < 0 ? "is always" : "may be");
        add_mend(d, diag, base, 0, INFINITY);
    }
}

static void check_division(const Domain *d, const Node *node) {
    const Ref b = node->args[1];
    const Interval a = d->of[b];
    if (is_told(d, WARN_domain, node) || is_told(d, WARN_division, node)) {
        return;
    }
    if (a.low == 0 && a.high == 0) {
        Diag *diag = diag_warning(d->diags, WARN_domain, node->span, "division by %s, which is 0",
                                  named(d, b));
        diag_label(d->diags, diag, "this is never a number");
    } else if (a.zero && d->moved[b] && !d->opaque[b]) {
        Diag *diag = diag_warning(d->diags, WARN_division, node->span,
                                  "division by %s, which may be 0", named(d, b));
        add_mend(d, diag, b, a.low < 0 && !param_of(d->ir, b) ? -INFINITY : 0, INFINITY);
    }
}

/* The exp of a constraint `param s > 0`: it stands behind the name. */
static bool of_constraint(const Domain *d, const Node *node) {
    const Leaf *param = param_of(d->ir, node->args[0]);
    return param && param->span.file == node->span.file && node->span.start >= param->span.start &&
           node->span.start <= param->span.end + 1;
}

/* exp(709.78) is the largest number that there is. */
static const double LARGEST_LOG = 709.782712893384;

static void check_exp(const Domain *d, const Node *node) {
    const Ref v = node->args[0];
    const Interval a = d->of[v];
    if (is_told(d, WARN_domain, node) || is_told(d, WARN_overflow, node)) {
        return;
    }
    if (a.low > LARGEST_LOG) {
        Diag *diag = diag_warning(d->diags, WARN_domain, node->span,
                                  "exp of %s, which is always above 709, overflows", named(d, v));
        diag_label(d->diags, diag, "work with the logarithm instead");
    } else if (a.high > LARGEST_LOG && !d->opaque[v] && d->moved[v] && !of_constraint(d, node)) {
        Diag *diag =
            diag_warning(d->diags, WARN_overflow, node->span,
                         "exp of %s, which may be above 709, overflows there", named(d, v));
        diag_label(d->diags, diag,
                   "where its logarithm is what counts, write that: log1pexp(x), "
                   "logsumexp(v), log_sigmoid(x)");
    }
}

static void check_call(const Domain *d, const Node *node) {
    switch ((int)node->as.builtin) {
    case BI_div:
    case BI_fmod:
        check_division(d, node);
        return;
    case BI_pow:
        check_power(d, node);
        return;
    case BI_exp:
        check_exp(d, node);
        return;
    default:
        break;
    }
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        if (rows[k].f == node->as.builtin) {
            check_row(d, node, &rows[k]);
        }
    }
}

void opt_domain(Diags *diags, const Ir *ir) {
    const Ref count = ir_count(ir);
    Domain d = {.ir = ir,
                .diags = diags,
                .of = arena_array(ir->arena, Interval, count),
                .moved = arena_array(ir->arena, bool, count),
                .opaque = arena_array(ir->arena, bool, count),
                .bare = arena_array(ir->arena, bool, count)};
    find_intervals(&d);
    find_bare(&d);
    for (Ref v = 1; v < count; v++) {
        const Node *node = ir_node(ir, v);
        const bool checked = d.bare[v] && node->op == OP_CALL && node->kind == KIND_REAL;
        if (checked && node->span.file != 0) {
            check_call(&d, node);
        }
    }
}
