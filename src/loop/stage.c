/* stage.c: which values are computed once and kept (stages), and what each stage needs. Reductions
 * always; an elementwise value if it is dear and would be computed in several stages or once too
 * often in one. */
#include "loop/plan.h"

#include <string.h>

enum { DEAR = 8, FAIR = 2, DEPTH_LIMIT = 40 };

typedef struct {
    double *cost;
    bool *stored;
    bool *merged; /* an inner sum, done by the outer one */
    uint8_t *depth;
    bool *deep;
    bool *on_sum; /* made of a sum that nothing else reads */
    bool *carrier;
    uint32_t *reader; /* stage that reads it: 0 none, number + 1, or MANY */
    IndexSet *loops;  /* of all stages that read it */
} Select;

static const uint32_t MANY = UINT32_MAX;

/* ---- shapes of stages
 * --------------------------------------------------------------------------------- */

static bool is_reduction(Op op) {
    return op == OP_SUM || op == OP_MAX || op == OP_ARGMAX || op == OP_DEPOSIT || op == OP_LIB;
}

static bool never_stored(const Node *node) {
    switch (node->op) {
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_ARRAY:
    case OP_GUARD:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
        return true;
    case OP_CALL:
    case OP_EXTERN:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_READ:
        return node->kind != KIND_REAL || node->rank > 0;
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_LIB:
    case OP_VAR:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return false;
}

/* `waiting`: conditions that are still to be added; past the room that there is an `and` stays
 * whole. */
static void add_conds(Plan *plan, Stage *stage, Ref cond, size_t waiting) {
    const Node *node = ir_node(plan->ir, cond);
    if (node->op == OP_CALL && node->as.builtin == BI_and && stage->cond_count + waiting < 32) {
        add_conds(plan, stage, node->args[0], waiting + 1);
        add_conds(plan, stage, node->args[1], waiting);
        return;
    }
    if (stage->cond_count == 64) {
        ice("loop", "a value stands under too many conditions");
    }
    if (!stage->conds) {
        stage->conds = arena_array(plan->arena, Ref, 64);
    }
    stage->conds[stage->cond_count++] = cond;
}

/* Strips guards and sums that belong to the stage from its body. */
static void strip(Plan *plan, Stage *stage, const bool *merged) {
    for (;;) {
        const Node *node = ir_node(plan->ir, stage->body);
        if (node->op == OP_GUARD && stage->cond_count < 48 && !plan->stage_of[stage->body]) {
            add_conds(plan, stage, node->args[0], 0);
            stage->body = node->args[1];
        } else if (node->op == OP_SUM && merged && merged[stage->body]) {
            stage->bound |= INDEX_BIT(node->as.index);
            stage->body = node->args[0];
        } else {
            return;
        }
    }
}

static Stage *new_stage(Plan *plan, StageKind kind, Ref value) {
    Stage *stage = arena_new(plan->arena, Stage);
    stage->kind = kind;
    stage->value = value;
    stage->number = (uint32_t)plan->stage_count;
    plan->stages = arena_grow(plan->arena, plan->stages, plan->stage_count, &plan->stage_capacity,
                              sizeof *plan->stages);
    plan->stages[plan->stage_count++] = stage;
    return stage;
}

static IndexSet update_loops(const Plan *plan, Ref v) {
    return plan->after_update[v] ? plan->updates : 0;
}

static void value_stage(Plan *plan, const Select *select, Ref v) {
    const Node *node = ir_node(plan->ir, v);
    StageKind kind = node->op == OP_SUM       ? STAGE_SUM
                     : node->op == OP_MAX     ? STAGE_MAX
                     : node->op == OP_ARGMAX  ? STAGE_ARGMAX
                     : node->op == OP_DEPOSIT ? STAGE_DEPOSIT
                     : node->op == OP_LIB     ? STAGE_LIB
                                              : STAGE_VALUE;
    Stage *stage = new_stage(plan, kind, v);
    stage->span = node->span;
    stage->free = node->free;
    stage->body = v;
    if (kind == STAGE_SUM || kind == STAGE_MAX || kind == STAGE_ARGMAX) {
        stage->bound = INDEX_BIT(node->as.index);
        stage->body = node->args[0];
    }
    if (kind == STAGE_SUM) {
        strip(plan, stage, select->merged);
    }
    if (kind == STAGE_DEPOSIT) {
        IndexSet targets = 0;
        for (uint32_t k = 0; k < node->as.deposit.count; k++) {
            targets |= INDEX_BIT(node->as.deposit.targets[k]);
        }
        stage->free &= ~targets;
        stage->bound = node->as.deposit.bound;
        stage->body = node->args[0];
        strip(plan, stage, NULL);
    }
    if (kind == STAGE_LIB) {
        stage->bound = lib_targets(node);
        stage->free &= ~stage->bound;
        stage->body = node->args[0];
    }
    stage->loops = stage->free | stage->bound | update_loops(plan, v);
    plan->stage_of[v] = stage;
}

static void output_term(Plan *plan, size_t k, Ref body, Sink sink, bool term) {
    const Output *output = &plan->ir->outputs[k];
    bool returns = output->role == OUT_VALUE;
    Stage *stage = new_stage(plan, returns ? STAGE_RETURN : STAGE_OUTPUT, REF_NONE);
    stage->span = output->span;
    stage->output = output;
    stage->output_number = k;
    stage->sink = sink;
    stage->term = term;
    stage->body = body;
    IndexSet axes = 0;
    for (unsigned a = 0; a < output->rank; a++) {
        axes |= INDEX_BIT(output->axes[a]);
    }
    IndexSet sample = plan->ir->per_sample ? INDEX_BIT(plan->ir->sample_index) : 0;
    stage->free = axes;
    stage->bound = sample & ~axes;
    if (!returns) {
        strip(plan, stage, NULL);
    }
    stage->loops = stage->free | stage->bound;
}

static Stage *carry_stage(Plan *plan, Carry *carry, StageKind kind) {
    Stage *stage = new_stage(plan, kind, REF_NONE);
    bool init = kind == STAGE_INIT;
    stage->carry = carry;
    stage->body = init ? carry->init : carry->step;
    stage->span = ir_node(plan->ir, init ? stage->body : carry->scan)->span;
    stage->free = init ? carry_loops(carry) & ~INDEX_BIT(carry->t) : carry_loops(carry);
    stage->loops = stage->free | carry_sample(plan, carry);
    return stage;
}

static void add_init(Plan *plan, Carry *carry) {
    if (carry->used && !carry->init_stage) {
        carry->init_stage = carry_stage(plan, carry, STAGE_INIT);
    }
}

/* A value that would be kept for nothing else than to be the step is kept as the states. */
static bool is_step(Plan *plan, Ref v) {
    const Node *node = ir_node(plan->ir, v);
    Carry *carry = plan->carry_of_step[v];
    if (!carry || is_reduction(node->op) || node->free != carry_loops(carry) || carry->init > v) {
        return false; /* what the init needs comes before the init */
    }
    if (!carry->step_stage) {
        add_init(plan, carry);
        carry->step_stage = carry_stage(plan, carry, STAGE_STEP);
    }
    plan->stage_of[v] = carry->step_stage;
    return true;
}

static void scan_stages(Plan *plan, Ref scan) {
    for (size_t c = 0; c < plan->carries.count; c++) {
        Carry *carry = plan->carries.list[c];
        if (carry->used && carry->scan == scan) {
            add_init(plan, carry);
            if (!carry->step_stage) {
                carry->step_stage = carry_stage(plan, carry, STAGE_STEP);
            }
        }
    }
}

enum { TERM_LIMIT = UPDATE_TERMS };

/* The terms of a sum; false: too many. */
static bool find_terms(const Plan *plan, Ref v, Ref *terms, unsigned *count) {
    const Node *node = ir_node(plan->ir, v);
    if (node->op == OP_CALL && node->as.builtin == BI_add && !plan->stage_of[v]) {
        return find_terms(plan, node->args[0], terms, count) &&
               find_terms(plan, node->args[1], terms, count);
    }
    if (*count == TERM_LIMIT) {
        return false;
    }
    terms[(*count)++] = v;
    return true;
}

/* Is it [x = e] a for an axis x? *constant: e, if it is a constant; else -1. */
static bool is_one_entry(Plan *plan, const Output *output, Ref v, int64_t *constant) {
    Node node = *ir_node(plan->ir, v);
    *constant = -1;
    for (unsigned a = 0; node.op == OP_GUARD && a < output->rank; a++) {
        Ref at = one_hot(plan->ir, node.args[0], output->axes[a]);
        if (at != REF_NONE) {
            const Node *position = ir_node(plan->ir, at);
            *constant = position->op == OP_CONST ? position->as.integer : -1;
            return true;
        }
    }
    return false;
}

static bool is_scatter(const Plan *plan, Ref v) {
    const Stage *stage = plan->stage_of[v];
    return stage && (stage->kind == STAGE_SUM || stage->kind == STAGE_DEPOSIT) &&
           plan->uses[v] == 1;
}

/* Are the terms all entries of a vector, each once? Then nothing needs to be zero first. */
static bool cover_all(const Plan *plan, const Output *output, const int64_t *constants,
                      unsigned count) {
    int64_t extent;
    uint64_t seen = 0;
    if (output->rank != 1 ||
        !dim_value(plan->ir, ir_index_dim(plan->ir, output->axes[0]), &extent) || extent != count) {
        return false;
    }
    for (unsigned k = 0; k < count; k++) {
        if (constants[k] < 0 || constants[k] >= extent || (seen >> constants[k]) & 1) {
            return false;
        }
        seen |= UINT64_C(1) << constants[k];
    }
    return true;
}

static bool has_sample(const Plan *plan, const Output *output) {
    for (unsigned a = 0; a < output->rank; a++) {
        if (output->axes[a] == plan->ir->sample_index) {
            return true;
        }
    }
    return false;
}

/* Has it as many entries for each sample as the sample has rows? */
static bool is_by_rows(const Plan *plan, const Output *output) {
    Dim dims[RANK_LIMIT];
    for (unsigned a = 0; a < output->rank; a++) {
        dims[a] = ir_index_dim(plan->ir, output->axes[a]);
    }
    return output->role != OUT_GRADIENT && is_ragged(plan, dims, output->rank);
}

/* One of the steps of an update. */
static void update_term(Plan *plan, size_t k, Ref v) {
    const Node node = *ir_node(plan->ir, v);
    if (node.op != OP_DEPOSIT) {
        output_term(plan, k, v, SINK_UPDATE, true);
        return;
    }
    output_term(plan, k, node.args[0], SINK_UPDATE, true);
    Stage *stage = plan->stages[plan->stage_count - 1];
    stage->scatter = v;
    for (uint32_t t = 0; t < node.as.deposit.count; t++) {
        stage->free &= ~INDEX_BIT(node.as.deposit.targets[t]);
    }
    stage->bound |= node.as.deposit.bound;
    stage->loops = stage->free | stage->bound;
}

/* An array that is a sum of scatters, or of single entries, is written term by term. */
static void output_stage(Plan *plan, size_t k) {
    const Output *output = &plan->ir->outputs[k];
    Ref terms[TERM_LIMIT];
    int64_t constants[TERM_LIMIT];
    unsigned count = 0;
    unsigned scatters = 0;
    unsigned entries = 0;
    Ref rest;
    unsigned steps = update_terms(plan, output, terms, &rest);
    if (steps > 0) {
        if (rest != REF_NONE) {
            output_term(plan, k, rest, SINK_UPDATE, true);
        }
        for (unsigned t = 0; t < steps; t++) {
            update_term(plan, k, terms[t]);
        }
        return;
    }
    bool whole = output->role == OUT_VALUE || output->sink != SINK_STORE || output->rank == 0 ||
                 is_by_rows(plan, output) || !find_terms(plan, output->value, terms, &count);
    for (unsigned t = 0; !whole && t < count; t++) {
        entries += is_one_entry(plan, output, terms[t], &constants[t]);
        scatters += is_scatter(plan, terms[t]);
    }
    bool adds = plan->ragged && output->role != OUT_VALUE && !has_sample(plan, output);
    if (adds && output->sink == SINK_STORE) {
        plan->output_zeroed[k] = true; /* the sum over the samples */
        output_term(plan, k, output->value, SINK_ADD, true);
        return;
    }
    if (output_is_cleared(plan, output)) {
        plan->output_zeroed[k] = true;
        return;
    }
    if (!adds && output_is_diagonal(plan, output)) {
        plan->output_zeroed[k] = true; /* all of it at once, in the order of memory */
        output_term(plan, k, output->value, SINK_STORE, true);
        return;
    }
    if (whole || count < 2 || (entries == 0 && scatters < 2)) {
        output_term(plan, k, output->value, output->sink, false);
        return;
    }
    bool all = entries == count && cover_all(plan, output, constants, count);
    plan->output_zeroed[k] = !all;
    for (unsigned t = 0; t < count; t++) {
        output_term(plan, k, terms[t], all ? SINK_STORE : SINK_ADD, true);
    }
}

/* ---- costs
 * ----------------------------------------------------------------------------------------------------
 */

static double own_cost(const Node *node) {
    if (node->kind != KIND_REAL) { /* positions leave loops by themselves */
        return node->kind == KIND_BOOL && node->op == OP_CALL;
    }
    switch (node->op) {
    case OP_CALL: {
        BuiltinId f = node->as.builtin;
        double flops = builtins[f].flops;
        return f == BI_maximum || f == BI_minimum ? 2 : flops > 0 ? flops : 1;
    }
    case OP_EXTERN:
        return 50;
    case OP_SELECT:
        return 2;
    case OP_CONVERT:
    case OP_GUARD:
    case OP_READ:
        return 1;
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_ARRAY:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_VAR:
    case OP_DERIV:
    case OP_COUNT:
        break;
    case OP_STATE:
        return node->rank == 0;
    }
    return 0;
}

/* Their operands belong to the stages of the recurrence. */
static bool of_states(Op op) {
    return op == OP_STATE || op == OP_SCAN || op == OP_PICK;
}

/* Upwards: what computing each value takes, given what is stored. Values under very many others are
 * stored, so that expressions have bounded depth. */
static void find_costs(Plan *plan, Select *select) {
    for (Ref v = 1; v < ir_count(plan->ir); v++) {
        const Node *node = ir_node(plan->ir, v);
        if (!plan->reached[v]) {
            continue;
        }
        if (is_reduction(node->op)) {
            select->cost[v] = 1;
            select->depth[v] = 0;
            continue;
        }
        double cost = own_cost(node);
        unsigned depth = 0;
        for (uint32_t k = 0; k < node->arg_count && !of_states(node->op); k++) {
            Ref arg = node->args[k];
            cost += select->stored[arg] ? 1 : select->cost[arg];
            depth = select->depth[arg] > depth ? select->depth[arg] : depth;
        }
        select->deep[v] = !never_stored(node) && depth >= DEPTH_LIMIT;
        select->depth[v] = select->deep[v] ? 0 : (uint8_t)(depth < 200 ? depth + 1 : depth);
        select->cost[v] = cost;
    }
}

static void count_uses(Plan *plan) {
    Ref count = ir_count(plan->ir);
    plan->uses = arena_array(plan->arena, uint32_t, count);
    for (Ref v = 1; v < count; v++) {
        const Node *node = ir_node(plan->ir, v);
        for (uint32_t k = 0; plan->reached[v] && !of_states(node->op) && k < node->arg_count; k++) {
            plan->uses[node->args[k]]++;
        }
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        plan->uses[carry->init] += carry->used;
        plan->uses[carry->step] += carry->used;
    }
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        plan->uses[plan->ir->outputs[k].value]++;
    }
}

