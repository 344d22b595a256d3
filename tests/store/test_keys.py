"""The master key and what it seals."""

import base64
import threading
from pathlib import Path

import pytest

from fieldserve.store.keys import KeyFault, Seal, open_seal

KEY = bytes(range(32))


class TestSeal:
    def test_back_again(self) -> None:
        """What was sealed is opened by the same key for the same thing."""
        assert Seal(KEY).open(Seal(KEY).seal(b"secret", "d1"), "d1") == b"secret"

    def test_hidden(self) -> None:
        """The plain bytes are not in what is stored, and the same sealed twice differs."""
        seal = Seal(KEY)
        one, other = seal.seal(b"secret" * 10, "d1"), seal.seal(b"secret" * 10, "d1")
        assert b"secret" not in one
        assert one != other

    def test_about_another(self) -> None:
        """What was sealed for one thing does not open for another."""
        with pytest.raises(KeyFault, match="d2"):
            Seal(KEY).open(Seal(KEY).seal(b"secret", "d1"), "d2")

    def test_another_key(self) -> None:
        """Another master key opens nothing and its signatures differ."""
        other = Seal(bytes(32))
        with pytest.raises(KeyFault):
            other.open(Seal(KEY).seal(b"secret", "d1"), "d1")
        assert not other.has_signed(b"message", Seal(KEY).sign(b"message"))

    def test_each_bit_counts(self) -> None:
        """One flipped bit anywhere is noticed."""
        sealed = Seal(KEY).seal(b"secret", "d1")
        for place in range(len(sealed)):
            changed = bytearray(sealed)
            changed[place] ^= 1
            with pytest.raises(KeyFault):
                Seal(KEY).open(bytes(changed), "d1")

    @pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(27)])
    def test_cut_short(self, sealed: bytes) -> None:
        """Too few bytes to be anything."""
        with pytest.raises(KeyFault):
            Seal(KEY).open(sealed, "d1")

    def test_signatures(self) -> None:
        """A signature is good for its message alone."""
        signature = Seal(KEY).sign(b"message")
        assert Seal(KEY).has_signed(b"message", signature)
        assert not Seal(KEY).has_signed(b"messages", signature)
        for wrong in ("", "é", "\ud800", signature[:-1], signature.upper()):
            assert not Seal(KEY).has_signed(b"message", wrong)

    def test_shows_nothing(self) -> None:
        """Neither repr nor a fault shows key material."""
        seal = Seal(KEY)
        assert KEY.hex() not in repr(seal)
        assert "\\x01\\x02" not in repr(seal)

    @pytest.mark.parametrize("length", [0, 16, 31, 33])
    def test_wrong_length(self, length: int) -> None:
        """A master key has 32 bytes."""
        with pytest.raises(KeyFault, match="32 bytes"):
            Seal(bytes(length))


class TestOpenSeal:
    def test_first_start(self, tmp_path: Path) -> None:
        """The first start makes a key that only its owner reads, and the next one takes it."""
        data = tmp_path / "data"
        sealed = open_seal(data, {}).seal(b"secret", "d1")
        assert [path.name for path in data.iterdir()] == ["master.key"]
        assert (data / "master.key").stat().st_mode & 0o777 == 0o600
        assert open_seal(data, {}).open(sealed, "d1") == b"secret"

    def test_two_servers(self, tmp_path: Path) -> None:
        """Two data folders, two keys."""
        sealed = open_seal(tmp_path / "a", {}).seal(b"secret", "d1")
        with pytest.raises(KeyFault):
            open_seal(tmp_path / "b", {}).open(sealed, "d1")

    def test_starting_together(self, tmp_path: Path) -> None:
        """Processes that start together end up with one key."""
        gate = threading.Barrier(8)
        signatures: set[str] = set()

        def start() -> None:
            gate.wait()
            signatures.add(open_seal(tmp_path, {}).sign(b"message"))

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(signatures) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["master.key"]

    def test_from_the_environment(self, tmp_path: Path) -> None:
        """The environment's key wins, and no file is made."""
        text = base64.b64encode(KEY).decode()
        seal = open_seal(tmp_path, {"FIELDSERVE_MASTER_KEY": text})
        assert seal.sign(b"message") == Seal(KEY).sign(b"message")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("text", ["", "c2hvcnQ=", "not base64 at all", "é" * 44])
    def test_bad_environment(self, tmp_path: Path, text: str) -> None:
        """A key that is none stops the start, and the fault does not repeat it."""
        with pytest.raises(KeyFault, match="FIELDSERVE_MASTER_KEY must be") as caught:
            open_seal(tmp_path, {"FIELDSERVE_MASTER_KEY": text})
        assert not text or text not in str(caught.value)

    def test_damaged_file(self, tmp_path: Path) -> None:
        """A file that is no key is not replaced by a new one."""
        (tmp_path / "master.key").write_text("damaged")
        (tmp_path / "master.key").chmod(0o600)
        with pytest.raises(KeyFault, match=r"master\.key must be"):
            open_seal(tmp_path, {})
        assert (tmp_path / "master.key").read_text() == "damaged"

    def test_readable_by_everybody(self, tmp_path: Path) -> None:
        """A key that everybody may read is refused."""
        open_seal(tmp_path, {})
        (tmp_path / "master.key").chmod(0o644)
        with pytest.raises(KeyFault, match="chmod 600"):
            open_seal(tmp_path, {})

    def test_no_folder(self, tmp_path: Path) -> None:
        """A data folder that cannot be made stops the start."""
        (tmp_path / "file").write_text("")
        with pytest.raises(KeyFault, match="cannot read"):
            open_seal(tmp_path / "file" / "data", {})
