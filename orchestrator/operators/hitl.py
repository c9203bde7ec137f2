"""Asking people: the task writes down what it asks, gives its slot back, and goes on with the answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from orchestrator.sdk.comms import ask
from orchestrator.sdk.exceptions import (
    HITLRejectException,
    HITLTimeoutError,
    HITLTriggerEventError,
    TaskAwaitingInput,
)
from orchestrator.sdk.operator import BaseOperator, as_list
from orchestrator.sdk.pages import page_of
from orchestrator.sdk.params import param_json

from .branch import follow, stop_below

Json = dict[str, Any]


class HITLOperator(BaseOperator):
    """Asks people to choose of ``options``, and to fill in ``params``; returns what they chose.

    The result is ``{"chosen_options", "params_input", "responded_at", "responded_by_user"}``. ``body`` is Markdown.
    ``multiple`` allows more than one option. Without an answer within ``response_timeout`` the ``defaults`` are
    taken, or the task fails where there are none. Only ``assigned_users`` (``{"id", "name"}``, the id is the name
    somebody signs in by) may answer, where there are any. ``notifiers`` are called once the question stands.
    """

    template_fields: Collection[str] = ("subject", "body")
    ui_color = "#dfe3ff"

    def __init__(
        self,
        *,
        subject: str,
        options: list[str],
        body: str | None = None,
        defaults: str | list[str] | None = None,
        multiple: bool = False,
        params: Mapping[str, Any] | None = None,
        notifiers: Any = None,
        assigned_users: Any = None,
        response_timeout: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.subject, self.body, self.options, self.multiple = subject, body, options, multiple
        self.defaults = [defaults] if isinstance(defaults, str) else defaults
        self.params = dict(params or {})  # the fields of the form, not values of the run
        self.notifiers = as_list(notifiers)
        self.assigned_users = [_user(each) for each in as_list(assigned_users)]
        if self.execution_timeout is not None and response_timeout is None:
            # Until version 3.2 this said how long people have; as a limit of the attempt it would say nothing.
            response_timeout, self.execution_timeout = self.execution_timeout, None
        self.response_timeout = response_timeout
        self.hitl_summary_extra: Json = {}
        self._check_question()

    def _check_question(self) -> None:
        if not self.options:
            raise ValueError('"options" cannot be empty.')
        if "_options" in self.params:
            raise ValueError('"_options" is not allowed in params')
        if self.defaults is None:
            return
        if not set(self.defaults).issubset(self.options):
            raise ValueError(f'defaults "{self.defaults}" should be a subset of options "{self.options}"')
        if not self.multiple and len(self.defaults) > 1:
            raise ValueError('More than one defaults given when "multiple" is set to False.')

    @property
    def serialized_params(self) -> dict[str, Json]:
        return {name: param_json(value) for name, value in self.params.items()}

    @property
    def hitl_summary(self) -> Json:
        """What was asked, and once it is known what was answered, for listeners."""
        named = ("subject", "body", "options", "defaults", "multiple", "assigned_users")
        found = {name: getattr(self, name) for name in named}
        return {**found, "serialized_params": self.serialized_params or None, **self.hitl_summary_extra}

    def execute(self, context: Any) -> Any:
        ask(
            "ask_people",
            subject=self.subject,
            body=self.body,
            options=self.options,
            defaults=self.defaults,
            multiple=self.multiple,
            params=self.serialized_params,
            assigned_users=self.assigned_users,
        )
        self.log.info("Waiting for response")
        for notifier in self.notifiers:
            notifier(context)
        raise TaskAwaitingInput(method_name="execute_complete", timeout=self.response_timeout)

    def execute_complete(self, context: Any, event: Json) -> Any:
        """Go on with the answer."""
        if "error" in event:
            self.hitl_summary_extra["error_type"] = event["error_type"]
            timed_out = event["error_type"] == "timeout"
            raise HITLTimeoutError(event["error"]) if timed_out else HITLTriggerEventError(event["error"])
        chosen, values = event["chosen_options"], event["params_input"] or {}
        self.validate_chosen_options(chosen)
        self.validate_params_input(values)
        found = {"chosen_options": chosen, "params_input": values}
        found |= {name: event[name] for name in ("responded_at", "responded_by_user")}
        at = event["responded_at"]
        self.hitl_summary_extra |= found | {"responded_at": at.isoformat() if isinstance(at, datetime) else at}
        return found

    def validate_chosen_options(self, chosen_options: list[str]) -> None:
        """Override to check more; what is raised fails the task."""
        if unknown := set(chosen_options) - set(self.options):
            raise ValueError(f"Responses {unknown} not in {self.options}")

    def validate_params_input(self, params_input: Mapping[str, Any]) -> None:
        """Override to check more; what is raised fails the task."""
        if self.params and params_input and set(self.params) != set(params_input):
            raise ValueError(f"params_input {params_input} does not match params {self.params}")
        self.params = {**self.params, **params_input}

    # ---- links

    def generate_link_to_ui(
        self,
        *,
        task_instance: Any,
        base_url: str | None = None,
        options: str | list[str] | None = None,
        params_input: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the address of the page that asks, for people who can sign in, with this answer filled in."""
        query = self._answer(options, params_input)
        query["map_index"] = task_instance.map_index
        ti = task_instance
        page = page_of(ti.dag_id, ti.run_id, ti.task_id, base_url=base_url)
        return f"{page}/required_actions?{urlencode(query, doseq=True)}"

    def generate_personal_link(
        self, user: str, *, options: str | list[str] | None = None, params_input: Mapping[str, Any] | None = None
    ) -> str:
        """Return an address by which ``user``, and nobody else, answers this one question without signing in.

        Send it to that person alone: whoever opens it answers in their name. It is good for a week at most, for
        one answer, and for as long as the account may answer.
        """
        return str(ask("answer_link", user=user, answer=self._answer(options, params_input)))

    def _answer(self, options: str | list[str] | None, params_input: Mapping[str, Any] | None) -> Json:
        chosen = [options] if isinstance(options, str) else list(options or ())
        if unknown := set(chosen) - set(self.options):
            raise ValueError(f"options {unknown} are not valid options")
        if unknown := set(params_input or {}) - set(self.params):
            raise ValueError(f"params {unknown} are not valid params")
        return ({"_options": chosen} if chosen else {}) | dict(params_input or {})

    @staticmethod
    def generate_link_to_ui_from_context(
        *,
        context: Any,
        base_url: str | None = None,
        options: list[str] | None = None,
        params_input: Mapping[str, Any] | None = None,
    ) -> str:
        """As :meth:`generate_link_to_ui`, for notifiers."""
        task = context["task"]
        if not isinstance(task, HITLOperator):
            raise ValueError("This method only supports HITLOperator")
        return task.generate_link_to_ui(
            task_instance=context["task_instance"], base_url=base_url, options=options, params_input=params_input
        )


