"""What lit runs: files with RUN lines, wrong programs with golden messages, and all examples."""
import glob
import os
import sys

import lit.formats

if not hasattr(config, "gradc_source"):
    lit_config.fatal("give lit the tests of a build tree, as in `lit BUILD/tests/cli`")
sys.path.insert(0, os.path.join(config.gradc_source, "tests"))
import formats  # noqa: E402: beside this file

config.name = "gradc"
config.gradc = os.path.join(config.gradc_build, "gradc")
config.test_source_root = os.path.join(config.gradc_source, "tests")
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".test", ".model", ".ir", ".c"]
# unit programs run under automake; the rest is input of tests
config.excludes = ["unit", "Inputs", "data-files"]
config.golden_errors = formats.GoldenErrors
config.example_models = formats.ExampleModels

close = f"{config.gradc_python} {config.test_source_root}/close.py"
config.substitutions += [
    ("%gradc_source", config.gradc_source),
    ("%gradc_build", config.gradc_build),
    ("%gradc", config.gradc),
    ("%examples", os.path.join(config.gradc_source, "examples")),
    ("%tests", config.test_source_root),
    ("%runtime", os.path.join(config.gradc_build, "libgradc-runtime.a")),
    ("%plain_cc", config.gradc_cc),  # for what Python loads, which has no sanitizer
    ("%cc", f"{config.gradc_cc} {config.gradc_sanitize}"),
    ("%nm", config.gradc_nm),
    ("%ar", config.gradc_ar),
    ("%check", f"{config.gradc_filecheck} %s"),
    ("%close", close),
    ("%status", f"{config.gradc_python} {config.test_source_root}/status.py"),
    ("%python", config.gradc_python),
    ("%filecheck", config.gradc_filecheck),
]

path = [config.gradc_llvm_bindir, config.environment.get("PATH", os.environ.get("PATH", ""))]
config.environment["PATH"] = os.pathsep.join(path)
config.environment["NO_COLOR"] = "1"
config.environment["LC_ALL"] = "C.UTF-8"
config.environment.pop("GRADC_CC", None)
config.environment["XDG_CACHE_HOME"] = "/dev/null"  # every test compiles
# leaks at exit are the end of a compilation's arena, not faults
config.environment["ASAN_OPTIONS"] = "detect_leaks=0:allocator_may_return_null=1"
config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
for library, header in (("gsl", "gsl/gsl_multimin.h"), ("nlopt", "nlopt.h")):
    if os.path.exists(os.path.join("/usr/include", header)):
        config.available_features.add(library)
if any(glob.glob(f"/usr/lib{folder}/liblapack.{end}") for folder in ("", "64", "/*") for end in ("so", "a")):
    config.available_features.add("lapack")
if any(os.path.exists(os.path.join(folder, "clang")) for folder in path[0:1] + os.environ.get("PATH", "").split(os.pathsep)):
    config.available_features.add("clang")
if all(glob.glob(f"/usr/lib/{place}") for place in ("*/liblapack.a", "*/libblas.a", "gcc/*/*/libgfortran.a")):
    config.available_features.add("static-lapack")
if os.path.exists(os.path.join(config.gradc_build, "libgradc_mpi.so")) and os.path.exists("/usr/bin/mpirun"):
    config.available_features.add("mpi")
if "fsanitize" in config.gradc_sanitize:
    config.available_features.add("sanitize")
