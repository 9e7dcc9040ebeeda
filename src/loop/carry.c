/* carry.c: recurrences. A carried name becomes two stages, the init and the step, and a buffer of
 * its states; a state leaf reads what the step of the iteration before has written. */
#include "loop/plan.h"

#include <string.h>

/* ---- the copy of the IR
 * -------------------------------------------------------------------------------------- */

static uint32_t new_tag(Ir *ir, Arena *arena, Carries *carries, uint32_t tag) {
    while (carries->tag_count <= tag) {
        size_t capacity = carries->tag_count;
        carries->tags =
            arena_grow(arena, carries->tags, carries->tag_count, &capacity, sizeof(uint32_t));
        while (carries->tag_count < capacity) {
            carries->tags[carries->tag_count++] = UINT32_MAX;
        }
    }
    if (carries->tags[tag] == UINT32_MAX) {
        carries->tags[tag] = ir_new_tag(ir);
    }
    return carries->tags[tag];
}

static Carry *find_carry(const Carries *carries, uint32_t tag, uint32_t k) {
    for (size_t c = carries->count; c-- > 0;) {
        if (carries->list[c]->tag == tag && carries->list[c]->k == k) {
            return carries->list[c];
        }
    }
    return NULL;
}

static Ref read_names(Ir *ir, const Carry *carry, Ref array) {
    Ref at[RANK_LIMIT];
    for (unsigned a = 0; a < carry->rank; a++) {
        at[a] = ir_idx(ir, carry->names[a]);
    }
    return ir_read(ir, array, at, carry->rank);
}

/* Those of the array that the step makes, so that it is no read of another array; or fresh ones. */
static void choose_names(Ir *ir, Carry *carry, Ref step) {
    Node node = *ir_node(ir, step);
    IndexSet used = carry->free | INDEX_BIT(carry->t);
    carry->rank = node.rank;
    bool fits = node.op == OP_ARRAY;
    for (unsigned a = 0; a < node.rank && fits; a++) {
        carry->names[a] = node.as.indices.list[a];
        fits = !(used & INDEX_BIT(carry->names[a]));
    }
    for (unsigned a = 0; a < node.rank && !fits; a++) {
        carry->names[a] = ir_fresh(ir, node.shape[a], used);
        used |= INDEX_BIT(carry->names[a]);
    }
}

/* `scan`: that of the IR that is copied; `init`: copied. */
static Carry *add_carry(Ir *ir, Arena *arena, Carries *carries, Ref scan, uint32_t tag, uint32_t k,
                        IndexSet free, Ref init) {
    Node node = *ir_node(ir, scan);
    Carry *carry = arena_new(arena, Carry);
    carries->list =
        arena_grow(arena, carries->list, carries->count, &carries->capacity, sizeof *carries->list);
    carries->list[carries->count++] = carry;
    carry->tag = tag;
    carry->k = k;
    carry->t = node.as.scan.t;
    carry->direction = node.as.scan.direction;
    carry->free = free & ~INDEX_BIT(carry->t);
    choose_names(ir, carry, node.args[node.as.scan.count + k]);
    carry->init = read_names(ir, carry, init);
    return carry;
}

Ref carry_state(Ir *ir, Arena *arena, Carries *carries, Ref state, const Ref *args) {
    Node node = *ir_node(ir, state);
    uint32_t tag = new_tag(ir, arena, carries, node.as.state.tag);
    Ref scan = ir_scan_of_tag(ir, node.as.state.tag);
    add_carry(ir, arena, carries, scan, tag, node.as.state.k, node.free, args[0]);
    return ir_state(ir, tag, node.as.state.k, node.as.state.t, node.free, args[0]);
}

Ref carry_scan(Ir *ir, Arena *arena, Carries *carries, Ref scan, const Ref *args) {
    Node node = *ir_node(ir, scan);
    uint32_t tag = new_tag(ir, arena, carries, node.as.scan.tag);
    uint32_t count = node.as.scan.count;
    size_t first = carries->count;
    for (uint32_t k = 0; k < count; k++) {
        Carry *carry = find_carry(carries, tag, k);
        if (!carry) { /* no step reads it */
            IndexSet free = ir_free(ir, node.args[k]) | ir_free(ir, node.args[count + k]);
            carry = add_carry(ir, arena, carries, scan, tag, k, free, args[k]);
        }
        carry->step = read_names(ir, carry, args[count + k]);
        first = first < carries->count ? first : carries->count;
    }
    Ref made = ir_scan(ir, tag, node.as.scan.t, node.as.scan.direction, args, args + count, count);
    for (uint32_t k = 0; k < count; k++) {
        find_carry(carries, tag, k)->scan = made;
    }
    return made;
}

