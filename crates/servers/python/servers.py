"""What Python's servers serve: one page that tells a token, as ASGI, as WSGI, and with http.server.

Run as a program it is http.server: its arguments are the port, the version of HTTP, and how long a connection may be
idle in seconds.
"""

import http.server
import os
import sys

PAGE = "/index.html"


def answer(path):
    """Status and body."""
    if path == PAGE:
        return 200, os.environ["TOKEN"].encode()
    return 404, b"no such page"


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    status, body = answer(scope["path"])
    fields = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def wsgi(environment, start):
    status, body = answer(environment["PATH_INFO"])
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start("200 OK" if status == 200 else "404 Not Found", fields)
    return [body]


class Files(http.server.SimpleHTTPRequestHandler):
    # It writes head and body apart: with Nagle each answer on a kept connection waits for a delayed acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    port, Files.protocol_version, idle = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    # What socketserver calls timeout is set on the connection: it also ends an idle one.
    Files.timeout = idle
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Files).serve_forever()
