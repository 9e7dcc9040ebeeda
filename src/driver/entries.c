/* entries.c: which functions the C interface of a model has. */
#include "driver/driver.h"

#include <stdio.h>
#include <string.h>

/* Programs as they are made. */
typedef struct {
    LoopProgram **items;
    size_t count, capacity;
} Programs;

static void add_program(Compiler *compiler, Programs *programs, LoopProgram *program) {
    programs->items = arena_grow(compiler->arena, programs->items, programs->count,
                                 &programs->capacity, sizeof(LoopProgram *));
    programs->items[programs->count++] = program;
}

const char *entries_name(const Compiler *compiler, const char *function, const char *suffix) {
    return arena_format(compiler->arena, "%s_%s%s%s", compiler->model->c_prefix,
                        c_name(compiler->arena, function), *suffix ? "_" : "", suffix);
}

bool entries_is_scalar(const Ir *ir) {
    return ir->output_count == 1 && ir->outputs[0].role == OUT_VALUE;
}

bool entries_has_wrt(const Compiler *compiler, const Ir *ir) {
    if (compiler->options->wrt.count > 0) {
        return true;
    }
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->kind == KIND_REAL && (leaf->role == LEAF_PARAM || leaf->role == LEAF_ARGUMENT)) {
            return true;
        }
    }
    return false;
}

/* ---- what is asked for ---------------------------------------------------------------------- */

/* Whether the model has a function of that name that C can have; else reported. */
static bool check_function_name(const Compiler *compiler, const char *name) {
    const Model *model = compiler->model;
    Name *names = arena_array(compiler->arena, Name, model->function_count + 1);
    for (size_t k = 0; k < model->function_count; k++) {
        names[k] = model->functions[k].name;
        if (strcmp(names[k], name) == 0 && model_takes_functions(&model->functions[k])) {
            fprintf(stderr,
                    "gradc: error: `--function=%s`: it takes a function, so C has none of it\n",
                    name);
            return false;
        }
        if (strcmp(names[k], name) == 0 && model->functions[k].role != FUNCTION_OWN_PRIOR) {
            return true;
        }
    }
    const char *close = closest_name(name, names, model->function_count);
    fprintf(stderr, "gradc: error: `--function=%s`: the model has no such function%s\n", name,
            close ? arena_format(compiler->arena, "; did you mean `%s`?", close) : "");
    return false;
}

static bool named_functions(const Compiler *compiler, const ModelFunction **functions,
                            size_t *count) {
    const Model *model = compiler->model;
    const Words *asked = &compiler->options->functions;
    for (size_t i = 0; i < asked->count; i++) {
        if (!check_function_name(compiler, asked->items[i])) {
            return false;
        }
    }
    for (size_t k = 0; k < model->function_count; k++) {
        bool wanted = false;
        for (size_t i = 0; i < asked->count; i++) {
            wanted |= strcmp(asked->items[i], model->functions[k].name) == 0 &&
                      model->functions[k].role != FUNCTION_OWN_PRIOR;
        }
        if (wanted) {
            functions[(*count)++] = &model->functions[k];
        }
    }
    return true;
}

bool entries_functions(const Compiler *compiler, const ModelFunction ***functions, size_t *count) {
    const Model *model = compiler->model;
    *functions = arena_array(compiler->arena, const ModelFunction *, model->function_count + 1);
    *count = 0;
    if (compiler->options->functions.count > 0) {
        return named_functions(compiler, *functions, count);
    }
    for (size_t k = 0; k < model->function_count; k++) {
        const ModelFunction *function = &model->functions[k];
        bool wanted = function->role != FUNCTION_METRIC && function->role != FUNCTION_OWN_PRIOR &&
                      !model_takes_functions(function) && !model_imported(model, function);
        if (model->loss != NULL) {
            wanted = function == model->loss;
        }
        if (wanted) {
            (*functions)[(*count)++] = function;
        }
    }
    if (*count == 0) {
        fprintf(stderr, "gradc: error: `%s` has no function\n", compiler->options->input);
        return false;
    }
    return true;
}

/* ---- the C interface ------------------------------------------------------------------------ */

