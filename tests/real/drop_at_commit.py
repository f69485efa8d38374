"""A TCP forwarder to a Unix socket that loses one connection at the COMMIT of a writing transaction.

    drop_at_commit.py PORT SOCKET before|after     before: the server never sees the COMMIT; after: it does, but its
                                                   answer is lost. Later connections are left alone.
"""
import select
import socket
import sys
import threading

port, path, when = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dropped = threading.Event()


def serve(client):
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    writing = False
    while True:
        for end in select.select([client, server], [], [])[0]:
            data = end.recv(65536)
            if not data:
                client.close()
                server.close()
                return
            if end is server:
                client.sendall(data)
                continue
            writing |= b"txid_current()" in data
            if writing and data.endswith(b"COMMIT\0") and not dropped.is_set():
                dropped.set()
                if when == "after":
                    server.sendall(data)
                    server.recv(65536)
                client.close()
                server.close()
                return
            server.sendall(data)


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
