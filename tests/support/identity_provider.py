"""An OpenID Connect provider on this machine: signs with RS256, and answers wrongly where a test tells it to.

It checks what a real one does: the client, the address it leads back to, PKCE, and that a code is used once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "orchestrator"
Claims = dict[str, Any]


class Provider:
    """What the provider knows; a test changes it as it likes."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client_secret = secrets.token_urlsafe(16)
        self.people: dict[str, Claims] = {}
        self.in_token = True  # the claims stand in the id token, not only in the userinfo
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] = self.signed
        self.metadata: Claims = {}
        self.codes: dict[str, tuple[str, dict[str, str]]] = {}
        self.tokens: dict[str, str] = {}
        self.ended: list[dict[str, str]] = []
        self.fails = False
        self.new_key()

    def new_key(self) -> None:
        self.kid = secrets.token_hex(4)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def signed(self, claims: Claims, **headers: Any) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid, **headers})

    def claims_of(self, name: str) -> Claims:
        return {"sub": f"id-of-{name}", "preferred_username": name, **self.people[name]}

    def id_token(self, name: str, asked: dict[str, str]) -> str:
        now = int(time.time())
        about = self.claims_of(name) if self.in_token else {"sub": f"id-of-{name}"}
        usual = {"iss": self.address, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked.get("nonce")}
        return self.sign(self.spoil({**usual, **about}))

    def described(self) -> Claims:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        ends |= {"userinfo_endpoint": "userinfo", "end_session_endpoint": "end"}
        return {
            "issuer": self.address,
            **{name: f"{self.address}/{end}" for name, end in ends.items()},
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.metadata,
        }

    def keys(self) -> Claims:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def allow(self, name: str, asked: dict[str, str]) -> str:
        """Let somebody in; returns where the browser is sent back to."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = name, asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def redeem(self, sent: dict[str, str], client: tuple[str, str]) -> Claims | None:
        name, asked = self.codes.pop(sent.get("code", ""), ("", {}))
        verifier = sent.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        fits = challenge == asked.get("code_challenge") and asked.get("code_challenge_method") == "S256"
        if not name or client != (CLIENT_ID, self.client_secret) or sent["redirect_uri"] != asked["redirect_uri"]:
            return None
        if not fits:
            return None
        token = secrets.token_urlsafe(16)
        self.tokens[token] = name
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.id_token(name, asked),
        }


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if provider.fails:
                return self.reply(503, "text/html", "<h1>down</h1>")
            if parts.path == "/.well-known/openid-configuration":
                return self.json(provider.described())
            if parts.path == "/jwks":
                return self.json(provider.keys())
            if parts.path == "/userinfo":
                name = provider.tokens.get(self.headers["Authorization"].removeprefix("Bearer "))
                return self.json(provider.claims_of(name)) if name else self.reply(401, "text/plain", "")
            if parts.path == "/authorize":
                hidden = "".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in asked.items())
                form = f'<h1>Provider</h1><form method="post">{hidden}<input name="who"><button>Go on</button></form>'
                return self.reply(200, "text/html", form)
            if parts.path == "/end":
                provider.ended.append(asked)
                return self.lead(asked["post_logout_redirect_uri"])
            return self.reply(404, "text/plain", "")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent = {name: values[0] for name, values in parse_qs(body).items()}
            if urlsplit(self.path).path == "/authorize":
                return self.lead(provider.allow(sent.pop("who"), sent))
            found = provider.redeem(sent, self.client())
            return self.json(found) if found else self.json({"error": "invalid_grant"}, 400)

        def client(self) -> tuple[str, str]:
            _, _, coded = self.headers.get("Authorization", "").partition(" ")
            name, _, secret = base64.b64decode(coded).decode().partition(":")
            return unquote(name), unquote(secret)

        def json(self, value: Any, status: int = 200) -> None:
            self.reply(status, "application/json", json.dumps(value))

        def lead(self, to: str) -> None:
            self.send_response(302)
            self.send_header("Location", to)
            self.end_headers()

        def reply(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None: ...

    return Handler


@contextmanager
def running() -> Iterator[Provider]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler(provider)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
