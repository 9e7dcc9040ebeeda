/* dump.c: the checked model as text, for --dump=model. */
#include "sema/sema_private.h"

static const char *const role_names[] = {
    [FUNCTION_PLAIN] = "function",  [FUNCTION_FORWARD] = "forward", [FUNCTION_LOSS] = "loss",
    [FUNCTION_PENALTY] = "penalty", [FUNCTION_PRIOR] = "prior",     [FUNCTION_METRIC] = "metric",
    [FUNCTION_OWN_PRIOR] = "prior",
};

static void dump_array(Text *text, Arena *arena, const char *what, const Declaration *d) {
    text_format(text, "%s %s", what, d->name);
    for (const Expr *e = d->shape; e; e = e->next) {
        text_format(text, "%s%s", e == d->shape ? "[" : ", ", front_expression_text(arena, e));
    }
    text_add(text, d->shape ? "]" : "");
    if (d->value) {
        text_format(text, " = %s", front_expression_text(arena, d->value));
    }
    text_add(text, "\n");
}

static void dump_function(Text *text, Arena *arena, const ModelFunction *f) {
    size_t k = 0;

    text_format(text, "%s %s", role_names[f->role], f->name);
    text_add(text, f->ast->has_parens ? "(" : "");
    for (const Formal *a = f->ast->formals; a; a = a->next, k++) {
        text_format(text, "%s%s", k == 0 ? "" : ", ", a->name);
        for (const Expr *e = a->shape; e; e = e->next) {
            text_format(text, "%s%s", e == a->shape ? "[" : ", ", front_expression_text(arena, e));
        }
        text_add(text, a->shape ? "]" : "");
        if (a->class_size) {
            text_format(text, " in %s", front_expression_text(arena, a->class_size));
        }
        text_add(text, f->size[k] ? ": size" : f->whole[k] ? ": whole" : "");
    }
    text_add(text, f->ast->has_parens ? ")" : "");
    text_add(text, f->used || f->role != FUNCTION_PLAIN ? "\n" : " unused\n");
}

const char *model_dump(const Model *model, Arena *arena) {
    Text text;

    text_init(&text, arena);
    text_format(&text, "model %s (%s)\n", model->name, model->c_prefix);
    for (size_t k = 0; k < model->dim_count; k++) {
        const ModelDim *d = &model->dims[k];
        text_format(&text, "dim %s", d->name);
        if (d->known) {
            text_format(&text, " = %lld", (long long)d->value);
        }
        text_add(&text, d->rows ? " rows" : d->from_labels && !d->known ? " labels" : "");
        text_add(&text, "\n");
    }
    for (size_t k = 0; k < model->const_count; k++) {
        text_format(&text, "const %s = ", model->consts[k].name);
        text_add_number(&text, model->consts[k].value, false);
        text_add(&text, model->consts[k].fixed ? " fixed\n" : "\n");
    }
    for (size_t k = 0; k < model->data_count; k++) {
        dump_array(&text, arena, "data", model->datas[k].declaration);
    }
    for (size_t k = 0; k < model->param_count; k++) {
        dump_array(&text, arena, "param", model->params[k].declaration);
    }
    for (size_t k = 0; k < model->function_count; k++) {
        dump_function(&text, arena, &model->functions[k]);
    }
    return text.data;
}
