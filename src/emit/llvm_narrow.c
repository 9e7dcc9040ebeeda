/* llvm_narrow.c: arguments of exp and log1p that cannot be at the edges, as in softplus, sigmoid
 * and logsumexp of two: exp(-|z|), log1p(exp(-|z|)). Proved from the expression alone. */
#include "emit/llvm_private.h"

/* The expression behind variables that never change. */
static const LoopExpr *behind(const LlvmFunction *function, const LoopExpr *x) {
    while (x->kind == LX_VAR && function->said[x->as.var]) {
        x = function->said[x->as.var];
    }
    return x;
}

static bool is_call(const LoopExpr *x, BuiltinId id) {
    return x->kind == LX_CALL && x->type == KIND_REAL && x->as.builtin == id;
}

/* -|z| */
static bool is_below(const LlvmFunction *function, const LoopExpr *x) {
    x = behind(function, x);
    return is_call(x, BI_neg) && is_call(behind(function, x->args[0]), BI_abs);
}

bool llvm_is_narrow(const LlvmFunction *function, const LoopExpr *call) {
    const LoopExpr *x = call->args[0];
    if (is_call(call, BI_exp)) {
        return is_below(function, x);
    }
    const LoopExpr *inner = behind(function, x);
    return is_call(call, BI_log1p) && is_call(inner, BI_exp) && is_below(function, inner->args[0]);
}
