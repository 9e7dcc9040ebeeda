/* llvm_alias.c: what LLVM is told of where buffers lie, by metadata: a scope for each of those that
 * share the work argument, and a group for what independent iterations of loops touch. Without the
 * group, LLVM would compare addresses before a loop of vectors, and leaves a short loop, in which
 * that does not pay, as it is. */
#include "emit/llvm_private.h"

#include <llvm-c/IRReader.h>
#include <string.h>

/* Buffers in the work argument: LLVM knows of one pointer only. The more there are, the longer is
 * the list of each. */
enum { SCOPE_LIMIT = 100 };

void llvm_scopes(LlvmFunction *function) {
    Llvm *llvm = function->llvm;
    const LoopProgram *program = function->program;
    LLVMMetadataRef *scopes = arena_array(llvm->arena, LLVMMetadataRef, program->buffer_count + 1);
    function->scopes = arena_array(llvm->arena, LLVMValueRef, program->buffer_count + 1);
    function->others = arena_array(llvm->arena, LLVMValueRef, program->buffer_count + 1);
    LLVMMetadataRef name =
        LLVMMDStringInContext2(llvm->context, program->name, strlen(program->name));
    LLVMMetadataRef domain = LLVMMDNodeInContext2(llvm->context, &name, 1);
    size_t count = 0;
    for (size_t b = 0; b < program->buffer_count; b++) {
        if (program->buffers[b].place == BUFFER_WORK) {
            const char *text = arena_format(llvm->arena, "%s.%zu", program->name, b);
            LLVMMetadataRef of[] = {LLVMMDStringInContext2(llvm->context, text, strlen(text)),
                                    domain};
            scopes[count++] = LLVMMDNodeInContext2(llvm->context, of, 2);
        }
    }
    size_t at = 0;
    for (size_t b = 0; b < program->buffer_count && count > 1 && count <= SCOPE_LIMIT; b++) {
        if (program->buffers[b].place == BUFFER_WORK) {
            LLVMMetadataRef own = scopes[at];
            scopes[at] = scopes[0]; /* the others follow it */
            function->scopes[b] =
                LLVMMetadataAsValue(llvm->context, LLVMMDNodeInContext2(llvm->context, &own, 1));
            function->others[b] = LLVMMetadataAsValue(
                llvm->context, LLVMMDNodeInContext2(llvm->context, scopes + 1, count - 1));
            scopes[at++] = own;
        }
    }
}

/* One group does for all loops, as only innermost ones have accesses in it. LLVM's C interface
 * makes no distinct nodes, but its reader does. */
static LLVMMetadataRef access_group(Llvm *llvm) {
    static const char text[] = "!group = !{!0}\n!0 = distinct !{}\n";
    if (!llvm->group) {
        LLVMMemoryBufferRef buffer =
            LLVMCreateMemoryBufferWithMemoryRange(text, strlen(text), "group", true);
        LLVMModuleRef module;
        LLVMValueRef group;
        char *message = NULL;
        if (LLVMParseIRInContext(llvm->context, buffer, &module, &message)) {
            ice("emit", "metadata: %s", message);
        }
        LLVMGetNamedMetadataOperands(module, "group", &group);
        llvm->group = LLVMValueAsMetadata(group);
        LLVMDisposeModule(module);
    }
    return llvm->group;
}

void llvm_mark_access(const LlvmFunction *function, LLVMValueRef access, BufferId id) {
    Llvm *llvm = function->llvm;
    if (function->scopes[id]) {
        unsigned scope = LLVMGetMDKindIDInContext(llvm->context, "alias.scope", 11);
        unsigned noalias = LLVMGetMDKindIDInContext(llvm->context, "noalias", 7);
        LLVMSetMetadata(access, scope, function->scopes[id]);
        LLVMSetMetadata(access, noalias, function->others[id]);
    }
    if (function->parallel) {
        unsigned kind = LLVMGetMDKindIDInContext(llvm->context, "llvm.access.group", 17);
        LLVMSetMetadata(access, kind, LLVMMetadataAsValue(llvm->context, access_group(llvm)));
    }
}

LLVMMetadataRef llvm_parallel_loop(Llvm *llvm) {
    LLVMMetadataRef pair[] = {
        LLVMMDStringInContext2(llvm->context, "llvm.loop.parallel_accesses", 27),
        access_group(llvm),
    };
    return LLVMMDNodeInContext2(llvm->context, pair, 2);
}
