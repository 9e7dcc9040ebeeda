/* form.c: linear forms over sizes. */
#include "ir/form.h"

Form form_constant(Dim value) {
    return (Form){.constant = value};
}

Form form_atom(Ir *ir, uint32_t atom) {
    return (Form){dim_const(ir, 0), 1, {atom}, {dim_const(ir, 1)}};
}

void form_drop(Form *form, unsigned k) {
    form->count--;
    form->atom[k] = form->atom[form->count];
    form->coefficient[k] = form->coefficient[form->count];
}

static bool is_zero(const Ir *ir, Dim d) {
    int64_t value;
    return dim_value(ir, d, &value) && value == 0;
}

static bool add_atom(Ir *ir, Form *form, uint32_t atom, Dim coefficient) {
    for (unsigned k = 0; k < form->count; k++) {
        if (form->atom[k] == atom) {
            form->coefficient[k] = dim_add(ir, form->coefficient[k], coefficient);
            if (is_zero(ir, form->coefficient[k])) {
                form_drop(form, k);
            }
            return true;
        }
    }
    if (form->count == FORM_LIMIT) {
        return false;
    }
    form->atom[form->count] = atom;
    form->coefficient[form->count++] = coefficient;
    return true;
}

bool form_add(Ir *ir, Form *a, const Form *b, Dim factor) {
    a->constant = dim_add(ir, a->constant, dim_mul(ir, factor, b->constant));
    for (unsigned k = 0; k < b->count; k++) {
        if (!add_atom(ir, a, b->atom[k], dim_mul(ir, factor, b->coefficient[k]))) {
            return false;
        }
    }
    return true;
}

bool form_call(Ir *ir, BuiltinId f, const Form *a, const Form *b, Form *made) {
    if (f == BI_add || f == BI_sub) {
        *made = *a;
        return form_add(ir, made, b, dim_const(ir, f == BI_add ? 1 : -1));
    }
    *made = form_constant(dim_const(ir, 0));
    if (f == BI_neg) {
        return form_add(ir, made, a, dim_const(ir, -1));
    }
    if (f != BI_mul || (a->count > 0 && b->count > 0)) {
        return false;
    }
    return form_add(ir, made, a->count > 0 ? a : b, a->count > 0 ? b->constant : a->constant);
}
