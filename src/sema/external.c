/* external.c: extern functions: C functions of numbers, and the C functions that are their
 * derivatives. A derivative may be declared itself, and so have derivatives of its own. */
#include <ctype.h>
#include <string.h>

#include "sema/sema_private.h"

enum { ARITY_LIMIT = 6 };

static bool check_c_name(Sema *sema, Name name, Span at) {
    bool good = strcmp(c_name(sema->arena, name), name) == 0;

    if (!good) {
        Diag *diag = diag_error(sema->diags, at, "`%s` cannot be the name of a C function", name);
        diag_label(sema->diags, diag, "letters of ASCII, digits and `_`, and no word of C");
    }
    return good;
}

static bool check_formals(Sema *sema, const Item *item) {
    for (const Formal *a = item->as.external.formals; a; a = a->next) {
        if (a->shape || a->class_size || a->is_function) {
            Diag *diag = diag_error(sema->diags, a->span,
                                    "an extern function takes numbers, and `%s` is %s", a->name,
                                    a->shape         ? "an array"
                                    : a->is_function ? "a function"
                                                     : "a label");
            diag_label(sema->diags, diag, "`double %s(double, …)` in C", item->as.external.name);
            return false;
        }
    }
    size_t count = item->as.external.formal_count;
    if (count < 1 || count > ARITY_LIMIT) {
        diag_error(sema->diags, item->as.external.name_span,
                   "an extern function takes 1 to %d numbers, and `%s` takes %zu", ARITY_LIMIT,
                   item->as.external.name, count);
        return false;
    }
    return true;
}

static void add(Sema *sema, ModelExternal external) {
    Model *m = sema->model;

    m->externals = arena_grow(sema->arena, m->externals, m->external_count,
                              &sema->external_capacity, sizeof *m->externals);
    m->externals[m->external_count++] = external;
}

void sema_external(Sema *sema, const Item *item) {
    size_t given = 0, count = item->as.external.formal_count;
    Span at = item->as.external.name_span;
    bool good = check_c_name(sema, item->as.external.name, at);

    good &= check_formals(sema, item);
    for (const Binder *b = item->as.external.derivatives; b; b = b->next) {
        good &= check_c_name(sema, b->name, b->span);
        given++;
    }
    if (good && given > 0 && given != count) {
        Diag *diag = diag_error(sema->diags, item->as.external.derivatives->span,
                                "`%s` takes %zu number%s, and here %s %zu derivative%s",
                                item->as.external.name, count, count == 1 ? "" : "s",
                                given == 1 ? "is" : "are", given, given == 1 ? "" : "s");
        diag_label(sema->diags, diag, "one for each argument, in order");
        good = false;
    }
    add(sema, (ModelExternal){item->as.external.name, at, count,
                              good ? item->as.external.derivatives : NULL, true});
}

void sema_externals(Sema *sema) {
    const Model *m = sema->model;
    size_t declared = m->external_count;

    for (size_t k = 0; k < declared; k++) {
        const ModelExternal f = m->externals[k];
        for (const Binder *b = f.derivatives; b; b = b->next) {
            const ModelExternal *other = model_external(m, b->name);
            if (!other) {
                add(sema, (ModelExternal){b->name, b->span, f.arity, NULL, false});
            } else if (other->arity != f.arity) {
                Diag *diag =
                    diag_error(sema->diags, b->span,
                               "`%s` takes %zu number%s, and its derivative `%s` takes "
                               "%zu",
                               f.name, f.arity, f.arity == 1 ? "" : "s", b->name, other->arity);
                diag_note(sema->diags, diag, other->span, "`%s` is declared here", b->name);
            }
        }
    }
}
