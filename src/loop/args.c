/* args.c: the arguments of the function in the order of its interface, a buffer for each array
 * behind them, and the work space. */
#include "loop/plan.h"

#include <string.h>

/* ---- names, variables, buffers
 * ---------------------------------------------------------------------------- */

/* Where the name is in the table, or the free place where it belongs. */
static size_t name_at(const Plan *plan, const char *name) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (const char *c = name; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001B3);
    }
    size_t at = (hash ^ (hash >> 32)) & (plan->name_size - 1);
    while (plan->names[at].name && strcmp(plan->names[at].name, name) != 0) {
        at = (at + 1) & (plan->name_size - 1);
    }
    return at;
}

static void names_grow(Plan *plan) {
    size_t old_size = plan->name_size;
    const UsedName *old = plan->names;
    plan->name_size = old_size ? old_size * 2 : 64;
    plan->names = arena_array(plan->arena, UsedName, plan->name_size);
    for (size_t k = 0; k < old_size; k++) {
        if (old[k].name) {
            plan->names[name_at(plan, old[k].name)] = old[k];
        }
    }
}

const char *plan_name(Plan *plan, const char *name) {
    if (2 * (plan->name_count + 1) > plan->name_size) {
        names_grow(plan);
    }
    const char *made = loop_c_name(plan->arena, name);
    const char *stem = made;
    size_t first = name_at(plan, stem);
    size_t at = first;
    while (plan->names[at].name) { /* a number that was in use stays so */
        unsigned number = 2 + plan->names[first].numbers++;
        made = arena_format(plan->arena, "%s_%u", stem, number);
        at = name_at(plan, made);
    }
    plan->names[at].name = made;
    plan->name_count++;
    return made;
}

VarId plan_var(Plan *plan, const char *name, Kind kind, Block *block) {
    LoopProgram *program = plan->program;
    size_t count = program->var_count;
    program->vars =
        arena_grow(plan->arena, program->vars, count, &plan->var_capacity, sizeof *program->vars);
    plan->var_facts = arena_grow(plan->arena, plan->var_facts, count, &plan->var_facts_capacity,
                                 sizeof *plan->var_facts);
    memset(&plan->var_facts[count], 0, sizeof *plan->var_facts);
    plan->var_facts[count].block = block;
    program->vars[count].name = name;
    program->vars[count].kind = kind;
    return (VarId)program->var_count++;
}

BufferId plan_buffer(Plan *plan, LoopBuffer buffer, Block *block) {
    LoopProgram *program = plan->program;
    size_t count = program->buffer_count;
    program->buffers = arena_grow(plan->arena, program->buffers, count, &plan->buffer_capacity,
                                  sizeof *program->buffers);
    plan->buffer_facts = arena_grow(plan->arena, plan->buffer_facts, count,
                                    &plan->buffer_facts_capacity, sizeof *plan->buffer_facts);
    memset(&plan->buffer_facts[count], 0, sizeof *plan->buffer_facts);
    plan->buffer_facts[count].block = block;
    program->buffers[count] = buffer;
    return (BufferId)program->buffer_count++;
}

/* ---- which arguments
 * ------------------------------------------------------------------------------------------ */

Dim leaf_size(const Plan *plan, const Leaf *leaf) {
    Dim size = dim_const(plan->ir, 1);
    for (unsigned k = 0; k < leaf->rank; k++) {
        size = dim_mul(plan->ir, size, leaf->shape[k]);
    }
    return size;
}

typedef struct {
    bool *leaf;   /* is read */
    bool *symbol; /* a size that occurs */
    bool init;    /* writes the params' starts */
} Used;

static void use_dim(Plan *plan, Used *used, Dim dim) {
    const char *word = dim_rpn(plan->ir, dim);
    while (*word) {
        size_t length = strcspn(word, " ");
        bool operator= length == 1 && strchr("+-*%/", word[0]);
        bool digits = (word[0] >= '0' && word[0] <= '9') || (word[0] == '-' && length > 1);
        if (!operator&& !digits && strncmp(word, "//", 2) != 0) {
            Dim symbol = dim_symbol(plan->ir, intern(plan->ir->names, word, length));
            used->symbol[dim_symbol_number(plan->ir, symbol)] = true;
        }
        word += length;
        word += strspn(word, " ");
    }
}

