/* session.c: what all commands do first: definitions, trained parameters, data, dims, start values.
 */
#include "runtime/ranks.h"
#include "runtime/store.h"

#include <string.h>

/* NAME=VALUE in two; NULL: reported. */
static char *split(Context *context, const char *option, const char *text, const char **value) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        report_error(context, "%s: expected NAME=VALUE, found `%s`", option, text);
        return NULL;
    }
    *value = equals + 1;
    return memory_copy(context, text, (size_t)(equals - text));
}

static bool set_const(Context *context, const Model *model, const char *option, const char *name,
                      const char *value) {
    Const *item = model_const(model, name);
    if (!item) {
        const char **names = NEW(context, const char *, model->const_count + 1);
        for (size_t i = 0; names && i < model->const_count; i++) {
            names[i] = model->consts[i].name;
        }
        const char *guess = names ? closest_name(name, names, model->const_count) : NULL;
        return report_error(context, "%s: the model has no const `%s`%s%s%s", option, name,
                            guess ? "; did you mean `" : "", guess ? guess : "", guess ? "`?" : "");
    }
    if (item->fixed) {
        return report_error(context, "%s: const `%s` was fixed when the model was compiled", option,
                            name);
    }
    return number_read_text(value, &item->value) ||
           report_error(context, "%s: `%s` is no number", option, value);
}

static bool define_dim(Context *context, Model *model, const char *name, const char *value) {
    Dim *dim = model_dim(model, name);
    int64_t size;
    if (!dim) {
        return set_const(context, model, "-D", name, value);
    }
    if (dim->rows) {
        return report_error(context, "-D: `%s` is the number of rows of a sample; the data decide",
                            name);
    }
    if (!integer_read_text(value, &size) || size < 0) {
        return report_error(context, "-D %s: expected a size, found `%s`", name, value);
    }
    return model_bind_dim(context, model, dim, size, "-D");
}

static bool take_definitions(Session *session) {
    const Options *options = session->options;
    const char *value;
    for (size_t i = 0; i < options->define_count; i++) {
        char *name = split(session->context, "-D", options->defines[i], &value);
        if (!name || !define_dim(session->context, session->model, name, value)) {
            session->usage = true;
            return false;
        }
    }
    const char *path = options->values[OPT_model];
    bool force = options->values[OPT_force] != NULL;
    if (path && !result_open(session->context, session->model, path, force, &session->file)) {
        return false;
    }
    for (size_t i = 0; i < options->set_count; i++) {
        char *name = split(session->context, "--set", options->sets[i], &value);
        if (!name || !set_const(session->context, session->model, "--set", name, value)) {
            session->usage = true;
            return false;
        }
    }
    return true;
}

static bool take_arrays(Session *session) {
    const Options *options = session->options;
    session->usage =
        options->array_count > 0 && !arrays_check(session->context, session->model, options);
    return !session->usage && arrays_load(session->context, session->model, options);
}

/* --sample, or the column of training. */
static bool take_sample(Session *session) {
    Model *model = session->model;
    const char *sample = session->options->values[OPT_sample];
    if (sample && !model_rows_dim(model)) {
        session->usage = true;
        return report_error(session->context,
                            "--sample: each row is a sample of model `%s`, which has no `dim T = "
                            "rows`",
                            model->name);
    }
    model->sample = sample ? sample : model->sample;
    return true;
}

static bool take_weights(Session *session) {
    const char *weights = session->options->values[OPT_weights];
    session->usage = weights && !weights_take(session->context, session->model, weights);
    if (weights && !session->usage && !session->options->data) {
        session->usage = true;
        report_error(session->context, "--weights: no data: give a file with the column `%s`",
                     weights);
    }
    return !session->usage;
}

/* What can be said of the options without the data. */
static bool check_usage(Session *session) {
    Context *context = session->context;
    const Options *options = session->options;
    const char *header = options->values[OPT_header];
    const char *delimiter = options->values[OPT_delimiter];
    const char *columns = options->values[OPT_columns];
    char ignored;
    bool done = true;
    if (header && strcmp(header, "auto") != 0 && strcmp(header, "yes") != 0 &&
        strcmp(header, "no") != 0) {
        done = report_error(context, "--header: expected auto, yes or no, found `%s`", header);
    }
    const char *na = options->values[OPT_na];
    if (done && na && strcmp(na, "error") != 0 && strcmp(na, "drop") != 0 &&
        strcmp(na, "mean") != 0) {
        done = report_error(context, "--na: expected error, drop or mean, found `%s`", na);
    }
    if (done && options->values[OPT_init] && options->values[OPT_model]) {
        done = report_error(context, "--init and -m both say where to start: give one of them");
    }
    done = done && (!delimiter || delimiter_read(context, delimiter, &ignored));
    done = done && (!columns || columns_check(context, session->model, columns));
    session->usage = !done;
    return done;
}

