/* lib.c: library operations on whole matrices: their table, constructors and types. */
#include "ir/tables.h"

#include <string.h>

const LibRow lib_table[LIB_COUNT] = {
#define LIB(id, name, operands, result, meaning) [LIB_##id] = {name, operands, LIB_RESULT_##result},
#include "ir/lib.def"
#undef LIB
};

bool ir_lib_fits(const Ir *ir, LibId f, const Ref *args, unsigned count) {
    if (f >= LIB_COUNT || count != lib_table[f].arity) {
        return false;
    }
    for (unsigned k = 0; k < count; k++) {
        const Node *node = ir_node(ir, args[k]);
        if (node->kind != KIND_REAL || node->rank != 2 || node->op == OP_SCAN) {
            return false;
        }
    }
    const Dim *shape = ir_node(ir, args[0])->shape;
    return shape[0] == shape[1] && shape[0] == ir_node(ir, args[count - 1])->shape[0];
}

Ref ir_lib(Ir *ir, LibId f, const Ref *args, unsigned count) {
    if (!ir_lib_fits(ir, f, args, count)) {
        ice("ir", "%s of operands that do not fit", f < LIB_COUNT ? lib_table[f].name : "lib");
    }
    const Node *last = ir_node(ir, args[count - 1]);
    bool number = lib_table[f].result == LIB_RESULT_NUMBER;
    Node node = {.op = OP_LIB,
                 .kind = KIND_REAL,
                 .rank = number ? 0 : last->rank,
                 .shape = number ? NULL : last->shape,
                 .args = args,
                 .arg_count = count};
    node.as.lib.id = f;
    return ir_make(ir, &node);
}

Ref ir_lib1(Ir *ir, LibId f, Ref a) {
    return ir_lib(ir, f, &a, 1);
}

Ref ir_lib2(Ir *ir, LibId f, Ref a, Ref b) {
    const Ref args[] = {a, b};
    return ir_lib(ir, f, args, 2);
}

Ref ir_lib_planned(Ir *ir, LibId f, const Index targets[2], Ref entry, Ref factor) {
    const Ref args[] = {entry, factor};
    Node node = {
        .op = OP_LIB, .kind = KIND_REAL, .args = args, .arg_count = factor != REF_NONE ? 2 : 1};
    node.as.lib.id = f;
    node.as.lib.targets = targets;
    node.as.lib.count = 2;
    return ir_make(ir, &node);
}
