/* llvm.c: loop programs as LLVM functions. Decides nothing: one
 * statement, a few instructions. Scalars that never change are values, accumulators are stack slots
 * that mem2reg turns into phis; loops are rotated (a guard, then the test at the end), indices are
 * i64 without overflow, every pointer argument is noalias: loop programs have no aliases by
 * construction. */
#include "emit/llvm_private.h"

#include <string.h>

/* ---- types, constants, attributes ------------------------------------------------------------ */

LLVMValueRef llvm_int(const Llvm *llvm, int64_t value) {
    return LLVMConstInt(llvm->integer, (unsigned long long)value, true);
}

LLVMTypeRef llvm_kind(const Llvm *llvm, Kind kind) {
    switch (kind) {
    case KIND_REAL:
        return llvm->real;
    case KIND_INT:
        return llvm->integer;
    case KIND_BOOL:
        return llvm->boolean;
    }
    ice("emit", "a value of no kind");
}

/* Truth values in memory are i64: one size of entry for all buffers. */
static LLVMTypeRef memory_type(const Llvm *llvm, Kind kind) {
    return kind == KIND_REAL ? llvm->real : llvm->integer;
}

LLVMTypeRef llvm_ctype(const Llvm *llvm, CType type) {
    switch (type) {
    case C_REAL:
        return llvm->real;
    case C_INT64:
    case C_SIZE:
    case C_UINT64:
        return llvm->integer;
    case C_CONST_REAL_PTR:
    case C_REAL_PTR:
    case C_CONST_INT64_PTR:
    case C_CONST_SIZE_PTR:
        return llvm->pointer;
    }
    ice("emit", "an argument of no type");
}

static bool may_have_flags(LLVMValueRef value) {
    return LLVMIsAInstruction(value) && LLVMCanValueUseFastMathFlags(value);
}

LLVMValueRef llvm_fp(const Llvm *llvm, LLVMValueRef value) {
    if (!llvm->options.strict && may_have_flags(value)) {
        LLVMSetFastMathFlags(value, LLVMFastMathAllowContract);
    }
    return value;
}

void llvm_add_attribute(const Llvm *llvm, LLVMValueRef function, LLVMAttributeIndex at,
                        const char *name, uint64_t value) {
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    if (kind == 0) {
        ice("emit", "LLVM has no attribute %s", name);
    }
    LLVMAddAttributeAtIndex(function, at, LLVMCreateEnumAttribute(llvm->context, kind, value));
}

void llvm_add_text_attribute(const Llvm *llvm, LLVMValueRef function, const char *name,
                             const char *value) {
    LLVMAttributeRef attribute = LLVMCreateStringAttribute(
        llvm->context, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, attribute);
}

/* ---- expressions ----------------------------------------------------------------------------- */

static LLVMValueRef build_expr(LlvmFunction *function, const LoopExpr *expr);

static LLVMValueRef entry_address(LlvmFunction *function, BufferId id, const LoopExpr *index) {
    Llvm *llvm = function->llvm;
    const LoopBuffer *buffer = &function->program->buffers[id];
    LLVMValueRef position = build_expr(function, index);
    return LLVMBuildInBoundsGEP2(llvm->builder, memory_type(llvm, buffer->kind),
                                 function->buffers[id], &position, 1, "");
}

static LLVMValueRef build_load(LlvmFunction *function, const LoopExpr *expr) {
    Llvm *llvm = function->llvm;
    const LoopBuffer *buffer = &function->program->buffers[expr->as.buffer];
    LLVMValueRef address = entry_address(function, expr->as.buffer, expr->args[0]);
    LLVMValueRef value =
        LLVMBuildLoad2(llvm->builder, memory_type(llvm, buffer->kind), address, buffer->name);
    llvm_mark_access(function, value, expr->as.buffer);
    if (buffer->kind == KIND_BOOL) {
        value = LLVMBuildICmp(llvm->builder, LLVMIntNE, value, llvm_int(llvm, 0), "");
    }
    return value;
}

/* A contribution that is 0 where a condition does not hold, or always. */
static bool may_be_absent(const LoopExpr *x) {
    const LoopExpr *zero = x->kind == LX_SELECT ? x->args[2] : x;
    return zero->kind == LX_REAL && zero->as.real == 0;
}

