/* segment.c: recurrences that keep a state every N steps only. The loop over the steps becomes one
 * over segments of N steps; what the adjoint needs of a step has room for one segment. The
 * adjoint's loop goes through the segments from the last, and runs the steps of each again, from
 * the state that was kept, before it goes through them downwards. */
#include "loop/plan.h"

#include <math.h>

/* Above LIMIT_BYTES, segments are made without being asked for; where the number of steps is not
 * known, it is taken to be UNKNOWN_STEPS. With MOST_SLOTS places, 2,145 segments run three times,
 * 47,905 four times. */
enum { LIMIT_BYTES = 64 << 20, UNKNOWN_STEPS = 10000, MOST_SLOTS = 64, SMALL_SIZE = 2048 };

/* ---- pairs of loops
 * -------------------------------------------------------------------------------------------- */

static bool is_loop(const Scope *scope, int direction) {
    return scope && scope->key.kind == SCOPE_LOOP && scope->key.direction == direction;
}

/* The scope directly in `parent` that contains `scope`, or NULL. */
static Scope *child_around(Scope *scope, const Scope *parent) {
    while (scope && scope->depth > parent->depth + 1) {
        scope = scope->parent;
    }
    return scope && scope->parent == parent ? scope : NULL;
}

/* The last recurrence upwards in `parent`, before `down`, whose steps that needs: the better one of
 * `found` and of those that the stages inside `reader` read. */
static Scope *partner_of(Scope *parent, const Scope *down, const Scope *reader, Scope *found) {
    IndexSet t = INDEX_BIT(down->key.index);
    for (size_t k = 0; k < reader->item_count; k++) {
        const Item *item = &reader->items[k];
        if (item->scope) {
            found = partner_of(parent, down, item->scope, found);
            continue;
        }
        for (size_t n = 0; n < item->stage->need_count; n++) {
            const Need *need = &item->stage->needs[n];
            Scope *up = need->order || need->last || (need->stage->bound & t)
                            ? NULL
                            : child_around(need->stage->scope, parent);
            if (is_loop(up, 1) && up->recurrence && up->key.index == down->key.index &&
                up->place < down->place && (!found || found->place < up->place)) {
                found = up;
            }
        }
    }
    return found;
}

/* ---- what has room for one segment
 * ------------------------------------------------------------------------------------------- */

static bool within(const Segment *segment, const Scope *scope) {
    return scope_inside(scope, segment->up) || scope_inside(scope, segment->down);
}

/* Of each stage, by number: the needs for it, list[first[n]] … list[first[n + 1] - 1]. */
typedef struct {
    size_t *first;
    struct {
        const Stage *stage;
        const Need *need;
    } * list;
} Readers;

static Readers find_readers(const Plan *plan) {
    Readers readers;
    readers.first = arena_array(plan->arena, size_t, plan->stage_count + 2);
    for (size_t s = 0; s < plan->stage_count; s++) {
        for (size_t n = 0; n < plan->stages[s]->need_count; n++) {
            readers.first[plan->stages[s]->needs[n].stage->number + 2]++;
        }
    }
    for (size_t s = 2; s < plan->stage_count + 2; s++) {
        readers.first[s] += readers.first[s - 1];
    }
    size_t count = readers.first[plan->stage_count + 1];
    readers.list = arena_alloc(plan->arena, (count + 1) * sizeof *readers.list);
    for (size_t s = 0; s < plan->stage_count; s++) {
        for (size_t n = 0; n < plan->stages[s]->need_count; n++) {
            const Need *need = &plan->stages[s]->needs[n];
            size_t at = readers.first[need->stage->number + 1]++;
            readers.list[at].stage = plan->stages[s];
            readers.list[at].need = need;
        }
    }
    return readers;
}

