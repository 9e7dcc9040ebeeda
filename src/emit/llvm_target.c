/* llvm_target.c: the target machine, the passes of each -O level, and text, bitcode, objects and
 * assembly of a finished module. */
#include "emit/llvm_private.h"

#include <llvm-c/BitWriter.h>
#include <llvm-c/Error.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm/Config/llvm-config.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- the machine ----------------------------------------------------------------------------- */

static bool is_x86_64(const char *triple) {
    return strncmp(triple, "x86_64", 6) == 0;
}

/* Is `cpu` a processor of x86-64, and has it FMA? */
static bool known_cpu(const char *cpu, bool *fused) {
    static const struct {
        const char *name;
        bool fused;
    } cpus[] = {
#define CPU(name, fused) {name, fused},
#include "emit/llvm_cpu.def"
#undef CPU
    };
    for (size_t k = 0; k < sizeof cpus / sizeof cpus[0]; k++) {
        if (strcmp(cpus[k].name, cpu) == 0) {
            *fused = cpus[k].fused;
            return true;
        }
    }
    return false;
}

/* Is `+name` one of the features? */
static bool has_feature(const char *features, const char *name) {
    size_t length = strlen(name);
    for (const char *at = features; (at = strstr(at, name)) != NULL; at += length) {
        bool ends = at[length] == '\0' || at[length] == ',';
        if (ends && at > features && at[-1] == '+') {
            return true;
        }
    }
    return false;
}

/* Also tells whether it has FMA. */
static LLVMTargetMachineRef new_machine(const LlvmOptions *options, const char *triple,
                                        LLVMCodeGenOptLevel level, bool *fused) {
    char *message = NULL;
    LLVMTargetRef target;
    if (LLVMGetTargetFromTriple(triple, &target, &message)) {
        fatal("no code can be made for `%s`: %s", triple, message);
    }
    bool native = options->cpu && strcmp(options->cpu, "native") == 0;
    char *host_cpu = native ? LLVMGetHostCPUName() : NULL;
    char *host_features = native ? LLVMGetHostCPUFeatures() : NULL;
    const char *baseline = is_x86_64(triple) ? "x86-64" : "generic";
    const char *cpu = native ? host_cpu : options->cpu ? options->cpu : baseline;
    *fused = !is_x86_64(triple); /* all others with doubles in vectors have it */
    if (native && is_x86_64(triple)) {
        *fused = has_feature(host_features, "fma");
    } else if (is_x86_64(triple) && !known_cpu(cpu, fused)) {
        fatal("unknown processor `%s` in -march=%s; try native, x86-64-v2, x86-64-v3, x86-64-v4",
              cpu, cpu);
    }
    LLVMTargetMachineRef machine = LLVMCreateTargetMachine(
        target, triple, cpu, native ? host_features : "", level,
        options->pic ? LLVMRelocPIC : LLVMRelocDefault, LLVMCodeModelDefault);
    if (native) {
        LLVMDisposeMessage(host_cpu);
        LLVMDisposeMessage(host_features);
    }
    if (!machine) {
        fatal("no code can be made for `%s`", triple);
    }
    return machine;
}

/* LLVM's options are those of the process, given once; that they are set is noted where they are
 * kept, in LLVM. A vector loop of unknown length leaves up to 15 entries: they are done by fours,
 * not singly. Loop strength reduction takes a quarter of the time to compile and gains nothing
 * here. */
static void set_options(void) {
    static const char *const options[] = {"gradc", "-epilogue-vectorization-force-VF=4",
                                          "-disable-lsr"};
    static const char mark = 1;
    if (!LLVMSearchForAddressOfSymbol("gradc.options")) {
        LLVMAddSymbol("gradc.options", (void *)(uintptr_t)&mark);
        LLVMParseCommandLineOptions(sizeof options / sizeof options[0], options, "");
    }
}

void target_register(void) {
    if (LLVMInitializeNativeTarget() || LLVMInitializeNativeAsmPrinter()) {
        fatal("this LLVM makes no code for this machine");
    }
}

