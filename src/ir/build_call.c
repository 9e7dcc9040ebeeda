/* build_call.c: calls by row of the table, recurrences, and nodes built again with other operands.
 */
#include "ir/tables.h"

#include <math.h>
#include <string.h>

/* ---- calls ----------------------------------------------------------------------------------- */

static const Node *node_of(const Ir *ir, Ref v) {
    return ir_node(ir, v);
}

static bool is_call(const Ir *ir, Ref v, BuiltinId f) {
    const Node *node = node_of(ir, v);
    return node->op == OP_CALL && node->as.builtin == f;
}

static bool real_constant(const Ir *ir, Ref v, double *value) {
    const Node *node = node_of(ir, v);
    *value = node->op == OP_CONST && node->kind == KIND_REAL ? node->as.real : NAN;
    return node->op == OP_CONST && node->kind == KIND_REAL;
}

static bool integer_constant(const Ir *ir, Ref v, int64_t *value) {
    const Node *node = node_of(ir, v);
    *value = node->op == OP_CONST && node->kind == KIND_INT ? node->as.integer : 0;
    return node->op == OP_CONST && node->kind == KIND_INT;
}

/* Powers whose value is exact whatever the base: x^0, x^1, x^2, 1/x; and of small whole numbers. */
static Ref build_pow(Ir *ir, Ref a, Ref b) {
    double x, y;
    if (real_constant(ir, b, &y)) {
        if (y == 0) {
            return ir_real(ir, 1);
        }
        if (y == 1) {
            return a;
        }
        if (y == 2) {
            return ir_square(ir, a);
        }
        if (y == -1) {
            Ref one = ir_real(ir, 1);
            return ir_div(ir, one, a);
        }
        if (real_constant(ir, a, &x) && x == floor(x) && y == floor(y) && y > 0 &&
            fabs(pow(x, y)) < 0x1p53) {
            return ir_real(ir, pow(x, y));
        }
    }
    Ref args[2] = {a, b};
    return ir_make_call(ir, BI_pow, KIND_REAL, args, 2);
}

/* abs, sign, floor, maximum, …: exact functions fold on constants. */
static bool folds_exactly(BuiltinId f) {
    static const BuiltinId exact[] = {BI_abs,  BI_sign,  BI_maximum, BI_minimum, BI_clamp,
                                      BI_step, BI_floor, BI_ceil,    BI_round,   BI_trunc};
    for (size_t k = 0; k < sizeof exact / sizeof *exact; k++) {
        if (exact[k] == f) {
            return true;
        }
    }
    return false;
}

static Ref fold_real(Ir *ir, BuiltinId f, const Ref *args, unsigned count) {
    double x[BUILTIN_ARITY] = {0};
    for (unsigned k = 0; k < count; k++) {
        if (!real_constant(ir, args[k], &x[k])) {
            return REF_NONE;
        }
    }
    const Builtin *row = &builtins[f];
    double value = count == 1   ? row->f1(x[0])
                   : count == 2 ? row->f2(x[0], x[1])
                                : row->f3(x[0], x[1], x[2]);
    return ir_real(ir, value);
}

static Ref fold_integer(Ir *ir, BuiltinId f, const Ref *args, unsigned count) {
    int64_t x[BUILTIN_ARITY] = {0};
    for (unsigned k = 0; k < count; k++) {
        if (!integer_constant(ir, args[k], &x[k])) {
            return REF_NONE;
        }
    }
    switch ((int)f) {
    case BI_abs:
        return ir_int(ir, x[0] < 0 ? -x[0] : x[0]);
    case BI_sign:
        return ir_int(ir, (x[0] > 0) - (x[0] < 0));
    case BI_maximum:
        return ir_int(ir, x[0] > x[1] ? x[0] : x[1]);
    case BI_minimum:
        return ir_int(ir, x[0] < x[1] ? x[0] : x[1]);
    }
    return REF_NONE;
}

