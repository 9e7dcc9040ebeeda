/* recur.c: `for` loops. The names that a loop changes become states of a scan: a state leaf is the
 * value at the beginning of a step, the value at the end of the body is the step, and after the
 * loop the name is the last entry of the states.
 *
 * What a state may depend on (its free indices) is known only when the body is: the body is
 * elaborated until that is stable, and what was made in vain is dropped when the entry is closed. A
 * name that a step only adds to is no state: its last value is a sum over the steps. */
#include "lower/elaborate.h"

typedef struct {
    Name name;
    Span span; /* of the first assignment in the loop */
    Ref init;
    Ref zero;  /* like it; REF_NONE: it is no real */
    Ref state; /* of the pass that is under way */
    Ref step;
    bool sum;   /* init + Σ addend */
    Ref addend; /* scalar; at `names`, for an array */
} Carried;

typedef struct {
    Lower *lower;
    const Stmt *loop;
    const Binder *binder;
    Range range;
    Carried *carried;
    size_t count;
    IndexSet free; /* of the states */
    uint32_t tag;
    Ref active; /* where a step is made; REF_NONE: always */
    Ref alive;  /* state of a loop that may end early; else REF_NONE */
    Ref alive_init;
} Loop;

/* ---- what a loop carries ------------------------------------------------------------------------
 */

static void add_carried(Loop *l, const Target *target, size_t *capacity) {
    const Binding *b = find_binding(l->lower, target->name);

    if (!b || b->ref == REF_NONE) {
        return; /* born inside; or its error was reported */
    }
    for (size_t k = 0; k < l->count; k++) {
        if (l->carried[k].name == target->name) {
            return;
        }
    }
    l->carried = arena_grow(l->lower->arena, l->carried, l->count, capacity, sizeof *l->carried);
    l->carried[l->count++] = (Carried){
        .name = target->name, .span = target->name_span, .init = to_real(l->lower, b->ref)};
}

static void find_carried(Loop *l, const Stmt *body, size_t *capacity) {
    for (const Stmt *s = body; s; s = s->next) {
        if (s->kind == STMT_ASSIGN) {
            for (const Target *t = s->as.assign.targets; t; t = t->next) {
                add_carried(l, t, capacity);
            }
        } else if (s->kind == STMT_FOR) {
            find_carried(l, s->as.loop.body, capacity);
        }
    }
}

/* ---- one pass over the body
 * ----------------------------------------------------------------------- */

static Ref zero_like(Lower *lower, Ref init) {
    const Node node = *ir_node(lower->ir, init);
    Index names[RANK_LIMIT];

    if (node.kind != KIND_REAL) {
        return REF_NONE;
    }
    fresh_names(lower, node.shape, node.rank, 0, names);
    Ref zero = ir_real(lower->ir, 0);
    return node.rank > 0 ? ir_array(lower->ir, names, node.rank, zero) : zero;
}

/* Makes the state leaves: those of sums belong to no scan and are gone from what is kept. */
static void make_states(Loop *l) {
    Ir *ir = l->lower->ir;
    uint32_t none = ir_new_tag(ir);
    uint32_t k = 0, unused = 0;

    l->tag = ir_new_tag(ir);
    l->alive_init = ir_real(ir, 1); /* starts come before states */
    for (size_t j = 0; j < l->count; j++) {
        l->carried[j].zero = zero_like(l->lower, l->carried[j].init);
    }
    for (size_t j = 0; j < l->count; j++) {
        Carried *c = &l->carried[j];
        c->state = c->sum ? ir_state(ir, none, unused++, l->range.index, l->free, c->init)
                          : ir_state(ir, l->tag, k++, l->range.index, l->free, c->init);
        ir_name_state(ir, c->state, c->name);
    }
    if (l->loop->as.loop.condition) {
        l->alive = ir_state(ir, l->tag, k, l->range.index, l->free, l->alive_init);
    }
}

