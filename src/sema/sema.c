/* sema.c: reads the items of a parsed file, and of the standard library, into the model's tables.
 */
#include <string.h>

#include "sema/sema_private.h"

/* A name at item level. Values and functions are looked up apart, so a value and a function may
 * share a name; a definition is both, for its C function. */
typedef struct {
    Name name;
    Span span;
    const char *what;
    bool value, call;
} Entry;

typedef struct {
    Sema *sema;
    Entry *entries;
    size_t count, capacity;
    NameTable values, calls;    /* of the entries that are one, and of those that are the other */
    size_t *value_at, *call_at; /* their entries, by place in these tables */
    size_t value_capacity, call_capacity;
} Collector;

/* The entry of that name among values or calls, or NULL. */
static const Entry *entered(const Collector *c, const NameTable *table, const size_t *at,
                            Name name) {
    const size_t place = names_find(table, name);
    return place == SIZE_MAX ? NULL : &c->entries[at[place]];
}

static void note_entry(Collector *c, NameTable *table, size_t **at, size_t *capacity, Name name) {
    Arena *arena = c->sema->arena;
    *at = arena_grow(arena, *at, table->noted, capacity, sizeof **at);
    (*at)[table->noted] = c->count;
    names_note(table, arena, name);
}

/* Reports a name that an earlier item has; returns false then. */
static bool enter(Collector *c, Entry entry) {
    const Entry *value = entry.value ? entered(c, &c->values, c->value_at, entry.name) : NULL;
    const Entry *call = entry.call ? entered(c, &c->calls, c->call_at, entry.name) : NULL;
    const Entry *e = value && call ? (value < call ? value : call) : value ? value : call;
    if (e) {
        Diag *diag = diag_error(c->sema->diags, entry.span, "`%s` is defined twice", entry.name);
        diag_label(c->sema->diags, diag, "as a %s", entry.what);
        diag_note(c->sema->diags, diag, e->span, "`%s` is a %s here", e->name, e->what);
        return false;
    }
    c->entries = arena_grow(c->sema->arena, c->entries, c->count, &c->capacity, sizeof *c->entries);
    c->entries[c->count] = entry;
    if (entry.value) {
        note_entry(c, &c->values, &c->value_at, &c->value_capacity, entry.name);
    }
    if (entry.call) {
        note_entry(c, &c->calls, &c->call_at, &c->call_capacity, entry.name);
    }
    c->count++;
    return true;
}

/* The names that the trainer knows belong to functions. */
static bool is_role_name(const char *name) {
    return strcmp(name, "forward") == 0 || strcmp(name, "loss") == 0 ||
           strcmp(name, "penalty") == 0 || strcmp(name, "prior") == 0;
}

static bool enter_value(Collector *c, const Declaration *d, const char *what) {
    if (is_role_name(d->name)) {
        Diag *diag =
            diag_error(c->sema->diags, d->name_span,
                       "`%s` names a function that the trainer knows, not a %s", d->name, what);
        diag_label(c->sema->diags, diag, "choose another name");
    }
    return enter(c, (Entry){d->name, d->name_span, what, true, false});
}

/* A sample has one number of rows. */
static void check_one_rows(Sema *sema, const Declaration *d) {
    const Model *m = sema->model;
    for (size_t k = 0; k + 1 < m->dim_count; k++) {
        if (m->dims[k].rows) {
            Diag *diag = diag_error(sema->diags, d->span,
                                    "the rows of a sample have two names, `%s` and `%s`",
                                    m->dims[k].name, d->name);
            diag_note(sema->diags, diag, m->dims[k].span, "`%s` is declared here", m->dims[k].name);
        }
    }
}

static void collect_dims(Collector *c, const Declaration *list) {
    Sema *sema = c->sema;
    Model *m = sema->model;

    for (const Declaration *d = list; d; d = d->next) {
        if (!enter_value(c, d, "dim")) {
            continue;
        }
        m->dims =
            arena_grow(sema->arena, m->dims, m->dim_count, &sema->dim_capacity, sizeof *m->dims);
        ModelDim *dim = &m->dims[m->dim_count++];
        *dim = (ModelDim){.name = d->name, .span = d->name_span};
        if (d->value && d->value->kind == EXPR_NAME &&
            d->value->as.name == sema_name(sema, "rows")) {
            check_one_rows(sema, d);
            dim->rows = true;
        }
    }
}

static void collect_consts(Collector *c, const Declaration *list) {
    Sema *sema = c->sema;
    Model *m = sema->model;

    for (const Declaration *d = list; d; d = d->next) {
        if (!enter_value(c, d, "const")) {
            continue;
        }
        m->consts = arena_grow(sema->arena, m->consts, m->const_count, &sema->const_capacity,
                               sizeof *m->consts);
        m->consts[m->const_count++] = (ModelConst){.name = d->name, .span = d->name_span};
    }
}

static void collect_arrays(Collector *c, const Declaration *list, bool param) {
    Sema *sema = c->sema;
    Model *m = sema->model;

    for (const Declaration *d = list; d; d = d->next) {
        if (!enter_value(c, d, param ? "param" : "data array")) {
            continue;
        }
        ModelArray array = {d, d->name};
        if (param) {
            m->params = arena_grow(sema->arena, m->params, m->param_count, &sema->param_capacity,
                                   sizeof *m->params);
            m->params[m->param_count++] = array;
        } else {
            m->datas = arena_grow(sema->arena, m->datas, m->data_count, &sema->data_capacity,
                                  sizeof *m->datas);
            m->datas[m->data_count++] = array;
            if (!d->shape) {
                Diag *diag =
                    diag_error(sema->diags, d->span, "the data array `%s` has no axes", d->name);
                diag_label(sema->diags, diag, "a number is a const: `const %s = …`", d->name);
            }
        }
    }
}

