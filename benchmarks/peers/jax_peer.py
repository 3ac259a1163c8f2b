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


def solve(product, b, damping=common.DAMPING):
    """The steps of conjugate gradient from zero."""

    def step(_, state):
        x, r, p, rr = state
        q = axpy(damping, p, product(p))
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


def adam(params, moments, gradient, t, rate=RATE, epsilon=1e-8):
    first = tree.tree_map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradient)
    second = tree.tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], gradient)
    rate = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    epsilon = epsilon * jnp.sqrt(1 - 0.999**t)
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


# ---- whole updates of actors and critics, alone and led by the actor ----


def least_value(critics, obs, action):
    x = jnp.concatenate([obs, action], 1)
    values = [forward(critic, x, jax.nn.relu)[:, 0] for critic in critics]
    return values[0] if len(values) == 1 else jnp.minimum(*values)


def act(twins, actor, obs, noise):
    """Actions, and alpha log pi of them."""
    out = forward(actor, obs, jax.nn.relu)
    if not twins:
        return jnp.tanh(out), 0.0
    mean, log_std = out[:, : common.ACTION], jnp.clip(out[:, common.ACTION :], -20, 2)
    u = mean + jnp.exp(log_std) * noise
    slope = 2 * (jnp.log(2.0) - u - jax.nn.softplus(-2 * u))
    log_p = -jnp.sum(noise**2 / 2 + log_std + 0.5 * jnp.log(2 * jnp.pi) + slope, 1)
    return jnp.tanh(u), common.TEMPERATURE * log_p


def actors_update(twins, leads):
    """One update: (state, batch, noise) -> state and both directions."""

    def critic_loss(actor, critics, targets, batch, noise):
        action, cost = act(twins, actor, batch["next_obs"], noise)
        future = least_value(targets, batch["next_obs"], action) - cost
        y = batch["reward"] + common.GAMMA * batch["not_done"] * future
        x = jnp.concatenate([batch["obs"], batch["action"]], 1)
        return sum(jnp.mean((forward(critic, x, jax.nn.relu)[:, 0] - y) ** 2) for critic in critics)

    def actor_loss(actor, critics, batch, noise):
        action, cost = act(twins, actor, batch["obs"], noise)
        return jnp.mean(cost - least_value(critics, batch["obs"], action))

    def led(state, batch, noise):
        actor, critics, targets = state["actor"], state["critics"], state["critics_target"]
        own, b = jax.grad(actor_loss, (0, 1))(actor, critics, batch, noise[1])
        gradient, product = jax.linearize(
            lambda w: jax.grad(critic_loss, 1)(actor, w, targets, batch, noise[0]), critics)
        scale = common.NORM / jnp.sqrt(dot(b, b))
        x = tree.tree_map(lambda part: part / scale,
                          solve(product, tree.tree_map(lambda part: part * scale, b), common.LEADER_DAMPING))

        def mixed(theta):
            return jax.jvp(lambda w: critic_loss(theta, w, targets, batch, noise[0]), (critics,), (x,))[1]

        return axpy(-1.0, jax.grad(mixed)(actor), own), gradient

    def update(state, batch, noise):
        t, next_actor = state["t"], state["actor"] if twins or leads else state["actor_target"]
        if leads:
            direction, gradient = led(state, batch, noise)
        else:
            gradient = jax.grad(critic_loss, 1)(
                next_actor, state["critics"], state["critics_target"], batch, noise[0])
        critics, critics_moments = adam(state["critics"], state["critics_moments"], gradient, t, common.RATE)
        if not leads:
            direction = jax.grad(actor_loss)(state["actor"], critics, batch, noise[1])
        actor, actor_moments = adam(state["actor"], state["actor_moments"], direction, t, common.RATE)

        def track(target, now):
            return tree.tree_map(lambda a, b: a + common.TAU * (b - a), target, now)

        state = dict(state, actor=actor, critics=critics, actor_moments=actor_moments,
                     critics_moments=critics_moments, t=t + 1,
                     critics_target=track(state["critics_target"], critics))
        if not twins and not leads:
            state["actor_target"] = track(state["actor_target"], actor)
        return state, direction, gradient

    return update


