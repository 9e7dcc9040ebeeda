/* prove.c: what is known of whole numbers where an expression stands: the ranges of indices and
 * labels, and the conditions around it. A whole number is read as a linear form
 *     constant + Σ coefficient · atom
 * whose atoms are indices, labels, quotients, remainders and the like. Atoms are then replaced by a
 * bound of theirs, or cancelled against a condition, until a comparison of sizes is left. */
#include "lower/elaborate.h"

enum { DEPTH = 48, SEARCH_LIMIT = 2000, EFFORT = 2000, FACT_LIMIT = 24 };

/* One search: the conditions that it may use, as forms that are ≥ 0 and forms that are not 0. */
typedef struct {
    Lower *lower;
    Form facts[FACT_LIMIT];
    Form nonzero[FACT_LIMIT];
    unsigned fact_count, nonzero_count;
    int budget;
} Search;

static Form form_of(Lower *lower, Ref v, unsigned depth);
static bool nonnegative(Search *s, const Form *form, unsigned depth);

/* ---- forms ----------------------------------------------------------------------------------- */

/* A call as a form of its operands; false: it is none. */
static bool form_of_call(Lower *lower, const Node *node, Form *form, unsigned depth) {
    BuiltinId f = node->as.builtin;
    Form a, b;

    if (f != BI_add && f != BI_sub && f != BI_neg && f != BI_mul) {
        return false;
    }
    a = form_of(lower, node->args[0], depth + 1);
    b = node->arg_count > 1 ? form_of(lower, node->args[1], depth + 1) : a;
    return form_call(lower->ir, f, &a, &b, form);
}

Form whole_form(Lower *lower, Ref v) {
    return form_of(lower, v, 0);
}

static Form form_of(Lower *lower, Ref v, unsigned depth) {
    Dim size = ir_value_dim(lower->ir, v);
    const Node *node = ir_node(lower->ir, v);
    Form form;

    if (size != DIM_NONE) {
        return form_constant(size);
    }
    lower->effort = depth == 0 ? EFFORT : lower->effort - (lower->effort > 0);
    return depth < DEPTH && lower->effort > 0 && node->op == OP_CALL &&
                   form_of_call(lower, node, &form, depth)
               ? form
               : form_atom(lower->ir, v);
}

