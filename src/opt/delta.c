/* delta.c: sums of one term. Σ_i of a, guarded by i = p where p does not depend on i, is a at i =
 * p, if p is an index of that range. What the chain rule makes of a gathered label (Σ_k [k = y] g)
 * needs no loop. And a where c, plus b where not c, is a choice between a and b: what the chain
 * rule makes of `if`. Returns an Ir of the same values. */
#include "opt/rewrite.h"

enum { CONDITION_LIMIT = 32 };

typedef struct {
    Ref list[CONDITION_LIMIT];
    unsigned count;
} Conditions;

/* The terms of a conjunction; false if they are too many. */
static bool conjuncts(const Ir *ir, Ref condition, Conditions *terms) {
    Ref stack[CONDITION_LIMIT];
    unsigned stacked = 0;
    stack[stacked++] = condition;
    terms->count = 0;
    while (stacked > 0) {
        const Node *node = ir_node(ir, stack[stacked - 1]);
        if (node->op == OP_CALL && node->as.builtin == BI_and) {
            if (stacked + 1 > CONDITION_LIMIT - 1) {
                return false;
            }
            stack[stacked - 1] = node->args[1];
            stack[stacked++] = node->args[0];
            continue;
        }
        if (terms->count == CONDITION_LIMIT) {
            return false;
        }
        terms->list[terms->count++] = stack[--stacked];
    }
    return true;
}

/* The condition i = p, with p free of i. */
static bool is_delta(const Ir *ir, Ref condition, Index i, Ref *p) {
    const Node *node = ir_node(ir, condition);
    if (node->op != OP_CALL || node->as.builtin != BI_eq) {
        return false;
    }
    for (unsigned k = 0; k < 2; k++) {
        const Node *side = ir_node(ir, node->args[k]);
        const Ref other = node->args[1 - k];
        if (side->op == OP_INDEX && side->as.index == i &&
            (ir_free(ir, other) & INDEX_BIT(i)) == 0) {
            *p = other;
            return true;
        }
    }
    return false;
}

/* p is surely in 0 … extent-1: an entry of an int leaf whose classes are this dim, an index of the
 * dim, or a number that is small enough. */
static bool is_inside(Ir *ir, Ref p, Dim dim) {
    const Node *node = ir_node(ir, p);
    if (node->op == OP_INDEX) {
        return ir_index_dim(ir, node->as.index) == dim;
    }
    if (node->op == OP_CONST) {
        const Dim above = dim_const(ir, node->as.integer + 1);
        return node->as.integer >= 0 && dim_proves_le(ir, above, dim);
    }
    const Node *leaf = node->op == OP_READ ? ir_node(ir, node->args[0]) : node;
    return leaf->op == OP_LEAF && ir->leaves[leaf->as.leaf].class_dim == dim;
}

static Ref one_term(Rewriter *w, Index i, Ref p, const Conditions *rest, Ref body) {
    Ir *ir = w->ir;
    Ref replacement[INDEX_LIMIT] = {REF_NONE};
    replacement[i] = p;
    Ref condition = REF_NONE;
    if (!is_inside(ir, p, ir_index_dim(ir, i))) {
        const Ref low = ir_compare(ir, BI_le, ir_int(ir, 0), p);
        const Ref high = ir_compare(ir, BI_lt, p, ir_size(ir, ir_index_dim(ir, i)));
        condition = ir_and(ir, low, high);
    }
    for (unsigned k = 0; k < rest->count; k++) {
        condition = ir_and(ir, condition, ir_subst(ir, rest->list[k], replacement));
    }
    return ir_guard(ir, condition, ir_subst(ir, body, replacement));
}

