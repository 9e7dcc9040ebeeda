/* ahead.c: in a shuffled order each sample lies somewhere else in memory, and a step of SGD waits
 * for it. The order says which samples come next: their entries are asked for some samples ahead.
 */
#include "loop/fission.h"

enum {
    AHEAD = 32,     /* samples */
    LINE = 8,       /* entries of a line of a cache */
    LINES_MOST = 32 /* of a sample: what follows is fetched by processors themselves */
};

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

void ahead_fetch(Plan *plan, const LoopExpr *first, unsigned count, const LoopExpr *samples,
                 LoopStmt ***end) {
    BufferId order = arg_order_buffer(plan);
    const LoopExpr *last = x_call2(plan, BI_sub, samples, x_int(plan, 1));
    for (unsigned k = 0; k < count; k++) {
        const LoopExpr *place = x_call2(plan, BI_add, first, x_int(plan, AHEAD + k));
        place = x_call2(plan, BI_minimum, place, last);
        const LoopExpr *sample = sample_at(plan, order, place, end);
        for (size_t leaf = 0; leaf < plan->ir->leaf_count; leaf++) {
            const LoopExpr *entries = NULL;
            if (plan->ir->leaves[leaf].role == LEAF_COLUMN && plan->leaf_has_buffer[leaf]) {
                entries = entries_of(plan, &plan->ir->leaves[leaf]);
            }
            if (entries) {
                fetch_column(plan, plan->leaf_buffer[leaf], entries, sample, end);
            }
        }
    }
}

void ahead_samples(Plan *plan) {
    for (LoopStmt *loop = plan->program->body; loop; loop = loop->next) {
        if (loop->kind == LS_FOR && (loop->flags & LOOP_SAMPLE) && plan->order_arg >= 0 &&
            !plan->ragged) {
            LoopStmt *body = loop->body;
            LoopStmt **end = &loop->body;
            ahead_fetch(plan, x_var(plan, loop->var), 1, loop->high, &end);
            *end = body;
        }
    }
}
