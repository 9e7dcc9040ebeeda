/* csv_vector.c: plain rows by vector instructions of x86-64, chosen when the program runs. The text
 * is first marked: where fields and lines end, 64 bytes at a time; then a number is read from its
 * end, from one vector of 16 characters: the point is taken out, the digits are added up in three
 * steps (as in Mula's and Lemire's work). All that is odd goes to number_scan_padded, or ends the
 * piece. */
#include "runtime/csv.h"

#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>

typedef struct {
    uint64_t fields; /* delimiters and line feeds */
    uint64_t lines;
    uint64_t odd; /* quotes and zero bytes */
} Marked;

/* By the places after the point; 16: there is no point. */
static const double place[17] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e0};

/* ---- AVX2 ---- */

#define FOUR_AT_ONCE 0
#define TARGET       __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define NAME(x)      x##_avx2

TARGET static inline uint64_t equal_avx2(__m256i low, __m256i high, char c) {
    __m256i all = _mm256_set1_epi8(c);
    uint32_t first = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all));
    uint32_t second = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all));
    return first | (uint64_t)second << 32;
}

TARGET static inline Marked mark_avx2(const char *p, char delimiter) {
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    uint64_t lines = equal_avx2(low, high, '\n');
    return (Marked){equal_avx2(low, high, delimiter) | lines, lines,
                    equal_avx2(low, high, '"') | equal_avx2(low, high, 0)};
}

TARGET static inline size_t spread_avx2(uint32_t *to, uint64_t marks, uint32_t base) {
    size_t count = (size_t)_mm_popcnt_u64(marks);
    for (size_t i = 0; i < 8; i++) { /* always, so that nothing need be foreseen */
        to[i] = base + (uint32_t)_tzcnt_u64(marks);
        marks = _blsr_u64(marks);
    }
    for (size_t i = 8; i < count; i++) {
        to[i] = base + (uint32_t)_tzcnt_u64(marks);
        marks = _blsr_u64(marks);
    }
    return count;
}

/* The 16 digits that end at `end` but for a point: their number and the places after the point.
 * `length`: 1 to 17 characters count. */
TARGET static inline bool digits_avx2(const char *end, size_t length, uint64_t *digits,
                                      unsigned *places) {
    static const uint8_t ones[48] = {0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
                                     0,    0,    0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0,    0,    0,    0,    0,    0,    0,    0,
                                     0,    0,    0,    0,    0,    0,    0,    0};
    __m128i late = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
    __m128i early = _mm_loadu_si128((const __m128i *)(const void *)(end - 17));
    uint32_t valid = (uint32_t)(UINT64_C(0xffffffffffff0000) >> length) & 0xffff;
    uint32_t points = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(late, _mm_set1_epi8('.'))) & valid;
    unsigned after = (unsigned)_lzcnt_u32(points) - 16;
    size_t count = length - (points != 0);
    __m128i before = _mm_loadu_si128((const __m128i *)(const void *)(ones + 16 + after));
    __m128i kept = _mm_loadu_si128((const __m128i *)(const void *)(ones + count));
    __m128i x = _mm_sub_epi8(_mm_blendv_epi8(late, early, before), _mm_set1_epi8('0'));
    x = _mm_and_si128(x, kept);
    __m128i beyond = _mm_subs_epu8(x, _mm_set1_epi8(9));
    if (count - 1 > 15 || !_mm_testz_si128(beyond, beyond)) {
        return false;
    }
#define ADD_UP                                                                                     \
    x = _mm_maddubs_epi16(x, _mm_set1_epi16(1 << 8 | 10));                                         \
    x = _mm_madd_epi16(x, _mm_set1_epi32(1 << 16 | 100));                                          \
    x = _mm_packus_epi32(x, x);                                                                    \
    x = _mm_madd_epi16(x, _mm_set1_epi32(1 << 16 | 10000));                                        \
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(x);                                                \
    *digits = (both & 0xffffffff) * 100000000 + (both >> 32);                                      \
    *places = after
    ADD_UP;
    return true;
}

