/* sizes.c: the size functions of the C interface (m_param_count, m_f_work), as int expressions that
 * both printers print; and small questions about leaves and places that they ask. */
#include "emit/emit_private.h"
#include "runtime/abi.h"

#include <string.h>

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *span_text(Arena *arena, const Unit *unit, Span span) {
    if (span.file == 0 || !unit->sources) {
        return NULL;
    }
    const Source *source = sources_get(unit->sources, span.file);
    Place place = sources_place(unit->sources, span.file, span.start);
    return arena_format(arena, "%s:%u", base_name(source->path), (unsigned)place.line);
}

_Static_assert(IR_NAN_OUTSIDE == (GRADC_NAN | (uint64_t)GRADC_OUTSIDE << GRADC_NAN_WHAT) &&
                   IR_NAN_DIVIDED == (GRADC_NAN | (uint64_t)GRADC_DIVIDED << GRADC_NAN_WHAT) &&
                   (int)IR_NAN_LINE == GRADC_NAN_LINE,
               "the runtime knows what the IR means");

uint64_t emit_where(const Unit *unit, LibId f, Span span) {
    uint64_t what = f == LIB_CHOLESKY                          ? GRADC_NOT_DEFINITE
                    : f == LIB_LU_SOLVE || f == LIB_LU_SOLVE_T ? GRADC_SINGULAR
                                                               : GRADC_ZERO_DIAGONAL;
    uint64_t line = 0;
    if (span.file != 0 && unit->sources) {
        line = sources_place(unit->sources, span.file, span.start).line;
    }
    return GRADC_NAN | what << GRADC_NAN_WHAT | (line <= UINT16_MAX ? line << GRADC_NAN_LINE : 0);
}

Precision unit_precision(const Unit *unit) {
    return unit->function_count > 0 ? unit->functions[0]->precision
           : unit->kernel_count > 0 ? unit->kernels[0]->precision
                                    : PRECISION_F64;
}

Span program_span(const LoopProgram *program) {
    const Ir *ir = program->ir;
    for (size_t k = 0; ir && k < ir->output_count; k++) {
        OutputRole role = ir->outputs[k].role;
        if ((role == OUT_VALUE || role == OUT_ARRAY) && ir->outputs[k].span.file != 0) {
            return ir->outputs[k].span;
        }
    }
    if (ir && ir->at.file != 0) {
        return ir->at;
    }
    for (const LoopStmt *s = program->body; s; s = s->next) {
        if (s->span.file != 0) {
            return s->span;
        }
    }
    return (Span){0};
}

const Dim *leaf_shape(const Leaf *leaf, bool own, unsigned *rank) {
    own = own && leaf->constrained;
    *rank = own ? leaf->own_rank : leaf->rank;
    return own ? leaf->own_shape : leaf->shape;
}

bool leaf_entries(const Ir *ir, const Leaf *leaf, bool own, int64_t *entries) {
    unsigned rank;
    const Dim *shape = leaf_shape(leaf, own, &rank);
    *entries = 1;
    for (unsigned k = 0; k < rank; k++) {
        int64_t extent;
        if (!dim_value(ir, shape[k], &extent)) {
            return false;
        }
        *entries *= extent;
    }
    return true;
}

bool constrained_differs(const Ir *ir) {
    bool differs = false;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        bool same = !leaf->constrained || leaf->rank == leaf->own_rank;
        for (unsigned axis = 0; same && leaf->constrained && axis < leaf->rank; axis++) {
            same = leaf->shape[axis] == leaf->own_shape[axis];
        }
        differs |= !same;
    }
    return differs;
}

const LoopProgram *unit_with_params(const Unit *unit) {
    for (size_t f = 0; f < unit->function_count; f++) {
        const Ir *ir = unit->functions[f]->ir;
        for (size_t k = 0; ir && k < ir->leaf_count; k++) {
            if (ir->leaves[k].role == LEAF_PARAM) {
                return unit->functions[f];
            }
        }
    }
    return NULL;
}

/* ---- dims in postfix to expressions ---------------------------------------------------------- */

typedef struct {
    Arena *arena;
    const LoopProgram *program;
    LoopArg *args; /* of the size function: those of the program's dims that occur */
    size_t arg_count;
} Sizes;

static LoopExpr *new_expr(Sizes *sizes, LoopExprKind kind) {
    LoopExpr *expr = arena_new(sizes->arena, LoopExpr);
    expr->kind = kind;
    expr->type = KIND_INT;
    return expr;
}

static const LoopExpr *int_expr(Sizes *sizes, int64_t value) {
    LoopExpr *expr = new_expr(sizes, LX_INT);
    expr->as.integer = value;
    return expr;
}

