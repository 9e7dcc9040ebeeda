/* diag.c: messages with their places. They are collected, and printed at the end:
 *
 *     line.model:3:15: error: unknown name `wieght`
 *      3 | loss(x, y) = (wieght * x - y)^2
 *        |               ^^^^^^ did you mean `weight`?
 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ERRORS = 20, MAX_WIDTH = 160, WINDOW = 100 };

struct Diags {
    Arena *arena;
    const Sources *sources;
    Diag **all;
    size_t count, capacity, errors;
    bool enabled[WARN_COUNT];
    bool werror;
};

static const struct {
    const char *name, *help;
    bool on;
} warnings[WARN_COUNT] = {
#define WARNING(id, name, on, help) [WARN_##id] = {name, help, on},
#include "base/warning.def"
#undef WARNING
};

Diags *diags_create(Arena *arena, const Sources *sources) {
    Diags *diags = arena_new(arena, Diags);
    diags->arena = arena;
    diags->sources = sources;
    for (int i = 0; i < WARN_COUNT; i++) {
        diags->enabled[i] = warnings[i].on;
    }
    return diags;
}

static Diag *make(Diags *diags, Severity severity, Span at, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *message = arena_alloc(diags->arena, length < 0 ? 1 : (size_t)length + 1);
    vsnprintf(message, length < 0 ? 1 : (size_t)length + 1, format, again);
    va_end(again);
    Diag *diag = arena_new(diags->arena, Diag);
    diag->severity = severity;
    diag->warning = -1;
    diag->span = at;
    diag->message = message;
    return diag;
}

static void keep(Diags *diags, Diag *diag) {
    diags->all =
        arena_grow(diags->arena, diags->all, diags->count, &diags->capacity, sizeof(Diag *));
    diags->all[diags->count++] = diag;
    diags->errors += diag->severity == SEV_ERROR;
}

Diag *diag_error(Diags *diags, Span at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Diag *diag = make(diags, SEV_ERROR, at, format, args);
    va_end(args);
    keep(diags, diag);
    return diag;
}

Diag *diag_warning(Diags *diags, Warning warning, Span at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Diag *diag = make(diags, diags->werror ? SEV_ERROR : SEV_WARNING, at, format, args);
    va_end(args);
    diag->warning = (int)warning;
    if (diags->enabled[warning]) {
        keep(diags, diag);
    }
    return diag;
}

Diag *diag_note(Diags *diags, Diag *parent, Span at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Diag *diag = make(diags, SEV_NOTE, at, format, args);
    va_end(args);
    Diag **last = &parent->notes;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = diag;
    return diag;
}

void diag_label(Diags *diags, Diag *diag, const char *format, ...) {
    va_list args;
    va_start(args, format);
    diag->label = make(diags, SEV_NOTE, diag->span, format, args)->message;
    va_end(args);
}

bool diags_warned(const Diags *diags, Warning warning, Span at) {
    for (size_t k = 0; k < diags->count; k++) {
        const Diag *diag = diags->all[k];
        if (diag->warning == (int)warning && diag->span.file == at.file &&
            diag->span.start == at.start && diag->span.end == at.end) {
            return true;
        }
    }
    return false;
}

size_t diags_errors(const Diags *diags) {
    return diags->errors;
}

void diags_set_warning(Diags *diags, Warning warning, bool on) {
    diags->enabled[warning] = on;
}

void diags_set_werror(Diags *diags, bool on) {
    diags->werror = on;
}

bool warning_find(const char *name, Warning *found) {
    for (int i = 0; i < WARN_COUNT; i++) {
        if (strcmp(name, warnings[i].name) == 0) {
            *found = (Warning)i;
            return true;
        }
    }
    return false;
}

const char *warning_name(Warning warning) {
    return warnings[warning].name;
}

const char *warning_help(Warning warning) {
    return warnings[warning].help;
}

bool warning_default(Warning warning) {
    return warnings[warning].on;
}

/* ---- printing ----------------------------------------------------------------------------- */