/* ---- what is needed
 * ------------------------------------------------------------------------------------------ */

static bool is_states(const Node *node) {
    return node->op == OP_STATE || node->op == OP_PICK;
}

Carry *carry_of(const Plan *plan, Ref v) {
    return plan->carry_by_ref[v];
}

IndexSet carry_loops(const Carry *carry) {
    IndexSet loops = carry->free;
    for (unsigned a = 0; a < carry->rank; a++) {
        loops |= INDEX_BIT(carry->names[a]);
    }
    return loops | INDEX_BIT(carry->t);
}

/* Where the state begins again for each sample, init and step both stand in the loop over these. */
IndexSet carry_sample(const Plan *plan, const Carry *carry) {
    bool again = plan->after_update[carry->init] || plan->after_update[carry->step];
    return again ? INDEX_BIT(plan->ir->sample_index) : 0;
}

static void match_refs(Plan *plan) {
    plan->carry_by_ref = arena_array(plan->arena, Carry *, plan->node_count);
    plan->carry_of_step = arena_array(plan->arena, Carry *, plan->node_count);
    for (Ref v = 1; v < plan->node_count && plan->carries.count > 0; v++) {
        const Node *node = ir_node(plan->ir, v);
        if (node->op == OP_STATE) {
            plan->carry_by_ref[v] =
                find_carry(&plan->carries, node->as.state.tag, node->as.state.k);
        } else if (node->op == OP_PICK) {
            uint32_t tag = ir_node(plan->ir, node->args[0])->as.scan.tag;
            plan->carry_by_ref[v] = find_carry(&plan->carries, tag, node->as.pick);
        }
    }
}

/* Through inits and steps of the names in use only. */
void carry_reach(Plan *plan) {
    const Ir *ir = plan->ir;
    bool again = true;
    match_refs(plan);
    plan->reached = arena_array(plan->arena, bool, plan->node_count);
    for (size_t k = 0; k < ir->output_count; k++) {
        plan->reached[ir->outputs[k].value] = true;
    }
    while (again) {
        again = false;
        for (Ref v = plan->node_count; v-- > 1;) {
            const Node *node = ir_node(ir, v);
            if (!plan->reached[v]) {
                continue;
            }
            Carry *carry = plan->carry_by_ref[v];
            if (carry && !carry->used) {
                carry->used = again = true;
                if (!plan->carry_of_step[carry->step]) {
                    plan->carry_of_step[carry->step] = carry;
                }
                plan->reached[carry->init] = plan->reached[carry->step] = true;
                plan->reached[carry->scan] = true;
            }
            for (uint32_t k = 0; k < node->arg_count && !is_states(node) && node->op != OP_SCAN;
                 k++) {
                plan->reached[node->args[k]] = true;
            }
        }
    }
}

/* Is p the position t + offset? */
static bool is_step(Plan *plan, Ref p, Index t, int64_t offset) {
    int64_t coefficient;
    Ref rest;
    if (!linear_in(plan->ir, p, t, &coefficient, &rest) || coefficient != 1) {
        return false;
    }
    const Node *node = ir_node(plan->ir, rest);
    return node->op == OP_CONST && node->as.integer == offset;
}

static bool is_last(Plan *plan, const Carry *carry, Ref p) {
    Dim steps = ir_index_dim(plan->ir, carry->t);
    return carry->direction > 0 ? ir_value_dim(plan->ir, p) == steps
                                : ir_value_dim(plan->ir, p) == dim_const(plan->ir, 0);
}

void carry_needs_init(Plan *plan, Stage *step) {
    Carry *carry = step->carry;
    IndexSet aligned = (carry_loops(carry) & ~INDEX_BIT(carry->t)) | carry_sample(plan, carry);
    stage_need(plan, step, (Need){.stage = carry->init_stage, .aligned = aligned});
}

