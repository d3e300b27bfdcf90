"""Templates of pages: texts with places for values, which are escaped where they are filled in."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

_FOLDER = "templates"


@cache
def template(name: str) -> Template:
    """A template of HTML or XML. A value that it names and is not given raises jinja2.UndefinedError."""
    environment = Environment(
        loader=PackageLoader("exchange.registry", _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


@cache
def template_text(name: str) -> str:
    """A file beside the templates, as it is."""
    return resources.files("exchange.registry").joinpath(_FOLDER, name).read_text(encoding="utf-8")
