"""The command `transit-models`: train, pack, publish, verify and look at models.

Neighbours: `commands` has each of them. Exit codes: 0 done, 1 the store or a model is not as it
should be, or a file can't be written, 2 usage, 3 the store doesn't answer or refuses us, 4 what it
has must not be served, 141 whoever reads the output has closed it.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from transit_models.commands import (
    alias,
    ask,
    check,
    fetch,
    look,
    pack,
    predictions,
    publish,
    registry,
    resolve,
    sign,
    train,
    trial,
)
from transit_models.commands.common import Run
from transit_models.errors import (
    IntegrityError,
    ModelStoreError,
    SignatureError,
    StorageUnavailable,
)

_COMMANDS = (
    train,
    pack,
    ask,
    trial,
    check,
    publish,
    look,
    fetch,
    resolve,
    sign,
    alias,
    registry,
    predictions,
)

_EPILOG = """\
A store is a directory (file:///path, or a plain path), a bucket (s3://bucket/prefix, or gs://), a
container of Azure's (az://container/prefix), a registry (oci://registry/path), or to read from,
https://host/path or MLflow's registry (mlflow://host, where 3.0.0 is version 3):

    STORE/NAME/v1.1.0/   model.<ext>, metadata.json, checksum.sha256, preprocessing.pkl, ...
    STORE/NAME/latest    an alias, holds v1.1.0; the other one is stable
    STORE/transit-store.json   of a scratch store, whose versions may be replaced

In a registry STORE/NAME is a repository, and 1.1.0 and latest are tags of it.

A published version never changes. A store that pack makes, or the command scratch, is a scratch
store, for trying things out: nothing should serve from it.

Who asks is in the standard variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and for MinIO
and others the address in AWS_ENDPOINT_URL (http://minio.minio.svc:9000);
GOOGLE_SERVICE_ACCOUNT_KEY; AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY;
OCI_USERNAME and OCI_PASSWORD, or what docker login has left; HTTP_AUTHORIZATION;
MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.

A model of your own, from a file to a server:

    transit-models pack forest.pkl build/models churn@1.0.0 --labels no,yes --probe rows.npy
    transit-models try build/models churn@1.0.0
    transit-models check build/models churn@1.0.0 --p95 200ms --memory 2GiB
    transit-models publish build/models s3://models
    transit-models alias s3://models churn stable 1.0.0
    transit-models list s3://models

The examples (good versions, and bad ones for trying out rollbacks):

    transit-models train build/models
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = parser().parse_args(arguments)
    run: Run = options.run
    if isinstance(sys.stdout, TextIOWrapper):  # of an old locale or console, which has few letters
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = run(options)
        sys.stdout.flush()
        return code
    except ModelStoreError as error:
        print(f"transit-models {options.command}: {error}", file=sys.stderr)
        return _exit_code(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # a disk that is full, a folder that can't be written
        print(f"transit-models {options.command}: {error}", file=sys.stderr)
        return 1


def _exit_code(error: ModelStoreError) -> int:
    """The operator tells them apart: see its `core.objects.resolver`."""
    if isinstance(error, StorageUnavailable):
        return 3
    return 4 if isinstance(error, IntegrityError | SignatureError) else 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; the documentation is made of it, too."""
    made = argparse.ArgumentParser(
        prog="transit-models",
        description="Publish models for Transit, and look at what is published.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Run, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=text, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        added.set_defaults(run=run)
        return added

    for module in _COMMANDS:
        module.add(command)
    return made


if __name__ == "__main__":
    sys.exit(main())
