/* stream.c: compressed files as inputs. Bytes go through a window of fixed size, so a small file
 * that would become a huge one takes no memory by itself; what is cut or damaged ends reading with
 * a message. gzip and zip members are inflated by zlib, zstd frames by libzstd. */
#include "runtime/stream.h"
#include "runtime/library.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- zlib, as far as it is used ---- */

typedef struct {
    const unsigned char *next_in;
    unsigned available_in;
    unsigned long total_in;
    unsigned char *next_out;
    unsigned available_out;
    unsigned long total_out;
    const char *message;
    void *state, *allocate, *release, *opaque;
    int data_type;
    unsigned long adler, reserved;
} ZStream;

enum { Z_END = 1, Z_BUFFER = -5, Z_GZIP = 15 + 16, Z_RAW = -15 };

typedef struct {
    int (*start)(ZStream *stream, int window, const char *version, int size);
    int (*inflate)(ZStream *stream, int flush);
    int (*reset)(ZStream *stream);
    int (*end)(ZStream *stream);
} Zlib;

static const LibrarySymbol zlib_symbols[] = {
    {"inflateInit2_", offsetof(Zlib, start)},
    {"inflate", offsetof(Zlib, inflate)},
    {"inflateReset", offsetof(Zlib, reset)},
    {"inflateEnd", offsetof(Zlib, end)},
};

/* ---- zstd, as far as it is used ---- */

typedef struct {
    const void *bytes;
    size_t size, position;
} ZstdIn;

typedef struct {
    void *bytes;
    size_t size, position;
} ZstdOut;

typedef struct {
    void *(*create)(void);
    size_t (*release)(void *decoder);
    size_t (*decompress)(void *decoder, ZstdOut *out, ZstdIn *in);
    unsigned (*is_error)(size_t code);
    const char *(*error_name)(size_t code);
} Zstd;

static const LibrarySymbol zstd_symbols[] = {
    {"ZSTD_createDStream", offsetof(Zstd, create)},
    {"ZSTD_freeDStream", offsetof(Zstd, release)},
    {"ZSTD_decompressStream", offsetof(Zstd, decompress)},
    {"ZSTD_isError", offsetof(Zstd, is_error)},
    {"ZSTD_getErrorName", offsetof(Zstd, error_name)},
};

/* ---- what both have ---- */

/* The compressed bytes come from `raw`, `given` of them are decompressed so far. */
typedef struct {
    Stream stream;
    Context *context;
    Input raw;
    int64_t given;
    bool within; /* a member has begun and not ended */
    bool ended;
    Zlib zlib;
    ZStream z;
    Zstd zstd;
    void *decoder;
} Decoder;

static bool damaged(const Decoder *decoder, const char *kind, const char *why) {
    return report_place(decoder->context, decoder->raw.path,
                        "the %s data are damaged after %lld bytes of what they hold (%s)", kind,
                        (long long)decoder->given, why);
}

static bool cut(const Decoder *decoder, const char *kind) {
    return report_place(decoder->context, decoder->raw.path,
                        "the %s data are cut: they end after %lld bytes of what they hold", kind,
                        (long long)decoder->given);
}

/* At least one byte at raw.position. *more: false at the end. */
static bool raw_bytes(Decoder *decoder, bool *more) {
    Input *raw = &decoder->raw;
    while (raw->position == raw->end && !raw->finished) {
        if (!input_fill(raw, raw->position)) {
            return false;
        }
    }
    *more = raw->position < raw->end;
    return true;
}

static void close_raw(Decoder *decoder) {
    input_close(&decoder->raw);
    memory_free(decoder->context, decoder);
}

/* ---- gzip ---- */

/* Between members: another one begins, or all ends, perhaps with zeros that fill a block. */
static bool next_member(Decoder *decoder, bool *more) {
    if (!raw_bytes(decoder, more)) {
        return false;
    }
    Input *raw = &decoder->raw;
    if (*more && *raw->position == '\x1f') {
        decoder->zlib.reset(&decoder->z);
        decoder->within = true;
        return true;
    }
    while (*more && *raw->position == 0) {
        raw->position++;
        if (!raw_bytes(decoder, more)) {
            return false;
        }
    }
    return !*more || damaged(decoder, "gzip", "bytes follow that are no gzip data");
}

