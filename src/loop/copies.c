/* copies.c: pieces of a body written again: at another sample, with variables of their own where
 * the first copy has kept the names. */
#include "loop/fission.h"

/* ---- copies
 * -------------------------------------------------------------------------------------------------------
 */

Copy copy_new(Fission *f, const LoopExpr *sample) {
    Copy copy = {f, arena_array(f->plan->arena, const LoopExpr *, f->var_count + 1), NULL};
    copy.map[f->loop->var] = sample;
    copy.row = x_call2(f->plan, BI_sub, sample, f->first);
    return copy;
}

/* Position `index` of the sample's own entries, in a buffer that has room for a block. */
const LoopExpr *row_index(const Copy *copy, BufferId buffer, const LoopExpr *index) {
    Plan *plan = copy->f->plan;
    if (buffer >= copy->f->buffer_count || !copy->f->crosses_buffer[buffer]) {
        return index;
    }
    const LoopExpr *size = x_dim(plan, plan->buffer_facts[buffer].size);
    const LoopExpr *base = x_call2(plan, BI_mul, copy->row, size);
    return index ? x_call2(plan, BI_add, base, index) : base;
}

const LoopExpr *copy_expr(const Copy *copy, const LoopExpr *x) {
    if (!x) {
        return NULL;
    }
    if (x->kind == LX_VAR) {
        bool mapped = x->as.var < copy->f->var_count && copy->map[x->as.var];
        return mapped ? copy->map[x->as.var] : x;
    }
    const LoopExpr *args[EXTERN_ARITY];
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = copy_expr(copy, x->args[k]);
    }
    if (x->kind == LX_LOAD) {
        args[0] = row_index(copy, x->as.buffer, args[0]);
    }
    return x_rebuild(copy->f->plan, x, args);
}

/* A variable declared in the copy: the same one the first time. */
VarId copy_var(Copy *copy, VarId var) {
    Plan *plan = copy->f->plan;
    VarId made = var;
    if (copy->f->taken[var]) {
        const LoopVarInfo info = plan->program->vars[var];
        made = plan_var(plan, plan_name(plan, info.name), info.kind, plan->root_block);
    }
    copy->f->taken[var] = true;
    copy->map[var] = x_var(plan, made);
    return made;
}

void stmt_append(LoopStmt ***end, LoopStmt *stmt) {
    **end = stmt;
    *end = &stmt->next;
}

LoopStmt *stmt_new(Plan *plan, LoopStmtKind kind) {
    Stmt *made = arena_new(plan->arena, Stmt);
    made->s.kind = kind;
    return &made->s;
}

LoopStmt *copy_stmt(Copy *copy, const LoopStmt *stmt) {
    LoopStmt *made = stmt_new(copy->f->plan, stmt->kind);
    *made = *stmt;
    made->next = NULL;
    made->index = copy_expr(copy, stmt->index);
    made->value = copy_expr(copy, stmt->value);
    made->low = copy_expr(copy, stmt->low);
    made->high = copy_expr(copy, stmt->high);
    made->condition = copy_expr(copy, stmt->condition);
    if (stmt->kind == LS_STORE || stmt->kind == LS_STORE_ADD) {
        made->index = row_index(copy, stmt->buffer, made->index);
    }
    bool declares = stmt->kind == LS_LET || stmt->kind == LS_DECLARE || stmt->kind == LS_FOR;
    if (declares) {
        made->var = copy_var(copy, stmt->var);
    } else if (stmt->kind == LS_ADD || stmt->kind == LS_MAX || stmt->kind == LS_ASSIGN) {
        const LoopExpr *to = copy->map[stmt->var];
        made->var = to ? to->as.var : stmt->var;
    }
    made->body = NULL;
    LoopStmt **end = &made->body;
    for (const LoopStmt *inner = stmt->body; inner; inner = inner->next) {
        stmt_append(&end, copy_stmt(copy, inner));
    }
    return made;
}

/* ---- what stands around the pieces of a part
 * --------------------------------------------------------------------------------------------------------
 */

bool in_part(const Piece *piece, unsigned part) {
    return !piece->free && piece->part == part;
}

static void need_vars(const Fission *f, const Piece *piece, bool *needed) {
    for (size_t v = 0; v < f->var_count; v++) {
        needed[v] = needed[v] || (piece->does.vars[v] & READS);
    }
}

/* Positions, data and values of other parts that this part reads. */
void begin_part(Copy *copy, unsigned part, LoopStmt ***end) {
    const Fission *f = copy->f;
    Plan *plan = f->plan;
    bool *needed = arena_array(plan->arena, bool, f->var_count + 1);
    bool *made = arena_array(plan->arena, bool, f->var_count + 1);
    for (size_t p = 0; p < f->count; p++) {
        if (in_part(&f->pieces[p], part)) {
            need_vars(f, &f->pieces[p], needed);
            for (size_t v = 0; v < f->var_count; v++) {
                made[v] = made[v] || (f->pieces[p].does.vars[v] & DECLARES);
            }
        }
    }
    for (size_t p = f->count; p-- > 0;) {
        if (f->pieces[p].free && needed[f->pieces[p].list[0]->var]) {
            need_vars(f, &f->pieces[p], needed);
        }
    }
    for (size_t p = 0; p < f->count; p++) {
        if (f->pieces[p].free && needed[f->pieces[p].list[0]->var]) {
            stmt_append(end, copy_stmt(copy, f->pieces[p].list[0]));
        }
    }
    for (size_t v = 0; v < f->var_count; v++) {
        if (f->crosses_var[v] && needed[v] && !made[v]) {
            LoopStmt *let = stmt_new(plan, LS_LET);
            const LoopExpr *value = x_load(plan, f->handed[v], copy->row);
            const LoopVarInfo info = plan->program->vars[v];
            let->var = plan_var(plan, plan_name(plan, info.name), info.kind, plan->root_block);
            let->value = value;
            copy->map[v] = x_var(plan, let->var);
            stmt_append(end, let);
        }
    }
}

void end_part(Copy *copy, unsigned part, LoopStmt ***end) {
    const Fission *f = copy->f;
    for (size_t p = 0; p < f->count; p++) {
        for (size_t v = 0; v < f->var_count && in_part(&f->pieces[p], part); v++) {
            if (f->crosses_var[v] && (f->pieces[p].does.vars[v] & DECLARES)) {
                LoopStmt *store = stmt_new(f->plan, LS_STORE);
                store->buffer = f->handed[v];
                store->index = copy->row;
                store->value = copy->map[v];
                stmt_append(end, store);
            }
        }
    }
}
