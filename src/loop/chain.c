/* chain.c: steps of SGD, four samples at a time. A loss that knows the params by sums that are
 * linear in them, s = Σ a[i] w[i], and whose step is w[i] ← w[i] − c u[i] with data a and u and a
 * number c, waits from sample to sample for: the step, the next sum, what comes of it. But the sum
 * of a later sample k is that at the params before the block, less what the steps of samples l
 * between took off it:
 *
 *     s_k = Σ a_k[i] w[i] − Σ_l c_l g_lk        g_lk = Σ a_k[i] u_l[i]
 *
 * So all sums of a block are made in one pass over the params, with the products g, which are data;
 * in the chain are numbers only; and the params are written once for the block. It is the same step
 * up to rounding, whatever stands between s and c: nothing under --strict. Works on finished
 * statements; what is not of this form stays as it is. */
#include "loop/fission.h"

enum {
    CHAIN_ROWS = 4,
    DOTS = 8,
    UPDATES = 8,
    PRODUCTS =
        4, /* of two samples: 6 times as many sums, and those of the dots, stay in registers */
    NEST_DEPTH = 4
};

/* A perfect nest of loops, with the statements inside. */
typedef struct {
    const LoopStmt *loops[NEST_DEPTH];
    unsigned depth;
    const LoopStmt *body;
} Nest;

typedef struct {
    const LoopStmt *at; /* the nest among the statements of the body */
    const LoopStmt *add;
    BufferId param;
    const LoopExpr *position, *coefficient;
    const LoopStmt *declared;      /* the sum */
    const LoopExpr *data[UPDATES]; /* by update: its u at the same entry; or NULL */
    VarId sums[CHAIN_ROWS];        /* before the block's steps */
    VarId products[UPDATES][CHAIN_ROWS][CHAIN_ROWS]; /* g of a step and a later sample */
} Dot;

/* A term of what is taken off a param. */
typedef struct {
    const LoopStmt *at;
    BufferId param;
    const LoopExpr *position, *data; /* u */
    const LoopExpr *factor;          /* c, */
    const LoopExpr *scale, *pure;    /* as a number of all samples times another, where it is */
    const LoopExpr *factors[CHAIN_ROWS], *pures[CHAIN_ROWS];
} Update;

typedef struct {
    Fission f; /* for copies */
    Plan *plan;
    const LoopStmt *loop;
    bool *updated; /* by buffer: a param that changes */
    bool *moving;  /* by variable: depends on params */
    Dot dots[DOTS];
    unsigned dot_count;
    Update updates[UPDATES];
    unsigned update_count;
} Chain;

/* ---- expressions ---------------------------------------------------------------------------- */

typedef struct {
    Chain *chain;
    const LoopExpr **map; /* by variable: what stands for it, or NULL */
} Substitution;

static const LoopExpr *substitute(const Substitution *s, const LoopExpr *x) {
    if (x->kind == LX_VAR) {
        return s->map[x->as.var] ? s->map[x->as.var] : x;
    }
    const LoopExpr *args[EXTERN_ARITY];
    bool same = true;
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = substitute(s, x->args[k]);
        same = same && args[k] == x->args[k];
    }
    return same ? x : x_rebuild(s->chain->plan, x, args);
}

static bool reads_var(const LoopExpr *x, const bool *vars) {
    if (x->kind == LX_VAR) {
        return vars[x->as.var];
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (reads_var(x->args[k], vars)) {
            return true;
        }
    }
    return false;
}

static bool loads_updated(const Chain *c, const LoopExpr *x) {
    if (x->kind == LX_LOAD && c->updated[x->as.buffer]) {
        return true;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (loads_updated(c, x->args[k])) {
            return true;
        }
    }
    return false;
}

static bool is_fixed(const Chain *c, const LoopExpr *x) {
    return !x || (!reads_var(x, c->moving) && !loads_updated(c, x));
}

static bool is_one(const LoopExpr *x) {
    return x->kind == LX_REAL && x->as.real == 1;
}