typedef struct {
    const Diags *diags;
    Text out;
    bool color;
} Printer;

static const struct {
    const char *name, *color;
} severities[] = {
    [SEV_NOTE] = {"note", "\033[1;36m"},
    [SEV_WARNING] = {"warning", "\033[1;35m"},
    [SEV_ERROR] = {"error", "\033[1;31m"},
};

static void paint(Printer *printer, const char *color) {
    if (printer->color) {
        text_add(&printer->out, color);
    }
}

/* Source text as a terminal may see it: control characters and bytes that are no text become
 * `\uFFFD`, a tab one space, so that the columns of the caret's line hold. */
static void add_shown(Text *out, const char *text, size_t length) {
    size_t size;
    for (size_t at = 0; at < length; at += size) {
        uint32_t character = utf8_read(text + at, length - at, &size);
        if (character == '\t') {
            text_add(out, " ");
        } else if (character < ' ' || (character >= 0x7F && character < 0xA0)) {
            text_add(out, "\xEF\xBF\xBD");
        } else if (character == UINT32_MAX) {
            text_add(out, "\xEF\xBF\xBD");
        } else if (character == 0x200E || character == 0x200F ||
                   (character >= 0x202A && character <= 0x202E) ||
                   (character >= 0x2066 && character <= 0x2069)) {
            continue; /* marks that would turn the line around; they have no width */
        } else {
            text_add_bytes(out, text + at, size);
        }
    }
}

/* One line of a file and what is marked of it, as byte offsets into the line. */
typedef struct {
    const char *text;
    size_t length, start, end;
    bool cut_left, cut_right; /* only a window of the line is shown */
} Excerpt;

static Excerpt find_excerpt(const Source *source, Span span) {
    size_t start = span.start < source->length ? span.start : source->length;
    size_t end = span.end > start ? span.end : start;
    end = end < source->length ? end : source->length;
    size_t first = start;
    while (first > 0 && source->text[first - 1] != '\n') {
        first--;
    }
    const char *newline = memchr(source->text + start, '\n', source->length - start);
    size_t last = newline == NULL ? source->length : (size_t)(newline - source->text);
    if (last > first && source->text[last - 1] == '\r') {
        last--;
    }
    start = start < last ? start : last;
    end = end < last ? end : last;
    return (Excerpt){.text = source->text + first,
                     .length = last - first,
                     .start = start - first,
                     .end = end - first};
}

static size_t step_back(const char *text, size_t at) {
    do {
        at--;
    } while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80);
    return at;
}

/* Of a very long line only what is around the caret is shown. */
static void cut_window(Excerpt *excerpt) {
    if (excerpt->length <= MAX_WIDTH) {
        return;
    }
    size_t first = excerpt->start, last = excerpt->start, size;
    for (size_t width = 0; first > 0 && width < WINDOW / 2; width++) {
        first = step_back(excerpt->text, first);
    }
    for (size_t width = 0; last < excerpt->length && width < WINDOW; width++) {
        utf8_read(excerpt->text + last, excerpt->length - last, &size);
        last += size;
    }
    excerpt->cut_left = first > 0;
    excerpt->cut_right = last < excerpt->length;
    excerpt->text += first;
    excerpt->start -= first;
    excerpt->end = (excerpt->end < last ? excerpt->end : last) - first;
    excerpt->length = last - first;
}

