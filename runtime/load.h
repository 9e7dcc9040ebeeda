/* load.h: the loaders of the kinds of data files. Each fills the arrays of the model with all rows
 * and binds what these bind. All return false when they have reported. */
#ifndef GRADC_LOAD_H
#define GRADC_LOAD_H

#include "runtime/runtime.h"

bool load_csv(Context *context, Model *model, const LoadOptions *options, Input *input, Data *data);
bool load_npy(Context *context, Model *model, const LoadOptions *options, Input *input, Data *data);
bool load_libsvm(Context *context, Model *model, const LoadOptions *options, Input *input,
                 Data *data);
/* Do the first lines look like libsvm's `label index:value …`? */
bool libsvm_looks_so(const Input *input);
/* Text in one of the two, from an input that has nothing else before it. */
bool load_table(Context *context, Model *model, const LoadOptions *options, Input *input,
                Data *data);
/* A zip archive of .npy files. */
bool load_npz(Context *context, Model *model, const LoadOptions *options, Input *input, Data *data);
/* FILE, FILE?table=NAME or FILE?query=SELECT… */
bool load_sqlite(Context *context, Model *model, const LoadOptions *options, const char *path,
                 Data *data);

#endif
