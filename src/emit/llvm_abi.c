/* llvm_abi.c: what the trainer's runtime sees of a model (runtime/abi.h): for each kernel a
 * function of type GradcKernel that unpacks dims, columns, … into the arguments of the kernel's
 * loop program; gradc_model, gradc_kernels, and main. */
#include "emit/llvm_private.h"

#include <string.h>

/* The formals of GradcKernel, in order. */
typedef enum {
    KERNEL_DIMS,
    KERNEL_CONSTS,
    KERNEL_PARAMS,
    KERNEL_COLUMNS,
    KERNEL_ORDER,
    KERNEL_ROWS,
    KERNEL_RATE,
    KERNEL_SEED,
    KERNEL_OUT,
    KERNEL_WORK,
    KERNEL_FORMALS,
} KernelFormal;

static const char *const formal_names[KERNEL_FORMALS] = {
    "dims", "consts", "params", "columns", "order", "rows", "rate", "seed", "out", "work",
};

/* ---- places in the tables of the description ------------------------------------------------- */

/* The number of lines "WORD …" of the description. */
static size_t count_lines(const char *description, const char *word) {
    size_t length = strlen(word);
    size_t count = 0;
    for (const char *line = description; *line;) {
        count += strncmp(line, word, length) == 0 && line[length] == ' ';
        const char *end = strchr(line, '\n');
        line = end ? end + 1 : line + strlen(line);
    }
    return count;
}

/* The number of the line "WORD NAME …" among the lines of that word; `otherwise` when there is
 * none. */
static int64_t find_line(const char *description, const char *word, const char *name,
                         int64_t otherwise) {
    size_t length = strlen(word);
    size_t name_length = strlen(name);
    int64_t number = 0;
    for (const char *line = description; *line;) {
        if (strncmp(line, word, length) == 0 && line[length] == ' ') {
            const char *found = line + length + 1;
            if (strncmp(found, name, name_length) == 0 && strchr(" \n", found[name_length])) {
                return number;
            }
            number++;
        }
        const char *end = strchr(line, '\n');
        line = end ? end + 1 : line + strlen(line);
    }
    return otherwise;
}

/* The order of a leaf among those of its role. */
static int64_t role_order(const Ir *ir, uint32_t leaf) {
    int64_t order = 0;
    for (uint32_t k = 0; k < leaf; k++) {
        order += ir->leaves[k].role == ir->leaves[leaf].role;
    }
    return order;
}

static int64_t dim_slot(const char *description, const LoopProgram *program, const LoopArg *arg) {
    Name name = NULL;
    if (!program->ir ||
        !dim_is_symbol(program->ir, dim_symbol_at(program->ir, arg->which), &name)) {
        return arg->which;
    }
    return find_line(description, "dim", name, arg->which);
}

/* Columns first, then whole arrays of data. */
static int64_t column_slot(const char *description, const LoopProgram *program,
                           const LoopArg *arg) {
    if (!program->ir) {
        return arg->which;
    }
    int64_t order = role_order(program->ir, arg->which);
    if (arg->role == ARG_DATA) {
        return (int64_t)count_lines(description, "column") + order;
    }
    return find_line(description, "column", program->ir->leaves[arg->which].name, order);
}

/* ---- one kernel ------------------------------------------------------------------------------ */

static LLVMValueRef table_entry(Llvm *llvm, LLVMValueRef table, LLVMTypeRef type, int64_t slot,
                                const char *name) {
    LLVMValueRef index = llvm_int(llvm, slot);
    LLVMValueRef address = LLVMBuildInBoundsGEP2(llvm->builder, type, table, &index, 1, "");
    return LLVMBuildLoad2(llvm->builder, type, address, name);
}

static LLVMValueRef unpack(Llvm *llvm, LLVMValueRef wrapper, const LoopProgram *program,
                           const LoopArg *arg) {
    const char *description = llvm->unit->description;
    switch (arg->role) {
    case ARG_DIM:
        return table_entry(llvm, LLVMGetParam(wrapper, KERNEL_DIMS), llvm->integer,
                           dim_slot(description, program, arg), arg->name);
    case ARG_DATA:
    case ARG_COLUMN:
        return table_entry(llvm, LLVMGetParam(wrapper, KERNEL_COLUMNS), llvm->pointer,
                           column_slot(description, program, arg), arg->name);
    case ARG_PARAMS:
        return LLVMGetParam(wrapper, KERNEL_PARAMS);
    case ARG_CONSTS:
        return LLVMGetParam(wrapper, KERNEL_CONSTS);
    case ARG_ROWS:
        return LLVMGetParam(wrapper, KERNEL_ROWS);
    case ARG_ORDER:
        return LLVMGetParam(wrapper, KERNEL_ORDER);
    case ARG_SEED:
        return LLVMGetParam(wrapper, KERNEL_SEED);
    case ARG_RATE:
        return LLVMGetParam(wrapper, KERNEL_RATE);
    case ARG_GRADIENT:
    case ARG_OUTPUT:
        return LLVMGetParam(wrapper, KERNEL_OUT);
    case ARG_WORK:
        return LLVMGetParam(wrapper, KERNEL_WORK);
    case ARG_SCALAR:
    case ARG_ARRAY:
    case ARG_TANGENT:
        break;
    }
    ice("emit", "kernel %s has an argument `%s` that no trainer gives", program->name, arg->name);
}

