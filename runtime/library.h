/* library.h: libraries that are asked for only when a file needs them. A trainer is linked with
 * none of them, so it starts as fast and runs anywhere; where one is missing, only the files that
 * need it cannot be read. Their interfaces are stable: what is used of them is declared where it is
 * used, so building needs no headers of theirs. */
#ifndef GRADC_LIBRARY_H
#define GRADC_LIBRARY_H

#include "runtime/runtime.h"

typedef enum { LIBRARY_Z, LIBRARY_ZSTD, LIBRARY_SQLITE, LIBRARY_CAIRO } LibraryId;

/* A function, and where its address goes in a table of them. */
typedef struct {
    const char *name;
    size_t offset;
} LibrarySymbol;

/* Opens a library and fills the table with its functions. False: reported, with what was to be
 * done ("read FILE") and the package that has it. */
bool library_open(Context *context, LibraryId id, const char *purpose, const LibrarySymbol *symbols,
                  size_t count, void *table);
/* Can it be opened? Nothing is reported. */
bool library_there(LibraryId id);

#endif
