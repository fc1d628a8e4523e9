"""The environment in which our own Label Studio runs.

Label Studio reads any of its settings from the bare name too (`HOST`, `PASSWORD`, `SECRET_KEY`), so
the environment is built from nothing and only what a process needs to live is passed on.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.buckets import CREDENTIALS
from core.errors import ConfigurationError, LabelpilotError
from core.files import read_at_most, write_at_once
from core.own_files import refuse_links_below
from core.workspace.consents import may_start_server
from core.workspace.databases import VARIABLE, read_database
from core.workspace.settings import Images, Workspace

PASSED_ON = (
    "PATH HOME LANG LC_ALL LC_CTYPE TZ TMPDIR LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR "
    "PYTHONDONTWRITEBYTECODE LABELPILOT_CLOSED_PATCHES"
).split()

# Each time its home page is opened, Label Studio fetches tips from GitHub, and has no setting for
# it. So this one host has a proxy, and nobody listens there: the tips of the release are shown.
_UNREACHABLE = {"https://raw.githubusercontent.com_proxy": "http://127.0.0.1:9"}

# What may say, beside the credentials, how the images of a bucket are read, by the bucket's type.
CLOUD_VARIABLES = {
    "s3": (
        "AWS_SESSION_TOKEN AWS_PROFILE AWS_REGION "
        "AWS_DEFAULT_REGION AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_ROLE_ARN "
        "AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "
        "AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN S3_ENDPOINT"
    ).split(),
    "gcs": ["GOOGLE_CLOUD_PROJECT"],
}

MOST_BYTES = 10_000
# What may stand in the file of the secret key: Label Studio's own keys have letters and signs.
_HARMLESS = re.compile(r"(SECRET_KEY=.*|#.*|)")


def document_root(workspace: Workspace) -> Path:
    """The folder below which our server may serve files: the images' and annotations' parent.

    Label Studio wants each storage in a strict subfolder of it. Raises ConfigurationError where it,
    or a storage's folder, is the root of the file system, the home folder or a parent of that: by
    its name or through links.
    """
    images, annotations = workspace.images.path, workspace.annotations.path
    if workspace.images.bucket is not None:
        images = annotations
    root = Path(os.path.commonpath([images.parent, annotations.parent]))
    if _is_too_wide(root):
        raise ConfigurationError(
            f"The images and the annotations have no folder in common but {root}, and Label Studio "
            "would serve all of it.",
            cause=f"images: {images}; annotations: {annotations}",
            next_step="Put both into one folder, such as data/images and data/annotations.",
        )
    for folder in (images, annotations):
        if _is_too_wide(folder):
            raise ConfigurationError(
                f"{folder} is {os.path.realpath(folder)}, and Label Studio would serve all of it.",
                next_step="Name the folder with the images, and one for the annotations.",
            )
    return root


def _is_too_wide(folder: Path) -> bool:
    real, home = os.path.realpath(folder), os.path.expanduser("~")
    # It stays a tilde for a user without a home folder, as in some containers.
    home = "/" if home == "~" else os.path.realpath(home)
    return os.path.commonpath([real, home]) == real


def prepare_data(workspace: Workspace) -> None:
    """Make ready the data folder of our own server, before anything of Label Studio's runs on it.

    What stands in its `.env` would set any of Label Studio's settings, so it may hold a SECRET_KEY
    and nothing else. Raises NotTrusted where the data were not made here and nobody has agreed to
    them, and ConfigurationError for a link or a setting among them.
    """
    may_start_server(workspace)
    folder = workspace.state.make_server()
    refuse_links_below(folder)
    if not workspace.state.server_is_ours():
        with contextlib.suppress(LabelpilotError):
            workspace.state.mark_server()
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    _refuse_settings(folder / ".env")
    make_secret_key(folder)


def _refuse_settings(file: Path) -> None:
    if not file.exists():
        return
    lines = read_at_most(file, MOST_BYTES, "The file of the secret key").decode("utf-8", "replace")
    if others := [line for line in lines.split("\n") if not _HARMLESS.fullmatch(line.strip())]:
        name = others[0].partition("=")[0].strip()[:40]
        raise ConfigurationError(
            f"{file} would set {name} for Label Studio.",
            cause="labelpilot keeps the server's SECRET_KEY there, and nothing else.",
            next_step="Look at it, and remove that line.",
        )


def make_secret_key(folder: Path) -> None:
    """Give a new server in the data `folder` a SECRET_KEY that it can read back.

    Label Studio would draw its own from letters, digits and signs, and keep it in `.env`. One in
    fifty begins with `$`, which it takes for the name of a variable when it starts again: it draws
    another, and refuses every token that it gave.
    """
    file = folder / ".env"
    if not file.exists():
        write_at_once(file, f"SECRET_KEY={secrets.token_hex(32)}\n".encode(), mode=0o600)


def trusted_origins(port: int, environ: Mapping[str, str]) -> list[str]:
    """The origins from which a browser may sign in to a server on `port`.

    Behind a codespace's forwarded port the page's origin is not the server's, and Django refuses
    the login unless it is named: the browser's VS Code uses the forwarding domain, the desktop one
    https://localhost.
    """
    origins = [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]
    codespace = environ.get("CODESPACE_NAME")
    if codespace:
        domain = environ.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev")
        origins += [f"https://{codespace}-{port}.{domain}", f"https://localhost:{port}"]
    return origins


def _database(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for a PostgreSQL database.

    Without a password among them, PostgreSQL's own library looks for it in `~/.pgpass`.
    """
    address = read_database(url)
    return {
        "DJANGO_DB": "default",
        "POSTGRE_HOST": address.host,
        "POSTGRE_PORT": str(address.port),
        "POSTGRE_NAME": address.name,
        "POSTGRE_USER": address.user,
        "POSTGRE_PASSWORD": environ.get(VARIABLE, ""),
    }


