/* bounds.c: proofs that a whole number lies in a range. An expression is read as a linear form
 *     constant + Σ coefficient · atom
 * with sizes (Dims) for constant and coefficients; atoms are loop counters, entries of int leaves,
 * quotients and remainders. Atoms are then replaced, the innermost loop first, by a bound of theirs
 * until a comparison of sizes is left. A proof uses the bounds of a loop only if the expression
 * contains its counter: so an expression that leaves the loop keeps its proof. */
#include "loop/plan.h"

enum { ATOM_LIMIT = 8, SEARCH_LIMIT = 400 };

typedef struct {
    Dim constant;
    unsigned count;
    const LoopExpr *atom[ATOM_LIMIT];
    Dim coefficient[ATOM_LIMIT];
} Form;

static bool form_of(Plan *plan, const LoopExpr *x, Form *form);

static void form_constant(Form *form, Dim value) {
    form->constant = value;
    form->count = 0;
}

static bool is_zero(const Plan *plan, Dim d) {
    int64_t value;
    return dim_value(plan->ir, d, &value) && value == 0;
}

static bool form_add_atom(Plan *plan, Form *form, const LoopExpr *atom, Dim coefficient) {
    for (unsigned k = 0; k < form->count; k++) {
        if (form->atom[k] == atom) {
            form->coefficient[k] = dim_add(plan->ir, form->coefficient[k], coefficient);
            if (is_zero(plan, form->coefficient[k])) {
                form->count--;
                form->atom[k] = form->atom[form->count];
                form->coefficient[k] = form->coefficient[form->count];
            }
            return true;
        }
    }
    if (form->count == ATOM_LIMIT) {
        return false;
    }
    form->atom[form->count] = atom;
    form->coefficient[form->count++] = coefficient;
    return true;
}

/* a += factor · b */
static bool form_add(Plan *plan, Form *a, const Form *b, Dim factor) {
    a->constant = dim_add(plan->ir, a->constant, dim_mul(plan->ir, factor, b->constant));
    for (unsigned k = 0; k < b->count; k++) {
        if (!form_add_atom(plan, a, b->atom[k], dim_mul(plan->ir, factor, b->coefficient[k]))) {
            return false;
        }
    }
    return true;
}

static Dim arg_dim(const Plan *plan, uint32_t arg) {
    const LoopArg *info = &plan->program->args[arg];
    if (info->role == ARG_DIM) {
        return dim_symbol_at(plan->ir, info->which);
    }
    return info->role == ARG_ROWS    ? plan->ir->sample_dim
           : info->role == ARG_TOTAL ? plan->ir->total_dim
                                     : DIM_NONE;
}

static bool form_atom(Plan *plan, const LoopExpr *x, Form *form) {
    form_constant(form, dim_const(plan->ir, 0));
    return form_add_atom(plan, form, x, dim_const(plan->ir, 1));
}

static bool form_call(Plan *plan, const LoopExpr *x, Form *form) {
    BuiltinId f = x->as.builtin;
    Form b;
    if (x->count == 0 || !form_of(plan, x->args[0], form) ||
        (x->count > 1 && !form_of(plan, x->args[1], &b))) {
        return false;
    }
    Dim minus_one = dim_const(plan->ir, -1);
    if (f == BI_add || f == BI_sub) {
        return form_add(plan, form, &b, f == BI_add ? dim_const(plan->ir, 1) : minus_one);
    }
    if (f == BI_neg) {
        Form a = *form;
        form_constant(form, dim_const(plan->ir, 0));
        return form_add(plan, form, &a, minus_one);
    }
    if (f == BI_mul && (b.count == 0 || form->count == 0)) {
        Form many = b.count == 0 ? *form : b;
        Dim factor = b.count == 0 ? b.constant : form->constant;
        form_constant(form, dim_const(plan->ir, 0));
        return form_add(plan, form, &many, factor);
    }
    if ((f == BI_floordiv || f == BI_mod) && b.count == 0 && form->count == 0) {
        Dim made = f == BI_mod ? dim_mod(plan->ir, form->constant, b.constant)
                               : dim_floordiv(plan->ir, form->constant, b.constant);
        form_constant(form, made);
        return true;
    }
    return form_atom(plan, x, form);
}

