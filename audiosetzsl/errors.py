"""The errors a user can meet, in one small tree.

AudioSetZSLError
├── AudioSetFileError   one of AudioSet's own files is wrong
├── ClassListError      a class list (TOML) is wrong
├── ManifestError       a manifest, or a release of it, breaks its contract
├── ShardError          a feature shard is damaged, stale or foreign
├── ClipError           a clip cannot be read as sound or picture
└── SetupError          something that the machine or the caller has to provide is absent
    └── DivergedError   a training ran away with its settings, or a model gives no numbers

Every message says what is wrong, what was expected, and what to do.
"""


class AudioSetZSLError(Exception):
    """Base of all errors raised on purpose by this project."""


class AudioSetFileError(AudioSetZSLError):
    """One of AudioSet's own files is absent, truncated, re-ordered or otherwise not what it should be."""


class ClassListError(AudioSetZSLError):
    """A class list breaks a rule; the message lists every fault found."""


class ManifestError(AudioSetZSLError):
    """A manifest, a split or a published release breaks its contract."""


class ShardError(AudioSetZSLError):
    """A Parquet file of features or of the ledger is damaged, stale or made by another configuration."""


class ClipError(AudioSetZSLError):
    """A clip cannot be decoded into what was asked for; `reason` is a word for the ledger."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type["ClipError"], tuple[str, str]]:
        """Both arguments, so that the error comes back whole from a worker process."""
        return ClipError, (self.reason, str(self))


class SetupError(AudioSetZSLError):
    """A file, a program or an option that has to be provided is missing or contradicts another."""


class DivergedError(SetupError):
    """A training, or a model of one, ended in numbers that are not finite; other settings may do."""
