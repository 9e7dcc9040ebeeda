/* rewrite.c: the frame of a pass, and the patterns that passes look for. */
#include "opt/rewrite.h"

Ir *opt_copy(const Ir *ir) {
    return opt_copy_in(ir->arena, ir);
}

Ir *opt_copy_in(Arena *arena, const Ir *ir) {
    Ir *copy = ir_compact_in(arena, ir);
    copy->rewrites = ir->rewrites;
    return copy;
}

static uint32_t count_tags(const Ir *ir, Ref top) {
    uint32_t count = 0;
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_SCAN && node->as.scan.tag >= count) {
            count = node->as.scan.tag + 1;
        } else if (node->op == OP_STATE && node->as.state.tag >= count) {
            count = node->as.state.tag + 1;
        }
    }
    return count;
}

Rewriter opt_rewriter(const OptOptions *options, const Ir *ir, void *context) {
    Rewriter w = {.options = options,
                  .ir = opt_copy_in(arena_create(), ir),
                  .result = ir->arena,
                  .context = context};
    w.top = ir_count(w.ir);
    w.map = arena_array(w.ir->arena, Ref, w.top);
    w.uses = arena_array(w.ir->arena, uint32_t, w.top);
    const uint32_t tags = count_tags(w.ir, w.top);
    w.tags = arena_array(w.ir->arena, uint32_t, tags + 1);
    w.tagged = arena_array(w.ir->arena, bool, tags + 1);
    for (Ref v = 1; v < w.top; v++) {
        const Node *node = ir_node(w.ir, v);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            w.uses[node->args[k]]++;
        }
    }
    for (size_t k = 0; k < w.ir->output_count; k++) {
        w.uses[w.ir->outputs[k].value]++;
    }
    return w;
}

static uint32_t new_tag(Rewriter *w, uint32_t tag) {
    if (!w->tagged[tag]) {
        w->tagged[tag] = true;
        w->tags[tag] = ir_new_tag(w->ir);
    }
    return w->tags[tag];
}

Ref opt_rebuild(Rewriter *w, Ref v) {
    const Node *node = ir_node(w->ir, v);
    Ref few[8];
    Ref *args = node->arg_count <= 8 ? few : arena_array(w->ir->arena, Ref, node->arg_count);
    bool same = true;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        args[k] = w->map[node->args[k]];
        same = same && args[k] == node->args[k];
    }
    if (node->op == OP_STATE) {
        const uint32_t tag = new_tag(w, node->as.state.tag);
        return ir_state(w->ir, tag, node->as.state.k, node->as.state.t, node->free, args[0]);
    }
    if (node->op == OP_SCAN) {
        const uint32_t tag = new_tag(w, node->as.scan.tag);
        const uint32_t count = node->as.scan.count;
        return ir_scan(w->ir, tag, node->as.scan.t, node->as.scan.direction, args, args + count,
                       count);
    }
    return same ? v : ir_rebuild(w->ir, v, args);
}

Ir *opt_finish(Rewriter *w) {
    for (size_t k = 0; k < w->ir->output_count; k++) {
        w->ir->outputs[k].value = w->map[w->ir->outputs[k].value];
    }
    Ir *result = opt_copy_in(w->result, w->ir);
    opt_give_up(w);
    return result;
}

void opt_give_up(Rewriter *w) {
    arena_destroy(w->ir->arena);
    w->ir = NULL;
}

Ir *opt_rewrite(const OptOptions *options, const Ir *ir, RewriteRule rule, void *context) {
    Rewriter w = opt_rewriter(options, ir, context);
    const Span at = w.ir->at;
    for (Ref v = 1; v < w.top; v++) {
        w.ir->at = ir_node(w.ir, v)->span;
        w.map[v] = rule(&w, v);
        ir_keep_name(w.ir, v, w.map[v]);
    }
    w.ir->at = at;
    return opt_finish(&w);
}

/* ---- patterns
 * ---------------------------------------------------------------------------------------- */

