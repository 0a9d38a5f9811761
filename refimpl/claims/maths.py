"""Formulas in one line of plain text, as MathML that a browser sets.

Statements write w_l^2, lambda_max and exp(-k e^2/8); what is set is every symbol with an index or
an exponent, and every spelled-out Greek letter. The rest of the text stays as it is.

>>> maths("tau < 2")
'<math><mi>τ</mi></math> &lt; 2'
>>> maths("w_l^2")
'<math><msubsup><mi>w</mi><mi>l</mi><mn>2</mn></msubsup></math>'
>>> maths("(1 - p)^2")
'(1 - p)<sup>2</sup>'
>>> maths("see a file_name or snake_case")
'see a file_name or snake_case'
"""

from __future__ import annotations

import html
import re

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "epsilon": "ε", "eta": "η",
    "theta": "θ", "kappa": "κ", "lam": "λ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ", "omega": "ω",
    "Sigma": "Σ", "Omega": "Ω", "Lambda": "Λ", "Delta": "Δ", "Phi": "Φ",
}  # fmt: skip
_NAME = "|".join(sorted(_GREEK, key=len, reverse=True))
_INDEX = r"(?:\{[^{}]{1,12}\}|[A-Za-z0-9α-ω]{1,4}\b|[A-Za-z0-9]+(?=[\^ ,.;)]))"
_POWER = r"(?:\{[^{}]{1,16}\}|\([^()]{1,16}\)|-?[0-9]+(?:\.[0-9]+)?|[A-Za-z+*])"
_SYMBOL = re.compile(
    rf"(?<![\w/.^])(?:(?P<base>{_NAME}|[A-Za-zα-ωΑ-Ω])"
    rf"(?:_(?P<sub>{_INDEX}))?(?:\^(?P<sup>{_POWER}))?)(?![\w'])"
    rf"|(?<=\))\^(?P<after>{_POWER})"
)


def maths(text: str) -> str:
    """``text`` as HTML, with its symbols in MathML."""
    out, at = [], 0
    for match in _SYMBOL.finditer(text):
        base, sub, sup, after = match.group("base", "sub", "sup", "after")
        if after is not None:
            out += [html.escape(text[at : match.start()]), f"<sup>{_plain(after)}</sup>"]
            at = match.end()
            continue
        if sub is None and sup is None and base not in _GREEK:
            continue
        out += [html.escape(text[at : match.start()]), f"<math>{_element(base, sub, sup)}</math>"]
        at = match.end()
    return "".join([*out, html.escape(text[at:])])


def _element(base: str, sub: str | None, sup: str | None) -> str:
    parts = [f"<mi>{_GREEK.get(base, base)}</mi>"]
    parts += [_script(part) for part in (sub, sup) if part is not None]
    if len(parts) == 1:
        return parts[0]
    tag = "msubsup" if len(parts) == 3 else "msub" if sub is not None else "msup"
    return f"<{tag}>{''.join(parts)}</{tag}>"


def _script(text: str) -> str:
    escaped = _plain(text)
    if re.fullmatch(r"−?[0-9.]+", escaped):
        return f"<mn>{escaped}</mn>"
    return f"<mi>{escaped}</mi>" if escaped.isalnum() else f"<mtext>{escaped}</mtext>"


def _plain(text: str) -> str:
    """What stands in braces or brackets, as HTML with true minus signs."""
    text = text.strip("{}")
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return html.escape(_GREEK.get(text, text).replace("-", "−"))
