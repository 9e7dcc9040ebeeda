/* lanes.c: a loop over samples in blocks, with the samples of a block innermost in every nest: the
 * loops of a sample stand outside, each statement in them becomes a loop over the samples of the
 * block, which vectors can do whatever the sizes of the model are. What one sample has for itself,
 * an accumulator, an array, a value that is read in another nest, has an entry for each sample of
 * the block, samples next to each other; so have the columns of the data, which are turned once a
 * block. What depends on no sample is computed once for all of them; what is added to something
 * that all samples share is added up in the block first. The last block is filled with copies of
 * the last sample, which are left out of sums.
 *
 * Works on finished statements. Consecutive statements that hold no loop are a segment: they share
 * one loop over the samples. */
#include "loop/fission.h"

#include <string.h>

enum {
    ENTRY_LIMIT = 4096,     /* of an array of one sample, if its size is known */
    ROW_LIMIT = 128,        /* numbers in a row of which the size is a variable, */
    FEW_ROWS = 8,           /* in batches of at least so many, */
    KNOWN_ROW_LIMIT = 1024, /* or of a row of known size */
    TURNS_AT_ONCE = 4,      /* of a loop of sums */
    SUMS_LIMIT = 4,         /* statements that such a loop may have */
};

/* Statements under a condition that differs from sample to sample, with loops in them. */
typedef struct {
    BufferId live;  /* 1 where the sample counts, else 0 */
    Effects inside; /* what its statements do, */
    Effects others; /* and all others of the body */
} Region;

typedef struct {
    Plan *plan;
    Fission f;
    const LoopStmt *loop;
    bool *varies;          /* by variable: from sample to sample */
    bool *changes;         /* by variable: an accumulator, or the like */
    bool *inlined;         /* by variable: a LET that is written where it is read */
    const LoopExpr **said; /* by variable: the value of a LET */
    unsigned *declared;    /* by variable: the segment of its LET */
    const LoopExpr **as;   /* by variable: what stands for it in a copy of a body, or NULL */
    bool renames;          /* the loop stays besides, with its variables, */
    bool copying;          /* or the body of a loop is being written several times */
    bool *crosses;         /* by variable: read in another segment */
    uint8_t *all;          /* by buffer: what the body does with it */
    bool *turned;          /* by buffer: a column that is copied for the block, into */
    BufferId *copy;        /* by buffer: this one */
    BufferId *array;       /* by variable: entries of the samples; valid where crosses or changes */
    unsigned segment;      /* the present one */
    unsigned nests;        /* loops in loops */
    VarId first, rows;     /* the first sample of the block; how many there are */
    const LoopExpr *samples;
    const char *lane_name;
    const LoopExpr *lane; /* counter of the loop that is being written */
    const Region *region; /* the condition that is being written, or NULL */
    bool safe;            /* all of the segment can be done where it does not count */
    LoopStmt *body, **body_end;
    LoopStmt *after, **after_end;
    bool reduces;
} Lanes;

/* ---- what varies
 * ------------------------------------------------------------------------------------------------
 */

static bool expr_varies(const Lanes *l, const LoopExpr *x) {
    if ((x->kind == LX_VAR && l->varies[x->as.var]) ||
        (x->kind == LX_LOAD && l->f.own[x->as.buffer])) {
        return true;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (expr_varies(l, x->args[k])) {
            return true;
        }
    }
    return false;
}

static bool is_written(const Lanes *l, BufferId buffer) {
    return (l->all[buffer] & (WRITES | ADDS)) != 0;
}

/* Has it the same value wherever its variables can be seen? */
static bool is_steady(const Lanes *l, const LoopExpr *x) {
    if ((x->kind == LX_VAR && l->changes[x->as.var]) ||
        (x->kind == LX_LOAD && is_written(l, x->as.buffer)) || x->kind == LX_EXTERN) {
        return false;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (!is_steady(l, x->args[k])) {
            return false;
        }
    }
    return true;
}

/* A load of an array of the sample that nothing behind it in the block changes. */
static bool is_kept(const Lanes *l, const LoopExpr *x, const LoopStmt *behind) {
    if (x->kind != LX_LOAD || !is_steady(l, x->args[0])) {
        return false;
    }
    Effects does = effects_new(&l->f);
    effects_add(&does, behind);
    return !(does.buffers[x->as.buffer] & (WRITES | ADDS));
}

static bool scan_let(Lanes *l, const LoopStmt *stmt) {
    VarId v = stmt->var;
    l->varies[v] = expr_varies(l, stmt->value);
    l->said[v] = stmt->value;
    l->declared[v] = l->segment;
    if (!l->varies[v]) {
        return true;
    }
    bool real = stmt->value->type == KIND_REAL;
    l->inlined[v] = real ? stmt->value->kind == LX_LOAD &&
                               (is_steady(l, stmt->value) || is_kept(l, stmt->value, stmt->next))
                         : is_steady(l, stmt->value);
    return real || l->inlined[v];
}

