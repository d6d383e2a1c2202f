#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Finds a factor for name_slot_in_line (common/sip/name_index.h) under which no two header names share a slot.

Says whether the present one is good, and prints another one when it is not. Call it after adding a header."""
import random
import re
import sys
from pathlib import Path

SIP = Path(__file__).resolve().parents[2] / "common" / "sip"
SLOTS_SHIFT = 23  # of 32 bits: 512 slots


def names():
    """Full names, and compact forms as they stand in a line, where LF and colon are part of the key."""
    rows = re.findall(r'= (?:ROW|ONE|MANY|LIST)\("([\w-]+)", (?:0|\'(\w)\')', (SIP / "header.c").read_text())
    for full, compact in rows:
        yield full.lower()
        if compact:
            yield compact


def key(name):
    n = len(name)
    first, last = (name + ":")[:2], ("\n" + name)[-2:]
    octets = int.from_bytes((first + last).encode(), "little")
    return (octets | 0x20202020) + n * 0x10100 & 0xffffffff


def is_perfect(factor, keys):
    slots = {(k * factor & 0xffffffff) >> SLOTS_SHIFT for k in keys}
    return len(slots) == len(keys)


def main():
    keys = [key(n) for n in names()]
    present = int(re.search(r"key \* (0x[0-9a-f]+)u", (SIP / "name_index.h").read_text())[1], 16)
    if is_perfect(present, keys):
        print(f"0x{present:08x} is good for the {len(keys)} names")
        return 0
    if len(set(keys)) < len(keys):
        print("two names have the same key: no factor can tell them apart")
        return 1
    draw = random.Random(len(keys))
    factor = present
    while not is_perfect(factor, keys):
        factor = draw.getrandbits(32) | 1
    print(f"two names share a slot; put 0x{factor:08x}u into common/sip/name_index.h")
    return 1


if __name__ == "__main__":
    sys.exit(main())
