/* derived.c: a metric without arguments, made of others (rmse = sqrt(mse)), as RPN for the runtime:
 * the words that runtime/predict.c computes, separated by commas. */
#include "driver/driver.h"

#include <math.h>
#include <string.h>

typedef struct {
    const Compiler *compiler;
    Text *text;
    bool ok;
} Writer;

/* What the runtime can call, by one argument. */
static const char *const calls[] = {"sqrt", "exp", "log", "abs", "log1p"};

static const struct {
    BinaryOp op;
    const char *word;
} operators[] = {
    {BIN_ADD, "+"}, {BIN_SUB, "-"}, {BIN_MUL, "*"}, {BIN_DIV, "/"}, {BIN_POW, "^"},
};

static void word(Writer *writer, const char *word) {
    text_add(writer->text, writer->text->length > 0 ? "," : "");
    text_add(writer->text, word);
}

static void refuse(Writer *writer, const Expr *expr) {
    const Front *front = &writer->compiler->front;
    if (writer->ok) {
        Diag *diag = diag_error(front->diags, expr->span,
                                "this in a metric without arguments is not supported yet");
        diag_label(front->diags, diag,
                   "supported are metrics, consts, numbers, + - * / ^, sqrt exp log abs log1p");
    }
    writer->ok = false;
}

static void number(Writer *writer, double value) {
    Text text;
    text_init(&text, writer->compiler->arena);
    text_add_number(&text, value, true);
    word(writer, text.data);
}

static void name(Writer *writer, const Expr *expr) {
    const Model *model = writer->compiler->model;
    const ModelFunction *function = model_function(model, expr->as.name);
    const ModelDim *dim = model_dim(model, expr->as.name);
    if ((function != NULL && function->role == FUNCTION_METRIC) ||
        model_const(model, expr->as.name) != NULL) {
        word(writer, expr->as.name);
    } else if (dim != NULL && dim->known) {
        number(writer, (double)dim->value);
    } else if (strcmp(expr->as.name, "pi") == 0) {
        number(writer, M_PI);
    } else {
        refuse(writer, expr);
    }
}

static void expression(Writer *writer, const Expr *expr);

static void call(Writer *writer, const Expr *expr) {
    for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++) {
        if (strcmp(expr->as.call.name, calls[k]) == 0 && expr->as.call.count == 1) {
            expression(writer, expr->as.call.args);
            word(writer, calls[k]);
            return;
        }
    }
    refuse(writer, expr);
}

static void binary(Writer *writer, const Expr *expr) {
    const Expr *const *chain;
    size_t count = expr_chain(writer->compiler->arena, expr, &chain);
    expression(writer, chain[0]->as.binary.a);
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        expression(writer, chain[i]->as.binary.b);
        while (k < sizeof operators / sizeof operators[0] &&
               operators[k].op != chain[i]->as.binary.op) {
            k++;
        }
        if (k == sizeof operators / sizeof operators[0]) {
            refuse(writer, chain[i]);
            return;
        }
        word(writer, operators[k].word);
    }
}

static void expression(Writer *writer, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_NUMBER:
        number(writer, expr->as.number.value);
        break;
    case EXPR_NAME:
        name(writer, expr);
        break;
    case EXPR_NEGATE:
        expression(writer, expr->as.unary.a);
        word(writer, "neg");
        break;
    case EXPR_PAREN:
        expression(writer, expr->as.unary.a);
        break;
    case EXPR_BINARY:
        binary(writer, expr);
        break;
    case EXPR_CALL:
        call(writer, expr);
        break;
    case EXPR_ERROR:
    case EXPR_NOT:
    case EXPR_TRANSPOSE:
    case EXPR_IF:
    case EXPR_REDUCE:
    case EXPR_COMPREHENSION:
    case EXPR_ARRAY:
    case EXPR_SUBSCRIPT:
        refuse(writer, expr);
        break;
    }
}

bool derived_is(const ModelFunction *function) {
    return function->role == FUNCTION_METRIC && !function->ast->has_parens;
}

const char *derived_metric(const Compiler *compiler, const ModelFunction *metric) {
    Text text;
    text_init(&text, compiler->arena);
    Writer writer = {.compiler = compiler, .text = &text, .ok = true};
    if (metric->ast->body == NULL) {
        diag_error(compiler->front.diags, metric->ast->name_span,
                   "a metric without arguments as a block is not supported yet");
        return NULL;
    }
    expression(&writer, metric->ast->body);
    return writer.ok ? text.data : NULL;
}

void derived_check(const Compiler *compiler) {
    const Model *model = compiler->model;
    for (size_t k = 0; k < model->function_count; k++) {
        if (derived_is(&model->functions[k])) {
            derived_metric(compiler, &model->functions[k]);
        }
    }
}