static bool scan_leaf(Lanes *l, const LoopStmt *stmt) {
    switch (stmt->kind) {
    case LS_LET:
        return scan_let(l, stmt);
    case LS_DECLARE:
        l->changes[stmt->var] = l->varies[stmt->var] = true;
        return stmt->value->type != KIND_BOOL;
    case LS_ADD:
    case LS_MAX:
        return true;
    case LS_ASSIGN:
        return l->f.inner[stmt->var];
    case LS_STORE:
    case LS_ZERO:
        return l->f.own[stmt->buffer];
    case LS_STORE_ADD:
    case LS_COMMENT:
        return true;
    case LS_FOR:
    case LS_IF:
    case LS_PRODUCT:
    case LS_LIB:
    case LS_PREFETCH:
    case LS_LEAVE:
    case LS_RETURN:
        break;
    }
    return false;
}

/* Statements that stand outside of a loop over the samples. */
static bool is_outside(const Lanes *l, const LoopStmt *stmt) {
    return stmt->kind == LS_FOR || stmt->kind == LS_ZERO ||
           (stmt->kind == LS_IF && (has_loop(stmt) || !expr_varies(l, stmt->condition)));
}

static const LoopExpr *load_turned(Lanes *l, const LoopExpr *x);

/* Does it read what all samples share where each sample says? */
static bool gathers(Lanes *l, const LoopExpr *x) {
    if (x && x->kind == LX_LOAD && !l->f.own[x->as.buffer] && expr_varies(l, x->args[0]) &&
        !load_turned(l, x)) {
        return true;
    }
    for (unsigned k = 0; x && k < x->count; k++) {
        if (gathers(l, x->args[k])) {
            return true;
        }
    }
    return false;
}

/* Rows of tables that the samples choose are better read one after the other. */
static bool goes_along_tables(Lanes *l, const LoopStmt *stmt) {
    return gathers(l, stmt->value) || gathers(l, stmt->condition) ||
           (stmt->kind == LS_STORE_ADD && !l->f.own[stmt->buffer] && expr_varies(l, stmt->index));
}

static bool scan(Lanes *l, const LoopStmt *block, unsigned depth) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (depth > 0 && goes_along_tables(l, stmt)) {
            return false;
        }
        if (stmt->kind == LS_FOR || stmt->kind == LS_IF) {
            bool loop = stmt->kind == LS_FOR;
            bool outside = is_outside(l, stmt);
            if (loop && (expr_varies(l, stmt->low) || expr_varies(l, stmt->high))) {
                return false;
            }
            l->nests += loop && depth > 0;
            l->segment += outside;
            if (!scan(l, stmt->body, depth + loop)) {
                return false;
            }
            l->segment += outside;
        } else {
            l->segment += stmt->kind == LS_ZERO;
            if (!scan_leaf(l, stmt)) {
                return false;
            }
            l->segment += stmt->kind == LS_ZERO;
        }
    }
    return true;
}

/* ---- what segments hand on
 * ------------------------------------------------------------------------------------------------
 */

static void cross_expr(Lanes *l, const LoopExpr *x) {
    if (!x) {
        return;
    }
    if (x->kind == LX_VAR) {
        VarId v = x->as.var;
        if (v < l->f.var_count && l->inlined[v]) {
            cross_expr(l, l->said[v]);
        } else if (l->varies[v] && l->said[v] && l->declared[v] != l->segment) {
            l->crosses[v] = true;
        }
    }
    for (unsigned k = 0; k < x->count; k++) {
        cross_expr(l, x->args[k]);
    }
}

/* Counts segments as scan does. */
static void find_crossing(Lanes *l, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        bool outside = is_outside(l, stmt);
        l->segment += outside;
        const LoopExpr *parts[] = {stmt->index, stmt->value, stmt->low, stmt->high,
                                   stmt->condition};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            unsigned now = l->segment;
            l->segment = parts[k] == stmt->condition && outside ? (unsigned)-1 : now;
            cross_expr(l, parts[k]);
            l->segment = now;
        }
        find_crossing(l, stmt->body);
        l->segment += outside;
    }
}

/* ---- columns
 * ------------------------------------------------------------------------------------------------
 */

/* The entries that a column has in a row; false: it is none. */
static bool column_size(const Plan *plan, BufferId b, Dim *size) {
    const LoopBuffer *buffer = &plan->program->buffers[b];
    if (buffer->place != BUFFER_ARG || buffer->offset ||
        plan->program->args[buffer->arg].role != ARG_COLUMN) {
        return false;
    }
    const Leaf *leaf = &plan->ir->leaves[plan->program->args[buffer->arg].which];
    *size = dim_const(plan->ir, 1);
    for (unsigned k = 1; k < leaf->rank; k++) {
        *size = dim_mul(plan->ir, *size, leaf->shape[k]);
    }
    return leaf->rank > 0;
}