void carry_needs(Plan *plan, Stage *stage, Carry *carry, Ref position, const Ref *at,
                 IndexSet moved) {
    IndexSet t = INDEX_BIT(carry->t);
    IndexSet aligned = (carry->free & ~moved) | carry_sample(plan, carry);
    Need need = {.stage = carry->step_stage};
    for (unsigned a = 0; a < carry->rank; a++) {
        const Node *node = ir_node(plan->ir, at[a]);
        if (node->op == OP_INDEX && node->as.index == carry->names[a] &&
            !(moved & INDEX_BIT(carry->names[a]))) {
            aligned |= INDEX_BIT(carry->names[a]);
        }
    }
    stage_need(plan, stage, (Need){.stage = carry->init_stage, .aligned = aligned});
    int64_t before = carry->direction > 0 ? 0 : 1;
    if (position == REF_NONE) {
        need.carried = t & ~moved;
    } else if (!(moved & t) && is_step(plan, position, carry->t, before)) {
        need.carried = t;
    } else if (!(moved & t) && is_step(plan, position, carry->t, 1 - before)) {
        aligned |= t;
    } else {
        need.last = is_last(plan, carry, position);
    }
    need.aligned = aligned;
    stage_need(plan, stage, need);
}

/* ---- homes, buffers
 * ------------------------------------------------------------------------------------------ */

static Scope *loop_over(Scope *scope, Index t) {
    while (scope && (scope->key.kind != SCOPE_LOOP || scope->key.index != t)) {
        scope = scope->parent;
    }
    return scope;
}

static void note_readers(const Stage *reader) {
    for (size_t n = 0; n < reader->need_count; n++) {
        const Need *need = &reader->needs[n];
        Carry *carry = need->stage->carry;
        if (need->order || !carry || need->stage->kind != STAGE_STEP) {
            continue;
        }
        bool inside = scope_inside(reader->scope, carry->loop) &&
                      ((need->aligned | need->carried) & INDEX_BIT(carry->t));
        carry->inside = carry->inside || (inside && need->carried);
        carry->afterwards = carry->afterwards || (!inside && need->last);
        carry->history = carry->history || (!inside && !need->last);
    }
}

static void find_carry_axes(Carry *carry) {
    IndexSet free = carry->free & ~carry->home->open;
    for (unsigned k = 0; k < carry->step_stage->order_count; k++) { /* outermost first */
        Index x = carry->step_stage->order[k];
        if (free & INDEX_BIT(x)) {
            carry->axes[carry->axis_count++] = x;
        }
    }
    for (unsigned a = 0; a < carry->rank; a++) {
        carry->axes[carry->axis_count++] = carry->names[a];
    }
    carry->scalar = carry->rank == 0 && scope_inside(carry->loop, carry->init_stage->scope);
    carry->buffered =
        carry->history || !carry->scalar || (carry->afterwards && carry->axis_count > 0);
}

void carry_homes(Plan *plan) {
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (carry->used) {
            carry->home = scope_common(carry->init_stage->home, carry->step_stage->home);
            carry->loop = loop_over(carry->step_stage->scope, carry->t);
        }
    }
    for (size_t s = 0; s < plan->stage_count; s++) {
        note_readers(plan->stages[s]);
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        if (plan->carries.list[c]->used) {
            find_carry_axes(plan->carries.list[c]);
        }
    }
}

static Dim states_dim(Plan *plan, const Carry *carry) {
    if (!carry->history) {
        return dim_const(plan->ir, 2);
    }
    if (carry->along) {
        return dim_add(plan->ir, carry->along->size, dim_const(plan->ir, 1));
    }
    Dim steps = dim_room(plan->ir, ir_index_dim(plan->ir, carry->t));
    return dim_add(plan->ir, steps, dim_const(plan->ir, 1));
}

static BufferId add_buffer(Plan *plan, const Carry *carry, const char *name, Dim states,
                           Block *block) {
    LoopBuffer buffer = {.name = plan_name(plan, name), .kind = KIND_REAL, .place = BUFFER_LOCAL};
    Dim size = states;
    for (unsigned a = 0; a < carry->axis_count; a++) {
        size = dim_mul(plan->ir, size, segment_dim(plan, carry->around, carry->axes[a]));
    }
    BufferId made = plan_buffer(plan, buffer, block);
    plan->buffer_facts[made].size = size;
    return made;
}

