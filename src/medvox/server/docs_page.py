"""Pages of the API and of findings, without scripts or anything from another site."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from medvox.core.finding import EXPLANATIONS

STYLE = (
    "body{font:15px/1.5 system-ui;max-width:60em;margin:2em auto;padding:0 1em;background:#111;color:#ddd}"
    "h2{border-bottom:1px solid #444}code{color:#9cf}table{border-collapse:collapse}td{padding:0 1em 0 0}"
    "a{color:#9cf}td:first-child{white-space:nowrap;vertical-align:top}"
    "section{padding:.1em 1em;border-left:3px solid transparent}"
    "section:target{border-color:#2dd4bf;background:#1b2226}"
)


def findings_html() -> str:
    """Return what each code of a finding means, as a page with an anchor for each code."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Findings · medvox</title>',
        f"<style>{STYLE}</style><h1>Findings</h1>",
        "<p>A finding is an oddity met in the data, told instead of guessed away.</p>",
    ]
    parts += [
        f'<section id="{escape(code)}"><h3>{escape(code)}</h3><p>{escape(text)}</p></section>'
        for code, text in sorted(EXPLANATIONS.items())
    ]
    return "\n".join(parts)


def docs_html(schema: Mapping[str, Any]) -> str:
    """Return an OpenAPI document as a page: every request, then every type."""
    title, version, summary = (escape(schema["info"].get(n, "")) for n in ("title", "version", "summary"))
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>',
        f"<style>{STYLE}</style><h1>{title} {version}</h1>",
        f'<p>{summary} <a href="openapi.json">openapi.json</a></p>',
        "<h2>Requests</h2>",
    ]
    for path, methods in schema["paths"].items():
        parts += [_operation(path, method, one) for method, one in methods.items()]
    parts.append("<h2>Types</h2>")
    parts += [_type(name, one) for name, one in schema.get("components", {}).get("schemas", {}).items()]
    return "\n".join(parts)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{_kind(p['schema'])}, {escape(p['in'])}</td></tr>"
        for p in operation.get("parameters", ())
    )
    answer = operation["responses"].get("200", {}).get("content", {})
    kinds = ", ".join(
        _kind(one["schema"]) if one.get("schema") else escape(name) for name, one in answer.items()
    )
    text = escape(operation.get("description", ""))
    return (
        f"<h3>{method.upper()} <code>{escape(path)}</code></h3><p>{text} → {kinds}</p><table>{rows}</table>"
    )


def _type(name: str, schema: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_kind(one)}</td></tr>"
        for field, one in schema.get("properties", {}).items()
    )
    text = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{text}</p><table>{rows}</table>'


def _kind(schema: Mapping[str, Any]) -> str:
    """Say a JSON schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return " or ".join(_kind(one) for one in schema[joined])
    if "enum" in schema or "const" in schema:
        return escape(" | ".join(map(str, schema.get("enum", [schema.get("const")]))))
    if schema.get("type") == "array":
        inner = schema.get("items") or {}
        return f"list of {_kind(inner)}" if inner else "list"
    return escape(str(schema.get("type", "anything")))
