/* expr.c: expressions of loop programs, hash-consed: equal ones are one object. Each knows the
 * outermost block in which all it is made of is known (its level); the levels of one expression's
 * parts lie on one path from the root. */
#include "loop/plan.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash ^= word;
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

static uint32_t expr_id(const LoopExpr *x) {
    return x ? ((const Expr *)x)->id : 0;
}

static uint64_t payload(const LoopExpr *x) {
    uint64_t bits = 0;
    switch (x->kind) {
    case LX_REAL:
        memcpy(&bits, &x->as.real, sizeof bits);
        break;
    case LX_INT:
    case LX_BOOL:
        bits = (uint64_t)x->as.integer;
        break;
    case LX_VAR:
        bits = x->as.var;
        break;
    case LX_ARG:
    case LX_ARG_SET:
    case LX_MOST:
        bits = x->as.arg;
        break;
    case LX_LOAD:
        bits = x->as.buffer;
        break;
    case LX_CALL:
        bits = (uint64_t)x->as.builtin;
        break;
    case LX_EXTERN:
        bits = (uint64_t)(uintptr_t)x->as.external;
        break;
    case LX_CONVERT:
    case LX_SELECT:
        break;
    }
    return bits;
}

static uint64_t hash_of(const LoopExpr *x) {
    uint64_t hash = mix((uint64_t)x->kind * 31 + (uint64_t)x->type, payload(x));
    for (unsigned k = 0; k < x->count; k++) {
        hash = mix(hash, expr_id(x->args[k]));
    }
    return hash;
}

static bool equal(const LoopExpr *a, const LoopExpr *b) {
    if (a->kind != b->kind || a->type != b->type || a->count != b->count ||
        payload(a) != payload(b)) {
        return false;
    }
    for (unsigned k = 0; k < a->count; k++) {
        if (a->args[k] != b->args[k]) {
            return false;
        }
    }
    return true;
}

bool x_same(const LoopExpr *a, const LoopExpr *b) {
    return a == b;
}

static void table_grow(Plan *plan) {
    size_t size = plan->expr_table_size ? plan->expr_table_size * 2 : 256;
    uint32_t *table = arena_array(plan->arena, uint32_t, size);
    for (size_t id = 1; id < plan->expr_count; id++) {
        if (plan->exprs[id]->moving) {
            continue;
        }
        size_t at = hash_of(&plan->exprs[id]->x) & (size - 1);
        while (table[at]) {
            at = (at + 1) & (size - 1);
        }
        table[at] = (uint32_t)id;
    }
    plan->expr_table = table;
    plan->expr_table_size = size;
}

static Block *deeper(Block *a, Block *b) {
    if (!a) {
        return b;
    }
    if (!b) {
        return a;
    }
    return a->depth >= b->depth ? a : b;
}

static Expr *expr_append(Plan *plan, const LoopExpr *x) {
    if (plan->expr_count == 0) { /* id 0 is none */
        plan->exprs = arena_grow(plan->arena, plan->exprs, 0, &plan->expr_capacity, sizeof(Expr *));
        plan->exprs[0] = NULL;
        plan->expr_count = 1;
    }
    Expr *made = arena_new(plan->arena, Expr);
    made->x = *x;
    made->id = (uint32_t)plan->expr_count;
    made->level = plan->root_block;
    for (unsigned k = 0; k < x->count; k++) {
        const Expr *arg = (const Expr *)x->args[k];
        made->level = deeper(made->level, arg->level);
        made->moving = made->moving || arg->moving;
    }
    if (x->kind == LX_VAR) {
        made->level = deeper(made->level, plan->var_facts[x->as.var].block);
    }
    if (x->kind == LX_LOAD) {
        made->level = deeper(made->level, plan->buffer_facts[x->as.buffer].block);
    }
    plan->exprs = arena_grow(plan->arena, plan->exprs, plan->expr_count, &plan->expr_capacity,
                             sizeof(Expr *));
    plan->exprs[plan->expr_count++] = made;
    return made;
}

