/* llvm_matrix.c: calls of linear algebra. What surrounds a call of LAPACK (sizes by address,
 * results that do not exist) is a function of llvm_matrix.def, linked into a module that calls one.
 */
#include "emit/llvm_private.h"

#include <llvm-c/IRReader.h>
#include <llvm-c/Linker.h>
#include <string.h>

static const char *const definitions[] = {
#include "emit/llvm_matrix.def"
};

static const char *const names[] = {"matrix_fill",   "matrix_cholesky",   "matrix_lu",
                                    "matrix_solve",  "matrix_triangular", "matrix_symmetric",
                                    "matrix_inverse"};

static LLVMValueRef text_constant(Llvm *llvm, const char *text) {
    return LLVMBuildGlobalStringPtr(llvm->builder, text, "how");
}

static void call(Llvm *llvm, const char *name, LLVMValueRef *args, unsigned count) {
    LLVMTypeRef types[8];
    for (unsigned k = 0; k < count; k++) {
        types[k] = LLVMTypeOf(args[k]);
    }
    LLVMTypeRef type = LLVMFunctionType(llvm->nothing, types, count, false);
    LLVMValueRef function = LLVMGetNamedFunction(llvm->module, name);
    if (!function) {
        function = LLVMAddFunction(llvm->module, name, type);
    }
    LLVMBuildCall2(llvm->builder, type, function, args, count, "");
}

/* The NaN of these bits; as a float, of what of them a float has: see runtime/abi.h. */
static LLVMValueRef no_result(const Llvm *llvm, uint64_t bits) {
    if (unit_precision(llvm->unit) == PRECISION_F64) {
        return LLVMConstBitCast(LLVMConstInt(llvm->integer, bits, false), llvm->real);
    }
    const uint64_t payload = bits >> (52 - 23) & 0x7fffff;
    LLVMTypeRef word = LLVMInt32TypeInContext(llvm->context);
    return LLVMConstBitCast(LLVMConstInt(word, 0x7f800000 | payload, false), llvm->real);
}

void llvm_library(Llvm *llvm, LibId f, Span span, LLVMValueRef matrix, LLVMValueRef factor,
                  LLVMValueRef n, LLVMValueRef columns) {
    LLVMValueRef where = no_result(llvm, emit_where(llvm->unit, f, span));
    bool turned = f == LIB_LOWER_SOLVE || f == LIB_LU_SOLVE; /* see llvm_matrix.def */
    switch (f) {
    case LIB_CHOLESKY: {
        LLVMValueRef args[] = {matrix, n, where};
        call(llvm, "matrix_cholesky", args, 3);
        return;
    }
    case LIB_LU: {
        LLVMValueRef args[] = {matrix, n};
        call(llvm, "matrix_lu", args, 2);
        return;
    }
    case LIB_FACTOR_INV: {
        LLVMValueRef args[] = {matrix, n};
        call(llvm, "matrix_inverse", args, 2);
        return;
    }
    case LIB_FACTOR_SOLVE: {
        LLVMValueRef args[] = {matrix, factor, n, columns};
        call(llvm, "matrix_symmetric", args, 4);
        return;
    }
    case LIB_LOWER_SOLVE:
    case LIB_LOWER_SOLVE_T:
    case LIB_LU_SOLVE:
    case LIB_LU_SOLVE_T: {
        bool lu = f == LIB_LU_SOLVE || f == LIB_LU_SOLVE_T;
        LLVMValueRef how = text_constant(llvm, turned ? "T" : "N");
        LLVMValueRef args[] = {matrix, factor, n, columns, how, where};
        call(llvm, lu ? "matrix_solve" : "matrix_triangular", args, 6);
        return;
    }
    case LIB_SOLVE:
    case LIB_SOLVE_T:
    case LIB_INV:
    case LIB_SPD_SOLVE:
    case LIB_SPD_INV:
    case LIB_SPD_LOGDET:
    case LIB_LOGDET:
    case LIB_DET:
    case LIB_ENTRIES:
    case LIB_COUNT:
        break;
    }
    ice("emit", "%s is not of planned form", lib_table[f].name);
}

void llvm_link_library(Llvm *llvm) {
    bool used = false;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        used = used || LLVMGetNamedFunction(llvm->module, names[k]);
    }
    if (!used) {
        return;
    }
    Text text;
    text_init(&text, llvm->arena);
    for (size_t k = 0; k < sizeof definitions / sizeof *definitions; k++) {
        text_add(&text, definitions[k]);
    }
    const char *typed = emit_retype(llvm->arena, text.data, unit_precision(llvm->unit), false);
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange(typed, strlen(typed), "llvm_matrix.def", true);
    LLVMModuleRef library;
    char *message = NULL;
    if (LLVMParseIRInContext(llvm->context, buffer, &library, &message)) {
        ice("emit", "linear algebra: %s", message);
    }
    LLVMSetDataLayout(library, LLVMGetDataLayoutStr(llvm->module));
    LLVMSetTarget(library, LLVMGetTarget(llvm->module));
    if (LLVMLinkModules2(llvm->module, library)) {
        ice("emit", "linear algebra does not fit the module");
    }
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        LLVMValueRef function = LLVMGetNamedFunction(llvm->module, names[k]);
        if (function) {
            LLVMSetLinkage(function, LLVMInternalLinkage);
        }
    }
}