static void use_leaf_shape(Plan *plan, Used *used, size_t k) {
    const Leaf *leaf = &plan->ir->leaves[k];
    for (unsigned a = 0; a < leaf->rank; a++) {
        use_dim(plan, used, leaf->shape[a]);
    }
}

static void use_node(Plan *plan, Used *used, const Node *node) {
    if (node->op == OP_LEAF) {
        used->leaf[node->as.leaf] = true;
    }
    if (node->op == OP_SIZE) {
        use_dim(plan, used, node->as.dim);
    }
    for (uint32_t k = 0; node->op == OP_ARRAY && k < node->as.indices.count; k++) {
        use_dim(plan, used, ir_index_dim(plan->ir, node->as.indices.list[k]));
    }
}

static void find_used(Plan *plan, Used *used) {
    Ir *ir = plan->ir;
    used->leaf = arena_array(plan->arena, bool, ir->leaf_count + 1);
    used->symbol = arena_array(plan->arena, bool, dim_symbol_count(ir) + 1);
    for (Ref v = 1; v < plan->node_count; v++) {
        if (plan->reached[v]) {
            use_node(plan, used, ir_node(ir, v));
        }
    }
    for (size_t s = 0; s < plan->stage_count; s++) {
        for (Index x = 0; x < INDEX_LIMIT; x++) {
            bool target = plan->stages[s]->kind == STAGE_DEPOSIT &&
                          (ir_free(ir, plan->stages[s]->value) & INDEX_BIT(x));
            if (target || (plan->stages[s]->loops & INDEX_BIT(x))) {
                use_dim(plan, used, ir_index_dim(ir, x));
            }
        }
    }
    bool seed = false;
    bool params_read = false;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        seed = seed || ir->leaves[k].role == LEAF_SEED;
        params_read = params_read || (ir->leaves[k].role == LEAF_PARAM && used->leaf[k]);
    }
    bool gradients = ir->output_count > 0;
    bool any_gradient = false;
    for (size_t k = 0; k < ir->output_count; k++) {
        gradients = gradients && ir->outputs[k].role == OUT_GRADIENT;
        if (ir->outputs[k].role == OUT_GRADIENT) {
            for (unsigned a = 0; a < ir->outputs[k].rank; a++) {
                use_dim(plan, used, ir_index_dim(ir, ir->outputs[k].axes[a]));
            }
            if (ir->outputs[k].sink == SINK_UPDATE) {
                used->leaf[ir->outputs[k].leaf] = true;
            }
            any_gradient = true;
        }
    }
    for (size_t l = 0; any_gradient && l < ir->leaf_count; l++) {
        use_leaf_shape(plan, used, l); /* offsets are sums of sizes */
    }
    used->init = seed && gradients && !params_read;
    /* offsets of params and tangents; and in C the shapes of all arguments */
    for (size_t k = 0; k < ir->leaf_count; k++) {
        if (!plan->options->trainer || ir->leaves[k].role == LEAF_PARAM ||
            ir->leaves[k].role == LEAF_TANGENT || used->leaf[k]) {
            use_leaf_shape(plan, used, k);
        }
    }
}

static uint32_t add_arg(Plan *plan, ArgRole role, CType type, uint32_t which, const char *name) {
    LoopProgram *program = plan->program;
    program->args = arena_grow(plan->arena, program->args, program->arg_count, &plan->arg_capacity,
                               sizeof *program->args);
    LoopArg *arg = &program->args[program->arg_count];
    arg->role = role;
    arg->type = type;
    arg->which = which;
    arg->name = plan_name(plan, name);
    return (uint32_t)program->arg_count++;
}