/* Σ_i Σ_j a with one use of the inner sum is one stage; under --strict each sum is added up alone,
 * as the IR has it. An index that has a loop in the stage already, or is one of its result's, stays
 * with a sum of its own. */
static void merge_sums(Plan *plan, Select *select) {
    IndexSet *loops = arena_array(plan->arena, IndexSet, ir_count(plan->ir)); /* of the stage */
    for (Ref v = ir_count(plan->ir); v-- > 1 && !plan->options->strict;) {    /* outer sums first */
        const Node *node = ir_node(plan->ir, v);
        if (!plan->reached[v] || node->op != OP_SUM) {
            continue;
        }
        loops[v] = (select->merged[v] ? loops[v] : node->free) | INDEX_BIT(node->as.index);
        Ref inner = node->args[0];
        while (ir_node(plan->ir, inner)->op == OP_GUARD && plan->uses[inner] == 1) {
            inner = ir_node(plan->ir, inner)->args[1];
        }
        const Node *sum = ir_node(plan->ir, inner);
        if (sum->op == OP_SUM && plan->uses[inner] == 1 && !(loops[v] & INDEX_BIT(sum->as.index))) {
            select->merged[inner] = true;
            loops[inner] = loops[v];
        }
    }
}

static void note_reader(Select *select, Ref v, uint32_t reader, IndexSet loops) {
    select->reader[v] = select->reader[v] == 0 || select->reader[v] == reader ? reader : MANY;
    select->loops[v] |= loops;
}

