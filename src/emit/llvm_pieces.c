/* llvm_pieces.c: where a very long function is cut. LLVM's passes, instruction selection and the
 * allocation of registers take time that grows with the square of the length of a block or of a
 * function; so statements in a row become functions of their own, pieces, that the function calls.
 * What one piece defines and another reads lies in a frame on the stack of the function, which all
 * of them get the address of. Statements that leave a loop or return stay where they are; a loop or
 * an IF that is longer than a piece stays, too, and its body is cut. */
#include "emit/llvm_private.h"

/* A function is cut if so many instructions are in a row in it, or so many are in it at all; then
 * pieces are of PIECE_SIZE. Of HUGE_BODY, its module gets fewer passes and code as for -O0. */
enum { LONG_ROW = 2000, LONG_BODY = 12000, HUGE_BODY = 16000, PIECE_SIZE = 1000 };

/* ---- lengths, in instructions, as far as they can be told -------------------------------------
 */

static size_t expr_length(const LoopExpr *expr) {
    size_t length = expr && expr->count > 0 ? 1 : 0;
    for (unsigned k = 0; expr && k < expr->count; k++) {
        length += expr_length(expr->args[k]);
    }
    return length;
}

/* Of the statement without its body. */
static size_t own_length(const LoopStmt *statement) {
    size_t length = 1 + expr_length(statement->index) + expr_length(statement->value) +
                    expr_length(statement->low) + expr_length(statement->high) +
                    expr_length(statement->condition);
    for (size_t k = 0; statement->product && k < PRODUCT_PARTS; k++) {
        length += expr_length(statement->product->parts[k]);
    }
    return length;
}

static size_t body_length(const LoopStmt *statement) {
    size_t length = 0;
    for (; statement; statement = statement->next) {
        length += own_length(statement) + body_length(statement->body);
    }
    return length;
}

/* The most instructions that stand in a row in the block or in one inside it. */
static size_t longest_row(const LoopStmt *statement) {
    size_t longest = 0;
    size_t row = 0;
    for (; statement; statement = statement->next) {
        row = statement->body ? 0 : row + own_length(statement);
        const size_t inside = longest_row(statement->body);
        longest = row > longest ? row : longest;
        longest = inside > longest ? inside : longest;
    }
    return longest;
}

/* ---- cuts -------------------------------------------------------------------------------------
 */

/* Does it leave a loop that it stands in, or the function? */
static bool jumps(const LoopStmt *statement) {
    if (statement->kind == LS_LEAVE || statement->kind == LS_RETURN) {
        return true;
    }
    for (const LoopStmt *inner = statement->body; inner && statement->kind == LS_IF;
         inner = inner->next) {
        if (jumps(inner)) {
            return true;
        }
    }
    return false;
}

static void add_cut(Pieces *pieces, const LoopStmt *first, const LoopStmt *end) {
    pieces->list = arena_grow(pieces->arena, pieces->list, pieces->count, &pieces->capacity,
                              sizeof *pieces->list);
    pieces->list[pieces->count++] = (Cut){.first = first, .end = end};
}

static void cut_block(Pieces *pieces, const LoopStmt *statement) {
    const LoopStmt *first = NULL;
    size_t length = 0;
    for (; statement; statement = statement->next) {
        const size_t inside = body_length(statement->body);
        const size_t size = own_length(statement) + inside;
        const bool stays = jumps(statement) || (inside > 0 && size > PIECE_SIZE);
        if (first && (stays || length + size > PIECE_SIZE)) {
            add_cut(pieces, first, statement);
            first = NULL;
        }
        if (stays) {
            cut_block(pieces, statement->body);
            continue;
        }
        length = first ? length + size : size;
        first = first ? first : statement;
    }
    if (first) {
        add_cut(pieces, first, NULL);
    }
}

/* ---- what lies in the frame -------------------------------------------------------------------
 */

typedef struct {
    Pieces *pieces;
    uint32_t here, next; /* piece, or 0: the function itself; and the next of the list */
    uint32_t *owner;     /* by variable: where it was defined */
} Crossing;

static void read_expr(Crossing *c, const LoopExpr *expr) {
    if (expr && expr->kind == LX_VAR) {
        c->pieces->crosses[expr->as.var] |= c->owner[expr->as.var] != c->here;
    }
    for (unsigned k = 0; expr && k < expr->count; k++) {
        read_expr(c, expr->args[k]);
    }
}

static void read_block(Crossing *c, const LoopStmt *statement, const LoopStmt *end);

static void read_statement(Crossing *c, const LoopStmt *statement) {
    const LoopExpr *const exprs[] = {statement->index, statement->value, statement->low,
                                     statement->high, statement->condition};
    for (size_t k = 0; k < sizeof exprs / sizeof exprs[0]; k++) {
        read_expr(c, exprs[k]);
    }
    for (size_t k = 0; statement->product && k < PRODUCT_PARTS; k++) {
        read_expr(c, statement->product->parts[k]);
    }
    switch (statement->kind) {
    case LS_FOR:
    case LS_LET:
    case LS_DECLARE:
        c->owner[statement->var] = c->here;
        break;
    case LS_ADD:
    case LS_MAX:
    case LS_ASSIGN:
        c->pieces->crosses[statement->var] |= c->owner[statement->var] != c->here;
        break;
    case LS_STORE:
    case LS_STORE_ADD:
    case LS_ZERO:
    case LS_PREFETCH:
    case LS_IF:
    case LS_PRODUCT:
    case LS_LIB:
    case LS_LEAVE:
    case LS_RETURN:
    case LS_COMMENT:
        break;
    }
    read_block(c, statement->body, NULL);
}

