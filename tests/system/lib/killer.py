#!/usr/bin/env python3
"""killer.py: mxward is killed again and again while its log is written and
rotated, and must end with the bans and counters of a run never disturbed.

usage: killer.py --mxward FILE --genlog FILE --dir DIR --port PORT
                 [--kills N] [--lines N] [--seconds S] [--age SECONDS]
                 [--seed N] [--role ROLE]... [--renames FRACTION]

Every process is killed, or those of the given roles; of the rotations so many
rename and the others copy and truncate. The log is genlog's, with successes of attackers and late lines mixed in. The
seed is printed; it decides the lines, the rotations and the kills' times."""
import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from control import ask  # noqa: E402

LIB = os.path.dirname(os.path.abspath(__file__))
TOTALS = ("failures", "successes", "bans", "ignored", "after_ban")
FINDTIME = {"smtp": 600, "login": 300, "strict": 120, "all": 600,
            "recidive": 3600}
CONF = """
include("{lib}/test-filter.conf")
statedir = "{dir}/state"
control = "{dir}/control"
user = "nobody"
group = "nogroup"
log_level = "info"
source "mail" {{ file = {{ "{dir}/log/mail.log" }} }}
ignoreip = {{ {friends} }}
jail "smtp" {{
    filter = {{ "test-smtp" }}
    maxretry = 4  findtime = "10m"  bantime = {{ "1m", "5m", "1h" }}
}}
jail "login" {{
    filter = {{ "test-login" }}
    maxretry = 3  findtime = "5m"  bantime = {{ "2m", "1d" }}
    reset_on_success = true
}}
jail "strict" {{
    filter = {{ "test-smtp", "test-login" }}
    maxretry = 2  findtime = "2m"  bantime = {{ "30s" }}
    mode = "observe"
}}
jail "all" {{
    filter = {{ "test-smtp", "test-login" }}
    maxretry = 1000000  findtime = "10m"  mode = "observe"
    reset_on_success = false
}}
jail "recidive" {{ maxretry = 3  findtime = "1h"  bantime = {{ "10m", "1w" }} }}
policy {{ listen = {{ "inet:127.0.0.1:{port}" }} }}
"""
MATCH = re.compile(
    rb"NOQUEUE: reject: RCPT from [^[]*\[([^]]*)\]: 55[04] "
    rb"|SASL LOGIN authentication|lost connection after AUTH|PREGREET"
    rb"|auth failed, ")
ATTACKER = re.compile(rb"(?:\[|rip=)([0-9a-f.:]+)[\],]")


def say(*words):
    print(*words, flush=True)


class Mxward:
    """One configuration, its log and its warden, started again at will."""

    def __init__(self, opt, name, friends):
        self.opt = opt
        self.dir = os.path.join(opt.dir, name)
        self.log = os.path.join(self.dir, "log", "mail.log")
        self.control = os.path.join(self.dir, "control")
        self.conf = os.path.join(self.dir, "mxward.conf")
        os.makedirs(os.path.dirname(self.log))
        os.chmod(self.dir, 0o755)
        open(self.log, "wb").close()
        with open(self.conf, "w") as f:
            f.write(CONF.format(
                lib=LIB, dir=self.dir, port=opt.port,
                friends=", ".join(f'"{a}"' for a in friends)))
        self.out = open(os.path.join(self.dir, "mxward.log"), "ab")
        self.warden = None

    def start(self):
        self.warden = subprocess.Popen(
            [self.opt.mxward, "-f", "-c", self.conf], stdout=self.out,
            stderr=self.out, stdin=subprocess.DEVNULL,
            env={**os.environ, "TZ": "UTC"})

    def processes(self):
        """{role: pid} of what runs, the warden included."""
        pid = self.warden.pid
        found = {"warden": pid} if self.warden.poll() is None else {}
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                children = f.read().split()
        except OSError:
            return found
        for child in children:
            try:
                with open(f"/proc/{child}/comm") as f:
                    role = f.read().strip()
            except OSError:
                continue
            if role.startswith("mxward-"):
                found[role[7:]] = int(child)
        return found

    def status(self):
        try:
            return ask(self.control, "status", timeout=5)[1]
        except (OSError, ValueError):
            return None

    def settle(self, patience=60):
        """Wait until everything was read and nothing changes any more; the
        totals then."""
        last, since, end = None, 0, time.monotonic() + patience
        while time.monotonic() < end:
            s = self.status()
            now = time.monotonic()
            if s and s["caught_up"] and all(x["idle"] for x in s["sources"]):
                state = (s["jails"], s["pid"])
                if state != last:
                    last, since = state, now
                elif now - since > 3:
                    return s
            else:
                last = None
            time.sleep(0.1)
        raise SystemExit(f"not settled after {patience} s: {s}")

    def stop(self):
        self.warden.send_signal(signal.SIGTERM)
        if self.warden.wait(timeout=15) != 0:
            raise SystemExit(f"the warden ended with {self.warden.returncode}")


