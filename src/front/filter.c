/* filter.c: between the scanner's tokens and the grammar. It decides where a new line ends a
 * statement, which words begin items, and where to go on after a syntax error. */
#include "front/parser.h"

#include "grammar/parse.h"

#include <string.h>

int grammar_lex(GRAMMAR_STYPE *value, Span *at, Parser *p);

/* ---- looking around ---------------------------------------------------------------------------
 */

static bool is_blank(int kind) {
    return kind == TOKEN_NEWLINE || kind == TOKEN_COMMENT;
}

size_t token_after(const Parser *p, size_t index) {
    do {
        index++;
    } while (index < p->token_count && is_blank(p->tokens[index].kind));
    return index < p->token_count ? index : p->token_count - 1;
}

size_t token_before(const Parser *p, size_t index) {
    while (index-- > 0) {
        if (!is_blank(p->tokens[index].kind)) {
            return index;
        }
    }
    return SIZE_MAX;
}

size_t token_column(const Parser *p, size_t index) {
    return p->tokens[index].start - p->tokens[index].line;
}

bool token_is_first(const Parser *p, size_t index) {
    return index == 0 || p->tokens[index - 1].kind == TOKEN_NEWLINE;
}

bool token_text_is(const Parser *p, size_t index, const char *text) {
    const Token *token = &p->tokens[index];
    size_t length = strlen(text);
    return token->end - token->start == length &&
           memcmp(p->source->text + token->start, text, length) == 0;
}

Span token_span(const Parser *p, size_t index) {
    return (Span){p->file, p->tokens[index].start, p->tokens[index].end};
}

static int top_bracket(const Parser *p) {
    return p->open_count == 0 ? 0 : p->open[p->open_count - 1].kind;
}

/* ---- new lines --------------------------------------------------------------------------------
 */

/* What a statement cannot end with, and what none can begin with. */
static const struct {
    int kind;
    bool after, before;
} joining[] = {
    {TOKEN_PLUS, true, true},        {TOKEN_MINUS, true, true},
    {TOKEN_STAR, true, true},        {TOKEN_SLASH, true, true},
    {TOKEN_FLOOR, true, true},       {TOKEN_PERCENT, true, true},
    {TOKEN_AT, true, true},          {TOKEN_CARET, true, true},
    {TOKEN_EQ, true, true},          {TOKEN_NE, true, true},
    {TOKEN_LT, true, true},          {TOKEN_LE, true, true},
    {TOKEN_GT, true, true},          {TOKEN_GE, true, true},
    {TOKEN_ASSIGN, true, true},      {TOKEN_ADD_ASSIGN, true, true},
    {TOKEN_SUB_ASSIGN, true, true},  {TOKEN_MUL_ASSIGN, true, true},
    {TOKEN_DIV_ASSIGN, true, true},  {TOKEN_TILDE, true, true},
    {TOKEN_COMMA, true, true},       {TOKEN_COLON, true, true},
    {TOKEN_DOTS, true, true},        {TOKEN_IN, true, true},
    {TOKEN_AND, true, true},         {TOKEN_OR, true, true},
    {TOKEN_NOT, true, false},        {TOKEN_THEN, true, true},
    {TOKEN_ELSE, true, true},        {TOKEN_IF, true, false},
    {TOKEN_LEFT_BRACE, true, true},  {TOKEN_SEPARATOR, true, false},
    {TOKEN_START_FILE, true, false}, {TOKEN_START_EXPRESSION, true, false},
    {TOKEN_WHILE, true, false},      {TOKEN_DERIVATIVE, true, false},
};

static bool joins(int kind, bool after) {
    for (size_t i = 0; i < sizeof joining / sizeof joining[0]; i++) {
        if (joining[i].kind == kind) {
            return after ? joining[i].after : joining[i].before;
        }
    }
    return false;
}

bool token_joins(const Parser *p, size_t index) {
    return p->tokens[index].kind != TOKEN_LEFT_BRACE && joins(p->tokens[index].kind, true);
}

/* ---- words ------------------------------------------------------------------------------------
 */