/* In a sum with such a one the sign of a zero does not count: where the condition is known, the
 * addition goes. */
static void ignore_sign_of_zero(const Llvm *llvm, const LoopExpr *expr, LLVMValueRef sum) {
    if (expr->as.builtin == BI_add && expr->type == KIND_REAL && !llvm->options.strict &&
        (may_be_absent(expr->args[0]) || may_be_absent(expr->args[1])) && may_have_flags(sum)) {
        LLVMSetFastMathFlags(sum, LLVMFastMathAllowContract | LLVMFastMathNoSignedZeros);
    }
}

static LLVMValueRef build_call(LlvmFunction *function, const LoopExpr *expr) {
    LLVMValueRef args[BUILTIN_ARITY] = {NULL, NULL, NULL};
    for (unsigned k = 0; k < expr->count; k++) {
        args[k] = build_expr(function, expr->args[k]);
    }
    if (function->said && llvm_is_narrow(function, expr)) {
        return llvm_elementary(function->llvm, expr->as.builtin, args[0], true);
    }
    LLVMValueRef value = llvm_builtin(function->llvm, expr->as.builtin, expr->type,
                                      expr->args[0]->type, args, expr->count);
    ignore_sign_of_zero(function->llvm, expr, value);
    return value;
}

/* Between reals and double; nothing where they are the same. */
static LLVMValueRef to_wide(const Llvm *llvm, LLVMValueRef value) {
    return LLVMBuildFPCast(llvm->builder, value, llvm->wide_real, "");
}

static LLVMValueRef to_real(const Llvm *llvm, LLVMValueRef value) {
    return LLVMBuildFPCast(llvm->builder, value, llvm->real, "");
}

/* A call of a C function of doubles that has no side effects. */
static LLVMValueRef build_extern(LlvmFunction *function, const LoopExpr *expr) {
    Llvm *llvm = function->llvm;
    LLVMValueRef args[EXTERN_ARITY];
    LLVMTypeRef types[EXTERN_ARITY];
    const char *name = expr->as.external->name;
    for (unsigned k = 0; k < expr->count; k++) {
        args[k] = to_wide(llvm, build_expr(function, expr->args[k]));
        types[k] = llvm->wide_real;
    }
    LLVMTypeRef type = LLVMFunctionType(llvm->wide_real, types, expr->count, false);
    LLVMValueRef callee = LLVMGetNamedFunction(llvm->module, name);
    if (!callee) {
        static const char *const attributes[] = {"nounwind", "willreturn"};
        callee = LLVMAddFunction(llvm->module, name, type);
        for (size_t k = 0; k < sizeof attributes / sizeof *attributes; k++) {
            unsigned kind = LLVMGetEnumAttributeKindForName(attributes[k], strlen(attributes[k]));
            LLVMAddAttributeAtIndex(callee, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                    LLVMCreateEnumAttribute(llvm->context, kind, 0));
        }
    }
    LLVMValueRef made = LLVMBuildCall2(llvm->builder, type, callee, args, expr->count, "");
    return to_real(llvm, made);
}

static LLVMValueRef build_convert(LlvmFunction *function, const LoopExpr *expr) {
    Llvm *llvm = function->llvm;
    LLVMValueRef value = build_expr(function, expr->args[0]);
    return expr->args[0]->type == KIND_BOOL ? LLVMBuildUIToFP(llvm->builder, value, llvm->real, "")
                                            : LLVMBuildSIToFP(llvm->builder, value, llvm->real, "");
}

static LLVMValueRef build_select(LlvmFunction *function, const LoopExpr *expr) {
    LLVMValueRef condition = build_expr(function, expr->args[0]);
    LLVMValueRef yes = build_expr(function, expr->args[1]);
    LLVMValueRef no = build_expr(function, expr->args[2]);
    return LLVMBuildSelect(function->llvm->builder, condition, yes, no, "");
}

static LLVMValueRef build_most(LlvmFunction *function, const LoopExpr *expr) {
    Llvm *llvm = function->llvm;
    LLVMValueRef called = llvm_most_rows(llvm);
    LLVMValueRef args[] = {function->args[expr->as.arg], build_expr(function, expr->args[0])};
    return LLVMBuildCall2(llvm->builder, LLVMGlobalGetValueType(called), called, args, 2, "");
}

