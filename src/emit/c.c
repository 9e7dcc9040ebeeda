/* c.c: loop programs as C99 source, for compilers and for people: the model's names, its lines in
 * comments, one statement for each of the program's. Decides nothing. */
#include "emit/c_private.h"

#include <string.h>

typedef struct {
    CPrinter printer; /* first: expressions */
    Arena *arena;
    const Unit *unit;
    Uses uses;
    const char *last_place; /* "line.model:4", as printed last */
} Function;

/* ---- comments -------------------------------------------------------------------------------- */

/* Text that may stand inside a comment. */
static const char *comment_text(Arena *arena, const char *text) {
    Text out;
    text_init(&out, arena);
    for (; *text; text++) {
        text_add_bytes(&out, *text == '\n' ? " " : text, 1);
        bool ends = text[0] == '*' && text[1] == '/';
        bool begins = text[0] == '/' && text[1] == '*';
        text_add(&out, ends || begins ? " " : "");
    }
    return out.data;
}

/* Ends a line of code; with the model's line as a comment where it is another one than before. */
static void end_line(Function *function, Span span) {
    Text *out = function->printer.out;
    const char *place = span_text(function->arena, function->unit, span);
    if (place && (!function->last_place || strcmp(place, function->last_place) != 0)) {
        text_format(out, " /* %s */", comment_text(function->arena, place));
        function->last_place = place;
    }
    text_add(out, "\n");
}

/* ---- statements ------------------------------------------------------------------------------ */

static void begin_line(Function *function) {
    for (int k = 0; k < function->printer.out->indent; k++) {
        text_add(function->printer.out, "    ");
    }
}

static void print_expr(Function *function, const LoopExpr *expr, CPrecedence around) {
    c_expr(&function->printer, expr, around);
}

static const char *real_text(const Function *function) {
    return precisions[function->printer.program->precision].c;
}

static const char *kind_text(const Function *function, Kind kind) {
    switch (kind) {
    case KIND_REAL:
        return real_text(function);
    case KIND_INT:
        return "int64_t";
    case KIND_BOOL:
        return "int";
    }
    return "";
}

static void print_statements(Function *function, const LoopStmt *statement);

static void print_body(Function *function, const LoopStmt *statement) {
    Text *out = function->printer.out;
    text_add(out, " {");
    end_line(function, statement->span);
    out->indent++;
    print_statements(function, statement->body);
    out->indent--;
    text_line(out, "}");
}

static void print_for(Function *function, const LoopStmt *statement) {
    Text *out = function->printer.out;
    const char *name = function->printer.names.vars[statement->var];
    begin_line(function);
    text_format(out, "for (int64_t %s = ", name);
    if (statement->down) {
        print_expr(function, statement->high, C_SUM);
        text_format(out, " - 1; %s >= ", name);
        print_expr(function, statement->low, C_SUM);
        text_format(out, "; %s--)", name);
    } else {
        print_expr(function, statement->low, C_CONDITIONAL);
        text_format(out, "; %s < ", name);
        print_expr(function, statement->high, C_SUM);
        text_format(out, "; %s++)", name);
    }
    print_body(function, statement);
}

/* A variable that is a double where reals are not. */
static bool is_wider(const Function *function, VarId var) {
    const LoopProgram *program = function->printer.program;
    return program->precision != PRECISION_F64 && program->vars[var].wide;
}

/* `target += value`, or `-=` where the value is a negation. */
static void print_add(Function *function, const LoopStmt *statement) {
    const LoopExpr *negated = c_negated(statement->value);
    const bool wider = statement->kind == LS_ADD && is_wider(function, statement->var);
    text_format(function->printer.out, " %s= %s", negated ? "-" : "+", wider ? "(double)" : "");
    print_expr(function, negated ? negated : statement->value, wider ? C_PRIMARY : C_ANY);
}

static void print_max(Function *function, const LoopStmt *statement) {
    bool real = function->printer.program->vars[statement->var].kind == KIND_REAL;
    const char *name = function->printer.names.vars[statement->var];
    function->printer.helpers[real ? HELPER_maximum : HELPER_int_maximum] = true;
    text_format(function->printer.out, "%s = %s(%s, ", name, real ? "maximum" : "int_maximum",
                name);
    print_expr(function, statement->value, C_CONDITIONAL);
    text_add(function->printer.out, ")");
}

