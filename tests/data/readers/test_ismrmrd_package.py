"""ISMRMRD files that the standard's own package and tools wrote."""

import shutil
import subprocess

import h5py
import numpy as np
import pytest

from mript_jax.data.phantom.scan import HeadScan
from mript_jax.data.phantom.volume import header
from mript_jax.data.readers import open_source
from mript_jax.data.readers.describe import describe_source
from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c

ismrmrd = pytest.importorskip("ismrmrd")
SIZE, COILS = 48, 3
# Its phase is smooth, as that of a spin echo.
SCAN = HeadScan(slices=1, size=SIZE, coils=COILS, seed=9)
needs_tools = pytest.mark.skipif(
    shutil.which("ismrmrd_generate_cartesian_shepp_logan") is None,
    reason="ismrmrd-tools are not installed",
)


@pytest.fixture(scope="module")
def kspace():
    """[C, 2 SIZE, SIZE], the readout oversampled."""
    return next(SCAN.kspace(oversampling=2))


def acquisition(samples, flags=(), **fields):
    """An acquisition of samples [C, n]; counters and fields of the header by name."""
    made = ismrmrd.Acquisition.from_array(np.ascontiguousarray(samples))
    made.center_sample = samples.shape[1] // 2
    for flag in flags:
        made.set_flag(flag)
    for name, value in fields.items():
        setattr(made.idx if hasattr(made.idx, name) else made, name, value)
    return made


def lines(kspace, columns=None, **fields):
    columns = range(SIZE) if columns is None else columns
    return [acquisition(kspace[:, :, y], kspace_encode_step_1=int(y), **fields) for y in columns]


def read(path, acquisitions, change=lambda text: text):
    with ismrmrd.Dataset(str(path), "dataset") as dataset:
        dataset.write_xml_header(change(header(SIZE, (2 * SIZE, SIZE), COILS, 1)).encode())
        for one in acquisitions:
            dataset.append_acquisition(one)
    return open_source("ismrmrd", str(path))


def notes(record):
    return record.attributes.get("notes", [])


def relative_error(image, reference):
    return np.linalg.norm(image - reference) / np.linalg.norm(reference)


def test_each_repetition_has_its_own_mask(tmp_path, kspace):
    sampled = [np.arange(r % 4, SIZE, 4) for r in range(4)]
    made = [one for r in range(4) for one in lines(kspace, sampled[r], repetition=r)]
    source = read(tmp_path / "a.h5", made)
    for r in range(4):
        assert source[r].attributes["repetition"] == r
        assert np.flatnonzero(source[r].mask.all(axis=0)).tolist() == sampled[r].tolist()
        expected = kspace * np.isin(np.arange(SIZE), sampled[r])
        np.testing.assert_array_equal(source[r].kspace, expected)


def test_every_counter_is_a_slice_of_its_own_with_its_index(tmp_path, kspace):
    counters = [{"contrast": c, "slice": s} for s in range(2) for c in range(2)]
    counters += [{"phase": 1}, {"set": 1}]
    made = [one for i, of in enumerate(counters) for one in lines((i + 1) * kspace, [3, 24], **of)]
    source = read(tmp_path / "a.h5", made)
    assert len(source) == 6 and [source[i].slice_index for i in range(6)] == list(range(6))
    for record in source:
        wanted = {"set": 0, "phase": 0, "contrast": 0, "slice": 0, "repetition": 0}
        (number,) = (
            i
            for i, of in enumerate(counters)
            if wanted | of == {name: record.attributes[name] for name in wanted}
        )
        np.testing.assert_allclose(record.kspace[..., 24], (number + 1) * kspace[..., 24])
    # Slices of one contrast are neighbours.
    assert [source[i].attributes["slice"] for i in range(4)] == [0, 1, 0, 1]


def test_calibration_lines_are_part_of_the_scan(tmp_path, kspace):
    every, inner = np.arange(0, SIZE, 4), np.arange(18, 30)
    made = lines(kspace, every) + [
        one
        for y in np.setdiff1d(inner, every)
        for one in lines(kspace, [y], flags=[ismrmrd.ACQ_IS_PARALLEL_CALIBRATION])
    ]
    record = read(tmp_path / "a.h5", made)[0]
    assert np.flatnonzero(record.mask.all(axis=0)).tolist() == np.union1d(every, inner).tolist()
    np.testing.assert_array_equal(record.kspace[..., inner], kspace[..., inner])
    assert not notes(record)


