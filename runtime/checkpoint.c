/* checkpoint.c: see checkpoint.h.
 *
 *     header    magic, length of the rest, of the key in it, checksum of the rest
 *     key       what must be the same for a run to go on: model, options, data
 *     state     what the run has come to
 *
 * FILE.ckpt is replaced as every file is (file.c); the one before it stays as FILE.ckpt.old, for
 * the case that a disk loses what it was told to keep. */
#include "runtime/checkpoint.h"
#include "runtime/ranks.h"
#include "runtime/store.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    char magic[24];
    uint64_t length, key, checksum;
} Header;

static const char magic[24] = "gradc checkpoint 1\n";

/* All plain numbers of a Training. */
#define NUMBERS_START offsetof(Training, rate)
#define NUMBERS_SIZE  (sizeof(Training) - NUMBERS_START)

struct Checkpoint {
    Session *session;
    char *path, *old;
    const Progress *progress;
    Text file;    /* header and key; the state at the start of the epoch, or at a pause within it */
    size_t fixed; /* of it: header and key */
    int64_t epochs; /* between two, or 0 */
    double seconds; /* between two, or 0 */
    double written; /* when the last one was */
    int64_t last;   /* epoch of it; -1: none */
    char *log;      /* path of the log that is continued, */
    int64_t logged; /* and its length then */
    bool complained, stopped, resume;
};

/* Options on which no parameter of the result depends; all others must be the same. */
static const OptionId free_options[] = {
    OPT_output,      OPT_format,         OPT_report,         OPT_page,   OPT_plot,
    OPT_plot_fit,    OPT_plot_residuals, OPT_plot_confusion, OPT_quiet,  OPT_log,
    OPT_checkpoint,  OPT_resume,         OPT_threads,        OPT_cache,  OPT_help,
    OPT_version,     OPT_stream,         OPT_memory,         OPT_errors, OPT_confidence,
    OPT_correlations};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the command line ---- */

static bool read_interval(Context *context, Checkpoint *checkpoint, const char *text) {
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
    size_t length = strlen(text);
    double value;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (length > 1 && text[length - 1] == units[i].unit) {
            char *number = memory_copy(context, text, length - 1);
            if (number && number_read_text(number, &value) && value > 0) {
                checkpoint->seconds = value * units[i].seconds;
                return true;
            }
        }
    }
    if (integer_read_text(text, &checkpoint->epochs) && checkpoint->epochs > 0) {
        return true;
    }
    return report_error(context,
                        "--checkpoint-every: expected a number of epochs, or a time such as 30s, "
                        "5m, 1h, found `%s`",
                        text);
}

/* ---- the key ---- */

static bool is_free(OptionId id) {
    for (size_t i = 0; i < sizeof free_options / sizeof *free_options; i++) {
        if (free_options[i] == id) {
            return true;
        }
    }
    return false;
}

static void pack_list(Text *key, const char *const *texts, size_t count) {
    pack_word(key, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        pack_text(key, texts[i]);
    }
}

/* Row by row, so that the sum is the same however they are read, and between whatever ranks they
 * are divided. */
static void add_rows(uint64_t *sum, const char *values, size_t width, int64_t first,
                     int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        *sum += pack_checksum((uint64_t)(first + i), values + (size_t)i * width, width);
    }
}

/* Of the columns' values, from `first` to `end`; `number` is that of the first of all. */
static bool column_checksums(const Session *session, int64_t number, int64_t end, uint64_t *sums) {
    enum { ROWS_AT_ONCE = 1 << 12 };
    const Model *model = session->model;
    const Data *data = &session->data;
    Evaluator mover = {.model = model, .data = data};
    const void **columns = NEW(session->context, const void *, model->column_count + 1);
    if (!columns || (data->store && !store_room(data->store, ROWS_AT_ONCE))) {
        return false;
    }
    for (int64_t row = 0; row < end; row += ROWS_AT_ONCE) {
        int64_t left = end - row;
        int64_t rows = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        evaluate_move(&mover, row, rows, columns);
        for (size_t i = 0; i < model->column_count; i++) {
            const Column *column = &model->columns[i];
            int64_t count = (column->by_row ? data->rows : data->samples) - row;
            size_t width = column_bytes(model, i);
            const char *values = columns[i];
            values += values && column->by_row ? (size_t)row * width : 0;
            if (values && count > 0) {
                add_rows(&sums[i], values, width, number + row, count < rows ? count : rows);
            }
        }
    }
    memory_free(session->context, columns);
    return !store_failed(data->store);
}

