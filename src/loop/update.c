/* update.c: updates that touch few entries. A param of which a sample reads the rows that its data
 * name has a derivative that is zero in all others: what is updated are these rows, in time that
 * does not depend on how many there are.
 *
 * prepare_ir brings the value of an update to the form rest + Σ terms (update_spread), where a term
 * is [x = e] a or a deposit, and stage_select makes each a stage of its own (update_terms). The
 * steps of terms add up, also where two come to the same entry. As all reads of a sample come
 * before its updates, what such a step is made of is kept first (update_store). */
#include "loop/plan.h"

enum { VISIT_LIMIT = 512 };

/* ---- the form
 * ---------------------------------------------------------------------------------------- */

typedef struct {
    Ir *ir;
    const Output *output;
    Ref terms[UPDATE_TERMS];
    unsigned count;
    unsigned visits;
} Spread;

static bool is_axis(const Output *output, Index x) {
    for (unsigned a = 0; a < output->rank; a++) {
        if (output->axes[a] == x) {
            return true;
        }
    }
    return false;
}

/* e of the condition x = e on an axis x, among others that all have to hold; or REF_NONE. */
static Ref axis_position(Ir *ir, const Output *output, Ref cond, Index *axis) {
    for (unsigned a = 0; a < output->rank; a++) {
        Ref others = REF_NONE;
        Ref e = find_one_hot(ir, cond, output->axes[a], &others);
        if (e != REF_NONE) {
            *axis = output->axes[a];
            return e;
        }
    }
    return REF_NONE;
}

static bool is_deposit_on(const Ir *ir, const Output *output, Ref v) {
    const Node *node = ir_node(ir, v);
    for (uint32_t k = 0; node->op == OP_DEPOSIT && k < node->as.deposit.count; k++) {
        if (!is_axis(output, node->as.deposit.targets[k])) {
            return false;
        }
    }
    return node->op == OP_DEPOSIT;
}

static bool is_sparse(Ir *ir, const Output *output, Ref v) {
    Index axis;
    const Node *node = ir_node(ir, v);
    return node->op == OP_GUARD ? axis_position(ir, output, node->args[0], &axis) != REF_NONE
                                : is_deposit_on(ir, output, v);
}

/* What is done to each term of a sum: × b, ÷ b, −, under condition b, Σ over x. */
typedef struct {
    Op op;
    BuiltinId builtin;
    Ref b;
    Index x;
} Change;

static Ref change_dense(Ir *ir, const Change *change, Ref a) {
    if (change->op == OP_GUARD) {
        return ir_guard(ir, change->b, a);
    }
    if (change->op == OP_SUM) {
        return ir_sum(ir, change->x, a);
    }
    return change->builtin == BI_neg ? ir_neg(ir, a) : ir_call2(ir, change->builtin, a, change->b);
}

/* The same inside a deposit, at the entries that it comes to; REF_NONE if that cannot be. */
static Ref change_deposit(Ir *ir, const Change *change, Ref v) {
    Node node = *ir_node(ir, v);
    const Index *targets = node.as.deposit.targets;
    const unsigned count = node.as.deposit.count;
    IndexSet bound = node.as.deposit.bound;
    Change inside = *change;
    IndexSet own = bound;
    if (change->op == OP_SUM) {
        return bound & INDEX_BIT(change->x) ? REF_NONE
                                            : ir_deposit(ir, bound | INDEX_BIT(change->x), targets,
                                                         node.args + 1, count, node.args[0]);
    }
    if (change->b != REF_NONE) {
        IndexSet moved = 0;
        for (unsigned k = 0; k < count; k++) {
            moved |= ir_free(ir, change->b) & INDEX_BIT(targets[k]);
        }
        if (ir_free(ir, change->b) & own) {
            return REF_NONE;
        }
        if (moved) {
            inside.b =
                ir_kind(ir, change->b) == KIND_BOOL
                    ? REF_NONE
                    : ir_read(ir, ir_array(ir, targets, count, change->b), node.args + 1, count);
        }
        if (inside.b == REF_NONE) {
            return REF_NONE;
        }
    }
    return ir_deposit(ir, bound, targets, node.args + 1, count,
                      change_dense(ir, &inside, node.args[0]));
}

