/* block.c: the statements of a block: assignments, indexed definitions, assignments to elements. */
#include <string.h>

#include "lower/elaborate.h"

/* ---- a new array: h[i] = … ------------------------------------------------------------------- */

/* The name of a subscript that is an index not yet known; NULL otherwise. */
static Name new_index(Lower *lower, const Subscript *s) {
    Ref found;

    if (s->kind != SUB_INDEX) {
        return NULL;
    }
    const Expr *e = strip_parens(s->index);
    if (e->kind != EXPR_NAME || lower_lookup(lower, e->as.name, &found)) {
        return NULL;
    }
    return e->as.name;
}

static const Pending *pending_subscripts(Lower *lower, const Subscript *subscripts) {
    Pending *first = NULL;
    Pending **last = &first;

    for (const Subscript *s = subscripts; s; s = s->next) {
        *last = arena_new(lower->arena, Pending);
        **last = (Pending){new_index(lower, s), s->span, NULL};
        last = &(*last)->next;
    }
    return first;
}

static int open_index(Lower *lower, Name array, const Subscript *s, const Pending *pending,
                      const Expr *value, Range *r) {
    Span span = s->index->span;

    if (s->has_range) {
        return open_range(lower, pending->name, span, s->range_low, s->range_high, r);
    }
    Pending here = *pending;
    here.span = span;
    const char *mend = arena_format(lower->arena, "write `%s[%s in …] = …`", array, pending->name);
    Dim dim = infer_range(lower, &here, value, mend);
    return dim == DIM_NONE ? RANGE_ERROR : open_whole(lower, pending->name, span, dim, r);
}

static bool check_new(Lower *lower, Name name, const Subscript *subscripts) {
    unsigned count = 0;

    for (const Subscript *s = subscripts; s; s = s->next, count++) {
        if (count == RANK_LIMIT) {
            lower_error(lower, s->span, "an array has at most %d axes", RANK_LIMIT);
            return false;
        }
        if (s->kind == SUB_INDEX && s->index->kind == EXPR_NAME &&
            !find_binding(lower, s->index->as.name) && !new_index(lower, s)) {
            lower->failed =
                true; /* an index that hides an item: reported where names are checked */
            return false;
        }
        if (!new_index(lower, s)) {
            Diag *diag = lower_error(lower, s->span,
                                     "`%s` has no value yet, so its entries cannot be set", name);
            diag_label(lower->diags, diag, "begin with `%s = zeros(…)`", name);
            return false;
        }
        for (const Subscript *o = subscripts; o != s; o = o->next) {
            if (new_index(lower, o) == new_index(lower, s)) {
                lower_error(lower, s->span, "`%s` names two axes", new_index(lower, s));
                return false;
            }
        }
    }
    return true;
}

Ref lower_indexed(Lower *lower, Name name, const Subscript *subscripts, const Expr *value) {
    Range ranges[RANK_LIMIT];
    unsigned count = 0;
    const Binding *env = lower->env;
    const Fact *facts = lower->facts;
    Ref result = REF_NONE;
    int opened = RANGE_OK;

    if (!check_new(lower, name, subscripts)) {
        return REF_NONE;
    }
    const Pending *pending = pending_subscripts(lower, subscripts);
    for (const Subscript *s = subscripts; s && opened == RANGE_OK; s = s->next) {
        opened = open_index(lower, name, s, pending, value, &ranges[count++]);
        pending = pending->next;
    }
    if (opened == RANGE_OK) {
        result = close_ranges(lower, value, value->span, ranges, count);
    } else if (opened == RANGE_EMPTY) {
        lower_error(lower, subscripts->span,
                    "an array has at least one entry, and this range is empty");
    }
    lower->env = env;
    lower->facts = facts;
    return result;
}

/* ---- entries of an array: h[i, 2..5] = … ----------------------------------------------------- */

