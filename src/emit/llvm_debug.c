/* llvm_debug.c: -g: line tables that lead from machine code to the lines of the model, for gdb and
 * perf, and the named scalars of a function as variables. */
#include "emit/llvm_private.h"

#include <string.h>

/* The constants of DWARF that the C API has no names for. */
enum { DWARF_VERSION = 5, ENCODING_BOOLEAN = 2, ENCODING_FLOAT = 4, ENCODING_SIGNED = 5 };

struct Debug {
    LLVMDIBuilderRef builder;
    LLVMMetadataRef *files; /* by number of the source; NULL: not yet made */
    uint32_t file_count;
    LLVMMetadataRef main_file;
    LLVMMetadataRef kinds[3]; /* by Kind */
    Span function_span;
};

static LLVMMetadataRef new_file(Debug *debug, const char *path) {
    const char *name = base_name(path);
    size_t directory = (size_t)(name - path);
    directory = directory > 1 ? directory - 1 : directory; /* "dir", or "/" */
    return LLVMDIBuilderCreateFile(debug->builder, name, strlen(name), directory ? path : ".",
                                   directory ? directory : 1);
}

static void add_flag(Llvm *llvm, const char *name, unsigned value) {
    LLVMTypeRef type = LLVMInt32TypeInContext(llvm->context);
    LLVMMetadataRef metadata = LLVMValueAsMetadata(LLVMConstInt(type, value, false));
    LLVMAddModuleFlag(llvm->module, LLVMModuleFlagBehaviorWarning, name, strlen(name), metadata);
}

