/* branch.c: the conditions under which values have any influence. A value that is used only where c
 * holds has an adjoint that is 0 elsewhere; but there the value itself may be infinite or NaN, and
 * what its rule makes of the 0 is then NaN. So the contributions of such a value are guarded by c.
 */
#include "diff/sweep.h"

#include <string.h>

/* Beyond these the outermost conditions are left out: values with so many are under guards that
 * their users' rules have made. */
enum { BRANCH_LIMIT = 8 };

struct Branch {
    uint32_t count;
    IndexSet free;                   /* of all conditions */
    uint32_t literals[BRANCH_LIMIT]; /* 2 · condition, + 1 for its negation; the innermost last */
};

static const Branch everywhere;

static bool has_literal(const Branch *branch, uint32_t literal) {
    for (uint32_t k = 0; k < branch->count; k++) {
        if (branch->literals[k] == literal) {
            return true;
        }
    }
    return false;
}

static void add_literal(const Ir *ir, Branch *branch, uint32_t literal) {
    if (has_literal(branch, literal)) {
        return;
    }
    if (branch->count == BRANCH_LIMIT) {
        branch->count--;
        memmove(branch->literals, branch->literals + 1, branch->count * sizeof(uint32_t));
    }
    branch->literals[branch->count++] = literal;
    branch->free |= ir_free(ir, literal / 2);
}

/* Adds that c holds, or does not: each part of a conjunction holds, none of a disjunction does. */
static void add_condition(const Ir *ir, Branch *branch, Ref c, bool negated) {
    const BuiltinId join = negated ? BI_or : BI_and;
    for (const Node *node = ir_node(ir, c);
         node->op == OP_CALL && node->arg_count == 2 && node->as.builtin == join;
         node = ir_node(ir, c)) { /* joined from the left */
        add_literal(ir, branch, 2 * node->args[1] + negated);
        c = node->args[0];
    }
    add_literal(ir, branch, 2 * c + negated);
}

static const Branch *branch_of_use(Ir *ir, const Branch *user, Ref c, bool negated) {
    Branch *branch = arena_array(ir->arena, Branch, 1);
    *branch = *user;
    add_condition(ir, branch, c, negated);
    return branch;
}

/* The conditions of `a` that are in `b` and depend on no more than the indices `free`. */
static const Branch *common(Ir *ir, const Branch *a, const Branch *b, IndexSet free) {
    if (a == b && (a->free & ~free) == 0) {
        return a;
    }
    Branch both = {0};
    for (uint32_t k = 0; k < a->count; k++) {
        const uint32_t literal = a->literals[k];
        if (has_literal(b, literal) && (ir_free(ir, literal / 2) & ~free) == 0) {
            add_literal(ir, &both, literal);
        }
    }
    if (both.count == 0) {
        return &everywhere;
    }
    Branch *result = arena_array(ir->arena, Branch, 1);
    *result = both;
    return result;
}

/* Under what `node`, itself under `user`, uses its operand k. */
static const Branch *use(Ir *ir, const Node *node, const Branch *user, uint32_t k) {
    switch (node->op) {
    case OP_SELECT:
        return branch_of_use(ir, user, node->args[0], k == 2);
    case OP_GUARD:
        return branch_of_use(ir, user, node->args[0], false);
    case OP_CALL:
    case OP_EXTERN:
    case OP_CONVERT:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_ARRAY:
    case OP_READ:
    case OP_VAR:
    case OP_LIB:
        return user;
    case OP_DEPOSIT: /* has the names of its targets for others */
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_DERIV:
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_COUNT:
        return &everywhere;
    }
    return &everywhere;
}

const Branch **diff_branches(Ir *ir, Ref top, const bool *active, const Ref *seeds, size_t count) {
    const Branch **branches = arena_array(ir->arena, const Branch *, top);
    for (size_t k = 0; k < count; k++) {
        branches[seeds[k]] = &everywhere;
    }
    for (Ref v = top; v-- > 1;) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_SCAN) { /* its states, below, are users too */
            branches[v] = &everywhere;
        }
        if (!active[v] || !branches[v]) {
            continue;
        }
        for (uint32_t k = 0; k < node->arg_count; k++) {
            const Ref a = node->args[k];
            if (active[a]) {
                const Branch *branch = use(ir, node, branches[v], k);
                branches[a] =
                    common(ir, branch, branches[a] ? branches[a] : branch, ir_free(ir, a));
            }
        }
    }
    return branches;
}

Ref diff_branch_condition(Ir *ir, const Branch *branch) {
    Ref condition = REF_NONE;
    for (uint32_t k = 0; branch && k < branch->count; k++) {
        const Ref c = branch->literals[k] / 2;
        condition = ir_and(ir, condition, branch->literals[k] % 2 ? ir_not(ir, c) : c);
    }
    return condition;
}
