#!/usr/bin/env python3
"""The demo's front end: a guestbook that keeps its entries in Redis.

    GET  /          the page
    POST /entries   adds the form field `text`, then redirects to /
    GET  /entries   the entries as JSON, newest first
    GET  /version   the version of this image and the pod that answers
    GET  /healthz   200 while the process works
    GET  /readyz    200 while Redis answers and the process is not about to stop

Settings come from the environment: PORT, STORE_HOST, STORE_PORT, STORE_PASSWORD, TITLE, POD_NAME, DRAIN_SECONDS. None
begins with REDIS_: those are the names that pods get for a Service called redis.
"""
import html
import http.server
import json
import os
import pathlib
import signal
import socket
import threading
import urllib.parse

VERSION = (pathlib.Path(__file__).parent / "VERSION").read_text().strip()
PORT = int(os.environ.get("PORT", "8080"))
DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "3"))
KEY = "guestbook:entries"
LONGEST_ENTRY = 500
KEPT_ENTRIES = 100

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem; color: #1b2733; }}
h1 {{ color: #0b6e6e; }} form {{ display: flex; gap: .5rem; }} input {{ flex: 1; font: inherit; padding: .4rem; }}
button {{ font: inherit; padding: .4rem 1rem; }} li {{ margin: .4rem 0; }} footer {{ color: #75818d; font-size: .85rem; }}
</style><h1>{title}</h1>
<form method="post" action="/entries"><input name="text" maxlength="500" placeholder="Leave a line" autofocus>
<button>Sign</button></form><ul>{entries}</ul><footer>version {version}, answered by {pod}</footer></html>"""


class Redis:
    """One command a connection, in the RESP protocol: enough for a guestbook and safe across restarts of the server."""

    def __init__(self):
        self.address = (os.environ.get("STORE_HOST", "redis"), int(os.environ.get("STORE_PORT", "6379")))
        self.password = os.environ.get("STORE_PASSWORD", "")

    def call(self, *words):
        with socket.create_connection(self.address, timeout=2) as connection:
            with connection.makefile("rwb") as stream:
                if self.password:
                    self._send(stream, ("AUTH", self.password))
                    self._read(stream)
                self._send(stream, words)
                return self._read(stream)

    @staticmethod
    def _send(stream, words):
        stream.write(b"*%d\r\n" % len(words))
        for word in words:
            data = str(word).encode()
            stream.write(b"$%d\r\n%s\r\n" % (len(data), data))
        stream.flush()

    def _read(self, stream):
        line = stream.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return [self._read(stream) for _ in range(int(rest))]
        raise OSError(f"redis: {rest.decode(errors='replace') or 'closed the connection'}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    redis = Redis()
    stopping = threading.Event()

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/healthz":
            self.answer(200, "ok")
        elif path == "/version":
            self.answer_json({"version": VERSION, "pod": os.environ.get("POD_NAME", "")})
        elif path == "/readyz":
            self.ready()
        elif path in ("/", "/entries"):
            self.entries(path)
        else:
            self.answer(404, "no such page")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urllib.parse.urlsplit(self.path).path != "/entries":
            return self.answer(404, "no such page")
        text = urllib.parse.parse_qs(body.decode(errors="replace")).get("text", [""])[0].strip()
        if not text or len(text) > LONGEST_ENTRY:
            return self.answer(400, f"text must have 1 to {LONGEST_ENTRY} characters")
        try:
            self.redis.call("LPUSH", KEY, text)
            self.redis.call("LTRIM", KEY, 0, KEPT_ENTRIES - 1)
        except OSError as fault:
            return self.answer(503, f"the store does not answer: {fault}")
        self.answer(303, "", [("Location", "/")])

    def ready(self):
        if self.stopping.is_set():
            return self.answer(503, "stopping")
        try:
            self.redis.call("PING")
        except OSError as fault:
            return self.answer(503, f"the store does not answer: {fault}")
        self.answer(200, "ok")

    def entries(self, path):
        try:
            entries = self.redis.call("LRANGE", KEY, 0, KEPT_ENTRIES - 1)
        except OSError as fault:
            return self.answer(503, f"the store does not answer: {fault}")
        if path == "/entries":
            return self.answer_json(entries)
        page = PAGE.format(title=html.escape(os.environ.get("TITLE", "Guestbook")), version=html.escape(VERSION),
                           pod=html.escape(os.environ.get("POD_NAME", "this machine")),
                           entries="".join(f"<li>{html.escape(entry)}</li>" for entry in entries))
        self.answer(200, page, [("Content-Type", "text/html; charset=utf-8")])

    def answer_json(self, value):
        self.answer(200, json.dumps(value, ensure_ascii=False), [("Content-Type", "application/json")])

    def answer(self, status, text, headers=()):
        data = text.encode()
        self.send_response(status)
        if not any(name == "Content-Type" for name, _ in headers):
            self.send_header("Content-Type", "text/plain; charset=utf-8")
        for name, value in headers:
            self.send_header(name, value)
        if self.stopping.is_set():
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *arguments):
        print(f"{self.address_string()} {format % arguments}", flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128


def main():
    server = Server(("", PORT), Handler)

    def stop(_signal, _frame):
        # The node still sends requests here until every proxy has heard that this pod goes: serve them first.
        Handler.stopping.set()
        threading.Timer(DRAIN_SECONDS, server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print(f"guestbook {VERSION} listens on port {PORT}", flush=True)
    server.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