bool checkpoint_own_checksums(const Session *session, uint64_t *sums) {
    const Ranks *ranks = session->context->ranks;
    return column_checksums(session, ranks->first, ranks->held, sums);
}

static bool checksums(const Session *session, const Training *training, uint64_t *sums) {
    const Data *data = &session->data;
    Ranks *ranks = session->context->ranks;
    const int64_t rows = data->rows > data->samples ? data->rows : data->samples;
    if (!ranks || !ranks->part) {
        return column_checksums(session, 0, rows, sums);
    }
    ranks_ask(training->evaluator, WORK_CHECKSUMS, NULL, NULL, 0);
    bool done = checkpoint_own_checksums(session, sums);
    ranks_sum_words(ranks, sums, session->model->column_count);
    return done && !ranks_lost(ranks);
}

static bool pack_key(Text *key, const Session *session, const Training *training) {
    const Model *model = session->model;
    uint64_t *sums = NEW(session->context, uint64_t, model->column_count + 1);
    if (!sums || !checksums(session, training, sums)) {
        return false;
    }
    const Options *options = session->options;
    const Data *data = &session->data;
    pack_text(key, model->name);
    pack_text(key, model->hash);
    pack_text(key, training->optimizer->name);
    pack_word(key, (int64_t)training->parameters);
    pack_word(key, model->single);
    pack_word(key, OPT_COUNT);
    for (int id = 0; id < OPT_COUNT; id++) {
        pack_text(key, option_name((OptionId)id));
        pack_text(key, is_free((OptionId)id) ? NULL : options->values[id]);
    }
    pack_list(key, options->sets, options->set_count);
    pack_list(key, options->defines, options->define_count);
    pack_list(key, options->searches, options->search_count);
    pack_word(key, data->rows);
    pack_word(key, data->samples);
    pack_word(key, (int64_t)model->column_count);
    for (size_t i = 0; i < model->column_count; i++) {
        pack_text(key, model->columns[i].name);
        pack_texts(key, model->columns[i].classes, model->columns[i].class_count);
        pack_word(key, (int64_t)sums[i]);
    }
    size_t starts = data->starts ? ((size_t)data->samples + 1) * sizeof *data->starts : 0;
    pack_word(key, (int64_t)pack_checksum(0, data->starts, starts));
    pack_word(key, (int64_t)model->array_count);
    for (size_t i = 0; i < model->array_count; i++) {
        const Array *array = &model->arrays[i];
        size_t size = (size_t)array->shape.count * sizeof *array->values;
        pack_text(key, array->name);
        pack_word(key, array->values ? (int64_t)pack_checksum(0, array->values, size) : 0);
    }
    pack_word(key, training->window);
    memory_free(session->context, sums);
    return !key->failed;
}

/* ---- does a file fit? ---- */

/* Two keys side by side: that of the run, that of the file. */
typedef struct {
    Context *context;
    const char *path;
    Unpacker mine, theirs;
} Keys;

static bool same_words(Keys *keys) {
    int64_t mine = unpack_word(&keys->mine), theirs = unpack_word(&keys->theirs);
    return mine == theirs && !keys->theirs.failed;
}

static bool same_text(Keys *keys, char **mine, char **theirs) {
    *mine = unpack_text(&keys->mine);
    *theirs = unpack_text(&keys->theirs);
    return *mine && *theirs ? strcmp(*mine, *theirs) == 0 : !*mine && !*theirs;
}

