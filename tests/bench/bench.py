"""bench.py BUILD [--quick] [--json] [ROW…]: see run.sh."""
import argparse
import json
import os
import sys
import time

import doors
import lines
import memory
from house import House, Wrong

ROWS = {
    "lines": lines.rows,
    "policy": doors.policy,
    "backlog": doors.backlog,
    "reaction": doors.reaction,
    "nft": doors.nft,
    "restart": doors.restart,
    "memory": memory.rows,
}
HEAD = ("what", "measured", "against", "ratio", "target", "met")


class Table:
    """Rows of text, and the same as values."""

    def __init__(self, progress):
        self.rows = []
        self.progress = progress

    def add(self, what, measured, against="", ratio=None, target="",
            met=None):
        self.rows.append({"what": what, "measured": measured,
                          "against": against, "ratio": ratio,
                          "target": target, "met": met})
        if self.progress:
            print(".", end="", file=sys.stderr, flush=True)

    def compare(self, what, ours, name, theirs, least=None):
        """A rate beside another's of this same minute."""
        if theirs <= 0:
            self.skip(what, name, "too fast to be measured")
            return
        ratio = ours / theirs
        self.add(what, f"{ours:,.0f}", f"{name}: {theirs:,.0f}", ratio,
                 f"≥ {least:g} ×" if least else "",
                 ratio >= least if least else None)

    def skip(self, what, name, why):
        self.add(what, "", f"{name}: {why}: left out")

    def text(self):
        cells = [HEAD] + [tuple(cell(k, r[k]) for k in HEAD)
                          for r in self.rows]
        widths = [max(len(r[i]) for r in cells) for i in range(len(HEAD))]
        shown = ["  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip()
                 for r in cells]
        shown.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join(shown)


def cell(column, value):
    if value is None:
        return ""
    if column == "ratio":
        return f"{value:.2f}" if value < 100 else f"{value:.0f}"
    if column == "met":
        return "yes" if value else "no"
    return value


def main():
    p = argparse.ArgumentParser(prog="run.sh")
    p.add_argument("build")
    p.add_argument("rows", nargs="*", metavar="ROW",
                   help=" ".join(ROWS) + " (all)")
    p.add_argument("--quick", action="store_true",
                   default=os.environ.get("BENCH_QUICK", "") not in ("", "0"))
    p.add_argument("--json", action="store_true")
    args = p.parse_intermixed_args()
    unknown = set(args.rows) - set(ROWS)
    if unknown:
        p.error(f"no such row: {' '.join(unknown)}")
    # genlog writes UTC.
    os.environ["TZ"] = "UTC"
    time.tzset()
    table = Table(sys.stderr.isatty())
    start = time.monotonic()
    failed = None
    try:
        with House(args.build, args.quick) as house:
            for name in args.rows or ROWS:
                ROWS[name](house, table)
    except Wrong as e:
        failed = str(e)
    show(table, args, time.monotonic() - start)
    if failed:
        print(f"bench: WRONG: {failed}", file=sys.stderr)
        sys.exit(1)


def show(table, args, seconds):
    result = {"machine": {"cores": os.cpu_count(),
                          "load": os.getloadavg()[0]},
              "quick": args.quick, "seconds": round(seconds),
              "rows": table.rows}
    if os.environ.get("BENCH_JSON"):
        try:
            with open(os.environ["BENCH_JSON"], "w", encoding="utf-8") as f:
                json.dump(result, f, indent=2, ensure_ascii=False)
        except OSError as e:
            print(f"bench: BENCH_JSON: {e}", file=sys.stderr)
    if args.json:
        json.dump(result, sys.stdout, indent=2, ensure_ascii=False)
        print()
        return
    print(f"\n{table.text()}\n")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
          f"{seconds:.0f} s{', quick' if args.quick else ''}. "
          "Rates of lines are per second of CPU time.")


if __name__ == "__main__":
    main()
