/* kernels.c: which kernels the trainer of a model has. */
#include "driver/driver.h"

#include <string.h>

static const struct {
    const char *role;
    EntryKind entry;
    Derive derive;
} kernel_rows[] = {
#define KERNEL(role, entry, derive) {#role, entry, derive},
#include "driver/kernel.def"
#undef KERNEL
};
enum { KERNEL_ROWS = sizeof kernel_rows / sizeof kernel_rows[0] };

static bool has_reported(const Model *model) {
    for (size_t k = 0; k < model->function_count; k++) {
        if (lower_reported(model, &model->functions[k])) {
            return true;
        }
    }
    return false;
}

static bool kernel_applies(const Model *model, EntryKind entry) {
    switch (entry) {
    case ENTRY_REGULAR:
        return model->penalty != NULL;
    case ENTRY_PRIOR:
        return model->prior != NULL;
    case ENTRY_FORWARD:
        return model->forward != NULL;
    case ENTRY_CONSTRAIN:
    case ENTRY_UNCONSTRAIN:
        return lower_has_constraints(model);
    case ENTRY_DEFINE:
        return has_reported(model);
    case ENTRY_FUNCTION:
    case ENTRY_BATCH_MEAN:
    case ENTRY_SUM:
    case ENTRY_SAMPLE:
    case ENTRY_METRIC:
    case ENTRY_INIT:
        break;
    }
    return true;
}

static bool add_kernel(Compiler *compiler, Kernel *kernel, Request request) {
    request.trainer = true;
    request.all_params = true;
    const char *of = kernel->metric != NULL ? kernel->metric->name : kernel->role;
    request.name =
        arena_format(compiler->arena, "%s_%s_%s", compiler->model->c_prefix,
                     kernel->metric != NULL ? "metric" : "train", c_name(compiler->arena, of));
    return compile_entry(compiler, &request, &kernel->stages);
}

/* Steps of batches that touch few entries: for params of which rows are looked up, where nothing
 * else reads all of them. */
static bool wants_step(const Model *model, const Kernel *kernels, size_t count) {
    for (size_t k = 0; k < count; k++) {
        const Ir *ir = kernels[k].stages.program->ir;
        if (strcmp(kernels[k].role, "gradient") == 0) {
            return model->penalty == NULL && model->prior == NULL && ir->rows_dim == DIM_NONE &&
                   loop_gathers(ir);
        }
    }
    return false;
}

/* Has the loss a Hessian that is the same whatever the params are? */
static bool wants_curvature(const Kernel *kernels, size_t count) {
    for (size_t k = 0; k < count; k++) {
        const Ir *ir = kernels[k].stages.program->ir;
        if (strcmp(kernels[k].role, "objective") == 0) {
            return ir->rows_dim == DIM_NONE && opt_degree(ir, ir->outputs[0].value) == 2;
        }
    }
    return false;
}

/* Has the penalty terms with |θ|? */
static bool wants_shrink(const Model *model, const Kernel *kernels, size_t count) {
    for (size_t k = 0; model->penalty != NULL && k < count; k++) {
        if (strcmp(kernels[k].role, "regular") == 0) {
            bool found;
            opt_absolute(kernels[k].stages.program->ir, &found);
            return found;
        }
    }
    return false;
}

static bool reads_params(const Kernel *kernel) {
    const LoopProgram *program = kernel->stages.program;
    for (size_t k = 0; k < program->arg_count; k++) {
        if (program->args[k].role == ARG_PARAMS) {
            return true;
        }
    }
    return false;
}

/* Second derivatives are small programs where the gradient is one: elsewhere making them would take
 * longer than they are worth, and the runtime has differences of gradients instead. Those of a sum
 * of squares are worth more: there is a method that needs little else. */
enum { PRODUCT_SIZE = 200, HVP_SIZE = 160, HVP_BESIDE = 60, GAUSS_SIZE = 900 };

size_t kernel_size(const LoopStmt *stmt) {
    size_t size = 0;
    for (; stmt != NULL; stmt = stmt->next) {
        const bool large = stmt->kind == LS_PRODUCT || stmt->kind == LS_LIB;
        size += (large ? PRODUCT_SIZE : 1) + kernel_size(stmt->body);
    }
    return size;
}

/* Does `train { }` ask for that method? */
static bool trains_by(const Model *model, const char *method) {
    for (const Setting *s = model->settings; s != NULL; s = s->next) {
        if (strcmp(s->name, "method") == 0 && strcmp(s->value, method) == 0) {
            return true;
        }
    }
    return false;
}

