/* intern.c: names: equal text, equal pointer; tables of them. Open hash tables that double. */
#include "base/base.h"

#include <string.h>

struct Interner {
    Arena *arena;
    struct Slot {
        Name name; /* NULL: empty */
        size_t length;
        uint64_t hash;
    } * slots;
    size_t count, capacity; /* capacity is a power of two */
};

Interner *interner_create(Arena *arena) {
    Interner *interner = arena_new(arena, Interner);
    interner->arena = arena;
    interner->capacity = 256;
    interner->slots = arena_array(arena, struct Slot, interner->capacity);
    return interner;
}

static uint64_t hash_text(const char *text, size_t length) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
    }
    return hash ^ hash >> 32;
}

/* The slot where the text is, or the empty one where it belongs. */
static struct Slot *find_slot(Interner *interner, const char *text, size_t length, uint64_t hash) {
    size_t mask = interner->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct Slot *slot = &interner->slots[i];
        if (slot->name == NULL || (slot->hash == hash && slot->length == length &&
                                   memcmp(slot->name, text, length) == 0)) {
            return slot;
        }
    }
}

static void enlarge(Interner *interner) {
    struct Slot *old = interner->slots;
    size_t old_capacity = interner->capacity;
    interner->capacity *= 2;
    interner->slots = arena_array(interner->arena, struct Slot, interner->capacity);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].name != NULL) {
            *find_slot(interner, old[i].name, old[i].length, old[i].hash) = old[i];
        }
    }
}

Name intern(Interner *interner, const char *text, size_t length) {
    uint64_t hash = hash_text(text, length);
    struct Slot *slot = find_slot(interner, text, length, hash);
    if (slot->name != NULL) {
        return slot->name;
    }
    if (2 * (interner->count + 1) > interner->capacity) {
        enlarge(interner);
        slot = find_slot(interner, text, length, hash);
    }
    slot->name = arena_copy(interner->arena, text, length);
    slot->length = length;
    slot->hash = hash;
    interner->count++;
    return slot->name;
}

Name intern_text(Interner *interner, const char *text) {
    return intern(interner, text, strlen(text));
}

bool interner_has(Interner *interner, const char *text, size_t length) {
    return find_slot(interner, text, length, hash_text(text, length))->name != NULL;
}

/* ---- tables of names
 * ------------------------------------------------------------------------------------- */

struct NamePlace {
    Name name; /* NULL: empty */
    size_t place;
};

static struct NamePlace *place_of(struct NamePlace *slots, size_t capacity, Name name) {
    uint64_t hash = (uint64_t)(uintptr_t)name * UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = (size_t)(hash >> 32) & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
        if (slots[i].name == NULL || slots[i].name == name) {
            return &slots[i];
        }
    }
}

static void more_places(NameTable *table) {
    size_t capacity = table->capacity ? 2 * table->capacity : 16;
    struct NamePlace *slots = arena_array(table->arena, struct NamePlace, capacity);
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].name != NULL) {
            *place_of(slots, capacity, table->slots[i].name) = table->slots[i];
        }
    }
    table->slots = slots;
    table->capacity = capacity;
}

void names_note(NameTable *table, Arena *arena, Name name) {
    table->arena = arena;
    if (2 * (table->count + 1) > table->capacity) {
        more_places(table);
    }
    struct NamePlace *slot = place_of(table->slots, table->capacity, name);
    if (slot->name == NULL) {
        *slot = (struct NamePlace){name, table->noted};
        table->count++;
    }
    table->noted++;
}

size_t names_find(const NameTable *table, Name name) {
    if (table->count == 0) {
        return SIZE_MAX;
    }
    const struct NamePlace *slot = place_of(table->slots, table->capacity, name);
    return slot->name ? slot->place : SIZE_MAX;
}