/* A variable as it is kept: a wide one as a double. */
static LLVMTypeRef variable_type(const LlvmFunction *function, VarId id) {
    const LoopVarInfo *info = &function->program->vars[id];
    return info->wide ? function->llvm->wide_real : llvm_kind(function->llvm, info->kind);
}

/* Where a variable lies that pieces hand on. */
static LLVMValueRef frame_address(LlvmFunction *function, VarId id) {
    Llvm *llvm = function->llvm;
    LLVMValueRef place = llvm_int(llvm, function->pieces->place[id]);
    return LLVMBuildInBoundsGEP2(llvm->builder, llvm->integer, function->frame, &place, 1, "");
}

static bool crosses(const LlvmFunction *function, VarId id) {
    return function->pieces && function->pieces->crosses[id];
}

/* The variable has this value from here on, in this function and in its pieces. */
static void define(LlvmFunction *function, VarId id, LLVMValueRef value) {
    function->vars[id] = value;
    function->is_slot[id] = false;
    if (function->pieces) {
        function->pieces->owner[id] = function->piece;
    }
    if (crosses(function, id)) {
        LLVMBuildStore(function->llvm->builder, value, frame_address(function, id));
    }
}

static LLVMValueRef build_variable(LlvmFunction *function, VarId id) {
    if (!function->vars[id]) {
        ice("emit", "%s reads `%s` before it has a value", function->program->name,
            function->program->vars[id].name);
    }
    const bool slot = function->is_slot[id];
    const bool ours = !function->pieces || function->pieces->owner[id] == function->piece;
    if (!slot && ours) {
        return function->vars[id];
    }
    const LoopVarInfo *info = &function->program->vars[id];
    LLVMValueRef address = crosses(function, id) ? frame_address(function, id) : function->vars[id];
    return LLVMBuildLoad2(function->llvm->builder, variable_type(function, id), address,
                          info->name);
}

static LLVMValueRef build_expr(LlvmFunction *function, const LoopExpr *expr) {
    Llvm *llvm = function->llvm;
    LLVMValueRef value;
    switch (expr->kind) {
    case LX_REAL:
        return LLVMConstReal(llvm->real, expr->as.real);
    case LX_INT:
        return llvm_int(llvm, expr->as.integer);
    case LX_BOOL:
        return LLVMConstInt(llvm->boolean, expr->as.integer != 0, false);
    case LX_VAR:
        value = build_variable(function, expr->as.var);
        return expr->type == KIND_REAL ? to_real(llvm, value) : value;
    case LX_ARG:
        return function->args[expr->as.arg];
    case LX_ARG_SET:
        return LLVMBuildICmp(llvm->builder, LLVMIntNE, function->args[expr->as.arg],
                             LLVMConstNull(llvm->pointer), "");
    case LX_MOST:
        return build_most(function, expr);
    case LX_LOAD:
        return build_load(function, expr);
    case LX_CALL:
        return build_call(function, expr);
    case LX_EXTERN:
        return build_extern(function, expr);
    case LX_CONVERT:
        return build_convert(function, expr);
    case LX_SELECT:
        return build_select(function, expr);
    }
    ice("emit", "an expression of no kind");
}

/* ---- loops ----------------------------------------------------------------------------------- */

static LLVMBasicBlockRef new_block(LlvmFunction *function, const char *name) {
    return LLVMAppendBasicBlockInContext(function->llvm->context, function->function, name);
}

static void build_statements(LlvmFunction *function, const LoopStmt *statement);

