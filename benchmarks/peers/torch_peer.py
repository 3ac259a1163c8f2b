"""Times PyTorch on the cases of ./bench.

Forms
    rebuilt     double backward; the graph of the gradient is built anew for every product
    reused      double backward over one graph of the gradient, kept
    func        torch.func: jvp of grad"""

import sys

import torch

import common

OPTIONS = common.arguments(__doc__.splitlines()[0])


def fused(x, weight, bias):
    return torch.addmm(bias, x, weight)


def composed(x, weight, bias):
    """For torch.func, whose jvp of grad stops with an error on the fused form (PyTorch 2.15)."""
    return x @ weight + bias


def forward(flat, x, act, affine=fused):
    for i in range(0, len(flat) - 2, 2):
        x = act(affine(x, flat[i], flat[i + 1]))
    return affine(x, flat[-2], flat[-1])


def dot(x, y):
    return sum(torch.dot(a.ravel(), b.ravel()) for a, b in zip(x, y))


@torch.no_grad()
def solve(product, b):
    """The steps of conjugate gradient from zero."""
    x = [torch.zeros_like(part) for part in b]
    r, p = [part.clone() for part in b], [part.clone() for part in b]
    rr = dot(r, r)
    for _ in range(common.STEPS):
        q = product(p)
        q = [a + common.DAMPING * c for a, c in zip(q, p)]
        alpha = rr / dot(p, q)
        for a, c, d, e in zip(x, p, r, q):
            a += alpha * c
            d -= alpha * e
        rr_next = dot(r, r)
        p = [a + rr_next / rr * c for a, c in zip(r, p)]
        rr = rr_next
    return x


def flatten(layers):
    return [torch.from_numpy(part.copy()) for layer in layers for part in layer]


def run_case(report, name):
    problem = common.Problem(name)
    act = {"relu": torch.relu, "tanh": torch.tanh}[problem.act]
    params = [part.requires_grad_() for part in flatten(problem.params)]
    direction = flatten(problem.direction)
    x = torch.from_numpy(problem.x)
    with torch.no_grad():
        y = forward(params, x, act) + torch.from_numpy(problem.y_noise)

    def loss(p):
        return torch.nn.functional.mse_loss(forward(p, x, act), y)

    def gradient():
        return torch.autograd.grad(loss(params), params)

    def graph():
        return torch.autograd.grad(loss(params), params, create_graph=True)

    def backward(g, v):
        return torch.autograd.grad(g, params, v, retain_graph=True, allow_unused=True, materialize_grads=True)

    plain = tuple(p.detach() for p in params)
    func_gradient = torch.func.grad(lambda p: torch.mean((forward(p, x, act, composed) - y) ** 2))
    kept = graph()

    def cg():
        g = graph()
        return solve(lambda v: backward(g, v), direction)

    forms = [
        ("grad", "backward", gradient),
        ("grad", "func", lambda: func_gradient(plain)),
        ("hvp", "rebuilt", lambda: backward(graph(), direction)),
        ("hvp", "reused", lambda: backward(kept, direction)),
        ("hvp", "func", lambda: torch.func.jvp(func_gradient, (plain,), (tuple(direction),))[1]),
        ("cg10", "reused", cg),
    ]
    for group, form, function in forms:
        result = [part.detach().numpy() for part in function()]
        report.compare(group, name, form, list(zip(result[::2], result[1::2])))
        report.row(group, name, form, common.measure(function, OPTIONS.seconds))


def main():
    torch.set_num_threads(OPTIONS.threads)
    torch.set_num_interop_threads(1)
    report = common.Report("PyTorch", OPTIONS)
    for name in common.NETS:
        if OPTIONS.case in name:
            run_case(report, name)
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
