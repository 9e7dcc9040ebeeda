/* code.c: the tree of scopes to statements. Each value of the IR becomes an expression in an
 * environment that says where each index stands; reading an array elsewhere is another environment,
 * not a copy. */
#include "loop/plan.h"

#include <math.h>
#include <string.h>

/* ---- blocks, statements
 * ------------------------------------------------------------------------------------ */

Block *block_new(Plan *plan, Block *parent, bool loop) {
    Block *block = arena_new(plan->arena, Block);
    block->parent = parent;
    block->depth = parent ? parent->depth + 1 : 0;
    block->loop = loop;
    block->id = plan->block_count++;
    return block;
}

Stmt *block_add(Plan *plan, Block *block, LoopStmtKind kind) {
    Stmt *stmt = arena_new(plan->arena, Stmt);
    stmt->s.kind = kind;
    if (block->last) {
        block->last->next = &stmt->s;
    } else {
        block->first = &stmt->s;
    }
    block->last = &stmt->s;
    return stmt;
}

Block *block_if(Plan *plan, Block *parent, const LoopExpr *condition) {
    Stmt *stmt = block_add(plan, parent, LS_IF);
    stmt->s.condition = condition;
    stmt->body = block_new(plan, parent, false);
    return stmt->body;
}

Stmt *code_set(Plan *plan, Block *block, LoopStmtKind kind, VarId var, const LoopExpr *value,
               Span span) {
    Stmt *stmt = block_add(plan, block, kind);
    stmt->s.var = var;
    stmt->s.value = value;
    stmt->s.span = span;
    return stmt;
}

void code_store(Plan *plan, Block *block, LoopStmtKind kind, BufferId buffer, const LoopExpr *index,
                const LoopExpr *value, Span span) {
    Stmt *stmt = block_add(plan, block, kind);
    stmt->s.buffer = buffer;
    stmt->s.index = index;
    stmt->s.value = value;
    stmt->s.span = span;
    stmt->s.reassociate = !plan->options->strict;
    plan->program->buffers[buffer].written = true;
}

/* ---- environments
 * -----------------------------------------------------------------------------------------------
 */

static uint32_t new_env(Plan *plan, const LoopExpr *const *at) {
    uint32_t env = plan->env_count;
    plan->envs = arena_grow(plan->arena, plan->envs, env, &plan->env_capacity, sizeof *plan->envs);
    plan->envs[env] = arena_array(plan->arena, const LoopExpr *, INDEX_LIMIT);
    memcpy(plan->envs[env], at, INDEX_LIMIT * sizeof *at);
    plan->env_count++;
    return env;
}

static size_t memo_slot(const Plan *plan, uint32_t env, Ref v) {
    uint64_t hash = ((uint64_t)env << 32 | v) * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (hash >> 20) & (plan->memo_size - 1);
    while (plan->memo[at].expr && (plan->memo[at].env != env || plan->memo[at].value != v)) {
        at = (at + 1) & (plan->memo_size - 1);
    }
    return at;
}

static void memo_add(Plan *plan, uint32_t env, Ref v, const LoopExpr *expr) {
    if (2 * (plan->memo_count + 1) > plan->memo_size) {
        Memo *old = plan->memo;
        size_t size = plan->memo_size;
        plan->memo_size = size ? 2 * size : 256;
        plan->memo = arena_array(plan->arena, Memo, plan->memo_size);
        for (size_t k = 0; k < size; k++) {
            if (old[k].expr) {
                plan->memo[memo_slot(plan, old[k].env, old[k].value)] = old[k];
            }
        }
    }
    Memo *slot = &plan->memo[memo_slot(plan, env, v)];
    slot->env = env;
    slot->value = v;
    slot->expr = expr;
    plan->memo_count++;
}

/* ---- values to expressions
 * ----------------------------------------------------------------------------------------- */

typedef struct {
    Plan *plan;
    Scope *scope;
    const Stage *stage; /* the one being written: its own value is not read but made */
} Writer;

static const LoopExpr *value_expr(const Writer *w, uint32_t env, Ref v);

static const LoopExpr *index_at(const Writer *w, uint32_t env, Index x) {
    const LoopExpr *at = w->plan->envs[env][x];
    if (!at) {
        ice("loop", "an index of %s is used outside its loop",
            dim_text(w->plan->ir, ir_index_dim(w->plan->ir, x)));
    }
    return at;
}

