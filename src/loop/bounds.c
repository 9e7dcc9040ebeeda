/* bounds.c: proofs that a whole number lies in a range. An expression is read as a linear form
 *     constant + Σ coefficient · atom
 * whose atoms are loop counters, entries of int leaves, quotients and remainders, by their ids.
 * Atoms are then replaced, the innermost loop first, by a bound of theirs
 * until a comparison of sizes is left. A proof uses the bounds of a loop only if the expression
 * contains its counter: so an expression that leaves the loop keeps its proof. */
#include "ir/form.h"
#include "loop/plan.h"

enum { SEARCH_LIMIT = 400 };

static Form form_of(Plan *plan, const LoopExpr *x);

static Dim arg_dim(const Plan *plan, uint32_t arg) {
    const LoopArg *info = &plan->program->args[arg];
    if (info->role == ARG_DIM) {
        return dim_symbol_at(plan->ir, info->which);
    }
    return info->role == ARG_ROWS    ? plan->ir->sample_dim
           : info->role == ARG_TOTAL ? plan->ir->total_dim
                                     : DIM_NONE;
}

/* A call as a form of its operands; false: it is none. */
static bool form_of_call(Plan *plan, const LoopExpr *x, Form *form) {
    BuiltinId f = x->as.builtin;
    if (x->count == 0) {
        return false;
    }
    Form a = form_of(plan, x->args[0]);
    Form b = x->count > 1 ? form_of(plan, x->args[1]) : a;
    if ((f == BI_floordiv || f == BI_mod) && a.count == 0 && b.count == 0) {
        *form = form_constant(f == BI_mod ? dim_mod(plan->ir, a.constant, b.constant)
                                          : dim_floordiv(plan->ir, a.constant, b.constant));
        return true;
    }
    return form_call(plan->ir, f, &a, &b, form);
}

static Form form_of(Plan *plan, const LoopExpr *x) {
    Form form;
    if (x == plan->sample_rows && x) {
        return form_constant(plan->ir->rows_dim);
    }
    if (x->kind == LX_INT) {
        return form_constant(dim_const(plan->ir, x->as.integer));
    }
    Dim dim = x->kind == LX_ARG ? arg_dim(plan, x->as.arg) : DIM_NONE;
    if (dim != DIM_NONE) {
        return form_constant(dim);
    }
    return x->kind == LX_CALL && form_of_call(plan, x, &form)
               ? form
               : form_atom(plan->ir, ((const Expr *)x)->id);
}

static const LoopExpr *atom_at(const Plan *plan, const Form *form, unsigned k) {
    return &plan->exprs[form->atom[k]]->x;
}

/* ---- bounds of atoms
 * ------------------------------------------------------------------------------------ */

static bool proves_nonnegative(Plan *plan, const Form *form, int *budget);

/* x as a form, minus `minus`. */
static Form less(Plan *plan, const LoopExpr *x, int64_t minus) {
    Form form = form_of(plan, x);
    form.constant = dim_sub(plan->ir, form.constant, dim_const(plan->ir, minus));
    return form;
}

/* Bound number k of the atom: a form that is ≤ it (or ≥ it, when `upper`); false: there is none. */
static bool atom_bound(Plan *plan, const LoopExpr *atom, bool upper, unsigned k, Form *form) {
    if (atom->kind == LX_VAR) {
        const VarFacts *facts = &plan->var_facts[atom->as.var];
        if (k >= (upper ? facts->high_count : facts->low_count)) {
            return false;
        }
        *form = less(plan, upper ? facts->high[k] : facts->low[k], upper ? 1 : 0);
        return true;
    }
    if (atom->kind == LX_LOAD && k == 0) {
        Dim dim = plan->buffer_facts[atom->as.buffer].class_dim;
        *form = form_constant(dim_const(plan->ir, 0));
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
        Form size = form_of(plan, atom->args[1]);
        int64_t least;
        if (size.count > 0 || (dim_is_const(plan->ir, size.constant, &least) && least < 1)) {
            return false;
        }
        *form = upper ? less(plan, atom->args[1], 1) : form_constant(dim_const(plan->ir, 0));
        return true;
    }
    if (f == (upper ? BI_minimum : BI_maximum) && k < 2) {
        *form = form_of(plan, atom->args[k]);
        return true;
    }
    return false;
}

