/* names.c: look-up in the model's tables; the C spelling of names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sema/sema_private.h"

Name sema_name(const Sema *sema, const char *text) {
    return intern_text(sema->front->names, text);
}

/* ---- look-up -------------------------------------------------------------------------------- */

/* The place of a name in a list of `count` entries of `size` bytes, `at` of which is its name; or
 * SIZE_MAX. Lists only grow. */
static size_t find_in(const Model *model, ModelList list, const void *items, size_t count,
                      size_t size, size_t at, Name name) {
    NameTable *table = &model->names->tables[list];
    const char *item = items;

    while (table->noted < count) {
        Name next;
        memcpy(&next, item + table->noted * size + at, sizeof next);
        names_note(table, model->names->arena, next);
    }
    return names_find(table, name);
}

#define FIND_IN(model, list, items, count, name)                                                   \
    find_in(model, list, items, count, sizeof *(items),                                            \
            (size_t)((const char *)&(items)->name - (const char *)(items)), name)

size_t model_function_number(const Model *model, Name name) {
    return model->function_count == 0
               ? SIZE_MAX
               : FIND_IN(model, LIST_FUNCTIONS, model->functions, model->function_count, name);
}

void sema_forget_names(const Sema *sema, ModelList list) {
    sema->model->names->tables[list] = (NameTable){0};
}

const ModelFunction *model_function(const Model *model, Name name) {
    size_t k = model_function_number(model, name);

    return k != SIZE_MAX ? &model->functions[k] : model_library_function(model, name);
}

bool model_imported(const Model *model, const ModelFunction *function) {
    return function->ast->span.file != model->ast->file;
}

bool model_takes_functions(const ModelFunction *function) {
    for (const Formal *a = function->ast->formals; a; a = a->next) {
        if (a->is_function) {
            return true;
        }
    }
    return false;
}

const ModelFunction *model_library_function(const Model *model, Name name) {
    size_t k = model->library_count == 0
                   ? SIZE_MAX
                   : FIND_IN(model, LIST_LIBRARY, model->library, model->library_count, name);

    return k != SIZE_MAX ? &model->library[k] : NULL;
}

const ModelExternal *model_external(const Model *model, Name name) {
    for (size_t k = 0; k < model->external_count; k++) {
        if (model->externals[k].name == name) {
            return &model->externals[k];
        }
    }
    return NULL;
}

const ModelExternal *model_declared_external(const Model *model, Name name) {
    const ModelExternal *external = model_external(model, name);

    return external && external->declared ? external : NULL;
}

const ModelDim *model_dim(const Model *model, Name name) {
    size_t k = model->dim_count == 0
                   ? SIZE_MAX
                   : FIND_IN(model, LIST_DIMS, model->dims, model->dim_count, name);

    return k != SIZE_MAX ? &model->dims[k] : NULL;
}

const ModelConst *model_const(const Model *model, Name name) {
    size_t k = model->const_count == 0
                   ? SIZE_MAX
                   : FIND_IN(model, LIST_CONSTS, model->consts, model->const_count, name);

    return k != SIZE_MAX ? &model->consts[k] : NULL;
}

const char *const model_derivatives[MODEL_DERIVATIVES] = {"deriv", "grad", "jacobian", "hessian",
                                                          "dirderiv"};

bool model_differentiates(const char *name) {
    for (size_t k = 0; k < MODEL_DERIVATIVES; k++) {
        if (strcmp(name, model_derivatives[k]) == 0) {
            return true;
        }
    }
    return false;
}

size_t model_param_number(const Model *model, Name name) {
    return model->param_count == 0
               ? SIZE_MAX
               : FIND_IN(model, LIST_PARAMS, model->params, model->param_count, name);
}

size_t model_data_number(const Model *model, Name name) {
    return model->data_count == 0
               ? SIZE_MAX
               : FIND_IN(model, LIST_DATAS, model->datas, model->data_count, name);
}