static const LoopExpr *cons(Plan *plan, const LoopExpr *x) {
    if (plan->expr_table_size < 2 * (plan->expr_count + 1)) {
        table_grow(plan);
    }
    size_t mask = plan->expr_table_size - 1;
    size_t at = hash_of(x) & mask;
    while (plan->expr_table[at]) {
        Expr *found = plan->exprs[plan->expr_table[at]];
        if (equal(&found->x, x)) {
            return &found->x;
        }
        at = (at + 1) & mask;
    }
    Expr *made = expr_append(plan, x);
    if (!made->moving) {
        plan->expr_table[at] = made->id;
    }
    return &made->x;
}

/* ---- leaves
 * --------------------------------------------------------------------------------------------------
 */

const LoopExpr *x_real(Plan *plan, double value) {
    LoopExpr x = {.kind = LX_REAL, .type = KIND_REAL, .as.real = value};
    return cons(plan, &x);
}

const LoopExpr *x_int(Plan *plan, int64_t value) {
    LoopExpr x = {.kind = LX_INT, .type = KIND_INT, .as.integer = value};
    return cons(plan, &x);
}

const LoopExpr *x_bool(Plan *plan, bool value) {
    LoopExpr x = {.kind = LX_BOOL, .type = KIND_BOOL, .as.integer = value};
    return cons(plan, &x);
}

const LoopExpr *x_var(Plan *plan, VarId var) {
    LoopExpr x = {.kind = LX_VAR, .type = plan->program->vars[var].kind, .as.var = var};
    return cons(plan, &x);
}

const LoopExpr *x_moving(Plan *plan, VarId var) {
    LoopExpr x = {.kind = LX_VAR, .type = plan->program->vars[var].kind, .as.var = var};
    Expr *made = expr_append(plan, &x);
    made->moving = true;
    return &made->x;
}

static Kind arg_kind(const LoopArg *arg) {
    return arg->type == C_REAL ? KIND_REAL : KIND_INT;
}

const LoopExpr *x_arg(Plan *plan, uint32_t arg) {
    LoopExpr x = {.kind = LX_ARG, .type = arg_kind(&plan->program->args[arg]), .as.arg = arg};
    return cons(plan, &x);
}

const LoopExpr *x_arg_set(Plan *plan, uint32_t arg) {
    LoopExpr x = {.kind = LX_ARG_SET, .type = KIND_BOOL, .as.arg = arg};
    return cons(plan, &x);
}

static const LoopExpr *x_most(Plan *plan, uint32_t lengths, uint32_t rows) {
    LoopExpr x = {.kind = LX_MOST,
                  .type = KIND_INT,
                  .as.arg = lengths,
                  .count = 1,
                  .args = {x_arg(plan, rows)}};
    return cons(plan, &x);
}

const LoopExpr *x_load(Plan *plan, BufferId buffer, const LoopExpr *index) {
    LoopExpr x = {.kind = LX_LOAD,
                  .type = plan->program->buffers[buffer].kind,
                  .as.buffer = buffer,
                  .count = 1,
                  .args = {index}};
    return cons(plan, &x);
}

const LoopExpr *x_moving_load(Plan *plan, BufferId buffer, const LoopExpr *index) {
    LoopExpr x = {.kind = LX_LOAD,
                  .type = plan->program->buffers[buffer].kind,
                  .as.buffer = buffer,
                  .count = 1,
                  .args = {index}};
    Expr *made = expr_append(plan, &x);
    made->moving = true;
    return &made->x;
}

