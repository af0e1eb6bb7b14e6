"""The model files agree with themselves: what one part names, another defines."""

from __future__ import annotations

import re

import jsonschema
import pytest

from planhat_api.models.registry import Model, all_models, model, model_for_stream

MODELS = list(all_models().values())
BY_FILE = pytest.mark.parametrize("found", MODELS, ids=lambda found: found.file)
LISTED = [found for found in MODELS if "list" in found.operations]

# Named by other models, but without a documented list of their own.
UNDOCUMENTED_PATHS = {"activitytags", "teams", "roles", "workflowsteps", "workflowtemplates"}


def root_field(path: str) -> str:
    """The property a reference path such as ``users[].id`` starts at."""
    return re.split(r"\[\]|\.", path)[0]


def test_there_are_26_lists_and_the_two_pushed_models_and_one_view() -> None:
    views = [found.file for found in MODELS if found.view_of]
    pushed = [found.file for found in MODELS if "push" in found.operations]
    lists = [found.file for found in LISTED if found.file not in (*views, *pushed)]
    assert len(lists) == 26
    assert views == ["notes"]
    assert pushed == ["analytics", "dimensiondata"]


def test_streams_and_paths_are_unique() -> None:
    assert len({found.stream for found in MODELS}) == len(MODELS)
    paths = [found.path for found in MODELS if not found.view_of]
    assert len(set(paths)) == len(paths)


@BY_FILE
def test_properties_are_valid_json_schema(found: Model) -> None:
    jsonschema.Draft202012Validator.check_schema({"type": "object", "properties": dict(found.properties)})
    for name, schema in found.properties.items():
        assert schema["type"] in {"string", "number", "boolean", "object", "array"}, name
        assert schema.get("format") in {None, "date-time", "epoch-day"}, name


@BY_FILE
def test_every_field_named_exists(found: Model) -> None:
    named = {
        *found.required,
        *(field for group in found.required_any for field in group),
        *found.keyables,
        *found.constants,
        *found.written_as.values(),
        *found.wrapped_on_write,
        *found.maybe_shown_as,
        *found.maybe_shown_as.values(),
        *found.rich_text,
        *found.push_required,
        *found.secret,
        *(found.default_select or ()),
    }
    if found.company:
        named.add(root_field(found.company))
    if found.company_lookup:
        named |= {*found.company_lookup.fields, found.company_lookup.address}
    if found.updated.field and not found.view_of:
        named.add(found.updated.field)
    assert named <= set(found.properties)


@BY_FILE
def test_what_must_be_sent_is_not_read_only(found: Model) -> None:
    needed = {*found.required, *found.wrapped_on_write, *found.push_required} | set(found.keyables) - {"_id"}
    assert not needed & found.read_only


def test_a_model_that_places_its_rows_says_how() -> None:
    assert [found.file for found in MODELS if found.company_lookup] == ["endusers"]
    company_lookup = model("endusers").company_lookup
    assert company_lookup is not None
    assert not {*company_lookup.fields, company_lookup.address} & model("endusers").read_only
    assert company_lookup.fields[0] == model("endusers").company
    assert "domains" in model(company_lookup.domains_of).properties


@BY_FILE
def test_references_start_at_a_field_and_lead_to_a_model(found: Model) -> None:
    paths = {each.path for each in MODELS} | UNDOCUMENTED_PATHS
    for path, target in found.references.items():
        assert root_field(path) in found.properties, path
        assert target in paths or " " in target, path  # prose where the target depends on the row


@pytest.mark.parametrize("found", LISTED, ids=lambda found: found.file)
def test_pages_stay_within_the_documented_maximum(found: Model) -> None:
    if not found.paged:
        assert found.file == "leancompanies"
        return
    assert found.page.ask is not None
    if found.page.max is None:
        assert found.page.ask == 100  # Q4
    else:
        assert found.page.ask <= found.page.max


@BY_FILE
def test_passes_use_known_parameters(found: Model) -> None:
    for parameters in found.passes:
        assert set(parameters) <= {*found.parameters, "select"}
    assert (found.hidden is None) == (found.passes == ({},))


def test_lookup_by_stream() -> None:
    assert model_for_stream("time_entries") is model("timeentries")
    with pytest.raises(KeyError):
        model_for_stream("timeentries")
