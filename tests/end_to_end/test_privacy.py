"""Identifiers in the headers of scan files reach no output, log, report or checkpoint."""

import contextlib
import gzip
import json
import re
import sys
import zlib

import h5py
import numpy as np
import pytest

from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.readers import open_source
from mript_jax.data.records import encode_record

PLANTED = ("Zyxwvut", "QQ-4711-QQ", "19370412", "Sanatorium")  # name, number, birthday, place
SUBJECT = (
    "<subjectInformation><patientName>Zyxwvut^Anna</patientName><patientID>QQ-4711-QQ</patientID>"
    "<patientBirthdate>1937-04-12</patientBirthdate></subjectInformation>"
)
SIZE, FILES = 32, 6 if "--slow" in sys.argv else 1


def image(seed):
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    noise = np.random.default_rng(seed).random((SIZE, SIZE))
    return (np.hypot(x, y) < 10) * 1000 + 50 * noise


def kspace(seed):
    """[2, C, H, W] of two slices and coils."""
    spectrum = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image(seed))))
    return np.broadcast_to(spectrum, (2, 2, SIZE, SIZE)).astype(np.complex64)


def fastmri(folder, number):
    write_fastmri_h5(folder / f"{number}.h5", 3, number, slices=2, size=SIZE)
    with h5py.File(folder / f"{number}.h5", "a") as file:
        file.attrs["patient_id"] = f"QQ-4711-QQ-{number}"
        file.attrs["patient_name"] = "Zyxwvut^Anna"
        header = file["ismrmrd_header"][()].decode()
        place = header.index("<encoding>")
        del file["ismrmrd_header"]
        file["ismrmrd_header"] = header[:place] + SUBJECT + header[place:]


