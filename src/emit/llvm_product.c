/* llvm_product.c: matrix products for LLVM modules, as LLVM text for the vectors of the machine. A
 * tile of rows and vectors of columns stands in registers while the terms go by; a panel of columns
 * that is not row by row in memory, or narrower than a tile, is first copied to a buffer, squares
 * of it turned in registers. */
#include "emit/llvm_private.h"

#include <llvm-c/IRReader.h>
#include <llvm-c/Linker.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    unsigned lanes, vectors, rows; /* of a tile */
    unsigned dots;                 /* rows of dot products at a time, of DOT_COLUMNS columns */
    Precision precision;
} Tile;

enum { DOT_COLUMNS = 5 };

static bool names_any(const char *text, const char *const *words, size_t count) {
    for (size_t k = 0; k < count; k++) {
        if (strstr(text, words[k])) {
            return true;
        }
    }
    return false;
}

/* As many accumulators as hide the latency of an addition and leave registers for what they read.
 */
static Tile choose_tile(const Llvm *llvm) {
    static const char *const wide[] = {"x86-64-v4", "avx512",  "+avx512f",       "znver4",
                                       "znver5",    "icelake", "sapphirerapids", "tigerlake"};
    static const char *const middle[] = {"x86-64-v3", "+avx2", "haswell",  "broadwell",
                                         "skylake",   "znver", "alderlake"};
    char *cpu = LLVMGetTargetMachineCPU(llvm->machine);
    char *features = LLVMGetTargetMachineFeatureString(llvm->machine);
    bool named = *features == '\0';
    const char *from = named ? cpu : features;
    Tile tile = {2, 3, 4, 2, PRECISION_F64};
    if (names_any(from, wide, sizeof wide / sizeof *wide)) {
        tile = (Tile){8, 4, 6, 4, PRECISION_F64};
    } else if (names_any(from, middle, sizeof middle / sizeof *middle)) {
        tile = (Tile){4, 3, 4, 2, PRECISION_F64};
    }
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    tile.precision = unit_precision(llvm->unit);
    tile.lanes *= 8 / (unsigned)precisions[tile.precision].bytes;
    return tile;
}

/* ---- the tile -------------------------------------------------------------------------------- */

/* What is added up over the terms: phis, loads, products. */
static void put_tile_loop(Text *text, Tile t, unsigned rows) {
    text_add(text, "loop:\n  %k = phi i64 [ 0, %entry ], [ %k1, %loop ]\n"
                   "  %ap = phi ptr [ %a, %entry ], [ %ap1, %loop ]\n"
                   "  %bp = phi ptr [ %b, %entry ], [ %bp1, %loop ]\n");
    for (unsigned k = 0; k < rows * t.vectors; k++) {
        text_format(text,
                    "  %%s%u = phi <%u x double> [ zeroinitializer, %%entry ], [ %%t%u, %%loop ]\n",
                    k, t.lanes, k);
    }
    for (unsigned v = 0; v < t.vectors; v++) {
        text_format(text,
                    "  %%bp_%u = getelementptr double, ptr %%bp, i64 %u\n"
                    "  %%b_%u = load <%u x double>, ptr %%bp_%u, align 8\n",
                    v, v * t.lanes, v, t.lanes, v);
    }
    for (unsigned r = 0; r < rows; r++) {
        text_format(text,
                    "  %%ap_%u = getelementptr double, ptr %%ap, i64 %%row%u\n"
                    "  %%x%u = load double, ptr %%ap_%u, align 8\n"
                    "  %%y%u = insertelement <%u x double> poison, double %%x%u, i32 0\n"
                    "  %%z%u = shufflevector <%u x double> %%y%u, <%u x double> poison, <%u x i32> "
                    "zeroinitializer\n",
                    r, r, r, r, r, t.lanes, r, r, t.lanes, r, t.lanes, t.lanes);
        for (unsigned v = 0; v < t.vectors; v++) {
            unsigned k = r * t.vectors + v;
            text_format(text,
                        "  %%p%u = fmul contract <%u x double> %%z%u, %%b_%u\n"
                        "  %%t%u = fadd contract <%u x double> %%s%u, %%p%u\n",
                        k, t.lanes, r, v, k, t.lanes, k, k);
        }
    }
    text_add(text, "  %ap1 = getelementptr double, ptr %ap, i64 %a_step\n"
                   "  %bp1 = getelementptr double, ptr %bp, i64 %b_step\n"
                   "  %k1 = add nuw nsw i64 %k, 1\n"
                   "  %more = icmp slt i64 %k1, %terms\n"
                   "  br i1 %more, label %loop, label %done\n");
}

