/* options.c: the command line, by the tables option.def, emit.def, dump.def and derivative.def. */
#include "config.h"
#include "driver/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const OptionRow option_rows[OPTION_COUNT] = {
#define OPTION(id, spelling, form, argument, group, help)                                          \
    [OPTION_##id] = {spelling, FORM_##form, argument, group, help},
#include "driver/option.def"
#undef OPTION
};

const EmitRow emit_rows[EMIT_COUNT] = {
#define EMIT(id, suffix, holds, help) [EMIT_##id] = {#id, suffix, holds, help},
#include "driver/emit.def"
#undef EMIT
};

static const char *const dump_names[DUMP_COUNT] = {
#define DUMP(id, help) [DUMP_##id] = #id,
#include "driver/dump.def"
#undef DUMP
};

static const struct {
    const char *name;
    bool supported;
} derivative_rows[DERIVATIVE_COUNT] = {
#define DERIVATIVE(id, supported, help) [DERIVATIVE_##id] = {#id, supported},
#include "driver/derivative.def"
#undef DERIVATIVE
};

enum { GO_ON = -1 };

/* The command line while it is read. */
typedef struct {
    Options *options;
    Arena *arena;
    int argc, next; /* next: the argument to be read */
    char **argv;
    const char *task; /* the option that chose the task, or NULL */
    bool apart;       /* the option read last says nothing of what the output is */
} Reader;

Status usage_error(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("gradc: error: ", stderr);
    vfprintf(stderr, format, list);
    fputs("\ngradc --help shows the options\n", stderr);
    va_end(list);
    return STATUS_USAGE;
}

static Status unsupported(const char *what) {
    fprintf(stderr, "gradc: error: `%s` is not supported yet\n", what);
    return STATUS_ERROR;
}

/* ---- guesses -------------------------------------------------------------------------------- */

/* The name among `names` that was meant, as ` did you mean …?` or nothing. */
static const char *guess(Arena *arena, const char *name, const char *const *names, size_t count) {
    const char *close = closest_name(name, names, count);
    return close != NULL ? arena_format(arena, "; did you mean `%s`?", close) : "";
}

/* The same, or where none is near all names. */
static const char *guess_or_list(Arena *arena, const char *name, const char *const *names,
                                 size_t count) {
    const char *near = guess(arena, name, names, count);
    Text text;
    if (*near != '\0') {
        return near;
    }
    text_init(&text, arena);
    text_add(&text, "; there are");
    for (size_t k = 0; k < count; k++) {
        text_format(&text, "%s `%s`", k == 0 ? "" : k + 1 < count ? "," : " and", names[k]);
    }
    return text.data;
}

static const char *guess_option(Arena *arena, const char *text) {
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (int k = 0; k < OPTION_COUNT; k++) {
        if (strlen(option_rows[k].spelling) > 2) {
            names[count++] = option_rows[k].spelling;
        }
    }
    const char *bare = arena_copy(arena, text, strcspn(text, "="));
    return guess(arena, bare, names, count);
}

/* ---- values of options ---------------------------------------------------------------------- */

static void add_word(Arena *arena, Words *words, const char *word) {
    words->items =
        arena_grow(arena, words->items, words->count, &words->capacity, sizeof *words->items);
    words->items[words->count++] = word;
}

/* Splits `a,b,c`; empty words are dropped. */
static Words split(Arena *arena, const char *text) {
    Words words = {0};
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        if (length > 0) {
            add_word(arena, &words, arena_copy(arena, text, length));
        }
        text += length;
        text += *text == ',';
    }
    return words;
}

static int set_kind(Reader *reader, const char *name) {
    const char *names[EMIT_COUNT];
    for (int k = 0; k < EMIT_COUNT; k++) {
        names[k] = emit_rows[k].name;
        if (strcmp(name, names[k]) == 0) {
            reader->options->kind = (EmitKind)k;
            return GO_ON;
        }
    }
    return usage_error("there is no kind of output `%s`%s", name,
                       guess_or_list(reader->arena, name, names, EMIT_COUNT));
}

