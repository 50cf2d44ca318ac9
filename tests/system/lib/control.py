#!/usr/bin/env python3
"""control.py SOCKET COMMAND [KEY=VALUE...]: one request on the control socket
(include/mxward/control.h). Prints each row and the closing line as JSON;
fails unless that says ok."""
import json
import socket
import sys


def ask(path, command, timeout=10, **args):
    """(rows, closing line) of one request."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(path)
        s.sendall(json.dumps({"command": command, **args}).encode() + b"\n")
        rows = []
        for line in s.makefile("rb"):
            answer = json.loads(line)
            if "row" not in answer:
                return rows, answer
            rows.append(answer["row"])
    raise ConnectionError("no closing line")


def main():
    args = dict(a.split("=", 1) for a in sys.argv[3:])
    try:
        rows, end = ask(sys.argv[1], sys.argv[2], **args)
    except (OSError, ValueError) as e:
        sys.exit(f"control.py: {e}")
    for row in rows:
        print(json.dumps(row))
    print(json.dumps(end))
    sys.exit(0 if end.get("ok") else 1)


if __name__ == "__main__":
    main()
