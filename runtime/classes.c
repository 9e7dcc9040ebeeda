/* classes.c: the distinct texts of a class column, found by hash and numbered in the order of their
 * bytes. */
#include "runtime/runtime.h"

#include <string.h>

enum { ROOM = 1 << 16 }; /* bytes of many short texts */

static uint64_t hash_text(const char *text, size_t length) {
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
    }
    return hash ^ hash >> 32;
}

static bool classes_grow(Context *context, Classes *classes) {
    size_t slot_count = classes->slot_count ? classes->slot_count * 2 : 64;
    uint32_t *slots = NEW(context, uint32_t, slot_count);
    char **texts = memory_resize(context, classes->texts, slot_count / 2 * sizeof *texts);
    if (texts) {
        classes->texts = texts;
    }
    if (!slots || !texts) {
        memory_free(context, slots);
        return false;
    }
    for (size_t i = 0; i < classes->count; i++) {
        size_t at = hash_text(texts[i], strlen(texts[i])) & (slot_count - 1);
        while (slots[at]) {
            at = (at + 1) & (slot_count - 1);
        }
        slots[at] = (uint32_t)i + 1;
    }
    memory_free(context, classes->slots);
    classes->slots = slots;
    classes->slot_count = slot_count;
    classes->capacity = slot_count / 2;
    return true;
}

static size_t find_slot(const Classes *classes, const char *text, size_t length) {
    size_t at = hash_text(text, length) & (classes->slot_count - 1);
    for (; classes->slots[at]; at = (at + 1) & (classes->slot_count - 1)) {
        const char *known = classes->texts[classes->slots[at] - 1];
        if (strncmp(known, text, length) == 0 && known[length] == 0) {
            break;
        }
    }
    return at;
}

int64_t classes_look(const Classes *classes, const char *text, size_t length) {
    return classes->slot_count ? (int64_t)classes->slots[find_slot(classes, text, length)] - 1 : -1;
}

/* A copy of the text; short ones lie together. */
static char *keep_text(Context *context, Classes *classes, const char *text, size_t length) {
    if (length >= ROOM / 16) {
        return memory_copy(context, text, length);
    }
    if (classes->room_left <= length) {
        size_t size = classes->count < 64 ? ROOM / 16 : ROOM;
        classes->room = NEW(context, char, size);
        classes->room_left = classes->room ? size : 0;
        if (!classes->room) {
            return NULL;
        }
    }
    char *copy = classes->room;
    memcpy(copy, text, length);
    copy[length] = 0;
    classes->room += length + 1;
    classes->room_left -= length + 1;
    return copy;
}

int64_t classes_find(Context *context, Classes *classes, const char *text, size_t length,
                     bool add) {
    if (classes->count == classes->capacity && !classes_grow(context, classes)) {
        return -1;
    }
    size_t at = find_slot(classes, text, length);
    if (classes->slots[at]) {
        return classes->slots[at] - 1;
    }
    if (!add) {
        return -2;
    }
    char *copy = keep_text(context, classes, text, length);
    if (!copy) {
        return -1;
    }
    classes->texts[classes->count] = copy;
    classes->slots[at] = (uint32_t)classes->count + 1;
    return (int64_t)classes->count++;
}

/* The eight bytes that stand behind what all texts begin with, as a number in the order of bytes:
 * seldom do the texts themselves have to be looked at. */
typedef struct {
    uint64_t key;
    uint32_t number;
} Entry;

static size_t common_start(const Classes *classes) {
    size_t common = classes->count ? strlen(classes->texts[0]) : 0;
    for (size_t i = 1; i < classes->count; i++) {
        size_t k = 0;
        while (k < common && classes->texts[i][k] == classes->texts[0][k]) {
            k++;
        }
        common = k;
    }
    return common;
}

static uint64_t sort_key(const char *text) {
    uint64_t key = 0;
    for (unsigned k = 0; k < 8; k++) {
        key = key << 8 | (unsigned char)*text;
        text += *text != 0;
    }
    return key;
}

static bool comes_after(const Classes *classes, const Entry *a, const Entry *b) {
    if (a->key != b->key) {
        return a->key > b->key;
    }
    return strcmp(classes->texts[a->number], classes->texts[b->number]) > 0;
}

/* Merges sorted runs of `width` entries to runs of twice as many. */
static void merge_runs(const Classes *classes, const Entry *from, Entry *to, size_t width) {
    size_t count = classes->count;
    for (size_t start = 0; start < count; start += 2 * width) {
        size_t left = start, middle = start + width < count ? start + width : count;
        size_t right = middle, end = middle + width < count ? middle + width : count;
        for (size_t at = start; at < end; at++) {
            bool first =
                right == end || (left < middle && !comes_after(classes, &from[left], &from[right]));
            to[at] = from[first ? left++ : right++];
        }
    }
}

bool classes_sort(Context *context, const Classes *classes, uint32_t *order) {
    size_t count = classes->count, start = common_start(classes);
    Entry *entries = NEW(context, Entry, count + 1), *other = NEW(context, Entry, count + 1);
    bool done = entries && other;
    for (size_t i = 0; done && i < count; i++) {
        entries[i] = (Entry){sort_key(classes->texts[i] + start), (uint32_t)i};
    }
    for (size_t width = 1; done && width < count; width *= 2) {
        merge_runs(classes, entries, other, width);
        Entry *swap = entries;
        entries = other;
        other = swap;
    }
    for (size_t i = 0; done && i < count; i++) {
        order[i] = entries[i].number;
    }
    memory_free(context, entries);
    memory_free(context, other);
    return done;
}

bool utf8_valid(const char *text, size_t length) {
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + length;
    while (p < end) {
        unsigned char first = *p++;
        int more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (more < 0 || first > 0xf4 || end - p < more) {
            return false;
        }
        /* no overlong form, no surrogate, nothing beyond U+10FFFF */
        if ((first == 0xe0 && p[0] < 0xa0) || (first == 0xed && p[0] > 0x9f) ||
            (first == 0xf0 && p[0] < 0x90) || (first == 0xf4 && p[0] > 0x8f)) {
            return false;
        }
        for (; more > 0; more--) {
            if ((*p++ & 0xc0) != 0x80) {
                return false;
            }
        }
    }
    return true;
}
