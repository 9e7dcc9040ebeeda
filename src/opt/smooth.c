/* smooth.c: has a value kinks in the params? One sweep upward over what chooses by them. */
#include "opt/opt.h"

static bool kinks(BuiltinId f) {
    static const BuiltinId list[] = {BI_abs,   BI_sign,     BI_maximum, BI_minimum, BI_clamp,
                                     BI_step,  BI_floor,    BI_ceil,    BI_round,   BI_trunc,
                                     BI_fmod,  BI_eq,       BI_ne,      BI_lt,      BI_le,
                                     BI_hypot, BI_norm_root};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        if (list[k] == f) {
            return true;
        }
    }
    return false;
}

bool opt_smooth(const Ir *ir, Ref v) {
    Arena *arena = arena_create();
    const bool *reached = ir_reach(ir, &v, 1);
    bool *moves = arena_array(arena, bool, ir_count(ir)); /* has it params in it? */
    bool smooth = true;
    for (Ref r = 1; r < ir_count(ir); r++) {
        const Node *node = ir_node(ir, r);
        moves[r] = (node->op == OP_LEAF && ir->leaves[node->as.leaf].role == LEAF_PARAM) ||
                   node->op == OP_STATE;
        for (uint32_t k = 0; k < node->arg_count; k++) {
            moves[r] = moves[r] || moves[node->args[k]];
        }
        bool kink = node->op == OP_MAX || node->op == OP_ARGMAX ||
                    (node->op == OP_CALL && kinks(node->as.builtin));
        smooth = smooth && !(kink && moves[r] && reached[r]);
    }
    arena_destroy(arena);
    return smooth;
}
