/* whole.c: which formals are whole numbers. A number that is used as an index, a size or a range is
 * whole; so is one that comes there through arithmetic, a local name, or a call. A fixpoint over
 * all functions. */
#include <string.h>

#include "sema/sema_private.h"

/* What a value is needed for. */
enum { NEED_NOTHING = 0, NEED_WHOLE = 1, NEED_SIZE = 2 };

typedef struct {
    ModelFunction *function;
    uint8_t *need; /* of each formal */
    uint8_t *pass; /* of each formal, where the result is whole */
} Formals;

typedef struct {
    Name name;
    uint8_t need;
} Local;

typedef struct {
    Sema *sema;
    Formals *all; /* the user's functions, then the library's */
    size_t count;
    Formals *self;
    uint8_t *marks; /* self->need or self->pass */
    Local *locals;
    size_t local_count, local_capacity;
    NameTable places; /* of locals */
    bool changed;
    Arena *scratch;
} Whole;

static void visit(Whole *w, const Expr *expr, uint8_t need);

static void mark(Whole *w, Name name, uint8_t need) {
    size_t k = 0;

    for (const Formal *a = w->self->function->ast->formals; a; a = a->next, k++) {
        if (a->name == name) {
            if (!a->shape && (w->marks[k] | need) != w->marks[k]) {
                w->marks[k] |= need;
                w->changed = true;
            }
            return;
        }
    }
    k = names_find(&w->places, name);
    if (k != SIZE_MAX) {
        w->changed |= (w->locals[k].need | need) != w->locals[k].need;
        w->locals[k].need |= need;
        return;
    }
    names_note(&w->places, w->sema->arena, name);
    w->locals = arena_grow(w->sema->arena, w->locals, w->local_count, &w->local_capacity,
                           sizeof *w->locals);
    w->locals[w->local_count++] = (Local){name, need};
    w->changed = true;
}

static uint8_t local_need(const Whole *w, Name name) {
    size_t k = names_find(&w->places, name);

    return k != SIZE_MAX ? w->locals[k].need : NEED_NOTHING;
}

static const Formals *find(const Whole *w, Name name) {
    for (const Formal *a = w->self->function->ast->formals; a; a = a->next) {
        if (a->is_function && a->name == name) {
            return NULL;
        }
    }
    const Model *m = w->sema->model;
    for (size_t k = w->self->function->library ? SIZE_MAX : model_function_number(m, name);
         k < m->function_count; k++) { /* there may be a value and a function */
        if (m->functions[k].name == name && m->functions[k].ast->has_parens) {
            return &w->all[k];
        }
    }
    const ModelFunction *f = model_library_function(m, name);
    return f && f->ast->has_parens ? &w->all[m->function_count + (size_t)(f - m->library)] : NULL;
}

static void visit_binders(Whole *w, const Binder *binders) {
    for (const Binder *b = binders; b; b = b->next) {
        visit(w, b->low, NEED_WHOLE | NEED_SIZE);
        visit(w, b->high, NEED_WHOLE | NEED_SIZE);
    }
}

static void visit_subscripts(Whole *w, const Subscript *subscripts) {
    for (const Subscript *s = subscripts; s; s = s->next) {
        visit(w, s->index, NEED_WHOLE);
        visit(w, s->low, NEED_WHOLE | NEED_SIZE);
        visit(w, s->high, NEED_WHOLE | NEED_SIZE);
        visit(w, s->range_low, NEED_WHOLE | NEED_SIZE);
        visit(w, s->range_high, NEED_WHOLE | NEED_SIZE);
    }
}

