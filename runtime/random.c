/* random.c: xoshiro256** of Blackman and Vigna, started by splitmix64. */
#include "runtime/runtime.h"

static uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

void random_start(Random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        random->state[i] = z ^ z >> 31;
    }
}

uint64_t random_next(Random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

int64_t random_below(Random *random, int64_t limit) {
    uint64_t n = (uint64_t)limit;
    uint64_t x = random_next(random);
    while (x < n && x < (0 - n) % n) { /* 2^64 mod n: the first so many would be favoured */
        x = random_next(random);
    }
    return (int64_t)(x % n);
}

double random_unit(Random *random) {
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* Fisher and Yates's, some places at a time: all are drawn and asked for, then exchanged. */
void random_shuffle(Random *random, int64_t *order, int64_t count) {
    enum { AT_ONCE = 64 };
    int64_t places[AT_ONCE];
    for (int64_t i = count - 1; i > 0;) {
        int64_t some = i < AT_ONCE ? i : AT_ONCE;
        for (int64_t k = 0; k < some; k++) {
            places[k] = random_below(random, i - k + 1);
            __builtin_prefetch(order + places[k], 1);
        }
        for (int64_t k = 0; k < some; k++, i--) {
            int64_t swap = order[i];
            order[i] = order[places[k]];
            order[places[k]] = swap;
        }
    }
}