static const LoopExpr *product(const Chain *c, const LoopExpr *a, const LoopExpr *b) {
    return is_one(a) ? b : is_one(b) ? a : x_call2(c->plan, BI_mul, a, b);
}

static bool is_call(const LoopExpr *x, BuiltinId f) {
    return x->kind == LX_CALL && x->as.builtin == f;
}

/* x is a load of a param times the coefficient, which is data. */
static bool take_linear(const Chain *c, const LoopExpr *x, Dot *dot) {
    Plan *plan = c->plan;
    if (x->kind == LX_LOAD && c->updated[x->as.buffer] && is_fixed(c, x->args[0])) {
        dot->param = x->as.buffer;
        dot->position = x->args[0];
        dot->coefficient = x_real(plan, 1);
        return true;
    }
    if (is_call(x, BI_neg) && take_linear(c, x->args[0], dot)) {
        dot->coefficient = x_call1(plan, BI_neg, dot->coefficient);
        return true;
    }
    if (is_call(x, BI_mul)) {
        for (unsigned k = 0; k < 2; k++) {
            if (is_fixed(c, x->args[1 - k]) && take_linear(c, x->args[k], dot)) {
                dot->coefficient = product(c, dot->coefficient, x->args[1 - k]);
                return true;
            }
        }
    }
    if (is_call(x, BI_div) && is_fixed(c, x->args[1]) && take_linear(c, x->args[0], dot)) {
        dot->coefficient = x_call2(plan, BI_div, dot->coefficient, x->args[1]);
        return true;
    }
    return false;
}

/* x is a number, the same for all iterations of the nest, times data. */
static bool take_step(const Chain *c, const LoopExpr *x, const bool *counters,
                      const LoopExpr **factor, const LoopExpr **data) {
    Plan *plan = c->plan;
    if (loads_updated(c, x)) {
        return false;
    }
    if (!reads_var(x, counters)) {
        *factor = x;
        *data = x_real(plan, 1);
        return true;
    }
    if (is_fixed(c, x)) {
        *factor = x_real(plan, 1);
        *data = x;
        return true;
    }
    const LoopExpr *factors[2];
    const LoopExpr *datas[2];
    if (is_call(x, BI_neg) && take_step(c, x->args[0], counters, factor, data)) {
        *factor = x_call1(plan, BI_neg, *factor);
        return true;
    }
    if (!is_call(x, BI_mul) || !take_step(c, x->args[0], counters, &factors[0], &datas[0]) ||
        !take_step(c, x->args[1], counters, &factors[1], &datas[1])) {
        return false;
    }
    *factor = product(c, factors[0], factors[1]);
    *data = product(c, datas[0], datas[1]);
    return true;
}

/* ---- what the body is made of ---------------------------------------------------------------- */

/* Loops in loops, nothing between them but what is set once. */
static bool take_nest(const Chain *c, const LoopStmt *stmt, Nest *nest) {
    *nest = (Nest){0};
    while (stmt && stmt->kind == LS_FOR && nest->depth < NEST_DEPTH) {
        if (stmt->down || varies(&c->f, stmt->low) || varies(&c->f, stmt->high)) {
            return false;
        }
        nest->loops[nest->depth++] = stmt;
        nest->body = stmt->body;
        stmt = stmt->body && !stmt->body->next ? stmt->body : NULL;
    }
    for (stmt = nest->body; stmt; stmt = stmt->next) {
        if (stmt->kind != LS_LET && stmt->kind != LS_ADD && stmt->kind != LS_STORE) {
            return false;
        }
    }
    return nest->depth > 0;
}

static bool *counters_of(const Chain *c, const Nest *nest) {
    bool *counters = arena_array(c->plan->arena, bool, c->f.var_count + 1);
    for (unsigned k = 0; k < nest->depth; k++) {
        counters[nest->loops[k]->var] = true;
    }
    return counters;
}

