/* tune.c: what is chosen by runs of training that nobody sees: k-fold cross-validation (--cv), the
 * search for constants (--search) by that or by --validate, and the rate finder (--rate=auto). All
 * of it is decided by the seed. */
#include "runtime/validate.h"

#include <math.h>
#include <string.h>

enum {
    FOLDS_STREAM = 0xf01d,
    SEARCH_STREAM = 0x5ea7c4,
    PROBE_STREAM = 0x9a7e,
    POINTS = 10,         /* of a range in a grid */
    POINTS_MOST = 10000, /* of a search */
    PROBE_SAMPLES = 10000,
    PROBE_STEPS = 200,
    PROBE_RATES = 8 /* above, and below, the method's own */
};

static const double probe_factor = 4;

/* One constant of the search. */
typedef struct {
    size_t item; /* of the model's consts */
    double low, high;
    bool log;
    double *list; /* or NULL: a range */
    int64_t count;
} Axis;

/* How good the parameters of a run are on what it did not see. */
typedef struct {
    double loss, *metrics;
} Score;

/* What is told of a run or of several, as a line for people and as an object of JSON. */
typedef struct {
    Text line, json;
} Row;

typedef struct {
    Session *session;
    const Training *training;
    FILE *stream; /* NULL: quiet */
    Axis *axes;
    size_t axis_count;
    int64_t folds;  /* of --cv, or 0 */
    int64_t points; /* of each range */
    int64_t random; /* --search-random, or 0 */
    Text *tried;    /* rows of the search and of the folds, for the result file */
    Text *parts;
} Tune;

/* ---- one run ---- */

static void row_start(const Tune *tune, Row *row, const char *first) {
    text_start(&row->line, tune->session->context);
    text_start(&row->json, tune->session->context);
    text_string(&row->line, first);
}

static void add_number(Row *row, const char *name, const char *suffix, double value) {
    char number[NUMBER_SIZE];
    number_write(number, value, false);
    text_format(&row->line, "%s%s%s=%s", row->line.length ? " " : "", name, suffix, number);
    char *key = memory_format(row->json.context, "%s%s", name, suffix);
    text_string(&row->json, row->json.length ? ", " : "");
    json_text(&row->json, key ? key : "");
    text_format(&row->json, ": %s", isfinite(value) ? number : "null");
    row->json.failed |= !key;
    memory_free(row->json.context, key);
}

/* The line is printed; the object becomes one more of the list, if there is one. */
static bool tell_row(const Tune *tune, Row *row, Text *list) {
    bool done = !row->line.failed && !row->json.failed;
    if (done && tune->stream) {
        fprintf(tune->stream, "%s\n", row->line.data);
        fflush(tune->stream);
    }
    if (done && list) {
        text_format(list, "%s{%s}", list->length ? ", " : "", row->json.data);
        done = !list->failed;
    }
    text_free(&row->line);
    text_free(&row->json);
    return done;
}

/* Trains on `data`, and looks at `other`. False: reported, or a signal came. */
static bool score_run(const Tune *tune, Context *context, const Data *data, const Data *other,
                      Score *score) {
    Session *session = tune->session;
    Model *model = session->model;
    Evaluator evaluator;
    double *params = NEW(context, double, model->parameter_count);
    bool finite;
    if (!params || !session_parameters(session, params)) {
        return false;
    }
    model->args.total = data->samples;
    bool done = train_quietly(session, tune->training, context, data, params, &finite);
    model->args.total = tune->training->data->samples;
    if (!done) {
        return false;
    }
    if (!finite) {
        score->loss = NAN;
        for (size_t i = 0; i < model->metric_count; i++) {
            score->metrics[i] = NAN;
        }
        return true;
    }
    if (!evaluator_start(context, &evaluator, model, other, (size_t)session->threads, 1,
                         SLOPES_NONE)) {
        return false;
    }
    score->loss = evaluate_losses(&evaluator, params, false) / (double)other->samples;
    done = metrics_evaluate(context, &evaluator, params, score->metrics);
    evaluator_end(&evaluator);
    return done;
}

/* ---- cross-validation ---- */

