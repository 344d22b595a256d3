"""What makes an uploaded file a proof document."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldserve.domain.documents import LARGEST, Defect, check, decrypt, has_type
from tests.proofs import FILES, encrypt, encrypt_blocks, pad, sha256

KEY = bytes(range(32))
VECTOR = bytes(range(100, 116))
PNG = FILES["PNG"]


def checked(
    ciphertext: bytes | None, plain: bytes, *, content_type: str = "PNG", content_length: int | None = None
) -> bytes | Defect:
    return check(
        ciphertext,
        KEY,
        VECTOR,
        content_type=content_type,
        content_length=len(plain) if content_length is None else content_length,
        content_sha256=sha256(plain),
    )


class TestDecrypt:
    @given(st.binary(max_size=200))
    def test_back_again(self, plain: bytes) -> None:
        """What was encrypted comes back, whatever its length modulo 16."""
        assert decrypt(encrypt(plain, KEY, VECTOR), KEY, VECTOR) == plain

    def test_nist_example(self) -> None:
        """SP 800-38A, F.2.5 CBC-AES256, first block; its plain text is no padding, so it ends with a block of 16s."""
        key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
        vector = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
        plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
        ciphertext = encrypt(plain, key, vector)
        assert ciphertext[:16].hex() == "f58c4c04d6e5f1ba779eabfb5f7bfbd6"
        assert decrypt(ciphertext, key, vector) == plain

    @pytest.mark.parametrize("length", [0, 1, 15, 17, 31])
    def test_no_whole_blocks(self, length: int) -> None:
        """Bytes that are no whole blocks were not encrypted this way."""
        assert decrypt(bytes(length), KEY, VECTOR) is None

    @pytest.mark.parametrize("ending", [b"\x00", b"\x11", b"\x01\x02", b"\x03\x02\x03"])
    def test_bad_padding(self, ending: bytes) -> None:
        """Padding is n bytes of value n, 1 to 16."""
        assert decrypt(encrypt_blocks(b"x" * (16 - len(ending)) + ending, KEY, VECTOR), KEY, VECTOR) is None

    def test_wrong_key(self) -> None:
        """Another key leaves noise without padding (with these keys; one in 256 would pass)."""
        assert decrypt(encrypt(PNG, KEY, VECTOR), bytes(32), VECTOR) is None


class TestType:
    @pytest.mark.parametrize("content_type", FILES)
    def test_own(self, content_type: str) -> None:
        """A file of each type is of that type, and of no other but JPG of JPEG."""
        same = {"JPG", "JPEG"} if content_type in ("JPG", "JPEG") else {content_type}
        assert {other for other in FILES if has_type(FILES[content_type], other)} == same

    @pytest.mark.parametrize(
        ("content_type", "beginning"),
        [("TIFF", b"MM\x00*"), ("TIFF", b"II+\x00"), ("TIFF", b"MM\x00+"), ("GIF", b"GIF87a")],
    )
    def test_others_of_a_type(self, content_type: str, beginning: bytes) -> None:
        """TIFF has two byte orders, each classic and big; GIF two versions."""
        assert has_type(beginning + b"...", content_type)

    @pytest.mark.parametrize("content_type", FILES)
    def test_cut_short(self, content_type: str) -> None:
        """The whole beginning has to be there."""
        assert not has_type(FILES[content_type][:2], content_type)

    def test_program(self) -> None:
        """What only ends like a PDF is none."""
        assert not has_type(b"MZ\x90\x00" + FILES["PDF"], "PDF")


class TestCheck:
    def test_sound(self) -> None:
        """A sound file comes out plain."""
        assert checked(encrypt(PNG, KEY, VECTOR), PNG) == PNG

    def test_announced_encrypted_length(self) -> None:
        """The announced length may be that of the encrypted file."""
        ciphertext = encrypt(PNG, KEY, VECTOR)
        assert checked(ciphertext, PNG, content_length=len(ciphertext)) == PNG

    def test_not_uploaded(self) -> None:
        """Nothing was uploaded."""
        assert checked(None, PNG) is Defect.NOT_UPLOADED

    def test_length_unknown(self) -> None:
        """An empty file was uploaded."""
        assert checked(b"", PNG) is Defect.LENGTH_UNKNOWN

    def test_not_encrypted(self) -> None:
        """The plain file was uploaded."""
        assert checked(PNG, PNG) is Defect.DECRYPT

    @pytest.mark.parametrize("difference", [-1, 1])
    def test_other_length(self, difference: int) -> None:
        """One byte more or less than announced."""
        announced = len(PNG) + difference
        assert checked(encrypt(PNG, KEY, VECTOR), PNG, content_length=announced) is Defect.LENGTH

    def test_empty(self) -> None:
        """An encrypted empty file is 16 bytes of padding, and no document even if 16 were announced."""
        assert checked(encrypt(b"", KEY, VECTOR), b"", content_length=16) is Defect.LENGTH

    def test_largest(self) -> None:
        """5,242,880 plain bytes are allowed; they encrypt to 16 more."""
        plain = PNG + bytes(LARGEST - len(PNG))
        ciphertext = encrypt(plain, KEY, VECTOR)
        assert len(ciphertext) == 5_242_896
        assert checked(ciphertext, plain) == plain

    def test_one_too_many(self) -> None:
        """5,242,881 plain bytes are refused; they encrypt to as many as the largest, 5,242,896."""
        plain = PNG + bytes(LARGEST + 1 - len(PNG))
        ciphertext = encrypt(plain, KEY, VECTOR)
        assert len(ciphertext) == 5_242_896
        assert checked(ciphertext, plain) is Defect.LENGTH

    def test_other_type(self) -> None:
        """A PDF announced as PNG."""
        assert checked(encrypt(FILES["PDF"], KEY, VECTOR), FILES["PDF"]) is Defect.TYPE

    @pytest.mark.parametrize(
        "digest",
        [
            sha256(b"another file"),
            "",
            "not base64!",
            "é",
            base64.b64decode(sha256(PNG)).hex(),
            base64.b64encode(base64.b64decode(sha256(PNG))[:31]).decode(),
        ],
    )
    def test_other_sha256(self, digest: str) -> None:
        """The SHA-256 of something else, or none in base64."""
        ciphertext = encrypt(PNG, KEY, VECTOR)
        answer = check(ciphertext, KEY, VECTOR, content_type="PNG", content_length=len(PNG), content_sha256=digest)
        assert answer is Defect.SHA256

    def test_order(self) -> None:
        """Of a file with several defects the first in order is told."""
        longer = encrypt(FILES["PDF"] + b"x", KEY, VECTOR)
        assert checked(longer[:-1], PNG) is Defect.DECRYPT
        assert checked(longer, PNG, content_length=1) is Defect.LENGTH
        assert checked(longer, PNG, content_length=len(FILES["PDF"]) + 1) is Defect.TYPE

    def test_wrong_key_with_lucky_padding(self) -> None:
        """Noise that happens to be padded well is caught by the checks behind it."""
        # Key number 0, 1, 2, …: about one in 256 leaves sound padding.
        ciphertext = encrypt(PNG, KEY, VECTOR)
        for number in range(5000):
            key = number.to_bytes(32, "big")
            if (noise := decrypt(ciphertext, key, VECTOR)) is not None:
                break
        else:
            pytest.fail("none of 5000 keys left sound padding")
        answer = check(
            ciphertext, key, VECTOR, content_type="PNG", content_length=len(noise), content_sha256=sha256(PNG)
        )
        assert answer in (Defect.TYPE, Defect.LENGTH)


def test_padding_of_the_tests() -> None:
    """The tests' own padding: 5 bytes take 11 more of value 11, 16 take a block."""
    assert pad(b"hello") == b"hello" + b"\x0b" * 11
    assert pad(bytes(16)) == bytes(16) + b"\x10" * 16