/* REF_NONE: it stays one value. */
static Ref change_term(Ir *ir, const Output *output, const Change *change, Ref v) {
    const Node node = *ir_node(ir, v);
    if (node.op == OP_DEPOSIT && is_sparse(ir, output, v)) {
        return change_deposit(ir, change, v);
    }
    if (node.op == OP_GUARD && is_sparse(ir, output, v)) {
        if (change->op == OP_SUM && (ir_free(ir, node.args[0]) & INDEX_BIT(change->x))) {
            return REF_NONE;
        }
        return ir_guard(ir, node.args[0], change_dense(ir, change, node.args[1]));
    }
    return change_dense(ir, change, v);
}

static bool spread(Spread *s, Ref v);

/* The terms of `of`, each changed; false if none of them is sparse, or it cannot be. */
static bool spread_changed(Spread *s, Ref of, const Change *change) {
    const unsigned first = s->count;
    bool any = false;
    bool fits = spread(s, of);
    for (unsigned k = first; fits && k < s->count; k++) {
        any = any || is_sparse(s->ir, s->output, s->terms[k]);
    }
    for (unsigned k = first; fits && any && k < s->count; k++) {
        s->terms[k] = change_term(s->ir, s->output, change, s->terms[k]);
        fits = s->terms[k] != REF_NONE;
    }
    if (!fits || !any) {
        s->count = first;
    }
    return fits && any;
}

static bool spread_call(Spread *s, const Node *node) {
    const BuiltinId f = node->as.builtin;
    Change change = {.op = OP_CALL, .builtin = f};
    if (f == BI_neg) {
        return spread_changed(s, node->args[0], &change);
    }
    if (f == BI_mul || f == BI_div) {
        change.b = node->args[1];
        if (spread_changed(s, node->args[0], &change)) {
            return true;
        }
        change.b = node->args[0];
        return f == BI_mul && spread_changed(s, node->args[1], &change);
    }
    return false;
}

/* Adds the terms of v; false: too many. */
static bool spread(Spread *s, Ref v) {
    const Node node = *ir_node(s->ir, v);
    if (s->visits++ > VISIT_LIMIT) {
        return false;
    }
    bool call = node.op == OP_CALL;
    if (call && node.as.builtin == BI_add) {
        return spread(s, node.args[0]) && spread(s, node.args[1]);
    }
    if (call && node.as.builtin == BI_sub) {
        Change minus = {.op = OP_CALL, .builtin = BI_neg};
        const unsigned first = s->count;
        if (spread(s, node.args[0]) && spread_changed(s, node.args[1], &minus)) {
            return true;
        }
        s->count = first;
        const Ref right = ir_neg(s->ir, node.args[1]);
        if (!spread(s, node.args[0]) || s->count == UPDATE_TERMS) {
            return false;
        }
        s->terms[s->count++] = right;
        return true;
    }
    Change change = {.op = node.op, .b = node.op == OP_GUARD ? node.args[0] : REF_NONE};
    change.x = node.op == OP_SUM ? node.as.index : 0;
    const Ref of = node.op == OP_GUARD ? node.args[1] : node.op == OP_SUM ? node.args[0] : REF_NONE;
    if ((call && spread_call(s, &node)) ||
        (of != REF_NONE && !is_sparse(s->ir, s->output, v) && spread_changed(s, of, &change))) {
        return true;
    }
    if (s->count == UPDATE_TERMS) {
        return false;
    }
    s->terms[s->count++] = v;
    return true;
}

/* [x = e] a: what a is at e. */
static Ref at_position(Ir *ir, const Output *output, Ref v) {
    const Node node = *ir_node(ir, v);
    Index x;
    Ref e = node.op == OP_GUARD ? axis_position(ir, output, node.args[0], &x) : REF_NONE;
    if (e == REF_NONE || !(ir_free(ir, node.args[1]) & INDEX_BIT(x))) {
        return v;
    }
    return ir_guard(ir, node.args[0], ir_read(ir, ir_array(ir, &x, 1, node.args[1]), &e, 1));
}