bool opt_is_call(const Ir *ir, Ref v, BuiltinId f) {
    const Node *node = ir_node(ir, v);
    return node->op == OP_CALL && node->as.builtin == f && node->kind == KIND_REAL;
}

bool opt_is_op(const Ir *ir, Ref v, Op op) {
    return ir_node(ir, v)->op == op;
}

Ref opt_arg(const Ir *ir, Ref v, unsigned k) {
    return ir_node(ir, v)->args[k];
}

bool opt_is_number(const Ir *ir, Ref v, double *value) {
    const Node *node = ir_node(ir, v);
    if (node->op != OP_CONST || node->kind != KIND_REAL) {
        return false;
    }
    *value = node->as.real;
    return true;
}

bool opt_is_value(const Ir *ir, Ref v, double value) {
    double found;
    return opt_is_number(ir, v, &found) && found == value;
}

bool opt_is_square(const Ir *ir, Ref a, Ref *x) {
    if (opt_is_call(ir, a, BI_square)) {
        *x = opt_arg(ir, a, 0);
        return true;
    }
    if (opt_is_call(ir, a, BI_mul) && opt_arg(ir, a, 0) == opt_arg(ir, a, 1)) {
        *x = opt_arg(ir, a, 0);
        return true;
    }
    if (opt_is_call(ir, a, BI_pow) && opt_is_value(ir, opt_arg(ir, a, 1), 2)) {
        *x = opt_arg(ir, a, 0);
        return true;
    }
    return false;
}

enum { PROOF_DEPTH = 6 };

static bool nonnegative(const Ir *ir, Ref v, int depth);

static bool call_nonnegative(const Ir *ir, Ref v, int depth) {
    const Node *node = ir_node(ir, v);
    Ref x;
    if (opt_is_square(ir, v, &x)) {
        return true;
    }
    switch ((int)node->as.builtin) {
    case BI_exp:
    case BI_abs:
    case BI_sqrt:
    case BI_logistic:
    case BI_log1pexp:
    case BI_hypot:
    case BI_norm_root:
        return true;
    case BI_add:
    case BI_mul:
    case BI_div:
    case BI_minimum:
        return nonnegative(ir, node->args[0], depth) && nonnegative(ir, node->args[1], depth);
    case BI_maximum:
        return nonnegative(ir, node->args[0], depth) || nonnegative(ir, node->args[1], depth);
    case BI_pow:
        return nonnegative(ir, node->args[0], depth);
    default:
        return false;
    }
}

static bool nonnegative(const Ir *ir, Ref v, int depth) {
    const Node *node = ir_node(ir, v);
    if (depth == 0) {
        return false;
    }
    switch (node->op) {
    case OP_CONST:
        return node->kind == KIND_REAL ? node->as.real >= 0
                                       : node->kind == KIND_BOOL || node->as.integer >= 0;
    case OP_SIZE:
    case OP_INDEX:
        return true;
    case OP_CALL:
        return node->kind == KIND_BOOL || call_nonnegative(ir, v, depth - 1);
    case OP_CONVERT:
    case OP_SUM:
    case OP_MAX:
    case OP_ARRAY:
    case OP_VAR:
        return nonnegative(ir, node->args[0], depth - 1);
    case OP_READ: {
        const Node *array = ir_node(ir, node->args[0]);
        const bool labels = array->op == OP_LEAF && array->kind == KIND_INT &&
                            ir->leaves[array->as.leaf].class_dim != DIM_NONE;
        return labels || nonnegative(ir, node->args[0], depth - 1);
    }
    case OP_GUARD:
        return nonnegative(ir, node->args[1], depth - 1);
    case OP_SELECT:
        return nonnegative(ir, node->args[1], depth - 1) &&
               nonnegative(ir, node->args[2], depth - 1);
    case OP_LEAF:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return false;
}

bool opt_nonnegative(const Ir *ir, Ref v) {
    return nonnegative(ir, v, PROOF_DEPTH);
}
