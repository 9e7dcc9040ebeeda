/* llvm_module.c: the module of a unit, or of a part of one; and the parts of a trainer's code,
 * which are made at the same time. */
#include "emit/llvm_private.h"

#include <llvm-c/Analysis.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* ---- one module ------------------------------------------------------------------------------ */

/* Remarks on loops that asked for a width and did not get it are not for users. */
static void on_diagnostic(LLVMDiagnosticInfoRef info, void *unused) {
    (void)unused;
    if (LLVMGetDiagInfoSeverity(info) == LLVMDSError) {
        ice("emit", "LLVM: %s", LLVMGetDiagInfoDescription(info));
    }
}

static void create_context(Llvm *llvm) {
    llvm->safe_context = LLVMOrcCreateNewThreadSafeContext();
    llvm->context = LLVMOrcThreadSafeContextGetContext(llvm->safe_context);
    LLVMContextSetDiagnosticHandler(llvm->context, on_diagnostic, NULL);
    llvm->module = LLVMModuleCreateWithNameInContext(llvm->unit->prefix, llvm->context);
    LLVMSetSourceFileName(llvm->module, llvm->unit->source_path, strlen(llvm->unit->source_path));
    llvm->builder = LLVMCreateBuilderInContext(llvm->context);
    llvm->wide_real = LLVMDoubleTypeInContext(llvm->context);
    llvm->real = unit_precision(llvm->unit) == PRECISION_F32 ? LLVMFloatTypeInContext(llvm->context)
                                                             : llvm->wide_real;
    llvm->integer = LLVMInt64TypeInContext(llvm->context);
    llvm->boolean = LLVMInt1TypeInContext(llvm->context);
    llvm->byte = LLVMInt8TypeInContext(llvm->context);
    llvm->pointer = LLVMPointerTypeInContext(llvm->context, 0);
    llvm->nothing = LLVMVoidTypeInContext(llvm->context);
}

static void verify(Llvm *llvm) {
    char *message = NULL;
    if (LLVMVerifyModule(llvm->module, LLVMReturnStatusAction, &message)) {
        ice("emit", "LLVM rejects the module: %s", message);
    }
    LLVMDisposeMessage(message);
}

static void build_trainer(Llvm *llvm) {
    const Unit *unit = llvm->unit;
    LLVMValueRef *kernels = arena_array(llvm->arena, LLVMValueRef, unit->kernel_count + 1);
    for (size_t k = 0; k < unit->kernel_count; k++) {
        if (!llvm->share || llvm->share->kernels[k]) {
            kernels[k] = llvm_function(llvm, unit->kernels[k]);
            LLVMSetLinkage(kernels[k], LLVMInternalLinkage);
        }
    }
    abi_build(llvm, kernels);
}

/* A module as it is built, without any pass; `share`: what of the unit is in it, or NULL: all. */
static Llvm *build(Arena *arena, const Unit *unit, const LlvmOptions *options, const Share *share) {
    Llvm *llvm = arena_new(arena, Llvm);
    llvm->arena = arena;
    llvm->unit = unit;
    llvm->options = *options;
    llvm->share = share;
    create_context(llvm);
    target_create(llvm);
    llvm->debug = options->debug ? debug_create(llvm) : NULL;
    size_t count;
    const SizeFunction *sizes = unit_sizes(arena, unit, &count);
    for (size_t k = 0; k < count && (!share || share->table); k++) {
        llvm_size_function(llvm, &sizes[k]);
    }
    for (size_t f = 0; f < unit->function_count; f++) {
        llvm_function(llvm, unit->functions[f]);
    }
    if (unit->description) {
        build_trainer(llvm);
    }
    llvm_link_library(llvm);
    llvm_link_product(llvm);
    debug_finish(llvm);
    return llvm;
}

static void optimise(Llvm *llvm) {
    if (llvm->options.verify) {
        verify(llvm);
    }
    target_optimise(llvm); /* code generation verifies what it is given */
}

Llvm *llvm_build(Arena *arena, const Unit *unit, const LlvmOptions *options) {
    Llvm *llvm = build(arena, unit, options, NULL);
    optimise(llvm);
    return llvm;
}

void llvm_free(Llvm *llvm) {
    LLVMDisposeBuilder(llvm->builder);
    if (llvm->module) {
        LLVMDisposeModule(llvm->module);
    }
    if (llvm->machine) {
        LLVMDisposeTargetMachine(llvm->machine);
    }
    LLVMOrcDisposeThreadSafeContext(llvm->safe_context);
}

/* ---- parts -----------------------------------------------------------------------------------
 */

/* What a part weighs at least: making one takes LLVM some milliseconds before its first function.
 */
enum { PART_WEIGHT = 250, PRODUCTS_WEIGHT = 400, ELEMENTARY_WEIGHT = 20 };

static size_t expr_weight(const LoopExpr *expr) {
    size_t weight = 1;
    if (expr->kind == LX_CALL && llvm_is_elementary(expr->as.builtin)) {
        weight += ELEMENTARY_WEIGHT;
    }
    for (unsigned k = 0; k < expr->count; k++) {
        weight += expr_weight(expr->args[k]);
    }
    return weight;
}

