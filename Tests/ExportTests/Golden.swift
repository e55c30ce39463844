// SPDX-License-Identifier: Apache-2.0

/// The report that `TextTests.sample` gives.
enum Golden {
  static let unicode = """
    prognos 9.8.7 · host (pid 4711) · recorded 2.00 s · 506 calls of 4 operations in 3 threads
    process: CPU 42 % of all CPUs · resident 12.0 MiB · 3 threads · 17 open files · read 1.50 KiB, written 0 B

    OPERATION       CALLS    TOTAL  SHARE                 SELF      CPU      P50      P95      P99  FAILED
    serve           200+1   1.70 s  █████████▉ 98.8 %   41.2 %   64.7 %  6.00 ms  6.00 ms  6.00 ms       6
    ├─ query größe    100   800 ms  ████▋      46.5 %    100 %   25.0 %  8.00 ms  8.00 ms  8.00 ms
    └─ parse          200   200 ms  █▏         11.6 %    100 %    100 %  1.00 ms  1.00 ms  1.00 ms
    walk ↻3             6  20.0 ms  ▏           1.2 %    100 %    100 %  10.0 ms  10.0 ms  10.0 ms

    BY SELF TIME     SELF  SHARE              SELF CPU  WAITING  SLOWEST  CALLS/S  SWITCHES    WORK
    query größe    800 ms  ████▋      46.5 %    200 ms   600 ms  8.00 ms     50.0         0
    serve          700 ms  ████▏      40.7 %    700 ms     0 ns  6.00 ms      100       140  4.00 M
    parse          200 ms  █▏         11.6 %    200 ms     0 ns  1.00 ms      100         0
    walk          20.0 ms  ▏           1.2 %   20.0 ms     0 ns  10.0 ms     3.00         0

    FAILED  KIND     CALLS  OF ITS CALLS
    serve   timeout      4         2.0 %
    serve   refused      2         1.0 %

    in short:
      most CPU time: serve, 700 ms

    not as it should be:
      1 x begin nested too deep
      4 x call without path or histogram: the memory limit is reached

    """

  static let ascii = """
    prognos 9.8.7 | host (pid 4711) | recorded 2.00 s | 506 calls of 4 operations in 3 threads
    process: CPU 42 % of all CPUs | resident 12.0 MiB | 3 threads | 17 open files | read 1.50 KiB, written 0 B

    OPERATION       CALLS    TOTAL  SHARE                 SELF      CPU      P50      P95      P99  FAILED
    serve           200+1   1.70 s  ########## 98.8 %   41.2 %   64.7 %  6.00 ms  6.00 ms  6.00 ms       6
    |- query gr??e    100   800 ms  #####      46.5 %    100 %   25.0 %  8.00 ms  8.00 ms  8.00 ms
    `- parse          200   200 ms  #          11.6 %    100 %    100 %  1.00 ms  1.00 ms  1.00 ms
    walk x3             6  20.0 ms              1.2 %    100 %    100 %  10.0 ms  10.0 ms  10.0 ms

    BY SELF TIME     SELF  SHARE              SELF CPU  WAITING  SLOWEST  CALLS/S  SWITCHES    WORK
    query gr??e    800 ms  #####      46.5 %    200 ms   600 ms  8.00 ms     50.0         0
    serve          700 ms  ####       40.7 %    700 ms     0 ns  6.00 ms      100       140  4.00 M
    parse          200 ms  #          11.6 %    200 ms     0 ns  1.00 ms      100         0
    walk          20.0 ms              1.2 %   20.0 ms     0 ns  10.0 ms     3.00         0

    FAILED  KIND     CALLS  OF ITS CALLS
    serve   timeout      4         2.0 %
    serve   refused      2         1.0 %

    in short:
      most CPU time: serve, 700 ms

    not as it should be:
      1 x begin nested too deep
      4 x call without path or histogram: the memory limit is reached

    """
}
