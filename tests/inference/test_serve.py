"""The server of the MRD streaming protocol, with clients of ours and of the standard's package."""

import dataclasses
import shutil
import socket
import struct
import subprocess
import sys
import threading

import h5py
import numpy as np
import pytest

from mript_jax.config import base_config
from mript_jax.data.phantom.files import write_phantom
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.data.readers import open_source
from mript_jax.inference.estimate import Estimate
from mript_jax.inference.mrd_stream import ACQUISITION, CLOSE, CONFIG_FILE, HEADER, TEXT, WAVEFORM
from mript_jax.inference.pipeline import reconstruct_volume
from mript_jax.inference.save.mrd import HEAD as IMAGE_HEAD
from mript_jax.inference.serve import serve_client
from mript_jax.models import MODELS
from mript_jax.physics.crop import zero_filled_scan


def combined(slices):
    """The zero-filled images, without maps, which take long to compile."""
    images = np.abs(zero_filled_scan(slices.kspace))
    return Estimate(images, np.zeros(len(images)))


METHODS = {"zero_filled": combined}
SCAN = HeadScan(slices=2, size=16, coils=2, acceleration=2.0)
CONFIG = struct.pack("<H1024s", CONFIG_FILE, b"mript")
PULSE = struct.pack("<HH6xQIIIHHfHxx", WAVEFORM, 1, 0, 0, 0, 0, 3, 2, 1.0, 0) + bytes(24)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_phantom(tmp_path_factory.mktemp("scan") / "head.h5", "ismrmrd", SCAN)


@pytest.fixture(scope="module")
def expected(path):
    return reconstruct_volume(METHODS, open_source("ismrmrd", str(path)), None).reconstruction


def messages_of(path):
    """The header and the lines of a scan, as a client sends them."""
    with h5py.File(path) as file:
        text = file["dataset/xml"][0] + b"\0"
        lines = file["dataset/data"][()]
    rows = [row["head"].tobytes() + row["traj"].tobytes() + row["data"].tobytes() for row in lines]
    return [
        struct.pack("<HI", HEADER, len(text)) + text,
        *(struct.pack("<H", ACQUISITION) + row for row in rows),
    ]


@pytest.fixture(scope="module")
def messages(path):
    return messages_of(path)