Debug *debug_create(Llvm *llvm) {
    Debug *debug = arena_new(llvm->arena, Debug);
    debug->builder = LLVMCreateDIBuilder(llvm->module);
    debug->main_file = new_file(debug, llvm->unit->source_path);
    LLVMDIBuilderCreateCompileUnit(debug->builder, LLVMDWARFSourceLanguageC99, debug->main_file,
                                   "gradc", 5, llvm->options.level > 0, "", 0, 0, "", 0,
                                   LLVMDWARFEmissionFull, 0, false, false, "", 0, "", 0);
    add_flag(llvm, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(llvm, "Dwarf Version", DWARF_VERSION);
    const PrecisionRow *real = &precisions[unit_precision(llvm->unit)];
    debug->kinds[KIND_REAL] = LLVMDIBuilderCreateBasicType(
        debug->builder, real->c, strlen(real->c), 8 * (uint64_t)real->bytes, ENCODING_FLOAT, 0);
    debug->kinds[KIND_INT] =
        LLVMDIBuilderCreateBasicType(debug->builder, "int64_t", 7, 64, ENCODING_SIGNED, 0);
    debug->kinds[KIND_BOOL] =
        LLVMDIBuilderCreateBasicType(debug->builder, "_Bool", 5, 8, ENCODING_BOOLEAN, 0);
    return debug;
}

/* The DIFile of a source; that of the unit for spans that are nowhere. */
static LLVMMetadataRef file_of(Llvm *llvm, Span span) {
    Debug *debug = llvm->debug;
    if (span.file == 0 || !llvm->unit->sources) {
        return debug->main_file;
    }
    if (span.file >= debug->file_count) {
        uint32_t count = 2 * span.file + 2;
        LLVMMetadataRef *files = arena_array(llvm->arena, LLVMMetadataRef, count);
        if (debug->file_count > 0) {
            memcpy(files, debug->files, debug->file_count * sizeof *files);
        }
        debug->files = files;
        debug->file_count = count;
    }
    if (!debug->files[span.file]) {
        const char *path = sources_get(llvm->unit->sources, span.file)->path;
        bool is_main = strcmp(path, llvm->unit->source_path) == 0;
        debug->files[span.file] = is_main ? debug->main_file : new_file(debug, path);
    }
    return debug->files[span.file];
}

static Place place_of(Llvm *llvm, Span span) {
    if (span.file == 0 || !llvm->unit->sources) {
        return (Place){0, 0};
    }
    return sources_place(llvm->unit->sources, span.file, span.start);
}

static LLVMMetadataRef argument_type(Debug *debug, CType type) {
    switch (type) {
    case C_REAL:
        return debug->kinds[KIND_REAL];
    case C_INT64:
    case C_SIZE:
    case C_UINT64:
        return debug->kinds[KIND_INT];
    case C_CONST_REAL_PTR:
    case C_REAL_PTR:
        return LLVMDIBuilderCreatePointerType(debug->builder, debug->kinds[KIND_REAL], 64, 0, 0, "",
                                              0);
    case C_CONST_INT64_PTR:
    case C_CONST_SIZE_PTR:
        return LLVMDIBuilderCreatePointerType(debug->builder, debug->kinds[KIND_INT], 64, 0, 0, "",
                                              0);
    }
    return NULL;
}

LLVMMetadataRef debug_function(Llvm *llvm, LLVMValueRef function, const LoopProgram *program) {
    Debug *debug = llvm->debug;
    if (!debug) {
        return NULL;
    }
    debug->function_span = program_span(program);
    LLVMMetadataRef file = file_of(llvm, debug->function_span);
    LLVMMetadataRef *types = arena_array(llvm->arena, LLVMMetadataRef, program->arg_count + 1);
    types[0] = program->returns ? debug->kinds[KIND_REAL] : NULL;
    for (size_t k = 0; k < program->arg_count; k++) {
        types[k + 1] = argument_type(debug, program->args[k].type);
    }
    LLVMMetadataRef type = LLVMDIBuilderCreateSubroutineType(
        debug->builder, file, types, (unsigned)program->arg_count + 1, LLVMDIFlagZero);
    unsigned line = place_of(llvm, debug->function_span).line;
    LLVMMetadataRef scope =
        LLVMDIBuilderCreateFunction(debug->builder, file, program->name, strlen(program->name),
                                    program->name, strlen(program->name), file, line, type, false,
                                    true, line, LLVMDIFlagPrototyped, llvm->options.level > 0);
    LLVMSetSubprogram(function, scope);
    return scope;
}

void debug_place(Llvm *llvm, LLVMMetadataRef scope, Span span) {
    Debug *debug = llvm->debug;
    if (!debug || !scope) {
        return;
    }
    if (span.file == 0) {
        span = debug->function_span;
    }
    LLVMMetadataRef file = file_of(llvm, span);
    LLVMMetadataRef inner = scope;
    if (file != LLVMDIScopeGetFile(scope)) {
        inner = LLVMDIBuilderCreateLexicalBlockFile(debug->builder, scope, file, 0);
    }
    Place place = place_of(llvm, span);
    LLVMMetadataRef location =
        LLVMDIBuilderCreateDebugLocation(llvm->context, place.line, place.column, inner, NULL);
    LLVMSetCurrentDebugLocation2(llvm->builder, location);
}

void debug_variable(LlvmFunction *function, const LoopStmt *statement, LLVMValueRef value) {
    Llvm *llvm = function->llvm;
    Debug *debug = llvm->debug;
    if (!debug || !function->scope) {
        return;
    }
    const LoopVarInfo *info = &function->program->vars[statement->var];
    LLVMMetadataRef file = file_of(llvm, statement->span);
    LLVMMetadataRef variable = LLVMDIBuilderCreateAutoVariable(
        debug->builder, function->scope, info->name, strlen(info->name), file,
        place_of(llvm, statement->span).line, debug->kinds[info->kind], true, LLVMDIFlagZero, 0);
    LLVMMetadataRef expression = LLVMDIBuilderCreateExpression(debug->builder, NULL, 0);
    LLVMDIBuilderInsertDbgValueRecordAtEnd(debug->builder, value, variable, expression,
                                           LLVMGetCurrentDebugLocation2(llvm->builder),
                                           LLVMGetInsertBlock(llvm->builder));
}

void debug_finish(Llvm *llvm) {
    if (llvm->debug) {
        LLVMDIBuilderFinalize(llvm->debug->builder);
        LLVMDisposeDIBuilder(llvm->debug->builder);
        llvm->debug = NULL;
    }
}