void carry_buffers(Plan *plan, Scope *scope) {
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (!carry->used || carry->home != scope) {
            continue;
        }
        if (carry->buffered) {
            carry->buffer = add_buffer(plan, carry, "state", states_dim(plan, carry), scope->block);
            carry->has_buffer = true;
        }
        if (carry->kept_by) {
            Dim slots = segment_slots(plan, carry->kept_by);
            carry->kept = add_buffer(plan, carry, "kept", slots, scope->block);
        }
    }
}

/* ---- reading and writing
 * --------------------------------------------------------------------------------------- */

const LoopExpr *carry_before(Plan *plan, const Carry *carry, const LoopExpr *t) {
    return carry->direction > 0 ? t : x_call2(plan, BI_add, t, x_int(plan, 1));
}

const LoopExpr *carry_after(Plan *plan, const Carry *carry, const LoopExpr *t) {
    return carry->direction > 0 ? x_call2(plan, BI_add, t, x_int(plan, 1)) : t;
}

/* The number of the last state, as the IR says it, and as it is. */
static const LoopExpr *last_number(Plan *plan, const Carry *carry) {
    return carry->direction > 0 ? x_dim(plan, ir_index_dim(plan->ir, carry->t)) : x_int(plan, 0);
}

static const LoopExpr *last_made(Plan *plan, const Carry *carry) {
    return carry->direction > 0 ? x_count(plan, ir_index_dim(plan->ir, carry->t)) : x_int(plan, 0);
}

/* Axes: the indices around the loop, the number of the state, the axes of a state. */
static const LoopExpr *index_of(Plan *plan, const Carry *carry, const LoopExpr *const *env,
                                const LoopExpr *number, Dim states, const LoopExpr *const *at) {
    const LoopExpr *positions[INDEX_LIMIT + 1];
    Dim dims[INDEX_LIMIT + 1];
    unsigned around = carry->axis_count - carry->rank;
    for (unsigned a = 0; a < carry->axis_count; a++) {
        unsigned to = a < around ? a : a + 1;
        Index x = carry->axes[a];
        dims[to] = segment_dim(plan, carry->around, x);
        const LoopExpr *position =
            a < around ? segment_position(plan, carry->around, x, env[x]) : at[a - around];
        positions[to] = x_inside(plan, position, dims[to]);
    }
    dims[around] = states;
    positions[around] = number;
    return x_index(plan, positions, dims, carry->axis_count + 1);
}

static const LoopExpr *state_index(Plan *plan, const Carry *carry, const LoopExpr *const *env,
                                   const LoopExpr *p, const LoopExpr *const *at) {
    Dim states = states_dim(plan, carry);
    if (!carry->history) {
        return index_of(plan, carry, env, x_call2(plan, BI_mod, p, x_int(plan, 2)), states, at);
    }
    if (carry->along) {
        p = x_call2(plan, BI_sub, p, carry->along->base);
    }
    return index_of(plan, carry, env, x_inside(plan, p, states), states, at);
}

/* Of what is kept at the beginning of a segment. */
static const LoopExpr *kept_index(Plan *plan, const Carry *carry, const LoopExpr *const *env,
                                  const LoopExpr *slot, const LoopExpr *const *at) {
    return index_of(plan, carry, env, slot, segment_slots(plan, carry->kept_by), at);
}

/* Do the indices of a state stand where they stand in the loop? */
static bool same_place(const Carry *carry, const LoopExpr *const *env) {
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        if ((carry->free & INDEX_BIT(x)) && env[x] != carry->loop->at[x]) {
            return false;
        }
    }
    return true;
}

