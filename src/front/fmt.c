/* fmt.c: the canonical layout. It works on the tokens, so that what is said cannot change: the
 * lines stay broken where they were, spaces and indentation are made new, lines beyond 100 columns
 * are broken at their loosest operators, and comments stay where they were.
 *
 * A statement is laid out as a whole (lay_out): each of its tokens gets a column and whether it
 * begins a line; continuation lines stand under what they go on with. */
#include "front/parser.h"

#include "grammar/parse.h"

#include <string.h>

int grammar_lex(GRAMMAR_STYPE *value, Span *at, Parser *p);

enum { WIDTH = 100, INDENT = 4, NO_COLUMN = -1 };

/* One token, or a comment. */
typedef struct {
    size_t token; /* of the parser's */
    int kind;     /* as the grammar sees it: TOKEN_PARAM, not TOKEN_NAME */
    int lines;    /* new lines before it in the text */
    int depth;    /* brackets around it inside of its statement */
    bool starts;  /* a statement, or an item */
    bool breaks;  /* begins a line of the output */
    bool unary;   /* a minus before an operand */
    int width, column;
} Piece;

/* What a continuation line stands under. */
typedef struct {
    int start;      /* the statement's column */
    int list;       /* of the first in a list at item level, or after `return` */
    int expression; /* of what follows the last `=` or `return` */
    bool hanging;   /* that stands on a line of its own */
    int if_count, depth;
    int ifs[2 * MAX_DEPTH + 2]; /* columns of the `if`s without `else` yet */
    int content[MAX_DEPTH + 1]; /* of the first piece in each bracket, */
    int bracket[MAX_DEPTH + 1]; /* and of what its closing one stands under */
} Under;

typedef struct {
    Parser p;
    Text out;
    Piece *pieces;
    size_t count;
    int column; /* of the output */
    Under under, saved;
    int comment_column;  /* in the output, of the comment that ended the last line */
    size_t comment_from; /* and in the text */
} Format;

/* ---- pieces -----------------------------------------------------------------------------------
 */

static bool ends_operand(int kind) {
    return kind == TOKEN_NAME || kind == TOKEN_NUMBER || kind == TOKEN_RIGHT ||
           kind == TOKEN_RIGHT_SQUARE || kind == TOKEN_QUOTE;
}

static bool opens(int kind) {
    return kind == TOKEN_LEFT || kind == TOKEN_LEFT_SQUARE;
}

static bool closes(int kind) {
    return kind == TOKEN_RIGHT || kind == TOKEN_RIGHT_SQUARE;
}

