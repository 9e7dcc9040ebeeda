/* product.c: is an addition in three loops a matrix product? Its target lacks one of the counters,
 * over which is summed; each factor lacks another one; all positions are affine. */
#include "loop/fission.h"

/* A loop of a nest: its counter, where it begins, how often it is run. */
typedef struct {
    VarId var;
    const LoopExpr *low, *extent;
} Turn;

enum { NEST_LOOPS = 3 };

bool mentions(const LoopExpr *x, VarId var) {
    if (x->kind == LX_VAR) {
        return x->as.var == var;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (mentions(x->args[k], var)) {
            return true;
        }
    }
    return false;
}

/* What x grows by when var grows by one; NULL: that is not a constant of the nest. */
const LoopExpr *stride(Plan *plan, const LoopExpr *x, VarId var) {
    if (!mentions(x, var)) {
        return x_int(plan, 0);
    }
    if (x->kind == LX_VAR) {
        return x_int(plan, 1);
    }
    if (x->kind != LX_CALL) {
        return NULL;
    }
    const LoopExpr *a = x->args[0];
    const LoopExpr *b = x->count > 1 ? x->args[1] : NULL;
    BuiltinId f = x->as.builtin;
    if (f == BI_mul && b) {
        bool left = mentions(a, var);
        if (left && mentions(b, var)) {
            return NULL;
        }
        const LoopExpr *inner = stride(plan, left ? a : b, var);
        return inner ? x_call2(plan, BI_mul, inner, left ? b : a) : NULL;
    }
    if ((f == BI_add || f == BI_sub) && b) {
        const LoopExpr *p = stride(plan, a, var);
        const LoopExpr *q = stride(plan, b, var);
        return p && q ? x_call2(plan, f, p, q) : NULL;
    }
    return NULL;
}

/* x with the counters replaced. */
static const LoopExpr *replaced(Plan *plan, const LoopExpr *x, const Turn *turns,
                                const LoopExpr *const *by) {
    if (x->kind == LX_VAR) {
        for (unsigned t = 0; t < NEST_LOOPS; t++) {
            if (x->as.var == turns[t].var) {
                return by[t];
            }
        }
        return x;
    }
    const LoopExpr *args[EXTERN_ARITY];
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = replaced(plan, x->args[k], turns, by);
    }
    if (x->kind == LX_CALL && x->type == KIND_INT && x->count == 2) {
        return x_call2(plan, x->as.builtin, args[0], args[1]);
    }
    return x_rebuild(plan, x, args);
}

/* x where all loops begin. */
static const LoopExpr *beginning(Plan *plan, const LoopExpr *x, const Turn *turns) {
    const LoopExpr *lows[] = {turns[0].low, turns[1].low, turns[2].low};
    return replaced(plan, x, turns, lows);
}

typedef struct {
    BufferId buffer;
    const LoopExpr *at;
    const LoopExpr *strides[NEST_LOOPS];
} Access;

static bool find_access(Plan *plan, BufferId buffer, const LoopExpr *index, const Turn *turns,
                        Access *access) {
    access->buffer = buffer;
    access->at = beginning(plan, index, turns);
    for (unsigned t = 0; t < NEST_LOOPS; t++) {
        access->strides[t] = stride(plan, index, turns[t].var);
        for (unsigned u = 0; u < NEST_LOOPS && access->strides[t]; u++) {
            if (mentions(access->strides[t], turns[u].var)) {
                return false;
            }
        }
        if (!access->strides[t]) {
            return false;
        }
    }
    return plan->program->buffers[buffer].kind == KIND_REAL;
}

static bool is_int(const LoopExpr *x, int64_t value) {
    return x->kind == LX_INT && x->as.integer == value;
}

/* Too short for tiles? */
static bool is_short(const Turn *turn) {
    return turn->extent->kind == LX_INT && turn->extent->as.integer < 4;
}

/* LS_PRODUCT for target[index] += value in the three loops, or NULL. No variable may stand in these
 * but counters and what is declared outside. */
