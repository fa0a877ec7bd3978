"""TLS with certificates of a target's own, read from files."""

import ssl

from ..errors import ErrorKind, ProviderError
from ..files import CERTIFICATES_BYTES_MAX, UnreadableFile, read_bounded


def tls_context(ca_file: str | None, client_cert: str | None) -> ssl.SSLContext:
    """Verified TLS of at least 1.2, from files: called in a thread, once.

    Raises:
        ProviderError: `tls`, `local`: a file cannot be used.
    """
    what = f"ca_file {ca_file}"
    try:
        if ca_file is not None:
            read_bounded(ca_file, CERTIFICATES_BYTES_MAX)  # OpenSSL would wait for a pipe, and read a device for ever
        context = ssl.create_default_context(cafile=ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if client_cert is not None:
            what = f"client_cert {client_cert}"
            read_bounded(client_cert, CERTIFICATES_BYTES_MAX)
            context.load_cert_chain(client_cert, password="")  # else OpenSSL would ask for one on the terminal
    except OSError as error:
        reason = str(error).removeprefix("cannot be read: ") if isinstance(error, UnreadableFile) else error.strerror
        failure = ProviderError(ErrorKind.TLS, f"{what} cannot be used: {reason}", local=True)
    else:
        return context
    raise failure
