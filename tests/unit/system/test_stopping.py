"""Ctrl-C once, Ctrl-C twice, SIGTERM."""

import signal
import threading
from collections.abc import Iterator

import pytest

from benchmark.system.stopping import interrupts_put_off, stopping


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """The handlers of a call in the foreground: a test run in the background inherits that Ctrl-C is ignored."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before:
        signal.signal(number, handler)


def test_the_first_interrupt_asks_for_a_stop_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with stopping() as stop:
        assert not stop.requested
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
    assert "Ctrl-C again" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_second_interrupt_ends_the_block() -> None:
    with stopping() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm_ends_the_block_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), stopping():
        signal.raise_signal(signal.SIGTERM)


def test_a_call_in_the_background_stays_deaf_to_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stopping() as stop:
        signal.raise_signal(signal.SIGINT)
        assert not stop.requested


def test_signals_are_put_off_to_the_end_of_what_must_not_be_left_half_way() -> None:
    put_off = interrupts_put_off()
    with stopping() as stop:
        put_off.__enter__()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert not stop.requested
        with pytest.raises(KeyboardInterrupt):
            put_off.__exit__(None, None, None)
        assert stop.requested


def test_in_another_thread_nothing_changes() -> None:
    seen = []

    def work() -> None:
        with stopping() as stop, interrupts_put_off():
            seen.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
