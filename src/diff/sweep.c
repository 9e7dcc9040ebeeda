/* sweep.c: recurrences, activity and rules, for both modes. */
#include "diff/sweep.h"

#include <string.h>

IndexSet diff_index_set(const Index *names, unsigned count) {
    IndexSet set = 0;
    for (unsigned k = 0; k < count; k++) {
        set |= INDEX_BIT(names[k]);
    }
    return set;
}

Ref diff_zeros(Ir *ir, const Index *names, unsigned count) {
    return ir_array(ir, names, count, ir_real(ir, 0));
}

Ref diff_read_at(Ir *ir, Ref array, Ref lead, const Index *names, unsigned count) {
    Ref positions[RANK_LIMIT + 1];
    unsigned n = 0;
    if (lead != REF_NONE) {
        positions[n++] = lead;
    }
    for (unsigned k = 0; k < count; k++) {
        positions[n++] = ir_idx(ir, names[k]);
    }
    return ir_read(ir, array, positions, n);
}

Ref diff_max_operand(const Ir *ir, Ref v, IndexSet *bound) {
    *bound = 0;
    while (ir_node(ir, v)->op == OP_MAX) {
        *bound |= INDEX_BIT(ir_node(ir, v)->as.index);
        v = ir_node(ir, v)->args[0];
    }
    return v;
}

uint32_t *diff_uses(const Ir *ir, Ref top) {
    uint32_t *uses = arena_array(ir->arena, uint32_t, top);
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            uses[node->args[k]]++;
        }
    }
    return uses;
}

/* ---- recurrences --------------------------------------------------------------------------------
 */

static uint32_t count_tags(const Ir *ir, Ref top) {
    uint32_t count = 0;
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_SCAN && node->as.scan.tag >= count) {
            count = node->as.scan.tag + 1;
        }
    }
    return count;
}

Recurrences diff_recurrences(Ir *ir, Ref top) {
    Recurrences all = {NULL, count_tags(ir, top)};
    all.list = arena_array(ir->arena, Recurrence, all.count + 1);
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_SCAN) {
            Recurrence *r = &all.list[node->as.scan.tag];
            r->scan = v;
            r->count = node->as.scan.count;
            r->states = arena_array(ir->arena, Ref, r->count + 1);
            r->picks = arena_array(ir->arena, Ref, r->count + 1);
        }
    }
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_STATE && node->as.state.tag < all.count) {
            Recurrence *r = &all.list[node->as.state.tag];
            if (r->scan != REF_NONE) {
                r->states[node->as.state.k] = v;
                r->lowest = r->lowest == REF_NONE ? v : r->lowest;
            }
        } else if (node->op == OP_PICK) {
            Recurrence *r = &all.list[ir_node(ir, node->args[0])->as.scan.tag];
            r->picks[node->as.pick] = v;
        }
    }
    return all;
}

/* ---- activity
 * ------------------------------------------------------------------------------------- */

bool diff_rule_is_zero(const Ir *ir, Ref v, unsigned k) {
    if (ir_node(ir, v)->op == OP_EXTERN) {
        return false;
    }
    const char *text = builtins[ir_node(ir, v)->as.builtin].d[k];
    return text && strcmp(text, "0") == 0;
}

bool diff_carried_active(const Ir *ir, const Recurrence *recurrence, const bool *active,
                         uint32_t k) {
    const Node *scan = ir_node(ir, recurrence->scan);
    return active[scan->args[k]] || active[scan->args[recurrence->count + k]];
}

static bool any_active(const Node *node, const bool *active, uint32_t first) {
    for (uint32_t k = first; k < node->arg_count; k++) {
        if (active[node->args[k]]) {
            return true;
        }
    }
    return false;
}

static bool call_active(const Ir *ir, Ref v, const bool *active) {
    const Node *node = ir_node(ir, v);
    for (uint32_t k = 0; k < node->arg_count; k++) {
        if (active[node->args[k]] && !diff_rule_is_zero(ir, v, k)) {
            return true;
        }
    }
    return false;
}

