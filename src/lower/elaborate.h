/* elaborate.h: what the files of lower/ share. A value of the language is a Ref: a scalar, possibly
 * with free indices that are in scope, or an array. REF_NONE is a value whose error was reported;
 * what uses it is silent. */
#ifndef GRADC_LOWER_ELABORATE_H
#define GRADC_LOWER_ELABORATE_H

#include "ir/form.h"
#include "lower/lower.h"

/* Names in scope: a list from the innermost outwards. Never changed once made. */
typedef struct Binding Binding;

/* What a call calls: a function of the file, of the library or of a block, or a built-in one. */
typedef struct {
    const Function *function;   /* NULL: built-in */
    const ModelFunction *model; /* NULL: of a block */
    const Binding *env;         /* of a block: the names that it sees */
    bool library;               /* of a block: of a function of the library */
    Name builtin;
    const ModelExternal *external;
} Callee;

enum { NAME_GROUPS = 8 };

struct Binding {
    Name name;
    Span span;            /* where it got its value */
    Ref ref;              /* REF_NONE: its error was reported */
    const Callee *callee; /* a local function or a formal that is a function; or NULL */
    bool constant_shape;  /* a size or an index: may not be assigned */
    IndexSet visible;     /* the free indices of this and all outer values */
    const Binding *next;
    /* The innermost bindings up to this one of each group of names, and in `same` the one before of
     * its own group: so that in a long block a search does not go through all of them. */
    const Binding *groups[NAME_GROUPS];
    const Binding *same;
};

/* A condition that holds, or does not, where an expression stands: the innermost first. Or, without
 * a condition: from here on these indices are others than those of the facts before. */
typedef struct Fact Fact;
struct Fact {
    Ref condition; /* or REF_NONE */
    bool holds;
    IndexSet bound;
    const Fact *next;
};

/* A call that is being elaborated, for messages. */
typedef struct Call Call;
struct Call {
    const Function *function;
    const Callee *const *functions; /* of the formals that are functions */
    Span span;                      /* of the call */
    const Call *outer;
    unsigned depth;    /* calls inside calls; the outermost has 1 */
    const Fact *facts; /* at the call */
};

/* Several values: what a function returns. `count` 0: an error was reported. */
typedef struct {
    const Ref *refs;
    size_t count;
} Values;

typedef struct Memo Memo;
typedef struct Variables Variables;
typedef struct Elements Elements;
enum { MEMO_BUCKETS = 256 };

#define NO_LEAF UINT32_MAX

typedef struct {
    const Front *front;
    const Model *model;
    Arena *arena;
    Diags *diags;
    Ir *ir;
    const Binding *env;
    const Call *call;
    bool library;         /* inside a function of the standard library */
    unsigned conditional; /* how many branches of `if` deep: ranges are not certain errors there */
    const Fact *facts;
    unsigned effort;  /* steps left for the bounds of one whole number */
    bool contextual;  /* what was elaborated of this call depends on facts outside of it */
    Ref *params;      /* of the model, in order, as the model sees them */
    uint32_t *leaves; /* of the params; NO_LEAF: its error was reported */
    Ref *consts;
    Ref *datas;
    bool derived;        /* a derived metric: metrics are leaves */
    bool in_shape;       /* a name that is lowered is a size of a shape: what an error says */
    bool no_params;      /* the starts of params may not use params */
    size_t param_limit;  /* how many params there are already, for the bound of a param: … */
    Name bound_of;       /* … this one; else NULL */
    bool check_starts;   /* report starts that are known to break a constraint */
    const char *no_rows; /* what belongs to no sample, and cannot know its rows; or NULL */
    Memo *memo[MEMO_BUCKETS];
    Elements *elements[MEMO_BUCKETS]; /* of array literals, by the array */
    const Variables *variables;       /* the names by which the function takes derivatives */
    const Variables *item_variables;  /* the same of all functions: params and definitions */
    Variables *variable_sets;         /* of the functions so far */
    uint32_t variable_count;          /* variables so far: each has a number of its own */
    Ref seed;                         /* ENTRY_INIT: the seed */
    const bool *broken; /* of each function of the user: it has errors of its own; or NULL */
    bool failed;        /* a value is missing for a reason reported elsewhere */
} Lower;

/* Copies dims or refs; none from nowhere is fine. */
static inline void copy_ids(uint32_t *to, const uint32_t *from, size_t count) {
    for (size_t k = 0; k < count; k++) {
        to[k] = from[k];
    }
}

