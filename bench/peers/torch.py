"""PyTorch, eager: tensors share memory with the NumPy arrays that go in and come out."""

from bench.peer import Peer
from tracer.tree import flatten, unflatten


class Torch(Peer):
    name = "torch"

    def load(self, threads):
        import torch
        torch.set_num_threads(threads)
        self.torch = torch
        return torch.__version__

    def value_and_grad(self, workload):
        program, torch, wrt = workload.program_for(self.name), self.torch, workload.wrt
        single = len(wrt) == 1

        def call(*args):
            arguments, tensors, trees = [], [], []
            for number, arg in enumerate(args):
                leaves, tree = flatten(arg)
                leaves = [torch.from_numpy(leaf) for leaf in leaves]
                if number in wrt:
                    tensors += [leaf.requires_grad_() for leaf in leaves]
                    trees.append((tree, len(leaves)))
                arguments.append(unflatten(tree, leaves))
            value = program(torch, *arguments)
            grads = iter(torch.autograd.grad(value, tensors))
            grads = [unflatten(tree, [next(grads).numpy() for _ in range(n)]) for tree, n in trees]
            return value.detach().numpy(), grads[0] if single else tuple(grads)

        return call

    def hvp(self, workload):
        program, torch = workload.program_for(self.name), self.torch

        def call(x, v):
            x = torch.from_numpy(x).requires_grad_()
            gradient, = torch.autograd.grad(program(torch, x), x, create_graph=True)
            product, = torch.autograd.grad(gradient, x, grad_outputs=torch.from_numpy(v))
            return product.numpy()

        return call


peer = Torch()
