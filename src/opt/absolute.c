/* absolute.c: Σ c |θ| in a penalty. A sweep upward finds the terms that are absolute values of
 * single entries of params times what does not depend on params; written without the bars they are
 * linear in the params, and their gradient are the coefficients c, entry by entry. */
#include "opt/rewrite.h"

typedef struct {
    Ir *ir;
    const bool *fixed; /* does not depend on params */
    const Ref *linear; /* the terms in it, without the bars; REF_NONE: it has none */
} Absolute;

static bool is_fixed(const Ir *ir, const Node *node, const bool *fixed) {
    if (node->op == OP_STATE ||
        (node->op == OP_LEAF && ir->leaves[node->as.leaf].role == LEAF_PARAM)) {
        return false;
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        if (!fixed[node->args[k]]) {
            return false;
        }
    }
    return true;
}

static bool fixed_from(const Absolute *a, const Node *node, uint32_t first) {
    for (uint32_t k = first; k < node->arg_count; k++) {
        if (!a->fixed[node->args[k]]) {
            return false;
        }
    }
    return true;
}

static bool is_param(const Ir *ir, Ref v) {
    return opt_is_op(ir, v, OP_LEAF) && ir->leaves[ir_node(ir, v)->as.leaf].role == LEAF_PARAM;
}

/* One entry of a param, whichever it is. */
static bool is_entry(const Absolute *a, Ref v) {
    const Ir *ir = a->ir;
    return is_param(ir, v) || (opt_is_op(ir, v, OP_READ) && is_param(ir, opt_arg(ir, v, 0)) &&
                               fixed_from(a, ir_node(ir, v), 1));
}

static Ref sum_of(const Absolute *a, Ref left, Ref right) {
    return left == REF_NONE ? right : right == REF_NONE ? left : ir_add(a->ir, left, right);
}

/* |x|: x is an entry, or one times what is fixed. */
static Ref without_bars(const Absolute *a, Ref x) {
    Ir *ir = a->ir;
    if (is_entry(a, x)) {
        return x;
    }
    for (unsigned k = 0; k < 2 && opt_is_call(ir, x, BI_mul); k++) {
        const Ref factor = opt_arg(ir, x, 1 - k);
        if (is_entry(a, opt_arg(ir, x, k)) && a->fixed[factor]) {
            return ir_mul(ir, ir_call1(ir, BI_abs, factor), opt_arg(ir, x, k));
        }
    }
    return REF_NONE;
}

static Ref linear_of_call(const Absolute *a, const Node *node) {
    Ir *ir = a->ir;
    const Ref x = node->args[0];
    const Ref y = node->arg_count > 1 ? node->args[1] : REF_NONE;
    const Ref left = a->linear[x];
    const Ref right = y == REF_NONE ? REF_NONE : a->linear[y];
    const BuiltinId f = node->as.builtin;
    if (f == BI_abs) {
        return without_bars(a, x);
    }
    if (f == BI_neg || f == BI_sub) {
        const Ref last = f == BI_neg ? left : right;
        const Ref minus = last == REF_NONE ? REF_NONE : ir_neg(ir, last);
        return f == BI_neg ? minus : sum_of(a, left, minus);
    }
    if (f == BI_add) {
        return sum_of(a, left, right);
    }
    if (f == BI_mul && right != REF_NONE && a->fixed[x]) {
        return ir_mul(ir, x, right);
    }
    if ((f == BI_mul || f == BI_div) && left != REF_NONE && a->fixed[y]) {
        return f == BI_mul ? ir_mul(ir, left, y) : ir_div(ir, left, y);
    }
    return REF_NONE; /* nothing else keeps a sum of terms one */
}

/* The first operand replaced. */
static Ref rebuilt(const Absolute *a, Ref v, Ref first) {
    const Node *node = ir_node(a->ir, v);
    Ref *args = arena_array(a->ir->arena, Ref, node->arg_count + 1);
    for (uint32_t k = 0; k < node->arg_count; k++) {
        args[k] = k == 0 ? first : node->args[k];
    }
    return ir_rebuild(a->ir, v, args);
}

static Ref linear_of(const Absolute *a, Ref v) {
    const Node *node = ir_node(a->ir, v);
    const Ref first = node->arg_count > 0 ? a->linear[node->args[0]] : REF_NONE;
    if (node->op == OP_CALL && node->arg_count > 0) {
        return linear_of_call(a, node);
    }
    if (node->op == OP_GUARD && a->fixed[node->args[0]]) {
        const Ref what = a->linear[node->args[1]];
        return what == REF_NONE ? REF_NONE : ir_guard(a->ir, node->args[0], what);
    }
    if (node->op == OP_SELECT && a->fixed[node->args[0]]) {
        const Ref yes = a->linear[node->args[1]], no = a->linear[node->args[2]];
        const Ref zero = ir_real(a->ir, 0);
        return yes == REF_NONE && no == REF_NONE
                   ? REF_NONE
                   : ir_select(a->ir, node->args[0], yes == REF_NONE ? zero : yes,
                               no == REF_NONE ? zero : no);
    }
    if (first != REF_NONE && (node->op == OP_SUM || node->op == OP_ARRAY ||
                              (node->op == OP_READ && fixed_from(a, node, 1)))) {
        return rebuilt(a, v, first);
    }
    return REF_NONE;
}

Ir *opt_absolute(const Ir *source, bool *found) {
    Ir *ir = opt_copy(source);
    const Ref value = ir->outputs[0].value;
    Arena *arena = arena_create();
    bool *fixed = arena_array(arena, bool, value + 1);
    Ref *linear = arena_array(arena, Ref, value + 1);
    const Absolute absolute = {ir, fixed, linear};
    for (Ref v = 1; v <= value; v++) {
        fixed[v] = is_fixed(ir, ir_node(ir, v), fixed);
        linear[v] = fixed[v] ? REF_NONE : linear_of(&absolute, v);
    }
    *found = linear[value] != REF_NONE;
    ir->outputs[0].value = *found ? linear[value] : ir_real(ir, 0);
    arena_destroy(arena);
    return ir;
}