static void print_excerpt(Printer *printer, const Diag *diag, uint32_t line) {
    static const char *const gutter = "\033[34m", *const plain = "\033[0m";
    Text *out = &printer->out;
    Excerpt excerpt =
        find_excerpt(sources_get(printer->diags->sources, diag->span.file), diag->span);
    cut_window(&excerpt);

    const char *number = arena_format(out->arena, "%2u", (unsigned)line);
    paint(printer, gutter);
    text_format(out, "%s | ", number);
    paint(printer, plain);
    text_add(out, excerpt.cut_left ? "…" : "");
    add_shown(out, excerpt.text, excerpt.length);
    text_add(out, excerpt.cut_right ? "…\n" : "\n");

    size_t before = display_width(excerpt.text, excerpt.start) + excerpt.cut_left;
    size_t marked = display_width(excerpt.text + excerpt.start, excerpt.end - excerpt.start);
    paint(printer, gutter);
    text_format(out, "%*s | ", (int)strlen(number), "");
    paint(printer, plain);
    text_format(out, "%*s", (int)before, "");
    paint(printer, severities[diag->severity].color);
    for (size_t i = 0; i < (marked > 0 ? marked : 1); i++) {
        text_add(out, "^");
    }
    if (diag->label != NULL) {
        text_format(out, " %s", diag->label);
    }
    paint(printer, plain);
    text_add(out, "\n");
}

static bool same_span(Span a, Span b) {
    return a.file == b.file && a.start == b.start && a.end == b.end;
}

/* `shown`: what the lines above show, not to be shown again. */
static void print_diag(Printer *printer, const Diag *diag, Span shown) {
    Text *out = &printer->out;
    Place place = {0, 0};
    if (diag->span.file != 0) {
        const Source *source = sources_get(printer->diags->sources, diag->span.file);
        place = sources_place(printer->diags->sources, diag->span.file, diag->span.start);
        paint(printer, "\033[1m");
        text_format(out, "%s:%u:%u: ", source->path, (unsigned)place.line, (unsigned)place.column);
    } else {
        paint(printer, "\033[1m");
        text_add(out, "gradc: ");
    }
    paint(printer, severities[diag->severity].color);
    text_format(out, "%s: ", severities[diag->severity].name);
    paint(printer, "\033[0m\033[1m");
    text_add(out, diag->message);
    if (diag->warning >= 0) {
        text_format(out, " [-W%s%s]", diag->severity == SEV_ERROR ? "error=" : "",
                    warnings[diag->warning].name);
    }
    paint(printer, "\033[0m");
    text_add(out, "\n");
    bool repeats = same_span(diag->span, shown) && diag->label == NULL;
    if (diag->span.file != 0 && !repeats) {
        print_excerpt(printer, diag, place.line);
    } else if (diag->span.file == 0 && diag->label != NULL) {
        text_format(out, "  %s\n", diag->label);
    }
    for (const Diag *note = diag->notes; note != NULL; note = note->next) {
        print_diag(printer, note, diag->span);
    }
}

static bool comes_before(const Diag *a, const Diag *b) {
    return a->span.file != b->span.file ? a->span.file < b->span.file
                                        : a->span.start < b->span.start;
}

/* A stable merge sort: what is found at one place stays in the order it was found. */
static void sort_diags(Diag **all, Diag **scratch, size_t count) {
    if (count < 2) {
        return;
    }
    size_t half = count / 2, left = 0, right = half;
    sort_diags(all, scratch, half);
    sort_diags(all + half, scratch, count - half);
    for (size_t i = 0; i < count; i++) {
        bool take_right = left == half || (right < count && comes_before(all[right], all[left]));
        scratch[i] = all[take_right ? right++ : left++];
    }
    memcpy(all, scratch, count * sizeof *all);
}

static bool is_duplicate(Diag *const *all, size_t at) {
    for (size_t i = at; i-- > 0 && at - i < 64;) {
        if (all[i]->span.file != all[at]->span.file || all[i]->span.start != all[at]->span.start) {
            return false;
        }
        if (all[i]->severity == all[at]->severity &&
            strcmp(all[i]->message, all[at]->message) == 0) {
            return true;
        }
    }
    return false;
}

