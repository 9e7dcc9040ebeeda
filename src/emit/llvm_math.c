/* llvm_math.c: the built-in functions as LLVM values: operators, intrinsics by the row's name,
 * llvm_elementary.c's functions, calls of libm for the rest. The arithmetic is that of
 * c_helper.def, bit for bit. */
#include "emit/llvm_private.h"

#include <string.h>

/* ---- calls ----------------------------------------------------------------------------------- */

LLVMValueRef llvm_intrinsic(Llvm *llvm, LLVMBuilderRef builder, const char *name,
                            const LLVMValueRef *args, unsigned count) {
    LLVMTypeRef type = LLVMTypeOf(args[0]);
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    if (id == 0) {
        ice("emit", "LLVM has no intrinsic %s", name);
    }
    LLVMValueRef callee = LLVMGetIntrinsicDeclaration(llvm->module, id, &type, 1);
    LLVMTypeRef signature = LLVMIntrinsicGetType(llvm->context, id, &type, 1);
    LLVMValueRef copy[BUILTIN_ARITY + 1];
    memcpy(copy, args, count * sizeof *copy);
    return LLVMBuildCall2(builder, signature, callee, copy, count, "");
}

static LLVMValueRef call_intrinsic(Llvm *llvm, const char *name, const LLVMValueRef *args,
                                   unsigned count) {
    return llvm_fp(llvm, llvm_intrinsic(llvm, llvm->builder, name, args, count));
}

/* A real f(real, …) of libm: no side effect that we could see. */
static LLVMValueRef call_library(Llvm *llvm, const char *function, const LLVMValueRef *args,
                                 unsigned count) {
    const char *suffix = precisions[unit_precision(llvm->unit)].suffix;
    const char *name = arena_format(llvm->arena, "%s%s", function, suffix);
    LLVMTypeRef formals[BUILTIN_ARITY] = {llvm->real, llvm->real, llvm->real};
    LLVMTypeRef signature = LLVMFunctionType(llvm->real, formals, count, false);
    LLVMValueRef callee = LLVMGetNamedFunction(llvm->module, name);
    if (!callee) {
        callee = LLVMAddFunction(llvm->module, name, signature);
        llvm_add_attribute(llvm, callee, LLVMAttributeFunctionIndex, "memory", 0);
        llvm_add_attribute(llvm, callee, LLVMAttributeFunctionIndex, "nounwind", 0);
        llvm_add_attribute(llvm, callee, LLVMAttributeFunctionIndex, "willreturn", 0);
        llvm_add_attribute(llvm, callee, LLVMAttributeFunctionIndex, "nofree", 0);
    }
    LLVMValueRef copy[BUILTIN_ARITY];
    memcpy(copy, args, count * sizeof *copy);
    return llvm_fp(llvm, LLVMBuildCall2(llvm->builder, signature, callee, copy, count, ""));
}

LLVMValueRef llvm_maximum(Llvm *llvm, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef args[] = {a, b};
    return call_intrinsic(llvm, "llvm.maximum", args, 2);
}

/* ---- whole numbers --------------------------------------------------------------------------- */

static LLVMValueRef compare_int(Llvm *llvm, LLVMIntPredicate predicate, LLVMValueRef a,
                                LLVMValueRef b) {
    return LLVMBuildICmp(llvm->builder, predicate, a, b, "");
}

/* Is the remainder r of a / b to be moved to the sign of b? */
static LLVMValueRef floor_differs(Llvm *llvm, LLVMValueRef r, LLVMValueRef b) {
    LLVMValueRef zero = llvm_int(llvm, 0);
    LLVMValueRef mixed = LLVMBuildXor(llvm->builder, r, b, "");
    LLVMValueRef opposite = compare_int(llvm, LLVMIntSLT, mixed, zero);
    LLVMValueRef inexact = compare_int(llvm, LLVMIntNE, r, zero);
    return LLVMBuildAnd(llvm->builder, inexact, opposite, "");
}

/* Processors end a program that divides by 0, and a branch that is not taken may be computed all
 * the same: such a quotient is 0. */
static LLVMValueRef unless_zero(Llvm *llvm, LLVMValueRef b, LLVMValueRef value) {
    LLVMValueRef zero = llvm_int(llvm, 0);
    if (LLVMIsAConstantInt(b) && b != zero) {
        return value;
    }
    return LLVMBuildSelect(llvm->builder, compare_int(llvm, LLVMIntEQ, b, zero), zero, value, "");
}

