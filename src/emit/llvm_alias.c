/* llvm_alias.c: what LLVM is told of buffers that share the work argument: metadata, a scope for
 * each. */
#include "emit/llvm_private.h"

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
