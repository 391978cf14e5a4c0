"""The derivative worked out by hand as loops for Numba, for the workloads where that is short."""

from bench.peer import NotOffered, Peer


class NumbaByHand(Peer):
    name = "numba by hand"

    def load(self, threads):
        import numba
        return numba.__version__

    def call_for(self, workload):
        if workload.numba is None:
            raise NotOffered(f"{workload.name} has no loops written by hand")
        return workload.numba()


peer = NumbaByHand()