static bool form_of(Plan *plan, const LoopExpr *x, Form *form) {
    if (x == plan->sample_rows && x) {
        form_constant(form, plan->ir->rows_dim);
        return true;
    }
    if (x->kind == LX_INT) {
        form_constant(form, dim_const(plan->ir, x->as.integer));
        return true;
    }
    if (x->kind == LX_ARG) {
        Dim dim = arg_dim(plan, x->as.arg);
        if (dim != DIM_NONE) {
            form_constant(form, dim);
            return true;
        }
    }
    return x->kind == LX_CALL ? form_call(plan, x, form) : form_atom(plan, x, form);
}

/* ---- bounds of atoms
 * ------------------------------------------------------------------------------------ */

static bool proves_nonnegative(Plan *plan, const Form *form, int *budget);

/* x as a form, minus `minus`. */
static bool bound_form(Plan *plan, const LoopExpr *x, int64_t minus, Form *form) {
    return form_of(plan, x, form) &&
           (form->constant = dim_sub(plan->ir, form->constant, dim_const(plan->ir, minus)), true);
}

/* Bound number k of the atom: a form that is ≤ it (or ≥ it, when `upper`); false: there is none. */
static bool atom_bound(Plan *plan, const LoopExpr *atom, bool upper, unsigned k, Form *form) {
    if (atom->kind == LX_VAR) {
        const VarFacts *facts = &plan->var_facts[atom->as.var];
        if (k >= (upper ? facts->high_count : facts->low_count)) {
            return false;
        }
        return bound_form(plan, upper ? facts->high[k] : facts->low[k], upper ? 1 : 0, form);
    }
    if (atom->kind == LX_LOAD && k == 0) {
        Dim dim = plan->buffer_facts[atom->as.buffer].class_dim;
        form_constant(form, dim_const(plan->ir, 0));
        if (upper && dim != DIM_NONE) { /* it need be no argument of the function */
            form->constant = dim_sub(plan->ir, dim, dim_const(plan->ir, 1));
        }
        return dim != DIM_NONE;
    }
    if (atom->kind != LX_CALL) {
        return false;
    }
    BuiltinId f = atom->as.builtin;
    if (f == BI_mod && k == 0) { /* 0 ≤ a % s < s; sizes are at least 1 */
        Form size;
        int64_t least;
        if (!form_of(plan, atom->args[1], &size) || size.count > 0 ||
            (dim_is_const(plan->ir, size.constant, &least) && least < 1)) {
            return false;
        }
        return bound_form(plan, upper ? atom->args[1] : x_int(plan, 0), upper ? 1 : 0, form);
    }
    if (f == (upper ? BI_minimum : BI_maximum) && k < 2) {
        return bound_form(plan, atom->args[k], 0, form);
    }
    return false;
}

static void form_drop(Form *form, unsigned k) {
    form->count--;
    form->atom[k] = form->atom[form->count];
    form->coefficient[k] = form->coefficient[form->count];
}

/* c·(a // s) + rest ≥ 0 holds, for c > 0, if a ≥ 0 … : with q = a // s, s·q ≤ a ≤ s·q + s-1,
 * multiply the form by s and replace s·q by a-(s-1) (c > 0) or by a (c < 0). */
static bool replace_quotient(Plan *plan, const Form *form, unsigned k, bool positive, Form *made) {
    const LoopExpr *atom = form->atom[k];
    Form size;
    Form a;
    int64_t s;
    if (atom->kind != LX_CALL || atom->as.builtin != BI_floordiv ||
        !form_of(plan, atom->args[1], &size) || size.count > 0 ||
        !dim_value(plan->ir, size.constant, &s) || s < 1 || !form_of(plan, atom->args[0], &a)) {
        return false;
    }
    Form rest = *form;
    Dim coefficient = form->coefficient[k];
    form_drop(&rest, k);
    if (positive) {
        a.constant = dim_sub(plan->ir, a.constant, dim_const(plan->ir, s - 1));
    }
    form_constant(made, dim_const(plan->ir, 0));
    /* over the whole numbers s·X ≥ -(s-1) is as good as X ≥ 0 */
    made->constant = dim_const(plan->ir, s - 1);
    return form_add(plan, made, &rest, dim_const(plan->ir, s)) &&
           form_add(plan, made, &a, coefficient);
}

