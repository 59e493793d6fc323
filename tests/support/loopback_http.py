"""HTTP of the loopback server: answers that stall, drip, break off or are slow, as a fault says."""

import datetime as dt
import json
import select
import socket
import ssl
import struct
import sys
import tempfile
import time
from dataclasses import dataclass, field
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class Hit:
    """One request; `sent` grows as pieces of the body leave, `status` is None where no head was sent."""

    server: str  # "player" or "media"
    ytid: str  # or the name of a plain file
    method: str
    path: str
    itag: int | None
    range: str | None
    status: int | None = None
    sent: int = 0
    monotonic_s: float = field(default_factory=time.monotonic)
    wall_s: float = field(default_factory=time.time)


class Server(ThreadingHTTPServer):
    """A server that a client's end does not upset."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Report bugs; that clients go away in the middle is what tests are about."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers of either server; `tube` plans what goes wrong and keeps the log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, tube, *args):
        self.tube = tube
        super().__init__(*args)

    def log_message(self, format, *args):
        """Say nothing: the log is the tube's."""

    def serve(self, server, ytid, itag, answer):
        """Log the request and answer it by `answer(hit, fault)`."""
        hit = Hit(server, ytid, self.command, self.path, itag, self.headers["Range"])
        fault = self.tube.arrived(hit)
        try:
            if fault and fault.kind == "status":
                error = json.dumps({"error": {"code": fault.status, "message": responses[fault.status]}})
                headers = {} if fault.retry_after_s is None else {"Retry-After": fault.retry_after_s}
                self.reply(hit, error.encode(), "application/json", headers, status=fault.status)
            else:
                answer(hit, fault)
        finally:
            self.tube.answered(hit)

    def reply(self, hit, body, mime="text/plain", headers=None, *, status=200, fault=None):
        """Send an answer, or as much of it as the fault lets through."""
        kind = fault.kind if fault else ""
        if kind in ("stall", "reset") and fault.after_bytes is None:
            return self.fall(kind)
        self.send_response(status)
        for name, value in {"Content-Type": mime, "Content-Length": len(body), **(headers or {})}.items():
            self.send_header(name, str(value))
        hit.status = status
        self.end_headers()
        if self.command == "HEAD":
            return None
        if kind in ("stall", "reset", "truncated"):
            self.push(hit, body[: fault.part_of(len(body))])
            return self.fall(kind)
        return self.push(hit, body, fault.bytes_per_s if kind == "drip" else None)

    def push(self, hit, body, bytes_per_s=None):
        """Send bytes, at most so many a second."""
        step = max(1, int(bytes_per_s / 20)) if bytes_per_s else 1 << 16
        for start in range(0, len(body), step):
            if start and bytes_per_s and self.tube.stopped.wait(step / bytes_per_s):
                return self.fall("truncated")
            piece = body[start : start + step]
            hit.sent += len(piece)  # before it leaves, so that a client that has it all sees all of it logged
            self.wfile.write(piece)
        return None

    def fall(self, kind):
        """End the connection: "stall" waits until the client goes, "reset" breaks it, else it is closed."""
        self.close_connection = True
        if kind == "stall":
            while not self.tube.stopped.is_set() and not select.select([self.connection], [], [], 0.1)[0]:
                pass
        elif kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()


def self_signed() -> ssl.SSLContext:
    """Make a certificate that no one trusts; an elliptic curve keeps handshakes cheap."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    draft = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = draft.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate.public_bytes(pem))
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        file.flush()
        context.load_cert_chain(file.name)
    return context
