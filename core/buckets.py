"""Buckets: images in the cloud, whose URLs name the bucket and the key.

Only Label Studio looks into one, with credentials of its own.
"""

from __future__ import annotations

from typing import NamedTuple

# The scheme of an image's URL, by the type of the cloud storage that it lies in.
CLOUD_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "azure-blob", "redis": "redis"}
# The variables by which Label Studio is given credentials for one.
CREDENTIALS = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "gcs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "azure": ("AZURE_BLOB_ACCOUNT_NAME", "AZURE_BLOB_ACCOUNT_KEY"),
}
# The types that `url` under [images] can name.
_TYPES = {CLOUD_SCHEMES[kind]: kind for kind in CREDENTIALS}


class Bucket(NamedTuple):
    """A folder of a bucket: the type of its storage, the bucket's name, and the folder, if any."""

    type: str
    name: str
    prefix: str = ""

    @property
    def url(self) -> str:
        """What the URLs of its images begin with."""
        return bucket_url(self.type, self.name, self.prefix)

    @property
    def fields(self) -> dict[str, object]:
        """How a storage names it, in Label Studio's words."""
        name = "container" if self.type == "azure" else "bucket"
        return {name: self.name, "prefix": self.prefix}


def bucket_url(storage_type: str, bucket: str, prefix: str = "") -> str:
    """What the URLs of the images in a cloud storage begin with."""
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{CLOUD_SCHEMES[storage_type]}://{bucket}/{folder}"


def read_bucket(url: str) -> Bucket:
    """The folder of a bucket that `url` names. Raises ValueError where it names none."""
    if fault := bucket_fault(url):
        raise ValueError(f"{url} {fault}")
    scheme, _, rest = url.partition("://")
    name, _, prefix = rest.partition("/")
    return Bucket(_TYPES[scheme], name, prefix.strip("/"))


def bucket_fault(url: str) -> str:
    """Why `url` names no folder of a bucket; empty where it does."""
    scheme, _, rest = url.partition("://")
    if scheme in _TYPES and rest.partition("/")[0].strip() and url.isprintable():
        return ""
    forms = ", ".join(f"{one}://bucket/folder" for one in _TYPES)
    return f"must name a bucket as one of {forms} does"