#include "runtime/csv_rows.def"
#undef FOUR_AT_ONCE
#undef TARGET
#undef NAME

/* ---- AVX-512, with VBMI2 ---- */

#define FOUR_AT_ONCE 1
#define TARGET                                                                                     \
    __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512vl,avx512dq,"         \
                          "avx512cd,avx512vbmi2")))
#define NAME(x) x##_avx512

TARGET static inline Marked mark_avx512(const char *p, char delimiter) {
    __m512i x = _mm512_loadu_si512(p);
    uint64_t lines = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\n'));
    return (Marked){_mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(delimiter)) | lines, lines,
                    _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('"')) |
                        _mm512_testn_epi8_mask(x, x)};
}

TARGET static inline size_t spread_avx512(uint32_t *to, uint64_t marks, uint32_t base) {
    static const uint8_t numbers[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    size_t count = (size_t)_mm_popcnt_u64(marks);
    __m512i all = _mm512_maskz_compress_epi8(marks, _mm512_loadu_si512(numbers));
    __m512i start = _mm512_set1_epi32((int)base);
    __m512i first = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(all));
    _mm512_storeu_si512(to, _mm512_add_epi32(first, start));
    if (count > 16) {
        uint8_t bytes[64];
        _mm512_storeu_si512(bytes, all);
        for (size_t i = 16; i < count; i++) {
            to[i] = base + bytes[i];
        }
    }
    return count;
}

TARGET static inline bool digits_avx512(const char *end, size_t length, uint64_t *digits,
                                        unsigned *places) {
    __m128i late = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
    __m128i early = _mm_loadu_si128((const __m128i *)(const void *)(end - 17));
    __mmask16 valid = (__mmask16)(UINT64_C(0xffffffffffff0000) >> length);
    uint32_t points = _mm_mask_cmpeq_epi8_mask(valid, late, _mm_set1_epi8('.'));
    unsigned after = (unsigned)_lzcnt_u32(points) - 16;
    size_t count = length - (points != 0);
    __m128i x = _mm_mask_mov_epi8(late, (__mmask16)(0xffffu >> after), early);
    x = _mm_maskz_sub_epi8((__mmask16)(UINT64_C(0xffffffffffff0000) >> count), x,
                           _mm_set1_epi8('0'));
    if (count - 1 > 15 || _mm_cmpgt_epu8_mask(x, _mm_set1_epi8(9))) {
        return false;
    }
    ADD_UP;
    return true;
}

/* Four fields in four lanes of 16 characters, each right-aligned; masks have 16 bits for a lane.
 * False: one of them is longer, or no plain number; nothing is said of the others. */