static LLVMTypeRef kernel_type(Llvm *llvm) {
    LLVMTypeRef formals[KERNEL_FORMALS] = {
        llvm->pointer, llvm->pointer, llvm->pointer, llvm->pointer, llvm->pointer,
        llvm->integer, llvm->real,    llvm->integer, llvm->pointer, llvm->pointer,
    };
    return LLVMFunctionType(llvm->real, formals, KERNEL_FORMALS, false);
}

static LLVMValueRef build_wrapper(Llvm *llvm, LLVMValueRef kernel, const LoopProgram *program) {
    const char *name = arena_format(llvm->arena, "%s.kernel", program->name);
    LLVMValueRef wrapper = LLVMAddFunction(llvm->module, name, kernel_type(llvm));
    LLVMSetLinkage(wrapper, LLVMInternalLinkage);
    llvm_add_attribute(llvm, wrapper, LLVMAttributeFunctionIndex, "nounwind", 0);
    for (unsigned k = 0; k < KERNEL_FORMALS; k++) {
        LLVMSetValueName2(LLVMGetParam(wrapper, k), formal_names[k], strlen(formal_names[k]));
    }
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(llvm->context, wrapper, "entry");
    LLVMPositionBuilderAtEnd(llvm->builder, entry);
    LLVMValueRef *args = arena_array(llvm->arena, LLVMValueRef, program->arg_count + 1);
    for (size_t k = 0; k < program->arg_count; k++) {
        args[k] = unpack(llvm, wrapper, program, &program->args[k]);
    }
    LLVMValueRef call = LLVMBuildCall2(llvm->builder, LLVMGlobalGetValueType(kernel), kernel, args,
                                       (unsigned)program->arg_count, "");
    LLVMBuildRet(llvm->builder, program->returns ? call : LLVMConstReal(llvm->real, 0.0));
    return wrapper;
}

/* ---- the symbols ----------------------------------------------------------------------------- */

static LLVMValueRef constant_global(Llvm *llvm, const char *name, LLVMValueRef value) {
    LLVMValueRef global = LLVMAddGlobal(llvm->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    return global;
}

/* int main(int argc, char **argv) { return gradc_main(argc, argv, gradc_model, gradc_kernels); } */
static void build_main(Llvm *llvm, LLVMValueRef model, LLVMValueRef kernels) {
    LLVMTypeRef status = LLVMInt32TypeInContext(llvm->context);
    LLVMTypeRef main_formals[] = {status, llvm->pointer};
    LLVMTypeRef formals[] = {status, llvm->pointer, llvm->pointer, llvm->pointer};
    LLVMTypeRef runtime_type = LLVMFunctionType(status, formals, 4, false);
    LLVMValueRef runtime = LLVMAddFunction(llvm->module, "gradc_main", runtime_type);
    LLVMTypeRef main_type = LLVMFunctionType(status, main_formals, 2, false);
    LLVMValueRef function = LLVMAddFunction(llvm->module, "main", main_type);
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(llvm->context, function, "entry");
    LLVMPositionBuilderAtEnd(llvm->builder, entry);
    LLVMValueRef args[] = {LLVMGetParam(function, 0), LLVMGetParam(function, 1), model, kernels};
    LLVMBuildRet(llvm->builder,
                 LLVMBuildCall2(llvm->builder, runtime_type, runtime, args, 4, "status"));
}

void abi_build(Llvm *llvm, const LLVMValueRef *kernels) {
    const Unit *unit = llvm->unit;
    LLVMSetCurrentDebugLocation2(llvm->builder, NULL);
    LLVMValueRef *wrappers = arena_array(llvm->arena, LLVMValueRef, unit->kernel_count + 1);
    for (size_t k = 0; k < unit->kernel_count; k++) {
        wrappers[k] = build_wrapper(llvm, kernels[k], unit->kernels[k]);
    }
    size_t length = strlen(unit->description);
    LLVMValueRef text = LLVMConstStringInContext2(llvm->context, unit->description, length, false);
    LLVMValueRef model = constant_global(llvm, "gradc_model", text);
    LLVMValueRef table = LLVMConstArray2(llvm->pointer, wrappers, unit->kernel_count);
    build_main(llvm, model, constant_global(llvm, "gradc_kernels", table));
}
