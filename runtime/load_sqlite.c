/* load_sqlite.c: rows of an SQLite database: `sqlite:FILE?query=SELECT …`,
 * `sqlite:FILE?table=NAME`, or the only table of FILE. The database is opened for reading alone;
 * rows come one by one. */
#include "runtime/cells.h"
#include "runtime/library.h"
#include "runtime/load.h"

#include <string.h>
#include <unistd.h>

/* ---- SQLite, as far as it is used ---- */

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;

typedef struct {
    int (*open)(const char *file, sqlite3 **database, int flags, const char *vfs);
    int (*close)(sqlite3 *database);
    const char *(*message)(sqlite3 *database);
    int (*prepare)(sqlite3 *database, const char *sql, int length, sqlite3_stmt **statement,
                   const char **tail);
    int (*step)(sqlite3_stmt *statement);
    int (*finalize)(sqlite3_stmt *statement);
    int (*columns)(sqlite3_stmt *statement);
    const char *(*name)(sqlite3_stmt *statement, int column);
    int (*type)(sqlite3_stmt *statement, int column);
    int64_t (*integer)(sqlite3_stmt *statement, int column);
    double (*real)(sqlite3_stmt *statement, int column);
    const unsigned char *(*text)(sqlite3_stmt *statement, int column);
    int (*bytes)(sqlite3_stmt *statement, int column);
} Sqlite;

static const LibrarySymbol symbols[] = {
    {"sqlite3_open_v2", offsetof(Sqlite, open)},
    {"sqlite3_close", offsetof(Sqlite, close)},
    {"sqlite3_errmsg", offsetof(Sqlite, message)},
    {"sqlite3_prepare_v2", offsetof(Sqlite, prepare)},
    {"sqlite3_step", offsetof(Sqlite, step)},
    {"sqlite3_finalize", offsetof(Sqlite, finalize)},
    {"sqlite3_column_count", offsetof(Sqlite, columns)},
    {"sqlite3_column_name", offsetof(Sqlite, name)},
    {"sqlite3_column_type", offsetof(Sqlite, type)},
    {"sqlite3_column_int64", offsetof(Sqlite, integer)},
    {"sqlite3_column_double", offsetof(Sqlite, real)},
    {"sqlite3_column_text", offsetof(Sqlite, text)},
    {"sqlite3_column_bytes", offsetof(Sqlite, bytes)},
};

enum { OPEN_READONLY = 1, STATUS_ROW = 100, STATUS_DONE = 101 };
enum { TYPE_INTEGER = 1, TYPE_FLOAT, TYPE_TEXT, TYPE_BLOB, TYPE_NULL };

typedef struct {
    Context *context;
    const char *path; /* of the file */
    Sqlite sqlite;
    sqlite3 *database;
    sqlite3_stmt *statement;
    Text text; /* of a cell */
} Base;

/* ---- what is asked ---- */

/* FILE?query=… in parts; all but FILE may be NULL. False: reported. */
static bool split_path(Context *context, const char *text, char **file, const char **query,
                       const char **table) {
    const char *mark = strchr(text, '?');
    *query = *table = NULL;
    *file = memory_copy(context, text, mark ? (size_t)(mark - text) : strlen(text));
    if (!*file) {
        return false;
    }
    if (mark && strncmp(mark, "?query=", 7) == 0) {
        *query = mark + 7;
    } else if (mark && strncmp(mark, "?table=", 7) == 0) {
        *table = mark + 7;
    }
    if (!**file || (mark && !(*query && **query) && !(*table && **table))) {
        return report_error(context,
                            "expected sqlite:FILE?query=SELECT… or sqlite:FILE?table=NAME, found "
                            "`sqlite:%s`",
                            text);
    }
    return true;
}

static bool sql_error(Base *base, const char *what) {
    return report_error(base->context, "%s: %s: %s", base->path, what,
                        base->sqlite.message(base->database));
}

static bool open_base(Base *base) {
    char *purpose = memory_format(base->context, "read `%s`", base->path);
    if (access(base->path, R_OK) != 0) {
        return report_error(base->context, "cannot open `%s`: there is no such file to read",
                            base->path);
    }
    return purpose &&
           library_open(base->context, LIBRARY_SQLITE, purpose, symbols,
                        sizeof symbols / sizeof *symbols, &base->sqlite) &&
           (base->sqlite.open(base->path, &base->database, OPEN_READONLY, NULL) == 0 ||
            sql_error(base, "cannot be opened"));
}

static bool prepare(Base *base, const char *query) {
    const char *tail = "";
    if (base->sqlite.prepare(base->database, query, -1, &base->statement, &tail) != 0) {
        return sql_error(base, "the query cannot be run");
    }
    if (tail[strspn(tail, " \t\r\n;")]) {
        return report_error(base->context, "%s: there is more than one statement in the query",
                            base->path);
    }
    return (base->statement && base->sqlite.columns(base->statement) > 0) ||
           report_error(base->context, "%s: the query gives no columns; expected a SELECT",
                        base->path);
}