/* The kind of a call of a row on these arguments; checks them. */
static Kind call_kind(const Ir *ir, BuiltinId f, const Ref *args, unsigned count) {
    const Builtin *row = &builtins[f];
    if (count != (unsigned)row->arity) {
        ice("ir", "`%s` takes %d arguments, not %u", row->name, row->arity, count);
    }
    Kind first = ir_kind(ir, args[0]), wanted = first, result = first;
    switch (row->signature) {
    case SIG_REAL:
        wanted = result = KIND_REAL;
        break;
    case SIG_NUMBER:
        break;
    case SIG_INT:
        wanted = result = KIND_INT;
        break;
    case SIG_COMPARE:
        result = KIND_BOOL;
        break;
    case SIG_BOOL:
        wanted = result = KIND_BOOL;
        break;
    case SIG_RANDOM:
        wanted = KIND_INT;
        result = KIND_REAL;
        break;
    }
    for (unsigned k = 0; k < count; k++) {
        const Node *node = node_of(ir, args[k]);
        if (node->kind != wanted || node->rank != 0 ||
            (row->signature == SIG_NUMBER && node->kind == KIND_BOOL)) {
            ice("ir", "argument %u of `%s`, %%%u, has the wrong kind or rank", k, row->name,
                (unsigned)args[k]);
        }
    }
    return result;
}

static Ref build_ordinary(Ir *ir, BuiltinId f, const Ref *args, unsigned count) {
    Kind kind = call_kind(ir, f, args, count);
    if (folds_exactly(f)) {
        Ref folded =
            kind == KIND_INT ? fold_integer(ir, f, args, count) : fold_real(ir, f, args, count);
        if (folded != REF_NONE) {
            return folded;
        }
    }
    if (f == BI_abs && (is_call(ir, args[0], BI_neg) || is_call(ir, args[0], BI_abs))) {
        return ir_call1(ir, BI_abs, node_of(ir, args[0])->args[0]);
    }
    if ((f == BI_maximum || f == BI_minimum)) {
        if (args[0] == args[1]) {
            return args[0];
        }
        Ref sorted[2] = {args[0] < args[1] ? args[0] : args[1],
                         args[0] < args[1] ? args[1] : args[0]};
        return ir_make_call(ir, f, kind, sorted, 2);
    }
    return ir_make_call(ir, f, kind, args, count);
}

Ref ir_call(Ir *ir, BuiltinId f, const Ref *args, unsigned count) {
    call_kind(ir, f, args, count);
    switch ((int)f) {
    case BI_add:
        return ir_add(ir, args[0], args[1]);
    case BI_sub:
        return ir_sub(ir, args[0], args[1]);
    case BI_mul:
        return ir_mul(ir, args[0], args[1]);
    case BI_div:
        return ir_div(ir, args[0], args[1]);
    case BI_neg:
        return ir_neg(ir, args[0]);
    case BI_square:
        return ir_square(ir, args[0]);
    case BI_pow:
        return build_pow(ir, args[0], args[1]);
    case BI_floordiv:
        return ir_floordiv(ir, args[0], args[1]);
    case BI_mod:
        return ir_mod(ir, args[0], args[1]);
    case BI_eq:
    case BI_ne:
    case BI_lt:
    case BI_le:
        return ir_compare(ir, f, args[0], args[1]);
    case BI_and:
        return ir_and(ir, args[0], args[1]);
    case BI_or:
        return ir_or(ir, args[0], args[1]);
    case BI_not:
        return ir_not(ir, args[0]);
    }
    return build_ordinary(ir, f, args, count);
}

Ref ir_call1(Ir *ir, BuiltinId f, Ref a) {
    return ir_call(ir, f, &a, 1);
}

Ref ir_call2(Ir *ir, BuiltinId f, Ref a, Ref b) {
    Ref args[2] = {a, b};
    return ir_call(ir, f, args, 2);
}

/* ---- recurrences ----------------------------------------------------------------------------- */

