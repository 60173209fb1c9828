"""Pseudonyms of patients: the same for the same patient, whose identifier they do not show.

Who has a list of identifiers can find theirs by hashing it: this is no anonymity.

A split depends on the hash of a patient's identifier (splits.py). A pseudonym is that hash, so it
gives the same split, and what is written down names nobody.
"""

import hashlib
import re

PSEUDONYM = re.compile(r"patient-([0-9a-f]{16})")


def pseudonym(identifier: str) -> str:
    """The pseudonym of an identifier; a pseudonym stays as it is."""
    return identifier if PSEUDONYM.fullmatch(identifier) else f"patient-{_hash(identifier).hex()}"


def hash_of_subject(name: str) -> bytes:
    """The hash of a patient's identifier or volume's name, or that in a pseudonym."""
    found = PSEUDONYM.fullmatch(name)
    return bytes.fromhex(found[1]) if found else _hash(name)


def _hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()
