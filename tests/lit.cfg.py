"""What lit runs: files with RUN lines, and wrong programs with their golden messages."""
import difflib
import os
import subprocess

import lit.formats
import lit.Test
import lit.TestRunner
import lit.util


class GoldenErrors(lit.formats.FileBasedTest):
    """NAME.model must end in status 1 with exactly NAME.err on standard error.

    Run as `gradc --check [words of NAME.args] NAME.model` in the folder of the test.
    """

    def execute(self, test, litConfig):
        source = test.getSourcePath()
        folder, name = os.path.split(source)
        stem = source[: -len(".model")]
        words = []
        if os.path.exists(stem + ".args"):
            with open(stem + ".args", encoding="utf-8") as f:
                words = f.read().split()
        command = [config.gradc, "--check", *words, name]
        try:
            run = subprocess.run(command, cwd=folder, capture_output=True, timeout=60,
                                 env=test.config.environment, check=False)
        except subprocess.TimeoutExpired:
            return lit.Test.TIMEOUT, "no end after 60 seconds"
        found = run.stderr.decode("utf-8", "replace")
        if not os.path.exists(stem + ".err"):
            return lit.Test.FAIL, f"there is no {name[:-6]}.err; it would be:\n{found}"
        with open(stem + ".err", encoding="utf-8", errors="replace", newline="") as f:
            expected = f.read()
        if run.returncode != 1:
            return lit.Test.FAIL, f"exit status {run.returncode}, expected 1\n{found}"
        if found != expected:
            lines = difflib.unified_diff(expected.splitlines(True), found.splitlines(True),
                                         name[:-6] + ".err", "found")
            return lit.Test.FAIL, "".join(lines)
        return lit.Test.PASS, ""


class ExampleModels(lit.formats.TestFormat):
    """Runs a script on each model of examples/: SCRIPT GRADC CC MODEL FOLDER."""

    def __init__(self, script):
        self.script = os.path.join(config.gradc_source, "tests", script)

    def getTestsInDirectory(self, testSuite, path_in_suite, litConfig, localConfig):
        for name in sorted(os.listdir(os.path.join(config.gradc_source, "examples"))):
            if name.endswith(".model"):
                yield lit.Test.Test(testSuite, path_in_suite + (name,), localConfig)

    def execute(self, test, litConfig):
        name = test.path_in_suite[-1]
        folder = os.path.join(config.gradc_build, "tests", *test.path_in_suite[:-1], "Output", name)
        command = [config.gradc_python, self.script, config.gradc,
                   f"{config.gradc_cc} {config.gradc_sanitize}",
                   os.path.join(config.gradc_source, "examples", name), folder]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace",
                             env=test.config.environment, check=False)
        if run.returncode != 0:
            return lit.Test.FAIL, run.stdout + run.stderr
        return lit.Test.PASS, ""


config.name = "gradc"
config.gradc = os.path.join(config.gradc_build, "gradc")
config.test_source_root = os.path.join(config.gradc_source, "tests")
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".test", ".model", ".ir", ".c"]
# unit programs run under automake; the rest is input of tests
config.excludes = ["unit", "Inputs", "fuzz", "data-files"]
config.golden_errors = GoldenErrors
config.example_models = ExampleModels

close = f"{config.gradc_python} {config.test_source_root}/close.py"
config.substitutions += [
    ("%gradc_source", config.gradc_source),
    ("%gradc_build", config.gradc_build),
    ("%gradc", config.gradc),
    ("%examples", os.path.join(config.gradc_source, "examples")),
    ("%tests", config.test_source_root),
    ("%runtime", os.path.join(config.gradc_build, "libgradc-runtime.a")),
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
# leaks at exit are the end of a compilation's arena, not faults
config.environment["ASAN_OPTIONS"] = "detect_leaks=0"
config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
if "fsanitize" in config.gradc_sanitize:
    config.available_features.add("sanitize")