/* What trained parameters ask for is done by all commands: missing values are means there, too. */
static NaPolicy na_policy(const Session *session) {
    const Model *model = session->model;
    bool train = session->options->command == COMMAND_TRAIN;
    const char *text =
        train ? option_text(model, session->options, OPT_na) : session->options->values[OPT_na];
    bool means = false;
    for (size_t i = 0; i < model->column_count; i++) {
        means |= model->columns[i].means != NULL;
    }
    return !text                       ? (means ? NA_MEAN : NA_ERROR)
           : strcmp(text, "drop") == 0 ? NA_DROP
           : strcmp(text, "mean") == 0 ? NA_MEAN
                                       : NA_ERROR;
}

/* Parameters that were trained on other scales mean other things. */
static bool check_scales(Session *session) {
    if (scales_any(session->model) || !session->options->values[OPT_standardize] ||
        !session->file.bytes) {
        return true;
    }
    session->folded = scales_fold_all(session->model);
    return session->folded ||
           report_error(session->context,
                        "--standardize: the parameters of `%s` were trained without it",
                        session->file.path);
}

/* --stream, --memory: how much of the data may be in memory. */
static bool take_memory(Session *session, LoadOptions *load) {
    enum { THREADS_LEAST = 1 << 27 }; /* bytes, below which threads would take too much of them */
    const Options *options = session->options;
    const char *memory = options->values[OPT_memory];
    load->stream = options->values[OPT_stream] != NULL;
    load->limit = store_limit();
    session->usage = true;
    if (memory && !store_size(memory, &load->limit)) {
        return report_error(session->context,
                            "--memory: expected a size such as 500M or 2G, found `%s`", memory);
    }
    if (load->stream && model_rows_dim(session->model)) {
        return report_error(
            session->context,
            "--stream: samples of model `%s` are blocks of rows; streaming these is "
            "not supported yet",
            session->model->name);
    }
    session->usage = false;
    load->limit = load->limit > 0 ? load->limit : 1;
    load->threads = load->limit < THREADS_LEAST ? 1 : load->threads;
    return true;
}

/* What looks at all samples at once, or at a part of them, in ways that windows are no help for. */
static bool store_will_do(Session *session, const Data *data) {
    static const OptionId whole[] = {
        OPT_errors,   OPT_confidence,     OPT_correlations,   OPT_interval, OPT_page,
        OPT_plot_fit, OPT_plot_residuals, OPT_plot_confusion, OPT_cv,       OPT_search};
    for (size_t i = 0; data->store && i < sizeof whole / sizeof *whole; i++) {
        if (option_text(session->model, session->options, whole[i])) {
            return report_error(session->context,
                                "--%s is not supported yet where the data are on disk; if there is "
                                "memory for them, --memory says so",
                                option_name(whole[i]));
        }
    }
    return true;
}

bool session_load(Session *session, const char *path, Data *data) {
    Model *model = session->model;
    const Options *options = session->options;
    bool *needed = NEW(session->context, bool, model->column_count + 1);
    const char *header = options->values[OPT_header];
    if (!needed) {
        return false;
    }
    for (size_t i = 0; i < model->column_count; i++) {
        needed[i] = options->command != COMMAND_PREDICT || model_uses(model, ROLE_FORWARD, i);
    }
    LoadOptions load_options = {.columns = options->values[OPT_columns],
                                .delimiter = options->values[OPT_delimiter],
                                .header = header ? header : "auto",
                                .sample = model->sample,
                                .nonfinite = options->values[OPT_nonfinite] != NULL,
                                .needed = needed,
                                .threads = (size_t)session->threads,
                                .cache = options->values[OPT_cache] != NULL,
                                .na = na_policy(session),
                                .trained = options->command != COMMAND_TRAIN &&
                                           options->command != COMMAND_CHECK,
                                .standardize = options->values[OPT_standardize] != NULL};
    if (!path) {
        Dim *rows = model_rows_dim(model);
        data->rows = data->samples = 1;
        if (rows) {
            rows->bound = true; /* whatever it is when what is exported is called */
            rows->value = 1;
        }
        return true;
    }
    if (!take_memory(session, &load_options)) {
        return false;
    }
    bool shared = ranks_share_data(session, path, data);
    return check_scales(session) &&
           (shared ? ranks_load(session, &load_options, path, data)
                   : data_load(session->context, model, &load_options, path, data)) &&
           store_will_do(session, data) && data_make_samples(session->context, model, data) &&
           weights_check(session->context, model, data) && (!shared || ranks_divide(session, data));
}