static Ref delta_rule(Rewriter *w, Ref v) {
    Ir *ir = w->ir;
    const Node *node = ir_node(ir, v);
    const Ref body = node->op == OP_SUM ? w->map[node->args[0]] : REF_NONE;
    Conditions terms;
    if (body == REF_NONE || !opt_is_op(ir, body, OP_GUARD) ||
        !conjuncts(ir, opt_arg(ir, body, 0), &terms)) {
        return opt_rebuild(w, v);
    }
    const Index i = node->as.index;
    for (unsigned k = 0; k < terms.count; k++) {
        Ref p;
        if (is_delta(ir, terms.list[k], i, &p)) {
            terms.list[k] = terms.list[--terms.count];
            return one_term(w, i, p, &terms, opt_arg(ir, body, 1));
        }
    }
    return opt_rebuild(w, v);
}

Ir *opt_delta(const OptOptions *options, const Ir *ir) {
    return opt_rewrite(options, ir, delta_rule, NULL);
}

/* ---- choices
 * ---------------------------------------------------------------------------------------- */

static bool holds(const Conditions *terms, Ref condition) {
    for (unsigned k = 0; k < terms->count; k++) {
        if (terms->list[k] == condition) {
            return true;
        }
    }
    return false;
}

static bool is_negation(const Ir *ir, Ref a, Ref b) {
    const Node *node = ir_node(ir, b);
    return node->op == OP_CALL && node->as.builtin == BI_not && node->args[0] == a;
}

/* The conditions are c and d…, not c and d…: *rest is d…. */
static bool are_opposite(Ir *ir, Ref first, Ref second, Ref *c, Ref *rest) {
    Conditions a, b;
    if (!conjuncts(ir, first, &a) || !conjuncts(ir, second, &b) || a.count != b.count) {
        return false;
    }
    *c = *rest = REF_NONE;
    for (unsigned k = 0; k < a.count; k++) {
        if (holds(&b, a.list[k])) {
            continue;
        }
        if (*c != REF_NONE) {
            return false;
        }
        *c = a.list[k];
    }
    bool opposite = false;
    for (unsigned k = 0; k < b.count && *c != REF_NONE; k++) {
        bool own = !holds(&a, b.list[k]); /* the only one: both have as many */
        opposite =
            opposite || (own && (is_negation(ir, *c, b.list[k]) || is_negation(ir, b.list[k], *c)));
    }
    for (unsigned k = 0; k < a.count && opposite; k++) {
        *rest = a.list[k] == *c ? *rest : ir_and(ir, *rest, a.list[k]);
    }
    return opposite;
}

/* An index is some value: where a matrix has all its entries, or a row. */
static bool is_place(const Ir *ir, Ref condition) {
    const Node *node = ir_node(ir, condition);
    return node->op == OP_CALL && node->as.builtin == BI_eq &&
           (ir_node(ir, node->args[0])->op == OP_INDEX ||
            ir_node(ir, node->args[1])->op == OP_INDEX);
}

/* The guard a without the conditions that are common. */
static Ref without(Ir *ir, Ref a, const Conditions *all, const Conditions *common) {
    Ref rest = REF_NONE;
    for (unsigned k = 0; k < all->count; k++) {
        rest = holds(common, all->list[k]) ? rest : ir_and(ir, rest, all->list[k]);
    }
    return ir_guard(ir, rest, opt_arg(ir, a, 1));
}

static bool has_place(const Ir *ir, const Conditions *all, const Conditions *but) {
    bool found = false;
    for (unsigned k = 0; k < all->count; k++) {
        found = found || (is_place(ir, all->list[k]) && !holds(but, all->list[k]));
    }
    return found;
}

/* [i = k and c…] a ± [i = k and d…] b has entries at i = k only: v as a guard by that, or v. Not if
 * both have places beside it: two entries of a row are less than the row. */
