/* fission.c: a loop over samples whose body holds inner loops goes in blocks of samples, and its
 * body falls apart into several loops over the samples of a block: inner loops take several rows at
 * a time, so that what all rows share is loaded once, and what is scalar in a sample becomes a loop
 * over samples, which vectors can do. What one part hands to another has an entry for each sample
 * of a block. Works on finished statements. Sums may be made in another order, so all stays as
 * written under --strict; what is not understood stays as it is, too. */
#include "loop/fission.h"

/* ---- loops over the samples of a block
 * ---------------------------------------------------------------------------------------------------------
 */

static LoopStmt *sample_loop(Fission *f, const LoopExpr *low, const LoopExpr *high) {
    Plan *plan = f->plan;
    LoopStmt *loop = stmt_new(plan, LS_FOR);
    const char *name = plan->program->vars[f->loop->var].name;
    loop->var = f->loop->var;
    if (f->taken[loop->var]) {
        loop->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
    }
    f->taken[f->loop->var] = true;
    loop->low = low;
    loop->high = high;
    loop->flags = f->loop->flags & LOOP_SAMPLE;
    loop->span = f->loop->span;
    return loop;
}

static bool is_set_in(const LoopStmt *body, VarId var) {
    for (const LoopStmt *stmt = body; stmt; stmt = stmt->next) {
        bool sets = stmt->kind == LS_LET || stmt->kind == LS_DECLARE || stmt->kind == LS_FOR;
        if ((sets && stmt->var == var) || is_set_in(stmt->body, var)) {
            return true;
        }
    }
    return false;
}

/* Is it made of something that is set in the body, or of the counter? */
static bool is_made_in(const LoopStmt *body, const LoopExpr *x, const VarId *counter) {
    if (x->kind == LX_VAR) {
        return (counter && x->as.var == *counter) || is_set_in(body, x->as.var);
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (is_made_in(body, x->args[k], counter)) {
            return true;
        }
    }
    return false;
}

static bool has_load(const LoopExpr *x) {
    bool found = x->kind == LX_LOAD;
    for (unsigned k = 0; k < x->count && !found; k++) {
        found = has_load(x->args[k]);
    }
    return found;
}

/* What is added may go anywhere: another place for each turn of the counter must be seen. */
static bool adds_apart(Plan *plan, const LoopStmt *body, const LoopExpr *index, VarId counter) {
    const LoopExpr *step = stride(plan, index, counter);
    return step && x_proves_le(plan, x_int(plan, 1), step) && !has_load(index) &&
           !is_made_in(body, index, NULL);
}

/* Of the statements in the body of the loop, which may stand under conditions in it. */
static bool is_apart(Plan *plan, const LoopStmt *body, const LoopStmt *stmt, VarId counter) {
    for (; stmt; stmt = stmt->next) {
        const bool shared =
            stmt->kind == LS_ZERO || stmt->kind == LS_PRODUCT || stmt->kind == LS_LIB ||
            (stmt->kind == LS_STORE_ADD && !adds_apart(plan, body, stmt->index, counter)) ||
            (stmt->kind == LS_STORE && !is_made_in(body, stmt->index, &counter));
        if (shared || !is_apart(plan, body, stmt->body, counter)) {
            return false;
        }
    }
    return true;
}

bool are_apart(Plan *plan, const LoopStmt *body, VarId counter) {
    return is_apart(plan, body, body, counter);
}

/* All pieces of a part, sample after sample. */
LoopStmt *write_plain(Fission *f, unsigned part, const LoopExpr *low, const LoopExpr *high) {
    LoopStmt *loop = sample_loop(f, low, high);
    Copy copy = copy_new(f, x_var(f->plan, loop->var));
    LoopStmt **end = &loop->body;
    bool nest = false;
    bool reduces = false;
    begin_part(&copy, part, &end);
    for (size_t p = 0; p < f->count; p++) {
        const Piece *piece = &f->pieces[p];
        for (size_t k = 0; k < piece->count && in_part(piece, part); k++) {
            stmt_append(&end, copy_stmt(&copy, piece->list[k]));
            nest = nest || piece->nest;
            reduces = reduces || piece->list[k]->kind == LS_ADD || piece->list[k]->kind == LS_MAX;
        }
    }
    end_part(&copy, part, &end);
    if (!nest && are_apart(f->plan, loop->body, loop->var)) {
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
    LoopStmt *made = stmt_new(plan, LS_FOR);
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
            stmt_append(&inner_end, copies[k]);
        }
    }
    stmt_append(end, made);
}