static bool node_active(const Ir *ir, Ref v, const Recurrences *recurrences, const bool *active) {
    const Node *node = ir_node(ir, v);
    if (node->kind != KIND_REAL && node->op != OP_SCAN) {
        return false;
    }
    switch (node->op) {
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_CONVERT:
    case OP_ARGMAX:
        return false;
    case OP_CALL:
        return call_active(ir, v, active);
    case OP_SELECT:
        return any_active(node, active, 1);
    case OP_GUARD:
        return active[node->args[1]];
    case OP_READ:
    case OP_ARRAY:
    case OP_SUM:
    case OP_MAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_VAR:
        return active[node->args[0]];
    case OP_STATE: {
        const uint32_t tag = node->as.state.tag;
        const Recurrence *r = &recurrences->list[tag];
        if (tag >= recurrences->count || r->scan == REF_NONE) { /* its scan is not made yet */
            return active[node->args[0]];
        }
        return diff_carried_active(ir, r, active, node->as.state.k);
    }
    case OP_PICK: {
        const Recurrence *r = &recurrences->list[ir_node(ir, node->args[0])->as.scan.tag];
        return diff_carried_active(ir, r, active, node->as.pick);
    }
    case OP_EXTERN:
    case OP_SCAN:
    case OP_LIB:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return any_active(node, active, 0);
}

bool *diff_active(Ir *ir, Ref top, const Recurrences *recurrences, const Ref *wrt,
                  size_t wrt_count) {
    bool *active = arena_array(ir->arena, bool, top);
    for (size_t k = 0; k < wrt_count; k++) {
        active[wrt[k]] = true;
    }
    for (bool again = true; again;) { /* once more only where a recurrence carries activity back */
        again = false;
        for (Ref v = 1; v < top; v++) {
            active[v] = active[v] || node_active(ir, v, recurrences, active);
        }
        for (Ref v = 1; v < top && !again; v++) {
            again = ir_node(ir, v)->op == OP_STATE && !active[v] &&
                    node_active(ir, v, recurrences, active);
        }
    }
    return active;
}

/* ---- rules
 * ---------------------------------------------------------------------------------------- */

/* By the function that the declaration names. */
static Ref external_rule(const Diff *diff, Ir *ir, Ref v, unsigned k) {
    const Node *node = ir_node(ir, v);
    const External *f = &ir->externals[node->as.external];
    if (f->derivatives[k] != EXTERN_NONE) {
        return ir_extern(ir, f->derivatives[k], node->args, node->arg_count);
    }
    Diag *diag =
        diag_error(diff->diags, node->span,
                   "a derivative of the extern `%s` is needed here, and it has none", f->name);
    diag_label(diff->diags, diag, "declare it: `extern %s(…) derivative …`", f->name);
    if (f->span.file != 0) {
        diag_note(diff->diags, diag, f->span, "`%s` is declared here", f->name);
    }
    return REF_NONE;
}

Ref diff_rule(const Diff *diff, Ir *ir, Ref v, unsigned k) {
    if (ir_node(ir, v)->op == OP_EXTERN) {
        return external_rule(diff, ir, v, k);
    }
    const Ref d = ir_rule(ir, diff->rules, v, k);
    if (d == REF_NONE) {
        const Node *node = ir_node(ir, v);
        const Builtin *row = &builtins[node->as.builtin];
        diag_error(diff->diags, node->span,
                   "`%s` is not differentiable with respect to its argument %u", row->name, k + 1);
    }
    return d;
}

static bool is_zero(const Ir *ir, Ref v) {
    const Node *node = ir_node(ir, v);
    return node->op == OP_CONST && node->kind == KIND_REAL && node->as.real == 0;
}

Ref diff_times(Ir *ir, Ref g, Ref d) {
    const Node *node = ir_node(ir, d);
    if (node->op == OP_SELECT && is_zero(ir, node->args[2])) {
        const Ref product = diff_times(ir, g, node->args[1]);
        return ir_guard(ir, node->args[0], product);
    }
    if (node->op == OP_SELECT && is_zero(ir, node->args[1])) {
        const Ref other = ir_not(ir, node->args[0]);
        const Ref product = diff_times(ir, g, node->args[2]);
        return ir_guard(ir, other, product);
    }
    return ir_mul(ir, g, d);
}

/* Inner calls with other uses are opened only while there are few operands, so that a chain of
 * running maxima stays linear. */
enum { EXTREMUM_SHARED_LIMIT = 8 };

size_t diff_extremum_operands(Ir *ir, Ref v, const uint32_t *uses, Ref **operands) {
    const BuiltinId f = ir_node(ir, v)->as.builtin;
    size_t count = 0, capacity = 0, stacked = 0, stack_capacity = 0;
    Ref *list = NULL, *stack = NULL;
    stack = arena_grow(ir->arena, stack, stacked, &stack_capacity, sizeof *stack);
    stack[stacked++] = v;
    while (stacked > 0) {
        const Ref a = stack[--stacked];
        const Node *node = ir_node(ir, a);
        const bool open = node->op == OP_CALL && node->as.builtin == f && node->kind == KIND_REAL &&
                          (a == v || uses[a] == 1 || count + stacked < EXTREMUM_SHARED_LIMIT);
        if (!open) {
            list = arena_grow(ir->arena, list, count, &capacity, sizeof *list);
            list[count++] = a;
            continue;
        }
        for (uint32_t k = node->arg_count; k-- > 0;) {
            stack = arena_grow(ir->arena, stack, stacked, &stack_capacity, sizeof *stack);
            stack[stacked++] = node->args[k];
        }
    }
    *operands = list;
    return count;
}
