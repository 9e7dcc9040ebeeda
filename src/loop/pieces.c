/* pieces.c: the body of a loop in pieces: what each does with variables and buffers, which can be
 * done for many samples before the next begins, and in which order. */
#include "loop/fission.h"

#include <string.h>

/* ---- effects
 * -----------------------------------------------------------------------------------------------
 */

Effects effects_new(const Fission *f) {
    Arena *arena = f->plan->arena;
    return (Effects){arena_array(arena, uint8_t, f->var_count + 1),
                     arena_array(arena, uint8_t, f->buffer_count + 1)};
}

static void add_expr(Effects *does, const LoopExpr *x) {
    if (!x) {
        return;
    }
    if (x->kind == LX_VAR) {
        does->vars[x->as.var] |= READS;
    } else if (x->kind == LX_LOAD) {
        does->buffers[x->as.buffer] |= READS;
    }
    for (unsigned k = 0; k < x->count; k++) {
        add_expr(does, x->args[k]);
    }
}

static void add_statement(Effects *does, const LoopStmt *stmt);

void effects_add(Effects *does, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        add_statement(does, stmt);
    }
}

static void add_statement(Effects *does, const LoopStmt *stmt) {
    add_expr(does, stmt->index);
    add_expr(does, stmt->value);
    add_expr(does, stmt->low);
    add_expr(does, stmt->high);
    add_expr(does, stmt->condition);
    switch (stmt->kind) {
    case LS_FOR:
    case LS_LET:
    case LS_DECLARE:
        does->vars[stmt->var] |= DECLARES;
        break;
    case LS_ADD:
    case LS_MAX:
        does->vars[stmt->var] |= ADDS;
        break;
    case LS_ASSIGN:
        does->vars[stmt->var] |= WRITES;
        break;
    case LS_STORE:
    case LS_ZERO:
        does->buffers[stmt->buffer] |= WRITES;
        break;
    case LS_STORE_ADD:
        does->buffers[stmt->buffer] |= ADDS;
        break;
    case LS_IF:
    case LS_PRODUCT:
    case LS_LIB:
    case LS_PREFETCH:
    case LS_LEAVE:
    case LS_RETURN:
    case LS_COMMENT:
        break;
    }
    effects_add(does, stmt->body);
}

/* No calls of libraries, no loops that are left early. */
bool is_plain(const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_LIB || stmt->kind == LS_LEAVE || stmt->kind == LS_RETURN ||
            !is_plain(stmt->body)) {
            return false;
        }
    }
    return true;
}

bool has_loop(const LoopStmt *stmt) {
    bool found = stmt->kind == LS_FOR || stmt->kind == LS_ZERO;
    for (const LoopStmt *inner = stmt->body; inner && !found; inner = inner->next) {
        found = has_loop(inner);
    }
    return found;
}

/* ---- pieces
 * ------------------------------------------------------------------------------------------------
 */

static bool is_inside(const Block *block, const Block *outer) {
    while (block && block->depth > outer->depth) {
        block = block->parent;
    }
    return block == outer;
}

static void merge(const Fission *f, Piece *into, const Piece *from) {
    LoopStmt **list = arena_array(f->plan->arena, LoopStmt *, into->count + from->count);
    memcpy(list, into->list, into->count * sizeof *list);
    memcpy(list + into->count, from->list, from->count * sizeof *list);
    into->list = list;
    into->count += from->count;
    for (size_t v = 0; v < f->var_count; v++) {
        into->does.vars[v] |= from->does.vars[v];
    }
    for (size_t b = 0; b < f->buffer_count; b++) {
        into->does.buffers[b] |= from->does.buffers[b];
    }
    into->nest = into->nest || from->nest;
}

