/* monomials.c: whole numbers as polynomials: forms whose atoms are products of what is no product,
 * each product written in one way. */
#include "lower/elaborate.h"

enum { FACTOR_LIMIT = 6 };

typedef struct {
    unsigned count;
    Ref factor[FACTOR_LIMIT]; /* ascending */
} Factors;

static bool is_product(const Ir *ir, Ref atom) {
    const Node *node = ir_node(ir, atom);
    return node->op == OP_CALL && node->as.builtin == BI_mul;
}

/* The factors of an atom go to those found before; false: too many. */
static bool take_factors(const Ir *ir, Ref atom, Factors *f) {
    Ref open[FACTOR_LIMIT]; /* products are nested from the left */
    unsigned waiting = 0;

    for (;;) {
        while (is_product(ir, atom)) {
            if (waiting == FACTOR_LIMIT) {
                return false;
            }
            open[waiting++] = ir_node(ir, atom)->args[1];
            atom = ir_node(ir, atom)->args[0];
        }
        if (f->count == FACTOR_LIMIT) {
            return false;
        }
        unsigned k = f->count++;
        for (; k > 0 && f->factor[k - 1] > atom; k--) {
            f->factor[k] = f->factor[k - 1];
        }
        f->factor[k] = atom;
        if (waiting == 0) {
            return true;
        }
        atom = open[--waiting];
    }
}

/* The product of two atoms, or REF_NONE: too many factors. */
static Ref product(Ir *ir, Ref a, Ref b) {
    Factors f = {0};

    if (!take_factors(ir, a, &f) || !take_factors(ir, b, &f)) {
        return REF_NONE;
    }
    Ref made = f.factor[0];
    for (unsigned k = 1; k < f.count; k++) {
        made = ir_mul(ir, made, f.factor[k]);
    }
    return made;
}

/* made = a · b; false: it has too many terms, or terms of too many factors. */
static bool multiply(Ir *ir, const Form *a, const Form *b, Form *made) {
    Form x = *a;

    *made = form_constant(dim_const(ir, 0));
    if (!form_add(ir, made, b, a->constant)) {
        return false;
    }
    x.constant = dim_const(ir, 0);
    if (!form_add(ir, made, &x, b->constant)) {
        return false;
    }
    for (unsigned k = 0; k < a->count; k++) {
        for (unsigned j = 0; j < b->count; j++) {
            Ref atom = product(ir, a->atom[k], b->atom[j]);
            Form term = atom == REF_NONE ? x : form_atom(ir, atom);
            Dim factor = dim_mul(ir, a->coefficient[k], b->coefficient[j]);
            if (atom == REF_NONE || !form_add(ir, made, &term, factor)) {
                return false;
            }
        }
    }
    return true;
}

static bool expand(Lower *lower, const Form *form, Form *made, unsigned depth) {
    *made = form_constant(form->constant);
    for (unsigned k = 0; k < form->count; k++) {
        Form term = form_atom(lower->ir, form->atom[k]);
        if (is_product(lower->ir, form->atom[k])) {
            const Ref *args = ir_node(lower->ir, form->atom[k])->args;
            Form a = whole_form(lower, args[0]), b = whole_form(lower, args[1]), x, y;
            if (depth == FACTOR_LIMIT || !expand(lower, &a, &x, depth + 1) ||
                !expand(lower, &b, &y, depth + 1) || !multiply(lower->ir, &x, &y, &term)) {
                return false;
            }
        }
        if (!form_add(lower->ir, made, &term, form->coefficient[k])) {
            return false;
        }
    }
    return true;
}

bool expand_form(Lower *lower, const Form *form, Form *made) {
    return expand(lower, form, made, 0);
}

bool has_product(const Lower *lower, const Form *form) {
    for (unsigned k = 0; k < form->count; k++) {
        if (is_product(lower->ir, form->atom[k])) {
            return true;
        }
    }
    return false;
}

Ref next_factor(const Lower *lower, Ref atom, Ref last) {
    Factors f = {0};

    bool good = take_factors(lower->ir, atom, &f);
    for (unsigned k = 0; good && k < f.count; k++) {
        if (f.factor[k] > last) {
            return f.factor[k];
        }
    }
    return REF_NONE;
}

unsigned form_degree(const Lower *lower, const Form *form, Ref variable) {
    unsigned degree = 0;

    for (unsigned k = 0; k < form->count; k++) {
        Factors f = {0};
        unsigned here = take_factors(lower->ir, form->atom[k], &f) ? 0 : FACTOR_LIMIT;
        for (unsigned j = 0; j < f.count; j++) {
            here += f.factor[j] == variable;
        }
        degree = here > degree ? here : degree;
    }
    return degree;
}

bool form_with(Lower *lower, const Form *form, Ref variable, const Form *value, Form *made) {
    *made = form_constant(form->constant);
    for (unsigned k = 0; k < form->count; k++) {
        Factors f = {0};
        Form term = form_constant(dim_const(lower->ir, 1));
        if (!take_factors(lower->ir, form->atom[k], &f)) {
            return false;
        }
        for (unsigned j = 0; j < f.count; j++) {
            Form last = term, other = form_atom(lower->ir, f.factor[j]);
            if (!multiply(lower->ir, &last, f.factor[j] == variable ? value : &other, &term)) {
                return false;
            }
        }
        if (!form_add(lower->ir, made, &term, form->coefficient[k])) {
            return false;
        }
    }
    return true;
}