static IndexSet node_loops(const Plan *plan, Ref v) {
    const Node *node = ir_node(plan->ir, v);
    IndexSet loops = node->free | update_loops(plan, v);
    if (node->op == OP_DEPOSIT) {
        for (uint32_t k = 0; k < node->as.deposit.count; k++) {
            loops &= ~INDEX_BIT(node->as.deposit.targets[k]);
        }
        loops |= node->as.deposit.bound;
    } else if (is_reduction(node->op) && node->op != OP_LIB) { /* of which F has the targets */
        loops |= INDEX_BIT(node->as.index);
    }
    return loops;
}

/* b[k] + Σ_j …: keeping such a value rather than the sum takes no more memory, and the sum is a
 * scalar. A sum carries into values of one use with the same indices. */
static void find_carriers(const Plan *plan, Select *select) {
    for (Ref v = 1; v < ir_count(plan->ir); v++) {
        const Node *node = ir_node(plan->ir, v);
        if (!plan->reached[v] || node->kind != KIND_REAL) {
            continue;
        }
        bool on_sum = false;
        for (uint32_t k = 0; k < node->arg_count && !never_stored(node); k++) {
            Ref arg = node->args[k];
            on_sum = on_sum || (select->carrier[arg] && ir_free(plan->ir, arg) == node->free);
        }
        bool sum = is_reduction(node->op) && node->op != OP_DEPOSIT && node->op != OP_LIB;
        select->on_sum[v] = on_sum && !sum;
        select->carrier[v] = plan->uses[v] == 1 && (sum || on_sum);
    }
}

