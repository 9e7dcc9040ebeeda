/* hash.c: BLAKE2b (RFC 7693) without a key, 32 bytes long: what caches know texts and files by. */
#include "base/base.h"

#include <string.h>

enum { BLOCK = 128, ROUNDS = 12 };

static const uint64_t initial[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                    0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                    0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static const uint8_t sigma[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static uint64_t rotate(uint64_t x, int by) {
    return x >> by | x << (64 - by);
}

static void mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y) {
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 63);
}

static uint64_t word(const uint8_t *bytes) {
    uint64_t result = 0;
    for (int k = 0; k < 8; k++) {
        result |= (uint64_t)bytes[k] << 8 * k;
    }
    return result;
}

static void compress(Hash *hash, const uint8_t *block, bool last) {
    uint64_t v[16];
    uint64_t m[16];
    memcpy(v, hash->state, sizeof hash->state);
    memcpy(v + 8, initial, sizeof initial);
    v[12] ^= hash->length; /* never 2^64 bytes */
    v[14] = last ? ~v[14] : v[14];
    for (int k = 0; k < 16; k++) {
        m[k] = word(block + 8 * k);
    }
    for (int r = 0; r < ROUNDS; r++) {
        const uint8_t *s = sigma[r];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int k = 0; k < 8; k++) {
        hash->state[k] ^= v[k] ^ v[k + 8];
    }
}

void hash_init(Hash *hash) {
    *hash = (Hash){0};
    memcpy(hash->state, initial, sizeof initial);
    hash->state[0] ^= 0x01010000 ^ HASH_BYTES;
}

void hash_add(Hash *hash, const void *data, size_t length) {
    const uint8_t *bytes = data;
    while (length > 0) {
        if (hash->filled == BLOCK) { /* the last block waits for hash_end */
            hash->length += BLOCK;
            compress(hash, hash->block, false);
            hash->filled = 0;
        }
        size_t part = BLOCK - hash->filled < length ? BLOCK - hash->filled : length;
        memcpy(hash->block + hash->filled, bytes, part);
        hash->filled += part;
        bytes += part;
        length -= part;
    }
}

void hash_add_text(Hash *hash, const char *text, size_t length) {
    uint64_t size = length;
    hash_add(hash, &size, sizeof size);
    hash_add(hash, text, length);
}

void hash_end(Hash *hash, uint8_t *result) {
    hash->length += hash->filled;
    memset(hash->block + hash->filled, 0, BLOCK - hash->filled);
    compress(hash, hash->block, true);
    for (int k = 0; k < HASH_BYTES; k++) {
        result[k] = (uint8_t)(hash->state[k / 8] >> 8 * (k % 8));
    }
}
