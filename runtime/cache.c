/* cache.c: a parsed CSV file, kept in binary form (--cache-data).
 *
 *     header   magic, length of the description, checksum of all that follows, length of the arrays
 *     description  the key: what file, when, how it was read; then rows, samples, lines, dims,
 *                  classes and names of columns; 64-bit words and counted texts
 *     arrays   the starts of samples, then the columns of the model that were read
 *
 * The words are the machine's. The key is compared as a whole, so a file that changed, other
 * options or another model never meet a wrong cache; a cache that is cut or damaged has another
 * checksum. Nothing of the model is touched before all is verified. Where anything goes wrong, the
 * data file is read. */
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char magic[16];
    uint64_t described, checksum, arrays;
} Header;

static const char magic[16] = "gradc data 1\n";

struct Cache {
    Context *context;
    Model *model;
    const LoadOptions *options;
    char *path; /* of the cache's file */
    Text key;
    bool *bound; /* dims that were, before the data were read */
};

/* ---- the key, and the place ---- */

static void describe_model(Text *key, const Model *model, const LoadOptions *options) {
    for (size_t i = 0; i < model->dim_count; i++) {
        const Dim *dim = &model->dims[i];
        pack_text(key, dim->name);
        pack_word(key, dim->bound ? dim->value : -1);
    }
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        pack_text(key, column->name);
        pack_word(key, column->is_int | column->target << 1 | column->by_row << 2 |
                           options->needed[i] << 3);
        for (size_t axis = 0; axis < column->shape.rank; axis++) {
            pack_text(key, column->shape.sizes[axis]);
        }
        pack_text(key, column->limit);
        pack_texts(key, column->classes, column->class_count);
        pack_texts(key, column->fields, column->field_count);
    }
}

static void make_folder(const char *path) {
    mkdir(path, 0700); /* that it fails is seen when a file is made in it */
}

/* The folder of caches, made if need be; NULL: there is no place for one. */
static char *cache_folder(Context *context) {
    const char *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *cache = base && *base == '/' ? memory_copy(context, base, strlen(base))
                  : home && *home      ? memory_format(context, "%s/.cache", home)
                                       : NULL;
    char *mine = cache ? memory_format(context, "%s/gradc", cache) : NULL;
    char *folder = mine ? memory_format(context, "%s/data", mine) : NULL;
    if (folder) {
        make_folder(cache);
        make_folder(mine);
        make_folder(folder);
    }
    memory_free(context, cache);
    memory_free(context, mine);
    return folder;
}

/* What tells one state of a file from another. */
static void describe_state(Text *key, const struct stat *status) {
    pack_word(key, (int64_t)status->st_dev);
    pack_word(key, (int64_t)status->st_ino);
    pack_word(key, (int64_t)status->st_size);
    pack_word(key, (int64_t)status->st_mtim.tv_sec);
    pack_word(key, (int64_t)status->st_mtim.tv_nsec);
    pack_word(key, (int64_t)status->st_ctim.tv_sec);
    pack_word(key, (int64_t)status->st_ctim.tv_nsec);
}

static bool make_key(Cache *cache, const Input *input) {
    const LoadOptions *options = cache->options;
    struct stat status;
    Text *key = &cache->key;
    char *real = realpath(input->path, NULL);
    if (!real || fstat(input->fd, &status) != 0) {
        free(real);
        return false;
    }
    text_start(key, cache->context);
    pack_text(key, real);
    free(real);
    pack_text(key, options->columns);
    pack_text(key, options->delimiter);
    pack_text(key, options->header);
    pack_text(key, options->sample);
    pack_word(key, options->nonfinite);
    pack_word(key, cache->model->single);
    describe_model(key, cache->model, options);
    char *folder = cache_folder(cache->context);
    uint64_t name = key->failed ? 0 : pack_checksum(0, key->data, key->length);
    cache->path =
        folder ? memory_format(cache->context, "%s/%016llx", folder, (unsigned long long)name)
               : NULL;
    memory_free(cache->context, folder);
    describe_state(key, &status);
    return cache->path && !key->failed;
}