/* A vector for each row at most. */
static bool small(const Plan *plan, const Node *node) {
    return __builtin_popcountll(node->free & ~plan->rows) <= 1;
}

static bool to_be_stored(const Plan *plan, const Select *select, Ref v) {
    const Node *node = ir_node(plan->ir, v);
    if (is_reduction(node->op)) {
        return !select->merged[v];
    }
    if (never_stored(node)) {
        return false;
    }
    bool many = select->reader[v] == MANY;
    bool extra = (select->loops[v] & ~(node->free | update_loops(plan, v))) != 0;
    if (select->deep[v] || (select->on_sum[v] && (many || extra))) {
        return true;
    }
    return (select->cost[v] > DEAR && (extra || many)) ||
           (select->cost[v] > FAIR && extra && small(plan, node));
}

/* Downwards: who reads each value; which are stored. */
static void decide(Plan *plan, Select *select) {
    const Ir *ir = plan->ir;
    Ref count = ir_count(ir);
    memset(select->reader, 0, count * sizeof *select->reader);
    memset(select->loops, 0, count * sizeof *select->loops);
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        IndexSet loops = ir_free(ir, output->value);
        for (unsigned a = 0; a < output->rank; a++) {
            loops |= INDEX_BIT(output->axes[a]);
        }
        note_reader(select, output->value, count + (uint32_t)k, loops);
    }
    for (size_t c = 0; c < plan->carries.count; c++) {
        const Carry *carry = plan->carries.list[c];
        uint32_t reader = count + (uint32_t)(ir->output_count + 2 * c);
        if (carry->used) {
            IndexSet loops = carry_loops(carry);
            note_reader(select, carry->init, reader, loops & ~INDEX_BIT(carry->t));
            note_reader(select, carry->step, reader + 1, loops);
        }
    }
    for (Ref v = count; v-- > 1;) {
        const Node *node = ir_node(ir, v);
        if (!plan->reached[v] || select->reader[v] == 0 || of_states(node->op)) {
            continue;
        }
        select->stored[v] = to_be_stored(plan, select, v);
        IndexSet loops = select->stored[v]   ? node_loops(plan, v)
                         : select->merged[v] ? select->loops[v] | node_loops(plan, v)
                                             : select->loops[v];
        uint32_t reader = select->stored[v] ? v : select->reader[v];
        for (uint32_t k = 0; k < node->arg_count; k++) {
            note_reader(select, node->args[k], reader, loops);
        }
    }
}