/* One axis of the array: what is set of it. */
typedef struct {
    bool runs; /* over an index of the statement: `name` is that index */
    bool rest; /* the value has this axis */
    Index name;
    Ref position;  /* a single entry; or REF_NONE */
    Ref low, high; /* part of the axis, or REF_NONE */
    Dim extent;    /* of what is set, if `rest` */
} Part;

static bool slice_part(Lower *lower, const Subscript *s, Dim axis, Part *p, Ref *inside) {
    Dim low = s->low ? lower_size(lower, s->low, "the start of a slice") : dim_const(lower->ir, 0);
    Dim high = s->high ? lower_size(lower, s->high, "the end of a slice") : axis;

    if (low == DIM_NONE || high == DIM_NONE) {
        return false;
    }
    if (high != axis &&
        dim_proves_le(lower->ir, dim_add(lower->ir, axis, dim_const(lower->ir, 1)), high)) {
        lower_error(lower, s->span, "the slice ends at %s, and this axis has %s entries",
                    dim_text(lower->ir, high), dim_text(lower->ir, axis));
        return false;
    }
    p->rest = true;
    p->low = ir_size(lower->ir, low);
    p->high = ir_size(lower->ir, high);
    check_ends(lower, p->low, p->high, axis, inside);
    p->extent = dim_sub(lower->ir, high, low);
    return true;
}

/* The range of an index of the left side: its condition holds where the right side is evaluated. */
static bool run_inside(Lower *lower, const Subscript *s, const Part *p, Ref index, Dim axis,
                       Name array, Ref *inside) {
    Dim high = ir_value_dim(lower->ir, p->high);

    if (high != DIM_NONE &&
        dim_proves_le(lower->ir, dim_add(lower->ir, axis, dim_const(lower->ir, 1)), high)) {
        lower_error(lower, s->range_high->span,
                    "the range ends at %s, and this axis of `%s` has %s entries",
                    dim_text(lower->ir, high), array, dim_text(lower->ir, axis));
        return false;
    }
    check_ends(lower, p->low, p->high, axis, inside);
    add_fact(lower, ir_compare(lower->ir, BI_le, p->low, index), true);
    add_fact(lower, ir_compare(lower->ir, BI_lt, index, p->high), true);
    return true;
}

static bool index_part(Lower *lower, Name array, const Subscript *s, Dim axis, Part *p,
                       Ref *inside) {
    Name name = new_index(lower, s);
    Range range;

    if (!name) {
        p->position = lower_whole(lower, s->index, "an index");
        return p->position != REF_NONE &&
               check_position(lower, s->index, p->position, axis, array, inside);
    }
    if (s->has_range) {
        p->low = s->range_low ? lower_whole(lower, s->range_low, "the start of a range")
                              : ir_int(lower->ir, 0);
        p->high = lower_whole(lower, s->range_high, "the end of a range");
        if (p->low == REF_NONE || p->high == REF_NONE) {
            return false;
        }
    }
    if (open_whole(lower, name, s->index->span, axis, &range) != RANGE_OK) {
        return false;
    }
    if (s->has_range && !run_inside(lower, s, p, range.position, axis, array, inside)) {
        return false;
    }
    p->runs = true;
    p->name = range.index;
    return true;
}

static bool open_parts(Lower *lower, Name array, const Subscript *subscripts, const Node *node,
                       Part *parts, Ref *inside, Ref *divided) {
    const Subscript *s = subscripts;
    bool good = true;

    for (unsigned k = 0; k < node->rank; k++) {
        Dim axis = node->shape[k];
        parts[k] = (Part){.extent = axis};
        if (!s || s->kind == SUB_ALL) {
            parts[k].rest = true;
        } else if (s->kind == SUB_SLICE) {
            good &= slice_part(lower, s, axis, &parts[k], inside);
        } else {
            good &= index_part(lower, array, s, axis, &parts[k], inside);
            if (good && !parts[k].runs && node->kind == KIND_REAL) {
                *divided = ir_and(lower->ir, *divided, divides(lower, parts[k].position));
            }
        }
        s = s ? s->next : NULL;
    }
    return good;
}