static BufferId new_buffer(Lanes *l, const char *name, Kind kind, Dim entries) {
    Plan *plan = l->plan;
    LoopBuffer buffer = {
        .name = plan_name(plan, name), .kind = kind, .place = BUFFER_LOCAL, .written = true};
    BufferId made = plan_buffer(plan, buffer, plan->root_block);
    plan->buffer_facts[made].size = dim_mul(plan->ir, dim_const(plan->ir, LANES), entries);
    plan->buffer_facts[made].lanes = true;
    return made;
}

/* ---- expressions at a lane
 * ------------------------------------------------------------------------------------------------
 */

static const LoopExpr *at_lane(Lanes *l, const LoopExpr *index) {
    Plan *plan = l->plan;
    const LoopExpr *base = x_call2(plan, BI_mul, index, x_int(plan, LANES));
    return x_call2(plan, BI_add, base, l->lane);
}

/* The sample, or the last one. */
static const LoopExpr *sample_at(Lanes *l) {
    Plan *plan = l->plan;
    const LoopExpr *last = x_call2(plan, BI_sub, l->samples, x_int(plan, 1));
    return x_call2(plan, BI_minimum, x_call2(plan, BI_add, x_var(plan, l->first), l->lane), last);
}

static const LoopExpr *entry(Lanes *l, VarId var) {
    return x_load(l->plan, l->array[var], l->lane);
}

static const LoopExpr *rewrite(Lanes *l, const LoopExpr *x, const LoopExpr *sample);

/* Is it 1 or NaN, the same for all samples? */
static bool is_check(const Lanes *l, const LoopExpr *x) {
    return x->kind == LX_SELECT && !expr_varies(l, x->args[0]) && x->args[1]->kind == LX_REAL &&
           x->args[1]->as.real == 1 && x->args[2]->kind == LX_REAL &&
           x->args[2]->as.real != x->args[2]->as.real;
}

static bool is_product(const LoopExpr *x) {
    return x->kind == LX_CALL && x->as.builtin == BI_mul && x->type == KIND_REAL;
}

/* a · (check · b), a the same for all samples, as (a · check) · b: nothing is rounded otherwise. */
static const LoopExpr *with_check_early(const Lanes *l, const LoopExpr *x) {
    Plan *plan = l->plan;
    if (!is_product(x) || !is_product(x->args[1]) || expr_varies(l, x->args[0]) ||
        !is_check(l, x->args[1]->args[0])) {
        return x;
    }
    const LoopExpr *checked = x_call2(plan, BI_mul, x->args[0], x->args[1]->args[0]);
    return x_call2(plan, BI_mul, checked, x->args[1]->args[1]);
}

static const LoopExpr *rewrite_args(Lanes *l, const LoopExpr *x, const LoopExpr *sample) {
    const LoopExpr *args[EXTERN_ARITY];
    x = with_check_early(l, x);
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = rewrite(l, x->args[k], sample);
    }
    if (x->kind == LX_CALL && x->type == KIND_INT && x->count == 2) {
        return x_call2(l->plan, x->as.builtin, args[0], args[1]);
    }
    return x_rebuild(l->plan, x, args);
}

/* A load of a column at the position of the sample, as one of its copy; or NULL. */
static const LoopExpr *load_turned(Lanes *l, const LoopExpr *x) {
    Plan *plan = l->plan;
    BufferId b = x->as.buffer;
    Dim size;
    if (!column_size(plan, b, &size)) {
        return NULL;
    }
    const LoopExpr *row = x_var(plan, l->loop->var);
    const LoopExpr *index = rewrite(l, x->args[0], row); /* LETs inlined */
    const LoopExpr *step = stride(plan, index, l->loop->var);
    if (!step || !x_same(step, x_dim(plan, size))) {
        return NULL;
    }
    if (!l->turned[b]) {
        const LoopBuffer *column = &plan->program->buffers[b];
        l->copy[b] = new_buffer(l, column->name, column->kind, size);
        l->turned[b] = true;
    }
    return x_load(plan, l->copy[b], at_lane(l, rewrite(l, x->args[0], x_int(plan, 0))));
}

static const LoopExpr *rewrite(Lanes *l, const LoopExpr *x, const LoopExpr *sample) {
    Plan *plan = l->plan;
    if (x->kind == LX_VAR) {
        VarId v = x->as.var;
        if (v == l->loop->var) {
            return sample;
        }
        if (v >= l->f.var_count) {
            return x;
        }
        bool kept = l->changes[v] || (l->crosses[v] && l->declared[v] != l->segment);
        return l->inlined[v] ? rewrite(l, l->said[v], sample)
               : kept        ? entry(l, v)
               : l->as[v]    ? l->as[v]
                             : x;
    }
    if (x->kind == LX_LOAD) {
        const LoopExpr *turned = load_turned(l, x);
        if (turned) {
            return turned;
        }
        const LoopExpr *index = rewrite(l, x->args[0], sample);
        return x_load(plan, x->as.buffer, l->f.own[x->as.buffer] ? at_lane(l, index) : index);
    }
    return rewrite_args(l, x, sample);
}

static const LoopExpr *here(Lanes *l, const LoopExpr *x) {
    return x ? rewrite(l, x, sample_at(l)) : NULL;
}