/* By value: does it depend on params? Recurrences are taken to. */
static bool *find_moving(const Ir *ir, Arena *arena) {
    bool *moving = arena_array(arena, bool, ir_count(ir));
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        moving[v] = node->op == OP_STATE || node->op == OP_SCAN ||
                    (node->op == OP_LEAF && ir->leaves[node->as.leaf].role == LEAF_PARAM);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            moving[v] = moving[v] || moving[node->args[k]];
        }
    }
    return moving;
}

/* Takes `and` apart: what holds whatever the params are, and what depends on them. */
static void split_condition(Ir *ir, const bool *moving, Ref cond, Ref *fixed, Ref *moves) {
    const Node node = *ir_node(ir, cond);
    if (!moving[cond]) {
        *fixed = *fixed == REF_NONE ? cond : ir_and(ir, *fixed, cond);
    } else if (node.op == OP_CALL && node.as.builtin == BI_and) {
        split_condition(ir, moving, node.args[0], fixed, moves);
        split_condition(ir, moving, node.args[1], fixed, moves);
    } else {
        *moves = *moves == REF_NONE ? cond : ir_and(ir, *moves, cond);
    }
}

/* A condition on params has to be looked at before they are updated: with the value, not where the
 * update stands. */
static Ref settle(Ir *ir, const bool *moving, Ref v) {
    const Node node = *ir_node(ir, v);
    Ref fixed = REF_NONE;
    Ref moves = REF_NONE;
    if (node.op == OP_DEPOSIT) {
        Ref body = settle(ir, moving, node.args[0]);
        return body == node.args[0] ? v
                                    : ir_deposit(ir, node.as.deposit.bound, node.as.deposit.targets,
                                                 node.args + 1, node.as.deposit.count, body);
    }
    if (node.op != OP_GUARD || ir_kind(ir, v) != KIND_REAL) {
        return v;
    }
    split_condition(ir, moving, node.args[0], &fixed, &moves);
    if (moves == REF_NONE) {
        return v;
    }
    return ir_guard(ir, fixed, ir_select(ir, moves, node.args[1], ir_real(ir, 0)));
}

/* The sum of those terms that are sparse, or of those that are not, added to `sum`. */
static Ref add_terms(const Spread *s, const bool *moving, bool sparse, Ref sum) {
    for (unsigned k = 0; k < s->count; k++) {
        Ref term = s->terms[k];
        if (is_sparse(s->ir, s->output, term) == sparse) {
            term = settle(s->ir, moving, sparse ? at_position(s->ir, s->output, term) : term);
            sum = sum == REF_NONE ? term : ir_add(s->ir, sum, term);
        }
    }
    return sum;
}

static Ref spread_output(Ir *ir, Arena *arena, const Output *output) {
    Spread s = {.ir = ir, .output = output};
    bool fits = output->rank > 0 && spread(&s, output->value);
    unsigned sparse = 0;
    for (unsigned k = 0; fits && k < s.count; k++) {
        sparse += is_sparse(ir, output, s.terms[k]);
    }
    if (sparse == 0 || s.count == 1) {
        return settle(ir, find_moving(ir, arena), output->value);
    }
    for (unsigned k = 0; k < s.count; k++) { /* all nodes are there before it is asked of them */
        at_position(ir, output, s.terms[k]);
    }
    bool *moving = find_moving(ir, arena);
    Ref rest = add_terms(&s, moving, false, REF_NONE);
    return add_terms(&s, moving, true, rest);
}

void update_spread(Ir *ir, Arena *arena) {
    for (size_t k = 0; k < ir->output_count; k++) {
        if (ir->outputs[k].sink == SINK_UPDATE) {
            ir->outputs[k].value = spread_output(ir, arena, &ir->outputs[k]);
        }
    }
}

/* Is it a sum of deposits, whatever they are multiplied with? */
static bool is_gathered(const Ir *ir, Ref v, unsigned depth) {
    const Node *node = ir_node(ir, v);
    if (node->op == OP_DEPOSIT || depth > 32) {
        return node->op == OP_DEPOSIT;
    }
    if (node->op == OP_GUARD) {
        return is_gathered(ir, node->args[1], depth + 1);
    }
    if (node->op != OP_CALL) {
        return false;
    }
    bool first = is_gathered(ir, node->args[0], depth + 1);
    bool second = node->arg_count > 1 && is_gathered(ir, node->args[1], depth + 1);
    BuiltinId f = node->as.builtin;
    return f == BI_add || f == BI_sub   ? first && second
           : f == BI_neg || f == BI_div ? first
                                        : f == BI_mul && (first || second);
}

