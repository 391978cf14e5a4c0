"""HIPS autograd: the same NumPy program through its wrapped NumPy."""

from bench.peer import Peer


class Autograd(Peer):
    name = "autograd"

    def load(self, threads):
        from importlib.metadata import version

        import autograd
        self.autograd = autograd
        return version("autograd")

    def value_and_grad(self, workload):
        return self.autograd.value_and_grad(self._loss(workload), workload.argnums)

    def hvp(self, workload):
        from autograd.differential_operators import hessian_vector_product
        return hessian_vector_product(self._loss(workload))

    def _loss(self, workload):
        import autograd.numpy
        program = workload.program_for(self.name)
        return lambda *args: program(autograd.numpy, *args)


peer = Autograd()
