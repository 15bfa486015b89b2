"""Errors that a person can act on."""


class NormaError(Exception):
    """Something outside the program is wrong; says what, and what to do about it.

    Everything that a user can cause or mend (a missing folder, a locked database, an absent
    camera) is raised as this or a subclass of it. Any other exception is a fault of ours.

    Args:
        problem: what is wrong, naming the thing, without a full stop at its end.
        remedy: what to do, in the imperative, without a full stop at its end.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}: {remedy}.")

    def __reduce__(self) -> tuple[type["NormaError"], tuple[str, str]]:
        return type(self), (self.problem, self.remedy)


class ImageError(NormaError):
    """An image file can't be used."""


class ModelFileError(NormaError):
    """A model file can't be used."""


class CameraError(NormaError):
    """A camera can't deliver."""


class RecipeError(NormaError):
    """A recipe can't be used."""


class RecordsError(NormaError):
    """The database or the archive can't be used."""


class DataError(NormaError):
    """A folder of images can't be used for training or evaluation."""


class WorkspaceError(NormaError):
    """The workspace folder can't be used."""


class DeviceError(NormaError):
    """The asked-for computing device can't be used."""


def in_words(error: BaseException) -> str:
    """An error as the operator should read it: our own sentences as they are, others with their kind."""
    return str(error) if isinstance(error, NormaError) else f"{type(error).__name__}: {error}".rstrip(": ")