static const LoopExpr *buffer_index(const Writer *w, uint32_t env, const Stage *stage) {
    Plan *plan = w->plan;
    const LoopExpr *positions[INDEX_LIMIT];
    Dim dims[INDEX_LIMIT];
    for (unsigned k = 0; k < stage->axis_count; k++) {
        Index x = stage->axes[k];
        dims[k] = segment_dim(plan, stage->segment, x);
        positions[k] = segment_position(plan, stage->segment, x, index_at(w, env, x));
        positions[k] = x_inside(plan, positions[k], dims[k]);
    }
    return x_index(plan, positions, dims, stage->axis_count);
}

/* Is the scalar that holds the stage's value, where it is made, what is meant here? */
static bool var_serves(const Writer *w, uint32_t env, const Stage *stage) {
    const Scope *at = stage->kind == STAGE_VALUE ? stage->scope : stage->gather;
    if (!stage->has_var || !scope_inside(w->scope, at)) {
        return false;
    }
    IndexSet free = ir_free(w->plan->ir, stage->value);
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        if ((free & INDEX_BIT(x)) && w->plan->envs[env][x] != at->at[x]) {
            return false;
        }
    }
    return true;
}

/* State number p, at the positions `at`. */
static const LoopExpr *state_read(const Writer *w, uint32_t env, const Carry *carry,
                                  const LoopExpr *p, const LoopExpr *const *at) {
    const LoopExpr *made = carry_read(w->plan, w->scope, carry, w->plan->envs[env], p, at);
    if (!made) {
        ice("loop", "a state of %%%u is read where it is not kept", (unsigned)carry->scan);
    }
    return made;
}

/* A read of a STATE or PICK; `count` positions. */
static const LoopExpr *states_expr(const Writer *w, uint32_t env, const Node *states,
                                   const Carry *carry, const Ref *positions, unsigned count) {
    const LoopExpr *at[RANK_LIMIT + 1];
    for (unsigned k = 0; k < count; k++) {
        at[k] = value_expr(w, env, positions[k]);
    }
    if (states->op == OP_PICK) {
        return state_read(w, env, carry, at[0], at + 1);
    }
    const LoopExpr *t = index_at(w, env, carry->t);
    return state_read(w, env, carry, carry_before(w->plan, carry, t), at);
}

/* A value that is kept as the states that it makes. */
static const LoopExpr *step_expr(const Writer *w, uint32_t env, const Carry *carry) {
    const LoopExpr *at[RANK_LIMIT];
    for (unsigned a = 0; a < carry->rank; a++) {
        at[a] = index_at(w, env, carry->names[a]);
    }
    const LoopExpr *t = index_at(w, env, carry->t);
    return state_read(w, env, carry, carry_after(w->plan, carry, t), at);
}

static const LoopExpr *stage_expr(const Writer *w, uint32_t env, const Stage *stage) {
    if (stage->carry) {
        return step_expr(w, env, stage->carry);
    }
    if (var_serves(w, env, stage)) {
        return x_var(w->plan, stage->var);
    }
    if (!stage->has_buffer) {
        ice("loop", "%%%u is read where it is not kept", (unsigned)stage->value);
    }
    return x_load(w->plan, stage->buffer, buffer_index(w, env, stage));
}

static const LoopExpr *leaf_read(const Writer *w, uint32_t env, const Node *leaf_node,
                                 const Ref *positions, unsigned count) {
    Plan *plan = w->plan;
    uint32_t number = leaf_node->as.leaf;
    const Leaf *leaf = &plan->ir->leaves[number];
    if (plan->leaf_has_var[number]) {
        return x_var(plan, plan->leaf_var[number]);
    }
    if (!plan->leaf_has_buffer[number]) {
        if (plan->leaf_arg[number] < 0) {
            ice("loop", "`%s` is no argument of `%s`", leaf->name, plan->ir->name);
        }
        return x_arg(plan, (uint32_t)plan->leaf_arg[number]);
    }
    const LoopExpr *at[RANK_LIMIT];
    for (unsigned k = 0; k < count; k++) {
        at[k] = x_inside(plan, value_expr(w, env, positions[k]), leaf->shape[k]);
    }
    if (leaf->role == LEAF_COLUMN && is_ragged(plan, leaf->shape, count)) {
        return x_load(plan, plan->leaf_buffer[number], ragged_index(plan, at, leaf->shape, count));
    }
    return x_load(plan, plan->leaf_buffer[number], x_index(plan, at, leaf->shape, count));
}

