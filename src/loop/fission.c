/* fission.c: a loop over samples whose body holds inner loops goes in blocks of samples, and its
 * body falls apart into several loops over the samples of a block: inner loops take several rows at
 * a time, so that what all rows share is loaded once, and what is scalar in a sample becomes a loop
 * over samples, which vectors can do. What one part hands to another has an entry for each sample
 * of a block. Works on finished statements. Sums may be made in another order, so all stays as
 * written under --strict; what is not understood stays as it is, too. */
#include "loop/plan.h"

#include <string.h>

enum { BLOCK_SIZE = 64, ROWS_AT_ONCE = 4, STATEMENT_LIMIT = 200 };

/* What a statement does with a variable or a buffer. */
enum { READS = 1, WRITES = 2, ADDS = 4, DECLARES = 8 };

typedef struct {
    uint8_t *vars, *buffers;
} Effects;

/* Statements of the body that stay together. */
typedef struct {
    LoopStmt **list;
    size_t count;
    Effects does;
    bool nest; /* holds a loop */
    bool free; /* a position or an entry of the data: made again where it is used */
    unsigned phase;
    unsigned part; /* the loop over samples that it goes to */
} Piece;

typedef struct {
    Plan *plan;
    LoopStmt *loop;
    const Block *inside; /* the body of the loop */
    Piece *pieces;
    size_t count;
    size_t var_count, buffer_count; /* at the start */
    bool *inner;                    /* by variable: declared in the body */
    bool *taken;                    /* by variable: its copy has kept it */
    bool *own;                      /* by buffer: of one sample */
    bool *crosses_buffer;           /* by buffer: parts hand it on: it has room for a block */
    bool *crosses_var;
    BufferId *handed; /* by variable that crosses */
    unsigned part_count;
    const LoopExpr *first; /* sample of the block */
} Fission;

/* ---- effects
 * -----------------------------------------------------------------------------------------------
 */

static Effects effects_new(const Fission *f) {
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

static void add_block(Effects *does, const LoopStmt *block) {
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
    case LS_LIB:
    case LS_LEAVE:
    case LS_RETURN:
    case LS_COMMENT:
        break;
    }
    add_block(does, stmt->body);
}

/* No calls of libraries, no loops that are left early. */
static bool is_plain(const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_LIB || stmt->kind == LS_LEAVE || stmt->kind == LS_RETURN ||
            !is_plain(stmt->body)) {
            return false;
        }
    }
    return true;
}

static bool has_loop(const LoopStmt *stmt) {
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

/* The piece that declares a variable which this one changes, or NULL. */
static Piece *owner(const Fission *f, const Piece *piece) {
    for (size_t p = 0; p < f->count; p++) {
        for (size_t v = 0; v < f->var_count; v++) {
            if ((f->pieces[p].does.vars[v] & DECLARES) && (piece->does.vars[v] & (ADDS | WRITES)) &&
                !(piece->does.vars[v] & DECLARES)) {
                return &f->pieces[p];
            }
        }
    }
    return NULL;
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
        Piece *into = owner(f, &piece);
        if (into) {
            merge(f, into, &piece);
        } else {
            f->pieces[f->count++] = piece;
        }
    }
    return true;
}

