/* front_build.h: a front for one test, and its functions on plain text. */
#ifndef GRADC_TESTS_FRONT_BUILD_H
#define GRADC_TESTS_FRONT_BUILD_H

#include "front/front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline Front front_build(void) {
    Arena *arena = arena_create();
    Sources *sources = sources_create(arena);
    return (Front){.arena = arena,
                   .names = interner_create(arena),
                   .sources = sources,
                   .diags = diags_create(arena, sources)};
}

static inline const Ast *front_build_ast(const Front *front, const char *text, size_t length) {
    return front_parse(front, sources_add(front->sources, "test.model", text, length, false));
}

/* The dump of the text's tree; NULL, and the messages printed, if it does not parse. */
static inline const char *front_build_dump(const Front *front, const char *text) {
    const Ast *ast = front_build_ast(front, text, strlen(text));
    if (diags_errors(front->diags) > 0) {
        diags_print(front->diags, COLOR_NEVER);
        return NULL;
    }
    return front_dump(front, ast);
}

static inline const char *front_build_format(const Front *front, const char *text) {
    const Ast *ast = front_build_ast(front, text, strlen(text));
    if (diags_errors(front->diags) > 0) {
        diags_print(front->diags, COLOR_NEVER);
        return NULL;
    }
    return front_format(front, ast);
}

/* Whether the layout of the text lays out as itself, and says what the text says. */
static inline bool front_build_is_stable(const Front *front, const char *text) {
    const char *laid_out = front_build_format(front, text);
    if (laid_out == NULL) {
        return false;
    }
    const char *again = front_build_format(front, laid_out);
    if (again == NULL || strcmp(laid_out, again) != 0) {
        printf("laid out twice:\n%s\nonce:\n%s\n", again == NULL ? "nothing" : again, laid_out);
        return false;
    }
    return strcmp(front_build_dump(front, text), front_build_dump(front, laid_out)) == 0;
}

#endif
