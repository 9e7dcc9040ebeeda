/* run.c: --run: the trainer, compiled into memory and run in this process. */
#include "driver/driver.h"

#include "runtime/abi.h"

Status run_trainer(Compiler *compiler, const Unit *unit) {
    const Options *options = compiler->options;
    compile_messages(compiler);
    LlvmOptions llvm_options = output_llvm_options(compiler);
    Jit *jit = jit_create(llvm_build(compiler->arena, unit, &llvm_options));
    GradcKernel *const *kernels = jit_lookup(jit, "gradc_kernels");
    if (kernels == NULL) {
        ice("run", "the compiled model has no kernels");
    }
    char **argv = arena_array(compiler->arena, char *, options->run_count + 2);
    argv[0] = arena_format(compiler->arena, "%s", unit->model_name);
    for (int k = 0; k < options->run_count; k++) {
        argv[k + 1] = options->run_args[k];
    }
    int status = gradc_main(options->run_count + 1, argv, unit->description, kernels);
    jit_destroy(jit);
    return (Status)status;
}