static void find_inner(Fission *f) {
    f->inner = arena_array(f->plan->arena, bool, f->var_count + 1);
    f->own = arena_array(f->plan->arena, bool, f->buffer_count + 1);
    f->inner[f->loop->var] = true;
    for (size_t p = 0; p < f->count; p++) {
        for (size_t v = 0; v < f->var_count; v++) {
            f->inner[v] = f->inner[v] || (f->pieces[p].does.vars[v] & DECLARES);
        }
    }
    for (size_t b = 0; b < f->buffer_count; b++) {
        f->own[b] = f->plan->program->buffers[b].place != BUFFER_ARG &&
                    is_inside(f->plan->buffer_facts[b].block, f->inside);
    }
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

/* Merged pieces hold statements of later places: is the order of all that depend on each other
 * that of the pieces? */
static bool in_order(const Fission *f) {
    for (size_t p = 0; p < f->count; p++) {
        const Piece *piece = &f->pieces[p];
        for (size_t e = p + 1; e < f->count && piece->count > 1; e++) {
            Effects later = effects_new(f);
            bool between = false; /* the other stands before the last statement of this one */
            for (const LoopStmt *s = f->pieces[e].list[0]; s; s = s->next) {
                between = between || s == piece->list[piece->count - 1];
            }
            for (size_t k = 1; k < piece->count; k++) {
                add_statement(&later, piece->list[k]);
            }
            const Piece tail = {.does = later};
            if (between && !f->pieces[e].free && depends(f, &f->pieces[e], &tail)) {
                return false;
            }
        }
    }
    return true;
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

static bool varies(const Fission *f, const LoopExpr *x) {
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
static bool shares_rows(const Fission *f, const Piece *piece) {
    const LoopStmt *loop = only_loop(piece);
    if (!loop || loop->down || varies(f, loop->low) || varies(f, loop->high)) {
        return false;
    }
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        bool known = stmt->kind == LS_LET || stmt->kind == LS_ADD || stmt->kind == LS_STORE ||
                     stmt->kind == LS_STORE_ADD || stmt->kind == LS_COMMENT;
        if (!known || (stmt->kind == LS_STORE && !f->own[stmt->buffer])) {
            return false;
        }
    }
    return true;
}

static bool pays(const Fission *f) {
    size_t nests = 0;
    for (size_t p = 0; p < f->count; p++) {
        if (!f->pieces[p].nest) {
            continue;
        }
        nests++;
        if (!shares_rows(f, &f->pieces[p])) {
            return false;
        }
    }
    return nests > 0;
}

/* ---- copies
 * -------------------------------------------------------------------------------------------------------
 */

/* The statements at one sample. */
typedef struct {
    Fission *f;
    const LoopExpr **map; /* by variable of the start: what stands for it, or NULL */
    const LoopExpr *row;  /* number in the block */
} Copy;

static Copy copy_new(Fission *f, const LoopExpr *sample) {
    Copy copy = {f, arena_array(f->plan->arena, const LoopExpr *, f->var_count + 1), NULL};
    copy.map[f->loop->var] = sample;
    copy.row = x_call2(f->plan, BI_sub, sample, f->first);
    return copy;
}

/* Position `index` of the sample's own entries, in a buffer that has room for a block. */
static const LoopExpr *row_index(const Copy *copy, BufferId buffer, const LoopExpr *index) {
    Plan *plan = copy->f->plan;
    if (buffer >= copy->f->buffer_count || !copy->f->crosses_buffer[buffer]) {
        return index;
    }
    const LoopExpr *size = x_dim(plan, plan->buffer_facts[buffer].size);
    const LoopExpr *base = x_call2(plan, BI_mul, copy->row, size);
    return index ? x_call2(plan, BI_add, base, index) : base;
}

static const LoopExpr *copy_expr(const Copy *copy, const LoopExpr *x) {
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
static VarId copy_var(Copy *copy, VarId var) {
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

static void append(LoopStmt ***end, LoopStmt *stmt) {
    **end = stmt;
    *end = &stmt->next;
}

static LoopStmt *new_stmt(Plan *plan, LoopStmtKind kind) {
    Stmt *made = arena_new(plan->arena, Stmt);
    made->s.kind = kind;
    return &made->s;
}

static LoopStmt *copy_stmt(Copy *copy, const LoopStmt *stmt) {
    LoopStmt *made = new_stmt(copy->f->plan, stmt->kind);
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
        append(&end, copy_stmt(copy, inner));
    }
    return made;
}

/* ---- what stands around the pieces of a part
 * --------------------------------------------------------------------------------------------------------
 */

static bool in_part(const Piece *piece, unsigned part) {
    return !piece->free && piece->part == part;
}

static void need_vars(const Fission *f, const Piece *piece, bool *needed) {
    for (size_t v = 0; v < f->var_count; v++) {
        needed[v] = needed[v] || (piece->does.vars[v] & READS);
    }
}

/* Positions, data and values of other parts that this part reads. */
static void begin_part(Copy *copy, unsigned part, LoopStmt ***end) {
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
            append(end, copy_stmt(copy, f->pieces[p].list[0]));
        }
    }
    for (size_t v = 0; v < f->var_count; v++) {
        if (f->crosses_var[v] && needed[v] && !made[v]) {
            LoopStmt *let = new_stmt(plan, LS_LET);
            const LoopExpr *value = x_load(plan, f->handed[v], copy->row);
            const LoopVarInfo info = plan->program->vars[v];
            let->var = plan_var(plan, plan_name(plan, info.name), info.kind, plan->root_block);
            let->value = value;
            copy->map[v] = x_var(plan, let->var);
            append(end, let);
        }
    }
}

static void end_part(Copy *copy, unsigned part, LoopStmt ***end) {
    const Fission *f = copy->f;
    for (size_t p = 0; p < f->count; p++) {
        for (size_t v = 0; v < f->var_count && in_part(&f->pieces[p], part); v++) {
            if (f->crosses_var[v] && (f->pieces[p].does.vars[v] & DECLARES)) {
                LoopStmt *store = new_stmt(f->plan, LS_STORE);
                store->buffer = f->handed[v];
                store->index = copy->row;
                store->value = copy->map[v];
                append(end, store);
            }
        }
    }
}

/* ---- loops over the samples of a block
 * ---------------------------------------------------------------------------------------------------------
 */

static LoopStmt *sample_loop(Fission *f, const LoopExpr *low, const LoopExpr *high) {
    Plan *plan = f->plan;
    LoopStmt *loop = new_stmt(plan, LS_FOR);
    const char *name = plan->program->vars[f->loop->var].name;
    loop->var = f->loop->var;
    if (f->taken[loop->var]) {
        loop->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
    }
    f->taken[f->loop->var] = true;
    loop->low = low;
    loop->high = high;
    loop->flags = LOOP_SAMPLE;
    loop->span = f->loop->span;
    return loop;
}

/* All pieces of a part, sample after sample. */
static LoopStmt *write_plain(Fission *f, unsigned part, const LoopExpr *low, const LoopExpr *high) {
    LoopStmt *loop = sample_loop(f, low, high);
    Copy copy = copy_new(f, x_var(f->plan, loop->var));
    LoopStmt **end = &loop->body;
    bool nest = false;
    bool reduces = false;
    begin_part(&copy, part, &end);
    for (size_t p = 0; p < f->count; p++) {
        const Piece *piece = &f->pieces[p];
        for (size_t k = 0; k < piece->count && in_part(piece, part); k++) {
            append(&end, copy_stmt(&copy, piece->list[k]));
            nest = nest || piece->nest;
            reduces = reduces || piece->list[k]->kind == LS_ADD;
        }
    }
    end_part(&copy, part, &end);
    if (!nest) {
        loop->flags |= LOOP_INDEPENDENT | (reduces ? LOOP_REDUCES : 0);
    }
    return loop;
}

/* What several rows add to one entry is one sum, in the order of the rows. */
static bool join_rows(Plan *plan, LoopStmt **rows, size_t count) {
    for (size_t k = 0; k < count; k++) {
        if (rows[k]->kind != LS_STORE_ADD || !x_same(rows[k]->index, rows[0]->index)) {
            return false;
        }
    }
    const LoopExpr *sum = x_moving_load(plan, rows[0]->buffer, rows[0]->index);
    for (size_t k = 0; k < count; k++) {
        sum = x_call2(plan, BI_add, sum, rows[k]->value);
    }
    rows[0]->kind = LS_STORE;
    rows[0]->value = sum;
    return true;
}

/* The piece's loop once for several rows. */
static void write_shared(Plan *plan, Copy *rows, const LoopStmt *loop, LoopStmt ***end) {
    LoopStmt *made = new_stmt(plan, LS_FOR);
    *made = *loop;
    made->next = made->body = NULL;
    made->low = copy_expr(&rows[0], loop->low);
    made->high = copy_expr(&rows[0], loop->high);
    made->var = copy_var(&rows[0], loop->var);
    LoopStmt **inner_end = &made->body;
    for (unsigned k = 1; k < ROWS_AT_ONCE; k++) {
        rows[k].map[loop->var] = rows[0].map[loop->var];
    }
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        LoopStmt *copies[ROWS_AT_ONCE];
        for (unsigned k = 0; k < ROWS_AT_ONCE; k++) {
            copies[k] = copy_stmt(&rows[k], stmt);
        }
        unsigned left = join_rows(plan, copies, ROWS_AT_ONCE) ? 1 : ROWS_AT_ONCE;
        for (unsigned k = 0; k < left; k++) {
            append(&inner_end, copies[k]);
        }
    }
    append(end, made);
}

