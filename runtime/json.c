/* json.c: reads JSON into a tree (RFC 8259, strictly), and writes strings. */
#include "runtime/runtime.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

typedef struct {
    Context *context;
    const char *start, *at, *end; /* a zero byte is at end */
    const char *error;
    int depth;
} Parser;

static Json *parse_value(Parser *parser);

static Json *fail(Parser *parser, const char *why) {
    if (!parser->error) {
        parser->error = memory_format(parser->context, "%s at byte %zu", why,
                                      (size_t)(parser->at - parser->start) + 1);
        parser->error = parser->error ? parser->error : why;
    }
    return NULL;
}

static void skip_blanks(Parser *parser) {
    while (parser->at < parser->end && strchr(" \t\r\n", *parser->at) && *parser->at) {
        parser->at++;
    }
}

static bool accept(Parser *parser, char c) {
    skip_blanks(parser);
    if (parser->at < parser->end && *parser->at == c) {
        parser->at++;
        return true;
    }
    return false;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool parse_hex(Parser *parser, unsigned *code) {
    *code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = parser->at < parser->end ? hex_digit(*parser->at) : -1;
        if (digit < 0) {
            fail(parser, "a bad \\u escape");
            return false;
        }
        *code = *code * 16 + (unsigned)digit;
        parser->at++;
    }
    return true;
}

static size_t encode(unsigned code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* After the backslash. No escape is shorter than what it stands for. */
static bool parse_escape(Parser *parser, char *out, size_t *length) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    char c = parser->at < parser->end ? *parser->at++ : 0;
    const char *found = c ? strchr(names, c) : NULL;
    if (found) {
        out[(*length)++] = values[found - names];
        return true;
    }
    unsigned code, low;
    if (c != 'u') {
        fail(parser, "a bad escape");
        return false;
    }
    if (!parse_hex(parser, &code)) {
        return false;
    }
    if (code >= 0xd800 && code < 0xdc00) {
        if (parser->end - parser->at < 2 || parser->at[0] != '\\' || parser->at[1] != 'u') {
            fail(parser, "half a surrogate pair");
            return false;
        }
        parser->at += 2;
        if (!parse_hex(parser, &low)) {
            return false;
        }
        code = 0x10000 + ((code - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
    }
    *length += encode(code, out + *length);
    return true;
}

/* After the opening quote. */
static char *parse_string(Parser *parser) {
    const char *close = parser->at;
    while (close < parser->end && *close != '"') {
        close += *close == '\\' && close + 1 < parser->end ? 2 : 1;
    }
    if (close >= parser->end) {
        fail(parser, "a string without an end");
        return NULL;
    }
    char *text = memory_new(parser->context, (size_t)(close - parser->at) + 1, 1);
    if (!text) {
        fail(parser, "out of memory");
        return NULL;
    }
    size_t length = 0;
    while (parser->at < close) {
        char c = *parser->at++;
        if ((unsigned char)c < 0x20) {
            fail(parser, "a control character in a string");
            return NULL;
        }
        if (c != '\\') {
            text[length++] = c;
        } else if (!parse_escape(parser, text, &length)) {
            return NULL;
        }
    }
    text[length] = 0;
    parser->at = close + 1;
    return text;
}

static Json *make(Parser *parser, JsonKind kind) {
    Json *json = NEW(parser->context, Json, 1);
    if (!json) {
        fail(parser, "out of memory");
        return NULL;
    }
    json->kind = kind;
    return json;
}

static bool parse_member(Parser *parser, Json *parent, Json **last, bool keyed) {
    char *key = NULL;
    if (keyed) {
        if (!accept(parser, '"')) {
            fail(parser, "expected a name in quotes");
            return false;
        }
        key = parse_string(parser);
        if (!key || !accept(parser, ':')) {
            fail(parser, "expected `:`");
            return false;
        }
        if (json_get(parent, key)) {
            fail(parser, "a name given twice");
            return false;
        }
    }
    Json *value = parse_value(parser);
    if (!value) {
        return false;
    }
    value->key = key;
    if (*last) {
        (*last)->next = value;
    } else {
        parent->first = value;
    }
    *last = value;
    parent->count++;
    return true;
}

static Json *parse_members(Parser *parser, JsonKind kind, char close) {
    Json *parent = make(parser, kind);
    Json *last = NULL;
    if (!parent || ++parser->depth > DEPTH_MAX) {
        return fail(parser, "too deep");
    }
    if (!accept(parser, close)) {
        do {
            if (!parse_member(parser, parent, &last, kind == JSON_OBJECT)) {
                return NULL;
            }
        } while (accept(parser, ','));
        if (!accept(parser, close)) {
            return fail(parser,
                        kind == JSON_OBJECT ? "expected `,` or `}`" : "expected `,` or `]`");
        }
    }
    parser->depth--;
    return parent;
}

static Json *parse_word(Parser *parser) {
    static const struct {
        const char *word;
        JsonKind kind;
    } words[] = {{"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i].word);
        if ((size_t)(parser->end - parser->at) >= length &&
            memcmp(parser->at, words[i].word, length) == 0) {
            parser->at += length;
            return make(parser, words[i].kind);
        }
    }
    return fail(parser, "expected a value");
}

static Json *parse_value(Parser *parser) {
    skip_blanks(parser);
    if (accept(parser, '{')) {
        return parse_members(parser, JSON_OBJECT, '}');
    }
    if (accept(parser, '[')) {
        return parse_members(parser, JSON_ARRAY, ']');
    }
    if (accept(parser, '"')) {
        Json *json = make(parser, JSON_TEXT);
        return json && (json->text = parse_string(parser)) != NULL ? json : NULL;
    }
    char c = *parser->at;
    if (c == '-' || (c >= '0' && c <= '9')) {
        Json *json = make(parser, JSON_NUMBER);
        const char *stop = parser->at;
        if (json && number_scan(parser->at, parser->end, &json->number, &stop) != NUMBER_OK) {
            return fail(parser, "a bad number");
        }
        parser->at = stop;
        return json;
    }
    return parse_word(parser);
}

Json *json_read(Context *context, const char *text, size_t length, const char **error) {
    Parser parser = {.context = context, .start = text, .at = text, .end = text + length};
    Json *json = parse_value(&parser);
    skip_blanks(&parser);
    if (json && parser.at != parser.end) {
        json = fail(&parser, "text after the end");
    }
    *error = parser.error;
    return json;
}

const Json *json_get(const Json *object, const char *key) {
    if (!object || object->kind != JSON_OBJECT) {
        return NULL;
    }
    for (const Json *member = object->first; member; member = member->next) {
        if (strcmp(member->key, key) == 0) {
            return member;
        }
    }
    return NULL;
}

void json_text(Text *text, const char *string) {
    text_string(text, "\"");
    for (const char *p = string; *p; p++) {
        if (*p == '"' || *p == '\\') {
            text_format(text, "\\%c", *p);
        } else if ((unsigned char)*p < 0x20) {
            text_format(text, "\\u%04x", (unsigned char)*p);
        } else {
            text_bytes(text, p, 1);
        }
    }
    text_string(text, "\"");
}