bool diags_colored(ColorMode color) {
    if (color != COLOR_AUTO) {
        return color == COLOR_ALWAYS;
    }
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && (refused == NULL || *refused == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

const char *diags_text(const Diags *diags, ColorMode color) {
    if (diags->count == 0) {
        return "";
    }
    Diag **all = arena_array(diags->arena, Diag *, diags->count);
    Diag **scratch = arena_array(diags->arena, Diag *, diags->count);
    memcpy(all, diags->all, diags->count * sizeof *all);
    sort_diags(all, scratch, diags->count);

    Printer printer = {.diags = diags, .color = diags_colored(color)};
    text_init(&printer.out, diags->arena);
    size_t printed = 0, left_out = 0;
    for (size_t i = 0; i < diags->count; i++) {
        if (is_duplicate(all, i)) {
            continue;
        }
        if (all[i]->severity == SEV_ERROR && printed++ >= MAX_ERRORS) {
            left_out++;
            continue;
        }
        print_diag(&printer, all[i], (Span){0, 0, 0});
    }
    if (left_out > 0) {
        text_format(&printer.out, "… and %zu more error%s\n", left_out, left_out == 1 ? "" : "s");
    }
    return printer.out.data;
}

void diags_print(const Diags *diags, ColorMode color) {
    fflush(stdout);
    fputs(diags_text(diags, color), stderr);
}

/* ---- did you mean ------------------------------------------------------------------------- */

enum { MAX_NAME = 64, EDIT = 2, CASE_EDIT = 1 };

static uint32_t lower_case(uint32_t character) {
    return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
}

/* The characters of a name; 0 if there are more than MAX_NAME. */
static size_t characters(const char *name, uint32_t *out) {
    size_t length = strlen(name), count = 0, size;
    for (size_t at = 0; at < length; at += size) {
        if (count == MAX_NAME) {
            return 0;
        }
        out[count++] = utf8_read(name + at, length - at, &size);
    }
    return count;
}

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that lead from a to b, EDIT each;
 * a change of case is CASE_EDIT. */
static unsigned distance(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count) {
    unsigned rows[3][MAX_NAME + 1];
    for (size_t j = 0; j <= b_count; j++) {
        rows[0][j] = (unsigned)j * EDIT;
    }
    for (size_t i = 1; i <= a_count; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i * EDIT;
        for (size_t j = 1; j <= b_count; j++) {
            uint32_t x = a[i - 1], y = b[j - 1];
            unsigned cost = x == y ? 0 : lower_case(x) == lower_case(y) ? CASE_EDIT : EDIT;
            row[j] = least(above[j - 1] + cost, least(above[j], row[j - 1]) + EDIT);
            if (i > 1 && j > 1 && x == b[j - 2] && a[i - 2] == y) {
                row[j] = least(row[j], two_above[j - 2] + EDIT);
            }
        }
    }
    return rows[a_count % 3][b_count];
}

Name closest_name(Name name, const Name *candidates, size_t count) {
    uint32_t wanted[MAX_NAME], other[MAX_NAME];
    size_t length = characters(name, wanted);
    /* One edit for each three characters; of a single letter only the case may differ. */
    unsigned best = length == 1 ? EDIT : least((unsigned)(length + 2) / 3, 3) * EDIT + 1;
    Name found = NULL;
    for (size_t i = 0; length > 0 && i < count; i++) {
        size_t other_length = characters(candidates[i], other);
        if (other_length == 0 || candidates[i] == name) {
            continue;
        }
        unsigned edits = distance(wanted, length, other, other_length);
        /* At least one character has to be right. */
        size_t longer = length > other_length ? length : other_length;
        if (edits < best && (edits < EDIT || edits < longer * EDIT)) {
            best = edits;
            found = candidates[i];
        }
    }
    return found;
}

/* ---- the end ------------------------------------------------------------------------------ */

_Noreturn void ice(const char *pass, const char *format, ...) {
    fflush(stdout);
    fprintf(stderr, "gradc: internal error in %s: ", pass);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\nThis is a fault of gradc, not of your model. Please report it, with the model.\n",
          stderr);
    exit(70);
}

_Noreturn void fatal(const char *format, ...) {
    fflush(stdout);
    fputs("gradc: error: ", stderr);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    exit(1);
}