/* What is set inside the nest is put in its place. */
static Substitution lets_of(Chain *c, const Nest *nest) {
    Substitution s = {c, arena_array(c->plan->arena, const LoopExpr *, c->f.var_count + 1)};
    for (const LoopStmt *stmt = nest->body; stmt; stmt = stmt->next) {
        if (stmt->kind == LS_LET) {
            s.map[stmt->var] = substitute(&s, stmt->value);
        }
    }
    return s;
}

/* ---- which entries --------------------------------------------------------------------------- */

/* Is it the same for all samples, but for the counters? */
static bool is_steady(const Chain *c, const LoopExpr *x, const bool *counters) {
    if (x->kind == LX_LOAD ||
        (x->kind == LX_VAR && c->f.inner[x->as.var] && !counters[x->as.var])) {
        return false;
    }
    for (unsigned k = 0; k < x->count; k++) {
        if (!is_steady(c, x->args[k], counters)) {
            return false;
        }
    }
    return true;
}

/* The counters as digits: those in `taken` make positions 0 … span - 1, and one that is left moves
 * by span or more. */
static bool are_digits(Plan *plan, const Nest *nest, const LoopExpr *position, unsigned taken,
                       const LoopExpr *span) {
    bool all = true;
    for (unsigned k = 0; k < nest->depth; k++) {
        const LoopStmt *loop = nest->loops[k];
        const LoopExpr *step = stride(plan, position, loop->var);
        if ((taken >> k) & 1) {
            continue;
        }
        all = false;
        if (step && x_proves_le(plan, x_int(plan, 0), loop->low) && x_proves_le(plan, span, step) &&
            are_digits(plan, nest, position, taken | (1U << k),
                       x_call2(plan, BI_mul, loop->high, step))) {
            return true;
        }
    }
    return all;
}

/* Does the nest come to each entry once, and to the same ones for all samples? */
static bool once_each(const Chain *c, const Nest *nest, const LoopExpr *position) {
    return is_steady(c, position, counters_of(c, nest)) &&
           are_digits(c->plan, nest, position, 0, x_int(c->plan, 1));
}

static bool writes_param(const Chain *c, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        bool writes = stmt->kind == LS_STORE || stmt->kind == LS_STORE_ADD || stmt->kind == LS_ZERO;
        if ((writes && c->updated[stmt->buffer]) || writes_param(c, stmt->body)) {
            return true;
        }
    }
    return false;
}

static bool reads_param(const Chain *c, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        const LoopExpr *all[] = {stmt->value, stmt->index, stmt->low, stmt->high, stmt->condition};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            if (all[k] && loads_updated(c, all[k])) {
                return true;
            }
        }
        if (reads_param(c, stmt->body)) {
            return true;
        }
    }
    return false;
}

static bool take_dots(Chain *c, const LoopStmt *stmt) {
    Nest nest;
    if (!take_nest(c, stmt, &nest)) {
        return false;
    }
    Substitution lets = lets_of(c, &nest);
    for (const LoopStmt *inner = nest.body; inner; inner = inner->next) {
        if (inner->kind == LS_LET) {
            continue;
        }
        Dot *dot = &c->dots[c->dot_count];
        if (inner->kind != LS_ADD || c->dot_count == DOTS ||
            !take_linear(c, substitute(&lets, inner->value), dot) ||
            !once_each(c, &nest, dot->position)) {
            return false;
        }
        dot->at = stmt;
        dot->add = inner;
        c->dot_count++;
    }
    return true;
}

/* The terms of what is taken off. */
static bool take_terms(Chain *c, const LoopExpr *x, bool less, const bool *counters,
                       const Update *of) {
    if (is_call(x, BI_neg)) {
        return take_terms(c, x->args[0], !less, counters, of);
    }
    if (is_call(x, BI_add) || is_call(x, BI_sub)) {
        return take_terms(c, x->args[0], less, counters, of) &&
               take_terms(c, x->args[1], less != is_call(x, BI_sub), counters, of);
    }
    Update *update = &c->updates[c->update_count];
    if (c->update_count == UPDATES) {
        return false;
    }
    *update = *of;
    if (!take_step(c, x, counters, &update->factor, &update->data)) {
        return false;
    }
    update->factor = less ? x_call1(c->plan, BI_neg, update->factor) : update->factor;
    c->update_count++;
    return true;
}