/* if (low < high) do { … } while (…): counts up from low, or down from high − 1. */
static void build_for(LlvmFunction *function, const LoopStmt *statement) {
    Llvm *llvm = function->llvm;
    LLVMBuilderRef builder = llvm->builder;
    const char *name = function->program->vars[statement->var].name;
    LLVMValueRef low = build_expr(function, statement->low);
    LLVMValueRef high = build_expr(function, statement->high);
    LLVMValueRef start =
        statement->down ? LLVMBuildNSWSub(builder, high, llvm_int(llvm, 1), "") : low;
    LLVMBasicBlockRef before = new_block(function, "before");
    LLVMBasicBlockRef loop = new_block(function, "loop");
    LLVMBasicBlockRef after = new_block(function, "after");
    LLVMValueRef any = LLVMBuildICmp(builder, LLVMIntSLT, low, high, "any");
    LLVMBuildCondBr(builder, any, before, after);
    LLVMPositionBuilderAtEnd(builder, before);
    LLVMBuildBr(builder, loop);
    LLVMPositionBuilderAtEnd(builder, loop);
    LLVMBasicBlockRef outer = function->leave;
    function->leave = after;
    LLVMValueRef counter = LLVMBuildPhi(builder, llvm->integer, name);
    define(function, statement->var, counter);
    llvm->inlines = llvm_may_be_vectors(statement);
    const bool parallel = function->parallel; /* of a loop around it, which is made a vector */
    function->parallel = parallel || llvm_is_parallel(llvm, statement);
    build_statements(function, statement->body);
    llvm->inlines = false;
    function->parallel = parallel;
    function->leave = outer;
    debug_place(llvm, function->scope, statement->span);
    LLVMValueRef next =
        LLVMBuildNSWAdd(builder, counter, llvm_int(llvm, statement->down ? -1 : 1), "next");
    LLVMValueRef more = statement->down ? LLVMBuildICmp(builder, LLVMIntSGT, counter, low, "more")
                                        : LLVMBuildICmp(builder, LLVMIntSLT, next, high, "more");
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(builder);
    LLVMValueRef branch = LLVMBuildCondBr(builder, more, loop, after);
    llvm_mark_loop(llvm, branch, statement, outer != NULL || function->in_loop);
    LLVMValueRef values[] = {start, next};
    LLVMBasicBlockRef blocks[] = {before, latch};
    LLVMAddIncoming(counter, values, blocks, 2);
    LLVMPositionBuilderAtEnd(builder, after);
}

static void build_if(LlvmFunction *function, const LoopStmt *statement) {
    LLVMBuilderRef builder = function->llvm->builder;
    LLVMValueRef condition = build_expr(function, statement->condition);
    LLVMBasicBlockRef then = new_block(function, "then");
    LLVMBasicBlockRef after = new_block(function, "after");
    LLVMBuildCondBr(builder, condition, then, after);
    LLVMPositionBuilderAtEnd(builder, then);
    build_statements(function, statement->body);
    LLVMBuildBr(builder, after);
    LLVMPositionBuilderAtEnd(builder, after);
}

/* ---- statements ------------------------------------------------------------------------------ */

/* A slot in the entry block, where mem2reg finds it. */
static LLVMValueRef new_slot(LlvmFunction *function, VarId id) {
    Llvm *llvm = function->llvm;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(llvm->builder);
    LLVMValueRef first = LLVMGetFirstInstruction(function->entry);
    if (first) {
        LLVMPositionBuilderBefore(llvm->builder, first);
    } else {
        LLVMPositionBuilderAtEnd(llvm->builder, function->entry);
    }
    const LoopVarInfo *info = &function->program->vars[id];
    LLVMValueRef slot = LLVMBuildAlloca(llvm->builder, variable_type(function, id), info->name);
    LLVMPositionBuilderAtEnd(llvm->builder, here);
    return slot;
}

/* a + b of one kind; the sum of an accumulator whose order is free may be regrouped. */
static LLVMValueRef build_sum(Llvm *llvm, Kind kind, LLVMValueRef a, LLVMValueRef b,
                              bool reassociate) {
    if (kind != KIND_REAL) {
        return LLVMBuildNSWAdd(llvm->builder, a, b, "");
    }
    LLVMValueRef sum = llvm_fp(llvm, LLVMBuildFAdd(llvm->builder, a, b, "sum"));
    if (reassociate && !llvm->options.strict && may_have_flags(sum)) {
        LLVMSetFastMathFlags(sum, LLVMFastMathAllowContract | LLVMFastMathAllowReassoc |
                                      LLVMFastMathNoSignedZeros);
    }
    return sum;
}

/* The value of the statement as its variable keeps it. */
static LLVMValueRef build_kept(LlvmFunction *function, const LoopStmt *statement) {
    LLVMValueRef value = build_expr(function, statement->value);
    const bool wide = function->program->vars[statement->var].wide;
    return wide ? to_wide(function->llvm, value) : value;
}

