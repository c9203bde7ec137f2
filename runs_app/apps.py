from django.apps import AppConfig


class RunsConfig(AppConfig):
    """What happens: runs, task instances, attempts and the processes that carry them."""

    name = "runs_app"
    verbose_name = "Runs"
    default_auto_field = "django.db.models.BigAutoField"
