"""Three linear least squares sets of NIST's Statistical Reference Datasets, and their truth.

Data and certified values: National Institute of Standards and Technology, "Statistical Reference
Datasets (StRD)", https://www.itl.nist.gov/div898/strd/lls/lls.shtml: Norris (lower level of
difficulty), Longley and Wampler1 (higher). NIST computed the values with 500 digits.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """Rows with the target last, and what a regression of it on all the others should say.

    Coefficients and their standard deviations have the intercept first.
    """

    name: str
    fields: tuple[str, ...]
    rows: list[tuple[float, ...]]
    coefficients: tuple[float, ...]
    standard_errors: tuple[float, ...]
    r2: float
    residual_sd: float


LONGLEY = Dataset(
    name="Longley",
    fields=("deflator", "gnp", "unemployed", "armed", "population", "year", "employed"),
    rows=[
        (83.0, 234289.0, 2356.0, 1590.0, 107608.0, 1947.0, 60323.0),
        (88.5, 259426.0, 2325.0, 1456.0, 108632.0, 1948.0, 61122.0),
        (88.2, 258054.0, 3682.0, 1616.0, 109773.0, 1949.0, 60171.0),
        (89.5, 284599.0, 3351.0, 1650.0, 110929.0, 1950.0, 61187.0),
        (96.2, 328975.0, 2099.0, 3099.0, 112075.0, 1951.0, 63221.0),
        (98.1, 346999.0, 1932.0, 3594.0, 113270.0, 1952.0, 63639.0),
        (99.0, 365385.0, 1870.0, 3547.0, 115094.0, 1953.0, 64989.0),
        (100.0, 363112.0, 3578.0, 3350.0, 116219.0, 1954.0, 63761.0),
        (101.2, 397469.0, 2904.0, 3048.0, 117388.0, 1955.0, 66019.0),
        (104.6, 419180.0, 2822.0, 2857.0, 118734.0, 1956.0, 67857.0),
        (108.4, 442769.0, 2936.0, 2798.0, 120445.0, 1957.0, 68169.0),
        (110.8, 444546.0, 4681.0, 2637.0, 121950.0, 1958.0, 66513.0),
        (112.6, 482704.0, 3813.0, 2552.0, 123366.0, 1959.0, 68655.0),
        (114.2, 502601.0, 3931.0, 2514.0, 125368.0, 1960.0, 69564.0),
        (115.7, 518173.0, 4806.0, 2572.0, 127852.0, 1961.0, 69331.0),
        (116.9, 554894.0, 4007.0, 2827.0, 130081.0, 1962.0, 70551.0),
    ],
    coefficients=(
        -3482258.63459582,
        15.0618722713733,
        -0.358191792925910e-01,
        -2.02022980381683,
        -1.03322686717359,
        -0.511041056535807e-01,
        1829.15146461355,
    ),
    standard_errors=(
        890420.383607373,
        84.9149257747669,
        0.334910077722432e-01,
        0.488399681651699,
        0.214274163161675,
        0.226073200069370,
        455.478499142212,
    ),
    r2=0.995479004577296,
    residual_sd=304.854073561965,
)

NORRIS = Dataset(
    name="Norris",
    fields=("x", "y"),
    rows=[
        (0.2, 0.1), (337.4, 338.8), (118.2, 118.1), (884.6, 888.0), (10.1, 9.2), (226.5, 228.1),
        (666.3, 668.5), (996.3, 998.5), (448.6, 449.1), (777.0, 778.9), (558.2, 559.2), (0.4, 0.3),
        (0.6, 0.1), (775.5, 778.1), (666.9, 668.8), (338.0, 339.3), (447.5, 448.9), (11.6, 10.8),
        (556.0, 557.7), (228.1, 228.3), (995.8, 998.0), (887.6, 888.8), (120.2, 119.6), (0.3, 0.3),
        (0.3, 0.6), (556.8, 557.6), (339.1, 339.3), (887.2, 888.0), (999.0, 998.5), (779.0, 778.9),
        (11.1, 10.2), (118.3, 117.6), (229.2, 228.9), (669.1, 668.4), (448.9, 449.2), (0.5, 0.2),
    ],
    coefficients=(-0.262323073774029, 1.00211681802045),
    standard_errors=(0.232818234301152, 0.429796848199937e-03),
    r2=0.999993745883712,
    residual_sd=0.884796396144373,
)  # fmt: skip

WAMPLER1 = Dataset(
    name="Wampler1",
    fields=("x", "x2", "x3", "x4", "x5", "y"),
    rows=[
        (*(float(x**power) for power in range(1, 6)), float(sum(x**power for power in range(6))))
        for x in range(21)
    ],
    coefficients=(1.0,) * 6,
    standard_errors=(0.0,) * 6,
    r2=1.0,
    residual_sd=0.0,
)
