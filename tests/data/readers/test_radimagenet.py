import csv
import pickle

import numpy as np
import pytest
from PIL import Image

from mript_jax.data.readers.radimagenet import RadImageNetSource
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (20, 24), np.uint8)


@pytest.fixture
def root(tmp_path):
    names = {
        "MR": ("brain/normal", "knee/acl_tear"),
        "CT": ("lung/normal",),
        "US": ("thyroid/normal_thyroid",),
    }
    seed = 0
    for modality, places in names.items():
        for place in places:
            folder = tmp_path / "radiology_ai" / modality / place
            folder.mkdir(parents=True)
            for i in (3, 49, 50, 120):
                colors = np.stack([pixels(seed), pixels(1000), pixels(2000)], axis=-1)
                Image.fromarray(colors).save(folder / f"{place[:5].replace('/', '')}{i:06d}.png")
                seed += 1
    return tmp_path


def test_mr_slices_come_with_labels_and_their_first_channel(root):
    source = RadImageNetSource(str(root))
    assert len(source) == 8
    np.testing.assert_array_equal(source[0].image, pixels(0))
    np.testing.assert_array_equal(source[5].image, pixels(5))
    assert source[5].attributes == {
        "anatomy": "knee",
        "pathology": "acl_tear",
        "label": "acl_tear",
        "file": "radiology_ai/MR/knee/acl_tear/knee000049.png",
    }
    assert source[5].slice_index == 49
    assert pickle.loads(pickle.dumps(source))[2].attributes == source[2].attributes


@pytest.mark.parametrize("below", ["radiology_ai", "radiology_ai/MR", "radiology_ai/MR/knee"])
def test_any_folder_of_the_tree_can_be_given(root, below):
    source = RadImageNetSource(str(root / below))
    assert {source[i].attributes["anatomy"] for i in range(len(source))} >= {"knee"}


def test_neighbours_stay_together(root):
    source = RadImageNetSource(str(root))
    assert [group[-7:] for group in source.groups[:4]] == [
        "000000+",
        "000000+",
        "000050+",
        "000100+",
    ]
    assert source.groups[0] != source.groups[4]
    assert len(set(RadImageNetSource(str(root), block=1).groups)) == 8


def test_other_modalities_and_anatomies_can_be_chosen(root):
    assert len(RadImageNetSource(str(root), modality="CT")) == 4
    assert len(RadImageNetSource(str(root), anatomy="brain")) == 4
    with pytest.raises(UserError, match="there are: brain, knee"):
        RadImageNetSource(str(root), anatomy="hip")
    with pytest.raises(UserError, match="no MR slice"):
        RadImageNetSource(str(root / "radiology_ai" / "CT"))


def test_labels_come_from_the_csv(root):
    with (root / "train.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", "label"])
        rows.writerow(["radiology_ai/CT/lung/normal/lung000003.png", "normal"])
        rows.writerow(["radiology_ai/MR/knee/acl_tear/knee000050.png", "ACL tear"])
        rows.writerow(["radiology_ai/MR/knee/acl_tear/gone.png", "ACL tear"])
    source = RadImageNetSource(str(root), labels="train.csv")
    assert len(source) == 2
    np.testing.assert_array_equal(source[0].image, pixels(6))
    assert source[0].attributes["label"] == "ACL tear"
    with pytest.raises(BrokenRecord, match=r"gone\.png"):
        source[1]


def test_file_that_is_listed_twice_is_one_slice(root):
    row = "radiology_ai/MR/knee/acl_tear/knee000050.png,tear\n"
    (root / "train.csv").write_text("filename,label\n" + row + row)
    assert len(RadImageNetSource(str(root), labels="train.csv")) == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("MR/knee/tear/a.png,tear,more", "line 3 has no filename or no label, or more"),
        ("MR/knee/normal/b.png,tear", "another label than before"),
    ],
)
def test_a_row_that_cannot_be_is_refused(root, row, why):
    (root / "train.csv").write_text(f"filename,label\nMR/knee/normal/b.png,normal\n{row}\n")
    with pytest.raises(UserError, match=why) as caught:
        RadImageNetSource(str(root), labels="train.csv")
    assert "train.csv" in str(caught.value)


@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n"])
def test_an_unusable_csv_is_told(root, text):
    if text is not None:
        (root / "train.csv").write_text(text)
    with pytest.raises(UserError, match=r"train\.csv"):
        RadImageNetSource(str(root), labels="train.csv")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("radiology_ai/MR/brain/normal/brain000003.png", "line 2 has no filename or no label"),
        ("../MR/secret.png,x", "leads out"),
        ("/MR/secret.png,x", "leads out"),
    ],
)
def test_rows_of_labels_that_cannot_be_right_are_refused(root, row, why):
    (root / "labels.csv").write_text(f"filename,label\n{row}\n")
    with pytest.raises(UserError, match=why):
        RadImageNetSource(str(root), labels="labels.csv")
