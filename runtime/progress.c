/* progress.c: on a terminal a line that redraws; elsewhere a line `epoch=… objective=…` for each
 * report; a CSV line for each epoch in --log. */
#include "runtime/progress.h"
#include "runtime/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double draw_interval = 0.1; /* seconds */

enum { SHOWN_VALUES = 64 }; /* params with at most so many values are shown in full */

double clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Lines that a run wrote after the checkpoint that it goes on from are written again. */
static bool continue_log(Context *context, Progress *progress, int64_t logged) {
    struct stat status;
    if (fstat(progress->log, &status) == 0 && S_ISREG(status.st_mode)) {
        if (status.st_size < logged) {
            report_warning(context, "`%s` is shorter than it was; lines of it are lost",
                           progress->log_path);
            logged = status.st_size;
        }
        if (ftruncate(progress->log, logged) != 0 || lseek(progress->log, 0, SEEK_END) < 0) {
            return report_error(context, "cannot write `%s`: %s", progress->log_path,
                                strerror(errno));
        }
    }
    progress->logged = logged;
    return true;
}

bool progress_start(Context *context, Progress *progress, bool quiet, bool to_error,
                    const char *log_path, bool validates, int64_t logged) {
    *progress = (Progress){.stream = to_error ? stderr : stdout,
                           .quiet = quiet,
                           .log = -1,
                           .started = clock_seconds(),
                           .log_path = log_path};
    terminal_start(&progress->terminal, progress->stream, quiet);
    if (!log_path) {
        return true;
    }
    progress->log =
        open(log_path, O_WRONLY | O_CREAT | O_CLOEXEC | (logged < 0 ? O_TRUNC : 0), 0666);
    if (progress->log < 0) {
        return report_error(context, "cannot write `%s`: %s", log_path, strerror(errno));
    }
    if (logged >= 0) {
        return continue_log(context, progress, logged);
    }
    const char *header = validates ? "epoch,objective,grad_norm,rate,validation\n"
                                   : "epoch,objective,grad_norm,rate\n";
    progress->logged = (int64_t)strlen(header);
    return bytes_write(context, progress->log, log_path, header, strlen(header));
}

bool progress_due(const Progress *progress, const Training *training) {
    return progress->log >= 0 || curve_due(progress->curve, training->epoch) ||
           training->epoch % training->report == 0 || training->epoch == training->epochs;
}

static const char *shown(char text[NUMBER_SIZE], double value) {
    number_write(text, value, false);
    return text;
}

static bool write_log(Progress *progress, const Training *training) {
    char line[6 * NUMBER_SIZE];
    char validation[NUMBER_SIZE] = "";
    char objective[NUMBER_SIZE];
    char gradient[NUMBER_SIZE];
    char rate[NUMBER_SIZE];
    if (training->validation) {
        shown(validation, training->validation_value);
    }
    int length =
        snprintf(line, sizeof line, "%lld,%s,%s,%s%s%s\n", (long long)training->epoch,
                 shown(objective, training->objective),
                 training->optimizer->full_batch ? shown(gradient, training->gradient_norm) : "",
                 shown(rate, training->rate), training->validation ? "," : "", validation);
    progress->logged += length;
    return bytes_write(training->context, progress->log, progress->log_path, line, (size_t)length);
}

static void write_line(const Progress *progress, const Training *training) {
    char number[NUMBER_SIZE];
    fprintf(progress->stream, "epoch=%lld", (long long)training->epoch);
    fprintf(progress->stream, " objective=%s", shown(number, training->objective));
    if (training->optimizer->full_batch) {
        fprintf(progress->stream, " grad_norm=%s", shown(number, training->gradient_norm));
    }
    if (training->validation) {
        fprintf(progress->stream, " validation=%s", shown(number, training->validation_value));
    }
    fprintf(progress->stream, " rate=%s\n", shown(number, training->rate));
    fflush(progress->stream);
}

