/* llvm_private.h: the LLVM printer's own pieces. Only llvm*.c and jit.c include llvm-c/. */
#ifndef GRADC_LLVM_PRIVATE_H
#define GRADC_LLVM_PRIVATE_H

#include "emit/emit_private.h"

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/Orc.h>
#include <llvm-c/TargetMachine.h>

typedef struct Debug Debug;

/* What of a unit a module has that is a part of its code. */
typedef struct {
    bool *kernels; /* by kernel: it is there; others see its wrapper */
    bool table;    /* gradc_model, gradc_kernels and main are there, and what is no kernel */
    bool products; /* so are the functions for products of matrices */
} Share;

struct Llvm {
    Arena *arena; /* of the compilation: names, tables */
    const Unit *unit;
    const Share *share; /* NULL: the module is the whole unit */
    LlvmOptions options;
    LLVMOrcThreadSafeContextRef safe_context; /* owns the context, so that the JIT can take it */
    LLVMContextRef context;
    LLVMModuleRef module; /* NULL once the JIT has taken it */
    LLVMBuilderRef builder;
    LLVMTargetMachineRef machine;
    LLVMTypeRef real, wide_real, integer, boolean, byte, pointer, nothing; /* wide_real: double */
    Debug *debug;                                                          /* NULL without -g */
    bool wide;    /* the function prefers vectors of 512 bits, for its elementary functions */
    bool fused;   /* the processor has FMA */
    bool huge;    /* a function is so long that its code is made with little effort */
    bool inlines; /* elementary functions are inlined where the builder is */
    LLVMMetadataRef group; /* of the accesses in loops of independent iterations */
};

/* ---- llvm_pieces.c: very long functions are cut ------------------------------------------------
 */

/* Statements in a row that become a function of their own. */
typedef struct {
    const LoopStmt *first, *end; /* end is not of it */
    BufferId *buffers;           /* that it uses */
    size_t buffer_count;
} Cut;

typedef struct {
    Arena *arena;
    Cut *list; /* in the order of the program */
    size_t count, capacity;
    size_t next;         /* the next one to be built */
    bool *crosses;       /* by variable: it lies in the frame */
    uint32_t *owner;     /* by variable: the piece whose function has its value; 0: none of them */
    uint32_t *place;     /* in the frame, of those that cross */
    uint32_t frame_size; /* in entries of eight bytes */
    LLVMValueRef *buffers; /* addresses in the piece that is being built */
} Pieces;

/* The pieces of a program that is too long for one function, or NULL. */
Pieces *llvm_pieces(Llvm *llvm, const LoopProgram *program);

/* One function while it is built. */
typedef struct {
    Llvm *llvm;
    const LoopProgram *program; /* NULL for size functions */
    LLVMValueRef function;
    LLVMBasicBlockRef entry;
    LLVMValueRef *args;
    LLVMValueRef *vars; /* the value; the stack slot of those in `is_slot` */
    bool *is_slot;
    const LoopExpr **said;   /* by variable: the value of its LET, where it is built */
    LLVMBasicBlockRef leave; /* behind the innermost loop */
    LLVMValueRef *buffers;   /* address of entry 0 */
    LLVMValueRef *scopes;    /* by buffer: its scope, as metadata, or NULL, */
    LLVMValueRef *others;    /* and those that it does not overlap */
    LLVMMetadataRef scope;   /* subprogram, or NULL */
    const char *width;       /* of the vectors that it prefers, in bits */
    Pieces *pieces;          /* that its program is cut in, or NULL */
    uint32_t piece;          /* the one that it is, from 1, or 0 */
    LLVMValueRef frame;      /* where what pieces hand on lies */
    bool in_loop;            /* a piece of the body of a loop */
    bool parallel;           /* the builder is in an innermost loop of independent iterations */
} LlvmFunction;

/* ---- llvm.c ---------------------------------------------------------------------------------- */

LLVMValueRef llvm_int(const Llvm *llvm, int64_t value);
LLVMTypeRef llvm_kind(const Llvm *llvm, Kind kind); /* of a scalar: a real, i64, i1 */
LLVMTypeRef llvm_ctype(const Llvm *llvm, CType type);
/* Floating-point flags of all arithmetic: contract, none under --strict. Returns `value`. */
LLVMValueRef llvm_fp(const Llvm *llvm, LLVMValueRef value);
void llvm_add_attribute(const Llvm *llvm, LLVMValueRef function, LLVMAttributeIndex at,
                        const char *name, uint64_t value);
void llvm_add_text_attribute(const Llvm *llvm, LLVMValueRef function, const char *name,
                             const char *value);

/* The function of a loop program, and one of the sizes. */
LLVMValueRef llvm_function(Llvm *llvm, const LoopProgram *program);
void llvm_size_function(Llvm *llvm, const SizeFunction *size);

/* ---- llvm_loop.c ----------------------------------------------------------------------------- */

