/* message.c: the words of errors. An error inside the library is told at the user's call of it. */
#include <stdio.h>
#include <string.h>

#include "lower/elaborate.h"

enum { TEXT_LIMIT = 48, NOTE_LIMIT = 3 };

static bool in_library(const Lower *lower, Span at) {
    return at.file != 0 && sources_get(lower->front->sources, at.file)->library;
}

Span user_span(const Lower *lower, Span at) {
    for (const Call *c = lower->call; c && in_library(lower, at); c = c->outer) {
        at = c->span;
    }
    return at;
}

Diag *lower_error(Lower *lower, Span at, const char *format, ...) {
    va_list args, again;
    Span place = user_span(lower, at);
    unsigned notes = 0;

    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *message = arena_alloc(lower->arena, length < 0 ? 1 : (size_t)length + 1);
    (void)vsnprintf(message, length < 0 ? 1 : (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    Diag *diag = diag_error(lower->diags, place, "%s", message);
    if (in_library(lower, at)) {
        diag_note(lower->diags, diag, at, "in the library's `%s`", lower->call->function->name);
    }
    for (const Call *c = lower->call; c && c->outer && notes < NOTE_LIMIT; c = c->outer) {
        if (!in_library(lower, c->span) && c->span.start != place.start &&
            c->function->formal_count > 0) {
            diag_note(lower->diags, diag, c->span, "in this call of `%s`", c->function->name);
            notes++;
        }
    }
    return diag;
}

const char *expr_text(Lower *lower, const Expr *expr) {
    const char *text = front_expression_text(lower->arena, strip_parens(expr));
    size_t length = TEXT_LIMIT;

    if (strlen(text) <= TEXT_LIMIT) {
        return text;
    }
    while (length > 0 && ((unsigned char)text[length] & 0xC0u) == 0x80u) {
        length--; /* not inside a letter */
    }
    return arena_format(lower->arena, "%.*s…", (int)length, text);
}

const char *shape_text(Lower *lower, Ref value) {
    const Node *node = ir_node(lower->ir, value);
    Text text;

    text_init(&text, lower->arena);
    text_add(&text, "[");
    for (unsigned k = 0; k < node->rank; k++) {
        text_format(&text, "%s%s", k == 0 ? "" : ", ", dim_text(lower->ir, node->shape[k]));
    }
    text_add(&text, "]");
    return text.data;
}

const char *what_text(Lower *lower, Ref value) {
    if (ir_rank(lower->ir, value) > 0) {
        return arena_format(lower->arena, "an array of shape %s", shape_text(lower, value));
    }
    switch (ir_kind(lower->ir, value)) {
    case KIND_REAL:
        return "a real number";
    case KIND_INT:
        return "a whole number";
    case KIND_BOOL:
        return "a truth value";
    }
    return "a value";
}

Span origin(Lower *lower, const Expr *expr) {
    const Expr *e = strip_parens(expr);

    if (e->kind != EXPR_NAME) {
        return expr->span;
    }
    const Binding *local = find_binding(lower, e->as.name);
    if (local) {
        return local->span;
    }
    for (size_t k = 0; k < lower->model->param_count; k++) {
        if (lower->model->params[k].name == e->as.name) {
            return lower->model->params[k].declaration->span;
        }
    }
    const ModelFunction *f = model_function(lower->model, e->as.name);
    return f && !f->ast->has_parens ? f->ast->name_span : expr->span;
}

void note_shape(Lower *lower, Diag *diag, const Expr *expr, Ref value) {
    const char *what = ir_rank(lower->ir, value) == 0
                           ? what_text(lower, value)
                           : arena_format(lower->arena, "of shape %s", shape_text(lower, value));

    if (in_library(lower, expr->span)) {
        return;
    }
    diag_note(lower->diags, diag, origin(lower, expr), "`%s` is %s", expr_text(lower, expr), what);
}
