"""TLS of a listener, with certificates that may be replaced while it serves.

Connections that stand keep theirs; new ones get what the files hold. Files that cannot be used change nothing.
"""

import os
import ssl
from typing import TypeAlias

from ...providers.errors import StandbyError
from ...providers.files import CERTIFICATES_BYTES_MAX, UnreadableFile, read_bounded

Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Of each file when it was changed, its size, and which it is: a link that points elsewhere is another file."""


class CertificateError(StandbyError):
    """Raised when the files of a certificate cannot be used; the message names the file and the reason."""


class Certificates:
    """What a listener shows of itself, and what it wants to see of clients.

    Args:
        cert: A file with the certificate and those between it and the root.
        key: A file with its key; not given: it stands in the same file.
        client_ca: A file of certificates; clients must then show one that these have signed.

    Raises:
        CertificateError: A file cannot be used.
    """

    def __init__(self, cert: str, key: str | None = None, client_ca: str | None = None) -> None:
        self._cert, self._key, self._client_ca = cert, key, client_ca
        self._stamp = self._look()
        self._current = self._load()
        self.context = self._load()
        self.context.sni_callback = self._use_current

    def reload(self) -> None:
        """Show what the files hold now to connections that are made from now on. Reads files: call it in a thread.

        Raises:
            CertificateError: A file cannot be used. What was shown before is shown on.
        """
        self._stamp = self._look()
        self._current = self._load()

    @property
    def has_changed(self) -> bool:
        """Are the files other than when they were last read? Looks at files: ask it in a thread."""
        return self._look() != self._stamp

    def _use_current(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current  # of its certificate and of those it trusts; called with or without a name

    def _look(self) -> Stamp:
        found: list[tuple[int, int, int] | None] = []
        for path in filter(None, (self._cert, self._key, self._client_ca)):
            try:
                held = os.stat(path)
            except OSError:
                found.append(None)
            else:
                found.append((held.st_mtime_ns, held.st_size, held.st_ino))
        return tuple(found)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        what = f"the certificate {self._cert}"
        try:
            read_bounded(
                self._cert, CERTIFICATES_BYTES_MAX
            )  # OpenSSL would wait for a pipe, and read a device for ever
            if self._key is not None:
                what = f"the key {self._key}"
                read_bounded(self._key, CERTIFICATES_BYTES_MAX)
                what = f"the certificate {self._cert} with the key {self._key}"
            context.load_cert_chain(self._cert, self._key, password="")  # else OpenSSL would ask on the terminal
            if self._client_ca is not None:
                what = f"client_ca {self._client_ca}"
                read_bounded(self._client_ca, CERTIFICATES_BYTES_MAX)
                context.load_verify_locations(self._client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:
            reason = (
                str(error).removeprefix("cannot be read: ") if isinstance(error, UnreadableFile) else error.strerror
            )
            failure = CertificateError(f"{what} cannot be used: {reason}")
        else:
            return context
        raise failure
