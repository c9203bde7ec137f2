"""A mail server that keeps what it is handed."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of SMTP as it takes to be handed a mail."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails: list[tuple[list[str], email.message.EmailMessage]] = []


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 here")
        recipients: list[str] = []
        for raw in self.rfile:
            line = raw.decode().strip()
            word = line.upper()[:4]
            if word == "RCPT":
                recipients.append(line.partition("<")[2].rstrip(">"))
            if word == "DATA":
                self._say("354 go on")
                self._take(recipients)
            self._say("221 bye" if word == "QUIT" else "250 fine")
            if word == "QUIT":
                return

    def _take(self, recipients: list[str]) -> None:
        lines = []
        for raw in self.rfile:
            if raw == b".\r\n":
                break
            lines.append(raw[1:] if raw.startswith(b"..") else raw)
        mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.server.mails.append((list(recipients), mail))  # type: ignore[attr-defined]

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def running() -> Iterator[Mailbox]:
    with Mailbox() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()
