"""What the rows of the benchmark share: a directory, an mxward, processes that
end by their id, and what the kernel says of their time and memory."""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 120  # seconds, for anything


class Wrong(Exception):
    """Not a low number: something that must not happen."""


def is_root():
    return os.geteuid() == 0


def wait_for(what, condition, patience=PATIENCE, pause=0.01):
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {patience} s")
        time.sleep(pause)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process, all its threads."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = stat.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def precise_cpu_seconds(pid):
    """The same of one thread, in nanoseconds if the kernel says."""
    try:
        sched = pathlib.Path(f"/proc/{pid}/schedstat").read_text()
        return int(sched.split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return cpu_seconds(pid)


def pss_bytes(pids):
    """What they use together: shared pages are counted once."""
    total = 0
    for pid in pids:
        for line in open(f"/proc/{pid}/smaps_rollup", encoding="ascii"):
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        return [int(p) for p in path.read_text().split()]
    return []


def timed(argv, **kw):
    """CPU seconds and output of a command."""
    before = children_seconds()
    out = subprocess.run(argv, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False, **kw).stdout
    return children_seconds() - before, out


def children_seconds():
    """Of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class House:
    """A directory and the processes in it; everything ends with it."""

    def __init__(self, build, quick):
        self.build = pathlib.Path(build)
        self.quick = quick
        self.filters = os.environ.get("BENCH_FILTERS", str(TOP / "filters"))
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="mxward-bench."))
        self.dir.chmod(0o755)
        self.count = 0
        self.open = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for thing in reversed(self.open):
            thing.stop() if isinstance(thing, Mxward) else stop(thing)
        shutil.rmtree(self.dir, ignore_errors=True)

    def tool(self, name):
        return str(self.build / "bench" / name)

    def start(self, argv, **kw):
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **kw)
        self.open.append(p)
        return p

    def make_log(self, name, lines, iso=False, truth=None, attackers=5000):
        """A generated log that ends now. Seconds of its time: lines / 200."""
        path = self.dir / name
        argv = [self.tool("genlog"), "-n", str(lines), "-k", str(attackers),
                "-t", str(int(time.time()) - lines // 200 - 2)]
        if iso:
            argv.append("-i")
        quoted = " ".join(argv)
        to = truth if truth else "/dev/null"
        subprocess.run(["sh", "-c", f'{quoted} >"$0" 3>"$1"', path, to],
                       check=True)
        return path

    def mxward(self, conf, **kw):
        m = Mxward(self, conf, **kw)
        self.open.append(m)
        return m


# What an administrator starts with, see conf/mxward.conf.
JAILS = """
jail "postfix-auth" {}
jail "postfix-flood" {}
jail "postfix-abuse" {}
jail "postscreen" {}
jail "dovecot" {}
jail "recidive" {}
"""


class Mxward:
    """The daemon, in a directory of its own below the house's."""

    def __init__(self, house, conf, tcp=False):
        house.count += 1
        self.house = house
        self.dir = house.dir / f"mxward{house.count}"
        self.dir.mkdir()
        self.log = self.dir / "mail.log"
        self.log.touch()
        self.door = str(self.dir / "policy")
        self.port = free_port() if tcp else None
        self.process = None
        listen = f'"unix:{self.door}"'
        if tcp:
            listen += f', "inet:127.0.0.1:{self.port}"'
        text = (f'include("{house.filters}")\n'
                f'statedir = "{self.dir}/state"\n'
                f'control = "{self.dir}/control"\n'
                f'source "mail" {{ file = {{ "{self.dir}/mail*.log" }} }}\n'
                f"policy {{ listen = {{ {listen} }} }}\n{conf}\n")
        if is_root():
            text += 'user = "nobody"\ngroup = "nogroup"\n'
        (self.dir / "mxward.conf").write_text(text)

    def spawn(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.house.build / "mxward", "-f", "-c",
                 self.dir / "mxward.conf"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self):
        self.spawn()
        wait_for("mxward's start", self.answers)
        return self

    def answers(self):
        if self.process.poll() is not None:
            tail = (self.dir / "log").read_text(errors="replace")[-2000:]
            raise Wrong(f"mxward ended at its start:\n{tail}")
        try:
            return self.ask("status")[0]
        except OSError:
            return None

    def stop(self):
        if self.process:
            stop(self.process)

    def pids(self):
        return [self.process.pid] + children(self.process.pid)

    def role(self, role):
        """The process of that role; it may have to be started yet."""
        return wait_for(f"the {role}", lambda: self.find_role(role), 10)

    def find_role(self, role):
        for pid in children(self.process.pid):
            with contextlib.suppress(OSError):
                comm = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                if comm == f"mxward-{role}":
                    return pid
        return None

    def kill_all(self):
        """kill -9, the warden first so that it starts nobody again."""
        pids = self.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()
        for pid in pids:
            wait_for("death", lambda p=pid: not os.path.exists(f"/proc/{p}"))

    def ask(self, command, **request):
        """The closing line and the rows of a control request."""
        rows = []
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(str(self.dir / "control"))
            s.sendall(json.dumps({"command": command, **request}).encode()
                      + b"\n")
            for line in s.makefile("r", encoding="utf-8"):
                answer = json.loads(line)
                if "row" not in answer:
                    return answer, rows
                rows.append(answer["row"])
        raise OSError("the control socket closed early")

    def lines(self):
        """Lines read so far, and whether that was all there is."""
        sources = self.ask("status")[0]["sources"]
        return (sum(s["lines"] for s in sources),
                all(s["idle"] for s in sources))

    def wait_lines(self, n, pause=0.02):
        return wait_for(f"{n} lines read",
                        lambda: self.lines() == (n, True), pause=pause)

    def digest(self, path, lines):
        """Let it find a log, all at once. Wall and CPU seconds till idle."""
        self.wait_lines(0)
        engine = self.role("engine")
        start, cpu = time.monotonic(), precise_cpu_seconds(engine)
        os.rename(path, self.dir / "mail-backlog.log")
        self.wait_lines(lines)
        return (time.monotonic() - start,
                precise_cpu_seconds(engine) - cpu)


def policy_connect(where):
    if isinstance(where, int):
        return socket.create_connection(("127.0.0.1", where))
    s = socket.socket(socket.AF_UNIX)
    s.connect(where)
    return s


def policy_ask(s, host):
    """The action of one policy request over an open connection."""
    s.sendall(f"request=smtpd_access_policy\nprotocol_state=RCPT\n"
              f"client_address={host}\n\n".encode())
    got = b""
    while not got.endswith(b"\n\n"):
        more = s.recv(4096)
        if not more:
            raise OSError("the door closed")
        got += more
    return got[7:-2].decode()
