/* prepare.c: the copy of the IR that is planned. Reads: an IR after opt. Returns: an IR of the same
 * outputs in which log-sum-exp is taken apart, sums over one-hot conditions are reads, Σ_k [k = e]
 * a{k}  →  a at k = e, and variables are what they stand for. */
#include "loop/plan.h"

/* ---- positions
 * ---------------------------------------------------------------------------------------- */

typedef struct {
    int64_t coefficient;
    Ref rest; /* int, never REF_NONE */
} Linear;

static bool linear_walk(Ir *ir, Ref v, Index x, unsigned depth, Linear *made);

static bool linear_call(Ir *ir, const Node *node, Index x, unsigned depth, Linear *made) {
    BuiltinId f = node->as.builtin;
    Linear a;
    Linear b = {0, REF_NONE};
    if (node->arg_count > 2 || !linear_walk(ir, node->args[0], x, depth + 1, &a) ||
        (node->arg_count == 2 && !linear_walk(ir, node->args[1], x, depth + 1, &b))) {
        return false;
    }
    if (f == BI_add || f == BI_sub) {
        made->coefficient = a.coefficient + (f == BI_add ? b.coefficient : -b.coefficient);
        made->rest = f == BI_add ? ir_add(ir, a.rest, b.rest) : ir_sub(ir, a.rest, b.rest);
        return true;
    }
    if (f == BI_neg) {
        made->coefficient = -a.coefficient;
        made->rest = ir_neg(ir, a.rest);
        return true;
    }
    if (f != BI_mul) {
        return false;
    }
    if (ir_node(ir, a.rest)->op == OP_CONST && a.coefficient == 0) {
        Linear t = a;
        a = b;
        b = t;
    }
    const Node *factor = ir_node(ir, b.rest);
    if (b.coefficient != 0 || factor->op != OP_CONST) {
        return false;
    }
    made->coefficient = a.coefficient * factor->as.integer;
    made->rest = ir_mul(ir, a.rest, b.rest);
    return true;
}

static bool linear_walk(Ir *ir, Ref v, Index x, unsigned depth, Linear *made) {
    Node node = *ir_node(ir, v);
    if (!(node.free & INDEX_BIT(x))) {
        made->coefficient = 0;
        made->rest = v;
        return true;
    }
    if (node.op == OP_INDEX) {
        made->coefficient = 1;
        made->rest = ir_int(ir, 0);
        return true;
    }
    return node.op == OP_CALL && depth < 32 && linear_call(ir, &node, x, depth, made);
}

bool linear_in(Ir *ir, Ref v, Index x, int64_t *coefficient, Ref *rest) {
    Linear made;
    if (!linear_walk(ir, v, x, 0, &made)) {
        return false;
    }
    *coefficient = made.coefficient;
    *rest = made.rest;
    return true;
}

/* ---- one-hot sums
 * ------------------------------------------------------------------------------------------ */

/* c is x = e for one e without x? */
Ref one_hot(Ir *ir, Ref c, Index x) {
    Node node = *ir_node(ir, c);
    if (node.op != OP_CALL || node.as.builtin != BI_eq || ir_kind(ir, node.args[0]) != KIND_INT) {
        return REF_NONE;
    }
    int64_t p;
    int64_t q;
    Ref a;
    Ref b;
    if (!linear_in(ir, node.args[0], x, &p, &a) || !linear_in(ir, node.args[1], x, &q, &b)) {
        return REF_NONE;
    }
    int64_t d = p - q; /* d·x = b - a */
    return d == 1 ? ir_sub(ir, b, a) : d == -1 ? ir_sub(ir, a, b) : REF_NONE;
}

/* The entries of an int leaf that is declared to lie in the dim of x are inside. */
bool surely_inside(const Ir *ir, Ref e, Dim dim) {
    const Node *node = ir_node(ir, e);
    if (node->op == OP_READ) {
        node = ir_node(ir, node->args[0]);
    }
    return node->op == OP_LEAF && ir->leaves[node->as.leaf].class_dim == dim && dim != DIM_NONE;
}

/* Takes `and` apart and looks for one that fixes x; *others: the rest of the conditions. */
Ref find_one_hot(Ir *ir, Ref c, Index x, Ref *others) {
    Node node = *ir_node(ir, c);
    if (node.op == OP_CALL && node.as.builtin == BI_and) {
        for (unsigned k = 0; k < 2; k++) {
            Ref rest = REF_NONE;
            Ref e = find_one_hot(ir, node.args[k], x, &rest);
            if (e != REF_NONE) {
                *others = ir_and(ir, rest, node.args[1 - k]);
                return e;
            }
        }
        return REF_NONE;
    }
    *others = REF_NONE;
    return one_hot(ir, c, x);
}

