/* dead.c: takes out what nothing reads: values of stages whose readers took them from elsewhere,
 * buffers that are only written, loops that do nothing then. Runs over the finished statements,
 * backwards, so that what a dead value alone has used goes in the same sweep. */
#include "loop/plan.h"

typedef struct {
    const LoopProgram *program;
    uint32_t *var_uses, *buffer_uses;
    bool removed; /* something, in this sweep */
} Dead;

/* `by`: 1 counts the uses of an expression, -1 takes them back. */
static void count_expr(Dead *dead, const LoopExpr *x, int by) {
    if (!x) {
        return;
    }
    if (x->kind == LX_VAR) {
        dead->var_uses[x->as.var] += (uint32_t)by;
    } else if (x->kind == LX_LOAD) {
        dead->buffer_uses[x->as.buffer] += (uint32_t)by;
    }
    for (unsigned k = 0; k < x->count; k++) {
        count_expr(dead, x->args[k], by);
    }
}

static void count_stmt(Dead *dead, const LoopStmt *stmt, int by) {
    count_expr(dead, stmt->index, by);
    count_expr(dead, stmt->value, by);
    count_expr(dead, stmt->low, by);
    count_expr(dead, stmt->high, by);
    count_expr(dead, stmt->condition, by);
    if (stmt->kind == LS_LIB) { /* works in place: what it writes, it has read */
        dead->buffer_uses[stmt->buffer] += (uint32_t)by;
        dead->buffer_uses[stmt->factor] += (uint32_t)by;
    }
}

static void count_block(Dead *dead, const LoopStmt *block) {
    for (const LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        count_stmt(dead, stmt, 1);
        count_block(dead, stmt->body);
    }
}

static bool does_nothing(const LoopStmt *block) {
    while (block && block->kind == LS_COMMENT) {
        block = block->next;
    }
    return !block;
}

static bool is_dead(const Dead *dead, const LoopStmt *stmt) {
    switch (stmt->kind) {
    case LS_LET:
    case LS_DECLARE:
    case LS_ADD:
    case LS_MAX:
    case LS_ASSIGN:
        return dead->var_uses[stmt->var] == 0;
    case LS_STORE:
    case LS_STORE_ADD:
    case LS_ZERO:
        return dead->program->buffers[stmt->buffer].place != BUFFER_ARG &&
               dead->buffer_uses[stmt->buffer] == 0;
    case LS_FOR:
    case LS_IF:
        return does_nothing(stmt->body);
    case LS_LEAVE:
    case LS_PREFETCH:
    case LS_LIB:
    case LS_PRODUCT:
    case LS_RETURN:
    case LS_COMMENT:
        break;
    }
    return false;
}

/* What is left of a block. */
static LoopStmt *sweep_block(Dead *dead, Arena *arena, LoopStmt *block) {
    size_t count = 0;
    for (LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        count++;
    }
    LoopStmt **list = arena_array(arena, LoopStmt *, count + 1);
    count = 0;
    for (LoopStmt *stmt = block; stmt; stmt = stmt->next) {
        list[count++] = stmt;
    }
    LoopStmt *left = NULL;
    while (count-- > 0) {
        LoopStmt *stmt = list[count];
        stmt->body = sweep_block(dead, arena, stmt->body);
        if (is_dead(dead, stmt)) {
            count_stmt(dead, stmt, -1);
            dead->removed = true;
            continue;
        }
        stmt->next = left;
        left = stmt;
    }
    return left;
}

void dead_remove(Plan *plan) {
    LoopProgram *program = plan->program;
    Dead dead = {.program = program,
                 .var_uses = arena_array(plan->arena, uint32_t, program->var_count + 1),
                 .buffer_uses = arena_array(plan->arena, uint32_t, program->buffer_count + 1)};
    count_block(&dead, program->body);
    do {
        dead.removed = false;
        program->body = sweep_block(&dead, plan->arena, program->body);
    } while (dead.removed);
    for (size_t k = 0; k < program->buffer_count; k++) {
        plan->buffer_facts[k].dead = dead.buffer_uses[k] == 0;
    }
}
