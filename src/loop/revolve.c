/* revolve.c: which states are kept, where there are fewer places than segments: binomial
 * checkpointing. The kept states are a stack. The steps run from its top to the segment that is to
 * be gone through downwards, and on their way states are pushed, so that no segment runs more often
 * than it must.
 *
 * b(s, r) = (s + r)! / s! / r! segments can be gone through downwards with s places, that of their
 * first state included, if each may run r times before its last run. Of l segments, with the least
 * r for which b(s, r) is l or more, the next state to be kept is
 *     min(b(s, r - 1), l - b(s - 1, r - 1))
 * segments further: what is behind it needs r runs with s - 1 places, and what is before it r - 1
 * runs with s. The number of runs is then the least that there is (Griewank, Walther: Algorithm
 * 799, ACM TOMS 26, 2000). The schedule is chosen while the code runs, by this formula: the number
 * of segments need not be known before. */
#include "loop/plan.h"

static VarId declare(Plan *plan, Block *block, const char *name, const LoopExpr *value) {
    VarId var = plan_var(plan, plan_name(plan, name), KIND_INT, block);
    code_set(plan, block, LS_DECLARE, var, value, (Span){0});
    return var;
}

static void assign(Plan *plan, Block *block, VarId var, const LoopExpr *value) {
    code_set(plan, block, LS_ASSIGN, var, value, (Span){0});
}

void revolve_begin(Plan *plan, Segment *segment, Block *block) {
    const LoopExpr *zero = x_int(plan, 0);
    LoopBuffer places = {
        .name = plan_name(plan, "places"), .kind = KIND_INT, .place = BUFFER_LOCAL};
    segment->places = plan_buffer(plan, places, block);
    plan->buffer_facts[segment->places].size = dim_const(plan->ir, segment->slots);
    segment->top = declare(plan, block, "top", zero);
    segment->from = declare(plan, block, "from", zero);
    segment->target = declare(plan, block, "target", zero);
    code_store(plan, block, LS_STORE, segment->places, zero, zero, (Span){0});
}

/* The largest number of runs that are too few for `length` segments, as b(s, r - 1); *runs: r. */
static VarId write_search(Plan *plan, Block *block, const LoopExpr *places, const LoopExpr *length,
                          VarId *runs) {
    VarId many = declare(plan, block, "many", x_int(plan, 1));
    VarId less = declare(plan, block, "less", x_int(plan, 1));
    *runs = declare(plan, block, "runs", x_int(plan, 1));
    Block *body = block_new(plan, block, true);
    VarId r = plan_var(plan, plan_name(plan, "r"), KIND_INT, body);
    Stmt *loop = block_add(plan, block, LS_FOR);
    loop->s.var = r;
    loop->s.low = x_int(plan, 1);
    loop->s.high = length;
    loop->body = body;
    const LoopExpr *times = x_call2(plan, BI_add, places, x_var(plan, r));
    assign(plan, body, less, x_moving(plan, many));
    assign(plan, body, *runs, x_var(plan, r));
    const LoopExpr *product = x_call2(plan, BI_mul, x_moving(plan, many), times);
    assign(plan, body, many, x_call2(plan, BI_floordiv, product, x_var(plan, r)));
    const LoopExpr *enough = x_call2(plan, BI_le, length, x_moving(plan, many));
    block_add(plan, block_if(plan, body, enough), LS_LEAVE);
    return less;
}

void revolve_choose(Plan *plan, const Segment *segment, Block *block, const LoopExpr *number,
                    const LoopExpr *last) {
    const LoopExpr *one = x_int(plan, 1);
    Block *here =
        block_if(plan, block, x_call2(plan, BI_eq, number, x_moving(plan, segment->from)));
    assign(plan, here, segment->target, x_int(plan, -1));
    const LoopExpr *slots = x_int(plan, segment->slots);
    const LoopExpr *places = x_call2(plan, BI_sub, slots, x_moving(plan, segment->top));
    VarId free = plan_var(plan, plan_name(plan, "free"), KIND_INT, here);
    code_set(plan, here, LS_LET, free, places, (Span){0});
    places = x_var(plan, free);
    const LoopExpr *length = x_call2(plan, BI_add, x_call2(plan, BI_sub, last, number), one);
    Block *some = block_if(plan, here,
                           x_call2(plan, BI_and, x_call2(plan, BI_lt, one, places),
                                   x_call2(plan, BI_lt, one, length)));
    VarId runs;
    VarId less = write_search(plan, some, places, length, &runs);
    const LoopExpr *before = x_moving(plan, less);
    const LoopExpr *all =
        x_call2(plan, BI_sub, x_call2(plan, BI_add, places, x_moving(plan, runs)), one);
    const LoopExpr *behind = x_call2(plan, BI_floordiv, x_call2(plan, BI_mul, before, places), all);
    const LoopExpr *further =
        x_call2(plan, BI_minimum, before, x_call2(plan, BI_sub, length, behind));
    assign(plan, some, segment->target, x_call2(plan, BI_add, number, further));
}

/* `position` as a place of the stack: proved by the schedule, not by the ranges of loops. */
static const LoopExpr *place(Plan *plan, const Segment *segment, const LoopExpr *position) {
    position = x_call2(plan, BI_minimum, position, x_int(plan, segment->slots - 1));
    return x_call2(plan, BI_maximum, position, x_int(plan, 0));
}

Block *revolve_push(Plan *plan, const Segment *segment, Block *block, const LoopExpr *number) {
    const LoopExpr *one = x_int(plan, 1);
    const LoopExpr *next = x_call2(plan, BI_add, number, one);
    Block *here =
        block_if(plan, block, x_call2(plan, BI_eq, next, x_moving(plan, segment->target)));
    code_set(plan, here, LS_ADD, segment->top, one, (Span){0});
    assign(plan, here, segment->from, next);
    code_store(plan, here, LS_STORE, segment->places,
               place(plan, segment, x_moving(plan, segment->top)), next, (Span){0});
    return here;
}

void revolve_pop(Plan *plan, const Segment *segment, Block *block, const LoopExpr *number) {
    Block *here =
        block_if(plan, block, x_call2(plan, BI_eq, number, x_moving(plan, segment->from)));
    code_set(plan, here, LS_ADD, segment->top, x_int(plan, -1), (Span){0});
    assign(
        plan, here, segment->from,
        x_moving_load(plan, segment->places, place(plan, segment, x_moving(plan, segment->top))));
}

double loop_runs(int64_t count, int64_t slots) {
    const double l = (double)count;
    const double s = slots > 0 && slots < count ? (double)slots : l;
    double many = 1; /* b(s, r) */
    double r = 0;
    while (many < l) {
        r++;
        many *= (s + r) / r;
    }
    /* r·l - b(s + 1, r - 1) runs before the last ones */
    double less = r > 0 ? 1 : 0;
    for (double k = 1; k < r; k++) {
        less *= (s + 1 + k) / k;
    }
    return (r * l - less + l) / l;
}
