"""Stars: each person her own."""

from __future__ import annotations

from django.test import Client

from dags_app.models import Dag, FavoriteDag
from tests.support import factories


def test_a_star_is_put_and_taken_away_and_asking_twice_is_no_mistake(viewer: Client, shop: Dag):
    for on, stars in (("true", 1), ("true", 1), ("false", 0), ("false", 0)):
        assert viewer.post("/dags/shop/favorite", {"on": on}).status_code == 302
        assert FavoriteDag.objects.count() == stars
    viewer.post("/dags/shop/favorite", {"on": "true"})
    assert 'aria-pressed="true"' in viewer.get("/dags/shop").content.decode()


def test_a_star_is_seen_by_whoever_put_it_only(viewer: Client, client_of, shop: Dag):
    viewer.post("/dags/shop/favorite", {"on": "true"})
    assert 'aria-pressed="true"' not in client_of("user").get("/dags/shop").content.decode()


def test_a_deleted_dag_takes_its_stars_along(viewer: Client, user: Client, shop: Dag):
    viewer.post("/dags/shop/favorite", {"on": "true"})
    user.post("/dags/shop/delete", {"sure": "yes", "name": "shop"})
    assert not Dag.objects.exists()
    assert not FavoriteDag.objects.exists()


def test_the_api_stars_lists_and_refuses_as_airflow_does(viewer: Client, shop: Dag):
    factories.make_dag("other")
    assert viewer.post("/api/v2/dags/shop/favorite").status_code == 204
    again = viewer.post("/api/v2/dags/shop/favorite")
    assert (again.status_code, again.json()["detail"]) == (409, "Dag is already marked as favorite")
    assert viewer.get("/api/v2/dags/shop/details").json()["is_favorite"] is True
    for wanted, found in (("true", ["shop"]), ("false", ["other"])):
        rows = viewer.get(f"/api/v2/dags?is_favorite={wanted}").json()["dags"]
        assert [row["dag_id"] for row in rows] == found
    assert viewer.post("/api/v2/dags/shop/unfavorite").status_code == 204
    gone = viewer.post("/api/v2/dags/shop/unfavorite")
    assert (gone.status_code, gone.json()["detail"]) == (409, "Dag is not marked as favorite")