/* Does the value fit the axes that are set? It may be stretched. */
static bool check_value(Lower *lower, Name array, const Part *parts, unsigned rank, Ref value,
                        Span at) {
    const Node *node = ir_node(lower->ir, value);
    Dim rest[RANK_LIMIT];
    unsigned count = 0;
    bool fits = true;

    for (unsigned k = 0; k < rank; k++) {
        if (parts[k].rest) {
            rest[count++] = parts[k].extent;
        }
    }
    fits = node->rank <= count;
    for (unsigned k = 0; k < node->rank && fits; k++) {
        int64_t one;
        Dim d = node->shape[k];
        fits = d == rest[count - node->rank + k] || (dim_is_const(lower->ir, d, &one) && one == 1);
    }
    if (!fits && count == 0) {
        lower_error(lower, at, "an entry of `%s` is a number, and the value is %s", array,
                    what_text(lower, value));
    } else if (!fits) {
        lower_error(lower, at, "what is set of `%s` has shape %s, and the value is %s", array,
                    formal_shape_text(lower, rest, count), what_text(lower, value));
    }
    return fits;
}

static Ref part_condition(Lower *lower, const Part *p, Ref condition) {
    Ir *ir = lower->ir;
    Ref index = ir_idx(ir, p->name);

    if (p->position != REF_NONE) {
        Ref here = ir_compare(ir, BI_eq, index, p->position);
        condition = ir_and(ir, condition, here);
    }
    if (p->low != REF_NONE) {
        Ref zero = ir_int(ir, 0);
        if (p->low != zero) {
            Ref above = ir_compare(ir, BI_le, p->low, index);
            condition = ir_and(ir, condition, above);
        }
        Ref below = ir_compare(ir, BI_lt, index, p->high);
        condition = ir_and(ir, condition, below);
    }
    return condition;
}

/* The entry of the value that belongs to the entry of the array at the parts' names. */
static Ref value_entry(Lower *lower, const Part *parts, unsigned rank, Ref value) {
    const Node *node = ir_node(lower->ir, value);
    Ref positions[RANK_LIMIT];
    unsigned have = node->rank, axis = have;

    if (have == 0) {
        return value;
    }
    for (unsigned k = rank; k-- > 0 && axis > 0;) {
        if (!parts[k].rest) {
            continue;
        }
        axis--;
        if (node->shape[axis] != parts[k].extent) {
            positions[axis] = ir_int(lower->ir, 0);
            continue;
        }
        positions[axis] = ir_idx(lower->ir, parts[k].name);
        if (parts[k].low != REF_NONE) {
            positions[axis] = ir_sub(lower->ir, positions[axis], parts[k].low);
        }
    }
    return ir_read(lower->ir, value, positions, have);
}

static Ref set_parts(Lower *lower, Part *parts, unsigned rank, Ref old, Ref value) {
    Ir *ir = lower->ir;
    Index names[RANK_LIMIT];
    Ref pair[2];
    Ref condition = REF_NONE;
    IndexSet used = visible(lower) | ir_free(ir, old) | ir_free(ir, value);

    for (unsigned k = 0; k < rank; k++) {
        if (parts[k].position != REF_NONE) {
            used |= ir_free(ir, parts[k].position);
        }
    }
    for (unsigned k = 0; k < rank; k++) {
        if (!parts[k].runs) {
            parts[k].name = ir_fresh(ir, ir_node(ir, old)->shape[k], used);
        }
        used |= INDEX_BIT(parts[k].name);
        names[k] = parts[k].name;
        condition = part_condition(lower, &parts[k], condition);
    }
    pair[0] = value_entry(lower, parts, rank, value);
    pair[1] = read_at(lower, old, names, rank);
    unify_kinds(lower, pair, 2);
    Ref entry = condition == REF_NONE ? pair[0] : ir_select(ir, condition, pair[0], pair[1]);
    return ir_array(ir, names, rank, entry);
}

