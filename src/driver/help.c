/* help.c: --help, the manual page and the table of built-ins: all printed from the tables. */
#include "config.h"
#include "driver/driver.h"
#include "front/front.h"
#include "ir/builtin.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 96 };

/* ---- --help --------------------------------------------------------------------------------- */

static void add_spaces(Text *text, size_t count) {
    while (count-- > 0) {
        text_add(text, " ");
    }
}

/* Words wrapped between HELP_COLUMN and HELP_WIDTH. */
static void add_wrapped(Text *text, const char *words) {
    size_t column = HELP_COLUMN;
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        size_t width = display_width(words, length);
        if (column > HELP_COLUMN && column + width + 1 > HELP_WIDTH) {
            text_add(text, "\n");
            add_spaces(text, HELP_COLUMN);
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            text_add(text, " ");
            column++;
        }
        text_add_bytes(text, words, length);
        column += width;
        words += length;
        words += *words == ' ';
    }
    text_add(text, "\n");
}

static void add_row(Text *text, const char *name, const char *help) {
    size_t width = 2 + display_width(name, strlen(name));
    text_format(text, "  %s", name);
    if (width >= HELP_COLUMN) {
        text_add(text, "\n");
        width = 0;
    }
    add_spaces(text, HELP_COLUMN - width);
    add_wrapped(text, help);
}

static const char *spelling(Arena *arena, const OptionRow *row) {
    static const char *const joins[] = {
        [FORM_FLAG] = "", [FORM_VALUE] = "=", [FORM_SEPARATE] = " ", [FORM_JOINED] = ""};
    return arena_format(arena, "%s%s%s", row->spelling, joins[row->form],
                        row->argument != NULL ? row->argument : "");
}

void help_print(Arena *arena) {
    Text text;
    text_init(&text, arena);
    text_add(&text,
             "usage: gradc [OPTION]… FILE.model [-o OUTPUT]\n"
             "       gradc --run FILE.model -- train DATA.csv\n\n"
             "Compiles a model to a trainer, or to C functions of it and its derivatives.\n");
    const char *group = "";
    for (int k = 0; k < OPTION_COUNT; k++) {
        const OptionRow *row = &option_rows[k];
        if (strcmp(group, row->group) != 0) {
            group = row->group;
            text_format(&text, "\n%s:\n", group);
        }
        add_row(&text, spelling(arena, row), row->help);
    }
    text_add(&text, "\nKinds of output, for --emit:\n");
    for (int k = 0; k < EMIT_COUNT; k++) {
        add_row(&text, emit_rows[k].name, emit_rows[k].help);
    }
    text_add(&text, "\nWarnings, for -W (* is on by default):\n");
    for (int k = 0; k < WARN_COUNT; k++) {
        Warning w = (Warning)k;
        add_row(&text, arena_format(arena, "%s%s", warning_name(w), warning_default(w) ? " *" : ""),
                warning_help(w));
    }
    text_add(&text, "\nExit status: 0; 1 an error in the input; 2 wrong usage; 70 a fault of gradc "
                    "itself.\n");
    fputs(text.data, stdout);
}

/* ---- the manual page ------------------------------------------------------------------------ */

/* Text for troff: a backslash for each hyphen, none at the start of a line. */
static void add_troff(Text *text, const char *string) {
    for (const char *c = string; *c != '\0'; c++) {
        if (*c == '-' || *c == '\\') {
            text_add(text, *c == '-' ? "\\-" : "\\e");
        } else if (*c == '`') {
            text_add(text, "\"");
        } else {
            text_add_bytes(text, c, 1);
        }
    }
}

static void add_item(Text *text, const char *name, const char *help) {
    text_add(text, ".TP\n.B ");
    add_troff(text, name);
    text_add(text, "\n");
    add_troff(text, help);
    text_add(text, "\n");
}

static void add_rows(Text *text) {
    const char *group = "";
    for (int k = 0; k < OPTION_COUNT; k++) {
        const OptionRow *row = &option_rows[k];
        if (strcmp(group, row->group) != 0) {
            group = row->group;
            text_format(text, ".SS %s\n", group);
        }
        add_item(text, spelling(text->arena, row), row->help);
    }
    text_add(text, ".SH KINDS OF OUTPUT\n");
    for (int k = 0; k < EMIT_COUNT; k++) {
        add_item(text, emit_rows[k].name, emit_rows[k].help);
    }
    text_add(text, ".SH WARNINGS\n");
    for (int k = 0; k < WARN_COUNT; k++) {
        add_item(text, warning_name((Warning)k), warning_help((Warning)k));
    }
}

static Status print_manual(Arena *arena) {
    Text text;
    text_init(&text, arena);
    text_add(&text, ".TH GRADC 1 \"\" \"gradc " PACKAGE_VERSION "\" \"User Commands\"\n"
                    ".SH NAME\ngradc \\- compile a model, its gradient and its trainer\n"
                    ".SH SYNOPSIS\n.B gradc\n[\\fIOPTION\\fR]... \\fIFILE.model\\fR "
                    "[\\fB\\-o\\fR \\fIOUTPUT\\fR]\n.br\n.B gradc \\-\\-run\n\\fIFILE.model\\fR "
                    "\\-\\- train \\fIDATA.csv\\fR\n"
                    ".SH DESCRIPTION\nReads the mathematics of one sample, derives the gradient "
                    "symbolically, and makes\na trainer of it, or C functions.\n.SH OPTIONS\n");
    add_rows(&text);
    text_add(&text, ".SH EXIT STATUS\n0; 1 an error in the input; 2 wrong usage; 70 a fault of "
                    "gradc itself.\n.SH ENVIRONMENT\n.TP\n.B GRADC_CC\nThe C compiler that links "
                    "(the default is cc).\n.TP\n.B NO_COLOR\nNo colour in messages.\n.TP\n"
                    ".B TMPDIR\nWhere linking is done.\n.TP\n.B XDG_CACHE_HOME\n"
                    "Its folder gradc keeps what was compiled (the default is ~/.cache).\n.TP\n"
                    ".B GRADC_CACHE_LIMIT\nBytes of the cache at most (the default is 256 MiB).\n");
    fputs(text.data, stdout);
    return STATUS_OK;
}

