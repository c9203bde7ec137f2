"""The DAGs that people starred: a matter of each user's own, which changes nothing for others."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from dags_app.models import Dag, FavoriteDag


def marked(dags: QuerySet[Dag], user: Any) -> QuerySet[Dag]:
    """Add to each DAG whether it is a favorite of the user, as ``is_favorite``."""
    return dags.annotate(is_favorite=Exists(FavoriteDag.objects.filter(dag=OuterRef("pk"), user_id=user.pk)))


def narrowed(dags: QuerySet[Dag], user: Any, wanted: bool = True) -> QuerySet[Dag]:
    """Keep the user's favorites, or all the others."""
    starred = Exists(FavoriteDag.objects.filter(dag=OuterRef("pk"), user_id=user.pk))
    return dags.filter(starred if wanted else ~starred)


def star(dag_id: str, *, user: Any) -> bool:
    """Make a DAG a favorite of the user; False where it was one."""
    return FavoriteDag.objects.get_or_create(user_id=user.pk, dag_id=dag_id)[1]


def unstar(dag_id: str, *, user: Any) -> bool:
    """Make a DAG no favorite of the user any more; False where it was none."""
    return bool(FavoriteDag.objects.filter(user_id=user.pk, dag_id=dag_id).delete()[0])
