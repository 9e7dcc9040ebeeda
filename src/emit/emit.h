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

/* Does the program? */
bool program_uses_lapack(const LoopProgram *program);
/* Does the unit call LAPACK? Then it is linked with it. */
bool unit_uses_lapack(const Unit *unit);

/* ---- c.c, header.c
 * ------------------------------------------------------------------------------- */

/* C99 source that includes the header `header_name`; compiles without a warning under -std=c99
 * -Wall -Wextra -pedantic; static helpers for what libm lacks. Both return text in the arena. */
const char *emit_c(Arena *arena, const Unit *unit, const char *header_name);
/* The same of one function alone, static, behind the helpers that it calls: text to be put into
 * another file, which includes math.h and stdint.h. `*external`: an extern function that it calls,
 * or NULL. */
const char *emit_c_function(Arena *arena, const Unit *unit, LoopProgram *program,
                            const char **external);
/* The header: guards, extern "C", a comment for each function with the shapes of its arguments in
 * the model's terms; PREFIX_PARAM_COUNT, PREFIX_<PARAM>_OFFSET where sizes are fixed. */
const char *emit_header(Arena *arena, const Unit *unit);

/* ---- llvm.c and friends: the only files that include llvm-c/
 * ---------------------------------------- */

/* Milliseconds of LLVM's own. */
typedef struct {
    double passes, code;
} LlvmTimes;

typedef struct {
    int level;       /* 0 … 3 */
    const char *cpu; /* "native", "x86-64-v3", …; NULL: the host's baseline (generic) */
    bool debug;      /* -g: line tables that map to .model lines */
    bool strict;
    bool pic;
    bool verify;      /* LLVMVerifyModule; a failure is an internal error */
    bool time_passes; /* tell what is unusual about them */
    LlvmTimes *times; /* to be added to, or NULL */
} LlvmOptions;

/* An object file in memory. */
typedef struct {
    const void *data;
    size_t length;
} ObjectCode;

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
/* The object files of a unit, at most OBJECTS_MOST, in the arena; returns their number. Together
 * they are what llvm_build and llvm_object make; of a trainer with much code there are several,
 * made at the same time by as many threads as there are processors. */
enum { OBJECTS_MOST = 4 };
size_t llvm_objects(Arena *arena, const Unit *unit, const LlvmOptions *options,
                    ObjectCode *objects);
const char *llvm_assembly(Llvm *llvm, Arena *arena, size_t *length);
const char *llvm_version(void); /* for --version */
/* Name and features of the processor that `native` means. */
const char *llvm_host(Arena *arena);

/* ---- jit.c
 * ------------------------------------------------------------------------------------------ */

typedef struct Jit Jit;
/* Takes the module (llvm is used up). Symbols of libc and libm, and of this process, are found. */
Jit *jit_create(Llvm *llvm);
/* The same of the object files of a unit. */
Jit *jit_load(Arena *arena, const ObjectCode *objects, size_t count, bool lapack);
void *jit_lookup(Jit *jit, const char *name); /* NULL if there is none */
void jit_destroy(Jit *jit);

/* One derivative of one function, for people. */
typedef struct {
    const char *function; /* as the user knows it */
    const char *suffix;   /* of the derivative: grad, jvp, … */
    const Ir *ir;         /* after opt_for_display */
    const Ir *plain;      /* as diff/ made it */
    const Trace *trace;   /* of a gradient: the steps, values of `plain`; or NULL */
} Derived;

/* ---- derivation.c
 * ------------------------------------------------------------------------------------ */

/* The derivatives of one function as text, a line for each output of `derived`, an Ir with
 * derivatives after opt_for_display:
 *     d loss / d w = 2 * x * (x * w - y)                      the gradient
 *     d loss = 2 * x * w_dot * (x * w - y)                    along a direction
 *     d2 loss / d w d b = …, d forward[i] / d x[j] = …        Hessians, Jacobians
 *     (d2 loss * v) for w = …                                 the Hessian times a vector */
const char *emit_derivation(Arena *arena, const char *function, const Ir *derived);

/* ---- dot.c
 * ------------------------------------------------------------------------------------------- */

/* The graph of values, and in red of what only derivatives need, for Graphviz. */
const char *emit_dot(Arena *arena, const Ir *ir);

/* ---- tex.c
 * ------------------------------------------------------------------------------------------- */

/* A LaTeX document: for each of the list a section: its values and derivatives, then what they
 * share.
 */
const char *emit_tex(Arena *arena, const Derived *list, size_t count);

/* ---- model.c
 * ------------------------------------------------------------------------------------------- */

/* A derivative as a function of the model language, f_grad, which returns the value and one
 * derivative for each variable. `sizes`: those that are items of the model. */
void emit_model(Text *out, const Derived *derived, const Name *sizes, size_t size_count);
/* The params, data and extern functions that such functions name, as items of a model. */
void emit_model_leaves(Text *out, const Ir *ir);

/* ---- html.c
 * ------------------------------------------------------------------------------------------- */

/* A page with the model's text and, for each of the list, the values step by step, the reverse
 * sweep with its rules, and the derivatives. */
const char *emit_html(Arena *arena, const char *title, const char *source, const Derived *list,
                      size_t count);
/* What a page shows of each of the list, without head and model: a part of another page. */
const char *emit_html_part(Arena *arena, const Derived *list, size_t count);

#endif