static LLVMValueRef safe_divisor(Llvm *llvm, LLVMValueRef b) {
    LLVMValueRef zero = llvm_int(llvm, 0);
    LLVMValueRef is_zero = compare_int(llvm, LLVMIntEQ, b, zero);
    return LLVMBuildSelect(llvm->builder, is_zero, llvm_int(llvm, 1), b, "");
}

static LLVMValueRef floor_division(Llvm *llvm, LLVMValueRef a, LLVMValueRef by) {
    LLVMBuilderRef builder = llvm->builder;
    LLVMValueRef b = safe_divisor(llvm, by);
    LLVMValueRef q = LLVMBuildSDiv(builder, a, b, "");
    LLVMValueRef r = LLVMBuildSRem(builder, a, b, "");
    LLVMValueRef differs = floor_differs(llvm, r, b);
    differs = LLVMBuildZExt(builder, differs, llvm->integer, "");
    return unless_zero(llvm, by, LLVMBuildSub(builder, q, differs, "floordiv"));
}

/* By the divisor 1, in the place of 0, nothing is left. */
static LLVMValueRef floor_remainder(Llvm *llvm, LLVMValueRef a, LLVMValueRef by) {
    LLVMBuilderRef builder = llvm->builder;
    LLVMValueRef b = safe_divisor(llvm, by);
    LLVMValueRef r = LLVMBuildSRem(builder, a, b, "");
    LLVMValueRef differs = floor_differs(llvm, r, b);
    LLVMValueRef moved = LLVMBuildNSWAdd(builder, r, b, "");
    return LLVMBuildSelect(builder, differs, moved, r, "mod");
}

static LLVMValueRef int_sign(Llvm *llvm, LLVMValueRef a) {
    LLVMBuilderRef builder = llvm->builder;
    LLVMValueRef zero = llvm_int(llvm, 0);
    LLVMValueRef above = compare_int(llvm, LLVMIntSGT, a, zero);
    LLVMValueRef below = compare_int(llvm, LLVMIntSLT, a, zero);
    above = LLVMBuildZExt(builder, above, llvm->integer, "");
    below = LLVMBuildZExt(builder, below, llvm->integer, "");
    return LLVMBuildNSWSub(builder, above, below, "sign");
}

static LLVMValueRef int_builtin(Llvm *llvm, BuiltinId id, const LLVMValueRef *args) {
    LLVMBuilderRef builder = llvm->builder;
    LLVMValueRef a = args[0];
    LLVMValueRef b = args[1];
    if (id == BI_add) {
        return LLVMBuildNSWAdd(builder, a, b, "");
    }
    if (id == BI_sub) {
        return LLVMBuildNSWSub(builder, a, b, "");
    }
    if (id == BI_mul) {
        return LLVMBuildNSWMul(builder, a, b, "");
    }
    if (id == BI_square) {
        return LLVMBuildNSWMul(builder, a, a, "");
    }
    if (id == BI_neg) {
        return LLVMBuildNSWNeg(builder, a, "");
    }
    if (id == BI_floordiv) {
        return floor_division(llvm, a, b);
    }
    if (id == BI_mod) {
        return floor_remainder(llvm, a, b);
    }
    if (id == BI_abs) {
        LLVMValueRef negative = LLVMBuildNSWNeg(builder, a, "");
        LLVMValueRef below = compare_int(llvm, LLVMIntSLT, a, llvm_int(llvm, 0));
        return LLVMBuildSelect(builder, below, negative, a, "abs");
    }
    if (id == BI_sign) {
        return int_sign(llvm, a);
    }
    if (id == BI_maximum || id == BI_minimum) {
        LLVMValueRef first = compare_int(llvm, id == BI_maximum ? LLVMIntSGT : LLVMIntSLT, a, b);
        return LLVMBuildSelect(builder, first, a, b, "");
    }
    ice("emit", "%s of whole numbers", builtins[id].name);
}

/* ---- truth values ---------------------------------------------------------------------------- */

