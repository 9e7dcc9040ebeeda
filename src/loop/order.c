/* order.c: the order of a stage's loops: the innermost one is that along which most entries read
 * and written are neighbours in memory, and a reduction stays in a register where that costs
 * nothing. */
#include "loop/plan.h"

/* Cost of one access in the innermost loop, in loads of neighbouring entries. */
enum { COST_NONE = 0, COST_NEXT = 4, COST_FAR = 16, COST_SHORT = 12 };

typedef struct {
    unsigned cost[INDEX_LIMIT];
} Costs;

static unsigned access_cost(Ir *ir, const Ref *positions, unsigned rank, Index x) {
    for (unsigned k = 0; k < rank; k++) {
        if (!(ir_free(ir, positions[k]) & INDEX_BIT(x))) {
            continue;
        }
        int64_t coefficient;
        Ref rest;
        bool next = k + 1 == rank && linear_in(ir, positions[k], x, &coefficient, &rest) &&
                    (coefficient == 1 || coefficient == -1);
        return next ? COST_NEXT : COST_FAR;
    }
    return COST_NONE;
}

static void add_access(Plan *plan, Costs *costs, IndexSet loops, const Ref *positions,
                       unsigned rank, unsigned times) {
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        if (loops & INDEX_BIT(x)) {
            costs->cost[x] += times * access_cost(plan->ir, positions, rank, x);
        }
    }
}

/* What the expression of the stage reads. */
static void add_reads(Plan *plan, const Stage *stage, Costs *costs) {
    size_t count = 0;
    if (!plan->seen) {
        plan->seen = arena_array(plan->arena, uint32_t, plan->node_count);
        plan->waiting = arena_array(plan->arena, Ref, plan->node_count);
    }
    plan->search++;
    plan->seen[stage->body] = plan->search;
    plan->waiting[count++] = stage->body;
    while (count > 0) {
        const Ref v = plan->waiting[--count];
        const Node *node = ir_node(plan->ir, v);
        const Stage *kept = plan->stage_of[v];
        if (kept && kept != stage) {
            for (Index x = 0; x < INDEX_LIMIT; x++) {
                if (stage->loops & ir_free(plan->ir, v) & INDEX_BIT(x)) {
                    costs->cost[x] += COST_NEXT; /* our own buffer: laid out as it is made */
                }
            }
            continue;
        }
        const Carry *carry = node->op == OP_READ ? carry_of(plan, node->args[0]) : NULL;
        bool leaf = node->op == OP_READ && ir_node(plan->ir, node->args[0])->op == OP_LEAF;
        if (leaf || carry) {
            add_access(plan, costs, stage->loops, node->args + 1, node->arg_count - 1, 1);
        }
        for (uint32_t k = carry ? 1 : 0; k < node->arg_count && node->op != OP_STATE; k++) {
            if (plan->seen[node->args[k]] != plan->search) {
                plan->seen[node->args[k]] = plan->search;
                plan->waiting[count++] = node->args[k];
            }
        }
    }
}

static void add_writes(Plan *plan, const Stage *stage, Costs *costs) {
    if (stage->scatter) {
        const Node *node = ir_node(plan->ir, stage->scatter);
        add_access(plan, costs, stage->loops, node->args + 1, node->arg_count - 1, 2);
        return;
    }
    if (stage->output) {
        Ref axes[RANK_LIMIT];
        for (unsigned k = 0; k < stage->output->rank; k++) {
            axes[k] = ir_idx(plan->ir, stage->output->axes[k]);
        }
        add_access(plan, costs, stage->loops, axes, stage->output->rank,
                   stage->sink == SINK_STORE ? 1 : 2);
        return;
    }
    if (stage->kind == STAGE_DEPOSIT) {
        const Node *node = ir_node(plan->ir, stage->value);
        add_access(plan, costs, stage->loops, node->args + 1, node->arg_count - 1, 2);
        return;
    }
    if (stage->kind == STAGE_LIB) {
        const Node *node = ir_node(plan->ir, stage->value);
        const Ref axes[] = {ir_idx(plan->ir, node->as.lib.targets[0]),
                            ir_idx(plan->ir, node->as.lib.targets[1])};
        add_access(plan, costs, stage->loops, axes, 2, 1);
        return;
    }
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        if (stage->free & INDEX_BIT(x)) {
            costs->cost[x] += (stage->bound ? 2 : 1) * COST_NEXT;
        }
    }
}

/* The value of a sum that an output stores as it is: its entries lie as the output's do. */
static const Output *stored_as(const Plan *plan, const Stage *stage) {
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        if (output->value == stage->value && stage->value != REF_NONE) {
            return output;
        }
    }
    return NULL;
}

