/* verify.c: what printers rely on: every variable is declared once, before its uses and where they
 * can see it; kinds fit; arguments and buffers exist; the value is returned at the end. */
#include "loop/loop.h"

#include <string.h>

typedef struct {
    const LoopProgram *program;
    Arena *arena;
    bool *declared; /* and visible here */
    bool *once;
    const char *wrong;
} Check;

static void fail(Check *check, const char *what, const char *name) {
    if (!check->wrong) {
        check->wrong = arena_format(check->arena, "%s `%s`", what, name ? name : "");
    }
}

static void check_expr(Check *check, const LoopExpr *x);

static void check_call(Check *check, const LoopExpr *x) {
    const Builtin *row = &builtins[x->as.builtin];
    if (x->count != row->arity) {
        fail(check, "wrong number of arguments of", row->name);
        return;
    }
    for (unsigned k = 0; k < x->count; k++) {
        Kind kind = x->args[k]->type;
        bool right = true;
        switch (row->signature) {
        case SIG_REAL:
            right = kind == KIND_REAL;
            break;
        case SIG_NUMBER:
            right = kind == x->type;
            break;
        case SIG_INT:
        case SIG_RANDOM:
            right = kind == KIND_INT;
            break;
        case SIG_COMPARE:
            right = kind == x->args[0]->type;
            break;
        case SIG_BOOL:
            right = kind == KIND_BOOL;
            break;
        }
        if (!right) {
            fail(check, "wrong kind of an argument of", row->name);
        }
    }
}

static void check_expr(Check *check, const LoopExpr *x) {
    const LoopProgram *program = check->program;
    for (unsigned k = 0; k < x->count; k++) {
        check_expr(check, x->args[k]);
    }
    switch (x->kind) {
    case LX_REAL:
    case LX_INT:
    case LX_BOOL:
        break;
    case LX_VAR:
        if (x->as.var >= program->var_count) {
            fail(check, "no such variable", NULL);
        } else if (!check->declared[x->as.var]) {
            fail(check, "used where it is not declared:", program->vars[x->as.var].name);
        } else if (x->type != program->vars[x->as.var].kind) {
            fail(check, "wrong kind of", program->vars[x->as.var].name);
        }
        break;
    case LX_ARG:
    case LX_ARG_SET:
    case LX_MOST:
        if (x->as.arg >= program->arg_count) {
            fail(check, "no such argument", NULL);
        }
        break;
    case LX_LOAD:
        if (x->as.buffer >= program->buffer_count) {
            fail(check, "no such buffer", NULL);
        } else if (x->count != 1 || x->args[0]->type != KIND_INT) {
            fail(check, "a position that is no whole number, in",
                 program->buffers[x->as.buffer].name);
        }
        break;
    case LX_CALL:
        check_call(check, x);
        break;
    case LX_EXTERN:
        for (unsigned k = 0; k < x->count; k++) {
            if (x->args[k]->type != KIND_REAL) {
                fail(check, "wrong kind of an argument of", x->as.external->name);
            }
        }
        break;
    case LX_CONVERT:
        if (x->args[0]->type == KIND_REAL) {
            fail(check, "a conversion of a real", NULL);
        }
        break;
    case LX_SELECT:
        if (x->args[0]->type != KIND_BOOL || x->args[1]->type != x->type ||
            x->args[2]->type != x->type) {
            fail(check, "wrong kinds in a choice", NULL);
        }
        break;
    }
}

static void declare(Check *check, VarId var) {
    if (var >= check->program->var_count || check->once[var]) {
        fail(check, "declared twice:",
             var < check->program->var_count ? check->program->vars[var].name : NULL);
        return;
    }
    check->declared[var] = check->once[var] = true;
}

static bool writes_var(LoopStmtKind kind) {
    return kind == LS_LET || kind == LS_DECLARE || kind == LS_ADD || kind == LS_MAX ||
           kind == LS_ASSIGN;
}

static void check_var(Check *check, const LoopStmt *stmt) {
    if (stmt->kind == LS_LET || stmt->kind == LS_DECLARE) {
        declare(check, stmt->var);
    }
    if (check->wrong) {
        return;
    }
    const LoopVarInfo *var = &check->program->vars[stmt->var];
    if (!check->declared[stmt->var]) {
        fail(check, "changed where it is not declared:", var->name);
    }
    if (stmt->value->type != var->kind) {
        fail(check, "a value of the wrong kind for", var->name);
    }
}

static void check_block(Check *check, const LoopStmt *stmt) {
    bool *outer = arena_array(check->arena, bool, check->program->var_count + 1);
    memcpy(outer, check->declared, check->program->var_count * sizeof(bool));
    for (; stmt && !check->wrong; stmt = stmt->next) {
        const LoopExpr *parts[] = {stmt->index, stmt->value, stmt->low, stmt->high,
                                   stmt->condition};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            if (parts[k]) {
                check_expr(check, parts[k]);
            }
        }
        for (size_t k = 0; stmt->kind == LS_PRODUCT && k < PRODUCT_PARTS; k++) {
            check_expr(check, stmt->product->parts[k]);
        }
        if (writes_var(stmt->kind)) {
            check_var(check, stmt);
        }
        bool stores = stmt->kind == LS_STORE || stmt->kind == LS_STORE_ADD ||
                      stmt->kind == LS_ZERO || stmt->kind == LS_LIB || stmt->kind == LS_PRODUCT;
        if (stores && (stmt->buffer >= check->program->buffer_count ||
                       !check->program->buffers[stmt->buffer].written)) {
            fail(check, "a store to a buffer that is not written", NULL);
        }
        if (stmt->kind == LS_FOR) {
            declare(check, stmt->var);
        }
        if (stmt->kind == LS_RETURN && stmt->next) {
            fail(check, "a statement after return", NULL);
        }
        if (stmt->body && !check->wrong) {
            check_block(check, stmt->body);
        }
        if (stmt->kind == LS_FOR && !check->wrong) {
            check->declared[stmt->var] = false;
        }
    }
    memcpy(check->declared, outer, check->program->var_count * sizeof(bool));
}

const char *loop_verify(const LoopProgram *program, Arena *arena) {
    Check check = {.program = program, .arena = arena};
    check.declared = arena_array(arena, bool, program->var_count + 1);
    check.once = arena_array(arena, bool, program->var_count + 1);
    for (size_t k = 0; k < program->arg_count; k++) {
        for (size_t l = 0; l < k; l++) {
            if (strcmp(program->args[k].name, program->args[l].name) == 0) {
                fail(&check, "two arguments are called", program->args[k].name);
            }
        }
    }
    check_block(&check, program->body);
    return check.wrong;
}