static unsigned atom_depth(const LoopExpr *x) {
    const Expr *expr = (const Expr *)x;
    return expr->level ? expr->level->depth : 0;
}

static unsigned innermost(const Form *form) {
    unsigned best = 0;
    for (unsigned k = 1; k < form->count; k++) {
        unsigned a = atom_depth(form->atom[k]);
        unsigned b = atom_depth(form->atom[best]);
        bool later = ((const Expr *)form->atom[k])->id > ((const Expr *)form->atom[best])->id;
        if (a > b || (a == b && later)) {
            best = k;
        }
    }
    return best;
}

/* The upper bound of a maximum, and the lower one of a minimum, hold for both of its arguments. */
static bool needs_both(const LoopExpr *atom, bool upper) {
    return atom->kind == LX_CALL && atom->as.builtin == (upper ? BI_maximum : BI_minimum);
}

/* The form, with argument `a` of atom k in the place of the atom, is ≥ 0. */
static bool with_argument(Plan *plan, const Form *form, unsigned k, unsigned a, int *budget) {
    Form argument;
    Form made = *form;
    Dim coefficient = form->coefficient[k];
    form_drop(&made, k);
    return form_of(plan, form->atom[k]->args[a], &argument) &&
           form_add(plan, &made, &argument, coefficient) && proves_nonnegative(plan, &made, budget);
}

static bool proves_nonnegative(Plan *plan, const Form *form, int *budget) {
    Dim zero = dim_const(plan->ir, 0);
    if (form->count == 0) {
        return dim_proves_le(plan->ir, zero, form->constant);
    }
    if (--*budget < 0) {
        return false;
    }
    unsigned k = innermost(form);
    bool positive = dim_proves_le(plan->ir, zero, form->coefficient[k]);
    if (!positive && !dim_proves_le(plan->ir, form->coefficient[k], zero)) {
        return false;
    }
    Form made;
    if (replace_quotient(plan, form, k, positive, &made)) {
        return proves_nonnegative(plan, &made, budget);
    }
    if (needs_both(form->atom[k], !positive)) {
        return with_argument(plan, form, k, 0, budget) && with_argument(plan, form, k, 1, budget);
    }
    Form bound;
    for (unsigned b = 0; atom_bound(plan, form->atom[k], !positive, b, &bound); b++) {
        made = *form;
        Dim coefficient = form->coefficient[k];
        form_drop(&made, k);
        if (form_add(plan, &made, &bound, coefficient) && proves_nonnegative(plan, &made, budget)) {
            return true;
        }
    }
    return false;
}

/* ---- questions
 * --------------------------------------------------------------------------------------------- */

bool x_proves_le(Plan *plan, const LoopExpr *a, const LoopExpr *b) {
    Form low;
    Form form;
    int budget = SEARCH_LIMIT;
    return form_of(plan, a, &low) && form_of(plan, b, &form) &&
           form_add(plan, &form, &low, dim_const(plan->ir, -1)) &&
           proves_nonnegative(plan, &form, &budget);
}

bool x_proves_inside(Plan *plan, const LoopExpr *position, Dim size) {
    const LoopExpr *last = x_call2(plan, BI_sub, x_dim(plan, size), x_int(plan, 1));
    return x_proves_le(plan, x_int(plan, 0), position) && x_proves_le(plan, position, last);
}

const LoopExpr *x_inside(Plan *plan, const LoopExpr *position, Dim size) {
    if (((const Expr *)position)->inside == size) {
        return position; /* clamped before */
    }
    const LoopExpr *zero = x_int(plan, 0);
    const LoopExpr *last = x_call2(plan, BI_sub, x_dim(plan, size), x_int(plan, 1));
    const LoopExpr *made = position;
    if (!x_proves_le(plan, position, last)) {
        made = x_call2(plan, BI_minimum, made, last);
    }
    if (!x_proves_le(plan, zero, made)) {
        made = x_call2(plan, BI_maximum, made, zero);
    }
    ((Expr *)(uintptr_t)made)->inside = size;
    return made;
}