/* ---- parameters that the program updates
 * ---------------------------------------------------------------------- */

/* The indices of a set that run over what depends on the rows of a sample. */
static bool any_ragged(const Plan *plan, IndexSet set) {
    for (; set != 0; set &= set - 1) {
        if (dim_is_ragged(plan, ir_index_dim(plan->ir, (Index)__builtin_ctzll(set)))) {
            return true;
        }
    }
    return false;
}

/* Has it another value, or other entries, in a sample of another length? */
static bool depends_on_rows(const Plan *plan, const Node *node) {
    IndexSet bound = node->free;
    if (node->op == OP_SIZE) {
        return dim_is_ragged(plan, node->as.dim);
    }
    if (node->op == OP_SUM || node->op == OP_MAX || node->op == OP_ARGMAX || node->op == OP_LSE) {
        bound |= INDEX_BIT(node->as.index);
    } else if (node->op == OP_DEPOSIT) {
        bound |= node->as.deposit.bound;
    } else if (node->op == OP_SCAN) {
        bound |= INDEX_BIT(node->as.scan.t);
    }
    for (uint32_t k = 0; node->op == OP_ARRAY && k < node->as.indices.count; k++) {
        bound |= INDEX_BIT(node->as.indices.list[k]);
    }
    return any_ragged(plan, bound);
}

static void find_updates(Plan *plan) {
    Ir *ir = plan->ir;
    plan->leaf_updated = arena_array(plan->arena, bool, ir->leaf_count + 1);
    plan->after_update = arena_array(plan->arena, bool, ir_count(ir));
    plan->updates = ir->per_sample ? INDEX_BIT(ir->sample_index) : 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        if (ir->outputs[k].sink == SINK_UPDATE) {
            plan->leaf_updated[ir->outputs[k].leaf] = true;
        }
    }
    bool again = true;
    while (again) { /* a state depends on its step, which comes later */
        again = false;
        for (Ref v = 1; v < ir_count(ir); v++) {
            const Node *node = ir_node(ir, v);
            bool after = (node->op == OP_LEAF && plan->leaf_updated[node->as.leaf]) ||
                         (plan->ragged && depends_on_rows(plan, node));
            for (uint32_t k = 0; k < node->arg_count; k++) {
                after = after || plan->after_update[node->args[k]];
            }
            const Carry *carry = carry_of(plan, v);
            after = after || (carry && plan->after_update[carry->step]);
            bool total =
                (node->op == OP_SUM && node->as.index == ir->sample_index) ||
                (node->op == OP_DEPOSIT && (node->as.deposit.bound & INDEX_BIT(ir->sample_index)));
            after = after && !(plan->ragged && total); /* of all samples */
            again = again || (carry && after && !plan->after_update[v]);
            plan->after_update[v] = after;
        }
    }
}