static Ref common_places(Ir *ir, Ref v, Ref a, Ref b, bool minus) {
    Conditions first, second, common = {.count = 0};
    if (!conjuncts(ir, opt_arg(ir, a, 0), &first) || !conjuncts(ir, opt_arg(ir, b, 0), &second)) {
        return v;
    }
    Ref place = REF_NONE;
    for (unsigned k = 0; k < first.count; k++) {
        if (is_place(ir, first.list[k]) && holds(&second, first.list[k])) {
            common.list[common.count++] = first.list[k];
            place = ir_and(ir, place, first.list[k]);
        }
    }
    if (common.count == 0 || (has_place(ir, &first, &common) && has_place(ir, &second, &common))) {
        return v;
    }
    const Ref left = without(ir, a, &first, &common);
    const Ref right = without(ir, b, &second, &common);
    return ir_guard(ir, place, minus ? ir_sub(ir, left, right) : ir_add(ir, left, right));
}

static Ref choice_rule(Rewriter *w, Ref v) {
    Ir *ir = w->ir;
    const Ref r = opt_rebuild(w, v);
    const bool minus = opt_is_call(ir, r, BI_sub);
    if (!minus && !opt_is_call(ir, r, BI_add)) {
        return r;
    }
    const Ref a = opt_arg(ir, r, 0), b = opt_arg(ir, r, 1);
    Ref c, rest;
    if (!opt_is_op(ir, a, OP_GUARD) || !opt_is_op(ir, b, OP_GUARD)) {
        return r;
    }
    if (!are_opposite(ir, opt_arg(ir, a, 0), opt_arg(ir, b, 0), &c, &rest)) {
        return common_places(ir, r, a, b, minus);
    }
    const Ref then = opt_arg(ir, a, 1);
    const Ref other = minus ? ir_neg(ir, opt_arg(ir, b, 1)) : opt_arg(ir, b, 1);
    const Node *condition = ir_node(ir, c);
    const bool negated = condition->op == OP_CALL && condition->as.builtin == BI_not;
    const Ref choice =
        negated ? ir_select(ir, condition->args[0], other, then) : ir_select(ir, c, then, other);
    return ir_guard(ir, rest, choice);
}

Ir *opt_choice(const OptOptions *options, const Ir *ir) {
    return opt_rewrite(options, ir, choice_rule, NULL);
}

/* ---- sums of what is written out --------------------------------------------------------------
 */

/* c is k = i: its k, or -1. */
static int64_t chosen_entry(const Ir *ir, Ref c, Index i) {
    const Node *node = ir_node(ir, c);
    if (node->op != OP_CALL || node->as.builtin != BI_eq) {
        return -1;
    }
    for (unsigned k = 0; k < 2; k++) {
        const Node *index = ir_node(ir, node->args[k]);
        const Node *entry = ir_node(ir, node->args[1 - k]);
        if (index->op == OP_INDEX && index->as.index == i && entry->op == OP_CONST &&
            entry->kind == KIND_INT) {
            return entry->as.integer;
        }
    }
    return -1;
}

Ref opt_sum_of_list(Ir *ir, Ref v) {
    const Node *sum = ir_node(ir, v);
    int64_t extent;
    if (sum->op != OP_SUM || !opt_is_op(ir, sum->args[0], OP_SELECT) ||
        !dim_is_const(ir, ir_index_dim(ir, sum->as.index), &extent)) {
        return v;
    }
    const Index i = sum->as.index;
    Ref total = REF_NONE, rest = sum->args[0];
    int64_t next = 0;
    while (opt_is_op(ir, rest, OP_SELECT) && chosen_entry(ir, opt_arg(ir, rest, 0), i) == next &&
           next + 1 < extent) {
        const Ref term = opt_arg(ir, rest, 1);
        if (ir_free(ir, term) & INDEX_BIT(i)) {
            return v;
        }
        total = total == REF_NONE ? term : ir_add(ir, total, term);
        rest = opt_arg(ir, rest, 2);
        next++;
    }
    return next + 1 == extent && total != REF_NONE && !(ir_free(ir, rest) & INDEX_BIT(i))
               ? ir_add(ir, total, rest)
               : v;
}
