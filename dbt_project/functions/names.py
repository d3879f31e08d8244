"""Names of people, queues and teams, compared as a person would: case, accents, order and signs count little."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from rapidfuzz import fuzz, utils


def name_similarity(first: str | None, second: str | None) -> Mapping[str, Any]:
    """Answer `score`: 0 (nothing in common) to 100 (the same words in any order); null where a name is empty."""
    one, other = _plain(first), _plain(second)
    if not one or not other:
        return {}
    return {"score": float(fuzz.token_sort_ratio(one, other))}


def _plain(name: str | None) -> str:
    bare = unicodedata.normalize("NFKD", (name or "").casefold())
    return utils.default_process("".join(sign for sign in bare if not unicodedata.combining(sign)))