static unsigned axis_of(const Output *output, Index x) {
    for (unsigned k = 0; output && k < output->rank; k++) {
        if (output->axes[k] == x) {
            return k;
        }
    }
    return RANK_LIMIT;
}

/* Does a belong outside b? */
static bool outside(const Plan *plan, const Stage *stage, const Costs *costs, Index a, Index b) {
    bool a_fixed = (stage->fixed & INDEX_BIT(a)) != 0;
    bool b_fixed = (stage->fixed & INDEX_BIT(b)) != 0;
    if (a_fixed != b_fixed) {
        return b_fixed; /* no loop at all: best inside those that others share */
    }
    bool a_bound = (stage->bound & INDEX_BIT(a)) != 0;
    bool b_bound = (stage->bound & INDEX_BIT(b)) != 0;
    if (stage->kind == STAGE_LIB && a_bound != b_bound) {
        return b_bound; /* the call stands where the loops over the targets end */
    }
    bool a_sample = (plan->rows & INDEX_BIT(a)) != 0;
    bool b_sample = (plan->rows & INDEX_BIT(b)) != 0;
    if (a_sample != b_sample) {
        return a_sample;
    }
    if (stage->kind == STAGE_ARGMAX && (stage->bound & (INDEX_BIT(a) | INDEX_BIT(b)))) {
        return (stage->bound & INDEX_BIT(b)) != 0; /* its two accumulators are scalars */
    }
    if (plan->loop_rank[a] != plan->loop_rank[b]) { /* as the recurrences have it */
        return plan->loop_rank[b] == 0 ||
               (plan->loop_rank[a] != 0 && plan->loop_rank[a] < plan->loop_rank[b]);
    }
    if (costs->cost[a] != costs->cost[b]) {
        return costs->cost[a] > costs->cost[b];
    }
    if (a_bound != b_bound) {
        return b_bound;
    }
    const Output *output = stage->output ? stage->output : stored_as(plan, stage);
    unsigned p = axis_of(output, a);
    unsigned q = axis_of(output, b);
    return p != q ? p < q : a < b;
}

/* If the innermost loop reduces, all loops that reduce go inside: the accumulator is a register. */
static void sums_inside(const Plan *plan, Stage *stage) {
    IndexSet reduces = stage->bound & ~plan->rows & ~stage->fixed;
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        reduces &= plan->loop_rank[x] ? ~INDEX_BIT(x) : ~(IndexSet)0;
    }
    unsigned last = stage->order_count;
    while (last > 0 && (stage->fixed & INDEX_BIT(stage->order[last - 1]))) {
        last--;
    }
    bool register_sum = stage->kind == STAGE_SUM || stage->kind == STAGE_MAX;
    if (!register_sum || last == 0 || !(reduces & INDEX_BIT(stage->order[last - 1]))) {
        return;
    }
    Index order[INDEX_LIMIT];
    unsigned count = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned k = 0; k < last; k++) {
            if (((reduces & INDEX_BIT(stage->order[k])) != 0) == (pass == 1)) {
                order[count++] = stage->order[k];
            }
        }
    }
    for (unsigned k = 0; k < last; k++) {
        stage->order[k] = order[k];
    }
}

/* The loops of a recurrence that it is part of are outside. */
static void whole_first(Stage *stage) {
    Index order[INDEX_LIMIT];
    unsigned count = stage->whole_count;
    IndexSet first = 0;
    for (unsigned k = 0; k < count; k++) {
        order[k] = stage->whole[k];
        first |= INDEX_BIT(order[k]);
    }
    for (unsigned k = 0; k < stage->order_count; k++) {
        if (!(first & INDEX_BIT(stage->order[k]))) {
            order[count++] = stage->order[k];
        }
    }
    for (unsigned k = 0; k < count; k++) {
        stage->order[k] = order[k];
    }
}

void order_loops(Plan *plan, Stage *stage) {
    Costs costs = {{0}};
    if (__builtin_popcountll(stage->loops & ~plan->rows) > 1) {
        add_reads(plan, stage, &costs);
        add_writes(plan, stage, &costs);
        for (Index x = 0; x < INDEX_LIMIT; x++) {
            int64_t extent;
            if ((stage->loops & INDEX_BIT(x)) &&
                dim_value(plan->ir, ir_index_dim(plan->ir, x), &extent) && extent <= 4) {
                costs.cost[x] += COST_SHORT;
            }
        }
    }
    stage->order_count = 0;
    for (Index x = 0; x < INDEX_LIMIT; x++) {
        if (!(stage->loops & INDEX_BIT(x))) {
            continue;
        }
        unsigned at = stage->order_count++;
        while (at > 0 && outside(plan, stage, &costs, x, stage->order[at - 1])) {
            stage->order[at] = stage->order[at - 1];
            at--;
        }
        stage->order[at] = x;
    }
    sums_inside(plan, stage);
    whole_first(stage);
}