Ref ir_state(Ir *ir, uint32_t tag, uint32_t k, Index t, IndexSet free, Ref init) {
    const Node *start = node_of(ir, init);
    Node node = {.op = OP_STATE,
                 .kind = start->kind,
                 .rank = start->rank,
                 .shape = start->shape,
                 .free = free | INDEX_BIT(t),
                 .args = &init,
                 .arg_count = 1};
    node.as.state.tag = tag;
    node.as.state.k = k;
    node.as.state.t = t;
    return ir_make(ir, &node);
}

Ref ir_scan(Ir *ir, uint32_t tag, Index t, int direction, const Ref *inits, const Ref *steps,
            uint32_t count) {
    Ref *args = arena_array(ir->arena, Ref, 2 * (size_t)count);
    memcpy(args, inits, count * sizeof *args);
    memcpy(args + count, steps, count * sizeof *args);
    Node node = {.op = OP_SCAN, .kind = KIND_REAL, .args = args, .arg_count = 2 * count};
    node.as.scan.tag = tag;
    node.as.scan.t = t;
    node.as.scan.direction = direction;
    node.as.scan.count = count;
    Ref scan = ir_make(ir, &node);
    if (tag >= ir->tables->tag_count ||
        (ir->tables->scan_of_tag[tag] != REF_NONE && ir->tables->scan_of_tag[tag] != scan)) {
        ice("ir", "tag %u has two scans, or was not made by ir_new_tag", (unsigned)tag);
    }
    ir->tables->scan_of_tag[tag] = scan;
    return scan;
}

Ref ir_pick(Ir *ir, Ref scan, uint32_t k) {
    const Node *node = node_of(ir, scan);
    if (node->op != OP_SCAN || k >= node->as.scan.count) {
        ice("ir", "pick %u of %%%u", (unsigned)k, (unsigned)scan);
    }
    const Node *step = node_of(ir, node->args[node->as.scan.count + k]);
    Dim shape[RANK_LIMIT + 1], one = dim_const(ir, 1);
    if (step->rank == RANK_LIMIT) {
        ice("ir", "a recurrence over arrays of rank %u", (unsigned)step->rank);
    }
    shape[0] = dim_add(ir, ir_index_dim(ir, node->as.scan.t), one);
    if (step->rank > 0) {
        memcpy(shape + 1, step->shape, step->rank * sizeof *shape);
    }
    Node made = {.op = OP_PICK,
                 .kind = step->kind,
                 .rank = (uint8_t)(step->rank + 1),
                 .shape = shape,
                 .args = &scan,
                 .arg_count = 1};
    made.as.pick = k;
    return ir_make(ir, &made);
}

Ref ir_extern(Ir *ir, uint32_t external, const Ref *args, unsigned count) {
    Node node = {.op = OP_EXTERN,
                 .kind = KIND_REAL,
                 .args = args,
                 .arg_count = count,
                 .as.external = external};
    return ir_make(ir, &node);
}

Ref ir_var(Ir *ir, Ref a) {
    return ir_numbered_var(ir, a, 0);
}

Ref ir_numbered_var(Ir *ir, Ref a, uint32_t number) {
    const Node *value = node_of(ir, a);
    Node node = {.op = OP_VAR,
                 .kind = value->kind,
                 .rank = value->rank,
                 .shape = value->shape,
                 .args = &a,
                 .arg_count = 1,
                 .as.variable = number};
    return ir_make(ir, &node);
}

