"""Source storages and target storages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.errors import StudioRefused
from core.studio.client.connection import Connection
from core.studio.listings import listed
from core.studio.models import Storage, read_storage
from core.workspace.settings import Images


class StorageCalls(Connection):
    """Source storages and target storages."""

    def source_storages(self, project_id: int) -> list[Storage]:
        """Every source storage of a project, of whatever type."""
        found = listed(self.transport, "api/storages/", {"project": project_id})
        return [read_storage(storage) for storage in found]

    def target_storages(self, project_id: int) -> list[Storage]:
        """Every target storage of a project, of whatever type."""
        found = listed(self.transport, "api/storages/export", {"project": project_id})
        return [read_storage(storage, target=True) for storage in found]

    def create_source_storage(
        self, project_id: int, fields: Mapping[str, object], kind: str = "localfiles"
    ) -> Storage:
        """Create a source storage of the type `kind` (Label Studio's field names)."""
        body = {"project": project_id, **fields}
        return read_storage(self.transport.send("POST", f"api/storages/{kind}/", body=body))

    def document_root(self, project_id: int) -> str | None:
        """The folder below which this server serves files, or None if it does not tell.

        Only a refusal names it: the file system's root can never be a storage.
        """
        path = "api/storages/localfiles/validate"
        try:
            self.transport.ask("POST", path, body={"project": project_id, "path": "/"})
        except StudioRefused as error:
            found = re.search(r'LOCAL_FILES_DOCUMENT_ROOT="(.+?)"', error.cause)
            return found.group(1) if found else None
        return None

    def update_storage(self, storage: Storage, fields: Mapping[str, object]) -> Storage:
        """Change fields of a storage (Label Studio's names).

        Label Studio saves the whole storage, its sync's status too: not for one that is syncing.
        """
        body = dict(fields)
        if storage.type == "localfiles":
            # Checked as if what is sent were the whole storage, so its path goes along.
            body = {"path": storage.path, **body}
        answer = self.transport.send("PATCH", storage.address, body=body)
        return read_storage(answer, target=storage.target)

    def delete_storage(self, storage: Storage) -> None:
        """Delete a storage, and no file; one that is gone already is no error."""
        self.delete(storage.address)

    def has_folder(self, project_id: int, storage: Storage) -> bool:
        """Whether the server finds the folder of a storage of local files."""
        kind = "export/" if storage.target else ""
        body = {"project": project_id, "path": storage.path}
        try:
            self.transport.send("POST", f"api/storages/{kind}localfiles/validate", body=body)
        except StudioRefused as error:
            if error.status in (401, 403) or error.status >= 500:
                raise
            return "does not exist" not in error.cause
        return True

    def create_target_storage(self, project_id: int, title: str, path: str) -> Storage:
        """Create a target storage of local files."""
        body = {"project": project_id, "title": title, "path": path}
        answer = self.transport.send("POST", "api/storages/export/localfiles", body=body)
        return read_storage(answer, target=True)

    def storage(self, storage: Storage) -> Storage:
        """The detail view of a storage. The list view must not be asked during a sync: it turns a
        sync that has not shown itself for 25 s to `failed`, even a living one."""
        return read_storage(self.transport.get(storage.address), target=storage.target)

    def sync_storage(self, storage: Storage) -> Storage:
        """Start Label Studio's own sync and wait, however long, for its answer.

        Of a source storage it makes tasks; of a target storage it writes every annotation. Without
        a queue the server does all of it inside the request. An answer is not yet success: read
        `status`.
        """
        path = f"{storage.address}/sync"
        answer = self.transport.send("POST", path, body={}, read_seconds=None)
        return read_storage(answer, target=storage.target)


def storage_at(storages: Iterable[Storage], path: Path) -> Storage | None:
    """The storage of local files in the folder `path`, or None."""
    wanted = os.path.normpath(path)
    return next(
        (s for s in storages if s.type == "localfiles" and os.path.normpath(s.path) == wanted),
        None,
    )


def storage_of(storages: Iterable[Storage], images: Images) -> Storage | None:
    """The storage of the workspace's images, in their folder or their bucket, or None."""
    bucket = images.bucket
    if bucket is None:
        return storage_at(storages, images.path)
    found = (s for s in storages if (s.type, s.path, s.prefix.strip("/")) == bucket)
    return next(found, None)