static bool damaged(Keys *keys) {
    return report_error(keys->context, "`%s` is damaged", keys->path); /* rare: with its checksum */
}

static bool other_model(Keys *keys) {
    char *mine, *theirs;
    if (!same_text(keys, &mine, &theirs)) {
        return report_error(keys->context, "`%s` is of model `%s`, not `%s`", keys->path,
                            theirs ? theirs : "", mine ? mine : "");
    }
    bool same = same_text(keys, &mine, &theirs);
    bool method = same_text(keys, &mine, &theirs);
    if (same && !method) {
        return report_error(keys->context, "`%s` is of a run with --method=%s, not %s", keys->path,
                            theirs ? theirs : "", mine ? mine : "");
    }
    same = same_words(keys) && same;
    if (!same) {
        return report_error(keys->context,
                            "`%s` is of another version of this model, or of other sizes",
                            keys->path);
    }
    return same_words(keys) ||
           report_error(keys->context, "`%s` is of the same model in another --precision",
                        keys->path);
}

static bool other_option(Keys *keys) {
    char *name, *mine, *theirs;
    if (!same_words(keys)) {
        return damaged(keys);
    }
    for (int id = 0; id < OPT_COUNT; id++) {
        if (!same_text(keys, &name, &theirs)) {
            return damaged(keys);
        }
        if (!same_text(keys, &mine, &theirs)) {
            return report_error(keys->context,
                                "`%s` is of a run %s --%s%s%s, and this one is %s%s%s", keys->path,
                                theirs ? "with" : "without", name, theirs && *theirs ? "=" : "",
                                theirs ? theirs : "", mine ? "with" : "without",
                                mine && *mine ? " " : "", mine ? mine : "");
        }
    }
    return true;
}

static bool other_list(Keys *keys, const char *option) {
    char *mine, *theirs;
    int64_t count = unpack_count(&keys->mine);
    bool same = unpack_count(&keys->theirs) == count;
    for (int64_t i = 0; same && i < count; i++) {
        same = same_text(keys, &mine, &theirs);
    }
    return same || report_error(keys->context, "`%s` is of a run with other values of %s",
                                keys->path, option);
}

static bool same_classes(Keys *keys) {
    size_t mine, theirs;
    char **a = unpack_texts(&keys->mine, &mine);
    char **b = unpack_texts(&keys->theirs, &theirs);
    bool same = mine == theirs && !a == !b;
    for (size_t i = 0; same && a && i < mine; i++) {
        same = strcmp(a[i], b[i]) == 0;
    }
    return same && !keys->theirs.failed;
}

static bool other_data(Keys *keys) {
    char *mine, *theirs;
    int64_t rows = unpack_word(&keys->mine), before = unpack_word(&keys->theirs);
    if (rows != before) {
        return report_error(keys->context,
                            "`%s` is of a run on %lld rows, and these data have %lld", keys->path,
                            (long long)before, (long long)rows);
    }
    bool same = same_words(keys);
    int64_t columns = unpack_word(&keys->mine);
    if (unpack_word(&keys->theirs) != columns) {
        return damaged(keys);
    }
    for (int64_t i = 0; i < columns; i++) {
        if (!same_text(keys, &mine, &theirs)) {
            return damaged(keys);
        }
        bool classes = same_classes(keys);
        if (!same_words(keys) || !classes) {
            return report_error(keys->context,
                                "`%s` is of a run on other data: the values of `%s` differ",
                                keys->path, mine ? mine : "");
        }
    }
    if (!same_words(keys) || !same) {
        return report_error(keys->context,
                            "`%s` is of a run on other data: the samples begin at other rows",
                            keys->path);
    }
    int64_t arrays = unpack_word(&keys->mine);
    if (unpack_word(&keys->theirs) != arrays) {
        return damaged(keys);
    }
    for (int64_t i = 0; i < arrays; i++) {
        if (!same_text(keys, &mine, &theirs)) {
            return damaged(keys);
        }
        if (!same_words(keys)) {
            return report_error(keys->context,
                                "`%s` is of a run on other data: the array `%s` differs",
                                keys->path, mine ? mine : "");
        }
    }
    return true;
}