/* Where this step is made: inside its range, and while the condition holds. */
static bool find_active(Loop *l) {
    Lower *lower = l->lower;
    const Expr *condition = l->loop->as.loop.condition;

    l->active = l->range.condition;
    if (!condition) {
        return true;
    }
    Ref holds = lower_expr(lower, condition);
    if (holds == REF_NONE) {
        return false;
    }
    if (ir_rank(lower->ir, holds) > 0 || ir_kind(lower->ir, holds) != KIND_BOOL) {
        Diag *diag =
            lower_error(lower, condition->span, "a condition is a truth value, and `%s` is %s",
                        expr_text(lower, condition), what_text(lower, holds));
        diag_label(lower->diags, diag, "compare it: `%s > 0`", expr_text(lower, condition));
        return false;
    }
    Ref before = ir_compare(lower->ir, BI_lt, ir_real(lower->ir, 0), l->alive);
    l->active = ir_and(lower->ir, l->active, before);
    l->active = ir_and(lower->ir, l->active, holds);
    return true;
}

static Ref apply_step(Lower *lower, const void *data, const Ref *scalars) {
    return ir_select(lower->ir, *(const Ref *)data, scalars[0], scalars[1]);
}

static bool same_shape(const Lower *lower, Ref a, Ref b) {
    const Node *x = ir_node(lower->ir, a);
    const Node *y = ir_node(lower->ir, b);

    for (unsigned k = 0; k < x->rank && x->rank == y->rank; k++) {
        if (x->shape[k] != y->shape[k]) {
            return false;
        }
    }
    return x->rank == y->rank;
}

/* Takes the values at the end of the body. */
static bool take_steps(Loop *l) {
    Lower *lower = l->lower;

    for (size_t k = 0; k < l->count; k++) {
        Carried *c = &l->carried[k];
        const Binding *b = find_binding(lower, c->name);
        if (!b || b->ref == REF_NONE) {
            return false;
        }
        if (!same_shape(lower, b->ref, c->init)) {
            Diag *diag =
                lower_error(lower, b->span, "`%s` keeps its shape in a loop: here it becomes %s",
                            c->name, what_text(lower, b->ref));
            diag_label(lower->diags, diag, "before the loop it is %s", what_text(lower, c->init));
            return false;
        }
        c->step = to_real(lower, b->ref);
        if (l->active != REF_NONE && !c->sum) {
            Ref pair[2] = {c->step, c->state};
            c->step = elementwise(lower, pair, 2, apply_step, &l->active);
        }
    }
    return true;
}

static bool run_body(Loop *l) {
    Lower *lower = l->lower;
    const Binding *env = lower->env;

    make_states(l);
    for (size_t k = 0; k < l->count; k++) {
        bind_name(lower, l->carried[k].name, l->carried[k].span, l->carried[k].state);
    }
    bool good = find_active(l);
    if (good) {
        const Fact *facts = lower->facts;
        bool early = l->active != REF_NONE && l->active != l->range.condition;
        if (early) {
            add_fact(lower, l->active, true);
        }
        lower->conditional += early;
        lower_stmts(lower, l->loop->as.loop.body);
        lower->conditional -= early;
        lower->facts = facts;
        lower->ir->at = user_span(lower, l->binder->span);
        good = take_steps(l);
    }
    lower->env = env;
    return good;
}

/* ---- sums
 * --------------------------------------------------------------------------------------------- */

static bool depends(const Loop *l, Ref value, Ref on) {
    return ir_reach(l->lower->ir, &value, 1)[on];
}

/* Is the step the state plus something free of it? For a guarded step: a choice of that and the
 * state. */
static bool find_addend(Loop *l, Carried *c, Index *names) {
    Ir *ir = l->lower->ir;
    const Node *shape = ir_node(ir, c->init);
    IndexSet used = l->free | ir_free(ir, c->step) | visible(l->lower);

    fresh_names(l->lower, shape->shape, shape->rank, used, names);
    Ref state = read_at(l->lower, c->state, names, shape->rank);
    const Node *step = ir_node(ir, read_at(l->lower, c->step, names, shape->rank));
    if (!c->sum && l->active != REF_NONE && step->op == OP_SELECT && step->args[0] == l->active) {
        step = ir_node(ir, step->args[1]);
    }
    if (step->op != OP_CALL || step->as.builtin != BI_add) {
        return false;
    }
    c->addend = step->args[0] == state ? step->args[1] : step->args[0];
    return (step->args[0] == state || step->args[1] == state) && !depends(l, c->addend, c->state);
}

