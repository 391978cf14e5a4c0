"""JAX: NumPy arrays in, NumPy arrays out, in double precision, waiting for the result."""

from bench.peer import Peer


class Jax(Peer):
    name = "jax"

    def load(self, threads):
        import jax
        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        return jax.__version__

    def value_and_grad(self, workload):
        return self._numpy_out(self.jax.value_and_grad(self._loss(workload), workload.argnums))

    def hvp(self, workload):
        gradient = self.jax.grad(self._loss(workload))
        return self._numpy_out(lambda x, v: self.jax.jvp(gradient, (x,), (v,))[1])

    def _loss(self, workload):
        program = workload.program_for(self.name)
        return lambda *args: program(self.jax.numpy, *args)

    def _numpy_out(self, f):
        import numpy
        compiled, block, tree_map = self.jax.jit(f), self.jax.block_until_ready, self.jax.tree.map
        return lambda *args: tree_map(numpy.asarray, block(compiled(*args)))


peer = Jax()