/* A piece that declares a variable which the last one changes, or NULL. */
static Piece *owner(const Fission *f) {
    const uint8_t *last = f->pieces[f->count - 1].does.vars;
    for (size_t p = 0; p + 1 < f->count; p++) {
        for (size_t v = 0; v < f->var_count; v++) {
            if ((f->pieces[p].does.vars[v] & DECLARES) && (last[v] & (ADDS | WRITES)) &&
                !(last[v] & DECLARES)) {
                return &f->pieces[p];
            }
        }
    }
    return NULL;
}

void fission_inner(Fission *f) {
    Effects all = effects_new(f);
    effects_add(&all, f->loop->body);
    f->inner = arena_array(f->plan->arena, bool, f->var_count + 1);
    f->own = arena_array(f->plan->arena, bool, f->buffer_count + 1);
    for (size_t v = 0; v < f->var_count; v++) {
        f->inner[v] = v == f->loop->var || (all.vars[v] & DECLARES);
    }
    for (size_t b = 0; b < f->buffer_count; b++) {
        f->own[b] = f->plan->program->buffers[b].place != BUFFER_ARG &&
                    is_inside(f->plan->buffer_facts[b].block, f->inside);
    }
}

static bool conflict(unsigned a, unsigned b) {
    const unsigned changes = WRITES | ADDS | DECLARES;
    return ((a & changes) && b) || (a && (b & changes));
}

static bool depends(const Fission *f, const Piece *a, const Piece *b) {
    for (size_t v = 0; v < f->var_count; v++) {
        if (f->inner[v] && conflict(a->does.vars[v], b->does.vars[v])) {
            return true;
        }
    }
    for (size_t k = 0; k < f->buffer_count; k++) {
        if (f->own[k] && conflict(a->does.buffers[k], b->does.buffers[k])) {
            return true;
        }
    }
    return false;
}

/* Joins the last piece with one before, where its last statement stands; false: what is between
 * needs it earlier. */
static bool join(Fission *f, Piece *into) {
    const Piece *last = &f->pieces[f->count - 1];
    for (const Piece *between = into + 1; between < last; between++) {
        if (depends(f, into, between)) {
            return false;
        }
    }
    merge(f, into, last);
    const Piece joined = *into;
    memmove(into, into + 1, (size_t)(last - into) * sizeof *into);
    f->pieces[f->count - 2] = joined;
    f->count--;
    return true;
}

static bool cut_pieces(Fission *f) {
    size_t count = 0;
    for (const LoopStmt *stmt = f->loop->body; stmt; stmt = stmt->next) {
        count++;
    }
    if (count > STATEMENT_LIMIT) {
        return false;
    }
    f->pieces = arena_array(f->plan->arena, Piece, count + 1);
    for (LoopStmt *stmt = f->loop->body; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_COMMENT) {
            continue;
        }
        Piece piece = {.count = 1, .does = effects_new(f), .nest = has_loop(stmt)};
        piece.list = arena_array(f->plan->arena, LoopStmt *, 1);
        piece.list[0] = stmt;
        add_statement(&piece.does, stmt);
        f->pieces[f->count++] = piece;
        for (Piece *into = owner(f); into; into = owner(f)) {
            if (!join(f, into)) {
                return false;
            }
        }
    }
    return true;
}

/* May what samples have in common be done part by part? It is only added to, and not read. */
static bool commutes(const Fission *f, const uint8_t *(*of)(const Piece *), size_t count,
                     const bool *own) {
    for (size_t k = 0; k < count; k++) {
        unsigned all = 0;
        unsigned writers = 0;
        for (size_t p = 0; p < f->count; p++) {
            unsigned does = of(&f->pieces[p])[k];
            all |= does;
            writers += (does & (WRITES | ADDS)) != 0;
        }
        bool changes = (all & (WRITES | ADDS)) != 0;
        if (own[k] || !changes) {
            continue;
        }
        if ((all & READS) || ((all & WRITES) && writers > 1)) {
            return false;
        }
    }
    return true;
}

static const uint8_t *vars_of(const Piece *piece) {
    return piece->does.vars;
}

static const uint8_t *buffers_of(const Piece *piece) {
    return piece->does.buffers;
}

