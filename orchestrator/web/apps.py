from django.apps import AppConfig


class WebConfig(AppConfig):
    """The pages. An app only so that its template tags are found."""

    name = "orchestrator.web"
    label = "web"
    verbose_name = "Pages"
