/* jit.c: a finished module as code in this process. */
#include "emit/llvm_private.h"

#include <dlfcn.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>

struct Jit {
    LLVMOrcLLJITRef lljit;
};

static void check(LLVMErrorRef error, const char *what) {
    if (error) {
        ice("jit", "%s: %s", what, LLVMGetErrorMessage(error));
    }
}

/* main calls the runtime; where this process has none, it goes, so that the rest can be linked. */
static void drop_main(Llvm *llvm) {
    LLVMValueRef function = LLVMGetNamedFunction(llvm->module, "main");
    LLVMValueRef runtime = LLVMGetNamedFunction(llvm->module, "gradc_main");
    if (function && runtime && !dlsym(RTLD_DEFAULT, "gradc_main")) {
        LLVMDeleteFunction(function);
        LLVMDeleteFunction(runtime);
    }
}

/* LAPACK becomes part of this process. */
static void load_lapack(void) {
    static const char *const files[] = {"liblapack.so.3", "liblapack.so", "libopenblas.so.0"};
    if (dlsym(RTLD_DEFAULT, "dgetrf_")) {
        return;
    }
    const char *reason = NULL;
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        if (dlopen(files[k], RTLD_NOW | RTLD_GLOBAL)) {
            return;
        }
        reason = k == 0 ? dlerror() : reason;
    }
    fatal("linear algebra needs LAPACK: %s (on Debian: apt-get install liblapack3)",
          reason ? reason : files[0]);
}

/* An empty one that finds the symbols of this process. */
static Jit *create(Arena *arena, LLVMOrcJITTargetMachineBuilderRef machine) {
    Jit *jit = arena_new(arena, Jit);
    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(builder, machine);
    check(LLVMOrcCreateLLJIT(&jit->lljit, builder), "no just-in-time compiler");
    LLVMOrcDefinitionGeneratorRef process;
    check(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
              &process, LLVMOrcLLJITGetGlobalPrefix(jit->lljit), NULL, NULL),
          "the symbols of this process");
    LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(jit->lljit), process);
    return jit;
}

Jit *jit_create(Llvm *llvm) {
    drop_main(llvm);
    if (unit_uses_lapack(llvm->unit)) {
        load_lapack();
    }
    Jit *jit =
        create(llvm->arena, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(llvm->machine));
    llvm->machine = NULL; /* taken */
    LLVMOrcThreadSafeModuleRef module =
        LLVMOrcCreateNewThreadSafeModule(llvm->module, llvm->safe_context);
    llvm->module = NULL; /* taken */
    check(LLVMOrcLLJITAddLLVMIRModule(jit->lljit, LLVMOrcLLJITGetMainJITDylib(jit->lljit), module),
          "the module");
    llvm_free(llvm);
    return jit;
}

Jit *jit_load(Arena *arena, const ObjectCode *objects, size_t count, bool lapack) {
    if (lapack) {
        load_lapack();
    }
    target_register();
    LLVMOrcJITTargetMachineBuilderRef machine;
    check(LLVMOrcJITTargetMachineBuilderDetectHost(&machine), "the processor");
    Jit *jit = create(arena, machine);
    for (size_t k = 0; k < count; k++) {
        LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(
            objects[k].data, objects[k].length, arena_format(arena, "model.%zu", k));
        check(
            LLVMOrcLLJITAddObjectFile(jit->lljit, LLVMOrcLLJITGetMainJITDylib(jit->lljit), buffer),
            "the object");
    }
    return jit;
}

void *jit_lookup(Jit *jit, const char *name) {
    LLVMOrcExecutorAddress address = 0;
    LLVMErrorRef error = LLVMOrcLLJITLookup(jit->lljit, &address, name);
    if (error) {
        LLVMConsumeError(error);
        return NULL;
    }
    return (void *)(uintptr_t)address;
}

void jit_destroy(Jit *jit) {
    check(LLVMOrcDisposeLLJIT(jit->lljit), "its end");
}