static bool is_updated(const Chain *c, BufferId param) {
    for (unsigned k = 0; k < c->update_count; k++) {
        if (c->updates[k].param == param) {
            return true;
        }
    }
    return false;
}

static bool take_updates(Chain *c, const LoopStmt *stmt) {
    Nest nest;
    if (!take_nest(c, stmt, &nest)) {
        return false;
    }
    Substitution lets = lets_of(c, &nest);
    const bool *counters = counters_of(c, &nest);
    for (const LoopStmt *inner = nest.body; inner; inner = inner->next) {
        if (inner->kind == LS_LET) {
            continue;
        }
        if (inner->kind != LS_STORE || !c->updated[inner->buffer] || is_updated(c, inner->buffer)) {
            return false;
        }
        const LoopExpr *value = substitute(&lets, inner->value);
        const Update update = {
            .at = stmt, .param = inner->buffer, .position = substitute(&lets, inner->index)};
        if (!is_call(value, BI_sub) || value->args[0]->kind != LX_LOAD ||
            value->args[0]->as.buffer != inner->buffer ||
            !x_same(value->args[0]->args[0], update.position) || !is_fixed(c, update.position) ||
            !once_each(c, &nest, update.position) ||
            !take_terms(c, value->args[1], false, counters, &update)) {
            return false;
        }
    }
    return true;
}

/* Which variables of the body depend on params, or are carried from sample to sample. */
static bool spread_moving(Chain *c, const LoopStmt *block, bool under) {
    bool changed = false;
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        bool depends = under || !is_fixed(c, stmt->value) || !is_fixed(c, stmt->low) ||
                       !is_fixed(c, stmt->high) || !is_fixed(c, stmt->condition);
        bool sets = stmt->kind == LS_LET || stmt->kind == LS_DECLARE || stmt->kind == LS_ADD ||
                    stmt->kind == LS_MAX || stmt->kind == LS_ASSIGN || stmt->kind == LS_FOR;
        bool outer = sets && stmt->kind != LS_LET && stmt->kind != LS_DECLARE &&
                     stmt->kind != LS_FOR && !c->f.inner[stmt->var];
        if (sets && (depends || outer) && !c->moving[stmt->var]) {
            c->moving[stmt->var] = true;
            changed = true;
        }
        changed = spread_moving(c, stmt->body, depends) || changed;
    }
    return changed;
}

/* Writes it anything but variables and the params? */
static bool writes_others(const Chain *c, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        bool writes = stmt->kind == LS_STORE || stmt->kind == LS_STORE_ADD || stmt->kind == LS_ZERO;
        if ((writes && !c->updated[stmt->buffer]) || stmt->kind == LS_PRODUCT ||
            writes_others(c, stmt->body)) {
            return true;
        }
    }
    return false;
}

static const Dot *dot_of(const Chain *c, VarId sum) {
    for (unsigned d = 0; d < c->dot_count; d++) {
        if (c->dots[d].add->var == sum) {
            return &c->dots[d];
        }
    }
    return NULL;
}

/* The update of the dot's param goes through the same entries in the same loops: then what it does
 * to the entry of an iteration is known there. */
static bool match(Chain *c, Dot *dot, unsigned u) {
    Nest a, b;
    const Update *update = &c->updates[u];
    if (!take_nest(c, dot->at, &a) || !take_nest(c, update->at, &b) || a.depth != b.depth) {
        return false;
    }
    Substitution s = {c, arena_array(c->plan->arena, const LoopExpr *, c->f.var_count + 1)};
    for (unsigned k = 0; k < a.depth; k++) {
        if (!x_same(a.loops[k]->low, b.loops[k]->low) ||
            !x_same(a.loops[k]->high, b.loops[k]->high)) {
            return false;
        }
        s.map[b.loops[k]->var] = x_var(c->plan, a.loops[k]->var);
    }
    dot->data[u] = substitute(&s, update->data);
    return x_same(substitute(&s, update->position), dot->position);
}