def make_lines(opt, rng):
    """(lines, friends): genlog's, some later than their time says, and some
    logins turned into an attacker's."""
    begin = int(time.time()) - opt.age
    rate = opt.lines // 3600 + 1  # all of them before now
    text = subprocess.run(
        [opt.genlog, "-i", "-n", str(opt.lines), "-a", "8", "-k", "2000",
         "-s", str(opt.seed % 1000000), "-t", str(begin), "-r", str(rate)],
        stdout=subprocess.PIPE, check=True).stdout
    lines = text.splitlines(keepends=True)
    guess = [i for i, l in enumerate(lines) if b"(auth failed" in l]
    hosts = sorted({ATTACKER.search(lines[i])[1] for i in guess})
    for i, line in enumerate(lines):
        if b" Login: " in line and rng.random() < 0.1:
            host = rng.choice(hosts)
            lines[i] = re.sub(rb"rip=[^,]*", b"rip=" + host, line)
    order = [i + (rng.randrange(2000) if rng.random() < 0.02 else 0)
             for i in range(len(lines))]
    lines = [l for _, l in sorted(zip(order, lines), key=lambda x: x[0])]
    return lines, [h.decode() for h in rng.sample(hosts, 5)]


class Logger(threading.Thread):
    """Writes the lines over the given time and rotates as logrotate does."""

    def __init__(self, mx, lines, seconds, rng):
        super().__init__()
        self.mx, self.lines, self.seconds, self.rng = mx, lines, seconds, rng
        self.names, self.error = 0, None
        self.renames = self.copies = 0

    def run(self):
        try:
            self.write()
        except Exception as e:  # told by the main thread
            self.error = e

    def write(self):
        n, rng = len(self.lines), self.rng
        turns = sorted(rng.sample(range(n // 50, n), 20))
        out = open(self.mx.log, "ab", buffering=0)
        begin, i, old = time.monotonic(), 0, None
        while i < n:
            due = int((time.monotonic() - begin) / self.seconds * n)
            stop = min(n, max(due, i), i + 4000)
            if turns and stop > turns[0]:
                stop = max(i, turns[0])
            if stop > i:
                self.piece(out, b"".join(self.lines[i:stop]))
                i = stop
            if turns and i >= turns[0]:
                turns.pop(0)
                if rng.random() < self.mx.opt.renames:
                    i, out = self.rename(out, i)
                else:
                    self.copytruncate()
            time.sleep(rng.random() * 0.01)
        out.close()

    def piece(self, out, data):
        """Loggers with a buffer write half lines, too."""
        cut = self.rng.randrange(len(data)) if self.rng.random() < 0.2 else 0
        if cut:
            out.write(data[:cut])
            time.sleep(self.rng.random() * 0.02)
        out.write(data[cut:])

    def shift(self):
        for k in range(self.names, 0, -1):
            os.rename(f"{self.mx.log}.{k}", f"{self.mx.log}.{k + 1}")
        self.names += 1

    def rename(self, out, i):
        """After the rename the old file is written a moment longer."""
        self.renames += 1
        self.shift()
        os.rename(self.mx.log, self.mx.log + ".1")
        more = min(len(self.lines), i + self.rng.randrange(800))
        for k in range(i, more, 100):
            self.piece(out, b"".join(self.lines[k:min(more, k + 100)]))
            time.sleep(self.rng.random() * 0.02)
        fresh = open(self.mx.log, "ab", buffering=0)
        out.close()
        return more, fresh

    def copytruncate(self):
        """Nothing is written meanwhile: whatever is, between copy and
        truncation, is lost to every reader."""
        self.copies += 1
        self.shift()
        shutil.copyfile(self.mx.log, self.mx.log + ".1")
        time.sleep(self.rng.random() * 0.05)
        os.truncate(self.mx.log, 0)


def kill_along(mx, logger, opt, rng):
    """Kill at random moments of the writing; the warden is started again as
    systemd would. Returns how many of each were killed."""
    done = dict.fromkeys(("warden", "engine", "doors"), 0)
    times = sorted(rng.random() * opt.seconds for _ in range(opt.kills))
    begin = time.monotonic()
    for when in times:
        time.sleep(max(0, begin + when - time.monotonic()))
        alive = mx.processes()
        while not alive:
            time.sleep(0.001)
            alive = mx.processes()
        role = rng.choice(sorted(set(alive) & set(opt.role) or alive))
        os.kill(alive[role], signal.SIGKILL)
        done[role] += 1
        if role == "warden":
            mx.warden.wait()
            time.sleep(rng.random() * 0.1)
            mx.start()
    logger.join()
    return done


def contents(mx):
    """What the database holds, in words that do not depend on row numbers."""
    db = sqlite3.connect(os.path.join(mx.dir, "state", "mxward.db"))
    bans = db.execute(
        'SELECT n.name, hex(b.key), b.start, b."end", b.nth, b.origin,'
        " b.flags, (SELECT count(*) FROM evidence e WHERE e.ban = b.id)"
        " FROM bans b JOIN names n ON n.id = b.jail").fetchall()
    failures = db.execute(
        "SELECT n.name, hex(c.key), c.time, c.count FROM counting c"
        " JOIN names n ON n.id = c.jail").fetchall()
    newest = {}
    for jail, key, when, _ in failures:
        newest[jail, key] = max(newest.get((jail, key), 0), when)
    last = max(newest.values())
    # What has left every window may be pruned sooner or later.
    failures = [f for f in failures
                if f[2] >= newest[f[:2]] - FINDTIME[f[0]]
                and newest[f[:2]] >= last - FINDTIME[f[0]]]
    if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
        raise SystemExit("the database is damaged")
    return {"bans": sorted(bans), "failures": sorted(failures)}


def totals(status):
    return {j["name"]: {t: j[t] for t in TOTALS} for j in status["jails"]}


def differences(what, a, b):
    """Multiset difference of two sorted lists, for a person."""
    only_a, only_b = list(a), []
    left = {}
    for x in a:
        left[x] = left.get(x, 0) + 1
    for x in b:
        if left.get(x, 0):
            left[x] -= 1
        else:
            only_b.append(x)
    only_a = [x for x, n in left.items() for _ in range(n)]
    for x in only_a[:10]:
        say(f"  {what}, only undisturbed: {x}")
    for x in only_b[:10]:
        say(f"  {what}, only killed:      {x}")
    return len(only_a) + len(only_b)


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--mxward", required=True)
    p.add_argument("--genlog", required=True)
    p.add_argument("--dir", required=True)
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--kills", type=int, default=200)
    p.add_argument("--lines", type=int, default=200000)
    p.add_argument("--seconds", type=float, default=36)
    p.add_argument("--age", type=int, default=3600)
    p.add_argument("--role", action="append")
    p.add_argument("--renames", type=float, default=0.6)
    p.add_argument("--seed", type=int,
                   default=int(os.environ.get("MXWARD_SEED") or
                               random.SystemRandom().randrange(10**9)))
    opt = p.parse_args()
    opt.role = opt.role or ["warden", "engine", "doors"]
    return opt


def undisturbed(opt, lines, friends):
    mx = Mxward(opt, "quiet", friends)
    mx.start()
    while not mx.status():
        time.sleep(0.05)
    with open(mx.log, "ab") as f:
        f.writelines(lines)
    status = mx.settle()
    mx.stop()
    return totals(status), contents(mx)


def disturbed(opt, lines, friends, rng):
    mx = Mxward(opt, "killed", friends)
    mx.start()
    while not mx.status():
        time.sleep(0.05)
    logger = Logger(mx, lines, opt.seconds, random.Random(rng.random()))
    logger.start()
    done = kill_along(mx, logger, opt, rng)
    if logger.error:
        raise logger.error
    say(f"killed: {done}; renamed {logger.renames} times, copied and "
        f"truncated {logger.copies} times")
    status = mx.settle()
    mx.stop()
    return totals(status), contents(mx), done


def main():
    opt = options()
    say(f"seed {opt.seed} (MXWARD_SEED={opt.seed} repeats)")
    rng = random.Random(opt.seed)
    lines, friends = make_lines(opt, rng)
    want, want_rows = undisturbed(opt, lines, friends)
    got, got_rows, done = disturbed(opt, lines, friends, rng)
    bad = sum(done.values()) != opt.kills or not all(map(done.get, opt.role))
    for jail in want:
        if want[jail] != got[jail]:
            say(f"  {jail}: undisturbed {want[jail]}, killed {got[jail]}")
            bad = True
    bad |= differences("ban", want_rows["bans"], got_rows["bans"]) > 0
    bad |= differences("failure", want_rows["failures"],
                       got_rows["failures"]) > 0
    # And neither is wrong in the same way: every line that matches counts.
    true = sum(1 for line in lines if MATCH.search(line))
    counted = sum(got["all"][t] for t in ("failures", "ignored"))
    say(f"{true} failures in the log, {counted} counted; "
        f"{len(got_rows['bans'])} bans; totals {json.dumps(got)}")
    return 1 if bad or counted != true else 0


if __name__ == "__main__":
    sys.exit(main())