static LoopStmt *product_make(Plan *plan, BufferId target, const LoopExpr *index,
                              const LoopExpr *value, const Turn *turns) {
    if (value->kind != LX_CALL || value->as.builtin != BI_mul || value->type != KIND_REAL ||
        value->args[0]->kind != LX_LOAD || value->args[1]->kind != LX_LOAD) {
        return NULL;
    }
    Access c;
    Access x;
    Access y;
    if (!find_access(plan, target, index, turns, &c) ||
        !find_access(plan, value->args[0]->as.buffer, value->args[0]->args[0], turns, &x) ||
        !find_access(plan, value->args[1]->as.buffer, value->args[1]->args[0], turns, &y) ||
        x.buffer == target || y.buffer == target) {
        return NULL;
    }
    unsigned terms = NEST_LOOPS;
    unsigned columns = NEST_LOOPS;
    unsigned rows = NEST_LOOPS;
    for (unsigned t = 0; t < NEST_LOOPS; t++) {
        unsigned *which = is_int(c.strides[t], 0)   ? &terms
                          : is_int(c.strides[t], 1) ? &columns
                                                    : &rows;
        if (*which != NEST_LOOPS || is_short(&turns[t])) {
            return NULL;
        }
        *which = t;
    }
    if (terms == NEST_LOOPS || columns == NEST_LOOPS || rows == NEST_LOOPS) {
        return NULL;
    }
    Access *a = is_int(x.strides[columns], 0) ? &x : &y;
    Access *b = a == &x ? &y : &x;
    if (!is_int(a->strides[columns], 0) || !is_int(b->strides[rows], 0) ||
        is_int(a->strides[rows], 0) || is_int(b->strides[columns], 0)) {
        return NULL;
    }
    LoopProduct *product = arena_new(plan->arena, LoopProduct);
    *product = (LoopProduct){.a = a->buffer,
                             .b = b->buffer,
                             .parts = {[PRODUCT_ROWS] = turns[rows].extent,
                                       [PRODUCT_COLUMNS] = turns[columns].extent,
                                       [PRODUCT_COUNT] = turns[terms].extent,
                                       [PRODUCT_C_ROW] = c.strides[rows],
                                       [PRODUCT_A_AT] = a->at,
                                       [PRODUCT_A_ROW] = a->strides[rows],
                                       [PRODUCT_A_STEP] = a->strides[terms],
                                       [PRODUCT_B_AT] = b->at,
                                       [PRODUCT_B_STEP] = b->strides[terms],
                                       [PRODUCT_B_COLUMN] = b->strides[columns]}};
    Stmt *made = arena_new(plan->arena, Stmt);
    made->s.kind = LS_PRODUCT;
    made->s.buffer = target;
    made->s.index = c.at;
    made->s.product = product;
    return &made->s;
}

/* ---- matrix products
 * ----------------------------------------------------------------------------------------------------------------
 */

/* The nest without its LETs: what they say stands where they are read. */
typedef struct {
    Copy copy;
    Turn turns[NEST_LOOPS];
    LoopStmt *made;
    LoopStmt **end;
} Nest;

static bool open_turn(Nest *nest, unsigned at, const LoopStmt *loop) {
    const Fission *f = nest->copy.f;
    if (loop->kind != LS_FOR || loop->down || loop->low->kind != LX_INT ||
        loop->low->as.integer != 0 || varies(f, loop->high)) {
        return false;
    }
    nest->turns[at] = (Turn){loop->var, loop->low, loop->high};
    return true;
}

static void inline_let(Nest *nest, const LoopStmt *stmt) {
    nest->copy.map[stmt->var] = copy_expr(&nest->copy, stmt->value);
}

static LoopStmt *zero_rows(const Fission *f, BufferId buffer) {
    Plan *plan = f->plan;
    LoopStmt *zero = stmt_new(plan, LS_ZERO);
    zero->buffer = buffer;
    zero->value = x_call2(plan, BI_mul, f->rows, x_count(plan, plan->buffer_facts[buffer].size));
    return zero;
}

