"""The options of programs built with sanitizers, and what such programs found."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:strict_init_order=1:"
                    "abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"halt_on_error=0:second_deadlock_stack=1:suppressions={ROOT}/tools/test/tsan_suppressions.txt",
}
# For processes that nobody waits for and whose memory is measured: an abort is reported too, and little of what was freed
# is kept from being used again.
OF_CLUSTERS = {"ASAN_OPTIONS": ":handle_abort=1:quarantine_size_mb=32"}


def reporting_to(folder):
    """The options with which every process writes what is found in it into a file of its own there."""
    return {name: f"{options}{OF_CLUSTERS.get(name, '')}:log_path={folder}/report" for name, options in OPTIONS.items()}


def reports(folder):
    """What they wrote: {file name: text}."""
    return {path.name: path.read_text(errors="replace") for path in sorted(pathlib.Path(folder).iterdir())}
