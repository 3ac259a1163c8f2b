"""What the two peers share: the cases of ./bench, their numbers, the clock, and the comparison with ours.

Every number is a function of its place, so that all programs have the same ones without a file. For an
index i and a stream s (32-bit arithmetic):

    h = i + s * 0x9E3779B9
    h = (h ^ h >> 16) * 0x7FEB352D
    h = (h ^ h >> 15) * 0x846CA68B
    h = h ^ h >> 16
    u = (h >> 8) / 2^23 - 1                        a multiple of 2^-23 in [-1, 1)

Streams: 1 inputs x, row by row; 2 targets; 3 the direction v; 4 parameters, counted through weight [in,
out] and bias [out] of each layer; 5 parameters of target copies; 6 noise. Weights are u * sqrt(6 / (in +
out)), biases 0.1 u, targets the network's output + 0.1 u. The systems of cg10 have v on their right side.

Actors and critics (Actors below) have transitions whose observation is row i of stream 1, the next one row
i + 1, whose action is row i of stream 3 and whose reward is entry i of stream 2; every 50th is the last.
Proximal policies (Proximal below) have samples of which sample i has observation row i of stream 1, action
0 or 1 by the sign of entry i of stream 3, advantage and old value from entry i of streams 2 and 5, their
sum as return, and log(1/2) + 0.1 entry i of stream 6 as old log-probability."""

import argparse
import csv
import math
import statistics
import sys
import time

import numpy as np

STREAM_X, STREAM_Y, STREAM_V, STREAM_WEIGHT, STREAM_TARGET, STREAM_NOISE = 1, 2, 3, 4, 5, 6
STEPS, DAMPING = 10, 0.1
TOLERANCE = 1e-4

# name: widths, activation, batch
NETS = {
    "Q23-256-256-1 relu B100": ([23, 256, 256, 1], "relu", 100),
    "Q23-256-256-1 relu B256": ([23, 256, 256, 1], "relu", 256),
    "V17-64-32-1 tanh B4000": ([17, 64, 32, 1], "tanh", 4000),
    "V4-64-32-1 tanh B4000": ([4, 64, 32, 1], "tanh", 4000),
    "Q7-64-64-1 relu B64": ([7, 64, 64, 1], "relu", 64),
    "Q7-20-20-1 relu B512": ([7, 20, 20, 1], "relu", 512),
}
UPDATE = "biac maintain B512"

# Actors and critics at Hopper's sizes. name: two critics and a Gaussian actor, led by the actor
ACTORS = {
    "ddpg": (False, False),
    "stddpg-al": (False, True),
    "sac": (True, False),
    "stsac-al": (True, True),
}
OBS, ACTION, BATCH, CAPACITY, HIDDEN = 11, 3, 100, 10000, [256, 256]
# The leader's system is solved for a right side of this norm: with its damping, ten steps of conjugate
# gradient take a residual that starts near 1 below the smallest number.
NORM = 1e10
GAMMA, TAU, RATE, TEMPERATURE, LEADER_DAMPING = 0.99, 0.005, 0.001, 0.2, 500.0

# PPO at CartPole's sizes
PROXIMAL = "ppo"
ACTOR_WIDTHS, CRITIC_WIDTHS = [4, 64, 64, 2], [4, 64, 64, 1]
MINIBATCH, ROLLOUT = 256, 2048
CLIP_RANGE, ENT_COEF, VF_COEF, MAX_GRAD_NORM, ADAM_EPSILON = 0.2, 0.01, 0.5, 0.5, 1e-5


def wants(text, name):
    """Whether --case names this case: by a part of its name, or as =NAME."""
    return name == text[1:] if text.startswith("=") else text in name


def hashed(n, stream):
    mask = 0xFFFFFFFF
    h = (np.arange(n, dtype=np.uint64) + (stream * 0x9E3779B9 & mask)) & mask
    h = ((h ^ h >> 16) * 0x7FEB352D) & mask
    h = ((h ^ h >> 15) * 0x846CA68B) & mask
    h = h ^ h >> 16
    return (h >> 8).astype(np.float64) / 2**23 - 1


def layout(flat, widths, scaled):
    """One number per parameter -> [(weight, bias), ...], float32."""
    layers, at = [], 0
    for n_in, n_out in zip(widths, widths[1:]):
        weight = flat[at : at + n_in * n_out].reshape(n_in, n_out)
        at += n_in * n_out
        bias = flat[at : at + n_out]
        at += n_out
        if scaled:
            weight, bias = weight * math.sqrt(6 / (n_in + n_out)), 0.1 * bias
        layers.append((weight.astype(np.float32), bias.astype(np.float32)))
    return layers


class Problem:
    """Inputs of one case as numpy arrays. Targets need the network: y = output + y_noise."""

    def __init__(self, name):
        self.name = name
        self.widths, self.act, self.rows = NETS[name]
        count = sum((i + 1) * o for i, o in zip(self.widths, self.widths[1:]))
        self.params = layout(hashed(count, STREAM_WEIGHT), self.widths, True)
        self.direction = layout(hashed(count, STREAM_V), self.widths, False)
        self.x = hashed(self.rows * self.widths[0], STREAM_X).reshape(self.rows, -1).astype(np.float32)
        self.y_noise = (0.1 * hashed(self.rows, STREAM_Y)).reshape(-1, 1).astype(np.float32)


