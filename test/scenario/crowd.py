"""Many connections at once from one thread: an echo origin and a crowd of clients on asyncio."""
import asyncio
import resource
import threading

from wire import PATIENCE


def raise_descriptor_limit(wanted):
    """Lets this process and its children have WANTED descriptors; how many they may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class CrowdOrigin:
    """An origin on an event loop of its own; TALK is a coroutine of (reader, writer)."""

    def __init__(self, talk=None):
        self.talk = talk or self.echo
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.started.wait(PATIENCE)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=8192))
        self.port = self.server.sockets[0].getsockname()[1]
        self.started.set()
        self.loop.run_forever()

    async def serve(self, reader, writer):
        try:
            await self.talk(reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def echo(reader, writer):
        await CrowdOrigin.echo_from(b"", reader, writer)

    @staticmethod
    async def echo_from(first, reader, writer):
        """Sends back FIRST, which has been read, and all that follows."""
        writer.write(first)
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    def event(self):
        """An event of the origin's loop and the function that sets it from another thread."""
        event = asyncio.run_coroutine_threadsafe(self.make_event(), self.loop).result(PATIENCE)
        return event, lambda: self.loop.call_soon_threadsafe(event.set)

    @staticmethod
    async def make_event():
        return asyncio.Event()

    def close(self):
        def stop():
            self.server.close()
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.call_soon(self.loop.stop)
        self.loop.call_soon_threadsafe(stop)
        self.thread.join(PATIENCE)


async def open_tunnel(port, authority):
    """(reader, writer) of a tunnel to AUTHORITY through the proxy on PORT."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return reader, writer


async def gather_bounded(coroutines, at_once=64):
    """All of them, AT_ONCE at a time; their results in order."""
    gate = asyncio.Semaphore(at_once)

    async def one(coroutine):
        async with gate:
            return await coroutine
    return await asyncio.gather(*[one(coroutine) for coroutine in coroutines])
