"""Write a BIDS tree: images where the rules say, sidecars, and the files that describe the whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from medvox.core.errors import CancelledError, MedvoxError, MissingError, UsageError
from medvox.core.progress import Progress, silent
from medvox.core.study import Image, Scan, Series
from medvox.formats.atomic import atomic_file
from medvox.workflows.bids.entities import VERSION, file_stem
from medvox.workflows.bids.proposal import Candidate
from medvox.workflows.bids.rules import Rule, proposed_rules, read_rules, rules_text
from medvox.workflows.bids.subjects import Place, Subjects
from medvox.workflows.convert.job import convert_one, existing
from medvox.workflows.convert.options import ConvertOptions
from medvox.workflows.convert.report import Converted, ConvertReport, Kept, Skipped
from medvox.workflows.convert.target import Target, Task, writable
from medvox.workflows.open_folder import scan as scan_paths
from medvox.workflows.sidecar import sidecar_fields

RULES = Path("code", "medvox_bids_rules.toml")
"""Where the rules that were used are kept in the tree."""


@dataclass(frozen=True, slots=True)
class BidsOptions:
    """How to write a BIDS tree.

    Parameters
    ----------
    rules
        File of rules (`medvox.workflows.bids.rules`); None: those proposed from the headers.
    subjects
        Table of ``patient_id`` and ``participant_id``; None: subjects are numbered.
    name
        Name of the data set.
    keep_identity, overwrite, skip_existing
        As in `medvox.workflows.convert.ConvertOptions`; with identity subjects are called after their ID, and
        participants.tsv tells age and sex.
    """

    rules: Path | None = None
    subjects: Path | None = None
    name: str = "Converted scans"
    keep_identity: bool = False
    overwrite: bool = False
    skip_existing: bool = False


@dataclass(frozen=True, slots=True)
class _Planned:
    """One image with its rule and place."""

    task: Task
    rule: Rule
    entities: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Found:
    """One image as rules see it, and where it is."""

    study: int
    series: Series
    image: Image
    candidate: Candidate


def propose(source: str | PathLike[str], *, progress: Progress = silent) -> str:
    """Return the text of a file of rules for what lies under `source`, to be read and edited.

    Raises
    ------
    MissingError
        If there is no DICOM image.
    """
    found = _candidates(scan_paths(source, progress=progress), source)
    return rules_text(*proposed_rules(f.candidate for f in found))


def convert_to_bids(
    source: str | PathLike[str],
    target: str | PathLike[str],
    options: BidsOptions | None = None,
    *,
    progress: Progress = silent,
) -> ConvertReport:
    """Convert the DICOM images under `source` to a BIDS tree in the folder `target`.

    Returns
    -------
    ConvertReport
        Images that no rule fits are listed as `unmatched`; nothing is guessed for them.

    Raises
    ------
    MissingError
        If there is no DICOM image.
    UsageError
        If rules or subjects make no sense, or `target` is a BIDS tree already and may not be added to.
    """
    options = options or BidsOptions()
    folder = Path(target)
    rules = None if options.rules is None else read_rules(options.rules)
    subjects = Subjects(keep_identity=options.keep_identity)
    if options.subjects is not None:
        subjects = Subjects.read(options.subjects, options.keep_identity)
    _check_target(folder, options)
    scan = scan_paths(source, progress=progress)
    found = _candidates(scan, source)
    undecided: tuple[Candidate, ...] = ()
    if rules is None:
        rules, undecided = proposed_rules(f.candidate for f in found)
    planned, unmatched = _plan(scan, found, rules, subjects)
    report = _convert_all(planned, folder, options, progress)
    describe(folder, planned, options, rules_text(rules, undecided))
    return replace(report, findings=scan.findings, unmatched=tuple(unmatched))


def _check_target(folder: Path, options: BidsOptions) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError("a BIDS tree is a folder", where=folder)
    there = folder.is_dir() and any(folder.iterdir())
    if there and not (options.overwrite or options.skip_existing):
        raise UsageError(
            "the folder is not empty",
            where=folder,
            advice="Name a new folder, or add --skip-existing or --overwrite",
        )


# -- which image goes where -----------------------------------------------------------------------


def _candidates(scan: Scan, source: str | PathLike[str]) -> list[_Found]:
    found = [
        _Found(number, series, image, _candidate(series, image))
        for number, study in enumerate(scan.studies)
        for series in study.series
        if series.format == "DICOM"
        for image in series.images
    ]
    if not found:
        raise MissingError("no DICOM image to convert", where=source)
    return found


def _candidate(series: Series, image: Image) -> Candidate:
    lead = image.shape[:-3]
    volumes = lead[0] if lead else 1
    try:
        facts = sidecar_fields(series, image)
    except MedvoxError:
        facts = {}
    return Candidate(series.description, series.number, image.axes[:-3], volumes, facts)


def _plan(
    scan: Scan, found: Sequence[_Found], rules: Sequence[Rule], subjects: Subjects
) -> tuple[list[_Planned], list[Skipped]]:
    """Name every image that a rule fits; the others are told."""
    chosen: list[tuple[_Found, Rule]] = []
    unmatched = []
    for one in found:
        rule = next((rule for rule in rules if rule.fits(one.candidate)), None)
        name = f"{one.series.number} {one.image.label}"
        if rule is None:
            unmatched.append(Skipped(name, "no rule fits"))
        elif rule.exclude:
            unmatched.append(Skipped(name, "left out by a rule"))
        else:
            chosen.append((one, rule))
    used = sorted({one.study for one, _ in chosen})
    places = subjects.places([scan.studies[n] for n in used])
    place_of = {n: places[index] for index, n in enumerate(used)}
    named = [(one, rule, _entities(one, rule, place_of[one.study])) for one, rule in chosen]
    return _with_runs(scan, named), unmatched


def _entities(found: _Found, rule: Rule, place: Place) -> dict[str, str]:
    entities = place.entities | dict(rule.entities)
    siblings = [image for image in found.series.images if image.axes == found.image.axes]
    facts = dict(found.image.facts)
    if "echo_time_ms" in facts and rule.datatype == "func" and "echo" not in entities:
        times = sorted({float(dict(image.facts).get("echo_time_ms", "0")) for image in siblings})
        entities["echo"] = str(times.index(float(facts["echo_time_ms"])) + 1)
    if facts.get("component") in ("M", "P") and len(siblings) > 1 and rule.datatype in ("func", "anat"):
        entities["part"] = "mag" if facts["component"] == "M" else "phase"
    return entities


def _with_runs(scan: Scan, named: Iterable[tuple[_Found, Rule, dict[str, str]]]) -> list[_Planned]:
    """Number what would have one name: runs in the order of their series numbers."""
    ordered = sorted(named, key=lambda item: (item[0].study, item[0].series.number or 0))
    stems = [_stem(rule, entities) for _, rule, entities in ordered]
    many = {stem for stem, count in Counter(stems).items() if count > 1}
    seen: Counter[Path] = Counter()
    planned = []
    for (found, rule, entities), stem in zip(ordered, stems, strict=True):
        if stem in many:
            seen[stem] += 1
        full = entities | ({"run": str(seen[stem])} if stem in many else {})
        study = scan.studies[found.study]
        task = Task(study, found.series, found.image, _stem(rule, full), _extra(rule, full))
        planned.append(_Planned(task, rule, full))
    return planned


def _stem(rule: Rule, entities: Mapping[str, str]) -> Path:
    folders = [f"{name}-{entities[name]}" for name in ("sub", "ses") if name in entities]
    return Path(*folders, rule.datatype, file_stem(entities, rule.suffix))


def _extra(rule: Rule, entities: Mapping[str, str]) -> tuple[tuple[str, Any], ...]:
    """Fields of the sidecar that BIDS asks for and no header has."""
    return (("TaskName", entities["task"]),) if rule.datatype == "func" else ()


# -- writing ----------------------------------------------------------------------------------------


def _convert_all(
    planned: Sequence[_Planned], folder: Path, options: BidsOptions, progress: Progress
) -> ConvertReport:
    target = Target(writable("nifti"), folder)
    how = ConvertOptions(keep_identity=options.keep_identity, overwrite=options.overwrite, sources=False)
    done: list[Converted] = []
    kept: list[Kept] = []
    skipped: list[Skipped] = []
    for number, one in enumerate(planned):
        progress(number, len(planned), f"Converting {one.task.stem.name}")
        there = existing(one.task, target, how) if options.skip_existing else None
        try:
            if there is None:
                done.append(convert_one(one.task, target, how))
            else:
                kept.append(Kept(one.task.image.label, there))
        except CancelledError:
            raise
        except MedvoxError as error:
            skipped.append(Skipped(one.task.image.label, str(error)))
    progress(len(planned), len(planned), "Converting")
    return ConvertReport(tuple(done), tuple(skipped), (), tuple(kept))


def describe(folder: Path, planned: Sequence[_Planned], options: BidsOptions, rules: str) -> None:
    """Write what describes a data set: dataset_description.json, participants.tsv, README, the rules."""
    import medvox

    about = {
        "Name": options.name,
        "BIDSVersion": VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "medvox", "Version": medvox.__version__}],
    }
    _write(folder / "dataset_description.json", json.dumps(about, indent=2) + "\n", options)
    _write_participants(folder, planned, options)
    made = f"Converted from DICOM by medvox {medvox.__version__}; the rules are in {RULES}."
    text = f"# {options.name}\n\n{made}\n"
    _write(folder / "README.md", text, options)
    _write(folder / RULES, rules, options)


def _write_participants(folder: Path, planned: Sequence[_Planned], options: BidsOptions) -> None:
    patients = {one.entities["sub"]: one.task.study.patient for one in planned}
    path = folder / "participants.tsv"
    there = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    head = there[0] if there else "participant_id" + ("\tage\tsex" if options.keep_identity else "")
    known = {line.split("\t")[0] for line in there[1:]}
    rows = list(there[1:])
    for subject, patient in sorted(patients.items()):
        if f"sub-{subject}" in known:
            continue
        years = re.fullmatch(r"0*(\d+)Y", patient.age)
        values = {"age": years[1] if years else "n/a", "sex": patient.sex or "n/a"}
        rows.append(
            "\t".join([f"sub-{subject}", *(values.get(name, "n/a") for name in head.split("\t")[1:])])
        )
    _write(path, "\n".join([head, *rows]) + "\n", replace(options, overwrite=True))
    about: dict[str, Any] = {"participant_id": {"Description": "Label of the participant"}}
    if "age" in head:
        about |= {
            "age": {"Description": "Age at the first scan", "Units": "year"},
            "sex": {
                "Description": "Sex as the header says",
                "Levels": {"M": "male", "F": "female", "O": "other"},
            },
        }
    _write(folder / "participants.json", json.dumps(about, indent=2) + "\n", options)


def _write(path: Path, text: str, options: BidsOptions) -> None:
    """Write a text; one that is there already stays, unless it may be replaced."""
    if path.exists() and not options.overwrite:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(text.encode())
