/* reverse.c: reverse mode. One downward sweep over the values that existed at the start; the
 * adjoint of a scalar v has free indices ⊆ F(v) ∪ held, that of an array v also its axis names.
 * Every rule makes a bounded number of values for each operand. Reads an Ir without DERIV; returns
 * adjoints in the same Ir; assumes what ir_verify checks. */
#include "diff/sweep.h"

#include <math.h>

/* ---- where an infinite value may come from other than an overflow -------------------------------
 */

static bool call_may_be_infinite(const Node *node, const bool *infinite) {
    switch ((int)node->as
                .builtin) { /* the rows here are total, and bounded where their arguments are */
    case BI_add:
    case BI_sub:
    case BI_mul:
    case BI_neg:
    case BI_square:
    case BI_exp:
    case BI_tanh:
    case BI_sin:
    case BI_cos:
    case BI_abs:
    case BI_maximum:
    case BI_minimum:
        for (uint32_t k = 0; k < node->arg_count; k++) {
            if (infinite[node->args[k]]) {
                return true;
            }
        }
        return false;
    default:
        return true;
    }
}

/* infinite[v]: v may be ±∞ for finite leaves and without an overflow. */
static bool *may_be_infinite(const Ir *ir, Ref top) {
    bool *infinite = arena_array(ir->arena, bool, top);
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        switch (node->op) {
        case OP_CONST:
            infinite[v] = node->kind == KIND_REAL && !isfinite(node->as.real);
            break;
        case OP_CALL:
            infinite[v] = call_may_be_infinite(node, infinite);
            break;
        case OP_EXTERN:
        case OP_STATE:
        case OP_SCAN:
        case OP_PICK:
        case OP_LIB:
        case OP_DERIV:
            infinite[v] = true;
            break;
        case OP_SIZE:
        case OP_INDEX:
        case OP_LEAF:
        case OP_CONVERT:
        case OP_SELECT:
        case OP_GUARD:
        case OP_READ:
        case OP_ARRAY:
        case OP_SUM:
        case OP_MAX:
        case OP_ARGMAX:
        case OP_LSE:
        case OP_DEPOSIT:
        case OP_VAR:
        case OP_COUNT:
            for (uint32_t k = 0; k < node->arg_count; k++) {
                infinite[v] = infinite[v] || infinite[node->args[k]];
            }
            break;
        }
    }
    return infinite;
}

/* ---- accumulation
 * --------------------------------------------------------------------------------- */

static IndexSet axis_set(Ir *ir, Ref a) {
    Index names[RANK_LIMIT];
    return ir_rank(ir, a) > 0 ? diff_index_set(names, ir_axis_names(ir, a, names)) : 0;
}

void reverse_accumulate(Reverse *r, Ref a, Ref c, IndexSet dom) {
    if (!r->active[a] || c == REF_NONE) {
        return;
    }
    const IndexSet keep = ir_free(r->ir, a) | axis_set(r->ir, a) | r->held;
    const Ref sum = ir_sum_all(r->ir, dom & ~keep, ir_guard(r->ir, r->guard, c));
    r->adj[a] = r->adj[a] == REF_NONE ? sum : ir_add(r->ir, r->adj[a], sum);
}

void reverse_accumulate_array(Reverse *r, Ref a, Ref array, Ref lead) {
    if (!r->active[a]) {
        return;
    }
    Ir *ir = r->ir;
    Index names[RANK_LIMIT];
    const unsigned rank = ir_axis_names(ir, a, names);
    const Ref guard = r->guard;
    const IndexSet free = ir_free(ir, array) | (guard != REF_NONE ? ir_free(ir, guard) : 0);
    if ((free & diff_index_set(names, rank)) == 0) {
        const Ref c = diff_read_at(ir, array, lead, names, rank);
        reverse_accumulate(r, a, c, free);
        return;
    }
    /* An index that the array or its condition still depends on has the name of an axis: read under
     * other names, sum, and rename. */
    Index fresh[RANK_LIMIT];
    IndexSet used = free | ir_free(ir, a) | r->held | diff_index_set(names, rank);
    for (unsigned k = 0; k < rank; k++) {
        fresh[k] = ir_fresh(ir, ir_index_dim(ir, names[k]), used);
        used |= INDEX_BIT(fresh[k]);
    }
    Ref c = ir_guard(ir, guard, diff_read_at(ir, array, lead, fresh, rank));
    c = ir_sum_all(ir, free & ~ir_free(ir, a) & ~r->held, c);
    c = ir_array(ir, fresh, rank, c);
    c = diff_read_at(ir, c, REF_NONE, names, rank);
    r->guard = REF_NONE; /* it stands inside */
    reverse_accumulate(r, a, c, diff_index_set(names, rank));
    r->guard = guard;
}

