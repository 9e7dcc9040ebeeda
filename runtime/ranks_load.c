/* ranks_load.c: which rank has which samples, and how it comes to read these alone.
 *
 * A CSV file whose lines are rows, no more and no less, is divided by lines. Each rank counts the
 * line ends of an equal share of the bytes; from all counts each finds where its own lines begin,
 * and loads these with the first line of the file before them. Nothing is said meanwhile. Where any
 * rank meets what is not as it should be (a quote, which may hide a line end; an empty line; a bad
 * field; labels that differ from rank to rank; anything that a reader would have something to say
 * of), all of them read the whole file, as one process does, and rank 0 says what there is to say.
 * So do other kinds of files. What a rank does not need is given back after that. */
#include "runtime/load.h"
#include "runtime/ranks.h"
#include "runtime/store.h"
#include "runtime/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

bool ranks_share_data(const Session *session, const char *path, const Data *data) {
    return session->context->ranks && session->options->command == COMMAND_TRAIN &&
           data == &session->data && path;
}

/* ---- what can be done with a part of the samples ---- */

static bool asks_for_all(const Session *session) {
    static const OptionId options[] = {
        OPT_validate,       OPT_cv,     OPT_search,     OPT_page,         OPT_plot_fit,
        OPT_plot_residuals, OPT_errors, OPT_confidence, OPT_correlations, OPT_plot_confusion};
    const char *rate = option_text(session->model, session->options, OPT_rate);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (option_text(session->model, session->options, options[i])) {
            return true;
        }
    }
    return session->options->search_count > 0 || (rate && strcmp(rate, "auto") == 0);
}

/* Does the method go by sums over many samples only? */
static bool method_sums(const Session *session) {
    const Model *model = session->model;
    const char *name = option_text(model, session->options, OPT_method);
    const char *batch = option_text(model, session->options, OPT_batch);
    const Optimizer *found = name ? NULL : optimizers[0];
    for (size_t i = 0; name && i < optimizer_count; i++) {
        found = strcmp(optimizers[i]->name, name) == 0 ? optimizers[i] : found;
    }
    if (!found || !found->batched) {
        return found && found->full_batch;
    }
    int64_t size = found->batch;
    bool in_kernel = found->plain && model->kernels[ROLE_STEP].function;
    return !in_kernel && (!batch || integer_read_text(batch, &size)) && size >= RANKS_BATCH;
}

/* By what is the same on all ranks. */
static bool may_divide_lines(const Session *session, const LoadOptions *options, const char *path) {
    return strcmp(path, "-") != 0 && strncmp(path, "sqlite:", 7) != 0 && options->na == NA_ERROR &&
           !options->standardize && !scales_any(session->model) && !options->sample &&
           !model_rows_dim(session->model) && !session->model->weights && !options->cache &&
           !options->stream && !session->options->values[OPT_memory];
}

/* ---- lines ---- */

typedef struct {
    int fd;
    int64_t size, head;     /* bytes of the file, and of its first line */
    int64_t start, end;     /* of the lines of this rank */
    int64_t *counts, total; /* of line ends in each rank's share of the bytes */
} Lines;

/* Line ends from `from` to `to`, at most `most`; *stop is behind the last. -1: the file cannot be
 * read, or there is a quote. */
static int64_t count_lines(const Lines *lines, char *block, int64_t from, int64_t to, int64_t most,
                           int64_t *stop) {
    int64_t count = 0;
    *stop = from;
    while (from < to && count < most) {
        int64_t left = to - from;
        ssize_t got = pread(lines->fd, block, left < BLOCK ? (size_t)left : BLOCK, from);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || memchr(block, '"', (size_t)got)) {
            return -1;
        }
        const char *p = block;
        for (const char *feed; count < most && (feed = memchr(p, '\n', (size_t)(block + got - p)));
             p = feed + 1) {
            count++;
            *stop = from + (feed + 1 - block);
        }
        from += got;
    }
    return count;
}

static int64_t share(int64_t total, int64_t rank, int64_t size) {
    return total / size * rank + total % size * rank / size;
}

