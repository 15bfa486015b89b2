"""The history finds what matches, in order, by an index, and every change of it is audited."""

import csv
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector_core.errors import RecordsError
from inspector_core.inspection.recipe import ArchivePolicy, Recipe, recipe_toml
from inspector_core.inspection.verdict import Inspection, Verdict
from inspector_core.records import Choices, InspectionFilter, Records, queries
from inspector_core.workspace import Workspace


@pytest.fixture
def stored(records: Records, recipe: Recipe, make_part) -> list[Inspection]:
    """360 parts of two recipes, three lots and two operators, some of the same moment; newest first."""
    parts: list[Inspection] = []
    for offset, name in enumerate(("flange", "gear")):
        session = records.start_session(
            recipe.model_copy(update={"name": name}), "cd" * 32, operator="Ada", lot=f"lot {offset}"
        )
        writer = records.writer(session, parts.extend, ArchivePolicy())
        for number in range(1, 181):
            verdict = list(Verdict)[number * number % 11 % 4]
            part = make_part(
                number,
                verdict,
                score=None if verdict is Verdict.ERROR else (number * 37 % 180) / 180,
                recipe=name,
                model_sha256="" if verdict is Verdict.ERROR else "cd" * 32,
                lot=f"lot {number % 3}",
                operator=("Ada", "Zoë")[number % 2],
            )
            moment = part.captured_at + timedelta(seconds=offset - part.part % 4)
            writer.record(Inspection(**{**as_dict(part), "captured_at": moment}), None)
        writer.close()
    return sorted(parts, key=lambda part: (part.captured_at, part.id), reverse=True)


def as_dict(part: Inspection) -> dict[str, object]:
    return {name: getattr(part, name) for name in Inspection.__dataclass_fields__}


def matches(part: Inspection, wanted: InspectionFilter) -> bool:
    """The filter's definition, literally."""
    scored = part.score is not None
    return (
        (wanted.since is None or part.captured_at >= wanted.since)
        and (wanted.until is None or part.captured_at < wanted.until)
        and (not wanted.verdicts or part.verdict in wanted.verdicts)
        and wanted.recipe in ("", part.recipe)
        and wanted.lot in ("", part.lot)
        and wanted.operator in ("", part.operator)
        and (wanted.min_score is None or (scored and part.score >= wanted.min_score))
        and (wanted.max_score is None or (scored and part.score <= wanted.max_score))
    )


def filters(newest_first: list[Inspection]) -> st.SearchStrategy[InspectionFilter]:
    moments = st.none() | st.sampled_from([part.captured_at for part in newest_first])
    scores = st.none() | st.floats(0, 1)
    return st.builds(
        InspectionFilter,
        since=moments,
        until=moments,
        verdicts=st.sets(st.sampled_from(Verdict)),
        recipe=st.sampled_from(["", "flange", "gear", "none such"]),
        lot=st.sampled_from(["", "lot 0", "lot 2", "no lot"]),
        operator=st.sampled_from(["", "Ada", "Zoë"]),
        min_score=scores,
        max_score=scores,
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), size=st.integers(1, 400), few=st.sampled_from([0, 50, 20_000]))
def test_pages_hold_every_match_once_in_order(records: Records, stored, monkeypatch, data, size, few):
    monkeypatch.setattr(queries, "_FEW", few)  # both ways of answering a range of scores
    wanted = data.draw(filters(stored))
    pages = list(records.pages(wanted, size))
    assert [part for page in pages for part in page] == [part for part in stored if matches(part, wanted)]
    assert all(len(page) == size for page, _ in pairwise(pages))


START = datetime(2026, 3, 31, tzinfo=UTC)
FACETS = {
    "recipe": "gear",
    "lot": "lot 1",
    "operator": "Ada",
    "verdicts": {Verdict.FAIL},
    "max_score": 0.4,
}


@pytest.mark.parametrize(
    ("given_facets", "index"),
    [
        ((), "captured_at"),
        (("verdicts",), "verdict_captured_at"),
        (("operator",), "operator_verdict_captured_at"),
        (("operator", "verdicts"), "operator_verdict_captured_at"),
        (("recipe",), "product_id_verdict_captured_at"),
        (("recipe", "verdicts"), "product_id_verdict_captured_at"),
        (("recipe", "operator"), "product_id_verdict_captured_at"),
        (("lot",), "lot_captured_at"),
        (("lot", "verdicts", "recipe", "operator"), "lot_captured_at"),
        (("max_score",), "score_captured_at"),
        (("max_score", "lot", "recipe"), "score_captured_at"),
    ],
)
def test_every_filter_walks_along_an_index(records: Records, recipe: Recipe, given_facets, index):
    records.start_session(recipe.model_copy(update={"name": "gear"}))
    facets = {name: FACETS[name] for name in given_facets}
    for timed, paging in product((False, True), repeat=2):
        times = {"since": START, "until": START + timedelta(hours=8)} if timed else {}
        before = (START + timedelta(hours=3), 4711) if paging else None
        with records._database.read() as connection:
            page = queries.page_statement(connection, InspectionFilter(**facets, **times), 10, before)
            assert page is not None
            sql = page.compile(connection, compile_kwargs={"literal_binds": True})
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        by_number = "SEARCH inspection USING INTEGER PRIMARY KEY (rowid=?)"
        steps = [step for step in plan if " inspection" in step and step != by_number]
        assert steps
        assert all(f"INDEX ix_inspection_{index}" in step for step in steps), plan
        if (timed or paging) and "max_score" not in given_facets:  # begins and ends at the right place
            assert all("captured_at" in step.split("(")[1] for step in steps), plan