/* Is all that reads the stage in the two loops, at the same step? */
static bool read_within(const Readers *readers, const Segment *segment, const Stage *of) {
    IndexSet t = INDEX_BIT(segment->t);
    for (size_t k = readers->first[of->number]; k < readers->first[of->number + 1]; k++) {
        const Need *need = readers->list[k].need;
        bool kept = need->last && of->carry && of->carry->loop == segment->up; /* by itself */
        if (need->order || kept) {
            continue;
        }
        if (!within(segment, readers->list[k].stage->scope) ||
            !((need->aligned | need->carried) & t)) {
            return false;
        }
    }
    return true;
}

static bool has_axis(const Index *axes, unsigned count, Index x) {
    for (unsigned k = 0; k < count; k++) {
        if (axes[k] == x) {
            return true;
        }
    }
    return false;
}

static void find_parts(Plan *plan, const Readers *readers, Segment *segment) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        if (!scope_inside(stage->scope, segment->up) || stage->carry || stage->value == REF_NONE ||
            stage->alias || !has_axis(stage->axes, stage->axis_count, segment->t)) {
            continue;
        }
        stage->segment = read_within(readers, segment, stage) ? segment : NULL;
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (!carry->used || !scope_inside(carry->step_stage->scope, segment->up) ||
            !read_within(readers, segment, carry->step_stage) || !carry->buffered) {
            continue;
        }
        bool own = carry->loop == segment->up;
        bool around = !own && scope_inside(carry->init_stage->scope, segment->up) &&
                      has_axis(carry->axes, carry->axis_count - carry->rank, segment->t);
        carry->along = own && carry->history ? segment : NULL;
        carry->around = around ? segment : NULL;
    }
}

/* Is it computed in every run of the steps, with room for a segment at most? */
static bool runs_again(const Segment *segment, const Stage *stage) {
    if (!scope_inside(stage->scope, segment->up) || (stage->bound & INDEX_BIT(segment->t)) ||
        stage->kind == STAGE_OUTPUT || stage->kind == STAGE_RETURN) {
        return false;
    }
    if (stage->carry) {
        const Carry *carry = stage->carry;
        if (!scope_inside(carry->loop, segment->up)) {
            return false; /* the start of states that have moved on meanwhile */
        }
        bool around = has_axis(carry->axes, carry->axis_count - carry->rank, segment->t);
        return carry->loop == segment->up
                   ? carry->along || !carry->history
                   : carry->around || !around || !carry->buffered || !carry->history;
    }
    return stage->segment || !has_axis(stage->axes, stage->axis_count, segment->t);
}

/* A recurrence inside a step that begins with what another loop has made: its start would be
 * written over by the first run, so it keeps all states of all steps, and does not run again. */
static void keep_starts(Plan *plan, const Segment *segment) {
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (carry->used && carry->buffered && carry->loop != segment->up &&
            scope_inside(carry->loop, segment->up) &&
            !scope_inside(carry->init_stage->scope, segment->up)) {
            carry->history = true;
        }
    }
}

/* What the loop downwards needs, and what that needs. */
static void find_again(Plan *plan, Segment *segment) {
    bool more = true;
    segment->again = arena_array(plan->arena, bool, plan->stage_count + 1);
    while (more) {
        more = false;
        for (size_t s = 0; s < plan->stage_count; s++) {
            const Stage *stage = plan->stages[s];
            if (!segment->again[s] && !scope_inside(stage->scope, segment->down)) {
                continue;
            }
            for (size_t n = 0; n < stage->need_count; n++) {
                const Stage *on = stage->needs[n].stage;
                if (!stage->needs[n].order && !segment->again[on->number] &&
                    runs_again(segment, on)) {
                    segment->again[on->number] = more = true;
                }
            }
        }
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (carry->used && carry->loop == segment->up &&
            segment->again[carry->step_stage->number]) {
            carry->kept_by = segment;
        }
    }
}

/* ---- decisions
 * -------------------------------------------------------------------------------------------------
 */

static double extent_of(const Plan *plan, Index x) {
    int64_t extent;
    return dim_value(plan->ir, ir_index_dim(plan->ir, x), &extent) && extent > 0 ? (double)extent
                                                                                 : 1;
}

