"""Times PyTorch on the cases of ./bench.

Forms
    rebuilt     double backward; the graph of the gradient is built anew for every product
    reused      double backward over one graph of the gradient, kept
    func        torch.func: jvp of grad
    by hand     updates: what modules do is written out, with as few calls as can be
    written     updates as users write them: nn.Linear, backward(), Adam and the targets as they come; of a
                leader as in the program of Zheng et al. 2022"""

import math
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
def solve(product, b, damping=common.DAMPING):
    """The steps of conjugate gradient from zero."""
    x = [torch.zeros_like(part) for part in b]
    r, p = [part.clone() for part in b], [part.clone() for part in b]
    rr = dot(r, r)
    for _ in range(common.STEPS):
        q = product(p)
        q = [a + damping * c for a, c in zip(q, p)]
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


# ---- whole updates of actors and critics, alone and led by the actor ----


class ActorCritic:
    """The networks of one case, flat lists of parameters; both Adams; the replay. By hand what a user gets
    from modules: fused affine maps, gradients that are not accumulated, one call for all targets."""

    form = "by hand"
    adam = dict(fused=True)

    def __init__(self, problem):
        self.twins, self.leads = problem.twins, problem.leads
        self.actor, self.actor_target = self.net(problem.actor), self.net(problem.actor_target)
        self.critics = [self.net(critic) for critic in problem.critics]
        self.critics_target = [self.net(critic) for critic in problem.critics_target]
        self.groups = self.weights(self.actor), self.weights(*self.critics)
        self.groups_target = self.weights(self.actor_target), self.weights(*self.critics_target)
        for part in (*self.groups_target[0], *self.groups_target[1]):
            part.requires_grad_(False)
        self.replay = {key: torch.from_numpy(column) for key, column in problem.replay.items()}
        self.adams = [torch.optim.Adam(group, lr=common.RATE, **self.adam) for group in self.groups]

    @staticmethod
    def net(layers):
        return [part.requires_grad_() for part in flatten(layers)]

    @staticmethod
    def weights(*nets):
        return [part for net in nets for part in net]

    @staticmethod
    def apply(net, x):
        return forward(net, x, torch.relu)

    @staticmethod
    def layers(parts):
        """[(weight [in, out], bias), ...] of what belongs to a group."""
        parts = [part.detach().numpy() for part in parts]
        return list(zip(parts[::2], parts[1::2]))

    def least_value(self, critics, obs, action):
        x = torch.cat([obs, action], 1)
        values = [self.apply(critic, x)[:, 0] for critic in critics]
        return values[0] if len(values) == 1 else torch.minimum(*values)

    def act(self, actor, obs, noise):
        out = self.apply(actor, obs)
        if not self.twins:
            return torch.tanh(out), 0.0
        mean, log_std = out[:, : common.ACTION], torch.clamp(out[:, common.ACTION :], -20, 2)
        u = mean + torch.exp(log_std) * noise
        slope = 2 * (math.log(2) - u - torch.nn.functional.softplus(-2 * u))
        log_p = -torch.sum(noise**2 / 2 + log_std + 0.5 * math.log(2 * math.pi) + slope, 1)
        return torch.tanh(u), common.TEMPERATURE * log_p

    def critic_loss(self, batch, noise):
        with torch.set_grad_enabled(self.leads):
            actor = self.actor_target if self.tracks_actor() else self.actor
            action, cost = self.act(actor, batch["next_obs"], noise)
            future = self.least_value(self.critics_target, batch["next_obs"], action) - cost
            y = batch["reward"] + common.GAMMA * batch["not_done"] * future
        x = torch.cat([batch["obs"], batch["action"]], 1)
        return sum(torch.mean((self.apply(critic, x)[:, 0] - y) ** 2) for critic in self.critics)

    def actor_loss(self, batch, noise):
        action, cost = self.act(self.actor, batch["obs"], noise)
        return torch.mean(cost - self.least_value(self.critics, batch["obs"], action))

    def tracks_actor(self):
        return not (self.twins or self.leads)

    def led(self, batch, noise):
        """The total derivative, and the follower's gradient."""
        actor, weights = self.groups
        loss = self.critic_loss(batch, noise[0])
        both = torch.autograd.grad(self.actor_loss(batch, noise[1]), actor + weights)
        own, b = both[: len(actor)], both[len(actor) :]
        gradient = torch.autograd.grad(loss, weights, create_graph=True)

        def backward(v, of):
            return torch.autograd.grad(gradient, of, v, retain_graph=True, allow_unused=True,
                                       materialize_grads=True)

        scale = common.NORM / torch.sqrt(dot(b, b))
        x = solve(lambda v: backward(v, weights), [part * scale for part in b], common.LEADER_DAMPING)
        x = [part / scale for part in x]
        return [d - m for d, m in zip(own, backward(x, actor))], gradient

    def step(self, which, gradient):
        for part, g in zip(self.groups[which], gradient):
            part.grad = g.detach()
        self.adams[which].step()

    def descend(self, which, loss, batch, noise):
        gradient = torch.autograd.grad(loss(batch, noise), self.groups[which])
        self.step(which, gradient)
        return gradient

    def track(self, which):
        torch._foreach_lerp_(self.groups_target[which], self.groups[which], common.TAU)

    def update(self, batch, noise):
        if self.leads:
            direction, gradient = self.led(batch, noise)
            self.step(1, gradient)
            self.step(0, direction)
        else:
            gradient = self.descend(1, self.critic_loss, batch, noise[0])
            direction = self.descend(0, self.actor_loss, batch, noise[1])
        with torch.no_grad():
            self.track(1)
            if self.tracks_actor():
                self.track(0)
        return direction, gradient

    def draw(self):
        rows = torch.randint(common.CAPACITY, (common.BATCH,))
        batch = {key: column[rows] for key, column in self.replay.items()}
        self.update(batch, torch.randn(2, common.BATCH, common.ACTION))