def test_embedded_calibration_fills_what_imaging_left_out_alone(tmp_path, kspace):
    every, inner = np.arange(0, SIZE, 4), np.arange(17, 30)
    flags = [ismrmrd.ACQ_IS_PARALLEL_CALIBRATION]
    made = lines(kspace, every) + lines(5 * kspace, inner, flags=flags)
    record = read(tmp_path / "a.h5", made, with_mode("embedded"))[0]
    np.testing.assert_array_equal(record.kspace[..., every], kspace[..., every])
    others = np.setdiff1d(inner, every)
    np.testing.assert_array_equal(record.kspace[..., others], 5 * kspace[..., others])


def with_mode(mode):
    """A change of the header: how the calibration lines were measured."""
    text = f"<parallelImaging><calibrationMode>{mode}</calibrationMode></parallelImaging>"
    return lambda header: header.replace("</encoding>", f"{text}</encoding>")


@pytest.mark.parametrize("how", ["again", "shorter", "header", "set"])
def test_calibration_of_a_separate_scan_is_left_out(tmp_path, kspace, how):
    every, inner = np.arange(0, SIZE, 4), np.arange(17, 30)
    other = 5 * kspace[:, SIZE // 2 : -SIZE // 2] if how == "shorter" else 5 * kspace
    if how != "again":
        inner = np.setdiff1d(inner, every)
    counter = {"set": 1} if how == "set" else {}
    flags = [ismrmrd.ACQ_IS_PARALLEL_CALIBRATION]
    made = lines(kspace, every) + lines(other, inner, flags=flags, **counter)
    change = with_mode("separate") if how == "header" else str
    source = read(tmp_path / "a.h5", made, change)
    assert len(source) == 1
    assert np.flatnonzero(source[0].mask.all(axis=0)).tolist() == every.tolist()
    assert notes(source[0]) == [f"left out: {len(inner)} calibration lines of a separate scan"]


def test_noise_lines_make_the_noise_of_the_coils_independent(tmp_path, kspace):
    rng = np.random.default_rng(0)
    mixing = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 3]])

    def draw(count):
        noise = rng.standard_normal((2, COILS, count))
        return (mixing @ (noise[0] + 1j * noise[1])).astype(np.complex64)

    made = [acquisition(draw(400), [ismrmrd.ACQ_IS_NOISE_MEASUREMENT]) for _ in range(10)]
    made += lines(draw(2 * SIZE * SIZE).reshape(COILS, 2 * SIZE, SIZE))
    record = read(tmp_path / "a.h5", made)[0]
    assert notes(record) == ["whitened by 10 noise lines"]
    flat = record.kspace.reshape(COILS, -1)
    covariance = flat @ flat.conj().T / (2 * flat.shape[1])
    level = np.mean(np.diag(mixing @ mixing.T))  # the mean variance stays as it was
    np.testing.assert_allclose(covariance, level * np.eye(COILS), atol=0.15 * level)


@pytest.mark.parametrize(
    ("coils", "why"), [(COILS, "without independent noise"), (2 * COILS, "of other coils")]
)
def test_noise_that_does_not_serve_is_said_and_not_used(tmp_path, kspace, coils, why):
    noise = [acquisition(np.ones((coils, 50), np.complex64), [ismrmrd.ACQ_IS_NOISE_MEASUREMENT])]
    record = read(tmp_path / "a.h5", noise + lines(kspace))[0]
    np.testing.assert_array_equal(record.kspace, kspace)
    assert notes(record) == [f"left out: 1 noise line {why}"]


