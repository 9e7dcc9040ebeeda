/* Files written whole: the mode is kept, links stay links, nothing is left behind. */
#include "base/base.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures;

static void expect(bool good, const char *what) {
    if (!good) {
        printf("failed: %s\n", what);
        failures++;
    }
}

static void expect_text(Arena *arena, const char *path, const char *wanted) {
    size_t length;
    const char *error;
    const char *found = file_read(arena, path, &length, &error);
    expect(found != NULL && strcmp(found, wanted) == 0 && length == strlen(wanted), path);
}

int main(void) {
    Arena *arena = arena_create();
    char folder[] = "base_file.XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        perror("mkdtemp");
        return 1;
    }
    umask(022);
    struct stat status;

    expect(file_write(arena, "a", "one", 3, false) == NULL, "a new file");
    expect_text(arena, "a", "one");
    expect(stat("a", &status) == 0 && (status.st_mode & 0777) == 0644, "its mode");
    expect(file_write(arena, "x", "two", 3, true) == NULL && stat("x", &status) == 0 &&
               (status.st_mode & 0777) == 0755,
           "an executable");
    expect(chmod("a", 0600) == 0 && file_write(arena, "a", "", 0, false) == NULL &&
               stat("a", &status) == 0 && (status.st_mode & 0777) == 0600,
           "the mode is kept");
    expect_text(arena, "a", "");
    expect(file_write(arena, "a", "run", 3, true) == NULL && stat("a", &status) == 0 &&
               (status.st_mode & 0777) == 0700,
           "what may be read may be run");

    expect(symlink("a", "link") == 0 && file_write(arena, "link", "three", 5, false) == NULL &&
               lstat("link", &status) == 0 && S_ISLNK(status.st_mode),
           "a link stays");
    expect_text(arena, "a", "three");
    expect(file_write(arena, "/dev/null", "x", 1, false) == NULL, "a device");

    const char *error = file_write(arena, "none/a", "x", 1, false);
    expect(error != NULL && strcmp(error, "cannot write `none/a`: No such file or directory") == 0,
           "no such folder");
    error = file_write(arena, ".", "x", 1, false);
    expect(error != NULL && strcmp(error, "cannot write `.`: Is a directory") == 0, "a folder");
    size_t length;
    expect(file_read(arena, "none", &length, &error) == NULL &&
               strcmp(error, "cannot read `none`: No such file or directory") == 0,
           "no such file");
    expect(file_read(arena, ".", &length, &error) == NULL, "reading a folder");

    unlink("a");
    unlink("x");
    unlink("link");
    expect(chdir("..") == 0 && rmdir(folder) == 0, "nothing is left behind");
    arena_destroy(arena);
    return failures > 0;
}
