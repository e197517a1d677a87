"""A memory of masked rounds that forgets those that are over."""

from benchmarks.circle import MemorySessions


class ForgettingSessions(MemorySessions):
    """A memory that forgets rounds that are over."""

    def forget(self, run: str, *, before_round: int) -> None:
        for name, session in list(self._kept.items()):
            if session.context.run == run and session.context.round < before_round:
                del self._kept[name]

    def list_models(self, run: str, *, round_number: int) -> frozenset[str]:
        contexts = [session.context for session in self._kept.values()]
        return frozenset(one.base_model_sha256 for one in contexts if (one.run, one.round) == (run, round_number))
