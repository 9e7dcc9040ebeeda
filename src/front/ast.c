/* ast.c: constructors of the tree, one a production of grammar/parse.y. They also refuse what the
 * grammar lets pass so that the message can be better than "expected …". */
#include "front/parser.h"

#include <string.h>

/* ---- lists ------------------------------------------------------------------------------------
 */

#define APPEND(list, element)                                                                      \
    do {                                                                                           \
        if ((list).last == NULL) {                                                                 \
            (list).first = (element);                                                              \
        } else {                                                                                   \
            (list).last->next = (element);                                                         \
        }                                                                                          \
        (list).last = (element);                                                                   \
    } while (0)

Exprs ast_exprs(Exprs list, Expr *expr) {
    APPEND(list, expr);
    list.count++;
    return list;
}

Binders ast_binders(Binders list, Binder *binder) {
    APPEND(list, binder);
    return list;
}

Subscripts ast_subscripts(Subscripts list, Subscript *subscript) {
    APPEND(list, subscript);
    list.count++;
    return list;
}

Targets ast_targets(Targets list, Target *target) {
    APPEND(list, target);
    return list;
}

Stmts ast_stmts(Stmts list, Stmt *stmt) {
    APPEND(list, stmt);
    return list;
}

Formals ast_formals(Formals list, Formal *formal) {
    APPEND(list, formal);
    list.count++;
    return list;
}

Declarations ast_declarations(Declarations list, Declaration *declaration) {
    APPEND(list, declaration);
    return list;
}

Settings ast_settings(Settings list, Setting *setting) {
    APPEND(list, setting);
    return list;
}

/* ---- expressions ------------------------------------------------------------------------------
 */

static uint32_t deeper(uint32_t depth, const Expr *expr) {
    return expr != NULL && expr->depth > depth ? expr->depth : depth;
}

static uint32_t deepest(const Expr *list) {
    uint32_t depth = 0;
    for (; list != NULL; list = list->next) {
        depth = deeper(depth, list);
    }
    return depth;
}

static uint32_t deepest_binder(const Binder *list, uint32_t depth) {
    for (; list != NULL; list = list->next) {
        depth = deeper(deeper(depth, list->low), list->high);
    }
    return depth;
}

/* An expression one level above `depth`; an EXPR_ERROR if that is too deep. */
static Expr *make(Parser *p, ExprKind kind, Span span, uint32_t depth) {
    Expr *expr = arena_new(p->front->arena, Expr);
    expr->kind = kind;
    expr->span = span;
    expr->depth = depth + 1;
    if (expr->depth > MAX_DEPTH) {
        syntax_too_deep(p, span);
        expr->kind = EXPR_ERROR;
        expr->depth = 1;
    }
    return expr;
}

Expr *ast_error(Parser *p, Span span) {
    return make(p, EXPR_ERROR, span, 0);
}

/* The value of a row of digits; INT64_MAX where it is too large: as a real it is exact enough. */
static bool read_integer(const char *text, size_t length, int64_t *value) {
    *value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        int64_t digit = text[i] - '0';
        if (*value > (INT64_MAX - digit) / 10) {
            return false;
        }
        *value = *value * 10 + digit;
    }
    return true;
}

Expr *ast_number(Parser *p, Span span) {
    Expr *expr = make(p, EXPR_NUMBER, span, 0);
    size_t length = span.end - span.start;
    const char *text = arena_copy(p->front->arena, p->source->text + span.start, length);
    expr->as.number.text = text;
    expr->as.number.value = number_read(text, NULL);
    expr->as.number.integer = read_integer(text, length, &expr->as.number.integer_value);
    if (expr->as.number.value > 1.7976931348623157e308) {
        Diag *diag = diag_error(p->front->diags, span, "`%s` is too large for a number", text);
        diag_label(p->front->diags, diag, "the largest is about 1.8e308");
    }
    return expr;
}

Expr *ast_name(Parser *p, Span span, Name name) {
    Expr *expr = make(p, EXPR_NAME, span, 0);
    expr->as.name = name;
    return expr;
}

Expr *ast_unary(Parser *p, Span span, ExprKind kind, Expr *a) {
    Expr *expr = make(p, kind, span, a->depth);
    if (expr->kind == kind) {
        expr->as.unary.a = a;
    }
    return expr;
}