static double axes_bytes(const Plan *plan, const Index *axes, unsigned count) {
    double bytes = sizeof(double);
    for (unsigned k = 0; k < count; k++) {
        int64_t extent;
        bytes *= dim_value(plan->ir, ir_index_dim(plan->ir, axes[k]), &extent) ? (double)extent : 1;
    }
    return bytes;
}

/* Of what would have room for the steps of one segment: of a step; sizes that are not known count
 * as 1. */
static double step_bytes(const Plan *plan, const Segment *segment) {
    double bytes = 0;
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        bytes += stage->segment == segment ? axes_bytes(plan, stage->axes, stage->axis_count) /
                                                 extent_of(plan, segment->t)
                                           : 0;
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (carry->along == segment || carry->around == segment) {
            bytes += extent_of(plan, carry->t) / extent_of(plan, segment->t) *
                     axes_bytes(plan, carry->axes, carry->axis_count);
        }
    }
    return bytes;
}

/* Of the states of one step. */
static double state_bytes(const Plan *plan, const Segment *segment) {
    double bytes = 0;
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        bool ours = carry->used && carry->loop == segment->up;
        bytes += ours ? axes_bytes(plan, carry->axes, carry->axis_count) : 0;
    }
    return bytes;
}

/* As many as `size` steps: all of them, if they are not more; one, if there are none. */
static Dim size_up_to(Plan *plan, Dim steps, int64_t size) {
    Ir *ir = plan->ir;
    Dim most = dim_const(ir, size);
    int64_t known;
    if (dim_value(ir, steps, &known)) {
        return dim_const(ir, known < 1 ? 1 : known < size ? known : size);
    }
    /* 2T // (T + size) is 0 or 1: are there more? */
    Dim more = dim_floordiv(ir, dim_add(ir, steps, steps), dim_add(ir, steps, most));
    Dim least = dim_sub(ir, steps, dim_mul(ir, more, dim_sub(ir, steps, most)));
    Dim one = dim_const(ir, 1);
    return dim_proves_le(ir, one, steps)
               ? least
               : dim_add(ir, least, dim_floordiv(ir, one, dim_add(ir, steps, one)));
}

/* By itself: half of the room for the steps of a segment, the other half for states. */
static bool choose_size(Plan *plan, Segment *segment) {
    Dim steps = ir_index_dim(plan->ir, segment->t);
    int64_t known;
    bool is_known = dim_value(plan->ir, steps, &known);
    const double step = step_bytes(plan, segment);
    if (step * (is_known ? (double)known : UNKNOWN_STEPS) <= LIMIT_BYTES) {
        return false;
    }
    const double room = LIMIT_BYTES / 2;
    const double size = floor(room / step);
    const double slots = floor(room / state_bytes(plan, segment));
    segment->size = size_up_to(plan, steps, size < 1 ? 1 : (int64_t)size);
    segment->slots = slots < MOST_SLOTS ? (slots < 2 ? 2 : (int64_t)slots) : MOST_SLOTS;
    return true;
}

/* False: all steps are kept. */
static bool set_size(Plan *plan, Segment *segment) {
    if (plan->options->checkpoint == 0) {
        return choose_size(plan, segment);
    }
    segment->size = dim_const(plan->ir, plan->options->checkpoint);
    segment->slots = plan->options->kept;
    return plan->options->checkpoint > 0;
}

static void forget(Plan *plan, const Segment *segment) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        stage->segment = stage->segment == segment ? NULL : stage->segment;
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        carry->along = carry->along == segment ? NULL : carry->along;
        carry->around = carry->around == segment ? NULL : carry->around;
    }
}

