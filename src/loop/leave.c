/* leave.c: loops that end early. `for t in Cap while c` carries a number that is 1 while the loop
 * goes on; once it is 0 all states stay as they are, and nothing that a step makes counts. Such a
 * loop over the steps is left, and the adjoint's loop begins at the last step that was made. */
#include "loop/plan.h"

enum { TERMS = 16, DEPTH = 16 };

typedef struct {
    Ref list[TERMS];
    unsigned count;
    bool whole; /* all terms are in the list */
} Terms;

static void add_terms(const Ir *ir, Ref c, Terms *terms) {
    Ref stack[TERMS];
    unsigned waiting = 0;
    stack[waiting++] = c;
    while (waiting > 0) {
        Ref term = stack[--waiting];
        const Node *node = ir_node(ir, term);
        bool junction = node->op == OP_CALL && node->as.builtin == BI_and;
        if (terms->count == TERMS || (junction && waiting + 2 > TERMS)) {
            terms->whole = false;
            return;
        }
        if (junction) {
            stack[waiting++] = node->args[0];
            stack[waiting++] = node->args[1];
        } else {
            terms->list[terms->count++] = term;
        }
    }
}

static Terms terms_of(const Ir *ir, Ref c) {
    Terms terms = {.whole = true};
    add_terms(ir, c, &terms);
    return terms;
}

static bool has_term(const Terms *terms, Ref term) {
    for (unsigned k = 0; k < terms->count; k++) {
        if (terms->list[k] == term) {
            return true;
        }
    }
    return false;
}

/* Are all terms of `active` among these? Then they are false where it is. */
static bool needs_active(const Terms *terms, const Terms *active) {
    for (unsigned k = 0; k < active->count; k++) {
        if (!has_term(terms, active->list[k])) {
            return false;
        }
    }
    return true;
}

/* Where `active` is false: is c false (-1), true (1), or not known (0)? */
static int when_idle(const Ir *ir, Ref c, const Terms *active) {
    const Node *node = ir_node(ir, c);
    bool negated = node->op == OP_CALL && node->as.builtin == BI_not;
    Terms terms = terms_of(ir, negated ? node->args[0] : c);
    return !needs_active(&terms, active) ? 0 : negated ? 1 : -1;
}

static bool is_zero(const Ir *ir, Ref v) {
    const Node *node = ir_node(ir, v);
    return node->op == OP_CONST && node->kind == KIND_REAL && node->as.real == 0;
}

/* Is the condition, with index x at `position`, x = T for an index position of 0 … T - 1? */
static bool never(Ir *ir, Ref c, Index x, Ref position) {
    Terms terms = terms_of(ir, c);
    const Node *at = ir_node(ir, position);
    for (unsigned k = 0; k < terms.count && at->op == OP_INDEX; k++) {
        const Node *node = ir_node(ir, terms.list[k]);
        if (node->op != OP_CALL || node->as.builtin != BI_eq) {
            continue;
        }
        for (unsigned side = 0; side < 2; side++) {
            const Node *index = ir_node(ir, node->args[side]);
            Dim other = ir_value_dim(ir, node->args[1 - side]);
            if (index->op == OP_INDEX && index->as.index == x && other != DIM_NONE &&
                dim_proves_le(ir, ir_index_dim(ir, at->as.index), other)) {
                return true;
            }
        }
    }
    return false;
}

/* Is it an array of which only an entry at another place than the one that is read is not 0? What
 * the adjoint of the last state is. */
static bool reads_nothing(Ir *ir, const Node *read) {
    Node array = *ir_node(ir, read->args[0]);
    if (array.op != OP_ARRAY) {
        return false;
    }
    Node guard = *ir_node(ir, array.args[0]);
    for (uint32_t k = 0; k < array.as.indices.count && guard.op == OP_GUARD; k++) {
        if (never(ir, guard.args[0], array.as.indices.list[k], read->args[k + 1])) {
            return true;
        }
    }
    return false;
}

static Ref idle_value(Ir *ir, Ref v, const Terms *active, unsigned depth);

/* Is it an array, of other indices than those of `active`, whose entries are 0 where that is false?
 */
static bool reads_idle(Ir *ir, const Node *read, const Terms *active, unsigned depth) {
    Node array = *ir_node(ir, read->args[0]);
    if (array.op != OP_ARRAY) {
        return false;
    }
    for (unsigned k = 0; k < active->count; k++) {
        for (uint32_t a = 0; a < array.as.indices.count; a++) {
            if (ir_free(ir, active->list[k]) & INDEX_BIT(array.as.indices.list[a])) {
                return false;
            }
        }
    }
    return is_zero(ir, idle_value(ir, array.args[0], active, depth + 1));
}

