# SPDX-License-Identifier: Apache-2.0
"""python -m prognos run [options] script.py [arguments]"""

from prognos._run import main

main()
