/* predict.c: `predict` and `eval`: a trained model on data. */
#include "runtime/errors.h"
#include "runtime/seeing.h"
#include "runtime/store.h"

#include <math.h>
#include <string.h>

enum {
    BATCH_ROWS = 4096,
    STACK_MAX = 32,
    GRADIENT_MOST = 1 << 20 /* params, for which `eval` tells the norm */
};

/* The values are called after the target, where there is one, else `forward`. */
static const char *value_name(const Model *model) {
    const char *name = "forward";
    size_t targets = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        if (model->columns[i].target) {
            name = model->columns[i].name;
            targets++;
        }
    }
    return targets == 1 ? name : "forward";
}

static void add_header(Text *text, const Model *model) {
    const char *name = value_name(model);
    if (model->forward.rank == 0) {
        text_format(text, "%s\n", name);
        return;
    }
    for (int64_t i = 0; i < model->forward.count; i++) {
        text_format(text, "%s%s%lld", i ? "," : "", name, (long long)i);
    }
    text_string(text, "\n");
}

static void add_rows(Text *text, const Model *model, const double *values, int64_t rows,
                     int64_t width) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < width; k++) {
            if (k) {
                text_string(text, ",");
            }
            text_real(text, model, values[i * width + k]);
        }
        text_string(text, "\n");
    }
}

typedef struct {
    Text text;
    bool whole; /* kept until the end, for a file that is replaced at once */
} Output;

static bool flush(Output *output) {
    Text *text = &output->text;
    if (text->failed) {
        return false;
    }
    if (!output->whole) {
        fwrite(text->data, 1, text->length, stdout); /* checked with the stream at the end */
        text->length = 0;
        if (ferror(stdout)) {
            return false; /* main reports it */
        }
    }
    return true;
}

typedef struct {
    Context context; /* its own: memory is not shared between threads */
    Text text;
    double *values;
} Batch;

typedef struct {
    Session *session;
    Batch *batches;
    void *params;          /* as kernels take them */
    double **work;         /* by worker */
    const void ***columns; /* by worker */
    int64_t first, rows;   /* of the first batch, and of each */
} Round;

/* `params`: as kernels take them; `room` for so many rows in `values`. */
static void predict_part(Session *session, void *params, int64_t first, int64_t rows, int64_t room,
                         const void **columns, double *work, double *values) {
    const Model *model = session->model;
    Evaluator mover = {.model = model, .data = &session->data};
    Part part = evaluate_move(&mover, first, rows, columns);
    GradcArgs args = model->args;
    args.params = params;
    args.columns = part.columns;
    args.starts = part.starts;
    args.rows = rows;
    args.out = values;
    args.work = work;
    model->kernels[ROLE_FORWARD].function(&args);
    reals_widen(model, values, (size_t)(room * model->forward.count));
}

static void predict_batch(void *job, size_t item, size_t worker) {
    Round *round = job;
    Session *session = round->session;
    Batch *batch = &round->batches[item];
    int64_t first = round->first + (int64_t)item * round->rows;
    int64_t left = session->data.samples - first;
    int64_t rows = left < round->rows ? left : round->rows;
    batch->text.length = 0;
    if (rows > 0) {
        predict_part(session, round->params, first, rows, rows, round->columns[worker],
                     round->work[worker], batch->values);
        add_rows(&batch->text, session->model, batch->values, rows, session->model->forward.count);
    }
}

static bool make_round(Session *session, Round *round, size_t threads, size_t batches) {
    Context *context = session->context;
    const Model *model = session->model;
    size_t size = model_work(context, model, &model->kernels[ROLE_FORWARD], BATCH_ROWS);
    size_t width = (size_t)(model->forward.count ? model->forward.count : 1);
    *round = (Round){.session = session,
                     .rows = BATCH_ROWS,
                     .batches = NEW(context, Batch, batches),
                     .params = reals_of(context, model, session->params, model->parameter_count),
                     .work = NEW(context, double *, threads),
                     .columns = NEW(context, const void **, threads)};
    if (size == SIZE_MAX || !round->batches || !round->params || !round->work || !round->columns) {
        return false;
    }
    for (size_t i = 0; i < threads; i++) {
        round->work[i] = NEW(context, double, size + 1);
        round->columns[i] = NEW(context, const void *, model->column_count + 1);
        if (!round->work[i] || !round->columns[i]) {
            return false;
        }
    }
    for (size_t i = 0; i < batches; i++) {
        Batch *batch = &round->batches[i];
        context_start(&batch->context, context->program);
        text_start(&batch->text, &batch->context);
        batch->values = memory_new(context, BATCH_ROWS, sizeof(double) * width);
        if (!batch->values) {
            return false;
        }
    }
    return true;
}

