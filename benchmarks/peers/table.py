"""Prints what run.sh measured side by side: table.py FOLDER. Of each program, the fastest form of a case; of
PyTorch also the one that users write."""

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


def percent(share):
    return f"{100 * float(share):.0f} %" if share else ""


def against(value, theirs):
    """Two columns: their rate, and ours over it."""
    rate = theirs[0] if theirs else None
    shown, ratio = (number(rate), f"{value / rate:.2f}") if rate else ("", "")
    return f"{shown:>9} {ratio:>5}"


def print_table(ours, rows):
    best, written = best_of(rows), best_of(row for row in rows if row[4] == "written")
    print(f"{'group':6} {'case':24} {'ours':>9} {'share':>6} {'products':>8}  "
          f"{'JAX':>9} {'x':>5}  {'form':12}{'PyTorch':>9} {'x':>5}  {'form':9}{'written':>9} {'x':>5}")
    groups = ["grad", "hvp", "cg10", "update"]
    cases = [key for key in ours if key[0] in groups]
    for group, case in sorted(cases, key=lambda key: groups.index(key[0])):
        row, products = ours[group, case], ours.get(("products", case))
        value = float(row[2])
        line = f"{group:6} {case:24} {number(value):>9} {percent(row[5]):>6}"
        line += f" {percent(products[5]) if group == 'update' and products else '':>8}"
        for program, width in ("JAX", 12), ("PyTorch", 9):
            theirs = best.get((program, group, case))
            form = theirs[1] if theirs else ""
            line += f"{'  ' if program == 'JAX' else ''}{against(value, theirs)}  {form:{width}}"
        print((line + against(value, written.get(("PyTorch", group, case)))).rstrip())


def main(folder):
    for path in sorted(glob.glob(os.path.join(folder, "ours-*.csv"))):
        threads = path[path.rindex("-") + 1 : -4]
        ours = {}
        for row in read(path, lambda row: row[0] != "group"):
            best = ours.setdefault((row[0], row[1]), row)
            if float(row[2]) > float(best[2]):
                ours[row[0], row[1]] = row
        print(f"\nper second, threads: {threads}; x: ours over theirs, each at its best form\n"
              "share: of the limit by arithmetic; products: the same, of the time within products alone\n"
              "written: PyTorch as users write it\n")
        print_table(ours, read(os.path.join(folder, f"peers-{threads}.csv"), lambda row: True))


if __name__ == "__main__":
    main(sys.argv[1])