def run_actors(report, name):
    problem = common.Actors(name)
    update = actors_update(problem.twins, problem.leads)
    replay = tree.tree_map(jnp.asarray, problem.replay)
    zeros = tree.tree_map(jnp.zeros_like, (problem.actor, problem.critics))
    state = dict(actor=problem.actor, critics=problem.critics, actor_target=problem.actor_target,
                 critics_target=problem.critics_target, actor_moments=(zeros[0], zeros[0]),
                 critics_moments=(zeros[1], zeros[1]), t=1.0)
    state = tree.tree_map(jnp.asarray, state)
    first = tree.tree_map(lambda column: column[: common.BATCH], replay)
    _, direction, gradient = jax.jit(update)(state, first, jnp.asarray(problem.noise))
    report.compare("actor", name, "scan", direction)
    report.compare("critic", name, "scan", [layer for critic in gradient for layer in critic])
    inner = INNER_CG if problem.leads else INNER

    # All minibatches and all noise of a scan are drawn by one call each, the cheapest way that JAX has.
    def scan(state, key):
        keys = jax.random.split(key)
        rows = jax.random.randint(keys[0], (inner, common.BATCH), 0, common.CAPACITY)
        noise = jax.random.normal(keys[1], (inner, *problem.noise.shape))

        def step(state, drawn):
            batch = tree.tree_map(lambda column: column[drawn[0]], replay)
            return update(state, batch, drawn[1])[0], None

        return lax.scan(step, state, (rows, noise))[0]

    for form, key in (("scan", jax.random.PRNGKey(1)), ("scan, rbg", jax.random.key(1, impl="rbg"))):
        compiled = jax.jit(scan)
        jax.block_until_ready(compiled(state, key))
        value = common.measure(waiting(compiled, state, key), OPTIONS.seconds, inner)
        report.row("update", name, form, value)


# ---- minibatches of PPO ----


def proximal_loss(nets, batch):
    logits, value = forward(nets[0], batch["obs"], jnp.tanh), forward(nets[1], batch["obs"], jnp.tanh)[:, 0]
    log_p = jax.nn.log_softmax(logits)
    ratio = jnp.exp(jnp.take_along_axis(log_p, batch["action"][:, None], 1)[:, 0] - batch["log_prob"])
    near = jnp.clip(ratio, 1 - common.CLIP_RANGE, 1 + common.CLIP_RANGE)
    gain = jnp.mean(jnp.minimum(ratio * batch["advantage"], near * batch["advantage"]))
    entropy = -jnp.mean(jnp.sum(jnp.exp(log_p) * log_p, 1))
    moved = jnp.clip(value - batch["value"], -common.CLIP_RANGE, common.CLIP_RANGE)
    misses = (value - batch["returns"]) ** 2, (batch["value"] + moved - batch["returns"]) ** 2
    return common.VF_COEF * jnp.mean(jnp.maximum(*misses)) / 2 - gain - common.ENT_COEF * entropy


def proximal_update(carry, batch):
    nets, moments, t = carry
    gradient = jax.grad(proximal_loss)(nets, batch)
    scale = jnp.minimum(1.0, common.MAX_GRAD_NORM / jnp.sqrt(dot(gradient, gradient)))
    clipped_gradient = tree.tree_map(lambda g: g * scale, gradient)
    nets, moments = adam(nets, moments, clipped_gradient, t, common.RATE, common.ADAM_EPSILON)
    return (nets, moments, t + 1), gradient


def run_proximal(report):
    problem = common.Proximal()
    rollout = tree.tree_map(jnp.asarray, problem.rollout)
    nets = tree.tree_map(jnp.asarray, (problem.actor, problem.critic))
    zeros = tree.tree_map(jnp.zeros_like, nets)
    state = nets, (zeros, zeros), jnp.float32(1)
    first = tree.tree_map(lambda column: column[: common.MINIBATCH], rollout)
    _, (actor, critic) = jax.jit(proximal_update)(state, first)
    report.compare("actor", common.PROXIMAL, "scan", actor)
    report.compare("critic", common.PROXIMAL, "scan", critic)

    # All minibatches of a scan are drawn by one call, the cheapest way that JAX has: cheaper than to shuffle.
    def scan(state, key):
        rows = jax.random.randint(key, (INNER, common.MINIBATCH), 0, common.ROLLOUT)

        def step(state, drawn):
            return proximal_update(state, tree.tree_map(lambda column: column[drawn], rollout))[0], None

        return lax.scan(step, state, rows)[0]

    for form, key in (("scan", jax.random.PRNGKey(1)), ("scan, rbg", jax.random.key(1, impl="rbg"))):
        compiled = jax.jit(scan)
        jax.block_until_ready(compiled(state, key))
        value = common.measure(waiting(compiled, state, key), OPTIONS.seconds, INNER)
        report.row("update", common.PROXIMAL, form, value)


def main():
    report = common.Report("JAX", OPTIONS)
    for name in common.NETS:
        if common.wants(OPTIONS.case, name):
            run_case(report, name)
    if common.wants(OPTIONS.case, common.UPDATE) and OPTIONS.threads == 1:
        run_update(report)
    for name in common.ACTORS:
        if common.wants(OPTIONS.case, name) and OPTIONS.threads == 1:
            run_actors(report, name)
    if common.wants(OPTIONS.case, common.PROXIMAL) and OPTIONS.threads == 1:
        run_proximal(report)
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
