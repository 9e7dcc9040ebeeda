/* dump.c: the tree as text: for people and tests (--dump=ast), and expressions as the language
 * writes them, for messages. */
#include "front/front.h"

#include <string.h>

typedef struct {
    const char *text;
    int level; /* of binding, the loosest first */
} Operator;

enum {
    LEVEL_IF,
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_ADD,
    LEVEL_MUL,
    LEVEL_NEGATE,
    LEVEL_POWER,
    LEVEL_POSTFIX,
    LEVEL_PRIMARY
};

static const Operator operators[] = {
    [BIN_ADD] = {"+", LEVEL_ADD},       [BIN_SUB] = {"-", LEVEL_ADD},
    [BIN_MUL] = {"*", LEVEL_MUL},       [BIN_DIV] = {"/", LEVEL_MUL},
    [BIN_FLOORDIV] = {"//", LEVEL_MUL}, [BIN_MOD] = {"%", LEVEL_MUL},
    [BIN_POW] = {"^", LEVEL_POWER},     [BIN_MATMUL] = {"@", LEVEL_MUL},
    [BIN_EQ] = {"==", LEVEL_COMPARE},   [BIN_NE] = {"!=", LEVEL_COMPARE},
    [BIN_LT] = {"<", LEVEL_COMPARE},    [BIN_LE] = {"<=", LEVEL_COMPARE},
    [BIN_GT] = {">", LEVEL_COMPARE},    [BIN_GE] = {">=", LEVEL_COMPARE},
    [BIN_AND] = {"and", LEVEL_AND},     [BIN_OR] = {"or", LEVEL_OR},
};

static const char *const assigns[] = {[ASSIGN_SET] = "=",
                                      [ASSIGN_ADD] = "+=",
                                      [ASSIGN_SUB] = "-=",
                                      [ASSIGN_MUL] = "*=",
                                      [ASSIGN_DIV] = "/="};

/* ---- expressions as the language writes them ---------------------------------------------------
 */

static void write_expr(Text *out, const Expr *expr, int level);

static int level_of(const Expr *expr) {
    switch (expr->kind) {
    case EXPR_IF:
        return LEVEL_IF;
    case EXPR_BINARY:
        return operators[expr->as.binary.op].level;
    case EXPR_NOT:
        return LEVEL_NOT;
    case EXPR_NEGATE:
        return LEVEL_NEGATE;
    case EXPR_TRANSPOSE:
    case EXPR_SUBSCRIPT:
        return LEVEL_POSTFIX;
    case EXPR_ERROR:
    case EXPR_NUMBER:
    case EXPR_NAME:
    case EXPR_CALL:
    case EXPR_REDUCE:
    case EXPR_COMPREHENSION:
    case EXPR_ARRAY:
    case EXPR_PAREN:
        return LEVEL_PRIMARY;
    }
    return LEVEL_PRIMARY;
}

static void write_list(Text *out, const Expr *list) {
    for (; list != NULL; list = list->next) {
        write_expr(out, list, LEVEL_IF);
        text_add(out, list->next != NULL ? ", " : "");
    }
}

/* A range end is arithmetic; a comparison there needs parentheses. */
static void write_range(Text *out, const Expr *low, const Expr *high) {
    if (low != NULL) {
        write_expr(out, low, LEVEL_ADD);
        text_add(out, "..");
    }
    write_expr(out, high, LEVEL_ADD);
}

static void write_binders(Text *out, const Binder *binders) {
    for (; binders != NULL; binders = binders->next) {
        text_add(out, binders->name);
        if (binders->has_range) {
            text_add(out, " in ");
            write_range(out, binders->low, binders->high);
        }
        text_add(out, binders->next != NULL ? ", " : "");
    }
}