/* The sums to c: whole vectors, or what lies inside by way of the stack. */
static void put_tile_end(Text *text, Tile t, unsigned rows) {
    text_format(text,
                "done:\n  %%full = icmp eq i64 %%width, %u\n"
                "  br i1 %%full, label %%whole, label %%part\nwhole:\n",
                t.lanes * t.vectors);
    for (unsigned k = 0; k < rows * t.vectors; k++) {
        text_format(text,
                    "  %%cr%u = mul nsw i64 %%c_row, %u\n"
                    "  %%cn%u = add nsw i64 %%cr%u, %u\n"
                    "  %%cp%u = getelementptr double, ptr %%c, i64 %%cn%u\n"
                    "  %%old%u = load <%u x double>, ptr %%cp%u, align 8\n"
                    "  %%new%u = fadd <%u x double> %%old%u, %%t%u\n"
                    "  store <%u x double> %%new%u, ptr %%cp%u, align 8\n",
                    k, k / t.vectors, k, k, k % t.vectors * t.lanes, k, k, k, t.lanes, k, k,
                    t.lanes, k, k, t.lanes, k, k);
    }
    text_add(text, "  ret void\npart:\n");
    for (unsigned k = 0; k < rows * t.vectors; k++) {
        text_format(text,
                    "  %%ep%u = getelementptr double, ptr %%edge, i64 %u\n"
                    "  store <%u x double> %%t%u, ptr %%ep%u, align 8\n",
                    k, k * t.lanes, t.lanes, k, k);
    }
    text_add(text, "  br label %row\nrow:\n  %r = phi i64 [ 0, %part ], [ %r1, %next ]\n"
                   "  %rc = mul nsw i64 %r, %c_row\n");
    text_format(text, "  %%re = mul nsw i64 %%r, %u\n", t.lanes * t.vectors);
    text_format(text,
                "  br label %%column\ncolumn:\n"
                "  %%n = phi i64 [ 0, %%row ], [ %%n1, %%column ]\n"
                "  %%ci = add nsw i64 %%rc, %%n\n  %%ei = add nsw i64 %%re, %%n\n"
                "  %%from = getelementptr double, ptr %%edge, i64 %%ei\n"
                "  %%to = getelementptr double, ptr %%c, i64 %%ci\n"
                "  %%sum = load double, ptr %%from\n  %%was = load double, ptr %%to\n"
                "  %%is = fadd double %%was, %%sum\n  store double %%is, ptr %%to\n"
                "  %%n1 = add nuw nsw i64 %%n, 1\n  %%on = icmp slt i64 %%n1, %%width\n"
                "  br i1 %%on, label %%column, label %%next\nnext:\n"
                "  %%r1 = add nuw nsw i64 %%r, 1\n  %%again = icmp slt i64 %%r1, %u\n"
                "  br i1 %%again, label %%row, label %%end\nend:\n  ret void\n}\n",
                rows);
}

static void put_tile(Text *text, Tile t, unsigned rows) {
    text_format(text,
                "define internal void @tiles.tile%u(ptr noalias %%c, i64 %%c_row, ptr noalias "
                "%%a, i64 %%a_row, i64 %%a_step, ptr noalias %%b, i64 %%b_step, i64 %%terms, i64 "
                "%%width) noinline nounwind #0 {\nentry:\n"
                "  %%edge = alloca [%u x double], align 64\n",
                rows, rows * t.lanes * t.vectors);
    for (unsigned r = 0; r < rows; r++) {
        text_format(text, "  %%row%u = mul nsw i64 %%a_row, %u\n", r, r);
    }
    text_add(text, "  br label %loop\n");
    put_tile_loop(text, t, rows);
    put_tile_end(text, t, rows);
}

