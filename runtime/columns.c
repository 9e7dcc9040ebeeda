/* columns.c: which column of the file is which argument of the model.
 *
 * With a header: `x` is the column x; `x[D]` is x0 x1 … (or x1 x2 …, or x[0] x[1] …), or else all
 * columns that no other argument takes, in order. Without one the arguments take the columns in
 * order. --columns x=a,b,c5..c9 says it by hand. A trained model asks for the names that it was
 * trained on, in whatever order. What the file has for x[D] binds D. */
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    Context *context;
    Model *model;
    const LoadOptions *options;
    const char *where;
    char **names; /* NULL: no header */
    size_t count;
    Target *targets;
    Classes index;       /* of the names that are not empty */
    size_t *index_field; /* number in the index → file column */
    size_t **taken;      /* by column of the model: file columns, in order */
    size_t *taken_count; /* SIZE_MAX: not yet known */
} Matcher;

static bool needed(const Matcher *matcher, size_t column) {
    return matcher->options->needed[column];
}

static bool find_name(Matcher *matcher, const char *name, size_t *found) {
    if (!matcher->names || !*name) {
        return false;
    }
    int64_t number = classes_find(matcher->context, &matcher->index, name, strlen(name), false);
    if (number < 0) {
        return false;
    }
    *found = matcher->index_field[number];
    return true;
}

static bool take(Matcher *matcher, size_t column, size_t field) {
    size_t *count = &matcher->taken_count[column];
    if (!matcher->taken[column]) {
        matcher->taken[column] = NEW(matcher->context, size_t, matcher->count + 1);
        if (!matcher->taken[column]) {
            return false;
        }
        *count = 0;
    }
    if (*count == matcher->count || matcher->targets[field].used) {
        return report_place(matcher->context, matcher->where,
                            "column %zu is taken twice, by `%s` too", field + 1,
                            matcher->model->columns[column].name);
    }
    bool separates = matcher->targets[field].separates;
    matcher->targets[field] = (Target){true, (uint32_t)column, (int64_t)*count, separates};
    matcher->taken[column][(*count)++] = field;
    return true;
}

static bool missing(Matcher *matcher, const char *name) {
    const char *guess =
        closest_name(name, (const char *const *)(void *)matcher->names, matcher->count);
    if (guess) {
        return report_place(matcher->context, matcher->where,
                            "there is no column `%s`; did you mean `%s`? (--columns %s=%s)", name,
                            guess, name, guess);
    }
    return report_place(
        matcher->context, matcher->where,
        "there is no column `%s`; name the columns by --columns, as in --columns %s=NAME", name,
        name);
}

/* ---- --columns ---- */

/* A column by its name, or without a header by its number from 1. */
static bool column_named(Matcher *matcher, const char *option, const char *name, size_t *found) {
    int64_t number;
    if (find_name(matcher, name, found)) {
        return true;
    }
    if (!matcher->names && integer_read_text(name, &number) && number >= 1 &&
        (size_t)number <= matcher->count) {
        *found = (size_t)number - 1;
        return true;
    }
    if (!matcher->names) {
        return report_error(matcher->context,
                            "%s: the data have no header; say columns as numbers 1 … %zu, not `%s`",
                            option, matcher->count, name);
    }
    const char *guess =
        closest_name(name, (const char *const *)(void *)matcher->names, matcher->count);
    return report_error(matcher->context, "%s: there is no column `%s`%s%s%s", option, name,
                        guess ? "; did you mean `" : "", guess ? guess : "", guess ? "`?" : "");
}

/* All of NAME[0] NAME[1] …, where there is no column NAME; `found`: there are such. */
static bool take_whole(Matcher *matcher, size_t column, const char *name, bool *found) {
    size_t field;
    *found = false;
    if (find_name(matcher, name, &field)) {
        return true;
    }
    for (size_t i = 0;; i++) {
        char *entry = memory_format(matcher->context, "%s[%zu]", name, i);
        if (!entry) {
            return false;
        }
        bool more = find_name(matcher, entry, &field);
        memory_free(matcher->context, entry);
        if (!more) {
            return true;
        }
        *found = true;
        if (!take(matcher, column, field)) {
            return false;
        }
    }
}