static int set_dumps(Reader *reader, const char *text) {
    Words words = split(reader->arena, text);
    for (size_t i = 0; i < words.count; i++) {
        int k = 0;
        while (k < DUMP_COUNT && strcmp(words.items[i], dump_names[k]) != 0) {
            k++;
        }
        if (k == DUMP_COUNT) {
            return usage_error(
                "there is no stage `%s`%s", words.items[i],
                guess_or_list(reader->arena, words.items[i], dump_names, DUMP_COUNT));
        }
        reader->options->dump[k] = true;
    }
    return GO_ON;
}

static int set_derivatives(Reader *reader, const char *text) {
    Words words = split(reader->arena, text);
    const char *names[DERIVATIVE_COUNT];
    for (int k = 0; k < DERIVATIVE_COUNT; k++) {
        names[k] = derivative_rows[k].name;
        reader->options->derivatives[k] = false;
    }
    for (size_t i = 0; i < words.count; i++) {
        int k = 0;
        while (k < DERIVATIVE_COUNT && strcmp(words.items[i], names[k]) != 0) {
            k++;
        }
        if (k == DERIVATIVE_COUNT) {
            return usage_error(
                "there is no derivative function `%s`%s", words.items[i],
                guess_or_list(reader->arena, words.items[i], names, DERIVATIVE_COUNT));
        }
        if (!derivative_rows[k].supported) {
            return unsupported(arena_format(reader->arena, "--derivatives=%s", names[k]));
        }
        reader->options->derivatives[k] = true;
    }
    return GO_ON;
}

static int set_warning(Reader *reader, const char *text) {
    Options *options = reader->options;
    bool on = strncmp(text, "no-", 3) != 0;
    const char *name = on ? text : text + 3;
    Warning warning;
    if (strcmp(name, "error") == 0) {
        options->werror = on;
    } else if (strcmp(name, "all") == 0 || strcmp(name, "extra") == 0) {
        for (int k = 0; k < WARN_COUNT; k++) {
            options->warning[k] = on;
        }
    } else if (warning_find(name, &warning)) {
        options->warning[warning] = on;
    } else {
        const char *names[WARN_COUNT];
        for (int k = 0; k < WARN_COUNT; k++) {
            names[k] = warning_name((Warning)k);
        }
        return usage_error("there is no warning `%s`%s", name,
                           guess_or_list(reader->arena, name, names, WARN_COUNT));
    }
    return GO_ON;
}

static int set_definition(Reader *reader, const char *text) {
    Options *options = reader->options;
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return usage_error("`-D %s`: expected NAME=VALUE", text);
    }
    const char *name = arena_copy(reader->arena, text, (size_t)(equals - text));
    for (size_t k = 0; k < options->definition_count; k++) {
        if (strcmp(options->definitions[k].name, name) == 0) {
            options->definitions[k].value = equals + 1; /* as in cc, the last one counts */
            return GO_ON;
        }
    }
    options->definitions =
        arena_grow(reader->arena, options->definitions, options->definition_count,
                   &options->definition_capacity, sizeof *options->definitions);
    options->definitions[options->definition_count++] =
        (Definition){.name = name, .value = equals + 1};
    return GO_ON;
}

static int set_level(Reader *reader, const char *text) {
    if (text[0] == '\0') {
        reader->options->level = 1; /* -O, as in cc */
    } else if (text[0] >= '0' && text[0] <= '3' && text[1] == '\0') {
        reader->options->level = text[0] - '0';
    } else {
        return usage_error("`-O%s`: the levels are 0, 1, 2 and 3", text);
    }
    return GO_ON;
}