TARGET static inline bool read_four_avx512(const char *text, const uint32_t *marks, double *to) {
    const uint64_t tops = UINT64_C(0x8000800080008000);
    uint64_t valid = 0;
    unsigned minus = 0;
    size_t longest = 0;
    __m128i parts[4];
    for (int i = 0; i < 4; i++) {
        const char *start = text + (uint32_t)(marks[i - 1] + 1);
        const char *end = text + marks[i];
        unsigned negative = *start == '-';
        size_t length = (size_t)(end - start) - negative;
        longest |= length - 1;
        minus |= negative << i;
        valid |= (uint64_t)((0xffff0000u >> (length & 31)) & 0xffff) << 16 * i;
        parts[i] = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
    }
    __m512i late = _mm512_castsi128_si512(parts[0]);
    late = _mm512_inserti32x4(late, parts[1], 1);
    late = _mm512_inserti32x4(late, parts[2], 2);
    late = _mm512_inserti32x4(late, parts[3], 3);
    uint64_t points = _mm512_mask_cmpeq_epi8_mask(valid, late, _mm512_set1_epi8('.'));
    uint64_t pointed = (((points & ~tops) + ~tops) | points) & tops; /* lanes with a point */
    uint64_t below = points - (pointed >> 15);
    uint64_t lanes = pointed | (pointed - (pointed >> 15));
    uint64_t kept = (valid & ~lanes) | ((valid & ~tops) << 1 & lanes);
    if (longest > 15 || (points & below) || (kept & tops) != tops) {
        return false;
    }
    __m512i x = _mm512_mask_mov_epi8(late, points | below, _mm512_bslli_epi128(late, 1));
    x = _mm512_maskz_sub_epi8(kept, x, _mm512_set1_epi8('0'));
    if (_mm512_cmpgt_epu8_mask(x, _mm512_set1_epi8(9))) {
        return false;
    }
    x = _mm512_maddubs_epi16(x, _mm512_set1_epi16(1 << 8 | 10));
    x = _mm512_madd_epi16(x, _mm512_set1_epi32(1 << 16 | 100));
    x = _mm512_packus_epi32(x, x);
    x = _mm512_madd_epi16(x, _mm512_set1_epi32(1 << 16 | 10000));
    __m256i both = _mm512_castsi512_si256(_mm512_maskz_compress_epi64(0x55, x));
    __m256i digits = _mm256_add_epi64(_mm256_mul_epu32(both, _mm256_set1_epi64x(100000000)),
                                      _mm256_srli_epi64(both, 32));
    if (_mm256_cmpgt_epi64_mask(digits, _mm256_set1_epi64x((1LL << 53) - 1))) {
        return false;
    }
    /* 48 more than the places after the point; without one 64: the index is taken modulo 16 */
    __m256i after = _mm256_lzcnt_epi64(_mm256_cvtepu16_epi64(_mm_cvtsi64_si128((long long)points)));
    __m512d scale = _mm512_permutex2var_pd(_mm512_loadu_pd(place), _mm512_castsi256_si512(after),
                                           _mm512_loadu_pd(place + 8));
    __m256d value = _mm256_div_pd(_mm256_cvtepi64_pd(digits), _mm512_castpd512_pd256(scale));
    value = _mm256_mask_xor_pd(value, (__mmask8)minus, value, _mm256_set1_pd(-0.0));
    _mm256_storeu_pd(to, value);
    return true;
}

#include "runtime/csv_rows.def"
#undef FOUR_AT_ONCE
#undef TARGET
#undef NAME

/* ---- the choice ---- */

/* By CPUID itself: what the compiler's library has for it is not always linked. */
typedef struct {
    bool avx2, avx512;
} Cpu;

static Cpu cpu_read(void) {
    Cpu cpu = {false, false};
    unsigned a, b, c, d, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) {
        return cpu;
    }
    bool popcnt = c >> 23 & 1;
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return cpu;
    }
    unsigned bmi = 1u << 3 | 1u << 8;
    unsigned wide = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; /* F, DQ, CD, BW, VL */
    bool avx2 = b >> 5 & 1 && (b & bmi) == bmi;
    bool avx512 = (b & wide) == wide && c >> 6 & 1;
    bool lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) && c >> 5 & 1;
    cpu.avx2 = avx2 && popcnt && lzcnt && (saved & 0x6) == 0x6;
    cpu.avx512 = cpu.avx2 && avx512 && (saved & 0xe6) == 0xe6;
    return cpu;
}

const RowReader *csv_vector_reader(const char *name) {
    static const RowReader readers[] = {{"avx512", read_rows_avx512, count_lines_avx512, true},
                                        {"avx2", read_rows_avx2, count_lines_avx2, true}};
    Cpu cpu = cpu_read();
    const bool has[] = {cpu.avx512, cpu.avx2};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (has[i] && (!name || strcmp(name, readers[i].name) == 0)) {
            return &readers[i];
        }
    }
    return NULL;
}

#else

const RowReader *csv_vector_reader(const char *name) {
    (void)name;
    return NULL;
}

#endif