/* ---- message.c ------------------------------------------------------------------------------- */

/* An error at a place; in the library, at the user's call of it. Says in which calls. */
Diag *lower_error(Lower *lower, Span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *expr_text(Lower *lower, const Expr *expr); /* as written, shortened */
const char *shape_text(Lower *lower, Ref value);       /* "[K, D]" */
const char *formal_shape_text(Lower *lower, const Dim *shape, unsigned rank);
const char *what_text(Lower *lower, Ref value); /* "a number", "an array of shape [K, D]" */
/* A note that says where a value of this shape comes from. */
void note_shape(Lower *lower, Diag *diag, const Expr *expr, Ref value);
/* The place where a name in the user's text was given its value, else the expression itself. */
Span origin(Lower *lower, const Expr *expr);
/* The place that a message or a node of this expression gets: never in the library. */
Span user_span(const Lower *lower, Span at);

/* ---- expr.c ---------------------------------------------------------------------------------- */

Ref lower_expr(Lower *lower, const Expr *expr);
/* Calls of functions with several values give all of them. */
Values lower_values(Lower *lower, const Expr *expr);
/* A whole number; `what` says what it is needed for: "an index". */
Ref lower_whole(Lower *lower, const Expr *expr, const char *what);
/* A whole number made of sizes and constants. */
Dim lower_size(Lower *lower, const Expr *expr, const char *what);
const Expr *strip_parens(const Expr *expr);
/* The value of a name without a message; false if it has none. */
bool lower_lookup(Lower *lower, Name name, Ref *found);
const Binding *find_binding(const Lower *lower, Name name);
/* The innermost binding that may have the name; the others are found by `same`. */
const Binding *first_binding(const Lower *lower, Name name);
void bind_name(Lower *lower, Name name, Span span, Ref ref);
void bind_callee(Lower *lower, Name name, Span span, const Callee *callee);
IndexSet visible(const Lower *lower);
/* The free indices of the values that a local function sees. */
IndexSet seen_by(const Callee *callee);
Values one_value(Lower *lower, Ref ref);

/* ---- array.c: elementwise operations, reads, literals ---------------------------------------- */

typedef Ref Apply(Lower *lower, const void *data, const Ref *scalars);
/* The common shape of values by broadcasting; false if they do not fit: `*bad` is then the first
 * that does not fit the earlier ones. */
bool broadcast(Lower *lower, const Ref *values, unsigned count, Dim *shape, unsigned *rank,
               unsigned *bad);
/* Applies to the entries of values that fit. */
Ref elementwise(Lower *lower, const Ref *values, unsigned count, Apply *apply, const void *data);
/* Fresh names for the axes of a shape, none of them in `used`. */
void fresh_names(Lower *lower, const Dim *shape, unsigned rank, IndexSet used, Index *names);
/* The entry of an array at these indices, its last axes at the last of them. */
Ref read_at(Lower *lower, Ref array, const Index *names, unsigned count);
/* The rest of an array after its first axes are read at `positions`. */
Ref read_first(Lower *lower, Ref array, const Ref *positions, unsigned count);
Ref to_real(Lower *lower, Ref value);   /* entries of an array too */
Ref to_number(Lower *lower, Ref value); /* truth values become 0 and 1 */
/* Makes the kinds of scalars equal: int if all are int, else real. */
void unify_kinds(Lower *lower, Ref *scalars, unsigned count);
Ref lower_array_literal(Lower *lower, const Expr *expr);
/* The k-th element of an array that is a literal. */
bool find_element(const Lower *lower, Ref array, int64_t k, Ref *element);
Ref lower_transpose(Lower *lower, const Expr *expr);
Ref lower_matmul(Lower *lower, const Expr *expr, Ref a, Ref b);
Ref lower_concat(Lower *lower, const Expr *call);
Ref lower_fill(Lower *lower, const Expr *call, double value);

/* ---- subscript.c ----------------------------------------------------------------------------- */

Ref lower_subscript(Lower *lower, const Expr *expr);
/* Checks a position against an axis. One that is neither proved to be inside nor known to leave is
 * checked when the program runs: `*inside` becomes that and what `*inside` was (REF_NONE: true). */
bool check_position(Lower *lower, const Expr *at, Ref position, Dim axis, const char *array,
                    Ref *inside);
/* Is no divisor of // and % in the whole number 0? A condition, or REF_NONE where that is known. */
Ref divides(Lower *lower, Ref value);
/* The value, or NaN where that condition does not hold. */
Ref checked_divisors(Lower *lower, Ref value, Ref divided, Span at);
/* A scalar as a real: NaN where a divisor in it is 0. */
Ref whole_to_real(Lower *lower, Ref scalar);
/* check_position of what runs from `low` up to, not including, `high`. */
void check_ends(Lower *lower, Ref low, Ref high, Dim axis, Ref *inside);
/* The value, or where the condition does not hold NaN; `array` is what it
 * is of. REF_NONE: reported, as a whole number cannot be NaN. */
Ref checked(Lower *lower, Ref value, Ref inside, Span at, const char *array);
/* No value of an int is below `low`, and none above `high`. */
typedef struct {
    Dim low, high;
    Dim classes; /* of one of its atoms; DIM_NONE: of none */
    bool known;
} Bounds;
Bounds int_bounds(Lower *lower, Ref value);

/* ---- prove.c: what the conditions around an expression say --------------------------------------
 */

/* From here on, until lower->facts is set back. */
void add_fact(Lower *lower, Ref condition, bool holds);
/* These indices are bound here. A call does not see those of its caller, and may use them again:
 * what is known of those says nothing of these. */
void hide_facts(Lower *lower, IndexSet bound);
/* Is a ≤ b, both whole numbers, by the facts here? Conservative. */
bool proves_le(Lower *lower, Ref a, Ref b);
/* A whole number as a linear form of nodes. */
Form whole_form(Lower *lower, Ref v);
/* The bounds of a value whose atoms may take all their values independently; else not known. */
Bounds reached_bounds(Lower *lower, Ref value);

/* ---- monomials.c: forms as polynomials of what their atoms are products of ---------------------
 */

/* The form with sums in products multiplied out; false: too many terms, *made is of no use. */
bool expand_form(Lower *lower, const Form *form, Form *made);
bool has_product(const Lower *lower, const Form *form);
/* The factor of an atom that comes after `last` (REF_NONE: the first), or REF_NONE. */
Ref next_factor(const Lower *lower, Ref atom, Ref last);
/* The highest power of the variable. */
unsigned form_degree(const Lower *lower, const Form *form, Ref variable);
/* The form with the value in the place of the variable; false as expand_form. */
bool form_with(Lower *lower, const Form *form, Ref variable, const Form *value, Form *made);

/* ---- range.c --------------------------------------------------------------------------------- */

typedef struct {
    Name name;
    Span span;
    Index index;
    Dim extent;
    Ref position;  /* the value of the name */
    Ref condition; /* where it is in the range; REF_NONE: everywhere */
} Range;

enum { RANGE_EMPTY = -1, RANGE_ERROR = 0, RANGE_OK = 1 };

/* Opens and binds the ranges of a reduction, a comprehension or a left side, in order. Returns how
 * many in `*count`. RANGE_EMPTY: one is known to be empty. */
int open_binders(Lower *lower, const Binder *binders, const Expr *body, Range *ranges,
                 unsigned *count);
int open_range(Lower *lower, Name name, Span span, const Expr *low, const Expr *high, Range *range);
int open_whole(Lower *lower, Name name, Span span, Dim extent, Range *range);
/* The dim over which a name runs that stands alone in subscripts of the body; DIM_NONE if it is not
 * known (reported, with `mend` as label) or if its axes disagree (reported). */
typedef struct Pending Pending; /* the name, and those after it, which have no value yet either */
struct Pending {
    Name name;
    Span span;
    Pending *next;
};
Dim infer_range(Lower *lower, const Pending *pending, const Expr *body, const char *mend);
Ref all_conditions(Lower *lower, const Range *ranges, unsigned count);

/* ---- reduce.c -------------------------------------------------------------------------------- */

Ref lower_reduce(Lower *lower, const Expr *expr);
Ref lower_comprehension(Lower *lower, const Expr *expr);
/* The array of a value over the ranges that are open, and the axes of the value. */
Ref close_ranges(Lower *lower, const Expr *value, Span at, const Range *ranges, unsigned count);
bool is_reduction(const char *name);
/* sum(A), max(A), …: of a whole array. */
Ref reduce_array(Lower *lower, const Expr *call, Ref value);

/* ---- call.c ---------------------------------------------------------------------------------- */

Values lower_call(Lower *lower, const Expr *call);
/* The arguments of a call, one for each formal: a value, or a function (then the Ref is REF_NONE);
 * spans for messages. `functions` may be NULL: none is a function. */
typedef struct {
    Ref *refs;
    const Callee *const *functions;
    const Span *spans;
} Arguments;
/* The function's values for these arguments, of the formals' ranks. */
Values invoke(Lower *lower, const Callee *callee, const Arguments *arguments, Span at);
void unknown_function(Lower *lower, Name name, Span at);
const char *formal_text(Lower *lower, const Formal *formal);
/* Built-in rows by name; the library may call hidden ones. */
bool find_builtin(const Lower *lower, const char *name, BuiltinId *found);
/* Evaluates the arguments of what takes values alone; false if one has an error. */
bool lower_args(Lower *lower, const Expr *call, Ref *args);
bool is_generic(Lower *lower, const Expr *size); /* a size that the argument binds */
Ref lower_definition(Lower *lower, const ModelFunction *function, Span at);
/* The shape of a formal or a declaration, with names in scope. */
bool lower_shape(Lower *lower, const Expr *axes, Dim *shape, unsigned *rank, Span at);

/* ---- linalg.c -------------------------------------------------------------------------------- */

/* A call in the library of an operation of ir/lib.def, as lib_NAME; false if it is none. */
bool lower_library_operation(Lower *lower, const Expr *call, Ref *value);
/* The form NAME_vector of a library function when its last argument has one axis less than the
 * formal: solve(A, b) of a vector; else the function itself. */
const ModelFunction *lower_vector_form(Lower *lower, const ModelFunction *f, const Ref *args);

/* ---- external.c: extern functions ------------------------------------------------------------ */

/* The table of the Ir. */
void add_externals(Lower *lower);
Ref lower_external(Lower *lower, const ModelExternal *external, const Expr *call);

/* ---- formal.c: functions as arguments -------------------------------------------------------- */

/* The function of a block, or the formal, of that name; NULL: none. */
const Callee *find_callee(const Lower *lower, Name name);
/* The function that an argument names, for a formal that is a function; NULL: reported. */
const Callee *lower_function_argument(Lower *lower, const Function *f, const Formal *formal,
                                      const Expr *argument);

/* ---- deriv.c: derivatives inside the language ------------------------------------------------ */

/* The operations on derivatives: deriv, grad, … */
Ref lower_derivative(Lower *lower, const Expr *call);
/* The names that stand second in a derivative somewhere in the function. */
const Variables *variables_of(Lower *lower, const Function *function);
/* Those of all functions of the model. */
const Variables *variables_of_model(Lower *lower);
bool is_variable(const Variables *variables, Name name);
/* The value as a variable of its own, if it is real. */
Ref make_variable(Lower *lower, Ref value);

/* ---- block.c --------------------------------------------------------------------------------- */

/* A new array, defined entry by entry: h[i, j] = …; also at item level. */
Ref lower_indexed(Lower *lower, Name name, const Subscript *subscripts, const Expr *value);
Values lower_body(Lower *lower, const Function *function);

/* The statements of a block or of a loop's body; the values of its `return`. */
Values lower_stmts(Lower *lower, const Stmt *block);

/* ---- recur.c: loops ---------------------------------------------------------------------- */

void lower_loop(Lower *lower, const Stmt *stmt);

/* ---- param.c: constrained params ----------------------------------------------------------- */

/* Adds the leaf of a param: what is free of it, or its own shape. False on errors (reported). */
bool param_leaf(Lower *lower, const Declaration *d, bool own_shape);
/* What the model sees of param `number`, from the free numbers; and back. REF_NONE on
 * errors. */
Ref param_constrain(Lower *lower, size_t number, Ref value);
Ref param_unconstrain(Lower *lower, size_t number, Ref value);
/* The entry at the names of a start or a bound (`what`): fewer axes fill the leading ones. */
Ref param_entry(Lower *lower, const Declaration *d, const char *what, const Expr *expr, Ref value,
                const Dim *shape, const Index *names, unsigned rank);
/* Reports a start, in free numbers, that is known not to be finite. */
void param_check_start(Lower *lower, size_t number, const Output *out);

/* ---- start.c: the starts of params ----------------------------------------------------------- */

void lower_starts(Lower *lower);

#endif
