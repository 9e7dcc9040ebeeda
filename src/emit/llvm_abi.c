/* llvm_abi.c: what the trainer's runtime sees of a model (runtime/abi.h): for each kernel a
 * function of type GradcKernel that unpacks dims, columns, … into the arguments of the kernel's
 * loop program; gradc_model, gradc_kernels, and main. */
#include "emit/llvm_private.h"
#include "runtime/abi.h"

#include <assert.h>
#include <string.h>

/* The members of GradcArgs, in order; each has eight bytes. */
typedef enum {
    KERNEL_DIMS,
    KERNEL_CONSTS,
    KERNEL_PARAMS,
    KERNEL_DATA,
    KERNEL_COLUMNS,
    KERNEL_STARTS,
    KERNEL_ORDER,
    KERNEL_ROWS,
    KERNEL_TOTAL,
    KERNEL_RATE,
    KERNEL_SEED,
    KERNEL_OUT,
    KERNEL_WORK,
    KERNEL_DIRECTION,
    KERNEL_MEMBERS,
} KernelMember;

static_assert(sizeof(GradcArgs) == 8 * KERNEL_MEMBERS, "a member of GradcArgs has no row here");

static const char *const member_names[KERNEL_MEMBERS] = {
    "dims", "consts", "params", "data", "columns", "starts", "order",
    "rows", "total",  "rate",   "seed", "out",     "work",   "direction",
};

/* ---- places in the tables of the description ------------------------------------------------- */

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

/* The place of a column or an array of data among the lines of `word`. */
static int64_t leaf_slot(const char *description, const LoopProgram *program, const LoopArg *arg,
                         const char *word) {
    if (!program->ir) {
        return arg->which;
    }
    int64_t order = role_order(program->ir, arg->which);
    return find_line(description, word, program->ir->leaves[arg->which].name, order);
}

/* ---- one kernel ------------------------------------------------------------------------------ */

static LLVMValueRef table_entry(Llvm *llvm, LLVMValueRef table, LLVMTypeRef type, int64_t slot,
                                const char *name) {
    LLVMValueRef index = llvm_int(llvm, slot);
    LLVMValueRef address = LLVMBuildInBoundsGEP2(llvm->builder, type, table, &index, 1, "");
    return LLVMBuildLoad2(llvm->builder, type, address, name);
}

/* The wrapper of a kernel while it is built. */
typedef struct {
    Llvm *llvm;
    LLVMValueRef args; /* const GradcArgs * */
    LLVMTypeRef args_type;
    const LoopProgram *program;
} Wrapper;

static LLVMTypeRef member_type(const Llvm *llvm, KernelMember member) {
    switch (member) {
    case KERNEL_ROWS:
    case KERNEL_TOTAL:
    case KERNEL_SEED:
        return llvm->integer;
    case KERNEL_RATE:
        return llvm->wide_real;
    case KERNEL_DIMS:
    case KERNEL_CONSTS:
    case KERNEL_PARAMS:
    case KERNEL_DATA:
    case KERNEL_COLUMNS:
    case KERNEL_STARTS:
    case KERNEL_ORDER:
    case KERNEL_OUT:
    case KERNEL_WORK:
    case KERNEL_DIRECTION:
    case KERNEL_MEMBERS:
        break;
    }
    return llvm->pointer;
}

static LLVMValueRef load_member(const Wrapper *wrapper, KernelMember member) {
    LLVMBuilderRef builder = wrapper->llvm->builder;
    LLVMValueRef address =
        LLVMBuildStructGEP2(builder, wrapper->args_type, wrapper->args, member, "");
    return LLVMBuildLoad2(builder, member_type(wrapper->llvm, member), address,
                          member_names[member]);
}

