"""Mutable variables in an archive: symbols in .data, .bss or common, but not in .data.rel.ro."""
import subprocess
import sys


def main():
    run = subprocess.run(["objdump", "-t", sys.argv[1]], capture_output=True, text=True, check=True)
    wrong, member, objects = [], "", 0
    for line in run.stdout.splitlines():
        if ":     file format" in line:
            member = line.split(":")[0]
            continue
        fields = line.split()
        section = next((f for f in fields if f.startswith((".data", ".bss", "*COM*", ".tdata",
                                                           ".tbss"))), None)
        if section is None or " O " not in line:
            continue
        objects += 1
        name = fields[-1]
        if section.startswith(".data.rel.ro") or name.startswith(("__gcov", "__asan", "__odr", ".L", "__ubsan", "*.L")):
            continue
        if section.startswith((".data", ".bss", ".tdata", ".tbss")) or section == "*COM*":
            wrong.append(f"{member}: {name} in {section}")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
