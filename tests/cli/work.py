"""work.py < table: every ratio of bench/work.sh is at most 4, the median less than 3."""
import statistics
import sys

rows = [line.split("|") for line in sys.stdin if line.startswith("| ") and "_grad" in line]
ratios = {row[2].strip(): float(row[4]) for row in rows}
wrong = [f"{name}: {ratio}" for name, ratio in ratios.items() if ratio > 4]
if len(ratios) < 30 or statistics.median(ratios.values()) >= 3:
    wrong.append(f"{len(ratios)} ratios")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
