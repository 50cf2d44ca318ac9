"""listen.py PORT... : accept connections on each port, IPv4 and IPv6, say a
line, and close. Ends with its parent's signal."""
import select
import socket
import sys

socks = []
for port in sys.argv[1:]:
    s = socket.create_server(("::", int(port)), family=socket.AF_INET6,
                             dualstack_ipv6=True)
    socks.append(s)
while True:
    for s in select.select(socks, [], [])[0]:
        c, _ = s.accept()
        try:
            c.sendall(b"220 here\r\n")
        except OSError:
            pass
        c.close()
