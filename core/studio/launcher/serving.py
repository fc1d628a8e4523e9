"""What Label Studio serves from the disk, and whose requests it obeys.

A data set is somebody else's: stock Label Studio serves each of its files as what the file's name
says, a page with scripts too, and follows its links. And stock Label Studio obeys every page in the
browser of somebody who is signed in, since its API asks for no proof that a request is its own.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import stat
from collections.abc import Callable
from importlib import import_module

from .patches import Closed, patch, takes

# The folder in which all that is served has to lie in truth, and those (a JSON list) of which
# nothing is.
SERVED_VARIABLE = "LABELPILOT_SERVED"
PRIVATE_VARIABLE = "LABELPILOT_PRIVATE"

# How each type of image begins.
_BEGINNINGS = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"BM....\0\0\0\0", "image/bmp"),
    (rb"II\*\0|MM\0\*", "image/tiff"),
    (rb"....ftypavi[fs]", "image/avif"),
    (rb"....ftyp(hei[cx]|mif1)", "image/heic"),
    (rb"\0\0\0\x0cjP  ", "image/jp2"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "image/jxl"),
    (rb"\0\0\x01\0", "image/x-icon"),
    # A drawing, after what XML lets come first. It is a page too: see `_AS_AN_IMAGE`.
    (
        rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?((<!--.*?-->|<!DOCTYPE svg[^>]*>)\s*)*<svg[\s>]",
        "image/svg+xml",
    ),
)
_IMAGE_TYPES = tuple((re.compile(begins, re.DOTALL), kind) for begins, kind in _BEGINNINGS)
_HEAD = 4096
# Opened as a page, it has no scripts, no origin, and loads nothing.
_AS_AN_IMAGE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


@patch("images-only", "A page or a link that lies among the images is served as it is.")
def serve_images_only() -> None:
    """Of the files below the document root, serve what is an image, and lies in the image folder,
    by its content and its real path."""
    from django.http import HttpResponseNotFound
    from io_storages.localfiles import views

    original = views.build_localfile_response
    takes(original, "request", "full_path", "if_none_match_header")
    if inspect.getsource(views).count("build_localfile_response(") != 2:
        raise Closed("files are served in another way")
    is_served = _served()

    def build_localfile_response(request, full_path, if_none_match_header):
        kind = _image_type(full_path) if is_served(full_path) else None
        if kind is None:
            why = "This is no image, or leads out of the image folder."
            return HttpResponseNotFound(why, content_type="text/plain")
        response = original(request, full_path, if_none_match_header)
        response["Content-Type"] = kind
        for name, value in _AS_AN_IMAGE.items():
            response[name] = value
        return response

    views.build_localfile_response = build_localfile_response


@patch("private-folders", "A storage can read tasks from labelpilot's own folder.")
def read_tasks_from_no_private_folder() -> None:
    """Let a storage read the content of no file that is not served either."""
    from io_storages.localfiles.models import LocalFilesImportStorageBase

    original = LocalFilesImportStorageBase.get_data
    takes(original, "self", "key")
    is_served = _served()

    def get_data(self, key):
        if not self.use_blob_urls and not is_served(key):
            raise ValueError(f"{key} is not in the image folder.")
        return original(self, key)

    LocalFilesImportStorageBase.get_data = get_data


@patch("own-pages", "Any page in the browser of somebody who is signed in can change the labels.")
def obey_own_pages_only() -> None:
    """Refuse a change that is asked for with a session, unless the browser says that one of Label
    Studio's own pages asks."""
    from django.conf import settings
    from django.contrib.auth import SESSION_KEY
    from django.http import JsonResponse

    middleware = import_module("core.middleware")
    original = middleware.DisableCSRF.process_view
    takes(original, "self", "request", "callback", "args", "kwargs")
    if "core.middleware.DisableCSRF" not in settings.MIDDLEWARE:
        raise Closed("requests are looked at in another way")

    def process_view(self, request, callback, *args, **kwargs):
        # Every client gets a session; only that of somebody who is signed in can do anything.
        is_change = request.method not in _SAFE_METHODS and SESSION_KEY in request.session
        if is_change and not _own_page_asks(request, settings.CSRF_TRUSTED_ORIGINS):
            why = "Only Label Studio's own pages can change something here; a script needs a token."
            return JsonResponse({"status_code": 403, "detail": why}, status=403)
        return original(self, request, callback, *args, **kwargs)

    middleware.DisableCSRF.process_view = process_view


@patch("untouched", "A repair can take away a label that is submitted in the same moment.")
def delete_untouched_at_once() -> None:
    """Let who deletes tasks ask that each is looked at and deleted in one transaction."""
    from data_manager.actions import basic
    from django.conf import settings
    from django.db import transaction
    from tasks.models import Task

    original = basic.delete_tasks
    takes(original, "project", "queryset", "kwargs")
    action = settings.DATA_MANAGER_ACTIONS["delete_tasks"]
    if action["entry_point"] is not original:
        raise Closed("tasks are deleted in another way")

    def delete_tasks(project, queryset, **kwargs):
        if not kwargs["request"].data.get("untouched"):
            return original(project, queryset, **kwargs)
        with transaction.atomic():
            # Whoever submits a label for one of them has ended now, or has to wait.
            chosen = list(Task.objects.select_for_update().filter(pk__in=queryset.values("pk")))
            free = Task.objects.filter(
                pk__in=[task.pk for task in chosen], annotations=None, drafts=None
            )
            return original(project, free, **kwargs)

    action["entry_point"] = delete_tasks


def _served() -> Callable[[str], bool]:
    """What tells whether a file, by its real path, may be served."""
    inside = _real_folder(os.environ[SERVED_VARIABLE])
    private = tuple(map(_real_folder, json.loads(os.environ[PRIVATE_VARIABLE])))

    def is_served(path: str) -> bool:
        real = os.path.realpath(path)
        return real.startswith(inside) and not real.startswith(private)

    return is_served


def _real_folder(path: str) -> str:
    return os.path.join(os.path.realpath(path), "")


def _image_type(path: str) -> str | None:
    """What image a file is, by how its content begins; None if it is none."""
    try:
        # Of a pipe that nobody writes to, opening would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            head = os.read(descriptor, _HEAD) if is_file else b""
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return next((kind for begins, kind in _IMAGE_TYPES if begins.match(head)), None)


def _own_page_asks(request, origins: list[str]) -> bool:
    """Whether one of the server's own pages asks, of these `origins`, or a script with a token.

    A page can send no token unless its origin is allowed to. What the browser says of the request's
    origin is compared with the address in the browser, so it holds behind a proxy too.
    """
    headers = request.headers
    if "Authorization" in headers or headers.get("Sec-Fetch-Site") in ("same-origin", "none"):
        return True
    return headers.get("Origin") in (*origins, f"{request.scheme}://{request.get_host()}")
