/* recur.c: the adjoint of a recurrence is a recurrence in the other direction. At the scan its
 * state leaves β_k are made; the ordinary sweep then runs through the body; at the lowest state
 * leaf the adjoints of the states are complete, and the adjoint's scan is made. */
#include "diff/sweep.h"

typedef struct {
    Index list[RANK_LIMIT];
    unsigned count;
} Names;

/* The axis names of carried name k: those of its state leaf, or some that clash with nothing. */
static Names carried_names(Reverse *r, const Recurrence *recurrence, uint32_t k, IndexSet used) {
    Names names = {{0}, 0};
    if (recurrence->states[k] != REF_NONE) {
        names.count = ir_axis_names(r->ir, recurrence->states[k], names.list);
        return names;
    }
    const Node *init = ir_node(r->ir, ir_node(r->ir, recurrence->scan)->args[k]);
    for (unsigned a = 0; a < init->rank; a++) {
        const Index i = ir_fresh(r->ir, init->shape[a], used);
        used |= INDEX_BIT(i);
        names.list[names.count++] = i;
    }
    return names;
}

/* F of state leaf k, without t. */
static IndexSet carried_free(const Reverse *r, const Recurrence *recurrence, uint32_t k) {
    const Node *scan = ir_node(r->ir, recurrence->scan);
    const Ref state = recurrence->states[k];
    const IndexSet all = state != REF_NONE ? ir_free(r->ir, state) : scan->free;
    return all & ~INDEX_BIT(scan->as.scan.t);
}

/* The adjoint of pick k, closed to an array; summed over indices that only other names have. */
static Ref picked_adjoint(Reverse *r, const Recurrence *recurrence, uint32_t k) {
    const Ref pick = recurrence->picks[k];
    if (pick == REF_NONE || r->adj[pick] == REF_NONE) {
        return REF_NONE;
    }
    Index names[RANK_LIMIT];
    const unsigned count = ir_axis_names(r->ir, pick, names);
    const IndexSet extra = ir_free(r->ir, pick) & ~carried_free(r, recurrence, k) & ~r->held;
    const Ref adjoint = ir_sum_all(r->ir, extra, r->adj[pick]);
    return ir_array(r->ir, names, count, adjoint);
}

static Ref adjoint_start(Reverse *r, const Recurrence *recurrence, uint32_t k, Ref picked) {
    const Node *scan = ir_node(r->ir, recurrence->scan);
    const IndexSet used = carried_free(r, recurrence, k) | r->held;
    const Names names = carried_names(r, recurrence, k, used);
    if (picked == REF_NONE) {
        return diff_zeros(r->ir, names.list, names.count);
    }
    const Dim steps = ir_index_dim(r->ir, scan->as.scan.t);
    const Ref end = scan->as.scan.direction > 0 ? ir_size(r->ir, steps) : ir_int(r->ir, 0);
    const Ref last = diff_read_at(r->ir, picked, end, names.list, names.count);
    return ir_array(r->ir, names.list, names.count, last);
}

static void close_scan(Reverse *r, const Recurrence *recurrence, AdjointLoop *loop);

/* Does carried name k reach a seed, by its results or by its states? Else its adjoint is 0, and
 * what its steps would make of that 0 is not even under the conditions that they are used under. */
static bool has_influence(const Reverse *r, const Recurrence *recurrence, uint32_t k) {
    const Ref pick = recurrence->picks[k], state = recurrence->states[k];
    return (pick != REF_NONE && r->branches[pick]) || (state != REF_NONE && r->branches[state]);
}

void reverse_scan(Reverse *r, Ref scan) {
    const uint32_t tag = ir_node(r->ir, scan)->as.scan.tag;
    const Index t = ir_node(r->ir, scan)->as.scan.t;
    const Recurrence *recurrence = &r->recurrences.list[tag];
    AdjointLoop *loop = &r->loops[tag];
    const uint32_t count = recurrence->count;
    loop->state = arena_array(r->ir->arena, Ref, count + 1);
    loop->init = arena_array(r->ir->arena, Ref, count + 1);
    loop->picked = arena_array(r->ir->arena, Ref, count + 1);
    loop->slot = arena_array(r->ir->arena, uint32_t, count + 1);
    loop->tag = ir_new_tag(r->ir);
    for (uint32_t k = 0; k < count; k++) { /* all inits before the first state leaf */
        if (diff_carried_active(r->ir, recurrence, r->active, k) &&
            has_influence(r, recurrence, k)) {
            loop->picked[k] = picked_adjoint(r, recurrence, k);
            loop->init[k] = adjoint_start(r, recurrence, k, loop->picked[k]);
            loop->slot[k] = loop->count++;
        }
    }
    loop->open = loop->count > 0;
    for (uint32_t k = 0; k < count; k++) {
        if (loop->init[k] != REF_NONE) {
            const IndexSet free = carried_free(r, recurrence, k) | INDEX_BIT(t) | r->held;
            loop->state[k] = ir_state(r->ir, loop->tag, loop->slot[k], t, free, loop->init[k]);
            ir_name_state_of(r->ir, loop->state[k], recurrence->states[k], "_adj");
        }
    }
    for (uint32_t k = 0; k < count; k++) {
        if (loop->state[k] != REF_NONE) {
            const Ref step = ir_node(r->ir, scan)->args[count + k];
            reverse_accumulate_array(r, step, loop->state[k], REF_NONE);
        }
    }
    if (loop->open && recurrence->lowest == REF_NONE) {
        close_scan(r, recurrence, loop);
    }
}

