/* emit_build.h: loop programs written by hand, for the tests of the printers. All have one
 * signature, so that one function type calls them all. */
#ifndef EMIT_BUILD_H
#define EMIT_BUILD_H

#include "emit/emit.h"

/* double f(size_t D, int64_t c, double s, const double *p, const double *x, const int64_t *y,
 *          double *out, double *work) */
typedef double TestFunction(size_t D, int64_t c, double s, const double *p, const double *x,
                            const int64_t *y, double *out, double *work);
enum { ARG_D, ARG_C, ARG_S, ARG_P, ARG_X, ARG_Y, ARG_OUT, ARG_SCRATCH, TEST_ARGS };
enum { B_P, B_X, B_Y, B_OUT, B_WORK, B_LOCAL, TEST_BUFFERS };
enum { TEST_VARS = 32 };

static LoopArg test_args[TEST_ARGS] = {
    {ARG_DIM, C_SIZE, 0, "D"},
    {ARG_SCALAR, C_INT64, 0, "c"},
    {ARG_SCALAR, C_REAL, 0, "s"},
    {ARG_PARAMS, C_CONST_REAL_PTR, 0, "params"},
    {ARG_ARRAY, C_CONST_REAL_PTR, 0, "x"},
    {ARG_ARRAY, C_CONST_INT64_PTR, 0, "y"},
    {ARG_OUTPUT, C_REAL_PTR, 0, "out"},
    {ARG_WORK, C_REAL_PTR, 0, "work"},
};

/* The program that is being written. */
typedef struct {
    Arena *arena;
    LoopProgram *program;
    LoopStmt **last;
    LoopStmt **outer[8]; /* of open bodies: where the next statement after them goes */
    unsigned depth;
    uint32_t span;
} Build;

static inline LoopExpr *new_expr(Build *b, LoopExprKind kind, Kind type) {
    LoopExpr *expr = arena_new(b->arena, LoopExpr);
    expr->kind = kind;
    expr->type = type;
    return expr;
}

static inline const LoopExpr *R(Build *b, double value) {
    LoopExpr *expr = new_expr(b, LX_REAL, KIND_REAL);
    expr->as.real = value;
    return expr;
}

static inline const LoopExpr *N(Build *b, int64_t value) {
    LoopExpr *expr = new_expr(b, LX_INT, KIND_INT);
    expr->as.integer = value;
    return expr;
}

static inline const LoopExpr *V(Build *b, VarId var) {
    LoopExpr *expr = new_expr(b, LX_VAR, b->program->vars[var].kind);
    expr->as.var = var;
    return expr;
}

static inline const LoopExpr *A(Build *b, uint32_t arg) {
    LoopExpr *expr = new_expr(b, LX_ARG, arg == ARG_S ? KIND_REAL : KIND_INT);
    expr->as.arg = arg;
    return expr;
}

static inline const LoopExpr *L(Build *b, BufferId buffer, const LoopExpr *index) {
    LoopExpr *expr = new_expr(b, LX_LOAD, b->program->buffers[buffer].kind);
    expr->as.buffer = buffer;
    expr->count = 1;
    expr->args[0] = index;
    return expr;
}

static inline Kind result_kind(BuiltinId f, Kind operands) {
    switch (builtins[f].signature) {
    case SIG_REAL:
    case SIG_RANDOM:
        return KIND_REAL;
    case SIG_NUMBER:
        return operands;
    case SIG_INT:
        return KIND_INT;
    case SIG_COMPARE:
    case SIG_BOOL:
        return KIND_BOOL;
    }
    return KIND_REAL;
}

static inline const LoopExpr *C3(Build *b, BuiltinId f, const LoopExpr *x, const LoopExpr *y,
                                 const LoopExpr *z) {
    LoopExpr *expr = new_expr(b, LX_CALL, result_kind(f, x->type));
    expr->as.builtin = f;
    expr->args[0] = x;
    expr->args[1] = y;
    expr->args[2] = z;
    expr->count = (uint8_t)(z ? 3 : y ? 2 : 1);
    return expr;
}

static inline const LoopExpr *C1(Build *b, BuiltinId f, const LoopExpr *x) {
    return C3(b, f, x, NULL, NULL);
}