static void add_dims(Plan *plan, const Used *used) {
    Ir *ir = plan->ir;
    plan->symbol_arg = arena_array(plan->arena, int, dim_symbol_count(ir) + 1);
    for (size_t k = 0; k < dim_symbol_count(ir); k++) {
        Dim symbol = dim_symbol_at(ir, k);
        int64_t value;
        plan->symbol_arg[k] = -1;
        bool named = symbol != ir->sample_dim && symbol != ir->total_dim &&
                     !(plan->ragged && !plan->options->trainer && symbol == ir->rows_dim);
        if (used->symbol[k] && named && !dim_value(ir, symbol, &value)) {
            Name name = NULL;
            dim_is_symbol(ir, symbol, &name);
            plan->symbol_arg[k] =
                (int)add_arg(plan, ARG_DIM, C_SIZE, (uint32_t)k, name ? name : "size");
        }
    }
}

/* An argument for each leaf of the role, or one for all of them. */
static void add_leaves(Plan *plan, const Used *used, LeafRole role, bool all) {
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        const Leaf *leaf = &plan->ir->leaves[k];
        if (leaf->role != role || (!all && !used->leaf[k])) {
            continue;
        }
        bool whole = leaf->kind == KIND_INT;
        CType pointer = whole ? C_CONST_INT64_PTR : C_CONST_REAL_PTR;
        ArgRole kind = role == LEAF_DATA     ? ARG_DATA
                       : role == LEAF_COLUMN ? ARG_COLUMN
                       : leaf->rank == 0     ? ARG_SCALAR
                                             : ARG_ARRAY;
        CType type = kind == ARG_SCALAR ? (whole ? C_INT64 : C_REAL) : pointer;
        plan->leaf_arg[k] = (int)add_arg(plan, kind, type, (uint32_t)k, leaf->name);
    }
}

static void add_shared(Plan *plan, const Used *used, LeafRole leaf_role, ArgRole role, CType type,
                       const char *name, bool always) {
    bool wanted = false;
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        wanted = wanted || (plan->ir->leaves[k].role == leaf_role && (always || used->leaf[k]));
    }
    if (!wanted) {
        return;
    }
    int arg = (int)add_arg(plan, role, type, 0, name);
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        if (plan->ir->leaves[k].role == leaf_role) {
            plan->leaf_arg[k] = arg;
        }
    }
}

static bool updates_params(const Plan *plan) {
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        if (plan->ir->outputs[k].sink == SINK_UPDATE) {
            return true;
        }
    }
    return false;
}

static int find_arg(const Plan *plan, ArgRole role) {
    for (size_t k = 0; k < plan->program->arg_count; k++) {
        if (plan->program->args[k].role == role) {
            return (int)k;
        }
    }
    return -1;
}

static void add_outputs(Plan *plan, bool gradients, const char *gradient_name) {
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        if (output->sink == SINK_UPDATE || output->role == OUT_VALUE ||
            output->role == OUT_MATRIX) {
            continue;
        }
        if (output->role != OUT_GRADIENT && !gradients) {
            add_arg(plan, ARG_OUTPUT, C_REAL_PTR, (uint32_t)k, output->name);
        } else if (output->role == OUT_GRADIENT && gradients && find_arg(plan, ARG_GRADIENT) < 0) {
            add_arg(plan, ARG_GRADIENT, C_REAL_PTR, 0, gradient_name);
        }
    }
}

static void add_matrix(Plan *plan) {
    size_t first = matrix_first(plan);
    if (first < plan->ir->output_count) {
        const char *name = plan->ir->outputs[first].name; /* hessian.x.x */
        name = arena_copy(plan->arena, name, strcspn(name, "."));
        add_arg(plan, ARG_MATRIX, C_REAL_PTR, (uint32_t)first, name);
    }
}

/* A gradient along a direction is a Hessian times a vector. */
static bool is_product(const Plan *plan) {
    bool tangent = false;
    bool gradient = false;
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        tangent = tangent || plan->ir->leaves[k].role == LEAF_TANGENT;
    }
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        gradient = gradient || plan->ir->outputs[k].role == OUT_GRADIENT;
    }
    return tangent && gradient;
}