static void print_target(Function *function, const LoopStmt *statement) {
    text_format(function->printer.out, "%s[", function->printer.names.buffers[statement->buffer]);
    print_expr(function, statement->index, C_ANY);
    text_add(function->printer.out, "]");
}

static void print_zero(Function *function, const LoopStmt *statement) {
    Text *out = function->printer.out;
    CNames *names = &function->printer.names;
    const char *k = names->zeros[names->zero_count++];
    const LoopBuffer *buffer = &function->printer.program->buffers[statement->buffer];
    begin_line(function);
    text_format(out, "for (int64_t %s = 0; %s < ", k, k);
    print_expr(function, statement->value, C_SUM);
    text_format(out, "; %s++) {", k);
    end_line(function, statement->span);
    text_line(out, "    %s[%s] = %s;", names->buffers[statement->buffer], k,
              buffer->kind == KIND_REAL
                  ? emit_retype(function->arena, "0.0", function->printer.program->precision, true)
                  : "0");
    text_line(out, "}");
}

/* "m + n * n", or "m". */
static void print_address(Function *function, BufferId buffer, const LoopExpr *index) {
    Text *out = function->printer.out;
    text_add(out, function->printer.names.buffers[buffer]);
    if (index->kind != LX_INT || index->as.integer != 0) {
        text_add(out, " + ");
        print_expr(function, index, C_SUM);
    }
}

static void print_library(Function *function, const LoopStmt *statement) {
    static const char *const names[LIB_COUNT] = {
        [LIB_CHOLESKY] = "matrix_cholesky",      [LIB_LU] = "matrix_lu",
        [LIB_LOWER_SOLVE] = "matrix_triangular", [LIB_LOWER_SOLVE_T] = "matrix_triangular",
        [LIB_LU_SOLVE] = "matrix_solve",         [LIB_LU_SOLVE_T] = "matrix_solve",
        [LIB_FACTOR_SOLVE] = "matrix_symmetric", [LIB_FACTOR_INV] = "matrix_inverse",
    };
    static const Helper helpers[LIB_COUNT] = {
        [LIB_CHOLESKY] = HELPER_matrix_cholesky,
        [LIB_LU] = HELPER_matrix_lu,
        [LIB_LOWER_SOLVE] = HELPER_matrix_triangular,
        [LIB_LOWER_SOLVE_T] = HELPER_matrix_triangular,
        [LIB_LU_SOLVE] = HELPER_matrix_solve,
        [LIB_LU_SOLVE_T] = HELPER_matrix_solve,
        [LIB_FACTOR_SOLVE] = HELPER_matrix_symmetric,
        [LIB_FACTOR_INV] = HELPER_matrix_inverse,
    };
    Text *out = function->printer.out;
    const LibId f = statement->lib;
    if (f != LIB_LU) {
        function->printer.helpers[HELPER_matrix_fail] = true;
    }
    function->printer.helpers[helpers[f]] = true;
    text_format(out, "%s(", names[f]);
    print_address(function, statement->buffer, statement->index);
    if (statement->low) {
        text_add(out, ", ");
        print_address(function, statement->factor, statement->low);
    }
    text_add(out, ", ");
    print_expr(function, statement->value, C_CONDITIONAL);
    if (statement->high) {
        bool turned = f == LIB_LOWER_SOLVE || f == LIB_LU_SOLVE; /* see llvm_matrix.def */
        text_add(out, ", ");
        print_expr(function, statement->high, C_CONDITIONAL);
        text_add(out, f == LIB_FACTOR_SOLVE ? "" : turned ? ", \"T\"" : ", \"N\"");
    }
    text_add(out, ")");
}

