"""How far a run is, by steps or by time."""


class Pace:
    """A run's length: a number of steps, or minutes of work.

    Time is that of the steps alone and is kept over a resume: a run of N minutes trains for N minutes.
    """

    def __init__(self, steps: int | None, minutes: float | None, default_steps: int) -> None:
        self._seconds = None if steps is not None or minutes is None else minutes * 60
        self._steps = steps if steps is not None else default_steps
        self.elapsed = 0.0

    def fraction(self, step: int) -> float:
        """Share of the run that is done, 0..1."""
        share = step / self._steps if self._seconds is None else self.elapsed / self._seconds
        return min(share, 1.0)

    def done(self, step: int) -> bool:
        """Whether the run has its length; by time, at least one step is taken."""
        return self.fraction(step) >= 1.0 and step > 0

    def seconds_left(self, step: int) -> float | None:
        """Estimate from the mean so far; None before the third step."""
        fraction = self.fraction(step)
        if step < 3 or fraction <= 0:
            return None
        return self.elapsed / fraction * (1 - fraction)
