/* base.h: what every module may use; it knows nothing of models. */
#ifndef GRADC_BASE_H
#define GRADC_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- arena.c: memory of one compilation ------------------------------------------------- */

/* What a compilation makes lives in an arena and is freed with it, never singly. There is one for
 * all that lasts, and one for each piece of work whose result is copied out of it.
 * Allocation never fails: out of memory ends the process with a message and status 1. */
typedef struct Arena Arena;

Arena *arena_create(void);
/* At the beginning of a thread that will allocate much: the C library then has room for it at once,
 * where it would ask the system for every page. */
void memory_prepare(void);
void arena_destroy(Arena *arena);
void *arena_alloc(Arena *arena, size_t size);                    /* zeroed, aligned for any type */
char *arena_copy(Arena *arena, const char *text, size_t length); /* zero-terminated copy */
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Grows an array of `count` elements of `size` bytes so that one more fits; returns where it is
 * now. `*capacity` is kept by the caller and starts at 0. */
void *arena_grow(Arena *arena, void *array, size_t count, size_t *capacity, size_t size);

#define arena_new(arena, T)          ((T *)arena_alloc((arena), sizeof(T)))
#define arena_array(arena, T, count) ((T *)arena_alloc((arena), (size_t)(count) * sizeof(T)))

/* ---- intern.c: names: equal text, equal pointer ----------------------------------------- */

typedef const char *Name; /* interned, UTF-8, zero-terminated; compare with == */
typedef struct Interner Interner;

Interner *interner_create(Arena *arena);
Name intern(Interner *interner, const char *text, size_t length);
Name intern_text(Interner *interner, const char *text);
/* Is there such a name already? */
bool interner_has(Interner *interner, const char *text, size_t length);

/* Where in a list each name first stands: zeroed, it is empty. */
typedef struct {
    Arena *arena; /* set when it was empty */
    struct NamePlace *slots;
    size_t count, capacity;
    size_t noted; /* entries of the list so far */
} NameTable;

/* The next entry of the list. */
void names_note(NameTable *table, Arena *arena, Name name);
/* Its place, or SIZE_MAX. */
size_t names_find(const NameTable *table, Name name);

/* ---- source.c: files read, line map, offset → line and column ---------------------------- */

typedef struct {
    uint32_t file;       /* index into Sources; 0 is "nowhere" */
    uint32_t start, end; /* byte offsets, half open */
} Span;

typedef struct {
    const char *path; /* as the user wrote it, for messages */
    const char *text; /* `length` bytes, then a zero */
    size_t length;
    bool library; /* of the embedded standard library */
} Source;

typedef struct Sources Sources;

typedef struct {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, in characters (code points) */
} Place;

Sources *sources_create(Arena *arena);
uint32_t sources_add(Sources *sources, const char *path, const char *text, size_t length,
                     bool library);
const Source *sources_get(const Sources *sources, uint32_t file);
Place sources_place(const Sources *sources, uint32_t file, uint32_t offset);
Span span_join(Span a, Span b); /* from the start of a to the end of b */
/* Display columns of UTF-8 text (wide characters count 2, combining ones 0, a tab 1). */
size_t display_width(const char *text, size_t length);
/* The character at the start of UTF-8 text, and its size in bytes (at least 1). UINT32_MAX where
 * the bytes are no character: overlong, a surrogate, cut short; their size is 1. */
uint32_t utf8_read(const char *text, size_t length, size_t *size);

/* ---- diag.c: messages, carets, notes, colour ---------------------------------------------- */

typedef enum { SEV_NOTE, SEV_WARNING, SEV_ERROR } Severity;

typedef enum {
#define WARNING(id, name, on, help) WARN_##id,
#include "base/warning.def"
#undef WARNING
    WARN_COUNT
} Warning;

typedef struct Diag Diag;
struct Diag {
    Severity severity;
    int warning; /* a Warning, or -1 */
    Span span;
    const char *message; /* one sentence, no full stop, lower case, names in `…` */
    const char *label;   /* under the caret, or NULL */
    Diag *notes, *next;
};

