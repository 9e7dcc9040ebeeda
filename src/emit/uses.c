/* uses.c: which variables, buffers and arguments of a loop program are really read, so that the
 * printers leave out what a C compiler would warn about. Reads a verified program; changes nothing.
 */
#include "emit/emit_private.h"

typedef struct {
    const LoopProgram *program;
    Uses uses;
    const uint32_t *reads_before; /* of the previous round; NULL in the first */
} Counter;

static void count_expr(Counter *counter, const LoopExpr *expr);

static void count_buffer(Counter *counter, BufferId id) {
    const LoopBuffer *buffer = &counter->program->buffers[id];
    if (counter->uses.buffer_used[id]) {
        return;
    }
    counter->uses.buffer_used[id] = true;
    if (buffer->place != BUFFER_LOCAL) {
        counter->uses.arg_used[buffer->arg] = true;
    }
    count_expr(counter, buffer->offset);
}

static void count_expr(Counter *counter, const LoopExpr *expr) {
    if (!expr) {
        return;
    }
    switch (expr->kind) {
    case LX_REAL:
    case LX_INT:
    case LX_BOOL:
    case LX_CALL:
    case LX_EXTERN:
    case LX_CONVERT:
    case LX_SELECT:
        break;
    case LX_VAR:
        counter->uses.var_reads[expr->as.var]++;
        break;
    case LX_ARG:
    case LX_ARG_SET:
    case LX_MOST:
        counter->uses.arg_used[expr->as.arg] = true;
        break;
    case LX_LOAD:
        counter->uses.buffer_read[expr->as.buffer] = true;
        count_buffer(counter, expr->as.buffer);
        break;
    }
    for (unsigned k = 0; k < expr->count; k++) {
        count_expr(counter, expr->args[k]);
    }
}

static bool only_sets(LoopStmtKind kind) {
    return kind == LS_LET || kind == LS_DECLARE || kind == LS_ADD || kind == LS_MAX ||
           kind == LS_ASSIGN;
}

bool statement_is_dead(const Uses *uses, const LoopStmt *statement) {
    return only_sets(statement->kind) && uses->var_reads[statement->var] == 0;
}

static void count_statements(Counter *counter, const LoopStmt *statement) {
    for (; statement; statement = statement->next) {
        if (counter->reads_before && only_sets(statement->kind) &&
            counter->reads_before[statement->var] == 0) {
            continue;
        }
        if (statement->kind == LS_STORE || statement->kind == LS_STORE_ADD ||
            statement->kind == LS_ZERO || statement->kind == LS_LIB) {
            count_buffer(counter, statement->buffer);
        }
        if (statement->kind == LS_LIB) {
            count_buffer(counter, statement->factor);
        }
        if (statement->kind == LS_PRODUCT) {
            count_buffer(counter, statement->buffer);
            count_buffer(counter, statement->product->a);
            count_buffer(counter, statement->product->b);
            counter->uses.buffer_read[statement->product->a] = true;
            counter->uses.buffer_read[statement->product->b] = true;
            for (size_t k = 0; k < PRODUCT_PARTS; k++) {
                count_expr(counter, statement->product->parts[k]);
            }
        }
        count_expr(counter, statement->index);
        count_expr(counter, statement->value);
        count_expr(counter, statement->low);
        count_expr(counter, statement->high);
        count_expr(counter, statement->condition);
        count_statements(counter, statement->body);
    }
}

static size_t unread(const LoopProgram *program, const uint32_t *reads) {
    size_t count = 0;
    for (size_t v = 0; v < program->var_count; v++) {
        count += reads[v] == 0;
    }
    return count;
}

Uses program_uses(Arena *arena, const LoopProgram *program) {
    Counter counter = {.program = program};
    size_t dead = 0;
    for (bool first = true;; first = false) {
        counter.reads_before = first ? NULL : counter.uses.var_reads;
        counter.uses.var_reads = arena_array(arena, uint32_t, program->var_count + 1);
        counter.uses.buffer_read = arena_array(arena, bool, program->buffer_count + 1);
        counter.uses.buffer_used = arena_array(arena, bool, program->buffer_count + 1);
        counter.uses.arg_used = arena_array(arena, bool, program->arg_count + 1);
        count_statements(&counter, program->body);
        size_t now = unread(program, counter.uses.var_reads);
        if (!first && now == dead) {
            return counter.uses;
        }
        dead = now;
    }
}

static bool calls_library(const LoopStmt *statement) {
    for (; statement; statement = statement->next) {
        if (statement->kind == LS_LIB || calls_library(statement->body)) {
            return true;
        }
    }
    return false;
}

bool program_uses_lapack(const LoopProgram *program) {
    return calls_library(program->body);
}

bool unit_uses_lapack(const Unit *unit) {
    bool uses = false;
    for (size_t k = 0; k < unit->function_count; k++) {
        uses = uses || calls_library(unit->functions[k]->body);
    }
    for (size_t k = 0; k < unit->kernel_count; k++) {
        uses = uses || calls_library(unit->kernels[k]->body);
    }
    return uses;
}

bool buffer_is_written(const LoopProgram *program, uint32_t arg) {
    for (size_t b = 0; b < program->buffer_count; b++) {
        const LoopBuffer *buffer = &program->buffers[b];
        if (buffer->place != BUFFER_LOCAL && buffer->arg == arg && buffer->written) {
            return true;
        }
    }
    return false;
}

bool loop_is_tiny(const LoopStmt *loop) {
    enum { TINY_LOOP = 4 };
    return loop->low->kind == LX_INT && loop->high->kind == LX_INT &&
           loop->high->as.integer - loop->low->as.integer <= TINY_LOOP;
}
