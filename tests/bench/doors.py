"""The policy door: how fast it answers, under which circumstances, and how
soon it knows."""
import os
import re
import statistics
import subprocess
import time

from house import (Wrong, free_port, is_root, policy_ask, policy_connect,
                   precise_cpu_seconds, timed, wait_for)

# One host, one failure, one ban: the quickest way to many of them.
EAGER = """
log_level = "warning"
max_bans = 1200000
max_hosts = 1200000
jail "postfix-flood" { maxretry = 1 findtime = "1d" bantime = "1d" }
"""
THREE = 'jail "postfix-flood" { maxretry = 3 findtime = "10m" }\n'
ROUNDS = 3


def host(i):
    return f"11.{i >> 16}.{i >> 8 & 255}.{i & 255}"


def write_failures(path, n):
    """A failure of each of n hosts, now."""
    when = time.strftime("%b %e %H:%M:%S", time.gmtime())
    with open(path, "w", encoding="ascii") as f:
        for i in range(n):
            f.write(f"{when} mx1 postfix/smtpd[314]: NOQUEUE: reject: RCPT "
                    f"from unknown[{host(i)}]: 550 5.1.1 <a@example.org>: "
                    "Recipient address rejected: User unknown in virtual "
                    "mailbox table; from=<x@spam.example> "
                    "to=<a@example.org> proto=ESMTP helo=<x>\n")
    return path


def many_bans(house):
    """An mxward with 100,000 bans (quick: 10,000), made once."""
    if not hasattr(house, "many"):
        n = 10000 if house.quick else 100000
        m = house.mxward(EAGER, tcp=True).start()
        m.digest(write_failures(house.dir / "bans.log", n), n)
        expect_bans(m, n)
        # These are what policyload takes for banned.
        answer, _ = m.ask("ban", target="192.0.2.0/24",
                          reason="for the benchmark")
        if not answer["ok"]:
            raise Wrong(f"ban 192.0.2.0/24: {answer['error']}")
        house.many = (m, n)
    return house.many


def expect_bans(m, n):
    bans = m.ask("status")[0]["table"]["bans"]
    if bans != n:
        raise Wrong(f"{bans} bans in the table, {n} hosts earned one")


def load(house, where, connections, requests, banned=10):
    """policyload's figures as a dict. Wrong if refusals are not as many as
    they should be."""
    p = subprocess.run([house.tool("policyload"), "-c", str(connections),
                        "-n", str(requests), "-b", str(banned), str(where)],
                       capture_output=True, text=True, check=False)
    if p.returncode != 0:
        raise Wrong(f"policyload: {p.stderr.strip()}")
    return {k: float(v) for k, v in re.findall(r"([\w.]+)=([\d.]+)",
                                               p.stdout)}


def check_refusals(figures):
    share = figures.get("521", 0) / figures["requests"]
    if not 0.09 < share < 0.11:
        raise Wrong(f"{share:.1%} of the requests were refused, not 10 %")


def policy(house, table):
    m, n = many_bans(house)
    for name, ours in (("unix", m.door), ("TCP", m.port)):
        servers = {"ours": (ours, m.role("doors"))}
        for kind, argv in (("echo", []), ("raw", ["--raw"])):
            where = free_port() if name == "TCP" else str(house.dir / kind)
            p = house.start([house.tool("echo_policy"), *argv, str(where)])
            wait_for("echo_policy", lambda w=where: reachable(w))
            servers[kind] = (where, p.pid)
        for connections in (10, 1, 50):
            s = "s" if connections > 1 else ""
            compare(house, table, f"policy requests/s, {name}, {connections} "
                    f"connection{s}, {n:,} bans", connections, servers)
    table.add("policy requests/s", "", "postfwd2, 10 connections: 4,149 "
              "(measured earlier)")


def reachable(where):
    try:
        policy_connect(where).close()
        return True
    except OSError:
        return False


def compare(house, table, what, connections, servers):
    """In turns, the median of each. The target is for ten connections."""
    requests = 6000 if connections == 1 else 40000
    if house.quick:
        requests //= 4
    got = {kind: [] for kind in servers}
    for _ in range(ROUNDS):
        for kind, (where, pid) in servers.items():
            cpu = precise_cpu_seconds(pid)
            f = load(house, where, connections, requests)
            f["cpu"] = (precise_cpu_seconds(pid) - cpu) * 1e6 / requests
            got[kind].append(f)
    for f in got["ours"]:
        check_refusals(f)
    mid = {kind: {k: statistics.median(f[k] for f in runs)
                  for k in ("rps", "cpu", "p99")}
           for kind, runs in got.items()}
    ratio = mid["ours"]["rps"] / mid["echo"]["rps"]
    target = connections == 10
    table.add(what, rate(mid["ours"]),
              f"DUNNO with bufferevents: {rate(mid['echo'])}; without: "
              f"{rate(mid['raw'])}", ratio, "≥ 0.9 ×" if target else "",
              ratio >= 0.9 if target else None)