static bool take_range(Matcher *matcher, size_t column, char *text) {
    size_t first, last;
    bool found;
    if (!take_whole(matcher, column, text, &found) || found) {
        return found;
    }
    char *dots = strstr(text, "..");
    if (dots && !find_name(matcher, text, &first)) {
        *dots = 0;
        if (!column_named(matcher, "--columns", text, &first) ||
            !column_named(matcher, "--columns", dots + 2, &last)) {
            return false;
        }
    } else {
        if (!column_named(matcher, "--columns", text, &first)) {
            return false;
        }
        last = first;
    }
    if (last < first) {
        return report_error(matcher->context, "--columns: `%s` stands after `%s` in the data", text,
                            dots ? dots + 2 : text);
    }
    for (size_t i = first; i <= last; i++) {
        if (!take(matcher, column, i)) {
            return false;
        }
    }
    return true;
}

static bool find_argument(Matcher *matcher, const char *name, size_t *found) {
    const Column *column = model_column(matcher->model, name);
    if (column) {
        *found = (size_t)(column - matcher->model->columns);
        return true;
    }
    return report_error(matcher->context, "--columns: the model has no argument `%s`", name);
}

/* `x=a,b,c5..c9 y=target`, which columns_check has seen. */
static bool take_by_hand(Matcher *matcher) {
    const char *text = matcher->options->columns;
    char *copy = memory_copy(matcher->context, text, strlen(text));
    char *rest = NULL;
    for (char *word = copy ? strtok_r(copy, " ", &rest) : NULL; word;
         word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        size_t column = 0;
        *equals = 0;
        if (!find_argument(matcher, word, &column)) {
            return false;
        }
        for (char *part = equals + 1; part;) {
            char *comma = strchr(part, ',');
            if (comma) {
                *comma = 0;
            }
            if (!take_range(matcher, column, part)) {
                return false;
            }
            part = comma ? comma + 1 : NULL;
        }
    }
    return copy != NULL;
}

bool columns_check(Context *context, const Model *model, const char *text) {
    for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
        size_t length = strcspn(p, " ");
        size_t name = strcspn(p, " =");
        bool known = false;
        if (name == 0 || name + 1 >= length) {
            return report_error(context, "--columns: expected NAME=COLUMNS, found `%.*s`",
                                (int)length, p);
        }
        for (size_t i = 0; i < model->column_count && !known; i++) {
            const char *argument = model->columns[i].name;
            known = strlen(argument) == name && strncmp(argument, p, name) == 0;
        }
        if (!known) {
            return report_error(context, "--columns: the model has no argument `%.*s`", (int)name,
                                p);
        }
        p += length;
    }
    return true;
}

/* ---- by names ---- */

/* x0 x1 …, x1 x2 …, x[0] x[1] …: as many as there are, in the order of their numbers. */
static bool take_numbered(Matcher *matcher, size_t column, const char *format, size_t start) {
    const Column *argument = &matcher->model->columns[column];
    for (size_t i = start;; i++) {
        size_t field;
        char *name = memory_format(matcher->context, format, argument->name, i);
        if (!name) {
            return false;
        }
        bool found = find_name(matcher, name, &field);
        memory_free(matcher->context, name);
        if (!found || matcher->targets[field].used) {
            return true;
        }
        if (!take(matcher, column, field)) {
            return false;
        }
    }
}