/* ---- the rules
 * -------------------------------------------------------------------------------------- */

/* max(a, b): to the greater; at a tie half to each. A NaN is passed on. */
static void reverse_extremum_of_two(Reverse *r, Ref v, Ref g, Ref a, Ref b, IndexSet dom) {
    Ir *ir = r->ir;
    const bool max = ir_node(ir, v)->as.builtin == BI_maximum;
    const Ref tie = ir_compare(ir, BI_eq, a, b);
    const Ref half = ir_real(ir, 0.5);
    const Ref one = ir_real(ir, 1);
    const Ref share = ir_mul(ir, g, ir_select(ir, tie, half, one));
    const Ref less = ir_compare(ir, BI_lt, max ? a : b, max ? b : a);
    const Ref more = ir_compare(ir, BI_lt, max ? b : a, max ? a : b);
    reverse_accumulate(r, a, ir_guard(ir, ir_not(ir, less), share), dom);
    reverse_accumulate(r, b, ir_guard(ir, ir_not(ir, more), share), dom);
}

/* Of many: shared evenly by those that reach v. */
static void reverse_extremum(Reverse *r, Ref v, Ref g, IndexSet dom) {
    Ir *ir = r->ir;
    Ref *operands;
    const size_t count = diff_extremum_operands(ir, v, r->uses, &operands);
    if (count == 2) {
        reverse_extremum_of_two(r, v, g, operands[0], operands[1], dom);
        return;
    }
    Ref number = REF_NONE;
    for (size_t k = 0; k < count; k++) {
        const Ref reached = ir_convert(ir, ir_compare(ir, BI_eq, operands[k], v));
        number = number == REF_NONE ? reached : ir_add(ir, number, reached);
    }
    const Ref share = ir_div(ir, g, number);
    for (size_t k = 0; k < count; k++) {
        const Ref reached = ir_compare(ir, BI_eq, operands[k], v);
        reverse_accumulate(r, operands[k], ir_guard(ir, reached, share), dom);
    }
}

static void reverse_by_rules(Reverse *r, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    const IndexSet dom = node->free;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        if (!r->active[node->args[k]] || diff_rule_is_zero(ir, v, k)) {
            continue;
        }
        const Ref d = diff_rule(r->diff, ir, v, k);
        if (d == REF_NONE) {
            r->failed = true;
            continue;
        }
        reverse_accumulate(r, node->args[k], diff_times(ir, g, d), dom);
    }
}

static void reverse_call(Reverse *r, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    const IndexSet dom = node->free;
    const Ref a = node->args[0];
    const Ref b = node->arg_count > 1 ? node->args[1] : REF_NONE;
    if (node->op == OP_EXTERN) {
        reverse_by_rules(r, v, g);
        return;
    }
    switch ((int)node->as.builtin) {
    case BI_add:
        reverse_accumulate(r, a, g, dom);
        reverse_accumulate(r, b, g, dom);
        return;
    case BI_sub:
        reverse_accumulate(r, a, g, dom);
        reverse_accumulate(r, b, r->active[b] ? ir_neg(ir, g) : REF_NONE, dom);
        return;
    case BI_neg:
        reverse_accumulate(r, a, ir_neg(ir, g), dom);
        return;
    case BI_mul:
        reverse_accumulate(r, a, r->active[a] ? ir_mul(ir, g, b) : REF_NONE, dom);
        reverse_accumulate(r, b, r->active[b] ? ir_mul(ir, g, a) : REF_NONE, dom);
        return;
    case BI_div: {
        const Ref q = ir_div(ir, g, b);
        reverse_accumulate(r, a, q, dom);
        reverse_accumulate(r, b, r->active[b] ? ir_neg(ir, ir_mul(ir, q, v)) : REF_NONE, dom);
        return;
    }
    case BI_maximum:
    case BI_minimum:
        reverse_extremum(r, v, g, dom);
        return;
    default:
        break;
    }
    reverse_by_rules(r, v, g);
}