/* A nest, several rows at a time; the rest of them is left to write_plain. */
static LoopStmt *write_rows(Fission *f, const Piece *piece, const LoopExpr *groups) {
    Plan *plan = f->plan;
    LoopStmt *loop = stmt_new(plan, LS_FOR);
    loop->var = plan_var(plan, plan_name(plan, "group"), KIND_INT, plan->root_block);
    loop->low = x_int(plan, 0);
    loop->high = groups;
    loop->flags = LOOP_SAMPLE;
    loop->span = f->loop->span;
    LoopStmt **end = &loop->body;
    Copy rows[ROWS_AT_ONCE];
    LoopStmt *let = stmt_new(plan, LS_LET);
    const char *name = plan->program->vars[f->loop->var].name;
    let->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
    const LoopExpr *offset =
        x_call2(plan, BI_mul, x_var(plan, loop->var), x_int(plan, ROWS_AT_ONCE));
    let->value = x_call2(plan, BI_add, f->first, offset);
    stmt_append(&end, let);
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
            stmt_append(&end, copy_stmt(&rows[k], piece->list[s]));
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
            f->handed[v] = plan_buffer(plan, buffer, f->home);
            plan->buffer_facts[f->handed[v]].size = f->size;
        }
    }
}

static void widen_sizes(const Fission *f) {
    Plan *plan = f->plan;
    Dim block = dim_const(plan->ir, BLOCK_SIZE);
    for (size_t b = 0; b < f->buffer_count; b++) {
        if (f->crosses_buffer[b]) {
            plan->buffer_facts[b].size = dim_mul(plan->ir, block, plan->buffer_facts[b].size);
        }
    }
    for (size_t v = 0; v < f->var_count; v++) {
        if (f->crosses_var[v]) {
            plan->buffer_facts[f->handed[v]].size = block;
        }
    }
}

static LoopStmt *let_int(Plan *plan, const char *name, const LoopExpr *value) {
    LoopStmt *let = stmt_new(plan, LS_LET);
    let->var = plan_var(plan, plan_name(plan, name), KIND_INT, plan->root_block);
    let->value = value;
    return let;
}

static void write_part(Fission *f, unsigned part, const LoopExpr *end_of_block,
                       const LoopExpr *groups, LoopStmt ***end) {
    Plan *plan = f->plan;
    Piece *nest = NULL;
    for (size_t p = 0; p < f->count; p++) {
        if (in_part(&f->pieces[p], part) && f->pieces[p].nest) {
            nest = &f->pieces[p];
        }
    }
    if (nest && nest->products) {
        for (LoopStmt *stmt = nest->products; stmt; stmt = nest->products) {
            nest->products = stmt->next;
            f->product_count += stmt->kind == LS_PRODUCT || (stmt->kind == LS_IF && !stmt->flags);
            stmt_append(end, stmt);
        }
        return;
    }
    if (!nest || !shares_rows(f, nest)) {
        f->plain_count++;
        stmt_append(end, write_plain(f, part, f->first, end_of_block));
        return;
    }
    f->shared_count++;
    stmt_append(end, write_rows(f, nest, groups));
    const LoopExpr *done = x_call2(plan, BI_mul, groups, x_int(plan, ROWS_AT_ONCE));
    stmt_append(end, write_plain(f, part, x_call2(plan, BI_add, f->first, done), end_of_block));
}
static LoopStmt *split(Plan *plan, LoopStmt *over, const Block *inside, const char **why) {
    Fission made = fission_new(plan, over, inside);
    Fission *f = &made;
    if (!fission_analyse(f)) {
        *why = "its steps cannot be taken apart";
        return NULL;
    }
    const LoopExpr *size = x_int(plan, BLOCK_SIZE);
    const LoopExpr *samples = over->high;
    LoopStmt *loop = stmt_new(plan, LS_FOR);
    loop->var = plan_var(plan, plan_name(plan, "block"), KIND_INT, plan->root_block);
    loop->low = x_int(plan, 0);
    loop->high = x_call2(plan, BI_floordiv,
                         x_call2(plan, BI_add, samples, x_int(plan, BLOCK_SIZE - 1)), size);
    loop->flags = LOOP_BLOCKS;
    loop->span = over->span;
    LoopStmt **end = &loop->body;
    LoopStmt *first = let_int(plan, "first", x_call2(plan, BI_mul, x_var(plan, loop->var), size));
    f->first = x_var(plan, first->var);
    const LoopExpr *most = x_call2(plan, BI_add, f->first, size);
    LoopStmt *last = let_int(plan, "end", x_call2(plan, BI_minimum, most, samples));
    f->rows = x_call2(plan, BI_sub, x_var(plan, last->var), f->first);
    LoopStmt *groups =
        let_int(plan, "groups", x_call2(plan, BI_floordiv, f->rows, x_int(plan, ROWS_AT_ONCE)));
    stmt_append(&end, first);
    stmt_append(&end, last);
    stmt_append(&end, groups);
    f->home = plan->root_block;
    f->size = dim_const(plan->ir, 1); /* until all is written */
    widen_buffers(f);
    *why = fission_loses(f);
    if (*why) {
        return NULL;
    }
    for (unsigned part = 0; part < f->part_count; part++) {
        write_part(f, part, x_var(plan, last->var), x_var(plan, groups->var), &end);
    }
    widen_sizes(f);
    *why =
        arena_format(plan->arena,
                     "blocks of %d: %u matrix products in tiles, %u loops of %d rows at a time, "
                     "%u loops over samples",
                     BLOCK_SIZE, f->product_count, f->shared_count, ROWS_AT_ONCE, f->plain_count);
    return loop;
}