/* `given`: the value, or REF_NONE if it is that of `expr`, where the new indices are known. */
static Ref set_entries(Lower *lower, const Target *target, Ref old, const Expr *expr, Ref given) {
    Part parts[RANK_LIMIT];
    const Node *node = ir_node(lower->ir, old);
    const Binding *env = lower->env;
    const Fact *facts = lower->facts;
    unsigned count = 0;
    Ref result = REF_NONE;

    for (const Subscript *s = target->subscripts; s; s = s->next) {
        count++;
    }
    if (node->rank == 0) {
        lower_error(lower, target->span, "`%s` is %s: it has no entries", target->name,
                    what_text(lower, old));
        return REF_NONE;
    }
    if (count > node->rank) {
        lower_error(lower, target->span, "`%s` is %s, and here are %u subscripts", target->name,
                    what_text(lower, old), count);
        return REF_NONE;
    }
    Ref inside = REF_NONE, divided = REF_NONE;
    bool good = open_parts(lower, target->name, target->subscripts, node, parts, &inside, &divided);
    if (good) {
        Ref value = given != REF_NONE ? given : lower_expr(lower, expr);
        lower->ir->at = user_span(lower, target->span);
        if (value != REF_NONE &&
            check_value(lower, target->name, parts, node->rank, value, expr->span)) {
            result = set_parts(lower, parts, node->rank, old, value);
            result = checked(lower, result, inside, target->span, target->name);
            result = checked_divisors(lower, result, divided, target->span);
        }
    }
    lower->env = env;
    lower->facts = facts;
    return result;
}

/* ---- statements
 * -------------------------------------------------------------------------------------------------
 */

static const BinaryOp update_ops[] = {
    [ASSIGN_SET] = BIN_ADD, [ASSIGN_ADD] = BIN_ADD, [ASSIGN_SUB] = BIN_SUB,
    [ASSIGN_MUL] = BIN_MUL, [ASSIGN_DIV] = BIN_DIV,
};

/* s += e is s = s + e. */
static const Expr *updated(Lower *lower, const Stmt *stmt) {
    const Target *target = stmt->as.assign.targets;
    Expr *old = arena_new(lower->arena, Expr);
    Expr *sum = arena_new(lower->arena, Expr);
    size_t count = 0;

    if (stmt->as.assign.op == ASSIGN_SET) {
        return stmt->as.assign.value;
    }
    *old = (Expr){.kind = EXPR_NAME, .span = target->name_span, .as.name = target->name};
    for (const Subscript *s = target->subscripts; s; s = s->next) {
        count++;
    }
    if (count > 0) {
        Expr *entry = arena_new(lower->arena, Expr);
        *entry = (Expr){.kind = EXPR_SUBSCRIPT, .span = target->span};
        entry->as.subscript.base = old;
        entry->as.subscript.subscripts = target->subscripts;
        entry->as.subscript.count = count;
        old = entry;
    }
    *sum = (Expr){.kind = EXPR_BINARY, .span = stmt->span};
    sum->as.binary.op = update_ops[stmt->as.assign.op];
    sum->as.binary.op_span = target->span;
    sum->as.binary.a = old;
    sum->as.binary.b = stmt->as.assign.value;
    return sum;
}

/* `given` as in set_entries. */
static Ref assign_target(Lower *lower, const Target *target, const Expr *value, Ref given) {
    const Binding *old = find_binding(lower, target->name);

    if (!target->subscripts) {
        return given != REF_NONE ? given : lower_expr(lower, value);
    }
    if (old && old->ref == REF_NONE) {
        return REF_NONE;
    }
    if (old) {
        return set_entries(lower, target, old->ref, value, given);
    }
    if (given != REF_NONE) {
        lower_error(lower, target->span, "`%s` has no value yet, so its entries cannot be set",
                    target->name);
        return REF_NONE;
    }
    return lower_indexed(lower, target->name, target->subscripts, value);
}

