/* ahead.c: memory is slow to answer, and a loop over samples has little to do meanwhile: it asks
 * for entries some samples ahead. Where samples are shuffled the order says which come next, and
 * they lie anywhere; in the order of the file processors ask by themselves, but not far enough. */
#include "loop/fission.h"

enum {
    AHEAD = 32,     /* samples */
    LINE = 8,       /* entries of a line of a cache */
    LINES_MOST = 32 /* of a sample: what follows is fetched by processors themselves */
};

static bool expr_loads(const LoopExpr *x, BufferId buffer) {
    bool found = x && x->kind == LX_LOAD && x->as.buffer == buffer;
    for (unsigned k = 0; x && k < x->count && !found; k++) {
        found = expr_loads(x->args[k], buffer);
    }
    return found;
}

static bool loads(const LoopStmt *block, BufferId buffer) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (expr_loads(stmt->value, buffer) || expr_loads(stmt->index, buffer) ||
            expr_loads(stmt->low, buffer) || expr_loads(stmt->high, buffer) ||
            expr_loads(stmt->condition, buffer) || loads(stmt->body, buffer)) {
            return true;
        }
    }
    return false;
}

static LoopStmt *prefetch_new(Plan *plan, BufferId buffer, const LoopExpr *index) {
    LoopStmt *prefetch = stmt_new(plan, LS_PREFETCH);
    prefetch->buffer = buffer;
    prefetch->index = index;
    return prefetch;
}

/* The entries of a sample in a column; NULL: it is not stored sample after sample. */
static const LoopExpr *entries_of(Plan *plan, const Leaf *leaf) {
    Dim size = dim_const(plan->ir, 1);
    for (unsigned k = 1; k < leaf->rank; k++) {
        size = dim_mul(plan->ir, size, leaf->shape[k]);
    }
    return is_ragged(plan, leaf->shape, leaf->rank) ? NULL : x_dim(plan, size);
}

static void fetch_column(Plan *plan, BufferId buffer, const LoopExpr *entries,
                         const LoopExpr *sample, LoopStmt ***end) {
    if (entries->kind == LX_INT && entries->as.integer == 1) {
        stmt_append(end, prefetch_new(plan, buffer, sample));
        return;
    }
    const LoopExpr *last = x_call2(plan, BI_sub, entries, x_int(plan, 1));
    const LoopExpr *lines = x_call2(plan, BI_add, entries, x_int(plan, 2 * LINE - 2));
    lines = x_call2(plan, BI_floordiv, lines, x_int(plan, LINE));
    LoopStmt *loop = stmt_new(plan, LS_FOR);
    loop->var = plan_var(plan, plan_name(plan, "line"), KIND_INT, plan->root_block);
    loop->low = x_int(plan, 0);
    loop->high = x_call2(plan, BI_minimum, lines, x_int(plan, LINES_MOST));
    const LoopExpr *at = x_call2(plan, BI_mul, x_var(plan, loop->var), x_int(plan, LINE));
    at = x_call2(plan, BI_minimum, at, last);
    const LoopExpr *row = x_call2(plan, BI_mul, sample, entries);
    loop->body = prefetch_new(plan, buffer, x_call2(plan, BI_add, row, at));
    stmt_append(end, loop);
}

/* The sample at a place of the order. */
static const LoopExpr *sample_at(Plan *plan, BufferId order, const LoopExpr *place,
                                 LoopStmt ***end) {
    if (plan->order_arg < 0) {
        return place;
    }
    LoopStmt *next = stmt_new(plan, LS_DECLARE);
    next->var = plan_var(plan, plan_name(plan, "next"), KIND_INT, plan->root_block);
    next->value = place;
    stmt_append(end, next);
    LoopStmt *given = stmt_new(plan, LS_IF);
    given->condition = x_arg_set(plan, (uint32_t)plan->order_arg);
    given->body = stmt_new(plan, LS_ASSIGN);
    given->body->var = next->var;
    given->body->value = x_load(plan, order, place);
    stmt_append(end, given);
    return x_moving(plan, next->var);
}

void ahead_fetch(Plan *plan, const LoopStmt *body, const LoopExpr *first, unsigned count,
                 LoopStmt ***end) {
    BufferId order = plan->order_arg >= 0 ? arg_order_buffer(plan) : 0;
    const LoopExpr *samples = x_dim(plan, plan->ir->sample_dim);
    const LoopExpr *last = x_call2(plan, BI_sub, samples, x_int(plan, 1));
    for (unsigned k = 0; k < count; k++) {
        const LoopExpr *place = x_call2(plan, BI_add, first, x_int(plan, AHEAD + k));
        place = x_call2(plan, BI_minimum, place, last);
        const LoopExpr *sample = sample_at(plan, order, place, end);
        for (size_t leaf = 0; leaf < plan->ir->leaf_count; leaf++) {
            const LoopExpr *entries = NULL;
            if (plan->ir->leaves[leaf].role == LEAF_COLUMN && plan->leaf_has_buffer[leaf] &&
                loads(body, plan->leaf_buffer[leaf])) {
                entries = entries_of(plan, &plan->ir->leaves[leaf]);
            }
            if (entries) {
                fetch_column(plan, plan->leaf_buffer[leaf], entries, sample, end);
            }
        }
    }
}

static bool has_inner(const LoopStmt *loop) {
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        if (has_loop(stmt)) {
            return true;
        }
    }
    return false;
}

/* At that place of the loop. */
static void fetch_in(Plan *plan, const LoopStmt *loop, const LoopExpr *first, unsigned count,
                     LoopStmt **at) {
    LoopStmt *fetch = NULL;
    LoopStmt **end = &fetch;
    ahead_fetch(plan, loop->body, first, count, &end);
    *end = *at;
    *at = fetch;
}

/* In a loop over blocks: where its first loop over samples reads them, one by one or in groups. */
static void fetch_in_block(Plan *plan, LoopStmt *block) {
    for (LoopStmt *loop = block->body; loop; loop = loop->next) {
        if (loop->kind != LS_FOR || !(loop->flags & LOOP_SAMPLE) || !has_inner(loop)) {
            continue;
        }
        if (loop->low->kind != LX_INT) {
            fetch_in(plan, loop, x_var(plan, loop->var), 1, &loop->body);
        } else if (loop->body->kind == LS_LET) { /* the first sample of the group */
            fetch_in(plan, loop, x_var(plan, loop->body->var), ROWS_AT_ONCE, &loop->body->next);
        }
        return;
    }
}

void ahead_samples(Plan *plan) {
    bool samples = !plan->ragged && plan->ir->sample_dim != DIM_NONE;
    for (LoopStmt *loop = plan->program->body; loop && samples; loop = loop->next) {
        if (loop->kind == LS_FOR && (loop->flags & LOOP_SAMPLE) && has_inner(loop)) {
            fetch_in(plan, loop, x_var(plan, loop->var), 1, &loop->body);
        } else if (loop->kind == LS_FOR && (loop->flags & LOOP_BLOCKS)) {
            fetch_in_block(plan, loop);
        }
    }
}