static inline const LoopExpr *C2(Build *b, BuiltinId f, const LoopExpr *x, const LoopExpr *y) {
    return C3(b, f, x, y, NULL);
}

static inline const LoopExpr *real(Build *b, const LoopExpr *x) {
    LoopExpr *expr = new_expr(b, LX_CONVERT, KIND_REAL);
    expr->args[0] = x;
    expr->count = 1;
    return expr;
}

static inline const LoopExpr *select3(Build *b, const LoopExpr *c, const LoopExpr *x,
                                      const LoopExpr *y) {
    LoopExpr *expr = new_expr(b, LX_SELECT, x->type);
    expr->args[0] = c;
    expr->args[1] = x;
    expr->args[2] = y;
    expr->count = 3;
    return expr;
}

static inline LoopStmt *add(Build *b, LoopStmtKind kind, VarId var, const LoopExpr *value) {
    LoopStmt *statement = arena_new(b->arena, LoopStmt);
    statement->kind = kind;
    statement->var = var;
    statement->value = value;
    statement->span = (Span){1, b->span, b->span + 1};
    b->span += 4;
    *b->last = statement;
    b->last = &statement->next;
    return statement;
}

static inline VarId new_var(Build *b, const char *name, Kind kind) {
    b->program->vars[b->program->var_count] = (LoopVarInfo){name, kind};
    return (VarId)b->program->var_count++;
}

static inline VarId let(Build *b, const char *name, const LoopExpr *value) {
    VarId var = new_var(b, name, value->type);
    add(b, LS_LET, var, value);
    return var;
}

static inline VarId declare(Build *b, const char *name, const LoopExpr *value) {
    VarId var = new_var(b, name, value->type);
    add(b, LS_DECLARE, var, value);
    return var;
}

static inline void enter(Build *b, LoopStmt *statement) {
    b->outer[b->depth++] = b->last;
    b->last = &statement->body;
}

static inline void shut(Build *b) {
    b->last = b->outer[--b->depth];
}

static inline VarId loop(Build *b, const char *name, const LoopExpr *low, const LoopExpr *high,
                         unsigned flags) {
    VarId var = new_var(b, name, KIND_INT);
    LoopStmt *statement = add(b, LS_FOR, var, NULL);
    statement->low = low;
    statement->high = high;
    statement->flags = flags;
    enter(b, statement);
    return var;
}

static inline void sum_into(Build *b, VarId var, const LoopExpr *value) {
    add(b, LS_ADD, var, value)->reassociate = true;
}

static inline void store(Build *b, LoopStmtKind kind, BufferId buffer, const LoopExpr *index,
                         const LoopExpr *value) {
    LoopStmt *statement = add(b, kind, 0, value);
    statement->buffer = buffer;
    statement->index = index;
}

static inline void finish(Build *b, const LoopExpr *value) {
    add(b, LS_RETURN, 0, value);
}

static inline Build begin(Arena *arena, const char *name) {
    LoopProgram *program = arena_new(arena, LoopProgram);
    program->name = name;
    program->returns = true;
    program->args = test_args;
    program->arg_count = TEST_ARGS;
    program->vars = arena_array(arena, LoopVarInfo, TEST_VARS);
    program->buffers = arena_array(arena, LoopBuffer, TEST_BUFFERS);
    program->buffer_count = TEST_BUFFERS;
    Build b = {.arena = arena, .program = program};
    b.last = &program->body;
    const LoopBuffer buffers[TEST_BUFFERS] = {
        {"theta", KIND_REAL, BUFFER_ARG, ARG_P, N(&b, 1), 0, false},
        {"x", KIND_REAL, BUFFER_ARG, ARG_X, NULL, 0, false},
        {"y", KIND_INT, BUFFER_ARG, ARG_Y, NULL, 0, false},
        {"out", KIND_REAL, BUFFER_ARG, ARG_OUT, NULL, 0, true},
        {"labels", KIND_INT, BUFFER_WORK, ARG_SCRATCH, A(&b, ARG_D), 0, true},
        {"h", KIND_REAL, BUFFER_LOCAL, 0, NULL, 16, true},
    };
    for (unsigned k = 0; k < TEST_BUFFERS; k++) {
        program->buffers[k] = buffers[k];
    }
    return b;
}

#endif
