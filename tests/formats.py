"""The forms of tests that lit does not have."""
import difflib
import os
import subprocess

import lit.formats
import lit.Test


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
        command = [test.config.gradc, "--check", *words, name]
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
        self.script = script

    def getTestsInDirectory(self, testSuite, path_in_suite, litConfig, localConfig):
        for name in sorted(os.listdir(os.path.join(localConfig.gradc_source, "examples"))):
            if name.endswith(".model"):
                yield lit.Test.Test(testSuite, path_in_suite + (name,), localConfig)

    def execute(self, test, litConfig):
        config = test.config
        name = test.path_in_suite[-1]
        folder = os.path.join(config.gradc_build, "tests", *test.path_in_suite[:-1], "Output", name)
        command = [config.gradc_python, os.path.join(config.gradc_source, "tests", self.script),
                   config.gradc, f"{config.gradc_cc} {config.gradc_sanitize}",
                   os.path.join(config.gradc_source, "examples", name), folder]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace",
                             env=config.environment, check=False)
        if run.returncode != 0:
            return lit.Test.FAIL, run.stdout + run.stderr
        return lit.Test.PASS, ""