static const LoopExpr *binary(Sizes *sizes, BuiltinId id, const LoopExpr *a, const LoopExpr *b) {
    bool a_is_int = a->kind == LX_INT;
    bool b_is_int = b->kind == LX_INT;
    if (id == BI_add && a_is_int && b_is_int) {
        return int_expr(sizes, a->as.integer + b->as.integer);
    }
    if (id == BI_mul && a_is_int && b_is_int) {
        return int_expr(sizes, a->as.integer * b->as.integer);
    }
    if (id == BI_mul && a_is_int && a->as.integer == 1) {
        return b;
    }
    if (id == BI_add && a_is_int && a->as.integer == 0) {
        return b;
    }
    LoopExpr *expr = new_expr(sizes, LX_CALL);
    expr->as.builtin = id;
    expr->count = 2;
    expr->args[0] = a;
    expr->args[1] = b;
    return expr;
}

static const char *dim_arg_name(const LoopProgram *program, const LoopArg *arg) {
    Name name = NULL;
    if (program->ir && arg->which < dim_symbol_count(program->ir)) {
        dim_is_symbol(program->ir, dim_symbol_at(program->ir, arg->which), &name);
    }
    return name ? name : arg->name;
}

/* The argument of the size function for the dim `name`, added when new. */
static const LoopExpr *dim_expr(Sizes *sizes, const char *name) {
    const LoopProgram *program = sizes->program;
    for (size_t k = 0; k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        if (arg->role != ARG_DIM || strcmp(dim_arg_name(program, arg), name) != 0) {
            continue;
        }
        size_t n = 0;
        while (n < sizes->arg_count && sizes->args[n].which != arg->which) {
            n++;
        }
        if (n == sizes->arg_count) {
            sizes->args[sizes->arg_count] = *arg;
            sizes->args[sizes->arg_count++].type = C_SIZE;
        }
        LoopExpr *expr = new_expr(sizes, LX_ARG);
        expr->as.arg = (uint32_t)n;
        return expr;
    }
    for (size_t k = 0; k < dim_symbol_count(program->ir); k++) {
        Name symbol;
        int64_t value;
        Dim dim = dim_symbol_at(program->ir, k);
        if (dim_is_symbol(program->ir, dim, &symbol) && strcmp(symbol, name) == 0 &&
            dim_value(program->ir, dim, &value)) {
            return int_expr(sizes, value);
        }
    }
    ice("emit", "the size `%s` of a parameter is no argument of %s", name, program->name);
}

static bool operator_of(const char *token, size_t length, BuiltinId *id) {
    static const struct {
        const char *text;
        BuiltinId id;
    } operators[] = {
        {"+", BI_add}, {"-", BI_sub}, {"*", BI_mul}, {"//", BI_floordiv}, {"%", BI_mod},
    };
    for (size_t k = 0; k < sizeof operators / sizeof operators[0]; k++) {
        if (strlen(operators[k].text) == length && memcmp(operators[k].text, token, length) == 0) {
            *id = operators[k].id;
            return true;
        }
    }
    return false;
}

/* "D D 1 + * 2 //" as an expression. */
static const LoopExpr *rpn_expr(Sizes *sizes, const char *rpn) {
    enum { DEPTH = 256 };
    const LoopExpr *stack[DEPTH];
    size_t depth = 0;
    while (*rpn) {
        size_t length = strcspn(rpn, " ,");
        BuiltinId id;
        if (operator_of(rpn, length, &id)) {
            if (depth < 2) {
                ice("emit", "a size is not in postfix form");
            }
            stack[depth - 2] = binary(sizes, id, stack[depth - 2], stack[depth - 1]);
            depth--;
        } else if (length > 0) {
            if (depth == DEPTH) {
                ice("emit", "a size is too deep");
            }
            const char *token = arena_copy(sizes->arena, rpn, length);
            bool number = (*token >= '0' && *token <= '9') || (*token == '-' && length > 1);
            const char *end;
            stack[depth++] = number ? int_expr(sizes, (int64_t)number_read(token, &end))
                                    : dim_expr(sizes, token);
        }
        rpn += length;
        rpn += strspn(rpn, " ,");
    }
    if (depth != 1) {
        ice("emit", "a size is not in postfix form");
    }
    return stack[0];
}

static int compare_args(const LoopArg *a, const LoopArg *b) {
    return a->which < b->which ? -1 : a->which > b->which;
}

/* Puts the arguments into the order of the file and renumbers the expression. */
static const LoopExpr *renumber(Sizes *sizes, const LoopExpr *expr, const LoopArg *old) {
    if (expr->kind == LX_ARG) {
        LoopExpr *copy = new_expr(sizes, LX_ARG);
        while (sizes->args[copy->as.arg].which != old[expr->as.arg].which) {
            copy->as.arg++;
        }
        return copy;
    }
    if (expr->count == 0) {
        return expr;
    }
    LoopExpr *copy = new_expr(sizes, expr->kind);
    *copy = *expr;
    if (expr->kind == LX_MOST) {
        for (copy->as.arg = 0; sizes->args[copy->as.arg].which != old[expr->as.arg].which;) {
            copy->as.arg++;
        }
    }
    for (unsigned k = 0; k < expr->count; k++) {
        copy->args[k] = renumber(sizes, expr->args[k], old);
    }
    return copy;
}

