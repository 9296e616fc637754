"""Uploads that come as slowly as they can: what the row of 86 slow uploads is measured against."""
import contextlib
import socket
import ssl
import threading
import time

BODY = 3 * 1024 * 1024
KEPT_BACK = 14      # bytes that are sent one by one
INTERVAL = 7        # seconds between two of them
PIECE = b"a" * 65536


class SlowUploads:
    """`count` connections that announce the largest body, send nearly all of it at once and the rest byte by byte. Those that
    the server ends begin anew."""

    def __init__(self, cluster, count):
        tls = cluster.data_dir / "tls"
        self.context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
        self.context.check_hostname = False
        self.context.load_cert_chain(str(tls / "admin.crt"), str(tls / "admin.key"))
        self.port, self.count = cluster.port, count
        self.stopped = threading.Event()
        self.begun = self.ended = 0
        self.thread = threading.Thread(target=self.run)

    def begin(self):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection = self.context.wrap_socket(plain, server_hostname="localhost")
        connection.sendall(b"POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\n"
                           b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % BODY)
        for start in range(0, BODY - KEPT_BACK, len(PIECE)):
            connection.sendall(PIECE[:min(len(PIECE), BODY - KEPT_BACK - start)])
        self.begun += 1
        return connection

    def run(self):
        connections = []
        while not self.stopped.is_set():
            next_byte = time.monotonic() + INTERVAL
            while len(connections) < self.count and not self.stopped.is_set():
                with contextlib.suppress(OSError):
                    connections.append(self.begin())
            self.stopped.wait(max(0, next_byte - time.monotonic()))
            for connection in list(connections):
                try:
                    connection.sendall(b"a")
                except OSError:
                    connections.remove(connection)
                    self.ended += 1
        for connection in connections:
            connection.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