static void build_update(LlvmFunction *function, const LoopStmt *statement) {
    Llvm *llvm = function->llvm;
    Kind kind = function->program->vars[statement->var].kind;
    LLVMValueRef value = build_kept(function, statement);
    LLVMValueRef slot = function->vars[statement->var];
    if (!slot || !function->is_slot[statement->var]) {
        ice("emit", "%s changes `%s`, which is not declared", function->program->name,
            function->program->vars[statement->var].name);
    }
    if (statement->kind != LS_ASSIGN) {
        LLVMValueRef old = build_variable(function, statement->var);
        if (statement->kind == LS_ADD) {
            value = build_sum(llvm, kind, old, value, statement->reassociate);
        } else if (kind == KIND_REAL) {
            value = llvm_maximum(llvm, old, value);
        } else {
            LLVMValueRef args[] = {old, value};
            value = llvm_builtin(llvm, BI_maximum, kind, kind, args, 2);
        }
    }
    LLVMBuildStore(llvm->builder, value,
                   crosses(function, statement->var) ? frame_address(function, statement->var)
                                                     : slot);
}

static void build_store(LlvmFunction *function, const LoopStmt *statement) {
    Llvm *llvm = function->llvm;
    const LoopBuffer *buffer = &function->program->buffers[statement->buffer];
    LLVMValueRef value = build_expr(function, statement->value);
    LLVMValueRef address = entry_address(function, statement->buffer, statement->index);
    if (statement->kind == LS_STORE_ADD) {
        LLVMValueRef old =
            LLVMBuildLoad2(llvm->builder, memory_type(llvm, buffer->kind), address, buffer->name);
        llvm_mark_access(function, old, statement->buffer);
        value = build_sum(llvm, buffer->kind, old, value, statement->reassociate);
    } else if (buffer->kind == KIND_BOOL) {
        value = LLVMBuildZExt(llvm->builder, value, llvm->integer, "");
    }
    llvm_mark_access(function, LLVMBuildStore(llvm->builder, value, address), statement->buffer);
}

static void build_library(LlvmFunction *function, const LoopStmt *statement) {
    LLVMValueRef n = build_expr(function, statement->value);
    LLVMValueRef matrix = entry_address(function, statement->buffer, statement->index);
    LLVMValueRef factor = NULL;
    LLVMValueRef columns = NULL;
    if (statement->low) {
        factor = entry_address(function, statement->factor, statement->low);
        columns = build_expr(function, statement->high);
    }
    llvm_library(function->llvm, statement->lib, statement->span, matrix, factor, n, columns);
}

static void build_product(LlvmFunction *function, const LoopStmt *statement) {
    const LoopProduct *product = statement->product;
    LLVMValueRef parts[PRODUCT_PARTS];
    for (size_t k = 0; k < PRODUCT_PARTS; k++) {
        parts[k] = build_expr(function, product->parts[k]);
    }
    LLVMValueRef c = entry_address(function, statement->buffer, statement->index);
    LLVMValueRef a = entry_address(function, product->a, product->parts[PRODUCT_A_AT]);
    LLVMValueRef b = entry_address(function, product->b, product->parts[PRODUCT_B_AT]);
    llvm_product(function->llvm, c, a, b, parts);
}

/* A trainer's kernel returns the sum of its objective as it was collected. */
static void build_return(LlvmFunction *function, const LoopExpr *expr) {
    const LoopProgram *program = function->program;
    const bool sum = program->trainer && expr->kind == LX_VAR && program->vars[expr->as.var].wide;
    LLVMValueRef value = sum ? build_variable(function, expr->as.var) : build_expr(function, expr);
    LLVMBuildRet(function->llvm->builder,
                 program->trainer ? to_wide(function->llvm, value) : value);
}

/* For reading, and to stay in all caches. */
static void build_prefetch(LlvmFunction *function, const LoopStmt *statement) {
    Llvm *llvm = function->llvm;
    LLVMTypeRef type = LLVMInt32TypeInContext(llvm->context);
    LLVMValueRef address = entry_address(function, statement->buffer, statement->index);
    LLVMValueRef args[] = {address, LLVMConstInt(type, 0, false), LLVMConstInt(type, 3, false),
                           LLVMConstInt(type, 1, false)};
    llvm_intrinsic(llvm, llvm->builder, "llvm.prefetch", args, sizeof args / sizeof *args);
}