/* What v is where `active` is false. */
static Ref idle_value(Ir *ir, Ref v, const Terms *active, unsigned depth) {
    Node node = *ir_node(ir, v);
    if (depth == DEPTH) {
        return v;
    }
    if (node.op == OP_SELECT || node.op == OP_GUARD) {
        int known = when_idle(ir, node.args[0], active);
        if (known < 0 && node.op == OP_GUARD) {
            return ir_real(ir, 0);
        }
        return known == 0 ? v : idle_value(ir, node.args[known > 0 ? 1 : 2], active, depth + 1);
    }
    if (node.op == OP_READ && (reads_nothing(ir, &node) || reads_idle(ir, &node, active, depth))) {
        return ir_real(ir, 0);
    }
    if (node.op == OP_CALL && (node.as.builtin == BI_add || node.as.builtin == BI_neg) &&
        node.kind == KIND_REAL) {
        Ref a = idle_value(ir, node.args[0], active, depth + 1);
        if (node.as.builtin == BI_neg) {
            return is_zero(ir, a) ? a : v;
        }
        Ref b = idle_value(ir, node.args[1], active, depth + 1);
        return is_zero(ir, a) ? b : is_zero(ir, b) ? a : v;
    }
    return v;
}

/* ---- stages of a step that is not made
 * ---------------------------------------------------------------------------------- */

static bool is_state(const Plan *plan, const Carry *carry, Ref v) {
    const Node *node = ir_node(plan->ir, v);
    bool read = node->op == OP_READ;
    Ref array = read ? node->args[0] : v;
    if (array >= plan->node_count || carry_of(plan, array) != carry ||
        ir_node(plan->ir, array)->op != OP_STATE) {
        return false;
    }
    for (unsigned a = 0; a < carry->rank; a++) {
        const Node *position = ir_node(plan->ir, node->args[a + 1]);
        if (!read || position->op != OP_INDEX || position->as.index != carry->names[a]) {
            return false;
        }
    }
    return true;
}

static bool is_nothing(Plan *plan, const Stage *stage, const Terms *active) {
    Terms terms = {.whole = true};
    for (unsigned k = 0; k < stage->cond_count; k++) {
        add_terms(plan->ir, stage->conds[k], &terms);
    }
    return needs_active(&terms, active) ||
           is_zero(plan->ir, idle_value(plan->ir, stage->body, active, 0));
}

/* Do only stages in the loops of `leave` read it? */
static bool read_inside(const Plan *plan, const Leave *leave, const Stage *of) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        for (size_t n = 0; n < stage->need_count; n++) {
            const Need *need = &stage->needs[n];
            bool inside = scope_inside(stage->scope, leave->up) ||
                          (leave->down && scope_inside(stage->scope, leave->down));
            if (need->stage == of && !need->order && !need->last && !inside) {
                return false;
            }
        }
    }
    return true;
}

/* Is it an entry of a result for each step, 0 where a step is not made? */
static bool gives_nothing(Plan *plan, const Stage *stage, const Terms *active) {
    return stage->kind == STAGE_OUTPUT && stage->sink != SINK_UPDATE && !stage->scatter &&
           !plan->ragged && is_nothing(plan, stage, active);
}

/* Entries of results that the loop does not reach are zeros. */
static void clear_results(Plan *plan, const Scope *scope) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        if (stage->kind == STAGE_OUTPUT && stage->sink == SINK_STORE &&
            scope_inside(stage->scope, scope)) {
            plan->output_zeroed[stage->output_number] = true;
        }
    }
}

/* Does a step that is not made change nothing, in the loop `scope`? */
static bool is_idle(Plan *plan, const Leave *leave, const Scope *scope) {
    const Terms active = terms_of(plan->ir, leave->active);
    IndexSet t = INDEX_BIT(scope->key.index);
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        if (stage->dropped || !scope_inside(stage->scope, scope)) {
            continue;
        }
        if (stage->kind == STAGE_RETURN) {
            return false;
        }
        if (stage->kind == STAGE_OUTPUT) {
            if (!gives_nothing(plan, stage, &active)) {
                return false;
            }
            continue;
        }
        if (stage->bound & t) {
            bool adds = stage->kind == STAGE_SUM || stage->kind == STAGE_DEPOSIT;
            if (!adds || !is_nothing(plan, stage, &active)) {
                return false;
            }
            continue;
        }
        if (stage->kind == STAGE_STEP && stage->carry->loop == scope) {
            Ref idle = idle_value(plan->ir, stage->body, &active, 0);
            bool alive = stage->carry == leave->alive;
            if (!alive && !is_state(plan, stage->carry, idle)) {
                return false;
            }
        }
        if (stage->alias || !read_inside(plan, leave, stage)) {
            return false;
        }
    }
    return true;
}

