/* llvm_loop.c: what LLVM is to make of a loop: which loops may become vectors, how wide, and the
 * metadata that says so. */
#include "emit/llvm_private.h"

#include <string.h>

/* sin, lgamma, …: a vector loop would call them lane by lane. */
static bool is_library_call(BuiltinId id) {
    return builtins[id].flops >= 20 && !llvm_is_elementary(id);
}

static bool expr_calls(const LoopExpr *expr, bool (*is_one)(BuiltinId), bool external) {
    if (!expr) {
        return false;
    }
    if ((external && expr->kind == LX_EXTERN) ||
        (expr->kind == LX_CALL && is_one(expr->as.builtin))) {
        return true;
    }
    for (unsigned k = 0; k < expr->count; k++) {
        if (expr_calls(expr->args[k], is_one, external)) {
            return true;
        }
    }
    return false;
}

static bool calls(const LoopStmt *statement, bool (*is_one)(BuiltinId), bool external) {
    for (; statement; statement = statement->next) {
        if (expr_calls(statement->value, is_one, external) ||
            expr_calls(statement->condition, is_one, external) ||
            calls(statement->body, is_one, external)) {
            return true;
        }
    }
    return false;
}

static bool calls_library(const LoopStmt *statement) {
    return calls(statement, is_library_call, true);
}

bool llvm_calls_elementary(const LoopStmt *statement) {
    return calls(statement, llvm_is_elementary, false);
}

/* Can the loop over these statements become one of vectors? */
static bool is_innermost(const LoopStmt *statement) {
    for (; statement; statement = statement->next) {
        if (statement->kind == LS_FOR || statement->kind == LS_LIB || statement->kind == LS_LEAVE ||
            !is_innermost(statement->body)) {
            return false;
        }
    }
    return true;
}

/* What a vector loop may hold: elementary functions, of some 40 instructions each, count as such.
 */
enum { VECTOR_LOOP_LIMIT = 1500, ELEMENTARY_SIZE = 40 };

static size_t expr_size(const LoopExpr *expr) {
    size_t size = 1;
    if (expr->kind == LX_CALL && llvm_is_elementary(expr->as.builtin)) {
        size += ELEMENTARY_SIZE;
    }
    for (unsigned k = 0; k < expr->count; k++) {
        size += expr_size(expr->args[k]);
    }
    return size;
}

/* LLVM takes time that grows with the square of the length of a loop to make vectors of it: not of
 * one that is longer than the limit. */
static bool is_short_loop(const LoopStmt *statement) {
    size_t size = 0;
    for (; statement && size <= VECTOR_LOOP_LIMIT; statement = statement->next) {
        size += statement->value ? expr_size(statement->value) : 1;
        size += statement->condition ? expr_size(statement->condition) : 0;
        size += is_short_loop(statement->body) ? 0 : VECTOR_LOOP_LIMIT;
    }
    return size <= VECTOR_LOOP_LIMIT;
}

static bool reads(const LoopExpr *expr, VarId var) {
    if (expr->kind == LX_VAR) {
        return expr->as.var == var;
    }
    for (unsigned k = 0; k < expr->count; k++) {
        if (reads(expr->args[k], var)) {
            return true;
        }
    }
    return false;
}

/* Does `index` grow by 1 with var, or not at all? */
static bool is_unit_stride(const LoopExpr *index, VarId var) {
    if (index->kind == LX_VAR || !reads(index, var)) {
        return true;
    }
    return index->kind == LX_CALL && index->as.builtin == BI_add &&
           is_unit_stride(index->args[0], var) && is_unit_stride(index->args[1], var) &&
           !(reads(index->args[0], var) && reads(index->args[1], var));
}

static bool loads_in_order(const LoopExpr *expr, VarId var) {
    if (expr && expr->kind == LX_LOAD) {
        return is_unit_stride(expr->args[0], var);
    }
    for (unsigned k = 0; expr && k < expr->count; k++) {
        if (!loads_in_order(expr->args[k], var)) {
            return false;
        }
    }
    return true;
}

/* Are these the statements of an innermost loop over var that reads and writes memory in order? */
static bool is_in_order(const LoopStmt *statement, VarId var) {
    for (; statement; statement = statement->next) {
        bool stores = statement->kind == LS_STORE || statement->kind == LS_STORE_ADD;
        if (statement->body || !loads_in_order(statement->value, var) ||
            (stores && !is_unit_stride(statement->index, var))) {
            return false;
        }
    }
    return true;
}

/* Vectors of 8, or of 16 floats, on all processors, so that sums are made in one order; those
 * narrower than that do with two or four registers. A single addition for each sample is all in
 * registers, which it keeps while the loop around goes on. */
enum { LANE_VECTOR = 8 };

static unsigned reals_in_double(const Llvm *llvm) {
    return (unsigned)sizeof(double) / (unsigned)precisions[unit_precision(llvm->unit)].bytes;
}

static bool is_single(const LoopStmt *body) {
    return !body->next && body->kind == LS_STORE_ADD && !llvm_calls_elementary(body);
}

static LLVMMetadataRef loop_option(Llvm *llvm, const char *name, LLVMTypeRef type,
                                   unsigned long long value) {
    LLVMMetadataRef pair[] = {
        LLVMMDStringInContext2(llvm->context, name, strlen(name)),
        LLVMValueAsMetadata(LLVMConstInt(type, value, false)),
    };
    return LLVMMDNodeInContext2(llvm->context, pair, 2);
}

