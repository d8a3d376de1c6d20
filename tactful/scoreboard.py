"""The scoreboard: a run's summary as a business owner reads it."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Summary = Mapping[str, Any]
Deciding = Mapping[str, str | None]
"""The version of each model that decides now; None where none does."""

POPUP_MODELS = ("popup_profile", "popup_behaviour")
_METRICS = {
    "popup_profile": "roc_auc",
    "popup_behaviour": "roc_auc",
    "purchase_propensity": "average_precision",
    "churn": "roc_auc",
}
_METRIC_NAMES = {"roc_auc": "ROC-AUC", "average_precision": "average precision"}


def show(summary: Summary, console: Console, deciding: Deciding = MappingProxyType({})) -> None:
    """Print a summary; `deciding` may have moved since the run, and is told of the models that it names."""
    source = summary["source"]
    console.print()
    console.rule(f"[bold]Tactful, {source['first_day']} to {source['last_day']}")
    if source["is_simulated"]:
        console.print("[yellow]Simulated shop: these figures say nothing about real visitors.[/]")
    console.print(_rows(summary["rows"]), _models(summary["models"], deciding))
    for line in _standings(summary, deciding):
        console.print(line)
    for table in (_policies(summary), _segments(summary["segments"]), _stages(summary.get("stages", ()))):
        console.print(table)
    for line in _buyer_stage(summary["buyer_stage"]):
        console.print(line)
    for line in _rolled_back(summary.get("guard", {})):
        console.print(line)
    console.print(f"[bold]Drift[/]     {_drift(summary['drift'])}")
    console.print(f"[bold]Decision[/]  {_decision(summary['decision'])}")
    console.print()


def _rows(rows: Mapping[str, Any]) -> Table:
    if "rows_loaded" not in rows:
        # read where they are: nothing was landed that could be accounted for
        table = _table("Rows", "read")
        table.add_row(f"{rows['rows_read']:,}")
        return table
    table = _table("Rows", "read", "events", "duplicates", "quarantined", "suppressed", "accounted for")
    where = [rows[name] for name in ("rows_loaded", "rows_duplicate", "rows_quarantined", "rows_suppressed")]
    table.add_row(
        f"{rows['rows_read']:,}",
        *(f"{count:,}" for count in where),
        "yes" if sum(where) == rows["rows_read"] else "[red]no[/]",
    )
    return table


def models_of(summary: Summary) -> Mapping[str, Mapping[str, Any]]:
    """What a summary tells of each model, by name."""
    return {**summary["models"], "user_segments": summary["segments"], "buyer_stage": summary["buyer_stage"]}


def _models(models: Mapping[str, Mapping[str, Any]], deciding: Deciding) -> Table:
    title = "Models, on the last fifth of the days"
    table = _table(title, "model", "metric", "value", "95 % interval", "positives", "")
    for name, model in models.items():
        status = "champion no more" if _is_deposed(name, model, deciding) else str(model["status"]).replace("_", " ")
        if model["status"] == "not_trained":
            table.add_row(name, "", "", "", "", status)
            continue
        metric = _METRICS[name]
        low, high = model.get(f"{metric}_low"), model.get(f"{metric}_high")
        table.add_row(
            name,
            _METRIC_NAMES[metric],
            _figure(model.get(metric)),
            f"{_figure(low)} to {_figure(high)}",
            f"{model['positives']:,.0f} of {model['rows']:,.0f}",
            status,
        )
    return table


def _standings(summary: Summary, deciding: Deciding) -> Iterator[str]:
    """Whether each model decides, why, and what to do with it; a run that trains no pop-up model ends with why."""
    for name, model in models_of(summary).items():
        if not _ends_the_run(name, model):
            advice = (model[key] for key in ("reason", "recommendation") if model.get(key))
            yield f"[bold]{name}[/] {_standing(name, model, deciding)} {escape(' '.join(advice))}".rstrip()
        if "share_of_bayes_roc_auc" in model:
            reached = _with_bounds(model, "share_of_bayes_roc_auc")
            yield f"[bold]{name}[/] reaches {reached} of the ROC-AUC that the made-up shop's own truth has."


def _standing(name: str, model: Mapping[str, Any], deciding: Deciding) -> str:
    """What became of a model in its run, and who decides now where that is somebody else."""
    status, version = str(model["status"]).replace("_", " "), model.get("version")
    ours = f" (version {version})" if version else ""
    if name not in deciding or deciding[name] == version:
        return f"is {status}{ours}."
    who = f"version {deciding[name]}" if deciding[name] else "nobody"
    is_deposed = _is_deposed(name, model, deciding)
    return f"{'was' if is_deposed else 'is'} {status}{ours}{' after the run' if is_deposed else ''}; {who} decides now."


def _is_deposed(name: str, model: Mapping[str, Any], deciding: Deciding) -> bool:
    """True for the champion of a run in whose place another was put since, or nobody."""
    return bool(model["status"] == "champion" and name in deciding and deciding[name] != model.get("version"))


def _rolled_back(guard: Mapping[str, Any]) -> Iterator[str]:
    """The champions that the guard sent back, and what they cost."""
    for name, watched in guard.items():
        if watched["status"] == "rolled_back":
            went = f"Version {watched['version']} of {name} went back to version {watched['predecessor']} by itself."
            yield f"[red]{went}[/] {escape(watched['reason'])}"


def _ends_the_run(name: str, model: Mapping[str, Any]) -> bool:
    return name in POPUP_MODELS and model["status"] == "not_trained"


def _policies(summary: Summary) -> Table:
    title = f"Pop-up policies on the test days, judged by {summary['conversion_event']}"
    table = _table(title, "policy", "shown", "converted", "rate", "95 % interval", "kept")
    baseline = summary["baseline_conversion_rate"]
    table.add_row("case study 000, always", "3,732", "about 75", _percent(baseline), "", "")
    models = {name: summary["models"][name] for name in POPUP_MODELS}
    compared = {name: model.get("policies") for name, model in models.items()}
    if not any(compared.values()):
        is_trained = any(model["status"] != "not_trained" for model in models.values())
        why = "no pop-up was shown" if is_trained else "no pop-up model was trained"
        table.caption = f"{why}: nothing to compare"
    if always := next((policies["always"] for policies in compared.values() if policies), None):
        table.add_row("always", *_outcome(always), _percent(1.0))
    for name, policies in compared.items():
        if policies:
            table.add_row(name, *_outcome(policies["model"]), _percent(policies["conversions_kept"]["value"]))
    return table


def _outcome(outcome: Mapping[str, Any]) -> tuple[str, ...]:
    rate = outcome["conversion_rate"]
    return (
        f"{outcome['impressions']:,}",
        f"{outcome['conversions']:,}",
        _percent(rate["value"]),
        f"{_percent(rate['low'])} to {_percent(rate['high'])}",
    )


def _segments(segments: Mapping[str, Any]) -> Table:
    table = _table("Segments of the last 28 days' users", "segment", "users", "share")
    if segments.get("status") == "not_trained":
        table.add_row("none: not trained", "", "")
    for segment in segments.get("by_size", ()):
        table.add_row(segment["name"], f"{segment['users']:,}", _percent(segment["share"]))
    return table


def _stages(stages: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("Stages", "stage", "seconds", "peak memory")
    for stage in stages:
        table.add_row(stage["name"], f"{stage['seconds']:.1f}", f"{stage['peak_memory'] / 2**20:,.0f} MB")
    return table


def _buyer_stage(stage: Mapping[str, Any]) -> Iterator[str]:
    """How well stages are named, by which definition, and what speaks against it."""
    if stage["status"] == "not_trained":
        return
    precision, recall = (_with_bounds(stage, name) for name in ("macro_precision", "macro_recall"))
    yield (
        f"[bold]Stages of buyers[/] by {stage['definition']}: macro precision {precision}, macro recall {recall}. "
        f"{escape(stage['definition_reason'])}"
    )
    if "warning" in stage:
        yield f"[yellow]{escape(stage['warning'])}[/]"


def _with_bounds(figures: Mapping[str, Any], name: str) -> str:
    low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
    return f"{_figure(figures.get(name))} ({_figure(low)} to {_figure(high)})"


def _drift(drift: Mapping[str, Any]) -> str:
    return f"{drift['verdict'].replace('_', ' ')}: {escape(drift['reason'])}"


def _decision(decision: Mapping[str, Any]) -> str:
    score = "no score" if decision.get("score") is None else f"score {decision['score']:.4f}"
    reason = decision["reason"].replace("_", " ")
    return f"{decision['action']}, because {reason} ({score}, {decision['milliseconds']:.1f} ms)"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", caption_justify="left", pad_edge=False)
    for position, column in enumerate(columns):
        # a name may have to be typed again: what else stands in the row makes room for it, and nothing is cut
        is_name = position == 0
        table.add_column(column, justify="left" if is_name else "right", no_wrap=is_name, overflow="fold")
    return table


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.1%}"