/* ---- loops
 * -------------------------------------------------------------------------------------------------------
 */

/* The condition of a loop that ends early, if that is what this name tells; else REF_NONE. */
static Ref ends_early(const Plan *plan, const Carry *carry) {
    const Node *step = ir_node(plan->ir, carry->step);
    const Node *init = ir_node(plan->ir, carry->init);
    if (!carry->used || carry->rank != 0 || carry->direction < 0 || step->op != OP_CONVERT ||
        init->op != OP_CONST || init->as.real != 1) {
        return REF_NONE;
    }
    Terms terms = terms_of(plan->ir, step->args[0]);
    for (unsigned k = 0; k < terms.count && terms.whole; k++) {
        const Node *node = ir_node(plan->ir, terms.list[k]);
        if (node->op == OP_CALL && node->as.builtin == BI_lt && is_zero(plan->ir, node->args[0]) &&
            is_state(plan, carry, node->args[1])) {
            return step->args[0];
        }
    }
    return REF_NONE;
}

/* The only other loop over the steps beside the one upwards. False: there are several. */
static bool find_down(const Scope *up, Scope **down) {
    const Scope *parent = up->parent;
    bool after = false;
    for (size_t k = 0; k < parent->item_count; k++) {
        Scope *scope = parent->items[k].scope;
        bool ours = scope && scope->key.kind == SCOPE_LOOP && scope->key.index == up->key.index;
        if (ours && scope != up && after && scope->key.direction < 0) {
            if (*down) {
                return false;
            }
            *down = scope;
        }
        after = after || scope == up;
    }
    return true;
}

/* The only loop downwards over the same steps in `parent`, at any depth. False: there are several.
 */
static bool find_inside(const Scope *parent, Index t, Scope **down) {
    for (size_t k = 0; k < parent->item_count; k++) {
        Scope *scope = parent->items[k].scope;
        if (!scope) {
            continue;
        }
        bool ours = scope->key.kind == SCOPE_LOOP && scope->key.index == t;
        if (ours && scope->key.direction < 0) {
            if (*down) {
                return false;
            }
            *down = scope;
        }
        if (!find_inside(scope, t, down)) {
            return false;
        }
    }
    return true;
}

/* Is each iteration of the loops around `up`, within `common`, surely made, and are those around
 * `down` over the same indices? These are the axes of the numbers of steps. */
static bool find_numbers(Leave *leave) {
    for (const Scope *scope = leave->up->parent; scope != leave->common; scope = scope->parent) {
        if (scope->key.kind != SCOPE_LOOP || scope->key.low_count + scope->key.high_count > 0) {
            return false;
        }
        leave->axes[leave->axis_count++] = scope->key.index;
        if (!(leave->down->parent->open & INDEX_BIT(scope->key.index))) {
            return false;
        }
    }
    return leave->axis_count > 0;
}

/* The adjoint's loop: beside the one upwards, or in another loop than that. */
static bool find_adjoint(const Plan *plan, Leave *leave) {
    if (!find_down(leave->up, &leave->down)) {
        return false;
    }
    if (leave->down) {
        return true;
    }
    if (!find_inside(plan->root, leave->up->key.index, &leave->down)) {
        leave->down = NULL;
        return true; /* these run over all steps */
    }
    if (leave->down) {
        leave->common = scope_common(leave->up, leave->down);
        leave->down = find_numbers(leave) ? leave->down : NULL;
    }
    return true;
}

static void try_leave(Plan *plan, Carry *alive, Ref active) {
    Leave *leave = arena_new(plan->arena, Leave);
    leave->alive = alive;
    leave->active = active;
    leave->up = alive->loop;
    if (!leave->up || leave->up->leave || leave->up->key.direction < 0 ||
        !find_adjoint(plan, leave) || !is_idle(plan, leave, leave->up)) {
        return;
    }
    if (leave->down && !is_idle(plan, leave, leave->down)) {
        return;
    }
    clear_results(plan, leave->up);
    leave->up->leave = leave;
    if (leave->down) {
        clear_results(plan, leave->down);
        leave->down->leave = leave;
    }
}