def test_scores_are_the_newest_of_a_recipe_with_their_labels(records: Records, stored):
    scored = [part for part in stored if part.recipe == "gear" and part.score is not None]
    records.relabel(scored[0].id, "false_reject", "dust", by="Ada")
    table = records.scores("gear")
    assert table.id.tolist() == [part.id for part in scored]
    assert table.score.tolist() == [part.score for part in scored]
    assert table.verdict.tolist() == [part.verdict for part in scored]
    assert table.label.tolist() == ["false_reject"] + [""] * (len(scored) - 1)
    assert (table.id.dtype, table.score.dtype) == (np.int64, np.float64)
    since = scored[10].captured_at
    newer = [part.id for part in scored if part.captured_at >= since]
    assert records.scores("gear", since=since).id.tolist() == newer
    assert records.scores("gear", limit=3).id.tolist() == [part.id for part in scored[:3]]
    assert records.scores("gear", version=2).id.size == 0
    assert records.scores("none such").id.size == 0


def test_an_inspection_knows_its_recipe_and_model_as_they_were(records: Records, recipe: Recipe, make_part):
    parts: list[Inspection] = []
    later = recipe.model_copy(update={"version": 2, "reason": "less overkill"})
    for used, sha, facts in ((recipe, "aa" * 32, '{"preset": "edge"}'), (later, "", "{}")):
        session = records.start_session(used, sha, model_metadata=facts)
        writer = records.writer(session, parts.extend, ArchivePolicy())
        writer.record(make_part(1, model_sha256=sha, recipe_version=used.version), None)
        writer.close()
        records.end_session(session)
    assert [records.recipe_toml_of(part.id) for part in parts] == [recipe_toml(recipe), recipe_toml(later)]
    assert records.model_of(parts[0].id) == {"preset": "edge", "sha256": "aa" * 32}
    assert records.model_of(parts[1].id) == {}
    assert [records.get(part.id) for part in parts] == parts


def test_a_recipe_version_never_changes_once_used(records: Records, recipe: Recipe):
    records.start_session(recipe)
    records.start_session(recipe.model_copy(update={"author": "Zoë"}))
    other = recipe.model_copy(update={"frame_timeout_s": 9.0})
    with pytest.raises(RecordsError, match="version 1 of the recipe flange was used before"):
        records.start_session(other)
    assert records.start_session(other.model_copy(update={"version": 2})) == 3


def test_relabelling_is_audited(records: Records, stored):
    part = stored[0]
    records.relabel(part.id, "true_defect", "a crack", by="Ada")
    records.relabel(part.id, "", "looked again", by="Zoë")
    records.log_event("start", "the line started", by="Ada")
    assert (records.get(part.id).label, records.get(part.id).note) == ("", "looked again")
    changes = [(e.by, e.old, e.new, e.message) for e in records.events(inspection_id=part.id)]
    assert changes == [("Zoë", "true_defect", "", "looked again"), ("Ada", "", "true_defect", "a crack")]
    assert [event.kind for event in records.events(limit=2)] == ["start", "relabel"]
    with pytest.raises(ValueError, match="nonsense"):
        records.relabel(part.id, "nonsense")
    with pytest.raises(RecordsError, match="no inspection 999999"):
        records.relabel(999_999, "good")


def test_choices_are_what_sessions_began_with(records: Records, stored):
    assert records.choices() == Choices(["flange", "gear"], ["lot 0", "lot 1"], ["Ada"])


@pytest.mark.parametrize("question", ["get", "recipe_toml_of", "model_of"])
def test_an_unknown_inspection_is_said_in_words(records: Records, question: str):
    with pytest.raises(RecordsError, match="there is no inspection 4711"):
        getattr(records, question)(4711)


def test_an_export_is_what_a_spreadsheet_reads(records: Records, stored, recipe, make_part, tmp_path: Path):
    writer = records.writer(records.start_session(recipe), lambda _parts: None, ArchivePolicy())
    writer.record(make_part(1, lot="=1+1", operator="Zoë, 2. shift"), None)
    writer.close()
    path = tmp_path / "shift.csv"
    assert records.export_csv(InspectionFilter(), path) == 361
    assert path.stat().st_mode & 0o777 == 0o644
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 361
    by_id = {int(row["id"]): row for row in rows}
    for part in stored:
        row = by_id[part.id]
        assert (float(row["score"]) if row["score"] else None) == part.score
        assert (row["verdict"], row["captured_at"]) == (part.verdict, part.captured_at.isoformat())
    (odd,) = (row for row in rows if "1+1" in row["lot"])
    assert (odd["lot"], odd["operator"]) == ("'=1+1", "Zoë, 2. shift")


def test_an_export_that_fails_leaves_the_old_file(records: Records, stored, tmp_path: Path, monkeypatch):
    path = tmp_path / "shift.csv"
    path.write_text("the old one")

    def fail(*_args: object, **_keywords: object) -> None:
        raise RecordsError("the disk failed", "check it")

    monkeypatch.setattr(Records, "find", fail)
    with pytest.raises(RecordsError):
        records.export_csv(InspectionFilter(), path)
    assert path.read_text() == "the old one"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["shift.csv"]
    with pytest.raises(RecordsError, match="can't be written"):
        records.export_csv(InspectionFilter(), tmp_path / "no folder" / "shift.csv")


def test_moments_need_a_time_zone(records: Records, stored):
    naive = stored[0].captured_at.replace(tzinfo=None)
    with pytest.raises(Exception, match="needs its time zone"):
        records.find(InspectionFilter(since=naive))


def test_records_of_a_workspace_can_stand_in_another_database(
    tmp_path: Path, workspace: Workspace, recipe: Recipe
):
    with Records.open(workspace, f"sqlite:///{tmp_path / 'plant.db'}") as records:
        assert records.start_session(recipe) == 1
    assert not workspace.database.exists()