static void lower_assign(Lower *lower, const Stmt *stmt) {
    const Target *targets = stmt->as.assign.targets;
    size_t count = 0, k = 0;

    for (const Target *t = targets; t; t = t->next) {
        count++;
    }
    if (count == 1) {
        if (stmt->as.assign.op != ASSIGN_SET && !find_binding(lower, targets->name)) {
            Diag *diag = lower_error(lower, targets->name_span, "`%s` has no value yet to update",
                                     targets->name);
            diag_label(lower->diags, diag, "begin with `%s = …`", targets->name);
            bind_name(lower, targets->name, targets->span, REF_NONE);
            return;
        }
        Ref value = assign_target(lower, targets, updated(lower, stmt), REF_NONE);
        if (value != REF_NONE && !lower->library) {
            ir_set_name(lower->ir, value, targets->name);
        }
        bind_name(lower, targets->name, targets->span, value);
        return;
    }
    Values values = lower_values(lower, stmt->as.assign.value);
    if (values.count > 0 && values.count != count) {
        Diag *diag = lower_error(lower, stmt->as.assign.value->span,
                                 "`%s` gives %zu value%s, and "
                                 "%zu are taken",
                                 expr_text(lower, stmt->as.assign.value), values.count,
                                 values.count == 1 ? "" : "s", count);
        diag_label(lower->diags, diag, "names on the left: one for each value");
        values.count = 0;
    }
    const Binding *env = lower->env;
    Ref *refs = arena_array(lower->arena, Ref, count);
    for (const Target *t = targets; t; t = t->next, k++) {
        lower->env = env;
        refs[k] = values.count == 0
                      ? REF_NONE
                      : assign_target(lower, t, stmt->as.assign.value, values.refs[k]);
    }
    lower->env = env;
    k = 0;
    for (const Target *t = targets; t; t = t->next, k++) {
        bind_name(lower, t->name, t->span, refs[k]);
    }
}

static Values lower_return(Lower *lower, const Stmt *stmt) {
    size_t count = stmt->as.result.count, k = 0;
    bool good = true;

    if (count == 1) {
        return lower_values(lower, stmt->as.result.values);
    }
    Ref *refs = arena_array(lower->arena, Ref, count + 1);
    for (const Expr *e = stmt->as.result.values; e; e = e->next, k++) {
        refs[k] = lower_expr(lower, e);
        good &= refs[k] != REF_NONE;
    }
    return (Values){refs, good ? count : 0};
}

Values lower_stmts(Lower *lower, const Stmt *block) {
    Values values = {NULL, 0};

    for (const Stmt *s = block; s; s = s->next) {
        switch (s->kind) {
        case STMT_ERROR:
            lower->failed = true;
            break;
        case STMT_ASSIGN:
            lower_assign(lower, s);
            break;
        case STMT_FOR:
            lower_loop(lower, s);
            break;
        case STMT_FUNCTION: {
            Callee *callee = arena_new(lower->arena, Callee);
            *callee =
                (Callee){.function = s->as.function, .env = lower->env, .library = lower->library};
            bind_callee(lower, s->as.function->name, s->as.function->name_span, callee);
            break;
        }
        case STMT_RETURN:
            values = lower_return(lower, s);
            break;
        }
    }
    return values;
}

Values lower_body(Lower *lower, const Function *f) {
    const Binding *env = lower->env;
    Values values;

    if (f->body && f->indices) {
        values = one_value(lower, lower_indexed(lower, f->name, f->indices, f->body));
    } else if (f->body) {
        values = lower_values(lower, f->body);
    } else {
        values = lower_stmts(lower, f->block);
    }
    lower->env = env;
    return values;
}