/* Do these statements call exp and the like? */
bool llvm_calls_elementary(const LoopStmt *statement);
/* Can LLVM make the loop one of vectors, so that what it calls is worth inlining? */
bool llvm_may_be_vectors(const LoopStmt *loop);
/* Is it made vectors without a look at where its buffers lie? Its accesses are marked then. */
bool llvm_is_parallel(const Llvm *llvm, const LoopStmt *loop);
/* Says on the branch back what is to be made of the loop; `nested`: there is one around it. */
void llvm_mark_loop(Llvm *llvm, LLVMValueRef branch, const LoopStmt *statement, bool nested);

/* ---- llvm_alias.c ---------------------------------------------------------------------------- */

/* Sets the scopes of the function's buffers: accesses in one do not touch what is in another. */
void llvm_scopes(LlvmFunction *function);
/* Marks a load or store of a buffer: it overlaps none of another buffer and, if the builder is in a
 * loop of independent iterations, none of another iteration. */
void llvm_mark_access(const LlvmFunction *function, LLVMValueRef access, BufferId id);
/* Metadata of a loop all of whose accesses were marked so. */
LLVMMetadataRef llvm_parallel_loop(Llvm *llvm);

/* ---- llvm_math.c: built-in functions --------------------------------------------------------- */

/* The call of a row on values of one kind; `type` is the kind of the result. */
LLVMValueRef llvm_builtin(Llvm *llvm, BuiltinId id, Kind type, Kind operands,
                          const LLVMValueRef *args, unsigned count);
/* The function i64 (ptr, i64): the largest of so many entries of an array of sizes; 0 of none. */
LLVMValueRef llvm_most_rows(Llvm *llvm);
LLVMValueRef llvm_maximum(Llvm *llvm, LLVMValueRef a, LLVMValueRef b);
/* The call of an intrinsic of one type, that of args[0], without flags. */
LLVMValueRef llvm_intrinsic(Llvm *llvm, LLVMBuilderRef builder, const char *name,
                            const LLVMValueRef *args, unsigned count);

/* ---- llvm_elementary.c: exp and the like, without branches ------------------------------------
 */

bool llvm_is_elementary(BuiltinId id);
/* f(x), of a function of the module; inlined at the vectorising levels if llvm->inlines. */
LLVMValueRef llvm_elementary(Llvm *llvm, BuiltinId id, LLVMValueRef x, bool narrow);

/* llvm_narrow.c: is x of exp(x) surely <= 0, x of log1p(x) surely from 0 to 1? NaN is allowed. */
bool llvm_is_narrow(const LlvmFunction *function, const LoopExpr *call);

/* ---- llvm_matrix.c: linear algebra ------------------------------------------------------------
 */

/* The call of a planned operation on a matrix of n rows; `factor` and `columns` where it has them.
 */
void llvm_library(Llvm *llvm, LibId f, Span span, LLVMValueRef matrix, LLVMValueRef factor,
                  LLVMValueRef n, LLVMValueRef columns);
/* Once all functions are built: adds what these calls need, if there are any. */
void llvm_link_library(Llvm *llvm);

/* ---- llvm_product.c: matrix products -----------------------------------------------------------
 */

/* The call of LS_PRODUCT; `parts` as in LoopProduct. */
void llvm_product(Llvm *llvm, LLVMValueRef c, LLVMValueRef a, LLVMValueRef b,
                  const LLVMValueRef *parts);
/* Once all functions are built: adds the functions that these calls need, if there are any. */
void llvm_link_product(Llvm *llvm);

/* ---- llvm_debug.c: -g ------------------------------------------------------------------------ */

Debug *debug_create(Llvm *llvm);
/* Attaches a subprogram to the function; its lines come from the program's spans. */
LLVMMetadataRef debug_function(Llvm *llvm, LLVMValueRef function, const LoopProgram *program);
/* Instructions built from here on belong to `span` (nowhere: the line of the function). */
void debug_place(Llvm *llvm, LLVMMetadataRef scope, Span span);
void debug_variable(LlvmFunction *function, const LoopStmt *statement, LLVMValueRef value);
void debug_finish(Llvm *llvm);

/* ---- llvm_target.c: machine, passes, code
 * ---------------------------------------------------------- */

/* Makes LLVM know this machine's kind of code. */
void target_register(void);
void target_create(Llvm *llvm);
void target_optimise(Llvm *llvm);
/* The object file of the module, which is used up. */
LLVMMemoryBufferRef target_generate(Llvm *llvm);
/* The bytes of the buffer, which goes, in the arena. */
const char *target_take(Arena *arena, LLVMMemoryBufferRef buffer, size_t *length);
double llvm_clock(void); /* in milliseconds */

/* ---- llvm_abi.c: the trainer's kernels ------------------------------------------------------- */

/* gradc_model, gradc_kernels and main; kernels[k] is the function of unit->kernels[k], or NULL
 * where another part has it. */
void abi_build(Llvm *llvm, const LLVMValueRef *kernels);

#endif