size_t model_names(const Model *model, Arena *arena, bool functions, const Name **names) {
    size_t library_count = 0;
    while (front_library(library_count)) {
        library_count++;
    }
    size_t limit = model->dim_count + model->const_count + model->param_count + model->data_count +
                   model->function_count + library_count + model->external_count;
    Name *list = arena_array(arena, Name, limit + 1);
    size_t count = 0;

    for (size_t k = 0; k < model->function_count; k++) {
        if (model->functions[k].ast->has_parens == functions &&
            model->functions[k].role != FUNCTION_OWN_PRIOR) {
            list[count++] = model->functions[k].name;
        }
    }
    for (size_t k = 0; functions && k < model->external_count; k++) {
        if (model->externals[k].declared) {
            list[count++] = model->externals[k].name;
        }
    }
    for (size_t k = 0; functions && k < library_count; k++) {
        list[count++] = front_library(k)->name;
    }
    for (size_t k = 0; !functions && k < model->dim_count; k++) {
        list[count++] = model->dims[k].name;
    }
    for (size_t k = 0; !functions && k < model->const_count; k++) {
        list[count++] = model->consts[k].name;
    }
    for (size_t k = 0; !functions && k < model->param_count; k++) {
        list[count++] = model->params[k].name;
    }
    for (size_t k = 0; !functions && k < model->data_count; k++) {
        list[count++] = model->datas[k].name;
    }
    *names = list;
    return count;
}

/* ---- C names ------------------------------------------------------------------------------------
 */

/* The Greek letters from U+03B1 on; the capitals are 0x20 lower. */
static const char *const greek[] = {
    "alpha", "beta",   "gamma",   "delta", "epsilon", "zeta",    "eta",   "theta", "iota",
    "kappa", "lambda", "mu",      "nu",    "xi",      "omicron", "pi",    "rho",   "sigma",
    "sigma", "tau",    "upsilon", "phi",   "chi",     "psi",     "omega",
};

static const char *const c_keywords[] = {
    "auto",     "break",  "case",     "char",      "const",    "continue", "default",  "do",
    "double",   "else",   "enum",     "extern",    "float",    "for",      "goto",     "if",
    "inline",   "int",    "long",     "register",  "restrict", "return",   "short",    "signed",
    "sizeof",   "static", "struct",   "switch",    "typedef",  "union",    "unsigned", "void",
    "volatile", "while",  "asm",      "bool",      "class",    "new",      "this",     "template",
    "private",  "public", "operator", "namespace", "delete",   "try",      "catch",    "throw",
};

static uint32_t decode(const char **at) {
    const unsigned char *s = (const unsigned char *)*at;
    uint32_t code = s[0];
    int more = code >= 0xF0 ? 3 : code >= 0xE0 ? 2 : code >= 0xC0 ? 1 : 0;

    code = more == 3 ? code & 7u : more == 2 ? code & 15u : more == 1 ? code & 31u : code;
    for (s++; more > 0 && (*s & 0xC0u) == 0x80u; more--) {
        code = code << 6 | (*s++ & 63u);
    }
    *at = (const char *)s;
    return code;
}

static void add_letter(Text *text, uint32_t code) {
    char capital[16];

    if (code < 0x80) {
        char c = (char)code;
        if (isalnum((unsigned char)c) || c == '_') {
            text_add_bytes(text, &c, 1);
        } else {
            text_add(text, "_");
        }
    } else if (code >= 0x2080 && code <= 0x2089) { /* subscript digits */
        text_format(text, "%u", (unsigned)(code - 0x2080));
    } else if (code >= 0x3B1 && code <= 0x3C9) {
        text_add(text, greek[code - 0x3B1]);
    } else if (code >= 0x391 && code <= 0x3A9) {
        (void)snprintf(capital, sizeof capital, "%s", greek[code - 0x391]);
        capital[0] = (char)toupper((unsigned char)capital[0]);
        text_add(text, capital);
    } else if (code == 0x3D5) { /* the other phi */
        text_add(text, "phi");
    } else if (code == 0x3F5) { /* the other epsilon */
        text_add(text, "epsilon");
    } else {
        text_format(text, "u%x", (unsigned)code);
    }
}

const char *c_name(Arena *arena, const char *name) {
    Text text;

    text_init(&text, arena);
    if (isdigit((unsigned char)name[0])) {
        text_add(&text, "m");
    }
    for (const char *at = name; *at;) {
        add_letter(&text, decode(&at));
    }
    for (size_t k = 0; k < sizeof c_keywords / sizeof c_keywords[0]; k++) {
        if (strcmp(text.data, c_keywords[k]) == 0) {
            text_add(&text, "_");
            break;
        }
    }
    return text.data;
}