static void add_rows(Plan *plan, const Used *used) {
    Ir *ir = plan->ir;
    int64_t value;
    if (ir->sample_dim != DIM_NONE && !dim_value(ir, ir->sample_dim, &value)) {
        plan->rows_arg = (int)add_arg(plan, ARG_ROWS, C_SIZE, 0, "m");
    }
    if (ir->total_dim != DIM_NONE && used->symbol[dim_symbol_number(ir, ir->total_dim)]) {
        plan->total_arg = (int)add_arg(plan, ARG_TOTAL, C_SIZE, 0, "total");
    }
}

static const char *flat_in(const Plan *plan) {
    return plan->ir->flat_in ? plan->ir->flat_in : "params";
}

static const char *flat_out(const Plan *plan) {
    return plan->ir->flat_out ? plan->ir->flat_out : is_product(plan) ? "hv" : "grad";
}

/* Where the rows of each sample are. */
static void add_sample_rows(Plan *plan) {
    Name name = "rows";
    if (!plan->ragged) {
        return;
    }
    dim_is_symbol(plan->ir, plan->ir->rows_dim, &name);
    if (plan->options->trainer) {
        plan->starts_arg = (int)add_arg(plan, ARG_STARTS, C_CONST_INT64_PTR, 0, "starts");
    } else {
        plan->lengths_arg = (int)add_arg(plan, ARG_LENGTHS, C_CONST_SIZE_PTR, 0, name);
    }
}

static void c_arguments(Plan *plan, const Used *used) {
    add_dims(plan, used);
    if (used->init) {
        add_outputs(plan, true, "params");
        add_leaves(plan, used, LEAF_DATA, false); /* of bounds */
        add_shared(plan, used, LEAF_SEED, ARG_SEED, C_UINT64, "seed", true);
        return;
    }
    bool writes = updates_params(plan);
    add_shared(plan, used, LEAF_PARAM, ARG_PARAMS, writes ? C_REAL_PTR : C_CONST_REAL_PTR,
               flat_in(plan), true);
    add_shared(plan, used, LEAF_CONST, ARG_CONSTS, C_CONST_REAL_PTR, "consts", false);
    add_leaves(plan, used, LEAF_DATA, false);
    add_rows(plan, used);
    add_sample_rows(plan);
    if (plan->ir->per_sample && (!plan->ragged || plan->options->trainer)) {
        plan->order_arg = (int)add_arg(plan, ARG_ORDER, C_CONST_INT64_PTR, 0, "order");
    }
    add_leaves(plan, used, LEAF_COLUMN, true);
    add_leaves(plan, used, LEAF_ARGUMENT, true);
    add_shared(plan, used, LEAF_SEED, ARG_SEED, C_UINT64, "seed", false);
    if (writes) {
        plan->rate_arg = (int)add_arg(plan, ARG_RATE, C_REAL, 0, "rate");
    }
    add_shared(plan, used, LEAF_TANGENT, ARG_TANGENT, C_CONST_REAL_PTR,
               is_product(plan) ? "v" : "direction", true);
    add_outputs(plan, false, NULL);
    add_outputs(plan, true, flat_out(plan));
    add_matrix(plan);
}

static void trainer_arguments(Plan *plan, const Used *used) {
    add_dims(plan, used);
    bool writes = updates_params(plan);
    add_shared(plan, used, LEAF_CONST, ARG_CONSTS, C_CONST_REAL_PTR, "consts", false);
    if (!used->init) {
        add_shared(plan, used, LEAF_PARAM, ARG_PARAMS, writes ? C_REAL_PTR : C_CONST_REAL_PTR,
                   flat_in(plan), false);
    }
    add_leaves(plan, used, LEAF_DATA, false);
    add_rows(plan, used);
    add_sample_rows(plan);
    if (plan->ir->per_sample && (!plan->ragged || plan->options->trainer)) {
        plan->order_arg = (int)add_arg(plan, ARG_ORDER, C_CONST_INT64_PTR, 0, "order");
    }
    add_leaves(plan, used, LEAF_COLUMN, false);
    add_leaves(plan, used, LEAF_ARGUMENT, false);
    add_shared(plan, used, LEAF_SEED, ARG_SEED, C_UINT64, "seed", false);
    if (writes) {
        plan->rate_arg = (int)add_arg(plan, ARG_RATE, C_REAL, 0, "rate");
    }
    add_shared(plan, used, LEAF_TANGENT, ARG_TANGENT, C_CONST_REAL_PTR, "direction", false);
    add_outputs(plan, true, used->init ? "params" : flat_out(plan));
    add_outputs(plan, false, NULL);
    add_matrix(plan);
}