/* ---- inner loops
 * ----------------------------------------------------------------------------------------------------------------------------
 */

static bool hands_buffers(const Fission *f) {
    for (size_t b = 0; b < f->buffer_count; b++) {
        if (f->crosses_buffer[b]) {
            return true;
        }
    }
    return false;
}

/* A loop in a sample that holds loops, as one for each of them and others for what is between:
 * matrix products can be seen then. False: it stays. */
static bool distribute(Plan *plan, LoopStmt *loop, Block *sample, LoopStmt ***end) {
    Fission made = fission_new(plan, loop, ((Stmt *)loop)->body);
    Fission *f = &made;
    if (loop->down || loop->low->kind != LX_INT || loop->low->as.integer != 0 || !f->inside ||
        !extent_dim(plan, loop->high, &f->size) || !fission_analyse(f) || f->part_count < 2 ||
        hands_buffers(f)) {
        return false;
    }
    f->first = loop->low;
    f->home = sample;
    widen_buffers(f);
    for (unsigned part = 0; part < f->part_count; part++) {
        stmt_append(end, write_plain(f, part, loop->low, loop->high));
    }
    return true;
}

/* A copy of the loop over samples with its inner loops taken apart. */
static LoopStmt *with_inner_apart(Plan *plan, const LoopStmt *loop, Block *sample) {
    LoopStmt *made = stmt_new(plan, LS_FOR);
    *made = *loop;
    made->next = made->body = NULL;
    LoopStmt **end = &made->body;
    for (LoopStmt *stmt = loop->body; stmt; stmt = stmt->next) {
        bool nest = false;
        for (const LoopStmt *inner = stmt->body; inner; inner = inner->next) {
            nest = nest || has_loop(inner);
        }
        if (stmt->kind != LS_FOR || !nest || !distribute(plan, stmt, sample, &end)) {
            LoopStmt *same = stmt_new(plan, stmt->kind);
            *same = *stmt;
            ((Stmt *)same)->body = ((Stmt *)stmt)->body;
            same->next = NULL;
            stmt_append(&end, same);
        }
    }
    return made;
}

static LoopStmt *blocks_of(Plan *plan, LoopStmt *loop, const char **why) {
    Block *sample = ((Stmt *)loop)->body;
    if (loop->down || loop->low->kind != LX_INT || loop->low->as.integer != 0 || !sample ||
        !is_plain(loop->body)) {
        *why = "library operations in it";
        return NULL;
    }
    size_t count = 0;
    for (const LoopStmt *stmt = loop->body; stmt && count <= STATEMENT_LIMIT; stmt = stmt->next) {
        count++;
    }
    if (count > STATEMENT_LIMIT) {
        *why = "its steps are too many to be taken apart";
        return NULL;
    }
    size_t vars = plan->program->var_count;
    size_t buffers = plan->program->buffer_count;
    LoopStmt *made = split(plan, with_inner_apart(plan, loop, sample), sample, why);
    if (!made) {
        plan->program->var_count = vars;
        plan->program->buffer_count = buffers;
        const char *lanes;
        made = lanes_split(plan, loop, sample, &lanes);
        *why = made ? lanes : *why;
    }
    if (!made) {
        plan->program->var_count = vars;
        plan->program->buffer_count = buffers;
    }
    return made;
}

/* What is against blocks from the start, or NULL. */
static const char *against(const Plan *plan) {
    return plan->ir->per_sample      ? "each sample updates the params"
           : plan->carries.count > 0 ? "a recurrence in it"
           : plan->options->strict   ? "sums in order, by --strict"
                                     : NULL;
}

void fission_blocks(Plan *plan) {
    for (LoopStmt **at = &plan->program->body; *at; at = &(*at)->next) {
        if ((*at)->kind != LS_FOR || !((*at)->flags & LOOP_SAMPLE)) {
            continue;
        }
        const char *why = against(plan);
        LoopStmt *made = why ? NULL : blocks_of(plan, *at, &why);
        if (made) {
            LoopStmt *last = made;
            while (last->next) {
                last = last->next;
            }
            last->next = (*at)->next;
            *at = made;
        }
        plan->program->samples =
            made ? why : arena_format(plan->arena, "one by one: %s", why ? why : "");
    }
}