static void visit_call(Whole *w, const Expr *call, uint8_t need) {
    static const char *const through[] = {"abs", "min", "max"}; /* whole of whole */
    static const char *const sized[] = {"zeros", "ones"};
    const char *name = call->as.call.name;
    const Formals *f = find(w, call->as.call.name);
    uint8_t each = NEED_NOTHING;
    size_t k = 0;

    for (size_t j = 0; j < sizeof through / sizeof through[0] && !f; j++) {
        each |= strcmp(name, through[j]) == 0 ? need : NEED_NOTHING;
    }
    for (size_t j = 0; j < sizeof sized / sizeof sized[0] && !f; j++) {
        each |= strcmp(name, sized[j]) == 0 ? NEED_WHOLE | NEED_SIZE : NEED_NOTHING;
    }
    for (const Expr *a = call->as.call.args; a; a = a->next, k++) {
        uint8_t arg = each;
        if (f && k < f->function->ast->formal_count) {
            arg = (uint8_t)(f->need[k] | (f->pass[k] & need));
        }
        visit(w, a, arg);
    }
}

static void visit_binary(Whole *w, const Expr *expr, uint8_t need, uint8_t *left) {
    switch (expr->as.binary.op) {
    case BIN_ADD:
    case BIN_SUB:
    case BIN_MUL:
        *left = need;
        break;
    case BIN_FLOORDIV:
    case BIN_MOD:
        *left = need | NEED_WHOLE;
        break;
    case BIN_POW:
    case BIN_DIV:
    case BIN_MATMUL:
    case BIN_EQ:
    case BIN_NE:
    case BIN_LT:
    case BIN_LE:
    case BIN_GT:
    case BIN_GE:
    case BIN_AND:
    case BIN_OR:
        *left = NEED_NOTHING;
        break;
    }
    visit(w, expr->as.binary.b, *left);
}

static void visit_list(Whole *w, const Expr *list, uint8_t need) {
    for (const Expr *e = list; e; e = e->next) {
        visit(w, e, need);
    }
}

static void visit(Whole *w, const Expr *expr, uint8_t need) {
    while (expr) {
        switch (expr->kind) {
        case EXPR_ERROR:
        case EXPR_NUMBER:
            return;
        case EXPR_NAME:
            if (need) {
                mark(w, expr->as.name, need);
            }
            return;
        case EXPR_NOT:
        case EXPR_TRANSPOSE:
            need = NEED_NOTHING;
            expr = expr->as.unary.a;
            continue;
        case EXPR_NEGATE:
        case EXPR_PAREN:
            expr = expr->as.unary.a;
            continue;
        case EXPR_BINARY:
            visit_binary(w, expr, need, &need);
            expr = expr->as.binary.a;
            continue;
        case EXPR_IF:
            visit(w, expr->as.choice.condition, NEED_NOTHING);
            visit(w, expr->as.choice.then, need);
            expr = expr->as.choice.otherwise;
            continue;
        case EXPR_CALL:
            visit_call(w, expr, need);
            return;
        case EXPR_REDUCE:
            visit_binders(w, expr->as.reduce.binders);
            need = NEED_NOTHING;
            expr = expr->as.reduce.body;
            continue;
        case EXPR_COMPREHENSION:
            visit_binders(w, expr->as.comprehension.binders);
            need = NEED_NOTHING;
            expr = expr->as.comprehension.body;
            continue;
        case EXPR_ARRAY:
            visit_list(w, expr->as.array.elements, NEED_NOTHING);
            return;
        case EXPR_SUBSCRIPT:
            visit_subscripts(w, expr->as.subscript.subscripts);
            need = NEED_NOTHING;
            expr = expr->as.subscript.base;
            continue;
        }
    }
}

