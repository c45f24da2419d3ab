"""Bearer tokens (OAUTHBEARER), signed with a key in a folder: no identity provider needed."""

import json
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from broker.certificates import openssl

_KEY_ID = "riverline-test"


class TokenIssuer:
    """Signs tokens (RS256) that brokers with its key set accept.

    Args:
        folder: an existing folder; the key in it is used again, or made if there is none.

    Raises:
        BrokerError: `openssl` is missing or refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._key = folder / "token.key"
        if not self._key.exists():
            openssl("genrsa", "-out", str(self._key), "2048")

    def key_set(self) -> bytes:
        """The public key as brokers read it: a JSON web key set."""
        modulus = openssl("rsa", "-in", str(self._key), "-noout", "-modulus").decode()
        number = bytes.fromhex(modulus.strip().removeprefix("Modulus="))
        key = {
            "kty": "RSA",
            "alg": "RS256",
            "kid": _KEY_ID,
            "n": _base64(number),
            "e": _base64((65537).to_bytes(3)),
        }
        return json.dumps({"keys": [key]}).encode()

    def token(self, user: str, *, lifetime_s: float = 3600) -> str:
        """A token of the user, good for so long; with a negative lifetime it has expired."""
        now = time.time()
        claims = {"sub": user, "iat": now + min(lifetime_s, 0) - 1, "exp": now + lifetime_s}
        parts = ({"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}, claims)
        signed = ".".join(_base64(json.dumps(part).encode()) for part in parts)
        signature = openssl("dgst", "-sha256", "-sign", str(self._key), given=signed.encode())
        return f"{signed}.{_base64(signature)}"


def _base64(data: bytes) -> str:
    """URL-safe and without padding, as tokens have it (RFC 7515)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