static const struct {
    BuiltinId id;
    LLVMRealPredicate real; /* false where an operand is NaN, but for != */
    LLVMIntPredicate integer;
} comparisons[] = {
    {BI_eq, LLVMRealOEQ, LLVMIntEQ},
    {BI_ne, LLVMRealUNE, LLVMIntNE},
    {BI_lt, LLVMRealOLT, LLVMIntSLT},
    {BI_le, LLVMRealOLE, LLVMIntSLE},
};

static LLVMValueRef bool_builtin(Llvm *llvm, BuiltinId id, Kind operands,
                                 const LLVMValueRef *args) {
    LLVMBuilderRef builder = llvm->builder;
    for (size_t k = 0; k < sizeof comparisons / sizeof comparisons[0]; k++) {
        if (comparisons[k].id != id) {
            continue;
        }
        return operands == KIND_REAL
                   ? LLVMBuildFCmp(builder, comparisons[k].real, args[0], args[1], "")
                   : compare_int(llvm, comparisons[k].integer, args[0], args[1]);
    }
    if (id == BI_and) {
        return LLVMBuildAnd(builder, args[0], args[1], "");
    }
    if (id == BI_or) {
        return LLVMBuildOr(builder, args[0], args[1], "");
    }
    if (id == BI_not) {
        return LLVMBuildNot(builder, args[0], "");
    }
    ice("emit", "%s is no truth value", builtins[id].name);
}

/* ---- reals ----------------------------------------------------------------------------------- */

static LLVMValueRef real_sign(Llvm *llvm, LLVMValueRef x) {
    LLVMBuilderRef builder = llvm->builder;
    LLVMValueRef zero = LLVMConstReal(llvm->real, 0.0);
    LLVMValueRef above = LLVMBuildFCmp(builder, LLVMRealOGT, x, zero, "");
    LLVMValueRef below = LLVMBuildFCmp(builder, LLVMRealOLT, x, zero, "");
    LLVMValueRef rest = LLVMBuildSelect(builder, below, LLVMConstReal(llvm->real, -1.0), x, "");
    return LLVMBuildSelect(builder, above, LLVMConstReal(llvm->real, 1.0), rest, "sign");
}

static LLVMValueRef shift_xor(Llvm *llvm, LLVMValueRef z, int64_t by) {
    LLVMValueRef shifted = LLVMBuildLShr(llvm->builder, z, llvm_int(llvm, by), "");
    return LLVMBuildXor(llvm->builder, z, shifted, "");
}

/* Number `counter` of the sequence `seed`: see random_uniform in c_helper.def. */
static LLVMValueRef random_uniform(Llvm *llvm, LLVMValueRef seed, LLVMValueRef counter) {
    LLVMBuilderRef builder = llvm->builder;
    LLVMValueRef next = LLVMBuildAdd(builder, counter, llvm_int(llvm, 1), "");
    LLVMValueRef gamma = llvm_int(llvm, (int64_t)UINT64_C(0x9e3779b97f4a7c15));
    LLVMValueRef step = LLVMBuildMul(builder, next, gamma, "");
    LLVMValueRef z = LLVMBuildAdd(builder, seed, step, "");
    z = shift_xor(llvm, z, 30);
    z = LLVMBuildMul(builder, z, llvm_int(llvm, (int64_t)UINT64_C(0xbf58476d1ce4e5b9)), "");
    z = shift_xor(llvm, z, 27);
    z = LLVMBuildMul(builder, z, llvm_int(llvm, (int64_t)UINT64_C(0x94d049bb133111eb)), "");
    z = shift_xor(llvm, z, 31);
    const bool single = unit_precision(llvm->unit) == PRECISION_F32;
    z = LLVMBuildLShr(builder, z, llvm_int(llvm, single ? 41 : 12), "");
    LLVMValueRef real = LLVMBuildUIToFP(builder, z, llvm->real, "");
    real = LLVMBuildFAdd(builder, real, LLVMConstReal(llvm->real, 0.5), "");
    return LLVMBuildFMul(builder, real, LLVMConstReal(llvm->real, single ? 0x1p-23 : 0x1p-52),
                         "uniform");
}

