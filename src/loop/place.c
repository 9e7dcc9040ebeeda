/* place.c: what is computed several times, or in a loop though it does not change there, becomes a
 * LET in the outermost block that spares a loop; all else stays where it is used. Reads and
 * replaces the statements; keeps their order. */
#include "loop/plan.h"

typedef struct {
    uint32_t *uses;        /* by expression id */
    Block **common;        /* the innermost block that contains all uses */
    Block **target;        /* where its LET stands; NULL: none */
    const LoopExpr **made; /* rewritten */
    size_t count;
    const LoopExpr **path; /* scratch of rewrite */
    size_t path_capacity;
} Placing;

static uint32_t id_of(const LoopExpr *x) {
    return ((const Expr *)x)->id;
}

static Block *common_block(Block *a, Block *b) {
    if (!a) {
        return b;
    }
    while (a != b) {
        if (a->depth >= b->depth) {
            a = a->parent;
        } else {
            b = b->parent;
        }
    }
    return a;
}

/* ---- uses
 * -----------------------------------------------------------------------------------------------
 */

static void use(Placing *place, const LoopExpr *x, Block *block) {
    if (x) {
        place->uses[id_of(x)]++;
        place->common[id_of(x)] = common_block(place->common[id_of(x)], block);
    }
}

static void count_block(Placing *place, Block *block) {
    for (LoopStmt *stmt = block->first; stmt; stmt = stmt->next) {
        use(place, stmt->index, block);
        use(place, stmt->value, block);
        use(place, stmt->low, block);
        use(place, stmt->high, block);
        use(place, stmt->condition, block);
        Block *body = ((Stmt *)stmt)->body;
        if (body) {
            count_block(place, body);
        }
    }
}

/* ---- decisions
 * --------------------------------------------------------------------------------------------- */

static bool trivial(const LoopExpr *x) {
    switch (x->kind) {
    case LX_REAL:
    case LX_INT:
    case LX_BOOL:
    case LX_VAR:
    case LX_ARG:
    case LX_ARG_SET:
        return true;
    case LX_MOST:
    case LX_LOAD:
    case LX_CALL:
    case LX_EXTERN:
    case LX_CONVERT:
    case LX_SELECT:
        break;
    }
    return false;
}

static bool trivial_args(const LoopExpr *x) {
    for (unsigned k = 0; k < x->count; k++) {
        if (!trivial(x->args[k])) {
            return false;
        }
    }
    return true;
}

/* i + 1, -x: as cheap as reading a variable. */
static bool cheap(const LoopExpr *x) {
    if (x->kind != LX_CALL || !trivial_args(x)) {
        return false;
    }
    BuiltinId f = x->as.builtin;
    if (x->type == KIND_INT) {
        return f == BI_add || f == BI_sub || f == BI_neg;
    }
    return f == BI_neg;
}

/* The outermost block between the uses and the level whose choice spares a loop. */
static Block *outermost(const Expr *expr, Block *common) {
    Block *best = common;
    for (Block *block = common; block != expr->level && block->parent; block = block->parent) {
        if (block->loop) {
            best = block->parent;
        }
    }
    return best;
}

static void decide(Placing *place, const Expr *expr) {
    uint32_t id = expr->id;
    const LoopExpr *x = &expr->x;
    if (trivial(x) || x->type == KIND_BOOL || expr->moving || cheap(x)) {
        return;
    }
    Block *best = outermost(expr, place->common[id]);
    if (place->uses[id] > 1 || best != place->common[id]) {
        place->target[id] = best;
    }
}

static void decide_all(Plan *plan, Placing *place) {
    for (size_t id = place->count; id-- > 1;) {
        const Expr *expr = plan->exprs[id];
        if (place->uses[id] == 0) {
            continue;
        }
        decide(place, expr);
        Block *block = place->target[id] ? place->target[id] : place->common[id];
        uint32_t times = place->target[id] ? 1 : place->uses[id];
        for (unsigned k = 0; k < expr->x.count; k++) {
            uint32_t arg = id_of(expr->x.args[k]);
            place->uses[arg] += times;
            place->common[arg] = common_block(place->common[arg], block);
        }
    }
}

/* ---- names
 * ----------------------------------------------------------------------------------------------------
 */

static const char *let_name(Plan *plan, const LoopExpr *x) {
    if (x->kind == LX_LOAD) {
        const char *buffer = plan->program->buffers[x->as.buffer].name;
        const LoopExpr *index = x->args[0];
        const char *at = "at";
        if (index->kind == LX_VAR) {
            at = plan->program->vars[index->as.var].name;
        } else if (index->kind == LX_INT) {
            at = arena_format(plan->arena, "%lld", (long long)index->as.integer);
        }
        return plan_name(plan, arena_format(plan->arena, "%s_%s", buffer, at));
    }
    return plan_name(plan, x->type == KIND_INT ? "at" : "t");
}

/* ---- rewriting
 * ---------------------------------------------------------------------------------------------------
 */

/* With its operands, which are rewritten. */
static const LoopExpr *with_made_args(Plan *plan, const Placing *place, const LoopExpr *x) {
    const LoopExpr *args[EXTERN_ARITY];
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = place->made[id_of(x->args[k])];
    }
    return x_rebuild(plan, x, args);
}

static void finish(Plan *plan, Placing *place, const LoopExpr *x) {
    uint32_t id = id_of(x);
    const LoopExpr *made = with_made_args(plan, place, x);
    Block *target = place->target[id];
    if (target) {
        VarId var = plan_var(plan, let_name(plan, x), x->type, target);
        Stmt *let = block_add(plan, target, LS_LET);
        let->s.var = var;
        let->s.value = made;
        let->s.span = x->span;
        made = x_var(plan, var);
    }
    place->made[id] = made;
}

