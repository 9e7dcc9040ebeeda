/* header.c: the C header of a unit: prototypes with the shapes of their arguments in the model's
 * terms, offsets of the parameters where sizes are fixed. Valid C99 and C++. */
#include "emit/c_private.h"

#include <string.h>

typedef struct {
    Arena *arena;
    const Unit *unit;
    Text out;
} Header;

static const char *upper(Arena *arena, const char *text) {
    char *copy = arena_copy(arena, text, strlen(text));
    for (char *c = copy; *c; c++) {
        if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
    return copy;
}

/* No comment ends early because a name has a star and a slash in it. */
static const char *safe(Arena *arena, const char *text) {
    char *copy = arena_copy(arena, text, strlen(text));
    for (char *c = copy; *c; c++) {
        if ((c[0] == '*' && c[1] == '/') || (c[0] == '/' && c[1] == '*')) {
            c[1] = ' ';
        }
    }
    return copy;
}

/* ---- shapes in the model's terms ------------------------------------------------------------- */

/* "[K, D]" of the axes from `first` on, "" for a number; with "= 10" where the size is known. */
static void add_shape(Text *out, const Ir *ir, const Dim *shape, unsigned first, unsigned rank) {
    for (unsigned k = first; k < rank; k++) {
        text_format(out, "%s%s", k == first ? "[" : ", ", dim_text(ir, shape[k]));
    }
    text_add(out, first < rank ? "]" : "");
}

static void add_leaf(Text *out, const Ir *ir, const Leaf *leaf, unsigned first) {
    text_add(out, leaf->name);
    add_shape(out, ir, leaf->shape, first, leaf->rank);
    if (leaf->class_dim != DIM_NONE) {
        text_format(out, " in %s", dim_text(ir, leaf->class_dim));
    }
}

/* The leaves of one role, as the file declares them: "θ₀, θ[D]". */
static const char *leaf_list(Arena *arena, const Ir *ir, LeafRole role) {
    Text out;
    text_init(&out, arena);
    for (size_t k = 0; k < ir->leaf_count; k++) {
        if (ir->leaves[k].role == role) {
            text_add(&out, out.length ? ", " : "");
            add_leaf(&out, ir, &ir->leaves[k], 0);
        }
    }
    return out.data;
}

static const char *output_shape(Arena *arena, const Ir *ir, const Output *output) {
    Text out;
    text_init(&out, arena);
    Dim shape[RANK_LIMIT];
    for (unsigned k = 0; k < output->rank; k++) {
        shape[k] = ir_index_dim(ir, output->axes[k]);
    }
    add_shape(&out, ir, shape, 0, output->rank);
    return out.data;
}

/* What the gradient is laid out like: the leaves of the gradient outputs. */
static const char *gradient_comment(Arena *arena, const Ir *ir) {
    Text out;
    text_init(&out, arena);
    text_add(&out, "overwritten");
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        if (output->role == OUT_GRADIENT) {
            text_add(&out, strchr(out.data, ',') ? ", " : ", laid out as ");
            text_add(&out, ir->flat_out ? output->name : ir->leaves[output->leaf].name);
            text_add(&out, output_shape(arena, ir, output));
        }
    }
    return out.data;
}

static const char *tangent_list(Arena *arena, const Ir *ir) {
    Text out;
    text_init(&out, arena);
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role == LEAF_TANGENT && leaf->of < ir->leaf_count) {
            text_add(&out, out.length ? ", " : "");
            add_leaf(&out, ir, &ir->leaves[leaf->of], 0);
        }
    }
    return out.data;
}

/* ---- what an argument is --------------------------------------------------------------------- */

static const char *leaf_comment(Arena *arena, const Ir *ir, uint32_t number) {
    if (number >= ir->leaf_count) {
        return "";
    }
    const Leaf *leaf = &ir->leaves[number];
    Text out;
    text_init(&out, arena);
    if (leaf->rank > 0) {
        text_add(&out, leaf->name);
        add_shape(&out, ir, leaf->shape, 0, leaf->rank);
        text_add(&out, leaf->kind == KIND_REAL ? "" : ", whole numbers");
    } else {
        text_add(&out, leaf->kind == KIND_REAL ? "a number" : "a whole number");
    }
    if (leaf->class_dim != DIM_NONE) {
        text_format(&out, " in %s: 0, 1, …", dim_text(ir, leaf->class_dim));
    }
    return out.data;
}

