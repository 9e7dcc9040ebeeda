/* markup.c: texts of any kind as texts of HTML, SVG and XML. */
#include "runtime/markup.h"

#include <string.h>

static const char *entity(char c) {
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    default:
        return NULL;
    }
}

/* The bytes of the character at `text`; 0: it is none that XML has. */
static size_t character(const char *text, size_t length) {
    unsigned char first = (unsigned char)*text;
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    bool control = first < 0x20 && first != '\t' && first != '\n';
    bool none = size == 3 && length >= 3 && memcmp(text, "\xef\xbf", 2) == 0 &&
                (unsigned char)text[2] >= 0xbe; /* U+FFFE, U+FFFF */
    return size <= length && !control && !none && utf8_valid(text, size) ? size : 0;
}

void markup_bytes(Text *out, const char *text, size_t length) {
    for (size_t i = 0; i < length;) {
        size_t size = character(text + i, length - i);
        const char *word = entity(text[i]);
        if (size == 0) {
            text_string(out, "\xef\xbf\xbd");
        } else if (word) {
            text_string(out, word);
        } else {
            text_bytes(out, text + i, size);
        }
        i += size ? size : 1;
    }
}

void markup_text(Text *out, const char *text) {
    markup_bytes(out, text, strlen(text));
}