/* May it be computed for lanes that do not count? Positions that differ may be outside. */
static bool is_safe(Lanes *l, const LoopExpr *x) {
    if (x->kind == LX_LOAD && load_turned(l, x)) {
        return true;
    }
    bool varies = expr_varies(l, x);
    if ((x->kind == LX_LOAD && expr_varies(l, x->args[0])) || x->kind == LX_EXTERN ||
        (x->kind == LX_CALL && varies &&
         (x->as.builtin == BI_floordiv || x->as.builtin == BI_mod))) {
        return false;
    }
    if (x->kind == LX_VAR && l->inlined[x->as.var]) {
        return is_safe(l, l->said[x->as.var]);
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (!is_safe(l, x->args[k])) {
            return false;
        }
    }
    return true;
}

/* ---- segments
 * ------------------------------------------------------------------------------------------------
 */

static void begin_segment(Lanes *l) {
    Plan *plan = l->plan;
    l->lane = x_var(plan, plan_var(plan, l->lane_name, KIND_INT, plan->root_block));
    l->body = l->after = NULL;
    l->body_end = &l->body;
    l->after_end = &l->after;
    l->reduces = false;
    l->safe = true;
}

/* Does the lane count? For sums of all samples, and, under a condition, for what stands outside of
 * it. */
static const LoopExpr *counts(const Lanes *l) {
    Plan *plan = l->plan;
    if (!l->region) {
        return x_call2(plan, BI_lt, l->lane, x_var(plan, l->rows));
    }
    return x_call2(plan, BI_ne, x_load(plan, l->region->live, l->lane), x_real(plan, 0));
}

static LoopStmt *lane_loop(const Lanes *l, LoopStmt *body, bool reduces) {
    LoopStmt *loop = stmt_new(l->plan, LS_FOR);
    loop->var = l->lane->as.var;
    loop->low = x_int(l->plan, 0);
    loop->high = x_int(l->plan, LANES);
    loop->flags = LOOP_INDEPENDENT | LOOP_LANES | (reduces ? LOOP_REDUCES : 0);
    loop->span = body->span;
    loop->body = body;
    return loop;
}

static LoopStmt *conditional(const Lanes *l, const LoopExpr *condition, LoopStmt *body) {
    LoopStmt *choice = stmt_new(l->plan, LS_IF);
    choice->condition = condition;
    choice->body = body;
    choice->span = body->span;
    return choice;
}

static void end_segment(Lanes *l, LoopStmt ***end) {
    if (l->body) {
        LoopStmt *body = l->region && !l->safe ? conditional(l, counts(l), l->body) : l->body;
        stmt_append(end, lane_loop(l, body, l->reduces));
    }
    for (LoopStmt *stmt = l->after; stmt;) {
        LoopStmt *next = stmt->next;
        stmt->next = NULL;
        stmt_append(end, stmt);
        stmt = next;
    }
    begin_segment(l);
}

static bool only_here_var(const Lanes *l, VarId v) {
    return !l->region || (l->region->inside.vars[v] & DECLARES);
}

static bool only_here_buffer(const Lanes *l, BufferId b) {
    return !l->region || !l->region->others.buffers[b];
}

typedef struct {
    LoopStmt ***end; /* in the loop over the lanes */
    bool nested;     /* under a condition of its own, in that loop */
} Into;

static void put(Lanes *l, Into into, LoopStmt *stmt, bool always) {
    const LoopExpr *value = stmt->value;
    if (!always && value->kind != LX_VAR && value->kind != LX_REAL) { /* only the sum is masked */
        LoopStmt *let = stmt_new(l->plan, LS_LET);
        let->var = plan_var(l->plan, plan_name(l->plan, "v"), value->type, l->plan->root_block);
        let->value = value;
        let->span = stmt->span;
        stmt_append(into.end, let);
        stmt->value = x_var(l->plan, let->var);
    }
    stmt_append(into.end, always ? stmt : conditional(l, counts(l), stmt));
}

static LoopStmt *copy_of(Lanes *l, const LoopStmt *stmt) {
    LoopStmt *made = stmt_new(l->plan, stmt->kind);
    *made = *stmt;
    made->next = made->body = NULL;
    made->value = here(l, stmt->value);
    made->index = here(l, stmt->index);
    l->safe = l->safe && is_safe(l, stmt->value) &&
              (!stmt->index || (is_safe(l, stmt->index) && !expr_varies(l, stmt->index)));
    return made;
}

/* Into the entries of a variable. */
static void to_entry(Lanes *l, LoopStmt *made, VarId var) {
    if (made->kind == LS_MAX) {
        made->value = x_call2(l->plan, BI_maximum, entry(l, var), made->value);
    }
    made->kind = made->kind == LS_ADD ? LS_STORE_ADD : LS_STORE;
    made->buffer = l->array[var];
    made->index = l->lane;
}

