from django.apps import AppConfig


class DagsConfig(AppConfig):
    """What is defined: DAGs, their versions and sources, and what they share."""

    name = "dags_app"
    verbose_name = "Definitions"
    default_auto_field = "django.db.models.BigAutoField"
