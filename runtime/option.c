/* option.c: the command line of a trainer, by the table of option.def; help. */
#include "runtime/runtime.h"
#include "runtime/optimizer.h"

#include <string.h>

typedef struct {
    const char *name;
    char letter;
    const char *argument; /* NULL: a switch */
    unsigned commands;
    const char *help;
} OptionRow;

static const OptionRow rows[OPT_COUNT] = {
#define OPTION(id, name, letter, argument, commands, help)                                         \
    [OPT_##id] = {name, letter, argument, (unsigned)(commands), help},
#include "runtime/option.def"
#undef OPTION
};

static const struct {
    const char *name, *arguments, *help;
    Command command;
} commands[] = {
    {"train", "DATA [-o FILE] [OPTION…]", "finds the parameters that make the objective least",
     COMMAND_TRAIN},
    {"predict", "-m FILE DATA", "forward of each row, as CSV on standard output", COMMAND_PREDICT},
    {"eval", "-m FILE DATA", "objective and metrics", COMMAND_EVAL},
    {"check", "DATA", "compares the gradient with central differences on these data",
     COMMAND_CHECK},
    {"profile", "-m FILE DATA --param=NAME",
     "the objective over one param, the others at their best", COMMAND_PROFILE},
    {"export", "-m FILE [-o FILE.c]", "forward with these parameters as C99, and its header",
     COMMAND_EXPORT},
    {"info", "", "parameters, columns, dims, constants, settings", COMMAND_INFO},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

const char *option_name(OptionId id) {
    return rows[id].name;
}

/* Has the option a value that may be left out, `--errors` or `--errors=KIND`? */
static bool may_lack(size_t id) {
    return rows[id].argument && rows[id].argument[0] == '[';
}

/* ---- help ---- */

static void print_options(unsigned mask) {
    for (size_t i = 0; i < OPT_COUNT; i++) {
        if (!(rows[i].commands & mask)) {
            continue;
        }
        char left[64];
        const char *argument = rows[i].argument ? rows[i].argument : "";
        const char *equals = !*argument ? "" : may_lack(i) ? "[=" : "=";
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ',
                 rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ", rows[i].name,
                 equals, argument + may_lack(i));
        printf("  %-24s %s\n", left, rows[i].help);
    }
}

static void print_methods(void) {
    printf("\nmethods:\n  auto         one of these, by the model and the size of the data; says "
           "which and "
           "why\n");
    for (size_t i = 0; i < optimizer_count; i++) {
        char rate[NUMBER_SIZE];
        number_write(rate, optimizers[i]->rate, false);
        printf("  %-12s %s (rate %s, %lld epochs)\n", optimizers[i]->name, optimizers[i]->help,
               rate, (long long)optimizers[i]->epochs);
    }
}

static void print_help(Context *context, const Model *model, unsigned mask) {
    printf("%s: trainer of model `%s`\n\nusage:\n", context->program, model->name);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].command & mask) {
            printf("  %s %s%s%s\n      %s\n", context->program, commands[i].name,
                   *commands[i].arguments ? " " : "", commands[i].arguments, commands[i].help);
        }
    }
    printf("\noptions:\n");
    print_options(mask);
    if (mask & COMMAND_TRAIN) {
        print_methods();
    }
    printf("\nDATA is CSV, TSV, .npy, .npz, libsvm, all perhaps compressed by gzip or zstd, or\n"
           "sqlite:FILE?query=SELECT…; `-` is standard input.\n"
           "exit status: 0; 1 bad data, a diverged run, a failed write; 2 wrong usage; 130, 143 on "
           "SIGINT, SIGTERM\n");
}

static void print_version(const Model *model) {
    printf("%s (source %s, hash %s), gradc runtime 1\n", model->name, model->source, model->hash);
}

/* ---- reading ---- */

static int usage(Context *context) {
    fprintf(stderr, "%s --help lists commands and options\n", context->program);
    return STATUS_USAGE;
}