/* ---- panels ---------------------------------------------------------------------------------- */

/* A square of lanes × lanes entries, turned: exchanges of 1, 2, 4, … entries between pairs. */
static void put_turn(Text *text, Tile t) {
    text_format(text, "define internal void @tiles.turn(ptr noalias %%to, ptr noalias %%from, "
                      "i64 %%column) noinline nounwind #0 {\n");
    for (unsigned r = 0; r < t.lanes; r++) {
        text_format(text,
                    "  %%at%u = mul nsw i64 %%column, %u\n"
                    "  %%from%u = getelementptr double, ptr %%from, i64 %%at%u\n"
                    "  %%v0_%u = load <%u x double>, ptr %%from%u, align 8\n",
                    r, r, r, r, r, t.lanes, r);
    }
    unsigned stage = 0;
    for (unsigned s = 1; s < t.lanes; s *= 2, stage++) {
        for (unsigned r = 0; r < t.lanes; r++) {
            bool high = (r & s) != 0;
            text_format(text,
                        "  %%v%u_%u = shufflevector <%u x double> %%v%u_%u, <%u x double> "
                        "%%v%u_%u, <%u x i32> <",
                        stage + 1, r, t.lanes, stage, r & ~s, t.lanes, stage, r | s, t.lanes);
            for (unsigned e = 0; e < t.lanes; e++) {
                bool second = (e & s) != 0;
                unsigned at =
                    high ? (second ? t.lanes + e : e + s) : (second ? t.lanes + e - s : e);
                text_format(text, "%si32 %u", e ? ", " : "", at);
            }
            text_add(text, ">\n");
        }
    }
    for (unsigned r = 0; r < t.lanes; r++) {
        text_format(text,
                    "  %%to%u = getelementptr double, ptr %%to, i64 %u\n"
                    "  store <%u x double> %%v%u_%u, ptr %%to%u, align 64\n",
                    r, r * t.lanes * t.vectors, t.lanes, stage, r, r);
    }
    text_add(text, "  ret void\n}\n");
}

/* Columns first … lanes-1 of terms k … terms-1, one by one; zeros from `width` on. */
static void put_gather(Text *text, Tile t) {
    text_format(text,
                "define internal void @tiles.gather(ptr noalias %%to, ptr noalias %%from, i64 "
                "%%step, i64 %%column, i64 %%start, i64 %%terms, i64 %%width) nounwind #0 {\n"
                "entry:\n  %%any = icmp slt i64 %%start, %%terms\n"
                "  br i1 %%any, label %%outer, label %%end\nouter:\n"
                "  %%n = phi i64 [ 0, %%entry ], [ %%n1, %%next ]\n"
                "  %%in = icmp slt i64 %%n, %%width\n"
                "  %%base = mul nsw i64 %%n, %%column\n"
                "  br label %%loop\nloop:\n"
                "  %%k = phi i64 [ %%start, %%outer ], [ %%k1, %%stored ]\n"
                "  %%row = mul nsw i64 %%k, %u\n  %%ti = add nsw i64 %%row, %%n\n"
                "  %%tp = getelementptr double, ptr %%to, i64 %%ti\n"
                "  br i1 %%in, label %%read, label %%stored\nread:\n"
                "  %%ks = mul nsw i64 %%k, %%step\n  %%fi = add nsw i64 %%ks, %%base\n"
                "  %%fp = getelementptr double, ptr %%from, i64 %%fi\n"
                "  %%got = load double, ptr %%fp\n  br label %%stored\nstored:\n"
                "  %%x = phi double [ 0.0, %%loop ], [ %%got, %%read ]\n"
                "  store double %%x, ptr %%tp\n"
                "  %%k1 = add nuw nsw i64 %%k, 1\n  %%on = icmp slt i64 %%k1, %%terms\n"
                "  br i1 %%on, label %%loop, label %%next\nnext:\n"
                "  %%n1 = add nuw nsw i64 %%n, 1\n  %%more = icmp slt i64 %%n1, %u\n"
                "  br i1 %%more, label %%outer, label %%end\nend:\n  ret void\n}\n",
                t.lanes * t.vectors, t.lanes);
}