static bool add_entry(Compiler *compiler, Programs *programs, Request request) {
    Stages stages;
    if (!compile_entry(compiler, &request, &stages)) {
        return false;
    }
    add_program(compiler, programs, stages.program);
    return true;
}

const DerivativeEntry derivative_entries[DERIVATIVE_COUNT] = {
    [DERIVATIVE_grad] = {"grad", DERIVE_GRADIENT, true},
    [DERIVATIVE_jvp] = {"jvp", DERIVE_FORWARD, false},
    [DERIVATIVE_hvp] = {"hvp", DERIVE_HVP, true},
    [DERIVATIVE_hessian] = {"hessian", DERIVE_HESSIAN, true},
    [DERIVATIVE_jacobian] = {"jacobian", DERIVE_JACOBIAN, false},
};

/* One function was asked for by name, and it has no such derivative. */
static bool refuse(const ModelFunction *function, const char *derivative) {
    fprintf(stderr,
            "gradc: error: `--derivatives=%s`: the value of `%s` is not one number; its derivative "
            "is `--derivatives=jacobian`\n",
            derivative, function->name);
    return false;
}

/* The value of a function and the derivatives that the options ask for. */
static bool add_function(Compiler *compiler, Programs *programs, const ModelFunction *function,
                         bool differentiated) {
    const bool *wanted = compiler->options->derivatives;
    Request request = {.entry = ENTRY_FUNCTION,
                       .function = function,
                       .name = entries_name(compiler, function->name, "")};
    Stages stages;
    if (!compile_entry(compiler, &request, &stages)) {
        return false;
    }
    add_program(compiler, programs, stages.program);
    if (!differentiated || !entries_has_wrt(compiler, stages.program->ir)) {
        return true;
    }
    const bool number = entries_is_scalar(stages.program->ir);
    for (int k = 0; k < DERIVATIVE_COUNT; k++) {
        const char *suffix = derivative_entries[k].suffix;
        if (!wanted[k]) {
            continue;
        }
        if (derivative_entries[k].of_number && !number) {
            if (compiler->options->functions.count > 0 && k != DERIVATIVE_grad) {
                return refuse(function, suffix);
            }
            continue;
        }
        request.derive = derivative_entries[k].derive;
        request.name = entries_name(compiler, function->name, suffix);
        if (!add_entry(compiler, programs, request)) {
            return false;
        }
    }
    return true;
}

bool entries_has_batch(const ModelFunction *function) {
    bool ok = function->ast->has_parens;
    for (size_t k = 0; ok && k < function->ast->formal_count; k++) {
        ok = !function->size[k];
    }
    return ok;
}

bool entries_has_derivative(const Ir *ir, const DerivativeEntry *entry) {
    const bool blocks = ir->per_sample && ir->rows_dim != DIM_NONE;
    const bool number = entries_is_scalar(ir);
    return number || (!entry->of_number && !(blocks && entry->derive == DERIVE_JACOBIAN));
}

/* The Jacobian of the values of all blocks of rows was asked for. */
static bool refuse_blocks(const ModelFunction *function) {
    fprintf(stderr,
            "gradc: error: `--derivatives=jacobian`: of the values of `%s` for blocks of rows it "
            "is not supported yet; leave `--batch` out, or use `--derivatives=jvp`\n",
            function->name);
    return false;
}

/* The derivatives by all params of the batch function of which `of` is the IR. */
static bool add_batch_derivatives(Compiler *compiler, Programs *programs, Request request,
                                  const Ir *of) {
    const char *name = request.name;
    bool ok = true;
    for (int k = 0; ok && compiler->model->param_count > 0 && k < DERIVATIVE_COUNT; k++) {
        const DerivativeEntry *entry = &derivative_entries[k];
        if (!compiler->options->derivatives[k]) {
            continue;
        }
        if (entries_has_derivative(of, entry)) {
            request.derive = entry->derive;
            request.name = arena_format(compiler->arena, "%s_%s", name, entry->suffix);
            ok = add_entry(compiler, programs, request);
        } else if (!entry->of_number) {
            ok = refuse_blocks(request.function);
        }
    }
    return ok;
}

