"""Certificates of a test's own authority, made with the openssl command."""

from pathlib import Path

from dev.cluster import shell

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


class Authority:
    """Files `NAME.crt` and `NAME.key` in a folder, signed by `ca.crt` there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.crt"
        shell.output(
            [
                *("openssl", "req", "-x509", *_CURVE, "-subj", f"/CN=authority of {folder.name}"),
                *("-keyout", folder / "ca.key", "-out", self.certificate),
                *("-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
            ]
        )

    def issue(self, name: str, *names: str) -> tuple[Path, Path]:
        """Return certificate and key for `names`, such as IP:127.0.0.1 or DNS:localhost."""
        made = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        extensions = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
        extensions += ["extendedKeyUsage=clientAuth,serverAuth"]
        extensions += [f"subjectAltName={','.join(names)}"] if names else []
        shell.output(
            [
                *("openssl", "req", "-x509", *_CURVE, "-subj", f"/CN={name}"),
                *("-CA", self.certificate, "-CAkey", self.folder / "ca.key"),
                *(part for extension in extensions for part in ("-addext", extension)),
                *("-out", made[0], "-keyout", made[1]),
            ]
        )
        return made
