/* tree.c: the tree of loops. Stages whose outermost open loop is the same, with the same bounds,
 * share it, in as few passes as their needs allow: the gradient of a sum over samples reads the
 * data once. */
#include "loop/plan.h"

/* ---- keys: what a stage wants opened next
 * --------------------------------------------------------------- */

/* Uses condition c as a bound of x if all else in it is known. */
static void bound_from(Plan *plan, Stage *stage, unsigned k, Key *key) {
    Ir *ir = plan->ir;
    Node node = *ir_node(ir, stage->conds[k]);
    Index x = key->index;
    bool negated = node.op == OP_CALL && node.as.builtin == BI_not;
    if (negated) {
        node = *ir_node(ir, node.args[0]);
    }
    if (node.op != OP_CALL || (node.as.builtin != BI_lt && node.as.builtin != BI_le) ||
        ir_kind(ir, node.args[0]) != KIND_INT) {
        return;
    }
    bool strict = (node.as.builtin == BI_lt) != negated;
    Ref left = node.args[negated ? 1 : 0]; /* not a < b is b ≤ a */
    Ref right = node.args[negated ? 0 : 1];
    int64_t p;
    int64_t q;
    Ref a;
    Ref b;
    if (!linear_in(ir, left, x, &p, &a) || !linear_in(ir, right, x, &q, &b)) {
        return;
    }
    int64_t d = p - q; /* d·x < b - a, or ≤ */
    if (d == 1 && key->high_count < BOUND_LIMIT) {
        Ref bound = ir_sub(ir, b, a);
        key->high[key->high_count++] = strict ? bound : ir_add(ir, bound, ir_int(ir, 1));
    } else if (d == -1 && key->low_count < BOUND_LIMIT) {
        Ref bound = ir_sub(ir, a, b);
        key->low[key->low_count++] = strict ? ir_add(ir, bound, ir_int(ir, 1)) : bound;
    } else {
        return;
    }
    key->used |= UINT64_C(1) << k;
}

static bool done(const Stage *stage, unsigned k) {
    return (stage->cond_done >> k) & 1;
}

/* Loops of a recurrence are opened as they are, by all of its stages. */
static bool in_whole(const Stage *stage, IndexSet set) {
    for (unsigned k = 0; k < stage->whole_count; k++) {
        if (set & INDEX_BIT(stage->whole[k])) {
            return true;
        }
    }
    return false;
}

static Key loop_key(Plan *plan, Stage *stage, Index x) {
    Key key = {.kind = SCOPE_LOOP, .index = x};
    IndexSet open = stage->opened | INDEX_BIT(x);
    bool guarded =
        (stage_accumulates(stage) || (stage->kind == STAGE_OUTPUT && stage->output->rank > 0)) &&
        !in_whole(stage, INDEX_BIT(x));
    key.direction = stage->up & INDEX_BIT(x) ? 1 : stage->down & INDEX_BIT(x) ? -1 : 0;
    for (unsigned k = 0; k < stage->cond_count && guarded; k++) {
        IndexSet free = ir_free(plan->ir, stage->conds[k]);
        if (done(stage, k) || !(free & INDEX_BIT(x)) || (free & ~open)) {
            continue;
        }
        Ref at = one_hot(plan->ir, stage->conds[k], x);
        if (at != REF_NONE) {
            Key fixed = {.kind = SCOPE_FIX, .index = x, .at = at, .used = UINT64_C(1) << k};
            return fixed;
        }
    }
    for (unsigned k = 0; k < stage->cond_count && guarded; k++) {
        IndexSet free = ir_free(plan->ir, stage->conds[k]);
        if (!done(stage, k) && (free & INDEX_BIT(x)) && !(free & ~open)) {
            bound_from(plan, stage, k, &key);
        }
    }
    return key;
}

/* Returns false if nothing is left to open. */
static bool stage_key(Plan *plan, Stage *stage, Key *key) {
    IndexSet rest = stage->loops & ~stage->opened;
    if (rest == 0) {
        return false;
    }
    bool sampled = !(rest & plan->updates); /* an update belongs to its sample, IF or not */
    if (stage_accumulates(stage) && sampled && !in_whole(stage, rest)) {
        for (unsigned k = 0; k < stage->cond_count; k++) {
            if (!done(stage, k) && !(ir_free(plan->ir, stage->conds[k]) & ~stage->opened)) {
                Key made = {.kind = SCOPE_IF, .cond = stage->conds[k], .used = UINT64_C(1) << k};
                *key = made;
                return true;
            }
        }
    }
    for (unsigned k = 0; k < stage->order_count; k++) {
        if (rest & INDEX_BIT(stage->order[k])) {
            *key = loop_key(plan, stage, stage->order[k]);
            return true;
        }
    }
    return false;
}