/* The step of an update reads its own entry at most: else the value is kept first. */
static bool step_reads_others(Plan *plan, const Output *output, Ref body, const bool *stored) {
    bool *in = arena_array(plan->arena, bool, body + 1);
    in[body] = true;
    for (Ref v = body; v > 0; v--) {
        const Node *node = ir_node(plan->ir, v);
        if (!in[v] || stored[v] || !plan->after_update[v] || of_states(node->op)) {
            continue;
        }
        if (node->op == OP_READ) {
            const Node *array = ir_node(plan->ir, node->args[0]);
            if (array->op == OP_LEAF && array->as.leaf != output->leaf) {
                return true;
            }
            if (array->op != OP_LEAF) {
                return true;
            }
            for (uint32_t k = 1; k < node->arg_count; k++) {
                const Node *position = ir_node(plan->ir, node->args[k]);
                if (position->op != OP_INDEX || position->as.index != output->axes[k - 1]) {
                    return true;
                }
            }
            continue;
        }
        if (node->op == OP_LEAF && node->as.leaf != output->leaf) {
            return true;
        }
        for (uint32_t k = 0; k < node->arg_count; k++) {
            in[node->args[k]] = true;
        }
    }
    return false;
}

static void store_steps(Plan *plan, Select *select) {
    update_store(plan, select->stored);
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        Ref terms[UPDATE_TERMS];
        Ref body;
        update_terms(plan, output, terms, &body);
        if (body == REF_NONE) {
            continue;
        }
        while (ir_node(plan->ir, body)->op == OP_GUARD) {
            body = ir_node(plan->ir, body)->args[1];
        }
        if (output->sink == SINK_UPDATE && !select->stored[body] &&
            !never_stored(ir_node(plan->ir, body)) &&
            step_reads_others(plan, output, body, select->stored)) {
            select->stored[body] = true;
        }
    }
}

/* ---- needs
 * -------------------------------------------------------------------------------------------------------
 */

typedef struct {
    bool *in;
    IndexSet *moved; /* indices that stand for another position than their own */
    Ref *waiting;    /* a heap: the largest first */
    size_t count;
    Ref *entered; /* all that were */
    size_t entered_count;
    uint32_t *update;      /* by leaf: a stage that updates it, number + 1; or 0 */
    uint32_t *next_update; /* by stage: the next one of the same leaf; or 0 */
} Cone;

void stage_need(Plan *plan, Stage *stage, Need need) {
    stage->needs = arena_grow(plan->arena, stage->needs, stage->need_count, &stage->need_capacity,
                              sizeof(Need));
    stage->needs[stage->need_count++] = need;
}

static void add_need(Plan *plan, Stage *stage, Stage *on, IndexSet aligned, bool order) {
    stage_need(plan, stage, (Need){.stage = on, .aligned = aligned, .order = order});
}

static void cone_enter(Cone *cone, Ref v, IndexSet moved) {
    cone->moved[v] |= moved;
    if (cone->in[v]) {
        return;
    }
    cone->in[v] = true;
    cone->entered[cone->entered_count++] = v;
    size_t at = cone->count++;
    for (; at > 0 && cone->waiting[(at - 1) / 2] < v; at = (at - 1) / 2) {
        cone->waiting[at] = cone->waiting[(at - 1) / 2];
    }
    cone->waiting[at] = v;
}

/* The largest: all that reads it has been seen. */
static Ref cone_next(Cone *cone) {
    const Ref first = cone->waiting[0];
    const Ref moving = cone->waiting[--cone->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < cone->count && cone->waiting[child + 1] > cone->waiting[child]) {
            child++;
        }
        if (child >= cone->count || cone->waiting[child] <= moving) {
            break;
        }
        cone->waiting[at] = cone->waiting[child];
        at = child;
    }
    cone->waiting[at] = moving;
    return first;
}

static Cone cone_create(const Plan *plan) {
    const Ref count = ir_count(plan->ir);
    Cone cone = {.in = arena_array(plan->arena, bool, count),
                 .moved = arena_array(plan->arena, IndexSet, count),
                 .waiting = arena_array(plan->arena, Ref, count + 1),
                 .entered = arena_array(plan->arena, Ref, count + 1),
                 .update = arena_array(plan->arena, uint32_t, plan->ir->leaf_count + 1),
                 .next_update = arena_array(plan->arena, uint32_t, plan->stage_count + 1)};
    for (size_t s = plan->stage_count; s-- > 0;) {
        const Stage *stage = plan->stages[s];
        if (stage->kind == STAGE_OUTPUT && stage->sink == SINK_UPDATE) {
            cone.next_update[s] = cone.update[stage->output->leaf];
            cone.update[stage->output->leaf] = (uint32_t)s + 1;
        }
    }
    return cone;
}