static bool run_rounds(Session *session, Output *output, Round *round, ThreadPool *pool,
                       size_t batches) {
    int64_t step = (int64_t)batches * BATCH_ROWS;
    if (session->data.store && !store_room(session->data.store, step)) {
        return false;
    }
    for (round->first = 0; round->first < session->data.samples; round->first += step) {
        int64_t left = session->data.samples - round->first;
        if (session->data.store) { /* all that the workers look at */
            store_window(session->data.store, round->first, left < step ? left : step,
                         round->columns[0]);
        }
        threads_run(pool, predict_batch, round, batches);
        for (size_t i = 0; i < batches; i++) {
            const Text *text = &round->batches[i].text;
            if (text->failed) {
                return false;
            }
            text_bytes(&output->text, text->data, text->length);
            if (!flush(output)) {
                return false;
            }
        }
    }
    return true;
}

/* Batches of rows by threads: values and their text. */
static bool predict_batches(Session *session, Output *output) {
    Round round;
    int64_t most = (session->data.samples + BATCH_ROWS - 1) / BATCH_ROWS;
    size_t threads = (size_t)(session->threads < most ? session->threads : most);
    ThreadPool *pool = threads > 1 ? threads_start(session->context, threads) : NULL;
    threads = threads_count(pool);
    size_t batches = threads > 1 ? 2 * threads : 1;
    bool done = make_round(session, &round, threads, batches) &&
                run_rounds(session, output, &round, pool, batches);
    threads_stop(pool);
    for (size_t i = 0; round.batches && i < batches; i++) {
        context_end(&round.batches[i].context);
    }
    return done;
}

bool predict_all(Session *session, double *params, double *values) {
    Context *context = session->context;
    const Model *model = session->model;
    int64_t total = session->data.samples;
    int64_t batch = model->forward_by_row || total < BATCH_ROWS ? total : BATCH_ROWS;
    int64_t width = model->forward.count;
    size_t size = model_work(context, model, &model->kernels[ROLE_FORWARD], batch);
    double *work = size == SIZE_MAX ? NULL : NEW(context, double, size + 1);
    const void **columns = NEW(context, const void *, model->column_count + 1);
    void *reals = reals_of(context, model, params, model->parameter_count);
    bool done = work && columns && reals;
    for (int64_t first = 0; done && first < total; first += batch) {
        int64_t count = total - first < batch ? total - first : batch;
        int64_t room = model->forward_by_row ? session->data.rows : count;
        predict_part(session, reals, first, count, room, columns, work, values + first * width);
    }
    memory_free(context, work);
    memory_free(context, columns);
    memory_free(context, model->single ? reals : NULL);
    return done;
}

/* All rows at once: few, or such that stay where they are in DATA. */
static bool predict_whole(Session *session, Output *output) {
    const Model *model = session->model;
    int64_t width = model->forward.count;
    int64_t total = session->data.samples;
    int64_t room = model->forward_by_row ? session->data.rows : total;
    size_t size = model_work(session->context, model, &model->kernels[ROLE_FORWARD], total);
    double *values = memory_new(session->context, (size_t)room + 1,
                                sizeof(double) * (size_t)(width ? width : 1));
    double *work = size == SIZE_MAX ? NULL : NEW(session->context, double, size + 1);
    const void **columns = NEW(session->context, const void *, model->column_count + 1);
    void *params = reals_of(session->context, model, session->params, model->parameter_count);
    if (!values || !work || !columns || !params) {
        return false;
    }
    if (total > 0) {
        predict_part(session, params, 0, total, room, columns, work, values);
    }
    add_rows(&output->text, model, values, room, width);
    return flush(output);
}

static bool predict_rows(Session *session, Output *output) {
    const Model *model = session->model;
    add_header(&output->text, model);
    return model->forward_by_row || session->data.samples < BATCH_ROWS
               ? predict_whole(session, output)
               : predict_batches(session, output);
}

int command_predict(Session *session) {
    Output output = {.whole = false};
    const char *path = session->options->values[OPT_output];
    if (!session->model->has_forward || !session->model->kernels[ROLE_FORWARD].function) {
        report_error(session->context, "model `%s` has no `forward`", session->model->name);
        return STATUS_FAILED;
    }
    output.whole = path && strcmp(path, "-") != 0;
    text_start(&output.text, session->context);
    const bool intervals = option_text(session->model, session->options, OPT_interval) ||
                           option_text(session->model, session->options, OPT_interval_of);
    bool done = intervals ? predict_intervals(session, value_name(session->model), &output.text) &&
                                flush(&output)
                          : predict_rows(session, &output);
    if (done && output.whole) {
        done = file_write(session->context, path, output.text.data, output.text.length);
    }
    if (!done && !output.whole && ferror(stdout)) {
        report_error(session->context, "cannot write standard output");
    }
    return done ? STATUS_OK : STATUS_FAILED;
}

/* ---- eval ---- */