/* The variables of the columns are those of the blocks that belong to the first rows. */
static const char *matrix_comment(Arena *arena, const Ir *ir) {
    Text out;
    text_init(&out, arena);
    bool *seen = arena_array(arena, bool, ir->leaf_count + 1);
    const char *join = "";
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        if (output->role != OUT_MATRIX || seen[output->leaf]) {
            continue;
        }
        seen[output->leaf] = true;
        if (*join == '\0') {
            bool square = strncmp(output->name, "hessian", 7) == 0;
            text_format(&out, "overwritten: %s by %s, row-major; columns: ",
                        square ? dim_text(ir, output->stride) : "entries of the value",
                        dim_text(ir, output->stride));
        }
        text_add(&out, join);
        add_leaf(&out, ir, &ir->leaves[output->leaf], 0);
        join = ", ";
    }
    return out.data;
}

static const char *argument_comment(Arena *arena, const LoopProgram *program, const LoopArg *arg) {
    const Ir *ir = program->ir;
    switch (arg->role) {
    case ARG_DIM:
        return "a size";
    case ARG_PARAMS:
        return arena_format(arena, "%s%s", leaf_list(arena, ir, LEAF_PARAM),
                            arg->type == C_REAL_PTR ? "; updated" : "");
    case ARG_CONSTS:
        return leaf_list(arena, ir, LEAF_CONST);
    case ARG_ROWS:
        return "the number of samples";
    case ARG_TOTAL:
        return "the number of samples of the whole data set";
    case ARG_STARTS:
        return "the first row of each sample, and the end of the last one";
    case ARG_LENGTHS:
        return "the rows of each sample, the samples one after the other";
    case ARG_ORDER:
        return "the row of each sample, or NULL for 0, 1, 2, …";
    case ARG_DATA:
    case ARG_COLUMN:
    case ARG_SCALAR:
    case ARG_ARRAY:
        return leaf_comment(arena, ir, arg->which);
    case ARG_TANGENT:
        return arena_format(arena, "a direction, laid out as %s", tangent_list(arena, ir));
    case ARG_SEED:
        return "the same seed gives the same numbers";
    case ARG_RATE:
        return "the learning rate";
    case ARG_GRADIENT:
        return gradient_comment(arena, ir);
    case ARG_OUTPUT:
        if (arg->which < ir->output_count) {
            const Output *output = &ir->outputs[arg->which];
            const char *shape = output_shape(arena, ir, output);
            return arena_format(arena, "overwritten: %s%s", output->name ? output->name : arg->name,
                                shape);
        }
        return "overwritten";
    case ARG_MATRIX:
        return matrix_comment(arena, ir);
    case ARG_WORK:
        return arena_format(arena, "scratch memory of %s_work(…) %ss%s", program->name,
                            precisions[program->precision].c,
                            program->precision == PRECISION_F32 ? ", aligned to 8 bytes" : "");
    }
    return "";
}

/* ---- functions ------------------------------------------------------------------------------- */

static void add_prototype(Header *header, const char *result, const char *name, const LoopArg *args,
                          size_t count) {
    const Precision precision = unit_precision(header->unit);
    Text *out = &header->out;
    const char *head = arena_format(header->arena, "%s%s(", result, name);
    size_t margin = strlen(head);
    size_t column = margin;
    text_add(out, head);
    for (size_t k = 0; k < count; k++) {
        const char *formal = c_formal(header->arena, precision, args[k].type,
                                      c_legal(header->arena, args[k].name), "");
        size_t width = strlen(formal) + 2;
        bool turn = k > 0 && column + width > 100;
        text_add(out, k == 0 ? "" : turn ? "," : ", ");
        if (turn) {
            text_format(out, "\n%*s", (int)margin, "");
            column = margin;
        }
        text_add(out, formal);
        column += width;
    }
    text_add(out, count == 0 ? "void);\n" : ");\n");
}

static const char *value_text(const LoopProgram *program) {
    bool gradient = false;
    bool derivative = false;
    bool matrix = false;
    for (size_t k = 0; k < program->arg_count; k++) {
        gradient |= program->args[k].role == ARG_GRADIENT;
        derivative |= program->args[k].role == ARG_TANGENT;
        matrix |= program->args[k].role == ARG_MATRIX;
    }
    if (!program->returns) {
        return "Sets its outputs.";
    }
    if (derivative && gradient) {
        return "Returns the value; sets the Hessian times v.";
    }
    if (matrix) {
        return "Returns the value; sets the gradient and the Hessian.";
    }
    if (derivative) {
        return "Returns the value; sets its directional derivative.";
    }
    return gradient ? "Returns the value; sets the gradient." : "Returns the value.";
}

