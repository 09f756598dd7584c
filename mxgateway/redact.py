"""Takes credentials out of text before a person or a log sees it."""

import re

REDACTED = "***"

# A gateway key is `mxgw_<key-id>_<secret>`; the secret may hold underscores and
# other token characters, so everything after the prefix goes.
_KEY = re.compile(r"mxgw_[^\s\"'<>,;:()\[\]{}]+", re.IGNORECASE)
_BEARER = re.compile(r"(bearer[\s=:\"']+)[^\s\"'<>,;()\[\]{}]+", re.IGNORECASE)


def redact(text: str, *secrets: str | None) -> str:
    """Return `text` with every gateway key, bearer token and given secret replaced by `***`.

    The whole token is replaced wherever it stands; no leading or trailing
    characters of it are kept.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, REDACTED)
    text = _KEY.sub(REDACTED, text)
    return _BEARER.sub(rf"\g<1>{REDACTED}", text)