static const LoopStmt *declaration(const Chain *c, VarId var) {
    const LoopStmt *stmt = c->loop->body;
    while (stmt && !(stmt->kind == LS_DECLARE && stmt->var == var)) {
        stmt = stmt->next;
    }
    return stmt;
}

/* What a variable is set to, once for a sample; NULL: it is none of these. */
static const LoopExpr *value_of(const Chain *c, const LoopExpr *x) {
    const LoopStmt *stmt = c->loop->body;
    while (stmt && !(x->kind == LX_VAR && stmt->kind == LS_LET && stmt->var == x->as.var)) {
        stmt = stmt->next;
    }
    return stmt ? stmt->value : NULL;
}

/* c = rate · r: what is the same for all samples need not be waited for. */
static void find_scale(const Chain *c, Update *update) {
    const LoopExpr *value = value_of(c, update->factor);
    update->pure = update->factor;
    update->scale = x_real(c->plan, 1);
    for (unsigned k = 0; k < 2 && value && is_call(value, BI_mul); k++) {
        const LoopExpr *one = value->args[k];
        const LoopExpr *other = value->args[1 - k];
        if (!varies(&c->f, one) && is_fixed(c, one) &&
            (value_of(c, other) || (other->kind == LX_VAR && dot_of(c, other->as.var)))) {
            update->scale = value->args[k];
            update->pure = other;
            return;
        }
    }
}

/* All that the body does with params is dots, then updates of the same entries. */
static bool analyse(Chain *c) {
    bool updates = false;
    unsigned products = 0;
    while (spread_moving(c, c->loop->body, false)) {
    }
    for (const LoopStmt *stmt = c->loop->body; stmt; stmt = stmt->next) {
        LoopStmt alone = *stmt;
        alone.next = NULL;
        if (writes_param(c, &alone)) {
            updates = true;
            if (!take_updates(c, stmt)) {
                return false;
            }
        } else if (reads_param(c, &alone) && (updates || !take_dots(c, stmt))) {
            return false;
        }
    }
    for (unsigned u = 0; u < c->update_count; u++) {
        find_scale(c, &c->updates[u]);
    }
    for (unsigned d = 0; d < c->dot_count; d++) {
        Dot *dot = &c->dots[d];
        dot->declared = declaration(c, dot->add->var);
        if (!dot->declared || !is_fixed(c, dot->declared->value) ||
            dot_of(c, dot->add->var) != dot) {
            return false;
        }
        for (unsigned u = 0; u < c->update_count; u++) {
            bool same = c->updates[u].param == dot->param;
            if (same && (++products > PRODUCTS || !match(c, dot, u))) {
                return false;
            }
        }
    }
    return c->dot_count > 0 && c->update_count > 0;
}

/* ---- the block ------------------------------------------------------------------------------- */

static bool is_data(const Chain *c, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        bool sets = stmt->kind == LS_LET || stmt->kind == LS_DECLARE || stmt->kind == LS_ADD ||
                    stmt->kind == LS_MAX || stmt->kind == LS_ASSIGN || stmt->kind == LS_FOR;
        if ((sets && c->moving[stmt->var]) || !is_fixed(c, stmt->value) ||
            !is_fixed(c, stmt->condition) || !is_fixed(c, stmt->low) || !is_fixed(c, stmt->high) ||
            !is_data(c, stmt->body)) {
            return false;
        }
    }
    return true;
}

static LoopStmt *set_new(Chain *c, LoopStmtKind kind, const char *name, Kind type,
                         const LoopExpr *value, LoopStmt ***end) {
    LoopStmt *set = stmt_new(c->plan, kind);
    set->var = plan_var(c->plan, plan_name(c->plan, name), type, c->plan->root_block);
    set->value = value;
    stmt_append(end, set);
    return set;
}