static ssize_t read_gzip(Stream *stream, char *to, size_t room) {
    Decoder *decoder = (Decoder *)(void *)stream;
    ZStream *z = &decoder->z;
    room = room > 1 << 30 ? 1 << 30 : room;
    z->next_out = (unsigned char *)to;
    z->available_out = (unsigned)room;
    while (z->available_out == room && !decoder->ended) {
        bool more = true;
        if (!(decoder->within ? raw_bytes(decoder, &more) : next_member(decoder, &more))) {
            return -1;
        }
        if (!more && decoder->within) {
            return cut(decoder, "gzip") - 1;
        }
        if (!more) {
            decoder->ended = true;
            break;
        }
        Input *raw = &decoder->raw;
        z->next_in = (const unsigned char *)raw->position;
        z->available_in = (unsigned)(raw->end - raw->position);
        int status = decoder->zlib.inflate(z, 0);
        raw->position = raw->end - z->available_in;
        if (status < 0 && status != Z_BUFFER) {
            return damaged(decoder, "gzip", z->message ? z->message : "no sense") - 1;
        }
        if (status > Z_END) {
            return damaged(decoder, "gzip", "a dictionary is asked for") - 1;
        }
        decoder->within = status != Z_END;
    }
    size_t got = room - z->available_out;
    decoder->given += (int64_t)got;
    return (ssize_t)got;
}

static void close_gzip(Stream *stream) {
    Decoder *decoder = (Decoder *)(void *)stream;
    if (decoder->z.state) {
        decoder->zlib.end(&decoder->z);
    }
    close_raw(decoder);
}

static bool start_zlib(Context *context, const char *path, int window, Zlib *zlib, ZStream *z) {
    char *purpose = memory_format(context, "read `%s`", path);
    if (!purpose || !library_open(context, LIBRARY_Z, purpose, zlib_symbols,
                                  sizeof zlib_symbols / sizeof *zlib_symbols, zlib)) {
        return false;
    }
    return zlib->start(z, window, "1.2.3", (int)sizeof *z) == 0 ||
           report_error(context, "cannot read `%s`: zlib does not start", path); /* rare: memory */
}

/* ---- zstd ---- */

static ssize_t read_zstd(Stream *stream, char *to, size_t room) {
    Decoder *decoder = (Decoder *)(void *)stream;
    ZstdOut out = {to, room, 0};
    while (out.position == 0 && !decoder->ended) {
        bool more;
        if (!raw_bytes(decoder, &more)) {
            return -1;
        }
        Input *raw = &decoder->raw;
        ZstdIn in = {raw->position, (size_t)(raw->end - raw->position), 0};
        size_t status = decoder->zstd.decompress(decoder->decoder, &out, &in);
        if (decoder->zstd.is_error(status)) {
            return damaged(decoder, "zstd", decoder->zstd.error_name(status)) - 1;
        }
        raw->position += in.position;
        if (more) {
            decoder->within = status != 0;
        } else if (out.position == 0) {
            if (decoder->within) {
                return cut(decoder, "zstd") - 1;
            }
            decoder->ended = true;
        }
    }
    decoder->given += (int64_t)out.position;
    return (ssize_t)out.position;
}

static void close_zstd(Stream *stream) {
    Decoder *decoder = (Decoder *)(void *)stream;
    if (decoder->decoder) {
        decoder->zstd.release(decoder->decoder);
    }
    close_raw(decoder);
}

static bool start_zstd(Decoder *decoder) {
    char *purpose = memory_format(decoder->context, "read `%s`", decoder->raw.path);
    if (!purpose || !library_open(decoder->context, LIBRARY_ZSTD, purpose, zstd_symbols,
                                  sizeof zstd_symbols / sizeof *zstd_symbols, &decoder->zstd)) {
        return false;
    }
    decoder->decoder = decoder->zstd.create();
    return decoder->decoder || report_error(decoder->context, "cannot read `%s`: out of memory",
                                            decoder->raw.path); /* rare: memory */
}

/* ---- inputs ---- */

static bool is_gzip(const Input *input) {
    return input->end - input->buffer >= 2 && memcmp(input->buffer, "\x1f\x8b", 2) == 0;
}

/* A frame, or one that decoders skip. */
static bool is_zstd(const Input *input) {
    return input->end - input->buffer >= 4 && (memcmp(input->buffer, "\x28\xb5\x2f\xfd", 4) == 0 ||
                                               (((unsigned char)input->buffer[0] & 0xf0) == 0x50 &&
                                                memcmp(input->buffer + 1, "\x2a\x4d\x18", 3) == 0));
}

enum { LAYERS_MAX = 4 };