static void build_statement(LlvmFunction *function, const LoopStmt *statement) {
    Llvm *llvm = function->llvm;
    VarId var = statement->var;
    debug_place(llvm, function->scope, statement->span);
    switch (statement->kind) {
    case LS_FOR:
        build_for(function, statement);
        return;
    case LS_LET:
        define(function, var, build_expr(function, statement->value));
        debug_variable(function, statement, function->vars[var]);
        return;
    case LS_DECLARE: {
        LLVMValueRef start = build_kept(function, statement);
        if (crosses(function, var)) {
            function->vars[var] = frame_address(function, var);
            function->is_slot[var] = true;
        } else if (!function->vars[var] || !function->is_slot[var]) {
            function->vars[var] = new_slot(function, var);
            function->is_slot[var] = true;
        }
        LLVMBuildStore(llvm->builder, start, function->vars[var]);
        return;
    }
    case LS_ADD:
    case LS_MAX:
    case LS_ASSIGN:
        build_update(function, statement);
        return;
    case LS_STORE:
    case LS_STORE_ADD:
        build_store(function, statement);
        return;
    case LS_PREFETCH:
        build_prefetch(function, statement);
        return;
    case LS_ZERO: {
        LLVMValueRef count = build_expr(function, statement->value);
        const Kind kind = function->program->buffers[statement->buffer].kind;
        const int size = loop_bytes(function->program, kind);
        LLVMValueRef bytes = LLVMBuildNSWMul(llvm->builder, count, llvm_int(llvm, size), "");
        LLVMBuildMemSet(llvm->builder, function->buffers[statement->buffer],
                        LLVMConstNull(llvm->byte), bytes, (unsigned)size);
        return;
    }
    case LS_PRODUCT:
        build_product(function, statement);
        return;
    case LS_LIB:
        build_library(function, statement);
        return;
    case LS_IF:
        build_if(function, statement);
        return;
    case LS_LEAVE: /* what follows in its block is never reached */
        LLVMBuildBr(function->llvm->builder, function->leave);
        LLVMPositionBuilderAtEnd(function->llvm->builder, new_block(function, "left"));
        break;
    case LS_RETURN:
        build_return(function, statement->value);
        return;
    case LS_COMMENT:
        return;
    }
}

static const Cut *cut_here(const LlvmFunction *function, const LoopStmt *statement) {
    const Pieces *pieces = function->pieces;
    const bool cut = pieces && function->piece == 0 && pieces->next < pieces->count &&
                     pieces->list[pieces->next].first == statement;
    return cut ? &pieces->list[pieces->next] : NULL;
}

static void build_piece(LlvmFunction *function, const Cut *cut);

static void build_statements_to(LlvmFunction *function, const LoopStmt *statement,
                                const LoopStmt *end) {
    while (statement != end) {
        const Cut *cut = cut_here(function, statement);
        if (cut) {
            build_piece(function, cut);
        } else {
            build_statement(function, statement);
        }
        statement = cut ? cut->end : statement->next;
    }
}

static void build_statements(LlvmFunction *function, const LoopStmt *statement) {
    build_statements_to(function, statement, NULL);
}

/* ---- functions ------------------------------------------------------------------------------- */

static void describe_arguments(Llvm *llvm, LLVMValueRef function, const LoopProgram *program) {
    for (unsigned k = 0; k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        LLVMValueRef value = LLVMGetParam(function, k);
        LLVMSetValueName2(value, arg->name, strlen(arg->name));
        LLVMAttributeIndex at = k + 1;
        llvm_add_attribute(llvm, function, at, "noundef", 0);
        if (LLVMTypeOf(value) != llvm->pointer) {
            continue;
        }
        llvm_add_attribute(llvm, function, at, "noalias", 0);
        llvm_add_attribute(llvm, function, at, "nocapture", 0);
        if (arg->type != C_REAL_PTR) {
            llvm_add_attribute(llvm, function, at, "readonly", 0);
        }
    }
}

static LLVMValueRef declare(Llvm *llvm, const char *name, LLVMTypeRef result, const LoopArg *args,
                            size_t count) {
    LLVMTypeRef *formals = arena_array(llvm->arena, LLVMTypeRef, count + 1);
    for (size_t k = 0; k < count; k++) {
        formals[k] = llvm_ctype(llvm, args[k].type);
    }
    LLVMTypeRef signature = LLVMFunctionType(result, formals, (unsigned)count, false);
    LLVMValueRef function = LLVMAddFunction(llvm->module, name, signature);
    static const char *const attributes[] = {"nounwind", "willreturn", "mustprogress", "nofree",
                                             "norecurse"};
    for (size_t k = 0; k < sizeof attributes / sizeof attributes[0]; k++) {
        llvm_add_attribute(llvm, function, LLVMAttributeFunctionIndex, attributes[k], 0);
    }
    return function;
}

