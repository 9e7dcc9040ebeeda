/* cycle.c: what a step of a recurrence and the next depend on. Stages that need each other through
 * a state are put in one loop over the steps: the loops that all of them have outside, then that
 * over the steps; what is left of the circle, a recurrence in the step, the same way. */
#include "loop/plan.h"

typedef struct {
    uint32_t *number, *low; /* of Tarjan's algorithm; number 0: not seen */
    uint32_t *component;
    size_t *next; /* the need to be followed next */
    uint32_t *stack, *path;
    size_t stack_count, path_count;
    uint32_t count, components;
} Tarjan;

static bool follows(const Stage *stage, const Need *need) {
    IndexSet both = 0;
    for (unsigned k = 0; k < stage->whole_count; k++) {
        for (unsigned l = 0; l < need->stage->whole_count; l++) {
            both |= stage->whole[k] == need->stage->whole[l] ? INDEX_BIT(stage->whole[k]) : 0;
        }
    }
    return !(need->carried & both);
}

static void enter(Tarjan *t, uint32_t s) {
    t->number[s] = t->low[s] = ++t->count;
    t->next[s] = 0;
    t->stack[t->stack_count++] = s;
    t->path[t->path_count++] = s;
}

static void leave(Tarjan *t, uint32_t s) {
    t->path_count--;
    if (t->path_count > 0) {
        uint32_t user = t->path[t->path_count - 1];
        t->low[user] = t->low[s] < t->low[user] ? t->low[s] : t->low[user];
    }
    if (t->low[s] != t->number[s]) {
        return;
    }
    t->components++;
    uint32_t member;
    do {
        member = t->stack[--t->stack_count];
        t->component[member] = t->components;
    } while (member != s);
}

static void visit(const Plan *plan, Tarjan *t, uint32_t root) {
    enter(t, root);
    while (t->path_count > 0) {
        uint32_t s = t->path[t->path_count - 1];
        const Stage *stage = plan->stages[s];
        if (t->next[s] == stage->need_count) {
            leave(t, s);
            continue;
        }
        const Need *need = &stage->needs[t->next[s]++];
        uint32_t on = need->stage->number;
        if (!follows(stage, need)) {
            continue;
        }
        if (t->number[on] == 0) {
            enter(t, on);
        } else if (t->component[on] == 0 && t->number[on] < t->low[s]) {
            t->low[s] = t->number[on];
        }
    }
}

static void find_components(const Plan *plan, Tarjan *t) {
    size_t count = plan->stage_count + 1;
    *t = (Tarjan){
        .number = arena_array(plan->arena, uint32_t, count),
        .low = arena_array(plan->arena, uint32_t, count),
        .component = arena_array(plan->arena, uint32_t, count),
        .next = arena_array(plan->arena, size_t, count),
        .stack = arena_array(plan->arena, uint32_t, count),
        .path = arena_array(plan->arena, uint32_t, count),
    };
    for (uint32_t s = 0; s < plan->stage_count; s++) {
        if (t->number[s] == 0) {
            visit(plan, t, s);
        }
    }
}

/* ---- one circle
 * ---------------------------------------------------------------------------------------------- */

typedef struct {
    IndexSet steps;  /* indices of its recurrences */
    IndexSet up;     /* those that run upwards */
    IndexSet loops;  /* of all of its stages */
    IndexSet states; /* indices that all of its states have */
    IndexSet apart;  /* indices along which a stage needs another entry of one */
    IndexSet inner;  /* steps that are inside another recurrence of it */
    uint32_t number; /* from 1; no other has it */
    Span span;
} Circle;

static void add_need_to(Circle *circle, const Stage *stage, const Need *need) {
    circle->apart |= stage->loops & ~need->aligned & ~need->carried;
    if (!need->carried) {
        return;
    }
    const Carry *carry = need->stage->carry;
    circle->steps |= need->carried;
    circle->up |= carry->direction > 0 ? need->carried : 0;
    circle->states &= carry->free | need->carried;
    circle->span = need->stage->span;
}

