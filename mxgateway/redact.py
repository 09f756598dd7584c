"""Takes credentials out of text before a person or a log sees it."""

import re

from mxgateway.printable import printable

REDACTED = "***"

# A gateway key is `mxgw_<key-id>_<secret>`; the secret may hold underscores and
# other token characters, so everything after the prefix goes.
_KEY = re.compile(r"mxgw_[^\s\"'<>,;:()\[\]{}]+", re.IGNORECASE)
_BEARER = re.compile(r"(bearer[\s=:\"']+)[^\s\"'<>,;()\[\]{}]+", re.IGNORECASE)


def redact(text: str, *secrets: str | None) -> str:
    """Return `text` with every gateway key, bearer token and given secret replaced by `***`.

    The whole token is replaced wherever it stands; no leading or trailing
    characters of it are kept. A secret is also found where it was quoted or escaped before.
    """
    for secret in secrets:
        if secret:
            for form in _forms(secret):
                text = text.replace(form, REDACTED)
    text = _KEY.sub(REDACTED, text)
    return _BEARER.sub(rf"\g<1>{REDACTED}", text)


def _forms(secret: str) -> set[str]:
    """Return a secret as it may stand in a text: as it is, escaped, and inside of quotes."""
    if secret.isprintable() and "\\" not in secret and "'" not in secret:
        return {secret}
    quoted = repr(secret)[1:-1]
    return {secret, printable(secret), quoted, quoted.replace("\\'", "'")}
