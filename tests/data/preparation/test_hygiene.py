import dataclasses

import numpy as np

from mript_jax.data.phantom.source import PhantomSource
from mript_jax.data.preparation import hygiene
from mript_jax.data.records import Record


def test_blank_slices_are_told_from_those_with_content():
    image = np.zeros((64, 64), np.float32)
    assert hygiene.is_blank(image)
    assert hygiene.is_blank(image + 7)
    image[3, 4] = 1
    assert hygiene.is_blank(image)
    image[20:30, 20:30] = 1
    assert not hygiene.is_blank(image)


def test_no_generated_slice_is_blank():
    source = PhantomSource(count=12, size=64)
    assert not any(hygiene.is_blank(source[i].image) for i in range(12))


def test_the_hash_is_of_the_content_alone():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    record = Record(image, "a", 0)
    assert hygiene.content_hash(record) == hygiene.content_hash(Record(image.copy(), "b", 5))
    assert hygiene.content_hash(record) != hygiene.content_hash(Record(image.T, "a", 0))
    assert hygiene.content_hash(record) != hygiene.content_hash(Record(image.reshape(4, 3), "a", 0))
    without = dataclasses.replace(record, image=None, kspace=np.ones((1, 2, 2), np.complex64))
    assert hygiene.content_hash(without) != hygiene.content_hash(record)


def test_the_first_of_equal_elements_stays():
    assert hygiene.duplicates("abacab") == {2: 0, 4: 0, 5: 1}