Ref ir_deriv(Ir *ir, Ref e, Ref v) {
    const Node *value = node_of(ir, e), *variable = node_of(ir, v);
    Ref args[2] = {e, v};
    Dim shape[2 * RANK_LIMIT];
    unsigned rank = value->rank + variable->rank;
    if (value->kind != KIND_REAL || variable->kind != KIND_REAL || rank > RANK_LIMIT) {
        ice("ir", "deriv of %%%u by %%%u", (unsigned)e, (unsigned)v);
    }
    for (unsigned k = 0; k < rank; k++) {
        shape[k] = k < value->rank ? value->shape[k] : variable->shape[k - value->rank];
    }
    Node node = {.op = OP_DERIV,
                 .kind = KIND_REAL,
                 .rank = (uint8_t)rank,
                 .shape = shape,
                 .args = args,
                 .arg_count = 2};
    return ir_make(ir, &node);
}

Ref ir_deriv_along(Ir *ir, Ref e, Ref v, Ref direction) {
    const Node *value = node_of(ir, e);
    Ref args[3] = {e, v, direction};
    if (value->kind != KIND_REAL || ir_kind(ir, v) != KIND_REAL ||
        ir_kind(ir, direction) != KIND_REAL || ir_rank(ir, v) != ir_rank(ir, direction)) {
        ice("ir", "deriv of %%%u by %%%u along %%%u", (unsigned)e, (unsigned)v,
            (unsigned)direction);
    }
    Node node = {.op = OP_DERIV,
                 .kind = KIND_REAL,
                 .rank = value->rank,
                 .shape = value->shape,
                 .args = args,
                 .arg_count = 3};
    return ir_make(ir, &node);
}

/* ---- rebuilding ------------------------------------------------------------------------------ */

Ref ir_rebuild_node(Ir *ir, const Node *node, const Ref *args) {
    switch (node->op) {
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
        return ir_make(ir, node);
    case OP_CALL:
        return ir_call(ir, node->as.builtin, args, node->arg_count);
    case OP_EXTERN:
        return ir_extern(ir, node->as.external, args, node->arg_count);
    case OP_CONVERT:
        return ir_convert(ir, args[0]);
    case OP_SELECT:
        return ir_select(ir, args[0], args[1], args[2]);
    case OP_GUARD:
        return ir_guard(ir, args[0], args[1]);
    case OP_READ:
        return ir_read(ir, args[0], args + 1, node->arg_count - 1);
    case OP_ARRAY:
        return ir_array(ir, node->as.indices.list, node->as.indices.count, args[0]);
    case OP_SUM:
        return ir_sum(ir, node->as.index, args[0]);
    case OP_MAX:
        return ir_max(ir, node->as.index, args[0]);
    case OP_ARGMAX:
        return ir_argmax(ir, node->as.index, args[0]);
    case OP_LSE:
        return ir_lse(ir, node->as.index, args[0]);
    case OP_DEPOSIT:
        return ir_deposit(ir, node->as.deposit.bound, node->as.deposit.targets, args + 1,
                          node->as.deposit.count, args[0]);
    case OP_STATE:
        return ir_state(ir, node->as.state.tag, node->as.state.k, node->as.state.t, node->free,
                        args[0]);
    case OP_SCAN:
        return ir_scan(ir, node->as.scan.tag, node->as.scan.t, node->as.scan.direction, args,
                       args + node->as.scan.count, node->as.scan.count);
    case OP_PICK:
        return ir_pick(ir, args[0], node->as.pick);
    case OP_LIB:
        if (node->as.lib.count > 0) {
            return ir_lib_planned(ir, node->as.lib.id, node->as.lib.targets, args[0],
                                  node->arg_count > 1 ? args[1] : REF_NONE);
        }
        return ir_lib(ir, node->as.lib.id, args, node->arg_count);
    case OP_VAR:
        return ir_numbered_var(ir, args[0], node->as.variable);
    case OP_DERIV:
        return node->arg_count == 3 ? ir_deriv_along(ir, args[0], args[1], args[2])
                                    : ir_deriv(ir, args[0], args[1]);
    case OP_COUNT:
        break;
    }
    ice("ir", "rebuild of an unknown node");
}

Ref ir_rebuild(Ir *ir, Ref v, const Ref *args) {
    return ir_rebuild_node(ir, node_of(ir, v), args);
}
