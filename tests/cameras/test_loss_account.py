"""The loss vocabulary as a closed form over every possible stream."""

from hypothesis import given
from hypothesis import strategies as st

from inspector_core.cameras.camera import CameraCounters
from inspector_core.cameras.frame_ring import FrameNote
from inspector_core.cameras.loss_account import LossAccount

FATES = st.lists(st.sampled_from(["delivered", "incomplete", "lost"]), max_size=60)


def note(frame_id: int, first_id: int, incomplete: int) -> FrameNote:
    return FrameNote(1, 0, 1, 1, 1, "Mono8", 0, frame_id, first_id, incomplete, 0.0)


@given(streams=st.lists(FATES, max_size=4), first_id=st.sampled_from([0, 1, 70_000]))
def test_every_frame_up_to_the_last_delivered_one_is_counted_once(
    streams: list[list[str]], first_id: int
) -> None:
    account = LossAccount(CameraCounters())
    told, taken, counted_incomplete = 0, 0, 0
    for fates in streams:
        account.begin_stream()
        last = max((k for k, fate in enumerate(fates) if fate == "delivered"), default=-1)
        for k, fate in enumerate(fates):
            incomplete = fates[:k].count("incomplete")
            account.incomplete(incomplete + (fate == "incomplete"))
            if fate == "delivered":
                told += account.arrived(note(first_id + k, first_id, incomplete))
        taken += last + 1
        counted_incomplete += fates[: last + 1].count("incomplete")
    every = [fate for fates in streams for fate in fates]
    counters = account.counters
    assert counters.delivered == every.count("delivered")
    assert counters.incomplete == every.count("incomplete")
    assert counters.delivered + told == taken
    assert counters.lost == told - counted_incomplete


def test_incomplete_frames_without_a_number_of_their_own_still_count() -> None:
    account = LossAccount(CameraCounters())
    assert [account.arrived(note(5, 5, 0)), account.arrived(note(6, 5, 3))] == [0, 3]
    assert account.counters.lost == 0


def test_a_sixteen_bit_frame_number_runs_over_without_a_loss_or_with_its_true_loss() -> None:
    account = LossAccount(CameraCounters())
    ids = [65534, 65535, 1, 2, 65530, 65535, 4]
    gaps = [account.arrived(note(frame_id, 65534, 0)) for frame_id in ids]
    assert gaps == [0, 0, 0, 0, 65527, 4, 3]


def test_a_camera_that_counts_anew_loses_nothing_that_could_be_told() -> None:
    account = LossAccount(CameraCounters())
    assert [account.arrived(note(frame_id, 500, 0)) for frame_id in (500, 1, 2)] == [0, 0, 0]
    assert account.counters.delivered == 3
