/* parse.y: the grammar. LALR(1) without conflicts; each action is one ast_* call.
 *
 * The filter (front/filter.c) hands on separators where a new line or `;` ends a statement, also
 * before `}` and the end of the file; words that begin items are tokens only there. */
%require "3.8"
%expect 0
%define api.pure full
%define api.prefix {grammar_}
%define api.token.prefix {TOKEN_}
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%param {Parser *p}

%code requires {
#include "front/parser.h"
}

%code {
int grammar_lex(GRAMMAR_STYPE *value, Span *at, Parser *p);
static void grammar_error(const Span *at, Parser *p, const char *message);

/* From the first token of a rule to its last; parts that are empty do not count. */
#define YYLLOC_DEFAULT(Current, Rhs, N) ((Current) = join_rule((Rhs), (N)))

static Span join_rule(const Span *rhs, int count) {
    int first = 1;
    while (first < count && rhs[first].start == rhs[first].end) {
        first++;
    }
    int last = count;
    while (last > first && rhs[last].start == rhs[last].end) {
        last--;
    }
    if (count == 0) {
        return (Span){rhs[0].file, rhs[0].end, rhs[0].end};
    }
    return (Span){rhs[first].file, rhs[first].start, rhs[last].end};
}

#define YYINITDEPTH 256
#define YYMAXDEPTH  1000000
}

%union {
    Name name;
    Expr *expr;
    Exprs exprs;
    Stmt *stmt;
    Stmts stmts;
    Binder *binder;
    Binders binders;
    Subscript *subscript;
    Subscripts subscripts;
    Target *target;
    Targets targets;
    Formal *formal;
    Formals formals;
    Function *function;
    Declaration *declaration;
    Declarations declarations;
    Constraint constraint;
    Setting *setting;
    Settings settings;
    Item *item;
    int choice; /* a BinaryOp or AssignOp */
}

%token END 0 "the end of the file"
%token SEPARATOR "the end of the line"
%token <name> NAME "a name"
%token NUMBER "a number"
%token STRING "a string"

%token MODEL "`model`" IMPORT "`import`" DIM "`dim`" CONST "`const`" DATA "`data`"
%token PARAM "`param`" METRIC "`metric`" EXTERN "`extern`" TRAIN "`train`"
%token DERIVATIVE "`derivative`" WHILE "`while`"
%token FOR "`for`" IN "`in`" IF "`if`" THEN "`then`" ELSE "`else`"
%token AND "`and`" OR "`or`" NOT "`not`" RETURN "`return`"

%token PLUS "`+`" MINUS "`-`" STAR "`*`" SLASH "`/`" FLOOR "`//`" PERCENT "`%`" AT "`@`"
%token CARET "`^`" QUOTE "`'`"
%token EQ "`==`" NE "`!=`" LT "`<`" LE "`<=`" GT "`>`" GE "`>=`"
%token ASSIGN "`=`" ADD_ASSIGN "`+=`" SUB_ASSIGN "`-=`" MUL_ASSIGN "`*=`" DIV_ASSIGN "`/=`"
%token TILDE "`~`" COMMA "`,`" COLON "`:`" DOTS "`..`"
%token LEFT "`(`" RIGHT "`)`" LEFT_SQUARE "`[`" RIGHT_SQUARE "`]`"
%token LEFT_BRACE "`{`" RIGHT_BRACE "`}`"

/* Never part of a sentence: of the scanner for the filter, and of the filter for the start. */
%token NEWLINE "a new line" COMMENT "a comment" SEMICOLON "`;`" BAD "a stray character"
%token START_FILE "a file" START_EXPRESSION "an expression"

%type <expr> expr either both negation comparison arith term unary power postfix primary
%type <expr> start prior classes
%type <exprs> exprs args axes shape
%type <choice> compare assign
%type <binder> binder name
%type <binders> binders names derivatives
%type <subscript> subscript place
%type <subscripts> subscripts places
%type <target> target
%type <targets> targets
%type <stmt> stmt block
%type <stmts> stmts
%type <formal> formal
%type <formals> formals
%type <function> function local
%type <declaration> dim const data param
%type <declarations> dims consts datas params
%type <constraint> constraint
%type <setting> setting
%type <settings> settings
%type <item> item

%%

start_symbol
    : START_FILE items
    | START_EXPRESSION expr SEPARATOR               { ast_expression(p, $2); }
    ;

/* ---- items ---- */

items
    : %empty
    | items SEPARATOR
    | items item SEPARATOR                          { ast_item(p, $2); }
    | items error SEPARATOR                         { ast_item_error(p, @2); yyerrok; }
    ;