/* Can a stage that wants b be in a scope opened by a? */
static bool same_key(const Key *a, const Key *b) {
    if (b->direction != a->direction && b->direction != 0 &&
        !(a->direction == 0 && b->direction > 0)) {
        return false; /* a loop of no direction runs upwards */
    }
    if (a->kind != b->kind || a->index != b->index || a->cond != b->cond || a->at != b->at ||
        a->low_count != b->low_count || a->high_count != b->high_count) {
        return false;
    }
    for (unsigned k = 0; k < a->low_count; k++) {
        if (a->low[k] != b->low[k]) {
            return false;
        }
    }
    for (unsigned k = 0; k < a->high_count; k++) {
        if (a->high[k] != b->high[k]) {
            return false;
        }
    }
    return true;
}

/* ---- scopes
 * ---------------------------------------------------------------------------------------------------
 */

static void add_item(Plan *plan, Scope *scope, Scope *child, Stage *stage) {
    scope->items = arena_grow(plan->arena, scope->items, scope->item_count, &scope->item_capacity,
                              sizeof(Item));
    scope->items[scope->item_count].scope = child;
    scope->items[scope->item_count++].stage = stage;
}

static Scope *open_scope(Plan *plan, Scope *parent, const Key *key) {
    Scope *scope = arena_new(plan->arena, Scope);
    scope->parent = parent;
    scope->depth = parent->depth + 1;
    scope->key = *key;
    scope->open = parent->open;
    if (key->kind != SCOPE_IF) {
        scope->open |= INDEX_BIT(key->index);
    }
    add_item(plan, parent, scope, NULL);
    return scope;
}

/* ---- passes
 * ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    Stage **stages;
    size_t count;
} List;

static bool over_sample(const Plan *plan, const Key *key) {
    return key->kind == SCOPE_LOOP && (plan->sample & INDEX_BIT(key->index));
}

/* The same for keys of which one may be in a scope of the other. */
static uint32_t key_hash(const Key *key) {
    uint64_t hash = (uint64_t)key->kind * 64 + key->index;
    hash = (hash * 0x9e3779b97f4a7c15u ^ key->cond) * 0x9e3779b97f4a7c15u ^ key->at;
    for (unsigned k = 0; k < key->low_count; k++) {
        hash = hash * 0x9e3779b97f4a7c15u ^ key->low[k];
    }
    for (unsigned k = 0; k < key->high_count; k++) {
        hash = hash * 0x9e3779b97f4a7c15u ^ key->high[k];
    }
    hash *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash >> 32);
}

/* Stages by their keys, so that votes are counted among those that may be the same. */
typedef struct {
    uint32_t *first, *next; /* by hash; by stage: number + 1; 0: none */
    size_t size;
} Groups;

static Groups group_keys(Plan *plan, const Key *keys, const bool *wants, size_t count) {
    Groups groups = {.size = 1};
    while (groups.size < count) {
        groups.size *= 2;
    }
    groups.first = arena_array(plan->arena, uint32_t, groups.size);
    groups.next = arena_array(plan->arena, uint32_t, count + 1);
    for (size_t s = count; s-- > 0;) {
        if (wants[s]) {
            uint32_t *first = &groups.first[key_hash(&keys[s]) & (groups.size - 1)];
            groups.next[s] = *first;
            *first = (uint32_t)s + 1;
        }
    }
    return groups;
}

/* The key to open: a loop over samples if any stage wants one, else what most stages want. False:
 * none. */
static bool choose_key(Plan *plan, const List *list, Key *chosen) {
    Key *keys = arena_array(plan->arena, Key, list->count);
    bool *wants = arena_array(plan->arena, bool, list->count);
    size_t best = 0;
    bool found = false;
    for (size_t s = 0; s < list->count; s++) {
        wants[s] = stage_key(plan, list->stages[s], &keys[s]);
    }
    const Groups groups = group_keys(plan, keys, wants, list->count);
    bool *counted = arena_array(plan->arena, bool, list->count);
    for (size_t s = 0; s < list->count; s++) {
        if (!wants[s] || counted[s]) {
            continue; /* the first of those with one key has the most */
        }
        size_t votes = over_sample(plan, &keys[s]) ? list->count + 1 : 0;
        uint32_t t = groups.first[key_hash(&keys[s]) & (groups.size - 1)];
        for (; t > 0; t = groups.next[t - 1]) {
            const bool same = same_key(&keys[s], &keys[t - 1]);
            votes += same;
            counted[t - 1] = counted[t - 1] || (same && keys[s].direction == keys[t - 1].direction);
        }
        if (votes > best) {
            best = votes;
            *chosen = keys[s];
            found = true;
        }
    }
    for (size_t s = 0; s < list->count; s++) {
        list->stages[s]->part = found && wants[s] && same_key(chosen, &keys[s]);
        if (list->stages[s]->part) {
            list->stages[s]->cond_done |= keys[s].used;
            chosen->direction = keys[s].direction > 0 ? 1 : chosen->direction;
        }
    }
    return found;
}