def rate(f):
    """CPU time of the server for one request tells more than the rate where
    others use the machine."""
    return f"{f['rps']:,.0f} ({f['cpu']:.1f} µs CPU)"


def backlog(house, table):
    """One client asks without pause, as one busy smtpd does; then the same
    while the engine reads. Only what was asked before it was done counts."""
    lines = 1000000 if house.quick else 4000000
    requests = 4000 if house.quick else 10000
    m = house.mxward(THREE, tcp=True).start()
    # As long a log as can be found at once; its name is not yet known.
    log = house.make_log("big.log", lines)
    size = log.stat().st_size >> 20
    rest = best_load(house, m.door, requests)
    os.rename(log, m.dir / "mail-big.log")
    wait_for("the backlog", lambda: not m.lines()[1])
    busy = []
    while len(busy) < 2 * ROUNDS:
        figures = load(house, m.door, 1, requests, 0)
        if m.lines()[1]:
            break
        busy.append(figures)
    if not busy:
        table.skip("policy answer p99 under a backlog", f"{size} MB",
                   "read before it could be measured")
        return
    m.wait_lines(lines)
    busy = median(busy)
    ratio = busy["p99"] / rest["p99"]
    table.add(f"policy answer p99, engine busy with {size} MB",
              f"{busy['p99']:.0f} µs (p50 {busy['p50']:.0f})",
              f"at rest: {rest['p99']:.0f} µs (p50 {rest['p50']:.0f})",
              ratio, "≤ 1.5 ×", ratio <= 1.5)
    m.stop()


def best_load(house, where, requests):
    return median([load(house, where, 1, requests, 0)
                   for _ in range(2 * ROUNDS)])


def median(runs):
    return {k: statistics.median(r[k] for r in runs) for k in ("p50", "p99")}


def reaction(house, table):
    m = house.mxward(THREE).start()
    rounds = 50 if house.quick else 200
    p = subprocess.run([house.tool("reaction"), m.log, m.door, str(rounds)],
                       capture_output=True, text=True, check=False)
    if p.returncode != 0:
        raise Wrong(p.stderr.strip())
    f = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", p.stdout)}
    expect_bans(m, rounds)
    table.add("third failure in the log → the door refuses, p99",
              f"{f['p99'] / 1000:.2f} ms (p50 {f['p50'] / 1000:.2f}, "
              f"max {f['max'] / 1000:.2f})",
              "fail2ban, to the firewall: 240 ms (measured earlier)",
              None, "≤ 5 ms", f["p99"] <= 5000)
    m.stop()


def nft(house, table):
    what = "bans to the firewall/s"
    if not is_root():
        table.skip(what, "nftables", "needs root")
        return
    n = 20000 if house.quick else 100000
    _, out = timed([house.tool("nftload"), str(n)])
    text = out.decode()
    found = re.findall(r"^(\d+) +\d+ +(\d+) +(\d+) +([\d.]+)$", text, re.M)
    if not found:
        table.skip(what, "nftables", text.strip() or "nothing measured")
        return
    for batch, ours, theirs, ratio in found:
        batch, ours = int(batch), int(ours)
        table.add(f"{what}, {'batches of ' if batch > 1 else ''}"
                  f"{batch:,}{' at a time' if batch == 1 else ''}",
                  f"{ours:,}", f"libnftables: {int(theirs):,}", float(ratio),
                  "≥ 100,000" if batch >= 1000 else "",
                  ours >= 100000 if batch >= 1000 else None)


def restart(house, table):
    """kill -9 of all, and start again: when is a host refused that was banned
    before?"""
    m, n = many_bans(house)
    hosts = [host(0), host(n // 2), host(n - 1)]
    expect_bans(m, n + 1)
    m.kill_all()
    start = time.monotonic()
    m.spawn()
    wait_for("refusals after the restart", lambda: refuses(m, hosts), 30,
             0.002)
    took = time.monotonic() - start
    wait_for("control", m.answers)
    expect_bans(m, n + 1)
    table.add(f"restart with {n:,} bans → the door refuses",
              f"{took:.2f} s", "", None, "≤ 0.5 s", took <= 0.5)


def refuses(m, hosts):
    if m.process.poll() is not None:
        raise Wrong("mxward did not start again")
    try:
        with policy_connect(m.door) as s:
            return all(policy_ask(s, h) != "DUNNO" for h in hosts)
    except OSError:
        return False