static bool read_parameters(Session *session, double *params) {
    const Model *model = session->model;
    double *shown = NEW(session->context, double, model->shown_count + 1);
    char *where = memory_format(session->context, "`%s`: the value", session->file.path);
    if (!shown || !where || !result_params(session->context, model, &session->file, shown) ||
        !view_take(session->context, model, shown, params, where)) {
        return false;
    }
    if (session->folded) {
        scales_unfold(model, params);
    }
    return true;
}

/* --init: what the file has; all else stays where it starts. */
static bool read_starts(Session *session, const char *path, double *params) {
    Context *context = session->context;
    const Model *model = session->model;
    ResultFile file;
    View view;
    size_t found = 0;
    char *where = memory_format(context, "`%s`: the value", path);
    if (!where || !result_open_any(context, path, &file) ||
        !view_make(context, model, params, &view) ||
        !result_known_params(context, model, &file, view.numbers, &found)) {
        return false;
    }
    if (found == 0) {
        return report_error(context, "--init: `%s` has none of the params of model `%s`", path,
                            model->name);
    }
    const bool first = params == session->params;
    for (size_t i = 0; first && i < model->param_count; i++) {
        if (!result_holds(&file, model->params[i].name)) {
            report_note(context, "`%s` has no param `%s`, which starts as in the model", path,
                        model->params[i].name);
        }
    }
    bool done = view_take(context, model, view.numbers, params, where);
    view_free(context, &view);
    return done;
}

/* Where there is no memory for the params: what made them so many. */
static void explain_size(const Session *session) {
    const Model *model = session->model;
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        if (param->count < model->parameter_count / 2) {
            continue;
        }
        report_note(session->context, "param `%s` has %zu values", param->name, param->count);
        for (size_t axis = 0; axis < param->shape.rank; axis++) {
            const Dim *dim = model_dim(model, param->shape.sizes[axis]);
            if (dim && dim->value > 1000) {
                report_note(session->context, "`%s` is %lld by %s", dim->name,
                            (long long)dim->value, dim->by);
            }
        }
        return;
    }
}

bool session_parameters(Session *session, double *params) {
    Model *model = session->model;
    const Kernel *init = &model->kernels[ROLE_INIT];
    if (session->file.bytes) {
        return read_parameters(session, params);
    }
    size_t size = model_work(session->context, model, init, 1);
    double *work = size == SIZE_MAX ? NULL : NEW(session->context, double, size + 1);
    if (!work) {
        explain_size(session);
        return false;
    }
    if (init->function) {
        GradcArgs args = model->args;
        args.params = args.out = params;
        args.seed = session->seed;
        args.work = work;
        init->function(&args);
        reals_widen(model, params, model->parameter_count);
    }
    memory_free(session->context, work);
    const char *path = session->options->values[OPT_init];
    return view_check(session->context, model, params, "the start") &&
           (!path || read_starts(session, path, params));
}

static bool take_parameters(Session *session) {
    session->params = NEW(session->context, double, session->model->parameter_count + 1);
    if (!session->params) {
        explain_size(session);
        return false;
    }
    return session_parameters(session, session->params);
}

bool session_start(Context *context, Model *model, const Options *options, Session *session) {
    *session = (Session){.context = context, .model = model, .options = options};
    int64_t seed = 1;
    session->threads = (int64_t)threads_available();
    if (!option_integer(context, model, options, OPT_seed, 0, &seed) ||
        !option_integer(context, model, options, OPT_threads, 1, &session->threads)) {
        session->usage = true;
        return false;
    }
    session->seed = (uint64_t)seed;
    session->threads = session->threads > 1024 ? 1024 : session->threads;
    return check_usage(session) && take_definitions(session) && take_arrays(session) &&
           take_sample(session) && take_weights(session) &&
           session_load(session, options->data, &session->data) &&
           model_bind(context, model, session->data.samples) && take_parameters(session);
}