/* The earliest time of a stage by one of its needs. */
static unsigned time_by(const Stage *stage, const Need *need, const Key *key) {
    unsigned at = need->stage->time;
    bool loop = key->kind == SCOPE_LOOP;
    bool aligned = key->kind != SCOPE_IF && (need->aligned & INDEX_BIT(key->index));
    if (loop && (need->carried & INDEX_BIT(key->index))) {
        aligned = key->direction == need->stage->carry->direction;
    }
    if (!stage->part) {
        return need->stage->part ? at + 1 : at;
    }
    return !need->stage->part ? at + 1 : aligned ? at : at + 2;
}

/* Times: even ones are between the loops over the chosen index, odd ones are loops. Needs of
 * recurrences make circles, whose stages get one time. */
static unsigned find_times(const Plan *plan, const List *list, const Key *key, uint32_t mark) {
    unsigned last = 0;
    bool again = true;
    for (size_t s = 0; s < list->count; s++) {
        list->stages[s]->mark = mark;
        list->stages[s]->time = list->stages[s]->part ? 1 : 0;
    }
    for (size_t round = 0; again; round++) {
        again = false;
        for (size_t s = 0; s < list->count; s++) {
            Stage *stage = list->stages[s];
            unsigned time = stage->time;
            for (size_t k = 0; k < stage->need_count; k++) {
                const Need *need = &stage->needs[k];
                bool met = need->stage->mark != mark || (need->carried & stage->opened);
                unsigned earliest = met ? 0 : time_by(stage, need, key);
                time = earliest > time ? earliest : time;
            }
            again = again || (time > stage->time && plan->carries.count > 0);
            stage->time = time;
            last = time > last ? time : last;
        }
        if (round > list->count + 2) {
            ice("loop", "the stages of `%s` cannot be put in order", plan->ir->name);
        }
    }
    return last;
}

static void build(Plan *plan, Scope *scope, List list, uint32_t *marks);

static void build_pass(Plan *plan, Scope *scope, List part, const Key *key, unsigned time,
                       uint32_t *marks) {
    if (part.count == 0) {
        return;
    }
    if (time % 2 == 0) {
        build(plan, scope, part, marks);
        return;
    }
    Scope *inner = open_scope(plan, scope, key);
    for (size_t s = 0; s < part.count; s++) {
        part.stages[s]->opened = inner->open;
    }
    build(plan, inner, part, marks);
}

/* The stages of each time, in the order of the list. */
static List *by_time(Plan *plan, const List *list, unsigned last) {
    List *parts = arena_array(plan->arena, List, (size_t)last + 1);
    Stage **stages = arena_array(plan->arena, Stage *, list->count);
    for (size_t s = 0; s < list->count; s++) {
        parts[list->stages[s]->time].count++;
    }
    for (size_t time = 0, start = 0; time <= last; time++) {
        parts[time].stages = stages + start;
        start += parts[time].count;
        parts[time].count = 0;
    }
    for (size_t s = 0; s < list->count; s++) {
        List *part = &parts[list->stages[s]->time];
        part->stages[part->count++] = list->stages[s];
    }
    return parts;
}

static void build(Plan *plan, Scope *scope, List list, uint32_t *marks) {
    Key key;
    if (!choose_key(plan, &list, &key)) {
        for (size_t s = 0; s < list.count; s++) {
            list.stages[s]->scope = scope;
            add_item(plan, scope, NULL, list.stages[s]);
        }
        return;
    }
    unsigned last = find_times(plan, &list, &key, ++*marks);
    if (plan->ir->per_sample && over_sample(plan, &key) && last > 2) {
        ice("loop", "`%s` needs two passes over the samples", plan->ir->name);
    }
    List *parts = by_time(plan, &list, last);
    for (unsigned time = 0; time <= last; time++) {
        build_pass(plan, scope, parts[time], &key, time, marks);
    }
}

void tree_build(Plan *plan) {
    plan->root = arena_new(plan->arena, Scope);
    List all = {plan->stages, plan->stage_count};
    uint32_t marks = 0;
    build(plan, plan->root, all, &marks);
}