static void set_whole(Plan *plan, Stage *stage, Index x, const Circle *circle) {
    stage->whole[stage->whole_count++] = x;
    stage->circles[x] = circle->steps & INDEX_BIT(x) ? 0 : circle->number;
    if (circle->steps & INDEX_BIT(x)) {
        *(circle->up & INDEX_BIT(x) ? &stage->up : &stage->down) |= INDEX_BIT(x);
    }
    if (!plan->loop_rank[x]) {
        plan->loop_rank[x] = ++plan->loop_ranks;
    }
}

/* The step's index that is outermost; INDEX_LIMIT: none can be. */
static Index outermost_step(const Circle *circle) {
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        bool fits = circle->steps & circle->loops & ~circle->apart & INDEX_BIT(x);
        if (fits && !(circle->inner & INDEX_BIT(x))) {
            return x;
        }
    }
    return INDEX_LIMIT;
}

static bool order_circle(Plan *plan, const Circle *circle, const uint32_t *component, uint32_t c) {
    IndexSet outside = circle->loops & ~circle->steps & ~circle->apart &
                       (circle->states | plan->sample | plan->rows);
    Index t = outermost_step(circle);
    if (t == INDEX_LIMIT) {
        if (plan->options->diags) {
            diag_error(
                plan->options->diags, circle->span,
                "a step of this loop needs later steps of it"); /* rare: made by no program */
        }
        return false;
    }
    for (uint32_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        if (component[s] != c) {
            continue;
        }
        IndexSet done = 0;
        for (unsigned k = 0; k < stage->whole_count; k++) {
            done |= INDEX_BIT(stage->whole[k]);
        }
        for (unsigned pass = 0; pass < 2; pass++) {
            for (Index x = 0; x < INDEX_LIMIT; x++) {
                bool sample = (plan->sample & INDEX_BIT(x)) != 0;
                if ((outside & ~done & INDEX_BIT(x)) && sample == (pass == 0)) {
                    set_whole(plan, stage, x, circle);
                }
            }
        }
        set_whole(plan, stage, t, circle);
    }
    return true;
}

/* A recurrence whose states have the index of another's steps is inside it. */
static void note_inner(Circle *circle, const Need *need) {
    IndexSet around = need->stage->carry->free & circle->steps;
    if (around & ~need->carried) {
        circle->inner |= need->carried;
    }
}