/* The loops of a nest once more, for all rows; *inner is where its statements go. */
static LoopStmt *nest_new(Chain *c, Copy *rows, const LoopStmt *at, LoopStmt ***inner) {
    LoopStmt *outermost = NULL;
    LoopStmt **end = &outermost;
    Nest nest;
    take_nest(c, at, &nest);
    for (unsigned d = 0; d < nest.depth; d++) {
        LoopStmt *loop = stmt_new(c->plan, LS_FOR);
        *loop = *nest.loops[d];
        loop->next = loop->body = NULL;
        loop->low = copy_expr(&rows[0], loop->low);
        loop->high = copy_expr(&rows[0], loop->high);
        loop->var = copy_var(&rows[0], loop->var);
        for (unsigned k = 1; k < CHAIN_ROWS; k++) {
            rows[k].map[nest.loops[d]->var] = rows[0].map[nest.loops[d]->var];
        }
        *end = loop;
        end = &loop->body;
    }
    *inner = end;
    return outermost;
}

static void declare_sums(Chain *c, Copy *rows, LoopStmt ***end) {
    for (unsigned d = 0; d < c->dot_count; d++) {
        Dot *dot = &c->dots[d];
        const char *name = c->plan->program->vars[dot->add->var].name;
        for (unsigned k = 0; k < CHAIN_ROWS; k++) {
            const LoopExpr *start = copy_expr(&rows[k], dot->declared->value);
            dot->sums[k] = set_new(c, LS_DECLARE, name, KIND_REAL, start, end)->var;
            for (unsigned g = 0; g < c->update_count * k; g++) {
                const unsigned u = g / k;
                if (dot->data[u]) {
                    const LoopExpr *zero = x_real(c->plan, 0);
                    dot->products[u][g % k][k] =
                        set_new(c, LS_DECLARE, "g", KIND_REAL, zero, end)->var;
                }
            }
        }
    }
}

static void add_to(Chain *c, const Dot *dot, VarId sum, const LoopExpr *a, const LoopExpr *b,
                   LoopStmt ***end) {
    LoopStmt *add = stmt_new(c->plan, LS_ADD);
    *add = *dot->add;
    add->next = NULL;
    add->var = sum;
    add->value = product(c, a, b);
    stmt_append(end, add);
}

/* Set once for all that reads it. */
static const LoopExpr *entry_of(Chain *c, const char *name, const LoopExpr *value,
                                LoopStmt ***end) {
    if (value->count == 0 && !((const Expr *)value)->moving) {
        return value;
    }
    return x_var(c->plan, set_new(c, LS_LET, name, KIND_REAL, value, end)->var);
}

static void write_dot(Chain *c, Copy *rows, const Dot *dot, LoopStmt ***end) {
    const LoopExpr *a[CHAIN_ROWS];
    const LoopExpr *data[UPDATES][CHAIN_ROWS];
    const LoopExpr *load = x_moving_load(c->plan, dot->param, copy_expr(&rows[0], dot->position));
    const LoopExpr *param = x_var(c->plan, set_new(c, LS_LET, "p", KIND_REAL, load, end)->var);
    for (unsigned k = 0; k < CHAIN_ROWS; k++) {
        const LoopExpr *coefficient = copy_expr(&rows[k], dot->coefficient);
        a[k] = entry_of(c, "entry", coefficient, end);
        add_to(c, dot, dot->sums[k], a[k], param, end);
        for (unsigned u = 0; u < c->update_count; u++) {
            if (!dot->data[u]) {
                continue;
            }
            const LoopExpr *entry = copy_expr(&rows[k], dot->data[u]);
            data[u][k] = x_same(entry, coefficient) ? a[k] : entry_of(c, "entry", entry, end);
            for (unsigned l = 0; l < k; l++) {
                add_to(c, dot, dot->products[u][l][k], a[k], data[u][l], end);
            }
        }
    }
}

/* All sums that stand in one nest. */
static void write_dots(Chain *c, Copy *rows, const LoopStmt *at, LoopStmt ***end) {
    LoopStmt **inner;
    LoopStmt *nest = nest_new(c, rows, at, &inner);
    for (unsigned d = 0; d < c->dot_count; d++) {
        if (c->dots[d].at == at) {
            write_dot(c, rows, &c->dots[d], &inner);
        }
    }
    stmt_append(end, nest);
}

