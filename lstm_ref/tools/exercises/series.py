"""An LSTM that predicts a series of numbers, one step ahead and many, next to plain baselines."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.lstm import lstm
from lstm_ref.params import Array, LSTMParams, get_lstm_params, init_lstm_state
from lstm_ref.series import series_loss_and_grads
from lstm_ref.tools.exercises.study import Case, grouped, rounded, spread
from lstm_ref.tools.markdown import lines
from lstm_ref.training import grad_clipping, sgd
from lstm_ref.usage import check_installed

SETTINGS: Case = {
    "series": {"sine": 600, "sunspots": 200}, "num_hiddens": 16, "num_steps": 16, "batch_size": 16, "theta": 1.0,
    "lr": 0.5, "updates": 1500, "look": 50, "validated": 0.2, "orders": [1, 2, 4, 8, 16],
    "ahead": [1, 4, 16, 64]}
SMALL: Case = SETTINGS | {"series": {"sine": 300}, "num_hiddens": 3, "num_steps": 8, "batch_size": 4, "updates": 4,
                          "look": 2, "orders": [1, 4, 8], "ahead": [1, 4]}
TABLES = ("series",)
TITLES = {"sine": "noisy sine", "sunspots": "sunspots"}
AXES = {"sine": ("step", "value"), "sunspots": ("years after 1700", "sunspots of the year")}
PREDICTORS = {"lstm": "LSTM", "autoregression": "linear autoregression", "last": "last value", "mean": "training mean"}


def check(settings: Case) -> None:
    """See that the real series can be had, before anything is measured.

    Raises:
        ImportError: statsmodels, which it ships inside, is missing.
    """
    if "sunspots" in settings["series"]:
        check_installed("statsmodels.api", "series", "the exercise series, for the yearly sunspots")


def series(name: str, seed: int) -> Array:
    """A series as a row of numbers.

    Args:
        name: 'sine' is sin(0.01 t) with noise of a standard deviation of 0.2, 1,000 points; 'sunspots' those of each
            year from 1700 to 2008, 309 points, which statsmodels ships.
        seed: of the noise.
    """
    if name == "sine":
        return np.sin(0.01 * np.arange(1, 1001)) + np.random.default_rng(seed).normal(0, 0.2, 1000)
    from statsmodels.datasets import sunspots

    return np.asarray(sunspots.load_pandas().data["SUNACTIVITY"], np.float64)


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """Every series, for every seed."""
    return [{"series": name, "seed": seed} for name in settings["series"] for seed in seeds]


def windows(values: Array, length: int) -> Array:
    """All stretches of a length, (their number, length)."""
    return np.lib.stride_tricks.sliding_window_view(values, length)


def forecast(params: LSTMParams, given: Array, steps: int) -> Array:
    """What the LSTM predicts after windows, (n, num_steps), reading its own predictions behind them: (n, steps)."""
    state = init_lstm_state(len(given), len(params.W_hq), given.dtype)
    outputs, state = lstm(given.T[:, :, None], state, params)
    found = [outputs[-len(given):]]
    for _ in range(steps - 1):
        outputs, state = lstm(found[-1][None], state, params)
        found.append(outputs)
    return np.concatenate(found, axis=1)


def autoregress(coefficients: Array, given: Array, steps: int) -> Array:
    """Likewise of a linear autoregression: its constant, then the weights of the values before, the oldest first."""
    order, values = len(coefficients) - 1, given
    for _ in range(steps):
        ahead = coefficients[0] + values[:, -order:] @ coefficients[1:]
        values = np.concatenate([values, ahead[:, None]], axis=1)
    return values[:, -steps:]


def fitted(values: Array, order: int) -> Array:
    """The coefficients of an autoregression by least squares."""
    rows = windows(values, order + 1)
    found: Array = np.linalg.lstsq(np.insert(rows[:, :-1], 0, 1, axis=1), rows[:, -1], rcond=None)[0]
    return found


def trained(values: Array, check: Array, settings: Case, seed: int) -> tuple[LSTMParams, list[dict[str, Any]]]:
    """Train on windows of a series drawn at random; the parameters at the look with the least error on `check`.

    Args:
        values: the series.
        check: windows, (n, num_steps + 1), whose last value is predicted.
        settings: of the training.
        seed: of the weights and of the windows.
    """
    T, B = settings["num_steps"], settings["batch_size"]
    rng, rows = np.random.default_rng(seed), windows(values, T + 1)
    params, looks = get_lstm_params(1, settings["num_hiddens"], rng, values.dtype), list[dict[str, Any]]()
    best, losses = params, list[float]()
    for update in range(1, settings["updates"] + 1):
        batch = rows[rng.integers(len(rows), size=B)].T
        loss, grads, _ = series_loss_and_grads(
            batch[:-1, :, None], init_lstm_state(B, settings["num_hiddens"], values.dtype), params,
            batch[1:].reshape(-1, 1))
        params = sgd(params, grad_clipping(grads, settings["theta"]), settings["lr"])
        losses.append(float(loss))
        if update % settings["look"] == 0:
            error = rms(forecast(params, check[:, :-1], 1)[:, 0] - check[:, -1])
            if not looks or error < min(look["error"] for look in looks):
                best = params
            looks.append({"update": update, "training": rms(np.sqrt(losses)), "error": error})
            losses.clear()
    return best, looks


def rms(errors: Any) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Root mean square errors on the end of a series, in its units, for each distance, of the LSTM and the baselines.

    The last fifth of the training part says how long the LSTM is trained and how many values the autoregression reads;
    neither has seen the end.
    """
    whole, split = series(case["series"], case["seed"]), settings["series"][case["series"]]
    mean, scale = whole[:split].mean(), whole[:split].std()
    values = ((whole - mean) / scale).astype(np.float32)
    T, longest = settings["num_steps"], max(settings["ahead"])
    fit = split - round(settings["validated"] * split)
    check = windows(values[fit - T:split], T + 1)
    start = time.process_time()
    params, looks = trained(values[:fit], check, settings, case["seed"])
    seconds = time.process_time() - start
    exact = values.astype(np.float64)
    order = min(settings["orders"], key=lambda p: rms(autoregress(
        fitted(exact[:fit], p), windows(exact[fit - T:split], T + 1)[:, :-1], 1)[:, 0] - exact[fit:split]))
    given, truth = windows(values[split - T:-1], T), values[split:]
    guesses = {"lstm": forecast(params, given, longest),
               "autoregression": autoregress(fitted(exact[:fit], order), given.astype(np.float64), longest),
               "last": np.repeat(given[:, -1:], longest, axis=1), "mean": np.zeros((len(given), longest))}
    found = {name: {k: guess[:len(truth) - k + 1, k - 1] for k in settings["ahead"]} for name, guess in guesses.items()}
    errors = {name: {str(k): float(scale) * rms(guess - truth[k - 1:]) for k, guess in ahead.items()}
              for name, ahead in found.items()}
    return {"errors": errors, "order": order, "looks": looks,
            "best": min(looks, key=lambda look: look["error"])["update"], "training": seconds,
            "values": rounded(whole[split - T:].tolist()),
            "predicted": {name: {str(k): rounded((mean + scale * guess).tolist()) for k, guess in found[name].items()}
                          for name in ("lstm", "autoregression")}}