/* What --report says of it: sizes that are not known count as 1 in the bytes. */
static void describe(Plan *plan, const Segment *segment) {
    Text text;
    int64_t count;
    int64_t size;
    LoopProgram *program = plan->program;
    const double step = step_bytes(plan, segment);
    text_init(&text, plan->arena);
    text_format(&text, "%s%sloop of %s steps: ", program->segments ? program->segments : "",
                program->segments ? "; " : "",
                dim_text(plan->ir, ir_index_dim(plan->ir, segment->t)));
    if (dim_value(plan->ir, segment->count, &count) && dim_value(plan->ir, segment->size, &size)) {
        int64_t slots = segment->slots > 0 ? segment->slots : count;
        const double bytes = step * (double)size + state_bytes(plan, segment) * (double)(slots + 1);
        text_format(&text,
                    "%lld segments of %lld, %lld states kept, %.0f bytes instead of %.0f, "
                    "each step runs %.2f times",
                    (long long)count, (long long)size, (long long)slots, bytes,
                    step * extent_of(plan, segment->t), loop_runs(count, segment->slots));
    } else if (segment->slots > 0) {
        text_format(&text, "segments of %s, at most %lld states kept",
                    dim_text(plan->ir, segment->size), (long long)segment->slots);
    } else {
        text_format(&text, "segments of %s, a state kept of each, each step runs twice",
                    dim_text(plan->ir, segment->size));
    }
    program->segments = text.data;
}

static void try_pair(Plan *plan, const Readers *readers, Scope *up, Scope *down) {
    Segment *segment = arena_new(plan->arena, Segment);
    segment->t = up->key.index;
    segment->up = up;
    segment->down = down;
    find_parts(plan, readers, segment);
    if (!set_size(plan, segment)) {
        forget(plan, segment);
        return;
    }
    Dim steps = ir_index_dim(plan->ir, segment->t);
    Dim rest = dim_sub(plan->ir, segment->size, dim_const(plan->ir, 1));
    segment->count = dim_floordiv(plan->ir, dim_add(plan->ir, steps, rest), segment->size);
    int64_t count;
    if (dim_value(plan->ir, segment->count, &count) && count <= segment->slots) {
        segment->slots = 0;
    }
    up->segment = down->segment = segment;
    keep_starts(plan, segment);
    find_again(plan, segment);
    describe(plan, segment);
}

static void find_in(Plan *plan, const Readers *readers, Scope *parent) {
    for (size_t k = 0; k < parent->item_count; k++) {
        if (parent->items[k].scope) {
            parent->items[k].scope->place = k;
        }
    }
    for (size_t k = 0; k < parent->item_count; k++) {
        Scope *scope = parent->items[k].scope;
        Scope *up = is_loop(scope, -1) ? partner_of(parent, scope, scope, NULL) : NULL;
        if (up && !up->segment && up->leave == scope->leave) {
            try_pair(plan, readers, up, scope);
        }
    }
    for (size_t k = 0; k < parent->item_count; k++) {
        Scope *scope = parent->items[k].scope;
        if (scope && !scope->segment) {
            find_in(plan, readers, scope);
        }
    }
}

/* At least what the histories of any pair of loops take. */
static double most_bytes(const Plan *plan) {
    double bytes = 0;
    double times = 1;
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        bytes += axes_bytes(plan, stage->axes, stage->axis_count);
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        int64_t steps;
        bool known = dim_value(plan->ir, ir_index_dim(plan->ir, carry->t), &steps);
        times = known ? times : UNKNOWN_STEPS;
        bytes += extent_of(plan, carry->t) * axes_bytes(plan, carry->axes, carry->axis_count);
    }
    return times * bytes;
}

void segment_find(Plan *plan) {
    int64_t asked = plan->options->checkpoint;
    if (plan->carries.count == 0 || asked < 0 || (asked == 0 && most_bytes(plan) <= LIMIT_BYTES)) {
        return;
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (carry->used && carry->loop) {
            carry->loop->recurrence = true;
        }
    }
    Readers readers = find_readers(plan);
    find_in(plan, &readers, plan->root);
}

/* ---- positions and sizes
 * ----------------------------------------------------------------------------------------- */

const LoopExpr *segment_position(Plan *plan, const Segment *segment, Index x, const LoopExpr *at) {
    return segment && segment->t == x ? x_call2(plan, BI_sub, at, segment->base) : at;
}

Dim segment_dim(Plan *plan, const Segment *segment, Index x) {
    return segment && segment->t == x ? segment->size : ir_index_dim(plan->ir, x);
}