/* A nest, several rows at a time; the rest of them is left to write_plain. */
static LoopStmt *write_rows(Fission *f, const Piece *piece, const LoopExpr *groups) {
    Plan *plan = f->plan;
    LoopStmt *loop = new_stmt(plan, LS_FOR);
    loop->var = plan_var(plan, plan_name(plan, "group"), KIND_INT, plan->root_block);
    loop->low = x_int(plan, 0);
    loop->high = groups;
    loop->flags = LOOP_SAMPLE;
    loop->span = f->loop->span;
    LoopStmt **end = &loop->body;
    Copy rows[ROWS_AT_ONCE];
    LoopStmt *let = new_stmt(plan, LS_LET);
    const char *name = plan->program->vars[f->loop->var].name;
    let->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
    const LoopExpr *offset =
        x_call2(plan, BI_mul, x_var(plan, loop->var), x_int(plan, ROWS_AT_ONCE));
    let->value = x_call2(plan, BI_add, f->first, offset);
    append(&end, let);
    for (unsigned k = 0; k < ROWS_AT_ONCE; k++) {
        rows[k] = copy_new(f, x_call2(plan, BI_add, x_var(plan, let->var), x_int(plan, k)));
        begin_part(&rows[k], piece->part, &end);
    }
    for (size_t s = 0; s < piece->count; s++) {
        if (piece->list[s]->kind == LS_FOR) {
            write_shared(plan, rows, piece->list[s], &end);
            continue;
        }
        for (unsigned k = 0; k < ROWS_AT_ONCE; k++) {
            append(&end, copy_stmt(&rows[k], piece->list[s]));
        }
    }
    for (unsigned k = 0; k < ROWS_AT_ONCE; k++) {
        end_part(&rows[k], piece->part, &end);
    }
    return loop;
}