/* ---- buffers behind arguments
 * ------------------------------------------------------------------------------------ */

static const LoopExpr *offset_expr(Plan *plan, Dim offset) {
    const LoopExpr *made = x_dim(plan, offset);
    return made->kind == LX_INT && made->as.integer == 0 ? NULL : made;
}

static BufferId arg_buffer(Plan *plan, const char *name, Kind kind, int arg, Dim offset,
                           bool shared) {
    LoopBuffer buffer = {
        .name = shared ? plan_name(plan, name) : plan->program->args[arg].name,
        .kind = kind,
        .place = BUFFER_ARG,
        .arg = (uint32_t)arg,
        .offset = shared ? offset_expr(plan, offset) : NULL,
    };
    return plan_buffer(plan, buffer, plan->root_block);
}

BufferId arg_order_buffer(Plan *plan) {
    return arg_buffer(plan, "order", KIND_INT, plan->order_arg, dim_const(plan->ir, 0), false);
}

BufferId arg_rows_buffer(Plan *plan) {
    int arg = plan->starts_arg >= 0 ? plan->starts_arg : plan->lengths_arg;
    const char *name = plan->program->args[arg].name;
    return arg_buffer(plan, name, KIND_INT, arg, dim_const(plan->ir, 0), false);
}

bool dim_is_ragged(const Plan *plan, Dim dim) {
    return plan->ragged && dim_mentions(plan->ir, dim, plan->ir->rows_dim);
}

bool is_ragged(const Plan *plan, const Dim *shape, unsigned rank) {
    return plan->ragged && rank >= 2 && shape[0] == plan->ir->sample_dim &&
           shape[1] == plan->ir->rows_dim;
}

static bool is_flat(LeafRole role) {
    return role == LEAF_PARAM || role == LEAF_CONST || role == LEAF_TANGENT;
}

static void leaf_buffers(Plan *plan, const Used *used) {
    Dim next[LEAF_SEED + 1];
    for (int r = 0; r <= LEAF_SEED; r++) {
        next[r] = dim_const(plan->ir, 0);
    }
    for (size_t k = 0; k < plan->ir->leaf_count; k++) {
        const Leaf *leaf = &plan->ir->leaves[k];
        Dim offset = next[leaf->role];
        bool flat = is_flat(leaf->role);
        if (flat) {
            next[leaf->role] = dim_add(plan->ir, offset, leaf_size(plan, leaf));
        }
        bool scalar = leaf->role == LEAF_SEED || (leaf->role == LEAF_ARGUMENT && leaf->rank == 0);
        if (scalar || !used->leaf[k] || plan->leaf_arg[k] < 0) {
            continue;
        }
        plan->leaf_buffer[k] =
            arg_buffer(plan, leaf->name, leaf->kind == KIND_INT ? KIND_INT : KIND_REAL,
                       plan->leaf_arg[k], offset, flat);
        plan->leaf_has_buffer[k] = true;
        plan->buffer_facts[plan->leaf_buffer[k]].class_dim = leaf->class_dim;
        plan->program->buffers[plan->leaf_buffer[k]].written = plan->leaf_updated[k];
    }
}

/* ---- places of outputs
 * ---------------------------------------------------------------------------------------- */

Dim output_extent(const Plan *plan, const Output *output, unsigned first, unsigned end) {
    Dim size = dim_const(plan->ir, 1);
    for (unsigned k = first; k < end; k++) {
        size = dim_mul(plan->ir, size, ir_index_dim(plan->ir, output->axes[k]));
    }
    return size;
}

const LoopExpr *ragged_index(Plan *plan, const LoopExpr *const *positions, const Dim *dims,
                             unsigned rank) {
    const LoopExpr *at[RANK_LIMIT];
    memcpy(at, positions, rank * sizeof *at);
    at[1] = x_call2(plan, BI_add, plan->sample_start, at[1]);
    return x_index(plan, at + 1, dims + 1, rank - 1);
}

