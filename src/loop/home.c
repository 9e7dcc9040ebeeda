/* home.c: where each value lives: the innermost scope that contains the stage and all that read it.
 * What is open there needs no axis in a buffer; a value without axes is a scalar. */
#include "loop/plan.h"

bool scope_inside(const Scope *inner, const Scope *outer) {
    while (inner && inner->depth > outer->depth) {
        inner = inner->parent;
    }
    return inner == outer;
}

Scope *scope_common(Scope *a, Scope *b) {
    while (a != b) {
        if (a->depth >= b->depth) {
            a = a->parent;
        } else {
            b = b->parent;
        }
    }
    return a;
}

/* Does an accumulator have to begin before this scope is entered? */
static bool gathers(const Stage *stage, const Scope *scope) {
    const Key *key = &scope->key;
    switch (key->kind) {
    case SCOPE_IF:
        return true;
    case SCOPE_FIX:
        return true;
    case SCOPE_LOOP:
        return (stage->bound & INDEX_BIT(key->index)) || key->low_count > 0 || key->high_count > 0;
    case SCOPE_ROOT:
        break;
    }
    return false;
}

static bool starts_empty(const Stage *stage) {
    return stage->kind == STAGE_SUM || stage->kind == STAGE_MAX || stage->kind == STAGE_ARGMAX ||
           stage->kind == STAGE_DEPOSIT || stage->kind == STAGE_LIB ||
           stage->kind == STAGE_OUTPUT || stage->kind == STAGE_RETURN;
}

static void find_gather(Stage *stage) {
    stage->gather = stage->scope;
    if (!starts_empty(stage)) {
        return;
    }
    for (Scope *scope = stage->scope; scope != stage->home; scope = scope->parent) {
        if (gathers(stage, scope)) {
            stage->gather = scope->parent;
        }
    }
}

/* The innermost loops of a sum into a buffer add to a register first, where no index of the result
 * changes in them. */
static void find_partial(const Plan *plan, Stage *stage) {
    stage->partial = NULL;
    IndexSet free = stage->value ? ir_free(plan->ir, stage->value) : 0;
    if (stage->kind != STAGE_SUM || plan->options->strict || !(free & ~stage->gather->open)) {
        return;
    }
    for (Scope *scope = stage->scope; scope->parent && scope->parent != stage->gather;
         scope = scope->parent) {
        bool reduces =
            scope->key.kind == SCOPE_LOOP && (stage->bound & INDEX_BIT(scope->key.index));
        if (free & ~scope->parent->open) {
            return;
        }
        if (reduces) {
            stage->partial = scope->parent;
        }
    }
}

/* Axes in the order of the loops that make the value; of a deposit its targets last. */
static void find_axes(const Plan *plan, Stage *stage) {
    IndexSet axes = ir_free(plan->ir, stage->value) & ~stage->home->open;
    if (stage->kind == STAGE_DEPOSIT) {
        axes |= ir_free(plan->ir, stage->value) & ~stage->free; /* targets are never loops */
    }
    stage->axis_count = 0;
    for (unsigned k = 0; k < stage->order_count; k++) {
        Index x = stage->order[k];
        bool targeted = stage->kind == STAGE_DEPOSIT || stage->kind == STAGE_LIB;
        bool ours = !targeted || (stage->free & INDEX_BIT(x));
        if ((axes & INDEX_BIT(x)) && ours) {
            stage->axes[stage->axis_count++] = x;
            axes &= ~INDEX_BIT(x);
        }
    }
    if (stage->kind == STAGE_LIB) { /* its matrix, in the order of memory, comes last */
        const Node *node = ir_node(plan->ir, stage->value);
        for (uint32_t k = 0; k < node->as.lib.count; k++) {
            stage->axes[stage->axis_count++] = node->as.lib.targets[k];
        }
    }
    if (stage->kind == STAGE_DEPOSIT) {
        const Node *node = ir_node(plan->ir, stage->value);
        for (uint32_t k = 0; k < node->as.deposit.count; k++) {
            Index x = node->as.deposit.targets[k];
            if (axes & INDEX_BIT(x)) {
                stage->axes[stage->axis_count++] = x;
                axes &= ~INDEX_BIT(x);
            }
        }
    }
    stage->scalar = stage->axis_count == 0;
}