static void add_piece(Format *f, size_t token, int kind, bool starts) {
    const Token *raw = &f->p.tokens[token];
    Piece *piece = &f->pieces[f->count++];
    *piece = (Piece){.token = token, .kind = kind, .starts = starts};
    size_t from = token;
    while (from > 0 && f->p.tokens[from - 1].kind == TOKEN_NEWLINE) {
        from--;
        piece->lines++;
    }
    const char *text = f->p.source->text + raw->start;
    size_t length = raw->end - raw->start;
    while (kind == TOKEN_COMMENT && length > 0 &&
           (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r')) {
        length--;
    }
    piece->width = (int)display_width(text, length);
    if (kind == TOKEN_MINUS) {
        size_t before = f->count - 1;
        while (before > 0 && f->pieces[before - 1].kind == TOKEN_COMMENT) {
            before--;
        }
        piece->unary = before == 0 || !ends_operand(f->pieces[before - 1].kind);
    }
}

/* The tokens as the filter sees them, with the comments between. */
static void collect(Format *f) {
    f->pieces = arena_array(f->p.front->arena, Piece, f->p.token_count + 1);
    f->p.first = TOKEN_START_FILE;
    bool starts = true;
    size_t done = 0; /* tokens before it are in */
    for (;;) {
        GRAMMAR_STYPE value;
        Span at;
        int kind = grammar_lex(&value, &at, &f->p);
        if (kind == TOKEN_END) {
            break;
        }
        if (kind == TOKEN_SEPARATOR || kind == TOKEN_START_FILE) {
            starts = true;
            continue;
        }
        for (; done < f->p.current; done++) {
            if (f->p.tokens[done].kind == TOKEN_COMMENT) {
                add_piece(f, done, TOKEN_COMMENT, false);
            }
        }
        done = f->p.current + 1;
        add_piece(f, f->p.current, kind, starts && kind != TOKEN_RIGHT_BRACE);
        starts = kind == TOKEN_LEFT_BRACE;
    }
    for (; done < f->p.token_count; done++) {
        if (f->p.tokens[done].kind == TOKEN_COMMENT) {
            add_piece(f, done, TOKEN_COMMENT, false);
        }
    }
}

/* ---- spaces -----------------------------------------------------------------------------------
 */

/* `1.` before `..`, and `..` before `.5`: three points in a row would be something else. */
static bool points_touch(const Format *f, const Piece *left, const Piece *right) {
    const char *text = f->p.source->text;
    const Token *a = &f->p.tokens[left->token], *b = &f->p.tokens[right->token];
    return text[a->end - 1] == '.' && text[b->start] == '.';
}

static bool needs_space(const Format *f, const Piece *left, const Piece *right) {
    int a = left->kind, b = right->kind;
    if (opens(a) || closes(b) || b == TOKEN_COMMA || b == TOKEN_QUOTE || left->unary) {
        return false;
    }
    if (a == TOKEN_DOTS || b == TOKEN_DOTS) {
        return a == TOKEN_COMMA || a == TOKEN_IN || points_touch(f, left, right);
    }
    if (a == TOKEN_CARET || b == TOKEN_CARET) {
        return false;
    }
    if (b == TOKEN_LEFT) {
        return a != TOKEN_NAME;
    }
    if (b == TOKEN_LEFT_SQUARE) {
        return !ends_operand(a);
    }
    return !(a == TOKEN_LEFT_BRACE && b == TOKEN_RIGHT_BRACE);
}

/* ---- lines of a statement
 * ------------------------------------------------------------------------ */

static const struct {
    int kind, looseness;
} break_points[] = {
    {TOKEN_ELSE, 9}, {TOKEN_OR, 8},    {TOKEN_AND, 7},  {TOKEN_EQ, 6},    {TOKEN_NE, 6},
    {TOKEN_LT, 6},   {TOKEN_LE, 6},    {TOKEN_GT, 6},   {TOKEN_GE, 6},    {TOKEN_FOR, 9},
    {TOKEN_PLUS, 5}, {TOKEN_MINUS, 5}, {TOKEN_STAR, 4}, {TOKEN_SLASH, 4}, {TOKEN_FLOOR, 4},
    {TOKEN_AT, 4},   {TOKEN_TILDE, 9}, {TOKEN_THEN, 3},
};

static int looseness_of(const Piece *piece) {
    for (size_t i = 0; !piece->unary && i < sizeof break_points / sizeof break_points[0]; i++) {
        if (break_points[i].kind == piece->kind) {
            return break_points[i].looseness;
        }
    }
    return 0;
}

/* How well a line may break before pieces[i]: the loosest first; 0: not at all. */
static int break_rank(const Piece *pieces, size_t i) {
    if (pieces[i - 1].kind == TOKEN_COMMA) {
        return 10;
    }
    if (pieces[i - 1].kind == TOKEN_ASSIGN && pieces[i].depth == 0) {
        return 1;
    }
    return looseness_of(&pieces[i]);
}

static int continuation_column(const Under *under, const Piece *piece) {
    int base = under->list != NO_COLUMN ? under->list : under->start;
    if ((piece->kind == TOKEN_THEN || piece->kind == TOKEN_ELSE) && under->if_count > 0) {
        return under->ifs[under->if_count - 1];
    }
    if (closes(piece->kind) && under->depth > 0) {
        return under->bracket[under->depth];
    }
    if (under->depth > 0) {
        return under->content[under->depth];
    }
    if (looseness_of(piece) > 0 && piece->kind != TOKEN_TILDE && under->expression != NO_COLUMN) {
        int column = under->expression - (under->hanging ? 0 : piece->width + 1);
        return column > under->start ? column : under->start + INDENT;
    }
    return base + INDENT;
}

static bool is_item_word(int kind) {
    return kind == TOKEN_MODEL || kind == TOKEN_IMPORT || kind == TOKEN_DIM ||
           kind == TOKEN_CONST || kind == TOKEN_DATA || kind == TOKEN_PARAM;
}

static bool defines(int kind) {
    return kind == TOKEN_ASSIGN || kind == TOKEN_ADD_ASSIGN || kind == TOKEN_SUB_ASSIGN ||
           kind == TOKEN_MUL_ASSIGN || kind == TOKEN_DIV_ASSIGN;
}

static void enter_bracket(Under *under, int column, int line_column, bool content_follows) {
    if (under->depth < MAX_DEPTH) {
        under->depth++;
        under->content[under->depth] = content_follows ? column + 1 : line_column + INDENT;
        under->bracket[under->depth] = content_follows ? column : line_column;
    }
}

/* What piece i, now placed, means for the lines below. */
static void note_piece(Under *under, const Piece *pieces, size_t i, size_t count, int line_column) {
    const Piece *piece = &pieces[i];
    bool after_word = i > 0 && (is_item_word(pieces[i - 1].kind) ||
                                (pieces[i - 1].kind == TOKEN_RETURN && i == 1));
    if (after_word && under->depth == 0 && i == 1) {
        under->list = piece->column;
        under->expression = piece->column;
        under->hanging = piece->breaks;
    } else if (i > 0 && defines(pieces[i - 1].kind) && under->depth == 0) {
        under->expression = piece->column;
        under->hanging = piece->breaks;
    }
    if (piece->kind == TOKEN_IF && under->if_count < 2 * MAX_DEPTH) {
        bool chained = i > 0 && pieces[i - 1].kind == TOKEN_ELSE && !piece->breaks;
        int column = chained ? under->ifs[under->if_count] : piece->column;
        under->ifs[under->if_count++] = column;
    } else if (piece->kind == TOKEN_ELSE && under->if_count > 0) {
        under->if_count--;
    }
    if (opens(piece->kind)) {
        bool follows = i + 1 < count && !pieces[i + 1].breaks;
        enter_bracket(under, piece->column, line_column, follows);
    } else if (closes(piece->kind) && under->depth > 0) {
        under->depth--;
    }
}

static int next_column(const Format *f, const Piece *pieces, size_t i) {
    const Under *under = &f->under;
    if (!pieces[i].breaks) {
        return pieces[i - 1].column + pieces[i - 1].width +
               needs_space(f, &pieces[i - 1], &pieces[i]);
    }
    bool listed =
        pieces[i - 1].kind == TOKEN_COMMA && under->depth == 0 && under->list != NO_COLUMN;
    return listed ? under->list : continuation_column(under, &pieces[i]);
}

static void copy_under(Under *to, const Under *from) {
    memcpy(to, from, offsetof(Under, ifs));
    memcpy(to->ifs, from->ifs, (size_t)from->if_count * sizeof(int));
    memcpy(to->content, from->content, (size_t)(from->depth + 1) * sizeof(int));
    memcpy(to->bracket, from->bracket, (size_t)(from->depth + 1) * sizeof(int));
}

/* Whether a line breaks better before piece i than before piece `best` on its left. */
static bool is_better(const Piece *pieces, size_t i, size_t best) {
    return best == 0 || pieces[i].depth < pieces[best].depth ||
           (pieces[i].depth == pieces[best].depth &&
            break_rank(pieces, i) >= break_rank(pieces, best));
}

/* Gives the pieces of one line their columns, from the first on. Returns where the next line
 * begins; if this one is too long that is the best place to break it. */
static size_t place_line(Format *f, Piece *pieces, size_t count, size_t first) {
    size_t best = 0, i = first;
    for (; i < count && (i == first || !pieces[i].breaks); i++) {
        Piece *piece = &pieces[i];
        bool full = i > first && piece[-1].column + piece[-1].width > WIDTH;
        if (i > first && piece->kind != TOKEN_COMMENT && break_rank(pieces, i) > 0 &&
            (!full || best == 0) && is_better(pieces, i, best)) {
            best = i;
        }
        if (full && best != 0) {
            return best;
        }
        if (i > 0) {
            piece->column = next_column(f, pieces, i);
        }
        note_piece(&f->under, pieces, i, count, pieces[first].column);
    }
    bool comment = pieces[i - 1].kind == TOKEN_COMMENT; /* may stand beyond the margin */
    const Piece *last = &pieces[i - 1 - (comment && i - 1 > first)];
    return last->column + last->width > WIDTH && best != 0 ? best : i;
}

/* Gives the pieces of one statement their columns and lines; the first stands at `column`. */
static void lay_out(Format *f, Piece *pieces, size_t count, int column) {
    int depth = 0;
    for (size_t i = 0; i < count; i++) {
        depth -= closes(pieces[i].kind);
        pieces[i].depth = depth;
        depth += opens(pieces[i].kind);
    }
    f->under.start = pieces[0].column = column;
    f->under.list = f->under.expression = NO_COLUMN;
    f->under.hanging = false;
    f->under.if_count = f->under.depth = 0;
    for (size_t first = 0, next; first < count; first = next) {
        copy_under(&f->saved, &f->under);
        next = place_line(f, pieces, count, first);
        if (next < count && !pieces[next].breaks) {
            pieces[next].breaks = true;
            copy_under(&f->under, &f->saved);
            place_line(f, pieces, next, first);
        }
    }
}

/* ---- output -----------------------------------------------------------------------------------
 */

static void put(Format *f, const char *text, size_t length, int width) {
    text_add_bytes(&f->out, text, length);
    f->column += width;
}

static void to_column(Format *f, int column) {
    while (f->column < column) {
        put(f, " ", 1, 1);
    }
}

static void new_line(Format *f) {
    if (f->column > 0) {
        text_add(&f->out, "\n");
        f->column = 0;
        f->comment_column = NO_COLUMN;
    }
}

static void put_token(Format *f, const Piece *piece) {
    const Token *token = &f->p.tokens[piece->token];
    size_t length = token->end - token->start;
    const char *text = f->p.source->text + token->start;
    while (piece->kind == TOKEN_COMMENT && length > 0 &&
           (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r')) {
        length--;
    }
    put(f, text, length, piece->width);
}

static void put_comment(Format *f, const Piece *piece, int column) {
    size_t from = token_column(&f->p, piece->token);
    int kept = f->comment_column;
    size_t kept_from = f->comment_from;
    if (piece->lines == 0 && piece->token > 0 && f->out.length > 0) {
        int end = f->column + 2; /* behind code: where it was, if there is room */
        size_t line = f->p.tokens[piece->token].start - from;
        int was = (int)display_width(f->p.source->text + line, from);
        column = was > end ? was : end;
    } else {
        new_line(f);
        if (kept != NO_COLUMN && kept_from == from && piece->lines == 1) {
            column = kept; /* goes on with the comment behind the line above */
        }
    }
    to_column(f, column);
    f->comment_column = piece->lines == 0 || column == kept ? column : NO_COLUMN;
    f->comment_from = from;
    put_token(f, piece);
    int stays = f->comment_column;
    new_line(f);
    f->comment_column = stays;
}

/* A blank line of the text stays one, but at the ends of a block and of the file. */
static void keep_blank_line(Format *f, const Piece *piece) {
    new_line(f);
    bool first = piece == f->pieces || (piece[-1].kind == TOKEN_LEFT_BRACE);
    if (piece->lines > 1 && !first && piece->kind != TOKEN_RIGHT_BRACE) {
        text_add(&f->out, "\n");
    }
}

static void put_statement(Format *f, size_t first, size_t last) {
    Piece *pieces = f->pieces + first;
    for (size_t i = 0; i < last - first; i++) {
        const Piece *piece = &pieces[i];
        if (piece->kind == TOKEN_COMMENT) {
            put_comment(f, piece, piece->column);
            continue;
        }
        if (i > 0 && piece->breaks) {
            new_line(f);
        }
        to_column(f, piece->column);
        put_token(f, piece);
    }
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

/* The `}` of the `{` at i, or count. */
static size_t find_close(const Format *f, size_t i) {
    int depth = 0;
    for (; i + 1 < f->count; i++) {
        depth += f->pieces[i].kind == TOKEN_LEFT_BRACE;
        depth -= f->pieces[i].kind == TOKEN_RIGHT_BRACE;
        if (depth == 0) {
            break;
        }
    }
    return i;
}

/* Of the pieces up to `last` on one line, with what stands before each. */
static int flat_width(const Format *f, size_t first, size_t last) {
    int width = 0;
    for (size_t i = first; i < last; i++) {
        const Piece *piece = &f->pieces[i];
        bool separated = piece->starts && piece[-1].kind != TOKEN_LEFT_BRACE;
        width += piece->width + (separated ? 2 : needs_space(f, piece - 1, piece));
    }
    return width;
}

/* Whether the block whose `{` is at i has its statements on lines of their own. */
static bool is_tall(const Format *f, size_t i, int column) {
    size_t close = find_close(f, i);
    for (size_t k = i + 1; k <= close && k < f->count; k++) {
        if (f->pieces[k].lines > 0 || f->pieces[k].kind == TOKEN_COMMENT) {
            return true;
        }
    }
    return column + flat_width(f, i + 1, close + 1) > WIDTH;
}

static bool ends_statement(const Format *f, size_t i) {
    return i == f->count || f->pieces[i].starts || f->pieces[i].kind == TOKEN_RIGHT_BRACE;
}

/* A comment that stands between statements, not inside of one. */
static bool is_between(const Format *f, size_t i) {
    while (i < f->count && f->pieces[i].kind == TOKEN_COMMENT) {
        i++;
    }
    return ends_statement(f, i);
}

/* From the first piece of a statement to behind its last, a `{` included. */
static size_t find_end(const Format *f, size_t first) {
    size_t i = first;
    while (i == first ||
           (!ends_statement(f, i) && !(f->pieces[i].kind == TOKEN_COMMENT && is_between(f, i)))) {
        if (f->pieces[i++].kind == TOKEN_LEFT_BRACE) {
            break;
        }
    }
    return i;
}

static void set_breaks(Format *f, size_t first, size_t last) {
    for (size_t i = first + 1; i < last; i++) {
        Piece *piece = &f->pieces[i];
        bool forced = f->pieces[i - 1].kind == TOKEN_COMMENT;
        piece->breaks = forced || (piece->lines > 0 && piece->kind != TOKEN_LEFT_BRACE);
    }
}

typedef struct {
    bool tall;
} Block;

static void format_pieces(Format *f) {
    Block blocks[MAX_DEPTH + 1];
    int depth = 0;
    for (size_t i = 0; i < f->count;) {
        Piece *piece = &f->pieces[i];
        bool tall = depth == 0 || blocks[depth].tall;
        if (piece->kind == TOKEN_COMMENT) {
            if (piece->lines > 0) {
                int column = f->comment_column;
                keep_blank_line(f, piece);
                f->comment_column = column;
            }
            put_comment(f, piece, depth * INDENT);
            i++;
            continue;
        }
        if (piece->kind == TOKEN_RIGHT_BRACE) {
            depth -= depth > 0;
            if (tall) {
                new_line(f);
                to_column(f, depth * INDENT);
            } else if (f->pieces[i - 1].kind != TOKEN_LEFT_BRACE) {
                put(f, " ", 1, 1);
            }
            put(f, "}", 1, 1);
            i++;
            continue;
        }
        bool own_line =
            i == 0 || piece->lines > 0 || piece[-1].kind == TOKEN_COMMENT || (tall && depth > 0);
        if (own_line) {
            keep_blank_line(f, piece);
            to_column(f, depth * INDENT);
        } else {
            bool first = piece[-1].kind == TOKEN_LEFT_BRACE;
            put(f, first ? " " : "; ", first ? 1 : 2, first ? 1 : 2);
        }
        size_t end = find_end(f, i);
        set_breaks(f, i, end);
        lay_out(f, piece, end - i, f->column);
        put_statement(f, i, end);
        if (f->pieces[end - 1].kind == TOKEN_LEFT_BRACE && depth < MAX_DEPTH) {
            depth++;
            blocks[depth].tall = is_tall(f, end - 1, f->column);
        }
        i = end;
    }
    new_line(f);
}

const char *front_format(const Front *front, const Ast *ast) {
    Format *f = arena_new(front->arena, Format);
    parser_scan(&f->p, front, ast->file);
    text_init(&f->out, front->arena);
    f->comment_column = NO_COLUMN;
    collect(f);
    format_pieces(f);
    return f->out.data;
}
