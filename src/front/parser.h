/* parser.h: what the scanner, the token filter, the grammar and the constructors of the tree share.
 * Private to front/ and grammar/. */
#ifndef GRADC_FRONT_PARSER_H
#define GRADC_FRONT_PARSER_H

#include "front/front.h"

enum { MAX_DEPTH = 1000 }; /* levels of nesting of brackets, and of trees */

typedef struct {
    int kind; /* TOKEN_* of grammar/parse.h */
    uint32_t start, end;
    uint32_t line; /* where its line begins */
} Token;

typedef struct {
    size_t token; /* of the opening bracket */
    int kind;
} Open;

typedef struct {
    const Front *front;
    const Source *source;
    uint32_t file;
    uint32_t begin, end; /* what of the text is read: whole lines */

    Token *tokens; /* the whole file, new lines and comments too; the last is the end */
    size_t token_count, token_capacity;

    /* The filter between scanner and grammar. */
    size_t next;      /* the token to hand on next */
    size_t current;   /* the one handed on last, or that the separator handed on stands before */
    size_t statement; /* the first of the statement or item */
    int previous;     /* the kind handed on last */
    int first;        /* what the grammar is to read: TOKEN_START_*; 0 once handed on */
    Open *open;       /* brackets */
    size_t open_count, open_capacity, open_before; /* before: without the token handed on last */
    size_t owed_braces; /* `}` to hand on, each with a separator, before the next token */
    bool owed_separator;
    size_t astray; /* a `{` whose `}` stands further out than its line: the likely unclosed one */
    bool quiet;    /* what comes now is made up to close a bracket: reported already */
    bool line_is_bad; /* of the scanner: a stray character was found on this line */
    bool has_bare_return;
    bool stopped; /* nesting too deep: the rest of the file is not read */

    /* What is made. */
    Ast *ast;
    Item **last_item;
    Expr *expression;
} Parser;

/* ---- scan.l ---- */
void scan_tokens(Parser *p);

/* ---- filter.c ---- */
/* The next token of the grammar: grammar_lex of filter.c, declared by those that include
 * grammar/parse.h. */
/* After a syntax error at p->current: goes on with the next statement. */
void filter_recover(Parser *p);
size_t token_after(const Parser *p, size_t index);  /* the next that is no new line or comment */
size_t token_before(const Parser *p, size_t index); /* the same to the left; SIZE_MAX: none */
size_t token_column(const Parser *p, size_t index); /* bytes to the left of it on its line */
bool token_is_first(const Parser *p, size_t index); /* on its line */
bool token_joins(const Parser *p, size_t index);    /* a line that ends with it goes on */
bool token_text_is(const Parser *p, size_t index, const char *text);
Span token_span(const Parser *p, size_t index);
void report_unclosed(Parser *p, size_t index); /* the innermost bracket is open at token index */

/* ---- syntax.c ---- */
/* Reports the syntax error at p->current and recovers. `expected` are names of tokens. */
void syntax_error(Parser *p, int found, Span at, const char *const *expected, size_t count);
void syntax_too_deep(Parser *p, Span at);
/* A wrong spelling in the text that the scanner found at `at`. */
void spelling_error(Parser *p, Span at);
/* How many of the bytes are of a name: letters, digits, marks; 0 if the first is none. */
size_t name_length(const char *text, size_t length);
/* A character that begins no token: reports it; the kind of token that was meant, 0 for none
 * (white space), TOKEN_BAD where it is not known. */
int stray_character(Parser *p, Span at);

/* ---- front.c ---- */
void parser_scan(Parser *p, const Front *front, uint32_t file);

/* ---- library.c, made by embed.awk ---- */
typedef struct {
    const char *name, *text;
    size_t length;
} LibraryFile;
extern const LibraryFile library_files[];         /* ends with a NULL name */
extern const LibraryFunction library_functions[]; /* the same */

/* ---- ast.c: one constructor a production ---- */

/* Lists under construction. */
typedef struct {
    Expr *first, *last;
    size_t count;
} Exprs;
typedef struct {
    Stmt *first, *last;
} Stmts;
typedef struct {
    Binder *first, *last;
} Binders;
typedef struct {
    Subscript *first, *last;
    size_t count;
} Subscripts;
typedef struct {
    Target *first, *last;
} Targets;
typedef struct {
    Formal *first, *last;
    size_t count;
} Formals;
typedef struct {
    Declaration *first, *last;
} Declarations;
typedef struct {
    Setting *first, *last;
} Settings;
typedef struct {
    ConstraintKind kind;
    Span span;
    Expr *low, *high;
} Constraint;