/* The sum as it is once the samples before row k have made their steps. */
static const LoopExpr *sum_at(Chain *c, const Dot *dot, unsigned k) {
    Plan *plan = c->plan;
    const LoopExpr *sum = x_moving(plan, dot->sums[k]);
    for (unsigned g = 0; g < c->update_count * k; g++) {
        const unsigned l = g / c->update_count;
        const unsigned u = g % c->update_count;
        if (dot->data[u]) {
            const Update *update = &c->updates[u];
            const LoopExpr *taken =
                product(c, update->scale, x_moving(plan, dot->products[u][l][k]));
            sum = x_call2(plan, BI_sub, sum, product(c, update->pures[l], taken));
        }
    }
    return sum;
}

/* What is between the sums and the steps, for one sample. */
static void write_row(Chain *c, Copy *copy, unsigned k, LoopStmt ***end) {
    for (const LoopStmt *stmt = c->loop->body; stmt; stmt = stmt->next) {
        LoopStmt alone = *stmt;
        alone.next = NULL;
        bool nest = false;
        for (unsigned d = 0; d < c->dot_count; d++) {
            const Dot *dot = &c->dots[d];
            nest = nest || dot->at == stmt || dot->declared == stmt;
            if (dot->at == stmt) {
                const char *name = c->plan->program->vars[dot->add->var].name;
                LoopStmt *let = set_new(c, LS_LET, name, KIND_REAL, sum_at(c, dot, k), end);
                copy->map[dot->add->var] = x_var(c->plan, let->var);
            }
        }
        for (unsigned u = 0; u < c->update_count; u++) {
            Update *update = &c->updates[u];
            nest = nest || update->at == stmt;
            if (update->at == stmt) {
                const LoopExpr *factor = copy_expr(copy, update->factor);
                update->factors[k] = entry_of(c, "step", factor, end);
                update->pures[k] = update->pure == update->factor ? update->factors[k]
                                                                  : copy_expr(copy, update->pure);
            }
        }
        if (!nest && stmt->kind != LS_COMMENT && !is_data(c, &alone)) {
            stmt_append(end, copy_stmt(copy, stmt));
        }
    }
}

static void write_updates(Chain *c, Copy *rows, const LoopStmt *at, LoopStmt ***end) {
    Plan *plan = c->plan;
    LoopStmt **inner;
    LoopStmt *nest = nest_new(c, rows, at, &inner);
    for (unsigned u = 0; u < c->update_count; u++) {
        const Update *update = &c->updates[u];
        if (update->at != at || (u > 0 && update->param == c->updates[u - 1].param)) {
            continue;
        }
        const LoopExpr *position = copy_expr(&rows[0], update->position);
        const LoopExpr *value = x_moving_load(plan, update->param, position);
        for (unsigned k = 0; k < CHAIN_ROWS; k++) {
            for (const Update *term = update;
                 term < c->updates + c->update_count && term->param == update->param; term++) {
                const LoopExpr *data = copy_expr(&rows[k], term->data);
                value = x_call2(plan, BI_sub, value, product(c, term->factors[k], data));
            }
        }
        LoopStmt *store = stmt_new(plan, LS_STORE);
        store->buffer = update->param;
        store->index = position;
        store->value = value;
        store->span = at->span;
        stmt_append(&inner, store);
    }
    stmt_append(end, nest);
}

static void write_block(Chain *c, Copy *rows, LoopStmt ***end) {
    for (unsigned k = 0; k < CHAIN_ROWS; k++) {
        for (const LoopStmt *stmt = c->loop->body; stmt; stmt = stmt->next) {
            LoopStmt alone = *stmt;
            alone.next = NULL;
            if (stmt->kind != LS_COMMENT && is_data(c, &alone)) {
                stmt_append(end, copy_stmt(&rows[k], stmt));
            }
        }
    }
    declare_sums(c, rows, end);
    for (const LoopStmt *stmt = c->loop->body; stmt; stmt = stmt->next) {
        for (unsigned d = 0; d < c->dot_count; d++) {
            if (c->dots[d].at == stmt) {
                write_dots(c, rows, stmt, end);
                break;
            }
        }
    }
    for (unsigned k = 0; k < CHAIN_ROWS; k++) {
        write_row(c, &rows[k], k, end);
    }
    for (const LoopStmt *stmt = c->loop->body; stmt; stmt = stmt->next) {
        for (unsigned u = 0; u < c->update_count; u++) {
            if (c->updates[u].at == stmt) {
                write_updates(c, rows, stmt, end);
                break;
            }
        }
    }
}