static void add_function(Header *header, const LoopProgram *program) {
    Text *out = &header->out;
    const char *place = span_text(header->arena, header->unit, program_span(program));
    text_format(out, "\n/* %s%s%s%s", value_text(program), place ? "  (" : "",
                place ? safe(header->arena, place) : "", place ? ")" : "");
    size_t width = 0;
    for (size_t k = 0; k < program->arg_count; k++) {
        size_t length = strlen(c_legal(header->arena, program->args[k].name));
        width = length > width ? length : width;
    }
    for (size_t k = 0; program->ir && k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        text_format(out, "\n *   %-*s  %s", (int)width, c_legal(header->arena, arg->name),
                    safe(header->arena, argument_comment(header->arena, program, arg)));
    }
    text_add(out, " */\n");
    const char *real = arena_format(header->arena, "%s ", precisions[program->precision].c);
    add_prototype(header, program->returns ? real : "void ", program->name, program->args,
                  program->arg_count);
}

static void add_size_function(Header *header, const SizeFunction *size) {
    text_format(&header->out, "\n/* %s */\n", size->comment);
    add_prototype(header, "size_t ", size->name, size->args, size->arg_count);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* PREFIX_W_OFFSET for each parameter that begins at a fixed place; PREFIX_PARAM_COUNT. `own`: of
 * the params as the user sees them. */
static void add_offsets(Header *header, const Ir *ir, const char *prefix, bool own) {
    Text *out = &header->out;
    int64_t offset = 0;
    bool known = true;
    for (size_t k = 0; known && k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role != LEAF_PARAM) {
            continue;
        }
        const char *name = loop_c_name(header->arena, leaf->name);
        text_format(out, "#define %s_%s_%sOFFSET %lld\n", prefix, upper(header->arena, name),
                    own ? "CONSTRAINED_" : "", (long long)offset);
        int64_t entries;
        known = leaf_entries(ir, leaf, own, &entries);
        offset += known ? entries : 0;
    }
    if (known) {
        text_format(out, "#define %s_%s_COUNT %lld\n", prefix, own ? "CONSTRAINED" : "PARAM",
                    (long long)offset);
    }
}

/* The params, as the user sees them: "sigma, p[3]". */
static const char *own_list(Arena *arena, const Ir *ir) {
    Text out;
    text_init(&out, arena);
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        unsigned rank;
        const Dim *shape = leaf_shape(leaf, true, &rank);
        if (leaf->role == LEAF_PARAM) {
            text_format(&out, "%s%s", out.length ? ", " : "", leaf->name);
            add_shape(&out, ir, shape, 0, rank);
        }
    }
    return out.data;
}

static void add_layout(Header *header, const Ir *ir, const char *prefix) {
    Text *out = &header->out;
    bool constrained = false;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        constrained |= ir->leaves[k].constrained;
    }
    text_format(out, "\n/* Parameters, in the order of params: %s.%s */\n",
                safe(header->arena, leaf_list(header->arena, ir, LEAF_PARAM)),
                constrained ? "\n * Of constrained ones, params has the free numbers." : "");
    add_offsets(header, ir, prefix, false);
    if (constrained_differs(ir)) {
        text_format(out, "/* In the order of constrained: %s. */\n",
                    safe(header->arena, own_list(header->arena, ir)));
        add_offsets(header, ir, prefix, true);
    }
}

const char *emit_header(Arena *arena, const Unit *unit) {
    Header header = {.arena = arena, .unit = unit};
    text_init(&header.out, arena);
    Text *out = &header.out;
    const char *prefix = upper(arena, unit->prefix);
    text_format(out, "/* %s.h: C functions of the model `%s`; made by gradc from %s. */\n",
                unit->prefix, safe(arena, unit->model_name),
                safe(arena, base_name(unit->source_path)));
    if (unit_uses_lapack(unit)) {
        text_add(out, "/* Linear algebra is LAPACK's: link with -llapack. What does not exist is "
                      "NaN: the Cholesky\n"
                      " * factor of a matrix that is not positive definite, a solution with a "
                      "singular one. */\n");
    }
    text_format(out, "#ifndef %s_H\n#define %s_H\n\n", prefix, prefix);
    text_add(out, "#include <stddef.h>\n#include <stdint.h>\n\n");
    text_add(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    const LoopProgram *with_params = unit_with_params(unit);
    if (with_params) {
        add_layout(&header, with_params->ir, prefix);
    }
    size_t count;
    const SizeFunction *sizes = unit_sizes(arena, unit, &count);
    for (size_t k = 0; k < count; k++) {
        add_size_function(&header, &sizes[k]);
    }
    for (size_t f = 0; f < unit->function_count; f++) {
        add_function(&header, unit->functions[f]);
    }
    text_add(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return out->data;
}
