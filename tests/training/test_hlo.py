"""Traffic of compiled programs, read from their text."""

from mript_jax.training.hlo import traffic

PROGRAM = """HloModule program

ENTRY %main (p: f32[2]) -> f32[8] {
  %p = f32[2]{0} parameter(0)
  %gather.1 = f32[8]{0} all-gather(%p), channel_id=7, dimensions={0}
  %gather.2 = f32[8]{0} all-gather(%p), channel_id=OTHER, dimensions={0}
  ROOT %sum = f32[8]{0} add(%gather.1, %gather.2)
}
"""


def test_a_collective_that_is_carried_out_in_parts_counts_once():
    found = traffic(PROGRAM.replace("OTHER", "7"))
    assert (found.counts, found.collective_bytes) == ({"all-gather": 1}, {"all-gather": 32})


def test_collectives_of_different_channels_all_count():
    found = traffic(PROGRAM.replace("OTHER", "8"))
    assert (found.counts, found.collective_bytes) == ({"all-gather": 2}, {"all-gather": 64})