static const struct {
    const char *text;
    int kind, follows; /* what follows where the word begins an item */
} item_words[] = {
    {"model", TOKEN_MODEL, TOKEN_NAME},       {"import", TOKEN_IMPORT, TOKEN_STRING},
    {"dim", TOKEN_DIM, TOKEN_NAME},           {"const", TOKEN_CONST, TOKEN_NAME},
    {"data", TOKEN_DATA, TOKEN_NAME},         {"param", TOKEN_PARAM, TOKEN_NAME},
    {"metric", TOKEN_METRIC, TOKEN_NAME},     {"extern", TOKEN_EXTERN, TOKEN_NAME},
    {"train", TOKEN_TRAIN, TOKEN_LEFT_BRACE},
};

/* The row of item_words of the token, or -1. */
static int item_word(const Parser *p, size_t index) {
    if (p->tokens[index].kind != TOKEN_NAME) {
        return -1;
    }
    for (size_t i = 0; i < sizeof item_words / sizeof item_words[0]; i++) {
        if (token_text_is(p, index, item_words[i].text)) {
            return (int)i;
        }
    }
    return -1;
}

static bool ends_operand(int kind) {
    return kind == TOKEN_NAME || kind == TOKEN_NUMBER || kind == TOKEN_RIGHT ||
           kind == TOKEN_RIGHT_SQUARE || kind == TOKEN_QUOTE;
}

/* What a name is at its place: an item's word only where an item can begin and this looks like
 * one (`data = 3` defines a name). */
static int kind_of_name(const Parser *p, size_t index) {
    int word = item_word(p, index);
    int next = p->tokens[index + 1].kind;
    bool begins = p->previous == TOKEN_SEPARATOR || p->previous == TOKEN_START_FILE;
    if (word >= 0 && p->open_count == 0 && begins) {
        bool defined = next == TOKEN_ASSIGN || next == TOKEN_LEFT || next == TOKEN_LEFT_SQUARE ||
                       (next == TOKEN_LEFT_BRACE && item_words[word].kind != TOKEN_TRAIN);
        return defined ? TOKEN_NAME : item_words[word].kind;
    }
    if (ends_operand(p->previous) && token_text_is(p, index, "while")) {
        return TOKEN_WHILE;
    }
    if (p->previous == TOKEN_RIGHT && p->open_count == 0 && token_text_is(p, index, "derivative")) {
        return TOKEN_DERIVATIVE;
    }
    return TOKEN_NAME;
}

/* An item's word at the left margin, followed as in an item: whatever is open was left open. */
static bool begins_item_at_margin(const Parser *p, size_t index) {
    int word = item_word(p, index);
    return word >= 0 && token_column(p, index) == 0 &&
           p->tokens[index + 1].kind == item_words[word].follows;
}

/* ---- brackets that are left open --------------------------------------------------------------
 */

/* From the file's name to a quoted text: "`(`". */
static const char *bracket_text(int kind, bool closing) {
    switch (kind) {
    case TOKEN_LEFT:
        return closing ? "`)`" : "`(`";
    case TOKEN_LEFT_SQUARE:
        return closing ? "`]`" : "`[`";
    default:
        return closing ? "`}`" : "`{`";
    }
}

void report_unclosed(Parser *p, size_t index) {
    const Open *open = &p->open[p->open_count - 1];
    Diags *diags = p->front->diags;
    bool astray = open->kind == TOKEN_LEFT_BRACE && p->astray != 0;
    Diag *diag = diag_error(diags, token_span(p, astray ? p->astray : open->token),
                            "this %s is never closed", bracket_text(open->kind, false));
    const Token *found = &p->tokens[index];
    if (astray) {
        diag_label(diags, diag, "by the indentation, its `}` is missing");
    } else if (found->kind == TOKEN_END) {
        diag_label(diags, diag, "the file ends before its %s", bracket_text(open->kind, true));
    } else {
        diag_note(diags, diag, token_span(p, index), "its %s is missing before this",
                  bracket_text(open->kind, true));
    }
}

/* All brackets are given up before the token at `index`, with one message. */
static void abandon_brackets(Parser *p, size_t index) {
    report_unclosed(p, index);
    p->owed_braces = 0;
    for (size_t i = 0; i < p->open_count; i++) {
        p->owed_braces += p->open[i].kind == TOKEN_LEFT_BRACE;
    }
    p->open_count = 0;
    p->owed_separator = true;
    p->quiet = true;
    p->next = index;
}