static void reverse_max(Reverse *r, Ref v, Ref g) {
    Ir *ir = r->ir;
    IndexSet bound;
    const Ref a = diff_max_operand(ir, v, &bound);
    const Ref reached = ir_compare(ir, BI_eq, a, v);
    const Ref number = ir_sum_all(ir, bound, ir_convert(ir, reached));
    const Ref share = ir_guard(ir, reached, ir_div(ir, g, number));
    reverse_accumulate(r, a, share, ir_free(ir, v) | bound);
}

static void reverse_lse(Reverse *r, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    const Ref a = node->args[0];
    const Ref weight = ir_call1(ir, BI_exp, ir_sub(ir, a, v));
    Ref c = ir_mul(ir, g, weight);
    if (r->infinite[a]) {
        const Ref lowest = ir_real(ir, -INFINITY);
        c = ir_guard(ir, ir_compare(ir, BI_lt, lowest, v), c);
    }
    reverse_accumulate(r, a, c, node->free | INDEX_BIT(node->as.index));
}

void reverse_accumulate_at(Reverse *r, Ref a, const Ref *positions, IndexSet dom, Ref c) {
    if (!r->active[a]) {
        return;
    }
    Ir *ir = r->ir;
    Index names[RANK_LIMIT];
    const unsigned rank = ir_axis_names(ir, a, names);
    const IndexSet bound = dom & ~ir_free(ir, a) & ~r->held;
    const Ref guarded = ir_guard(ir, r->guard, c);
    const Ref all = ir_deposit(ir, bound, names, positions, rank, guarded);
    r->adj[a] = r->adj[a] == REF_NONE ? all : ir_add(ir, r->adj[a], all);
}

static void reverse_sum(Reverse *r, Ref v, Ref g) {
    const Node *node = ir_node(r->ir, v);
    if (!reverse_factor_sum(r, v, g)) {
        reverse_accumulate(r, node->args[0], g, node->free | INDEX_BIT(node->as.index));
    }
}

static void reverse_deposit(Reverse *r, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    const uint32_t count = node->as.deposit.count;
    const Ref closed = ir_array(ir, node->as.deposit.targets, count, g);
    const Ref back = ir_read(ir, closed, node->args + 1, count);
    IndexSet dom = ir_free(ir, node->args[0]);
    for (uint32_t k = 1; k <= count; k++) {
        dom |= ir_free(ir, node->args[k]);
    }
    reverse_accumulate(r, node->args[0], back, dom);
}

/* Whether the rule may make something else than 0 of the adjoint 0. */
static bool may_break(const Node *node) {
    if (node->op == OP_CALL) {
        return node->as.builtin != BI_add && node->as.builtin != BI_sub &&
               node->as.builtin != BI_neg;
    }
    return node->op == OP_EXTERN || node->op == OP_LSE || node->op == OP_LIB;
}

static void reverse_node(Reverse *r, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    switch (node->op) {
    case OP_EXTERN:
    case OP_CALL:
        reverse_call(r, v, g);
        return;
    case OP_SELECT: {
        const Ref other = ir_not(ir, node->args[0]);
        reverse_accumulate(r, node->args[1], ir_guard(ir, node->args[0], g), node->free);
        reverse_accumulate(r, node->args[2], ir_guard(ir, other, g), node->free);
        return;
    }
    case OP_GUARD:
        reverse_accumulate(r, node->args[1], ir_guard(ir, node->args[0], g), node->free);
        return;
    case OP_SUM:
        reverse_sum(r, v, g);
        return;
    case OP_MAX:
        reverse_max(r, v, g);
        return;
    case OP_LSE:
        reverse_lse(r, v, g);
        return;
    case OP_ARRAY: {
        const IndexSet axes = diff_index_set(node->as.indices.list, node->as.indices.count);
        reverse_accumulate(r, node->args[0], g, node->free | axes);
        return;
    }
    case OP_READ:
        reverse_accumulate_at(r, node->args[0], node->args + 1, node->free, g);
        return;
    case OP_DEPOSIT:
        reverse_deposit(r, v, g);
        return;
    case OP_VAR:
        reverse_accumulate(r, node->args[0], g, node->free | axis_set(ir, v));
        return;
    case OP_LIB:
        reverse_lib(r, v, g);
        return;
    case OP_DERIV:
        ice("diff", "value %u is a deriv that was not expanded", v);
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_CONVERT:
    case OP_ARGMAX:
    case OP_STATE: /* its adjoint is a step of the adjoint's recurrence */
    case OP_SCAN:
    case OP_PICK:
    case OP_COUNT:
        return;
    }
}

