/* store.h: data that are larger than memory. Their columns are files without a name, one each, that
 * are written while the data are read; what is looked at is a window of rows in memory.
 *
 * While rows come in, data->columns point so far before the window that rows keep their numbers:
 * loaders know nothing of it but that data_reserve makes room. Afterwards they are NULL, and
 * evaluate_move, or data_window, brings rows to memory. */
#ifndef GRADC_STORE_H
#define GRADC_STORE_H

#include "runtime/runtime.h"

typedef struct Store Store;

/* Bytes that data may take in memory: half of what the process may have, by its limits, those of
 * its control group, and what the machine has left. */
int64_t store_limit(void);
/* "500M", "2G", a number of bytes; false: it is none. */
bool store_size(const char *text, int64_t *size);

/* From now on. `rows` of the data are in memory, and are written first. False: reported. */
bool store_start(Context *context, const Model *model, const LoadOptions *options, Data *data);
/* Room for rows up to `rows`, the number of the last one and one. */
bool store_reserve(Store *store, Data *data, int64_t rows);
/* All rows have come. */
bool store_finish(Store *store, Data *data);
/* Leaves out rows, `count` of them in ascending order, once all have come. */
bool store_drop(Store *store, Data *data, const int64_t *rows, size_t count);

/* Looks at `count` rows of a column, of which `array` is the first; false: end, it is reported. */
typedef bool PieceVisit(void *self, void *array, int64_t first, int64_t count);
/* Calls `visit` for all rows of a column, in their order: at once where they are in memory, a piece
 * at a time where they are on disk. What it changes there is kept if `change`. */
bool data_pieces(Data *data, size_t column, bool change, PieceVisit *visit, void *self);
/* One entry of a row of a column of reals; `change`: *value is written back. */
typedef void EntryVisit(void *self, size_t entry, double *value);
/* All entries, row by row: entries are neighbours. */
bool data_entries(const Model *model, Data *data, size_t column, bool change, EntryVisit *visit,
                  void *self);
/* Memory for windows of so many rows. False: there is none (reported). */
bool store_room(Store *store, int64_t rows);
/* Brings samples first … first + count - 1, no more than there is room for, to memory, if they are
 * not there, and what comes after them; columns[i] is where the first of them begins. What cannot
 * be read is reported, and NaN. */
void store_window(Store *store, int64_t first, int64_t count, const void **columns);
/* Has reading failed? */
bool store_failed(const Store *store);

#endif
