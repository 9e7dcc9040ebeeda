/* driver.h: the command line and the pipeline. Nobody includes this but the driver. */
#ifndef GRADC_DRIVER_H
#define GRADC_DRIVER_H

#include "base/base.h"
#include "diff/diff.h"
#include "emit/emit.h"
#include "front/front.h"
#include "ir/ir.h"
#include "loop/loop.h"
#include "lower/lower.h"
#include "opt/opt.h"
#include "sema/sema.h"

/* ---- options.c: the command line ------------------------------------------------------------ */

typedef enum {
    STATUS_OK = 0,
    STATUS_ERROR = 1,    /* in the input, or of the environment */
    STATUS_USAGE = 2,    /* wrong command line */
    STATUS_INTERNAL = 70 /* our own fault */
} Status;

typedef enum {
#define EMIT(id, suffix, holds, help) EMIT_##id,
#include "driver/emit.def"
#undef EMIT
    EMIT_COUNT
} EmitKind;

typedef enum { HOLDS_TRAINER, HOLDS_FUNCTIONS, HOLDS_DERIVATION } Holds;

typedef struct {
    const char *name, *suffix;
    Holds holds;
    const char *help;
} EmitRow;

extern const EmitRow emit_rows[EMIT_COUNT];

typedef enum {
#define DUMP(id, help) DUMP_##id,
#include "driver/dump.def"
#undef DUMP
    DUMP_COUNT
} Dump;

typedef enum {
#define DERIVATIVE(id, supported, help) DERIVATIVE_##id,
#include "driver/derivative.def"
#undef DERIVATIVE
    DERIVATIVE_COUNT
} Derivative;

/* What is asked for: --run, --check, … exclude each other and an output kind. */
typedef enum { TASK_EMIT, TASK_RUN, TASK_CHECK, TASK_FMT, TASK_REPORT, TASK_DUMP } Task;

typedef struct {
    const char **items;
    size_t count, capacity;
} Words;

typedef struct {
    Task task;
    EmitKind kind;
    const char *input;
    const char *output; /* NULL: named after the input */
    Words functions;    /* none: the default */
    Words wrt;
    bool derivatives[DERIVATIVE_COUNT];
    bool dump[DUMP_COUNT];
    Definition *definitions;
    size_t definition_count, definition_capacity;
    Words include;
    Words objects; /* linked too: objects, sources, -l, -L */
    Precision precision;
    int level;
    const char *cpu;          /* NULL: the default of what is made */
    int64_t checkpoint, kept; /* as LoopOptions has them */
    bool debug, strict, verbose, time_passes, no_cache, werror, batch, is_static;
    bool warning[WARN_COUNT];
    ColorMode color;
    char **run_args; /* what follows `--`; run_count entries */
    int run_count;
    Words command; /* the words that the contents of the output depend on */
} Options;

typedef enum { FORM_FLAG, FORM_VALUE, FORM_SEPARATE, FORM_JOINED } OptionForm;

typedef enum {
#define OPTION(id, spelling, form, argument, group, help) OPTION_##id,
#include "driver/option.def"
#undef OPTION
    OPTION_COUNT
} OptionId;

typedef struct {
    const char *spelling;
    OptionForm form;
    const char *argument, *group, *help;
} OptionRow;

extern const OptionRow option_rows[OPTION_COUNT];

/* Reads the command line. Returns -1 to go on, or the status to exit with at once (--help, or wrong
 * usage, which has been reported). */
int options_read(Options *options, Arena *arena, int argc, char **argv);
/* Wrong usage: `gradc: error: …` and where help is; the status to exit with. */
Status usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- help.c: --help, and what else the tables print ----------------------------------------- */

void help_print(Arena *arena);
/* --help=TOPIC: builtins (docs/builtins.md), man (the manual page). The status to exit with. */
Status help_topic(Arena *arena, const char *topic);

/* ---- compile.c: the pipeline ---------------------------------------------------------------- */

/* The stages that --time-passes shows. */
typedef enum {
    TIME_start, /* before main: loading the program */
    TIME_parse,
    TIME_cache,
    TIME_check,
    TIME_lower,
    TIME_diff,
    TIME_opt,
    TIME_loop,
    TIME_build, /* LLVM's three */
    TIME_passes,
    TIME_code,
    TIME_emit, /* printers of text */
    TIME_link,
    TIME_write,
    TIME_run,
    TIME_COUNT
} CompileStage;

/* What the cache keeps of one compilation; each may be empty. */
enum {
    CACHE_messages,
    CACHE_header,
    CACHE_name,
    CACHE_description,
    CACHE_code, /* a file, or the objects of --run, those that there are */
    CACHE_PARTS = CACHE_code + OBJECTS_MOST
};

typedef ObjectCode CachePart;

typedef struct {
    const char *folder, *path; /* of the entry; NULL: nothing is kept */
    uint8_t key[HASH_BYTES];
    bool found;
    bool lapack; /* the code calls it */
    CachePart parts[CACHE_PARTS];
} Cache;

