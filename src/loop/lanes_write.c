/* lanes_write.c: writes nests with the samples of a block innermost: segments, what is added to
 * what samples share, conditions that differ between samples, the turning of columns, the loop over
 * blocks. */
#include "loop/lanes.h"

enum {
    TURNS_AT_ONCE = 4, /* of a loop of sums */
    SUMS_LIMIT = 4,    /* statements that such a loop may have */
};

/* ---- segments
 * ------------------------------------------------------------------------------------------------
 */

void lanes_begin(Lanes *l) {
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
    loop->flags = !are_apart(l->plan, body, loop->var)
                      ? 0
                      : LOOP_INDEPENDENT | LOOP_LANES | (reduces ? LOOP_REDUCES : 0);
    loop->span = body->span;
    loop->body = body;
    return loop;
}

LoopStmt *lanes_if(const Lanes *l, const LoopExpr *condition, LoopStmt *body) {
    LoopStmt *choice = stmt_new(l->plan, LS_IF);
    choice->condition = condition;
    choice->body = body;
    choice->span = body->span;
    return choice;
}

static void end_segment(Lanes *l, LoopStmt ***end) {
    if (l->body) {
        LoopStmt *body = l->region && !l->safe ? lanes_if(l, counts(l), l->body) : l->body;
        stmt_append(end, lane_loop(l, body, l->reduces));
    }
    for (LoopStmt *stmt = l->after; stmt;) {
        LoopStmt *next = stmt->next;
        stmt->next = NULL;
        stmt_append(end, stmt);
        stmt = next;
    }
    lanes_begin(l);
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
    stmt_append(into.end, always ? stmt : lanes_if(l, counts(l), stmt));
}

static LoopStmt *copy_of(Lanes *l, const LoopStmt *stmt) {
    LoopStmt *made = stmt_new(l->plan, stmt->kind);
    *made = *stmt;
    made->next = made->body = NULL;
    made->value = lanes_here(l, stmt->value);
    made->index = lanes_here(l, stmt->index);
    l->safe = l->safe && lanes_safe(l, stmt->value) &&
              (!stmt->index || (lanes_safe(l, stmt->index) && !lanes_varies(l, stmt->index)));
    return made;
}

/* Into the entries of a variable. */
static void to_entry(Lanes *l, LoopStmt *made, VarId var) {
    if (made->kind == LS_MAX) {
        made->value = x_call2(l->plan, BI_maximum, lanes_entry(l, var), made->value);
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
    l->varies[v] |= into.nested; /* the condition knows it alone: no index outside has it */
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
        made->index = lanes_at(l, made->index);
        put(l, into, made, only_here_buffer(l, stmt->buffer));
    } else if (lanes_varies(l, stmt->index)) {
        put(l, into, made, false);
    } else {
        write_shared(l, made, into, end);
    }
}

static void write_leaves(Lanes *l, const LoopStmt *stmt, Into into, LoopStmt ***end);

/* A condition without loops: it stays in the loop over the lanes. */
static void write_choice(Lanes *l, const LoopStmt *stmt, Into into, LoopStmt ***end) {
    LoopStmt *choice = stmt_new(l->plan, LS_IF);
    choice->condition = lanes_here(l, stmt->condition);
    choice->span = stmt->span;
    l->safe = l->safe && lanes_safe(l, stmt->condition);
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
    Region region = {.live = lanes_buffer(l, "live", KIND_REAL, dim_const(plan->ir, 1)),
                     .inside = effects_new(&l->f),
                     .others = effects_new(&l->f)};
    effects_add(&region.inside, stmt->body);
    effects_but(l->loop->body, stmt, &region.others);
    for (unsigned step = 0; step < 2; step++) {
        LoopStmt *store = stmt_new(plan, LS_STORE);
        store->buffer = region.live;
        store->index = l->lane;
        store->value = step ? x_convert(plan, lanes_here(l, stmt->condition)) : x_real(plan, 0);
        store->span = stmt->span;
        stmt_append(&l->body_end, step ? lanes_if(l, counts(l), store) : store);
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
    store->index = lanes_at(l, x_var(plan, made->var));
    store->value = x_real(plan, 0);
    made->body = lane_loop(l, lanes_if(l, counts(l), store), false);
    lanes_begin(l);
    stmt_append(end, made);
}

/* Does it only add a little to what all samples share? */
static bool only_sums(const Lanes *l, const LoopStmt *loop) {
    size_t count = 0;
    bool sums = false;
    for (const LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        bool let = stmt->kind == LS_LET;
        bool add =
            stmt->kind == LS_STORE_ADD && !l->f.own[stmt->buffer] && !lanes_varies(l, stmt->index);
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
    const LoopExpr *low = lanes_here(l, loop->low);
    const LoopExpr *length = x_call2(
        plan, BI_maximum, x_call2(plan, BI_sub, lanes_here(l, loop->high), low), x_int(plan, 0));
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
    } else if (stmt->kind == LS_IF && lanes_varies(l, stmt->condition)) {
        write_region(l, stmt, end);
    } else {
        bool turns = stmt->kind == LS_FOR && only_sums(l, stmt);
        const LoopExpr *rest = turns ? write_turns(l, stmt, end) : NULL;
        LoopStmt *made = stmt_new(l->plan, stmt->kind);
        *made = *stmt;
        made->next = made->body = NULL;
        made->flags = 0;
        made->low = rest ? rest : lanes_here(l, stmt->low);
        made->high = lanes_here(l, stmt->high);
        made->condition = lanes_here(l, stmt->condition);
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
        if (lanes_outside(l, stmt)) {
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
    lanes_column(plan, b, &size);
    const LoopExpr *entries = x_dim(plan, size);
    lanes_begin(l);
    LoopStmt *store = stmt_new(plan, LS_STORE);
    store->buffer = l->copy[b];
    LoopStmt *row = stmt_new(plan, LS_LET);
    row->var = plan_var(plan, plan_name(plan, "row"), KIND_INT, plan->root_block);
    row->value = x_call2(plan, BI_mul, lanes_sample(l), entries);
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
    store->index = lanes_at(l, at);
    store->value = x_load(plan, b, x_call2(plan, BI_add, x_var(plan, row->var), at));
    row->next = inner;
    row->span = store->span = inner->span = l->loop->span;
    LoopStmt *loop = lane_loop(l, row, false);
    loop->flags = LOOP_INDEPENDENT;
    return loop;
}

LoopStmt *lanes_write(Lanes *l) {
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
    lanes_begin(l);
    write_block(l, l->loop->body, &body_end);
    for (size_t b = 0; b < l->f.buffer_count; b++) {
        if (l->turned[b]) {
            stmt_append(&end, turn_column(l, (BufferId)b));
        }
    }
    *end = body;
    return loop;
}