const LoopExpr *output_index(Plan *plan, const Output *output, const LoopExpr *const *positions,
                             const Dim *dims) {
    const unsigned rows = output->row_axes;
    if (output->role != OUT_GRADIENT && is_ragged(plan, dims, output->rank)) {
        return ragged_index(plan, positions, dims, output->rank);
    }
    if (output->role != OUT_MATRIX) {
        return x_index(plan, positions, dims, output->rank);
    }
    const LoopExpr *row = x_index(plan, positions, dims, rows);
    const LoopExpr *column = x_index(plan, positions + rows, dims + rows, output->rank - rows);
    row = x_call2(plan, BI_mul, row, x_dim(plan, output->stride));
    return x_call2(plan, BI_add, row, column);
}

size_t matrix_first(const Plan *plan) {
    size_t k = 0;
    while (k < plan->ir->output_count && plan->ir->outputs[k].role != OUT_MATRIX) {
        k++;
    }
    return k;
}

Dim matrix_size(const Plan *plan) {
    Dim size = dim_const(plan->ir, 0);
    size_t first = matrix_first(plan);
    for (size_t k = first; k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        if (output->role == OUT_MATRIX && output->leaf == plan->ir->outputs[first].leaf) {
            Dim rows = output_extent(plan, output, 0, output->row_axes);
            size = dim_add(plan->ir, size, dim_mul(plan->ir, rows, output->stride));
        }
    }
    return size;
}

static void matrix_buffers(Plan *plan) {
    for (size_t k = matrix_first(plan); k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        if (output->role == OUT_MATRIX) {
            plan->output_buffer[k] = arg_buffer(plan, output->name, KIND_REAL,
                                                find_arg(plan, ARG_MATRIX), output->offset, true);
            plan->program->buffers[plan->output_buffer[k]].written = true;
        }
    }
}

static void output_buffers(Plan *plan, bool init) {
    Dim offset = dim_const(plan->ir, 0);
    int gradient = find_arg(plan, ARG_GRADIENT);
    const char *flat = flat_out(plan);
    for (size_t k = 0; k < plan->ir->output_count; k++) {
        const Output *output = &plan->ir->outputs[k];
        Dim at = offset;
        if (output->role == OUT_GRADIENT) {
            offset = dim_add(plan->ir, offset, output_extent(plan, output, 0, output->rank));
        }
        if (output->sink == SINK_UPDATE) {
            plan->output_buffer[k] = plan->leaf_buffer[output->leaf];
            continue;
        }
        if (output->role == OUT_GRADIENT) {
            bool gradient_of = !init && !plan->ir->flat_out;
            const char *name = gradient_of ? arena_format(plan->arena, "%s_%s", flat,
                                                          plan->ir->leaves[output->leaf].name)
                                           : arena_format(plan->arena, "%s_%s", flat, output->name);
            name = init ? output->name : name;
            plan->output_buffer[k] = arg_buffer(plan, name, KIND_REAL, gradient, at, true);
            plan->program->buffers[plan->output_buffer[k]].written = true;
        }
        for (size_t a = 0; output->role != OUT_GRADIENT && a < plan->program->arg_count; a++) {
            const LoopArg *arg = &plan->program->args[a];
            if (arg->role == ARG_OUTPUT && arg->which == k) {
                plan->output_buffer[k] = arg_buffer(plan, arg->name, KIND_REAL, (int)a, at, false);
                plan->program->buffers[plan->output_buffer[k]].written = true;
            }
        }
    }
}