/* 0:07, 12:30, 3:05:00; "" for what nobody knows. */
static void time_text(char *text, size_t size, double left) {
    text[0] = '\0';
    if (!(left >= 0 && left < 1e9)) {
        return;
    }
    long long whole = (long long)left;
    if (whole < 3600) {
        snprintf(text, size, "%lld:%02lld left", whole / 60, whole % 60);
    } else if (whole < 100 * 3600) {
        snprintf(text, size, "%lld:%02lld:%02lld left", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        snprintf(text, size, "%lld days left", whole / 86400);
    }
}

/* 950, 12.3k, 4.56M: at most six characters. */
static void speed_text(char *text, size_t size, double speed) {
    static const char units[] = {'\0', 'k', 'M', 'G', 'T', '\0'};
    size_t unit = 0;
    text[0] = '\0';
    if (!(speed > 0 && speed < 1e15)) {
        return;
    }
    for (; speed >= 999.5 && units[unit + 1]; unit++) {
        speed /= 1000;
    }
    int digits = speed >= 99.5 || unit == 0 ? 0 : speed >= 9.995 ? 1 : 2;
    snprintf(text, size, "%.*f%.1s samples/s", digits, speed, &units[unit]);
}

void progress_draw(Progress *progress, const Training *training, bool now) {
    double time = clock_seconds();
    if (!progress->terminal.live || (!now && time - progress->last_drawn < draw_interval)) {
        return;
    }
    LinePart parts[] = {{.label = "epoch", .rank = 0},
                        {.label = "objective", .rank = 1},
                        {.label = "|gradient|", .rank = 3},
                        {.label = "validation", .rank = 3},
                        {.label = "rate", .rank = 4},
                        {.rank = 5},
                        {.rank = 2}};
    enum { EPOCH, OBJECTIVE, GRADIENT, VALIDATION, RATE, SPEED, LEFT, PARTS };
    double spent = time - progress->started;
    double done = (double)training->epoch;
    snprintf(parts[EPOCH].value, PART_SIZE, "%lld/%lld", (long long)training->epoch,
             (long long)training->epochs);
    snprintf(parts[OBJECTIVE].value, PART_SIZE, "%.6g", training->objective);
    if (training->optimizer->full_batch) {
        snprintf(parts[GRADIENT].value, PART_SIZE, "%.3g", training->gradient_norm);
    }
    if (training->validation) {
        snprintf(parts[VALIDATION].value, PART_SIZE, "%.6g", training->validation_value);
    }
    snprintf(parts[RATE].value, PART_SIZE, "%.3g", training->rate);
    speed_text(parts[SPEED].value, PART_SIZE,
               spent > 0 ? done * (double)training->data->rows / spent : 0);
    time_text(parts[LEFT].value, PART_SIZE,
              done > 0 ? spent / done * ((double)training->epochs - done) : -1);
    terminal_draw(&progress->terminal, parts, PARTS);
    progress->last_drawn = time;
}

void progress_clear(Progress *progress) {
    terminal_clear(&progress->terminal);
}

bool progress_epoch(Progress *progress, const Training *training, bool last) {
    if (progress->log >= 0 && !write_log(progress, training)) {
        return false;
    }
    if (progress->curve) {
        const CurvePoint point = {
            .epoch = training->epoch,
            .objective = training->objective,
            .gradient = training->optimizer->full_batch ? training->gradient_norm : (double)NAN,
            .validation = training->validation ? training->validation_value : (double)NAN,
        };
        curve_add(progress->curve, &point, last);
    }
    bool regular = last || training->epoch % training->report == 0;
    if (progress->terminal.live) {
        progress_draw(progress, training, training->epoch == 0);
    } else if (!progress->quiet && regular) {
        write_line(progress, training);
    }
    return true;
}

static void statistics_text(const Training *training, Text *text) {
    int64_t passes, saved;
    statistics_count(training->evaluator, &passes, &saved);
    if (saved > 0) {
        text_format(text, "sufficient statistics: %lld passes over the data, %lld saved\n",
                    (long long)passes, (long long)saved);
    }
}

static void validation_text(const Training *training, Text *text) {
    const Model *model = training->model;
    const Validation *validation = training->validation;
    if (!validation) {
        return;
    }
    text_string(text, "validation = ");
    text_number(text, training->validation_value, true);
    text_string(text, "\n");
    for (size_t i = 0; i < model->metric_count; i++) {
        text_format(text, "validation_%s = ", model->metrics[i].name);
        text_number(text, validation->metrics[i], true);
        text_string(text, "\n");
    }
}

bool progress_end(Progress *progress, const Training *training, const View *view) {
    Context *context = training->context;
    bool done = true;
    progress_clear(progress);
    if (progress->log >= 0) {
        done = close(progress->log) == 0 ||
               report_error(context, "cannot write `%s`: %s", progress->log_path, strerror(errno));
        progress->log = -1;
    }
    if (progress->quiet) {
        return done;
    }
    Text text;
    text_start(&text, context);
    statistics_text(training, &text);
    view_text(&text, training->model, view, SHOWN_VALUES);
    text_string(&text, "objective = ");
    text_number(&text, training->objective, true);
    text_string(&text, "\n");
    validation_text(training, &text);
    done = done && !text.failed;
    if (done) {
        fwrite(text.data, 1, text.length, progress->stream); /* the stream is checked at the end */
    }
    text_free(&text);
    return done;
}
