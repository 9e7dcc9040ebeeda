/* walk.c: visits every expression of a function in the order written. Left-deep sums are walked in
 * a loop; the parser limits every other nesting. */
#include "sema/walk.h"

static void walk_list(const Walk *walk, const Expr *list) {
    for (const Expr *e = list; e; e = e->next) {
        walk_expr(walk, e);
    }
}

static void walk_binders(const Walk *walk, const Binder *binders) {
    for (const Binder *b = binders; b; b = b->next) {
        if (walk->binder) {
            walk->binder(walk->data, b);
        }
        walk_expr(walk, b->low);
        walk_expr(walk, b->high);
    }
}

static void walk_subscripts(const Walk *walk, const Subscript *subscripts) {
    for (const Subscript *s = subscripts; s; s = s->next) {
        walk_expr(walk, s->index);
        walk_expr(walk, s->low);
        walk_expr(walk, s->high);
        walk_expr(walk, s->range_low);
        walk_expr(walk, s->range_high);
    }
}

void walk_expr(const Walk *walk, const Expr *expr) {
    while (expr) {
        if (walk->expr) {
            walk->expr(walk->data, expr);
        }
        switch (expr->kind) {
        case EXPR_ERROR:
        case EXPR_NUMBER:
        case EXPR_NAME:
            return;
        case EXPR_NEGATE:
        case EXPR_NOT:
        case EXPR_TRANSPOSE:
        case EXPR_PAREN:
            expr = expr->as.unary.a;
            continue;
        case EXPR_BINARY:
            walk_expr(walk, expr->as.binary.b);
            expr = expr->as.binary.a;
            continue;
        case EXPR_IF:
            walk_expr(walk, expr->as.choice.condition);
            walk_expr(walk, expr->as.choice.then);
            expr = expr->as.choice.otherwise;
            continue;
        case EXPR_CALL:
            walk_list(walk, expr->as.call.args);
            return;
        case EXPR_REDUCE:
            walk_binders(walk, expr->as.reduce.binders);
            expr = expr->as.reduce.body;
            continue;
        case EXPR_COMPREHENSION:
            walk_binders(walk, expr->as.comprehension.binders);
            expr = expr->as.comprehension.body;
            continue;
        case EXPR_ARRAY:
            walk_list(walk, expr->as.array.elements);
            return;
        case EXPR_SUBSCRIPT:
            walk_subscripts(walk, expr->as.subscript.subscripts);
            expr = expr->as.subscript.base;
            continue;
        }
    }
}

void walk_stmts(const Walk *walk, const Stmt *stmts) {
    for (const Stmt *s = stmts; s; s = s->next) {
        switch (s->kind) {
        case STMT_ERROR:
            break;
        case STMT_ASSIGN:
            walk_expr(walk, s->as.assign.value);
            for (const Target *t = s->as.assign.targets; t; t = t->next) {
                walk_subscripts(walk, t->subscripts);
                if (walk->target) {
                    walk->target(walk->data, t);
                }
            }
            break;
        case STMT_FOR:
            walk_binders(walk, s->as.loop.binders);
            walk_expr(walk, s->as.loop.condition);
            walk_stmts(walk, s->as.loop.body);
            break;
        case STMT_FUNCTION:
            if (walk->local) {
                walk->local(walk->data, s->as.function);
            }
            walk_function(walk, s->as.function);
            break;
        case STMT_RETURN:
            walk_list(walk, s->as.result.values);
            break;
        }
    }
}

void walk_function(const Walk *walk, const Function *function) {
    for (const Formal *f = function->formals; f; f = f->next) {
        walk_list(walk, f->shape);
        walk_expr(walk, f->class_size);
    }
    walk_subscripts(walk, function->indices);
    walk_expr(walk, function->body);
    walk_stmts(walk, function->block);
}
