/* plan.c: loop_plan: the steps in their order. */
#include "loop/plan.h"

static IndexSet sample_indices(const Ir *ir, IndexSet loops) {
    IndexSet made = 0;
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        if ((loops & INDEX_BIT(x)) && ir->sample_dim != DIM_NONE &&
            ir_index_dim(ir, x) == ir->sample_dim) {
            made |= INDEX_BIT(x);
        }
    }
    return made;
}

static IndexSet indices_in_use(const Plan *plan) {
    IndexSet used = plan->ir->per_sample ? INDEX_BIT(plan->ir->sample_index) : 0;
    for (Ref v = 1; v < ir_count(plan->ir); v++) {
        const Node *node = ir_node(plan->ir, v);
        if (node->op == OP_INDEX) {
            used |= INDEX_BIT(node->as.index);
        }
    }
    return used;
}

LoopProgram *loop_plan(const LoopOptions *options, Arena *arena, const Ir *ir) {
    Plan *plan = arena_new(arena, Plan);
    Ir *own = prepare_ir(options, arena, ir, &plan->carries);
    if (!own) {
        return NULL;
    }
    plan->options = options;
    plan->arena = arena;
    plan->ir = own;
    plan->program = arena_new(arena, LoopProgram);
    plan->program->name = own->name;
    plan->program->precision = options->precision;
    plan->program->trainer = options->trainer;
    plan->program->ir = own;
    plan->root_block = block_new(plan, NULL, false);
    plan->ragged = own->per_sample && own->rows_dim != DIM_NONE;
    plan->sample = sample_indices(own, indices_in_use(plan));
    if (!stage_select(plan)) {
        return NULL;
    }
    args_make(plan);
    tree_build(plan);
    home_find(plan);
    leave_find(plan);
    segment_find(plan);
    code_write(plan);
    place_common(plan);
    dead_remove(plan);
    if (plan->rate_arg < 0) { /* updates stand as they are */
        fission_blocks(plan);
        if (options->trainer) {
            ahead_samples(plan);
        }
    } else if (plan->ir->per_sample && !chain_blocks(plan)) {
        ahead_samples(plan);
    }
    args_work(plan);
    precision_widen(plan);
    const char *wrong = loop_verify(plan->program, arena);
    if (wrong) {
        ice("loop", "`%s`: %s", own->name, wrong);
    }
    return plan->program;
}
