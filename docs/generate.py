"""Writes what can be derived from the plugins: README settings tables and the plugin definitions for Meltano.

``make docs`` runs it. With ``--check`` it writes nothing and fails when a file is out of date.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tap_planhat.streams.classes import offered_models, stream_class
from tap_planhat.tap import TapPlanhat
from target_planhat.target import TargetPlanhat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.plugin_base import PluginBase

ROOT = Path(__file__).parents[1]
CLONE = "PLANHAT_CLONE"
"""Environment variable with the folder of this repository, from which another project installs."""
MELTANO_KINDS = {"integer": "integer", "number": "decimal", "boolean": "boolean", "object": "object", "array": "array"}


@dataclass(frozen=True)
class Plugin:
    """What a plugin definition needs beside what the plugin tells about itself."""

    plugin_class: type[PluginBase]
    label: str
    setting_groups: list[list[str]]
    keywords: list[str]
    unselected_streams: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the plugin, its distribution and its command."""
        return self.plugin_class.name

    @cached_property
    def about(self) -> dict[str, Any]:
        """What ``--about`` tells."""
        command = [str(Path(sys.executable).parent / self.name), "--about", "--format=json"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        about: dict[str, Any] = json.loads(answer.stdout)
        return about

    def own_settings(self) -> list[str]:
        """Names of the settings that the plugin brings itself; the others come with the SDK."""
        return list(self.plugin_class.config_jsonschema["properties"])


PLUGINS = (
    Plugin(
        TapPlanhat,
        "Planhat",
        [["api_token"]],
        ["api", "customer success"],
        tuple(model.stream for model in offered_models() if not stream_class(model).selected_by_default),
    ),
    Plugin(TargetPlanhat, "Planhat", [["api_token"], ["api_token", "tenant_token"]], ["api", "reverse etl"]),
)


def kind_of(schema: dict[str, Any]) -> str:
    """Meltano's name for the kind of value that a JSON Schema describes."""
    if "enum" in schema:
        return "options"
    if schema.get("format") in {"date", "date-time"}:
        return "date_iso8601"
    types = schema.get("type", "string")
    named = types if isinstance(types, list) else [types]
    if "string" in named:
        return "string"
    return next((MELTANO_KINDS[name] for name in named if name in MELTANO_KINDS), "string")


def described(schema: dict[str, Any]) -> str:
    """What a setting is, and the range of its values."""
    text = " ".join(schema.get("description", "").split())
    return f"{text} From {schema['minimum']:,} to {schema['maximum']:,}." if "maximum" in schema else text


def meltano_setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """One setting the way Meltano and its Hub describe it."""
    setting: dict[str, Any] = {"name": name, "label": schema.get("title", name), "kind": kind_of(schema)}
    if schema.get("secret"):
        setting["sensitive"] = True
    if "enum" in schema:
        setting["options"] = [{"label": str(value), "value": value} for value in schema["enum"]]
    if schema.get("default") is not None:
        setting["value"] = schema["default"]
    setting["description"] = described(schema)
    return setting


def definition(plugin: Plugin) -> dict[str, Any]:
    """The plugin as a definition that ``meltano add --from-ref`` and the Hub take."""
    about = plugin.about
    properties = about["settings"]["properties"]
    return {
        "name": plugin.name,
        "namespace": plugin.name.replace("-", "_"),
        "label": plugin.label,
        "description": about["description"],
        "variant": "planhat-singer",
        "domain_url": "https://www.planhat.com",
        "pip_url": f'-e "${{{CLONE}}}/planhat-api" -e "${{{CLONE}}}/{plugin.name}"',
        "executable": plugin.name,
        "maintenance_status": "active",
        "keywords": plugin.keywords,
        "capabilities": about["capabilities"],
        "settings_group_validation": plugin.setting_groups,
        "settings": [meltano_setting(name, schema) for name, schema in properties.items()],
    }


def settings_table(plugin: Plugin) -> str:
    """The plugin's own settings as a Markdown table."""
    schema = plugin.about["settings"]
    required = schema.get("required", [])
    lines = ["| setting | default | what it does |", "|---|---|---|"]
    for name in plugin.own_settings():
        setting = schema["properties"][name]
        default = "required" if name in required else default_text(setting)
        text = described(setting).replace("|", "\\|")
        options = " or ".join(f"`{value}`" for value in setting.get("enum", ()) if value is not None)
        if options and options.partition(" ")[0] not in text:
            text = f"{text} One of: {options}."
        lines.append(f"| `{name}` | {default} | {text} |")
    return "\n".join(lines)


def default_text(setting: dict[str, Any]) -> str:
    """The default as a cell of a table."""
    default = setting.get("default")
    if default is None:
        return ""
    return f"`{default if isinstance(default, str) and default else json.dumps(default)}`"


def between(text: str, start: str, end: str, content: str) -> str:
    """The text with what stands between two marker lines replaced."""
    head, found_start, rest = text.partition(start)
    _, found_end, tail = rest.partition(end)
    if not (found_start and found_end):
        message = f"Marker '{start}' or '{end}' is missing."
        raise ValueError(message)
    return f"{head}{start}\n{content}\n{end}{tail}"


def as_yaml(value: object, indent: int = 0) -> str:
    """YAML text of a value, each line indented."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110).rstrip()
    return "\n".join(" " * indent + line for line in text.splitlines())


def files() -> Iterator[tuple[Path, str]]:
    """Each generated file with the text it should hold."""
    readme = ROOT / "README.md"
    meltano = ROOT / "meltano.yml"
    readme_text = readme.read_text("utf-8")
    meltano_text = meltano.read_text("utf-8")
    for plugin in PLUGINS:
        described = definition(plugin)
        yield ROOT / plugin.name / "plugin.yml", f"# Written by docs/generate.py.\n{as_yaml(described)}\n"
        told = {key: described[key] for key in ("capabilities", "settings_group_validation", "settings")}
        if plugin.unselected_streams:
            # Meltano selects every stream by itself, whatever the catalog says.
            told["select"] = ["*.*", *(f"!{stream}.*" for stream in plugin.unselected_streams)]
        meltano_text = between(
            meltano_text,
            f"    # {plugin.name}: written by docs/generate.py",
            f"    # end of {plugin.name}",
            as_yaml(told, indent=4),
        )
        readme_text = between(
            readme_text,
            f"<!-- settings of {plugin.name}: written by docs/generate.py -->",
            f"<!-- end of {plugin.name} -->",
            f"\n{settings_table(plugin)}\n",
        )
    yield meltano, meltano_text
    yield readme, readme_text


def main(arguments: list[str]) -> int:
    """Writes the files, or with ``--check`` names those that are out of date; the exit code."""
    stale = [(path, text) for path, text in files() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path, _ in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: run make docs\n")
        return 1 if stale else 0
    for path, text in stale:
        path.write_text(text, "utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