Expr *ast_binary(Parser *p, Span span, BinaryOp op, Span op_span, Expr *a, Expr *b) {
    uint32_t left = a->kind == EXPR_BINARY ? a->depth - 1 : a->depth;
    Expr *expr = make(p, EXPR_BINARY, span, deeper(left, b));
    if (expr->kind == EXPR_BINARY) {
        expr->as.binary.op = op;
        expr->as.binary.op_span = op_span;
        expr->as.binary.a = a;
        expr->as.binary.b = b;
    }
    return expr;
}

size_t expr_chain(Arena *arena, const Expr *expr, const Expr *const **chain) {
    size_t count = 0;
    for (const Expr *at = expr; at->kind == EXPR_BINARY; at = at->as.binary.a) {
        count++;
    }
    const Expr **found = arena_array(arena, const Expr *, count);
    for (size_t i = count; i-- > 0; expr = expr->as.binary.a) {
        found[i] = expr;
    }
    *chain = found;
    return count;
}

Expr *ast_if(Parser *p, Span span, Expr *condition, Expr *then, Expr *otherwise) {
    Expr *expr = make(p, EXPR_IF, span, deeper(deeper(condition->depth, then), otherwise));
    if (expr->kind == EXPR_IF) {
        expr->as.choice.condition = condition;
        expr->as.choice.then = then;
        expr->as.choice.otherwise = otherwise;
    }
    return expr;
}

Expr *ast_call(Parser *p, Span span, Name name, Span name_span, Exprs args) {
    Expr *expr = make(p, EXPR_CALL, span, deepest(args.first));
    if (expr->kind == EXPR_CALL) {
        expr->as.call.name = name;
        expr->as.call.name_span = name_span;
        expr->as.call.args = args.first;
        expr->as.call.count = args.count;
    }
    return expr;
}

Expr *ast_reduce(Parser *p, Span span, Name name, Span name_span, Expr *body, Binders binders) {
    Expr *expr = make(p, EXPR_REDUCE, span, deepest_binder(binders.first, body->depth));
    if (expr->kind == EXPR_REDUCE) {
        expr->as.reduce.name = name;
        expr->as.reduce.name_span = name_span;
        expr->as.reduce.body = body;
        expr->as.reduce.binders = binders.first;
    }
    return expr;
}

Expr *ast_comprehension(Parser *p, Span span, Expr *body, Binders binders) {
    Expr *expr = make(p, EXPR_COMPREHENSION, span, deepest_binder(binders.first, body->depth));
    if (expr->kind == EXPR_COMPREHENSION) {
        expr->as.comprehension.body = body;
        expr->as.comprehension.binders = binders.first;
    }
    return expr;
}

Expr *ast_array(Parser *p, Span span, Exprs elements) {
    Expr *expr = make(p, EXPR_ARRAY, span, deepest(elements.first));
    if (expr->kind == EXPR_ARRAY) {
        expr->as.array.elements = elements.first;
        expr->as.array.count = elements.count;
    }
    return expr;
}

Expr *ast_subscript(Parser *p, Span span, Expr *base, Subscripts subscripts) {
    uint32_t depth = base->depth;
    for (const Subscript *at = subscripts.first; at != NULL; at = at->next) {
        depth = deeper(deeper(deeper(depth, at->index), at->low), at->high);
    }
    Expr *expr = make(p, EXPR_SUBSCRIPT, span, depth);
    if (expr->kind == EXPR_SUBSCRIPT) {
        expr->as.subscript.base = base;
        expr->as.subscript.subscripts = subscripts.first;
        expr->as.subscript.count = subscripts.count;
    }
    return expr;
}

/* ---- binders and subscripts -------------------------------------------------------------------
 */

Binder *ast_binder(Parser *p, Span span, Name name, Expr *low, Expr *high) {
    Binder *binder = arena_new(p->front->arena, Binder);
    *binder =
        (Binder){.name = name, .span = span, .has_range = high != NULL, .low = low, .high = high};
    return binder;
}

static Subscript *make_subscript(Parser *p, Span span, SubscriptKind kind) {
    Subscript *subscript = arena_new(p->front->arena, Subscript);
    subscript->kind = kind;
    subscript->span = span;
    return subscript;
}