/* The first operand that is to be rewritten, or NULL. */
static const LoopExpr *next_arg(const Placing *place, const LoopExpr *x) {
    for (unsigned k = 0; k < x->count; k++) {
        if (!place->made[id_of(x->args[k])]) {
            return x->args[k];
        }
    }
    return NULL;
}

/* Operands first, from the left; chains may be long, so the path to the root is kept in `path`. */
static const LoopExpr *rewrite(Plan *plan, Placing *place, const LoopExpr *x) {
    size_t depth = 0;
    const LoopExpr *at = x;
    while (!place->made[id_of(x)]) {
        const LoopExpr *arg = next_arg(place, at);
        if (arg) {
            place->path = arena_grow(plan->arena, place->path, depth, &place->path_capacity,
                                     sizeof *place->path);
            place->path[depth++] = at;
            at = arg;
        } else {
            finish(plan, place, at);
            at = depth > 0 ? place->path[--depth] : x;
        }
    }
    return place->made[id_of(x)];
}

static const LoopExpr *rewrite_args(Plan *plan, Placing *place, const LoopExpr *x) {
    for (unsigned k = 0; k < x->count; k++) {
        rewrite(plan, place, x->args[k]);
    }
    return with_made_args(plan, place, x);
}

static const LoopExpr *rewrite_root(Plan *plan, Placing *place, const LoopExpr *x) {
    return x ? rewrite(plan, place, x) : NULL;
}

/* A LET that the planner made is the LET of its expression. */
static bool is_own_let(const Placing *place, const LoopStmt *stmt, const Block *block) {
    return stmt->kind == LS_LET && place->target[id_of(stmt->value)] == block &&
           !place->made[id_of(stmt->value)];
}

static void rewrite_block(Plan *plan, Placing *place, Block *block) {
    LoopStmt *next = block->first;
    block->first = block->last = NULL;
    while (next) {
        LoopStmt *stmt = next;
        next = stmt->next;
        stmt->next = NULL;
        stmt->index = rewrite_root(plan, place, stmt->index);
        stmt->low = rewrite_root(plan, place, stmt->low);
        stmt->high = rewrite_root(plan, place, stmt->high);
        stmt->condition = rewrite_root(plan, place, stmt->condition);
        if (is_own_let(place, stmt, block)) {
            uint32_t id = id_of(stmt->value);
            stmt->value = rewrite_args(plan, place, stmt->value);
            place->made[id] = x_var(plan, stmt->var);
        } else {
            stmt->value = rewrite_root(plan, place, stmt->value);
        }
        Block *body = ((Stmt *)stmt)->body;
        if (body) {
            rewrite_block(plan, place, body);
            stmt->body = body->first;
        }
        if (block->last) {
            block->last->next = stmt;
        } else {
            block->first = stmt;
        }
        block->last = stmt;
    }
}

void place_common(Plan *plan) {
    size_t count = plan->expr_count;
    Placing place = {
        .uses = arena_array(plan->arena, uint32_t, count),
        .common = arena_array(plan->arena, Block *, count),
        .target = arena_array(plan->arena, Block *, count),
        .made = arena_array(plan->arena, const LoopExpr *, count),
        .count = count,
    };
    count_block(&place, plan->root_block);
    decide_all(plan, &place);
    rewrite_block(plan, &place, plan->root_block);
    plan->program->body = plan->root_block->first;
}

/* ---- what is known of a loop
 * ---------------------------------------------------------------------------------------- */

/* What the stages in a loop over x say of it. */
typedef struct {
    const Scope *loop;
    IndexSet x;
    bool independent, reduces;
} Flags;

static void add_flags(Flags *flags, const Stage *stage) {
    const Scope *scope = flags->loop;
    if (stage->dropped) {
        return;
    }
    if (!(stage->free & flags->x)) {
        bool adds =
            stage->kind == STAGE_SUM || stage->kind == STAGE_MAX || stage->kind == STAGE_RETURN;
        const Scope *begins = stage->partial ? stage->partial : stage->gather;
        bool held = stage->has_var || stage->partial;
        bool scalar = adds && held && !scope_inside(begins, scope);
        bool keeps = stage->kind == STAGE_VALUE || stage->kind == STAGE_INIT ||
                     (stage->kind == STAGE_LIB && (stage->bound & flags->x)) ||
                     (adds && scope_inside(stage->gather, scope));
        flags->reduces = flags->reduces || scalar;
        flags->independent = flags->independent && (scalar || keeps);
    }
    /* a buffer that every iteration uses again */
    if (stage->value != REF_NONE && !stage->scalar && scope_inside(stage->home, scope)) {
        flags->independent = false;
    }
    const Carry *carry = stage->carry;
    if (carry &&
        (carry->loop == scope || (carry->has_buffer && scope_inside(carry->home, scope)))) {
        flags->independent = false;
    }
}

/* Of all stages in the scope; scopes nest no deeper than there are indices and conditions. */
static void add_all_flags(Flags *flags, const Scope *scope) {
    for (size_t k = 0; k < scope->item_count; k++) {
        if (scope->items[k].stage) {
            add_flags(flags, scope->items[k].stage);
        } else {
            add_all_flags(flags, scope->items[k].scope);
        }
    }
}

void place_flags(Plan *plan, Stmt *loop, const Scope *scope) {
    const IndexSet x = INDEX_BIT(scope->key.index);
    Flags flags = {scope, x, !(plan->ragged && (plan->sample & x)),
                   false}; /* blocks follow each other */
    add_all_flags(&flags, scope);
    loop->s.flags = (plan->sample & x ? LOOP_SAMPLE : 0) |
                    (flags.independent ? LOOP_INDEPENDENT : 0) |
                    (flags.independent && flags.reduces ? LOOP_REDUCES : 0);
}
