"""Signing in by an OpenID Connect provider: the protocol is Authlib's; what is asked, and what is believed, stands here."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from runs_app.exceptions import OrchestratorError

log = logging.getLogger(__name__)

SKEW_SECONDS = 60
KNOWN_SECONDS = 3600.0
"""What a provider says of itself, its keys above all, is asked anew after so long: one that it took back ends then."""
TIMEOUT_SECONDS = 10
SIGNATURES = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Of public keys only: a token signed with a shared secret, or not at all, could be anybody's."""


class ProviderError(OrchestratorError):
    """The provider cannot be asked, or answered something that cannot be believed; details are in the server's log."""

    status = 502


class StaleSignIn(OrchestratorError):
    """The answer belongs to no sign-in that this browser began, or to one that is over."""

    status = 400


class Refused(OrchestratorError):
    """The provider, or the person there, said no."""

    status = 403


@dataclass(frozen=True, slots=True)
class Person:
    """Who came in, as the provider says."""

    issuer: str
    subject: str
    name: str
    email: str
    groups: tuple[str, ...]
    id_token: str = ""


def is_on() -> bool:
    return bool(settings.ORCH.oidc_issuer)


def begin(request: HttpRequest, redirect_uri: str, after: str) -> str:
    """Return the provider's address to send the browser to; what was asked is kept in the session until the answer.

    Raises:
        ProviderError: it does not answer.
    """
    app = provider()
    asked = app.create_authorization_url(redirect_uri)
    app.save_authorize_data(request, redirect_uri=redirect_uri, after=after, **asked)
    return str(asked["url"])


def finish(request: HttpRequest) -> tuple[Person, str]:
    """Return who came back from the provider, and where she wanted to go.

    Raises:
        StaleSignIn, Refused, ProviderError: nobody came in.
    """
    from authlib.integrations.base_client import OAuthError
    from joserfc.errors import JoseError

    app = provider()
    state = request.GET.get("state", "")[:200]
    asked = app.framework.get_state_data(request.session, state) if state else None
    if not asked:
        raise StaleSignIn("This sign-in was begun elsewhere, or is over")
    if request.GET.get("error"):
        app.framework.clear_state_data(request.session, state)  # one answer to one question
        log.warning("oidc_refused error=%r", request.GET["error"][:100])
        raise Refused("The provider let nobody in")
    try:
        with _as_provider_error():
            token = app.authorize_access_token(request, leeway=SKEW_SECONDS, claims_options=_claims_options())
            claims = token.get("userinfo")
            if not claims:
                raise ProviderError("The provider sent no id_token")
            return _person(app, token, dict(claims)), str(asked.get("after") or "/")
    except (OAuthError, JoseError) as error:
        log.warning("oidc_not_believed error=%s", _short(error))
        raise ProviderError("What the provider sent does not hold") from error


def end_session_url(id_token: str, back: str) -> str:
    """Return where the provider's own session ends; "" where it offers no such address or cannot be asked."""
    try:
        app = provider()
        if not app.load_server_metadata().get("end_session_endpoint"):
            return ""
        asked = {"post_logout_redirect_uri": back, "client_id": app.client_id}
        return str(app.create_logout_url(id_token_hint=id_token or None, **asked)["url"])
    except ProviderError:
        return ""  # signing out here must not depend on somebody else


# ---- what is believed


def _claims_options() -> dict[str, Any]:
    return {
        "iss": {"essential": True, "value": settings.ORCH.oidc_issuer},
        "aud": {"essential": True, "value": settings.ORCH.oidc_client_id},
        "sub": {"essential": True},
    }


def _person(app: Any, token: dict[str, Any], claims: dict[str, Any]) -> Person:
    conf = settings.ORCH
    names = (conf.oidc_user_claim, conf.oidc_email_claim, conf.oidc_groups_claim)
    if any(_claim(claims, name) is None for name in names) and app.server_metadata.get("userinfo_endpoint"):
        more = dict(app.userinfo(token=token))
        if more.get("sub") != claims["sub"]:
            raise ProviderError("The provider speaks of two people at once")
        claims = more | claims
    email = _text(_claim(claims, conf.oidc_email_claim))
    if claims.get("email_verified") is False:
        email = ""  # anybody can have written it there
    found = _claim(claims, conf.oidc_groups_claim)
    groups = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return Person(
        issuer=conf.oidc_issuer,
        subject=str(claims["sub"])[:255],
        name=email if conf.oidc_user_claim == conf.oidc_email_claim else _text(_claim(claims, names[0])) or email,
        email=email,
        groups=tuple(each for each in groups if isinstance(each, str)),
        id_token=str(token.get("id_token", "")),
    )


def _claim(claims: dict[str, Any], name: str) -> Any:
    """Return a claim; one whose whole name is there comes before one that dots lead to."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


# ---- the provider


_lock = threading.Lock()
_known: tuple[float, Any] | None = None


def provider() -> Any:
    """Return Authlib's client of the provider, with what the provider says of itself.

    Raises:
        ProviderError: it does not answer, or is not the one that is configured.
    """
    global _known
    with _lock:
        if _known is None or time.monotonic() - _known[0] > KNOWN_SECONDS:
            _known = time.monotonic(), _ask()
        return _known[1]


def forget() -> None:
    """Ask the provider anew at the next sign-in."""
    global _known
    _known = None


def _ask() -> Any:
    conf = settings.ORCH
    try:
        from authlib.integrations.django_client import OAuth
    except ImportError as error:
        raise ProviderError("Signing in by OpenID Connect needs the packages of orchestrator[oidc]") from error
    if not conf.oidc_client_id:
        raise ProviderError("ORCHESTRATOR_OIDC_CLIENT_ID is not set")
    app = OAuth().register(
        "oidc",
        client_id=conf.oidc_client_id,
        client_secret=_secret() or None,
        server_metadata_url=conf.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={
            "scope": " ".join(conf.oidc_scopes),
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
            **({} if _secret() else {"token_endpoint_auth_method": "none"}),
        },
    )
    with _as_provider_error():
        metadata = app.load_server_metadata()
        if metadata.get("issuer") != conf.oidc_issuer:
            raise ProviderError(f"The provider calls itself {metadata.get('issuer')!r}, not {conf.oidc_issuer!r}")
        _check_addresses(metadata)
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [each for each in offered if each in SIGNATURES]
        return app


def _check_addresses(metadata: dict[str, Any]) -> None:
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        parts = urlsplit(str(metadata.get(name, "")))
        plain = urlsplit(settings.ORCH.oidc_issuer).scheme == "http"  # a provider on this machine
        if parts.scheme != "https" and not (plain and parts.scheme == "http"):
            raise ProviderError(f"The provider's {name} is not an https address")


def _secret() -> str:
    if settings.ORCH.oidc_secret_file:
        try:
            return Path(settings.ORCH.oidc_secret_file).read_text().strip()
        except OSError as error:
            raise ProviderError("The file with the client's secret cannot be read") from error
    return os.environ.get("ORCHESTRATOR_OIDC_CLIENT_SECRET", "")


@contextmanager
def _as_provider_error() -> Iterator[None]:
    """Whatever a provider can make go wrong is its error, not a defect of ours."""
    import requests

    try:
        yield
    except (requests.RequestException, ValueError, KeyError, TypeError, RuntimeError) as error:
        log.warning("oidc_provider_failed error=%s", _short(error))
        raise ProviderError("The provider cannot be asked right now") from error


def _short(error: BaseException) -> str:
    """An error without what was sent: a token must not come into a log."""
    return f"{type(error).__name__}: {getattr(error, 'error', '')} {getattr(error, 'description', '')}"[:300].strip()