Subscript *ast_index(Parser *p, Span span, Expr *index) {
    Subscript *subscript = make_subscript(p, span, SUB_INDEX);
    subscript->index = index;
    return subscript;
}

Subscript *ast_all(Parser *p, Span span) {
    return make_subscript(p, span, SUB_ALL);
}

Subscript *ast_slice(Parser *p, Span span, Expr *low, Expr *high) {
    Subscript *subscript = make_subscript(p, span, SUB_SLICE);
    subscript->low = low;
    subscript->high = high;
    return subscript;
}

Subscript *ast_ranged(Parser *p, Span span, Name name, Span name_span, Expr *low, Expr *high) {
    Subscript *subscript = ast_index(p, span, ast_name(p, name_span, name));
    subscript->has_range = true;
    subscript->range_low = low;
    subscript->range_high = high;
    return subscript;
}

/* ---- statements -------------------------------------------------------------------------------
 */

static Stmt *make_stmt(Parser *p, StmtKind kind, Span span) {
    Stmt *stmt = arena_new(p->front->arena, Stmt);
    stmt->kind = kind;
    stmt->span = span;
    return stmt;
}

Target *ast_target(Parser *p, Span span, Name name, Span name_span, Subscripts subscripts) {
    Target *target = arena_new(p->front->arena, Target);
    *target = (Target){
        .name = name, .span = span, .name_span = name_span, .subscripts = subscripts.first};
    return target;
}

Stmt *ast_assign(Parser *p, Span span, Targets targets, AssignOp op, Expr *value) {
    Stmt *stmt = make_stmt(p, STMT_ASSIGN, span);
    stmt->as.assign.targets = targets.first;
    stmt->as.assign.op = op;
    stmt->as.assign.value = value;
    return stmt;
}

Stmt *ast_for(Parser *p, Span span, Binders binders, Expr *condition, Stmts body, Span close) {
    Diags *diags = p->front->diags;
    for (Stmt *at = body.first; at != NULL; at = at->next) {
        if (at->kind == STMT_RETURN) {
            if (p->astray == 0) {
                Diag *diag = diag_error(diags, at->span, "a loop cannot return");
                diag_label(diags, diag, "assign to a name, and return it after the loop");
            }
            at->kind = STMT_ERROR;
        }
    }
    if (body.first == NULL && !p->quiet) {
        diag_error(diags, close, "this loop does nothing");
    }
    Stmt *stmt = make_stmt(p, STMT_FOR, span);
    stmt->as.loop.binders = binders.first;
    stmt->as.loop.condition = condition;
    stmt->as.loop.body = body.first;
    return stmt;
}

Stmt *ast_local(Parser *p, Span span, Function *function) {
    Stmt *stmt = make_stmt(p, STMT_FUNCTION, span);
    stmt->as.function = function;
    return stmt;
}

Stmt *ast_return(Parser *p, Span span, Exprs values) {
    Stmt *stmt = make_stmt(p, STMT_RETURN, span);
    stmt->as.result.values = values.first;
    stmt->as.result.count = values.count;
    return stmt;
}

Stmts ast_stmts_error(Parser *p, Stmts list, Span span) {
    return ast_stmts(list, make_stmt(p, STMT_ERROR, span));
}

static bool has_error(const Stmt *stmts) {
    for (; stmts != NULL; stmts = stmts->next) {
        if (stmts->kind == STMT_ERROR ||
            (stmts->kind == STMT_FOR && has_error(stmts->as.loop.body))) {
            return true;
        }
    }
    return false;
}

/* The statements of a function: they end in `return`, and nothing else does. */
Stmt *ast_block(Parser *p, Stmts stmts, Span open, Span close) {
    Diags *diags = p->front->diags;
    bool broken = p->quiet || has_error(stmts.first);
    for (const Stmt *at = stmts.first; at != NULL; at = at->next) {
        if (at->kind == STMT_RETURN && at->next != NULL && !broken) {
            Diag *diag = diag_error(diags, at->next->span, "this is never reached");
            diag_label(diags, diag, "a `return` is the last statement of its block");
            diag_note(diags, diag, at->span, "the block returns here");
            break;
        }
    }
    if (!broken && (stmts.last == NULL || stmts.last->kind != STMT_RETURN)) {
        bool returns = false;
        for (const Stmt *at = stmts.first; at != NULL; at = at->next) {
            returns = returns || at->kind == STMT_RETURN;
        }
        if (!returns) {
            Diag *diag = diag_error(diags, close, "this block has no `return`");
            diag_label(diags, diag, "it ends here; its last statement is to be `return …`");
            diag_note(diags, diag, open, "it begins here");
        }
    }
    return stmts.first == NULL ? make_stmt(p, STMT_ERROR, open) : stmts.first;
}

