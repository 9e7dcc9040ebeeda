/* names.c: look-up in the model's tables; the C spelling of names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sema/sema_private.h"

Name sema_name(const Sema *sema, const char *text) {
    return intern_text(sema->front->names, text);
}

const ModelFunction *model_function(const Model *model, Name name) {
    for (size_t k = 0; k < model->function_count; k++) {
        if (model->functions[k].name == name) {
            return &model->functions[k];
        }
    }
    return model_library_function(model, name);
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
    for (size_t k = 0; k < model->library_count; k++) {
        if (model->library[k].name == name) {
            return &model->library[k];
        }
    }
    return NULL;
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
    for (size_t k = 0; k < model->dim_count; k++) {
        if (model->dims[k].name == name) {
            return &model->dims[k];
        }
    }
    return NULL;
}

const ModelConst *model_const(const Model *model, Name name) {
    for (size_t k = 0; k < model->const_count; k++) {
        if (model->consts[k].name == name) {
            return &model->consts[k];
        }
    }
    return NULL;
}

size_t model_names(const Model *model, Arena *arena, bool functions, const Name **names) {
    size_t limit = model->dim_count + model->const_count + model->param_count + model->data_count +
                   model->function_count + model->library_count + model->external_count;
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
    for (size_t k = 0; functions && k < model->library_count; k++) {
        list[count++] = model->library[k].name;
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
