using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace VmHost.Daemon.Hosting.Authority;

/// <summary>
/// Rewrites the values of <c>:authority</c> and <c>host</c> in the header blocks of one connection (HPACK, RFC 7541), so that any
/// value a client sends is one that Kestrel accepts. It needs no dynamic table: a value is replaced by one that is not longer, in
/// the same representation, so that each entry of the server's table is at most as large as the client's. The server's table then
/// evicts later than the client's, and every index means the same to both. A value whose name comes from the dynamic table passes
/// untouched: encoders take the name from the static table.
/// </summary>
internal sealed class HeaderBlock
{
    // RFC 7541: what an entry counts beside its octets, and the size of a table until the client announces another.
    private const int EntryOverhead = 32;
    private const int InitialTableSize = 4096;

    private const int StaticAuthority = 1;
    private const int StaticHost = 38;

    private static ReadOnlySpan<byte> Authority => ":authority"u8;

    private static ReadOnlySpan<byte> Host => "host"u8;

    // The same names in the Huffman code, which has one encoding for each string.
    private static ReadOnlySpan<byte> EncodedAuthority => [0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f];

    private static ReadOnlySpan<byte> EncodedHost => [0x9c, 0xe8, 0x4f];

    private static ReadOnlySpan<byte> Replacement => "localhost"u8;

    private int _tableSize = InitialTableSize;

    /// <summary>Rewrites one block.</summary>
    /// <param name="block">Complete: the fragments of a HEADERS frame and its CONTINUATIONs.</param>
    /// <param name="rewritten">The new block.</param>
    /// <returns>False if there was nothing to replace, or the block is malformed: then it is the server's as it is.</returns>
    internal bool TryRewrite(ReadOnlySpan<byte> block, [NotNullWhen(true)] out ArrayBufferWriter<byte>? rewritten)
    {
        rewritten = null;
        var copied = 0;
        var reader = new HpackReader(block);
        while (!reader.IsAtEnd)
        {
            var start = reader.Position;
            if (!reader.TryReadField(out var field))
                return false;

            if (field.Kind == HpackFieldKind.TableSize)
                _tableSize = field.Index;
            if (!field.HasValue || !IsHost(field))
                continue;
            if (field.Value.DecodedLength is not { } length)
                return false;

            rewritten ??= new ArrayBufferWriter<byte>(block.Length + Replacement.Length);
            rewritten.Write(block[copied..start]);
            WriteField(rewritten, block[start..reader.Position], field, length);
            copied = reader.Position;
        }

        rewritten?.Write(block[copied..]);
        return rewritten is not null;
    }

    private static bool IsHost(in HpackField field) =>
        field.Index switch
        {
            StaticAuthority or StaticHost => true,
            0 => field.Name.IsHuffman
                ? field.Name.Octets.SequenceEqual(EncodedAuthority) || field.Name.Octets.SequenceEqual(EncodedHost)
                : field.Name.Octets.SequenceEqual(Authority) || field.Name.Octets.SequenceEqual(Host),
            _ => false,
        };

    private void WriteField(ArrayBufferWriter<byte> to, ReadOnlySpan<byte> original, in HpackField field, int length)
    {
        var nameLength = field.Index == StaticHost || field.Name.DecodedLength == Host.Length ? Host.Length : Authority.Length;
        var value = Replacement[..Math.Min(length, Replacement.Length)];

        // Neither side adds an entry that is larger than the table. The smaller one would fit, so it must not be added.
        if (field.Kind == HpackFieldKind.Indexing && nameLength + length + EntryOverhead > _tableSize)
        {
            to.Write(WithoutIndexing(field.Index));
            to.Write(original[1..field.ValueStart]);
        }
        else
        {
            to.Write(original[..field.ValueStart]);
        }

        to.Write([(byte)value.Length]);
        to.Write(value);
    }

    // The begin of a literal that is not added to the table: four bits for the index of its name.
    private static ReadOnlySpan<byte> WithoutIndexing(int index) =>
        index switch
        {
            StaticHost => [0x0f, StaticHost - 0x0f],
            StaticAuthority => [StaticAuthority],
            _ => [0],
        };
}