item
    : MODEL NAME                                    { $$ = ast_model(p, @$, $2, @2); }
    | IMPORT STRING                                 { $$ = ast_import(p, @$, @2); }
    | DIM dims                                      { $$ = ast_declare(p, @$, ITEM_DIM, $2); }
    | CONST consts                                  { $$ = ast_declare(p, @$, ITEM_CONST, $2); }
    | DATA datas                                    { $$ = ast_declare(p, @$, ITEM_DATA, $2); }
    | PARAM params                                  { $$ = ast_declare(p, @$, ITEM_PARAM, $2); }
    | function                                      { $$ = ast_item_function(p, @$, ITEM_FUNCTION, $1); }
    | METRIC function                               { $$ = ast_item_function(p, @$, ITEM_METRIC, $2); }
    | EXTERN NAME LEFT formals RIGHT derivatives    { $$ = ast_extern(p, @$, $2, @2, $4, $6); }
    | TRAIN LEFT_BRACE settings RIGHT_BRACE         { $$ = ast_train(p, @$, $3); }
    ;

dims
    : dim                                           { $$ = ast_declarations((Declarations){0}, $1); }
    | dims COMMA dim                                { $$ = ast_declarations($1, $3); }
    ;

dim
    : NAME                                          { $$ = ast_dim(p, @$, $1, @1, NULL); }
    | NAME ASSIGN expr                              { $$ = ast_dim(p, @$, $1, @1, $3); }
    ;

consts
    : const                                         { $$ = ast_declarations((Declarations){0}, $1); }
    | consts COMMA const                            { $$ = ast_declarations($1, $3); }
    ;

const
    : NAME ASSIGN expr                              { $$ = ast_const(p, @$, $1, @1, $3); }
    ;

datas
    : data                                          { $$ = ast_declarations((Declarations){0}, $1); }
    | datas COMMA data                              { $$ = ast_declarations($1, $3); }
    ;

data
    : NAME shape                                    { $$ = ast_data(p, @$, $1, @1, $2); }
    ;

params
    : param                                         { $$ = ast_declarations((Declarations){0}, $1); }
    | params COMMA param                            { $$ = ast_declarations($1, $3); }
    ;

param
    : NAME shape constraint start prior             { $$ = ast_param(p, @$, $1, @1, $2, $3, $4, $5); }
    ;

constraint
    : %empty                                        { $$ = (Constraint){0}; }
    | GT arith                                      { $$ = ast_constraint(p, @$, CONSTRAINT_LOWER, $2, NULL); }
    | LT arith                                      { $$ = ast_constraint(p, @$, CONSTRAINT_UPPER, NULL, $2); }
    | IN LEFT arith COMMA arith RIGHT               { $$ = ast_constraint(p, @$, CONSTRAINT_INTERVAL, $3, $5); }
    | NAME                                          { $$ = ast_named_constraint(p, @$, $1); }
    ;

start
    : %empty                                        { $$ = NULL; }
    | ASSIGN expr                                   { $$ = $2; }
    ;

prior
    : %empty                                        { $$ = NULL; }
    | TILDE NAME LEFT args RIGHT                    { $$ = ast_call(p, span_join(@2, @5), $2, @2, $4); }
    ;

derivatives
    : %empty                                        { $$ = (Binders){0}; }
    | DERIVATIVE names                              { $$ = $2; }
    ;

settings
    : %empty                                        { $$ = (Settings){0}; }
    | settings SEPARATOR
    | settings setting SEPARATOR                    { $$ = ast_settings($1, $2); }
    | settings error SEPARATOR                      { $$ = $1; yyerrok; }
    ;

setting
    : NAME ASSIGN value                             { $$ = ast_setting(p, $1, @1, @3); }
    ;

value
    : NAME
    | STRING
    | NUMBER
    | MINUS NUMBER
    ;

/* ---- functions ---- */

function
    : local
    | NAME ASSIGN expr                              { $$ = ast_definition(p, @$, $1, @1, (Subscripts){0}, $3, NULL); }
    | NAME block                                    { $$ = ast_definition(p, @$, $1, @1, (Subscripts){0}, NULL, $2); }
    | NAME LEFT_SQUARE places RIGHT_SQUARE ASSIGN expr
                                                    { $$ = ast_definition(p, @$, $1, @1, $3, $6, NULL); }
    ;