/* x[0,0] x[0,1] … of a matrix whose rows have a known length. */
static bool take_matrix(Matcher *matcher, size_t column) {
    const Column *argument = &matcher->model->columns[column];
    int64_t width;
    if (argument->shape.rank != 2 ||
        !model_size(matcher->model, argument->shape.sizes[1], 0, &width) || width < 1) {
        return true;
    }
    for (int64_t i = 0;; i++) {
        size_t field;
        char *name = memory_format(matcher->context, "%s[%lld,%lld]", argument->name,
                                   (long long)(i / width), (long long)(i % width));
        if (!name) {
            return false;
        }
        bool found = find_name(matcher, name, &field);
        memory_free(matcher->context, name);
        if (!found) {
            return true;
        }
        if (!take(matcher, column, field)) {
            return false;
        }
    }
}

static bool take_array(Matcher *matcher, size_t column) {
    static const struct {
        const char *format;
        size_t start;
    } forms[] = {{"%s%zu", 0}, {"%s[%zu]", 0}, {"%s_%zu", 0}, {"%s%zu", 1}, {"%s_%zu", 1}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms && !matcher->taken[column]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (!take_numbered(matcher, column, forms[i].format, forms[i].start)) {
            return false;
        }
#pragma GCC diagnostic pop
    }
    return matcher->taken[column] || take_matrix(matcher, column);
}

static bool take_by_name(Matcher *matcher) {
    Model *model = matcher->model;
    for (size_t i = 0; i < model->column_count; i++) {
        size_t field;
        if (matcher->taken[i] || model->columns[i].shape.rank > 0) {
            continue;
        }
        if (!find_name(matcher, model->columns[i].name, &field)) {
            if (needed(matcher, i)) {
                return missing(matcher, model->columns[i].name);
            }
            continue;
        }
        if (!take(matcher, i, field)) {
            return false;
        }
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (!matcher->taken[i] && model->columns[i].shape.rank > 0 && !take_array(matcher, i)) {
            return false;
        }
    }
    return true;
}

/* The names that the model was trained on; all of an argument, or none of it. */
static bool take_trained(Matcher *matcher) {
    Model *model = matcher->model;
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *argument = &model->columns[i];
        if (matcher->taken[i] || !needed(matcher, i)) {
            continue;
        }
        for (size_t k = 0; k < argument->field_count; k++) {
            size_t field;
            if (!find_name(matcher, argument->fields[k], &field)) {
                return report_place(
                    matcher->context, matcher->where,
                    "there is no column `%s`, which `%s` was trained on; --columns %s=… says "
                    "which to take",
                    argument->fields[k], argument->name, argument->name);
            }
            if (!take(matcher, i, field)) {
                return false;
            }
        }
    }
    return true;
}

/* For the result of training. */
static bool keep_names(Matcher *matcher, size_t column) {
    Column *argument = &matcher->model->columns[column];
    if (argument->fields) {
        return true;
    }
    argument->field_count = matcher->taken_count[column];
    argument->fields = NEW(matcher->context, char *, argument->field_count + 1);
    for (size_t k = 0; argument->fields && k < argument->field_count; k++) {
        char *name = matcher->names[matcher->taken[column][k]];
        argument->fields[k] = name;
        if (!utf8_valid(name, strlen(name))) {
            return report_place(matcher->context, matcher->where, "the name of column %zu %s",
                                matcher->taken[column][k] + 1, NOT_UTF8);
        }
    }
    return argument->fields != NULL;
}

/* The one array argument that names do not find takes all that is left. */
static bool take_rest(Matcher *matcher) {
    Model *model = matcher->model;
    size_t open = SIZE_MAX;
    for (size_t i = 0; i < model->column_count; i++) {
        if (matcher->taken[i] || !needed(matcher, i)) {
            continue;
        }
        if (open != SIZE_MAX) {
            return report_place(matcher->context, matcher->where,
                                "which columns are `%s` and which `%s`? say so by --columns",
                                model->columns[open].name, model->columns[i].name);
        }
        open = i;
    }
    if (open == SIZE_MAX) {
        return true;
    }
    for (size_t field = 0; field < matcher->count; field++) {
        bool named = !matcher->names || matcher->names[field][0];
        bool taken = matcher->targets[field].used || matcher->targets[field].separates;
        if (!taken && named && !take(matcher, open, field)) {
            return false;
        }
    }
    return matcher->taken[open] ||
           report_place(matcher->context, matcher->where, "no column is left for `%s`",
                        model->columns[open].name);
}

