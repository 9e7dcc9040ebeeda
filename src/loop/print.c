/* print.c: a loop program as readable pseudo-code, for --dump=loop. */
#include "loop/loop.h"

#include <string.h>

typedef struct {
    const LoopProgram *program;
    Text text;
} Print;

static const char *const type_names[] = {
    [C_REAL] = "real",
    [C_INT64] = "int",
    [C_SIZE] = "size",
    [C_UINT64] = "seed",
    [C_CONST_REAL_PTR] = "const real *",
    [C_REAL_PTR] = "real *",
    [C_CONST_INT64_PTR] = "const int *",
    [C_CONST_SIZE_PTR] = "const size *",
};

static const char *kind_name(Kind kind) {
    switch (kind) {
    case KIND_REAL:
        return "real";
    case KIND_INT:
        return "int";
    case KIND_BOOL:
        return "bool";
    }
    return "";
}

static void put_expr(Print *print, const LoopExpr *x, unsigned level);

/* Binding strength of an operator: or 1, and 2, comparison 4, + 5, * 6, unary 7. */
static unsigned strength(BuiltinId f) {
    if (!builtins[f].infix) {
        return 9;
    }
    if (f == BI_or) {
        return 1;
    }
    if (f == BI_and) {
        return 2;
    }
    if (builtins[f].signature == SIG_COMPARE) {
        return 4;
    }
    return f == BI_add || f == BI_sub ? 5 : builtins[f].arity == 1 ? 7 : 6;
}

static void put_call(Print *print, const LoopExpr *x, unsigned level) {
    const Builtin *row = &builtins[x->as.builtin];
    unsigned own = strength(x->as.builtin);
    if (own == 9) {
        text_format(&print->text, "%s(", row->name);
        for (unsigned k = 0; k < x->count; k++) {
            text_add(&print->text, k ? ", " : "");
            put_expr(print, x->args[k], 0);
        }
        text_add(&print->text, ")");
        return;
    }
    text_add(&print->text, own < level ? "(" : "");
    if (x->count == 1) {
        text_format(&print->text, x->as.builtin == BI_not ? "%s " : "%s", row->infix);
        put_expr(print, x->args[0], own);
    } else {
        put_expr(print, x->args[0], own);
        text_format(&print->text, " %s ", row->infix);
        put_expr(print, x->args[1], own + 1);
    }
    text_add(&print->text, own < level ? ")" : "");
}

static void put_expr(Print *print, const LoopExpr *x, unsigned level) {
    const LoopProgram *program = print->program;
    switch (x->kind) {
    case LX_REAL:
        text_add_number(&print->text, x->as.real, true);
        break;
    case LX_INT:
        text_format(&print->text, "%lld", (long long)x->as.integer);
        break;
    case LX_BOOL:
        text_add(&print->text, x->as.integer ? "true" : "false");
        break;
    case LX_VAR:
        text_add(&print->text, program->vars[x->as.var].name);
        break;
    case LX_ARG:
        text_add(&print->text, program->args[x->as.arg].name);
        break;
    case LX_ARG_SET:
        text_format(&print->text, "given(%s)", program->args[x->as.arg].name);
        break;
    case LX_MOST:
        text_format(&print->text, "most(%s, ", program->args[x->as.arg].name);
        put_expr(print, x->args[0], 0);
        text_add(&print->text, ")");
        break;
    case LX_LOAD:
        text_format(&print->text, "%s[", program->buffers[x->as.buffer].name);
        put_expr(print, x->args[0], 0);
        text_add(&print->text, "]");
        break;
    case LX_CALL:
        put_call(print, x, level);
        break;
    case LX_EXTERN:
        text_format(&print->text, "%s(", x->as.external->name);
        for (unsigned k = 0; k < x->count; k++) {
            text_add(&print->text, k > 0 ? ", " : "");
            put_expr(print, x->args[k], 0);
        }
        text_add(&print->text, ")");
        break;
    case LX_CONVERT:
        text_add(&print->text, "real(");
        put_expr(print, x->args[0], 0);
        text_add(&print->text, ")");
        break;
    case LX_SELECT:
        text_add(&print->text, "(if ");
        put_expr(print, x->args[0], 0);
        text_add(&print->text, " then ");
        put_expr(print, x->args[1], 0);
        text_add(&print->text, " else ");
        put_expr(print, x->args[2], 0);
        text_add(&print->text, ")");
        break;
    }
}