bool input_decompress(Input *input) {
    for (int layer = 0; is_gzip(input) || is_zstd(input); layer++) {
        Context *context = input->context;
        if (layer == LAYERS_MAX) {
            return report_place(context, input->path, "the file is compressed more than %d times",
                                LAYERS_MAX);
        }
        bool zstd = is_zstd(input);
        Decoder *decoder = NEW(context, Decoder, 1);
        if (!decoder) {
            return false;
        }
        decoder->stream = zstd ? (Stream){read_zstd, close_zstd} : (Stream){read_gzip, close_gzip};
        decoder->context = context;
        decoder->within = true;
        decoder->raw = *input;
        *input = (Input){.context = context, .path = decoder->raw.path, .fd = -1};
        bool started =
            zstd ? start_zstd(decoder)
                 : start_zlib(context, decoder->raw.path, Z_GZIP, &decoder->zlib, &decoder->z);
        if (!started) {
            decoder->stream.close(&decoder->stream);
            return false;
        }
        if (!input_from_stream(context, input, decoder->raw.path, &decoder->stream)) {
            return false;
        }
    }
    return true;
}

/* ---- parts of a file ---- */

enum { PART_BLOCK = 1 << 16 };

typedef struct {
    Stream stream;
    Context *context;
    const char *path;
    StreamPart part;
    int64_t read, given;
    uint32_t crc;
    bool done;
    Zlib zlib;
    ZStream z;
    char block[PART_BLOCK];
} PartStream;

static bool part_damaged(const PartStream *part, const char *why) {
    return report_place(part->context, part->path,
                        "the member is damaged after %lld of its %lld bytes (%s)",
                        (long long)part->given, (long long)part->part.size, why);
}

/* Bytes as they stand in the file. 0: the part has ended, or the file; -1: reported. */
static ssize_t part_bytes(PartStream *part, char *to, size_t room) {
    int64_t left = part->part.length - part->read;
    ssize_t got;
    if ((int64_t)room > left) {
        room = (size_t)left;
    }
    do {
        got = room ? pread(part->part.fd, to, room, part->part.offset + part->read) : 0;
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return report_error(part->context, "cannot read `%s`: %s", part->path, strerror(errno)) - 1;
    }
    part->read += got;
    return got;
}

static ssize_t part_inflate(PartStream *part, char *to, size_t room) {
    ZStream *z = &part->z;
    z->next_out = (unsigned char *)to;
    z->available_out = (unsigned)room;
    bool ended = false; /* there are no more bytes; the last ones may yet hold output, or its end */
    while (z->available_out == room && !part->done) {
        if (z->available_in == 0) {
            ssize_t got = part_bytes(part, part->block, sizeof part->block);
            if (got < 0) {
                return -1;
            }
            ended = got == 0;
            z->next_in = (const unsigned char *)part->block;
            z->available_in = (unsigned)got;
        }
        int status = part->zlib.inflate(z, 0);
        if (status < 0 && status != Z_BUFFER) {
            return part_damaged(part, z->message ? z->message : "no sense") - 1;
        }
        part->done = status == Z_END;
        if (ended && !part->done && z->available_out == room) {
            return part_damaged(part, "it is cut") - 1;
        }
    }
    return (ssize_t)(room - z->available_out);
}

static ssize_t read_part(Stream *stream, char *to, size_t room) {
    PartStream *part = (PartStream *)(void *)stream;
    room = room > 1 << 30 ? 1 << 30 : room;
    ssize_t got = part->part.deflated ? part_inflate(part, to, room) : part_bytes(part, to, room);
    if (got < 0) {
        return -1;
    }
    part->crc = crc_of(part->crc, to, (size_t)got);
    part->given += got;
    if (part->given > part->part.size) {
        return part_damaged(part, "it is longer than the archive says") - 1;
    }
    if (got == 0 && part->given < part->part.size) {
        return part_damaged(part, "it is cut") - 1;
    }
    if (part->given == part->part.size && part->crc != part->part.crc) {
        return part_damaged(part, "its checksum does not agree") - 1;
    }
    return got;
}

static void close_part(Stream *stream) {
    PartStream *part = (PartStream *)(void *)stream;
    if (part->z.state) {
        part->zlib.end(&part->z);
    }
    memory_free(part->context, part);
}

bool input_open_part(Context *context, Input *input, const char *path, const StreamPart *part) {
    PartStream *stream = NEW(context, PartStream, 1);
    if (!stream) {
        return false;
    }
    stream->stream = (Stream){read_part, close_part};
    stream->context = context;
    stream->path = path;
    stream->part = *part;
    if (part->deflated && !start_zlib(context, path, Z_RAW, &stream->zlib, &stream->z)) {
        close_part(&stream->stream);
        return false;
    }
    return input_from_stream(context, input, path, &stream->stream);
}

uint32_t crc_of(uint32_t before, const void *bytes, size_t length) {
    static const uint32_t table[16] = {/* of half bytes */
                                       0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const unsigned char *p = bytes;
    uint32_t crc = ~before;
    for (size_t i = 0; i < length; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}
