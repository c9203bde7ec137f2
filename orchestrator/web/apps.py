from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WebConfig(AppConfig):
    """The pages. An app so that its template tags are found, and that roles exist once the tables do."""

    name = "orchestrator.web"
    label = "web"
    verbose_name = "Pages"

    def ready(self) -> None:
        from orchestrator.access import make_roles

        post_migrate.connect(make_roles, sender=self, dispatch_uid="orchestrator.roles")