static int unknown_option(Context *context, const char *name) {
    const char *names[OPT_COUNT];
    for (size_t i = 0; i < OPT_COUNT; i++) {
        names[i] = rows[i].name;
    }
    const char *guess = closest_name(name, names, OPT_COUNT);
    report_error(context, "unknown option `--%s`%s%s%s", name, guess ? "; did you mean `--" : "",
                 guess ? guess : "", guess ? "`?" : "");
    return usage(context);
}

static int unknown_command(Context *context, const char *name) {
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
    }
    const char *guess = closest_name(name, names, COMMAND_COUNT);
    report_error(context, "unknown command `%s`%s%s%s", name, guess ? "; did you mean `" : "",
                 guess ? guess : "", guess ? "`?" : "");
    return usage(context);
}

/* Finds the row of `--name[=value]` or `-l[value]`. *value: what follows in the same word, or NULL.
 */
static bool find_option(const char *word, OptionId *id, const char **value) {
    bool longer = word[1] == '-';
    for (size_t i = 0; i < OPT_COUNT; i++) {
        if (longer) {
            size_t length = strlen(rows[i].name);
            if (strncmp(word + 2, rows[i].name, length) == 0 &&
                (word[2 + length] == 0 || word[2 + length] == '=')) {
                *id = (OptionId)i;
                *value = word[2 + length] == '=' ? word + 3 + length : NULL;
                return true;
            }
        } else if (rows[i].letter && rows[i].letter == word[1]) {
            *id = (OptionId)i;
            *value = word[2] ? word + 2 : NULL;
            return true;
        }
    }
    return false;
}

/* --report is two options: every N epochs, and a page. */
static OptionId which_report(OptionId id, const char *value) {
    size_t length = strlen(value);
    bool page = length > 5 && strcmp(value + length - 5, ".html") == 0;
    return id == OPT_report && page ? OPT_page : id;
}

static bool keep_value(Options *options, OptionId id, const char *value) {
    id = which_report(id, value);
    options->values[id] = value;
    if (id == OPT_set) {
        options->sets[options->set_count++] = value;
    } else if (id == OPT_define) {
        options->defines[options->define_count++] = value;
    } else if (id == OPT_data) {
        options->arrays[options->array_count++] = value;
    } else if (id == OPT_search) {
        options->searches[options->search_count++] = value;
    }
    return true;
}

/* Reads the option at argv[*at]; moves *at over its value. */
static int read_option(Context *context, int argc, char **argv, int *at, Options *options) {
    OptionId id = OPT_help;
    const char *value;
    const char *word = argv[*at];
    if (!find_option(word, &id, &value)) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 1 + (word[1] == '-'), "="),
                 word + 1 + (word[1] == '-'));
        if (word[1] != '-') {
            report_error(context, "unknown option `%s`", word);
            return usage(context);
        }
        return unknown_option(context, name);
    }
    if (options->command && !(rows[id].commands & options->command)) {
        report_error(context, "`%s` takes no option `--%s`", argv[1], rows[id].name);
        return usage(context);
    }
    if (may_lack(id)) {
        value = value ? value : "";
    } else if (!rows[id].argument) {
        if (value) {
            report_error(context, "`--%s` takes no value", rows[id].name);
            return usage(context);
        }
        value = "";
    } else if (!value) {
        if (*at + 1 >= argc) {
            report_error(context, "`--%s` needs a value: %s", rows[id].name, rows[id].argument);
            return usage(context);
        }
        value = argv[++*at];
    }
    keep_value(options, id, value);
    return STATUS_OK;
}

static int read_word(Context *context, const char *word, Options *options) {
    if (options->data) {
        report_error(context, "more than one data file: `%s` and `%s`", options->data, word);
        return usage(context);
    }
    if (options->command == COMMAND_INFO || options->command == COMMAND_EXPORT) {
        report_error(context, "`%s` takes no data",
                     options->command == COMMAND_INFO ? "info" : "export");
        return usage(context);
    }
    options->data = word;
    return STATUS_OK;
}

