/* segment.c: recurrences that keep a state every N steps only. The loop over the steps becomes one
 * over segments of N steps; what the adjoint needs of a step has room for one segment. The
 * adjoint's loop goes through the segments from the last, and runs the steps of each again, from
 * the state that was kept, before it goes through them downwards. */
#include "loop/plan.h"

#include <math.h>

enum { LIMIT_BYTES = 256 << 20 }; /* above it, segments are made without being asked for */

/* ---- pairs of loops
 * -------------------------------------------------------------------------------------------- */

static bool is_loop(const Scope *scope, int direction) {
    return scope && scope->key.kind == SCOPE_LOOP && scope->key.direction == direction &&
           !scope->leave;
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
        bool around = has_axis(carry->axes, carry->axis_count - carry->rank, segment->t);
        return carry->loop == segment->up ? carry->along || !carry->history
                                          : carry->around || !around;
    }
    return stage->segment || !has_axis(stage->axes, stage->axis_count, segment->t);
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

static double axes_bytes(const Plan *plan, const Index *axes, unsigned count) {
    double bytes = sizeof(double);
    for (unsigned k = 0; k < count; k++) {
        int64_t extent;
        bytes *= dim_value(plan->ir, ir_index_dim(plan->ir, axes[k]), &extent) ? (double)extent : 0;
    }
    return bytes;
}

/* Of what would have room for one segment; 0: unknown. */
static double history_bytes(const Plan *plan, const Segment *segment) {
    double bytes = 0;
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        bytes += stage->segment == segment ? axes_bytes(plan, stage->axes, stage->axis_count) : 0;
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        if (carry->along == segment || carry->around == segment) {
            bytes += axes_bytes(plan, &carry->t, 1) / sizeof(double) *
                     axes_bytes(plan, carry->axes, carry->axis_count);
        }
    }
    return bytes;
}

static int64_t segment_size(const Plan *plan, const Segment *segment) {
    int64_t steps;
    if (plan->options->checkpoint != 0) {
        return plan->options->checkpoint > 0 ? plan->options->checkpoint : 0;
    }
    bool known = dim_value(plan->ir, ir_index_dim(plan->ir, segment->t), &steps);
    return known && history_bytes(plan, segment) > LIMIT_BYTES ? (int64_t)ceil(sqrt((double)steps))
                                                               : 0;
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

static void try_pair(Plan *plan, const Readers *readers, Scope *up, Scope *down) {
    Segment *segment = arena_new(plan->arena, Segment);
    segment->t = up->key.index;
    segment->up = up;
    segment->down = down;
    find_parts(plan, readers, segment);
    segment->size = segment_size(plan, segment);
    if (segment->size == 0) {
        forget(plan, segment);
        return;
    }
    Dim steps = ir_index_dim(plan->ir, segment->t);
    Dim size = dim_const(plan->ir, segment->size);
    Dim rest = dim_const(plan->ir, segment->size - 1);
    segment->count = dim_floordiv(plan->ir, dim_add(plan->ir, steps, rest), size);
    up->segment = down->segment = segment;
    find_again(plan, segment);
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
        if (up && !up->segment) {
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
    for (size_t s = 0; s < plan->stage_count; s++) {
        const Stage *stage = plan->stages[s];
        bytes += axes_bytes(plan, stage->axes, stage->axis_count);
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        bytes += axes_bytes(plan, &carry->t, 1) / sizeof(double) *
                 axes_bytes(plan, carry->axes, carry->axis_count);
    }
    return bytes;
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
    return segment && segment->t == x ? dim_const(plan->ir, segment->size)
                                      : ir_index_dim(plan->ir, x);
}

/* ---- code
 * ------------------------------------------------------------------------------------------------------
 */

bool segment_skips(const Plan *plan, const Stage *stage) {
    return plan->again && scope_inside(stage->scope, plan->again->up) &&
           !plan->again->again[stage->number];
}

/* for segment in 0..count { first = segment * size; …: the block in which the steps' loop stands.
 */
Block *segment_open(Plan *plan, Block *parent, Segment *segment, bool down) {
    Block *block = block_new(plan, parent, true);
    VarId number = plan_var(plan, plan_name(plan, "segment"), KIND_INT, block);
    Stmt *loop = block_add(plan, parent, LS_FOR);
    VarFacts *facts = &plan->var_facts[number];
    facts->low[0] = loop->s.low = x_int(plan, 0);
    facts->high[0] = loop->s.high = x_dim(plan, segment->count);
    facts->low_count = facts->high_count = 1;
    loop->s.var = number;
    loop->s.down = down;
    loop->body = block;
    segment->number = x_var(plan, number);
    VarId first = plan_var(plan, plan_name(plan, "first"), KIND_INT, block);
    const LoopExpr *value = x_call2(plan, BI_mul, segment->number, x_int(plan, segment->size));
    code_set(plan, block, LS_LET, first, value, (Span){0});
    plan->var_facts[first].low[0] = x_int(plan, 0);
    plan->var_facts[first].low_count = 1;
    segment->base = x_var(plan, first);
    return block;
}

const LoopExpr *segment_end(Plan *plan, const Segment *segment) {
    return x_call2(plan, BI_add, segment->base, x_int(plan, segment->size));
}

/* What is written again has new variables. */
void segment_reset(Plan *plan, const Segment *segment) {
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
            carry->has_before = carry->has_next = carry->has_current = false;
        }
    }
}
