/* external.c: the C functions of extern declarations, where gradc itself calls them. */
#include "driver/driver.h"

#include <dlfcn.h>
#include <math.h>

bool externals_load(Compiler *compiler) {
    const Model *model = compiler->model;
    const Words *objects = &compiler->options->objects;
    void *library = NULL;
    bool good = true;
    if (model->external_count == 0) {
        return true;
    }
    if (objects->count > 0) {
        library = link_load(compiler);
        if (library == NULL) {
            return false;
        }
    }
    compiler->addresses = arena_array(compiler->arena, void *, model->external_count);
    for (size_t k = 0; k < model->external_count; k++) {
        const ModelExternal *f = &model->externals[k];
        void *address = library != NULL ? dlsym(library, f->name) : NULL;
        compiler->addresses[k] = address != NULL ? address : dlsym(RTLD_DEFAULT, f->name);
        if (compiler->addresses[k] == NULL) {
            Diag *diag = diag_error(compiler->front.diags, f->span,
                                    "the C function `%s` is not at hand to be called", f->name);
            diag_label(compiler->front.diags, diag, "%s",
                       objects->count > 0
                           ? "none of the objects and sources given has it"
                           : "name the object or source that has it after the model");
            good = false;
        }
    }
    return good;
}

/* ---- declared derivatives -------------------------------------------------------------------- */

enum { POINTS_TRIED = 12 };

static double at(const External *f, const double *args, size_t k, double step) {
    double moved[EXTERN_ARITY];
    for (size_t i = 0; i < f->arity; i++) {
        moved[i] = args[i] + (i == k ? step : 0);
    }
    return ir_call_external(f, moved);
}

/* Differences, extrapolated; false where they do not settle. */
static bool difference(const External *f, const double *args, size_t k, double *result) {
    double wide = (at(f, args, k, 2e-4) - at(f, args, k, -2e-4)) / 4e-4;
    double narrow = (at(f, args, k, 1e-4) - at(f, args, k, -1e-4)) / 2e-4;
    *result = narrow + (narrow - wide) / 3;
    return isfinite(*result) && fabs(narrow - wide) <= 1e-5 * (1 + fabs(narrow));
}

/* One derivative at points of some regular pattern in (-2, 2), (0, 3) and (0, 1). */
static bool check_one(Compiler *compiler, const External *f, const External *derivative, size_t k,
                      Span span) {
    static const double low[] = {-2, 0, 0}, high[] = {2, 3, 1};
    for (int p = 0; p < POINTS_TRIED; p++) {
        double args[EXTERN_ARITY];
        double expected;
        for (size_t i = 0; i < f->arity; i++) {
            double part = fmod(0.618034 * (p + 1) + 0.414214 * (double)(i + 1) * (p + 2), 1);
            args[i] = low[p % 3] + (high[p % 3] - low[p % 3]) * part;
        }
        double found = ir_call_external(derivative, args);
        if (!difference(f, args, k, &expected) ||
            fabs(found - expected) <= 1e-4 * (1 + fabs(expected))) {
            continue;
        }
        Text point;
        text_init(&point, compiler->arena);
        for (size_t i = 0; i < f->arity; i++) {
            text_add(&point, i > 0 ? ", " : "");
            text_format(&point, "%.6g", args[i]);
        }
        Diag *diag = diag_error(compiler->front.diags, span,
                                "`%s` is not the derivative of `%s` by its argument %zu",
                                derivative->name, f->name, k + 1);
        diag_label(compiler->front.diags, diag, "at (%s) it is %.6g, and differences give %.6g",
                   point.data, found, expected);
        return false;
    }
    return true;
}

bool externals_check(Compiler *compiler) {
    const Model *model = compiler->model;
    bool good = true;
    for (size_t k = 0; k < model->external_count; k++) {
        const ModelExternal *declared = &model->externals[k];
        const External f = {.name = declared->name,
                            .arity = (uint32_t)declared->arity,
                            .address = compiler->addresses[k]};
        size_t argument = 0;
        for (const Binder *b = declared->derivatives; b != NULL; b = b->next) {
            const ModelExternal *other = model_external(model, b->name);
            const External derivative = {.name = b->name,
                                         .arity = f.arity,
                                         .address = compiler->addresses[other - model->externals]};
            good &= check_one(compiler, &f, &derivative, argument++, b->span);
        }
    }
    return good;
}