/* Fold `fold` is what the run does not see. */
static bool score_fold(const Tune *tune, const int64_t *folds, int64_t fold, Score *score) {
    const Data *whole = &tune->session->data;
    Context inner;
    Data rest, part;
    context_start(&inner, tune->session->context->program);
    bool *marks = NEW(&inner, bool, whole->samples);
    for (int64_t i = 0; marks && i < whole->samples; i++) {
        marks[i] = folds[i] == fold;
    }
    bool done = marks && data_part(&inner, tune->session->model, whole, marks, true, &part) &&
                data_part(&inner, tune->session->model, whole, marks, false, &rest) &&
                score_run(tune, &inner, &rest, &part, score);
    context_end(&inner);
    return done;
}

static bool print_fold(const Tune *tune, int64_t fold, const Score *score) {
    const Model *model = tune->session->model;
    Row row;
    row_start(tune, &row, "");
    add_number(&row, "fold", "", (double)fold + 1);
    add_number(&row, "validation", "", score->loss);
    for (size_t i = 0; i < model->metric_count; i++) {
        add_number(&row, model->metrics[i].name, "", score->metrics[i]);
    }
    return tell_row(tune, &row, tune->parts);
}

static void mean_of(const Score *scores, int64_t count, size_t metric, double *mean,
                    double *spread) {
    double sum = 0, square = 0;
    for (int64_t k = 0; k < count; k++) {
        sum += metric == SIZE_MAX ? scores[k].loss : scores[k].metrics[metric];
    }
    *mean = sum / (double)count;
    for (int64_t k = 0; k < count; k++) {
        double off = (metric == SIZE_MAX ? scores[k].loss : scores[k].metrics[metric]) - *mean;
        square += off * off;
    }
    *spread = sqrt(square / (double)(count - 1));
}

/* Adds means, and standard deviations among the folds. */
static void add_means(const Tune *tune, const Score *scores, Row *row) {
    const Model *model = tune->session->model;
    double mean, spread;
    mean_of(scores, tune->folds, SIZE_MAX, &mean, &spread);
    add_number(row, "validation", "", mean);
    add_number(row, "validation", "_sd", spread);
    for (size_t i = 0; i < model->metric_count; i++) {
        mean_of(scores, tune->folds, i, &mean, &spread);
        add_number(row, model->metrics[i].name, "", mean);
        add_number(row, model->metrics[i].name, "_sd", spread);
    }
}

/* The mean loss of all folds to *loss; what there is to tell is added to `row`. */
static bool score_folds(const Tune *tune, bool each, Row *row, double *loss) {
    Context *context = tune->session->context;
    const Model *model = tune->session->model;
    int64_t *folds = NEW(context, int64_t, tune->session->data.samples);
    Score *scores = NEW(context, Score, tune->folds);
    double spread;
    bool done = folds && scores &&
                data_folds(context, &tune->session->data, tune->folds,
                           tune->session->seed + FOLDS_STREAM, folds);
    for (int64_t k = 0; done && k < tune->folds; k++) {
        scores[k].metrics = NEW(context, double, model->metric_count + 1);
        done = scores[k].metrics && score_fold(tune, folds, k, &scores[k]) &&
               (!each || print_fold(tune, k, &scores[k]));
    }
    if (done) {
        mean_of(scores, tune->folds, SIZE_MAX, loss, &spread);
        add_means(tune, scores, row);
    }
    for (int64_t k = 0; scores && k < tune->folds; k++) {
        memory_free(context, scores[k].metrics);
    }
    memory_free(context, scores);
    memory_free(context, folds);
    return done;
}

static bool score_validation(const Tune *tune, Row *row, double *loss) {
    const Model *model = tune->session->model;
    Context inner;
    context_start(&inner, tune->session->context->program);
    Score score = {NAN, NEW(&inner, double, model->metric_count + 1)};
    bool done = score.metrics && score_run(tune, &inner, tune->training->data,
                                           &tune->training->validation->data, &score);
    if (done) {
        add_number(row, "validation", "", score.loss);
        for (size_t i = 0; i < model->metric_count; i++) {
            add_number(row, model->metrics[i].name, "", score.metrics[i]);
        }
    }
    *loss = score.loss;
    context_end(&inner);
    return done;
}

/* ---- the search ---- */

static double axis_value(const Axis *axis, double share) {
    if (axis->list) {
        int64_t k = (int64_t)(share * (double)axis->count);
        return axis->list[k < axis->count ? k : axis->count - 1];
    }
    if (share >= 1) {
        return axis->high;
    }
    return axis->log ? axis->low * pow(axis->high / axis->low, share)
                     : axis->low + share * (axis->high - axis->low);
}

