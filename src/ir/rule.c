/* rule.c: the derivative of a built-in at a call, from its template. */
#include "ir/ir.h"

enum { VALUE_LEAF = BUILTIN_ARITY }; /* leaves of a template: a, b, c, then v */

Ref ir_rule(Ir *ir, const Rules *rules, Ref call, unsigned k) {
    const Node *node = ir_node(ir, call);
    if (node->op != OP_CALL || k >= node->arg_count) {
        ice("ir", "rule %u of %%%u", k, (unsigned)call);
    }
    const Ir *rule = rules->rule[node->as.builtin][k];
    if (rule == NULL) {
        return REF_NONE;
    }
    Ref leaves[VALUE_LEAF + 1] = {REF_NONE};
    for (uint32_t j = 0; j < node->arg_count; j++) {
        leaves[j] = node->args[j];
    }
    leaves[VALUE_LEAF] = call;
    return ir_import(ir, rule, rule->outputs[0].value, leaves);
}