/* Of code: what LLVM takes for it is about in proportion. `*products`: it multiplies matrices. */
static size_t weight_of(const LoopStmt *statement, bool *products) {
    size_t weight = 0;
    for (; statement; statement = statement->next) {
        *products = *products || statement->kind == LS_PRODUCT;
        weight += statement->value ? expr_weight(statement->value) : 1;
        weight += statement->condition ? expr_weight(statement->condition) : 0;
        weight += weight_of(statement->body, products);
    }
    return weight;
}

/* The heaviest kernel that is in no part yet, the first of several; kernel_count: all are. */
static size_t heaviest(const Unit *unit, const size_t *weights, const bool *placed) {
    size_t found = unit->kernel_count;
    for (size_t k = 0; k < unit->kernel_count; k++) {
        if (!placed[k] && (found == unit->kernel_count || weights[k] > weights[found])) {
            found = k;
        }
    }
    return found;
}

static size_t lightest(const size_t *loads, size_t count) {
    size_t found = 0;
    for (size_t k = 1; k < count; k++) {
        found = loads[k] < loads[found] ? k : found;
    }
    return found;
}

/* One, two or four, so that two processors end at the same time. */
static size_t part_count(size_t weight) {
    size_t parts = 1;
    while (2 * parts <= OBJECTS_MOST && weight >= 2 * parts * PART_WEIGHT) {
        parts *= 2;
    }
    return parts;
}

/* Shares the kernels out, the heaviest first, each to the lightest part: the same on every machine,
 * however many processors it has. Returns the number of parts. */
static size_t share_out(Arena *arena, const Unit *unit, Share *shares) {
    const size_t count = unit->kernel_count;
    size_t loads[OBJECTS_MOST] = {0};
    size_t *weights = arena_array(arena, size_t, count + 1);
    bool *placed = arena_array(arena, bool, count + 1);
    bool products = false;
    size_t total = 0;
    for (size_t k = 0; k < count; k++) {
        weights[k] = weight_of(unit->kernels[k]->body, &products);
        total += weights[k];
    }
    total += products ? PRODUCTS_WEIGHT : 0;
    const size_t parts = part_count(total);
    for (size_t p = 0; p < parts; p++) {
        shares[p] = (Share){.kernels = arena_array(arena, bool, count + 1), .table = p == 0};
    }
    shares[0].products = products;
    loads[0] = products ? PRODUCTS_WEIGHT : 0;
    for (size_t k; (k = heaviest(unit, weights, placed)) < count;) {
        const size_t part = lightest(loads, parts);
        placed[k] = true;
        shares[part].kernels[k] = true;
        loads[part] += weights[k];
    }
    return parts;
}

/* Parts on their way to object files. */
typedef struct {
    Llvm *parts[OBJECTS_MOST];
    LLVMMemoryBufferRef objects[OBJECTS_MOST];
    LlvmTimes times[OBJECTS_MOST];
    size_t count;
    atomic_size_t next;
} Work;

/* Takes part by part until none is left. It touches LLVM alone: each part has a context of its own.
 */
static void work_on(Work *work) {
    for (size_t k; (k = atomic_fetch_add(&work->next, 1)) < work->count;) {
        optimise(work->parts[k]);
        work->objects[k] = target_generate(work->parts[k]);
    }
}

static void *thread_work(void *argument) {
    memory_prepare();
    work_on(argument);
    return NULL;
}

static size_t processors(void) {
    cpu_set_t set;
    const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 1 ? (size_t)count : 1;
}

/* By as many threads as there are processors; LLVM's recursion needs more than the least stack. */
static void make_objects(Work *work) {
    enum { STACK = 64 << 20 };
    const size_t cpus = processors();
    pthread_t threads[OBJECTS_MOST];
    pthread_attr_t attributes;
    size_t started = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    while (started + 1 < work->count && started + 1 < cpus &&
           pthread_create(&threads[started], &attributes, thread_work, work) == 0) {
        started++;
    }
    pthread_attr_destroy(&attributes);
    work_on(work);
    for (size_t k = 0; k < started; k++) {
        pthread_join(threads[k], NULL);
    }
}

/* What all took, `elapsed`, is said to be passes and code as the parts' own times are. */
static void tell_times(const Work *work, double elapsed, LlvmTimes *times) {
    LlvmTimes sum = {0};
    for (size_t k = 0; k < work->count; k++) {
        sum.passes += work->times[k].passes;
        sum.code += work->times[k].code;
    }
    const double passes = elapsed * sum.passes / (sum.passes + sum.code);
    times->passes += passes;
    times->code += elapsed - passes;
}

size_t llvm_objects(Arena *arena, const Unit *unit, const LlvmOptions *options,
                    ObjectCode *objects) {
    Work work = {.count = 1};
    Share shares[OBJECTS_MOST];
    if (unit->description && unit->function_count == 0 && !options->debug) {
        work.count = share_out(arena, unit, shares);
    }
    for (size_t k = 0; k < work.count; k++) {
        work.parts[k] = build(arena, unit, options, work.count > 1 ? &shares[k] : NULL);
        work.parts[k]->options.times = &work.times[k];
    }
    const double start = llvm_clock();
    make_objects(&work);
    if (options->times) {
        tell_times(&work, llvm_clock() - start, options->times);
    }
    for (size_t k = 0; k < work.count; k++) {
        objects[k].data = target_take(arena, work.objects[k], &objects[k].length);
        llvm_free(work.parts[k]);
    }
    return work.count;
}