/* Point `number` of the search. */
static void choose_point(const Tune *tune, Random *random, int64_t number, double *values) {
    for (size_t a = tune->axis_count; a-- > 0;) {
        const Axis *axis = &tune->axes[a];
        double share = 0;
        if (tune->random) {
            share = random_unit(random);
        } else {
            int64_t k = number % axis->count;
            number /= axis->count;
            share = axis->list        ? ((double)k + 0.5) / (double)axis->count
                    : axis->count > 1 ? (double)k / (double)(axis->count - 1)
                                      : 0;
        }
        values[a] = axis_value(axis, share);
    }
}

static void set_point(const Tune *tune, const double *values) {
    for (size_t a = 0; a < tune->axis_count; a++) {
        model_set_const(tune->session->model, tune->axes[a].item, values[a]);
    }
}

static void add_point(const Tune *tune, const double *values, Row *row) {
    for (size_t a = 0; a < tune->axis_count; a++) {
        add_number(row, tune->session->model->consts[tune->axes[a].item].name, "", values[a]);
    }
}

static int64_t point_count(const Tune *tune) {
    int64_t count = 1;
    for (size_t a = 0; a < tune->axis_count && count <= POINTS_MOST; a++) {
        count *= tune->axes[a].count;
    }
    return tune->random ? tune->random : count;
}

static bool try_point(const Tune *tune, const double *values, double *loss) {
    Row row;
    row_start(tune, &row, "");
    set_point(tune, values);
    add_point(tune, values, &row);
    bool done =
        tune->folds ? score_folds(tune, false, &row, loss) : score_validation(tune, &row, loss);
    if (!done) {
        text_free(&row.line);
        text_free(&row.json);
        return false;
    }
    return tell_row(tune, &row, tune->tried);
}

static bool print_best(const Tune *tune, const double *best, double least) {
    Row row;
    row_start(tune, &row, "best:");
    add_point(tune, best, &row);
    add_number(&row, "validation", "", least);
    return tell_row(tune, &row, NULL);
}

static bool search(const Tune *tune) {
    Context *context = tune->session->context;
    Random random;
    double least = INFINITY;
    double *values = NEW(context, double, tune->axis_count);
    double *best = NEW(context, double, tune->axis_count);
    random_start(&random, tune->session->seed + SEARCH_STREAM);
    for (int64_t k = 0; values && best && k < point_count(tune); k++) {
        double loss;
        choose_point(tune, &random, k, values);
        if (!try_point(tune, values, &loss)) {
            return false;
        }
        if (loss < least) {
            least = loss;
            memcpy(best, values, tune->axis_count * sizeof *best);
        }
    }
    if (!values || !best) {
        return false;
    }
    if (!isfinite(least)) {
        return report_error(context, "--search: at none of the points is the loss finite");
    }
    set_point(tune, best);
    return print_best(tune, best, least) &&
           session_parameters(tune->session, tune->session->params);
}

/* ---- what is asked for ---- */

/* All that is said of the options is the command line's fault; that there is no memory is not. */
static bool wrong_axis(Session *session, const char *text, const char *why) {
    session->usage = true;
    return report_error(session->context,
                        "--search: %s in `%s`; expected NAME=LOW..HIGH, NAME=LOW..HIGH,log "
                        "or NAME=A,B,C",
                        why, text);
}

static bool read_list(Session *session, const char *text, const char *values, Axis *axis) {
    Context *context = session->context;
    size_t most = strlen(values) + 1;
    axis->list = NEW(context, double, most);
    for (const char *p = values; axis->list; p++) {
        size_t length = strcspn(p, ",");
        char *word = memory_copy(context, p, length);
        if (!word || !number_read_text(word, &axis->list[axis->count++])) {
            return word && wrong_axis(session, text, "there is no number where one should be");
        }
        p += length;
        if (!*p) {
            return true;
        }
    }
    return false;
}

static bool read_range(Session *session, const char *text, const char *values, const char *dots,
                       Axis *axis) {
    Context *context = session->context;
    char *low = memory_copy(context, values, (size_t)(dots - values));
    size_t length = strcspn(dots + 2, ",");
    char *high = memory_copy(context, dots + 2, length);
    const char *rest = dots + 2 + length;
    if (!low || !high) {
        return false;
    }
    axis->log = strcmp(rest, ",log") == 0;
    if ((*rest && !axis->log) || !number_read_text(low, &axis->low) ||
        !number_read_text(high, &axis->high)) {
        return wrong_axis(session, text, "there is no number where one should be");
    }
    if (!(axis->low < axis->high)) {
        return wrong_axis(session, text, "the range is empty");
    }
    if (axis->log && !(axis->low > 0)) {
        return wrong_axis(session, text, "a range on a log scale begins above 0");
    }
    return true;
}

