"""Random draws of training: a task and a seed for each slice, a number of coils for each batch."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mript_jax.batch import Batch, empty_example
from mript_jax.data.photographs import random_crop
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.data.transforms import ExampleMaker
from mript_jax.physics.tasks import Task, task_grid, usual_center_fraction

STREAM = 4  # of random numbers


class Drawn(NamedTuple):
    record: Record | BrokenRecord
    task: Task
    seed: int  # of the mask, and of what else is random in the example


@dataclasses.dataclass(frozen=True)
class RandomTask:
    """A task for a record, drawn uniformly or by weights."""

    tasks: tuple[Task, ...]
    weights: tuple[float, ...] = ()  # one for each task, adding up to 1; none: all alike
    continuum: tuple[float, ...] = ()  # lowest and highest acceleration; none: those of the tasks
    crop: tuple[int, int] | None = None  # photographs: of random squares, resized to this shape

    def __call__(self, record: Record | BrokenRecord, rng: np.random.Generator) -> Drawn:
        task = self.tasks[rng.choice(len(self.tasks), p=self.weights or None)]
        seed = int(rng.integers(2**31))
        if self.crop and not isinstance(record, BrokenRecord):
            image = random_crop(record.reference, self.crop, rng)
            record = dataclasses.replace(record, image=image, kspace=None)
        if self.continuum:
            acceleration = float(np.exp(rng.uniform(*np.log(self.continuum))))
            task = self._at(task.pattern, acceleration)
        return Drawn(record, task, seed)

    def _at(self, pattern: str, acceleration: float) -> Task:
        """The pattern at any acceleration, with the indices of the nearest of the tasks."""
        of_pattern = [task for task in self.tasks if task.pattern == pattern]
        (task,) = task_grid(
            (pattern,),
            (acceleration,),
            (usual_center_fraction(acceleration),),
            trained_patterns=(pattern,),
            trained_accelerations=[task.acceleration for task in of_pattern],
        )
        return dataclasses.replace(task, pattern_index=of_pattern[0].pattern_index)


@dataclasses.dataclass(frozen=True)
class BatchExample:
    """The example of what was drawn; all of a batch have the same number of coils.

    `makers` has one for each number of coils, of which every batch draws one: it is a function of
    the seed and of the position in the data where the batch begins.
    """

    makers: Sequence[ExampleMaker]
    batch_size: int
    seed: int
    start: int = 0  # the position from which examples are counted

    def __call__(self, index: int, drawn: Drawn) -> Batch:
        maker = self.makers[self._choice(index // self.batch_size)]
        record, task, seed = drawn
        if isinstance(record, BrokenRecord):
            return empty_example(maker.shape, maker.fields, maker.coils)
        return maker(record, task, seed)

    def largest(self) -> int | None:
        """The number of a batch that no other one exceeds in size; None: all are alike."""
        if len(self.makers) == 1:
            return None
        coils = [maker.coils for maker in self.makers]
        most = coils.index(max(coils))
        return next(number for number in itertools.count() if self._choice(number) == most)

    def _choice(self, number: int) -> int:
        """Which of the makers makes a batch."""
        position = self.start + number * self.batch_size
        rng = np.random.default_rng([self.seed, position, STREAM])
        return int(rng.integers(len(self.makers)))