/* ---- the loop over blocks
 * ---------------------------------------------------------------------------------------------------------------
 */

static void widen_buffers(Fission *f) {
    Plan *plan = f->plan;
    f->handed = arena_array(plan->arena, BufferId, f->var_count + 1);
    for (size_t v = 0; v < f->var_count; v++) {
        if (f->crosses_var[v]) {
            const LoopVarInfo info = plan->program->vars[v];
            LoopBuffer buffer = {.name = plan_name(plan, info.name),
                                 .kind = info.kind,
                                 .place = BUFFER_LOCAL,
                                 .written = true};
            f->handed[v] = plan_buffer(plan, buffer, plan->root_block);
            plan->buffer_facts[f->handed[v]].size = dim_const(plan->ir, BLOCK_SIZE);
        }
    }
}

static void widen_sizes(const Fission *f) {
    Plan *plan = f->plan;
    for (size_t b = 0; b < f->buffer_count; b++) {
        if (f->crosses_buffer[b]) {
            Dim block = dim_const(plan->ir, BLOCK_SIZE);
            plan->buffer_facts[b].size = dim_mul(plan->ir, block, plan->buffer_facts[b].size);
        }
    }
}

static LoopStmt *let_int(Plan *plan, const char *name, const LoopExpr *value) {
    LoopStmt *let = new_stmt(plan, LS_LET);
    let->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
    let->value = value;
    return let;
}