def tables(data: Case) -> dict[str, str]:
    """The errors over the distance."""
    ahead, body = data["settings"]["ahead"], []
    for (name,), runs in grouped(data["results"], "series").items():
        for key, title in PREDICTORS.items():
            more = {"lstm": f", stopped after {statistics.median(run['best'] for run in runs):g} updates (median)",
                    "autoregression": f" of order {', '.join(sorted({str(run['order']) for run in runs}, key=int))}"}
            body.append([TITLES[name], title + more.get(key, ""), *(
                spread([run["errors"][key][str(k)] for run in runs], ".3g") for k in ahead)])
    return {"series": lines(["series", "predictor", *(f"{k} ahead" for k in ahead)], body)}


def draw(data: Case) -> Any:
    """The first seed's predictions over the end of each series, and all errors over the distance."""
    from matplotlib.figure import Figure

    ahead, T = data["settings"]["ahead"], data["settings"]["num_steps"]
    found = grouped(data["results"], "series")
    figure = Figure(figsize=(12, 3.6 * len(found)), layout="constrained")
    panels = figure.subplots(len(found), 3, squeeze=False, width_ratios=(1, 1, 0.8))
    for row, ((name,), runs) in zip(panels, found.items(), strict=True):
        run, split = runs[0], data["settings"]["series"][name]
        for panel, k in zip(row, (ahead[0], ahead[-2]), strict=False):
            times = np.arange(len(run["values"])) + split - T
            panel.plot(times, run["values"], color="0.75", linewidth=0.9, label="the series")
            for i, key in enumerate(("lstm", "autoregression")):
                guess = run["predicted"][key][str(k)]
                panel.plot(split + k - 1 + np.arange(len(guess)), guess, f"C{i}", linewidth=0.9, label=PREDICTORS[key])
            panel.set(title=f"{TITLES[name]}, {k} ahead", xlabel=AXES[name][0], ylabel=AXES[name][1])
        for i, (key, title) in enumerate(PREDICTORS.items()):
            for n, each in enumerate(runs):
                row[2].plot(ahead, [each["errors"][key][str(k)] for k in ahead], f"C{i}", marker="o", markersize=3,
                            linewidth=0.9, label=None if n else title)
        row[2].set(title=f"{TITLES[name]}, how far off", xlabel="steps ahead", xscale="log", ylim=(0, None),
                   ylabel="root mean square error, of the same unit")
        row[2].set_xticks(ahead, [str(k) for k in ahead])
        row[2].minorticks_off()
        for panel in row:
            panel.grid(alpha=0.3)
            panel.legend(fontsize=8)
    return figure