static FunctionRole role_of(const char *name, bool metric) {
    static const struct {
        const char *name;
        FunctionRole role;
    } roles[] = {
        {"forward", FUNCTION_FORWARD},
        {"loss", FUNCTION_LOSS},
        {"penalty", FUNCTION_PENALTY},
        {"prior", FUNCTION_PRIOR},
    };

    if (metric) {
        return FUNCTION_METRIC;
    }
    for (size_t k = 0; k < sizeof roles / sizeof roles[0]; k++) {
        if (strcmp(name, roles[k].name) == 0) {
            return roles[k].role;
        }
    }
    return FUNCTION_PLAIN;
}

static void collect_function(Collector *c, const Function *f, bool metric) {
    Sema *sema = c->sema;
    Model *m = sema->model;
    const char *what = metric ? "metric" : f->has_parens ? "function" : "definition";
    Entry entry = {f->name, f->name_span, what, metric || !f->has_parens, true};

    if (metric && is_role_name(f->name)) {
        diag_error(sema->diags, f->name_span, "a metric cannot be called `%s`", f->name);
        return;
    }
    if (!enter(c, entry)) {
        return;
    }
    m->functions = arena_grow(sema->arena, m->functions, m->function_count,
                              &sema->function_capacity, sizeof *m->functions);
    m->functions[m->function_count++] =
        (ModelFunction){.ast = f, .name = f->name, .role = role_of(f->name, metric)};
    for (const Formal *formal = f->formals; formal; formal = formal->next) {
        const bool data = metric || role_of(f->name, false) != FUNCTION_PLAIN;
        if (formal->is_function && data) {
            Diag *diag = diag_error(sema->diags, formal->span,
                                    "the arguments of `%s` are data, and `%s` is a function",
                                    f->name, formal->name);
            diag_label(sema->diags, diag, "call the function by its own name");
        }
    }
}

static void collect_external(Collector *c, const Item *item) {
    Name name = item->as.external.name;

    if (enter(c, (Entry){name, item->as.external.name_span, "C function", false, true})) {
        sema_external(c->sema, item);
    }
}

static void collect_item(Collector *c, const Item *item) {
    Sema *sema = c->sema;

    switch (item->kind) {
    case ITEM_ERROR:
        sema->model->damaged = true;
        break;
    case ITEM_MODEL:
        if (sema->model->named.end > 0) {
            Diag *diag = diag_error(sema->diags, item->as.model.name_span,
                                    "a file has one `model` item, and this is the second");
            diag_note(sema->diags, diag, sema->model->named, "the first is here");
            break;
        }
        sema->model->name = item->as.model.name;
        sema->model->named = item->as.model.name_span;
        break;
    case ITEM_IMPORT:
        break; /* in its place are the items of the file */
    case ITEM_DIM:
        collect_dims(c, item->as.declarations);
        break;
    case ITEM_CONST:
        collect_consts(c, item->as.declarations);
        break;
    case ITEM_DATA:
        collect_arrays(c, item->as.declarations, false);
        break;
    case ITEM_PARAM:
        collect_arrays(c, item->as.declarations, true);
        break;
    case ITEM_FUNCTION:
        collect_function(c, item->as.function, false);
        break;
    case ITEM_METRIC:
        collect_function(c, item->as.function, true);
        break;
    case ITEM_EXTERN:
        collect_external(c, item);
        break;
    case ITEM_TRAIN:
        if (sema->model->trained.end > 0) {
            Diag *diag = diag_error(sema->diags, item->span,
                                    "a model has one `train`, and this is the second");
            diag_note(sema->diags, diag, sema->model->trained, "the first is here");
            break;
        }
        sema->model->settings = item->as.settings;
        sema->model->trained = item->span;
        break;
    }
}

/* The default name: the file's, without folder and `.model`. */
static Name file_name(const Sema *sema, uint32_t file) {
    const char *path = sources_get(sema->front->sources, file)->path;
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t length = strlen(base);

    if (length > 6 && strcmp(base + length - 6, ".model") == 0) {
        length -= 6;
    }
    return length == 0 ? sema_name(sema, "model") : intern(sema->front->names, base, length);
}

Model *sema_check(const Front *front, const Imported *imported, Definition *definitions,
                  size_t count) {
    Sema sema = {.front = front,
                 .arena = front->arena,
                 .diags = front->diags,
                 .definitions = definitions,
                 .definition_count = count};
    Model *model = arena_new(front->arena, Model);
    model->names = arena_new(front->arena, ModelNames);
    model->names->arena = front->arena;
    Collector collector = {.sema = &sema};

    sema.model = model;
    const Ast *ast = imported->ast;
    model->ast = ast;
    model->files = imported->files;
    model->file_count = imported->file_count;
    model->damaged = imported->damaged;
    sema_library(&sema);
    for (const Item *item = ast->items; item; item = item->next) {
        collect_item(&collector, item);
    }
    if (!model->name) {
        model->name = file_name(&sema, ast->file);
    }
    model->c_prefix = c_name(front->arena, model->name);
    sema_priors(&sema);
    sema_externals(&sema);
    sema_roles(&sema);
    sema_locals(&sema);
    sema_calls(&sema);
    sema_whole(&sema);
    sema_bind(&sema);
    sema_c_names(&sema);
    sema_settings(&sema);
    return model;
}
