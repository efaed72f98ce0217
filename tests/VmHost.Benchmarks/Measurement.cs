namespace VmHost.Benchmarks;

/// <summary>One row of a report. Its JSON form is what other programs read: names there do not change.</summary>
internal sealed record Measurement
{
    /// <summary>A short id that stays the same, for example P1.</summary>
    public required string Id { get; init; }

    public required string Metric { get; init; }

    public required string Unit { get; init; }

    /// <summary>Median over the pairs, VmHost's side.</summary>
    public required double Value { get; init; }

    /// <summary>Median over the pairs, of the raw thing in the same run; null where there is none.</summary>
    public double? Raw { get; init; }

    /// <summary>Median of each pair's value divided by its raw.</summary>
    public double? Ratio { get; init; }

    public required int Pairs { get; init; }

    /// <summary>Lower quartile, median and upper quartile of what <see cref="AimOf"/> names, over the pairs.</summary>
    public required IReadOnlyList<double> Quartiles { get; init; }

    /// <summary>Whether all bytes that passed were the right ones; null where none were to pass.</summary>
    public bool? HashOk { get; init; }

    /// <summary>The most that is good.</summary>
    public required double Aim { get; init; }

    /// <summary>What the aim is compared with: "value", "ratio", or "difference" (value less raw).</summary>
    public required string AimOf { get; init; }

    public bool Met => Quartiles[1] <= Aim;

    /// <summary>Where there is no raw thing.</summary>
    internal static Measurement Alone(string id, string metric, string unit, IReadOnlyCollection<double> values, double aim) =>
        new()
        {
            Id = id,
            Metric = metric,
            Unit = unit,
            Value = Statistics.Median(values),
            Pairs = values.Count,
            Quartiles = Statistics.Quartiles(values),
            Aim = aim,
            AimOf = "value",
        };

    /// <param name="id">As in <see cref="Id"/>.</param>
    /// <param name="metric">What was measured.</param>
    /// <param name="unit">Of value and raw.</param>
    /// <param name="pairs">What was measured, pair by pair.</param>
    /// <param name="aimOf">As in <see cref="AimOf"/>.</param>
    /// <param name="aim">As in <see cref="Aim"/>.</param>
    /// <param name="hashOk">As in <see cref="HashOk"/>.</param>
    internal static Measurement Of(
        string id, string metric, string unit, IReadOnlyList<Pair> pairs, string aimOf, double aim, bool? hashOk) =>
        new()
        {
            Id = id,
            Metric = metric,
            Unit = unit,
            Value = Statistics.Median(pairs.Select(pair => pair.Value)),
            Raw = Statistics.Median(pairs.Select(pair => pair.Raw)),
            Ratio = Statistics.Median(pairs.Select(pair => pair.Value / pair.Raw)),
            Pairs = pairs.Count,
            Quartiles = Statistics.Quartiles(pairs.Select(pair => aimOf switch
            {
                "ratio" => pair.Value / pair.Raw,
                "difference" => pair.Value - pair.Raw,
                _ => pair.Value,
            })),
            AimOf = aimOf,
            Aim = aim,
            HashOk = hashOk,
        };
}

/// <summary>The raw thing and VmHost, measured one right after the other.</summary>
internal readonly record struct Pair(double Raw, double Value);