static bool assigns_outside(const Fission *f) {
    for (size_t p = 0; p < f->count; p++) {
        for (size_t v = 0; v < f->var_count; v++) {
            if (!f->inner[v] && (f->pieces[p].does.vars[v] & WRITES)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- positions and entries of the data
 * -------------------------------------------------------------------------------------------------
 */

static bool written(const Fission *f, BufferId b) {
    for (size_t p = 0; p < f->count; p++) {
        if (f->pieces[p].does.buffers[b] & (WRITES | ADDS)) {
            return true;
        }
    }
    return false;
}

static bool free_expr(const Fission *f, const bool *free_var, const LoopExpr *x) {
    switch (x->kind) {
    case LX_REAL:
    case LX_INT:
    case LX_BOOL:
    case LX_ARG:
    case LX_ARG_SET:
        return true;
    case LX_VAR:
        return free_var[x->as.var];
    case LX_LOAD:
        return !written(f, x->as.buffer) && free_expr(f, free_var, x->args[0]);
    case LX_CALL:
        if (x->type != KIND_INT) {
            return false;
        }
        break;
    case LX_CONVERT:
        break;
    case LX_MOST:
    case LX_EXTERN:
    case LX_SELECT:
        return false;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (!free_expr(f, free_var, x->args[k])) {
            return false;
        }
    }
    return true;
}

static void find_free(Fission *f) {
    bool *free_var = arena_array(f->plan->arena, bool, f->var_count + 1);
    for (size_t v = 0; v < f->var_count; v++) {
        free_var[v] = !f->inner[v];
        for (size_t p = 0; p < f->count; p++) {
            free_var[v] = free_var[v] && !(f->pieces[p].does.vars[v] & (WRITES | ADDS));
        }
    }
    free_var[f->loop->var] = true;
    for (size_t p = 0; p < f->count; p++) {
        Piece *piece = &f->pieces[p];
        const LoopStmt *stmt = piece->list[0];
        piece->free =
            piece->count == 1 && stmt->kind == LS_LET && free_expr(f, free_var, stmt->value);
        if (piece->free) {
            free_var[stmt->var] = true;
        }
    }
}

/* ---- phases and parts
 * ---------------------------------------------------------------------------------------------------
 */

/* Scalar pieces have even phases, nests odd ones. */
static void find_phases(Fission *f) {
    for (size_t p = 0; p < f->count; p++) {
        Piece *piece = &f->pieces[p];
        piece->phase = piece->nest ? 1 : 0;
        for (size_t e = 0; e < p && !piece->free; e++) {
            const Piece *earlier = &f->pieces[e];
            if (earlier->free || !depends(f, earlier, piece)) {
                continue;
            }
            unsigned at = earlier->phase + (earlier->nest != piece->nest);
            piece->phase = at > piece->phase ? at : piece->phase;
        }
    }
}

/* One loop for each nest, one for the scalar pieces of each phase; in the order of the phases. */
static void find_parts(Fission *f) {
    unsigned last = 0;
    for (size_t p = 0; p < f->count; p++) {
        last = f->pieces[p].phase > last ? f->pieces[p].phase : last;
    }
    for (unsigned phase = 0; phase <= last; phase++) {
        bool any = false;
        for (size_t p = 0; p < f->count; p++) {
            Piece *piece = &f->pieces[p];
            if (piece->free || piece->phase != phase) {
                continue;
            }
            piece->part = piece->nest ? f->part_count++ : f->part_count;
            any = any || !piece->nest;
        }
        f->part_count += any;
    }
}

static bool find_crossing(Fission *f) {
    f->crosses_var = arena_array(f->plan->arena, bool, f->var_count + 1);
    f->crosses_buffer = arena_array(f->plan->arena, bool, f->buffer_count + 1);
    for (size_t p = 0; p < f->count; p++) {
        for (size_t e = 0; e < f->count; e++) {
            const Piece *a = &f->pieces[p];
            const Piece *b = &f->pieces[e];
            if (a->free || b->free || a->part == b->part) {
                continue;
            }
            for (size_t v = 0; v < f->var_count; v++) {
                if (f->inner[v] && v != f->loop->var && (a->does.vars[v] & DECLARES) &&
                    b->does.vars[v]) {
                    f->crosses_var[v] = true;
                    if (f->plan->program->vars[v].kind == KIND_BOOL) {
                        return false;
                    }
                }
            }
            for (size_t k = 0; k < f->buffer_count; k++) {
                f->crosses_buffer[k] =
                    f->crosses_buffer[k] || (f->own[k] && a->does.buffers[k] && b->does.buffers[k]);
            }
        }
    }
    return true;
}
/* ---- does it pay?
 * ----------------------------------------------------------------------------------------------------
 */

static const LoopStmt *only_loop(const Piece *piece) {
    const LoopStmt *found = NULL;
    for (size_t k = 0; k < piece->count; k++) {
        if (has_loop(piece->list[k])) {
            if (found || piece->list[k]->kind != LS_FOR) {
                return NULL;
            }
            found = piece->list[k];
        }
    }
    return found;
}

bool varies(const Fission *f, const LoopExpr *x) {
    if (x->kind == LX_VAR && f->inner[x->as.var]) {
        return true;
    }
    if (x->kind == LX_LOAD) {
        return true;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (varies(f, x->args[k])) {
            return true;
        }
    }
    return false;
}

/* One loop of plain statements, of the same length for all samples: rows can share it. */
bool extent_dim(const Plan *plan, const LoopExpr *x, Dim *dim) {
    if (x->kind == LX_INT && x->as.integer > 0) {
        *dim = dim_const(plan->ir, x->as.integer);
        return true;
    }
    if (x->kind == LX_ARG && plan->program->args[x->as.arg].role == ARG_DIM) {
        *dim = dim_symbol_at(plan->ir, plan->program->args[x->as.arg].which);
        return true;
    }
    return false;
}

bool calls(const LoopExpr *x) {
    bool found = x->kind == LX_EXTERN || (x->kind == LX_CALL && x->type == KIND_REAL &&
                                          builtins[x->as.builtin].flops >= 20);
    for (unsigned k = 0; k < x->count && !found; k++) {
        found = calls(x->args[k]);
    }
    return found;
}

bool shares_rows(const Fission *f, const Piece *piece) {
    const LoopStmt *loop = only_loop(piece);
    if (!loop || loop->down || varies(f, loop->low) || varies(f, loop->high)) {
        return false;
    }
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        bool known = stmt->kind == LS_LET || stmt->kind == LS_ADD || stmt->kind == LS_STORE ||
                     stmt->kind == LS_STORE_ADD || stmt->kind == LS_COMMENT;
        if (!known || (stmt->kind == LS_STORE && !f->own[stmt->buffer]) ||
            (stmt->value && calls(stmt->value))) {
            return false;
        }
    }
    return true;
}
/* ---- blocks
 * ------------------------------------------------------------------------------------------------------------------------
 */

/* Pieces in their parts, with what they hand on; false: it cannot be done. */
bool fission_analyse(Fission *f) {
    if (!is_plain(f->loop->body)) {
        return false;
    }
    fission_inner(f);
    if (!cut_pieces(f)) {
        return false;
    }
    find_free(f);
    if (assigns_outside(f) || !commutes(f, vars_of, f->var_count, f->inner) ||
        !commutes(f, buffers_of, f->buffer_count, f->own)) {
        return false;
    }
    find_phases(f);
    find_parts(f);
    return find_crossing(f);
}

Fission fission_new(Plan *plan, LoopStmt *loop, const Block *inside) {
    return (Fission){.plan = plan,
                     .loop = loop,
                     .inside = inside,
                     .var_count = plan->program->var_count,
                     .buffer_count = plan->program->buffer_count,
                     .taken = arena_array(plan->arena, bool, plan->program->var_count + 1)};
}

/* The loop in blocks, or NULL: as it is. */