static void print_product(Function *function, const LoopStmt *statement) {
    static const unsigned order[] = {PRODUCT_B_STEP, PRODUCT_B_COLUMN, PRODUCT_ROWS,
                                     PRODUCT_COLUMNS, PRODUCT_COUNT};
    Text *out = function->printer.out;
    const LoopProduct *product = statement->product;
    function->printer.helpers[HELPER_product] = true;
    text_add(out, "product(");
    print_address(function, statement->buffer, statement->index);
    text_add(out, ", ");
    print_expr(function, product->parts[PRODUCT_C_ROW], C_CONDITIONAL);
    text_add(out, ", ");
    print_address(function, product->a, product->parts[PRODUCT_A_AT]);
    text_add(out, ", ");
    print_expr(function, product->parts[PRODUCT_A_ROW], C_CONDITIONAL);
    text_add(out, ", ");
    print_expr(function, product->parts[PRODUCT_A_STEP], C_CONDITIONAL);
    text_add(out, ", ");
    print_address(function, product->b, product->parts[PRODUCT_B_AT]);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        text_add(out, ", ");
        print_expr(function, product->parts[order[k]], C_CONDITIONAL);
    }
    text_add(out, ")");
}

/* Statements of one line, without the indentation and the end. */
static void print_simple(Function *function, const LoopStmt *statement) {
    Text *out = function->printer.out;
    const LoopProgram *program = function->printer.program;
    const char *name = function->printer.names.vars[statement->var];
    switch (statement->kind) {
    case LS_LET:
    case LS_DECLARE:
        text_format(out, "%s%s %s = ", statement->kind == LS_LET ? "const " : "",
                    is_wider(function, statement->var)
                        ? "double"
                        : kind_text(function, program->vars[statement->var].kind),
                    name);
        print_expr(function, statement->value, C_ANY);
        break;
    case LS_ADD:
        text_add(out, name);
        print_add(function, statement);
        break;
    case LS_MAX:
        print_max(function, statement);
        break;
    case LS_ASSIGN:
        text_format(out, "%s = ", name);
        print_expr(function, statement->value, C_ANY);
        break;
    case LS_STORE:
        print_target(function, statement);
        text_add(out, " = ");
        print_expr(function, statement->value, C_ANY);
        break;
    case LS_STORE_ADD:
        print_target(function, statement);
        print_add(function, statement);
        break;
    case LS_LEAVE:
        text_add(out, "break");
        break;
    case LS_RETURN:
        text_add(out, "return ");
        print_expr(function, statement->value, C_ANY);
        break;
    case LS_PRODUCT:
        print_product(function, statement);
        break;
    case LS_LIB:
        print_library(function, statement);
        break;
    case LS_FOR:
    case LS_ZERO:
    case LS_IF:
    case LS_PREFETCH:
    case LS_COMMENT:
        break;
    }
}

static void print_statement(Function *function, const LoopStmt *statement) {
    switch (statement->kind) {
    case LS_FOR:
        print_for(function, statement);
        return;
    case LS_ZERO:
        print_zero(function, statement);
        return;
    case LS_IF:
        begin_line(function);
        text_add(function->printer.out, "if (");
        print_expr(function, statement->condition, C_ANY);
        text_add(function->printer.out, ")");
        print_body(function, statement);
        return;
    case LS_PREFETCH: /* C has none */
        return;
    case LS_COMMENT:
        text_line(function->printer.out, "/* %s */",
                  comment_text(function->arena, statement->text));
        return;
    case LS_LET:
    case LS_DECLARE:
    case LS_ADD:
    case LS_MAX:
    case LS_ASSIGN:
    case LS_STORE:
    case LS_STORE_ADD:
    case LS_PRODUCT:
    case LS_LIB:
    case LS_LEAVE:
    case LS_RETURN:
        begin_line(function);
        print_simple(function, statement);
        text_add(function->printer.out, ";");
        end_line(function, statement->span);
        return;
    }
}

static void print_statements(Function *function, const LoopStmt *statement) {
    for (; statement; statement = statement->next) {
        if (!statement_is_dead(&function->uses, statement)) {
            print_statement(function, statement);
        }
    }
}

/* ---- functions ------------------------------------------------------------------------------- */