static void write_subscripts(Text *out, const Subscript *list) {
    text_add(out, "[");
    for (; list != NULL; list = list->next) {
        switch (list->kind) {
        case SUB_INDEX:
            write_expr(out, list->index, LEVEL_IF);
            if (list->has_range) {
                text_add(out, " in ");
                write_range(out, list->range_low, list->range_high);
            }
            break;
        case SUB_ALL:
            text_add(out, ":");
            break;
        case SUB_SLICE:
            if (list->low != NULL) {
                write_expr(out, list->low, LEVEL_ADD);
            }
            text_add(out, "..");
            if (list->high != NULL) {
                write_expr(out, list->high, LEVEL_ADD);
            }
            break;
        }
        text_add(out, list->next != NULL ? ", " : "");
    }
    text_add(out, "]");
}

static void write_operator(Text *out, BinaryOp op) {
    text_format(out, op == BIN_POW ? "%s" : " %s ", operators[op].text);
}

/* A chain of operators, without recursion along its left side. Where a left operand binds more
 * loosely than its operator, a parenthesis opens before the whole of it. */
static void write_chain(Text *out, const Expr *expr) {
    const Expr *const *chain;
    size_t count = expr_chain(out->arena, expr, &chain);
    for (size_t i = count; i-- > 1;) {
        int level = operators[chain[i]->as.binary.op].level;
        bool right = level == LEVEL_POWER || level == LEVEL_COMPARE;
        int left = operators[chain[i - 1]->as.binary.op].level;
        text_add(out, left < level || (left == level && right) ? "(" : "");
    }
    for (size_t i = 0; i < count; i++) {
        BinaryOp op = chain[i]->as.binary.op;
        int level = operators[op].level;
        if (i == 0) {
            write_expr(out, chain[0]->as.binary.a,
                       level == LEVEL_POWER ? LEVEL_POSTFIX : level + (level == LEVEL_COMPARE));
        } else {
            int left = operators[chain[i - 1]->as.binary.op].level;
            bool right = level == LEVEL_POWER || level == LEVEL_COMPARE;
            text_add(out, left < level || (left == level && right) ? ")" : "");
        }
        write_operator(out, op);
        write_expr(out, chain[i]->as.binary.b, level == LEVEL_POWER ? LEVEL_NEGATE : level + 1);
    }
}

static void write_number(Text *out, const Expr *expr) {
    if (expr->as.number.text != NULL) {
        text_add(out, expr->as.number.text);
    } else {
        text_add_number(out, expr->as.number.value, !expr->as.number.integer);
    }
}

/* `expr` where nothing that binds more loosely than `level` can stand without parentheses. */
static void write_expr(Text *out, const Expr *expr, int level) {
    bool wrap = level_of(expr) < level;
    text_add(out, wrap ? "(" : "");
    switch (expr->kind) {
    case EXPR_ERROR:
        text_add(out, "…");
        break;
    case EXPR_NUMBER:
        write_number(out, expr);
        break;
    case EXPR_NAME:
        text_add(out, expr->as.name);
        break;
    case EXPR_NEGATE:
        text_add(out, "-");
        write_expr(out, expr->as.unary.a, LEVEL_NEGATE);
        break;
    case EXPR_NOT:
        text_add(out, "not ");
        write_expr(out, expr->as.unary.a, LEVEL_NOT);
        break;
    case EXPR_TRANSPOSE:
        write_expr(out, expr->as.unary.a, LEVEL_POSTFIX);
        text_add(out, "'");
        break;
    case EXPR_BINARY:
        write_chain(out, expr);
        break;
    case EXPR_IF:
        text_add(out, "if ");
        write_expr(out, expr->as.choice.condition, LEVEL_IF);
        text_add(out, " then ");
        write_expr(out, expr->as.choice.then, LEVEL_IF);
        text_add(out, " else ");
        write_expr(out, expr->as.choice.otherwise, LEVEL_IF);
        break;
    case EXPR_CALL:
        text_format(out, "%s(", expr->as.call.name);
        write_list(out, expr->as.call.args);
        text_add(out, ")");
        break;
    case EXPR_REDUCE:
        text_format(out, "%s(", expr->as.reduce.name);
        write_expr(out, expr->as.reduce.body, LEVEL_IF);
        text_add(out, " for ");
        write_binders(out, expr->as.reduce.binders);
        text_add(out, ")");
        break;
    case EXPR_COMPREHENSION:
        text_add(out, "[");
        write_expr(out, expr->as.comprehension.body, LEVEL_IF);
        text_add(out, " for ");
        write_binders(out, expr->as.comprehension.binders);
        text_add(out, "]");
        break;
    case EXPR_ARRAY:
        text_add(out, "[");
        write_list(out, expr->as.array.elements);
        text_add(out, "]");
        break;
    case EXPR_SUBSCRIPT:
        write_expr(out, expr->as.subscript.base, LEVEL_POSTFIX);
        write_subscripts(out, expr->as.subscript.subscripts);
        break;
    case EXPR_PAREN:
        text_add(out, "(");
        write_expr(out, expr->as.unary.a, LEVEL_IF);
        text_add(out, ")");
        break;
    }
    text_add(out, wrap ? ")" : "");
}