def flat(parts):
    return torch.cat([part.reshape(-1) for part in parts])


class Written(ActorCritic):
    """The same as users write it: modules, backward(), Adam as it comes, targets one parameter after the
    other. The leader as in the published program: vectors of all parameters, one gradient after the other, a
    product for the first residual, and two passes back whose only use is to make room for the gradients."""

    form = "written"
    adam = {}

    @staticmethod
    def net(layers):
        parts = []
        for weight, bias in layers:
            linear = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weight.T.copy()))
                linear.bias.copy_(torch.from_numpy(bias))
            parts += [linear, torch.nn.ReLU()]
        return torch.nn.Sequential(*parts[:-1])

    @staticmethod
    def weights(*nets):
        return [part for net in nets for part in net.parameters()]

    @staticmethod
    def apply(net, x):
        return net(x)

    @staticmethod
    def layers(parts):
        return [(weight.T, bias) for weight, bias in ActorCritic.layers(parts)]

    def led(self, batch, noise):
        actor, weights = self.groups
        loss, value = self.critic_loss(batch, noise[0]), self.actor_loss(batch, noise[1])
        own = flat(torch.autograd.grad(value, actor, retain_graph=True))
        b = flat(torch.autograd.grad(value, weights, retain_graph=True))
        gradient = torch.autograd.grad(loss, weights, create_graph=True)
        vector = flat(gradient)

        def backward(v, of):
            return flat(torch.autograd.grad(vector, of, v, retain_graph=True, allow_unused=True,
                                            materialize_grads=True))

        scale = common.NORM / torch.sqrt(b @ b)
        r = b * scale - backward(torch.zeros_like(b), weights)
        x = solve(lambda v: [backward(v[0], weights)], [r], common.LEADER_DAMPING)[0] / scale
        direction = own - backward(x, actor)
        for which, scalar in (1, loss), (0, value):
            scalar.backward(retain_graph=True)
            self.adams[which].zero_grad()
        parts = direction.split([part.numel() for part in actor])
        return [d.view_as(part) for d, part in zip(parts, actor)], gradient

    def descend(self, which, loss, batch, noise):
        """The group that does not move gets no gradient meanwhile."""
        for part in self.groups[1 - which]:
            part.requires_grad_(False)
        self.adams[which].zero_grad()
        loss(batch, noise).backward()
        self.adams[which].step()
        for part in self.groups[1 - which]:
            part.requires_grad_(True)
        return [part.grad for part in self.groups[which]]

    def track(self, which):
        for part, target in zip(self.groups[which], self.groups_target[which]):
            target.mul_(1 - common.TAU)
            target.add_(common.TAU * part)


