"""A runner that works on the blocks in this process, so that a test sees what is raised and printed."""

from flows.runner import Processes


class Here:
    """Works on the blocks one after the other."""

    def map(self, name, function, blocks, meter=None, workers=None):
        yield from map(function, blocks)

    def gate(self):
        return Processes().gate()