static bool add_product(Nest *nest, BufferId target, const LoopExpr *index, const LoopExpr *value,
                        Span span) {
    Plan *plan = nest->copy.f->plan;
    index = row_index(&nest->copy, target, copy_expr(&nest->copy, index));
    LoopStmt *made = product_make(plan, target, index, copy_expr(&nest->copy, value), nest->turns);
    if (made) {
        made->span = span;
        stmt_append(&nest->end, made);
    }
    return made != NULL;
}

/* for k { for i { target[…] += a · b; … } } */
static bool products_of_adds(Nest *nest, const LoopStmt *inner) {
    if (!open_turn(nest, 2, inner)) {
        return false;
    }
    for (const LoopStmt *stmt = inner->body; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_LET) {
            inline_let(nest, stmt);
        } else if (stmt->kind != LS_STORE_ADD ||
                   !add_product(nest, stmt->buffer, stmt->index, stmt->value, stmt->span)) {
            return false;
        }
    }
    return true;
}

/* The statement behind the loop that keeps the sum, or NULL. */
static const LoopStmt *kept_as(const LoopStmt *stmt, VarId sum) {
    while (stmt &&
           !(stmt->kind == LS_STORE && stmt->value->kind == LX_VAR && stmt->value->as.var == sum)) {
        stmt = stmt->next;
    }
    return stmt;
}

static size_t length(const LoopStmt *block) {
    size_t count = 0;
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        count++;
    }
    return count;
}

/* for i { var s = 0; for j { s += a · b }; kept[…] = s }; sums may be several. */
static bool products_of_sums(Nest *nest, size_t sums, const LoopStmt *inner) {
    const Fission *f = nest->copy.f;
    size_t found = 0;
    if (length(inner->next) != sums || !open_turn(nest, 2, inner)) {
        return false;
    }
    for (const LoopStmt *add = inner->body; add; add = add->next) {
        if (add->kind == LS_LET) {
            inline_let(nest, add);
            continue;
        }
        const LoopStmt *store = add->kind == LS_ADD ? kept_as(inner->next, add->var) : NULL;
        if (!store || !f->own[store->buffer] || !f->crosses_buffer[store->buffer]) {
            return false;
        }
        stmt_append(&nest->end, zero_rows(f, store->buffer));
        if (!add_product(nest, store->buffer, store->index, add->value, add->span)) {
            return false;
        }
        found++;
    }
    return found == sums;
}

/* Two of the loops again, as statements, with `inner` in them at the counters `at`. */
static LoopStmt *loops_over(Plan *plan, const Turn *outer, const Turn *inner,
                            const LoopExpr **outer_at, const LoopExpr **inner_at) {
    LoopStmt *loops[2];
    for (unsigned k = 0; k < 2; k++) {
        const Turn *turn = k ? inner : outer;
        const char *name = plan->program->vars[turn->var].name;
        loops[k] = stmt_new(plan, LS_FOR);
        loops[k]->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
        loops[k]->low = turn->low;
        loops[k]->high = x_call2(plan, BI_add, turn->low, turn->extent);
        loops[k]->flags = LOOP_INDEPENDENT;
        *(k ? inner_at : outer_at) = x_var(plan, loops[k]->var);
    }
    loops[0]->body = loops[1];
    return loops[0];
}

/* A statement that is done where `all` (finite) or not. */
static LoopStmt *if_finite(Plan *plan, VarId all, bool finite) {
    LoopStmt *stmt = stmt_new(plan, LS_IF);
    const LoopExpr *zero = x_real(plan, 0);
    stmt->condition = x_call2(plan, BI_eq, x_var(plan, all), zero);
    if (!finite) {
        stmt->condition = x_call1(plan, BI_not, stmt->condition);
        stmt->flags = LOOP_RARE;
    }
    return stmt;
}

