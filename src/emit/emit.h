/* emit.h: printers. LLVM and C print loop programs and decide nothing; derivations print the IR. */
#ifndef GRADC_EMIT_H
#define GRADC_EMIT_H

#include "base/base.h"
#include "ir/ir.h"
#include "loop/loop.h"

/* All that one compilation emits. */
typedef struct {
    const char *model_name; /* as in the file */
    const char *prefix;     /* its C spelling: functions are prefix_f, macros PREFIX_… */
    const char *source_path;
    const Sources *sources;        /* for line tables and comments */
    LoopProgram *const *functions; /* the C functions, in the order of the header */
    size_t function_count;
    LoopProgram *const
        *kernels; /* the trainer's kernels (not in the C source); `trainer` planned */
    size_t kernel_count;
    const char *description; /* the text of gradc_model; NULL: no trainer is made */
} Unit;

/* Does the unit call LAPACK? Then it is linked with it. */
bool unit_uses_lapack(const Unit *unit);

/* ---- c.c, header.c
 * ------------------------------------------------------------------------------- */

/* C99 source that includes the header `header_name`; compiles without a warning under -std=c99
 * -Wall -Wextra -pedantic; static helpers for what libm lacks. Both return text in the arena. */
const char *emit_c(Arena *arena, const Unit *unit, const char *header_name);
/* The header: guards, extern "C", a comment for each function with the shapes of its arguments in
 * the model's terms; PREFIX_PARAM_COUNT, PREFIX_<PARAM>_OFFSET where sizes are fixed. */
const char *emit_header(Arena *arena, const Unit *unit);

/* ---- llvm.c and friends: the only files that include llvm-c/
 * ---------------------------------------- */

typedef struct {
    int level;       /* 0 … 3 */
    const char *cpu; /* "native", "x86-64-v3", …; NULL: the host's baseline (generic) */
    bool debug;      /* -g: line tables that map to .model lines */
    bool strict;
    bool pic;
    bool verify; /* LLVMVerifyModule; a failure is an internal error */
    bool time_passes;
} LlvmOptions;

typedef struct Llvm Llvm;

/* Builds and optimises the module of a unit. With a description, it also holds gradc_model,
 * gradc_kernels and a main that calls gradc_main. Never returns NULL: misuse is an internal error;
 * an unknown cpu is reported as a fatal error by name. */
Llvm *llvm_build(Arena *arena, const Unit *unit, const LlvmOptions *options);
void llvm_free(Llvm *llvm);
const char *llvm_text(Llvm *llvm, Arena *arena);
/* Bytes in the arena. */
const void *llvm_bitcode(Llvm *llvm, Arena *arena, size_t *length);
const void *llvm_object(Llvm *llvm, Arena *arena, size_t *length);
const char *llvm_assembly(Llvm *llvm, Arena *arena, size_t *length);
const char *llvm_version(void); /* for --version */

/* ---- jit.c
 * ------------------------------------------------------------------------------------------ */

typedef struct Jit Jit;
/* Takes the module (llvm is used up). Symbols of libc and libm, and of this process, are found. */
Jit *jit_create(Llvm *llvm);
void *jit_lookup(Jit *jit, const char *name); /* NULL if there is none */
void jit_destroy(Jit *jit);

/* ---- derivation.c
 * ------------------------------------------------------------------------------------ */

/* The derivation as text: for each function and each parameter a line such as
 *     d loss / d w = 2 * x * (x * w - y)
 * `gradient` is an Ir with OUT_GRADIENT outputs after opt_for_display. */
const char *emit_derivation(Arena *arena, const char *function, const Ir *gradient);

/* ---- dot.c
 * ------------------------------------------------------------------------------------------- */

/* The graph of values, and in red of what only derivatives need, for Graphviz. */
const char *emit_dot(Arena *arena, const Ir *ir);

/* ---- tex.c
 * ------------------------------------------------------------------------------------------- */

/* A LaTeX document: the values and derivatives of the outputs of `gradient`, then what they share.
 */
const char *emit_tex(Arena *arena, const char *function, const Ir *gradient);

#endif
