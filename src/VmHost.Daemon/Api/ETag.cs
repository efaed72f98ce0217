using System.Globalization;
using VmHost.Machines;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>The etag of a machine: the revision of what clients can set.</summary>
internal static class ETag
{
    private const string Prefix = "r";

    internal static string Of(MachineSnapshot snapshot) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{snapshot.Revision}");

    /// <summary>The revision; null where any will do.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: it is no etag of a machine.</exception>
    internal static long? Parse(string etag)
    {
        if (etag.Length == 0)
            return null;

        return etag.StartsWith(Prefix, StringComparison.Ordinal) && long.TryParse(etag.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
            ? revision
            : throw VmHostException.ForFaults([new("etag", $"{Quoted.Text(etag)} is not the etag of a machine; pass Machine.etag unchanged, or leave it unset")]);
    }
}