static LLVMValueRef unpack(const Wrapper *wrapper, const LoopArg *arg) {
    Llvm *llvm = wrapper->llvm;
    const char *description = llvm->unit->description;
    switch (arg->role) {
    case ARG_DIM:
        return table_entry(llvm, load_member(wrapper, KERNEL_DIMS), llvm->integer,
                           dim_slot(description, wrapper->program, arg), arg->name);
    case ARG_DATA:
        return table_entry(llvm, load_member(wrapper, KERNEL_DATA), llvm->pointer,
                           leaf_slot(description, wrapper->program, arg, "data"), arg->name);
    case ARG_COLUMN:
        return table_entry(llvm, load_member(wrapper, KERNEL_COLUMNS), llvm->pointer,
                           leaf_slot(description, wrapper->program, arg, "column"), arg->name);
    case ARG_PARAMS:
        return load_member(wrapper, KERNEL_PARAMS);
    case ARG_CONSTS:
        return load_member(wrapper, KERNEL_CONSTS);
    case ARG_ROWS:
        return load_member(wrapper, KERNEL_ROWS);
    case ARG_TOTAL:
        return load_member(wrapper, KERNEL_TOTAL);
    case ARG_STARTS:
        return load_member(wrapper, KERNEL_STARTS);
    case ARG_ORDER:
        return load_member(wrapper, KERNEL_ORDER);
    case ARG_SEED:
        return load_member(wrapper, KERNEL_SEED);
    case ARG_RATE:
        return LLVMBuildFPCast(llvm->builder, load_member(wrapper, KERNEL_RATE), llvm->real, "");
    case ARG_GRADIENT:
    case ARG_OUTPUT:
    case ARG_MATRIX:
        return load_member(wrapper, KERNEL_OUT);
    case ARG_WORK:
        return load_member(wrapper, KERNEL_WORK);
    case ARG_TANGENT:
        return load_member(wrapper, KERNEL_DIRECTION);
    case ARG_SCALAR:
    case ARG_ARRAY:
    case ARG_LENGTHS:
        break;
    }
    ice("emit", "kernel %s has an argument `%s` that no trainer gives", wrapper->program->name,
        arg->name);
}

static LLVMTypeRef args_type(const Llvm *llvm) {
    LLVMTypeRef members[KERNEL_MEMBERS];
    for (unsigned k = 0; k < KERNEL_MEMBERS; k++) {
        members[k] = member_type(llvm, (KernelMember)k);
    }
    return LLVMStructTypeInContext(llvm->context, members, KERNEL_MEMBERS, false);
}

/* Parts of one unit see each other's wrappers; nobody else does. */
static LLVMValueRef declare_wrapper(Llvm *llvm, const LoopProgram *program) {
    const char *name = arena_format(llvm->arena, "%s.kernel", program->name);
    LLVMTypeRef type = LLVMFunctionType(llvm->wide_real, &llvm->pointer, 1, false);
    LLVMValueRef function = LLVMAddFunction(llvm->module, name, type);
    if (llvm->share) {
        LLVMSetVisibility(function, LLVMHiddenVisibility);
    } else {
        LLVMSetLinkage(function, LLVMInternalLinkage);
    }
    return function;
}

static LLVMValueRef build_wrapper(Llvm *llvm, LLVMValueRef kernel, const LoopProgram *program) {
    LLVMValueRef function = declare_wrapper(llvm, program);
    llvm_add_attribute(llvm, function, LLVMAttributeFunctionIndex, "nounwind", 0);
    Wrapper wrapper = {llvm, LLVMGetParam(function, 0), args_type(llvm), program};
    LLVMSetValueName2(wrapper.args, "args", strlen("args"));
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(llvm->context, function, "entry");
    LLVMPositionBuilderAtEnd(llvm->builder, entry);
    LLVMValueRef *args = arena_array(llvm->arena, LLVMValueRef, program->arg_count + 1);
    for (size_t k = 0; k < program->arg_count; k++) {
        args[k] = unpack(&wrapper, &program->args[k]);
    }
    LLVMValueRef call = LLVMBuildCall2(llvm->builder, LLVMGlobalGetValueType(kernel), kernel, args,
                                       (unsigned)program->arg_count, "");
    LLVMBuildRet(llvm->builder, program->returns ? call : LLVMConstReal(llvm->wide_real, 0.0));
    return function;
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
        if (kernels[k]) {
            wrappers[k] = build_wrapper(llvm, kernels[k], unit->kernels[k]);
        } else if (llvm->share->table) {
            wrappers[k] = declare_wrapper(llvm, unit->kernels[k]);
        }
    }
    if (llvm->share && !llvm->share->table) {
        return;
    }
    size_t length = strlen(unit->description);
    LLVMValueRef text = LLVMConstStringInContext2(llvm->context, unit->description, length, false);
    LLVMValueRef model = constant_global(llvm, "gradc_model", text);
    LLVMValueRef table = LLVMConstArray2(llvm->pointer, wrappers, unit->kernel_count);
    build_main(llvm, model, constant_global(llvm, "gradc_kernels", table));
}