/* `}` is at `index`, and brackets inside of its braces are open. */
static void abandon_inner_brackets(Parser *p, size_t index) {
    report_unclosed(p, index);
    while (top_bracket(p) != TOKEN_LEFT_BRACE) {
        p->open_count--;
    }
    p->owed_separator = true;
    p->quiet = true;
}

static bool has_open_brace(const Parser *p) {
    for (size_t i = 0; i < p->open_count; i++) {
        if (p->open[i].kind == TOKEN_LEFT_BRACE) {
            return true;
        }
    }
    return false;
}

/* ---- the tokens of the grammar ----------------------------------------------------------------
 */

static int separator(Parser *p, Span *at, size_t before) {
    size_t last = token_before(p, before);
    uint32_t place = last == SIZE_MAX ? 0 : p->tokens[last].end;
    *at = (Span){p->file, place, place};
    p->current = before;
    return TOKEN_SEPARATOR;
}

/* What is owed before the next token: separators and closing braces that are not in the text. */
static int pay(Parser *p, Span *at) {
    int kind = separator(p, at, p->next);
    if (p->owed_separator) {
        p->owed_separator = false;
        return kind;
    }
    p->owed_braces--;
    p->owed_separator = true;
    return TOKEN_RIGHT_BRACE;
}

static void open_bracket(Parser *p, size_t index) {
    if (p->open_count >= MAX_DEPTH) {
        syntax_too_deep(p, token_span(p, index));
        return;
    }
    p->open = arena_grow(p->front->arena, p->open, p->open_count, &p->open_capacity, sizeof(Open));
    p->open[p->open_count++] = (Open){index, p->tokens[index].kind};
}

/* A `}` that begins a line further out than the line of its `{` is meant for another `{`. */
static void note_astray(Parser *p, size_t open, size_t close) {
    if (p->astray != 0 || !token_is_first(p, close)) {
        return;
    }
    size_t first = open;
    while (!token_is_first(p, first)) {
        first--;
    }
    if (token_column(p, close) < token_column(p, first)) {
        p->astray = open;
    }
}

static void update_brackets(Parser *p, size_t index) {
    switch (p->tokens[index].kind) {
    case TOKEN_LEFT:
    case TOKEN_LEFT_SQUARE:
    case TOKEN_LEFT_BRACE:
        open_bracket(p, index);
        break;
    case TOKEN_RIGHT:
    case TOKEN_RIGHT_SQUARE:
        if (p->open_count > 0 && top_bracket(p) != TOKEN_LEFT_BRACE) {
            p->open_count--;
        }
        break;
    case TOKEN_RIGHT_BRACE:
        if (p->open_count > 0) {
            p->open_count--;
            note_astray(p, p->open[p->open_count].token, index);
        }
        break;
    default:
        break;
    }
}

/* Whether a separator stands before the token at `index`, the next that is no new line. `line`:
 * a new line stands there. */
static bool separates(Parser *p, size_t index, bool line) {
    const Token *token = &p->tokens[index];
    if (p->previous == TOKEN_SEPARATOR || p->previous == TOKEN_START_FILE) {
        return false;
    }
    if (token->kind == TOKEN_END) {
        return true;
    }
    int top = top_bracket(p);
    if (token->kind == TOKEN_RIGHT_BRACE && top == TOKEN_LEFT_BRACE) {
        return p->previous != TOKEN_LEFT_BRACE;
    }
    bool inside = top == TOKEN_LEFT || top == TOKEN_LEFT_SQUARE;
    return line && !inside && !joins(p->previous, true) && !joins(token->kind, false);
}

/* The next raw token, as the grammar knows it. */
static int hand_on(Parser *p, GRAMMAR_STYPE *value, Span *at) {
    const Token *token = &p->tokens[p->next];
    p->current = p->next;
    *at = token_span(p, p->next);
    update_brackets(p, p->next);
    if (p->previous == TOKEN_SEPARATOR || p->previous == TOKEN_LEFT_BRACE ||
        p->previous == TOKEN_START_FILE) {
        p->statement = p->current;
    }
    int kind = token->kind;
    if (kind == TOKEN_NAME) {
        kind = kind_of_name(p, p->next);
        value->name =
            intern(p->front->names, p->source->text + token->start, token->end - token->start);
    }
    p->next += token->kind != TOKEN_END;
    return kind == TOKEN_SEMICOLON ? TOKEN_SEPARATOR : kind;
}

