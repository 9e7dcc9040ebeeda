/* classes.c: the distinct texts of a class column, found by hash and numbered in the order of their
 * bytes. */
#include "runtime/runtime.h"

#include <string.h>

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
    char *copy = memory_copy(context, text, length);
    if (!copy) {
        return -1;
    }
    classes->texts[classes->count] = copy;
    classes->slots[at] = (uint32_t)classes->count + 1;
    return (int64_t)classes->count++;
}

/* A heap sort: nothing to allocate, nothing to go wrong. */
void classes_sort(const Classes *classes, uint32_t *order) {
    char *const *texts = classes->texts;
    size_t count = classes->count;
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
    }
    for (size_t start = count / 2, end = count; end > 1;) {
        if (start > 0) {
            start--;
        } else {
            end--;
            uint32_t swap = order[end];
            order[end] = order[0];
            order[0] = swap;
        }
        for (size_t root = start; 2 * root + 1 < end;) {
            size_t child = 2 * root + 1;
            child += child + 1 < end && strcmp(texts[order[child]], texts[order[child + 1]]) < 0;
            if (strcmp(texts[order[root]], texts[order[child]]) >= 0) {
                break;
            }
            uint32_t swap = order[root];
            order[root] = order[child];
            order[child] = swap;
            root = child;
        }
    }
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