/* ---- functions --------------------------------------------------------------------------------
 */

Formal *ast_formal(Parser *p, Span span, Name name, Span name_span, Exprs shape, Expr *classes) {
    Formal *formal = arena_new(p->front->arena, Formal);
    *formal = (Formal){.name = name,
                       .span = span,
                       .name_span = name_span,
                       .shape = shape.first,
                       .rank = shape.count,
                       .class_size = classes};
    return formal;
}

Formal *ast_formal_function(Parser *p, Span span, Name name, Span name_span, Binders formals) {
    Formal *formal = ast_formal(p, span, name, name_span, (Exprs){0}, NULL);
    formal->is_function = true;
    for (const Binder *at = formals.first; at != NULL; at = at->next) {
        formal->function_arity++;
    }
    return formal;
}

Function *ast_function(Parser *p, Span span, Name name, Span name_span, Formals formals, Expr *body,
                       Stmt *block) {
    Function *function = arena_new(p->front->arena, Function);
    *function = (Function){.name = name,
                           .name_span = name_span,
                           .span = span,
                           .has_parens = true,
                           .formals = formals.first,
                           .formal_count = formals.count,
                           .body = body,
                           .block = block,
                           .library = p->source->library};
    if (formals.count == 0) {
        Diag *diag = diag_error(p->front->diags, name_span,
                                "`%s` has no arguments, so it is no function", name);
        diag_label(p->front->diags, diag, "a definition is written without `()`: `%s = …`", name);
    }
    return function;
}

Function *ast_definition(Parser *p, Span span, Name name, Span name_span, Subscripts indices,
                         Expr *body, Stmt *block) {
    Function *function = arena_new(p->front->arena, Function);
    *function = (Function){.name = name,
                           .name_span = name_span,
                           .span = span,
                           .indices = indices.first,
                           .body = body,
                           .block = block,
                           .library = p->source->library};
    if (indices.count > 0) {
        function->index_names = arena_array(p->front->arena, Name, indices.count);
        size_t i = 0;
        for (const Subscript *at = indices.first; at != NULL; at = at->next, i++) {
            if (at->kind == SUB_INDEX && at->index->kind == EXPR_NAME) {
                function->index_names[i] = at->index->as.name;
            } else {
                Diag *diag = diag_error(p->front->diags, at->span,
                                        "an index of `%s` is to be a name here", name);
                diag_label(p->front->diags, diag, "write `%s[i] = …`", name);
                function->index_names[i] = intern_text(p->front->names, "");
            }
        }
    }
    return function;
}

/* ---- items ------------------------------------------------------------------------------------
 */

static Declaration *declare(Parser *p, Span span, Name name, Span name_span) {
    Declaration *declaration = arena_new(p->front->arena, Declaration);
    declaration->name = name;
    declaration->name_span = name_span;
    declaration->span = span;
    return declaration;
}

Declaration *ast_dim(Parser *p, Span span, Name name, Span name_span, Expr *value) {
    Declaration *declaration = declare(p, span, name, name_span);
    declaration->value = value;
    return declaration;
}

Declaration *ast_const(Parser *p, Span span, Name name, Span name_span, Expr *value) {
    return ast_dim(p, span, name, name_span, value);
}

Declaration *ast_data(Parser *p, Span span, Name name, Span name_span, Exprs shape) {
    Declaration *declaration = declare(p, span, name, name_span);
    declaration->shape = shape.first;
    declaration->rank = shape.count;
    return declaration;
}

Declaration *ast_param(Parser *p, Span span, Name name, Span name_span, Exprs shape,
                       Constraint constraint, Expr *start, Expr *prior) {
    Declaration *declaration = ast_data(p, span, name, name_span, shape);
    declaration->constraint = constraint.kind;
    declaration->constraint_span = constraint.span;
    declaration->low = constraint.low;
    declaration->high = constraint.high;
    declaration->value = start;
    declaration->prior = prior;
    return declaration;
}

