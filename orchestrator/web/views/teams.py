"""Teams: who belongs to them, and which DAGs are theirs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from dags_app.models import Dag, Team
from orchestrator.web.page import done, form_view, must, page
from runs_app import teams
from runs_app.exceptions import OrchestratorError

from .dialogs import shown, text_of

MOST_SHOWN = 200
LONGEST_RULES = 100_000


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    must(request, "admin")
    rows = Team.objects.annotate(people=Count("members"))
    return page(request, "security/teams.html", nav="teams", teams=rows)


@form_view
def add(request: HttpRequest) -> HttpResponse:
    must(request, "admin")
    error, posted = "", request.POST if request.method == "POST" else {}
    if posted:
        try:
            name, about = text_of(posted, "name", 60), text_of(posted, "description", 500)
            rules = read_rules(text_of(posted, "rules", LONGEST_RULES))
            team = teams.make(name, description=about, rules=rules, user=request.user, now=timezone.now())
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(request, gettext("{name} is made").format(name=team.name) + ".", _address(team))
    context = {"posted": posted, "error": error, "title": gettext("Add a team"), "rules": posted.get("rules", "")}
    return page(request, "security/team_add.html", 422 if error else 200, nav="teams", **context)


@form_view
def team_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """A team with its members and its DAGs; with POST its description and its rules change."""
    team, error = _team(request, team_id), ""
    text = "\n".join(" ".join(rule) for rule in team.rules)
    if request.method == "POST":
        text = text_of(request.POST, "rules", LONGEST_RULES)
        try:
            about = text_of(request.POST, "description", 500)
            teams.change(team, description=about, rules=read_rules(text), user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(request, gettext("{name} is changed.").format(name=team.name), _address(team))
    dags = Dag.objects.filter(teams.owned(team)).filter(is_stale=False).order_by("dag_id")
    context = {"team": team, "rules": text, "error": error, "count": dags.count(), "dags": dags[:MOST_SHOWN]}
    context |= {"members": team.members.select_related("user").order_by("user__username"), "roles": teams.ROLES}
    return page(request, "security/team.html", 422 if error else 200, nav="teams", **context)


@require_POST
def members(request: HttpRequest, team_id: int) -> HttpResponse:
    """Take somebody in, or out."""
    team = _team(request, team_id)
    name = text_of(request.POST, "username", 150)
    account = get_user_model().objects.filter(username=name).first()
    if account is None:
        return done(request, gettext("There is no user {name}.").format(name=name), _address(team))
    try:
        teams.put_member(team, account, text_of(request.POST, "role", 20), user=request.user)
    except OrchestratorError as problem:
        return done(request, f"{problem}.", _address(team))
    return done(request, gettext("{name} is changed.").format(name=team.name), _address(team))


@form_view
def delete(request: HttpRequest, team_id: int) -> HttpResponse:
    team = _team(request, team_id)
    if request.method == "POST":
        teams.delete(team, user=request.user)
        return done(request, gettext("{name} is deleted.").format(name=team.name), reverse("teams"))
    title = gettext("Delete {name}").format(name=team.name)
    return shown(request, "security/_team_delete.html", nav="teams", team=team, count=team.members.count(), title=title)


def read_rules(text: str) -> list[list[str]]:
    """Read rules, one a line: what kind it is, then what it names."""
    return [[*line.split(maxsplit=1), ""][:2] for line in text.splitlines() if line.strip()]


def _team(request: HttpRequest, team_id: int) -> Team:
    must(request, "admin")
    found = Team.objects.filter(pk=team_id).first() if team_id < 2**63 else None
    if found is None:
        raise Http404(gettext("There is no such team."))
    return found


def _address(team: Any) -> str:
    return reverse("team", args=[team.pk])