Expr *ast_error(Parser *p, Span span);
Expr *ast_number(Parser *p, Span span);
Expr *ast_name(Parser *p, Span span, Name name);
Expr *ast_unary(Parser *p, Span span, ExprKind kind, Expr *a);
Expr *ast_binary(Parser *p, Span span, BinaryOp op, Span op_span, Expr *a, Expr *b);
Expr *ast_if(Parser *p, Span span, Expr *condition, Expr *then, Expr *otherwise);
Expr *ast_call(Parser *p, Span span, Name name, Span name_span, Exprs args);
Expr *ast_reduce(Parser *p, Span span, Name name, Span name_span, Expr *body, Binders binders);
Expr *ast_comprehension(Parser *p, Span span, Expr *body, Binders binders);
Expr *ast_array(Parser *p, Span span, Exprs elements);
Expr *ast_subscript(Parser *p, Span span, Expr *base, Subscripts subscripts);
Exprs ast_exprs(Exprs list, Expr *expr);

Binder *ast_binder(Parser *p, Span span, Name name, Expr *low, Expr *high);
Binders ast_binders(Binders list, Binder *binder);
Subscript *ast_index(Parser *p, Span span, Expr *index);
Subscript *ast_all(Parser *p, Span span);
Subscript *ast_slice(Parser *p, Span span, Expr *low, Expr *high);
Subscript *ast_ranged(Parser *p, Span span, Name name, Span name_span, Expr *low, Expr *high);
Subscripts ast_subscripts(Subscripts list, Subscript *subscript);

Target *ast_target(Parser *p, Span span, Name name, Span name_span, Subscripts subscripts);
Targets ast_targets(Targets list, Target *target);
Stmt *ast_assign(Parser *p, Span span, Targets targets, AssignOp op, Expr *value);
Stmt *ast_for(Parser *p, Span span, Binders binders, Expr *condition, Stmts body, Span close);
Stmt *ast_local(Parser *p, Span span, Function *function);
Stmt *ast_return(Parser *p, Span span, Exprs values);
Stmts ast_stmts(Stmts list, Stmt *stmt);
Stmts ast_stmts_error(Parser *p, Stmts list, Span span);
Stmt *ast_block(Parser *p, Stmts stmts, Span open, Span close);

Formal *ast_formal(Parser *p, Span span, Name name, Span name_span, Exprs shape, Expr *classes);
Formal *ast_formal_function(Parser *p, Span span, Name name, Span name_span, Binders formals);
Formals ast_formals(Formals list, Formal *formal);
Function *ast_function(Parser *p, Span span, Name name, Span name_span, Formals formals, Expr *body,
                       Stmt *block);
Function *ast_definition(Parser *p, Span span, Name name, Span name_span, Subscripts indices,
                         Expr *body, Stmt *block);

Declaration *ast_dim(Parser *p, Span span, Name name, Span name_span, Expr *value);
Declaration *ast_const(Parser *p, Span span, Name name, Span name_span, Expr *value);
Declaration *ast_data(Parser *p, Span span, Name name, Span name_span, Exprs shape);
Declaration *ast_param(Parser *p, Span span, Name name, Span name_span, Exprs shape,
                       Constraint constraint, Expr *start, Expr *prior);
Constraint ast_constraint(Parser *p, Span span, ConstraintKind kind, Expr *low, Expr *high);
Constraint ast_named_constraint(Parser *p, Span span, Name name);
Declarations ast_declarations(Declarations list, Declaration *declaration);
Setting *ast_setting(Parser *p, Name name, Span name_span, Span value_span);
Settings ast_settings(Settings list, Setting *setting);

Item *ast_declare(Parser *p, Span span, ItemKind kind, Declarations declarations);
Item *ast_model(Parser *p, Span span, Name name, Span name_span);
Item *ast_import(Parser *p, Span span, Span path_span);
Item *ast_item_function(Parser *p, Span span, ItemKind kind, Function *function);
Item *ast_extern(Parser *p, Span span, Name name, Span name_span, Formals formals,
                 Binders derivatives);
Item *ast_train(Parser *p, Span span, Settings settings);
void ast_item(Parser *p, Item *item);
void ast_item_error(Parser *p, Span span);
void ast_expression(Parser *p, Expr *expr);

#endif