/* Finds names that are only added to; true if there is a new one. An early end depends on the
 * states of the step, so that its sums stay states. */
static bool find_sums(Loop *l) {
    bool found = false;

    for (size_t k = 0; k < l->count && l->alive == REF_NONE; k++) {
        Carried *c = &l->carried[k];
        Index names[RANK_LIMIT];
        bool alone = !c->sum && ir_rank(l->lower->ir, c->init) == 0 && find_addend(l, c, names);
        for (size_t j = 0; j < l->count && alone; j++) {
            alone = j == k || !depends(l, l->carried[j].step, c->state);
        }
        if (alone) {
            c->sum = true;
            found = true;
        }
    }
    return found;
}

/* ---- the scan
 * --------------------------------------------------------------------------------------------- */

static IndexSet free_of_steps(const Loop *l) {
    const Ir *ir = l->lower->ir;
    IndexSet free = l->free;

    for (size_t k = 0; k < l->count; k++) {
        if (!l->carried[k].sum) {
            free |= ir_free(ir, l->carried[k].step);
        }
    }
    return l->alive == REF_NONE || l->active == REF_NONE ? free : free | ir_free(ir, l->active);
}

/* The value after all steps: the last state. */
static Ref after_steps(const Loop *l, Ref init, Ref states) {
    Lower *lower = l->lower;
    Ir *ir = lower->ir;
    Ref last = ir_size(ir, l->range.extent);
    Ref entry = read_first(lower, states, &last, 1);
    const Node node = *ir_node(ir, init);
    Index names[RANK_LIMIT];
    Ref at[RANK_LIMIT];

    if (dim_proves_le(ir, dim_const(ir, 0), l->range.extent)) {
        return entry;
    }
    /* a range as 5..T has fewer numbers than none where T is 3: the value is that before the loop
     */
    fresh_names(lower, node.shape, node.rank, ir_free(ir, init) | ir_free(ir, entry), names);
    for (unsigned k = 0; k < node.rank; k++) {
        at[k] = ir_idx(ir, names[k]);
    }
    Ref runs = ir_compare(ir, BI_le, ir_int(ir, 0), last);
    Ref value = ir_select(ir, runs, node.rank ? ir_read(ir, entry, at, node.rank) : entry,
                          node.rank ? ir_read(ir, init, at, node.rank) : init);
    return node.rank ? ir_array(ir, names, node.rank, value) : value;
}

static void bind_last(Loop *l, Carried *c, Ref scan, uint32_t k) {
    Lower *lower = l->lower;
    Index names[RANK_LIMIT];

    if (!c->sum) {
        bind_name(lower, c->name, c->span, after_steps(l, c->init, ir_pick(lower->ir, scan, k)));
        return;
    }
    (void)find_addend(l, c, names);
    Ref addend = ir_guard(lower->ir, l->active, c->addend);
    Ref total = ir_sum(lower->ir, l->range.index, addend);
    bind_name(lower, c->name, c->span, ir_add(lower->ir, c->init, total));
}

/* What the steps are made of, from the first state on. */
static const bool *find_used(const Loop *l, Ref first) {
    const Ir *ir = l->lower->ir;
    const Ref top = ir_count(ir);
    bool *used = arena_array(l->lower->arena, bool, top - first);

    for (size_t k = 0; k <= l->count; k++) {
        Ref v = k < l->count ? l->carried[k].step : l->active;
        if (v >= first) {
            used[v - first] = true;
        }
    }
    for (Ref v = top; v-- > first;) {
        const Node *node = ir_node(ir, v);
        for (uint32_t a = 0; used[v - first] && a < node->arg_count; a++) {
            if (node->args[a] >= first) {
                used[node->args[a] - first] = true;
            }
        }
    }
    return used;
}

/* A value before the loop that no step reads is lost where there is a step: its place is taken by
 * 0, for it may be infinite or NaN, and its derivative with it. */
static void drop_lost(Loop *l) {
    Ir *ir = l->lower->ir;
    Ref first = l->count > 0 ? l->carried[0].state : REF_NONE;

    if (first == REF_NONE || !dim_proves_le(ir, dim_const(ir, 1), l->range.extent)) {
        return;
    }
    const bool *used = find_used(l, first);
    for (size_t k = 0; k < l->count; k++) {
        Carried *c = &l->carried[k];
        if (!c->sum && c->zero != REF_NONE && !used[c->state - first]) {
            c->init = c->zero;
        }
    }
}