void leave_find(Plan *plan) {
    for (size_t c = 0; c < plan->carries.count; c++) {
        Ref active = ends_early(plan, plan->carries.list[c]);
        if (active != REF_NONE) {
            try_leave(plan, plan->carries.list[c], active);
        }
    }
}

/* ---- code
 * --------------------------------------------------------------------------------------------------------
 */

/* Where the number of steps of this iteration of the loops around is. */
static const LoopExpr *number_index(Plan *plan, const Leave *leave, const Scope *loop) {
    const LoopExpr *positions[INDEX_LIMIT];
    Dim dims[INDEX_LIMIT];
    for (unsigned a = 0; a < leave->axis_count; a++) {
        dims[a] = ir_index_dim(plan->ir, leave->axes[a]);
        positions[a] = x_inside(plan, loop->parent->at[leave->axes[a]], dims[a]);
    }
    return x_index(plan, positions, dims, leave->axis_count);
}

static void make_numbers(Plan *plan, Leave *leave) {
    if (leave->axis_count == 0 || leave->has_numbers || !leave->down) {
        return;
    }
    Dim size = dim_const(plan->ir, 1);
    for (unsigned a = 0; a < leave->axis_count; a++) {
        size = dim_mul(plan->ir, size, ir_index_dim(plan->ir, leave->axes[a]));
    }
    LoopBuffer numbers = {
        .name = plan_name(plan, "steps_of"), .kind = KIND_INT, .place = BUFFER_LOCAL};
    leave->numbers = plan_buffer(plan, numbers, leave->common->block);
    plan->buffer_facts[leave->numbers].size = size;
    leave->has_numbers = true;
}

void leave_before(Plan *plan, const Scope *loop, Block *block) {
    Leave *leave = loop->leave;
    const LoopExpr *steps = x_count(plan, ir_index_dim(plan->ir, loop->key.index));
    bool counts = leave->down != NULL;
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        counts = counts || (carry->used && carry->loop == loop && carry->has_buffer);
    }
    leave->counts = loop == leave->up ? counts : leave->counts;
    if (!leave->counts) {
        return;
    }
    if (loop == leave->up) {
        leave->made = plan_var(plan, plan_name(plan, "steps"), KIND_INT, block);
        code_set(plan, block, LS_DECLARE, leave->made, steps, leave->alive->step_stage->span);
        make_numbers(plan, leave);
    } else {
        if (leave->has_numbers) {
            leave->made = plan_var(plan, plan_name(plan, "steps"), KIND_INT, block);
            const LoopExpr *at = number_index(plan, leave, loop);
            code_set(plan, block, LS_DECLARE, leave->made, x_moving_load(plan, leave->numbers, at),
                     leave->alive->step_stage->span);
        }
        carry_move(plan, loop, block, steps, x_moving(plan, leave->made));
    }
}

void leave_step(Plan *plan, Scope *loop) {
    const Leave *leave = loop->leave;
    if (!leave || loop != leave->up ||
        (plan->again && plan->again->up == loop)) { /* steps that run again are made */
        return;
    }
    Span span = leave->alive->step_stage->span;
    Stmt *stmt = block_add(plan, loop->block, LS_IF);
    stmt->s.condition = x_call1(plan, BI_not, code_value(plan, loop, leave->active));
    stmt->s.span = span;
    stmt->body = block_new(plan, loop->block, false);
    const LoopExpr *made = x_call2(plan, BI_add, loop->at[loop->key.index], x_int(plan, 1));
    if (leave->counts) {
        code_set(plan, stmt->body, LS_ASSIGN, leave->made, made, span);
    }
    block_add(plan, stmt->body, LS_LEAVE)->s.span = span;
}

void leave_after(Plan *plan, const Scope *loop, Block *block) {
    const Leave *leave = loop->leave;
    if (loop == leave->up && leave->counts) {
        const LoopExpr *steps = x_count(plan, ir_index_dim(plan->ir, loop->key.index));
        carry_move(plan, loop, block, x_moving(plan, leave->made), steps);
        if (leave->has_numbers) {
            code_store(plan, block, LS_STORE, leave->numbers, number_index(plan, leave, loop),
                       x_moving(plan, leave->made), leave->alive->step_stage->span);
        }
    }
}
