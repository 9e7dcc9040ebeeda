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

Jit *jit_create(Llvm *llvm) {
    Jit *jit = arena_new(llvm->arena, Jit);
    drop_main(llvm);
    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        builder, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(llvm->machine));
    llvm->machine = NULL; /* taken */
    check(LLVMOrcCreateLLJIT(&jit->lljit, builder), "no just-in-time compiler");
    LLVMOrcJITDylibRef library = LLVMOrcLLJITGetMainJITDylib(jit->lljit);
    LLVMOrcDefinitionGeneratorRef process;
    check(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
              &process, LLVMOrcLLJITGetGlobalPrefix(jit->lljit), NULL, NULL),
          "the symbols of this process");
    LLVMOrcJITDylibAddGenerator(library, process);
    LLVMOrcThreadSafeModuleRef module =
        LLVMOrcCreateNewThreadSafeModule(llvm->module, llvm->safe_context);
    llvm->module = NULL; /* taken */
    check(LLVMOrcLLJITAddLLVMIRModule(jit->lljit, library, module), "the module");
    llvm_free(llvm);
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
