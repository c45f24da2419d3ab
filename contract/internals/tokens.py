"""What kafka-python asks for a bearer token.

Its option ``sasl_oauth_token_provider`` is documented; the class that a provider must extend has no
public address.
"""

from kafka.net.sasl.oauth import AbstractTokenProvider

from contract.tokens import Source


class Provider(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    """Passes kafka-python's request for a token on to the source.

    Attributes:
        source: Where the tokens come from.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source

    def token(self) -> str:
        """A token that is valid now.

        Raises:
            TokenError: The source has none.
        """
        return self.source.token()