static bool other_windows(Keys *keys) {
    int64_t mine = unpack_word(&keys->mine);
    int64_t theirs = unpack_word(&keys->theirs);
    return mine == theirs ||
           report_error(
               keys->context,
               "`%s` is of a run whose samples were shuffled %s, and here they are not; %s",
               keys->path, theirs ? "by windows" : "all together",
               theirs ? "give --stream" : "give a larger --memory");
}

static bool check_key(Keys *keys) {
    return other_model(keys) && other_option(keys) && other_list(keys, "--set") &&
           other_list(keys, "-D") && other_list(keys, "--search") && other_data(keys) &&
           other_windows(keys);
}

/* ---- the state ---- */

static void pack_vector(Text *state, const double *values, size_t count) {
    pack_array(state, values, values ? count * sizeof *values : 0);
}

static bool has_slopes(const Training *training) {
    return !training->in_kernel;
}

static size_t order_bytes(const Training *training) {
    bool kept = training->order && !training->window; /* else it follows from the seed */
    return kept ? (size_t)training->data->samples * sizeof *training->order : 0;
}

static void keep_state(Training *training) {
    Checkpoint *checkpoint = training->checkpoint;
    Text *state = &checkpoint->file;
    size_t n = training->parameters;
    state->length = checkpoint->fixed;
    pack_array(state, (const char *)training + NUMBERS_START, NUMBERS_SIZE);
    pack_vector(state, training->params, n);
    pack_vector(state, training->good, n);
    pack_vector(state, training->start, n);
    pack_vector(state, training->evaluated, n);
    pack_vector(state, training->gradient, has_slopes(training) ? n : 0);
    pack_word(state, (int64_t)training->optimizer->states);
    for (size_t i = 0; i < training->optimizer->states; i++) {
        pack_vector(state, training->state[i], n);
    }
    pack_vector(state, training->best, training->best ? n : 0);
    pack_array(state, training->order, order_bytes(training));
    pack_text(state, checkpoint->session->options->values[OPT_log]);
    pack_word(state, checkpoint->progress ? checkpoint->progress->logged : 0);
    statistics_pack(training->evaluator, state);
}

static void unpack_vector(Unpacker *unpacker, double *values, size_t count) {
    unpack_array(unpacker, values, count * sizeof *values);
}

static bool unpack_state(Unpacker *unpacker, Training *training) {
    Checkpoint *checkpoint = training->checkpoint;
    size_t n = training->parameters;
    unpack_array(unpacker, (char *)training + NUMBERS_START, NUMBERS_SIZE);
    unpack_vector(unpacker, training->params, n);
    unpack_vector(unpacker, training->good, n);
    unpack_vector(unpacker, training->start, n);
    unpack_vector(unpacker, training->evaluated, n);
    unpack_vector(unpacker, training->gradient, has_slopes(training) ? n : 0);
    unpacker->failed |= unpack_word(unpacker) != (int64_t)training->optimizer->states;
    for (size_t i = 0; i < training->optimizer->states; i++) {
        unpack_vector(unpacker, training->state[i], n);
    }
    unpack_vector(unpacker, training->best, training->best ? n : 0);
    unpack_array(unpacker, training->order, order_bytes(training));
    checkpoint->log = unpack_text(unpacker);
    checkpoint->logged = unpack_word(unpacker);
    return statistics_unpack(training->evaluator, unpacker) && !unpacker->failed;
}

/* ---- files ---- */

static uint64_t file_checksum(const char *bytes, const Header *header) {
    const char *start = bytes + sizeof *header;
    uint64_t sum = pack_checksum(header->length, start, header->key);
    return pack_checksum(sum, start + header->key, header->length - header->key);
}