/* "double f(size_t D, const double *params, …)", broken where a line would be longer than 100. */
static void print_signature(Arena *arena, Text *out, Precision precision, const char *head,
                            const char *const *formals, const LoopArg *args, size_t count) {
    size_t margin = strlen(head);
    size_t column = margin;
    text_add(out, head);
    for (size_t k = 0; k < count; k++) {
        const char *formal = c_formal(arena, precision, args[k].type, formals[k], "restrict ");
        size_t width = strlen(formal) + 2;
        if (k > 0 && column + width > 100) {
            text_format(out, ",\n%*s", (int)margin, "");
            column = margin;
        } else {
            text_add(out, k > 0 ? ", " : "");
        }
        text_add(out, formal);
        column += width;
    }
    text_format(out, "%s)\n{\n", count == 0 ? "void" : "");
}

/* Sizes as int64_t, unused arguments. */
static void print_arguments(Function *function) {
    Text *out = function->printer.out;
    const LoopProgram *program = function->printer.program;
    const CNames *names = &function->printer.names;
    for (size_t k = 0; k < program->arg_count; k++) {
        if (!function->uses.arg_used[k]) {
            text_line(out, "(void)%s;", names->args[k]);
        } else if (program->args[k].type == C_SIZE) {
            text_line(out, "const int64_t %s = (int64_t)%s;", names->args[k], names->formals[k]);
        }
    }
}

static void print_buffer(Function *function, size_t number) {
    Text *out = function->printer.out;
    const LoopProgram *program = function->printer.program;
    const LoopBuffer *buffer = &program->buffers[number];
    const char *name = function->printer.names.buffers[number];
    const char *element = buffer->kind == KIND_REAL ? real_text(function) : "int64_t";
    if (buffer->place != BUFFER_LOCAL && program->args[buffer->arg].type == C_CONST_SIZE_PTR) {
        element = "size_t";
    }
    if (buffer->place == BUFFER_LOCAL) {
        text_line(out, "%s %s[%lld];", element, name, (long long)(buffer->size ? buffer->size : 1));
        if (!function->uses.buffer_read[number]) {
            text_line(out, "(void)%s;", name);
        }
        return;
    }
    const char *base = function->printer.names.args[buffer->arg];
    if (name == base) {
        return;
    }
    bool cast = buffer->place == BUFFER_WORK && buffer->kind != KIND_REAL;
    CType type = program->args[buffer->arg].type;
    bool constant = type != C_REAL_PTR;
    begin_line(function);
    text_format(out, "%s%s *%s = %s%s", constant ? "const " : "", element, name,
                cast ? "(int64_t *)(void *)" : "", base);
    if (buffer->offset) {
        text_add(out, " + ");
        print_expr(function, buffer->offset, C_PRODUCT);
    }
    text_add(out, ";\n");
}

static void print_function(Function *function, const char *storage) {
    Text *out = function->printer.out;
    const LoopProgram *program = function->printer.program;
    const char *head = arena_format(function->arena, "%s%s %s(", storage,
                                    program->returns ? real_text(function) : "void", program->name);
    text_add(out, "\n");
    print_signature(function->arena, out, program->precision, head, function->printer.names.formals,
                    program->args, program->arg_count);
    out->indent = 1;
    print_arguments(function);
    for (size_t b = 0; b < program->buffer_count; b++) {
        if (function->uses.buffer_used[b]) {
            print_buffer(function, b);
        }
    }
    print_statements(function, program->body);
    out->indent = 0;
    text_add(out, "}\n");
}

/* ---- size functions -------------------------------------------------------------------------- */

static void print_size_function(Arena *arena, Text *out, bool *helpers, const SizeFunction *size) {
    CPrinter printer = {.out = out, .helpers = helpers};
    const char **formals = arena_array(arena, const char *, size->arg_count + 1);
    printer.names.args = arena_array(arena, const char *, size->arg_count + 1);
    for (size_t k = 0; k < size->arg_count; k++) {
        formals[k] = c_legal(arena, size->args[k].name);
        bool size_type = size->args[k].type == C_SIZE;
        printer.names.args[k] =
            size_type ? arena_format(arena, "(int64_t)%s", formals[k]) : formals[k];
    }
    text_add(out, "\n");
    print_signature(arena, out, PRECISION_F64, arena_format(arena, "size_t %s(", size->name),
                    formals, size->args, size->arg_count);
    for (size_t k = 0; k < size->arg_count; k++) {
        if (!loop_mentions(size->value, (uint32_t)k)) {
            text_format(out, "    (void)%s;\n", formals[k]);
        }
    }
    text_add(out, "    return ");
    bool constant = size->value->kind == LX_INT;
    text_add(out, constant ? "" : "(size_t)");
    c_expr(&printer, size->value, constant ? C_ANY : C_PRIMARY);
    text_add(out, ";\n}\n");
}