bool loop_gathers(const Ir *ir) {
    bool found = false;
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        found = found || (output->role == OUT_GRADIENT && output->rank > 0 &&
                          is_gathered(ir, output->value, 0));
    }
    return found;
}

/* ---- the terms
 * --------------------------------------------------------------------------------------- */

/* Can v be a step of its own: do its places stay as they are while params change? */
static bool is_step_term(Plan *plan, const Output *output, Ref v) {
    if (!is_sparse(plan->ir, output, v)) {
        return false;
    }
    const Node *node = ir_node(plan->ir, v);
    bool fixed = true;
    if (node->op == OP_GUARD) {
        return !plan->after_update[node->args[0]];
    }
    for (uint32_t k = 1; k < node->arg_count; k++) {
        fixed = fixed && !plan->after_update[node->args[k]];
    }
    for (Ref a = node->args[0]; ir_node(plan->ir, a)->op == OP_GUARD;
         a = ir_node(plan->ir, a)->args[1]) {
        fixed = fixed && !plan->after_update[ir_node(plan->ir, a)->args[0]];
    }
    return fixed;
}

static bool is_add(const Plan *plan, Ref v) {
    const Node *node = ir_node(plan->ir, v);
    return node->op == OP_CALL && node->as.builtin == BI_add;
}

unsigned update_terms(Plan *plan, const Output *output, Ref *terms, Ref *rest) {
    unsigned count = 0;
    Ref v = output->value;
    *rest = REF_NONE;
    if (output->sink != SINK_UPDATE || output->rank == 0) {
        *rest = v;
        return 0;
    }
    while (is_add(plan, v) && count < UPDATE_TERMS) {
        const Node *node = ir_node(plan->ir, v);
        unsigned k = is_step_term(plan, output, node->args[1]) ? 1 : 0;
        if (k == 0 && !is_step_term(plan, output, node->args[0])) {
            break;
        }
        terms[count++] = node->args[k];
        v = node->args[1 - k];
    }
    if (count < UPDATE_TERMS && is_step_term(plan, output, v) &&
        (count > 0 || ir_node(plan->ir, v)->op == OP_DEPOSIT)) {
        terms[count++] = v;
        return count;
    }
    *rest = v;
    return count;
}

static Ref unguarded(const Plan *plan, Ref body) {
    while (ir_node(plan->ir, body)->op == OP_GUARD) {
        body = ir_node(plan->ir, body)->args[1];
    }
    return body;
}

/* What the step of a term is made of is kept, before any param moves. */
static void store_body(Plan *plan, Ref term, bool *stored) {
    const Node *node = ir_node(plan->ir, term);
    Ref body = unguarded(plan, node->op == OP_DEPOSIT ? node->args[0] : term);
    const Node *number = ir_node(plan->ir, body);
    if (plan->after_update[body] && number->kind == KIND_REAL && number->rank == 0 &&
        number->op != OP_STATE) {
        stored[body] = true;
    }
}

void update_store(Plan *plan, bool *stored) {
    uint32_t *as_term = arena_array(plan->arena, uint32_t, ir_count(plan->ir));
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        Ref terms[UPDATE_TERMS];
        Ref rest;
        Ref sum = plan->ir->outputs[k].value;
        unsigned count = update_terms(plan, &plan->ir->outputs[k], terms, &rest);
        for (unsigned t = 0; t < count; t++) {
            if (is_add(plan, sum)) {
                const Node *node = ir_node(plan->ir, sum);
                stored[sum] = stored[sum] && plan->uses[sum] > 1;
                sum = node->args[node->args[0] == terms[t] ? 1 : 0];
            }
            if (++as_term[terms[t]] == plan->uses[terms[t]]) {
                stored[terms[t]] = false; /* no array is made of it */
            }
            store_body(plan, terms[t], stored);
        }
    }
}