static IndexSet moved_inside(const Plan *plan, const Node *read, const Node *array,
                             IndexSet moved) {
    IndexSet inside = moved;
    for (uint32_t k = 0; k < array->as.indices.count; k++) {
        Index i = array->as.indices.list[k];
        const Node *position = ir_node(plan->ir, read->args[k + 1]);
        bool same = position->op == OP_INDEX && position->as.index == i && !(moved & INDEX_BIT(i));
        inside = same ? inside & ~INDEX_BIT(i) : inside | INDEX_BIT(i);
    }
    return inside;
}

/* Updates of a leaf come after the stages that read it. */
static void note_leaf_read(Plan *plan, const Cone *cone, Stage *stage, const Node *read,
                           uint32_t leaf, IndexSet moved) {
    for (uint32_t s = cone->update[leaf]; s > 0; s = cone->next_update[s - 1]) {
        Stage *update = plan->stages[s - 1];
        if (update == stage) {
            continue;
        }
        IndexSet aligned = plan->updates;
        for (uint32_t k = 1; k < read->arg_count; k++) {
            const Node *position = ir_node(plan->ir, read->args[k]);
            Index axis = update->output->axes[k - 1];
            if (position->op == OP_INDEX && position->as.index == axis &&
                !(moved & INDEX_BIT(axis)) && (update->free & INDEX_BIT(axis))) {
                aligned |= INDEX_BIT(axis);
            }
        }
        add_need(plan, update, stage, aligned, true);
    }
}

static void cone_step(Plan *plan, Stage *stage, Cone *cone, Ref v) {
    const Node *node = ir_node(plan->ir, v);
    IndexSet moved = cone->moved[v];
    if (plan->stage_of[v] && plan->stage_of[v] != stage) {
        Stage *on = plan->stage_of[v];
        IndexSet same_sample = on->carry   ? carry_sample(plan, on->carry)
                               : on->value ? update_loops(plan, on->value)
                                           : 0;
        add_need(plan, stage, on, (on->free & ~moved) | same_sample, false);
        return;
    }
    if (node->op == OP_READ) {
        const Node *array = ir_node(plan->ir, node->args[0]);
        Carry *carry = carry_of(plan, node->args[0]);
        if (array->op == OP_ARRAY) {
            cone_enter(cone, array->args[0], moved_inside(plan, node, array, moved));
        } else if (carry) {
            bool state = array->op == OP_STATE;
            carry_needs(plan, stage, carry, state ? REF_NONE : node->args[1],
                        node->args + (state ? 1 : 2), moved);
        } else if (array->op == OP_LEAF) {
            if (plan->leaf_updated[array->as.leaf]) {
                note_leaf_read(plan, cone, stage, node, array->as.leaf, moved);
            }
        } else {
            ice("loop", "a read of %%%u, which is no array", (unsigned)node->args[0]);
        }
        for (uint32_t k = 1; k < node->arg_count; k++) {
            cone_enter(cone, node->args[k], moved);
        }
        return;
    }
    if (node->op == OP_STATE) {
        carry_needs(plan, stage, carry_of(plan, v), REF_NONE, NULL, moved);
        return;
    }
    if (node->op == OP_LEAF && plan->leaf_updated[node->as.leaf]) {
        static const Node none = {.op = OP_READ, .arg_count = 1};
        note_leaf_read(plan, cone, stage, &none, node->as.leaf, moved);
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        cone_enter(cone, node->args[k], moved);
    }
}

static void find_needs(Plan *plan, Stage *stage, Cone *cone) {
    cone->count = cone->entered_count = 0;
    cone_enter(cone, stage->body, 0);
    for (unsigned k = 0; k < stage->cond_count; k++) {
        cone_enter(cone, stage->conds[k], 0);
    }
    if (stage->kind == STAGE_DEPOSIT || stage->kind == STAGE_LIB || stage->scatter) {
        const Node *node = ir_node(plan->ir, stage->scatter ? stage->scatter : stage->value);
        for (uint32_t k = 1; k < node->arg_count; k++) {
            cone_enter(cone, node->args[k], 0);
        }
    }
    while (cone->count > 0) {
        cone_step(plan, stage, cone, cone_next(cone));
    }
    if (stage->kind == STAGE_STEP) { /* behind the init, even if it does not read it */
        carry_needs_init(plan, stage);
    }
    for (size_t k = 0; k < cone->entered_count; k++) {
        cone->in[cone->entered[k]] = false;
        cone->moved[cone->entered[k]] = 0;
    }
}

