/* branch.c: the conditions under which values have any influence. A value that is used only where c
 * holds (or that only a side of a maximum uses, which c says is the greater) has an adjoint that is
 * 0 elsewhere; but there the value itself may be infinite or NaN, and what its rule makes of the 0
 * is then NaN. So the contributions of such a value are guarded by c.
 *
 * What a step of a recurrence computes has influence through the results, and through the state in
 * the steps that follow. What the state is used under is known only when the values of the step
 * have been seen; it is assumed, and the sweep made again until it is what was assumed.
 */
#include "diff/sweep.h"

#include <string.h>

/* Beyond these the outermost conditions are left out: values with so many are under guards that
 * their users' rules have made. */
enum { BRANCH_LIMIT = 8 };

typedef enum { HOLDS, FAILS, WINS, REACHES } Literal;

/* That the condition `of` holds or fails; that `operand` is what the call `of`, a maximum, minimum
 * or clamp of two operands or many, gives. */
typedef struct {
    Literal kind;
    Ref of, operand;
} Condition;

struct Branch {
    uint32_t count;
    IndexSet free;                /* of all conditions */
    Condition list[BRANCH_LIMIT]; /* the innermost last */
};

static const Branch everywhere;

typedef struct {
    Ir *ir;
    const Recurrences *recurrences;
    const uint32_t *uses;
    const Branch **branches;
    const Branch ***carried; /* by tag: under what each carried name has any influence; or NULL */
    bool *seed;              /* has an adjoint from outside */
    Ref *whole;              /* of a maximum that is an operand of another: the outermost one */
} Sweep;

static bool has_condition(const Branch *branch, const Condition *c) {
    for (uint32_t k = 0; k < branch->count; k++) {
        const Condition *other = &branch->list[k];
        if (other->kind == c->kind && other->of == c->of && other->operand == c->operand) {
            return true;
        }
    }
    return false;
}

static void add_literal(const Ir *ir, Branch *branch, Condition c) {
    if (has_condition(branch, &c)) {
        return;
    }
    if (branch->count == BRANCH_LIMIT) {
        branch->count--;
        memmove(branch->list, branch->list + 1, branch->count * sizeof(Condition));
    }
    branch->list[branch->count++] = c;
    branch->free |= ir_free(ir, c.of);
}

/* Adds that c holds, or does not: each part of a conjunction holds, none of a disjunction does. */
static void add_condition(const Ir *ir, Branch *branch, Ref c, bool negated) {
    const BuiltinId join = negated ? BI_or : BI_and;
    const Literal kind = negated ? FAILS : HOLDS;
    for (const Node *node = ir_node(ir, c);
         node->op == OP_CALL && node->arg_count == 2 && node->as.builtin == join;
         node = ir_node(ir, c)) { /* joined from the left */
        add_literal(ir, branch, (Condition){kind, node->args[1], REF_NONE});
        c = node->args[0];
    }
    add_literal(ir, branch, (Condition){kind, c, REF_NONE});
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
        const Condition *c = &a->list[k];
        if (has_condition(b, c) && (ir_free(ir, c->of) & ~free) == 0) {
            add_literal(ir, &both, *c);
        }
    }
    if (both.count == 0) {
        return &everywhere;
    }
    Branch *result = arena_array(ir->arena, Branch, 1);
    *result = both;
    return result;
}

/* ---- maxima ------------------------------------------------------------------------------------
 */

static bool is_extremum(const Node *node) {
    return node->op == OP_CALL && node->kind == KIND_REAL &&
           (node->as.builtin == BI_maximum || node->as.builtin == BI_minimum);
}

static bool is_nested(const Ir *ir, const Node *node, Ref operand) {
    const Node *inner = ir_node(ir, operand);
    return is_extremum(inner) && inner->as.builtin == node->as.builtin;
}

/* Whether v is an operand of another maximum, and nothing else. */
static bool is_part(const Sweep *s, Ref v) {
    return s->whole[v] != REF_NONE && s->uses[v] == 1 && !s->seed[v];
}

/* The derivatives of nested maxima are those of one of many. */
static void open_extremum(const Sweep *s, Ref v) {
    const Node *node = ir_node(s->ir, v);
    for (uint32_t k = 0; k < node->arg_count; k++) {
        const Ref a = node->args[k];
        if (is_nested(s->ir, node, a)) {
            s->whole[a] = is_part(s, v) ? s->whole[v] : v;
        }
    }
}

