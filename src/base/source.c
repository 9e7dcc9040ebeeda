/* source.c: files read, their lines, and how wide text is on a terminal. */
#include "base/base.h"

#include <string.h>

typedef struct {
    uint32_t offset, column; /* a character, and its column */
} Mark;

enum { MARK_EVERY = 1024 }; /* bytes */

typedef struct {
    Source source;
    uint32_t *lines; /* the offset where each line starts */
    size_t line_count, line_capacity;
    Mark *marks; /* in long lines, in ascending order */
    size_t mark_count, mark_capacity;
} File;

struct Sources {
    Arena *arena;
    File *files; /* [0] is "nowhere" */
    size_t count, capacity;
};

Sources *sources_create(Arena *arena) {
    Sources *sources = arena_new(arena, Sources);
    sources->arena = arena;
    sources_add(sources, "", "", 0, false);
    return sources;
}

static void add_line(Arena *arena, File *file, size_t offset) {
    file->lines =
        arena_grow(arena, file->lines, file->line_count, &file->line_capacity, sizeof(uint32_t));
    file->lines[file->line_count++] = (uint32_t)offset;
}

/* Columns are counted from the start of the line, or from here. */
static void add_marks(Arena *arena, File *file, size_t start, size_t end) {
    size_t next = start + MARK_EVERY;
    uint32_t column = 1;
    size_t size;
    for (size_t at = start; at + MARK_EVERY < end; at += size, column++) {
        if (at >= next) {
            file->marks = arena_grow(arena, file->marks, file->mark_count, &file->mark_capacity,
                                     sizeof(Mark));
            file->marks[file->mark_count++] = (Mark){(uint32_t)at, column};
            next = at + MARK_EVERY;
        }
        utf8_read(file->source.text + at, file->source.length - at, &size);
    }
}

/* The last mark up to an offset, or NULL. */
static const Mark *mark_before(const File *file, uint32_t offset) {
    size_t low = 0, high = file->mark_count; /* marks before low are up to it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->marks[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &file->marks[low - 1] : NULL;
}

uint32_t sources_add(Sources *sources, const char *path, const char *text, size_t length,
                     bool library) {
    if (length >= UINT32_MAX) {
        fatal("`%s` is too large: a file may have 4 GiB", path);
    }
    sources->files = arena_grow(sources->arena, sources->files, sources->count, &sources->capacity,
                                sizeof(File));
    File *file = &sources->files[sources->count];
    *file = (File){.source = {.path = arena_copy(sources->arena, path, strlen(path)),
                              .text = arena_copy(sources->arena, text, length),
                              .length = length,
                              .library = library}};
    add_line(sources->arena, file, 0);
    const char *end = file->source.text + length;
    for (const char *at = file->source.text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
        at++;
        add_line(sources->arena, file, (size_t)(at - file->source.text));
    }
    for (size_t k = 0; k < file->line_count; k++) {
        add_marks(sources->arena, file, file->lines[k],
                  k + 1 < file->line_count ? file->lines[k + 1] : length);
    }
    return (uint32_t)sources->count++;
}

const Source *sources_get(const Sources *sources, uint32_t file) {
    return &sources->files[file < sources->count ? file : 0].source;
}

Place sources_place(const Sources *sources, uint32_t file, uint32_t offset) {
    const File *found = &sources->files[file < sources->count ? file : 0];
    if (offset > found->source.length) {
        offset = (uint32_t)found->source.length;
    }
    size_t low = 0, high = found->line_count; /* lines[low] <= offset < lines[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (found->lines[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const Mark *mark = mark_before(found, offset);
    const bool ours = mark && mark->offset >= found->lines[low];
    uint32_t column = ours ? mark->column : 1;
    size_t size;
    for (size_t at = ours ? mark->offset : found->lines[low]; at < offset; at += size) {
        utf8_read(found->source.text + at, found->source.length - at, &size);
        column += at + size <= offset;
    }
    return (Place){(uint32_t)low + 1, column};
}

Span span_join(Span a, Span b) {
    if (a.file == 0 || a.file != b.file) {
        return a.file == 0 ? b : a;
    }
    return (Span){a.file, a.start < b.start ? a.start : b.start, a.end > b.end ? a.end : b.end};
}

uint32_t utf8_read(const char *text, size_t length, size_t *size) {
    static const struct {
        unsigned char mask, lead;
        uint32_t least; /* smaller ones are overlong */
    } forms[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};

    *size = 1;
    unsigned char first = length > 0 ? (unsigned char)text[0] : 0;
    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        if ((first & forms[form].mask) != forms[form].lead) {
            continue;
        }
        uint32_t character = (uint32_t)(first & ~forms[form].mask);
        for (size_t i = 1; i <= form; i++) {
            if (i >= length || ((unsigned char)text[i] & 0xC0) != 0x80) {
                return UINT32_MAX;
            }
            character = character << 6 | ((unsigned char)text[i] & 0x3F);
        }
        if (character < forms[form].least || character > 0x10FFFF ||
            (character >= 0xD800 && character <= 0xDFFF)) {
            return UINT32_MAX;
        }
        *size = form + 1;
        return character;
    }
    return UINT32_MAX;
}

typedef struct {
    uint32_t first, last;
} Range;

static bool in_ranges(uint32_t character, const Range *ranges, size_t count) {
    for (size_t i = 0; i < count && character >= ranges[i].first; i++) {
        if (character <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

static size_t character_width(uint32_t character) {
    static const Range combining[] = {
        {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},   {0x0610, 0x061A}, {0x064B, 0x065F},
        {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
        {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20FF},   {0x3099, 0x309A}, {0xFE00, 0xFE0F},
        {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
    };
    static const Range wide[] = {
        {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
        {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97C},
        {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
        {0xFFE0, 0xFFE6},   {0x17000, 0x18CFF}, {0x1B000, 0x1B2FF}, {0x1F200, 0x1F2FF},
        {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
    };
    if (character < 0x300) {
        return 1;
    }
    if (in_ranges(character, combining, sizeof combining / sizeof combining[0])) {
        return 0;
    }
    return in_ranges(character, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

size_t display_width(const char *text, size_t length) {
    size_t width = 0, size;
    for (size_t at = 0; at < length; at += size) {
        width += character_width(utf8_read(text + at, length - at, &size));
    }
    return width;
}
