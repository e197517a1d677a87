"""What one import file may cost."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class ImportLimits:
    """Limits of one file and of the process that parses it.

    Attributes:
        file_bytes: Largest file.
        frame_bytes: Most that the parser may send at once.
        memory_bytes: Address space of the parser.
        processor_seconds: Processor time of the parser for any file...
        processor_seconds_per_mebibyte: ...and for each mebibyte more.
    """

    file_bytes: int = 16 << 30
    frame_bytes: int = 64 * MEBIBYTE
    memory_bytes: int = 1 << 30
    processor_seconds: int = 60
    processor_seconds_per_mebibyte: float = 3.0

    def processor_seconds_for(self, file_bytes: int) -> int:
        """Return the processor time that parsing a file of ``file_bytes`` may take."""
        return self.processor_seconds + int(self.processor_seconds_per_mebibyte * file_bytes / MEBIBYTE)