static void read_block(Crossing *c, const LoopStmt *statement, const LoopStmt *end) {
    while (statement != end) {
        const Pieces *pieces = c->pieces;
        const bool cut =
            c->here == 0 && c->next < pieces->count && pieces->list[c->next].first == statement;
        if (!cut) {
            read_statement(c, statement);
            statement = statement->next;
            continue;
        }
        const Cut *piece = &pieces->list[c->next];
        c->here = ++c->next;
        read_block(c, piece->first, piece->end);
        c->here = 0;
        statement = piece->end;
    }
}

/* ---- buffers that a piece uses ----------------------------------------------------------------
 */

typedef struct {
    Arena *arena;
    bool *seen; /* by buffer */
    BufferId *list;
    size_t count, capacity;
} Buffers;

static void use_buffer(Buffers *all, BufferId buffer) {
    if (!all->seen[buffer]) {
        all->seen[buffer] = true;
        all->list =
            arena_grow(all->arena, all->list, all->count, &all->capacity, sizeof *all->list);
        all->list[all->count++] = buffer;
    }
}

static void use_expr(Buffers *all, const LoopExpr *expr) {
    if (expr && expr->kind == LX_LOAD) {
        use_buffer(all, expr->as.buffer);
    }
    for (unsigned k = 0; expr && k < expr->count; k++) {
        use_expr(all, expr->args[k]);
    }
}

static void use_block(Buffers *all, const LoopStmt *statement, const LoopStmt *end) {
    for (; statement != end; statement = statement->next) {
        const LoopExpr *const exprs[] = {statement->index, statement->value, statement->low,
                                         statement->high, statement->condition};
        for (size_t k = 0; k < sizeof exprs / sizeof exprs[0]; k++) {
            use_expr(all, exprs[k]);
        }
        switch (statement->kind) {
        case LS_PRODUCT:
            for (size_t k = 0; k < PRODUCT_PARTS; k++) {
                use_expr(all, statement->product->parts[k]);
            }
            use_buffer(all, statement->product->a);
            use_buffer(all, statement->product->b);
            use_buffer(all, statement->buffer);
            break;
        case LS_LIB:
            use_buffer(all, statement->buffer);
            if (statement->low) {
                use_buffer(all, statement->factor);
            }
            break;
        case LS_STORE:
        case LS_STORE_ADD:
        case LS_ZERO:
        case LS_PREFETCH:
            use_buffer(all, statement->buffer);
            break;
        case LS_FOR:
        case LS_LET:
        case LS_DECLARE:
        case LS_ADD:
        case LS_MAX:
        case LS_ASSIGN:
        case LS_IF:
        case LS_LEAVE:
        case LS_RETURN:
        case LS_COMMENT:
            break;
        }
        use_block(all, statement->body, NULL);
    }
}

/* ---- all --------------------------------------------------------------------------------------
 */

static void find_buffers(Pieces *pieces, const LoopProgram *program) {
    bool *seen = arena_array(pieces->arena, bool, program->buffer_count + 1);
    for (size_t p = 0; p < pieces->count; p++) {
        Buffers all = {.arena = pieces->arena, .seen = seen};
        use_block(&all, pieces->list[p].first, pieces->list[p].end);
        pieces->list[p].buffers = all.list;
        pieces->list[p].buffer_count = all.count;
        for (size_t k = 0; k < all.count; k++) {
            seen[all.list[k]] = false;
        }
    }
}

Pieces *llvm_pieces(Llvm *llvm, const LoopProgram *program) {
    const size_t length = body_length(program->body);
    llvm->huge = llvm->huge || length > HUGE_BODY;
    if (longest_row(program->body) <= LONG_ROW && length <= LONG_BODY) {
        return NULL;
    }
    Pieces *pieces = arena_new(llvm->arena, Pieces);
    pieces->arena = llvm->arena;
    cut_block(pieces, program->body);
    if (pieces->count < 2) {
        return NULL;
    }
    pieces->crosses = arena_array(llvm->arena, bool, program->var_count + 1);
    pieces->owner = arena_array(llvm->arena, uint32_t, program->var_count + 1);
    pieces->place = arena_array(llvm->arena, uint32_t, program->var_count + 1);
    pieces->buffers = arena_array(llvm->arena, LLVMValueRef, program->buffer_count + 1);
    Crossing crossing = {.pieces = pieces, .owner = pieces->owner};
    read_block(&crossing, program->body, NULL);
    for (size_t v = 0; v < program->var_count; v++) {
        if (pieces->crosses[v]) {
            pieces->place[v] = pieces->frame_size++;
        }
    }
    find_buffers(pieces, program);
    return pieces;
}