/* ---- by order ---- */

/* How many columns an argument has, if that is known. */
static bool known_count(Matcher *matcher, size_t column, int64_t *count) {
    Shape *shape = &matcher->model->columns[column].shape;
    bool known = shape_resolve(matcher->context, matcher->model, shape);
    *count = known ? shape->count : 0;
    return known;
}

/* Without a header: all arguments of the loss, or only the needed ones, whichever fits. */
static bool take_in_order(Matcher *matcher, bool all) {
    Model *model = matcher->model;
    size_t open = SIZE_MAX;
    int64_t fixed = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        int64_t count = 0;
        if (matcher->taken[i] || (!all && !needed(matcher, i))) {
            continue;
        }
        if (!known_count(matcher, i, &count)) {
            if (open != SIZE_MAX) {
                return report_place(
                    matcher->context, matcher->where,
                    "which columns are `%s` and which `%s`? the data have no header; use --columns",
                    model->columns[open].name, model->columns[i].name);
            }
            open = i;
        }
        fixed += count;
    }
    int64_t available = (int64_t)matcher->count - (matcher->options->sample != NULL);
    int64_t rest = available - fixed;
    if (rest < (open != SIZE_MAX) || (open == SIZE_MAX && rest != 0)) {
        return report_place(matcher->context, matcher->where,
                            "the data have %zu column%s and no header; the model needs %s%lld",
                            matcher->count, matcher->count == 1 ? "" : "s",
                            open != SIZE_MAX ? "more than " : "", (long long)fixed);
    }
    size_t field = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        int64_t count = 0;
        if (matcher->taken[i] || (!all && !needed(matcher, i))) {
            continue;
        }
        if (!known_count(matcher, i, &count)) {
            count = rest;
        }
        for (int64_t k = 0; k < count; k++) {
            field += matcher->targets[field].separates;
            if (!take(matcher, i, field++)) {
                return false;
            }
        }
    }
    return true;
}

static int64_t total_count(Matcher *matcher) {
    int64_t total = 0;
    for (size_t i = 0; i < matcher->model->column_count; i++) {
        int64_t count;
        if (!known_count(matcher, i, &count)) {
            return -1;
        }
        total += count;
    }
    return total;
}

/* ---- sizes ---- */

/* A dim of the shape that something else has bound, or NULL. */
static const Dim *foreign_dim(const Model *model, const Shape *shape) {
    for (size_t i = 0; i < shape->rank; i++) {
        const Dim *dim = model_dim(model, shape->sizes[i]);
        if (dim && dim->by) {
            return dim;
        }
    }
    return NULL;
}

/* Binds the dims of one argument by the number of its columns. */
static bool bind_sizes(Matcher *matcher, size_t column) {
    Model *model = matcher->model;
    Column *argument = &model->columns[column];
    int64_t count = (int64_t)matcher->taken_count[column];
    int64_t known = 1;
    Dim *open = NULL;
    for (size_t i = 0; i < argument->shape.rank; i++) {
        int64_t size;
        if (model_size(model, argument->shape.sizes[i], 0, &size)) {
            known *= size;
            continue;
        }
        Dim *dim = model_dim(model, argument->shape.sizes[i]);
        if (!dim || (open && open != dim)) {
            return report_place(matcher->context, matcher->where,
                                "the shape of `%s` is not known; give -D NAME=VALUE",
                                argument->name);
        }
        if (open == dim) {
            return report_place(matcher->context, matcher->where,
                                "the shape of `%s` has `%s` twice; give -D %s=VALUE",
                                argument->name, dim->name, dim->name);
        }
        open = dim;
    }
    if (open && known > 0 && count % known == 0) {
        char *by = memory_format(matcher->context, "the columns of `%s`", argument->name);
        if (!by || !model_bind_dim(matcher->context, model, open, count / known, by)) {
            return false;
        }
        known = count;
    }
    if (known != count) {
        const Dim *dim = foreign_dim(model, &argument->shape);
        char *why = dim ? memory_format(matcher->context, " (`%s` is %lld by %s)", dim->name,
                                        (long long)dim->value, dim->by)
                        : NULL;
        return report_place(matcher->context, matcher->where,
                            "`%s` has %lld values a sample%s, but %lld columns", argument->name,
                            (long long)known, why ? why : "", (long long)count);
    }
    return shape_resolve(matcher->context, model, &argument->shape);
}