/* b - a - less */
static bool difference(Lower *lower, Ref a, Ref b, int64_t less, Form *form) {
    Form x = form_of(lower, a, 0);

    *form = form_of(lower, b, 0);
    if (!form_add(lower->ir, form, &x, dim_const(lower->ir, -1))) {
        return false;
    }
    form->constant = dim_sub(lower->ir, form->constant, dim_const(lower->ir, less));
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static void take_form(Search *s, Ref a, Ref b, int64_t less) {
    if (s->fact_count < FACT_LIMIT && difference(s->lower, a, b, less, &s->facts[s->fact_count])) {
        s->fact_count++;
    }
}

static void take_condition(Search *s, Ref condition, bool holds, unsigned depth) {
    const Node *node = ir_node(s->lower->ir, condition);

    if (node->op != OP_CALL || depth > DEPTH) {
        return;
    }
    BuiltinId f = node->as.builtin;
    if (f == BI_not) {
        take_condition(s, node->args[0], !holds, depth + 1);
        return;
    }
    if (f == (holds ? BI_and : BI_or)) {
        take_condition(s, node->args[0], holds, depth + 1);
        take_condition(s, node->args[1], holds, depth + 1);
        return;
    }
    if ((f != BI_lt && f != BI_le && f != BI_eq && f != BI_ne) ||
        ir_kind(s->lower->ir, node->args[0]) != KIND_INT) {
        return;
    }
    Ref a = node->args[0], b = node->args[1];
    if (f == BI_lt || f == BI_le) { /* a < b: b - a - 1 ≥ 0; else a - b ≥ 0 */
        take_form(s, holds ? a : b, holds ? b : a, (f == BI_lt) == holds);
    } else if ((f == BI_eq) == holds) {
        take_form(s, a, b, 0);
        take_form(s, b, a, 0);
    } else if (s->nonzero_count < FACT_LIMIT &&
               difference(s->lower, a, b, 0, &s->nonzero[s->nonzero_count])) {
        s->nonzero_count++;
    }
}

/* That an index has a value says that its range is not empty. */
static void take_extents(Search *s, IndexSet indices) {
    Dim one = dim_const(s->lower->ir, 1);

    for (unsigned i = 0; i < INDEX_LIMIT && s->fact_count < FACT_LIMIT; i++) {
        if (indices & INDEX_BIT(i)) {
            Dim extent = ir_index_dim(s->lower->ir, (Index)i);
            if (!dim_proves_le(s->lower->ir, one, extent)) {
                s->facts[s->fact_count++] = form_constant(dim_sub(s->lower->ir, extent, one));
            }
        }
    }
}

/* What is not 0, and not negative without the last step, is positive. */
static void sharpen(Search *s) {
    for (unsigned k = 0; k < s->nonzero_count && s->fact_count < FACT_LIMIT; k++) {
        for (int sign = 1; sign >= -1; sign -= 2) {
            Form form = form_constant(dim_const(s->lower->ir, 0));
            s->budget = SEARCH_LIMIT;
            if (form_add(s->lower->ir, &form, &s->nonzero[k], dim_const(s->lower->ir, sign)) &&
                nonnegative(s, &form, 0)) {
                form.constant = dim_sub(s->lower->ir, form.constant, dim_const(s->lower->ir, 1));
                s->facts[s->fact_count++] = form;
                break;
            }
        }
    }
}

/* ---- bounds of atoms ------------------------------------------------------------------------- */

/* 0 … the last of `extent` */
static bool class_bound(Lower *lower, Dim extent, bool upper, Form *bound) {
    if (extent == DIM_NONE) {
        return false;
    }
    *bound = form_constant(upper ? dim_sub(lower->ir, extent, dim_const(lower->ir, 1))
                                 : dim_const(lower->ir, 0));
    return true;
}

/* Of an index, a label, the place of a maximum, and arrays of labels; else DIM_NONE. */
static Dim extent_of(Lower *lower, Ref v) {
    const Node *node = ir_node(lower->ir, v);

    if (node->op == OP_INDEX || node->op == OP_ARGMAX) {
        return ir_index_dim(lower->ir, node->as.index);
    }
    while (node->op == OP_READ || node->op == OP_ARRAY || node->op == OP_VAR) {
        node = ir_node(lower->ir, node->args[0]);
    }
    return node->op == OP_LEAF ? lower->ir->leaves[node->as.leaf].class_dim : DIM_NONE;
}

/* a % s for s ≥ 1: from 0 to s - 1. */
static bool remainder_bound(Search *s, const Node *node, bool upper, Form *bound, unsigned depth) {
    Lower *lower = s->lower;
    Form size = form_of(lower, node->args[1], 0);

    size.constant = dim_sub(lower->ir, size.constant, dim_const(lower->ir, 1));
    if (!nonnegative(s, &size, depth + 1)) {
        return false;
    }
    *bound = upper ? size : form_constant(dim_const(lower->ir, 0));
    return true;
}

/* Bounds that are sizes. */
static bool constant_bound(Lower *lower, Ref v, bool upper, Form *bound) {
    Bounds b = int_bounds(lower, v);

    if (!b.known) {
        return false;
    }
    *bound = form_constant(upper ? b.high : b.low);
    return true;
}

/* Bound number k of the atom: a form that is ≤ it, or ≥ it when `upper`. */
static bool atom_bound(Search *s, Ref atom, bool upper, unsigned k, Form *bound, unsigned depth) {
    const Node *node = ir_node(s->lower->ir, atom);

    if (node->op != OP_CALL) {
        return k == 0 && (class_bound(s->lower, extent_of(s->lower, atom), upper, bound) ||
                          constant_bound(s->lower, atom, upper, bound));
    }
    BuiltinId f = node->as.builtin;
    if (f == BI_mod) {
        return k == 0 && remainder_bound(s, node, upper, bound, depth);
    }
    if (f == BI_mul) {
        return k == 0 && constant_bound(s->lower, atom, upper, bound);
    }
    if (f == (upper ? BI_minimum : BI_maximum)) {
        if (k < 2) {
            *bound = form_of(s->lower, node->args[k], 0);
        }
        return k < 2;
    }
    if (f == BI_abs && !upper && k == 0) {
        *bound = form_constant(dim_const(s->lower->ir, 0));
        return true;
    }
    return false;
}

/* ---- the search ------------------------------------------------------------------------------ */

/* The form with `value` in the place of atom k is ≥ 0. */
static bool with_value(Search *s, const Form *form, unsigned k, const Form *value, unsigned depth) {
    Form made = *form;
    Dim coefficient = form->coefficient[k];

    form_drop(&made, k);
    return form_add(s->lower->ir, &made, value, coefficient) && nonnegative(s, &made, depth + 1);
}

static bool with_ref(Search *s, const Form *form, unsigned k, Ref value, int sign, unsigned depth) {
    Form x = form_of(s->lower, value, 0);
    Form signed_x = form_constant(dim_const(s->lower->ir, 0));

    return form_add(s->lower->ir, &signed_x, &x, dim_const(s->lower->ir, sign)) &&
           with_value(s, form, k, &signed_x, depth);
}

/* An atom that is one of two: the form is ≥ 0 for both. */
static bool by_cases(Search *s, const Form *form, unsigned k, bool positive, unsigned depth) {
    const Node *node = ir_node(s->lower->ir, form->atom[k]);

    if (node->op == OP_SELECT) {
        unsigned count = s->fact_count;
        take_condition(s, node->args[0], true, 0);
        bool proved = with_ref(s, form, k, node->args[1], 1, depth);
        s->fact_count = count;
        take_condition(s, node->args[0], false, 0);
        proved = proved && with_ref(s, form, k, node->args[2], 1, depth);
        s->fact_count = count;
        return proved;
    }
    if (node->op != OP_CALL) {
        return false;
    }
    if (node->as.builtin == (positive ? BI_minimum : BI_maximum)) {
        return with_ref(s, form, k, node->args[0], 1, depth) &&
               with_ref(s, form, k, node->args[1], 1, depth);
    }
    return node->as.builtin == BI_abs && !positive &&
           with_ref(s, form, k, node->args[0], 1, depth) &&
           with_ref(s, form, k, node->args[0], -1, depth);
}

/* c·(a // s) + rest ≥ 0: with q = a // s, s·q ≤ a ≤ s·q + s - 1. The form times s has a - (s - 1)
 * in the place of s·q where c > 0, a where c < 0; over whole numbers s·X > -s is as good as X ≥ 0.
 */
static bool quotient(Search *s, const Form *form, unsigned k, bool positive, unsigned depth) {
    Lower *lower = s->lower;
    const Node *node = ir_node(lower->ir, form->atom[k]);
    Dim one = dim_const(lower->ir, 1);
    Form made, rest = *form;

    if (node->op != OP_CALL || node->as.builtin != BI_floordiv) {
        return false;
    }
    Dim size = ir_value_dim(lower->ir, node->args[1]);
    if (size == DIM_NONE || !dim_proves_le(lower->ir, one, size)) {
        return false;
    }
    Form a = form_of(lower, node->args[0], 0);
    Dim less = dim_sub(lower->ir, size, one);
    if (positive) {
        if (nonnegative(s, &a, depth + 1)) { /* then q ≥ 0, which may be enough */
            made = form_constant(dim_const(lower->ir, 0));
            if (with_value(s, form, k, &made, depth)) {
                return true;
            }
        }
        a.constant = dim_sub(lower->ir, a.constant, less);
    }
    Dim coefficient = form->coefficient[k];
    form_drop(&rest, k);
    made = form_constant(less);
    return form_add(lower->ir, &made, &rest, size) && form_add(lower->ir, &made, &a, coefficient) &&
           nonnegative(s, &made, depth + 1);
}

static bool by_atom(Search *s, const Form *form, unsigned k, unsigned depth) {
    Dim zero = dim_const(s->lower->ir, 0);
    bool positive = dim_proves_le(s->lower->ir, zero, form->coefficient[k]);
    Form bound;

    if (!positive && !dim_proves_le(s->lower->ir, form->coefficient[k], zero)) {
        return false;
    }
    if (by_cases(s, form, k, positive, depth) || quotient(s, form, k, positive, depth)) {
        return true;
    }
    for (unsigned b = 0; atom_bound(s, form->atom[k], !positive, b, &bound, depth); b++) {
        if (with_value(s, form, k, &bound, depth)) {
            return true;
        }
    }
    return false;
}

/* How often the fact goes into the form so that an atom of both cancels; DIM_NONE: never. */
static Dim times_in(Lower *lower, const Form *form, const Form *fact) {
    Dim one = dim_const(lower->ir, 1), minus = dim_const(lower->ir, -1);

    if (fact->count == 0) {
        return one;
    }
    for (unsigned k = 0; k < fact->count; k++) {
        for (unsigned j = 0; j < form->count; j++) {
            Dim c = form->coefficient[j], d = fact->coefficient[k];
            if (form->atom[j] != fact->atom[k]) {
                continue;
            }
            Dim times = c == d ? one : d == one || d == minus ? dim_mul(lower->ir, c, d) : DIM_NONE;
            if (times != DIM_NONE && dim_proves_le(lower->ir, one, times)) {
                return times;
            }
        }
    }
    return DIM_NONE;
}

/* form = times · fact + rest, and fact ≥ 0. Each fact is used at most once on the way. */
static bool by_fact(Search *s, const Form *form, unsigned k, unsigned depth) {
    Lower *lower = s->lower;
    Dim times = times_in(lower, form, &s->facts[k]);
    Form made = *form, fact = s->facts[k];

    if (times == DIM_NONE ||
        !form_add(lower->ir, &made, &fact, dim_mul(lower->ir, times, dim_const(lower->ir, -1)))) {
        return false;
    }
    unsigned count = s->fact_count;
    Form last = s->facts[count - 1];
    s->facts[k] = last;
    s->fact_count--;
    bool proved = nonnegative(s, &made, depth + 1);
    s->fact_count = count;
    s->facts[count - 1] = last;
    s->facts[k] = fact;
    return proved;
}

/* Does f fall from the value of v to the end? Its step f(v) - f(v + sign) is linear in v: it is ≥ 0
 * between when it is so at the value and before the end. Where they differ, that is; `differs`,
 * which says so, may be used. */
static bool falls(Search *s, const Form *f, Ref v, const Form *end, int sign, unsigned depth) {
    Ir *ir = s->lower->ir;
    Dim step = dim_const(ir, sign), minus = dim_const(ir, -1);
    Form next = form_atom(ir, v), inner = *end, fall = *f, before, at, moved;
    Form differs = form_constant(minus);

    if (s->fact_count == FACT_LIMIT || !form_add(ir, &differs, end, step) ||
        !form_add(ir, &differs, &next, dim_const(ir, -sign))) {
        return false;
    }
    next.constant = step;
    inner.constant = dim_sub(ir, inner.constant, step);
    s->facts[s->fact_count++] = differs;
    bool good = form_with(s->lower, f, v, &next, &moved) && form_add(ir, &fall, &moved, minus) &&
                nonnegative(s, &fall, depth + 1);
    if (good && form_degree(s->lower, f, v) == 2) {
        good = form_with(s->lower, f, v, &inner, &before) && form_with(s->lower, f, v, end, &at) &&
               form_add(ir, &before, &at, minus) && nonnegative(s, &before, depth + 1);
    }
    s->fact_count--;
    return good;
}

/* A polynomial f of v is ≥ 0 where it is so at an end of the range of v that it falls towards. */
static bool by_end(Search *s, const Form *f, Ref v, const Form *end, int sign, unsigned depth) {
    Form at;

    return falls(s, f, v, end, sign, depth) && form_with(s->lower, f, v, end, &at) &&
           nonnegative(s, &at, depth + 1);
}

/* The ends of v that its own range and the conditions know. */
static bool by_variable(Search *s, const Form *f, Ref v, unsigned depth) {
    Form end;
    unsigned degree = form_degree(s->lower, f, v);

    if (degree == 0 || degree > 2) {
        return false;
    }
    for (unsigned k = s->fact_count; k-- > 0;) {
        Form fact = s->facts[k];
        for (unsigned j = 0; j < fact.count; j++) {
            int64_t c;
            if (fact.atom[j] != v || !dim_is_const(s->lower->ir, fact.coefficient[j], &c) ||
                (c != 1 && c != -1)) {
                continue;
            }
            form_drop(&fact, j);
            end = form_constant(dim_const(s->lower->ir, 0));
            if (form_degree(s->lower, &fact, v) == 0 &&
                form_add(s->lower->ir, &end, &fact, dim_const(s->lower->ir, -c)) &&
                by_end(s, f, v, &end, (int)-c, depth)) {
                return true;
            }
            break;
        }
    }
    return (atom_bound(s, v, true, 0, &end, depth) && by_end(s, f, v, &end, 1, depth)) ||
           (atom_bound(s, v, false, 0, &end, depth) && by_end(s, f, v, &end, -1, depth));
}

static bool by_polynomial(Search *s, const Form *form, unsigned depth) {
    Form f;

    if (!has_product(s->lower, form) || !expand_form(s->lower, form, &f)) {
        return false;
    }
    for (unsigned k = 0; k < f.count; k++) {
        for (Ref v = REF_NONE; (v = next_factor(s->lower, f.atom[k], v)) != REF_NONE;) {
            if (by_variable(s, &f, v, depth)) {
                return true;
            }
        }
    }
    return false;
}

static bool nonnegative(Search *s, const Form *form, unsigned depth) {
    if (form->count == 0 &&
        dim_proves_le(s->lower->ir, dim_const(s->lower->ir, 0), form->constant)) {
        return true;
    }
    if (depth > DEPTH || --s->budget < 0) {
        return false;
    }
    for (unsigned k = form->count; k-- > 0;) {
        if (by_atom(s, form, k, depth)) {
            return true;
        }
    }
    for (unsigned k = s->fact_count; k-- > 0;) {
        if (by_fact(s, form, k, depth)) {
            return true;
        }
    }
    return by_polynomial(s, form, depth);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void begin(Search *s, Lower *lower, Ref a, Ref b, const Fact *outer) {
    IndexSet bound = 0;

    *s = (Search){.lower = lower};
    for (const Fact *f = lower->facts; f != outer; f = f->next) {
        bound |= f->bound;
        if (f->condition != REF_NONE && !(ir_free(lower->ir, f->condition) & bound)) {
            take_condition(s, f->condition, f->holds, 0);
        }
    }
    take_extents(s, ir_free(lower->ir, a) | ir_free(lower->ir, b) | visible(lower));
    sharpen(s);
    s->budget = SEARCH_LIMIT;
}

static bool proves_with(Lower *lower, Ref a, Ref b, const Fact *outer) {
    Search s;
    Form form;

    begin(&s, lower, a, b, outer);
    return difference(lower, a, b, 0, &form) && nonnegative(&s, &form, 0);
}

bool proves_le(Lower *lower, Ref a, Ref b) {
    const Fact *base = lower->call ? lower->call->facts : NULL;

    if (proves_with(lower, a, b, lower->facts) ||
        (lower->facts != base && proves_with(lower, a, b, base))) {
        return true;
    }
    if (base && proves_with(lower, a, b, NULL)) {
        lower->contextual = true;
        return true;
    }
    return false;
}

void add_fact(Lower *lower, Ref condition, bool holds) {
    Fact *fact = arena_new(lower->arena, Fact);

    *fact = (Fact){condition, holds, 0, lower->facts};
    lower->facts = fact;
}

void hide_facts(Lower *lower, IndexSet bound) {
    for (const Fact *f = lower->facts; f; f = f->next) {
        if (f->condition != REF_NONE && (ir_free(lower->ir, f->condition) & bound)) {
            Fact *fact = arena_new(lower->arena, Fact);
            *fact = (Fact){REF_NONE, false, bound, lower->facts};
            lower->facts = fact;
            return;
        }
    }
}

/* Do the conditions say nothing of the atoms of this form? */
static bool untouched(Lower *lower, const Form *form) {
    for (unsigned k = 0; k < form->count; k++) {
        for (const Fact *f = lower->facts; f; f = f->next) {
            if (f->condition != REF_NONE && ir_reach(lower->ir, &f->condition, 1)[form->atom[k]]) {
                return false;
            }
        }
    }
    return true;
}

Bounds reached_bounds(Lower *lower, Ref value) {
    Form form = form_of(lower, value, 0);
    Bounds b = {0};
    Dim zero = dim_const(lower->ir, 0), one = dim_const(lower->ir, 1);

    if (!untouched(lower, &form)) {
        return b;
    }
    b.low = b.high = form.constant;
    for (unsigned k = 0; k < form.count; k++) {
        Dim extent = extent_of(lower, form.atom[k]);
        if (extent == DIM_NONE) {
            return (Bounds){0};
        }
        b.classes = extent;
        Dim reach = dim_mul(lower->ir, form.coefficient[k], dim_sub(lower->ir, extent, one));
        if (dim_proves_le(lower->ir, zero, form.coefficient[k])) {
            b.high = dim_add(lower->ir, b.high, reach);
        } else if (dim_proves_le(lower->ir, form.coefficient[k], zero)) {
            b.low = dim_add(lower->ir, b.low, reach);
        } else {
            return (Bounds){0};
        }
    }
    b.known = true;
    return b;
}