static const LoopExpr *array_read(const Writer *w, uint32_t env, const Node *read,
                                  const Node *array) {
    Plan *plan = w->plan;
    const LoopExpr *at[INDEX_LIMIT];
    memcpy(at, plan->envs[env], sizeof at);
    bool same = true;
    for (uint32_t k = 0; k < array->as.indices.count; k++) {
        Index i = array->as.indices.list[k];
        const LoopExpr *position = value_expr(w, env, read->args[k + 1]);
        position = x_inside(plan, position, ir_index_dim(plan->ir, i));
        same = same && at[i] == position;
        at[i] = position;
    }
    return value_expr(w, same ? env : new_env(plan, at), array->args[0]);
}

static const LoopExpr *call_expr(const Writer *w, uint32_t env, const Node *node) {
    const LoopExpr *args[BUILTIN_ARITY];
    for (uint32_t k = 0; k < node->arg_count; k++) {
        args[k] = value_expr(w, env, node->args[k]);
    }
    BuiltinId f = node->as.builtin;
    if ((f == BI_eq || f == BI_ne) && args[0]->type == KIND_INT) {
        const LoopExpr *one = x_int(w->plan, 1);
        if (args[0] == args[1]) {
            return x_bool(w->plan, f == BI_eq);
        }
        if (x_proves_le(w->plan, x_call2(w->plan, BI_add, args[0], one), args[1]) ||
            x_proves_le(w->plan, x_call2(w->plan, BI_add, args[1], one), args[0])) {
            return x_bool(w->plan, f == BI_ne);
        }
    }
    if ((f == BI_lt || f == BI_le) && args[0]->type == KIND_INT) { /* known by the loops' ranges? */
        const LoopExpr *one = x_int(w->plan, f == BI_lt ? 1 : 0);
        const LoopExpr *other = x_int(w->plan, f == BI_lt ? 0 : 1);
        if (x_proves_le(w->plan, x_call2(w->plan, BI_add, args[0], one), args[1])) {
            return x_bool(w->plan, true);
        }
        if (x_proves_le(w->plan, x_call2(w->plan, BI_add, args[1], other), args[0])) {
            return x_bool(w->plan, false);
        }
    }
    return x_call(w->plan, node->as.builtin, args, node->arg_count);
}

static const LoopExpr *zero_of(Plan *plan, Kind kind) {
    switch (kind) {
    case KIND_REAL:
        return x_real(plan, 0);
    case KIND_INT:
        return x_int(plan, 0);
    case KIND_BOOL:
        return x_bool(plan, false);
    }
    return NULL;
}

static const LoopExpr *const_expr(Plan *plan, const Node *node) {
    switch (node->kind) {
    case KIND_REAL:
        return x_real(plan, node->as.real);
    case KIND_INT:
        return x_int(plan, node->as.integer);
    case KIND_BOOL:
        return x_bool(plan, node->as.integer != 0);
    }
    return NULL;
}

static const LoopExpr *make_expr(const Writer *w, uint32_t env, Ref v) {
    Plan *plan = w->plan;
    Node node = *ir_node(plan->ir, v);
    switch (node.op) {
    case OP_CONST:
        return const_expr(plan, &node);
    case OP_SIZE:
        return x_dim(plan, node.as.dim);
    case OP_INDEX:
        return index_at(w, env, node.as.index);
    case OP_LEAF:
        return leaf_read(w, env, &node, NULL, 0);
    case OP_CALL:
        return call_expr(w, env, &node);
    case OP_EXTERN: {
        const LoopExpr *args[EXTERN_ARITY];
        for (uint32_t k = 0; k < node.arg_count; k++) {
            args[k] = value_expr(w, env, node.args[k]);
        }
        return x_extern(plan, &plan->ir->externals[node.as.external], args);
    }
    case OP_CONVERT:
        return x_convert(plan, value_expr(w, env, node.args[0]));
    case OP_SELECT: {
        const LoopExpr *c = value_expr(w, env, node.args[0]);
        const LoopExpr *a = value_expr(w, env, node.args[1]);
        return x_select(plan, c, a, value_expr(w, env, node.args[2]));
    }
    case OP_GUARD: {
        const LoopExpr *c = value_expr(w, env, node.args[0]);
        return x_select(plan, c, value_expr(w, env, node.args[1]), zero_of(plan, node.kind));
    }
    case OP_READ: {
        Node array = *ir_node(plan->ir, node.args[0]);
        const Carry *carry = node.args[0] < plan->node_count ? carry_of(plan, node.args[0]) : NULL;
        if (carry) {
            return states_expr(w, env, &array, carry, node.args + 1, node.arg_count - 1);
        }
        return array.op == OP_LEAF ? leaf_read(w, env, &array, node.args + 1, node.arg_count - 1)
                                   : array_read(w, env, &node, &array);
    }
    case OP_ARRAY:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_VAR:
    case OP_DERIV:
    case OP_COUNT:
        break;
    case OP_STATE:
        return states_expr(w, env, &node, carry_of(plan, v), NULL, 0);
    }
    ice("loop", "%%%u cannot be an expression", (unsigned)v);
}