Cache *cache_open(Context *context, Model *model, const LoadOptions *options, const Input *input) {
    Cache *cache = NEW(context, Cache, 1);
    if (!cache) {
        return NULL;
    }
    *cache = (Cache){.context = context, .model = model, .options = options};
    cache->bound = NEW(context, bool, model->dim_count + 1);
    for (size_t i = 0; cache->bound && i < model->dim_count; i++) {
        cache->bound[i] = model->dims[i].bound;
    }
    return cache->bound && make_key(cache, input) ? cache : NULL;
}

/* ---- writing ---- */

static void describe_data(Text *text, const Cache *cache, const Data *data) {
    const Model *model = cache->model;
    pack_word(text, data->rows);
    pack_word(text, data->samples);
    pack_word(text, data->starts != NULL);
    pack_word(text, data->separator.used);
    pack_word(text, data->separator.column);
    pack_word(text, data->separator.entry);
    pack_word(text, data->separator.separates);
    pack_word(text, (int64_t)data->jump_count);
    for (size_t i = 0; i < data->jump_count; i++) {
        pack_word(text, data->jumps[i].row);
        pack_word(text, data->jumps[i].line);
    }
    for (size_t i = 0; i < model->dim_count; i++) {
        bool new = model->dims[i].bound && !cache->bound[i];
        pack_word(text, new ? model->dims[i].value : -1);
        pack_text(text, new ? model->dims[i].by : NULL);
    }
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        pack_texts(text, column->classes, column->class_count);
        pack_texts(text, column->fields, column->field_count);
        pack_word(text, cache->options->needed[i] ? column->shape.count : -1);
    }
}

typedef struct {
    void *bytes;
    size_t length;
} Piece;

static size_t entry_bytes(const Model *model, size_t column) {
    return model->columns[column].is_int || !model->single ? sizeof(double) : sizeof(float);
}

/* The arrays in their order; `parts` has room for one of each column and the starts. */
static size_t list_arrays(const Model *model, const Data *data, const int64_t *widths,
                          Piece *parts) {
    size_t count = 0;
    if (data->starts) {
        parts[count++] = (Piece){data->starts, (size_t)data->samples * sizeof(int64_t)};
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (widths[i] >= 0) {
            size_t length = (size_t)data->rows * (size_t)widths[i] * entry_bytes(model, i);
            parts[count++] = (Piece){data->columns[i], length};
        }
    }
    return count;
}

