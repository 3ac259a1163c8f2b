"""Prints control_golden.h: trajectories of Gymnasium's own classic control environments.

    pip install gymnasium==1.4.0 numpy==2.4.6
    python3 tests/control_golden.py >tests/control_golden.h

An action is one character: '0' + index of a discrete one; of a box, (c - 'm') / 4 from 'a' to 'z', which is
exact in float and goes beyond every box here. The last character of a script is repeated.
"""

import random
from importlib.metadata import version

import gymnasium
import numpy as np

IDS = {
    "cartpole": "CartPole-v1",
    "pendulum": "Pendulum-v1",
    "mountaincar-continuous": "MountainCarContinuous-v0",
    "acrobot": "Acrobot-v1",
}
ROWS = 16  # about so many situations of a run are kept
WIDTH = 90  # characters of a script per line


def decode(env, c):
    if isinstance(env.action_space, gymnasium.spaces.Discrete):
        return ord(c) - ord("0")
    return np.array([(ord(c) - ord("m")) / 4], dtype=np.float32)


def play(name, start, choose):
    """One episode: the characters chosen, and (state, return) after every step."""
    env = gymnasium.make(IDS[name])
    env.reset(seed=0)
    # What Gymnasium's mountain car keeps is single from the first step on.
    env.unwrapped.state = np.array(start, dtype=np.float32 if name.startswith("mountaincar") else float)
    script, rows, total, over = "", [], 0.0, False
    while not over:
        c = choose(env.unwrapped.state, len(script))
        _, reward, terminated, truncated, _ = env.step(decode(env, c))
        total += float(reward)
        script += c
        rows.append(([float(v) for v in env.unwrapped.state], total))
        over = terminated or truncated
    return script, rows, terminated


def chance(letters, hold, seed):
    """Random characters, each held for `hold` steps."""
    stream = random.Random(seed)
    drawn = [stream.choice(letters) for _ in range(1000)]
    return lambda _, t: drawn[t // hold]


def balance(s, t):
    """Keeps the pole up for the whole episode, swaying."""
    return "1" if s[2] + 0.3 * s[3] + 0.05 * s[0] + 0.1 * s[1] + 0.02 * ((t * 7) % 5 - 2) > 0 else "0"


RUNS = [
    ("cartpole", [0.01, 0.0, 0.02, 0.0], lambda s, t: "1"),
    ("cartpole", [-0.04, 0.03, -0.02, 0.01], chance("01", 1, 1)),
    ("cartpole", [0.03, -0.02, 0.04, -0.01], balance),
    ("pendulum", [1.0, 0.5], lambda s, t: "u"),
    ("pendulum", [3.0, -0.75], chance("abcdefghijklmnopqrstuvwxyz", 1, 2)),
    ("pendulum", [-2.0, 1.0], lambda s, t: "z" if s[1] > 0 else "a"),
    ("mountaincar-continuous", [-0.5, 0.0], lambda s, t: "m"),
    ("mountaincar-continuous", [-0.45, 0.0], chance("abcdefghijklmnopqrstuvwxyz", 1, 3)),
    ("mountaincar-continuous", [-0.45, 0.0], chance("jklmnop", 40, 8)),
    ("mountaincar-continuous", [-0.55, 0.01], lambda s, t: "r" if s[1] >= 0 else "h"),
    ("mountaincar-continuous", [-1.1, -0.06], lambda s, t: "n"),
    ("mountaincar-continuous", [0.5, -0.02], lambda s, t: "o"),
    ("acrobot", [0.05, -0.03, 0.02, -0.08], lambda s, t: "2"),
    ("acrobot", [-0.07, 0.01, 0.09, 0.04], chance("012", 1, 4)),
    ("acrobot", [0.02, 0.06, -0.05, 0.0], chance("012", 4, 5)),
    ("acrobot", [0.01, -0.04, 0.03, 0.02], lambda s, t: "2" if s[3] > 0 else "0"),
    ("acrobot", [2.0, -1.5, 3.0, -2.0], chance("012", 2, 6)),
    # These come to the bounds of both speeds.
    ("acrobot", [1.2, -1.3, 7.8, 19.6], lambda s, t: "2"),
    ("acrobot", [2.5, 2.6, -2.1, -22.4], lambda s, t: "2"),
]


def shorten(script):
    return script.rstrip(script[-1]) + script[-1]


def number(x):
    return repr(float(x))


def kept(steps):
    every = max(1, steps // ROWS)
    return sorted({1, 2, 3, steps} | set(range(every, steps + 1, every)))


def put_run(k, name, start, choose):
    script, rows, terminated = play(name, start, choose)
    script = shorten(script)
    print(f"static const control_row CONTROL_ROWS_{k}[] = {{")
    for t in kept(len(rows)):
        state, total = rows[t - 1]
        print(f"  {{{t}, {{{', '.join(map(number, state))}}}, {number(total)}}},")
    print("};\n")
    lines = [script[i : i + WIDTH] for i in range(0, len(script), WIDTH)]
    text = "\n     ".join(f'"{line}"' for line in lines)
    return (
        f'    {{"{name}", "{":".join(map(number, start))}",\n     {text},\n'
        f"     {len(rows)}, {str(bool(terminated)).lower()}, CONTROL_ROWS_{k},\n"
        f"     sizeof CONTROL_ROWS_{k} / sizeof *CONTROL_ROWS_{k}}},"
    )


print(
    "/* control_golden.h: trajectories of Gymnasium's classic control environments; made by\n"
    f" * control_golden.py with gymnasium {version('gymnasium')} and numpy {version('numpy')}. */\n"
    "#ifndef CONTROL_GOLDEN_H\n#define CONTROL_GOLDEN_H\n\n#include <stdbool.h>\n#include <stddef.h>\n\n"
    "/* The situation after so many steps, and the return up to there. */\n"
    "typedef struct control_row {\n    int step;\n    double state[4], total;\n} control_row;\n\n"
    "typedef struct control_run {\n    const char *env, *start;\n"
    "    const char *script; /* one character per step, the last one repeated */\n"
    "    int steps;\n    bool terminated; /* else cut off at the horizon */\n"
    "    const control_row *row;\n    size_t rows;\n} control_run;\n"
)
table = [put_run(k, *run) for k, run in enumerate(RUNS)]
print("static const control_run CONTROL_RUNS[] = {")
print("\n".join(table))
print("};\n\n#endif")