/* What is not reached has no influence. */
static const Branch *use_of_extremum(const Sweep *s, Ref v, const Branch *user, uint32_t k) {
    const Node *node = ir_node(s->ir, v);
    const Ref a = node->args[k];
    const bool inner = s->whole[v] != REF_NONE;
    if (is_nested(s->ir, node, a) || (inner && !is_part(s, v))) {
        return user;
    }
    const bool many = inner || is_nested(s->ir, node, node->args[1 - k]);
    Branch *branch = arena_array(s->ir->arena, Branch, 1);
    *branch = *user;
    const Condition c = {many ? REACHES : WINS, inner ? s->whole[v] : v, a};
    add_literal(s->ir, branch, c);
    return branch;
}

static const Branch *use_of_clamp(const Sweep *s, Ref v, const Branch *user, uint32_t k) {
    if (k != 0) {
        return user;
    }
    Branch *branch = arena_array(s->ir->arena, Branch, 1);
    *branch = *user;
    add_literal(s->ir, branch, (Condition){WINS, v, ir_node(s->ir, v)->args[0]});
    return branch;
}

static const Branch *use_of_call(const Sweep *s, Ref v, const Branch *user, uint32_t k) {
    const Node *node = ir_node(s->ir, v);
    if (is_extremum(node)) {
        return use_of_extremum(s, v, user, k);
    }
    return node->as.builtin == BI_clamp ? use_of_clamp(s, v, user, k) : user;
}

/* ---- the sweep ---------------------------------------------------------------------------------
 */