static LoopStmt *loop_new(Chain *c, const char *name, const LoopExpr *low, const LoopExpr *high) {
    LoopStmt *loop = stmt_new(c->plan, LS_FOR);
    loop->var = plan_var(c->plan, plan_name(c->plan, name), KIND_INT, c->plan->root_block);
    loop->low = low;
    loop->high = high;
    loop->flags = c->loop->flags & LOOP_SAMPLE;
    loop->span = c->loop->span;
    return loop;
}

/* The loop over blocks, then that over the samples that are left. */
static LoopStmt *in_blocks(Chain *c) {
    Plan *plan = c->plan;
    const LoopExpr *rows = x_int(plan, CHAIN_ROWS);
    const LoopExpr *blocks = x_call2(plan, BI_floordiv, c->loop->high, rows);
    LoopStmt *loop = loop_new(c, "group", x_int(plan, 0), blocks);
    LoopStmt **end = &loop->body;
    const LoopExpr *at = x_call2(plan, BI_mul, x_var(plan, loop->var), rows);
    c->f.first = x_var(plan, set_new(c, LS_LET, "first", KIND_INT, at, &end)->var);
    if (plan->order_arg >= 0 && !plan->ragged) {
        ahead_fetch(plan, c->loop->body, c->f.first, CHAIN_ROWS, &end);
    }
    Copy copies[CHAIN_ROWS];
    for (unsigned k = 0; k < CHAIN_ROWS; k++) {
        copies[k] = copy_new(&c->f, x_call2(plan, BI_add, c->f.first, x_int(plan, k)));
    }
    write_block(c, copies, &end);
    loop->next = loop_new(c, plan->program->vars[c->loop->var].name,
                          x_call2(plan, BI_mul, blocks, rows), c->loop->high);
    Copy rest = copy_new(&c->f, x_var(plan, loop->next->var));
    end = &loop->next->body;
    for (const LoopStmt *stmt = c->loop->body; stmt; stmt = stmt->next) {
        stmt_append(&end, copy_stmt(&rest, stmt));
    }
    return loop;
}

static LoopStmt *blocks_of(Plan *plan, LoopStmt *loop) {
    Chain c = {.f = fission_new(plan, loop, ((Stmt *)loop)->body), .plan = plan, .loop = loop};
    fission_inner(&c.f);
    c.f.crosses_buffer = arena_array(plan->arena, bool, c.f.buffer_count + 1);
    c.moving = arena_array(plan->arena, bool, c.f.var_count + 1);
    c.updated = arena_array(plan->arena, bool, c.f.buffer_count + 1);
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        if (plan->leaf_updated[k] && plan->leaf_has_buffer[k]) {
            c.updated[plan->leaf_buffer[k]] = true;
        }
    }
    bool fits = !loop->down && loop->low->kind == LX_INT && loop->low->as.integer == 0 &&
                is_plain(loop->body) && !writes_others(&c, loop->body);
    return fits && analyse(&c) ? in_blocks(&c) : NULL;
}

bool chain_blocks(Plan *plan) {
    for (LoopStmt **at = &plan->program->body; *at; at = &(*at)->next) {
        bool samples = (*at)->kind == LS_FOR && ((*at)->flags & LOOP_SAMPLE);
        LoopStmt *made = samples && !plan->options->strict ? blocks_of(plan, *at) : NULL;
        if (made) {
            made->next->next = (*at)->next;
            *at = made;
            return true;
        }
    }
    return false;
}