/* A panel of `width` columns: groups of `lanes` columns, turned where they are row by row. */
static void put_pack(Text *text, Tile t) {
    text_format(
        text,
        "define internal void @tiles.pack(ptr noalias %%to, ptr noalias %%from, i64 %%step, i64 "
        "%%column, i64 %%terms, i64 %%width) noinline nounwind #0 {\n"
        "entry:\n  %%unit = icmp eq i64 %%step, 1\n  %%whole = and i64 %%terms, %d\n"
        "  %%squares = icmp sgt i64 %%whole, 0\n  %%turns = and i1 %%unit, %%squares\n"
        "  br label %%group\ngroup:\n"
        "  %%n = phi i64 [ 0, %%entry ], [ %%n1, %%next ]\n"
        "  %%left = sub nsw i64 %%width, %%n\n  %%fits = icmp sge i64 %%left, %u\n"
        "  %%turn = and i1 %%fits, %%turns\n"
        "  %%at = mul nsw i64 %%n, %%column\n"
        "  %%src = getelementptr double, ptr %%from, i64 %%at\n"
        "  %%dst = getelementptr double, ptr %%to, i64 %%n\n"
        "  br i1 %%turn, label %%loop, label %%rest\nloop:\n"
        "  %%k = phi i64 [ 0, %%group ], [ %%k1, %%loop ]\n"
        "  %%ks = getelementptr double, ptr %%src, i64 %%k\n"
        "  %%row = mul nsw i64 %%k, %u\n"
        "  %%kd = getelementptr double, ptr %%dst, i64 %%row\n"
        "  call void @tiles.turn(ptr %%kd, ptr %%ks, i64 %%column)\n"
        "  %%k1 = add nuw nsw i64 %%k, %u\n  %%on = icmp slt i64 %%k1, %%whole\n"
        "  br i1 %%on, label %%loop, label %%rest\nrest:\n"
        "  %%start = phi i64 [ 0, %%group ], [ %%whole, %%loop ]\n"
        "  call void @tiles.gather(ptr %%dst, ptr %%src, i64 %%step, i64 %%column, i64 %%start, "
        "i64 %%terms, i64 %%left)\n  br label %%next\nnext:\n"
        "  %%n1 = add nuw nsw i64 %%n, %u\n  %%more = icmp slt i64 %%n1, %u\n"
        "  br i1 %%more, label %%group, label %%end\nend:\n  ret void\n}\n",
        -(int)t.lanes, t.lanes, t.lanes * t.vectors, t.lanes, t.lanes, t.lanes * t.vectors);
}

/* ---- dot products ------------------------------------------------------------------------------
 */