/* A variable of its own for the copy of a statement that declares one. */
static void rename_to(Lanes *l, VarId var, LoopStmt *made) {
    Plan *plan = l->plan;
    const LoopVarInfo info = plan->program->vars[var];
    made->var = plan_var(plan, plan_name(plan, info.name), info.kind, plan->root_block);
    l->as[var] = x_var(plan, made->var);
}

static void write_let(Lanes *l, const LoopStmt *stmt, Into into, LoopStmt ***end) {
    VarId v = stmt->var;
    if (l->inlined[v]) {
        return;
    }
    LoopStmt *let = copy_of(l, stmt);
    if (l->copying || l->renames) {
        rename_to(l, v, let);
    }
    stmt_append(!l->varies[v] && !into.nested ? end : into.end, let);
    if (l->crosses[v]) {
        LoopStmt *store = stmt_new(l->plan, LS_STORE);
        store->buffer = l->array[v];
        store->index = l->lane;
        store->value = x_var(l->plan, let->var);
        store->span = stmt->span;
        stmt_append(into.end, store);
    }
}

/* A sum of the samples of the block, added at its end to what all share. */
static void write_shared(Lanes *l, LoopStmt *add, Into into, LoopStmt ***end) {
    Plan *plan = l->plan;
    LoopStmt *declare = stmt_new(plan, LS_DECLARE);
    declare->var = plan_var(plan, plan_name(plan, "part"), KIND_REAL, plan->root_block);
    declare->value = x_real(plan, 0);
    declare->span = add->span;
    stmt_append(end, declare);
    LoopStmt *sum = stmt_new(plan, LS_ADD);
    sum->var = declare->var;
    sum->value = add->value;
    sum->reassociate = true;
    sum->span = add->span;
    put(l, into, sum, false);
    add->value = x_var(plan, declare->var);
    stmt_append(&l->after_end, add);
    l->reduces = true;
}

static void write_leaf(Lanes *l, const LoopStmt *stmt, Into into, LoopStmt ***end) {
    if (stmt->kind == LS_LET) {
        write_let(l, stmt, into, end);
        return;
    }
    LoopStmt *made = copy_of(l, stmt);
    if (stmt->kind == LS_DECLARE) {
        to_entry(l, made, stmt->var);
        stmt_append(into.end, made);
        return;
    }
    bool variable = stmt->kind == LS_ADD || stmt->kind == LS_MAX || stmt->kind == LS_ASSIGN;
    if (variable && l->f.inner[stmt->var]) {
        to_entry(l, made, stmt->var);
        put(l, into, made, only_here_var(l, stmt->var));
    } else if (variable) {
        l->reduces = true;
        put(l, into, made, false);
    } else if (l->f.own[stmt->buffer]) {
        made->index = at_lane(l, made->index);
        put(l, into, made, only_here_buffer(l, stmt->buffer));
    } else if (expr_varies(l, stmt->index)) {
        put(l, into, made, false);
    } else {
        write_shared(l, made, into, end);
    }
}

static void write_leaves(Lanes *l, const LoopStmt *stmt, Into into, LoopStmt ***end);

/* A condition without loops: it stays in the loop over the lanes. */
static void write_choice(Lanes *l, const LoopStmt *stmt, Into into, LoopStmt ***end) {
    LoopStmt *choice = stmt_new(l->plan, LS_IF);
    choice->condition = here(l, stmt->condition);
    choice->span = stmt->span;
    l->safe = l->safe && is_safe(l, stmt->condition);
    LoopStmt **body_end = &choice->body;
    for (const LoopStmt *inner = stmt->body; inner; inner = inner->next) {
        write_leaves(l, inner, (Into){&body_end, true}, end);
    }
    if (choice->body) {
        stmt_append(into.end, choice);
    }
}

static void write_leaves(Lanes *l, const LoopStmt *stmt, Into into, LoopStmt ***end) {
    if (stmt->kind == LS_IF) {
        write_choice(l, stmt, into, end);
    } else if (stmt->kind != LS_COMMENT) {
        write_leaf(l, stmt, into, end);
    }
}

/* ---- nests
 * ------------------------------------------------------------------------------------------------
 */

static void write_block(Lanes *l, const LoopStmt *block, LoopStmt ***end);

static LoopStmt *let_new(Lanes *l, const char *name, const LoopExpr *value) {
    LoopStmt *let = stmt_new(l->plan, LS_LET);
    let->var = plan_var(l->plan, plan_name(l->plan, name), KIND_INT, l->plan->root_block);
    let->value = value;
    let->span = l->loop->span;
    return let;
}

static void effects_but(const LoopStmt *block, const LoopStmt *skipped, Effects *does) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (stmt != skipped) {
            LoopStmt alone = *stmt;
            alone.next = alone.body = NULL;
            effects_add(does, &alone);
            effects_but(stmt->body, skipped, does);
        }
    }
}

