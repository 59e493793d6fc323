"""A real server on loopback with one file, which breaks off, lies, or knows no ranges, as a test says."""

import http.server
import threading
from contextlib import contextmanager
from typing import ClassVar


class FileServer(http.server.BaseHTTPRequestHandler):
    """Serves `content` at any address; a test sets how."""

    content = b""
    ranges = True
    cut_at = None  # bytes after which the connection is closed
    status = None  # instead of an answer
    tells_length = True
    requests: ClassVar = []  # the ranges asked for

    def do_GET(self):
        wanted = self.headers.get("Range")
        type(self).requests.append(wanted)
        if self.status:
            return self.send_error(self.status)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start and start >= len(self.content):
            return self.send_error(416)
        body = self.content[start:]
        self.send_response(206 if start else 200)
        if self.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return self.wfile.write(body[: self.cut_at])

    def log_message(self, *_):
        pass


@contextmanager
def serving(content, name="list.csv"):
    """The class of a running server, whose `url` is that of the file."""
    handler = type("Handler", (FileServer,), {"requests": [], "content": content})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    handler.url = f"http://127.0.0.1:{running.server_port}/{name}"
    try:
        yield handler
    finally:
        running.shutdown()
        running.server_close()