const char *front_expression_text(Arena *arena, const Expr *expr) {
    Text out;
    text_init(&out, arena);
    write_expr(&out, expr, LEVEL_IF);
    return out.data;
}

/* ---- the tree, with all parentheses: (+ a (* b c)) ---------------------------------------------
 */

static void dump_expr(Text *out, const Expr *expr);

static void dump_list(Text *out, const Expr *list) {
    for (; list != NULL; list = list->next) {
        text_add(out, " ");
        dump_expr(out, list);
    }
}

static void dump_range(Text *out, bool has_range, const Expr *low, const Expr *high) {
    if (has_range) {
        text_add(out, " in ");
        if (low != NULL) {
            dump_expr(out, low);
            text_add(out, "..");
        }
        dump_expr(out, high);
    }
}

static void dump_binders(Text *out, const Binder *binders) {
    text_add(out, " for");
    for (; binders != NULL; binders = binders->next) {
        text_format(out, " %s", binders->name);
        dump_range(out, binders->has_range, binders->low, binders->high);
        text_add(out, binders->next != NULL ? "," : "");
    }
}

static void dump_subscripts(Text *out, const Subscript *list) {
    text_add(out, "[");
    for (; list != NULL; list = list->next) {
        switch (list->kind) {
        case SUB_INDEX:
            dump_expr(out, list->index);
            dump_range(out, list->has_range, list->range_low, list->range_high);
            break;
        case SUB_ALL:
            text_add(out, ":");
            break;
        case SUB_SLICE:
            if (list->low != NULL) {
                dump_expr(out, list->low);
            }
            text_add(out, "..");
            if (list->high != NULL) {
                dump_expr(out, list->high);
            }
            break;
        }
        text_add(out, list->next != NULL ? ", " : "");
    }
    text_add(out, "]");
}

static void dump_chain(Text *out, const Expr *expr) {
    const Expr *const *chain;
    size_t count = expr_chain(out->arena, expr, &chain);
    for (size_t i = count; i-- > 0;) {
        text_format(out, "(%s ", operators[chain[i]->as.binary.op].text);
    }
    dump_expr(out, chain[0]->as.binary.a);
    for (size_t i = 0; i < count; i++) {
        text_add(out, " ");
        dump_expr(out, chain[i]->as.binary.b);
        text_add(out, ")");
    }
}

static void dump_unary(Text *out, const char *name, const Expr *expr) {
    text_format(out, "(%s ", name);
    dump_expr(out, expr->as.unary.a);
    text_add(out, ")");
}

