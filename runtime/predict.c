/* predict.c: `predict` and `eval`: a trained model on data. */
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

enum { BATCH_ROWS = 4096, STACK_MAX = 32 };

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

static void add_rows(Text *text, const double *values, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < width; k++) {
            if (k) {
                text_string(text, ",");
            }
            text_number(text, values[i * width + k], true);
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

static bool predict_rows(Session *session, Output *output) {
    Model *model = session->model;
    const Kernel *kernel = &model->kernels[ROLE_FORWARD];
    int64_t width = model->forward.count;
    int64_t total = session->data.samples;
    bool whole = model->forward_by_row || total < BATCH_ROWS; /* rows are where they are in DATA */
    int64_t batch = whole ? total : BATCH_ROWS;
    int64_t room = model->forward_by_row ? session->data.rows : batch;
    size_t size = model_work(session->context, model, kernel, batch);
    double *values = memory_new(session->context, (size_t)room + 1,
                                sizeof(double) * (size_t)(width ? width : 1));
    double *work = size == SIZE_MAX ? NULL : NEW(session->context, double, size + 1);
    const void **columns = NEW(session->context, const void *, model->column_count + 1);
    Evaluator mover = {.model = model, .data = &session->data};
    if (!values || !work || !columns) {
        return false;
    }
    add_header(&output->text, model);
    for (int64_t first = 0; first < total; first += batch) {
        int64_t rows = total - first < batch ? total - first : batch;
        Part part = evaluate_move(&mover, first, rows, columns);
        GradcArgs args = model->args;
        args.params = session->params;
        args.columns = part.columns;
        args.starts = part.starts;
        args.rows = rows;
        args.out = values;
        args.work = work;
        kernel->function(&args);
        add_rows(&output->text, values, model->forward_by_row ? room : rows, width);
        if (!flush(output)) {
            return false;
        }
    }
    return true;
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
    bool done = predict_rows(session, &output);
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

static void print_value(const char *name, double value) {
    char number[NUMBER_SIZE];
    number_write(number, value, true);
    printf("%s = %s\n", name, number);
}

int command_eval(Session *session) {
    Model *model = session->model;
    Evaluator evaluator;
    double *metrics = NEW(session->context, double, model->metric_count + 1);
    if (!metrics || !evaluator_start(session->context, &evaluator, model, &session->data,
                                     (size_t)session->threads, 1, SLOPES_NONE)) {
        return STATUS_FAILED;
    }
    printf("rows = %lld\n", (long long)session->data.rows);
    if (session->data.starts) {
        printf("samples = %lld\n", (long long)session->data.samples);
    }
    if (model->kernels[ROLE_OBJECTIVE].function) {
        print_value("objective", evaluate(&evaluator, session->params, NULL));
    }
    bool done = true;
    for (size_t i = 0; i < model->metric_count; i++) {
        const Metric *metric = &model->metrics[i];
        if (!metric->expression) {
            metrics[i] = evaluate_metric(&evaluator, session->params, metric);
        } else if (!derived_value(model, metric->expression, metrics, &metrics[i])) {
            done = report_error(session->context, "metric `%s` cannot be computed", metric->name);
            continue;
        }
        print_value(metric->name, metrics[i]);
    }
    evaluator_end(&evaluator);
    return done ? STATUS_OK : STATUS_FAILED;
}