static const LoopExpr *value_expr(const Writer *w, uint32_t env, Ref v) {
    Plan *plan = w->plan;
    const Stage *kept = v < plan->node_count ? plan->stage_of[v] : NULL; /* bounds are new */
    if (kept && kept != w->stage) {
        return stage_expr(w, env, kept);
    }
    if (plan->memo_size > 0 && !kept) {
        const Memo *memo = &plan->memo[memo_slot(plan, env, v)];
        if (memo->expr) {
            return memo->expr;
        }
    }
    const LoopExpr *made = make_expr(w, env, v);
    if (!kept) {
        memo_add(plan, env, v, made);
    }
    return made;
}

const LoopExpr *code_value(Plan *plan, Scope *scope, Ref v) {
    Writer w = {plan, scope, NULL};
    return value_expr(&w, scope->env, v);
}

/* The value under those conditions that are no bounds. */
static const LoopExpr *guarded(const Writer *w, const LoopExpr *value) {
    const LoopExpr *all = NULL;
    for (unsigned k = 0; k < w->stage->cond_count; k++) {
        if ((w->stage->cond_done >> k) & 1) {
            continue;
        }
        const LoopExpr *c = value_expr(w, w->scope->env, w->stage->conds[k]);
        all = all ? x_call2(w->plan, BI_and, all, c) : c;
    }
    return all ? x_select(w->plan, all, value, zero_of(w->plan, value->type)) : value;
}

/* ---- beginnings and ends of accumulators
 * ------------------------------------------------------------------------------- */

static const char *value_name(Plan *plan, const Stage *stage) {
    const char *stem = "t";
    switch (stage->kind) {
    case STAGE_VALUE:
        stem = "t";
        break;
    case STAGE_SUM:
        stem = "s";
        break;
    case STAGE_MAX:
        stem = "top";
        break;
    case STAGE_ARGMAX:
        stem = "arg";
        break;
    case STAGE_DEPOSIT:
        stem = "d";
        break;
    case STAGE_LIB:
        stem = "m";
        break;
    case STAGE_OUTPUT:
        stem = "out";
        break;
    case STAGE_INIT:
    case STAGE_STEP:
        stem = "state";
        break;
    case STAGE_RETURN:
        stem = "total";
        break;
    }
    return plan_name(plan, stem);
}

static const LoopExpr *start_value(Plan *plan, const Stage *stage) {
    if (stage->kind == STAGE_MAX) {
        bool real = ir_kind(plan->ir, stage->value) == KIND_REAL;
        return real ? x_real(plan, -(double)INFINITY) : x_int(plan, INT64_MIN);
    }
    if (stage->kind == STAGE_ARGMAX ||
        (stage->value && ir_kind(plan->ir, stage->value) == KIND_INT)) {
        return x_int(plan, 0);
    }
    return x_real(plan, 0);
}

static IndexSet result_indices(const Plan *plan, const Stage *stage) {
    return stage->value ? ir_free(plan->ir, stage->value) : stage->free;
}

