/* context.c: memory, messages and growing texts of one run of a trainer. */
#include "runtime/runtime.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* Before every piece of memory; the padding keeps the alignment. */
typedef struct Block {
    struct Block *previous, *next;
    size_t size;
} Block;

void context_start(Context *context, const char *program) {
    const char *slash = strrchr(program, '/');
    context->program = slash ? slash + 1 : program;
    context->blocks = NULL;
    context->ranks = NULL;
    context->muted = 0;
}

void context_end(Context *context) {
    while (context->blocks) {
        Block *next = context->blocks->next;
        free(context->blocks);
        context->blocks = next;
    }
}

static void *out_of_memory(Context *context, size_t size) {
    report_error(context, "out of memory: no %zu bytes left", size);
    return NULL;
}

static void link_block(Context *context, Block *block) {
    block->previous = NULL;
    block->next = context->blocks;
    if (block->next) {
        block->next->previous = block;
    }
    context->blocks = block;
}

static void unlink_block(Context *context, Block *block) {
    if (block->previous) {
        block->previous->next = block->next;
    } else {
        context->blocks = block->next;
    }
    if (block->next) {
        block->next->previous = block->previous;
    }
}

void *memory_new(Context *context, size_t count, size_t size) {
    if (size && count > (SIZE_MAX / 2 - ALIGNMENT) / size) {
        return out_of_memory(context, SIZE_MAX);
    }
    size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    Block *block = aligned_alloc(ALIGNMENT, bytes);
    if (!block) {
        return out_of_memory(context, count * size);
    }
    memset(block, 0, bytes);
    block->size = count * size;
    link_block(context, block);
    return (char *)block + ALIGNMENT;
}

void *memory_resize(Context *context, void *memory, size_t size) {
    Block *old = memory ? (Block *)(void *)((char *)memory - ALIGNMENT) : NULL;
    if (size > SIZE_MAX / 2) {
        return out_of_memory(context, size);
    }
    if (old) {
        unlink_block(context, old);
    }
    Block *block = realloc(old, size + ALIGNMENT);
    if (!block) {
        if (old) {
            link_block(context, old);
        }
        return out_of_memory(context, size);
    }
    block->size = size;
    link_block(context, block);
    return (char *)block + ALIGNMENT;
}

void memory_free(Context *context, void *memory) {
    if (memory) {
        Block *block = (Block *)(void *)((char *)memory - ALIGNMENT);
        unlink_block(context, block);
        free(block);
    }
}

char *memory_copy(Context *context, const char *text, size_t length) {
    char *copy = memory_new(context, length + 1, 1);
    if (copy && length) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *memory_format(Context *context, const char *format, ...) {
    va_list list;
    va_start(list, format);
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    char *text = memory_new(context, (size_t)(length < 0 ? 0 : length) + 1, 1);
    if (text && length > 0) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(list);
    return text;
}

bool report_muted(Context *context) {
    context->muted += context->muted > 0;
    return context->muted > 0;
}

static void report(Context *context, const char *kind, const char *format, va_list list) {
    if (report_muted(context)) {
        return;
    }
    fflush(stdout); /* so that both streams keep their order where they go to one place */
    fprintf(stderr, "%s: %s: ", context->program, kind);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
}

bool report_error(Context *context, const char *format, ...) {
    va_list list;
    va_start(list, format);
    report(context, "error", format, list);
    va_end(list);
    return false;
}

bool report_place(Context *context, const char *place, const char *format, ...) {
    va_list list;
    if (report_muted(context)) {
        return false;
    }
    va_start(list, format);
    fflush(stdout);
    fprintf(stderr, "%s: error: ", place);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return false;
}

void report_warning(Context *context, const char *format, ...) {
    va_list list;
    va_start(list, format);
    report(context, "warning", format, list);
    va_end(list);
}

void report_note(Context *context, const char *format, ...) {
    va_list list;
    va_start(list, format);
    report(context, "note", format, list);
    va_end(list);
}

/* ---- texts ---- */

void text_start(Text *text, Context *context) {
    *text = (Text){.context = context};
}

static bool text_reserve(Text *text, size_t more) {
    if (text->failed) {
        return false;
    }
    if (text->length + more + 1 > text->capacity) {
        size_t capacity = text->capacity ? text->capacity : 256;
        while (capacity < text->length + more + 1) {
            capacity *= 2;
        }
        char *data = memory_resize(text->context, text->data, capacity);
        if (!data) {
            text->failed = true;
            return false;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return true;
}

void text_bytes(Text *text, const char *bytes, size_t length) {
    if (text_reserve(text, length)) {
        if (length) {
            memcpy(text->data + text->length, bytes, length);
        }
        text->length += length;
        text->data[text->length] = 0;
    }
}

void text_string(Text *text, const char *string) {
    text_bytes(text, string, strlen(string));
}

void text_format(Text *text, const char *format, ...) {
    va_list list;
    va_start(list, format);
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    if (length > 0 && text_reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(list);
}

void text_number(Text *text, double value, bool real) {
    char number[NUMBER_SIZE];
    size_t length = number_write(number, value, real);
    text_bytes(text, number, length);
}

void text_free(Text *text) {
    memory_free(text->context, text->data);
    text_start(text, text->context);
}

/* ---- guesses ---- */

enum { GUESS_LENGTH = 40 };

static bool same_letter(char a, char b) {
    bool letters = (a | 32) >= 'a' && (a | 32) <= 'z';
    return a == b || (letters && (a | 32) == (b | 32));
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b; large if either is long. */
static size_t edits(const char *a, const char *b) {
    size_t n = strlen(a);
    size_t m = strlen(b);
    size_t row[3][GUESS_LENGTH + 1];
    if (n > GUESS_LENGTH || m > GUESS_LENGTH) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= m; j++) {
        row[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3];
        const size_t *last = row[(i + 2) % 3];
        const size_t *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
            }
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *closest_name(const char *name, const char *const *candidates, size_t count) {
    const char *closest = NULL;
    size_t best = strlen(name) / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = candidates[i] ? edits(name, candidates[i]) : SIZE_MAX;
        bool shares = distance != SIZE_MAX && distance < strlen(candidates[i]);
        if (shares && (distance < best || (distance == best && !closest))) {
            closest = candidates[i];
            best = distance;
        }
    }
    return closest;
}