/* The last statement first: what needs a name comes behind what gives it. */
static void visit_stmts(Whole *w, const Stmt *stmts, uint8_t result) {
    size_t count = 0;
    for (const Stmt *s = stmts; s; s = s->next) {
        count++;
    }
    const Stmt **list = arena_array(w->scratch, const Stmt *, count + 1);
    for (const Stmt *s = stmts; s; s = s->next) {
        *list++ = s;
    }
    for (; count > 0; count--) {
        const Stmt *s = *--list;
        switch (s->kind) {
        case STMT_ERROR:
            break;
        case STMT_ASSIGN: {
            const Target *t = s->as.assign.targets;
            bool single = t && !t->next && !t->subscripts;
            visit(w, s->as.assign.value, single ? local_need(w, t->name) : NEED_NOTHING);
            for (; t; t = t->next) {
                visit_subscripts(w, t->subscripts);
            }
            break;
        }
        case STMT_FOR:
            visit_binders(w, s->as.loop.binders);
            visit(w, s->as.loop.condition, NEED_NOTHING);
            visit_stmts(w, s->as.loop.body, NEED_NOTHING);
            break;
        case STMT_FUNCTION:
            visit(w, s->as.function->body, NEED_NOTHING);
            visit_stmts(w, s->as.function->block, NEED_NOTHING);
            break;
        case STMT_RETURN:
            visit_list(w, s->as.result.values, result);
            break;
        }
    }
}

static void visit_function(Whole *w, Formals *f, uint8_t *marks, uint8_t result) {
    const Function *ast = f->function->ast;

    w->self = f;
    w->marks = marks;
    w->locals = NULL;
    w->local_count = w->local_capacity = 0;
    w->places = (NameTable){0};
    do {
        w->changed = false;
        for (const Formal *a = ast->formals; a; a = a->next) {
            visit_list(w, a->shape, NEED_WHOLE | NEED_SIZE);
            visit(w, a->class_size, NEED_WHOLE | NEED_SIZE);
        }
        visit_subscripts(w, ast->indices);
        visit(w, ast->body, result);
        visit_stmts(w, ast->block, result);
    } while (w->changed);
}

static void store(Sema *sema, const Formals *f) {
    size_t count = f->function->ast->formal_count;
    bool *whole = arena_array(sema->arena, bool, count + 1);
    bool *size = arena_array(sema->arena, bool, count + 1);

    for (size_t k = 0; k < count; k++) {
        whole[k] = f->need[k] != NEED_NOTHING;
        size[k] = (f->need[k] & NEED_SIZE) != 0;
    }
    f->function->whole = whole;
    f->function->size = size;
}

void sema_whole(Sema *sema) {
    Model *m = sema->model;
    Whole w = {.sema = sema, .count = m->function_count + m->library_count};

    w.all = arena_array(sema->arena, Formals, w.count + 1);
    for (size_t k = 0; k < w.count; k++) {
        ModelFunction *f =
            k < m->function_count ? &m->functions[k] : &m->library[k - m->function_count];
        w.all[k].function = f;
        w.all[k].need = arena_array(sema->arena, uint8_t, f->ast->formal_count + 1);
        w.all[k].pass = arena_array(sema->arena, uint8_t, f->ast->formal_count + 1);
    }
    bool again = true;
    w.scratch = arena_create();
    while (again) {
        again = false;
        for (size_t n = w.count; n-- > 0;) { /* the library's, then the user's, callees first */
            size_t k = n >= m->function_count ? n : m->order[m->function_count - 1 - n];
            /* What marks locals alone is no reason to go round again. */
            uint8_t *need = w.all[k].need;
            uint8_t *pass = w.all[k].pass;
            size_t count = w.all[k].function->ast->formal_count;
            uint8_t *old = arena_array(w.scratch, uint8_t, 2 * count + 1);
            memcpy(old, need, count);
            memcpy(old + count, pass, count);
            visit_function(&w, &w.all[k], need, NEED_NOTHING);
            visit_function(&w, &w.all[k], pass, NEED_WHOLE | NEED_SIZE);
            again |= memcmp(old, need, count) != 0 || memcmp(old + count, pass, count) != 0;
        }
    }
    arena_destroy(w.scratch);
    for (size_t k = 0; k < w.count; k++) {
        store(sema, &w.all[k]);
    }
}