/* Over m samples: the objective for loss, the mean of another number, all values of an array. */
static bool add_batch(Compiler *compiler, Programs *programs, const ModelFunction *function) {
    Request request = {.entry = ENTRY_FUNCTION,
                       .function = function,
                       .all_params = true,
                       .name = entries_name(compiler, function->name, "batch")};
    Stages stages;
    if (!compile_derive(compiler, &request, &stages)) {
        return false;
    }
    const bool number = entries_is_scalar(stages.ir);
    if (stages.ir->output_count > 1) {
        return true; /* several values: one sample at a time */
    }
    request.entry = number ? ENTRY_BATCH_MEAN : ENTRY_FORWARD;
    if (!compile_entry(compiler, &request, &stages)) {
        return false;
    }
    add_program(compiler, programs, stages.program);
    return add_batch_derivatives(compiler, programs, request, stages.program->ir);
}

static bool add_init(Compiler *compiler, Programs *programs) {
    Request request = {.entry = ENTRY_INIT,
                       .name = arena_format(compiler->arena, "%s_init", compiler->model->c_prefix)};
    return compiler->model->param_count == 0 || add_entry(compiler, programs, request);
}

/* m_constrain and m_unconstrain. */
static bool add_conversions(Compiler *compiler, Programs *programs) {
    const Model *model = compiler->model;
    Request request = {.entry = ENTRY_CONSTRAIN,
                       .name = arena_format(compiler->arena, "%s_constrain", model->c_prefix)};
    if (!lower_has_constraints(model)) {
        return true;
    }
    if (!add_entry(compiler, programs, request)) {
        return false;
    }
    request.entry = ENTRY_UNCONSTRAIN;
    request.name = arena_format(compiler->arena, "%s_unconstrain", model->c_prefix);
    return add_entry(compiler, programs, request);
}

bool entries_unit(Compiler *compiler, Unit *unit) {
    const Model *model = compiler->model;
    const ModelFunction **functions;
    size_t count;
    Programs programs = {0};
    if (!entries_functions(compiler, &functions, &count)) {
        return false;
    }
    bool whole = compiler->options->functions.count == 0 && model->loss != NULL;
    bool ok = true;
    if (whole && model->forward != NULL) {
        ok = add_function(compiler, &programs, model->forward, false);
    }
    for (size_t k = 0; k < count; k++) {
        ok &= add_function(compiler, &programs, functions[k], true);
        bool own = !(whole && functions[k] == model->loss) && entries_has_batch(functions[k]);
        if (ok && compiler->options->batch && own) {
            ok = add_batch(compiler, &programs, functions[k]);
        }
    }
    if (whole && ok) {
        ok &= add_batch(compiler, &programs, model->loss);
        if (model->prior != NULL) {
            ok = ok && add_function(compiler, &programs, model->prior, false);
        }
        if (model->penalty != NULL) {
            ok = ok && add_function(compiler, &programs, model->penalty, false);
        }
    }
    ok = ok && add_init(compiler, &programs) && add_conversions(compiler, &programs);
    unit->functions = programs.items;
    unit->function_count = programs.count;
    return ok;
}

/* ---- derivations ---------------------------------------------------------------------------- */

/* One derivative of one function, as it is shown to people. */
typedef struct {
    Derived *items;
    size_t count, capacity;
} DerivedList;

static const char *derivative_suffix(Derive derive) {
    int k = 0;
    while (k < DERIVATIVE_COUNT - 1 && derivative_entries[k].derive != derive) {
        k++;
    }
    return derivative_entries[k].suffix;
}