typedef struct {
    const Options *options;
    Arena *arena;
    Front front;
    uint32_t file; /* of the model */
    const Ast *ast;
    Model *model;
    Rules rules;
    const Ir **stable; /* every entry after opt_before_diff, which knows its rewrites */
    size_t stable_count, stable_capacity;
    void **addresses; /* of the model's extern functions, where they are loaded; or NULL */
    Text dumps;       /* what --dump asked for */
    bool printed;     /* the diagnostics were */
    Cache cache;
    LlvmTimes llvm_times;
    double mark; /* the time up to which stages have theirs */
    double milliseconds[TIME_COUNT];
} Compiler;

/* How an entry is differentiated. */
typedef enum {
    DERIVE_NOTHING,
    DERIVE_GRADIENT,
    DERIVE_UPDATE,
    DERIVE_FORWARD,
    DERIVE_HVP,
    DERIVE_HESSIAN,
    DERIVE_CURVATURE, /* the Hessian alone */
    DERIVE_SHRINK,    /* the coefficients of |θ|, entry by entry */
    DERIVE_JACOBIAN,
    DERIVE_RESIDUALS /* of a sum of squares; elsewhere nothing is made, and nothing reported */
} Derive;

typedef struct {
    EntryKind entry;
    const ModelFunction *function; /* FUNCTION, METRIC */
    Derive derive;
    bool all_params;  /* with respect to all params, whatever --wrt says */
    bool trainer;     /* a trainer's kernel */
    bool declared;    /* by the params as they are declared, without change of variables */
    bool kept;        /* consts are leaves */
    const char *name; /* the C function's */
    Trace *trace;     /* where a gradient's steps are recorded, or NULL */
} Request;

/* What each stage made of one request; those after the first NULL were not made. Where nobody looks
 * at them, only the program is kept. */
typedef struct {
    const Ir *lowered;   /* as written */
    const Ir *ir;        /* after opt_before_diff */
    const Ir *derived;   /* the same without a derivative */
    const Ir *optimised; /* what is planned */
    LoopProgram *program;
} Stages;

/* Text to checked model. False if there were errors (they are in front.diags). */
bool compile_front(Compiler *compiler);
/* Takes one entry through all arrows; compile_derive stops before opt_after_diff. False if there
 * were errors. */
bool compile_entry(Compiler *compiler, const Request *request, Stages *stages);
bool compile_derive(Compiler *compiler, const Request *request, Stages *stages);
/* The leaves that a derivative is taken by: the named ones, else all params, else all real
 * arguments. False if one that is named is not there (reported). */
bool compile_wrt(const Compiler *compiler, const Ir *ir, bool all_params, uint32_t **leaves,
                 size_t *count);
OptOptions compile_opt_options(const Compiler *compiler);
/* The time since the last call belongs to this stage; what LLVM measured of it to its own. */
void compile_time(Compiler *compiler, CompileStage stage);
/* Prints the diagnostics so far, once. */
void compile_messages(Compiler *compiler);
/* Does the whole task and returns the exit status. */
Status compile(const Options *options, Arena *arena);

/* ---- entries.c: which C functions a model has; kernels.c: which kernels its trainer has ------ */

/* How each derivative is made, and whether of functions whose value is one number only. */
typedef struct {
    const char *suffix; /* of the C function */
    Derive derive;
    bool of_number;
} DerivativeEntry;

extern const DerivativeEntry derivative_entries[DERIVATIVE_COUNT];

/* The functions that the options ask for, in file order; false if there is none (reported). */
bool entries_functions(const Compiler *compiler, const ModelFunction ***functions, size_t *count);
/* The C functions of the model; false on errors. */
bool entries_unit(Compiler *compiler, Unit *unit);
/* The trainer's kernels and description; false on errors. */
bool entries_trainer(Compiler *compiler, Unit *unit);
/* The derivatives as people read them, of a kind that HOLDS_DERIVATION; NULL on errors. */
const char *entries_derivation(Compiler *compiler, EmitKind kind);
/* The gradient of the loss as a part of the page that a trainer makes; NULL: it would be too long.
 */
const char *entries_loss_part(Compiler *compiler);
/* Is the value of an entry one number that can be differentiated? */
bool entries_is_scalar(const Ir *ir);
/* Is there such a derivative of the entry? */
bool entries_has_derivative(const Ir *ir, const DerivativeEntry *entry);
/* Can it take many samples at once? Not without arguments, nor where one is a size. */
bool entries_has_batch(const ModelFunction *function);
/* Has it a leaf to differentiate by? */
bool entries_has_wrt(const Compiler *compiler, const Ir *ir);
/* prefix_function, prefix_function_suffix */
const char *entries_name(const Compiler *compiler, const char *function, const char *suffix);

/* ---- describe.c: the text of gradc_model ---------------------------------------------------- */

typedef struct {
    const char *role; /* of the kernel */
    const ModelFunction *metric;
    Stages stages;
} Kernel;

/* derived.c: a metric made of others, as RPN with commas; NULL on errors. */
const char *derived_metric(const Compiler *compiler, const ModelFunction *metric);
/* Reports what derived_metric would, for all of them. */
void derived_check(const Compiler *compiler);
/* A metric without arguments: made of the others, it has no kernel. */
bool derived_is(const ModelFunction *function);
/* kernels.c: all kernels of the trainer, in the order of kernel.def, then the metrics'; false on
 * errors. */