/* Rows × columns sums, terms (a multiple of lanes) along the vectors. */
static void put_dots(Text *text, Tile t, unsigned rows, unsigned columns) {
    text_format(text,
                "define internal void @tiles.dots%ux%u(ptr noalias %%c, i64 %%c_row, ptr noalias "
                "%%a, i64 %%a_row, ptr noalias %%b, i64 %%b_column, i64 %%terms) noinline nounwind "
                "#0 {\nentry:\n",
                rows, columns);
    for (unsigned r = 0; r < rows; r++) {
        text_format(text,
                    "  %%ai%u = mul nsw i64 %%a_row, %u\n"
                    "  %%ap%u = getelementptr double, ptr %%a, i64 %%ai%u\n",
                    r, r, r, r);
    }
    for (unsigned n = 0; n < columns; n++) {
        text_format(text,
                    "  %%bi%u = mul nsw i64 %%b_column, %u\n"
                    "  %%bp%u = getelementptr double, ptr %%b, i64 %%bi%u\n",
                    n, n, n, n);
    }
    text_add(text, "  br label %loop\nloop:\n  %k = phi i64 [ 0, %entry ], [ %k1, %loop ]\n");
    for (unsigned k = 0; k < rows * columns; k++) {
        text_format(text,
                    "  %%s%u = phi <%u x double> [ zeroinitializer, %%entry ], [ %%t%u, %%loop ]\n",
                    k, t.lanes, k);
    }
    for (unsigned r = 0; r < rows; r++) {
        text_format(text,
                    "  %%xp%u = getelementptr double, ptr %%ap%u, i64 %%k\n"
                    "  %%x%u = load <%u x double>, ptr %%xp%u, align 8\n",
                    r, r, r, t.lanes, r);
    }
    for (unsigned n = 0; n < columns; n++) {
        text_format(text,
                    "  %%yp%u = getelementptr double, ptr %%bp%u, i64 %%k\n"
                    "  %%y%u = load <%u x double>, ptr %%yp%u, align 8\n",
                    n, n, n, t.lanes, n);
        for (unsigned r = 0; r < rows; r++) {
            unsigned k = r * columns + n;
            text_format(text,
                        "  %%p%u = fmul contract <%u x double> %%x%u, %%y%u\n"
                        "  %%t%u = fadd contract <%u x double> %%s%u, %%p%u\n",
                        k, t.lanes, r, n, k, t.lanes, k, k);
        }
    }
    text_format(text,
                "  %%k1 = add nuw nsw i64 %%k, %u\n  %%more = icmp slt i64 %%k1, %%terms\n"
                "  br i1 %%more, label %%loop, label %%done\ndone:\n",
                t.lanes);
    for (unsigned k = 0; k < rows * columns; k++) {
        text_format(text,
                    "  %%sum%u = call reassoc double @llvm.vector.reduce.fadd.v%uf64(double 0.0, "
                    "<%u x double> %%t%u)\n"
                    "  %%cr%u = mul nsw i64 %%c_row, %u\n  %%ci%u = add nsw i64 %%cr%u, %u\n"
                    "  %%cp%u = getelementptr double, ptr %%c, i64 %%ci%u\n"
                    "  %%old%u = load double, ptr %%cp%u\n"
                    "  %%new%u = fadd double %%old%u, %%sum%u\n"
                    "  store double %%new%u, ptr %%cp%u\n",
                    k, t.lanes, t.lanes, k, k, k / columns, k, k, k % columns, k, k, k, k, k, k, k,
                    k, k);
    }
    text_add(text, "  ret void\n}\n");
}

