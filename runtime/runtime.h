/* runtime.h: what the parts of the trainer know of each other. The trainer is linked into every
 * executable that gradc makes; it includes nothing of the compiler, only abi.h. */
#ifndef GRADC_RUNTIME_H
#define GRADC_RUNTIME_H

#include "runtime/abi.h"

#include <stdbool.h>
#include <stdio.h>

/* Exit statuses. Signals end with 128 + their number. */
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* ---- context.c: memory and messages of one run -------------------------------------------------
 */

/* All memory of a run hangs on its context and is freed with it, or before. Every function that can
 * fail returns false or NULL and has already reported. */
typedef struct Context {
    const char *program; /* argv[0] without its folders */
    struct Block *blocks;
    struct Ranks *ranks; /* of mpirun, or NULL: ranks.h */
    int64_t muted;       /* not 0: what is reported is not printed, but counted */
} Context;
typedef struct Ranks Ranks;

void context_start(Context *context, const char *program);
void context_end(Context *context);
void *memory_new(Context *context, size_t count, size_t size);    /* zeroed, aligned to 64 bytes */
void *memory_resize(Context *context, void *memory, size_t size); /* NULL memory: new; not zeroed */
void memory_free(Context *context, void *memory);
char *memory_copy(Context *context, const char *text, size_t length);
char *memory_format(Context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define NEW(context, T, count) ((T *)memory_new((context), (size_t)(count), sizeof(T)))

/* `program: error: …` on standard error; returns false. */
bool report_error(Context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same at a place in the data: `place: error: …`. */
bool report_place(Context *context, const char *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(Context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* For what is printed otherwise: is it to be left out, and only counted? */
bool report_muted(Context *context);
void report_note(Context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A growing text. After a failed allocation it stays short and `failed` is set. */
typedef struct {
    Context *context;
    char *data; /* zero-terminated; NULL while empty */
    size_t length, capacity;
    bool failed;
} Text;

void text_start(Text *text, Context *context);
void text_bytes(Text *text, const char *bytes, size_t length);
void text_string(Text *text, const char *string);
void text_format(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_number(Text *text, double value, bool real);
void text_free(Text *text);

/* The candidate that was probably meant by `name`, or NULL. */
const char *closest_name(const char *name, const char *const *candidates, size_t count);

/* ---- number.c: numbers read and written, whatever the locale ------------------------------------
 */

typedef enum { NUMBER_OK, NUMBER_BAD, NUMBER_OVERFLOW } NumberStatus;

/* Reads a decimal number at `text`, correctly rounded, and says where it stopped; the character at
 * `end` must be readable and belong to no number (a zero byte, a delimiter). */
NumberStatus number_scan(const char *text, const char *end, double *value, const char **stop);
/* The same where NUMBER_PADDING more characters can be read behind the number. */
enum { NUMBER_PADDING = 16 };
NumberStatus number_scan_padded(const char *text, double *value, const char **stop);
/* The whole of text … end is one number, blanks around it allowed. */
NumberStatus number_read(const char *text, const char *end, double *value);
bool number_read_text(const char *text, double *value);
bool integer_read_text(const char *text, int64_t *value);
/* Why `text` is no number and what would mend it; never NULL. */
const char *number_complaint(const char *text, size_t length);
/* NA, null, ? and the like. */
bool number_is_missing(const char *text, size_t length);
/* nan, inf, infinity, with a sign; any case. */
bool number_read_nonfinite(const char *text, size_t length, double *value);
/* Could the text be the name of a column, and not a number that went wrong? */
bool number_could_be_name(const char *text, size_t length);
enum { NUMBER_SIZE = 32 };
/* The shortest text that reads back as the same double; with `real` always with a point or an
 * exponent. Returns the length. */
size_t number_write(char text[NUMBER_SIZE], double value, bool real);

/* ---- model.c: the description that the compiler left
 * ------------------------------------------------ */

typedef enum {
    ROLE_OBJECTIVE,
    ROLE_GRADIENT,
    ROLE_CURVATURE,
    ROLE_HVP,
    ROLE_GAUSS,
    ROLE_SGD,
    ROLE_STEP,
    ROLE_REGULAR,
    ROLE_REGULAR_GRADIENT,
    ROLE_REGULAR_HVP,
    ROLE_SHRINK,
    ROLE_PRIOR,
    ROLE_PRIOR_GRADIENT,
    ROLE_PRIOR_HVP,
    ROLE_FORWARD,
    ROLE_INIT,
    ROLE_CONSTRAIN,
    ROLE_UNCONSTRAIN,
    ROLE_DEFINE,
    ROLE_METRIC, /* the uses of all metrics; their kernels are in `metrics` */
    ROLE_COUNT
} Role;

typedef struct {
    size_t rank;
    const char **sizes; /* RPN */
    int64_t *shape;     /* once the dims are bound */
    int64_t count;      /* entries */
} Shape;

typedef struct {
    const char *name;
    int64_t value;
    bool bound;
    bool rows;      /* the number of rows of a sample */
    const char *by; /* what bound it, for messages */
} Dim;

typedef struct {
    const char *name;
    double value;
    bool fixed;
} Const;

/* Training moves `count` entries of the flat vector; the user sees `shape`, which a constraint
 * makes of them: that lies at `shown` of what kernel constrain gives. */
typedef struct {
    const char *name, *c_name;
    Shape shape;
    const char *size; /* RPN of count, or NULL: that of the shape */
    size_t offset, count;
    size_t shown;
} Param;

/* An array that is given (of data), or computed from the params (a definition). */
typedef struct {
    const char *name;
    Shape shape;
    size_t shown;   /* definitions: where it lies in the output of kernel define */
    double *values; /* of data */
} Array;

typedef struct {
    const char *name;
    bool is_int, target;
    bool by_row; /* its first axis are the rows of a sample: what follows is of one row */
    Shape shape;
    const char *limit; /* RPN of `in`, or NULL */
    /* the classes of a text column, in order; from the data or from a result file */
    char **classes;
    size_t class_count;
    /* by entry, of a real input: what stands for missing values (--na=mean); or NULL */
    double *means;
    /* by entry, of a real input: its mean and standard deviation (--standardize); or NULL */
    double *shift, *scale;
    size_t mean_count, scale_count; /* in a result file */
    /* the names of its columns in the data, or in those that it was trained on */
    char **fields;
    size_t field_count;
} Column;

/* Σ_p W[p, q] x[p] + b[q], in which alone a column x stands, and which have params W and b of their
 * own: axis k of x is axis input_axes[k] of W, that of b bias_axes[k]. */
enum { FORM_AXES = 16 };
typedef struct {
    size_t column, weights, bias;
    size_t input_axes[FORM_AXES], bias_axes[FORM_AXES];
} AffineForm;

typedef struct {
    GradcKernel *function; /* NULL: the model has none */
    const char *work;      /* RPN */
} Kernel;

typedef struct {
    const char *name;
    Kernel kernel;
    const char *expression; /* of other metrics, as RPN; NULL: the mean of its kernel */
} Metric;

typedef struct {
    const char *name, *value;
} Setting;

/* Of the C function that `export` writes. */
typedef struct {
    const char *c_name;
    const char *kind; /* the word of abi.h */
    const char *name; /* of a dim, data, or column; RPN of the size of work */
    Shape shape;      /* of data and columns; never resolved */
} Argument;

typedef struct {
    const char *prefix, *function;
    Argument *arguments;
    size_t argument_count;
    const char *refusal; /* what forward uses that cannot be written; or NULL */
    const char *code;    /* NULL: there is no forward, or a refusal */
} Export;

typedef struct {
    const char *name, *source, *hash;
    const char *text, *derivation; /* of the model: as it was written; HTML, or "" */
    Dim *dims;
    Const *consts;
    Param *params;
    Column *columns;
    Metric *metrics;
    Setting *settings;
    Array *arrays;      /* of data */
    Array *definitions; /* reported beside the params */
    size_t dim_count, const_count, param_count, column_count, metric_count, setting_count;
    size_t array_count, definition_count;
    AffineForm *forms;
    size_t form_count;
    bool single; /* reals are floats */
    bool smooth; /* no kinks in J are known */
    bool has_forward, forward_by_row;
    Shape forward;
    const char *residuals; /* RPN: how many rows kernel gauss gives; NULL: there is none */
    const char *sample;    /* the column that separated the samples in training, or NULL */
    size_t weights;        /* 1 + the column of --weights; 0: none */
    Kernel kernels[ROLE_COUNT];
    bool *uses[ROLE_COUNT]; /* by column; NULL: not said */
    Export exported;
    /* what model_bind makes */
    double *const_reals;     /* args.consts, which model_set_const changes */
    GradcArgs args;          /* what all kernels are given: dims, consts, data, total */
    size_t parameter_count;  /* length of the flat vector */
    size_t shown_count;      /* of the params as the user sees them */
    size_t definition_total; /* entries of all definitions */
} Model;

Model *model_read(Context *context, const char *text, GradcKernel *const *kernels);
Dim *model_dim(const Model *model, const char *name);
/* The column of that name, or NULL. */
Column *model_column(const Model *model, const char *name);
Const *model_const(const Model *model, const char *name);
/* After model_bind: what kernels are given from now on. */
void model_set_const(Model *model, size_t item, double value);
/* The value of an RPN size; false (unreported) while a dim that it needs is not bound. `rows`
 * stands for m. */
bool model_size(const Model *model, const char *rpn, int64_t rows, int64_t *value);
/* Binds a dim, or checks that it has that value already. */
bool model_bind_dim(Context *context, Model *model, Dim *dim, int64_t value, const char *by);
bool shape_resolve(Context *context, const Model *model, Shape *shape); /* false: not yet known */
/* After all dims are bound: shapes of params, offsets, arrays for the kernels. `samples`: of the
 * whole data set. */
bool model_bind(Context *context, Model *model, int64_t samples);
size_t model_work(Context *context, const Model *model, const Kernel *kernel, int64_t rows);
bool model_uses(const Model *model, Role role, size_t column);

/* ---- reals.c: doubles, or floats ----
 */

/* Of the entries of one sample (or row of one) of a column. */
size_t column_bytes(const Model *model, size_t column);
/* Value `at` of an array of reals of the model; of a column, which may be of integers. */
double real_at(const Model *model, const void *array, int64_t at);
double column_at(const Model *model, size_t column, const void *array, int64_t at);
void real_put(const Model *model, void *array, int64_t at, double value);
/* As a real of the model. */
double real_rounded(const Model *model, double value);
double real_epsilon(const Model *model);
/* Is it no larger than floats can be, where they are asked for? */
bool real_fits(bool single, double value);
/* Numbers to reals of the model, in memory of its own. */
void reals_narrow(const Model *model, void *to, const double *from, size_t count);
void *reals_of(Context *context, const Model *model, const double *from, size_t count);
/* What a kernel has left there becomes doubles. */
void reals_widen(const Model *model, double *values, size_t count);
/* In single precision: doubles to singles, or back. */
void reals_swap(const Model *model, float *singles, double *doubles, size_t count, bool back);
/* The shortest text that reads back as the same real, always with a point or an exponent. */
size_t real_write(const Model *model, char text[NUMBER_SIZE], double value);
void text_real(Text *text, const Model *model, double value);

/* ---- view.c: the params in the user's terms
 * -------------------------------------------------- */

typedef struct {
    const char *name;
    const Shape *shape;
    const double *values;
} Item;

typedef struct {
    Item *items; /* params, then definitions */
    size_t params, count;
    double *numbers;
} View;

/* What constraints make of the flat vector, and the definitions. */
bool view_make(Context *context, const Model *model, double *params, View *view);
void view_free(Context *context, View *view);
/* The flat vector of params in the user's terms. What does not keep its constraint is an error;
 * `where` begins the message: "the start", … */
bool view_take(Context *context, const Model *model, double *shown, double *params,
               const char *where);
/* Is the whole flat vector finite? Else an error that names the param. */
bool view_check(Context *context, const Model *model, const double *params, const char *where);

/* ---- data.h parts: columns.c, load.c, load_csv.c, load_npy.c
 * ------------------------------------------- */

/* Where the fields of one file column go. */
typedef struct {
    bool used;
    uint32_t column; /* of the model */
    int64_t entry;   /* within one sample, or row of one */
    bool separates;  /* another value begins another sample */
} Target;

typedef struct {
    int64_t row, line;
} LineJump;

enum { NPY_AXES = 8 };

typedef struct Data {
    const char *path;
    int64_t rows;
    void **columns;  /* by column of the model: rows × entries; NULL: not loaded */
    int64_t samples; /* as many as rows, but where samples are blocks of rows */
    int64_t *starts; /* there: the first row of each, and the end of the last one; else NULL */
    int64_t sample_capacity;
    Target separator; /* used: the model reads the column that separates the samples */
    LineJump *jumps;  /* where line ≠ row + constant begins; line numbers from 1; none for npy */
    size_t jump_count, jump_capacity;
    int64_t capacity;    /* rows that fit */
    bool warned;         /* of something in the file */
    bool may_store;      /* the loader can do with data_reserve as store.h has it */
    struct Store *store; /* holds the columns where they are larger than memory; else NULL */
    int64_t axes[NPY_AXES];
    size_t axis_count;        /* of the array in a .npy file; 0: not from one */
    const struct Data *whole; /* of a part: the data of the file, and which sample of it each is */
    const int64_t *origin;
    bool divided;  /* between the ranks of mpirun (ranks.h): */
    int64_t held;  /* so many are this one's, */
    int64_t first; /* and lie from there on in the columns */
    double weight; /* of a model with weights: the sum of all ranks */
} Data;

/* What becomes of missing values: --na */
typedef enum { NA_ERROR, NA_DROP, NA_MEAN } NaPolicy;

typedef struct {
    const char *columns;   /* --columns, or NULL */
    const char *delimiter; /* --delimiter, or NULL */
    const char *header;    /* auto, yes, no */
    const char *sample;    /* --sample, or NULL */
    bool nonfinite;
    bool quiet;
    const bool *needed; /* by column of the model */
    size_t threads;     /* at most; 0: one */
    bool cache;         /* --cache-data */
    NaPolicy na;
    bool trained; /* means are those of training */
    bool standardize;
    int64_t limit; /* bytes that the values may take in memory; 0: any number */
    bool stream;   /* --stream: none at all */
} LoadOptions;

/* Does --columns name arguments of the model, and columns for each? */
bool columns_check(Context *context, const Model *model, const char *text);
/* --delimiter */
bool delimiter_read(Context *context, const char *text, char *delimiter);
/* Matches file columns to the model's; binds dims by the way. `names` is NULL without a header.
 * `where` is the place of the names, for messages. */
bool columns_match(Context *context, Model *model, const LoadOptions *options, const char *where,
                   char **names, size_t count, Target *targets);
/* Loads the data; binds the dims that they bind. */
bool data_load(Context *context, Model *model, const LoadOptions *options, const char *path,
               Data *data);
bool data_reserve(Context *context, const Model *model, const LoadOptions *options, Data *data,
                  int64_t rows);
/* ---- samples.c ---- */
Dim *model_rows_dim(const Model *model); /* that of `dim T = rows`, or NULL */
/* A sample begins with that row: loaders say it in the order of the rows. */
bool data_begin_sample(Context *context, Data *data, int64_t row);
/* Once all rows are there: the samples, one entry for each in columns that have no more; binds T to
 * the largest. */
bool data_make_samples(Context *context, Model *model, Data *data);
int64_t data_line(const Data *data, int64_t row); /* 0: the format has no lines */
/* After the last row: binds the limits of class columns, unless already bound. `place`: of the
 * largest index, or NULL. */
bool data_bind_limit(Context *context, Model *model, Column *column, int64_t classes,
                     const char *place);

/* Bytes of a file or standard input, in blocks. */
enum { INPUT_MARGIN = 128 };
typedef struct {
    Context *context;
    const char *path;
    int fd;
    char *memory;
    char *buffer; /* `size` bytes and a zero after `end`; INPUT_MARGIN more on both sides */
    size_t size;
    int64_t total;    /* bytes of the file, 0: unknown */
    int64_t consumed; /* before `buffer` */
    char *position, *end;
    bool finished;           /* no more bytes after end */
    bool failed;             /* its stream; reported */
    struct ThreadPool *pool; /* NULL, or threads that read a regular file */
    struct Stream *stream;   /* NULL: the file as it is; see stream.h */
} Input;

/* What is compressed by gzip or zstd is decompressed on the way. */
bool input_open(Context *context, Input *input, const char *path);
/* Keeps the bytes from `keep` on, moves them to the front and reads more after them. Sets position
 * to where `keep` is now. False: reported. Without room it reads nothing. */
bool input_fill(Input *input, char *keep);
/* A larger block, read by threads; the file is regular. False: reported. */
bool input_widen(Input *input, struct ThreadPool *pool, size_t size);
void input_close(Input *input);

/* An array of data grown or made (NULL), by large pages where that helps. NULL: reported. */
void *data_array(Context *context, void *array, size_t size);

/* ---- pack.c: words and texts in binary files of one machine ---- */

/* Of `length` bytes after what has the checksum `before`. */
uint64_t pack_checksum(uint64_t before, const void *bytes, size_t length);
void pack_word(Text *text, int64_t word);
void pack_text(Text *text, const char *string); /* NULL stays NULL */
void pack_texts(Text *text, char *const *strings, size_t count);
void pack_array(Text *text, const void *bytes, size_t length);

typedef struct {
    Context *context;
    const char *at, *end;
    bool failed; /* damaged, or no memory: then all that is read is 0 or NULL */
} Unpacker;

int64_t unpack_word(Unpacker *unpacker);
/* A count of things that take at least a word each. -1: none were written. */
int64_t unpack_count(Unpacker *unpacker);
char *unpack_text(Unpacker *unpacker);
char **unpack_texts(Unpacker *unpacker, size_t *count);
/* Bytes that pack_array wrote, so many. */
void unpack_array(Unpacker *unpacker, void *bytes, size_t length);

/* ---- scales.c: --standardize ---- */
/* Inputs that have a scale get it; with options->standardize all of them do, from these rows.
 * False: reported. */
bool scales_apply(Context *context, Model *model, const LoadOptions *options, Data *data);
/* Has any input a scale? */
bool scales_any(const Model *model);
/* Would all of them be folded into params that way? */
bool scales_fold_all(const Model *model);
/* Params of inputs as they are become those of standardised ones. */
void scales_unfold(const Model *model, double *params);
/* Inputs that stand in affine forms alone are again as they were in the data; then, with
 * scales_fold, the params become those of such inputs, which have no scale any more. The first is
 * of each data set, before the second; false: reported. */
bool scales_plain(const Model *model, const Data *data);
void scales_fold(Model *model, double *params);
/* Are scales and means of a result file as long as the columns are wide? False: reported. */
bool scales_check(Context *context, const Model *model, const char *path);

/* ---- cache.c: parsed files kept in binary form ---- */
typedef struct Cache Cache;
/* Before the data are read: what file it is, and how it will be read. NULL: no cache can be used.
 */
Cache *cache_open(Context *context, Model *model, const LoadOptions *options, const Input *input);
/* As if the file had been read. False: there is none that fits; nothing is changed or reported. */
bool cache_read(Cache *cache, Data *data);
/* After the file was read without complaint. What goes wrong is a warning. */
void cache_write(Cache *cache, const Input *input, const Data *data);

/* ---- classes.c
 * ----------------------------------------------------------------------------------------- */

enum { CLASSES_MAX = 1 << 26 };

typedef struct {
    char **texts; /* in the order in which they were found */
    size_t count, capacity;
    uint32_t *slots; /* 1 + index, 0: free */
    size_t slot_count;
    char *room; /* for the bytes of the next texts */
    size_t room_left;
} Classes;

/* The number of a text; -1: there is no memory; -2: not found and not to be added. */
int64_t classes_find(Context *context, Classes *classes, const char *text, size_t length, bool add);
/* The same of one that was found before, or -1; changes nothing. */
int64_t classes_look(const Classes *classes, const char *text, size_t length);
bool utf8_valid(const char *text, size_t length);
#define NOT_UTF8 "is not UTF-8; convert the file: iconv -f LATIN1 -t UTF-8"
/* order[i]: the number of the text that is i-th by its bytes; false: there is no memory. */
bool classes_sort(Context *context, const Classes *classes, uint32_t *order);

/* ---- threads.c
 * ------------------------------------------------------------------------------------------ */

typedef struct ThreadPool ThreadPool;
typedef void ThreadWork(void *job, size_t item, size_t worker);

/* The CPUs that the process may use: by its affinity, and by the quota of its control group. */
size_t threads_available(void);
ThreadPool *threads_start(Context *context, size_t count); /* NULL: reported */
size_t threads_count(const ThreadPool *pool);
/* Does items 0 … count-1, each once, by any worker; returns when all are done. */
void threads_run(ThreadPool *pool, ThreadWork *work, void *job, size_t count);
void threads_stop(ThreadPool *pool);

/* ---- random.c: xoshiro256**
 * ------------------------------------------------------------------------------- */

typedef struct {
    uint64_t state[4];
} Random;

void random_start(Random *random, uint64_t seed);
uint64_t random_next(Random *random);
int64_t random_below(Random *random, int64_t limit); /* 0 … limit-1 */
double random_unit(Random *random);                  /* [0, 1) */
void random_shuffle(Random *random, int64_t *order, int64_t count);

/* ---- weights.c: sample weights ---- */

enum { WEIGHTED_COLUMNS = 256 };
/* --weights: the column, one of the model's or one more. Before the data are loaded. */
bool weights_take(Context *context, Model *model, const char *name);
/* Are they numbers of at least 0, and not all 0? */
bool weights_check(Context *context, const Model *model, const Data *data);
/* Of a model with weights. `columns` begin at sample 0. */
double weights_at(const Model *model, const void *const *columns, int64_t sample);
double weights_sum(const Model *model, const Data *data, int64_t *zeros);

/* ---- evaluate.c: the objective and its gradient over all rows
 * --------------------------------------------- */

/* Which gradients will be asked for: each takes memory as large as the parameters. */
typedef enum { SLOPES_NONE, SLOPES_OF_BATCHES, SLOPES_OF_ALL } Slopes;

/* J(θ) = (Σ loss − prior)/m + penalty. Rows are cut into chunks by their number alone, and the
 * chunks' sums are added by a fixed tree: the same bits for any number of threads. */
typedef struct Statistics Statistics;

typedef struct {
    Context *context;
    const Model *model;
    const Data *data;
    Statistics *statistics; /* or NULL */
    int64_t samples;        /* of all ranks, */
    int64_t held;           /* and those of this one that sums go over: all, but under mpirun */
    int64_t block; /* samples that are evaluated at a time, by their number and size alone, */
    int64_t chunk, chunks; /* and how they are cut */
    size_t parameters;
    void *reals;    /* the params as kernels take them; NULL: as they are */
    double *values; /* of the chunks */
    Slopes slopes;
    int64_t vectors;
    double *partials; /* `vectors` gradients: of all chunks, or of those of the largest batch */
    double **work;    /* by worker */
    double *regular;  /* gradient of the penalty less the prior's share */
    double *prior;    /* gradient of the prior */
    double *regular_work;
    double weighting;    /* m / Σ w: makes the mean weight 1; 0: there are no weights */
    const void **one;    /* columns moved to a row */
    const void ***moved; /* by worker */
    size_t threads;
    ThreadPool *pool; /* started when an evaluation proves to be long enough */
} Evaluator;

/* Samples that a kernel is given. */
typedef struct {
    const void **columns;
    const int64_t *starts, *order; /* or NULL */
    int64_t count;
} Part;

/* `largest`: the most samples that evaluate_part will be given. */
bool evaluator_start(Context *context, Evaluator *evaluator, const Model *model, const Data *data,
                     size_t threads, int64_t largest, Slopes slopes);
void evaluator_end(Evaluator *evaluator);
double evaluate(Evaluator *evaluator, double *params, double *gradient); /* NULL: value alone */
/* Samples of a few megabytes, or all of them, whatever the ranks. */
int64_t evaluate_window(const Evaluator *evaluator);
/* How many chunks a block of samples is cut into, where each has so many numbers. */
int64_t chunk_count(const Evaluator *evaluator, size_t numbers);
/* Σ loss over all samples, from the data themselves; the gradient goes to evaluator->partials. */
double evaluate_losses(Evaluator *evaluator, double *params, bool slopes);
/* What this rank has of it, under mpirun. */
double evaluate_own_losses(Evaluator *evaluator, double *params, bool slopes);
/* The Hessian of Σ loss of the samples that are here, by kernel curvature, to `partials`, which has
 * room for that of each of so many chunks, and one more; `work` by worker. */
void evaluate_curvature(Evaluator *evaluator, double *partials, int64_t chunks, double **work);
/* The Hessian of Σ loss times a direction (reals as kernels take them), by kernel hvp, to
 * evaluator->partials; `work` by worker. */
void evaluate_product(Evaluator *evaluator, double *params, const void *direction, double **work);
void evaluate_own_product(Evaluator *evaluator, double *params, const void *direction,
                          double **work); /* of this rank's samples */
/* That of m · penalty − prior. */
void evaluate_regular_product(Evaluator *evaluator, double *params, const void *direction,
                              double *product);
/* What a kernel gives that has `each` numbers for a sample, to `out`, those of a sample with a
 * weight times its root; returns how many there are: samples that do not count have none. In what
 * order they lie is the kernel's matter. Params as kernels take them (evaluator->reals where there
 * are some). */
size_t evaluate_rows(Evaluator *evaluator, const Kernel *kernel, double *params, const Part *part,
                     size_t each, double *out, double *work);
/* Σ loss of samples first … first + count - 1 of the data, and its gradient; no penalty. */
double evaluate_samples(Evaluator *evaluator, double *params, int64_t first, int64_t count,
                        double *gradient);
/* The same of any part; a large one is cut into chunks, by its size alone. */
double evaluate_part(Evaluator *evaluator, double *params, const Part *part, double *gradient);
/* The data from a sample on; `columns` has room for those of the model. */
Part evaluate_move(const Evaluator *evaluator, int64_t first, int64_t count, const void **columns);
/* The mean of a metric over all rows. */
double evaluate_metric(Evaluator *evaluator, double *params, const Metric *metric);
/* penalty − prior/m; overwrites the gradient. */
double evaluate_regular(Evaluator *evaluator, double *params, double *gradient);
/* Is the loss of a sample (or, with `slopes`, its gradient) not finite? *value: the loss. */
bool evaluate_is_bad(Evaluator *evaluator, double *params, int64_t sample, bool slopes,
                     double *value);
/* Of this rank's samples, under mpirun: the place of the first, or INFINITY, and its loss. */
void evaluate_own_bad(Evaluator *evaluator, double *params, const int64_t *order, int64_t count,
                      double pair[2]);
/* The first sample whose loss (or gradient) is not finite, or -1. */
int64_t evaluate_find_bad(Evaluator *evaluator, double *params, const int64_t *order, int64_t count,
                          double *value);

/* ---- statistics.c: the losses of all rows without the rows ----
 */

/* Of a model whose loss is a polynomial of degree 2 in its params: evaluate() takes the sums from a
 * Hessian that is made once, where `epochs` of it save enough; see there. */
typedef enum { STATISTICS_AUTO, STATISTICS_NO, STATISTICS_YES } StatisticsUse;
/* False: there is no memory (reported). Without a use for them nothing changes. */
bool statistics_start(Context *context, Evaluator *evaluator, StatisticsUse use, int64_t epochs);
/* The Hessian of the losses of this rank's samples, or NULL: there is no memory. */
double *statistics_own_curvature(Evaluator *evaluator);
/* What evaluate_losses gives, from the statistics where they are exact to rounding. */
double statistics_losses(Evaluator *evaluator, double *params);
/* The next evaluation is one of the data, as all those that a user is told at the end are. */
void statistics_renew(Evaluator *evaluator);
/* Did the last evaluation do without the data? */
bool statistics_answered(const Evaluator *evaluator);
/* How often the data were gone through for losses, and how often that was saved. */
void statistics_count(const Evaluator *evaluator, int64_t *passes, int64_t *saved);

/* What they hold, for checkpoints. False: no memory, or not of this run. */
void statistics_pack(const Evaluator *evaluator, Text *text);
bool statistics_unpack(Evaluator *evaluator, Unpacker *unpacker);

/* ---- json.c
 * --------------------------------------------------------------------------------------------------
 */

typedef enum {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_TEXT,
    JSON_ARRAY,
    JSON_OBJECT
} JsonKind;

typedef struct Json Json;
struct Json {
    JsonKind kind;
    char *key; /* in an object */
    double number;
    char *text;   /* zero-terminated; TEXT */
    size_t count; /* members */
    Json *first, *next;
};

/* NULL: *error says why (in the context's memory, or static). */
Json *json_read(Context *context, const char *text, size_t length, const char **error);
const Json *json_get(const Json *object, const char *key); /* NULL: none */
void json_text(Text *text, const char *string);            /* quoted and escaped */

/* ---- result.c, result_read.c: trained parameters in files
 * ----------------------------------------------------- */

typedef struct {
    const View *view;
    const char *method;
    int64_t epochs;
    double objective;
    const double *validation;    /* loss on data that training does not see, or NULL */
    const struct Errors *errors; /* or NULL */
    const char *search, *folds;  /* JSON of --search and --cv, or NULL */
} Result;

typedef enum { FORMAT_SAFETENSORS, FORMAT_JSON, FORMAT_CSV, FORMAT_COUNT } Format;

bool format_find(const char *name, Format *format);
Format format_of_path(const char *path);
bool result_write(Context *context, const Model *model, const Result *result, const char *path,
                  Format format);
/* Reads what result_write wrote (safetensors or JSON). result_open binds dims, consts and classes;
 * result_params, after model_bind, fills `shown` with the params in the user's terms. */
typedef struct {
    const char *path;
    char *bytes;
    size_t length;
    Json *header, *tensors;
    const char *data; /* of safetensors; NULL: JSON */
    size_t data_length;
} ResultFile;

uint64_t result_checksum(const char *bytes, size_t length);
bool result_open(Context *context, Model *model, const char *path, bool force, ResultFile *file);
bool result_params(Context *context, const Model *model, const ResultFile *file, double *shown);
/* A file of whatever model, as it is; those of the model's params that it holds, by name, and how
 * many these are. */
bool result_open_any(Context *context, const char *path, ResultFile *file);
bool result_holds(const ResultFile *file, const char *param);
bool result_known_params(Context *context, const Model *model, const ResultFile *file,
                         double *shown, size_t *found);
/* `name = value` lines of the view; arrays with more than `limit` values as a summary. */
void view_text(Text *text, const Model *model, const View *view, size_t limit);

/* ---- file.c
 * ------------------------------------------------------------------------------------------------------
 */

/* By a temporary name, fsync, rename, fsync of the folder; "-" is standard output. */
bool file_write(Context *context, const char *path, const char *bytes, size_t length);
char *file_read(Context *context, const char *path, size_t *length);
bool bytes_write(Context *context, int fd, const char *name, const char *bytes, size_t length);

/* ---- option.c
 * -------------------------------------------------------------------------------------------------------
 */

typedef enum {
#define OPTION(id, name, letter, argument, commands, help) OPT_##id,
#include "runtime/option.def"
#undef OPTION
    OPT_COUNT
} OptionId;

typedef enum {
    COMMAND_TRAIN = 1,
    COMMAND_PREDICT = 2,
    COMMAND_EVAL = 4,
    COMMAND_CHECK = 8,
    COMMAND_INFO = 16,
    COMMAND_PROFILE = 32,
    COMMAND_EXPORT = 64
} Command;

typedef struct {
    Command command;
    const char *values[OPT_COUNT]; /* the last one given; "" for a switch; NULL: not given */
    const char **sets;             /* all of --set */
    const char **defines;          /* all of -D */
    const char **arrays;           /* all of --data */
    const char **searches;         /* all of --search */
    size_t set_count, define_count, array_count, search_count;
    const char *data; /* DATA, or NULL */
    int argc;         /* the command line as it was given */
    char **argv;
} Options;

/* STATUS_OK: go on, unless *finished (--help, --version were answered). */
int options_read(Context *context, const Model *model, int argc, char **argv, Options *options,
                 bool *finished);
bool option_real(Context *context, const Model *model, const Options *options, OptionId id,
                 double low, double *value);
bool option_integer(Context *context, const Model *model, const Options *options, OptionId id,
                    int64_t low, int64_t *value);
/* The command line's text, or the model's `train { }` setting, or NULL. */
const char *option_text(const Model *model, const Options *options, OptionId id);
const char *option_name(OptionId id);
/* Is it the option that a setting of the model names? */
bool option_is(OptionId id, const char *setting);

/* ---- arrays.c: `data A[N, M]`, from files of their own
 * --------------------------------------------------------------- */

/* Does every --data name an array of the model? */
bool arrays_check(Context *context, const Model *model, const Options *options);
/* Loads all arrays of data; binds the dims that they bind. */
bool arrays_load(Context *context, Model *model, const Options *options);

/* ---- session.c: what all commands do first
 * ----------------------------------------------------------------------------- */

typedef struct {
    Context *context;
    Model *model;
    const Options *options;
    Data data;
    ResultFile file;
    double *params;
    uint64_t seed;
    int64_t threads;
    bool usage;  /* what failed is the command line's */
    bool folded; /* params of -m are of inputs as they are, and training takes standardised ones */
} Session;

/* Definitions, the result file of -m, the data, dims, start values. */
bool session_start(Context *context, Model *model, const Options *options, Session *session);

/* The start of training: of -m, or as the model says, with the constants that it has now. */
bool session_parameters(Session *session, double *params);
/* Loads a file by the options of the session. */
bool session_load(Session *session, const char *path, Data *data);
/* All metrics, derived ones too (predict.c). False: reported. */
bool metrics_evaluate(Context *context, Evaluator *evaluator, double *params, double *metrics);

/* ---- commands
 * -------------------------------------------------------------------------------------------------------------
 */

int command_train(Session *session);
int command_predict(Session *session);
int command_eval(Session *session);
int command_check(Session *session);
int command_export(Session *session);
int command_info(Context *context, const Model *model);

#endif
