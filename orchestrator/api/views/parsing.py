"""Having a DAG file read again without it having changed."""

from __future__ import annotations

from django.core import signing
from django.http import Http404, JsonResponse
from rest_framework.request import Request

from orchestrator import access
from orchestrator.api.base import ApiView, null
from orchestrator.api.scope import must
from runs_app import parsing


class ParseFileView(ApiView):
    """PUT /api/v2/parseDagFile/{file_token}: the DAG processor reads the file again, within seconds."""

    def put(self, request: Request, file_token: str) -> JsonResponse:
        try:
            bundle, path = signing.loads(file_token, salt="dag file")
        except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
            raise Http404("No file has this token") from error
        dags = access.visible_dags(request.user).filter(file__bundle_name=bundle, file__relative_path=path)
        dag = dags.first()
        if dag is None:
            raise Http404("No file has this token")
        must(request.user, "edit", dag)
        parsing.ask(dag.file_id, user=request.user)
        return null(201)
