"""The XML header of scans; what scans make of it is in the tests of their readers."""

import pytest

from mript_jax.data.readers.header import read_header


@pytest.mark.parametrize("encoding", ["utf-7", "utf-16", "rot13", "zlib", "idna", "none"])
def test_encoding_that_the_text_has_not_is_refused(encoding):
    with pytest.raises(ValueError, match="is not XML"):
        read_header(f'<?xml version="1.0" encoding="{encoding}"?><h/>'.encode())