/* Where entry 0 of the buffer is; of one on the stack: that it gets there. */
static LLVMValueRef build_buffer(LlvmFunction *function, const LoopBuffer *buffer) {
    Llvm *llvm = function->llvm;
    LLVMTypeRef type = memory_type(llvm, buffer->kind);
    if (buffer->place == BUFFER_LOCAL) {
        LLVMTypeRef array = LLVMArrayType2(type, (uint64_t)buffer->size);
        LLVMValueRef local = LLVMBuildAlloca(llvm->builder, array, buffer->name);
        LLVMSetAlignment(local, 64);
        return local;
    }
    if (buffer->offset) {
        LLVMValueRef offset = build_expr(function, buffer->offset);
        return LLVMBuildInBoundsGEP2(llvm->builder, type, function->args[buffer->arg], &offset, 1,
                                     buffer->name);
    }
    return function->args[buffer->arg];
}

static void build_buffers(LlvmFunction *function) {
    for (size_t b = 0; b < function->program->buffer_count; b++) {
        function->buffers[b] = build_buffer(function, &function->program->buffers[b]);
    }
}

static bool makes_products(const LoopStmt *statement) {
    for (; statement; statement = statement->next) {
        if (statement->kind == LS_PRODUCT || makes_products(statement->body)) {
            return true;
        }
    }
    return false;
}

/* Loops over a layer are long enough for the widest vectors, elementary functions bound by them;
 * rows of few features are not. */
static const char *vector_width(const LoopProgram *program) {
    return makes_products(program->body) || llvm_calls_elementary(program->body) ? "512" : "256";
}

/* The function of a piece: its arguments are those of the whole, the frame, and the buffers on the
 * stack that it uses. */
static LLVMValueRef declare_piece(LlvmFunction *whole, const Cut *cut, LLVMValueRef *given) {
    Llvm *llvm = whole->llvm;
    const LoopProgram *program = whole->program;
    const size_t count = program->arg_count;
    LoopArg *args = arena_array(llvm->arena, LoopArg, count + 1 + cut->buffer_count);
    size_t n = count;
    for (size_t k = 0; k < count; k++) {
        args[k] = program->args[k];
        given[k] = whole->args[k];
    }
    args[n] = (LoopArg){.type = C_REAL_PTR, .name = "frame"};
    given[n++] = whole->frame;
    for (size_t k = 0; k < cut->buffer_count; k++) {
        const LoopBuffer *buffer = &program->buffers[cut->buffers[k]];
        if (buffer->place == BUFFER_LOCAL) {
            args[n] = (LoopArg){.type = C_REAL_PTR, .name = buffer->name};
            given[n++] = whole->buffers[cut->buffers[k]];
        }
    }
    const char *name = arena_format(llvm->arena, "%s.piece%zu", program->name, whole->pieces->next);
    LLVMValueRef value = declare(llvm, name, llvm->nothing, args, n);
    const LoopProgram piece = {.name = name, .args = args, .arg_count = n};
    describe_arguments(llvm, value, &piece);
    LLVMSetLinkage(value, LLVMInternalLinkage);
    llvm_add_text_attribute(llvm, value, "prefer-vector-width", whole->width);
    return value;
}

