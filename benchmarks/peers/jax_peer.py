"""Times JAX on the cases of ./bench, in every form that a user might choose; the table takes the fastest.

Forms
    called      one compiled call per repetition, dispatch included
    linearized  the same, with jax.linearize done before
    loop        so many repetitions in one compiled loop, no dispatch counted. Each changes what the next one
                starts from by a hair, so that the compiler cannot move work out of the loop."""

import os
import sys

import common

OPTIONS = common.arguments(__doc__.splitlines()[0])
if OPTIONS.threads == 1:
    ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["XLA_FLAGS"] = f"{ONE_THREAD} {os.environ.get('XLA_FLAGS', '')}".strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402  (the flags must be set before)
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

INNER = 100      # repetitions of a compiled loop
INNER_CG = 10
HAIR = 1e-12

tree = jax.tree_util


def axpy(factor, x, y):
    return tree.tree_map(lambda a, b: factor * a + b, x, y)


def dot(x, y):
    return sum(jnp.vdot(a, b) for a, b in zip(tree.tree_leaves(x), tree.tree_leaves(y)))


def forward(params, x, act):
    for weight, bias in params[:-1]:
        x = act(x @ weight + bias)
    weight, bias = params[-1]
    return x @ weight + bias


def solve(product, b):
    """The steps of conjugate gradient from zero."""

    def step(_, state):
        x, r, p, rr = state
        q = axpy(common.DAMPING, p, product(p))
        alpha = rr / dot(p, q)
        x, r = axpy(alpha, p, x), axpy(-alpha, q, r)
        rr_next = dot(r, r)
        return x, r, axpy(rr_next / rr, p, r), rr_next

    zero = tree.tree_map(jnp.zeros_like, b)
    return lax.fori_loop(0, common.STEPS, step, (zero, b, b, dot(b, b)))[0]


def repeated(function, count):
    """count times, each from a point moved by a hair of the last result."""
    return jax.jit(lambda x: lax.fori_loop(0, count, lambda _, x: axpy(HAIR, function(x), x), x))


def waiting(function, *args):
    return lambda: jax.block_until_ready(function(*args))


def run_case(report, name):
    problem = common.Problem(name)
    act = {"relu": jax.nn.relu, "tanh": jnp.tanh}[problem.act]
    params = tree.tree_map(jnp.asarray, problem.params)
    direction = tree.tree_map(jnp.asarray, problem.direction)
    x = jnp.asarray(problem.x)
    y = forward(params, x, act) + problem.y_noise

    def loss(p):
        return jnp.mean((forward(p, x, act) - y) ** 2)

    gradient = jax.grad(loss)
    called_gradient = jax.jit(gradient)

    def product(p, v):
        return jax.jvp(gradient, (p,), (v,))[1]

    linear = jax.jit(jax.linearize(gradient, params)[1])

    def linear_loop(p, v):
        apply = jax.linearize(gradient, p)[1]
        return lax.fori_loop(0, INNER, lambda _, v: axpy(HAIR, apply(v), v), v)

    def cg(p):
        return solve(jax.linearize(gradient, p)[1], direction)

    seconds = OPTIONS.seconds
    forms = [
        ("grad", "called", called_gradient, (params,), 1),
        ("grad", "loop", repeated(gradient, INNER), (params,), INNER),
        ("hvp", "called", jax.jit(product), (params, direction), 1),
        ("hvp", "linearized", linear, (direction,), 1),
        ("hvp", "loop jvp", repeated(lambda v: product(params, v), INNER), (direction,), INNER),
        ("hvp", "loop linearized", jax.jit(linear_loop), (params, direction), INNER),
        ("cg10", "called", jax.jit(cg), (params,), 1),
        ("cg10", "loop", repeated(cg, INNER_CG), (params,), INNER_CG),
    ]
    for group, form, function, args, inner in forms:
        result = jax.block_until_ready(function(*args))
        if inner == 1:
            report.compare(group, name, form, result)
        report.row(group, name, form, common.measure(waiting(function, *args), seconds, inner))


# ---- the whole update of Bi-AC on a matrix game: 3 actions each, an observation of one number ----

ACTIONS, CAPACITY, BATCH, HIDDEN = 3, 10000, 512, [20, 20]
RATE, ENTROPY, CLIP = 0.01, 0.2, 10.0


