"""The losses on densities, listed once: what holds for one is tested for all."""

from torusflow import losses

DENSITY_LOSSES = {
    "SquaredL2": losses.SquaredL2,
    "L2": losses.L2,
    "KL": losses.KullbackLeibler,
    "reverse KL": lambda target: losses.KullbackLeibler(target, reverse=True),
    "MMD 0": lambda target: losses.SobolevMMD(target, order=0),
    "MMD 1.5": lambda target: losses.SobolevMMD(target, order=1.5),
    "MMD 2.5 squared": lambda target: losses.SobolevMMD(target, order=2.5, length=0.2, squared=True),
}
