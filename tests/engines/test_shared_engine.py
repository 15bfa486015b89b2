"""Several lines, one engine: each gets its own answers, and nobody waits for company."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.tiling import Tiling
from inspector_core.engines.engine import Engine, masks_of
from inspector_core.engines.registered import RegisteredEngine
from inspector_core.engines.registration import Registration, picture_of
from inspector_core.engines.shared import SharedEngine
from inspector_core.engines.tiled import TiledEngine


class Brightest:
    """Score: the brightest pixel that is not ignored. Keeps the size of each run; fails on a black image."""

    name, model = "brightest", None

    def __init__(self, at_once=2):
        self.at_once, self.runs, self.threads = at_once, [], set()
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)

    def warm_up(self):
        self.threads.add(threading.get_ident())

    def infer(self, images, ignore=None, tiles=None):
        self.threads.add(threading.get_ident())
        self.begun.release()
        assert self.gate.wait(30)
        self.runs.append(len(images))
        found = []
        for image, mask in zip(images, masks_of(ignore, len(images)), strict=True):
            if not image.any():
                raise ValueError("a black image")
            values = image[..., 0].astype(np.float32) / 255
            if mask is not None:
                values = np.where(mask, 0, values).astype(np.float32)
            found.append(Detection(float(values.max()), values, image))
        return found


def grey(value):
    return np.full((4, 4, 3), value, np.uint8)


@pytest.fixture
def inner():
    return Brightest()


@pytest.fixture
def shared(inner):
    engine = SharedEngine(lambda: inner)
    yield engine
    inner.gate.set()
    engine.close()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 255), min_size=1, max_size=6), min_size=1, max_size=4), st.integers(1, 4)
)
def test_each_line_gets_its_own_answers_in_its_own_order(lines, at_once):
    inner = Brightest(at_once)
    engine = SharedEngine(lambda: inner)

    def line(values):
        return [round(engine.for_line().infer([grey(v)])[0].score * 255) for v in values]

    with ThreadPoolExecutor(len(lines)) as pool:
        assert list(pool.map(line, lines)) == lines
    engine.close()
    assert max(inner.runs) <= at_once
    assert sum(inner.runs) == sum(map(len, lines))
    assert len(inner.threads) == 1, "the engine lives in one thread"
    assert threading.get_ident() not in inner.threads


def test_what_comes_while_a_run_is_at_work_goes_together_into_the_next(shared, inner):
    inner.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(shared.infer, [grey(10)])
        assert inner.begun.acquire(timeout=30)
        others = [pool.submit(shared.infer, [grey(v)]) for v in (20, 30, 40)]
        while len(shared._asked) < 3:
            pass
        inner.gate.set()
        scores = [round(one.result(30)[0].score * 255) for one in (first, *others)]
    assert scores == [10, 20, 30, 40]
    assert inner.runs == [1, 2, 1]


def test_a_lonely_call_goes_at_once(shared, inner):
    assert shared.infer([grey(50)])[0].score == pytest.approx(50 / 255)
    assert inner.runs == [1]


def test_more_images_than_fit_are_one_lines_run(shared, inner):
    assert len(shared.infer([grey(v) for v in range(1, 6)])) == 5
    assert inner.runs == [5]


def test_each_image_has_its_own_mask(shared):
    mask = np.zeros((4, 4), bool)
    mask[:, :2] = True
    image = grey(10)
    image[:, :2] = 200
    masked, free = shared.infer([image, image], [mask, None])
    assert (round(masked.score * 255), round(free.score * 255)) == (10, 200)
    with pytest.raises(ValueError, match="1 ignore masks for 2 images"):
        shared.infer([image, image], [mask])


def test_one_lines_fault_is_not_anothers(shared, inner):
    inner.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shared.infer, [grey(10)])
        assert inner.begun.acquire(timeout=30)
        bad, good = (pool.submit(shared.infer, [grey(v)]) for v in (0, 30))
        while len(shared._asked) < 2:
            pass
        inner.gate.set()
        assert round(first.result(30)[0].score * 255) == 10
        with pytest.raises(ValueError, match="a black image"):
            bad.result(30)
        assert round(good.result(30)[0].score * 255) == 30


def test_every_line_hears_why_the_engine_did_not_open():
    def refuse() -> Engine:
        raise RuntimeError("no such model")

    engine = SharedEngine(refuse)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no such model"):
            engine.for_line()
    engine.close()


def test_a_closed_engine_says_so(inner):
    engine = SharedEngine(lambda: inner)
    engine.for_line()
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.infer([grey(1)])


def test_poses_and_tiles_are_the_lines_own_work(inner):
    reference = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    registration = Registration(picture_of(reference))
    engine = SharedEngine(
        lambda: RegisteredEngine(TiledEngine(inner, Tiling(rows=2, columns=2)), registration)
    )
    mine = engine.for_line()
    assert isinstance(mine, RegisteredEngine)
    assert isinstance(mine.engine, TiledEngine)
    assert mine.engine.engine is engine
    (found,) = mine.infer([reference])
    assert found.anomaly_map.shape == (64, 64)
    assert inner.runs == [4], "the tiles of an image go through one call"
    engine.close()


def test_tiles_keep_their_numbers_in_company(shared, inner):
    told = []
    infer = inner.infer
    inner.infer = lambda images, ignore=None, tiles=None: told.extend(tiles) or infer(images, ignore)
    inner.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shared.infer, [grey(10)])
        assert inner.begun.acquire(timeout=30)
        others = [pool.submit(shared.infer, [grey(20)], None, [7]), pool.submit(shared.infer, [grey(30)])]
        while len(shared._asked) < 2:
            pass
        inner.gate.set()
        for one in (first, *others):
            one.result(30)
    assert told[0] == 0
    assert sorted(told[1:]) == [0, 7]


def test_an_engine_that_answers_too_little_is_a_fault_and_no_hang(shared, inner):
    inner.infer = lambda images, ignore=None, tiles=None: []
    with pytest.raises(RuntimeError, match="0 detections for 1 images"):
        shared.infer([grey(1)])