def run_actors(report, name):
    problem = common.Actors(name)
    for form in ActorCritic, Written:
        learner = form(problem)
        first = {key: column[: common.BATCH] for key, column in learner.replay.items()}
        for group, result in zip(("actor", "critic"), learner.update(first, torch.from_numpy(problem.noise))):
            report.compare(group, name, form.form, form.layers(result))
        report.row("update", name, form.form, common.measure(learner.draw, OPTIONS.seconds))


# ---- minibatches of PPO ----


def proximal_loss(actor, critic, batch):
    log_p = torch.log_softmax(forward(actor, batch["obs"], torch.tanh), 1)
    value = forward(critic, batch["obs"], torch.tanh)[:, 0]
    ratio = torch.exp(log_p.gather(1, batch["action"][:, None])[:, 0] - batch["log_prob"])
    near = torch.clamp(ratio, 1 - common.CLIP_RANGE, 1 + common.CLIP_RANGE)
    gain = torch.minimum(ratio * batch["advantage"], near * batch["advantage"]).mean()
    entropy = -(log_p.exp() * log_p).sum(1).mean()
    moved = torch.clamp(value - batch["value"], -common.CLIP_RANGE, common.CLIP_RANGE)
    misses = (value - batch["returns"]) ** 2, (batch["value"] + moved - batch["returns"]) ** 2
    return common.VF_COEF * torch.maximum(*misses).mean() / 2 - gain - common.ENT_COEF * entropy


def minibatches(rollout):
    """For ever: the rollout is shuffled, then cut."""
    while True:
        for rows in torch.randperm(common.ROLLOUT).split(common.MINIBATCH):
            yield {key: column[rows] for key, column in rollout.items()}


def run_proximal(report):
    problem = common.Proximal()
    actor, critic = flatten(problem.actor), flatten(problem.critic)
    params = [part.requires_grad_() for part in actor + critic]
    rollout = {key: torch.from_numpy(column) for key, column in problem.rollout.items()}
    adam = torch.optim.Adam(params, lr=common.RATE, eps=common.ADAM_EPSILON, fused=True)
    first = {key: column[: common.MINIBATCH] for key, column in rollout.items()}
    gradient = [part.numpy() for part in torch.autograd.grad(proximal_loss(actor, critic, first), params)]
    for group, at in (("actor", 0), ("critic", len(actor))):
        parts = gradient[at : at + len(actor)]
        report.compare(group, common.PROXIMAL, "by hand", list(zip(parts[::2], parts[1::2])))
    source = minibatches(rollout)

    def update():
        adam.zero_grad()
        proximal_loss(actor, critic, next(source)).backward()
        torch.nn.utils.clip_grad_norm_(params, common.MAX_GRAD_NORM)
        adam.step()

    report.row("update", common.PROXIMAL, "by hand", common.measure(update, OPTIONS.seconds))


def main():
    torch.set_num_threads(OPTIONS.threads)
    torch.set_num_interop_threads(1)
    report = common.Report("PyTorch", OPTIONS)
    for name in common.NETS:
        if common.wants(OPTIONS.case, name):
            run_case(report, name)
    for name in common.ACTORS:
        if common.wants(OPTIONS.case, name) and OPTIONS.threads == 1:
            run_actors(report, name)
    if common.wants(OPTIONS.case, common.PROXIMAL) and OPTIONS.threads == 1:
        run_proximal(report)
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