/* ---- the trace
 * ----------------------------------------------------------------------------------- */

static const char *rule_name(const Ir *ir, Ref v) {
    static const char *const names[OP_COUNT] = {
#define OP(id, name, meaning) [OP_##id] = name,
#include "ir/op.def"
#undef OP
    };
    const Node *node = ir_node(ir, v);
    if (node->op == OP_CALL) {
        return arena_format(ir->arena, "chain: %s", builtins[node->as.builtin].name);
    }
    if (node->op == OP_LIB) {
        return lib_table[node->as.lib.id].name;
    }
    return names[node->op];
}

static void trace_add(Trace *trace, const Ir *ir, Ref v, Ref adjoint) {
    if (!trace) {
        return;
    }
    if (!trace->arena) {
        trace->arena = ir->arena;
    }
    trace->steps =
        arena_grow(trace->arena, trace->steps, trace->count, &trace->capacity, sizeof(TraceStep));
    trace->steps[trace->count++] = (TraceStep){v, adjoint, rule_name(ir, v)};
}

/* ---- the sweep
 * ------------------------------------------------------------------------------------- */

static void reverse_start(Reverse *r, const Seed *seeds, size_t seed_count, const Ref *wrt,
                          size_t wrt_count) {
    Ir *ir = r->ir;
    r->top = ir_count(ir);
    r->recurrences = diff_recurrences(ir, r->top);
    r->active = diff_active(ir, r->top, &r->recurrences, wrt, wrt_count);
    r->uses = diff_uses(ir, r->top);
    r->infinite = may_be_infinite(ir, r->top);
    r->adj = arena_array(ir->arena, Ref, r->top);
    r->loops = arena_array(ir->arena, AdjointLoop, r->recurrences.count + 1);
    Ref *roots = arena_array(ir->arena, Ref, seed_count + 1);
    for (size_t k = 0; k < seed_count; k++) {
        roots[k] = seeds[k].value;
    }
    const bool *needed = ir_reach(ir, roots, seed_count);
    for (Ref v = 1; v < r->top; v++) {
        r->active[v] = r->active[v] && needed[v];
    }
    r->branches = diff_branches(ir, r->top, r->active, &r->recurrences, r->uses, roots, seed_count);
    for (size_t k = 0; k < seed_count; k++) {
        const Ref v = seeds[k].value;
        if (r->active[v]) {
            r->adj[v] =
                r->adj[v] == REF_NONE ? seeds[k].adjoint : ir_add(ir, r->adj[v], seeds[k].adjoint);
        }
    }
}

bool diff_reverse(const Diff *diff, Ir *ir, const Seed *seeds, size_t seed_count, const Ref *wrt,
                  size_t wrt_count, IndexSet held, Trace *trace, Ref *adjoints) {
    Reverse r = {.diff = diff, .ir = ir, .held = held};
    reverse_start(&r, seeds, seed_count, wrt, wrt_count);
    bool *stop = arena_array(ir->arena, bool, r.top);
    for (size_t k = 0; k < wrt_count; k++) {
        stop[wrt[k]] = true;
    }
    const Span at = ir->at;
    for (Ref v = r.top; v-- > 1;) {
        const Node *node = ir_node(ir, v);
        ir->at = node->span;
        if (r.active[v] && node->op == OP_SCAN) {
            reverse_scan(&r, v);
        } else if (r.active[v] && r.adj[v] != REF_NONE) {
            trace_add(trace, ir, v, r.adj[v]);
            if (!stop[v]) {
                r.guard = may_break(node) ? diff_branch_condition(ir, r.branches[v]) : REF_NONE;
                reverse_node(&r, v, r.adj[v]);
                r.guard = REF_NONE;
            }
        }
        if (node->op == OP_STATE) { /* the lowest one may be inactive */
            reverse_state(&r, v);
        }
    }
    ir->at = at;
    for (size_t k = 0; k < wrt_count; k++) {
        adjoints[k] = r.adj[wrt[k]];
    }
    return !r.failed;
}
