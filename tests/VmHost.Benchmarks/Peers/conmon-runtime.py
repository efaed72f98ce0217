#!/usr/bin/env python3
"""What conmon takes for an OCI runtime: starts BENCH_ARGV (a JSON list) on a raw terminal and hands conmon its other side."""
import array
import fcntl
import json
import os
import socket
import sys
import termios
import tty


def option(name):
    return sys.argv[sys.argv.index(name) + 1]


if "create" not in sys.argv:
    sys.exit(0)

master, slave = os.openpty()
tty.setraw(slave)
argv = json.loads(os.environ["BENCH_ARGV"])
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    os.closerange(3, 256)
    os.execv(argv[0], argv)

with open(option("--pid-file"), "w", encoding="ascii") as file:
    file.write(str(pid))
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(option("--console-socket"))
    connection.sendmsg([b"console"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))])