/* c·(a // s) + rest ≥ 0 holds, for c > 0, if a ≥ 0 … : with q = a // s, s·q ≤ a ≤ s·q + s-1,
 * multiply the form by s and replace s·q by a-(s-1) (c > 0) or by a (c < 0). */
static bool replace_quotient(Plan *plan, const Form *form, unsigned k, bool positive, Form *made) {
    const LoopExpr *atom = atom_at(plan, form, k);
    int64_t s;
    if (atom->kind != LX_CALL || atom->as.builtin != BI_floordiv) {
        return false;
    }
    Form a = form_of(plan, atom->args[0]);
    Form size = form_of(plan, atom->args[1]);
    if (size.count > 0 || !dim_value(plan->ir, size.constant, &s) || s < 1) {
        return false;
    }
    Form rest = *form;
    Dim coefficient = form->coefficient[k];
    form_drop(&rest, k);
    if (positive) {
        a.constant = dim_sub(plan->ir, a.constant, dim_const(plan->ir, s - 1));
    }
    /* over the whole numbers s·X ≥ -(s-1) is as good as X ≥ 0 */
    *made = form_constant(dim_const(plan->ir, s - 1));
    return form_add(plan->ir, made, &rest, dim_const(plan->ir, s)) &&
           form_add(plan->ir, made, &a, coefficient);
}

static unsigned atom_depth(const LoopExpr *x) {
    const Expr *expr = (const Expr *)x;
    return expr->level ? expr->level->depth : 0;
}

static unsigned innermost(const Plan *plan, const Form *form) {
    unsigned best = 0;
    for (unsigned k = 1; k < form->count; k++) {
        unsigned a = atom_depth(atom_at(plan, form, k));
        unsigned b = atom_depth(atom_at(plan, form, best));
        bool later = form->atom[k] > form->atom[best];
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
    Form argument = form_of(plan, atom_at(plan, form, k)->args[a]);
    Form made = *form;
    Dim coefficient = form->coefficient[k];
    form_drop(&made, k);
    return form_add(plan->ir, &made, &argument, coefficient) &&
           proves_nonnegative(plan, &made, budget);
}

static bool proves_nonnegative(Plan *plan, const Form *form, int *budget) {
    Dim zero = dim_const(plan->ir, 0);
    if (form->count == 0) {
        return dim_proves_le(plan->ir, zero, form->constant);
    }
    if (--*budget < 0) {
        return false;
    }
    unsigned k = innermost(plan, form);
    bool positive = dim_proves_le(plan->ir, zero, form->coefficient[k]);
    if (!positive && !dim_proves_le(plan->ir, form->coefficient[k], zero)) {
        return false;
    }
    Form made;
    if (replace_quotient(plan, form, k, positive, &made)) {
        return proves_nonnegative(plan, &made, budget);
    }
    if (needs_both(atom_at(plan, form, k), !positive)) {
        return with_argument(plan, form, k, 0, budget) && with_argument(plan, form, k, 1, budget);
    }
    Form bound;
    for (unsigned b = 0; atom_bound(plan, atom_at(plan, form, k), !positive, b, &bound); b++) {
        made = *form;
        Dim coefficient = form->coefficient[k];
        form_drop(&made, k);
        if (form_add(plan->ir, &made, &bound, coefficient) &&
            proves_nonnegative(plan, &made, budget)) {
            return true;
        }
    }
    return false;
}

/* ---- questions
 * --------------------------------------------------------------------------------------------- */

bool x_proves_le(Plan *plan, const LoopExpr *a, const LoopExpr *b) {
    Form low = form_of(plan, a);
    Form form = form_of(plan, b);
    int budget = SEARCH_LIMIT;
    return form_add(plan->ir, &form, &low, dim_const(plan->ir, -1)) &&
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
