"""Settings of the paper's algorithms for the common tests."""

from cases import Case

FREE = {"strength": 0.0}
IMAGES = {"height": 1, "fields": 3, "strength": 0.1}

CASES = {
    "gradient_norm": Case(sample={"strength": 0.1}, inert=FREE),
    "adversarial_norm": Case(sample={"radius": 0.3}, inert=FREE),
    "loss_gradient": Case(sample={"strength": 0.1}, inert=FREE),
    "tikhonov": Case(sample={"strength": 0.1}, inert=FREE),
    "total_variation": Case(sample={"strength": 0.1}, inert=FREE),
    "graph_smoothness": Case(sample={"strength": 0.1}, inert=FREE),
    "deformation_norm": Case(sample=IMAGES, noise_free=FREE, inert=FREE),
    "tangent_norm": Case(sample=IMAGES, noise_free=FREE, inert=FREE),
    "spectral_penalty": Case(sample={"strength": 0.1}, inert=FREE),
    "spectral_projection": Case(sample={"limit": 1.5, "decay": 2.0}, inert={"limit": 100.0}),
    "adversarial_training": Case(
        sample={"radius": 0.2, "start": "random"},
        noise_free={"start": "zero"},
        inert={"radius": 0.0},
    ),
}