/* "SELECT * FROM the table". NULL: no memory. */
static char *query_of(Context *context, const char *table) {
    Text text;
    text_start(&text, context);
    text_string(&text, "SELECT * FROM \"");
    for (; *table; table++) {
        text_bytes(&text, "\"\"", *table == '"' ? 2 : 0);
        text_bytes(&text, table, *table != '"');
    }
    text_string(&text, "\"");
    return text.failed ? NULL : text.data;
}

/* The only table, or NULL: reported. */
static char *only_table(Base *base) {
    char *found = NULL;
    size_t count = 0;
    Text list;
    text_start(&list, base->context);
    if (!prepare(base, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT"
                       " LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")) {
        return NULL;
    }
    int status;
    while ((status = base->sqlite.step(base->statement)) == STATUS_ROW && count < 32) {
        const char *name = (const char *)base->sqlite.text(base->statement, 0);
        found = memory_copy(base->context, name ? name : "", name ? strlen(name) : 0);
        text_format(&list, "%s`%s`", count++ ? ", " : "", name ? name : "");
    }
    if (status != STATUS_DONE && status != STATUS_ROW) {
        sql_error(base, "cannot be read");
        return NULL;
    }
    base->sqlite.finalize(base->statement);
    base->statement = NULL;
    if (count == 1) {
        return found;
    }
    report_error(base->context, "%s: which table? sqlite:%s?table=NAME says so; there %s %s",
                 base->path, base->path, count ? "are" : "is", count ? list.data : "none");
    return NULL;
}

static bool ask(Base *base, const char *query, const char *table) {
    if (!query) {
        const char *name = table ? table : only_table(base);
        query = name ? query_of(base->context, name) : NULL;
    }
    return query && prepare(base, query);
}

/* ---- rows ---- */

static bool take_names(Base *base, Cells *cells) {
    size_t count = (size_t)base->sqlite.columns(base->statement);
    cells->names = NEW(base->context, char *, count + 1);
    for (size_t i = 0; cells->names && i < count; i++) {
        const char *name = base->sqlite.name(base->statement, (int)i);
        cells->names[i] = memory_copy(base->context, name ? name : "", name ? strlen(name) : 0);
        if (!cells->names[i]) {
            return false;
        }
    }
    return cells->names && cells_make_fields(cells, count, base->path);
}

/* A copy: the byte after a text must be one that can be written. */
static void take_text(Base *base, Cells *cells, int column) {
    const char *text = (const char *)base->sqlite.text(base->statement, column);
    int length = base->sqlite.bytes(base->statement, column);
    base->text.length = 0;
    text_bytes(&base->text, text ? text : "", text && length > 0 ? (size_t)length : 0);
    if (base->text.failed) {
        cells->failed = true;
        return;
    }
    cells_text(cells, (size_t)column, base->text.data, base->text.length);
}

static void take_cell(Base *base, Cells *cells, int column) {
    FieldKind kind = cells->fields[column].kind;
    int type = base->sqlite.type(base->statement, column);
    if (kind == FIELD_SKIP) {
        return;
    }
    if (type == TYPE_NULL) {
        cells_missing(cells, (size_t)column, "is NULL");
    } else if (type == TYPE_BLOB) {
        cells_bad_value(cells, (size_t)column, "", 0, "is a blob");
    } else if (type == TYPE_TEXT || kind == FIELD_SAMPLE || kind == FIELD_TEXT) {
        take_text(base, cells, column);
    } else if (type == TYPE_INTEGER) {
        cells_number(cells, (size_t)column, (double)base->sqlite.integer(base->statement, column));
    } else {
        cells_number(cells, (size_t)column, base->sqlite.real(base->statement, column));
    }
}

static bool take_rows(Base *base, Cells *cells) {
    Data *data = cells->data;
    int status;
    while ((status = base->sqlite.step(base->statement)) == STATUS_ROW) {
        if (data->rows == data->capacity &&
            !data_reserve(base->context, cells->model, cells->options, data,
                          data->capacity < 64 ? 64 : data->capacity + data->capacity / 2)) {
            return false;
        }
        for (size_t i = 0; i < cells->field_count && !cells->failed; i++) {
            take_cell(base, cells, (int)i);
        }
        if (cells->failed) {
            return false;
        }
        data->rows += cells->bad == 0;
    }
    if (status != STATUS_DONE) {
        return sql_error(base, "cannot be read to the end");
    }
    if (!cells_report(cells)) {
        return false;
    }
    return data->rows > 0 || report_place(base->context, base->path, "the query gives no rows");
}

bool load_sqlite(Context *context, Model *model, const LoadOptions *options, const char *path,
                 Data *data) {
    Base base = {.context = context};
    Cells cells;
    char *file;
    const char *query, *table;
    if (!split_path(context, path, &file, &query, &table)) {
        return false;
    }
    data->path = base.path = file;
    data->may_store = !model_rows_dim(model);
    text_start(&base.text, context);
    cells_start(&cells, context, model, options, file, data);
    bool done = open_base(&base) && ask(&base, query, table) && take_names(&base, &cells) &&
                take_rows(&base, &cells) && cells_finish(&cells);
    if (base.statement) {
        base.sqlite.finalize(base.statement);
    }
    if (base.database) {
        base.sqlite.close(base.database);
    }
    return done;
}