static void dump_expr(Text *out, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_ERROR:
        text_add(out, "<error>");
        break;
    case EXPR_NUMBER:
        write_number(out, expr);
        break;
    case EXPR_NAME:
        text_add(out, expr->as.name);
        break;
    case EXPR_NEGATE:
        dump_unary(out, "neg", expr);
        break;
    case EXPR_NOT:
        dump_unary(out, "not", expr);
        break;
    case EXPR_TRANSPOSE:
        dump_unary(out, "transpose", expr);
        break;
    case EXPR_PAREN:
        dump_unary(out, "paren", expr);
        break;
    case EXPR_BINARY:
        dump_chain(out, expr);
        break;
    case EXPR_IF:
        text_add(out, "(if ");
        dump_expr(out, expr->as.choice.condition);
        text_add(out, " ");
        dump_expr(out, expr->as.choice.then);
        text_add(out, " ");
        dump_expr(out, expr->as.choice.otherwise);
        text_add(out, ")");
        break;
    case EXPR_CALL:
        text_format(out, "(call %s", expr->as.call.name);
        dump_list(out, expr->as.call.args);
        text_add(out, ")");
        break;
    case EXPR_REDUCE:
        text_format(out, "(reduce %s ", expr->as.reduce.name);
        dump_expr(out, expr->as.reduce.body);
        dump_binders(out, expr->as.reduce.binders);
        text_add(out, ")");
        break;
    case EXPR_COMPREHENSION:
        text_add(out, "(comprehension ");
        dump_expr(out, expr->as.comprehension.body);
        dump_binders(out, expr->as.comprehension.binders);
        text_add(out, ")");
        break;
    case EXPR_ARRAY:
        text_add(out, "(array");
        dump_list(out, expr->as.array.elements);
        text_add(out, ")");
        break;
    case EXPR_SUBSCRIPT:
        text_add(out, "(at ");
        dump_expr(out, expr->as.subscript.base);
        text_add(out, " ");
        dump_subscripts(out, expr->as.subscript.subscripts);
        text_add(out, ")");
        break;
    }
}

/* ---- statements and items ---------------------------------------------------------------------
 */

static void begin_line(Text *out) {
    for (int i = 0; i < out->indent; i++) {
        text_add(out, "    ");
    }
}

static void dump_shape(Text *out, const Expr *axes) {
    if (axes != NULL) {
        text_add(out, " [");
        for (; axes != NULL; axes = axes->next) {
            dump_expr(out, axes);
            text_add(out, axes->next != NULL ? ", " : "]");
        }
    }
}

static void dump_formals(Text *out, const Formal *formal) {
    text_add(out, "(");
    for (; formal != NULL; formal = formal->next) {
        text_add(out, formal->name);
        dump_shape(out, formal->shape);
        if (formal->class_size != NULL) {
            text_add(out, " in ");
            dump_expr(out, formal->class_size);
        }
        if (formal->is_function) {
            text_format(out, " of %zu", formal->function_arity);
        }
        text_add(out, formal->next != NULL ? ", " : "");
    }
    text_add(out, ")");
}

static void dump_stmts(Text *out, const Stmt *stmt);

static void dump_function(Text *out, const char *word, const Function *function) {
    begin_line(out);
    text_format(out, "%s %s", word, function->name);
    if (function->has_parens) {
        dump_formals(out, function->formals);
    }
    if (function->indices != NULL) {
        dump_subscripts(out, function->indices);
    }
    if (function->body != NULL) {
        text_add(out, " = ");
        dump_expr(out, function->body);
    }
    text_add(out, "\n");
    out->indent++;
    dump_stmts(out, function->block);
    out->indent--;
}

static void dump_assign(Text *out, const Stmt *stmt) {
    begin_line(out);
    for (const Target *at = stmt->as.assign.targets; at != NULL; at = at->next) {
        text_add(out, at->name);
        if (at->subscripts != NULL) {
            dump_subscripts(out, at->subscripts);
        }
        text_add(out, at->next != NULL ? ", " : "");
    }
    text_format(out, " %s ", assigns[stmt->as.assign.op]);
    dump_expr(out, stmt->as.assign.value);
    text_add(out, "\n");
}

