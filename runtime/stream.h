/* stream.h: bytes that an Input takes from something else than its file as it is: a compressed
 * file, a member of an archive. */
#ifndef GRADC_STREAM_H
#define GRADC_STREAM_H

#include "runtime/runtime.h"

#include <sys/types.h>

typedef struct Stream {
    ssize_t (*read)(struct Stream *stream, char *to, size_t room); /* 0: the end; -1: reported */
    void (*close)(struct Stream *stream);
} Stream;

/* Is what the input begins with compressed? Then it goes on with what that is the compression of,
 * through layers of it. False: reported. */
bool input_decompress(Input *input);

/* A part of a file as an input: `length` bytes from `offset` of `fd`, which stays open, deflated
 * where `deflated`. At the end `size` bytes with the checksum `crc` must have come, else it is
 * damaged. `path` is for messages. False: reported. */
typedef struct {
    int fd;
    int64_t offset, length, size;
    uint32_t crc;
    bool deflated;
} StreamPart;
bool input_open_part(Context *context, Input *input, const char *path, const StreamPart *part);

/* An input whose bytes come from the stream, which it closes. False: reported, and closed. */
bool input_from_stream(Context *context, Input *input, const char *path, Stream *stream);

/* CRC-32 as zip and gzip have it, of what went before and these bytes; 0 at the start. */
uint32_t crc_of(uint32_t before, const void *bytes, size_t length);

#endif