static bool read_axis(const Tune *tune, const char *text, Axis *axis) {
    Context *context = tune->session->context;
    const Model *model = tune->session->model;
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) {
        return wrong_axis(tune->session, text, "there are no values");
    }
    char *name = memory_copy(context, text, (size_t)(equals - text));
    const char **names = NEW(context, const char *, model->const_count + 1);
    if (!name || !names) {
        return false;
    }
    const Const *item = model_const(model, name);
    for (size_t i = 0; i < model->const_count; i++) {
        names[i] = model->consts[i].name;
    }
    if (!item) {
        const char *guess = closest_name(name, names, model->const_count);
        tune->session->usage = true;
        return report_error(context, "--search: the model has no const `%s`%s%s%s", name,
                            guess ? "; did you mean `" : "", guess ? guess : "", guess ? "`?" : "");
    }
    if (item->fixed) {
        tune->session->usage = true;
        return report_error(context, "--search: const `%s` was fixed when the model was compiled",
                            name);
    }
    axis->item = (size_t)(item - model->consts);
    const char *dots = strstr(equals + 1, "..");
    if (!dots) {
        return read_list(tune->session, text, equals + 1, axis);
    }
    axis->count = tune->points;
    return read_range(tune->session, text, equals + 1, dots, axis);
}

static bool read_axes(Tune *tune) {
    const Options *options = tune->session->options;
    Context *context = tune->session->context;
    tune->axis_count = options->search_count;
    tune->axes = NEW(context, Axis, tune->axis_count + 1);
    for (size_t i = 0; tune->axes && i < tune->axis_count; i++) {
        if (!read_axis(tune, options->searches[i], &tune->axes[i])) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (tune->axes[k].item == tune->axes[i].item) {
                tune->session->usage = true;
                return report_error(context, "--search: const `%s` is searched twice",
                                    tune->session->model->consts[tune->axes[i].item].name);
            }
        }
    }
    if (tune->axes && point_count(tune) > POINTS_MOST) {
        tune->session->usage = true;
        return report_error(context,
                            "--search: a grid of more than %d points; give fewer by "
                            "--search-points, or --search-random=N points",
                            (int)POINTS_MOST);
    }
    return tune->axes != NULL;
}

static bool read_tune(Tune *tune) {
    Session *session = tune->session;
    Context *context = session->context;
    const Options *options = session->options;
    tune->points = POINTS;
    if (!option_integer(context, session->model, options, OPT_cv, 2, &tune->folds) ||
        !option_integer(context, session->model, options, OPT_points, 1, &tune->points) ||
        !option_integer(context, session->model, options, OPT_random, 1, &tune->random)) {
        session->usage = true;
        return false;
    }
    if (options->values[OPT_cv] && options->values[OPT_validate]) {
        tune->session->usage = true;
        return report_error(context, "--cv and --validate are two ways to hold data out; give one");
    }
    if (options->values[OPT_points] && options->values[OPT_random]) {
        tune->session->usage = true;
        return report_error(context, "--search-points is of a grid, and --search-random asks for "
                                     "random points; give one");
    }
    const OptionId alone = options->values[OPT_points] ? OPT_points : OPT_random;
    if (options->values[alone] && !options->search_count) {
        tune->session->usage = true;
        return report_error(context, "--%s: nothing is searched; give --search NAME=LOW..HIGH",
                            option_name(alone));
    }
    bool held = tune->folds || option_text(session->model, options, OPT_validate);
    if (options->search_count && !held) {
        tune->session->usage = true;
        return report_error(context, "--search: by what? give --cv=5, or --validate=0.2");
    }
    return !options->search_count || read_axes(tune);
}

bool tune_check(Session *session) {
    Tune tune = {.session = session};
    if (!read_tune(&tune)) {
        return false;
    }
    int64_t samples = session->data.samples;
    if (tune.folds > samples) {
        session->usage = true;
        return report_error(session->context,
                            "--cv: %lld folds of %lld samples; there can be no more than samples",
                            (long long)tune.folds, (long long)samples);
    }
    return true;
}

