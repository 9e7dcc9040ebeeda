/* forward.c: forward mode. The tangent of a value has the same free indices and shape as the value.
 * One upward sweep; a recurrence gets a second one, whose steps are the tangents of its steps. */
#include "diff/sweep.h"

typedef struct {
    const Diff *diff;
    Ir *ir;
    Ref top;
    bool *active;
    Ref *dot;
    uint32_t *uses;
    Recurrences recurrences;
    uint32_t *tags; /* of the tangents' recurrence, by tag */
    bool *tagged;
    IndexSet held; /* that the directions depend on */
    bool failed;
} Forward;

static Ref plus(Ir *ir, Ref a, Ref b) {
    return a == REF_NONE ? b : b == REF_NONE ? a : ir_add(ir, a, b);
}

static Ref or_zero(Forward *f, Ref v) {
    if (f->dot[v] != REF_NONE) {
        return f->dot[v];
    }
    Index names[RANK_LIMIT];
    return diff_zeros(f->ir, names, ir_rank(f->ir, v) ? ir_axis_names(f->ir, v, names) : 0);
}

static Ref forward_extremum(Forward *f, Ref v) {
    Ir *ir = f->ir;
    Ref *operands;
    const size_t count = diff_extremum_operands(ir, v, f->uses, &operands);
    Ref number = REF_NONE, sum = REF_NONE;
    for (size_t k = 0; k < count; k++) {
        const Ref reached = ir_compare(ir, BI_eq, operands[k], v);
        number = plus(ir, number, ir_convert(ir, reached));
        if (f->dot[operands[k]] != REF_NONE) {
            sum = plus(ir, sum, ir_guard(ir, reached, f->dot[operands[k]]));
        }
    }
    return sum == REF_NONE ? REF_NONE : ir_div(ir, sum, number);
}

static Ref forward_call(Forward *f, Ref v) {
    Ir *ir = f->ir;
    const Node *node = ir_node(ir, v);
    const Ref a = node->args[0];
    const Ref b = node->arg_count > 1 ? node->args[1] : REF_NONE;
    const Ref da = f->dot[a];
    const Ref db = b == REF_NONE ? REF_NONE : f->dot[b];
    switch ((int)(node->op == OP_EXTERN ? BI_COUNT : node->as.builtin)) {
    case BI_add:
        return plus(ir, da, db);
    case BI_sub:
        return db == REF_NONE ? da : da == REF_NONE ? ir_neg(ir, db) : ir_sub(ir, da, db);
    case BI_neg:
        return da == REF_NONE ? REF_NONE : ir_neg(ir, da);
    case BI_mul: {
        const Ref left = da == REF_NONE ? REF_NONE : ir_mul(ir, da, b);
        const Ref right = db == REF_NONE ? REF_NONE : ir_mul(ir, a, db);
        return plus(ir, left, right);
    }
    case BI_div: {
        if (db == REF_NONE) {
            return da == REF_NONE ? REF_NONE : ir_div(ir, da, b);
        }
        const Ref less = ir_mul(ir, v, db);
        const Ref top = da == REF_NONE ? ir_neg(ir, less) : ir_sub(ir, da, less);
        return ir_div(ir, top, b);
    }
    case BI_maximum:
    case BI_minimum:
        return forward_extremum(f, v);
    default:
        break;
    }
    Ref sum = REF_NONE;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        if (f->dot[node->args[k]] == REF_NONE || diff_rule_is_zero(ir, v, k)) {
            continue;
        }
        const Ref d = diff_rule(f->diff, ir, v, k);
        if (d == REF_NONE) {
            f->failed = true;
            continue;
        }
        const Ref term = diff_times(ir, f->dot[node->args[k]], d);
        sum = plus(ir, sum, term);
    }
    return sum;
}

/* The number of carried name k among the active ones. */
static uint32_t slot_of(const Forward *f, const Recurrence *recurrence, uint32_t k) {
    uint32_t slot = 0;
    for (uint32_t j = 0; j < k; j++) {
        slot += diff_carried_active(f->ir, recurrence, f->active, j);
    }
    return slot;
}

