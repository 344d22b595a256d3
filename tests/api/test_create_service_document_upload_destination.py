"""createServiceDocumentUploadDestination."""

import base64
from dataclasses import replace
from urllib.parse import urlsplit

import httpx2
import pytest

from fieldserve.api.edge import Edge
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.api.usage_plans import UsagePlans
from tests.world import SELLER, World

PATH = "/service/v1/documents"
DIGEST = "97WrSKv9ffHkDopCdB32mw=="


class TestCreateServiceDocumentUploadDestination:
    async def test_anonymous(self, world: World) -> None:
        """Nobody gets a place to upload to without a token."""
        answer = await world.client.post(PATH, json={"contentType": "PNG", "contentLength": 1})
        assert answer.status_code == 403

    async def test_answer(self, world: World) -> None:
        """What the model promises, and no more."""
        sent = {"contentType": "PNG", "contentLength": 1386437, "contentMD5": DIGEST}
        answer = await world.call("POST", PATH, json=sent)
        assert answer.status_code == 200, answer.text
        payload = answer.json()["payload"]
        assert answer.json().keys() == {"payload"}
        assert payload.keys() == {"uploadDestinationId", "url", "encryptionDetails", "headers"}
        assert payload["encryptionDetails"].keys() == {"standard", "key", "initializationVector"}
        assert payload["encryptionDetails"]["standard"] == "AES"
        assert len(base64.b64decode(payload["encryptionDetails"]["key"])) == 32
        assert payload["headers"] == {"Content-Type": "application/octet-stream", "Content-MD5": DIGEST}
        assert answer.headers["x-amzn-ratelimit-limit"] == "1000.0"

    async def test_host(self, world: World) -> None:
        """The URL leads to the host that was asked, or to the public URL where one is set."""
        sent = {"contentType": "PDF", "contentLength": 1}
        answer = await world.call("POST", PATH, json=sent, headers={"host": "api.example.com:8080"})
        parts = urlsplit(answer.json()["payload"]["url"])
        assert (parts.scheme, parts.netloc) == ("http", "api.example.com:8080")
        settings = replace(world.context.settings, public_url="https://public.example.com/fieldserve/")
        edge = Edge(replace(world.context, settings=settings), ENDPOINTS, UsagePlans(world.clock))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=edge), base_url="http://inside") as client:
            answer = await client.post(PATH, json=sent, headers={"x-amz-access-token": world.tokens[SELLER]})
        assert answer.json()["payload"]["url"].startswith("https://public.example.com/fieldserve/uploads/")

    async def test_every_type(self, world: World) -> None:
        """The six types, and lengths from 1 to 5,242,880."""
        for content_type in ("TIFF", "JPG", "PNG", "JPEG", "GIF", "PDF"):
            for length in (1, 5_242_880, 12.0):
                sent = {"contentType": content_type, "contentLength": length}
                assert (await world.call("POST", PATH, json=sent)).status_code == 200

    @pytest.mark.parametrize(
        ("body", "names"),
        [
            ("{}", "contentType, contentLength"),
            ("", "contentType, contentLength"),
            ('{"contentType": null, "contentLength": null}', "contentType, contentLength"),
            ('{"contentType": "PNG"}', "contentLength"),
            ('{"contentLength": 123}', "contentType"),
            ('{"contentType": "PNG", "contentLength": 0}', "contentLength"),
            ('{"contentType": "PNG", "contentLength": 5242881}', "contentLength"),
            ('{"contentType": "PNG", "contentLength": -1}', "contentLength"),
            ('{"contentType": "PNG", "contentLength": 1.5}', "contentLength"),
            ('{"contentType": "PNG", "contentLength": "123"}', "contentLength"),
            ('{"contentType": "PNG", "contentLength": 123, "contentMD5": "short=="}', "contentMD5"),
            ('{"contentType": "nope", "contentLength": 0}', "contentLength"),
        ],
    )
    async def test_missing_or_invalid(self, world: World, body: str, names: str) -> None:
        """What is missing or malformed is named, in the model's words, and before a wrong type."""
        answer = await world.call("POST", PATH, content=body.encode())
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert error["code"] == "InvalidInput"
        assert error["message"] == f"Missing or invalid request parameters: [{names}]."

    async def test_no_number(self, world: World) -> None:
        """A number too large for any machine is refused like any other."""
        answer = await world.call("POST", PATH, content=b'{"contentType": "PNG", "contentLength": 1e999}')
        assert answer.status_code == 400

    async def test_wrong_type(self, world: World) -> None:
        """A type that is none of the six is 422, not 400."""
        for content_type in ("PNGr", "png", "", "image/png"):
            answer = await world.call("POST", PATH, json={"contentType": content_type, "contentLength": 1386437})
            assert answer.status_code == 422
            (error,) = answer.json()["errors"]
            assert error["message"] == (
                "contentType parameter is invalid. Use one of ['TIFF', 'JPG', 'PNG', 'JPEG', 'GIF', 'PDF']"
            )