/* Which samples count is kept; what stands under the condition is done for all. */
static void write_region(Lanes *l, const LoopStmt *stmt, LoopStmt ***end) {
    Plan *plan = l->plan;
    Region region = {.live = new_buffer(l, "live", KIND_REAL, dim_const(plan->ir, 1)),
                     .inside = effects_new(&l->f),
                     .others = effects_new(&l->f)};
    effects_add(&region.inside, stmt->body);
    effects_but(l->loop->body, stmt, &region.others);
    for (unsigned step = 0; step < 2; step++) {
        LoopStmt *store = stmt_new(plan, LS_STORE);
        store->buffer = region.live;
        store->index = l->lane;
        store->value = step ? x_convert(plan, here(l, stmt->condition)) : x_real(plan, 0);
        store->span = stmt->span;
        stmt_append(&l->body_end, step ? conditional(l, counts(l), store) : store);
    }
    end_segment(l, end);
    const Region *outer = l->region;
    l->region = &region;
    write_block(l, stmt->body, end);
    l->region = outer;
}

/* The entries of a buffer, for all lanes. */
static void write_zero(Lanes *l, const LoopStmt *stmt, LoopStmt ***end) {
    Plan *plan = l->plan;
    LoopStmt *made = stmt_new(plan, LS_ZERO);
    *made = *stmt;
    made->next = NULL;
    if (only_here_buffer(l, stmt->buffer)) {
        made->value = x_call2(plan, BI_mul, stmt->value, x_int(plan, LANES));
        stmt_append(end, made);
        return;
    }
    *made = (LoopStmt){.kind = LS_FOR, .low = x_int(plan, 0), .high = stmt->value};
    made->var = plan_var(plan, plan_name(plan, "e"), KIND_INT, plan->root_block);
    LoopStmt *store = stmt_new(plan, LS_STORE);
    store->buffer = stmt->buffer;
    store->index = at_lane(l, x_var(plan, made->var));
    store->value = x_real(plan, 0);
    made->body = lane_loop(l, conditional(l, counts(l), store), false);
    begin_segment(l);
    stmt_append(end, made);
}

/* Does it only add a little to what all samples share? */
static bool only_sums(const Lanes *l, const LoopStmt *loop) {
    size_t count = 0;
    bool sums = false;
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        bool let = stmt->kind == LS_LET;
        bool add =
            stmt->kind == LS_STORE_ADD && !l->f.own[stmt->buffer] && !expr_varies(l, stmt->index);
        if ((!let && !add) || calls(stmt->value) || ++count > SUMS_LIMIT) {
            return false;
        }
        sums = sums || add;
    }
    return sums && !loop->down;
}

/* Several turns of a loop at once: they share what they load, and the sums over the lanes do not
 * wait for each other. What is left of the turns goes one by one. */
static const LoopExpr *write_turns(Lanes *l, const LoopStmt *loop, LoopStmt ***end) {
    Plan *plan = l->plan;
    const LoopExpr *size = x_int(plan, TURNS_AT_ONCE);
    const LoopExpr *low = here(l, loop->low);
    const LoopExpr *length =
        x_call2(plan, BI_maximum, x_call2(plan, BI_sub, here(l, loop->high), low), x_int(plan, 0));
    LoopStmt *groups = let_new(l, "groups", x_call2(plan, BI_floordiv, length, size));
    stmt_append(end, groups);
    LoopStmt *made = stmt_new(plan, LS_FOR);
    made->var = plan_var(plan, plan_name(plan, "group"), KIND_INT, plan->root_block);
    made->low = x_int(plan, 0);
    made->high = x_var(plan, groups->var);
    made->span = loop->span;
    LoopStmt **body_end = &made->body;
    const LoopExpr *done = x_call2(plan, BI_mul, x_var(plan, made->var), size);
    LoopStmt *at =
        let_new(l, plan->program->vars[loop->var].name, x_call2(plan, BI_add, low, done));
    stmt_append(&body_end, at);
    l->copying = true;
    for (unsigned k = 0; k < TURNS_AT_ONCE; k++) {
        l->as[loop->var] = x_call2(plan, BI_add, x_var(plan, at->var), x_int(plan, k));
        for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
            write_leaves(l, stmt, (Into){&l->body_end, false}, &body_end);
        }
    }
    end_segment(l, &body_end);
    l->copying = false;
    l->as[loop->var] = NULL;
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_LET) {
            l->as[stmt->var] = NULL;
        }
    }
    stmt_append(end, made);
    return x_call2(plan, BI_add, low, x_call2(plan, BI_mul, x_var(plan, groups->var), size));
}

static void write_outside(Lanes *l, const LoopStmt *stmt, LoopStmt ***end) {
    end_segment(l, end);
    l->segment++;
    if (stmt->kind == LS_ZERO) {
        write_zero(l, stmt, end);
    } else if (stmt->kind == LS_IF && expr_varies(l, stmt->condition)) {
        write_region(l, stmt, end);
    } else {
        bool turns = stmt->kind == LS_FOR && only_sums(l, stmt);
        const LoopExpr *rest = turns ? write_turns(l, stmt, end) : NULL;
        LoopStmt *made = stmt_new(l->plan, stmt->kind);
        *made = *stmt;
        made->next = made->body = NULL;
        made->flags = 0;
        made->low = rest ? rest : here(l, stmt->low);
        made->high = here(l, stmt->high);
        made->condition = here(l, stmt->condition);
        if (l->renames && stmt->kind == LS_FOR) {
            rename_to(l, stmt->var, made);
        }
        LoopStmt **body_end = &made->body;
        write_block(l, stmt->body, &body_end);
        if (made->body) {
            stmt_append(end, made);
        }
    }
    l->segment++;
}