static bool put(int fd, const void *bytes, size_t length) {
    const char *p = bytes;
    while (length) {
        ssize_t done = write(fd, p, length);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        p += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* Under a temporary name first: a reader never meets half a cache. No fsync: the checksum tells. */
static bool write_file(const Cache *cache, const Header *header, const Text *text,
                       const Piece *parts, size_t count) {
    char *temporary = memory_format(cache->context, "%s.XXXXXX", cache->path);
    int fd = temporary ? mkostemp(temporary, O_CLOEXEC) : -1;
    if (fd < 0) {
        return false;
    }
    bool done = put(fd, header, sizeof *header) && put(fd, text->data, text->length);
    for (size_t i = 0; done && i < count; i++) {
        done = put(fd, parts[i].bytes, parts[i].length);
    }
    int why = errno;
    if (close(fd) != 0 && done) {
        done = false;
        why = errno;
    }
    if (done && rename(temporary, cache->path) != 0) {
        done = false;
        why = errno;
    }
    if (!done) {
        unlink(temporary);
        errno = why;
    }
    memory_free(cache->context, temporary);
    return done;
}

void cache_write(Cache *cache, const Input *input, const Data *data) {
    const Model *model = cache->model;
    struct stat status;
    Text state;
    Text text;
    text_start(&state, cache->context);
    text_start(&text, cache->context);
    /* the file as it was when it was opened? */
    if (fstat(input->fd, &status) != 0) {
        return;
    }
    describe_state(&state, &status);
    if (state.failed ||
        memcmp(cache->key.data + cache->key.length - state.length, state.data, state.length) != 0) {
        return;
    }
    text_bytes(&text, cache->key.data, cache->key.length);
    describe_data(&text, cache, data);
    int64_t *widths = NEW(cache->context, int64_t, model->column_count + 1);
    Piece *parts = NEW(cache->context, Piece, model->column_count + 2);
    if (!widths || !parts || text.failed) {
        return;
    }
    for (size_t i = 0; i < model->column_count; i++) {
        widths[i] = cache->options->needed[i] ? model->columns[i].shape.count : -1;
    }
    size_t count = list_arrays(model, data, widths, parts);
    Header header = {.described = text.length,
                     .checksum = pack_checksum(0, text.data, text.length)};
    memcpy(header.magic, magic, sizeof magic);
    for (size_t i = 0; i < count; i++) {
        header.checksum = pack_checksum(header.checksum, parts[i].bytes, parts[i].length);
        header.arrays += parts[i].length;
    }
    if (!write_file(cache, &header, &text, parts, count)) {
        report_warning(cache->context, "cannot keep the data in `%s`: %s", cache->path,
                       strerror(errno));
    }
    text_free(&text);
    memory_free(cache->context, widths);
    memory_free(cache->context, parts);
}

/* ---- reading ---- */

/* What will become of the model, once all is verified. */
typedef struct {
    Data data;
    int64_t *dims;
    char **by;
    char ***classes, ***fields;
    size_t *class_counts, *field_counts;
    int64_t *widths;
    Piece *parts;
} Found;

static bool make_found(Cache *cache, Found *found) {
    size_t dims = cache->model->dim_count + 1;
    size_t columns = cache->model->column_count + 1;
    Context *context = cache->context;
    *found = (Found){.dims = NEW(context, int64_t, dims),
                     .by = NEW(context, char *, dims),
                     .classes = NEW(context, char **, columns),
                     .fields = NEW(context, char **, columns),
                     .class_counts = NEW(context, size_t, columns),
                     .field_counts = NEW(context, size_t, columns),
                     .widths = NEW(context, int64_t, columns),
                     .parts = NEW(context, Piece, columns + 1)};
    found->data.columns = NEW(context, void *, columns);
    return found->dims && found->by && found->classes && found->fields && found->class_counts &&
           found->field_counts && found->widths && found->parts && found->data.columns;
}

static void get_jumps(Unpacker *unpacker, Data *data) {
    int64_t count = unpack_count(unpacker);
    data->jump_count = data->jump_capacity = count < 0 ? 0 : (size_t)count;
    data->jumps = NEW(unpacker->context, LineJump, data->jump_count + 1);
    unpacker->failed |= !data->jumps;
    for (size_t i = 0; !unpacker->failed && i < data->jump_count; i++) {
        data->jumps[i].row = unpack_word(unpacker);
        data->jumps[i].line = unpack_word(unpacker);
    }
}

/* Takes the description apart and makes room for the arrays, which have `bytes` in all. */
static bool get_found(Cache *cache, Unpacker *unpacker, uint64_t bytes, Found *found) {
    const Model *model = cache->model;
    Data *data = &found->data;
    data->rows = unpack_word(unpacker);
    data->samples = unpack_word(unpacker);
    bool starts = unpack_word(unpacker) != 0;
    data->separator.used = unpack_word(unpacker) != 0;
    data->separator.column = (uint32_t)unpack_word(unpacker);
    data->separator.entry = unpack_word(unpacker);
    data->separator.separates = unpack_word(unpacker) != 0;
    get_jumps(unpacker, data);
    for (size_t i = 0; i < model->dim_count; i++) {
        found->dims[i] = unpack_word(unpacker);
        found->by[i] = unpack_text(unpacker);
    }
    uint64_t needed = starts ? (uint64_t)data->samples * sizeof(int64_t) : 0;
    for (size_t i = 0; i < model->column_count; i++) {
        found->classes[i] = unpack_texts(unpacker, &found->class_counts[i]);
        found->fields[i] = unpack_texts(unpacker, &found->field_counts[i]);
        found->widths[i] = unpack_word(unpacker);
        needed += found->widths[i] < 0
                      ? 0
                      : (uint64_t)data->rows * (uint64_t)found->widths[i] * entry_bytes(model, i);
    }
    if (unpacker->failed || needed != bytes || data->rows < 0 || data->samples < 0) {
        return false; /* the checksum is right, so this is another program's */
    }
    data->starts = starts ? NEW(cache->context, int64_t, data->samples + 1) : NULL;
    data->sample_capacity = starts ? data->samples + 1 : 0;
    data->capacity = data->rows;
    for (size_t i = 0; i < model->column_count; i++) {
        size_t size = (size_t)data->rows * (size_t)found->widths[i] * entry_bytes(model, i);
        if (found->widths[i] >= 0) {
            data->columns[i] = data_array(cache->context, NULL, size + sizeof(double));
            if (!data->columns[i]) {
                return false;
            }
        }
    }
    return !starts || data->starts;
}

static bool get(int fd, void *bytes, size_t length) {
    char *p = bytes;
    while (length) {
        ssize_t got = read(fd, p, length);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        p += got > 0 ? got : 0;
        length -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool read_arrays(const Cache *cache, int fd, const Header *header, uint64_t sum,
                        Found *found) {
    size_t count = list_arrays(cache->model, &found->data, found->widths, found->parts);
    for (size_t i = 0; i < count; i++) {
        if (!get(fd, found->parts[i].bytes, found->parts[i].length)) {
            return false;
        }
        sum = pack_checksum(sum, found->parts[i].bytes, found->parts[i].length);
    }
    return sum == header->checksum;
}

static bool read_file(Cache *cache, int fd, Found *found) {
    struct stat status;
    Header header;
    if (fstat(fd, &status) != 0 || !get(fd, &header, sizeof header) ||
        memcmp(header.magic, magic, sizeof magic) != 0 ||
        header.described > (uint64_t)status.st_size || header.arrays > (uint64_t)status.st_size ||
        sizeof header + header.described + header.arrays != (uint64_t)status.st_size ||
        header.described < cache->key.length) {
        return false;
    }
    char *text = memory_new(cache->context, header.described + 1, 1);
    if (!text || !get(fd, text, header.described) ||
        memcmp(text, cache->key.data, cache->key.length) != 0) {
        return false;
    }
    Unpacker unpacker = {cache->context, text + cache->key.length, text + header.described, false};
    uint64_t sum = pack_checksum(0, text, header.described);
    return make_found(cache, found) && get_found(cache, &unpacker, header.arrays, found) &&
           read_arrays(cache, fd, &header, sum, found);
}

bool cache_read(Cache *cache, Data *data) {
    Model *model = cache->model;
    Found found;
    int fd = open(cache->path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && read_file(cache, fd, &found);
    if (fd >= 0) {
        close(fd);
    }
    if (!done) {
        return false;
    }
    for (size_t i = 0; i < model->dim_count; i++) {
        if (found.dims[i] >= 0 && found.by[i]) {
            model_bind_dim(cache->context, model, &model->dims[i], found.dims[i], found.by[i]);
        }
    }
    for (size_t i = 0; i < model->column_count; i++) {
        Column *column = &model->columns[i];
        column->classes = found.classes[i];
        column->class_count = found.class_counts[i];
        column->fields = found.fields[i];
        column->field_count = found.field_counts[i];
        shape_resolve(cache->context, model, &column->shape);
    }
    found.data.path = data->path;
    *data = found.data;
    return true;
}