static int next_kind(Parser *p, GRAMMAR_STYPE *value, Span *at) {
    if (p->owed_separator || p->owed_braces > 0) {
        return pay(p, at);
    }
    size_t index = p->next;
    if (is_blank(p->tokens[index].kind)) {
        index = token_after(p, index);
    }
    bool line = false;
    for (size_t i = p->next; i < index; i++) {
        line = line || p->tokens[i].kind == TOKEN_NEWLINE;
    }
    p->next = index;
    bool end = p->tokens[index].kind == TOKEN_END;
    if (p->open_count > 0 && (end || (line && begins_item_at_margin(p, index)))) {
        abandon_brackets(p, index);
        return pay(p, at);
    }
    if (p->tokens[index].kind == TOKEN_RIGHT_BRACE && top_bracket(p) != TOKEN_LEFT_BRACE &&
        has_open_brace(p)) {
        abandon_inner_brackets(p, index);
        return pay(p, at);
    }
    if (separates(p, index, line)) {
        return separator(p, at, index);
    }
    p->quiet = false;
    return hand_on(p, value, at);
}

int grammar_lex(GRAMMAR_STYPE *value, Span *at, Parser *p) {
    p->open_before = p->open_count;
    if (p->first != 0) {
        *at = (Span){p->file, 0, 0};
        p->previous = p->first;
        p->first = 0;
    } else if (p->stopped) {
        *at = (Span){p->file, (uint32_t)p->source->length, (uint32_t)p->source->length};
        p->previous = TOKEN_END;
    } else {
        p->previous = next_kind(p, value, at);
    }
    return p->previous;
}

/* ---- after a syntax error ---------------------------------------------------------------------
 */

/* Whether the token begins a line that goes not on with the one above, nor is indented more than
 * the broken statement. */
static bool begins_line(const Parser *p, size_t index, size_t column) {
    int kind = p->tokens[index].kind;
    if (is_blank(kind) || !token_is_first(p, index) || token_column(p, index) > column ||
        kind == TOKEN_RIGHT_BRACE || joins(kind, false)) {
        return false;
    }
    size_t before = token_before(p, index);
    return before == SIZE_MAX || before == p->current || !joins(p->tokens[before].kind, true);
}

/* Where the next statement begins, from the token at `from`: after the lines that are indented
 * more than the broken statement, and after the blocks that it opens. */
static size_t find_next_statement(const Parser *p, size_t from, size_t braces) {
    size_t column = p->statement < p->token_count ? token_column(p, p->statement) : 0;
    for (size_t i = from;; i++) {
        int kind = p->tokens[i].kind;
        if (kind == TOKEN_END || (token_is_first(p, i) && begins_item_at_margin(p, i))) {
            return i;
        }
        if (braces == 0 && begins_line(p, i, column)) {
            return i;
        }
        if (kind == TOKEN_SEMICOLON && braces == 0) {
            return i + 1;
        }
        if (kind == TOKEN_LEFT_BRACE) {
            braces++;
        } else if (kind == TOKEN_RIGHT_BRACE && braces > 0) {
            braces--;
        } else if (kind == TOKEN_RIGHT_BRACE && has_open_brace(p)) {
            return i;
        }
    }
}

void filter_recover(Parser *p) {
    if (p->owed_separator || p->owed_braces > 0 || p->previous == TOKEN_END) {
        return; /* the tokens that are owed lead out */
    }
    int kind = p->previous;
    size_t from = p->next;
    if (kind == TOKEN_SEPARATOR && p->tokens[p->current].kind == TOKEN_SEMICOLON) {
        return;
    }
    if (kind != TOKEN_SEPARATOR) {
        p->open_count = p->open_before;
    }
    if (kind == TOKEN_RIGHT_BRACE && has_open_brace(p)) {
        from = p->current;
    }
    bool resume_here = p->open_count > 0 && top_bracket(p) != TOKEN_LEFT_BRACE &&
                       token_is_first(p, p->current) && p->current != p->statement &&
                       token_column(p, p->current) <= token_column(p, p->statement);
    while (p->open_count > 0 && top_bracket(p) != TOKEN_LEFT_BRACE) {
        p->open_count--;
    }
    p->next = resume_here ? p->current : find_next_statement(p, from, kind == TOKEN_LEFT_BRACE);
    p->owed_separator = true;
}
