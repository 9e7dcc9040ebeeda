/* Messages as they are printed: places, carets, notes, order, colour, limits. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

typedef struct {
    Arena *arena;
    Sources *sources;
    Diags *diags;
    uint32_t file;
} Setup;

static Setup set_up(const char *text) {
    Setup s = {.arena = arena_create()};
    s.sources = sources_create(s.arena);
    s.diags = diags_create(s.arena, s.sources);
    s.file = sources_add(s.sources, "line.model", text, strlen(text), false);
    return s;
}

/* What diags_print writes. */
static char *printed(const Setup *s, ColorMode color) {
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    if (file == NULL || saved < 0 || dup2(fileno(file), STDERR_FILENO) < 0) {
        perror("tmpfile");
        exit(1);
    }
    diags_print(s->diags, color);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    Text text;
    text_init(&text, s->arena);
    char buffer[4096];
    for (size_t count; (count = fread(buffer, 1, sizeof buffer, file)) > 0;) {
        text_add_bytes(&text, buffer, count);
    }
    fclose(file);
    return text.data;
}

static void expect(const char *what, const char *found, const char *wanted) {
    if (strcmp(found, wanted) != 0) {
        printf("%s: found\n%s\nwanted\n%s\n", what, found, wanted);
        failures++;
    }
}

static void test_form(void) {
    Setup s = set_up("param weight = 1.0\n\nloss(x, y) = (wieght * x - y)^2\n");
    diag_error(s.diags, (Span){s.file, 20, 24}, "second, found first");
    Diag *diag = diag_error(s.diags, (Span){s.file, 34, 40}, "unknown name `%s`", "wieght");
    diag_label(s.diags, diag, "did you mean `%s`?", "weight");
    diag_note(s.diags, diag, (Span){s.file, 6, 12}, "`weight` is defined here");
    diag_error(s.diags, (Span){s.file, 34, 40}, "unknown name `%s`", "wieght");
    diag_warning(s.diags, WARN_unused_param, (Span){s.file, 6, 12}, "unused");
    diag_warning(s.diags, WARN_rewrite, (Span){s.file, 6, 12}, "off by default");
    expect("the form", printed(&s, COLOR_NEVER),
           "line.model:1:7: warning: unused [-Wunused-param]\n"
           " 1 | param weight = 1.0\n"
           "   |       ^^^^^^\n"
           "line.model:3:1: error: second, found first\n"
           " 3 | loss(x, y) = (wieght * x - y)^2\n"
           "   | ^^^^\n"
           "line.model:3:15: error: unknown name `wieght`\n"
           " 3 | loss(x, y) = (wieght * x - y)^2\n"
           "   |               ^^^^^^ did you mean `weight`?\n"
           "line.model:1:7: note: `weight` is defined here\n"
           " 1 | param weight = 1.0\n"
           "   |       ^^^^^^\n");
    arena_destroy(s.arena);
}

static void test_odd_places(void) {
    Setup s = set_up("\ta = 权 + b\r\nlast");
    diag_error(s.diags, (Span){s.file, 5, 8}, "wide");
    diag_error(s.diags, (Span){s.file, 11, 19}, "over the end");
    diag_error(s.diags, (Span){s.file, 18, 18}, "at the end");
    diag_error(s.diags, (Span){0, 0, 0}, "nowhere");
    expect("odd places", printed(&s, COLOR_NEVER),
           "gradc: error: nowhere\n"
           "line.model:1:6: error: wide\n"
           " 1 |  a = 权 + b\n"
           "   |      ^^\n"
           "line.model:1:10: error: over the end\n"
           " 1 |  a = 权 + b\n"
           "   |           ^\n"
           "line.model:2:5: error: at the end\n"
           " 2 | last\n"
           "   |     ^\n");
    arena_destroy(s.arena);
}

static void test_color(void) {
    Setup s = set_up("x\n");
    diag_error(s.diags, (Span){s.file, 0, 1}, "m");
    expect("colour", printed(&s, COLOR_ALWAYS),
           "\033[1mline.model:1:1: \033[1;31merror: \033[0m\033[1mm\033[0m\n"
           "\033[34m 1 | \033[0mx\n"
           "\033[34m   | \033[0m\033[1;31m^\033[0m\n");
    arena_destroy(s.arena);
}

static void test_limit(void) {
    Setup s = set_up("0123456789012345678901234567890\n");
    for (uint32_t i = 0; i < 25; i++) {
        diag_error(s.diags, (Span){s.file, i, i + 1}, "m");
    }
    const char *out = printed(&s, COLOR_NEVER);
    size_t count = 0;
    for (const char *at = out; (at = strstr(at, "error: ")) != NULL; at++) {
        count++;
    }
    if (count != 20 || strstr(out, "\n… and 5 more errors\n") == NULL ||
        diags_errors(s.diags) != 25) {
        printf("limit: %zu errors printed\n", count);
        failures++;
    }
    arena_destroy(s.arena);
}

static void test_long_line(void) {
    char text[5001];
    memset(text, 'x', 5000);
    text[5000] = '\0';
    Setup s = set_up(text);
    diag_error(s.diags, (Span){s.file, 2500, 2503}, "m");
    const char *out = printed(&s, COLOR_NEVER);
    if (strlen(out) > 400 || strstr(out, "line.model:1:2501: error: m\n 1 | …x") == NULL) {
        printf("long line: %s\n", out);
        failures++;
    }
    arena_destroy(s.arena);
}

static void test_warnings(void) {
    Setup s = set_up("x\n");
    Warning found;
    if (!warning_find("unused-param", &found) || found != WARN_unused_param ||
        warning_find("unused_param", &found) || warning_find("no", &found)) {
        printf("warning_find\n");
        failures++;
    }
    for (int i = 0; i < WARN_COUNT; i++) {
        if (!warning_find(warning_name((Warning)i), &found) || found != (Warning)i ||
            warning_help((Warning)i)[0] == '\0') {
            printf("warning %d\n", i);
            failures++;
        }
    }
    diags_set_werror(s.diags, true);
    diags_set_warning(s.diags, WARN_shadow, false);
    diag_warning(s.diags, WARN_shadow, (Span){s.file, 0, 1}, "off");
    diag_warning(s.diags, WARN_unused_name, (Span){s.file, 0, 1}, "m");
    expect("-Werror", printed(&s, COLOR_NEVER),
           "line.model:1:1: error: m [-Werror=unused-name]\n 1 | x\n   | ^\n");
    arena_destroy(s.arena);
}

int main(void) {
    test_form();
    test_odd_places();
    test_color();
    test_limit();
    test_long_line();
    test_warnings();
    return failures > 0;
}