/* {"folds": […], "validation": …} */
static bool tell_folds(const Tune *tune, char **json) {
    double loss;
    Row row;
    row_start(tune, &row, "cv:");
    if (!score_folds(tune, true, &row, &loss) || row.json.failed || tune->parts->failed) {
        return false;
    }
    *json = memory_format(tune->session->context, "{\"folds\": [%s], %s}", tune->parts->data,
                          row.json.data);
    return tell_row(tune, &row, NULL) && *json;
}

bool tune_run(Session *session, Training *training, FILE *stream) {
    Text tried, parts;
    Tune tune = {.session = session,
                 .training = training,
                 .stream = stream,
                 .tried = &tried,
                 .parts = &parts};
    text_start(&tried, session->context);
    text_start(&parts, session->context);
    bool done = read_tune(&tune) && (!tune.axis_count || search(&tune)) && !tried.failed;
    if (done && tune.axis_count) {
        training->searched = memory_format(session->context, "[%s]", tried.data);
        done = training->searched != NULL;
    }
    done = done && (!tune.folds || tell_folds(&tune, &training->folds));
    text_free(&tried);
    text_free(&parts);
    return done;
}

/* ---- --rate=auto ---- */

/* At most PROBE_SAMPLES of the data. */
static const Data *probe_data(Session *session, Context *context, const Data *whole) {
    if (whole->samples <= PROBE_SAMPLES) {
        return whole;
    }
    int64_t parts = (whole->samples + PROBE_SAMPLES - 1) / PROBE_SAMPLES;
    int64_t *folds = NEW(context, int64_t, whole->samples);
    bool *marks = NEW(context, bool, whole->samples);
    Data *part = NEW(context, Data, 1);
    if (!folds || !marks || !part ||
        !data_folds(context, whole, parts, session->seed + PROBE_STREAM, folds)) {
        return NULL;
    }
    for (int64_t i = 0; i < whole->samples; i++) {
        marks[i] = folds[i] == 0;
    }
    return data_part(context, session->model, whole, marks, true, part) ? part : NULL;
}

/* The objective after a short run with that rate; not finite: it diverges. */
static bool probe(Session *session, Context *context, const Training *settings, const Data *data,
                  double rate, double *objective) {
    Training training = *settings;
    Evaluator evaluator;
    int64_t batch = training.optimizer->batched      ? training.batch
                    : training.optimizer->full_batch ? data->samples
                                                     : 1;
    int64_t steps = (data->samples + batch - 1) / batch;
    bool finite;
    double *params = NEW(context, double, training.parameters);
    training.rate = training.base_rate = rate;
    training.epochs = (PROBE_STEPS + steps - 1) / steps;
    training.validation = NULL;
    training.schedule.warmup = 0;
    if (!params || !schedule_read(context, NULL, &training.schedule)) {
        return false;
    }
    memcpy(params, settings->params, training.parameters * sizeof *params);
    session->model->args.total = data->samples;
    bool done = train_quietly(session, &training, context, data, params, &finite) &&
                evaluator_start(context, &evaluator, session->model, data, (size_t)session->threads,
                                1, SLOPES_NONE);
    if (done) {
        *objective = finite ? evaluate(&evaluator, params, NULL) : NAN;
        evaluator_end(&evaluator);
    }
    session->model->args.total = settings->data->samples;
    return done;
}

bool rate_find(Session *session, Training *training, FILE *stream) {
    const double own = training->optimizer->rate;
    double best = 0, least = INFINITY;
    int64_t tried = 0, worse = 0;
    Context parts;
    context_start(&parts, session->context->program);
    const Data *data = probe_data(session, &parts, training->data);
    bool done = data != NULL;
    for (int k = -PROBE_RATES; done && k <= PROBE_RATES && worse < 2; k++, tried++) {
        Context inner;
        double rate = own * pow(probe_factor, k), objective = NAN;
        context_start(&inner, session->context->program);
        done = probe(session, &inner, training, data, rate, &objective);
        context_end(&inner);
        bool better = objective < least;
        least = better ? objective : least;
        best = better ? rate : best;
        worse = better ? 0 : worse + 1;
    }
    context_end(&parts);
    if (done && best == 0) {
        return report_error(session->context,
                            "--rate=auto: with none of the rates is the objective finite");
    }
    training->rate = training->base_rate = best;
    if (done && stream) {
        char number[NUMBER_SIZE];
        number_write(number, best, false);
        fprintf(stream, "rate=%s has the least objective of %lld rates after a short run\n", number,
                (long long)tried);
    }
    return done;
}