/* One step of the adjoint: B_k[t] = P_k[t] + σ̄_k{t}. */
static Ref adjoint_step(Reverse *r, const Recurrence *recurrence, const AdjointLoop *loop,
                        uint32_t k) {
    const Node *scan = ir_node(r->ir, recurrence->scan);
    const Ref state = recurrence->states[k];
    const IndexSet used = carried_free(r, recurrence, k) | INDEX_BIT(scan->as.scan.t) | r->held;
    const Names names = carried_names(r, recurrence, k, used);
    Ref step = state != REF_NONE ? r->adj[state] : REF_NONE;
    if (loop->picked[k] != REF_NONE) {
        const Ref now = ir_idx(r->ir, scan->as.scan.t);
        const Ref one = ir_int(r->ir, 1);
        const Ref at = scan->as.scan.direction > 0 ? now : ir_add(r->ir, now, one);
        const Ref picked = diff_read_at(r->ir, loop->picked[k], at, names.list, names.count);
        step = step == REF_NONE ? picked : ir_add(r->ir, picked, step);
    }
    if (step == REF_NONE) {
        step = ir_real(r->ir, 0);
    }
    return ir_array(r->ir, names.list, names.count, step);
}

/* B_k at the end where the recurrence began. What only other names depend on is pinned to 0: the
 * value is the same everywhere along it. */
static void accumulate_init(Reverse *r, const Recurrence *recurrence, Ref adjoint, uint32_t k,
                            uint32_t slot) {
    const Node *scan = ir_node(r->ir, recurrence->scan);
    const Ref init = scan->args[k];
    if (!r->active[init]) {
        return;
    }
    Ref array = ir_pick(r->ir, adjoint, slot);
    const Dim steps = ir_index_dim(r->ir, scan->as.scan.t);
    const Ref first = scan->as.scan.direction > 0 ? ir_int(r->ir, 0) : ir_size(r->ir, steps);
    const IndexSet free = carried_free(r, recurrence, k);
    const IndexSet extra = ir_free(r->ir, array) & ~free & ~r->held;
    const IndexSet used = ir_free(r->ir, array) | free | r->held;
    Index axes[RANK_LIMIT];
    unsigned rank = 0;
    const Node *value = ir_node(r->ir, init);
    IndexSet taken = used;
    for (unsigned a = 0; a < value->rank; a++) {
        axes[rank] = ir_fresh(r->ir, value->shape[a], taken);
        taken |= INDEX_BIT(axes[rank]);
        rank++;
    }
    Ref start = diff_read_at(r->ir, array, first, axes, rank);
    for (unsigned i = 0; i < INDEX_LIMIT; i++) {
        if (extra & INDEX_BIT(i)) {
            const Index index = (Index)i;
            const Ref zero = ir_int(r->ir, 0);
            const Ref along = ir_array(r->ir, &index, 1, start);
            start = ir_read(r->ir, along, &zero, 1);
        }
    }
    array = ir_array(r->ir, axes, rank, start);
    reverse_accumulate_array(r, init, array, REF_NONE);
}

static void close_scan(Reverse *r, const Recurrence *recurrence, AdjointLoop *loop) {
    const Index t = ir_node(r->ir, recurrence->scan)->as.scan.t;
    const int direction = ir_node(r->ir, recurrence->scan)->as.scan.direction;
    Ref *inits = arena_array(r->ir->arena, Ref, loop->count + 1);
    Ref *steps = arena_array(r->ir->arena, Ref, loop->count + 1);
    for (uint32_t k = 0; k < recurrence->count; k++) {
        if (loop->state[k] != REF_NONE) {
            inits[loop->slot[k]] = loop->init[k];
            steps[loop->slot[k]] = adjoint_step(r, recurrence, loop, k);
        }
    }
    const Ref scan = ir_scan(r->ir, loop->tag, t, -direction, inits, steps, loop->count);
    for (uint32_t k = 0; k < recurrence->count; k++) {
        if (loop->state[k] != REF_NONE) {
            accumulate_init(r, recurrence, scan, k, loop->slot[k]);
        }
    }
    loop->open = false;
}

void reverse_state(Reverse *r, Ref state) {
    const uint32_t tag = ir_node(r->ir, state)->as.state.tag;
    AdjointLoop *loop = &r->loops[tag];
    if (loop->open && r->recurrences.list[tag].lowest == state) {
        close_scan(r, &r->recurrences.list[tag], loop);
    }
}
