/* Names: equal text, equal pointer; and which one was meant. Places and widths of text. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

static int failures;

static void expect(bool good, const char *what) {
    if (!good) {
        printf("failed: %s\n", what);
        failures++;
    }
}

static void test_intern(Arena *arena) {
    Interner *names = interner_create(arena);
    Name first = intern_text(names, "w");
    for (int i = 0; i < 50000; i++) {
        const char *text = arena_format(arena, "name%d", i);
        expect(intern_text(names, text) != text, "a name is copied");
    }
    expect(intern(names, "wx", 1) == first, "equal text, equal pointer");
    expect(intern_text(names, "name777") == intern_text(names, "name777"), "after growing");
    expect(intern(names, "", 0)[0] == '\0', "the empty name");
}

static const struct {
    const char *name, *meant;
} slips[] = {
    {"wieght", "weight"},
    {"weigth", "weight"},
    {"Weight", "weight"},
    {"sigmod", "sigmoid"},
    {"x", NULL},
    {"W", "w"},
    {"zzz", NULL},
    {"θ1", "θ0"},
    {"weight", NULL},
    {"completely", NULL},
    {"sigmoidal", "sigmoid"},
};

static void test_closest(Arena *arena) {
    Interner *names = interner_create(arena);
    static const char *const known[] = {"weight", "sigmoid", "w", "θ0", "softmax"};
    Name candidates[5];
    for (size_t i = 0; i < 5; i++) {
        candidates[i] = intern_text(names, known[i]);
    }
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        Name found = closest_name(intern_text(names, slips[i].name), candidates, 5);
        Name meant = slips[i].meant == NULL ? NULL : intern_text(names, slips[i].meant);
        if (found != meant) {
            printf("%s: found %s\n", slips[i].name, found == NULL ? "nothing" : found);
            failures++;
        }
    }
}

static void test_places(Arena *arena) {
    Sources *sources = sources_create(arena);
    static const char text[] = "one\nθ₀ = 1\n\nlast";
    uint32_t file = sources_add(sources, "a.model", text, sizeof text - 1, false);
    static const struct {
        uint32_t offset, line, column;
    } places[] = {{0, 1, 1},  {3, 1, 4},  {4, 2, 1},  {9, 2, 3},
                  {14, 3, 1}, {15, 4, 1}, {19, 4, 5}, {99, 4, 5}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        Place found = sources_place(sources, file, places[i].offset);
        if (found.line != places[i].line || found.column != places[i].column) {
            printf("offset %u: %u:%u\n", (unsigned)places[i].offset, (unsigned)found.line,
                   (unsigned)found.column);
            failures++;
        }
    }
    expect(sources_place(sources, 0, 5).line == 1, "nowhere has a place");
    Span joined = span_join((Span){file, 3, 5}, (Span){file, 1, 4});
    expect(joined.start == 1 && joined.end == 5, "span_join");
    expect(span_join((Span){0, 0, 0}, (Span){file, 1, 4}).file == file, "span_join with nowhere");
}

static void test_utf8(void) {
    static const struct {
        const char *text;
        uint32_t character;
        size_t size;
    } rows[] = {
        {"a", 'a', 1},
        {"é", 0xE9, 2},
        {"权", 0x6743, 3},
        {"😀", 0x1F600, 4},
        {"\xC3", UINT32_MAX, 1},
        {"\xC0\x80", UINT32_MAX, 1},
        {"\xED\xA0\x80", UINT32_MAX, 1},
        {"\xFF", UINT32_MAX, 1},
        {"\xF4\x90\x80\x80", UINT32_MAX, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size;
        uint32_t found = utf8_read(rows[i].text, strlen(rows[i].text), &size);
        expect(found == rows[i].character && size == rows[i].size, rows[i].text);
    }
    expect(display_width("aθ权\xCC\x82", 8) == 4, "display_width");
}

int main(void) {
    Arena *arena = arena_create();
    test_intern(arena);
    test_closest(arena);
    test_places(arena);
    test_utf8();
    arena_destroy(arena);
    return failures > 0;
}