static bool write_file(Training *training) {
    Checkpoint *checkpoint = training->checkpoint;
    Text *file = &checkpoint->file;
    const Progress *progress = checkpoint->progress;
    if (file->failed) {
        return false;
    }
    Header header = {.length = file->length - sizeof header,
                     .key = checkpoint->fixed - sizeof header};
    memcpy(header.magic, magic, sizeof magic);
    header.checksum = file_checksum(file->data, &header);
    memcpy(file->data, &header, sizeof header);
    if (progress && progress->log >= 0) {
        fsync(progress->log); /* it should reach as far as the checkpoint says */
    }
    unlink(checkpoint->old);
    link(checkpoint->path, checkpoint->old); /* there may be none, or no links on this system */
    checkpoint->written = seconds();
    checkpoint->last = training->epoch;
    return file_write(training->context, checkpoint->path, file->data, file->length);
}

/* Of a later one: the run is worth more than its checkpoint. */
static void write_later(Training *training) {
    Checkpoint *checkpoint = training->checkpoint;
    if (!write_file(training) && !checkpoint->complained) {
        report_warning(training->context,
                       "training goes on without new checkpoints, until one can be written");
        checkpoint->complained = true;
    }
}

/* NULL: there is none, or (reported) it is of no use. */
static char *read_file(Context *context, const char *path, Header *header) {
    size_t length;
    struct stat status;
    if (stat(path, &status) != 0 && errno == ENOENT) {
        return NULL;
    }
    char *bytes = file_read(context, path, &length);
    if (!bytes) {
        return NULL;
    }
    if (length < sizeof *header || memcmp(bytes, "gradc checkpoint ", 17) != 0) {
        report_warning(context, "`%s` is no checkpoint", path);
        return NULL;
    }
    memcpy(header, bytes, sizeof *header);
    if (memcmp(header->magic, magic, sizeof magic) != 0) {
        report_warning(context, "`%s` is a checkpoint of another version of gradc", path);
    } else if (header->length > length - sizeof *header) {
        report_warning(context, "`%s` is cut", path);
    } else if (header->length != length - sizeof *header || header->key > header->length ||
               file_checksum(bytes, header) != header->checksum) {
        report_warning(context, "`%s` is damaged", path);
    } else {
        return bytes;
    }
    memory_free(context, bytes);
    return NULL;
}

/* Takes the state of one file. */
static bool take_file(Training *training, const char *path, const char *bytes,
                      const Header *header) {
    Checkpoint *checkpoint = training->checkpoint;
    const char *mine = checkpoint->file.data;
    const char *start = bytes + sizeof *header, *end = start + header->length;
    Context *context = training->context;
    Keys keys = {.context = context,
                 .path = path,
                 .mine = {context, mine + sizeof *header, mine + checkpoint->fixed, false},
                 .theirs = {context, start, start + header->key, false}};
    if (!check_key(&keys)) {
        return false;
    }
    Unpacker unpacker = {context, start + header->key, end, false};
    return unpack_state(&unpacker, training) || damaged(&keys);
}

bool checkpoint_resume(Training *training) {
    Checkpoint *checkpoint = training->checkpoint;
    Context *context = training->context;
    if (!checkpoint || !checkpoint->resume) {
        return true;
    }
    const char *paths[] = {checkpoint->path, checkpoint->old};
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        Header header;
        struct stat status;
        found = found || stat(paths[i], &status) == 0;
        char *bytes = read_file(context, paths[i], &header);
        if (!bytes) {
            continue;
        }
        if (i > 0) {
            report_note(context, "the one before it, `%s`, is taken", paths[i]);
        }
        training->resumed = take_file(training, paths[i], bytes, &header);
        checkpoint->last = training->epoch;
        memory_free(context, bytes);
        return training->resumed;
    }
    if (found) {
        return report_error(context, "no checkpoint can be used; without --resume training starts "
                                     "from the beginning");
    }
    report_note(context, "there is no checkpoint `%s`; training starts from the beginning",
                checkpoint->path);
    return true;
}

/* ---- a run ---- */