static void finish(Loop *l) {
    Ir *ir = l->lower->ir;
    Ref *inits = arena_array(l->lower->arena, Ref, l->count + 2);
    Ref *steps = arena_array(l->lower->arena, Ref, l->count + 2);
    uint32_t count = 0;
    Ref scan = REF_NONE;

    l->lower->ir->at = user_span(l->lower, l->binder->span);
    drop_lost(l);
    for (size_t k = 0; k < l->count; k++) {
        if (!l->carried[k].sum) {
            inits[count] = l->carried[k].init;
            steps[count++] = l->carried[k].step;
        }
    }
    if (l->alive != REF_NONE) {
        inits[count] = l->alive_init;
        steps[count++] = ir_convert(ir, l->active);
    }
    if (count > 0) {
        scan = ir_scan(ir, l->tag, l->range.index, 1, inits, steps, count);
    }
    count = 0;
    for (size_t k = 0; k < l->count; k++) {
        bind_last(l, &l->carried[k], scan, count);
        count += !l->carried[k].sum;
    }
}

/* ---- loops
 * --------------------------------------------------------------------------------------------------
 */

static void forget(Loop *l) {
    for (size_t k = 0; k < l->count; k++) {
        bind_name(l->lower, l->carried[k].name, l->carried[k].span, REF_NONE);
    }
}

/* Elaborates the body until what the states depend on is stable. */
static bool settle(Loop *l) {
    size_t errors = diags_errors(l->lower->diags);
    bool again = true;

    while (again) {
        if (!run_body(l) || diags_errors(l->lower->diags) > errors || ir_overflowed(l->lower->ir)) {
            return false;
        }
        IndexSet free = free_of_steps(l);
        again = free != l->free;
        l->free = free;
        again |= find_sums(l);
    }
    return true;
}

/* for i in D, j in E: one loop inside the other. The condition of `while` belongs to the inner one.
 */
static const Stmt *nest(Lower *lower, const Stmt *stmt) {
    Stmt *outer = arena_new(lower->arena, Stmt);
    Stmt *inner = arena_new(lower->arena, Stmt);
    Binder *first = arena_new(lower->arena, Binder);

    *first = *stmt->as.loop.binders;
    first->next = NULL;
    *inner = *stmt;
    inner->as.loop.binders = stmt->as.loop.binders->next;
    inner->next = NULL;
    *outer = *stmt;
    outer->as.loop.binders = first;
    outer->as.loop.body = inner;
    outer->as.loop.condition = NULL;
    return outer;
}

static int open_loop(Loop *l) {
    Lower *lower = l->lower;
    const Binder *b = l->binder;

    if (!b->has_range) {
        Diag *diag = lower_error(lower, b->span, "a loop has a range, and `%s` has none", b->name);
        diag_label(lower->diags, diag, "write `for %s in …`", b->name);
        return RANGE_ERROR;
    }
    return open_range(lower, b->name, b->span, b->low, b->high, &l->range);
}

void lower_loop(Lower *lower, const Stmt *stmt) {
    Loop l = {.lower = lower};
    const Binding *env = lower->env;
    const Fact *facts = lower->facts;
    size_t capacity = 0;

    l.loop = stmt->as.loop.binders->next ? nest(lower, stmt) : stmt;
    l.binder = l.loop->as.loop.binders;
    find_carried(&l, l.loop->as.loop.body, &capacity);
    int opened = open_loop(&l);
    if (opened == RANGE_EMPTY) {
        lower->env = env;
        return; /* nothing happens */
    }
    for (size_t k = 0; k < l.count; k++) {
        l.free |= ir_free(lower->ir, l.carried[k].init);
    }
    l.free |= opened == RANGE_OK ? INDEX_BIT(l.range.index) : 0;
    bool good = opened == RANGE_OK && settle(&l);
    lower->env = env;
    lower->facts = facts;
    if (good) {
        finish(&l);
    } else {
        forget(&l);
        lower->failed = true;
    }
}
