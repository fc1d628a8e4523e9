"""What a request to Label Studio takes and need not."""

from __future__ import annotations

import importlib
from typing import Any

from .patches import Closed, patch, takes

SLOWER = "Label Studio's answers come later."
# Of what is kept, so much at most.
MOST_KEPT = 10_000


@patch("slash-at-once", SLOWER)
def append_slash_at_once() -> None:
    """Look for a page at its address with a slash at the end before it is not found without.

    Label Studio's own pages leave the slash out. It then makes the whole page that says "not
    found", throws it away, and answers anew.
    """
    from django.urls import is_valid_path
    from django.utils.deprecation import MiddlewareMixin

    # Label Studio's own package of this name, not labelpilot's.
    module = importlib.import_module("core.middleware")
    middleware = module.CommonMiddlewareAppendSlashWithoutRedirect
    takes(middleware.process_request, "self", "request")
    takes(middleware.process_response, "self", "request", "response")
    if "process_request" in vars(middleware) or not issubclass(middleware, MiddlewareMixin):
        raise Closed("slashes are appended in another way")
    checked = middleware.process_request

    def process_request(self: Any, request: Any) -> Any:
        answer = checked(self, request)
        path = request.path_info
        if answer is None and not path.endswith("/"):
            configuration = getattr(request, "urlconf", None)
            if not is_valid_path(path, configuration) and is_valid_path(f"{path}/", configuration):
                request.path_info = f"{path}/"
                request.path = f"{request.path}/"
        return answer

    middleware.process_request = process_request


@patch("flags-at-once", "Each task that is listed or imported takes longer to come.")
def keep_flags() -> None:
    """Keep what a flag of Label Studio's features is for somebody.

    It works that out of a file anew for each task that it lists or imports. The file is read at the
    start and never again.
    """
    from django.conf import settings

    flags = importlib.import_module("core.feature_flags").base
    client, describe = flags.client, flags.get_user_repr
    takes(client.variation, "key", "context", "default")
    takes(client.is_initialized)
    takes(describe, "user")
    if not (settings.FEATURE_FLAGS_FROM_FILE or settings.FEATURE_FLAGS_OFFLINE):
        raise Closed("flags can change while it runs")
    asked, known = client.variation, dict[tuple[str, str, str], Any]()
    described = dict[tuple[str, int], Any]()

    def get_user_repr(user: Any) -> Any:
        # By whom their organization was made, for which the database is asked, stays the same.
        if user.is_anonymous or user.active_organization_id is None:
            return describe(user)
        person = (user.email, user.active_organization_id)
        if person not in described:
            if len(described) >= MOST_KEPT:
                described.clear()
            described[person] = describe(user)
        return described[person]

    def variation(key: str, context: Any, default: Any) -> Any:
        question = (key, repr(context), repr(default))
        if question in known:
            return known[question]
        answer = asked(key, context, default)
        # As long as the file is not read, each flag has its default.
        if client.is_initialized():
            if len(known) >= MOST_KEPT:
                known.clear()
            known[question] = answer
        return answer

    client.variation, flags.get_user_repr = variation, get_user_repr