static void dump_stmts(Text *out, const Stmt *stmt) {
    for (; stmt != NULL; stmt = stmt->next) {
        switch (stmt->kind) {
        case STMT_ERROR:
            text_line(out, "<error>");
            break;
        case STMT_ASSIGN:
            dump_assign(out, stmt);
            break;
        case STMT_FOR:
            begin_line(out);
            text_add(out, "loop");
            dump_binders(out, stmt->as.loop.binders);
            if (stmt->as.loop.condition != NULL) {
                text_add(out, " while ");
                dump_expr(out, stmt->as.loop.condition);
            }
            text_add(out, "\n");
            out->indent++;
            dump_stmts(out, stmt->as.loop.body);
            out->indent--;
            break;
        case STMT_FUNCTION:
            dump_function(out, "function", stmt->as.function);
            break;
        case STMT_RETURN:
            begin_line(out);
            text_add(out, "return");
            dump_list(out, stmt->as.result.values);
            text_add(out, "\n");
            break;
        }
    }
}

static void dump_constraint(Text *out, const Declaration *declaration) {
    static const char *const names[] = {
        [CONSTRAINT_NONE] = "",
        [CONSTRAINT_LOWER] = " >",
        [CONSTRAINT_UPPER] = " <",
        [CONSTRAINT_INTERVAL] = " between",
        [CONSTRAINT_SIMPLEX] = " simplex",
        [CONSTRAINT_ORDERED] = " ordered",
        [CONSTRAINT_LOWER_TRIANGULAR] = " lower",
        [CONSTRAINT_POSITIVE_DEFINITE] = " positive_definite",
        [CONSTRAINT_CORRELATION] = " correlation",
    };
    text_add(out, names[declaration->constraint]);
    if (declaration->low != NULL) {
        text_add(out, " ");
        dump_expr(out, declaration->low);
    }
    if (declaration->high != NULL) {
        text_add(out, " ");
        dump_expr(out, declaration->high);
    }
}

static void dump_declarations(Text *out, const char *word, const Declaration *declaration) {
    for (; declaration != NULL; declaration = declaration->next) {
        text_format(out, "%s %s", word, declaration->name);
        dump_shape(out, declaration->shape);
        dump_constraint(out, declaration);
        if (declaration->value != NULL) {
            text_add(out, " = ");
            dump_expr(out, declaration->value);
        }
        if (declaration->prior != NULL) {
            text_add(out, " ~ ");
            dump_expr(out, declaration->prior);
        }
        text_add(out, "\n");
    }
}

static void dump_item(Text *out, const Item *item) {
    switch (item->kind) {
    case ITEM_ERROR:
        text_line(out, "<error>");
        break;
    case ITEM_MODEL:
        text_line(out, "model %s", item->as.model.name);
        break;
    case ITEM_IMPORT:
        text_line(out, "import \"%s\"", item->as.import.path);
        break;
    case ITEM_DIM:
        dump_declarations(out, "dim", item->as.declarations);
        break;
    case ITEM_CONST:
        dump_declarations(out, "const", item->as.declarations);
        break;
    case ITEM_DATA:
        dump_declarations(out, "data", item->as.declarations);
        break;
    case ITEM_PARAM:
        dump_declarations(out, "param", item->as.declarations);
        break;
    case ITEM_FUNCTION:
        dump_function(out, item->as.function->has_parens ? "function" : "definition",
                      item->as.function);
        break;
    case ITEM_METRIC:
        dump_function(out, "metric", item->as.function);
        break;
    case ITEM_EXTERN:
        text_format(out, "extern %s", item->as.external.name);
        dump_formals(out, item->as.external.formals);
        text_add(out, item->as.external.derivatives != NULL ? " derivative" : "");
        for (const Binder *at = item->as.external.derivatives; at != NULL; at = at->next) {
            text_format(out, " %s", at->name);
        }
        text_add(out, "\n");
        break;
    case ITEM_TRAIN:
        text_add(out, "train");
        for (const Setting *at = item->as.settings; at != NULL; at = at->next) {
            text_format(out, " %s=%s", at->name, at->value);
        }
        text_add(out, "\n");
        break;
    }
}

const char *front_dump(const Front *front, const Ast *ast) {
    Text out;
    text_init(&out, front->arena);
    for (const Item *item = ast->items; item != NULL; item = item->next) {
        dump_item(&out, item);
    }
    return out.data;
}
