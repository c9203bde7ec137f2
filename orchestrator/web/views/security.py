"""Users, roles, personal API tokens, and who did what."""

from __future__ import annotations

from collections import Counter

from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from dags_app.models import ApiToken, AuditEntry
from orchestrator import access
from orchestrator.web.filters import Filter, Filters
from orchestrator.web.page import done, live_part, must, page
from orchestrator.web.paging import Chunk, sorted_by
from runs_app import accounts, api_tokens
from runs_app.exceptions import OrchestratorError

from .dialogs import form_view, shown, text_of

PER_PAGE = 50
SCOPES = (
    ("read", gettext_lazy("read")),
    ("trigger", gettext_lazy("read, and trigger DAGs")),
    ("", gettext_lazy("all that its role may")),
)
LIVES = (
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("a year")),
    ("", gettext_lazy("without end")),
)


@require_safe
def users_page(request: HttpRequest) -> HttpResponse:
    must(request, "admin")
    rows = (
        get_user_model().objects.prefetch_related("groups", "identities", "team_memberships__team").order_by("username")
    )
    if text := request.GET.get("q", "").strip().replace("\0", "")[:150]:
        rows = rows.filter(Q(username__icontains=text) | Q(email__icontains=text) | Q(last_name__icontains=text))
    chunk = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    users = [{"account": each, "role": accounts.role_of(each, access.ROLES)} for each in chunk.object_list]
    parts = {"rows": "security/_users.html"}
    return live_part(request, "security/users.html", parts, nav="users", chunk=chunk, users=users)