static bool order_circles(Plan *plan, const Tarjan *t, uint32_t *numbers, bool *found) {
    Circle *circles = arena_array(plan->arena, Circle, t->components + 1);
    for (uint32_t c = 0; c <= t->components; c++) {
        circles[c].loops = circles[c].states = ~(IndexSet)0;
        circles[c].number = ++*numbers;
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t s = 0; s < plan->stage_count; s++) {
            const Stage *stage = plan->stages[s];
            Circle *circle = &circles[t->component[s]];
            circle->loops &= stage->loops;
            for (size_t n = 0; n < stage->need_count; n++) {
                const Need *need = &stage->needs[n];
                if (t->component[need->stage->number] != t->component[s] || !follows(stage, need)) {
                    continue;
                }
                if (pass == 0) {
                    add_need_to(circle, stage, need);
                } else if (need->carried) {
                    note_inner(circle, need);
                }
            }
        }
    }
    *found = false;
    for (uint32_t c = 1; c <= t->components; c++) {
        if (circles[c].steps) {
            *found = true;
            if (!order_circle(plan, &circles[c], t->component, c)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the direction of loops
 * ------------------------------------------------------------------------------------------ */

static IndexSet directed(const Stage *stage) {
    return stage->up | stage->down;
}

/* Of two stages in one loop: that of the later one. */
static void take_direction(Stage *stage, const Stage *on, const Need *need, IndexSet fixed) {
    IndexSet along = (need->aligned | need->carried) & stage->loops & directed(on) & ~fixed;
    stage->up = (stage->up & ~along) | (on->up & along);
    stage->down = (stage->down & ~along) | (on->down & along);
}

/* The loops that a circle has outside run one way for all of it: that of its last stage. */
static void agree(const Plan *plan, uint32_t circles) {
    const Stage **last = arena_array(plan->arena, const Stage *, circles + 1);
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        IndexSet bit = INDEX_BIT(x);
        for (uint32_t c = 0; c <= circles; c++) {
            last[c] = NULL;
        }
        for (size_t s = 0; s < plan->stage_count; s++) {
            const Stage *stage = plan->stages[s];
            if (directed(stage) & bit) {
                last[stage->circles[x]] = stage;
            }
        }
        for (size_t s = 0; s < plan->stage_count; s++) {
            Stage *stage = plan->stages[s];
            const Stage *of = stage->circles[x] ? last[stage->circles[x]] : NULL;
            if (of) {
                stage->up = (stage->up & ~bit) | (of->up & bit);
                stage->down = (stage->down & ~bit) | (of->down & bit);
            }
        }
    }
}

static void spread_directions(Plan *plan, uint32_t circles) {
    uint32_t *from = arena_array(plan->arena, uint32_t, INDEX_LIMIT);
    for (uint32_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        IndexSet fixed = directed(stage);
        for (Index x = 0; x < INDEX_LIMIT; x++) {
            from[x] = 0;
        }
        for (size_t n = 0; n < stage->need_count; n++) {
            const Need *need = &stage->needs[n];
            for (Index x = 0; x < INDEX_LIMIT; x++) {
                IndexSet bit = INDEX_BIT(x);
                Need one = {.aligned = need->aligned & bit, .carried = need->carried & bit};
                if ((directed(need->stage) & bit) && need->stage->number + 1 > from[x] &&
                    (one.aligned | one.carried)) {
                    take_direction(stage, need->stage, &one, fixed);
                    from[x] = need->stage->number + 1;
                }
            }
        }
    }
    agree(plan, circles);
    /* what depends on no direction takes that of its first reader */
    IndexSet *wished = arena_array(plan->arena, IndexSet, plan->stage_count + 1);
    for (uint32_t s = (uint32_t)plan->stage_count; s-- > 0;) {
        const Stage *stage = plan->stages[s];
        for (size_t n = 0; n < stage->need_count; n++) {
            const Need *need = &stage->needs[n];
            Stage *on = need->stage;
            IndexSet open = ~directed(on) | wished[on->number];
            IndexSet along = need->aligned & on->loops & directed(stage) & open;
            on->up = (on->up & ~along) | (stage->up & along);
            on->down = (on->down & ~along) | (stage->down & along);
            wished[on->number] |= along;
        }
    }
    agree(plan, circles);
}

/* The first of several largest entries counts, and under --strict sums are added up in order. */
static void keep_order(const Plan *plan) {
    for (size_t s = 0; s < plan->stage_count && plan->carries.count > 0; s++) {
        Stage *stage = plan->stages[s];
        bool ordered =
            stage->kind == STAGE_ARGMAX ||
            (plan->options->strict && (stage->kind == STAGE_SUM || stage->kind == STAGE_DEPOSIT));
        stage->up |= ordered ? stage->bound & ~stage->down : 0;
    }
}

bool cycle_find(Plan *plan) {
    bool found = plan->carries.count > 0;
    uint32_t numbers = 0;
    while (found) {
        Tarjan tarjan;
        find_components(plan, &tarjan);
        if (!order_circles(plan, &tarjan, &numbers, &found)) {
            return false;
        }
    }
    for (size_t s = 0; s < plan->stage_count && plan->carries.count > 0; s++) {
        Stage *stage = plan->stages[s];
        if (stage->kind == STAGE_STEP) {
            IndexSet t = INDEX_BIT(stage->carry->t);
            *(stage->carry->direction > 0 ? &stage->up : &stage->down) |= t;
            if (!plan->loop_rank[stage->carry->t]) {
                plan->loop_rank[stage->carry->t] = ++plan->loop_ranks;
            }
        }
    }
    keep_order(plan);
    if (plan->carries.count > 0) {
        spread_directions(plan, numbers);
    }
    return true;
}
