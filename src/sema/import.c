/* import.c: takes the items of imported files into the place of their `import`. A path is relative
 * to the file that imports it, then to the folders of -I. A file comes in once, however often it is
 * imported; a file that comes to import itself is an error. Such a file has dims, consts, functions
 * and imports of its own. */
#include <stdlib.h>
#include <string.h>

#include "sema/sema_private.h"

typedef struct {
    uint32_t file;
    const char *real; /* its one name, whatever path leads there */
    size_t importer;  /* number of the file that imports it */
    bool open;        /* its imports are being read */
} File;

typedef struct {
    const Front *front;
    Arena *arena;
    Diags *diags;
    File *files;
    size_t count, capacity;
    Item **last; /* where the next item goes */
    bool damaged;
} Imports;

static void read_items(Imports *im, const Item *items, size_t self);

/* ---- paths ----------------------------------------------------------------------------------- */

static const char *real_path(Arena *arena, const char *path) {
    char *real = realpath(path, NULL);
    const char *copy = real ? arena_format(arena, "%s", real) : NULL;

    free(real);
    return copy;
}

/* `path` as seen from the folder of `from`. */
static const char *beside(Arena *arena, const char *from, const char *path) {
    const char *slash = strrchr(from, '/');

    if (path[0] == '/' || !slash) {
        return path;
    }
    return arena_format(arena, "%.*s/%s", (int)(slash - from), from, path);
}

/* The path that the import means; NULL: there is none (reported). */
static const char *find_path(Imports *im, const Item *item, size_t self) {
    const Front *front = im->front;
    const char *path = item->as.import.path;
    const char *from = sources_get(front->sources, im->files[self].file)->path;
    const char *found = beside(im->arena, from, path);

    if (path[0] != '\0' && real_path(im->arena, found)) {
        return found;
    }
    for (size_t k = 0; k < front->include_count && path[0] != '/' && path[0] != '\0'; k++) {
        found = arena_format(im->arena, "%s/%s", front->include[k], path);
        if (real_path(im->arena, found)) {
            return found;
        }
    }
    Diag *diag =
        diag_error(im->diags, item->as.import.path_span, "there is no file `%s` to import", path);
    if (path[0] == '/') {
        return NULL;
    }
    diag_label(im->diags, diag,
               front->include_count > 0
                   ? "looked for beside this file and in the folders of -I"
                   : "looked for beside this file; other folders are named by -I");
    return NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void report_cycle(Imports *im, size_t to, size_t self, Span at) {
    const Sources *sources = im->front->sources;
    const char *chain = sources_get(sources, im->files[to].file)->path;

    for (size_t k = self;; k = im->files[k].importer) {
        chain = arena_format(im->arena, "%s → %s", sources_get(sources, im->files[k].file)->path,
                             chain);
        if (k == to) {
            break;
        }
    }
    Diag *diag = diag_error(im->diags, at, "`%s` comes to import itself",
                            sources_get(sources, im->files[to].file)->path);
    diag_label(im->diags, diag, "%s", chain);
}

static size_t add_file(Imports *im, uint32_t file, const char *real, size_t importer) {
    im->files = arena_grow(im->arena, im->files, im->count, &im->capacity, sizeof *im->files);
    im->files[im->count] = (File){file, real, importer, true};
    return im->count++;
}

/* Is the file there already? */
static bool known_file(Imports *im, const char *real, size_t self, Span at) {
    for (size_t k = 0; k < im->count; k++) {
        if (im->files[k].real && strcmp(im->files[k].real, real) == 0) {
            if (im->files[k].open) {
                report_cycle(im, k, self, at);
            }
            return true;
        }
    }
    return false;
}

static void import_file(Imports *im, const Item *item, size_t self) {
    const Front *front = im->front;
    const char *path = find_path(im, item, self);
    const char *error;
    size_t length;

    if (!path) {
        im->damaged = true; /* its names are unknown */
        return;
    }
    const char *real = real_path(im->arena, path);
    if (known_file(im, real, self, item->as.import.path_span)) {
        return;
    }
    const char *text = file_read(im->arena, path, &length, &error);
    if (!text) {
        im->damaged = true;
        diag_error(im->diags, item->as.import.path_span, "%s", error);
        return;
    }
    uint32_t file = sources_add(front->sources, path, text, length, false);
    size_t number = add_file(im, file, real, self);
    read_items(im, front_parse(front, file)->items, number);
    im->files[number].open = false;
}

/* ---- items ----------------------------------------------------------------------------------- */

/* What of the model itself an item is; NULL: it may be imported. */
static const char *own_item(ItemKind kind) {
    switch (kind) {
    case ITEM_MODEL:
        return "a `model` name";
    case ITEM_DATA:
        return "a `data` array";
    case ITEM_PARAM:
        return "a `param`";
    case ITEM_METRIC:
        return "a `metric`";
    case ITEM_TRAIN:
        return "`train` settings";
    case ITEM_ERROR:
    case ITEM_IMPORT:
    case ITEM_DIM:
    case ITEM_CONST:
    case ITEM_FUNCTION:
    case ITEM_EXTERN:
        break;
    }
    return NULL;
}

static void read_items(Imports *im, const Item *items, size_t self) {
    for (const Item *item = items; item; item = item->next) {
        const char *own = self > 0 ? own_item(item->kind) : NULL;
        if (item->kind == ITEM_IMPORT) {
            import_file(im, item, self);
            continue;
        }
        if (own) {
            Diag *diag = diag_error(im->diags, item->span,
                                    "an imported file has dims, consts and functions, and here %s "
                                    "%s",
                                    item->kind == ITEM_TRAIN ? "are" : "is", own);
            diag_label(im->diags, diag, "it belongs into `%s`",
                       sources_get(im->front->sources, im->files[0].file)->path);
            continue;
        }
        Item *copy = arena_new(im->arena, Item);
        *copy = *item;
        copy->next = NULL;
        *im->last = copy;
        im->last = &copy->next;
    }
}

Imported sema_import(const Front *front, const Ast *ast) {
    Arena *arena = front->arena;
    Ast *whole = arena_new(arena, Ast);
    Imports im = {.front = front, .arena = arena, .diags = front->diags, .last = &whole->items};

    *whole = (Ast){.file = ast->file};
    add_file(&im, ast->file, real_path(arena, sources_get(front->sources, ast->file)->path), 0);
    read_items(&im, ast->items, 0);
    uint32_t *files = arena_array(arena, uint32_t, im.count);
    for (size_t k = 0; k < im.count; k++) {
        files[k] = im.files[k].file;
    }
    return (Imported){.ast = whole, .files = files, .file_count = im.count, .damaged = im.damaged};
}