def ismrmrd(folder, number):
    package = pytest.importorskip("ismrmrd")
    from tests.hostile.samples.hdf5 import XML

    size = XML.format(z=1)
    for name, value in {"x": SIZE, "y": SIZE, "maximum": SIZE - 1, "center": SIZE // 2}.items():
        size = re.sub(rf"<{name}>\d+", f"<{name}>{value}", size)
    place = size.index("<encoding>")
    system = "<acquisitionSystemInformation><institutionName>Sanatorium</institutionName>"
    system += "</acquisitionSystemInformation><experimentalConditions><H1resonanceFrequency_Hz>"
    system += "1</H1resonanceFrequency_Hz></experimentalConditions>"
    with package.Dataset(str(folder / f"{number}.h5"), "dataset") as file:
        file.write_xml_header((size[:place] + SUBJECT + system + size[place:]).encode())
        for s, w in np.ndindex(2, SIZE):
            line = package.Acquisition.from_array(kspace(number)[s, :, :, w])
            line.idx.slice, line.idx.kspace_encode_step_1, line.center_sample = s, w, SIZE // 2
            file.append_acquisition(line)


def dicom(folder, number):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data = pydicom.Dataset()
    data.PatientName, data.PatientID = "Zyxwvut^Anna", f"QQ-4711-QQ-{number}"
    data.PatientBirthDate, data.InstitutionName = "19370412", "Sanatorium"
    data.AccessionNumber = data.StudyID = "QQ-4711-QQ"
    data.ReferringPhysicianName = data.SeriesDescription = "Zyxwvut"
    data.SOPClassUID, data.Modality = "1.2.840.10008.5.1.4.1.1.4", "MR"
    data.SOPInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.StudyInstanceUID = generate_uid()
    data.Rows = data.Columns = SIZE
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.InstanceNumber = 15, 0, 1
    data.PixelData = image(number).astype(np.uint16).tobytes()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.save_as(folder / f"{number}.dcm", enforce_file_format=True)


def nifti(folder, number):
    nibabel = pytest.importorskip("nibabel")
    volume = nibabel.Nifti1Image(np.stack([image(number)] * 4, -1).astype(np.float32), np.eye(4))
    volume.header["descrip"], volume.header["aux_file"] = b"Zyxwvut Anna 19370412", b"QQ-4711-QQ"
    volume.header["db_name"], volume.header["intent_name"] = b"Sanatorium", b"QQ-4711-QQ"
    volume.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Zyxwvut"))
    nibabel.save(volume, folder / f"{number}.nii.gz")


def cmrxrecon(folder, number):
    fields = np.dtype([("real", "<f4"), ("imag", "<f4")])
    with h5py.File(folder / f"{number}.mat", "w", userblock_size=512) as file:
        array = np.ascontiguousarray(kspace(number)).view(fields).reshape(2, 2, SIZE, SIZE)
        file["kspace_full"] = array
        file["kspace_full"].attrs["name"] = file.attrs["patient"] = "Zyxwvut QQ-4711-QQ"
        file["patient"] = "Zyxwvut^Anna"
    with (folder / f"{number}.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Zyxwvut QQ-4711-QQ Sanatorium")


WRITERS = {f.__name__: f for f in (fastmri, ismrmrd, dicom, nifti, cmrxrecon)}


@pytest.fixture(params=WRITERS)
def scans(request, tmp_path, monkeypatch):
    """The name of a format, and a folder of files of it with planted identifiers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(FILES):
        WRITERS[request.param](folder, number)
    written = b"".join(contents(path) for path in folder.iterdir())
    assert b"Zyxwvut" in written and b"QQ-4711-QQ" in written
    return request.param, folder


def contents(path):
    """All bytes of a file, and those behind its compression."""
    data = path.read_bytes()
    parts = [data]
    if path.suffix == ".gz":
        parts.append(gzip.decompress(data))
    start = data.find(b"\x78\x9c")
    while start >= 0:  # zlib streams, as in PNG and HDF5
        with contextlib.suppress(zlib.error):
            parts.append(zlib.decompressobj().decompress(data[start:]))
        start = data.find(b"\x78\x9c", start + 1)
    return b"".join(parts)


def assert_nobody_is_named(data, where):
    for word in PLANTED:
        for form in (word, word.lower(), word.upper()):
            assert form.encode() not in data and form.encode("utf-16-le") not in data, where


def test_records_and_caches_name_nobody(scans, tmp_path):
    kind, folder = scans
    source = open_source(kind, str(folder))
    texts = [*source.groups, *source.subjects, *source.names]
    assert_nobody_is_named(json.dumps(list(map(str, texts))).encode(), "names of the source")
    for index in range(len(source)):
        assert_nobody_is_named(encode_record(source[index]), f"record {index}")
    for path in (tmp_path / "cache").rglob("*"):
        # A user chooses DICOM series by their descriptions, which the user's own cache keeps.
        if path.is_file() and kind != "dicom":
            assert_nobody_is_named(path.read_bytes(), path)


@pytest.mark.slow
def test_outputs_name_nobody(scans, tmp_path, launch):
    kind, folder = scans
    out, config = tmp_path / "out", "--config=configs/unet.py"
    prepared, run = out / "prepared", out / "run"
    fields = {
        **{"data.image_size": SIZE, "model.features": 4, "model.pools": 1, "model.iterations": 0},
        **{"loss": "l1", "total_steps": 2, "optimizer.warmup_steps": 0, "global_batch_size": 2},
        **{"evaluate_every_steps": 2, "data.split_fractions": (0.34, 0.33, 0.33)},
        "data.max_broken": 1,
    }
    flags = [f"--config.{name}={value}" for name, value in fields.items()]
    data = [f"--config.data.source={kind}", f"--config.data.path={folder}"]
    said = [
        launch("prepare_data.py", f"--format={kind}", f"--input={folder}", f"--output={prepared}"),
        launch("train.py", config, f"--workdir={run}", *flags, *data),
        launch("evaluate.py", f"--checkpoint={run}", f"--output={out / 'results'}"),
        launch("export.py", f"--checkpoint={run}", f"--output={out / 'model.mript'}"),
    ]
    if kind in ("fastmri", "ismrmrd", "cmrxrecon"):
        reconstructed = f"--output={out / 'images'}"
        said.append(
            launch("reconstruct.py", f"--input={folder}", f"--format={kind}", reconstructed)
        )
    for result in said:
        assert result.status == 0, result
        assert_nobody_is_named((result.stdout + result.stderr).encode(), "log")
    paths = [path for path in out.rglob("*") if path.is_file()]
    assert any("tfevents" in path.name for path in paths)
    assert any(path.name == "report.html" for path in paths)
    for path in paths:
        assert_nobody_is_named(contents(path), path)


def test_planted_words_are_found_behind_compression(tmp_path):
    (tmp_path / "a").write_bytes(b"\0" * 9 + zlib.compress(b"Zyxwvut" * 9))
    with pytest.raises(AssertionError):
        assert_nobody_is_named(contents(tmp_path / "a"), "a")
