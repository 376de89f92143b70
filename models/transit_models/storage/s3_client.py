"""The client of an S3 store: who asks, where, and whom to trust.

All of it comes from the standard `AWS_*` variables. Where a Secret is mounted as well
(TRANSIT_STORAGE_SECRET names the directory), its files go before them: they change when the Secret
does, which variables of a process never do. So each call looks at them, and a client is made anew
when they have changed. A file `ca.crt` there is the authority of a store of one's own.
Neighbour: `s3` asks for the client at each call.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS = 3
READ_SECONDS = 20
ATTEMPTS = 4
PARALLEL = 8

SECRET = "TRANSIT_STORAGE_SECRET"
CA = "ca.crt"


class Clients:
    """Gives a client that is up to date. Any number of threads may ask."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._client: S3Client | None = None
        self._made_of: dict[str, str] = {}

    @property
    def endpoint(self) -> str | None:
        """Where the store is, if it is not AWS."""
        return _endpoint({**self._environment, **self._mounted()})

    def get(self) -> "S3Client":
        """Return the client."""
        mounted = self._mounted()
        with self._lock:
            if self._client is None or mounted != self._made_of:
                self._client = self._make(mounted)
                self._made_of = mounted
            return self._client

    def _mounted(self) -> dict[str, str]:
        """Return what the mounted Secret says now: name → text."""
        if not (directory := self._environment.get(SECRET)):
            return {}
        found = {}
        for file in sorted(Path(directory).glob("[!.]*")):
            try:
                found[file.name] = file.read_text().strip()
            except (OSError, UnicodeDecodeError):  # it is being replaced, or none of ours
                continue
        return found

    def _make(self, mounted: Mapping[str, str]) -> "S3Client":
        """A client with bounded waits. With an endpoint of one's own, the bucket goes into the
        path: `models.minio.svc` would not resolve."""
        told = {**self._environment, **mounted}
        endpoint = _endpoint(told)
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            max_pool_connections=PARALLEL * 4,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if endpoint else "auto"},
        )
        session = boto3.session.Session()
        region = told.get("AWS_REGION") or told.get("AWS_DEFAULT_REGION") or session.region_name
        return session.client(
            "s3",
            config=config,
            endpoint_url=endpoint,
            region_name=region or "us-east-1",
            # Only what is mounted: else botocore goes its own way, which knows cloud identities.
            aws_access_key_id=mounted.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=mounted.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=mounted.get("AWS_SESSION_TOKEN"),
            verify=str(Path(self._environment[SECRET]) / CA) if mounted.get(CA) else None,
        )


def _endpoint(told: Mapping[str, str]) -> str | None:
    return told.get("AWS_ENDPOINT_URL_S3") or told.get("AWS_ENDPOINT_URL") or None