/* By a hash: a file may have a hundred thousand columns. */
static bool index_names(Matcher *matcher) {
    matcher->index_field = NEW(matcher->context, size_t, matcher->count + 1);
    if (!matcher->index_field) {
        return false;
    }
    for (size_t i = 0; i < matcher->count; i++) {
        const char *name = matcher->names[i];
        size_t before = matcher->index.count;
        int64_t number =
            *name ? classes_find(matcher->context, &matcher->index, name, strlen(name), true) : 0;
        if (number < 0) {
            return false;
        }
        if (*name && matcher->index.count == before) {
            return report_place(matcher->context, matcher->where,
                                "two columns are called `%s`, number %zu and number %zu", name,
                                matcher->index_field[number] + 1, i + 1);
        }
        if (*name) {
            matcher->index_field[number] = i;
        }
    }
    return true;
}

/* The column of --sample. */
static bool find_separator(Matcher *matcher) {
    const char *name = matcher->options->sample;
    size_t field;
    if (!column_named(matcher, "--sample", name, &field)) {
        return false;
    }
    matcher->targets[field].separates = true;
    return true;
}

static bool match(Matcher *matcher) {
    Model *model = matcher->model;
    if (matcher->names && !index_names(matcher)) {
        return false;
    }
    if (matcher->options->sample && !find_separator(matcher)) {
        return false;
    }
    if (matcher->options->columns && !take_by_hand(matcher)) {
        return false;
    }
    if (matcher->names) {
        if (!take_trained(matcher) || !take_by_name(matcher) || !take_rest(matcher)) {
            return false;
        }
    } else if (!matcher->options->columns) {
        int64_t available = (int64_t)matcher->count - (matcher->options->sample != NULL);
        if (!take_in_order(matcher, total_count(matcher) == available)) {
            return false;
        }
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (!matcher->taken[i] && needed(matcher, i)) {
            return report_place(matcher->context, matcher->where, "--columns says nothing of `%s`",
                                model->columns[i].name);
        }
        if (matcher->taken[i] && needed(matcher, i) && !bind_sizes(matcher, i)) {
            return false;
        }
        if (matcher->names && matcher->taken[i] && !keep_names(matcher, i)) {
            return false;
        }
    }
    for (size_t field = 0; field < matcher->count; field++) {
        Target *target = &matcher->targets[field];
        target->used = target->used && needed(matcher, target->column);
    }
    return true;
}

bool columns_match(Context *context, Model *model, const LoadOptions *options, const char *where,
                   char **names, size_t count, Target *targets) {
    Matcher matcher = {.context = context,
                       .model = model,
                       .options = options,
                       .where = where,
                       .names = names,
                       .count = count,
                       .targets = targets};
    memset(targets, 0, count * sizeof *targets);
    matcher.taken = NEW(context, size_t *, model->column_count + 1);
    matcher.taken_count = NEW(context, size_t, model->column_count + 1);
    bool done = matcher.taken && matcher.taken_count && match(&matcher);
    for (size_t i = 0; matcher.taken && i < model->column_count; i++) {
        memory_free(context, matcher.taken[i]);
    }
    memory_free(context, matcher.taken);
    memory_free(context, matcher.taken_count);
    return done;
}
