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

static void add_params(Lower *lower) {
    const Model *m = lower->model;

    lower->params = arena_array(lower->arena, Ref, m->param_count + 1);
    lower->no_params = true;
    for (size_t k = 0; k < m->param_count; k++) {
        const Declaration *d = m->params[k].declaration;
        Dim shape[RANK_LIMIT];
        unsigned rank;
        lower->ir->at = d->span;
        if (!lower_shape(lower, d->shape, shape, &rank, d->span)) {
            continue;
        }
        Leaf leaf = {.name = d->name,
                     .role = LEAF_PARAM,
                     .kind = KIND_REAL,
                     .rank = (uint8_t)rank,
                     .shape = shape,
                     .span = d->span};
        lower->params[k] = ir_leaf(lower->ir, ir_add_leaf(lower->ir, leaf));
    }
    lower->no_params = false;
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

/* A name for the number of rows that is no dim of the model and no size of its functions. */
static Name sample_name(const Lower *lower) {
    static const char *const names[] = {"m", "rows", "samples", "sample_count"};

    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        Name name = intern_text(lower->front->names, names[k]);
        if (!model_dim(lower->model, name)) {
            return name;
        }
    }
    return intern_text(lower->front->names, "m of samples");
}

static Lower *open_lower(const Front *front, const Model *model, const char *c_name_text,
                         bool const_leaves) {
    Lower *lower = arena_new(front->arena, Lower);

    lower->front = front;
    lower->model = model;
    lower->arena = front->arena;
    lower->diags = front->diags;
    lower->ir = ir_create(front->arena, front->names, intern_text(front->names, c_name_text));
    add_dims(lower);
    add_consts(lower, false);
    add_params(lower);
    if (const_leaves) {
        add_consts(lower, true);
    }
    lower->item_variables = variables_of_model(lower);
    for (size_t k = 0; k < model->param_count; k++) {
        const bool computed =
            lower->params[k] != REF_NONE && ir_node(lower->ir, lower->params[k])->op != OP_LEAF;
        if (computed && is_variable(lower->item_variables, model->params[k].name)) {
            lower->params[k] = make_variable(lower, lower->params[k]);
        }
    }
    return lower;
}

/* ---- arguments ------------------------------------------------------------------------------- */

typedef struct {
    Ref *refs;
    Span *spans;
} Arguments;

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
    arguments->spans = arena_array(lower->arena, Span, count + 1);
    add_generics(lower, f);
    for (const Formal *a = f->ast->formals; a; a = a->next, k++) {
        lower->ir->at = a->span;
        arguments->spans[k] = a->span;
        if (a->is_function) {
            lower->failed = true; /* reported at its declaration */
            good = false;
        } else if (!a->shape && !a->class_size && f->size && f->size[k] && !column) {
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
    Ref *args = arguments.refs;
    const Call *call = lower->call;
    Values values = invoke(lower, f->ast, f, NULL, args, arguments.spans, f->ast->name_span);
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
    out.value = ir_convert(lower->ir, entry);
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
            lower_error(lower, f->ast->name_span, "`%s` is one number, and here %s", f->name,
                        values.count > 1 ? "are several values"
                                         : arena_format(lower->arena, "is %s",
                                                        what_text(lower, values.refs[0])));
        diag_label(lower->diags, diag, "add it up: `sum(…)` or `mean(…)`");
        return REF_NONE;
    }
    return ir_convert(lower->ir, values.refs[0]);
}