static bool apply_word(const char *word, double *stack, size_t *depth) {
    static const struct {
        const char *name;
        double (*function)(double);
    } functions[] = {{"sqrt", sqrt}, {"exp", exp}, {"log", log}, {"abs", fabs}, {"log1p", log1p}};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, word) == 0 && *depth > 0) {
            stack[*depth - 1] = functions[i].function(stack[*depth - 1]);
            return true;
        }
    }
    if (strcmp(word, "neg") == 0 && *depth > 0) {
        stack[*depth - 1] = -stack[*depth - 1];
        return true;
    }
    if (word[1] || !strchr("+-*/^", word[0]) || *depth < 2) {
        return false;
    }
    double b = stack[--*depth];
    double *a = &stack[*depth - 1];
    *a = *word == '+'   ? *a + b
         : *word == '-' ? *a - b
         : *word == '*' ? *a * b
         : *word == '/' ? *a / b
                        : pow(*a, b);
    return true;
}

/* RPN over metrics, consts and numbers. */
static bool derived_value(const Model *model, const char *rpn, const double *metrics,
                          double *value) {
    double stack[STACK_MAX];
    size_t depth = 0;
    for (const char *p = rpn; *p;) {
        char word[256];
        double number;
        size_t length = strcspn(p, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, p);
        bool found = false;
        for (size_t i = 0; i < model->metric_count && !found; i++) {
            found = strcmp(model->metrics[i].name, word) == 0;
            number = found ? metrics[i] : 0;
        }
        const Const *item = found ? NULL : model_const(model, word);
        if (item) {
            number = item->value;
        }
        if (found || item || number_read_text(word, &number)) {
            if (depth == STACK_MAX) {
                return false;
            }
            stack[depth++] = number;
        } else if (!apply_word(word, stack, &depth)) {
            return false;
        }
        p += length + (p[length] == ',');
    }
    *value = depth ? stack[0] : 0;
    return depth == 1;
}

static void add_value(Text *text, const char *name, double value) {
    text_format(text, "%s = ", name);
    text_number(text, value, true);
    text_string(text, "\n");
}

bool metrics_evaluate(Context *context, Evaluator *evaluator, double *params, double *metrics) {
    const Model *model = evaluator->model;
    bool done = true;
    for (size_t i = 0; i < model->metric_count; i++) {
        const Metric *metric = &model->metrics[i];
        if (!metric->expression) {
            metrics[i] = evaluate_metric(evaluator, params, metric);
        } else if (!derived_value(model, metric->expression, metrics, &metrics[i])) {
            done = report_error(context, "metric `%s` cannot be computed", metric->name);
        }
    }
    return done;
}

bool metrics_text(Session *session, Evaluator *evaluator, Text *text) {
    const Model *model = session->model;
    double *metrics = NEW(session->context, double, model->metric_count + 1);
    bool done = metrics && metrics_evaluate(session->context, evaluator, session->params, metrics);
    for (size_t i = 0; done && i < model->metric_count; i++) {
        add_value(text, model->metrics[i].name, metrics[i]);
    }
    memory_free(session->context, metrics);
    return done;
}

static bool evaluate_all(Session *session, Evaluator *evaluator, Text *text) {
    const Model *model = session->model;
    Residuals residuals = {0};
    text_format(text, "rows = %lld\n", (long long)session->data.rows);
    if (session->data.starts) {
        text_format(text, "samples = %lld\n", (long long)session->data.samples);
    }
    if (model->kernels[ROLE_OBJECTIVE].function) {
        add_value(text, "objective", evaluate(evaluator, session->params, NULL));
    }
    if (evaluator->slopes == SLOPES_OF_ALL) {
        double *gradient = NEW(session->context, double, model->parameter_count);
        if (!gradient) {
            return false;
        }
        evaluate(evaluator, session->params, gradient);
        add_value(text, "grad_norm", norm(gradient, model->parameter_count));
        memory_free(session->context, gradient);
    }
    bool done = metrics_text(session, evaluator, text);
    if (done && residuals_known(model, &session->data)) {
        done = residuals_start(session->context, model, &session->data, true, &residuals) &&
               residuals_text(session->context, &residuals, session->params, 0, text);
        residuals_end(session->context, &residuals);
    }
    return done;
}

int command_eval(Session *session) {
    const Model *model = session->model;
    const size_t count = model->parameter_count;
    const bool slopes =
        model->kernels[ROLE_GRADIENT].function && count > 0 && count <= GRADIENT_MOST;
    Evaluator evaluator;
    Seeing seeing;
    Text text;
    if (!seeing_start(session, &seeing)) {
        return session->usage ? STATUS_USAGE : STATUS_FAILED;
    }
    text_start(&text, session->context);
    if (!evaluator_start(session->context, &evaluator, model, &session->data,
                         (size_t)session->threads, 1, slopes ? SLOPES_OF_ALL : SLOPES_NONE)) {
        return STATUS_FAILED;
    }
    bool done = evaluate_all(session, &evaluator, &text) && !text.failed;
    fwrite(text.data ? text.data : "", 1, text.length, stdout); /* checked at the end */
    const Ending ending = {.params = session->params, .evaluator = &evaluator};
    done = seeing_end(&seeing, &ending) && done;
    evaluator_end(&evaluator);
    return done ? STATUS_OK : STATUS_FAILED;
}