/* for i { if c { for j { target[…] += a · b } } }: a becomes 0 where c is false. That is the same
 * only where b is finite, which is tested; else all stays as it was. */
static bool product_where(Nest *nest, const Piece *piece, const LoopExpr *condition,
                          const LoopStmt *inner) {
    Fission *f = nest->copy.f;
    Plan *plan = f->plan;
    const Turn *turns = nest->turns;
    const LoopStmt *add = inner->body;
    Dim extent;
    if (inner->kind != LS_FOR || !open_turn(nest, 2, inner) ||
        !extent_dim(plan, turns[1].extent, &extent)) {
        return false;
    }
    for (; add && add->kind == LS_LET; add = add->next) {
        inline_let(nest, add);
    }
    if (!add || add->next || add->kind != LS_STORE_ADD) {
        return false;
    }
    const LoopExpr *value = copy_expr(&nest->copy, add->value);
    if (value->kind != LX_CALL || value->as.builtin != BI_mul ||
        mentions(condition, turns[2].var)) {
        return false;
    }
    const bool second = mentions(value->args[0], turns[2].var);
    const LoopExpr *a = value->args[second ? 1 : 0];
    const LoopExpr *b = value->args[second ? 0 : 1];
    if (a->kind != LX_LOAD || b->kind != LX_LOAD || mentions(a, turns[2].var) ||
        mentions(b, turns[1].var)) {
        return false;
    }
    LoopBuffer buffer = {.name = plan_name(plan, "masked"),
                         .kind = KIND_REAL,
                         .place = BUFFER_LOCAL,
                         .written = true};
    BufferId masked = plan_buffer(plan, buffer, plan->root_block);
    plan->buffer_facts[masked].size = dim_mul(plan->ir, dim_const(plan->ir, BLOCK_SIZE), extent);
    const LoopExpr *row = x_call2(plan, BI_mul, nest->copy.row, turns[1].extent);
    const LoopExpr *at = x_call2(plan, BI_add, row, x_var(plan, turns[1].var));
    const LoopExpr *target =
        row_index(&nest->copy, add->buffer, copy_expr(&nest->copy, add->index));
    LoopStmt *product = product_make(plan, add->buffer, target,
                                     x_call2(plan, BI_mul, x_load(plan, masked, at), b), turns);
    if (!product) {
        return false;
    }
    product->span = add->span;

    const LoopExpr *by[NEST_LOOPS] = {NULL, NULL, turns[2].low};
    LoopStmt *fill = loops_over(plan, &turns[0], &turns[1], &by[0], &by[1]);
    LoopStmt *store = fill->body->body = stmt_new(plan, LS_STORE);
    store->buffer = masked;
    store->index = replaced(plan, at, turns, by);
    store->value = replaced(plan, x_select(plan, condition, a, x_real(plan, 0)), turns, by);

    LoopStmt *declare = stmt_new(plan, LS_DECLARE);
    declare->var = plan_var(plan, plan_name(plan, "finite"), KIND_REAL, plan->root_block);
    declare->value = x_real(plan, 0);
    by[1] = turns[1].low;
    LoopStmt *test = loops_over(plan, &turns[0], &turns[2], &by[0], &by[2]);
    LoopStmt *sum = test->body->body = stmt_new(plan, LS_ADD);
    test->body->flags |= LOOP_REDUCES;
    sum->var = declare->var;
    sum->value = x_call2(plan, BI_mul, replaced(plan, b, turns, by), x_real(plan, 0));
    sum->reassociate = true;

    LoopStmt *yes = if_finite(plan, declare->var, true);
    yes->body = fill;
    fill->next = product;
    LoopStmt *no = if_finite(plan, declare->var, false);
    no->body = write_plain(f, piece->part, f->first, x_call2(plan, BI_add, f->first, f->rows));
    stmt_append(&nest->end, declare);
    stmt_append(&nest->end, test);
    stmt_append(&nest->end, yes);
    stmt_append(&nest->end, no);
    return true;
}

