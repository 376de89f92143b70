"""The kinds of stores of objects: how an address and what we are told become the library's store.

What a Secret's entries are called is what the library and each cloud call the variables; without
any of them the library goes its own way, which knows the identities that clouds give to pods.
Neighbours: `objects` asks for a store at each call, `secret` has the entries.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import obstore.store as library

from transit_models.storage.objects.secret import Told

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Credential

# Waits are bounded: to connect, without a byte, and as a whole for what is put.
_CONNECT = timedelta(seconds=3)
_SILENCE = timedelta(seconds=20)
_REQUEST = timedelta(minutes=10)
_RETRIES: "RetryConfig" = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=90),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=5),
        "base": 3,
    },
}
_REGION = "us-east-1"


def client(told: Told, endpoint: str | None) -> "ClientConfig":
    """How requests are made. Only an endpoint that says so is spoken to without TLS."""
    config: ClientConfig = {
        "connect_timeout": _CONNECT,
        "read_timeout": _SILENCE,
        "timeout": _REQUEST,
        "allow_http": (endpoint or "").startswith("http://"),
    }
    if authority := told.authority:
        config["root_certificate"] = authority
    return config


@dataclass(frozen=True)
class Kind(ABC):
    """A bucket, container or server, and the folder in it."""

    bucket: str
    prefix: str = ""

    account: ClassVar[str]  # which variables say who asks
    place: ClassVar[str]  # and which one where, for a store of one's own
    owner: ClassVar[str]  # whose it is else
    lists: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    @property
    @abstractmethod
    def uri(self) -> str:
        """The address it was opened with."""

    @abstractmethod
    def endpoint(self, told: Told) -> str | None:
        """Where it is, if not at its owner's."""

    @abstractmethod
    def store(self, told: Told) -> "ObjectStore":
        """The library's store."""


class S3(Kind):
    """AWS, MinIO, or anything that speaks the same."""

    account = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    place = "AWS_ENDPOINT_URL"
    owner = "AWS"

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def endpoint(self, told: Told) -> str | None:
        return told.get("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

    def store(self, told: Told) -> library.S3Store:
        """With an endpoint of one's own, the bucket goes into the path: `models.minio.svc` would
        not resolve.
        """
        config: library.S3Config = {
            "region": told.get("AWS_REGION", "AWS_DEFAULT_REGION") or _REGION,
            "disable_bulk_delete": True,  # which not everything that speaks S3 knows
        }
        endpoint = self.endpoint(told)
        if endpoint:
            config["aws_endpoint_url_s3"] = endpoint
        elif "." not in self.bucket:  # no certificate of AWS is for more than one label
            config["virtual_hosted_style_request"] = True
        if unsigned := told.mounted.get("AWS_SKIP_SIGNATURE"):
            config["skip_signature"] = unsigned.lower() in ("1", "true")
        return library.S3Store(
            self.bucket,
            prefix=self.prefix or None,
            config=config,
            client_options=client(told, endpoint),
            retry_config=_RETRIES,
            credential_provider=_mounted_key(told),
        )


def _mounted_key(told: Told) -> "_Key | None":
    """All of a mounted key or nothing: a token in the variables belongs to another one."""
    key, secret = (
        told.mounted.get("AWS_ACCESS_KEY_ID"),
        told.mounted.get("AWS_SECRET_ACCESS_KEY"),
    )
    return _Key(key, secret, told.mounted.get("AWS_SESSION_TOKEN")) if key and secret else None


@dataclass(frozen=True)
class _Key:
    key: str
    secret: str
    token: str | None

    def __call__(self) -> "S3Credential":
        return {
            "access_key_id": self.key,
            "secret_access_key": self.secret,
            "token": self.token,
            "expires_at": None,
        }


class GCS(Kind):
    """Google Cloud Storage."""

    account = "GOOGLE_SERVICE_ACCOUNT_KEY"
    place = "GOOGLE_BASE_URL"
    owner = "Google"

    @property
    def uri(self) -> str:
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")

    def endpoint(self, told: Told) -> str | None:
        return told.get("GOOGLE_BASE_URL")

    def store(self, told: Told) -> library.GCSStore:
        config: library.GCSConfig = {}
        if endpoint := self.endpoint(told):
            config["base_url"] = endpoint
        if key := told.mounted.get("GOOGLE_SERVICE_ACCOUNT_KEY"):
            config["service_account_key"] = key
        if unsigned := told.mounted.get("GOOGLE_SKIP_SIGNATURE"):
            config["skip_signature"] = unsigned.lower() in ("1", "true")
        return library.GCSStore(
            self.bucket,
            prefix=self.prefix or None,
            config=config,
            client_options=client(told, endpoint),
            retry_config=_RETRIES,
        )


class Azure(Kind):
    """A container of Azure Blob Storage."""

    account = "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
    place = "AZURE_STORAGE_ENDPOINT"
    owner = "Azure"

    @property
    def uri(self) -> str:
        return f"az://{self.bucket}/{self.prefix}".rstrip("/")

    def endpoint(self, told: Told) -> str | None:
        return told.get("AZURE_STORAGE_ENDPOINT")

    def store(self, told: Told) -> library.AzureStore:
        config: library.AzureConfig = {}
        if endpoint := self.endpoint(told):
            config["endpoint"] = endpoint
        if name := told.mounted.get("AZURE_STORAGE_ACCOUNT_NAME"):
            config["account_name"] = name
        if key := told.mounted.get("AZURE_STORAGE_ACCOUNT_KEY"):
            config["account_key"] = key
        if signature := told.mounted.get("AZURE_STORAGE_SAS_TOKEN"):
            config["sas_key"] = signature
        if tenant := told.mounted.get("AZURE_TENANT_ID"):
            config["tenant_id"] = tenant
        if client_id := told.mounted.get("AZURE_CLIENT_ID"):
            config["client_id"] = client_id
        if secret := told.mounted.get("AZURE_CLIENT_SECRET"):
            config["client_secret"] = secret
        if unsigned := told.mounted.get("AZURE_SKIP_SIGNATURE"):
            config["skip_signature"] = unsigned.lower() in ("1", "true")
        return library.AzureStore(
            self.bucket,
            prefix=self.prefix or None,
            config=config,
            client_options=client(told, endpoint),
            retry_config=_RETRIES,
        )


class Web(Kind):
    """A folder on an HTTP server; `bucket` is its whole address. Nothing is written there, and no
    listing is asked for, which servers have none of or each its own.
    """

    account = "HTTP_AUTHORIZATION"
    place = "its address"
    owner = "its server"
    lists = False
    writes = False

    @property
    def uri(self) -> str:
        return self.bucket.rstrip("/")

    def endpoint(self, told: Told) -> str | None:
        return None

    def store(self, told: Told) -> library.HTTPStore:
        options = client(told, self.bucket)
        if authorization := told.get("HTTP_AUTHORIZATION"):
            options["default_headers"] = {"Authorization": authorization}
        return library.HTTPStore(self.bucket, client_options=options, retry_config=_RETRIES)


class Folder(Kind):
    """A directory, by the same few operations; `bucket` is its path. A store of models in one is
    read in place instead, see `local`.
    """

    account = "this process's user"
    place = "its path"
    owner = "this machine"

    @property
    def uri(self) -> str:
        return f"file://{self.bucket}"

    def endpoint(self, told: Told) -> str | None:
        return None

    def store(self, told: Told) -> library.LocalStore:
        return library.LocalStore(prefix=self.bucket, mkdir=True)