bool checkpoint_start(Session *session, Training *training, bool *usage) {
    Context *context = session->context;
    const Options *options = session->options;
    const char *every = option_text(session->model, options, OPT_checkpoint);
    const char *output = options->values[OPT_output];
    *usage = true;
    if (!every && context->ranks && output && strcmp(output, "-") != 0) {
        every = "60s"; /* a rank may be lost */
    }
    if (!every && !options->values[OPT_resume]) {
        return true;
    }
    if (!output || strcmp(output, "-") == 0) {
        return report_error(context, "--%s: needs -o FILE; the checkpoint is FILE.ckpt",
                            every ? "checkpoint-every" : "resume");
    }
    Checkpoint *checkpoint = NEW(context, Checkpoint, 1);
    if (!checkpoint || (every && !read_interval(context, checkpoint, every))) {
        *usage = checkpoint != NULL;
        return false;
    }
    *usage = false;
    checkpoint->session = session;
    checkpoint->resume = options->values[OPT_resume] != NULL;
    checkpoint->path = memory_format(context, "%s.ckpt", output);
    checkpoint->old = memory_format(context, "%s.ckpt.old", output);
    checkpoint->last = -1;
    checkpoint->logged = -1;
    text_start(&checkpoint->file, context);
    text_bytes(&checkpoint->file, (const char *)&(Header){0}, sizeof(Header));
    if (!pack_key(&checkpoint->file, session, training)) {
        return false;
    }
    checkpoint->fixed = checkpoint->file.length;
    training->checkpoint = checkpoint;
    return checkpoint->path && checkpoint->old && !checkpoint->file.failed;
}

int64_t checkpoint_log(const Training *training) {
    const Checkpoint *checkpoint = training->checkpoint;
    const char *path = checkpoint ? checkpoint->session->options->values[OPT_log] : NULL;
    bool same = training->resumed && path && checkpoint->log && strcmp(checkpoint->log, path) == 0;
    return same ? checkpoint->logged : -1;
}

void checkpoint_watch(Training *training, const Progress *progress) {
    if (training->checkpoint) {
        training->checkpoint->progress = progress;
        training->checkpoint->written = seconds();
    }
}

bool checkpoint_epoch(Training *training) {
    Checkpoint *checkpoint = training->checkpoint;
    if (!checkpoint) {
        return true;
    }
    keep_state(training);
    if (training->resumed) {
        return true; /* it is there */
    }
    if (checkpoint->last < 0) {
        return write_file(training);
    }
    bool due = checkpoint->epochs > 0 && training->epoch % checkpoint->epochs == 0 &&
               training->epoch != checkpoint->last;
    if (due || (checkpoint->seconds > 0 && training_due(training))) {
        write_later(training);
    }
    return true;
}

bool training_due(const Training *training) {
    const Checkpoint *checkpoint = training->checkpoint;
    return training->stopped() || (checkpoint && checkpoint->seconds > 0 &&
                                   seconds() - checkpoint->written >= checkpoint->seconds);
}

bool training_pause(Training *training, int64_t position) {
    Checkpoint *checkpoint = training->checkpoint;
    training->position = position;
    if (checkpoint && training_due(training)) {
        keep_state(training);
        if (!training->stopped()) {
            write_later(training);
        }
    }
    return training->stopped();
}

void checkpoint_stop(Training *training, bool between) {
    Checkpoint *checkpoint = training->checkpoint;
    if (!checkpoint || checkpoint->stopped) {
        return;
    }
    if (between) {
        keep_state(training);
    }
    write_later(training);
    checkpoint->stopped = true;
}

void checkpoint_end(Training *training, bool succeeded) {
    const Checkpoint *checkpoint = training->checkpoint;
    if (!checkpoint) {
        return;
    }
    if (succeeded) {
        unlink(checkpoint->old);
        unlink(checkpoint->path);
        return;
    }
    if (training->stopped()) {
        checkpoint_stop(training, false);
        report_note(training->context, "--resume goes on from `%s`", checkpoint->path);
    }
}
