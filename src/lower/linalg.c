/* linalg.c: linear algebra. The library (runtime/std/algebra.model) declares the functions, with
 * their shapes; what it cannot write itself it calls by the names of ir/lib.def behind `lib_`. */
#include <string.h>

#include "lower/elaborate.h"

static bool find_operation(const char *name, LibId *found) {
    static const char prefix[] = "lib_";

    if (strncmp(name, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    for (unsigned f = 0; f < LIB_COUNT; f++) {
        if (strcmp(lib_table[f].name, name + sizeof prefix - 1) == 0) {
            *found = (LibId)f;
            return true;
        }
    }
    return false;
}

bool lower_library_operation(Lower *lower, const Expr *call, Ref *value) {
    Ref args[LIB_ARITY];
    unsigned count = 0;
    LibId f;

    if (!lower->library || !find_operation(call->as.call.name, &f)) {
        return false;
    }
    *value = REF_NONE;
    for (const Expr *e = call->as.call.args; e; e = e->next, count++) {
        args[count] = lower_expr(lower, e);
        if (args[count] == REF_NONE) {
            return true;
        }
        args[count] = to_real(lower, args[count]);
    }
    lower->ir->at = user_span(lower, call->span);
    *value = ir_lib(lower->ir, f, args, count);
    return true;
}

const ModelFunction *lower_vector_form(Lower *lower, const ModelFunction *f, const Ref *args) {
    size_t last = f->ast->formal_count;
    const Formal *formal = f->ast->formals;

    if (last == 0 || !f->library) {
        return f;
    }
    while (formal->next) {
        formal = formal->next;
    }
    if ((size_t)ir_rank(lower->ir, args[last - 1]) + 1 != formal->rank) {
        return f;
    }
    const char *text = arena_format(lower->arena, "%s_vector", f->ast->name);
    const ModelFunction *found =
        model_library_function(lower->model, intern_text(lower->front->names, text));
    if (!found) {
        return f;
    }
    ModelFunction *form = arena_new(lower->arena, ModelFunction);
    Function *ast = arena_new(lower->arena, Function);
    *form = *found;
    *ast = *found->ast;
    ast->name = f->ast->name; /* messages name what the user wrote */
    form->ast = ast;
    return form;
}