static void find_fixed(Plan *plan, Stage *stage) {
    for (unsigned k = 0; k < stage->cond_count; k++) {
        IndexSet of = ir_free(plan->ir, stage->conds[k]) & stage->loops & ~stage->fixed;
        for (Index x = 0; x < INDEX_LIMIT; x++) {
            if (!(of & INDEX_BIT(x))) {
                continue;
            }
            Ref e = one_hot(plan->ir, stage->conds[k], x);
            if (e != REF_NONE && !(ir_free(plan->ir, e) & stage->fixed) &&
                surely_inside(plan->ir, e, ir_index_dim(plan->ir, x))) {
                stage->fixed |= INDEX_BIT(x);
                break;
            }
        }
    }
}

/* Without samples, an array argument whose first axis no param has is taken for data: one pass over
 * its rows, as over samples. */
static void find_rows(Plan *plan) {
    const Ir *ir = plan->ir;
    unsigned sums[INDEX_LIMIT] = {0};
    unsigned best = 0;
    plan->rows = plan->sample;
    if (plan->rows || plan->carries.count > 0) {
        return;
    }
    for (Ref v = 1; v < plan->node_count; v++) {
        const Node *node = ir_node(ir, v);
        if (plan->reached[v] && node->op == OP_SUM) {
            sums[node->as.index]++;
        }
    }
    for (Ref v = 1; v < plan->node_count; v++) {
        const Node *read = ir_node(ir, v);
        if (!plan->reached[v] || read->op != OP_READ || read->arg_count < 2) {
            continue;
        }
        const Node *array = ir_node(ir, read->args[0]);
        const Node *position = ir_node(ir, read->args[1]);
        bool data = array->op == OP_LEAF && ir->leaves[array->as.leaf].role != LEAF_PARAM &&
                    ir->leaves[array->as.leaf].role != LEAF_TANGENT && position->op == OP_INDEX;
        if (!data || sums[position->as.index] <= best) {
            continue;
        }
        Dim dim = ir_index_dim(ir, position->as.index);
        bool of_params = false;
        for (size_t k = 0; k < ir->leaf_count; k++) {
            for (unsigned a = 0; a < ir->leaves[k].rank; a++) {
                of_params = of_params ||
                            (ir->leaves[k].role == LEAF_PARAM && ir->leaves[k].shape[a] == dim);
            }
        }
        if (!of_params) {
            best = sums[position->as.index];
            plan->rows = INDEX_BIT(position->as.index);
        }
    }
}

/* ---- all
 * ------------------------------------------------------------------------------------------------------------
 */

bool stage_accumulates(const Stage *stage) {
    return stage->kind == STAGE_SUM || stage->kind == STAGE_DEPOSIT ||
           (stage->kind == STAGE_OUTPUT && (stage->term || stage->sink != SINK_STORE));
}

bool stage_select(Plan *plan) {
    Ref count = ir_count(plan->ir);
    plan->node_count = count;
    Select select = {
        .cost = arena_array(plan->arena, double, count),
        .stored = arena_array(plan->arena, bool, count),
        .merged = arena_array(plan->arena, bool, count),
        .depth = arena_array(plan->arena, uint8_t, count),
        .deep = arena_array(plan->arena, bool, count),
        .on_sum = arena_array(plan->arena, bool, count),
        .carrier = arena_array(plan->arena, bool, count),
        .reader = arena_array(plan->arena, uint32_t, count),
        .loops = arena_array(plan->arena, IndexSet, count),
    };
    carry_reach(plan);
    plan->stage_of = arena_array(plan->arena, Stage *, count);
    plan->output_zeroed = arena_array(plan->arena, bool, plan->ir->output_count + 1);
    find_updates(plan);
    count_uses(plan);
    merge_sums(plan, &select);
    find_rows(plan);
    find_carriers(plan, &select);
    for (unsigned round = 0; round < 2; round++) { /* what is stored makes its users cheap */
        find_costs(plan, &select);
        decide(plan, &select);
    }
    store_steps(plan, &select);
    entry_store(plan, select.stored);
    for (Ref v = 1; v < count; v++) {
        const Node *node = ir_node(plan->ir, v);
        if (plan->reached[v] && node->op == OP_STATE) {
            add_init(plan, carry_of(plan, v));
        } else if (plan->reached[v] && node->op == OP_SCAN) {
            scan_stages(plan, v);
        } else if (plan->reached[v] && select.stored[v] && !is_step(plan, v)) {
            value_stage(plan, &select, v);
        }
    }
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        output_stage(plan, k);
    }
    Cone cone = cone_create(plan);
    for (size_t s = 0; s < plan->stage_count; s++) {
        find_needs(plan, plan->stages[s], &cone);
    }
    if (!cycle_find(plan)) {
        return false;
    }
    for (size_t s = 0; s < plan->stage_count; s++) {
        find_fixed(plan, plan->stages[s]);
        order_loops(plan, plan->stages[s]);
    }
    return true;
}
