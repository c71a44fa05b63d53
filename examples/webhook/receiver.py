"""Receives alerts of Outflow's channel webhook, and keeps each once in a directory. Python 3.9, nothing else.

    WEBHOOK_SECRET=... python3 receiver.py alerts 8080
"""

import hashlib
import hmac
import http.server
import os
import pathlib
import re
import sys
import tempfile
import time

SIGNATURE = re.compile(r"t=([0-9]+),v1=([0-9a-f]{64})")
KEY = re.compile(r"[0-9a-z.]{1,100}")  # it becomes a file's name
OLDEST = 5 * 60  # seconds; an older request may be a copy of one that somebody has seen
LARGEST = 8 << 20  # bytes of a body


def signed(header, body, secret, now):
    """Whether a body was signed with the secret within the last minutes."""
    m = SIGNATURE.fullmatch(header)
    if not m or abs(now - int(m[1])) > OLDEST:
        return False
    want = hmac.new(secret, m[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(want, m[2])  # in constant time


def store(directory, key, body):
    """Writes an alert to the disk. Returns False if it was there: an answer was lost, and it was sent again."""
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(body)
            f.flush()
            os.fsync(f.fileno())
        os.link(temporary, pathlib.Path(directory) / f"{key}.json")
        return True
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)


class Receiver(http.server.BaseHTTPRequestHandler):
    secret = b""
    directory = "."

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        if size > LARGEST:
            return self.send_error(413)
        body = self.rfile.read(size)
        if not signed(self.headers.get("X-Outflow-Signature", ""), body, self.secret, time.time()):
            return self.send_error(401, "the signature is not valid")
        key = self.headers.get("Idempotency-Key", "")
        if not KEY.fullmatch(key):
            return self.send_error(400, "no Idempotency-Key")
        # The answer comes after the alert is stored. An exception ends the connection, and Outflow sends it again.
        new = store(self.directory, key, body)
        self.send_response(201 if new else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    Receiver.secret = os.environ["WEBHOOK_SECRET"].encode()
    Receiver.directory = sys.argv[1]
    os.makedirs(Receiver.directory, mode=0o700, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver)
    print(server.server_address[1], flush=True)  # port 0 takes any
    server.serve_forever()