@pytest.fixture(params=[METHODS])
def client(request):
    """A connection to a server that serves one client."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve_client, args=(theirs, "test", request.param))
    thread.start()
    with ours:
        ours.settimeout(60)
        yield ours
    thread.join()


def answer(client, method=b"zero_filled"):
    """The images [N, H, W], and the texts, that come until the close."""
    images, texts = [], []
    with client.makefile("rb") as stream:
        while True:
            (number,) = struct.unpack("<H", stream.read(2))
            if number == CLOSE:
                assert not stream.read(1)
                return np.array(images), texts
            if number == TEXT:
                (length,) = struct.unpack("<I", stream.read(4))
                texts.append(stream.read(length).decode())
                continue
            (head,) = np.frombuffer(stream.read(IMAGE_HEAD.itemsize), IMAGE_HEAD)
            (length,) = struct.unpack("<Q", stream.read(8))
            assert method in stream.read(length)
            width, height, _ = head["matrix_size"].tolist()
            pixels = np.frombuffer(stream.read(4 * width * height), "<f4")
            images.append(pixels.reshape(height, width))


def test_streamed_lines_come_back_as_the_images_of_the_same_file(client, messages, expected):
    for message in (CONFIG, *messages, PULSE, struct.pack("<H", CLOSE)):
        client.sendall(message)
    images, texts = answer(client)
    np.testing.assert_allclose(images, expected, rtol=1e-5)
    assert not texts


def test_scan_unlike_the_training_data_is_warned_of_before_its_images(messages, capfd, monkeypatch):
    monkeypatch.setitem(MODELS, "zero_filled", MODELS["unrolled"])
    config = base_config().unlock()
    config.model = {"name": "zero_filled"}  # as if it were a network
    config.data.image_size = 16
    config.data.patterns = ("spiral",)
    ours, theirs = socket.socketpair()
    with ours:
        for message in (*messages, struct.pack("<H", CLOSE)):
            ours.sendall(message)
        serve_client(theirs, "test", METHODS, config=config)
        images, texts = answer(ours)
    assert len(images) == 2 and texts
    assert texts[0].startswith("warning: the sampling pattern ") and "spiral" in texts[0]
    assert capfd.readouterr().err.startswith("warning: test: the sampling pattern ")


@pytest.mark.parametrize("sent", [0, 3, None], ids=["nothing", "half", "all"])
def test_client_that_is_gone_is_a_line_and_the_end(messages, capfd, sent):
    ours, theirs = socket.socketpair()
    with ours:
        for message in messages[:sent]:
            ours.sendall(message)
    serve_client(theirs, "test", METHODS)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: test: ") and theirs.fileno() == -1


@pytest.mark.parametrize("client", [{"never": None}], indirect=True)
def test_fully_sampled_scan_is_transformed_whatever_the_method(client, tmp_path):
    whole = write_phantom(
        tmp_path / "head.h5", "ismrmrd", dataclasses.replace(SCAN, acceleration=1, coils=1)
    )
    for message in (*messages_of(whole), struct.pack("<H", CLOSE)):
        client.sendall(message)
    images, _ = answer(client)
    expected = [record.image for record in open_source("ismrmrd", str(whole))]
    np.testing.assert_allclose(images, expected, rtol=1e-4)


@pytest.mark.slow
def test_command_serves_the_next_client_after_a_bad_one(messages, expected):
    command = [sys.executable, "-c", "from mript_jax.commands.main import main; main()"]
    command += ["serve", "--port=0", "--method=zero_filled"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline().rpartition(":")[2])
        for content, count in (([b"\xff\xff\xff"], 0), (messages, len(expected))):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                for message in content:
                    connection.sendall(message)
                connection.shutdown(socket.SHUT_WR)
                images, texts = answer(connection)
                assert len(images) == count and len(texts) == (count == 0)
        server.terminate()


def test_client_of_the_standards_package_gets_its_images(client, path, expected, tmp_path):
    ismrmrd = pytest.importorskip("ismrmrd")
    own = shutil.copy(path, tmp_path)  # which the package opens to write
    with ismrmrd.Dataset(own, "dataset", create_if_needed=False) as dataset:
        header = dataset.read_xml_header() + b"\0"
        client.sendall(CONFIG + struct.pack("<HI", HEADER, len(header)) + header)
        for number in range(dataset.number_of_acquisitions()):
            client.sendall(struct.pack("<H", ACQUISITION))
            dataset.read_acquisition(number).serialize_into(client.sendall)
    client.sendall(struct.pack("<H", CLOSE))
    with client.makefile("rb") as stream:
        for image in expected:
            assert stream.read(2) == struct.pack("<H", 1022)
            found = ismrmrd.Image.deserialize_from(stream.read)
            np.testing.assert_allclose(found.data[0, 0], image, rtol=1e-5)
            assert found.meta["method"] == "zero_filled"
        assert stream.read() == struct.pack("<H", CLOSE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda messages: [struct.pack("<H", 999)], "message 999"),
        (lambda messages: [messages[0], messages[1][:100]], "ended within a message"),
        (lambda messages: [messages[0]], "no line of k-space"),
        (lambda messages: messages[1:], "no header"),
        (lambda messages: [struct.pack("<HI", HEADER, 2**31)], "names 2147483648 bytes"),
        (lambda messages: [struct.pack("<HI", HEADER, 4) + b"<a>\0", messages[1]], "XML"),
    ],
)
def test_bad_message_is_answered_with_one_line_and_a_close(client, capfd, messages, content, words):
    for message in content(messages):
        client.sendall(message)
    client.shutdown(socket.SHUT_WR)
    images, (text,) = answer(client)
    assert not len(images) and text.startswith("error: ") and words in text
    (line,) = capfd.readouterr().err.splitlines()
    assert words in line
