#!/usr/bin/env python3
"""Lines of src/ that were run, without the code of tests. `report.py LCOV ROOT [PATH...]`: with paths below src/,
also the lines there that nobody ran."""

import os
import re
import sys

TEST_FILE = re.compile(r"(^|/)tests?(\.rs|/)|_tests\.rs$|(^|/)test_[a-z_]+\.rs$|/fixture")


def counts(lcov, root):
    """For each file its lines that hold code, and how often each was run."""
    files = {}
    for line in open(lcov):
        if line.startswith("SF:"):
            lines = files.setdefault(os.path.relpath(line[3:].strip(), root), {})
        elif line.startswith("DA:"):
            number, count = map(int, line[3:].split(",")[:2])
            lines[number] = max(lines.get(number, 0), count)
    return files


def test_lines(text):
    """Numbers of the lines below a `#[cfg(test)]`, up to the end of its item."""
    found, at = set(), 0
    depth = lambda line: len(line) - len(line.lstrip())
    while at < len(text):
        if re.match(r"\s*#\[cfg\((all\()?test", text[at]):
            end = at + 1
            while text[end].strip().startswith("#["):
                end += 1
            if not text[end].rstrip().endswith(";"):
                while not (depth(text[end]) == depth(text[at]) and text[end].strip() in ("}", "},", "};")):
                    end += 1
            found.update(range(at + 1, end + 2))
            at = end
        at += 1
    return found


def main():
    lcov, root, *wanted = sys.argv[1:]
    rows = []
    for name, lines in counts(lcov, root).items():
        if not name.startswith("src/") or TEST_FILE.search(name):
            continue
        text = open(os.path.join(root, name)).read().split("\n")
        tests = test_lines(text)
        lines = {number: count for number, count in lines.items() if number not in tests}
        if lines:
            missing = sorted(number for number, count in lines.items() if count == 0)
            rows.append((name[4:], len(lines), len(lines) - len(missing), missing, text))
    for name, all_lines, run, missing, text in sorted(rows, key=lambda row: row[2] / row[1]):
        print(f"{100 * run / all_lines:6.1f} {run:4}/{all_lines:4} {name}")
        if any(name.startswith(path) for path in wanted):
            for number in missing:
                print(f"{number:15} {text[number - 1]}")
    total, run = sum(row[1] for row in rows), sum(row[2] for row in rows)
    print(f"{100 * run / total:6.2f} {run}/{total} all")


main()
