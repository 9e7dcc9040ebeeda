/* external.c: extern functions: elementwise, like the built-in ones. */
#include "lower/elaborate.h"

void add_externals(Lower *lower) {
    const Model *m = lower->model;
    External *table = arena_array(lower->arena, External, m->external_count + 1);

    for (size_t k = 0; k < m->external_count; k++) {
        const ModelExternal *e = &m->externals[k];
        table[k] = (External){.name = e->name, .arity = (uint32_t)e->arity, .span = e->span};
        for (size_t j = 0; j < EXTERN_ARITY; j++) {
            table[k].derivatives[j] = EXTERN_NONE;
        }
        size_t j = 0;
        for (const Binder *b = e->derivatives; b && j < EXTERN_ARITY; b = b->next) {
            table[k].derivatives[j++] = (uint32_t)(model_external(m, b->name) - m->externals);
        }
    }
    lower->ir->externals = table;
    lower->ir->external_count = m->external_count;
}

static Ref apply_external(Lower *lower, const void *data, const Ref *scalars) {
    const ModelExternal *external = data;
    Ref args[EXTERN_ARITY];

    for (size_t k = 0; k < external->arity; k++) {
        args[k] = ir_convert(lower->ir, scalars[k]);
    }
    return ir_extern(lower->ir, (uint32_t)(external - lower->model->externals), args,
                     (unsigned)external->arity);
}

Ref lower_external(Lower *lower, const ModelExternal *external, const Expr *call) {
    size_t count = call->as.call.count;
    Ref *args = arena_array(lower->arena, Ref, count + 1);
    Dim shape[RANK_LIMIT];
    unsigned rank, bad;

    if (!lower_args(lower, call, args)) {
        return REF_NONE;
    }
    if (count != external->arity) {
        Diag *diag = lower_error(lower, call->span, "`%s` takes %zu argument%s, and here %s %zu",
                                 external->name, external->arity, external->arity == 1 ? "" : "s",
                                 count == 1 ? "is" : "are", count);
        diag_note(lower->diags, diag, external->span, "`%s` is declared here", external->name);
        return REF_NONE;
    }
    if (!broadcast(lower, args, (unsigned)count, shape, &rank, &bad)) {
        const Expr *e = call->as.call.args;
        Diag *diag = lower_error(
            lower, call->span, "the arguments of `%s` have shapes that do not fit", external->name);
        for (size_t k = 0; k < count; k++, e = e->next) {
            note_shape(lower, diag, e, args[k]);
        }
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, call->span);
    return elementwise(lower, args, (unsigned)count, apply_external, external);
}
