"""Wind direction by the hour of the day
=====================================

Wind direction by the hour of the day: a conditional density, what it says at each hour, and how sure that is.

A valley wind blows up by day and down by night; the hours and the directions are drawn here, so the answer is known.
"""

import argparse

import numpy as np
import pandas as pd
from scipy.stats import vonmises

import torusflow as tfl

UP, DOWN, SHARP = 200.0, 20.0, 4.0  # directions in degrees, and the concentration about each


def share_of_day_wind(hour):
    """How often the wind blows up the valley: mostly at 14 h, seldom at 2 h."""
    return 0.5 + 0.4 * np.cos(2 * np.pi * (hour - 14) / 24)


def exact(hour, direction):
    """The density of the direction given the hour, per degree."""
    up, down = (vonmises.pdf(np.radians(direction - centre), SHARP) for centre in (UP, DOWN))
    share = share_of_day_wind(hour)
    return (share * up + (1 - share) * down) * np.pi / 180


def draw(n, rng):
    """Hours, more of them by day as stations have it, and directions."""
    hour = (13 + rng.vonmises(0.0, 0.5, n) * 12 / np.pi) % 24
    centre = np.where(rng.random(n) < share_of_day_wind(hour), UP, DOWN)
    return pd.DataFrame({"hour": hour, "direction": (centre + np.degrees(rng.vonmises(0.0, SHARP, n))) % 360})


def main(arguments=None):
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--fits", type=int, default=50, help="of resampled rows, for the band")
    parser.add_argument("-o", "--output", default="out/wind_by_hour.png")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    rows, new = draw(options.rows, rng), draw(5000, rng)
    density = tfl.TorusDensity(period=["hours", "degrees"], given="hour").fit(rows)
    gap = np.mean(np.log(exact(new.hour, new.direction))) - density.score(new) / len(new)
    print(density)
    print(f"{gap:.3f} nats a row below the truth, on {len(new)} new rows")

    up, hours = np.arange(110.0, 290.0, 5.0), np.arange(0.0, 24.0, 3.0)

    def day_wind(fit):
        """The probability of a direction within 90 degrees of up the valley, for each hour."""
        at = pd.DataFrame([(hour, direction) for hour in hours for direction in up], columns=rows.columns)
        return 5.0 * np.exp(fit.score_samples(at)).reshape(len(hours), -1).sum(axis=1)

    low, high = density.bootstrap(options.fits, random_state=0).band(day_wind)
    print("hour   up the valley   90 % band      truth")
    truth = [5.0 * exact(hour, up).sum() for hour in hours]
    for hour, p, a, b, true in zip(hours, day_wind(density), low, high, truth, strict=True):
        print(f"{hour:4.0f}   {p:13.3f}   {a:.3f}..{b:.3f}   {true:.3f}")

    tfl.plotting.save(density.plot(), options.output, overwrite=True)
    print(f"picture: {options.output}")
    return gap, np.mean((low <= truth) & (truth <= high))


if __name__ == "__main__":
    main()