const LoopExpr *x_rebuild(Plan *plan, const LoopExpr *x, const LoopExpr *const *args) {
    LoopExpr made = *x;
    bool same = true;
    for (unsigned k = 0; k < x->count; k++) {
        same = same && args[k] == x->args[k];
        made.args[k] = args[k];
    }
    if (same) {
        return x;
    }
    if (((const Expr *)x)->moving) {
        Expr *moving = expr_append(plan, &made);
        moving->moving = true;
        return &moving->x;
    }
    return cons(plan, &made);
}

/* ---- calls
 * ------------------------------------------------------------------------------------------------------
 */

static Kind call_kind(BuiltinId f, const LoopExpr *const *args) {
    switch (builtins[f].signature) {
    case SIG_REAL:
    case SIG_RANDOM:
        return KIND_REAL;
    case SIG_NUMBER:
        return args[0]->type;
    case SIG_INT:
        return KIND_INT;
    case SIG_COMPARE:
    case SIG_BOOL:
        return KIND_BOOL;
    }
    return KIND_REAL;
}

static bool is_int(const LoopExpr *x, int64_t value) {
    return x->kind == LX_INT && x->as.integer == value;
}

static int64_t floor_div(int64_t a, int64_t b) {
    int64_t q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

/* What whole numbers fold to; NULL: nothing. */
static const LoopExpr *fold_int(Plan *plan, BuiltinId f, const LoopExpr *a, const LoopExpr *b) {
    bool both = a->kind == LX_INT && b->kind == LX_INT;
    int64_t p = a->as.integer;
    int64_t q = b->as.integer;
    int64_t r;
    if (f == BI_add) {
        if (both && !__builtin_add_overflow(p, q, &r)) {
            return x_int(plan, r);
        }
        return is_int(a, 0) ? b : is_int(b, 0) ? a : NULL;
    }
    if (f == BI_sub) {
        if (both && !__builtin_sub_overflow(p, q, &r)) {
            return x_int(plan, r);
        }
        if (b->kind == LX_INT && b->as.integer < 0 && b->as.integer > -INT64_MAX) {
            return x_call2(plan, BI_add, a, x_int(plan, -b->as.integer));
        }
        return is_int(b, 0) ? a : a == b ? x_int(plan, 0) : NULL;
    }
    if (f == BI_mul) {
        if (both && !__builtin_mul_overflow(p, q, &r)) {
            return x_int(plan, r);
        }
        if (is_int(a, 0) || is_int(b, 0)) {
            return x_int(plan, 0);
        }
        return is_int(a, 1) ? b : is_int(b, 1) ? a : NULL;
    }
    if (f == BI_floordiv || f == BI_mod) {
        if (is_int(b, 1)) {
            return f == BI_mod ? x_int(plan, 0) : a;
        }
        if (both && q != 0 && q != -1) {
            int64_t d = floor_div(p, q);
            return x_int(plan, f == BI_mod ? p - d * q : d);
        }
        return NULL;
    }
    if ((f == BI_minimum || f == BI_maximum) && (both || a == b)) {
        return (p < q) == (f == BI_minimum) ? a : b;
    }
    return NULL;
}

/* (a + 2) - 1 → a + 1: bounds of ranges make these. */
static const LoopExpr *fold_chain(Plan *plan, BuiltinId f, const LoopExpr *a, const LoopExpr *b) {
    if ((f != BI_add && f != BI_sub) || b->kind != LX_INT || a->kind != LX_CALL) {
        return NULL;
    }
    bool inner_add = a->as.builtin == BI_add;
    if ((!inner_add && a->as.builtin != BI_sub) || a->args[1]->kind != LX_INT) {
        return NULL;
    }
    int64_t inner = inner_add ? a->args[1]->as.integer : -a->args[1]->as.integer;
    int64_t outer = f == BI_add ? b->as.integer : -b->as.integer;
    int64_t sum;
    if (__builtin_add_overflow(inner, outer, &sum) || sum == INT64_MIN) {
        return NULL;
    }
    return sum < 0 ? x_call2(plan, BI_sub, a->args[0], x_int(plan, -sum))
                   : x_call2(plan, BI_add, a->args[0], x_int(plan, sum));
}

/* The whole number that is compared with a constant, NULL if there is none; from `low` to `high`
 * the comparison is true. */
static const LoopExpr *bounded(const LoopExpr *x, int64_t *low, int64_t *high) {
    BuiltinId f = x->kind == LX_CALL && x->count == 2 ? x->as.builtin : BI_COUNT;
    if ((f != BI_eq && f != BI_lt && f != BI_le) || x->args[0]->type != KIND_INT ||
        (x->args[0]->kind == LX_INT) == (x->args[1]->kind == LX_INT)) {
        return NULL;
    }
    bool first = x->args[0]->kind == LX_INT;
    int64_t value = x->args[!first]->as.integer;
    int64_t open = f == BI_lt;
    if (value == INT64_MIN || value == INT64_MAX) {
        return NULL;
    }
    *low = f == BI_eq || first ? value + (first ? open : 0) : INT64_MIN;
    *high = f == BI_eq || !first ? value - (first ? 0 : open) : INT64_MAX;
    return x->args[first];
}

/* a == b and a != b */
static bool opposite(const LoopExpr *equal, const LoopExpr *other) {
    return equal->kind == LX_CALL && other->kind == LX_CALL && equal->as.builtin == BI_eq &&
           other->as.builtin == BI_ne && equal->args[0] == other->args[0] &&
           equal->args[1] == other->args[1];
}

/* Can the two never be true at once? x == 2 and x < 2, which guards of several reads make. */
static bool exclude(const LoopExpr *a, const LoopExpr *b) {
    int64_t low, high, other_low, other_high;
    if (opposite(a, b) || opposite(b, a)) {
        return true;
    }
    const LoopExpr *of = bounded(a, &low, &high);
    return of && bounded(b, &other_low, &other_high) == of &&
           (high < other_low || other_high < low);
}

/* The same of `all`, which may be a chain of conditions, and one more. */
static bool excluded(const LoopExpr *all, const LoopExpr *one) {
    while (all->kind == LX_CALL && all->as.builtin == BI_and) {
        if (exclude(all->args[1], one)) {
            return true;
        }
        all = all->args[0];
    }
    return exclude(all, one);
}

static const LoopExpr *fold_bool(Plan *plan, BuiltinId f, const LoopExpr *a, const LoopExpr *b) {
    if (f == BI_not) {
        return a->kind == LX_BOOL ? x_bool(plan, !a->as.integer) : NULL;
    }
    for (unsigned k = 0; k < 2; k++) {
        const LoopExpr *one = k ? b : a;
        const LoopExpr *other = k ? a : b;
        if (one->kind == LX_BOOL) {
            return (one->as.integer != 0) == (f == BI_and) ? other : one;
        }
    }
    if (f == BI_and && (excluded(a, b) || excluded(b, a))) {
        return x_bool(plan, false);
    }
    return NULL;
}

const LoopExpr *x_call(Plan *plan, BuiltinId f, const LoopExpr *const *args, unsigned count) {
    if (builtins[f].signature == SIG_BOOL) {
        const LoopExpr *folded = fold_bool(plan, f, args[0], count > 1 ? args[1] : NULL);
        if (folded) {
            return folded;
        }
    }
    if (count == 2 && args[0]->type == KIND_INT && args[1]->type == KIND_INT) {
        const LoopExpr *folded = fold_int(plan, f, args[0], args[1]);
        if (!folded) {
            folded = fold_chain(plan, f, args[0], args[1]);
        }
        if (folded) {
            return folded;
        }
    }
    LoopExpr x = {
        .kind = LX_CALL, .type = call_kind(f, args), .as.builtin = f, .count = (uint8_t)count};
    for (unsigned k = 0; k < count; k++) {
        x.args[k] = args[k];
    }
    return cons(plan, &x);
}

const LoopExpr *x_call1(Plan *plan, BuiltinId f, const LoopExpr *a) {
    return x_call(plan, f, &a, 1);
}

const LoopExpr *x_extern(Plan *plan, const External *external, const LoopExpr *const *args) {
    LoopExpr x = {.kind = LX_EXTERN,
                  .type = KIND_REAL,
                  .as.external = external,
                  .count = (uint8_t)external->arity};
    for (unsigned k = 0; k < external->arity; k++) {
        x.args[k] = args[k];
    }
    return cons(plan, &x);
}

const LoopExpr *x_call2(Plan *plan, BuiltinId f, const LoopExpr *a, const LoopExpr *b) {
    const LoopExpr *args[2] = {a, b};
    return x_call(plan, f, args, 2);
}

const LoopExpr *x_convert(Plan *plan, const LoopExpr *a) {
    if (a->type == KIND_REAL) {
        return a;
    }
    if (a->kind == LX_INT) {
        return x_real(plan, (double)a->as.integer);
    }
    LoopExpr x = {.kind = LX_CONVERT, .type = KIND_REAL, .count = 1, .args = {a}};
    return cons(plan, &x);
}

const LoopExpr *x_select(Plan *plan, const LoopExpr *c, const LoopExpr *a, const LoopExpr *b) {
    if (c->kind == LX_BOOL) {
        return c->as.integer ? a : b;
    }
    LoopExpr x = {.kind = LX_SELECT, .type = a->type, .count = 3, .args = {c, a, b}};
    return cons(plan, &x);
}

/* ---- sizes
 * ---------------------------------------------------------------------------------------------------------
 */

static BuiltinId rpn_operator(const char *word, size_t length) {
    if (length == 1) {
        switch (word[0]) {
        case '+':
            return BI_add;
        case '-':
            return BI_sub;
        case '*':
            return BI_mul;
        case '%':
            return BI_mod;
        default:
            return BI_COUNT;
        }
    }
    return length == 2 && word[0] == '/' && word[1] == '/' ? BI_floordiv : BI_COUNT;
}

static const LoopExpr *symbol_expr(Plan *plan, const char *word, size_t length) {
    Dim symbol = dim_symbol(plan->ir, intern(plan->ir->names, word, length));
    int64_t value;
    if (dim_value(plan->ir, symbol, &value)) {
        return x_int(plan, value);
    }
    if (symbol == plan->ir->sample_dim && plan->rows_arg >= 0) {
        return x_arg(plan, (uint32_t)plan->rows_arg);
    }
    if (symbol == plan->ir->total_dim && plan->total_arg >= 0) {
        return x_arg(plan, (uint32_t)plan->total_arg);
    }
    if (plan->ragged && symbol == plan->ir->rows_dim && plan->sample_rows) {
        return plan->sample_rows;
    }
    if (plan->lengths_arg >= 0 && symbol == plan->ir->rows_dim) {
        return x_most(plan, (uint32_t)plan->lengths_arg, (uint32_t)plan->rows_arg);
    }
    int arg = plan->symbol_arg[dim_symbol_number(plan->ir, symbol)];
    if (arg < 0) {
        ice("loop", "the size `%s` is no argument of `%s`", dim_text(plan->ir, symbol),
            plan->ir->name);
    }
    return x_arg(plan, (uint32_t)arg);
}

const LoopExpr *x_dim(Plan *plan, Dim dim) {
    int64_t value;
    if (dim_value(plan->ir, dim, &value)) {
        return x_int(plan, value);
    }
    const LoopExpr *stack[64];
    unsigned height = 0;
    for (const char *word = dim_rpn(plan->ir, dim); *word;) {
        size_t length = strcspn(word, " ");
        BuiltinId f = rpn_operator(word, length);
        if (f != BI_COUNT && height >= 2) {
            height--;
            stack[height - 1] = x_call2(plan, f, stack[height - 1], stack[height]);
        } else if (height < 64) {
            bool digits = word[0] == '-' || (word[0] >= '0' && word[0] <= '9');
            stack[height++] =
                digits ? x_int(plan, strtoll(word, NULL, 10)) : symbol_expr(plan, word, length);
        }
        word += length;
        word += strspn(word, " ");
    }
    if (height != 1) {
        ice("loop", "the size `%s` has no value", dim_text(plan->ir, dim));
    }
    return stack[0];
}

const LoopExpr *x_count(Plan *plan, Dim size) {
    const LoopExpr *count = x_dim(plan, size);
    bool sure = dim_proves_le(plan->ir, dim_const(plan->ir, 0), size);
    return sure ? count : x_call2(plan, BI_maximum, count, x_int(plan, 0));
}

/* ---- products and positions
 * ------------------------------------------------------------------------------------------- */

static unsigned depth_of(const LoopExpr *x) {
    const Expr *expr = (const Expr *)x;
    return expr->level ? expr->level->depth : 0;
}

static bool is_zero(const LoopExpr *x) {
    return x->kind == LX_REAL && x->as.real == 0;
}

/* Has it a factor, in each of its terms, that is known earlier than all of it? */
static bool absorbs(const LoopExpr *x) {
    if (x->kind == LX_SELECT) {
        return (is_zero(x->args[1]) || absorbs(x->args[1])) &&
               (is_zero(x->args[2]) || absorbs(x->args[2]));
    }
    if (x->kind != LX_CALL) {
        return false;
    }
    BuiltinId f = x->as.builtin;
    if (f == BI_neg) {
        return absorbs(x->args[0]);
    }
    if (f == BI_add || f == BI_sub) {
        return absorbs(x->args[0]) && absorbs(x->args[1]);
    }
    return f == BI_mul && (depth_of(x->args[0]) != depth_of(x->args[1]) || absorbs(x->args[0]) ||
                           absorbs(x->args[1]));
}

const LoopExpr *x_scaled(Plan *plan, const LoopExpr *rate, const LoopExpr *value) {
    if (is_zero(value)) {
        return value;
    }
    if (!absorbs(value)) {
        return x_call2(plan, BI_mul, rate, value);
    }
    const LoopExpr *a = value->args[0];
    const LoopExpr *b = value->count > 1 ? value->args[1] : NULL;
    if (value->kind == LX_SELECT) {
        return x_select(plan, a, x_scaled(plan, rate, b), x_scaled(plan, rate, value->args[2]));
    }
    BuiltinId f = value->as.builtin;
    if (f == BI_neg) {
        return x_call1(plan, BI_neg, x_scaled(plan, rate, a));
    }
    if (f == BI_mul) {
        bool first = depth_of(a) == depth_of(b) ? absorbs(a) : depth_of(a) < depth_of(b);
        const LoopExpr *early = x_scaled(plan, rate, first ? a : b);
        return x_call2(plan, BI_mul, early, first ? b : a);
    }
    const LoopExpr *left = x_scaled(plan, rate, a);
    return x_call2(plan, f, left, x_scaled(plan, rate, b));
}

enum { FACTOR_LIMIT = 16 };

static bool add_factors(const LoopExpr *x, const LoopExpr **factors, unsigned *count, bool *minus) {
    if (x->kind == LX_CALL && x->as.builtin == BI_mul) {
        return add_factors(x->args[0], factors, count, minus) &&
               add_factors(x->args[1], factors, count, minus);
    }
    if (x->kind == LX_CALL && x->as.builtin == BI_neg) {
        *minus = !*minus;
        return add_factors(x->args[0], factors, count, minus);
    }
    if (*count == FACTOR_LIMIT) {
        return false;
    }
    unsigned at = (*count)++;
    while (at > 0 && depth_of(factors[at - 1]) > depth_of(x)) {
        factors[at] = factors[at - 1];
        at--;
    }
    factors[at] = x;
    return true;
}

const LoopExpr *x_regrouped(Plan *plan, const LoopExpr *value) {
    const LoopExpr *factors[FACTOR_LIMIT];
    unsigned count = 0;
    bool minus = false;
    bool product =
        value->kind == LX_CALL && (value->as.builtin == BI_mul || value->as.builtin == BI_neg);
    if (!product || value->type != KIND_REAL || !add_factors(value, factors, &count, &minus) ||
        count < 3) {
        return value;
    }
    if (depth_of(factors[1]) == depth_of(factors[count - 1])) {
        return value; /* nothing would leave a loop */
    }
    const LoopExpr *made = minus ? x_call1(plan, BI_neg, factors[0]) : factors[0];
    for (unsigned k = 1; k < count; k++) {
        made = x_call2(plan, BI_mul, made, factors[k]);
    }
    return made;
}

enum { TERM_LIMIT = 64 };

typedef struct {
    const LoopExpr *terms[TERM_LIMIT];
    bool minus[TERM_LIMIT];
    unsigned count;
} Terms;

/* Adds ±x · stride to the terms, sums taken apart. */
static void add_terms(Plan *plan, Terms *terms, const LoopExpr *x, const LoopExpr *stride,
                      bool minus) {
    bool sum = x->kind == LX_CALL && x->as.builtin == BI_add;
    bool difference = x->kind == LX_CALL && x->as.builtin == BI_sub;
    if ((sum || difference) && terms->count + 4 < TERM_LIMIT) {
        add_terms(plan, terms, x->args[0], stride, minus);
        add_terms(plan, terms, x->args[1], stride, minus != difference);
        return;
    }
    if (terms->count == TERM_LIMIT) {
        ice("loop", "a position has too many terms");
    }
    terms->terms[terms->count] = x_call2(plan, BI_mul, x, stride);
    terms->minus[terms->count++] = minus;
}

/* Known early first, constants last, so that partial sums leave inner loops. */
static const LoopExpr *sum_terms(Plan *plan, Terms *terms) {
    int64_t constant = 0;
    const LoopExpr *sum = NULL;
    bool done[TERM_LIMIT] = {false};
    for (unsigned round = 0; round < terms->count; round++) {
        unsigned best = TERM_LIMIT;
        for (unsigned k = 0; k < terms->count; k++) {
            if (done[k]) {
                continue;
            }
            if (best == TERM_LIMIT || depth_of(terms->terms[k]) < depth_of(terms->terms[best]) ||
                (depth_of(terms->terms[k]) == depth_of(terms->terms[best]) && terms->minus[best] &&
                 !terms->minus[k])) {
                best = k;
            }
        }
        done[best] = true;
        const LoopExpr *term = terms->terms[best];
        bool minus = terms->minus[best];
        if (term->kind == LX_INT) {
            constant += minus ? -term->as.integer : term->as.integer;
        } else if (!sum) {
            sum = minus ? x_call1(plan, BI_neg, term) : term;
        } else {
            sum = x_call2(plan, minus ? BI_sub : BI_add, sum, term);
        }
    }
    if (!sum) {
        return x_int(plan, constant);
    }
    return constant < 0 ? x_call2(plan, BI_sub, sum, x_int(plan, -constant))
                        : x_call2(plan, BI_add, sum, x_int(plan, constant));
}

const LoopExpr *x_index(Plan *plan, const LoopExpr *const *positions, const Dim *dims,
                        unsigned rank) {
    Terms terms = {.count = 0};
    Dim stride = dim_const(plan->ir, 1);
    for (unsigned k = rank; k-- > 0;) {
        add_terms(plan, &terms, positions[k], x_dim(plan, stride), false);
        if (k > 0) {
            stride = dim_mul(plan->ir, stride, dims[k]);
        }
    }
    return sum_terms(plan, &terms);
}
