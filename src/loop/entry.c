/* entry.c: single entries of states. A loop that changes an array here and there, a[k] += …,
 * carries all of it; its adjoint needs no more of the state of a step than the entries that the
 * step read. If all that reads the states behind the loop reads single entries, these are kept, a
 * number for each step, and not the arrays. */
#include "loop/plan.h"

typedef struct {
    const Plan *plan;
    bool *behind; /* by value: needed by something else than the steps of the recurrence */
    Ref *entries; /* reads of entries that are */
    size_t count;
    double part; /* how much of a state they are at least */
} Entries;

/* What outputs and other recurrences need. */
static void find_behind(const Entries *e, Ref scan) {
    const Plan *plan = e->plan;
    for (Ref v = 1; v < plan->node_count; v++) {
        e->behind[v] = false;
    }
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        e->behind[plan->ir->outputs[k].value] = true;
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (carry->used && carry->scan != scan) {
            e->behind[carry->init] = e->behind[carry->step] = true;
        }
    }
    for (Ref v = plan->node_count; v-- > 1;) {
        const Node *node = ir_node(plan->ir, v);
        const bool ends = node->op == OP_STATE || node->op == OP_SCAN || node->op == OP_PICK;
        for (uint32_t k = 0; e->behind[v] && !ends && k < node->arg_count; k++) {
            e->behind[node->args[k]] = true;
        }
    }
}

static bool is_last(const Plan *plan, const Carry *carry, Ref position) {
    const Dim end =
        carry->direction > 0 ? ir_index_dim(plan->ir, carry->t) : dim_const(plan->ir, 0);
    return ir_value_dim(plan->ir, position) == end;
}

/* Has it no index but those of the step? */
static bool is_fixed(const Plan *plan, const Carry *carry, Ref position) {
    return !(ir_free(plan->ir, position) & ~(carry->free | INDEX_BIT(carry->t)));
}

/* How much of a state a read of it takes: an axis is there as a whole, by an index of its own, or
 * with one entry. 1: all, or more. */
static double part_of(const Plan *plan, const Carry *carry, const Node *read) {
    IndexSet whole = 0;
    double part = 1;
    for (unsigned a = 0; a < carry->rank; a++) {
        const Node *position = ir_node(plan->ir, read->args[1 + a]);
        int64_t extent;
        const bool known =
            dim_value(plan->ir, ir_index_dim(plan->ir, carry->names[a]), &extent) && extent > 0;
        if (is_fixed(plan, carry, read->args[1 + a])) {
            part /= known ? (double)extent : INT32_MAX;
        } else if (position->op == OP_INDEX && !(whole & INDEX_BIT(position->as.index))) {
            whole |= INDEX_BIT(position->as.index);
        } else {
            return 1;
        }
    }
    return part;
}

/* Collects the reads of entries; false: something behind the loop reads all of a state. */
static bool find_entries(Entries *e, const Carry *carry) {
    const Plan *plan = e->plan;
    e->count = 0;
    e->part = 0;
    for (Ref v = 1; v < plan->node_count; v++) {
        const Node *read = ir_node(plan->ir, v);
        if (!plan->reached[v] || !e->behind[v] || read->op != OP_READ ||
            plan->carry_by_ref[read->args[0]] != carry) {
            continue;
        }
        const bool state = ir_node(plan->ir, read->args[0])->op == OP_STATE;
        if (!state && is_last(plan, carry, read->args[1])) {
            continue;
        }
        e->entries[e->count++] = v;
        e->part += state ? part_of(plan, carry, read) : 1;
        if (e->part >= 1) {
            return false;
        }
    }
    return true;
}

void entry_store(const Plan *plan, bool *stored) {
    Entries e = {.plan = plan,
                 .behind = arena_array(plan->arena, bool, plan->node_count),
                 .entries = arena_array(plan->arena, Ref, plan->node_count)};
    Ref scan = REF_NONE;
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (!carry->used || carry->rank == 0) {
            continue;
        }
        if (carry->scan != scan) {
            scan = carry->scan;
            find_behind(&e, scan);
        }
        if (find_entries(&e, carry)) {
            for (size_t k = 0; k < e.count; k++) {
                stored[e.entries[k]] = true;
            }
        }
    }
}
