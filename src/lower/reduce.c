/* reduce.c: sum, prod, mean, max, … over ranges and over whole arrays; comprehensions. */
#include <math.h>
#include <string.h>

#include "lower/elaborate.h"

typedef enum {
    REDUCE_SUM,
    REDUCE_PROD,
    REDUCE_MEAN,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_LSE,
    REDUCE_ARGMAX,
    REDUCE_ARGMIN,
    REDUCE_ANY,
    REDUCE_ALL,
    REDUCE_COUNT
} Reduction;

static const char *const reduction_names[REDUCE_COUNT] = {
    [REDUCE_SUM] = "sum",       [REDUCE_PROD] = "prod",     [REDUCE_MEAN] = "mean",
    [REDUCE_MAX] = "max",       [REDUCE_MIN] = "min",       [REDUCE_LSE] = "logsumexp",
    [REDUCE_ARGMAX] = "argmax", [REDUCE_ARGMIN] = "argmin", [REDUCE_ANY] = "any",
    [REDUCE_ALL] = "all",
};

static bool find_reduction(const char *name, Reduction *found) {
    for (unsigned k = 0; k < REDUCE_COUNT; k++) {
        if (strcmp(name, reduction_names[k]) == 0) {
            *found = (Reduction)k;
            return true;
        }
    }
    return false;
}

bool is_reduction(const char *name) {
    Reduction r;
    return find_reduction(name, &r);
}

/* ---- of scalars ------------------------------------------------------------------------------ */

/* Where the condition fails, a value that changes nothing. */
static Ref elsewhere(Lower *lower, Ref condition, Ref a, double neutral) {
    return condition == REF_NONE ? a
                                 : ir_select(lower->ir, condition, a, ir_real(lower->ir, neutral));
}

/* The product over one index: few factors are multiplied, many are a recurrence, exact at 0. */
static Ref prod_over(Lower *lower, Index i, Ref a) {
    enum { UNROLL = 8 };
    Ir *ir = lower->ir;
    int64_t n;

    if (!(ir_free(ir, a) & INDEX_BIT(i))) {
        Ref count = ir_convert(ir, ir_size(ir, ir_index_dim(ir, i)));
        return ir_call2(ir, BI_pow, a, count);
    }
    if (dim_is_const(ir, ir_index_dim(ir, i), &n) && n <= UNROLL) {
        Ref result = REF_NONE;
        for (int64_t k = 0; k < n; k++) {
            Ref replacement[INDEX_LIMIT] = {0};
            replacement[i] = ir_int(ir, k);
            Ref factor = ir_subst(ir, a, replacement);
            result = k == 0 ? factor : ir_mul(ir, result, factor);
        }
        return result;
    }
    uint32_t tag = ir_new_tag(ir);
    Ref one = ir_real(ir, 1);
    Ref state = ir_state(ir, tag, 0, i, ir_free(ir, a) | INDEX_BIT(i), one);
    Ref step = ir_mul(ir, state, a);
    Ref scan = ir_scan(ir, tag, i, 1, &one, &step, 1);
    Ref all = ir_pick(ir, scan, 0);
    Ref last = ir_size(ir, ir_index_dim(ir, i));
    Ref product = ir_read(ir, all, &last, 1);
    bool sure = dim_proves_le(ir, dim_const(ir, 0), ir_index_dim(ir, i));
    return sure ? product : ir_select(ir, ir_compare(ir, BI_le, ir_int(ir, 0), last), product, one);
}

static Ref each_index(Lower *lower, const Range *ranges, unsigned count, Ref a,
                      Ref (*build)(Ir *, Index, Ref)) {
    for (unsigned k = count; k-- > 0;) {
        a = build(lower->ir, ranges[k].index, a);
    }
    return a;
}

static Ref mean_of(Lower *lower, const Range *ranges, unsigned count, Ref condition, Ref a) {
    Ir *ir = lower->ir;
    Ref total = each_index(lower, ranges, count, ir_guard(ir, condition, a), ir_sum);
    Ref number = ir_real(ir, 1);

    if (condition != REF_NONE) {
        number = each_index(lower, ranges, count, ir_guard(ir, condition, number), ir_sum);
    } else {
        Dim all = dim_const(ir, 1);
        for (unsigned k = 0; k < count; k++) {
            all = dim_mul(ir, all, ranges[k].extent);
        }
        number = ir_convert(ir, ir_size(ir, all));
    }
    return ir_div(ir, total, number);
}

static Ref arg_of(Lower *lower, const Range *range, Ref condition, Ref a) {
    Ref best = ir_argmax(lower->ir, range->index, elsewhere(lower, condition, a, -INFINITY));
    Ref replacement[INDEX_LIMIT] = {0};

    replacement[range->index] = best;
    return ir_subst(lower->ir, range->position, replacement);
}