/* Fills what of the buffer belongs to this place: all of it, or the part at the open indices. */
static void fill_buffer(Plan *plan, const Stage *stage, const Scope *scope, BufferId buffer,
                        const Index *axes, unsigned rank) {
    const LoopExpr *value = start_value(plan, stage);
    bool strided = stage->kind == STAGE_OUTPUT && stage->output->role == OUT_MATRIX;
    bool whole = value->kind == LX_REAL && value->as.real == 0 && !strided;
    Dim size = dim_const(plan->ir, 1);
    const LoopExpr *positions[INDEX_LIMIT];
    Dim dims[INDEX_LIMIT];
    for (unsigned k = 0; k < rank; k++) {
        dims[k] = segment_dim(plan, stage->segment, axes[k]);
        size = dim_mul(plan->ir, size, dims[k]);
        whole = whole && !(scope->open & INDEX_BIT(axes[k]));
    }
    if (whole) {
        code_store(plan, scope->block, LS_ZERO, buffer, NULL, x_count(plan, size), stage->span);
        return;
    }
    Block *block = scope->block;
    for (unsigned k = 0; k < rank; k++) {
        if (scope->open & INDEX_BIT(axes[k])) {
            positions[k] = segment_position(plan, stage->segment, axes[k], scope->at[axes[k]]);
            continue;
        }
        Block *body = block_new(plan, block, true);
        VarId var = plan_var(plan, plan_name(plan, "f"), KIND_INT, body);
        Stmt *loop = block_add(plan, block, LS_FOR);
        loop->s.var = var;
        loop->s.low = x_int(plan, 0);
        loop->s.high = x_dim(plan, dims[k]);
        loop->s.flags = LOOP_INDEPENDENT;
        loop->body = body;
        positions[k] = x_var(plan, var);
        block = body;
    }
    const LoopExpr *index = stage->kind == STAGE_OUTPUT
                                ? output_index(plan, stage->output, positions, dims)
                                : x_index(plan, positions, dims, rank);
    code_store(plan, block, LS_STORE, buffer, index, value, stage->span);
}

/* Accumulators of stages that run inside the item begin here. */
static void begin_stage(Plan *plan, Scope *scope, Stage *stage) {
    if (stage->kind == STAGE_OUTPUT) {
        bool partly = stage->sink == SINK_STORE && !stage->dropped && !stage->term;
        if (partly) {
            fill_buffer(plan, stage, scope, plan->output_buffer[stage->output_number],
                        stage->output->axes, stage->output->rank);
        }
        return;
    }
    if (stage->kind == STAGE_LIB) {
        return; /* its loops fill it */
    }
    if (result_indices(plan, stage) & ~scope->open) {
        if (stage->alias && stage->alias->term) {
            return; /* the output was filled with zeros */
        }
        fill_buffer(plan, stage, scope, stage->buffer, stage->axes, stage->axis_count);
        return;
    }
    const LoopExpr *start = start_value(plan, stage);
    stage->var = plan_var(plan, value_name(plan, stage), start->type, scope->block);
    stage->has_var = true;
    code_set(plan, scope->block, LS_DECLARE, stage->var, start, stage->span);
    if (stage->kind == STAGE_ARGMAX) {
        Kind kind = ir_kind(plan->ir, stage->body);
        const LoopExpr *least =
            kind == KIND_REAL ? x_real(plan, -(double)INFINITY) : x_int(plan, INT64_MIN);
        stage->best = plan_var(plan, plan_name(plan, "best"), kind, scope->block);
        code_set(plan, scope->block, LS_DECLARE, stage->best, least, stage->span);
    }
}

static void end_stage(Plan *plan, Scope *scope, Stage *stage) {
    if (stage->kind == STAGE_LIB) {
        lib_call(plan, scope, stage);
        return;
    }
    if (stage->has_var && stage->has_buffer) {
        Writer w = {plan, scope, NULL};
        bool term = stage->alias && stage->alias->term; /* one of several in the output */
        code_store(plan, scope->block, term ? LS_STORE_ADD : LS_STORE, stage->buffer,
                   buffer_index(&w, scope->env, stage), x_var(plan, stage->var), stage->span);
    }
}

/* ---- the statements of a stage
 * -------------------------------------------------------------------------------------------- */

static void write_accumulation(const Writer *w, Stage *stage, const LoopExpr *value) {
    Plan *plan = w->plan;
    Block *block = w->scope->block;
    if (stage->partial) {
        Stmt *stmt = code_set(plan, block, LS_ADD, stage->partial_var, value, stage->span);
        stmt->s.reassociate = true;
        return;
    }
    if (stage->has_var) {
        Stmt *stmt = code_set(plan, block, stage->kind == STAGE_MAX ? LS_MAX : LS_ADD, stage->var,
                              value, stage->span);
        stmt->s.reassociate = !plan->options->strict;
        return;
    }
    const LoopExpr *index = buffer_index(w, w->scope->env, stage);
    if (stage->kind == STAGE_MAX) {
        value = x_call2(plan, BI_maximum, x_moving_load(plan, stage->buffer, index), value);
        code_store(plan, block, LS_STORE, stage->buffer, index, value, stage->span);
        return;
    }
    code_store(plan, block, LS_STORE_ADD, stage->buffer, index, value, stage->span);
}