bool output_is_diagonal(const Plan *plan, const Output *output) {
    const Node node = *ir_node(plan->ir, output->value);
    bool found = false;
    Ref others;
    for (unsigned a = 0; output->role == OUT_MATRIX && node.op == OP_GUARD && a < output->rank;
         a++) {
        found = found || find_one_hot(plan->ir, node.args[0], output->axes[a], &others) != REF_NONE;
    }
    return found;
}

bool output_is_cleared(const Plan *plan, const Output *output) {
    const Node *node = ir_node(plan->ir, output->value);
    bool zero = node->op == OP_CONST && node->kind == KIND_REAL && node->as.real == 0;
    bool found = false;
    for (size_t k = 0; zero && output->role == OUT_MATRIX && k < plan->ir->output_count; k++) {
        found = found || output_is_diagonal(plan, &plan->ir->outputs[k]);
    }
    return found;
}

static Ref sum_of_one(Ir *ir, Index x, Ref a) {
    Node guard = *ir_node(ir, a);
    if (guard.op != OP_GUARD) {
        return ir_sum(ir, x, a);
    }
    Ref others = REF_NONE;
    Ref e = find_one_hot(ir, guard.args[0], x, &others);
    if (e == REF_NONE) {
        return ir_sum(ir, x, a);
    }
    Dim dim = ir_index_dim(ir, x);
    Ref body = others == REF_NONE ? guard.args[1] : ir_guard(ir, others, guard.args[1]);
    Ref made = ir_read(ir, ir_array(ir, &x, 1, body), &e, 1);
    if (surely_inside(ir, e, dim)) {
        return made;
    }
    Ref low = ir_compare(ir, BI_le, ir_int(ir, 0), e);
    Ref high = ir_compare(ir, BI_lt, e, ir_size(ir, dim));
    return ir_guard(ir, ir_and(ir, low, high), made);
}

/* ---- the copy
 * -------------------------------------------------------------------------------------------------
 */

static Ref take_lse_apart(Ir *ir, Index x, Ref a) {
    Ref m = ir_max(ir, x, a);
    Ref infinite = ir_compare(ir, BI_eq, m, ir_real(ir, -__builtin_inf()));
    Ref shift = ir_select(ir, infinite, ir_real(ir, 0), m);
    Ref s = ir_sum(ir, x, ir_call1(ir, BI_exp, ir_sub(ir, a, shift)));
    return ir_add(ir, shift, ir_call1(ir, BI_log, s));
}

static Ref rewrite(Ir *ir, Arena *arena, Carries *carries, Ref v, const Ref *args) {
    Node node = *ir_node(ir, v);
    switch (node.op) {
    case OP_SUM:
        return sum_of_one(ir, node.as.index, args[0]);
    case OP_LSE:
        return take_lse_apart(ir, node.as.index, args[0]);
    case OP_VAR:
        return args[0];
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
        return v;
    case OP_CALL:
    case OP_EXTERN:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_ARRAY:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_DEPOSIT:
    case OP_PICK:
        return ir_rebuild(ir, v, args);
    case OP_LIB:
        return lib_prepare(ir, node.as.lib.id, args);
    case OP_STATE:
        return carry_state(ir, arena, carries, v, args);
    case OP_SCAN:
        return carry_scan(ir, arena, carries, v, args);
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return v;
}

Ir *prepare_ir(const LoopOptions *options, Arena *arena, const Ir *original, Carries *carries) {
    Ir *ir = ir_compact_in(arena, original);
    Ref count = ir_count(ir);
    bool *reached = ir_reach_outputs(ir);
    Ref *map = arena_array(arena, Ref, count);
    Ref *args = NULL;
    size_t capacity = 0;
    for (Ref v = 1; v < count; v++) {
        if (!reached[v]) {
            continue;
        }
        Node node = *ir_node(ir, v);
        if (node.op == OP_DERIV) {
            ice("loop", "a derivative was left in the IR");
        }
        while (capacity < node.arg_count) {
            args = arena_grow(arena, args, capacity, &capacity, sizeof(Ref));
        }
        for (uint32_t k = 0; k < node.arg_count; k++) {
            args[k] = map[node.args[k]];
        }
        ir->at = node.span;
        map[v] = rewrite(ir, arena, carries, v, args);
    }
    for (size_t k = 0; k < ir->output_count; k++) {
        ir->outputs[k].value = map[ir->outputs[k].value];
    }
    update_spread(ir, arena);
    if (ir_overflowed(ir)) {
        if (options->diags) {
            diag_error(options->diags, ir->at, "too many nested indices"); /* rare: 64 of them */
        }
        return NULL;
    }
    return ir;
}
