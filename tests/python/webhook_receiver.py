"""A receiver of webhooks on the official `standardwebhooks` package. It refuses the first try of every message, and
every message that is not signed as it must be.

The port is told on the first line of its output. `POST /secret` sets the secret, `GET /seen` tells of all tries.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

secret = None
seen = []


class Receiver(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, seen)

    def do_POST(self):
        global secret
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/secret":
            secret = body.decode()
            return self.answer(200, {})
        if self.path == "/elsewhere":
            self.send_response(307)
            self.send_header("location", "/hook")
            self.end_headers()
            return None
        name = self.headers["webhook-id"]
        try:
            event = Webhook(secret).verify(body, dict(self.headers.items()))
            fault = None
        except Exception as error:  # Whatever it is, it is what the test must hear of.
            event, fault = None, repr(error)
        is_first = all(one["id"] != name for one in seen)
        seen.append({"id": name, "event": event, "fault": fault})
        return self.answer(500 if is_first or fault else 204, {})

    def answer(self, status, value):
        body = b"" if status == 204 else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
sys.stdin.close()
server.serve_forever()