bool entries_kernels(Compiler *compiler, Kernel **kernels, size_t *count);
/* The statements of a program; those that stand for a loop nest of their own count as many. */
size_t kernel_size(const LoopStmt *stmt);
/* NULL on errors. */
const char *describe_trainer(Compiler *compiler, const Kernel *kernels, size_t count);
/* describe_export.c: what the trainer's `export` writes: forward of one sample as C, and what its
 * arguments are. False on errors. */
bool describe_export(Compiler *compiler, const Unit *unit, Text *text);

/* ---- output.c: files ------------------------------------------------------------------------ */

/* Writes what was asked for. */
Status output_unit(Compiler *compiler, const Unit *unit);
/* The object files of a unit, from CACHE_code on. Returns their number. */
size_t output_objects(Compiler *compiler, const Unit *unit);
/* Writes what the cache has. */
void output_cached(Compiler *compiler);
/* Text to -o; without it to standard output, or where the kind has a suffix to a file of that name.
 */
Status output_text(const Compiler *compiler, const char *text);
/* The name of the output; the input is never one (reported; false). */
bool output_check(const Options *options, Arena *arena);
LlvmOptions output_llvm_options(const Compiler *compiler);

/* ---- cache.c: what was compiled before --------------------------------------------------------
 */

/* Is the result in the cache? Then its parts are in compiler->cache. Else that knows, from here on,
 * where cache_keep puts them. */
bool cache_find(Compiler *compiler, const Imported *imported);
/* Keeps the parts, if this compilation is one that is kept. */
void cache_keep(const Compiler *compiler);

/* ---- link.c --------------------------------------------------------------------------------- */

typedef enum { LINK_EXECUTABLE, LINK_SHARED, LINK_ARCHIVE } LinkKind;

/* Links the objects into what becomes the file `output`, by way of a private folder. Returns the
 * bytes in the arena, or NULL if that failed (reported). */
const char *link_objects(const Compiler *compiler, LinkKind kind, const CachePart *objects,
                         size_t count, bool lapack, const char *output, size_t *size);
/* The objects and sources of extern functions, loaded into this process; NULL on errors (reported).
 */
void *link_load(const Compiler *compiler);
/* Where the runtime archive is; NULL: not found. */
const char *link_runtime(Arena *arena);

/* ---- external.c: extern functions ------------------------------------------------------------ */

/* Loads what the model's extern functions are in, for --run and --check; false if one is not at
 * hand (reported). */
bool externals_load(Compiler *compiler);
/* Compares the derivatives that extern functions declare with differences; false if one is wrong
 * (reported). */
bool externals_check(Compiler *compiler);

/* ---- point.c: arguments for a function, at random or on the edge ---------------------------- */

typedef enum {
    POINT_RANDOM,
    POINT_POSITIVE,
    POINT_UNIT,
    POINT_ZERO,
    POINT_TIE,
    POINT_LARGE,
    POINT_KINDS
} PointKind;

/* Values of all leaves of an entry; a derived Ir has the same leaves first, then tangents. */
typedef struct {
    Arena *arena;
    const Ir *ir;
    uint64_t seed;
    int64_t *dims;  /* of `ir`, by symbol */
    size_t *counts; /* entries of each leaf */
    double **reals; /* NULL: an int leaf */
    int64_t **ints;
    double **directions; /* of a jvp or hvp, by leaf: NULL: zeros */
    size_t leaf_count;
} Point;

enum { POINT_ROWS = 3 }; /* samples of a batch */

Point point_make(Arena *arena, const Ir *ir, PointKind kind, uint64_t seed);
/* A random direction, laid out like leaf `leaf`. */
double *point_direction(Point *point, uint32_t leaf);
/* All numbers become such as the precision has. */
void point_round(Point *point, Precision precision);
/* The input of the interpreter for `ir`, which may have tangents: `directions[k]` for leaf k of the
 * point, NULL where zero. */
EvalInput point_input(const Point *point, const Ir *ir, double *const *directions);
/* The arguments of a program made of `ir`; `outputs[k]` is where output k goes; the gradient, flat,
 * is `gradient`. Reals are as the precision of the program says: what it gives, too. */
LoopArgValue *point_args(const Point *point, const LoopProgram *program, double *const *outputs,
                         double *gradient);
/* Value of RPN text over dim names and "m". */
int64_t point_rpn(const Point *point, const Ir *ir, const char *rpn);

/* ---- run.c, check.c, report.c, call.c ------------------------------------------------------- */

Status run_trainer(Compiler *compiler, const Unit *unit);
/* The same of what the cache has. */
Status run_cached(Compiler *compiler);
/* Compares values and derivatives of all functions with independent ones; a mismatch is an internal
 * error. Prints a table of what was compared. */
Status check_model(Compiler *compiler);
const char *report_unit(Compiler *compiler, const Unit *unit);

/* Calls a compiled function by the C calling convention. False where that is not known. */
bool call_native(void *function, const LoopProgram *program, const LoopArgValue *args,
                 double *result);

#endif