/* ---- code
 * ------------------------------------------------------------------------------------------------------
 */

bool segment_skips(const Plan *plan, const Stage *stage) {
    return plan->again && scope_inside(stage->scope, plan->again->up) &&
           !plan->again->again[stage->number];
}

const LoopExpr *segment_end(Plan *plan, const Segment *segment) {
    return x_call2(plan, BI_add, segment->base, x_dim(plan, segment->size));
}

/* What is written again has new variables. */
static void segment_reset(Plan *plan, const Segment *segment) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        bool inside = stage->gather && scope_inside(stage->gather, segment->up);
        if (inside && scope_inside(stage->scope, segment->up)) {
            plan->stages[s]->has_var = false;
        }
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (carry->used && scope_inside(carry->loop, segment->up)) {
            bool again = segment->again[carry->step_stage->number];
            carry->has_before = carry->has_next = false;
            carry->has_current = carry->has_current && !again; /* the last state may be read */
        }
    }
}

/* Where this segment begins. */
static void set_number(Plan *plan, Segment *segment, Block *block, const LoopExpr *number) {
    VarId first = plan_var(plan, plan_name(plan, "first"), KIND_INT, block);
    const LoopExpr *value = x_call2(plan, BI_mul, number, x_dim(plan, segment->size));
    code_set(plan, block, LS_LET, first, value, (Span){0});
    plan->var_facts[first].low[0] = x_int(plan, 0);
    plan->var_facts[first].low_count = 1;
    segment->number = number;
    segment->base = x_var(plan, first);
}

/* The loop over the segments from `low` on, and what is known in it. `high`: behind the last. */
static Block *open_segments(Plan *plan, Block *parent, Segment *segment, const LoopExpr *low,
                            const LoopExpr *high, bool down) {
    Block *block = block_new(plan, parent, true);
    VarId number = plan_var(plan, plan_name(plan, "segment"), KIND_INT, block);
    Stmt *loop = block_add(plan, parent, LS_FOR);
    VarFacts *facts = &plan->var_facts[number];
    loop->s.low = low;
    loop->s.high = high;
    facts->low[0] = x_int(plan, 0);
    facts->high[0] = x_dim(plan, segment->count);
    facts->low_count = facts->high_count = 1;
    loop->s.var = number;
    loop->s.down = down;
    loop->body = block;
    set_number(plan, segment, block, x_var(plan, number));
    return block;
}

/* C compilers warn of small arrays that they do not see filled: that the last segment has run is
 * not known to them. */
static void fill_small(Plan *plan, Block *block, const Segment *segment) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        int64_t size;
        if (stage->segment == segment && stage->has_buffer && segment->again[s] &&
            dim_value(plan->ir, plan->buffer_facts[stage->buffer].size, &size) &&
            size <= SMALL_SIZE) {
            code_store(plan, block, LS_ZERO, stage->buffer, NULL, x_int(plan, size), stage->span);
        }
    }
}

Block *segment_open_up(Plan *plan, Block *parent, Segment *segment) {
    const LoopExpr *zero = x_int(plan, 0);
    fill_small(plan, parent, segment);
    if (segment->slots == 0) {
        Block *all = open_segments(plan, parent, segment, zero, x_dim(plan, segment->count), false);
        carry_restore(plan, segment, all, segment->number, false);
        return all;
    }
    revolve_begin(plan, segment, parent);
    segment->base = zero;
    carry_restore(plan, segment, parent, zero, false);
    Block *block = open_segments(plan, parent, segment, zero, x_dim(plan, segment->count), false);
    const LoopExpr *last = x_call2(plan, BI_sub, x_dim(plan, segment->count), x_int(plan, 1));
    revolve_choose(plan, segment, block, segment->number, last);
    carry_flow(plan, segment, block_if(plan, block, x_call2(plan, BI_lt, zero, segment->number)));
    return block;
}

