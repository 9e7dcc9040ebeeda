"""Computes the rows of powers.def again."""
import re
import sys

LOWEST, HIGHEST = -342, 308


def significand(exponent):
    if exponent >= 0:
        power = 5 ** exponent
        shift = 128 - power.bit_length()
        return power << shift if shift >= 0 else power >> -shift
    power = 5 ** -exponent
    shift = 127 + power.bit_length() - (power & (power - 1) == 0)
    return (1 << shift) // power + (exponent >= -27)


text = open(sys.argv[1], encoding="ascii").read()
rows = re.findall(r"^POWER\(0x([0-9a-f]{16})u, 0x([0-9a-f]{16})u\)$", text, re.M)
assert len(rows) == HIGHEST - LOWEST + 1, len(rows)
for exponent, (high, low) in zip(range(LOWEST, HIGHEST + 1), rows):
    assert int(high + low, 16) == significand(exponent), exponent
