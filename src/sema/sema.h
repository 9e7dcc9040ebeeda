/* sema.h: AST to checked model: the items of a file and its library in tables, names resolved to
 * what they mean, `-D` bound, recursion refused. Types and shapes belong to values, so they are
 * checked where values are made: in lower/. */
#ifndef GRADC_SEMA_H
#define GRADC_SEMA_H

#include "base/base.h"
#include "front/front.h"

typedef struct {
    Name name;
    Span span;
    bool known; /* bound by the file or by -D */
    int64_t value;
    bool rows;        /* dim T = rows */
    bool from_labels; /* bound by the data: no value, and used as `y in K` by loss */
} ModelDim;

typedef struct {
    Name name;
    Span span;
    double value; /* of the file or of -D */
    bool fixed;   /* by -D: --set may not change it */
} ModelConst;

typedef struct {
    const Declaration *declaration; /* data, param */
    Name name;
} ModelArray;

/* An extern function, and after the declared ones those that are derivatives only. */
typedef struct {
    Name name;
    Span span;
    size_t arity;
    const Binder *derivatives; /* as declared, one for each argument; or NULL */
    bool declared;             /* else a derivative only: it cannot be called */
} ModelExternal;

typedef enum {
    FUNCTION_PLAIN,
    FUNCTION_FORWARD,
    FUNCTION_LOSS,
    FUNCTION_PENALTY,
    FUNCTION_PRIOR, /* the log density of all params: what `~` says, and the file's own `prior` */
    FUNCTION_OWN_PRIOR, /* the file's own, where params have priors too: called PRIOR_OWN_NAME */
    FUNCTION_METRIC
} FunctionRole;

#define PRIOR_OWN_NAME "prior of the file" /* no name that a file could have */

typedef struct ModelFunction ModelFunction;
struct ModelFunction {
    const Function *ast;
    Name name;
    FunctionRole role;
    bool library;
    const bool *whole; /* for each formal: a number used as index, size or range: an int */
    const bool *size;  /* for each formal: a whole number that sizes an array or bounds a range */
    bool used;
};

/* The lists of a model, as names.c looks names up in them. */
typedef enum {
    LIST_DIMS,
    LIST_CONSTS,
    LIST_PARAMS,
    LIST_DATAS,
    LIST_FUNCTIONS,
    LIST_LIBRARY,
    LIST_COUNT
} ModelList;

typedef struct {
    Arena *arena;
    NameTable tables[LIST_COUNT]; /* of as many entries as have been asked for */
} ModelNames;

typedef struct {
    ModelNames *names;
    Name name;             /* the model's */
    const char *c_prefix;  /* its C spelling */
    const Ast *ast;        /* with the items of imported files in place */
    const uint32_t *files; /* the model's own, then the imported ones */
    size_t file_count;
    ModelDim *dims;
    size_t dim_count;
    ModelConst *consts;
    size_t const_count;
    ModelArray *params, *datas;
    size_t param_count, data_count;
    ModelFunction *functions; /* the user's, in file order (metrics too) */
    size_t function_count;
    const size_t *order;   /* numbers of functions, callees first */
    const Name *variables; /* that functions take derivatives by, each once */
    size_t variable_count;
    ModelFunction *library; /* the standard library's that may be used */
    size_t library_count;
    const ModelFunction *forward, *loss, *penalty, *prior; /* or NULL */
    const Setting *settings;                               /* of train { }, or NULL */
    ModelExternal *externals;
    size_t external_count;
    Span named;   /* of the name in the `model` item; empty without one */
    Span trained; /* of the `train` item; empty without one */
    bool damaged; /* items are missing (syntax errors): unknown names are not reported */
} Model;

typedef struct {
    const char *name, *value; /* of -D NAME=VALUE, as typed */
    bool used;                /* set by sema */
} Definition;

/* A parsed file with the files that it imports. */
typedef struct {
    const Ast *ast;        /* with the items of imported files in place */
    const uint32_t *files; /* its own, then the imported ones */
    size_t file_count;
    bool damaged; /* not all could be read (reported) */
} Imported;

/* Reads the files that a parsed one imports. */
Imported sema_import(const Front *front, const Ast *ast);
/* Reads the tables from parsed files. Always returns a model; errors are in diags. */
Model *sema_check(const Front *front, const Imported *imported, Definition *definitions,
                  size_t count);

/* Can a trainer be made of it: there are a loss and a param. Reports what is missing. */
bool sema_check_trainer(const Front *front, const Model *model);

/* The function of that name that the user, then the library, has; NULL if none. */
const ModelFunction *model_function(const Model *model, Name name);
/* Is it of an imported file? */
bool model_imported(const Model *model, const ModelFunction *function);
/* Has it formals that are functions? Then it has no C function of its own. */
bool model_takes_functions(const ModelFunction *function);
/* In the library only: library functions never see the user's. */
const ModelFunction *model_library_function(const Model *model, Name name);
const ModelExternal *model_external(const Model *model, Name name);
/* The same, if the language can call it. */
const ModelExternal *model_declared_external(const Model *model, Name name);
/* Places in the lists of the model, or SIZE_MAX. Of functions, the first of that name. */
size_t model_param_number(const Model *model, Name name);
size_t model_data_number(const Model *model, Name name);
size_t model_function_number(const Model *model, Name name);
enum { MODEL_DERIVATIVES = 5 };
extern const char *const model_derivatives[MODEL_DERIVATIVES];
/* Is it an operation of the language that takes a derivative by its second argument? */
bool model_differentiates(const char *name);
const ModelDim *model_dim(const Model *model, Name name);
const ModelConst *model_const(const Model *model, Name name);
/* All names that a value or a call may have at item level, for "did you mean". */
size_t model_names(const Model *model, Arena *arena, bool functions, const Name **names);
/* The C spelling of a name: θ₀ → theta0, 权 → u6743. */
const char *c_name(Arena *arena, const char *name);
/* The model as text, for --dump=model. */
const char *model_dump(const Model *model, Arena *arena);

#endif
