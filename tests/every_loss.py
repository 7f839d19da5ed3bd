"""The losses on densities, listed once: what holds for one is tested for all."""

from torusflow import losses

DENSITY_LOSSES = {
    "SquaredL2": losses.SquaredL2,
    "L2": losses.L2,
    "KL": losses.KullbackLeibler,
    "reverse KL": lambda target: losses.KullbackLeibler(target, reverse=True),
    "Hellinger": losses.Hellinger,
    "MMD 0": lambda target: losses.SobolevMMD(target, order=0),
    "MMD 1.5": lambda target: losses.SobolevMMD(target, order=1.5),
    "MMD 2.5 squared": lambda target: losses.SobolevMMD(target, order=2.5, length=0.2, squared=True),
    "Sinkhorn": lambda target: losses.Sinkhorn(target, epsilon=max(0.02, min(target.torus.shape) ** -2)),
    "sum": lambda target: losses.WeightedSum([losses.SquaredL2(target), losses.Hellinger(target)], [0.5, 2.0]),
}
