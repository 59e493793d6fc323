"""Secrets of yt-dlp's options, through a real proxy, with all that goes wrong: not one byte of them is left."""

import base64
import os
import select
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest
from loopback_faults import Fault
from loopback_youtube import ydl_params

from audiosetzsl.clips.reading import read_parts
from audiosetzsl.manifest import SCHEMA, load_manifest_table, provenance_of, write_manifest
from audiosetzsl.workspace import Workspace

ROOT = Path(__file__).parents[3]
USER, PASSWORD = "proxy-user-7d1", "pr0xy%40pass-b3a"
LOGIN = base64.b64encode(b"proxy-user-7d1:pr0xy@pass-b3a").decode()
TOKEN = "PoTokenQmFzZTY0-5e7"
COOKIE = "cookie-value-9c2"
JAR = "cookie-jar-of-mine"
HEADER = "header-value-4f8"
SECRETS = (USER, PASSWORD, "pr0xy@pass-b3a", LOGIN, TOKEN, COOKIE, JAR, HEADER)
PLANS = {
    "fine_______": [],
    "private____": [Fault("player", "message", message="private")],
    "bot_check__": [Fault("player", "message", message="bot_check")],
    "status_429_": [Fault("player", "status", status=429, retry_after_s=1)],
    "status_500_": [Fault("player", "status", status=500)],
    "player_gone": [Fault("player", "reset")],
    "stalled____": [Fault("player", "stall")],
    "media_403__": [Fault("media", "status", status=403)],
    "media_gone_": [Fault("media", "reset", after_bytes=0)],
    "media_stall": [Fault("media", "stall")],
    "truncated__": [Fault("media", "cut", after_bytes=100_000)],
    "hls_refused": [Fault("player", "formats", itags=()), Fault("media", "status", status=403, skip=1)],
    "hls_fine___": [Fault("player", "formats", itags=())],
}
ANSWERS = {
    "fine_______": "ok",
    "private____": "private",
    "bot_check__": "bot_check",
    "status_429_": "rate_limited",
    "status_500_": "api_error",
    "player_gone": "api_error",
    "stalled____": "api_error",
    "media_403__": "media_http",
    "media_gone_": "truncated",
    "media_stall": "stalled",
    "truncated__": "truncated",
    "hls_refused": "media_http",
    "hls_fine___": "ok",
}