typedef struct Diags Diags;

Diags *diags_create(Arena *arena, const Sources *sources);
/* Each returns the diag, so that a label or notes can be added. Never NULL. */
Diag *diag_error(Diags *diags, Span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
Diag *diag_warning(Diags *diags, Warning warning, Span at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
Diag *diag_note(Diags *diags, Diag *parent, Span at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_label(Diags *diags, Diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Has this warning been given at that place? */
bool diags_warned(const Diags *diags, Warning warning, Span at);
size_t diags_errors(const Diags *diags); /* errors so far, warnings made errors included */
void diags_set_warning(Diags *diags, Warning warning, bool on);
void diags_set_werror(Diags *diags, bool on);
bool warning_find(const char *name, Warning *found); /* "unused-param" → WARN_unused_param */
const char *warning_name(Warning warning);           /* static; dashes */
const char *warning_help(Warning warning);
bool warning_default(Warning warning);

typedef enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } ColorMode;
/* Prints all, sorted by place, duplicates dropped, at most 20 errors, to standard error. AUTO:
 * colour on a terminal, unless NO_COLOR is set. */
void diags_print(const Diags *diags, ColorMode color);
/* What that prints; empty without messages. */
const char *diags_text(const Diags *diags, ColorMode color);
/* Is colour used? */
bool diags_colored(ColorMode color);

/* The closest of `count` candidates to `name`, if it is close enough to be meant; else NULL. */
Name closest_name(Name name, const Name *candidates, size_t count);

/* Our own fault: prints pass and what happened, asks for a report, exits with status 70. */
_Noreturn void ice(const char *pass, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The user's environment failed (no such file, disk full): `gradc: error: …`, exit status 1. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- text.c: growing string ----------------------------------------------------------------- */

typedef struct {
    Arena *arena;
    char *data; /* zero-terminated once anything was added; never NULL after text_init */
    size_t length, capacity;
    int indent; /* of lines begun with text_line */
} Text;

void text_init(Text *text, Arena *arena);
void text_add(Text *text, const char *string);
void text_add_bytes(Text *text, const char *bytes, size_t length);
void text_format(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_line(Text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* indent, text, newline */
/* The shortest decimal form that reads back as the same double; always has a point or an exponent
 * when `real` (2 → "2.0"), else may not (2 → "2"). inf and nan as "inf", "nan". Locale-free. */
void text_add_number(Text *text, double value, bool real);
/* The shortest constant of C that is this float, which is finite: 0.1f. */
void text_add_float(Text *text, float value);
/* Reads a decimal number, correctly rounded, locale-free; `*end` is where it stopped. */
double number_read(const char *text, const char **end);

/* ---- hash.c: what texts and files are known by ------------------------------------------------
 */

enum { HASH_BYTES = 32 };

typedef struct {
    uint64_t state[8], length;
    uint8_t block[128];
    size_t filled;
} Hash;

void hash_init(Hash *hash);
void hash_add(Hash *hash, const void *data, size_t length);
/* Its length too, so that two texts in a row are not one. */
void hash_add_text(Hash *hash, const char *text, size_t length);
void hash_end(Hash *hash, uint8_t *result); /* HASH_BYTES; the hash is used up */

/* ---- file.c: whole files in and out ---------------------------------------------------------- */

/* Reads a file (or standard input for "-"). On failure returns NULL and sets *error to a message
 * in the arena ("cannot read `x`: No such file or directory"). */
char *file_read(Arena *arena, const char *path, size_t *length, const char **error);
/* Writes by a temporary name in the same directory, fsync, rename: never half a file; keeps the
 * mode bits of what it replaces; "-" is standard output. Returns NULL, or a message. */
const char *file_write(Arena *arena, const char *path, const void *data, size_t length,
                       bool executable);

#endif
