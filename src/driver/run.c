/* run.c: --run: the trainer, compiled into memory and run in this process. */
#include "driver/driver.h"

#include "runtime/abi.h"

#include <string.h>

static Status run_objects(Compiler *compiler, const char *model_name, const char *description) {
    const Options *options = compiler->options;
    const CachePart *code = &compiler->cache.parts[CACHE_code];
    size_t count = 0;
    while (count < OBJECTS_MOST && code[count].length > 0) {
        count++;
    }
    Jit *jit = jit_load(compiler->arena, code, count, compiler->cache.lapack);
    GradcKernel *const *kernels = jit_lookup(jit, "gradc_kernels");
    compile_time(compiler, TIME_link);
    if (kernels == NULL) {
        ice("run", "the compiled model has no kernels");
    }
    char **argv = arena_array(compiler->arena, char *, options->run_count + 2);
    argv[0] = arena_format(compiler->arena, "%s", model_name);
    for (int k = 0; k < options->run_count; k++) {
        argv[k + 1] = options->run_args[k];
    }
    int status = gradc_main(options->run_count + 1, argv, description, kernels);
    jit_destroy(jit);
    return (Status)status;
}

Status run_trainer(Compiler *compiler, const Unit *unit) {
    Cache *cache = &compiler->cache;
    compile_messages(compiler);
    output_objects(compiler, unit);
    cache->parts[CACHE_description] = (CachePart){unit->description, strlen(unit->description)};
    cache->parts[CACHE_name] = (CachePart){unit->model_name, strlen(unit->model_name)};
    cache_keep(compiler);
    compile_time(compiler, TIME_cache);
    return run_objects(compiler, unit->model_name, unit->description);
}

Status run_cached(Compiler *compiler) {
    const Cache *cache = &compiler->cache;
    return run_objects(compiler, cache->parts[CACHE_name].data,
                       cache->parts[CACHE_description].data);
}