/* ---- the built-in functions ----------------------------------------------------------------- */

/* A cell of a table: `|` would end it. */
static void add_cell(Text *text, const char *string) {
    for (const char *c = string; *c != '\0'; c++) {
        text_add(text, *c == '|' ? "\\" : "");
        text_add_bytes(text, c, 1);
    }
}

static void add_builtin(Text *text, const Builtin *row) {
    static const char *const formals[] = {"", "a", "a, b", "a, b, c"};
    int arity = row->arity <= BUILTIN_ARITY ? row->arity : BUILTIN_ARITY;
    text_format(text, "| `%s(%s)` | ", row->name, formals[arity]);
    add_cell(text, row->help != NULL ? row->help : "");
    text_add(text, " | ");
    for (int k = 0; k < arity; k++) {
        text_add(text, k > 0 ? "; `" : "`");
        add_cell(text, row->d[k] != NULL ? row->d[k] : "none");
        text_add(text, "`");
    }
    text_add(text, " | ");
    add_cell(text, row->note != NULL ? row->note : "");
    text_add(text, " |\n");
}

static Status print_builtins(Arena *arena) {
    Text text;
    text_init(&text, arena);
    text_add(&text,
             "# Built-in functions\n\nPrinted by `gradc --help=builtins` from the table that "
             "the compiler itself uses. The arguments\nare `a`, `b`, `c`, the value is `v`; "
             "the derivative is by each argument in turn.\n\n"
             "| function | what it is | derivative | at the edge |\n"
             "| --- | --- | --- | --- |\n");
    for (int k = 0; k < BI_COUNT; k++) {
        if (!builtins[k].hidden) {
            add_builtin(&text, &builtins[k]);
        }
    }
    fputs(text.data, stdout);
    return STATUS_OK;
}

/* ---- the standard library -------------------------------------------------------------------- */

/* The next line of a text, without its end; NULL at the end of the text. */
static const char *next_line(Arena *arena, const char **at, const char *end) {
    if (*at >= end) {
        return NULL;
    }
    size_t length = 0;
    while (*at + length < end && (*at)[length] != '\n') {
        length++;
    }
    const char *line = arena_format(arena, "%.*s", (int)length, *at);
    *at += length + 1;
    return line;
}

/* A row for a definition that begins at `line`: its name and formals, its formula where that is one
 * line, and the comment above it. */
static void add_definition(Text *text, const char *line, const char *comment, bool ends) {
    const char *equals = strstr(line, ") =");
    const char *head = equals != NULL ? equals : strstr(line, ") {");
    text_add(text, "| `");
    text_add_bytes(text, line, (size_t)(head - line) + 1);
    text_add(text, "` | ");
    add_cell(text, comment);
    text_add(text, " | ");
    bool built_in = strstr(line, "lib_") != NULL;
    bool shown = equals != NULL && ends && equals[3] != '\0' && !built_in;
    if (shown) {
        text_add(text, "`");
        add_cell(text, equals + 4);
        text_add(text, "`");
    }
    text_add(text, " |\n");
}

/* A file's first comment is its title, `# ---- words` a heading, the comment above a definition
 * what it is. */
static void add_library_file(Text *text, const char *source, size_t length) {
    const char *at = source, *end = source + length;
    const char *comment = "", *line;
    bool titled = false;
    while ((line = next_line(text->arena, &at, end)) != NULL) {
        bool heading = strncmp(line, "# ---- ", 7) == 0;
        if (heading) {
            text_format(
                text,
                "\nFunctions %s:\n\n| function | what it is | formula |\n| --- | --- | --- |\n",
                line + 7);
            titled = true;
        } else if (line[0] == '#') {
            comment = line + 2;
        } else if (line[0] == '\0') {
            text_format(text, titled ? "" : "\n%s\n", comment);
            if (!titled && strncmp(at, "# ---- ", 7) != 0) {
                text_add(text, "\n| function | what it is | formula |\n| --- | --- | --- |\n");
            }
            titled = true;
        } else if (line[0] != ' ' && line[0] != '}' && strstr(line, "_vector(") == NULL) {
            add_definition(text, line, comment, at >= end || *at != ' ');
        }
    }
}

static Status print_library(Arena *arena) {
    Text text;
    text_init(&text, arena);
    text_add(
        &text,
        "# The standard library\n\nPrinted by `gradc --help=library` from the library itself, "
        "which "
        "is written in the model language.\nA function of numbers maps over arrays. What is longer "
        "than a line stands in `runtime/std`.\n");
    const char *name, *source;
    size_t length;
    for (size_t k = 0; (source = front_library_text(k, &name, &length)) != NULL; k++) {
        const char *base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
        text_format(&text, "\n## %.*s\n", (int)strcspn(base, "."), base);
        add_library_file(&text, source, length);
    }
    fputs(text.data, stdout);
    return STATUS_OK;
}

Status help_topic(Arena *arena, const char *topic) {
    if (strcmp(topic, "builtins") == 0) {
        return print_builtins(arena);
    }
    if (strcmp(topic, "library") == 0) {
        return print_library(arena);
    }
    if (strcmp(topic, "man") == 0) {
        return print_manual(arena);
    }
    return usage_error("`--help=%s`: the topics are builtins, library and man", topic);
}
