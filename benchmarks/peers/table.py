"""Prints what run.sh measured side by side: table.py FOLDER. Of each program, the fastest form of a case."""

import csv
import glob
import os
import sys


def read(path, keep):
    if not os.path.exists(path):
        return []
    with open(path, newline="") as file:
        return [row for row in csv.reader(file) if row and keep(row)]


def best_of(rows):
    """(program, group, case) -> (value, form)."""
    best = {}
    for program, _, group, case, form, value in rows:
        key = program, group, case
        if key not in best or float(value) > best[key][0]:
            best[key] = float(value), form
    return best


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def main(folder):
    for path in sorted(glob.glob(os.path.join(folder, "ours-*.csv"))):
        threads = path[path.rindex("-") + 1 : -4]
        ours = {}
        for row in read(path, lambda row: row[0] != "group"):
            best = ours.setdefault((row[0], row[1]), row)
            if float(row[2]) > float(best[2]):
                ours[row[0], row[1]] = row
        theirs = best_of(read(os.path.join(folder, f"peers-{threads}.csv"), lambda row: True))
        print(f"\nper second, threads: {threads}; x: ours over theirs, both at their best form\n")
        print(f"{'group':6} {'case':24} {'ours':>9} {'share':>6}  {'JAX':>9} {'x':>5}  {'form':16}"
              f"{'PyTorch':>9} {'x':>5}  form")
        order = {"grad": 0, "hvp": 1, "cg10": 2, "update": 3}
        for group, case, value, _, _, share in sorted(ours.values(), key=lambda row: order[row[0]]):
            share = f"{100 * float(share):.0f} %" if share else ""
            line = f"{group:6} {case:24} {number(float(value)):>9} {share:>6}"
            for program, width in ("JAX", 16), ("PyTorch", 0):
                rate, form = theirs.get((program, group, case), (None, ""))
                shown, ratio = (number(rate), f"{float(value) / rate:.2f}") if rate else ("", "")
                line += f"  {shown:>9} {ratio:>5}  {form:{width}}" if program == "JAX" else \
                        f"{shown:>9} {ratio:>5}  {form}"
            print(line.rstrip())


if __name__ == "__main__":
    main(sys.argv[1])
