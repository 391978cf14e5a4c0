"""The derivative worked out by hand in plain NumPy. It is also the reference for all others."""

from bench.peer import Peer


class NumpyByHand(Peer):
    name = "numpy by hand"

    def load(self, threads):
        import numpy
        return numpy.__version__

    def call_for(self, workload):
        return workload.by_hand


peer = NumpyByHand()
