/* degree.c: is a value a polynomial in the params, and of which degree? One sweep upward. What
 * chooses by params (select, max, positions) is no polynomial, nor is a recurrence or an operation
 * of linear algebra that has params in it. */
#include "opt/opt.h"

static uint8_t capped(unsigned degree) {
    return (uint8_t)(degree < DEGREE_NONE ? degree : DEGREE_NONE);
}

/* The highest degree of the operands from `first` on. */
static uint8_t highest(const Node *node, const uint8_t *degree, uint32_t first) {
    uint8_t most = 0;
    for (uint32_t k = first; k < node->arg_count; k++) {
        most = degree[node->args[k]] > most ? degree[node->args[k]] : most;
    }
    return most;
}

/* Of what has no params a function of whatever kind, else nothing that is a polynomial. */
static uint8_t fixed_only(const Node *node, const uint8_t *degree) {
    return highest(node, degree, 0) == 0 ? 0 : DEGREE_NONE;
}

static uint8_t degree_of_call(const Node *node, const uint8_t *degree) {
    const Ref *args = node->args;
    const BuiltinId f = node->as.builtin;
    if (f == BI_add || f == BI_sub || f == BI_neg) {
        return highest(node, degree, 0);
    }
    if (f == BI_mul) {
        return capped((unsigned)degree[args[0]] + degree[args[1]]);
    }
    if (f == BI_square) {
        return capped(2U * degree[args[0]]);
    }
    if (f == BI_div && degree[args[1]] == 0) {
        return degree[args[0]];
    }
    return fixed_only(node, degree);
}

static uint8_t degree_of(const Ir *ir, const Node *node, const uint8_t *degree) {
    switch (node->op) {
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
        return 0;
    case OP_LEAF:
        return ir->leaves[node->as.leaf].role == LEAF_PARAM ? 1 : 0;
    case OP_CALL:
        return degree_of_call(node, degree);
    case OP_SELECT:
    case OP_GUARD:
        return degree[node->args[0]] == 0 ? highest(node, degree, 1) : DEGREE_NONE;
    case OP_READ:
        return highest(node, degree, 1) == 0 ? degree[node->args[0]] : DEGREE_NONE;
    case OP_DEPOSIT:
        return highest(node, degree, 1) == 0 ? degree[node->args[0]] : DEGREE_NONE;
    case OP_ARRAY:
    case OP_SUM:
    case OP_PICK:
    case OP_VAR:
        return highest(node, degree, 0);
    case OP_CONVERT:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_STATE:
    case OP_SCAN:
    case OP_LIB:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return fixed_only(node, degree);
}

/* The states of a recurrence that has params in a step have them too, and stand before it. */
static bool spread_to_states(const Ir *ir, uint8_t *degree) {
    bool more = false;
    for (Ref r = 1; r < ir_count(ir); r++) {
        const Node *node = ir_node(ir, r);
        const Ref scan = node->op == OP_STATE ? ir_scan_of_tag(ir, node->as.state.tag) : REF_NONE;
        if (scan != REF_NONE && degree[scan] != 0 && degree[r] == 0) {
            degree[r] = DEGREE_NONE;
            more = true;
        }
    }
    return more;
}

unsigned opt_degree(const Ir *ir, Ref v) {
    Arena *arena = arena_create();
    uint8_t *degree = arena_array(arena, uint8_t, ir_count(ir));
    do {
        for (Ref r = 1; r < ir_count(ir); r++) {
            const Node *node = ir_node(ir, r);
            if (node->op != OP_STATE || degree[r] == 0) {
                degree[r] = degree_of(ir, node, degree);
            }
        }
    } while (spread_to_states(ir, degree));
    const unsigned result = degree[v];
    arena_destroy(arena);
    return result;
}