static void write_part(Fission *f, unsigned part, const LoopExpr *end_of_block,
                       const LoopExpr *groups, LoopStmt ***end) {
    Plan *plan = f->plan;
    const Piece *nest = NULL;
    for (size_t p = 0; p < f->count; p++) {
        if (in_part(&f->pieces[p], part) && f->pieces[p].nest) {
            nest = &f->pieces[p];
        }
    }
    if (!nest) {
        append(end, write_plain(f, part, f->first, end_of_block));
        return;
    }
    append(end, write_rows(f, nest, groups));
    const LoopExpr *done = x_call2(plan, BI_mul, groups, x_int(plan, ROWS_AT_ONCE));
    append(end, write_plain(f, part, x_call2(plan, BI_add, f->first, done), end_of_block));
}

static LoopStmt *write_blocks(Fission *f) {
    Plan *plan = f->plan;
    const LoopExpr *size = x_int(plan, BLOCK_SIZE);
    const LoopExpr *samples = f->loop->high;
    LoopStmt *loop = new_stmt(plan, LS_FOR);
    loop->var = plan_var(plan, plan_name(plan, "block"), KIND_INT, plan->root_block);
    loop->low = x_int(plan, 0);
    loop->high = x_call2(plan, BI_floordiv,
                         x_call2(plan, BI_add, samples, x_int(plan, BLOCK_SIZE - 1)), size);
    loop->flags = LOOP_BLOCKS;
    loop->span = f->loop->span;
    LoopStmt **end = &loop->body;
    LoopStmt *first = let_int(plan, "first", x_call2(plan, BI_mul, x_var(plan, loop->var), size));
    f->first = x_var(plan, first->var);
    const LoopExpr *most = x_call2(plan, BI_add, f->first, size);
    LoopStmt *last = let_int(plan, "end", x_call2(plan, BI_minimum, most, samples));
    const LoopExpr *rows = x_call2(plan, BI_sub, x_var(plan, last->var), f->first);
    LoopStmt *groups =
        let_int(plan, "groups", x_call2(plan, BI_floordiv, rows, x_int(plan, ROWS_AT_ONCE)));
    append(&end, first);
    append(&end, last);
    append(&end, groups);
    widen_buffers(f);
    for (unsigned part = 0; part < f->part_count; part++) {
        write_part(f, part, x_var(plan, last->var), x_var(plan, groups->var), &end);
    }
    widen_sizes(f);
    return loop;
}

/* The loop in blocks, or NULL: as it is. */
static LoopStmt *split(Plan *plan, LoopStmt *loop) {
    Fission f = {.plan = plan,
                 .loop = loop,
                 .inside = ((Stmt *)loop)->body,
                 .var_count = plan->program->var_count,
                 .buffer_count = plan->program->buffer_count};
    if (loop->down || loop->low->kind != LX_INT || loop->low->as.integer != 0 || !f.inside ||
        !is_plain(loop->body) || !cut_pieces(&f)) {
        return NULL;
    }
    find_inner(&f);
    find_free(&f);
    if (assigns_outside(&f) || !commutes(&f, vars_of, f.var_count, f.inner) ||
        !commutes(&f, buffers_of, f.buffer_count, f.own) || !pays(&f) || !in_order(&f)) {
        return NULL;
    }
    find_phases(&f);
    find_parts(&f);
    if (!find_crossing(&f)) {
        return NULL;
    }
    f.taken = arena_array(plan->arena, bool, f.var_count + 1);
    return write_blocks(&f);
}

void fission_blocks(Plan *plan) {
    if (plan->ir->per_sample || plan->carries.count > 0 || plan->options->strict) {
        return;
    }
    for (LoopStmt **at = &plan->program->body; *at; at = &(*at)->next) {
        if ((*at)->kind != LS_FOR || !((*at)->flags & LOOP_SAMPLE)) {
            continue;
        }
        LoopStmt *made = split(plan, *at);
        if (made) {
            made->next = (*at)->next;
            *at = made;
        }
    }
}