static void write_block(Lanes *l, const LoopStmt *block, LoopStmt ***end) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (is_outside(l, stmt)) {
            write_outside(l, stmt, end);
        } else {
            write_leaves(l, stmt, (Into){&l->body_end, false}, end);
        }
    }
    end_segment(l, end);
}

/* ---- the loop over blocks
 * ------------------------------------------------------------------------------------------------
 */

/* for lane { let row = …; for e in 0..size { copy[e * LANES + lane] = column[row + e] } } */
static LoopStmt *turn_column(Lanes *l, BufferId b) {
    Plan *plan = l->plan;
    Dim size;
    column_size(plan, b, &size);
    const LoopExpr *entries = x_dim(plan, size);
    begin_segment(l);
    LoopStmt *store = stmt_new(plan, LS_STORE);
    store->buffer = l->copy[b];
    LoopStmt *row = stmt_new(plan, LS_LET);
    row->var = plan_var(plan, plan_name(plan, "row"), KIND_INT, plan->root_block);
    row->value = x_call2(plan, BI_mul, sample_at(l), entries);
    LoopStmt *inner = store;
    const LoopExpr *at = x_int(plan, 0);
    if (entries->kind != LX_INT || entries->as.integer != 1) {
        inner = stmt_new(plan, LS_FOR);
        inner->var = plan_var(plan, plan_name(plan, "e"), KIND_INT, plan->root_block);
        inner->low = x_int(plan, 0);
        inner->high = entries;
        inner->body = store;
        at = x_var(plan, inner->var);
    }
    store->index = at_lane(l, at);
    store->value = x_load(plan, b, x_call2(plan, BI_add, x_var(plan, row->var), at));
    row->next = inner;
    row->span = store->span = inner->span = l->loop->span;
    LoopStmt *loop = lane_loop(l, row, false);
    loop->flags = LOOP_INDEPENDENT;
    return loop;
}

static LoopStmt *write_blocks(Lanes *l) {
    Plan *plan = l->plan;
    const LoopExpr *lanes = x_int(plan, LANES);
    LoopStmt *loop = stmt_new(plan, LS_FOR);
    loop->var = plan_var(plan, plan_name(plan, "block"), KIND_INT, plan->root_block);
    loop->low = x_int(plan, 0);
    loop->high = x_call2(plan, BI_floordiv,
                         x_call2(plan, BI_add, l->samples, x_int(plan, LANES - 1)), lanes);
    loop->flags = LOOP_BLOCKS;
    loop->span = l->loop->span;
    LoopStmt **end = &loop->body;
    LoopStmt *first = let_new(l, "first", x_call2(plan, BI_mul, x_var(plan, loop->var), lanes));
    l->first = first->var;
    const LoopExpr *left = x_call2(plan, BI_sub, l->samples, x_var(plan, first->var));
    LoopStmt *rows = let_new(l, "rows", x_call2(plan, BI_minimum, left, lanes));
    l->rows = rows->var;
    stmt_append(&end, first);
    stmt_append(&end, rows);
    LoopStmt *body = NULL;
    LoopStmt **body_end = &body;
    begin_segment(l);
    write_block(l, l->loop->body, &body_end);
    for (size_t b = 0; b < l->f.buffer_count; b++) {
        if (l->turned[b]) {
            stmt_append(&end, turn_column(l, (BufferId)b));
        }
    }
    *end = body;
    return loop;
}

/* ---- does it fit?
 * ------------------------------------------------------------------------------------------------
 */

static Lanes lanes_new(Plan *plan, LoopStmt *loop, const Block *inside) {
    Lanes l = {.plan = plan, .f = fission_new(plan, loop, inside), .loop = loop};
    const size_t vars = plan->program->var_count + 1;
    const size_t buffers = plan->program->buffer_count + 1;
    fission_inner(&l.f);
    l.varies = arena_array(plan->arena, bool, vars);
    l.changes = arena_array(plan->arena, bool, vars);
    l.inlined = arena_array(plan->arena, bool, vars);
    l.crosses = arena_array(plan->arena, bool, vars);
    l.said = arena_array(plan->arena, const LoopExpr *, vars);
    l.as = arena_array(plan->arena, const LoopExpr *, vars);
    l.varies[loop->var] = true;
    l.declared = arena_array(plan->arena, unsigned, vars);
    l.lane_name = plan_name(plan, "lane");
    l.array = arena_array(plan->arena, BufferId, vars);
    l.turned = arena_array(plan->arena, bool, buffers);
    l.copy = arena_array(plan->arena, BufferId, buffers);
    return l;
}