const LoopExpr *carry_read(Plan *plan, Scope *scope, const Carry *carry, const LoopExpr *const *env,
                           const LoopExpr *p, const LoopExpr *const *at) {
    if (carry->scalar && scope_inside(scope, carry->loop) && same_place(carry, env)) {
        const LoopExpr *t = carry->loop->at[carry->t];
        if (carry->has_before && p == carry_before(plan, carry, t)) {
            return x_var(plan, carry->before);
        }
        if (carry->has_next && p == carry_after(plan, carry, t)) {
            return x_var(plan, carry->next);
        }
    }
    if (carry->kept_by && !scope_inside(scope, carry->loop) && p == last_number(plan, carry)) {
        const LoopExpr *end = segment_last_slot(plan, carry->kept_by);
        return x_load(plan, carry->kept, kept_index(plan, carry, env, end, at));
    }
    if (!carry->has_buffer) {
        return carry->has_current && p == last_number(plan, carry) ? x_var(plan, carry->current)
                                                                   : NULL;
    }
    p = p == last_number(plan, carry) ? last_made(plan, carry) : p;
    return x_load(plan, carry->buffer, state_index(plan, carry, env, p, at));
}

static const LoopExpr *start_number(Plan *plan, const Carry *carry) {
    return carry->direction > 0 ? x_int(plan, 0) : x_count(plan, ir_index_dim(plan->ir, carry->t));
}

/* The value of an INIT or STEP. */
void carry_write(Plan *plan, Scope *scope, const Stage *stage, const LoopExpr *value) {
    Carry *carry = stage->carry;
    const LoopExpr *at[RANK_LIMIT];
    bool init = stage->kind == STAGE_INIT;
    if (carry->scalar && init && (carry->inside || !carry->buffered)) {
        carry->current = plan_var(plan, plan_name(plan, "carry"), KIND_REAL, scope->block);
        carry->has_current = true;
        code_set(plan, scope->block, LS_DECLARE, carry->current, value, stage->span);
        value = carry->has_buffer ? x_moving(plan, carry->current) : value;
    }
    if (carry->scalar && !init) {
        carry->next = plan_var(plan, plan_name(plan, "next"), KIND_REAL, scope->block);
        carry->has_next = true;
        code_set(plan, scope->block, LS_LET, carry->next, value, stage->span);
        value = x_var(plan, carry->next);
    }
    for (unsigned a = 0; a < carry->rank; a++) {
        at[a] = scope->at[carry->names[a]];
    }
    if (init && carry->kept_by) {
        value = carry->has_current ? x_moving(plan, carry->current) : value;
        code_store(plan, scope->block, LS_STORE, carry->kept,
                   kept_index(plan, carry, scope->at, x_int(plan, 0), at), value, stage->span);
    }
    if (init && carry->kept_by && carry->kept_by->slots > 0) { /* there may be no step */
        const LoopExpr *last = segment_last_slot(plan, carry->kept_by);
        code_store(plan, scope->block, LS_STORE, carry->kept,
                   kept_index(plan, carry, scope->at, last, at), value, stage->span);
    }
    if (!carry->has_buffer || (init && carry->along)) {
        return;
    }
    const LoopExpr *p =
        init ? start_number(plan, carry) : carry_after(plan, carry, scope->at[carry->t]);
    code_store(plan, scope->block, LS_STORE, carry->buffer,
               state_index(plan, carry, scope->at, p, at), value, stage->span);
}

void carry_begin_step(Plan *plan, Scope *loop) {
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (carry->used && carry->loop == loop && carry->has_current && carry->inside &&
            !segment_skips(plan, carry->step_stage)) {
            carry->before = plan_var(plan, plan_name(plan, "before"), KIND_REAL, loop->block);
            carry->has_before = true;
            code_set(plan, loop->block, LS_LET, carry->before, x_moving(plan, carry->current),
                     carry->step_stage->span);
        }
    }
}

void carry_end_step(Plan *plan, Scope *loop) {
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (carry->used && carry->loop == loop && carry->has_current &&
            !segment_skips(plan, carry->step_stage)) {
            code_set(plan, loop->block, LS_ASSIGN, carry->current, x_var(plan, carry->next),
                     carry->step_stage->span);
        }
    }
}

/* ---- segments
 * ------------------------------------------------------------------------------------------------
 */

