"""For clients that know no proxy: each connection to `port` goes on in a tunnel of its own, byte for byte."""
import socket
import threading

import wire


class Pump:
    """To AUTHORITY by CONNECT through PROXY, with FIELDS. A tunnel that is refused ends the connection, and what
    the proxy said is in `refused`."""

    def __init__(self, proxy, authority, *fields):
        self.proxy = proxy
        self.authority = authority
        self.fields = fields
        self.refused = []
        self.wires = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.wires.append(wire.Wire(sock))
            threading.Thread(target=self.serve, args=(self.wires[-1],), daemon=True).start()

    def serve(self, client):
        tunnel = self.proxy.connect()
        self.wires.append(tunnel)
        answer = tunnel.tunnel(self.authority, *self.fields)
        if answer.status != 200:
            self.refused.append(answer)
            client.close()
            return
        back = threading.Thread(target=self.carry, args=(tunnel, client), daemon=True)
        back.start()
        self.carry(client, tunnel)
        back.join()
        client.close()
        tunnel.close()

    @staticmethod
    def carry(source, sink):
        """Until SOURCE ends; then SINK is told so, the other way goes on."""
        try:
            while source.buffer or source.more():
                data, source.buffer = source.buffer, b""
                sink.send(data)
            sink.half_close()
        except OSError:
            pass  # the other side has gone; its reader sees that

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.wires:
            one.close()