class Proxy(BaseHTTPRequestHandler):
    """Lets those pass who know the password, and counts them."""

    passed = 0
    refused = 0

    def log_message(self, format, *args):
        pass

    def do_CONNECT(self):
        if self._knows():
            host, port = self.path.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as there:
                self.send_response(200)
                self.end_headers()
                self._pass_on(there)

    def do_GET(self):
        """Fetch by an address in full, as for plain http."""
        if self._knows():
            host, port = self.path.split("/")[2].rsplit(":", 1)
            path = "/" + self.path.split("/", 3)[3]
            with socket.create_connection((host, int(port))) as there:
                kept = [
                    f"{k}: {v}"
                    for k, v in self.headers.items()
                    if not k.lower().startswith(("proxy-", "connection"))
                ]
                there.sendall(
                    "\r\n".join([f"GET {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode(
                        "latin-1"
                    )
                )
                self._pass_on(there)

    def _knows(self):
        if self.headers["Proxy-Authorization"] == f"Basic {LOGIN}":
            Proxy.passed += 1
            return True
        Proxy.refused += 1
        self.send_response(407)
        self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def _pass_on(self, there):
        self.close_connection = True
        ends = {self.connection: there, there: self.connection}
        while True:
            for ready in select.select(list(ends), [], [], 30)[0]:
                try:
                    data = ready.recv(1 << 16)
                except OSError:
                    data = b""
                if not data:
                    return
                ends[ready].sendall(data)


@pytest.fixture
def proxy():
    Proxy.passed = Proxy.refused = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def manifest_of(ytids):
    rows = [
        {
            "segment_id": f"{ytid}_3000",
            "ytid": ytid,
            "start_s": 3.0,
            "end_s": 6.0,
            "class_name": "dog",
            "seen": True,
            "split": "train",
            "source": "unbalanced",
            "line": line,
            "mids": ["/m/0bt9lr"],
        }
        for line, ytid in enumerate(sorted(ytids), start=4)
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


@pytest.fixture
def place(tmp_path):
    place = Workspace(tmp_path / "w")
    write_manifest(manifest_of(PLANS), place.manifest, provenance_of(load_manifest_table()))
    return place


@pytest.fixture
def options(server, tmp_path, proxy):
    """The configuration file, and the variable: both hold secrets."""
    jar = tmp_path / JAR / "cookies.txt"
    jar.parent.mkdir()
    jar.write_text(
        "# Netscape HTTP Cookie File\n"
        f"127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tSID\t{COOKIE}\n"
        f"a line that is not understood {COOKIE}\n"
    )
    settings = ydl_params(server.player_port, hls=True)["extractor_args"]["youtube"]
    settings["po_token"] = [f"web.gvs+{TOKEN}"]
    words = ";".join(f"{name}={','.join(values)}" for name, values in settings.items())
    config = tmp_path / "yt-dlp.conf"
    config.write_text(
        f"--cookies {jar.parent.as_posix()}/cookies.txt\n--extractor-args 'youtube:{words}'\n"
        f"--add-headers X-Mine:{HEADER}\n--no-check-certificates --socket-timeout 0.5 --extractor-retries 0\n"
    )
    line = f"--proxy http://{USER}:{PASSWORD}@127.0.0.1:{proxy} --verbose --print-traffic --dump-pages"
    return config, line


def run(place, options, *more):
    """The stage as a user runs it; gives all that it printed."""
    config, line = options
    command = [sys.executable, "-m", "flows", "fetch-clips", "--workspace", place.root, "--source", "youtube"]
    command += [
        "--rate",
        "3600000",
        "--canaries",
        "canary_____",
        "--threads",
        "4",
        "--yt-dlp-config",
        config,
        *more,
    ]
    # Nothing of the environment keeps the proxy from being used.
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | {"AZSL_YT_DLP": line}
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, timeout=100
    )
    return done.returncode, done.stdout + done.stderr


def leaks(place, printed):
    """Secrets that are to be found, and where."""
    found = [(secret, "printed") for secret in SECRETS if secret.encode() in printed]
    files = [path for path in place.root.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        found += [
            (secret, path.name) for secret in SECRETS if secret.encode() in content or secret in str(path)
        ]
    return found


def test_nothing_of_the_options_is_written_or_printed_whatever_goes_wrong(server, place, options):
    server.faults.update(PLANS)
    server.hls.update({"media_403__", "hls_refused", "hls_fine___"})
    code, printed = run(place, options)
    rows = read_parts(place.clips, ("segment_id", "verdict", "message")).to_pylist()
    verdicts = {row["segment_id"][:11]: row["verdict"] for row in rows}
    assert code == 0, printed.decode()
    assert verdicts == ANSWERS
    assert all(row["message"] for row in rows if row["verdict"] != "ok")
    assert Proxy.passed > 2 * len(PLANS), "all went through the proxy"
    assert leaks(place, printed) == []
    assert not list((place.root / "scratch").glob("*"))


def test_nor_where_the_proxy_refuses_the_password(server, place, options):
    config, line = options
    write_manifest(manifest_of(["fine_______"]), place.manifest, provenance_of(load_manifest_table()))
    wrong = line.replace(PASSWORD, "wr0ng-word-1a2")
    # The canary fails, the egress pauses: the run is ended from here.
    command = [
        sys.executable,
        "-m",
        "flows",
        "fetch-clips",
        "--workspace",
        str(place.root),
        "--source",
        "youtube",
    ]
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | {"AZSL_YT_DLP": wrong}
    with subprocess.Popen(
        [*command, "--canaries", "canary_____", "--yt-dlp-config", str(config)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        printed = b""
        while b"no canary is alive" not in printed:
            piece = os.read(process.stdout.fileno(), 4096)
            assert piece, printed.decode()
            printed += piece
        os.killpg(process.pid, 9)
        printed += process.stdout.read()
    assert Proxy.refused >= 1 and Proxy.passed == 0
    assert b"wr0ng" not in printed and leaks(place, printed) == []
    assert not [p for p in place.root.rglob("*") if p.is_file() and b"wr0ng" in p.read_bytes()]
