/* front.h: text to AST, and AST to canonical text. The AST knows no IR. */
#ifndef GRADC_FRONT_H
#define GRADC_FRONT_H

#include "base/base.h"

/* ---- ast.c: the tree as written. Every list is a linked list through `next`, in file order. ---
 */

typedef struct Expr Expr;
typedef struct Stmt Stmt;
typedef struct Item Item;
typedef struct Function Function;

/* One index of a comprehension, reduction, loop or left side: `i`, `i in D`, `i in a..b`. */
typedef struct Binder Binder;
struct Binder {
    Name name;
    Span span;      /* of the name */
    bool has_range; /* false: inferred from the subscripts where it stands alone */
    Expr *low;      /* NULL: 0 */
    Expr *high;     /* exclusive; with low == NULL and a bare dim name: `i in D` */
    Binder *next;
};

typedef enum {
    SUB_INDEX, /* an expression */
    SUB_ALL,   /* : */
    SUB_SLICE, /* low..high, either may be missing */
} SubscriptKind;

typedef struct Subscript Subscript;
struct Subscript {
    SubscriptKind kind;
    Span span;
    Expr *index;                  /* SUB_INDEX */
    Expr *low, *high;             /* SUB_SLICE, or NULL */
    Expr *range_low, *range_high; /* left sides only: `h[i in lo..hi] = …` (index is the name) */
    bool has_range;
    Subscript *next;
};

typedef enum {
    EXPR_ERROR,         /* what could not be parsed; reported already */
    EXPR_NUMBER,        /* literal; `integer` if written without point and exponent */
    EXPR_NAME,          /* a name used as a value */
    EXPR_NEGATE,        /* -a */
    EXPR_NOT,           /* not a */
    EXPR_TRANSPOSE,     /* a' */
    EXPR_BINARY,        /* a op b */
    EXPR_IF,            /* if c then a else b */
    EXPR_CALL,          /* f(a, b, …) */
    EXPR_REDUCE,        /* f(a for i in …, j): sum, prod, max, … */
    EXPR_COMPREHENSION, /* [a for i, j] */
    EXPR_ARRAY,         /* [a, b, c] */
    EXPR_SUBSCRIPT,     /* a[i, :, lo..hi] */
    EXPR_PAREN,         /* (a): kept for --fmt and for `if` as an operand */
} ExprKind;

typedef enum {
    BIN_ADD,
    BIN_SUB,
    BIN_MUL,
    BIN_DIV,
    BIN_FLOORDIV,
    BIN_MOD,
    BIN_POW,
    BIN_MATMUL,
    BIN_EQ,
    BIN_NE,
    BIN_LT,
    BIN_LE,
    BIN_GT,
    BIN_GE,
    BIN_AND,
    BIN_OR,
} BinaryOp;

/* Nesting is limited (to 1,000 levels), so that code may recurse over the tree; but not along the
 * left operands of binary operators: a sum of 100,000 terms is a chain ((a + b) + c) + …, which is
 * walked with `expr_chain`. */
struct Expr {
    ExprKind kind;
    uint32_t depth; /* levels below and with this one; a chain of binary operators counts as one */
    Span span;
    union {
        struct {
            double value;
            int64_t integer_value;
            bool integer;
            const char *text; /* as written */
        } number;
        Name name;
        struct {
            Expr *a;
        } unary; /* NEGATE, NOT, TRANSPOSE, PAREN */
        struct {
            BinaryOp op;
            Span op_span;
            Expr *a, *b;
        } binary;
        struct {
            Expr *condition, *then, *otherwise;
        } choice;
        struct {
            Name name;
            Span name_span;
            Expr *args; /* through next */
            size_t count;
            bool total; /* `sum` that sema made of a prior: what it adds may be one number */
        } call;
        struct {
            Name name;
            Span name_span;
            Expr *body;
            Binder *binders;
        } reduce;
        struct {
            Expr *body;
            Binder *binders;
        } comprehension;
        struct {
            Expr *elements; /* through next */
            size_t count;
        } array;
        struct {
            Expr *base;
            Subscript *subscripts;
            size_t count;
        } subscript;
    } as;
    Expr *next; /* in an argument or element list */
};

/* The binary operators along the left side of `expr`, the innermost first: (a + b) + c gives
 * a + b, then the whole. So a value of the whole is made of that of `(*chain)[0]`'s left operand
 * and, from each in turn, its right one. Returns how many; 0 if `expr` is no binary operator. */
size_t expr_chain(Arena *arena, const Expr *expr, const Expr *const **chain);

typedef enum {
    STMT_ERROR,
    STMT_ASSIGN,   /* a[i, j], b = e; one value or as many as targets (a call of several values) */
    STMT_FOR,      /* for binders [while c] { body } */
    STMT_FUNCTION, /* a function of the block's own */
    STMT_RETURN,   /* return a, b */
} StmtKind;

typedef enum { ASSIGN_SET, ASSIGN_ADD, ASSIGN_SUB, ASSIGN_MUL, ASSIGN_DIV } AssignOp;

typedef struct Target Target;
struct Target {
    Name name;
    Span span; /* of the whole target */
    Span name_span;
    Subscript *subscripts; /* NULL: the whole name */
    Target *next;
};