/* A call where the statements stood, and the function that it calls. */
static void build_piece(LlvmFunction *whole, const Cut *cut) {
    Llvm *llvm = whole->llvm;
    const LoopProgram *program = whole->program;
    const size_t count = program->arg_count;
    whole->pieces->next++;
    LLVMValueRef *given = arena_array(llvm->arena, LLVMValueRef, count + 1 + cut->buffer_count);
    LlvmFunction piece = *whole;
    piece.function = declare_piece(whole, cut, given);
    LLVMBuildCall2(llvm->builder, LLVMGlobalGetValueType(piece.function), piece.function, given,
                   LLVMCountParams(piece.function), "");
    LLVMBasicBlockRef here = LLVMGetInsertBlock(llvm->builder);
    LLVMMetadataRef place = LLVMGetCurrentDebugLocation2(llvm->builder);
    const bool inlines = llvm->inlines;
    llvm->inlines = false;
    piece.piece = (uint32_t)whole->pieces->next;
    piece.in_loop = whole->leave != NULL;
    piece.leave = NULL;
    piece.args = given; /* they are the arguments of the call, which is made */
    for (size_t k = 0; k < count; k++) {
        piece.args[k] = LLVMGetParam(piece.function, (unsigned)k);
    }
    piece.frame = LLVMGetParam(piece.function, (unsigned)count);
    piece.buffers = whole->pieces->buffers;
    piece.scope = debug_function(llvm, piece.function, program);
    piece.entry = new_block(&piece, "entry");
    LLVMPositionBuilderAtEnd(llvm->builder, piece.entry);
    debug_place(llvm, piece.scope, (Span){0});
    unsigned local = (unsigned)count + 1;
    for (size_t k = 0; k < cut->buffer_count; k++) {
        const LoopBuffer *buffer = &program->buffers[cut->buffers[k]];
        piece.buffers[cut->buffers[k]] = buffer->place == BUFFER_LOCAL
                                             ? LLVMGetParam(piece.function, local++)
                                             : build_buffer(&piece, buffer);
    }
    build_statements_to(&piece, cut->first, cut->end);
    LLVMBuildRetVoid(llvm->builder);
    llvm->inlines = inlines;
    LLVMPositionBuilderAtEnd(llvm->builder, here);
    LLVMSetCurrentDebugLocation2(llvm->builder, place);
}

LLVMValueRef llvm_function(Llvm *llvm, const LoopProgram *program) {
    LLVMTypeRef value_type = program->trainer ? llvm->wide_real : llvm->real;
    LLVMTypeRef result = program->returns ? value_type : llvm->nothing;
    LLVMValueRef value = declare(llvm, program->name, result, program->args, program->arg_count);
    describe_arguments(llvm, value, program);
    llvm->wide = !makes_products(program->body) && llvm_calls_elementary(program->body);
    LlvmFunction function = {.llvm = llvm, .program = program, .function = value};
    function.width = vector_width(program);
    llvm_add_text_attribute(llvm, value, "prefer-vector-width", function.width);
    function.args = arena_array(llvm->arena, LLVMValueRef, program->arg_count + 1);
    function.vars = arena_array(llvm->arena, LLVMValueRef, program->var_count + 1);
    function.is_slot = arena_array(llvm->arena, bool, program->var_count + 1);
    function.said = arena_array(llvm->arena, const LoopExpr *, program->var_count + 1);
    function.buffers = arena_array(llvm->arena, LLVMValueRef, program->buffer_count + 1);
    for (unsigned k = 0; k < program->arg_count; k++) {
        function.args[k] = LLVMGetParam(value, k);
    }
    function.scope = debug_function(llvm, value, program);
    function.entry = new_block(&function, "entry");
    LLVMPositionBuilderAtEnd(llvm->builder, function.entry);
    debug_place(llvm, function.scope, (Span){0});
    build_buffers(&function);
    llvm_scopes(&function);
    function.pieces = llvm_pieces(llvm, program);
    if (function.pieces) {
        LLVMTypeRef frame = LLVMArrayType2(llvm->integer, function.pieces->frame_size + 1);
        function.frame = LLVMBuildAlloca(llvm->builder, frame, "frame");
        LLVMSetAlignment(function.frame, 64);
    }
    build_statements(&function, program->body);
    if (!LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(llvm->builder))) {
        LLVMBuildRetVoid(llvm->builder);
    }
    LLVMSetCurrentDebugLocation2(llvm->builder, NULL);
    return value;
}

void llvm_size_function(Llvm *llvm, const SizeFunction *size) {
    LlvmFunction function = {.llvm = llvm};
    function.function = declare(llvm, size->name, llvm->integer, size->args, size->arg_count);
    function.args = arena_array(llvm->arena, LLVMValueRef, size->arg_count + 1);
    for (unsigned k = 0; k < size->arg_count; k++) {
        function.args[k] = LLVMGetParam(function.function, k);
    }
    LLVMPositionBuilderAtEnd(llvm->builder, new_block(&function, "entry"));
    LLVMBuildRet(llvm->builder, build_expr(&function, size->value));
}