/* if (value > best, or it is the first NaN) { best = value; arg = i } */
static void write_argmax(const Writer *w, Stage *stage, const LoopExpr *value) {
    Plan *plan = w->plan;
    Block *block = w->scope->block;
    Index x = (Index)__builtin_ctzll(stage->bound);
    const LoopExpr *best = x_moving(plan, stage->best);
    const LoopExpr *better = x_call2(plan, BI_lt, best, value);
    if (value->type == KIND_REAL) {
        const LoopExpr *nan = x_call2(plan, BI_ne, value, value);
        const LoopExpr *first = x_call2(plan, BI_eq, best, best);
        better = x_call2(plan, BI_or, better, x_call2(plan, BI_and, nan, first));
    }
    Stmt *stmt = block_add(plan, block, LS_IF);
    stmt->s.condition = better;
    stmt->s.span = stage->span;
    stmt->body = block_new(plan, block, false);
    code_set(plan, stmt->body, LS_ASSIGN, stage->best, value, stage->span);
    code_set(plan, stmt->body, LS_ASSIGN, stage->var, w->scope->at[x], stage->span);
}

static void write_deposit(const Writer *w, Stage *stage, const LoopExpr *value) {
    Plan *plan = w->plan;
    Node node = *ir_node(plan->ir, stage->value);
    const LoopExpr *positions[INDEX_LIMIT];
    Dim dims[INDEX_LIMIT];
    for (unsigned a = 0; a < stage->axis_count; a++) {
        Index x = stage->axes[a];
        dims[a] = segment_dim(plan, stage->segment, x);
        positions[a] = NULL;
        for (uint32_t k = 0; k < node.as.deposit.count; k++) {
            if (node.as.deposit.targets[k] == x) {
                positions[a] = value_expr(w, w->scope->env, node.args[k + 1]);
            }
        }
        if (!positions[a]) {
            const LoopExpr *at = index_at(w, w->scope->env, x);
            positions[a] = segment_position(plan, stage->segment, x, at);
        }
        positions[a] = x_inside(plan, positions[a], dims[a]);
    }
    code_store(plan, w->scope->block, LS_STORE_ADD, stage->buffer,
               x_index(plan, positions, dims, stage->axis_count), value, stage->span);
}

/* Where on the axis x the entry lies that is stored. */
static const LoopExpr *output_position(const Writer *w, const Stage *stage, Index x) {
    const Node *node = stage->scatter ? ir_node(w->plan->ir, stage->scatter) : NULL;
    for (uint32_t k = 0; node && k < node->as.deposit.count; k++) {
        if (node->as.deposit.targets[k] == x) {
            return x_inside(w->plan, value_expr(w, w->scope->env, node->args[k + 1]),
                            ir_index_dim(w->plan->ir, x));
        }
    }
    return index_at(w, w->scope->env, x);
}

static void write_output(const Writer *w, Stage *stage, const LoopExpr *value) {
    Plan *plan = w->plan;
    const Output *output = stage->output;
    BufferId buffer = plan->output_buffer[stage->output_number];
    const LoopExpr *positions[RANK_LIMIT];
    Dim dims[RANK_LIMIT];
    for (unsigned k = 0; k < output->rank; k++) {
        dims[k] = ir_index_dim(plan->ir, output->axes[k]);
        positions[k] = output_position(w, stage, output->axes[k]);
    }
    const LoopExpr *index = output_index(plan, output, positions, dims);
    value = x_convert(plan, value);
    LoopStmtKind kind = stage->sink == SINK_ADD ? LS_STORE_ADD : LS_STORE;
    bool kept = stage->sink == SINK_UPDATE && plan->leaf_has_var[output->leaf];
    if (stage->sink == SINK_UPDATE) {
        const LoopExpr *old = kept ? x_moving(plan, plan->leaf_var[output->leaf])
                                   : x_moving_load(plan, buffer, index);
        const LoopExpr *rate = x_arg(plan, (uint32_t)plan->rate_arg);
        value = plan->options->strict ? x_call2(plan, BI_mul, rate, value)
                                      : x_scaled(plan, rate, value);
        bool minus = value->kind == LX_CALL && value->as.builtin == BI_neg;
        value =
            minus ? x_call2(plan, BI_add, old, value->args[0]) : x_call2(plan, BI_sub, old, value);
    }
    if (kept) {
        code_set(plan, w->scope->block, LS_ASSIGN, plan->leaf_var[output->leaf], value,
                 stage->span);
        return;
    }
    code_store(plan, w->scope->block, kind, buffer, index, value, stage->span);
}