/* `a` is a scalar that is real, or bool for any and all. */
static Ref reduce_scalar(Lower *lower, Reduction r, const Range *ranges, unsigned count, Ref a) {
    Ir *ir = lower->ir;
    Ref condition = all_conditions(lower, ranges, count);

    switch (r) {
    case REDUCE_SUM:
        return each_index(lower, ranges, count, ir_guard(ir, condition, a), ir_sum);
    case REDUCE_PROD:
        a = elsewhere(lower, condition, a, 1);
        for (unsigned k = count; k-- > 0;) {
            a = prod_over(lower, ranges[k].index, a);
        }
        return a;
    case REDUCE_MEAN:
        return mean_of(lower, ranges, count, condition, a);
    case REDUCE_MAX:
        a = elsewhere(lower, condition, a, -INFINITY);
        return each_index(lower, ranges, count, a, ir_max);
    case REDUCE_MIN:
        a = elsewhere(lower, condition, ir_neg(ir, a), -INFINITY);
        return ir_neg(ir, each_index(lower, ranges, count, a, ir_max));
    case REDUCE_LSE:
        a = elsewhere(lower, condition, a, -INFINITY);
        return each_index(lower, ranges, count, a, ir_lse);
    case REDUCE_ARGMAX:
        return arg_of(lower, &ranges[0], condition, a);
    case REDUCE_ARGMIN:
        return arg_of(lower, &ranges[0], condition, ir_neg(ir, a));
    case REDUCE_ANY:
    case REDUCE_ALL: {
        Ref truth = ir_convert(ir, r == REDUCE_ANY ? a : ir_not(ir, a));
        truth = elsewhere(lower, condition, truth, 0);
        Ref most = each_index(lower, ranges, count, truth, ir_max);
        Ref some = ir_compare(ir, BI_lt, ir_real(ir, 0), most);
        return r == REDUCE_ANY ? some : ir_not(ir, some);
    }
    case REDUCE_COUNT:
        break;
    }
    return REF_NONE;
}

/* Makes the entries what the reduction works on; REF_NONE after an error. */
static Ref operand(Lower *lower, Reduction r, const Expr *at, Ref a) {
    if (r == REDUCE_ANY || r == REDUCE_ALL) {
        if (ir_kind(lower->ir, a) != KIND_BOOL) {
            Diag *diag =
                lower_error(lower, at->span, "`%s` is for truth values, and `%s` is not one",
                            reduction_names[r], expr_text(lower, at));
            diag_label(lower->diags, diag, "compare it: `%s != 0`", expr_text(lower, at));
            return REF_NONE;
        }
        return a;
    }
    return to_real(lower, a);
}

/* Over an empty range. */
static Ref reduce_empty(Lower *lower, Reduction r, Span at) {
    if (r == REDUCE_SUM) {
        return ir_real(lower->ir, 0);
    }
    if (r == REDUCE_PROD) {
        return ir_real(lower->ir, 1);
    }
    if (r == REDUCE_LSE) {
        return ir_real(lower->ir, -INFINITY);
    }
    lower_error(lower, at, "the range of this `%s` is empty", reduction_names[r]);
    return REF_NONE;
}

/* ---- over ranges ----------------------------------------------------------------------------- */

static Ref reduce_body(Lower *lower, const Expr *expr, Reduction r, const Range *ranges,
                       unsigned count) {
    Ref body = lower_expr(lower, expr->as.reduce.body);
    Index names[RANK_LIMIT];

    if (body == REF_NONE) {
        return REF_NONE;
    }
    body = operand(lower, r, expr->as.reduce.body, body);
    if (body == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, expr->span);
    const Node *node = ir_node(lower->ir, body);
    IndexSet used = visible(lower) | node->free;
    fresh_names(lower, node->shape, node->rank, used, names);
    Ref value = reduce_scalar(lower, r, ranges, count, read_at(lower, body, names, node->rank));
    return node->rank == 0 ? value : ir_array(lower->ir, names, node->rank, value);
}

Ref lower_reduce(Lower *lower, const Expr *expr) {
    Name name = expr->as.reduce.name;
    Range ranges[RANK_LIMIT];
    unsigned count;
    Reduction r;
    const Binding *env = lower->env;
    const Fact *facts = lower->facts;
    Ref result = REF_NONE;

    if (!find_reduction(name, &r)) {
        Name *names = arena_array(lower->arena, Name, REDUCE_COUNT);
        for (unsigned k = 0; k < REDUCE_COUNT; k++) {
            names[k] = intern_text(lower->front->names, reduction_names[k]);
        }
        Name close = closest_name(name, names, REDUCE_COUNT);
        Diag *diag =
            lower_error(lower, expr->as.reduce.name_span, "`%s` does not reduce a range", name);
        if (strcmp(name, "Σ") == 0 || strcmp(name, "Π") == 0) {
            diag_label(lower->diags, diag, "write `%s(… for …)`",
                       strcmp(name, "Σ") == 0 ? "sum" : "prod");
        } else if (close) {
            diag_label(lower->diags, diag, "did you mean `%s`?", close);
        } else {
            diag_label(lower->diags, diag, "give it an array: `%s([… for …])`", name);
        }
        return REF_NONE;
    }
    int opened = open_binders(lower, expr->as.reduce.binders, expr->as.reduce.body, ranges, &count);
    if (opened == RANGE_EMPTY) {
        result = reduce_empty(lower, r, expr->span);
    } else if (opened == RANGE_OK && (r == REDUCE_ARGMAX || r == REDUCE_ARGMIN) && count > 1) {
        lower_error(lower, expr->span, "`%s` is of one index, and here are %u", name, count);
    } else if (opened == RANGE_OK) {
        result = reduce_body(lower, expr, r, ranges, count);
    }
    lower->env = env;
    lower->facts = facts;
    return result;
}

