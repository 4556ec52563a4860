"""An HTTP/2 client whose every frame a scenario can make by hand: python3-h2's codec over a Wire's socket."""
import struct

import h2.config
import h2.connection
import h2.events

from wire import PATIENCE


class Answer:
    """What has come of one stream."""

    def __init__(self):
        self.interim = []
        self.fields = []
        self.body = b""
        self.trailers = []
        self.ended = False
        self.reset = None  # the error code

    @property
    def status(self):
        return int(self.get(":status"))

    def get(self, name):
        values = [value for known, value in self.fields if known == name]
        return values[0] if len(values) == 1 else None

    @property
    def is_over(self):
        return self.ended or self.reset is not None


class Http2Client:
    """Over SOCK, TLS with h2 chosen, to AUTHORITY where a request says no other."""

    def __init__(self, sock, authority):
        sock.settimeout(PATIENCE)
        assert sock.selected_alpn_protocol() == "h2", sock.selected_alpn_protocol()
        self.sock = sock
        self.authority = authority
        self.buffer = b""
        self.answers = {}
        self.pings = 0
        self.goaway = None  # the error code
        self.slow = set()  # streams whose window is not made anew
        self.codec = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="latin-1", validate_outbound_headers=False,
            normalize_outbound_headers=False, validate_inbound_headers=True))
        self.codec.initiate_connection()
        self.flush()

    def close(self):
        self.sock.close()

    def flush(self):
        self.sock.sendall(self.codec.data_to_send())

    def send(self, data):
        """Bytes as they are, behind what the codec has to say."""
        self.flush()
        self.sock.sendall(data)

    # ---- what is sent ------------------------------------------------------------

    def fields(self, method, path, *more, authority=None):
        return [(":method", method), (":scheme", "https"), (":authority", authority or self.authority),
                (":path", path), *more]

    def open(self, fields, end=True):
        """A stream with FIELDS as they are; its number."""
        stream = self.codec.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.codec.send_headers(stream, fields, end_stream=end)
        self.flush()
        return stream

    def body(self, stream, data, end=True):
        """DATA as the windows let it go."""
        while data:
            room = min(self.codec.local_flow_control_window(stream), self.codec.max_outbound_frame_size)
            if room == 0:
                self.more()
                continue
            self.codec.send_data(stream, data[:room])
            data = data[room:]
            self.flush()
        if end:
            self.codec.end_stream(stream)
            self.flush()

    def reset(self, stream, code=8):
        self.codec.reset_stream(stream, code)
        self.flush()

    # ---- what comes ---------------------------------------------------------------

    def more(self):
        """One read; False at the end."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        for event in self.receive(data):
            self.take(event)
        if not self.goaway:
            self.flush()
        return bool(data)

    def receive(self, data):
        """What DATA tells, frame by frame, so that GOAWAY is seen before what follows it."""
        self.buffer += data
        while len(self.buffer) >= 9 and len(self.buffer) >= 9 + int.from_bytes(self.buffer[:3], "big"):
            length = 9 + int.from_bytes(self.buffer[:3], "big")
            frame_bytes, self.buffer = self.buffer[:length], self.buffer[length:]
            yield from self.codec.receive_data(frame_bytes)

    def take(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
            if event.error_code == 0:  # streams go on, which the codec does not know
                self.codec.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        elif isinstance(event, h2.events.PingAckReceived):
            self.pings += 1
        elif answer is None:
            pass
        elif isinstance(event, h2.events.InformationalResponseReceived):
            answer.interim.append(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.ResponseReceived):
            answer.fields = event.headers
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if event.stream_id not in self.slow and event.flow_controlled_length:
                self.codec.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code

    def until(self, condition):
        while not condition():
            if not self.more():
                raise EOFError("the connection ended")

    def wait(self, stream):
        """The whole answer, or what there is of it when the stream was reset."""
        self.until(lambda: self.answers[stream].is_over)
        return self.answers[stream]

    def get(self, path, *more, method="GET", authority=None):
        return self.wait(self.open(self.fields(method, path, *more, authority=authority)))

    def ended(self):
        """Reads to the connection's end."""
        while self.more():
            pass
        return True


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
