"""The image's health check: exit code 0 if the consumer on this machine is ready.

Reads the consumer's HTTP_PORT, HTTP_TLS_CERTFILE, HTTP_TOKEN and HTTP_TOKEN_FILE. It runs every few
seconds, so it imports as little as it can: with `urllib.request` it would take three times the
processor time.
"""

import os
import socket
import sys

TIMEOUT_SECONDS = 4.0


def main() -> None:
    """Ask /readyz; on failure print what it says, with exit code 1."""
    place = ("127.0.0.1", int(os.environ.get("HTTP_PORT", "8000")))
    try:
        with socket.create_connection(place, TIMEOUT_SECONDS) as connection:
            head, _, body = _answer(connection).partition("\r\n\r\n")
    except OSError as error:
        sys.exit(f"{place[0]}:{place[1]}: {error}")
    if head.split()[1:2] != ["200"]:
        sys.exit(body or head or "an empty answer")


def _answer(connection: socket.socket) -> str:
    if os.environ.get("HTTP_TLS_CERTFILE"):
        import ssl  # noqa: PLC0415 - if asked for

        itself = ssl.create_default_context()  # the certificate is for other names than 127.0.0.1
        itself.check_hostname, itself.verify_mode = False, ssl.CERT_NONE
        connection = itself.wrap_socket(connection)
    lines = ["GET /readyz HTTP/1.1", "Host: localhost", "Connection: close", *_authorization()]
    connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    with connection.makefile("rb") as answer:
        return answer.read().decode()


def _authorization() -> list[str]:
    token = os.environ.get("HTTP_TOKEN")
    if path := os.environ.get("HTTP_TOKEN_FILE"):
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow to import
            token = file.read().removesuffix("\n")
    return [f"Authorization: Bearer {token}"] if token else []


if __name__ == "__main__":
    main()
