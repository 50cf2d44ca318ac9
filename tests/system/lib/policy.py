#!/usr/bin/env python3
"""policy.py [--for SECONDS] [--fresh] PORT|PATH ADDRESS: ask the policy door
about a client, as Postfix does, and print the action.

--for: ask every millisecond for so long and print as JSON how often each
action came (its first word), how often there was no connection ("closed") or
no answer within 5 seconds ("silent"), and the longest wait. The first answer
is reported on standard error.
--fresh: a new connection each time."""
import argparse
import json
import socket
import sys
import time

REQUEST = ("request=smtpd_access_policy\nprotocol_state=RCPT\n"
           "protocol_name=ESMTP\nclient_address={}\nclient_name=unknown\n"
           "sender=a@example.net\nrecipient=alice@example.org\n\n")


def connect(where):
    if where.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(where)
        return s
    return socket.create_connection(("127.0.0.1", int(where)), 5)


def ask(s, addr):
    s.sendall(REQUEST.format(addr).encode())
    text = b""
    while not text.endswith(b"\n\n"):
        piece = s.recv(4096)
        if not piece:
            raise ConnectionError("closed")
        text += piece
    return text.decode().strip().removeprefix("action=")


def once(where, addr):
    with connect(where) as s:
        return ask(s, addr)


def again_and_again(o):
    """An answer that is cut off is asked for again, as Postfix does; only a
    second time in a row counts as no connection."""
    seen, longest, s, failed = {}, 0.0, None, 0
    end = time.monotonic() + o.seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        try:
            s = s or connect(o.where)
            word = ask(s, o.addr).split()[0]
            failed = 0
        except TimeoutError:
            word, s = "silent", None
        except OSError:
            failed += 1
            word, s = ("closed" if failed > 1 else None), None
        if word and not seen:
            print("begun", file=sys.stderr, flush=True)
        if word:
            seen[word] = seen.get(word, 0) + 1
        longest = max(longest, time.monotonic() - begin)
        if o.fresh and s:
            s.close()
            s = None
        time.sleep(0.001)
    print(json.dumps({**seen, "longest": round(longest, 3)}))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--for", dest="seconds", type=float)
    p.add_argument("--fresh", action="store_true")
    p.add_argument("where")
    p.add_argument("addr")
    o = p.parse_args()
    if o.seconds:
        again_and_again(o)
    else:
        print(once(o.where, o.addr))


main()
