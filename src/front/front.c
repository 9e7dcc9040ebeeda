/* front.c: parsing a file or an expression; the embedded library; tokens as text. */
#include "front/parser.h"

#include "grammar/parse.h"

#include <string.h>

static void prepare_part(Parser *p, const Front *front, uint32_t file, uint32_t begin, uint32_t end,
                         int first) {
    *p = (Parser){.front = front,
                  .source = sources_get(front->sources, file),
                  .file = file,
                  .begin = begin,
                  .end = end,
                  .first = first,
                  .statement = 0};
    p->ast = arena_new(front->arena, Ast);
    p->ast->file = file;
    p->last_item = &p->ast->items;
    scan_tokens(p);
}

static void prepare(Parser *p, const Front *front, uint32_t file, int first) {
    const Source *source = sources_get(front->sources, file);
    if (source->length > INT32_MAX - 16) {
        fatal("`%s` is too large: a model may have 2 GiB", source->path);
    }
    prepare_part(p, front, file, 0, (uint32_t)source->length, first);
}

void parser_scan(Parser *p, const Front *front, uint32_t file) {
    prepare(p, front, file, 0);
}

Ast *front_parse(const Front *front, uint32_t file) {
    Parser p;
    prepare(&p, front, file, TOKEN_START_FILE);
    grammar_parse(&p);
    return p.ast;
}

Ast *front_parse_part(const Front *front, uint32_t file, uint32_t begin, uint32_t end) {
    Parser p;
    prepare_part(&p, front, file, begin, end, TOKEN_START_FILE);
    grammar_parse(&p);
    return p.ast;
}

Expr *front_parse_expression(const Front *front, uint32_t file) {
    size_t errors = diags_errors(front->diags);
    Parser p;
    prepare(&p, front, file, TOKEN_START_EXPRESSION);
    grammar_parse(&p);
    return diags_errors(front->diags) > errors ? NULL : p.expression;
}

const LibraryFunction *front_library(size_t k) {
    return library_functions[k].name != NULL ? &library_functions[k] : NULL;
}

const char *front_library_text(size_t file, const char **name, size_t *length) {
    *name = library_files[file].name;
    *length = library_files[file].length;
    return library_files[file].text;
}

/* The names of tokens as --dump=tokens shows them. */
static const char *kind_name(int kind) {
    switch (kind) {
    case TOKEN_NAME:
        return "name";
    case TOKEN_NUMBER:
        return "number";
    case TOKEN_STRING:
        return "string";
    case TOKEN_NEWLINE:
        return "newline";
    case TOKEN_COMMENT:
        return "comment";
    case TOKEN_BAD:
        return "bad";
    case TOKEN_END:
        return "end";
    default:
        return "mark";
    }
}

const char *front_tokens(const Front *front, uint32_t file) {
    Parser p;
    prepare(&p, front, file, 0);
    Text out;
    text_init(&out, front->arena);
    for (size_t i = 0; i < p.token_count; i++) {
        const Token *token = &p.tokens[i];
        Place place = sources_place(front->sources, file, token->start);
        text_format(&out, "%u:%u %s", (unsigned)place.line, (unsigned)place.column,
                    kind_name(token->kind));
        if (token->kind != TOKEN_NEWLINE && token->kind != TOKEN_END) {
            text_add(&out, " ");
            text_add_bytes(&out, p.source->text + token->start, token->end - token->start);
        }
        text_add(&out, "\n");
    }
    return out.data;
}
