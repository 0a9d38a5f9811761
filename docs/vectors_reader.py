"""Checks an own heavy-ball momentum against a file of test vectors, in plain Python:

python vectors_reader.py DIR/momentum.default.json
"""

import json
import sys


def numbers(record):
    """All numbers of a record in one list, arrays in their order."""
    if isinstance(record, dict) and "float" in record:
        return [float.fromhex(record["float"])]
    if isinstance(record, dict) and "data" in record:
        data = record["data"]
        return [float.fromhex(x) for x in data.split()] if isinstance(data, str) else data
    parts = record.values() if isinstance(record, dict) else record
    return [x for part in parts for x in numbers(part)]


def main(path):
    with open(path, encoding="utf-8") as stream:
        file = json.load(stream)
    assert file["format"] == "refimpl vectors" and file["format_version"] == 1
    rate, mu = (numbers(file["hyper_parameters"][k])[0] for k in ("learning_rate", "momentum"))
    batches = [(numbers(b["slope"]), numbers(b["curvature"])) for b in file["batches"]]
    outputs = {output["step"]: output for output in file["outputs"]}
    p = numbers(file["params"])
    buffer = [0.0] * len(p)
    for step in range(1, 21):
        slope, curvature = batches[(step - 1) % len(batches)]
        gradient = [g + h * x for g, h, x in zip(slope, curvature, p, strict=True)]
        buffer = [mu * m + g for m, g in zip(buffer, gradient, strict=True)]
        p = [x - rate * m for x, m in zip(p, buffer, strict=True)]
        if step in outputs:
            expected = numbers(outputs[step]["params"])
            off = max(abs(x - y) for x, y in zip(p, expected, strict=True))
            allowed = numbers(outputs[step]["tolerance"])[0]
            print(f"step {step}: largest difference {off:.1e}, allowed {allowed:.0e}")
            if off > allowed:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
