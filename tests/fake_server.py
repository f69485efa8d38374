#!/usr/bin/env python3
"""fake_server DIR MODE [SECONDS]: a server that is no help, on DIR/.s.PGSQL.5432.

paused    answers like a pooler whose project is paused (no SQLSTATE of PostgreSQL's)
starting  57P03 "starting up" for SECONDS, then 3D000
hang      accepts and says nothing
close     accepts and closes
"""
import os
import socket
import struct
import sys
import threading
import time

directory, mode = sys.argv[1], sys.argv[2]
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
path = os.path.join(directory, ".s.PGSQL.5432")
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o777)
listener.listen(64)
began = time.monotonic()


def error(code, text):
    body = b"SFATAL\0VFATAL\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body


def serve(client):
    try:
        while True:
            head = client.recv(8)
            if len(head) < 8:
                return
            length, code = struct.unpack("!ii", head)
            if code in (80877103, 80877104):    # SSLRequest, GSSENCRequest
                client.sendall(b"N")
                continue
            client.recv(length - 8)
            break
        if mode == "paused":
            client.sendall(error("XX000", "Tenant or user not found"))
        elif mode == "starting" and time.monotonic() - began < seconds:
            client.sendall(error("57P03", "the database system is starting up"))
        elif mode == "starting":
            client.sendall(error("3D000", 'database "x" does not exist'))
        elif mode == "hang":
            time.sleep(600)
    except OSError:
        pass
    finally:
        client.close()


while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
