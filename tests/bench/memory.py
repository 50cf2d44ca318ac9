"""Memory: all processes of an mxward together, shared pages counted once."""
from doors import EAGER, expect_bans, write_failures
from house import JAILS, Wrong, pss_bytes

COUNTING = EAGER.replace("maxretry = 1", "maxretry = 3")
IDLE, BANS, HOSTS = 10, 128, 256  # MB at most; for a million, idle included


def rows(house, table):
    n = 100000 if house.quick else 1000000
    m = house.mxward(JAILS).start()
    add(table, "memory, idle", m, IDLE)
    m.stop()
    m = fed(house, EAGER, n)
    expect_bans(m, n)
    add(table, f"memory, {n:,} bans", m, part_of(BANS, n))
    m.stop()
    m = fed(house, COUNTING, n)
    jail = m.ask("status", jail="postfix-flood")[0]["jails"][0]
    if jail["counting"] != n or jail["bans"]:
        raise Wrong(f"{jail['counting']} hosts are counted, not {n}")
    add(table, f"memory, {n:,} hosts being counted", m,
        part_of(HOSTS, n))
    m.stop()


def part_of(most, n):
    return IDLE + (most - IDLE) * n / 1000000


def fed(house, conf, n):
    m = house.mxward(conf).start()
    m.digest(write_failures(house.dir / "hosts.log", n), n)
    return m


def add(table, what, m, most):
    used = pss_bytes(m.pids()) / 1e6
    against = ", ".join(f"{role} {pss_bytes([m.role(role)]) / 1e6:.1f}"
                        for role in ("engine", "doors"))
    table.add(what, f"{used:.1f} MB", against, None, f"≤ {most:.0f} MB",
              used <= most)
