/* syntax.c: what is said of text that is no sentence of the language, with the mend where the
 * slip is a known one. */
#include "front/parser.h"

#include "grammar/parse.h"

#include <string.h>

/* ---- what was expected ------------------------------------------------------------------------
 */

typedef struct {
    Parser *p;
    int found;
    Span at;
    const char *const *expected; /* names of tokens */
    size_t count;
    size_t current, before; /* tokens; before may be SIZE_MAX */
} Slip;

static bool expects(const Slip *slip, const char *name) {
    for (size_t i = 0; i < slip->count; i++) {
        if (strcmp(slip->expected[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Sets of tokens that have a name of their own: where all of a set are expected, its name stands
 * for them, and for those that go with it. */
static const struct {
    const char *name;
    const char *all[8];
    const char *with[20];
} classes[] = {
    {"a `param`, `dim` or other item, a function or a definition",
     {"`param`", "`dim`", "a name"},
     {"`model`", "`import`", "`const`", "`data`", "`metric`", "`extern`", "`train`",
      "the end of the file", "the end of the line"}},
    {"an expression", {"a number", "a name", "`(`", "`if`"}, {"`[`", "`-`", "`not`", "`)`"}},
    {"a number, a name or `(`", {"a number", "a name", "`(`", "`-`"}, {"`[`", "`not`"}},
    {"a statement", {"a name", "`for`", "`return`"}, {"`}`", "the end of the line"}},
    {"`=` or the like", {"`=`", "`+=`"}, {"`-=`", "`*=`", "`/=`"}},
    {"an operator",
     {"`+`", "`*`"},
     {"`-`", "`/`", "`//`", "`%`", "`@`", "`^`", "`'`", "`==`", "`!=`", "`<`", "`<=`", "`>`",
      "`>=`", "`and`", "`or`", "`[`", "`(`"}},
    {"a constraint", {"`>`", "`in`", "`~`"}, {"`<`", "a name", "`[`"}},
    {"`[`, `in`", {"`in`", "`[`"}, {"`(`"}},
    {"`=`, `~`", {"`=`", "`~`"}, {"the end of the line", "`[`"}},
    {"an operator", {"`==`", "`<`"}, {"`!=`", "`<=`", "`>`", "`>=`", "`and`", "`or`"}},
};

static bool in_list(const char *name, const char *const *list, size_t count) {
    for (size_t i = 0; i < count && list[i] != NULL; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool expects_all(const Slip *slip, const char *const *all) {
    for (size_t i = 0; i < 8 && all[i] != NULL; i++) {
        if (!expects(slip, all[i])) {
            return false;
        }
    }
    return true;
}

/* "a number, a name or `(`": what was expected, in at most four words; NULL if that is too little
 * to say it. */
static const char *expectation(const Slip *slip) {
    enum { MOST = 4 };
    const char *words[MOST];
    size_t count = 0;
    bool *said = arena_array(slip->p->front->arena, bool, slip->count + 1);
    for (size_t c = 0; c < sizeof classes / sizeof classes[0]; c++) {
        if (!expects_all(slip, classes[c].all) || count == MOST) {
            continue;
        }
        bool news = false;
        for (size_t i = 0; i < slip->count; i++) {
            if (in_list(slip->expected[i], classes[c].all, 8)) {
                news = news || !said[i];
            }
        }
        if (!news) {
            continue;
        }
        for (size_t i = 0; i < slip->count; i++) {
            said[i] = said[i] || in_list(slip->expected[i], classes[c].all, 8) ||
                      in_list(slip->expected[i], classes[c].with, 20);
        }
        words[count++] = classes[c].name;
    }
    for (size_t i = 0; i < slip->count; i++) {
        if (!said[i] && count == MOST) {
            return NULL;
        }
        if (!said[i]) {
            words[count++] = slip->expected[i];
        }
    }
    Text text;
    text_init(&text, slip->p->front->arena);
    for (size_t i = 0; i < count; i++) {
        text_add(&text, i == 0 ? "" : i + 1 < count ? ", " : " or ");
        text_add(&text, words[i]);
    }
    return count == 0 ? NULL : text.data;
}

/* ---- what was found ---------------------------------------------------------------------------
 */

static bool same_line(const Slip *slip, size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
        if (slip->p->tokens[i].kind == TOKEN_NEWLINE) {
            return false;
        }
    }
    return true;
}

/* A separator that is a `;`, or that stands before a `}` on the same line. */
static bool stands_for_token(const Slip *slip) {
    int kind = slip->p->tokens[slip->current].kind;
    return kind == TOKEN_SEMICOLON || (kind == TOKEN_RIGHT_BRACE && slip->before != SIZE_MAX &&
                                       same_line(slip, slip->before, slip->current));
}

/* "`foo`", "the end of the line". A separator that stands for something is called by it. */
static const char *found_text(const Slip *slip) {
    const Parser *p = slip->p;
    const Token *token = &p->tokens[slip->current];
    if (token->kind == TOKEN_END) {
        return "the end of the file";
    }
    if (slip->found == TOKEN_SEPARATOR && !stands_for_token(slip)) {
        return "the end of the line";
    }
    if (token->kind == TOKEN_STRING) {
        return "a string";
    }
    size_t length = token->end - token->start;
    if (length > 40) {
        return token->kind == TOKEN_NUMBER ? "a number" : "a name";
    }
    return arena_format(p->front->arena, "`%.*s`", (int)length, p->source->text + token->start);
}

/* The place of what was found: a separator that stands for `}` is there. */
static Span found_span(const Slip *slip) {
    bool stands = slip->found == TOKEN_SEPARATOR && stands_for_token(slip);
    return stands ? token_span(slip->p, slip->current) : slip->at;
}

/* ---- known slips ------------------------------------------------------------------------------
 */

typedef struct {
    const char *message; /* NULL: "found …, expected …" */
    const char *label;
    size_t place; /* the token to show, if not SIZE_MAX */
} Hint;

static const char *token_text(const Slip *slip, size_t index) {
    const Token *token = &slip->p->tokens[index];
    size_t length = token->end - token->start;
    return arena_copy(slip->p->front->arena, slip->p->source->text + token->start,
                      length < 60 ? length : 60);
}

static bool before_is(const Slip *slip, int kind) {
    return slip->before != SIZE_MAX && slip->p->tokens[slip->before].kind == kind;
}

static bool is_comparison(int kind) {
    return kind == TOKEN_EQ || kind == TOKEN_NE || kind == TOKEN_LT || kind == TOKEN_LE ||
           kind == TOKEN_GT || kind == TOKEN_GE;
}

static bool is_reserved(int kind) {
    return kind == TOKEN_FOR || kind == TOKEN_IN || kind == TOKEN_IF || kind == TOKEN_THEN ||
           kind == TOKEN_ELSE || kind == TOKEN_AND || kind == TOKEN_OR || kind == TOKEN_NOT ||
           kind == TOKEN_RETURN;
}

/* A comment of another language: `//` to the left on the line, or a line that begins with `%`. */
static bool hint_comment(const Slip *slip, Hint *hint) {
    const Parser *p = slip->p;
    for (size_t i = slip->current + 1; i-- > 0;) {
        if (p->tokens[i].kind == TOKEN_NEWLINE || p->tokens[i].kind == TOKEN_SEMICOLON) {
            break;
        }
        if (p->tokens[i].kind == TOKEN_FLOOR && slip->found != TOKEN_SEPARATOR) {
            hint->label = "a comment begins with `#`; `//` is division, rounded down";
            return true;
        }
        if (p->tokens[i].kind == TOKEN_PERCENT && token_is_first(p, i)) {
            hint->label = "a comment begins with `#`; `%` is the remainder of a division";
            return true;
        }
    }
    return false;
}

static const Open *open_bracket_of(const Slip *slip) {
    const Parser *p = slip->p;
    return p->open_before == 0 ? NULL : &p->open[p->open_before - 1];
}

/* `f(rate = 3)`: a name just after `(` or `,` in the brackets of a call. */
static bool is_named_argument(const Slip *slip) {
    const Parser *p = slip->p;
    const Open *open = open_bracket_of(slip);
    if (open == NULL || open->kind != TOKEN_LEFT || !before_is(slip, TOKEN_NAME)) {
        return false;
    }
    size_t callee = token_before(p, open->token), left = token_before(p, slip->before);
    return callee != SIZE_MAX && p->tokens[callee].kind == TOKEN_NAME &&
           (left == open->token || p->tokens[left].kind == TOKEN_COMMA);
}

/* `a = b = c`: outside of brackets and of an `if`. */
static bool is_second_assign(const Slip *slip) {
    const Parser *p = slip->p;
    const Open *open = open_bracket_of(slip);
    for (size_t i = p->statement; i < slip->current; i++) {
        if (p->tokens[i].kind == TOKEN_IF) {
            return false;
        }
    }
    return open == NULL || open->kind == TOKEN_LEFT_BRACE;
}

static bool hint_comparison(const Slip *slip, Hint *hint) {
    if (is_comparison(slip->found) && expects(slip, "`and`") && !expects(slip, "`==`")) {
        hint->message = "comparisons do not chain";
        hint->label = "write `a < b and b < c`";
        return true;
    }
    if (slip->found == TOKEN_ASSIGN && expects(slip, "`==`")) {
        hint->label = is_named_argument(slip)  ? "arguments are given by their order, without names"
                      : is_second_assign(slip) ? "a statement has one `=`; to compare, write `==`"
                                               : "`=` defines; to compare, write `==`";
        return true;
    }
    if (slip->found == TOKEN_ASSIGN && expects(slip, "`and`")) {
        hint->label = token_text_is(slip->p, slip->p->statement, "param")
                          ? "a constraint is written `param s > 0` or `param p in (0, 1)`"
                          : "`=` defines, and `==` compares; neither can stand here";
        return true;
    }
    if (slip->found == TOKEN_LT && expects(slip, "`=`") && !expects(slip, "`~`") &&
        slip->p->tokens[slip->current + 1].kind == TOKEN_MINUS &&
        slip->p->tokens[slip->current + 1].start == slip->p->tokens[slip->current].end) {
        hint->label = "a definition is written with `=`";
        return true;
    }
    if (slip->found == TOKEN_EQ && expects(slip, "`=`")) {
        hint->label = "`==` compares; to define, write `=`";
        return true;
    }
    return false;
}

/* Is there a `for` in the brackets around? */
static bool follows_for(const Slip *slip) {
    const Open *open = open_bracket_of(slip);
    for (size_t i = open ? open->token : slip->current; i < slip->current; i++) {
        if (slip->p->tokens[i].kind == TOKEN_FOR) {
            return true;
        }
    }
    return false;
}

static bool hint_if(const Slip *slip, Hint *hint) {
    if (slip->found == TOKEN_IF && expects(slip, "a number")) {
        hint->message = "an `if` that is an operand stands in parentheses";
        hint->label = "write `(if … then … else …)`";
        return true;
    }
    if (slip->found == TOKEN_IF && expects(slip, "`*`") && follows_for(slip)) {
        hint->label = "a range has no condition: `sum(if c then a else 0 for i in n)`";
        return true;
    }
    if (slip->found == TOKEN_IF && expects(slip, "`return`")) {
        hint->message = "`if` is no statement";
        hint->label = "a choice is an expression: `x = if c then a else b`";
        return true;
    }
    if (expects(slip, "`then`") &&
        (slip->found == TOKEN_LEFT_BRACE || slip->found == TOKEN_COLON)) {
        hint->label = "a choice is written `if c then a else b`";
        return true;
    }
    if (expects(slip, "`else`") && slip->found != TOKEN_NAME && slip->found != TOKEN_NUMBER) {
        hint->message = "this `if` has no `else`";
        hint->label = "an `if` is an expression: `if c then a else b`";
        return true;
    }
    return false;
}

static bool hint_reserved(const Slip *slip, Hint *hint) {
    if (!is_reserved(slip->found) || !expects(slip, "a name") || expects(slip, "a number") ||
        (slip->found == TOKEN_FOR && expects(slip, "`)`"))) {
        return false;
    }
    const char *word = token_text(slip, slip->current);
    if (slip->found == TOKEN_RETURN || slip->found == TOKEN_FOR) {
        if (expects(slip, "`param`")) {
            hint->message =
                arena_format(slip->p->front->arena, "`%s` stands outside of a block", word);
            hint->label = "statements are written inside `f(x) { … }`";
            return true;
        }
    }
    hint->message = arena_format(slip->p->front->arena, "`%s` is a reserved word", word);
    hint->label = "choose another name";
    return true;
}

/* Two operands side by side. */
static bool hint_juxtaposition(const Slip *slip, Hint *hint) {
    int kind = slip->found;
    if ((kind != TOKEN_NAME && kind != TOKEN_NUMBER && kind != TOKEN_LEFT) ||
        !expects(slip, "`*`") || slip->before == SIZE_MAX ||
        !same_line(slip, slip->before, slip->current)) {
        return false;
    }
    Arena *arena = slip->p->front->arena;
    const Token *tokens = slip->p->tokens;
    const char *left = token_text(slip, slip->before), *right = token_text(slip, slip->current);
    bool touching = tokens[slip->before].end == tokens[slip->current].start;
    if (expects(slip, "`then`") || expects(slip, "`else`")) {
        hint->label = expects(slip, "`then`") ? "is `then` missing?" : "is `else` missing?";
    } else if (before_is(slip, TOKEN_NUMBER) && touching && (*right == 'e' || *right == 'E') &&
               right[1] == '\0') {
        hint->label = "an exponent needs digits: `1e-3`";
    } else if (strcmp(left, "lambda") == 0) {
        hint->label = "functions have names: `f(z) = …`, then `f`";
    } else if (before_is(slip, TOKEN_NUMBER) && touching && *right == '_') {
        hint->label = "digits are not grouped";
    } else if (before_is(slip, TOKEN_NUMBER) && touching && strcmp(left, "0") == 0 &&
               (*right == 'x' || *right == 'X' || *right == 'b')) {
        hint->label = "numbers are decimal";
    } else if (before_is(slip, TOKEN_NUMBER) && touching && kind == TOKEN_NUMBER) {
        hint->label = "a number has one point";
    } else if (before_is(slip, TOKEN_NUMBER) || kind == TOKEN_LEFT) {
        hint->message = "a product is written with `*`";
        hint->label =
            before_is(slip, TOKEN_NUMBER) || before_is(slip, TOKEN_NAME)
                ? arena_format(arena, "write `%s * %s`", left, kind == TOKEN_LEFT ? "(…" : right)
                : arena_format(arena, "write `… * %s`", kind == TOKEN_LEFT ? "(…" : right);
    } else {
        hint->label = arena_format(arena, "is an operator missing before `%s`?", right);
    }
    return true;
}

/* One row a slip that is told by the tokens: the one found, the one before it (0: any), a token
 * that would have been right (NULL: any). */
static const struct {
    int found, before;
    const char *expected, *message, *label;
} slips[] = {
    {TOKEN_IN, 0, "`)`", NULL, "a range stands behind `for`: `sum(w[i] * x[i] for i in n)`"},
    {TOKEN_IF, 0, "`*`", NULL, "a choice is written `if c then a else b`"},
    {TOKEN_RETURN, 0, "a number", NULL,
     "`return` ends a block `{ … }`; after `=` the value itself is written"},
    {TOKEN_ADD_ASSIGN, 0, "`*`", NULL, "an update is a statement of a block: `x += e`"},
    {TOKEN_SUB_ASSIGN, 0, "`*`", NULL, "an update is a statement of a block: `x -= e`"},
    {TOKEN_MUL_ASSIGN, 0, "`*`", NULL, "an update is a statement of a block: `x *= e`"},
    {TOKEN_DIV_ASSIGN, 0, "`*`", NULL, "an update is a statement of a block: `x /= e`"},
    {TOKEN_COLON, 0, "`..`", NULL, "a slice or a range is written `low..high`"},
    {TOKEN_COLON, 0, "`{`", NULL, "a block stands in braces: `{ … }`"},
    {TOKEN_RIGHT_SQUARE, TOKEN_COMMA, NULL, NULL, "no `,` stands before `]`"},
    {TOKEN_RIGHT, TOKEN_COMMA, NULL, NULL, "no `,` stands before `)`"},
    {TOKEN_RIGHT_SQUARE, TOKEN_LEFT_SQUARE, "a number", NULL, "an array has at least one element"},
    {TOKEN_RIGHT, TOKEN_LEFT, "a number", NULL, "nothing stands in these parentheses"},
    {TOKEN_STAR, TOKEN_SLASH, NULL, NULL, "a comment begins with `#`"},
    {TOKEN_SEPARATOR, TOKEN_RETURN, NULL, "`return` returns a value", "write `return x`"},
    {TOKEN_STRING, 0, "a number", NULL, "text is no value; classes are numbers 0 … K - 1"},
    {TOKEN_LEFT_BRACE, TOKEN_ASSIGN, "a number", NULL, "a block has no `=`: `f(x) { … }`"},
    {TOKEN_LEFT, 0, "`return`", NULL, "the value of a block is `return …`"},
    {TOKEN_NUMBER, 0, "`return`", NULL, "the value of a block is `return …`"},
    {TOKEN_MINUS, 0, "`return`", NULL, "the value of a block is `return …`"},
    {TOKEN_LEFT_BRACE, 0, "`=`", NULL, "a block follows the name of a function: `f(x) { … }`"},
    {TOKEN_ADD_ASSIGN, 0, "`=`", NULL, "updates are for statements of a block"},
    {TOKEN_SUB_ASSIGN, 0, "`=`", NULL, "updates are for statements of a block"},
    {TOKEN_RIGHT_BRACE, 0, "`param`", "this `}` closes nothing", NULL},
    {TOKEN_LEFT, TOKEN_FOR, NULL, NULL, "no parentheses: `for i in low..high { … }`"},
    {TOKEN_ASSIGN, 0, "`in`", NULL, "a range is written `i in low..high`"},
    {TOKEN_LEFT_SQUARE, TOKEN_IN, "`(`", NULL, "an interval is written `in (a, b)`"},
    {TOKEN_NUMBER, TOKEN_IN, "`(`", NULL, "an interval is written `in (a, b)`"},
    {TOKEN_GE, 0, "`~`", NULL, "a bound is written `> a`: it is never reached"},
    {TOKEN_LE, 0, "`~`", NULL, "a bound is written `< b`: it is never reached"},
    {TOKEN_COLON, 0, "`in`", NULL, "shapes are written `x[n]`, classes `y in K`"},
    {TOKEN_LT, 0, "`~`", NULL, "two bounds are written `in (a, b)`"},
    {TOKEN_GT, 0, "`~`", NULL, "two bounds are written `in (a, b)`"},
    {TOKEN_STRING, TOKEN_NAME, "a name", NULL, "a name is written without quotes"},
    {TOKEN_NAME, 0, "a string", NULL, "the file's name stands in quotes: `import \"FILE\"`"},
    {TOKEN_NAME, 0, "`derivative`", NULL, "derivatives follow the word `derivative`"},
    {TOKEN_ASSIGN, 0, "`derivative`", NULL, "the body of an `extern` is in C"},
    {TOKEN_NUMBER, TOKEN_TILDE, NULL, NULL, "a prior is a density: `~ normal(0, 1)`"},
    {TOKEN_PLUS, 0, "`+=`", NULL, "to add to a name, write `x += …`"},
    {TOKEN_MINUS, 0, "`+=`", NULL, "to subtract from a name, write `x -= …`"},
    {TOKEN_PLUS, 0, "a number", NULL, "no sign `+` is needed"},
    {TOKEN_SEPARATOR, 0, "`+=`", NULL,
     "an expression alone does nothing: give it a name, or return it"},
    {TOKEN_TILDE, 0, NULL, NULL,
     "`~` gives a param its prior: `param w ~ normal(0, 1)`; of data: `loss(y) = -normal_lpdf(y, "
     "…)`"},
};

static bool hint_table(const Slip *slip, Hint *hint) {
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        if (slip->found == slips[i].found &&
            (slips[i].before == 0 || before_is(slip, slips[i].before)) &&
            (slips[i].expected == NULL || expects(slip, slips[i].expected))) {
            hint->message = slips[i].message;
            hint->label = slips[i].label;
            return true;
        }
    }
    return false;
}

/* Words of other languages that stand where ours has none. */
static const struct {
    const char *word, *label;
} foreign[] = {
    {"def", "a function is written `f(x) = …` or `f(x) { … }`"},
    {"fn", "a function is written `f(x) = …` or `f(x) { … }`"},
    {"func", "a function is written `f(x) = …` or `f(x) { … }`"},
    {"fun", "a function is written `f(x) = …` or `f(x) { … }`"},
    {"function", "a function is written `f(x) = …` or `f(x) { … }`"},
    {"let", "a definition is written `x = …`"},
    {"var", "a definition is written `x = …`"},
    {"double", "types are not written; a definition is `x = …`"},
    {"float", "types are not written; a definition is `x = …`"},
    {"real", "types are not written; a definition is `x = …`"},
    {"int", "types are not written; a definition is `x = …`"},
    {"vector", "shapes are written `x[n]`"},
    {"matrix", "shapes are written `A[n, m]`"},
    {"parameter", "did you mean `param`?"},
    {"parameters", "did you mean `param`?"},
    {"params", "did you mean `param`?"},
    {"dims", "did you mean `dim`?"},
    {"constant", "did you mean `const`?"},
    {"while", "a loop that ends early is written `for t in Cap while c { … }`"},
    {"import", "the file's name stands in quotes: `import \"FILE\"`"},
    {"model", "a name is written without quotes"},
    {"train", "settings stand in braces: `train { method = sgd }`"},
    {"print", "the language has no output; the trainer reports definitions and metrics"},
    {"if", "a choice is an expression: `if c then a else b`"},
};

static bool hint_foreign(const Slip *slip, Hint *hint) {
    size_t word = slip->p->statement;
    bool shape = before_is(slip, TOKEN_RIGHT_SQUARE) && slip->found == TOKEN_NAME;
    if ((slip->before != word && !shape) || slip->found == TOKEN_SEPARATOR) {
        return false;
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        if (token_text_is(slip->p, word, foreign[i].word)) {
            hint->label = foreign[i].label;
            return true;
        }
    }
    return false;
}

/* Slips that are told by the kind of the item. */
static bool hint_item(const Slip *slip, Hint *hint) {
    const Parser *p = slip->p;
    bool top = p->open_before == 0;
    if (top && slip->found == TOKEN_SEPARATOR && expects(slip, "`=`") && !expects(slip, "`~`") &&
        token_text_is(p, p->statement, "const")) {
        hint->label = "a const has a value: `const lambda = 1e-3`";
        return true;
    }
    if (top && slip->found == TOKEN_NUMBER && slip->before == p->statement &&
        token_text_is(p, p->statement, "param")) {
        hint->label = "bounds follow the name: `param p in (0, 1)`";
        return true;
    }
    if (slip->found == TOKEN_SEPARATOR && expects(slip, "`{`") && before_is(slip, TOKEN_RIGHT)) {
        hint->label = top ? "the function's value is missing: `= …`, or a block"
                          : "a call alone does nothing: give its value a name, or return it";
        return true;
    }
    if (slip->found == TOKEN_NAME && before_is(slip, TOKEN_NAME) && expects(slip, "`,`") &&
        !expects(slip, "`*`") && same_line(slip, slip->before, slip->current)) {
        hint->label = arena_format(p->front->arena, "is a `,` missing before `%s`?",
                                   token_text(slip, slip->current));
        return true;
    }
    return false;
}

static const char *closing_of(int kind) {
    return kind == TOKEN_LEFT ? "`)`" : kind == TOKEN_LEFT_SQUARE ? "`]`" : "`}`";
}

/* A closing bracket that nothing opened, or that closes another. */
static bool hint_bracket(const Slip *slip, Hint *hint) {
    Parser *p = slip->p;
    if (slip->found != TOKEN_RIGHT && slip->found != TOKEN_RIGHT_SQUARE) {
        return false;
    }
    const char *text = token_text(slip, slip->current);
    const Open *open = p->open_before == 0 ? NULL : &p->open[p->open_before - 1];
    if (open == NULL || open->kind == TOKEN_LEFT_BRACE) {
        hint->message = arena_format(p->front->arena, "this `%s` closes nothing", text);
        return true;
    }
    int wanted = open->kind == TOKEN_LEFT ? TOKEN_RIGHT : TOKEN_RIGHT_SQUARE;
    if (slip->found != wanted) {
        hint->message =
            arena_format(p->front->arena, "found `%s`, expected %s", text, closing_of(open->kind));
        return true;
    }
    return false;
}

typedef bool (*HintFunction)(const Slip *slip, Hint *hint);

/* `param sigma<lower=0>`, as Stan has it. */
static bool hint_bounds(const Slip *slip, Hint *hint) {
    const Parser *p = slip->p;
    if (!token_text_is(p, p->statement, "param")) {
        return false;
    }
    for (size_t i = p->statement + 1; i + 2 <= slip->current; i++) {
        if (p->tokens[i].kind == TOKEN_LT && p->tokens[i + 2].kind == TOKEN_ASSIGN &&
            (token_text_is(p, i + 1, "lower") || token_text_is(p, i + 1, "upper"))) {
            hint->message = "a bound is part of the constraint, without a name";
            hint->label = "write `param s > 0`, `param s < 1` or `param s in (0, 1)`";
            hint->place = i + 1;
            return true;
        }
    }
    return false;
}

static const HintFunction hints[] = {
    hint_bounds, hint_bracket,  hint_foreign,       hint_comment, hint_comparison,
    hint_if,     hint_reserved, hint_juxtaposition, hint_item,    hint_table,
};

/* The error is inside of a bracket that opened on an earlier line: show where. */
static void note_bracket(const Slip *slip, Diag *diag) {
    const Parser *p = slip->p;
    if (p->open_before == 0) {
        return;
    }
    const Open *open = &p->open[p->open_before - 1];
    bool mismatch = (slip->found == TOKEN_RIGHT && open->kind != TOKEN_LEFT) ||
                    (slip->found == TOKEN_RIGHT_SQUARE && open->kind != TOKEN_LEFT_SQUARE);
    if (open->kind != TOKEN_LEFT_BRACE &&
        (mismatch || !same_line(slip, open->token, slip->current))) {
        diag_note(p->front->diags, diag, token_span(p, open->token), "inside of this bracket");
    }
}

/* The line above goes on here because of what it ends with: show that. */
static void note_line_above(const Slip *slip, Diag *diag) {
    const Parser *p = slip->p;
    size_t first = slip->current;
    if (first > 0 && !token_is_first(p, first) && slip->before != SIZE_MAX) {
        first = slip->before;
    }
    size_t last = token_before(p, first);
    const Open *open = open_bracket_of(slip);
    if (last == SIZE_MAX || !token_is_first(p, first) || first == p->statement ||
        same_line(slip, last, first) || (open != NULL && open->kind != TOKEN_LEFT_BRACE) ||
        !token_joins(p, last)) {
        return;
    }
    diag_note(p->front->diags, diag, token_span(p, last), "the line goes on after this `%s`",
              token_text(slip, last));
}

static bool is_left_open(const Slip *slip) {
    const Parser *p = slip->p;
    return p->open_before > 0 && p->open[p->open_before - 1].kind != TOKEN_LEFT_BRACE &&
           token_is_first(p, slip->current) && slip->current != p->statement &&
           slip->found != TOKEN_RIGHT && slip->found != TOKEN_RIGHT_SQUARE &&
           token_column(p, slip->current) <= token_column(p, p->statement);
}

static void report(Slip *slip) {
    Parser *p = slip->p;
    Diags *diags = p->front->diags;
    if (is_left_open(slip)) {
        p->open_count = p->open_before;
        report_unclosed(p, slip->current);
        return;
    }
    Hint hint = {NULL, NULL, SIZE_MAX};
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (hints[i](slip, &hint)) {
            break;
        }
    }
    const char *expected = expectation(slip);
    Diag *diag;
    if (hint.message != NULL) {
        Span place = hint.place == SIZE_MAX ? found_span(slip) : token_span(p, hint.place);
        diag = diag_error(diags, place, "%s", hint.message);
    } else if (expected != NULL) {
        diag = diag_error(diags, found_span(slip), "found %s, expected %s", found_text(slip),
                          expected);
    } else {
        diag = diag_error(diags, found_span(slip), "found %s, which cannot stand here",
                          found_text(slip)); /* rare: LAC nearly always has a list */
    }
    if (hint.label != NULL) {
        diag_label(diags, diag, "%s", hint.label);
    }
    note_bracket(slip, diag);
    note_line_above(slip, diag);
}

void syntax_error(Parser *p, int found, Span at, const char *const *expected, size_t count) {
    Slip slip = {.p = p,
                 .found = found,
                 .at = at,
                 .expected = expected,
                 .count = count,
                 .current = p->current,
                 .before = token_before(p, p->current)};
    if (!p->quiet && !p->stopped && found != TOKEN_BAD) {
        report(&slip);
    }
    filter_recover(p);
}

void syntax_too_deep(Parser *p, Span at) {
    if (!p->stopped) {
        Diag *diag = diag_error(p->front->diags, at, "this is nested too deeply");
        diag_label(p->front->diags, diag, "at most %d levels can be read", MAX_DEPTH);
    }
    p->stopped = true;
}

static bool is_word_byte(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           ((unsigned char)c & 0x80u) != 0;
}

/* ---- wrong spellings and stray characters ------------------------------------------------------
 */

static const struct {
    const char *text, *label;
} spellings[] = {
    {"**", "a power is written `^`"},
    {".^", "write `^`: it is elementwise"},
    {".*", "write `*`: it is elementwise; the matrix product is `@`"},
    {"./", "write `/`: it is elementwise"},
    {"&&", "write `and`"},
    {"&", "write `and`"},
    {"||", "write `or`"},
    {"|", "the absolute value is `abs(x)`; between arguments write `,`, between conditions `or`"},
    {"%*%", "a product of matrices is written `A @ B`"},
    {"!", "write `not`"},
    {"===", "write `==`"},
    {"!==", "write `!=`"},
    {"<>", "write `!=`"},
    {"~=", "write `!=`"},
    {"=<", "write `<=`"},
    {":=", "write `=`"},
    {"->", "a function is written `f(x) = …`"},
    {"=>", "a function is written `f(x) = …`; a comparison `>=`"},
    {"/*", "a comment begins with `#` and ends with the line"},
    {"*/", "a comment begins with `#` and ends with the line"},
    {"?", "a choice is written `if c then a else b`"},
    {".", "numbers need a digit beside the point; names have no points"},
    {"$", "names are made of letters, digits and `_`"},
    {"`", "names are written without quotes"},
    {"\\", "a line that ends in an operator goes on by itself"},
};

/* The word that begins at `start`, or that ends at `end` going backwards from it. */
static const char *word_at(const Parser *p, size_t at, bool backwards) {
    const char *text = p->source->text;
    size_t first = at, last = at;
    while (backwards && first > p->begin && is_word_byte(text[first - 1])) {
        first--;
    }
    while (!backwards && last < p->end && is_word_byte(text[last])) {
        last++;
    }
    return arena_copy(p->front->arena, text + first, last - first);
}

/* `np.sum(x)`, `x.sum()`, `X.T`: what to write for it; NULL: nothing like that. */
static const char *point_label(const Parser *p, Span at) {
    static const char *const modules[] = {"np",   "numpy", "torch", "math",    "jnp",    "jax",
                                          "tf",   "nn",    "F",     "scipy",   "stats",  "sp",
                                          "self", "lax",   "tfp",   "special", "linalg", "random"};
    const char *object = word_at(p, at.start, true), *member = word_at(p, at.end, false);
    bool call = p->source->text[at.end + strlen(member)] == '(';
    if (*object == '\0' || *member == '\0') {
        return NULL;
    }
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        if (strcmp(object, modules[i]) == 0) {
            return arena_format(p->front->arena, "names stand alone: `%s`", member);
        }
    }
    if (strcmp(member, "T") == 0 && !call) {
        return arena_format(p->front->arena, "the transpose is written `%s'`", object);
    }
    return call ? arena_format(p->front->arena, "a function is called as `%s(%s)`", member, object)
                : NULL;
}

void spelling_error(Parser *p, Span at) {
    const char *text = arena_copy(p->front->arena, p->source->text + at.start, at.end - at.start);
    bool dots = text[0] == '.' && text[1] == '.';
    Diag *diag = diag_error(p->front->diags, at, "the language has no `%s`", dots ? "..." : text);
    if (dots) {
        diag_label(p->front->diags, diag,
                   "a range is written `low..high`; `high` is no part of it");
    }
    const char *label = strcmp(text, ".") == 0 ? point_label(p, at) : NULL;
    if (strcmp(text, "!") == 0 && p->line_is_bad) {
        label = "a factorial is `exp(lgamma(x + 1))`; the opposite of a condition `not c`";
    }
    if (label) {
        diag_label(p->front->diags, diag, "%s", label);
    }
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0] && !label; i++) {
        if (strcmp(text, spellings[i].text) == 0) {
            diag_label(p->front->diags, diag, "%s", spellings[i].label);
        }
    }
}

/* Characters that look like ours, and the tokens that they stand for (0: a space). */
static const struct {
    uint32_t character;
    int kind;
    const char *name, *mend;
} look_alikes[] = {
    {0x00A0, 0, "a no-break space", "a plain space"},
    {0x00B2, TOKEN_BAD, NULL, "`^2`"},
    {0x00B3, TOKEN_BAD, NULL, "`^3`"},
    {0x00B7, TOKEN_STAR, NULL, "`*`, or `dot(u, v)`"},
    {0x00D7, TOKEN_STAR, NULL, "`*`"},
    {0x00F7, TOKEN_SLASH, NULL, "`/`"},
    {0x00B1, TOKEN_BAD, NULL, "`+` or `-`"},
    {0x00AC, TOKEN_NOT, NULL, "`not`"},
    {0x2009, 0, "a thin space", "a plain space"},
    {0x202F, 0, "a narrow no-break space", "a plain space"},
    {0x200B, 0, "a zero-width space", NULL},
    {0xFEFF, 0, "a byte order mark inside of the text", NULL},
    {0x2010, TOKEN_MINUS, "a hyphen", "`-`"},
    {0x2011, TOKEN_MINUS, "a hyphen", "`-`"},
    {0x2012, TOKEN_MINUS, "a dash", "`-`"},
    {0x2013, TOKEN_MINUS, "a dash", "`-`"},
    {0x2014, TOKEN_MINUS, "a dash", "`-`"},
    {0x2212, TOKEN_MINUS, "the minus sign U+2212", "`-`"},
    {0x2018, TOKEN_QUOTE, NULL, "`'`"},
    {0x2019, TOKEN_QUOTE, NULL, "`'`"},
    {0x2032, TOKEN_QUOTE, NULL, "`'`"},
    {0x201C, TOKEN_BAD, NULL, "`\"`"},
    {0x201D, TOKEN_BAD, NULL, "`\"`"},
    {0x2026, TOKEN_DOTS, NULL, "`..`"},
    {0x2044, TOKEN_SLASH, NULL, "`/`"},
    {0x2215, TOKEN_SLASH, NULL, "`/`"},
    {0x2217, TOKEN_STAR, NULL, "`*`"},
    {0x22C5, TOKEN_STAR, NULL, "`*`, or `dot(u, v)`"},
    {0x2208, TOKEN_IN, NULL, "`in`"},
    {0x2211, TOKEN_BAD, NULL, "`sum(… for i)`"},
    {0x220F, TOKEN_BAD, NULL, "`prod(… for i)`"},
    {0x221A, TOKEN_BAD, NULL, "`sqrt(…)`"},
    {0x221E, TOKEN_BAD, NULL, "`1 / 0`"},
    {0x2227, TOKEN_AND, NULL, "`and`"},
    {0x2228, TOKEN_OR, NULL, "`or`"},
    {0x2202, TOKEN_BAD, NULL, "`deriv(e, v)`"},
    {0x2207, TOKEN_BAD, NULL, "`grad(e, v)`"},
    {0x2260, TOKEN_NE, NULL, "`!=`"},
    {0x2264, TOKEN_LE, NULL, "`<=`"},
    {0x2265, TOKEN_GE, NULL, "`>=`"},
    {0x22A4, TOKEN_QUOTE, NULL, "`'`"},
    {0x3000, 0, "a wide space", "a plain space"},
    {0xFF08, TOKEN_LEFT, NULL, "`(`"},
    {0xFF09, TOKEN_RIGHT, NULL, "`)`"},
    {0xFF0C, TOKEN_COMMA, NULL, "`,`"},
    {0xFF1B, TOKEN_SEMICOLON, NULL, "`;`"},
    {0xFF1D, TOKEN_ASSIGN, NULL, "`=`"},
    {0xFF0B, TOKEN_PLUS, NULL, "`+`"},
    {0xFF0D, TOKEN_MINUS, NULL, "`-`"},
    {0xFF3B, TOKEN_LEFT_SQUARE, NULL, "`[`"},
    {0xFF3D, TOKEN_RIGHT_SQUARE, NULL, "`]`"},
};

static int look_alike(Parser *p, Span at, uint32_t character, const char *text) {
    Diags *diags = p->front->diags;
    for (size_t i = 0; i < sizeof look_alikes / sizeof look_alikes[0]; i++) {
        if (look_alikes[i].character == character) {
            Diag *diag;
            if (look_alikes[i].name != NULL) {
                diag = diag_error(diags, at, "found %s", look_alikes[i].name);
            } else {
                diag = diag_error(diags, at, "the language has no `%s`", text);
            }
            diag_label(diags, diag, look_alikes[i].mend == NULL ? "remove it" : "write %s",
                       look_alikes[i].mend);
            p->line_is_bad = look_alikes[i].kind == TOKEN_BAD;
            return look_alikes[i].kind;
        }
    }
    p->line_is_bad = true;
    if (character < ' ' || (character >= 0x7F && character < 0xA0)) {
        diag_error(diags, at, "found the control character U+%04X", (unsigned)character);
    } else {
        diag_error(diags, at, "found `%s`, which cannot stand in a model", text);
    }
    return TOKEN_BAD;
}

int stray_character(Parser *p, Span at) {
    Diags *diags = p->front->diags;
    const char *text = p->source->text + at.start;
    size_t size;
    uint32_t character = utf8_read(text, at.end - at.start, &size);
    if (character == '\r') {
        if (!p->has_bare_return) {
            Diag *diag = diag_error(diags, at, "found a carriage return without a line feed");
            diag_label(diags, diag, "lines end in `\\n` or `\\r\\n`");
        }
        p->has_bare_return = true;
        return TOKEN_NEWLINE;
    }
    if (p->line_is_bad) {
        return TOKEN_BAD; /* one message a line */
    }
    if (character == UINT32_MAX) {
        Diag *diag = diag_error(diags, at, "the byte 0x%02X is no UTF-8", (unsigned char)*text);
        diag_label(diags, diag, "save the file as UTF-8");
        p->line_is_bad = true;
        return TOKEN_BAD;
    }
    return look_alike(p, at, character, arena_copy(p->front->arena, text, size));
}

/* Characters beyond ASCII that are no letters, digits or marks: what a name cannot hold. */
static bool is_symbol(uint32_t character) {
    static const struct {
        uint32_t first, last;
    } symbols[] = {
        {0x80, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},     {0xBB, 0xBF},       {0xD7, 0xD7},
        {0xF7, 0xF7},     {0x37E, 0x37E},   {0x2000, 0x207F}, {0x208A, 0x208F},   {0x20A0, 0x20CF},
        {0x2190, 0x2BFF}, {0x2E00, 0x2E7F}, {0x3000, 0x3004}, {0x3008, 0x3020},   {0x3030, 0x3030},
        {0xE000, 0xF8FF}, {0xFE10, 0xFE19}, {0xFE30, 0xFE6F}, {0xFEFF, 0xFEFF},   {0xFF00, 0xFF20},
        {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF}, {0x1F000, 0x1FAFF},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (character >= symbols[i].first && character <= symbols[i].last) {
            return true;
        }
    }
    return false;
}

size_t name_length(const char *text, size_t length) {
    size_t at = 0, size;
    while (at < length) {
        uint32_t character = utf8_read(text + at, length - at, &size);
        if (character == UINT32_MAX || is_symbol(character)) {
            break;
        }
        at += size;
    }
    return at;
}