def partial(kspace, kind):
    """The lines that are measured, and how many columns and rows are missing at the start."""
    quarter = SIZE // 4
    if kind == "Fourier":
        return lines(kspace, range(quarter, SIZE)), np.s_[:, :, :quarter]
    made = lines(kspace[:, SIZE // 2 :], center_sample=SIZE // 2)
    return made, np.s_[:, : SIZE // 2]


@pytest.mark.parametrize("kind", ["Fourier", "echo"])
def test_partial_kspace_has_its_mask_and_a_reference_by_pocs(tmp_path, kspace, kind):
    made, missing = partial(kspace, kind)
    record = read(tmp_path / "a.h5", made)[0]
    assert not record.kspace[missing].any() and not record.mask[missing[1:]].any()
    assert record.mask.mean() == 0.75
    assert notes(record) == [f"partial {kind} 0.75: the reference is completed by POCS"]
    reference = read(tmp_path / "full.h5", lines(kspace))[0].image
    zero_filled = root_sum_of_squares(ifft2c(record.kspace), axis=0)[SIZE // 2 : -SIZE // 2]
    error = relative_error(record.image, reference)
    assert error < 0.5 * relative_error(zero_filled, reference)


def test_partial_fourier_of_a_rapid_phase_has_no_reference(tmp_path):
    kspace = next(HeadScan(slices=1, size=SIZE, coils=COILS, seed=11).kspace(oversampling=2))
    record = read(tmp_path / "a.h5", partial(kspace, "Fourier")[0])[0]
    assert record.image is None and record.mask.mean() == 0.75
    assert notes(record) == ["partial Fourier 0.75: no reference, since its phase is not smooth"]


def test_echo_planar_scan_with_phase_correction_is_refused(tmp_path, kspace):
    made = lines(kspace)
    for one in made[::2]:
        one.set_flag(ismrmrd.ACQ_IS_REVERSE)
    navigator = acquisition(kspace[:, :, 0], [ismrmrd.ACQ_IS_PHASECORR_DATA])
    with pytest.raises(UserError, match=r"a\.h5: .*Nyquist ghost"):
        read(tmp_path / "a.h5", [navigator, *made])


def test_image_is_cropped_to_the_field_of_view_of_the_header(tmp_path, kspace):
    def change(text):  # as a scanner that interpolates to twice as many pixels
        before = f"<reconSpace><matrixSize><x>{SIZE}</x><y>{SIZE}</y>"
        assert before in text
        return text.replace(before, before.replace(str(SIZE), str(2 * SIZE)))

    record = read(tmp_path / "a.h5", lines(kspace), change)[0]
    assert record.image.shape == (SIZE, SIZE) == tuple(record.attributes["recon_size"])


def test_slices_lie_where_the_acquisitions_say(tmp_path, kspace):
    turned = np.array([[0.0, 0.8, 0.6], [1.0, 0.0, 0.0], [0.0, 0.6, -0.8]])
    places = [np.array([10.0, -20.0, 30.0]) + 7.0 * s * turned[2] for s in range(3)]
    made = [
        one
        for s in range(3)
        for one in lines(
            kspace,
            [20, 24],
            slice=s,
            position=tuple(places[s]),
            read_dir=tuple(turned[0]),
            phase_dir=tuple(turned[1]),
            slice_dir=tuple(turned[2]),
        )
    ]
    source = read(tmp_path / "a.h5", made)
    lps = np.array([-1, -1, 1])  # the standard's axes beside NIfTI's
    for s in range(3):
        geometry = source[s].geometry
        center = geometry.affine @ (SIZE // 2, SIZE // 2, 0, 1)
        np.testing.assert_allclose(lps * center[:3], places[s], atol=1e-4)
        beside = geometry.affine @ (SIZE // 2 + 1, SIZE // 2, 0, 1)
        np.testing.assert_allclose(lps * (beside - center)[:3], 220 / SIZE * turned[0], atol=1e-4)
        np.testing.assert_allclose(geometry.pixel_mm, (220 / SIZE, 220 / SIZE, 7.0), rtol=1e-5)
    unplaced = read(tmp_path / "b.h5", lines(kspace))
    assert unplaced[0].geometry is None


def generate(path, *arguments):
    command = ["ismrmrd_generate_cartesian_shepp_logan", "-o", str(path), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.slow
@needs_tools
def test_tools_scan_with_calibration_and_noise_is_used_in_full(tmp_path):
    options = ["-m", "64", "-c", "4", "-a", "4", "-w", "16", "-r", "4", "-C", "-n", "0.01"]
    path = generate(tmp_path / "a.h5", *options)
    source = open_source("ismrmrd", str(path))
    with h5py.File(path) as file:
        heads = file["dataset/data"]["head"]
    image = heads[(heads["flags"] >> np.uint64(18)) & np.uint64(1) == 0]
    assert len(source) == 4 * 4  # the tool shifts the lines by one after each repetition
    for r in range(16):
        lines = image["idx"]["kspace_encode_step_1"][image["idx"]["repetition"] == r]
        assert np.flatnonzero(source[r].mask.all(axis=0)).tolist() == sorted(set(lines.tolist()))
        assert "whitened by" in " ".join(notes(source[r]))
    (line,) = describe_source(source)
    assert line.startswith("a.h5: 16 slices, 4 coils, 64 x 64 (k-space 128 x 64), acceleration")


@pytest.mark.slow
@needs_tools
@pytest.mark.parametrize("options", [[], ["-O", "1"], ["-r", "3"], ["-k"]])
def test_images_are_those_of_the_tools(tmp_path, options):
    path = generate(tmp_path / "a.h5", "-m", "64", "-c", "4", *options)
    ours = shutil.copy(path, tmp_path / "b.h5")  # the tool locks its file
    source = open_source("ismrmrd", str(ours))
    image = source[len(source) - 1].image  # the tool takes the last repetition
    subprocess.run(["ismrmrd_recon_cartesian_2d", str(path)], check=True, capture_output=True)
    with h5py.File(path) as file:
        theirs = np.squeeze(file["dataset/cpp/data"][()]).T
    assert theirs.shape == image.shape
    scaled = theirs * (theirs * image).sum() / (theirs**2).sum()
    assert np.abs(scaled - image).max() < 1e-5 * image.max()