/* Under what v, itself under `user`, uses its operand k. */
static const Branch *use(const Sweep *s, Ref v, const Branch *user, uint32_t k) {
    Ir *ir = s->ir;
    const Node *node = ir_node(ir, v);
    switch (node->op) {
    case OP_SELECT:
        return branch_of_use(ir, user, node->args[0], k == 2);
    case OP_GUARD:
        return branch_of_use(ir, user, node->args[0], false);
    case OP_CALL:
        return use_of_call(s, v, user, k);
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
    case OP_SCAN: /* itself under what its states and its results are */
        return user;
    case OP_STATE:   /* the scan uses it too */
    case OP_DEPOSIT: /* has the names of its targets for others */
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

static void join(const Sweep *s, const Branch **to, const Branch *branch, IndexSet free) {
    *to = common(s->ir, branch, *to ? *to : branch, free);
}

/* Under what carried name k of a recurrence has any influence: that of its results and of its state
 * wherever they are used, at whatever step. NULL: it has none. */
static const Branch *influence(const Sweep *s, const Recurrence *recurrence, uint32_t k) {
    const IndexSet free = ir_free(s->ir, recurrence->scan);
    const Ref ends[] = {recurrence->picks[k], recurrence->states[k]};
    const Branch *all = NULL;
    for (unsigned e = 0; e < 2; e++) {
        if (ends[e] != REF_NONE && s->branches[ends[e]]) {
            join(s, &all, s->branches[ends[e]], free);
        }
    }
    return all;
}

/* The sweep comes to a scan when its results are known, and its states are not: what these were
 * under in the last sweep is assumed. */
static const Branch *assume(const Sweep *s, uint32_t tag, uint32_t k) {
    const Branch **carried = &s->carried[tag][k];
    const Branch *found = influence(s, &s->recurrences->list[tag], k);
    if (found) {
        join(s, carried, found, ir_free(s->ir, s->recurrences->list[tag].scan));
    }
    return *carried;
}

/* Under what v has an influence as the user of its operand k; NULL: it has none of its own. */
static const Branch *branch_of_user(const Sweep *s, Ref v, uint32_t k) {
    const Node *node = ir_node(s->ir, v);
    if (node->op == OP_SCAN) {
        return assume(s, node->as.scan.tag, k % node->as.scan.count);
    }
    const bool begins = node->op == OP_STATE && node->as.state.tag < s->recurrences->count &&
                        s->recurrences->list[node->as.state.tag].scan != REF_NONE;
    return begins ? NULL : s->branches[v]; /* the scan has the initial value, too */
}

/* What the values before v are used under, as far as v uses them. */
static void sweep_value(const Sweep *s, Ref v, const bool *active) {
    Ir *ir = s->ir;
    const Node *node = ir_node(ir, v);
    if (!active[v]) {
        return;
    }
    if (is_extremum(node)) {
        open_extremum(s, v);
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        const Ref a = node->args[k];
        const Branch *user = active[a] ? branch_of_user(s, v, k) : NULL;
        if (user) {
            join(s, &s->branches[a], use(s, v, user, k), ir_free(ir, a));
        }
    }
}

static bool same(const Branch *a, const Branch *b) {
    if (a == b || !a || !b) {
        return a == b;
    }
    for (uint32_t k = 0; k < a->count; k++) {
        if (!has_condition(b, &a->list[k])) {
            return false;
        }
    }
    return a->count == b->count;
}

/* Whether what was assumed of a recurrence is what came out; else it is assumed. */
static bool settle_recurrence(const Sweep *s, const Recurrence *recurrence, uint32_t tag) {
    bool settled = true;
    for (uint32_t k = 0; k < recurrence->count; k++) {
        const Branch *found = influence(s, recurrence, k);
        settled = settled && same(found, s->carried[tag][k]);
        s->carried[tag][k] = found;
    }
    return settled;
}

static void give_up(const Sweep *s, const Recurrence *recurrence, uint32_t tag) {
    for (uint32_t k = 0; k < recurrence->count; k++) {
        s->carried[tag][k] = &everywhere;
    }
}

/* Whether no further sweep is needed. */
static bool settle(const Sweep *s, bool last) {
    bool settled = true;
    for (uint32_t tag = 0; tag < s->recurrences->count; tag++) {
        settled = settle_recurrence(s, &s->recurrences->list[tag], tag) && settled;
    }
    for (uint32_t tag = 0; last && !settled && tag < s->recurrences->count; tag++) {
        give_up(s, &s->recurrences->list[tag], tag);
    }
    return settled;
}

/* More sweeps than that, and no recurrence counts as under a condition. */
enum { SWEEP_LIMIT = 6 };

const Branch **diff_branches(Ir *ir, Ref top, const bool *active, const Recurrences *recurrences,
                             const uint32_t *uses, const Ref *seeds, size_t count) {
    Sweep s = {.ir = ir, .recurrences = recurrences, .uses = uses};
    s.branches = arena_array(ir->arena, const Branch *, top);
    s.carried = arena_array(ir->arena, const Branch **, recurrences->count + 1);
    for (uint32_t tag = 0; tag < recurrences->count; tag++) {
        const uint32_t carried = recurrences->list[tag].count;
        s.carried[tag] = arena_array(ir->arena, const Branch *, carried + 1);
    }
    s.seed = arena_array(ir->arena, bool, top);
    s.whole = arena_array(ir->arena, Ref, top);
    for (size_t k = 0; k < count; k++) {
        s.seed[seeds[k]] = true;
    }
    for (unsigned sweep = 1;; sweep++) {
        for (Ref v = 1; v < top; v++) {
            s.branches[v] = s.seed[v] ? &everywhere : NULL;
        }
        for (Ref v = top; v-- > 1;) {
            sweep_value(&s, v, active);
        }
        if (sweep > SWEEP_LIMIT || settle(&s, sweep == SWEEP_LIMIT)) {
            return s.branches;
        }
    }
}

/* That the operand a is what a call of its value gives; not false where one is NaN, unless it is
 * one of many. */
static Ref condition_of_operand(Ir *ir, const Condition *c) {
    const Ref a = c->operand;
    if (c->kind == REACHES) {
        return ir_compare(ir, BI_eq, a, c->of);
    }
    const Node *node = ir_node(ir, c->of);
    const Ref first = node->args[0], second = node->args[1];
    if (node->as.builtin == BI_clamp) {
        const Ref third = node->args[2];
        const Ref below = ir_not(ir, ir_compare(ir, BI_lt, first, second));
        const Ref above = ir_not(ir, ir_compare(ir, BI_lt, third, first));
        return ir_and(ir, below, above);
    }
    const Ref other = a == first ? second : first;
    const bool max = node->as.builtin == BI_maximum;
    return ir_not(ir, ir_compare(ir, BI_lt, max ? a : other, max ? other : a));
}

Ref diff_branch_condition(Ir *ir, const Branch *branch) {
    Ref condition = REF_NONE;
    for (uint32_t k = 0; branch && k < branch->count; k++) {
        const Condition *c = &branch->list[k];
        const Ref of = c->kind == HOLDS   ? c->of
                       : c->kind == FAILS ? ir_not(ir, c->of)
                                          : condition_of_operand(ir, c);
        condition = ir_and(ir, condition, of);
    }
    return condition;
}