/* At the lowest state leaf: all inits of the tangents' recurrence, then all its state leaves. */
static void forward_states(Forward *f, uint32_t tag) {
    Ir *ir = f->ir;
    const Recurrence *recurrence = &f->recurrences.list[tag];
    const Node *scan = ir_node(ir, recurrence->scan);
    f->tags[tag] = ir_new_tag(ir);
    f->tagged[tag] = true;
    Ref *inits = arena_array(ir->arena, Ref, recurrence->count + 1);
    for (uint32_t k = 0; k < recurrence->count; k++) {
        if (diff_carried_active(ir, recurrence, f->active, k)) {
            inits[k] = or_zero(f, scan->args[k]);
        }
    }
    for (uint32_t k = 0; k < recurrence->count; k++) {
        if (inits[k] == REF_NONE) {
            continue;
        }
        const Ref state = recurrence->states[k];
        const Index t = scan->as.scan.t;
        const IndexSet free = state != REF_NONE ? ir_free(ir, state) : scan->free | INDEX_BIT(t);
        const Ref dot =
            ir_state(ir, f->tags[tag], slot_of(f, recurrence, k), t, free | f->held, inits[k]);
        if (state != REF_NONE) {
            ir_name_state_of(ir, dot, state, "_dot");
            f->dot[state] = dot;
        }
    }
}

static Ref forward_scan(Forward *f, Ref v) {
    Ir *ir = f->ir;
    const Node *node = ir_node(ir, v);
    const uint32_t tag = node->as.scan.tag;
    const Recurrence *recurrence = &f->recurrences.list[tag];
    if (!f->tagged[tag]) {
        forward_states(f, tag);
    }
    Ref *inits = arena_array(ir->arena, Ref, recurrence->count + 1);
    Ref *steps = arena_array(ir->arena, Ref, recurrence->count + 1);
    uint32_t count = 0;
    for (uint32_t k = 0; k < recurrence->count; k++) {
        if (diff_carried_active(ir, recurrence, f->active, k)) {
            inits[count] = or_zero(f, node->args[k]);
            steps[count] = or_zero(f, node->args[recurrence->count + k]);
            count++;
        }
    }
    return ir_scan(ir, f->tags[tag], node->as.scan.t, node->as.scan.direction, inits, steps, count);
}

static Ref forward_max(Forward *f, Ref v) {
    Ir *ir = f->ir;
    IndexSet bound;
    const Ref a = diff_max_operand(ir, v, &bound);
    const Ref reached = ir_compare(ir, BI_eq, a, v);
    const Ref sum = ir_sum_all(ir, bound, ir_guard(ir, reached, f->dot[a]));
    const Ref number = ir_sum_all(ir, bound, ir_convert(ir, reached));
    return ir_div(ir, sum, number);
}

static Ref forward_lse(Forward *f, Ref v) {
    Ir *ir = f->ir;
    const Node *node = ir_node(ir, v);
    const Ref weight = ir_call1(ir, BI_exp, ir_sub(ir, node->args[0], v));
    return ir_sum(ir, node->as.index, ir_mul(ir, f->dot[node->args[0]], weight));
}

