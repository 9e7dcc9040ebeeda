/* hoist.c: in a loop in a loop, what depends on the inner counter and not on the outer one is
 * computed once in front of both, and kept:
 *     for i { for j in 0..i { s += a[i] * (x[j] - m[j]) } }
 * computes each x[j] - m[j] as often as it is read; in a loop over samples each time is one for all
 * of them, so that keeping it is worth an operation. Only what the loops compute anyway is computed
 * in front of them: the positions that the inner loop has in any turn of the outer one, both being
 * affine. Works on copies of statements. */
#include "loop/fission.h"

enum { KEPT_LIMIT = 8 };

typedef struct {
    Plan *plan;
    const Block *inside; /* where buffers of a sample belong */
    const bool *varies;  /* by variable: from sample to sample */
    const bool *own;     /* by buffer: of one sample */
    size_t var_count, buffer_count;
    const LoopExpr **said; /* by variable: the value of a LET in the loops at hand */
    /* the loops at hand */
    const LoopStmt *outer, *inner;
    Effects does; /* of the outer one */
    const LoopExpr *low, *high;
    Dim size;
    unsigned count;
    const LoopExpr *value[KEPT_LIMIT];
    BufferId kept[KEPT_LIMIT];
} Hoist;

/* ---- which positions
 * ------------------------------------------------------------------------------------------------
 */

static const LoopExpr *at_counter(Plan *plan, const LoopExpr *x, VarId var, const LoopExpr *by) {
    if (x->kind == LX_VAR) {
        return x->as.var == var ? by : x;
    }
    const LoopExpr *args[EXTERN_ARITY];
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = at_counter(plan, x->args[k], var, by);
    }
    return x->kind == LX_CALL && x->type == KIND_INT && x->count == 2
               ? x_call2(plan, x->as.builtin, args[0], args[1])
               : x_rebuild(plan, x, args);
}

/* The bound at that end of the outer loop where the inner one reaches farthest; NULL: unknown. */
static const LoopExpr *farthest(const Hoist *h, const LoopExpr *bound, bool high) {
    Plan *plan = h->plan;
    const LoopExpr *step = stride(plan, bound, h->outer->var);
    if (!step || step->kind != LX_INT) {
        return NULL;
    }
    const LoopExpr *last = x_call2(plan, BI_sub, h->outer->high, x_int(plan, 1));
    bool at_last = (step->as.integer > 0) == high;
    return at_counter(plan, bound, h->outer->var, at_last ? last : h->outer->low);
}

static const LoopExpr *expand(const Hoist *h, const LoopExpr *x) {
    if (x->kind == LX_VAR) {
        const LoopExpr *said = x->as.var < h->var_count ? h->said[x->as.var] : NULL;
        return said && said->type == KIND_INT ? expand(h, said) : x;
    }
    const LoopExpr *args[EXTERN_ARITY];
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = expand(h, x->args[k]);
    }
    return x->kind == LX_CALL && x->type == KIND_INT && x->count == 2
               ? x_call2(h->plan, x->as.builtin, args[0], args[1])
               : x_rebuild(h->plan, x, args);
}

/* Is all of it known in front of the outer loop, but the inner counter? */
static bool is_known(const Hoist *h, const LoopExpr *x) {
    if (x->kind == LX_VAR && x->as.var != h->inner->var && h->does.vars[x->as.var] > READS) {
        return false;
    }
    if ((x->kind == LX_LOAD &&
         (x->as.buffer >= h->buffer_count || (h->does.buffers[x->as.buffer] & (WRITES | ADDS)))) ||
        x->kind == LX_EXTERN || x->kind == LX_SELECT) {
        return false;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (!is_known(h, x->args[k])) {
            return false;
        }
    }
    return true;
}

static bool is_of_sample(const Hoist *h, const LoopExpr *x) {
    if ((x->kind == LX_VAR && h->varies[x->as.var]) ||
        (x->kind == LX_LOAD && h->own[x->as.buffer])) {
        return true;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (is_of_sample(h, x->args[k])) {
            return true;
        }
    }
    return false;
}

/* ---- what is kept
 * ------------------------------------------------------------------------------------------------
 */

static const LoopExpr *keep(Hoist *h, const LoopExpr *value) {
    Plan *plan = h->plan;
    unsigned k = 0;
    while (k < h->count && h->value[k] != value) {
        k++;
    }
    if (k == KEPT_LIMIT) {
        return NULL;
    }
    if (k == h->count) {
        LoopBuffer buffer = {.name = plan_name(plan, "kept"),
                             .kind = KIND_REAL,
                             .place = BUFFER_LOCAL,
                             .written = true};
        h->value[k] = value;
        h->kept[k] = plan_buffer(plan, buffer, (Block *)(uintptr_t)h->inside);
        plan->buffer_facts[h->kept[k]].size = h->size;
        h->count++;
    }
    return x_load(plan, h->kept[k], x_var(plan, h->inner->var));
}

static const LoopExpr *with_kept(Hoist *h, const LoopExpr *x) {
    if (x->kind == LX_CALL && x->type == KIND_REAL && x->count > 1) {
        const LoopExpr *whole = expand(h, x);
        if (mentions(whole, h->inner->var) && is_known(h, whole) && is_of_sample(h, whole)) {
            const LoopExpr *load = keep(h, whole);
            return load ? load : x;
        }
    }
    if (x->type != KIND_REAL || x->kind == LX_LOAD) {
        return x;
    }
    const LoopExpr *args[EXTERN_ARITY];
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = with_kept(h, x->args[k]);
    }
    return x_rebuild(h->plan, x, args);
}

