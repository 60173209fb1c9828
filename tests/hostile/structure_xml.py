"""Damage to an XML header: sizes, elements, entities, depth."""

import random
import re

NUMBERS = [
    "0",
    "-1",
    "1",
    "7",
    "4096",
    "4097",
    "99999",
    "2147483648",
    "1e9",
    "1.5",
    "nan",
    "NaN",
    "inf",
    "0x10",
    "٣",
    "9{4400}",
    "+3",
]
BOMB = (
    b'<!DOCTYPE a [<!ENTITY a0 "lol">'
    + b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 10))
    + b"]>"
)
OUTSIDE = b'<!DOCTYPE a [<!ENTITY a9 SYSTEM "file:///etc/passwd">]>'


def damage_xml(text: bytes, rng: random.Random) -> bytes:
    return rng.choice(ALL)(text, rng)


def _number(text: bytes, rng: random.Random) -> bytes:
    spans = [match.span(1) for match in re.finditer(rb">\s*([0-9.]+)\s*<", text)]
    for start, end in rng.sample(spans, rng.randint(1, 2)):
        word = rng.choice(NUMBERS).encode()
        text = text[:start] + word.ljust(end - start) + text[end:]
        if len(word) > end - start:
            break
    return text


def _element_gone(text: bytes, rng: random.Random) -> bytes:
    names = re.findall(rb"<(\w+)>", text)
    name = rng.choice(names)
    return re.sub(rb"<%s>.*?</%s>" % (name, name), b"", text, count=1, flags=re.DOTALL)


def _element_twice(text: bytes, rng: random.Random) -> bytes:
    names = re.findall(rb"<(\w+)>", text)
    name = rng.choice(names)
    return re.sub(rb"(<%s>.*?</%s>)" % (name, name), rb"\1\1", text, count=1, flags=re.DOTALL)


def _renamed(text: bytes, rng: random.Random) -> bytes:
    name = rng.choice(re.findall(rb"<(\w+)>", text))
    return text.replace(b"<%s>" % name, b"<x>").replace(b"</%s>" % name, b"</x>")


def _bomb(text: bytes, rng: random.Random) -> bytes:
    start = text.index(b"?>") + 2 if text.startswith(b"<?xml") else 0
    declared = rng.choice((BOMB, OUTSIDE))
    body = re.sub(rb">\s*[0-9.]+\s*<", b">&a9;<", text[start:], count=1)
    return text[:start] + declared + body


def _deep(text: bytes, rng: random.Random) -> bytes:
    depth = rng.choice((100, 5_000, 60_000))
    return text.replace(b"</ismrmrdHeader>", b"<a>" * depth + b"</a>" * depth + b"</ismrmrdHeader>")


def _cut(text: bytes, rng: random.Random) -> bytes:
    return text[: rng.randrange(len(text))]


def _not_utf8(text: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(text))
    return text[:place] + rng.choice((b"\xff\xfe", b"\xc3\x28", b"\x01", b"&#0;")) + text[place:]


def _encoding(text: bytes, rng: random.Random) -> bytes:
    name = rng.choice((b"utf-7", b"utf-16", b"latin-1", b"rot13", b"idna", b"nonsense", b"zlib"))
    body = text.split(b"?>", 1)[-1]
    return b'<?xml version="1.0" encoding="%s"?>' % name + body


def _trajectory(text: bytes, rng: random.Random) -> bytes:
    return text.replace(b"cartesian", rng.choice((b"radial", b"", b" ", b"<a/>", b"CARTESIAN")))


ALL = (
    *(_number, _number, _element_gone, _element_twice, _renamed, _bomb, _deep, _cut),
    *(_not_utf8, _encoding, _trajectory),
)
