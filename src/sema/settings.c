/* settings.c: `train { … }` against the trainer's own table of options: a setting is the default of
 * the option of its name. */
#include <math.h>
#include <string.h>

#include "sema/sema_private.h"

/* The commands that an option is for, as bits; only that of `train` matters here. */
enum {
    COMMAND_TRAIN = 1,
    COMMAND_PREDICT = 2,
    COMMAND_EVAL = 4,
    COMMAND_CHECK = 8,
    COMMAND_INFO = 16,
    COMMAND_PROFILE = 32,
    COMMAND_EXPORT = 64,
};

typedef struct {
    const char *name;
    const char *argument; /* what its value is: "X", "N", …; NULL: a switch */
    unsigned commands;
} OptionRow;

static const OptionRow rows[] = {
#define OPTION(id, name, letter, argument, commands, help) {name, argument, (unsigned)(commands)},
#include "runtime/option.def"
#undef OPTION
};
enum { ROWS = sizeof rows / sizeof rows[0], CHOICES = 32 };

static const struct {
    const char *argument, *what;
    const char *choices[CHOICES];
} words[] = {
    {"METHOD",
     "method",
     {
         "auto",
#define OPTIMIZER(name) #name,
#include "runtime/optimizer.def"
#undef OPTIMIZER
     }},
    {"ORDER", "order", {"file", "shuffle"}},
    {"KIND", "format", {"safetensors", "json", "csv"}},
    {"SCHEDULE", "schedule", {"constant", "step", "exponential", "inverse", "cosine"}},
    {"WHEN", "choice", {"auto", "yes", "no"}},
    {"[HOW]", "choice", {"auto", "squares", "likelihood", "no"}},
    {"POLICY", "policy", {"error", "drop", "mean"}},
};

/* Options that cannot be 0. */
static const char *const positive[] = {"batch", "report", "threads", "patience", NULL};
/* Options of one run, not of a model. */
static const char *const of_a_run[] = {
    "output", "weights", "model",         "init",          "set", "define",
    "data",   "search",  "search-points", "search-random", "cv",  "checkpoint-every",
    NULL};

static bool is_in(const char *name, const char *const *list) {
    for (; *list; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_setting(const OptionRow *row) {
    return row->argument && (row->commands & COMMAND_TRAIN) != 0 && !is_in(row->name, of_a_run);
}

/* Names of the language have no -. */
static Name setting_name(Sema *sema, const char *option) {
    char *name = arena_format(sema->arena, "%s", option);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    return sema_name(sema, name);
}

static const OptionRow *find_row(Sema *sema, const Setting *s) {
    Name names[ROWS];
    size_t count = 0;

    for (size_t k = 0; k < ROWS; k++) {
        const Name name = setting_name(sema, rows[k].name);
        if (strcmp(name, s->name) == 0) {
            if (is_setting(&rows[k])) {
                return &rows[k];
            }
            Diag *diag = diag_error(sema->diags, s->name_span,
                                    "`%s` belongs to one run, not to the model", s->name);
            diag_label(sema->diags, diag, "give it on the trainer's command line: --%s",
                       rows[k].name);
            return NULL;
        }
        if (is_setting(&rows[k])) {
            names[count++] = name;
        }
    }
    Name close = closest_name(s->name, names, count);
    Diag *diag = diag_error(sema->diags, s->name_span, "the trainer has no setting `%s`", s->name);
    if (close) {
        diag_label(sema->diags, diag, "did you mean `%s`?", close);
    }
    return NULL;
}

static void wrong_value(Sema *sema, const Setting *s, const char *expected) {
    diag_error(sema->diags, s->value_span, "`%s` is %s, and here is `%s`", s->name, expected,
               s->value);
}

static void check_number(Sema *sema, const Setting *s, bool whole) {
    const char *end;
    double value = number_read(s->value, &end);
    bool above = is_in(s->name, positive);
    bool fits = end != s->value && *end == '\0' && isfinite(value) &&
                (!whole || value == floor(value)) && value >= (above ? 1 : 0);

    if (!fits) {
        wrong_value(sema, s,
                    arena_format(sema->arena, "a %s%s", whole ? "whole number" : "number",
                                 above ? " from 1 on" : " from 0 on"));
    }
}

static void check_word(Sema *sema, const Setting *s, size_t kind) {
    Name names[CHOICES];
    size_t count = 0;
    Text text;

    text_init(&text, sema->arena);
    for (; count < CHOICES && words[kind].choices[count]; count++) {
        if (strcmp(words[kind].choices[count], s->value) == 0) {
            return;
        }
        names[count] = sema_name(sema, words[kind].choices[count]);
        text_format(&text, "%s`%s`", count == 0 ? "" : ", ", names[count]);
    }
    Name close = closest_name(s->value, names, count);
    Diag *diag =
        diag_error(sema->diags, s->value_span, "there is no %s `%s`", words[kind].what, s->value);
    diag_label(sema->diags, diag, "%s",
               close ? arena_format(sema->arena, "did you mean `%s`?", close)
                     : arena_format(sema->arena, "one of %s", text.data));
}

static void check_setting(Sema *sema, const Setting *s) {
    const OptionRow *row = find_row(sema, s);

    if (!row) {
        return;
    }
    const char *argument = strcmp(row->name, "method") == 0 ? "METHOD" : row->argument;
    if (strcmp(row->name, "rate") == 0 && strcmp(s->value, "auto") == 0) {
        return;
    }
    if (strcmp(argument, "X") == 0 || strcmp(argument, "N") == 0) {
        check_number(sema, s, argument[0] == 'N');
        return;
    }
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (strcmp(words[k].argument, argument) == 0) {
            check_word(sema, s, k);
        }
    }
}

void sema_settings(Sema *sema) {
    for (const Setting *s = sema->model->settings; s; s = s->next) {
        for (const Setting *other = sema->model->settings; other != s; other = other->next) {
            if (other->name == s->name) {
                Diag *diag = diag_error(sema->diags, s->name_span, "`%s` is set twice", s->name);
                diag_note(sema->diags, diag, other->name_span, "the first is here");
                break;
            }
        }
        check_setting(sema, s);
    }
}
