/* open.c: loops, conditions and fixed indices are opened: their statements, what is known of their
 * counters, the rows of a sample. */
#include "loop/plan.h"

static const char *const counters[] = {"i", "j", "k", "l", "p", "q", "r", "s", "u", "v", "w"};

static const char *index_name(Plan *plan, Index x) {
    if (!plan->counter_names[x]) { /* loops over one index are never inside each other */
        size_t letters = sizeof counters / sizeof *counters;
        bool sample = (plan->sample & INDEX_BIT(x)) != 0;
        const char *letter = sample ? "n" : counters[plan->counter_count++ % letters];
        plan->counter_names[x] = plan_name(plan, letter);
    }
    return plan->counter_names[x];
}

static void add_bound(Plan *plan, VarFacts *facts, bool high, const LoopExpr *bound) {
    const LoopExpr **list = high ? facts->high : facts->low;
    unsigned *count = high ? &facts->high_count : &facts->low_count;
    for (unsigned k = 0; k < *count; k++) {
        bool redundant =
            high ? x_proves_le(plan, list[k], bound) : x_proves_le(plan, bound, list[k]);
        if (redundant) {
            return;
        }
        bool better = high ? x_proves_le(plan, bound, list[k]) : x_proves_le(plan, list[k], bound);
        if (better) {
            list[k] = bound;
            return;
        }
    }
    if (*count < BOUND_LIMIT) {
        list[(*count)++] = bound;
    }
}

static const LoopExpr *join_bounds(Plan *plan, const LoopExpr *const *list, unsigned count,
                                   BuiltinId f) {
    const LoopExpr *made = list[0];
    for (unsigned k = 1; k < count; k++) {
        made = x_call2(plan, f, made, list[k]);
    }
    return made;
}

/* The row of sample i: order[i], where an order is given. */
static const LoopExpr *sample_row(Plan *plan, Scope *scope, VarId counter) {
    if (plan->order_arg < 0) {
        return x_var(plan, counter);
    }
    uint32_t order = (uint32_t)plan->order_arg;
    BufferId buffer = arg_order_buffer(plan);
    VarId row = plan_var(plan, plan_name(plan, "row"), KIND_INT, scope->block);
    plan->var_facts[row].low[0] = x_int(plan, 0);
    plan->var_facts[row].high[0] = x_dim(plan, plan->ir->sample_dim);
    plan->var_facts[row].low_count = plan->var_facts[row].high_count = 1;
    code_set(plan, scope->block, LS_DECLARE, row, x_var(plan, counter), plan->ir->at);
    Stmt *stmt = block_add(plan, scope->block, LS_IF);
    stmt->s.condition = x_arg_set(plan, order);
    stmt->body = block_new(plan, scope->block, false);
    code_set(plan, stmt->body, LS_ASSIGN, row, x_load(plan, buffer, x_var(plan, counter)),
             plan->ir->at);
    return x_var(plan, row);
}

/* Scalar params stay in variables while the samples go by. */
static void keep_params(Plan *plan, Block *outside, Block *inside) {
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        if (!plan->leaf_updated[k] || !plan->leaf_has_buffer[k]) {
            continue;
        }
        BufferId buffer = plan->leaf_buffer[k];
        if (plan->ir->leaves[k].rank == 0) {
            const LoopExpr *first = x_moving_load(plan, buffer, x_int(plan, 0));
            plan->leaf_var[k] =
                plan_var(plan, plan_name(plan, plan->ir->leaves[k].name), KIND_REAL, inside);
            plan->leaf_has_var[k] = true;
            code_set(plan, outside, LS_DECLARE, plan->leaf_var[k], first, plan->ir->leaves[k].span);
        }
        plan->buffer_facts[buffer].block = inside;
    }
}

void open_put_back(Plan *plan, Block *outside) {
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        if (plan->leaf_has_var[k]) {
            code_store(plan, outside, LS_STORE, plan->leaf_buffer[k], x_int(plan, 0),
                       x_moving(plan, plan->leaf_var[k]), plan->ir->leaves[k].span);
        }
    }
}

/* The rows of this sample, and the first of them. `end`: where the last sample ended. */
static void begin_rows(Plan *plan, VarId end, Scope *scope, const LoopExpr *sample) {
    Block *block = scope->block;
    Name name = "rows";
    dim_is_symbol(plan->ir, plan->ir->rows_dim, &name);
    BufferId buffer = arg_rows_buffer(plan);
    VarId start = plan_var(plan, plan_name(plan, "start"), KIND_INT, block);
    VarId rows =
        plan_var(plan, plan_name(plan, arena_format(plan->arena, "%s_n", name)), KIND_INT, block);
    if (plan->starts_arg >= 0) {
        const LoopExpr *next = x_call2(plan, BI_add, sample, x_int(plan, 1));
        code_set(plan, block, LS_LET, start, x_load(plan, buffer, sample), plan->ir->at);
        code_set(plan, block, LS_LET, rows,
                 x_call2(plan, BI_sub, x_load(plan, buffer, next), x_var(plan, start)),
                 plan->ir->at);
    } else {
        code_set(plan, block, LS_LET, start, x_moving(plan, end), plan->ir->at);
        code_set(plan, block, LS_LET, rows, x_load(plan, buffer, sample), plan->ir->at);
        code_set(plan, block, LS_ADD, end, x_var(plan, rows), plan->ir->at);
    }
    plan->sample_start = x_var(plan, start);
    plan->sample_rows = x_var(plan, rows);
}