/* A loop that may become one of vectors without a look at where its buffers lie. */
static bool is_parallel(const LoopStmt *loop) {
    return (loop->flags & LOOP_INDEPENDENT) && is_innermost(loop->body);
}

/* No branches. A nest is none: what its inner loops keep between them is one place for all passes.
 */
static bool is_straight(const LoopStmt *block) {
    for (; block; block = block->next) {
        if (block->kind == LS_IF || block->kind == LS_LEAVE || block->kind == LS_PRODUCT ||
            block->kind == LS_ZERO || block->kind == LS_FOR) {
            return false;
        }
    }
    return true;
}

/* At -O3, a loop of two or four independent passes is one vector, not that many copies. */
static bool is_small_vector(const Llvm *llvm, const LoopStmt *loop) {
    if (llvm->options.level < 3 || !loop_is_tiny(loop) || !(loop->flags & LOOP_INDEPENDENT) ||
        (loop->flags & LOOP_REDUCES) || calls_library(loop->body) || !is_straight(loop->body)) {
        return false;
    }
    const int64_t count = loop->high->as.integer - loop->low->as.integer;
    return count == 2 || count == 4;
}

bool llvm_is_parallel(const Llvm *llvm, const LoopStmt *loop) {
    return is_parallel(loop) || is_small_vector(llvm, loop);
}

bool llvm_may_be_vectors(const LoopStmt *loop) {
    return is_innermost(loop->body) && !calls_library(loop->body) && is_short_loop(loop->body);
}

/* Metadata on the branch back: it ends; a sum is taken in two vectors at a time, so that short rows
 * still enter the vector loop and long ones do not wait for one chain of additions; one vector of
 * elementary functions at a time needs all registers, and where it is not the outermost loop, what
 * is left of short ones is done by masks (which come with FMA), not by more code; beside them, what
 * waits for memory stays in vectors of 256 bits, which cross fewer cache lines; a loop of calls
 * stays as it is, and one that is tiny is written out later. */
void llvm_mark_loop(Llvm *llvm, LLVMValueRef branch, const LoopStmt *statement, bool nested) {
    LLVMContextRef context = llvm->context;
    LLVMMetadataRef progress = LLVMMDStringInContext2(context, "llvm.loop.mustprogress", 22);
    LLVMMetadataRef self = LLVMTemporaryMDNode(context, NULL, 0); /* the node names itself first */
    LLVMMetadataRef operands[8] = {self, LLVMMDNodeInContext2(context, &progress, 1), NULL};
    size_t count = 2;
    if (is_small_vector(llvm, statement)) {
        LLVMTypeRef type = LLVMInt32TypeInContext(context);
        const int64_t width = statement->high->as.integer - statement->low->as.integer;
        operands[count++] = loop_option(llvm, "llvm.loop.vectorize.enable", llvm->boolean, 1);
        operands[count++] =
            loop_option(llvm, "llvm.loop.vectorize.width", type, (unsigned long long)width);
        operands[count++] = loop_option(llvm, "llvm.loop.interleave.count", type, 1);
        LLVMMetadataRef whole = LLVMMDStringInContext2(context, "llvm.loop.unroll.disable", 24);
        operands[count++] = LLVMMDNodeInContext2(context, &whole, 1);
    } else if (calls_library(statement->body) || loop_is_tiny(statement) ||
               (is_innermost(statement->body) && !is_short_loop(statement->body))) {
        operands[count++] = loop_option(llvm, "llvm.loop.vectorize.enable", llvm->boolean, 0);
    } else if (statement->flags & LOOP_LANES) {
        LLVMTypeRef type = LLVMInt32TypeInContext(context);
        const unsigned width = LANE_VECTOR * reals_in_double(llvm);
        operands[count++] = loop_option(llvm, "llvm.loop.vectorize.width", type, width);
        operands[count++] = loop_option(llvm, "llvm.loop.interleave.count", type,
                                        is_single(statement->body) ? LANES / width : 1);
    } else if (llvm_calls_elementary(statement->body)) {
        operands[count++] =
            loop_option(llvm, "llvm.loop.interleave.count", LLVMInt32TypeInContext(context), 1);
        operands[count++] = loop_option(llvm, "llvm.loop.vectorize.predicate.enable", llvm->boolean,
                                        nested && llvm->fused);
    } else {
        LLVMTypeRef type = LLVMInt32TypeInContext(context);
        if (statement->flags & LOOP_REDUCES) {
            operands[count++] = loop_option(llvm, "llvm.loop.interleave.count", type, 2);
        }
        if (llvm->wide && llvm->fused && is_in_order(statement->body, statement->var)) {
            operands[count++] =
                loop_option(llvm, "llvm.loop.vectorize.width", type, 4 * reals_in_double(llvm));
        }
    }
    if (llvm_is_parallel(llvm, statement)) {
        operands[count++] = llvm_parallel_loop(llvm);
    }
    LLVMMetadataRef node = LLVMMDNodeInContext2(context, operands, count);
    LLVMMetadataReplaceAllUsesWith(self, node);
    unsigned kind = LLVMGetMDKindIDInContext(context, "llvm.loop", 9);
    LLVMSetMetadata(branch, kind, LLVMMetadataAsValue(context, node));
}
