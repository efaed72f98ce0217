using System.Runtime.InteropServices;
using System.Text;

namespace VmHost.Daemon.Tests.Authority;

/// <summary>nghttp2's HPACK decoder: the server's side of a connection.</summary>
internal sealed partial class Nghttp2 : IDisposable
{
    private const string Library = "libnghttp2.so.14";
    private const int FlagFinal = 1;
    private const int FlagEmit = 2;

    private readonly nint _inflater;

    internal Nghttp2()
    {
        if (New(out _inflater) != 0)
            throw new InvalidOperationException("nghttp2_hd_inflate_new failed");
    }

    /// <summary>Decodes one header block.</summary>
    /// <exception cref="InvalidDataException">nghttp2 refuses it.</exception>
    internal List<(string Name, string Value)> Decode(byte[] block)
    {
        var headers = new List<(string, string)>();
        var offset = 0;
        while (true)
        {
            var read = Inflate(_inflater, out var header, out var flags, block.AsSpan(offset), (nuint)(block.Length - offset), 1);
            if (read < 0)
                throw new InvalidDataException($"nghttp2 error {read}");

            offset += (int)read;
            if ((flags & FlagEmit) != 0)
                headers.Add((Text(header.Name, header.NameLength), Text(header.Value, header.ValueLength)));
            if ((flags & FlagFinal) != 0)
                break;
            if ((flags & FlagEmit) == 0 && offset == block.Length)
                break;
        }

        _ = EndHeaders(_inflater);
        return headers;
    }

    public void Dispose() => Delete(_inflater);

    private static string Text(nint octets, nuint length)
    {
        var text = new byte[(int)length];
        Marshal.Copy(octets, text, 0, text.Length);
        return Encoding.Latin1.GetString(text);
    }

    [LibraryImport(Library, EntryPoint = "nghttp2_hd_inflate_new")]
    private static partial int New(out nint inflater);

    [LibraryImport(Library, EntryPoint = "nghttp2_hd_inflate_hd2")]
    private static partial nint Inflate(nint inflater, out Header header, out int flags, ReadOnlySpan<byte> block, nuint length, int isFinal);

    [LibraryImport(Library, EntryPoint = "nghttp2_hd_inflate_end_headers")]
    private static partial int EndHeaders(nint inflater);

    [LibraryImport(Library, EntryPoint = "nghttp2_hd_inflate_del")]
    private static partial void Delete(nint inflater);

    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        internal nint Name;
        internal nint Value;
        internal nuint NameLength;
        internal nuint ValueLength;
        internal byte Flags;
    }
}