/* What stands under the condition: LETs and a loop. */
static bool products_where(Nest *nest, const Piece *piece, const LoopStmt *choice) {
    const LoopExpr *condition = copy_expr(&nest->copy, choice->condition);
    const LoopStmt *inner = choice->body;
    for (; inner && inner->kind == LS_LET; inner = inner->next) {
        inline_let(nest, inner);
    }
    return inner && !inner->next && product_where(nest, piece, condition, inner);
}

static bool find_products(Fission *f, Piece *piece) {
    const LoopStmt *loop = piece->list[0];
    Nest nest = {.copy = copy_new(f, x_var(f->plan, f->loop->var))};
    nest.end = &nest.made;
    nest.turns[0] = (Turn){f->loop->var, f->first, f->rows};
    if (piece->count != 1 || !open_turn(&nest, 1, loop)) {
        return false;
    }
    for (size_t p = 0; p < f->count; p++) {
        if (f->pieces[p].free) {
            inline_let(&nest, f->pieces[p].list[0]);
        }
    }
    for (size_t v = 0; v < f->var_count; v++) {
        if (f->crosses_var[v]) {
            nest.copy.map[v] = x_load(f->plan, f->handed[v], nest.copy.row);
        }
    }
    size_t sums = 0;
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_LET) {
            inline_let(&nest, stmt);
        } else if (stmt->kind == LS_DECLARE && stmt->value->kind == LX_REAL &&
                   stmt->value->as.real == 0) {
            sums++;
        } else if (stmt->kind == LS_FOR) {
            bool found = sums ? products_of_sums(&nest, sums, stmt)
                              : !stmt->next && products_of_adds(&nest, stmt);
            piece->products = found ? nest.made : NULL;
            return found;
        } else if (stmt->kind == LS_IF && !stmt->next && !sums) {
            bool found = products_where(&nest, piece, stmt);
            piece->products = found ? nest.made : NULL;
            return found;
        } else {
            return false;
        }
    }
    return false;
}

/* Zeros in what all samples of the block have of a buffer. */
static bool find_zeros(const Fission *f, Piece *piece) {
    const LoopStmt *stmt = piece->list[0];
    if (piece->count == 1 && stmt->kind == LS_ZERO && f->crosses_buffer[stmt->buffer]) {
        piece->products = zero_rows(f, stmt->buffer);
        return true;
    }
    return false;
}

static bool zeros_inside(const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_ZERO || zeros_inside(stmt->body)) {
            return true;
        }
    }
    return false;
}

/* Is there an exp or the like in a scalar piece? */
static bool calls_between(const Fission *f) {
    for (size_t p = 0; p < f->count; p++) {
        const Piece *piece = &f->pieces[p];
        for (size_t k = 0; k < piece->count && !piece->nest; k++) {
            const LoopExpr *value = piece->list[k]->value;
            if (value && calls(value)) {
                return true;
            }
        }
    }
    return false;
}

const char *fission_loses(Fission *f) {
    size_t nests = 0;
    size_t shared = 0;
    size_t products = 0;
    for (size_t p = 0; p < f->count; p++) {
        Piece *piece = &f->pieces[p];
        if (!piece->nest) {
            continue;
        }
        nests++;
        if (find_zeros(f, piece)) {
            continue;
        }
        for (size_t k = 0; k < piece->count; k++) {
            if (piece->list[k]->kind == LS_ZERO || zeros_inside(piece->list[k]->body)) {
                return "an inner loop clears what it adds to";
            }
        }
        shared += shares_rows(f, piece);
        products += find_products(f, piece);
    }
    if (products > 0) {
        return NULL;
    }
    return nests == 0          ? "no inner loops; vectors along the samples"
           : shared != nests   ? "inner loops that share nothing between rows"
           : !calls_between(f) ? "nothing between its inner loops that vectors would gain"
                               : NULL;
}
