"""Secrets and people's data stay out of texts."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from planhat_api.logs import guard_loggers
from planhat_api.redaction import keep_secret, redacted, shortened

if TYPE_CHECKING:
    import pytest


def test_secrets_are_hidden_in_each_form_in_which_they_travel(caplog: pytest.LogCaptureFixture) -> None:
    keep_secret("a/b+token=", None, "5a4db0c5-0000-4000-8000-00000000abcd")
    texts = ["a/b+token=", "a%2Fb%2Btoken%3D", "Basic YS9iK3Rva2VuPTo=", "/x/5a4db0c5-0000-4000-8000-00000000abcd"]
    for text in texts:
        assert redacted(f"see {text}!") in {"see [hidden]!", "see Basic [hidden]!", "see /x/[hidden]!"}
    guard_loggers()
    caplog.set_level(logging.DEBUG)
    for name in ("planhat_api", "urllib3.connectionpool"):
        logging.getLogger(name).debug("%s and %d", texts[0], 5)
    assert [record.getMessage() for record in caplog.records] == ["[hidden] and 5"] * 2


def test_something_too_short_to_be_a_token_does_not_blacken_every_text() -> None:
    keep_secret("x")
    assert redacted("example") == "example"


def test_addresses_are_hidden_but_the_keys_of_the_row() -> None:
    text = "Kim kim.o'hara+1@acme.example; <ada@acme.example>"
    assert "acme" not in redacted(text)
    assert "ada@acme.example" in redacted(text, keep=["ada@acme.example", "7"])


def test_one_short_line() -> None:
    assert shortened(" a\n\tb  c ") == "a b c"
    assert shortened("y" * 400) == "y" * 299 + "…"


def test_secrets_may_be_added_while_others_make_texts() -> None:
    def add() -> None:
        for number in range(200):
            keep_secret(f"secret-{number}")

    adding = [threading.Thread(target=add) for _ in range(2)]
    for thread in adding:
        thread.start()
    while any(thread.is_alive() for thread in adding):
        redacted("text " * 50)
    for thread in adding:
        thread.join()
    assert redacted("secret-7 secret-199") == "[hidden] [hidden]"
