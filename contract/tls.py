"""TLS with Kafka: contexts from the files in the settings."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any


@dataclass(frozen=True, slots=True)
class Files:
    """The files and options of TLS; replaces kafka-python's own.

    Its own ignores the cipher list, fails on every list of revoked certificates, and asks on the
    terminal for the password of an encrypted key.

    Attributes:
        authorities: The authorities that sign the brokers' certificates; the system's by default.
        certificate: Our certificate, for mutual TLS.
        key: Its private key.
        password: The key's password; empty if it has none.
        revoked: A list of revoked certificates.
        ciphers: OpenSSL's cipher list.
        check_host: Whether the broker's certificate must name its host.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    password: str = ""
    revoked: Path | None = None
    ciphers: str | None = None
    check_host: bool = True

    def context(self) -> ssl.SSLContext:
        """A context from the files as they are now.

        Raises:
            OSError: A file cannot be read, or holds something else (SSLError is a subclass).
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.check_host
        if self.authorities is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(self.authorities)
        if self.ciphers is not None:
            context.set_ciphers(self.ciphers)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key, lambda: self.password)
        if self.revoked is not None:
            context.load_verify_locations(self.revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        return context

    def wrap_socket(self, sock: Any, **options: Any) -> ssl.SSLSocket:  # noqa: ANN401 - as SSLContext's
        """Serve as kafka-python's ``ssl_context``: each connection reads the files anew.

        Raises:
            OSError: As for `context`.
        """
        return self.context().wrap_socket(sock, **options)

    def expired(self) -> bool:
        """Whether our certificate has expired; False if that is not known."""
        try:
            decode = getattr(ssl, "_ssl")._test_decode_cert  # noqa: B009, SLF001 - no public one
            return ssl.cert_time_to_seconds(decode(self.certificate)["notAfter"]) < time()
        except (AttributeError, LookupError, TypeError, ValueError, OSError):
            return False

    def unusable(self) -> list[str]:
        """A line for each unusable file or password."""
        faults = [
            f"{name}: holds no certificate"
            for name, file in (
                ("KAFKA_SSL_CAFILE", self.authorities),
                ("KAFKA_SSL_CERTFILE", self.certificate),
            )
            if file is not None and not _loaded(file)["x509"]
        ]
        if self.revoked is not None and not _loaded(self.revoked)["crl"]:
            faults.append("KAFKA_SSL_CRLFILE: holds no list of revoked certificates")
        if self.ciphers is not None and not _knows(self.ciphers):
            faults.append("KAFKA_SSL_CIPHERS: is not an OpenSSL cipher list")
        if not faults and self.certificate is not None and self.key is not None:
            faults += self._faults_of_key(self.certificate, self.key)
        return faults

    def _faults_of_key(self, certificate: Path, key: Path) -> list[str]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_cert_chain(certificate, key, lambda: self.password)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                return [
                    "KAFKA_SSL_KEYFILE: is not the key of the certificate in KAFKA_SSL_CERTFILE"
                ]
            if b"ENCRYPTED" in key.read_bytes():
                said = "is encrypted, and KAFKA_SSL_PASSWORD does not open it"
                return [f"KAFKA_SSL_KEYFILE: {said}"]
            return ["KAFKA_SSL_KEYFILE: holds no private key"]
        return []


def _loaded(file: Path) -> dict[str, int]:
    """The number of certificates and of revocation lists in a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except OSError:  # SSLError is a subclass
        return {"x509": 0, "crl": 0}
    return context.cert_store_stats()


def _knows(ciphers: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(ciphers)
    except ssl.SSLError:
        return False
    return True


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A server's TLS context.

    Args:
        certificate: The certificate and its chain, PEM.
        key: Its private key, PEM, without a password; None if it is in the certificate's file.

    Raises:
        OSError: A file cannot be read, or holds something else (SSLError is a subclass).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, lambda: "")  # else OpenSSL asks the terminal
    return context