void target_create(Llvm *llvm) {
    set_options();
    target_register();
    char *triple = LLVMGetDefaultTargetTriple();
    llvm->machine = new_machine(
        &llvm->options, triple,
        llvm->options.level <= 0 ? LLVMCodeGenLevelNone : LLVMCodeGenLevelDefault, &llvm->fused);
    LLVMSetTarget(llvm->module, triple);
    LLVMDisposeMessage(triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(llvm->machine);
    LLVMSetModuleDataLayout(llvm->module, layout);
    LLVMDisposeTargetData(layout);
    if (llvm->options.pic) {
        LLVMTypeRef type = LLVMInt32TypeInContext(llvm->context);
        LLVMMetadataRef two = LLVMValueAsMetadata(LLVMConstInt(type, 2, false));
        LLVMAddModuleFlag(llvm->module, LLVMModuleFlagBehaviorWarning, "PIC Level", 9, two);
    }
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* At -O3, for twice the time: loops of at most four passes are written out, innermost first, and
 * then those around them that have no branches left; their small arrays become variables. */
#define UNROLL  "loop-unroll<O3;no-partial;no-runtime;no-upperbound;no-peeling;full-unroll-max=4>,"
#define VECTORS "loop-vectorize<interleave-forced-only;vectorize-forced-only>,"
#define WRITE_OUT                                                                                  \
    UNROLL "simplifycfg," VECTORS "simplifycfg," UNROLL "simplifycfg," UNROLL "early-cse,sroa,"
#define LATER                                                                                      \
    "loop-vectorize,early-cse<memssa>,instcombine<no-verify-fixpoint>,loop-mssa(licm),"            \
    "simplifycfg),"                                                                                \
    "globaldce"

/* The code comes with loops rotated and without redundancy worth a long pipeline: a third of the
 * time of default<O3> for the same code. */
static const char *const pipelines[] = {
    "function(mem2reg)",
    "function(mem2reg,early-cse,loop-simplify,lcssa,loop-mssa(licm),"
    "instcombine<no-verify-fixpoint>,simplifycfg)",
    "function(mem2reg,early-cse),always-inline,"
    "function(early-cse,loop-simplify,lcssa,loop-mssa(licm)," LATER,
    "function(mem2reg,early-cse),always-inline,"
    "function(early-cse,simplifycfg,loop-simplify,lcssa,loop-mssa(licm)," WRITE_OUT
    "early-cse,loop-simplify,lcssa," LATER,
};

double llvm_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- very long functions --------------------------------------------------------------------- */

/* LLVM's instruction placement and register allocation take time that grows with the square of the
 * length of a block. */
enum { LONG_BLOCK = 2500 };

/* In a function of more instructions, passes over its loops take that time, too, and so does the
 * allocation of registers. */
enum { LONG_FUNCTION = 20000 };
static const char *const short_pipeline = "function(mem2reg,early-cse,simplifycfg)";

/* mem2reg walks over all blocks for each variable: with more steps than these, variables stay in
 * memory. */
enum { LONG_WALK = 5000000 };
static const char *const shortest_pipeline = "function(early-cse,simplifycfg)";

/* The most steps that mem2reg takes for a function. */
static size_t longest_walk(const Llvm *llvm) {
    size_t most = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(llvm->module); f; f = LLVMGetNextFunction(f)) {
        size_t variables = 0;
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                variables += LLVMGetInstructionOpcode(i) == LLVMAlloca;
            }
        }
        const size_t steps = variables * LLVMCountBasicBlocks(f);
        most = steps > most ? steps : most;
    }
    return most;
}

static size_t largest(const Llvm *llvm) {
    size_t most = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(llvm->module); f; f = LLVMGetNextFunction(f)) {
        size_t count = 0;
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                count++;
            }
        }
        most = count > most ? count : most;
    }
    return most;
}

static LLVMValueRef longest(const Llvm *llvm, size_t *length) {
    LLVMValueRef found = NULL;
    *length = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(llvm->module); f; f = LLVMGetNextFunction(f)) {
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
            size_t count = 0;
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                count++;
            }
            if (count > *length) {
                *length = count;
                found = f;
            }
        }
    }
    return found;
}

