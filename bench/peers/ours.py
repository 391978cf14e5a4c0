"""This project: the NumPy program as it stands, `jit(value_and_grad(f))`."""

from bench.peer import Peer


class Ours(Peer):
    name = "autodiff"
    ours = True

    def load(self, threads):
        from importlib.metadata import PackageNotFoundError, version

        import autodiff
        autodiff.config.wait = True     # else the evaluator would serve the first calls
        autodiff.config.threads = threads
        self.ad = autodiff
        try:
            return version("autodiff-jit")
        except PackageNotFoundError:        # a checkout that is not installed
            return "checkout"

    def value_and_grad(self, workload):
        return self.ad.jit(self.ad.value_and_grad(self._loss(workload), workload.argnums))

    def hvp(self, workload):
        loss = self._loss(workload)
        return self.ad.jit(lambda x, v: self.ad.hvp(loss, x, v))

    def _loss(self, workload):
        import numpy
        program = workload.program_for(self.name)
        return lambda *args: program(numpy, *args)


peer = Ours()
