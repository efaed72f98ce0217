using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VmHost.Machines;
using VmHost.Specs;

namespace VmHost.Daemon.Api.Listing;

/// <summary>The place of a machine in the order of a list. The default is before all.</summary>
/// <param name="Created">Time of creation, in ticks of UTC; 0 where it is not known.</param>
/// <param name="Id">The id of the machine.</param>
internal readonly record struct PageToken(long Created, string? Id)
{
    private const char Separator = ':';

    /// <summary>By creation, and by id where that is the same.</summary>
    internal static readonly IComparer<PageToken> Order = Comparer<PageToken>.Create(static (one, other) =>
        one.Created != other.Created ? one.Created.CompareTo(other.Created) : string.CompareOrdinal(one.Id, other.Id));

    internal static PageToken Of(MachineSnapshot snapshot) => new(snapshot.CreatedAt?.UtcTicks ?? 0, snapshot.Id);

    /// <summary>Reads what <see cref="ToText"/> wrote; empty text is the default.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: it is not a token, or belongs to another filter.</exception>
    internal static PageToken Parse(string text, string filter)
    {
        if (text.Length == 0)
            return default;

        if (!Base64Url.IsValid(text) || Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)).Split(Separator) is not [var created, var id, var digest]
            || !long.TryParse(created, NumberStyles.None, CultureInfo.InvariantCulture, out var ticks))
        {
            throw VmHostException.ForFaults([new("page_token", "is not a token of this list; give next_page_token of the page before, or none for the first page")]);
        }

        return digest == DigestOf(filter)
            ? new(ticks, id)
            : throw VmHostException.ForFaults([new("page_token", "belongs to a list with another filter; give the same filter for all pages")]);
    }

    internal string ToText(string filter) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Created}{Separator}{Id}{Separator}{DigestOf(filter)}")));

    private static string DigestOf(string filter) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(filter)).AsSpan(0, 4));
}
