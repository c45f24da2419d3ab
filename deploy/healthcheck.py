"""The image's health check: exit code 0 if the consumer on this machine is ready.

Reads the consumer's HTTP_PORT, HTTP_TLS_CERTFILE, HTTP_TOKEN and HTTP_TOKEN_FILE.
"""

import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 4.0


def main() -> None:
    """Ask /readyz; on failure print what it says, with exit code 1."""
    scheme = "https" if os.environ.get("HTTP_TLS_CERTFILE") else "http"
    address = f"{scheme}://127.0.0.1:{os.environ.get('HTTP_PORT', '8000')}/readyz"
    request = urllib.request.Request(address, headers=_authorization())  # noqa: S310 - ours
    itself = ssl.create_default_context()  # the certificate is for other names than 127.0.0.1
    itself.check_hostname, itself.verify_mode = False, ssl.CERT_NONE
    try:
        urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=itself).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            sys.exit(error.read().decode())
    except OSError as error:
        sys.exit(f"{address}: {error}")


def _authorization() -> dict[str, str]:
    token = os.environ.get("HTTP_TOKEN")
    if file := os.environ.get("HTTP_TOKEN_FILE"):
        token = Path(file).read_text().removesuffix("\n")
    return {"Authorization": f"Bearer {token}"} if token else {}


if __name__ == "__main__":
    main()
