/* entry.c: the entries: one IR for each C function and each kernel of the trainer. */
#include <string.h>

#include "lower/elaborate.h"

static bool is_kernel(EntryKind kind) {
    return kind != ENTRY_FUNCTION && kind != ENTRY_BATCH_MEAN;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static void add_dims(Lower *lower) {
    const Model *m = lower->model;

    for (size_t k = 0; k < m->dim_count; k++) {
        Dim d = dim_symbol(lower->ir, m->dims[k].name);
        if (m->dims[k].known) {
            dim_bind(lower->ir, d, m->dims[k].value);
        }
    }
}

/* `own_shape`: the leaves are the params as the user sees them. */
static void add_leaves(Lower *lower, bool own_shape) {
    const Model *m = lower->model;

    lower->params = arena_array(lower->arena, Ref, m->param_count + 1);
    lower->leaves = arena_array(lower->arena, uint32_t, m->param_count + 1);
    lower->no_params = true;
    lower->no_rows = "a param";
    for (size_t k = 0; k < m->param_count; k++) {
        lower->leaves[k] = (uint32_t)lower->ir->leaf_count;
        if (!param_leaf(lower, m->params[k].declaration, own_shape)) {
            lower->leaves[k] = NO_LEAF;
        }
    }
    lower->no_params = false;
    lower->no_rows = NULL;
}

/* The arrays of the whole data set. */
static void add_datas(Lower *lower) {
    const Model *m = lower->model;

    lower->datas = arena_array(lower->arena, Ref, m->data_count + 1);
    lower->no_params = true;
    lower->no_rows = "`data`";
    for (size_t k = 0; k < m->data_count; k++) {
        const Declaration *d = m->datas[k].declaration;
        Dim shape[RANK_LIMIT];
        unsigned rank;
        lower->ir->at = d->span;
        if (!lower_shape(lower, d->shape, shape, &rank, d->span)) {
            lower->failed = true;
            continue;
        }
        Leaf leaf = {.name = d->name,
                     .role = LEAF_DATA,
                     .kind = KIND_REAL,
                     .rank = (uint8_t)rank,
                     .shape = shape,
                     .span = d->span};
        lower->datas[k] = ir_leaf(lower->ir, ir_add_leaf(lower->ir, leaf));
    }
    lower->no_params = false;
    lower->no_rows = NULL;
}

/* What the model sees of the params: after the consts, which bounds may use. */
static void add_params(Lower *lower) {
    const Model *m = lower->model;

    for (size_t k = 0; k < m->param_count; k++) {
        if (lower->leaves[k] == NO_LEAF) {
            continue;
        }
        lower->ir->at = m->params[k].declaration->span;
        Ref leaf = ir_leaf(lower->ir, lower->leaves[k]);
        bool constrained = lower->ir->leaves[lower->leaves[k]].constrained;
        lower->params[k] = constrained ? param_constrain(lower, k, leaf) : leaf;
        if (constrained && lower->params[k] != REF_NONE &&
            is_variable(lower->item_variables, m->params[k].name)) {
            lower->params[k] = make_variable(lower, lower->params[k]);
        }
    }
}

static void add_consts(Lower *lower, bool leaves) {
    const Model *m = lower->model;

    lower->consts = arena_array(lower->arena, Ref, m->const_count + 1);
    for (size_t k = 0; k < m->const_count; k++) {
        const ModelConst *c = &m->consts[k];
        lower->ir->at = c->span;
        lower->consts[k] = ir_real(lower->ir, c->value);
        if (!leaves) {
            continue;
        }
        Leaf leaf = {.name = c->name, .role = LEAF_CONST, .kind = KIND_REAL, .span = c->span};
        uint32_t added = ir_add_leaf(lower->ir, leaf);
        if (!c->fixed) {
            lower->consts[k] = ir_leaf(lower->ir, added);
        }
    }
}

/* One of these names, which is no dim of the model. */
static Name free_name(const Lower *lower, const char *const *names) {
    for (; names[1]; names++) {
        if (!model_dim(lower->model, intern_text(lower->front->names, *names))) {
            break;
        }
    }
    return intern_text(lower->front->names, *names);
}

/* The number of rows: no dim of the model and no size of its functions. */
static Name sample_name(const Lower *lower) {
    static const char *const names[] = {"m", "rows", "samples", "sample_count", "m.rows", NULL};

    return free_name(lower, names);
}

/* The number of samples of the data set. */
static Name total_name(const Lower *lower) {
    static const char *const names[] = {"total", "total_samples", "all_samples", "m.total", NULL};

    return free_name(lower, names);
}

static Lower *open_lower(const Front *front, const Model *model, const char *c_name_text,
                         EntryKind kind, bool const_leaves, bool declared) {
    Lower *lower = arena_new(front->arena, Lower);

    lower->front = front;
    lower->model = model;
    lower->arena = front->arena;
    lower->diags = front->diags;
    lower->ir = ir_create(front->arena, front->names, intern_text(front->names, c_name_text));
    add_dims(lower);
    add_consts(lower, false);
    add_leaves(lower, declared || kind == ENTRY_UNCONSTRAIN);
    if (const_leaves) {
        add_consts(lower, true);
    }
    add_datas(lower);
    add_externals(lower);
    lower->item_variables = variables_of_model(lower);
    if (kind != ENTRY_INIT) {
        add_params(lower);
    }
    return lower;
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* Sizes of the formals that are no dims become symbols. */
static void add_generics(Lower *lower, const ModelFunction *f) {
    size_t k = 0;

    for (const Formal *a = f->ast->formals; a; a = a->next, k++) {
        if (!a->shape && !a->class_size && f->size && f->size[k]) {
            bind_name(lower, a->name, a->name_span,
                      ir_size(lower->ir, dim_symbol(lower->ir, a->name)));
        }
    }
    for (const Formal *a = f->ast->formals; a; a = a->next) {
        for (const Expr *e = a->shape; e; e = e->next) {
            if (is_generic(lower, e)) {
                bind_name(lower, e->as.name, e->span,
                          ir_size(lower->ir, dim_symbol(lower->ir, e->as.name)));
            }
        }
    }
}

/* The rows of a sample are the first axis of a column, or none of its. */
static bool check_rows_axis(Lower *lower, const Formal *a, const Dim *shape, unsigned rank) {
    Dim rows = lower->ir->rows_dim;
    const Expr *size = a->shape;

    for (unsigned k = 0; rows != DIM_NONE && k < rank; k++, size = size->next) {
        if (!dim_mentions(lower->ir, shape[k], rows) || (k == 0 && shape[k] == rows)) {
            continue;
        }
        const char *name = dim_text(lower->ir, rows);
        Diag *diag =
            lower_error(lower, size->span,
                        "the rows of a sample, `%s`, can only be the first axis of a column", name);
        diag_label(lower->diags, diag, "a column has a value for each row: `%s[%s, …]`", a->name,
                   name);
        return false;
    }
    return true;
}

/* The leaf of a formal, opened at the sample if it is a column. */
static Ref add_argument(Lower *lower, const Formal *a, bool whole, bool column) {
    Dim shape[RANK_LIMIT + 1];
    unsigned rank, extra = column ? 1 : 0;
    Dim class_dim = DIM_NONE;

    if (!lower_shape(lower, a->shape, shape + extra, &rank, a->span)) {
        return REF_NONE;
    }
    if (rank + extra > RANK_LIMIT) {
        lower_error(lower, a->span, "an array has at most %d axes, one of them the sample's",
                    RANK_LIMIT);
        return REF_NONE;
    }
    if (a->class_size) {
        class_dim = lower_size(lower, a->class_size, "the number of classes");
        if (class_dim == DIM_NONE) {
            return REF_NONE;
        }
    }
    if (column && !check_rows_axis(lower, a, shape + extra, rank)) {
        return REF_NONE;
    }
    shape[0] = column ? lower->ir->sample_dim : shape[0];
    Leaf leaf = {.name = a->name,
                 .role = column ? LEAF_COLUMN : LEAF_ARGUMENT,
                 .kind = a->class_size || whole ? KIND_INT : KIND_REAL,
                 .rank = (uint8_t)(rank + extra),
                 .shape = shape,
                 .class_dim = class_dim,
                 .span = a->span};
    Ref ref = ir_leaf(lower->ir, ir_add_leaf(lower->ir, leaf));
    if (!column) {
        return ref;
    }
    Ref sample = ir_idx(lower->ir, lower->ir->sample_index);
    return read_first(lower, ref, &sample, 1);
}

static bool add_arguments(Lower *lower, const ModelFunction *f, bool column, Arguments *arguments) {
    size_t count = f->ast->formal_count, k = 0;
    const Binding *env = lower->env;
    bool good = true;

    arguments->refs = arena_array(lower->arena, Ref, count + 1);
    Span *spans = arena_array(lower->arena, Span, count + 1);
    arguments->functions = NULL;
    arguments->spans = spans;
    add_generics(lower, f);
    for (const Formal *a = f->ast->formals; a; a = a->next, k++) {
        lower->ir->at = a->span;
        spans[k] = a->span;
        if (!a->shape && !a->class_size && f->size && f->size[k] && !column) {
            arguments->refs[k] = ir_size(lower->ir, dim_symbol(lower->ir, a->name));
        } else {
            arguments->refs[k] = add_argument(lower, a, f->whole && f->whole[k], column);
            good &= arguments->refs[k] != REF_NONE;
        }
    }
    lower->env = env;
    return good;
}

static Values evaluate(Lower *lower, const ModelFunction *f, bool column) {
    Arguments arguments;

    if (!add_arguments(lower, f, column, &arguments)) {
        return (Values){NULL, 0};
    }
    const Call *call = lower->call;
    Callee callee = {.function = f->ast, .model = f};
    Values values = invoke(lower, &callee, &arguments, f->ast->name_span);
    lower->call = call;
    return values;
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* `sample`: the sample is the first axis. */
static void add_output(Lower *lower, const char *name, OutputRole role, Ref value, bool sample,
                       Span span) {
    Index names[RANK_LIMIT + 1];
    Output out = {.name = intern_text(lower->front->names, name),
                  .role = role,
                  .sink = SINK_STORE,
                  .span = span};
    const Node *node = ir_node(lower->ir, value);
    IndexSet used = node->free | (sample ? INDEX_BIT(lower->ir->sample_index) : 0);
    unsigned extra = sample ? 1 : 0;

    names[0] = lower->ir->sample_index;
    fresh_names(lower, node->shape, node->rank, used, names + extra);
    if (node->rank + extra > RANK_LIMIT) {
        lower_error(lower, span, "an array has at most %d axes, one of them the sample's",
                    RANK_LIMIT);
        return;
    }
    lower->ir->at = span;
    Ref entry = read_at(lower, value, names + extra, node->rank);
    out.value = whole_to_real(lower, entry);
    out.rank = (uint8_t)(ir_node(lower->ir, value)->rank + extra);
    memcpy(out.axes, names, out.rank * sizeof *names);
    ir_add_output(lower->ir, out);
}

static void function_outputs(Lower *lower, const ModelFunction *f, Values values) {
    Span span = f->ast->name_span;

    if (values.count == 1) {
        bool scalar = ir_rank(lower->ir, values.refs[0]) == 0;
        add_output(lower, "value", scalar ? OUT_VALUE : OUT_ARRAY, values.refs[0], false, span);
        return;
    }
    for (size_t k = 0; k < values.count; k++) {
        const char *name = arena_format(lower->arena, "value%zu", k);
        add_output(lower, name, OUT_ARRAY, values.refs[k], false, span);
    }
}

/* The value of loss, a metric or penalty: one number, real. */
static Ref one_number(Lower *lower, const ModelFunction *f, Values values) {
    if (values.count == 0) {
        return REF_NONE;
    }
    if (values.count > 1 || ir_rank(lower->ir, values.refs[0]) > 0) {
        Diag *diag =
            lower_error(lower, f->ast->name_span, "`%s` is one number, and here %s", f->ast->name,
                        values.count > 1 ? "are several values"
                                         : arena_format(lower->arena, "is %s",
                                                        what_text(lower, values.refs[0])));
        diag_label(lower->diags, diag, "add it up: `sum(…)` or `mean(…)`");
        return REF_NONE;
    }
    return whole_to_real(lower, values.refs[0]);
}

/* The sum over the samples; of blocks of rows the value of each: the planner adds them up. */
static Ref over_samples(Lower *lower, const ModelFunction *f) {
    Ref value = one_number(lower, f, evaluate(lower, f, true));

    if (value == REF_NONE || lower->ir->per_sample) {
        return value;
    }
    lower->ir->at = f->ast->name_span;
    return ir_sum(lower->ir, lower->ir->sample_index, value);
}

/* The value of `penalty` or `prior`. */
static Ref definition_value(Lower *lower, const ModelFunction *f) {
    if (!f || f->ast->has_parens) {
        return ir_real(lower->ir, 0);
    }
    lower->no_rows = arena_format(lower->arena, "`%s`", f->name);
    Ref value = one_number(lower, f, evaluate(lower, f, false));
    lower->no_rows = NULL;
    return value;
}

/* ---- entries
 * --------------------------------------------------------------------------------------------------
 */

static void open_samples(Lower *lower) {
    lower->ir->sample_dim = dim_symbol(lower->ir, sample_name(lower));
    lower->ir->sample_index = ir_index(lower->ir, lower->ir->sample_dim, 0);
    for (size_t k = 0; k < lower->model->dim_count; k++) {
        if (lower->model->dims[k].rows) {
            lower->ir->rows_dim = dim_symbol(lower->ir, lower->model->dims[k].name);
            lower->ir->per_sample = true;
        }
    }
}

/* The mean over the samples; of loss, the objective. */
static void entry_batch(Lower *lower, const ModelFunction *f) {
    const Model *m = lower->model;
    const ModelFunction *prior_function = f == m->loss ? m->prior : NULL;
    const ModelFunction *penalty_function = f == m->loss ? m->penalty : NULL;
    Ref sum = over_samples(lower, f);
    Ref prior = definition_value(lower, prior_function);
    Ref penalty = definition_value(lower, penalty_function);

    if (sum == REF_NONE || prior == REF_NONE || penalty == REF_NONE) {
        return;
    }
    lower->ir->at = f->ast->name_span;
    Ref rows = ir_convert(lower->ir, ir_size(lower->ir, lower->ir->sample_dim));
    if (lower->ir->per_sample) { /* the samples are added up: each has its share */
        prior = prior_function ? ir_div(lower->ir, prior, rows) : prior;
        penalty = penalty_function ? ir_div(lower->ir, penalty, rows) : penalty;
    }
    Ref objective = prior_function ? ir_sub(lower->ir, sum, prior) : sum;
    Ref mean = ir_div(lower->ir, objective, rows);
    add_output(lower, "value", OUT_VALUE, ir_add(lower->ir, mean, penalty), false,
               f->ast->name_span);
}

static void entry_sample(Lower *lower, const ModelFunction *loss) {
    const Model *m = lower->model;
    lower->ir->per_sample = true;
    Ref value = one_number(lower, loss, evaluate(lower, loss, true));
    Ref prior = definition_value(lower, m->prior);
    Ref penalty = definition_value(lower, m->penalty);

    if (value == REF_NONE || prior == REF_NONE || penalty == REF_NONE) {
        return;
    }
    lower->ir->at = loss->ast->name_span;
    if (m->prior) {
        lower->ir->total_dim = dim_symbol(lower->ir, total_name(lower));
        Ref total = ir_convert(lower->ir, ir_size(lower->ir, lower->ir->total_dim));
        Ref share = ir_div(lower->ir, prior, total);
        value = ir_sub(lower->ir, value, share);
    }
    add_output(lower, "value", OUT_VALUE, ir_add(lower->ir, value, penalty), false,
               loss->ast->name_span);
}

/* ---- flat arrays ----------------------------------------------------------------------------- */

/* The next part of the flat array that an entry gives. */
static void add_part(Lower *lower, Name name, Ref value, Span span) {
    Output out = {.name = name, .role = OUT_GRADIENT, .sink = SINK_STORE, .span = span};
    const Node *node = ir_node(lower->ir, value);

    out.rank = node->rank;
    fresh_names(lower, node->shape, node->rank, node->free, out.axes);
    lower->ir->at = span;
    out.value = whole_to_real(lower, read_at(lower, value, out.axes, node->rank));
    ir_add_output(lower->ir, out);
}

static void entry_convert(Lower *lower, bool back) {
    const Model *m = lower->model;

    lower->ir->flat_in = back ? "constrained" : "params";
    lower->ir->flat_out = back ? "params" : "constrained";
    for (size_t k = 0; k < m->param_count; k++) {
        const Declaration *d = m->params[k].declaration;
        Ref value = lower->params[k];
        if (back && value != REF_NONE) {
            value = param_unconstrain(lower, k, value);
        }
        if (value != REF_NONE) {
            add_part(lower, d->name, value, d->name_span);
        }
    }
}

bool lower_has_constraints(const Model *model) {
    for (size_t k = 0; k < model->param_count; k++) {
        if (model->params[k].declaration->constraint != CONSTRAINT_NONE) {
            return true;
        }
    }
    return false;
}

bool lower_reported(const Model *model, const ModelFunction *f) {
    return f->role == FUNCTION_PLAIN && !f->ast->has_parens && !model_imported(model, f);
}

/* Does the value depend on how many rows a sample has? */
static bool depends_on_rows(Lower *lower, Ref value) {
    Ir *ir = lower->ir;
    const bool *reached = ir_reach(ir, &value, 1);
    Dim rows = DIM_NONE;
    bool found = false;

    for (size_t k = 0; k < lower->model->dim_count; k++) {
        const ModelDim *d = &lower->model->dims[k];
        rows = d->rows ? dim_symbol(ir, d->name) : rows;
    }
    for (Ref v = 1; v < ir_count(ir) && rows != DIM_NONE; v++) {
        const Node *node = ir_node(ir, v);
        Dim dim = node->op == OP_SIZE    ? node->as.dim
                  : node->op == OP_INDEX ? ir_index_dim(ir, node->as.index)
                  : node->op == OP_SCAN  ? ir_index_dim(ir, node->as.scan.t)
                                         : DIM_NONE;
        found |= reached[v] && dim != DIM_NONE && dim_mentions(ir, dim, rows);
    }
    return found;
}

static void entry_define(Lower *lower) {
    const Model *m = lower->model;

    lower->ir->flat_in = "params";
    lower->ir->flat_out = "definitions";
    for (size_t k = 0; k < m->function_count; k++) {
        const ModelFunction *f = &m->functions[k];
        if (!lower_reported(m, f)) {
            continue;
        }
        Values values = evaluate(lower, f, false);
        /* Several values have no name of their own; what belongs to a sample differs for each. */
        if (values.count == 1 && !depends_on_rows(lower, values.refs[0])) {
            Ref value = to_number(lower, values.refs[0]);
            add_part(lower, f->name, value, f->ast->name_span);
        }
    }
}

static void entry_init(Lower *lower) {
    Leaf leaf = {
        .name = intern_text(lower->front->names, "seed"), .role = LEAF_SEED, .kind = KIND_INT};

    lower->seed = ir_leaf(lower->ir, ir_add_leaf(lower->ir, leaf));
    lower->no_rows = "a start";
    lower_starts(lower);
}

/* A value for each sample, or for each of its rows. */
static void forward_output(Lower *lower, const ModelFunction *forward, Ref value) {
    const Node *node = ir_node(lower->ir, value);
    Dim rows = lower->ir->rows_dim;

    for (unsigned k = 0; rows != DIM_NONE && k < node->rank; k++) {
        if (dim_mentions(lower->ir, node->shape[k], rows) && (k > 0 || node->shape[k] != rows)) {
            Diag *diag =
                lower_error(lower, forward->ast->name_span,
                            "`%s` is %s; over samples it can be one value for each, or one for "
                            "each of their rows",
                            forward->name, what_text(lower, value));
            diag_label(lower->diags, diag, "its first axis may be `%s`, and no other",
                       dim_text(lower->ir, rows));
            return;
        }
    }
    add_output(lower, "value", OUT_ARRAY, value, true, forward->ast->name_span);
}

static void build_entry(Lower *lower, EntryKind kind, const ModelFunction *f) {
    const Model *m = lower->model;
    Ref value;

    switch (kind) {
    case ENTRY_FUNCTION:
        function_outputs(lower, f, evaluate(lower, f, false));
        break;
    case ENTRY_BATCH_MEAN:
        entry_batch(lower, f ? f : m->loss);
        break;
    case ENTRY_SUM:
    case ENTRY_METRIC:
        f = kind == ENTRY_SUM ? m->loss : f;
        value = over_samples(lower, f);
        if (value != REF_NONE) {
            add_output(lower, "value", OUT_VALUE, value, false, f->ast->name_span);
        }
        break;
    case ENTRY_SAMPLE:
        entry_sample(lower, m->loss);
        break;
    case ENTRY_REGULAR:
    case ENTRY_PRIOR:
        f = f ? f : kind == ENTRY_PRIOR ? m->prior : m->penalty;
        value = definition_value(lower, f);
        if (value != REF_NONE) {
            add_output(lower, "value", OUT_VALUE, value, false,
                       f ? f->ast->name_span : (Span){m->ast->file, 0, 0});
        }
        break;
    case ENTRY_FORWARD: {
        f = f ? f : m->forward;
        Values values = evaluate(lower, f, true);
        if (values.count > 1) {
            lower_error(lower, f->ast->name_span, "`%s` is one value, and here are several",
                        f->name);
        } else if (values.count == 1) {
            forward_output(lower, f, values.refs[0]);
        }
        break;
    }
    case ENTRY_INIT:
        entry_init(lower);
        break;
    case ENTRY_CONSTRAIN:
    case ENTRY_UNCONSTRAIN:
        entry_convert(lower, kind == ENTRY_UNCONSTRAIN);
        break;
    case ENTRY_DEFINE:
        entry_define(lower);
        break;
    }
}

static bool has_samples(EntryKind kind) {
    switch (kind) {
    case ENTRY_BATCH_MEAN:
    case ENTRY_SUM:
    case ENTRY_SAMPLE:
    case ENTRY_FORWARD:
    case ENTRY_METRIC:
        return true;
    case ENTRY_FUNCTION:
    case ENTRY_REGULAR:
    case ENTRY_PRIOR:
    case ENTRY_INIT:
    case ENTRY_CONSTRAIN:
    case ENTRY_UNCONSTRAIN:
    case ENTRY_DEFINE:
        break;
    }
    return false;
}

static Ir *close_lower(Lower *lower, size_t errors, Span at) {
    if (ir_overflowed(lower->ir)) {
        lower_error(lower, at, "too many nested indices: at most %d in one function", INDEX_LIMIT);
    }
    if (diags_errors(lower->diags) > errors || lower->failed) {
        return NULL;
    }
    return ir_compact(lower->ir); /* without what loops made in vain */
}

typedef struct {
    bool folded;        /* consts have their values */
    bool kept;          /* consts are leaves, in what is no kernel, too */
    bool declared;      /* the leaves are the params as the user sees them */
    bool check;         /* report starts that break a constraint */
    const bool *broken; /* see Lower */
} EntryOptions;

static Ir *entry(const Front *front, const Model *model, EntryKind kind,
                 const ModelFunction *function, const char *c_name_text, EntryOptions options) {
    size_t errors = diags_errors(front->diags);
    bool const_leaves = options.kept || (is_kernel(kind) && !options.folded);
    Lower *lower = open_lower(front, model, c_name_text, kind, const_leaves, options.declared);

    lower->broken = options.broken;
    lower->check_starts = options.check;
    if (has_samples(kind)) {
        open_samples(lower);
    }
    build_entry(lower, kind, function);
    return close_lower(lower, errors,
                       function ? function->ast->name_span : (Span){model->ast->file, 0, 0});
}

Ir *lower_entry(const Front *front, const Model *model, EntryKind kind,
                const ModelFunction *function, const char *c_name_text) {
    return entry(front, model, kind, function, c_name_text, (EntryOptions){0});
}

Ir *lower_folded(const Front *front, const Model *model, EntryKind kind,
                 const ModelFunction *function, const char *c_name_text) {
    return entry(front, model, kind, function, c_name_text, (EntryOptions){.folded = true});
}

Ir *lower_kept(const Front *front, const Model *model, EntryKind kind,
               const ModelFunction *function, const char *c_name_text) {
    return entry(front, model, kind, function, c_name_text, (EntryOptions){.kept = true});
}

Ir *lower_declared(const Front *front, const Model *model, EntryKind kind,
                   const ModelFunction *function, const char *c_name_text) {
    EntryOptions options = {.folded = true, .declared = true};

    return entry(front, model, kind, function, c_name_text, options);
}

static Ir *derived(const Front *front, const Model *model, const ModelFunction *metric,
                   const char *c_name_text, const bool *broken) {
    size_t errors = diags_errors(front->diags);
    Lower *lower = open_lower(front, model, c_name_text, ENTRY_METRIC, true, false);

    lower->derived = true;
    lower->no_rows = "a metric of metrics";
    lower->broken = broken;
    Ref value = one_number(lower, metric, evaluate(lower, metric, false));
    if (value != REF_NONE) {
        add_output(lower, "value", OUT_VALUE, value, false, metric->ast->name_span);
    }
    return close_lower(lower, errors, metric->ast->name_span);
}

Ir *lower_derived_metric(const Front *front, const Model *model, const ModelFunction *metric,
                         const char *c_name_text) {
    return derived(front, model, metric, c_name_text, NULL);
}

static bool check_function(const Front *front, const Model *model, const ModelFunction *f,
                           const bool *broken) {
    EntryOptions options = {.broken = broken};

    if (model_takes_functions(f)) {
        return true; /* elaborated where it is called, for the functions that it is given */
    }
    switch (f->role) {
    case FUNCTION_PLAIN:
        return entry(front, model, ENTRY_FUNCTION, f, "check", options) != NULL;
    case FUNCTION_FORWARD:
        return entry(front, model, ENTRY_FUNCTION, f, "check", options) &&
               (!model->loss || entry(front, model, ENTRY_FORWARD, f, "check", options));
    case FUNCTION_LOSS:
        return entry(front, model, ENTRY_SUM, f, "check", options) != NULL;
    case FUNCTION_PENALTY:
        return entry(front, model, ENTRY_REGULAR, f, "check", options) != NULL;
    case FUNCTION_PRIOR:
    case FUNCTION_OWN_PRIOR:
        return entry(front, model, ENTRY_PRIOR, f, "check", options) != NULL;
    case FUNCTION_METRIC:
        return f->ast->has_parens ? entry(front, model, ENTRY_METRIC, f, "check", options) != NULL
                                  : derived(front, model, f, "check", broken) != NULL;
    }
    return true;
}

void lower_check(const Front *front, const Model *model) {
    bool *broken = arena_array(front->arena, bool, model->function_count + 1);

    Front passing = *front; /* only the messages stay */

    passing.arena = arena_create();
    (void)entry(&passing, model, ENTRY_INIT, NULL, "check", (EntryOptions){.check = true});
    arena_destroy(passing.arena);
    for (size_t k = 0; k < model->function_count; k++) {
        size_t number = model->order[k];
        passing.arena = arena_create();
        broken[number] = !check_function(&passing, model, &model->functions[number], broken);
        arena_destroy(passing.arena);
    }
}
