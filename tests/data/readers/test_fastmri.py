import pickle
import shutil

import h5py
import numpy as np
import pytest

from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.pseudonyms import pseudonym
from mript_jax.data.readers.fastmri import FastMRISource
from mript_jax.data.readers.reference import image_from_kspace
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError
from mript_jax.physics.masks import sample_mask

SIZE, SLICES = 32, 4


def write(folder, name="file1.h5", seed=0, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    write_fastmri_h5(folder / name, seed, 0, slices=SLICES, size=SIZE, **changes)
    return folder / name


def edit(path, remove=(), attributes=None, **arrays):
    with h5py.File(path, "a") as file:
        for name in (*remove, *arrays):
            if name in file:
                del file[name]
        for name, array in arrays.items():
            file[name] = array
        file.attrs.update(attributes or {})


@pytest.mark.parametrize(("coils", "name"), [(1, "reconstruction_esc"), (4, "reconstruction_rss")])
def test_records_hold_what_the_file_holds(tmp_path, coils, name):
    path = write(tmp_path, coils=coils)
    source = FastMRISource(str(path))
    with h5py.File(path) as file:
        for i in range(SLICES):
            record = source[i]
            np.testing.assert_array_equal(record.image, file[name][i])
            np.testing.assert_array_equal(
                record.kspace, file["kspace"][i].reshape(coils, 2 * SIZE, SIZE)
            )
            assert record.maximum == file.attrs["max"]
            assert record.attributes["acquisition"] == file.attrs["acquisition"]
            assert "patient_id" not in record.attributes
            assert record.attributes["recon_size"] == [SIZE, SIZE]
            assert (record.volume, record.slice_index) == ("file1.h5", i)
    assert list(source.groups) == ["file1.h5"] * SLICES
    assert list(source.subjects) == [pseudonym("phantom-0-0")] * SLICES


@pytest.mark.parametrize("coils", [1, 4])
def test_the_stored_reconstruction_comes_out_of_kspace(tmp_path, coils):
    for record in FastMRISource(str(write(tmp_path, coils=coils))):
        image = image_from_kspace(record.kspace, record.attributes["recon_size"])
        assert np.linalg.norm(image - record.image) < 1e-5 * np.linalg.norm(record.image)


@pytest.mark.parametrize("coils", [1, 4])
@pytest.mark.parametrize("kspace", [True, False])
def test_a_missing_reconstruction_is_made(tmp_path, coils, kspace):
    path = write(tmp_path, coils=coils)
    stored = [record.image for record in FastMRISource(str(path))]
    edit(path, remove=("reconstruction_esc", "reconstruction_rss"))
    made = [record.image for record in FastMRISource(str(path), kspace=kspace)]
    np.testing.assert_allclose(made, stored, rtol=1e-4, atol=1e-5 * np.max(stored))


def test_single_coil_files_with_both_references_give_the_single_coil_one(tmp_path):
    path = write(tmp_path)
    edit(path, reconstruction_rss=np.full((SLICES, SIZE, SIZE), 7, np.float32))
    assert FastMRISource(str(path))[0].image.max() != 7


def test_test_files_have_a_mask_and_no_image(tmp_path):
    path = write(tmp_path, coils=2, mask=("cartesian_random", 4.0, 0.08, 1))
    record = FastMRISource(str(path))[0]
    assert record.image is None
    assert record.mask.shape == (2 * SIZE, SIZE)
    assert not record.kspace[..., record.mask == 0].any()
    assert FastMRISource(str(path), kspace=False)[0].mask.shape == (2 * SIZE, SIZE)


def test_a_mask_may_be_of_two_dimensions(tmp_path):
    path = write(tmp_path, coils=2)
    mask = sample_mask("gaussian_2d", (2 * SIZE, SIZE), 4.0, 0.08, 0)
    edit(path, mask=mask)
    np.testing.assert_array_equal(FastMRISource(str(path))[0].mask, mask)
    edit(path, mask=mask[:-1])
    with pytest.raises(UserError, match=rf"mask is \[{2 * SIZE - 1}, {SIZE}\], its kspace"):
        FastMRISource(str(path))


@pytest.mark.parametrize("lines", [True, False])
def test_slices_may_have_masks_of_their_own(tmp_path, lines):
    path = write(tmp_path, coils=2)
    masks = np.stack(
        [sample_mask("cartesian_random", (2 * SIZE, SIZE), 4.0, 0.08, i) for i in range(SLICES)]
    )
    edit(path, mask=masks[:, 0] if lines else masks)
    for record in FastMRISource(str(path)):
        np.testing.assert_array_equal(record.mask, masks[record.slice_index])


def test_undersampled_kspace_without_a_mask_is_not_taken_for_a_reference(tmp_path):
    path = write(tmp_path, coils=2, mask=("cartesian_random", 4.0, 0.08, 1))
    with_mask = FastMRISource(str(path))[0].mask
    edit(path, remove=("mask",))
    record = FastMRISource(str(path))[0]
    assert record.image is None
    np.testing.assert_array_equal(record.mask, with_mask)


def test_zero_padded_kspace_is_fully_sampled_between_its_margins(tmp_path):
    path = write(tmp_path, coils=2)
    with h5py.File(path) as file:
        kspace, header = file["kspace"][()], file["ismrmrd_header"][()].decode()
    kspace[..., :5] = kspace[..., -3:] = 0
    header = header.replace("<maximum>31</maximum>", "<maximum>23</maximum>")
    header = header.replace("<center>16</center>", "<center>11</center>")
    edit(path, remove=("reconstruction_rss",), kspace=kspace, ismrmrd_header=header)
    record = FastMRISource(str(path))[0]
    assert record.mask is None and record.image.shape == (SIZE, SIZE)
    assert record.attributes["padding"] == [5, 29]


def test_averages_that_measured_alternate_lines_are_put_together(tmp_path):
    path = write(tmp_path, coils=2)
    stored = [record.image for record in FastMRISource(str(path))]
    with h5py.File(path) as file:
        kspace = file["kspace"][()]
    averages = np.stack([kspace, kspace, kspace])
    averages[0::2, ..., 0::2] = 0  # odd lines twice, even ones once, as in the prostate set
    averages[1, ..., 1::2] = 0
    edit(path, remove=("reconstruction_rss",), kspace=averages)
    made = [record.image for record in FastMRISource(str(path))]
    np.testing.assert_allclose(made, stored, rtol=1e-4, atol=1e-5 * np.max(stored))


def test_slices_are_left_out_at_both_ends(tmp_path):
    path = write(tmp_path)
    assert [record.slice_index for record in FastMRISource(str(path), skip_ends=1)] == [1, 2]


def test_acquisitions_are_told_apart(tmp_path):
    edit(write(tmp_path, "fat.h5"), attributes={"acquisition": "CORPDFS_FBK"})
    edit(write(tmp_path, "plain.h5"), attributes={"acquisition": "CORPD_FBK"})
    assert set(FastMRISource(str(tmp_path), acquisition="CORPD_FBK").groups) == {"plain.h5"}
    assert len(FastMRISource(str(tmp_path), acquisition="CORPD_FBK,CORPDFS_FBK")) == 2 * SLICES
    with pytest.raises(UserError, match="CORPDFS_FBK, CORPD_FBK"):
        FastMRISource(str(tmp_path), acquisition="AXT2")


def test_official_splits_are_those_of_the_folders(tmp_path):
    folders = {
        "singlecoil_train": "train",
        "knee_singlecoil_val": "validation",
        "brain_multicoil_test_batch_0": "test",
        "multicoil_test_v2": "test",
        "multicoil_trainings": "",
        "valves": "",
    }
    for folder in folders:
        write(tmp_path / folder / "inner", f"{folder}.h5")
    source = FastMRISource(str(tmp_path))
    found = dict(zip(source.groups, source.official_splits, strict=True))
    assert found == {f"{folder}.h5": split for folder, split in folders.items()}
    assert FastMRISource(str(tmp_path / "valves")).official_splits is None


def test_official_split_of_a_folder_is_that_of_its_own_name(tmp_path, monkeypatch):
    write(tmp_path / "knee_singlecoil_val")
    (only,) = set(FastMRISource(str(tmp_path / "knee_singlecoil_val")).official_splits)
    monkeypatch.chdir(tmp_path / "knee_singlecoil_val")
    assert set(FastMRISource(".").official_splits) == {only} == {"validation"}


def test_a_source_can_be_sent_to_a_worker(tmp_path):
    source = FastMRISource(str(write(tmp_path)))
    source[0]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))[1].image, source[1].image)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:3000])