static bool add_derived(Compiler *compiler, DerivedList *list, Request request) {
    Stages stages;
    Trace *trace = arena_new(compiler->arena, Trace);
    request.trace = request.derive == DERIVE_GRADIENT ? trace : NULL;
    if (!compile_derive(compiler, &request, &stages)) {
        return false;
    }
    OptOptions options = compile_opt_options(compiler);
    list->items =
        arena_grow(compiler->arena, list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = (Derived){.function = request.function->name,
                                           .suffix = derivative_suffix(request.derive),
                                           .ir = opt_for_display(&options, stages.derived),
                                           .plain = stages.derived,
                                           .trace = request.trace};
    return true;
}

/* What is asked for; the gradient of what is no number is its Jacobian. `declared`: by the params
 * as they are declared; else by the unconstrained ones, as the C functions. */
static bool derive_for_display(Compiler *compiler, DerivedList *list, const ModelFunction *function,
                               bool declared) {
    const bool *wanted = compiler->options->derivatives;
    Request request = {.entry = ENTRY_FUNCTION,
                       .function = function,
                       .declared = declared,
                       .name = entries_name(compiler, function->name, "")};
    Stages stages;
    if (!compile_derive(compiler, &request, &stages)) {
        return false;
    }
    if (!entries_has_wrt(compiler, stages.ir)) {
        return true;
    }
    const bool number = entries_is_scalar(stages.ir);
    bool ok = true;
    for (int k = 0; ok && k < DERIVATIVE_COUNT; k++) {
        bool instead = !number && k == DERIVATIVE_jacobian && wanted[DERIVATIVE_grad];
        if (instead || (wanted[k] && (number || !derivative_entries[k].of_number))) {
            request.derive = derivative_entries[k].derive;
            request.name = entries_name(compiler, function->name, derivative_entries[k].suffix);
            ok = add_derived(compiler, list, request);
        }
    }
    return ok;
}

/* The derivatives as a program: the sizes, params and data of the model, and a function for each.
 */
static const char *derived_model(const Compiler *compiler, const DerivedList *list) {
    const Model *model = compiler->model;
    Text text;
    text_init(&text, compiler->arena);
    Name *sizes = arena_array(compiler->arena, Name, model->dim_count + 1);
    text_format(&text, "# derivatives of the model %s\n", model->name);
    for (size_t k = 0; k < model->dim_count; k++) {
        const ModelDim *dim = &model->dims[k];
        sizes[k] = dim->name;
        text_format(&text, "dim %s", dim->name);
        if (dim->known) {
            text_format(&text, " = %lld", (long long)dim->value);
        }
        text_add(&text, dim->rows ? " = rows\n" : "\n");
    }
    if (lower_has_constraints(model)) {
        text_add(&text, "# params are the unconstrained ones, as in the C functions\n");
    }
    emit_model_leaves(&text, list->items[0].ir);
    for (size_t k = 0; k < list->count; k++) {
        emit_model(&text, &list->items[k], sizes, model->dim_count);
    }
    return text.data;
}

const char *entries_derivation(Compiler *compiler, EmitKind kind) {
    const ModelFunction **functions;
    size_t count;
    DerivedList list = {0};
    Text text;
    text_init(&text, compiler->arena);
    if (!entries_functions(compiler, &functions, &count)) {
        return NULL;
    }
    for (size_t k = 0; k < count; k++) {
        if (!derive_for_display(compiler, &list, functions[k], kind != EMIT_model)) {
            return NULL;
        }
    }
    if (list.count == 0) {
        fprintf(stderr, "gradc: error: `%s` has nothing to differentiate\n",
                compiler->options->input);
        return NULL;
    }
    if (kind == EMIT_tex) {
        return emit_tex(compiler->arena, list.items, list.count);
    }
    if (kind == EMIT_model) {
        return derived_model(compiler, &list);
    }
    if (kind == EMIT_html) {
        const Source *source = sources_get(compiler->front.sources, compiler->file);
        return emit_html(compiler->arena, compiler->model->name, source->text, list.items,
                         list.count);
    }
    for (size_t k = 0; k < list.count; k++) {
        const Derived *derived = &list.items[k];
        text_add(&text, kind == EMIT_dot
                            ? emit_dot(compiler->arena, derived->ir)
                            : emit_derivation(compiler->arena, derived->function, derived->ir));
    }
    return text.data;
}

const char *entries_loss_part(Compiler *compiler) {
    enum { VALUES_MOST = 1500, BYTES_MOST = 1 << 18 };
    DerivedList list = {0};
    const Request request = {.entry = ENTRY_FUNCTION,
                             .function = compiler->model->loss,
                             .declared = true,
                             .derive = DERIVE_GRADIENT,
                             .name = entries_name(compiler, "loss", "_grad")};
    if (!add_derived(compiler, &list, request) || ir_count(list.items[0].plain) > VALUES_MOST) {
        return NULL;
    }
    const char *part = emit_html_part(compiler->arena, list.items, list.count);
    return strlen(part) <= BYTES_MOST ? part : NULL;
}