static LLVMValueRef real_builtin(Llvm *llvm, BuiltinId id, const LLVMValueRef *args,
                                 unsigned count) {
    LLVMBuilderRef builder = llvm->builder;
    if (id == BI_add) {
        return llvm_fp(llvm, LLVMBuildFAdd(builder, args[0], args[1], ""));
    }
    if (id == BI_sub) {
        return llvm_fp(llvm, LLVMBuildFSub(builder, args[0], args[1], ""));
    }
    if (id == BI_mul) {
        return llvm_fp(llvm, LLVMBuildFMul(builder, args[0], args[1], ""));
    }
    if (id == BI_square) {
        return llvm_fp(llvm, LLVMBuildFMul(builder, args[0], args[0], ""));
    }
    if (id == BI_div) {
        return llvm_fp(llvm, LLVMBuildFDiv(builder, args[0], args[1], ""));
    }
    if (id == BI_neg) {
        return llvm_fp(llvm, LLVMBuildFNeg(builder, args[0], ""));
    }
    if (id == BI_sign) {
        return real_sign(llvm, args[0]);
    }
    if (id == BI_maximum) {
        return llvm_maximum(llvm, args[0], args[1]);
    }
    if (id == BI_minimum) {
        return call_intrinsic(llvm, "llvm.minimum", args, 2);
    }
    if (id == BI_random_uniform) {
        return random_uniform(llvm, args[0], args[1]);
    }
    if (llvm_is_elementary(id)) {
        return llvm_elementary(llvm, id, args[0], false);
    }
    const Builtin *row = &builtins[id];
    return row->llvm ? call_intrinsic(llvm, row->llvm, args, count)
                     : call_library(llvm, row->c, args, count);
}

LLVMValueRef llvm_builtin(Llvm *llvm, BuiltinId id, Kind type, Kind operands,
                          const LLVMValueRef *args, unsigned count) {
    switch (type) {
    case KIND_REAL:
        return real_builtin(llvm, id, args, count);
    case KIND_INT:
        return int_builtin(llvm, id, args);
    case KIND_BOOL:
        return bool_builtin(llvm, id, operands, args);
    }
    ice("emit", "a value of no kind");
}

/* ---- sizes of samples --------------------------------------------------------------------------
 */

/* i64 most_rows(ptr rows, i64 count): the largest entry, 1 of none; made when first called. */
LLVMValueRef llvm_most_rows(Llvm *llvm) {
    LLVMValueRef function = LLVMGetNamedFunction(llvm->module, "most_rows");
    if (function) {
        return function;
    }
    LLVMBuilderRef b = LLVMCreateBuilderInContext(llvm->context);
    LLVMTypeRef formals[] = {llvm->pointer, llvm->integer};
    LLVMTypeRef type = LLVMFunctionType(llvm->integer, formals, 2, false);
    function = LLVMAddFunction(llvm->module, "most_rows", type);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    LLVMValueRef count = LLVMGetParam(function, 1);
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(llvm->context, function, "entry");
    LLVMBasicBlockRef loop = LLVMAppendBasicBlockInContext(llvm->context, function, "loop");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(llvm->context, function, "done");
    LLVMPositionBuilderAtEnd(b, entry);
    LLVMValueRef zero = llvm_int(llvm, 0);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntEQ, count, zero, ""), done, loop);
    LLVMPositionBuilderAtEnd(b, loop);
    LLVMValueRef k = LLVMBuildPhi(b, llvm->integer, "k");
    LLVMValueRef most = LLVMBuildPhi(b, llvm->integer, "most");
    LLVMValueRef at = LLVMBuildInBoundsGEP2(b, llvm->integer, LLVMGetParam(function, 0), &k, 1, "");
    LLVMValueRef rows = LLVMBuildLoad2(b, llvm->integer, at, "");
    LLVMValueRef larger = LLVMBuildICmp(b, LLVMIntUGT, rows, most, "");
    LLVMValueRef now = LLVMBuildSelect(b, larger, rows, most, "");
    LLVMValueRef next = LLVMBuildAdd(b, k, llvm_int(llvm, 1), "");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntULT, next, count, ""), loop, done);
    LLVMBasicBlockRef from[] = {entry, loop};
    LLVMValueRef counters[] = {zero, next};
    LLVMValueRef largest[] = {llvm_int(llvm, 1), now};
    LLVMAddIncoming(k, counters, from, 2);
    LLVMAddIncoming(most, largest, from, 2);
    LLVMPositionBuilderAtEnd(b, done);
    LLVMValueRef result = LLVMBuildPhi(b, llvm->integer, "");
    LLVMAddIncoming(result, largest, from, 2);
    LLVMBuildRet(b, result);
    LLVMDisposeBuilder(b);
    return function;
}