static const char *expr_text(const Print *print, const LoopExpr *x) {
    Print own = {.program = print->program};
    text_init(&own.text, print->text.arena);
    put_expr(&own, x, 0);
    return own.text.data;
}

static void put_block(Print *print, const LoopStmt *stmt);

static void put_for(Print *print, const LoopStmt *stmt) {
    Text note;
    text_init(&note, print->text.arena);
    text_add(&note, stmt->flags & LOOP_BLOCKS ? ", blocks of samples" : "");
    text_add(&note, stmt->flags & LOOP_SAMPLE ? ", samples" : "");
    text_add(&note, stmt->flags & LOOP_INDEPENDENT ? ", independent" : "");
    text_add(&note, stmt->flags & LOOP_REDUCES ? ", reduces" : "");
    const char *low = expr_text(print, stmt->low);
    const char *high = expr_text(print, stmt->high);
    text_line(&print->text, "for %s in %s..%s%s {%s%s", print->program->vars[stmt->var].name, low,
              high, stmt->down ? " downward" : "", note.length ? "  # " : "",
              note.length ? note.data + 2 : "");
    print->text.indent++;
    put_block(print, stmt->body);
    print->text.indent--;
    text_line(&print->text, "}");
}

static void put_lib(Print *print, const LoopStmt *stmt) {
    const LoopProgram *program = print->program;
    const char *matrix = program->buffers[stmt->buffer].name;
    const char *factor = program->buffers[stmt->factor].name;
    const char *at = expr_text(print, stmt->index);
    const char *n = expr_text(print, stmt->value);
    if (!stmt->low) {
        text_line(&print->text, "%s(%s + %s, n %s)", lib_table[stmt->lib].name, matrix, at, n);
        return;
    }
    text_line(&print->text, "%s(%s + %s, n %s, columns %s; factor %s + %s)",
              lib_table[stmt->lib].name, matrix, at, n, expr_text(print, stmt->high), factor,
              expr_text(print, stmt->low));
}

/* "b[at + k * 3 + c]": an entry of a matrix of a product, by two counters. */
static const char *entry_text(Print *print, BufferId buffer, const LoopExpr *at,
                              const LoopExpr *const *strides, const char *const *counters) {
    Arena *arena = print->text.arena;
    const char *made = at->kind == LX_INT && at->as.integer == 0 ? "" : expr_text(print, at);
    for (unsigned k = 0; k < 2; k++) {
        const char *plus = *made ? " + " : "";
        bool one = !strides[k] || (strides[k]->kind == LX_INT && strides[k]->as.integer == 1);
        bool sum = !one && strides[k]->kind == LX_CALL;
        const char *text = one ? "" : expr_text(print, strides[k]);
        made = arena_format(arena, "%s%s%s%s%s%s%s", made, plus, counters[k], one ? "" : " * ",
                            sum ? "(" : "", text, sum ? ")" : "");
    }
    return arena_format(arena, "%s[%s]", print->program->buffers[buffer].name, made);
}

static void put_product(Print *print, const LoopStmt *stmt) {
    static const char *const of_c[] = {"r", "c"};
    static const char *const of_a[] = {"r", "k"};
    static const char *const of_b[] = {"k", "c"};
    const LoopProduct *product = stmt->product;
    const LoopExpr *const *parts = product->parts;
    const LoopExpr *c_strides[] = {parts[PRODUCT_C_ROW], NULL};
    text_line(&print->text, "for r in 0..%s, c in 0..%s, k in 0..%s {  # in tiles",
              expr_text(print, parts[PRODUCT_ROWS]), expr_text(print, parts[PRODUCT_COLUMNS]),
              expr_text(print, parts[PRODUCT_COUNT]));
    text_line(&print->text, "    %s += %s * %s",
              entry_text(print, stmt->buffer, stmt->index, c_strides, of_c),
              entry_text(print, product->a, parts[PRODUCT_A_AT], parts + PRODUCT_A_ROW, of_a),
              entry_text(print, product->b, parts[PRODUCT_B_AT], parts + PRODUCT_B_STEP, of_b));
    text_line(&print->text, "}");
}

