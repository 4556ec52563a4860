"""WebSocket inside of an inspected tunnel, by a library at both ends: frames go both ways after the 101.

The handshake is a request as any other; what follows it are bytes that nobody looks into. The connection that was made and
verified for the tunnel stays in the pool: an upgrade dials one of its own.
"""
import asyncio
import importlib.util
import ssl

from harness import PATIENCE
from test_clients import skip_without
from test_inspect import Inspected


class Site:
    """What stands in for an origin: a WebSocket server that greets, then says everything backwards."""

    def __init__(self, pair):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.closes = []
        self.over = asyncio.Event()

    async def talk(self, socket, *_):
        import websockets
        await socket.send("welcome")  # first, and unasked
        try:
            while True:
                await socket.send((await socket.recv())[::-1])
        except websockets.ConnectionClosed:
            self.closes.append((socket.close_code, socket.close_reason))
            self.over.set()


@skip_without([] if importlib.util.find_spec("websockets") else ["python3-websockets"])
class WebSocket(Inspected):
    def converse(self, names=("origin.test",), talk=None):
        """Runs TALK(socket) at the client's end, once the gate stands with NAMES declared; the origin."""
        return asyncio.run(asyncio.wait_for(self.run_both(names, talk), 2 * PATIENCE))

    async def run_both(self, names, talk):
        import websockets
        site = Site(self.pki.issue("origin", "origin.test"))
        loop = asyncio.get_running_loop()
        server = await websockets.serve(site.talk, "127.0.0.1", 0, ssl=site.context)
        site.port = server.sockets[0].getsockname()[1]
        await loop.run_in_executor(None, self.start, site, names)
        client = await loop.run_in_executor(None, self.open_tunnel)
        async with websockets.connect(f"wss://origin.test:{site.port}/feed?token=1", sock=client.sock,
                                      ssl=ssl.create_default_context(cafile=self.root),
                                      server_hostname="origin.test", compression=None) as socket:
            await talk(socket)
        await site.over.wait()
        server.close()  # and is not waited for: it would wait for the connection in the pool
        return site

    def open_tunnel(self):
        client = self.keep(self.gate.connect())
        self.assertEqual(client.tunnel(f"origin.test:{self.port}").status, 200)
        client.sock.settimeout(None)
        return client

    async def exchange(self, socket):
        self.assertEqual(await socket.recv(), "welcome")
        for message in ("", "text", bytes(range(256)) * 1000):
            await socket.send(message)
            self.assertEqual(await socket.recv(), message[::-1])
        await (await socket.ping())
        for number in range(100):  # many at once, the answers in order
            await socket.send(str(number))
        self.assertEqual([await socket.recv() for _ in range(100)],
                         [str(number)[::-1] for number in range(100)])
        await socket.close(4001, "enough")

    def test_frames_go_both_ways_after_the_handshake(self):
        site = self.converse(talk=self.exchange)
        self.assertEqual(site.closes, [(4001, "enough")])
        [decision] = self.gate.wait_log(event="decision", method="GET")
        self.assertEqual((decision["verdict"], decision["host"]), ("allow", "origin.test"))
        [close] = self.gate.wait_log(event="close", id=decision["id"])
        self.assertEqual((close["status"], close["outcome"]), (101, "ok"))
        self.assertGreater(min(close["bytes_up"], close["bytes_down"]), 256000)
        self.assertNotIn("token", "\n".join(self.gate.log_lines()))

    def test_a_new_policy_ends_an_open_one(self):
        import websockets

        async def talk(socket):
            self.assertEqual(await socket.recv(), "welcome")
            await asyncio.get_running_loop().run_in_executor(None, self.gate.declare, [])
            with self.assertRaises(websockets.ConnectionClosed):
                await socket.recv()
        self.converse(talk=talk)
        self.gate.wait_log(event="close", status=101, outcome="revoked")
