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
#include "loop/lanes.h"

enum {
    ENTRY_LIMIT = 4096,     /* of an array of one sample, if its size is known */
    ROW_LIMIT = 128,        /* numbers in a row of which the size is a variable, */
    FEW_ROWS = 8,           /* in batches of at least so many, */
    KNOWN_ROW_LIMIT = 1024, /* or of a row of known size */
};

/* ---- what varies
 * ------------------------------------------------------------------------------------------------
 */

bool lanes_varies(const Lanes *l, const LoopExpr *x) {
    if ((x->kind == LX_VAR && l->varies[x->as.var]) ||
        (x->kind == LX_LOAD && l->f.own[x->as.buffer])) {
        return true;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (lanes_varies(l, x->args[k])) {
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
    l->varies[v] = lanes_varies(l, stmt->value);
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
bool lanes_outside(const Lanes *l, const LoopStmt *stmt) {
    return stmt->kind == LS_FOR || stmt->kind == LS_ZERO ||
           (stmt->kind == LS_IF && (has_loop(stmt) || !lanes_varies(l, stmt->condition)));
}

static const LoopExpr *load_turned(Lanes *l, const LoopExpr *x);

/* Does it read what all samples share where each sample says? */
static bool gathers(Lanes *l, const LoopExpr *x) {
    if (x && x->kind == LX_LOAD && !l->f.own[x->as.buffer] && lanes_varies(l, x->args[0]) &&
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
           (stmt->kind == LS_STORE_ADD && !l->f.own[stmt->buffer] && lanes_varies(l, stmt->index));
}

static bool scan(Lanes *l, const LoopStmt *block, unsigned depth) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        if (depth > 0 && goes_along_tables(l, stmt)) {
            return false;
        }
        if (stmt->kind == LS_FOR || stmt->kind == LS_IF) {
            bool loop = stmt->kind == LS_FOR;
            bool outside = lanes_outside(l, stmt);
            if (loop && (lanes_varies(l, stmt->low) || lanes_varies(l, stmt->high))) {
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
        bool outside = lanes_outside(l, stmt);
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
bool lanes_column(const Plan *plan, BufferId b, Dim *size) {
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

BufferId lanes_buffer(Lanes *l, const char *name, Kind kind, Dim entries) {
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

const LoopExpr *lanes_at(Lanes *l, const LoopExpr *index) {
    Plan *plan = l->plan;
    const LoopExpr *base = x_call2(plan, BI_mul, index, x_int(plan, LANES));
    return x_call2(plan, BI_add, base, l->lane);
}

/* The sample, or the last one. */
const LoopExpr *lanes_sample(Lanes *l) {
    Plan *plan = l->plan;
    const LoopExpr *last = x_call2(plan, BI_sub, l->samples, x_int(plan, 1));
    return x_call2(plan, BI_minimum, x_call2(plan, BI_add, x_var(plan, l->first), l->lane), last);
}

const LoopExpr *lanes_entry(Lanes *l, VarId var) {
    return x_load(l->plan, l->array[var], l->lane);
}

static const LoopExpr *rewrite(Lanes *l, const LoopExpr *x, const LoopExpr *sample);

/* Is it 1 or NaN, the same for all samples? */
static bool is_check(const Lanes *l, const LoopExpr *x) {
    return x->kind == LX_SELECT && !lanes_varies(l, x->args[0]) && x->args[1]->kind == LX_REAL &&
           x->args[1]->as.real == 1 && x->args[2]->kind == LX_REAL &&
           x->args[2]->as.real != x->args[2]->as.real;
}

static bool is_product(const LoopExpr *x) {
    return x->kind == LX_CALL && x->as.builtin == BI_mul && x->type == KIND_REAL;
}

/* a · (check · b), a the same for all samples, as (a · check) · b: nothing is rounded otherwise. */
static const LoopExpr *with_check_early(const Lanes *l, const LoopExpr *x) {
    Plan *plan = l->plan;
    if (!is_product(x) || !is_product(x->args[1]) || lanes_varies(l, x->args[0]) ||
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
    if (!lanes_column(plan, b, &size)) {
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
        l->copy[b] = lanes_buffer(l, column->name, column->kind, size);
        l->turned[b] = true;
    }
    return x_load(plan, l->copy[b], lanes_at(l, rewrite(l, x->args[0], x_int(plan, 0))));
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
               : kept        ? lanes_entry(l, v)
               : l->as[v]    ? l->as[v]
                             : x;
    }
    if (x->kind == LX_LOAD) {
        const LoopExpr *turned = load_turned(l, x);
        if (turned) {
            return turned;
        }
        const LoopExpr *index = rewrite(l, x->args[0], sample);
        return x_load(plan, x->as.buffer, l->f.own[x->as.buffer] ? lanes_at(l, index) : index);
    }
    return rewrite_args(l, x, sample);
}

const LoopExpr *lanes_here(Lanes *l, const LoopExpr *x) {
    return x ? rewrite(l, x, lanes_sample(l)) : NULL;
}

/* May it be computed for lanes that do not count? Positions that differ may be outside. */
bool lanes_safe(Lanes *l, const LoopExpr *x) {
    if (x->kind == LX_LOAD && load_turned(l, x)) {
        return true;
    }
    bool varies = lanes_varies(l, x);
    if ((x->kind == LX_LOAD && lanes_varies(l, x->args[0])) || x->kind == LX_EXTERN ||
        (x->kind == LX_CALL && varies &&
         (x->as.builtin == BI_floordiv || x->as.builtin == BI_mod))) {
        return false;
    }
    if (x->kind == LX_VAR && l->inlined[x->as.var]) {
        return lanes_safe(l, l->said[x->as.var]);
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (!lanes_safe(l, x->args[k])) {
            return false;
        }
    }
    return true;
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
            l->array[v] = lanes_buffer(l, info.name, info.kind, dim_const(plan->ir, 1));
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
    lanes_begin(l);
    return shares_sums(l, &all) && scan(l, l->loop->body, 0) && l->nests > 0 && fits(l);
}

/* The numbers of a row that are turned. */
static Dim row_size(const Lanes *l) {
    Plan *plan = l->plan;
    Dim all = dim_const(plan->ir, 0);
    for (size_t b = 0; b < l->f.buffer_count; b++) {
        Dim size;
        if (l->turned[b] && lanes_column(plan, (BufferId)b, &size)) {
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
    is_short->next = lanes_if(l, condition, lanes);
    is_short->next->next = lanes_if(l, x_call1(plan, BI_not, condition), rest);
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
    LoopStmt *made = lanes_write(&l);
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