/* What samples share is only added to, and not read. */
static bool shares_sums(const Lanes *l, const Effects *all) {
    for (size_t v = 0; v < l->f.var_count; v++) {
        if (!l->f.inner[v] && (all->vars[v] & ADDS) && (all->vars[v] & READS)) {
            return false;
        }
    }
    for (size_t b = 0; b < l->f.buffer_count; b++) {
        if (!l->f.own[b] && (all->buffers[b] & ADDS) && (all->buffers[b] & READS)) {
            return false;
        }
    }
    return true;
}

static bool fits(Lanes *l) {
    for (size_t b = 0; b < l->f.buffer_count; b++) {
        int64_t size;
        if (l->f.own[b] && l->all[b] &&
            dim_value(l->plan->ir, l->plan->buffer_facts[b].size, &size) && size > ENTRY_LIMIT) {
            return false;
        }
    }
    return true;
}

static void make_arrays(Lanes *l) {
    Plan *plan = l->plan;
    for (size_t v = 0; v < l->f.var_count; v++) {
        if (l->crosses[v] || l->changes[v]) {
            const LoopVarInfo info = plan->program->vars[v];
            l->array[v] = new_buffer(l, info.name, info.kind, dim_const(plan->ir, 1));
        }
    }
    for (size_t b = 0; b < l->f.buffer_count; b++) {
        if (l->f.own[b] && l->all[b]) {
            Dim *size = &plan->buffer_facts[b].size;
            *size = dim_mul(plan->ir, dim_const(plan->ir, LANES), *size);
            plan->buffer_facts[b].lanes = true;
        }
    }
}

/* Can all its statements be done for the samples of a block at once? */
static bool analyse(Lanes *l) {
    Effects all = effects_new(&l->f);
    effects_add(&all, l->loop->body);
    l->all = all.buffers;
    begin_segment(l);
    return shares_sums(l, &all) && scan(l, l->loop->body, 0) && l->nests > 0 && fits(l);
}

/* The numbers of a row that are turned. */
static Dim row_size(const Lanes *l) {
    Plan *plan = l->plan;
    Dim all = dim_const(plan->ir, 0);
    for (size_t b = 0; b < l->f.buffer_count; b++) {
        Dim size;
        if (l->turned[b] && column_size(plan, (BufferId)b, &size)) {
            all = dim_add(plan->ir, all, size);
        }
    }
    return all;
}

static bool has_short_rows(const Lanes *l) {
    int64_t size;
    return dim_value(l->plan->ir, row_size(l), &size) && size <= KNOWN_ROW_LIMIT;
}

/* `lanes`, if rows are short and not very few; else the loop as it was: long rows are vectors
 * themselves, which turning would cost more than it gains. */
static LoopStmt *write_either(Lanes *l, LoopStmt *lanes, const LoopStmt *over) {
    Plan *plan = l->plan;
    LoopStmt *is_short = stmt_new(plan, LS_LET);
    is_short->var = plan_var(plan, plan_name(plan, "lanes"), KIND_BOOL, plan->root_block);
    is_short->value = x_call2(
        plan, BI_and, x_call2(plan, BI_le, x_dim(plan, row_size(l)), x_int(plan, ROW_LIMIT)),
        x_call2(plan, BI_le, x_int(plan, FEW_ROWS), l->samples));
    is_short->span = over->span;
    LoopStmt *rest = stmt_new(plan, LS_FOR);
    *rest = *over;
    rest->next = NULL;
    const LoopExpr *condition = x_var(plan, is_short->var);
    is_short->next = conditional(l, condition, lanes);
    is_short->next->next = conditional(l, x_call1(plan, BI_not, condition), rest);
    return is_short;
}

LoopStmt *lanes_split(Plan *plan, LoopStmt *over, const Block *inside, const char **why) {
    const size_t vars = plan->program->var_count;
    const size_t buffers = plan->program->buffer_count;
    Lanes l = lanes_new(plan, over, inside);
    if (plan->ragged || !analyse(&l)) {
        return NULL;
    }
    plan->program->var_count = vars; /* what the analysis made is made again */
    plan->program->buffer_count = buffers;
    l = lanes_new(plan, hoist_invariants(&l.f, l.varies), inside);
    if (!analyse(&l)) {
        ice("loop", "`%s`: a nest that keeps its values cannot be cut", plan->ir->name);
    }
    l.renames = !has_short_rows(&l);
    l.segment = 0;
    find_crossing(&l, l.loop->body);
    make_arrays(&l);
    l.segment = 0;
    l.samples = over->high;
    LoopStmt *made = write_blocks(&l);
    *why = arena_format(plan->arena,
                        "blocks of %d, samples innermost in all nests, columns turned once a block",
                        LANES);
    if (l.renames) {
        *why = arena_format(plan->arena, "%s; rows of more than %d numbers one by one", *why,
                            ROW_LIMIT);
        return write_either(&l, made, over);
    }
    return made;
}
