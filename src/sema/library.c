/* library.c: the functions of the standard library that a model may come to use. What the user has
 * never named is not parsed: a function is read if its name, or one that it serves under another,
 * is in the table of names; reading it puts the names there that it uses itself. */
#include <string.h>

#include "sema/sema_private.h"

/* f is called by `x ~ NAME`, for a vector, or for a constrained param: by what is before the
 * suffix. */
static const char *const suffixes[] = {"_lpdf", "_lpmf", "_vector"};
static const char *const of_constraints[] = {"_constrain", "_unconstrain"};

static size_t without(const char *name, const char *suffix) {
    size_t length = strlen(name);
    size_t own = strlen(suffix);

    return length > own && strcmp(name + length - own, suffix) == 0 ? length - own : 0;
}

static bool is_needed(const Sema *sema, const char *name, bool constraints) {
    Interner *names = sema->front->names;

    if (interner_has(names, name, strlen(name))) {
        return true;
    }
    for (size_t k = 0; k < sizeof suffixes / sizeof suffixes[0]; k++) {
        size_t length = without(name, suffixes[k]);
        if (length > 0 && interner_has(names, name, length)) {
            return true;
        }
    }
    for (size_t k = 0; k < sizeof of_constraints / sizeof of_constraints[0] && constraints; k++) {
        if (without(name, of_constraints[k]) > 0) {
            return true;
        }
    }
    return false;
}

static bool has_constraints(const Ast *ast) {
    for (const Item *item = ast->items; item; item = item->next) {
        if (item->kind != ITEM_PARAM) {
            continue;
        }
        for (const Declaration *d = item->as.declarations; d; d = d->next) {
            if (d->constraint != CONSTRAINT_NONE) {
                return true;
            }
        }
    }
    return false;
}

/* The values of -D come later than the library. */
static void add_names(const Sema *sema, const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    while (*text != '\0') {
        size_t length = strspn(text, letters);
        if (length > 0) {
            intern(sema->front->names, text, length);
        }
        text += length > 0 ? length : 1;
    }
}

typedef struct {
    uint32_t number; /* among the sources; 0: not there yet */
} LibraryText;

static const Function *read_function(const Sema *sema, LibraryText *texts,
                                     const LibraryFunction *f) {
    LibraryText *text = &texts[f->file];

    if (text->number == 0) {
        const char *name;
        size_t length;
        const char *bytes = front_library_text(f->file, &name, &length);
        text->number = sources_add(sema->front->sources, name, bytes, length, true);
    }
    return front_parse_part(sema->front, text->number, f->begin, f->end)->items->as.function;
}

void sema_library(Sema *sema) {
    Model *m = sema->model;
    const bool constraints = has_constraints(m->ast);
    size_t count = 0;
    bool again = true;

    for (size_t k = 0; k < sema->definition_count; k++) {
        add_names(sema, sema->definitions[k].value);
    }
    while (front_library(count)) {
        count++;
    }
    const Function **read = arena_array(sema->arena, const Function *, count + 1);
    LibraryText *texts = arena_array(sema->arena, LibraryText, count + 1);
    while (again) {
        again = false;
        for (size_t k = 0; k < count; k++) {
            const LibraryFunction *f = front_library(k);
            if (!read[k] && is_needed(sema, f->name, constraints)) {
                read[k] = read_function(sema, texts, f);
                again = true;
            }
        }
    }
    m->library = arena_array(sema->arena, ModelFunction, count + 1);
    for (size_t k = 0; k < count; k++) {
        if (read[k]) {
            m->library[m->library_count++] =
                (ModelFunction){.ast = read[k], .name = read[k]->name, .library = true};
        }
    }
}
