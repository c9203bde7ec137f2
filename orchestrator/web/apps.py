from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class WebConfig(AppConfig):
    """The pages. An app so that its template tags are found, and that roles exist once the tables do."""

    name = "orchestrator.web"
    label = "web"
    verbose_name = "Pages"

    def ready(self) -> None:
        from orchestrator.access import make_roles

        from . import checks  # noqa: F401  # registers them

        # Sent for apps with models only, so not for this one; the groups are a table of auth's.
        post_migrate.connect(make_roles, sender=apps.get_app_config("auth"), dispatch_uid="orchestrator.roles")


class SiteConfig(AdminConfig):
    """Makes our site the one that models register with."""

    default_site = "orchestrator.web.adminsite.Site"