def upsert_hitl_detail(
    ti_id: Any,
    options: list[str],
    subject: str,
    body: str | None = None,
    defaults: list[str] | None = None,
    multiple: bool = False,
    params: Mapping[str, Any] | None = None,
    assigned_users: Any = None,
) -> None:
    """Write down what a task asks, for operators of packages that raise :class:`TaskAwaitingInput` themselves.

    ``ti_id`` says nothing: a task can ask for itself alone. Each of ``params`` is ``{"value", "description", "schema"}``.
    """
    ask(
        "ask_people",
        subject=subject,
        body=body,
        options=options,
        defaults=defaults,
        multiple=multiple,
        params=dict(params or {}),
        assigned_users=[_user(each) for each in as_list(assigned_users)],
    )


def _user(given: Any) -> dict[str, str]:
    """An assigned user as ``{"id", "name"}``; a name alone is both."""
    if isinstance(given, str):
        return {"id": given, "name": given}
    return {"id": str(given["id"]), "name": str(given["name"])}


class ApprovalOperator(HITLOperator):
    """Asks for approval. A "Reject" skips what is directly below (``ignore_downstream_trigger_rules``: all below).

    ``fail_on_reject`` fails the task instead. Teardowns are never skipped.
    """

    APPROVE, REJECT = "Approve", "Reject"
    FIXED_ARGS = ("options", "multiple")
    skips = "short_circuit"

    def __init__(
        self, *, ignore_downstream_trigger_rules: bool = False, fail_on_reject: bool = False, **kwargs: Any
    ) -> None:
        for name in self.FIXED_ARGS:
            if name in kwargs:
                raise ValueError(f"Passing {name} to ApprovalOperator is not allowed.")
        super().__init__(options=[self.APPROVE, self.REJECT], multiple=False, **kwargs)
        self.ignore_downstream_trigger_rules, self.fail_on_reject = ignore_downstream_trigger_rules, fail_on_reject
        self.hitl_summary_extra |= {
            "ignore_downstream_trigger_rules": ignore_downstream_trigger_rules,
            "fail_on_reject": fail_on_reject,
        }

    def execute_complete(self, context: Any, event: Json) -> Any:
        found = super().execute_complete(context, event)
        approved = found["chosen_options"][:1] == [self.APPROVE]
        self.hitl_summary_extra["approved"] = approved
        if approved:
            self.log.info("Approved. Proceeding with downstream tasks...")
        elif self.fail_on_reject:
            raise HITLRejectException('Receive "Reject"')
        else:
            self.log.info("Skipping downstream tasks")
            stop_below(self, context, self.ignore_downstream_trigger_rules)
        return found


class HITLBranchOperator(HITLOperator):
    """Follows what people choose: options are task ids, or stand for those that ``options_mapping`` gives them."""

    skips = "branch"

    def __init__(self, *, options_mapping: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options_mapping = dict(options_mapping or {})
        if unknown := sorted(set(self.options_mapping) - set(self.options)):
            raise ValueError(f"`options_mapping` contains keys that are not in `options`: {unknown}")
        if wrong := {key: value for key, value in self.options_mapping.items() if not isinstance(value, str)}:
            raise ValueError(f"`options_mapping` values must be strings (task_ids).\nInvalid entries: {wrong}")
        self.hitl_summary_extra["options_mapping"] = self.options_mapping

    def execute_complete(self, context: Any, event: Json) -> Any:
        found = super().execute_complete(context, event)
        branches = [self.options_mapping.get(option, option) for option in found["chosen_options"]]
        self.hitl_summary_extra["branches_to_execute"] = branches
        follow(self, context, branches)
        return branches


class HITLEntryOperator(HITLOperator):
    """Asks people to fill in ``params``; its one option is "OK", and the default."""

    OK = "OK"

    def __init__(self, **kwargs: Any) -> None:
        if "options" not in kwargs:
            kwargs["options"] = [self.OK]
            kwargs.setdefault("defaults", [self.OK])
        super().__init__(**kwargs)
