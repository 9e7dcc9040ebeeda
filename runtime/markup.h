/* markup.h: texts of any kind as texts of HTML, SVG and XML. */
#ifndef GRADC_MARKUP_H
#define GRADC_MARKUP_H

#include "runtime/runtime.h"

/* What is no character of XML (control codes, what is no UTF-8) becomes U+FFFD. */
void markup_bytes(Text *out, const char *text, size_t length);
void markup_text(Text *out, const char *text);

#endif