/* The columns of a group of rows: `columns` at a time, then one by one. */
static void put_dot_rows(Text *text, unsigned rows, unsigned columns) {
    text_format(text,
                "define internal void @tiles.dotrow%u(ptr noalias %%c, i64 %%c_row, ptr noalias "
                "%%a, i64 %%a_row, ptr noalias %%b, i64 %%b_column, i64 %%columns, i64 %%terms) "
                "noinline nounwind #0 {\nentry:\n  br label %%wide\n",
                rows);
    for (unsigned pass = 0; pass < 2; pass++) {
        const char *name = pass ? "one" : "wide";
        unsigned step = pass ? 1 : columns;
        text_format(text,
                    "%s:\n  %%n%u = phi i64 [ %s, %%%s ], [ %%e%u, %%do%u ]\n"
                    "  %%e%u = add nuw nsw i64 %%n%u, %u\n"
                    "  %%go%u = icmp sle i64 %%e%u, %%columns\n"
                    "  br i1 %%go%u, label %%do%u, label %%%s\ndo%u:\n"
                    "  %%cp%u = getelementptr double, ptr %%c, i64 %%n%u\n"
                    "  %%bi%u = mul nsw i64 %%n%u, %%b_column\n"
                    "  %%bp%u = getelementptr double, ptr %%b, i64 %%bi%u\n"
                    "  call void @tiles.dots%ux%u(ptr %%cp%u, i64 %%c_row, ptr %%a, i64 %%a_row, "
                    "ptr %%bp%u, i64 %%b_column, i64 %%terms)\n  br label %%%s\n",
                    name, pass, pass ? "%n0" : "0", pass ? "wide" : "entry", pass, pass, pass, pass,
                    step, pass, pass, pass, pass, pass ? "end" : "one", pass, pass, pass, pass,
                    pass, pass, pass, rows, step, pass, pass, name);
    }
    text_add(text, "end:\n  ret void\n}\n");
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* A loop over rows, `step` at a time, from `first`; the name of the block behind it is `out`. */
static void put_rows(Text *text, unsigned rows, const char *first, const char *from,
                     const char *out) {
    text_format(text,
                "rows%u:\n  %%r%u = phi i64 [ %s, %%%s ], [ %%q%u, %%do%u ]\n"
                "  %%q%u = add nuw nsw i64 %%r%u, %u\n"
                "  %%go%u = icmp sle i64 %%q%u, %%rows\n"
                "  br i1 %%go%u, label %%do%u, label %%%s\ndo%u:\n"
                "  %%ai%u = mul nsw i64 %%r%u, %%a_row\n  %%ci%u = mul nsw i64 %%r%u, %%c_row\n"
                "  %%ap%u = getelementptr double, ptr %%ak, i64 %%ai%u\n"
                "  %%cp%u = getelementptr double, ptr %%cn, i64 %%ci%u\n"
                "  call void @tiles.tile%u(ptr %%cp%u, i64 %%c_row, ptr %%ap%u, i64 %%a_row, i64 "
                "%%a_step, ptr %%p, i64 %%ps, i64 %%kc, i64 %%width)\n  br label %%rows%u\n",
                rows, rows, first, from, rows, rows, rows, rows, rows, rows, rows, rows, rows, out,
                rows, rows, rows, rows, rows, rows, rows, rows, rows, rows, rows, rows, rows);
}

static void put_product(Text *text, Tile t) {
    unsigned panel = t.lanes * t.vectors;
    text_format(
        text,
        "define void @tiles.product(ptr noalias %%c, i64 %%c_row, ptr noalias %%a, i64 %%a_row, "
        "i64 "
        "%%a_step, ptr noalias %%b, i64 %%b_step, i64 %%b_column, i64 %%rows, i64 %%columns, i64 "
        "%%terms) noinline nounwind #0 {\nentry:\n"
        "  %%panel = alloca [%u x double], align 64\n"
        "  %%some = icmp sgt i64 %%columns, 0\n  %%any = icmp sgt i64 %%terms, 0\n"
        "  %%work = and i1 %%some, %%any\n  br i1 %%work, label %%choose, label %%end\nchoose:\n"
        "  %%few = icmp slt i64 %%columns, %u\n  %%many = icmp sge i64 %%terms, %u\n"
        "  %%part = and i64 %%terms, %u\n  %%fit = icmp eq i64 %%part, 0\n"
        "  %%strides = or i64 %%a_step, %%b_step\n  %%next = icmp eq i64 %%strides, 1\n"
        "  %%d0 = and i1 %%few, %%many\n  %%d1 = and i1 %%fit, %%next\n"
        "  %%dots = and i1 %%d0, %%d1\n"
        "  br i1 %%dots, label %%dot_rows, label %%terms_loop\ndot_rows:\n"
        "  %%g = phi i64 [ 0, %%choose ], [ %%g1, %%dot_do ]\n"
        "  %%g1 = add nuw nsw i64 %%g, %u\n  %%gin = icmp sle i64 %%g1, %%rows\n"
        "  br i1 %%gin, label %%dot_do, label %%dot_rest\ndot_do:\n"
        "  %%gai = mul nsw i64 %%g, %%a_row\n  %%gci = mul nsw i64 %%g, %%c_row\n"
        "  %%gap = getelementptr double, ptr %%a, i64 %%gai\n"
        "  %%gcp = getelementptr double, ptr %%c, i64 %%gci\n"
        "  call void @tiles.dotrow%u(ptr %%gcp, i64 %%c_row, ptr %%gap, i64 %%a_row, ptr %%b, i64 "
        "%%b_column, i64 %%columns, i64 %%terms)\n  br label %%dot_rows\ndot_rest:\n"
        "  %%h = phi i64 [ %%g, %%dot_rows ], [ %%h1, %%dot_one ]\n"
        "  %%hin = icmp slt i64 %%h, %%rows\n"
        "  br i1 %%hin, label %%dot_one, label %%end\ndot_one:\n"
        "  %%hai = mul nsw i64 %%h, %%a_row\n  %%hci = mul nsw i64 %%h, %%c_row\n"
        "  %%hap = getelementptr double, ptr %%a, i64 %%hai\n"
        "  %%hcp = getelementptr double, ptr %%c, i64 %%hci\n"
        "  call void @tiles.dotrow1(ptr %%hcp, i64 %%c_row, ptr %%hap, i64 %%a_row, ptr %%b, i64 "
        "%%b_column, i64 %%columns, i64 %%terms)\n"
        "  %%h1 = add nuw nsw i64 %%h, 1\n  br label %%dot_rest\n"
        "terms_loop:\n  %%k0 = phi i64 [ 0, %%choose ], [ %%k1, %%terms_next ]\n"
        "  %%kl = sub nsw i64 %%terms, %%k0\n"
        "  %%kc = call i64 @llvm.smin.i64(i64 %%kl, i64 %d)\n"
        "  %%aki = mul nsw i64 %%k0, %%a_step\n"
        "  %%ak = getelementptr double, ptr %%a, i64 %%aki\n"
        "  %%bki = mul nsw i64 %%k0, %%b_step\n"
        "  br label %%columns_loop\ncolumns_loop:\n"
        "  %%n0 = phi i64 [ 0, %%terms_loop ], [ %%n1, %%columns_next ]\n"
        "  %%nl = sub nsw i64 %%columns, %%n0\n"
        "  %%width = call i64 @llvm.smin.i64(i64 %%nl, i64 %u)\n"
        "  %%bni = mul nsw i64 %%n0, %%b_column\n  %%bi = add nsw i64 %%bki, %%bni\n"
        "  %%bp = getelementptr double, ptr %%b, i64 %%bi\n"
        "  %%cn = getelementptr double, ptr %%c, i64 %%n0\n"
        "  %%unit = icmp eq i64 %%b_column, 1\n  %%wide = icmp eq i64 %%width, %u\n"
        "  %%direct = and i1 %%unit, %%wide\n"
        "  br i1 %%direct, label %%ready, label %%pack\npack:\n"
        "  call void @tiles.pack(ptr %%panel, ptr %%bp, i64 %%b_step, i64 %%b_column, i64 %%kc, "
        "i64 %%width)\n  br label %%ready\nready:\n"
        "  %%p = phi ptr [ %%bp, %%columns_loop ], [ %%panel, %%pack ]\n"
        "  %%ps = phi i64 [ %%b_step, %%columns_loop ], [ %u, %%pack ]\n"
        "  br label %%rows%u\n",
        PRODUCT_TERMS * panel, panel / 2 + 1, 4 * t.lanes, t.lanes - 1, t.dots, t.dots,
        PRODUCT_TERMS, panel, panel, panel, t.rows);
    char first[16];
    put_rows(text, t.rows, "0", "ready", "rows2");
    snprintf(first, sizeof first, "%%r%u", t.rows);
    char from[16];
    snprintf(from, sizeof from, "rows%u", t.rows);
    put_rows(text, 2, first, from, "rows1");
    put_rows(text, 1, "%r2", "rows2", "columns_next");
    text_format(text,
                "columns_next:\n  %%n1 = add nuw nsw i64 %%n0, %u\n"
                "  %%nmore = icmp slt i64 %%n1, %%columns\n"
                "  br i1 %%nmore, label %%columns_loop, label %%terms_next\nterms_next:\n"
                "  %%k1 = add nuw nsw i64 %%k0, %d\n  %%kmore = icmp slt i64 %%k1, %%terms\n"
                "  br i1 %%kmore, label %%terms_loop, label %%end\nend:\n  ret void\n}\n"
                "declare i64 @llvm.smin.i64(i64, i64)\n"
                "declare double @llvm.vector.reduce.fadd.v%uf64(double, <%u x double>)\n",
                panel, PRODUCT_TERMS, t.lanes, t.lanes);
}

static const char *product_text(Arena *arena, Tile tile) {
    Text text;
    text_init(&text, arena);
    put_turn(&text, tile);
    put_gather(&text, tile);
    put_pack(&text, tile);
    put_tile(&text, tile, tile.rows);
    put_tile(&text, tile, 2);
    put_tile(&text, tile, 1);
    for (unsigned rows = 1; rows <= tile.dots; rows += tile.dots - 1) {
        put_dots(&text, tile, rows, DOT_COLUMNS);
        put_dots(&text, tile, rows, 1);
        put_dot_rows(&text, rows, DOT_COLUMNS);
    }
    put_product(&text, tile);
    text_format(&text,
                "attributes #0 = { \"prefer-vector-width\"=\"512\" "
                "\"min-legal-vector-width\"=\"%u\" }\n",
                tile.lanes * 8 * (unsigned)precisions[tile.precision].bytes);
    return emit_retype(arena, text.data, tile.precision, false);
}

void llvm_product(Llvm *llvm, LLVMValueRef c, LLVMValueRef a, LLVMValueRef b,
                  const LLVMValueRef *parts) {
    LLVMValueRef args[] = {c,
                           parts[PRODUCT_C_ROW],
                           a,
                           parts[PRODUCT_A_ROW],
                           parts[PRODUCT_A_STEP],
                           b,
                           parts[PRODUCT_B_STEP],
                           parts[PRODUCT_B_COLUMN],
                           parts[PRODUCT_ROWS],
                           parts[PRODUCT_COLUMNS],
                           parts[PRODUCT_COUNT]};
    enum { COUNT = sizeof args / sizeof *args };
    LLVMTypeRef types[COUNT];
    for (unsigned k = 0; k < COUNT; k++) {
        types[k] = LLVMTypeOf(args[k]);
    }
    LLVMTypeRef type = LLVMFunctionType(llvm->nothing, types, COUNT, false);
    LLVMValueRef function = LLVMGetNamedFunction(llvm->module, "tiles.product");
    if (!function) {
        function = LLVMAddFunction(llvm->module, "tiles.product", type);
    }
    LLVMBuildCall2(llvm->builder, type, function, args, COUNT, "");
}

void llvm_link_product(Llvm *llvm) {
    LLVMValueRef called = LLVMGetNamedFunction(llvm->module, "tiles.product");
    const bool elsewhere = llvm->share && !llvm->share->products;
    if (called && elsewhere) {
        LLVMSetVisibility(called, LLVMHiddenVisibility);
    }
    if (elsewhere || (!called && !llvm->share)) {
        return;
    }
    const char *text = product_text(llvm->arena, choose_tile(llvm));
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange(text, strlen(text), "product", true);
    LLVMModuleRef library;
    char *message = NULL;
    if (LLVMParseIRInContext(llvm->context, buffer, &library, &message)) {
        ice("emit", "matrix products: %s", message);
    }
    LLVMSetDataLayout(library, LLVMGetDataLayoutStr(llvm->module));
    LLVMSetTarget(library, LLVMGetTarget(llvm->module));
    if (LLVMLinkModules2(llvm->module, library)) {
        ice("emit", "matrix products do not fit the module");
    }
    LLVMValueRef product = LLVMGetNamedFunction(llvm->module, "tiles.product");
    if (llvm->share) {
        LLVMSetVisibility(product, LLVMHiddenVisibility);
    } else {
        LLVMSetLinkage(product, LLVMInternalLinkage);
    }
}