/* In `outside`: the block of the parent, or of the segments. */
static void open_loop(Plan *plan, Scope *scope, Block *outside) {
    const Key *key = &scope->key;
    Scope *parent = scope->parent;
    Dim dim = ir_index_dim(plan->ir, key->index);
    bool ordered = plan->ir->per_sample && key->index == plan->ir->sample_index;
    scope->block = block_new(plan, outside, true);
    VarId end = 0;
    if (ordered) {
        keep_params(plan, parent->block, scope->block);
    }
    if (ordered && plan->ragged && plan->lengths_arg >= 0) {
        end = plan_var(plan, plan_name(plan, "end"), KIND_INT, parent->block);
        code_set(plan, parent->block, LS_DECLARE, end, x_int(plan, 0), plan->ir->at);
    }
    VarId var = plan_var(plan, index_name(plan, key->index), KIND_INT, scope->block);
    VarFacts facts = plan->var_facts[var];
    add_bound(plan, &facts, false, x_int(plan, 0));
    add_bound(plan, &facts, true, x_dim(plan, dim));
    if (scope->segment) {
        add_bound(plan, &facts, false, scope->segment->base);
        add_bound(plan, &facts, true, segment_end(plan, scope->segment));
    }
    if (scope->leave && scope == scope->leave->down) { /* the steps that were made */
        facts.high[facts.high_count++] = x_moving(plan, scope->leave->made);
    }
    for (unsigned k = 0; k < key->low_count; k++) {
        add_bound(plan, &facts, false, code_value(plan, parent, key->low[k]));
    }
    for (unsigned k = 0; k < key->high_count; k++) {
        add_bound(plan, &facts, true, code_value(plan, parent, key->high[k]));
    }
    plan->var_facts[var] = facts;
    Stmt *loop = block_add(plan, outside, LS_FOR);
    loop->s.var = var;
    loop->s.low = join_bounds(plan, facts.low, facts.low_count, BI_maximum);
    loop->s.high = join_bounds(plan, facts.high, facts.high_count, BI_minimum);
    loop->s.down = key->direction < 0;
    loop->body = scope->block;
    scope->at[key->index] = ordered ? sample_row(plan, scope, var) : x_var(plan, var);
    if (ordered && plan->ragged) {
        begin_rows(plan, end, scope, scope->at[key->index]);
    }
    place_flags(plan, loop, scope);
}

static void open_if(Plan *plan, Scope *scope, const LoopExpr *condition) {
    if (condition->kind == LX_BOOL && condition->as.integer) {
        scope->block = scope->parent->block;
        return;
    }
    Stmt *stmt = block_add(plan, scope->parent->block, LS_IF);
    stmt->s.condition = condition;
    scope->block = stmt->body = block_new(plan, scope->parent->block, false);
}

static void open_fixed(Plan *plan, Scope *scope) {
    Index x = scope->key.index;
    Dim dim = ir_index_dim(plan->ir, x);
    const LoopExpr *at = code_value(plan, scope->parent, scope->key.at);
    scope->block = scope->parent->block;
    scope->at[x] = at;
    if (x_proves_inside(plan, at, dim)) {
        return;
    }
    const LoopExpr *low = x_call2(plan, BI_le, x_int(plan, 0), at);
    const LoopExpr *high = x_call2(plan, BI_lt, at, x_dim(plan, dim));
    open_if(plan, scope, x_call2(plan, BI_and, low, high));
    VarId var = plan_var(plan, index_name(plan, x), KIND_INT, scope->block);
    plan->var_facts[var].low[0] = x_int(plan, 0);
    plan->var_facts[var].high[0] = x_dim(plan, dim);
    plan->var_facts[var].low_count = plan->var_facts[var].high_count = 1;
    code_set(plan, scope->block, LS_LET, var, at, (Span){0});
    scope->at[x] = x_var(plan, var);
}

void open_write(Plan *plan, Scope *scope, Block *outside) {
    switch (scope->key.kind) {
    case SCOPE_LOOP:
        open_loop(plan, scope, outside);
        break;
    case SCOPE_IF:
        open_if(plan, scope, code_value(plan, scope->parent, scope->key.cond));
        break;
    case SCOPE_FIX:
        open_fixed(plan, scope);
        break;
    case SCOPE_ROOT:
        break;
    }
}
