/* compile.c: the pipeline: text to checked model, and each entry through all arrows, one a line. */
#include "driver/driver.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- time and dumps ------------------------------------------------------------------------- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* The processor time of this process: before main, there is no other clock. */
static double used(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

void compile_time(Compiler *compiler, CompileStage stage) {
    double t = now();
    LlvmTimes *llvm = &compiler->llvm_times;
    compiler->milliseconds[TIME_passes] += llvm->passes;
    compiler->milliseconds[TIME_code] += llvm->code;
    compiler->milliseconds[stage] += t - compiler->mark - llvm->passes - llvm->code;
    compiler->mark = t;
    *llvm = (LlvmTimes){0};
}

static void dump(Compiler *compiler, Dump stage, const char *title, const char *text) {
    if (!compiler->options->dump[stage]) {
        return;
    }
    if (title != NULL) {
        text_format(&compiler->dumps, "# %s\n", title);
    }
    text_add(&compiler->dumps, text);
    size_t length = compiler->dumps.length;
    if (length > 0 && compiler->dumps.data[length - 1] != '\n') {
        text_add(&compiler->dumps, "\n");
    }
}

static void dump_ir(Compiler *compiler, Dump stage, const Ir *ir) {
    if (compiler->options->dump[stage]) {
        dump(compiler, stage,
             arena_format(compiler->arena, "%s, %s", ir->name,
                          stage == DUMP_ir     ? "lowered"
                          : stage == DUMP_diff ? "differentiated"
                                               : "optimised"),
             ir_text(ir));
    }
}

/* ---- text to checked model ------------------------------------------------------------------ */

static void open_source(Compiler *compiler) {
    Arena *arena = compiler->arena;
    const char *path = compiler->options->input;
    const char *error;
    size_t length;
    const char *text = file_read(arena, path, &length, &error);
    if (text == NULL) {
        fatal("%s", error);
    }
    const char *shown = strcmp(path, "-") == 0 ? "stdin" : path;
    compiler->file = sources_add(compiler->front.sources, shown, text, length, false);
}

static void create(Compiler *compiler, const Options *options, Arena *arena) {
    *compiler = (Compiler){.options = options, .arena = arena, .mark = now()};
    compiler->milliseconds[TIME_start] = used();
    compiler->front.arena = arena;
    compiler->front.names = interner_create(arena);
    compiler->front.sources = sources_create(arena);
    compiler->front.diags = diags_create(arena, compiler->front.sources);
    compiler->front.include = options->include.items;
    compiler->front.include_count = options->include.count;
    for (int k = 0; k < WARN_COUNT; k++) {
        diags_set_warning(compiler->front.diags, (Warning)k, options->warning[k]);
    }
    diags_set_werror(compiler->front.diags, options->werror);
    text_init(&compiler->dumps, arena);
}

static bool no_errors(const Compiler *compiler) {
    return diags_errors(compiler->front.diags) == 0;
}

/* Does the task ask for nothing beyond `stage`? */
static bool stops_after(const Options *options, Dump stage) {
    if (options->task != TASK_DUMP) {
        return false;
    }
    for (int k = (int)stage + 1; k < DUMP_COUNT; k++) {
        if (options->dump[k]) {
            return false;
        }
    }
    return true;
}

bool compile_front(Compiler *compiler) {
    const Front *front = &compiler->front;
    const Options *options = compiler->options;
    if (options->dump[DUMP_tokens]) {
        dump(compiler, DUMP_tokens, NULL, front_tokens(front, compiler->file));
    }
    if (stops_after(options, DUMP_tokens)) {
        return no_errors(compiler);
    }
    compiler->ast = front_parse(front, compiler->file);
    if (options->dump[DUMP_ast]) {
        dump(compiler, DUMP_ast, NULL, front_dump(front, compiler->ast));
    }
    if (!no_errors(compiler) || options->task == TASK_FMT || stops_after(options, DUMP_ast)) {
        compile_time(compiler, TIME_parse);
        return no_errors(compiler);
    }
    const Imported imported = sema_import(front, compiler->ast);
    compile_time(compiler, TIME_parse);
    if (cache_find(compiler, &imported)) {
        compile_time(compiler, TIME_cache);
        return true;
    }
    compile_time(compiler, TIME_cache);
    compiler->model = sema_check(front, &imported, options->definitions, options->definition_count);
    compile_time(compiler, TIME_check);
    if (options->dump[DUMP_model]) {
        dump(compiler, DUMP_model, NULL, model_dump(compiler->model, compiler->arena));
    }
    if (!stops_after(options, DUMP_model)) {
        lower_check(front, compiler->model);
        derived_check(compiler);
        compile_time(compiler, TIME_lower);
    }
    return no_errors(compiler);
}

/* ---- one entry ------------------------------------------------------------------------------ */

/* Number of the leaf called `name` that a derivative may be taken by, or of none: leaf_count. */
static uint32_t find_leaf(const Ir *ir, const char *name) {
    uint32_t k = 0;
    while (k < ir->leaf_count && strcmp(ir->leaves[k].name, name) != 0) {
        k++;
    }
    return k;
}

static bool named_wrt(const Compiler *compiler, const Ir *ir, uint32_t *leaves, size_t *count) {
    const Words *wrt = &compiler->options->wrt;
    for (size_t i = 0; i < wrt->count; i++) {
        uint32_t leaf = find_leaf(ir, wrt->items[i]);
        if (leaf == ir->leaf_count) {
            const Name *names = NULL;
            Name *all = arena_array(compiler->arena, Name, ir->leaf_count + 1);
            for (size_t k = 0; k < ir->leaf_count; k++) {
                all[k] = ir->leaves[k].name;
            }
            names = all;
            const char *close = closest_name(wrt->items[i], names, ir->leaf_count);
            fprintf(stderr,
                    "gradc: error: `--wrt=%s`: `%s` has no param or argument of that name%s\n",
                    wrt->items[i], ir->name,
                    close ? arena_format(compiler->arena, "; did you mean `%s`?", close) : "");
            return false;
        }
        if (ir->leaves[leaf].kind != KIND_REAL) {
            fprintf(stderr, "gradc: error: `--wrt=%s`: a whole number has no derivative\n",
                    wrt->items[i]);
            return false;
        }
        for (size_t k = 0; k < *count; k++) {
            if (leaves[k] == leaf) {
                fprintf(stderr, "gradc: error: `--wrt=%s`: it is named twice\n", wrt->items[i]);
                return false;
            }
        }
        leaves[(*count)++] = leaf;
    }
    return true;
}

static size_t leaves_of_role(const Ir *ir, LeafRole role, uint32_t *leaves) {
    size_t count = 0;
    for (uint32_t k = 0; k < ir->leaf_count; k++) {
        if (ir->leaves[k].role == role && ir->leaves[k].kind == KIND_REAL) {
            leaves[count++] = k;
        }
    }
    return count;
}

bool compile_wrt(const Compiler *compiler, const Ir *ir, bool all_params, uint32_t **leaves,
                 size_t *count) {
    size_t named = compiler->options->wrt.count;
    *leaves = arena_array(compiler->arena, uint32_t, ir->leaf_count + named + 1);
    *count = 0;
    if (named > 0 && !all_params) {
        return named_wrt(compiler, ir, *leaves, count);
    }
    *count = leaves_of_role(ir, LEAF_PARAM, *leaves);
    if (*count == 0) {
        *count = leaves_of_role(ir, LEAF_ARGUMENT, *leaves);
    }
    return true;
}

/* The gradient alone of the terms with |θ|. */
static Ir *shrink(const Diff *diff, const Ir *source, const uint32_t *wrt, size_t count) {
    bool found;
    const Ir *terms = opt_absolute(source, &found);
    Ir *ir = diff_gradient(diff, terms, 0, wrt, count, SINK_STORE);
    size_t kept = 0;
    for (size_t k = 0; ir != NULL && k < ir->output_count; k++) {
        if (ir->outputs[k].role == OUT_GRADIENT) {
            ir->outputs[kept++] = ir->outputs[k];
        }
    }
    if (ir != NULL) {
        ir->output_count = kept;
    }
    return ir;
}

static Ir *differentiate(Compiler *compiler, const Request *request, const Ir *ir) {
    Diff diff = {.rules = &compiler->rules, .diags = compiler->front.diags};
    uint32_t *wrt;
    size_t count;
    if (!compile_wrt(compiler, ir, request->all_params, &wrt, &count)) {
        return NULL;
    }
    switch (request->derive) {
    case DERIVE_NOTHING:
        break;
    case DERIVE_GRADIENT:
        return diff_gradient_traced(&diff, ir, 0, wrt, count, SINK_STORE, request->trace);
    case DERIVE_UPDATE:
        return diff_gradient(&diff, ir, 0, wrt, count, SINK_UPDATE);
    case DERIVE_FORWARD:
        return diff_directional(&diff, ir, wrt, count);
    case DERIVE_HVP:
        return diff_hessian_vector(&diff, ir, wrt, count);
    case DERIVE_HESSIAN:
        return diff_hessian(&diff, ir, wrt, count);
    case DERIVE_CURVATURE:
        return diff_curvature(&diff, ir, wrt, count);
    case DERIVE_SHRINK:
        return shrink(&diff, ir, wrt, count);
    case DERIVE_JACOBIAN:
        return diff_jacobian(&diff, ir, wrt, count);
    case DERIVE_RESIDUALS:
        return diff_residuals(&diff, ir, wrt, count);
    }
    return NULL;
}

static void verify(const Ir *ir, const char *stage) {
    const char *wrong = ir_verify(ir);
    if (wrong != NULL) {
        ice(stage, "%s: %s", ir->name, wrong);
    }
}

static LoopProgram *plan(Compiler *compiler, const Request *request, const Ir *ir) {
    LoopOptions options = {.precision = compiler->options->precision,
                           .strict = compiler->options->strict,
                           .checkpoint = compiler->options->checkpoint,
                           .kept = compiler->options->kept,
                           .trainer = request->trainer,
                           .diags = compiler->front.diags};
    LoopProgram *program = loop_plan(&options, compiler->arena, ir);
    if (program != NULL) {
        const char *wrong = loop_verify(program, compiler->arena);
        if (wrong != NULL) {
            ice("loop", "%s: %s", ir->name, wrong);
        }
    }
    return program;
}

OptOptions compile_opt_options(const Compiler *compiler) {
    /* At all -O levels the same: the arguments of a C function must not depend on them. */
    return (OptOptions){.level = 2,
                        .strict = compiler->options->strict,
                        .diags = compiler->front.diags,
                        .rules = &compiler->rules,
                        .verify = true};
}

/* `ir` without the derivatives of the language, by the cheapest modes; what was lowered is taken by
 * reverse mode alone, so that --check can compare the two. NULL on errors. */
static Ir *expand(Compiler *compiler, Stages *stages, const Ir *ir) {
    Diff diff = {.rules = &compiler->rules, .diags = compiler->front.diags};
    Ir *result = diff_expand(&diff, ir);
    if (result != NULL && compiler->options->task == TASK_CHECK) {
        diff.by_adjoints = true;
        stages->lowered = diff_expand(&diff, stages->lowered);
    }
    if (result == NULL || stages->lowered == NULL || !no_errors(compiler)) {
        return NULL;
    }
    verify(result, "expand");
    rules_prepare(&compiler->rules, &compiler->front, result);
    return result;
}

/* The stages go into `arena`. */
static bool derive(Compiler *compiler, Arena *arena, const Request *request, Stages *stages) {
    const Front *front = &compiler->front;
    Front passing = *front;
    passing.arena = arena;
    OptOptions options = compile_opt_options(compiler);
    *stages = (Stages){0};
    Ir *ir = (request->trainer    ? lower_entry
              : request->declared ? lower_declared
              : request->kept     ? lower_kept
                                  : lower_folded)(&passing, compiler->model, request->entry,
                                              request->function, request->name);
    compile_time(compiler, TIME_lower);
    if (ir == NULL || !no_errors(compiler)) {
        return false;
    }
    for (size_t k = 0; compiler->addresses != NULL && k < ir->external_count; k++) {
        ir->externals[k].address = compiler->addresses[k];
    }
    verify(ir, "lower");
    dump_ir(compiler, DUMP_ir, ir);
    stages->lowered = ir;
    rules_prepare(&compiler->rules, front, ir);
    const Diff diff = {.rules = &compiler->rules, .diags = front->diags};
    if (!diff_within_steps(&diff, ir)) {
        return false;
    }
    ir = opt_before_diff(&options, ir);
    if (request->entry != ENTRY_UNCONSTRAIN && request->entry != ENTRY_INIT && !request->declared) {
        opt_domain(front->diags, ir); /* those have the user's own numbers as input */
    }
    stages->ir = ir;
    if (arena == compiler->arena) {
        compiler->stable = arena_grow(arena, compiler->stable, compiler->stable_count,
                                      &compiler->stable_capacity, sizeof *compiler->stable);
        compiler->stable[compiler->stable_count++] = ir;
    }
    compile_time(compiler, TIME_opt);
    rules_prepare(&compiler->rules, front, ir);
    ir = expand(compiler, stages, ir);
    stages->ir = ir;
    if (ir == NULL) {
        return false;
    }
    if (request->derive != DERIVE_NOTHING) {
        ir = differentiate(compiler, request, ir);
        compile_time(compiler, TIME_diff);
        if (ir == NULL || !no_errors(compiler)) {
            return false;
        }
        verify(ir, "diff");
        dump_ir(compiler, DUMP_diff, ir);
        rules_prepare(&compiler->rules, front, ir);
    }
    stages->derived = ir;
    return true;
}

bool compile_derive(Compiler *compiler, const Request *request, Stages *stages) {
    return derive(compiler, compiler->arena, request, stages);
}

/* compile_entry, all but the loop program in `arena`. */
static bool make_entry(Compiler *compiler, Arena *arena, const Request *request, Stages *stages) {
    if (!derive(compiler, arena, request, stages)) {
        return false;
    }
    OptOptions options = compile_opt_options(compiler);
    stages->optimised = opt_after_diff(&options, stages->derived);
    compile_time(compiler, TIME_opt);
    verify(stages->optimised, "opt");
    dump_ir(compiler, DUMP_opt, stages->optimised);
    stages->program = plan(compiler, request, stages->optimised);
    compile_time(compiler, TIME_loop);
    if (stages->program == NULL || !no_errors(compiler)) {
        return false;
    }
    if (compiler->options->dump[DUMP_loop]) {
        dump(compiler, DUMP_loop, NULL, loop_text(stages->program, compiler->arena));
    }
    return true;
}

bool compile_entry(Compiler *compiler, const Request *request, Stages *stages) {
    const Task task = compiler->options->task;
    if (task == TASK_CHECK || task == TASK_REPORT) { /* they look at the stages */
        return make_entry(compiler, compiler->arena, request, stages);
    }
    Arena *arena = arena_create();
    bool ok = make_entry(compiler, arena, request, stages);
    arena_destroy(arena);
    *stages = (Stages){.program = ok ? stages->program : NULL};
    return ok;
}

/* ---- the whole ------------------------------------------------------------------------------ */

void compile_messages(Compiler *compiler) {
    if (compiler->printed) {
        return;
    }
    compiler->printed = true;
    CachePart *messages = &compiler->cache.parts[CACHE_messages];
    if (!compiler->cache.found) {
        messages->data = diags_text(compiler->front.diags, compiler->options->color);
        messages->length = strlen(messages->data);
    }
    fflush(stdout);
    fwrite(messages->data, 1, messages->length, stderr);
}

static bool build_unit(Compiler *compiler, Unit *unit) {
    const Model *model = compiler->model;
    *unit = (Unit){.model_name = model->name,
                   .prefix = model->c_prefix,
                   .source_path = sources_get(compiler->front.sources, compiler->file)->path,
                   .sources = compiler->front.sources};
    const Options *options = compiler->options;
    bool trainer = options->task == TASK_RUN ||
                   (options->task == TASK_EMIT && emit_rows[options->kind].holds == HOLDS_TRAINER);
    return trainer ? entries_trainer(compiler, unit) : entries_unit(compiler, unit);
}

static Status emit(Compiler *compiler) {
    const Options *options = compiler->options;
    Unit unit;
    if (options->task == TASK_EMIT && emit_rows[options->kind].holds == HOLDS_DERIVATION) {
        const char *text = entries_derivation(compiler, options->kind);
        compile_time(compiler, TIME_emit);
        return text != NULL ? output_text(compiler, text) : STATUS_ERROR;
    }
    if (!build_unit(compiler, &unit)) {
        return STATUS_ERROR;
    }
    switch (options->task) {
    case TASK_RUN:
        return run_trainer(compiler, &unit);
    case TASK_REPORT:
        return output_text(compiler, report_unit(compiler, &unit));
    case TASK_EMIT:
    case TASK_DUMP:
    case TASK_CHECK:
    case TASK_FMT:
        break;
    }
    if (options->dump[DUMP_llvm]) {
        LlvmOptions llvm_options = output_llvm_options(compiler);
        Llvm *llvm = llvm_build(compiler->arena, &unit, &llvm_options);
        dump(compiler, DUMP_llvm, NULL, llvm_text(llvm, compiler->arena));
        llvm_free(llvm);
        compile_time(compiler, TIME_build);
    }
    return options->task == TASK_EMIT ? output_unit(compiler, &unit) : STATUS_OK;
}

static Status do_task(Compiler *compiler) {
    const Options *options = compiler->options;
    if (!compile_front(compiler)) {
        return STATUS_ERROR;
    }
    if (options->task == TASK_FMT) {
        return output_text(compiler, front_format(&compiler->front, compiler->ast));
    }
    if (compiler->cache.found) {
        compile_messages(compiler);
        if (options->task == TASK_RUN) {
            return run_cached(compiler);
        }
        output_cached(compiler);
        return STATUS_OK;
    }
    const bool runs = options->task == TASK_CHECK || options->task == TASK_RUN;
    if (runs && !externals_load(compiler)) {
        return STATUS_ERROR;
    }
    if (options->task == TASK_CHECK) {
        if (!externals_check(compiler)) {
            return STATUS_ERROR;
        }
        return check_model(compiler);
    }
    return stops_after(options, DUMP_model) ? STATUS_OK : emit(compiler);
}

static void print_times(const Compiler *compiler) {
    static const char *const names[TIME_COUNT] = {
        "start", "parse",       "cache",     "check", "lower", "diff",  "opt", "loop",
        "build", "llvm passes", "llvm code", "emit",  "link",  "write", "run"};
    double total = 0;
    for (int k = 0; k < TIME_COUNT; k++) {
        fprintf(stderr, "%8.2f ms  %s\n", compiler->milliseconds[k], names[k]);
        total += compiler->milliseconds[k];
    }
    fprintf(stderr, "%8.2f ms  in all\n", total);
}

Status compile(const Options *options, Arena *arena) {
    Compiler compiler;
    create(&compiler, options, arena);
    if (!output_check(options, arena)) {
        return STATUS_USAGE;
    }
    open_source(&compiler);
    Status status = do_task(&compiler);
    compile_messages(&compiler);
    if (status == STATUS_OK && !no_errors(&compiler)) {
        status = STATUS_ERROR; /* a warning that -Werror made an error */
    }
    if (status == STATUS_OK && options->task == TASK_EMIT) {
        cache_keep(&compiler);
        compile_time(&compiler, TIME_cache);
    }
    if (compiler.dumps.length > 0) {
        const char *path = options->task == TASK_DUMP && options->output ? options->output : "-";
        const char *error =
            file_write(arena, path, compiler.dumps.data, compiler.dumps.length, false);
        if (error != NULL) {
            fatal("%s", error);
        }
    }
    compile_time(&compiler,
                 options->task == TASK_RUN || options->task == TASK_CHECK ? TIME_run : TIME_write);
    if (options->time_passes) {
        print_times(&compiler);
    }
    return status;
}