struct Stmt {
    StmtKind kind;
    Span span;
    union {
        struct {
            Target *targets;
            AssignOp op;
            Expr *value;
        } assign;
        struct {
            Binder *binders;
            Expr *condition; /* of `while`, or NULL */
            Stmt *body;
        } loop;
        Function *function;
        struct {
            Expr *values; /* through next */
            size_t count;
        } result;
    } as;
    Stmt *next;
};

typedef struct Formal Formal;
struct Formal {
    Name name;
    Span span; /* of the whole formal */
    Span name_span;
    Expr *shape; /* axes through next; NULL: a number */
    size_t rank;
    Expr *class_size; /* `y in K`: K; else NULL */
    bool is_function; /* `f(z)`: a formal that is a function, of `function_arity` arguments */
    size_t function_arity;
    Formal *next;
};

struct Function {
    Name name;
    Span name_span, span; /* span: the whole item */
    bool has_parens;      /* false: a definition, used without () */
    Formal *formals;
    size_t formal_count;
    Name *index_names;  /* `theta[j] = …`: indexed definition at item level; else NULL */
    Subscript *indices; /* the same as subscripts of the left side, or NULL */
    Expr *body;         /* one line; or NULL, and then: */
    Stmt *block;        /* ends in STMT_RETURN */
    bool library;       /* of the standard library */
};

typedef enum {
    CONSTRAINT_NONE,
    CONSTRAINT_LOWER,
    CONSTRAINT_UPPER,
    CONSTRAINT_INTERVAL, /* > a, < b, in (a, b) */
    CONSTRAINT_SIMPLEX,
    CONSTRAINT_ORDERED,
    CONSTRAINT_LOWER_TRIANGULAR,
    CONSTRAINT_POSITIVE_DEFINITE,
    CONSTRAINT_CORRELATION,
} ConstraintKind;

/* `dim`, `const`, `data` and `param` items hold a list of these. */
typedef struct Declaration Declaration;
struct Declaration {
    Name name;
    Span name_span, span;
    Expr *shape; /* axes; data and param */
    size_t rank;
    ConstraintKind constraint; /* param */
    Span constraint_span;
    Expr *low, *high; /* bounds of the constraint */
    Expr *value;      /* dim: its value (the name `rows` for dim T = rows); const: its value;
                         param: its start; or NULL */
    Expr *prior;      /* param: the call after ~, without its first argument; or NULL */
    Declaration *next;
};

typedef struct Setting Setting; /* of train { } */
struct Setting {
    Name name;
    Span name_span;
    const char *value; /* the text as written: `sgd`, `0.01`, `1e-3` */
    Span value_span;
    Setting *next;
};

typedef enum {
    ITEM_ERROR,
    ITEM_MODEL,
    ITEM_IMPORT,
    ITEM_DIM,
    ITEM_CONST,
    ITEM_DATA,
    ITEM_PARAM,
    ITEM_FUNCTION,
    ITEM_METRIC,
    ITEM_EXTERN,
    ITEM_TRAIN,
} ItemKind;

struct Item {
    ItemKind kind;
    Span span;
    union {
        struct {
            Name name;
            Span name_span;
        } model;
        struct {
            const char *path;
            Span path_span;
        } import;
        Declaration *declarations; /* DIM, CONST, DATA, PARAM */
        Function *function;        /* FUNCTION, METRIC */
        struct {
            Name name;
            Span name_span;
            Formal *formals;
            size_t formal_count;
            Binder *derivatives; /* names only, through next; NULL: none given */
        } external;
        Setting *settings; /* TRAIN */
    } as;
    Item *next;
};

typedef struct {
    uint32_t file;
    Item *items;
} Ast;

/* ---- front.c: parsing ---------------------------------------------------------------------- */

typedef struct {
    Arena *arena;
    Interner *names;
    Sources *sources;
    Diags *diags;
    const char *const *include; /* folders of imported files, after the importing file's own */
    size_t include_count;
} Front;

/* Parses a file that is in `sources`. Always returns a tree; errors are in diags, and what could
 * not be parsed is absent or an ERROR node. Depth of nesting is limited (with a message), length
 * is not. */
Ast *front_parse(const Front *front, uint32_t file);
/* Parses one expression (a derivative rule of builtin.def, `-D NAME=VALUE`); NULL on error. */
Expr *front_parse_expression(const Front *front, uint32_t file);
/* One function of the embedded standard library, and where its text is. */
typedef struct {
    const char *name;
    size_t file;         /* number of the library's file */
    uint32_t begin, end; /* the lines in it, up to the next function */
} LibraryFunction;

/* The k-th, in the order of the files; NULL for the number of all. */
const LibraryFunction *front_library(size_t k);
/* The text of a file of the library; NULL for the number of all. */
const char *front_library_text(size_t file, const char **name, size_t *length);
/* The items that begin and end between these offsets, where lines begin, of a file. */
Ast *front_parse_part(const Front *front, uint32_t file, uint32_t begin, uint32_t end);

/* ---- fmt.c ----------------------------------------------------------------------------------- */

/* The canonical layout of a file, comments kept. fmt(fmt(x)) = fmt(x), and the meaning is that of
 * x. The file must have parsed without errors. */
const char *front_format(const Front *front, const Ast *ast);
/* The tree as text, for --dump=ast and tests. */
const char *front_dump(const Front *front, const Ast *ast);
/* One expression as the language writes it, for messages. */
const char *front_expression_text(Arena *arena, const Expr *expr);
/* Tokens of a file, one a line, for --dump=tokens. */
const char *front_tokens(const Front *front, uint32_t file);

#endif
