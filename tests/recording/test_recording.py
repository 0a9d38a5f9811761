"""Programs and updates: the same calls, the same bits, in less memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.arrays import namespace
from refimpl.recording import CannotRecordError, Flat, Number, Program, Recorded, Update, same_bits
from refimpl.recording import update as update_module


def record(function, *arrays):
    inputs = [Recorded.input(array) for array in arrays]
    outputs = function(*inputs)
    return Program(inputs, outputs if isinstance(outputs, list) else [outputs])


UNARY = ("negative", "abs", "exp", "tanh", "sqrt", "square", "log1p", "sign", "sin")
BINARY = ("add", "subtract", "multiply", "maximum", "minimum", "divide")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_program_gives_the_bits_of_its_function(data):
    """Random expressions of three arrays, with views between the calls."""
    shape = data.draw(st.sampled_from([(4,), (3, 4), (4, 4), (2, 3, 4)]))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    plan = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from((*UNARY, *BINARY, "sum", "where", "view", "scale", "matmul")),
                st.integers(0, 9),
                st.integers(0, 9),
            ),
            min_size=1,
            max_size=12,
        )
    )

    def function(*arrays):
        xp, made = namespace(arrays[0]), list(arrays)
        for name, i, j in plan:
            x, y = made[i % len(made)], made[j % len(made)]
            if name in UNARY:
                made.append(getattr(xp, name)(xp.abs(x) if name in ("sqrt", "log1p") else x))
            elif name in BINARY:
                made.append(getattr(xp, name)(x, y))
            elif name == "sum":
                made.append(x - xp.sum(x, axis=-1, keepdims=True))
            elif name == "where":
                made.append(xp.where(x > y, x, 0.0))
            elif name == "scale":
                made.append(2.5 * x / 3)
            elif name == "matmul" and x.ndim > 1:
                made.append(xp.where(xp.abs(x @ x.mT @ y) > 1e3, 0.5, x))
            elif name == "view":
                turned = xp.permute_dims(x, tuple(range(x.ndim))[::-1]) if j % 2 else x
                made.append(xp.reshape(xp.reshape(turned, (-1,)), shape))
        return [made[-1], xp.sum(made[-1]), made[len(made) // 2]]

    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    first, second = ([rng.normal(size=shape).astype(dtype) for _ in range(3)] for _ in range(2))
    with np.errstate(all="ignore"):
        program = record(function, *first)
        for arrays in (first, second, first):
            for ours, theirs in zip(program(*arrays), function(*arrays), strict=True):
                assert same_bits(ours, theirs)


def test_a_view_that_runs_backwards_is_not_recorded():
    """NumPy 2.1 sums it in another order where it is told where to put the sum."""
    with pytest.raises(CannotRecordError, match="backwards"):
        record(lambda a: namespace(a).sum((a + 1.0)[::-1]), np.ones(4))


def test_buffers_are_used_again():
    """A chain of forty calls holds two arrays, and what no output needs is not computed."""
    x = np.ones((64, 64))

    def chain(a):
        dropped = a * 7.0  # noqa: F841
        for _ in range(20):
            a = namespace(a).exp(-a)
        return a

    program = record(chain, x)
    assert len(program.calls) == 40
    assert program.held_bytes <= 2 * x.nbytes


def test_a_buffer_that_is_still_read_is_not_used_again():
    def function(a):
        b = a + 1.0
        c = b * 2.0
        d = c - b  # b is read after c was made
        return d * c + b

    x = np.arange(5.0)
    assert same_bits(record(function, x)(x + 1)[0], function(x + 1))


def test_a_view_keeps_what_it_shows():
    def function(a):
        b = a + 1.0
        row = b[0, :]
        c = (b * 2.0) * 3.0
        return c + row

    x = np.arange(9.0).reshape(3, 3)
    assert same_bits(record(function, x)(-x)[0], function(-x))


def test_what_is_copied_at_the_end_is_kept_until_then():
    """A view of an intermediate array as an output, beside what is computed from it."""

    def function(a):
        b = a + 1.0
        c = b * 2.0
        return [c * 3.0, b.mT, namespace(a).reshape(c, (-1,))]

    x = np.arange(9.0).reshape(3, 3)
    for ours, theirs in zip(record(function, x)(-x), function(-x), strict=True):
        assert same_bits(ours, theirs)


def test_the_same_output_twice_and_an_input_as_output():
    x = np.arange(3.0)
    program = record(lambda a: [a + 1.0, a, a[::2]], x)
    assert [out.tolist() for out in program(x)] == [[1, 2, 3], [0, 1, 2], [0, 2]]
    twice = Recorded.input(x)
    made = twice * 2.0
    assert [out.tolist() for out in Program([twice], [made, made])(x)] == [[0, 2, 4]] * 2


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x if x[0] > 0 else -x,
        lambda x: x * float(x[0]),
        lambda x: x * np.ones(3),
        lambda x: np.ones(3) * x,
        lambda x: x == np.ones(3),
        lambda x: np.sum(x),
        lambda x: x * np.float64(2.0),
        lambda x: x[np.array([0])],
        lambda x: x[x > 0],
        lambda x: [1, 2, 3][x[0]],
        lambda x: namespace(x).isfinite(x),
        lambda x: list(x),
    ],
)
def test_what_reads_numbers_or_foreign_arrays_cannot_be_recorded(function):
    with pytest.raises((CannotRecordError, TypeError)):
        record(function, np.arange(3.0))


def test_an_array_that_is_no_input_is_refused():
    x, y = Recorded.input(np.ones(2)), Recorded.input(np.ones(2))
    with pytest.raises(CannotRecordError, match="no input"):
        Program([x], [x + y])


# --- updates --------------------------------------------------------------------------------------


def momentum(groups, step):
    params, velocity, gradient = groups
    new = [0.9 * v + g for v, g in zip(velocity, gradient, strict=True)]
    scale = 1.0 - 0.5 ** (step + 1)
    return [[w - 0.1 * (v / scale) for w, v in zip(params, new, strict=True)], new]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("piece", [64, 1 << 16])
def test_an_update_is_its_rule(dtype, piece, monkeypatch):
    """In one piece and in many, the last one shorter."""
    monkeypatch.setattr(update_module, "PIECE_BYTES", piece)
    rng = np.random.default_rng(0)
    shapes = [(7, 5), (3,), (), (40, 9)]
    trees = [[np.asarray(rng.normal(size=s), dtype=dtype) for s in shapes] for _ in range(3)]
    flats = [Flat(tree) for tree in trees]
    update = Update(momentum, flats, results=2, step=4)
    for step in range(4, 9):
        gradient = [np.asarray(rng.normal(size=s), dtype=dtype) for s in shapes]
        flats[2].fill(gradient)
        update.run()
        trees = [*momentum([*trees[:2], gradient], step), gradient]
        for flat, tree in zip(flats[:2], trees[:2], strict=True):
            assert all(same_bits(a, b) for a, b in zip(flat.leaves, tree, strict=True))
    assert update.step == 9


@pytest.mark.parametrize(
    "rule",
    [
        lambda groups, step: [[w * (1.0 if w.ndim > 1 else 2.0) for w in groups[0]]],
        lambda groups, step: [[w - namespace(w).sum(w) for w in groups[0]]],
        lambda groups, step: [[namespace(w).exp(w) for w in groups[0]]],
        lambda groups, step: [[w * groups[0][0][0, 0] for w in groups[0]]],
        lambda groups, step: [[w * (1.0 if step > 3 else 2.0) for w in groups[0]]],
        lambda groups, step: [groups[0][:1]],
        lambda groups, step: [[w.mT if w.ndim > 1 else w for w in groups[0]]],
        lambda groups, step: [[w > 0 for w in groups[0]]],
        lambda groups, step: [[w * np.ones(w.shape) for w in groups[0]]],
    ],
)
def test_a_rule_that_is_not_the_same_for_every_entry_is_refused(rule):
    flat = Flat([np.ones((2, 2)), np.ones(3)])
    with pytest.raises((CannotRecordError, TypeError)):
        Update(rule, [flat], results=1)


def test_a_result_that_is_written_over_what_is_read_later_is_refused():
    def rule(groups, step):
        first = [w + 1.0 for w in groups[0]]
        second = [v * (w - f) for v, w, f in zip(groups[1], groups[0], first, strict=True)]
        return [first, second]

    flats = [Flat([np.ones(3)]), Flat([np.ones(3)])]
    with pytest.raises(CannotRecordError, match="read later"):
        Update(rule, flats, results=2)


def test_groups_that_change_places_are_refused():
    flats = [Flat([np.ones(3)]), Flat([np.zeros(3)])]
    with pytest.raises(CannotRecordError):
        Update(lambda groups, step: [groups[1], groups[0]], flats, results=2)


def test_a_number_of_steps_is_not_read():
    with pytest.raises(CannotRecordError):
        float(Number(3) + 1)


EXACT_CALLS = ("add", "subtract", "multiply", "maximum", "minimum", "divide")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_an_update_gives_the_bits_of_any_elementwise_rule(data):
    """Random rules on four groups, of which some become results: in whatever memory they are laid
    out, what a result needs is still there. A layout that cannot be is refused."""
    pick = st.integers(0, 11)
    plan = data.draw(
        st.lists(st.tuples(st.sampled_from(EXACT_CALLS), pick, pick), min_size=3, max_size=12)
    )
    results = data.draw(st.integers(1, 3))
    ends = data.draw(st.lists(pick, min_size=results, max_size=results))

    def rule(groups, step):
        made = []
        for leaves in zip(*groups, strict=True):
            values, xp = list(leaves), namespace(leaves[0])
            for name, first, second in plan:
                x, y = values[first % len(values)], values[second % len(values)]
                values.append(getattr(xp, name)(x, y))
            made.append([values[-1 - end % (len(values) - 4)] for end in ends])
        return [list(group) for group in zip(*made, strict=True)]

    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    groups = [[rng.normal(size=5) + 3.0, rng.normal(size=3) + 3.0] for _ in range(4)]
    flats = [Flat([leaf.copy() for leaf in group]) for group in groups]
    with np.errstate(all="ignore"):
        expected = rule(groups, 0)
        try:
            update = Update(rule, flats, results=results)
        except CannotRecordError:
            return
        update.run()
    for flat, values in zip(flats, expected, strict=False):
        assert all(same_bits(ours, value) for ours, value in zip(flat.leaves, values, strict=True))


def test_what_a_group_will_become_is_memory_until_then(monkeypatch):
    """The rule of Adam needs one array beside those it is given."""
    taken = []
    monkeypatch.setattr(
        update_module, "aligned", lambda n: taken.append(n) or np.empty(n, np.uint8)
    )

    def adam(groups, step):
        after = []
        for w, m, v, g in zip(*groups, strict=True):
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            after.append((w - 0.1 * (m / 0.5) / (namespace(v).sqrt(v) + 1e-8), m, v))
        return [list(group) for group in zip(*after, strict=True)]

    start = [np.full(4, value) for value in (1.0, 0.5, 2.0, 3.0)]
    flats = [Flat([x.copy()]) for x in start]
    expected = adam([[x] for x in start], 0)
    Update(adam, flats, results=3).run()
    assert [same_bits(f.leaves[0], e[0]) for f, e in zip(flats, expected, strict=False)] == [
        True
    ] * 3
    assert len(taken) == 1
