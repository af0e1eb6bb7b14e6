"""The README as something to be run: its sections, and the commands and outputs in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT = "$ "
SET_UP_ALREADY = ("make ", ". demo/.venv/bin/activate")


@dataclass(frozen=True)
class Section:
    """One section of the README, or of another page."""

    title: str
    page: Path = README

    def blocks(self, language: str) -> list[str]:
        """The texts of its blocks in a language."""
        _, found, rest = self.page.read_text("utf-8").partition(f"\n## {self.title}\n")
        assert found, f"{self.page} has no section {self.title}"
        text, _, _ = rest.partition("\n## ")
        return [body for kind, body in BLOCK.findall(text) if kind == language]

    def commands(self, beginning: str = "") -> list[str]:
        """What is typed, but for what sets up the folder."""
        return [
            line.removeprefix(PROMPT)
            for block in self.blocks("console")
            for line in block.splitlines()
            if line.startswith(PROMPT + beginning) and not line.removeprefix(PROMPT).startswith(SET_UP_ALREADY)
        ]

    def output_of(self, command: str) -> list[str]:
        """The lines that the README shows beneath a command; … stands for lines that are left out."""
        block = next(block for block in self.blocks("console") if f"{PROMPT}{command}\n" in block)
        _, _, beneath = block.partition(f"{PROMPT}{command}\n")
        shown, _, _ = beneath.partition(PROMPT)
        return [line for line in shown.splitlines() if line != "…"]