static bool open_lines(const LoadOptions *options, const Ranks *ranks, const char *path,
                       Lines *lines) {
    struct stat status;
    char last = 0;
    lines->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (lines->fd < 0 || fstat(lines->fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    lines->size = status.st_size;
    return lines->size > 0 && pread(lines->fd, &last, 1, lines->size - 1) == 1 && last == '\n' &&
           (options->limit <= 0 || lines->size / ranks->size < options->limit);
}

/* Behind line end `number` of the file, from 1; -1: it cannot be found. */
static int64_t behind(const Lines *lines, char *block, int64_t number, int ranks) {
    int64_t before = 0, stop;
    int rank = 0;
    while (rank + 1 < ranks && before + lines->counts[rank] < number) {
        before += lines->counts[rank++];
    }
    int64_t from = share(lines->size, rank, ranks);
    int64_t end = share(lines->size, rank + 1, ranks);
    int64_t found = count_lines(lines, block, from, end, number - before, &stop);
    return found == number - before ? stop : -1;
}

/* Where the lines of this rank are. All ranks come here, and say whether they can go on. */
static bool find_lines(Ranks *ranks, const LoadOptions *options, const char *path, Lines *lines,
                       bool *all) {
    char *block = NEW(ranks->context, char, BLOCK);
    lines->counts = NEW(ranks->context, int64_t, ranks->size);
    int64_t mine = -1, stop;
    *all = false;
    if (block && lines->counts && open_lines(options, ranks, path, lines)) {
        int64_t from = share(lines->size, ranks->rank, ranks->size);
        int64_t end = share(lines->size, ranks->rank + 1, ranks->size);
        mine = count_lines(lines, block, from, end, INT64_MAX, &stop);
    }
    if (!lines->counts || !ranks_tell(ranks, &mine, 1, lines->counts)) {
        return false;
    }
    *all = true;
    for (int i = 0; i < ranks->size; i++) {
        *all = *all && lines->counts[i] >= 0;
        lines->total += lines->counts[i];
    }
    int64_t rows = lines->total - 1;
    *all = *all && rows >= ranks->size; /* so that each has one */
    if (*all) {                         /* what fails here is told with the data */
        lines->head = behind(lines, block, 1, ranks->size);
        lines->start = behind(lines, block, 1 + share(rows, ranks->rank, ranks->size), ranks->size);
        lines->end =
            behind(lines, block, 1 + share(rows, ranks->rank + 1, ranks->size), ranks->size);
    }
    memory_free(ranks->context, block);
    return true;
}

/* ---- the first line and some others as a file ---- */

typedef struct {
    Stream stream;
    const Lines *lines;
    int64_t at;
} LineStream;

static ssize_t read_lines(Stream *stream, char *to, size_t room) {
    LineStream *from = (LineStream *)(void *)stream;
    const Lines *lines = from->lines;
    if (from->at == lines->head) {
        from->at = lines->start;
    }
    int64_t left = (from->at < lines->head ? lines->head : lines->end) - from->at;
    room = (int64_t)room > left ? (size_t)left : room;
    ssize_t got;
    do {
        got = room ? pread(lines->fd, to, room, from->at) : 0;
    } while (got < 0 && errno == EINTR);
    from->at += got > 0 ? got : 0;
    return got;
}

static void close_lines(Stream *stream) {
    (void)stream;
}

/* Quietly: false, too, if there was something to say. */
static bool load_lines(Session *session, const LoadOptions *options, const char *path,
                       const Lines *lines, Data *data) {
    Context *context = session->context;
    LineStream stream = {.stream = {read_lines, close_lines}, .lines = lines};
    LoadOptions alone = *options;
    Input input;
    alone.threads = 1; /* the ranks are what threads would be */
    alone.limit = 0;
    *data = (Data){.path = path};
    if (lines->head < 0 || lines->start < 0 || lines->end < 0) {
        return false;
    }
    context->muted = 1;
    bool done = input_from_stream(context, &input, path, &stream.stream);
    if (done) {
        input.total = lines->head + lines->end - lines->start; /* what comes */
        done = load_table(context, session->model, &alone, &input, data);
        input_close(&input);
    }
    done = done && !data->warned && context->muted == 1;
    context->muted = 0;
    return done && data_reserve(context, session->model, &alone, data, data->rows);
}

/* ---- do all ranks have parts of the same? ---- */

static int64_t classes_hash(const Model *model) {
    uint64_t hash = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        for (size_t k = 0; k < column->class_count; k++) {
            hash = pack_checksum(hash, column->classes[k], strlen(column->classes[k]));
        }
        hash = pack_checksum(hash, &column->class_count, sizeof column->class_count);
    }
    return (int64_t)hash;
}

static bool is_limit(const Model *model, const char *dim) {
    for (size_t i = 0; i < model->column_count; i++) {
        const char *limit = model->columns[i].limit;
        if (limit && strcmp(limit, dim) == 0) {
            return true;
        }
    }
    return false;
}

enum { TOLD_DONE, TOLD_HEADER, TOLD_CLASSES, TOLD_DIMS };

/* Labels of a rank may be smaller than those of all. */
static bool join_dims(Model *model, const Ranks *ranks, const int64_t *all, size_t count) {
    for (size_t i = 0; i < model->dim_count; i++) {
        int64_t most = -1, least = INT64_MAX;
        for (int rank = 0; rank < ranks->size; rank++) {
            int64_t value = all[(size_t)rank * count + TOLD_DIMS + i];
            most = value > most ? value : most;
            least = value < least ? value : least;
        }
        if (most != least && (least < 0 || !is_limit(model, model->dims[i].name))) {
            return false;
        }
        if (model->dims[i].bound) {
            model->dims[i].value = most;
        }
    }
    return true;
}

/* All ranks come here. `header`: of this rank's lines, whether the first one of the file is none of
 * its rows. False: somebody has no part (*all), or is lost. */
static bool agree(Session *session, bool done, int64_t header, bool *all) {
    Ranks *ranks = session->context->ranks;
    Model *model = session->model;
    size_t count = TOLD_DIMS + model->dim_count;
    int64_t *mine = NEW(session->context, int64_t, count);
    int64_t *told = NEW(session->context, int64_t, count * (size_t)ranks->size);
    if (!mine || !told) {
        return false;
    }
    mine[TOLD_DONE] = done;
    mine[TOLD_HEADER] = header;
    mine[TOLD_CLASSES] = classes_hash(model);
    for (size_t i = 0; i < model->dim_count; i++) {
        mine[TOLD_DIMS + i] = model->dims[i].bound ? model->dims[i].value : -1;
    }
    *all = false;
    if (!ranks_tell(ranks, mine, count, told)) {
        return false;
    }
    *all = true;
    for (int rank = 0; rank < ranks->size; rank++) {
        const int64_t *theirs = told + (size_t)rank * count;
        *all = *all && theirs[TOLD_DONE] && theirs[TOLD_HEADER] == told[TOLD_HEADER] &&
               theirs[TOLD_CLASSES] == told[TOLD_CLASSES];
    }
    *all = *all && join_dims(model, ranks, told, count);
    memory_free(session->context, mine);
    memory_free(session->context, told);
    return true;
}

/* ---- loading ---- */

/* What loading binds. */
typedef struct {
    Dim *dims;
    Column *columns;
} Bound;

static void *copy(Context *context, const void *from, size_t count, size_t size) {
    void *to = memory_new(context, count + 1, size);
    if (to && count) {
        memcpy(to, from, count * size);
    }
    return to;
}

static void forget(Session *session, const Bound *bound, Data *data) {
    Model *model = session->model;
    memcpy(model->dims, bound->dims, model->dim_count * sizeof *model->dims);
    memcpy(model->columns, bound->columns, model->column_count * sizeof *model->columns);
    for (size_t i = 0; data->columns && i < model->column_count; i++) {
        memory_free(session->context, data->columns[i]);
    }
    *data = (Data){0};
}

/* Of the rows that the lines gave: is the first line a header? -1: neither is possible. */
static int64_t header_of(const Ranks *ranks, const Data *data, int64_t rows, bool whole) {
    int64_t own =
        whole ? rows
              : share(rows, ranks->rank + 1, ranks->size) - share(rows, ranks->rank, ranks->size);
    return data->rows == own ? 1 : data->rows == own + 1 ? 0 : -1;
}

/* This rank's lines; rank 0 all of them, where it needs all. *all: it came to that. */
static bool divide_lines(Session *session, const LoadOptions *options, const char *path, Data *data,
                         bool *all) {
    Ranks *ranks = session->context->ranks;
    Model *model = session->model;
    Lines lines = {.fd = -1};
    if (!find_lines(ranks, options, path, &lines, all) || !*all) {
        goto end;
    }
    const Bound bound = {
        copy(session->context, model->dims, model->dim_count, sizeof *model->dims),
        copy(session->context, model->columns, model->column_count, sizeof *model->columns)};
    bool whole = ranks->rank == 0 && !ranks->part;
    int64_t rows = lines.total - 1;
    if (whole) {
        lines.start = lines.head;
        lines.end = lines.size;
    }
    bool done = bound.dims && bound.columns && load_lines(session, options, path, &lines, data);
    int64_t header = done ? header_of(ranks, data, rows, whole) : -1;
    if (!agree(session, done && header >= 0, header, all)) {
        goto end;
    }
    if (!*all && bound.dims && bound.columns) {
        forget(session, &bound, data);
    }
    if (*all) {
        int64_t more = !header;
        ranks->first = share(rows, ranks->rank, ranks->size) + (ranks->rank > 0 ? more : 0);
        ranks->held = share(rows, ranks->rank + 1, ranks->size) + more - ranks->first;
        data->first = ranks->rank > 0 ? more : 0;
        data->rows = rows + more;
        data->divided = true;
    }
end:
    if (lines.fd >= 0) {
        close(lines.fd);
    }
    return !ranks->lost;
}

static bool load_whole(Session *session, const LoadOptions *options, const char *path, Data *data) {
    Context *context = session->context;
    Ranks *ranks = context->ranks;
    bool done = data_load(context, session->model, options, path, data);
    int64_t rows = done ? data->rows : -1;
    int64_t *all = NEW(context, int64_t, ranks->size);
    if (!all || !ranks_tell(ranks, &rows, 1, all)) {
        return false;
    }
    ranks->told = true;
    for (int rank = 1; done && rank < ranks->size; rank++) {
        if (all[rank] != all[0]) {
            return report_error(
                context,
                "rank %d of mpirun has not read the same data: is the file on its machine?", rank);
        }
    }
    memory_free(context, all);
    return done;
}

bool ranks_load(Session *session, const LoadOptions *options, const char *path, Data *data) {
    Ranks *ranks = session->context->ranks;
    bool divided = false;
    if (strcmp(path, "-") == 0) {
        return report_error(session->context,
                            "standard input cannot be read by several ranks of mpirun: give a "
                            "file");
    }
    if (may_divide_lines(session, options, path)) {
        ranks->part = method_sums(session) && !asks_for_all(session);
        if (!divide_lines(session, options, path, data, &divided)) {
            return false;
        }
        ranks->told = divided;
    }
    ranks->part = ranks->part && divided;
    return divided || load_whole(session, options, path, data);
}

/* Keeps this rank's samples only. Without the memory for a copy all are kept. */
static bool trim(Session *session, Data *data) {
    Context *context = session->context;
    const Model *model = session->model;
    for (size_t i = 0; i < model->column_count; i++) {
        size_t width = column_bytes(model, i);
        size_t bytes = (size_t)data->held * width;
        if (!data->columns[i]) {
            continue;
        }
        char *values = data->columns[i];
        memmove(values, values + (size_t)data->first * width, bytes);
        data->columns[i] = data_array(context, values, bytes + sizeof(double));
        if (!data->columns[i]) {
            return false;
        }
    }
    data->first = 0;
    return true;
}

bool ranks_divide(Session *session, Data *data) {
    Ranks *ranks = session->context->ranks;
    int64_t zeros;
    ranks->samples = data->samples;
    if (!data->divided) {
        ranks->first = share(data->samples, ranks->rank, ranks->size);
        ranks->held = share(data->samples, ranks->rank + 1, ranks->size) - ranks->first;
        data->first = ranks->first;
        data->weight = session->model->weights ? weights_sum(session->model, data, &zeros) : 0;
    }
    bool whole = data->divided || data->starts || data->store || !data->columns;
    data->held = ranks->held;
    data->divided = true;
    return whole || ranks->rank == 0 || trim(session, data);
}