static bool same_order(const Stage *value, const Output *to) {
    for (unsigned a = 0; a < to->rank; a++) {
        if (value->axes[a] != to->axes[a]) {
            return false;
        }
    }
    return true;
}

/* A buffer that becomes an output is that output: without a copy if it is stored as it is, in place
 * if something is made of it and nothing else reads it. */
static void find_alias(Plan *plan, Stage *output) {
    const Output *to = output->output;
    if (output->kind != STAGE_OUTPUT || output->cond_count > 0 || to->role == OUT_MATRIX ||
        output->bound != 0 ||
        (output->term ? output->sink != SINK_ADD : output->sink != SINK_STORE)) {
        return;
    }
    for (size_t k = 0; k < output->need_count; k++) {
        Stage *value = output->needs[k].stage;
        if (value->scalar || value->alias || value->value == REF_NONE ||
            ir_kind(plan->ir, value->value) != KIND_REAL || value->home->depth != 0 ||
            value->axis_count != to->rank || value->home->open != 0 ||
            (value->kind == STAGE_LIB && (output->term || !same_order(value, to)))) {
            continue;
        }
        IndexSet axes = 0;
        for (unsigned a = 0; a < to->rank; a++) {
            axes |= INDEX_BIT(to->axes[a]);
        }
        if (axes != ir_free(plan->ir, value->value)) {
            continue;
        }
        bool as_is = value->value == output->body;
        if (output->term &&
            (!as_is || value->kind == STAGE_MAX || value->kind == STAGE_VALUE ||
             value->kind == STAGE_ARGMAX || value->readers != 1 || plan->uses[value->value] != 1)) {
            continue;
        }
        bool in_place = value->readers == 1 && (output->needs[k].aligned & axes) == axes;
        if (!as_is && (!in_place || value->kind == STAGE_DEPOSIT || value->kind == STAGE_LIB)) {
            continue;
        }
        value->alias = output;
        output->dropped = as_is;
        for (unsigned a = 0; a < to->rank; a++) {
            value->axes[a] = to->axes[a];
        }
        return;
    }
}

static void list_add(Plan *plan, StageList *list, Stage *stage) {
    if (list->count > 0 && list->stages[list->count - 1] == stage) {
        return;
    }
    list->stages =
        arena_grow(plan->arena, list->stages, list->count, &list->capacity, sizeof(Stage *));
    list->stages[list->count++] = stage;
}

/* A stage that is done inside `scope`, of which `from` is told before and after: noted at the scope
 * between the two. */
static void note_begun(Plan *plan, Stage *stage, const Scope *from) {
    if (!from || from == stage->scope) {
        return;
    }
    for (Scope *scope = stage->scope; scope->parent; scope = scope->parent) {
        if (scope->parent == from) {
            list_add(plan, &scope->begun, stage);
            return;
        }
    }
}

static void list_stages(Plan *plan) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        list_add(plan, &stage->home->homed, stage);
        note_begun(plan, stage, stage->gather);
        note_begun(plan, stage, stage->partial);
    }
}

void home_find(Plan *plan) {
    for (size_t s = 0; s < plan->stage_count; s++) {
        plan->stages[s]->home = plan->stages[s]->scope;
    }
    for (size_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        for (size_t k = 0; k < stage->need_count; k++) {
            Stage *on = stage->needs[k].stage;
            if (!stage->needs[k].order) {
                on->home = scope_common(on->home, stage->scope);
                on->readers++;
            }
        }
    }
    carry_homes(plan);
    for (size_t s = 0; s < plan->stage_count; s++) {
        Stage *stage = plan->stages[s];
        if (stage->carry) {
            stage->gather = stage->scope;
            continue;
        }
        if (stage->value == REF_NONE) {
            stage->home = plan->root;
            find_gather(stage);
            continue;
        }
        find_axes(plan, stage);
        find_gather(stage);
        find_partial(plan, stage);
    }
    for (size_t s = 0; s < plan->stage_count; s++) {
        find_alias(plan, plan->stages[s]);
    }
    list_stages(plan);
}
