"""All cases, and what is known to come of those that are not right."""

from tests.packages import (
    astronomy,
    chemistry,
    estimation,
    finance,
    fluid_mechanics,
    geodesy,
    optics,
    robotics,
    solar,
    statistics,
    water,
    weather,
)
from tests.packages.not_right import FAULTS, REFUSED

FIELDS = (astronomy, chemistry, estimation, finance, fluid_mechanics, geodesy, optics, robotics, solar, statistics, water, weather)
CASES = [case for field in FIELDS for case in field.CASES]
REFUSED_FOR = {title: words for words, titles in REFUSED.items() for title in titles}
FAULTS_OF = {title: words for words, titles in FAULTS.items() for title in titles}