static int set_color(Reader *reader, const char *text) {
    static const char *const names[] = {
        [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (strcmp(text, names[k]) == 0) {
            reader->options->color = (ColorMode)k;
            return GO_ON;
        }
    }
    return usage_error("`--color=%s`: expected auto, always or never", text);
}

/* A whole number up to INT32_MAX, and where it ends; NULL: there is none. */
static const char *read_number(const char *text, int64_t *value) {
    char *end;
    long long number = strtoll(text, &end, 10);
    *value = number;
    return text[0] < '0' || text[0] > '9' || number > INT32_MAX ? NULL : end;
}

/* N, or N,C. */
static int set_checkpoint(Reader *reader, const char *text) {
    int64_t steps;
    int64_t kept = 0;
    const char *end = read_number(text, &steps);
    bool pair = end && *end == ',' && steps > 0;
    end = pair ? read_number(end + 1, &kept) : end;
    if (!end || *end != '\0' || (pair && kept == 0)) {
        return usage_error("`--checkpoint=%s`: expected a number of steps, or that and a number of "
                           "states, as in 100,10",
                           text);
    }
    reader->options->checkpoint = steps == 0 ? -1 : steps;
    reader->options->kept = kept;
    return GO_ON;
}

static int set_precision(Reader *reader, const char *text) {
    for (size_t k = 0; k < PRECISION_COUNT; k++) {
        if (strcmp(text, precisions[k].name) == 0) {
            reader->options->precision = (Precision)k;
            return GO_ON;
        }
    }
    return usage_error("`--precision=%s`: expected f64 or f32", text);
}

static int set_task(Reader *reader, Task task, const char *spelling) {
    if (reader->task != NULL && strcmp(reader->task, spelling) != 0) {
        return usage_error("`%s` and `%s` exclude each other", reader->task, spelling);
    }
    reader->task = spelling;
    reader->options->task = task;
    return GO_ON;
}

static int set_task_kind(Reader *reader, EmitKind kind, const char *spelling) {
    reader->options->kind = kind;
    return set_task(reader, TASK_EMIT, spelling);
}

/* One option with its value (NULL where it takes none). */
static int apply(Reader *reader, OptionId id, const char *value) {
    Options *options = reader->options;
    int status = GO_ON;
    switch (id) {
    case OPTION_output:
        options->output = value;
        break;
    case OPTION_object:
        return set_task_kind(reader, EMIT_obj, "-c");
    case OPTION_assembly:
        return set_task_kind(reader, EMIT_asm, "-S");
    case OPTION_emit:
        status = set_kind(reader, value);
        return status != GO_ON ? status : set_task(reader, TASK_EMIT, "--emit");
    case OPTION_run:
        return set_task(reader, TASK_RUN, "--run");
    case OPTION_check:
        return set_task(reader, TASK_CHECK, "--check");
    case OPTION_fmt:
        return set_task(reader, TASK_FMT, "--fmt");
    case OPTION_report:
        return set_task(reader, TASK_REPORT, "--report");
    case OPTION_dump:
        return set_dumps(reader, value);
    case OPTION_function:
        options->functions = split(reader->arena, value);
        break;
    case OPTION_wrt:
        options->wrt = split(reader->arena, value);
        break;
    case OPTION_derivatives:
        return set_derivatives(reader, value);
    case OPTION_batch:
        options->batch = true;
        break;
    case OPTION_define:
        return set_definition(reader, value);
    case OPTION_library:
        add_word(reader->arena, &options->objects, arena_format(reader->arena, "-l%s", value));
        break;
    case OPTION_library_path:
        add_word(reader->arena, &options->objects, arena_format(reader->arena, "-L%s", value));
        break;
    case OPTION_include:
        add_word(reader->arena, &options->include, value);
        break;
    case OPTION_level:
        return set_level(reader, value);
    case OPTION_march:
        options->cpu = value;
        break;
    case OPTION_debug:
        options->debug = true;
        break;
    case OPTION_strict:
        options->strict = true;
        break;
    case OPTION_checkpoint:
        return set_checkpoint(reader, value);
    case OPTION_precision:
        return set_precision(reader, value);
    case OPTION_warning:
        return set_warning(reader, value);
    case OPTION_color:
        return set_color(reader, value);
    case OPTION_verbose:
        options->verbose = true;
        break;
    case OPTION_time_passes:
        options->time_passes = true;
        break;
    case OPTION_static:
        options->is_static = true;
        break;
    case OPTION_no_cache:
        options->no_cache = true;
        break;
    case OPTION_help:
        help_print(reader->arena);
        return STATUS_OK;
    case OPTION_version:
        printf("gradc %s (LLVM %s)\n", PACKAGE_VERSION, llvm_version());
        return STATUS_OK;
    case OPTION_COUNT:
        break;
    }
    return status;
}

/* ---- the arguments, one by one -------------------------------------------------------------- */

/* The value of an option that takes one: joined to it, or the next argument. */
static const char *take_value(Reader *reader, const OptionRow *row, const char *text) {
    size_t length = strlen(row->spelling);
    if (row->form == FORM_JOINED) {
        return text + length;
    }
    if (text[length] != '\0') {
        return text + length + (row->form == FORM_VALUE);
    }
    return reader->next < reader->argc ? reader->argv[reader->next++] : NULL;
}

static bool matches(const OptionRow *row, const char *text) {
    size_t length = strlen(row->spelling);
    if (strncmp(text, row->spelling, length) != 0) {
        return false;
    }
    switch (row->form) {
    case FORM_FLAG:
        return text[length] == '\0';
    case FORM_VALUE:
        return text[length] == '\0' || text[length] == '=';
    case FORM_SEPARATE:
    case FORM_JOINED:
        return true;
    }
    return false;
}

static int read_option(Reader *reader, const char *text) {
    if (strncmp(text, "--help=", 7) == 0) {
        return help_topic(reader->arena, text + 7);
    }
    for (int k = 0; k < OPTION_COUNT; k++) {
        const OptionRow *row = &option_rows[k];
        if (!matches(row, text)) {
            continue;
        }
        const char *value = NULL;
        if (row->form != FORM_FLAG) {
            value = take_value(reader, row, text);
            if (value == NULL || (*value == '\0' && row->form != FORM_JOINED)) {
                return usage_error("`%s` needs a value: %s", row->spelling, row->argument);
            }
        }
        reader->apart = k == OPTION_output || k == OPTION_time_passes || k == OPTION_verbose;
        return apply(reader, (OptionId)k, value);
    }
    return usage_error("unknown option `%s`%s", text, guess_option(reader->arena, text));
}

static int check_combination(const Reader *reader) {
    Options *options = reader->options;
    if (options->input == NULL) {
        return usage_error("no model is given");
    }
    if (options->run_args != NULL && options->task != TASK_RUN) {
        return usage_error("arguments after `--` are for `--run`");
    }
    if (options->task == TASK_RUN && options->output != NULL) {
        return usage_error("`--run` writes no executable: give the trainer's `-o` after `--`");
    }
    if (options->task == TASK_CHECK && options->output != NULL) {
        return usage_error("`--check` writes no file");
    }
    if (options->is_static && (options->task != TASK_EMIT || options->kind != EMIT_exe)) {
        return usage_error("`--static` is for trainers, and none is made");
    }
    if (options->wrt.count > 0 && options->functions.count == 0 && options->task == TASK_RUN) {
        return usage_error("`--wrt` is for C functions, not for the trainer");
    }
    return GO_ON;
}

/* What the extern functions of a model are in. */
static bool is_object(const char *path) {
    static const char *const suffixes[] = {".o", ".a", ".so", ".c"};
    size_t length = strlen(path);
    for (size_t k = 0; k < sizeof suffixes / sizeof suffixes[0]; k++) {
        size_t own = strlen(suffixes[k]);
        if (length > own && strcmp(path + length - own, suffixes[k]) == 0) {
            return true;
        }
    }
    return false;
}

int options_read(Options *options, Arena *arena, int argc, char **argv) {
    *options = (Options){.level = 2};
    options->derivatives[DERIVATIVE_grad] = true;
    for (int k = 0; k < WARN_COUNT; k++) {
        options->warning[k] = warning_default((Warning)k);
    }
    Reader reader = {.options = options, .arena = arena, .argc = argc, .argv = argv, .next = 1};
    while (reader.next < argc) {
        const int first = reader.next;
        const char *text = argv[reader.next++];
        reader.apart = false;
        if (strcmp(text, "--") == 0) {
            options->run_args = argv + reader.next;
            options->run_count = argc - reader.next;
            break;
        }
        if (text[0] == '-' && text[1] != '\0') {
            int status = read_option(&reader, text);
            if (status != GO_ON) {
                return status;
            }
        } else if (is_object(text)) {
            add_word(arena, &options->objects, text);
        } else if (options->input != NULL) {
            return usage_error("`%s` and `%s`: one model at a time", options->input, text);
        } else {
            options->input = text;
        }
        for (int k = first; k < reader.next && !reader.apart; k++) {
            add_word(arena, &options->command, argv[k]);
        }
    }
    for (int k = 0; k < DUMP_COUNT; k++) {
        if (options->dump[k] && options->task == TASK_EMIT && reader.task == NULL) {
            options->task = TASK_DUMP;
        }
    }
    return check_combination(&reader);
}
