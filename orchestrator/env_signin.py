"""What the environment says of signing in by an OpenID Connect provider; nothing of it is on without an issuer."""

from __future__ import annotations

from urllib.parse import urlsplit

from .setting import Setting, words, yes_or_no

ROLES = ("viewer", "user", "op", "admin")
TEAM_ROLES = ("viewer", "user")


def issuer(text: str) -> str:
    """Read the provider's address: over plain HTTP anybody on the way could say who somebody is."""
    parts = urlsplit(text)
    near = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if (parts.scheme != "https" and not (parts.scheme == "http" and near)) or not parts.hostname:
        raise ValueError("https://host/path")
    return text


def roles(text: str) -> dict[str, str]:
    """Read ``group=role, ...``; a group's name may hold "=", not a comma."""
    found = _pairs(text)
    for role in found.values():
        if role not in ROLES:
            raise ValueError(f"GROUP=ROLE, ... with roles of {', '.join(ROLES)}")
    return found


def teams(text: str) -> dict[str, tuple[str, str]]:
    """Read ``group=team:role, ...``; without a role its members may see."""
    found = {}
    for group, value in _pairs(text).items():
        team, _, role = value.partition(":")
        if not team or (role or "viewer") not in TEAM_ROLES:
            raise ValueError(f"GROUP=TEAM:ROLE, ... with roles of {', '.join(TEAM_ROLES)}")
        found[group] = team, role or "viewer"
    return found


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        group, sign, value = (part.strip() for part in each.rpartition("="))
        if not (sign and group and value):
            raise ValueError("GROUP=..., GROUP=...")
        found[group] = value
    return found


SETTINGS = (
    Setting(
        "ORCHESTRATOR_LOCAL_SIGN_IN", "local_sign_in", yes_or_no, True, "false: superusers only sign in by password"
    ),
    Setting("ORCHESTRATOR_OIDC_ISSUER", "oidc_issuer", issuer, "", "OpenID Connect provider; empty = none"),
    Setting("ORCHESTRATOR_OIDC_CLIENT_ID", "oidc_client_id", str, "", "what the provider calls this installation"),
    Setting(
        "ORCHESTRATOR_OIDC_CLIENT_SECRET_FILE", "oidc_secret_file", str, "", "file that holds the secret of the client"
    ),
    Setting("ORCHESTRATOR_OIDC_LABEL", "oidc_label", str, "OpenID Connect", "name of the provider on the sign-in page"),
    Setting(
        "ORCHESTRATOR_OIDC_SCOPES",
        "oidc_scopes",
        words,
        ["openid", "profile", "email"],
        "what the provider is asked for",
    ),
    Setting(
        "ORCHESTRATOR_OIDC_USER_CLAIM",
        "oidc_user_claim",
        str,
        "preferred_username",
        "claim with the user name; where it is missing, the mail address",
    ),
    Setting("ORCHESTRATOR_OIDC_EMAIL_CLAIM", "oidc_email_claim", str, "email", "claim with the mail address"),
    Setting(
        "ORCHESTRATOR_OIDC_GROUPS_CLAIM",
        "oidc_groups_claim",
        str,
        "groups",
        "claim with the groups; dots lead inwards: `realm_access.roles`",
    ),
    Setting(
        "ORCHESTRATOR_OIDC_ROLES",
        "oidc_roles",
        roles,
        {},
        "`GROUP=ROLE, ...`, the highest counts, `*` is everybody; empty = roles are given here, not there",
    ),
    Setting(
        "ORCHESTRATOR_OIDC_TEAMS",
        "oidc_teams",
        teams,
        {},
        "`GROUP=TEAM:ROLE, ...`: memberships in teams; roles are viewer and user",
    ),
    Setting(
        "ORCHESTRATOR_OIDC_CREATE_USERS", "oidc_create_users", yes_or_no, True, "accounts are made at first sign-in"
    ),
    Setting(
        "ORCHESTRATOR_OIDC_LINK_USERS",
        "oidc_link_users",
        yes_or_no,
        False,
        "an account of the same name is taken over; only where nobody can choose his name at the provider",
    ),
    Setting(
        "ORCHESTRATOR_OIDC_SESSION_HOURS",
        "oidc_session_hours",
        float,
        12.0,
        "h after which the provider is asked again, and groups count anew",
    ),
)

READ_ELSEWHERE = {
    "ORCHESTRATOR_OIDC_CLIENT_SECRET": (
        "none: a public client",
        "secret of the client at the OpenID Connect provider, where it is in no file",
    ),
}