/* ---- the file -------------------------------------------------------------------------------- */

static void print_helpers(Text *out, Arena *arena, Precision precision, const bool *helpers) {
    static const char *const texts[HELPER_COUNT] = {
#define HELPER(id, text) text,
#include "emit/c_helper.def"
#undef HELPER
    };
    for (size_t k = 0; k < HELPER_COUNT; k++) {
        if (helpers[k]) {
            text_format(out, "\n%s", emit_retype(arena, texts[k], precision, true));
        }
    }
}

static void print_externals(Text *out, const Unit *unit, const bool *used) {
    const Ir *ir = unit->function_count > 0 ? unit->functions[0]->ir : NULL;
    for (size_t k = 0; ir && k < ir->external_count; k++) {
        if (used[k]) {
            text_format(out, "extern double %s(", ir->externals[k].name);
            for (uint32_t j = 0; j < ir->externals[k].arity; j++) {
                text_add(out, j > 0 ? ", double" : "double");
            }
            text_add(out, ");\n");
        }
    }
}

static void print_program(Arena *arena, Text *body, const Unit *unit, LoopProgram *program,
                          bool *helpers, bool *externals, const char *storage) {
    Function function = {.arena = arena, .unit = unit};
    function.printer = (CPrinter){
        .out = body,
        .program = program,
        .helpers = helpers,
        .externals = externals,
    };
    function.uses = program_uses(arena, program);
    function.printer.names = c_names(arena, program, &function.uses);
    print_function(&function, storage);
}

const char *emit_c_function(Arena *arena, const Unit *unit, LoopProgram *program,
                            const char **external) {
    Text body;
    Text out;
    text_init(&body, arena);
    text_init(&out, arena);
    bool *helpers = arena_array(arena, bool, HELPER_COUNT);
    bool *externals = arena_array(arena, bool, program->ir->external_count + 1);
    print_program(arena, &body, unit, program, helpers, externals, "static ");
    print_helpers(&out, arena, program->precision, helpers);
    text_add_bytes(&out, body.data, body.length);
    *external = NULL;
    for (size_t k = 0; k < program->ir->external_count; k++) {
        *external = externals[k] ? program->ir->externals[k].name : *external;
    }
    return out.data;
}

const char *emit_c(Arena *arena, const Unit *unit, const char *header_name) {
    Text body;
    text_init(&body, arena);
    bool *helpers = arena_array(arena, bool, HELPER_COUNT);
    const Ir *ir = unit->function_count > 0 ? unit->functions[0]->ir : NULL;
    size_t external_count = ir ? ir->external_count : 0;
    bool *externals = arena_array(arena, bool, external_count + 1);
    size_t size_count;
    const SizeFunction *sizes = unit_sizes(arena, unit, &size_count);
    for (size_t k = 0; k < size_count; k++) {
        print_size_function(arena, &body, helpers, &sizes[k]);
    }
    for (size_t f = 0; f < unit->function_count; f++) {
        print_program(arena, &body, unit, unit->functions[f], helpers, externals, "");
    }
    Text out;
    text_init(&out, arena);
    text_format(&out, "/* %s.c: made by gradc from %s. */\n", unit->prefix,
                comment_text(arena, base_name(unit->source_path)));
    text_format(&out, "#include \"%s\"\n\n", base_name(header_name));
    text_add(&out, "#include <math.h>\n");
    text_add(&out, helpers[HELPER_matrix_lu] ? "#include <string.h>\n" : "");
    print_externals(&out, unit, externals);
    print_helpers(&out, arena, unit_precision(unit), helpers);
    text_add_bytes(&out, body.data, body.length);
    return out.data;
}