static Ref over_samples(Lower *lower, const ModelFunction *f) {
    Ref value = one_number(lower, f, evaluate(lower, f, true));

    if (value == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = f->ast->name_span;
    return ir_sum(lower->ir, lower->ir->sample_index, value);
}

static Ref penalty_value(Lower *lower) {
    const ModelFunction *penalty = lower->model->penalty;

    if (!penalty || penalty->ast->has_parens) {
        return ir_real(lower->ir, 0);
    }
    return one_number(lower, penalty, evaluate(lower, penalty, false));
}

/* ---- entries
 * --------------------------------------------------------------------------------------------------
 */

static void open_samples(Lower *lower) {
    lower->ir->sample_dim = dim_symbol(lower->ir, sample_name(lower));
    lower->ir->sample_index = ir_index(lower->ir, lower->ir->sample_dim, 0);
}

static void entry_batch(Lower *lower, const ModelFunction *loss) {
    Ref sum = over_samples(lower, loss);
    Ref penalty = penalty_value(lower);

    if (sum == REF_NONE || penalty == REF_NONE) {
        return;
    }
    lower->ir->at = loss->ast->name_span;
    Ref rows = ir_convert(lower->ir, ir_size(lower->ir, lower->ir->sample_dim));
    Ref mean = ir_div(lower->ir, sum, rows);
    add_output(lower, "value", OUT_VALUE, ir_add(lower->ir, mean, penalty), false,
               loss->ast->name_span);
}

static void entry_sample(Lower *lower, const ModelFunction *loss) {
    lower->ir->per_sample = true;
    Ref value = one_number(lower, loss, evaluate(lower, loss, true));
    Ref penalty = penalty_value(lower);

    if (value == REF_NONE || penalty == REF_NONE) {
        return;
    }
    lower->ir->at = loss->ast->name_span;
    add_output(lower, "value", OUT_VALUE, ir_add(lower->ir, value, penalty), false,
               loss->ast->name_span);
}

static void entry_init(Lower *lower) {
    Leaf leaf = {
        .name = intern_text(lower->front->names, "seed"), .role = LEAF_SEED, .kind = KIND_INT};

    lower->seed = ir_leaf(lower->ir, ir_add_leaf(lower->ir, leaf));
    lower_starts(lower);
}

static void build_entry(Lower *lower, EntryKind kind, const ModelFunction *f) {
    const Model *m = lower->model;
    Ref value;

    switch (kind) {
    case ENTRY_FUNCTION:
        function_outputs(lower, f, evaluate(lower, f, false));
        break;
    case ENTRY_BATCH_MEAN:
        entry_batch(lower, m->loss);
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
        value = penalty_value(lower);
        if (value != REF_NONE) {
            add_output(lower, "value", OUT_VALUE, value, false,
                       m->penalty ? m->penalty->ast->name_span : (Span){m->ast->file, 0, 0});
        }
        break;
    case ENTRY_FORWARD: {
        Values values = evaluate(lower, m->forward, true);
        if (values.count > 1) {
            lower_error(lower, m->forward->ast->name_span,
                        "`forward` is one value, and here are several");
        } else if (values.count == 1) {
            add_output(lower, "value", OUT_ARRAY, values.refs[0], true, m->forward->ast->name_span);
        }
        break;
    }
    case ENTRY_INIT:
        entry_init(lower);
        break;
    }
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

static Ir *entry(const Front *front, const Model *model, EntryKind kind,
                 const ModelFunction *function, const char *c_name_text, const bool *broken) {
    size_t errors = diags_errors(front->diags);
    Lower *lower = open_lower(front, model, c_name_text, is_kernel(kind));

    lower->broken = broken;
    if (kind != ENTRY_FUNCTION && kind != ENTRY_REGULAR && kind != ENTRY_INIT) {
        open_samples(lower);
    }
    build_entry(lower, kind, function);
    return close_lower(lower, errors,
                       function ? function->ast->name_span : (Span){model->ast->file, 0, 0});
}

Ir *lower_entry(const Front *front, const Model *model, EntryKind kind,
                const ModelFunction *function, const char *c_name_text) {
    return entry(front, model, kind, function, c_name_text, NULL);
}

static Ir *derived(const Front *front, const Model *model, const ModelFunction *metric,
                   const char *c_name_text, const bool *broken) {
    size_t errors = diags_errors(front->diags);
    Lower *lower = open_lower(front, model, c_name_text, true);

    lower->derived = true;
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
    switch (f->role) {
    case FUNCTION_PLAIN:
    case FUNCTION_PRIOR:
        return entry(front, model, ENTRY_FUNCTION, f, "check", broken) != NULL;
    case FUNCTION_FORWARD:
        return entry(front, model, ENTRY_FUNCTION, f, "check", broken) &&
               (!model->loss || entry(front, model, ENTRY_FORWARD, f, "check", broken));
    case FUNCTION_LOSS:
        return entry(front, model, ENTRY_SUM, f, "check", broken) != NULL;
    case FUNCTION_PENALTY:
        return entry(front, model, ENTRY_REGULAR, f, "check", broken) != NULL;
    case FUNCTION_METRIC:
        return f->ast->has_parens ? entry(front, model, ENTRY_METRIC, f, "check", broken) != NULL
                                  : derived(front, model, f, "check", broken) != NULL;
    }
    return true;
}

void lower_check(const Front *front, const Model *model) {
    bool *broken = arena_array(front->arena, bool, model->function_count + 1);

    (void)entry(front, model, ENTRY_INIT, NULL, "check", NULL);
    for (size_t k = 0; k < model->function_count; k++) {
        size_t number = model->order[k];
        broken[number] = !check_function(front, model, &model->functions[number], broken);
    }
}
