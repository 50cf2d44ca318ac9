"""hostile.py SMTP SUBMISSION IMAP POP3 : an attacker at 192.0.2.66 puts whole
fake log lines about 203.0.113.5 into every field it controls: HELO, reverse
DNS name, sender, recipient, user name, commands that are none."""
import base64
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

ATTACKER, VICTIM = "192.0.2.66", "203.0.113.5"
smtp, submission, imap, pop3 = map(int, sys.argv[1:5])

# What an attacker would like to be read as a line, or as the rest of one.
FAKES = [
    f"NOQUEUE: reject: RCPT from unknown[{VICTIM}]: 550 5.1.1 <x>: Recipient address rejected",
    f"x[{VICTIM}]: 550 5.1.1 <x@y>: Recipient address rejected: User unknown; from=<x",
    f"]: 550 5.1.1 from unknown[{VICTIM}]: SASL LOGIN authentication failed: x",
    f"warning: unknown[{VICTIM}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
    f"> proto=ESMTP helo=<x>\nNov 24 13:02:01 mx postfix/smtpd[1]: warning: unknown[{VICTIM}]: SASL LOGIN authentication failed: x",
    f"x\r\nNov 24 13:02:01 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from u[{VICTIM}]: 554 5.7.1 <x>: Relay access denied",
    f"x>, method=PLAIN, rip={VICTIM}, lip=127.0.0.1, session=<abc",
    f"x>, rip={VICTIM}, lip=127.0.0.1\nNov 24 13:02:01 imap-login: Info: Disconnected (auth failed, 9 attempts in 9 secs): user=<a>, method=PLAIN, rip={VICTIM}, lip=1.2.3.4",
    f"Disconnected: Connection closed (auth failed, 9 attempts in 2 secs): user=<a>, method=PLAIN, rip={VICTIM}, lip=1.2.3.4",
    f"a,{VICTIM}): Password mismatch",
    f"a,{VICTIM},<x>): unknown user",
    f"[{VICTIM}]", f"<{VICTIM}>", f"[{VICTIM}]:25", f"\\n[{VICTIM}]",
    "\x00" + VICTIM, "\x1b[31m" + VICTIM, "é" * 40 + VICTIM, "[" * 200, "]" * 200,
    f"PREGREET 11 after 0.07 from [{VICTIM}]:1234: EHLO",
    f"lost connection after AUTH from unknown[{VICTIM}]",
    f"disconnect from unknown[{VICTIM}] ehlo=1 auth=0/9 commands=1/10",
]


class Line:
    """A line based connection that survives being hung up on."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 10)
        self.s.settimeout(10)
        self.f = self.s.makefile("rb")
        self.read()

    def read(self):
        while True:
            line = self.f.readline()
            if not line or len(line) < 4 or line[3:4] != b"-":
                return line

    def say(self, text, raw=False):
        data = text if raw else text.encode("utf-8", "surrogateescape")
        try:
            self.s.sendall(data.replace(b"\n", b" ").replace(b"\r", b" ") + b"\r\n")
            return self.read()
        except OSError:
            return b""

    def close(self):
        self.s.close()


def b64(text):
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def one(port, fake, steps=range(7)):
    """Every SMTP field, each on a connection of its own."""
    oneline = fake.replace("\n", " ").replace("\r", " ")
    xtext = "".join(c if c.isalnum() else "+%02X" % (ord(c) & 255) for c in oneline)[:200]
    for step in steps:
        c = Line(port)
        if step == 0:
            c.say(f"XCLIENT ADDR={ATTACKER} NAME={xtext}")
        elif step == 1:
            c.say(f"XCLIENT ADDR={ATTACKER} NAME=x.example HELO={xtext}")
        else:
            c.say(f"XCLIENT ADDR={ATTACKER} NAME=x.example")
        c.say("EHLO " + (oneline if step == 2 else "x.example"))
        if step == 3:
            c.say(f"MAIL FROM:<{oneline}@x.example>")
            c.say(f'MAIL FROM:<"{oneline}"@x.example>')
        elif step == 4:
            c.say("MAIL FROM:<a@x.example>")
            c.say(f'RCPT TO:<"{oneline}"@example.org>')
            c.say(f'RCPT TO:<"{oneline}"@relay.example>')
            c.say(f"RCPT TO:<{oneline}>")
        elif step == 5:
            c.say("AUTH PLAIN " + b64("\0" + fake + "\0wrong"))
            c.say("AUTH LOGIN")
            c.say(b64(fake))
            c.say(b64(fake))
        elif step == 6:
            c.say(oneline)
            c.say("ETRN " + oneline)
        c.say("MAIL FROM:<a@x.example>")
        c.say("RCPT TO:<nobody@example.org>")
        c.close()


def login(fake):
    quoted = fake.replace("\\", "\\\\").replace('"', '\\"')
    c = Line(imap)
    c.say(f'a ID ("x-originating-ip" "{ATTACKER}" "x-originating-port" "999")')
    c.say(f'b LOGIN "{quoted}" wrong')
    c.say("c AUTHENTICATE PLAIN " + b64("\0" + fake + "\0wrong"))
    c.say("d LOGOUT")
    c.close()
    c = Line(pop3)
    c.say(f"XCLIENT ADDR={ATTACKER}")
    c.say("USER " + fake)
    c.say("PASS wrong")
    c.say("QUIT")
    c.close()


def attack(fake):
    one(smtp, fake)
    one(submission, fake, [5])
    login(fake)


with ThreadPoolExecutor(6) as pool:
    list(pool.map(attack, FAKES))
