/* arena.c: memory of one compilation: chunks that only grow, freed together. */
#include "base/base.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first chunk is small, as many arenas are; each is twice the one before, up to the largest. */
enum { FIRST_CHUNK = 1 << 12, LARGEST_CHUNK = 1 << 16, ALIGNMENT = _Alignof(max_align_t) };

typedef struct Chunk Chunk;
struct Chunk {
    Chunk *previous;
    max_align_t data[];
};

struct Arena {
    Chunk *chunks; /* all of them, the newest first */
    char *free;    /* the unused part of the current chunk */
    size_t left;
    size_t chunk_size; /* of the next chunk */
};

static _Noreturn void out_of_memory(void) {
    fputs("gradc: error: out of memory\n", stderr);
    exit(1);
}

static char *add_chunk(Arena *arena, size_t size) {
    if (size > SIZE_MAX - sizeof(Chunk)) {
        out_of_memory();
    }
    Chunk *chunk = calloc(1, sizeof(Chunk) + size);
    if (chunk == NULL) {
        out_of_memory();
    }
    chunk->previous = arena->chunks;
    arena->chunks = chunk;
    return (char *)chunk->data;
}

void memory_prepare(void) {
#ifdef M_TRIM_THRESHOLD
    enum { ROOM = 24 << 20, KEPT = 48 << 20 }; /* addresses: only what is used takes memory */
    mallopt(M_MMAP_THRESHOLD, KEPT / 2);
    mallopt(M_TRIM_THRESHOLD, KEPT);
    void *volatile room = malloc(ROOM - 4096);
    free(room);
#endif
}

Arena *arena_create(void) {
    Arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL) {
        out_of_memory();
    }
    arena->chunk_size = FIRST_CHUNK;
    return arena;
}

void arena_destroy(Arena *arena) {
    if (arena == NULL) {
        return;
    }
    Chunk *previous;
    for (Chunk *chunk = arena->chunks; chunk != NULL; chunk = previous) {
        previous = chunk->previous;
        free(chunk);
    }
    free(arena);
}

void *arena_alloc(Arena *arena, size_t size) {
    if (size > SIZE_MAX - ALIGNMENT) {
        out_of_memory();
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size == 0) {
        size = ALIGNMENT; /* distinct objects have distinct addresses */
    }
    if (size > arena->left) {
        if (size > LARGEST_CHUNK / 4) {
            return add_chunk(arena, size); /* alone: the current chunk goes on being used */
        }
        while (arena->chunk_size < 4 * size) {
            arena->chunk_size *= 2;
        }
        arena->free = add_chunk(arena, arena->chunk_size);
        arena->left = arena->chunk_size;
        arena->chunk_size *= arena->chunk_size < LARGEST_CHUNK ? 2 : 1;
    }
    char *result = arena->free;
    arena->free += size;
    arena->left -= size;
    return result;
}

char *arena_copy(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    if (length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *arena_format(Arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        return arena_copy(arena, "", 0);
    }
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void *arena_grow(Arena *arena, void *array, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) {
        return array;
    }
    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    if (wanted < *capacity || wanted > SIZE_MAX / size) {
        out_of_memory();
    }
    void *grown = arena_alloc(arena, wanted * size);
    if (count > 0) {
        memcpy(grown, array, count * size);
    }
    *capacity = wanted;
    return grown;
}
