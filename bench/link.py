#!/usr/bin/env python3
"""link.py SERVER PORT COUNTS [DELAY_MS [BYTES_PER_S [MARK]]]: a slow link before a server's Unix socket, or its port of loopback.

Every byte arrives DELAY_MS later (75) and not faster than BYTES_PER_S (1 250 000, 10 Mbit/s; 0: any rate, and then as much is on
its way as the ends' own windows allow) in its direction. Each connection that ends adds a line "up down" to COUNTS: bytes to the server, bytes from it.
With a MARK there are "up down turns" more: those from the first message that holds the mark, turns being how often the client
sent something after it had got something.
"""
import asyncio
import sys

path, port, counts = sys.argv[1], int(sys.argv[2]), sys.argv[3]
delay = float(sys.argv[4]) / 1000 if len(sys.argv) > 4 else 0.075
rate = float(sys.argv[5]) if len(sys.argv) > 5 else 1.25e6
mark = sys.argv[6].encode() if len(sys.argv) > 6 else None


class Marked:
    """What passed since the mark did."""

    def __init__(self):
        self.seen, self.up, self.down, self.turns, self.last_up = False, 0, 0, 0, False

    def sent(self, data, up):
        if up and mark and mark in data:
            self.seen = True
        if not self.seen:
            return
        self.turns += up and not self.last_up
        self.last_up = up
        if up:
            self.up += len(data)
        else:
            self.down += len(data)


async def carry(reader, writer, total, marked, is_up):
    """Reads no further ahead than the link would: what is on its way is delay x rate, and one chunk."""
    loop, queue, free_at = asyncio.get_running_loop(), asyncio.Queue(maxsize=64 if rate else 0), 0.0
    if not rate:
        writer.transport.set_write_buffer_limits(high=1 << 26)

    async def deliver():
        while (due := await queue.get()) is not None:
            await asyncio.sleep(max(0, due[0] - loop.time()))
            writer.write(due[1])
            await writer.drain()
        writer.close()

    task = asyncio.create_task(deliver())
    while data := await reader.read(16384 if rate else 1 << 18):
        total[0] += len(data)
        marked.sent(data, is_up)
        free_at = max(loop.time(), free_at) + (len(data) / rate if rate else 0)
        await queue.put((free_at + delay, data))
    await queue.put(None)
    await task


async def serve(reader, writer):
    up, down, marked = [0], [0], Marked()
    if path.isdigit():
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", int(path), limit=1 << 24)
    else:
        server_reader, server_writer = await asyncio.open_unix_connection(path)
    await asyncio.gather(carry(reader, server_writer, up, marked, True), carry(server_reader, writer, down, marked, False), return_exceptions=True)
    with open(counts, "a") as out:
        out.write(" ".join(map(str, [up[0], down[0]] + ([marked.up, marked.down, marked.turns] if mark else []))) + "\n")


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 24 if not rate else 1 << 16)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
