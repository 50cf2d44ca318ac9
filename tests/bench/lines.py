"""Log lines: through everything, beside what else reads mail logs here."""
import os
import pathlib
import re
import shutil
import subprocess
import time

from house import JAILS, Wrong, children, cpu_seconds, stop, timed, wait_for

# What grep is asked for: one alternation of five patterns, as somebody at a
# prompt would write it.
GREP = "|".join((
    r"reject: RCPT from [^[]*\[[\d.:a-f]+\]: 550 5\.1\.1 ",
    r"reject: RCPT from [^[]*\[[\d.:a-f]+\]: 554 5\.7\.1 ",
    r"SASL \w+ authentication failed",
    r"auth failed, \d+ attempts",
    r"PREGREET \d+ after"))
SSHG = ("/usr/libexec/sshguard/sshg-parser", "/usr/libexec/sshg-parser",
        "/usr/lib/x86_64-linux-gnu/sshg-parser",
        "/usr/local/libexec/sshg-parser")
GREP_NAME = "grep -cP, five patterns"
SSHG_NAME = "sshguard's parser"
SETTLED = 1.0  # seconds without work: fail2ban is done


def rows(house, table):
    n = 200000 if house.quick else 1000000
    check_counts(house, n // 5)
    log = house.make_log("peers.log", n)
    best = {}
    # In turns, for others may be using the machine; of each its best.
    for _ in range(3):
        for name, cpu in measure(house, log, n).items():
            best[name] = min(cpu, best.get(name, cpu))
    log.unlink()
    ours = None  # the format that the others read, too
    for name in ("RFC 3164", "ISO 8601"):
        rate = n / best.pop(name)
        ours = ours or rate
        table.add(f"log lines/s, {name}", f"{rate:,.0f}", f"{n:,} lines",
                  target="≥ 2,000,000", met=rate >= 2e6)
    for name, least in (("wc -l", None), (GREP_NAME, 0.5), (SSHG_NAME, 4)):
        if best.get(name):
            table.compare("log lines/s", ours, name, n / best[name], least)
        else:
            table.skip("log lines/s", name, "not installed")
    fail2ban(house, table, ours)


def measure(house, log, n):
    """CPU seconds for n lines, of everybody that is here."""
    cpu = {name: digest(house, n, iso)
           for name, iso in (("RFC 3164", False), ("ISO 8601", True))}
    cpu["wc -l"], _ = timed(["wc", "-l", log])
    if subprocess.run(["grep", "-qP", "^x", os.devnull], check=False,
                      stderr=subprocess.DEVNULL).returncode < 2:
        cpu[GREP_NAME], _ = timed(["grep", "-cP", GREP, log],
                                  env={**os.environ, "LC_ALL": "C"})
    parser = next((p for p in SSHG if os.access(p, os.X_OK)), None)
    if parser:
        with open(log, "rb") as lines:
            cpu[SSHG_NAME], out = timed([parser], stdin=lines)
        if not out:
            raise Wrong("sshguard's parser found nothing")
    return cpu


def digest(house, n, iso):
    log = house.make_log("next.log", n, iso)
    m = house.mxward(JAILS).start()
    _, cpu = m.digest(log, n)
    m.stop()
    return cpu


def check_counts(house, n):
    """Whether it finds exactly who is in the log."""
    truth = house.dir / "truth"
    log = house.make_log("check.log", n, truth=truth, attackers=500)
    m = house.mxward("".join(
        f'jail "{j}" {{ maxretry = 3 findtime = "1w" bantime = "forever" }}\n'
        for j in ("postscreen", "dovecot"))).start()
    m.digest(log, n)
    for jail, kind in (("postscreen", "pregreet"), ("dovecot", "dovecot")):
        want = set()
        for line in truth.read_text().splitlines():
            host, *counts = line.split("\t")
            if int(dict(c.split("=") for c in counts)[kind]) >= 3:
                want.add(key_of(host))
        got = {row["host"] for row in m.ask("bans", jail=jail)[1]}
        if got != want or not want:
            raise Wrong(f"jail {jail}: {len(got)} bans, {len(want)} hosts "
                        f"earned one; {len(got ^ want)} differ: "
                        f"{sorted(got ^ want)[:5]}")
    m.stop()


def key_of(host):
    """As mxward shows it: an IPv6 host is its /64."""
    if ":" not in host:
        return host
    return ":".join(host.split(":")[:4]).rstrip(":") + "::/64"


JAIL_LOCAL = """[DEFAULT]
backend = polling
logpath = {log}
action =
banaction =
maxretry = 5
findtime = 1d
usedns = no
[postfix]
enabled = true
filter = postfix
[postfix-sasl]
enabled = true
filter = postfix[mode=auth]
[dovecot]
enabled = true
filter = dovecot
"""


def fail2ban(house, table, ours):
    server = shutil.which("fail2ban-server")
    etc = pathlib.Path("/etc/fail2ban")
    if not server or not (etc / "filter.d/postfix.conf").exists():
        table.skip("log lines/s", "fail2ban-server", "not installed")
        return
    n = 10000 if house.quick else 60000
    d = house.dir / "fail2ban"
    shutil.copytree(etc, d, symlinks=True)
    for f in ("jail.local", "jail.d"):
        path = d / f
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    log = d / "mail.log"
    log.touch()
    (d / "jail.conf").write_text(JAIL_LOCAL.format(log=log))
    common = ["-c", str(d), "-s", str(d / "socket"), "-p", str(d / "pid")]
    p = house.start([server, *common, "-f", "--logtarget", str(d / "out"),
                     "start"], stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "HOME": str(d)})
    (d / "fail2ban.local").write_text(f"[Definition]\ndbfile = {d}/db\n")
    client = [shutil.which("fail2ban-client"), *common]
    try:
        wait_for("fail2ban's start",
                 lambda: b"dovecot" in timed([*client, "status"])[1], 30, 0.2)
        before = busy(p)
        settle(p)
        before = busy(p)
        with open(log, "ab") as to:
            to.write(house.make_log("small.log", n).read_bytes())
        wait_for("fail2ban's reading", lambda: busy(p) > before + 0.2, 30)
        settle(p)
        cpu = busy(p) - before
        found = sum(int(re.search(rb"Total failed:\s+(\d+)",
                                  timed([*client, "status", jail])[1])[1])
                    for jail in ("postfix", "postfix-sasl", "dovecot"))
    finally:
        stop(p)
    if not found:
        table.skip("log lines/s", "fail2ban-server", "it found nothing")
        return
    table.compare("log lines/s", ours, "fail2ban-server, three mail jails",
                  n / cpu, 130)


def busy(p):
    return cpu_seconds(p.pid) + sum(cpu_seconds(c) for c in children(p.pid))


def settle(p):
    """Wait until it has nothing more to do; polling itself costs a little."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        before = busy(p)
        time.sleep(SETTLED)
        if busy(p) - before < 0.05 * SETTLED:
            return
    raise Wrong("fail2ban does not come to rest")
