# embed.awk: .model files to a C array of them, and to one of the functions in them, each with its name
# and place, so that one is parsed only where it is used. A function begins at a line that begins with its
# name. Each text is an array of bytes: string literals of standard C end at 4,095.
#     LC_ALL=C awk -f embed.awk runtime/std/*.model > library.c

function finish() {
    if (count > 0) {
        printf "    0};\n\n"
    }
}

function start(path) {
    finish()
    count++
    name[count] = path
    sub(/.*\//, "", name[count])
    size[count] = 0
    printf "static const char text_%d[] = {\n", count
}

BEGIN {
    for (i = 1; i < 256; i++) {
        code[sprintf("%c", i)] = i
    }
    printf "/* Made by embed.awk from the standard library. */\n#include \"front/parser.h\"\n\n"
    if (ARGC == 1) {
        exit
    }
}

FNR == 1 {
    start(FILENAME)
}

/^[A-Za-z_]/ {
    functions++
    own[functions] = $0
    sub(/[^A-Za-z_0-9].*/, "", own[functions])
    home[functions] = count - 1
    begin[functions] = size[count]
}

{
    line = "    "
    for (i = 1; i <= length($0); i++) {
        character = substr($0, i, 1)
        if (!(character in code)) {
            print "embed.awk: run it with LC_ALL=C" > "/dev/stderr"
            failed = 1
            exit 1
        }
        byte = code[character]
        if (character == "'" || character == "\\") {
            line = line "'\\" character "', "
        } else if (byte >= 32 && byte < 127) {
            line = line "'" character "', "
        } else {
            line = line "(char)" byte ", "
        }
        if (i % 16 == 0) {
            line = line "\n    "
        }
    }
    print line "'\\n',"
    size[count] += length($0) + 1
}

END {
    if (failed) {
        exit 1
    }
    finish()
    printf "const LibraryFile library_files[] = {\n"
    for (i = 1; i <= count; i++) {
        printf "    {\"std/%s\", text_%d, %d},\n", name[i], i, size[i]
    }
    printf "    {0, 0, 0},\n};\n\nconst LibraryFunction library_functions[] = {\n"
    for (i = 1; i <= functions; i++) {
        last = i < functions && home[i + 1] == home[i] ? begin[i + 1] : size[home[i] + 1]
        printf "    {\"%s\", %d, %d, %d},\n", own[i], home[i], begin[i], last
    }
    printf "    {0, 0, 0, 0},\n};\n"
}