local
    : NAME LEFT formals RIGHT ASSIGN expr           { $$ = ast_function(p, @$, $1, @1, $3, $6, NULL); }
    | NAME LEFT formals RIGHT block                 { $$ = ast_function(p, @$, $1, @1, $3, NULL, $5); }
    ;

formals
    : %empty                                        { $$ = (Formals){0}; }
    | formal                                        { $$ = ast_formals((Formals){0}, $1); }
    | formals COMMA formal                          { $$ = ast_formals($1, $3); }
    ;

formal
    : NAME shape classes                            { $$ = ast_formal(p, @$, $1, @1, $2, $3); }
    | NAME LEFT names RIGHT                         { $$ = ast_formal_function(p, @$, $1, @1, $3); }
    ;

classes
    : %empty                                        { $$ = NULL; }
    | IN arith                                      { $$ = $2; }
    ;

shape
    : %empty                                        { $$ = (Exprs){0}; }
    | LEFT_SQUARE axes RIGHT_SQUARE                 { $$ = $2; }
    ;

axes
    : arith                                         { $$ = ast_exprs((Exprs){0}, $1); }
    | axes COMMA arith                              { $$ = ast_exprs($1, $3); }
    ;

names
    : name                                          { $$ = ast_binders((Binders){0}, $1); }
    | names COMMA name                              { $$ = ast_binders($1, $3); }
    ;

name
    : NAME                                          { $$ = ast_binder(p, @1, $1, NULL, NULL); }
    ;

/* ---- statements ---- */

block
    : LEFT_BRACE stmts RIGHT_BRACE                  { $$ = ast_block(p, $2, @1, @3); }
    ;

stmts
    : %empty                                        { $$ = (Stmts){0}; }
    | stmts SEPARATOR
    | stmts stmt SEPARATOR                          { $$ = ast_stmts($1, $2); }
    | stmts error SEPARATOR                         { $$ = ast_stmts_error(p, $1, @2); yyerrok; }
    ;

stmt
    : targets assign expr                           { $$ = ast_assign(p, @$, $1, (AssignOp)$2, $3); }
    | FOR binders LEFT_BRACE stmts RIGHT_BRACE      { $$ = ast_for(p, @$, $2, NULL, $4, @5); }
    | FOR binders WHILE expr LEFT_BRACE stmts RIGHT_BRACE
                                                    { $$ = ast_for(p, @$, $2, $4, $6, @7); }
    | local                                         { $$ = ast_local(p, @$, $1); }
    | RETURN exprs                                  { $$ = ast_return(p, @$, $2); }
    ;

targets
    : target                                        { $$ = ast_targets((Targets){0}, $1); }
    | targets COMMA target                          { $$ = ast_targets($1, $3); }
    ;

target
    : NAME                                          { $$ = ast_target(p, @$, $1, @1, (Subscripts){0}); }
    | NAME LEFT_SQUARE places RIGHT_SQUARE          { $$ = ast_target(p, @$, $1, @1, $3); }
    ;

assign
    : ASSIGN                                        { $$ = ASSIGN_SET; }
    | ADD_ASSIGN                                    { $$ = ASSIGN_ADD; }
    | SUB_ASSIGN                                    { $$ = ASSIGN_SUB; }
    | MUL_ASSIGN                                    { $$ = ASSIGN_MUL; }
    | DIV_ASSIGN                                    { $$ = ASSIGN_DIV; }
    ;

places
    : place                                         { $$ = ast_subscripts((Subscripts){0}, $1); }
    | places COMMA place                            { $$ = ast_subscripts($1, $3); }
    ;

place
    : subscript
    | NAME IN arith                                 { $$ = ast_ranged(p, @$, $1, @1, NULL, $3); }
    | NAME IN arith DOTS arith                      { $$ = ast_ranged(p, @$, $1, @1, $3, $5); }
    ;

subscripts
    : subscript                                     { $$ = ast_subscripts((Subscripts){0}, $1); }
    | subscripts COMMA subscript                    { $$ = ast_subscripts($1, $3); }
    ;

subscript
    : expr                                          { $$ = ast_index(p, @$, $1); }
    | COLON                                         { $$ = ast_all(p, @$); }
    | DOTS arith                                    { $$ = ast_slice(p, @$, NULL, $2); }
    | arith DOTS                                    { $$ = ast_slice(p, @$, $1, NULL); }
    | arith DOTS arith                              { $$ = ast_slice(p, @$, $1, $3); }
    ;

binders
    : binder                                        { $$ = ast_binders((Binders){0}, $1); }
    | binders COMMA binder                          { $$ = ast_binders($1, $3); }
    ;