static int read_words(Context *context, int argc, char **argv, Options *options) {
    bool only_words = false;
    for (int i = options->command ? 2 : 1; i < argc; i++) {
        const char *word = argv[i];
        int status;
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && word[0] == '-' && word[1]) {
            status = read_option(context, argc, argv, &i, options);
        } else if (!options->command) {
            status = unknown_command(context, word);
        } else {
            status = read_word(context, word, options);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static int check_complete(Context *context, const Model *model, const Options *options) {
    if (!options->command) {
        report_error(context, "no command: train, predict, eval, check, profile, export or info");
        return usage(context);
    }
    bool exports = options->command == COMMAND_EXPORT;
    bool scores = options->command == COMMAND_PREDICT || options->command == COMMAND_EVAL ||
                  options->command == COMMAND_PROFILE || exports;
    if (scores && !options->values[OPT_model]) {
        report_error(context, "no parameters: give -m FILE, a result of `train`");
        return usage(context);
    }
    if (options->command != COMMAND_INFO && !exports && !options->data && model->column_count) {
        report_error(context, "no data: give a file, or `-` for standard input");
        return usage(context);
    }
    return STATUS_OK;
}

int options_read(Context *context, const Model *model, int argc, char **argv, Options *options,
                 bool *finished) {
    *options = (Options){.argc = argc, .argv = argv};
    *finished = false;
    options->sets = NEW(context, const char *, argc + 1);
    options->defines = NEW(context, const char *, argc + 1);
    options->arrays = NEW(context, const char *, argc + 1);
    options->searches = NEW(context, const char *, argc + 1);
    if (!options->searches || !options->sets || !options->defines || !options->arrays) {
        return STATUS_FAILED;
    }
    for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            options->command = commands[i].command;
        }
    }
    if (argc > 1 && strcmp(argv[1], "help") == 0) {
        print_help(context, model, ~0u);
        *finished = true;
        return STATUS_OK;
    }
    int status = read_words(context, argc, argv, options);
    if (status != STATUS_OK) {
        return status;
    }
    if (options->values[OPT_help]) {
        print_help(context, model, options->command ? (unsigned)options->command : ~0u);
        *finished = true;
    } else if (options->values[OPT_version]) {
        print_version(model);
        *finished = true;
    }
    return *finished ? STATUS_OK : check_complete(context, model, options);
}

/* ---- values ---- */

/* In a model the names of settings have _ where options have -. */
static bool same_name(const char *setting, const char *option) {
    for (; *setting && (*setting == *option || (*setting == '_' && *option == '-')); setting++) {
        option++;
    }
    return *setting == *option;
}

bool option_is(OptionId id, const char *setting) {
    return same_name(setting, rows[id].name);
}

const char *option_text(const Model *model, const Options *options, OptionId id) {
    if (options->values[id]) {
        return options->values[id];
    }
    for (size_t i = 0; i < model->setting_count; i++) {
        if (same_name(model->settings[i].name, rows[id].name)) {
            return model->settings[i].value;
        }
    }
    return NULL;
}

bool option_real(Context *context, const Model *model, const Options *options, OptionId id,
                 double low, double *value) {
    const char *text = option_text(model, options, id);
    if (!text) {
        return true;
    }
    if (!number_read_text(text, value)) {
        return report_error(context, "--%s: expected a number, found `%s`", rows[id].name, text);
    }
    if (*value < low) {
        return report_error(context, "--%s: expected a number of at least %g, found `%s`",
                            rows[id].name, low, text);
    }
    return true;
}

bool option_integer(Context *context, const Model *model, const Options *options, OptionId id,
                    int64_t low, int64_t *value) {
    const char *text = option_text(model, options, id);
    double real;
    if (!text) {
        return true;
    }
    if (!integer_read_text(text, value)) {
        /* 1e6 is a whole number too */
        if (!number_read_text(text, &real) || real != (double)(int64_t)real || real > 1e15 ||
            real < -1e15) {
            return report_error(context, "--%s: expected a whole number, found `%s`", rows[id].name,
                                text);
        }
        *value = (int64_t)real;
    }
    if (*value < low) {
        return report_error(context, "--%s: expected a whole number of at least %lld, found `%s`",
                            rows[id].name, (long long)low, text);
    }
    return true;
}