static void put_stmt(Print *print, const LoopStmt *stmt) {
    const LoopProgram *program = print->program;
    const char *value = stmt->value ? expr_text(print, stmt->value) : "";
    const char *index = stmt->index ? expr_text(print, stmt->index) : "";
    bool has_var = stmt->kind == LS_LET || stmt->kind == LS_DECLARE || stmt->kind == LS_ADD ||
                   stmt->kind == LS_MAX || stmt->kind == LS_ASSIGN;
    const char *var = has_var ? program->vars[stmt->var].name : "";
    bool has_buffer = stmt->kind == LS_STORE || stmt->kind == LS_STORE_ADD ||
                      stmt->kind == LS_ZERO || stmt->kind == LS_PREFETCH;
    const char *buffer = has_buffer ? program->buffers[stmt->buffer].name : "";
    switch (stmt->kind) {
    case LS_FOR:
        put_for(print, stmt);
        break;
    case LS_LET:
        text_line(&print->text, "let %s = %s", var, value);
        break;
    case LS_DECLARE:
        text_line(&print->text, "var %s = %s", var, value);
        break;
    case LS_ADD:
        text_line(&print->text, "%s += %s", var, value);
        break;
    case LS_MAX:
        text_line(&print->text, "%s max= %s", var, value);
        break;
    case LS_ASSIGN:
        text_line(&print->text, "%s = %s", var, value);
        break;
    case LS_STORE:
        text_line(&print->text, "%s[%s] = %s", buffer, index, value);
        break;
    case LS_STORE_ADD:
        text_line(&print->text, "%s[%s] += %s", buffer, index, value);
        break;
    case LS_ZERO:
        text_line(&print->text, "%s[0..%s] = 0", buffer, value);
        break;
    case LS_PREFETCH:
        text_line(&print->text, "prefetch %s[%s]", buffer, index);
        break;
    case LS_PRODUCT:
        put_product(print, stmt);
        break;
    case LS_LIB:
        put_lib(print, stmt);
        break;
    case LS_IF:
        text_line(&print->text, "if %s {", expr_text(print, stmt->condition));
        print->text.indent++;
        put_block(print, stmt->body);
        print->text.indent--;
        text_line(&print->text, "}");
        break;
    case LS_LEAVE:
        text_line(&print->text, "leave");
        break;
    case LS_RETURN:
        text_line(&print->text, "return %s", value);
        break;
    case LS_COMMENT:
        text_line(&print->text, "# %s", stmt->text);
        break;
    }
}

static void put_block(Print *print, const LoopStmt *stmt) {
    for (; stmt; stmt = stmt->next) {
        put_stmt(print, stmt);
    }
}

static void put_buffers(Print *print) {
    const LoopProgram *program = print->program;
    for (size_t k = 0; k < program->buffer_count; k++) {
        const LoopBuffer *buffer = &program->buffers[k];
        const char *kind = kind_name(buffer->kind);
        if (buffer->place == BUFFER_LOCAL && buffer->size == 0) {
            continue; /* nothing uses it */
        }
        if (buffer->place == BUFFER_LOCAL) {
            text_line(&print->text, "local %s %s[%lld]", kind, buffer->name,
                      (long long)buffer->size);
            continue;
        }
        const char *base = program->args[buffer->arg].name;
        if (buffer->offset) {
            text_line(&print->text, "%s *%s = %s + %s", kind, buffer->name, base,
                      expr_text(print, buffer->offset));
        } else if (strcmp(base, buffer->name) != 0) {
            text_line(&print->text, "%s *%s = %s", kind, buffer->name, base);
        }
    }
}

const char *loop_text(const LoopProgram *program, Arena *arena) {
    Print print = {.program = program};
    text_init(&print.text, arena);
    text_format(&print.text, "%s %s(", program->returns ? "real" : "void", program->name);
    for (size_t k = 0; k < program->arg_count; k++) {
        const char *type = type_names[program->args[k].type];
        bool star = type[strlen(type) - 1] == '*';
        text_format(&print.text, "%s%s%s%s", k ? ", " : "", type, star ? "" : " ",
                    program->args[k].name);
    }
    text_add(&print.text, ") {\n");
    print.text.indent++;
    put_buffers(&print);
    put_block(&print, program->body);
    print.text.indent--;
    text_add(&print.text, "}\n");
    if (program->work_rpn) {
        text_format(&print.text, "work: %s\n", program->work_rpn);
    }
    return print.text.data;
}