Constraint ast_constraint(Parser *p, Span span, ConstraintKind kind, Expr *low, Expr *high) {
    (void)p;
    return (Constraint){kind, span, low, high};
}

static const struct {
    const char *name;
    ConstraintKind kind;
} constraints[] = {
    {"simplex", CONSTRAINT_SIMPLEX},         {"ordered", CONSTRAINT_ORDERED},
    {"lower", CONSTRAINT_LOWER_TRIANGULAR},  {"positive_definite", CONSTRAINT_POSITIVE_DEFINITE},
    {"correlation", CONSTRAINT_CORRELATION},
};

Constraint ast_named_constraint(Parser *p, Span span, Name name) {
    enum { COUNT = sizeof constraints / sizeof constraints[0] };
    Name names[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(name, constraints[i].name) == 0) {
            return (Constraint){constraints[i].kind, span, NULL, NULL};
        }
        names[i] = intern_text(p->front->names, constraints[i].name);
    }
    Diags *diags = p->front->diags;
    Diag *diag = diag_error(diags, span, "unknown constraint `%s`", name);
    Name meant = closest_name(name, names, COUNT);
    if (meant != NULL) {
        diag_label(diags, diag, "did you mean `%s`?", meant);
    } else {
        diag_label(diags, diag, "if `%s` is another param, a `,` is missing before it", name);
        diag_note(diags, diag, span,
                  "constraints are `> a`, `< b`, `in (a, b)`, `simplex`, `ordered`, `lower`, "
                  "`positive_definite`, `correlation`");
    }
    return (Constraint){CONSTRAINT_NONE, span, NULL, NULL};
}

Setting *ast_setting(Parser *p, Name name, Span name_span, Span value_span) {
    Setting *setting = arena_new(p->front->arena, Setting);
    const char *text = p->source->text + value_span.start;
    size_t length = value_span.end - value_span.start;
    if (length >= 2 && text[0] == '"') {
        text++;
        length -= 2;
    }
    *setting = (Setting){.name = name,
                         .name_span = name_span,
                         .value = arena_copy(p->front->arena, text, length),
                         .value_span = value_span};
    return setting;
}

static Item *make_item(Parser *p, ItemKind kind, Span span) {
    Item *item = arena_new(p->front->arena, Item);
    item->kind = kind;
    item->span = span;
    return item;
}

Item *ast_declare(Parser *p, Span span, ItemKind kind, Declarations declarations) {
    Item *item = make_item(p, kind, span);
    item->as.declarations = declarations.first;
    return item;
}

Item *ast_model(Parser *p, Span span, Name name, Span name_span) {
    Item *item = make_item(p, ITEM_MODEL, span);
    item->as.model.name = name;
    item->as.model.name_span = name_span;
    return item;
}

Item *ast_import(Parser *p, Span span, Span path_span) {
    Item *item = make_item(p, ITEM_IMPORT, span);
    item->as.import.path = arena_copy(p->front->arena, p->source->text + path_span.start + 1,
                                      path_span.end - path_span.start - 2);
    item->as.import.path_span = path_span;
    return item;
}

Item *ast_item_function(Parser *p, Span span, ItemKind kind, Function *function) {
    Item *item = make_item(p, kind, span);
    item->as.function = function;
    return item;
}

Item *ast_extern(Parser *p, Span span, Name name, Span name_span, Formals formals,
                 Binders derivatives) {
    Item *item = make_item(p, ITEM_EXTERN, span);
    item->as.external.name = name;
    item->as.external.name_span = name_span;
    item->as.external.formals = formals.first;
    item->as.external.formal_count = formals.count;
    item->as.external.derivatives = derivatives.first;
    return item;
}

Item *ast_train(Parser *p, Span span, Settings settings) {
    Item *item = make_item(p, ITEM_TRAIN, span);
    item->as.settings = settings.first;
    return item;
}

void ast_item(Parser *p, Item *item) {
    *p->last_item = item;
    p->last_item = &item->next;
}

void ast_item_error(Parser *p, Span span) {
    ast_item(p, make_item(p, ITEM_ERROR, span));
}

void ast_expression(Parser *p, Expr *expr) {
    p->expression = expr;
}