void args_make(Plan *plan) {
    Used used = {0};
    find_used(plan, &used);
    size_t leaves = plan->ir->leaf_count + 1;
    plan->leaf_arg = arena_array(plan->arena, int, leaves);
    plan->leaf_buffer = arena_array(plan->arena, BufferId, leaves);
    plan->leaf_has_buffer = arena_array(plan->arena, bool, leaves);
    plan->leaf_var = arena_array(plan->arena, VarId, leaves);
    plan->leaf_has_var = arena_array(plan->arena, bool, leaves);
    plan->output_buffer = arena_array(plan->arena, BufferId, plan->ir->output_count + 1);
    for (size_t k = 0; k < leaves; k++) {
        plan->leaf_arg[k] = -1;
    }
    plan->starts_arg = plan->lengths_arg = -1;
    plan->rows_arg = plan->total_arg = plan->order_arg = plan->rate_arg = plan->work_arg = -1;
    if (plan->options->trainer) {
        trainer_arguments(plan, &used);
    } else {
        c_arguments(plan, &used);
    }
    leaf_buffers(plan, &used);
    output_buffers(plan, used.init);
    matrix_buffers(plan);
}

/* ---- work space
 * ---------------------------------------------------------------------------------------------------------
 */

enum { LOCAL_LIMIT = 16384 }; /* bytes */

/* The RPN text of a size, with rows as "m". */
static const char *work_rpn(Plan *plan, Dim size) {
    Name rows = NULL;
    const char *word = dim_rpn(plan->ir, size);
    if (plan->ir->sample_dim == DIM_NONE || !dim_is_symbol(plan->ir, plan->ir->sample_dim, &rows)) {
        return word;
    }
    Text text;
    text_init(&text, plan->arena);
    while (*word) {
        size_t length = strcspn(word, " ");
        bool is_rows = strlen(rows) == length && strncmp(word, rows, length) == 0;
        text_add_bytes(&text, is_rows ? "m" : word, is_rows ? 1 : length);
        word += length;
        size_t blanks = strspn(word, " ");
        text_add_bytes(&text, word, blanks);
        word += blanks;
    }
    return text.data;
}

/* Puts the buffer on the stack while that has room for it. */
static bool place_locally(const Plan *plan, size_t k, int64_t *left) {
    LoopBuffer *buffer = &plan->program->buffers[k];
    const int bytes = loop_bytes(plan->program, buffer->kind);
    int64_t size;
    if (!dim_value(plan->ir, dim_room(plan->ir, plan->buffer_facts[k].size), &size) ||
        size > *left / bytes) {
        return false;
    }
    *left -= size * bytes;
    buffer->place = BUFFER_LOCAL;
    buffer->size = size;
    return true;
}

/* Whole numbers, whose entries may be longer than reals, come before these, so that all are
 * aligned; offsets count entries of their own buffer. */
void args_work(Plan *plan) {
    LoopProgram *program = plan->program;
    const int real = loop_bytes(program, KIND_REAL);
    int64_t left = LOCAL_LIMIT;
    Dim work = dim_const(plan->ir, 0);
    for (int bytes = sizeof(int64_t); bytes >= real; bytes /= 2) {
        Dim before = bytes == real ? work : dim_const(plan->ir, 0);
        for (size_t n = 0; n < 2 * program->buffer_count; n++) { /* those of whole vectors first */
            const size_t k = n % program->buffer_count;
            LoopBuffer *buffer = &program->buffers[k];
            if (buffer->place == BUFFER_ARG || plan->buffer_facts[k].dead ||
                plan->buffer_facts[k].lanes != (n < program->buffer_count) ||
                loop_bytes(program, buffer->kind) != bytes || place_locally(plan, k, &left)) {
                continue;
            }
            if (plan->work_arg < 0) {
                plan->work_arg = (int)add_arg(plan, ARG_WORK, C_REAL_PTR, 0, "work");
            }
            Dim entries = dim_room(plan->ir, plan->buffer_facts[k].size);
            buffer->place = BUFFER_WORK;
            buffer->arg = (uint32_t)plan->work_arg;
            buffer->offset = offset_expr(plan, before);
            before = dim_add(plan->ir, before, entries);
            work = dim_add(plan->ir, work,
                           dim_mul(plan->ir, entries, dim_const(plan->ir, bytes / real)));
        }
    }
    if (plan->work_arg >= 0) {
        program->work_rpn = work_rpn(plan, work);
        program->work_text = dim_text(plan->ir, work);
        program->work_size = x_dim(plan, work);
    }
}
