"""A report by mail and a line in a Slack channel; when a task fails, a notification says so.

Packages: smtp, slack. Connections: ``smtp_default``, ``slack_default`` (Slack webhook).
"""

from airflow.providers.slack.operators.slack_webhook import SlackWebhookOperator
from airflow.providers.smtp.notifications.smtp import send_smtp_notification
from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.sdk import DAG, task

with DAG("tell_people", tags=["providers", "smtp", "slack"]) as dag:
    mail = EmailOperator(
        task_id="mail",
        to="sales@example.com",
        from_email="orchestrator@example.com",
        subject="Sales of {{ run_id }}",
        html_content="<h1>All sold</h1>",
    )
    line = SlackWebhookOperator(task_id="line", slack_webhook_conn_id="slack_default", message="Sold: {{ run_id }}")

    @task(
        on_failure_callback=send_smtp_notification(
            from_email="orchestrator@example.com",
            to="oncall@example.com",
            subject="{{ ti.task_id }} failed",
            html_content="{{ run_id }}",
        )
    )
    def fail_if_wanted(**context):
        if context["dag_run"].conf.get("fail"):
            raise RuntimeError("as wanted")

    [mail, line] >> fail_if_wanted()