binder
    : NAME                                          { $$ = ast_binder(p, @1, $1, NULL, NULL); }
    | NAME IN arith                                 { $$ = ast_binder(p, @1, $1, NULL, $3); }
    | NAME IN arith DOTS arith                      { $$ = ast_binder(p, @1, $1, $3, $5); }
    ;

/* ---- expressions, the loosest first ---- */

exprs
    : expr                                          { $$ = ast_exprs((Exprs){0}, $1); }
    | exprs COMMA expr                              { $$ = ast_exprs($1, $3); }
    ;

args
    : %empty                                        { $$ = (Exprs){0}; }
    | exprs
    ;

expr
    : either
    | IF expr THEN expr ELSE expr                   { $$ = ast_if(p, @$, $2, $4, $6); }
    ;

either
    : both
    | either OR both                                { $$ = ast_binary(p, @$, BIN_OR, @2, $1, $3); }
    ;

both
    : negation
    | both AND negation                             { $$ = ast_binary(p, @$, BIN_AND, @2, $1, $3); }
    ;

negation
    : comparison
    | NOT negation                                  { $$ = ast_unary(p, @$, EXPR_NOT, $2); }
    ;

comparison
    : arith
    | arith compare arith                           { $$ = ast_binary(p, @$, (BinaryOp)$2, @2, $1, $3); }
    ;

compare
    : EQ                                            { $$ = BIN_EQ; }
    | NE                                            { $$ = BIN_NE; }
    | LT                                            { $$ = BIN_LT; }
    | LE                                            { $$ = BIN_LE; }
    | GT                                            { $$ = BIN_GT; }
    | GE                                            { $$ = BIN_GE; }
    ;

arith
    : term
    | arith PLUS term                               { $$ = ast_binary(p, @$, BIN_ADD, @2, $1, $3); }
    | arith MINUS term                              { $$ = ast_binary(p, @$, BIN_SUB, @2, $1, $3); }
    ;

term
    : unary
    | term STAR unary                               { $$ = ast_binary(p, @$, BIN_MUL, @2, $1, $3); }
    | term SLASH unary                              { $$ = ast_binary(p, @$, BIN_DIV, @2, $1, $3); }
    | term FLOOR unary                              { $$ = ast_binary(p, @$, BIN_FLOORDIV, @2, $1, $3); }
    | term PERCENT unary                            { $$ = ast_binary(p, @$, BIN_MOD, @2, $1, $3); }
    | term AT unary                                 { $$ = ast_binary(p, @$, BIN_MATMUL, @2, $1, $3); }
    ;

unary
    : power
    | MINUS unary                                   { $$ = ast_unary(p, @$, EXPR_NEGATE, $2); }
    ;

power
    : postfix
    | postfix CARET unary                           { $$ = ast_binary(p, @$, BIN_POW, @2, $1, $3); }
    ;

postfix
    : primary
    | postfix QUOTE                                 { $$ = ast_unary(p, @$, EXPR_TRANSPOSE, $1); }
    | postfix LEFT_SQUARE subscripts RIGHT_SQUARE   { $$ = ast_subscript(p, @$, $1, $3); }
    ;

primary
    : NUMBER                                        { $$ = ast_number(p, @$); }
    | NAME                                          { $$ = ast_name(p, @$, $1); }
    | NAME LEFT args RIGHT                          { $$ = ast_call(p, @$, $1, @1, $3); }
    | NAME LEFT expr FOR binders RIGHT              { $$ = ast_reduce(p, @$, $1, @1, $3, $5); }
    | LEFT expr RIGHT                               { $$ = ast_unary(p, @$, EXPR_PAREN, $2); }
    | LEFT_SQUARE exprs RIGHT_SQUARE                { $$ = ast_array(p, @$, $2); }
    | LEFT_SQUARE expr FOR binders RIGHT_SQUARE     { $$ = ast_comprehension(p, @$, $2, $4); }
    ;

%%

static void grammar_error(const Span *at, Parser *p, const char *message) {
    (void)message; /* "memory exhausted" is all that comes here */
    syntax_too_deep(p, *at);
}

static int yyreport_syntax_error(const yypcontext_t *context, Parser *p) {
    yysymbol_kind_t kinds[YYNTOKENS];
    const char *names[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, kinds, YYNTOKENS);
    for (int i = 0; i < count; i++) {
        names[i] = yysymbol_name(kinds[i]);
    }
    syntax_error(p, p->previous, *yypcontext_location(context), names,
                 count < 0 ? 0 : (size_t)count);
    return 0;
}
