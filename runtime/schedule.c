/* schedule.c: the learning rate over a run: --schedule and --warmup, by a table. Time is counted in
 * epochs, t, with fractions inside an epoch, so that a schedule means the same for all sizes of
 * batches; the rate is set anew before each step, or for a few steps of a kernel at once. */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum { VALUES_MAX = 2, WORD_SIZE = 64 };

/* Factors of the rate after t of T epochs. */
static double constant_factor(const double *values, double t, double total) {
    (void)values;
    (void)t;
    (void)total;
    return 1;
}

static double step_factor(const double *values, double t, double total) {
    double every = values[0] > 0 ? values[0] : fmax(1, floor(total / 3));
    return pow(values[1], floor(t / every));
}

static double exponential_factor(const double *values, double t, double total) {
    (void)total;
    return pow(values[0], t);
}

static double inverse_factor(const double *values, double t, double total) {
    (void)total;
    return pow(1 + values[0] * t, -values[1]);
}

static double cosine_factor(const double *values, double t, double total) {
    const double pi = 3.14159265358979323846;
    double done = total > 0 ? fmin(t / total, 1) : 1;
    return values[0] + (1 - values[0]) * (1 + cos(pi * done)) / 2;
}

struct ScheduleRow {
    const char *name, *form;
    size_t count; /* of parameters */
    double defaults[VALUES_MAX], most[VALUES_MAX];
    double (*factor)(const double *values, double t, double total);
};

static const ScheduleRow rows[] = {
    {"constant", "constant", 0, {0}, {0}, constant_factor},
    {"step", "step:EPOCHS,FACTOR", 2, {0, 0.1}, {INFINITY, 1}, step_factor},
    {"exponential", "exponential:FACTOR", 1, {0.95}, {1}, exponential_factor},
    {"inverse", "inverse:K,POWER", 2, {1, 1}, {INFINITY, INFINITY}, inverse_factor},
    {"cosine", "cosine:LEAST", 1, {0}, {1}, cosine_factor},
};
enum { ROWS = sizeof rows / sizeof *rows };

static bool unknown(Context *context, const char *word) {
    const char *names[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        names[i] = rows[i].name;
    }
    const char *guess = closest_name(word, names, ROWS);
    return report_error(context, "--schedule: unknown schedule `%s`%s%s%s", word,
                        guess ? "; did you mean `"
                              : "; there are constant, step, exponential, inverse and cosine",
                        guess ? guess : "", guess ? "`?" : "");
}

static bool read_value(Context *context, const ScheduleRow *row, size_t k, const char *text,
                       size_t length, double *value) {
    char word[WORD_SIZE];
    snprintf(word, sizeof word, "%.*s", (int)length, text);
    if (!number_read_text(word, value)) {
        return report_error(context, "--schedule=%s: expected a number, found `%s`", row->form,
                            word);
    }
    if (!(*value >= 0 && *value <= row->most[k])) {
        return isfinite(row->most[k])
                   ? report_error(context,
                                  "--schedule=%s: expected a number from 0 to %g, found %s",
                                  row->form, row->most[k], word)
                   : report_error(context, "--schedule=%s: expected a number from 0 on, found %s",
                                  row->form, word);
    }
    return true;
}

bool schedule_read(Context *context, const char *text, Schedule *schedule) {
    size_t length = text ? strcspn(text, ":") : 0;
    schedule->row = text ? NULL : &rows[0];
    for (size_t i = 0; text && i < ROWS; i++) {
        if (strlen(rows[i].name) == length && strncmp(text, rows[i].name, length) == 0) {
            schedule->row = &rows[i];
        }
    }
    if (!schedule->row) {
        char word[WORD_SIZE];
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        return unknown(context, word);
    }
    const ScheduleRow *row = schedule->row;
    memcpy(schedule->values, row->defaults, sizeof schedule->values);
    if (!text || !text[length]) {
        return true;
    }
    const char *p = text + length + 1;
    for (size_t k = 0; k < row->count; k++) {
        length = strcspn(p, ",");
        if (!read_value(context, row, k, p, length, &schedule->values[k])) {
            return false;
        }
        p += length;
        if (!*p) {
            return true;
        }
        p++;
    }
    return report_error(context, "--schedule=%s: nothing was expected at `%s`", row->form, p);
}

bool schedule_moves(const Schedule *schedule) {
    return schedule->row->factor != constant_factor || schedule->warmup > 0;
}

void schedule_set(Training *training, double done, double step) {
    const Schedule *schedule = &training->schedule;
    if (!schedule_moves(schedule)) {
        return; /* the method may have changed the rate */
    }
    double t = (double)training->epoch + done;
    double factor = schedule->row->factor(schedule->values, t, (double)training->epochs);
    if (t < schedule->warmup) {
        factor *= fmin(1, (t + step) / schedule->warmup);
    }
    training->rate = training->base_rate * factor;
}