class Actors:
    """Networks and transitions of one case of ACTORS as numpy arrays; `critics` are one or two."""

    def __init__(self, name):
        self.name = name
        self.twins, self.leads = ACTORS[name]
        self.actor_widths = [OBS, *HIDDEN, 2 * ACTION if self.twins else ACTION]
        self.critic_widths = [OBS + ACTION, *HIDDEN, 1]
        self.actor, self.critics = self.networks(STREAM_WEIGHT)
        self.actor_target, self.critics_target = self.networks(STREAM_TARGET)
        obs = hashed((CAPACITY + 1) * OBS, STREAM_X).reshape(-1, OBS).astype(np.float32)
        self.replay = dict(
            obs=obs[:-1],
            next_obs=obs[1:],
            action=hashed(CAPACITY * ACTION, STREAM_V).reshape(-1, ACTION).astype(np.float32),
            reward=hashed(CAPACITY, STREAM_Y).astype(np.float32),
            not_done=(np.arange(CAPACITY) % 50 != 49).astype(np.float32),
        )
        self.noise = hashed(2 * BATCH * ACTION, STREAM_NOISE).reshape(2, BATCH, ACTION).astype(np.float32)

    def networks(self, stream):
        def count(widths):
            return sum((i + 1) * o for i, o in zip(widths, widths[1:]))

        one, critics = count(self.critic_widths), 2 if self.twins else 1
        flat = hashed(critics * one, stream)
        parts = [layout(flat[k * one : (k + 1) * one], self.critic_widths, True) for k in range(critics)]
        return layout(hashed(count(self.actor_widths), stream), self.actor_widths, True), parts


class Proximal:
    """Networks and the rollout of PPO as numpy arrays."""

    def __init__(self):
        self.actor, self.critic = (
            layout(hashed(sum((i + 1) * o for i, o in zip(widths, widths[1:])), STREAM_WEIGHT), widths, True)
            for widths in (ACTOR_WIDTHS, CRITIC_WIDTHS)
        )
        advantage, value = hashed(ROLLOUT, STREAM_Y), hashed(ROLLOUT, STREAM_TARGET)
        columns = dict(
            obs=hashed(ROLLOUT * ACTOR_WIDTHS[0], STREAM_X).reshape(ROLLOUT, -1),
            log_prob=math.log(0.5) + 0.1 * hashed(ROLLOUT, STREAM_NOISE),
            advantage=advantage,
            value=value,
            returns=advantage + value,
        )
        self.rollout = {key: column.astype(np.float32) for key, column in columns.items()}
        self.rollout["action"] = (hashed(ROLLOUT, STREAM_V) >= 0).astype(np.int64)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--case", default="", help="only the cases whose name contains this text, or =NAME")
    parser.add_argument("--seconds", type=float, default=0.5, help="of measurement per form of a case")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check", help="file that ./bench --check wrote")
    return parser.parse_args()


def measure(call, seconds, inner=1):
    """Repetitions per second: the median over samples of half a millisecond or of one call, as ./bench does
    it. `call` does `inner` repetitions and waits for their result."""
    aim, n = min(0.0005, seconds / 16), 1
    end = time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        for _ in range(n):
            call()
        spent = time.perf_counter() - start
        if spent >= 0.75 * aim or time.perf_counter() >= end:
            break
        n = math.ceil(n * min(max(aim / max(spent, 1e-9), 2), 100))
    samples = []
    while time.perf_counter() < end or not samples:
        start = time.perf_counter()
        for _ in range(n):
            call()
        samples.append(time.perf_counter() - start)
    return n * inner / statistics.median(samples)


class Report:
    """Rows program,threads,group,case,form,value on stdout; what does not agree with ours, on stderr."""

    def __init__(self, program, options):
        self.program, self.options, self.ours, self.wrong = program, options, {}, 0
        self.out = csv.writer(sys.stdout, lineterminator="\n")
        if options.check:
            with open(options.check, newline="") as file:
                for row in csv.DictReader(file):
                    case = self.ours.setdefault((row["group"], row["case"]), {})
                    case[row["entry"]] = float(row["value"])

    def row(self, group, case, form, value):
        self.out.writerow([self.program, self.options.threads, group, case, form, f"{value:.6g}"])
        sys.stdout.flush()

    def compare(self, group, case, form, layers):
        """Every entry that ours shows must agree to 1e-4 of it, or of a typical entry where it is small."""
        ours = self.ours.get((group, case))
        if ours is None:
            return
        flat = np.concatenate([np.asarray(part, np.float64).ravel() for layer in layers for part in layer])
        norm = float(np.linalg.norm(flat))
        typical = norm / math.sqrt(flat.size)
        worst, where = 0.0, ""
        for entry, value in ours.items():
            if entry in ("loss", "steps"):
                continue
            theirs = norm if entry == "norm" else flat[int(entry)]
            error = abs(theirs - value) / max(abs(value), typical)
            if not error <= worst:
                worst, where = error, f"entry {entry}: {theirs:.8g}, ours {value:.8g}"
        if not worst <= TOLERANCE:
            self.wrong += 1
            print(f"{self.program} {form}: {group} {case} differs by {worst:.2g} ({where})", file=sys.stderr)

    def status(self):
        return 1 if self.wrong else 0