/* ---- over arrays
 * -----------------------------------------------------------------------------------------------
 */

Ref reduce_array(Lower *lower, const Expr *call, Ref value) {
    const Expr *arg = call->as.call.args;
    const char *name = call->as.call.name;
    Range ranges[RANK_LIMIT] = {{0}};
    Index names[RANK_LIMIT];
    Reduction r;
    int64_t n;

    if (!find_reduction(name, &r)) {
        return REF_NONE;
    }
    const Node *node = ir_node(lower->ir, value);
    if (node->rank == 0 && call->as.call.total) {
        return value;
    }
    if (node->rank == 0) {
        Diag *diag = lower_error(lower, arg->span, "`%s` is of an array, and `%s` is %s", name,
                                 expr_text(lower, arg), what_text(lower, value));
        const Call *outer = lower->call;
        while (outer && outer->outer) {
            outer = outer->outer;
        }
        bool samples = r == REDUCE_MEAN && outer && strcmp(outer->function->name, "loss") == 0;
        if (samples) {
            diag_label(lower->diags, diag, "the trainer takes the mean over samples");
        } else {
            diag_label(lower->diags, diag, "over a range: `%s(… for i in …)`", name);
        }
        return REF_NONE;
    }
    if ((r == REDUCE_ARGMAX || r == REDUCE_ARGMIN) && node->rank > 1) {
        Diag *diag = lower_error(lower, arg->span, "`%s` is of a vector, and `%s` is %s", name,
                                 expr_text(lower, arg), what_text(lower, value));
        diag_label(lower->diags, diag, "of each row: `[%s(A[i]) for i]`", name);
        return REF_NONE;
    }
    value = operand(lower, r, arg, value);
    if (value == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, call->span);
    node = ir_node(lower->ir, value);
    for (unsigned k = 0; k < node->rank; k++) {
        if (dim_value(lower->ir, node->shape[k], &n) && n <= 0) {
            return reduce_empty(lower, r, call->span);
        }
    }
    fresh_names(lower, node->shape, node->rank, node->free, names);
    for (unsigned k = 0; k < node->rank; k++) {
        ranges[k].index = names[k];
        ranges[k].extent = node->shape[k];
        ranges[k].position = ir_idx(lower->ir, names[k]);
    }
    Ref entry = read_at(lower, value, names, node->rank);
    return reduce_scalar(lower, r, ranges, node->rank, entry);
}

/* ---- comprehensions
 * ------------------------------------------------------------------------------------------------
 */

Ref close_ranges(Lower *lower, const Expr *value, Span at, const Range *ranges, unsigned count) {
    Index names[2 * RANK_LIMIT];
    IndexSet used = visible(lower);
    Ref body = lower_expr(lower, value);

    for (unsigned k = 0; k < count; k++) {
        names[k] = ranges[k].index;
        if (ranges[k].condition != REF_NONE) {
            Diag *diag = lower_error(lower, ranges[k].span,
                                     "the size of an array cannot depend on an index");
            diag_label(lower->diags, diag, "the range of `%s` does", ranges[k].name);
            return REF_NONE;
        }
    }
    if (body == REF_NONE) {
        return REF_NONE;
    }
    const Node *node = ir_node(lower->ir, body);
    if (count + node->rank > RANK_LIMIT) {
        lower_error(lower, at, "an array has at most %d axes", RANK_LIMIT);
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, at);
    fresh_names(lower, node->shape, node->rank, used | node->free, names + count);
    Ref entry = read_at(lower, body, names + count, node->rank);
    return ir_array(lower->ir, names, count + node->rank, entry);
}

Ref lower_comprehension(Lower *lower, const Expr *expr) {
    Range ranges[RANK_LIMIT];
    unsigned count;
    const Binding *env = lower->env;
    const Fact *facts = lower->facts;
    Ref result = REF_NONE;
    int opened = open_binders(lower, expr->as.comprehension.binders, expr->as.comprehension.body,
                              ranges, &count);

    if (opened == RANGE_OK) {
        result = close_ranges(lower, expr->as.comprehension.body, expr->span, ranges, count);
    } else if (opened == RANGE_EMPTY) {
        lower_error(lower, expr->span, "an array has at least one entry, and this range is empty");
    }
    lower->env = env;
    lower->facts = facts;
    return result;
}