/* `large`: a function has more instructions than LONG_FUNCTION. */
static void spare_time(Llvm *llvm, bool large) {
    size_t length;
    LLVMValueRef function = longest(llvm, &length);
    if (llvm->options.level <= 0 || (length <= LONG_BLOCK && !large)) {
        return;
    }
    if (llvm->options.time_passes) {
        size_t size;
        fprintf(stderr, "%13zu instructions in a row in `%s`%s: code is made as for -O0\n", length,
                LLVMGetValueName2(function, &size), large ? ", many in all" : "");
    }
    char *triple = LLVMGetTargetMachineTriple(llvm->machine);
    LLVMDisposeTargetMachine(llvm->machine);
    llvm->machine = new_machine(&llvm->options, triple, LLVMCodeGenLevelNone, &llvm->fused);
    LLVMDisposeMessage(triple);
}

/* ---- optimising -------------------------------------------------------------------------------
 */

void target_optimise(Llvm *llvm) {
    double start = llvm_clock();
    int level = llvm->options.level < 0 ? 0 : llvm->options.level > 3 ? 3 : llvm->options.level;
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    const bool large = level > 0 && (llvm->huge || largest(llvm) > LONG_FUNCTION);
    const bool huge = large && longest_walk(llvm) > LONG_WALK;
    const char *passes = huge ? shortest_pipeline : large ? short_pipeline : pipelines[level];
    LLVMErrorRef error = LLVMRunPasses(llvm->module, passes, llvm->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) {
        ice("emit", "LLVM passes: %s", LLVMGetErrorMessage(error));
    }
    if (llvm->options.times) {
        llvm->options.times->passes += llvm_clock() - start;
    }
    spare_time(llvm, large);
}

/* ---- output ---------------------------------------------------------------------------------- */

const char *llvm_text(Llvm *llvm, Arena *arena) {
    char *text = LLVMPrintModuleToString(llvm->module);
    const char *copy = arena_copy(arena, text, strlen(text));
    LLVMDisposeMessage(text);
    return copy;
}

const char *target_take(Arena *arena, LLVMMemoryBufferRef buffer, size_t *length) {
    *length = LLVMGetBufferSize(buffer);
    const char *copy = arena_copy(arena, LLVMGetBufferStart(buffer), *length);
    LLVMDisposeMemoryBuffer(buffer);
    return copy;
}

const void *llvm_bitcode(Llvm *llvm, Arena *arena, size_t *length) {
    return target_take(arena, LLVMWriteBitcodeToMemoryBuffer(llvm->module), length);
}

/* The module is used up. */
static LLVMMemoryBufferRef emit(Llvm *llvm, LLVMModuleRef module, LLVMCodeGenFileType type) {
    double start = llvm_clock();
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(llvm->machine, module, type, &message, &buffer)) {
        ice("emit", "LLVM makes no code: %s", message);
    }
    LLVMDisposeModule(module);
    if (llvm->options.times) {
        llvm->options.times->code += llvm_clock() - start;
    }
    return buffer;
}

LLVMMemoryBufferRef target_generate(Llvm *llvm) {
    LLVMModuleRef module = llvm->module;
    llvm->module = NULL;
    return emit(llvm, module, LLVMObjectFile);
}

/* Of a copy: object, assembly and text may all be asked. */
static const char *generate(Llvm *llvm, Arena *arena, LLVMCodeGenFileType type, size_t *length) {
    return target_take(arena, emit(llvm, LLVMCloneModule(llvm->module), type), length);
}

const void *llvm_object(Llvm *llvm, Arena *arena, size_t *length) {
    return generate(llvm, arena, LLVMObjectFile, length);
}

const char *llvm_assembly(Llvm *llvm, Arena *arena, size_t *length) {
    return generate(llvm, arena, LLVMAssemblyFile, length);
}

const char *llvm_version(void) {
    return LLVM_VERSION_STRING;
}

const char *llvm_host(Arena *arena) {
    char *cpu = LLVMGetHostCPUName();
    char *features = LLVMGetHostCPUFeatures();
    const char *text = arena_format(arena, "%s %s", cpu, features);
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    return text;
}
