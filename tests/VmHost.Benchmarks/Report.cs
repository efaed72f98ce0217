using System.Globalization;
using System.Text;
using System.Text.Json;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>A table for people, a file for programs.</summary>
internal static class Report
{
    private static readonly CompositeFormat Columns = CompositeFormat.Parse("{0,-19}{1,-74}{2,9}{3,9} {4,-4}{5,7}{6,26}{7,20}  {8}");

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    internal static void Print(IEnumerable<Measurement> rows)
    {
        Console.WriteLine(Format("ID", "METRIC", "VALUE", "RAW", "", "RATIO", "QUARTILES", "AIM", "MET"));
        foreach (var row in rows)
        {
            Console.WriteLine(Format(
                row.Id, row.Metric, Number(row.Value), Number(row.Raw), row.Unit, Number(row.Ratio),
                string.Join(" / ", row.Quartiles.Select(quartile => Number(quartile))),
                $"{row.AimOf} <= {Number(row.Aim)}",
                (row.Met ? "yes" : "no") + (row.HashOk == false ? ", but bytes differ" : "")));
        }
    }

    internal static async Task WriteAsync(string name, IReadOnlyList<Measurement> rows)
    {
        var directory = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "bench"));
        await File.WriteAllTextAsync(Path.Combine(directory.FullName, name + ".json"), JsonSerializer.Serialize(rows, Json) + "\n");
    }

    /// <summary>Writes what was received, and was not what had been sent, beside the reports.</summary>
    internal static void Keep(string name, byte[] received)
    {
        var directory = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "bench"));
        var path = Path.Combine(directory.FullName, name);
        File.WriteAllBytes(path, received);
        Console.WriteLine($"bytes differ: see {path}");
    }

    private static string Format(params object[] cells) => string.Format(CultureInfo.InvariantCulture, Columns, cells).TrimEnd();

    private static string Number(double? value) => value switch
    {
        null => "-",
        >= 100 => value.Value.ToString("0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.###", CultureInfo.InvariantCulture),
    };
}
