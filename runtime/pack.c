/* pack.c: words and texts, one after the other, in binary files of one machine (caches of data,
 * checkpoints): words of 64 bits as the machine has them, texts with their length before them. What
 * is read is checked against the end of the bytes, so a damaged file is at worst refused. */
#include "runtime/runtime.h"

#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/* Four words at a time: all data go through it. */
uint64_t pack_checksum(uint64_t before, const void *bytes, size_t length) {
    const char *p = bytes;
    uint64_t lanes[4] = {before, before + 1, before + 2, before + 3};
    uint64_t words[4] = {0};
    for (; length >= sizeof words; p += sizeof words, length -= sizeof words) {
        memcpy(words, p, sizeof words);
        for (int i = 0; i < 4; i++) {
            lanes[i] = mix(lanes[i], words[i]);
        }
    }
    memset(words, 0, sizeof words);
    if (length) {
        memcpy(words, p, length);
    }
    for (int i = 0; i < 4; i++) {
        lanes[i] = mix(lanes[i], words[i]);
    }
    return mix(mix(mix(lanes[0], lanes[1]), mix(lanes[2], lanes[3])), length);
}

void pack_word(Text *text, int64_t word) {
    text_bytes(text, (const char *)&word, sizeof word);
}

void pack_text(Text *text, const char *string) {
    size_t length = string ? strlen(string) : 0;
    pack_word(text, string ? (int64_t)length : -1);
    text_bytes(text, string ? string : "", length);
}

void pack_texts(Text *text, char *const *strings, size_t count) {
    pack_word(text, strings ? (int64_t)count : -1);
    for (size_t i = 0; strings && i < count; i++) {
        pack_text(text, strings[i]);
    }
}

void pack_array(Text *text, const void *bytes, size_t length) {
    pack_word(text, (int64_t)length);
    text_bytes(text, bytes ? bytes : "", bytes ? length : 0);
}

int64_t unpack_word(Unpacker *unpacker) {
    int64_t word = 0;
    unpacker->failed |= unpacker->end - unpacker->at < (ptrdiff_t)sizeof word;
    if (!unpacker->failed) {
        memcpy(&word, unpacker->at, sizeof word);
        unpacker->at += sizeof word;
    }
    return unpacker->failed ? 0 : word;
}

int64_t unpack_count(Unpacker *unpacker) {
    int64_t count = unpack_word(unpacker);
    if (count < -1 || count > (unpacker->end - unpacker->at) / (ptrdiff_t)sizeof count) {
        unpacker->failed = true;
    }
    return unpacker->failed ? -1 : count;
}

char *unpack_text(Unpacker *unpacker) {
    int64_t length = unpack_word(unpacker);
    if (length == -1 || unpacker->failed) {
        return NULL;
    }
    if (length < 0 || length > unpacker->end - unpacker->at) {
        unpacker->failed = true;
        return NULL;
    }
    char *text = memory_copy(unpacker->context, unpacker->at, (size_t)length);
    unpacker->failed |= !text;
    unpacker->at += length;
    return text;
}

char **unpack_texts(Unpacker *unpacker, size_t *count) {
    int64_t found = unpack_count(unpacker);
    char **texts = found < 0 ? NULL : NEW(unpacker->context, char *, found + 1);
    *count = found < 0 ? 0 : (size_t)found;
    for (int64_t i = 0; texts && i < found; i++) {
        texts[i] = unpack_text(unpacker);
        unpacker->failed |= !texts[i];
    }
    return texts;
}

void unpack_array(Unpacker *unpacker, void *bytes, size_t length) {
    int64_t found = unpack_word(unpacker);
    unpacker->failed |=
        found < 0 || (size_t)found != length || (size_t)(unpacker->end - unpacker->at) < length;
    if (!unpacker->failed && length) {
        memcpy(bytes, unpacker->at, length);
        unpacker->at += length;
    }
}