def with_nan(path):
    image = np.ones((SLICES, SIZE, SIZE), np.float32)
    image[:, 3, 4] = np.nan
    edit(path, reconstruction_esc=image)


def with_group(path, name):
    edit(path, remove=(name,))
    with h5py.File(path, "a") as file:
        file.create_group(name)


def with_link(path, name, link):
    edit(path, remove=(name,))
    with h5py.File(path, "a") as file:
        file[name] = link


def with_storage(path):
    edit(path, remove=("kspace",))
    with h5py.File(path, "a") as file:
        shape = (SLICES, SIZE, SIZE)
        external = [("nowhere.bin", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("kspace", shape, np.complex64, external=external)


def with_size(path, shape, chunks):
    edit(path, remove=("kspace", "reconstruction_esc", "ismrmrd_header"))
    with h5py.File(path, "a") as file:
        file.create_dataset("kspace", shape, np.complex64, chunks=chunks)


BREAK = {
    "group": (lambda p: with_group(p, "kspace"), "kspace is no array but .* group"),
    "mask group": (lambda p: with_group(p, "mask"), "mask is no array"),
    "type": (lambda p: with_link(p, "kspace", np.dtype("f4")), "kspace is no array"),
    "external link": (
        lambda p: with_link(p, "kspace", h5py.ExternalLink("other.h5", "/kspace")),
        "link to another file",
    ),
    "external storage": (with_storage, "lies in another file"),
    "huge slice": (lambda p: with_size(p, (2, 64, 8192, 8192), (1, 1, 64, 64)), "would take"),
    "huge chunk": (lambda p: with_size(p, (8192,) * 3, (1024,) * 3), "chunks of 8589934592 bytes"),
    "attribute": (lambda p: edit(p, attributes={"acquisition": [1, 2]}), "attribute acquisition"),
    "complex attribute": (lambda p: edit(p, attributes={"patient_id": 1j}), "attribute patient_id"),
    "maximum": (lambda p: edit(p, attributes={"max": np.nan}), "attribute max is nan"),
    "mask of text": (lambda p: edit(p, mask=[b"a"] * SIZE), "its mask should be numbers"),
    "mask of nan": (lambda p: edit(p, mask=np.full(SIZE, np.nan)), "something else than 0 and 1"),
    "negative mask": (lambda p: edit(p, mask=-np.ones(SIZE)), "something else than 0 and 1"),
    "empty mask": (lambda p: edit(p, mask=np.zeros(SIZE)), "samples nothing"),
    "header array": (lambda p: edit(p, ismrmrd_header=np.ones(3)), "not one text"),
    "cut short": (cut_short, "cut short"),
    "no arrays": (lambda p: edit(p, remove=("kspace", "reconstruction_esc")), "neither kspace nor"),
    "nan": (with_nan, "NaN"),
    "zero slice": (
        lambda p: edit(p, reconstruction_esc=np.zeros((SLICES, SIZE, SIZE))),
        "all zero",
    ),
    "real kspace": (lambda p: edit(p, kspace=np.ones((SLICES, SIZE, SIZE))), "complex numbers"),
    "text image": (lambda p: edit(p, reconstruction_esc=[b"a"] * SLICES), "real numbers"),
    "flat image": (lambda p: edit(p, reconstruction_esc=np.ones(SLICES)), "impossible shape"),
    "other count": (
        lambda p: edit(p, reconstruction_esc=np.ones((2, SIZE, SIZE))),
        "reconstruction_esc 2",
    ),
    "header text": (lambda p: edit(p, ismrmrd_header="<not xml"), "not XML"),
    "header size": (
        lambda p: edit(
            p,
            ismrmrd_header="<h><encodedSpace><matrixSize><x>99999999</x><y>32</y></matrixSize>"
            "</encodedSpace></h>",
        ),
        "impossible encodedSpace",
    ),
}


@pytest.mark.parametrize("damage", BREAK)
def test_a_broken_file_is_told_by_path_and_costs_nothing_else(tmp_path, damage):
    break_it, why = BREAK[damage]
    break_it(write(tmp_path, "broken.h5"))
    write(tmp_path, "whole.h5", seed=1)
    source = FastMRISource(str(tmp_path))
    first = list(source.groups).index("broken.h5")
    with pytest.raises(BrokenRecord, match=why) as caught:
        source[first]
    assert str(tmp_path / "broken.h5") in caught.value.path
    assert source[len(source) - 1].volume == "whole.h5"


def test_a_link_out_of_the_folder_is_not_read(tmp_path):
    outside = write(tmp_path, "outside.h5")
    write(tmp_path / "data", "a.h5")
    (tmp_path / "data" / "b.h5").symlink_to(outside)
    source = FastMRISource(str(tmp_path / "data"))
    with pytest.raises(BrokenRecord, match="leads out"):
        source[len(source) - 1]


def test_a_single_broken_file_is_refused_at_once(tmp_path):
    path = write(tmp_path)
    cut_short(path)
    with pytest.raises(UserError, match=r"file1\.h5"):
        FastMRISource(str(path))


def test_files_that_come_later_are_seen(tmp_path):
    path = write(tmp_path, "a.h5")
    shutil.copy(path, tmp_path / "b.h5")
    assert len(FastMRISource(str(tmp_path))) == 2 * SLICES
    shutil.copy(path, tmp_path / "c.h5")
    assert len(FastMRISource(str(tmp_path))) == 3 * SLICES


def test_skip_ends_that_leave_no_slice_are_refused_with_what_would_do(tmp_path):
    for index, slices in enumerate((3, 8)):
        write_fastmri_h5(tmp_path / f"{index}.h5", 0, index, slices, 16)
    with pytest.raises(UserError, match="the longest has 8; use skip_ends=3 or less"):
        FastMRISource(str(tmp_path), skip_ends=5)
    assert len(FastMRISource(str(tmp_path), skip_ends=3)) == 2