static void write_value(const Writer *w, Stage *stage, const LoopExpr *value) {
    Plan *plan = w->plan;
    stage->var = plan_var(plan, value_name(plan, stage), value->type, w->scope->block);
    stage->has_var = true;
    code_set(plan, w->scope->block, LS_LET, stage->var, value, stage->span);
    end_stage(plan, w->scope, stage);
}

static void write_stage(Plan *plan, Scope *scope, Stage *stage) {
    if (stage->dropped || (stage->kind == STAGE_RETURN && stage->bound == 0) ||
        segment_skips(plan, stage)) {
        return;
    }
    Writer w = {plan, scope, stage};
    const LoopExpr *value = value_expr(&w, scope->env, stage->body);
    bool compared = stage->kind == STAGE_MAX || stage->kind == STAGE_ARGMAX; /* with the value */
    if (!plan->options->strict && stage->kind != STAGE_VALUE && !compared) {
        value = x_regrouped(plan, value);
    }
    value = guarded(&w, value);
    switch (stage->kind) {
    case STAGE_VALUE:
        write_value(&w, stage, value);
        break;
    case STAGE_RETURN:
        value = x_convert(plan, value); /* fall through */
    case STAGE_SUM:
    case STAGE_MAX:
        write_accumulation(&w, stage, value);
        break;
    case STAGE_ARGMAX:
        write_argmax(&w, stage, value);
        break;
    case STAGE_DEPOSIT:
        if (stage->gather == scope) {
            begin_stage(plan, scope, stage);
        }
        write_deposit(&w, stage, value);
        break;
    case STAGE_LIB:
        code_store(plan, scope->block, LS_STORE, stage->buffer, buffer_index(&w, scope->env, stage),
                   value, stage->span);
        break;
    case STAGE_OUTPUT:
        write_output(&w, stage, value);
        break;
    case STAGE_INIT:
    case STAGE_STEP:
        carry_write(plan, scope, stage, value);
        break;
    }
}

/* ---- scopes
 * ------------------------------------------------------------------------------------------------------------------
 */

static void write_scope(Plan *plan, Scope *scope);

/* Buffers are made where their home is reached: loads of them stand there or further in. */
static void make_buffers(Plan *plan, Scope *scope) {
    for (size_t s = 0; s < scope->homed.count; s++) {
        Stage *stage = scope->homed.stages[s];
        if (stage->value == REF_NONE || stage->scalar) {
            continue;
        }
        stage->has_buffer = true;
        if (stage->alias) {
            stage->buffer = plan->output_buffer[stage->alias->output_number];
            continue;
        }
        Kind kind = ir_kind(plan->ir, stage->value) == KIND_REAL ? KIND_REAL : KIND_INT;
        LoopBuffer buffer = {.name = value_name(plan, stage), .kind = kind, .place = BUFFER_LOCAL};
        stage->buffer = plan_buffer(plan, buffer, scope->block);
        Dim size = dim_const(plan->ir, 1);
        for (unsigned k = 0; k < stage->axis_count; k++) {
            size = dim_mul(plan->ir, size, segment_dim(plan, stage->segment, stage->axes[k]));
        }
        plan->buffer_facts[stage->buffer].size = size;
    }
}

static void begin_partial(Plan *plan, Scope *scope, Stage *stage) {
    const LoopExpr *start = start_value(plan, stage);
    stage->partial_var = plan_var(plan, value_name(plan, stage), start->type, scope->block);
    code_set(plan, scope->block, LS_DECLARE, stage->partial_var, start, stage->span);
}

static void end_partial(Plan *plan, Scope *scope, Stage *stage) {
    Writer w = {plan, scope, NULL};
    code_store(plan, scope->block, LS_STORE_ADD, stage->buffer, buffer_index(&w, scope->env, stage),
               x_var(plan, stage->partial_var), stage->span);
}

static bool all_dropped(const Plan *plan, const Scope *scope) {
    for (size_t k = 0; k < scope->item_count; k++) {
        const Item *item = &scope->items[k];
        if (item->scope ? !all_dropped(plan, item->scope)
                        : !item->stage->dropped && !segment_skips(plan, item->stage)) {
            return false;
        }
    }
    return true;
}