def glorot(key, widths):
    layers = []
    for n_in, n_out in zip(widths, widths[1:]):
        key, sub = jax.random.split(key)
        bound = (6 / (n_in + n_out)) ** 0.5
        layers.append((jax.random.uniform(sub, (n_in, n_out), minval=-bound, maxval=bound), jnp.zeros(n_out)))
    return layers


def clipped(g):
    norm = jnp.sqrt(jnp.sum(g * g))
    return g * jnp.minimum(1.0, CLIP / jnp.maximum(norm, 1e-30))


def adam(params, moments, gradient, t):
    first = tree.tree_map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradient)
    second = tree.tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], gradient)
    rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    epsilon = 1e-8 * jnp.sqrt(1 - 0.999**t)
    params = tree.tree_map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + epsilon), params, first, second)
    return params, (first, second)


def run_update(report):
    key = jax.random.PRNGKey(0)
    keys = jax.random.split(key, 8)
    replay = dict(
        obs=jnp.ones((CAPACITY, 1)),
        actions=jax.random.randint(keys[0], (CAPACITY, 2), 0, ACTIONS),
        rewards=jax.random.uniform(keys[1], (CAPACITY, 2), minval=-1.0),
    )
    critic_widths = [1 + 2 * ACTIONS, *HIDDEN, 1]
    nets = [glorot(keys[2], critic_widths), glorot(keys[3], critic_widths),
            glorot(keys[4], [1 + ACTIONS, *HIDDEN, ACTIONS])]
    moments = [(tree.tree_map(jnp.zeros_like, n), tree.tree_map(jnp.zeros_like, n)) for n in nets]
    one_hot = jnp.eye(ACTIONS)

    def critic_loss(params, x, wanted):
        return jnp.mean((forward(params, x, jax.nn.relu)[:, 0] - wanted) ** 2)

    def actor_loss(params, x, values):
        logits = forward(params, x, jax.nn.relu)
        p, log_p = jax.nn.softmax(logits), jax.nn.log_softmax(logits)
        return -jnp.mean(jnp.sum(p * values, 1)) + ENTROPY * jnp.mean(jnp.sum(p * log_p, 1))

    def update(carry, rows):
        nets, moments, t = carry
        obs, actions, rewards = replay["obs"][rows], replay["actions"][rows], replay["rewards"][rows]
        x = jnp.concatenate([obs, one_hot[actions[:, 0]], one_hot[actions[:, 1]]], 1)
        nets, moments = list(nets), list(moments)
        for i in range(2):
            g = tree.tree_map(clipped, jax.grad(critic_loss)(nets[i], x, rewards[:, i]))
            nets[i], moments[i] = adam(nets[i], moments[i], g, t)
        head = x[:, : 1 + ACTIONS]
        tried = jnp.concatenate([jnp.repeat(head, ACTIONS, 0), jnp.tile(one_hot, (BATCH, 1))], 1)
        values = forward(nets[1], tried, jax.nn.relu).reshape(BATCH, ACTIONS)
        g = tree.tree_map(clipped, jax.grad(actor_loss)(nets[2], head, values))
        nets[2], moments[2] = adam(nets[2], moments[2], g, t)
        return (nets, moments, t + 1), None

    # All minibatches of a scan are drawn by one call, the cheapest way that JAX has.
    def scan(carry, key):
        rows = jax.random.randint(key, (INNER, BATCH), 0, CAPACITY)
        return lax.scan(update, carry, rows)[0]

    start = (nets, moments, jnp.float32(1))
    for form, draw_key in (("scan", jax.random.PRNGKey(1)), ("scan, rbg", jax.random.key(1, impl="rbg"))):
        compiled = jax.jit(scan)
        jax.block_until_ready(compiled(start, draw_key))
        value = common.measure(waiting(compiled, start, draw_key), OPTIONS.seconds, INNER)
        report.row("update", common.UPDATE, form, value)


def main():
    report = common.Report("JAX", OPTIONS)
    for name in common.NETS:
        if OPTIONS.case in name:
            run_case(report, name)
    if OPTIONS.case in common.UPDATE and OPTIONS.threads == 1:
        run_update(report)
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