static Ref forward_node(Forward *f, Ref v) {
    Ir *ir = f->ir;
    const Node *node = ir_node(ir, v);
    const Ref first = node->arg_count > 0 ? f->dot[node->args[0]] : REF_NONE;
    switch (node->op) {
    case OP_CALL:
    case OP_EXTERN:
        return forward_call(f, v);
    case OP_SELECT: {
        const Ref a = or_zero(f, node->args[1]);
        const Ref b = or_zero(f, node->args[2]);
        return ir_select(ir, node->args[0], a, b);
    }
    case OP_GUARD:
        return ir_guard(ir, node->args[0], f->dot[node->args[1]]);
    case OP_READ:
        return ir_read(ir, first, node->args + 1, node->arg_count - 1);
    case OP_ARRAY:
        return ir_array(ir, node->as.indices.list, node->as.indices.count, first);
    case OP_SUM: {
        const Ref dot = forward_factor_sum(ir, v, f->dot);
        return dot != REF_NONE ? dot : ir_sum(ir, node->as.index, first);
    }
    case OP_MAX:
        return forward_max(f, v);
    case OP_LSE:
        return forward_lse(f, v);
    case OP_DEPOSIT:
        return ir_deposit(ir, node->as.deposit.bound, node->as.deposit.targets, node->args + 1,
                          node->as.deposit.count, first);
    case OP_SCAN:
        return forward_scan(f, v);
    case OP_PICK: {
        const Recurrence *recurrence =
            &f->recurrences.list[ir_node(ir, node->args[0])->as.scan.tag];
        return ir_pick(ir, first, slot_of(f, recurrence, node->as.pick));
    }
    case OP_STATE:
        if (!f->tagged[node->as.state.tag]) {
            forward_states(f, node->as.state.tag);
        }
        return f->dot[v];
    case OP_VAR:
        return first;
    case OP_LIB:
        return forward_lib(ir, v, f->dot);
    case OP_DERIV:
        ice("diff", "value %u is a deriv that was not expanded", v);
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_CONVERT:
    case OP_ARGMAX:
    case OP_COUNT:
        break;
    }
    return REF_NONE;
}

static void need_operands(const Forward *f, Ref v, bool *needed) {
    const Node *node = ir_node(f->ir, v);
    for (uint32_t k = 0; k < node->arg_count; k++) {
        const bool condition = k == 0 && (node->op == OP_SELECT || node->op == OP_GUARD);
        const bool rule = node->op != OP_CALL || !diff_rule_is_zero(f->ir, v, k);
        needed[node->args[k]] |= rule && !condition;
    }
}

/* The scan whose state v is: REF_NONE if v is none, or has no scan yet. */
static Ref scan_of(const Forward *f, Ref v) {
    const Node *node = ir_node(f->ir, v);
    return node->op == OP_STATE && node->as.state.tag < f->recurrences.count
               ? f->recurrences.list[node->as.state.tag].scan
               : REF_NONE;
}

/* The values whose tangents those of the roots are made of: not, say, what conditions alone need.
 */
static const bool *find_needed(const Forward *f, const Ref *roots, size_t count) {
    bool *needed = arena_array(f->ir->arena, bool, f->top);
    for (size_t k = 0; k < count; k++) {
        needed[roots[k]] = true;
    }
    for (bool again = true; again;) { /* once more where another scan has a state in its steps */
        again = false;
        for (Ref v = f->top; v-- > 1;) {
            if (!needed[v] || !f->active[v]) {
                continue;
            }
            need_operands(f, v, needed);
            const Ref scan = scan_of(f, v);
            if (scan != REF_NONE && !needed[scan]) {
                needed[scan] = again = true;
            }
        }
    }
    return needed;
}

Ref *diff_tangents(const Diff *diff, Ir *ir, const Direction *directions, size_t count,
                   const Ref *roots, size_t root_count, IndexSet held) {
    Forward f = {.diff = diff, .ir = ir, .top = ir_count(ir), .held = held};
    Ref *wrt = arena_array(ir->arena, Ref, count + 1);
    for (size_t k = 0; k < count; k++) {
        wrt[k] = directions[k].value;
    }
    f.recurrences = diff_recurrences(ir, f.top);
    f.active = diff_active(ir, f.top, &f.recurrences, wrt, count);
    f.uses = diff_uses(ir, f.top);
    f.dot = arena_array(ir->arena, Ref, f.top);
    f.tags = arena_array(ir->arena, uint32_t, f.recurrences.count + 1);
    f.tagged = arena_array(ir->arena, bool, f.recurrences.count + 1);
    for (size_t k = 0; k < count; k++) {
        f.dot[wrt[k]] = directions[k].tangent;
    }
    const bool *needed = find_needed(&f, roots, root_count);
    const Span at = ir->at;
    for (Ref v = 1; v < f.top; v++) {
        if (f.active[v] && needed[v] && f.dot[v] == REF_NONE && !f.failed) {
            ir->at = ir_node(ir, v)->span;
            f.dot[v] = forward_node(&f, v);
        }
    }
    ir->at = at;
    return f.failed ? NULL : f.dot;
}