def _passed_on(images: Images) -> Iterator[str]:
    yield from PASSED_ON
    if images.bucket is not None:
        yield from CREDENTIALS[images.bucket.type]
        yield from CLOUD_VARIABLES.get(images.bucket.type, ())


def server_environment(
    workspace: Workspace,
    port: int,
    environ: Mapping[str, str],
    account: tuple[str, str] | None = None,
) -> dict[str, str]:
    """The variables for our Label Studio on `port`.

    `account` is the e-mail address and password of the first account, given at the first start
    only. `LABEL_STUDIO_HOST` stays unset, so that image URLs are relative and work from wherever
    the page is opened.
    """
    images = workspace.images
    around = (workspace.state.folder, workspace.annotations.path)
    private = [str(folder) for folder in around if not images.path.is_relative_to(folder)]
    origins = trusted_origins(port, environ)
    hosts = {origin.split("://")[1].rsplit(":", 1)[0] for origin in origins}
    variables = {name: environ[name] for name in _passed_on(images) if name in environ} | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "LABEL_STUDIO_BASE_DATA_DIR": str(workspace.state.server),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(document_root(workspace)),
        # What of it is served is narrowed by our launcher, to the images.
        "LABELPILOT_SERVED": os.sep if images.follow_links else str(images.path),
        "LABELPILOT_PRIVATE": json.dumps(private),
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "ALLOWED_HOSTS": ",".join(sorted(hosts)),
        "CSRF_TRUSTED_ORIGINS": ",".join(origins),
        # Without it, any page may read what needs no cookie.
        "CORS_ALLOWED_ORIGINS": ",".join(origins),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        **_UNREACHABLE,
        # An image that somebody has open is nobody else's for an hour, in place of a day.
        "TASK_LOCK_TTL": "3600",
        # Without it every POST of predictions recounts the whole project.
        "fflag_fix_back_4620_memory_efficient_predictions_import_08012025_short": "true",
    }
    if workspace.studio.database is not None:
        variables |= _database(workspace.studio.database, environ)
    if account is not None:
        variables["LABEL_STUDIO_USERNAME"], variables["LABEL_STUDIO_PASSWORD"] = account
    return variables
