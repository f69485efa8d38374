#!/usr/bin/env python3
"""delay PORT TARGET-PORT MS: a TCP relay on loopback that holds each byte MS milliseconds, either way, at any rate."""
import asyncio
import socket
import sys


async def relay(reader, writer, seconds):
    """Reads at once and writes later: what is on its way is bounded by nothing but the ends' own windows."""
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()

    async def write():
        while True:
            due, data = await queue.get()
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if not data:
                break
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    task = asyncio.create_task(write())
    try:
        while data := await reader.read(1 << 18):
            queue.put_nowait((loop.time() + seconds, data))
    except ConnectionError:
        pass
    queue.put_nowait((loop.time() + seconds, b""))
    try:
        await task
    except ConnectionError:
        pass


async def serve(reader, writer, target, seconds):
    try:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target, limit=1 << 24)
    except OSError:
        writer.close()
        return
    for end in (writer, there_writer):
        end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.transport.set_write_buffer_limits(high=1 << 26)
    await asyncio.gather(relay(reader, there_writer, seconds), relay(there_reader, writer, seconds))
    writer.close()
    there_writer.close()


async def main():
    port, target, ms = (int(a) for a in sys.argv[1:4])
    server = await asyncio.start_server(lambda r, w: serve(r, w, target, ms / 1000), "127.0.0.1", port, limit=1 << 24)
    async with server:
        await server.serve_forever()


asyncio.run(main())