static const LoopExpr *sort_args(Sizes *sizes, const LoopExpr *value) {
    LoopArg *old = arena_array(sizes->arena, LoopArg, sizes->arg_count + 1);
    memcpy(old, sizes->args, sizes->arg_count * sizeof *old);
    for (size_t k = 1; k < sizes->arg_count; k++) {
        for (size_t j = k; j > 0 && compare_args(&sizes->args[j], &sizes->args[j - 1]) < 0; j--) {
            LoopArg swap = sizes->args[j];
            sizes->args[j] = sizes->args[j - 1];
            sizes->args[j - 1] = swap;
        }
    }
    return renumber(sizes, value, old);
}

/* m_param_count; `own`: m_constrained_count, of the params as the user sees them. */
static SizeFunction param_count(Arena *arena, const Unit *unit, const LoopProgram *program,
                                bool own) {
    Sizes sizes = {.arena = arena, .program = program};
    sizes.args = arena_array(arena, LoopArg, program->arg_count + 1);
    const LoopExpr *total = int_expr(&sizes, 0);
    const Ir *ir = program->ir;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role != LEAF_PARAM) {
            continue;
        }
        const LoopExpr *entries = int_expr(&sizes, 1);
        unsigned rank;
        const Dim *shape = leaf_shape(leaf, own, &rank);
        for (unsigned axis = 0; axis < rank; axis++) {
            const LoopExpr *extent = rpn_expr(&sizes, dim_rpn(ir, shape[axis]));
            entries = binary(&sizes, BI_mul, entries, extent);
        }
        total = binary(&sizes, BI_add, total, entries);
    }
    total = sort_args(&sizes, total);
    return (SizeFunction){
        .name = arena_format(arena, own ? "%s_constrained_count" : "%s_param_count", unit->prefix),
        .comment = own ? "The number of entries of the params as declared, of which some are "
                         "constrained."
                       : "The number of entries of params.",
        .args = sizes.args,
        .arg_count = sizes.arg_count,
        .value = total,
    };
}

bool loop_mentions(const LoopExpr *expr, uint32_t arg) {
    if ((expr->kind == LX_ARG || expr->kind == LX_MOST) && expr->as.arg == arg) {
        return true;
    }
    for (unsigned k = 0; k < expr->count; k++) {
        if (loop_mentions(expr->args[k], arg)) {
            return true;
        }
    }
    return false;
}

/* The arguments of m_f_work are the dims of m_f, and m where the size depends on it. Other
 * arguments keep their numbers, so the expression can stay as it is: args are copied with gaps
 * closed. */
static SizeFunction work_size(Arena *arena, const LoopProgram *program) {
    Sizes sizes = {.arena = arena, .program = program};
    sizes.args = arena_array(arena, LoopArg, program->arg_count + 1);
    for (size_t k = 0; k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        bool rows = (arg->role == ARG_ROWS || arg->role == ARG_LENGTHS) &&
                    loop_mentions(program->work_size, (uint32_t)k);
        if (arg->role == ARG_DIM || rows) {
            LoopArg *copy = &sizes.args[sizes.arg_count++];
            *copy = *arg;
            copy->type = arg->role == ARG_LENGTHS ? C_CONST_SIZE_PTR : C_SIZE;
            copy->which = (uint32_t)k; /* for renumber: unique among all arguments */
        }
    }
    LoopArg *old = arena_array(arena, LoopArg, program->arg_count + 1);
    for (size_t k = 0; k < program->arg_count; k++) {
        old[k].which = (uint32_t)k;
    }
    return (SizeFunction){
        .name = arena_format(arena, "%s_work", program->name),
        .comment = arena_format(arena, "The number of %ss that %s needs as work.",
                                precisions[program->precision].c, program->name),
        .args = sizes.args,
        .arg_count = sizes.arg_count,
        .value = renumber(&sizes, program->work_size, old),
    };
}

SizeFunction *unit_sizes(Arena *arena, const Unit *unit, size_t *count) {
    SizeFunction *list = arena_array(arena, SizeFunction, unit->function_count + 2);
    *count = 0;
    const LoopProgram *with_params = unit_with_params(unit);
    if (with_params) {
        list[(*count)++] = param_count(arena, unit, with_params, false);
        if (constrained_differs(with_params->ir)) {
            list[(*count)++] = param_count(arena, unit, with_params, true);
        }
    }
    for (size_t f = 0; f < unit->function_count; f++) {
        if (unit->functions[f]->work_size) {
            list[(*count)++] = work_size(arena, unit->functions[f]);
        }
    }
    return list;
}