@form_view
def user_add(request: HttpRequest) -> HttpResponse:
    """Make an account; its one-time password is shown once, on the page that answers."""
    must(request, "admin")
    error, posted = "", request.POST if request.method == "POST" else {}
    role = text_of(posted, "role", 20) if posted else "viewer"
    if posted:
        try:
            name, email = text_of(posted, "username", 200), text_of(posted, "email", 254)
            account, password = accounts.make(name, role, email=email, roles=access.ROLES, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            text = gettext("Hand it over: it signs in once, and has to be replaced then.")
            title = gettext("{user} is made").format(user=account.get_username())
            back = reverse("users")
            return page(request, "security/once.html", nav="users", title=title, secret=password, text=text, back=back)
    context = {"posted": posted, "role": role, "roles": access.ROLES, "error": error, "title": gettext("Add a user")}
    return page(request, "security/user_add.html", 422 if error else 200, nav="users", **context)


@form_view
def user_edit(request: HttpRequest, user_id: int) -> HttpResponse:
    must(request, "admin")
    account = (
        get_user_model().objects.prefetch_related("groups").filter(pk=user_id).first() if user_id < 2**31 else None
    )
    if account is None:
        raise Http404(gettext("There is no such user."))
    error, role = "", accounts.role_of(account, access.ROLES)
    if request.method == "POST":
        role, is_active = text_of(request.POST, "role", 20), "is_active" in request.POST
        try:
            accounts.change(account, role, is_active, roles=access.ROLES, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(request, gettext("{user} is changed.").format(user=account.get_username()), reverse("users"))
    context = {"account": account, "role": role, "roles": access.ROLES, "error": error, "nav": "users"}
    title = gettext("Change {user}").format(user=account.get_username())
    return shown(request, "security/_user.html", status=422 if error else 200, title=title, **context)


@require_safe
def roles_page(request: HttpRequest) -> HttpResponse:
    """Which role may what: the access rules themselves, as a table."""
    must(request, "admin")
    verbs = sorted(access.LEAST_ROLE.items(), key=lambda each: (access.ROLES.index(each[1]), each[0]))
    rows = [
        (verb, [access.ROLES.index(role) >= access.ROLES.index(least) for role in access.ROLES])
        for verb, least in verbs
    ]
    people = get_user_model().objects.filter(is_active=True).prefetch_related("groups")
    held = Counter(accounts.role_of(each, access.ROLES) for each in people.iterator(500))
    counts = [(role, held[role]) for role in access.ROLES]
    return page(request, "security/roles.html", nav="roles", rows=rows, counts=counts)


@require_safe
def tokens_page(request: HttpRequest) -> HttpResponse:
    """One's own tokens; an administrator may see everybody's."""
    everybody = request.GET.get("all") == "true" and access.can(request.user, "admin")
    rows = ApiToken.objects.select_related("user")
    rows = rows if everybody else rows.filter(user_id=request.user.pk)
    chunk = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    now = timezone.now()
    context = {"everybody": everybody, "may_all": access.can(request.user, "admin"), "now": now}
    return page(request, "security/tokens.html", nav="tokens", chunk=chunk, **context)


@form_view
def token_add(request: HttpRequest) -> HttpResponse:
    """Make a token of one's own; it is shown once, on the page that answers."""
    own = access.highest_role(request.user)
    roles = access.ROLES[: access.ROLES.index(own) + 1] if own else ()
    error, posted = "" if own else gettext("An account without a role needs no token: it may do nothing."), request.POST
    if request.method == "POST" and own:
        try:
            days, role = text_of(posted, "days", 10), text_of(posted, "role", 20)
            if role and role not in roles:
                raise api_tokens.InvalidToken(gettext("A token cannot have more rights than you"))
            if days and not (days.isascii() and days.isdecimal()):
                raise api_tokens.InvalidToken(gettext("A token lives a whole number of days"))
            row, text = api_tokens.make(
                request.user,
                text_of(posted, "name", 100),
                days=int(days) if days else None,
                role=role,
                scope=text_of(posted, "scope", 10),
                dags=text_of(posted, "dags", 30_000).replace(",", " ").split(),
                user=request.user,
                now=timezone.now(),
            )
        except OrchestratorError as problem:
            error = str(problem)
        else:
            about = gettext("Send it as Authorization: Bearer TOKEN. It cannot be shown again.")
            context = {
                "title": gettext("{name} is made").format(name=row.name),
                "secret": text,
                "text": about,
                "back": reverse("tokens"),
            }
            return page(request, "security/once.html", nav="tokens", **context)
    context = {
        "posted": posted,
        "roles": roles,
        "lives": LIVES,
        "scopes": SCOPES,
        "error": error,
        "title": gettext("Make a token"),
    }
    return page(request, "security/token_add.html", 422 if error else 200, nav="tokens", **context)


@require_POST
def token_revoke(request: HttpRequest) -> HttpResponse:
    """End a token of one's own, or as an administrator anybody's."""
    sent = text_of(request.POST, "token", 20)
    rows = ApiToken.objects.filter(pk=int(sent) if sent.isascii() and sent.isdecimal() and len(sent) < 19 else 0)
    row = rows.first() if access.can(request.user, "admin") else rows.filter(user_id=request.user.pk).first()
    if row is None or not api_tokens.revoke(row.pk, user=request.user, now=timezone.now()):
        return done(request, gettext("There is no such token any more."), reverse("tokens"))
    return done(request, gettext("{name} is revoked.").format(name=row.name), reverse("tokens"))


EVENTS = (
    Filter("dag_id", "DAG", "dag_id", first=True),
    Filter("event", gettext_lazy("Event"), "event", first=True),
    Filter("owner", gettext_lazy("Who"), "actor", first=True),
    Filter("run_id", gettext_lazy("Run id"), "run_id"),
    Filter("task_id", gettext_lazy("Task"), "task_id"),
    Filter("map_index", gettext_lazy("Map index"), "map_index", "number"),
    Filter("when", gettext_lazy("When"), "at", "time"),
)
EVENT_SORTS = {"when": "at", "dag_id": "dag_id", "event": "event", "owner": "actor", "id": "pk"}


@require_safe
def events_page(request: HttpRequest) -> HttpResponse:
    """The audit log: who did what."""
    must(request, "read_audit")
    filters = Filters(request, EVENTS)
    rows, sort = sorted_by(request, filters.narrow(AuditEntry.objects.all()), EVENT_SORTS, "-id")
    context = {"nav": "events", "chunk": Chunk(request, rows), "filters": filters, "sort": sort}
    return live_part(request, "security/events.html", {"rows": "security/_events.html"}, **context)