/* The scope and what is in it, in the block `outside`. */
static void write_body(Plan *plan, Scope *scope, Scope *child, Block *outside) {
    memcpy(child->at, scope->at, sizeof child->at);
    open_write(plan, child, outside);
    carry_begin_step(plan, child);
    write_scope(plan, child);
    carry_end_step(plan, child);
    leave_step(plan, child);
}

/* A loop over steps that are kept in segments; before that of the adjoint they run again. */
static void write_segments(Plan *plan, Scope *scope, Scope *child) {
    Segment *segment = child->segment;
    if (child->leave) {
        leave_before(plan, child, scope->block);
    }
    if (child == segment->up) {
        Block *block = segment_open_up(plan, scope->block, segment);
        write_body(plan, scope, child, block);
        segment_close_up(plan, block, segment);
        return;
    }
    Block *block = segment_open_down(plan, scope->block, segment);
    plan->again = segment;
    Block *again = segment_open_again(plan, block, segment);
    write_body(plan, scope, segment->up, again);
    segment_close_again(plan, again, segment);
    plan->again = NULL;
    write_body(plan, scope, child, block);
    segment_close_down(plan, block, segment);
}

static void write_child(Plan *plan, Scope *scope, Scope *child) {
    if (all_dropped(plan, child)) {
        return;
    }
    for (size_t s = 0; s < child->begun.count; s++) {
        Stage *stage = child->begun.stages[s];
        if (segment_skips(plan, stage)) {
            continue;
        }
        if (stage->gather == scope) {
            begin_stage(plan, scope, stage);
        }
        if (stage->partial == scope) {
            begin_partial(plan, scope, stage);
        }
    }
    if (child->segment) {
        write_segments(plan, scope, child);
    } else if (child->leave) {
        leave_before(plan, child, scope->block);
        write_body(plan, scope, child, scope->block);
        leave_after(plan, child, scope->block);
    } else {
        write_body(plan, scope, child, scope->block);
    }
    if (child->key.kind == SCOPE_LOOP && plan->ir->per_sample &&
        child->key.index == plan->ir->sample_index) {
        open_put_back(plan, scope->block);
        plan->sample_rows = plan->sample_start = NULL;
    }
    for (size_t s = 0; s < child->begun.count; s++) {
        Stage *stage = child->begun.stages[s];
        if (segment_skips(plan, stage)) {
            continue;
        }
        if (stage->gather == scope) {
            end_stage(plan, scope, stage);
        }
        if (stage->partial == scope) {
            end_partial(plan, scope, stage);
        }
    }
}

static void write_scope(Plan *plan, Scope *scope) {
    scope->env = new_env(plan, scope->at);
    make_buffers(plan, scope);
    carry_buffers(plan, scope);
    for (size_t k = 0; k < scope->item_count; k++) {
        if (scope->items[k].scope) {
            write_child(plan, scope, scope->items[k].scope);
        } else {
            write_stage(plan, scope, scope->items[k].stage);
        }
    }
}

/* Zeros in the whole matrix, once, if one of its blocks is to be added to. */
static void zero_matrix(Plan *plan) {
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        if (output->role == OUT_MATRIX && plan->output_zeroed[k]) {
            BufferId buffer = plan->output_buffer[matrix_first(plan)];
            code_store(plan, plan->root_block, LS_ZERO, buffer, NULL,
                       x_count(plan, matrix_size(plan)), output->span);
            return;
        }
    }
}

static void zero_outputs(Plan *plan) {
    zero_matrix(plan);
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        Dim size = output_extent(plan, output, 0, output->rank);
        if (plan->output_zeroed[k] && output->role != OUT_MATRIX) {
            code_store(plan, plan->root_block, LS_ZERO, plan->output_buffer[k], NULL,
                       x_count(plan, size), output->span);
        }
    }
}

void code_write(Plan *plan) {
    plan->root->block = plan->root_block;
    zero_outputs(plan);
    write_scope(plan, plan->root);
    for (size_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        if (stage->kind != STAGE_RETURN) {
            continue;
        }
        Writer w = {plan, plan->root, stage};
        const LoopExpr *value =
            stage->bound ? x_var(plan, stage->var) : value_expr(&w, plan->root->env, stage->body);
        Stmt *stmt = block_add(plan, plan->root_block, LS_RETURN);
        stmt->s.value = x_convert(plan, value);
        stmt->s.span = stage->span;
        plan->program->returns = true;
    }
}