static bool wants_second(const Model *model, Derive derive, const Kernel *kernels, size_t count) {
    const bool hvp = derive == DERIVE_HVP;
    size_t limit = hvp ? HVP_SIZE : GAUSS_SIZE;
    for (size_t k = 0; k < count; k++) {
        limit = strcmp(kernels[k].role, "gauss") == 0 ? HVP_BESIDE : limit;
    }
    for (size_t k = 0; k < count; k++) {
        if (strcmp(kernels[k].role, "gradient") == 0) {
            return trains_by(model, hvp ? "newton" : "lm") ||
                   kernel_size(kernels[k].stages.program->body) <= limit;
        }
    }
    return false;
}

/* Is the kernel one that the model has a use for, by the kernels that were made before? */
static bool is_wanted(const Model *model, EntryKind entry, Derive derive, const Kernel *kernels,
                      size_t count) {
    if (derive == DERIVE_CURVATURE) {
        return wants_curvature(kernels, count);
    }
    if (derive == DERIVE_SHRINK) {
        return wants_shrink(model, kernels, count);
    }
    if (entry == ENTRY_SUM && derive == DERIVE_UPDATE) {
        return wants_step(model, kernels, count);
    }
    if (entry == ENTRY_SUM && (derive == DERIVE_HVP || derive == DERIVE_RESIDUALS)) {
        return wants_second(model, derive, kernels, count);
    }
    return kernel_applies(model, entry);
}

/* Can a trainer do without it? */
static bool is_optional(Derive derive) {
    return derive == DERIVE_HVP || derive == DERIVE_RESIDUALS;
}

/* A kernel that there may be none of: what has no second derivative is no error here. */
static bool try_kernel(Compiler *compiler, Kernel *kernel, Request request) {
    Diags *diags = compiler->front.diags;
    compiler->front.diags = diags_create(compiler->arena, compiler->front.sources);
    const bool ok = add_kernel(compiler, kernel, request);
    compiler->front.diags = diags;
    return ok;
}

bool entries_kernels(Compiler *compiler, Kernel **made, size_t *made_count) {
    const Model *model = compiler->model;
    Kernel *kernels = arena_array(compiler->arena, Kernel, KERNEL_ROWS + model->function_count);
    size_t count = 0;
    bool ok = true;
    for (int k = 0; ok && k < KERNEL_ROWS; k++) {
        const EntryKind entry = kernel_rows[k].entry;
        const Derive derive = kernel_rows[k].derive;
        if (is_wanted(model, entry, derive, kernels, count)) {
            kernels[count].role = kernel_rows[k].role;
            const Request request = {.entry = entry, .derive = derive};
            if (is_optional(derive)) {
                count += try_kernel(compiler, &kernels[count], request);
                continue;
            }
            ok = add_kernel(compiler, &kernels[count++], request);
            const bool fixed = derive == DERIVE_CURVATURE || derive == DERIVE_SHRINK;
            if (ok && fixed && reads_params(&kernels[count - 1])) {
                count--; /* params that cancel, but not by the rules of opt/ */
            }
        }
    }
    for (size_t k = 0; k < model->function_count; k++) {
        const ModelFunction *function = &model->functions[k];
        if (function->role == FUNCTION_METRIC && !derived_is(function)) {
            kernels[count] = (Kernel){.role = "metric", .metric = function};
            ok = ok && add_kernel(compiler, &kernels[count++],
                                  (Request){.entry = ENTRY_METRIC, .function = function});
        }
    }
    *made = kernels;
    *made_count = count;
    return ok;
}

bool entries_trainer(Compiler *compiler, Unit *unit) {
    Kernel *kernels;
    size_t count;
    if (!sema_check_trainer(&compiler->front, compiler->model) ||
        !entries_kernels(compiler, &kernels, &count)) {
        return false;
    }
    LoopProgram **programs = arena_array(compiler->arena, LoopProgram *, count);
    for (size_t k = 0; k < count; k++) {
        programs[k] = kernels[k].stages.program;
    }
    unit->kernels = programs;
    unit->kernel_count = count;
    const char *description = describe_trainer(compiler, kernels, count);
    if (description == NULL) {
        return false;
    }
    Text text;
    text_init(&text, compiler->arena);
    text_add(&text, description);
    bool ok = describe_export(compiler, unit, &text);
    unit->description = text.data;
    return ok;
}
