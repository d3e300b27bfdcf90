"""What FIX clients need is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.fix.dictionary_xml import quickfix_dictionary_xml

if TYPE_CHECKING:
    from tests.gateway.http.conftest import HttpClient


async def test_dictionary_and_configuration(http: HttpClient) -> None:
    """The dictionary is that of the session, the configuration names the venue; both have entity tags."""
    response, dictionary = await http.get("/fix/dictionary.xml")
    assert (200, "application/xml") == (response.status, response.content_type)
    assert quickfix_dictionary_xml().encode() == dictionary
    response, configuration = await http.get("/fix/client.cfg")
    assert b"TargetCompID=EXCHANGE" in configuration.splitlines()
    again, _ = await http.get("/fix/client.cfg", headers={"If-None-Match": response.headers["ETag"]})
    assert 304 == again.status