/* The last state, in the last segment: that is known when a loop that ends early has ended. */
static void keep_last(Plan *plan, Block *block, const Segment *segment) {
    const Leave *leave = segment->up->leave;
    const LoopExpr *end = segment_end(plan, segment);
    const LoopExpr *steps =
        leave ? x_moving(plan, leave->made) : x_count(plan, ir_index_dim(plan->ir, segment->t));
    Block *last = block_if(plan, block, x_call2(plan, BI_le, steps, end));
    carry_keep(plan, segment, last, segment_last_slot(plan, segment));
    if (leave) {
        block_add(plan, last, LS_LEAVE);
    }
}

void segment_close_up(Plan *plan, Block *block, Segment *segment) {
    if (segment->slots > 0 || segment->up->leave) {
        keep_last(plan, block, segment);
    }
    if (segment->slots == 0) {
        carry_keep(plan, segment, block, x_call2(plan, BI_add, segment->number, x_int(plan, 1)));
        return;
    }
    Block *kept = revolve_push(plan, segment, block, segment->number);
    carry_keep(plan, segment, kept, x_moving(plan, segment->top));
}

Block *segment_open_down(Plan *plan, Block *parent, Segment *segment) {
    segment_reset(plan, segment);
    segment->ran = x_count(plan, segment->count);
    if (segment->up->leave) {
        VarId ran = plan_var(plan, plan_name(plan, "ran"), KIND_INT, parent);
        const LoopExpr *size = x_dim(plan, segment->size);
        const LoopExpr *rest = x_call2(plan, BI_sub, size, x_int(plan, 1));
        const LoopExpr *made = x_moving(plan, segment->up->leave->made);
        const LoopExpr *count = x_call2(plan, BI_floordiv, x_call2(plan, BI_add, made, rest), size);
        code_set(plan, parent, LS_LET, ran, count, (Span){0});
        segment->ran = x_var(plan, ran);
    }
    return open_segments(plan, parent, segment, x_int(plan, 0), segment->ran, true);
}

/* The last segment has just run. */
Block *segment_open_again(Plan *plan, Block *parent, Segment *segment) {
    const LoopExpr *number = segment->number;
    const LoopExpr *next = x_call2(plan, BI_add, number, x_int(plan, 1));
    segment->outer_number = number;
    segment->outer_base = segment->base;
    Block *block = block_if(plan, parent, x_call2(plan, BI_lt, next, segment->ran));
    if (segment->slots == 0) {
        carry_restore(plan, segment, block, number, true);
        return block;
    }
    VarId start = plan_var(plan, plan_name(plan, "start"), KIND_INT, block);
    code_set(plan, block, LS_LET, start, x_moving(plan, segment->from), (Span){0});
    const LoopExpr *from = x_var(plan, start);
    set_number(plan, segment, block, from);
    carry_restore(plan, segment, block, x_moving(plan, segment->top), true);
    Block *each = open_segments(plan, block, segment, from, next, false);
    block->last->slots = segment->slots;
    revolve_choose(plan, segment, each, segment->number, number);
    carry_flow(plan, segment, block_if(plan, each, x_call2(plan, BI_lt, from, segment->number)));
    return each;
}

void segment_close_again(Plan *plan, Block *block, Segment *segment) {
    if (segment->slots > 0) {
        Block *kept = revolve_push(plan, segment, block, segment->number);
        carry_keep(plan, segment, kept, x_moving(plan, segment->top));
    }
    segment->number = segment->outer_number;
    segment->base = segment->outer_base;
}

void segment_close_down(Plan *plan, Block *block, Segment *segment) {
    if (segment->slots > 0) {
        revolve_pop(plan, segment, block, segment->number);
    }
}

Dim segment_slots(Plan *plan, const Segment *segment) {
    Dim count = dim_room(plan->ir, segment->count);
    Dim slots = segment->slots > 0 ? dim_const(plan->ir, segment->slots) : count;
    return dim_add(plan->ir, slots, dim_const(plan->ir, 1));
}

const LoopExpr *segment_last_slot(Plan *plan, const Segment *segment) {
    return segment->slots > 0 ? x_int(plan, segment->slots) : x_count(plan, segment->count);
}