static LoopStmt *copy_one(const Hoist *h, const LoopStmt *stmt) {
    LoopStmt *made = stmt_new(h->plan, stmt->kind);
    *made = *stmt;
    made->next = NULL;
    return made;
}

/* The inner loop with what is kept read; it holds only plain statements. */
static LoopStmt *write_inner(Hoist *h) {
    LoopStmt *made = copy_one(h, h->inner);
    made->body = NULL;
    LoopStmt **end = &made->body;
    for (const LoopStmt *stmt = h->inner->body; stmt; stmt = stmt->next) {
        LoopStmt *copy = copy_one(h, stmt);
        if (stmt->value && stmt->kind != LS_ZERO) {
            copy->value = with_kept(h, stmt->value);
        }
        stmt_append(&end, copy);
    }
    return made;
}

/* for j in low..high { kept[j] = value } */
static void write_front(Hoist *h, LoopStmt ***end) {
    Plan *plan = h->plan;
    if (h->count == 0) {
        return;
    }
    LoopStmt *loop = stmt_new(plan, LS_FOR);
    const char *name = plan->program->vars[h->inner->var].name;
    loop->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
    loop->low = h->low;
    loop->high = h->high;
    loop->flags = LOOP_INDEPENDENT;
    loop->span = h->inner->span;
    const LoopExpr *at = x_var(plan, loop->var);
    LoopStmt **body_end = &loop->body;
    for (unsigned k = 0; k < h->count; k++) {
        LoopStmt *store = stmt_new(plan, LS_STORE);
        store->buffer = h->kept[k];
        store->index = at;
        store->value = at_counter(plan, h->value[k], h->inner->var, at);
        store->span = h->inner->span;
        stmt_append(&body_end, store);
    }
    stmt_append(end, loop);
}

/* ---- loops
 * ------------------------------------------------------------------------------------------------
 */

static bool holds_statements_only(const LoopStmt *loop) {
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        if (stmt->body || stmt->kind == LS_ZERO || stmt->kind == LS_LIB) {
            return false;
        }
    }
    return true;
}

static void note_lets(Hoist *h, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_LET) {
            h->said[stmt->var] = stmt->value;
        }
        note_lets(h, stmt->body);
    }
}

static bool find_range(Hoist *h) {
    const LoopExpr *low = expand(h, h->inner->low);
    const LoopExpr *high = expand(h, h->inner->high);
    bool plain = extent_dim(h->plan, high, &h->size);
    if (h->outer->down || h->inner->down ||
        (!plain &&
         !(mentions(high, h->outer->var) && extent_dim(h->plan, h->outer->high, &h->size)))) {
        return false;
    }
    const LoopExpr *step = stride(h->plan, high, h->outer->var);
    h->low = farthest(h, low, false);
    h->high = farthest(h, high, true);
    if (!h->low || !h->high || !is_known(h, h->low) || !is_known(h, h->high)) {
        return false;
    }
    /* an inner loop up to the outer counter stays below the end of the outer loop */
    return plain ||
           (step->kind == LX_INT && step->as.integer == 1 &&
            x_same(at_counter(h->plan, high, h->outer->var, x_int(h->plan, 0)), x_int(h->plan, 0)));
}

static void write_list(Hoist *h, const LoopStmt *block, LoopStmt ***end);

/* The outer loop and, in front of it, what its inner loops have in common. */
static void write_loop(Hoist *h, const LoopStmt *loop, LoopStmt ***end) {
    LoopStmt *made = copy_one(h, loop);
    made->body = NULL;
    LoopStmt **body_end = &made->body;
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        bool tried = stmt->kind == LS_FOR && holds_statements_only(stmt);
        h->outer = loop;
        h->inner = stmt;
        h->count = 0;
        h->does =
            (Effects){arena_array(h->plan->arena, uint8_t, h->plan->program->var_count + 1),
                      arena_array(h->plan->arena, uint8_t, h->plan->program->buffer_count + 1)};
        LoopStmt alone = *loop;
        alone.next = NULL;
        effects_add(&h->does, &alone);
        if (tried && find_range(h)) {
            stmt_append(&body_end, write_inner(h));
            write_front(h, end);
        } else {
            LoopStmt one = *stmt;
            one.next = NULL;
            write_list(h, &one, &body_end);
        }
    }
    stmt_append(end, made);
}

static void write_list(Hoist *h, const LoopStmt *block, LoopStmt ***end) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_FOR) {
            write_loop(h, stmt, end);
        } else {
            LoopStmt *made = copy_one(h, stmt);
            made->body = NULL;
            LoopStmt **body_end = &made->body;
            write_list(h, stmt->body, &body_end);
            stmt_append(end, made);
        }
    }
}

LoopStmt *hoist_invariants(const Fission *f, const bool *of_samples) {
    Plan *plan = f->plan;
    Hoist h = {.plan = plan,
               .inside = f->inside,
               .varies = of_samples,
               .own = f->own,
               .var_count = f->var_count,
               .buffer_count = f->buffer_count,
               .said = arena_array(plan->arena, const LoopExpr *, f->var_count + 1)};
    note_lets(&h, f->loop->body);
    LoopStmt *made = copy_one(&h, f->loop);
    made->body = NULL;
    LoopStmt **end = &made->body;
    write_list(&h, f->loop->body, &end);
    return made;
}