/* Loops over the axes that are not open in `scope`: the block inside them; env and at are set. */
static Block *open_axes(Plan *plan, const Scope *scope, const Carry *carry, Block *block,
                        const LoopExpr **env, const LoopExpr **at) {
    unsigned around = carry->axis_count - carry->rank;
    memcpy(env, scope->at, INDEX_LIMIT * sizeof *env);
    for (unsigned a = 0; a < carry->axis_count; a++) {
        Index x = carry->axes[a];
        if (a < around && (scope->open & INDEX_BIT(x))) {
            continue;
        }
        Block *body = block_new(plan, block, true);
        VarId var = plan_var(plan, plan_name(plan, "f"), KIND_INT, body);
        Stmt *loop = block_add(plan, block, LS_FOR);
        VarFacts *facts = &plan->var_facts[var];
        loop->s.var = var;
        facts->low[0] = loop->s.low = x_int(plan, 0);
        facts->high[0] = loop->s.high = x_dim(plan, ir_index_dim(plan->ir, x));
        facts->low_count = facts->high_count = 1;
        loop->s.flags = LOOP_INDEPENDENT;
        loop->body = body;
        *(a < around ? &env[x] : &at[a - around]) = x_var(plan, var);
        block = body;
    }
    return block;
}

void carry_restore(Plan *plan, const Segment *segment, Block *block, const LoopExpr *slot,
                   bool again) {
    const LoopExpr *env[INDEX_LIMIT];
    const LoopExpr *at[RANK_LIMIT];
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (!carry->used || carry->kept_by != segment || (!again && !carry->along)) {
            continue;
        }
        Span span = carry->step_stage->span;
        Block *inner = open_axes(plan, segment->up->parent, carry, block, env, at);
        const LoopExpr *kept =
            x_moving_load(plan, carry->kept, kept_index(plan, carry, env, slot, at));
        if (again && carry->scalar && carry->inside) {
            carry->current = plan_var(plan, plan_name(plan, "carry"), KIND_REAL, inner);
            carry->has_current = true;
            code_set(plan, inner, LS_DECLARE, carry->current, kept, span);
        }
        if (carry->has_buffer) {
            code_store(plan, inner, LS_STORE, carry->buffer,
                       state_index(plan, carry, env, segment->base, at), kept, span);
        }
    }
}

void carry_flow(Plan *plan, const Segment *segment, Block *block) {
    const LoopExpr *env[INDEX_LIMIT];
    const LoopExpr *at[RANK_LIMIT];
    const LoopExpr *end = segment_end(plan, segment);
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (!carry->used || carry->kept_by != segment || !carry->along) {
            continue;
        }
        Block *inner = open_axes(plan, segment->up->parent, carry, block, env, at);
        const LoopExpr *state =
            x_moving_load(plan, carry->buffer, state_index(plan, carry, env, end, at));
        code_store(plan, inner, LS_STORE, carry->buffer,
                   state_index(plan, carry, env, segment->base, at), state,
                   carry->step_stage->span);
    }
}

void carry_keep(Plan *plan, const Segment *segment, Block *block, const LoopExpr *slot) {
    const LoopExpr *env[INDEX_LIMIT];
    const LoopExpr *at[RANK_LIMIT];
    const Leave *leave = segment->up->leave;
    const LoopExpr *steps =
        leave ? x_moving(plan, leave->made) : x_count(plan, ir_index_dim(plan->ir, segment->t));
    const LoopExpr *end = x_call2(plan, BI_minimum, segment_end(plan, segment), steps);
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (!carry->used || carry->kept_by != segment) {
            continue;
        }
        Block *inner = open_axes(plan, segment->up->parent, carry, block, env, at);
        const LoopExpr *state =
            carry->has_buffer
                ? x_moving_load(plan, carry->buffer, state_index(plan, carry, env, end, at))
                : x_moving(plan, carry->current);
        code_store(plan, inner, LS_STORE, carry->kept, kept_index(plan, carry, env, slot, at),
                   state, carry->step_stage->span);
    }
}

void carry_move(Plan *plan, const Scope *loop, Block *block, const LoopExpr *from,
                const LoopExpr *to) {
    const LoopExpr *env[INDEX_LIMIT];
    const LoopExpr *at[RANK_LIMIT];
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (!carry->used || carry->loop != loop || !carry->has_buffer) {
            continue;
        }
        Block *inner = open_axes(plan, loop->parent, carry, block, env, at);
        const LoopExpr *state =
            x_moving_load(plan, carry->buffer, state_index(plan, carry, env, from, at));
        code_store(plan, inner, LS_STORE, carry->buffer, state_index(plan, carry, env, to, at),
                   state, carry->step_stage->span);
    }
}
